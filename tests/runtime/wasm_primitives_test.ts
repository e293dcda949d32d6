// Does the wasm backend compute every primitive? Each is compared with the naive implementation on random shapes, dtypes and
// parameters.
import { assert, assertEquals } from "@std/assert";
import { type DType, formatType, isFloat, type PrimitiveName, requestRows } from "../../runtime/ir/types.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { roundings, type Row, rows, runOne } from "./primitive_rows.ts";
import { applyNaively, type NaiveArray, TestRandom, toHost } from "./reference_naive.ts";

const backend = makeWasmBackend({ threads: 1 });

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
function assertClose(
  actual: ArrayLike<number>,
  expected: NaiveArray,
  { op, dtype, label, term }: { op: PrimitiveName; dtype: DType; label: string; term: number },
): void {
  assertEquals(actual.length, expected.values.length, label);
  const epsilon = expected.dtype === "f32" ? 2 ** -23 : 2 ** -52;
  const scale = expected.values.reduce((m, v) => Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m, term);
  const own = isFloat(expected.dtype) ? ulps[op]?.[dtype === "f32" ? 0 : 1] ?? 0 : 0;
  const all = isFloat(expected.dtype) ? roundings[op] ?? 0 : 0;
  for (let i = 0; i < actual.length; i++) {
    const [a, e] = [actual[i]!, expected.values[i]!];
    const close = Object.is(a, e) || a === e && e === 0 ||
      Math.abs(a - e) <=
        epsilon * (own * Math.abs(e) + all * scale) + (own > 0 ? (dtype === "f32" ? 2 ** -149 : 5e-324) : 0);
    assert(close, `${label}: entry ${i} is ${a}, expected ${e}`);
  }
}

for (const [name, row] of Object.entries(rows) as [PrimitiveName, Row<PrimitiveName>][]) {
  for (const dtype of row.dtypes) {
    Deno.test(`wasm ${name} on ${dtype} agrees with index arithmetic`, () => {
      const r = new TestRandom(name.length * 1000 + dtype.charCodeAt(1));
      for (let repetition = 0; repetition < 60; repetition++) {
        const example = row.make(r, dtype);
        const { equation, fn } = runOne(name, example);
        const expected = row.expected ? row.expected(example) : applyNaively(equation, example.inputs);
        const label = `${name}(${example.inputs.map(formatType).join(", ")}) ${JSON.stringify(example.params)}`;
        const executable = backend.compile(fn);
        const actual = executable.run(example.inputs.map(toHost));
        executable.dispose();
        assertEquals(actual.length, expected.length);
        const largest = (x: NaiveArray) =>
          x.values.reduce((m, v) => Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m, 0);
        const floats = example.inputs.filter((x) => isFloat(x.dtype));
        const term = name in roundings ? floats.reduce((p, x) => p * largest(x), 1) : 0;
        actual.forEach((array, i) => {
          assertEquals([array.dtype, [...array.shape]], [expected[i]!.dtype, [...expected[i]!.shape]], label);
          assertClose(array.data, expected[i]!, { op: name, dtype, label, term });
        });
      }
    });
  }
}

Deno.test("there is a row for every primitive that a backend sees", () => {
  const requests = Object.keys(requestRows(() => undefined));
  assertEquals(Object.keys(rows).filter((name) => requests.includes(name)), []);
});
