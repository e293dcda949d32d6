// What do `gradient`, `evaluate` and a loop that nothing uses become? One function each.
import type { Variable } from "../runtime/ir/types.ts";
import type {
  Expectation,
  GradientProgram,
  ProgramFunction,
  SimulationProgram,
  TrajectoryQuantity,
} from "../runtime/loop/program.ts";
import type { GradientItem } from "./ast.ts";
import { expressionText } from "./expression_text.ts";
import { type Elaboration, fail, moduleScope } from "./elaboration.ts";
import { toTensor } from "./arithmetic.ts";
import { evaluate, runLoop } from "./evaluator.ts";
import { canUnroll, stepsOf } from "./inner.ts";
import { scalarObjective } from "./objective.ts";
import { loopsTouched, timeLocals } from "./comprehensions.ts";
import {
  type Across,
  type Draft,
  type LastingLeaves,
  meanOverTasks,
  noLeaves,
  openFunction,
  openTasks,
  readCount,
} from "./consumers.ts";
import { differentiate } from "./differentiate.ts";
import { type Direction, directionOf } from "./directions.ts";
import { type Loop, readAcross, runsHere } from "./loops.ts";
import type { LoopRun } from "./loop_record.ts";
import type { LeafDeclaration } from "./leaves.ts";
import { hintFor } from "./hints.ts";
import { count } from "./models.ts";
import { type MetaReference, readMetaReference, sourceText } from "./meta_parameters.ts";
import { lowerSensitivities } from "./sensitivities.ts";
import { withSources } from "./sources.ts";
import { describeKnown, requireStatic } from "./sizes.ts";
import { type Context, withLocals } from "./world.ts";
import { shapeOf, type TensorValue, type Value } from "./values.ts";

/** A trajectory that `record` asks for. */
export interface TrajectoryWish {
  readonly loop: Loop;
  /** `linear.w`, `fit.loss`. */
  readonly name: string;
  readonly leaf?: LeafDeclaration;
  readonly quantity?: "loss" | "gradient_norm";
  /** A hyperparameter at every step. */
  readonly rate?: string;
}

/** Writes the wished trajectories of the loops that were run where a context stands. */
export function collectTrajectories(
  cx: Context,
  wishes: readonly TrajectoryWish[],
): { outputs: Variable[]; quantities: TrajectoryQuantity[] } {
  const outputs: Variable[] = [];
  const quantities: TrajectoryQuantity[] = [];
  for (const wish of wishes) {
    const run = cx.world.runs.get(wish.loop);
    if (!run) continue;
    const variable = wish.leaf
      ? run.trajectory(wish.leaf)
      : wish.quantity
      ? run.stacked(wish.quantity)
      : run.rate(wish.rate!);
    if (!variable) continue;
    outputs.push(variable);
    quantities.push({
      name: wish.name,
      loop: wish.loop.name,
      type: { dtype: variable.dtype, shape: variable.shape },
    });
  }
  return { outputs, quantities };
}

// --------------------------------------------------------------------------------------------------------- gradient

/** A `gradient` item after its check. */
export interface CheckedGradient {
  readonly item: GradientItem;
  readonly across: Across | undefined;
  readonly wrt: readonly MetaReference[];
  readonly expect: readonly Expectation[];
  readonly inners: ReadonlySet<Loop>;
  /** Those whose times can be recorded: none across tasks, none inside others, none in windows. */
  readonly outermost: ReadonlySet<Loop>;
  readonly direction: Direction;
  /** Every loop that was run for it, with the loop whose step ran it. */
  readonly runs: readonly LoopRun[];
}

function openGradientItem(
  el: Elaboration,
  item: GradientItem,
  lasting: LastingLeaves,
  how: { readonly dry: boolean; readonly watches?: true },
): Draft {
  const label = sourceText(el, item.value);
  return openFunction(el, `gradient ${label}`, {
    consumer: `gradient ${expressionText(el.modules.root.source.text, item.value)}`,
    place: { what: "this gradient", span: item.value.span },
    differentiated: true,
    scope: moduleScope(el.modules.root),
    ...how,
    ...lasting,
  });
}

function gradientObjective(cx: Context, item: GradientItem): TensorValue | undefined {
  return scalarObjective(withLocals(cx, timeLocals(cx, item.value)), item.value, "what is differentiated");
}

