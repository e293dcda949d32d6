// When is a checkpoint written? After so many seconds or meta-steps, as long as that takes no more than a share of a run's time; where a run
// is stopped; and where an outer has made its last meta-step, as it can be made longer from there.
import type { Moment, RunState } from "../loop/run_state.ts";

/** What lies between two checkpoints. */
export interface CheckpointTimes {
  readonly seconds: number;
  /** Meta-steps. */
  readonly steps: number;
  /** Of the time since the last one, the most that it may have taken. */
  readonly share: number;
}

/** When nothing is said. */
export const usualTimes: CheckpointTimes = { seconds: 60, steps: 10_000, share: 0.02 };

/** What `60s`, `5min`, `2h`, `1000 steps` and `off` say; undefined for what says nothing. */
export function parseCheckpointTimes(text: string): CheckpointTimes | undefined {
  const never = { seconds: Infinity, steps: Infinity, share: 1 };
  if (text === "off") return never;
  const [, number, unit] = /^([1-9][\d_]*) ?(s|min|h|steps)$/.exec(text) ?? [];
  if (number === undefined) return undefined;
  const count = Number(number.replaceAll("_", ""));
  const seconds = { s: 1, min: 60, h: 3600 }[unit!];
  return { ...never, ...(seconds ? { seconds: count * seconds } : { steps: count }) };
}

/** Calls `write` wherever a checkpoint is due. `now` gives seconds. */
export function openCheckpointTimes(
  { seconds, steps, share }: CheckpointTimes,
  now: () => number,
): (state: RunState, moment: Moment, write: () => void) => void {
  const made = ({ outers, outer }: RunState) => outers.reduce((sum, { done }) => sum + done, outer?.done ?? 0);
  const wanted = seconds < Infinity || steps < Infinity;
  let last: { readonly at: number; readonly made: number; readonly took: number } | undefined;
  return (state, moment, write) => {
    const at = now();
    last ??= { at, made: made(state), took: 0 };
    const since = at - last.at;
    const due = (since >= seconds || made(state) - last.made >= steps) && (share >= 1 || last.took <= share * since);
    if (!wanted || moment === "between" && !due) return;
    write();
    last = { at: now(), made: made(state), took: now() - at };
  };
}
