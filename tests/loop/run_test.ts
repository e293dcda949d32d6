import { recordedList } from "./recorded_list.ts";
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { buildFunction } from "../../runtime/ir/builder.ts";
import type { Backend } from "../../runtime/backend/interface.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { MetaRuntimeError } from "../../runtime/errors.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import type { RunEvent } from "../../runtime/loop/events.ts";
import type { OuterProgram } from "../../runtime/program/program.ts";
import { turns } from "../waits.ts";
import { seedWords } from "../../runtime/loop/executables.ts";
import {
  closedForm,
  evaluationProgram,
  gradientProgram,
  origin,
  outerProgram,
  quadraticProgram,
  scalar,
  settings,
  simulationProgram,
  trajectory,
  trajectoryFunction,
  wAt,
} from "./quadratic_program.ts";

/** w@0 after n meta-steps, by the closed-form gradient. */
function trained(n: number, s = settings): number {
  let w0 = s.w0;
  for (let i = 0; i < n; i++) w0 -= s.outerRate * closedForm(w0, s).w0;
  return w0;
}

const reference = (program: Parameters<typeof runProgram>[0], options: Parameters<typeof runProgram>[2] = {}) =>
  runProgram(program, referenceBackend, options);

Deno.test("runProgram() trains as the closed form says", async () => {
  const result = await reference(quadraticProgram(settings, { outers: [outerProgram(settings)] }));
  assertEquals(result.outcome, "done");
  assertAlmostEquals(result.leaves.get("net.w")!.data[0]!, trained(settings.steps), 1e-12);
  assertEquals(result.declared.get("net.w")!.data[0], settings.w0);
  const { losses, gradientNorms } = result.outers[0]!;
  assertEquals(losses.length, settings.steps);
  for (let step = 0; step < settings.steps; step++) {
    const truth = closedForm(trained(step), settings);
    assertAlmostEquals(losses[step]!, truth.value, 1e-12);
    assertAlmostEquals(gradientNorms[step]!, Math.abs(truth.w0), 1e-12);
  }
});

Deno.test("runProgram() computes gradients with declared values, and with trained ones only `after` an outer", async () => {
  const result = await reference(quadraticProgram(settings, {
    outers: [outerProgram(settings)],
    gradients: [gradientProgram(settings, { after: "train" }), gradientProgram(settings)],
  }));
  assertEquals(result.gradients.map((g) => g.index), [1, 0]);
  for (const gradient of result.gradients) {
    const truth = closedForm(gradient.after ? trained(settings.steps) : settings.w0, settings);
    assertAlmostEquals(gradient.value, truth.value, 1e-12);
    assertAlmostEquals(gradient.wrt[0]!.leaves[0]!.gradient.data[0]!, truth.w0, 1e-12);
    assertAlmostEquals(gradient.wrt[1]!.leaves[0]!.gradient.data[0]!, truth.lr, 1e-12);
  }
});

Deno.test("runProgram() judges each line of `expect` by itself", async () => {
  const truth = closedForm(settings.w0, settings);
  const line = { within: 1e-9, origin };
  const result = await reference(quadraticProgram(settings, {
    gradients: [gradientProgram(settings, {
      expect: [
        { ...line, label: "value", of: "value", expected: [truth.value] },
        { ...line, label: "net.w@0", of: { wrt: 0 }, expected: [truth.w0 + 2e-9] },
        { ...line, label: "fit.lr", of: { wrt: 1 }, expected: [truth.lr] },
      ],
    })],
  }));
  assertEquals(result.gradients[0]!.verdicts.map((v) => v.met), [true, false, true]);
  assertAlmostEquals(result.gradients[0]!.verdicts[1]!.difference, 2e-9, 1e-12);
  assertEquals(result.outcome, "done");
});

Deno.test("runProgram() evaluates trained values, and `every` so many meta-steps before", async () => {
  const result = await reference(quadraticProgram(settings, {
    outers: [outerProgram(settings)],
    evaluations: [evaluationProgram(settings, { every: { steps: 3, of: "train" } })],
  }));
  assertEquals(result.evaluations.map((e) => e.during?.step), [0, 3, 6, undefined]);
  const after = [0, 3, 6, settings.steps];
  result.evaluations.forEach((evaluation, i) => {
    const points = evaluation.reports[0]!.points;
    assertEquals(points.map((p) => p.time), [0, 1, 2, 3]);
    for (const point of points) {
      const expected = [0, 1, 2].map((shift) => wAt(point.time!, trained(after[i]!) + shift, settings));
      point.values.forEach((value, task) => assertAlmostEquals(value, expected[task]!, 1e-12));
      assertAlmostEquals(point.mean, (expected[0]! + expected[1]! + expected[2]!) / 3, 1e-12);
      assertAlmostEquals(point.median, expected[1]!, 1e-12);
    }
  });
});

