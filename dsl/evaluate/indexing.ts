// What are `[a, b]` and `x[i]`? Lists of numbers and tensors, and entries along the first axes.
import { sameShape, type Variable } from "../../runtime/ir/types.ts";
import { toTensor } from "../elaborate/arithmetic.ts";
import type { Expression, ListExpression } from "../syntax/ast.ts";
import { fail } from "../world/report.ts";
import { evaluate, numberValue } from "../world/evaluator.ts";
import { checkedIndices, entriesAlong } from "../elaborate/integers.ts";
import { capital, count } from "../text/words.ts";
import { noteRow, rowsOfAll, withRows } from "../elaborate/row_origins.ts";
import type { Span } from "../text/source.ts";
import {
  describeValue,
  endingHint,
  errorValue,
  formatDims,
  isSingleSize,
  shapeOf,
  staticNumber,
} from "../world/values.ts";
import type { Context, Value } from "../world/world.ts";
import type { Dim, LiteralValue, ShapeValue, TensorValue } from "../world/value_kinds.ts";

export function indexTensor(
  cx: Context,
  object: Value,
  expressions: readonly Expression[],
  indices: readonly Value[],
  span: Span,
): Value {
  if (object.kind !== "tensor") {
    const isModel = object.kind === "model" || object.kind === "tensors";
    return fail(cx, {
      code: "M0304",
      title: `${capital(describeValue(object))} cannot be indexed`,
      at: span,
      hint: isModel ? "name one of its tensors" : undefined,
    });
  }
  if (indices.length > object.dims.length) {
    return fail(cx, {
      code: "M0301",
      title: `${count(indices.length, "index", "indices")} for ${describeValue(object)}`,
      at: expressions[object.dims.length]!.span,
      label: `there are ${count(object.dims.length, "axis", "axes")}`,
    });
  }
  let found: TensorValue = { kind: "tensor", variable: object.variable, dims: object.dims };
  for (const [i, index] of indices.entries()) {
    // every index takes away the first axis that is left
    const entry = entryAt(cx, found, index, { axis: i, at: expressions[i]!.span, of: object, span });
    if (!entry) return errorValue;
    found = { kind: "tensor", variable: entry, dims: found.dims.slice(1) };
  }
  return found;
}

/** One entry along the first axis. `axis`, `of`: which axis of which value that is. Undefined when wrong (reported). */
function entryAt(
  cx: Context,
  { variable, dims: [dim] }: TensorValue,
  index: Value,
  { axis, at, of, span }: { readonly axis: number; readonly at: Span; readonly of: TensorValue; readonly span: Span },
): Variable | undefined {
  const { size } = dim!;
  const number = isSingleSize(index) ? index.dims[0]!.size : index.kind === "static" ? index.value : undefined;
  if (number !== undefined && Number.isInteger(number)) {
    const k = number < 0 ? number + size : number;
    if (k >= 0 && k < size) return cx.b.row(variable, k);
    return void fail(cx, {
      code: "M0301",
      title: `The index ${number} is outside 0 .. ${size - 1}`,
      at,
      secondary: [{ span, message: `indexes ${describeValue(of)}` }],
    });
  }
  if (index.kind === "tensor" && index.variable.dtype === "i32" && index.dims.length === 0) {
    noteRow(cx, dim!);
    const own = checkedIndices(cx, index, { size, kind: "an index", unit: entriesAlong(axis), at });
    return cx.b.one("gather", [variable, own.variable], { axis: 0, batch: 0 });
  }
  return void fail(cx, {
    code: "M0304",
    title: `An index must be an integer, not ${describeValue(index)}`,
    at,
    hint: isListOfIndices(index) ? "several entries are read by `take(x, [0, 1])`" : undefined,
  });
}

/** `[0, 1]`, or integers that the program computes. */
function isListOfIndices(value: Value): boolean {
  return value.kind === "shape" || value.kind === "literal" ||
    value.kind === "tensor" && value.variable.dtype === "i32";
}

