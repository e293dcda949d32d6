// Does a program mean what the language says? The rules of `docs/language.md` one by one: through the whole pipeline in f64 on
// the reference backend, each against a closed form, a central difference or another way to say the same.
import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";
import type { InputValues } from "../../../dsl/data/inputs.ts";
import { codes, run, scalar, slope } from "./meaning.ts";

// ------------------------------------------------------------------------------------------------------------ sizes

Deno.test("a size with a name does not broadcast when it is set to 1, a nameless 1 does", () => {
  const source = (size: string) => `
input K : int = 4
param a : [${size}, 3] = 1
param b : [4, 3] = 2
gradient sum(a * b) wrt a`;
  assertEquals(codes(source("K")), []);
  assertEquals(codes(source("K"), { K: 1 }), ["M0301"]);
  assertEquals(codes(source("K"), { K: 2 }), ["M0301"]);
  assertEquals(codes(source("1")), []);
});

Deno.test("a size named by a model's call keeps the caller's name and loses the model's own", () => {
  const source = (x: string) => `
input K : int = 1
model net(x : [n, 2]) -> [n, 1] { use l = dense(1)  return l(x) }
param x : [${x}, 2] = 1
param y : [4, 1] = 2
inner fit { minimize mean((net(x) * y)^2)  over net  by sgd(lr = 0.1)  for T = 1 steps }`;
  assertEquals(codes(source("1")), []);
  assertEquals(codes(source("K")), ["M0301"]);
});

// -------------------------------------------------------------------------------------------------- hyperparameters

Deno.test("an override changes its loop alone", async () => {
  const result = await run(`
param w = 1
param u = 1
inner a { minimize w^2  over w  by sgd(lr = 0.1)  for T = 1 steps }
inner b { minimize u^2  over u  by sgd(lr = 0.1)  for T = 1 steps }
override a { lr = 0.25 }
gradient w@1 + 10 * u@1 wrt a.lr, b.lr`);
  assertAlmostEquals(result.value(), (1 - 0.5) + 10 * (1 - 0.2), 1e-14);
  assertEquals(scalar(result, "a.lr"), -2);
  assertEquals(scalar(result, "b.lr"), -20);
});

Deno.test("a hyperparameter whose value is 0 keeps its gradient", async () => {
  const source = `
input mu : float = 0
input decay : float = 0
param w = 0.5
inner fit { minimize (w - 3)^2 + 0.1 * w^4  over w  by sgd(lr = 0.1, momentum = mu, weight_decay = decay)  for T = 2 steps }
gradient (w@T - 1)^2 wrt fit.momentum, fit.weight_decay`;
  const result = await run(source);
  assertAlmostEquals(scalar(result, "fit.momentum"), await slope(source, "mu", 0), 1e-8);
  assertAlmostEquals(scalar(result, "fit.weight_decay"), await slope(source, "decay", 0), 1e-8);
  assert(Math.abs(scalar(result, "fit.momentum")) > 0.1);
});

