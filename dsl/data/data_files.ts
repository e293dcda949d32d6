// What does a data file hold? Tables (.csv, .tsv, .parquet) by their columns and arrays (.npy, .npz) by their names, as entries that
// know where they stand.
import type { ColumnRange, DataField, DataItem, QuotedText } from "../syntax/ast.ts";
import type { Span } from "../text/source.ts";
import { parseTable, readCell, type Table } from "./csv.ts";
import { withinLimit } from "../elaborate/sizes.ts";
import { fail } from "../world/report.ts";
import { nearestName } from "../text/did_you_mean.ts";
import { listed } from "../text/words.ts";
import { hintFor } from "../diagnostics/hints.ts";
import { type FindFiles, isPattern } from "./file_names.ts";
import { type Module, resolvePath } from "../modules/modules.ts";
import { openGzip } from "./gzip.ts";
import { readIdxHeader } from "./idx.ts";
import { learnedFile, openSafetensors, SafetensorsError } from "../../runtime/program/safetensors.ts";
import { entryType, mostHeaderBytes, npyEntries, type NpyHeader, readNpyHeader } from "./npy.ts";
import { openArchive } from "./npz.ts";
import type { Context } from "../world/world.ts";
import { type Entries, FileError, type NumberArray, openValues } from "./entries.ts";
import { openParquet, type ParquetColumn } from "./parquet.ts";
import { parquetPackage } from "./parquet_package.ts";
import { dataBytes } from "../../runtime/program/data_memory.ts";
import { entryOfArray } from "../../runtime/program/given_arrays.ts";

/** The bytes of a data file by its path relative to the root file's folder; undefined when there is none. A reader that knows
 *  how many there are may ask `take` first, and give undefined when it says no. `of` is the pattern of several files, of which it is one. */
export type ReadData = (path: string, take?: (bytes: number) => boolean, of?: string) => Uint8Array | undefined;

/** Where data come from. */
export interface DataSource {
  readonly readData: ReadData;
  readonly findData?: FindFiles;
}

