// Would a run that stands somewhere stand there, too, had it been of another program? Of one that differs in the value of an input: then it
// goes on as that, and is to the last bit the run that the other one would have been. Asked when a run is made longer.
import { bodyOf, type IrFunction } from "../ir/types.ts";
import { printFunction } from "../ir/print.ts";
import type { EvaluationProgram, ExperimentProgram, OuterProgram } from "../program/program.ts";
import { itemsOf, type RunItem } from "./items.ts";
import { stepsDone } from "./outer_state.ts";
import type { RunState } from "./run_state.ts";

/** Why a run of one program, that stands here, is not what a run of the other would be. */
export interface OtherPast {
  /** What differs, for people. */
  readonly what: string;
  /** It has made more meta-steps than the other one makes. */
  readonly tooFar?: true;
}

/** What differs in the past of two programs; undefined where nothing does. */
export function otherPast(before: ExperimentProgram, now: ExperimentProgram, state: RunState): OtherPast | undefined {
  if (textOf(startOf(before)) !== textOf(startOf(now))) return { what: "what is learned begins elsewhere" };
  const [was, is] = [itemsOf(before), itemsOf(now)];
  for (const [i, item] of was.slice(0, state.items).entries()) {
    const other = is[i];
    if (!other || nameOf(item) !== nameOf(other)) return { what: `${nameOf(item)} comes at another place` };
    if (item.kind === "outer" && other.kind === "outer") {
      const { name, steps } = item.item;
      const what = differenceOf(item.item, other.item, before, now);
      if (what) return { what };
      if (steps !== other.item.steps) {
        return { what: `\`${name}\` has ended after its ${steps} meta-steps, and there is no checkpoint of that` };
      }
    } else if (textOf(item.item) !== textOf(other.item)) return { what: `${nameOf(item)} computes something else` };
  }
  if (!state.outer) return undefined;
  const [at, other] = [was[state.items], is[state.items]];
  if (at?.kind !== "outer" || other?.kind !== "outer" || at.item.name !== other.item.name) {
    return { what: `\`${state.outer.name}\` comes at another place` };
  }
  const what = differenceOf(at.item, other.item, before, now);
  if (what) return { what };
  const done = stepsDone(state.outer);
  const { begun } = state.outer;
  if (begun?.ended && begun.step === done && other.item.steps !== at.item.steps) {
    return { what: `what stands at the end of \`${at.item.name}\` is recorded already` };
  }
  return other.item.steps >= done ? undefined : {
    what: `\`${state.outer.name}\` has made ${done} meta-steps already, and is to make ${other.item.steps}`,
    tooFar: true,
  };
}

/** What a meta-step of an outer depends on, beside what stands in the state: all but the number of its meta-steps. */
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
      "other meta-steps of it are recorded (without `every N steps`, trajectories are so at the first and the last)": [
        ...[records, rates, trajectories],
      ],
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
