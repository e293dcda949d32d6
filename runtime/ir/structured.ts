// Which of a scan's inputs is a constant, a carry or a stacked array, and what depends on what through its body?
// Flow questions that dead code removal and every gradient transform ask, answered once per body.
import { InternalError } from "../errors.ts";
import { type Equation, type EquationOf, type IrFunction, isFloat, type Variable } from "./types.ts";

/** What stands for a variable of a function that is gone through. */
export function valueIn<T>(values: ReadonlyMap<Variable, T>, x: Variable, fn: { readonly name: string }): T {
  const value = values.get(x);
  if (value === undefined) throw new InternalError(`Variable ${x.id} is not defined in ${fn.name}`);
  return value;
}

/** A list along the inputs of a scan or map (or of its body), cut into its three parts. A map has no carry. */
export interface Sections<T> {
  readonly constants: readonly T[];
  readonly carry: readonly T[];
  readonly stacked: readonly T[];
}

/** Cuts a list that runs along the inputs of a scan, a map or their bodies. */
export function sectionsOf<T>(
  params: { readonly constants: number; readonly carry?: number },
  list: readonly T[],
): Sections<T> {
  const end = params.constants + (params.carry ?? 0);
  return {
    constants: list.slice(0, params.constants),
    carry: list.slice(params.constants, end),
    stacked: list.slice(end),
  };
}

/** What a flow follows: every use of a value, or only the paths along which a derivative can pass. */
export type FlowKind = "use" | "tangent";

/** Primitives whose derivative is zero whatever their inputs: a tangent never passes them. */
const cutsTangents: ReadonlySet<Equation["op"]> = new Set(["stop_gradient", "sign", "floor"]);

/** For each output of `fn`, whether it depends on any flagged input. Loops are followed to their fixpoint. */
export function dependentOutputs(fn: IrFunction, flagged: readonly boolean[], kind: FlowKind): readonly boolean[] {
  return remembered(forwardFlows[kind], fn, flagged, () => {
    const marked = new Set<Variable>();
    fn.inputs.forEach((input, i) => flagged[i] && (kind === "use" || isFloat(input.dtype)) && marked.add(input));
    for (const equation of fn.equations) {
      const inputs = equation.inputs.map((x) => marked.has(x));
      if (!inputs.includes(true)) continue;
      if (kind === "tangent" && cutsTangents.has(equation.op)) continue;
      const outputs = dependentResults(equation, inputs, kind);
      equation.outputs.forEach((output, i) => {
        if (outputs[i] && (kind === "use" || isFloat(output.dtype))) marked.add(output);
      });
    }
    return fn.outputs.map((output) => marked.has(output));
  });
}

/** `dependentOutputs` of one equation, from its flagged inputs to its outputs. */
function dependentResults(equation: Equation, flagged: readonly boolean[], kind: FlowKind): readonly boolean[] {
  if (equation.op === "map") return dependentOutputs(equation.params.body, flagged, kind);
  if (equation.op === "scan") {
    const carry = dependentCarry(equation, flagged, kind);
    const { constants, stacked } = sectionsOf(equation.params, flagged);
    return dependentOutputs(equation.params.body, [...constants, ...carry, ...stacked], kind)
      .map((out, i) => out || (carry[i] ?? false));
  }
  if (equation.op === "gradient") {
    const outputs = dependentOutputs(equation.params.body, flagged, kind);
    return equation.outputs.map((_, i) => outputs[i] ?? true);
  }
  return equation.outputs.map(() => true);
}

/** The carries of a scan that depend on flagged inputs at some step: the smallest set closed under the body. */
export function dependentCarry(
  equation: EquationOf<"scan">,
  flagged: readonly boolean[],
  kind: FlowKind,
): readonly boolean[] {
  const { body } = equation.params;
  const { constants, carry, stacked } = sectionsOf(equation.params, flagged);
  let state = carry.map((flag, i) => flag && (kind === "use" || isFloat(body.outputs[i]!.dtype)));
  while (true) {
    const outputs = dependentOutputs(body, [...constants, ...state, ...stacked], kind);
    const next = state.map((flag, i) => flag || outputs[i]!);
    if (next.every((flag, i) => flag === state[i])) return next;
    state = next;
  }
}