/** A file that was read: what it holds for one field. Undefined when it holds no such thing (reported). */
export interface DataFile {
  readonly path: string;
  /** What separates the columns of a table. */
  readonly separator?: string;
  /** Files of images. */
  readonly images?: boolean;
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

/** Which kind of file a path names: by how it ends, without `.gz`. */
export function kindOf(path: string): { readonly kind: string; readonly packed: boolean } {
  const name = path.toLowerCase().slice(path.lastIndexOf("/") + 1);
  const packed = name.endsWith(".gz");
  const plain = packed ? name.slice(0, -3) : name;
  // MNIST calls its files `train-images-idx3-ubyte`
  const kind = /[-.]ubyte$/.test(plain) ? ".idx" : /\.[^.]*$/.exec(plain)?.[0] ?? "";
  return { kind, packed };
}

/** Room for the bytes of a data file: where data lie, if arrays lie in the file as they may be used. */
export function roomFor(path: string, bytes: number): Uint8Array<ArrayBuffer> {
  const { kind, packed } = kindOf(path);
  return !packed && arrayKinds.has(kind) ? dataBytes(bytes) : new Uint8Array(bytes);
}

const arrayKinds: ReadonlySet<string> = new Set([".npy", ".npz", ".idx", ".safetensors"]);

/** Reads the file of a data item, or of a field of it. Undefined when that fails (reported). */
export function openDataFile(
  cx: Context,
  { item, fields, from }: { readonly item: DataItem; readonly fields: number; readonly from: QuotedText },
  module: Module,
  { readData: read, findData }: DataSource,
): DataFile | undefined {
  const path = pathOf(cx, from, module);
  if (path === undefined) return undefined;
  const { kind, packed } = kindOf(path);
  if (kind === ".parquet" && !parquetPackage()) {
    return void fail(cx, {
      code: "M0601",
      title: "Files `*.parquet` are read by a package that is not loaded yet",
      at: from.span,
      notes: ["Loading waits for it, and compiling does not"],
      hint: "before you compile, write `await loadParquetReader()`, which is imported from where `compile` is",
    });
  }
  if (isPattern(path)) {
    return void fail(cx, {
      code: "M0601",
      title: `Only images are read from several files, and \`${from.text}\` does not end with .png, .jpg or .jpeg`,
      at: from.span,
      hint: "write the end of their names, `*.png`, or name one file",
    });
  }
  // a run folder has no ending
  const whole = kind === "" && !packed ? runFile(path) : path;
  const parser = whole === path ? parsers.get(kind) : parsers.get(".safetensors");
  if (!parser) {
    return void fail(cx, {
      code: "M0601",
      title: `A file \`*${kind}${packed ? ".gz" : ""}\` is not read as data`,
      at: from.span,
      notes: [readable],
    });
  }
  const bytes = whole === path
    ? readBytes(cx, from, { path, near: () => beside(path, findData) }, read)
    : readBytes(cx, from, {
      path: whole,
      without:
        `\`${from.text}\` does not say what kind of file it is, and it is no run folder: there is no \`${whole}\``,
      hint: readable,
    }, read);
  if (!bytes) return undefined;
  try {
    const plain = packed ? unpacked(cx, bytes, { path, at: from.span }) : bytes;
    if (!plain) return undefined;
    const file = parser(whole, plain, { item, fields });
    if (file.separator === ";") sayingSemicolons(cx, path, from.span);
    return file;
  } catch (error) {
    if (!(error instanceof SyntaxError || error instanceof SafetensorsError)) throw error;
    return void fail(cx, {
      code: "M0601",
      title: `\`${path}\` cannot be read as ${whole === path ? kind : ".safetensors"}${packed ? ".gz" : ""}`,
      at: from.span,
      notes: [sentence(error.message)],
    });
  }
}

const readable =
  "Data are read from .csv, .tsv, .parquet, .npy, .npz, .idx and .safetensors files, also packed (.gz), from run folders, and from images (.png, .jpg, .jpeg)";

/** The file of a run folder that holds what was learned. */
const runFile = (folder: string) => folder === "" ? learnedFile : `${folder}/${learnedFile}`;

/** What a packed file holds. Undefined where that is too much (reported). Throws SyntaxError. */
function unpacked(
  cx: Context,
  bytes: Uint8Array,
  { path, at }: { readonly path: string; readonly at: Span },
): Uint8Array | undefined {
  const file = openGzip(bytes);
  return withinData(cx, { count: file.size, what: `\`${path}\` unpacked`, at }) ? file.unpack() : undefined;
}

/** The bytes of a file. Undefined when there are none or too many (reported); `without` says what it means that there is none. */
export function readBytes(
  cx: Context,
  { text, span: at }: QuotedText,
  { path, without = `There is no file \`${path}\``, hint, near }: {
    readonly path: string;
    readonly without?: string;
    readonly hint?: string;
    /** The file that was meant, if there is one. */
    readonly near?: () => string | undefined;
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
  if (!bytes) {
    const meant = near?.();
    return void fail(cx, { code: "M0601", title: without, at, hint: meant ? `did you mean \`${meant}\`?` : hint });
  }
  if (bytes.length === 0) return void fail(cx, { code: "M0601", title: `\`${path}\` is empty`, at });
  return bytes;
}

/** The file of the nearest name in the folder of one that is not there, if one is near enough. */
function beside(path: string, findData: FindFiles | undefined): string | undefined {
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  try {
    const names = findData?.(`${folder}*`, "hint").map((other) => other.slice(folder.length)) ?? [];
    const near = nearestName(path.slice(folder.length), names);
    return near === undefined ? undefined : `${folder}${near}`;
  } catch {
    // a folder that may not be listed says nothing
    return undefined;
  }
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

type Parser = (
  path: string,
  bytes: Uint8Array,
  asks: { readonly item: DataItem; /** That read it. */ readonly fields: number },
) => DataFile;

const parsers: ReadonlyMap<string, Parser> = new Map<string, Parser>([
  [".csv", (path, bytes) => tableFile(path, bytes, ".csv")],
  [".tsv", (path, bytes) => tableFile(path, bytes, ".tsv")],
  [".parquet", columnsFile],
  [".npy", (path, bytes, asks) => arrayFile(path, bytes, { ...asks, header: readNpyHeader(bytes, bytes.length) })],
  [".idx", (path, bytes, asks) => arrayFile(path, bytes, { ...asks, header: readIdxHeader(bytes) })],
  [".npz", archiveFile],
  [".safetensors", tensorsFile],
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
        notes: ["Rows are counted with the header, which is row 1"],
      };
    },
  };
}

/** Where entry i of some columns stands: it is kept longer than the table. */
function cellOf(columns: readonly string[], number: Table["number"], path: string): Entries["where"] {
  const width = columns.length;
  return (i) => `Row ${number(Math.floor(i / width))}, column \`${columns[i % width]}\` of \`${path}\``;
}

/** A file of columns: values of each lie together. */
function columnsFile(path: string, bytes: Uint8Array): DataFile {
  const file = openParquet(bytes);
  return {
    path,
    entries(cx, field) {
      const chosen = chooseColumns(cx, field, file, path)?.map((column) => file.columns[column]!);
      if (!chosen) return undefined;
      const { refused, name } = chosen.find((column) => column.refused) ?? { name: "" };
      if (refused) {
        const title = `The column \`${name}\` of \`${path}\` is not read: ${refused[0]}`;
        return void fail(cx, { code: "M0602", title, at: field.span, hint: refused[1] });
      }
      const columns = whenWhole(cx, { name: `\`${path}\``, at: field.span }, () => chosen.map((c) => whole(c, c.open)));
      if (!columns) return undefined;
      const { length: width } = columns;
      const sum = (bytes: "from" | "to") => columns.reduce((all, { packed }) => all + packed[bytes], 0);
      return {
        from: "table",
        shape: [file.rows, width],
        name: `\`${path}\``,
        packed: { from: sum("from"), to: Math.max(sum("to"), 8 * file.rows * width) },
        open: () => {
          const values = columns.map(({ read }, i) => whole(chosen[i]!, read));
          const [first] = values;
          if (width === 1 && ArrayBuffer.isView(first)) return openValues(first as NumberArray);
          return { at: (i) => values[i % width]![Math.floor(i / width)]! };
        },
        where: cellOf(chosen.map((column) => column.name), (i) => i + 1, path),
        notes: ["Rows are counted from 1"],
      };
    },
  };

  function whole<T>({ name }: ParquetColumn, read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      throw new FileError(`The column \`${name}\` of \`${path}\` cannot be read`, sentence(error.message));
    }
  }
}

