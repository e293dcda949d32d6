// What does one step of an optimizer do to one tensor? Binds hyperparameters to values, starts the states, and evaluates the
// primed equations; the same for inner loops, outer loops and rules that contain models.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type { OptimizerItem } from "../syntax/ast.ts";
import { visit } from "../syntax/paths.ts";
import { fail } from "../world/report.ts";
import { evaluate } from "../world/evaluator.ts";
import { asFloat, toTensor } from "../elaborate/arithmetic.ts";
import { bindStep, nextValue, startState } from "../elaborate/equations.ts";
import type { Loop, LoopRule } from "../world/loop.ts";
import type { Context, LeafDeclaration, Local } from "../world/world.ts";
import type { Dim, TensorValue } from "../world/value_kinds.ts";
import { known } from "../world/moments.ts";
import { errorValue, formatDims, shapeOf } from "../world/values.ts";
import { keptValue, movedGradient, movedValue } from "./moved_values.ts";
import { placedStep, type RuleMoment, type RuleStep } from "./written_rules.ts";

function ruleContext(
  cx: Context,
  rule: LoopRule,
  leaf: LeafDeclaration,
  locals: ReadonlyMap<string, Local>,
): Context {
  const { item, module } = rule.optimizer;
  const message = `in this rule, for \`${leaf.name}\` : ${formatDims(leaf.dims)}`;
  return {
    ...cx,
    scope: { module, parent: undefined, locals },
    frames: [{ callee: item.name.name, span: rule.span, message }, ...cx.frames],
  };
}

/** The states of a rule before the first step, for one tensor, by name. Undefined when wrong (reported). */
export function startStates(
  cx: Context,
  rule: LoopRule,
  leaf: LeafDeclaration,
  p: TensorValue,
  hyperparameters: ReadonlyMap<string, Local>,
): Map<string, TensorValue> | undefined {
  const locals = new Map<string, Local>(hyperparameters);
  locals.set("p", known(p));
  const inside = ruleContext(cx, rule, leaf, locals);
  const states = new Map<string, TensorValue>();
  for (const member of rule.optimizer.item.members) {
    if (member.kind !== "State") continue;
    const start = startState(inside, member, leaf.dims);
    if (!start) return undefined;
    states.set(member.name.name, start);
    locals.set(member.name.name, known(start));
  }
  return states;
}

/** One step: the new parameter and the new states. Undefined when wrong (reported). */
export function applyRule(cx: Context, rule: LoopRule, leaf: LeafDeclaration, now: RuleMoment): RuleStep | undefined {
  const step = stepOnce(cx, rule, leaf, now);
  if (step === undefined || "p" in step) return step;
  const variables = cx.b.inline(step.fn, step.given.map((x) => x.variable));
  const [p, ...states] = variables.map((variable, i): TensorValue => ({
    kind: "tensor",
    variable,
    dims: step.dims[i]!,
  }));
  return { p: p!, states: new Map([...now.states.keys()].map((name, i) => [name, states[i]!])) };
}

/** One step of a loop for one leaf: what an outer moves is what is behind a range, and kept in it. */
export function stepOfLeaf(cx: Context, loop: Loop, rule: LoopRule, leaf: LeafDeclaration, now: RuleMoment): RuleStep {
  if (loop.kind === "inner") return applyRule(cx, rule, leaf, now)!;
  const { b } = cx;
  const p = movedValue(b, leaf, now.p);
  const g = { ...p, variable: movedGradient(b, leaf, now.p.variable, now.g.variable) };
  const end = now.end && { end: movedValue(b, leaf, now.end) };
  const after = applyRule(cx, rule, leaf, { ...now, p, g, ...end })!;
  return { ...after, p: { ...after.p, variable: keptValue(b, leaf, after.p.variable) } };
}

/** Goes through the start and one step of a rule for any values of a tensor. The states, or undefined when wrong (reported). */
export function checkRule(
  cx: Context,
  rule: LoopRule,
  leaf: LeafDeclaration,
  now: Pick<RuleMoment, "t" | "hyperparameters"> & { readonly ends?: boolean },
): Map<string, TensorValue> | undefined {
  const any = (dims: readonly Dim[]): TensorValue => {
    const variable = cx.b.input({ dtype: cx.elaboration.precision, shape: shapeOf(dims) });
    return { kind: "tensor", variable, dims };
  };
  const p = any(leaf.dims);
  const starts = startStates(cx, rule, leaf, p, now.hyperparameters);
  if (!starts) return undefined;
  const states = new Map([...starts].map(([name, { dims }]) => [name, any(dims)]));
  const end = now.ends ? { end: any(leaf.dims) } : {};
  return stepOnce(cx, rule, leaf, { ...now, ...end, p, g: any(leaf.dims), states }) && states;
}

