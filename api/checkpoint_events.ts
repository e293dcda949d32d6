// What does a script learn of where its run could go on? An event each time, whose bytes it may keep; and in the end the last place, for
// `run.checkpoint()`.
import { joined } from "../runtime/bytes.ts";
import { UseError } from "../runtime/errors.ts";
import type { Outcome } from "../runtime/loop/results.ts";
import { keptState, type Moment, type RunState } from "../runtime/loop/run_state.ts";
import { type Checkpoint, encodeCheckpoint } from "../runtime/record/checkpoint_bytes.ts";
import { openCheckpointTimes, parseCheckpointTimes, usualTimes } from "../runtime/record/checkpoint_times.ts";
import { identityOf, type RunOf } from "./going_on.ts";

/** A place from which the run could go on later.
 *
 *  ```ts
 *  import { type CheckpointEvent, compile } from "../mod.ts";
 *
 *  const kept: Uint8Array[] = [];
 *  const keep = ({ outer, bytes }: CheckpointEvent) => {
 *    console.log(outer);
 *    kept.push(bytes());
 *  };
 *  await compile(`
 *    edition 1
 *    param w = 0
 *    inner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = 5 steps }
 *    outer tune { minimize (w@T - 3)^2 over fit.lr by adam(lr = 0.01) for 10 steps }
 *  `).run({ checkpoint: "5 steps", onCheckpoint: keep });
 *  console.log(kept.length);
 *  ```
 *
 *  @category Run
 */
export interface CheckpointEvent {
  /** Tells the events apart. */
  readonly kind: "checkpoint";
  /** The outer loop at work and the number of its next meta-step; none between items. */
  readonly outer?: { readonly name: string; readonly step: number };
  /** `between`: the run goes on; `stop`: it was stopped here; `end`: the outer loop has made its last meta-step, and can be made longer
   *  from here. */
  readonly moment: "between" | "stop" | "end";
  /** Seconds that the run has taken, with those of the run that it went on from. */
  readonly seconds: number;
  /** The checkpoint, for `run({ resume })`; the array is the caller's own. Only while the event is being told: the run then goes on in
   *  the same memory. Throws RangeError later. */
  readonly bytes: () => Uint8Array;
}

/** Where a run could go on. */
export interface LastPlace extends Pick<Checkpoint, "state" | "seconds"> {
  readonly moment: Moment;
}

/** Tells a script of places to go on from, and remembers the last one. */
export interface Telling {
  readonly mark: (state: () => RunState, moment: Moment) => void;
  /** The last place, as bytes. Throws UseError where there is none. */
  last(outcome: Outcome): Uint8Array;
  /** Where the run was stopped, or an outer loop had made its last meta-step; none elsewhere. */
  place(): LastPlace | undefined;
}

/** Opens the telling of a run. Throws UseError for a `checkpoint` that says nothing. */
export function openTelling(
  { checkpoint, onCheckpoint }: {
    readonly checkpoint?: string;
    readonly onCheckpoint?: (checkpoint: CheckpointEvent) => void;
  },
  run: RunOf,
  from: Checkpoint | undefined,
): Telling {
  const every = checkpoint === undefined ? usualTimes : parseCheckpointTimes(checkpoint);
  if (!every) {
    throw new UseError(
      `\`checkpoint\` must be such as "60 s", "5 min" or "1000 steps", not ${JSON.stringify(checkpoint)}`,
    );
  }
  const begun = performance.now() - 1000 * (from?.seconds ?? 0);
  const secondsNow = () => (performance.now() - begun) / 1000;
  const due = openCheckpointTimes(every, secondsNow);
  let of: ReturnType<typeof identityOf> | undefined;
  const encode = (state: RunState, seconds: number) =>
    joined(encodeCheckpoint({ state, of: of ??= identityOf(run), logged: 0, waiting: "", seconds }));
  let place: LastPlace | undefined = from && { ...from, moment: "between" };
  let taken: Uint8Array | undefined;

  const tell = (state: RunState, moment: Moment) => {
    const seconds = secondsNow();
    let telling = true;
    const { outer } = state;
    onCheckpoint!({
      kind: "checkpoint",
      ...(outer ? { outer: { name: outer.name, step: outer.done } } : {}),
      moment,
      seconds,
      bytes() {
        if (!telling) {
          throw new UseError("Take the bytes of a checkpoint while `onCheckpoint` is called: the run has gone on");
        }
        taken = encode(state, seconds);
        return taken.slice();
      },
    });
    telling = false;
  };
  return {
    mark(state, moment) {
      if (moment === "between" && !onCheckpoint) return;
      const now = state();
      if (moment !== "between") place = { state: keptState(now), seconds: secondsNow(), moment };
      if (onCheckpoint) due(now, moment, () => tell(now, moment));
    },
    place: () => place,
    last(outcome) {
      if (outcome === "failed" && taken) return taken.slice();
      if (place) return encode(place.state, place.seconds);
      throw new UseError(
        outcome === "failed"
          ? "A run that failed goes on from the last checkpoint that `onCheckpoint` took the bytes of: it took none"
          : "This run has no outer loop that could go on",
      );
    },
  };
}
