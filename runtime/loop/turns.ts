// When do signals, timers and callbacks get a turn? Between meta-steps and items, and within a call that takes long, every
// 50 or 100 ms.
// Once the run is to stop, a call may go on for a moment, in case that it is about to end; then it is given up.
import type { Pauses } from "../backend/interface.ts";
import { CallGivenUp } from "../errors.ts";

/** Milliseconds of work between two turns of the event loop: between calls, and within one, where a turn is dearer. */
const [breath, pause] = [50, 100];
/** Milliseconds that a call may go on for when the run is to stop. */
const grace = 200;

/** The turns of one run. */
export interface Turns extends Pauses {
  /** Between two calls: a turn if it is time for one. */
  breathe(): Promise<void>;
}

/** How long calls are cut. */
export interface Cuts extends Pick<Pauses, "long" | "piece"> {
  /** Milliseconds from one turn in which the thread sleeps to the next: Deno hears signals when it does, and a millisecond or two go
   *  by. */
  readonly sleepEvery: number;
}

/** Calls of a tenth of a second are cut; looks and pauses cost less than a hundredth (bench/pauses.ts). */
const defaultCuts: Cuts = { long: 100, piece: 4, sleepEvery: 400 };

/** Opens the turns of a run. `now` in milliseconds; `paused` is called in every pause. */
export function openTurns(
  { now, signal, cuts = defaultCuts, paused = () => {} }: {
    readonly now: () => number;
    readonly signal: AbortSignal | undefined;
    readonly cuts?: Cuts | undefined;
    readonly paused?: () => void;
  },
): Turns {
  let last = now();
  let stopping: number | undefined;
  let slept = last;
  const turn = async () => {
    const sleeps = now() - slept >= cuts.sleepEvery;
    await (sleeps ? sleep() : turnOfTheEventLoop());
    last = now();
    if (sleeps) slept = last;
  };
  return {
    ...cuts,
    due: () => now() - last >= pause,
    async breathe() {
      if (now() - last >= breath) await turn();
    },
    async pause() {
      await turn();
      paused();
      if (!signal?.aborted) return;
      stopping ??= last;
      if (last - stopping >= grace) throw new CallGivenUp();
    },
  };
}

/** The shortest sleep: whatever has come from outside is heard. */
const sleep = () => new Promise<void>((resolve) => setTimeout(resolve, 0));

/** A turn of the event loop without sleep: timers and messages are heard. */
function turnOfTheEventLoop(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}
