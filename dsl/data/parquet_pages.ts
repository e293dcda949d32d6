// What does a page of a Parquet file hold? It is unpacked to the size that its header says, then come which rows have a value, and the
// values, by themselves or as places in a dictionary. No count of the page is trusted beyond its bytes.
import { builtin } from "../../runtime/platform.ts";
import { openGzip } from "./gzip.ts";
import {
  type PageHeader,
  type PageReader,
  parquetPackage,
  type SchemaEntry,
  type StoredValues,
} from "./parquet_package.ts";

/** A page, with the bytes that it is packed in. */
export interface Page {
  readonly header: PageHeader;
  readonly bytes: Uint8Array;
}

/** The values of a page, and which of its rows have one (1); all where that is not said. */
export interface GivenValues {
  readonly values: StoredValues;
  readonly rows: number;
  readonly given?: Uint8Array;
}

/** Unpacks bytes to so many, or throws. */
export type Packing = (bytes: Uint8Array, size: number) => Uint8Array;

type Unpack = (bytes: Uint8Array, options: { readonly maxOutputLength: number }) => Uint8Array;

const ofNode = (unpack: Unpack): Packing => (bytes, size) => {
  const { buffer, byteOffset, byteLength } = unpack(bytes, { maxOutputLength: Math.max(1, size) });
  return new Uint8Array(buffer, byteOffset, byteLength);
};

interface Zlib {
  readonly gunzipSync: Unpack;
  readonly brotliDecompressSync: Unpack;
  /** From Node 22.15 on. */
  readonly zstdDecompressSync?: Unpack;
}

const zlib = builtin<Zlib>("node:zlib");

/** The ways to pack that are read. */
export const unpackings: ReadonlyMap<string, Packing> = new Map<string, Packing>([
  // a copy of its own: what reads beyond its end is stopped there
  ["UNCOMPRESSED", (bytes) => bytes.slice()],
  ["SNAPPY", unpackSnappy],
  ["GZIP", zlib ? ofNode(zlib.gunzipSync) : (bytes) => openGzip(bytes).unpack()],
  ...(zlib ? [["BROTLI", ofNode(zlib.brotliDecompressSync)] as const] : []),
  ...(zlib?.zstdDecompressSync ? [["ZSTD", ofNode(zlib.zstdDecompressSync)] as const] : []),
]);

function unpackSnappy(bytes: Uint8Array, size: number): Uint8Array {
  const { snappyUncompress, readVarInt } = parquetPackage()!;
  const said = readVarInt(readerOf(bytes));
  if (said !== size) throw new SyntaxError(`a page holds ${said} bytes, and its header says ${size}`);
  const whole = new Uint8Array(size);
  snappyUncompress(bytes, whole);
  return whole;
}

const readerOf = ({ buffer, byteOffset, byteLength }: Uint8Array): PageReader => ({
  view: new DataView(buffer, byteOffset, byteLength),
  offset: 0,
});

function unpacked(packing: Packing, bytes: Uint8Array, size: number): Uint8Array {
  const whole = size === 0 && bytes.length === 0 ? bytes : packing(bytes, size);
  if (whole.length === size) return whole;
  throw new SyntaxError(`a page holds ${whole.length} bytes, and its header says ${size}`);
}

/** The values of a page; those of a dictionary are what later pages name by their places. Throws. */
export function valuesOfPage(
  entry: SchemaEntry,
  { header, bytes }: Page,
  { packing, dictionary }: { readonly packing: Packing; readonly dictionary: StoredValues | undefined },
): GivenValues {
  const { uncompressed_page_size: size } = header;
  const optional = entry.repetition_type === "OPTIONAL";
  if (header.dictionary_page_header) {
    const { num_values: rows, encoding } = header.dictionary_page_header;
    if (!/^PLAIN(_DICTIONARY)?$/.test(encoding)) throw new SyntaxError(`its dictionary is coded as ${encoding}`);
    return { values: plain(entry, readerOf(unpacked(packing, bytes, size)), rows), rows };
  }
  if (header.data_page_header) {
    const { num_values: rows, encoding, definition_level_encoding: levels } = header.data_page_header;
    const reader = readerOf(unpacked(packing, bytes, size));
    if (optional && levels !== "RLE") throw new SyntaxError(`which rows have a value is coded as ${levels}`);
    const given = optional ? levelsOf(reader, rows, takeLength(reader)) : undefined;
    return givenValues(entry, reader, { rows, encoding, given, dictionary });
  }
  const { num_values: rows, num_nulls, encoding, ...lengths } = header.data_page_header_v2!;
  const [repetition, definition] = [lengths.repetition_levels_byte_length, lengths.definition_levels_byte_length];
  if (repetition !== 0 || definition < 0 || definition > bytes.length || lengths.num_rows !== rows) {
    throw new SyntaxError("the header of a page says what cannot be");
  }
  const given = optional ? levelsOf(readerOf(bytes.slice(0, definition)), rows, definition) : undefined;
  const rest = bytes.subarray(definition);
  const own = lengths.is_compressed ? unpacked(packing, rest, size - definition) : rest.slice();
  const read = givenValues(entry, readerOf(own), { rows, encoding, given, dictionary });
  if (rows - read.values.length !== num_nulls) throw new SyntaxError("a page lacks other values than its header says");
  return read;
}

