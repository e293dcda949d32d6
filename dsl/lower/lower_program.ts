// How does a checked program become functions for the runtime? Each is written once.
import { TooManyEquations } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type { ExperimentProgram, Leaf, TrajectoryRequest } from "../../runtime/program/program.ts";
import { moduleScope } from "../world/report.ts";
import type { Elaboration, LeafDeclaration } from "../world/world.ts";
import { openOneTask } from "../loops/task_scopes.ts";
import { type LastingLeaves, openFunction } from "../elaborate/functions.ts";
import { checkReach } from "./reach.ts";
import { lowerEvaluation } from "./lower_evaluation.ts";
import type { CheckedGradient, CheckedOuter, CheckedProgram } from "../check/checked_program.ts";
import { lowerGradient, lowerSimulation } from "./lower_items.ts";
import { collectTrajectories } from "../check/check_items.ts";
import { lowerOuter, lowerTrajectories } from "./lower_outer.ts";
import { readMemory } from "../data/memory_budget.ts";
import { complete } from "../check/check_program.ts";

// ---------------------------------------------------------------------------------------------------------- lowering

/** Writes every function of a program. Undefined when it has mistakes: then what does not depend on those that were found is written
 *  only to find others, such as a gradient that cannot reach (reported). */
export function lowerProgram(el: Elaboration, checked: CheckedProgram): ExperimentProgram | undefined {
  const learned = learnedLeaves(checked);
  const trained = lastingLeaves(checked, learned);
  const leaves: Leaf[] = checked.persistent.map((leaf) => ({
    name: leaf.name,
    type: { dtype: el.precision, shape: leaf.dims.map((d) => d.size) },
    dims: leaf.dims.map((d) => d.name ?? String(d.size)),
    ...(leaf.range ? { range: leaf.range } : {}),
    origin: leaf.span,
  }));
  const { hasErrors } = el.sink;
  /** What is written without a mistake being met. */
  const attempt = <T>(write: () => T): T | undefined => {
    const { reports } = el.sink;
    try {
      const made = write();
      return el.sink.reports === reports ? made : undefined;
    } catch (error) {
      // what stands on a mistake that was reported need not hold together
      if (hasErrors && !(error instanceof TooManyEquations)) return undefined;
      throw error;
    }
  };
  const outers = checked.outers.map((outer) =>
    attempt(() =>
      lowerOuter(el, outer, trained, {
        records: checked.records.byOuter.get(outer.loop) ?? [],
        ...trajectoriesOf(el, checked, outer, trained),
      })
    )
  );
  const lastingOf = (g: CheckedGradient) => {
    const own = g.wrt.flatMap((r) => r.leaves);
    return lastingLeaves(checked, g.item.after ? [...learned, ...own] : own);
  };
  const gradients = checked.gradients.map((g) =>
    attempt(() => lowerGradient(el, g, lastingOf(g), checked.records.wishes.filter((w) => g.inners.has(w.loop))))
  );
  const item = el.modules.root.program.items.find((i) => i.kind === "Memory");
  const budget = item && readMemory(item, el.sink);
  // the starts were gone through (`checkStarts`)
  const initial = hasErrors ? undefined : attempt(() => lowerInitial(el, checked.persistent));
  const evaluations = checked.evaluations.map((e) => attempt(() => lowerEvaluation(el, e, trained)));
  const simulations = checked.simulations.map(({ loop }) =>
    attempt(() => lowerSimulation(el, loop, trained, checked.records.wishes.filter((w) => w.loop === loop)))
  );
  const withZeros = <T>(write: () => T): T => {
    el.work.writesZeros = true;
    try {
      return write();
    } finally {
      el.work.writesZeros = false;
    }
  };
  checkReach(el, checked, { outers: outers.map((o) => o?.step), gradients: gradients.map((g) => g?.fn) }, {
    outer: (outer) => withZeros(() => lowerOuter(el, outer, trained, { records: [] }).step),
    gradient: (gradient) => withZeros(() => lowerGradient(el, gradient, lastingOf(gradient), []).fn),
  });
  if (el.sink.hasErrors || !initial) return undefined;
  return {
    source: el.modules.root.source.name,
    precision: el.precision,
    limits: el.limits,
    ...(budget === undefined ? {} : { memory: budget }),
    data: el.data,
    leaves,
    initial,
    outers: complete(outers),
    gradients: complete(gradients),
    evaluations: complete(evaluations),
    simulations: complete(simulations),
  };
}

function learnedLeaves({ outers }: CheckedProgram): LeafDeclaration[] {
  return outers.flatMap((o) => o.learned.flat()).flatMap((r) => r.leaves);
}

/** The leaves that live as long as the run for a function that is given the values of some. */
function lastingLeaves({ persistent }: CheckedProgram, given: readonly LeafDeclaration[]): LastingLeaves {
  const names = new Set(given.map((leaf) => leaf.name));
  return { persistent: names, declared: new Set(persistent.map((l) => l.name).filter((name) => !names.has(name))) };
}

function trajectoriesOf(
  el: Elaboration,
  checked: CheckedProgram,
  outer: CheckedOuter,
  lasting: LastingLeaves,
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
      lasting,
      (cx, across) => openOneTask(cx, across, first.task),
      (cx) => collectTrajectories(cx, wishes),
      { every, sensitivity: slopes !== undefined },
    ),
  };
}

/** The declared values of the leaves: drawn once, under the name of the leaf alone. */
function lowerInitial(el: Elaboration, leaves: readonly LeafDeclaration[]): ExperimentProgram["initial"] {
  const draft = openFunction(el, "initial", {
    consumer: "",
    dry: false,
    scope: moduleScope(el.modules.root),
    persistent: new Set(),
  });
  const outputs: Variable[] = leaves.map((leaf) => leaf.initial(draft.cx)!.variable);
  return draft.finish(outputs);
}
