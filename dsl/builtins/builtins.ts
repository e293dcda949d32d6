// Which functions are built in? Those that the language cannot say itself, by family in the files beside this one; everything
// else is in `prelude/`, in the language.
import { distributions } from "./builtin_distributions.ts";
import { elementwise } from "./builtin_elementwise.ts";
import { orders } from "./builtin_orders.ts";
import { products } from "./builtin_products.ts";
import { reductions } from "./builtin_reductions.ts";
import { shapes } from "./builtin_shapes.ts";
import { systems } from "./builtin_systems.ts";
import type { CallExpression, Expression } from "../syntax/ast.ts";
import type { Builtin, BuiltinCall } from "./builtin_arguments.ts";
import { entrywise, type Operand, standsForTensors, tensorsOf } from "../elaborate/model_tensors.ts";
import { fail } from "../world/report.ts";
import { evaluate } from "../world/evaluator.ts";
import { hintAt } from "../diagnostics/hints.ts";
import { count, quoted } from "../text/words.ts";
import { namesInScope } from "../elaborate/scope_names.ts";
import { describeValue, errorValue, staticNumber } from "../world/values.ts";
import type { Context, TensorsValue, Value } from "../world/world.ts";
import type { ErrorValue, StaticValue } from "../world/value_kinds.ts";

/** Names with a value of their own. */
export const constants: ReadonlyMap<string, StaticValue> = new Map([
  ["pi", staticNumber(Math.PI, "float")],
  ["inf", staticNumber(Infinity, "float")],
  ["true", staticNumber(1, "bool")],
  ["false", staticNumber(0, "bool")],
]);

/** Evaluates the arguments of a call of a builtin and applies it. */
export function callBuiltin(cx: Context, builtin: Builtin, call: CallExpression): Value {
  const args: Value[] = [];
  const named = new Map<string, Value>();
  let wrong = false;
  for (const arg of call.args) {
    const value = builtin.leavesOpen ? evaluateOpen(cx, arg.value) : evaluate(cx, arg.value);
    if (value.kind === "error") wrong = true;
    if (!arg.name) {
      args.push(value);
      continue;
    }
    if (!builtin.named.includes(arg.name.name)) {
      wrong = true;
      fail(cx, {
        code: "M0303",
        title: `\`${builtin.name}\` has no argument \`${arg.name.name}\``,
        at: arg.name.span,
        notes: builtin.named.length > 0 ? [`It takes ${quoted(builtin.named)} by name`] : [],
        hint: argumentHint(cx, builtin, call, arg.name.name),
      });
    }
    named.set(arg.name.name, value);
  }
  if (wrong) return errorValue;
  const [least, most] = builtin.arity;
  const [only] = call.args;
  const oneList = builtin.arity[1] > 2 && args.length === 1 && only!.value.kind === "List";
  if (args.length < least || args.length > most || oneList) {
    const expected = least === most ? count(least, "argument") : `${least} to ${most} arguments`;
    return fail(cx, {
      code: "M0302",
      title: oneList
        ? `\`${builtin.name}\` joins its arguments, and this is one list`
        : `\`${builtin.name}\` takes ${expected}, not ${args.length}`,
      at: call.span,
      hint: callHint(cx, builtin, call),
    });
  }
  return callBuiltinWith(cx, builtin, args, named, call);
}

/** The value of an argument, which may be a list of sizes with one `_`. */
function evaluateOpen(cx: Context, expression: Expression): Value {
  const isOpen = (item: Expression) => item.kind === "Name" && item.name === "_";
  if (expression.kind !== "List" || !expression.items.some(isOpen)) return evaluate(cx, expression);
  const open = expression.items.findIndex(isOpen);
  const second = expression.items.findLastIndex(isOpen);
  if (second > open) {
    return fail(cx, {
      code: "M0304",
      title: "Two sizes are left open, and only one follows from the others",
      at: expression.items[second]!.span,
      secondary: [{ span: expression.items[open]!.span, message: "the other one" }],
    });
  }
  const items = expression.items.filter((_, i) => i !== open);
  const others = items.length > 0 ? evaluate(cx, { ...expression, items }) : { kind: "shape", dims: [] } as const;
  return others.kind === "shape" && !others.single ? { ...others, open } : others;
}

/** The text of an expression as it stands in the program, when it is short. */
function textOf(cx: Context, { span }: Expression): string {
  const text = cx.elaboration.modules.sources.get(span.source)?.text.slice(span.start, span.end) ?? "";
  return text.length <= 60 && !text.includes("\n") ? text : "…";
}

