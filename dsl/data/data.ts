// What is in the tables that a program names? Reads every `data … from` and every host array, and checks them against their
// declarations before anything runs, with the row and column of what is wrong.
import type { DataField, DataItem, QuotedText } from "../syntax/ast.ts";
import { asData } from "../../runtime/program/data_memory.ts";
import { rangeOfData } from "../../runtime/ir/ranges.ts";
import { type ArrayType, sizeOf, type TypedArray } from "../../runtime/ir/types.ts";
import { entryOf, entryOfArray, type HostValues, whyNoEntry } from "../../runtime/program/given_arrays.ts";
import { fail } from "../world/report.ts";
import type { Context, Elaboration } from "../world/world.ts";
import type { Dim } from "../world/value_kinds.ts";
import { formatBytes } from "../../runtime/bytes.ts";
import { type DataSource, openDataFile, whenWhole, withinData } from "./data_files.ts";
import { dataKey, declaredDims } from "../elaborate/data_values.ts";
import { areImages, openImages } from "./images.ts";
import { type Entries, heldAs, type NumberArray, openValues, readAll } from "./entries.ts";
import { dtypeOf, requireStatic, tooLarge } from "../elaborate/sizes.ts";
import { openLook } from "../elaborate/functions.ts";
import { hintFor } from "../diagnostics/hints.ts";
import { byteType } from "../modules/declarations.ts";
import type { Module } from "../modules/modules.ts";
import { count, quoted } from "../text/words.ts";

/** Tables from a script: `{ train: { x, y } }`.
 *
 *  @category Compile */
export type HostData = Readonly<Record<string, Readonly<Record<string, HostValues>>>>;

/** What a field that was read is kept as; undefined: it is not. */
type KeyOf = (field: DataField) => string | undefined;

/** Loads the data of every file into `el.data`. */
export function loadData(el: Elaboration, source: DataSource, host: HostData): void {
  const declared = new Set<string>();
  for (const module of el.modules.modules) {
    for (const item of module.program.items) {
      if (item.kind !== "Data") continue;
      declared.add(item.name.name);
      loadItem(el, item, module, source, Object.hasOwn(host, item.name.name) ? host[item.name.name] : undefined);
    }
  }
  const unknown = Object.keys(host).filter((name) => !declared.has(name));
  if (unknown.length === 0) return;
  el.sink.report({
    code: "M0603",
    title: `The program declares no data ${quoted(unknown, " or ")}`,
    at: { source: el.modules.root.source.name, start: 0, end: 0 },
    notes: declared.size > 0 ? [`It declares ${quoted(declared)}`] : [],
    hint: hintFor(unknown[0]!, declared),
  });
}

function loadItem(
  el: Elaboration,
  item: DataItem,
  module: Module,
  source: DataSource,
  host: Readonly<Record<string, HostValues>> | undefined,
): void {
  const cx = openLook(el, "data", module);
  const pending = item.fields.filter((f) => !f.value);
  // of two items of one name (reported), the first counts; the other is read for its own mistakes
  const counts = module.own.get(item.name.name)?.item === item;
  const keyOf: KeyOf = (field) => counts ? dataKey(el, module, item, field) : undefined;
  checkGiven(cx, item, pending, Object.keys(host ?? {}));
  const handed = (f: DataField) => host && Object.hasOwn(host, f.name.name) ? host[f.name.name] : undefined;
  const fromFile = pending.filter((f) => !handed(f));
  for (const field of pending) {
    const values = handed(field);
    if (values && !outsideImages(cx, item, field)) loadHost(cx, item, field, values, keyOf);
  }
  const groups = new Map<QuotedText | undefined, DataField[]>();
  for (const field of fromFile) {
    // one file that several fields name is read once
    const own = field.file && [...groups.keys()].find((key) => key?.text === field.file!.text);
    const from = own ?? field.file ?? item.from;
    groups.set(from, [...groups.get(from) ?? [], field]);
  }
  for (const [from, fields] of groups) {
    if (from) loadFile(cx, item, { from, fields, module, source, keyOf });
    else if (fields.filter((field) => outsideImages(cx, item, field)).length === 0) {
      withoutValues(cx, item, fields as [DataField, ...DataField[]]);
    }
  }
}