Deno.test("`per step`, `per tensor` and `per entry` give the shapes and names that they say, and compose", async () => {
  const expected: Readonly<Record<string, Readonly<Record<string, readonly number[]>>>> = {
    "": { "fit.lr": [] },
    "per step": { "fit.lr": [3] },
    "per tensor": { "fit.lr[l.W]": [], "fit.lr[l.b]": [] },
    "per entry": { "fit.lr[l.W]": [2, 1], "fit.lr[l.b]": [1] },
    "per step per tensor": { "fit.lr[l.W]": [3], "fit.lr[l.b]": [3] },
    "per tensor per step": { "fit.lr[l.W]": [3], "fit.lr[l.b]": [3] },
    "per entry per step": { "fit.lr[l.W]": [3, 2, 1], "fit.lr[l.b]": [3, 1] },
  };
  for (const [axes, shapes] of Object.entries(expected)) {
    const result = await run(`
data d { x : [3, 2] = [[1, 2], [3, 4], [5, 7]]  y : [3, 1] = [[1], [0], [2]] }
model net(x : [n, 2]) -> [n, 1] { use l = dense(1, init = normal(0, 0.1))  return l(x) }
inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 3 steps }
override fit { lr = 0.02 ${axes} }
gradient mse(net@T(d.x), d.y) wrt fit.lr`);
    const group = result.gradientGroup("fit.lr");
    assertEquals(Object.fromEntries(Object.entries(group).map(([k, v]) => [k, [...v.shape]])), shapes);
    // the finer gradients add up to the coarsest
    const total = Object.values(group).reduce((sum, { data }) => sum + [...data].reduce((a, x) => a + x, 0), 0);
    const single = await run(`
data d { x : [3, 2] = [[1, 2], [3, 4], [5, 7]]  y : [3, 1] = [[1], [0], [2]] }
model net(x : [n, 2]) -> [n, 1] { use l = dense(1, init = normal(0, 0.1))  return l(x) }
inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.02)  for T = 3 steps }
gradient mse(net@T(d.x), d.y) wrt fit.lr`);
    assertAlmostEquals(total, scalar(single, "fit.lr"), 1e-12, axes);
  }
});

const schedules: readonly (readonly [formula: string, rate: (t: number, T: number) => number])[] = [
  ["0.5 * cosine(t, T)", (t, T) => 0.25 * (1 + Math.cos(Math.PI * t / T))],
  ["cosine(t, T, start = 0.4, end = 0.1)", (t, T) => 0.1 + 0.15 * (1 + Math.cos(Math.PI * t / T))],
  ["linear_schedule(t, T, start = 0.4, end = 0.1)", (t, T) => 0.4 - 0.3 * t / T],
  ["0.3 * exponential(t, 0.8)", (t) => 0.3 * 0.8 ** t],
  ["0.3 * step_decay(t, 0.5, 2)", (t) => 0.3 * 0.5 ** Math.floor(t / 2)],
  ["0.3 * warmup(t, 3)", (t) => 0.3 * Math.min(1, (t + 1) / 3)],
  ["0.3 * inverse_time(t, 0.5)", (t) => 0.3 / (1 + 0.5 * t)],
];
for (const [formula, rate] of schedules) {
  Deno.test(`\`lr@t = ${formula}\` is the rate of each step, inside and outside`, async () => {
    const result = await run(`
param w = 1
param u = 1
inner fit { minimize (w - 3)^2 / 2  over w by sgd(lr = 0.1)  for T = 5 steps }
override fit { lr@t = ${formula} }
outer tune { minimize (u - 3)^2 / 2  over u by sgd(lr = 0.1)  for T = 5 steps }
override tune { lr@t = ${formula} }
gradient w@T wrt w@0`);
    let [w, slope] = [1, 1];
    for (let t = 0; t < 5; t++) [w, slope] = [w - rate(t, 5) * (w - 3), slope * (1 - rate(t, 5))];
    assertAlmostEquals(result.value(), w, 1e-14);
    assertAlmostEquals(scalar(result, "w@0"), slope, 1e-14);
    assertAlmostEquals(Number(result.parameter("u").data[0]), w, 1e-14);
  });
}

Deno.test("one entry of a hyperparameter is `fit.lr[l.W]@t`", async () => {
  const result = await run(`
model net(x : [n, 1]) -> [n, 1] { use l = dense(1)  return l(x) }
inner fit { minimize mean(net([[1], [2]])^2)  over net  by sgd(lr = 0.1)  for T = 2 steps }
override fit { lr = [0.25, 0.5] per step per tensor }
gradient fit.lr[l.W]@1 + 10 * fit.lr[l.b]@0 + 0 * fit.loss@T wrt fit.lr`);
  assertEquals(result.value(), 0.5 + 2.5);
  const group = result.gradientGroup("fit.lr");
  assertEquals([...group["fit.lr[l.W]"]!.data], [0, 1]);
  assertEquals([...group["fit.lr[l.b]"]!.data], [10, 0]);
});

