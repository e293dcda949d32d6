// What does `~` make? Numbers of a distribution from random bits, which depend on where the draw stands and on nothing else. Written
// as equations, so that compiled loops draw inside.
import { type ArrayType, sameShape, type Shape, type Variable } from "../../runtime/ir/types.ts";
import { addressOf, type DrawName } from "./draw_keys.ts";
import { rowsAsIn } from "./row_origins.ts";
import { isLibrary, type Span } from "../text/source.ts";
import { fail } from "../world/report.ts";
import type { Context, Value } from "../world/world.ts";
import type {
  BaseDistribution,
  Dim,
  ErrorValue,
  FloatDistribution,
  TensorValue,
  WeightedDistribution,
  Weights,
} from "../world/value_kinds.ts";
import { outermost } from "../world/moments.ts";
import { describeValue, formatDims, namedSizes, numbersOf, shapeOf } from "../world/values.ts";
import { asFloat, broadcastBinary, broadcastDims, toTensor } from "./arithmetic.ts";
import {
  distinctIntegers,
  integersBelow,
  rangedBelow,
  reaching,
  shiftRight,
  thresholdsOf,
  weightedPlaces,
} from "./drawn_integers.ts";
import { demandedAtRun } from "./integers.ts";
import { dtypeOf } from "./sizes.ts";
import type { Binding, TypeExpression } from "../syntax/ast.ts";

/** What to write where a layer was handed a number for a distribution: mostly sizes of input and output, as elsewhere. */
function layerHint({ frames }: Context, value: Value): string {
  const use = frames.find((f) => !isLibrary(f.span.source));
  return use?.callee === "dense" && value.kind === "static" && Number.isInteger(value.value) && value.value > 0
    ? "write `dense(units)`: the size of the input is taken from the call"
    : "hand over a distribution such as `normal(0, 0.1)`";
}

/** Reports `w = normal(0, 1)`. */
export function failDistribution(cx: Context, { name: { name }, value }: Binding): ErrorValue {
  return fail(cx, {
    code: "M0304",
    title: `\`${name} = …\` needs a value, not a distribution`,
    at: value!.span,
    hint: `write \`${name} ~ …\` to draw it`,
  });
}

/** Draws an array of a shape from a distribution, where the context stands. `type` is what is declared, if anything is; without a word
 *  it is float. */
export function drawInto(
  cx: Context,
  value: Value,
  dims: readonly Dim[],
  name: DrawName,
  span: Span,
  type?: TypeExpression,
): TensorValue | undefined {
  if (value.kind === "error") return undefined;
  if (value.kind !== "distribution") {
    return void fail(cx, {
      code: "M0304",
      title: `\`${name.called ?? name.drawnAs}\` is drawn from a distribution, not from ${describeValue(value)}`,
      at: span,
      // where a layer draws, only the argument can be changed
      hint: isLibrary(span.source)
        ? layerHint(cx, value)
        : `write \`${name.value ?? "="}\` for a value, or a distribution such as \`normal(0, 1)\``,
    });
  }
  const base = value.make(dims);
  if (base.kind === "error" || !fitsType(cx, base, dims, name, span, type)) return undefined;
  const { b } = cx;
  const before = b.origin;
  b.origin = span;
  try {
    return drawnOf(cx, base, dims, name, span);
  } finally {
    b.origin = before;
  }
}

/** What the entries are that a family draws. */
const drawnTypes: Readonly<Record<BaseDistribution["family"], "float" | "int" | "bool">> = {
  uniform: "float",
  normal: "float",
  truncated_normal: "float",
  choice: "int",
  permutation: "int",
  categorical: "int",
  bernoulli: "bool",
};

