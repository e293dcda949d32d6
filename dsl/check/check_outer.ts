// Is an outer loop without mistakes? What it learns, by which rules, and what no two of them may share.
import type { CheckedLoop, Context, Elaboration, LeafDeclaration, MetaReference } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { follows, type Loop, withoutTime } from "../world/loop.ts";
import type { SkipClause } from "../syntax/ast.ts";
import { type Draft, type Given, onlyChecked, openFunction } from "../elaborate/functions.ts";
import { stepsOf } from "../elaborate/steps.ts";
import { setRange } from "../../runtime/ir/ranges.ts";
import { type CheckedOuter } from "./checked_program.ts";
import { checkedLoops } from "../loops/loop_record.ts";
import { isAfterRun, refuseSkip } from "../loops/loops.ts";
import { acrossOf, taskObjective } from "../loops/outer_objective.ts";
import { openTasks } from "../loops/task_scopes.ts";
import { loopsTouched } from "../elaborate/ownership.ts";
import { runLoop } from "../world/evaluator.ts";
import { requireStatic } from "../elaborate/sizes.ts";
import { heldStates, tellOfStill } from "../loops/held_states.ts";
import { anyStep, canUnroll, checkRuleFor, holdsInWindows } from "../loops/check_loop.ts";
import { readMetaReference } from "../loops/meta_parameters.ts";
import { planHyperparameters } from "../loops/hyperparameters.ts";
import { directionOf } from "../loops/directions.ts";
import { isWarm } from "../loops/standing.ts";
import { referenceText } from "../syntax/paths.ts";
import { goneDown } from "../world/moments.ts";
import { fail, moduleScope } from "../world/report.ts";
import { declaredHere } from "../diagnostics/messages.ts";

export function openOuter(
  el: Elaboration,
  loop: Loop,
  part: string,
  given: Given,
  watches = false,
): Draft {
  const draft = openFunction(el, `${loop.name}.${part}`, {
    consumer: loop.name,
    place: { what: `\`${loop.name}\``, span: loop.item.name.span },
    scope: moduleScope(loop.module),
    ...given,
    outer: loop,
    differentiated: true,
    watches,
  });
  // what is recorded at the end is of the meta-step after the last
  const last = (stepsOf(draft.cx, loop) ?? 1) - (part === "step" ? 1 : 0);
  setRange(draft.world.consumer.metaStep!, { low: 0, high: last, attained: part === "step" });
  return draft;
}

/** Goes through an outer once without running anything. Undefined when something is wrong or not shaped yet. */
export function checkOuter(el: Elaboration, loop: Loop): CheckedOuter | undefined {
  const { cx } = openOuter(el, loop, "check", onlyChecked);
  if (!isAfterRun(cx, loop.after, "`after` names the outer that it goes on from")) return undefined;
  const across = acrossOf(cx, loop);
  if (loop.skip && !loop.across) refuseSkip(cx, loop.item.name, loop.skip);
  const steps = stepsOf(cx, loop);
  const tasks = openTasks(cx, across);
  const { training } = goneDown(loop);
  let objective: TensorValue | undefined;
  if (!loop.across || across) {
    for (const inner of loopsTouched(el, loop.objective.value)) runLoop(tasks.cx, inner, loop.objective.span);
    objective = taskObjective(tasks.cx, loop, training);
  }
  if (loop.clip) requireStatic(cx, loop.clip, "the bound of `clip norm`");
  const kept = canUnroll(tasks.cx);
  const t = anyStep(cx, steps ?? 1);
  const learned = loop.rules.map((rule) => {
    const references = rule.references.map((r) => readMetaReference(cx, r));
    const found = references.filter((r) => r !== undefined);
    const leaves = [...new Set(found.flatMap((r) => r.leaves))];
    const plans = steps === undefined ? [] : planHyperparameters(cx, loop, rule, leaves, steps);
    const ends = (leaf: LeafDeclaration) => endOf(cx.world.consumer.runs, leaf) !== undefined;
    const ruled = { rule, leaves, plans };
    for (const leaf of leaves) checkRuleFor(cx, loop, ruled, leaf, { t, steps: steps ?? 1, ends: ends(leaf) });
    const complete = found.length === references.length && plans.length === rule.hyperparameters.length;
    return { complete, found, ruled };
  });
  if (steps === undefined || !objective || !kept || learned.some((l) => !l.complete)) return undefined;
  const runs = checkedLoops(tasks.cx.world.consumer);
  const inners = new Set(runs.map((r) => r.loop));
  const leaves = learned.flatMap((l) => l.ruled.leaves);
  const direction = directionOf(cx, runs.filter((r) => !r.around), leaves);
  if (!direction || !holdsInWindows(cx, direction, (at) => taskObjective(openTasks(at, across).cx, loop))) {
    return undefined;
  }
  if (loop.skip && direction.kind === "es" && refuseSampled(cx, loop, loop.skip, inners)) {
    return undefined;
  }
  const held = heldStates(cx, loop);
  if (held[0] && direction.kind === "es") return refuseSampledStates(cx, loop, held[0]);
  if (held.length > 0) tellOfStill(cx, loop, held, training.next);
  return {
    loop,
    direction,
    runs,
    warm: runs.filter((r) => !r.around && isWarm(r.loop)),
    steps,
    across,
    learned: learned.map((l) => l.found),
    rules: learned.map((l) => l.ruled),
    leaves: [...leaves, ...held],
    inners,
    outermost: new Set(tasks.cx.world.runs.keys()),
  };
}

