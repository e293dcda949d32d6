// Which functions move entries, or speak of shapes? Nothing here computes with values.
import { sizeOf } from "../../runtime/ir/types.ts";
import { asFloat, declaredLabels } from "../elaborate/arithmetic.ts";
import {
  axesArg,
  axisArg,
  type Builtin,
  type BuiltinCall,
  entryByEntry,
  floatArg,
  intArg,
  integerArg,
  simple,
  tensor,
  tensorArg,
} from "./builtin_arguments.ts";
import { fail } from "../world/report.ts";
import { checkedIndices } from "../elaborate/integers.ts";
import { rowsOfAll, rowsReshaped, withoutRows } from "../elaborate/row_origins.ts";
import { entriesOf, isShaped } from "../elaborate/model_tensors.ts";
import { tooLarge } from "../elaborate/sizes.ts";
import { describeValue, errorValue, formatDims, namedSizes, shapeOf, staticNumber } from "../world/values.ts";
import { capital } from "../text/words.ts";
import type { Value } from "../world/world.ts";
import type { Dim, ShapeValue, StaticValue, TensorValue } from "../world/value_kinds.ts";
import { isLibrary } from "../text/source.ts";

function reshape(c: BuiltinCall): Value {
  const x = tensorArg(c, 0);
  const written = c.args[1]!;
  if (!x || written.kind === "error") return errorValue;
  const target = shapeWritten(written);
  if (target?.open !== undefined) return reshapedOpen(c, x, target, target.open);
  if (target === undefined) {
    return fail(c.cx, {
      code: "M0304",
      title: `\`reshape\` takes a shape, not ${describeValue(written)}`,
      at: c.at(1),
      hint: inferredSize(x, written) ?? "write sizes in brackets, such as `[n, 4]`, or `shape(p)`",
    });
  }
  if (sizeOf(shapeOf(target.dims)) !== sizeOf(shapeOf(x.dims))) {
    return fail(c.cx, {
      code: "M0301",
      title: `${formatDims(x.dims)} cannot be reshaped to ${formatDims(target.dims)}`,
      at: c.at(1),
      label: `${sizeOf(shapeOf(target.dims))} entries`,
      secondary: [
        { span: c.at(0), message: `${formatDims(x.dims)}: ${sizeOf(shapeOf(x.dims))} entries` },
        ...declaredLabels([x]),
      ],
      sizes: namedSizes(x.dims, target.dims),
    });
  }
  return reshaped(c, x, target.dims);
}

/** With one size left open, which follows from how many entries there are. */
function reshapedOpen(c: BuiltinCall, x: TensorValue, { dims }: ShapeValue, open: number): Value {
  const [all, others] = [sizeOf(shapeOf(x.dims)), sizeOf(shapeOf(dims))];
  const size = all / others;
  const given = {
    size,
    ...x.dims.find((d) => d.size === size && d.name !== undefined && !dims.some((o) => o.name === d.name)),
  };
  if (Number.isInteger(size) && size >= 1) {
    return reshaped(c, x, [...dims.slice(0, open), given, ...dims.slice(open)]);
  }
  const written = [...dims.slice(0, open), { size: 1, name: "_" }, ...dims.slice(open)];
  return fail(c.cx, {
    code: "M0301",
    title: `${formatDims(x.dims)} cannot be reshaped to ${formatDims(written)}`,
    at: c.at(1),
    label: `${all} entries are no multiple of ${others}`,
    secondary: [{ span: c.at(0), message: formatDims(x.dims) }, ...declaredLabels([x])],
    sizes: namedSizes(x.dims, dims),
  });
}

/** A shape, or one whole number for a vector of that many entries. */
function shapeWritten(value: Value): ShapeValue | undefined {
  if (value.kind === "shape") return value;
  const size = value.kind === "static" && value.type !== "bool" && Number.isInteger(value.value) && value.value >= 0;
  return size ? { kind: "shape", dims: [{ size: value.value }] } : undefined;
}

