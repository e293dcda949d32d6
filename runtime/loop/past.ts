// Would a run that stands somewhere stand there, too, had it been of another program? Of one that differs in the value of an input: then it
// goes on as that, and is to the last bit the run that the other one would have been. Asked when a run is made longer.
import { allocate, bodyOf, type IrFunction, sizeOf } from "../ir/types.ts";
import { printFunction } from "../ir/print.ts";
import type { EvaluationProgram, ExperimentProgram, OuterProgram } from "../program/program.ts";
import { itemsOf, type RunItem } from "./items.ts";
import { isDue } from "./recorder.ts";
import type { RecordedValues } from "./results.ts";
import type { RunState } from "./run_state.ts";

/** Why a run of one program, that stands here, is not what a run of the other would be. */
export interface OtherPast {
  /** What differs, for people. */
  readonly what: string;
  /** It has made more meta-steps than the other one makes. */
  readonly tooFar?: true;
}

/** Where a run of `now` would stand that has come as far as this one of `before`; or what would have been different. */
export function stateAs(
  before: ExperimentProgram,
  now: ExperimentProgram,
  state: RunState,
): { readonly state: RunState } | { readonly other: OtherPast } {
  const differs = (what: string, tooFar?: true) => ({ other: { what, ...(tooFar ? { tooFar } : {}) } });
  if (textOf(startOf(before)) !== textOf(startOf(now))) return differs("what is learned begins elsewhere");
  const [was, is] = [itemsOf(before), itemsOf(now)];
  for (const [i, item] of was.slice(0, state.items).entries()) {
    const other = is[i];
    if (!other || nameOf(item) !== nameOf(other)) return differs(`${nameOf(item)} comes at another place`);
    if (item.kind === "outer" && other.kind === "outer") {
      const { name, steps, trajectories } = item.item;
      const what = differenceOf(item.item, other.item, before, now);
      if (what) return differs(what);
      if (steps !== other.item.steps) {
        return differs(`\`${name}\` has ended after its ${steps} meta-steps, and there is no checkpoint of that`);
      }
      if (trajectories?.every !== other.item.trajectories?.every) return differs(recordedOtherwise(name));
    } else if (textOf(item.item) !== textOf(other.item)) return differs(`${nameOf(item)} computes something else`);
  }
  if (!state.outer) return { state };
  const [at, other] = [was[state.items], is[state.items]];
  if (at?.kind !== "outer" || other?.kind !== "outer" || at.item.name !== other.item.name) {
    return differs(`\`${state.outer.name}\` comes at another place`);
  }
  const what = differenceOf(at.item, other.item, before, now);
  if (what) return differs(what);
  const { name, done, begun } = state.outer;
  if (begun?.ended && begun.step === done && other.item.steps !== at.item.steps) {
    return differs(`what stands at the end of \`${name}\` is recorded already`);
  }
  if (other.item.steps < done) {
    return differs(`\`${name}\` has made ${done} meta-steps already, and is to make ${other.item.steps}`, true);
  }
  const recorded = recordedAs(state, at.item, other.item);
  return recorded ? { state: { ...state, recorded } } : differs(recordedOtherwise(name));
}

const recordedOtherwise = (name: string) =>
  `\`${name}\` would have gone another way: other meta-steps of it would have been recorded`;

/** What the other outer would have recorded so far; undefined where some of that is not there. Trajectories without `every` are of the
 *  first and the last meta-step: what was the last is not any more. */
function recordedAs(
  { recorded, outer }: RunState,
  a: OuterProgram,
  b: OuterProgram,
): readonly RecordedValues[] | undefined {
  const [was, is] = [a.trajectories?.every, b.trajectories?.every];
  if (was === undefined || is === undefined || was === is) return was === is ? recorded : undefined;
  const { done, begun } = outer!;
  // the last meta-step before which something was recorded
  const last = begun?.recorded && begun.step === done ? done : done - 1;
  if (is <= last && is % was !== 0) return undefined;
  return recorded.map((values) =>
    values.trajectory && values.by.kind === "outer" && values.by.name === a.name ? ofMultiples(values, is) : values
  );
}

/** The values before meta-steps that are multiples of a number. */
function ofMultiples(
  { steps, values: { dtype, shape, data }, ...rest }: RecordedValues,
  every: number,
): RecordedValues {
  const due = [...steps.keys()].filter((i) => isDue(steps[i]!, every));
  const size = sizeOf(shape.slice(1));
  const left = allocate(dtype, due.length * size);
  due.forEach((i, k) => left.set(data.subarray(i * size, (i + 1) * size), k * size));
  return {
    ...rest,
    steps: Int32Array.from(due, (i) => steps[i]!),
    values: { dtype, shape: [due.length, ...shape.slice(1)], data: left },
  };
}

/** What a meta-step of an outer depends on, beside what stands in the state: all but the number of its meta-steps, and how often its
 *  trajectories are recorded. */
function differenceOf(
  a: OuterProgram,
  b: OuterProgram,
  before: ExperimentProgram,
  now: ExperimentProgram,
): string | undefined {
  const parts = (outer: OuterProgram, program: ExperimentProgram) => {
    const { name, over, skips, states, initialStates, warm, step, until, keep, records, rates, trajectories } = outer;
    const during: readonly EvaluationProgram[] = program.evaluations.filter((e) => e.every?.of === name);
    return {
      "a meta-step of it computes something else, as where a rate or its objective reads how many there are": [
        ...[over, skips, states, initialStates, warm, step],
      ],
      "what ends it, or is kept of it, is something else": [until, keep],
      "something else of it is recorded": [records, rates, trajectories?.fn, trajectories?.quantities],
      "the evaluations during it are others": during,
    };
  };
  const [was, is] = [parts(a, before), parts(b, now)];
  const part = (Object.keys(was) as (keyof typeof was)[]).find((key) => textOf(was[key]) !== textOf(is[key]));
  return part && `\`${a.name}\` would have gone another way: ${part}`;
}

const startOf = ({ leaves, initial, standing, precision }: ExperimentProgram) => [
  leaves,
  initial,
  standing,
  precision,
];

function nameOf({ kind, item }: RunItem): string {
  if (kind === "outer" || kind === "evaluation" || kind === "output") return `\`${item.name}\``;
  return kind === "gradient" ? `the gradient of \`${item.label}\`` : `\`${item.loop}\``;
}

/** Everything that a part of a program is, as a text: two are alike where it is. Places in the source do not count, nor what is written
 *  only where something goes wrong. */
function textOf(part: unknown): string {
  return JSON.stringify(part, (key, value) => {
    if (key === "origin") return undefined;
    if (key === "fn" && isFunction(value)) return [printFunction(value), ...unprintedOf(value)];
    // JSON has no words for these
    if (typeof value === "number" && (!Number.isFinite(value) || Object.is(value, -0))) {
      return Object.is(value, -0) ? "-0" : `${value}`;
    }
    return ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : value;
  });
}

const isFunction = (value: unknown): value is IrFunction =>
  typeof value === "object" && value !== null && "equations" in value && "outputs" in value;

/** What a printed function leaves out: the ends of long constants, and the other way of a map that is given both ways. */
function* unprintedOf({ equations }: IrFunction): Generator<readonly number[] | string> {
  for (const equation of equations) {
    if (equation.op === "constant") yield Array.from<number>(equation.params.data);
    if (equation.op === "pullback") {
      yield printFunction(equation.params.forward);
      yield* unprintedOf(equation.params.forward);
    }
    const body = bodyOf(equation);
    if (body) yield* unprintedOf(body);
  }
}
