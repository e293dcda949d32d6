// Which equations is a backend tested with? For every primitive, cases of random shapes, dtypes and parameters.
import { assertEquals } from "@std/assert";
import { type Column, held } from "./measured.ts";
import {
  type DType,
  type Equation,
  type IrFunction,
  isFloat,
  type PrimitiveName,
  type PrimitiveParameters,
  type RequestName,
} from "../../runtime/ir/types.ts";
import { newVariable } from "../../runtime/ir/builder.ts";
import { convolvedSize, inferTypes } from "../../runtime/ir/shapes.ts";
import { erf, erfInv } from "../../runtime/backend/reference/special.ts";
import { type NaiveArray, store, type TestRandom, toHost } from "./reference_naive.ts";

/** Inputs and parameters of one equation. */
export interface Case<P extends PrimitiveName> {
  readonly inputs: readonly NaiveArray[];
  readonly params: PrimitiveParameters[P];
}

/** How cases of a primitive are made. */
export interface Row<P extends PrimitiveName> {
  readonly dtypes: readonly DType[];
  readonly make: (r: TestRandom, dtype: DType) => Case<P>;
  readonly expected?: (c: Case<P>) => readonly NaiveArray[];
}

const floats: readonly DType[] = ["f32", "f64"];
const numbers: readonly DType[] = ["f32", "f64", "i32"];
const integers: readonly DType[] = ["i32", "bool"];
const all: readonly DType[] = ["f32", "f64", "i32", "bool"];
/** What only moves entries moves bytes, too. */
const movable: readonly DType[] = [...all, "u8"];

/** Elementwise with `count` inputs of one dtype. */
function same<P extends PrimitiveName>(dtypes: readonly DType[], count: number): Row<P> {
  return {
    dtypes,
    make: (r, dtype) => {
      const shape = r.shape(r.between(0, 4));
      const inputs = Array.from({ length: count }, () => r.array(dtype, shape, 0.3));
      return { inputs, params: {} as PrimitiveParameters[P] };
    },
  };
}

function special<P extends "erf" | "erf_inv">(compute: (x: number) => number): Row<P> {
  return {
    ...same<P>(floats, 1),
    expected: ({ inputs: [x] }) => [{ ...x!, values: x!.values.map((v) => store(x!.dtype, compute(v))) }],
  };
}

function reduction<P extends "reduce_sum" | "reduce_max">(): Row<P> {
  return {
    dtypes: numbers,
    make: (r, dtype) => {
      const shape = r.shape(r.between(0, 5));
      const axes = shape.map((_, i) => i).filter(() => r.next() < 0.5);
      return { inputs: [r.array(dtype, shape, 0.02)], params: { axes } };
    },
  };
}

