// What is a value of a loop: its number of steps, its loss at a time, a hyperparameter? Asked with the time that stands behind it, or
// with none.
import type { Expression } from "../syntax/ast.ts";
import type { Span } from "../text/source.ts";
import { fail, needShape } from "../world/report.ts";
import { evaluate, runLoop } from "../world/evaluator.ts";
import { seenByDerivatives } from "../loops/estimators.ts";
import { stepsOf } from "../elaborate/steps.ts";
import type { Context, LeafDeclaration, Local, Reference, Value } from "../world/world.ts";
import type { HyperparameterValue, TimePoint } from "../world/value_kinds.ts";
import { hyperparameterPath, type Loop } from "../world/loop.ts";
import { initialValue } from "../elaborate/leaves.ts";
import { hyperparameterLeaves, ruleOver } from "../elaborate/references.ts";
import { pathText } from "../syntax/paths.ts";
import { known, ownsNow, quantitiesNow, withLocals } from "../world/moments.ts";
import { errorValue, staticNumber } from "../world/values.ts";
import { metaStepsMade } from "../loops/meta_steps.ts";
import { localsOfTime, timePoint } from "../elaborate/time_points.ts";
import { changesDuring, dependsOnItself } from "../diagnostics/messages.ts";

/** A hyperparameter, loss, gradient norm or number of steps, at a time or "now". */
export function readLoopValue(cx: Context, reference: Reference, time: Expression | undefined, span: Span): Value {
  switch (reference.kind) {
    case "count": {
      const steps = stepsOf(cx, reference.loop);
      return steps === undefined ? errorValue : staticNumber(steps, "int");
    }
    case "taken":
      return readTaken(cx, reference.loop, time, span);
    case "made":
      return metaStepsMade(cx, reference.loop, span);
    case "quantity":
      return readQuantity(cx, reference, time, span);
    case "sensitivity": {
      const { name } = reference.loop;
      return fail(cx, {
        code: "M0203",
        title: `\`${name}.sensitivity\` is known only while \`${name}\` runs, to \`record\``,
        at: span,
      });
    }
    case "hyperparameter":
      return readHyperparameter(cx, reference, time, span);
    case "leaf":
      return readLeaf(cx, reference.leaf, time, span);
    case "rule": {
      const own = ruleOver(reference.loop, reference.path)?.hyperparameters[0];
      const path = pathText([reference.loop.name, ...reference.path]);
      return fail(cx, {
        code: "M0203",
        title: `\`${path}\` is not a value: it stands before the name of a hyperparameter`,
        at: span,
        hint: own &&
          `what \`${reference.loop.name}\` makes of it is \`${
            pathText(reference.path)
          }@${reference.loop.timeName}\`, its rate \`${path}.${own.name}\``,
      });
    }
    default:
      return errorValue;
  }
}

/** `fit.loss@t`. */
function readQuantity(
  cx: Context,
  { loop, quantity }: Reference & { kind: "quantity" },
  time: Expression | undefined,
  span: Span,
): Value {
  const name = `${loop.name}.${quantity}`;
  const now = quantitiesNow(cx.world, loop);
  if (now) {
    const point = time ? timePoint(cx, loop, time) : "now";
    if (point === "now" || point === "start") return (point === "now" ? now : now.start)[quantity];
    return errorValue;
  }
  if (ownsNow(cx.world, loop) || cx.elaboration.busy.has(loop)) {
    return fail(cx, {
      ...dependsOnItself(name, span),
      secondary: [{ span: loop.objective.span, message: `this is what \`${loop.name}\` evaluates` }],
    });
  }
  if (!time) {
    return fail(cx, {
      ...changesDuring(name, loop.name),
      at: span,
      label: `write \`${name}@0\`, \`${name}@${loop.timeName}\` or \`mean(${name}@t for t in 1 .. ${loop.timeName})\``,
    });
  }
  const point = timePoint(cx, loop, time);
  // inside its own loop a quantity was refused above
  if (!point || typeof point === "string") return errorValue;
  const run = runLoop(cx, loop, span);
  const end: TimePoint = point.kind === "static" && point.step === 0 ? { kind: "static", step: 1 } : point;
  if (!run || !seenByDerivatives(cx, loop, { steps: run.steps, point: end }, span)) return errorValue;
  return run.quantity(quantity, point) ?? errorValue;
}

