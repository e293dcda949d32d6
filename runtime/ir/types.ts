// What is a program in the intermediate representation? Pure functions over typed arrays with static shapes, in
// single-assignment form. Everything below the language (differentiation, plans, backends) reads and writes this.
import type { FloatRange } from "./float_range.ts";

/** Element type of an array. Floats are differentiated; the others never are. A `u8` (0 … 255) is moved and converted, and nothing
 *  is computed with it: what is, is an `i32` made of it.
 *
 *  @category Arrays */
export type DType = "f32" | "f64" | "i32" | "bool" | "u8";

/** Sizes of the axes, outermost first; `[]` is a scalar.
 *
 *  @category Arrays */
export type Shape = readonly number[];

/** The largest int of the language; the smallest is its negative, so that the negative of an int is one. */
export const largestInt = 2147483647;

/** What is known of an array before it is computed.
 *
 *  @category Arrays */
export interface ArrayType {
  /** Element type. */
  readonly dtype: DType;
  /** Sizes of the axes, outermost first. */
  readonly shape: Shape;
}

/** A place in a source text, kept by every equation: offsets in UTF-16 units, `end` exclusive.
 *
 *  @category Diagnostics and errors */
export interface Origin {
  /** Identifies the source text (its path relative to the root file's folder, or a name given to the API). */
  readonly source: string;
  /** First UTF-16 unit. */
  readonly start: number;
  /** The unit after the last one. */
  readonly end: number;
}

/** A value assigned exactly once, by an equation or as an input of a function. Compared by identity. */
export interface Variable extends ArrayType {
  readonly id: number;
  /** Only for reading the printed form; means nothing. */
  readonly name: string | undefined;
  /** Of an input of a body: what is known of the values that come to it. Otherwise they are finite. */
  readonly range: FloatRange | undefined;
}

/** Storage of array values: `f32` Float32Array, `f64` Float64Array, `i32` Int32Array, `bool` Uint8Array (0 or 1),
 *  `u8` Uint8Array.
 *
 *  @category Arrays */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** An array with its values, row-major.
 *
 *  @category Arrays */
export interface HostArray extends ArrayType {
  /** One entry for each element, in the storage of its dtype. */
  readonly data: TypedArray;
}

/** The same array with its own storage. */
export const copyOf = ({ dtype, shape, data }: HostArray): HostArray => ({ dtype, shape, data: data.slice() });

/** The parameters of each primitive, and with its keys the closed list of primitives. */
export interface PrimitiveParameters {
  // ---- sources
  /** An array of literal values; `data` of length 1 with a larger shape fills it. No inputs. */
  constant: { readonly type: ArrayType; readonly data: TypedArray };
  /** 0, 1, 2 … along `axis`, the same on the others. No inputs. */
  iota: { readonly type: ArrayType; readonly axis: number };
  /** Philox 4x32-10. Inputs: key i32 [...B, 2], counter i32 [...B, 3]; output i32 [...B, ...shape], full 32 bits.
   *  Element i (row-major in `shape`) is word i mod 4 of the block with counter (floor(i / 4), c0, c1, c2). */
  random_bits: { readonly shape: Shape };

  // ---- elementwise, one input; float unless said
  neg: None; // also i32
  abs: None; // also i32; derivative sign(x), so 0 at 0
  sign: None; // also i32; derivative 0
  floor: None; // derivative 0
  exp: None;
  expm1: None;
  log: None;
  log1p: None;
  sin: None;
  cos: None;
  tanh: None;
  /** 1 / (1 + exp(-x)). */
  logistic: None;
  /** The derivative at 0 is defined as 0, at every order. */
  sqrt: None;
  erf: None;
  erf_inv: None;
  /** x^exponent for a fixed integer exponent, negative ones included; differentiates as n x^(n-1). */
  integer_pow: { readonly exponent: number };
  /** Any dtype to any dtype but u8; float to i32 truncates, anything to bool is (x != 0). */
  convert: { readonly dtype: DType };
  /** The identity, with derivative zero. `of`: what is handed on are probabilities of a draw, or keys of an order, through which none
   *  goes. */
  stop_gradient: { readonly of?: "probabilities" | "order" };
  /** bool: logical; i32: bitwise. */
  not: None;

