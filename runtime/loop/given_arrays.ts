// Which arrays may be given from outside, and which numbers may stand in them? Read where data are checked before the run,
// and where host functions answer during it.
import type { DType, TypedArray } from "../ir/types.ts";

/** An array handed over by a script: values row-major, with their shape. */
export interface HostValues {
  /** Sizes of the axes, outermost first. */
  readonly shape: readonly number[];
  /** The entries; they are converted to the type that the program declares. */
  readonly data: TypedArray | readonly number[];
}

/** True for what has the form of an array with a shape, also when it comes from a script without types. */
export function isHostValues(values: unknown): values is HostValues {
  const { shape, data } = (values ?? {}) as Partial<HostValues>;
  return Array.isArray(shape) && shape.every((n) => Number.isSafeInteger(n) && n >= 0) &&
    (Array.isArray(data) || ArrayBuffer.isView(data));
}

/** What is wrong with a number as an entry of a dtype, or nothing. */
export function whyNoEntry(value: number, dtype: DType): string | undefined {
  if (!Number.isFinite(value)) return "only finite numbers are data";
  if (dtype === "i32" && (!Number.isInteger(value) || Math.abs(value) > 2147483647)) {
    return "it is not a 32-bit integer";
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
