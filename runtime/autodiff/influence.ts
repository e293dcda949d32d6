// Which inputs can move an output at all? Asked before a run, so that a meta-parameter that cannot act (a momentum over one
// step, a value behind `stop_gradient`) is reported instead of being given zeros. Values are followed through loops step
// by step, with just enough known of each to see exact zeros.
import { sectionsOf } from "../ir/structured.ts";
import {
  type Equation,
  type EquationOf,
  implicitScalars,
  type IrFunction,
  isFloat,
  isRequest,
  type PrimitiveName,
  type Variable,
} from "../ir/types.ts";
import { type Abstract, anything, equal, join, maximalRows, row, stackOf, whole } from "./abstract.ts";
import { expandGradients } from "./expand_gradients.ts";
import { type InfluenceRule, influenceRules } from "./influence_rules.ts";

/** Steps of a loop that are followed one by one; what comes after is taken together. Enough for every schedule that
 *  starts with something special, and a bound on the work: loops in loops multiply. */
const followedSteps = 32;

/** The inputs of `fn` with respect to which the derivative of output `output` does not vanish identically, as far as can
 *  be seen: an input may be listed that has no influence, never the reverse. */
export function influences(fn: IrFunction, output: number): Set<number> {
  return allInfluences(fn)[output]!;
}

/** `influences` for every output. */
export function allInfluences(fn: IrFunction): readonly Set<number>[] {
  const expanded = expandGradients(fn, { solves: "keep" });
  const inputs = fn.inputs.map((v, k) => anything(isFloat(v.dtype) ? 1n << BigInt(k) : 0n));
  return follow(expanded, inputs).map(({ reached }) =>
    new Set(fn.inputs.map((_, k) => k).filter((k) => (reached >> BigInt(k) & 1n) === 1n))
  );
}

/** What is known of the outputs of a function when this is known of its inputs. */
function follow(fn: IrFunction, inputs: readonly Abstract[]): readonly Abstract[] {
  const known = new Map<Variable, Abstract>();
  fn.inputs.forEach((v, i) => known.set(v, inputs[i]!));
  for (const equation of fn.equations) {
    const outputs = followEquation(equation, equation.inputs.map((x) => known.get(x)!));
    equation.outputs.forEach((output, i) => known.set(output, outputs[i]!));
  }
  return fn.outputs.map((output) => known.get(output)!);
}

function followEquation(equation: Equation, inputs: readonly Abstract[]): readonly Abstract[] {
  if (equation.op === "scan") return followScan(equation, inputs);
  if (equation.op === "map") return followMap(equation, inputs);
  if (isRequest(equation.op)) return followRequest(equation, inputs);
  const rule = influenceRules[equation.op] as InfluenceRule<PrimitiveName>;
  return [rule({ inputs, types: equation.inputs, type: equation.outputs[0]!, params: equation.params })];
}

/** What reaches w by a derivative that is not that of the code. */
function followRequest(equation: Equation, inputs: readonly Abstract[]): readonly Abstract[] {
  if (equation.op === "check") return inputs.slice(0, 1);
  let reached = 0n;
  if (equation.op === "implicit") {
    const { body, constants } = equation.params;
    const own = inputs.slice(implicitScalars);
    const still = own.slice(constants).map(() => anything(0n));
    for (const x of follow(body, [...own.slice(0, constants), ...still])) reached |= x.reached;
  } else if (equation.op === "finite_difference") {
    // c acts where df/dc depends on v
    const { body, constants } = equation.params;
    const floats = inputs.slice(1, 1 + constants).filter((_, i) => isFloat(equation.inputs[1 + i]!.dtype));
    const slopes = follow(body, body.inputs.map((_, i) => anything(i < constants ? 0n : 1n)));
    floats.forEach((x, i) => reached |= slopes[i]!.reached === 0n ? 0n : x.reached);
  } else {
    for (const x of inputs) reached |= x.reached;
  }
  return equation.outputs.map((x) => anything(isFloat(x.dtype) ? reached : 0n));
}

function followMap({ params, outputs }: EquationOf<"map">, inputs: readonly Abstract[]): readonly Abstract[] {
  const { constants, stacked } = sectionsOf(params, inputs);
  if (params.length > maximalRows || stacked.every((x) => !x.rows)) {
    return follow(params.body, [...constants, ...stacked.map(whole)]).map(whole);
  }
  const iterations = Array.from(
    { length: params.length },
    (_, i) => follow(params.body, [...constants, ...stacked.map((x) => row(x, i))]),
  );
  return outputs.map((_, k) => stackOf(iterations.map((results) => results[k]!)));
}

function followScan({ params }: EquationOf<"scan">, inputs: readonly Abstract[]): readonly Abstract[] {
  const { body, length, carry, reverse } = params;
  const { constants, carry: initial, stacked } = sectionsOf(params, inputs);
  const at = (step: number) => reverse ? length - 1 - step : step;
  const slicesAt = (step: number) => stacked.map((x) => row(x, at(step)));
  const records: (readonly Abstract[])[] = Array(length);
  let state = initial;
  let step = 0;
  // From here on every slice is like the next one
  const settled = stacked.every((x) => !x.rows);
  for (; step < Math.min(length, followedSteps); step++) {
    const results = follow(body, [...constants, ...state, ...slicesAt(step)]);
    records[at(step)] = results.slice(carry);
    const next = results.slice(0, carry);
    const repeats = next.every((a, i) => equal(a, state[i]!));
    state = next;
    if (repeats && settled) {
      for (step++; step < length; step++) records[at(step)] = results.slice(carry);
    }
  }
  if (step < length) {
    const rest = stacked.map((x) => {
      let all = row(x, at(step));
      for (let s = step + 1; x.rows && s < length; s++) all = join(all, row(x, at(s)));
      return all;
    });
    let results: readonly Abstract[];
    while (true) {
      results = follow(body, [...constants, ...state, ...rest]);
      const next = state.map((a, i) => join(a, results[i]!));
      if (next.every((a, i) => equal(a, state[i]!))) break;
      state = next;
    }
    for (; step < length; step++) records[at(step)] = results.slice(carry);
  }
  const outputs = body.outputs.slice(carry);
  return [
    ...state,
    ...outputs.map((_, k) => length > 0 ? stackOf(records.map((results) => results[k]!)) : anything(0n)),
  ];
}
