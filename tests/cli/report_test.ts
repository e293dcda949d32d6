import { gatherRecorded } from "../../runtime/loop/records.ts";
import { assert, assertEquals } from "@std/assert";
import { jsonProgress, stepLine, textProgress } from "../../cli/progress.ts";
import { reportText } from "../../api/report_text.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import type { StepEvent } from "../../runtime/loop/events.ts";
import type { HostArray } from "../../runtime/ir/types.ts";
import type { OutputResult, ReportPoint, RunResult } from "../../runtime/loop/results.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { summarize } from "../../runtime/loop/statistics.ts";
import {
  evaluationProgram,
  gradientProgram,
  origin,
  outerProgram,
  quadraticProgram,
  settings,
  simulationProgram,
  trajectory,
  trajectoryFunction,
} from "../loop/quadratic_program.ts";
import { capturedConsole } from "./captured_console.ts";
import { snapshotOf } from "../snapshot.ts";

const snapshots = snapshotOf(import.meta.url);

const plain = (text: string) => text;
/** The time is the only figure that differs between two runs. */
const timeless = (text: string) => text.replace(/in \d+\.\d\d s/g, "in 0.00 s");

Deno.test("reportText() shows gradients with verdicts, evaluations, loops and records", async (t) => {
  const line = { within: 1e-6, origin };
  const result = await runProgram(
    quadraticProgram(settings, {
      outers: [outerProgram(settings, {
        records: [
          { label: "train.loss", what: { kind: "loss" }, every: 3 },
          { label: "fit.lr", what: { kind: "leaf", name: "fit.lr" }, every: 3 },
        ],
        trajectories: { fn: trajectoryFunction(settings), quantities: [trajectory(settings)], every: 4 },
      })],
      gradients: [
        gradientProgram(settings, {
          trajectories: [],
          expect: [
            { ...line, label: "value", of: "value", expected: [2.021728515625] },
            { ...line, label: "fit.lr", of: { wrt: 1 }, expected: [-4.5] },
          ],
        }),
        gradientProgram(settings, {
          after: "train",
          trajectories: [],
          wrt: [{ label: "net@0", leaves: ["net.w", "fit.lr"] }],
        }),
      ],
      evaluations: [evaluationProgram(settings, { every: { steps: 4, of: "train" } })],
      simulations: [simulationProgram(settings)],
    }),
    referenceBackend,
  );
  await t.assertSnapshot(timeless(reportText(result, (text) => `*${text}*`)), snapshots);
});

function emptyResult(extra: Partial<RunResult>): RunResult {
  const none = { outers: [], recorded: [], gradients: [], evaluations: [], outputs: [], simulations: [], plans: [] };
  const run = { outcome: "done" as const, backend: "reference", seed: 0, precision: "f32" as const, seconds: 0 };
  return { ...run, ...none, declared: new Map(), leaves: new Map(), ...extra };
}

Deno.test("reportText() shows large arrays by shape, and long trajectories by their ends", async (t) => {
  const large = { dtype: "f32" as const, shape: [41, 3], data: Float32Array.from({ length: 123 }, (_, i) => i / 8) };
  const wide = { dtype: "f32" as const, shape: [1, 40], data: new Float32Array(40).fill(0.5) };
  const result = emptyResult({
    gradients: [{
      index: 0,
      label: "loss",
      value: Math.fround(0.1),
      wrt: [
        {
          label: "mlp@0",
          leaves: [{ name: "mlp.W", gradient: wide }, { name: "mlp.b", gradient: { ...large, shape: [123] } }],
        },
        {
          label: "fit.lr",
          leaves: [{ name: "fit.lr", gradient: { dtype: "f32", shape: [2], data: Float32Array.of(1, -2) } }],
        },
      ],
      verdicts: [],
    }],
    recorded: gatherRecorded([
      { name: "mlp.b@*", of: "mlp.b", by: { kind: "gradient", index: 0 }, trajectory: true, value: large },
    ]),
  });
  await t.assertSnapshot(reportText(result, plain), snapshots);
});

