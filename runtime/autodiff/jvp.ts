// Forward mode: how does a function's value move when its inputs move? The first step of every gradient.
import { Builder } from "../ir/builder.ts";
import { type IrFunction, isFloat, type PrimitiveName, type Variable } from "../ir/types.ts";
import { jvpRules } from "./jvp_rules.ts";
import { type Dual, type JvpArguments, type JvpRule, materialize, type Tangent } from "./tangent.ts";
import { valueIn } from "../ir/structured.ts";

/** A function with its tangents. */
export interface JvpFunction {
  /** (inputs …, tangents of the flagged inputs …) -> (outputs …, tangents of the flagged outputs …). */
  readonly fn: IrFunction;
  /** Which outputs have a tangent. */
  readonly tangents: readonly boolean[];
}

/** Differentiates a function along tangents of its flagged inputs (floats only; other flags are ignored).
 *  By default the tangent of an output that cannot move is left out. With `outputs`, exactly the flagged outputs get a
 *  tangent: zeros where it cannot move, none where it was not asked for. */
export function jvpFunction(
  fn: IrFunction,
  hasTangent: readonly boolean[],
  outputs?: readonly boolean[],
): JvpFunction {
  const b = new Builder(fn.name);
  const primals = fn.inputs.map((v) => b.inputLike(v));
  const tangents = fn.inputs.map((v, i) =>
    hasTangent[i] && isFloat(v.dtype) ? b.input(v, v.name === undefined ? undefined : `d ${v.name}`) : undefined
  );
  const dual = jvpInto(b, fn, primals, tangents);
  const moved = dual.outputs.map((y, i) => {
    if (!outputs) return dual.tangents[i];
    return outputs[i] ? materialize(b, dual.tangents[i], y) : undefined;
  });
  return {
    fn: b.finish([...dual.outputs, ...moved.filter((t) => t !== undefined)]),
    tangents: moved.map((t) => t !== undefined),
  };
}

/** Writes a function and its tangents into a builder: the values of its inputs and their tangents are given. */
export function jvpInto(
  b: Builder,
  fn: IrFunction,
  inputs: readonly Variable[],
  tangents: readonly Tangent[],
): Dual {
  const values = new Map<Variable, Variable>();
  const moved = new Map<Variable, Variable>();
  const set = (variable: Variable, value: Variable, tangent: Tangent) => {
    values.set(variable, value);
    if (tangent && b.uniformValue(tangent) !== 0) moved.set(variable, tangent);
  };
  const read = (variable: Variable) => valueIn(values, variable, fn);
  fn.inputs.forEach((input, i) => set(input, inputs[i]!, tangents[i]));
  const origin = b.origin;
  for (const equation of fn.equations) {
    b.origin = equation.origin ?? origin;
    const operands = equation.inputs.map(read);
    const directions = equation.inputs.map((x) => moved.get(x));
    if (directions.every((t) => t === undefined)) {
      const outputs = b.emit(equation.op, operands, equation.params);
      equation.outputs.forEach((output, i) => set(output, outputs[i]!, undefined));
      continue;
    }
    const rule = jvpRules[equation.op] as JvpRule<PrimitiveName>;
    const args: JvpArguments<PrimitiveName> = {
      b,
      inputs: operands,
      tangents: directions,
      params: equation.params,
      jvp: jvpInto,
    };
    const dual = rule(args);
    equation.outputs.forEach((output, i) => set(output, dual.outputs[i]!, dual.tangents[i]));
  }
  b.origin = origin;
  return { outputs: fn.outputs.map(read), tangents: fn.outputs.map((output) => moved.get(output)) };
}
