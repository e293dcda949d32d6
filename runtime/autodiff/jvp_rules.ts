// How does a small change of its inputs change what a primitive computes? One rule per primitive, total over the closed
// list; the families that need more room stand in the files beside this one.
import type { Builder } from "../ir/builder.ts";
import { isFloat, type PrimitiveName, type Variable } from "../ir/types.ts";
import { InternalError } from "../errors.ts";
import { elementwiseJvpRules } from "./jvp_elementwise.ts";
import { finiteDifferenceJvp, gradientJvp, implicitJvp, linearSolveJvp, pullbackJvp } from "./jvp_requests.ts";
import { mapJvp, scanJvp } from "./jvp_structured.ts";
import { addTangents, type JvpRule, materialize } from "./tangent.ts";

/** The primitives that are linear in their one float input: the tangent goes the same way as the value. */
function linear<P extends PrimitiveName>(op: P): JvpRule<P> {
  return ({ b, inputs, tangents, params }) => ({
    outputs: b.emit(op, inputs, params),
    tangents: tangents[0] ? b.emit(op, [tangents[0], ...inputs.slice(1)], params) : [undefined],
  });
}

/** Linear in each of two inputs: d f(x, y) = f(dx, y) + f(x, dy). */
function bilinear<P extends PrimitiveName>(op: P): JvpRule<P> {
  return ({ b, inputs, tangents, params }) => {
    const [x, y] = inputs as [Variable, Variable];
    const [dx, dy] = tangents;
    const left = dx && b.one(op, [dx, y], params);
    const right = dy && b.one(op, [x, dy], params);
    return { outputs: b.emit(op, inputs, params), tangents: [addTangents(b, left, right)] };
  };
}

/** Derivative zero everywhere. */
function flat<P extends PrimitiveName>(op: P): JvpRule<P> {
  return ({ b, inputs, params }) => {
    const outputs = b.emit(op, inputs, params);
    return { outputs, tangents: outputs.map(() => undefined) };
  };
}

/** A primitive that no tangent can reach, because no input of it is a float. */
function unreachable<P extends PrimitiveName>(op: P): JvpRule<P> {
  return () => {
    throw new InternalError(`A tangent reached ${op}, which has no float inputs`);
  };
}

/** True at the first largest entry (row-major over `axes`) of every group that `reduce_max` over `axes` reduces.
 *  x: S; the mask: bool S. */
function firstMaximum(b: Builder, x: Variable, axes: readonly number[]): Variable {
  const reduced = [...axes].sort((i, j) => i - j);
  const contiguous = reduced.every((axis, i) => axis === reduced[0]! + i);
  if (!contiguous) {
    const kept = x.shape.map((_, i) => i).filter((i) => !reduced.includes(i));
    const permutation = [...kept, ...reduced];
    const moved = b.one("transpose", [x], { permutation });
    const mask = firstMaximum(b, moved, reduced.map((_, i) => kept.length + i));
    return b.one("transpose", [mask], { permutation: permutation.map((_, i) => permutation.indexOf(i)) });
  }
  const axis = reduced[0]!;
  const size = reduced.reduce((product, i) => product * x.shape[i]!, 1);
  const before = x.shape.slice(0, axis);
  const after = x.shape.slice(axis + reduced.length);
  const merged = b.reshape(x, [...before, size, ...after]);
  const winner = b.one("argmax", [merged], { axis });
  const others = merged.shape.map((_, i) => i).filter((i) => i !== axis);
  const spread = b.one("broadcast", [winner], { shape: merged.shape, axes: others });
  const position = b.one("iota", [], { type: { dtype: "i32", shape: merged.shape }, axis });
  return b.reshape(b.apply("eq", position, spread), x.shape);
}

