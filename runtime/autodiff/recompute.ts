// How is memory saved after differentiation? A loop that reads what an earlier loop stacked can compute it again, step by
// step, from that loop's carry. Being a pass over finished code, this changes no bit of any gradient, of whatever order.
import { Builder, newVariable } from "../ir/builder.ts";
import { sectionsOf } from "../ir/structured.ts";
import type { Equation, EquationOf, IrFunction, Variable } from "../ir/types.ts";
import { emitAll } from "./emit.ts";
import { planResiduals, type ResidualPlan } from "./residuals.ts";

type Loop = EquationOf<"scan"> | EquationOf<"map">;

/** The same function with loops that compute again what earlier loops of the same length would have to stack for them:
 *  between the two, only the carry of every step is kept (nothing, of a map). In bodies too. Leaves the stacked outputs
 *  that nobody reads any more for dead code removal. */
export function recomputeResiduals(fn: IrFunction): IrFunction {
  const scope: Scope = { equations: [], producers: new Map(), records: new Map() };
  for (const equation of fn.equations) {
    const own = equation.op === "scan" || equation.op === "map" ? detach(scope, equation) : equation;
    const position = scope.equations.push(own) - 1;
    for (const output of own.outputs) scope.producers.set(output, position);
  }
  // From outside in: what was written again into a body may now be shared with what stands there
  const equations = scope.equations.map((equation) =>
    equation.op === "scan" || equation.op === "map"
      ? { ...equation, params: { ...equation.params, body: recomputeResiduals(equation.params.body) } } as Equation
      : equation
  );
  return { ...fn, equations };
}

interface Scope {
  readonly equations: Equation[];
  /** Positions of the equations that assign. */
  readonly producers: Map<Variable, number>;
  /** By the position of a loop and a carry input of its body: the stacked carry. */
  readonly records: Map<number, Map<Variable, Variable>>;
}

/** The loop with every stacked input that an earlier loop made computed again in its own body. */
function detach(scope: Scope, loop: Loop): Loop {
  const tried = new Set<number>();
  let current = loop;
  while (true) {
    const { stacked } = sectionsOf(current.params, current.inputs);
    const position = stacked.map((x) => scope.producers.get(x) ?? -1).find((p) => p >= 0 && !tried.has(p));
    if (position === undefined) return current;
    tried.add(position);
    const maker = scope.equations[position]!;
    if (maker.op !== "scan" && maker.op !== "map" || maker.params.length !== current.params.length) continue;
    current = recompute(scope, position, maker, current);
  }
}

/** The loop with what `maker` stacks for it computed again. */
function recompute(scope: Scope, position: number, maker: Loop, loop: Loop): Loop {
  const body = maker.params.body;
  const made = sectionsOf(maker.params, body.inputs);
  const carries = made.carry.length;
  const { stacked } = sectionsOf(loop.params, loop.inputs);
  // The body variable behind each stacked input, where computing it again is more than reading the carry
  const behind = new Map<Variable, Variable>();
  for (const x of stacked) {
    const index = maker.outputs.indexOf(x);
    if (index >= carries && !made.carry.includes(body.outputs[index]!)) behind.set(x, body.outputs[index]!);
  }
  if (behind.size === 0) return loop;
  const plan = planResiduals({ ...made, equations: body.equations }, new Set(behind.values()), "carry");
  const records = recordCarry(scope, position, plan);
  const outside = new Map<Variable, Variable>();
  body.inputs.forEach((x, i) => outside.set(x, maker.inputs[i]!));
  for (const equation of plan.outside) {
    const outputs = equation.outputs.map((x) => newVariable(x));
    scope.equations.push({ ...equation, inputs: equation.inputs.map((x) => outside.get(x)!), outputs } as Equation);
    equation.outputs.forEach((x, i) => outside.set(x, outputs[i]!));
  }
  return withPrologue(loop, { behind, plan, outer: (x) => records.get(x) ?? outside.get(x)!, made });
}

