// How are the transcendental functions computed on vectors? By reduction to a small range and polynomials there. Errors, measured
// in tests/runtime/wasm_math_test.ts, are stated in docs/backends.md. Two sources: fdlibm (Sun Microsystems, 1993) for the
// coefficients of log, sin, cos and erf; Wichura, AS 241 (1988) for the inverse of erf. exp is its own Taylor series.
import type { CodeWriter, FunctionType, ModuleWriter, ValueType, VectorInstruction } from "./encoder.ts";
import { erfInverse, erfParts } from "./math_erf.ts";
import type { ConstantPool } from "./pool.ts";
import { repeated } from "./operations.ts";

/** Functions of one vector, or of two (`mod`, `pow`). */
export type MathName =
  | "exp"
  | "expm1"
  | "log"
  | "log1p"
  | "sin"
  | "cos"
  | "tanh"
  | "logistic"
  | "erf"
  | "erf_inv"
  /** Without the last step, which f32 does not see. */
  | "erf_inv to f32"
  | "mod"
  | "pow";

type Float = "f32" | "f64";

/** What a module imports: functions of numbers for what is rare. They close over nothing: workers get their source. */
export const scalarFunctions = {
  sin: (x: number): number => Math.sin(x),
  cos: (x: number): number => Math.cos(x),
  /** IEEE 754's pow, which is 1 for base 1 and for base -1 with an infinite exponent. */
  pow: (x: number, y: number): number =>
    x === 1 || (x === -1 && (y === Infinity || y === -Infinity)) ? 1 : Math.pow(x, y),
  /** The remainder with the sign of the divisor; a zero has it too. */
  mod: (a: number, b: number): number => {
    const r = a % b;
    if (r === 0) return b < 0 ? -0 : 0;
    return (r < 0) !== (b < 0) ? r + b : r;
  },
} as const;

/** Imports the functions of numbers; all before the first function of the module. */
export function importScalarFunctions(module: ModuleWriter): ReadonlyMap<string, number> {
  const imports = new Map<string, number>();
  for (const name of ["sin", "cos", "pow", "mod"] as const) {
    const parameters: ValueType[] = scalarFunctions[name].length === 1 ? ["f64"] : ["f64", "f64"];
    imports.set(name, module.importFunction("math", name, { parameters, results: ["f64"] }));
  }
  return imports;
}

/** The functions of one module, written when they are first asked for. */
export class MathLibrary {
  readonly #module: ModuleWriter;
  readonly #imports: ReadonlyMap<string, number>;
  readonly #pool: ConstantPool;
  readonly #fused: boolean;
  readonly #known = new Map<string, number>();

  constructor(
    module: ModuleWriter,
    imports: ReadonlyMap<string, number>,
    { fused, pool }: { readonly fused: boolean; readonly pool: ConstantPool },
  ) {
    this.#module = module;
    this.#imports = imports;
    this.#fused = fused;
    this.#pool = pool;
  }

