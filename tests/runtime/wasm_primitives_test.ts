// Does the wasm backend compute every primitive? Each is compared with the naive implementation on random shapes, dtypes and
// parameters.
import { assertEquals } from "@std/assert";
import { formatType, isFloat, type PrimitiveName, requestRows } from "../../runtime/ir/types.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { measuredTest } from "./measured.ts";
import { holdEntries, roundings, type Row, rows, runOne } from "./primitive_rows.ts";
import { applyNaively, type NaiveArray, TestRandom, toHost } from "./reference_naive.ts";
import { cases } from "../thorough.ts";
import { runBoth } from "./lying.ts";

const backend = makeWasmBackend({ leastApart: 0, threads: 1 });

/** Units in the last place of each entry, for what is not exact in f32 and f64; docs/backends.md states them. */
const ulps: { readonly [op in PrimitiveName]?: readonly [number, number] } = {
  exp: [2, 2],
  expm1: [3, 3],
  log: [2, 2],
  log1p: [3, 3],
  sin: [2, 2],
  cos: [2, 2],
  tanh: [6, 5],
  logistic: [3, 3],
  erf: [1, 2],
  erf_inv: [1, 4],
  pow: [1, 1],
  integer_pow: [8, 8],
};

for (const [name, row] of Object.entries(rows) as [PrimitiveName, Row<PrimitiveName>][]) {
  for (const dtype of row.dtypes) {
    const column = dtype === "f64" ? "wasm, f64" : "wasm, f32";
    Deno.test(`wasm ${name} on ${dtype} agrees with index arithmetic`, () => {
      const r = new TestRandom(name.length * 1000 + dtype.charCodeAt(1));
      for (let repetition = 0; repetition < cases(8, 60); repetition++) {
        const example = row.make(r, dtype);
        const { equation, fn } = runOne(name, example);
        const expected = row.expected ? row.expected(example) : applyNaively(equation, example.inputs);
        const label = `${name}(${example.inputs.map(formatType).join(", ")}) ${JSON.stringify(example.params)}`;
        const actual = runBoth(backend, fn, example.inputs.map(toHost));
        assertEquals(actual.length, expected.length);
        const largest = (x: NaiveArray) =>
          x.values.reduce((m, v) => Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m, 0);
        const floats = example.inputs.filter((x) => isFloat(x.dtype));
        const term = name in roundings ? floats.reduce((p, x) => p * largest(x), 1) : 0;
        actual.forEach((array, i) => {
          assertEquals([array.dtype, [...array.shape]], [expected[i]!.dtype, [...expected[i]!.shape]], label);
          const slack = { own: ulps[name]?.[dtype === "f32" ? 0 : 1] ?? 0, all: roundings[name] ?? 0 };
          holdEntries([column, name], array.data, expected[i]!, { ...slack, term, label });
        });
      }
    });
  }
}

Deno.test("there is a row for every primitive that a backend sees", () => {
  const requests = Object.keys(requestRows(() => undefined));
  assertEquals(Object.keys(rows).filter((name) => requests.includes(name)), []);
});

const names = Object.keys(rows) as PrimitiveName[];
const boundsOn = (dtype: "f32" | "f64") =>
  Object.fromEntries(
    names.filter((op) => dtype === "f32" || rows[op as keyof typeof rows].dtypes.includes("f64"))
      .map((op) => [op, ulps[op]?.[dtype === "f32" ? 0 : 1] ?? roundings[op] ?? 0]),
  );
measuredTest({ "wasm, f32": boundsOn("f32"), "wasm, f64": boundsOn("f64") });