Deno.test("a formula over the steps acts as the same numbers given per step, and its parameters are learned", async () => {
  const program = (override: string, wrt: string) => `
input start : float = 0.8
param m0 = start
param w = 0.5
inner fit { minimize (w - 3)^2 + 0.1 * w^4  over w  by sgd(lr = 0.05)  for T = 4 steps }
override fit { ${override} }
gradient (w@T - 1)^2 wrt ${wrt}`;
  const formula = program("momentum@t = m0 * t / T", "m0");
  const result = await run(formula);
  const given = await run(program("momentum = [0, 0.2, 0.4, 0.6000000000000001] per step", "fit.momentum"));
  assertAlmostEquals(result.value(), given.value(), 1e-15);
  assertAlmostEquals(scalar(result, "m0"), await slope(formula, "start", 0.8), 1e-8);
  const each = [...given.gradient("fit.momentum").data];
  assertAlmostEquals(scalar(result, "m0"), each.reduce((sum, g, t) => sum + g * t / 4, 0), 1e-12);
  assertEquals(codes(program("momentum@t = m0 * t / T", "fit.momentum")), ["M0502"]);
});

// ------------------------------------------------------------------------------------------------------- time

Deno.test("`fit.loss@t` and `fit.gradient_norm@t` are before the update, and `@T` is one more evaluation", async () => {
  const result = await run(`
param w = 0.5
inner fit { minimize (w - 3)^2  over w  by sgd(lr = 0.1)  for T = 3 steps }
gradient fit.loss@0 + 10 * fit.loss@2 + 100 * fit.loss@T + 1000 * fit.gradient_norm@0 + 1e4 * fit.gradient_norm@T wrt fit.lr
record w@*`);
  const w = (t: number) => 3 + (0.5 - 3) * 0.8 ** t;
  for (let t = 0; t <= 3; t++) assertAlmostEquals(result.parameter("w", { time: t }).data[0]!, w(t), 1e-14);
  const loss = (t: number) => (w(t) - 3) ** 2;
  const norm = (t: number) => Math.abs(2 * (w(t) - 3));
  assertAlmostEquals(
    result.value(),
    loss(0) + 10 * loss(2) + 100 * loss(3) + 1000 * norm(0) + 1e4 * norm(3),
    1e-8,
  );
});

Deno.test("sums over times read each time, with offsets, and are differentiated", async () => {
  const source = `
input rate : float = 0.1
param w = 0.5
inner fit { minimize (w - 3)^2 + 0.1 * w^4  over w  by sgd(lr = rate)  for T = 4 steps }
gradient sum((w@(t + 1) - w@t)^2 for t in 0 .. T - 1) + mean(fit.loss@t for t in 1 .. T) + max(w@t for t in 1 .. 2) wrt fit.lr, w@0`;
  assertAlmostEquals(scalar(await run(source), "fit.lr"), await slope(source, "rate", 0.1), 1e-7);
});

Deno.test("`w@0` inside its own loop is where the loop starts: a proximal term", async () => {
  const source = `
input start : float = 0.5
input weight : float = 0.7
param w = start
param strength = weight
inner fit { minimize (w - 3)^2 + strength * (w - w@0)^2  over w  by sgd(lr = 0.1)  for T = 4 steps }
gradient (w@T - 1)^2 wrt w@0, strength`;
  const result = await run(source);
  let w = 0.5;
  for (let t = 0; t < 4; t++) w -= 0.1 * (2 * (w - 3) + 2 * 0.7 * (w - 0.5));
  assertAlmostEquals(result.value(), (w - 1) ** 2, 1e-14);
  assertAlmostEquals(scalar(result, "w@0"), await slope(source, "start", 0.5), 1e-8);
  assertAlmostEquals(scalar(result, "strength"), await slope(source, "weight", 0.7), 1e-8);
});

