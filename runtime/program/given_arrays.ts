// Which arrays may be given from outside, and which numbers may stand in them? Read where data are checked before the run,
// and where host functions answer during it.
import { type DType, largestInt, type TypedArray } from "../ir/types.ts";

/** An array handed over by a script: values row-major, with their shape.
 *
 *  @category Compile */
export interface HostValues {
  /** Sizes of the axes, outermost first. */
  readonly shape: readonly number[];
  /** The entries; they are converted to the type that the program declares, and copied before anything else is asked for. */
  readonly data: GivenEntries;
}

/** Row-major entries: an array of numbers, or a typed array of any kind.
 *
 *  @category Compile */
export type GivenEntries =
  | TypedArray
  | Uint8ClampedArray
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly number[];

/** True for what has the form of an array with a shape, also when it comes from a script without types. */
export function isHostValues(values: unknown): values is HostValues {
  const { shape, data } = (values ?? {}) as Partial<HostValues>;
  return Array.isArray(shape) && shape.every((n) => Number.isSafeInteger(n) && n >= 0) &&
    (Array.isArray(data) || ArrayBuffer.isView(data) && !(data instanceof DataView));
}

/** An entry as a number; an entry of a bool may be `true` or `false`. What else scripts without types hand over (`null`, `""`,
 *  `[5]`) is no number, whatever `Number` makes of it: then what it is, as text. */
export function entryOf(value: unknown, dtype: DType): number | string {
  if (typeof value === "number") return value;
  if (typeof value === "bigint" && Number.isSafeInteger(Number(value))) return Number(value);
  if (typeof value === "boolean" && dtype === "bool") return value ? 1 : 0;
  return typeof value === "bigint" ? `${value}` : JSON.stringify(value) ?? String(value);
}

/** What is wrong with a number as an entry of a dtype, or nothing. */
export function whyNoEntry(value: number, dtype: DType): string | undefined {
  if (!Number.isFinite(value)) return "only finite numbers are data";
  if (dtype === "i32" && value === -largestInt - 1) return `an int is at least -${largestInt}`;
  if (dtype === "i32" && (!Number.isInteger(value) || Math.abs(value) > largestInt)) {
    return "it is not a 32-bit integer";
  }
  if (dtype === "u8" && (!Number.isInteger(value) || value < 0 || value > 255)) {
    return "a byte is a whole number from 0 to 255";
  }
  if (dtype === "bool" && value !== 0 && value !== 1) return "a bool is 0 or 1";
  if (dtype === "f32" && !Number.isFinite(Math.fround(value))) {
    return "a 32-bit number holds at most 3.4e38; write `precision f64`";
  }
  return undefined;
}

/** The index of entry i along each axis, counted from 0. */
export function place(i: number, shape: readonly number[]): number[] {
  const index: number[] = [];
  for (const size of shape.toReversed()) {
    index.unshift(i % size);
    i = Math.floor(i / size);
  }
  return index;
}

/** Where entry i of an array stands: it is kept longer than the entries. */
export function entryOfArray(shape: readonly number[], name: string): (i: number) => string {
  return (i) => `Entry [${place(i, shape).join(", ")}] of ${name}`;
}
