// Which functions are built in? Those that the language cannot say itself, by family in the files beside this one; everything
// else is in `prelude/`, in the language.
import { distributions } from "./builtin_distributions.ts";
import { elementwise } from "./builtin_elementwise.ts";
import { products } from "./builtin_products.ts";
import { reductions } from "./builtin_reductions.ts";
import { shapes } from "./builtin_shapes.ts";
import type { CallExpression, Expression } from "./ast.ts";
import type { Builtin } from "./builtin_arguments.ts";
import { fail } from "./elaboration.ts";
import { evaluate } from "./expressions.ts";
import { hintFor } from "./hints.ts";
import { count } from "./models.ts";
import { errorValue, staticNumber, type StaticValue, type Value } from "./values.ts";
import type { Context } from "./world.ts";

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
    const value = evaluate(cx, arg.value);
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
        notes: builtin.named.length > 0 ? [`It takes ${builtin.named.map((n) => `\`${n}\``).join(", ")} by name`] : [],
        hint: hintFor(arg.name.name, builtin.named),
      });
    }
    named.set(arg.name.name, value);
  }
  const [least, most] = builtin.arity;
  if (args.length < least || args.length > most) {
    const expected = least === most ? count(least, "argument") : `${least} to ${most} arguments`;
    return fail(cx, {
      code: "M0302",
      title: `\`${builtin.name}\` takes ${expected}, not ${args.length}`,
      at: call.span,
      hint: builtin.name === "dot" && args.length === 1 ? "write `dot(x, W)`" : undefined,
    });
  }
  return wrong ? errorValue : callBuiltinWith(cx, builtin, args, named, call);
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
  return builtin.apply({
    cx,
    name: builtin.name,
    args,
    named,
    call,
    at: (i) => positional[i]?.span ?? call.span,
  });
}

/** The builtins by name. */
export const builtins: ReadonlyMap<string, Builtin> = new Map(
  [...elementwise, ...reductions, ...shapes, ...products, ...distributions].map((b) => [b.name, b]),
);
