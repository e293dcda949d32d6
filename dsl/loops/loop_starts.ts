// Where does a loop start? At initial values, where another loop or the same ended, or where a window before it ended.
import type { Variable } from "../../runtime/ir/types.ts";
import type { Expression } from "../syntax/ast.ts";
import type { Span } from "../text/source.ts";
import { fail, sourceText } from "../world/report.ts";
import { evaluate, runLoop } from "../world/evaluator.ts";
import { stepsOf } from "../elaborate/steps.ts";
import { initialValue, valueNow } from "../elaborate/leaves.ts";
import type { Context, LeafDeclaration, LeafState, LoopWindow, World } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import type { Loop, LoopRule } from "../world/loop.ts";
import { resolveReference } from "../elaborate/references.ts";
import { loopsChanging } from "../elaborate/ownership.ts";
import { leadsTo, referenceText } from "../syntax/paths.ts";
import { timePoint } from "../elaborate/time_points.ts";
import { shapeOf } from "../world/values.ts";
import { ownsNow, taskOf, windowOf } from "../world/moments.ts";
import { seenByDerivatives } from "./estimators.ts";
import { type LeafStart, standingOf } from "./standing.ts";

/** Where a parameter starts in a loop. Undefined when wrong (reported). */
export function startValue(cx: Context, loop: Loop, leaf: LeafDeclaration): TensorValue | undefined {
  return startOfLeaf(cx, loop, leaf)?.p;
}

/** Where a tensor starts in a loop: at a time of the loop after `from`, when that changes it too, and with what that loop's rule then
 *  has; else at its initial value. `rule`: what changes it, where both must have the same. Undefined when wrong (reported). */
export function startOfLeaf(cx: Context, loop: Loop, leaf: LeafDeclaration, rule?: LoopRule): LeafStart | undefined {
  const initial = () => {
    const p = initialValue(cx, leaf);
    return p && { p };
  };
  if (!loop.from) return initial();
  const { value, fresh } = loop.from;
  const object = value.kind === "Time" ? value.object : value;
  const reference = value.kind === "Missing" ? undefined : resolveReference(cx, object);
  if (reference === undefined) return undefined;
  if (reference === "not a reference" && evaluate(cx, object).kind === "error") return undefined;
  if (value.kind !== "Time" || value.time === "all" || reference === "not a reference" || reference.kind !== "loop") {
    return void fail(cx, {
      code: "M0203",
      title: "A loop starts from a time of another loop",
      at: value.span,
      hint: "write `from fit@T`, where `fit` is an inner loop over the same parameters",
    });
  }
  const other = reference.loop;
  if (other === loop) return checkOwnEnd(cx, loop, value) ? standingOf(cx, loop, leaf) : undefined;
  const point = timePoint(cx, other, value.time);
  if (!point) return undefined;
  const run = typeof point === "string" ? undefined : runLoop(cx, other, value.span);
  if (typeof point === "object" && !(run && seenByDerivatives(cx, other, { steps: run.steps, point }, value.span))) {
    return undefined;
  }
  const before = run ? run.rules.find((r) => r.leaves.includes(leaf))?.rule : ruleOf(cx, other, leaf);
  if (rule && before && !fresh && !sameRule(cx, leaf, { loop, rule }, { loop: other, rule: before })) return undefined;
  if (point === "start") {
    const start = startOfLeaf(cx, other, leaf);
    return start && fresh ? { p: start.p } : start;
  }
  if (point === "now") return startNow(cx, other, leaf, { fresh, at: value.span });
  if (!run!.leaves.includes(leaf)) return initial();
  if (fresh || point.kind === "scope") return { p: run!.parameter(leaf, point) };
  if (point.step > 0 && point.step < run!.steps) cx.elaboration.halfway.add(other);
  return goingOn(run!.state(leaf, point.step));
}

/** A tensor that starts where another loop has it, with what that loop's rule has. */
function goingOn({ p, states, made }: LeafState): LeafStart {
  return { p, goesOn: { state: (name) => states.get(name)!.variable, made: () => made } };
}

/** A tensor that starts where the loop around it has it at its present step. */
function startNow(
  cx: Context,
  other: Loop,
  leaf: LeafDeclaration,
  { fresh, at }: { readonly fresh: boolean; readonly at: Span },
): LeafStart | undefined {
  const p = valueNow(cx, leaf, at);
  if (p.kind !== "tensor") return undefined;
  for (let w: World | undefined = fresh ? undefined : cx.world; w; w = w.parent) {
    const now = w.owns.has(other) ? w.state?.find((own) => own.leaf === leaf) : undefined;
    if (!now) continue;
    const { b } = cx;
    const states = new Map([...now.states].map(([name, x]) => [name, { ...x, variable: b.resolve(x.variable) }]));
    const steps = b.resolve(w.step!.number);
    return goingOn({ ...now, p, states, made: now.made ? b.apply("add", b.resolve(now.made), steps) : steps });
  }
  return { p };
}

/** The rule by which a loop changes a tensor, as far as its words say. */
function ruleOf(cx: Context, loop: Loop, leaf: LeafDeclaration): LoopRule | undefined {
  if (!loopsChanging(cx.elaboration, { kind: "leaf", leaf }).includes(loop)) return undefined;
  const [first, ...others] = loop.rules;
  return others.length === 0 ? first : loop.rules.find((r) => r.paths.some((over) => leadsTo(over, leaf.path)));
}

