// Which rows of a table make a part of it? Those of which a condition holds, or those that a split draws by seed and name: found once,
// before the run, from what the table holds. A part has the table's fields; its rows are taken where it is read.
import { writingApart } from "../../runtime/ir/builder.ts";
import { rangeOf, rangeOfData, setRange } from "../../runtime/ir/ranges.ts";
import type { HostArray, Variable } from "../../runtime/ir/types.ts";
import { sizeOf } from "../../runtime/ir/types.ts";
import { dependsOnItself } from "../diagnostics/messages.ts";
import { expressionText } from "../format/expression_text.ts";
import type { Definition } from "../modules/modules.ts";
import type { DataItem, Expression, Identifier, PartsItem, TablePart } from "../syntax/ast.ts";
import { count } from "../text/words.ts";
import { evaluate } from "../world/evaluator.ts";
import { whereGiven } from "./sources.ts";
import { fail } from "../world/report.ts";
import { describeValue, errorValue } from "../world/values.ts";
import type { Table } from "../world/value_kinds.ts";
import type { Context, Local, RecordValue, Value } from "../world/world.ts";
import { toTensor } from "./arithmetic.ts";
import { addressOf } from "./draw_keys.ts";
import { onlyChecked, openFunction } from "./functions.ts";
import { computeNow, openNow } from "./known_arrays.ts";
import { topName } from "./models.ts";
import { fieldOf, withoutRows } from "./row_origins.ts";
import { requireStatic } from "./sizes.ts";
import { rowsOfParts, type Share } from "./shares.ts";
import { countRows, fieldNamed } from "./table_rows.ts";

type PartItem = DataItem & { readonly part: TablePart };

/** True for a table that is rows of another one. */
export const isPart = (item: DataItem): item is PartItem => item.part !== undefined;

/** A part of a table as a value: its fields, read when first asked for. The error value where it is none (reported). */
export function partRecord(cx: Context, definition: Definition): Value {
  const item = definition.item as PartItem;
  const { name, span } = item.name;
  const table = tableOf(cx, definition, item.part.of);
  const rows = table && partRows(cx.elaboration, definition);
  if (!rows) return errorValue;
  const members = new Map<string, () => Value>();
  for (const field of table.members.keys()) {
    const taken = (at: Context): Value => {
      const whole = tableOf(at, definition, item.part.of)!.members.get(field)!();
      if (whole.kind === "error") return whole;
      const tensor = toTensor(at, whole);
      if (tensor.kind === "error" || tensor.dims.length === 0) return whole;
      const chosen = cx.world.consumer.input({ kind: "data", name: rowsKey(cx.elaboration, definition) });
      setRange(chosen, { ...rangeOfData(rows), source: { name: `the rows of ${name}`, data: rows } });
      const variable = at.b.one("gather", [tensor.variable, chosen], { axis: 0, batch: 0 });
      const called = `${name}.${field}`;
      if (variable.dtype === "i32") noteRows(variable, tensor.variable, rows, called);
      const dims = [{ size: rows.length }, ...withoutRows(tensor.dims.slice(1))];
      return fieldOf(item, { kind: "tensor", variable, dims, declared: { name: called, span } });
    };
    members.set(field, () => whereGiven(cx, taken));
  }
  return { kind: "record", name, what: "data", table: item, span, members };
}

/** Has the integers of a part know where they stand in the table. */
function noteRows(variable: Variable, whole: Variable, rows: Int32Array, name: string): void {
  const { source, ...range } = rangeOf(whole);
  const width = sizeOf(whole.shape.slice(1));
  const data = source?.data && width === 1 ? Int32Array.from(rows, (row) => source.data![row]!) : undefined;
  setRange(variable, {
    ...(data ? rangeOfData(data) : { ...range, attained: false }),
    ...(source && {
      source: {
        name,
        ...(data && { data }),
        ...(source.where && { where: (i: number) => source.where!(rows[Math.floor(i / width)]! * width + i % width) }),
        ...(source.notes && { notes: source.notes }),
      },
    }),
  });
}

