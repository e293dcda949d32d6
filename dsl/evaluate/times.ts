// What is `w@t`? Finds the loop that changes a thing, checks that the time exists, and reads the record of that loop.
import type { Expression, Item, TimeExpression } from "../syntax/ast.ts";
import { isLocal } from "../elaborate/scope_names.ts";
import { builtins } from "../builtins/builtins.ts";
import type { Span } from "../text/source.ts";
import { fail } from "../world/report.ts";
import { evaluate, runLoop } from "../world/evaluator.ts";
import { placeholder, startValue } from "../loops/loop_starts.ts";
import type { Context, LeafDeclaration, LoopRun, Reference, Value, World } from "../world/world.ts";
import type { StaticValue, TensorValue, TimePoint } from "../world/value_kinds.ts";
import type { Loop } from "../world/loop.ts";
import { valueNow } from "../elaborate/leaves.ts";
import { modelAt, modelValue, tensorsIn } from "../elaborate/models.ts";
import { changesUnknown, resolveReference } from "../elaborate/references.ts";
import { loopsChanging, outersLearning } from "../elaborate/ownership.ts";
import { mentions, pathText, referencePath, referenceText } from "../syntax/paths.ts";
import { begunAt, enterWorld, loopAround, taskOf, windowOf } from "../world/moments.ts";
import { describeValue, errorValue, staticNumber } from "../world/values.ts";
import { capital } from "../text/words.ts";
import { productMistake, timePoint } from "../elaborate/time_points.ts";
import { readLoopValue } from "./loop_values.ts";
import { seenByDerivatives } from "../loops/estimators.ts";
import { neverChanges } from "../diagnostics/messages.ts";

/** The value of `object@time`. */
export function evaluateTime(cx: Context, expression: TimeExpression): Value {
  const { object, time, span } = expression;
  if (time === "all") {
    return fail(cx, {
      code: "M0401",
      title: "`@*` means every time, which only `record` keeps",
      at: span,
      hint: "say at which time, such as `@T`, or sum over times: `sum(… for t in 1 .. T)`",
    });
  }
  const reference = resolveReference(cx, object);
  if (reference === undefined) return errorValue;
  if (reference === "not a reference") return notTimed(cx, expression, time);
  switch (reference.kind) {
    case "model":
    case "leaf": {
      if (reference.kind === "leaf" && reference.leaf.loop) return readLoopValue(cx, reference, time, span);
      const loop = owningLoop(cx, reference, object, time, span);
      if (!loop) return errorValue;
      const point = timePoint(cx, loop, time, 0, referenceText(object));
      if (!point) return errorValue;
      if (point === "now") return referenceNow(cx, reference, span);
      if (point === "start") return startNow(cx, reference, loop);
      if (startIsLearned(cx, reference, loop, point)) return startNow(cx, reference, loop);
      const run = runLoop(cx, loop, span);
      if (!run || !seenByDerivatives(cx, loop, { steps: run.steps, point }, span)) return errorValue;
      if (reference.kind === "leaf") return run.parameter(reference.leaf, point);
      const values = new Map<string, TensorValue>();
      for (const leaf of tensorsIn(reference.instance)) {
        if (run.leaves.includes(leaf)) values.set(leaf.name, run.parameter(leaf, point));
      }
      return modelAt(cx, reference.instance, { values, owns: new Set([loop]), time: timeOf(cx, loop, run, point) });
    }
    case "loop": {
      const { loop } = reference;
      const evolved = loop.rules[0]?.references.map(referenceText).find((text) => text !== undefined);
      const at = time.kind === "Name" ? time.name : time.kind === "Number" ? time.text : loop.timeName;
      return fail(cx, {
        code: "M0403",
        title: `\`${loop.name}\` is a loop; its time-indexed parts are \`${loop.name}.loss@t\` and its hyperparameters`,
        at: span,
        hint: evolved && loop.kind === "inner"
          ? `what it changes has times too: write \`${evolved}@${at}\``
          : undefined,
      });
    }
    default:
      return readLoopValue(cx, reference, time, span);
  }
}