Deno.test("reportText() says in how many tasks a figure is not finite, and what was stopped early", async (t) => {
  const point = (values: number[]): ReportPoint => ({ ...summarize(values), values: Float64Array.from(values) });
  const result = emptyResult({
    outers: [{
      name: "train",
      steps: 100,
      done: 2,
      metaSteps: Float64Array.of(0, 1),
      losses: Float64Array.of(3, 2),
      gradientNorms: Float64Array.of(1, 1),
      seconds: 75,
    }],
    evaluations: [
      { name: "one", tasks: 1, reports: [{ label: "loss", points: [point([2])] }] },
      { name: "three", tasks: 3, reports: [{ label: "loss", points: [point([1, NaN, 2])] }] },
    ],
  });
  await t.assertSnapshot(reportText(result, plain), snapshots);
  assertEquals(reportText(emptyResult({}), plain), "");
});

const step = (n: number, extra: Partial<StepEvent> = {}): StepEvent => ({
  kind: "step",
  outer: "train",
  step: n,
  steps: 1000,
  loss: 0.43125,
  gradientNorm: 0.125,
  secondsElapsed: 12.3,
  stepsPerSecond: 213.456,
  secondsLeft: 323,
  ...extra,
});

Deno.test("stepLine() says loss, pace and the time left", () => {
  assertEquals(
    stepLine(step(119)),
    "train  120/1000  loss 0.43125  gradient norm 0.12500  213 meta-steps/s  5 min 23 s left",
  );
  assertEquals(stepLine(step(0)), "train    1/1000  loss 0.43125  gradient norm 0.12500");
  assert(stepLine(step(999)).endsWith("12 s in all"));
});

Deno.test("stepLine() leaves out norm, pace and loss where there is no room, and never the time left", () => {
  const lines = [100, 80, 60, 40, 30].map((cells) => stepLine(step(119), cells));
  assertEquals(lines, [
    "train  120/1000  loss 0.43125  gradient norm 0.12500  213 meta-steps/s  5 min 23 s left",
    "train  120/1000  loss 0.43125  213 meta-steps/s  5 min 23 s left",
    "train  120/1000  loss 0.43125  5 min 23 s left",
    "train  120/1000  5 min 23 s left",
    "tr…  120/1000  5 min 23 s left",
  ]);
  const long = { outer: "meta_training_of_the_second_phase", leftOut: 3, steps: 1_000_000 };
  for (let cells = 40; cells < 150; cells++) {
    const line = stepLine(step(119, long), cells);
    assert(line.length <= cells && line.endsWith("     120/1000000  5 min 23 s left") || line.includes("loss"), line);
    assert(line.length <= cells && line.endsWith("  5 min 23 s left"), `${cells}: ${line}`);
  }
});

Deno.test("textProgress() breaks what it says between words on a terminal", () => {
  const text =
    "warning: the log of this run is written to a disk on which there is no room any more, and nobody saw it";
  for (const width of [60, 80, 120]) {
    const console = capturedConsole({ terminal: true, width });
    textProgress(console).warn(text.slice("warning: ".length));
    const lines = console.written.err.trimEnd().split("\n");
    assert(lines.every((line) => line.length <= width));
    assertEquals(lines.map((line) => line.trim()).join(" "), text);
  }
});

Deno.test("textProgress() says no pace of the first meta-step that it sees, which also compiles, where a run goes on", () => {
  const console = capturedConsole();
  const progress = textProgress(console);
  for (const n of [404, 405]) progress.event(step(n), 10 * n);
  progress.event(step(404, { outer: "second" }), 5000);
  const lines = console.written.err.trimEnd().split("\n");
  assertEquals(lines.map((line) => line.includes("meta-steps/s")), [false, true, false]);
});

