// Do recurrent models, draws in models and the layers made of them compute what their formulas say? In f64 against loops in
// TypeScript, and their gradients against central differences.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";
import type { InputValues } from "../../../dsl/data/inputs.ts";
import type { Run } from "../../../api/run.ts";
import { compile } from "../../../api/compile.ts";

function run(source: string, inputs: InputValues = {}, seed = 0): Promise<Run> {
  return compile(`edition 1\nprecision f64\n${source}`, { inputs }).run({ backend: "reference", seed });
}

function codes(source: string): string[] {
  const root = { name: "a.meta", text: `edition 1\nprecision f64\n${source}` };
  const { diagnostics } = compileProgram({ root, readSource: () => undefined, readData: () => undefined, inputs: {} });
  return diagnostics.filter((d) => d.severity === "error").map((d) => d.code);
}

/** The slope of the program's one value in an input, by Richardson's extrapolation of two central differences: its error is of
 *  the order h^4 + 1e-16 / h, about 1e-12 for h = 1e-3 and derivatives of order 1. */
async function slope(source: string, name: string, at: number, seed = 0): Promise<number> {
  const value = async (x: number) => (await run(source, { [name]: x }, seed)).value();
  const central = async (h: number) => (await value(at + h) - await value(at - h)) / (2 * h);
  return (4 * await central(5e-4) - await central(1e-3)) / 3;
}

const scalar = (result: Run, name: string) => result.gradient(name).data[0]!;
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

Deno.test("`scan` over a tensor goes through its first axis; equations are simultaneous, and all steps are kept", async () => {
  const result = await run(`
data d { x : [3, 2] = [[1, 2], [3, 4], [5, 6]] }
model net(x : [time, m]) {
  scan run over now in x {
    state a : [m] = 0
    state b = 1
    let s = a + now
    a' = s * b
    b' = b + sum(a)
  }
  return concat(ravel(run.a), run.b, ravel(run.s), run.a[-1])
}
param target : [17] = 0
gradient sum(net(d.x) * [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17] + target) wrt target`);
  let [a, b] = [[0, 0], 1];
  const [as, bs, ss] = [[] as number[], [] as number[], [] as number[]];
  for (const row of [[1, 2], [3, 4], [5, 6]]) {
    const s = a.map((v, i) => v + row[i]!);
    const [nextA, nextB]: [number[], number] = [s.map((v) => v * b), b + a[0]! + a[1]!];
    [a, b] = [nextA, nextB];
    as.push(...a);
    bs.push(b);
    ss.push(...s);
  }
  const all = [...as, ...bs, ...ss, ...a];
  assertEquals(all.length, 17);
  assertEquals(result.value(), all.reduce((sum, v, i) => sum + v * (i + 1), 0));
});

Deno.test("`scan` over numbers counts from the first to the last", async () => {
  const result = await run(`
param w = 0.5
model f(x : []) { scan run over t in 2 .. 5 { state s = x  s' = s * w + t }  return run.s[-1] }
gradient f(1) wrt w`);
  const value = (w: number) => [2, 3, 4, 5].reduce((s, t) => s * w + t, 1);
  assertEquals(result.value(), value(0.5));
  assertAlmostEquals(scalar(result, "w"), (value(0.5 + 1e-5) - value(0.5 - 1e-5)) / 2e-5, 1e-8);
});

const sequence = "x : [3, 2, 2] = [[[1, 2], [-1, 0.5]], [[0.5, 0.1], [0.2, 0.3]], [[1, 0], [0, -1]]]";
const rows = [[[1, 2], [-1, 0.5]], [[0.5, 0.1], [0.2, 0.3]], [[1, 0], [0, -1]]];

/** Reads `W[k][i][j]` of a parameter of a run. */
function reader(result: Run, name: string) {
  const { shape, data } = result.parameter(name);
  return (...at: number[]) => data[at.reduce((offset, i, axis) => offset * shape[axis]! + i, 0)]!;
}

const layerProgram = (layer: string) => `
input s : float = 1
data d { ${sequence}  y : [2, 3] = 0.1 }
param scale = s
model net(x : [time, n, m]) { use r = ${layer}(3)  return r(x) }
inner fit { minimize mse(net(scale * d.x)[-1], d.y)  over net  by sgd(lr = 0.1, momentum = 0.5)  for T = 3 steps }
gradient mse(net@T(d.x)[-1], d.y) wrt scale`;