/** Goes through a gradient once without running anything. Undefined when something is wrong or not shaped yet. */
export function checkGradient(el: Elaboration, item: GradientItem): CheckedGradient | undefined {
  const { cx } = openGradientItem(el, item, noLeaves, { dry: true });
  const clause = item.across && readAcross(el, item.across, el.modules.root);
  const across = clause && readCount(cx, clause);
  if (item.across && !across) return undefined;
  if (item.after) {
    const loop = el.loops.get(item.after.name);
    if (loop?.kind !== "outer") {
      fail(cx, {
        code: loop ? "M0203" : "M0201",
        title: loop ? `\`${item.after.name}\` is an inner loop` : `There is no outer \`${item.after.name}\``,
        at: item.after.span,
        notes: loop ? ["`after` names the outer whose trained values are used"] : [],
        hint: hintFor(item.after.name, [...el.loops.values()].filter((l) => l.kind === "outer").map((l) => l.name)),
      });
      return undefined;
    }
    if (!runsHere(cx, loop, item.after.span)) return undefined;
  }
  const tasks = openTasks(cx, across);
  for (const inner of loopsTouched(el, item.value)) runLoop(tasks.cx, inner, item.value.span);
  const objective = gradientObjective(tasks.cx, item);
  if (!canUnroll(tasks.cx)) return undefined;
  const references = item.wrt.map((r) => readMetaReference(cx, r));
  const wrt = references.filter((r) => r !== undefined);
  const expect = wrt.length === references.length ? readExpectations(cx, item, wrt) : [];
  if (!objective || wrt.length < references.length || !expect) return undefined;
  const { runs } = tasks.cx.world.consumer;
  const direction = directionOf(cx, runs.filter((r) => !r.around), wrt.flatMap((r) => r.leaves));
  if (!direction) return undefined;
  return {
    item,
    across,
    wrt,
    expect,
    direction,
    runs,
    inners: new Set(runs.map((r) => r.loop)),
    outermost: across || isWindowed(direction) ? new Set() : new Set(tasks.cx.world.runs.keys()),
  };
}

/** Of a loop that is run window by window, no whole trajectory passes. */
function isWindowed(direction: Direction): boolean {
  return direction.kind === "es" && direction.windows !== undefined;
}

function readExpectations(
  cx: Context,
  item: GradientItem,
  wrt: readonly MetaReference[],
): Expectation[] | undefined {
  const el = cx.elaboration;
  const result: Expectation[] = [];
  let wrong = false;
  for (const entry of item.expect) {
    const label = sourceText(el, entry.reference);
    const index = wrt.findIndex((r) => r.label === label);
    const isValue = entry.reference.kind === "Name" && entry.reference.name === "value" && index === -1;
    if (index === -1 && !isValue) {
      wrong = true;
      fail(cx, {
        code: "M0201",
        title: `\`${label}\` is not in \`wrt\``,
        at: entry.reference.span,
        notes: [`An \`expect\` names \`value\` or one of ${wrt.map((r) => `\`${r.label}\``).join(", ")}`],
      });
      continue;
    }
    const { value, sources } = withSources(cx.world.consumer, () => evaluate(cx, entry.value));
    const within = requireStatic(cx, entry.within, "the distance after `within`");
    // a parameter has other values after an outer than where it starts
    const numbers = value.kind === "error" || sources.size > 0 ? undefined : literalNumbers(cx, value);
    if (value.kind !== "error" && !numbers) {
      fail(cx, {
        code: "M0304",
        title: `\`expect\` compares with numbers known before the run, not with ${describeKnown(value)}`,
        at: entry.value.span,
      });
    }
    const distance = within && within.value >= 0 && Number.isFinite(within.value);
    if (within && !distance) {
      fail(cx, {
        code: "M0304",
        title: `The distance after \`within\` must ${within.value < 0 ? "not be negative" : "be finite"}`,
        at: entry.within.span,
        label: `this is ${within.value}`,
        notes: within.value < 0 ? [] : ["Whatever is computed would be near enough"],
      });
    }
    const endless = numbers?.find((x) => !Number.isFinite(x));
    if (endless !== undefined) {
      fail(cx, {
        code: "M0304",
        title: "What is expected must be finite",
        at: entry.value.span,
        label: `this is ${endless}`,
        notes: ["A value that is not finite fails the run, so none can be near to it"],
      });
    }
    if (!numbers || !distance || endless !== undefined) {
      wrong = true;
      continue;
    }
    const size = isValue ? 1 : wrt[index]!.leaves.reduce((n, l) => n + shapeOf(l.dims).reduce((a, d) => a * d, 1), 0);
    if (numbers.length !== 1 && numbers.length !== size) {
      wrong = true;
      fail(cx, {
        code: "M0305",
        title: `\`${label}\` has ${count(size, "entry", "entries")}, and ${numbers.length} are expected`,
        at: entry.value.span,
      });
      continue;
    }
    result.push({
      label,
      of: isValue ? "value" : { wrt: index },
      expected: numbers,
      within: within.value,
      origin: entry.span,
    });
  }
  return wrong ? undefined : result;
}

/** The numbers of an array that is a constant; undefined for what is computed, and for what is no array. */
function literalNumbers(cx: Context, given: Value): number[] | undefined {
  const value = toTensor(cx, given, "float");
  if (value.kind === "error") return undefined;
  const uniform = cx.b.uniformValue(value.variable);
  if (uniform !== undefined && value.dims.length === 0) return [uniform];
  const producer = cx.b.producer(value.variable);
  return producer?.op === "constant" ? [...producer.params.data] : undefined;
}

