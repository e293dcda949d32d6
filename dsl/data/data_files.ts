// What does a data file hold? Tables (.csv, .tsv) by their columns and arrays (.npy, .npz) by their names, as entries that
// know where they stand.
import type { ColumnRange, DataField, DataItem, QuotedText } from "../syntax/ast.ts";
import type { Span } from "../text/source.ts";
import { parseTable, readCell, type Table } from "./csv.ts";
import { withinLimit } from "../elaborate/sizes.ts";
import { fail } from "../world/report.ts";
import { listed } from "../text/words.ts";
import { hintFor } from "../diagnostics/hints.ts";
import { type Module, resolvePath } from "../modules/modules.ts";
import { mostHeaderBytes, npyEntries, type NpyHeader, readNpyHeader } from "./npy.ts";
import { openArchive } from "./npz.ts";
import type { Context } from "../world/world.ts";
import type { Entries } from "./entries.ts";
import { entryOfArray } from "../../runtime/program/given_arrays.ts";

/** The bytes of a data file by its path relative to the root file's folder; undefined when there is none. A reader that knows
 *  how many there are may ask `take` first, and give undefined when it says no. */
export type ReadData = (path: string, take?: (bytes: number) => boolean) => Uint8Array | undefined;

/** A file that was read: what it holds for one field. Undefined when it holds no such thing (reported). */
export interface DataFile {
  readonly path: string;
  /** What separates the columns of a table. */
  readonly separator?: string;
  entries(cx: Context, field: DataField): Entries | undefined;
}

/** The path of a file that a program names, seen from the root file's folder. Undefined when it leads out of that (reported). */
export function pathOf(cx: Context, { text, span }: QuotedText, module: Module): string | undefined {
  return resolvePath(module.source.name, text) ?? void fail(cx, {
    code: "M0605",
    title: `\`${text}\` lies outside the program's folder`,
    at: span,
    hint: "put it beside the program, or name its folder by `--data` and write the path from there",
  });
}

/** Reads the file of a data item. Undefined when that fails (reported). */
export function openDataFile(
  cx: Context,
  item: DataItem,
  from: QuotedText,
  module: Module,
  read: ReadData,
): DataFile | undefined {
  const path = pathOf(cx, from, module);
  if (path === undefined) return undefined;
  const extension = /\.[^./]*$/.exec(path.toLowerCase())?.[0] ?? "";
  const parser = parsers.get(extension);
  if (!parser) {
    return void fail(cx, {
      code: "M0601",
      title: extension
        ? `A file \`*${extension}\` is not read as data`
        : `\`${from.text}\` does not say what kind of file it is`,
      at: from.span,
      notes: ["Data are read from .csv, .tsv, .npy and .npz files"],
    });
  }
  const bytes = readBytes(cx, from, { path }, read);
  if (!bytes) return undefined;
  try {
    const file = parser(path, bytes, item);
    if (file.separator === ";") sayingSemicolons(cx, path, from.span);
    return file;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return void fail(cx, {
      code: "M0601",
      title: `\`${path}\` cannot be read as ${extension}`,
      at: from.span,
      notes: [sentence(error.message)],
    });
  }
}

/** The bytes of a file. Undefined when there are none or too many (reported); `without` says what it means that there is none. */
export function readBytes(
  cx: Context,
  { text, span: at }: QuotedText,
  { path, without = `There is no file \`${path}\``, hint }: {
    readonly path: string;
    readonly without?: string;
    readonly hint?: string;
  },
  read: ReadData,
): Uint8Array | undefined {
  let bytes: Uint8Array | undefined;
  let taken: boolean | undefined;
  const take = (count: number) => taken ??= withinData(cx, { count, what: `\`${path}\``, at });
  try {
    bytes = read(path, take);
  } catch (error) {
    const notes = [(error as Error).message];
    return void fail(cx, { code: "M0601", title: `\`${text}\` cannot be read`, at, notes });
  }
  if (bytes) take(bytes.length);
  if (taken === false) return undefined;
  if (!bytes) return void fail(cx, { code: "M0601", title: without, at, hint });
  if (bytes.length === 0) return void fail(cx, { code: "M0601", title: `\`${path}\` is empty`, at });
  return bytes;
}

/** What is wrong with a file, which begins with "its" or "it". */
const sentence = (text: string) => text[0]!.toUpperCase() + text.slice(1);

/** Counts bytes among those that the program reads. False when they are too many (reported). */
export function withinData(
  cx: Context,
  { count, what, at }: { readonly count: number; readonly what: string; readonly at: Span },
): boolean {
  const { work } = cx.elaboration;
  const asks = `with ${what} the data of the program take ${work.dataBytes + count} bytes`;
  if (!withinLimit(cx, "data", { count: work.dataBytes + count, asks, at })) return false;
  work.dataBytes += count;
  return true;
}

/** It is said each time: who writes semicolons may write commas for points. */
function sayingSemicolons(cx: Context, path: string, at: Span): void {
  fail(cx, {
    code: "W0601",
    title: `The columns of \`${path}\` are separated by \`;\`, and so they are read`,
    at,
    notes: ["The numbers in it are read with points: `1.5`"],
    hint: "separate columns by `,`",
  });
}

type Parser = (path: string, bytes: Uint8Array, item: DataItem) => DataFile;

const parsers: ReadonlyMap<string, Parser> = new Map<string, Parser>([
  [".csv", (path, bytes) => tableFile(path, bytes, ".csv")],
  [".tsv", (path, bytes) => tableFile(path, bytes, ".tsv")],
  [".npy", arrayFile],
  [".npz", archiveFile],
]);

