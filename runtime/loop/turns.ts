// When do signals, timers and callbacks get a turn? Between meta-steps and items, and within a call that takes long, every 50 ms or so.
// Once the run is to stop, a call may go on for a moment, in case that it is about to end; then it is given up.
import type { Pauses } from "../backend/interface.ts";
import { CallGivenUp } from "../errors.ts";

/** Milliseconds of work between two turns of the event loop. */
const breath = 50;
/** Milliseconds that a call may go on for when the run is to stop. */
const grace = 250;

/** The turns of one run. */
export interface Turns extends Pauses {
  /** Between two calls: a turn if it is time for one. */
  breathe(): Promise<void>;
}

/** How long calls are cut. */
export type Cuts = Pick<Pauses, "long" | "piece">;

/** Calls of a tenth of a second are cut; looking at the clock every millisecond costs nothing that can be measured (bench/pauses.ts). */
const defaultCuts: Cuts = { long: 100, piece: 1 };

/** Opens the turns of a run. `now` in milliseconds. */
export function openTurns(
  { now, signal, cuts = defaultCuts }: {
    readonly now: () => number;
    readonly signal: AbortSignal | undefined;
    readonly cuts?: Cuts | undefined;
  },
): Turns {
  let last = now();
  let stopping: number | undefined;
  const due = () => now() - last >= breath;
  const turn = async () => {
    await turnOfTheEventLoop();
    last = now();
  };
  return {
    ...cuts,
    due,
    async breathe() {
      if (due()) await turn();
    },
    async pause() {
      await turn();
      if (!signal?.aborted) return;
      stopping ??= last;
      if (last - stopping >= grace) throw new CallGivenUp();
    },
  };
}

/** A whole turn of the event loop: signals and timers are heard. `setTimeout` sleeps for a millisecond or two, and `setImmediate`
 *  does not let Deno hear signals. */
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
