// What do `gradient` and a loop that nothing uses become? One function each.
import type { GradientProgram, ProgramFunction, SimulationProgram } from "../../runtime/program/program.ts";
import { sourceText } from "../world/report.ts";
import type { Context, Elaboration, LeafDeclaration } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { isLasting, standingOf } from "../loops/standing.ts";
import { runLoop } from "../world/evaluator.ts";
import { meanOverTasks, openTasks } from "../loops/task_scopes.ts";
import type { Given } from "../elaborate/functions.ts";
import { differentiate } from "../loops/differentiate.ts";
import { lowerSensitivities } from "./sensitivities.ts";
import { keepNaN, outputArray } from "./lower_output.ts";
import { outputValue } from "../check/check_output.ts";
import type { CheckedGradient, CheckedSimulation, TrajectoryWish } from "../check/checked_program.ts";
import {
  collectTrajectories,
  gradientObjective,
  isWindowed,
  openGradientItem,
  openSimulation,
} from "../check/check_items.ts";

/** Writes a gradient item. */
export function lowerGradient(
  el: Elaboration,
  gradient: CheckedGradient,
  given: Given,
  wishes: readonly TrajectoryWish[],
): GradientProgram {
  const { item, across, wrt } = gradient;
  const draft = openGradientItem(el, item, given);
  const { cx, b } = draft;
  b.origin = item.value.span;
  const leaves = [...new Set(wrt.flatMap((r) => r.leaves))];
  let found: ReturnType<typeof collectTrajectories> = { outputs: [], quantities: [] };
  const closed = differentiate(cx, gradient.direction, {
    name: "objective",
    at: item.value.span,
    leaves,
    value: (leaf) => presentStart(cx, gradient, leaf),
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
    watch: () => watchGradient(el, gradient, given),
    slopes: () => lowerSlopes(el, gradient, given),
  };
}

/** What a gradient is computed at: where a loop stands that goes on, or what was learned or declared. */
function presentStart(cx: Context, { runs }: CheckedGradient, leaf: LeafDeclaration): TensorValue {
  const { consumer } = cx.world;
  const warm = runs.find(({ loop, around, leaves }) => isLasting(consumer, loop) && !around && leaves.includes(leaf));
  if (warm) return standingOf(cx, warm.loop, leaf)!.p;
  return { kind: "tensor", variable: consumer.input({ kind: "leaf", name: leaf.name }), dims: leaf.dims };
}

/** The value of a gradient item alone, by loops that are watched. */
function watchGradient(el: Elaboration, { item, across }: CheckedGradient, given: Given): ProgramFunction {
  const draft = openGradientItem(el, item, given, true);
  const tasks = openTasks(draft.cx, across);
  const objective = gradientObjective(tasks.cx, item)!;
  return draft.finish(tasks.close([objective.variable]));
}

/** The derivatives of a gradient item's value for what its loops evolve, at every time. */
function lowerSlopes(
  el: Elaboration,
  { item, across, runs }: CheckedGradient,
  given: Given,
): ReturnType<NonNullable<GradientProgram["slopes"]>> {
  const draft = openGradientItem(el, item, given);
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

/** Writes an inner loop that is run by itself. */
export function lowerSimulation(
  el: Elaboration,
  simulation: CheckedSimulation,
  given: Given,
  wishes: readonly TrajectoryWish[],
): SimulationProgram {
  const { loop, outputs: items } = simulation;
  const draft = openSimulation(el, simulation, given);
  const run = runLoop(draft.cx, loop, loop.item.name.span)!;
  const { outputs, quantities } = collectTrajectories(draft.cx, wishes);
  const values = items.map(({ item }) => ({ item, value: outputValue(draft.cx, item)! }));
  const ends = run.leaves.map((leaf) => run.parameter(leaf, { kind: "static", step: run.steps }).variable);
  const taken = run.taken.kind === "tensor" ? [run.taken.variable] : [];
  const written = [
    run.stacked("loss"),
    ...outputs,
    ...values.map(({ value }) => value.variable),
    ...ends,
    ...taken,
  ];
  const { fn, marks } = keepNaN(draft.finish(written));
  const first = 1 + outputs.length;
  return {
    loop: loop.name,
    origin: loop.item.name.span,
    steps: run.steps,
    fn,
    trajectories: quantities,
    outputs: values.map(({ item, value }, i) => {
      const mark = marks[first + i];
      return { ...outputArray(el, item, value), ...(mark === undefined ? {} : { mark }) };
    }),
    ends: run.leaves.map((leaf) => leaf.name),
    ...(taken.length > 0 ? { stops: true } : {}),
    watch: () => {
      const again = openSimulation(el, simulation, given, true);
      return again.finish([runLoop(again.cx, loop, loop.item.name.span)!.stacked("loss")]);
    },
  };
}