/** True when a declared type is that of what is drawn. Else reported. */
function fitsType(
  cx: Context,
  { family }: BaseDistribution,
  dims: readonly Dim[],
  name: DrawName,
  span: Span,
  type: TypeExpression | undefined,
): boolean {
  const drawn = drawnTypes[family];
  const declared = type ? type.dtype?.name ?? "float" : name.floats ? "float" : drawn;
  if (declared === drawn) return true;
  if (!dtypeOf(declared, cx.elaboration.precision)) return false; // no type: reported with the declarations
  const called = name.called ?? name.drawnAs;
  fail(cx, {
    code: "M0304",
    title: `\`${family}\` draws ${drawn} ${formatDims(dims)}, and \`${called}\` is ${declared}`,
    at: span,
    secondary: type && !isLibrary(type.span.source) ? [{ span: type.span, message: "declared here" }] : [],
    hint: name.floats
      ? `draw it in a task, a model or \`data\`, such as \`i : ${drawn} ${formatDims(dims)} ~ …\``
      : drawn === "float"
      ? "leave out the word, or draw from `choice(n)`"
      : `declare it as ${drawn} ${formatDims(dims)}`,
  });
  return false;
}

function drawnOf(
  cx: Context,
  base: BaseDistribution,
  dims: readonly Dim[],
  name: DrawName,
  span: Span,
): TensorValue | undefined {
  if ("weights" in base) return drawWeighted(cx, base, dims, name, span);
  if ("count" in base) {
    const { count, family } = base;
    return family === "choice" ? drawIntegers(cx, dims, count, name) : drawPermutation(cx, dims, count, name, span);
  }
  return transformUniform(cx, { kind: "tensor", variable: drawUniform(cx, dims, name), dims }, base, span);
}

/** Uniform draws strictly between 0 and 1: the middle of one of 2^52 equal cells (f64), of that one of 2^23 equal cells in which this
 *  lies (f32). The first words are the high ones, whatever the precision. */
function drawUniform(cx: Context, dims: readonly Dim[], name: DrawName): Variable {
  const { b, world, elaboration: { precision } } = cx;
  const type = { dtype: precision, shape: shapeOf(dims) };
  // only its shape matters then
  if (world.consumer.dry) return outermost(world).b.input(type, name.drawnAs);
  const middle = (cell: Variable, width: number) =>
    b.apply("mul", b.apply("add", cell, b.fill(0.5, type)), b.fill(width, type));
  if (precision === "f32") {
    const [word] = drawWords(cx, type.shape, name, 1);
    return middle(b.convert(shiftRight(b, word!, 9), "f32"), 2 ** -23);
  }
  const [high, low] = drawWords(cx, type.shape, name, 2).map((word) => b.convert(shiftRight(b, word, 6), "f64"));
  return middle(b.apply("add", b.apply("mul", high!, b.fill(2 ** 26, type)), low!), 2 ** -52);
}

/** Draws of whole numbers 0 .. n - 1, each as likely as the others to n / 2^64, the same in every precision. */
export function drawIntegers(cx: Context, dims: readonly Dim[], n: number, name: DrawName): TensorValue {
  const type = { dtype: "i32", shape: shapeOf(dims) } as const;
  const placed = drawnDry(cx, type, name);
  if (placed) return { kind: "tensor", variable: rangedBelow(placed, n), dims };
  const [high, low] = drawWords(cx, type.shape, name, 2) as [Variable, Variable];
  return { kind: "tensor", variable: integersBelow(cx.b, [high, low], cx.b.fill(n, type), n), dims };
}

/** Different whole numbers of 0 .. n - 1 along the last axis, in random order, the same in every precision. `counts` (i32): the n, of a
 *  shape that broadcasts to the axes before the last one, where they are computed; `most` is the largest that they can be. */
export function drawDistinct(
  cx: Context,
  dims: readonly Dim[],
  { counts, most }: { readonly counts?: Variable; readonly most: number },
  name: DrawName,
): TensorValue {
  const { b } = cx;
  const type = { dtype: "i32", shape: shapeOf(dims) } as const;
  const placed = drawnDry(cx, type, name);
  if (placed) return { kind: "tensor", variable: rangedBelow(placed, most), dims };
  const [high, low] = drawWords(cx, type.shape, name, 2) as [Variable, Variable];
  const own = counts ? b.broadcastTo(b.reshape(counts, [...counts.shape, 1]), type.shape) : b.fill(most, type);
  return { kind: "tensor", variable: distinctIntegers(b, [high, low], own, most), dims };
}

