// What should each primitive compute? A second implementation of the whole table, from the comments in ir/types.ts, by
// index arithmetic on one element at a time: nothing is shared with the backend that is tested against it.
import {
  type ArrayType,
  type ConvolutionParameters,
  type DType,
  type Equation,
  type HostArray,
  type IrFunction,
  type PrimitiveName,
  type PrimitiveParameters,
  type RequestName,
  type Shape,
  sizeOf,
  type Variable,
} from "../../runtime/ir/types.ts";
import { inferTypes } from "../../runtime/ir/shapes.ts";

/** An array as the naive implementation holds it. */
export interface NaiveArray extends ArrayType {
  readonly values: readonly number[];
}

type Index = readonly number[];
type NaiveRule<P extends PrimitiveName> = (
  inputs: readonly NaiveArray[],
  params: PrimitiveParameters[P],
  types: readonly ArrayType[],
) => readonly NaiveArray[];

const isFloatType = (dtype: DType) => dtype === "f32" || dtype === "f64";

/** A number as an array of the dtype stores it. */
export function store(dtype: DType, value: number): number {
  if (dtype === "f32") return Math.fround(value);
  if (dtype === "f64") return value;
  if (dtype === "bool") return value !== 0 ? 1 : 0;
  return Number(BigInt.asIntN(32, BigInt(Number.isFinite(value) ? Math.trunc(value) : 0)));
}

/** All indices of a shape, row-major. */
export function indicesOf(shape: Shape): Index[] {
  let all: Index[] = [[]];
  for (const size of shape) all = all.flatMap((index) => Array.from({ length: size }, (_, i) => [...index, i]));
  return all;
}

/** Position of an index in a row-major array. */
function positionOf(shape: Shape, index: Index): number {
  return index.reduce((position, i, axis) => position * shape[axis]! + i, 0);
}

function at(x: NaiveArray, index: Index): number {
  const value = x.values[positionOf(x.shape, index)];
  if (value === undefined) throw new Error(`Index [${index}] is outside [${x.shape}]`);
  return value;
}

function build({ dtype, shape }: ArrayType, value: (index: Index) => number): NaiveArray {
  return { dtype, shape, values: indicesOf(shape).map((index) => store(dtype, value(index))) };
}

function elementwise<P extends PrimitiveName>(
  float: (...xs: number[]) => number,
  integer: (...xs: number[]) => number = float,
): NaiveRule<P> {
  return (inputs, _params, [type]) => {
    const compute = isFloatType(inputs.at(-1)!.dtype) ? float : integer;
    return [build(type!, (index) => compute(...inputs.map((x) => at(x, index))))];
  };
}

const both = elementwise;

/** Entries of x whose index agrees with `outer` on the axes that are not reduced. */
function reducedEntries(x: NaiveArray, axes: readonly number[], outer: Index): number[] {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  return indicesOf(x.shape).filter((index) => kept.every((axis, k) => index[axis] === outer[k])).map((i) => at(x, i));
}

const dot: NaiveRule<"dot_general"> = ([a, b], p, [type]) => {
  const free = (rank: number, used: readonly number[]) =>
    Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !used.includes(axis));
  const freeLeft = free(a!.shape.length, [...p.batchLeft, ...p.contractLeft]);
  const freeRight = free(b!.shape.length, [...p.batchRight, ...p.contractRight]);
  const batches = p.batchLeft.length;
  const contracted = indicesOf(p.contractLeft.map((axis) => a!.shape[axis]!));
  return [build(type!, (index) => {
    const left = new Array<number>(a!.shape.length).fill(0);
    const right = new Array<number>(b!.shape.length).fill(0);
    p.batchLeft.forEach((axis, i) => left[axis] = index[i]!);
    p.batchRight.forEach((axis, i) => right[axis] = index[i]!);
    freeLeft.forEach((axis, i) => left[axis] = index[batches + i]!);
    freeRight.forEach((axis, i) => right[axis] = index[batches + freeLeft.length + i]!);
    let sum = 0;
    for (const c of contracted) {
      p.contractLeft.forEach((axis, i) => left[axis] = c[i]!);
      p.contractRight.forEach((axis, i) => right[axis] = c[i]!);
      sum += at(a!, left) * at(b!, right);
    }
    return sum;
  })];
};

