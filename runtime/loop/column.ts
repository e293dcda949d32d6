// How are numbers kept of which nobody knows how many come? One after the other in a typed array that grows by a quarter: it takes at
// most 1.25 times the bytes of what it holds, and 2.25 times while it grows.
import { allocate, type DType, type TypedArray } from "../ir/types.ts";

/** Numbers in the order in which they came. */
export interface Column {
  readonly length: number;
  push(value: number): void;
  /** Adds many at once. */
  append(values: TypedArray): void;
  /** Forgets all but the first `length`. */
  cut(length: number): void;
  /** What it holds, in its own memory: what is pushed later is not in there, and what is cut may be overwritten. */
  view(): TypedArray;
}

/** Opens a column that holds a copy of `start`. */
export function openColumn(dtype: DType, start?: TypedArray): Column {
  let data = start ? start.slice() : allocate(dtype, 0);
  let length = data.length;
  const make = (room: number) => {
    if (room <= data.length) return;
    const more = allocate(dtype, Math.max(room, Math.ceil(1.25 * length), 16));
    more.set(data.subarray(0, length));
    data = more;
  };
  return {
    get length() {
      return length;
    },
    push(value) {
      make(length + 1);
      data[length++] = value;
    },
    append(values) {
      make(length + values.length);
      data.set(values, length);
      length += values.length;
    },
    cut(to) {
      length = Math.min(length, to);
    },
    view: () => data.subarray(0, length),
  };
}
