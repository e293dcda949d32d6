// How do operators meet? Numbers known now are computed now; arrays meet in one dtype and one shape, as in NumPy except that a
// size with a name does not broadcast.
import type { ParameterlessPrimitive } from "../../runtime/ir/builder.ts";
import { allocate, type DType, isFloat, largestInt, type PrimitiveName } from "../../runtime/ir/types.ts";
import type { BinaryExpression } from "../syntax/ast.ts";
import { fail } from "../world/report.ts";
import { withRows } from "./row_origins.ts";
import { noteCompared } from "./class_numbers.ts";
import { checkedArithmetic } from "./integers.ts";
import type { Span } from "../text/source.ts";
import {
  arrayHint,
  describeValue,
  errorValue,
  formatDims,
  isSingleSize,
  namedSizes,
  shapeOf,
  staticNumber,
} from "../world/values.ts";
import { capital } from "../text/words.ts";
import type { Context, Value } from "../world/world.ts";
import type { Dim, ErrorValue, TensorValue } from "../world/value_kinds.ts";
import { hyperparameterPath } from "../world/loop.ts";
import { pathText } from "../syntax/paths.ts";

const staticArithmetic: Readonly<Record<BinaryExpression["op"], (a: number, b: number) => number | boolean>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "^": (a, b) => a ** b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

const primitiveOf: Readonly<Record<BinaryExpression["op"], ParameterlessPrimitive>> = {
  "+": "add",
  "-": "sub",
  "*": "mul",
  "/": "div",
  "^": "pow",
  "==": "eq",
  "!=": "ne",
  "<": "lt",
  "<=": "le",
  ">": "gt",
  ">=": "ge",
};

/** An operator on numbers and arrays. */
export function applyBinary(cx: Context, expression: BinaryExpression, left: Value, right: Value): Value {
  const { op } = expression;
  const a = sizeAsNumber(left);
  const c = sizeAsNumber(right);
  if (a.kind === "static" && c.kind === "static") {
    const value = staticArithmetic[op](a.value, c.value);
    if (typeof value === "boolean") return staticNumber(value ? 1 : 0, "bool");
    const isFloat = op === "/" || a.type === "float" || c.type === "float";
    // beyond that doubles are no longer exact
    return staticNumber(value, isFloat || !Number.isSafeInteger(value) ? "float" : "int");
  }
  const x = numeric(cx, a, expression.left.span, `be used with \`${op}\``);
  const y = numeric(cx, c, expression.right.span, `be used with \`${op}\``);
  if (x.kind === "error" || y.kind === "error") return errorValue;
  if (op === "^" && c.kind === "static" && Number.isInteger(c.value)) {
    const base = asFloat(cx, x);
    return { ...plain(base), variable: cx.b.one("integer_pow", [base.variable], { exponent: c.value }) };
  }
  if (op === "==" || op === "!=") noteCompared(cx, x, y, expression.span);
  const result = broadcastBinary(cx, primitiveOf[op], x, y, expression.span, expression);
  if (result.kind === "tensor" && result.variable.dtype === "i32" && (op === "+" || op === "-")) {
    // a bound time plus a constant still indexes times
    const step = c.kind === "static" ? c.value : a.kind === "static" && op === "+" ? a.value : undefined;
    const time = c.kind === "static" ? x.time : y.time;
    if (step !== undefined && time) {
      return { ...result, time: { scope: time.scope, offset: time.offset + (op === "+" ? step : -step) } };
    }
  }
  return result;
}

/** Minus a number or an array. */
export function negate(cx: Context, value: Value, span: Span): Value {
  if (value.kind === "static") return staticNumber(-value.value, value.type === "float" ? "float" : "int");
  const tensor = numeric(cx, value, span, "be negated");
  if (tensor.kind === "error") return tensor;
  const x = tensor.variable.dtype === "bool" ? asFloat(cx, tensor) : tensor;
  return { ...plain(x), variable: cx.b.apply("neg", x.variable) };
}

/** A size with a name counts as a number in arithmetic. */
export function sizeAsNumber(value: Value): Value {
  return isSingleSize(value) ? staticNumber(value.dims[0]!.size, "int") : value;
}

/** The value as an operand: a number becomes a scalar array. Integers stay integers. */
export function numeric(cx: Context, value: Value, span: Span, what: string): TensorValue | ErrorValue {
  if (value.kind === "error") return value;
  const tensor = toTensor(cx, value);
  if (tensor.kind === "tensor") return tensor;
  if (value.kind === "hyperparameter") {
    const path = pathText(hyperparameterPath(value.loop, value.declared));
    return fail(cx, {
      code: "M0304",
      title: `\`${path}\` has one value for each tensor`,
      at: span,
      hint: `say which one, such as \`${path}[l1.W]\``,
    });
  }
  const title = `${capital(describeValue(value))} cannot ${what}`;
  return fail(cx, { code: "M0304", title, at: span, hint: value.kind === "record" ? arrayHint(value) : undefined });
}

/** Any value that is numbers, as an array. Numbers known now become constants: `float` in the experiment's precision, or
 *  i32 when they are integers and "int" is asked for or nothing is. */
