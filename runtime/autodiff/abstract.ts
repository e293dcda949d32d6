// What may be known of a value without running anything? Enough to see that a product with a zero is zero and that a
// counter counts: a uniform constant, or slices that differ, and which inputs it moves with.

/** What is known of an array. */
export interface Abstract {
  /** Every entry is this constant, whatever the inputs: then no input moves it. */
  readonly value?: number;
  /** The inputs (bit k for input k) that a derivative of the value can reach. */
  readonly reached: bigint;
  /** What is known of each slice along axis 0, where they differ. Without them every slice is like the whole. */
  readonly rows?: readonly Abstract[];
}

/** Longest axis along which slices are told apart. */
export const maximalRows = 64;

/** Every entry is `value`. */
export function exactly(value: number): Abstract {
  return { value, reached: 0n };
}

/** Nothing is known of the entries; `reached` may move them. */
export function anything(reached: bigint): Abstract {
  return { reached };
}

/** True for the constant zero. */
export function isZero(a: Abstract): boolean {
  return a.value === 0;
}

/** One slice along axis 0. */
export function row(a: Abstract, index: number): Abstract {
  return a.rows?.[index] ?? whole(a);
}

/** The same without telling slices apart. */
export function whole(a: Abstract): Abstract {
  return a.rows ? anything(a.reached) : a;
}

/** An array of given slices; of more than `maximalRows` each need be given once only. */
export function stackOf(rows: readonly Abstract[], length: number = rows.length): Abstract {
  const first = rows[0];
  if (first && !first.rows && rows.every((r) => equal(r, first))) return first;
  const reached = rows.reduce((all, r) => all | r.reached, 0n);
  return length <= maximalRows ? { reached, rows } : rows.reduce((a, r) => join(a, whole(r)), whole(rows[0]!));
}

/** What holds of both. */
export function join(a: Abstract, b: Abstract): Abstract {
  const count = a.rows?.length ?? b.rows?.length;
  if (count !== undefined) {
    if (a.rows && b.rows && a.rows.length !== b.rows.length) return anything(a.reached | b.reached);
    return stackOf(Array.from({ length: count }, (_, i) => join(row(a, i), row(b, i))));
  }
  return a.value !== undefined && Object.is(a.value, b.value) ? a : anything(a.reached | b.reached);
}

/** True when the same is known of both. */
export function equal(a: Abstract, b: Abstract): boolean {
  if (a === b) return true;
  if (a.reached !== b.reached || !Object.is(a.value, b.value)) return false;
  if (!a.rows || !b.rows) return a.rows === b.rows;
  return a.rows.length === b.rows.length && a.rows.every((r, i) => equal(r, b.rows![i]!));
}
