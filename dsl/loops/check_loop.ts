// Is a loop without mistakes where it is run, and how is it run? Goes through it once with placeholders, and leaves its plan.
import { setRange } from "../../runtime/ir/ranges.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import { fail, insideLoop, needShape, sourceText } from "../world/report.ts";
import { evaluate } from "../world/evaluator.ts";
import { requireStatic, tooLarge, withinLimit } from "../elaborate/sizes.ts";
import type { Direction, Loop, LoopRule } from "../world/loop.ts";
import type {
  Context,
  LeafDeclaration,
  LeafState,
  LoopPlan,
  LoopRecord,
  LoopState,
  RuledLeaves,
} from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { canHold, heldStates } from "./held_states.ts";
import { referenceLeaves, resolveReference } from "../elaborate/references.ts";
import { pathText, referencePath, referenceText } from "../syntax/paths.ts";
import { wholeSteps } from "../elaborate/steps.ts";
import { enterWorld, goneDown, loopAround } from "../world/moments.ts";
import { shapeOf, staticNumber } from "../world/values.ts";
import { anyEntry, hyperparameterLocals, planHyperparameters } from "./hyperparameters.ts";
import { directionOf } from "./directions.ts";
import { checkThrough } from "./estimators.ts";
import { checkedLoops } from "./loop_record.ts";
import { carryOf } from "./loop_state.ts";
import { checkFrom, placeholder, startOfLeaf } from "./loop_starts.ts";
import { readMetaReference } from "./meta_parameters.ts";
import { evaluateObjective } from "./objective.ts";
import { acrossOf, outerObjective } from "./outer_objective.ts";
import { checkRule, mostMade } from "./rules.ts";
import { isWarm, type LeafStart, standingTypes } from "./standing.ts";
import { type BeforeStep, holdsNow, stops } from "./until.ts";

/** Goes through a loop once with placeholders: finds out how it is run, and every mistake. Undefined when wrong (reported). */
export function checkLoop(cx: Context, loop: Loop): LoopRecord | undefined {
  const { world } = cx;
  const steps = wholeSteps(cx, loop);
  const through = checkThrough(cx, loop, steps);
  const t = anyStep(cx, steps);
  const meta = loop.kind === "outer";
  const stepWorld = enterWorld(world, {
    owns: new Set([loop]),
    ...(meta ? { metaStep: { name: loop.name, number: t.variable } } : {}),
  });
  const moved = new Set<string>();
  const objective = (at: Context) => {
    if (meta) return outerObjective(at, loop);
    const { training } = goneDown(loop);
    const world = enterWorld(at.world, { training, time: t });
    const value = evaluateObjective(at, loop, world, t, steps ?? 1);
    for (const name of training.next.keys()) moved.add(name);
    return value?.variable;
  };
  const loss = objective({ ...cx, world: stepWorld });
  // a rule that goes on has made any number of steps before
  const made = loop.from && !loop.from.fresh && steps !== undefined ? anyStep(cx, steps + mostMade, false) : t;
  const rules: RuledLeaves[] = [];
  const state: LeafState[] = [];
  let wrong = steps === undefined || loss === undefined || !through;
  if (stops(loop) && loss && !checkUntil({ ...cx, world: stepWorld }, loop, { t, steps: steps ?? 1 }, loss)) {
    wrong = true;
  }
  for (const rule of loop.rules) {
    const leaves = leavesOfRule(cx, loop, rule, state);
    if (!leaves || steps === undefined) {
      wrong = true;
      continue;
    }
    const ruled = { rule, leaves, plans: planHyperparameters(cx, loop, rule, leaves, steps) };
    if (ruled.plans.length < rule.hyperparameters.length) wrong = true;
    rules.push(ruled);
    for (const leaf of leaves) {
      const states = checkRuleFor({ ...cx, world: stepWorld }, loop, ruled, leaf, { t, made, steps });
      const start = startOfLeaf(cx, loop, leaf, rule);
      if (!start || !states || !fits(cx, loop, leaf, start, states)) wrong = true;
      state.push({ leaf, p: placeholder(cx, leaf), states: states ?? new Map(), made: made.variable });
    }
  }
  const held = heldStates(cx, loop);
  for (const leaf of held) {
    if (!startOfLeaf(cx, loop, leaf)) wrong = true;
    state.push({ leaf, p: placeholder(cx, leaf), states: new Map() });
  }
  if (loop.clip) requireStatic(cx, loop.clip, "the bound of `clip norm`");
  const leaves = state.map((s) => s.leaf);
  const learned = leaves.filter((leaf) => !leaf.state);
  const direction = wrong || !checkFrom(cx, loop, leaves) ? undefined : directionInside(cx, loop, learned);
  if (
    !direction || !canHold(cx, loop, { held, moved, direction }) ||
    !holdsInWindows({ ...cx, world: stepWorld }, direction, objective)
  ) return undefined;
  const warm = checkedLoops(world.consumer).filter((r) => r.around === loop && isWarm(r.loop));
  return checkedRecord(cx, { loop, steps: steps!, rules, leaves, direction, warm }, state, loss!);
}

