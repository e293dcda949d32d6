// What stands in docs/correctness.md? What the tests measured of each primitive, of estimators and of whole programs. Run by itself (`deno task
// docs:correctness`) it runs them and writes the page; each of them then compares itself with it (tests/runtime/measured.ts).
import { boundsRow, cellOf, type Column, type Measured, unmeasured, written } from "../runtime/measured.ts";

const page = new URL("../../docs/correctness.md", import.meta.url);
const root = new URL("../../", import.meta.url);

/** The files whose last test hands over what was measured. */
const files = [
  ...["reference_kernels", "wasm_primitives", "tensorflow_primitives", "gradient_table"].map((name) =>
    `runtime/${name}`
  ),
  ...["runtime/wasm_programs", "runtime/tensorflow_programs", "conformance/estimators"],
];

type Measurements = ReadonlyMap<Column, Readonly<Record<string, Measured>>>;

/** The columns of the first table: how a primitive's values were computed. */
const values: readonly Column[] = ["reference", "wasm, f32", "wasm, f64", "tensorflow, f32"];

/** Of the second: how its derivatives were. */
const derivatives: readonly (readonly [Column, string])[] = [
  ["forward", "the derivative along a direction (`jvp`), against central differences"],
  ["transposed", "⟨J v, u⟩ against ⟨v, Jᵀ u⟩: the dot-product test"],
  ["reverse", "the gradient backwards against the gradient forwards"],
  [
    "second",
    "the second derivative along two paths, backwards and forwards in three orders, against central differences",
  ],
  ["third", "the third derivative, against central differences; not for what has none everywhere"],
  ["batched", "values and gradients in one batch, against one after the other"],
  ["wasm, first", "the gradient on `wasm`, against `reference`"],
  ["wasm, second", "the second derivative on `wasm`, against `reference`"],
];

/** The whole page. */
function correctnessPage(measured: Measurements): string {
  return `# Correctness

What was compared with what, of each primitive, of estimators and of whole programs: how far off it was at worst, and how far off it may be. This page is
written by \`deno task docs:correctness\`, which runs the tests that compare. The tests hold it: rows and bounds must
be those of the page, and no error may be larger than it is named here, but for what another processor rounds otherwise
(one rounding; less than one power of ten, from 1e-15 on, in f32 from 5e-7 on).

\`2 of 3\`: off by 2 at most, where 3 are allowed. \`exact\`: nothing may differ. \`of 3\` or \`—\`: not measured where this page was
written, because TensorFlow was not set up there; where it is, its tests hold the bound.

## Values

Against a second implementation by index arithmetic (\`tests/runtime/reference_naive.ts\`): 60 random equations of each
primitive and dtype, 15 on \`tensorflow\`, with sizes of 0, infinities and NaN among them. The unit is one rounding, 2^-23
or 2^-52: of the entry itself in functions of one entry, of the largest entry or term in sums, products, solves and loops.
Ints and bools are exact everywhere. \`erf\` and \`erf_inv\` of \`reference\` are held against tables of their own
(\`tests/runtime/reference_special_test.ts\`).

${tableOf(measured, "primitive", values)}

## Derivatives

In float64, on \`reference\` unless it is said; the rows are those of \`tests/runtime/gradient_table.ts\`. Errors are parts of
the largest entry, or of 1 where that is larger, rounded up to a power of ten; \`1e-16\` is that and less. Central differences
are off by themselves by about as much as their columns show (\`tests/runtime/autodiff_evaluate.ts\`).

${derivatives.map(([column, says]) => `- ${column}: ${says}`).join("\n")}

${tableOf(measured, "primitive", derivatives.map(([column]) => column))}

## Estimators

The hypergradient of a ridge regression, whose closed form is known: how far each way (\`through\`) is from the number that it
must give after T steps, which for a truncated one is not the exact one. Where the numbers are printed with fewer digits,
what is off is mostly their last digit. Solvers and \`forward\` are held against another way to the same number
(\`tests/conformance/estimators_test.ts\`).

${tableOf(measured, "through", ["closed form"])}

Those that draw, over 48 or 64 seeds: how far their mean is from the gradient, in standard errors, of which 4 are allowed.

${tableOf(measured, "through", ["over seeds"])}

## Whole programs

All numbers that come out of a program with at most three meta-steps of each outer, against \`reference\` in the same
precision: parts of the largest entry of an array, or of 1e-3 (f32), 1e-5 (f64) where all are smaller.

${tableOf(measured, "program", ["programs on wasm, f64", "programs on wasm, f32", "programs on tensorflow, f32"])}

## What is compared elsewhere

- Solutions of equations and finite differences (\`implicit\`, \`linear_solve\`, \`finite_difference\`, \`pullback\`), to third order:
  \`tests/runtime/request_derivatives_test.ts\`, \`tests/runtime/linear_solvers_test.ts\`
- Checks of integers: \`tests/runtime/checks_test.ts\`
- Inner loops computed elsewhere, every parameter at every time, every hypergradient: \`tests/conformance/conformance_test.ts\`
- Random programs, each in many ways: \`tests/random/\`, docs/decisions/0016
`;
}

function tableOf(measured: Measurements, what: string, names: readonly Column[]): string {
  const primitives = [...new Set(names.flatMap((name) => Object.keys(measured.get(name)!)))];
  const cell = (name: Column, op: string) => {
    const found = measured.get(name)![op];
    return found ? cellOf(name, found) : "";
  };
  const rows = primitives.map((op) => [`\`${op}\``, ...names.map((name) => cell(name, op))]);
  const bounds = names.map((name) => [...new Set(Object.values(measured.get(name)!).map(({ bound }) => bound))]);
  const common = bounds.every((list) => list.length === 1);
  const plain = (text: string) => text.replace(/^of .*/, unmeasured).replace(/ of .*/, "");
  const lines = common
    ? [
      [boundsRow, ...bounds.map(([bound]) => written(bound!))],
      ...rows.map(([op, ...cells]) => [op!, ...cells.map(plain)]),
    ]
    : rows;
  const widths = [what, ...names].map((title, i) => Math.max(title.length, ...lines.map((line) => line[i]!.length)));
  const line = (cells: readonly string[]) => `| ${cells.map((text, i) => text.padEnd(widths[i]!)).join(" | ")} |`;
  return [line([what, ...names]), line(widths.map((n) => "-".repeat(n))), ...lines.map(line)].join("\n");
}

/** Runs the tests and reads what they measured. */
async function measure(): Promise<Measurements> {
  const folder = Deno.makeTempDirSync();
  try {
    const { success } = await new Deno.Command(Deno.execPath(), {
      args: ["test", "-A", "--quiet", "--parallel", ...files.map((name) => `tests/${name}_test.ts`)],
      env: { MEASURED: folder, THOROUGH: "1" },
      cwd: root,
    }).spawn().status;
    if (!success) throw new Error("The tests failed");
    const parts = [...Deno.readDirSync(folder)].map(({ name }) =>
      JSON.parse(Deno.readTextFileSync(`${folder}/${name}`))
    );
    return new Map(parts.flatMap((part) => Object.entries(part))) as Measurements;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

if (import.meta.main) Deno.writeTextFileSync(page, correctnessPage(await measure()));
