// Which functions join axes? The matrix product and its relatives: batched products, convolution, lookups, windows.
import { largestInt } from "../../runtime/ir/types.ts";
import { broadcastBinary, declaredLabels, sizeAsNumber } from "../elaborate/arithmetic.ts";
import { entrywise } from "../elaborate/model_tensors.ts";
import { wholeReduction } from "./builtin_reductions.ts";
import {
  axisArg,
  type Builtin,
  type BuiltinCall,
  floatArg,
  intArg,
  integerArg,
  placeOf,
  simple,
  tensor,
  tensorArg,
} from "./builtin_arguments.ts";
import type { Expression } from "../syntax/ast.ts";
import { fail } from "../world/report.ts";
import { notePicked } from "../elaborate/class_numbers.ts";
import { checkedIndices, entriesAlong } from "../elaborate/integers.ts";
import { capital, count } from "../text/words.ts";
import { noteRow, rowsOfAll, withRows } from "../elaborate/row_origins.ts";
import { referenceText } from "../syntax/paths.ts";
import { convolvedSize } from "../../runtime/ir/shapes.ts";
import type { ConvolutionParameters } from "../../runtime/ir/types.ts";
import { describeValue, errorValue, formatDims, namedSizes, shapeOf, staticNumber } from "../world/values.ts";
import type { TensorsValue, Value } from "../world/world.ts";
import type { Dim, TensorValue } from "../world/value_kinds.ts";

function dot(c: BuiltinCall): Value {
  const a = floatArg(c, 0);
  const d = floatArg(c, 1);
  if (!a || !d) return errorValue;
  const last = a.dims.at(-1);
  const first = d.dims[0];
  if (!last || !first) {
    return fail(c.cx, {
      code: "M0301",
      title: `\`dot\` joins axes, and ${describeValue(last ? d : a)} has none`,
      at: c.at(last ? 1 : 0),
      hint: "multiply by a scalar with `*`",
    });
  }
  if (last.size !== first.size) {
    const [left, right] = c.call.args.map((arg) => arg.value);
    return fail(c.cx, {
      code: "M0301",
      title: `\`dot\` cannot join ${formatDims(a.dims)} with ${formatDims(d.dims)}`,
      at: c.at(1),
      label: `the first size of ${operandName(right, "this")} (${first.size}) must equal the last size of ${
        operandName(left, "the other")
      } (${last.size})`,
      secondary: [{ span: c.at(0), message: formatDims(a.dims) }, ...declaredLabels([a, d])],
      sizes: namedSizes(a.dims, d.dims),
    });
  }
  const variable = c.cx.b.one("dot_general", [a.variable, d.variable], {
    contractLeft: [a.dims.length - 1],
    contractRight: [0],
    batchLeft: [],
    batchRight: [],
  });
  return tensor(variable, [...a.dims.slice(0, -1), ...d.dims.slice(1)]);
}

/** The products of all entries of two models, added up. */
function dotOfModels(c: BuiltinCall, models: readonly TensorsValue[]): Value {
  const operands = models.map((value, i) => ({ value, span: c.at(i) }));
  const products = entrywise(
    c.cx,
    c.name,
    operands,
    ([a, d]) => broadcastBinary(c.cx, "mul", a as TensorValue, d as TensorValue, c.call.span),
  );
  return products.kind === "tensors" ? wholeReduction("sum")(c, [products]) : errorValue;
}

/** An operand as it is called in a message: its own text when it is a name. */
function operandName(expression: Expression | undefined, otherwise: string): string {
  const text = expression && referenceText(expression);
  return text === undefined ? otherwise : `\`${text}\``;
}

/** `matmul(a, b)`: [..., n, k] and [..., k, m] to [..., n, m], the leading axes paired. */
function matmul(c: BuiltinCall): Value {
  const a = floatArg(c, 0);
  const d = floatArg(c, 1);
  if (!a || !d) return errorValue;
  const rank = a.dims.length;
  const fits = rank >= 2 && d.dims.length === rank && a.dims[rank - 1]!.size === d.dims[rank - 2]!.size &&
    a.dims.slice(0, -2).every((dim, i) => dim.size === d.dims[i]!.size);
  if (!fits) {
    return fail(c.cx, {
      code: "M0301",
      title: `\`matmul\` cannot join ${formatDims(a.dims)} with ${formatDims(d.dims)}`,
      at: c.call.span,
      secondary: [{ span: c.at(0), message: formatDims(a.dims) }, { span: c.at(1), message: formatDims(d.dims) }],
      notes: ["It takes [..., n, k] and [..., k, m] with the same leading axes"],
      sizes: namedSizes(a.dims, d.dims),
    });
  }
  const batch = Array.from({ length: rank - 2 }, (_, i) => i);
  const variable = c.cx.b.one("dot_general", [a.variable, d.variable], {
    contractLeft: [rank - 1],
    contractRight: [rank - 2],
    batchLeft: batch,
    batchRight: batch,
  });
  const lead = rowsOfAll(a.dims.slice(0, -2), [d.dims.slice(0, -2)]);
  return tensor(variable, [...lead, a.dims[rank - 2]!, d.dims[rank - 1]!]);
}