/** True for `w@0` of what an outer learns where nothing is differentiated and there is no task: it is what was learned, and the loop,
 *  which may be across tasks, is not run for it. */
function startIsLearned(
  { world, elaboration }: Context,
  reference: Reference & { kind: "model" | "leaf" },
  loop: Loop,
  point: TimePoint,
): boolean {
  if (point.kind !== "static" || point.step > 0 || loop.from || windowOf(world, loop)) return false;
  if (world.consumer.differentiated || taskOf(world) || loopAround(world)) return false;
  const leaves = reference.kind === "leaf" ? [reference.leaf] : tensorsIn(reference.instance)
    .filter((leaf) => loopsChanging(elaboration, { kind: "leaf", leaf }).includes(loop));
  return leaves.every((leaf) => outersLearning(elaboration, leaf.path, true).length > 0);
}

/** `w@0` inside the loop that changes `w`: where this run of the loop starts. */
function startNow(cx: Context, reference: Reference & { kind: "model" | "leaf" }, loop: Loop): Value {
  // what it goes on from may not be run again in a step: draws in it would be those of the step
  const begun = begunAt(cx.world, loop);
  const elsewhere = loop.from !== undefined && cx.world.consumer.dry;
  const startOf = (leaf: LeafDeclaration) =>
    begun?.get(leaf.name) ?? (elsewhere ? placeholder(cx, leaf) : startValue(cx, loop, leaf));
  if (reference.kind === "leaf") return startOf(reference.leaf) ?? errorValue;
  const values = new Map<string, TensorValue>();
  for (const leaf of tensorsIn(reference.instance)) {
    if (!loopsChanging(cx.elaboration, { kind: "leaf", leaf }).includes(loop)) continue;
    const value = startOf(leaf);
    if (!value) return errorValue;
    values.set(leaf.name, value);
  }
  return modelAt(cx, reference.instance, { values, owns: new Set([loop]), time: staticNumber(0, "int") });
}

/** How many steps a loop has made at a time: later times than that at which it stopped repeat it. */
function timeOf({ b, world }: Context, loop: Loop, { taken }: LoopRun, point: TimePoint): TensorValue | StaticValue {
  const window = windowOf(world, loop);
  if (point.kind === "static" && !window && taken.kind === "static") return staticNumber(point.step, "int");
  const asked = point.kind === "scope" ? point.number : b.fill(point.step, { dtype: "i32", shape: [] });
  const time = window ? b.apply("add", b.resolve(window.from), b.resolve(asked)) : b.resolve(asked);
  const known = taken.kind === "tensor" ? b.apply("min", time, b.resolve(taken.variable)) : time;
  return { kind: "tensor", variable: known, dims: [] };
}

/** `x @ net.W`, `x @ f(y)` and `x @ W[0]`, where what stands after the `@` is no time; reported. */
export function isProductMistake(cx: Context, expression: Expression): boolean {
  let at = expression;
  while (at.kind === "Member" || at.kind === "Index" || at.kind === "Call") {
    at = at.kind === "Call" ? at.callee : at.object;
  }
  if (at === expression || at.kind !== "Time" || at.time === "all") return false;
  if (!isNoTime(cx, at.time, ["Model", "Param", "Data", "Function"])) return false;
  const text = cx.elaboration.modules.sources.get(expression.span.source)!.text;
  const [left, right] = [at.object.span, { start: at.time.span.start, end: expression.span.end }]
    .map(({ start, end }) => text.slice(start, end)) as [string, string];
  fail(cx, productMistake(left, right, expression.span));
  return true;
}

/** True for a name of a definition of such a kind, or of a function of the language, which no time is computed from. */
function isNoTime(cx: Context, time: Expression, kinds: readonly Item["kind"][]): boolean {
  if (time.kind !== "Name" || isLocal(cx, time.name)) return false;
  const item = cx.scope.module.visible.get(time.name)?.item;
  return item ? kinds.includes(item.kind) : builtins.has(time.name);
}

