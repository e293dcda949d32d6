// What is a kernel of the reference backend? A rule that sees one equation's static types, parameters and arrays once,
// and returns the closure that fills the outputs each time it is called.
import type { ArrayType, HostArray, PrimitiveName, PrimitiveParameters, TypedArray } from "../../ir/types.ts";

/** Fills the outputs of one equation from its inputs. Allocates nothing. */
export type Kernel = () => void;

/** The same in pieces: what asks for the next one may pause before. */
export type Pieces = () => Generator<void, void, void>;

/** The body of a `scan` or `map`, ready to run on its own arrays. */
export interface PreparedBody {
  readonly run: Kernel;
  /** The same in pieces, where it may take long. */
  readonly pieces: Pieces | undefined;
  /** By position; undefined for an input that nothing reads. */
  readonly inputs: readonly (HostArray | undefined)[];
  readonly outputs: readonly HostArray[];
}

/** One equation with the arrays it reads and writes, all of them views of one buffer. Two that overlap start at the same
 *  byte: one array under two types, or an elementwise output over an input of the same element size. */
export interface KernelSite<P extends PrimitiveName> {
  readonly params: PrimitiveParameters[P];
  readonly inputs: readonly HostArray[];
  readonly outputs: readonly HostArray[];
  /** As many entries as the primitive's scratch rule asked for, with arbitrary contents. */
  readonly scratch: Float64Array;
  /** Only for `scan` and `map`. */
  readonly body: PreparedBody | undefined;
}

/** Prepares the kernel of one equation. Types have been checked by the shape rules. */
export type KernelRule<P extends PrimitiveName> = (site: KernelSite<P>) => Kernel;

/** Number of float64 entries a kernel needs for itself while it runs. */
export type ScratchRule<P extends PrimitiveName> = (
  inputs: readonly ArrayType[],
  outputs: readonly ArrayType[],
  params: PrimitiveParameters[P],
) => number;

/** Storage of the float dtypes. Loops over it are shared by both dtypes only where arithmetic is dearer than the
 *  checks V8 adds once it has seen both. */
export type FloatArray = Float32Array | Float64Array;

/** Storage of the dtypes with arithmetic. */
export type NumberArray = Float32Array | Float64Array | Int32Array;

/** The same bytes as integers where that is possible, so that moving values keeps NaN payloads and movement loops see
 *  three storage types instead of four. */
export function bitsOf(data: TypedArray): TypedArray {
  return data instanceof Float32Array ? new Int32Array(data.buffer, data.byteOffset, data.length) : data;
}

/** Runs longer than this are moved by the builtin: a call of it costs what a loop takes for about 40 elements, and then
 *  moves ten times as many in the same time (measured, V8 15.0). */
export const longRun = 40;

/** The whole buffer that an array is a view of, in elements of the array's own size, for `copyWithin`. */
export function wholeBuffer(data: TypedArray): { readonly whole: TypedArray; readonly start: number } {
  const start = data.byteOffset / data.BYTES_PER_ELEMENT;
  if (data instanceof Float64Array) return { whole: new Float64Array(data.buffer), start };
  if (data instanceof Uint8Array) return { whole: new Uint8Array(data.buffer), start };
  return { whole: new Int32Array(data.buffer), start };
}

/** A kernel that copies `from` to `to` (same byte length); nothing when they are the same bytes. */
export function prepareCopy(from: TypedArray, to: TypedArray): Kernel {
  if (from.length === 0 || (from.buffer === to.buffer && from.byteOffset === to.byteOffset)) return () => {};
  const source = bitsOf(from);
  const target = bitsOf(to);
  const size = source.length;
  if (size > 16) return () => target.set(source);
  return () => {
    for (let i = 0; i < size; i++) target[i] = source[i]!;
  };
}
