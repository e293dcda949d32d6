// Sinusoid MAML: that it learns to adapt, that a run can be repeated to the last bit, and how long a meta-step takes.
import { assert, assertEquals } from "@std/assert";
import { compileProgram } from "../../dsl/compile.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { planFunction } from "../../runtime/loop/memory.ts";
import { compileInExamples, exampleText, reorderItems, replaceOnce } from "./programs.ts";
import { cases, some, thorough } from "../thorough.ts";

/** What is said of it holds on both; the reference takes ten times as long. */
const backend = thorough ? "reference" : "wasm";

const maml = (steps: number) => replaceOnce(exampleText("sinusoid_maml.meta"), "70_000", String(steps));

Deno.test("sinusoid MAML adapts after 2,000 meta-steps: one step lowers the test error by over three standard errors", async () => {
  for (const seed of some([0, 1, 2], 1)) {
    const run = await compileInExamples(maml(2000), "sinusoid_maml.meta").run({ backend: "wasm", seed });
    const test = run.evaluation("test");
    const before = test.point({ time: 0 }).values;
    const after = test.point({ time: 1 }).values;
    assertEquals(before.length, 600);
    const differences = Array.from(before, (b, i) => b - after[i]!);
    const mean = differences.reduce((a, d) => a + d, 0) / 600;
    const variance = differences.reduce((a, d) => a + (d - mean) ** 2, 0) / 599;
    const standardError = Math.sqrt(variance / 600);
    assert(mean > 3 * standardError, `seed ${seed}: ${mean} is not over three times ${standardError}`);
  }
});

Deno.test("a run gives the same bits when repeated and when the statements of its file are reordered", async () => {
  const text = maml(cases(3, 20));
  const orders = [
    (n: number) => Array.from({ length: n }, (_, i) => i),
    (n: number) => Array.from({ length: n }, (_, i) => i),
    (n: number) => Array.from({ length: n }, (_, i) => n - 1 - i),
  ];
  const results = [];
  for (const order of orders) {
    const run = await compileInExamples(reorderItems(text, order), "sinusoid_maml.meta").run({ backend });
    results.push({
      losses: [...run.losses("train")],
      parameters: run.parameters.toSorted().map((name) => [name, [...run.parameter(name).data]]),
      test: run.evaluation("test").reports.map((r) => r.points.map((p) => [...p.values])),
    });
  }
  assert(reorderItems(text, orders[2]!) !== text);
  assertEquals(results[1], results[0]);
  assertEquals(results[2], results[0]);
});

Deno.test("another seed gives other draws", async () => {
  const losses = [];
  for (const seed of [0, 1]) {
    const run = await compileInExamples(maml(1), "sinusoid_maml.meta").run({ backend, seed });
    losses.push(run.losses("train")[0]);
  }
  assert(losses[0] !== losses[1]);
});

Deno.test("a five-step sinusoid meta-step takes the operations of a gradient through five gradients, and no more", () => {
  const text = replaceOnce(exampleText("sinusoid_maml.meta"), "for      T = 1 steps", "for      T = 5 steps");
  const { program } = compileProgram({
    root: { name: "sinusoid_maml.meta", text },
    readSource: () => undefined,
    readData: () => undefined,
  });
  const { flops } = planFunction(program!.outers[0]!.step.fn, referenceBackend, Infinity).memory;
  // 10 points through 40 + 1600 + 40 weights, a product and a sum each
  const forward = 10 * (40 + 1600 + 40) * 2;
  // backwards each product makes two, but for the first layer, whose input nobody asks for; five times, then the query's loss
  const objective = 5 * (3 * forward - 10 * 40 * 2) + forward;
  const products = 25 * 3 * objective;
  // a tenth for what is no product: of 80 units of 10 points and of 1,761 parameters a few operations each time
  assert(flops > 0.5 * products && flops < 1.1 * products, `${flops} of ${products}`);
});
