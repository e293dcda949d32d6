// Do loops nest to any level, and are they differentiated right there? Closed forms where there are some, and central
// differences of the whole program, run again with other values.
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { compile } from "../../mod.ts";

/** Runs a program and gives its first `gradient`'s value. */
async function valueOf(source: string): Promise<number> {
  return (await compile(source).run()).value();
}

/** d value / d knob, where `{knob}` in a source stands for a number, by central differences with one Richardson step. */
async function difference(source: string, at: number, h = 1e-3): Promise<number> {
  const run = (x: number) => valueOf(source.replaceAll("{knob}", String(x)));
  const slope = async (h: number) => (await run(at + h) - await run(at - h)) / (2 * h);
  return (4 * await slope(h / 2) - await slope(h)) / 3;
}

/** w@T = theta / 2; the outer `mid` moves theta towards 4 by theta - 4 -> (1 - lr / 4) (theta - 4). */
const three = (more: string, through = "") =>
  `edition 1
  precision f64
  param w = 0
  param theta = 0.5
  inner fit { minimize 0.5 * (w - theta)^2 over w by sgd(lr = 0.5) for T = 1 steps }
  outer mid { minimize 0.5 * (w@T - 2)^2 over theta by sgd(lr = 0.3) for M = 3 steps ${through} }
  ${more}`;

Deno.test("three levels with a closed form: value, and gradients for the middle's rate and start", async () => {
  const run = await compile(three("gradient mid.loss@M wrt mid.lr, theta@0")).run();
  const rest = 1 - 0.3 / 4;
  const theta = 4 - 3.5 * rest ** 3;
  assertAlmostEquals(run.value(), 0.5 * (theta / 2 - 2) ** 2, 1e-14);
  const slope = (theta / 2 - 2) / 2;
  assertAlmostEquals(run.gradient("mid.lr").data[0]!, slope * 3.5 * 3 * rest ** 2 / 4, 1e-14);
  assertAlmostEquals(run.gradient("theta@0").data[0]!, slope * rest ** 3, 1e-14);
});

Deno.test("the times of what an outer learns, its losses and the norms of its gradients", async () => {
  const run = await compile(three(`
    evaluate all {
      report theta@t at t in 0 .. 3
      report mid.loss@t at t in 0 .. 3
      report mid.gradient_norm@t at t in 0 .. 3
      report mean(mid.loss@t for t in 1 .. M)
    }`)).run();
  const [thetas, losses, norms, mean] = run.evaluation("all").reports.map((r) => r.points.map((p) => p.mean));
  const expected = [0, 1, 2, 3].map((t) => 4 - 3.5 * (1 - 0.3 / 4) ** t);
  expected.forEach((theta, t) => {
    assertAlmostEquals(thetas![t]!, theta, 1e-14);
    assertAlmostEquals(losses![t]!, 0.5 * (theta / 2 - 2) ** 2, 1e-14);
    assertAlmostEquals(norms![t]!, Math.abs(theta / 2 - 2) / 2, 1e-14);
  });
  assertAlmostEquals(mean![0]!, (losses![1]! + losses![2]! + losses![3]!) / 3, 1e-14);
});

for (
  const [through, tolerance] of [
    ["through unroll()", 1e-14],
    ["through forward()", 1e-14],
  ] as const
) {
  Deno.test(`three levels, the middle one ${through}`, async () => {
    const plain = await compile(three("gradient mid.loss@M wrt mid.lr")).run();
    const other = await compile(three("gradient mid.loss@M wrt mid.lr", through)).run();
    assertAlmostEquals(other.gradient("mid.lr").data[0]!, plain.gradient("mid.lr").data[0]!, tolerance);
  });
}

Deno.test("an outer is differentiated implicitly by another: where it ends is a solution", async () => {
  const program = (steps: number, through: string) =>
    `edition 1
    precision f64
    param w : [2] = 0
    param theta = 0.5
    param goal = 2
    inner fit { minimize 0.5 * sum((w - [1, 3])^2) + 0.5 * exp(theta) * sum(w^2) over w by sgd(lr = 0.2) for T = 80 steps through implicit() }
    outer mid { minimize 0.5 * sum((w@T - goal)^2) + 0.05 * theta^2 over theta by sgd(lr = 0.4) for M = ${steps} steps ${through} }
    gradient (theta@M)^2 + mid.loss@M wrt goal`;
  const unrolled = await compile(program(200, "")).run();
  const implicit = await compile(program(200, "through implicit()")).run();
  assertEquals(implicit.gradients[0]!.implicit!.map((r) => [r.loop, r.arrived]), [["fit", true], ["mid", true]]);
  assertAlmostEquals(implicit.gradient("goal").data[0]!, unrolled.gradient("goal").data[0]!, 1e-8);
});

