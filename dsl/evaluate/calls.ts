// What does a call do? Evaluates its arguments, and the body of a function, a model or a distribution.
import type { CallExpression, Expression, Formal } from "../syntax/ast.ts";
import { builtins, callBuiltin } from "../builtins/builtins.ts";
import { fail, firstTime, unheard } from "../world/report.ts";
import { evaluate } from "../world/evaluator.ts";
import { callModel } from "./model_calls.ts";
import { capital } from "../text/words.ts";
import type { Module } from "../modules/modules.ts";
import { evaluatePart, unknownFunction } from "./names.ts";
import { isProductMistake } from "./times.ts";
import { describeValue, errorValue, shapeOf } from "../world/values.ts";
import type { Context, Frame, InstanceNode, Local, Passed, Value } from "../world/world.ts";
import type { BaseDistribution, Dim, DistributionValue, ErrorValue, Fans } from "../world/value_kinds.ts";
import { taskOf } from "../world/moments.ts";
import { isLocal } from "../elaborate/scope_names.ts";
import { bindArguments } from "../elaborate/arguments.ts";
import { isClosed } from "../elaborate/closed.ts";
import { pathText } from "../syntax/paths.ts";
import { resolveReference } from "../elaborate/references.ts";
import { withoutTime } from "../world/loop.ts";

export function evaluateCall(cx: Context, call: CallExpression): Value {
  const { callee } = call;
  if (isProductMistake(cx, call)) return errorValue;
  if (callee.kind === "Name" && !isLocal(cx, callee.name) && !cx.scope.module.visible.has(callee.name)) {
    const builtin = builtins.get(callee.name);
    if (builtin) return callBuiltin(cx, builtin, call);
    if (taskOf(cx.world)?.splits.has(callee.name) !== true) {
      // the arguments are still checked
      for (const arg of call.args) evaluate(cx, arg.value);
      if (callee.name === "") return errorValue;
      return unknownFunction(cx, callee.name, call);
    }
  }
  const waiting = cx.elaboration.work.unshaped;
  const target = callee.kind === "Member" ? evaluatePart(cx, callee, true) : evaluate(cx, callee);
  switch (target.kind) {
    case "error":
      if (cx.elaboration.work.unshaped > waiting) shapeBy(cx, call);
      // what a method of another language is given is part of that mistake
      if (callee.kind !== "Member") { for (const arg of call.args) evaluate(cx, arg.value); }
      return target;
    case "function":
      return callFunction(cx, target, call);
    case "model": {
      const passed = passedToModel(cx, target.instance, call);
      return passed ? callModel(cx, target, passed, call.span) : errorValue;
    }
    default:
      return fail(cx, {
        code: "M0203",
        title: `${capital(describeValue(target))} cannot be called`,
        at: callee.span,
        hint: target.kind === "static" || target.kind === "tensor"
          ? "for a product write `*`: `2 * (a + b)`"
          : target.kind === "tensors"
          ? `call the model \`${pathText(target.instance.path)}\` itself`
          : undefined,
      });
  }
}

/** What a call passes to a model. Undefined when that is not what it takes (reported). */
function passedToModel(cx: Context, instance: InstanceNode, call: CallExpression): Passed[] | undefined {
  const { formals } = instance.model.item;
  const { unshaped, waiting, work } = cx.elaboration;
  const before = work.unshaped;
  const bound = bindArguments(cx, pathText(instance.path), formals, call.args, call.span, cx.scope.module);
  if (!bound) return undefined;
  const passed = passedTo(formals, bound, call);
  if (work.unshaped > before) {
    const { path } = [...unshaped.values()].at(-1)!;
    waiting.set(instance, { path, span: call.span });
  }
  return passed;
}

/** Shapes a model by a call of it at a time, `net@T(x)`, where the loop that leads there waits for a shape: it may be one that this
 *  call gives. The check comes back then. */
function shapeBy(cx: Context, call: CallExpression): void {
  const trying = { ...cx, elaboration: unheard(cx.elaboration) };
  const reference = resolveReference(trying, withoutTime(call.callee));
  if (typeof reference !== "object" || reference.kind !== "model") return;
  const { instance } = reference;
  const passed = passedToModel(cx, instance, call);
  if (passed) callModel(trying, { kind: "model", instance, world: cx.world }, passed, call.span);
}