Deno.test("a model at its start inside its own loop is the model with its first parameters", async () => {
  const result = await run(`
data d { x : [2, 1] = [[1], [2]] }
model net(x : [n, 1]) -> [n, 1] { w : [1, 1] = 0.5  return dot(x, w) }
inner fit { minimize mean((net(d.x) - net@0(d.x) - 1)^2)  over net  by sgd(lr = 0.1)  for T = 2 steps }
gradient sum(net.w@T) wrt fit.lr`);
  let w = 0.5;
  for (let t = 0; t < 2; t++) w -= 0.1 * ((2 * ((w - 0.5) - 1) * 1 + 2 * (2 * (w - 0.5) - 1) * 2) / 2);
  assertAlmostEquals(result.value(), w, 1e-14);
});

Deno.test("`net@t` takes what the loop evolves at t and the rest at the outer's now: ANIL", async () => {
  const source = `
input shift : float = 0
data d { x : [3, 2] = [[1, 2], [3, 4], [5, 7]]  y : [3, 1] = [[1], [0], [2]] }
model net(x : [n, 2]) -> [n, 1] {
  body : [2, 3] = [[0.1 + shift, 0.2, -0.3], [0.2, 0.1, 0.4]]
  head : [3, 1] = [[0.5], [-0.2], [0.3]]
  return dot(tanh(dot(x, body)), head)
}
inner fit { minimize mse(net(d.x), d.y)  over net.head  by sgd(lr = 0.1)  for T = 3 steps }
gradient mse(net@T(d.x), d.y) wrt net.body, net.head@0`;
  const result = await run(source);
  assertAlmostEquals(result.gradient("net.body").data[0]!, await slope(source, "shift", 0), 1e-8);
  assertEquals(codes(source.replace("wrt net.body,", "wrt net.body@0,")), ["M0403"]);
  assertEquals(codes(source.replace("net.head@0", "net.head")), ["M0401"]);
});

// ------------------------------------------------------------------------------------------------------- estimators

Deno.test("`first_order()` makes the inner gradient a constant and keeps the gradients of hyperparameters", async () => {
  const source = (through: string) => `
param w = 0.5
inner fit { minimize (w - 3)^2 + 0.1 * w^4  over w  by sgd(lr = 0.1)  for T = 2 steps  through ${through} }
gradient (w@T - 1)^2 wrt w@0, fit.lr`;
  const [first, full] = [await run(source("first_order()")), await run(source("unroll()"))];
  assertEquals(first.value(), full.value());
  const g = (w: number) => 2 * (w - 3) + 0.4 * w ** 3;
  const w1 = 0.5 - 0.1 * g(0.5);
  const w2 = w1 - 0.1 * g(w1);
  assertAlmostEquals(scalar(first, "w@0"), 2 * (w2 - 1), 1e-13);
  assertAlmostEquals(scalar(first, "fit.lr"), 2 * (w2 - 1) * -(g(0.5) + g(w1)), 1e-13);
  assertNotEquals(scalar(full, "w@0"), scalar(first, "w@0"));
});

Deno.test("loops inside loops are differentiated through: three levels", async () => {
  const source = `
input rate : float = 0.2
param w = 0.5
param u = 1.5
inner lower { minimize (u - w)^2 + 0.1 * u^4  over u  by sgd(lr = rate)  for T = 2 steps }
inner upper { minimize (u@(lower.T) - 1)^2 + 0.1 * w^2  over w  by sgd(lr = 0.3)  for S = 2 steps }
gradient (w@S - 2)^2 wrt lower.lr, w@0, upper.lr`;
  const result = await run(source);
  const start = source.replace("input rate", "input start : float = 0.5\ninput rate").replace(
    "param w = 0.5",
    "param w = start",
  );
  assertAlmostEquals(scalar(result, "lower.lr"), await slope(source, "rate", 0.2), 1e-7);
  assertAlmostEquals(scalar(result, "w@0"), await slope(start, "start", 0.5), 1e-7);
});