/** What to write for the -1 of NumPy, which stands for the size that is left. */
function inferredSize(x: TensorValue, written: Value): string | undefined {
  const sizes = written.kind === "literal" && written.dims.length === 1 ? written.numbers : asOne(written);
  if (!sizes || sizes.filter((n) => n === -1).length !== 1) return undefined;
  const rest = -sizes.reduce((product, n) => product * n, 1);
  const size = sizeOf(shapeOf(x.dims)) / rest;
  if (!Number.isInteger(size) || size < 1) return undefined;
  if (sizes.length === 1) return "write `ravel` for a vector of all entries";
  const text = (n: number) => x.dims.find((d) => d.size === n && d.name !== undefined)?.name ?? String(n);
  return `\`_\` is the size that is left: write \`[${sizes.map((n) => n === -1 ? "_" : text(n)).join(", ")}]\``;
}

const asOne = (value: Value) => value.kind === "static" ? [value.value] : undefined;

/** The same entries in another shape. */
function reshaped(c: BuiltinCall, x: TensorValue, dims: readonly Dim[]): TensorValue {
  return tensor(c.cx.b.reshape(x.variable, shapeOf(dims)), rowsReshaped(dims, x.dims));
}

function joined(c: BuiltinCall, name: "stack" | "concat"): Value {
  const { b } = c.cx;
  const parts: TensorValue[] = [];
  for (let i = 0; i < c.args.length; i++) {
    const part = tensorArg(c, i);
    if (!part) return errorValue;
    parts.push(part);
  }
  const sameDtype = parts.every((p) => p.variable.dtype === parts[0]!.variable.dtype);
  const inputs = sameDtype ? parts : parts.map((p) => asFloat(c.cx, p));
  const [first] = inputs as [TensorValue, ...TensorValue[]];
  const axis = name === "stack"
    ? axisArg(c, c.named.get("axis") ?? staticNumber(-1), first, 1)
    : axisArg(c, c.named.get("axis") ?? staticNumber(0), first);
  if (axis === undefined) return errorValue;
  const odd = inputs.findIndex((p) =>
    p.dims.length !== first.dims.length ||
    p.dims.some((d, i) => d.size !== first.dims[i]!.size && !(name === "concat" && i === axis))
  );
  if (odd > 0) {
    return fail(c.cx, {
      code: "M0301",
      title: `\`${name}\` cannot join ${formatDims(first.dims)} with ${formatDims(inputs[odd]!.dims)}`,
      at: c.at(odd),
      label: formatDims(inputs[odd]!.dims),
      secondary: [{ span: c.at(0), message: formatDims(first.dims) }],
      sizes: namedSizes(first.dims, inputs[odd]!.dims),
      hint: c.args[odd]!.kind === "static" && odd === c.args.length - 1
        ? `the axis is said by name: \`axis = ${(c.args[odd] as StaticValue).value}\``
        : undefined,
    });
  }
  if (name === "concat") {
    const size = inputs.reduce((n, p) => n + p.dims[axis]!.size, 0);
    const dims = first.dims.map((d, i) => i === axis ? { size } : d);
    return tensor(b.one("concat", inputs.map((p) => p.variable), { axis }), rowsOfAll(dims, inputs.map((p) => p.dims)));
  }
  const expand = (dims: readonly Dim[], size: number) => [...dims.slice(0, axis), { size }, ...dims.slice(axis)];
  const rows = inputs.map((p) => b.reshape(p.variable, shapeOf(expand(p.dims, 1))));
  const counted = rowsOfAll(first.dims, inputs.map((p) => p.dims));
  return tensor(b.one("concat", rows, { axis }), expand(counted, inputs.length));
}

function shapeBuiltin(c: BuiltinCall): Value {
  const x = tensorArg(c, 0);
  return x ? { kind: "shape", dims: withoutRows(x.dims) } : errorValue;
}

