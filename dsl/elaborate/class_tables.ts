// Which rows of a table belong to which class? The values of one of its fields, and the rows that have each: known before the run, and
// kept beside the data as arrays of integers, so that a row of a class is two look-ups away.
import { writingApart } from "../../runtime/ir/builder.ts";
import type { TypedArray, Variable } from "../../runtime/ir/types.ts";
import { evaluate } from "../world/evaluator.ts";
import { errorValue } from "../world/values.ts";
import { moduleScope } from "../world/report.ts";
import type { Context, Elaboration, RecordValue } from "../world/world.ts";
import type { ClassTable } from "../world/value_kinds.ts";
import { toTensor } from "./arithmetic.ts";
import { rangedBelow } from "./drawn_integers.ts";
import { openNow } from "./known_arrays.ts";
import { definitionOf } from "./parts.ts";

/** The classes that a field of whole numbers makes, found once for each table and field. Undefined where it is known only when the
 *  program runs. */
export function classTable({ elaboration }: Context, table: RecordValue, field: string): ClassTable | undefined {
  const { classTables } = elaboration;
  const fields = classTables.get(table.table!) ?? new Map<string, ClassTable | undefined>();
  if (fields.has(field)) return fields.get(field);
  const numbers = writingApart(() => fieldNumbers(elaboration, table, field));
  const made = numbers && tableOf(elaboration, `${table.name} by ${field}`, numbers);
  classTables.set(table.table!, fields.set(field, made));
  return made;
}

/** What a file, a script or the program itself says of a field, or what is computed of that. */
function fieldNumbers(el: Elaboration, { table }: RecordValue, field: string): TypedArray | undefined {
  const { name, module, item } = definitionOf(el, table!);
  const { cx, known } = openNow(el, moduleScope(module));
  const whole = evaluate(cx, { kind: "Name", name, primed: false, span: item.span });
  const value = whole.kind === "record" ? toTensor(cx, whole.members.get(field)!(), "int") : errorValue;
  if (value.kind === "error") return undefined;
  const array = known(value);
  return typeof array === "string" ? undefined : array.data;
}

/** Makes the table, and puts its arrays beside the data. */
function tableOf({ data }: Elaboration, name: string, numbers: TypedArray): ClassTable {
  const rowsOf = new Map<number, number[]>();
  for (let row = 0; row < numbers.length; row++) {
    const rows = rowsOf.get(numbers[row]!);
    if (rows) rows.push(row);
    else rowsOf.set(numbers[row]!, [row]);
  }
  const values = [...rowsOf.keys()].sort((a, b) => a - b);
  const groups = values.map((value) => rowsOf.get(value)!);
  const counts = groups.map((rows) => rows.length);
  let key = name;
  while (data.has(arrayName(key, "rows"))) key += "'";
  let start = 0;
  const starts = counts.map((n) => (start += n) - n);
  const made = { rows: groups.flat(), starts, counts };
  for (const name of arrays) {
    data.set(arrayName(key, name), { dtype: "i32", shape: [made[name].length], data: Int32Array.from(made[name]) });
  }
  return { values, counts, least: extreme(counts, Math.min), most: extreme(counts, Math.max), key };
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
  const tables = [...classTables.values()].flatMap((fields) => [...fields.values()]).filter((table) => !!table);
  return new Set(tables.flatMap(({ key }) => arrays.map((name) => arrayName(key, name))));
}

const arrays = ["rows", "starts", "counts"] as const;
const arrayName = (key: string, name: typeof arrays[number]) => `${key}: ${name}`;
