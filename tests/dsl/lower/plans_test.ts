// Is a loop written as its check found it to be run? For each item that runs it, whole, and also where a start is all that runs it.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { compile } from "../../../mod.ts";
import { compileProgram } from "../../../dsl/compile.ts";

const run = (text: string) => compile(`edition 1\nprecision f64\n${text}`).run({ backend: "reference" });

/** w@T for (w - 2)^2 from 1, T steps at a rate: 2 - (1 - 2 rate)^T. */
const end = (rate: number, steps: number) => 2 - (1 - 2 * rate) ** steps;
const fit = (from = "") =>
  `param w = 1
   inner fit { minimize (w - 2)^2  over w  by sgd(lr = 0.4 / fit.T)  for T = 4 steps ${from} }`;

Deno.test("a rate that follows the number of steps is that of the item which gives the number", async () => {
  const { gradients, evaluation } = await run(
    `${fit()}  evaluate two { report w@T  for T = 2 steps }  gradient w@T wrt w@0  evaluate four { report w@T }`,
  );
  const mean = (name: string) => evaluation(name).reports[0]!.points[0]!.mean;
  // five roundings of numbers below 2
  const near = (actual: number, rate: number, steps: number) => assertAlmostEquals(actual, end(rate, steps), 1e-15);
  near(mean("two"), 0.2, 2);
  near(mean("four"), 0.1, 4);
  near(gradients[0]!.value, 0.1, 4);
});

Deno.test("a loop that only the start of what is learned runs is written where that is", async () => {
  const { gradients } = await run(`${fit()}  param a = w@T  gradient a^2 wrt a`);
  assertAlmostEquals(gradients[0]!.value, end(0.1, 4) ** 2, 1e-15 * 4);
});

Deno.test("a loop that only the start of a warm loop runs is written where that is", async () => {
  const { losses } = await run(
    `${fit()}  param b = 0.5  param v = w@T
     inner go { minimize (v - b)^2  over v  by sgd(lr = 0.25)  for S = 1 steps  from go@S }
     outer train { minimize (v@S)^2  over b  by sgd(lr = 0)  for 2 steps }`,
  );
  const once = (v: number) => (v + 0.5) / 2;
  const first = once(end(0.1, 4));
  assertAlmostEquals(losses()[1]!, once(first) ** 2, 1e-15 * 4);
});

const grown = `edition 1
precision f64
data d { x : [2, 3] = [[1, 2, 3], [0, 1, 1]] }
model layer(m)(x : [n, k]) -> [n, m] { W : [k, m] = 0.5  return dot(x, W) }
model net(x : [n, 3]) -> [n, 1] { use body = layer(2)  use head = layer(1)  return head(body(x)) }
inner fit { minimize mean(net.body(d.x)^2)  over net  by sgd(lr = 0.1, weight_decay = 0.1)  for T = 2 steps }
override fit { lr = 0.1 per tensor }
outer train { minimize sum(net.body@T(d.x)^2)  over fit.lr, net@0 by adam(lr = 0.01)  for 4 steps }
gradient sum(net.body@T(d.x)^2) wrt fit.lr, net@0
evaluate all { report sum(net@T(d.x)) }
record net@*, fit.lr`;

Deno.test("what a loop evolves is whole in every item, also in those before the call that shapes the rest", () => {
  const { program, diagnostics, emit } = compileProgram({
    root: { name: "grown.meta", text: grown },
    readSource: () => undefined,
    readData: () => undefined,
  });
  assertEquals(diagnostics, []);
  const names = (tensor: string) =>
    ["fit.lr[body.W]", "fit.lr[head.W]", "net.body.W", "net.head.W"].filter((n) => n.includes(tensor));
  assertEquals(program!.outers[0]!.over, names(""));
  assertEquals(program!.gradients[0]!.wrt.map((r) => r.leaves), [names("fit"), names("net")]);
  assertEquals(program!.gradients[0]!.trajectories.map((t) => t.name), names("net"));
  assert(emit("checked").includes("fit.lr[head.W] : [], learned"));
});
