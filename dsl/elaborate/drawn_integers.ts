// What do `choice`, `permutation`, `categorical` and `bernoulli` draw? Whole numbers and truth values, of 64 random bits each, by integer
// arithmetic: the same on every backend and in every precision. Written as equations, so that compiled loops draw inside.
import type { Builder } from "../../runtime/ir/builder.ts";
import { setRange } from "../../runtime/ir/ranges.ts";
import { largestInt, type Variable } from "../../runtime/ir/types.ts";
import { InternalError } from "../../runtime/errors.ts";
import { runningTotals } from "./running_totals.ts";

/** Random words: the high and the low half of 64 bits for each number. */
export type Words = readonly [high: Variable, low: Variable];

/** The numbers that a variable of whole numbers below `count` holds. */
export function rangedBelow(variable: Variable, count: number): Variable {
  setRange(variable, { low: 0, high: count - 1, attained: true });
  return variable;
}

/** floor(u n / 2^64) for the 64 bits u: each of 0 .. n - 1 as likely as the others to n / 2^64. `counts` (i32, of the shape of the
 *  words) holds the n, which are at most `most`. Digit by digit from the lowest, with digits for which no product exceeds 2^32. */
export function integersBelow(b: Builder, [high, low]: Words, counts: Variable, most: number): Variable {
  const bits = [16, 8, 4, 2, 1].find((k) => most <= 2 ** (32 - k));
  if (bits === undefined || most > largestInt) throw new InternalError(`A draw among ${most} numbers`);
  let drawn = b.fill(0, low);
  for (const word of [low, high]) {
    for (let at = 0; at < 32; at += bits) {
      const digit = b.apply("and", shiftRight(b, word, at), b.fill(2 ** bits - 1, word));
      drawn = shiftRight(b, b.apply("add", b.apply("mul", digit, counts), drawn), bits);
    }
  }
  return rangedBelow(drawn, most);
}

/** Different numbers of 0 .. n - 1 along the last axis, in the order in which they are drawn: every ordered choice is as likely as the
 *  others. `counts` (i32, of the shape of the words) holds the n, the same along the last axis; none is less than that axis is long, and
 *  none more than `most`. Number i is the one at place r_i, below n - i, among those that are left; places are made numbers from the last
 *  to the first (the decoding of a Lehmer code), so k numbers cost k^2 comparisons, whatever n is. */
export function distinctIntegers(b: Builder, words: Words, counts: Variable, most: number): Variable {
  const { shape } = counts;
  const last = shape.length - 1;
  const length = shape[last]!;
  const places = b.one("iota", [], { type: { dtype: "i32", shape }, axis: last });
  const left = b.apply("sub", counts, places);
  const ranks = integersBelow(b, words, left, most);
  if (length === 1) return ranks;
  const scan = b.openScan("different numbers", length, { reverse: true });
  const { body } = scan;
  const now = scan.carry(ranks, "numbers");
  const rank = scan.slice(b.one("transpose", [ranks], { permutation: [last, ...shape.slice(1).map((_, i) => i)] }));
  const place = scan.slice(b.one("iota", [], { type: { dtype: "i32", shape: [length] }, axis: 0 }));
  const later = body.apply("gt", places, body.broadcastTo(place, shape));
  const above = body.apply("ge", now, body.broadcastTo(body.reshape(rank, [...shape.slice(0, -1), 1]), shape));
  const next = body.apply("add", now, body.convert(body.apply("and", later, above), "i32"));
  return rangedBelow(scan.close([next], []).carry[0]!, most);
}

/** How many of 2^62 equally likely numbers lie below each entry's share of the whole: what 62 random bits are held against. */
export interface Thresholds {
  /** floor((share - 1) / 2^31), -1 where the share is 0, and the rest: i32, of the shape of the probabilities. */
  readonly high: Variable;
  readonly low: Variable;
}

/** The thresholds of shares of 1 that are known now, each exact to 2^-62: one of 0 lies below all numbers, one of 1 above. */
export function thresholdsOf(b: Builder, shares: readonly number[], shape: readonly number[]): Thresholds {
  const below = shares.map((share) => BigInt(Math.round(share * 2 ** 62)) - 1n);
  const words = (word: (x: bigint) => bigint) =>
    b.literal(Int32Array.from(below, (x) => Number(word(x))), { dtype: "i32", shape });
  return { high: words((x) => x >> 31n), low: words((x) => x & 0x7fffffffn) };
}

/** Where (bool) the random numbers reach a share: 62 of their bits are not below it. All of one shape. */
export function reaching(b: Builder, [high, low]: Words, threshold: Thresholds): Variable {
  const [upper, lower] = [shiftRight(b, high, 1), shiftRight(b, low, 1)];
  const equal = b.apply("and", b.apply("eq", upper, threshold.high), b.apply("gt", lower, threshold.low));
  return b.apply("or", b.apply("gt", upper, threshold.high), equal);
}

/** The first place along the last axis of weights at which their running total exceeds u times all of them, for u in (0, 1): entries of
 *  0 are never met. `u` has the shape of the result and an axis of 1. Totals are added in one order on every backend. */
export function weightedPlaces(
  b: Builder,
  u: Variable,
  weights: Variable,
  checked: (all: Variable) => Variable,
): Variable {
  const { shape } = weights;
  const last = shape.length - 1;
  const totals = runningTotals(b, weights, last);
  const all = checked(b.one("slice", [totals], {
    start: shape.map((_, i) => i === last ? shape[last]! - 1 : 0),
    limit: shape,
    stride: shape.map(() => 1),
  }));
  const wide = [...u.shape.slice(0, -1), shape[last]!];
  const reached = b.apply("mul", u, b.broadcastTo(all, u.shape));
  const passed = b.apply("le", b.broadcastTo(totals, wide), b.broadcastTo(reached, wide));
  return rangedBelow(b.sum(b.convert(passed, "i32"), [wide.length - 1]), shape[last]!);
}

/** Shifted by so many bits, zeros put in. */
export function shiftRight(b: Builder, x: Variable, by: number): Variable {
  return by === 0 ? x : b.apply("shift_right", x, b.fill(by, x));
}