function notTimed(cx: Context, expression: TimeExpression, time: Expression): Value {
  const { object, span } = expression;
  const value = evaluate(cx, object);
  if (value.kind === "error") return value;
  const text = cx.elaboration.modules.sources.get(span.source)!.text;
  const right = text.slice(time.span.start, time.span.end);
  const left = referenceText(object) ?? text.slice(object.span.start, object.span.end);
  const product = value.kind === "tensor" && value.dims.length > 0 && time.kind !== "Number" && !mentions(time, "t") &&
    !mentions(time, "T");
  return fail(cx, {
    code: "M0403",
    title: product
      ? `\`@\` is time here, not the matrix product, and \`${left}\` does not change over time`
      : `${capital(describeValue(value))} does not change over time`,
    at: span,
    hint: product
      ? `write \`dot(${left}, ${right})\``
      : value.kind === "tensors"
      ? `say the time of each model in it, such as \`${pathText(value.instance.path)}@${right}\``
      : undefined,
  });
}

/** The one inner loop that changes a thing. Undefined when there is none or more (reported). */
function owningLoop(
  cx: Context,
  reference: Reference,
  object: Expression,
  time: Expression,
  span: Span,
): Loop | undefined {
  const name = referenceText(object) ?? "this";
  let loops = loopsChanging(cx.elaboration, reference);
  if (loops.length === 0 && cx.elaboration.modules.root.torn) return undefined;
  // what an outer learns changes too, when another loop runs it
  const outers = outersLearning(cx.elaboration, referencePath(object), loops.length > 0).filter((l) =>
    loops.length === 0 || mentions(time, l.name)
  );
  if (outers.length > 0) loops = outers;
  if (loops.length > 1) {
    const named = loops.filter((loop) => mentions(time, loop.name));
    if (named.length > 0) loops = named;
    // inside a loop, that loop is meant
    const around = named.length === 0 ? innermost(cx.world, loops) : undefined;
    if (around) loops = [around];
  }
  if (loops.length === 1) return loops[0];
  if (loops.length === 0) {
    if (changesUnknown(cx.elaboration)) return undefined;
    if (isNoTime(cx, time, ["Model", "Param", "Data"])) {
      return void fail(cx, productMistake(name, referenceText(time) ?? "…", span));
    }
    return void fail(cx, {
      ...neverChanges(name),
      at: span,
      hint: `write \`${name}\`, or evolve it in an \`inner\` by \`over ${name}\``,
    });
  }
  const [first, second] = loops as [Loop, Loop];
  const of = ({ name: loop, timeName }: Loop) =>
    time.kind === "Number" ? `\`${name}@(${loop}@${time.text})\`` : `\`${name}@(${loop}.${timeName})\``;
  return void fail(cx, {
    code: "M0404",
    title: `\`${name}\` is changed by \`${first.name}\` and \`${second.name}\`; say which time you mean`,
    at: span,
    secondary: loops.map((loop) => ({ span: loop.item.name.span, message: `\`${loop.name}\` changes it` })),
    hint: `write ${of(first)} or ${of(second)}`,
  });
}

/** The innermost of some loops whose step a world is in. */
function innermost(world: World, loops: readonly Loop[]): Loop | undefined {
  for (let w: World | undefined = world; w; w = w.parent) {
    for (const loop of loops) if (w.owns.has(loop)) return loop;
  }
  return undefined;
}

/** A reference read "now". */
export function referenceNow(cx: Context, reference: Reference, span: Span): Value {
  switch (reference.kind) {
    case "model":
      return reference.moment ? modelAt(cx, reference.instance, reference.moment) : modelValue(cx, reference.instance);
    case "leaf": {
      const world = reference.moment ? enterWorld(cx.world, reference.moment) : cx.world;
      return valueNow({ ...cx, world }, reference.leaf, span);
    }
    case "loop":
      return { kind: "loop", loop: reference.loop };
    default:
      return readLoopValue(cx, reference, undefined, span);
  }
}