export function toTensor(cx: Context, value: Value, want?: "float" | "int"): TensorValue | ErrorValue {
  const { precision } = cx.elaboration;
  if (value.kind === "tensor") {
    if (want === "float" && !isFloat(value.variable.dtype)) return asFloat(cx, value);
    return value;
  }
  if (value.kind === "static") {
    const fits = Number.isInteger(value.value) && Math.abs(value.value) <= largestInt;
    const int = fits && (want === "int" || want === undefined && value.type === "int");
    const dtype = value.type === "bool" && want !== "float" ? "bool" : int ? "i32" : precision;
    return { kind: "tensor", variable: cx.b.fill(value.value, { dtype, shape: [] }), dims: [] };
  }
  if (isSingleSize(value)) return toTensor(cx, sizeAsNumber(value), want);
  if (value.kind === "shape") {
    const dims = [withRows({ size: value.dims.length }, value.rows)];
    return literalOf(cx, shapeOf(value.dims), want === "int" ? "i32" : precision, dims);
  }
  if (value.kind === "literal") {
    const int = want === "int" && value.type === "int";
    const dtype = value.type === "bool" && want !== "float" ? "bool" : int ? "i32" : precision;
    return literalOf(cx, value.numbers, dtype, value.dims);
  }
  return errorValue;
}

/** A constant array. */
function literalOf(cx: Context, numbers: readonly number[], dtype: DType, dims: readonly Dim[]): TensorValue {
  const data = allocate(dtype, numbers.length);
  numbers.forEach((n, i) => data[i] = n);
  return { kind: "tensor", variable: cx.b.literal(data, { dtype, shape: shapeOf(dims) }), dims };
}

/** The array in the experiment's precision. */
export function asFloat(cx: Context, x: TensorValue): TensorValue {
  return isFloat(x.variable.dtype)
    ? x
    : { kind: "tensor", variable: cx.b.convert(x.variable, cx.elaboration.precision), dims: x.dims };
}

const integerResult: ReadonlySet<PrimitiveName> = new Set(["add", "sub", "mul", "max", "min", "mod"]);
const comparisons: ReadonlySet<PrimitiveName> = new Set(["eq", "ne", "lt", "le", "gt", "ge"]);

/** An elementwise primitive on two arrays: dtypes meet in i32 or the experiment's precision, shapes as in NumPy, except that
 *  a size with a name does not broadcast even when it is 1. */
export function broadcastBinary(
  cx: Context,
  op: ParameterlessPrimitive,
  a: TensorValue,
  c: TensorValue,
  span: Span,
  expression?: BinaryExpression,
): TensorValue | ErrorValue {
  const dims = broadcastDims(a.dims, c.dims);
  if (!dims) {
    const sides = expression
      ? [
        { span: expression.left.span, message: formatDims(a.dims) },
        { span: expression.right.span, message: formatDims(c.dims) },
        ...declaredLabels([a, c]),
      ]
      : declaredLabels([a, c]);
    return fail(cx, {
      code: "M0301",
      title: `${formatDims(a.dims)} and ${formatDims(c.dims)} do not fit together${
        expression ? ` in \`${expression.op}\`` : ""
      }`,
      at: span,
      secondary: sides,
      notes: namedOne(a.dims, c.dims),
      sizes: namedSizes(a.dims, c.dims),
    });
  }
  const bothInt = a.variable.dtype === "i32" && c.variable.dtype === "i32";
  const bothBool = a.variable.dtype === "bool" && c.variable.dtype === "bool" && comparisons.has(op);
  const keep = bothBool || bothInt && (integerResult.has(op) || comparisons.has(op));
  const x = keep ? a : asFloat(cx, a);
  const y = keep ? c : asFloat(cx, c);
  const shape = shapeOf(dims);
  if (op === "mul" && !keep && !cx.elaboration.work.writesZeros) {
    // a factor that is zero for good (a hyperparameter left at 0) makes a zero, so that nothing is computed with it
    if (cx.b.uniformValue(x.variable) === 0 || cx.b.uniformValue(y.variable) === 0) {
      return { kind: "tensor", variable: cx.b.fill(0, { dtype: x.variable.dtype, shape }), dims };
    }
  }
  const operands = [cx.b.broadcastTo(x.variable, shape), cx.b.broadcastTo(y.variable, shape)] as const;
  const variable = bothInt && (op === "add" || op === "sub" || op === "mul")
    ? checkedArithmetic(cx, op, operands, span)
    : cx.b.apply(op, ...operands);
  return { kind: "tensor", variable, dims };
}

/** The shape of an elementwise operation; undefined when the shapes do not fit. */
export function broadcastDims(a: readonly Dim[], c: readonly Dim[]): readonly Dim[] | undefined {
  const rank = Math.max(a.length, c.length);
  const dims: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - rank + a.length];
    const y = c[i - rank + c.length];
    if (!x || !y) dims.push((x ?? y)!);
    else if (x.size === y.size) {
      const [named, other] = x.name !== undefined || y.name === undefined ? [x, y] : [y, x];
      dims.push(withRows(named, other.rows));
    } else if (x.size === 1 && x.name === undefined) dims.push(y);
    else if (y.size === 1 && y.name === undefined) dims.push(x);
    else return undefined;
  }
  return dims;
}

/** Said when the shapes would fit if a name were not there. */
function namedOne(a: readonly Dim[], c: readonly Dim[]): string[] {
  const named = [...a, ...c].find((d) => d.size === 1 && d.name !== undefined);
  return named ? ["A size with a name does not broadcast, even when it is 1"] : [];
}

/** Labels that say where operands were declared. */
export function declaredLabels(values: readonly TensorValue[]): { span: Span; message: string }[] {
  return values.flatMap((v) =>
    v.declared
      ? [{ span: v.declared.span, message: `\`${v.declared.name}\` is ${formatDims(v.declared.dims ?? v.dims)}` }]
      : []
  );
}

/** A value without what only its source had: time and declaration. */
export function plain(tensor: TensorValue): TensorValue {
  return { kind: "tensor", variable: tensor.variable, dims: tensor.dims };
}
