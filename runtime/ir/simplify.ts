// Which equations need not be written? Identities and arithmetic on known constants, found while a function is built.
import {
  allocate,
  type ArrayType,
  type Equation,
  isFloat,
  type PrimitiveName,
  type PrimitiveParameters,
  sameShape,
  type Shape,
  sizeOf,
  type Variable,
} from "./types.ts";
import type { Builder } from "./builder.ts";
import { rangeOf } from "./ranges.ts";

type Simplification = (
  b: Builder,
  inputs: readonly Variable[],
  params: never,
  type: ArrayType,
) => Variable | undefined;

/** Variables that already hold what the equation would compute, or undefined when it has to be written.
 *
 *  Only rewrites that keep every bit of a finite result (the sign of a zero aside) are made: x + 0, x * 1, x + (-y),
 *  movement of movement, folding of uniform constants by correctly rounded operations. x * 0 is not 0 (x may be
 *  infinite) and is left alone; so is every reordering of a sum. */
export function simplifyEquation<P extends PrimitiveName>(
  b: Builder,
  op: P,
  inputs: readonly Variable[],
  params: PrimitiveParameters[P],
  types: readonly ArrayType[],
): readonly Variable[] | undefined {
  const rule = simplifications[op];
  const result = rule?.(b, inputs, params as never, types[0]!);
  return result && [result];
}

function foldUnary(compute: (x: number) => number, identity?: Simplification): Simplification {
  return (b, inputs, params, type) => {
    const value = b.uniformValue(inputs[0]!);
    return value === undefined ? identity?.(b, inputs, params, type) : b.fill(compute(value), type);
  };
}

function foldBinary(compute: (x: number, y: number) => number, identity?: Simplification): Simplification {
  return (b, inputs, params, type) => {
    const x = b.uniformValue(inputs[0]!);
    const y = b.uniformValue(inputs[1]!);
    if (x !== undefined && y !== undefined) return b.fill(compute(x, y), type);
    return identity?.(b, inputs, params, type);
  };
}

/** The first of several that applies. */
function first(...rules: readonly Simplification[]): Simplification {
  return (b, inputs, params, type) => {
    for (const rule of rules) {
      const result = rule(b, inputs, params, type);
      if (result) return result;
    }
    return undefined;
  };
}

/** True for a product of known factors that no float holds: written as 0 it would stop derivatives that exist. */
function isTooSmall(b: Builder, [x, y]: readonly Variable[]): boolean {
  const [p, q] = [b.uniformValue(x!), b.uniformValue(y!)];
  const smallest = x!.dtype === "f32" ? 2 ** -149 : Number.MIN_VALUE;
  return p !== undefined && q !== undefined && p !== 0 && q !== 0 && Math.abs(p * q) < smallest;
}

/** One input is the neutral element: the other is the result. */
function neutral(value: number, side: "right" | "both"): Simplification {
  return (b, [x, y]) => {
    if (b.uniformValue(y!) === value) return x;
    if (side === "both" && b.uniformValue(x!) === value) return y;
    return undefined;
  };
}

/** What a variable is the negative of, if an equation here says so. */
function negated(b: Builder, x: Variable): Variable | undefined {
  const producer = b.producer(x);
  return producer?.op === "neg" ? producer.inputs[0] : undefined;
}

/** x + (-y) = x - y. */
const addNegative: Simplification = (b, [x, y]) => {
  const minusY = negated(b, y!);
  if (minusY) return b.apply("sub", x!, minusY);
  const minusX = negated(b, x!);
  return minusX && b.apply("sub", y!, minusX);
};

/** x - (-y) = x + y, and 0 - x = -x. */
const subtractNegative: Simplification = (b, [x, y]) => {
  if (b.uniformValue(x!) === 0) return b.apply("neg", y!);
  const minusY = negated(b, y!);
  return minusY && b.apply("add", x!, minusY);
};

/** x * -1 = -x, and a sign goes into a known factor. */
const multiplySigns: Simplification = (b, [x, y], _params, type) => {
  for (const [factor, other] of [[x!, y!], [y!, x!]] as const) {
    const value = b.uniformValue(factor);
    if (value === undefined) continue;
    if (value === -1) return b.apply("neg", other);
    const minus = negated(b, other);
    if (minus) return b.apply("mul", minus, b.fill(-value, type));
  }
  return undefined;
};

/** A uniform constant stays one under movement: only its shape changes. */
const moveUniform: Simplification = (b, [x], _params, type) => {
  const value = b.uniformValue(x!);
  return value === undefined ? undefined : b.fill(value, type);
};