/** Calls `visit` with the index of each x, filter and y entry that meet in a convolution. */
function eachMeeting(
  shapes: { readonly x: Shape; readonly filter: Shape; readonly y: Shape },
  p: ConvolutionParameters,
  visit: (x: Index, filter: Index, y: Index) => void,
): void {
  const { x, filter, y } = shapes;
  for (const [n, o, oy, ox] of indicesOf(y) as [number, number, number, number][]) {
    for (const [c, ky, kx] of indicesOf(filter.slice(1)) as [number, number, number][]) {
      const row = oy * p.stride[0] + ky * p.dilation[0] - p.padding[0][0];
      const column = ox * p.stride[1] + kx * p.dilation[1] - p.padding[1][0];
      if (row < 0 || row >= x[2]! || column < 0 || column >= x[3]!) continue;
      const group = Math.floor(o / (filter[0]! / p.groups));
      visit([n, group * filter[1]! + c, row, column], [o, c, ky, kx], [n, o, oy, ox]);
    }
  }
}

function accumulate(type: ArrayType, fill: (sums: number[]) => void): NaiveArray {
  const sums = new Array<number>(sizeOf(type.shape)).fill(0);
  fill(sums);
  return { ...type, values: sums.map((v) => store(type.dtype, v)) };
}

/** Gauss-Jordan elimination with full row search, in place of the LU factorization. */
function solveSystem(a: number[][], b: number[][]): number[][] {
  const n = a.length;
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c; r < n; r++) if (Math.abs(a[r]![c]!) > Math.abs(a[pivot]![c]!)) pivot = r;
    [a[c], a[pivot]] = [a[pivot]!, a[c]!];
    [b[c], b[pivot]] = [b[pivot]!, b[c]!];
    for (let r = 0; r < n; r++) {
      if (r === c) continue;
      const factor = a[r]![c]! / a[c]![c]!;
      a[r] = a[r]!.map((v, j) => v - factor * a[c]![j]!);
      b[r] = b[r]!.map((v, j) => v - factor * b[c]![j]!);
    }
  }
  return b.map((row, r) => row.map((v) => v / a[r]![r]!));
}

/** The 64-bit product's words, by big integers. */
function philoxBlock(counter: number[], key: number[]): number[] {
  let [x0, x1, x2, x3] = counter.map((w) => BigInt.asUintN(32, BigInt(w))) as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key.map((w) => BigInt.asUintN(32, BigInt(w))) as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const p0 = 0xd2511f53n * x0;
    const p1 = 0xcd9e8d57n * x2;
    [x0, x1, x2, x3] = [(p1 >> 32n) ^ x1 ^ k0, p1 & 0xffffffffn, (p0 >> 32n) ^ x3 ^ k1, p0 & 0xffffffffn];
    k0 = (k0 + 0x9e3779b9n) & 0xffffffffn;
    k1 = (k1 + 0xbb67ae85n) & 0xffffffffn;
  }
  return [x0, x1, x2, x3].map((w) => Number(BigInt.asIntN(32, w)));
}

function floorMod(a: number, b: number): number {
  if (a % b === 0) return b < 0 ? -0 : 0;
  return Math.sign(a % b) === Math.sign(b) ? a % b : a % b + b;
}

function clamp32(value: number): number {
  return Number.isNaN(value) ? 0 : Math.min(2147483647, Math.max(-2147483648, value));
}

function runLoop(
  body: IrFunction,
  { length, constants, carry, reverse }: { length: number; constants: number; carry: number; reverse: boolean },
  inputs: readonly NaiveArray[],
  types: readonly ArrayType[],
): NaiveArray[] {
  let state = inputs.slice(constants, constants + carry);
  const stacks = types.slice(carry).map(() => new Array<readonly number[]>(length));
  for (let t = 0; t < length; t++) {
    const step = reverse ? length - 1 - t : t;
    const slices = inputs.slice(constants + carry).map((x) => {
      const size = sizeOf(x.shape.slice(1));
      return { dtype: x.dtype, shape: x.shape.slice(1), values: x.values.slice(step * size, (step + 1) * size) };
    });
    const results = evaluateNaively(body, [...inputs.slice(0, constants), ...state, ...slices]);
    state = results.slice(0, carry);
    results.slice(carry).forEach((x, i) => stacks[i]![step] = x.values);
  }
  return [...state, ...types.slice(carry).map((type, i) => ({ ...type, values: stacks[i]!.flat() }))];
}

