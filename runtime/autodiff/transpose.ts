// Reverse mode's own step: given how the outputs of a linear function count, how do its inputs count?
import { Builder, newVariable } from "../ir/builder.ts";
import type { IrFunction, PrimitiveName, Variable } from "../ir/types.ts";
import { InternalError } from "../errors.ts";
import { type Cotangent, notLinear, type TransposeBody, type TransposeRule } from "./cotangent.ts";
import { partialEvalInto, type Remainder } from "./partial_eval.ts";
import { transposeRules } from "./transpose_rules.ts";

/** Transposes a function that is linear in its flagged inputs:
 *  (inputs that are not flagged …, a cotangent for each output …) -> (a cotangent for each flagged input …). */
export function transposeLinear(
  fn: IrFunction,
  linear: readonly boolean[],
): IrFunction {
  const b = new Builder(fn.name);
  const inputs = fn.inputs.map((v, i) => linear[i] ? undefined : b.input(v, v.name));
  const cotangents = fn.outputs.map((v) => b.input(v, v.name === undefined ? undefined : `ct ${v.name}`));
  const results = transposeInto(b, fn, { inputs, cotangents });
  return b.finish(fn.inputs.flatMap((v, i) => linear[i] ? [results[i] ?? b.fill(0, v)] : []));
}

/** Writes the transpose of `fn` into `b`. An input is given where it is known and undefined where `fn` is linear in it.
 *  Answers with the cotangents of the linear inputs, in the order of all inputs. */
export function transposeInto(
  b: Builder,
  fn: IrFunction,
  given: { readonly inputs: readonly (Variable | undefined)[]; readonly cotangents: readonly Cotangent[] },
): readonly Cotangent[] {
  const inputs = given.inputs.map((x, i) => x ?? newVariable(fn.inputs[i]!));
  const open = inputs.filter((_, i) => given.inputs[i] === undefined);
  const rest = partialEvalInto(b, fn, inputs, new Set(open));
  const cotangents = transposeRemainder(b, rest, given.cotangents);
  return inputs.map((x, i) => given.inputs[i] === undefined ? cotangents(x) : undefined);
}

/** Runs cotangents of a remainder's outputs back through its equations. Answers with each unknown's cotangent. */
export function transposeRemainder(
  b: Builder,
  rest: Remainder,
  outputs: readonly Cotangent[],
): (unknown: Variable) => Cotangent {
  const cotangents = new Map<Variable, Variable>();
  const add = (variable: Variable, u: Cotangent) => {
    if (!u || !rest.unknown.has(variable) || b.uniformValue(u) === 0) return;
    const before = cotangents.get(variable);
    cotangents.set(variable, before ? b.apply("add", before, u) : u);
  };
  const transpose: TransposeBody = (t, body, inputs, us) => transposeInto(t, body, { inputs, cotangents: us });
  rest.outputs.forEach((output, i) => add(output, outputs[i]));
  const origin = b.origin;
  for (let k = rest.equations.length - 1; k >= 0; k--) {
    const equation = rest.equations[k]!;
    const us = equation.outputs.map((output) => cotangents.get(output));
    if (us.every((u) => u === undefined)) continue;
    const rule = transposeRules[equation.op] as TransposeRule<PrimitiveName> | typeof notLinear;
    if (rule === notLinear) throw new InternalError(`${equation.op} is not linear and has no transpose`);
    b.origin = equation.origin ?? origin;
    const results = rule({
      b,
      inputs: equation.inputs.map((x) => rest.unknown.has(x) ? undefined : x),
      types: equation.inputs,
      cotangents: us,
      params: equation.params,
      transpose,
    });
    equation.inputs.forEach((input, i) => add(input, results[i]));
  }
  b.origin = origin;
  return (unknown) => cotangents.get(unknown);
}