function unlessMoved(isIdentity: (x: Variable, params: never) => boolean, after?: Simplification): Simplification {
  return (b, inputs, params, type) =>
    isIdentity(inputs[0]!, params)
      ? inputs[0]!
      : moveUniform(b, inputs, params, type) ?? after?.(b, inputs, params, type);
}

const compare = (test: (x: number, y: number) => boolean) => foldBinary((x, y) => test(x, y) ? 1 : 0);

/** The axes of `shape` that hold more than one entry; undefined when an axis of `x` holds one. */
function axesKept(x: Shape, shape: Shape): readonly number[] | undefined {
  const kept = shape.map((_, i) => i).filter((i) => shape[i] !== 1);
  return !x.includes(1) && sameShape(x, kept.map((i) => shape[i]!)) ? kept : undefined;
}

/** A broadcast of a broadcast, or of a reshape that only adds axes of size 1, is one broadcast. */
const broadcastOfBroadcast: Simplification = (b, [x], { shape, axes }: PrimitiveParameters["broadcast"]) => {
  const producer = b.producer(x!);
  const source = producer?.inputs[0];
  const inner = producer?.op === "broadcast"
    ? producer.params.axes
    : producer?.op === "reshape"
    ? axesKept(source!.shape, x!.shape)
    : undefined;
  return inner && b.one("broadcast", [source!], { shape, axes: inner.map((axis) => axes[axis]!) });
};

/** Moving axes of size 1 moves no entry. */
const transposeAsReshape: Simplification = (b, [x], { permutation }: PrimitiveParameters["transpose"], type) => {
  const longer = permutation.filter((axis) => x!.shape[axis] !== 1);
  const ordered = longer.every((axis, i) => i === 0 || longer[i - 1]! < axis);
  return ordered ? b.reshape(x!, type.shape) : undefined;
};

const transposeOfTranspose: Simplification = (b, [x], { permutation }: PrimitiveParameters["transpose"]) => {
  const producer = b.producer(x!);
  if (producer?.op !== "transpose") return undefined;
  const composed = permutation.map((axis) => producer.params.permutation[axis]!);
  return b.one("transpose", [producer.inputs[0]!], { permutation: composed });
};

const reshapeOfReshape: Simplification = (b, [x], { shape }: PrimitiveParameters["reshape"]) => {
  const producer = b.producer(x!);
  return producer?.op === "reshape" ? b.reshape(producer.inputs[0]!, shape) : undefined;
};

const reverseOfReverse: Simplification = (b, [x], { axes }: PrimitiveParameters["reverse"]) => {
  const producer = b.producer(x!);
  if (producer?.op !== "reverse") return undefined;
  const inner = producer.params.axes;
  const once = [...axes.filter((axis) => !inner.includes(axis)), ...inner.filter((axis) => !axes.includes(axis))];
  return once.length === 0 ? producer.inputs[0] : b.one("reverse", [producer.inputs[0]!], { axes: once });
};

/** The bytes that integers or floats are made of, if they are: also where a function around made them. */
export function bytesOf(b: Builder, x: Variable): Variable | undefined {
  if (x.dtype !== "i32" && !isFloat(x.dtype)) return undefined;
  const made = b.definition(x);
  return made?.op === "convert" && made.inputs[0]!.dtype === "u8" ? made.inputs[0] : undefined;
}

/** Bytes are moved as they are, and what is left of them is converted. */
const moveBytes =
  <P extends "reshape" | "transpose" | "slice" | "reverse" | "gather">(op: P): Simplification =>
  (b, [x, ...others], params, type) => {
    const bytes = bytesOf(b, x!);
    return bytes && b.convert(b.one(op, [bytes, ...others], params), type.dtype);
  };

/** Rows of some rows are rows, where all of them are there: an index outside would read 0 of the first, and a row of the second. */
const rowsOfRows: Simplification = (b, [x, indices], { axis, batch }: PrimitiveParameters["gather"]) => {
  const inner = axis === 0 && batch === 0 ? b.definition(x!) : undefined;
  if (inner?.op !== "gather" || inner.params.axis !== 0 || inner.params.batch !== 0) return undefined;
  const [table, rows] = inner.inputs as [Variable, Variable];
  const { low, high } = rangeOf(indices!);
  if (rows.shape.length !== 1 || low < 0 || high >= rows.shape[0]!) return undefined;
  const taken = b.one("gather", [rows, indices!], { axis: 0, batch: 0 });
  return b.one("gather", [table, taken], { axis: 0, batch: 0 });
};