/** The whole table. erf and erf_inv have no elementary definition: their rows are given by the caller's test. */
export const naiveRules: { readonly [P in Exclude<PrimitiveName, "erf" | "erf_inv" | RequestName>]: NaiveRule<P> } = {
  constant: (_inputs, { type, data }) => [
    build(type, (index) => data[data.length === 1 ? 0 : positionOf(type.shape, index)]!),
  ],
  iota: (_inputs, { type, axis }) => [build(type, (index) => index[axis]!)],
  random_bits: ([key, counter], { shape }, [type]) => [build(type!, (index) => {
    const batch = index.slice(0, index.length - shape.length);
    const i = positionOf(shape, index.slice(batch.length));
    const words = (x: NaiveArray, count: number) => Array.from({ length: count }, (_, w) => at(x, [...batch, w]));
    return philoxBlock([Math.floor(i / 4), ...words(counter!, 3)], words(key!, 2))[i % 4]!;
  })],
  neg: both((x) => -x!),
  abs: both((x) => x! < 0 ? -x! : x === 0 ? 0 : x!),
  sign: both((x) => x! > 0 ? 1 : x! < 0 ? -1 : x!),
  floor: both((x) => Math.floor(x!)),
  exp: both((x) => Math.exp(x!)),
  expm1: both((x) => Math.expm1(x!)),
  log: both((x) => Math.log(x!)),
  log1p: both((x) => Math.log1p(x!)),
  sin: both((x) => Math.sin(x!)),
  cos: both((x) => Math.cos(x!)),
  tanh: both((x) => Math.tanh(x!)),
  logistic: both((x) => 1 / (1 + Math.exp(-x!))),
  sqrt: both((x) => Math.sqrt(x!)),
  integer_pow: ([x], { exponent }, [type]) => [build(type!, (index) => {
    let product = 1;
    for (let i = 0; i < Math.abs(exponent); i++) product *= at(x!, index);
    return exponent < 0 ? 1 / product : product;
  })],
  convert: ([x], { dtype }, [type]) => [build(type!, (index) => {
    const value = at(x!, index);
    return dtype === "i32" ? clamp32(value) : dtype === "bool" ? (value === 0 ? 0 : 1) : value;
  })],
  stop_gradient: both((x) => x!),
  not: (
    [x],
    _params,
    [type],
  ) => [build(type!, (index) => x!.dtype === "bool" ? 1 - at(x!, index) : -1 - at(x!, index))],
  add: both((x, y) => x! + y!),
  sub: both((x, y) => x! - y!),
  mul: elementwise((x, y) => x! * y!, (x, y) => Number(BigInt.asIntN(32, BigInt(x!) * BigInt(y!)))),
  div: elementwise((x, y) => x! / y!, (x, y) => y === 0 ? 0 : Math.trunc(x! / y!)),
  mod: elementwise((x, y) => floorMod(x!, y!), (x, y) => y === 0 ? 0 : floorMod(x!, y!)),
  pow: both((x, y) => x === 1 ? 1 : x === -1 && Math.abs(y!) === Infinity ? 1 : x! ** y!),
  max: both((x, y) => x !== x || y !== y ? NaN : x === y ? (Object.is(x, -0) ? y! : x!) : x! > y! ? x! : y!),
  min: both((x, y) => x !== x || y !== y ? NaN : x === y ? (Object.is(x, -0) ? x! : y!) : x! < y! ? x! : y!),
  and: both((x, y) => Number(BigInt.asIntN(32, BigInt(x!) & BigInt(y!)))),
  or: both((x, y) => Number(BigInt.asIntN(32, BigInt(x!) | BigInt(y!)))),
  shift_right: both((x, y) => Number(BigInt.asUintN(32, BigInt(x!)) >> BigInt(((y! % 32) + 32) % 32))),
  eq: both((x, y) => x! === y! ? 1 : 0),
  ne: both((x, y) => x! !== y! ? 1 : 0),
  lt: both((x, y) => x! < y! ? 1 : 0),
  le: both((x, y) => x! <= y! ? 1 : 0),
  gt: both((x, y) => x! > y! ? 1 : 0),
  ge: both((x, y) => x! >= y! ? 1 : 0),
  select: both((c, x, y) => c! ? x! : y!),
  reduce_sum: ([x], { axes }, [type]) => [
    build(type!, (index) => reducedEntries(x!, axes, index).reduce((sum, v) => sum + v, 0)),
  ],
  reduce_max: ([x], { axes }, [type]) => [build(type!, (index) => {
    const entries = reducedEntries(x!, axes, index);
    if (entries.some((v) => v !== v)) return NaN;
    const least = x!.dtype === "i32" ? -2147483648 : -Infinity;
    return entries.reduce((best, v) => v > best || Object.is(best, -0) && v === 0 ? v : best, least);
  })],
  argmax: ([x], { axis }, [type]) => [build(type!, (index) => {
    const entries = reducedEntries(x!, [axis], index);
    const nan = entries.findIndex((v) => v !== v);
    return entries.length === 0 ? 0 : nan >= 0 ? nan : entries.indexOf(entries.reduce((m, v) => v > m ? v : m));
  })],
  reshape: ([x], { shape }) => [{ ...x!, shape }],
  transpose: ([x], { permutation }, [type]) => [build(type!, (index) => {
    const from = new Array<number>(index.length);
    permutation.forEach((axis, k) => from[axis] = index[k]!);
    return at(x!, from);
  })],
  broadcast: ([x], { axes }, [type]) => [
    build(type!, (index) => at(x!, axes.map((axis, k) => x!.shape[k] === 1 ? 0 : index[axis]!))),
  ],
  slice: ([x], { start, stride }, [type]) => [
    build(type!, (index) => at(x!, index.map((i, axis) => start[axis]! + i * stride[axis]!))),
  ],
  pad: ([x], { low, interior }, [type]) => [build(type!, (index) => {
    const from = index.map((i, axis) => (i - low[axis]!) / (interior[axis]! + 1));
    return from.every((i, axis) => Number.isInteger(i) && i >= 0 && i < x!.shape[axis]!) ? at(x!, from) : 0;
  })],
  concat: (inputs, { axis }, [type]) => [build(type!, (index) => {
    let i = index[axis]!;
    for (const x of inputs) {
      if (i < x.shape[axis]!) return at(x, index.map((v, k) => k === axis ? i : v));
      i -= x.shape[axis]!;
    }
    throw new Error("Index past the last input");
  })],
  reverse: ([x], { axes }, [type]) => [
    build(type!, (index) => at(x!, index.map((i, axis) => axes.includes(axis) ? x!.shape[axis]! - 1 - i : i))),
  ],
  gather: ([x, indices], { axis, batch }, [type]) => [build(type!, (index) => {
    const inner = indices!.shape.length - batch;
    const chosen = at(indices!, [...index.slice(0, batch), ...index.slice(axis, axis + inner)]);
    if (chosen < 0 || chosen >= x!.shape[axis]!) return 0;
    return at(x!, [...index.slice(0, axis), chosen, ...index.slice(axis + inner)]);
  })],
  scatter_add: ([updates, indices], { axis, batch, size }, [type]) => [accumulate(type!, (sums) => {
    const inner = indices!.shape.length - batch;
    for (const index of indicesOf(updates!.shape)) {
      const chosen = at(indices!, [...index.slice(0, batch), ...index.slice(axis, axis + inner)]);
      if (chosen < 0 || chosen >= size) continue;
      const position = positionOf(type!.shape, [...index.slice(0, axis), chosen, ...index.slice(axis + inner)]);
      sums[position] = sums[position]! + at(updates!, index);
    }
  })],
  dot_general: dot,
  conv: ([x, filter], p, [y]) => [accumulate(y!, (sums) => {
    eachMeeting({ x: x!.shape, filter: filter!.shape, y: y!.shape }, p, (xi, fi, yi) => {
      const position = positionOf(y!.shape, yi);
      sums[position] = sums[position]! + at(x!, xi) * at(filter!, fi);
    });
  })],
  conv_input_gradient: ([y, filter], p, [x]) => [accumulate(x!, (sums) => {
    eachMeeting({ x: x!.shape, filter: filter!.shape, y: y!.shape }, p, (xi, fi, yi) => {
      const position = positionOf(x!.shape, xi);
      sums[position] = sums[position]! + at(y!, yi) * at(filter!, fi);
    });
  })],
  conv_filter_gradient: ([x, y], p, [filter]) => [accumulate(filter!, (sums) => {
    eachMeeting({ x: x!.shape, filter: filter!.shape, y: y!.shape }, p, (xi, fi, yi) => {
      const position = positionOf(filter!.shape, fi);
      sums[position] = sums[position]! + at(x!, xi) * at(y!, yi);
    });
  })],
  solve: ([a, b], _params, [type]) => {
    const n = a!.shape.at(-1)!;
    const k = b!.shape.at(-1)!;
    const rows = (x: NaiveArray, start: number, width: number) =>
      Array.from({ length: n }, (_, r) => x.values.slice(start + r * width, start + (r + 1) * width));
    const batches = indicesOf(a!.shape.slice(0, -2)).length;
    const values = Array.from(
      { length: batches },
      (_, s) => solveSystem(rows(a!, s * n * n, n), rows(b!, s * n * k, k)).flat(),
    );
    return [{ ...type!, values: values.flat().map((v) => store(type!.dtype, v)) }];
  },
  scan: (inputs, { body, ...loop }, types) => runLoop(body, loop, inputs, types),
  map: (inputs, { body, length, constants }, types) =>
    runLoop(body, { length, constants, carry: 0, reverse: false }, inputs, types),
};

