// What does an outer loop minimize at one moment? Its objective for each task, the mean over them.
import { asFloat } from "../elaborate/arithmetic.ts";
import { meanOverTasks, openTasks, readCount } from "./task_scopes.ts";
import type { Across, Context, Local } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { timeLocals } from "../elaborate/time_points.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import { withBatch } from "./minibatches.ts";
import type { Loop } from "../world/loop.ts";
import { clear, scalarObjective } from "./objective.ts";
import { withLocals } from "../world/moments.ts";
import { staticNumber } from "../world/values.ts";
import { stepsOf } from "../elaborate/steps.ts";
import { metaStepsMade } from "./meta_steps.ts";

/** The objective of one task where a context stands. Undefined when wrong (reported). */
export function taskObjective(cx: Context, loop: Loop): TensorValue | undefined {
  const { value } = loop.objective;
  const at = withLocals(withLocals(cx, ownTimes(cx, loop)), timeLocals(cx, value));
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
  return objectiveWith(cx, loop, () => [])?.[0];
}

/** The mean of the objective, and what else is wanted of each task: [tasks, ...], or without that axis where there are no
 *  tasks. Undefined when wrong (reported). */
export function objectiveWith(
  cx: Context,
  loop: Loop,
  more: (cx: Context) => readonly Variable[],
): readonly Variable[] | undefined {
  const across = acrossOf(cx, loop);
  const tasks = openTasks(cx, across);
  const objective = taskObjective(tasks.cx, loop);
  if (!objective) return undefined;
  const [stacked, ...rest] = tasks.close([asFloat(tasks.cx, objective).variable, ...more(tasks.cx)]);
  const mean = meanOverTasks(cx.b, stacked!);
  return [mean, ...rest.map((x) => across ? x : cx.b.reshape(x, x.shape.slice(1)))];
}
