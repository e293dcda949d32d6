// What does `~` make? Numbers of a distribution from random bits, which depend on where the draw stands and on nothing else. Written
// as equations, so that compiled loops draw inside.
import type { Builder } from "../../runtime/ir/builder.ts";
import { setRange } from "../../runtime/ir/ranges.ts";
import { InternalError } from "../../runtime/errors.ts";
import { sameShape, type Shape, type Variable } from "../../runtime/ir/types.ts";
import { addressOf, type DrawName } from "./draw_keys.ts";
import { rowsAsIn } from "./row_origins.ts";
import { isLibrary, type Span } from "../text/source.ts";
import { fail } from "../world/report.ts";
import type { Context, Value } from "../world/world.ts";
import type { BaseDistribution, Dim, ErrorValue, TensorValue } from "../world/value_kinds.ts";
import { outermost } from "../world/moments.ts";
import { describeValue, formatDims, namedSizes, shapeOf } from "../world/values.ts";
import { broadcastBinary, toTensor } from "./arithmetic.ts";
import type { Binding } from "../syntax/ast.ts";

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

/** Draws an array of a shape from a distribution, where the context stands. */
export function drawInto(
  cx: Context,
  value: Value,
  dims: readonly Dim[],
  name: DrawName,
  span: Span,
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
  if (base.kind === "error") return undefined;
  const uniform: TensorValue = { kind: "tensor", variable: drawUniform(cx, dims, name), dims };
  return transformUniform(cx, uniform, base, span);
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

/** Draws of whole numbers 0 .. n - 1, each as likely as the others to n / 2^64, the same in every precision. `n` is at most 2^30. */
export function drawIntegers(cx: Context, dims: readonly Dim[], n: number, name: DrawName): TensorValue {
  const { b, world } = cx;
  const shape = shapeOf(dims);
  const type = { dtype: "i32", shape } as const;
  const drawn = (variable: Variable): TensorValue => {
    setRange(variable, { low: 0, high: n - 1, attained: true });
    return { kind: "tensor", variable, dims };
  };
  if (world.consumer.dry) return drawn(outermost(world).b.input(type, name.drawnAs));
  // floor(u n / 2^64) for the 64 bits u, digit by digit from the lowest, with digits for which no product exceeds 2^31
  const bits = [16, 8, 4, 2, 1].find((k) => n <= 2 ** (31 - k));
  if (bits === undefined) throw new InternalError(`A draw among ${n} numbers`);
  const [high, low] = drawWords(cx, shape, name, 2);
  let variable = b.fill(0, type);
  for (const word of [low!, high!]) {
    for (let at = 0; at < 32; at += bits) {
      const digit = b.apply("and", shiftRight(b, word, at), b.fill(2 ** bits - 1, type));
      variable = shiftRight(b, b.apply("add", b.apply("mul", digit, b.fill(n, type)), variable), bits);
    }
  }
  return drawn(variable);
}

/** Arrays of random words (i32, full 32 bits), of one address. */
function drawWords(cx: Context, shape: Shape, name: DrawName, count: number): readonly Variable[] {
  const { b } = cx;
  const { key, counter } = addressOf(cx, name);
  if (count === 1) return [b.one("random_bits", [key, counter], { shape })];
  const bits = b.one("random_bits", [key, counter], { shape: [count, ...shape] });
  return Array.from({ length: count }, (_, k) => b.reshape(b.rows(bits, k, k + 1), shape));
}

function shiftRight(b: Builder, x: Variable, by: number): Variable {
  return by === 0 ? x : b.apply("shift_right", x, b.fill(by, x));
}

/** Inverse distribution functions of the families. */
function transformUniform(
  cx: Context,
  u: TensorValue,
  base: BaseDistribution,
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