/** One equation, naively. */
export function applyNaively(equation: Equation, inputs: readonly NaiveArray[]): readonly NaiveArray[] {
  const rule = (naiveRules as Partial<Record<PrimitiveName, NaiveRule<PrimitiveName>>>)[equation.op];
  if (!rule) throw new Error(`No naive rule for ${equation.op}`);
  const types = inferTypes(equation.op, inputs, equation.params as never);
  return rule(inputs, equation.params as never, types);
}

/** A function, naively. */
export function evaluateNaively(fn: IrFunction, inputs: readonly NaiveArray[]): readonly NaiveArray[] {
  const environment = new Map<Variable, NaiveArray>(fn.inputs.map((variable, i) => [variable, inputs[i]!]));
  for (const equation of fn.equations) {
    const outputs = applyNaively(equation, equation.inputs.map((x) => environment.get(x)!));
    equation.outputs.forEach((variable, i) => environment.set(variable, outputs[i]!));
  }
  return fn.outputs.map((variable) => environment.get(variable)!);
}

const storage = { f32: Float32Array, f64: Float64Array, i32: Int32Array, bool: Uint8Array, u8: Uint8Array };

/** As the backend takes it. */
export function toHost({ dtype, shape, values }: NaiveArray): HostArray {
  return { dtype, shape, data: storage[dtype].from(values) };
}