/** True where what a rule would begin with has the sizes of what it goes on with. Reports. */
function fits(
  cx: Context,
  loop: Loop,
  leaf: LeafDeclaration,
  { goesOn }: LeafStart,
  states: ReadonlyMap<string, TensorValue>,
): boolean {
  const wrong = [...states].flatMap(([name, fresh]) => {
    const given = goesOn && goesOn.state(name, fresh).shape;
    return given && given.join() !== shapeOf(fresh.dims).join() ? [{ name, given, own: shapeOf(fresh.dims) }] : [];
  })[0];
  if (!wrong) return true;
  fail(cx, {
    code: "M0305",
    title: `\`${wrong.name}\` of \`${leaf.name}\` is [${wrong.own.join(", ")}] in \`${loop.name}\`, and goes on from [${
      wrong.given.join(", ")
    }]`,
    at: loop.from!.span,
    hint: `write \`from ${
      sourceText(cx.elaboration, loop.from!.value)
    } with fresh states\`, or give both rules the same sizes`,
  });
  return false;
}

/** True where what ends a loop earlier is without mistakes. */
function checkUntil(
  cx: Context,
  loop: Loop,
  before: Omit<BeforeStep, "now">,
  loss: Variable,
): boolean {
  const number = (variable: Variable): TensorValue => ({ kind: "tensor", variable, dims: [] });
  const norm = cx.b.input({ dtype: cx.elaboration.precision, shape: [] }, "gradient_norm");
  const start = { loss: number(loss), gradient_norm: number(norm) };
  const now = { ...start, start };
  return holdsNow(cx, loop, { ...before, now }) !== undefined;
}

/** Some step of a loop. */
export function anyStep({ b }: Context, steps: number | undefined, attained = true): TensorValue {
  const variable = b.input({ dtype: "i32", shape: [] }, "t");
  if (steps !== undefined) setRange(variable, { low: 0, high: Math.max(0, steps - 1), attained });
  return { kind: "tensor", variable, dims: [] };
}

/** Some number of steps that a loop may take. */
function anyCount({ b }: Context, steps: number): TensorValue {
  const variable = b.input({ dtype: "i32", shape: [] }, "steps");
  setRange(variable, { low: 0, high: steps, attained: false });
  return { kind: "tensor", variable, dims: [] };
}

/** Goes through the start and one step of a rule of a loop for one leaf. Its states, or undefined when wrong (reported). */
export function checkRuleFor(
  cx: Context,
  loop: Loop,
  ruled: RuledLeaves,
  leaf: LeafDeclaration,
  { t, made = t, steps, ends = false }: {
    readonly t: TensorValue;
    /** The steps that the rule has made, where that is not the number of the step. */
    readonly made?: TensorValue;
    readonly steps: number;
    readonly ends?: boolean;
  },
): Map<string, TensorValue> | undefined {
  const time = { t, steps, b: cx.b, entry: anyEntry(cx.b) };
  return checkRule(cx, ruled.rule, leaf, {
    t: made,
    ends,
    hyperparameters: hyperparameterLocals(cx, loop, ruled, leaf, time),
  });
}

/** What a loop can be asked that was gone through: nothing but sizes. */
function checkedRecord(
  cx: Context,
  plan: LoopPlan,
  state: LoopState,
  loss: Variable,
): LoopRecord {
  const { b, elaboration: { precision: dtype } } = cx;
  const { steps, loop, warm } = plan;
  const across = acrossOf(cx, loop);
  const standing = warm.flatMap((run) => standingTypes(across, run)).map((type) => b.input(type));
  return {
    ...plan,
    around: loopAround(cx.world),
    carry: [...carryOf(state), ...standing],
    parameter: (leaf) => placeholder(cx, leaf),
    state: (leaf) => state.find((own) => own.leaf === leaf)!,
    quantity: () => ({ kind: "tensor", variable: loss, dims: [] }),
    trajectory: (leaf) => b.input({ dtype, shape: [steps + 1, ...shapeOf(leaf.dims)] }),
    stacked: () => b.input({ dtype, shape: [steps] }),
    rate: () => undefined,
    taken: stops(plan.loop) ? anyCount(cx, steps) : staticNumber(steps, "int"),
  };
}

/** The leaves that a rule changes, and none before it. Undefined when wrong (reported). */
function leavesOfRule(
  cx: Context,
  loop: Loop,
  rule: LoopRule,
  before: LoopState,
): readonly LeafDeclaration[] | undefined {
  const at = insideLoop(cx, loop);
  const leaves = loop.kind === "inner" ? evolvedLeaves(at, rule) : learnedLeaves(at, rule);
  const shared = leaves?.find((leaf) => before.some((s) => s.leaf === leaf));
  if (!shared) return leaves;
  return void fail(cx, {
    code: "M0208",
    title: `\`${shared.name}\` is changed by two rules of \`${loop.name}\``,
    at: rule.span,
    hint: "list different parts, such as `over net.body by …  over net.head by …`",
  });
}

