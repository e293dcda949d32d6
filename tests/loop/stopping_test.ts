// Does an outer end when its `until` holds, and does it give its best evaluation back? The outer halves the distance of c to 4:
// before meta-step k, c is 4 − 4 / 2^k: 0, 2, 3, 3.5, 3.75, …, with no rounding; its loss is 16 / 4^k, its slope 8 / 2^k.
import { recordedList } from "./recorded_list.ts";
import { assert, assertEquals } from "@std/assert";
import { makeRun } from "../../api/run.ts";
import { reportText } from "../../api/report_text.ts";
import { compileProgram } from "../../dsl/compile.ts";
import { restoreRun } from "../../mod.ts";
import type { Backend } from "../../runtime/backend/interface.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import type { RunEvent } from "../../runtime/loop/events.ts";
import type { RunResult } from "../../runtime/loop/results.ts";
import { type RunOptions, runProgram } from "../../runtime/loop/run.ts";
import { summarizeRun } from "../../runtime/record/summary.ts";
import { burstingBackend } from "./bursting_backend.ts";

const backends: readonly (readonly [string, () => Backend])[] = [
  ["reference", () => referenceBackend],
  ["wasm", () => makeWasmBackend({ threads: 1 })],
  ["many meta-steps in a call", () => burstingBackend(7)],
];

const c = (k: number) => 4 - 4 / 2 ** k;

interface Parts {
  /** What stands in the outer. */
  readonly clauses: string;
  /** What stands in `evaluate valid`. */
  readonly valid?: string;
  readonly more?: string;
  readonly steps?: number;
}

function resultOf(
  { clauses, valid, more = "", steps = 50 }: Parts,
  backend: Backend = referenceBackend,
  options: RunOptions = {},
): Promise<RunResult> {
  const text = `edition 1
precision f64
param c = 0
outer train { minimize (c - 4)^2  over c  by sgd(lr = 0.25)  for ${steps} steps  ${clauses} }
${valid ? `evaluate valid { ${valid} }` : ""}
${more}`;
  const { program, diagnostics } = compileProgram({
    root: { name: "test.meta", text },
    readSource: () => undefined,
    readData: () => undefined,
  });
  if (!program) throw new Error(diagnostics.map((d) => `${d.code} ${d.title}`).join("\n"));
  // a clock that stands still lets calls grow as fast as they may
  return runProgram(program, backend, { now: () => 0, ...options });
}

const during = ({ evaluations }: RunResult) => evaluations.flatMap((e) => e.during ? [e.during.step] : []);