for (const layer of ["lstm", "gru"]) {
  Deno.test(`${layer} computes its gates, and second-order gradients through it agree with central differences`, async () => {
    const forward = await run(`
data d { ${sequence} }
model net(x : [time, n, m]) { use r = ${layer}(3)  return r(x) }
param unit = 1
gradient unit * sum(net(d.x)^2) wrt unit, net`);
    const W = reader(forward, "net.r.W"), U = reader(forward, "net.r.U"), b = reader(forward, "net.r.b");
    const own = layer === "gru" ? reader(forward, "net.r.c") : () => 0;
    let sum = 0;
    for (const example of [0, 1]) {
      let h = [0, 0, 0], c = [0, 0, 0];
      for (const row of rows) {
        const x = row[example]!;
        const input = (k: number, j: number) => x[0]! * W(k, 0, j) + x[1]! * W(k, 1, j) + b(k, j);
        const before = h;
        const recurrent = (k: number, j: number) => before.reduce((s, v, i) => s + v * U(k, i, j), 0);
        const gate = (k: number, j: number) => sigmoid(input(k, j) + recurrent(k, j));
        if (layer === "lstm") {
          c = c.map((v, j) => gate(1, j) * v + gate(0, j) * Math.tanh(input(2, j) + recurrent(2, j)));
          h = c.map((v, j) => gate(3, j) * Math.tanh(v));
        } else {
          const fresh = (j: number) => Math.tanh(input(2, j) + gate(0, j) * (recurrent(2, j) + own(j)));
          h = before.map((v, j) => (1 - gate(1, j)) * fresh(j) + gate(1, j) * v);
        }
        sum += h.reduce((s, v) => s + v * v, 0);
      }
    }
    assertAlmostEquals(forward.value(), sum, 1e-13);
    const source = layerProgram(layer);
    assertAlmostEquals(scalar(await run(source), "scale"), await slope(source, "s", 1), 1e-10);
  });
}

Deno.test("attention in one head is softmax(q k / sqrt(d)) v, and its gradients agree with central differences", async () => {
  const result = await run(`
data d { ${sequence} }
model net(x : [n, time, width]) { use a = attention()  return a(x) }
param unit = 1
gradient unit * sum(net(d.x)^2) wrt unit, net`);
  const product = (a: number[][], B: (...at: number[]) => number) =>
    a.map((r) => [0, 1].map((j) => r[0]! * B(0, j) + r[1]! * B(1, j)));
  const [Q, K, V, O] = ["query", "key", "value", "output"].map((n) => reader(result, `net.a.${n}`));
  let sum = 0;
  for (const x of rows) {
    const [q, k, v] = [product(x, Q!), product(x, K!), product(x, V!)];
    const mixed = q.map((r) => {
      const scores = k.map((c) => Math.exp((r[0]! * c[0]! + r[1]! * c[1]!) / Math.SQRT2));
      const total = scores[0]! + scores[1]!;
      return [0, 1].map((j) => (scores[0]! * v[0]![j]! + scores[1]! * v[1]![j]!) / total);
    });
    for (const value of product(mixed, O!).flat()) sum += value * value;
  }
  assertAlmostEquals(result.value(), sum, 1e-13);
  const source = `
input s : float = 1
data d { x : [2, 3, 4] ~ normal(0, 1)  y : [2, 3, 4] ~ normal(0, 1) }
param scale = s
model net(x : [n, time, width]) { use a = attention(2)  return a(x) }
inner fit { minimize mse(net(scale * d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 3 steps }
gradient mse(net@T(d.x), d.y) wrt scale`;
  assertAlmostEquals(scalar(await run(source), "scale"), await slope(source, "s", 1), 1e-10);
});

