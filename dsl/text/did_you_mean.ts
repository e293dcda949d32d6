// Which known name did the author mean? Used by every message about an unknown word.
/** Names that are looked at for the nearest, in a program of very many: the first ones. */
const mostCandidates = 1000;

/** The first names of a list that may be long. */
export function firstNames(names: Iterable<string>): string[] {
  const first: string[] = [];
  for (const name of names) {
    if (first.length === mostCandidates) break;
    first.push(name);
  }
  return first;
}

/** The nearest of the candidates, if one is near enough: the same letters in another case, else the smallest number of
 *  typing mistakes, at most a third of the name's length (and one at least, for names of three letters or more). A name of
 *  three or four letters with one of them replaced is another word (`std` is not `sgd`). Ties go to the earlier candidate.
 *  The policy is Gleam's. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  const list = firstNames(candidates).filter((candidate) => candidate !== name);
  if (name.length < 2) return undefined;
  const sameLetters = list.filter((candidate) => candidate.toLowerCase() === name.toLowerCase());
  if (sameLetters.length === 1) return sameLetters[0];
  if (name.length < 3) return undefined;
  let best: string | undefined;
  let distance = Math.max(1, Math.floor(name.length / 3)) + 1;
  for (const candidate of list) {
    if (Math.abs(candidate.length - name.length) >= distance) continue;
    if (name.length < 5 && candidate.length === name.length && lettersOf(candidate) !== lettersOf(name)) continue;
    const mistakes = typingMistakes(name, candidate);
    if (mistakes < distance) [best, distance] = [candidate, mistakes];
  }
  return best;
}

/** "; did you mean `x`?", for the end of a sentence, or nothing. */
export function orNearest(name: string, known: Iterable<string>): string {
  const near = nearestName(name, known);
  return near === undefined ? "" : `; did you mean \`${near}\`?`;
}

const lettersOf = (name: string) => [...name.toLowerCase()].sort().join("");

/** How many letters were added, left out, replaced or swapped with their neighbour (optimal string alignment). */
export function typingMistakes(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let least = Math.min(replaced, last[j]! + 1, row[j - 1]! + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        least = Math.min(least, beforeLast[j - 2]! + 1);
      }
      row.push(least);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
