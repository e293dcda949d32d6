// What does a loop minimize at one moment? Its expression, where the parameters have the values of that moment, and for an
// inner loop with the rows of its batch; one float in the end.
import { toTensor } from "../elaborate/arithmetic.ts";
import type { Expression } from "../syntax/ast.ts";
import { fail, firstTime, topOf } from "../world/report.ts";
import { evaluate } from "../world/evaluator.ts";
import type { Loop } from "../world/loop.ts";
import { withBatch } from "./minibatches.ts";
import { nameOf } from "../modules/modules.ts";
import { arrayHint, describeValue, errorValue, staticNumber } from "../world/values.ts";
import { capital } from "../text/words.ts";
import type { Context, Local, Value, World } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { known, withLocals } from "../world/moments.ts";
import { declaredHere } from "../diagnostics/messages.ts";

/** The inner objective where a world stands, with `t` and `T` known. */
export function evaluateObjective(
  cx: Context,
  loop: Loop,
  world: World,
  t: TensorValue,
  steps: number,
): TensorValue | undefined {
  const what = `the objective of \`${loop.name}\``;
  const at = withLocals(topOf(cx, world, loop.module), stepLocals(cx, loop, t, steps));
  return withBatch(at, loop, (inside) => scalarObjective(inside, loop.objective.value, what));
}

/** The step and the number of steps. */
export function stepLocals(cx: Context, loop: Loop, t: TensorValue, steps: number): ReadonlyMap<string, Local> {
  return new Map([
    ["t", clear(cx, loop, "t", t)],
    [loop.timeName, clear(cx, loop, loop.timeName, staticNumber(steps, "int"))],
  ]);
}

/** The step or the number of steps, where its name means nothing else in the file. */
export function clear(cx: Context, loop: Loop, name: string, value: Value): Local {
  const other = loop.module.visible.get(name);
  const { count } = loop.count;
  // `for T steps` says that the two are one
  if (!other || other.module.library || name !== "t" && count.kind === "Name" && count.name === name) {
    return known(value);
  }
  return {
    value: (at) => {
      if (at === undefined) return value;
      if (!firstTime(cx.elaboration, `clash ${loop.name} ${name}`)) return errorValue;
      return fail(cx, {
        code: "M0209",
        title: name === "t"
          ? `\`t\` is the step of \`${loop.name}\` and something else in this file`
          : `\`${name}\` is the number of steps of \`${loop.name}\` and something else in this file`,
        at,
        label: "which one?",
        secondary: [declaredHere({ name, span: nameOf(other.item)?.span ?? other.item.span })],
        hint: "give what is declared another name",
      });
    },
  };
}

/** An expression that must be one float. Undefined when wrong (reported). */
export function scalarObjective(cx: Context, expression: Expression, what: string): TensorValue | undefined {
  const value = evaluate(cx, expression);
  if (value.kind === "error") return undefined;
  const tensor = toTensor(cx, value, "float");
  if (tensor.kind === "error" || tensor.dims.length > 0) {
    return void fail(cx, {
      code: "M0308",
      title: `${capital(what)} must be a scalar, and this is ${describeValue(value)}`,
      at: expression.span,
      hint: tensor.kind === "tensor" ? "take its `mean(…)` or `sum(…)`" : arrayHint(value),
    });
  }
  return tensor;
}
