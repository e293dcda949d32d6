// How are arrays handed over by a script? As typed arrays (or plain numbers) with shapes; here they become the arrays of
// the runtime, or a TypeError or RangeError that says which one does not fit.
import { type DType, type HostArray, type Shape, sizeOf, type TypedArray } from "../runtime/ir/types.ts";

/** An array given by a script, row-major. */
export interface TensorInput {
  /** Sizes of the axes, outermost first; `[]` is a scalar. */
  readonly shape: Shape;
  /** Float32Array is f32, Float64Array and plain numbers are f64, Int32Array is i32, Uint8Array is bool (0 or 1). */
  readonly data: TypedArray | readonly number[];
}

/** Data for the `data` items of a program: by item, then by field. */
export type DataInput = Readonly<Record<string, Readonly<Record<string, TensorInput>>>>;

/** Checks arrays and turns them into the runtime's. Throws TypeError or RangeError that names the array. */
export function hostData(data: DataInput): Record<string, Record<string, HostArray>> {
  const result: Record<string, Record<string, HostArray>> = {};
  for (const [item, fields] of Object.entries(data)) {
    result[item] = {};
    for (const [field, tensor] of Object.entries(fields)) result[item][field] = hostArray(`${item}.${field}`, tensor);
  }
  return result;
}

function hostArray(name: string, { shape, data }: TensorInput): HostArray {
  if (!Array.isArray(shape) || !shape.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    throw new TypeError(`The shape of \`${name}\` must be a list of sizes, such as [100, 1]`);
  }
  const { dtype, values } = storage(name, data);
  if (values.length !== sizeOf(shape)) {
    throw new RangeError(
      `The shape [${shape.join(", ")}] of \`${name}\` has ${sizeOf(shape)} entries, but its data has ${values.length}`,
    );
  }
  return { dtype, shape: [...shape], data: values };
}

function storage(name: string, data: TensorInput["data"]): { dtype: DType; values: TypedArray } {
  // copies: the program must not change when the script's array does
  if (data instanceof Float32Array) return { dtype: "f32", values: data.slice() };
  if (data instanceof Float64Array) return { dtype: "f64", values: data.slice() };
  if (data instanceof Int32Array) return { dtype: "i32", values: data.slice() };
  if (data instanceof Uint8Array) {
    if (data.some((x) => x > 1)) throw new RangeError(`\`${name}\` is a Uint8Array, so its entries must be 0 or 1`);
    return { dtype: "bool", values: data.slice() };
  }
  if (Array.isArray(data) && data.every((x) => typeof x === "number")) {
    return { dtype: "f64", values: Float64Array.from(data) };
  }
  throw new TypeError(
    `The data of \`${name}\` must be a Float32Array, Float64Array, Int32Array, Uint8Array or an array of numbers`,
  );
}

/** The same array with its own storage. */
export function copyArray({ dtype, shape, data }: HostArray): HostArray {
  return { dtype, shape, data: data.slice() };
}

/** Entry `index` along axis 0, with its own storage. */
export function sliceFirstAxis({ dtype, shape, data }: HostArray, index: number): HostArray {
  const inner = shape.slice(1);
  const size = sizeOf(inner);
  return { dtype, shape: inner, data: data.slice(index * size, (index + 1) * size) };
}