/** What stands for a draw where only its type matters; undefined where it is made. */
export function drawnDry({ world }: Context, type: ArrayType, name: DrawName): Variable | undefined {
  return world.consumer.dry ? outermost(world).b.input(type, name.drawnAs) : undefined;
}

/** Numbers of `permutation(n)`; undefined when an axis is longer than that (reported). */
function drawPermutation(
  cx: Context,
  dims: readonly Dim[],
  count: number,
  name: DrawName,
  span: Span,
): TensorValue | undefined {
  const last = dims.at(-1);
  if (last && last.size <= count) return drawDistinct(cx, dims, { most: count }, name);
  return void fail(cx, {
    code: "M0301",
    title: last
      ? `There are ${count} different numbers to draw, and ${formatDims(dims)} asks for ${last.size} in each row`
      : "`permutation` fills the last axis, and this has none",
    at: span,
    hint: last ? "numbers that may be alike are drawn from `choice(n)`" : "one number is drawn from `choice(n)`",
    sizes: namedSizes(dims),
  });
}

/** Places in proportion to weights, or what is true with a probability. Undefined when shapes do not fit (reported). */
function drawWeighted(
  cx: Context,
  { family, weights }: WeightedDistribution,
  dims: readonly Dim[],
  name: DrawName,
  span: Span,
): TensorValue | undefined {
  const { b } = cx;
  const places = family === "categorical";
  const own = "dims" in weights ? weights.kind === "shape" ? [{ size: weights.dims.length }] : weights.dims : [];
  const rows = places ? own.slice(0, -1) : own;
  const fitting = broadcastDims(rows, dims);
  if (!fitting || !sameShape(shapeOf(fitting), shapeOf(dims))) {
    return void fail(cx, {
      code: "M0301",
      title: `The probabilities of \`${family}\` are ${formatDims(own)}, and ${formatDims(dims)} is drawn`,
      at: span,
      notes: [
        places
          ? "Along the last axis stands what is drawn from; the axes before it must fit what is drawn"
          : "There is one for all, or one for each entry",
      ],
      sizes: namedSizes(own, dims),
    });
  }
  const shape = shapeOf(dims);
  const drawn = (variable: Variable): TensorValue => ({ kind: "tensor", variable, dims });
  const weighing = weights.kind === "tensor" ? checkedWeights(cx, family, weights, span) : undefined;
  const placed = drawnDry(cx, { dtype: places ? "i32" : "bool", shape }, name);
  if (placed) return drawn(places ? rangedBelow(placed, own.at(-1)!.size) : placed);
  const wide = places ? [...shape, own.at(-1)!.size] : shape;
  if (weighing) {
    const u = drawUniform(cx, dims, name);
    if (!places) return drawn(b.apply("lt", u, b.broadcastTo(weighing, shape)));
    return drawn(weightedPlaces(b, b.reshape(u, [...shape, 1]), weighing, (all) => checkedTotal(cx, all, span)));
  }
  const words = drawWords(cx, shape, name, 2).map((word) =>
    places ? b.broadcastTo(b.reshape(word, [...shape, 1]), wide) : word
  ) as [Variable, Variable];
  const { high, low } = thresholdsOf(b, sharesOf(weights, places), shapeOf(own));
  const reached = reaching(b, words, { high: b.broadcastTo(high, wide), low: b.broadcastTo(low, wide) });
  if (!places) return drawn(b.apply("not", reached));
  return drawn(rangedBelow(b.sum(b.convert(reached, "i32"), [shape.length]), own.at(-1)!.size));
}

/** Of weights that are known now: what each and those before it make of the whole; of probabilities themselves. */
function sharesOf(weights: Weights, places: boolean): readonly number[] {
  const numbers = numbersOf(weights);
  if (!places) return numbers;
  const size = "dims" in weights && weights.kind !== "shape" ? weights.dims.at(-1)!.size : numbers.length;
  const shares: number[] = [];
  for (let row = 0; row < numbers.length; row += size) {
    const totals: number[] = [];
    for (const weight of numbers.slice(row, row + size)) totals.push((totals.at(-1) ?? 0) + weight);
    shares.push(...totals.map((total) => total / totals.at(-1)!));
  }
  return shares;
}