Deno.test("textProgress() writes plain lines every five seconds, and the first and last meta-step", () => {
  const console = capturedConsole();
  const progress = textProgress(console);
  for (let n = 0; n < 1000; n++) progress.event(step(n), n * 0.02); // 20 seconds
  progress.end();
  const numbers = console.written.err.trimEnd().split("\n").map((line) => Number(/(\d+)\/1000/.exec(line)![1]));
  assertEquals(numbers, [1, 251, 501, 751, 1000]);
  assertEquals(console.written.out, "");
});

Deno.test("textProgress() rewrites one line on a terminal and keeps it narrower than the terminal", () => {
  const console = capturedConsole({ terminal: true, width: 40 });
  const progress = textProgress(console);
  for (let n = 0; n < 10; n++) progress.event(step(n), n);
  progress.note("stopping");
  progress.end();
  const { err } = console.written;
  const rewritten = err.split("\r\u001b[K").slice(1);
  assertEquals(rewritten.length, 11); // ten rewritings and the clearing before the note
  assert(rewritten.slice(0, 10).every((line) => !line.includes("\n") && line.length <= 39));
  assert(err.endsWith("\r\u001b[Kstopping\n"));
});

Deno.test("jsonProgress() writes an object a line, meta-steps about once a second", () => {
  const console = capturedConsole();
  const progress = jsonProgress(console);
  for (let n = 0; n < 1000; n++) progress.event(step(n, { loss: n === 0 ? NaN : 1 }), n * 0.005);
  const lines = console.written.out.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map((l) => l.step), [0, 200, 400, 600, 800, 999]);
  assertEquals(lines[0].value, "NaN");
  assertEquals(lines[1], {
    kind: "step",
    step: 200,
    name: "train.loss",
    value: 1,
    gradientNorm: 0.125,
    steps: 1000,
    stepsPerSecond: 213.456,
    secondsLeft: 323,
    seconds: 1,
  });
});

Deno.test("reportText() shows small outputs whole, of others shape, extremes and mean, and what is not finite", () => {
  const of = (name: string, value: HostArray, more: Partial<OutputResult> = {}): OutputResult => ({
    name,
    label: name,
    dims: value.shape.map(String),
    nonFinite: [...value.data].filter((x) => !Number.isFinite(x)).length,
    value,
    ...more,
  });
  const text = reportText(
    emptyResult({
      outputs: [
        of("one", { dtype: "f32", shape: [], data: Float32Array.of(0.1) }),
        of("few", { dtype: "f64", shape: [2, 2], data: Float64Array.of(1, -2, NaN, 4) }, { after: "train" }),
        of("none", { dtype: "f64", shape: [0, 3], data: new Float64Array(0) }),
        of("kinds", { dtype: "i32", shape: [10], data: Int32Array.from({ length: 10 }, (_, i) => i) }, { tasks: 10 }),
        of("right", { dtype: "bool", shape: [3, 3], data: Uint8Array.of(1, 0, 1, 1, 0, 0, 0, 0, 1) }),
        of("flag", { dtype: "bool", shape: [2], data: Uint8Array.of(1, 0) }),
        of("many", { dtype: "f64", shape: [3, 4], data: Float64Array.from({ length: 12 }, (_, i) => i / 4 - 1) }),
        of("bad", { dtype: "f64", shape: [9], data: new Float64Array(9).fill(Infinity) }),
      ],
    }),
    (t) => t,
  );
  assertEquals(
    text,
    `output one
  0.1

output few after train
  [[1, -2], [NaN, 4]]  (not finite in 1 of 4 entries)

output none
  []

output kinds: 10 tasks on axis 0
  int [10]  min 0, mean 4.5000, max 9

output right
  bool [3, 3]  true in 4 of 9 entries

output flag
  [true, false]

output many
  [3, 4]  min -1.0000, mean 0.37500, max 1.7500

output bad
  [9]  min Infinity, mean Infinity, max Infinity  (not finite in 9 of 9 entries)
`,
  );
});
