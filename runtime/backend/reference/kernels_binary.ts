// How are the elementwise primitives with two or three inputs computed? One loop for each primitive and dtype, so that
// each stays monomorphic. Floats are computed in float64 and rounded at the store; integers wrap at 32 bits.
import type { PrimitiveName, TypedArray } from "../../ir/types.ts";
import { InternalError } from "../../errors.ts";
import type { FloatArray, KernelRule } from "./kernel.ts";

type Loop<A, O = A> = (o: O, a: A, b: A) => void;
type Integers = Int32Array | Uint8Array;

interface LoopsByDType {
  readonly f32: Loop<Float32Array>;
  readonly f64: Loop<Float64Array>;
  readonly i32: Loop<Int32Array>;
  readonly bool: Loop<Uint8Array>;
}

/** A rule that picks the loop of the inputs' dtype. */
function binary<P extends PrimitiveName>(loops: Partial<LoopsByDType>): KernelRule<P> {
  return ({ inputs, outputs }) => {
    const { dtype } = inputs[0]!;
    const loop = dtype === "u8" ? undefined : loops[dtype] as Loop<TypedArray> | undefined;
    if (!loop) throw new InternalError(`No loop for ${dtype}`);
    const a = inputs[0]!.data;
    const b = inputs[1]!.data;
    const o = outputs[0]!.data;
    return () => loop(o, a, b);
  };
}

const addF32 = (o: Float32Array, a: Float32Array, b: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! + b[i]!;
};
const addF64 = (o: Float64Array, a: Float64Array, b: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! + b[i]!;
};
const addI32 = (o: Int32Array, a: Int32Array, b: Int32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! + b[i]!;
};
const subF32 = (o: Float32Array, a: Float32Array, b: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! - b[i]!;
};
const subF64 = (o: Float64Array, a: Float64Array, b: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! - b[i]!;
};
const subI32 = (o: Int32Array, a: Int32Array, b: Int32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! - b[i]!;
};
const mulF32 = (o: Float32Array, a: Float32Array, b: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! * b[i]!;
};
const mulF64 = (o: Float64Array, a: Float64Array, b: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! * b[i]!;
};
const mulI32 = (o: Int32Array, a: Int32Array, b: Int32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.imul(a[i]!, b[i]!);
};
const divF32 = (o: Float32Array, a: Float32Array, b: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! / b[i]!;
};
const divF64 = (o: Float64Array, a: Float64Array, b: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! / b[i]!;
};
const divI32 = (o: Int32Array, a: Int32Array, b: Int32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = b[i]! === 0 ? 0 : a[i]! / b[i]!;
};
const maxF32 = (o: Float32Array, a: Float32Array, b: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.max(a[i]!, b[i]!);
};
const maxF64 = (o: Float64Array, a: Float64Array, b: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.max(a[i]!, b[i]!);
};
const maxI32 = (o: Int32Array, a: Int32Array, b: Int32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.max(a[i]!, b[i]!);
};
const minF32 = (o: Float32Array, a: Float32Array, b: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.min(a[i]!, b[i]!);
};
const minF64 = (o: Float64Array, a: Float64Array, b: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.min(a[i]!, b[i]!);
};
const minI32 = (o: Int32Array, a: Int32Array, b: Int32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.min(a[i]!, b[i]!);
};
/** The remainder of truncated division, moved to the divisor's sign; a zero has it too. */
function floorMod(a: number, b: number): number {
  const r = a % b;
  if (r === 0) return b < 0 ? -0 : 0;
  return (r < 0) !== (b < 0) ? r + b : r;
}
const modFloat = (o: FloatArray, a: FloatArray, b: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = floorMod(a[i]!, b[i]!);
};
const modI32 = (o: Int32Array, a: Int32Array, b: Int32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = b[i]! === 0 ? 0 : floorMod(a[i]!, b[i]!);
};
/** IEEE 754's pow, which is 1 for base 1 and for base -1 with an infinite exponent; ECMAScript says NaN there. */
function realPow(x: number, y: number): number {
  if (x === 1 || (x === -1 && (y === Infinity || y === -Infinity))) return 1;
  return Math.pow(x, y);
}
const powFloat = (o: FloatArray, a: FloatArray, b: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = realPow(a[i]!, b[i]!);
};
const andInteger = (o: Integers, a: Integers, b: Integers): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! & b[i]!;
};
const orInteger = (o: Integers, a: Integers, b: Integers): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! | b[i]!;
};
/** The shift count is taken modulo 32, as hardware and WebAssembly take it. */
const shiftRight = (o: Int32Array, a: Int32Array, b: Int32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! >>> b[i]!;
};