for (const [name, backend] of backends) {
  Deno.test(`an outer ends after the first meta-step whose loss is below, on ${name}`, async () => {
    const cases = [
      ["until train.loss < 1", 4, 0.25],
      ["until train.loss <= 1", 3, 1],
      ["until 1 > train.loss", 4, 0.25],
      ["until 1 >= train.loss", 3, 1],
      ["until train.loss < 1e-3", 8, 16 / 4 ** 7],
      ["until train.gradient_norm < 0.3", 6, 0.25],
      ["until train.gradient_norm <= 0.25  until train.loss < 1", 4, 0.25],
      ["until train.loss > 100", 50, undefined],
      ["until train.loss < 0.3 * 1", 4, 0.25],
    ] as const;
    for (const [clauses, done, value] of cases) {
      const result = await resultOf({ clauses }, backend());
      assertEquals(result.outcome, "done");
      assertEquals(result.outers[0]!.losses, Float64Array.from({ length: done }, (_, k) => 16 / 4 ** k), clauses);
      assertEquals(result.leaves.get("c")!.data[0], c(done), clauses);
      assertEquals(result.outers[0]!.until?.value, value);
    }
  });

  Deno.test(`the best evaluation is given back, on ${name}`, async () => {
    const best = async (valid: string, clauses = "", steps = 7) => {
      const result = await resultOf({ clauses: `keep best of valid  ${clauses}`, valid, steps }, backend());
      const { losses, kept } = result.outers[0]!;
      assertEquals(result.leaves.get("c")!.data[0], c(kept!.step));
      const then = result.evaluations.find((e) => e.during?.step === kept!.step)!.reports;
      assertEquals(then[kept!.report]!.points.at(-1)!.mean, kept!.value);
      // what comes after the loop sees what was given back
      const after = result.evaluations.find((e) => !e.during)!.reports;
      assertEquals(after.map((r) => r.points.map((p) => p.mean)), then.map((r) => r.points.map((p) => p.mean)));
      return [losses.length, kept!.step, kept!.value];
    };
    assertEquals(await best("report (c - 3)^2  best lowest  every 1 steps of train"), [7, 2, 0]);
    assertEquals(await best("report -(c - 3)^2  best highest  every 1 steps of train"), [7, 2, 0]);
    assertEquals(await best("report (c - 3)^2  best highest  every 1 steps of train"), [7, 0, 9]);
    // the first of equals
    assertEquals(await best("report where(c < 1, 5, 1)  best lowest  every 1 steps of train"), [7, 1, 1]);
    assertEquals(await best("report where(c < 1, 0, 1)  best highest  every 1 steps of train"), [7, 1, 1]);
    // after the last meta-step, whether it was due or not
    assertEquals(await best("report c  best highest  every 3 steps of train"), [7, 7, c(7)]);
    assertEquals(await best("report c  best highest  every 3 steps of train", "", 6), [6, 6, c(6)]);
    assertEquals(await best("report c  best highest  every 9 steps of train"), [7, 7, c(7)]);
    // where an `until` ends it
    assertEquals(await best("report c  best highest  every 3 steps of train", "until train.loss < 1"), [4, 4, c(4)]);
    assertEquals(await best("report c  best lowest  every 3 steps of train", "until train.loss < 1"), [4, 0, 0]);
    // of several reports the one that says so
    assertEquals(
      await best("report c  report (c - 3.5)^2  best lowest  report -c  every 1 steps of train"),
      [7, 3, 0],
    );
  });

  Deno.test(`an evaluation ends an outer before the meta-step that it was made before, on ${name}`, async () => {
    const ends = async (clauses: string, valid: string) => {
      const result = await resultOf({ clauses, valid, steps: 20 }, backend());
      assertEquals(result.leaves.get("c")!.data[0], c(result.outers[0]!.losses.length));
      return [result.outers[0]!.losses.length, during(result)];
    };
    const each = (n: number) => `report c  every ${n} steps of train`;
    assertEquals(await ends("until valid >= 3.5", each(1)), [3, [0, 1, 2, 3]]);
    assertEquals(await ends("until valid > 3.5", each(1)), [4, [0, 1, 2, 3, 4]]);
    assertEquals(await ends("until valid > 3.5", each(3)), [6, [0, 3, 6]]);
    assertEquals(await ends("until 3.5 < valid", each(3)), [6, [0, 3, 6]]);
    assertEquals(await ends("until valid < 1", each(3)), [0, [0]]);
    const judged = (n: number) => `report (c - 3)^2  best lowest  every ${n} steps of train`;
    // the best is before meta-step 2
    assertEquals(await ends("until valid has not improved for 1 steps", judged(1)), [3, [0, 1, 2, 3]]);
    assertEquals(await ends("until valid has not improved for 3 steps", judged(1)), [5, [0, 1, 2, 3, 4, 5]]);
    // 9, 0, 9/16, … before meta-steps 0, 2, 4, …: only an evaluation shows that nothing is better
    assertEquals(await ends("until valid has not improved for 3 steps", judged(2)), [6, [0, 2, 4, 6]]);
    assertEquals(await ends("until valid has not improved for 4 steps", judged(2)), [6, [0, 2, 4, 6]]);
    assertEquals(await ends("until valid has not improved for 5 steps", judged(2)), [8, [0, 2, 4, 6, 8]]);
    // equals are no improvement
    const flat = "report where(c < 1, 5, 1)  best lowest  every 1 steps of train";
    assertEquals(await ends("until valid has not improved for 4 steps", flat), [5, [0, 1, 2, 3, 4, 5]]);
  });
}

