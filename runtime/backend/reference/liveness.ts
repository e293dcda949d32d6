// Which equations are needed, which values share their bytes, and when is each value read for the last time?
import type { Equation, IrFunction, Variable } from "../../ir/types.ts";

/** What has to be known of a function before its values get places. */
export interface Liveness {
  /** Equations that some output depends on, in order. */
  readonly needed: readonly Equation[];
  /** The variable whose bytes a variable shares, itself for most. */
  readonly root: (variable: Variable) => Variable;
  /** Index in `needed` of the last equation that reads a root; Infinity for outputs; -1 for what nothing reads. */
  readonly lastUse: (root: Variable) => number;
}

/** True when the equation only gives its input a new type: the bytes are shared. */
export function isRenaming(equation: Equation): boolean {
  if (equation.op === "reshape" || equation.op === "stop_gradient") return true;
  return equation.op === "convert" && equation.inputs[0]!.dtype === equation.params.dtype;
}

/** One walk backwards for what is needed, one forwards for who reads what. */
export function analyseLiveness(fn: IrFunction): Liveness {
  const used = new Set<Variable>(fn.outputs);
  const needed: Equation[] = [];
  for (let i = fn.equations.length - 1; i >= 0; i--) {
    const equation = fn.equations[i]!;
    if (!equation.outputs.some((output) => used.has(output))) continue;
    for (const input of equation.inputs) used.add(input);
    needed.push(equation);
  }
  needed.reverse();
  const roots = new Map<Variable, Variable>();
  const root = (variable: Variable) => roots.get(variable) ?? variable;
  const lastUses = new Map<Variable, number>();
  needed.forEach((equation, i) => {
    if (isRenaming(equation)) roots.set(equation.outputs[0]!, root(equation.inputs[0]!));
    else for (const input of equation.inputs) lastUses.set(root(input), i);
  });
  for (const output of fn.outputs) lastUses.set(root(output), Infinity);
  return { needed, root, lastUse: (variable) => lastUses.get(variable) ?? -1 };
}
