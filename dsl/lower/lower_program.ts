// How does a checked program become functions for the runtime? Each is written once.
import { TooManyEquations } from "../../runtime/ir/builder.ts";
import type { ExperimentProgram, Leaf, TrajectoryRequest } from "../../runtime/program/program.ts";
import { moduleScope } from "../world/report.ts";
import { shapeOf } from "../world/values.ts";
import type { Loop } from "../world/loop.ts";
import type { CheckedLoop, Elaboration, LeafDeclaration } from "../world/world.ts";
import { openOneTask } from "../loops/task_scopes.ts";
import { type Given, openFunction } from "../elaborate/functions.ts";
import { checkReach } from "./reach.ts";
import { lowerEvaluation } from "./lower_evaluation.ts";
import { lowerOutput } from "./lower_output.ts";
import type { CheckedGradient, CheckedOuter, CheckedProgram } from "../check/checked_program.ts";
import { lowerGradient, lowerSimulation } from "./lower_items.ts";
import { collectTrajectories } from "../check/check_items.ts";
import { lowerOuter, lowerTrajectories, withReadStates } from "./lower_outer.ts";
import { readMemory } from "../data/memory_budget.ts";
import { complete } from "../check/check_program.ts";

// ---------------------------------------------------------------------------------------------------------- lowering

/** Writes every function of a program. Undefined when it has mistakes: then what does not depend on those that were found is written
 *  only to find others, such as a gradient that cannot reach (reported). */
export function lowerProgram(el: Elaboration, checked: CheckedProgram): ExperimentProgram | undefined {
  const learned = namesOf(checked.outers.flatMap((o) => o.leaves));
  const trained = ({ runs }: Checked) => givenTrained(checked, runs);
  const untrained = ({ item, wrt, runs }: CheckedGradient) => {
    const own = namesOf(wrt.flatMap((r) => r.leaves));
    return givenTo(checked, item.after ? new Set([...learned, ...own]) : own, runs);
  };
  const wishesOf = (has: (loop: Loop) => boolean) => checked.records.wishes.filter((w) => has(w.loop));
  const { hasErrors } = el.sink;
  const attempt = <T>(write: () => T) => attemptIn(el, hasErrors, write);
  const outers = checked.outers.map((outer) =>
    attempt(() =>
      lowerOuter(el, outer, trained(outer), {
        records: checked.records.byOuter.get(outer.loop) ?? [],
        stopping: checked.stopping.get(outer.loop),
        ...trajectoriesOf(el, checked, outer, trained(outer)),
      })
    )
  );
  // the first outer that moves a loop says how it begins
  const all = outers.flatMap((outer) => outer?.standing ?? []);
  const standing = all.filter(({ loop }, i) => all.findIndex((other) => other.loop === loop) === i);
  const gradients = checked.gradients.map((g) =>
    attempt(() => lowerGradient(el, g, untrained(g), wishesOf((loop) => g.inners.has(loop))))
  );
  const item = el.modules.root.program.items.find((i) => i.kind === "Memory");
  const budget = item && readMemory(item, el.sink);
  // the starts were gone through (`checkStarts`)
  const initial = hasErrors ? undefined : attempt(() => lowerInitial(el, checked));
  const evaluations = checked.evaluations.map((e) => attempt(() => lowerEvaluation(el, e, trained(e))));
  const outputs = checked.outputs.map((o) => attempt(() => lowerOutput(el, o, trained(o))));
  const simulations = checked.simulations.map((s) =>
    attempt(() => {
      const runs = [...s.runs, ...s.outputs.flatMap((o) => o.runs)];
      return lowerSimulation(el, s, trained({ runs }), wishesOf((loop) => loop === s.loop));
    })
  );
  const everything = new Set(standing.flatMap(({ states }) => states.map(({ name }) => name)));
  const read = [...gradients, ...evaluations, ...outputs, ...simulations];
  const steps = outers.map((o) => o?.stepWith(everything));
  checkReach(el, checked, { outers: steps, gradients: gradients.map((g) => g?.fn) }, {
    outer: (outer) => withZeros(el, () => lowerOuter(el, outer, trained(outer), { records: [] }).stepWith(everything)),
    gradient: (gradient) => withZeros(el, () => lowerGradient(el, gradient, untrained(gradient), []).fn),
  });
  if (el.sink.hasErrors || !initial) return undefined;
  return {
    source: el.modules.root.source.name,
    precision: el.precision,
    limits: el.limits,
    ...(budget === undefined ? {} : { memory: budget }),
    data: el.data,
    ...([...el.parts.keys()].some(({ part }) => part?.share) && { splitBySeed: el.seed }),
    leaves: checked.persistent.map((leaf) => lastingLeaf(el, leaf)),
    initial,
    outers: withReadStates(complete(outers), read.flatMap((item) => item ? [item.fn] : [])),
    standing,
    gradients: complete(gradients),
    evaluations: complete(evaluations),
    outputs: complete(outputs),
    simulations: complete(simulations),
  };
}

