// How sure is a mean over tasks? Mean, median, 95 % interval, and paired differences, for the reports of evaluations.

/** What is said about a sample of task values.
 *
 *  @category Compare and report */
export interface Summary {
  /** Number of values. */
  readonly count: number;
  /** How many of them are NaN or infinite; the figures are of all, or of the others where such are skipped. */
  readonly nonFinite: number;
  /** Arithmetic mean. */
  readonly mean: number;
  /** Middle value, or the mean of the middle two. */
  readonly median: number;
  /** 95 % interval of the mean, [low, high]; absent with fewer than two values. */
  readonly interval?: readonly [number, number];
}

/** Mean, median and the 95 % interval of the mean of independent task values x_1 … x_n.
 *  mean m = Σ x_i / n;  s² = Σ (x_i − m)² / (n − 1);  interval m ± t(0.975, n − 1) · s / √n (Student's t).
 *  The median of an even number of values is the mean of the middle two. NaN for an empty sample.
 *
 *  ```ts
 *  import { summarize } from "../../mod.ts";
 *
 *  const { mean, interval } = summarize([1.0, 2.0, 4.5]);
 *  console.log(mean, interval);
 *  ```
 *
 *  @category Compare and report
 */
export function summarize(values: ArrayLike<number>): Summary {
  const n = values.length;
  let largest = 0;
  let nonFinite = 0;
  for (let i = 0; i < n; i++) {
    if (!Number.isFinite(values[i]!)) nonFinite++;
    largest = Math.max(largest, Math.abs(values[i]!));
  }
  // sums of squares of large values leave the finite numbers though their mean and spread do not
  const unit = nonFinite === 0 && largest > largestSummed ? largest : 1;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i]! / unit;
  const mean = sum / n;
  const base = { count: n, nonFinite, mean: mean * unit, median: medianOf(values) };
  if (n < 2) return base;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i]! / unit - mean) ** 2;
  const half = studentQuantile975(n - 1) * Math.sqrt(squares / (n - 1) / n);
  return { ...base, interval: [(mean - half) * unit, (mean + half) * unit] };
}

/** The square of this, times the largest number of values, is finite. */
const largestSummed = 1e140;

/** The summary of the differences a_i − b_i of values of the same tasks: what differs between two methods when both saw
 *  the same draws. Throws RangeError when the numbers of values differ.
 *
 *  ```ts
 *  import { pairedDifference } from "../../mod.ts";
 *
 *  console.log(pairedDifference([1.0, 2.0, 4.0], [0.5, 1.0, 3.5]).mean);
 *  ```
 *
 *  @category Compare and report
 */
export function pairedDifference(a: ArrayLike<number>, b: ArrayLike<number>): Summary {
  if (a.length !== b.length) {
    throw new RangeError(`Cannot pair ${a.length} values with ${b.length}: both need the same tasks`);
  }
  return summarize(Float64Array.from({ length: a.length }, (_, i) => a[i]! - b[i]!));
}

/** The summary of those values that are finite, where one is; all are counted. */
export function summarizeFinite(values: ArrayLike<number>): Summary {
  const finite = Array.from(values).filter((x) => Number.isFinite(x));
  if (finite.length === 0) return summarize(values);
  return { ...summarize(finite), count: values.length, nonFinite: values.length - finite.length };
}

function medianOf(values: ArrayLike<number>): number {
  const n = values.length;
  if (n === 0) return NaN;
  const sorted = Float64Array.from(values);
  if (sorted.some(Number.isNaN)) return NaN;
  sorted.sort();
  const upper = sorted[n >> 1]!;
  return n % 2 === 1 ? upper : sorted[(n >> 1) - 1]! / 2 + upper / 2;
}

/** From this many degrees of freedom on, the expansion is exact to 1e-9 (its next term is below 100 / ν⁵). */
const expansionFrom = 200;
/** The normal distribution's 97.5 % point. */
const z975 = 1.959963984540054;

/** The 97.5 % point of Student's t with ν degrees of freedom, an integer ≥ 1.
 *  Solves A(t | ν) = 0.95 by bisection, A as in Abramowitz & Stegun 26.7.3-4; expansion 26.7.5 for large ν. */
export function studentQuantile975(degrees: number): number {
  if (!Number.isInteger(degrees) || degrees < 1) {
    throw new RangeError(`Degrees of freedom must be a positive integer, not ${degrees}`);
  }
  if (degrees >= expansionFrom) {
    const z = z975;
    const v = degrees;
    return z + (z ** 3 + z) / (4 * v) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * v ** 2) +
      (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / (384 * v ** 3) +
      (79 * z ** 9 + 776 * z ** 7 + 1482 * z ** 5 - 1920 * z ** 3 - 945 * z) / (92160 * v ** 4);
  }
  let low = 1;
  let high = 13; // t(0.975, 1) = 12.706…, and it falls with ν
  while (high - low > 1e-13 * high) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) break;
    if (centralProbability(middle, degrees) < 0.95) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}

/** A(t | ν) = P(|T| < t) for integer ν, a finite sum in θ = atan(t / √ν). */
function centralProbability(t: number, degrees: number): number {
  const theta = Math.atan(t / Math.sqrt(degrees));
  const cosine = Math.cos(theta);
  const odd = degrees % 2 === 1;
  // odd: cos θ + (2/3) cos³ θ + …; even: 1 + (1/2) cos² θ + …; up to the power ν − 2
  let term = odd ? cosine : 1;
  let sum = 0;
  for (let power = odd ? 1 : 0; power <= degrees - 2; power += 2) {
    sum += term;
    term *= (power + 1) / (power + 2) * cosine * cosine;
  }
  return odd ? (2 / Math.PI) * (theta + Math.sin(theta) * sum) : Math.sin(theta) * sum;
}

/** What is said of many numbers. */
export interface Sizes {
  /** Euclidean: sqrt(x_1² + … + x_n²). */
  readonly norm: number;
  readonly least: number;
  readonly largest: number;
}

/** Those of numbers; NaN where one of them is. */
export function sizesOf(values: ArrayLike<number>): Sizes {
  let [least, largest] = [Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    // comparisons would pass over NaN
    least = Math.min(least, values[i]!);
    largest = Math.max(largest, values[i]!);
  }
  // divided out: squares of large numbers are not finite
  const unit = Math.max(Math.abs(least), Math.abs(largest));
  if (!(unit > 0 && Number.isFinite(unit))) return { norm: values.length === 0 ? 0 : unit, least, largest };
  let squares = 0;
  for (let i = 0; i < values.length; i++) squares += (values[i]! / unit) ** 2;
  return { norm: unit * Math.sqrt(squares), least, largest };
}