/** A conversion there and back, the first step of which loses nothing. From bytes there is none on the way. */
const convertBack: Simplification = (b, [x], { dtype }: PrimitiveParameters["convert"]) => {
  const producer = b.producer(x!);
  if (producer?.op !== "convert") return undefined;
  const source = producer.inputs[0]!;
  if (source.dtype === "u8") return b.convert(source, dtype);
  const lossless = source.dtype === "bool" || (x!.dtype === "f64" && source.dtype !== "f64");
  return lossless && source.dtype === dtype ? source : undefined;
};

/** A sum of a whole number is exact while it stays below 2^24 (f32; any other dtype holds more). */
const sumUniform: Simplification = (b, [x], { axes }: PrimitiveParameters["reduce_sum"], type) => {
  if (axes.length === 0) return x;
  const value = b.uniformValue(x!);
  if (value === undefined) return undefined;
  const total = value * axes.reduce((n, axis) => n * x!.shape[axis]!, 1);
  return Number.isInteger(value) && Math.abs(total) < 2 ** 24 ? b.fill(total, type) : undefined;
};

/** A product reads transposed operands as they lie, as long as the order of the free axes stays. */
const contractTransposed: Simplification = (b, [x, y], p: PrimitiveParameters["dot_general"]) => {
  const left = untransposed(b.producer(x!), [...p.batchLeft, ...p.contractLeft]);
  const right = untransposed(b.producer(y!), [...p.batchRight, ...p.contractRight]);
  if (!left && !right) return undefined;
  const move = (axes: readonly number[], permutation: readonly number[] | undefined) =>
    permutation ? axes.map((axis) => permutation[axis]!) : axes;
  return b.one("dot_general", [left?.source ?? x!, right?.source ?? y!], {
    contractLeft: move(p.contractLeft, left?.permutation),
    contractRight: move(p.contractRight, right?.permutation),
    batchLeft: move(p.batchLeft, left?.permutation),
    batchRight: move(p.batchRight, right?.permutation),
  });
};

/** The source of a transpose that leaves the axes outside `bound` in order. */
function untransposed(
  producer: Equation | undefined,
  bound: readonly number[],
): { readonly source: Variable; readonly permutation: readonly number[] } | undefined {
  if (producer?.op !== "transpose") return undefined;
  const { permutation } = producer.params;
  const free = permutation.filter((_, axis) => !bound.includes(axis));
  const ordered = free.every((axis, i) => i === 0 || free[i - 1]! < axis);
  return ordered ? { source: producer.inputs[0]!, permutation } : undefined;
}

/** Joined pieces of one uniform constant are a larger one. */
const concatUniform: Simplification = (b, inputs, _params, type) => {
  if (inputs.length === 1) return inputs[0];
  const values = inputs.map((x) => b.uniformValue(x));
  return values[0] !== undefined && values.every((v) => Object.is(v, values[0])) ? b.fill(values[0], type) : undefined;
};

const select: Simplification = (b, [condition, x, y]) => {
  if (x === y) return x;
  const known = b.uniformValue(condition!);
  if (known !== undefined) return known !== 0 ? x : y;
  const producer = b.producer(condition!);
  return producer?.op === "not" ? b.apply("select", producer.inputs[0]!, y!, x!) : undefined;
};

/** `and` and `or` of booleans with a known one: `absorbing` decides alone, the other value leaves the other input. What is joined
 *  with its own opposite is decided, too. */
function logical(op: "and" | "or", absorbing: 0 | 1): Simplification {
  const other = op === "and" ? "or" : "and";
  return (b, [x, y], _params, type) => {
    if (type.dtype !== "bool") return undefined;
    if (x === y) return x;
    if (opposite(b, x!, y!)) return b.fill(absorbing, type);
    const [p, q] = [b.producer(x!), b.producer(y!)];
    for (const [whole, made] of [[x!, q], [y!, p]] as const) {
      // x or (x and z) is x, x and (x and z) is x and z
      if (made?.op === other && made.inputs.includes(whole)) return whole;
      if (made?.op === op && made.inputs.includes(whole)) return made.outputs[0];
    }
    if (p?.op === other && q?.op === other) {
      // (x and z) or (x and not z) is x
      for (const [shared, rest] of [p.inputs, p.inputs.toReversed()] as [Variable, Variable][]) {
        const matching = q.inputs.indexOf(shared);
        if (matching >= 0 && opposite(b, rest, q.inputs[1 - matching]!)) return shared;
      }
    }
    for (const [known, other] of [[x!, y!], [y!, x!]] as const) {
      const value = b.uniformValue(known);
      if (value !== undefined) return value === absorbing ? b.fill(absorbing, type) : other;
    }
    return undefined;
  };
}

/** One of two booleans is the other's `not`. */
function opposite(b: Builder, x: Variable, y: Variable): boolean {
  const isNot = (of: Variable, made: Equation | undefined) => made?.op === "not" && made.inputs[0] === of;
  return isNot(x, b.producer(y)) || isNot(y, b.producer(x));
}

