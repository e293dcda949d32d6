// Where does a loop start? At initial values, where another loop or the same ended, or where a window before it ended.
import type { Variable } from "../../runtime/ir/types.ts";
import type { Expression } from "../syntax/ast.ts";
import { fail } from "../world/report.ts";
import { runLoop } from "../world/evaluator.ts";
import { evaluate } from "../world/evaluator.ts";
import { stepsOf } from "../elaborate/steps.ts";
import { initialValue, valueNow } from "../elaborate/leaves.ts";
import type { Context, LeafDeclaration, LoopWindow, TensorValue } from "../world/world.ts";
import type { Loop } from "../world/loop.ts";
import { carryOf, type LoopState, withCarry } from "./loop_state.ts";
import { resolveReference } from "../elaborate/references.ts";
import { loopsChanging } from "../elaborate/ownership.ts";
import { referenceText } from "../syntax/paths.ts";
import { timePoint } from "../elaborate/time_points.ts";
import { shapeOf } from "../world/values.ts";
import { loopAround, taskOf, windowOf } from "../world/moments.ts";

/** Where a parameter starts in a loop: at a time of the loop after `from`, when that changes it too; else at its initial
 *  value. Undefined when wrong (reported). */
export function startValue(cx: Context, loop: Loop, leaf: LeafDeclaration): TensorValue | undefined {
  if (!loop.from) return initialValue(cx, leaf);
  const { value } = loop.from;
  const object = value.kind === "Time" ? value.object : value;
  const reference = value.kind === "Missing" ? undefined : resolveReference(cx, object);
  if (reference === undefined) return undefined;
  if (reference === "not a reference" && evaluate(cx, object).kind === "error") return undefined;
  if (value.kind !== "Time" || value.time === "all" || reference === "not a reference" || reference.kind !== "loop") {
    return void fail(cx, {
      code: "M0203",
      title: "A loop starts from a time of another loop",
      at: value.span,
      hint: "write `from fit@T`, where `fit` is an inner loop over the same parameters",
    });
  }
  const other = reference.loop;
  if (other === loop) return carriedValue(cx, loop, leaf, value);
  const point = timePoint(cx, other, value.time);
  if (point === "now") {
    const now = valueNow(cx, leaf, value.span);
    return now.kind === "tensor" ? now : undefined;
  }
  if (point === "start") return startValue(cx, other, leaf);
  const run = point && runLoop(cx, other, value.span);
  if (!run || !point) return undefined;
  return run.leaves.includes(leaf) ? run.parameter(leaf, point) : initialValue(cx, leaf);
}

/** Checks that the loop after `from` changes something that a loop evolves: else it starts where it would without. False when it
 *  does not (reported). */
export function checkFrom(cx: Context, loop: Loop, leaves: readonly LeafDeclaration[]): boolean {
  const value = loop.from?.value;
  const reference = value?.kind === "Time" ? resolveReference(cx, value.object) : undefined;
  if (typeof reference !== "object" || reference.kind !== "loop" || reference.loop === loop) return true;
  const other = reference.loop;
  const run = runLoop(cx, other, value!.span);
  // in a first round, not all parameters are known yet; a loop that changes nothing at all was reported
  if (!run || run.leaves.length === 0 || leaves.length === 0 || cx.elaboration.unshaped.size > 0) return true;
  if (run.leaves.some((leaf) => leaves.includes(leaf))) return true;
  const changing = loopsChanging(cx.elaboration, { kind: "leaf", leaf: leaves[0]! }).find((l) => l !== loop);
  fail(cx, {
    code: "M0203",
    title: `\`${other.name}\` changes nothing that \`${loop.name}\` evolves`,
    at: value!.span,
    secondary: [
      ...other.rules.flatMap((r) =>
        r.references.map(({ span }) => ({ span, message: `\`${other.name}\` changes this` }))
      ),
      ...loop.rules.flatMap((r) =>
        r.references.map(({ span }) => ({ span, message: `\`${loop.name}\` evolves this` }))
      ),
    ],
    notes: [`\`${loop.name}\` would start at its initial values, as it does without \`from\``],
    hint: changing
      ? `write \`from ${changing.name}@${changing.timeName}\`, which changes \`${leaves[0]!.name}\``
      : `leave out \`from\`, or evolve the same parameters: \`over ${referenceText(other.rules[0]!.references[0]!)}\``,
  });
  return false;
}

/** True for `inner fit { ... from fit@T }`: it goes on where it ended at the meta-step before. */
export function isWarm(loop: Loop): boolean {
  const value = loop.from?.value;
  return value?.kind === "Time" && value.object.kind === "Name" && value.object.name === loop.name;
}

/** The name of the state that keeps where a loop ended. */
export function carriedName(loop: Loop, leaf: LeafDeclaration): string {
  return `${leaf.name}@${loop.name}`;
}

/** Where a loop ended at the meta-step before; the initial value where there is none: at the first, and where no outer
 *  runs it. Undefined when wrong (reported). */
function carriedValue(
  cx: Context,
  loop: Loop,
  leaf: LeafDeclaration,
  { time, span }: Expression & { kind: "Time" },
): TensorValue | undefined {
  // in a window, that was checked for the whole loop
  const whole = !windowOf(cx.world, loop);
  const point = time === "all" || !whole ? undefined : timePoint(cx, loop, time);
  if (whole && !point) return undefined;
  if (point && (typeof point === "string" || point.kind !== "static" || point.step !== stepsOf(cx, loop))) {
    return void fail(cx, {
      code: "M0402",
      title: `\`${loop.name}\` can go on only from its own end`,
      at: span,
      hint: `write \`from ${loop.name}@${loop.timeName}\``,
    });
  }
  const { consumer } = cx.world;
  if (!consumer.metaStep || loopAround(cx.world)) return initialValue(cx, leaf);
  const task = taskOf(cx.world);
  if (task && !task.fixed) {
    return void fail(cx, {
      code: "M0203",
      title: `\`${loop.name}\` cannot go on from the meta-step before, which had other tasks`,
      at: span,
      hint: `write \`across ${task.count} ${task.definition.name} fixed\``,
    });
  }
  if (consumer.dry) return placeholder(cx, leaf);
  const shape = [...(task ? [task.count] : []), ...shapeOf(leaf.dims)];
  const kept = consumer.input({ kind: "state", name: carriedName(loop, leaf) }, {
    dtype: cx.elaboration.precision,
    shape,
  });
  return { kind: "tensor", variable: task ? task.slice(kept) : kept, dims: leaf.dims };
}

/** Stands for a parameter where only its shape matters. */
export function placeholder(cx: Context, leaf: LeafDeclaration): TensorValue {
  const variable = cx.b.input({ dtype: cx.elaboration.precision, shape: shapeOf(leaf.dims) }, leaf.name);
  return { kind: "tensor", variable, dims: leaf.dims };
}

/** Where a window of a loop starts: at the loop's own start at step 0, else where the window before it ended. */
export function startOfWindow({ b, world }: Context, { from: first, carry }: LoopWindow, start: LoopState): LoopState {
  const task = taskOf(world);
  const from = b.resolve(first);
  const begins = b.apply("eq", from, b.fill(0, from));
  const carried = carry.map((x) => task ? task.slice(x) : b.resolve(x));
  const choose = (own: Variable, i: number) => b.apply("select", b.broadcastTo(begins, own.shape), own, carried[i]!);
  return withCarry(start, carryOf(start).map(choose));
}
