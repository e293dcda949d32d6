// When has an outer loop said enough to end, and what does it give back? Its `until`s, read before each meta-step, and the best of
// the evaluations that are made during it.
import { copyOf, type HostArray } from "../ir/types.ts";
import type { JudgedReport, OuterProgram, ReportName, UntilRule } from "../program/program.ts";
import { type OuterState, type StepNumbers, stepsDone } from "./outer_state.ts";
import type { EvaluationResult, KeptEvaluation, UntilHeld } from "./results.ts";

/** What a report said while an outer went on. */
export interface Standing {
  /** The meta-step before which it was made first. */
  readonly first: number;
  /** What it said last. */
  readonly last: Judgement;
  /** The first of the best; none where it was never finite. */
  readonly best?: Judgement;
}

/** What a report said: before which meta-step, and its mean over the tasks at the last time. */
export interface Judgement {
  readonly step: number;
  readonly value: number;
}

/** The values of the best evaluation so far. */
export interface Kept extends Judgement {
  readonly leaves: ReadonlyMap<string, HostArray>;
  /** Where the loops stood. */
  readonly states: ReadonlyMap<string, HostArray>;
}

/** The reports that are listened to, each with what is better where that matters. */
function heard({ until, keep }: OuterProgram): (ReportName & Partial<JudgedReport>)[] {
  const named = until.flatMap(({ when: { of } }) => of.kind === "report" ? [of] : []);
  return keep ? [...named, keep] : named;
}

const keyOf = ({ evaluation, report }: ReportName): string => `${evaluation} ${report}`;

/** Notes what an evaluation said, made with the present values. */
export function noteEvaluation(outer: OuterProgram, state: OuterState, made: EvaluationResult): void {
  const step = stepsDone(state);
  for (const name of heard(outer).filter((r) => r.evaluation === made.name)) {
    const last: Judgement = { step, value: made.reports[name.report]!.points.at(-1)!.mean };
    const before = state.said.get(keyOf(name));
    // an `until` that compares with a number does not ask what is better, and another may
    const better = name.better && isBetter(last, before?.best, name.better);
    const best = better ? last : before?.best;
    state.said.set(keyOf(name), { first: before?.first ?? step, last, ...(best ? { best } : {}) });
  }
  const { keep } = outer;
  if (keep?.evaluation !== made.name) return;
  const { best } = state.said.get(keyOf(keep))!;
  // what the loop moves lies in its own memory
  if (best?.step === step) {
    const copy = (from: ReadonlyMap<string, HostArray>, names: readonly string[]) =>
      new Map(names.map((name) => [name, copyOf(from.get(name)!)]));
    state.kept = {
      ...best,
      leaves: copy(state.leaves, outer.over),
      states: copy(state.states, outer.warm.map(({ name }) => name)),
    };
  }
}

/** Of equals the first stays, and what is not finite is never best. */
function isBetter(now: Judgement, best: Judgement | undefined, better: "highest" | "lowest"): boolean {
  if (!Number.isFinite(now.value)) return false;
  if (!best) return true;
  return better === "highest" ? now.value > best.value : now.value < best.value;
}

/** The first `until` that holds before the next meta-step, and what it read. */
export function whatHolds(outer: OuterProgram, state: OuterState): UntilHeld | undefined {
  const numbers = state.latest;
  for (const rule of outer.until) {
    const value = heldBy(rule, state, numbers);
    if (value !== undefined) return { until: rule.label, value };
  }
  return undefined;
}

/** What a rule read, when it holds. */
function heldBy({ when }: UntilRule, state: OuterState, numbers: StepNumbers | undefined): number | undefined {
  if (when.kind === "not improved") {
    const said = state.said.get(keyOf(when.of));
    if (!said) return undefined;
    // only an evaluation shows that nothing has improved
    return said.last.step - (said.best?.step ?? said.first) >= when.steps ? said.best?.value ?? NaN : undefined;
  }
  const value = when.of.kind === "report" ? state.said.get(keyOf(when.of))?.last.value : numbers?.[when.of.kind];
  return value !== undefined && compares(value, when) ? value : undefined;
}

type Comparison = Extract<UntilRule["when"], { readonly kind: "comparison" }>;

function compares(value: number, { is, than }: Comparison): boolean {
  switch (is) {
    case "<":
      return value < than;
    case "<=":
      return value <= than;
    case ">":
      return value > than;
    case ">=":
      return value >= than;
  }
}

/** How many of some meta-steps count: up to the first after which an `until` holds by what it says itself. */
export function countedSteps(outer: OuterProgram, steps: readonly { readonly numbers: readonly number[] }[]): number {
  const holds = ([loss, norm]: readonly number[]) =>
    outer.until.some(({ when }) =>
      when.kind === "comparison" && when.of.kind !== "report" &&
      compares(when.of.kind === "loss" ? loss! : norm!, when)
    );
  const first = steps.findIndex(({ numbers }) => holds(numbers));
  return first < 0 ? steps.length : first + 1;
}

/** True for the evaluation that is kept of, where it was not yet made with what the last meta-step made. */
export function isMissing({ keep }: OuterProgram, state: OuterState, { name }: { readonly name: string }): boolean {
  return keep?.evaluation === name && state.said.get(keyOf(keep))?.last.step !== stepsDone(state);
}

/** Puts the values of the best evaluation back; says which it was. */
export function giveBack({ keep }: OuterProgram, { leaves, states, kept }: OuterState): KeptEvaluation | undefined {
  if (!keep || !kept) return undefined;
  for (const [name, value] of kept.leaves) leaves.set(name, value);
  for (const [name, value] of kept.states) states.set(name, value);
  const { evaluation, report, better } = keep;
  return { evaluation, report, better, step: kept.step, value: kept.value };
}

/** True when a report of an outer was made and never finite, so that none of it is best. */
export function noneIsBest({ keep }: OuterProgram, { said, kept }: OuterState): boolean {
  return keep !== undefined && !kept && said.has(keyOf(keep));
}
