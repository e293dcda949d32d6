// Are linear systems solved, in float32 too, by every solver that is made for their kind?
import { assert } from "@std/assert";
import { relativeResidual, solveInto } from "../../runtime/autodiff/linear_solvers.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { buildFunction } from "../../runtime/ir/builder.ts";
import type { HostArray, LinearSolver } from "../../runtime/ir/types.ts";

/** Numbers in -1 .. 1 that do not change from run to run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}

/** Q diag(values) Q^T with Q a product of reflections; without `symmetric`, with a second such product in front. */
function matrix(values: readonly number[], seed: number, symmetric: boolean): number[][] {
  const n = values.length;
  const next = numbers(seed);
  let m = values.map((value, i) => values.map((_, k) => i === k ? value : 0));
  const reflect = (a: number[][], v: readonly number[], left: boolean, right: boolean) => {
    const norm = v.reduce((s, x) => s + x * x, 0);
    if (left) {
      const row = a[0]!.map((_, k) => v.reduce((s, x, i) => s + x * a[i]![k]!, 0) * 2 / norm);
      a = a.map((r, i) => r.map((x, k) => x - v[i]! * row[k]!));
    }
    if (right) {
      a = a.map((r) => {
        const c = r.reduce((s, x, k) => s + x * v[k]!, 0) * 2 / norm;
        return r.map((x, k) => x - c * v[k]!);
      });
    }
    return a;
  };
  for (let turn = 0; turn < 4; turn++) m = reflect(m, Array.from({ length: n }, next), true, true);
  if (!symmetric) m = reflect(m, values.map((_, i) => (i === 0 ? 3 : 0) + 0.2 * next()), true, false);
  return m;
}

function residual(a: readonly number[][], solver: LinearSolver, dtype: "f32" | "f64", rate = 0): number {
  const n = a.length;
  const array = (shape: number[], list: readonly number[]): HostArray => ({
    dtype,
    shape,
    data: dtype === "f32" ? Float32Array.from(list) : Float64Array.from(list),
  });
  const next = numbers(99);
  const right = array([n], Array.from({ length: n }, next));
  const given = [array([n, n], a.flat()), array([n, n], a.map((_, i) => a.map((row) => row[i]!)).flat()), right];
  const fn = buildFunction("solve", given, (b, [m, t, v]) => {
    const product = (x: typeof m) => (s: typeof b, [y]: readonly (typeof v)[]) => [
      s.one("dot_general", [s.resolve(x!), y!], {
        contractLeft: [1],
        contractRight: [0],
        batchLeft: [],
        batchRight: [],
      }),
    ];
    const system = {
      apply: product(m) as never,
      applyTransposed: product(t) as never,
      right: [v!],
      rate: b.fill(rate, { dtype, shape: [] }),
    };
    return [relativeResidual(b, system, solveInto(b, system, solver))];
  });
  return referenceBackend.compile(fn).run(given)[0]!.data[0]!;
}

const spread = (n: number, to: number) => Array.from({ length: n }, (_, i) => to ** (i / (n - 1)));
const base = { tolerance: 0, damping: 0 };

for (const dtype of ["f32", "f64"] as const) {
  // float32 has 6e-8; conditions of 100 and sums of 40 terms leave a few thousand of it
  const near = dtype === "f32" ? 2e-4 : 1e-11;

  Deno.test(`cg, gmres and direct solve 40 unknowns of condition 100, ${dtype}`, () => {
    const a = matrix(spread(40, 100), 3, true);
    for (const kind of ["cg", "gmres", "direct"] as const) {
      const found = residual(a, { ...base, kind, iterations: kind === "cg" ? 80 : 40, symmetric: true }, dtype);
      assert(found < near, `${kind}: ${found}`);
    }
  });

  Deno.test(`gmres and direct solve what is not symmetric, and what is indefinite, ${dtype}`, () => {
    const turned = matrix(spread(40, 100), 5, false);
    const indefinite = matrix(spread(40, 100).map((x, i) => i % 2 === 0 ? x : -x), 7, true);
    for (const [what, a] of [["turned", turned], ["indefinite", indefinite]] as const) {
      for (const kind of ["gmres", "direct"] as const) {
        const found = residual(a, { ...base, kind, iterations: 40, symmetric: false }, dtype);
        assert(found < near, `${kind}, ${what}: ${found}`);
      }
    }
  });

  Deno.test(`normal_cg solves what is not symmetric, neumann what its rate contracts, ${dtype}`, () => {
    const mild = matrix(spread(20, 5), 5, false);
    const found = residual(mild, { ...base, kind: "normal_cg", iterations: 80, symmetric: false }, dtype);
    assert(found < near, `normal_cg: ${found}`);
    const series = residual(
      matrix(spread(20, 5), 5, true),
      { ...base, kind: "neumann", iterations: 200, symmetric: true },
      dtype,
      0.3,
    );
    assert(series < near, `neumann: ${series}`);
  });
}

Deno.test("a solver rests, with what it has, once its tolerance is met", () => {
  const a = matrix(spread(20, 50), 3, true);
  for (const kind of ["cg", "gmres"] as const) {
    const found = residual(a, { ...base, tolerance: 1e-2, kind, iterations: 60, symmetric: true }, "f64");
    assert(found <= 1e-2 && found > 1e-6, `${kind}: ${found}`);
  }
});