  /** The number of a function to call. */
  get(name: MathName, dtype: Float): number {
    const key = `${name} ${dtype}`;
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const two = name === "mod" || name === "pow";
    const type: FunctionType = { parameters: two ? ["v128", "v128"] : ["v128"], results: ["v128"] };
    // f32 goes by way of f64 where that is simplest
    const widened = dtype === "f32" && (name === "erf" || name === "erf_inv");
    const inner = widened ? this.get(name === "erf_inv" ? "erf_inv to f32" : name, "f64") : -1;
    const index = this.#module.addFunction(type, (code) => {
      if (widened) writeWidened(code, inner);
      else if (two) this.#eachLane(code, name, dtype, [0, 1]);
      else this.#write(code, name, dtype);
    }, key);
    this.#known.set(key, index);
    return index;
  }

  /** Writes what is short where it is needed: (local) -> a vector on the stack. False for what is long. */
  inline(code: CodeWriter, name: MathName, { dtype, x }: { readonly dtype: Float; readonly x: number }): boolean {
    if (name !== "tanh" || dtype !== "f32") return false;
    const v = new Vectors(code, { dtype, fused: this.#fused, pool: this.#pool });
    v.leave(tanh(v, x));
    return true;
  }

  #write(code: CodeWriter, name: MathName, dtype: Float): void {
    const v = new Vectors(code, { dtype, fused: this.#fused, pool: this.#pool });
    switch (name) {
      case "exp":
        return v.leave(exp(v, 0));
      case "expm1":
        return v.leave(expm1(v, 0));
      case "log":
        return v.leave(log(v, 0));
      case "log1p":
        return v.leave(log1p(v, 0));
      case "tanh":
        return v.leave(tanh(v, 0));
      case "logistic": {
        // what exp makes stays below 1
        const e = exp(v, v.op("neg", v.op("abs", 0)));
        const one = v.num(1);
        return v.leave(v.div(v.select(v.op("lt", 0, v.num(0)), e, one), v.add(one, e)));
      }
      case "sin":
      case "cos": {
        const result = sinOrCos(v, 0, name);
        // beyond what the reduction reaches
        const huge = v.op("gt", v.op("abs", 0), v.num(1e6));
        v.leave(result);
        const local = v.local();
        code.set(local).get(huge).vector("v128.any_true").when(() => {
          this.#eachLane(code, name, dtype, [0]);
          const exact = v.local();
          code.set(exact);
          code.get(exact).get(local).get(huge).vector("v128.bitselect").set(local);
        });
        code.get(local);
        return;
      }
      case "erf": {
        const { erf } = erfParts(v, v.op("abs", 0), (x) => exp(v, x));
        return v.leave(v.copySign(erf, 0));
      }
      case "erf_inv":
      case "erf_inv to f32": {
        const functions = { exp: (x: number) => exp(v, x), log: (x: number) => log(v, x) };
        return v.leave(erfInverse(v, 0, { ...functions, exact: name === "erf_inv" }));
      }
    }
  }

  /** Leaves what a function of numbers gives for each lane. */
  #eachLane(code: CodeWriter, name: string, dtype: Float, parameters: readonly number[]): void {
    const fn = this.#imports.get(name)!;
    const lanes = dtype === "f32" ? 4 : 2;
    const prefix = dtype === "f32" ? "f32x4" : "f64x2";
    code.get(parameters[0]!);
    for (let lane = 0; lane < lanes; lane++) {
      for (const parameter of parameters) {
        code.get(parameter).lane(`${prefix}.extract_lane`, lane);
        if (dtype === "f32") code.numeric("f64.promote_f32");
      }
      code.call(fn);
      if (dtype === "f32") code.numeric("f32.demote_f64");
      code.lane(`${prefix}.replace_lane`, lane);
    }
  }
}

const upperHalf = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7];

/** A function of f64 on both halves of a vector of f32. */
function writeWidened(code: CodeWriter, fn: number): void {
  const low = code.local("v128");
  code.get(0).vector("f64x2.promote_low_f32x4").call(fn).vector("f32x4.demote_f64x2_zero").set(low);
  code.get(low).get(0).get(0).shuffle(upperHalf).vector("f64x2.promote_low_f32x4").call(fn);
  code.vector("f32x4.demote_f64x2_zero").shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
}

/** Arithmetic on vectors in locals; each result has a local of its own. */
export class Vectors {
  readonly code: CodeWriter;
  readonly dtype: Float;
  readonly pool: ConstantPool;
  readonly #fused: boolean;
  readonly #numbers = new Map<number, number>();

  constructor(
    code: CodeWriter,
    { dtype, fused, pool }: { readonly dtype: Float; readonly fused: boolean; readonly pool: ConstantPool },
  ) {
    this.code = code;
    this.dtype = dtype;
    this.pool = pool;
    this.#fused = fused;
  }

  get wide(): boolean {
    return this.dtype === "f64";
  }

  local(): number {
    return this.code.local("v128");
  }

  keep(): number {
    const local = this.local();
    this.code.set(local);
    return local;
  }

  leave(local: number): void {
    this.code.get(local);
  }

  /** The same number in all lanes. */
  num(value: number): number {
    const key = Object.is(value, -0) ? NaN : value;
    const known = this.#numbers.get(key);
    if (known !== undefined) return known;
    this.pool.write(this.code, repeated(this.dtype, value));
    const local = this.keep();
    this.#numbers.set(key, local);
    return local;
  }

  /** An instruction of the dtype. */
  op(name: string, ...operands: readonly number[]): number {
    for (const operand of operands) this.code.get(operand);
    this.code.vector(`${this.wide ? "f64x2" : "f32x4"}.${name}` as VectorInstruction);
    return this.keep();
  }

