// Where does an outer loop stand? Everything that its next meta-step depends on and everything that it has said so far, as plain
// data: who holds it can write it down, and go on from what was written. Draws need no state: they depend on the seed and on numbers.
import type { HostArray } from "../ir/types.ts";
import { isSaid } from "./ever_fewer.ts";
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
  /** What each loop that is differentiated implicitly said last, by its name, how often it had not arrived, and how often that was
   *  something new. */
  readonly implicit: Map<string, ImplicitReport & { readonly missed: number; readonly news?: number }>;
  /** Tasks that were left out so far; undefined where none may be. */
  leftOut: LeftOut | undefined;
  /** What the reports said that an `until` or `keep best` listens to. */
  readonly said: Map<string, Standing>;
  /** The values of the best evaluation so far. */
  kept?: Kept;
  /** What is done of that which comes before a meta-step: a run that is stopped there does not do it again. */
  begun?: Begun | undefined;
  /** Seconds spent in the loop so far, by the runs that this one goes on from, too. */
  seconds: () => number;
}

/** What a meta-step says of itself. */
export interface StepNumbers {
  readonly loss: number;
  readonly gradient_norm: number;
}

/** What is done before a meta-step. */
export interface Begun {
  readonly step: number;
  /** Its values are recorded; */
  readonly recorded: boolean;
  /** so many of the evaluations that are due are made, */
  readonly evaluated: number;
  /** and what stands at the end is recorded, where the loop ends here. */
  readonly ended: boolean;
}

/** What is done before the meta-step that comes next. */
export function begunNow(state: OuterState): Begun {
  const step = stepsDone(state);
  if (state.begun?.step === step) return state.begun;
  return state.begun = { step, recorded: false, evaluated: 0, ended: false };
}

/** Before the first meta-step. */
export async function startState(outer: OuterProgram, context: RunContext): Promise<OuterState> {
  const { leaves, states } = context;
  const arrays = await context.call(outer.initialStates, { step: 0 });
  await beginStanding(outer, context);
  outer.states.forEach(({ name }, i) => states.set(name, arrays[i]!));
  return {
    name: outer.name,
    seconds: () => 0,
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

/** At most so many changes are all said. */
const firstNews = 64;

/** Notes what an implicit derivative says; true when it says something new. A loop that begins and ceases to arrive by turns says so ever
 *  less often. */
export function noteImplicit({ implicit }: OuterState, report: ImplicitReport): boolean {
  const before = implicit.get(report.loop);
  const isNew = before?.arrived !== report.arrived;
  const news = before?.news ?? 0;
  implicit.set(report.loop, {
    ...report,
    missed: (before?.missed ?? 0) + (report.arrived ? 0 : 1),
    news: news + (isNew ? 1 : 0),
  });
  return isNew && isSaid(news, firstNews);
}

/** What each implicit derivative said last. */
export const lastSaid = ({ implicit }: Pick<OuterState, "implicit">): NonNullable<OuterResult["implicit"]> =>
  [...implicit.values()].map(({ news: _news, ...last }) => last);

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
    ...(state.implicit.size > 0 ? { implicit: lastSaid(state) } : {}),
  };
}
