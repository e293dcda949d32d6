// Which equations need not be written? Identities and arithmetic on known constants, found while a function is built.
import {
  allocate,
  type ArrayType,
  type PrimitiveName,
  type PrimitiveParameters,
  sameShape,
  type Variable,
} from "./types.ts";
import type { Builder } from "./builder.ts";

type Simplification = (
  b: Builder,
  inputs: readonly Variable[],
  params: never,
  type: ArrayType,
) => Variable | undefined;

/** Variables that already hold what the equation would compute, or undefined when it has to be written.
 *
 *  Only rewrites that keep every bit of a finite result are made: x + 0, x * 1, x / 1, folding of uniform constants in
 *  the result's own precision. x * 0 is not 0 (x may be infinite) and is left alone. */
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

function foldUnary(compute: (x: number) => number): Simplification {
  return (b, [x], _params, type) => {
    const value = b.uniformValue(x!);
    return value === undefined ? undefined : b.fill(compute(value), type);
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

/** One input is the neutral element: the other is the result. */
function neutral(value: number, side: "right" | "both"): Simplification {
  return (b, [x, y]) => {
    if (b.uniformValue(y!) === value) return x;
    if (side === "both" && b.uniformValue(x!) === value) return y;
    return undefined;
  };
}

/** A uniform constant stays one under movement: only its shape changes. */
const moveUniform: Simplification = (b, [x], _params, type) => {
  const value = b.uniformValue(x!);
  return value === undefined ? undefined : b.fill(value, type);
};

function unlessMoved(isIdentity: (x: Variable, params: never) => boolean): Simplification {
  return (b, inputs, params, type) =>
    isIdentity(inputs[0]!, params) ? inputs[0]! : moveUniform(b, inputs, params, type);
}

const compare = (test: (x: number, y: number) => boolean) => foldBinary((x, y) => test(x, y) ? 1 : 0);

const simplifications: { readonly [P in PrimitiveName]?: Simplification } = {
  neg: (b, inputs, params, type) => {
    const producer = b.producer(inputs[0]!);
    if (producer?.op === "neg") return producer.inputs[0];
    return foldUnary((x) => -x)(b, inputs, params, type);
  },
  add: foldBinary((x, y) => x + y, neutral(0, "both")),
  sub: foldBinary((x, y) => x - y, neutral(0, "right")),
  mul: (b, inputs, params, type) => {
    // i32 products need 32-bit wrap-around, which doubles do not give
    if (type.dtype === "i32") return neutral(1, "both")(b, inputs, params, type);
    return foldBinary((x, y) => x * y, neutral(1, "both"))(b, inputs, params, type);
  },
  div: (b, inputs, params, type) => {
    if (type.dtype === "i32") return neutral(1, "right")(b, inputs, params, type);
    return foldBinary((x, y) => x / y, neutral(1, "right"))(b, inputs, params, type);
  },
  eq: compare((x, y) => x === y),
  ne: compare((x, y) => x !== y),
  lt: compare((x, y) => x < y),
  le: compare((x, y) => x <= y),
  gt: compare((x, y) => x > y),
  ge: compare((x, y) => x >= y),
  select: (b, [condition, x, y]) => {
    if (x === y) return x;
    const known = b.uniformValue(condition!);
    return known === undefined ? undefined : known !== 0 ? x : y;
  },
  convert: (b, [x], params: PrimitiveParameters["convert"], type) => {
    if (x!.dtype === params.dtype) return x;
    const value = b.uniformValue(x!);
    if (value === undefined) return undefined;
    const data = allocate(type.dtype, 1);
    data[0] = params.dtype === "bool" ? (value !== 0 ? 1 : 0) : value;
    return b.fill(data[0]!, type);
  },
  integer_pow: (b, inputs, params: PrimitiveParameters["integer_pow"], type) =>
    params.exponent === 1 ? inputs[0] : params.exponent === 0 ? b.fill(1, type) : undefined,
  reshape: unlessMoved((x, params: PrimitiveParameters["reshape"]) => sameShape(x.shape, params.shape)),
  broadcast: unlessMoved((x, params: PrimitiveParameters["broadcast"]) => sameShape(x.shape, params.shape)),
  transpose: unlessMoved((_x, params: PrimitiveParameters["transpose"]) =>
    params.permutation.every((axis, i) => axis === i)
  ),
  slice: unlessMoved((x, params: PrimitiveParameters["slice"]) =>
    params.start.every((s, i) => s === 0 && params.limit[i] === x.shape[i] && params.stride[i] === 1)
  ),
  reverse: unlessMoved((x, params: PrimitiveParameters["reverse"]) => params.axes.every((axis) => x.shape[axis] === 1)),
  pad: (_b, [x], params: PrimitiveParameters["pad"]) =>
    [params.low, params.high, params.interior].every((l) => l.every((n) => n === 0)) ? x : undefined,
  concat: (_b, inputs) => inputs.length === 1 ? inputs[0] : undefined,
  reduce_sum: (_b, [x], params: PrimitiveParameters["reduce_sum"]) => params.axes.length === 0 ? x : undefined,
  reduce_max: (_b, [x], params: PrimitiveParameters["reduce_max"]) => params.axes.length === 0 ? x : undefined,
};