/** What the numbers of a part's rows are called among all that is read. */
function rowsKey(el: Context["elaboration"], { item, module }: Definition): string {
  const { name } = (item as PartItem).name;
  return `${topName(el, { name, item, module })}: rows`;
}

/** The names of all such arrays. */
export function rowsKeys(el: Context["elaboration"]): ReadonlySet<string> {
  const definitions = el.modules.modules.flatMap((module) => [...module.own.values()]);
  return new Set(definitions.filter(({ item }) => el.parts.has(item as DataItem)).map((own) => rowsKey(el, own)));
}

/** The table that a part is taken of. Undefined where there is none (reported). */
function tableOf(cx: Context, { item, module }: Definition, { name, span }: Identifier): RecordValue | undefined {
  const { busy } = cx.elaboration;
  if (busy.has(item)) return void fail(cx, dependsOnItself((item as PartItem).name.name, span));
  const scope = { module, parent: undefined, locals: new Map() };
  const at = { ...cx, scope, frames: [], batch: undefined };
  busy.add(item);
  try {
    const value = evaluate(at, { kind: "Name", name, primed: false, span });
    if (value.kind === "error") return undefined;
    if (value.kind === "record" && value.what === "data") return value;
    return void fail(at, {
      code: "M0203",
      title: `A part is taken of a \`data\` item, not of ${describeValue(value)}`,
      at: span,
    });
  } finally {
    busy.delete(item);
  }
}

// ---------------------------------------------------------------------------------------------------------------- rows

/** The numbers of the rows of a part, increasing. Undefined where they cannot be known (reported once). */
export function partRows(el: Context["elaboration"], definition: Definition): Int32Array | undefined {
  const item = definition.item as PartItem;
  if (!el.parts.has(item)) {
    el.parts.set(item, undefined);
    const { where } = item.part;
    const found = writingApart(() =>
      where ? [[item, rowsWhere(el, definition, where)] as const] : rowsOfSplit(el, definition)
    );
    for (const [part, rows] of found) el.parts.set(part, rows);
  }
  const rows = el.parts.get(item);
  if (rows) el.data.set(rowsKey(el, definition), { dtype: "i32", shape: [rows.length], data: rows });
  return rows;
}

/** The definition of a table. */
export function definitionOf({ modules }: Context["elaboration"], table: Table): Definition {
  const definitions = modules.modules.flatMap((module) => [...module.own.values()]);
  return definitions.find(({ item }) => item === table)!;
}

/** The table that a table is rows of, with their numbers; undefined where it is all of them. */
function rowsOfWhole(
  el: Context["elaboration"],
  definition: Definition,
): { whole: Table; rows: Int32Array | undefined } {
  const item = definition.item as DataItem;
  const around = isPart(item) ? definition.module.visible.get(item.part.of.name) : undefined;
  if (!around) return { whole: item, rows: undefined };
  const { whole, rows } = rowsOfWhole(el, around);
  const own = partRows(el, definition) ?? Int32Array.of();
  return { whole, rows: rows ? own.map((row) => rows[row]!) : own };
}

/** True for tables that have a row in common: parts of one table, or a part and its table. */
export function shareRows(el: Context["elaboration"], a: Table, b: Table): boolean {
  const [first, second] = [a, b].map((table) => rowsOfWhole(el, definitionOf(el, table)));
  if (first!.whole !== second!.whole) return false;
  if (!first!.rows || !second!.rows) return true;
  const rows = new Set(first!.rows);
  return second!.rows.some((row) => rows.has(row));
}

const scopeOf = ({ module }: Definition, locals: ReadonlyMap<string, Local> = new Map()) => {
  return { module, parent: undefined, locals };
};

