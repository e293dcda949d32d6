// The one table of gradient tests: for every primitive, functions that use it, with inputs in general position. What is
// checked of each row stands in gradient_table_test.ts; a primitive without a row does not compile.
import { Builder } from "../../runtime/ir/builder.ts";
import {
  type ArrayType,
  type ConvolutionParameters,
  type PrimitiveName,
  type PrimitiveParameters,
  type RequestName,
  type Shape,
  type Variable,
} from "../../runtime/ir/types.ts";
import { array, type GradientRow, spread } from "./gradient_row.ts";
import { whereRows } from "./gradient_table_where.ts";

export { array, type GradientRow, spread } from "./gradient_row.ts";

const f64 = (...shape: number[]): ArrayType => ({ dtype: "f64", shape });

/** One elementwise input between two bounds. */
function unary(op: Parameters<Builder["apply"]>[0], low: number, high: number, smooth = true): readonly GradientRow[] {
  return [{ name: op, inputs: [spread([2, 3], low, high)], write: (b, [x]) => [b.apply(op, x!)], smooth }];
}

/** Two elementwise inputs between bounds. */
function binary(
  op: Parameters<Builder["apply"]>[0],
  x: readonly [number, number],
  y: readonly [number, number],
  smooth = true,
): readonly GradientRow[] {
  const inputs = [spread([2, 3], ...x), spread([2, 3], ...y, 5)];
  return [
    { name: op, inputs, write: (b, [x, y]) => [b.apply(op, x!, y!)], smooth },
    { name: `${op} of one array with itself`, inputs: [inputs[0]!], write: (b, [x]) => [b.apply(op, x!, x!)], smooth },
  ];
}

/** Of sin(x y) and -sin(-x y), which are one number: each gives half, and all derivatives exist. */
function equalEverywhere(op: "max" | "min"): GradientRow {
  return {
    name: `${op} of two that are equal everywhere`,
    inputs: [spread([2, 3], -1, 1), spread([2, 3], -1, 1, 5)],
    write: (b, [x, y]) => {
      const product = b.apply("mul", x!, y!);
      const turned = b.apply("mul", b.apply("sin", b.apply("mul", product, b.fill(-1, product))), b.fill(-1, product));
      return [b.apply(op, b.apply("sin", product), turned)];
    },
  };
}

/** A comparison decides which of two paths is taken; the decision itself has no derivative. */
function comparison(op: "eq" | "ne" | "lt" | "le" | "gt" | "ge"): readonly GradientRow[] {
  const write = (b: Builder, [x, y]: readonly Variable[]) => {
    const test = b.apply(op, x!, y!);
    return [b.apply("select", test, b.apply("mul", x!, x!), b.apply("sin", y!)), b.convert(test, "f64")];
  };
  return [{ name: op, inputs: [spread([2, 3], -1, 1), spread([2, 3], -1, 1, 5)], write }];
}

/** Parameters as part of a test's name. */
function readable(params: unknown): string {
  return JSON.stringify(params).replaceAll('"', "").slice(1, -1);
}

/** One input, one output, one set of parameters. */
function moved<P extends PrimitiveName>(
  op: P,
  shape: Shape,
  list: readonly PrimitiveParameters[P][],
  smooth = true,
): readonly GradientRow[] {
  return list.map((params) => ({
    name: `${op} ${readable(params)}`,
    inputs: [spread(shape, -1, 1)],
    // The square gives a derivative of its own to every entry, so that a misplaced one shows
    write: (b, [x]) => [b.emit(op, [b.apply("mul", x!, x!)], params)[0]!],
    smooth,
  }));
}

const plain: ConvolutionParameters = { stride: [1, 1], padding: [[0, 0], [0, 0]], dilation: [1, 1], groups: 1 };
const odd: ConvolutionParameters = { stride: [2, 1], padding: [[1, 0], [0, 2]], dilation: [1, 2], groups: 1 };
const grouped: ConvolutionParameters = { stride: [1, 2], padding: [[1, 1], [1, 0]], dilation: [2, 1], groups: 2 };

function contraction(
  left: Shape,
  right: Shape,
  params: PrimitiveParameters["dot_general"],
): GradientRow {
  return {
    name: `dot_general [${left}] [${right}] ${readable(params)}`,
    inputs: [spread(left, -1, 1), spread(right, -1, 1, 5)],
    write: (b, [x, y]) => [b.one("dot_general", [x!, y!], params)],
  };
}