/** A whole number of at least `least` by name; undefined when wrong (reported). */
function optionArg(c: BuiltinCall, name: string, missing: number, least: number): number | undefined {
  const value = integerArg(c, c.named.get(name), `\`${name}\``, missing);
  if (value === undefined || value >= least) return value;
  return void fail(c.cx, {
    code: "M0306",
    title: `\`${name}\` of \`${c.name}\` must be at least ${least}, not ${value}`,
    at: placeOf(c, c.named.get(name)!),
  });
}

/** `convolve(x, filter)`: [n, c, h, w] and [o, c / groups, kh, kw] to [n, o, h', w'], channels first, cross-correlation. */
function convolve(c: BuiltinCall): Value {
  const x = floatArg(c, 0);
  const filter = floatArg(c, 1);
  const stride = optionArg(c, "stride", 1, 1);
  const padding = optionArg(c, "padding", 0, 0);
  const dilation = optionArg(c, "dilation", 1, 1);
  const groups = optionArg(c, "groups", 1, 1);
  if (
    !x || !filter || stride === undefined || padding === undefined || dilation === undefined || groups === undefined
  ) {
    return errorValue;
  }
  const wrong = (why: string) =>
    fail(c.cx, {
      code: "M0301",
      title: `\`convolve\` cannot join ${formatDims(x.dims)} with the filter ${formatDims(filter.dims)}`,
      at: c.call.span,
      secondary: [{ span: c.at(0), message: formatDims(x.dims) }, { span: c.at(1), message: formatDims(filter.dims) }],
      notes: [why],
      sizes: namedSizes(x.dims, filter.dims),
    });
  if (x.dims.length !== 4 || filter.dims.length !== 4) return wrong("It takes [n, c, h, w] and [o, c, kh, kw]");
  const [n, channels, h, w] = x.dims as [Dim, Dim, Dim, Dim];
  const [o, each, kh, kw] = filter.dims as [Dim, Dim, Dim, Dim];
  if (channels.size !== each.size * groups || o.size % groups !== 0) {
    return wrong(`The input has ${count(channels.size, "channel")}, the filter takes ${each.size * groups}`);
  }
  const p: ConvolutionParameters = {
    stride: [stride, stride],
    padding: [[padding, padding], [padding, padding]],
    dilation: [dilation, dilation],
    groups,
  };
  const height = convolvedSize(h.size, kh.size, 0, p);
  const width = convolvedSize(w.size, kw.size, 1, p);
  if (height < 1 || width < 1) return wrong("The filter is larger than the padded input");
  const keep = (dim: Dim, size: number): Dim => dim.size === size ? dim : withRows({ size }, dim.rows);
  return tensor(c.cx.b.one("conv", [x.variable, filter.variable], p), [n, o, keep(h, height), keep(w, width)]);
}

/** An image with rows and columns of a number put around it: 0 unless said, and of ints the nearest that there is. */
function framed(c: BuiltinCall, x: TensorValue, size: number): TensorValue | undefined {
  const padding = optionArg(c, "padding", 0, 0);
  const fill = sizeAsNumber(c.named.get("fill") ?? staticNumber(0));
  if (fill.kind !== "static") {
    return void fail(c.cx, {
      code: "M0304",
      title: `\`fill\` of \`${c.name}\` must be a number known before the run, not ${describeValue(fill)}`,
      at: placeOf(c, fill),
    });
  }
  if (padding === undefined) return undefined;
  if (padding > 0 && padding >= size) {
    return void fail(c.cx, {
      code: "M0306",
      title: `\`padding\` must be below the size ${size} of a window, not ${padding}`,
      at: placeOf(c, c.named.get("padding")!),
      notes: ["Else some windows would hold nothing else"],
    });
  }
  if (padding === 0 || x.dims.length !== 4) return x;
  const { b } = c.cx;
  const number = x.variable.dtype === "i32"
    ? Math.min(Math.max(Math.round(fill.value), -largestInt), largestInt)
    : fill.value;
  let { variable } = x;
  for (const axis of [2, 3]) {
    const edge = b.fill(number, {
      dtype: x.variable.dtype,
      shape: variable.shape.map((n, i) => i === axis ? padding : n),
    });
    variable = b.one("concat", [edge, variable, edge], { axis });
  }
  return tensor(variable, x.dims.map((d, i) => i < 2 ? d : withRows({ size: d.size + 2 * padding }, d.rows)));
}

