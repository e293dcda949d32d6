// Which functions make fewer entries of many? Sums, means, variances, products, extrema and norms over axes, and what holds there.
import { asFloat, broadcastBinary } from "../elaborate/arithmetic.ts";
import {
  axesArg,
  axisArg,
  type Builtin,
  type BuiltinCall,
  flag,
  simple,
  tensor,
  tensorArg,
} from "./builtin_arguments.ts";
import { entriesOf } from "../elaborate/model_tensors.ts";
import { checkedArithmetic, checkedSum } from "../elaborate/integers.ts";
import { errorValue, shapeOf, staticNumber } from "../world/values.ts";
import type { Value } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";

/** A way to make one entry of many. */
interface Reduction {
  /** It computes with floats whatever it is given. */
  readonly floats: boolean;
  /** What is added up, or looked through for the largest; the entries themselves unless said. */
  readonly of?: (b: Builder, x: Variable) => Variable;
  readonly by: "total" | "largest";
  /** What is made of the total of n entries, or of the largest. */
  readonly end?: (b: Builder, result: Variable, n: number) => Variable;
}

/** sum(x); mean: sum(x) / n; max and min: the first of equal entries has all of the slope; norm: sqrt(sum(x^2)), Euclidean, whose slope
 *  at 0 is that of `sqrt`: 0, to every order. */
const ways = {
  sum: { floats: false, by: "total" },
  mean: { floats: true, by: "total", end: (b, sum, n) => b.apply("div", sum, b.fill(n, sum)) },
  max: { floats: false, by: "largest" },
  min: {
    floats: false,
    of: (b, x) => b.apply("neg", x),
    by: "largest",
    end: (b, largest) => b.apply("neg", largest),
  },
  norm: {
    floats: true,
    of: (b, x) => b.one("integer_pow", [x], { exponent: 2 }),
    by: "total",
    end: (b, squares) => b.apply("sqrt", squares),
  },
} as const satisfies Readonly<Record<string, Reduction>>;

/** Ways that look at all entries more than once, or at none but whether they are 0: of a float array, over some axes. */
const others = {
  /** mean((x - mean(x))^2): divided by n. */
  var: (c, x, axes) => spread(c, x, axes),
  /** Its root, whose slope is 0 at 0. */
  std: (c, x, axes) => c.cx.b.apply("sqrt", spread(c, x, axes)),
  prod: (c, x, axes) => product(c, axesJoined(c.cx.b, x, axes)),
  /** NaN is not 0. */
  any: (c, x, axes) => holding(c.cx.b, x, axes),
  all: (c, x, axes) => {
    const { b } = c.cx;
    return b.apply("not", holding(b, b.apply("not", truth(b, x)), axes));
  },
} as const satisfies Readonly<Record<string, (c: BuiltinCall, x: Variable, axes: readonly number[]) => Variable>>;

function spread(c: BuiltinCall, x: Variable, axes: readonly number[]): Variable {
  const { b } = c.cx;
  const mean = (v: Variable) => {
    const sum = b.sum(v, axes);
    return b.apply("div", sum, b.fill(axes.reduce((n, axis) => n * x.shape[axis]!, 1), sum));
  };
  const kept = b.reshape(mean(x), x.shape.map((size, i) => axes.includes(i) ? 1 : size));
  return mean(b.one("integer_pow", [b.apply("sub", x, b.broadcastTo(kept, x.shape))], { exponent: 2 }));
}

/** The axes that are named as one, the last. */
function axesJoined(b: Builder, x: Variable, axes: readonly number[]): Variable {
  const rest = x.shape.map((_, i) => i).filter((i) => !axes.includes(i));
  const moved = b.one("transpose", [x], { permutation: [...rest, ...axes] });
  const size = axes.reduce((n, axis) => n * x.shape[axis]!, 1);
  return b.reshape(moved, [...rest.map((i) => x.shape[i]!), size]);
}

/** The product along the last axis, by halves: no division, so that its derivatives are right where entries are 0. */
function product(c: BuiltinCall, x: Variable): Variable {
  const { b } = c.cx;
  const lead = x.shape.slice(0, -1);
  const part = (v: Variable, from: number, to: number) =>
    b.one("slice", [v], { start: [...lead.map(() => 0), from], limit: [...lead, to], stride: v.shape.map(() => 1) });
  let now = x;
  for (let n = x.shape.at(-1)!; n > 1; n = Math.ceil(n / 2)) {
    const half = Math.floor(n / 2);
    const factors = [part(now, 0, half), part(now, half, 2 * half)] as const;
    const products = x.dtype === "i32"
      ? checkedArithmetic(c.cx, "mul", factors, c.call.span)
      : b.apply("mul", ...factors);
    now = n === 2 * half ? products : b.one("concat", [products, part(now, n - 1, n)], { axis: lead.length });
  }
  return b.reshape(now, lead);
}

const truth = (b: Builder, x: Variable) => x.dtype === "bool" ? x : b.convert(x, "bool");

/** Whether one of the entries is not 0. */
function holding(b: Builder, x: Variable, axes: readonly number[]): Variable {
  return b.convert(b.one("reduce_max", [b.convert(truth(b, x), "i32")], { axes }), "bool");
}

/** The total or the largest over some axes, before the end. */
function reduced(c: BuiltinCall, { of, by }: Reduction, x: Variable, axes: readonly number[]): Variable {
  const { b } = c.cx;
  const entries = of ? of(b, x) : x;
  if (by === "largest") return b.one("reduce_max", [entries], { axes });
  return entries.dtype === "i32" ? checkedSum(c.cx, entries, axes, c.call.span) : b.sum(entries, axes);
}