/** state' = tanh(W state + x), reading out sin(state): the constant, the carry and the stacked input all matter. */
function recurrence(b: Builder, [w, start, xs]: readonly Variable[], reverse: boolean): readonly Variable[] {
  const scope = b.openScan("recurrence", xs!.shape[0]!, { reverse });
  const s = scope.body;
  const state = scope.carry(start!);
  const x = scope.slice(xs!);
  const product = s.one("dot_general", [w!, state], {
    contractLeft: [1],
    contractRight: [0],
    batchLeft: [],
    batchRight: [],
  });
  const next = s.apply("tanh", s.apply("add", product, x));
  const closed = scope.close([next], [s.apply("sin", state)]);
  return [...closed.carry, ...closed.outputs];
}

/** A loop in a loop: the outer carry feeds the inner start, the inner result the outer carry; a counter runs along. */
function nestedScans(b: Builder, [p, xs]: readonly Variable[]): readonly Variable[] {
  const outer = b.openScan("outer", 3);
  const o = outer.body;
  const total = outer.carry(p!);
  const count = outer.carry(b.fill(0, { dtype: "i32", shape: [] }));
  const inner = o.openScan("inner", xs!.shape[0]!);
  const i = inner.body;
  const state = inner.carry(total);
  const x = inner.slice(o.resolve(xs!));
  const weight = i.apply("add", i.convert(count, "f64"), i.fill(1, f64()));
  const next = i.apply("sin", i.apply("add", i.apply("mul", state, x), i.broadcastTo(weight, state.shape)));
  const last = inner.close([next], [i.apply("mul", next, next)]);
  const one = o.fill(1, { dtype: "i32", shape: [] });
  const closed = outer.close(
    [o.apply("mul", last.carry[0]!, o.apply("add", total, o.fill(2, total))), o.apply("add", count, one)],
    [o.sum(last.outputs[0]!, [0])],
  );
  return [closed.carry[0]!, closed.outputs[0]!];
}

/** Three steps of gradient descent on a small nonlinear loss, as a scan with a gradient inside. */
function descent(b: Builder, [w, rate, data]: readonly Variable[]): readonly Variable[] {
  const scope = b.openScan("descent", 3);
  const s = scope.body;
  const p = scope.carry(w!);
  const request = s.openGradient("loss");
  const g = request.body;
  const q = request.wrt(p);
  const residual = g.apply("sub", g.apply("tanh", g.apply("mul", q, g.resolve(data!))), g.fill(0.3, data!));
  const { outputs, gradients } = request.close([g.sum(g.apply("mul", residual, residual))]);
  const step = s.apply("mul", gradients[0]!, s.broadcastTo(s.resolve(rate!), p.shape));
  const closed = scope.close([s.apply("sub", p, step)], [outputs[0]!]);
  return [...closed.carry, ...closed.outputs];
}

/** Every iteration squares its slice in its own way and reads a shared array. */
function overTasks(b: Builder, [shared, xs]: readonly Variable[]): readonly Variable[] {
  const scope = b.openMap("task", xs!.shape[0]!);
  const m = scope.body;
  const x = scope.slice(xs!);
  const product = m.apply("mul", m.apply("exp", m.resolve(shared!)), x);
  return scope.close([m.sum(m.apply("sin", product)), m.apply("mul", product, x)]);
}

/** A loop in every task of a map, inside a loop. */
function mapInScanInMap(b: Builder, [p, xs]: readonly Variable[]): readonly Variable[] {
  const tasks = b.openMap("tasks", xs!.shape[0]!);
  const t = tasks.body;
  const x = tasks.slice(xs!);
  const loop = t.openScan("steps", 2);
  const s = loop.body;
  const state = loop.carry(t.resolve(p!));
  const parts = s.openMap("parts", 2);
  const m = parts.body;
  const entry = parts.slice(state);
  const [next] = parts.close([m.apply("sin", m.apply("mul", entry, m.apply("add", m.resolve(x), entry)))]);
  const closed = loop.close([next!], [s.sum(state)]);
  return tasks.close([...closed.carry, ...closed.outputs]);
}

