// What changes a draw, and what does not? The order of items and clauses and the layout do not; the seed, the task and the meta-step do.
import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import type { Run } from "../../../api/run.ts";
import { run, scalar } from "./meaning.ts";

const items = [
  "task line { a ~ normal(0, 1)  b ~ uniform(0, 1)  split support { x : [5, 1] ~ normal(0, 1)  y = a * x + b }" +
  "  split query { x : [4, 1] ~ normal(0, 1)  noise : [4, 1] ~ normal(0, 0.1)  y = a * x + b + noise } }",
  "model net(x : [n, 1]) -> [n, 1] { use l1 = dense(3)  use l2 = dense(1)  return x |> l1 |> tanh |> l2 }",
  "data probe { x : [3, 1] ~ normal(0, 1)  z : [3, 1] ~ uniform(-1, 1) }",
  "param scale : [3, 1] ~ normal(1, 0.1)",
  "inner adapt { minimize mse(net(support.x), support.y)  over net  by sgd(lr = 0.1)  for T = 3 steps }",
  "outer train { minimize mse(net@T(query.x), query.y) + mean(scale^2)  across 3 line  over net@0, scale, adapt.lr" +
  "  by adam(lr = 0.01)  for 4 steps }",
  "evaluate test { across 6 line  report mse(net@t(query.x), query.y) at t in 0 .. T }",
  "gradient mean((net@T(probe.x) - probe.z)^2 * scale) wrt net@0, scale across 2 line",
  "record train.loss",
];

/** Every number that a run gives, by name. */
function numbersOf(result: Run): Map<string, readonly number[]> {
  const numbers = new Map<string, readonly number[]>();
  numbers.set("losses", [...result.losses()]);
  for (const name of result.parameters) numbers.set(name, [...result.parameter(name).data]);
  for (const gradient of result.gradients) {
    numbers.set(gradient.label, [gradient.value]);
    for (const w of gradient.wrt) {
      for (const leaf of w.leaves) numbers.set(`${w.label} ${leaf.name}`, [...leaf.gradient.data]);
    }
  }
  for (const report of result.evaluation("test").reports) {
    for (const point of report.points) numbers.set(`test ${point.time}`, [...point.values]);
  }
  return new Map([...numbers].sort(([a], [b]) => a < b ? -1 : 1));
}

Deno.test("the order of items changes no number of a run", async () => {
  const forwards = numbersOf(await run(items.join("\n")));
  assert(forwards.size > 15);
  assertEquals(numbersOf(await run([...items].reverse().join("\n"))), forwards);
  const rotated = [...items.slice(4), ...items.slice(0, 4)];
  assertEquals(numbersOf(await run(rotated.join("\n"))), forwards);
});

Deno.test("the order of draws inside a task and of parameters inside a model changes no number", async () => {
  const source = items.join("\n");
  const exchanged = source
    .replace("a ~ normal(0, 1)  b ~ uniform(0, 1)", "b ~ uniform(0, 1)  a ~ normal(0, 1)")
    .replace("use l1 = dense(3)  use l2 = dense(1)", "use l2 = dense(1)  use l1 = dense(3)")
    .replace(
      "x : [4, 1] ~ normal(0, 1)  noise : [4, 1] ~ normal(0, 0.1)",
      "noise : [4, 1] ~ normal(0, 0.1)  x : [4, 1] ~ normal(0, 1)",
    );
  assertNotEquals(exchanged, source);
  const [one, two] = [numbersOf(await run(source)), numbersOf(await run(exchanged))];
  // sums over tensors are taken in another order: equal to rounding
  for (const [name, values] of one) values.forEach((v, i) => assertAlmostEquals(two.get(name)![i]!, v, 1e-12, name));
});

Deno.test("what else is drawn, clauses in another order, and layout change no draw; the seed does", async () => {
  const source = items.join("\n");
  const one = numbersOf(await run(source));
  const more = source.replace("param scale", "param other : [7] ~ normal(0, 1)\nparam scale")
    .replace("a ~ normal(0, 1) ", "unused ~ normal(0, 1)  a ~ normal(0, 1) ").replaceAll("  ", "\n  ")
    .replace("across 3 line\n  over net@0, scale, adapt.lr", "over net@0, scale, adapt.lr  across 3 line");
  assertEquals(numbersOf(await run(more)), one);
  assertNotEquals(numbersOf(await run(source, { seed: 1 })), one);
});

Deno.test("the layout of what is differentiated changes no draw", async () => {
  const source = `
task point { split support { c ~ normal(0, 1) } }
param w = 0.5
inner fit { minimize (w - support.c)^2  over w by sgd(lr = 0.1)  for T = 2 steps }
gradient (w@T - support.c)^2 + 2*w@T across 3 point wrt fit.lr`;
  const other = source.replace(
    "gradient (w@T - support.c)^2 + 2*w@T",
    "gradient ( w@T -\n  support.c ) ^ 2 // a comment\n + (2 * w@T)",
  );
  assertEquals((await run(other)).value(), (await run(source)).value());
  const another = source.replace("+ 2*w@T", "+ 2*w@T + 0");
  assertNotEquals((await run(another)).value(), (await run(source)).value());
});

Deno.test("two loops that draw the same task draw different ones, and each meta-step other ones unless `fixed`", async () => {
  const task = "task t { a ~ normal(0, 1)  split s { v = a } }\nparam w = 1\nparam u = 1";
  const outer = (name: string, over: string, fixed = "") =>
    `outer ${name} { minimize s.v * ${over}  across 1 t ${fixed}  over ${over}  by sgd(lr = 0)  for 4 steps }`;
  const result = await run(`${task}\n${outer("a", "w")}\n${outer("b", "u")}`);
  const seen = [...result.losses("a"), ...result.losses("b")];
  assertEquals(new Set(seen).size, 8);
  const fixed = await run(`${task}\n${outer("a", "w", "fixed")}`);
  assertEquals(new Set(fixed.losses("a")).size, 1);
});

Deno.test("an initial value that is learned is drawn once; one that is not, anew for every meta-step", async () => {
  const source = (over: string) => `
param w : [] ~ normal(0, 1)
param penalty = 0.1
inner fit { minimize (w - 1)^2 + penalty * w^2  over w  by sgd(lr = 0.1)  for T = 2 steps }
outer tune { minimize (w@T)^2  over ${over}  by sgd(lr = 0)  for 4 steps }`;
  assertEquals(new Set((await run(source("w@0, penalty"))).losses()).size, 1);
  assertEquals(new Set((await run(source("penalty"))).losses()).size, 4);
});

Deno.test("`across N task` is the mean over the tasks", async () => {
  const result = await run(`
task t { a ~ uniform(0, 1)  split s { v = a } }
param w = 2
outer tune { minimize w^2 + 0 * s.v  across 7 t  over w  by sgd(lr = 0)  for 1 steps }
evaluate e { across 7 t  report w^2 * s.v }
gradient w^2 * s.v wrt w across 7 t`);
  assertEquals(result.losses()[0], 4);
  // the mean is linear: d(w^2 m)/dw is value * 2 / w
  assertAlmostEquals(scalar(result, "w"), result.value() * 2 / 2, 1e-14);
  const { values, mean } = result.evaluation("e").point();
  assertAlmostEquals(values.reduce((a, x) => a + x, 0) / 7, mean, 1e-14);
});
