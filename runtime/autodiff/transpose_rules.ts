// For a primitive that is linear in some of its inputs: what does a cotangent of its output say about theirs? One rule
// per linear primitive; the others say so. For every rule, <f(x), u> = <x, f'(u)>.
import type { Builder } from "../ir/builder.ts";
import type { ArrayType, PrimitiveName, PrimitiveParameters, Variable } from "../ir/types.ts";
import { InternalError } from "../errors.ts";
import { type Cotangent, notLinear, type TransposeRule } from "./cotangent.ts";
import { linearSolveTranspose, pullbackTranspose } from "./transpose_requests.ts";

/** A rule for a primitive with one output and one linear input, the first. */
function single<P extends PrimitiveName>(
  write: (
    b: Builder,
    u: Variable,
    args: { readonly type: ArrayType; readonly params: PrimitiveParameters[P]; readonly others: readonly Variable[] },
  ) => Variable,
): TransposeRule<P> {
  return ({ b, inputs, types, cotangents, params }) => {
    const others = inputs.slice(1).map((x) => known(x));
    return [write(b, cotangents[0]!, { type: types[0]!, params, others })];
  };
}

/** A rule for a product: linear in one input while the other is known. */
function product<P extends PrimitiveName>(
  left: (b: Builder, u: Variable, y: Variable, args: { type: ArrayType; params: PrimitiveParameters[P] }) => Variable,
  right: (b: Builder, u: Variable, x: Variable, args: { type: ArrayType; params: PrimitiveParameters[P] }) => Variable,
): TransposeRule<P> {
  return ({ b, inputs, types, cotangents, params }) => {
    const [x, y] = inputs;
    const u = cotangents[0]!;
    return x === undefined
      ? [left(b, u, known(y), { type: types[0]!, params }), undefined]
      : [undefined, right(b, u, x, { type: types[1]!, params })];
  };
}

function known(x: Variable | undefined): Variable {
  if (x === undefined) throw new InternalError("A product of two unknowns is not linear");
  return x;
}

/** Cotangent of a `broadcast` input: sums over the axes that were repeated. */
const broadcast = single<"broadcast">((b, u, { type, params }) => {
  const repeated = params.shape.map((_, i) => i).filter((i) => {
    const k = params.axes.indexOf(i);
    return k < 0 || type.shape[k] !== params.shape[i];
  });
  return b.reshape(b.sum(u, repeated), type.shape);
});

const reduceSum = single<"reduce_sum">((b, u, { type, params }) =>
  b.one("broadcast", [u], {
    shape: type.shape,
    axes: type.shape.map((_, i) => i).filter((i) => !params.axes.includes(i)),
  })
);

/** Puts the entries back where they were taken from, zeros between. */
const slice = single<"slice">((b, u, { type, params: { start, stride } }) => {
  if (u.shape.includes(0)) return b.fill(0, type);
  const reach = u.shape.map((n, i) => start[i]! + (n - 1) * stride[i]! + 1);
  return b.one("pad", [u], {
    low: start,
    high: type.shape.map((n, i) => n - reach[i]!),
    interior: stride.map((s) => s - 1),
  });
});

const pad = single<"pad">((b, u, { type, params: { low, interior } }) => {
  const stride = interior.map((n) => n + 1);
  return b.one("slice", [u], {
    start: low,
    limit: type.shape.map((n, i) => n === 0 ? low[i]! : low[i]! + (n - 1) * stride[i]! + 1),
    stride,
  });
});

const concat: TransposeRule<"concat"> = ({ b, inputs, types, cotangents, params: { axis } }) => {
  const u = cotangents[0]!;
  let position = 0;
  return types.map((type, i) => {
    const begin = position;
    position += type.shape[axis]!;
    if (inputs[i] !== undefined) return undefined;
    return b.one("slice", [u], {
      start: u.shape.map((_, k) => k === axis ? begin : 0),
      limit: u.shape.map((n, k) => k === axis ? begin + type.shape[axis]! : n),
      stride: u.shape.map(() => 1),
    });
  });
};

