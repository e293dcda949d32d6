// Derivatives of the elementwise arithmetic and transcendental primitives, with the conventions at their kinks.
// Whatever does not depend on a tangent is computed on the primal side, so that the linear side stays one product long.
import type { Builder, ParameterlessPrimitive } from "../ir/builder.ts";
import type { Elementwise, Variable } from "../ir/types.ts";
import { addTangents, type JvpRule, materialize, type Tangent } from "./tangent.ts";

const fill = (b: Builder, value: number, like: Variable) => b.fill(value, like);
const mul = (b: Builder, x: Variable, y: Variable) => b.apply("mul", x, y);
const neg = (b: Builder, x: Variable) => b.apply("neg", x);
const scale = (b: Builder, value: number, x: Variable) => mul(b, x, fill(b, value, x));

/** y = f(x) with dy = f'(x) dx; `slope` writes f'(x). */
function unary<P extends ParameterlessPrimitive>(
  op: P,
  slope: (b: Builder, x: Variable, y: Variable) => Variable,
): JvpRule<P> {
  return ({ b, inputs, tangents, params }) => {
    const [x] = inputs as [Variable];
    const y = b.one(op, inputs, params);
    return { outputs: [y], tangents: [tangents[0] && mul(b, tangents[0], slope(b, x, y))] };
  };
}

/** y = f(x) with dy = dx / g(x): one division either way, and no reciprocal to keep. */
function quotient<P extends ParameterlessPrimitive>(op: P, divisor: (b: Builder, x: Variable) => Variable): JvpRule<P> {
  return ({ b, inputs, tangents, params }) => {
    const [x] = inputs as [Variable];
    const [t] = tangents;
    return { outputs: b.emit(op, inputs, params), tangents: [t && b.apply("div", t, divisor(b, x))] };
  };
}

/** z = f(x, y); `tangent` writes dz. */
function binary<P extends ParameterlessPrimitive>(
  op: P,
  tangent: (b: Builder, x: Variable, y: Variable, z: Variable, dx: Tangent, dy: Tangent) => Tangent,
): JvpRule<P> {
  return ({ b, inputs, tangents, params }) => {
    const [x, y] = inputs as [Variable, Variable];
    const z = b.one(op, inputs, params);
    return { outputs: [z], tangents: [tangent(b, x, y, z, tangents[0], tangents[1])] };
  };
}

/** sqrt' = 1 / (2 y), and 0 at x = 0. The divisor is replaced there too, not only the quotient: a derivative of this
 *  derivative would otherwise meet 0 * infinity. */
function squareRootSlope(b: Builder, x: Variable, y: Variable): Variable {
  const atZero = b.apply("eq", x, fill(b, 0, x));
  const safe = b.apply("select", atZero, fill(b, 1, y), y);
  return b.apply("select", atZero, fill(b, 0, y), b.apply("div", fill(b, 0.5, y), safe));
}

/** d x^y / dx = y x^(y-1), and 0 where y = 0, as there x^-1 may be infinite, and at x = 0 where 0 < y < 1, as of the square
 *  root. As there, the base is replaced, too: derivatives of this derivative would be infinite. */
function powerSlopeInBase(b: Builder, x: Variable, y: Variable): Variable {
  const constant = b.apply("eq", y, fill(b, 0, y));
  const rootLike = b.apply("and", b.apply("gt", y, fill(b, 0, y)), b.apply("lt", y, fill(b, 1, y)));
  const cusp = b.apply("and", b.apply("eq", x, fill(b, 0, x)), rootLike);
  const base = b.apply("select", cusp, fill(b, 1, x), x);
  const exponent = b.apply("select", constant, fill(b, 1, y), y);
  const slope = mul(b, exponent, b.apply("pow", base, b.apply("sub", exponent, fill(b, 1, y))));
  return b.apply("select", b.apply("or", constant, cusp), fill(b, 0, y), slope);
}

/** d x^y / dy = x^y log x, and 0 where x <= 0: 1 stands in for such an x, and log 1 = 0. The power is written again from
 *  the stand-in, because derivatives of x^y itself may be infinite there. */
function powerSlopeInExponent(b: Builder, x: Variable, y: Variable): Variable {
  const safe = b.apply("select", b.apply("gt", x, fill(b, 0, x)), x, fill(b, 1, x));
  return mul(b, b.apply("pow", safe, y), b.apply("log", safe));
}

