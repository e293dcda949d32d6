// Does `verify` find right what is right where a derivative is not what differences see? Behind `stop_gradient` values are held as they
// are; where a value jumps the slopes beside the jump are looked at; what cannot be compared is said not to be.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { cutting, verifyText } from "./planted.ts";
import { some } from "../thorough.ts";

/** Programs that hold values, in every place that a program has. */
const held: Readonly<Record<string, string>> = {
  "in a value": "param w : [2] = 0.1\ngradient sum(w * stop_gradient(w)) wrt w",
  "in what a loop minimizes": `param w : [2] = 0
    param c = 0.3
    inner fit { minimize sum((w - [1, 2])^2) + exp(c) * sum(w^2) + stop_gradient(c) * sum(w) over w by sgd(lr = 0.1) for T = 20 steps }
    gradient sum((w@T - 0.2)^2) wrt c, w@0, fit.lr`,
  "of what the loop changes, at every step": `param w : [2] = 0.1
    param c = 0.3
    inner fit { minimize sum((w - [1, 2])^2) + c * sum(w * stop_gradient(w^2)) over w by adam(lr = 0.1) for T = 20 steps }
    gradient sum((w@T - stop_gradient(c))^2) wrt c, w@0, fit.lr`,
  "in tasks, through a function and a pipe": `task t { a ~ uniform(0.5, 1)  split s { x = a } }
    param w : [2] = [0.3, -0.2]
    param c = 0.4
    fn detach(x) = x |> stop_gradient
    inner fit { minimize sum((tanh(w) - detach(c * w) * s.x)^2) over w by sgd(lr = 0.1, momentum = 0.5) for T = 5 steps }
    outer train { minimize sum((w@T)^2) + exp(c) * detach(c) across 3 t over c, fit.lr, w@0 by adam(lr = 0.1) for 4 steps }`,
  "in an outer that is run by a gradient": `param w = 0.5
    param a = 1
    inner fit { minimize (w - a * stop_gradient(w))^2 + w^2 over w by sgd(lr = 0.1) for T = 3 steps }
    outer mid { minimize (w@T - 1)^2 + a * stop_gradient(a * w@T) over a by sgd(lr = 0.1) for M = 2 steps }
    gradient (a@M)^2 wrt mid.lr, w@0, fit.lr`,
  "in a loop in a loop": `param w = 0.5
    param a = 1
    param h = 0.2
    inner fit { minimize (w - h * a)^2 + 0.1 * w^4 * stop_gradient(h * w) over w by sgd(lr = 0.1) for T = 4 steps }
    inner up { minimize (h - 0.3)^2 + (w@(fit.T) - h)^2 over h by sgd(lr = 0.1) for R = 3 steps }
    gradient (h@R)^2 wrt a, fit.lr, up.lr`,
  "of the time before": `param w = 0.5
    param a = 1
    inner fit { minimize (w - a)^2 + 0.1 * w^4 over w by sgd(lr = 0.1) for T = 4 steps }
    gradient sum(w@t * stop_gradient(w@(t - 1)) for t in 1 .. T) wrt a, fit.lr`,
  "in a model, half of a layer": `data d { x : [3, 2] = [[1, 2], [0, 1], [-1, 0.5]]  y : [3] = [0, 1, 1] }
    model net(x : [n, 2]) -> [n] {
      W : [2, 3] = 0.2
      V : [3] = [0.1, 0.2, -0.3]
      let h = tanh(dot(x, W))
      return dot(stop_gradient(h) * 0.5 + 0.5 * h, V)
    }
    inner fit { minimize mse(net(d.x), d.y) over net by adam(lr = 0.1) for T = 4 steps }
    gradient mse(net@T(d.x), d.y) wrt net@0, fit.lr`,
  "in a scan, of its own state": `data d { x : [3, 2] = [[1, 2], [0, 1], [-1, 0.5]]  y : [3, 2] = 0.5 }
    model net(x : [n, 2]) -> [n, 2] {
      W : [2] = [0.2, 0.3]
      scan run over z in x { state h : [2] = 0  h' = tanh(W * z + stop_gradient(h) * W + 0.5 * h) }
      return run.h
    }
    inner fit { minimize mse(net(d.x), d.y) over net by sgd(lr = 0.1) for T = 4 steps }
    gradient mse(net@T(d.x), d.y) wrt net@0, fit.lr`,
  "in a rule": `param w : [2] = 0.5
    param a = 1
    param m = 0.3
    optimizer own(lr) { state v = 0  v' = 0.5 * v + stop_gradient(g) * m + g  p' = p - lr * v' }
    inner fit { minimize sum((w - a)^2) + 0.1 * sum(w^4) over w by own(lr = 0.1) for T = 4 steps }
    gradient sum((w@T)^2) wrt a, fit.lr, m, w@0`,
  "of a loop that is followed forwards": `param w = 0.5
    param a = 1
    inner fit { minimize (w - a)^2 + stop_gradient(a * w) * w over w by sgd(lr = 0.1) for T = 5 steps through forward() }
    gradient (w@T)^2 wrt a, w@0`,
  "of a solution": `param w = 0.5
    param a = 1
    inner fit { minimize (w - a)^2 + stop_gradient(a * w) * w over w by sgd(lr = 0.1) for T = 40 steps through implicit() }
    gradient (w@T)^2 wrt a`,
  "of a fixed point": `param w = 0.5
    param a = 1
    inner fit { minimize (w - a)^2 + stop_gradient(a * w) * w over w by sgd(lr = 0.1, weight_decay = 0.2) for T = 40 steps through implicit(solver = fixed_point, iterations = 200) }
    gradient (w@T)^2 wrt a, fit.weight_decay`,
  "beside what the library holds": `data d { x : [3, 2] = [[1, 2], [0, 1], [-1, 0.5]]  y : int [3] = [0, 1, 1] }
    param W : [2, 2] = 0.1
    inner fit { minimize cross_entropy(dot(d.x, W) + stop_gradient(W[0]), d.y) over W by sgd(lr = 0.1) for T = 5 steps }
    gradient cross_entropy(dot(d.x, W@T), d.y) wrt W@0, fit.lr`,
  "of a warm loop": `param w = 0.5
    param a = 1
    inner fit { minimize (w - a)^2 + 0.1 * w^4 * stop_gradient(w * a) over w by sgd(lr = 0.1) for T = 3 steps from fit@T }
    outer train { minimize (w@T - 2)^2 + a^2 over a, fit.lr by adam(lr = 0.1) for 5 steps }`,
};
for (const [name, source] of some(Object.entries(held), 6)) {
  Deno.test(`verify holds what is behind stop_gradient: ${name}`, async () => {
    const { code, out } = await verifyText(`edition 1\n${source}`);
    assertEquals(code, 0, out);
    assertStringIncludes(out, "as promised\n");
    assertMatch(out, / difference .* ok$/m);
  });
}

