// What does a Parquet file hold (https://parquet.apache.org/docs/file-format)? Its footer says which columns there are and where their
// pages lie, group of rows by group of rows; all pages of a column are gone through before the first is unpacked, so that what they
// take is known. A value that is no number, and a column of lists or dates, is refused by name.
import { readCell } from "./csv.ts";
import type { NumberArray } from "./entries.ts";
import { crc32 } from "./inflate.ts";
import {
  type ColumnChunk,
  type PageReader,
  type ParquetFooter,
  parquetPackage,
  type SchemaEntry,
  type StoredValues,
} from "./parquet_package.ts";
import { type GivenValues, type Packing, type Page, unpackings, valuesOfPage } from "./parquet_pages.ts";

/** A file of columns. */
export interface ParquetFile {
  readonly rows: number;
  /** Names of the columns, in their order. */
  readonly header: readonly string[];
  readonly columns: readonly ParquetColumn[];
}

/** A column whose pages are where the footer says, and hold as many values as there are rows. */
export interface ParquetColumn {
  readonly name: string;
  /** Why it is not read, and what to do: a sentence each. */
  readonly refused?: readonly [why: string, cure: string];
  /** Finds its pages. Throws SyntaxError that says what is wrong with them. */
  open(): OpenColumn;
}

/** A column that can be unpacked. */
export interface OpenColumn {
  /** Bytes that its pages take, and unpacked. */
  readonly packed: { readonly from: number; readonly to: number };
  /** Its values by rows: NaN where one is missing, its text where it is no number. Throws SyntaxError. */
  read(): NumberArray | readonly (number | string)[];
}

/** Reads the footer. Throws SyntaxError that says what is wrong with it. */
export function openParquet(bytes: Uint8Array): ParquetFile {
  const [first, last] = [bytes.subarray(0, 4), bytes.subarray(-4)].map((part) => String.fromCharCode(...part));
  if (last === "PARE") throw new SyntaxError("it is encrypted");
  if (first !== "PAR1") throw new SyntaxError("it does not begin as a .parquet file does");
  if (last !== "PAR1" || bytes.length < 12) {
    throw new SyntaxError("it is cut off: its end is not that of a .parquet file");
  }
  const footer = torn("its footer", () => readFooter(bytes));
  const rows = countOf(footer.num_rows);
  const groups = footer.row_groups.map((group) => ({ ...group, rows: countOf(group.num_rows) }));
  if (groups.reduce((sum, group) => sum + group.rows, 0) !== rows) {
    throw new SyntaxError("its groups have other rows together than it says");
  }
  const end = bytes.length - 8 - footer.metadata_length;
  const leaves = leavesOf(footer);
  for (const { columns } of groups) {
    if (columns.length !== leaves.at(-1)!.end) throw new SyntaxError("a group of rows has other columns than it says");
  }
  const columns = leaves.map((leaf): ParquetColumn => {
    const refused = whyRefused(leaf);
    return {
      name: leaf.entry.name,
      ...(refused && { refused }),
      open: () => {
        const chunks = groups.flatMap(({ columns, rows }) =>
          rows === 0 ? [] : [chunkOf(bytes, leaf, columns[leaf.at]!, { rows, end })]
        );
        const from = chunks.reduce((sum, chunk) => sum + chunk.bytes, 0);
        const to = chunks.reduce((sum, chunk) => sum + chunk.unpacked, 0);
        return { packed: { from, to }, read: () => joined(leaf.entry, chunks.map((chunk) => chunk.read()), rows) };
      },
    };
  });
  return { rows, header: columns.map(({ name }) => name), columns };
}

function readFooter(bytes: Uint8Array): ParquetFooter {
  const { parquetMetadata, deserializeTCompactProtocol } = parquetPackage()!;
  const footer = parquetMetadata(bytes, { geoparquet: false });
  const { metadata_length: length } = footer;
  const reader = { view: new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 8 - length, length), offset: 0 };
  deserializeTCompactProtocol(reader);
  if (reader.offset !== length) throw new SyntaxError("its footer ends before it should");
  return footer;
}

/** Something of a file that the package reads: what it throws says that the file is torn. */
function torn<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SyntaxError) throw error;
    throw new SyntaxError(`${what} cannot be read (${error instanceof Error ? error.message : error})`);
  }
}

function countOf(count: bigint): number {
  if (typeof count !== "bigint" || count < 0n || count > 2n ** 32n) throw new SyntaxError("it says no number of rows");
  return Number(count);
}

// --------------------------------------------------------------------------------------------------------------- columns

/** A column at the top of the schema, with the columns of values that it is stored as: `at` is the first, `end` behind the last. */
interface Leaf {
  readonly entry: SchemaEntry;
  readonly at: number;
  readonly end: number;
}