/** The gradient of a gradient of a gradient: f = sin(a x) b, three levels deep. */
function nestedGradients(b: Builder, [x, a]: readonly Variable[]): readonly Variable[] {
  const deeper = (level: number, outer: Builder, at: Variable): Variable => {
    if (level === 0) return outer.sum(outer.apply("sin", outer.apply("mul", at, outer.apply("mul", at, a!))));
    const request = outer.openGradient(`level ${level}`);
    const inner = request.wrt(at);
    const value = deeper(level - 1, request.body, inner);
    return outer.sum(outer.apply("mul", request.close([value]).gradients[0]!, at));
  };
  return [deeper(2, b, x!)];
}

const randomBits = (shape: Shape) => ({
  name: "random_bits as noise",
  inputs: [
    spread(shape, -1, 1),
    array("i32", [2], [17, 3]),
    array("i32", [3], [5, 0, 1]),
  ],
  write: (b: Builder, [x, key, counter]: readonly Variable[]) => {
    const bits = b.convert(b.one("random_bits", [key!, counter!], { shape }), "f64");
    return [b.apply("sin", b.apply("mul", x!, b.apply("mul", bits, b.fill(2 ** -31, bits))))];
  },
});

/** Primitives whose derivative is not that of their value: request_derivatives_test.ts has them. */
export type ValuelessDerivative = Exclude<RequestName, "gradient">;