const simplifications: { readonly [P in PrimitiveName]?: Simplification } = {
  neg: (b, inputs, params, type) => negated(b, inputs[0]!) ?? foldUnary((x) => -x)(b, inputs, params, type),
  abs: foldUnary(Math.abs),
  sign: foldUnary(Math.sign),
  floor: foldUnary(Math.floor),
  sqrt: foldUnary(Math.sqrt),
  stop_gradient: (b, [x]) => b.uniformValue(x!) !== undefined || b.producer(x!)?.op === "stop_gradient" ? x : undefined,
  not: (b, [x], _params, type) => {
    const producer = b.producer(x!);
    if (producer?.op === "not") return producer.inputs[0];
    const value = b.uniformValue(x!);
    return value === undefined || type.dtype !== "bool" ? undefined : b.fill(1 - value, type);
  },
  add: foldBinary((x, y) => x + y, first(neutral(0, "both"), addNegative)),
  sub: foldBinary((x, y) => x - y, first(neutral(0, "right"), subtractNegative)),
  mul: (b, inputs, params, type) => {
    // i32 products need 32-bit wrap-around, which doubles do not give
    if (type.dtype === "i32") return neutral(1, "both")(b, inputs, params, type);
    if (isTooSmall(b, inputs)) return undefined;
    return foldBinary((x, y) => x * y, first(neutral(1, "both"), multiplySigns))(b, inputs, params, type);
  },
  div: (b, inputs, params, type) => {
    if (type.dtype === "i32") return neutral(1, "right")(b, inputs, params, type);
    return foldBinary((x, y) => x / y, neutral(1, "right"))(b, inputs, params, type);
  },
  max: foldBinary((x, y) => x >= y ? x : y),
  min: foldBinary((x, y) => x <= y ? x : y),
  and: logical("and", 0),
  or: logical("or", 1),
  eq: compare((x, y) => x === y),
  ne: compare((x, y) => x !== y),
  lt: compare((x, y) => x < y),
  le: compare((x, y) => x <= y),
  gt: compare((x, y) => x > y),
  ge: compare((x, y) => x >= y),
  select,
  convert: (b, inputs, params: PrimitiveParameters["convert"], type) => {
    const [x] = inputs as [Variable];
    if (x.dtype === params.dtype) return x;
    const value = b.uniformValue(x);
    if (value === undefined) return convertBack(b, inputs, params as never, type);
    const data = allocate(type.dtype, 1);
    data[0] = params.dtype === "bool" ? (value !== 0 ? 1 : 0) : value;
    return b.fill(data[0]!, type);
  },
  integer_pow: (b, inputs, params: PrimitiveParameters["integer_pow"], type) =>
    params.exponent === 1 ? inputs[0] : params.exponent === 0 ? b.fill(1, type) : undefined,
  reshape: unlessMoved(
    (x, params: PrimitiveParameters["reshape"]) => sameShape(x.shape, params.shape),
    first(moveBytes("reshape"), reshapeOfReshape),
  ),
  broadcast: unlessMoved(
    (x, params: PrimitiveParameters["broadcast"]) => sameShape(x.shape, params.shape),
    broadcastOfBroadcast,
  ),
  transpose: unlessMoved(
    (_x, params: PrimitiveParameters["transpose"]) => params.permutation.every((axis, i) => axis === i),
    first(moveBytes("transpose"), transposeOfTranspose, transposeAsReshape),
  ),
  slice: unlessMoved(
    (x, params: PrimitiveParameters["slice"]) =>
      params.start.every((s, i) => s === 0 && params.limit[i] === x.shape[i] && params.stride[i] === 1),
    moveBytes("slice"),
  ),
  reverse: unlessMoved(
    (x, params: PrimitiveParameters["reverse"]) => params.axes.every((axis) => x.shape[axis] === 1),
    first(moveBytes("reverse"), reverseOfReverse),
  ),
  gather: first(moveBytes("gather"), rowsOfRows),
  pad: (b, [x], params: PrimitiveParameters["pad"], type) => {
    if ([params.low, params.high, params.interior].every((l) => l.every((n) => n === 0))) return x;
    return b.uniformValue(x!) === 0 || sizeOf(x!.shape) === 0 ? b.fill(0, type) : undefined;
  },
  concat: concatUniform,
  reduce_sum: sumUniform,
  reduce_max: first(
    (_b, [x], params: PrimitiveParameters["reduce_max"]) => params.axes.length === 0 ? x : undefined,
    moveUniform,
  ),
  dot_general: contractTransposed,
};