function shuffled(r: TestRandom, count: number): number[] {
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = r.between(0, i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** A batch, a P, an indexed axis, some index axes and a Q, for gather and scatter_add. */
function indexed(r: TestRandom) {
  const small = () => Array.from({ length: r.between(0, 2) }, () => r.pick([0, 1, 2, 3]));
  const batch = small();
  const before = small();
  const inner = small();
  // long runs are moved in another way than short ones
  const after = r.next() < 0.2 ? [50] : small();
  const size = r.pick([0, 1, 3, 5]);
  const indices: NaiveArray = {
    ...r.array("i32", [...batch, ...inner]),
    values: r.array("f64", [...batch, ...inner]).values.map(() => r.between(-1, size)),
  };
  return { batch, before, inner, after, size, indices, axis: batch.length + before.length };
}

function convolution(r: TestRandom) {
  const pair = (low: number, high: number) => [r.between(low, high), r.between(low, high)] as const;
  const groups = r.pick([1, 1, 2, 3]);
  const p = { stride: pair(1, 3), padding: [pair(0, 2), pair(0, 2)] as const, dilation: pair(1, 2), groups };
  const [kh, kw] = pair(1, 3);
  const x = [r.between(0, 2), groups * r.between(1, 3), r.between(1, 7), r.between(1, 7)] as const;
  const filter = [groups * r.between(1, 3), x[1] / groups, kh, kw] as const;
  const y = [x[0], filter[0], convolvedSize(x[2], kh, 0, p), convolvedSize(x[3], kw, 1, p)] as const;
  return { p, x, filter, y, kernelSize: [kh, kw] as const, inputSize: [x[2], x[3]] as const };
}

/** A body f(constant, carry, slice) = (carry * constant + slice, carry - slice). */
function loopBody(dtype: DType, constants: number, size: number): IrFunction {
  const type = { dtype, shape: [size] };
  const [constant, carry, slice] = [newVariable(type), newVariable(type), newVariable(type)];
  const [product, sum, difference] = [newVariable(type), newVariable(type), newVariable(type)];
  const write = (op: PrimitiveName, a: typeof sum, b: typeof sum, out: typeof sum) =>
    ({ op, inputs: [a, b], outputs: [out], params: {}, origin: undefined }) as unknown as Equation;
  return {
    name: "body",
    inputs: constants > 0 ? [constant, carry, slice] : [carry, slice],
    equations: [
      write("mul", carry, constants > 0 ? constant : slice, product),
      write("add", product, slice, sum),
      write("sub", carry, slice, difference),
    ],
    outputs: [sum, difference],
  };
}

/** One row for each primitive: one without does not compile. */
export const rows: { readonly [P in Exclude<PrimitiveName, RequestName>]: Row<P> } = {
  constant: {
    dtypes: movable,
    make: (r, dtype) => {
      const type = { dtype, shape: r.shape(r.between(0, 3), { empty: false }) };
      return { inputs: [], params: { type, data: toHost(r.array(dtype, r.next() < 0.5 ? [1] : type.shape)).data } };
    },
  },
  iota: {
    dtypes: numbers,
    make: (r, dtype) => {
      const shape = r.shape(r.between(1, 4));
      return { inputs: [], params: { type: { dtype, shape }, axis: r.between(0, shape.length - 1) } };
    },
  },
  random_bits: {
    dtypes: ["i32"],
    make: (r) => {
      const batch = Array.from({ length: r.between(0, 2) }, () => r.between(0, 3));
      const words = (n: number): NaiveArray => {
        const array = r.array("i32", [...batch, n]);
        return { ...array, values: array.values.map(() => store("i32", Math.floor(r.next() * 2 ** 32))) };
      };
      return { inputs: [words(2), words(3)], params: { shape: r.shape(r.between(0, 2)) } };
    },
  },
  neg: same(numbers, 1),
  abs: same(numbers, 1),
  sign: same(numbers, 1),
  floor: same(floats, 1),
  exp: same(floats, 1),
  expm1: same(floats, 1),
  log: same(floats, 1),
  log1p: same(floats, 1),
  sin: same(floats, 1),
  cos: same(floats, 1),
  tanh: same(floats, 1),
  logistic: same(floats, 1),
  sqrt: same(floats, 1),
  erf: special(erf),
  erf_inv: special(erfInv),
  integer_pow: {
    dtypes: floats,
    make: (r, dtype) => ({
      inputs: [r.array(dtype, r.shape(2), 0)],
      params: { exponent: r.pick([-7, -2, -1, 0, 1, 2, 3, 4, 5, 12]) },
    }),
  },
  convert: {
    dtypes: movable,
    make: (r, dtype) => ({ inputs: [r.array(dtype, r.shape(2), 0.3)], params: { dtype: r.pick(all) } }),
  },
  stop_gradient: same(movable, 1),
  not: same(integers, 1),
  add: same(numbers, 2),
  sub: same(numbers, 2),
  mul: same(numbers, 2),
  div: same(numbers, 2),
  mod: same(numbers, 2),
  pow: same(floats, 2),
  max: same(numbers, 2),
  min: same(numbers, 2),
  and: same(integers, 2),
  or: same(integers, 2),
  shift_right: same(["i32"], 2),
  eq: same(all, 2),
  ne: same(all, 2),
  lt: same(all, 2),
  le: same(all, 2),
  gt: same(all, 2),
  ge: same(all, 2),
  select: {
    dtypes: all,
    make: (r, dtype) => {
      const shape = r.shape(2);
      return { inputs: [r.array("bool", shape), r.array(dtype, shape), r.array(dtype, shape)], params: {} };
    },
  },
  reduce_sum: reduction(),
  reduce_max: reduction(),
  argmax: {
    dtypes: numbers,
    make: (r, dtype) => {
      const shape = r.shape(r.between(1, 4));
      return { inputs: [r.array(dtype, shape)], params: { axis: r.between(0, shape.length - 1) } };
    },
  },
  reshape: {
    dtypes: movable,
    make: (r, dtype) => {
      const shape = r.shape(3);
      return { inputs: [r.array(dtype, shape)], params: { shape: [shape[0]! * shape[1]!, 1, shape[2]!] } };
    },
  },
  transpose: {
    dtypes: movable,
    make: (r, dtype) => {
      const shape = r.shape(r.between(0, 6));
      return { inputs: [r.array(dtype, shape)], params: { permutation: shuffled(r, shape.length) } };
    },
  },
  broadcast: {
    dtypes: movable,
    make: (r, dtype) => {
      const shape = r.shape(r.between(0, 5));
      const axes = shape.map((_, i) => i).filter(() => r.next() < 0.6);
      const own = axes.map((axis) => r.next() < 0.3 ? 1 : shape[axis]!);
      return { inputs: [r.array(dtype, own)], params: { shape, axes } };
    },
  },
  slice: {
    dtypes: movable,
    make: (r, dtype) => {
      const shape = r.next() < 0.2 ? [r.between(1, 5), 3, 60] : r.shape(r.between(0, 5));
      const start = shape.map((n) => r.between(0, n));
      const limit = shape.map((n, i) => r.between(start[i]!, n));
      return { inputs: [r.array(dtype, shape)], params: { start, limit, stride: shape.map(() => r.between(1, 3)) } };
    },
  },
  pad: {
    dtypes: all,
    make: (r, dtype) => {
      const shape = r.shape(r.between(0, 3));
      const amounts = () => shape.map(() => r.between(0, 2));
      return { inputs: [r.array(dtype, shape)], params: { low: amounts(), high: amounts(), interior: amounts() } };
    },
  },
  concat: {
    dtypes: movable,
    make: (r, dtype) => {
      const shape = r.shape(r.between(1, 3));
      const axis = r.between(0, shape.length - 1);
      const inputs = Array.from(
        { length: r.between(1, 4) },
        () => r.array(dtype, shape.map((n, i) => i === axis ? r.between(0, 3) : n)),
      );
      return { inputs, params: { axis } };
    },
  },
  reverse: {
    dtypes: movable,
    make: (r, dtype) => {
      const shape = r.shape(r.between(0, 5));
      return { inputs: [r.array(dtype, shape)], params: { axes: shape.map((_, i) => i).filter(() => r.next() < 0.5) } };
    },
  },
  gather: {
    dtypes: movable,
    make: (r, dtype) => {
      const { batch, before, size, after, indices, axis } = indexed(r);
      return {
        inputs: [r.array(dtype, [...batch, ...before, size, ...after]), indices],
        params: { axis, batch: batch.length },
      };
    },
  },
  scatter_add: {
    dtypes: numbers,
    make: (r, dtype) => {
      const { batch, before, size, inner, after, indices, axis } = indexed(r);
      return {
        inputs: [r.array(dtype, [...batch, ...before, ...inner, ...after], 0.02), indices],
        params: { axis, batch: batch.length, size },
      };
    },
  },
  dot_general: {
    dtypes: floats,
    make: (r, dtype) => {
      const few = () => Array.from({ length: r.between(0, 2) }, () => r.pick([0, 1, 2, 3, 4, 5, 7]));
      const [batch, contracted, freeLeft, freeRight] = [few(), few(), few(), few()];
      const side = (free: number[]) => {
        const sizes = [...batch, ...contracted, ...free];
        const place = shuffled(r, sizes.length);
        const shape = new Array<number>(sizes.length);
        place.forEach((axis, i) => shape[axis] = sizes[i]!);
        return {
          shape,
          batch: place.slice(0, batch.length),
          contract: place.slice(batch.length, sizes.length - free.length),
        };
      };
      const left = side(freeLeft);
      const right = side(freeRight);
      return {
        inputs: [r.array(dtype, left.shape, 0.01), r.array(dtype, right.shape, 0.01)],
        params: {
          contractLeft: left.contract,
          contractRight: right.contract,
          batchLeft: left.batch,
          batchRight: right.batch,
        },
      };
    },
  },
  conv: {
    dtypes: floats,
    make: (r, dtype) => {
      const { p, x, filter } = convolution(r);
      return { inputs: [r.array(dtype, x, 0), r.array(dtype, filter, 0)], params: p };
    },
  },
  conv_input_gradient: {
    dtypes: floats,
    make: (r, dtype) => {
      const { p, y, filter, inputSize } = convolution(r);
      const params = { ...p, inputSize };
      return { inputs: [r.array(dtype, y, 0), r.array(dtype, filter, 0)], params };
    },
  },
  conv_filter_gradient: {
    dtypes: floats,
    make: (r, dtype) => {
      const { p, x, y, kernelSize } = convolution(r);
      return { inputs: [r.array(dtype, x, 0), r.array(dtype, y, 0)], params: { ...p, kernelSize } };
    },
  },
  solve: {
    dtypes: floats,
    make: (r, dtype) => {
      const batch = Array.from({ length: r.between(0, 2) }, () => r.between(0, 3));
      const n = r.pick([0, 1, 2, 3, 5, 7]);
      const a = r.array(dtype, [...batch, n, n], 0);
      return { inputs: [a, r.array(dtype, [...batch, n, r.between(0, 3)], 0)], params: {} };
    },
  },
  scan: {
    dtypes: numbers,
    make: (r, dtype) => {
      const length = r.pick([0, 1, 2, 5]);
      const constants = r.between(0, 1);
      const size = r.pick([0, 1, 2, 50]);
      const inputs = [r.array(dtype, [size], 0), r.array(dtype, [size], 0), r.array(dtype, [length, size], 0)];
      const body = loopBody(dtype, constants, size);
      const params = { body, length, constants, carry: 1, reverse: r.next() < 0.5 };
      return { inputs: inputs.slice(1 - constants), params };
    },
  },
  map: {
    dtypes: numbers,
    make: (r, dtype) => {
      const length = r.pick([0, 1, 2, 5]);
      const constants = r.between(0, 1);
      const size = r.pick([0, 1, 2, 50]);
      const stacked = () => r.array(dtype, [length, size]);
      return {
        inputs: [...(constants ? [r.array(dtype, [size])] : []), stacked(), stacked()],
        params: { body: loopBody(dtype, constants, size), length, constants },
      };
    },
  },
};

/** How far `reference` may be off: so many roundings of the largest entry. Everything else is exact. */
export const referenceRoundings: { readonly [op in PrimitiveName]?: number } = {
  integer_pow: 16,
  conv_input_gradient: 4,
  conv_filter_gradient: 4,
  solve: 1e4,
};

/** Sums: an error of each entry as large as so many roundings of the largest, or of the largest term. */
export const roundings: { readonly [op in PrimitiveName]?: number } = {
  reduce_sum: 40,
  scatter_add: 40,
  dot_general: 60,
  conv: 60,
  conv_input_gradient: 60,
  conv_filter_gradient: 60,
  solve: 1e4,
  scan: 4,
  map: 2,
};

/** What entries may be off by: roundings of each entry itself, or of the largest one; in float32 and in float64. */
export interface Slack {
  readonly own?: number;
  readonly all?: number;
}

/** Holds an array of floats, or of anything that must be exact, against what was expected, and notes how far off it is. `term` is
 *  the largest term of sums. */
export function holdEntries(
  place: readonly [Column, PrimitiveName],
  actual: ArrayLike<number>,
  expected: NaiveArray,
  { own = 0, all = 0, term = 0, label }: Slack & { readonly term?: number; readonly label: string },
): void {
  assertEquals(actual.length, expected.values.length, label);
  const single = expected.dtype === "f32";
  const [epsilon, least] = single ? [2 ** -23, 2 ** -149] : [2 ** -52, 5e-324];
  const largest = expected.values.reduce((m, v) => Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m, term);
  let [worst, at] = [0, 0];
  for (let i = 0; i < actual.length; i++) {
    const [a, e] = [actual[i]!, expected.values[i]!];
    if (Object.is(a, e) || a === e) continue;
    const error = Math.abs(a - e);
    // the last place of numbers next to 0 is that of the smallest one
    if (own > 0 && error <= least) continue;
    const roundings = own > 0 ? (error - least) / (epsilon * Math.abs(e)) : error / (epsilon * largest);
    if (roundings <= worst) continue;
    [worst, at] = [Number.isNaN(roundings) ? Infinity : roundings, i];
  }
  const bound = isFloat(expected.dtype) ? own || all : 0;
  const says = () => `${label}: entry ${at} is ${actual[at]}, expected ${expected.values[at]}`;
  held(place, worst, { bound, scale: 1, says });
}

/** A function of one equation. */
export function runOne(
  op: PrimitiveName,
  { inputs, params }: Case<PrimitiveName>,
): { equation: Equation; fn: IrFunction } {
  const variables = inputs.map((x) => newVariable(x));
  const outputs = inferTypes(op, inputs, params as never).map((type) => newVariable(type));
  const equation = { op, inputs: variables, outputs, params, origin: undefined } as unknown as Equation;
  return { equation, fn: { name: op, inputs: variables, equations: [equation], outputs } };
}