// ------------------------------------------------------------------------------------------------------------ rules

Deno.test("one inner may give its parts to different rules", async () => {
  const result = await run(`
param a = 1
param b = 1
inner fit {
  minimize a^2 + b^2
  over a by sgd(lr = 0.1)
  over b by sgd(lr = 0.25, momentum = 0.5)
  for T = 2 steps
}
gradient a@T + 10 * b@T wrt a@0, b@0`);
  const b1 = 1 - 0.25 * 2;
  const b2 = b1 - 0.25 * (0.5 * 2 + 2 * b1);
  assertAlmostEquals(result.value(), 0.64 + 10 * b2, 1e-14);
  assertAlmostEquals(scalar(result, "a@0"), 0.64, 1e-14);
});

Deno.test("two rules with hyperparameters of one name keep them apart, and their names say which is meant", async () => {
  const source = `
input rate : float = 0.25
param a = 1
param b = 1
inner fit { minimize a^2 + b^2 + 0.1 * a^2 * b^2  over a by sgd(lr = 0.1)  over b by sgd(lr = rate)  for T = 2 steps }
override fit { a.momentum = 0.5 }
gradient a@T + 10 * b@T + fit.a.lr wrt fit.a.lr, fit.b.lr, fit.a.momentum`;
  const result = await run(source);
  const momentum = { a: 0.5, b: 0 };
  let [a, b, va, vb] = [1, 1, 0, 0];
  for (let t = 0; t < 2; t++) {
    const [ga, gb] = [2 * a + 0.2 * a * b ** 2, 2 * b + 0.2 * a ** 2 * b];
    [va, vb] = [momentum.a * va + ga, momentum.b * vb + gb];
    [a, b] = [a - 0.1 * va, b - 0.25 * vb];
  }
  assertAlmostEquals(result.value(), a + 10 * b + 0.1, 1e-14);
  assertAlmostEquals(scalar(result, "fit.b.lr"), await slope(source, "rate", 0.25), 1e-7);
  const inA = source.replace("sgd(lr = 0.1)", "sgd(lr = rate)").replace("sgd(lr = rate)  for", "sgd(lr = 0.25)  for");
  assertAlmostEquals(scalar(result, "fit.a.lr"), await slope(inA, "rate", 0.1), 1e-7);
  assertEquals(codes(source.replace("wrt fit.a.lr", "wrt fit.lr")), ["M0204"]);
  assertEquals(codes(source.replace("a.momentum", "momentum")), ["M0204"]);
});

Deno.test("`clip norm c` scales the gradient by min(1, c / (norm + 1e-6)), over all tensors, before the rule", async () => {
  const source = (clip: string) => `
param a : [2] = [3, 0]
param b = 4
inner fit { minimize 0.5 * sum(a^2) + 0.5 * b^2  over a, b  by sgd(lr = 0.1)  for T = 1 steps  ${clip} }
gradient sum(a@T) + 100 * b@T wrt fit.lr`;
  const scale = 2 / (5 + 1e-6);
  const clipped = await run(source("clip norm 2"));
  assertAlmostEquals(clipped.value(), 3 * (1 - 0.1 * scale) + 100 * 4 * (1 - 0.1 * scale), 1e-12);
  const free = await run(source("clip norm 6"));
  assertAlmostEquals(free.value(), 3 * 0.9 + 100 * 4 * 0.9, 1e-12);
  const outer = await run(`
param a : [2] = [3, 0]
param b = 4
outer tune { minimize 0.5 * sum(a^2) + 0.5 * b^2  over a, b  by sgd(lr = 0.1)  for 1 steps  clip norm 2 }`);
  assertAlmostEquals(outer.parameter("a").data[0]!, 3 * (1 - 0.1 * scale), 1e-13);
  assertAlmostEquals(outer.parameter("b").data[0]!, 4 * (1 - 0.1 * scale), 1e-13);
});

