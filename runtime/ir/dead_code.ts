// Which equations does nothing need? The last pass after every transform: transforms write freely and leave the sweeping
// to this one, which also reaches into the bodies of loops.
import { bodyOf, type Equation, type EquationOf, type IrFunction, type Variable } from "./types.ts";
import { choosesOperands, neededInputs, neededOperands, neededVariables, sectionsOf } from "./structured.ts";

/** The same function without the equations that no output needs. Inside `scan`, `map` and `gradient` this goes on:
 *  unused stacked outputs, carries that only feed themselves, unused constants and stacked inputs disappear, and a carry
 *  that the body hands on untouched becomes a constant. Inputs and outputs of `fn` itself stay as they are. */
export function eliminateDeadCode(fn: IrFunction): IrFunction {
  return sweep(forwardAll(fn), fn.inputs.map(() => true), fn.outputs.map(() => true));
}

/** `fn` with only the kept inputs and live outputs. The dropped inputs must not be needed by them. */
function sweep(fn: IrFunction, keep: readonly boolean[], live: readonly boolean[]): IrFunction {
  const needed = neededVariables(fn, live);
  const equations: Equation[] = [];
  for (const equation of fn.equations) {
    if (!equation.outputs.some((output) => needed.has(output))) continue;
    equations.push(
      choosesOperands(equation) ? sweepEquation(equation, equation.outputs.map((x) => needed.has(x))) : equation,
    );
  }
  return {
    name: fn.name,
    inputs: fn.inputs.filter((_, i) => keep[i]),
    equations,
    outputs: fn.outputs.filter((_, i) => live[i]),
  };
}

function sweepEquation(equation: Equation, live: readonly boolean[]): Equation {
  switch (equation.op) {
    case "scan":
      return sweepScan(equation, live);
    case "map":
      return sweepMap(equation, live);
    case "gradient":
      return sweepGradient(equation, live);
    default:
      return equation;
  }
}

function sweepScan(equation: EquationOf<"scan">, live: readonly boolean[]): Equation {
  const { body, carry } = equation.params;
  const keep = neededOperands(equation, live);
  const sections = sectionsOf(equation.params, keep);
  const keptOutputs = [...sections.carry, ...live.slice(carry)];
  return {
    ...equation,
    inputs: equation.inputs.filter((_, i) => keep[i]),
    outputs: equation.outputs.filter((_, i) => keptOutputs[i]),
    params: {
      ...equation.params,
      body: sweep(body, keep, keptOutputs),
      constants: count(sections.constants),
      carry: count(sections.carry),
    },
  };
}

function sweepMap(equation: EquationOf<"map">, live: readonly boolean[]): Equation {
  const { body, constants } = equation.params;
  const keep = neededInputs(body, live);
  return {
    ...equation,
    inputs: equation.inputs.filter((_, i) => keep[i]),
    outputs: equation.outputs.filter((_, i) => live[i]),
    params: { ...equation.params, body: sweep(body, keep, live), constants: count(keep.slice(0, constants)) },
  };
}

function sweepGradient(equation: EquationOf<"gradient">, live: readonly boolean[]): Equation {
  const { body, wrt } = equation.params;
  const n = body.outputs.length;
  const keptWrt = wrt.filter((_, k) => live[n + k]);
  // The first output stays where something is asked of it: it is what is differentiated
  const keptOutputs = body.outputs.map((_, i) => live[i]! || i === 0 && keptWrt.length > 0);
  const needed = neededInputs(body, keptOutputs);
  const keep = needed.map((flag, i) => flag || keptWrt.includes(i));
  const position = (i: number) => count(keep.slice(0, i));
  return {
    ...equation,
    inputs: equation.inputs.filter((_, i) => keep[i]),
    outputs: equation.outputs.filter((_, i) => i < n ? keptOutputs[i] : live[i]),
    params: { ...equation.params, body: sweep(body, keep, keptOutputs), wrt: keptWrt.map(position) },
  };
}

/** `fn` with the untouched carries of its loops made constants, innermost loops first: what an inner loop hands on may be
 *  all that an outer one does to a carry. */
function forwardAll(fn: IrFunction): IrFunction {
  const renamed = new Map<Variable, Variable>();
  const read = (x: Variable) => renamed.get(x) ?? x;
  let changed = false;
  const equations = fn.equations.map((equation) => {
    let result = equation;
    const own = bodyOf(equation);
    if (own) {
      const body = forwardAll(own);
      if (body !== own) result = { ...equation, params: { ...equation.params, body } } as Equation;
    }
    if (renamed.size > 0 && result.inputs.some((x) => renamed.has(x))) {
      result = { ...result, inputs: result.inputs.map(read) } as Equation;
    }
    if (result.op === "scan") result = forwardCarries(result, renamed);
    changed ||= result !== equation;
    return result;
  });
  return changed ? { ...fn, equations, outputs: fn.outputs.map(read) } : fn;
}

/** Turns the carries that the body returns untouched into constants; their results are the initial values. */
function forwardCarries(equation: EquationOf<"scan">, renamed: Map<Variable, Variable>): Equation {
  const { params } = equation;
  const { body } = params;
  const inner = sectionsOf(params, body.inputs);
  const same = inner.carry.map((input, k) => body.outputs[k] === input);
  if (!same.includes(true)) return equation;
  const outer = sectionsOf(params, equation.inputs);
  const keep = (_: unknown, k: number) => !(same[k] ?? false);
  const drop = (_: unknown, k: number) => same[k] ?? false;
  outer.carry.forEach((initial, k) => same[k] && renamed.set(equation.outputs[k]!, initial));
  const arrange = <T>(s: { constants: readonly T[]; carry: readonly T[]; stacked: readonly T[] }) => [
    ...s.constants,
    ...s.carry.filter(drop),
    ...s.carry.filter(keep),
    ...s.stacked,
  ];
  const dropped = count(same);
  return {
    ...equation,
    inputs: arrange(outer),
    outputs: equation.outputs.filter(keep),
    params: {
      ...params,
      body: { ...body, inputs: arrange(inner), outputs: body.outputs.filter(keep) },
      constants: params.constants + dropped,
      carry: params.carry - dropped,
    },
  };
}

const count = (flags: readonly boolean[]) => flags.filter((flag) => flag).length;
