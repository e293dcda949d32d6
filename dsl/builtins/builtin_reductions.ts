// Which functions make fewer entries of many? Sums, means and extrema over axes.
import { asFloat, broadcastBinary } from "../elaborate/arithmetic.ts";
import { axesArg, axisArg, type Builtin, flag, simple, tensor, tensorArg } from "./builtin_arguments.ts";
import { checkedSum } from "../elaborate/integers.ts";
import { errorValue, shapeOf, staticNumber } from "../world/values.ts";
import type { Value } from "../world/world.ts";

function reduction(name: "sum" | "mean" | "max" | "min"): Builtin["apply"] {
  return (c) => {
    const { b } = c.cx;
    const given = tensorArg(c, 0);
    if (!given) return errorValue;
    const x = name === "mean" || given.variable.dtype === "bool" ? asFloat(c.cx, given) : given;
    const axisValue = c.named.get("axis");
    const axes = axisValue ? axesArg(c, axisValue, x) : x.dims.map((_, i) => i);
    if (axes === undefined) return errorValue;
    const n = axes.reduce((product, axis) => product * x.dims[axis]!.size, 1);
    let result = x.variable;
    if (name === "min") result = b.apply("neg", b.one("reduce_max", [b.apply("neg", result)], { axes }));
    else if (name === "max") result = b.one("reduce_max", [result], { axes });
    else if (result.dtype === "i32") result = checkedSum(c.cx, result, axes, c.call.span);
    else result = b.sum(result, axes);
    if (name === "mean") result = b.apply("div", result, b.fill(n, result));
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
  simple("argmax", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    const axis = x && axisArg(c, c.named.get("axis") ?? staticNumber(-1), x);
    if (!x || axis === undefined) return errorValue;
    return tensor(c.cx.b.one("argmax", [x.variable], { axis }), x.dims.filter((_, i) => i !== axis));
  }, ["axis"]),
];