const select: TransposeRule<"select"> = ({ b, inputs, cotangents }) => {
  const [condition, x, y] = inputs;
  const u = cotangents[0]!;
  const zero = b.fill(0, u);
  return [
    undefined,
    x === undefined ? b.apply("select", known(condition), u, zero) : undefined,
    y === undefined ? b.apply("select", known(condition), zero, u) : undefined,
  ];
};

type Contraction = PrimitiveParameters["dot_general"];

/** Cotangent of one operand of a contraction: the output's cotangent contracted with the other operand over the other's
 *  free axes. Of the two orders of that contraction, the one is written that needs no transpose after it.
 *  `target` and `other` list each operand's axes; batch and contracted axes pair up. */
function contractBack(
  b: Builder,
  u: Variable,
  other: Variable,
  args: { type: ArrayType; params: Contraction; side: "left" | "right" },
): Variable {
  const { type, params: p, side } = args;
  const left = side === "left";
  const batch = left ? p.batchLeft : p.batchRight;
  const batchOther = left ? p.batchRight : p.batchLeft;
  const contract = left ? p.contractLeft : p.contractRight;
  const contractOther = left ? p.contractRight : p.contractLeft;
  const free = type.shape.map((_, i) => i).filter((i) => !batch.includes(i) && !contract.includes(i));
  const freeOther = other.shape.map((_, i) => i).filter((i) => !batchOther.includes(i) && !contractOther.includes(i));
  // Axes of u: batch, free of the left operand, free of the right operand
  const n = batch.length;
  const uFreeOther = freeOther.map((_, i) => i + n + (left ? free.length : 0));
  // Batch pairs in the order in which the target has them
  const order = batch.map((_, i) => i).sort((i, j) => batch[i]! - batch[j]!);
  const batches = order.map((i) => batch[i]!);
  const contracted = [...contractOther].sort((i, j) => i - j).map((axis) => contract[contractOther.indexOf(axis)]!);
  const uFirst = [...batches, ...free, ...contracted];
  const otherFirst = [...batches, ...contracted, ...free];
  const inOrder = (axes: readonly number[]) => axes.every((axis, i) => axis === i);
  const swapped = !inOrder(uFirst) && inOrder(otherFirst);
  const uBatch = order;
  const oBatch = order.map((i) => batchOther[i]!);
  const result = swapped
    ? b.one("dot_general", [other, u], {
      contractLeft: freeOther,
      contractRight: uFreeOther,
      batchLeft: oBatch,
      batchRight: uBatch,
    })
    : b.one("dot_general", [u, other], {
      contractLeft: uFreeOther,
      contractRight: freeOther,
      batchLeft: uBatch,
      batchRight: oBatch,
    });
  const axes = swapped ? otherFirst : uFirst;
  return b.one("transpose", [result], { permutation: axes.map((_, axis) => axes.indexOf(axis)) });
}

const dotGeneral = product<"dot_general">(
  (b, u, y, args) => contractBack(b, u, y, { ...args, side: "left" }),
  (b, u, x, args) => contractBack(b, u, x, { ...args, side: "right" }),
);

const spatial = (type: ArrayType): readonly [number, number] => [type.shape[2]!, type.shape[3]!];

// With <y, conv(x, f)> one trilinear form, each member of the family is its derivative with respect to one of the three
const conv = product<"conv">(
  (b, u, filter, { type, params }) =>
    b.one("conv_input_gradient", [u, filter], { ...params, inputSize: spatial(type) }),
  (b, u, x, { type, params }) => b.one("conv_filter_gradient", [x, u], { ...params, kernelSize: spatial(type) }),
);

