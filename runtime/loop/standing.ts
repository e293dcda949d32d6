// Where does a loop stand that goes on from meta-step to meta-step? At its beginning until an outer first moves it; from then on what is
// kept of it lives as long as the run.
import type { HostArray } from "../ir/types.ts";
import type { OuterProgram, StandingProgram } from "../program/program.ts";
import type { RunContext } from "./run_context.ts";

/** What is kept of a loop before an outer moves it, with the present values of the leaves. */
export async function startOf(
  { states, start }: StandingProgram,
  { call }: RunContext,
): Promise<Map<string, HostArray>> {
  const arrays = await call(start, { step: 0 });
  return new Map(states.map(({ name }, i) => [name, arrays[i]!]));
}

/** Begins the loops that an outer moves and none has moved before. */
export async function beginStanding({ warm }: OuterProgram, context: RunContext): Promise<void> {
  const moved = new Set(warm.map(({ name }) => name));
  for (const standing of context.program.standing) {
    const own = standing.states.filter(({ name }) => moved.has(name));
    if (own.length === 0 || own.every(({ name }) => context.states.has(name))) continue;
    const begun = await startOf(standing, context);
    for (const { name } of own) context.states.set(name, begun.get(name)!);
  }
}

/** Where the loops stand that change parameters, by the names of these; where each task has its own, `w@fit`, tasks first. */
export function standingValues({ program, states }: RunContext): Map<string, HostArray> {
  return new Map(program.standing.flatMap(({ tasks, states: kept }) =>
    kept.flatMap(({ name, leaf }) => {
      const value = leaf === undefined ? undefined : states.get(name);
      return value ? [[tasks ? name : leaf!, value] as const] : [];
    })
  ));
}
