// How does plain data become a file? Arrays of numbers stand in a safetensors file as tensors, and all around them in one text of its
// metadata: objects, lists, maps, texts, and numbers of every kind, each back to its last bit.
import { sha256Of } from "../sha256.ts";
import { allocate, type DType, type HostArray, type TypedArray } from "../ir/types.ts";
import { SafetensorsError } from "../program/safetensors.ts";

/** What JSON has no words for is an object with this one name. */
const mark = "$";

/** Lists of at least so many numbers stand as tensors. */
const longList = 16;

/** Data as tensors and a text. */
export interface WrittenData {
  readonly tensors: ReadonlyMap<string, HostArray>;
  readonly text: string;
}

/** Writes down objects, lists, maps, typed arrays, texts, truth values and numbers; what is undefined is left out. */
export function writePlainData(data: unknown): WrittenData {
  const tensors = new Map<string, HostArray>();
  const stored = (array: TypedArray, dtype: DType) => {
    const name = `${tensors.size}`;
    tensors.set(name, { dtype, shape: [array.length], data: array });
    return name;
  };
  const write = (value: unknown): unknown => {
    if (typeof value === "number") {
      return Number.isFinite(value) && !Object.is(value, -0)
        ? value
        : { [mark]: Object.is(value, -0) ? "-0" : `${value}` };
    }
    if (typeof value !== "object" || value === null) return value;
    const dtype = dtypeOf(value);
    if (dtype) return { [mark]: "array", at: stored(value as TypedArray, dtype) };
    if (value instanceof Map) return { [mark]: "map", entries: [...value].map(([key, x]) => [key, write(x)]) };
    if (Array.isArray(value)) {
      const numbers = value.length >= longList && value.every((x) => typeof x === "number");
      return numbers ? { [mark]: "list", at: stored(Float64Array.from(value as number[]), "f64") } : value.map(write);
    }
    return Object.fromEntries(Object.entries(value).map(([key, x]) => [key, write(x)]));
  };
  return { text: JSON.stringify(write(data)), tensors };
}

/** Reads what `writePlainData` wrote. Throws SafetensorsError for what it did not. */
export function readPlainData({ text, tensors }: WrittenData): unknown {
  const tensor = (name: unknown): TypedArray => {
    const found = typeof name === "string" ? tensors.get(name) : undefined;
    if (!found) throw new SafetensorsError(`There is no tensor \`${name}\``);
    return found.data;
  };
  const read = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(read);
    const { [mark]: kind, at, entries } = value as Record<string, unknown>;
    if (kind === undefined) return Object.fromEntries(Object.entries(value).map(([key, x]) => [key, read(x)]));
    if (kind === "array") return tensor(at);
    if (kind === "list") return Array.from<number>(tensor(at));
    if (kind === "map") return new Map((entries as [unknown, unknown][]).map(([key, x]) => [key, read(x)]));
    return kind === "-0" ? -0 : Number(kind);
  };
  return read(JSON.parse(text));
}

/** SHA-256 of data with what stands beside it, hexadecimal. */
export function sumOfData({ text, tensors }: WrittenData, ...beside: readonly string[]): string {
  const byNumber = [...tensors].sort(([a], [b]) => Number(a) - Number(b));
  return sha256Of([
    ...beside,
    text,
    ...byNumber.flatMap(([name, { data }]) => [name, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)]),
  ]);
}

/** Truth values lie in bytes, which are no less for it. */
function dtypeOf(value: object): DType | undefined {
  return (["f64", "f32", "i32", "u8"] as const).find((dtype) => value instanceof allocate(dtype, 0).constructor);
}