/** `windows(x, size, stride)`: [n, c, h, w] to [n, c, h', w', size * size], the entries of each window row by row. */
function windows(c: BuiltinCall): Value {
  const given = tensorArg(c, 0);
  const size = integerArg(c, c.args[1], "the size", undefined);
  const stride = integerArg(c, c.args[2], "the stride", size);
  const x = given && size !== undefined ? framed(c, given, size) : undefined;
  if (!x || size === undefined || stride === undefined) return errorValue;
  const { b } = c.cx;
  const [n, channels, h, w] = x.dims as [Dim, Dim, Dim, Dim];
  const fits = x.dims.length === 4 && size >= 1 && stride >= 1 && h.size >= size && w.size >= size;
  if (!fits) {
    return fail(c.cx, {
      code: "M0301",
      title: `${capital(describeValue(x))} has no windows of ${size} by ${size} with stride ${stride}`,
      at: c.call.span,
      notes: ["Windows are taken from [n, c, h, w]"],
    });
  }
  const height = Math.floor((h.size - size) / stride) + 1;
  const width = Math.floor((w.size - size) / stride) + 1;
  const dims: Dim[] = [n, channels, { size: height }, { size: width }, { size: size * size }];
  const window = (row: number, column: number) =>
    b.one("slice", [x.variable], {
      start: [0, 0, row, column],
      limit: [n.size, channels.size, row + (height - 1) * stride + 1, column + (width - 1) * stride + 1],
      stride: [1, 1, stride, stride],
    });
  if (stride === size) {
    // windows that do not overlap are a reshape and one transposition
    const cut = b.one("slice", [x.variable], {
      start: [0, 0, 0, 0],
      limit: [n.size, channels.size, height * size, width * size],
      stride: [1, 1, 1, 1],
    });
    const split = b.reshape(cut, [n.size, channels.size, height, size, width, size]);
    const moved = b.one("transpose", [split], { permutation: [0, 1, 2, 4, 3, 5] });
    return tensor(b.reshape(moved, shapeOf(dims)), dims);
  }
  const shape = [...shapeOf(dims.slice(0, 4)), 1];
  const parts = Array.from(
    { length: size * size },
    (_, k) => b.reshape(window(Math.floor(k / size), k % size), shape),
  );
  return tensor(b.one("concat", parts, { axis: 4 }), dims);
}

/** `take(x, indices)`: the rows of x that integers of any shape name, each from 0 on. */
function take(c: BuiltinCall): Value {
  const x = tensorArg(c, 0);
  const indices = intArg(c, 1);
  if (!x || !indices) return errorValue;
  const axis = axisArg(c, c.named.get("axis") ?? staticNumber(0), x);
  if (axis === undefined) return errorValue;
  if (indices.variable.dtype !== "i32") {
    return fail(c.cx, {
      code: "M0304",
      title: `\`take\` takes integers as indices, not ${describeValue(indices)}`,
      at: c.at(1),
    });
  }
  if (indices.dims.length === 0) noteRow(c.cx, x.dims[axis]!);
  notePicked(c.cx, x, c.at(0));
  const { size } = x.dims[axis]!;
  const own = checkedIndices(c.cx, indices, {
    size,
    kind: "an index",
    of: "take",
    unit: entriesAlong(axis),
    at: c.at(1),
  });
  const dims = [...x.dims.slice(0, axis), ...indices.dims, ...x.dims.slice(axis + 1)];
  return tensor(c.cx.b.one("gather", [x.variable, own.variable], { axis, batch: 0 }), dims);
}

/** The builtins of this file. */
export const products: readonly Builtin[] = [
  { ...simple("dot", [2, 2], dot), whole: dotOfModels },
  simple("matmul", [2, 2], matmul),
  simple("convolve", [2, 2], convolve, ["stride", "padding", "dilation", "groups"]),
  simple("windows", [2, 3], windows, ["padding", "fill"]),
  simple("take", [2, 2], take, ["axis"]),
];
