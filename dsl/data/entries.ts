// What is a field filled with? Entries one by one, each of which is looked at; or, where they are numbers that lie in memory,
// all at once.
import { whyNoEntry } from "../../runtime/program/given_arrays.ts";
import { dataArray } from "../../runtime/program/data_memory.ts";
import { type DType, storageClasses, type TypedArray } from "../../runtime/ir/types.ts";

/** What a field is filled with. */
export interface Entries {
  /** "table": rows by columns, whose second axis the declaration may split or leave out. */
  readonly from: "table" | "array" | "host";
  readonly shape: readonly number[];
  /** What holds them, for an error. */
  readonly name: string;
  /** What to do where a declaration has another shape. */
  readonly misfit?: string;
  /** How places are counted, for an error. */
  readonly notes?: readonly string[];
  /** Bytes that they are packed in, where they are, and those that they take unpacked. */
  readonly packed?: { readonly from: number; readonly to: number };
  /** Gets at them, which costs what unpacking costs. Throws SyntaxError that says what is wrong with them. */
  open(): OpenEntries;
  /** Where entry i stands, for an error. */
  where(i: number): string;
}

/** What is wrong with one file of several. */
export class FileError extends SyntaxError {
  constructor(readonly title: string, readonly note: string) {
    super(title);
  }
}

/** Entries that can be read. */
export interface OpenEntries {
  /** Entry i, row-major: NaN where it is missing, its text where it is no number. Integers beyond 2^53 are rounded. */
  readonly at: (i: number) => number | string;
  /** All of them as they lie in memory, where each is the number that it is. */
  readonly values?: NumberArray;
  /** Who gave them may write into them later. */
  readonly lent?: boolean;
}

/** Numbers in memory. */
export type NumberArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array;

/** Entries that are what an array of numbers holds. */
export const openValues = (values: NumberArray): OpenEntries => ({ at: (i) => values[i]!, values });

/** The array of a dtype that holds numbers, where each may stand in it; bytes that stay bytes are not copied unless they are lent.
 *  Undefined where one may not: then it is worth looking which. */
export function heldAs(dtype: DType, { values, lent = false }: OpenEntries): TypedArray | undefined {
  if (!values) return undefined;
  const bytes = values instanceof Uint8ClampedArray
    ? new Uint8Array(values.buffer, values.byteOffset, values.length)
    : values;
  const asTheyAre = bytes.constructor === storageClasses[dtype] && !lent;
  const data = asTheyAre ? bytes as TypedArray : dataArray(dtype, bytes.length);
  if (!asTheyAre) data.set(bytes);
  return mayHold[dtype](data, bytes) ? data : undefined;
}

const isByte = (values: NumberArray) => values instanceof Uint8Array;
const isShort = (values: NumberArray) => values.BYTES_PER_ELEMENT <= 2;
const isInteger = (values: NumberArray) => !(values instanceof Float32Array || values instanceof Float64Array);

const areSame = (data: ArrayLike<number>, values: ArrayLike<number>): boolean => {
  for (let i = 0; i < values.length; i++) if (data[i] !== values[i]) return false;
  return true;
};

const areFinite = (data: ArrayLike<number>): boolean => {
  let sum = 0; // of zeros, and NaN for each that is not finite
  for (let i = 0; i < data.length; i++) sum += data[i]! - data[i]!;
  return sum === 0;
};

/** True where each of some numbers may be an entry, given what an array of the dtype made of it. */
const mayHold: { readonly [D in DType]: (data: TypedArray, values: NumberArray) => boolean } = {
  f32: (data, values) => isInteger(values) || areFinite(data),
  f64: (data, values) => isInteger(values) || areFinite(data),
  i32: (data, values) => isShort(values) || areSame(data, values) && !data.includes(-(2 ** 31)),
  bool: (data, values) => areSame(data, values) && data.every((x) => x <= 1),
  u8: (data, values) => isByte(values) || areSame(data, values),
};

/** The array of a dtype that holds entries, with what stands for those that are missing; else the first that may not stand in it:
 *  its text where it is no number, and why not. */
export function readAll(
  { at }: OpenEntries,
  { dtype, count, missing }: { readonly dtype: DType; readonly count: number; readonly missing: number | undefined },
): TypedArray | WrongEntry {
  const data = dataArray(dtype, count);
  for (let i = 0; i < count; i++) {
    const read = at(i);
    if (typeof read === "string") return { at: i, read };
    const value = Number.isNaN(read) ? missing : read;
    if (value === undefined) return { at: i, read: NaN };
    const why = whyNoEntry(value, dtype);
    if (why !== undefined) return { at: i, read: value, why };
    data[i] = value;
  }
  return data;
}

/** An entry that may not stand in a field. */
export interface WrongEntry {
  readonly at: number;
  /** NaN where it is missing. */
  readonly read: number | string;
  readonly why?: string;
}
