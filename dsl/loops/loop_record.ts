// What is known of a loop that was run? Its parameters at every time, its losses and gradient norms.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type { Context, LeafDeclaration, LoopPlan, LoopRecord, TensorValue, World } from "../world/world.ts";
import type { Loop } from "../world/loop.ts";
import type { LoopState } from "./loop_state.ts";
import { evaluateObjective } from "./objective.ts";
import { globalNorm } from "./rules.ts";
import { outerObjective } from "./outer_objective.ts";
import { enterWorld, loopAround } from "../world/moments.ts";

/** What a loop minimizes at given parameters and a known step, written into a builder. */
export function objectiveAt(
  cx: Context,
  loop: Loop,
  { values, b, step, steps }: {
    readonly values: ReadonlyMap<string, TensorValue>;
    readonly b: Builder;
    readonly step: number | Variable;
    readonly steps: number;
  },
): Variable {
  const number = typeof step === "number" ? b.fill(step, { dtype: "i32", shape: [] }) : b.resolve(step);
  const t: TensorValue = { kind: "tensor", variable: number, dims: [] };
  const inside = worldOfStep(cx.world, loop, { b, values, t: t.variable });
  if (loop.kind === "outer") return outerObjective({ ...cx, world: inside, b }, loop)!;
  return evaluateObjective(cx, loop, inside, t, steps)!.variable;
}

/** The world of one step of a loop, at given values of what it changes: for an outer that another loop runs, the starts of
 *  what runs inside. */
export function worldOfStep(
  world: World,
  loop: Loop,
  { b, values, t }: {
    readonly b: Builder;
    readonly values: ReadonlyMap<string, TensorValue>;
    readonly t: Variable;
  },
): World {
  const owns = new Set([loop]);
  const now = { name: loop.name, number: t };
  return loop.kind === "inner"
    ? enterWorld(world, { b, values, owns, step: now })
    : enterWorld(world, { b, initials: new Map(values), owns, metaStep: now });
}

/** What a loop leaves behind in the function that runs it. Of each leaf in the order of its plan: */
export interface KeptOfLoop {
  readonly start: LoopState;
  readonly finals: readonly Variable[];
  /** Times 0 .. T - 1. */
  readonly records: readonly Variable[];
  /** By name. */
  readonly rates: ReadonlyMap<string, Variable>;
  readonly losses: Variable;
  readonly norms: Variable;
  readonly carry: readonly Variable[];
  /** How many steps it took. */
  readonly taken: LoopRecord["taken"];
  /** Of a window: its steps, and the step at its end. */
  readonly window?: { readonly length: number; readonly end: Variable };
}

/** What a loop that was run can be asked. */
export function recordOf(cx: Context, plan: LoopPlan, kept: KeptOfLoop): LoopRecord {
  const { world, b } = cx;
  const steps = kept.window?.length ?? plan.steps;
  const of = <T>(list: readonly T[], leaf: LeafDeclaration) => list[plan.leaves.indexOf(leaf)]!;
  const trajectory = (leaf: LeafDeclaration): Variable => {
    const record = of(kept.records, leaf);
    const last = b.reshape(of(kept.finals, leaf), [1, ...record.shape.slice(1)]);
    return b.one("concat", [record, last], { axis: 0 });
  };
  let end: ReturnType<typeof quantitiesAtEnd> | undefined;
  const atEnd = () => end ??= quantitiesAtEnd(cx, plan, kept);
  const stacked = (name: "loss" | "gradient_norm"): Variable => name === "loss" ? kept.losses : kept.norms;
  return {
    ...plan,
    steps,
    around: loopAround(world),
    carry: kept.carry,
    taken: kept.taken,
    trajectory,
    stacked,
    rate: (name) => kept.rates.get(name),
    parameter: (leaf, at) => {
      const value = (variable: Variable): TensorValue => ({ kind: "tensor", variable, dims: leaf.dims });
      if (at.kind === "scope") return value(at.scope.slice(trajectory(leaf), at.offset));
      if (at.step === 0) return of(kept.start, leaf).p;
      if (at.step === steps) return value(of(kept.finals, leaf));
      return value(b.row(of(kept.records, leaf), at.step));
    },
    quantity: (name, at) => {
      const value = (variable: Variable): TensorValue => ({ kind: "tensor", variable, dims: [] });
      if (at.kind === "static") return at.step === steps ? value(atEnd()[name]) : value(b.row(stacked(name), at.step));
      if (at.scope.to + at.offset < steps) return value(at.scope.slice(stacked(name), at.offset));
      const whole = b.one("concat", [stacked(name), b.reshape(atEnd()[name], [1])], { axis: 0 });
      return value(at.scope.slice(whole, at.offset));
    },
  };
}

/** Loss and gradient norm at the last parameters: one more evaluation. */
function quantitiesAtEnd(
  cx: Context,
  { loop, leaves, steps }: LoopPlan,
  { finals, taken, window }: KeptOfLoop,
): { readonly loss: Variable; readonly gradient_norm: Variable } {
  const { b } = cx;
  const request = b.openGradient(`${loop.name}.loss`);
  const values = new Map(leaves.map((leaf, i): [string, TensorValue] => [
    leaf.name,
    { kind: "tensor", dims: leaf.dims, variable: request.wrt(finals[i]!) },
  ]));
  // where a loop stopped, it is the step that it did not take
  const step = window?.end ?? (taken.kind === "tensor" ? taken.variable : steps);
  const at = { values, b: request.body, step, steps };
  const closed = request.close([objectiveAt(cx, loop, at)]);
  return { loss: closed.outputs[0]!, gradient_norm: globalNorm(b, closed.gradients) };
}