/** The rows, by primitive. */
export const gradientTable: { readonly [P in Exclude<PrimitiveName, ValuelessDerivative>]: readonly GradientRow[] } = {
  constant: [{
    name: "constant factor",
    inputs: [spread([3], -1, 1)],
    write: (b, [x]) => {
      const weights = b.literal(new Float64Array([2, -1, 0.5]), f64(3));
      return [b.apply("mul", weights, b.apply("sin", x!)), b.apply("mul", x!, b.fill(3, x!))];
    },
  }],
  iota: [{
    name: "iota as weights",
    inputs: [spread([2, 3], -1, 1)],
    write: (b, [x]) => [b.apply("mul", b.one("iota", [], { type: f64(2, 3), axis: 1 }), b.apply("sin", x!))],
  }],
  random_bits: [randomBits([2, 3])],
  neg: unary("neg", -1, 1),
  abs: unary("abs", -1, 1, false),
  sign: [{
    name: "sign, which has no derivative, beside what has",
    inputs: [spread([2, 3], -1, 1)],
    write: (b, [x]) => [b.apply("sign", x!), b.apply("mul", b.apply("sign", x!), b.apply("sin", x!))],
  }],
  floor: [{
    name: "floor, which has no derivative, beside what has",
    inputs: [spread([2, 3], -2.4, 2.3)],
    write: (b, [x]) => [b.apply("floor", x!), b.apply("mul", b.apply("sub", x!, b.apply("floor", x!)), x!)],
  }],
  exp: unary("exp", -1, 1),
  expm1: unary("expm1", -1, 1),
  log: unary("log", 0.5, 2),
  log1p: unary("log1p", -0.4, 1),
  sin: unary("sin", -3, 3),
  cos: unary("cos", -3, 3),
  tanh: unary("tanh", -2, 2),
  logistic: unary("logistic", -3, 3),
  sqrt: unary("sqrt", 0.5, 2),
  erf: unary("erf", -1.5, 1.5),
  erf_inv: unary("erf_inv", -0.7, 0.7),
  integer_pow: [-2, -1, 0, 1, 2, 3, 5].map((exponent) => ({
    name: `integer_pow ${exponent}`,
    inputs: [spread([2, 3], 0.6, 1.5)],
    write: (b, [x]) => [b.one("integer_pow", [b.apply("neg", x!)], { exponent })],
  })),
  convert: [{
    name: "convert to i32 and back, beside a float path",
    inputs: [spread([2, 3], -2.4, 2.3)],
    write: (b, [x]) => [b.apply("mul", b.convert(b.convert(x!, "i32"), "f64"), b.apply("sin", x!))],
  }],
  stop_gradient: [{
    name: "stop_gradient cuts one of two paths",
    inputs: [spread([2, 3], -1, 1)],
    // Finite differences see the cut path as well, so it is made flat: the cut itself is tested by closed form
    write: (b, [x]) => [b.apply("mul", b.apply("stop_gradient", b.apply("floor", x!)), b.apply("sin", x!))],
  }],
  not: [{
    name: "not of a condition",
    inputs: [spread([2, 3], -1, 1), array("bool", [2, 3], [1, 0, 0, 1, 1, 0])],
    write: (b, [x, c]) => [b.apply("select", b.apply("not", c!), b.apply("sin", x!), b.apply("exp", x!))],
  }],
  add: binary("add", [-1, 1], [-1, 1]),
  sub: binary("sub", [-1, 1], [-1, 1]),
  mul: binary("mul", [-1, 1], [-1, 1]),
  div: binary("div", [-1, 1], [0.7, 1.6]),
  mod: [
    { ...binary("mod", [-2, 2], [0.7, 0.9], false)[0]! },
    {
      name: "mod by a negative number",
      inputs: [spread([2, 3], -2, 2), spread([2, 3], -0.9, -0.7, 5)],
      write: (b, [x, y]) => [b.apply("mod", x!, y!)],
    },
  ],
  pow: [
    ...binary("pow", [0.6, 1.8], [-1.5, 1.5]),
    {
      name: "pow with a known exponent",
      inputs: [spread([2, 3], 0.6, 1.8)],
      write: (b, [x]) => [b.apply("pow", x!, b.fill(2.5, x!)), b.apply("pow", x!, b.fill(0, x!))],
    },
  ],
  max: [
    { name: "max", inputs: binary("max", [-1, 1], [-1, 1])[0]!.inputs, write: (b, [x, y]) => [b.apply("max", x!, y!)] },
    {
      name: "the larger of 0 and a function",
      inputs: [spread([2, 3], -1, 1)],
      write: (b, [x]) => [b.apply("max", b.fill(0, x!), b.apply("sin", x!))],
    },
    equalEverywhere("max"),
  ],
  min: [
    { name: "min", inputs: binary("min", [-1, 1], [-1, 1])[0]!.inputs, write: (b, [x, y]) => [b.apply("min", x!, y!)] },
    equalEverywhere("min"),
  ],
  and: [{
    name: "and of two comparisons",
    inputs: [spread([2, 3], -1, 1), spread([2, 3], -1, 1, 5)],
    write: (b, [x, y]) => {
      const zero = b.fill(0, x!);
      const both = b.apply("and", b.apply("gt", x!, zero), b.apply("gt", y!, zero));
      return [b.apply("select", both, b.apply("mul", x!, y!), b.apply("sin", y!))];
    },
  }],
  or: [{
    name: "or of two comparisons",
    inputs: [spread([2, 3], -1, 1), spread([2, 3], -1, 1, 5)],
    write: (b, [x, y]) => {
      const zero = b.fill(0, x!);
      const either = b.apply("or", b.apply("gt", x!, zero), b.apply("gt", y!, zero));
      return [b.apply("select", either, b.apply("mul", x!, y!), b.apply("sin", y!))];
    },
  }],
  shift_right: [{
    name: "shift_right of integer weights",
    inputs: [spread([3], -1, 1), array("i32", [3], [8, 5, -1])],
    write: (b, [x, k]) => {
      const halves = b.apply("shift_right", k!, b.fill(28, k!));
      return [b.apply("mul", b.convert(halves, "f64"), b.apply("sin", x!))];
    },
  }],
  eq: comparison("eq"),
  ne: comparison("ne"),
  lt: comparison("lt"),
  le: comparison("le"),
  gt: comparison("gt"),
  ge: comparison("ge"),
  select: [
    {
      name: "select",
      inputs: [array("bool", [2, 3], [1, 0, 0, 1, 1, 0]), spread([2, 3], -1, 1), spread([2, 3], -1, 1, 5)],
      write: (b, [c, x, y]) => [b.apply("select", c!, b.apply("sin", x!), b.apply("mul", x!, y!))],
    },
    ...whereRows,
  ],
  reduce_sum: moved("reduce_sum", [2, 3, 2], [{ axes: [0] }, { axes: [1] }, { axes: [0, 2] }, { axes: [0, 1, 2] }]),
  reduce_max: moved("reduce_max", [2, 3, 2], [
    { axes: [0] },
    { axes: [1] },
    { axes: [1, 2] },
    { axes: [2, 0] },
    { axes: [0, 1, 2] },
  ]),
  argmax: [{
    name: "argmax picks what is read",
    inputs: [spread([2, 3], -1, 1), spread([3], -1, 1, 5)],
    write: (b, [x, y]) => {
      const best = b.one("argmax", [x!], { axis: 1 });
      return [b.apply("sin", b.one("gather", [y!, best], { axis: 0, batch: 0 })), b.apply("mul", x!, x!)];
    },
  }],
  reshape: moved("reshape", [2, 3, 2], [{ shape: [6, 2] }, { shape: [12] }, { shape: [1, 2, 1, 6] }]),
  transpose: moved("transpose", [2, 3, 2], [{ permutation: [2, 0, 1] }, { permutation: [1, 0, 2] }]),
  broadcast: [
    ...moved("broadcast", [2, 3], [{ shape: [2, 4, 3], axes: [0, 2] }, { shape: [2, 2, 3], axes: [1, 2] }]),
    ...moved("broadcast", [1, 3], [{ shape: [4, 3], axes: [0, 1] }, { shape: [2, 4, 3], axes: [1, 2] }]),
    ...moved("broadcast", [], [{ shape: [2, 2], axes: [] }]),
  ],
  slice: moved("slice", [4, 5], [
    { start: [1, 0], limit: [3, 5], stride: [1, 2] },
    { start: [0, 1], limit: [4, 4], stride: [3, 2] },
    { start: [2, 0], limit: [2, 5], stride: [1, 1] },
  ]),
  pad: moved("pad", [2, 3], [
    { low: [1, 0], high: [0, 2], interior: [0, 0] },
    { low: [0, 1], high: [1, 0], interior: [2, 1] },
  ]),
  concat: [{
    name: "concat of three, two of them related",
    inputs: [spread([2, 1], -1, 1), spread([2, 3], -1, 1, 5)],
    write: (b, [x, y]) => [b.one("concat", [b.apply("sin", x!), b.fill(2, f64(2, 2)), y!, x!], { axis: 1 })],
  }],
  reverse: moved("reverse", [2, 3], [{ axes: [0] }, { axes: [1, 0] }]),
  gather: [
    {
      name: "gather with repeated and outside indices",
      inputs: [spread([2, 4, 3], -1, 1), array("i32", [2, 2], [1, 3, 1, 7])],
      write: (b, [x, i]) => [b.one("gather", [b.apply("mul", x!, x!), i!], { axis: 1, batch: 0 })],
    },
    {
      name: "gather with a batch axis",
      inputs: [spread([2, 3, 4], -1, 1), array("i32", [2, 3], [0, 3, 3, 2, -1, 1])],
      write: (b, [x, i]) => [b.one("gather", [b.apply("mul", x!, x!), i!], { axis: 2, batch: 1 })],
    },
    {
      name: "gather by a scalar index",
      inputs: [spread([3, 4], -1, 1), array("i32", [], [2])],
      write: (b, [x, i]) => [b.one("gather", [b.apply("mul", x!, x!), i!], { axis: 0, batch: 0 })],
    },
  ],
  scatter_add: [
    {
      name: "scatter_add with collisions",
      inputs: [spread([2, 2, 2, 3], -1, 1), array("i32", [2, 2], [1, 3, 1, 7])],
      write: (b, [u, i]) => [b.one("scatter_add", [b.apply("mul", u!, u!), i!], { axis: 1, batch: 0, size: 4 })],
    },
    {
      name: "scatter_add with a batch axis",
      inputs: [spread([2, 3, 2], -1, 1), array("i32", [2, 3], [0, 3, 3, 2, -1, 1])],
      write: (b, [u, i]) => [b.one("scatter_add", [b.apply("mul", u!, u!), i!], { axis: 1, batch: 1, size: 4 })],
    },
  ],
  dot_general: [
    contraction([2, 3], [3, 4], { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] }),
    contraction([3, 2], [4, 3], { contractLeft: [0], contractRight: [1], batchLeft: [], batchRight: [] }),
    contraction([2, 3, 4], [4, 2, 3], { contractLeft: [1, 2], contractRight: [2, 0], batchLeft: [], batchRight: [] }),
    contraction([3, 2, 4], [5, 4, 2], { contractLeft: [2], contractRight: [1], batchLeft: [1], batchRight: [2] }),
    contraction([2, 3, 2], [3, 2, 2], { contractLeft: [], contractRight: [], batchLeft: [1, 0], batchRight: [0, 2] }),
    contraction([3], [3], { contractLeft: [0], contractRight: [0], batchLeft: [], batchRight: [] }),
    contraction([2], [3], { contractLeft: [], contractRight: [], batchLeft: [], batchRight: [] }),
  ],
  conv: [plain, odd, grouped].map((params) => ({
    name: `conv ${readable(params)}`,
    inputs: [spread([2, 2, 4, 5], -1, 1), spread([2, 2 / params.groups, 3, 2], -1, 1, 5)],
    write: (b, [x, filter]) => [b.one("conv", [x!, filter!], params)],
  })),
  conv_input_gradient: [
    { params: { ...plain, inputSize: [4, 5] as const }, y: [2, 4] as const },
    { params: { ...odd, inputSize: [4, 5] as const }, y: [2, 5] as const },
    { params: { ...grouped, inputSize: [4, 5] as const }, y: [2, 3] as const },
  ].map(({ params, y }) => ({
    name: `conv_input_gradient ${readable(params)}`,
    inputs: [spread([2, 2, ...y], -1, 1), spread([2, 2 / params.groups, 3, 2], -1, 1, 5)],
    write: (b, [u, filter]) => [b.one("conv_input_gradient", [u!, filter!], params)],
  })),
  conv_filter_gradient: [
    { params: { ...plain, kernelSize: [3, 2] as const }, y: [2, 4] as const },
    { params: { ...odd, kernelSize: [3, 2] as const }, y: [2, 5] as const },
    { params: { ...grouped, kernelSize: [3, 2] as const }, y: [2, 3] as const },
  ].map(({ params, y }) => ({
    name: `conv_filter_gradient ${readable(params)}`,
    inputs: [spread([2, 2, 4, 5], -1, 1), spread([2, 2, ...y], -1, 1, 5)],
    write: (b, [x, u]) => [b.one("conv_filter_gradient", [x!, u!], params)],
  })),
  solve: [
    {
      name: "solve",
      inputs: [array("f64", [3, 3], [4, 1, 0.5, -1, 3, 0.2, 0.3, -0.7, 5]), spread([3, 2], -1, 1)],
      write: (b, [a, x]) => [b.apply("solve", a!, x!)],
    },
    {
      name: "solve of a batch",
      inputs: [array("f64", [2, 1, 2, 2], [4, 1, 0.5, -3, 3, 0.2, 0.3, 5]), spread([2, 1, 2, 1], -1, 1)],
      write: (b, [a, x]) => [b.apply("solve", a!, x!)],
    },
  ],
  scan: [
    {
      name: "scan of a recurrence",
      inputs: [spread([3, 3], -1, 1), spread([3], -1, 1, 2), spread([4, 3], -1, 1, 3)],
      write: (b, x) => recurrence(b, x, false),
    },
    {
      name: "scan from the last slice to the first",
      inputs: [spread([3, 3], -1, 1), spread([3], -1, 1, 2), spread([4, 3], -1, 1, 3)],
      write: (b, x) => recurrence(b, x, true),
    },
    {
      name: "scan in a scan",
      inputs: [spread([2], 0.2, 1), spread([2, 2], -0.7, 0.7, 3)],
      write: nestedScans,
    },
  ],
  map: [
    { name: "map over tasks", inputs: [spread([3], -1, 1), spread([4, 3], -1, 1, 3)], write: overTasks },
    {
      name: "map in a scan in a map",
      inputs: [spread([2], 0.2, 1), spread([3], -1, 1, 3)],
      write: mapInScanInMap,
    },
  ],
  gradient: [
    {
      name: "gradient inside a scan",
      inputs: [spread([3], -1, 1), array("f64", [], [0.4]), spread([3], 0.5, 2, 4)],
      write: descent,
    },
    {
      name: "gradient nested three deep",
      inputs: [spread([3], 0.2, 0.9), spread([3], 0.5, 1.2, 4)],
      write: nestedGradients,
    },
  ],
};
