// Is `run.model("net")` the network that a run leaves? Against outputs of the run, parameters that are recorded, and values by hand.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { makeModel } from "../../api/model.ts";
import { compileInput } from "../../api/compile.ts";
import { compile, compileFile, MetaRuntimeError, restoreRun } from "../../mod.ts";
import { compileProgram } from "../../dsl/compile.ts";
import type { Backend } from "../../runtime/backend/interface.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { UseError } from "../../runtime/errors.ts";
import { runProgram } from "../../runtime/loop/run.ts";

const floats = (shape: number[], ...data: number[]) => ({ shape, data });

const network = `edition 1
precision f64
data line { x : [3, 1] = [[1], [2], [3]]   y : [3, 1] = [[2], [4], [6]]   k : int [3] = [0, 1, 0] }
model net(x : [n, 1], k : int [n]) -> [n, 1] {
  use body = dense(4)
  use head = dense(1)
  return head(tanh(body(x))) + reshape(1.0 * k, [n, 1])
}
inner fit { minimize mse(net(line.x, line.k), line.y)   over net   by sgd(lr = 0.05)   for T = 30 steps }
output predictions = net@T(line.x, line.k)
output inside = net.body@T(line.x)
`;

for (const backend of ["reference", "wasm"] as const) {
  Deno.test(`${backend}: a model gives what the outputs of the run give, for other shapes too, and so does a part of it`, async () => {
    const run = await compile(network).run({ backend, seed: 3 });
    const net = run.model("net");
    const k = { shape: [3], data: new Uint8Array([0, 1, 0]) };
    const { data, ...rest } = net.call({ x: floats([3, 1], 1, 2, 3), k });
    assertEquals(data, run.output("predictions").data);
    assertEquals(rest, { dtype: "f64", shape: [3, 1], dims: ["n", "1"] });
    const [second] = net.call({ x: floats([1, 1], 2), k: floats([1], 1) }).data;
    // another shape may be added up in another order: five terms below 8
    assert(Math.abs(second! - data[1]!) <= 5 * 8 * 2 ** -53);
    const inside = run.model("net.body").call({ x: floats([3, 1], 1, 2, 3) });
    assertEquals([inside.data, inside.dims], [run.output("inside").data, ["n", "4"]]);
    assertEquals(net.arguments, [{ name: "x", type: "[n, 1]" }, { name: "k", type: "int [n]" }]);
  });

  Deno.test(`${backend}: parameters stand where their start is learned, where a loop ends by itself, or where they begin`, async () => {
    const call = async (source: string, model = "net") => {
      const run = await compile(`edition 1\nprecision f64\n${source}`).run({ backend });
      const result = run.model(model).call({ x: floats([2], 1, 10) });
      return { run, data: [...result.data] };
    };
    const model = "model net(x : [n]) -> [n] { w : [] = 2   return w * x }\n";
    assertEquals((await call(model)).data, [2, 20]);
    const tasks = "task point { c ~ normal(3, 1)   split s { at = c } }\n";
    const inner = "inner fit { minimize sum((net([1]) - s.at)^2)   over net   by sgd(lr = 0.1)   for T = 2 steps }\n";
    const across = (over: string) =>
      `outer train { minimize sum((net@T([1]) - s.at)^2)   across 3 point   over ${over}   by sgd(lr = 0.1)   for 4 steps }`;
    const start = await call(model + tasks + inner + across("net@0"));
    assertEquals(start.data[0], start.run.parameter("net.w").data[0]);
    assert(start.data[0] !== 2);
    // without tasks: two steps of rate a from 2 towards 5 leave 3 (1 - 2 a)² of the way
    const alone = inner.replace("s.at", "5");
    const outer = "outer tune { minimize sum((net@T([1]) - 5)^2)   over fit.lr   by sgd(lr = 0.001)   for 3 steps }\n";
    const tuned = await call(`${model}${alone}${outer}output end = net.w@T`);
    const rate = tuned.run.parameter("fit.lr").data[0]!;
    assert(Math.abs(tuned.data[0]! - (5 - 3 * (1 - 2 * rate) ** 2)) < 1e-14);
    assertEquals(tuned.data[0], tuned.run.output("end").data[0]);
    const free = await call(
      `${model}outer train { minimize sum((net([1]) - 5)^2)   over net   by sgd(lr = 0.25)   for 1 steps }`,
    );
    assertEquals(free.data, [3.5, 35]);
  });
}

