// Does every kernel of the reference backend compute what its primitive's comment says? Each is compared with the naive
// implementation on random shapes, dtypes and parameters.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { formatType, type IrFunction, type PrimitiveName, requestRows } from "../../runtime/ir/types.ts";
import { newVariable } from "../../runtime/ir/builder.ts";
import { InternalError } from "../../runtime/errors.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { kernelRules } from "../../runtime/backend/reference/kernels.ts";
import { measuredTest } from "./measured.ts";
import { holdEntries, referenceRoundings, type Row, rows, runOne } from "./primitive_rows.ts";
import { applyNaively, type NaiveArray, TestRandom, toHost } from "./reference_naive.ts";
import { cases } from "../thorough.ts";

for (const [name, row] of Object.entries(rows) as [PrimitiveName, Row<PrimitiveName>][]) {
  for (const dtype of row.dtypes) {
    Deno.test(`reference ${name} on ${dtype} agrees with index arithmetic`, () => {
      const r = new TestRandom(name.length * 1000 + dtype.charCodeAt(1));
      for (let repetition = 0; repetition < cases(8, 60); repetition++) {
        const example = row.make(r, dtype);
        const { equation, fn } = runOne(name, example);
        const expected = row.expected ? row.expected(example) : applyNaively(equation, example.inputs);
        const actual = referenceBackend.compile(fn).run(example.inputs.map(toHost));
        assertEquals(actual.length, expected.length);
        actual.forEach((array, i) => {
          const label = `${name}(${example.inputs.map(formatType).join(", ")})`;
          assertEquals([array.dtype, [...array.shape]], [expected[i]!.dtype, [...expected[i]!.shape]], label);
          holdEntries(["reference", name], array.data, expected[i]!, { all: referenceRoundings[name] ?? 0, label });
        });
      }
    });
  }
}

Deno.test("the reference kernels have a tested row for every primitive", () => {
  const requests = Object.keys(requestRows(() => undefined));
  assertEquals(Object.keys(kernelRules).sort(), [...Object.keys(rows), ...requests].sort());
});

Deno.test("compile() rejects a gradient request as a broken invariant", () => {
  const x = newVariable({ dtype: "f64", shape: [] });
  const body: IrFunction = { name: "body", inputs: [x], equations: [], outputs: [x] };
  const { fn } = runOne("gradient", {
    inputs: [{ dtype: "f64", shape: [], values: [1] }],
    params: { body, wrt: [0], mode: "reverse" },
  });
  assertThrows(() => referenceBackend.compile(fn), InternalError, "gradient request");
});

Deno.test("dot_general packs a tall left factor in blocks of rows", () => {
  const [m, k, n] = [32, 20000, 3]; // 25 rows of 20000 float64 fill a block
  const r = new TestRandom(5);
  const [a, b] = [r.array("f64", [m, k], 0), r.array("f64", [k, n], 0)];
  const params = { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] };
  const [product] = referenceBackend.compile(runOne("dot_general", { inputs: [a, b], params }).fn).run(
    [a, b].map(toHost),
  );
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let p = 0; p < k; p++) sum += a.values[i * k + p]! * b.values[p * n + j]!;
      assertEquals(product!.data[i * n + j], sum);
    }
  }
});

Deno.test("kernels that rename their input copy it when it has memory of its own", () => {
  const buffer = new ArrayBuffer(256);
  const input = { dtype: "f32", shape: [3], data: new Float32Array(buffer, 0, 3) } as const;
  const output = { dtype: "f32", shape: [3], data: new Float32Array(buffer, 64, 3) } as const;
  input.data.set([1, NaN, -0]);
  const site = { inputs: [input], outputs: [output], scratch: new Float64Array(0), body: undefined };
  const kernels = [
    kernelRules.reshape({ ...site, params: { shape: [3] } }),
    kernelRules.stop_gradient({ ...site, params: {} }),
    kernelRules.convert({ ...site, params: { dtype: "f32" } }),
  ];
  for (const kernel of kernels) {
    output.data.fill(5);
    kernel();
    assertEquals([...output.data], [1, NaN, -0]);
  }
});

Deno.test("solve exchanges rows for the largest pivot, and gives no finite answer for a singular matrix", () => {
  const solve = (...a: number[]) => {
    const matrix: NaiveArray = { dtype: "f64", shape: [2, 2], values: a };
    const side: NaiveArray = { dtype: "f64", shape: [2, 1], values: [1, 2] };
    const { fn } = runOne("solve", { inputs: [matrix, side], params: {} });
    return [...referenceBackend.compile(fn).run([matrix, side].map(toHost))[0]!.data];
  };
  assertEquals(solve(1e-20, 1, 1, 1), [1, 1]); // without pivoting: [0, 1]
  assertEquals(solve(0, 1, 1, 0), [2, 1]);
  assert(solve(1, 2, 2, 4).every((x) => !Number.isFinite(x)));
});

measuredTest({
  "reference": Object.fromEntries(
    (Object.keys(rows) as PrimitiveName[]).map((op) => [op, referenceRoundings[op] ?? 0]),
  ),
});
