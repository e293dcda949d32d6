// What is known of a loop that was run? Its parameters at every time, its losses and gradient norms.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type {
  CheckedLoop,
  Consumer,
  Context,
  LeafDeclaration,
  LeafState,
  LoopPlan,
  LoopRecord,
  LoopState,
  Standing,
  World,
} from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import type { Loop } from "../world/loop.ts";
import { everythingOf, valuesOf, withCarry } from "./loop_state.ts";
import { countsSteps, globalNorm, madeAfter } from "./rules.ts";
import { gradientOfStep, type StepAt } from "./step_gradient.ts";
import { timeBefore } from "./until.ts";
import { enterWorld, loopAround } from "../world/moments.ts";

/** A known step of a loop. */
export interface KnownStep {
  /** All that the loop has then. */
  readonly state: LoopState;
  /** Where the loops stand that go on from step to step. */
  readonly standing: ReadonlyMap<Loop, Standing>;
  readonly b: Builder;
  readonly step: number | Variable;
}

/** A known step of a loop, where a builder writes. */
export function knownStep(cx: Context, loop: Loop, { state, standing, b, step }: KnownStep): StepAt & { at: Context } {
  const number = typeof step === "number" ? b.fill(step, { dtype: "i32", shape: [] }) : b.resolve(step);
  const t: TensorValue = { kind: "tensor", variable: number, dims: [] };
  const world = worldOfStep(cx.world, loop, { b, state, standing, t: t.variable });
  return { at: { ...cx, world, b }, now: state, t };
}

/** The world of one step of a loop, with what it has then: for an outer that another loop runs, the starts of what runs inside. */
export function worldOfStep(
  world: World,
  loop: Loop,
  { b, state, standing, t }: Pick<KnownStep, "b" | "state" | "standing"> & { readonly t: Variable },
): World {
  const owns = new Set([loop]);
  const now = { name: loop.name, number: t };
  const values = valuesOf(state);
  return loop.kind === "inner"
    ? enterWorld(world, { b, values, state, owns, step: now, time: { kind: "tensor", variable: t, dims: [] } })
    : enterWorld(world, { b, initials: values, standing, owns, metaStep: now });
}

/** The loops that were run for a consumer: what was found out, and nothing of what was written. */
export function checkedLoops({ runs }: Consumer): CheckedLoop[] {
  return runs.map(({ loop, steps, rules, leaves, direction, warm, around, carry }) => {
    const types = carry.map(({ dtype, shape }) => ({ dtype, shape }));
    return { loop, steps, rules, leaves, direction, warm, around, carry: types };
  });
}

/** What is recorded of the steps of a loop, along axis 0. */
export interface MadeSteps {
  /** Of each leaf, times 0 .. T - 1. */
  readonly values: readonly Variable[];
  /** The states then, where another loop goes on from one of these. */
  readonly halfway: readonly Variable[];
  /** By name. */
  readonly rates: ReadonlyMap<string, Variable>;
  readonly losses: Variable;
  readonly norms: Variable;
}

/** What a loop leaves behind in the function that runs it. Of each leaf in the order of its plan: */
export interface KeptOfLoop {
  readonly start: LoopState;
  readonly finals: readonly Variable[];
  /** Of each step; absent where there are none. */
  readonly made?: MadeSteps;
  /** All values, then all states, where the loop ends. */
  readonly carry: readonly Variable[];
  /** How many steps it took. */
  readonly taken: LoopRecord["taken"];
  /** Where the loops stand at the end that go on from step to step. */
  readonly standing: ReadonlyMap<Loop, Standing>;
  /** Of a window: its steps, and the step at its end. */
  readonly window?: { readonly length: number; readonly end: Variable };
}