/** Two samples of which one leaves out a task cannot be compared. */
function refuseSampled(cx: Context, { name }: Loop, skip: SkipClause, inners: ReadonlySet<Loop>): true {
  const sampled = [...inners].find((l) => follows(l) === "samples")!;
  fail(cx, {
    code: "M0701",
    title: `\`skip not finite\` in \`${name}\`, which is sampled, is not yet supported`,
    at: skip.span,
    secondary: [{ span: sampled.through.span!, message: "because of this" }],
    notes: ["The samples of a pair would be means over different tasks"],
  });
  return true;
}

/** Which of the samples would move a state? */
function refuseSampledStates(cx: Context, loop: Loop, { name }: LeafDeclaration): undefined {
  return void fail(cx, {
    code: "M0701",
    title: `A model with a state in what samples of \`${loop.name}\` are taken of is not yet supported: \`${name}\``,
    at: loop.objective.span,
    hint: "differentiate the loop that it runs, such as by `through unroll()`",
  });
}

/** The loop of an objective that starts at a leaf, if one does. */
export function endOf(runs: readonly CheckedLoop[], leaf: LeafDeclaration): CheckedLoop | undefined {
  return runs.find((r) => !r.around && r.loop.kind === "inner" && r.leaves.includes(leaf));
}

/** True when one of two outers learns, as `@0`, where the other starts that it runs. */
function startsOther({ expression }: MetaReference, other: CheckedOuter, outer: CheckedOuter): boolean {
  const timed = (of: CheckedOuter) =>
    of.learned.flat().some((r) => r.expression.kind === "Time" && referenceText(r.expression.object) === bare);
  const bare = referenceText(withoutTime(expression)) ?? "";
  const [around, inside] = outer.inners.has(other.loop) ? [outer, other] : [other, outer];
  return timed(around) && !timed(inside);
}

/** True when an outer says, itself or by way of others, that it goes on from another. */
export function goesOnFrom(el: Elaboration, outer: Loop, other: Loop): boolean {
  const seen = new Set<Loop>();
  for (let before = outer.after && el.loops.get(outer.after.name); before && !seen.has(before);) {
    if (before === other) return true;
    seen.add(before);
    before = before.after && el.loops.get(before.after.name);
  }
  return false;
}

/** Outers in the order in which they run: that of the file, but each after the one that it goes on from. */
export function inPhases(el: Elaboration, outers: readonly CheckedOuter[]): CheckedOuter[] {
  const order: CheckedOuter[] = [];
  const place = (outer: CheckedOuter | undefined) => {
    if (!outer || order.includes(outer)) return;
    const { loop } = outer;
    const circle = goesOnFrom(el, loop, loop);
    if (circle && order.every((o) => !goesOnFrom(el, loop, o.loop))) {
      fail({ elaboration: el, frames: [] }, {
        code: "M0210",
        title: `\`${loop.name}\` goes on from itself`,
        at: loop.after!.span,
        hint: "one of the outers that go on from each other must be the first: leave out its `after`",
      });
    } else if (!circle) place(outers.find((o) => o.loop.name === loop.after?.name));
    order.push(outer);
  };
  outers.forEach(place);
  return order;
}

/** Reports two outers, or two rules of one, that learn the same thing where neither goes on from the other. */
export function checkSharedLeaves(el: Elaboration, outers: readonly CheckedOuter[]): void {
  const owners = new Map<string, CheckedOuter>();
  for (const outer of outers) {
    const rules = new Map<LeafDeclaration, number>();
    outer.learned.forEach((references, rule) => {
      const twice = references.flatMap((r) => r.leaves).find((leaf) => (rules.get(leaf) ?? rule) !== rule);
      for (const leaf of references.flatMap((r) => r.leaves)) rules.set(leaf, rule);
      if (!twice) return;
      const at = references.find((r) => r.leaves.includes(twice))!.expression.span;
      fail({ elaboration: el, frames: [] }, {
        code: "M0208",
        title: `\`${twice.name}\` is learned by two rules of \`${outer.loop.name}\``,
        at,
        hint: "list different parts, such as `over net.body@0 by …  over net.head@0 by …`",
      });
    });
    for (const reference of outer.learned.flat()) {
      for (const leaf of reference.leaves) {
        const other = owners.get(leaf.name);
        // `theta@0` in one loop is where another starts that evolves `theta`
        if (other && other !== outer && (other.inners.has(outer.loop) || outer.inners.has(other.loop))) {
          if (startsOther(reference, other, outer)) continue;
        }
        if (other && other !== outer && !goesOnFrom(el, outer.loop, other.loop)) {
          if (goesOnFrom(el, other.loop, outer.loop)) continue;
          refuseSecond(el, leaf.name, reference, { outer: outer.loop, other: other.loop });
          break;
        }
        owners.set(leaf.name, outer);
      }
    }
  }
}

/** Two outers learn the same thing, and it is not said that one goes on from the other. */
function refuseSecond(
  el: Elaboration,
  name: string,
  { expression }: MetaReference,
  { outer, other }: { readonly outer: Loop; readonly other: Loop },
): void {
  fail({ elaboration: el, frames: [] }, {
    code: "M0208",
    title: `\`${name}\` is learned by \`${other.name}\` and by \`${outer.name}\``,
    at: expression.span,
    secondary: [declaredHere(other.item.name)],
    hint: hintToGoOn(outer, other),
  });
}

/** How two outers over the same thing say that they are meant. */
export function hintToGoOn(outer: Loop, other: Loop): string {
  return outer.after
    ? `one outer goes on from another: write \`outer ${outer.name} after ${other.name} { … }\`, or the other way round`
    : `if \`${outer.name}\` goes on from where \`${other.name}\` ends, write \`outer ${outer.name} after ${other.name} { … }\``;
}
