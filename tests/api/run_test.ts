import { inspect } from "node:util";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { compile, restoreRun, RunError } from "../../mod.ts";
import { makeRun, type Run } from "../../api/run.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import type { ExperimentProgram } from "../../runtime/program/program.ts";
import {
  closedForm,
  evaluationProgram,
  gradientProgram,
  origin,
  outerProgram,
  quadraticProgram,
  settings,
  simulationProgram,
  trajectory,
  trajectoryFunction,
  wAt,
} from "../loop/quadratic_program.ts";

async function run(parts: Partial<ExperimentProgram>): Promise<Run> {
  return makeRun(await runProgram(quadraticProgram(settings, parts), referenceBackend));
}

const recording = outerProgram(settings, {
  records: [
    { label: "train.loss", what: { kind: "loss" }, every: 2 },
    { label: "net.w", what: { kind: "leaf", name: "net.w" }, every: 4 },
  ],
  trajectories: { fn: trajectoryFunction(settings), quantities: [trajectory(settings)], every: 4 },
});

Deno.test("Run.parameter() gives recorded values by time, and by meta-step", async () => {
  const r = await run({ outers: [recording] });
  const final = r.parameter("net.w").data[0]!;
  for (const time of [0, 1, 2, 3]) {
    const { shape, dtype, data } = r.parameter("net.w", { time });
    assertEquals([shape, dtype, data.length], [[], "f64", 1]);
    assertAlmostEquals(data[0]!, wAt(time, final, settings), 1e-12);
    assertAlmostEquals(r.parameter("net.w", { time, step: 0 }).data[0]!, wAt(time, settings.w0, settings), 1e-12);
  }
  assertEquals(r.parameter("net.w", { step: 8 }).data[0], final);
  assertEquals(r.parameter("net.w", { step: 0 }).data[0], settings.w0);
  assertThrows(() => r.parameter("net.w", { time: 4 }), RangeError, "`net.w` has the times 0 to 3, not 4");
  assertThrows(() => r.parameter("net.w", { time: 0.5 }), RangeError, "0 to 3");
  assertThrows(
    () => r.parameter("net.w", { time: 1, step: 5 }),
    RangeError,
    "not recorded at meta-step 5, but at 0, 4, 8",
  );
  assertThrows(() => r.parameter("net.w", { step: 5 }), RangeError, "not recorded at meta-step 5, but at 0, 4, 8");
  assertThrows(() => r.parameter("fit.lr", { step: 4 }), RangeError, "add `record fit.lr` to the program");
});

Deno.test("Run.parameter() names the cure when a trajectory was not kept", async () => {
  const r = await run({ outers: [outerProgram(settings)] });
  assertEquals(r.parameter("net.w", { time: 0 }), r.parameter("net.w"));
  assertThrows(
    () => r.parameter("net.w", { time: 3 }),
    RangeError,
    "`net.w` was kept at time 0 only, not at 3: add `record net.w@*` to the program",
  );
  assertThrows(
    () => r.parameter("net.v"),
    RangeError,
    "There is no `net.v` in this run: there is `net.w`, `fit.lr`; did you mean `net.w`?",
  );
});

Deno.test("Run.parameter() asks for a time where only a trajectory is known", async () => {
  const simulation = simulationProgram(settings);
  const r = await run({
    simulations: [{ ...simulation, trajectories: [{ ...trajectory(settings), name: "net.hidden" }] }],
  });
  assertEquals(r.parameter("net.hidden", { time: 3 }).shape, []);
  assertThrows(() => r.parameter("net.hidden"), TypeError, "say at which, from 0 to 3: { time: 3 }");
  assertThrows(() => r.parameter("net.hidden", { time: 1, step: 0 }), RangeError, "not recorded by meta-step");
});

Deno.test("Run hands out copies", async () => {
  const r = await run({ outers: [recording], gradients: [gradientProgram(settings)] });
  for (const get of [() => r.parameter("net.w"), () => r.parameter("net.w", { time: 0 }), () => r.gradient("fit.lr")]) {
    const before = get().data[0];
    get().data[0] = 123;
    assertEquals(get().data[0], before);
  }
  r.losses()[0] = 123;
  assert(r.losses()[0] !== 123);
});

Deno.test("Run.gradient() finds gradients by the name in `wrt`", async () => {
  const r = await run({ gradients: [gradientProgram(settings)] });
  const truth = closedForm(settings.w0, settings);
  assertAlmostEquals(r.value(), truth.value, 1e-12);
  assertAlmostEquals(r.gradient("net.w@0").data[0]!, truth.w0, 1e-12);
  assertAlmostEquals(r.gradient("fit.lr").data[0]!, truth.lr, 1e-12);
  assertEquals(Object.keys(r.gradientGroup("fit.lr")), ["fit.lr"]);
  assertThrows(
    () => r.gradient("fit.rl"),
    RangeError,
    "There is no gradient with respect to `fit.rl`: there is `net.w@0`, `fit.lr`; did you mean `fit.lr`?",
  );
  const none = await run({});
  assertThrows(() => none.gradient("fit.lr"), RangeError, "add `gradient EXPRESSION wrt fit.lr` to the program");
  assertThrows(() => none.value(), RangeError, "This run made no `gradient` item");
});