Deno.test("`maximize` goes up, and shows the objective with its own sign", async () => {
  const result = await run(`
param w = 1
param u = 1
inner fit { maximize -(w - 3)^2  over w  by sgd(lr = 0.1)  for T = 1 steps }
outer tune { maximize -(u - 3)^2  over u  by sgd(lr = 0.1)  for 1 steps }
gradient w@T + 100 * fit.loss@0 + 0 * u wrt fit.lr`);
  assertAlmostEquals(result.value(), 1.4 - 400, 1e-12);
  assertAlmostEquals(result.parameter("u").data[0]!, 1.4, 1e-15);
  assertEquals(result.losses()[0], -4);
});

Deno.test("a range is projected onto after each outer update, and gradients are those of the value", async () => {
  const result = await run(`
param a = 0.5 in 0 .. 1
param b : [2] = [0.5, -0.5] in -1 .. inf
outer tune { minimize (a - 3)^2 + sum((b + 2)^2)  over a, b  by sgd(lr = 1)  for 1 steps }
gradient (a - 3)^2 wrt a`);
  assertEquals(result.parameter("a").data[0], 1);
  assertEquals([...result.parameter("b").data], [-1, -1]);
  assertEquals(scalar(result, "a"), -5);
});

Deno.test("a rule may contain a model, whose parameters are learned", async () => {
  const source = `
input gain : float = 0.3
model rule(g : [n, 1]) -> [n, 1] { a : [1, 1] = gain  b : [1] = 0.1  return tanh(dot(g, a)) + b }
optimizer learned(scale = 0.5) { state m = 0  m' = 0.9 * m + g  p' = p - scale * reshape(rule(reshape(m', [size(p), 1])), shape(p)) }
param w : [2, 2] = [[1, 2], [3, -1]]
inner fit { minimize sum((w - 0.5)^2) + 0.1 * sum(w^4)  over w  by learned()  for T = 3 steps }
gradient sum(w@T * w@T) wrt rule.a, rule.b, fit.scale, w@0`;
  const result = await run(source);
  assertAlmostEquals(result.gradient("rule.a").data[0]!, await slope(source, "gain", 0.3), 1e-7);
  assertEquals(result.gradient("w@0").shape, [2, 2]);
});

Deno.test("a state may start from p and be differentiated, and has another shape when it says so", async () => {
  const source = `
input start : float = 0.5
optimizer lookahead(lr, pull = 0.5) { state slow = p  state count : [] = 0  count' = count + 1  slow' = slow + pull * (p - slow)  p' = slow' - lr * g / count' }
param w = start
inner fit { minimize (w - 3)^2 + 0.1 * w^4  over w  by lookahead(lr = 0.1)  for T = 3 steps }
gradient (w@T - 1)^2 wrt w@0, fit.pull`;
  assertAlmostEquals(scalar(await run(source), "w@0"), await slope(source, "start", 0.5), 1e-8);
});

// ------------------------------------------------------------------------------------------------------------ kinks