/** Reads what some fields take of a file. */
function loadFile(
  cx: Context,
  item: DataItem,
  { from, fields, module, source, keyOf }: {
    readonly from: QuotedText;
    readonly fields: readonly DataField[];
    readonly module: Module;
    readonly source: DataSource;
    readonly keyOf: KeyOf;
  },
): void {
  const file = areImages(from.text)
    ? openImages(cx, { item, from }, module, source)
    : openDataFile(cx, { item, fields: fields.length, from }, module, source);
  if (!file) return;
  const wrongLength: DataField[] = [];
  let rows = 0;
  for (const field of fields) {
    if (!file.images && outsideImages(cx, item, field)) continue;
    const entries = file.entries(cx, field);
    if (!entries || load(cx, item, field, entries, keyOf) !== "rows") continue;
    wrongLength.push(field);
    rows = entries.shape[0]!;
  }
  if (wrongLength.length > 0) {
    rowsDiffer(cx, item, wrongLength as [DataField, ...DataField[]], { path: file.path, rows });
  }
}

/** Reports what is said of fields that nothing is read for, and names that are handed over and not asked for. */
function checkGiven(cx: Context, item: DataItem, pending: readonly DataField[], handed: readonly string[]): void {
  for (const field of item.fields) {
    const misplaced = field.columns?.[0]?.first.span ?? field.file?.span ?? field.folder?.span ?? field.missing?.span ??
      field.resized?.span;
    if (!misplaced || !field.value) continue;
    fail(cx, {
      code: "M0602",
      title: `\`${item.name.name}.${field.name.name}\` has a value here, and nothing is read for it`,
      at: misplaced,
      hint: "leave out either the value or what follows it",
    });
  }
  for (const name of handed) {
    if (pending.some((f) => f.name.name === name)) continue;
    fail(cx, {
      code: "M0603",
      title: item.fields.some((f) => f.name.name === name)
        ? `\`${item.name.name}.${name}\` has a value in the program and cannot be handed over`
        : `The data \`${item.name.name}\` declares no \`${name}\``,
      at: item.name.span,
      hint: hintFor(name, pending.map((f) => f.name.name)),
    });
  }
}

/** True where a field takes what only files of images have (reported). */
function outsideImages(cx: Context, item: DataItem, { name, folder, resized }: DataField): boolean {
  if (!folder && !resized) return false;
  fail(cx, {
    code: "M0602",
    title: resized
      ? `Only images are resized, and \`${item.name.name}.${name.name}\` is none`
      : `\`${item.name.name}.${name.name}\` numbers folders, which only files of images have`,
    at: (folder ?? resized)!.span,
    hint: resized ? "leave out `resized`" : 'read it of images, `data d from "images/*/*.png"`',
  });
  return true;
}

/** Reports fields that neither the program nor anybody else gives values. */
function withoutValues(cx: Context, item: DataItem, fields: readonly [DataField, ...DataField[]]): void {
  const [first, ...others] = fields;
  const { name } = item.name;
  fail(cx, {
    code: "M0601",
    title: `${namesOf(item, fields)} ${others.length > 0 ? "have" : "has"} no values`,
    at: first.span,
    secondary: others.map((f) => ({ span: f.span, message: "" })),
    hint: `read them from a file, \`data ${name} from "${name}.csv" { … }\`, or hand them over from TypeScript`,
  });
}

/** Reports fields that are declared with another number of rows than their file has. */
function rowsDiffer(
  cx: Context,
  item: DataItem,
  fields: readonly [DataField, ...DataField[]],
  { path, rows }: { readonly path: string; readonly rows: number },
): void {
  const [first, ...others] = fields;
  fail(cx, {
    code: "M0602",
    title: `\`${path}\` has ${count(rows, "row")}, and ${namesOf(item, fields)} ${
      others.length > 0 ? "are" : "is"
    } declared with another number`,
    at: first.type?.span ?? first.span,
    secondary: others.map((f) => ({ span: f.type?.span ?? f.span, message: "" })),
    hint: first.type?.sizes?.[0]?.kind === "Number"
      ? `write \`${rows}\` for the number of rows, or \`_\` for as many as there are`
      : undefined,
  });
}

