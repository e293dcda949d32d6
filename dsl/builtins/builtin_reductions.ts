// Which functions make fewer entries of many? Sums, means, extrema and norms over axes.
import { asFloat, broadcastBinary } from "../elaborate/arithmetic.ts";
import { axesArg, axisArg, type Builtin, flag, simple, tensor, tensorArg } from "./builtin_arguments.ts";
import { checkedSum } from "../elaborate/integers.ts";
import { errorValue, shapeOf, staticNumber } from "../world/values.ts";
import type { Context, Value } from "../world/world.ts";
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type { Span } from "../text/source.ts";

/** A way to make one entry of many: what is made of them, and what then of that and their number n. */
interface Reduction {
  /** It computes with floats whatever it is given. */
  readonly floats: boolean;
  readonly part: (cx: Context, x: Variable, axes: readonly number[], span: Span) => Variable;
  readonly end?: (b: Builder, result: Variable, n: number) => Variable;
}

const total: Reduction["part"] = (cx, x, axes, span) =>
  x.dtype === "i32" ? checkedSum(cx, x, axes, span) : cx.b.sum(x, axes);
const largest: Reduction["part"] = ({ b }, x, axes) => b.one("reduce_max", [x], { axes });

/** sum(x); mean: sum(x) / n; max and min: the first of equal entries has all of the slope; norm: sqrt(sum(x^2)), Euclidean, whose slope
 *  at 0 is that of `sqrt`: 0, to every order. */
const ways = {
  sum: { floats: false, part: total },
  mean: { floats: true, part: total, end: (b, sum, n) => b.apply("div", sum, b.fill(n, sum)) },
  max: { floats: false, part: largest },
  min: {
    floats: false,
    part: (cx, x, axes, span) => largest(cx, cx.b.apply("neg", x), axes, span),
    end: (b, result) => b.apply("neg", result),
  },
  norm: {
    floats: true,
    part: (cx, x, axes, span) => total(cx, cx.b.one("integer_pow", [x], { exponent: 2 }), axes, span),
    end: (b, squares) => b.apply("sqrt", squares),
  },
} as const satisfies Readonly<Record<string, Reduction>>;

/** Over all axes or those that are named. */
function reduction(name: keyof typeof ways): Builtin["apply"] {
  const { floats, part, end }: Reduction = ways[name];
  return (c) => {
    const { b } = c.cx;
    const given = tensorArg(c, 0);
    if (!given) return errorValue;
    const x = floats || given.variable.dtype === "bool" ? asFloat(c.cx, given) : given;
    const axisValue = c.named.get("axis");
    const axes = axisValue ? axesArg(c, axisValue, x) : x.dims.map((_, i) => i);
    if (axes === undefined) return errorValue;
    const n = axes.reduce((product, axis) => product * x.dims[axis]!.size, 1);
    const made = part(c.cx, x.variable, axes, c.call.span);
    const result = end ? end(b, made, n) : made;
    if (flag(c.named.get("keep"))) {
      const dims = x.dims.map((d, i) => axes.includes(i) ? { size: 1 } : d);
      return tensor(b.reshape(result, shapeOf(dims)), dims);
    }
    return tensor(result, x.dims.filter((_, i) => !axes.includes(i)));
  };
}

/** `max(x)`, `max(x, axis = -1)` reduce; `max(a, b)` is elementwise. */
function extremum(name: "max" | "min"): Builtin {
  const compute = name === "max" ? Math.max : Math.min;
  return {
    name,
    arity: [1, 2],
    named: ["axis", "keep"],
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
  simple("sum", [1, 1], reduction("sum"), ["axis", "keep"]),
  simple("mean", [1, 1], reduction("mean"), ["axis", "keep"]),
  extremum("max"),
  extremum("min"),
  simple("norm", [1, 1], reduction("norm"), ["axis", "keep"]),
  simple("argmax", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    const axis = x && axisArg(c, c.named.get("axis") ?? staticNumber(-1), x);
    if (!x || axis === undefined) return errorValue;
    return tensor(c.cx.b.one("argmax", [x.variable], { axis }), x.dims.filter((_, i) => i !== axis));
  }, ["axis"]),
];
