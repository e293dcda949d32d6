// Does the tensorflow backend compute every primitive, compiled by XLA and node by node? Each is compared with the naive
// implementation on random shapes and parameters, all examples of a primitive in one graph.
import { assertEquals } from "@std/assert";
import { type DType, formatType, type IrFunction, isFloat, type PrimitiveName } from "../../runtime/ir/types.ts";
import { measuredTest } from "./measured.ts";
import { holdEntries, roundings, type Row, rows, runOne } from "./primitive_rows.ts";
import { applyNaively, type NaiveArray, TestRandom, toHost } from "./reference_naive.ts";
import { modes, tensorFlow, tensorFlowTest } from "./tensorflow.ts";

/** Units in the last place of each entry, for what is not exact; docs/backends.md states them. */
const ulps: { readonly [op in PrimitiveName]?: number } = {
  exp: 2,
  expm1: 4,
  log: 2,
  log1p: 3,
  sin: 2,
  cos: 2,
  tanh: 6,
  logistic: 4,
  erf: 3,
  erf_inv: 4,
  pow: 2,
  integer_pow: 8,
};
function largest(x: NaiveArray): number {
  return x.values.reduce((m, v) => Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m, 0);
}

/** Examples of a row, without those that have a float64 somewhere. */
function examplesOf(name: PrimitiveName, row: Row<PrimitiveName>, dtype: DType) {
  const r = new TestRandom(name.length * 1000 + dtype.charCodeAt(1));
  return Array.from({ length: 15 }, () => {
    const example = row.make(r, dtype);
    const { equation, fn } = runOne(name, example);
    const expected = row.expected ? row.expected(example) : applyNaively(equation, example.inputs);
    return { ...example, fn, expected };
  }).filter(({ fn }) => [...fn.inputs, ...fn.outputs].every((x) => x.dtype !== "f64"));
}

for (const mode of modes) {
  for (const [name, row] of Object.entries(rows) as [PrimitiveName, Row<PrimitiveName>][]) {
    for (const dtype of row.dtypes.filter((d) => d !== "f64")) {
      tensorFlowTest(`tensorflow ${name} on ${dtype}, ${mode}, agrees with index arithmetic`, async () => {
        const backend = await tensorFlow(mode);
        const examples = examplesOf(name, row, dtype);
        const fn: IrFunction = {
          name,
          inputs: examples.flatMap((e) => e.fn.inputs),
          equations: examples.flatMap((e) => e.fn.equations),
          outputs: examples.flatMap((e) => e.fn.outputs),
        };
        const executable = backend.compile(fn);
        const results = executable.run(examples.flatMap((e) => e.inputs.map(toHost)));
        executable.dispose();
        let at = 0;
        for (const { inputs, params, expected } of examples) {
          const label = `${name}(${inputs.map(formatType).join(", ")}) ${JSON.stringify(params)}`;
          const floats = inputs.filter((x) => isFloat(x.dtype));
          const term = name in roundings ? floats.reduce((p, x) => p * largest(x), 1) : 0;
          for (const wanted of expected) {
            const { dtype, shape, data } = results[at++]!;
            assertEquals(
              [dtype, [...shape], data.length],
              [wanted.dtype, [...wanted.shape], wanted.values.length],
              label,
            );
            const slack = { own: ulps[name] ?? 0, all: roundings[name] ?? 0 };
            holdEntries(["tensorflow, f32", name], data, wanted, { ...slack, term, label });
          }
        }
        assertEquals(at, results.length);
      });
    }
  }
}

measuredTest({
  "tensorflow, f32": Object.fromEntries(
    (Object.keys(rows) as PrimitiveName[]).map((op) => [op, ulps[op] ?? roundings[op] ?? 0]),
  ),
});