/** An item after its check, with the loops that it runs. */
type Checked = { readonly runs: readonly CheckedLoop[] };

/** What is written without a mistake being met. */
function attemptIn<T>({ sink }: Elaboration, hasErrors: boolean, write: () => T): T | undefined {
  const { reports } = sink;
  try {
    const made = write();
    return sink.reports === reports ? made : undefined;
  } catch (error) {
    // what stands on a mistake that was reported need not hold together
    if (hasErrors && !(error instanceof TooManyEquations)) return undefined;
    throw error;
  }
}

/** Writes products with a number that is 0 as they are. */
function withZeros<T>({ work }: Elaboration, write: () => T): T {
  work.writesZeros = true;
  try {
    return write();
  } finally {
    work.writesZeros = false;
  }
}

function lastingLeaf({ precision }: Elaboration, { name, dims, range, span, perStep }: LeafDeclaration): Leaf {
  return {
    name,
    type: { dtype: precision, shape: shapeOf(dims) },
    dims: dims.map((d) => d.name ?? String(d.size)),
    ...(range ? { range } : {}),
    ...(perStep ? { perStep } : {}),
    origin: span,
  };
}

/** The loops that outers move from meta-step to meta-step, with the tasks that they stand in. */
function lastingIn({ outers }: CheckedProgram): NonNullable<Given["lasting"]> {
  return new Map(outers.flatMap(({ warm, across }) => warm.map(({ loop }) => [loop, across] as const)));
}

/** What is known of a function that is given the values of some of the leaves that live as long as the run. */
function givenTo(checked: CheckedProgram, given: ReadonlySet<string>, runs: readonly CheckedLoop[]): Given {
  const all = namesOf(checked.persistent);
  return {
    persistent: given,
    lasting: lastingIn(checked),
    declared: { has: (name) => all.has(name) && !given.has(name) },
    plans: plansOf(runs),
  };
}

/** What is known of a function that is given all that outers learned. */
export function givenTrained(checked: CheckedProgram, runs: readonly CheckedLoop[]): Given {
  return givenTo(checked, namesOf(checked.outers.flatMap((o) => o.leaves)), runs);
}

const namesOf = (leaves: readonly LeafDeclaration[]): ReadonlySet<string> => new Set(leaves.map((leaf) => leaf.name));

/** How loops are run, by loop. */
export const plansOf = (runs: readonly CheckedLoop[]) => new Map(runs.map((run) => [run.loop, run]));

function trajectoriesOf(
  el: Elaboration,
  checked: CheckedProgram,
  outer: CheckedOuter,
  given: Given,
): { trajectories?: TrajectoryRequest } {
  const wishes = checked.records.wishes.filter((w) => outer.inners.has(w.loop));
  const slopes = checked.records.sensitivities.find((s) => s.loop === outer.loop);
  const first = wishes[0] ?? slopes;
  if (!first) return {};
  // without `every`: at the first and the last meta-step
  const every = first.every ?? Math.max(1, outer.steps - 1);
  return {
    trajectories: lowerTrajectories(
      el,
      outer,
      given,
      (cx, across) => openOneTask(cx, across, first.task),
      (cx) => collectTrajectories(cx, wishes),
      { every, sensitivity: slopes !== undefined },
    ),
  };
}

/** The declared values of the leaves: drawn once, under the name of the leaf alone. */
function lowerInitial(el: Elaboration, { persistent, startRuns }: CheckedProgram): ExperimentProgram["initial"] {
  const draft = openFunction(el, "initial", {
    consumer: "",
    scope: moduleScope(el.modules.root),
    persistent: new Set(),
    plans: plansOf(startRuns),
  });
  return draft.finish(persistent.map((leaf) => leaf.initial(draft.cx)!.variable));
}