/** A number of bytes that stands before them. */
function takeLength(reader: PageReader): number {
  const length = reader.view.getUint32(reader.offset, true);
  reader.offset += 4;
  return length;
}

/** Which rows have a value (1). */
function levelsOf(reader: PageReader, rows: number, length: number): Uint8Array {
  const levels = runs(reader, { width: 1, count: rows, length });
  if (levels.some((level) => level > 1)) throw new SyntaxError("which rows have a value cannot be read");
  return Uint8Array.from(levels);
}

function givenValues(
  entry: SchemaEntry,
  reader: PageReader,
  { rows, encoding, given, dictionary }: {
    readonly rows: number;
    readonly encoding: string;
    readonly given: Uint8Array | undefined;
    readonly dictionary: StoredValues | undefined;
  },
): GivenValues {
  const count = given ? given.reduce((sum, level) => sum + level, 0) : rows;
  const values = count === 0 ? [] : valuesBy(entry, reader, { encoding, count, dictionary });
  return given && count < rows ? { values, rows, given } : { values, rows };
}

/** So many values, coded in one of the format's ways. */
function valuesBy(
  entry: SchemaEntry,
  reader: PageReader,
  { encoding, count, dictionary }: {
    readonly encoding: string;
    readonly count: number;
    readonly dictionary: StoredValues | undefined;
  },
): StoredValues {
  const { byteStreamSplit, deltaByteArray, deltaLengthByteArray } = parquetPackage()!;
  const { type, type_length } = entry;
  const rest = () => reader.view.byteLength - reader.offset;
  switch (encoding) {
    case "PLAIN":
      return plain(entry, reader, count);
    case "PLAIN_DICTIONARY":
    case "RLE_DICTIONARY": {
      if (!dictionary) throw new SyntaxError("it names places in a dictionary that is not there");
      const width = reader.view.getUint8(reader.offset++);
      if (width > 32) throw new SyntaxError(`places in its dictionary take ${width} bits`);
      return lookedUp(dictionary, runs(reader, { width, count, length: rest() }));
    }
    case "RLE": {
      if (type !== "BOOLEAN") break;
      const length = takeLength(reader);
      return runs(reader, { width: 1, count, length });
    }
    case "BYTE_STREAM_SPLIT": {
      const bytes = type_length && type === "FIXED_LEN_BYTE_ARRAY" ? type_length : /64|DOUBLE/.test(type!) ? 8 : 4;
      if (count * bytes > rest()) throw new SyntaxError("a page is too short for its values");
      return byteStreamSplit(reader, count, type!, type_length);
    }
    case "DELTA_BINARY_PACKED":
      if (type === "INT32") return deltas(reader, count, new Int32Array(checkedCount(reader, count)));
      if (type === "INT64") return deltas(reader, count, new BigInt64Array(checkedCount(reader, count)));
      break;
    case "DELTA_LENGTH_BYTE_ARRAY":
    case "DELTA_BYTE_ARRAY": {
      if (type !== "BYTE_ARRAY") break;
      const texts: Uint8Array[] = new Array(checkedCount(reader, count));
      (encoding === "DELTA_BYTE_ARRAY" ? deltaByteArray : deltaLengthByteArray)(reader, count, texts);
      return texts;
    }
  }
  throw new SyntaxError(`its values are coded as ${encoding}, which is not read for ${type}`);
}

/** Bytes of one value. */
const widths: ReadonlyMap<string, number> = new Map([["INT32", 4], ["INT64", 8], ["FLOAT", 4], ["DOUBLE", 8]]);