const namesOf = (item: DataItem, fields: readonly DataField[]) =>
  fields.map((f) => `\`${item.name.name}.${f.name.name}\``).join(" and ");

function formatDeclared(dims: readonly (Dim | undefined)[]): string {
  return `[${dims.map((dim) => dim?.name ?? dim?.size ?? "_").join(", ")}]`;
}

/** Fills a field. "rows": a table has not as many rows as declared (not reported). */
function load(cx: Context, item: DataItem, field: DataField, entries: Entries, keyOf: KeyOf): "rows" | undefined {
  const word = field.type?.dtype?.name ?? "float";
  const dtype = word === byteType ? "u8" : dtypeOf(word, cx.elaboration.precision);
  if (!dtype) return undefined; // reported with the declarations
  const name = `${item.name.name}.${field.name.name}`;
  const dims = declaredDims(cx, field);
  if (!dims) return undefined;
  const missing = field.missing && requireStatic(cx, field.missing, "what stands for a missing entry");
  if (field.missing && !missing) return undefined;
  const misfit = missing && whyNoEntry(missing.value, dtype);
  if (misfit) {
    const title = `\`${missing.value}\` cannot stand for a missing entry of \`${name}\`: ${misfit}`;
    return void fail(cx, { code: "M0602", title, at: field.missing!.span });
  }
  if (entries.shape.includes(0)) {
    const rows = entries.shape[0] === 0;
    return void fail(cx, {
      code: "M0602",
      title: `${entries.name} has no ${rows ? "rows" : "entries"}, and \`${name}\` needs at least one`,
      // of a table this is said once, not for each field
      at: entries.from === "table" ? (field.file ?? item.from!).span : field.span,
      label: entries.from === "table" ? "" : `its shape is [${entries.shape.join(", ")}]`,
    });
  }
  const shape = fit(dims.map((dim) => dim?.size), entries);
  if (shape === "rows") return "rows";
  if (!shape) {
    const given = `[${entries.shape.join(", ")}]`;
    const what =
      { host: "the array handed over is", array: "the file holds", table: "the columns read are" }[entries.from];
    return void fail(cx, {
      code: "M0602",
      title: `\`${name}\` is declared as ${formatDeclared(dims)}, ${what} ${given}`,
      at: field.span,
      hint: entries.from === "table" && !field.columns
        ? 'name the columns, such as `from "a", "b"` or `from "p0" .. "p9"`'
        : entries.misfit,
    });
  }
  if (!mayBeRead(cx, field, entries, { shape, declared: !dims.includes(undefined) })) return undefined;
  const { notes: rows = [] } = entries;
  const read = readEntries(cx, field, entries, { dtype, shape, missing: missing?.value, notes: rows });
  const key = keyOf(field);
  if (!read || key === undefined) return undefined;
  // what was unpacked, or came from elsewhere, is not yet where data lie
  const array = asData({ dtype, shape, data: read });
  const { data } = array;
  cx.elaboration.data.set(key, array);
  if (dtype === "i32" || dtype === "u8") {
    const source = { name, data, where: entries.where, notes: rows };
    cx.elaboration.dataRanges.set(key, { ...rangeOfData(data), source });
  }
  return undefined;
}

/** True when what a field takes is within the limits. Else reported. */
function mayBeRead(
  cx: Context,
  field: DataField,
  { name, packed }: Entries,
  { shape, declared }: { readonly shape: readonly number[]; readonly declared: boolean },
): boolean {
  if (tooLarge(cx, shape.map((size) => ({ size })), field.span)) return false;
  if (!packed) return true;
  if (!declared && isBomb(packed)) {
    fail(cx, {
      code: "M0310",
      title: `${name} takes ${formatBytes(packed.from)}, and ${formatBytes(packed.to)} unpacked`,
      at: field.span,
      notes: ["An array that was packed more than a hundredfold is only read when its sizes are declared"],
      hint: `if that is meant, write \`[${shape.join(", ")}]\` for its sizes`,
    });
    return false;
  }
  return withinData(cx, { count: packed.to, what: `${name} unpacked`, at: field.span });
}

