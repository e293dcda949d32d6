// How do arrays stand in a file? The safetensors format: 8 bytes little-endian header length, a JSON header padded with
// spaces to 8 bytes, the data without gaps. Written for every run folder, read where a program starts from one; the reader is
// strict. Source: huggingface/safetensors, README "Format".
import { type DType, type HostArray, sizeOf, type TypedArray } from "../ir/types.ts";

/** The file of a run folder that holds what was learned. */
export const learnedFile = "parameters.safetensors";

/** What a safetensors file holds. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, HostArray>;
  readonly metadata: ReadonlyMap<string, string>;
}

/** A file that is not what the format allows. */
export class SafetensorsError extends Error {
  /** Tells it from other errors. */
  override readonly name = "SafetensorsError";
}

const storages = {
  F64: { dtype: "f64", bytes: 8, make: (b: ArrayBuffer): TypedArray => new Float64Array(b) },
  F32: { dtype: "f32", bytes: 4, make: (b: ArrayBuffer): TypedArray => new Float32Array(b) },
  I32: { dtype: "i32", bytes: 4, make: (b: ArrayBuffer): TypedArray => new Int32Array(b) },
  BOOL: { dtype: "bool", bytes: 1, make: (b: ArrayBuffer): TypedArray => new Uint8Array(b) },
  U8: { dtype: "u8", bytes: 1, make: (b: ArrayBuffer): TypedArray => new Uint8Array(b) },
} as const satisfies Record<string, { dtype: DType; bytes: number; make: (b: ArrayBuffer) => TypedArray }>;

type StorageName = keyof typeof storages;

const storageOf: Readonly<Record<DType, StorageName>> = {
  f64: "F64",
  f32: "F32",
  i32: "I32",
  bool: "BOOL",
  u8: "U8",
};

/** Bytes of an entry of every storage of the format that takes whole ones. */
const bytesOf: ReadonlyMap<string, number> = new Map([
  ...["F64", "I64", "U64", "C64"].map((name) => [name, 8] as const),
  ...["F32", "I32", "U32"].map((name) => [name, 4] as const),
  ...["F16", "BF16", "I16", "U16"].map((name) => [name, 2] as const),
  ...["BOOL", "I8", "U8", "F8_E5M2", "F8_E4M3", "F8_E8M0"].map((name) => [name, 1] as const),
]);

/** The format's own limit, bytes. */
const longestHeader = 100_000_000;
const metadataKey = "__metadata__";

/** The file's content in pieces, to be written one after the other: no copy of the data is made. Tensors with wide
 *  entries come first, then by name, so each stands aligned. Typed arrays are little-endian wherever Deno runs. */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, HostArray>,
  metadata: Readonly<Record<string, string>> = {},
): readonly Uint8Array[] {
  const entries = [...tensors].map(([name, array]) => ({ name, array, storage: storageOf[array.dtype] }));
  entries.sort((a, b) =>
    storages[b.storage].bytes - storages[a.storage].bytes || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  );
  // written piece by piece: an object would put names like "1" first and lose "__proto__"
  const fields: string[] = [];
  if (Object.keys(metadata).length > 0) fields.push(`"${metadataKey}":${JSON.stringify(metadata)}`);
  let offset = 0;
  for (const { name, array, storage } of entries) {
    if (name === metadataKey) throw new SafetensorsError(`A tensor cannot be named \`${name}\``);
    const end = offset + array.data.byteLength;
    const value = { dtype: storage, shape: array.shape, data_offsets: [offset, end] };
    fields.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
    offset = end;
  }
  const text = new TextEncoder().encode(`{${fields.join(",")}}`);
  const length = Math.ceil(text.length / 8) * 8;
  const header = new Uint8Array(8 + length).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(length), true);
  header.set(text, 8);
  return [
    header,
    ...entries.map(({ array: { data } }) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength)),
  ];
}

