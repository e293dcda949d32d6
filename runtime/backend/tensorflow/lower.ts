// Which operations of TensorFlow compute each primitive? All have static shapes, are compiled by XLA, and run without it too.
// Arrays without entries are never given to TensorFlow: what is made of them is written down here.
import { InternalError } from "../../errors.ts";
import {
  type ArrayType,
  type Equation,
  type EquationOf,
  type IrFunction,
  isRequest,
  type PrimitiveName,
  type PrimitiveParameters,
  type RequestName,
  type Shape,
  sizeOf,
  type Variable,
} from "../../ir/types.ts";
import { FunctionGraph, type Ref, type TfType } from "./graph.ts";
import { lowerConvolution, lowerFilterGradient, lowerInputGradient } from "./lower_convolutions.ts";
import { type Draw, lowerDraws } from "./lower_random.ts";
import { type BinaryOperation, type Comparison, Operations, type UnaryOperation } from "./operations.ts";
import { spread } from "./spread.ts";

/** What a rule is given. */
export interface Lowering<P extends PrimitiveName> {
  readonly t: Operations;
  readonly inputs: readonly Ref[];
  readonly params: PrimitiveParameters[P];
  readonly types: readonly ArrayType[];
}

/** Writes a primitive. */
export type Rule<P extends PrimitiveName> = (given: Lowering<P>) => Ref | readonly Ref[];

/** Primitives with a rule of their own: maps were expanded before, draws are lowered together. */
type RuledName = Exclude<PrimitiveName, RequestName | "map" | "random_bits">;

const unary = (op: UnaryOperation): Rule<PrimitiveName> => ({ t, inputs: [x] }) => t.unary(op, x!);

const binary = (op: BinaryOperation): Rule<PrimitiveName> => ({ t, inputs: [x, y] }) => t.binary(op, x!, y!);

/** Booleans are compared as integers, where order is asked for. */
const comparison = (op: Comparison): Rule<PrimitiveName> => ({ t, inputs }) => {
  const ordered = op !== "Equal" && op !== "NotEqual" && inputs[0]!.type === "bool";
  const [x, y] = ordered ? inputs.map((v) => t.cast(v, "i32")) : inputs;
  return t.compare(op, x!, y!);
};

const logical =
  (onBools: "LogicalAnd" | "LogicalOr", onIntegers: BinaryOperation): Rule<PrimitiveName> => ({ t, inputs: [x, y] }) =>
    x!.type === "bool" ? t.logical(onBools, x!, y!) : t.binary(onIntegers, x!, y!);

/** Largest and smallest i32, and the floats that bound it. */
const [largestInteger, smallestInteger, integerBound] = [0x7fffffff, -0x80000000, 2 ** 31];