const kinks: readonly [expression: string, at: number, derivative: number][] = [
  ["relu(w)", 0, 0],
  ["abs(w)", 0, 0],
  ["sign(w) * w", 0, 0],
  ["step(w) * w", 0, 0],
  ["sqrt(w)", 0, 0],
  ["sqrt(w^2)", 0, 0],
  ["max(w, 0 * w)", 0, 0.5],
  ["max(0 * w, w)", 0, 0.5],
  ["max([w, w, 0 * w])", 0, 1],
  ["min(w, -w)", 0, 0],
  ["min(w, 3 * w)", 0, 2],
  ["relu(w)", 0, 0],
  ["w^0.5", 0, 0],
  ["where(w > 0, log(w), 2 * w)", 0, 2],
  ["w^2", 0, 0],
  ["w^3", -2, 12],
  ["w^-2", -2, 0.25],
  ["w^1", 0, 1],
  ["w^0 + w", 0, 1],
  ["leaky_relu(w, slope = 0.1)", 0, 0.1],
  ["elu(w)", 0, 1],
  ["softplus(w)", 0, 0.5],
  ["where(w > 0, w, 3 * w)", 0, 3],
  ["floor(w) + w", 0.5, 1],
  ["mod(w, 2)", 2.5, 1],
  ["stop_gradient(w) * w", 3, 3],
  ["softmax([w, 2 * w])[0] * 4", 0, -1],
];
for (const [expression, at, derivative] of kinks) {
  Deno.test(`the derivative of ${expression} at ${at} is ${derivative}`, async () => {
    const result = await run(`param w = ${at}\ngradient ${expression} wrt w`);
    assertAlmostEquals(scalar(result, "w"), derivative, 1e-14);
  });
}

// ------------------------------------------------------------------------------------------------ items and modules

Deno.test("`gradient … after train` uses trained values, without it declared ones", async () => {
  const result = await run(`
param w = 1
outer train { minimize w^2  over w  by sgd(lr = 0.25)  for 2 steps }
gradient 3 * w wrt w
gradient 5 * w wrt w after train`);
  assertEquals(result.value("3 * w"), 3);
  assertEquals(result.value("5 * w"), 5 * 0.25);
});

Deno.test("an evaluation may give the number of steps another name", async () => {
  const result = await run(`
param w = 1
inner fit { minimize 0.5 * w^2  over w  by sgd(lr = 0.1)  for T = 2 steps }
evaluate longer { for S = 3 steps  report w@S }
gradient w@T wrt w@0`);
  assertAlmostEquals(result.evaluation("longer").point().mean, 0.9 ** 3, 1e-15);
});

Deno.test("an evaluation with another number of steps runs formulas with that T", async () => {
  const result = await run(`
param w = 1
inner fit { minimize 0.5 * w^2  over w  by sgd(lr = 0.1)  for T = 2 steps }
override fit { lr@t = 1 / (T + t) }
evaluate longer { for T = 3 steps  report w@T }
gradient w@T wrt w@0`);
  assertAlmostEquals(result.value(), (1 - 1 / 2) * (1 - 1 / 3), 1e-15);
  assertAlmostEquals(result.evaluation("longer").point().mean, (1 - 1 / 3) * (1 - 1 / 4) * (1 - 1 / 5), 1e-15);
});

Deno.test("an import brings definitions with their inputs, runs no loop, and draws as in its own file", () => {
  const library = `edition 1
input H : int = 3
param shared : [H] ~ normal(0, 1)
inner fit { minimize sum((shared - 1)^2)  over shared  by sgd(lr = 0.1)  for T = 2 steps }
outer never { minimize fit.loss@T  over shared@0  by sgd(lr = 0.1)  for 5 steps }`;
  const compiled = (inputs: InputValues) =>
    compileProgram({
      root: {
        name: "root.meta",
        text:
          `edition 1\nimport fit, shared from "./library.meta"\noverride fit { momentum = 0.5 }\ngradient sum(shared@T) wrt fit.lr, shared@0`,
      },
      readSource: (path) => path === "library.meta" ? library : undefined,
      readData: () => undefined,
      inputs,
    });
  const { program, diagnostics } = compiled({ H: 5 });
  assertEquals(diagnostics, []);
  assertEquals(program!.outers.length, 0);
  assertEquals(program!.leaves.map((l) => `${l.name} ${l.type.shape}`).sort(), ["fit.lr ", "shared 5"]);
  assertEquals(compiled({ h: 5 }).diagnostics.map((d) => d.code), ["M0603"]);
});