/** Values one after the other. */
function plain({ type, type_length }: SchemaEntry, reader: PageReader, count: number): StoredValues {
  const { byteLength } = reader.view;
  // a text takes four bytes for its length, a truth value one bit
  const each = type === "FIXED_LEN_BYTE_ARRAY"
    ? type_length ?? 0
    : widths.get(type!) ?? (type === "BOOLEAN" ? 1 / 8 : 4);
  if (count * each > byteLength - reader.offset) throw new SyntaxError("a page is too short for its values");
  return parquetPackage()!.readPlain(reader, type!, count, type_length);
}

/** Entries of a dictionary by their places. */
function lookedUp(dictionary: StoredValues, places: Int32Array): StoredValues {
  for (const place of places) {
    if (!(place >= 0 && place < dictionary.length)) throw new SyntaxError(`its dictionary has no entry ${place}`);
  }
  if (ArrayBuffer.isView(dictionary)) {
    const numbers = dictionary as unknown as Float64Array;
    const found = new (numbers.constructor as Float64ArrayConstructor)(places.length);
    for (let i = 0; i < places.length; i++) found[i] = numbers[places[i]!]!;
    return found;
  }
  return Array.from(places, (place) => (dictionary as readonly Uint8Array[])[place]!);
}

/** What differences need: a block's header says how long its parts are. */
function checkedCount({ view, offset }: PageReader, count: number): number {
  const { readVarInt } = parquetPackage()!;
  const reader = { view, offset };
  const [block, parts, all] = [readVarInt(reader), readVarInt(reader), readVarInt(reader)];
  // a difference may take no bits, but each part of 32 takes a byte for saying so
  const most = (view.byteLength - offset) * 32 * 4 + 1;
  if (
    !(parts > 0 && parts <= 1024 && block > 0 && block % (32 * parts) === 0 && all === count && count <= most * parts)
  ) {
    throw new SyntaxError("the differences of a page cannot be read");
  }
  return count;
}

function deltas(reader: PageReader, count: number, to: Int32Array | BigInt64Array): StoredValues {
  parquetPackage()!.deltaBinaryUnpack(reader, count, to);
  return to;
}

/** So many numbers of some bits each, in runs: of one number, or of eight at a time (the RLE / bit-packing hybrid). */
function runs(
  reader: PageReader,
  { width, count, length }: { readonly width: number; readonly count: number; readonly length: number },
): Int32Array {
  const { view } = reader;
  const { readVarInt } = parquetPackage()!;
  const end = reader.offset + length;
  if (end > view.byteLength) throw new SyntaxError("a page is too short for its values");
  const numbers = new Int32Array(count);
  const bytes = Math.ceil(width / 8);
  for (let at = 0; at < count;) {
    if (reader.offset >= end && width > 0) throw new SyntaxError("a page is too short for its values");
    const head = readVarInt(reader) >>> 0;
    const size = head & 1 ? (head >>> 1) * 8 : head >>> 1;
    if (size === 0) throw new SyntaxError("a run of a page is empty");
    const stop = Math.min(count, at + size);
    if (head & 1) {
      unpackBits(view, { from: reader.offset, end, width }, numbers.subarray(at, stop));
      reader.offset += (head >>> 1) * width;
    } else {
      let value = 0;
      for (let i = 0; i < bytes; i++) value |= view.getUint8(reader.offset++) << 8 * i;
      numbers.fill(value, at, stop);
    }
    at = stop;
  }
  reader.offset = end;
  return numbers;
}

/** Numbers of `width` bits, the lowest first. */
function unpackBits(
  view: DataView,
  { from, end, width }: { readonly from: number; readonly end: number; readonly width: number },
  to: Int32Array,
): void {
  if (from + Math.ceil(to.length * width / 8) > end) throw new SyntaxError("a page is too short for its values");
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  let at = from;
  let [held, bits] = [0, 0]; // bits that were read and not used: fewer than 8 before each number
  for (let i = 0; i < to.length; i++) {
    let [value, taken] = [0, 0];
    if (width <= 24) {
      for (; bits < width; bits += 8) held |= bytes[at++]! << bits;
      value = held & (1 << width) - 1;
      held >>>= width;
      bits -= width;
    } else {
      while (taken < width) {
        if (bits === 0) [held, bits] = [bytes[at++]!, 8];
        const some = Math.min(bits, width - taken);
        value |= (held & (1 << some) - 1) << taken;
        held >>>= some;
        bits -= some;
        taken += some;
      }
    }
    to[i] = value;
  }
}