const rules: { readonly [P in RuledName]: Rule<P> } = {
  constant: ({ t, params: { type, data } }) => t.literal(type.dtype as TfType, type.shape, data),
  iota: ({ t, params: { type: { dtype, shape }, axis }, types: [type] }) => {
    const column = t.reshape(t.range(shape[axis]!), shape.slice(axis).map((m, i) => i === 0 ? m : 1));
    return t.broadcastTo(t.cast(column, dtype as TfType), type!.shape);
  },
  neg: unary("Neg"),
  abs: unary("Abs"),
  sign: unary("Sign"),
  floor: unary("Floor"),
  exp: unary("Exp"),
  expm1: unary("Expm1"),
  log: unary("Log"),
  log1p: unary("Log1p"),
  sin: unary("Sin"),
  cos: unary("Cos"),
  tanh: unary("Tanh"),
  logistic: unary("Sigmoid"),
  sqrt: unary("Sqrt"),
  erf: unary("Erf"),
  erf_inv: ({ t, inputs: [x] }) => inverseErf(t, x!),
  integer_pow: ({ t, inputs: [x], params: { exponent } }) => {
    if (exponent === 0) return t.fill(1, x!.type, x!.shape);
    let power: Ref | undefined;
    let square = x!;
    for (let n = Math.abs(exponent); n > 0; n = Math.floor(n / 2)) {
      if (n % 2 === 1) power = power ? t.binary("Mul", power, square) : square;
      if (n > 1) square = t.binary("Mul", square, square);
    }
    return exponent < 0 ? t.binary("RealDiv", t.scalar(1, x!), power!) : power!;
  },
  convert: ({ t, inputs: [x], params: { dtype } }) => {
    const type = dtype as TfType;
    if (type === "bool" && x!.type !== "bool") return t.compare("NotEqual", x!, t.scalar(0, x!));
    if (type !== "i32" || x!.type !== "f32") return t.cast(x!, type);
    // what does not fit is the nearest that does, and NaN is 0
    const fits = t.compare("Less", t.unary("Abs", x!), t.scalar(integerBound, x!));
    const inside = t.cast(t.select(fits, x!, t.scalar(0, x!)), "i32");
    const above = t.compare("GreaterEqual", x!, t.scalar(integerBound, x!));
    const below = t.compare("LessEqual", x!, t.scalar(-integerBound, x!));
    return t.select(above, t.integer(largestInteger), t.select(below, t.integer(smallestInteger), inside));
  },
  stop_gradient: ({ inputs: [x] }) => x!,
  not: ({ t, inputs: [x] }) => x!.type === "bool" ? t.not(x!) : t.unary("Invert", x!),
  add: binary("AddV2"),
  sub: binary("Sub"),
  mul: binary("Mul"),
  div: ({ t, inputs: [x, y] }) => {
    if (x!.type !== "i32") return t.binary("RealDiv", x!, y!);
    // neither x / 0 nor the smallest integer / -1 may reach the processor
    const [zero, opposite] = [0, -1].map((n) => t.compare("Equal", y!, t.integer(n)));
    const safe = t.select(t.logical("LogicalOr", zero!, opposite!), t.integer(1), y!);
    const quotient = t.select(opposite!, t.unary("Neg", x!), t.binary("TruncateDiv", x!, safe));
    return t.select(zero!, t.integer(0), quotient);
  },
  mod: ({ t, inputs: [x, y] }) => {
    if (x!.type !== "i32") return t.binary("FloorMod", x!, y!);
    const [zero, opposite] = [0, -1].map((n) => t.compare("Equal", y!, t.integer(n)));
    const none = t.logical("LogicalOr", zero!, opposite!);
    return t.select(none, t.integer(0), t.binary("FloorMod", x!, t.select(none, t.integer(1), y!)));
  },
  pow: binary("Pow"),
  max: binary("Maximum"),
  min: binary("Minimum"),
  and: logical("LogicalAnd", "BitwiseAnd"),
  or: logical("LogicalOr", "BitwiseOr"),
  shift_right: ({ t, inputs: [x, y] }) => {
    // the processor takes the count modulo 32; XLA does not
    const count = t.bits(t.binary("BitwiseAnd", y!, t.integer(31)), "u32");
    return t.bits(t.binary("RightShift", t.bits(x!, "u32"), count), "i32");
  },
  eq: comparison("Equal"),
  ne: comparison("NotEqual"),
  lt: comparison("Less"),
  le: comparison("LessEqual"),
  gt: comparison("Greater"),
  ge: comparison("GreaterEqual"),
  select: ({ t, inputs: [c, x, y] }) => t.select(c!, x!, y!),
  reduce_sum: ({ t, inputs: [x], params: { axes } }) =>
    x!.type === "f32" ? longSum(t, x!, axes) : t.reduce("Sum", x!, axes),
  reduce_max: ({ t, inputs: [x], params: { axes } }) => t.reduce("Max", x!, axes),
  argmax: ({ t, inputs: [x], params: { axis } }) => t.argmax(x!.type === "f32" ? ordered(t, x!) : x!, axis),
  reshape: ({ t, inputs: [x], params: { shape } }) => t.reshape(x!, shape),
  transpose: ({ t, inputs: [x], params: { permutation } }) => t.transpose(x!, permutation),
  broadcast: ({ t, inputs: [x], params: { shape, axes } }) => {
    const aligned = shape.map(() => 1);
    axes.forEach((axis, i) => aligned[axis] = x!.shape[i]!);
    return t.broadcastTo(t.reshape(x!, aligned), shape);
  },
  slice: ({ t, inputs: [x], params: { start, limit, stride } }) => t.slice(x!, start, limit, stride),
  pad: ({ t, inputs: [x], params: { low, high, interior } }) => t.pad(spread(t, x!, interior), low, high),
  concat: ({ t, inputs, params: { axis } }) => t.concat(inputs.filter((x) => sizeOf(x.shape) > 0), axis),
  reverse: ({ t, inputs: [x], params: { axes } }) => t.reverse(x!, axes),
  gather: ({ t, inputs: [x, indices], params: { axis, batch } }) => {
    const n = x!.shape[axis]!;
    const inside = within(t, indices!, n);
    const read = t.gather(x!, t.select(inside, indices!, t.integer(0)), axis, batch);
    const aligned = [
      ...indices!.shape.slice(0, batch),
      ...x!.shape.slice(batch, axis).map(() => 1),
      ...indices!.shape.slice(batch),
      ...x!.shape.slice(axis + 1).map(() => 1),
    ];
    return t.select(t.reshape(inside, aligned), read, t.scalar(0, read));
  },
  scatter_add: ({ t, inputs: [updates, indices], params: { axis, batch, size } }) => {
    const inner = indices!.shape.length - batch;
    const [before, after] = [updates!.shape.slice(batch, axis), updates!.shape.slice(axis + inner)];
    const [outer, places] = [indices!.shape.slice(0, batch), indices!.shape.slice(batch)];
    // updates [B, P, I, Q] -> [B I, P Q]; place i of batch entry b is row b size + i
    const order = [
      ...outer.map((_, i) => i),
      ...places.map((_, i) => axis + i),
      ...before.map((_, i) => batch + i),
      ...after.map((_, i) => axis + inner + i),
    ];
    const [rows, width] = [sizeOf(indices!.shape), sizeOf(before) * sizeOf(after)];
    const table = t.reshape(t.transpose(updates!, order), [rows, width]);
    const known = t.reshape(indices!, [sizeOf(outer), sizeOf(places)]);
    const inside = within(t, known, size);
    const starts = Int32Array.from({ length: sizeOf(outer) }, (_, i) => i * size);
    const first = t.literal("i32", [sizeOf(outer), 1], starts);
    const row = t.select(inside, t.binary("AddV2", known, first), t.integer(-1));
    const sums = t.segmentSum(table, t.reshape(row, [rows]), sizeOf(outer) * size);
    const parts = t.reshape(sums, [...outer, size, ...before, ...after]);
    // [B, size, P, Q] -> [B, P, size, Q]
    const rank = outer.length + 1 + before.length + after.length;
    const back = Array.from({ length: rank }, (_, i) => i);
    back.splice(outer.length, 1);
    back.splice(axis, 0, outer.length);
    return t.transpose(parts, back);
  },
  dot_general: ({ t, inputs: [x, y], params, types: [type] }) => {
    const { contractLeft, contractRight, batchLeft, batchRight } = params;
    const side = (v: Ref, batch: readonly number[], contract: readonly number[]) => {
      const free = v.shape.map((_, i) => i).filter((i) => !batch.includes(i) && !contract.includes(i));
      const size = (axes: readonly number[]) => axes.reduce((n, axis) => n * v.shape[axis]!, 1);
      // free axes last when they are last already: that saves turning the array
      const last = contract.length > 0 && free.length > 0 && Math.max(...free) > Math.max(...contract);
      const order = last ? [...batch, ...contract, ...free] : [...batch, ...free, ...contract];
      const [b, k, f] = [size(batch), size(contract), size(free)];
      return { last, b, k, f, array: t.reshape(t.transpose(v, order), last ? [b, k, f] : [b, f, k]) };
    };
    const left = side(x!, batchLeft, contractLeft);
    const right = side(y!, batchRight, contractRight);
    const product = left.k === 1
      ? t.binary("Mul", t.reshape(left.array, [left.b, left.f, 1]), t.reshape(right.array, [left.b, 1, right.f]))
      : t.matmul(left.array, right.array, [left.last, !right.last]);
    return t.reshape(product, type!.shape);
  },
  conv: lowerConvolution,
  conv_input_gradient: lowerInputGradient,
  conv_filter_gradient: lowerFilterGradient,
  solve: ({ t, inputs: [a, b] }) => t.solve(a!, b!),
  scan: lowerScan,
};

