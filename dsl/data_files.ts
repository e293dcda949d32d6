// What does a data file hold? Tables (.csv, .tsv) by their columns and arrays (.npy, .npz) by their names, as entries that
// know where they stand.
import type { ColumnRange, DataField, DataItem, QuotedText } from "./ast.ts";
import { place } from "../runtime/loop/given_arrays.ts";
import { parseTable } from "./csv.ts";
import { fail } from "./elaboration.ts";
import { hintFor } from "./hints.ts";
import { type Module, resolvePath } from "./modules.ts";
import { count } from "./models.ts";
import { type NpyArray, parseNpy } from "./npy.ts";
import { unpack } from "./npz.ts";
import type { Context } from "./world.ts";

/** The bytes of a data file by its path relative to the root file's folder; undefined when there is none. */
export type ReadData = (path: string) => Uint8Array | undefined;

/** What a field is filled with. */
export interface Entries {
  /** "table": rows by columns, whose second axis the declaration may split or leave out. */
  readonly from: "table" | "array" | "host";
  readonly shape: readonly number[];
  /** What holds them, for an error. */
  readonly name: string;
  /** Entry i, row-major: NaN where it is missing, its text where that is no number. */
  at(i: number): number | string;
  /** Where entry i stands, for an error. */
  where(i: number): string;
}

/** A file that was read: what it holds for one field. Undefined when it holds no such thing (reported). */
export type DataFile = { readonly path: string; entries(cx: Context, field: DataField): Entries | undefined };

/** Reads the file of a data item. Undefined when that fails (reported). */
export function openDataFile(
  cx: Context,
  item: DataItem,
  from: QuotedText,
  module: Module,
  read: ReadData,
): DataFile | undefined {
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
  const extension = /\.[^./]*$/.exec(path.toLowerCase())?.[0] ?? "";
  const parser = parsers.get(extension);
  if (!parser) {
    fail(cx, {
      code: "M0601",
      title: extension
        ? `A file \`*${extension}\` is not read as data`
        : `\`${from.text}\` does not say what kind of file it is`,
      at: from.span,
      notes: ["Data are read from .csv, .tsv, .npy and .npz files"],
    });
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
  if (bytes.length === 0) {
    fail(cx, { code: "M0601", title: `\`${path}\` is empty`, at: from.span });
    return undefined;
  }
  try {
    return parser(path, bytes, item);
  } catch (error) {
    fail(cx, {
      code: "M0601",
      title: `\`${path}\` is not a complete ${extension.slice(1).toUpperCase()} file`,
      at: from.span,
      notes: [(error as Error).message],
    });
    return undefined;
  }
}

type Parser = (path: string, bytes: Uint8Array, item: DataItem) => DataFile;

const parsers: ReadonlyMap<string, Parser> = new Map<string, Parser>([
  [".csv", (path, bytes) => tableFile(path, bytes, ",")],
  [".tsv", (path, bytes) => tableFile(path, bytes, "\t")],
  [".npy", arrayFile],
  [".npz", archiveFile],
]);

// ---------------------------------------------------------------------------------------------------------------- tables

function tableFile(path: string, bytes: Uint8Array, separator: "," | "\t"): DataFile {
  const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  const [first = [], ...body] = parseTable(text, separator);
  const header = first.map((name) => name.trim());
  body.forEach((row, i) => {
    if (row.length === header.length || isEmpty(row)) return;
    throw new SyntaxError(`Row ${i + 2} has ${count(row.length, "cell")}, and the header ${header.length}`);
  });
  const rows = body.filter((row) => !isEmpty(row));
  return {
    path,
    entries(cx, field) {
      const columns = chooseColumns(cx, field, header, path);
      if (!columns) return undefined;
      const width = columns.length;
      return {
        from: "table",
        shape: [rows.length, width],
        name: `\`${path}\``,
        at: (i) => readCell(rows[Math.floor(i / width)]![columns[i % width]!] ?? ""),
        where: cellOf(columns.map((column) => header[column]!), path),
      };
    },
  };
}

/** Where entry i of some columns stands: it is kept longer than the table. */
function cellOf(columns: readonly string[], path: string): Entries["where"] {
  const width = columns.length;
  return (i) => `Row ${Math.floor(i / width) + 2}, column \`${columns[i % width]}\` of \`${path}\``;
}

/** Where entry i of an array stands: it is kept longer than the entries. */
export function entryOfArray(shape: readonly number[], name: string): Entries["where"] {
  return (i) => `Entry [${place(i, shape).join(", ")}] of ${name}`;
}

/** True for a line without any text, which is no row. */
const isEmpty = (row: readonly string[]) => row.length <= 1 && (row[0] ?? "").trim() === "";

/** The places of the columns that a field names. Undefined when the table lacks one (reported). */
function chooseColumns(
  cx: Context,
  field: DataField,
  header: readonly string[],
  path: string,
): readonly number[] | undefined {
  const find = ({ text, span }: QuotedText): number => {
    const at = header.indexOf(text);
    if (at === -1 || header.indexOf(text, at + 1) !== -1) {
      fail(cx, {
        code: "M0602",
        title: at === -1 ? `\`${path}\` has no column \`${text}\`` : `\`${path}\` has two columns \`${text}\``,
        at: span,
        notes: at === -1 ? [`Its columns are ${list(header)}`] : [],
        hint: at === -1 ? hintFor(text, header) : "give them different names",
      });
      return -1;
    }
    return at;
  };
  const named: readonly ColumnRange[] = field.columns ?? [{ first: { text: field.name.name, span: field.name.span } }];
  const columns: number[] = [];
  for (const { first, last } of named) {
    const [from, to] = [find(first), last && find(last)];
    if (from === -1 || to === -1) return undefined;
    if (to !== undefined && to < from) {
      fail(cx, {
        code: "M0602",
        title: `In \`${path}\` the column \`${last!.text}\` stands before \`${first.text}\``,
        at: last!.span,
        hint: `write \`"${last!.text}" .. "${first.text}"\``,
      });
      return undefined;
    }
    for (let column = from; column <= (to ?? from); column++) columns.push(column);
  }
  return columns;
}

/** `a`, `b` and 781 more. */
function list(names: Iterable<string>): string {
  const all = [...names].map((name) => `\`${name}\``);
  return all.length <= 12 ? all.join(", ") : `${all.slice(0, 10).join(", ")} and ${all.length - 10} more`;
}

/** What tables write where nothing was measured. */
const missingCell = /^(|na|n\/a|nan|null|none|\?)$/i;

function readCell(text: string): number | string {
  const cell = text.trim();
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(cell)) return Number(cell);
  if (missingCell.test(cell)) return NaN;
  const truth = cell.toLowerCase();
  return truth === "true" ? 1 : truth === "false" ? 0 : cell;
}