/** A list: of numbers a shape or a literal, of equal lists a literal, else tensors stacked along a new first axis. */
export function evaluateList(cx: Context, list: ListExpression): Value {
  const items = list.items.map((item) => writtenNumber(item) ?? evaluate(cx, item));
  if (items.some((v) => v.kind === "error")) return errorValue;
  if (items.length === 0) return fail(cx, { code: "M0304", title: "This list is empty", at: list.span });
  if (items.every((v) => v.kind === "static" || isSingleSize(v))) return listOfNumbers(items);
  const nested = items.map(asLiteral);
  const known = nested.filter((v) => v !== undefined);
  if (known.length === items.length && known.every((v) => sameShape(shapeOf(v.dims), shapeOf(known[0]!.dims)))) {
    return {
      kind: "literal",
      type: known.some((v) => v.type === "float") ? "float" : known[0]!.type,
      numbers: known.flatMap((v) => v.numbers),
      dims: [{ size: known.length }, ...rowsOfAll(known[0]!.dims, known.map((v) => v.dims))],
    };
  }
  const tensors = items.map((v) => toTensor(cx, v, "float"));
  const wrong = tensors.findIndex((t) => t.kind === "error");
  if (wrong >= 0) {
    return fail(cx, {
      code: "M0304",
      title: `A list holds numbers and tensors of one shape, not ${describeValue(items[wrong]!)}`,
      at: list.items[wrong]!.span,
      hint: endingHint(items[wrong]!),
    });
  }
  const parts = tensors as TensorValue[];
  const odd = parts.findIndex((t) => !sameShape(shapeOf(t.dims), shapeOf(parts[0]!.dims)));
  if (odd > 0) {
    return fail(cx, {
      code: "M0301",
      title: `The entries of this list are ${formatDims(parts[0]!.dims)} and ${formatDims(parts[odd]!.dims)}`,
      at: list.items[odd]!.span,
      label: formatDims(parts[odd]!.dims),
      secondary: [{ span: list.items[0]!.span, message: formatDims(parts[0]!.dims) }],
    });
  }
  const rows = parts.map((t) => cx.b.reshape(t.variable, [1, ...shapeOf(t.dims)]));
  const dims = [{ size: parts.length }, ...rowsOfAll(parts[0]!.dims, parts.map((t) => t.dims))];
  return { kind: "tensor", variable: cx.b.one("concat", rows, { axis: 0 }), dims };
}

/** A number as it is written: long lists of them are data, and no work that unfolds. */
function writtenNumber(item: Expression): Value | undefined {
  if (item.kind === "Number") return numberValue(item);
  if (item.kind !== "Unary" || item.operand.kind !== "Number") return undefined;
  const value = numberValue(item.operand);
  return staticNumber(-value.value, value.type);
}

/** Numbers alone may be sizes or entries: whole ones are kept as sizes until it is known which. */
function listOfNumbers(items: readonly Value[]): Value {
  const dims = items.map((v): Dim => {
    if (v.kind !== "static") return (v as ShapeValue).dims[0]!;
    return v.name === undefined ? { size: v.value } : { size: v.value, name: v.name };
  });
  const types = items.map((v) => v.kind === "static" ? v.type : "int");
  // `c / groups` is a size when it comes out whole
  const whole = dims.every((d) => Number.isSafeInteger(d.size) && d.size >= 0);
  if (whole && !types.includes("bool")) return { kind: "shape", dims };
  const type = types.every((t) => t === types[0]) ? types[0]! : "float";
  return { kind: "literal", type, numbers: dims.map((d) => d.size), dims: [{ size: dims.length }] };
}

/** A list of numbers known now; undefined for anything else. */
function asLiteral(value: Value): LiteralValue | undefined {
  if (value.kind === "literal") return value;
  if (value.kind !== "shape" || value.single) return undefined;
  const dims = [withRows({ size: value.dims.length }, value.rows)];
  return { kind: "literal", type: "int", numbers: shapeOf(value.dims), dims };
}