/** `fit.steps`: how many steps a loop took. */
function readTaken(cx: Context, loop: Loop, time: Expression | undefined, span: Span): Value {
  const name = `${loop.name}.steps`;
  if (time) {
    return fail(cx, {
      code: "M0403",
      title: `\`${name}\` is one number, and does not change over time`,
      at: span,
      hint: `write \`${name}\``,
    });
  }
  if (ownsNow(cx.world, loop) || cx.elaboration.busy.has(loop)) {
    return fail(cx, { ...dependsOnItself(name, span), hint: "write `t` for how many were taken before this step" });
  }
  return runLoop(cx, loop, span)?.taken ?? errorValue;
}

/** A parameter or a hyperparameter that has one value, or one for each step. */
function readLeaf(cx: Context, leaf: LeafDeclaration, time: Expression | undefined, span: Span): Value {
  const point = leaf.loop && time ? timePoint(cx, leaf.loop, time, -1) : "now";
  const value = point && initialValue(cx, leaf);
  if (!point || !value) return errorValue;
  if (!leaf.loop || !leaf.perStep || !time) return value;
  if (point === "now") {
    return fail(cx, {
      code: "M0701",
      title: `\`${leaf.name}\` at a step is not yet known inside \`${leaf.loop.name}\` itself`,
      at: span,
      secondary: [{ span: leaf.span, message: "one value for each step" }],
    });
  }
  const variable = point !== "start" && point.kind === "scope"
    ? point.scope.slice(value.variable, point.offset)
    : cx.world.b.row(value.variable, point === "start" ? 0 : point.step);
  return { kind: "tensor", variable, dims: value.dims.slice(1) };
}

/** `fit.lr`: a leaf where it is a number of its own; else what its formula says. */
function readHyperparameter(
  cx: Context,
  reference: HyperparameterValue,
  time: Expression | undefined,
  span: Span,
): Value {
  const { loop, declared } = reference;
  const el = cx.elaboration;
  const path = hyperparameterPath(loop, declared);
  const full = pathText(path);
  const leaf = el.leaves.get(full);
  if (!leaf && hyperparameterLeaves(el, reference).length > 0) return reference;
  const ofTime = declared.override?.time;
  if (!time && (leaf?.perStep || ofTime)) {
    return fail(cx, {
      code: "M0401",
      title: `\`${full}\` has one value for each step; say which one you want`,
      at: span,
      label: `write \`${full}@0\`${leaf ? ` or \`sum(${full}@t for t in 0 .. ${loop.timeName} - 1)\`` : ""}`,
    });
  }
  if (leaf) return readLeaf(cx, leaf, time, span);
  if (time && !timePoint(cx, loop, time, -1)) return errorValue;
  const locals = new Map<string, Local>();
  if (ofTime && time) {
    const counts = localsOfTime(cx, loop, stepsOf(cx, loop)!);
    locals.set(ofTime.name, known(evaluate(withLocals(cx, counts), time)));
    locals.set(loop.timeName, counts.get(loop.timeName)!);
  }
  const scope = { module: declared.module, parent: undefined, locals };
  const value = evaluate({ ...cx, scope, batch: undefined }, declared.value);
  // what is computed from other values, and a switch, has no value of its own
  if (ofTime || value.kind === "error" || value.kind === "tensor" && declared.value.kind !== "List") return value;
  if (value.kind === "static" && value.type === "bool") return value;
  // declared when its loop is gone through
  if (!el.busy.has(loop) && runLoop(cx, loop, span) && hyperparameterLeaves(el, reference).length > 0) {
    return readHyperparameter(cx, reference, time, span);
  }
  needShape(el, path, span);
  return errorValue;
}
