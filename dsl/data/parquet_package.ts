// What of Parquet is read by a package? The footer and the headers of pages (Thrift), and what numbers are coded by: hyparquet, which is
// loaded when somebody first asks for it. It trusts what it reads: sizes and counts are looked at by whoever calls it.
import { loadPackage } from "../../runtime/packages.ts";

/** Where the package reads, and how far it is. */
export interface PageReader {
  readonly view: DataView;
  offset: number;
}

/** One entry of the footer's list of columns, depth first. */
export interface SchemaEntry {
  /** How a value is stored: `INT32`; what holds others has none. */
  readonly type?: string;
  /** Bytes of one value, where all have as many. */
  readonly type_length?: number;
  readonly repetition_type?: "REQUIRED" | "OPTIONAL" | "REPEATED";
  readonly name: string;
  readonly num_children?: number;
  readonly converted_type?: string;
  readonly scale?: number;
  readonly logical_type?: {
    readonly type?: string;
    readonly bitWidth?: number;
    readonly isSigned?: boolean;
    readonly scale?: number;
  };
}

/** The pages of one column, in one group of rows. */
export interface ColumnChunk {
  readonly file_path?: string;
  readonly crypto_metadata?: unknown;
  readonly meta_data?: {
    readonly type: string;
    readonly path_in_schema: readonly string[];
    readonly codec: string;
    readonly num_values: bigint;
    readonly total_compressed_size: bigint;
    readonly data_page_offset: bigint;
    readonly dictionary_page_offset?: bigint;
  };
}

/** What stands at the end of a file. */
export interface ParquetFooter {
  readonly schema: readonly SchemaEntry[];
  readonly num_rows: bigint;
  readonly row_groups: readonly { readonly columns: readonly ColumnChunk[]; readonly num_rows: bigint }[];
  readonly metadata_length: number;
}

/** What stands before a page. */
export interface PageHeader {
  readonly type: string;
  readonly uncompressed_page_size: number;
  readonly compressed_page_size: number;
  readonly crc?: number;
  readonly data_page_header?: {
    readonly num_values: number;
    readonly encoding: string;
    readonly definition_level_encoding: string;
  };
  readonly dictionary_page_header?: { readonly num_values: number; readonly encoding: string };
  readonly data_page_header_v2?: {
    readonly num_values: number;
    readonly num_nulls: number;
    readonly num_rows: number;
    readonly encoding: string;
    readonly definition_levels_byte_length: number;
    readonly repetition_levels_byte_length: number;
    readonly is_compressed: boolean;
  };
}

/** Values as they are stored: numbers, whole numbers of 64 bits, truth values, bytes. */
export type StoredValues = ArrayLike<number> | BigInt64Array | readonly boolean[] | readonly Uint8Array[];

/** What is used of the package. */
export interface ParquetPackage {
  readonly parquetMetadata: (file: Uint8Array, options: { readonly geoparquet: false }) => ParquetFooter;
  /** Goes through a structure of Thrift, to its end. */
  readonly deserializeTCompactProtocol: (reader: PageReader) => unknown;
  readonly parquetHeader: (reader: PageReader) => PageHeader;
  readonly readPlain: (reader: PageReader, type: string, count: number, length: number | undefined) => StoredValues;
  readonly byteStreamSplit: (
    reader: PageReader,
    count: number,
    type: string,
    length: number | undefined,
  ) => StoredValues;
  readonly deltaBinaryUnpack: (reader: PageReader, count: number, to: Int32Array | BigInt64Array) => void;
  readonly deltaLengthByteArray: (reader: PageReader, count: number, to: Uint8Array[]) => void;
  readonly deltaByteArray: (reader: PageReader, count: number, to: Uint8Array[]) => void;
  readonly readVarInt: (reader: PageReader) => number;
  readonly snappyUncompress: (from: Uint8Array, to: Uint8Array) => void;
}

const specifier = "npm:hyparquet@1.31.5";
const parts = ["metadata", "column", "plain", "encoding", "delta", "thrift", "snappy"];

let loaded: ParquetPackage | undefined;

/** Loads what reads Parquet files, the package hyparquet 1.31.5. Once, before programs are compiled that name such files: compiling does
 *  not wait. The command line does it by itself. Throws a RangeError when the package can neither be found nor downloaded.
 *
 *  ```ts
 *  import { loadParquetReader } from "../mod.ts";
 *
 *  await loadParquetReader(); // now `compileFile` reads `data d from "train.parquet" { x : [_] }`
 *  ```
 *  @category Compile
 */
export async function loadParquetReader(): Promise<void> {
  if (loaded) return;
  const load = (part: string) => loadPackage<object>(`${specifier}/src/${part}.js`, "What reads Parquet files");
  loaded = Object.assign({}, ...await Promise.all(parts.map(load))) as ParquetPackage;
}

/** What reads Parquet files; undefined before it is loaded. */
export const parquetPackage = (): ParquetPackage | undefined => loaded;