/** What to write for an argument of another name. */
function argumentHint(cx: Context, builtin: Builtin, call: CallExpression, name: string): string | undefined {
  const places = call.args.length <= builtin.arity[1] && builtin.arity[1] <= 3;
  if (["axis", "dim", "axes", "axis1", "axis2", "dim0", "dim1", "shape", "indices"].includes(name) && places) {
    if (!builtin.named.includes("axis")) {
      return `write it without the name: \`${builtin.name}(${call.args.map((a) => textOf(cx, a.value)).join(", ")})\``;
    }
  }
  if (builtin.named.length === 0 && namesInScope(cx).includes(name)) return "compare with `==`";
  return hintAt("argument", name, builtin.named, { callee: builtin.name });
}

/** What to write for a call with too few or too many arguments. */
function callHint(cx: Context, builtin: Builtin, call: CallExpression): string | undefined {
  const { name, arity, named } = builtin;
  const texts = call.args.map((a) => textOf(cx, a.value));
  if (name === "dot" && call.args.length === 1) return "write `dot(x, W)`";
  const [only, ...others] = call.args.filter((a) => !a.name);
  if (only?.value.kind === "List" && others.length === 0) {
    const items = only.value.items.map((item) => textOf(cx, item));
    const byName = call.args.flatMap((a) => a.name ? [`${a.name.name} = ${textOf(cx, a.value)}`] : []);
    return `write \`${name}(${[...items, ...byName].join(", ")})\``;
  }
  if (name === "reshape" && call.args.length > 2) {
    return `write \`reshape(${texts[0]}, [${texts.slice(1).join(", ")}])\``;
  }
  if (name === "transpose" && call.args.length === 3) return `write \`swap_axes(${texts.join(", ")})\``;
  if (name === "transpose") return "it turns the axes around; `swap_axes(x, 0, 1)` exchanges two of them";
  if ((name === "max" || name === "min") && call.args.length > 2) {
    return `write \`${name}(${name}(${texts.slice(0, 2).join(", ")}), ${texts[2]})\``;
  }
  if (name === "norm") {
    return "it is Euclidean; others are `sum(abs(x))` and `max(abs(x))`, and axes go by name: `axis = 0`";
  }
  if (named.includes("axis") && call.args.length === arity[1] + 1) {
    return `write \`${name}(${[...texts.slice(0, -1), `axis = ${texts.at(-1)}`].join(", ")})\``;
  }
  return undefined;
}

/** Applies a builtin to values. */
export function callBuiltinWith(
  cx: Context,
  builtin: Builtin,
  args: readonly Value[],
  named: ReadonlyMap<string, Value>,
  call: CallExpression,
): Value {
  const positional = call.args.filter((a) => !a.name).map((a) => a.value as Expression);
  const whole: BuiltinCall = {
    cx,
    name: builtin.name,
    args,
    named,
    call,
    at: (i) => positional[i]?.span ?? call.span,
  };
  return args.some(standsForTensors) ? callOnModels(builtin, whole) : builtin.apply(whole);
}

/** Applies a builtin where models are among its arguments: entry by entry, or to all entries of all their tensors. What does neither
 *  says itself what it takes. */
function callOnModels(builtin: Builtin, c: BuiltinCall): Value {
  const operands = c.args.map((value, i) => ({ value, span: c.at(i) }));
  if (builtin.entrywise && (c.args.length > 1 || !builtin.whole)) {
    return entrywise(c.cx, c.name, operands, (args) => builtin.apply({ ...c, args }));
  }
  if (!builtin.whole) return builtin.apply(c);
  const other = c.call.args.find((arg) => arg.name) ??
    (operands.length > builtin.arity[0] ? c.call.args[1] : undefined);
  if (other) {
    return fail(c.cx, {
      code: "M0304",
      title: `\`${c.name}\` of a model is over all entries: its tensors have no axes in common`,
      at: other.name?.span ?? other.value.span,
      hint: "leave it out, or name one tensor",
    });
  }
  const models: TensorsValue[] = [];
  for (const operand of operands) {
    if (!standsForTensors(operand.value)) return needsModels(c, operand);
    const model = tensorsOf(c.cx, operand);
    if (model.kind === "error") return errorValue;
    models.push(model);
  }
  return builtin.whole(c, models);
}

/** Reports something else beside a model. */
function needsModels(c: BuiltinCall, { value, span }: Operand): ErrorValue {
  return fail(c.cx, {
    code: "M0304",
    title: `\`${c.name}\` of a model takes another one with the same tensors, not ${describeValue(value)}`,
    at: span,
    hint: value.kind === "static" ? "multiply by a number with `*`" : "call the model, such as `net(x)`",
  });
}

/** The builtins by name. */
export const builtins: ReadonlyMap<string, Builtin> = new Map(
  [...elementwise, ...reductions, ...shapes, ...products, ...orders, ...systems, ...distributions].map((
    b,
  ) => [b.name, b]),
);
