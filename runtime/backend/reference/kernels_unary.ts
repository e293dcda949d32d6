// How are the elementwise primitives with one input computed? Each has its own loop for each dtype where it is cheap
// (a loop V8 has seen with one storage type runs 2 to 3 times faster than one it has seen with several); the dear ones
// share one loop for both float dtypes. Values are computed in float64 and rounded at the store.
import type { DType, PrimitiveName, TypedArray } from "../../ir/types.ts";
import { InternalError } from "../../errors.ts";
import { type FloatArray, type KernelRule, type KernelSite, prepareCopy } from "./kernel.ts";
import { erf, erfInv } from "./special.ts";

type Loop<A> = (o: A, x: A) => void;

interface LoopsByDType {
  readonly f32: Loop<Float32Array>;
  readonly f64: Loop<Float64Array>;
  readonly i32?: Loop<Int32Array>;
  readonly bool?: Loop<Uint8Array>;
}

/** A rule that picks the loop of the input's dtype. */
function unary<P extends PrimitiveName>(loops: Partial<LoopsByDType>): KernelRule<P> {
  return ({ inputs, outputs }) => {
    const x = inputs[0]!;
    const loop = x.dtype === "u8" ? undefined : loops[x.dtype] as Loop<TypedArray> | undefined;
    if (!loop) throw new InternalError(`No loop for ${x.dtype}`);
    const from = x.data;
    const to = outputs[0]!.data;
    return () => loop(to, from);
  };
}

/** One loop for both float dtypes. */
function floats(loop: Loop<FloatArray>): LoopsByDType {
  return { f32: loop as Loop<Float32Array>, f64: loop as Loop<Float64Array> };
}

const negF32 = (o: Float32Array, x: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = -x[i]!;
};
const negF64 = (o: Float64Array, x: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = -x[i]!;
};
const negI32 = (o: Int32Array, x: Int32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = -x[i]!;
};
const absF32 = (o: Float32Array, x: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.abs(x[i]!);
};
const absF64 = (o: Float64Array, x: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.abs(x[i]!);
};
const absI32 = (o: Int32Array, x: Int32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.abs(x[i]!);
};
const floorF32 = (o: Float32Array, x: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.floor(x[i]!);
};
const floorF64 = (o: Float64Array, x: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.floor(x[i]!);
};
const sqrtF32 = (o: Float32Array, x: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.sqrt(x[i]!);
};
const sqrtF64 = (o: Float64Array, x: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.sqrt(x[i]!);
};
const squareF32 = (o: Float32Array, x: Float32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = x[i]! * x[i]!;
};
const squareF64 = (o: Float64Array, x: Float64Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = x[i]! * x[i]!;
};
const signFloat = (o: FloatArray, x: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.sign(x[i]!);
};
const signI32 = (o: Int32Array, x: Int32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.sign(x[i]!);
};
const exp = (o: FloatArray, x: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.exp(x[i]!);
};
const expm1 = (o: FloatArray, x: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.expm1(x[i]!);
};
const log = (o: FloatArray, x: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.log(x[i]!);
};
const log1p = (o: FloatArray, x: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.log1p(x[i]!);
};
const sin = (o: FloatArray, x: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.sin(x[i]!);
};
const cos = (o: FloatArray, x: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.cos(x[i]!);
};
const tanh = (o: FloatArray, x: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = Math.tanh(x[i]!);
};
const logistic = (o: FloatArray, x: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = 1 / (1 + Math.exp(-x[i]!));
};
const erfLoop = (o: FloatArray, x: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = erf(x[i]!);
};
const erfInvLoop = (o: FloatArray, x: FloatArray): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = erfInv(x[i]!);
};
const notI32 = (o: Int32Array, x: Int32Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = ~x[i]!;
};
const notBool = (o: Uint8Array, x: Uint8Array): void => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = x[i]! === 0 ? 1 : 0;
};

/** x^n for integer n, by repeated squaring from the lowest bit; 1 / x^|n| for negative n. */
function powerLoop(o: FloatArray, x: FloatArray, exponent: number): void {
  const n = o.length;
  const magnitude = Math.abs(exponent);
  for (let i = 0; i < n; i++) {
    let square = x[i]!;
    let result = 1;
    for (let left = magnitude; left > 0; left = Math.floor(left / 2)) {
      if (left % 2 === 1) result *= square;
      square *= square;
    }
    o[i] = exponent < 0 ? 1 / result : result;
  }
}

const integerPow: KernelRule<"integer_pow"> = (site) => {
  const { exponent } = site.params;
  if (exponent === 2) return unary<"integer_pow">({ f32: squareF32, f64: squareF64 })(site);
  const from = site.inputs[0]!.data;
  const to = site.outputs[0]!.data;
  return () => powerLoop(to as FloatArray, from as FloatArray, exponent);
};

type ConvertLoop = (o: TypedArray, x: TypedArray) => void;

/** Rounds to the nearest float of the target, or represents the integer exactly where it can be. */
const toFloat: ConvertLoop = (o, x) => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = x[i]!;
};
/** Truncates; beyond the range of i32 gives its nearest end, NaN gives 0 (as WebAssembly's saturating conversions). */
const toI32: ConvertLoop = (o, x) => {
  const n = o.length;
  for (let i = 0; i < n; i++) {
    const v = x[i]!;
    o[i] = v >= 2147483647 ? 2147483647 : v <= -2147483648 ? -2147483648 : v;
  }
};
/** NaN is not 0, so it is true. */
const toBool: ConvertLoop = (o, x) => {
  const n = o.length;
  for (let i = 0; i < n; i++) o[i] = x[i]! !== 0 ? 1 : 0;
};
const converters: { readonly [D in Exclude<DType, "u8">]: ConvertLoop } = {
  f32: toFloat,
  f64: toFloat,
  i32: toI32,
  bool: toBool,
};

function copyRule<P extends PrimitiveName>({ inputs, outputs }: KernelSite<P>): () => void {
  return prepareCopy(inputs[0]!.data, outputs[0]!.data);
}

/** Kernels of the elementwise primitives with one input. */
export const unaryKernels = {
  neg: unary<"neg">({ f32: negF32, f64: negF64, i32: negI32 }),
  abs: unary<"abs">({ f32: absF32, f64: absF64, i32: absI32 }),
  sign: unary<"sign">({ ...floats(signFloat), i32: signI32 }),
  floor: unary<"floor">({ f32: floorF32, f64: floorF64 }),
  exp: unary<"exp">(floats(exp)),
  expm1: unary<"expm1">(floats(expm1)),
  log: unary<"log">(floats(log)),
  log1p: unary<"log1p">(floats(log1p)),
  sin: unary<"sin">(floats(sin)),
  cos: unary<"cos">(floats(cos)),
  tanh: unary<"tanh">(floats(tanh)),
  logistic: unary<"logistic">(floats(logistic)),
  sqrt: unary<"sqrt">({ f32: sqrtF32, f64: sqrtF64 }),
  erf: unary<"erf">(floats(erfLoop)),
  erf_inv: unary<"erf_inv">(floats(erfInvLoop)),
  integer_pow: integerPow,
  convert: ((site) => {
    const x = site.inputs[0]!;
    if (x.dtype === site.params.dtype) return copyRule(site);
    const loop = converters[site.params.dtype as Exclude<DType, "u8">];
    const from = x.data;
    const to = site.outputs[0]!.data;
    return () => loop(to, from);
  }) as KernelRule<"convert">,
  stop_gradient: copyRule as KernelRule<"stop_gradient">,
  not: unary<"not">({ i32: notI32, bool: notBool }),
};