Deno.test("Run.gradient() asks which, where a name stands for several tensors or several items have it", async () => {
  const group = gradientProgram(settings, { wrt: [{ label: "all@0", leaves: ["net.w", "fit.lr"] }], label: "first" });
  const r = await run({ gradients: [group, gradientProgram(settings, { label: "second" })] });
  const { w0, lr } = closedForm(settings.w0, settings);
  const all = r.gradientGroup("all@0");
  assertAlmostEquals(all["net.w"]!.data[0]!, w0, 1e-12);
  assertAlmostEquals(all["fit.lr"]!.data[0]!, lr, 1e-12);
  assertThrows(() => r.gradient("all@0"), TypeError, 'ask for one of them, or for all with gradientGroup("all@0")');
  assertThrows(() => r.gradient("fit.lr"), TypeError, "say { of: … } one of `first`, `second`");
  assertEquals(r.gradient("fit.lr", { of: "first" }), r.gradient("fit.lr", { of: "second" }));
  assertEquals(r.gradient("net.w@0", { of: "first" }), all["net.w"]);
  assertThrows(() => r.value(), TypeError, "more than one");
  assertAlmostEquals(r.value("second"), closedForm(settings.w0, settings).value, 1e-12);
});

Deno.test("Run.evaluation() gives figures by time, and differences task by task", async () => {
  const r = await run({
    outers: [outerProgram(settings)],
    evaluations: [evaluationProgram(settings, { every: { steps: 4, of: "train" } })],
  });
  const final = r.evaluation("test");
  assertEquals(final.reports, r.evaluation().reports);
  const { values, mean, interval } = final.point({ time: 3 });
  assertEquals(values.length, 3);
  assertAlmostEquals(mean, (values[0]! + values[1]! + values[2]!) / 3, 1e-12);
  assert(interval![0] < mean && mean < interval![1]);
  assertThrows(() => final.point(), TypeError, "say which, 0 to 3");
  assertThrows(() => final.point({ time: 9 }), RangeError, "not reported at time 9, but at 0 to 3");
  assertThrows(() => final.point({ report: "x", time: 0 }), RangeError, "has no report `x`; there is `net.w@t`");
  // every task differs by the same amount, so the interval has no width although the tasks scatter
  const before = r.evaluation("test", { step: 4 });
  const difference = final.pairedDifference(before, { time: 3 });
  assertAlmostEquals(difference.mean, mean - before.point({ time: 3 }).mean, 1e-12);
  assertAlmostEquals(difference.interval![1] - difference.interval![0], 0, 1e-12);
  assertThrows(() => r.evaluation("tset"), RangeError, "there is `test`; did you mean `test`?");
  assertThrows(() => r.evaluation("test", { step: 3 }), RangeError, "This run made no evaluation");
});

Deno.test("Run.recorded() and Run.losses() give curves", async () => {
  const r = await run({ outers: [recording], simulations: [simulationProgram(settings)] });
  const curve = r.recorded("train.loss");
  assertEquals(curve.steps, [0, 2, 4, 6, 7]);
  assertEquals(curve.values.map((v) => v.data[0]), curve.steps.map((step) => r.losses("train")[step]));
  assertThrows(() => r.recorded("net.w@*"), TypeError, "say { by: … } one of `train`, `fit`");
  assertEquals(r.recorded("net.w@*", { by: "train" }).values.map((v) => v.shape), [[4], [4], [4]]);
  assertEquals(r.recorded("net.w@*", { by: "fit" }).steps, []);
  assertThrows(() => r.recorded("train.los"), RangeError, "did you mean `train.loss`?; `record train.los`");
  assertThrows(() => r.losses("tune"), RangeError, "This run made no outer loop `tune`; there is `train`");
});

Deno.test("Run.expectations and Run.toJSON() say what came of the run", async () => {
  const line = { label: "fit.lr", of: { wrt: 1 }, expected: [0], within: 1e-9, origin };
  const r = await run({ gradients: [gradientProgram(settings, { expect: [line] })] });
  assertEquals(r.expectations.map((v) => v.met), [false]);
  const json = JSON.parse(JSON.stringify(r));
  assertEquals([json.outcome, json.expectations, json.missed], ["done", 1, 1]);
  assertEquals(json.gradients[0].wrt[1].leaves[0].gradient, r.gradient("fit.lr").data[0]);
  assertEquals(json.parameters.map((p: { name: string }) => p.name), ["net.w", "fit.lr"]);
});

Deno.test("a run prints itself as the command line does, and says how it ended", async () => {
  const text = `edition 1
precision f64
param w = 1
inner fit { minimize (w - 3)^2  over w by sgd(lr = 0.25)  for T = 2 steps }
gradient (w@T - 3)^2 wrt w@0
record w@*
`;
  const run = await compile(text).run({ backend: "reference" });
  // 1, 2, 2.5: the derivative is 2 (w - 3) / 4
  const shown = `f64, seed 0, backend reference: done after ${run.seconds.toFixed(2)} s

gradient (w@T - 3)^2
  value   0.25
  w@0    -0.25

recorded w@*
  w@0  1
  w@1  2
  w@2  2.5`;
  assertEquals([String(run), Deno.inspect(run), inspect(run), `${restoreRun(run.serialize())}`], Array(4).fill(shown));
  assertEquals([run.recordings, run.evaluations], [["w@*"], []]);
  const diverging = compile(text.replace("0.25", "1e200"));
  const { run: failed } = await assertRejects(() => diverging.run(), RunError);
  assertStringIncludes(String(failed), ": failed after ");
  assertStringIncludes(String(failed), failed.outcome);
});