Deno.test("dropout keeps a share 1 - rate, scaled, anew for each step, and is the identity without training", async () => {
  const source = (training: number) => `
data d { x : [5000] = 1 }
param w = 1
model net(x : [n]) { use drop = dropout(0.3)  return drop(x, ${training}) }
inner fit { minimize w * sum(net(d.x))  over w  by sgd(lr = 0)  for T = 40 steps }
record fit.loss@*`;
  const losses = async (training: number, seed = 0) => {
    const result = await run(source(training), {}, seed);
    return Array.from({ length: 40 }, (_, time) => result.parameter("fit.loss", { time }).data[0]!);
  };
  assertEquals(new Set(await losses(0)), new Set([5000]));
  const first = await losses(1);
  assertEquals(await losses(1), first);
  assert((await losses(1, 1)).every((v, i) => v !== first[i]));
  assert(new Set(first).size > 30);
  for (const loss of first) assertAlmostEquals(loss * 0.7, Math.round(loss * 0.7), 1e-6); // a count of entries
  // the mean of 200,000 entries that are 0 or 1 / 0.7: standard error sqrt(0.3 / 0.7 / 200000), five of which are allowed
  const mean = first.reduce((a, v) => a + v, 0) / (40 * 5000);
  assert(Math.abs(mean - 1) < 5 * Math.sqrt(0.3 / 0.7 / 200_000), `${mean}`);
});

Deno.test("a draw in a model called in a scan, or in a loop inside a loop, is made anew at each step of both", async () => {
  const scanned = await run(`
data d { x : [6] = 0 }
model noise(x : []) { draw u ~ uniform(0, 1)  return x + u }
model net(x : [time]) { scan run over now in x { state h = 0  h' = noise(now) }  return run.h }
param w = 1
inner fit { minimize w * sum(net(d.x) * [1, 10, 100, 1000, 10000, 100000])  over w  by sgd(lr = 0)  for T = 5 steps }
param unit : [6] = 1
gradient sum(unit * net(d.x)) + 0 * w@T wrt unit
record fit.loss@*`);
  assertEquals(new Set(scanned.gradient("unit").data).size, 6);
  assertEquals(new Set([0, 1, 2, 3, 4].map((time) => scanned.parameter("fit.loss", { time }).data[0])).size, 5);
  const nested = await run(`
model noise(x : []) { draw u ~ uniform(0, 1)  return x + u }
param a = 1
param b = 1
inner low { minimize a * noise(0)  over a  by sgd(lr = 0.1)  for S = 3 steps }
inner high { minimize b + a@S  over b  by sgd(lr = 0)  for T = 4 steps }
gradient b@T wrt b@0
record high.loss@*`);
  assertEquals(new Set([0, 1, 2, 3].map((time) => nested.parameter("high.loss", { time }).data[0])).size, 4);
});

Deno.test("a draw with a learned distribution is differentiated through its values", async () => {
  const source = `
input s : float = 0.5
param sigma = s
param w = 1
model noisy(x : []) { draw e ~ normal(0, sigma)  return x + e }
inner fit { minimize (noisy(w) - 2)^2  over w  by sgd(lr = 0.1)  for T = 4 steps }
gradient (w@T)^2 wrt sigma`;
  assertAlmostEquals(scalar(await run(source), "sigma"), await slope(source, "s", 0.5), 1e-10);
});

Deno.test("what is wrong in a scan or with a draw is said", () => {
  const model = (members: string, result = "run.h[-1]") => `
data d { x : [3, 2] = 1 }
model net(x : [time, m]) { ${members}  return ${result} }
param w = 1
gradient w * sum(net(d.x)) wrt w`;
  assertEquals(codes(model("scan run over now in x { state h : [m] = 0  h' = h + now }")), []);
  assertEquals(codes(model("scan run over now in x { state h : [m] = 0 }")), ["M0104"]);
  assertEquals(codes(model("scan run over now in x { let h = now }")), ["M0104"]);
  assertEquals(codes(model("scan run over now in x { state h : [m] = 0  h' = now  k' = now }")), ["M0201"]);
  assertEquals(codes(model("scan run over now in x { state h : [3] = 0  h' = now }")), ["M0305"]);
  assertEquals(codes(model("scan run over now in x { state h : [m] = 0  h' = later }")), ["M0201"]);
  assertEquals(codes(model("scan run over now in x { state h : [m] = 0  h' = now }", "run.k[-1]")), ["M0201"]);
  assertEquals(codes(model("scan run over now in 3 { state h = 0  h' = 1 }")), ["M0304"]);
  assertEquals(codes(model("scan run over t in 3 .. 1 { state h = 0  h' = 1 }")), ["M0402"]);
  assertEquals(codes(model("draw h : [m] ~ 3", "h")), ["M0304"]);
  assertEquals(codes(model("draw h : int [m] ~ uniform(0, 1)", "h")), ["M0304"]);
});
