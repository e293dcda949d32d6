// What are the derivatives of a function? Everything that is put together from jvp, partial evaluation and transposition:
// products with the transposed Jacobian, and the gradient of a scalar.
import { Builder } from "../ir/builder.ts";
import { eliminateDeadCode } from "../ir/dead_code.ts";
import { type GradientMode, type IrFunction, isFloat, sizeOf, type Variable } from "../ir/types.ts";
import { finishGradients, type FinishOptions } from "./finish.ts";
import { jvpFunction, jvpInto } from "./jvp.ts";
import { partialEvalInto } from "./partial_eval.ts";
import { scaleFactors } from "./scale_factors.ts";
import { everywhere } from "./supports.ts";
import { transposeRemainder } from "./transpose.ts";

/** Products with the transposed Jacobian: (inputs …, a cotangent for each float output …) -> (outputs …, a cotangent for
 *  each input of `wrt` …). */
export function vjpFunction(fn: IrFunction, wrt: readonly number[]): IrFunction {
  const b = new Builder(fn.name);
  const inputs = fn.inputs.map((v) => b.inputLike(v));
  const moving = fn.outputs.map((v) => isFloat(v.dtype));
  const cotangents = fn.outputs.map((v, i) => moving[i] ? b.input(v) : undefined);
  const cotangent = (_: Variable, i: number) => cotangents[i]!;
  const { outputs, gradients } = vjpInto(b, fn, { inputs, wrt, moving, cotangent });
  return eliminateDeadCode(b.finish([...outputs, ...gradients]));
}

/** How `valueAndGradient` goes about it. */
export interface GradientOptions extends FinishOptions {
  /** `reverse` (default): cost independent of the number of inputs, memory grows with the length of loops. `forward`:
   *  one pass per entry of the inputs of `wrt`, nothing kept. */
  readonly mode?: GradientMode;
}

/** The value of a function whose first output is a float scalar, and its gradient:
 *  (inputs …) -> (outputs …, d outputs[0] / d inputs[w] for w of `wrt` …); each gradient has its input's type. */
export function valueAndGradient(fn: IrFunction, wrt: readonly number[], options: GradientOptions = {}): IrFunction {
  const b = new Builder(fn.name);
  const inputs = fn.inputs.map((v) => b.inputLike(v));
  const results = gradientInto(b, fn, { inputs, wrt, mode: options.mode ?? "reverse" });
  return finishGradients(b.finish(results), options);
}

/** Writes `valueAndGradient` into a builder. */
export function gradientInto(
  b: Builder,
  fn: IrFunction,
  given: { readonly inputs: readonly Variable[]; readonly wrt: readonly number[]; readonly mode: GradientMode },
): readonly Variable[] {
  if (given.wrt.length === 0) return b.inline(fn, given.inputs);
  const moved = fn.inputs.map((_, i) => given.wrt.includes(i));
  const { outputs, gradients } = given.mode === "forward"
    ? forwardInto(b, fn, given)
    : vjpInto(b, scaleFactors(fn, moved), {
      ...given,
      moving: fn.outputs.map((_, i) => i === 0),
      cotangent: (y) => b.fill(1, y),
    });
  return [...outputs, ...gradients];
}

interface Derivatives {
  readonly outputs: readonly Variable[];
  readonly gradients: readonly Variable[];
}

/** Reverse mode: the joint function of values and tangents, its known half written here, its linear half transposed. */
function vjpInto(
  b: Builder,
  fn: IrFunction,
  given: {
    readonly inputs: readonly Variable[];
    readonly wrt: readonly number[];
    /** The outputs that have a cotangent, and what it is (asked when the values stand). */
    readonly moving: readonly boolean[];
    readonly cotangent: (output: Variable, index: number) => Variable;
  },
): Derivatives {
  const { inputs, wrt, moving } = given;
  const flags = fn.inputs.map((_, i) => wrt.includes(i));
  const { fn: joint } = jvpFunction(fn, flags, moving);
  const tangents = joint.inputs.slice(fn.inputs.length);
  const rest = partialEvalInto(b, eliminateDeadCode(joint), [...inputs, ...tangents], new Set(tangents));
  const n = fn.outputs.length;
  const us = fn.outputs.flatMap((y, i) => moving[i] ? [given.cotangent(y, i)] : []);
  const cotangentOf = transposeRemainder(b, rest, [...fn.outputs.map(() => undefined), ...us.map(everywhere)]);
  const order = fn.inputs.map((_, i) => i).filter((i) => flags[i]);
  return {
    outputs: rest.outputs.slice(0, n),
    gradients: wrt.map((i) => cotangentOf(tangents[order.indexOf(i)]!)?.value ?? b.fill(0, fn.inputs[i]!)),
  };
}

/** Forward mode: one tangent for every entry of every input of `wrt`, all of them as one map over directions, in the
 *  order of `wrt` and row-major within. A single direction needs no map. */
function forwardInto(
  b: Builder,
  fn: IrFunction,
  { inputs, wrt }: { readonly inputs: readonly Variable[]; readonly wrt: readonly number[] },
): Derivatives {
  const unique = [...new Set(wrt)];
  const sizes = unique.map((i) => sizeOf(fn.inputs[i]!.shape));
  const starts = sizes.map((_, k) => sizes.slice(0, k).reduce((x, y) => x + y, 0));
  const directions = sizes.reduce((x, y) => x + y, 0);
  if (directions <= 1) {
    const tangents = fn.inputs.map((v, i) => unique.includes(i) && sizeOf(v.shape) === 1 ? b.fill(1, v) : undefined);
    const dual = jvpInto(b, fn, inputs, tangents);
    const slope = dual.tangents[0] ?? b.fill(0, fn.outputs[0]!);
    const gradients = wrt.map((i) => fn.inputs[i]!).map((v) =>
      sizeOf(v.shape) === 0 ? b.fill(0, v) : alongInput(b, slope, v)
    );
    return { outputs: dual.outputs, gradients };
  }
  const outputs = b.inline(fn, inputs);
  const scope = b.openMap(`${fn.name} along`, directions);
  const direction = scope.slice(b.one("iota", [], { type: { dtype: "i32", shape: [directions] }, axis: 0 }));
  const m = scope.body;
  const tangents = fn.inputs.map((v, i) => {
    const k = unique.indexOf(i);
    return k < 0 || sizes[k] === 0 ? undefined : basisVector(m, v, direction, starts[k]!);
  });
  const dual = jvpInto(m, fn, inputs, tangents);
  const [slopes] = scope.close([dual.tangents[0] ?? m.fill(0, fn.outputs[0]!)]);
  return {
    outputs,
    gradients: wrt.map((i) => {
      const k = unique.indexOf(i);
      const part = b.rows(slopes!, starts[k]!, starts[k]! + sizes[k]!);
      return alongInput(b, part, fn.inputs[i]!);
    }),
  };
}

/** Slopes along the entries of an input, as an array of the input's type. */
function alongInput(b: Builder, slopes: Variable, input: Variable): Variable {
  return b.convert(b.reshape(slopes, input.shape), input.dtype);
}

/** The array of `like`'s type that is 1 at entry `direction - start` (row-major) and 0 elsewhere. */
function basisVector(b: Builder, like: Variable, direction: Variable, start: number): Variable {
  const size = sizeOf(like.shape);
  const positions = b.one("iota", [], { type: { dtype: "i32", shape: [size] }, axis: 0 });
  const own = b.apply("sub", direction, b.fill(start, direction));
  const flat = b.apply("eq", positions, b.broadcastTo(own, [size]));
  return b.convert(b.reshape(flat, like.shape), like.dtype);
}
