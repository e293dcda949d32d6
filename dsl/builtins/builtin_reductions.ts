// Which functions make fewer entries of many? Sums, means, extrema and norms over axes.
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
import { checkedSum } from "../elaborate/integers.ts";
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
  return (c) => {
    const { b } = c.cx;
    const given = tensorArg(c, 0);
    if (!given) return errorValue;
    const x = prepared(c, way, given);
    const axisValue = c.named.get("axis");
    const axes = axisValue ? axesArg(c, axisValue, x) : allAxes(x);
    if (axes === undefined) return errorValue;
    const n = axes.reduce((product, axis) => product * x.dims[axis]!.size, 1);
    const made = reduced(c, way, x.variable, axes);
    const result = way.end ? way.end(b, made, n) : made;
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
  return { ...simple(name, [1, 1], reduction(name), ["axis", "keep"]), whole: wholeReduction(name) };
}

/** `max(x)`, `max(x, axis = -1)` reduce; `max(a, b)` is elementwise. */
function extremum(name: "max" | "min"): Builtin {
  const compute = name === "max" ? Math.max : Math.min;
  return {
    name,
    arity: [1, 2],
    named: ["axis", "keep"],
    entrywise: true,
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
  simple("argmax", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    const axis = x && axisArg(c, c.named.get("axis") ?? staticNumber(-1), x);
    if (!x || axis === undefined) return errorValue;
    return tensor(c.cx.b.one("argmax", [x.variable], { axis }), x.dims.filter((_, i) => i !== axis));
  }, ["axis"]),
];