  /** An instruction on integers as wide as a lane. */
  int(name: string, ...operands: readonly number[]): number {
    for (const operand of operands) this.code.get(operand);
    this.code.vector(`${this.wide ? "i64x2" : "i32x4"}.${name}` as VectorInstruction);
    return this.keep();
  }

  shift(name: "shl" | "shr_s" | "shr_u", x: number, bits: number): number {
    this.code.get(x).i32(bits).vector(`${this.wide ? "i64x2" : "i32x4"}.${name}`);
    return this.keep();
  }

  bits(name: "and" | "or" | "xor" | "andnot", a: number, b: number): number {
    this.code.get(a).get(b).vector(`v128.${name}`);
    return this.keep();
  }

  /** The same integer in all lanes. */
  integer(value: bigint): number {
    const buffer = new ArrayBuffer(16);
    if (this.wide) new BigInt64Array(buffer).fill(BigInt.asIntN(64, value));
    else new Int32Array(buffer).fill(Number(BigInt.asIntN(32, value)));
    this.pool.write(this.code, new Uint8Array(buffer));
    return this.keep();
  }

  add(a: number, b: number): number {
    return this.op("add", a, b);
  }

  sub(a: number, b: number): number {
    return this.op("sub", a, b);
  }

  mul(a: number, b: number): number {
    return this.op("mul", a, b);
  }

  div(a: number, b: number): number {
    return this.op("div", a, b);
  }

  /** a b + c. */
  madd(a: number, b: number, c: number): number {
    return this.#fused ? this.op("relaxed_madd", a, b, c) : this.add(this.mul(a, b), c);
  }

  /** c0 + x (c1 + x (c2 + ...)). */
  polynomial(x: number, coefficients: readonly number[]): number {
    let sum = this.num(coefficients.at(-1)!);
    for (const c of coefficients.slice(0, -1).toReversed()) sum = this.madd(sum, x, this.num(c));
    return sum;
  }

  /** a where the mask is set, else b. */
  select(mask: number, a: number, b: number): number {
    this.code.get(a).get(b).get(mask).vector("v128.bitselect");
    return this.keep();
  }

  /** x within limits; NaN stays. One instruction each, where min and max are eight. */
  clamp(x: number, least: number, most: number): number {
    return this.op("pmax", this.op("pmin", x, this.num(most)), this.num(least));
  }

  /** |a| with the sign of b. */
  copySign(a: number, b: number): number {
    const sign = this.integer(this.wide ? -(2n ** 63n) : -(2n ** 31n));
    return this.bits("or", this.bits("andnot", a, sign), this.bits("and", b, sign));
  }

  /** Whole floats as integers as wide as a lane. */
  toInteger(x: number): number {
    this.code.get(x);
    if (this.wide) this.code.vector("i32x4.trunc_sat_f64x2_s_zero").vector("i64x2.extend_low_i32x4_s");
    else this.code.vector("i32x4.trunc_sat_f32x4_s");
    return this.keep();
  }

  /** Small integers as wide as a lane as floats. */
  toFloat(x: number): number {
    this.code.get(x);
    if (this.wide) {
      this.code.get(x).shuffle([0, 1, 2, 3, 8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11]).vector(
        "f64x2.convert_low_i32x4_s",
      );
    } else this.code.vector("f32x4.convert_i32x4_s");
    return this.keep();
  }

  /** 2^k for integers k in the range of normal numbers. */
  powerOfTwo(k: number): number {
    return this.shift("shl", this.int("add", k, this.integer(this.wide ? 1023n : 127n)), this.wide ? 52 : 23);
  }
}

/** ln 2 in two parts; the first has zeros at its end, so that its multiples are exact. */
const ln2 = {
  f64: [6.93147180369123816490e-01, 1.90821492927058770002e-10],
  f32: [0.693359375, -2.12194440e-4],
} as const;

/** 1 / 2!, 1 / 3!, ... as far as they matter below ln(2) / 2. */
function factorialCoefficients(dtype: Float): number[] {
  const count = dtype === "f64" ? 12 : 6;
  let factorial = 1;
  return Array.from({ length: count }, (_, i) => 1 / (factorial *= i + 2));
}

