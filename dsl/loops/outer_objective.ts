// What does an outer loop minimize at one moment? Its objective for each task, the mean over them.
import { asFloat } from "../elaborate/arithmetic.ts";
import { meanOverTasks, openTasks, readCount } from "./task_scopes.ts";
import type { Across, Context, Local, Training } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { timeLocals } from "../elaborate/time_points.ts";
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import { withBatch } from "./minibatches.ts";
import type { Loop } from "../world/loop.ts";
import { clear, scalarObjective } from "./objective.ts";
import { enterWorld, goneDown, withLocals } from "../world/moments.ts";
import { staticNumber } from "../world/values.ts";
import { stepsOf } from "../elaborate/steps.ts";
import { metaStepsMade } from "./meta_steps.ts";

/** The objective of one task where a context stands; `training`: what its calls make of the states that models hold. Undefined when
 *  wrong (reported). */
export function taskObjective(cx: Context, loop: Loop, training = goneDown(loop).training): TensorValue | undefined {
  const { value } = loop.objective;
  const { runs, starts } = cx.world;
  // the loops that it runs are those of the task
  const inside = { ...cx, world: enterWorld(cx.world, { training, runs, starts }) };
  const at = withLocals(withLocals(inside, ownTimes(cx, loop)), timeLocals(inside, value));
  return withBatch(at, loop, (inside) => scalarObjective(inside, value, `the objective of \`${loop.name}\``));
}

/** The number of the meta-step, and the name that the loop gives to how many there are; where inner loops have the name, theirs. */
function ownTimes(cx: Context, loop: Loop): Map<string, Local> {
  const locals = new Map([["t", clear(cx, loop, "t", metaStepsMade(cx, loop, loop.item.name.span))]]);
  const { name } = loop.count;
  const steps = name && stepsOf(cx, loop);
  if (name && steps !== undefined) locals.set(name.name, clear(cx, loop, name.name, staticNumber(steps, "int")));
  return locals;
}

/** The tasks that an outer is across. Undefined when wrong (reported) or when it has none. */
export function acrossOf(cx: Context, loop: Loop): Across | undefined {
  return loop.across && loop.across !== "unknown" ? readCount(cx, loop.across) : undefined;
}

/** The mean of the objective over the tasks, with its own sign. Undefined when wrong (reported). */
export function outerObjective(cx: Context, loop: Loop): Variable | undefined {
  return objectiveWith(cx, loop, () => [])?.mean;
}

/** What an outer minimizes at one moment. */
export interface ObjectiveOfTasks {
  /** Over all tasks, or over those that count. */
  readonly mean: Variable;
  /** 1 for each task that counts and 0 for one that is not finite, where such are left out: [tasks]. */
  readonly counts: Variable | undefined;
  /** What else is wanted of each task: [tasks, ...], or without that axis where there are no tasks. */
  readonly more: readonly Variable[];
}

/** The mean of the objective, and what else is wanted of each task. Undefined when wrong (reported). */
export function objectiveWith(
  cx: Context,
  loop: Loop,
  more: (cx: Context, training: Training) => readonly Variable[],
): ObjectiveOfTasks | undefined {
  const across = acrossOf(cx, loop);
  const tasks = openTasks(cx, across);
  const { training } = goneDown(loop);
  const objective = taskObjective(tasks.cx, loop, training);
  if (!objective) return undefined;
  const own = asFloat(tasks.cx, objective).variable;
  const kept = loop.skip && finiteOnly(tasks.cx.b, own);
  const [stacked, ...rest] = tasks.close([...kept ?? [own], ...more(tasks.cx, training)]);
  const counts = kept && rest.shift();
  return {
    mean: counts ? meanOfCounted(cx.b, stacked!, counts) : meanOverTasks(cx.b, stacked!),
    counts,
    more: rest.map((x) => across ? x : cx.b.reshape(x, x.shape.slice(1))),
  };
}

/** The objective of a task, or 0 where it is not finite: the choice leaves out what is behind it, with its derivative. And
 *  whether it counts, as 1 or 0. */
function finiteOnly(b: Builder, own: Variable): [Variable, Variable] {
  const finite = b.apply("lt", b.apply("abs", b.apply("stop_gradient", own)), b.fill(Infinity, own));
  const choose = (x: Variable) => b.apply("select", finite, x, b.fill(0, own));
  return [choose(own), choose(b.fill(1, own))];
}

/** Of each task its own where it counts, else another: [tasks, ...]. */
export function ofCounted(b: Builder, counts: Variable, own: Variable, other: Variable): Variable {
  const wide = b.one("broadcast", [counts], { shape: own.shape, axes: [0] });
  return b.apply("select", b.apply("lt", b.fill(0, wide), wide), own, other);
}

/** The mean over the tasks that count; NaN where none does. */
export function meanOfCounted(b: Builder, stacked: Variable, counts: Variable): Variable {
  const total = b.sum(ofCounted(b, counts, stacked, b.fill(0, stacked)), [0]);
  const number = b.sum(counts);
  return b.apply("div", total, b.broadcastTo(number, total.shape));
}