/** A deterministic source of test values. */
export class TestRandom {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }
  /** Uniform in [0, 1): mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  /** A whole number from `low` up to and including `high`. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }
  pick<T>(from: readonly T[]): T {
    return from[this.between(0, from.length - 1)]!;
  }
  size(): number {
    return this.pick([0, 1, 1, 2, 2, 3, 3, 4, 5, 7, 17]);
  }
  /** A shape of some rank with at most about 600 entries. */
  shape(rank: number, { empty = true } = {}): number[] {
    for (;;) {
      const shape = Array.from({ length: rank }, () => this.size());
      if (sizeOf(shape) <= 600 && (empty || !shape.includes(0))) return shape;
    }
  }
  /** Values of a dtype: small ordinary ones, and now and then a special one. */
  value(dtype: DType, special = 0.1): number {
    if (dtype === "bool") return this.between(0, 1);
    if (dtype === "u8") return this.between(0, 255);
    if (dtype === "i32") {
      if (this.next() < special) return this.pick([0, -1, 2147483647, -2147483648, 65536, -65537]);
      return this.between(-9, 9);
    }
    if (this.next() < special) return this.pick([0, -0, NaN, Infinity, -Infinity, 1, -1, 0.5]);
    return store(dtype, (this.next() * 2 - 1) * this.pick([0.1, 1, 1, 5]));
  }
  array(dtype: DType, shape: Shape, special = 0.1): NaiveArray {
    return { dtype, shape, values: Array.from({ length: sizeOf(shape) }, () => this.value(dtype, special)) };
  }
}