  // ---- elementwise, two inputs of one dtype and one shape (broadcasts are explicit)
  add: None; // float, i32
  sub: None; // float, i32
  mul: None; // float, i32
  div: None; // float: real division; i32: truncates, x / 0 is 0
  /** Sign of the divisor, as floor division leaves it; float and i32; i32 x mod 0 is 0. */
  mod: None;
  /** x^y; derivative with respect to y is 0 where x <= 0, with respect to x it is 0 at x = 0 where 0 < y < 1. */
  pow: None;
  /** Two equal inputs each take half of the derivative. */
  max: None;
  min: None;
  and: None; // bool, i32 bitwise
  or: None; // bool, i32 bitwise
  shift_right: None; // i32, logical (zero-filling)
  // comparisons: any dtype in, bool out
  eq: None;
  ne: None;
  lt: None;
  le: None;
  gt: None;
  ge: None;
  /** (condition bool S, a S, b S): where(condition, a, b). */
  select: None;

  // ---- reductions: the named axes disappear
  /** `inOrder`, along one axis: added from the first to the last. Other sums are made in the order that suits a backend. */
  reduce_sum: { readonly axes: readonly number[]; readonly inOrder?: true };
  /** A tie sends its derivative to the first in row-major order. */
  reduce_max: { readonly axes: readonly number[] };
  /** Index (i32) of the first largest entry along `axis`. */
  argmax: { readonly axis: number };

  // ---- movement
  reshape: { readonly shape: Shape };
  /** Output axis k is input axis permutation[k]. */
  transpose: { readonly permutation: readonly number[] };
  /** Input axis k becomes output axis axes[k] (increasing), of the same size or repeated from size 1; others repeat. */
  broadcast: { readonly shape: Shape; readonly axes: readonly number[] };
  slice: { readonly start: readonly number[]; readonly limit: readonly number[]; readonly stride: readonly number[] };
  /** Zeros around (low, high >= 0) and between (interior >= 0) the entries. */
  pad: { readonly low: readonly number[]; readonly high: readonly number[]; readonly interior: readonly number[] };
  concat: { readonly axis: number };
  reverse: { readonly axes: readonly number[] };

  // ---- indexed movement. The first `batch` axes of both inputs agree; `axis` counts from 0 in the operand, >= batch.
  /** (operand [B, P, n, Q], indices i32 [B, I]) -> [B, P, I, Q]; an index outside 0 .. n-1 reads 0. */
  gather: { readonly axis: number; readonly batch: number };
  /** (updates [B, P, I, Q], indices i32 [B, I]) -> [B, P, size, Q]: sums of the updates that share an index;
   *  outside 0 .. size-1 is dropped. The transpose of `gather`. */
  scatter_add: { readonly axis: number; readonly batch: number; readonly size: number };

  // ---- contractions
  /** Output axes: batch, then free axes of the left, then of the right. */
  dot_general: {
    readonly contractLeft: readonly number[];
    readonly contractRight: readonly number[];
    readonly batchLeft: readonly number[];
    readonly batchRight: readonly number[];
  };
  /** (x [n, c, h, w], filter [o, c / groups, kh, kw]) -> y [n, o, h', w'] (cross-correlation). */
  conv: ConvolutionParameters;
  /** (y [n, o, h', w'], filter) -> x of spatial size inputSize: the transpose of `conv` in its first input. */
  conv_input_gradient: ConvolutionParameters & { readonly inputSize: readonly [number, number] };
  /** (x, y) -> filter of spatial size kernelSize: the transpose of `conv` in its second input. */
  conv_filter_gradient: ConvolutionParameters & { readonly kernelSize: readonly [number, number] };
  /** (a [...B, n, n], b [...B, n, k]) -> x [...B, n, k] with a x = b, by LU with partial pivoting. */
  solve: None;

