// How exact are the functions of the wasm backend? Each against the engine's (fdlibm's, below one unit in the last place) and the
// reference backend's in float64, over some hundred thousand arguments of every size, and at the special ones. The bounds stand
// in docs/backends.md.
import { assert, assertEquals } from "@std/assert";
import { newVariable } from "../../runtime/ir/builder.ts";
import type { DType, IrFunction } from "../../runtime/ir/types.ts";
import { erf, erfInv } from "../../runtime/backend/reference/special.ts";
import { wasmBackend } from "../../runtime/backend/wasm/index.ts";
import { cases } from "../thorough.ts";

interface Row {
  readonly exact: (x: number) => number;
  /** Where arguments lie. */
  readonly range: readonly [number, number];
  /** Largest error in units in the last place: float32, float64. */
  readonly bound: readonly [number, number];
}

const rows: Readonly<Record<string, Row>> = {
  exp: { exact: Math.exp, range: [-110, 95], bound: [1.1, 1.8] },
  expm1: { exact: Math.expm1, range: [-30, 80], bound: [2.5, 2.5] },
  log: { exact: Math.log, range: [0, 1e6], bound: [1.1, 1.2] },
  log1p: { exact: Math.log1p, range: [-1, 1e6], bound: [1.6, 1.8] },
  sin: { exact: Math.sin, range: [-3000, 3000], bound: [1.6, 2] },
  cos: { exact: Math.cos, range: [-3000, 3000], bound: [1.6, 1.2] },
  tanh: { exact: Math.tanh, range: [-12, 12], bound: [5.5, 4] },
  logistic: {
    exact: (x) => x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)),
    range: [-100, 40],
    bound: [2.2, 2.5],
  },
  erf: { exact: erf, range: [-6, 6], bound: [0.6, 1.5] },
  erf_inv: { exact: erfInv, range: [-1, 1], bound: [0.6, 3] },
};

function unary(op: string, dtype: DType, size: number): IrFunction {
  const [x, y] = [newVariable({ dtype, shape: [size] }), newVariable({ dtype, shape: [size] })];
  const equation = { op, inputs: [x], outputs: [y], params: {}, origin: undefined };
  return { name: op, inputs: [x], equations: [equation as never], outputs: [y] };
}

function apply(op: string, data: Float32Array | Float64Array): Float32Array | Float64Array {
  const dtype = data instanceof Float32Array ? "f32" : "f64";
  const executable = wasmBackend.compile(unary(op, dtype, data.length));
  const result = executable.run([{ dtype, shape: [data.length], data }])[0]!.data;
  executable.dispose();
  return result as Float32Array | Float64Array;
}

/** Distance to the next number away from 0. */
function unit(x: number, dtype: DType): number {
  const [digits, least] = dtype === "f32" ? [23, 2 ** -149] : [52, 5e-324];
  return Math.max(least, 2 ** (Math.floor(Math.log2(Math.abs(x))) - digits));
}

for (const [op, { exact, range: [low, high], bound }] of Object.entries(rows)) {
  for (const [k, dtype] of (["f32", "f64"] as const).entries()) {
    Deno.test(`${op} on ${dtype} is within ${bound[k]} units in the last place`, () => {
      const list: number[] = [];
      const points = cases(20_000, 200_000);
      for (let i = 0; i <= points; i++) list.push(low + (high - low) * i / points);
      for (let e = -38; e < 1; e += 200 / points) list.push(10 ** e, -(10 ** e));
      const inside = list.filter((x) => x > low && x < high);
      const data = dtype === "f32" ? Float32Array.from(inside) : Float64Array.from(inside);
      const result = apply(op, data);
      let [worst, at] = [0, 0];
      data.forEach((x, i) => {
        const truth = exact(x);
        const rounded = dtype === "f32" ? Math.fround(truth) : truth;
        if (result[i] === rounded) return;
        assert(Number.isFinite(rounded) && Number.isFinite(result[i]), `${op}(${x}) is ${result[i]}, not ${rounded}`);
        // what is computed from them, such as 1 - tanh(x)^2, may not be negative
        if (["tanh", "erf", "logistic"].includes(op)) assert(Math.abs(result[i]!) <= 1, `${op}(${x}) is ${result[i]}`);
        const error = Math.abs(result[i]! - truth) / unit(truth, dtype);
        if (!(error <= worst)) [worst, at] = [error, x];
      });
      if (Deno.env.get("SHOW")) console.log(op, dtype, worst.toFixed(2), "at", at);
      assert(worst <= bound[k]!, `${worst} at ${at}`);
    });
  }
}

Deno.test("special arguments give what IEEE 754 says", () => {
  const data = [NaN, Infinity, -Infinity, 0, -0];
  const expected: Readonly<Record<string, readonly number[]>> = {
    exp: [NaN, Infinity, 0, 1, 1],
    expm1: [NaN, Infinity, -1, 0, -0],
    log: [NaN, Infinity, NaN, -Infinity, -Infinity],
    log1p: [NaN, Infinity, NaN, 0, -0],
    sin: [NaN, NaN, NaN, 0, -0],
    cos: [NaN, NaN, NaN, 1, 1],
    tanh: [NaN, 1, -1, 0, -0],
    logistic: [NaN, 1, 0, 0.5, 0.5],
    erf: [NaN, 1, -1, 0, -0],
    erf_inv: [NaN, NaN, NaN, 0, -0],
  };
  for (const [op, values] of Object.entries(expected)) {
    for (const array of [Float32Array.from(data), Float64Array.from(data)]) {
      assertEquals([...apply(op, array)], [...values], op);
    }
  }
});

Deno.test("large angles are reduced exactly, and powers and remainders are the engine's", () => {
  const large = Float64Array.of(1e7, -3e15, 2 ** 60, 123456789);
  assertEquals([...apply("sin", large)], [...large].map(Math.sin));
  assertEquals([...apply("cos", large)], [...large].map(Math.cos));
});