function leavesOf({ schema }: ParquetFooter): readonly Leaf[] {
  const [root, ...entries] = schema;
  let next = 0;
  const take = (at: number): number => {
    const entry = entries[next++];
    if (!entry) throw new SyntaxError("its footer names fewer columns than it says");
    if (!entry.num_children) return at + 1;
    let end = at;
    for (let i = 0; i < entry.num_children; i++) end = take(end);
    return end;
  };
  const leaves: Leaf[] = [];
  for (let at = 0; leaves.length < (root?.num_children ?? 0);) {
    const entry = entries[next]!;
    const end = take(at);
    leaves.push({ entry, at, end });
    at = end;
  }
  if (next !== entries.length || leaves.length === 0) {
    throw new SyntaxError("its footer names no columns, or more than it says");
  }
  return leaves;
}

/** What is known of a column that holds no numbers. */
function whyRefused({ entry }: Leaf): ParquetColumn["refused"] {
  const { type, converted_type: converted, logical_type: logical, repetition_type } = entry;
  if (entry.num_children || !type || repetition_type === "REPEATED") {
    return [
      "it is nested: a list, a map or a structure",
      "save each of its numbers as a column, or all as an array: `.npz`",
    ];
  }
  const kind = logical?.type ?? converted ?? type;
  if (/DATE|TIME|INTERVAL|INT96/.test(kind)) {
    return ["it holds times", "save them as numbers, such as seconds from one day on"];
  }
  const text = type === "BYTE_ARRAY" && /^(STRING|UTF8|ENUM|BYTE_ARRAY)$/.test(kind);
  const numbers = !/BYTE_ARRAY/.test(type) || kind === "DECIMAL" || kind === "FLOAT16";
  return text || numbers ? undefined : [`it holds no numbers but ${kind}`, "save it as numbers"];
}

// ----------------------------------------------------------------------------------------------------------------- pages

/** The pages of one column in one group of rows. */
interface Chunk {
  readonly bytes: number;
  readonly unpacked: number;
  read(): readonly GivenValues[];
}

/** Goes through the pages of a column. Throws SyntaxError where they are not as the footer says. */
function chunkOf(
  file: Uint8Array,
  { entry }: Leaf,
  { meta_data: meta, file_path, crypto_metadata }: ColumnChunk,
  { rows, end: behind }: { readonly rows: number; readonly end: number },
): Chunk {
  if (file_path) throw new SyntaxError("it lies in another file");
  if (!meta || crypto_metadata) throw new SyntaxError("it is encrypted");
  if (meta.type !== entry.type || meta.path_in_schema.join("\0") !== entry.name) {
    throw new SyntaxError("its pages are another column's");
  }
  const packing = unpackings.get(meta.codec);
  if (!packing) {
    throw new SyntaxError(`it is packed as ${meta.codec}: save it with compression "snappy", "gzip" or none`);
  }
  // writers that have no dictionary may say 0
  const dictionary = Number(meta.dictionary_page_offset ?? 0);
  const start = dictionary > 0 ? Math.min(dictionary, Number(meta.data_page_offset)) : Number(meta.data_page_offset);
  const size = Number(meta.total_compressed_size);
  if (!(start >= 4 && size >= 0 && start + size <= behind)) throw new SyntaxError("its pages lie outside of the file");
  const pages = pagesOf(file.subarray(start, start + size));
  const held = pages.reduce((sum, page) => sum + valuesIn(page), 0);
  if (held !== rows || Number(meta.num_values) !== rows) {
    throw new SyntaxError(`its pages hold ${held} values, and there are ${rows} rows`);
  }
  return {
    bytes: size,
    unpacked: pages.reduce((sum, { header }) => sum + header.uncompressed_page_size, 0),
    read: () => readPages(entry, pages, packing),
  };
}

/** How many rows a page has values of, or none where it is a dictionary. */
function valuesIn({ header }: Page): number {
  return header.data_page_header?.num_values ?? header.data_page_header_v2?.num_values ?? 0;
}