// ---------------------------------------------------------------------------------------------------------------- tables

function tableFile(path: string, bytes: Uint8Array, kind: ".csv" | ".tsv"): DataFile {
  const table = parseTable(bytes, kind);
  return {
    path,
    separator: table.separator,
    entries(cx, field) {
      const columns = chooseColumns(cx, field, table, path);
      if (!columns) return undefined;
      const width = columns.length;
      return {
        from: "table",
        shape: [table.rows, width],
        name: `\`${path}\``,
        open: () => ({ at: (i) => table.cell(Math.floor(i / width), columns[i % width]!) }),
        where: cellOf(columns.map((column) => table.header[column]!), table.number, path),
      };
    },
  };
}

/** Where entry i of some columns stands: it is kept longer than the table. */
function cellOf(columns: readonly string[], number: Table["number"], path: string): Entries["where"] {
  const width = columns.length;
  return (i) => `Row ${number(Math.floor(i / width))}, column \`${columns[i % width]}\` of \`${path}\``;
}

/** The places of the columns that a field names. Undefined when the table lacks one (reported). */
function chooseColumns(
  cx: Context,
  field: DataField,
  { header, separator }: Table,
  path: string,
): readonly number[] | undefined {
  const find = ({ text, span }: QuotedText): number => {
    const at = header.indexOf(text);
    if (at === -1 || header.indexOf(text, at + 1) !== -1) {
      fail(cx, {
        code: "M0602",
        title: at === -1 ? `\`${path}\` has no column \`${text}\`` : `\`${path}\` has two columns \`${text}\``,
        at: span,
        notes: at === -1 ? [`Its columns are ${listed(header)}`] : [],
        hint: at === -1 ? firstRowHint(header, separator) ?? hintFor(text, header) : "give them different names",
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
      return void fail(cx, {
        code: "M0602",
        title: `In \`${path}\` the column \`${last!.text}\` stands before \`${first.text}\``,
        at: last!.span,
        hint: `write \`"${last!.text}" .. "${first.text}"\``,
      });
    }
    for (let column = from; column <= (to ?? from); column++) columns.push(column);
  }
  return columns;
}

/** What to do where the first row looks as if it were no names, or its one name as if it were several. */
function firstRowHint(header: readonly string[], separator: string): string | undefined {
  if (header.length > 0 && header.every((name) => typeof readCell(name) === "number")) {
    return "write a first row that names the columns";
  }
  if (header.length !== 1) return undefined;
  if (separator !== "\t") {
    return header[0]!.includes("\t") ? "name the file `.tsv` when tabs separate its columns" : undefined;
  }
  return /[,;]/.test(header[0]!) ? "name the file `.csv` when no tabs separate its columns" : undefined;
}

// ---------------------------------------------------------------------------------------------------------------- arrays

function arrayFile(path: string, bytes: Uint8Array, item: DataItem): DataFile {
  const header = readNpyHeader(bytes, bytes.length);
  return {
    path,
    entries(cx, field) {
      const pending = item.fields.filter((each) => !each.value);
      if (pending.length > 1 || field.columns) {
        return void fail(cx, {
          code: "M0602",
          title: `\`${path}\` holds one array without a name`,
          at: field.columns?.at(0)?.first.span ?? field.name.span,
          hint: field.columns
            ? "leave out `from` after the type"
            : "save several arrays to one .npz file, or declare one `data` for each file",
        });
      }
      return arrayEntries(header, { name: `\`${path}\``, open: () => npyEntries(header, bytes) });
    },
  };
}

function archiveFile(path: string, bytes: Uint8Array): DataFile {
  const archive = openArchive(bytes);
  const names = [...archive.keys()].filter((name) => name.endsWith(".npy")).map((name) => name.slice(0, -4));
  return {
    path,
    entries(cx, field) {
      const [only, ...others] = field.columns ?? [{ first: { text: field.name.name, span: field.name.span } }];
      const { text, span } = only!.first;
      const file = archive.get(`${text}.npy`);
      if (!file || only!.last || others.length > 0) {
        return void fail(cx, {
          code: "M0602",
          title: file ? "A field takes one array of an archive" : `\`${path}\` has no array \`${text}\``,
          at: file ? (only!.last ?? others[0]!.first).span : span,
          notes: file ? [] : [names.length > 0 ? `Its arrays are ${listed(names)}` : "It holds no arrays"],
          hint: file ? "declare a field for each, and join them with `concat`" : hintFor(text, names),
        });
      }
      const name = `\`${text}\` in \`${path}\``;
      const header = whenWhole(cx, { name, at: span }, () => readNpyHeader(file.begin(mostHeaderBytes), file.size));
      if (!header) return undefined;
      const packed = { from: file.packed, to: file.size };
      return { ...arrayEntries(header, { name, open: () => npyEntries(header, file.unpack()) }), packed };
    },
  };
}

function arrayEntries({ shape }: NpyHeader, { name, open }: Pick<Entries, "name" | "open">): Entries {
  return { from: "array", shape, name, open, where: entryOfArray(shape, name) };
}

/** What a reading gives. Undefined when what is read is torn (reported). */
export function whenWhole<T>(
  cx: Context,
  { name, at }: { readonly name: string; readonly at: Span },
  read: () => T,
): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return void fail(cx, {
      code: "M0601",
      title: `The array ${name} cannot be read`,
      at,
      notes: [sentence(error.message)],
    });
  }
}