/** One tensor of a file, as it lies there. */
export interface StoredTensor {
  /** As the file names it: `F32`, `BF16`. */
  readonly storage: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/** Reads the header of a whole file; no entry is looked at. Throws SafetensorsError for anything the format does not allow: a
 *  bad header, duplicate names, holes, overlaps, bytes after the end, tensors of another size than their shape asks for. */
export function openSafetensors(
  bytes: Uint8Array,
): { readonly tensors: ReadonlyMap<string, StoredTensor>; readonly metadata: ReadonlyMap<string, string> } {
  const { header, data } = splitFile(bytes);
  const tensors = new Map<string, StoredTensor>();
  const metadata = new Map<string, string>();
  const spans: { begin: number; end: number; name: string }[] = [];
  for (const [name, value] of header) {
    if (name === metadataKey) {
      for (const [key, text] of entriesOf(value, metadataKey)) {
        if (typeof text !== "string") throw new SafetensorsError(`The metadata \`${key}\` is not a text`);
        metadata.set(key, text);
      }
      continue;
    }
    const { storage, shape, begin, end } = readEntry(name, value, data.length);
    tensors.set(name, { storage, shape, bytes: data.subarray(begin, end) });
    spans.push({ begin, end, name });
  }
  checkCover(spans, data.length);
  return { tensors, metadata };
}

/** Reads a whole file. Throws SafetensorsError as `openSafetensors` does, for truth values that are neither 0 nor 1, and for other
 *  dtypes than F32, F64, I32, BOOL and U8. */
export function decodeSafetensors(bytes: Uint8Array): Safetensors {
  const { tensors, metadata } = openSafetensors(bytes);
  const decoded = [...tensors].map(([name, { storage, shape, bytes }]): [string, HostArray] => {
    const fail = (problem: string) => new SafetensorsError(`The tensor \`${name}\` ${problem}`);
    if (!Object.hasOwn(storages, storage)) {
      throw fail(`has the dtype "${storage}"; known are ${Object.keys(storages).join(", ")}`);
    }
    const { dtype, make } = storages[storage as StorageName];
    const data = make(bytes.slice().buffer);
    if (storage === "BOOL" && data.some((x) => x > 1)) throw fail("holds a truth value that is neither 0 nor 1");
    return [name, { dtype, shape, data }];
  });
  return { tensors: new Map(decoded), metadata };
}

/** The storages whose entries are floats. */
export const floatStorages: readonly string[] = ["F64", "F32", "F16", "BF16"];

/** The entries of a tensor of floats, each as the number it is; undefined for another storage. */
export function floatsOf({ storage, bytes }: StoredTensor): Float64Array | Float32Array | undefined {
  const { buffer } = bytes.slice(); // a view may stand at any byte
  if (storage === "F64") return new Float64Array(buffer);
  if (storage === "F32") return new Float32Array(buffer);
  if (storage === "F16") return Float32Array.from(new Uint16Array(buffer), halfToNumber);
  // the upper half of a binary32
  if (storage === "BF16") return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (x) => x * 65536).buffer);
  return undefined;
}

/** IEEE 754 binary16: sign, 5 bits of exponent (bias 15), 10 bits of fraction. */
export function halfToNumber(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const sign = bits >> 15 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

function splitFile(bytes: Uint8Array): { header: readonly (readonly [string, unknown])[]; data: Uint8Array } {
  if (bytes.length < 8) throw new SafetensorsError("The file is shorter than 8 bytes");
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(longestHeader)) throw new SafetensorsError(`The header says it has ${length} bytes`);
  const end = 8 + Number(length);
  if (end > bytes.length) throw new SafetensorsError("The file ends within its header");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.slice(8, end));
  } catch {
    throw new SafetensorsError("The header is not UTF-8");
  }
  if (!text.startsWith("{")) throw new SafetensorsError("The header does not begin with `{`");
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw new SafetensorsError("The header is not JSON");
  }
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined) throw new SafetensorsError(`The header has \`${duplicate}\` twice`);
  return { header: entriesOf(parsed, "the header"), data: bytes.subarray(end) };
}

function entriesOf(value: unknown, what: string): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new SafetensorsError(`${what} is not a JSON object`);
  }
  return Object.entries(value);
}

/** The first key that stands twice in one object of a valid JSON text: `JSON.parse` keeps the last one silently. */
function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = [];
  for (let at = 0; at < json.length; at++) {
    const sign = json[at];
    if (sign === "{") open.push(new Set());
    else if (sign === "}") open.pop();
    if (sign !== '"') continue;
    const begin = at;
    // by hand: an expression that steps back over each letter has no room for a text of millions
    for (at++; json[at] !== '"'; at++) if (json[at] === "\\") at++;
    let after = at + 1;
    while (after < json.length && json[after]!.trim() === "") after++;
    if (json[after] !== ":") continue;
    const key = JSON.parse(json.slice(begin, at + 1)) as string;
    if (open.at(-1)!.has(key)) return key;
    open.at(-1)!.add(key);
  }
  return undefined;
}

function readEntry(
  name: string,
  value: unknown,
  dataLength: number,
): { storage: string; shape: readonly number[]; begin: number; end: number } {
  const fail = (problem: string) => new SafetensorsError(`The tensor \`${name}\` ${problem}`);
  const fields = new Map(entriesOf(value, `The tensor \`${name}\``));
  const storage = fields.get("dtype");
  const shape = fields.get("shape");
  const offsets = fields.get("data_offsets");
  if (fields.size !== 3) throw fail("does not have exactly dtype, shape and data_offsets");
  if (typeof storage !== "string") throw fail(`has the dtype ${JSON.stringify(storage)}`);
  const isSizes = (x: unknown): x is number[] => Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!isSizes(shape)) throw fail("has a shape that is not a list of sizes");
  if (!isSizes(offsets) || offsets.length !== 2) throw fail("has bad data_offsets");
  const [begin, end] = offsets as [number, number];
  if (end > dataLength || begin > end) throw fail("lies outside of the file");
  const bytes = bytesOf.get(storage);
  const size = bytes === undefined ? end - begin : sizeOf(shape) * bytes;
  if (size !== end - begin) throw fail(`needs ${size} bytes and has ${end - begin}`);
  return { storage, shape, begin, end };
}

/** Every byte of the data belongs to exactly one tensor. */
function checkCover(spans: { begin: number; end: number; name: string }[], length: number): void {
  spans.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let at = 0;
  for (const { begin, end, name } of spans) {
    if (begin !== at) throw new SafetensorsError(`There is ${begin > at ? "a hole" : "an overlap"} before \`${name}\``);
    at = end;
  }
  if (at !== length) throw new SafetensorsError(`There are ${length - at} bytes after the last tensor`);
}