/** A table with the function that its values are written in, to be known now. */
interface Look {
  readonly cx: Context;
  readonly table: RecordValue;
  readonly rows: number;
  /** The entries of an array. Undefined where they are known only when the program runs (reported). */
  known(value: Value, what: string, at: Expression["span"]): HostArray | undefined;
}

/** Undefined where the table has no rows, or fields of different numbers (reported). */
function lookAt(el: Context["elaboration"], definition: Definition): Look | undefined {
  const { cx, known } = openNow(el, scopeOf(definition));
  const { of } = (definition.item as PartItem).part;
  const table = tableOf(cx, definition, of);
  const rows = table && countRows(cx, table, of.span, "a part");
  if (!table || rows === undefined) return undefined;
  return {
    cx,
    table,
    rows,
    known(value, what, at) {
      const tensor = toTensor(cx, value);
      const array = tensor.kind === "error" ? undefined : known(tensor);
      if (typeof array !== "string") return array;
      return void fail(cx, {
        code: "M0602",
        title: `${what} must be known before the run, and it is ${array}`,
        at,
        hint: "a part is taken by what a file, a script or the program itself says",
      });
    },
  };
}

/** The rows of which a condition holds, in which the table's fields go by their names. */
function rowsWhere(el: Context["elaboration"], definition: Definition, where: Expression): Int32Array | undefined {
  const look = lookAt(el, definition);
  if (!look) return undefined;
  const { table, rows } = look;
  const locals = new Map([...table.members].map(([name, read]): [string, Local] => [name, { value: read }]));
  const cx = { ...look.cx, scope: scopeOf(definition, locals) };
  const condition = evaluate(cx, where);
  if (condition.kind === "error") return undefined;
  const tensor = toTensor(cx, condition);
  if (
    tensor.kind === "error" || tensor.variable.dtype !== "bool" || tensor.dims.length !== 1 ||
    tensor.dims[0]!.size !== rows
  ) {
    return void fail(cx, {
      code: "M0304",
      title: `A part is told by a condition for each row, bool [${rows}], and this is ${describeValue(condition)}`,
      at: where.span,
      hint: `compare a field of \`${table.name}\`, such as \`${[...table.members.keys()][0]} < 3\``,
    });
  }
  const holds = look.known(condition, "The condition", where.span);
  if (!holds) return undefined;
  const found = Int32Array.from({ length: rows }, (_, i) => i).filter((i) => holds.data[i] !== 0);
  if (found.length > 0) return found;
  const text = expressionText(definition.module.source.text, where);
  return void fail(cx, {
    code: "M0602",
    title: `\`${definition.name}\` is empty: of no row of \`${table.name}\` holds \`${text}\``,
    at: where.span,
  });
}

// -------------------------------------------------------------------------------------------------------------- splits

/** The rows of all parts of the split that a part belongs to. */
function rowsOfSplit(el: Context["elaboration"], definition: Definition): ReadonlyMap<DataItem, Int32Array> {
  const none = new Map<DataItem, Int32Array>();
  const own = definition.item as PartItem;
  const split = definition.module.program.items.find((item): item is PartsItem =>
    item.kind === "Parts" && item.parts.includes(own)
  )!;
  for (const part of split.parts) el.parts.set(part, undefined); // what is wrong is said once
  const look = lookAt(el, definition);
  const shares = look && sharesOf(look, split);
  if (!look || !shares) return none;
  const { cx, table } = look;
  const groups = split.by && groupsOf(look, split.by);
  if (split.by && !groups) return none;
  if (split.evenly && !groups) {
    fail(cx, {
      code: "M0602",
      title: "`evenly` keeps the proportions of a field, and none is named",
      at: split.span,
      hint: `write \`split ${split.of.name} evenly by FIELD into …\`, or leave \`evenly\` out`,
    });
    return none;
  }
  const units = groups && !split.evenly ? new Set(groups).size : look.rows;
  const counted = (n: number) => count(n, groups && !split.evenly ? "group" : "row");
  const random = randomWords(el, definition, split, 2 * (look.rows + units));
  const parts = rowsOfParts({ rows: look.rows, groups, evenly: split.evenly, shares, random });
  if ("units" in parts) {
    const whole = parts.share > 1 &&
      parts.share === shares.reduce((sum, each) => sum + ("of" in each ? each.of : NaN), 0);
    fail(cx, {
      code: "M0602",
      title: `The parts take ${whole ? `${Number(parts.share.toPrecision(6))} of the whole` : counted(parts.units)}` +
        (whole ? "" : `, and \`${table.name}\` has ${counted(units)}`),
      at: split.span,
      hint: shares.every((each) => "count" in each) ? "a share of the whole has a point: `0.8`" : undefined,
    });
    return none;
  }
  const found = new Map<DataItem, Int32Array>();
  parts.forEach((rows, i) => {
    const part = split.parts[i]!;
    if (rows.length > 0) {
      found.set(part, rows);
      return;
    }
    fail(cx, {
      code: "M0602",
      title: `\`${part.name.name}\` is empty: \`${table.name}\` has ${counted(units)}`,
      at: part.part.share!.span,
      hint: "give it a larger share, or a number of its own",
    });
  });
  return found;
}

