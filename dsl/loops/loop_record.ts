// What is known of a loop that was run? Its parameters at every time, its losses and gradient norms.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type { Context, LeafDeclaration, LoopRecord, TensorValue, World } from "../world/world.ts";
import type { Loop } from "../world/loop.ts";
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
  return evaluateObjective(cx, loop, inside, b, t, steps)!.variable;
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

/** What a loop leaves behind in the function that runs it. */
interface KeptOfLoop {
  readonly start: ReadonlyMap<string, TensorValue>;
  readonly finals: ReadonlyMap<string, Variable>;
  /** Times 0 .. T - 1. */
  readonly records: ReadonlyMap<string, Variable>;
  readonly rates: ReadonlyMap<string, Variable>;
  readonly losses: Variable;
  readonly norms: Variable;
  readonly carry: readonly Variable[];
  /** Of a window: the step at its end, and the steps of the whole loop. */
  readonly end?: Variable;
  readonly whole?: number;
}

/** What a loop that was run can be asked. */
export function recordOf(
  cx: Context,
  loop: Loop,
  steps: number,
  leaves: readonly LeafDeclaration[],
  kept: KeptOfLoop,
): LoopRecord {
  const { world, b } = cx;
  const trajectory = (leaf: LeafDeclaration): Variable => {
    const record = kept.records.get(leaf.name)!;
    const last = b.reshape(kept.finals.get(leaf.name)!, [1, ...record.shape.slice(1)]);
    return b.one("concat", [record, last], { axis: 0 });
  };
  let end: ReturnType<typeof quantitiesAtEnd> | undefined;
  const atEnd = () => end ??= quantitiesAtEnd(cx, loop, steps, leaves, kept);
  const stacked = (name: "loss" | "gradient_norm"): Variable => name === "loss" ? kept.losses : kept.norms;
  return {
    loop,
    steps,
    leaves,
    around: loopAround(world),
    carry: kept.carry,
    trajectory,
    stacked,
    rate: (name) => kept.rates.get(name),
    parameter: (leaf, at) => {
      const value = (variable: Variable): TensorValue => ({ kind: "tensor", variable, dims: leaf.dims });
      if (at.kind === "scope") return value(at.scope.slice(trajectory(leaf), at.offset));
      if (at.step === 0) return kept.start.get(leaf.name)!;
      if (at.step === steps) return value(kept.finals.get(leaf.name)!);
      return value(b.row(kept.records.get(leaf.name)!, at.step));
    },
    quantity: (name, at) => {
      const value = (variable: Variable): TensorValue => ({ kind: "tensor", variable, dims: [] });
      if (at.kind === "static") {
        return at.step === steps ? value(atEnd()[name]) : value(b.row(stacked(name), at.step));
      }
      if (at.scope.to + at.offset < steps) return value(at.scope.slice(stacked(name), at.offset));
      const whole = b.one("concat", [stacked(name), b.reshape(atEnd()[name], [1])], { axis: 0 });
      return value(at.scope.slice(whole, at.offset));
    },
  };
}

/** Loss and gradient norm at the last parameters: one more evaluation. */
function quantitiesAtEnd(
  cx: Context,
  loop: Loop,
  steps: number,
  leaves: readonly LeafDeclaration[],
  { finals, end, whole }: KeptOfLoop,
): { readonly loss: Variable; readonly gradient_norm: Variable } {
  const { b } = cx;
  const request = b.openGradient(`${loop.name}.loss`);
  const values = new Map(leaves.map((leaf): [string, TensorValue] => [
    leaf.name,
    { kind: "tensor", dims: leaf.dims, variable: request.wrt(finals.get(leaf.name)!) },
  ]));
  const at = { values, b: request.body, step: end ?? steps, steps: whole ?? steps };
  const closed = request.close([objectiveAt(cx, loop, at)]);
  return { loss: closed.outputs[0]!, gradient_norm: globalNorm(b, closed.gradients) };
}
