import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { withoutPlace } from "../places.ts";
import { compile, compileFile, restoreRun, type Run, RunError } from "../../mod.ts";
import { readRun, writeRun } from "../../api/run_text.ts";

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

Deno.test("numbers that are not finite come back, and so does why a run failed", async () => {
  const diverging = `edition 1
param w = 1
inner fit { minimize (w - 3)^4  over w by sgd(lr = 100)  for T = 20 steps }
record w@*
`;
  const error = await assertRejects(() => compile(diverging).run(), RunError);
  assertEquals(error.name, "RunError");
  const again = restoreRun(error.run.serialize());
  assertEquals(again.outcome, "failed");
  assertEquals(again.recorded("w@*"), error.run.recorded("w@*"));
  assert(Array.from(again.recorded("w@*").values[0]!.data, Number).some((x) => !Number.isFinite(x)));
  assertEquals(readRun(error.run.serialize()).failure!.message, withoutPlace(error));
  assertEquals(readRun(error.run.serialize()).failure!.origin, error.origin);
});

Deno.test("a run that is longer than a text may be says so at once", async () => {
  const result = readRun((await compile(source).run()).serialize());
  const data = new Float64Array(2 ** 26 * 3 / 4); // 2^29 characters, which no memory is touched for
  const large = { ...result, leaves: new Map([["w", { dtype: "f64" as const, shape: [data.length], data }]]) };
  assertThrows(() => writeRun(large), RangeError, "which may have 0.5 GB: record less");
});

Deno.test("a text that is no run, is cut off, altered or of a later version is refused", async () => {
  const text = (await compile(source).run()).serialize();
  for (const wrong of ["", "{}", "null", "[1]", '{"format":"else"}', text.slice(0, -10)]) {
    assertThrows(() => restoreRun(wrong), TypeError, "This is no serialised run");
  }
  assertThrows(() => restoreRun('{"format":"meta-run","version":3}'), TypeError, "format 3; this version reads 1 to 2");
  for (const version of [1, 2]) {
    assertThrows(() => restoreRun(`{"format":"meta-run","version":${version}}`), TypeError, "not complete");
  }
  const shorter = text.replace(/"base64":"[^"]{16}/, '"base64":"');
  assertThrows(() => restoreRun(shorter), TypeError, "has been altered");
  assertThrows(() => restoreRun(text.replace('"seed":0', '"seed":1')), TypeError, "has been altered");
  assertThrows(() => restoreRun(text.replace('"$":"map"', '"$":"else"')), TypeError, "has been altered");
});

const old = new URL("../record/old/", import.meta.url);

Deno.test("texts of version 1 are read: as the run answers that wrote them", async () => {
  const text = Deno.readTextFileSync(new URL("run-text-1.json", old));
  const now = await compileFile(new URL("program.meta", old)).run({ seed: 3, backend: "reference" });
  // how long things took, and what was kept, is of each run
  const timeless = (run: Run) => {
    const { plans: _, ...result } = readRun(run.serialize());
    return { ...result, seconds: 0, outers: result.outers.map((outer) => ({ ...outer, seconds: 0 })) };
  };
  assertEquals(timeless(restoreRun(text)), timeless(now));

  const failed = restoreRun(Deno.readTextFileSync(new URL("failed-1.json", old)));
  assertEquals(failed.outcome, "failed");
  assert(Array.from(failed.recorded("w@*").values[0]!.data, Number).some((x) => Number.isNaN(x)));
  assertStringIncludes(readRun(failed.serialize()).failure!.message, "`fit`");
  const one = Deno.readTextFileSync(new URL("failed-1.json", old));
  assertThrows(() => restoreRun(one.replace(/"base64":"[^"]{8}/, '"base64":"')), TypeError, "an array is cut off");
  assertThrows(() => restoreRun(one.replace('"$":"array"', '"$":"else"')), TypeError, "something unknown, `else`");
});