/** Polynomials of M. Giles, "Approximating the erfinv function" (GPU Computing Gems, 2010), table 5, highest power first: for
 *  w < 5 in w - 2.5, beyond in sqrt(w) - 3. */
const nearOrigin = [
  2.81022636e-08,
  3.43273939e-07,
  -3.5233877e-06,
  -4.39150654e-06,
  0.00021858087,
  -0.00125372503,
  -0.00417768164,
  0.246640727,
  1.50140941,
];
const nearOne = [
  -0.000200214257,
  0.000100950558,
  0.00134934322,
  -0.00367342844,
  0.00573950773,
  -0.0076224613,
  0.00943887047,
  1.00167406,
  2.83297682,
];

/** erf^-1(x) = x P(w), w = -log((1 - x)(1 + x)): TensorFlow's own loses digits where x is near 1. */
function inverseErf(t: Operations, x: Ref): Ref {
  const number = (value: number) => t.scalar(value, x);
  const one = number(1);
  const w = t.unary("Neg", t.unary("Log", t.binary("Mul", t.binary("Sub", one, x), t.binary("AddV2", one, x))));
  const polynomial = (z: Ref, coefficients: readonly number[]) =>
    coefficients.slice(1).reduce(
      (p, c) => t.binary("AddV2", t.binary("Mul", p, z), number(c)),
      number(coefficients[0]!),
    );
  const inner = polynomial(t.binary("Sub", w, number(2.5)), nearOrigin);
  const outer = polynomial(t.binary("Sub", t.unary("Sqrt", w), number(3)), nearOne);
  const inside = t.binary("Mul", x, t.select(t.compare("Less", w, number(5)), inner, outer));
  const atEnd = t.compare("Equal", t.unary("Abs", x), one);
  return t.select(atEnd, t.binary("Mul", x, number(Infinity)), inside);
}