/** Adds stacked outputs to a loop for the carries that a plan stores, unless it has them. Answers with the stacks. */
function recordCarry(scope: Scope, position: number, plan: ResidualPlan): ReadonlyMap<Variable, Variable> {
  const maker = scope.equations[position] as Loop;
  const { body, length } = maker.params;
  const carries = sectionsOf(maker.params, body.inputs).carry.length;
  const records = scope.records.get(position) ?? new Map<Variable, Variable>();
  scope.records.set(position, records);
  const missing: Variable[] = [];
  for (const x of plan.stored) {
    const index = body.outputs.indexOf(x, carries);
    if (index >= 0) records.set(x, maker.outputs[index]!);
    else missing.push(x);
  }
  if (missing.length === 0) return records;
  const stacks = missing.map((x) => newVariable({ dtype: x.dtype, shape: [length, ...x.shape] }, x.name));
  missing.forEach((x, i) => records.set(x, stacks[i]!));
  for (const stack of stacks) scope.producers.set(stack, position);
  scope.equations[position] = {
    ...maker,
    outputs: [...maker.outputs, ...stacks],
    params: { ...maker.params, body: { ...body, outputs: [...body.outputs, ...missing] } },
  } as Equation;
  return records;
}

/** A loop whose body first writes again what it used to read. What both loops take is taken once. */
function withPrologue(
  loop: Loop,
  { behind, plan, outer, made }: {
    readonly behind: ReadonlyMap<Variable, Variable>;
    readonly plan: ResidualPlan;
    readonly outer: (x: Variable) => Variable;
    readonly made: { readonly constants: readonly Variable[]; readonly stacked: readonly Variable[] };
  },
): Loop {
  const given = sectionsOf(loop.params, loop.inputs);
  const inner = sectionsOf(loop.params, loop.params.body.inputs);
  const b = new Builder(loop.params.body.name);
  b.origin = loop.origin;
  // Apart, because both loops may run one and the same body
  const again = new Map<Variable, Variable>();
  const own = new Map<Variable, Variable>();
  const taken = (list: readonly Variable[]) => list.filter((x) => plan.inputs.has(x));
  const section = (entries: readonly Entry[]) => {
    const passed = new Map<Variable, Variable>();
    for (const { outside, inside, values } of entries) {
      if (!passed.has(outside)) passed.set(outside, b.input(inside, inside.name));
      values.set(inside, passed.get(outside)!);
    }
    return [...passed.keys()];
  };
  const recomputed = (list: readonly Variable[]) =>
    list.map((x): Entry => ({ outside: outer(x), inside: x, values: again }));
  const constants = section([
    ...given.constants.map((x, i) => ({ outside: x, inside: inner.constants[i]!, values: own })),
    ...recomputed([...taken(made.constants), ...plan.hoisted]),
  ]);
  inner.carry.forEach((v) => own.set(v, b.input(v, v.name)));
  const stacked = section([
    ...recomputed([...taken(made.stacked), ...plan.stored]),
    ...given.stacked.flatMap((x, i) => behind.has(x) ? [] : [{ outside: x, inside: inner.stacked[i]!, values: own }]),
  ]);
  emitAll(b, plan.again, again);
  given.stacked.forEach((x, i) => behind.has(x) && own.set(inner.stacked[i]!, again.get(behind.get(x)!)!));
  const outputs = b.inline(loop.params.body, loop.params.body.inputs.map((x) => own.get(x)!));
  const params = { ...loop.params, body: b.finish(outputs), constants: constants.length };
  return { ...loop, inputs: [...constants, ...given.carry, ...stacked], params } as Loop;
}

/** An input of a loop: the variable outside, the one of a body that it becomes, and where that is noted. */
interface Entry {
  readonly outside: Variable;
  readonly inside: Variable;
  readonly values: Map<Variable, Variable>;
}
