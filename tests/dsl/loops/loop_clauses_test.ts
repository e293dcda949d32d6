// The clauses of loops that change where a loop starts, what rows it sees, how a range is kept and how a schedule is held:
// each against its closed form.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import type { Run } from "../../../api/run.ts";
import { compile } from "../../../api/compile.ts";

function run(source: string): Promise<Run> {
  return compile(`edition 1\nprecision f64\n${source}`).run({ backend: "reference" });
}

Deno.test("`from other@T` starts a loop where another ended, and is differentiated through", async () => {
  const result = await run(`
param w = 0.5
inner first { minimize (w - 2)^2  over w  by sgd(lr = 0.1)  for T = 5 steps }
inner second { minimize (w - 3)^2  over w  by sgd(lr = 0.1)  for T = 10 steps  from first@T }
gradient w@(second.T) wrt w@0, first.lr
`);
  // w' = w - 2 lr (w - a) is a + (w - a) r with r = 1 - 2 lr
  const r = 0.8;
  const middle = 2 + (0.5 - 2) * r ** 5;
  assertAlmostEquals(result.value(), 3 + (middle - 3) * r ** 10, 1e-14);
  assertAlmostEquals(result.gradient("w@0").data[0]!, r ** 15, 1e-14);
  assertAlmostEquals(result.gradient("first.lr").data[0]!, (0.5 - 2) * 5 * r ** 4 * -2 * r ** 10, 1e-14);
});

Deno.test("`batch 2 of train` draws rows anew for each step, without bias, and the same ones in every run", async () => {
  const source = `
data train { x : [4] = [1, 10, 100, 1000] }
param w = 0
inner fit { minimize mean(train.x) + 0 * w  over w  by sgd(lr = 1)  for T = 800 steps  batch 2 of train }
record fit.loss@*
`;
  const losses = [];
  for (let i = 0; i < 2; i++) {
    const result = await run(source);
    losses.push(Array.from({ length: 800 }, (_, time) => result.parameter("fit.loss", { time }).data[0]!));
  }
  assertEquals(losses[1], losses[0]);
  const rows = [1, 10, 100, 1000];
  const means = new Set(rows.flatMap((a) => rows.map((b) => (a + b) / 2)));
  assert(losses[0]!.every((loss) => means.has(loss)));
  assertEquals(new Set(losses[0]).size, means.size);
  // the mean of 800 means of two draws: its standard error is sigma / sqrt(1600), and five of them are allowed
  const mean = rows.reduce((a, x) => a + x, 0) / 4;
  const sigma = Math.sqrt(rows.reduce((a, x) => a + (x - mean) ** 2, 0) / 4);
  const found = losses[0]!.reduce((a, x) => a + x, 0) / 800;
  assert(Math.abs(found - mean) < 5 * sigma / 40, `${found} is too far from ${mean}`);
});

Deno.test("`batch` takes the same rows of every field", async () => {
  const result = await run(`
data train { x : [4, 1] = [[1], [2], [3], [4]]  y : [4] = [1, 2, 3, 4] }
param w = 0
inner fit { minimize sum(abs(ravel(train.x) - train.y)) + 0 * w  over w  by sgd(lr = 1)  for T = 20 steps  batch 3 of train }
record fit.loss@*
`);
  for (let time = 0; time < 20; time++) assertEquals(result.parameter("fit.loss", { time }).data[0], 0);
});

Deno.test("`batch` in an outer draws rows anew for each meta-step, and for its objective alone", async () => {
  const source = `
data train { x : [4] = [1, 10, 100, 1000] }
param w = 0
param rate = 0
inner fit { minimize (w + 1) * sum(train.x)  over w  by sgd(lr = 1)  for T = 1 steps }
outer tune { minimize mean(train.x) + rate * w@T  over rate  by sgd(lr = 0)  for 200 steps  batch 2 of train }
record fit.loss@*
`;
  const [first, second] = [await run(source), await run(source)];
  const losses = first.losses();
  assertEquals(second.losses(), losses);
  const rows = [1, 10, 100, 1000];
  const means = new Set(rows.flatMap((a) => rows.map((b) => (a + b) / 2)));
  assert(losses.every((loss) => means.has(loss)));
  assertEquals(new Set(losses).size, means.size);
  assertEquals(first.parameter("fit.loss", { time: 0 }).data[0], 1111); // the inner loop sees the whole table
});

const links: readonly [clause: string, toFree: (v: number) => number, fromFree: (u: number) => number][] = [
  ["in 0 .. inf via log", Math.log, Math.exp],
  ["in 1 .. inf via log", (v) => Math.log(v - 1), (u) => 1 + Math.exp(u)],
  ["in -1 .. 4 via logit", (v) => Math.log((v + 1) / (4 - v)), (u) => -1 + 5 / (1 + Math.exp(-u))],
  ["in 0 .. inf via softplus", (v) => Math.log(Math.expm1(v)), (u) => Math.log1p(Math.exp(u))],
];
for (const [clause, toFree, fromFree] of links) {
  Deno.test(`\`${clause}\` moves u in value = link(u), and shows the gradient for the value`, async () => {
    const result = await run(`
param a = 2.5 ${clause}
outer tune { minimize (a - 1.5)^2  over a  by sgd(lr = 0.1)  for 3 steps }
gradient (a - 1.5)^2 wrt a
`);
    let u = toFree(2.5);
    for (let i = 0; i < 3; i++) {
      const h = 1e-6;
      const objective = (at: number) => (fromFree(at) - 1.5) ** 2;
      u -= 0.1 * (objective(u + h) - objective(u - h)) / (2 * h);
    }
    // a central difference of a smooth function of order 1: error h^2 and 1e-16 / h, both about 1e-10
    assertAlmostEquals(result.parameter("a").data[0]!, fromFree(u), 1e-8);
    assertEquals(result.gradient("a").data[0], 2);
  });
}

Deno.test("`hold last` repeats the last entry of a schedule when an evaluation runs longer, and cuts it when shorter", async () => {
  for (const [steps, rates] of [[4, [0.1, 0.2, 0.2, 0.2]], [1, [0.1]]] as const) {
    const result = await run(`
param w = 1
inner fit { minimize w^2  over w  by sgd(lr = 0.1)  for T = 2 steps }
override fit { lr = [0.1, 0.2] per step }
evaluate longer { for T = ${steps} steps  hold last  report w@T }
gradient w@T wrt fit.lr
`);
    const expected = rates.reduce((w, lr) => w * (1 - 2 * lr), 1);
    assertAlmostEquals(result.evaluation("longer").point().mean, expected, 1e-15);
  }
});