const eqF32 = (o: Uint8Array, a: Float32Array, b: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! === b[i]! ? 1 : 0;
};
const eqF64 = (o: Uint8Array, a: Float64Array, b: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! === b[i]! ? 1 : 0;
};
const eqInteger = (o: Uint8Array, a: Int32Array | Uint8Array, b: Int32Array | Uint8Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! === b[i]! ? 1 : 0;
};
const neF32 = (o: Uint8Array, a: Float32Array, b: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! !== b[i]! ? 1 : 0;
};
const neF64 = (o: Uint8Array, a: Float64Array, b: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! !== b[i]! ? 1 : 0;
};
const neInteger = (o: Uint8Array, a: Int32Array | Uint8Array, b: Int32Array | Uint8Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! !== b[i]! ? 1 : 0;
};
const ltF32 = (o: Uint8Array, a: Float32Array, b: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! < b[i]! ? 1 : 0;
};
const ltF64 = (o: Uint8Array, a: Float64Array, b: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! < b[i]! ? 1 : 0;
};
const ltInteger = (o: Uint8Array, a: Int32Array | Uint8Array, b: Int32Array | Uint8Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! < b[i]! ? 1 : 0;
};
const leF32 = (o: Uint8Array, a: Float32Array, b: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! <= b[i]! ? 1 : 0;
};
const leF64 = (o: Uint8Array, a: Float64Array, b: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! <= b[i]! ? 1 : 0;
};
const leInteger = (o: Uint8Array, a: Int32Array | Uint8Array, b: Int32Array | Uint8Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = a[i]! <= b[i]! ? 1 : 0;
};

interface ComparisonLoops {
  readonly f32: Loop<Float32Array, Uint8Array>;
  readonly f64: Loop<Float64Array, Uint8Array>;
  readonly integer: Loop<Integers, Uint8Array>;
}

/** A comparison; `swapped` exchanges the inputs (a > b is b < a, also where one is NaN). */
function comparison<P extends PrimitiveName>(loops: ComparisonLoops, swapped = false): KernelRule<P> {
  return ({ inputs, outputs }) => {
    const { dtype } = inputs[0]!;
    const loop = loops[dtype === "f32" || dtype === "f64" ? dtype : "integer"] as Loop<TypedArray>;
    const a = inputs[swapped ? 1 : 0]!.data;
    const b = inputs[swapped ? 0 : 1]!.data;
    const o = outputs[0]!.data;
    return () => loop(o, a, b);
  };
}
const ltLoops: ComparisonLoops = { f32: ltF32, f64: ltF64, integer: ltInteger };
const leLoops: ComparisonLoops = { f32: leF32, f64: leF64, integer: leInteger };

type SelectLoop<A> = (o: A, condition: Uint8Array, a: A, b: A) => void;
const selectF32: SelectLoop<Float32Array> = (o, condition, a, b) => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = condition[i]! !== 0 ? a[i]! : b[i]!;
};
const selectF64: SelectLoop<Float64Array> = (o, condition, a, b) => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = condition[i]! !== 0 ? a[i]! : b[i]!;
};
const selectInteger: SelectLoop<Integers> = (o, condition, a, b) => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = condition[i]! !== 0 ? a[i]! : b[i]!;
};
const selectLoops = { f32: selectF32, f64: selectF64, i32: selectInteger, bool: selectInteger, u8: selectInteger };

const select: KernelRule<"select"> = ({ inputs, outputs }) => {
  const loop = selectLoops[outputs[0]!.dtype] as SelectLoop<TypedArray>;
  const condition = inputs[0]!.data as Uint8Array;
  const a = inputs[1]!.data;
  const b = inputs[2]!.data;
  const o = outputs[0]!.data;
  return () => loop(o, condition, a, b);
};

/** Kernels of the elementwise primitives with two or three inputs. */
export const binaryKernels = {
  add: binary<"add">({ f32: addF32, f64: addF64, i32: addI32 }),
  sub: binary<"sub">({ f32: subF32, f64: subF64, i32: subI32 }),
  mul: binary<"mul">({ f32: mulF32, f64: mulF64, i32: mulI32 }),
  div: binary<"div">({ f32: divF32, f64: divF64, i32: divI32 }),
  mod: binary<"mod">({ f32: modFloat, f64: modFloat, i32: modI32 }),
  pow: binary<"pow">({ f32: powFloat, f64: powFloat }),
  max: binary<"max">({ f32: maxF32, f64: maxF64, i32: maxI32 }),
  min: binary<"min">({ f32: minF32, f64: minF64, i32: minI32 }),
  and: binary<"and">({ i32: andInteger, bool: andInteger }),
  or: binary<"or">({ i32: orInteger, bool: orInteger }),
  shift_right: binary<"shift_right">({ i32: shiftRight }),
  eq: comparison<"eq">({ f32: eqF32, f64: eqF64, integer: eqInteger }),
  ne: comparison<"ne">({ f32: neF32, f64: neF64, integer: neInteger }),
  lt: comparison<"lt">(ltLoops),
  le: comparison<"le">(leLoops),
  gt: comparison<"gt">(ltLoops, true),
  ge: comparison<"ge">(leLoops, true),
  select,
};
