// Which rows does each part of a split take? Rows or whole groups in a random order, one stretch of them for each part: pure numbers.

/** How much a part takes: a share of the whole, or so many. */
export type Share = { readonly of: number } | { readonly count: number };

/** What is split. */
export interface Splitting {
  readonly rows: number;
  /** The group of each row. */
  readonly groups: Int32Array | undefined;
  /** Each part has of each group what it has of the whole, to one row; else groups stay whole, and shares count them. */
  readonly evenly: boolean;
  readonly shares: readonly Share[];
  /** Two words for each row, then two for each group. */
  readonly random: Uint32Array;
}

/** More than there is. */
export interface TooMuch {
  /** Rows or groups that all parts take, at least. */
  readonly units: number;
  /** What their shares make. */
  readonly share: number;
}

/** The rows of each part, increasing; or by how much they take more than there is. */
export function rowsOfParts({ rows, groups, evenly, shares, random }: Splitting): readonly Int32Array[] | TooMuch {
  if (!groups) return stretches(shuffled(rows, random), shares);
  if (evenly) return stretches(interleaved(groups, random), shares);
  const values = [...new Set(groups)].sort((a, b) => a - b);
  const parts = stretches(shuffled(values.length, random), shares);
  if ("units" in parts) return parts;
  const place = new Map(values.map((value, i) => [value, i]));
  const numbers = Int32Array.from({ length: rows }, (_, i) => i);
  return parts.map((own) => {
    const taken = new Set(own);
    return numbers.filter((row) => taken.has(place.get(groups[row]!)!));
  });
}

/** Consecutive stretches of an order, each sorted. Where shares end is rounded, so that parts of shares that make 1 take all. */
function stretches(order: Int32Array, shares: readonly Share[]): readonly Int32Array[] | TooMuch {
  const n = order.length;
  let [share, counted, from] = [0, 0, 0];
  const parts: Int32Array[] = [];
  for (const each of shares) {
    if ("count" in each) counted += each.count;
    else share += each.of;
    const to = counted + Math.round(n * share - tolerance);
    parts.push(order.slice(from, to).sort());
    from = to;
  }
  return from > n || share > 1 + tolerance ? { units: from, share } : parts;
}

/** What sums of shares such as 0.7 + 0.2 + 0.1 are off by, at most. */
const tolerance = 1e-9;

/** 0 … n - 1 in random order (Fisher and Yates), two words for each. */
function shuffled(n: number, random: Uint32Array): Int32Array {
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    const j = below(i + 1, random[2 * i]!, random[2 * i + 1]!);
    const other = order[i]!;
    order[i] = order[j]!;
    order[j] = other;
  }
  return order;
}

/** A whole number below n, each alike to n / 2^53: of 64 random bits the high part of their product with n. */
function below(n: number, high: number, low: number): number {
  return Math.min(n - 1, Math.floor((high * n + Math.floor(low * n / 2 ** 32)) / 2 ** 32));
}

/** The rows so that each stretch has of each group its proportion, to one row: those of a group, in random order, lie at equal
 *  distances from a random start. */
function interleaved(groups: Int32Array, random: Uint32Array): Int32Array {
  const order = shuffled(groups.length, random);
  const sizes = new Map<number, number>();
  for (const group of groups) sizes.set(group, (sizes.get(group) ?? 0) + 1);
  const starts = new Map(
    [...sizes.keys()].sort((a, b) => a - b).map((group, i) => [
      group,
      random[2 * groups.length + 2 * i]! / 2 ** 32,
    ]),
  );
  const seen = new Map<number, number>();
  const places = new Float64Array(groups.length);
  for (const row of order) {
    const group = groups[row]!;
    const before = seen.get(group) ?? 0;
    seen.set(group, before + 1);
    places[row] = (before + starts.get(group)!) / sizes.get(group)!;
  }
  // groups of one size with one start would go in the order of the rows: the shuffled order tells them apart
  const rank = new Int32Array(groups.length);
  order.forEach((row, i) => rank[row] = i);
  return order.sort((a, b) => places[a]! - places[b]! || rank[a]! - rank[b]!);
}
