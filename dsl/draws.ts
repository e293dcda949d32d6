// What does `~` make? Draws that depend on the seed, the name, the consuming loop, the task and the meta-step, and on
// nothing else. Written as equations, so that compiled loops draw inside.
import type { Builder } from "../runtime/ir/builder.ts";
import { sameShape, sizeOf, type Variable } from "../runtime/ir/types.ts";
import type { Module } from "./modules.ts";
import { rowsAsIn } from "./row_origins.ts";
import type { Span } from "./source.ts";
import { fail, isLibrary } from "./elaboration.ts";
import { type Context, metaStepOf, outermost, taskOf } from "./world.ts";
import {
  type BaseDistribution,
  describeValue,
  type Dim,
  formatDims,
  namedSizes,
  shapeOf,
  type TensorValue,
  type Value,
} from "./values.ts";
import { broadcastBinary, toTensor } from "./arithmetic.ts";

/** What a draw is called: with the consumer's name, its key. */
export interface DrawName {
  readonly module: Module;
  readonly name: string;
  /** Drawn once for the whole experiment, whatever loop reads it. */
  readonly once?: boolean;
  /** Drawn anew for each inner step or sample: its number (i32 scalar). */
  readonly sample?: Variable;
  /** What is written for a value that is not drawn; `=` unless said. */
  readonly value?: string;
}

/** Draws an array of a shape from a distribution, for the task and meta-step that the context stands in. */
export function drawInto(
  cx: Context,
  value: Value,
  dims: readonly Dim[],
  name: DrawName,
  span: Span,
): TensorValue | undefined {
  if (value.kind === "error") return undefined;
  if (value.kind !== "distribution") {
    fail(cx, {
      code: "M0304",
      title: `\`${name.name}\` is drawn from a distribution, not from ${describeValue(value)}`,
      at: span,
      // where a layer draws, only the argument can be changed
      hint: isLibrary(span.source)
        ? "hand over a distribution such as `normal(0, 0.1)`"
        : `write \`${name.value ?? "="}\` for a value, or a distribution such as \`normal(0, 1)\``,
    });
    return undefined;
  }
  const base = value.make(dims);
  if (base.kind === "error") return undefined;
  const uniform: TensorValue = { kind: "tensor", variable: drawUniform(cx, dims, name), dims };
  return transformUniform(cx, uniform, base, span);
}

/** Uniform draws strictly between 0 and 1: the midpoints of 2^23 (f32) or 2^52 (f64) equal cells. */
function drawUniform(cx: Context, dims: readonly Dim[], name: DrawName): Variable {
  const { b, world, elaboration: { precision } } = cx;
  const { consumer } = world;
  const shape = shapeOf(dims);
  // only its shape matters then
  if (consumer.dry) return outermost(world).b.input({ dtype: precision, shape }, name.name);
  const seed = consumer.input({ kind: "seed" });
  const words = hash96(`${name.module.source.name}\n${name.name}\n${name.once ? "" : consumer.name}`);
  const key = b.one("random_bits", [seed, b.literal(Int32Array.from(words), { dtype: "i32", shape: [3] })], {
    shape: [2],
  });
  const task = name.once ? undefined : taskOf(world);
  const metaStep = name.once ? undefined : task ? task.metaStep : metaStepOf(world);
  const counter = b.one("concat", [
    scalarWord(b, name.sample),
    scalarWord(b, task?.index),
    scalarWord(b, metaStep),
  ], { axis: 0 });
  const type = { dtype: precision, shape };
  if (precision === "f32") {
    const bits = b.one("random_bits", [key, counter], { shape });
    const cell = shiftRight(b, bits, 9);
    return b.apply("mul", b.apply("add", b.convert(cell, "f32"), b.fill(0.5, type)), b.fill(2 ** -23, type));
  }
  const bits = b.one("random_bits", [key, counter], { shape: [sizeOf(shape), 2] });
  const word = (k: number) =>
    b.reshape(
      b.one("slice", [bits], { start: [0, k], limit: [sizeOf(shape), k + 1], stride: [1, 1] }),
      shape,
    );
  const high = b.convert(shiftRight(b, word(0), 6), "f64");
  const low = b.convert(shiftRight(b, word(1), 6), "f64");
  const cell = b.apply("add", b.apply("mul", high, b.fill(2 ** 26, type)), low);
  return b.apply("mul", b.apply("add", cell, b.fill(0.5, type)), b.fill(2 ** -52, type));
}

function scalarWord(b: Builder, variable: Variable | undefined): Variable {
  return variable ? b.reshape(variable, [1]) : b.fill(0, { dtype: "i32", shape: [1] });
}

function shiftRight(b: Builder, x: Variable, by: number): Variable {
  return b.apply("shift_right", x, b.fill(by, x));
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
    fail(cx, {
      code: "M0301",
      title: `An argument of this distribution is ${formatDims(wider.dims)}, and ${formatDims(u.dims)} is drawn`,
      at: span,
      notes: namedSizes(wider.dims, u.dims),
    });
    return undefined;
  }
  return result && { ...result, dims: rowsAsIn(u.dims, result.dims) };
}

/** erf(2 / sqrt(2)): the probability of less than two standard deviations. Source: 0.9544997361036416 (2 Phi(2) - 1). */
const TWO_SIGMA = 0.9544997361036416;

/** 96 bits of a text: three FNV-1a hashes of 32 bits with different offsets, each finished by an avalanche (the finalizer of
 *  MurmurHash3, Appleby), so that texts that differ in their last letter differ in about half of the bits. */
export function hash96(text: string): [number, number, number] {
  const bytes = new TextEncoder().encode(text);
  return [0x811c9dc5, 0x9747b28c, 0x3c6ef372].map((offset) => {
    let h = offset | 0;
    for (const byte of bytes) h = Math.imul(h ^ byte, 0x01000193);
    h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
    return (h ^ (h >>> 16)) | 0;
  }) as [number, number, number];
}