/** The leaves that the `over` of an outer's rule names. Undefined when wrong (reported). */
function learnedLeaves(at: Context, { references }: LoopRule): LeafDeclaration[] | undefined {
  const found = references.map((r) => readMetaReference(at, r));
  return found.includes(undefined) ? undefined : [...new Set(found.flatMap((r) => r!.leaves))];
}

/** The leaves that the `over` of an inner's rule names. Undefined when wrong (reported). */
function evolvedLeaves(at: Context, { references }: LoopRule): LeafDeclaration[] | undefined {
  const leaves: LeafDeclaration[] = [];
  for (const expression of references) {
    if (expression.kind === "Missing") return undefined;
    if (expression.kind === "Time") {
      return void fail(at, {
        code: "M0403",
        title: "An inner loop evolves parameters, not their value at one time",
        at: expression.span,
        hint: "write the bare name; where it starts is learned by `over …@0` in an outer",
      });
    }
    const reference = resolveReference(at, expression);
    if (reference === undefined) return undefined;
    if (reference === "not a reference") {
      evaluate(at, expression);
      if (!at.elaboration.sink.hasErrors) {
        const names = expression.kind === "List" ? expression.items.map(referenceText) : [];
        fail(at, {
          code: "M0502",
          title: "This is not a model or a parameter",
          at: expression.span,
          hint: names.length > 0 && names.every((n) => n !== undefined)
            ? `write \`over ${names.join(", ")}\``
            : undefined,
        });
      }
      return undefined;
    }
    if (reference.kind !== "model" && reference.kind !== "leaf" || reference.kind === "leaf" && reference.leaf.loop) {
      return void fail(at, {
        code: "M0502",
        title: "An inner loop evolves models and parameters, not hyperparameters",
        at: expression.span,
      });
    }
    if (reference.kind === "leaf" && reference.leaf.state) {
      return void fail(at, {
        code: "M0502",
        title: `\`${reference.leaf.name}\` is a state: no rule changes it, its model says what it becomes`,
        at: expression.span,
        hint: `leave it out: a loop that evolves the model, by \`over ${
          pathText(reference.leaf.path.slice(0, -1))
        }\`, moves its states too`,
      });
    }
    const found = referenceLeaves(at.elaboration, reference);
    if (found.length === 0) needShape(at.elaboration, referencePath(expression) ?? [], expression.span);
    for (const leaf of found) if (!leaves.includes(leaf)) leaves.push(leaf);
  }
  return leaves;
}

/** How the objective of a loop is differentiated, as the loops that it runs say. Undefined when wrong (reported). */
function directionInside(cx: Context, loop: Loop, leaves: readonly LeafDeclaration[]): Direction | undefined {
  const direction = directionOf(cx, checkedLoops(cx.world.consumer).filter((r) => r.around === loop), leaves);
  if (direction?.kind !== "es" || !direction.lasting) return direction;
  return void fail(cx, {
    code: "M0701",
    title: "A `horizon` of samples inside another loop is not yet supported",
    at: direction.lasting.loop.through.span!,
    secondary: [{ span: loop.item.name.span, message: `\`${loop.name}\` runs it` }],
  });
}

/** True where what is differentiated window by window is without mistakes in one of the windows too: its times are those of a window.
 *  Reports. */
export function holdsInWindows(
  { world, ...cx }: Context,
  direction: Direction,
  write: (inside: Context) => unknown,
): boolean {
  const windows = direction.kind === "es" ? direction.windows : undefined;
  if (!windows) return true;
  const { loop, length, carry } = windows;
  const from = cx.b.input({ dtype: "i32", shape: [] }, "from");
  const window = { loop, length, from, carry: carry.map((type) => cx.b.input(type)), across: false };
  const { runs } = world.consumer;
  const found = runs.length;
  const written = write({ ...cx, world: enterWorld(world, { window }) });
  // how they are run was found out before
  runs.length = found;
  return written !== undefined;
}

/** True when the values of every step of the loops that were run can be kept, as their derivatives need. Reports. */
export function canUnroll(cx: Context): boolean {
  for (const { loop, steps, leaves } of cx.world.consumer.runs) {
    for (const leaf of leaves) {
      const why = `a derivative keeps \`${leaf.name}\` at every step`;
      if (tooLarge(cx, [{ size: steps }, ...leaf.dims], loop.count.span, why)) return false;
    }
    const asks = `\`${loop.name}\` is differentiated and runs ${steps} steps`;
    if (!withinLimit(cx, "steps", { count: steps, asks, at: loop.count.span })) return false;
  }
  return true;
}