  // ---- structured: `body` closes over nothing, constants are passed in
  /** Inputs: constants, initial carry, stacked inputs [length, ...]. Body: (constants, carry, slice) -> (carry, slice
   *  outputs). Outputs: final carry, stacked outputs [length, ...]. `reverse` runs from the last slice to the first. */
  scan: {
    readonly body: IrFunction;
    readonly length: number;
    readonly constants: number;
    readonly carry: number;
    readonly reverse: boolean;
  };
  /** Inputs: constants, stacked inputs [length, ...]. Body: (constants, slice) -> slice outputs, stacked again. */
  map: { readonly body: IrFunction; readonly length: number; readonly constants: number };
  /** The request for a gradient: body outputs, the first a float scalar, then its gradients with respect to the inputs
   *  `wrt`. With none in `wrt` it is the body, and its first output may be anything. Written by lowering, expanded by
   *  `runtime/autodiff/expand_gradients.ts`; no backend sees it. */
  gradient: { readonly body: IrFunction; readonly wrt: readonly number[]; readonly mode: GradientMode };

  // ---- requests that stand for what is not the code's own; gone, too, before a backend sees them
  /** The identity on x, where no entry of `failed` (bool) may be true. Inputs: x, failed, the number that each entry of `failed` is
   *  about, which only messages read, then an i32 scalar for each of `counters`. That one is true leaves the function as a report
   *  (`runtime/autodiff/lower_solves.ts`). */
  check: Check;
  /** The identity on an array w that solves F(c, w) = 0, with the derivative that the equation has:
   *  dw = -(dF/dw)^-1 dF/dc dc. Inputs, scalars first: |F| at w and where the loop started and how far w is from arrived
   *  (only reported), the rate of the solver; c ..., w .... Body: (c ..., w ...) -> F, of the types of w. Written by lowering. */
  implicit: {
    readonly body: IrFunction;
    readonly constants: number;
    readonly solver: LinearSolver;
    readonly label: string;
    readonly equation: ImplicitEquation;
  };
  /** x with A x = b. Inputs: rate (scalar), c ..., b .... Body: (c ..., v ...) -> A v, linear in v. Written by the
   *  derivative of `implicit`, replaced by a loop of fixed length by `runtime/autodiff/lower_solves.ts`. */
  linear_solve: {
    readonly body: IrFunction;
    readonly constants: number;
    readonly solver: LinearSolver;
    readonly label: string;
  };
  /** The identity on w, with the derivative of one step of size `factor` down f(c, v), taken at v, whose second derivatives
   *  are a central difference along the cotangent u: v +- epsilon u / |u|. Inputs: factor (scalar), c ..., v ..., w ....
   *  Body: (c ..., v ...) -> df/dc for each float c. Written by lowering. */
  finite_difference: {
    readonly body: IrFunction;
    readonly constants: number;
    readonly epsilon: number;
  };
  /** A linear map that is given both ways. Inputs: known ..., linear ...; outputs: `types`. Body: (known ..., a cotangent
   *  of every output) -> a cotangent of every linear input. `forward`: (known ..., linear ...) -> outputs, for where it is
   *  not transposed. */
  pullback: {
    readonly body: IrFunction;
    readonly forward: IrFunction;
    readonly known: number;
    readonly types: readonly ArrayType[];
  };
}

/** The direction in which a gradient is followed. `forward`: one pass per entry of what is differentiated for; nothing is
 *  kept. `reverse`: one pass back; loops keep what it reads. */
export type GradientMode = "reverse" | "forward";

/** How A x = b is solved. */
export interface LinearSolver {
  /** Conjugate gradients; sum of the first terms of the Neumann series; least residual over the Krylov space; conjugate
   *  gradients on the normal equations; LU of the whole matrix. */
  readonly kind: "cg" | "neumann" | "gmres" | "normal_cg" | "direct";
  /** Products with A, at most; `direct` makes as many as there are unknowns. */
  readonly iterations: number;
  /** The iteration rests once |b - A x| <= tolerance |b|. */
  readonly tolerance: number;
  /** A + damping I is solved. */
  readonly damping: number;
  /** A is its own transpose. */
  readonly symmetric: boolean;
}

