// How do arrays stand in a file? The safetensors format: 8 bytes little-endian header length, a JSON header padded with
// spaces to 8 bytes, the data without gaps. Written for every run folder; the reader is strict.
// Source: huggingface/safetensors, README "Format".
import { type DType, type HostArray, sizeOf, type TypedArray } from "../ir/types.ts";

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
} as const satisfies Record<string, { dtype: DType; bytes: number; make: (b: ArrayBuffer) => TypedArray }>;

type StorageName = keyof typeof storages;

const storageOf: Readonly<Record<DType, StorageName>> = { f64: "F64", f32: "F32", i32: "I32", bool: "BOOL" };

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

/** Reads a whole file. Throws SafetensorsError for anything the format does not allow: a bad header, duplicate names,
 *  holes, overlaps, bytes after the end, truth values that are neither 0 nor 1; and for other dtypes than F32, F64, I32
 *  and BOOL. */
export function decodeSafetensors(bytes: Uint8Array): Safetensors {
  const { header, data } = splitFile(bytes);
  const tensors = new Map<string, HostArray>();
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
    const array = storages[storage].make(data.slice(begin, end).buffer as ArrayBuffer);
    if (storage === "BOOL" && array.some((x) => x > 1)) {
      throw new SafetensorsError(`The tensor \`${name}\` holds a truth value that is neither 0 nor 1`);
    }
    tensors.set(name, { dtype: storages[storage].dtype, shape, data: array });
    spans.push({ begin, end, name });
  }
  checkCover(spans, data.length);
  return { tensors, metadata };
}

function splitFile(bytes: Uint8Array): { header: readonly (readonly [string, unknown])[]; data: Uint8Array } {
  if (bytes.length < 8) throw new SafetensorsError("The file is shorter than 8 bytes");
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(longestHeader)) throw new SafetensorsError(`The header says it has ${length} bytes`);
  const end = 8 + Number(length);
  if (end > bytes.length) throw new SafetensorsError("The file ends within its header");
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes.subarray(8, end));
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
  const token = /"(?:[^"\\]|\\.)*"(\s*:)?|[{}]/g;
  for (const [text, colon] of json.matchAll(token)) {
    if (text === "{") open.push(new Set());
    else if (text === "}") open.pop();
    else if (colon !== undefined) {
      const key = JSON.parse(text.slice(0, text.length - colon.length)) as string;
      if (open.at(-1)!.has(key)) return key;
      open.at(-1)!.add(key);
    }
  }
  return undefined;
}

function readEntry(
  name: string,
  value: unknown,
  dataLength: number,
): { storage: StorageName; shape: readonly number[]; begin: number; end: number } {
  const fail = (problem: string) => new SafetensorsError(`The tensor \`${name}\` ${problem}`);
  const fields = new Map(entriesOf(value, `The tensor \`${name}\``));
  const storage = fields.get("dtype");
  const shape = fields.get("shape");
  const offsets = fields.get("data_offsets");
  if (fields.size !== 3) throw fail("does not have exactly dtype, shape and data_offsets");
  if (typeof storage !== "string" || !Object.hasOwn(storages, storage)) {
    throw fail(`has the dtype ${JSON.stringify(storage)}; known are ${Object.keys(storages).join(", ")}`);
  }
  const isSizes = (x: unknown): x is number[] => Array.isArray(x) && x.every((n) => Number.isSafeInteger(n) && n >= 0);
  if (!isSizes(shape)) throw fail("has a shape that is not a list of sizes");
  if (!isSizes(offsets) || offsets.length !== 2) throw fail("has bad data_offsets");
  const [begin, end] = offsets as [number, number];
  if (end > dataLength || begin > end) throw fail("lies outside of the file");
  const size = sizeOf(shape) * storages[storage as StorageName].bytes;
  if (size !== end - begin) throw fail(`needs ${size} bytes and has ${end - begin}`);
  return { storage: storage as StorageName, shape, begin, end };
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