Deno.test("verify finds a lost term beside a stop_gradient that the program says", async () => {
  const source = (term: string) =>
    `edition 1
    param w : [2] = 0
    param c = 0.3
    inner fit { minimize sum((w - [1, 2])^2) + ${term} * sum(w) + stop_gradient(c^2) * sum(w^2) over w by sgd(lr = 0.1) for T = 5 steps }
    gradient sum((w@T - 0.2)^2) wrt c`;
  const { code, out } = await verifyText(source("sin(c)"), { compile: cutting("sin") });
  assertEquals(code, 4, out);
  assertMatch(out, /^ {2}c .* (WRONG|MISSING)/m);
  // and none where what is lost is what the program says not to follow
  assertEquals((await verifyText(source("c * stop_gradient(sin(c))"), { compile: cutting("sin") })).code, 0);
});

Deno.test("verify shows of a window and of first order their own bias, beside a stop_gradient that is none", async () => {
  for (const through of ["unroll(window = 2)", "first_order()"]) {
    const rows = async (factor: string) => {
      const { code, out } = await verifyText(
        `edition 1
        param w = 0.5
        param a = 1
        inner fit { minimize (w - a)^2 + 0.1 * w^4 * ${factor} over w by sgd(lr = 0.1) for T = 4 steps through ${through} }
        gradient (w@T - a)^2 wrt a`,
      );
      assertEquals(code, 0, out);
      assertMatch(out, /^ {2}a .* bias /m, out);
      return /^ {2}a +(\S+) +difference +(\S+)/m.exec(out)!.slice(1);
    };
    // a factor that is 1 changes neither number
    assertEquals(await rows("stop_gradient(1 + 0 * a)"), await rows("1"), through);
  }
});

