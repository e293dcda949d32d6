// For a linear primitive: which entries of an input act on entries of the output that count?
import type { Builder } from "../ir/builder.ts";
import type { ArrayType, DType, Equation, PrimitiveName, PrimitiveParameters, Shape, Variable } from "../ir/types.ts";
import { InternalError } from "../errors.ts";
import { notLinear, type TransposeRule } from "./cotangent.ts";
import { along, spread, uniform, varies } from "./supports.ts";
import { transposeRules } from "./transpose_rules.ts";

interface SupportArguments<P extends PrimitiveName> {
  readonly b: Builder;
  /** Of the output. */
  readonly support: Variable;
  readonly inputs: readonly Variable[];
  /** The input that is asked for. */
  readonly index: number;
  readonly output: ArrayType;
  readonly params: PrimitiveParameters[P];
}

type SupportRule<P extends PrimitiveName> = (args: SupportArguments<P>) => Variable;

/** The support of an input of an equation with one output. */
export function supportOfInput(b: Builder, equation: Equation, index: number, support: Variable): Variable {
  const { op, inputs, params } = equation;
  if (!varies(support)) return uniform(b, support, inputs[index]!.shape.length);
  const rule = supportRules[op] as SupportRule<PrimitiveName> | undefined;
  if (!rule) throw new InternalError(`${op} passes no support on`);
  return rule({ b, support, inputs, index, output: equation.outputs[0]!, params });
}

const same = <P extends PrimitiveName>({ support }: SupportArguments<P>) => support;

/** Movement of entries: the support moves back as a cotangent does. `dtype`: in which its entries can be moved. */
function moved<P extends Exclude<PrimitiveName, "scan" | "map">>(op: P, dtype: DType = "bool"): SupportRule<P> {
  const rule = transposeRules[op] as TransposeRule<P> | typeof notLinear;
  return ({ b, support, inputs, index, output, params }) => {
    if (rule === notLinear) throw new InternalError(`${op} is not linear`);
    const cotangent = b.convert(spread(b, support, output.shape), dtype);
    const results = rule({
      b,
      inputs: inputs.map((x, i) => i === index ? undefined : x),
      types: inputs.map(({ shape }, i) => i === index ? { dtype, shape } : inputs[i]!),
      cotangents: [cotangent],
      shares: [],
      followed: () => false,
      params,
      transpose: () => {
        throw new InternalError(`${op} has no body`);
      },
    });
    return b.convert(results[index] as Variable, "bool");
  };
}

const reduceSum: SupportRule<"reduce_sum"> = ({ b, support, inputs, params: { axes } }) => {
  let k = 0;
  return b.reshape(support, inputs[0]!.shape.map((_, axis) => axes.includes(axis) ? 1 : support.shape[k++]!));
};

const broadcast: SupportRule<"broadcast"> = ({ b, support, inputs, params: { shape, axes } }) => {
  const from = inputs[0]!.shape;
  const repeated = shape.flatMap((n, axis) => from[axes.indexOf(axis)] === n ? [] : [axis]);
  const kept = along(b, support, repeated);
  return b.reshape(kept, from.map((_, k) => kept.shape[axes[k]!]!));
};

/** Where a condition, of the shape of what it chooses, is true, or where it is not. */
export function taken(b: Builder, condition: Variable, when: boolean): Variable {
  const producer = b.producer(condition);
  const isTrue = producer?.op === "broadcast"
    ? b.reshape(producer.inputs[0]!, compactShape(producer.params, producer.inputs[0]!.shape))
    : condition;
  return when ? isTrue : b.apply("not", isTrue);
}

/** The shape of a broadcast array with size 1 along the axes that repeat it. */
const compactShape = ({ shape, axes }: PrimitiveParameters["broadcast"], source: Shape) =>
  shape.map((_, axis) => source[axes.indexOf(axis)] ?? 1);

