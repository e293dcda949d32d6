// Which numbers does a draw give? Those of docs/decisions/0011, from a plain Philox 4x32-10 in whole numbers (Salmon et al. 2011;
// tests/runtime/random_philox_test.ts holds the published vectors): a second way for the tests of draws.

const mask = 0xffffffffn;

/** The four words of a block. */
function philox(counter: readonly bigint[], key: readonly bigint[]): bigint[] {
  let [x0, x1, x2, x3] = counter as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const [a, c] = [0xd2511f53n * x0, 0xcd9e8d57n * x2];
    [x0, x1, x2, x3] = [(c >> 32n) ^ x1 ^ k0, c & mask, (a >> 32n) ^ x3 ^ k1, a & mask];
    [k0, k1] = [(k0 + 0x9e3779b9n) & mask, (k1 + 0xbb67ae85n) & mask];
  }
  return [x0, x1, x2, x3];
}

/** FNV-1a from an offset, then the finalizer of MurmurHash3. */
function hash(text: string, offset: bigint): bigint {
  let h = offset;
  for (const byte of new TextEncoder().encode(text)) h = ((h ^ BigInt(byte)) * 0x01000193n) & mask;
  h = ((h ^ (h >> 16n)) * 0x85ebca6bn) & mask;
  h = ((h ^ (h >> 13n)) * 0xc2b2ae35n) & mask;
  return h ^ (h >> 16n);
}

/** What a draw is called, with what is around it, and which of those it is. */
export interface Place {
  readonly lines: readonly string[];
  readonly indices?: readonly number[];
  readonly seed?: number;
}

/** The first words of a draw. */
export function words({ lines, indices = [], seed = 0 }: Place, count: number): bigint[] {
  const text = lines.join("\n");
  const next = (key: readonly bigint[], counter: readonly bigint[]) =>
    philox([0n, ...[0, 1, 2].map((i) => counter[i] ?? 0n)], key).slice(0, 2);
  const hashed = [0x811c9dc5n, 0x9747b28cn, 0x3c6ef372n].map((offset) => hash(text, offset));
  let key = next([BigInt(seed) & mask, BigInt(seed) >> 32n], hashed);
  const all = indices.map(BigInt);
  const further = all.splice(0, Math.max(0, all.length - 3));
  while (further.length > 0) key = next(key, further.splice(0, 3));
  const blocks = Array.from({ length: Math.ceil(count / 4) }, (_, n) => BigInt(n));
  const [c0, c1, c2] = [0, 1, 2].map((i) => all[i] ?? 0n) as [bigint, bigint, bigint];
  return blocks.flatMap((n) => philox([n, c0, c1, c2], key)).slice(0, count);
}

/** `size` numbers of uniform(0, 1) in float64: 26 bits of word i, 26 of word size + i, and a half. */
export function uniform(place: Place, size = 1): number[] {
  const w = words(place, 2 * size);
  return Array.from(
    { length: size },
    (_, i) => (Number(w[i]! >> 6n) * 2 ** 26 + Number(w[size + i]! >> 6n) + 0.5) * 2 ** -52,
  );
}

/** `size` numbers 0 .. n - 1: 64 bits of words i and size + i, times n, divided by 2^64. */
export function integers(place: Place, size: number, n: number): number[] {
  const w = words(place, 2 * size);
  return Array.from({ length: size }, (_, i) => Number((((w[i]! << 32n) | w[size + i]!) * BigInt(n)) >> 64n));
}

/** 64 bits for each number. */
export function bits64(place: Place, size: number): bigint[] {
  const w = words(place, 2 * size);
  return Array.from({ length: size }, (_, i) => (w[i]! << 32n) | w[size + i]!);
}

/** Different numbers below n, for each of some rows, drawn one after the other, each among those that are left: what a list of all n
 *  says. One n for all rows, or one for each. */
export function distinct(place: Place, rows: number, k: number, n: number | readonly number[]): number[] {
  const bits = bits64(place, rows * k);
  return Array.from({ length: rows }, (_, row) => {
    const left = Array.from({ length: typeof n === "number" ? n : n[row]! }, (_, i) => i);
    return Array.from({ length: k }, (_, i) => {
      const at = Number((bits[row * k + i]! * BigInt(left.length)) >> 64n);
      return left.splice(at, 1)[0]!;
    });
  }).flat();
}

/** The rows of a table of n in the order of one epoch of batches that take each once (docs/decisions/0040). */
export function shuffled(place: Place, n: number): number[] {
  if (n <= 64) return distinct(place, 1, n, n);
  const rounds = 24 + 3 * Math.ceil(Math.log2(n));
  const w = words(place, 4 * rounds);
  const rows = Array.from({ length: n }, (_, i) => i);
  for (let round = 0; round < rounds; round++) {
    const [high, low, first, second] = [0, 1, 2, 3].map((k) => w[k * rounds + round]!) as [
      bigint,
      bigint,
      bigint,
      bigint,
    ];
    const pivot = Number((((high << 32n) | low) * BigInt(n)) >> 64n);
    rows.forEach((row, i) => {
      const other = (pivot - row + n) % n;
      let h = (BigInt(Math.max(row, other)) + first) & mask;
      h = ((h + (h >> 16n)) * 0x85ebca6bn) & mask;
      h = ((h + (h >> 13n) + second) * 0xc2b2ae35n) & mask;
      if (h >> 31n === 1n) rows[i] = other;
    });
  }
  return rows;
}