const noisy = `edition 1
  precision f64
  task line {
    a ~ normal(1, 0.5)
    split support { x : [4] ~ uniform(-1, 1)  y = a * x }
    split query { x : [6] ~ uniform(-1, 1)  y = a * x }
  }
  model scale(x : [n]) -> [n] { s = 0.1  return s * x }
  inner adapt { minimize mse(scale(support.x), support.y) over scale by sgd(lr = 0.3) for T = 2 steps }
  outer maml { minimize mse(scale@T(query.x), query.y) across 3 line over scale@0, adapt.lr by adam(lr = {knob}) for S = 4 steps }
  gradient maml.loss@S wrt maml.lr`;

Deno.test("a whole meta-learner inside another objective: tasks, Adam, a learned start and rate", async () => {
  const at = 0.05;
  const run = await compile(noisy.replace("{knob}", String(at))).run();
  const expected = await difference(noisy, at, 1e-4);
  assertAlmostEquals(run.gradient("maml.lr").data[0]!, expected, 1e-7 * Math.max(1, Math.abs(expected)));
});

Deno.test("an outer draws other tasks at each of its steps when another loop runs it, as when it runs by itself", async () => {
  const program = (fixed: string) =>
    `edition 1
    precision f64
    task number { a ~ normal(0, 1)  split support { x = a } }
    param theta = 0
    outer mid { minimize theta * support.x across 1 number ${fixed} over theta by sgd(lr = 1) for M = 5 steps }
    evaluate e { report theta@t at t in 0 .. 5 }`;
  const moves = async (fixed: string) => {
    const run = await compile(program(fixed)).run();
    const thetas = run.evaluation("e").reports[0]!.points.map((p) => p.mean);
    return thetas.slice(1).map((x, i) => x - thetas[i]!);
  };
  assertEquals(new Set((await moves("")).map((x) => x.toFixed(6))).size, 5);
  assertEquals(new Set((await moves("fixed")).map((x) => x.toFixed(6))).size, 1);
});

Deno.test("a loop that an objective and another loop use is run anew where it depends on the other's step", async () => {
  // outside of mid, fit is run with the theta that mid starts from; inside, with the theta of each of its steps
  const source = three("gradient (w@T - 1)^2 + mid.loss@M wrt theta@0").replace("theta = 0.5", "theta = {knob}");
  const run = await compile(source.replace("{knob}", "0.4")).run();
  const theta = 4 - 3.6 * (1 - 0.3 / 4) ** 3;
  assertAlmostEquals(run.value(), (0.2 - 1) ** 2 + 0.5 * (theta / 2 - 2) ** 2, 1e-12);
  assertAlmostEquals(run.gradient("theta@0").data[0]!, await difference(source, 0.4), 1e-9);
});

Deno.test("two inner loops in one objective, each differentiated in its own way", async () => {
  const source = (one: string, two: string) =>
    `edition 1
    precision f64
    param u = 0
    param w = 0
    param c = 0.3
    inner first { minimize (u - 1)^2 + exp(c) * u^2 over u by sgd(lr = 0.1) for T = 150 steps ${one} }
    inner second { minimize (w + 1)^2 + exp(2 * c) * w^2 over w by sgd(lr = 0.05) for S = 200 steps ${two} }
    gradient (u@T - w@S - 0.2)^2 wrt c`;
  const slope = async (one: string, two: string) => (await compile(source(one, two)).run()).gradient("c").data[0]!;
  const exact = await slope("", "");
  for (
    const [one, two] of [["through implicit()", ""], ["", "through implicit(solver = direct)"], [
      "through forward()",
      "",
    ]]
  ) {
    assertAlmostEquals(await slope(one!, two!), exact, 1e-10, `${one} and ${two}`);
  }
  // cut in one, the rest is that of the other
  const windowed = await slope("through unroll(window = 1)", "");
  assert(Math.abs(windowed - exact) > 1e-3 * Math.abs(exact));
});

Deno.test("an outer that another loop runs does not run by itself, and says so when it is asked for", async () => {
  const run = await compile(three("gradient mid.loss@M wrt mid.lr")).run();
  assertThrows(() => run.losses("mid"), RangeError, "no outer loop");
  assertThrows(
    () => compile(three("gradient mid.loss@M wrt mid.lr\ngradient (w@T)^2 wrt fit.lr after mid")),
    Error,
    "does not run by itself",
  );
});