/** What each part takes. Undefined where one is no share and no number (reported). */
function sharesOf({ cx }: Look, { parts }: PartsItem): readonly Share[] | undefined {
  const shares = parts.map(({ name, part: { share } }): Share | undefined => {
    const value = requireStatic(cx, share!, `the share of \`${name.name}\``);
    if (!value) return undefined;
    const { type, value: number } = value;
    if (type === "int" && number > 0) return { count: number };
    if (type === "float" && number > 0 && number <= 1) return { of: number };
    return void fail(cx, {
      code: "M0602",
      title: `\`${name.name}\` takes ${number}, and a part takes a share from 0 to 1, or a whole number of at least 1`,
      at: share!.span,
    });
  });
  return shares.includes(undefined) ? undefined : shares as readonly Share[];
}

/** The group of each row, by a field. Undefined where it tells none (reported). */
function groupsOf({ cx, table, rows, known }: Look, by: Identifier): Int32Array | undefined {
  const value = fieldNamed(cx, table, by);
  if (!value || value.kind === "error") return undefined;
  const { name, span: at } = by;
  const tensor = toTensor(cx, value, "int");
  const tells = tensor.kind === "tensor" && tensor.dims.length === 1 && tensor.dims[0]!.size === rows &&
    (tensor.variable.dtype === "i32" || tensor.variable.dtype === "bool");
  if (!tells) {
    return void fail(cx, {
      code: "M0304",
      title: `Groups are told by one whole number for each row, and \`${table.name}.${name}\` is ${
        describeValue(value)
      }`,
      at,
    });
  }
  const numbers = known(tensor, `\`${table.name}.${name}\``, at);
  return numbers && Int32Array.from(numbers.data);
}

/** Random words of the seed and of what is split: the first part gives the split its name. */
function randomWords(
  el: Context["elaboration"],
  { module }: Definition,
  { of, parts }: PartsItem,
  length: number,
): Uint32Array {
  const draft = openFunction(el, "part", {
    consumer: "",
    scope: { module, parent: undefined, locals: new Map() },
    ...onlyChecked,
  });
  const { key, counter } = addressOf(draft.cx, {
    module,
    drawnAs: `split ${of.name} into ${parts[0]!.name.name}`,
    once: true,
  });
  const { fn, inputs } = draft.finish([draft.b.one("random_bits", [key, counter], { shape: [length] })]);
  const seed = { dtype: "i32", shape: [2], data: Int32Array.of(el.seed, Math.floor(el.seed / 2 ** 32)) } as const;
  const words = computeNow(fn, inputs.map(() => seed)).data;
  return new Uint32Array(words.buffer as ArrayBuffer, words.byteOffset, words.length);
}
