import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { compile, restoreRun, type Run, RunError } from "../../mod.ts";
import { readRun } from "../../api/run_text.ts";

const source = `edition 1
task point { split support { c ~ normal(0, 1) } }
model net() -> [] { w : [] = 0  return w }
inner fit { minimize (net() - support.c)^2  over net by sgd(lr = 0.1)  for T = 3 steps }
outer train { minimize (net@T() - support.c)^2  across 4 point  over fit.lr, net@0 by adam(lr = 0.01)  for 5 steps }
evaluate test { across 3 point  report (net@t() - support.c)^2 at t in 0 .. T }
gradient (net@T() - support.c)^2 across 2 point wrt net@0, fit.lr
expect { value = 100 within 1e-3 }
output ends = net@T() - support.c across 3 point
record train.loss, fit.lr every 2 steps
record net.w@* every 2 steps of task 0
`;

/** Everything that a run answers. */
function answers(run: Run): unknown {
  return {
    json: run.toJSON(),
    leaves: run.parameters.map((name) => [name, run.parameter(name)]),
    gradients: run.gradients,
    losses: run.losses(),
    evaluation: run.evaluation("test").reports,
    outputs: [run.outputs, run.output("ends")],
    recorded: ["train.loss", "fit.lr", "net.w@*"].map((name) => run.recorded(name)),
    expectations: run.expectations,
    text: run.serialize(),
  };
}

Deno.test("a run that was serialised and restored answers as before", async () => {
  const run = await compile(source).run({ seed: 5 });
  const again = restoreRun(run.serialize());
  assertEquals(answers(again), answers(run));
  assert(run.losses().length === 5);
  assertEquals(again.parameter("net.w").data.constructor, Float32Array);
});

Deno.test("what format 1 said of losses and records is what this one says", async () => {
  const { result } = JSON.parse((await compile(source).run({ seed: 5 })).serialize());
  const [{ done: _done, metaSteps: _metaSteps, ...train }] = result.outers;
  const value = { $: "array", dtype: "f64", shape: [], base64: "AAAAAAAA8D8=" }; // 1
  const recorded = [0, 2, 5].map((step) => (
    { name: "c", of: "c", by: { kind: "outer", name: "train", step }, trajectory: false, value }
  ));
  const run = restoreRun(
    JSON.stringify({ format: "meta-run", version: 1, result: { ...result, outers: [train], recorded } }),
  );
  assertEquals([run.ending().done, [...run.metaSteps()]], [5, [0, 1, 2, 3, 4]]);
  assertEquals([run.recorded("c").steps, run.recorded("c").values.map((v) => v.data[0])], [[0, 2, 5], [1, 1, 1]]);
});

Deno.test("numbers that are not finite come back, and so does why a run failed", async () => {
  const diverging = `edition 1
param w = 1
inner fit { minimize (w - 3)^4  over w by sgd(lr = 100)  for T = 20 steps }
record w@*
`;
  const error = await assertRejects(() => compile(diverging).run(), RunError);
  const again = restoreRun(error.run.serialize());
  assertEquals(again.outcome, "failed");
  assertEquals(again.recorded("w@*"), error.run.recorded("w@*"));
  assert(Array.from(again.recorded("w@*").values[0]!.data, Number).some((x) => !Number.isFinite(x)));
  assertEquals(readRun(error.run.serialize()).failure!.message, error.message);
  assertEquals(readRun(error.run.serialize()).failure!.origin, error.origin);
});

Deno.test("a text that is no run, is cut off, altered or of a later version is refused", async () => {
  const text = (await compile(source).run()).serialize();
  for (const wrong of ["", "{}", "null", "[1]", '{"format":"else"}', text.slice(0, -10)]) {
    assertThrows(() => restoreRun(wrong), TypeError, "This is no serialised run");
  }
  assertThrows(() => restoreRun('{"format":"meta-run","version":3}'), TypeError, "format 3; this version reads 1");
  assertThrows(() => restoreRun('{"format":"meta-run","version":1}'), TypeError, "not complete");
  const shorter = text.replace(/"base64":"[^"]{8}/, '"base64":"');
  assertThrows(() => restoreRun(shorter), TypeError, "an array is cut off");
  assertThrows(() => restoreRun(text.replace('"$":"array"', '"$":"else"')), TypeError, "something unknown, `else`");
});
