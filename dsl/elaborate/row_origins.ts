// Whose rows does an axis still count? The first axis of a table's fields carries the table, and every operation that does not sum
// it up or pick entries by constants keeps it, so that a value of the whole table is told from one of a batch.
import type { Context, Value } from "../world/world.ts";
import type { Dim, Table } from "../world/value_kinds.ts";

/** The tables of two axes that became one. */
function joinRows(a: Dim["rows"], b: Dim["rows"]): Dim["rows"] {
  if (!a || !b || b.every((t) => a.includes(t))) return a ?? b;
  return [...new Set([...a, ...b])];
}

/** Notes that an axis is gone through entry by entry, where a comprehension or a scan asks for it. */
export function noteRow(cx: Context, dim: Dim): void {
  for (const table of dim.rows ?? []) cx.indexed?.add(table);
}

/** A field of a table: its first axis counts the table's rows. */
export function fieldOf(table: Table, value: Value): Value {
  if (value.kind === "shape" && !value.single) return { ...value, rows: joinRows(value.rows, [table])! };
  if (value.kind !== "tensor" && value.kind !== "literal" || value.dims.length === 0) return value;
  return { ...value, dims: [withRows(value.dims[0]!, [table]), ...value.dims.slice(1)] };
}

/** The axis that one with other rows was made of. */
const made = new WeakMap<Dim, Dim>();

/** An axis whatever rows it counts: the same one for all that were made of it. */
export function axisOf(dim: Dim): Dim {
  return made.get(dim) ?? dim;
}

/** An axis that counts the rows of more tables; the same one when there are none. */
export function withRows(dim: Dim, rows: Dim["rows"]): Dim {
  const joined = joinRows(dim.rows, rows);
  if (joined === undefined || joined.length === dim.rows?.length) return dim;
  const result = { ...dim, rows: joined };
  made.set(result, axisOf(dim));
  return result;
}

/** The axes of a result with the rows of an array that was broadcast to it. */
export function rowsAsIn(dims: readonly Dim[], source: readonly Dim[]): readonly Dim[] {
  if (source.every((d) => !d.rows)) return dims;
  return dims.map((dim, i) => withRows(dim, source[i - dims.length + source.length]?.rows));
}

/** The rows that all axes of several arrays count, axis by axis; the axes are those of the first. */
export function rowsOfAll(first: readonly Dim[], others: readonly (readonly Dim[])[]): readonly Dim[] {
  return others.reduce(rowsAsIn, first);
}

/** The axes of an array that was reshaped: an axis that others were merged into, or that was split, counts their rows. */
export function rowsReshaped(dims: readonly Dim[], source: readonly Dim[]): readonly Dim[] {
  const sizes = withoutRows(dims);
  if (source.every((d) => !d.rows)) return sizes;
  // entries before each axis: where those agree, what stands before and after was not mixed
  const [wanted, given] = [startsOf(sizes), startsOf(source)];
  const stretchOf = (start: number) => Math.max(...given.filter((s) => s <= start && wanted.includes(s)));
  return sizes.map((dim, i) => {
    if (dim.size === 1) return dim;
    const mixed = source.filter((d, k) => d.size > 1 && stretchOf(given[k]!) === stretchOf(wanted[i]!));
    return mixed.reduce((whole, { rows }) => withRows(whole, rows), dim);
  });
}

function startsOf(dims: readonly Dim[]): number[] {
  let start = 1;
  return dims.map(({ size }) => {
    const own = start;
    start *= size;
    return own;
  });
}

/** Axes as sizes alone, where they say how large something else is. */
export function withoutRows(dims: readonly Dim[]): readonly Dim[] {
  return dims.map((dim) => {
    if (!dim.rows) return dim;
    const { rows: _, ...size } = dim;
    made.set(size, axisOf(dim));
    return size;
  });
}