function sameShapeBuiltin(c: BuiltinCall): Value {
  const a = tensorArg(c, 0);
  const d = tensorArg(c, 1);
  if (!a || !d) return errorValue;
  const same = a.dims.length === d.dims.length && a.dims.every((dim, i) => dim.size === d.dims[i]!.size);
  if (same) return a;
  const call = c.cx.frames.find((f) => !isLibrary(f.span.source));
  return fail(c.cx, {
    code: "M0307",
    title: `${formatDims(a.dims)} and ${formatDims(d.dims)} must be the same shape${
      call ? ` in \`${call.callee}\`` : ""
    }: losses do not broadcast`,
    at: c.call.span,
    secondary: declaredLabels([a, d]),
    sizes: namedSizes(a.dims, d.dims),
    hint: fittingHint(a, d),
  });
}

/** What makes [n, 1] and [n] one shape. */
function fittingHint(a: TensorValue, d: TensorValue): string | undefined {
  const [thin, flat] = a.dims.length > d.dims.length ? [a, d] : [d, a];
  if (sizeOf(shapeOf(thin.dims)) !== sizeOf(shapeOf(flat.dims)) || flat.dims.length !== 1) return undefined;
  const text = formatDims(thin.dims);
  return flat.declared ? `declare \`${flat.declared.name}\` as ${text}` : `\`ravel\` the one that is ${text}`;
}

function sameRows(c: BuiltinCall): Value {
  const a = intArg(c, 0);
  const d = tensorArg(c, 1);
  if (!a || !d) return errorValue;
  if (a.variable.dtype === "i32" && a.dims.length === 1 && d.dims.length === 2 && a.dims[0]!.size === d.dims[0]!.size) {
    return a;
  }
  return fail(c.cx, {
    code: "M0307",
    title: a.variable.dtype === "i32"
      ? `Labels ${formatDims(a.dims)} do not fit logits ${formatDims(d.dims)}: [n] and [n, classes] are needed`
      : `Labels must be int [n], not ${describeValue(a)}`,
    at: c.call.span,
    secondary: declaredLabels([a, d]),
    sizes: namedSizes(a.dims, d.dims),
    hint: labelsHint(c, a, d),
  });
}

/** What to write for labels that are no class numbers [n]: probabilities, logits that stand in their place, a column. */
function labelsHint(c: BuiltinCall, labels: TensorValue, logits: TensorValue): string | undefined {
  const int = labels.variable.dtype === "i32";
  if (!int && labels.dims.length === 1 && labels.declared) {
    return `declare \`${labels.declared.name}\` as int ${formatDims(labels.dims)}`;
  }
  const call = c.cx.frames.find((f) => !isLibrary(f.span.source));
  const text = (i: number) => {
    const span = call?.args?.[i]?.span;
    return span ? c.cx.elaboration.modules.sources.get(span.source)!.text.slice(span.start, span.end) : "…";
  };
  const [first, second] = [text(0), text(1)];
  if (logits.variable.dtype === "i32" && logits.dims.length === 1 && labels.dims.length === 2) {
    return `the logits come first: \`${call?.callee ?? "cross_entropy"}(${second}, ${first})\``;
  }
  if (labels.dims.length === 2 && labels.dims[1]!.size === 1) return `write \`ravel(${second})\` for labels [n]`;
  const same = labels.dims.length === 2 && labels.dims[1]!.size === logits.dims.at(-1)?.size;
  if (!same || call?.callee !== "cross_entropy") return same ? `write \`argmax(${second})\`` : undefined;
  return `for a share of each class write \`-mean(sum(${second} * log_softmax(${first}), axis = -1))\``;
}

/** `classes_of(labels, n)`: the labels, each of which must be one of the classes 0 .. n - 1. */
function classesOf(c: BuiltinCall): Value {
  const labels = intArg(c, 0);
  const size = integerArg(c, c.args[1], "the number of classes", undefined);
  if (!labels || size === undefined) return errorValue;
  return checkedIndices(c.cx, labels, { size, kind: "a label", unit: ["class", "classes"], at: c.at(0) });
}

function size(c: BuiltinCall): Value {
  const x = tensorArg(c, 0);
  if (!x) return errorValue;
  if (c.args.length === 1) return staticNumber(sizeOf(shapeOf(x.dims)), "int");
  const axis = axisArg(c, c.args[1], x);
  return axis === undefined ? errorValue : { kind: "shape", dims: withoutRows([x.dims[axis]!]), single: true };
}

/** The builtins of this file. */
export const shapes: readonly Builtin[] = [
  /** Every axis of x but one or some, as a list: the axes that a normalisation averages over. */
  simple("other_axes", [2, 2], (c) => {
    const x = tensorArg(c, 0);
    const axes = x && axesArg(c, c.args[1], x);
    if (!x || axes === undefined) return errorValue;
    return { kind: "shape", dims: x.dims.flatMap((_, i) => axes.includes(i) ? [] : [{ size: i }]) };
  }),
  { ...simple("reshape", [2, 2], reshape), leavesOpen: true },
  simple("shape", [1, 1], shapeBuiltin),
  {
    ...simple("size", [1, 2], size),
    whole: (c, [model]) => isShaped(c.cx, model!, c.at(0)) ? staticNumber(entriesOf(model!), "int") : errorValue,
  },
  simple("ravel", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    if (!x) return errorValue;
    return reshaped(c, x, x.dims.length === 1 ? x.dims : [{ size: sizeOf(shapeOf(x.dims)) }]);
  }),
  simple("flatten", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    if (!x) return errorValue;
    if (x.dims.length < 2) return x;
    return reshaped(c, x, x.dims.length === 2 ? x.dims : [x.dims[0]!, { size: sizeOf(shapeOf(x.dims.slice(1))) }]);
  }),
  simple("stack", [1, 64], (c) => joined(c, "stack"), ["axis"]),
  simple("concat", [1, 64], (c) => joined(c, "concat"), ["axis"]),
  simple("expand_dims", [2, 2], (c) => {
    const x = tensorArg(c, 0);
    const axes = x && axesArg(c, c.args[1], x, "as many");
    if (!x || axes === undefined) return errorValue;
    const dims: Dim[] = [...x.dims];
    for (const axis of axes) dims.splice(axis, 0, { size: 1 });
    return tensor(c.cx.b.reshape(x.variable, shapeOf(dims)), dims);
  }),
  /** The last two axes exchanged. */
  simple("swap_last", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    if (!x) return errorValue;
    const rank = x.dims.length;
    if (rank < 2) {
      return fail(c.cx, { code: "M0301", title: `${capital(describeValue(x))} has no two last axes`, at: c.call.span });
    }
    const permutation = x.dims.map((_, i) => i < rank - 2 ? i : 2 * rank - 3 - i);
    return tensor(c.cx.b.one("transpose", [x.variable], { permutation }), permutation.map((i) => x.dims[i]!));
  }),
  /** Two axes exchanged. */
  simple("swap_axes", [3, 3], (c) => {
    const x = tensorArg(c, 0);
    const first = x && axisArg(c, c.args[1], x);
    const second = x && axisArg(c, c.args[2], x);
    if (!x || first === undefined || second === undefined) return errorValue;
    const permutation = x.dims.map((_, i) => i === first ? second : i === second ? first : i);
    return tensor(c.cx.b.one("transpose", [x.variable], { permutation }), permutation.map((i) => x.dims[i]!));
  }),
  simple("transpose", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    if (!x) return errorValue;
    const permutation = x.dims.map((_, i) => x.dims.length - 1 - i);
    return tensor(c.cx.b.one("transpose", [x.variable], { permutation }), permutation.map((i) => x.dims[i]!));
  }),
  /** 0, 1, … n - 1 as integers. */
  simple("range", [1, 1], (c) => {
    const n = integerArg(c, c.args[0], "the length", undefined);
    if (n === undefined) return errorValue;
    if (n < 1) return fail(c.cx, { code: "M0306", title: "`range` needs a positive length", at: c.at(0) });
    if (tooLarge(c.cx, [{ size: n }], c.call.span)) return errorValue;
    return tensor(c.cx.b.one("iota", [], { type: { dtype: "i32", shape: [n] }, axis: 0 }), [{ size: n }]);
  }),
  entryByEntry("stop_gradient", [1, 1], (c) => {
    const x = floatArg(c, 0);
    return x ? tensor(c.cx.b.apply("stop_gradient", x.variable), x.dims) : errorValue;
  }),
  entryByEntry("same_shape", [2, 2], sameShapeBuiltin),
  simple("same_rows", [2, 2], sameRows),
  simple("classes_of", [2, 2], classesOf),
];