const convInputGradient = product<"conv_input_gradient">(
  (b, u, filter, { params: { inputSize: _, ...params } }) => b.one("conv", [u, filter], params),
  (b, u, y, { type, params: { inputSize: _, ...params } }) =>
    b.one("conv_filter_gradient", [u, y], { ...params, kernelSize: spatial(type) }),
);

const convFilterGradient = product<"conv_filter_gradient">(
  (b, u, y, { type, params: { kernelSize: _, ...params } }) =>
    b.one("conv_input_gradient", [y, u], { ...params, inputSize: spatial(type) }),
  (b, u, x, { params: { kernelSize: _, ...params } }) => b.one("conv", [x, u], params),
);

/** x = a^-1 b, linear in b: the cotangent of b solves with the transposed matrix. */
const solve: TransposeRule<"solve"> = ({ b, inputs, cotangents }) => {
  const a = known(inputs[0]);
  const n = a.shape.length;
  const permutation = a.shape.map((_, i) => i < n - 2 ? i : i === n - 2 ? n - 1 : n - 2);
  return [undefined, b.apply("solve", b.one("transpose", [a], { permutation }), cotangents[0]!)];
};

/** The table of transposes; of loops, transpose_structured.ts has them. A primitive without an entry does not compile. */
export const transposeRules: {
  readonly [P in Exclude<PrimitiveName, "scan" | "map">]: TransposeRule<P> | typeof notLinear;
} = {
  constant: notLinear,
  iota: notLinear,
  random_bits: notLinear,
  neg: single((b, u) => b.apply("neg", u)),
  abs: notLinear,
  sign: notLinear,
  floor: notLinear,
  exp: notLinear,
  expm1: notLinear,
  log: notLinear,
  log1p: notLinear,
  sin: notLinear,
  cos: notLinear,
  tanh: notLinear,
  logistic: notLinear,
  sqrt: notLinear,
  erf: notLinear,
  erf_inv: notLinear,
  integer_pow: notLinear,
  convert: single((b, u, { type }) => b.convert(u, type.dtype)),
  stop_gradient: notLinear,
  not: notLinear,
  add: ({ cotangents: [u] }) => [u, u],
  sub: ({ b, inputs, cotangents: [u] }): Cotangent[] => [u, inputs[1] === undefined ? b.apply("neg", u!) : undefined],
  mul: product((b, u, y) => b.apply("mul", u, y), (b, u, x) => b.apply("mul", u, x)),
  div: single((b, u, { others }) => b.apply("div", u, others[0]!)),
  mod: notLinear,
  pow: notLinear,
  max: notLinear,
  min: notLinear,
  and: notLinear,
  or: notLinear,
  shift_right: notLinear,
  eq: notLinear,
  ne: notLinear,
  lt: notLinear,
  le: notLinear,
  gt: notLinear,
  ge: notLinear,
  select,
  reduce_sum: reduceSum,
  reduce_max: notLinear,
  argmax: notLinear,
  reshape: single((b, u, { type }) => b.reshape(u, type.shape)),
  transpose: single((b, u, { params: { permutation } }) =>
    b.one("transpose", [u], { permutation: permutation.map((_, axis) => permutation.indexOf(axis)) })
  ),
  broadcast,
  slice,
  pad,
  concat,
  reverse: single((b, u, { params }) => b.one("reverse", [u], params)),
  gather: single((b, u, { type, params: { axis, batch }, others }) =>
    b.one("scatter_add", [u, others[0]!], { axis, batch, size: type.shape[axis]! })
  ),
  scatter_add: single((b, u, { params: { axis, batch }, others }) => b.one("gather", [u, others[0]!], { axis, batch })),
  dot_general: dotGeneral,
  conv,
  conv_input_gradient: convInputGradient,
  conv_filter_gradient: convFilterGradient,
  solve,
  gradient: notLinear,
  implicit: notLinear,
  linear_solve: linearSolveTranspose,
  finite_difference: notLinear,
  pullback: pullbackTranspose,
  check: notLinear,
};