/** Of one operand: the entries that meet an output that counts, for any entry of the other. */
const dotGeneral: SupportRule<"dot_general"> = ({ b, support, inputs, index, params: p }) => {
  const left = index === 0;
  const [batch, contract] = left ? [p.batchLeft, p.contractLeft] : [p.batchRight, p.contractRight];
  const free = (side: 0 | 1) => {
    const bound = side === 0 ? [...p.batchLeft, ...p.contractLeft] : [...p.batchRight, ...p.contractRight];
    return inputs[side]!.shape.flatMap((_, axis) => bound.includes(axis) ? [] : [axis]);
  };
  const n = batch.length;
  const freeLeft = free(0).length;
  const others = left ? free(1).map((_, i) => n + freeLeft + i) : free(0).map((_, i) => n + i);
  const kept = along(b, support, others);
  // Where each axis of the operand is in the output; contracted axes take one of size 1 that was reduced, or come in afterwards
  const own = free(left ? 0 : 1);
  const place = (axis: number) =>
    batch.includes(axis) ? batch.indexOf(axis) : n + (left ? 0 : freeLeft) + own.indexOf(axis);
  const shape = inputs[index]!.shape;
  const named = shape.flatMap((_, axis) => contract.includes(axis) ? [] : [axis]);
  const permutation = [...named.map(place), ...others];
  const ordered = b.one("transpose", [kept], { permutation });
  let k = 0;
  return b.reshape(ordered, shape.map((_, axis) => contract.includes(axis) ? 1 : ordered.shape[k++]!));
};

type Convolution = "conv" | "conv_input_gradient" | "conv_filter_gradient";

/** A convolution joins an image [n, c, h, w], a filter [o, c / groups, kh, kw] and a map [n, o, h', w']. Of an image or a map the
 *  places are followed, of a filter the channels: those of the output that counts. */
function convolution<P extends Convolution>(op: P): SupportRule<P> {
  return ({ b, support, inputs, index, output, params }) => {
    const { stride, padding, dilation, groups } = params;
    const rank = 4;
    const channel = (axis: number, place: number) => {
      if (groups > 1) return uniform(b, along(b, support, [0, 1, 2, 3]), rank);
      const channels = along(b, support, [0, 1, 2, 3].filter((k) => k !== axis));
      return b.reshape(channels, [0, 1, 2, 3].map((k) => k === place ? channels.shape[axis]! : 1));
    };
    if (op === "conv_filter_gradient") return index === 0 ? channel(1, 1) : channel(0, 1);
    if (index === 1) return op === "conv" ? channel(1, 0) : channel(1, 1);
    const across = along(b, support, [1]);
    const { dtype } = inputs[0]!;
    const sizes = (x: ArrayType) => x.shape.slice(2) as unknown as readonly [number, number];
    const window = b.fill(1, { dtype, shape: [1, 1, ...sizes(inputs[1]!)] });
    const places = b.convert(spread(b, across, [across.shape[0]!, 1, ...sizes(output)]), dtype);
    const geometry = { stride, padding, dilation, groups: 1 };
    const reached = op === "conv"
      ? b.one("conv_input_gradient", [places, window], { ...geometry, inputSize: sizes(inputs[0]!) })
      : b.one("conv", [places, window], geometry);
    return b.apply("gt", reached, b.fill(0.5, reached));
  };
}

/** Systems of a batch are solved one by one. */
const solve: SupportRule<"solve"> = ({ b, support, inputs }) => {
  const rank = inputs[1]!.shape.length;
  return along(b, support, [rank - 2, rank - 1]);
};

const supportRules: { readonly [P in PrimitiveName]?: SupportRule<P> } = {
  neg: same,
  convert: same,
  add: same,
  sub: same,
  mul: same,
  div: same,
  reduce_sum: reduceSum,
  reshape: moved("reshape"),
  transpose: ({ b, support, params: { permutation } }) =>
    b.one("transpose", [support], { permutation: permutation.map((_, axis) => permutation.indexOf(axis)) }),
  broadcast,
  slice: moved("slice"),
  pad: moved("pad"),
  concat: moved("concat"),
  reverse: ({ b, support, params }) => b.one("reverse", [support], params),
  gather: moved("gather", "i32"),
  scatter_add: moved("scatter_add"),
  dot_general: dotGeneral,
  conv: convolution("conv"),
  conv_input_gradient: convolution("conv_input_gradient"),
  conv_filter_gradient: convolution("conv_filter_gradient"),
  solve,
};
