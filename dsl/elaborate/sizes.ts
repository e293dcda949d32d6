// Which numbers must be known before the run? Sizes of types, numbers of steps and tasks, bounds.
import { type LimitName, raising } from "../../runtime/limits.ts";
import { formatBytes } from "../../runtime/bytes.ts";
import { sizeAsNumber } from "./arithmetic.ts";
import type { DType } from "../../runtime/ir/types.ts";
import { hintAt } from "../diagnostics/hints.ts";
import { namesInScope } from "./scope_names.ts";
import type { Expression, NameExpression, TypeExpression } from "../syntax/ast.ts";
import { fail } from "../world/report.ts";
import { evaluate, placeOf } from "../world/evaluator.ts";
import { withoutRows } from "./row_origins.ts";
import { describeValue, formatDims, isSingleSize } from "../world/values.ts";
import { capital } from "../text/words.ts";
import type { Context, Value } from "../world/world.ts";
import type { Dim, StaticValue } from "../world/value_kinds.ts";
import type { Span } from "../text/source.ts";

/** Numbers of steps, tasks and times are below this, 2^31: they are counted by 32-bit integers. */
const mostCounted = 2 ** 31;

/** The sizes of a type; `[]` when none are written; `shape(x)` among them stands for all of its axes. Undefined when wrong
 *  (reported). */
export function evaluateType(cx: Context, type: TypeExpression): readonly Dim[] | undefined {
  const dims: Dim[] = [];
  let wrong = false;
  for (const size of type.sizes ?? []) {
    const value = evaluate(cx, size);
    const whole = value.kind === "shape" && !isSingleSize(value) && value.dims.every((d) => d.size > 0);
    const dim = whole ? undefined : sizeOfValue(cx, size, value);
    if (whole) dims.push(...withoutRows(value.dims));
    else if (dim) dims.push(dim);
    else wrong = true;
  }
  if (wrong || tooLarge(cx, dims, type.span)) return undefined;
  cx.elaboration.work.valued?.add(placeOf(type.span));
  return dims;
}

/** The type of entries by the word in the program; undefined for another word. */
export function dtypeOf(word: string, precision: "f32" | "f64"): DType | undefined {
  const known: Readonly<Record<string, DType>> = { int: "i32", bool: "bool", float: precision };
  return Object.hasOwn(known, word) ? known[word] : undefined;
}

/** One size as an axis. Undefined when wrong (reported). */
export function evaluateSize(cx: Context, size: Expression): Dim | undefined {
  return sizeOfValue(cx, size, evaluate(cx, size));
}

/** True for a size that is a name which nothing defines. */
export function isUnknown(cx: Context, size: Expression): size is NameExpression {
  return size.kind === "Name" && size.name !== "" && !cx.scope.module.unresolved.has(size.name) &&
    !namesInScope(cx).includes(size.name);
}

/** Reports such a size; `cure` is said where no name is near. */
export function unknownSize(cx: Context, { name, span }: NameExpression, cure: string): undefined {
  return void fail(cx, {
    code: "M0201",
    title: `There is no \`${name}\``,
    at: span,
    hint: hintAt("value", name, namesInScope(cx)) ?? cure,
  });
}

function sizeOfValue(cx: Context, size: Expression, value: Value): Dim | undefined {
  if (value.kind === "error") return undefined;
  if (isSingleSize(value)) return withoutRows(value.dims)[0]!;
  if (value.kind === "static" && Number.isSafeInteger(value.value) && value.value > 0 && value.type !== "bool") {
    return value.name === undefined ? { size: value.value } : { size: value.value, name: value.name };
  }
  return void fail(cx, {
    code: "M0306",
    title: "A size must be a positive whole number known before the run",
    at: size.span,
    label: `this is ${describeKnown(value)}`,
    hint: value.kind === "tensor" ? "declare an `input` for it, such as `input N : int = 100`" : undefined,
  });
}

/** The value, or what kind of thing it is. */
export function describeKnown(value: Value): string {
  if (value.kind === "static") return value.type === "bool" ? (value.value ? "true" : "false") : String(value.value);
  return value.kind === "tensor" ? `${describeValue(value)}, computed while the program runs` : describeValue(value);
}

/** True when no more is asked for than a limit allows; `asks`: who asks for how many of what. Else M0310. */
export function withinLimit(
  cx: Pick<Context, "elaboration" | "frames">,
  name: LimitName,
  { count, asks, at, hint }: {
    readonly count: number;
    readonly asks: string;
    readonly at: Span;
    readonly hint?: string;
  },
): boolean {
  const most = cx.elaboration.limits[name];
  if (count <= most) return true;
  fail(cx, {
    code: "M0310",
    title: `${capital(asks)}, and ${most} are allowed`,
    at,
    notes: [raising(name)],
    hint,
  });
  return false;
}

/** True when a tensor of these sizes cannot be held (reported). */
export function tooLarge(
  cx: Pick<Context, "elaboration" | "frames">,
  dims: readonly Dim[],
  at: Span,
  why?: string,
): boolean {
  const most = cx.elaboration.limits.entries;
  if (!withinLimit(cx, "axes", { count: dims.length, asks: `this tensor has ${dims.length} axes`, at })) return true;
  const entries = dims.reduce((n, d) => n * d.size, 1);
  if (entries <= most) return false;
  const bytes = entries * (cx.elaboration.precision === "f64" ? 8 : 4);
  const text = formatDims(dims.map((d) => ({ size: d.size })));
  fail(cx, {
    code: "M0310",
    title: `A tensor ${text} would need ${formatBytes(bytes)}`,
    at,
    label: why,
    notes: [`A tensor has at most ${most} entries, and this one has ${roughly(entries)}`, raising("entries")],
  });
  return true;
}

function roughly(x: number): string {
  return x >= 1e15 ? x.toExponential(1) : String(x >= 100 ? Math.round(x) : Math.round(x * 10) / 10);
}

/** A number known now, or a diagnostic. */
export function requireStatic(cx: Context, expression: Expression, what: string): StaticValue | undefined {
  const value = sizeAsNumber(evaluate(cx, expression));
  if (value.kind === "error") return undefined;
  if (value.kind === "static" && !Number.isNaN(value.value)) return value;
  return void fail(cx, {
    code: "M0304",
    title: `${capital(what)} must be a number known before the run`,
    at: expression.span,
    label: `this is ${describeKnown(value)}`,
  });
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
  const whole = Number.isInteger(value.value) && value.type !== "bool";
  if (whole && value.value >= least && value.value < mostCounted) return value.value;
  return void fail(cx, {
    code: "M0306",
    title: whole && value.value >= mostCounted
      ? `${capital(what)} must be below 2^31 = ${mostCounted}`
      : `${capital(what)} must be a whole number of at least ${least}`,
    at: expression.span,
    label: `this is ${describeKnown(value)}`,
  });
}
