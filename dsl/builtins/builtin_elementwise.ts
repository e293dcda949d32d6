// Which functions act entry by entry? One primitive each, broadcasting as the operators do.
import type { Builder, ParameterlessPrimitive } from "../../runtime/ir/builder.ts";
import { asFloat, broadcastBinary, broadcastDims } from "../elaborate/arithmetic.ts";
import { type Builtin, type BuiltinCall, entryByEntry, floatArg, tensor, tensorArg } from "./builtin_arguments.ts";
import { fail } from "../world/report.ts";
import { errorValue, formatDims, namedSizes, numbersOf, shapeOf, staticNumber } from "../world/values.ts";
import type { Value } from "../world/world.ts";
import type { ErrorValue, TensorValue } from "../world/value_kinds.ts";
import { floatsOfInts } from "../elaborate/integers.ts";
import { largestInt, type Variable } from "../../runtime/ir/types.ts";

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
  if (
    x.variable.dtype !== y.variable.dtype || x.variable.dtype === "bool" || a.kind === "static" && d.kind === "static"
  ) {
    x = asFloat(c.cx, x);
    y = asFloat(c.cx, y);
  }
  return selected(c, test, x, y);
}

/** x where the test holds, else y, of one type, broadcast. */
function selected(c: BuiltinCall, test: TensorValue, x: TensorValue, y: TensorValue): TensorValue | ErrorValue {
  const { b } = c.cx;
  const inner = broadcastDims(x.dims, y.dims);
  const dims = inner && broadcastDims(test.dims, inner);
  if (!dims) {
    return fail(c.cx, {
      code: "M0301",
      title: `${formatDims(test.dims)}, ${formatDims(x.dims)} and ${
        formatDims(y.dims)
      } do not fit together in \`${c.name}\``,
      at: c.call.span,
      secondary: [0, 1, 2].map((i) => ({ span: c.at(i), message: formatDims([test, x, y][i]!.dims) })),
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

/** Whole numbers, cut towards 0: what 32 bits hold, else an error. */
function toInt(c: BuiltinCall): Value {
  const [value] = c.args as [Value];
  if (value.kind === "static" && Math.abs(value.value) < 2 ** 31) {
    return staticNumber(Math.trunc(value.value) || 0, "int");
  }
  const beyond = numbersOf(value).find((n) => !(Math.abs(n) < 2 ** 31));
  if (beyond !== undefined) {
    return fail(c.cx, {
      code: "M0314",
      title: `The argument of \`int\` is ${beyond}, outside ${-largestInt} .. ${largestInt}`,
      at: c.at(0),
      notes: ["An int has 32 bits"],
    });
  }
  const x = tensorArg(c, 0);
  if (!x) return errorValue;
  const { b } = c.cx;
  if (x.variable.dtype === "i32") return x;
  const own = x.variable.dtype === "bool" ? x.variable : floatsOfInts(c.cx, x.variable, c.at(0));
  return tensor(b.convert(own, "i32"), x.dims);
}

/** The nearest whole number, of two the even one: floor(x), and 1 more where what is left of x is beyond a half. */
function nearest(b: Builder, x: Variable): Variable {
  const below = b.apply("floor", x);
  const rest = b.apply("sub", x, below);
  const half = b.fill(0.5, x);
  const odd = b.apply("ne", b.apply("floor", b.apply("mul", below, half)), b.apply("mul", below, half));
  const up = b.apply("or", b.apply("gt", rest, half), b.apply("and", b.apply("eq", rest, half), odd));
  return b.apply("add", below, b.convert(up, x.dtype));
}

/** As IEEE 754 rounds: half to even. */
function roundedNumber(x: number): number {
  const below = Math.floor(x);
  const rest = x - below;
  return rest > 0.5 || rest === 0.5 && below % 2 !== 0 ? below + 1 : below;
}

/** x, moved to the nearest number of low .. high, with slope 1 on the closed range. */
function clip(c: BuiltinCall): Value {
  const [value, low, high] = c.args as [Value, Value, Value];
  if (low.kind === "static" && high.kind === "static") {
    if (!(low.value <= high.value)) {
      return fail(c.cx, {
        code: "M0304",
        title: `There is no number in ${low.value} .. ${high.value}`,
        at: c.at(1),
        secondary: [{ span: c.at(2), message: "the upper end" }],
      });
    }
    if (value.kind === "static") {
      const type = [value, low, high].every((v) => v.type === "int") ? "int" : "float";
      return staticNumber(Math.min(Math.max(value.value, low.value), high.value), type);
    }
  }
  const parts = [0, 1, 2].map((i) => tensorArg(c, i));
  if (parts.some((part) => !part)) return errorValue;
  const given = parts as TensorValue[];
  const whole = given.every((part) => part.variable.dtype === "i32");
  const [x, least, most] = given.map((part) => whole ? part : asFloat(c.cx, part)) as [
    TensorValue,
    TensorValue,
    TensorValue,
  ];
  const below = broadcastBinary(c.cx, "lt", x, least, c.call.span);
  if (below.kind === "error") return below;
  const raised = selected(c, below, least, x);
  if (raised.kind !== "tensor") return raised;
  const above = broadcastBinary(c.cx, "gt", x, most, c.call.span);
  return above.kind === "error" ? above : selected(c, above, most, raised);
}

/** The builtins of this file. */
export const elementwise: readonly Builtin[] = [
  entryByEntry("int", [1, 1], toInt),
  entryByEntry("round", [1, 1], (c) => {
    const [value] = c.args as [Value];
    if (value.kind === "static") return staticNumber(roundedNumber(value.value), "float");
    const x = floatArg(c, 0);
    return x ? tensor(nearest(c.cx.b, x.variable), x.dims) : errorValue;
  }),
  entryByEntry("clip", [3, 3], clip),
  /** Neither infinite nor NaN. */
  entryByEntry("isfinite", [1, 1], (c) => {
    const [value] = c.args as [Value];
    if (value.kind === "static") return staticNumber(Number.isFinite(value.value) ? 1 : 0, "bool");
    const x = floatArg(c, 0);
    if (!x) return errorValue;
    const { b } = c.cx;
    return tensor(b.apply("lt", b.apply("abs", x.variable), b.fill(Infinity, x.variable)), x.dims);
  }),
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