Deno.test("runProgram() runs inner loops by themselves with trained values", async () => {
  const result = await reference(quadraticProgram(settings, {
    outers: [outerProgram(settings)],
    simulations: [simulationProgram(settings)],
  }));
  const w0 = trained(settings.steps);
  assertEquals(result.simulations[0]!.losses.length, settings.T);
  result.simulations[0]!.losses.forEach((loss, t) =>
    assertAlmostEquals(loss, (wAt(t, w0, settings) - settings.c) ** 2 / 2, 1e-12)
  );
  const [recorded] = recordedList(result);
  assertEquals([recorded!.name, recorded!.value.shape], ["net.w@*", [settings.T + 1]]);
  recorded!.value.data.forEach((w, t) => assertAlmostEquals(w, wAt(t, w0, settings), 1e-12));
});

function recordingOuter(steps: number): OuterProgram {
  const s = { ...settings, steps };
  return outerProgram(s, {
    records: [
      { label: "train.loss", what: { kind: "loss" }, every: 3 },
      { label: "train.gradient_norm", what: { kind: "gradient_norm" }, every: 3 },
      { label: "net.w@0", what: { kind: "leaf", name: "net.w" }, every: 3 },
    ],
    trajectories: { fn: trajectoryFunction(s), quantities: [trajectory(s)], every: 4 },
  });
}

Deno.test("runProgram() records the values before meta-steps 0, N, 2N … and those at the end", async () => {
  const result = await reference(quadraticProgram(settings, { outers: [recordingOuter(8)] }));
  const steps = (name: string) =>
    recordedList(result).filter((r) => r.name === name).map((r) => r.by.kind === "outer" ? r.by.step : -1);
  assertEquals(steps("train.loss"), [0, 3, 6, 7]);
  assertEquals(steps("train.gradient_norm"), [0, 3, 6, 7]);
  assertEquals(steps("net.w@0"), [0, 3, 6, 8]);
  assertEquals(steps("net.w@*"), [0, 4, 8]);
  for (const { name, by, value } of recordedList(result)) {
    const w0 = trained((by as { step: number }).step);
    if (name === "net.w@0") assertAlmostEquals(value.data[0]!, w0, 1e-12);
    if (name === "train.loss") assertAlmostEquals(value.data[0]!, closedForm(w0, settings).value, 1e-12);
    if (name === "net.w@*") value.data.forEach((w, t) => assertAlmostEquals(w, wAt(t, w0, settings), 1e-12));
  }
});

Deno.test("runProgram() records the last loss once when its meta-step is due", async () => {
  const result = await reference(quadraticProgram(settings, { outers: [recordingOuter(7)] }));
  const losses = recordedList(result).filter((r) => r.name === "train.loss");
  assertEquals(losses.map((r) => (r.by as { step: number }).step), [0, 3, 6]);
});

Deno.test("runProgram() reports events in order, with each meta-step's number and loss", async () => {
  const events: RunEvent[] = [];
  let time = 0;
  const result = await reference(
    quadraticProgram(settings, {
      outers: [outerProgram({ ...settings, steps: 4 })],
      gradients: [gradientProgram(settings)],
      evaluations: [evaluationProgram(settings)],
    }),
    { report: (e) => events.push(e), now: () => time += 10 },
  );
  assertEquals(events.map((e) => e.kind), [
    "started",
    "gradient",
    "recorded",
    "step",
    "step",
    "step",
    "step",
    "evaluation",
    "finished",
  ]);
  const steps = events.filter((e) => e.kind === "step");
  assertEquals(steps.map((e) => e.step), [0, 1, 2, 3]);
  assertEquals(steps.map((e) => e.loss), [...result.outers[0]!.losses]);
  assertEquals(steps.map((e) => e.steps), [4, 4, 4, 4]);
  assertEquals(steps.at(-1)!.secondsLeft, 0);
  assert(steps.every((e) => e.stepsPerSecond > 0 && e.secondsElapsed > 0));
  const started = events.find((e) => e.kind === "started")!;
  assertEquals([started.leaves, started.leafValues, started.backend], [2, 2, "reference"]);
});

Deno.test("runProgram() stops after the present meta-step when asked, and keeps what there is", async () => {
  const controller = new AbortController();
  const result = await reference(
    quadraticProgram(settings, {
      outers: [recordingOuter(100)],
      evaluations: [evaluationProgram(settings)],
      gradients: [gradientProgram(settings, { after: "train" })],
    }),
    { signal: controller.signal, report: (e) => e.kind === "step" && e.step === 4 && controller.abort() },
  );
  assertEquals(result.outcome, "stopped");
  assertEquals(result.outers[0]!.losses.length, 5);
  assertEquals(result.outers[0]!.steps, 100);
  assertAlmostEquals(result.leaves.get("net.w")!.data[0]!, trained(5), 1e-12);
  assertEquals([result.evaluations.length, result.gradients.length], [0, 0]);
  const last = recordedList(result).filter((r) => r.name === "net.w@0").at(-1)!;
  assertEquals((last.by as { step: number }).step, 5);
});