/** For each input of `fn`, whether a live output needs it. Loops are followed to their fixpoint. */
export function neededInputs(fn: IrFunction, live: readonly boolean[]): readonly boolean[] {
  return remembered(backwardFlows, fn, live, () => {
    const needed = neededVariables(fn, live);
    return fn.inputs.map((input) => needed.has(input));
  });
}

/** Every variable of `fn` (not of its bodies) that a live output needs. */
export function neededVariables(fn: IrFunction, live: readonly boolean[]): ReadonlySet<Variable> {
  const needed = new Set<Variable>(fn.outputs.filter((_, i) => live[i]));
  for (let k = fn.equations.length - 1; k >= 0; k--) {
    const equation = fn.equations[k]!;
    if (!equation.outputs.some((output) => needed.has(output))) continue;
    if (!choosesOperands(equation)) {
      for (const input of equation.inputs) needed.add(input);
      continue;
    }
    const inputs = neededOperands(equation, equation.outputs.map((output) => needed.has(output)));
    equation.inputs.forEach((input, i) => inputs[i] && needed.add(input));
  }
  return needed;
}

/** True where it depends on the live outputs which inputs are needed: else all are. */
export function choosesOperands({ op }: Equation): boolean {
  return op === "scan" || op === "map" || op === "gradient";
}

/** `neededInputs` of one equation, from its live outputs to its inputs. Of a scan these are the inputs that it has without
 *  what is not live: a carry that is needed starts somewhere, also where no step reads the start. */
export function neededOperands(equation: Equation, live: readonly boolean[]): readonly boolean[] {
  switch (equation.op) {
    case "map":
      return neededInputs(equation.params.body, live);
    case "scan": {
      const carry = neededCarry(equation, live);
      const inputs = neededInputs(equation.params.body, [...carry, ...live.slice(carry.length)]);
      const { constants, stacked } = sectionsOf(equation.params, inputs);
      return [...constants, ...carry, ...stacked];
    }
    case "gradient": {
      const { body, wrt } = equation.params;
      const gradients = live.slice(body.outputs.length);
      const outputs = live.slice(0, body.outputs.length);
      if (gradients.includes(true)) outputs[0] = true;
      const inputs = neededInputs(body, outputs);
      return inputs.map((flag, i) => flag || gradients.some((g, k) => g && wrt[k] === i));
    }
    default:
      return equation.inputs.map(() => true);
  }
}

/** The carries of a scan that a live output needs at some step. The result of a carry that is needed only inside the
 *  loop counts too: the loop computes it. */
export function neededCarry(equation: EquationOf<"scan">, live: readonly boolean[]): readonly boolean[] {
  const { body, carry } = equation.params;
  let state = live.slice(0, carry);
  while (true) {
    const inputs = neededInputs(body, [...state, ...live.slice(carry)]);
    const next = state.map((flag, i) => flag || inputs[equation.params.constants + i]!);
    if (next.every((flag, i) => flag === state[i])) return next;
    state = next;
  }
}

type Memory = WeakMap<IrFunction, Map<string, readonly boolean[]>>;

const forwardFlows: { readonly [K in FlowKind]: Memory } = { use: new WeakMap(), tangent: new WeakMap() };
const backwardFlows: Memory = new WeakMap();

/** Functions never change, so an answer holds for good. Without this, loops nested d deep ask d times d … times. */
function remembered(
  memory: Memory,
  fn: IrFunction,
  flags: readonly boolean[],
  compute: () => readonly boolean[],
): readonly boolean[] {
  let answers = memory.get(fn);
  if (!answers) memory.set(fn, answers = new Map());
  const key = flags.map((flag) => flag ? "1" : "0").join("");
  const known = answers.get(key);
  if (known) return known;
  const answer = compute();
  answers.set(key, answer);
  return answer;
}
