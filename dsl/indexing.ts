// What are `[a, b]` and `x[i]`? Lists of numbers and tensors, and entries along the first axes.
import { sameShape, type Variable } from "../runtime/ir/types.ts";
import { toTensor } from "./arithmetic.ts";
import type { Expression, ListExpression } from "./ast.ts";
import { fail } from "./elaboration.ts";
import { evaluate } from "./expressions.ts";
import { count } from "./models.ts";
import type { Span } from "./source.ts";
import {
  capital,
  describeValue,
  type Dim,
  errorValue,
  formatDims,
  shapeOf,
  type StaticValue,
  type TensorValue,
  type Value,
} from "./values.ts";
import type { Context } from "./world.ts";

export function indexTensor(
  cx: Context,
  object: Value,
  expressions: readonly Expression[],
  indices: readonly Value[],
  span: Span,
): Value {
  if (object.kind !== "tensor") {
    return fail(cx, { code: "M0304", title: `${capital(describeValue(object))} cannot be indexed`, at: span });
  }
  if (indices.length > object.dims.length) {
    return fail(cx, {
      code: "M0301",
      title: `${count(indices.length, "index", "indices")} for ${describeValue(object)}`,
      at: span,
    });
  }
  let { variable } = object;
  let dims = object.dims;
  for (const [i, index] of indices.entries()) {
    // every index takes away the first axis that is left
    const size = dims[0]!.size;
    if (index.kind === "static" && Number.isInteger(index.value)) {
      const k = index.value < 0 ? index.value + size : index.value;
      if (k < 0 || k >= size) {
        return fail(cx, {
          code: "M0301",
          title: `The index ${index.value} is outside 0 .. ${size - 1}`,
          at: expressions[i]!.span,
        });
      }
      variable = takeAt(cx, variable, k);
    } else if (index.kind === "tensor" && index.variable.dtype === "i32" && index.dims.length === 0) {
      variable = cx.b.one("gather", [variable, index.variable], { axis: 0, batch: 0 });
    } else {
      return fail(cx, {
        code: "M0304",
        title: `An index must be an integer, not ${describeValue(index)}`,
        at: expressions[i]!.span,
      });
    }
    dims = dims.slice(1);
  }
  return { kind: "tensor", variable, dims };
}

/** Entry `k` of the first axis. */
export function takeAt(cx: Pick<Context, "b">, x: Variable, k: number): Variable {
  const start = x.shape.map((_, i) => i === 0 ? k : 0);
  const limit = x.shape.map((n, i) => i === 0 ? k + 1 : n);
  const piece = cx.b.one("slice", [x], { start, limit, stride: x.shape.map(() => 1) });
  return cx.b.reshape(piece, x.shape.slice(1));
}

export function evaluateList(cx: Context, list: ListExpression): Value {
  const items = list.items.map((item) => evaluate(cx, item));
  if (items.some((v) => v.kind === "error")) return errorValue;
  if (items.every((v) => v.kind === "static" || v.kind === "shape" && v.dims.length === 1)) {
    // numbers alone may be sizes or values: they are kept as both until it is known which
    const numbers = items.map((v) => v.kind === "static" ? v.value : (v as { dims: readonly Dim[] }).dims[0]!.size);
    if (numbers.every((n) => Number.isInteger(n) && n >= 0)) {
      return { kind: "shape", dims: items.map((v, i) => v.kind === "shape" ? v.dims[0]! : { size: numbers[i]! }) };
    }
    const floats = items as StaticValue[];
    return literalTensor(cx, floats.map((v) => v.value), [{ size: floats.length }]);
  }
  const tensors = items.map((v) => toTensor(cx, v, "float"));
  if (tensors.some((t) => t.kind === "error")) {
    return fail(cx, { code: "M0304", title: "A list holds numbers and tensors of one shape", at: list.span });
  }
  const parts = tensors as TensorValue[];
  const odd = parts.findIndex((t) => !sameShape(shapeOf(t.dims), shapeOf(parts[0]!.dims)));
  if (odd > 0) {
    return fail(cx, {
      code: "M0301",
      title: `The entries of this list are ${formatDims(parts[0]!.dims)} and ${formatDims(parts[odd]!.dims)}`,
      at: list.items[odd]!.span,
    });
  }
  const rows = parts.map((t) => cx.b.reshape(t.variable, [1, ...shapeOf(t.dims)]));
  const dims = [{ size: parts.length }, ...(parts[0]?.dims ?? [])];
  return { kind: "tensor", variable: cx.b.one("concat", rows, { axis: 0 }), dims };
}

export function literalTensor(cx: Context, values: readonly number[], dims: readonly Dim[]): TensorValue {
  const { precision } = cx.elaboration;
  const data = precision === "f64" ? Float64Array.from(values) : Float32Array.from(values);
  return { kind: "tensor", variable: cx.b.literal(data, { dtype: precision, shape: shapeOf(dims) }), dims };
}