Deno.test("runProgram() lets timers run while it works", async () => {
  // a clock on which each look is 20 ms after the one before
  let time = 0;
  const controller = new AbortController();
  turns(3).then(() => controller.abort());
  const program = quadraticProgram(settings, { outers: [outerProgram({ ...settings, steps: 500 })] });
  const result = await runProgram(program, referenceBackend, { signal: controller.signal, now: () => time += 20 });
  assertEquals(result.outcome, "stopped");
  assert(result.outers[0]!.losses.length < 100, "the timer had to wait for the end");
});

// With outer rate 2000 the meta-step multiplies w@0 − w* by a factor below −100: the values leave the range of f64.
const diverging = { ...settings, outerRate: 2000, steps: 1000 };

Deno.test("runProgram() names loop, step, quantity and meta-step when the objective is not finite", async () => {
  const program = quadraticProgram(diverging, { outers: [outerProgram(diverging)] });
  const result = await reference(program);
  assertEquals(result.outcome, "failed");
  const failure = result.failure!;
  assert(failure instanceof MetaRuntimeError);
  const done = result.outers[0]!.losses.length;
  assert(done > 10 && done < diverging.steps);
  // (w − c)² overflows in fit.loss@0 before w itself does
  assertEquals(failure.message, `\`fit\`, step 0: \`fit.loss@0\` is Infinity (meta-step ${done} of \`train\`)`);
  assert(result.outers[0]!.losses.every(Number.isFinite));
  assert(Number.isFinite(result.leaves.get("net.w")!.data[0]!), "the last finite value is kept");
});

Deno.test("runProgram() says so when every inner quantity is finite and the objective is not", async () => {
  const s = { ...settings, goal: 1e200 };
  const result = await reference(quadraticProgram(s, { outers: [outerProgram(s)] }));
  assertEquals(
    result.failure!.message,
    "`train`, meta-step 0: the objective is Infinity, although every loss and parameter of the inner loops is finite",
  );
});

Deno.test("runProgram() notices an update that leaves the finite numbers, and keeps the values before it", async () => {
  const outer = outerProgram(settings);
  const step = buildFunction("step", [scalar, scalar, scalar], (b, [w]) => {
    const minus = b.apply("sub", w!, b.fill(2, scalar));
    return [b.fill(1, scalar), b.fill(1, scalar), b.apply("log", minus), b.fill(0, scalar)]; // log(0)
  });
  const result = await reference(
    quadraticProgram(settings, { outers: [{ ...outer, step: { ...outer.step, fn: step } }] }),
  );
  assertEquals(
    result.failure!.message,
    "`train`, meta-step 0: its update makes `net.w` -Infinity, although the objective and the norm of its gradient are " +
      "finite",
  );
  assertEquals(result.leaves.get("net.w")!.data[0], settings.w0);
});

Deno.test("runProgram() keeps a gradient that is not finite, and names the first time it went wrong", async () => {
  const s = { ...settings, lr: -1e200, T: 4 };
  const result = await reference(quadraticProgram(s, { gradients: [gradientProgram(s)] }));
  assertEquals(result.outcome, "failed");
  assertEquals(result.gradients.length, 1);
  // w@1 = 1 + 1e200 (to rounding), w@2 overflows
  assert(
    /its value is (NaN|Infinity); `fit`, step 1: `net\.w@2` is Infinity$/.test(result.failure!.message),
    result.failure!.message,
  );
});

Deno.test("runProgram() runs an inner loop by itself up to its end and names what diverged", async () => {
  const s = { ...settings, lr: -1e200, T: 4 };
  const result = await reference(quadraticProgram(s, { simulations: [simulationProgram(s)] }));
  assertEquals(result.failure!.message, "`fit`, step 1: `fit.loss@1` is Infinity");
  assertEquals(result.simulations.length, 1);
});

Deno.test("runProgram() refuses a program in a precision that the backend lacks", async () => {
  const single: Backend = { ...referenceBackend, name: "single", dtypes: ["f32"] };
  const result = await runProgram(quadraticProgram(settings), single);
  assertEquals(result.failure!.message, "The backend `single` does not compute in f64; it has f32");
});