/** Sums of more terms are made in two stages, of about as many terms each: one after the other, a million terms lose four digits. */
const longest = 1024;

function longSum(t: Operations, x: Ref, axes: readonly number[]): Ref {
  const terms = axes.reduce((n, axis) => n * x.shape[axis]!, 1);
  if (terms <= longest) return t.reduce("Sum", x, axes);
  const axis = axes.reduce((a, b) => x.shape[b]! >= x.shape[a]! ? b : a);
  const size = x.shape[axis]!;
  // the part of the axis that is summed last: a divisor near the root, or zeros behind for one to exist
  const distance = (d: number) => Math.abs(Math.log(d) - Math.log(terms) / 2);
  const divisors = Array.from({ length: size }, (_, i) => i + 1).filter((d) => size % d === 0);
  const last = divisors.reduce((a, b) => distance(b) < distance(a) ? b : a);
  if (Math.max(last, terms / last) > terms / 8) {
    const zeros = (n: number) => x.shape.map((_, i) => i === axis ? n : 0);
    return longSum(t, t.pad(x, zeros(0), zeros(64 - size % 64)), axes);
  }
  const parts = t.reshape(x, [...x.shape.slice(0, axis), size / last, last, ...x.shape.slice(axis + 1)]);
  const first = axes.map((a) => a > axis ? a + 1 : a);
  const sums = t.reduce("Sum", parts, first);
  return t.reduce("Sum", sums, [axis - axes.filter((a) => a < axis).length]);
}

/** Integers in the order of floats, NaN above all: maxima of floats alone do not find it. */
function ordered(t: Operations, x: Ref): Ref {
  const bits = t.bits(t.select(t.compare("Equal", x, t.scalar(0, x)), t.scalar(0, x), x), "i32");
  const turned = t.binary("BitwiseXor", bits, t.integer(largestInteger));
  const order = t.select(t.compare("Less", bits, t.integer(0)), turned, bits);
  return t.select(t.compare("NotEqual", x, x), t.integer(largestInteger), order);
}

/** Which indices are from 0 to n - 1. */
function within(t: Operations, indices: Ref, n: number): Ref {
  const [low, high] = [t.compare("GreaterEqual", indices, t.integer(0)), t.compare("Less", indices, t.integer(n))];
  return t.logical("LogicalAnd", low, high);
}

