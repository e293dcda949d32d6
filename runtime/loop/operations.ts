// How much work is a run? The floating-point operations of all that it calls, counted before it begins: a limit refuses
// what is too much (docs/limits.md).
import { MetaRuntimeError } from "../errors.ts";
import type { Origin } from "../ir/types.ts";
import { raising } from "../limits.ts";
import type { Executables } from "./executables.ts";
import type { ExperimentProgram, OuterProgram, ProgramFunction } from "../program/program.ts";

/** A function, how often the run calls it, and where it stands. */
interface Called {
  readonly name: string;
  readonly fn: ProgramFunction;
  readonly times: number;
  readonly origin: Origin;
}

function calledBy({ outers, gradients, evaluations, outputs, simulations }: ExperimentProgram): Called[] {
  const byName = new Map(outers.map((outer) => [outer.name, outer]));
  return [
    ...outers.flatMap(({ name, steps, step, trajectories, origin }) => [
      { name, fn: step, times: steps, origin },
      ...(trajectories
        ? [{ name, fn: trajectories.fn, times: 1 + Math.ceil(steps / trajectories.every), origin }]
        : []),
    ]),
    ...gradients.map(({ label, fn, origin }) => ({ name: `gradient ${label}`, fn, times: 1, origin })),
    ...evaluations.map(({ name, fn, origin, every }) => {
      const outer = every && byName.get(every.of);
      return { name, fn, times: 1 + (outer ? timesDuring(outer, name, every.steps) : 0), origin };
    }),
    ...outputs.map(({ name, fn, origin }) => ({ name, fn, times: 1, origin })),
    ...simulations.map(({ loop, fn, origin }) => ({ name: loop, fn, times: 1, origin })),
  ];
}

/** How often an evaluation is made while an outer goes on to its last meta-step. */
export function timesDuring({ steps, keep }: OuterProgram, name: string, every: number): number {
  return Math.ceil(steps / every) + (keep?.evaluation === name ? 1 : 0);
}

/** Throws MetaRuntimeError when a run needs more operations than its limit. Plans every function, when there is a limit. */
export function checkOperations(program: ExperimentProgram, executables: Executables): void {
  const most = program.limits?.operations ?? Infinity;
  if (most === Infinity) return;
  const work = calledBy(program).map((called) => {
    const { flops, calls } = executables.cost(called.fn);
    // an equation that only moves numbers is work, too
    return { ...called, operations: called.times * Math.max(flops, calls) };
  });
  const all = work.reduce((sum, { operations }) => sum + operations, 0);
  if (all <= most) return;
  const largest = work.reduce((a, b) => b.operations > a.operations ? b : a);
  const count = (n: number) => n.toPrecision(3);
  throw new MetaRuntimeError(
    `This run needs ${count(all)} operations, ${count(largest.operations)} of them for \`${largest.name}\`, and ` +
      `${count(most)} are allowed. ${raising("operations")}`,
    largest.origin,
  );
}