for (const [name, backend] of backends) {
  Deno.test(`a phase begins at the best that the one before gave back, and ends and keeps for itself, on ${name}`, async () => {
    const result = await resultOf({
      clauses: "until valid has not improved for 2 steps  keep best of valid",
      valid: "report (c - 3)^2  best lowest  every 1 steps of train",
      more: `
outer second after train {
  minimize (c - 1)^2 + 0 * train.t  over c  by sgd(lr = 0.25)  for 50 steps
  until second.loss < 1  keep best of again
}
evaluate again { report (c - 1.5)^2  best lowest  every 1 steps of second }
outer third after second { minimize (c + 1)^2  over c  by sgd(lr = 0.25)  for 2 steps }
evaluate between after train { report c  report train.t  report second.t }
evaluate later after second { report c  report train.t  report second.t }
gradient c^2 wrt c after train
gradient c^2 wrt c after second
record c every 1 steps`,
    }, backend());
    assertEquals(result.outcome, "done");
    const ended = result.outers.map(({ losses, kept }) => [[...losses], kept && [kept.step, kept.value]]);
    assertEquals(ended, [
      // 0, 2, 3, 3.5, then 3.75: nothing better than 3 for 2 meta-steps
      [[16, 4, 1, 0.25], [2, 0]],
      // from 3: 2, 1.5, then 1.25 when the loss was below 1
      [[4, 1, 0.25], [2, 0]],
      // from 1.5: 0.25, −0.375
      [[6.25, 1.5625], undefined],
    ]);
    const recorded = recordedList(result).map(({ value }) => value.data[0]);
    assertEquals(recorded, [...[0, 2, 3, 3.5, 3.75], ...[3, 2, 1.5, 1.25], ...[1.5, 0.25, -0.375]]);
    const reported = (item: string) =>
      result.evaluations.find((e) => e.name === item && !e.during)!.reports.map((r) => r.points[0]!.mean);
    assertEquals(reported("between"), [3, 4, 0]);
    assertEquals(reported("later"), [1.5, 4, 3]);
    assertEquals(result.gradients.map((g) => [g.value, g.wrt[0]!.leaves[0]!.gradient.data[0]]), [[9, 6], [2.25, 3]]);
    assertEquals(result.leaves.get("c")!.data[0], -0.375);
  });
}

Deno.test("of several times the last is compared", async () => {
  // w@t is c (1 − 2^−t), so the last report is (3c / 4 − 3/2)^2: best before meta-step 1, one at time 1 before meta-step 2
  const result = await resultOf({
    clauses: "keep best of valid",
    valid: "report (w@t - 1.5)^2 at t in 0 .. T  best lowest  every 1 steps of train",
    more: "param w = 0\ninner fit { minimize (w - c)^2  over w  by sgd(lr = 0.25)  for T = 2 steps }",
  });
  const { kept } = result.outers[0]!;
  assertEquals([kept?.step, kept?.value], [1, 0]);
});

Deno.test("calls of many meta-steps are made again up to the one that ends the loop, and grow before", async () => {
  const backend = burstingBackend(16);
  const result = await resultOf({ clauses: "until train.loss < 1e-3" }, backend);
  assertEquals(result.outers[0]!.losses.length, 8);
  // 1 that compiles, 1, 4, then 16 of which two count
  assertEquals(backend.counts, [1, 1, 4, 16, 2]);
});

/** An evaluation of eight tasks, some of which have a logarithm, here of a negative number while c is small. */
const logarithms = (logarithm: string, every: number) => ({
  valid: `across 8 noise  report where(query.s > 0, c, ${logarithm})  best lowest  every ${every} steps of train`,
  more: "task noise { split query { s : [] ~ uniform(-1, 1) } }",
});

Deno.test("what is not finite is never best, and never compares", async () => {
  const result = await resultOf({
    ...logarithms("log(c - 2.9) + 9", 1),
    clauses: "keep best of valid  until valid < 1000",
    steps: 5,
  });
  assertEquals(result.outcome, "done");
  const finite = result.evaluations.filter((e) => e.during).map((e) => Number.isFinite(e.reports[0]!.points[0]!.mean));
  assertEquals(finite, [false, false, true]);
  assertEquals(result.outers[0]!.kept?.step, 2);
  assertEquals(result.outers[0]!.losses.length, 2);
});

