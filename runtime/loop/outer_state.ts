// Where does an outer loop stand? Everything that its next meta-step depends on and everything that it has said so far, as plain
// data: who holds it can write it down, and go on from what was written. Draws need no state: they depend on the seed and on numbers.
import type { HostArray } from "../ir/types.ts";
import { type Curve, fewerPoints, openCurve } from "./curve.ts";
import type { OuterProgram } from "../program/program.ts";
import type { ImplicitReport, LeftOut, OuterResult } from "./results.ts";
import type { RunContext } from "./run_context.ts";
import { beginStanding } from "./standing.ts";
import type { Kept, Standing } from "./stopping.ts";

/** Where an outer loop stands. Between meta-steps arrays may lie in the memory of the loop that runs: copy what is to stay. */
export interface OuterState {
  readonly name: string;
  /** Present value of every leaf of the run, by name: the learned ones among them. */
  readonly leaves: Map<string, HostArray>;
  /** Present value of the states of the run, by name: those of its rule, and where the loops stand that it moves. */
  readonly states: Map<string, HostArray>;
  /** Meta-steps done: the number of the next one. */
  done: number;
  /** What they said. */
  readonly curve: Curve;
  /** What the last one said; none before the first. */
  latest: StepNumbers | undefined;
  /** What each loop that is differentiated implicitly said last, by its name, and how often it had not arrived. */
  readonly implicit: Map<string, ImplicitReport & { readonly missed: number }>;
  /** Tasks that were left out so far; undefined where none may be. */
  leftOut: LeftOut | undefined;
  /** What the reports said that an `until` or `keep best` listens to. */
  readonly said: Map<string, Standing>;
  /** The values of the best evaluation so far. */
  kept?: Kept;
  /** Seconds that runs spent in the loop which this one goes on from. */
  readonly secondsBefore: number;
}

/** What a meta-step says of itself. */
export interface StepNumbers {
  readonly loss: number;
  readonly gradient_norm: number;
}

/** Before the first meta-step. */
export function startState(outer: OuterProgram, context: RunContext): OuterState {
  const { leaves, states } = context;
  const arrays = context.call(outer.initialStates, { step: 0 });
  outer.states.forEach(({ name }, i) => states.set(name, arrays[i]!));
  beginStanding(outer, context);
  return {
    name: outer.name,
    secondsBefore: 0,
    leaves,
    states,
    done: 0,
    curve: openCurve(0),
    latest: undefined,
    implicit: new Map(),
    leftOut: outer.skips ? { tasks: 0, steps: 0 } : undefined,
    said: new Map(),
  };
}

/** Meta-steps done: the number of the next one. */
export const stepsDone = ({ done }: Pick<OuterState, "done">): number => done;

/** Notes what a meta-step said before its update, as the last one done. */
export function noteStep(
  state: OuterState,
  { loss, gradientNorm }: { readonly loss: number; readonly gradientNorm: number },
): void {
  state.curve.add(loss, gradientNorm);
  state.latest = { loss, gradient_norm: gradientNorm };
  state.done++;
}

/** Notes what an implicit derivative says; true when it says something new. */
export function noteImplicit({ implicit }: OuterState, report: ImplicitReport): boolean {
  const before = implicit.get(report.loop);
  implicit.set(report.loop, { ...report, missed: (before?.missed ?? 0) + (report.arrived ? 0 : 1) });
  return before?.arrived !== report.arrived;
}

/** What is left of it when the loop has ended. */
export function resultOf(
  { name, steps }: OuterProgram,
  state: OuterState,
  { seconds, ...end }: { readonly seconds: number } & Pick<OuterResult, "until" | "kept">,
): OuterResult {
  return {
    name,
    steps,
    done: stepsDone(state),
    ...fewerPoints(state.curve.points(), Infinity),
    seconds,
    ...end,
    ...(state.leftOut ? { leftOut: state.leftOut } : {}),
    ...(state.implicit.size > 0 ? { implicit: [...state.implicit.values()] } : {}),
  };
}