/** A rule, with the loop that changes something by it. */
interface OwnRule {
  readonly loop: Loop;
  readonly rule: LoopRule;
}

/** True where the rule that changes a tensor is the one of the loop that it goes on from, so that it can take over what that keeps.
 *  Reports. */
function sameRule(cx: Context, leaf: LeafDeclaration, { loop, rule }: OwnRule, before: OwnRule): boolean {
  if (before.rule.optimizer.item === rule.optimizer.item) return true;
  const [mine, its] = [rule, before.rule].map((r) => r.optimizer.item.name.name);
  const from = sourceText(cx.elaboration, loop.from!.value);
  fail(cx, {
    code: "M0203",
    title: `\`${loop.name}\` changes \`${leaf.name}\` by \`${mine}\`, and cannot go on with what \`${its}\` keeps`,
    at: loop.from!.span,
    secondary: [
      { span: before.rule.span, message: `\`${before.loop.name}\` changes it by this` },
      { span: rule.span, message: `\`${loop.name}\` by this` },
    ],
    hint: `write \`from ${from} with fresh states\`: the parameters go on, and \`${mine}\` begins anew`,
  });
  return false;
}

/** True for `from fit@T` in `fit`, at its end. Reports. */
function checkOwnEnd(cx: Context, loop: Loop, { time, span }: Expression & { kind: "Time" }): boolean {
  // in a window, and where an evaluation says how many steps, that was checked for the whole loop
  const given = cx.world.consumer.steps;
  if (windowOf(cx.world, loop) || ownsNow(cx.world, loop) || given && (given.loop ?? loop) === loop) return true;
  const point = time === "all" ? undefined : timePoint(cx, loop, time);
  if (!point) return false;
  if (typeof point === "object" && point.kind === "static" && point.step === stepsOf(cx, loop)) return true;
  fail(cx, {
    code: "M0402",
    title: `\`${loop.name}\` can go on only from its own end`,
    at: span,
    hint: `write \`from ${loop.name}@${loop.timeName}\``,
  });
  return false;
}

/** Checks that the loop after `from` changes something that a loop evolves: else it starts where it would without. False when it
 *  does not (reported). */
export function checkFrom(cx: Context, loop: Loop, leaves: readonly LeafDeclaration[]): boolean {
  const value = loop.from?.value;
  const reference = value?.kind === "Time" ? resolveReference(cx, value.object) : undefined;
  if (typeof reference !== "object" || reference.kind !== "loop" || reference.loop === loop) return true;
  const other = reference.loop;
  const around = ownsNow(cx.world, other);
  const run = around ? undefined : runLoop(cx, other, value!.span);
  // in a first round, not all parameters are known yet; a loop that changes nothing at all was reported
  if (!around && !run?.leaves.length || leaves.length === 0 || cx.elaboration.unshaped.size > 0) return true;
  const changes = (leaf: LeafDeclaration) =>
    run ? run.leaves.includes(leaf) : loopsChanging(cx.elaboration, { kind: "leaf", leaf }).includes(other);
  if (leaves.some(changes)) return true;
  const changing = loopsChanging(cx.elaboration, { kind: "leaf", leaf: leaves[0]! }).find((l) => l !== loop);
  fail(cx, {
    code: "M0203",
    title: `\`${other.name}\` changes nothing that \`${loop.name}\` evolves`,
    at: value!.span,
    secondary: [
      ...other.rules.flatMap((r) =>
        r.references.map(({ span }) => ({ span, message: `\`${other.name}\` changes this` }))
      ),
      ...loop.rules.flatMap((r) =>
        r.references.map(({ span }) => ({ span, message: `\`${loop.name}\` evolves this` }))
      ),
    ],
    notes: [`\`${loop.name}\` would start at its initial values, as it does without \`from\``],
    hint: changing
      ? `write \`from ${changing.name}@${changing.timeName}\`, which changes \`${leaves[0]!.name}\``
      : `leave out \`from\`, or evolve the same parameters: \`over ${referenceText(other.rules[0]!.references[0]!)}\``,
  });
  return false;
}

/** Stands for a parameter where only its shape matters. */
export function placeholder(cx: Context, leaf: LeafDeclaration): TensorValue {
  const variable = cx.b.input({ dtype: cx.elaboration.precision, shape: shapeOf(leaf.dims) }, leaf.name);
  return { kind: "tensor", variable, dims: leaf.dims };
}

/** What a window of a loop begins with: what the loop itself begins with at step 0, else what the window before it left, from there on in
 *  what that carries. */
export function inWindow(
  { b, world }: Context,
  { from: first, carry, across }: LoopWindow,
  begun: readonly Variable[],
  there = 0,
): Variable[] {
  const from = b.resolve(first);
  const begins = b.apply("eq", from, b.fill(0, from));
  const task = across ? taskOf(world)! : undefined;
  const left = carry.slice(there, there + begun.length).map((x) => task ? task.slice(x) : b.resolve(x));
  return begun.map((own, i) => b.apply("select", b.broadcastTo(begins, own.shape), own, left[i]!));
}