Deno.test("runProgram() says before it starts when the recorded values would not fit", async () => {
  const s = { ...settings, steps: 1_000_000_000 };
  const outer = outerProgram(s, { trajectories: { fn: trajectoryFunction(s), quantities: [trajectory(s)], every: 1 } });
  const result = await reference(quadraticProgram(s, { outers: [outer] }));
  assertEquals(
    result.failure!.message,
    "What this experiment records would need 32 GB of memory, 32 GB of it for `net.w@*`; 2 GB are allowed. " +
      "Record it less often: `record net.w@* every N steps`",
  );
  assertEquals(result.outers.length, 0);
});

Deno.test("runProgram() says before it starts when the values of all tasks of an evaluation would not fit", async () => {
  const s = { ...settings, steps: 1_000_000_000 };
  const outer = outerProgram(s);
  const evaluation = { ...evaluationProgram(s), every: { steps: 10, of: outer.name } };
  const { tasks, name, reports } = evaluation;
  const times = reports[0]!.times!.length;
  const result = await reference(quadraticProgram(s, { outers: [outer], evaluations: [evaluation] }));
  const bytes = Number((8e-9 * tasks * times * (1e8 + 2)).toPrecision(3));
  assertEquals(
    result.failure!.message,
    `What this experiment evaluates would need ${bytes} GB of memory, ${bytes} GB of it for \`${name}\`; 2 GB are allowed. ` +
      "Evaluate it less often (`every N steps`), or across fewer tasks",
  );
  assertEquals(result.outers.length, 0);
});

Deno.test("runProgram() refuses outputs that take more memory than is allowed, before any work", async () => {
  const fn = buildFunction("many", [], (b) => [b.fill(1, { dtype: "f64", shape: [50_000, 10_000] })]);
  const output = { name: "many", label: "many", origin, dims: [], fn: { fn, inputs: [] } };
  const result = await reference(quadraticProgram(settings, { outers: [outerProgram(settings)], outputs: [output] }));
  assertEquals(
    result.failure!.message,
    "What this experiment outputs would need 4 GB of memory, 4 GB of it for `many`; 2 GB are allowed. " +
      "Output a part of it, or what is computed from it",
  );
  assertEquals([result.outers.length, result.failure!.origin], [0, undefined]);
});

Deno.test("runProgram() says which data does not fit", async () => {
  const simulation = simulationProgram(settings);
  const fn = buildFunction("simulate", [{ dtype: "f64", shape: [3] }], (_, [x]) => [x!]);
  const program = (data: Map<string, { dtype: "f64"; shape: number[]; data: Float64Array<ArrayBuffer> }>) =>
    quadraticProgram(settings, {
      data,
      simulations: [{ ...simulation, trajectories: [], fn: { fn, inputs: [{ kind: "data", name: "train.x" }] } }],
    });
  const wrong = new Map([["train.x", { dtype: "f64" as const, shape: [2], data: Float64Array.of(1, 2) }]]);
  assertEquals(
    (await reference(program(wrong))).failure!.message,
    "The data `train.x` is f64[2], but the program needs f64[3]",
  );
  assertEquals((await reference(program(new Map()))).failure!.message, "The data `train.x` was not given");
  const torn = new Map([["train.x", { dtype: "f64" as const, shape: [3], data: Float64Array.of(1, 2) }]]);
  assertEquals(
    (await reference(program(torn))).failure!.message,
    "`train.x` says f64[3], which is 3 values, but holds 2",
  );
});

Deno.test("runProgram() compiles each function once a run, and gives every executable back", async () => {
  let compiled = 0;
  let disposed = 0;
  const counting: Backend = {
    ...referenceBackend,
    compile(fn) {
      compiled++;
      const executable = referenceBackend.compile(fn);
      const { memory } = executable;
      return { run: (inputs) => executable.run(inputs), memory, dispose: () => (disposed++, executable.dispose()) };
    },
  };
  const program = quadraticProgram(settings, {
    outers: [outerProgram(settings)],
    evaluations: [evaluationProgram(settings, { every: { steps: 2, of: "train" } })],
  });
  await runProgram(program, counting);
  assertEquals([compiled, disposed], [4, 4]); // initial, states, step, evaluation
});

Deno.test("runProgram() passes on what its caller's callback throws", async () => {
  const program = quadraticProgram(settings, { outers: [outerProgram(settings)] });
  const report = (e: RunEvent) => {
    if (e.kind === "step") throw new TypeError("mine");
  };
  await assertRejects(() => reference(program, { report }), TypeError, "mine");
});

Deno.test("seedWords() splits a seed into two words and refuses what is not one", () => {
  assertEquals([...seedWords(0).data], [0, 0]);
  assertEquals([...seedWords(2 ** 32 - 1).data], [-1, 0]);
  assertEquals([...seedWords(2 ** 32 * 3 + 7).data], [7, 3]);
  for (const bad of [-1, 0.5, NaN, 2 ** 53]) assertThrows(() => seedWords(bad), RangeError, "A seed must be");
});