function stepOnce(cx: Context, rule: LoopRule, leaf: LeafDeclaration, now: RuleMoment) {
  cx.elaboration.called.add(rule.optimizer.item);
  const placed = placedStep(cx, rule, now, (at, inside) => evaluateStep(at, rule, leaf, inside));
  return placed === "open" ? evaluateStep(cx, rule, leaf, now) : placed;
}

function evaluateStep(cx: Context, rule: LoopRule, leaf: LeafDeclaration, now: RuleMoment): RuleStep | undefined {
  const { item } = rule.optimizer;
  const locals = new Map<string, Local>(now.hyperparameters);
  locals.set("g", known(now.g));
  locals.set("t", known(now.t));
  // a state that is given and not declared was reported
  for (const member of item.members) if (member.kind === "Next") locals.set(member.name.name, known(errorValue));
  for (const [name, value] of now.states) locals.set(name, known(value));
  locals.set("p", known(now.p));
  if (readsName(item, "end")) locals.set("end", now.end ? known(now.end) : noEnd(cx, rule, leaf));
  const inside = ruleContext(cx, rule, leaf, locals);
  bindStep(inside, item.members, locals);
  const next = (name: string, like: TensorValue): TensorValue | undefined =>
    // a state cannot be called so: reported
    name === "g" || name === "t" ? undefined : nextValue(inside, item, locals, name, like);
  const p = next("p", now.p);
  const states = new Map<string, TensorValue>();
  let complete = p !== undefined;
  for (const [name, value] of now.states) {
    const after = next(name, value);
    if (after) states.set(name, after);
    else complete = false;
  }
  return complete ? { p: p!, states } : undefined;
}

/** True for a rule whose steps depend on how many it has made. */
export function countsSteps({ optimizer: { item } }: LoopRule): boolean {
  return readsName(item, "t");
}

/** From here on a rule does not count the steps that it made before its loop: nothing that converges tells them apart. */
export const mostMade = 2 ** 29;

/** What is known of the number of steps that a rule has made before its loop. */
export const anyMade = { low: 0, high: mostMade, attained: false } as const;

/** The steps that a rule has made after some more, at most `mostMade`. */
export function madeAfter(b: Builder, made: Variable, steps: Variable): Variable {
  const sum = b.apply("add", made, steps);
  const most = b.fill(mostMade, sum);
  return b.apply("select", b.apply("lt", sum, most), sum, most);
}

/** True when the equations of an optimizer read a name that they do not define. */
export function readsName(item: OptimizerItem, name: string): boolean {
  if (item.formals.some((f) => f.name.name === name)) return false;
  if (item.members.some((m) => m.kind !== "Next" && m.name.name === name)) return false;
  let found = false;
  for (const member of item.members) {
    visit(member.value, (e) => found ||= e.kind === "Name" && e.name === name && !e.primed);
  }
  return found;
}

function noEnd(cx: Context, rule: LoopRule, leaf: LeafDeclaration): Local {
  const { name } = rule.optimizer.item.name;
  return {
    value: () =>
      fail(cx, {
        code: "M0502",
        title: `\`${name}\` moves towards where an inner loop ends, and here no inner loop starts at \`${leaf.name}\``,
        at: rule.span,
        hint: `use it in an outer, over a start: \`over net@0 by ${name}(…)\``,
      }),
  };
}

/** The gradients of a loop after its `clip norm c`, scaled by min(1, c / (norm + 1e-6)), as PyTorch's clip_grad_norm_; at the bound
 *  nothing is scaled. */
export function clipped(
  cx: Context,
  { clip }: Loop,
  gradients: readonly Variable[],
  norm: Variable,
): readonly Variable[] {
  if (!clip) return gradients;
  const { b } = cx;
  const bound = asFloat(cx, toTensor(cx, evaluate(cx, clip), "float") as TensorValue).variable;
  const ratio = b.apply("div", bound, b.apply("add", norm, b.fill(1e-6, norm)));
  const scale = b.apply("select", b.apply("ge", ratio, b.fill(1, norm)), b.fill(1, norm), ratio);
  return gradients.map((g) => b.apply("mul", g, b.broadcastTo(scale, g.shape)));
}

/** The Euclidean norm over all entries of all arrays. */
export function globalNorm(b: Builder, arrays: readonly Variable[]): Variable {
  const squares = arrays.map((x) => b.sum(b.one("integer_pow", [x], { exponent: 2 })));
  return b.apply("sqrt", squares.reduce((a, c) => b.apply("add", a, c)));
}
