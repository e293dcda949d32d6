// Of things that happen again and again, which are worth a word? The first ones, and half as many of each time that they are doubled: few
// of very many, whenever they end.

/** True for the things that are said, by their number, from 0. Of n, where the `first` are a power of two, about
 *  first + first / 2 · log2(n / first). */
export function isSaid(index: number, first: number): boolean {
  return index < first || index % 2 ** (Math.floor(Math.log2(index / first)) + 1) === 0;
}
