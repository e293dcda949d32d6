// How fast do the meta-steps of a loop go, and how many are taken in one call? Calls are to be long enough to be worth their price
// and short enough for signals and callbacks, which wait for them.

/** A call is to take so long, where it can take many meta-steps. */
const callMilliseconds = 50;

/** The pace of one loop. */
export interface Pace {
  /** Meta-steps that the next call should make. */
  readonly count: number;
  /** Seconds since it was opened. */
  elapsed(): number;
  /** Notes that meta-steps up to number `done` were made, `made` of them in a call that began at `from`. */
  note(done: number, made: number, from: number): { readonly stepsPerSecond: number };
}

/** Starts to look at the clock. */
export function openPace(now: () => number): Pace {
  const start = now();
  let count = 1;
  // the first call also compiles, so it says little about the pace of the others
  let first: { readonly done: number; readonly time: number } | undefined;
  return {
    get count() {
      return count;
    },
    elapsed: () => (now() - start) / 1000,
    note(done, made, from) {
      const time = now();
      const since = first ?? { done: done - made, time: start };
      if (first) {
        count = Math.max(1, Math.min(4 * count, Math.floor(made * callMilliseconds / Math.max(time - from, 1e-3))));
      } else first = { done, time };
      const seconds = Math.max((time - since.time) / 1000, 1e-9);
      return { stepsPerSecond: (done - since.done) / seconds };
    },
  };
}