/** x = k ln 2 + r: k as integers, and exp(r) - 1. */
function reduceExp(v: Vectors, x: number): { readonly k: number; readonly p: number } {
  // beside a number as large as this only whole numbers have room, and their bits count up with them
  const large = v.num(v.wide ? 1.5 * 2 ** 52 : 1.5 * 2 ** 23);
  const rounded = v.madd(x, v.num(Math.LOG2E), large);
  const n = v.sub(rounded, large);
  const [high, low] = ln2[v.dtype];
  const r = v.madd(n, v.num(-low), v.madd(n, v.num(-high), x));
  const q = v.polynomial(r, factorialCoefficients(v.dtype));
  return { k: v.int("sub", rounded, large), p: v.madd(v.mul(r, r), q, r) };
}

function exp(v: Vectors, x: number): number {
  const [least, most] = v.wide ? [-746, 710] : [-104, 89];
  const { k, p } = reduceExp(v, v.clamp(x, least, most));
  // in two halves, so that neither leaves the range of normal numbers
  const half = v.shift("shr_s", k, 1);
  const value = v.add(v.num(1), p);
  return v.mul(v.mul(value, v.powerOfTwo(half)), v.powerOfTwo(v.int("sub", k, half)));
}

function expm1(v: Vectors, x: number): number {
  const [least, most] = v.wide ? [-40, 710] : [-20, 89];
  return v.select(v.op("eq", x, v.num(0)), x, plainExpm1(v, v.clamp(x, least, most)));
}

/** The same without a sign of 0, and where exp neither overflows by far nor is nothing beside 1. */
function plainExpm1(v: Vectors, x: number): number {
  const { k, p } = reduceExp(v, x);
  // 2^k (p + 1) - 1, at half its size so that it overflows only where it must
  const s = v.powerOfTwo(v.int("sub", k, v.integer(1n)));
  const half = v.madd(s, p, v.sub(s, v.num(0.5)));
  return v.add(half, half);
}

/** tanh(x) = x P(x^2) / Q(x^2) in f32 up to where it is 1: within 0.3 units in the last place before rounding, by least squares with
 *  Lawson's weights on Chebyshev's points. */
const tanh32 = {
  /** What is computed here is exactly 1, and so it is from here on. */
  range: 8.9,
  p: [1, 0.13384923338890076, 0.0035003002267330885, 2.0690162273240276e-05, 1.3474124038737045e-08],
  q: [1, 0.46718236804008484, 0.025894690304994583, 0.000329349102685228, 7.823920213922975e-07],
} as const;

function tanh(v: Vectors, x: number): number {
  if (!v.wide) {
    const c = v.clamp(x, -tanh32.range, tanh32.range);
    const z = v.mul(c, c);
    // rounding must not lead beyond 1: 1 - tanh(x)^2 stays positive
    return v.clamp(v.div(v.mul(c, v.polynomial(z, tanh32.p)), v.polynomial(z, tanh32.q)), -1, 1);
  }
  const a = v.op("pmin", v.op("abs", x), v.num(30));
  const t = plainExpm1(v, v.add(a, a));
  return v.copySign(v.div(t, v.add(t, v.num(2))), x);
}

const logCoefficients = {
  f64: [
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
  ],
  f32: [0.66666662693, 0.40000972152, 0.28498786688, 0.24279078841],
} as const;

function log(v: Vectors, x: number): number {
  const wide = v.wide;
  const tiny = v.op("lt", x, v.num(wide ? 2 ** -1022 : 2 ** -126));
  const scaled = v.select(tiny, v.mul(x, v.num(wide ? 2 ** 54 : 2 ** 25)), x);
  // x = 2^k m with m from sqrt(1/2) to sqrt(2)
  const root = v.integer(wide ? 0x3fe6a09e667f3bcdn : 0x3f3504f3n);
  const k = v.shift("shr_s", v.int("sub", scaled, root), wide ? 52 : 23);
  const f = v.sub(v.int("sub", scaled, v.shift("shl", k, wide ? 52 : 23)), v.num(1));
  const n = v.sub(v.toFloat(k), v.bits("and", tiny, v.num(wide ? 54 : 25)));
  const s = v.div(f, v.add(f, v.num(2)));
  const z = v.mul(s, s);
  const r = v.mul(z, v.polynomial(z, logCoefficients[v.dtype]));
  const half = v.mul(v.mul(f, f), v.num(0.5));
  const [high, low] = wide ? ln2.f64 : [6.9313812256e-01, 9.0580006145e-06];
  const inner = v.madd(n, v.num(low), v.mul(s, v.add(half, r)));
  const result = v.sub(v.mul(n, v.num(high)), v.sub(v.sub(half, inner), f));
  const zero = v.op("eq", x, v.num(0));
  const finite = v.select(v.op("eq", x, v.num(Infinity)), x, result);
  const positive = v.select(zero, v.num(-Infinity), finite);
  // NaN and negative numbers give NaN
  const valid = v.op("ge", x, v.num(0));
  return v.select(valid, positive, v.num(NaN));
}

