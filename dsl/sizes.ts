// Which numbers must be known before the run? Sizes of types, numbers of steps and tasks, bounds.
import { sizeAsNumber } from "./arithmetic.ts";
import type { Expression, TypeExpression } from "./ast.ts";
import { fail } from "./elaboration.ts";
import { evaluate } from "./expressions.ts";
import { capital, describeValue, type Dim, type StaticValue } from "./values.ts";
import type { Context } from "./world.ts";

/** The sizes of a type; `[]` when none are written. Undefined when wrong (reported). */
export function evaluateType(cx: Context, type: TypeExpression): readonly Dim[] | undefined {
  const dims: Dim[] = [];
  for (const size of type.sizes ?? []) {
    const name = size.kind === "Name" ? size.name : undefined;
    const value = evaluate(cx, size);
    if (value.kind === "error") return undefined;
    if (value.kind === "shape" && value.dims.length === 1) {
      dims.push(value.dims[0]!);
      continue;
    }
    if (value.kind !== "static" || !Number.isInteger(value.value) || value.value < 0 || value.type === "bool") {
      fail(cx, {
        code: "M0306",
        title: "A size must be a positive integer known before the run",
        at: size.span,
        label: value.kind === "static" ? `this is ${value.value}` : `this is ${describeValue(value)}`,
      });
      return undefined;
    }
    if (value.value === 0) {
      fail(cx, { code: "M0306", title: "A size must be a positive integer", at: size.span, label: "this is 0" });
      return undefined;
    }
    dims.push(name === undefined ? { size: value.value } : { size: value.value, name });
  }
  return dims;
}

/** A number known now, or a diagnostic. */
export function requireStatic(cx: Context, expression: Expression, what: string): StaticValue | undefined {
  const value = sizeAsNumber(evaluate(cx, expression));
  if (value.kind === "error") return undefined;
  if (value.kind === "static") return value;
  fail(cx, {
    code: "M0304",
    title: `${capital(what)} must be a number known before the run`,
    at: expression.span,
    label: `this is ${describeValue(value)}`,
  });
  return undefined;
}

/** A whole number of at least `least`, known now. */
export function requireInteger(
  cx: Context,
  expression: Expression,
  what: string,
  least: number,
): number | undefined {
  const value = requireStatic(cx, expression, what);
  if (!value) return undefined;
  if (Number.isInteger(value.value) && value.value >= least && value.type !== "bool") return value.value;
  fail(cx, {
    code: "M0306",
    title: `${capital(what)} must be a whole number of at least ${least}`,
    at: expression.span,
    label: `this is ${value.value}`,
  });
  return undefined;
}
