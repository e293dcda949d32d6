// What is in the tables that a program names? Reads every `data … from` and every host array, and checks them against their
// declarations before anything runs, with the row and column of what is wrong.
import type { Binding, DataItem } from "./ast.ts";
import type { DType, HostArray, TypedArray } from "../runtime/ir/types.ts";
import { allocate, sizeOf } from "../runtime/ir/types.ts";
import { type Elaboration, fail, moduleScope } from "./elaboration.ts";
import { evaluateType } from "./sizes.ts";
import { openFunction } from "./consumers.ts";
import { hintFor } from "./hints.ts";
import { type Module, resolvePath } from "./modules.ts";
import { parseCsv } from "./csv.ts";
import type { Context } from "./world.ts";
import { count } from "./models.ts";
import { formatDims } from "./values.ts";

/** The bytes of a data file by its path relative to the root file's folder; undefined when there is none. */
export type ReadData = (path: string) => Uint8Array | undefined;

/** An array handed over by a script: values row-major, with their shape (a plain array is a vector). */
export interface HostValues {
  /** Sizes of the axes, outermost first. */
  readonly shape: readonly number[];
  /** The entries; they are converted to the type that the program declares. */
  readonly data: TypedArray | readonly number[];
}

/** Tables from a script: `{ train: { x, y } }`. */
export type HostData = Readonly<Record<string, Readonly<Record<string, HostValues>>>>;

/** Loads the data of every file into `el.data`. */
export function loadData(el: Elaboration, read: ReadData, host: HostData): void {
  const declared = new Set<string>();
  for (const module of el.modules.modules) {
    for (const item of module.program.items) {
      if (item.kind !== "Data") continue;
      declared.add(item.name.name);
      loadItem(el, item, module, read, Object.hasOwn(host, item.name.name) ? host[item.name.name] : undefined);
    }
  }
  const unknown = Object.keys(host).filter((name) => !declared.has(name));
  if (unknown.length === 0) return;
  el.sink.report({
    code: "M0603",
    title: `The program declares no data ${unknown.map((n) => `\`${n}\``).join(" or ")}`,
    at: { source: el.modules.root.source.name, start: 0, end: 0 },
    notes: declared.size > 0 ? [`It declares ${[...declared].map((n) => `\`${n}\``).join(", ")}`] : [],
    hint: hintFor(unknown[0]!, declared),
  });
}

function loadItem(
  el: Elaboration,
  item: DataItem,
  module: Module,
  read: ReadData,
  host: Readonly<Record<string, HostValues>> | undefined,
): void {
  const { cx } = openFunction(el, "data", {
    consumer: "",
    dry: true,
    scope: moduleScope(module),
    persistent: new Set(),
  });
  const pending = item.fields.filter((f) => !f.value);
  for (const name of Object.keys(host ?? {})) {
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
  const handed = (f: Binding) => host && Object.hasOwn(host, f.name.name) ? host[f.name.name] : undefined;
  const fromFile = pending.filter((f) => !handed(f));
  for (const field of pending) {
    const values = handed(field);
    if (values) loadHost(cx, item, field, values);
  }
  if (fromFile.length === 0) return;
  if (!item.from) {
    const [first, ...others] = fromFile as [Binding, ...Binding[]];
    const names = fromFile.map((f) => `\`${item.name.name}.${f.name.name}\``);
    fail(cx, {
      code: "M0601",
      title: `${names.join(" and ")} ${names.length > 1 ? "have" : "has"} no values`,
      at: first.span,
      secondary: others.map((f) => ({ span: f.span, message: "" })),
      hint:
        `read them from a file, \`data ${item.name.name} from "${item.name.name}.csv" { … }\`, or hand them over from TypeScript`,
    });
    return;
  }
  const table = readTable(cx, item, module, read);
  if (!table) return;
  const wrongLength: Binding[] = [];
  for (const field of fromFile) if (loadColumn(cx, item, field, table) === "length") wrongLength.push(field);
  const [first, ...others] = wrongLength;
  if (!first) return;
  const rows = table.rows.length;
  fail(cx, {
    code: "M0602",
    title: `\`${table.path}\` has ${count(rows, "row")}, and ${
      wrongLength.map((f) => `\`${item.name.name}.${f.name.name}\``).join(" and ")
    } ${wrongLength.length > 1 ? "are" : "is"} declared with another number`,
    at: first.type?.span ?? first.span,
    secondary: others.map((f) => ({ span: f.type?.span ?? f.span, message: "" })),
    hint: first.type?.sizes?.[0]?.kind === "Number" ? `write \`${rows}\` for the number of rows` : undefined,
  });
}

/** The declared type of a field. Undefined when wrong (reported). */
function declaredType(cx: Context, field: Binding): { dtype: DType; shape: number[]; text: string } | undefined {
  const { precision } = cx.elaboration;
  const names = new Map<string, DType>([["int", "i32"], ["bool", "bool"], ["float", precision]]);
  const written = field.type?.dtype;
  const dtype = written ? names.get(written.name) : precision;
  if (!dtype) return undefined; // reported with the declarations
  const dims = evaluateType(cx, field.type ?? { sizes: [], span: field.name.span });
  return dims && { dtype, shape: dims.map((d) => d.size), text: formatDims(dims) };
}

