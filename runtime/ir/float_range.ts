// What may be known of the entries of an array before it is computed? Bounds, and that nothing is infinite.

/** What is known of all entries of an array. */
export interface FloatRange {
  /** No entry is infinite or NaN, as long as the inputs of the program are finite and no sum or product overflows. */
  readonly finite: boolean;
  /** Bounds of the entries that are numbers. */
  readonly low: number;
  readonly high: number;
  /** No entry is 0. */
  readonly nonzero: boolean;
  /** Along these axes together the largest entry is `high` itself. */
  readonly peak?: readonly number[];
}

/** Entries between two bounds. */
export function between(low: number, high: number, nonzero = false): FloatRange {
  return { finite: true, low, high, nonzero: nonzero || low > 0 || high < 0 };
}

/** Any finite numbers. */
export const anyFinite: FloatRange = between(-Infinity, Infinity);

/** Anything at all. */
export const anything: FloatRange = { ...anyFinite, finite: false };

/** What holds of both. */
export function joined(a: FloatRange, b: FloatRange): FloatRange {
  return {
    finite: a.finite && b.finite,
    low: Math.min(a.low, b.low),
    high: Math.max(a.high, b.high),
    nonzero: a.nonzero && b.nonzero,
  };
}
