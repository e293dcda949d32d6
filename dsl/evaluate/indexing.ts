// What are `[a, b]`, `x[i]` and `x[0 .. 4, _]`? Lists of numbers and tensors, and entries and stretches along axes.
import { sameShape, type Variable } from "../../runtime/ir/types.ts";
import { sizeAsNumber, toTensor } from "../elaborate/arithmetic.ts";
import { requireStatic } from "../elaborate/sizes.ts";
import type { Expression, IndexExpression, ListExpression } from "../syntax/ast.ts";
import { fail } from "../world/report.ts";
import { evaluate, numberValue } from "../world/evaluator.ts";
import { notePicked } from "../elaborate/class_numbers.ts";
import { checkedIndices, entriesAlong } from "../elaborate/integers.ts";
import { capital, count } from "../text/words.ts";
import { noteRow, rowsOfAll, withRows } from "../elaborate/row_origins.ts";
import type { Span } from "../text/source.ts";
import {
  arrayHint,
  describeValue,
  errorValue,
  formatDims,
  isSingleSize,
  shapeOf,
  staticNumber,
} from "../world/values.ts";
import type { Context, Value } from "../world/world.ts";
import type { Dim, ErrorValue, LiteralValue, ShapeValue, TensorValue } from "../world/value_kinds.ts";

/** `x[i, 0 .. 4, _]`: of each axis an entry, a stretch, or all; by integers of any shape those entries. */
export function evaluateIndex(cx: Context, object: Value, expression: IndexExpression): Value {
  const { indices: written, span } = expression;
  const indices = written.map((entry) => evaluateEntry(cx, entry));
  if (indices.some((i) => i === undefined)) return errorValue;
  const entries = indices as Entry[];
  const sizes = object.kind === "shape" && !object.single ? sizesAt(cx, object, entries, span) : undefined;
  if (sizes) return sizes;
  const of = object.kind === "shape" && !object.single || object.kind === "literal" ? toTensor(cx, object) : object;
  if (of.kind !== "tensor") {
    const isModel = of.kind === "model" || of.kind === "tensors";
    return fail(cx, {
      code: "M0304",
      title: `${capital(describeValue(of))} cannot be indexed`,
      at: span,
      hint: isModel ? "name one of its tensors" : arrayHint(of),
    });
  }
  notePicked(cx, of, span);
  if (entries.length > of.dims.length) {
    return fail(cx, {
      code: "M0301",
      title: `${count(entries.length, "index", "indices")} for ${describeValue(of)}`,
      at: written[of.dims.length]!.span,
      label: `there are ${count(of.dims.length, "axis", "axes")}`,
    });
  }
  const lists = entries.filter(({ kind, value }) =>
    kind === "value" && value.kind === "tensor" && value.dims.length > 0
  );
  if (lists.length > 1) {
    return fail(cx, {
      code: "M0304",
      title: "Two axes are indexed by several integers each",
      at: lists[1]!.at,
      secondary: [{ span: lists[0]!.at, message: "the other one" }],
      notes: ["Elsewhere they are read in pairs, or as a grid"],
      hint: "write `x[i][_, j]` for the grid",
    });
  }
  let found: TensorValue = { kind: "tensor", variable: of.variable, dims: of.dims };
  let axis = 0;
  for (const [i, entry] of entries.entries()) {
    const next = entryAt(cx, found, entry, axis, { i, of, span });
    if (!next) return errorValue;
    axis += next.dims.length - found.dims.length + 1;
    found = next;
  }
  return found;
}

/** What stands between the brackets for one axis. */
type Entry =
  | { readonly kind: "whole"; readonly at: Span; readonly value: ErrorValue }
  | {
    readonly kind: "slice";
    readonly at: Span;
    readonly low: number;
    readonly high: number;
    readonly value: ErrorValue;
  }
  | { readonly kind: "value"; readonly at: Span; readonly value: Value };

function evaluateEntry(cx: Context, entry: IndexExpression["indices"][number]): Entry | undefined {
  if (entry.kind === "Name" && entry.name === "_") return { kind: "whole", at: entry.span, value: errorValue };
  if (entry.kind === "Slice") {
    const low = boundOf(cx, entry.low);
    const high = boundOf(cx, entry.high);
    if (low === undefined || high === undefined) return undefined;
    return { kind: "slice", at: entry.span, low, high, value: errorValue };
  }
  const value = evaluate(cx, entry);
  if (value.kind === "error") return undefined;
  // a list of whole numbers is one of indices
  const list = value.kind === "literal" && value.type === "int" || value.kind === "shape" && !value.single;
  return { kind: "value", at: entry.span, value: list ? toTensor(cx, value, "int") : value };
}

/** An end of a stretch: a whole number known now. Undefined when it is none (reported). */
function boundOf(cx: Context, expression: Expression): number | undefined {
  const value = requireStatic(cx, expression, "an end of a slice");
  if (!value || Number.isInteger(value.value) && value.type !== "bool") return value?.value;
  return void fail(cx, {
    code: "M0304",
    title: `An end of a slice must be a whole number, not ${value.value}`,
    at: expression.span,
  });
}