function loadHost(cx: Context, item: DataItem, field: Binding, values: HostValues): void {
  const type = declaredType(cx, field);
  if (!type) return;
  const name = `${item.name.name}.${field.name.name}`;
  const given = values.shape.join(", ");
  if (values.shape.length !== type.shape.length || type.shape.some((n, i) => n !== values.shape[i])) {
    fail(cx, {
      code: "M0602",
      title: `\`${name}\` is declared as ${type.text}, the array handed over is [${given}]`,
      at: field.span,
    });
    return;
  }
  if (values.data.length !== sizeOf(type.shape)) {
    fail(cx, {
      code: "M0602",
      title: `The array for \`${name}\` has ${values.data.length} entries, its shape [${given}] needs ${
        sizeOf(type.shape)
      }`,
      at: field.span,
    });
    return;
  }
  const data = allocate(type.dtype, values.data.length);
  for (let i = 0; i < data.length; i++) {
    const value = values.data[i]!;
    const wrong = checkCell(value, type.dtype);
    if (wrong) {
      fail(cx, { code: "M0602", title: `Entry ${i} of \`${name}\` is ${value}: ${wrong}`, at: field.span });
      return;
    }
    data[i] = value;
  }
  cx.elaboration.data.set(name, { dtype: type.dtype, shape: type.shape, data });
}

/** What is wrong with a number as an entry of a dtype, or nothing. */
function checkCell(value: number, dtype: DType): string | undefined {
  if (!Number.isFinite(value)) return "only finite numbers are data";
  if (dtype === "i32" && (!Number.isInteger(value) || Math.abs(value) > 2147483647)) {
    return "it is not a 32-bit integer";
  }
  if (dtype === "bool" && value !== 0 && value !== 1) return "a bool is 0 or 1";
  return undefined;
}

interface Table {
  readonly path: string;
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

function readTable(cx: Context, item: DataItem, module: Module, read: ReadData): Table | undefined {
  const from = item.from!;
  const path = resolvePath(module.source.name, from.text);
  if (path === undefined) {
    fail(cx, {
      code: "M0605",
      title: `\`${from.text}\` lies outside the program's folder`,
      at: from.span,
      hint: "put the data beside the program and name it by a relative path",
    });
    return undefined;
  }
  if (!path.toLowerCase().endsWith(".csv")) {
    fail(cx, { code: "M0701", title: "Data from files other than CSV is not yet supported", at: from.span });
    return undefined;
  }
  let bytes: Uint8Array | undefined;
  try {
    bytes = read(path);
  } catch (error) {
    fail(cx, {
      code: "M0601",
      title: `\`${from.text}\` cannot be read`,
      at: from.span,
      notes: [(error as Error).message],
    });
    return undefined;
  }
  if (!bytes) {
    fail(cx, { code: "M0601", title: `There is no file \`${path}\``, at: from.span });
    return undefined;
  }
  let rows: string[][];
  try {
    rows = parseCsv(new TextDecoder("utf-8", { fatal: true }).decode(bytes).replace(/^\uFEFF/, ""));
  } catch (error) {
    fail(cx, {
      code: "M0601",
      title: `\`${path}\` is not a complete CSV file`,
      at: from.span,
      notes: [(error as Error).message],
    });
    return undefined;
  }
  const [header, ...body] = rows;
  if (!header) {
    fail(cx, { code: "M0601", title: `\`${path}\` is empty`, at: from.span });
    return undefined;
  }
  return { path, header: header.map((h) => h.trim()), rows: body.filter((r) => r.length > 1 || r[0] !== "") };
}

/** Reads one column. "length": it has not as many rows as declared (not reported). */
function loadColumn(cx: Context, item: DataItem, field: Binding, table: Table): "length" | undefined {
  const type = declaredType(cx, field);
  if (!type) return undefined;
  const column = table.header.indexOf(field.name.name);
  const name = `${item.name.name}.${field.name.name}`;
  if (column === -1) {
    fail(cx, {
      code: "M0602",
      title: `\`${table.path}\` has no column \`${field.name.name}\``,
      at: field.name.span,
      notes: [`Its columns are ${table.header.map((h) => `\`${h}\``).join(", ")}`],
      hint: hintFor(field.name.name, table.header),
    });
    return undefined;
  }
  if (type.shape.slice(1).some((n) => n !== 1)) {
    fail(cx, {
      code: "M0701",
      title: "Several columns in one tensor are not yet supported",
      at: field.type!.span,
      notes: [`A column is [rows] or [rows, 1], and this is ${type.text}`],
    });
    return undefined;
  }
  const size = sizeOf(type.shape);
  if (table.rows.length !== size) return "length";
  const data = allocate(type.dtype, size);
  for (const [i, row] of table.rows.entries()) {
    const cell = (row[column] ?? "").trim();
    const value = cell === "true" ? 1 : cell === "false" ? 0 : readNumber(cell);
    const wrong = Number.isNaN(value) ? "it is not a number" : checkCell(value, type.dtype);
    if (wrong) {
      const shown = cell.length > 40 ? `${cell.slice(0, 40)}…` : cell;
      fail(cx, {
        code: "M0602",
        title: `Row ${i + 2}, column \`${field.name.name}\` of \`${table.path}\` is ${
          cell === "" ? "empty" : `\`${shown}\`: ${wrong}`
        }`,
        at: field.span,
        notes: ["Rows are counted with the header, which is row 1"],
      });
      return undefined;
    }
    data[i] = value;
  }
  const array: HostArray = { dtype: type.dtype, shape: type.shape, data };
  cx.elaboration.data.set(name, array);
  return undefined;
}

/** A decimal number as CSV files hold them; NaN for anything else, such as `0x10`, `1_000` or an empty cell. */
function readNumber(cell: string): number {
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(cell) ? Number(cell) : NaN;
}