/** A loop of fixed length over lists of arrays. */
function lowerScan({ t, inputs, params, types }: Lowering<"scan">): readonly Ref[] {
  const { body, length, constants, carry, reverse } = params;
  const { library } = t.graph;
  const stackedFrom = constants + carry;
  const stackedTypes = inputs.slice(stackedFrom).map((x) => x.type);
  const made = body.outputs.slice(carry);
  const state = [
    t.integer(0),
    ...inputs.slice(0, stackedFrom),
    ...inputs.slice(stackedFrom).map((x) => t.listOf(x)),
    ...made.map(({ dtype, shape }) => t.newList(dtype as TfType, shape, length)),
  ];
  const condition = new FunctionGraph(library, state);
  const c = new Operations(condition);
  const more = condition.finish("more", [c.compare("Less", condition.inputs[0]!, c.integer(length))]);

  const step = new FunctionGraph(library, state);
  const s = new Operations(step);
  const [i, ...rest] = step.inputs;
  const index = reverse ? s.binary("Sub", s.integer(length - 1), i!) : i!;
  const listsFrom = stackedFrom + stackedTypes.length;
  const slices = stackedTypes.map((type, k) => s.item(rest[stackedFrom + k]!, index, type));
  const results = lowerBody(step, body, [...rest.slice(0, stackedFrom), ...slices]);
  const next = step.finish(body.name, [
    s.binary("AddV2", i!, s.integer(1)),
    ...rest.slice(0, constants),
    ...results.slice(0, carry),
    ...rest.slice(stackedFrom, listsFrom),
    ...results.slice(carry).map((item, k) => s.setItem(rest[listsFrom + k]!, index, item)),
  ]);
  const end = t.loop(more, next, state).slice(1);
  return [
    ...end.slice(constants, stackedFrom),
    ...end.slice(listsFrom).map((list, k) => t.stack(list, types[carry + k]!.dtype as TfType, length)),
  ];
}

/** Writes the equations of a function; returns its outputs. */
export function lowerBody(graph: FunctionGraph, fn: IrFunction, given: readonly Ref[]): readonly Ref[] {
  const t = new Operations(graph);
  const values = new Map<Variable, Ref>();
  fn.inputs.forEach((variable, i) => values.set(variable, given[i]!));
  const read = (variable: Variable) => values.get(variable)!;
  const set = ({ outputs }: Equation, results: readonly Ref[]) =>
    outputs.forEach((variable, i) => values.set(variable, results[i]!));
  // what hangs on draws waits until all that can be drawn with them are known
  let rest = fn.equations;
  while (rest.length > 0) {
    const draws: EquationOf<"random_bits">[] = [];
    const waiting: Equation[] = [];
    const unknown = new Set<Variable>();
    for (const equation of rest) {
      const waits = equation.inputs.some((x) => unknown.has(x));
      if (waits || equation.op === "random_bits") equation.outputs.forEach((x) => unknown.add(x));
      if (waits) waiting.push(equation);
      else if (equation.op === "random_bits") draws.push(equation);
      else set(equation, lowerEquation(t, equation, equation.inputs.map(read)));
    }
    for (const empty of draws.filter(({ outputs: [bits] }) => sizeOf(bits!.shape) === 0)) {
      set(empty, [t.fill(0, "i32", empty.outputs[0]!.shape)]);
    }
    const drawn = draws.filter(({ outputs: [bits] }) => sizeOf(bits!.shape) > 0);
    const given = drawn.map(({ inputs: [key, counter], params, outputs: [type] }): Draw => {
      return { key: read(key!), counter: read(counter!), params, type: type! };
    });
    if (given.length > 0) lowerDraws(t, given).forEach((bits, i) => set(drawn[i]!, [bits]));
    rest = waiting;
  }
  return fn.outputs.map(read);
}

function lowerEquation(t: Operations, equation: Equation, inputs: readonly Ref[]): readonly Ref[] {
  const { op, params, outputs: types } = equation;
  if (isRequest(op) || op === "map") throw new InternalError(`The ${op} must be expanded before it is lowered`);
  const results = degenerate(t, equation as EquationOf<RuledName>, inputs) ??
    (rules[op as RuledName] as Rule<RuledName>)({ t, inputs, params: params as never, types });
  return Array.isArray(results) ? results : [results as Ref];
}

/** What is made where an array has no entries. */
function degenerate(
  t: Operations,
  { op, params, outputs, inputs: variables }: EquationOf<RuledName>,
  inputs: readonly Ref[],
): readonly Ref[] | undefined {
  const empty = (shape: Shape) => sizeOf(shape) === 0;
  const filled = (value: number) => outputs.map(({ dtype, shape }) => t.fill(value, dtype as TfType, shape));
  if (op === "scan") {
    const { constants, carry, length } = params as PrimitiveParameters["scan"];
    if (length > 0) return undefined;
    return [...inputs.slice(constants, constants + carry), ...filled(0).slice(carry)];
  }
  if (outputs.every(({ shape }) => empty(shape))) return filled(0);
  if (variables.length === 0 || !variables.some(({ shape }) => empty(shape))) return undefined;
  if (op === "reduce_max") return filled(outputs[0]!.dtype === "i32" ? smallestInteger : -Infinity);
  if (op === "concat") return undefined;
  return filled(0);
}
