// What is known of a loop that was run? Its parameters at every time, its losses and gradient norms.
import type { Builder } from "../runtime/ir/builder.ts";
import type { Variable } from "../runtime/ir/types.ts";
import { takeAt } from "./indexing.ts";
import type { LeafDeclaration } from "./leaves.ts";
import type { Loop } from "./loops.ts";
import { evaluateObjective } from "./objective.ts";
import { globalNorm } from "./rules.ts";
import type { Source } from "./sources.ts";
import type { TensorValue, TimeScope } from "./values.ts";
import { outerObjective } from "./outer_objective.ts";
import { type Context, enterWorld, loopAround, type World } from "./world.ts";

/** A time that is known, or one that a comprehension runs over. */
export type TimePoint =
  | { readonly kind: "static"; readonly step: number }
  | { readonly kind: "scope"; readonly scope: TimeScope; readonly offset: number };

/** An inner loop that was run (or gone through, in a dry check) in a world. */
export interface LoopRun extends LoopRecord {
  /** What it was computed from. */
  readonly sources: ReadonlySet<Source>;
}

/** What is known of a run. */
export interface LoopRecord {
  readonly loop: Loop;
  readonly steps: number;
  readonly leaves: readonly LeafDeclaration[];
  /** The loop whose step runs it, if one does. */
  readonly around: Loop | undefined;
  /** Parameters, then states, where it ends. */
  readonly carry: readonly Variable[];
  /** A parameter at a time, 0 .. T. */
  readonly parameter: (leaf: LeafDeclaration, at: TimePoint) => TensorValue;
  /** The loss or the norm of the gradient at a time; T is one more evaluation. Undefined when wrong (reported). */
  readonly quantity: (name: "loss" | "gradient_norm", at: TimePoint) => TensorValue | undefined;
  /** Stacked over times 0 .. T. */
  readonly trajectory: (leaf: LeafDeclaration) => Variable;
  /** Stacked over steps 0 .. T - 1. */
  readonly stacked: (name: "loss" | "gradient_norm") => Variable;
  /** A hyperparameter that is recorded, stacked over steps 0 .. T - 1. */
  readonly rate: (name: string) => Variable | undefined;
}

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

/** What a loop that was run can be asked. */
export function recordOf(
  cx: Context,
  loop: Loop,
  steps: number,
  leaves: readonly LeafDeclaration[],
  kept: {
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
  },
): LoopRecord {
  const { world, b } = cx;
  const trajectory = (leaf: LeafDeclaration): Variable => {
    const record = kept.records.get(leaf.name)!;
    const last = b.reshape(kept.finals.get(leaf.name)!, [1, ...record.shape.slice(1)]);
    return b.one("concat", [record, last], { axis: 0 });
  };
  /** Loss and gradient norm at the last parameters: one more evaluation. */
  let end: { loss: Variable; gradient_norm: Variable } | undefined;
  const atEnd = (): typeof end => {
    if (end) return end;
    const request = b.openGradient(`${loop.name}.loss`);
    const inside = new Map<string, TensorValue>();
    for (const leaf of leaves) {
      inside.set(leaf.name, { kind: "tensor", dims: leaf.dims, variable: request.wrt(kept.finals.get(leaf.name)!) });
    }
    const closed = request.close([objectiveAt(cx, loop, {
      values: inside,
      b: request.body,
      step: kept.end ?? steps,
      steps: kept.whole ?? steps,
    })]);
    end = { loss: closed.outputs[0]!, gradient_norm: globalNorm(b, closed.gradients) };
    return end;
  };
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
      return value(takeAt({ b }, kept.records.get(leaf.name)!, at.step));
    },
    quantity: (name, at) => {
      const value = (variable: Variable): TensorValue => ({ kind: "tensor", variable, dims: [] });
      if (at.kind === "static") {
        return at.step === steps ? value(atEnd()![name]) : value(takeAt({ b }, stacked(name), at.step));
      }
      if (at.scope.to + at.offset < steps) return value(at.scope.slice(stacked(name), at.offset));
      const whole = b.one("concat", [stacked(name), b.reshape(atEnd()![name], [1])], { axis: 0 });
      return value(at.scope.slice(whole, at.offset));
    },
  };
}
