// Which functions act entry by entry? One primitive each, broadcasting as the operators do.
import type { ParameterlessPrimitive } from "../../runtime/ir/builder.ts";
import { asFloat, broadcastBinary, broadcastDims } from "../elaborate/arithmetic.ts";
import { type Builtin, type BuiltinCall, entryByEntry, floatArg, tensor, tensorArg } from "./builtin_arguments.ts";
import { fail } from "../world/report.ts";
import { errorValue, formatDims, namedSizes, shapeOf, staticNumber } from "../world/values.ts";
import type { Value } from "../world/world.ts";

function unary(name: string, op: ParameterlessPrimitive, compute: (x: number) => number): Builtin {
  return entryByEntry(name, [1, 1], (c) => {
    const [value] = c.args as [Value];
    if (value.kind === "static") return staticNumber(compute(value.value), "float");
    const x = op === "abs" || op === "sign" ? tensorArg(c, 0) : floatArg(c, 0);
    if (!x) return errorValue;
    const input = x.variable.dtype === "bool" ? asFloat(c.cx, x) : x;
    return tensor(c.cx.b.apply(op, input.variable), x.dims);
  });
}

function where(c: BuiltinCall): Value {
  const [condition, a, d] = c.args as [Value, Value, Value];
  if (condition.kind === "static") return condition.value !== 0 ? a : d;
  const test = tensorArg(c, 0);
  let x = tensorArg(c, 1);
  let y = tensorArg(c, 2);
  if (!test || !x || !y) return errorValue;
  const { b } = c.cx;
  if (
    x.variable.dtype !== y.variable.dtype || x.variable.dtype === "bool" || a.kind === "static" && d.kind === "static"
  ) {
    x = asFloat(c.cx, x);
    y = asFloat(c.cx, y);
  }
  const inner = broadcastDims(x.dims, y.dims);
  const dims = inner && broadcastDims(test.dims, inner);
  if (!dims) {
    return fail(c.cx, {
      code: "M0301",
      title: `${formatDims(test.dims)}, ${formatDims(x.dims)} and ${
        formatDims(y.dims)
      } do not fit together in \`where\``,
      at: c.call.span,
      secondary: [0, 1, 2].map((i) => ({ span: c.at(i), message: formatDims([test, x!, y!][i]!.dims) })),
      sizes: namedSizes(test.dims, x.dims, y.dims),
    });
  }
  const shape = shapeOf(dims);
  const flagged = test.variable.dtype === "bool" ? test.variable : b.convert(test.variable, "bool");
  return tensor(
    b.apply(
      "select",
      b.broadcastTo(flagged, shape),
      b.broadcastTo(x.variable, shape),
      b.broadcastTo(y.variable, shape),
    ),
    dims,
  );
}

/** The builtins of this file. */
export const elementwise: readonly Builtin[] = [
  /** The smallest whole number that is not below x; the derivative is 0. */
  entryByEntry("ceil", [1, 1], (c) => {
    const [value] = c.args as [Value];
    if (value.kind === "static") return staticNumber(Math.ceil(value.value), "float");
    const x = floatArg(c, 0);
    if (!x) return errorValue;
    const { b } = c.cx;
    return tensor(b.apply("neg", b.apply("floor", b.apply("neg", x.variable))), x.dims);
  }),
  unary("exp", "exp", Math.exp),
  unary("expm1", "expm1", Math.expm1),
  unary("log", "log", Math.log),
  unary("log1p", "log1p", Math.log1p),
  unary("sin", "sin", Math.sin),
  unary("cos", "cos", Math.cos),
  unary("tanh", "tanh", Math.tanh),
  unary("sigmoid", "logistic", (x) => 1 / (1 + Math.exp(-x))),
  unary("sqrt", "sqrt", Math.sqrt),
  unary("abs", "abs", Math.abs),
  unary("sign", "sign", Math.sign),
  unary("floor", "floor", Math.floor),
  entryByEntry("erf", [1, 1], (c) => {
    const x = floatArg(c, 0);
    return x ? tensor(c.cx.b.apply("erf", x.variable), x.dims) : errorValue;
  }),
  /** 1 where x > 0, else 0; the derivative is 0. */
  entryByEntry("step", [1, 1], (c) => {
    const x = tensorArg(c, 0);
    if (!x) return errorValue;
    const { b } = c.cx;
    const positive = b.apply("gt", x.variable, b.fill(0, x.variable));
    return tensor(b.convert(positive, c.cx.elaboration.precision), x.dims);
  }),
  entryByEntry("mod", [2, 2], (c) => {
    const x = tensorArg(c, 0);
    const y = tensorArg(c, 1);
    return x && y ? broadcastBinary(c.cx, "mod", x, y, c.call.span) : errorValue;
  }),
  entryByEntry("where", [3, 3], where),
];