Deno.test("a loop that only a gradient runs is run once more for its model: that of the worked example", async () => {
  const run = await compileFile(new URL("../../examples/toy.meta", import.meta.url)).run();
  const [two] = run.model("linear").call({ x: floats([1, 1], 2) }).data;
  assertEquals(two, 2 * run.parameter("linear.w", { time: 5 }).data[0]!);
  assertEquals(two, 6.781569342967652); // as README says
});

Deno.test("a model reads what else was learned, takes numbers, and draws the same in every call", async () => {
  const run = await compile(`edition 1
param shift = 1
model net(x : [n], scale : float, on : bool) -> [n] {
  draw u : [n] ~ uniform(0, 1)
  return where(on, u, scale * x + shift)
}
data d { x : [1] = [1]   no : bool [] = false }
outer move { minimize (shift - 2)^2 + 0 * sum(net(d.x, 1, d.no))   over shift   by sgd(lr = 0.25)   for 1 steps }
`).run();
  const net = run.model("net");
  const x = { shape: [2], data: new Float32Array([1, 2]) };
  assertEquals([...net.call({ x, scale: 2, on: false }).data], [3.5, 5.5]);
  const drawn = net.call({ x, scale: 2, on: true });
  assertEquals(drawn, net.call({ x: floats([2], 7, 8), scale: 0, on: true }));
  assertEquals(drawn.dtype, "f32");
});

Deno.test("a model says what does not fit it", async () => {
  const run = await compile(network).run();
  const net = run.model("net");
  const [x, k] = [floats([2, 1], 1, 2), floats([2], 0, 1)];
  const wrong: readonly [() => unknown, string][] = [
    [
      () => run.model("nett"),
      "This program has no model `nett`: there is `net`, `net.body`, `net.head`; did you mean `net`?",
    ],
    [() => run.model("dense"), "This program has no model `dense`"],
    [() => net.call({ x }), "`k` of `net` : int [n] is not given: the model takes `x`, `k`"],
    [() => net.call({ X: x, k }), "`net` has no argument `X`: it takes `x`, `k`"],
    [() => net.call({ x, k: floats([3], 0, 1, 0) }), "`net` takes `k` : [n], given [3]: axis 0 is 3, expected n = 2"],
    [() => net.call({ x: floats([2], 1, 2), k }), "`net` takes `x` : [n, 1], given [2]: 1 axis given, 2 expected"],
    [() => net.call({ x: floats([1, 2], 1, 2), k: floats([1], 0) }), "axis 1 is 2, expected 1"],
    [
      () => net.call({ x: floats([2, 1], 1, NaN), k }),
      "`x` of `net` : [n, 1] is NaN at [1, 0]: only finite numbers are data",
    ],
    [() => net.call({ x, k: floats([2], 0, 0.5) }), "`k` of `net` : int [n] is 0.5 at [1]: it is not a 32-bit integer"],
    [() => net.call({ x: floats([2, 1], 1), k }), "has 1 entries, its shape [2, 1] needs 2"],
    [() => net.call({ x: floats([0, 1]), k }), "is given as [0, 1], which has no entries"],
    [() => net.call({ x: [[1], [2]] as never, k }), "must be given as { shape: [2, 1], data: [1, 2] }"],
    [
      () => run.model("net.body").call({ x: floats([1, 2], 1, 2) }),
      "`net.body.W` would be [1, 4] in one call and [2, 4] in another",
    ],
    [() => restoreRun(run.serialize()).model("net"), "A run that was restored from text has no program"],
  ];
  for (const [go, says] of wrong) assertThrows(go, UseError, says);
});