const elementwiseSelect: JvpRule<"select"> = ({ b, inputs, tangents }) => {
  const [condition, x, y] = inputs as [Variable, Variable, Variable];
  const [, dx, dy] = tangents;
  return {
    outputs: [b.apply("select", condition, x, y)],
    tangents: [b.apply("select", condition, materialize(b, dx, x), materialize(b, dy, y))],
  };
};

const convert: JvpRule<"convert"> = ({ b, inputs, tangents, params }) => ({
  outputs: b.emit("convert", inputs, params),
  tangents: [tangents[0] && isFloat(params.dtype) ? b.convert(tangents[0], params.dtype) : undefined],
});

const reduceMax: JvpRule<"reduce_max"> = ({ b, inputs, tangents, params }) => {
  const [x] = inputs as [Variable];
  const [t] = tangents as [Variable];
  const outputs = b.emit("reduce_max", inputs, params);
  if (params.axes.length === 0) return { outputs, tangents: [t] };
  const chosen = b.apply("select", firstMaximum(b, x, params.axes), t, b.fill(0, x));
  return { outputs, tangents: [b.sum(chosen, params.axes)] };
};

const concat: JvpRule<"concat"> = ({ b, inputs, tangents, params }) => ({
  outputs: b.emit("concat", inputs, params),
  tangents: [b.one("concat", tangents.map((t, i) => materialize(b, t, inputs[i]!)), params)],
});

/** x = a^-1 b: dx = a^-1 (db - da x). Shapes as `solve` has them: a [...B, n, n], b [...B, n, k]. */
const solve: JvpRule<"solve"> = ({ b, inputs, tangents, params }) => {
  const [a] = inputs as [Variable, Variable];
  const [da, db] = tangents;
  const x = b.one("solve", inputs, params);
  const n = a.shape.length;
  const batch = a.shape.slice(0, -2).map((_, i) => i);
  const product = da && b.one("dot_general", [da, x], {
    contractLeft: [n - 1],
    contractRight: [n - 2],
    batchLeft: batch,
    batchRight: batch,
  });
  const right = db && product ? b.apply("sub", db, product) : db ?? b.apply("neg", product!);
  return { outputs: [x], tangents: [b.apply("solve", a, right)] };
};

/** The table of derivatives. A primitive without a rule does not compile. */
export const jvpRules: { readonly [P in PrimitiveName]: JvpRule<P> } = {
  constant: unreachable("constant"),
  iota: unreachable("iota"),
  random_bits: unreachable("random_bits"),
  ...elementwiseJvpRules,
  sign: flat("sign"),
  floor: flat("floor"),
  convert,
  stop_gradient: flat("stop_gradient"),
  not: unreachable("not"),
  and: unreachable("and"),
  or: unreachable("or"),
  shift_right: unreachable("shift_right"),
  eq: flat("eq"),
  ne: flat("ne"),
  lt: flat("lt"),
  le: flat("le"),
  gt: flat("gt"),
  ge: flat("ge"),
  select: elementwiseSelect,
  reduce_sum: linear("reduce_sum"),
  reduce_max: reduceMax,
  argmax: flat("argmax"),
  reshape: linear("reshape"),
  transpose: linear("transpose"),
  broadcast: linear("broadcast"),
  slice: linear("slice"),
  pad: linear("pad"),
  concat,
  reverse: linear("reverse"),
  gather: linear("gather"),
  scatter_add: linear("scatter_add"),
  dot_general: bilinear("dot_general"),
  conv: bilinear("conv"),
  conv_input_gradient: bilinear("conv_input_gradient"),
  conv_filter_gradient: bilinear("conv_filter_gradient"),
  solve,
  scan: scanJvp,
  map: mapJvp,
  gradient: gradientJvp,
  implicit: implicitJvp,
  linear_solve: linearSolveJvp,
  finite_difference: finiteDifferenceJvp,
  pullback: pullbackJvp,
  check: ({ b, inputs, tangents, params }) => ({ outputs: b.emit("check", inputs, params), tangents: [tangents[0]] }),
};