/** What a loop that was run can be asked. */
export function recordOf(cx: Context, plan: LoopPlan, kept: KeptOfLoop): LoopRecord {
  const { world, b } = cx;
  const steps = kept.window?.length ?? plan.steps;
  const of = <T>(list: readonly T[], leaf: LeafDeclaration) => list[plan.leaves.indexOf(leaf)]!;
  const { made } = kept;
  const thenEnd = (steps: Variable | undefined, end: Variable): Variable => {
    const last = b.reshape(end, [1, ...end.shape]);
    return steps ? b.one("concat", [steps, last], { axis: 0 }) : last;
  };
  const trajectory = (leaf: LeafDeclaration) => thenEnd(made && of(made.values, leaf), of(kept.finals, leaf));
  let end: ReturnType<typeof quantitiesAtEnd> | undefined;
  const atEnd = () => end ??= quantitiesAtEnd(cx, plan, kept);
  const stacked = (name: "loss" | "gradient_norm"): Variable => name === "loss" ? made!.losses : made!.norms;
  return {
    ...plan,
    steps,
    around: loopAround(world),
    carry: [...kept.carry, ...[...kept.standing.values()].flatMap(({ state }) => everythingOf(state))],
    taken: kept.taken,
    trajectory,
    stacked,
    rate: (name) => made?.rates.get(name),
    parameter: (leaf, at) => {
      const value = (variable: Variable): TensorValue => ({ kind: "tensor", variable, dims: leaf.dims });
      if (at.kind === "scope") return value(at.scope.slice(trajectory(leaf), at.offset));
      if (at.step === 0) return of(kept.start, leaf).p;
      if (at.step === steps) return value(of(kept.finals, leaf));
      return value(b.row(of(made!.values, leaf), at.step));
    },
    state: (leaf, step) => stateAt(cx, plan, kept, leaf, step),
    quantity: (name, at) => {
      const value = (variable: Variable): TensorValue => ({ kind: "tensor", variable, dims: [] });
      if (at.kind === "static") return at.step === steps ? value(atEnd()[name]) : value(b.row(stacked(name), at.step));
      if (at.scope.to + at.offset < steps) return value(at.scope.slice(stacked(name), at.offset));
      return value(at.scope.slice(thenEnd(made && stacked(name), atEnd()[name]), at.offset));
    },
  };
}

/** All that a loop has where it ends. */
const stateAtEnd = ({ start, carry, finals }: KeptOfLoop): LoopState =>
  withCarry(start, [...finals, ...carry.slice(finals.length)]);

/** All that a loop has of a tensor at a time. */
function stateAt(
  { b }: Context,
  { leaves, rules, steps }: LoopPlan,
  kept: KeptOfLoop,
  leaf: LeafDeclaration,
  step: number,
): LeafState {
  const { start, made, window, taken } = kept;
  const last = window?.length ?? steps;
  const i = leaves.indexOf(leaf);
  const row = (stacked: Variable) => b.row(stacked, step);
  const state = step === 0
    ? start[i]!
    : step === last
    ? stateAtEnd(kept)[i]!
    : withCarry(start, [...made!.values, ...made!.halfway].map(row))[i]!;
  const rule = rules.find((r) => r.leaves.includes(leaf))?.rule;
  if (step === 0 || !rule || !countsSteps(rule)) return state;
  const time = step === last ? steps : step;
  const more = taken.kind === "tensor"
    ? timeBefore(b, taken.variable, time)
    : b.fill(time, { dtype: "i32", shape: [] });
  return { ...state, made: state.made ? madeAfter(b, state.made, more) : more };
}

/** Loss and gradient norm at the last parameters, as of one more step. */
function quantitiesAtEnd(
  cx: Context,
  plan: LoopPlan,
  kept: KeptOfLoop,
): { readonly loss: Variable; readonly gradient_norm: Variable } {
  const { b } = cx;
  const { window, standing, taken } = kept;
  // where a loop stopped, it is the step that it did not take
  const step = window?.end ?? (taken.kind === "tensor" ? taken.variable : plan.steps);
  const { at, now, t } = knownStep(cx, plan.loop, { state: stateAtEnd(kept), standing, b, step });
  const { loss, gradients } = gradientOfStep(at, plan, { now, t });
  return { loss, gradient_norm: globalNorm(b, gradients) };
}