/** A size, or some of the sizes of a shape; undefined where they are read as numbers. */
function sizesAt(cx: Context, { dims }: ShapeValue, [entry, more]: readonly Entry[], span: Span): Value | undefined {
  if (!entry || more || entry.kind === "whole") return undefined;
  const of = { kind: "shape", dims } as const;
  if (entry.kind === "slice") {
    const stretch = stretchOf(cx, entry, dims.length, of, span);
    return stretch ? { kind: "shape", dims: dims.slice(stretch.low, stretch.high + 1) } : errorValue;
  }
  const number = sizeAsNumber(entry.value);
  if (number.kind !== "static" || !Number.isInteger(number.value)) return undefined;
  const k = placeAt(cx, number.value, dims.length, { at: entry.at, of, span });
  return k === undefined ? errorValue : { kind: "shape", dims: [dims[k]!], single: true };
}

/** The place that a number names, from the end when negative. Undefined when there is none (reported). */
function placeAt(
  cx: Context,
  number: number,
  size: number,
  { at, of, span }: { readonly at: Span; readonly of: Value; readonly span: Span },
): number | undefined {
  const k = number < 0 ? number + size : number;
  if (k >= 0 && k < size) return k;
  return void fail(cx, {
    code: "M0301",
    title: `The index ${number} is outside 0 .. ${size - 1}`,
    at,
    secondary: [{ span, message: `indexes ${describeValue(of)}` }],
  });
}

/** The places that a slice names: both ends, from the end when negative, and at least one. Undefined when wrong (reported). */
function stretchOf(
  cx: Context,
  { low, high, at }: Extract<Entry, { kind: "slice" }>,
  size: number,
  of: Value,
  span: Span,
): { readonly low: number; readonly high: number } | undefined {
  const [from, to] = [low, high].map((end) => end < 0 ? end + size : end) as [number, number];
  const secondary = [{ span, message: `indexes ${describeValue(of)}` }];
  const text = `${low} .. ${high}`;
  if (from > to) {
    const title = `There is nothing in ${text}`;
    return void fail(cx, { code: "M0301", title, at, secondary, notes: ["Both ends of a slice are in it"] });
  }
  if (from >= 0 && to < size) return { low: from, high: to };
  const last = to === size && low >= 0 && high > 0;
  return void fail(cx, {
    code: "M0301",
    title: `The slice ${text} reaches outside 0 .. ${size - 1}`,
    at,
    secondary,
    notes: last ? ["Both ends of a slice are in it"] : [],
    hint: last ? `write \`${low} .. ${size - 1}\`, or \`${low} .. -1\`` : undefined,
  });
}

/** What an entry makes of an axis. `i`, `of`: which of the axes of which value that was. Undefined when wrong (reported). */
function entryAt(
  cx: Context,
  found: TensorValue,
  entry: Entry,
  axis: number,
  { i, of, span }: { readonly i: number; readonly of: TensorValue; readonly span: Span },
): TensorValue | undefined {
  if (entry.kind === "whole") return found;
  const { variable, dims } = found;
  const dim = dims[axis]!;
  const { at } = entry;
  const cut = (low: number, high: number) =>
    cx.b.one("slice", [variable], {
      start: dims.map((_, k) => k === axis ? low : 0),
      limit: dims.map((d, k) => k === axis ? high + 1 : d.size),
      stride: dims.map(() => 1),
    });
  const put = (variable: Variable, middle: readonly Dim[]): TensorValue => ({
    kind: "tensor",
    variable,
    dims: [...dims.slice(0, axis), ...middle, ...dims.slice(axis + 1)],
  });
  if (entry.kind === "slice") {
    const stretch = stretchOf(cx, entry, dim.size, of, span);
    const size = stretch && stretch.high - stretch.low + 1;
    return stretch && put(cut(stretch.low, stretch.high), [size === dim.size ? dim : { size: size! }]);
  }
  const index = sizeAsNumber(entry.value);
  if (index.kind === "static" && Number.isInteger(index.value) && index.type !== "bool") {
    const k = placeAt(cx, index.value, dim.size, { at, of, span });
    if (k === undefined) return undefined;
    const rest = [...dims.slice(0, axis), ...dims.slice(axis + 1)];
    return { kind: "tensor", variable: cx.b.reshape(cut(k, k), shapeOf(rest)), dims: rest };
  }
  if (index.kind === "tensor" && index.variable.dtype === "i32") {
    if (index.dims.length === 0) noteRow(cx, dim);
    const own = checkedIndices(cx, index, { size: dim.size, kind: "an index", unit: entriesAlong(i), at });
    return put(cx.b.one("gather", [variable, own.variable], { axis, batch: 0 }), index.dims);
  }
  const mask = index.kind === "tensor" && index.variable.dtype === "bool" && index.dims.length > 0;
  return void fail(cx, {
    code: "M0304",
    title: `An index must be an integer, not ${describeValue(index)}`,
    at,
    hint: mask ? "how many hold is known only while the program runs: `where(test, x, 0)` keeps all places" : undefined,
  });
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
      hint: arrayHint(items[wrong]!),
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