/** The entries of a field, with what stands for those that are missing. Undefined when one is wrong (reported). */
function readEntries(
  cx: Context,
  field: DataField,
  entries: Entries,
  { dtype, shape, missing, notes }: ArrayType & {
    readonly missing: number | undefined;
    readonly notes: readonly string[];
  },
): TypedArray | undefined {
  const open = whenWhole(cx, { name: entries.name, at: field.span }, () => entries.open());
  if (!open) return undefined;
  const data = heldAs(dtype, open) ?? readAll(open, { dtype, count: sizeOf(shape), missing });
  if (!("read" in data)) return data;
  const { at: i, read, why } = data;
  const wrong = (what: string, hint?: string) =>
    void fail(cx, { code: "M0602", title: `${entries.where(i)} is ${what}`, at: field.span, notes, hint });
  if (typeof read === "string") {
    const shown = read.length > 40 ? `${read.slice(0, 40)}…` : read;
    const comma = /^[+-]?\d+,\d+$/.test(read)
      ? `a fraction begins with a point, \`${read.replace(",", ".")}\`, and thousands have no mark`
      : undefined;
    return wrong(`\`${shown}\`: it is not a number`, comma);
  }
  if (why === undefined) return wrong("missing", "say what stands for missing entries, such as `missing 0`");
  return wrong(`${read}: ${why}`);
}

/** True where unpacking takes much, and much more than what is packed: nobody said that there are so many numbers. */
function isBomb({ from, to }: { readonly from: number; readonly to: number }): boolean {
  return to > 64e6 && to > 100 * from;
}

/** The shape of a field; undefined when the entries do not have it. "rows": only their number differs. */
function fit(declared: readonly (number | undefined)[], entries: Entries): number[] | "rows" | undefined {
  if (entries.from === "table") {
    const [rows, width] = entries.shape as [number, number];
    if (declared.length === 0) return undefined;
    const rest = declared.slice(1);
    const known = rest.reduce((n: number, size) => n * (size ?? 1), 1);
    const free = rest.filter((size) => size === undefined).length;
    const each = free === 0 ? 1 : width / known;
    if (free > 1 || known * each !== width || !Number.isInteger(each)) return undefined;
    if (declared[0] !== undefined && declared[0] !== rows) return "rows";
    return [rows, ...rest.map((size) => size ?? each)];
  }
  // axes of size 1 at the end may be written or left out
  const axes = Math.max(declared.length, entries.shape.length);
  const shape: number[] = [];
  for (let axis = 0; axis < axes; axis++) {
    const actual = entries.shape[axis] ?? 1;
    const size = axis < declared.length ? declared[axis] ?? actual : 1;
    if (size !== actual) return undefined;
    if (axis < declared.length) shape.push(size);
  }
  return entries.from === "host" && declared.length !== entries.shape.length ? undefined : shape;
}

function loadHost(cx: Context, item: DataItem, field: DataField, { shape, data }: HostValues, keyOf: KeyOf): void {
  const name = `${item.name.name}.${field.name.name}`;
  if (data.length !== sizeOf(shape)) {
    fail(cx, {
      code: "M0602",
      title: `The array for \`${name}\` has ${data.length} entries, its shape [${shape.join(", ")}] needs ${
        sizeOf(shape)
      }`,
      at: field.span,
    });
    return;
  }
  const where = entryOfArray(shape, `the array for \`${name}\``);
  const dtype = field.type?.dtype?.name === "bool" ? "bool" : "f64";
  const what = `The array for \`${name}\``;
  const at = (i: number) => entryOf(data[i], dtype);
  const lies = ArrayBuffer.isView(data) && !(data instanceof BigInt64Array || data instanceof BigUint64Array);
  const open = () => lies ? { ...openValues(data as NumberArray), lent: true } : { at };
  load(cx, item, field, { from: "host", shape, name: what, open, where }, keyOf);
}