Deno.test("verify says that samples see what stop_gradient hides", async () => {
  const { code, out } = await verifyText(`edition 1
    param w = 0.5
    param a = 1
    inner fit { minimize (w - a)^2 + stop_gradient(a * w) * w over w by sgd(lr = 0.1) for T = 4 steps through es(samples = 20, sigma = 0.01) }
    gradient (w@T)^2 wrt a`);
  assertEquals(code, 0, out);
  assertMatch(out, /^ {2}a .* difference .* ok$/m);
  assertMatch(out, /mean of 24 seeds .* not compared: samples see what `stop_gradient` hides/);
});

Deno.test("verify looks beside a jump, and at none where there is no jump", async () => {
  const jumps: readonly (readonly [source: string, low: string, high: string])[] = [
    ["param c = 1\ngradient floor(c) * c + c wrt c", "1.0000", "2.0000"],
    ["param c = 0\ngradient where(c > 0, 2 * c, 1 + 3 * c) wrt c", "2.0000", "3.0000"],
    ["param c = 0\ngradient step(c) + c wrt c", "1.0000", "1.0000"],
    ["param w : [2] = 0.2\ngradient 2 * sum(w) + 1.0 * argmax(w) wrt w", "2.0000", "2.0000"],
    [
      "param w = 0\ninner fit { minimize sign(w) + (w - 1)^2 over w by sgd(lr = 0.1) for T = 2 steps }\ngradient w@T wrt fit.lr",
      "-2.0000",
      "-2.0000",
    ],
  ];
  for (const [source, low, high] of jumps) {
    const { code, out } = await verifyText(`edition 1\n${source}`);
    assertEquals(code, 0, out);
    assertStringIncludes(out, `where the value jumps, with slopes of ${low} and ${high} beside it`);
  }
  // away from jumps, integers have slope 0 and nothing is left open
  const { code, out } = await verifyText(
    "edition 1\nparam c = 1.3\ngradient floor(3 * c) * c + 1.0 * argmax([c, 1, 2]) wrt c",
  );
  assertEquals(code, 0, out);
  assert(!out.includes("decide nothing"), out);
});

Deno.test("verify says nothing false of draws, warm starts, signs and samples of what jumps", async () => {
  const programs = [
    `param p = 0.5
    task t { k ~ uniform(0, 1)  n = floor(k * 4)  split s { x : [3] ~ normal(p, 1) } }
    param w = 0.1
    inner fit { minimize mean((w - s.x)^2) over w by sgd(lr = 0.1) for T = 3 steps }
    gradient (w@T)^2 across 2 t wrt p, w@0`,
    `task t { k ~ uniform(0, 1)  split s { x = k } }
    param w = 0.5
    param a = 1
    inner fit { minimize (w - a * s.x)^2 over w by sgd(lr = 0.1) for T = 3 steps from fit@T }
    outer train { minimize (w@T - 2)^2 + a^2 across 2 t fixed over a, fit.lr by adam(lr = 0.1) for 5 steps }`,
    `param w : [2] = 0.5
    param a = 1
    inner fit { minimize sum((w - a)^2) over w by adam(lr = 0.1) for T = 2 steps from fit@T }
    outer train { minimize sum((w@T - 2)^2) over a, fit.lr by adam(lr = 0.1) for 5 steps }
    gradient sum(w@T) wrt w@0, a, fit.lr after train
    evaluate e { report sum(w@0) for T = 0 steps }`,
    `param w : [3] = [0.5, 0, 1]
    inner fit { minimize sum((w - 1)^2) over w by lion(lr = 0.1) for T = 4 steps }
    gradient sum((w@T)^2) wrt w@0, fit.lr`,
    `param w : [3] = [0.5, 0, 1]
    inner fit { minimize sum((w - 1)^2) over w by rprop(lr = 0.1) for T = 4 steps }
    gradient sum((w@T)^2) wrt w@0, fit.lr`,
    ...["es(samples = 2, sigma = 0.1, window = 2)", "pes(samples = 2, sigma = 0.1, window = 2)"].map((through) =>
      `param w = 0.5
    param a = 1
    inner fit { minimize (w - a)^2 over w by sgd(lr = 0.1) for T = 4 steps through ${through} }
    outer train { minimize (w@T - 2)^2 + a^2 over a by adam(lr = 0.1) for 5 steps }`
    ),
    `param w = 0.5
    param a = 1
    inner fit { minimize (w - a)^2 over w by sgd(lr = 0.1) for T = 4 steps through es(samples = 2, sigma = 0.1) }
    gradient floor(w@T * 10) wrt a`,
  ];
  for (const source of programs) {
    const { code, out } = await verifyText(`edition 1\n${source}`);
    assertEquals(code, 0, out);
  }
});