/** Computed probabilities, through which no derivative goes, and of which the run says where they are none. */
function checkedWeights(cx: Context, family: string, weights: TensorValue, at: Span): Variable {
  const { b } = cx;
  const { variable } = asFloat(cx, weights);
  const still = b.one("stop_gradient", [variable], { of: "probabilities" });
  const places = family === "categorical";
  // what is 1 but for the rounding of a sum of some numbers is 1
  const high = places ? Number.MAX_VALUE : 1;
  const most = places ? Number.MAX_VALUE : 1 + 2 ** -20;
  const inside = (x: Variable) => b.apply("and", b.apply("ge", x, b.fill(0, x)), b.apply("le", x, b.fill(most, x)));
  const checked = demandedAtRun(
    cx,
    still,
    { low: 0, high, subject: `a probability of \`${family}\``, reason: "it is how often something is drawn", at },
    b.apply("not", inside(still)),
  );
  return checked;
}

/** The sum of computed probabilities of one draw, of which the run says where it is 0. */
function checkedTotal(cx: Context, all: Variable, at: Span): Variable {
  const { b } = cx;
  return demandedAtRun(
    cx,
    all,
    {
      low: Number.MIN_VALUE,
      high: Number.MAX_VALUE,
      subject: "the sum of the probabilities of `categorical`",
      reason: "something must be drawn",
      at,
    },
    b.apply("not", b.apply("gt", all, b.fill(0, all))),
  );
}

/** Arrays of random words (i32, full 32 bits), of one address. */
export function drawWords(cx: Context, shape: Shape, name: DrawName, count: number): readonly Variable[] {
  const { b } = cx;
  const { key, counter } = addressOf(cx, name);
  if (count === 1) return [b.one("random_bits", [key, counter], { shape })];
  const bits = b.one("random_bits", [key, counter], { shape: [count, ...shape] });
  return Array.from({ length: count }, (_, k) => b.reshape(b.rows(bits, k, k + 1), shape));
}

/** Inverse distribution functions of the families. */
function transformUniform(
  cx: Context,
  u: TensorValue,
  base: FloatDistribution,
  span: Span,
): TensorValue | undefined {
  const { b } = cx;
  const a = toTensor(cx, base.a, "float");
  const second = toTensor(cx, base.b, "float");
  if (a.kind === "error" || second.kind === "error") return undefined;
  const arithmetic = (op: "add" | "sub" | "mul", x: TensorValue, y: TensorValue) => {
    const result = broadcastBinary(cx, op, x, y, span);
    return result.kind === "error" ? undefined : result;
  };
  const constant = (value: number): TensorValue => ({ ...u, variable: b.fill(value, u.variable) });
  const unit = (): TensorValue => {
    if (base.family === "uniform") return u;
    // normal: sqrt(2) erf_inv(2 u - 1); truncated at two standard deviations: u between Phi(-2) and Phi(2)
    const width = base.family === "normal" ? 1 : TWO_SIGMA;
    const centred = b.apply(
      "mul",
      b.apply("sub", b.apply("mul", u.variable, constant(2).variable), constant(1).variable),
      constant(width).variable,
    );
    return { ...u, variable: b.apply("mul", b.apply("erf_inv", centred), constant(Math.SQRT2).variable) };
  };
  const scale = base.family === "uniform" ? arithmetic("sub", second, a) : second;
  const scaled = scale && arithmetic("mul", scale, unit());
  const result = scaled && arithmetic("add", a, scaled);
  if (result && !sameShape(shapeOf(result.dims), shapeOf(u.dims))) {
    const wider = [a, second].find((x) => x.dims.length > 0)!;
    return void fail(cx, {
      code: "M0301",
      title: `An argument of this distribution is ${formatDims(wider.dims)}, and ${formatDims(u.dims)} is drawn`,
      at: span,
      sizes: namedSizes(wider.dims, u.dims),
    });
  }
  return result && { ...result, dims: rowsAsIn(u.dims, result.dims) };
}

/** erf(2 / sqrt(2)): the probability of less than two standard deviations. Source: 0.9544997361036416 (2 Phi(2) - 1). */
const TWO_SIGMA = 0.9544997361036416;