/** An array as it is reduced. */
function prepared(c: BuiltinCall, { floats }: Reduction, x: TensorValue): TensorValue {
  return floats || x.variable.dtype === "bool" ? asFloat(c.cx, x) : x;
}

/** Over all axes or those that are named. */
function reduction(name: keyof typeof ways): Builtin["apply"] {
  const way: Reduction = ways[name];
  return overAxes((c, x) => prepared(c, way, x), (c, x, axes) => {
    const n = axes.reduce((product, axis) => product * x.shape[axis]!, 1);
    const made = reduced(c, way, x, axes);
    return way.end ? way.end(c.cx.b, made, n) : made;
  });
}

/** Reads the axes, all of them unless said, and puts them back as 1 where they are kept. */
function overAxes(
  prepare: (c: BuiltinCall, x: TensorValue) => TensorValue,
  make: (c: BuiltinCall, x: Variable, axes: readonly number[]) => Variable,
): Builtin["apply"] {
  return (c) => {
    const { b } = c.cx;
    const given = tensorArg(c, 0);
    if (!given) return errorValue;
    const x = prepare(c, given);
    const axisValue = c.named.get("axis");
    const axes = axisValue ? axesArg(c, axisValue, x) : allAxes(x);
    if (axes === undefined) return errorValue;
    const result = make(c, x.variable, axes);
    if (flag(c.named.get("keep"))) {
      const dims = x.dims.map((d, i) => axes.includes(i) ? { size: 1 } : d);
      return tensor(b.reshape(result, shapeOf(dims)), dims);
    }
    return tensor(result, x.dims.filter((_, i) => !axes.includes(i)));
  };
}

const allAxes = (x: TensorValue) => x.dims.map((_, i) => i);

/** Over all entries of all tensors of a model: totals in the order of the declarations; the largest is the first of equal ones. */
export function wholeReduction(name: keyof typeof ways): NonNullable<Builtin["whole"]> {
  const way: Reduction = ways[name];
  return (c, [model]) => {
    const { b } = c.cx;
    const each = model!.tensors.map(({ value }) => {
      const x = prepared(c, way, value);
      return reduced(c, way, x.variable, allAxes(x));
    });
    const one = each.length === 1 ? each[0]! : way.by === "total" ? added(c, each) : largestOf(b, each);
    return one ? tensor(way.end ? way.end(b, one, entriesOf(model!)) : one, []) : errorValue;
  };
}

/** Scalars added up one after the other; undefined when wrong (reported). */
function added(c: BuiltinCall, [first, ...others]: readonly Variable[]): Variable | undefined {
  let sum = first!;
  for (const part of others) {
    const next = broadcastBinary(c.cx, "add", tensor(sum, []), tensor(part, []), c.call.span);
    if (next.kind === "error") return undefined;
    sum = next.variable;
  }
  return sum;
}

/** The largest of scalars, the first of equal ones with all of the slope. */
function largestOf(b: Builder, scalars: readonly Variable[]): Variable {
  const row = b.one("concat", scalars.map((x) => b.reshape(x, [1])), { axis: 0 });
  return b.one("reduce_max", [row], { axes: [0] });
}

function reducing(name: keyof typeof ways): Builtin {
  return { ...simple(name, [1, 1], reduction(name), ["axis", "keep"]), whole: wholeReduction(name), reduces: true };
}

function further(name: keyof typeof others): Builtin {
  const given: (c: BuiltinCall, x: TensorValue) => TensorValue = name === "var" || name === "std"
    ? (c, x) => asFloat(c.cx, x)
    : name === "prod"
    ? (c, x) => x.variable.dtype === "bool" ? asFloat(c.cx, x) : x
    : (_, x) => x;
  return { ...simple(name, [1, 1], overAxes(given, others[name]), ["axis", "keep"]), reduces: true };
}

/** `max(x)`, `max(x, axis = -1)` reduce; `max(a, b)` is elementwise. */
function extremum(name: "max" | "min"): Builtin {
  const compute = name === "max" ? Math.max : Math.min;
  return {
    name,
    arity: [1, 2],
    named: ["axis", "keep"],
    entrywise: true,
    reduces: true,
    whole: wholeReduction(name),
    apply: (c) => {
      if (c.args.length === 1) return reduction(name)(c);
      const [a, d] = c.args as [Value, Value];
      if (a.kind === "static" && d.kind === "static") return staticNumber(compute(a.value, d.value));
      const x = tensorArg(c, 0);
      const y = tensorArg(c, 1);
      return x && y ? broadcastBinary(c.cx, name, x, y, c.call.span) : errorValue;
    },
  };
}

/** The builtins of this file. */
export const reductions: readonly Builtin[] = [
  reducing("sum"),
  reducing("mean"),
  extremum("max"),
  extremum("min"),
  reducing("norm"),
  further("var"),
  further("std"),
  further("prod"),
  further("any"),
  further("all"),
  simple("argmax", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    const axis = x && axisArg(c, c.named.get("axis") ?? staticNumber(-1), x);
    if (!x || axis === undefined) return errorValue;
    return tensor(c.cx.b.one("argmax", [x.variable], { axis }), x.dims.filter((_, i) => i !== axis));
  }, ["axis"]),
];