Deno.test("a model of which each task has its own, or two loops make another, says why there is no one, and what to do", async () => {
  const model = "edition 1\nmodel net() -> [] { w : [] = 2   return w }\n";
  const tasks = `${model}task point { c ~ normal(3, 1)   split s { at = c } }
inner fit { minimize (net() - s.at)^2   over net   by sgd(lr = 0.1)   for T = 2 steps }
outer train { minimize (net@T() - s.at)^2   across 3 point   over fit.lr   by sgd(lr = 0.1)   for 2 steps }`;
  const own = await compile(tasks).run();
  assertThrows(
    () => own.model("net"),
    UseError,
    "There is no one `net` after a run: `fit` changes it, and cannot run by itself (`fit` is not across a task, and `s` is a split of " +
      "`point`). Learn where it starts (`over net@0` in an outer), or write what it computes as an `output`",
  );
  const two = await compile(`${model}
inner a { minimize (net() - 1)^2   over net   by sgd(lr = 0.1)   for T = 2 steps }
inner b { minimize (net() - 5)^2   over net   by sgd(lr = 0.1)   for S = 2 steps }`).run();
  assertThrows(() => two.model("net"), UseError, "`a` and `b` change it, each from a start of its own");
  // one that goes on from the other has gone through both: 2, then half of the way to 1, then half of the way to 5
  const after = await compile(`${model}
inner a { minimize (net() - 1)^2   over net   by sgd(lr = 0.25)   for T = 1 steps }
inner b { minimize (net() - 5)^2   over net   by sgd(lr = 0.25)   for S = 1 steps   from a@T }`).run();
  assertEquals(after.model("net").call({}).data[0], 3.25);
});

Deno.test("an index that is out of its range in a call of a model is an error that names it", async () => {
  const run = await compile(`edition 1
model net(i : int [n]) -> [n] { w : [3] = [1, 2, 3]   return take(w, i) }
data d { i : int [1] = [0] }
gradient sum(net(d.i)) wrt net.w`).run();
  const net = run.model("net");
  assertEquals([...net.call({ i: floats([2], 2, 0) }).data], [3, 1]);
  const error = assertThrows(() => net.call({ i: floats([2], 2, 3) }), MetaRuntimeError);
  assert(/\b3\b.*0 \.\. 2/.test(error.message), error.message);
});

Deno.test("a model whose loop diverges when it is run for it says so", async () => {
  const source = `edition 1
model net() -> [] { w : [] = 2   return w }
inner fit { minimize (net() - 1)^4   over net   by sgd(lr = 100)   for T = 20 steps }
gradient fit.loss@0 wrt fit.lr`.replace("fit.loss@0 wrt fit.lr", "net.w@1 wrt net.w@0");
  const run = await compile(source).run().catch((error) => error.run);
  await assertRejects(async () => await run.model("net"), MetaRuntimeError, "`net.w` is not finite where `fit` ends");
});

Deno.test("a model is compiled once for each shape, and what was not called for long is given back", async () => {
  const output = compileProgram(compileInput(network, {}));
  const [program, model] = [output.program!, output.model("net")];
  const result = await runProgram(program, referenceBackend);
  let [compiled, disposed] = [0, 0];
  const backend: Backend = {
    ...referenceBackend,
    compile(fn) {
      compiled++;
      const executable = referenceBackend.compile(fn);
      return { run: (inputs) => executable.run(inputs), memory: executable.memory, dispose: () => void disposed++ };
    },
  };
  const net = makeModel(model, { program, backend, memory: undefined, result });
  const call = (n: number) => {
    const data = new Float64Array(n).fill(0.5);
    return net.call({ x: { shape: [n, 1], data }, k: { shape: [n], data: new Int32Array(n) } }).data.length;
  };
  assertEquals([call(1), call(2), call(1), call(2), call(1)], [1, 2, 1, 2, 1]);
  assertEquals([compiled, disposed], [2, 0]);
  for (let n = 3; n <= 16; n++) call(n);
  assertEquals([compiled, disposed], [16, 0]);
  // 2 was not called for longest
  call(1);
  call(17);
  assertEquals([compiled, disposed], [17, 1]);
  call(1);
  call(2);
  assertEquals([compiled, disposed], [18, 2]);
});