// ---------------------------------------------------------------------------------------------------------------- arrays

function arrayFile(path: string, bytes: Uint8Array, item: DataItem): DataFile {
  const array = parseNpy(bytes);
  return {
    path,
    entries(cx, field) {
      const pending = item.fields.filter((each) => !each.value);
      if (pending.length > 1 || field.columns) {
        fail(cx, {
          code: "M0602",
          title: `\`${path}\` holds one array without a name`,
          at: field.columns?.at(0)?.first.span ?? field.name.span,
          hint: field.columns
            ? "leave out `from` after the type"
            : "save several arrays to one .npz file, or declare one `data` for each file",
        });
        return undefined;
      }
      return arrayEntries(array, `\`${path}\``);
    },
  };
}

function archiveFile(path: string, bytes: Uint8Array): DataFile {
  const files = new Map<string, Uint8Array>();
  for (const [name, content] of unpack(bytes)) if (name.endsWith(".npy")) files.set(name.slice(0, -4), content);
  return {
    path,
    entries(cx, field) {
      const [only, ...others] = field.columns ?? [{ first: { text: field.name.name, span: field.name.span } }];
      const { text, span } = only!.first;
      const content = files.get(text);
      if (!content || only!.last || others.length > 0) {
        fail(cx, {
          code: "M0602",
          title: content ? "A field takes one array of an archive" : `\`${path}\` has no array \`${text}\``,
          at: content ? (only!.last ?? others[0]!.first).span : span,
          notes: content ? [] : [files.size > 0 ? `Its arrays are ${list(files.keys())}` : "It holds no arrays"],
          hint: content ? "declare a field for each, and join them with `concat`" : hintFor(text, [...files.keys()]),
        });
        return undefined;
      }
      try {
        return arrayEntries(parseNpy(content), `\`${text}\` in \`${path}\``);
      } catch (error) {
        fail(cx, {
          code: "M0601",
          title: `The array \`${text}\` in \`${path}\` cannot be read`,
          at: span,
          notes: [(error as Error).message],
        });
        return undefined;
      }
    },
  };
}

function arrayEntries({ shape, data }: NpyArray, name: string): Entries {
  return {
    from: "array",
    shape,
    name,
    at: (i) => data[i]!,
    where: entryOfArray(shape, name),
  };
}
