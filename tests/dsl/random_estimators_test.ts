// Random programs under every estimator and under little memory: exact ways agree, the others give numbers, and what does not fit
// is said with a code.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { compile, CompileError, type Run } from "../../mod.ts";
import { cases, some, thorough } from "../thorough.ts";
import { typedProgram } from "./typed_programs.ts";

function withThrough(source: string, through: string): string {
  const changed = source.replace(/( {2}for T = \d+ steps\n)/, `$1  ${through}\n`);
  assert(changed !== source);
  return changed;
}

/** All gradients of a run, one after the other. */
function gradientsOf(run: Run): number[] {
  return run.gradients.flatMap((g) =>
    g.wrt.flatMap((w) => w.leaves.flatMap(({ gradient }) => Array.from<number>(gradient.data)))
  );
}

function assertNear(actual: readonly number[], expected: readonly number[], within: number, what: string): void {
  assertEquals(actual.length, expected.length);
  const size = Math.max(1, ...expected.map(Math.abs));
  actual.forEach((x, i) => assert(Math.abs(x - expected[i]!) <= within * size, `${what}: ${x} for ${expected[i]}`));
}

Deno.test("random programs: forwards, in a window as long as the loop, and in little memory, gradients are the same", async () => {
  await fc.assert(
    fc.asyncProperty(typedProgram, async ({ source }) => {
      const run = await compile(source).run();
      const expected = gradientsOf(run);
      const forward = await compile(withThrough(source, "through forward()")).run();
      assertNear(gradientsOf(forward), expected, 1e-11, "forward");
      const whole = await compile(withThrough(source, "through unroll(window = 99)")).run();
      assertEquals(gradientsOf(whole), expected);
      const { bytes } = run.memory.find((m) => m.name.startsWith("gradient"))!;
      // bits are the same where sums have one order; `wasm` sums in the order of the memory that a plan gives it
      const truth = gradientsOf(await compile(source).run({ backend: "reference" }));
      for (const part of [0.9, 0.8]) {
        for (const backend of ["wasm", "reference"] as const) {
          const options = { backend, memory: Math.round(part * bytes) };
          const tight = await compile(source).run(options).catch((error: Error) => {
            assert(error.message.includes("does not fit"), error.message);
          });
          if (!tight) continue;
          const exact = backend === "reference" && !tight.memory.some((m) => m.plan.startsWith("forward over reverse"));
          const what = `${part} of the memory, ${backend}`;
          assertNear(gradientsOf(tight), exact ? truth : expected, exact ? 0 : 1e-11, what);
        }
      }
    }),
    { numRuns: cases(1, 25), seed: 20261127 },
  );
});

const approximate = [
  "through unroll(window = 1)",
  "through first_order()",
  "through implicit()",
  "through implicit(solver = gmres, iterations = 3)",
  "through implicit(solver = normal_cg)",
  "through implicit(solver = direct, damping = 0.1)",
  "through implicit(solver = neumann, iterations = 5, rate = 0.05)",
  "through implicit(solver = fixed_point, iterations = 5)",
  "through finite_difference(epsilon = 0.01, factor = 0.1)",
  "through es(samples = 2, sigma = 0.1)",
  "through pes(samples = 2, sigma = 0.1, window = 1)",
];

Deno.test("random programs: every estimator gives finite numbers, or says with a code why it does not fit", async () => {
  const ran = new Set<string>();
  await fc.assert(
    fc.asyncProperty(typedProgram, fc.constantFrom(...approximate), async ({ source }, through) => {
      // what an implicit loop can see
      const only = source.replace(/^((?:across 2 shift\n)?wrt ).*$/m, "$1p");
      try {
        const run = await compile(withThrough(only, through)).run();
        assert(gradientsOf(run).every(Number.isFinite), through);
        assertEquals(run.gradients[0]!.implicit !== undefined, through.includes("implicit"), through);
        ran.add(through);
      } catch (error) {
        if (!(error instanceof CompileError)) throw error;
        const codes = error.diagnostics.map((d) => d.code);
        assert(codes.every((code) => code === "M0501" || code === "M0504"), `${through}: ${error.message}`);
      }
    }),
    // most rules decay the parameters, which what asks for a zero of the gradient refuses
    { numRuns: cases(12, 160), seed: 20261127 },
  );
  if (thorough) assertEquals([...ran].sort(), [...approximate].sort());
});

const inside = [
  "",
  ...approximate.filter((through) => !/normal_cg|direct|neumann|gmres/.test(through)),
  "through forward()",
];

Deno.test("every estimator inside every estimator gives finite numbers, or says with a code why it does not fit", async () => {
  let ran = 0;
  const pairs = inside.flatMap((inner) =>
    inside.filter((through) => !/pes/.test(through)).map((outer) => ({ inner, outer }))
  );
  const looked = some(pairs, 8);
  for (const { inner, outer } of looked) {
    const program = (wrt: string) =>
      `edition 1
        precision f64
        task number { k ~ uniform(0.5, 1.5)  split s { x = k } }
        param w : [2] = 0.1
        param goal = 0.8
        param c = 0.4 in 0 .. inf via log
        inner fit { minimize sum((w - c * s.x)^2) + 0.1 * c * sum(w^4) over w by sgd(lr = 0.1, momentum = 0.2) for T = 4 steps ${
        inner.replace("window = 1", "window = 2")
      } }
        outer mid { minimize sum((w@T - goal)^2) + 0.1 * c^2 across 3 number over c by adam(lr = 0.05) for M = 4 steps ${outer} clip norm 1 }
        gradient mid.loss@M + c@M wrt ${wrt}`;
    // what an implicit loop in the middle can see is its goal
    for (const wrt of ["c@0, mid.lr, goal", "c@0, goal", "goal"]) {
      try {
        const run = await compile(program(wrt)).run();
        assert(gradientsOf(run).every(Number.isFinite), `${inner} in ${outer}`);
        ran++;
        break;
      } catch (error) {
        if (!(error instanceof CompileError)) throw new Error(`${inner} in ${outer}: ${error}`, { cause: error });
        const codes = error.diagnostics.map((d) => d.code);
        assert(
          codes.every((code) => ["M0501", "M0504", "M0701"].includes(code)),
          `${inner} in ${outer}: ${error.message}`,
        );
      }
    }
  }
  // refused are windows of samples inside a loop, and what is cut on all ways
  assert(ran > 0.7 * looked.length, `${ran} of ${looked.length}`);
});