function log1p(v: Vectors, x: number): number {
  const u = v.add(x, v.num(1));
  // what the sum lost
  const lost = v.div(v.sub(x, v.sub(u, v.num(1))), u);
  const l = log(v, u);
  const whole = v.bits("or", v.op("eq", u, v.num(0)), v.op("eq", u, v.num(Infinity)));
  const result = v.select(whole, l, v.add(l, lost));
  return v.select(v.op("eq", u, v.num(1)), x, result);
}

const sinCoefficients = {
  f64: [
    -1.66666666666666324348e-01,
    8.33333333332248946124e-03,
    -1.98412698298579493134e-04,
    2.75573137070700676789e-06,
    -2.50507602534068634195e-08,
    1.58969099521155010221e-10,
  ],
  f32: [-1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4],
} as const;
const cosCoefficients = {
  f64: [
    4.16666666666666019037e-02,
    -1.38888888888741095749e-03,
    2.48015872894767294178e-05,
    -2.75573143513906633035e-07,
    2.08757232129817482790e-09,
    -1.13596475577881948265e-11,
  ],
  f32: [4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5],
} as const;
/** pi / 2 in three parts of 33, 33 and 53 bits. */
const halfPi = [1.57079632673412561417e+00, 6.07710050630396597660e-11, 2.02226624879595063154e-21] as const;

/** x = n pi / 2 + r: r, and n as integers as wide as a lane. */
function reduceAngle(v: Vectors, x: number): { readonly r: number; readonly n: number } {
  if (v.wide) {
    const n = v.op("nearest", v.mul(x, v.num(2 / Math.PI)));
    let r = x;
    for (const part of halfPi) r = v.sub(r, v.mul(n, v.num(part)));
    return { r, n: v.toInteger(n) };
  }
  // in f64, where the parts have room
  const { code } = v;
  const w = new Vectors(code, { dtype: "f64", fused: false, pool: v.pool });
  const half = (high: boolean) => {
    code.get(x);
    if (high) code.get(x).shuffle(upperHalf);
    code.vector("f64x2.promote_low_f32x4");
    const wide = w.keep();
    const n = w.op("nearest", w.mul(wide, w.num(2 / Math.PI)));
    const r = w.sub(w.sub(wide, w.mul(n, w.num(halfPi[0]))), w.mul(n, w.num(halfPi[1])));
    code.get(r).vector("f32x4.demote_f64x2_zero");
    const narrow = w.keep();
    code.get(n).vector("i32x4.trunc_sat_f64x2_s_zero");
    return { r: narrow, n: w.keep() };
  };
  const [low, high] = [half(false), half(true)];
  const join = (a: number, b: number) => {
    code.get(a).get(b).shuffle([0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23]);
    return v.keep();
  };
  return { r: join(low.r, high.r), n: join(low.n, high.n) };
}

function sinOrCos(v: Vectors, x: number, which: "sin" | "cos"): number {
  const { r, n } = reduceAngle(v, x);
  const z = v.mul(r, r);
  const sin = v.madd(v.mul(v.mul(r, z), v.polynomial(z, sinCoefficients[v.dtype])), v.num(1), r);
  const cosTail = v.mul(v.mul(z, z), v.polynomial(z, cosCoefficients[v.dtype]));
  const half = v.mul(z, v.num(0.5));
  const one = v.num(1);
  // 1 - z / 2 and what its rounding lost
  const w = v.sub(one, half);
  const cos = v.add(w, v.add(v.sub(v.sub(one, w), half), cosTail));
  const quadrant = which === "sin" ? n : v.int("add", n, v.integer(1n));
  const odd = v.shift("shl", quadrant, v.wide ? 63 : 31);
  const swapped = v.shift("shr_s", odd, v.wide ? 63 : 31);
  const negative = v.shift("shl", v.shift("shr_u", quadrant, 1), v.wide ? 63 : 31);
  const value = v.select(swapped, cos, sin);
  const result = v.bits("xor", value, negative);
  return which === "sin" ? v.select(v.op("eq", x, v.num(0)), x, result) : result;
}