/** Two equal numbers move the result by half of each. Where the first wins, `first` compares true. */
function choice<P extends "max" | "min">(op: P, first: "gt" | "lt"): JvpRule<P> {
  return binary(op, (b, x, y, _z, dx, dy) => {
    const both = addTangents(b, dx, dy);
    const half = both && scale(b, 0.5, both);
    const otherwise = b.apply("select", b.apply("eq", x, y), materialize(b, half, y), materialize(b, dy, y));
    return b.apply("select", b.apply(first, x, y), materialize(b, dx, x), otherwise);
  });
}

/** Rules of the elementwise family. */
export const elementwiseJvpRules = {
  neg: ({ b, inputs, tangents }) => ({
    outputs: [neg(b, inputs[0]!)],
    tangents: [tangents[0] && neg(b, tangents[0])],
  }),
  // sign(0) = 0 makes abs'(0) = 0
  abs: unary("abs", (b, x) => b.apply("sign", x)),
  exp: unary("exp", (_b, _x, y) => y),
  expm1: unary("expm1", (b, _x, y) => b.apply("add", y, fill(b, 1, y))),
  log: quotient("log", (_b, x) => x),
  log1p: quotient("log1p", (b, x) => b.apply("add", x, fill(b, 1, x))),
  sin: unary("sin", (b, x) => b.apply("cos", x)),
  cos: unary("cos", (b, x) => neg(b, b.apply("sin", x))),
  tanh: unary("tanh", (b, _x, y) => b.apply("sub", fill(b, 1, y), mul(b, y, y))),
  logistic: unary("logistic", (b, _x, y) => mul(b, y, b.apply("sub", fill(b, 1, y), y))),
  sqrt: unary("sqrt", squareRootSlope),
  // erf' = 2 / sqrt(pi) exp(-x^2)
  erf: unary("erf", (b, x) => scale(b, 2 / Math.sqrt(Math.PI), b.apply("exp", neg(b, mul(b, x, x))))),
  // erf_inv' = sqrt(pi) / 2 exp(erf_inv(x)^2)
  erf_inv: unary("erf_inv", (b, _x, y) => scale(b, Math.sqrt(Math.PI) / 2, b.apply("exp", mul(b, y, y)))),
  integer_pow: ({ b, inputs, tangents, params: { exponent } }) => {
    const [x] = inputs as [Variable];
    const outputs = b.emit("integer_pow", inputs, { exponent });
    const [t] = tangents;
    if (!t || exponent === 0) return { outputs, tangents: [undefined] };
    const slope = scale(b, exponent, b.one("integer_pow", [x], { exponent: exponent - 1 }));
    return { outputs, tangents: [mul(b, t, slope)] };
  },
  add: binary("add", (b, _x, _y, _z, dx, dy) => addTangents(b, dx, dy)),
  sub: binary("sub", (b, _x, _y, _z, dx, dy) => dx && dy ? b.apply("sub", dx, dy) : dx ?? (dy && neg(b, dy))),
  mul: binary("mul", (b, x, y, _z, dx, dy) => addTangents(b, dx && mul(b, dx, y), dy && mul(b, dy, x))),
  // z = x / y: dz = (dx - z dy) / y
  div: binary("div", (b, _x, y, z, dx, dy) => {
    if (!dy) return dx && b.apply("div", dx, y);
    if (!dx) return mul(b, dy, neg(b, b.apply("div", z, y)));
    return b.apply("div", b.apply("sub", dx, mul(b, dy, z)), y);
  }),
  // z = x - y k with the whole number k = (x - z) / y: rounded, because floor(x / y) may miss it by one
  mod: binary("mod", (b, x, y, z, dx, dy) => {
    const quotient = () => {
      const near = b.apply("add", b.apply("div", b.apply("sub", x, z), y), fill(b, 0.5, y));
      return neg(b, b.apply("floor", near));
    };
    return addTangents(b, dx, dy && mul(b, dy, quotient()));
  }),
  pow: binary("pow", (b, x, y, _z, dx, dy) =>
    addTangents(
      b,
      dx && mul(b, dx, powerSlopeInBase(b, x, y)),
      dy && mul(b, dy, powerSlopeInExponent(b, x, y)),
    )),
  max: choice("max", "gt"),
  min: choice("min", "lt"),
} satisfies { readonly [P in Elementwise]?: JvpRule<P> };
