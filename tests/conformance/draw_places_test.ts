// What do draws not depend on? What the root file is called and where it lies, the order of items, how many tasks and steps there
// are, how a loop is differentiated, the backend. And what stays the same where tasks are `fixed`.
import { assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { compile, compileFile, type Run } from "../../mod.ts";
import { main } from "../../meta.ts";
import { capturedConsole } from "../cli/captured_console.ts";

/** All numbers that a run left: losses, evaluations, gradients, learned values. */
function numbersOf(run: Run): unknown {
  return [
    [...run.losses("train")],
    run.evaluation("test").reports.map((r) => r.points.map((p) => [...p.values])),
    run.gradients.map((g) => [g.value, g.wrt.map((w) => w.leaves.map((l) => [...l.gradient.data]))]),
    run.parameters.map((name) => [name, ...run.parameter(name).data]),
  ];
}

const imported = `edition 1
task line {
  a ~ uniform(0.5, 2)
  split s { x : [5, 1] ~ uniform(-1, 1)  y = a * x }
}
model net(x : [n, 1]) -> [n, 1] { use h = dense(4)  use d = dropout(0.3)  use o = dense(1)  return d(tanh(h(x)), 1) |> o }`;

const root = `edition 1
precision f64
import line from "./parts/line.meta"
import net from "./parts/deep/net.meta"
param shift ~ normal(0, 1)
inner adapt { minimize mse(net(s.x) + shift, s.y)  batch 3 of s  over net  by sgd(lr = 0.1)  for T = 3 steps }
outer train { minimize adapt.loss@T  across 4 line  over net@0, shift  by adam(lr = 0.01)  for 5 steps }
evaluate test { across 10 line  report adapt.loss@T }
gradient adapt.loss@T across 3 line wrt adapt.lr`;

const parts: Readonly<Record<string, string>> = { "parts/line.meta": imported, "parts/deep/net.meta": imported };

Deno.test("draws are the same by any name of the root file, from its text, from another folder, and from a run folder", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    for (const place of [folder, `${folder}/other`]) {
      Deno.mkdirSync(`${place}/parts/deep`, { recursive: true });
      for (const [name, text] of Object.entries(parts)) Deno.writeTextFileSync(`${place}/${name}`, text);
    }
    Deno.writeTextFileSync(`${folder}/one.meta`, root);
    Deno.writeTextFileSync(`${folder}/other/two.meta`, root);
    const expected = numbersOf(await compileFile(`${folder}/one.meta`).run());
    assertEquals(numbersOf(await compileFile(`${folder}/other/two.meta`).run()), expected);
    const read = (path: string) => parts[path];
    assertEquals(numbersOf(await compile(root, { read }).run()), expected);
    const deeper = { name: "some/where/three.meta", read: (path: string) => parts[path.replace("some/where/", "")] };
    assertEquals(numbersOf(await compile(root, deeper).run()), expected);
    assertEquals(await main(["run", `${folder}/one.meta`, "--out", `${folder}/out`], capturedConsole()), 0);
    assertEquals(numbersOf(await compileFile(`${folder}/out/experiment.meta`).run()), expected);
    // another seed is another run
    assertNotEquals(numbersOf(await compile(root, { read }).run({ seed: 1 })), expected);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("draws do not depend on the order of items, nor on what other files call their own", async () => {
  const files: Readonly<Record<string, string>> = {
    "a.meta": "edition 1\nmodel net() -> [3] { w : [3] ~ uniform(0, 1) return w }\nfn of_a() = sum(net())",
    "b.meta": "edition 1\nmodel net() -> [3] { w : [3] ~ uniform(0, 1) return w }\nfn of_b() = sum(net())",
  };
  const program = (items: readonly string[]) =>
    `edition 1
    precision f64
    import of_a from "./a.meta"
    import of_b from "./b.meta"
    model net() -> [3] { w : [3] ~ uniform(0, 1) return w }
    ${items.join("\n")}`;
  const items = ["a { report of_a() }", "b { report of_b() }", "c { report sum(net()) }"].map((e) => `evaluate ${e}`);
  const values = async (order: readonly number[], name: string) => {
    const run = await compile(program(order.map((i) => items[i]!)), { read: (path) => files[path], name }).run();
    return ["a", "b", "c"].map((e) => run.evaluation(e).reports[0]!.points[0]!.mean);
  };
  const expected = await values([0, 1, 2], "one.meta");
  assertEquals(new Set(expected).size, 3);
  for (const order of [[2, 1, 0], [1, 2, 0], [1, 0, 2]]) assertEquals(await values(order, "two.meta"), expected);
});

/** Dropout and a batch in a loop, T steps, that an outer runs, M steps. */
const nested = (T: number, M: number, through = "") =>
  `edition 1
  precision f64
  task line { a ~ uniform(0.5, 2)  split s { x : [5, 1] ~ uniform(-1, 1)  y = a * x } }
  model net(x : [n, 1]) -> [n, 1] { use h = dense(4)  use d = dropout(0.3)  use o = dense(1)  return d(tanh(h(x)), 1) |> o }
  inner adapt { minimize mse(net(s.x), s.y)  batch 3 of s  over net  by sgd(lr = 0.1)  for T = ${T} steps ${through} }
  outer mid { minimize adapt.loss@T  across 2 line  over adapt.lr  by sgd(lr = 0.001)  for M = ${M} steps }`;

/** Losses of about 1 to 10, sums of about 10^2 products, which may be added in another order: 1e-12 is 450 units of 2^-52 of 10.
 *  Other draws change them by more than 1e-3. */
const rounding = 1e-12;

Deno.test("draws at one place do not depend on how many tasks and steps there are", async () => {
  const values = async (T: number, M: number, tasks: number) => {
    const run = await compile(`${nested(T, M)}
      evaluate e { across ${tasks} line report adapt.loss@t at t in 0 .. 2 report mid.loss@t at t in 0 .. 2 }`).run();
    const [losses, outer] = run.evaluation("e").reports.map((r) => r.points.flatMap((p) => [...p.values].slice(0, 3)));
    return { losses: losses!, outer: outer! };
  };
  const assertSame = (a: readonly number[], b: readonly number[]) =>
    a.forEach((x, i) => assertAlmostEquals(x, b[i]!, rounding));
  const expected = await values(2, 2, 3);
  for (const [T, M, tasks] of [[2, 4, 3], [2, 2, 7]] as const) {
    const other = await values(T, M, tasks);
    assertSame(other.losses, expected.losses);
    assertSame(other.outer, expected.outer);
  }
  assertSame((await values(5, 2, 3)).losses, expected.losses);
});

Deno.test("draws are the same whichever way a loop is differentiated, and in windows", async () => {
  const value = async (T: number, through: string) =>
    (await compile(`${nested(T, 2, through)}
      gradient adapt.loss@T across 3 line wrt adapt.lr`).run()).value();
  const expected = await value(4, "");
  for (const through of ["unroll(window = 2)", "forward()", "es(samples = 2, sigma = 0.01)"]) {
    assertAlmostEquals(await value(4, `through ${through}`), expected, rounding, through);
  }
  // of windows the value is the mean of what they end with
  const windowed = (expected + await value(2, "")) / 2;
  for (const kind of ["es", "pes"]) {
    const program = nested(4, 2, `through ${kind}(samples = 2, sigma = 0.01, window = 2)`).replace(/outer mid .*$/, "");
    const run = await compile(`${program} gradient adapt.loss@T across 3 line wrt adapt.lr`).run();
    assertAlmostEquals(run.value(), windowed, rounding, kind);
  }
});

Deno.test("draws are the same on every backend and for every number of threads", async () => {
  const source = `${nested(3, 2)}
    model noise() -> [] { draw u : [] ~ uniform(0, 1) return u }
    param theta = 0
    outer other { minimize theta * noise()  over theta  by sgd(lr = 1)  for K = 1 steps }
    evaluate e { across 64 line report s.x[0, 0] report noise() report theta@0 - theta@1 }`;
  const values = async (options: Parameters<ReturnType<typeof compile>["run"]>[0]) => {
    const run = await compile(source).run(options);
    return run.evaluation("e").reports.map((r) => [...r.points[0]!.values]);
  };
  const expected = await values({ backend: "reference" });
  for (const threads of [1, 2, 3]) assertEquals(await values({ backend: "wasm", threads }), expected);
});

Deno.test("fixed tasks are drawn once with all that they are made of and start from; batches and models draw anew", async () => {
  const run = await compile(`edition 1
    precision f64
    model noise() -> [] { draw u : [] ~ uniform(0, 1) return u }
    task point { split s { c : [] ~ uniform(0, 1)  d = noise()  x : [50] ~ uniform(0, 1) } }
    model net() -> [] { w : [] ~ uniform(0, 1)  return w }
    param v = noise()
    param field = 0
    param made = 0
    param start = 0
    param computed = 0
    param model_draw = 0
    param rows = 0
    inner fit { minimize 0 * (net() + v)  over net, v  by sgd(lr = 0)  for T = 1 steps }
    inner low { minimize rows * sum(s.x) - rows  batch 2 of s  over rows by sgd(lr = 1)  for R = 1 steps }
    outer train {
      minimize field * s.c + made * s.d + start * net@T() + computed * v@T + model_draw * noise() + field * rows@R
      across 1 point fixed
      over field, made, start, computed, model_draw by sgd(lr = 1)
      for 4 steps
    }
    record field, made, start, computed, model_draw`).run();
  const moves = (name: string) => {
    const values = run.recorded(name).values.map((v) => v.data[0]!);
    return values.slice(1).map((x, i) => (values[i]! - x).toFixed(9));
  };
  for (const name of ["made", "start", "computed"]) assertEquals(new Set(moves(name)).size, 1, name);
  for (const name of ["model_draw", "field"]) assertEquals(new Set(moves(name)).size, 4, name);
});

Deno.test("fixed tasks of an outer that is run are the same wherever it runs; others are not", async () => {
  const values = async (fixed: string) => {
    const run = await compile(`edition 1
      precision f64
      task point { split s { c : [] ~ uniform(0, 1) } }
      param theta = 0
      param k = 0
      param scale = 1
      outer mid { minimize theta * s.c * scale  across 1 point ${fixed}  over theta by sgd(lr = 1)  for M = 2 steps }
      outer top { minimize k * (theta@1 - theta@0)  across 1 point  over k by sgd(lr = 1)  for 3 steps }
      evaluate e { across 3 point report theta@0 - theta@1 report theta@1 - theta@2 }
      gradient theta@0 - theta@1 wrt scale
      record k`).run();
    const ks = run.recorded("k").values.map((v) => v.data[0]!);
    const drawn = [
      ...run.evaluation("e").reports.flatMap((r) => [...r.points[0]!.values]),
      ...ks.slice(1).map((x, i) => x - ks[i]!),
      run.value(),
    ];
    return new Set(drawn.map((x) => x.toFixed(9))).size;
  };
  assertEquals(await values("fixed"), 1);
  assertEquals(await values(""), 10);
});