function pagesOf(bytes: Uint8Array): Page[] {
  const reader: PageReader = { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
  const pages: Page[] = [];
  while (reader.offset < bytes.length) {
    const header = torn("the header of a page", () => parquetPackage()!.parquetHeader(reader));
    const { type, compressed_page_size: size, uncompressed_page_size: whole, crc } = header;
    const from = reader.offset;
    reader.offset += size;
    if (!(size >= 0 && whole >= 0 && reader.offset <= bytes.length)) {
      throw new SyntaxError("one of its pages is cut off");
    }
    if (type === "INDEX_PAGE") continue;
    const counts = [header.data_page_header, header.data_page_header_v2, header.dictionary_page_header];
    const own = counts[["DATA_PAGE", "DATA_PAGE_V2", "DICTIONARY_PAGE"].indexOf(type)];
    if (!own || !(own.num_values >= 0) || counts.some((other) => other && other !== own)) {
      throw new SyntaxError("the header of a page says no number of values");
    }
    const page = bytes.subarray(from, reader.offset);
    if (crc !== undefined && crc32(page) !== crc >>> 0) {
      throw new SyntaxError(
        "the checksum of a page is another than its header says: it was changed or torn; get or save it anew",
      );
    }
    pages.push({ header, bytes: page });
  }
  return pages;
}

function readPages(entry: SchemaEntry, pages: readonly Page[], packing: Packing): GivenValues[] {
  let dictionary: StoredValues | undefined;
  return pages.flatMap((page) => {
    const read = torn("one of its pages", () => valuesOfPage(entry, page, { packing, dictionary }));
    if (page.header.type !== "DICTIONARY_PAGE") return [read];
    dictionary = read.values;
    return [];
  });
}

// ---------------------------------------------------------------------------------------------------------------- values

const { isView } = ArrayBuffer;

/** All values of a column by rows. */
function joined(
  entry: SchemaEntry,
  chunks: readonly (readonly GivenValues[])[],
  rows: number,
): NumberArray | readonly (number | string)[] {
  const number = numberIn(entry);
  const pages = chunks.flat();
  const first = pages[0]?.values;
  // numbers that stand for themselves, none of which is missing
  const plain = pages.every(({ values, given }) =>
    !given && isView(values) && values.constructor === first!.constructor
  );
  if (plain && first && !(first instanceof BigInt64Array) && standsForItself(entry)) {
    const whole = new (first.constructor as Float64ArrayConstructor)(rows);
    place(pages, (values, at) => whole.set(values as Float64Array, at));
    return whole as NumberArray;
  }
  const texts = entry.type === "BYTE_ARRAY" && kindOfText(entry);
  const all: Float64Array | (number | string)[] = texts ? new Array(rows).fill(NaN) : new Float64Array(rows).fill(NaN);
  place(pages, (values, at, given) => {
    for (let i = 0, row = at; i < values.length; row++) {
      if (given && given[row - at] === 0) continue;
      all[row] = number(values[i++]!) as number;
    }
  });
  return all;
}

function place(
  pages: readonly GivenValues[],
  put: (values: StoredValues, at: number, given: Uint8Array | undefined) => void,
): void {
  let at = 0;
  for (const { values, rows, given } of pages) {
    put(values, at, given);
    at += rows;
  }
}

const scaled = ({ converted_type, logical_type }: SchemaEntry) =>
  converted_type === "DECIMAL" || logical_type?.type === "DECIMAL";
const unsigned = ({ converted_type, logical_type }: SchemaEntry) =>
  converted_type?.startsWith("UINT_") || logical_type?.type === "INTEGER" && logical_type.isSigned === false;
const kindOfText = (entry: SchemaEntry) => !scaled(entry);
const standsForItself = (entry: SchemaEntry) => !scaled(entry) && !unsigned(entry);

/** What a stored value of a column says: a number, or its text where it is none. */
function numberIn(entry: SchemaEntry): (stored: number | bigint | boolean | Uint8Array) => number | string {
  const { type, scale = entry.logical_type?.scale ?? 0 } = entry;
  if (scaled(entry)) {
    // one division: what is written as 0.3 is the float nearest to it
    return (stored) => (stored instanceof Uint8Array ? bigEndian(stored) : Number(stored)) / 10 ** scale;
  }
  if (type === "FIXED_LEN_BYTE_ARRAY") return (stored) => half(stored as Uint8Array);
  if (type === "BYTE_ARRAY") {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    return (stored) => readCell(torn("its text", () => decoder.decode(stored as Uint8Array)));
  }
  const bits = type === "INT64" ? 64 : 32;
  if (unsigned(entry)) return (stored) => Number(BigInt.asUintN(bits, BigInt(stored as number | bigint)));
  return (stored) => Number(stored);
}

/** A whole number by its bytes, the highest first, negative ones by two's complement. */
function bigEndian(bytes: Uint8Array): number {
  const bits = bytes.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
  return Number(BigInt.asIntN(8 * bytes.length, bits));
}

/** A float of 16 bits: its sign, 5 bits of exponent, 10 of fraction. */
function half(bytes: Uint8Array): number {
  const bits = bytes[1]! << 8 | bytes[0]!;
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, bits >> 10 & 31, bits & 1023];
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? 2 ** -14 * (fraction / 1024) : 2 ** (exponent - 15) * (1 + fraction / 1024));
}
