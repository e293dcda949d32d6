// How far are counts from what is expected? Pearson's chi-square at fixed seeds: what it exceeds by chance is never met or always.

/** Pearson's chi-square of counts against shares; what has the share 0 must not be met. */
export function chiSquare(counts: readonly number[], shares: readonly number[]): number {
  const all = counts.reduce((n, c) => n + c, 0);
  return counts.reduce((sum, c, i) => {
    const expected = all * shares[i]!;
    return sum + (expected === 0 ? (c === 0 ? 0 : Infinity) : (c - expected) ** 2 / expected);
  }, 0);
}

/** What a chi-square with so many degrees of freedom exceeds with probability 3e-5: Wilson and Hilferty (1931) at four standard
 *  deviations. The seeds are fixed, so a test passes always or never. */
export function most(freedom: number): number {
  const a = 2 / (9 * freedom);
  return freedom * (1 - a + 4 * Math.sqrt(a)) ** 3;
}

/** As likely as the others. */
export const even = (n: number) => Array<number>(n).fill(1 / n);
/** How often each of n numbers is met. */
export const countsOf = (places: readonly number[], n: number) => {
  const counts = Array<number>(n).fill(0);
  for (const place of places) counts[place]!++;
  return counts;
};

/** The number of an ordered choice of some of n among all of them: its places among those that are left, as digits. */
export function orderOf(numbers: readonly number[], n: number): number {
  const rank = (i: number) => numbers[i]! - numbers.slice(0, i).filter((before) => before < numbers[i]!).length;
  return numbers.reduce((order, _, i) => order * (n - i) + rank(i), 0);
}
