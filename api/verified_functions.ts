// Which functions does `verify` run, at which values, and how long will that take?
import { openExecutables, seedWords } from "../runtime/loop/executables.ts";
import { expandGradients } from "../runtime/autodiff/expand_gradients.ts";
import { referenceBackend } from "../runtime/backend/reference/index.ts";
import type { CompileOutput } from "../dsl/compile.ts";
import { costOf } from "../runtime/ir/cost.ts";
import type { HostArray, IrFunction } from "../runtime/ir/types.ts";
import { type ExperimentProgram, madeBy, type OuterProgram, trajectoryName } from "../runtime/program/program.ts";
import type { Point } from "../runtime/verify/check_gradient.ts";
import type { Held } from "../runtime/verify/held_values.ts";
import type { NamedFunction } from "../runtime/verify/compare_backends.ts";
import { isLibrary } from "../dsl/text/source.ts";

/** Seconds that the differences may take, by a rough pace of the reference backend. */
export const patience = 20;
const secondsPerCall = 1.5e-6;
const secondsPerFlop = 1e-9;

/** Evaluations for each number that is compared. */
export const evaluations = 20;

/** Seconds that a function takes on `reference`. */
export function secondsOf(fn: IrFunction): number {
  const { flops, calls } = costOf(expandGradients(fn));
  return calls * secondsPerCall + flops * secondsPerFlop;
}

/** The functions that a run calls, but for those that only look for what went wrong. */
export function namedFunctions(
  program: ExperimentProgram,
): readonly (NamedFunction & { readonly outer?: OuterProgram })[] {
  const { leaves, outers, gradients, evaluations, outputs, simulations } = program;
  return [
    ...outers.flatMap((outer) => [
      {
        name: `outer ${outer.name}`,
        fn: outer.step,
        outer,
        outputs: ["objective", "norm of the gradient", ...madeBy(outer).map(({ name }) => name)],
      },
      ...(outer.trajectories
        ? [{
          name: `record of ${outer.name}`,
          fn: outer.trajectories.fn,
          outer,
          outputs: outer.trajectories.quantities.map(trajectoryName),
        }]
        : []),
    ]),
    ...gradients.map((g) => ({
      name: `gradient ${g.label}`,
      fn: g.fn,
      outputs: ["value", ...g.wrt.flatMap((w) => w.leaves), ...g.trajectories.map(trajectoryName)],
    })),
    ...evaluations.map((e) => ({ name: `evaluate ${e.name}`, fn: e.fn, outputs: e.reports.map((r) => r.label) })),
    ...outputs.map((o) => ({ name: `output ${o.name}`, fn: o.fn, outputs: [o.label] })),
    ...simulations.map((s) => ({
      name: `inner ${s.loop}`,
      fn: s.fn,
      outputs: [
        "loss",
        ...s.trajectories.map(trajectoryName),
        ...s.outputs.map((o) => `output ${o.name}`),
        ...s.ends.map((name) => `${name}, where it ends`),
      ],
    })),
    ...(leaves.length > 0 ? [{ name: "start", fn: program.initial, outputs: leaves.map((l) => l.name) }] : []),
  ];
}

/** What the program itself says is held, where it says `stop_gradient` at all; with it those of the library, whose values do not depend
 *  on what they hold, but not those of an estimator, whose bias is shown. */
export function saidStops({ sources }: Pick<CompileOutput, "sources">): Held {
  const word = /\bstop_gradient\b/;
  if (![...sources].some(([name, { text }]) => !isLibrary(name) && word.test(text))) return () => false;
  return ({ op, origin }) =>
    op === "stop_gradient" && origin !== undefined &&
    word.test(sources.get(origin.source)?.text.slice(origin.start, origin.end) ?? "");
}

/** Declared values, and the states before the first meta-step. */
export function pointOf(program: ExperimentProgram, index: number, seed: number): Point {
  const executables = openExecutables(referenceBackend);
  const none: ReadonlyMap<string, HostArray> = new Map();
  const base = { seed: seedWords(seed), data: program.data, step: 0, tasks: { value: () => seedWords(0) } };
  const initial = executables.call(program.initial, { ...base, leaves: none, states: none }).outputs;
  const leaves = new Map(program.leaves.map((leaf, i) => [leaf.name, initial[i]!]));
  const outer = program.outers[index];
  const states = new Map<string, HostArray>();
  for (const { states: kept, start } of program.standing) {
    const first = executables.call(start, { ...base, leaves, states: none }).outputs;
    kept.forEach(({ name }, i) => states.set(name, first[i]!));
  }
  if (outer) {
    const first = executables.call(outer.initialStates, { ...base, leaves, states: none }).outputs;
    outer.states.forEach(({ name }, i) => states.set(name, first[i]!));
  }
  executables.dispose();
  return { seed: base.seed, leaves, states, data: program.data };
}