Deno.test("where no evaluation is finite, the run says so and keeps what the last meta-step made", async () => {
  const parts = {
    clauses: "keep best of valid  until valid has not improved for 2 steps",
    valid: "report log(c - 9)  best lowest  every 1 steps of train",
  };
  const result = await resultOf(parts);
  assertEquals(result.outcome, "failed");
  assertEquals(result.outers[0]!.losses.length, 2);
  assertEquals(result.outers[0]!.kept, undefined);
  assertEquals(result.outers[0]!.until, { until: "valid has not improved for 2 steps", value: NaN });
  assertEquals(result.leaves.get("c")!.data[0], c(2));
  // some tasks are finite, but never all
  const told = await resultOf({ ...logarithms("log(c - 9)", 2), clauses: "keep best of valid", steps: 3 });
  assertEquals(told.outcome, "failed");
  assert(told.failure!.message.startsWith("`keep best of valid`: none of the evaluations during `train` is finite"));
});

Deno.test("a run that is stopped, or fails, gives back the best so far", async () => {
  const valid = "report (c - 3)^2  best lowest  every 1 steps of train";
  const stop = new AbortController();
  const report = (e: RunEvent) => e.kind === "step" && e.step === 4 && stop.abort();
  const stopped = await resultOf({ clauses: "keep best of valid", valid }, referenceBackend, {
    signal: stop.signal,
    report: (e) => void report(e),
  });
  assertEquals([stopped.outcome, stopped.outers[0]!.losses.length], ["stopped", 5]);
  assertEquals([stopped.leaves.get("c")!.data[0], stopped.outers[0]!.kept?.step], [3, 2]);
  const { program } = compileProgram({
    root: {
      name: "test.meta",
      text: `edition 1
precision f64
param c = 1
outer train { maximize exp(c)  over c  by sgd(lr = 1)  for 50 steps  keep best of valid }
evaluate valid { report (c - 4)^2  best lowest  every 1 steps of train }`,
    },
    readSource: () => undefined,
    readData: () => undefined,
  });
  const failed = await runProgram(program!, referenceBackend, {});
  assertEquals(failed.outcome, "failed");
  const before = [1, 1 + Math.E];
  assertEquals(failed.outers[0]!.kept, {
    evaluation: "valid",
    report: 0,
    better: "lowest",
    step: 1,
    value: (before[1]! - 4) ** 2,
  });
  assertEquals(failed.leaves.get("c")!.data[0], before[1]);
});

Deno.test("what is recorded at the end is what the last meta-step made, once", async () => {
  const result = await resultOf({
    clauses: "keep best of valid  until valid < 0.3",
    valid: "report (c - 3)^2  best lowest  every 2 steps of train",
    more: "record c, train.loss every 2 steps",
  });
  const steps = (name: string) =>
    recordedList(result).filter((r) => r.name === name).map((
      { by, value },
    ) => [by.kind === "outer" && by.step, value.data[0]]);
  assertEquals(steps("c"), [[0, 0], [2, 3]]);
  assertEquals(steps("train.loss"), [[0, 16], [1, 4]]);
});

Deno.test("why an outer ended and what it kept is told by events, the report, the summary and a restored run", async () => {
  const parts = {
    clauses: "until train.loss < 0.1  keep best of valid",
    valid: "report (c - 3)^2  best lowest  every 1 steps of train",
  };
  const events: RunEvent[] = [];
  const result = await resultOf(parts, referenceBackend, { report: (e) => events.push(e) });
  const held = { until: "train.loss < 0.1", value: 0.0625 };
  const kept = { evaluation: "valid", report: 0, better: "lowest", step: 2, value: 0 } as const;
  assertEquals(events.filter((e) => e.kind === "until" || e.kind === "kept"), [
    { kind: "until", outer: "train", step: 5, held },
    { kind: "kept", outer: "train", kept },
  ]);
  assertEquals(
    reportText(result, (t) => t).split("\n").slice(1, 3),
    ["  until train.loss < 0.1 after 5 meta-steps: 0.062500", "  kept the best of valid: 0 before meta-step 2"],
  );
  const [outer] = summarizeRun(result)["outers"] as unknown as readonly Record<string, unknown>[];
  assertEquals([outer!["done"], outer!["until"], outer!["kept"]], [5, held, kept]);
  const ending = { name: "train", steps: 50, done: 5, until: held, kept };
  assertEquals(makeRun(result).ending("train"), ending);
  assertEquals(restoreRun(makeRun(result).serialize()).ending(), ending);
});