/** What `check` demands, and how it is said that it is not so. */
export interface Check {
  readonly low: number;
  readonly high: number;
  /** What the numbers are: "a label of `cross_entropy`". */
  readonly subject: string;
  /** Why these bounds, as a sentence's end: "there are 3 classes". */
  readonly reason: string;
  /** What the scalars after the first three inputs count, from the innermost loop outwards: "step" of "`fit`". */
  readonly counters: readonly { readonly what: string; readonly of: string | undefined }[];
  readonly at: Origin;
  /** The numbers are a loop's: they must be finite, and nothing else is asked of them. */
  readonly watched?: WatchedQuantity;
}

/** A quantity of a loop that is looked at while it runs. */
export interface WatchedQuantity {
  readonly loop: string;
  /** "loss", or a parameter's name. */
  readonly quantity: string;
  /** Before the first step, in a step, or after it. */
  readonly when: "start" | "step" | "next";
}

/** No parameters. */
export type None = Record<never, never>;

/** Geometry of a two-dimensional convolution: rows first, then columns. */
export interface ConvolutionParameters {
  readonly stride: readonly [number, number];
  /** Zeros added [before, after] on each axis. */
  readonly padding: readonly [readonly [number, number], readonly [number, number]];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

/** A primitive's name. */
export type PrimitiveName = keyof PrimitiveParameters;

/** What is 0 where a loop ends that is differentiated implicitly: the gradient of what it minimizes, or what one more step of
 *  its rule changes. */
export type ImplicitEquation = "gradient" | "step";

/** Scalars that stand before c and w among the inputs of `implicit`. */
export const implicitScalars = 4;

/** What each primitive is, and whether to compute it again costs much.
 *  `elementwise`: each entry of the output comes from the entries at its place. `request`: no backend knows it, for
 *  `runtime/autodiff/expand_gradients.ts` replaces it.
 *  `cheap`: one pass of arithmetic over what it reads, or less; reading it back from memory would cost as much. */
const primitives = {
  constant: ["other", "cheap"],
  iota: ["other", "cheap"],
  random_bits: ["other", "dear"],
  neg: ["elementwise", "cheap"],
  abs: ["elementwise", "cheap"],
  sign: ["elementwise", "cheap"],
  floor: ["elementwise", "cheap"],
  exp: ["elementwise", "dear"],
  expm1: ["elementwise", "dear"],
  log: ["elementwise", "dear"],
  log1p: ["elementwise", "dear"],
  sin: ["elementwise", "dear"],
  cos: ["elementwise", "dear"],
  tanh: ["elementwise", "dear"],
  logistic: ["elementwise", "dear"],
  sqrt: ["elementwise", "dear"],
  erf: ["elementwise", "dear"],
  erf_inv: ["elementwise", "dear"],
  integer_pow: ["elementwise", "dear"],
  convert: ["elementwise", "cheap"],
  stop_gradient: ["other", "cheap"],
  not: ["elementwise", "cheap"],
  add: ["elementwise", "cheap"],
  sub: ["elementwise", "cheap"],
  mul: ["elementwise", "cheap"],
  div: ["elementwise", "dear"],
  mod: ["elementwise", "dear"],
  pow: ["elementwise", "dear"],
  max: ["elementwise", "cheap"],
  min: ["elementwise", "cheap"],
  and: ["elementwise", "cheap"],
  or: ["elementwise", "cheap"],
  shift_right: ["elementwise", "cheap"],
  eq: ["elementwise", "cheap"],
  ne: ["elementwise", "cheap"],
  lt: ["elementwise", "cheap"],
  le: ["elementwise", "cheap"],
  gt: ["elementwise", "cheap"],
  ge: ["elementwise", "cheap"],
  select: ["elementwise", "cheap"],
  reduce_sum: ["other", "dear"],
  reduce_max: ["other", "dear"],
  argmax: ["other", "dear"],
  reshape: ["other", "cheap"],
  transpose: ["other", "cheap"],
  broadcast: ["other", "cheap"],
  slice: ["other", "cheap"],
  pad: ["other", "dear"],
  concat: ["other", "dear"],
  reverse: ["other", "cheap"],
  gather: ["other", "dear"],
  scatter_add: ["other", "dear"],
  dot_general: ["other", "dear"],
  conv: ["other", "dear"],
  conv_input_gradient: ["other", "dear"],
  conv_filter_gradient: ["other", "dear"],
  solve: ["other", "dear"],
  scan: ["other", "dear"],
  map: ["other", "dear"],
  gradient: ["request", "dear"],
  check: ["request", "dear"],
  implicit: ["request", "dear"],
  linear_solve: ["request", "dear"],
  finite_difference: ["request", "dear"],
  pullback: ["request", "dear"],
} as const satisfies {
  readonly [P in PrimitiveName]: readonly ["elementwise" | "request" | "other", "cheap" | "dear"];
};

type Primitives = typeof primitives;
type Of<Kind> = { readonly [P in keyof Primitives]: Primitives[P][0] extends Kind ? P : never }[keyof Primitives];

/** The primitives that no backend sees. */
export type RequestName = Of<"request">;

/** The primitives that compute each entry of their output from the entries at its place. */
export type Elementwise = Of<"elementwise">;

/** The rows of a table that has the same for all of a kind. */
function rowsOf<P extends PrimitiveName, T>(kind: string, row: (op: P) => T): { readonly [Q in P]: T } {
  const names = Object.entries(primitives).filter(([_op, [own]]) => own === kind).map(([op]) => op as P);
  return Object.fromEntries(names.map((op) => [op, row(op)])) as { [Q in P]: T };
}

/** The rows of a table that has the same for all that is elementwise. */
export const elementwiseRows = <T>(row: (op: Elementwise) => T) => rowsOf("elementwise", row);

/** The rows of a table for the primitives that it never meets, because they are expanded before. */
export const requestRows = <T>(row: (op: RequestName) => T) => rowsOf("request", row);

/** True for a primitive that no backend sees. */
export function isRequest(op: PrimitiveName): op is RequestName {
  return primitives[op][0] === "request";
}

/** True for an application of an elementwise primitive. */
export function isElementwise(equation: Equation): equation is Extract<Equation, { readonly op: Elementwise }> {
  return primitives[equation.op][0] === "elementwise";
}

/** True for a primitive that may as well be computed again as kept. */
export function isCheap(op: PrimitiveName): boolean {
  return primitives[op][1] === "cheap";
}

/** The function that an equation holds, if it holds one. */
export function bodyOf(equation: Equation): IrFunction | undefined {
  return "body" in equation.params ? equation.params.body : undefined;
}

/** One application of a primitive. */
export type Equation = { readonly [P in PrimitiveName]: EquationOf<P> }[PrimitiveName];

/** One application of the primitive `P`. */
export interface EquationOf<P extends PrimitiveName> {
  readonly op: P;
  readonly inputs: readonly Variable[];
  readonly outputs: readonly Variable[];
  readonly params: PrimitiveParameters[P];
  readonly origin: Origin | undefined;
}

/** A closed function: every variable it reads is one of its inputs or assigned by an earlier equation. */
export interface IrFunction {
  readonly name: string;
  readonly inputs: readonly Variable[];
  readonly equations: readonly Equation[];
  readonly outputs: readonly Variable[];
}

/** True for the dtypes that have derivatives. */
export function isFloat(dtype: DType): boolean {
  return dtype === "f32" || dtype === "f64";
}

/** Bytes of one entry. */
export const entryBytes: { readonly [D in DType]: number } = { f32: 4, f64: 8, i32: 4, bool: 1, u8: 1 };

/** Number of entries of an array of this shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const n of shape) size *= n;
  return size;
}

/** True when both shapes have the same rank and sizes. */
export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}

/** What the entries of a dtype are stored in. */
export const storageClasses = {
  f32: Float32Array,
  f64: Float64Array,
  i32: Int32Array,
  bool: Uint8Array,
  u8: Uint8Array,
} as const satisfies { readonly [D in DType]: unknown };

/** A zero-filled storage array of a dtype. */
export function allocate(dtype: DType, size: number): TypedArray {
  return new storageClasses[dtype](size);
}

/** `f32[3,4]`: how a type is printed. */
export function formatType(type: ArrayType): string {
  return `${type.dtype}[${type.shape.join(",")}]`;
}