/** The values of a call's arguments, in the order of the formals, with their places. */
function passedTo(formals: readonly Formal[], bound: ReadonlyMap<string, Local>, call: CallExpression): Passed[] {
  const positional = call.args.filter((a) => !a.name);
  const named = new Map(call.args.map((a) => [a.name?.name, a]));
  return formals.map((formal, i) => {
    const given = named.get(formal.name.name) ?? positional[i];
    return { value: bound.get(formal.name.name)!.value(), span: given?.value.span ?? call.span };
  });
}

function callFunction(cx: Context, fn: Value & { kind: "function" }, call: CallExpression): Value {
  const { item, scope } = fn;
  const name = item.name.name;
  const bound = bindArguments(cx, name, item.formals, call.args, call.span, scope.module);
  if (!bound) return errorValue;
  const values = [...bound.values()].map((local) => local.value());
  if (values.some((v) => v.kind === "error")) return errorValue;
  const depth = cx.frames.filter((f) => f.item === item).length;
  if (depth > 3 || cx.elaboration.said.has(item)) {
    if (!firstTime(cx.elaboration, item)) return errorValue;
    return fail({ ...cx, frames: [] }, {
      code: "M0210",
      title: `The function \`${name}\` calls itself`,
      at: call.span,
      secondary: [{ span: item.name.span, message: `\`${name}\` is defined here` }],
      notes: ["A function is written out wherever it is called, so this would never end"],
    });
  }
  const frame: Frame = { callee: name, span: call.span, args: passedTo(item.formals, bound, call), item };
  const at: Context = {
    ...cx,
    scope: { module: scope.module, parent: scope, locals: bound },
    frames: [frame, ...cx.frames],
  };
  if (isDistribution(item.body, scope.module, new Set())) {
    // evaluated at the shape that is drawn, which its fans come from; what its words read is computed as what it is given is
    const names = new Set(item.formals.map((f) => f.name.name));
    const distribution: DistributionValue = {
      kind: "distribution",
      description: name,
      computed: values.some((v) => v.kind === "tensor" || v.kind === "distribution" && v.computed) ||
        !isClosed(cx.elaboration.evaluator, item.body, scope.module, names),
      make: (dims) => distributionFor(at, fn, values, dims),
    };
    return distribution;
  }
  return evaluate(at, item.body);
}

/** What a function draws from at a shape, which its fans come from. Of numbers alone it is the same for all that have these fans. */
function distributionFor(
  at: Context,
  { item, scope }: Value & { kind: "function" },
  args: readonly Value[],
  dims: readonly Dim[],
): BaseDistribution | ErrorValue {
  const { distributions, evaluator } = at.elaboration;
  const fans = fansOf(dims);
  const names = new Set(item.formals.map((f) => f.name.name));
  const lasts = args.every((v) => v.kind === "static") && isClosed(evaluator, item.body, scope.module, names);
  const key = [...lasts ? args.map((v) => `${v.type} ${v.value}`) : [], fans.fan_in, fans.fan_out].join(", ");
  const known = lasts ? distributions.get(item)?.get(key) : undefined;
  if (known) return known;
  const value = evaluate({ ...at, scope: { ...at.scope, fans } }, item.body);
  const made = value.kind === "distribution" ? value.make(dims) : errorValue;
  if (!lasts || made.kind === "error") return made;
  distributions.set(item, new Map([...distributions.get(item) ?? [], [key, made]]));
  return made;
}

/** The fans of a shape: [in, out] for a matrix; [out, in, kernel …] for a convolution's filter, where the kernel multiplies
 *  both. A vector has the same fan both ways. Source: the convention of the Glorot and He initialisers. */
function fansOf(dims: readonly Dim[]): Fans {
  const sizes = shapeOf(dims);
  const field = sizes.slice(2).reduce((a, n) => a * n, 1);
  const [first = 1, second = first] = sizes;
  const [fanIn, fanOut] = sizes.length > 2 ? [second * field, first * field] : [first, second];
  return { fan_in: fanIn, fan_out: fanOut };
}

/** True when a function's body is a distribution: a call of a family, or of another such function. */
function isDistribution(body: Expression, module: Module, seen: Set<Expression>): boolean {
  if (body.kind !== "Call" || body.callee.kind !== "Name" || seen.has(body)) return false;
  seen.add(body);
  const definition = module.visible.get(body.callee.name);
  if (definition?.item.kind === "Function") return isDistribution(definition.item.body, definition.module, seen);
  return !definition && builtins.get(body.callee.name)?.family === true;
}