/** The places of the columns that a field names. Undefined when the table lacks one (reported). */
function chooseColumns(
  cx: Context,
  field: DataField,
  { header, separator }: { readonly header: readonly string[]; readonly separator?: string },
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
        hint: at === -1
          ? separator && firstRowHint(header, separator) || hintFor(text, header)
          : "give them different names",
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

function arrayFile(
  path: string,
  bytes: Uint8Array,
  { fields, header }: { readonly fields: number; readonly header: NpyHeader },
): DataFile {
  return {
    path,
    entries(cx, field) {
      if (fields > 1 || field.columns) {
        return void fail(cx, {
          code: "M0602",
          title: `\`${path}\` holds one array without a name`,
          at: field.columns?.at(0)?.first.span ?? field.name.span,
          hint: field.columns
            ? "leave out `from` after the type"
            : 'read each field from a file of its own, `y : int [_] from file "labels.npy"`, or save several arrays to one .npz file',
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
      const found = oneArray(cx, field, { path, names });
      if (!found) return undefined;
      const { text, span } = found;
      const file = archive.get(`${text}.npy`)!;
      const name = `\`${text}\` in \`${path}\``;
      const header = whenWhole(cx, { name, at: span }, () => readNpyHeader(file.begin(mostHeaderBytes), file.size));
      if (!header) return undefined;
      const packed = { from: file.packed, to: file.size };
      return { ...arrayEntries(header, { name, open: () => npyEntries(header, file.unpack()) }), packed };
    },
  };
}

/** The one array that a field takes of a file that holds several by name. Undefined where it is not there (reported). */
function oneArray(
  cx: Context,
  field: DataField,
  { path, names }: { readonly path: string; readonly names: readonly string[] },
): QuotedText | undefined {
  const [only, ...others] = field.columns ?? [{ first: { text: field.name.name, span: field.name.span } }];
  const { first, last } = only!;
  const there = names.includes(first.text);
  if (there && !last && others.length === 0) return first;
  return void fail(cx, {
    code: "M0602",
    title: there ? "A field takes one array of an archive" : `\`${path}\` has no array \`${first.text}\``,
    at: there ? (last ?? others[0]!.first).span : first.span,
    notes: there ? [] : [names.length > 0 ? `Its arrays are ${listed(names)}` : "It holds no arrays"],
    hint: there ? "declare a field for each, and join them with `concat`" : hintFor(first.text, names),
  });
}

/** The kinds of entries by the names of the format. */
const storages: ReadonlyMap<string, string> = new Map([
  ...["F16", "F32", "F64"].map((name, i) => [name, `f${2 ** (i + 1)}`] as const),
  ...["I8", "I16", "I32", "I64"].map((name, i) => [name, `i${2 ** i}`] as const),
  ...["U8", "U16", "U32", "U64"].map((name, i) => [name, `u${2 ** i}`] as const),
  ["BF16", "bf2"],
  ["BOOL", "b1"],
]);

function tensorsFile(path: string, bytes: Uint8Array): DataFile {
  const { tensors } = openSafetensors(bytes);
  return {
    path,
    entries(cx, field) {
      const found = oneArray(cx, field, { path, names: [...tensors.keys()] });
      if (!found) return undefined;
      const { shape, storage, bytes: own } = tensors.get(found.text)!;
      const name = `\`${found.text}\` in \`${path}\``;
      const type = entryType(storages.get(storage) ?? "");
      if (!type) {
        return void fail(cx, {
          code: "M0602",
          title: `${name} is stored as ${storage}, which is not read as data`,
          at: found.span,
          notes: [`Arrays are read that are stored as ${[...storages.keys()].join(", ")}`],
        });
      }
      const header = { shape, type, columnMajor: false, littleEndian: true, begin: 0 };
      return arrayEntries(header, { name, open: () => npyEntries(header, own) });
    },
  };
}

function arrayEntries({ shape }: Pick<NpyHeader, "shape">, { name, open }: Pick<Entries, "name" | "open">): Entries {
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
    if (error instanceof FileError) {
      return void fail(cx, { code: "M0601", title: error.title, at, notes: [error.note] });
    }
    return void fail(cx, {
      code: "M0601",
      title: `The array ${name} cannot be read`,
      at,
      notes: [sentence(error.message)],
    });
  }
}