/** Writes a gradient item. */
export function lowerGradient(
  el: Elaboration,
  gradient: CheckedGradient,
  lasting: LastingLeaves,
  wishes: readonly TrajectoryWish[],
): GradientProgram {
  const { item, across, wrt } = gradient;
  const draft = openGradientItem(el, item, lasting, { dry: false });
  const { cx, b, world } = draft;
  b.origin = item.value.span;
  const leaves = [...new Set(wrt.flatMap((r) => r.leaves))];
  let found: ReturnType<typeof collectTrajectories> = { outputs: [], quantities: [] };
  const closed = differentiate(cx, gradient.direction, {
    name: "objective",
    at: item.value.span,
    leaves,
    value: (leaf) => ({
      kind: "tensor",
      variable: world.consumer.input({ kind: "leaf", name: leaf.name }),
      dims: leaf.dims,
    }),
    tasks: across?.count,
    write: (inside, more = () => []) => {
      const tasks = openTasks(inside, across);
      const objective = gradientObjective(tasks.cx, item)!;
      if (!across && !isWindowed(gradient.direction)) found = collectTrajectories(tasks.cx, wishes);
      const [stacked, ...rest] = tasks.close([objective.variable, ...more(tasks.cx)]);
      const own = rest.map((x) => across ? x : inside.b.reshape(x, x.shape.slice(1)));
      return [meanOverTasks(inside.b, stacked!), ...found.outputs, ...own];
    },
  });
  const [value, ...trajectories] = closed.outputs;
  const ordered = wrt.flatMap((r) => r.leaves.map((leaf) => closed.gradients[leaves.indexOf(leaf)]!));
  return {
    label: sourceText(el, item.value),
    origin: item.span,
    ...(item.after ? { after: item.after.name } : {}),
    wrt: wrt.map((r) => ({ label: r.label, leaves: r.leaves.map((l) => l.name) })),
    fn: draft.finish([value!, ...ordered, ...trajectories]),
    trajectories: found.quantities,
    expect: gradient.expect,
    watch: () => watchGradient(el, gradient, lasting),
    slopes: () => lowerSlopes(el, gradient, lasting),
  };
}

/** The value of a gradient item alone, by loops that are watched. */
function watchGradient(el: Elaboration, { item, across }: CheckedGradient, lasting: LastingLeaves): ProgramFunction {
  const draft = openGradientItem(el, item, lasting, { dry: false, watches: true });
  const tasks = openTasks(draft.cx, across);
  const objective = gradientObjective(tasks.cx, item)!;
  return draft.finish(tasks.close([objective.variable]));
}

/** The derivatives of a gradient item's value for what its loops evolve, at every time. */
function lowerSlopes(
  el: Elaboration,
  { item, across, runs }: CheckedGradient,
  lasting: LastingLeaves,
): ReturnType<NonNullable<GradientProgram["slopes"]>> {
  const draft = openGradientItem(el, item, lasting, { dry: false });
  const { outputs, quantities } = lowerSensitivities(draft, {
    name: "objective",
    runs,
    objective: (inside) => {
      const tasks = openTasks(inside, across);
      const [stacked] = tasks.close([gradientObjective(tasks.cx, item)!.variable]);
      return meanOverTasks(inside.b, stacked!);
    },
  });
  const leaves = runs.filter((r) => !r.around).flatMap((r) => r.leaves);
  return {
    fn: draft.finish(outputs),
    quantities: quantities.map((q, i) => ({ ...q, name: leaves[i]?.name ?? q.name })),
  };
}

// ------------------------------------------------------------------------------------------------------- simulation

function openSimulation(
  el: Elaboration,
  loop: Loop,
  lasting: LastingLeaves,
  how: { readonly dry: boolean; readonly watches?: true },
): Draft {
  return openFunction(el, `run ${loop.name}`, {
    consumer: loop.name,
    place: { what: `\`${loop.name}\``, span: loop.item.name.span, alone: true },
    scope: moduleScope(loop.module),
    ...how,
    ...lasting,
  });
}

/** Goes through an inner loop that nothing else uses. */
export function checkSimulation(
  el: Elaboration,
  loop: Loop,
): { readonly loop: Loop; readonly steps: number } | undefined {
  const { cx } = openSimulation(el, loop, noLeaves, { dry: true });
  const run = runLoop(cx, loop, loop.item.name.span);
  return run && { loop, steps: run.steps };
}

/** Writes an inner loop that is run by itself. */
export function lowerSimulation(
  el: Elaboration,
  loop: Loop,
  lasting: LastingLeaves,
  wishes: readonly TrajectoryWish[],
): SimulationProgram {
  const draft = openSimulation(el, loop, lasting, { dry: false });
  const run = runLoop(draft.cx, loop, loop.item.name.span)!;
  const { outputs, quantities } = collectTrajectories(draft.cx, wishes);
  return {
    loop: loop.name,
    origin: loop.item.name.span,
    steps: stepsOf(draft.cx, loop)!,
    fn: draft.finish([run.stacked("loss"), ...outputs]),
    trajectories: quantities,
    watch: () => {
      const again = openSimulation(el, loop, lasting, { dry: false, watches: true });
      return again.finish([runLoop(again.cx, loop, loop.item.name.span)!.stacked("loss")]);
    },
  };
}
