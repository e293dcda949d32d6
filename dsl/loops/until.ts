// When does an inner loop stop? Reads its `until` before each step; from the first step at which one holds, all that the loop carries
// stays as it is. Every task takes all steps, and each stops by itself.
import { setRange } from "../../runtime/ir/ranges.ts";
import type { Builder, ScanScope } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import { toTensor } from "../elaborate/arithmetic.ts";
import type { UntilClause } from "../syntax/ast.ts";
import { evaluate } from "../world/evaluator.ts";
import type { Loop } from "../world/loop.ts";
import { enterWorld, withLocals } from "../world/moments.ts";
import { fail, topOf } from "../world/report.ts";
import { describeValue, staticNumber } from "../world/values.ts";
import type { Context, LoopPlan, LoopRecord, LoopState, QuantitiesNow } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { carryOf, withCarry } from "./loop_state.ts";
import { stepLocals } from "./objective.ts";

/** True for an inner loop that may stop before its last step. */
export const stops = ({ kind, until }: Loop): boolean => kind === "inner" && until.length > 0;

/** The moment before a step. */
export interface BeforeStep {
  readonly t: TensorValue;
  readonly steps: number;
  /** What the loop minimizes there, and the norm of its gradient. */
  readonly now: Omit<QuantitiesNow, "loop">;
}

/** Whether one of the conditions of a loop holds in the world of a step: a bool. Undefined when wrong (reported). */
export function holdsNow(cx: Context, loop: Loop, { t, steps, now }: BeforeStep): Variable | undefined {
  const world = enterWorld(cx.world, { now: { loop, ...now } });
  const at = withLocals(topOf(cx, world, loop.module), stepLocals(cx, loop, t, steps));
  const held = loop.until.map((clause) => conditionNow({ ...at, b: cx.b, batch: undefined }, loop, clause));
  return held.includes(undefined) ? undefined : held.map((x) => x!).reduce((x, y) => cx.b.apply("or", x, y));
}

function conditionNow(cx: Context, loop: Loop, { condition, patience }: UntilClause): Variable | undefined {
  if (patience) {
    return void fail(cx, {
      code: "M0203",
      title: "`has not improved` is asked of an evaluation, by an outer",
      at: condition.span,
      hint: `say of \`${loop.name}\` when it stops: \`until ${loop.name}.gradient_norm < 1e-3\``,
    });
  }
  const value = evaluate(cx, condition);
  if (value.kind === "error") return undefined;
  const tensor = toTensor(cx, value);
  if (tensor.kind === "tensor" && tensor.variable.dtype === "bool" && tensor.dims.length === 0) return tensor.variable;
  return void fail(cx, {
    code: "M0308",
    title: `\`until\` takes a condition that holds or does not, and this is ${describeValue(value)}`,
    at: condition.span,
    hint: tensor.kind !== "tensor"
      ? undefined
      : tensor.dims.length > 0
      ? "ask of one number, such as the `max(…)` or the `norm(…)` of it"
      : `compare it with a number: \`until ${loop.name}.loss < 0.01\``,
  });
}

/** What a loop that may stop carries beside its state: how many steps it took, and what it minimized before the last one that it
 *  read, with the norm of the gradient. */
export interface Stopping {
  readonly taken: Variable;
  readonly loss: Variable;
  readonly norm: Variable;
  /** The same before its first step. */
  readonly first: { readonly loss: Variable; readonly norm: Variable };
}

const partsOf = ({ taken, loss, norm, first }: Stopping) => [first.loss, first.norm, taken, loss, norm];

/** Carries what a loop needs to stop. */
export function carryStopping(cx: Context, scan: ScanScope): Stopping {
  const { b, elaboration: { precision } } = cx;
  const zero = b.fill(0, { dtype: precision, shape: [] });
  return {
    first: { loss: scan.carry(zero), norm: scan.carry(zero) },
    taken: scan.carry(b.fill(0, { dtype: "i32", shape: [] })),
    loss: scan.carry(zero),
    norm: scan.carry(zero),
  };
}

/** One step of a loop that may stop: whether it stands still, what it carries on, and what is known of the moment before the step. */
export function stopNow(
  at: Context,
  { loop, steps }: LoopPlan,
  before: Stopping,
  t: TensorValue,
  { loss, norm }: { readonly loss: Variable; readonly norm: Variable },
): { readonly still: Variable; readonly next: readonly Variable[]; readonly loss: Variable; readonly norm: Variable } {
  const { b } = at;
  const scalar = (variable: Variable): TensorValue => ({ kind: "tensor", variable, dims: [] });
  const stood = b.apply("lt", before.taken, t.variable);
  const begins = b.apply("eq", t.variable, b.fill(0, t.variable));
  const first = {
    loss: b.apply("select", begins, loss, before.first.loss),
    norm: b.apply("select", begins, norm, before.first.norm),
  };
  const start = { loss: scalar(first.loss), gradient_norm: scalar(first.norm) };
  const now = { loss: scalar(loss), gradient_norm: scalar(norm), start };
  const holds = holdsNow(at, loop, { t, steps, now })!;
  const still = b.apply("or", stood, holds);
  const one = b.fill(1, before.taken);
  const next: Stopping = {
    first,
    taken: b.apply("select", still, before.taken, b.apply("add", before.taken, one)),
    loss: b.apply("select", stood, before.loss, loss),
    norm: b.apply("select", stood, before.norm, norm),
  };
  return { still, next: partsOf(next), loss: next.loss, norm: next.norm };
}

/** What a step makes of a state, or the state itself where the loop stands still. */
export function heldStill(b: Builder, still: Variable, before: LoopState, after: LoopState): LoopState {
  const kept = carryOf(before);
  const choose = (x: Variable, i: number) => b.apply("select", b.broadcastTo(still, x.shape), kept[i]!, x);
  return withCarry(after, carryOf(after).map(choose));
}

/** How many steps a loop took, from what it carries at its end. */
export function takenOf(loop: Loop, steps: number, carried: readonly Variable[]): LoopRecord["taken"] {
  if (!stops(loop)) return staticNumber(steps, "int");
  const variable = carried.at(-3)!;
  setRange(variable, { low: 0, high: steps, attained: false });
  return { kind: "tensor", variable, dims: [] };
}

/** The step of a time of a loop that took so many: later ones repeat it. */
export function timeBefore(b: Builder, taken: Variable, time: number | undefined): Variable {
  if (time === undefined) return taken;
  const given = b.fill(time, taken);
  return b.apply("select", b.apply("lt", given, taken), given, taken);
}

/** What belongs to the last step that was taken of an array over the steps; to the first where none was. */
export function lastSlice(b: Builder, stacked: Variable, taken: Variable): Variable {
  const one = b.fill(1, taken);
  const some = b.apply("lt", b.fill(0, taken), taken);
  const last = b.apply("select", some, b.apply("sub", taken, one), b.fill(0, taken));
  return b.one("gather", [b.resolve(stacked), last], { axis: 0, batch: 0 });
}
