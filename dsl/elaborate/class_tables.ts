// Which rows of a table belong to which class? The values of one of its fields, and the rows that have each: known before the run, and
// kept beside the data as arrays of integers, so that a row of a class is two look-ups away.
import type { Builder } from "../../runtime/ir/builder.ts";
import { rangeOf } from "../../runtime/ir/ranges.ts";
import { sizeOf, type Variable } from "../../runtime/ir/types.ts";
import type { Context, Elaboration, RecordValue } from "../world/world.ts";
import type { ClassTable, TensorValue } from "../world/value_kinds.ts";
import { rangedBelow } from "./drawn_integers.ts";

/** The whole numbers of a field, where they stand in the program, are read as they are, or are those of some rows: what is made of such
 *  is not known. */
export function knownIntegers({ variable }: TensorValue, { b }: Context): ArrayLike<number> | undefined {
  return known(b, variable);
}

function known(b: Builder, variable: Variable): ArrayLike<number> | undefined {
  const size = sizeOf(variable.shape);
  const made = b.definition(variable);
  if (!made) {
    const data = rangeOf(variable).source?.data;
    return data?.length === size ? data : undefined;
  }
  if (made.op === "convert") return known(b, made.inputs[0]!);
  if (made.op === "gather") {
    const [table, rows] = made.inputs.map((input) => input.shape.length === 1 ? known(b, input) : undefined);
    return table && rows && Int32Array.from(rows, (row) => table[row]!);
  }
  if (made.op !== "constant") return undefined;
  const { data } = made.params;
  return data.length === size ? data : Int32Array.from({ length: size }, () => data[0]!);
}

/** The classes that the numbers of a field make, found once for each table and field. */
export function classTable(
  { elaboration: { classTables, data } }: Context,
  table: RecordValue,
  field: string,
  numbers: ArrayLike<number>,
): ClassTable {
  const known = classTables.get(table.table!)?.get(field);
  if (known) return known;
  const rowsOf = new Map<number, number[]>();
  for (let row = 0; row < numbers.length; row++) {
    const rows = rowsOf.get(numbers[row]!);
    if (rows) rows.push(row);
    else rowsOf.set(numbers[row]!, [row]);
  }
  const values = [...rowsOf.keys()].sort((a, b) => a - b);
  const groups = values.map((value) => rowsOf.get(value)!);
  const counts = groups.map((rows) => rows.length);
  let key = `${table.name} by ${field}`;
  while (data.has(arrayName(key, "rows"))) key += "'";
  let start = 0;
  const starts = counts.map((n) => (start += n) - n);
  const made = { rows: groups.flat(), starts, counts };
  for (const name of arrays) {
    data.set(arrayName(key, name), { dtype: "i32", shape: [made[name].length], data: Int32Array.from(made[name]) });
  }
  const fields = classTables.get(table.table!) ?? new Map<string, ClassTable>();
  const found = { values, counts, least: extreme(counts, Math.min), most: extreme(counts, Math.max), key };
  classTables.set(table.table!, fields.set(field, found));
  return found;
}

/** There may be more classes than a function takes arguments. */
const extreme = (numbers: readonly number[], of: (a: number, b: number) => number) =>
  numbers.reduce((a, b) => of(a, b));

/** One of its arrays, as a function reads it. */
export function classArray(
  { world: { consumer }, elaboration: { data } }: Context,
  { key, most }: ClassTable,
  name: typeof arrays[number],
): Variable {
  const array = consumer.input({ kind: "data", name: arrayName(key, name) });
  const rows = data.get(arrayName(key, "rows"))!.shape[0]!;
  return rangedBelow(array, name === "counts" ? most + 1 : rows);
}

/** The names of all such arrays. */
export function classArrays({ classTables }: Elaboration): ReadonlySet<string> {
  const tables = [...classTables.values()].flatMap((fields) => [...fields.values()]);
  return new Set(tables.flatMap(({ key }) => arrays.map((name) => arrayName(key, name))));
}

const arrays = ["rows", "starts", "counts"] as const;
const arrayName = (key: string, name: typeof arrays[number]) => `${key}: ${name}`;
