// Where does a result in 32 bits differ from the exact one? Told with 32 bits, which every backend has.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";

/** Bytes whose sum an int holds. */
export const mostSummed = 2 ** 23;

/** The operators, and where (bool) the result r in 32 bits of two numbers from -largestInt to largestInt is not the exact one. */
export const arithmetic = {
  add: {
    sign: "+",
    wrapped: (b: Builder, r: Variable, x: Variable, y: Variable) => onWrongSide(b, r, x, y, "lt", "gt"),
  },
  sub: {
    sign: "-",
    wrapped: (b: Builder, r: Variable, x: Variable, y: Variable) => onWrongSide(b, r, x, y, "gt", "lt"),
  },
  mul: {
    sign: "*",
    wrapped: (b: Builder, r: Variable, x: Variable, y: Variable) => {
      // r / y is x; times 0 and -1 nothing wraps, and these do not divide
      const easy = b.apply("or", b.apply("eq", y, b.fill(0, y)), b.apply("eq", y, b.fill(-1, y)));
      const quotient = b.apply("div", r, b.apply("select", easy, b.fill(1, y), y));
      return b.apply("and", b.apply("not", easy), b.apply("ne", quotient, x));
    },
  },
} as const;

/** The result of adding or subtracting lies on the wrong side of x, y being at least 0 or not. */
function onWrongSide(b: Builder, r: Variable, x: Variable, y: Variable, up: "lt" | "gt", down: "lt" | "gt"): Variable {
  return b.apply("select", b.apply("ge", y, b.fill(0, y)), b.apply(up, r, x), b.apply(down, r, x));
}

/** Where a sum of `mostSummed` integers at most is none of 32 bits: the sums of their bytes, the last with a sign, and carries. */
export function wrappedSum(b: Builder, x: Variable, sum: (v: Variable) => Variable): Variable {
  const byte = (v: Variable, k: number) => {
    const shifted = k === 0 ? v : b.apply("shift_right", v, b.fill(8 * k, v));
    return b.apply("and", shifted, b.fill(255, v));
  };
  const top = byte(x, 3);
  const signed = b.apply("select", b.apply("ge", top, b.fill(128, top)), b.apply("sub", top, b.fill(256, top)), top);
  const sums = [byte(x, 0), byte(x, 1), byte(x, 2), signed].map(sum);
  const last = sums.reduce((below, own) => b.apply("add", own, b.apply("shift_right", below, b.fill(8, own))));
  return b.apply("or", b.apply("lt", last, b.fill(-128, last)), b.apply("gt", last, b.fill(127, last)));
}
