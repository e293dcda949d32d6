// Are tasks that are not finite left out, with all that hangs on them, and counted? A run with some such tasks must be that of the
// other tasks alone, however it is differentiated; and when none is left, the run ends as it would.
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { makeRun } from "../../api/run.ts";
import { reportText } from "../../api/report_text.ts";
import { compile, restoreRun } from "../../mod.ts";
import { compileProgram } from "../../dsl/compile.ts";
import type { Backend } from "../../runtime/backend/interface.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import type { RunEvent } from "../../runtime/loop/events.ts";
import type { RunResult } from "../../runtime/loop/results.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { summarizeRun } from "../../runtime/record/summary.ts";
import { apart, numbersOf } from "../random/numbers.ts";
import { burstingBackend } from "./bursting_backend.ts";

/** What a task is made of, by its number and the meta-step. */
type Given = (index: number, step: number) => number;

function runOf(
  text: string,
  given: Given,
  backend: Backend = referenceBackend,
  report: (e: RunEvent) => void = () => {},
): Promise<RunResult> {
  const { program, diagnostics } = compileProgram({
    root: { name: "test.meta", text: `edition 1\nprecision f64\n${text}` },
    readSource: () => undefined,
    readData: () => undefined,
    tasks: ["problem"],
  });
  if (!program) throw new Error(diagnostics.map((d) => `${d.code} ${d.title}`).join("\n"));
  const tasks = {
    problem: ({ index, step }: { readonly index: number; readonly step: number }) => ({
      support: { b: { shape: [], data: [given(index, step)] } },
    }),
  };
  return runProgram(program, backend, { tasks, report, now: () => 0 });
}

const task = "task problem { split support { b : [] } }\n";

// c goes half of the way to the mean of the roots: 2, 3 and 0.5 of those that are no NaN
const roots = (across: string) =>
  `${task}param c = 0
outer train { minimize (c - sqrt(support.b))^2  across ${across}  over c  by sgd(lr = 0.25)  for 4 steps  skip not finite }
record c, train.loss, train.gradient_norm`;
const some: Given = (index) => [4, -1, 9, 0.25][index]!;

for (
  const [name, backend] of [
    ["reference", () => referenceBackend],
    ["wasm", () => makeWasmBackend({ threads: 1 })],
    ["many meta-steps in a call", () => burstingBackend(3)],
  ] as const
) {
  Deno.test(`the mean is that of the tasks that are finite, by hand, on ${name}`, async () => {
    const { outers: [outer], leaves, outcome } = await runOf(roots("4 problem fixed"), some, backend());
    assertEquals(outcome, "done");
    const goal = 5.5 / 3;
    const spread = (4 + 9 + 0.25) / 3 - goal ** 2;
    for (let k = 0; k < 4; k++) {
      const away = goal / 2 ** k;
      // ten roundings of numbers below 8
      assertAlmostEquals(outer!.losses[k]!, away ** 2 + spread, 80 * 2 ** -52);
      assertAlmostEquals(outer!.gradientNorms[k]!, 2 * away, 80 * 2 ** -52);
    }
    assertAlmostEquals(leaves.get("c")!.data[0]!, goal - goal / 16, 80 * 2 ** -52);
    assertEquals(outer!.leftOut, { tasks: 4, steps: 4 });
  });
}

Deno.test("how many were left out is told by events, the report, the summary, JSON lines and a restored run", async () => {
  const events: RunEvent[] = [];
  // all are finite at meta-steps 0 and 2, two are not at 1, one is not at 3
  const given: Given = (index, step) => (step === 1 && index < 2 || step === 3 && index === 2 ? -1 : 1) * (index + 1);
  const result = await runOf(roots("3 problem"), given, referenceBackend, (e) => events.push(e));
  assertEquals(events.flatMap((e) => e.kind === "step" ? [e.leftOut] : []), [undefined, 2, undefined, 1]);
  const leftOut = { tasks: 3, steps: 2 };
  assertEquals(result.outers[0]!.leftOut, leftOut);
  assertStringIncludes(reportText(result, (t) => t), "  left out as not finite: 3 tasks, in 2 of 4 meta-steps\n");
  assertEquals(
    (summarizeRun(result)["outers"] as unknown as readonly Record<string, unknown>[])[0]!["leftOut"],
    leftOut,
  );
  assertEquals(restoreRun(makeRun(result).serialize()).ending().leftOut, leftOut);
});

Deno.test("where no task is left, the run ends and keeps what was learned before", async () => {
  const given: Given = (_, step) => step === 2 ? -1 : 4;
  const result = await runOf(roots("3 problem"), given);
  assertEquals(result.outcome, "failed");
  assertStringIncludes(result.failure!.message, "`train`, meta-step 2: the objective of every task is NaN");
  assertEquals(result.outers[0]!.losses.length, 2);
  assertEquals(result.leaves.get("c")!.data[0], 1.5);
  // and without the clause, at the first that is not finite
  const without = await runOf(roots("4 problem").replace("skip not finite", ""), some);
  assertEquals([without.outcome, without.outers[0]!.losses.length], ["failed", 0]);
});

Deno.test("a derivative that is not finite where the objective is ends the run", async () => {
  // w stays where it is, and its derivative is multiplied by -399 at every step
  const result = await runOf(
    `${task}param w = 1
param c = 1
inner fit { minimize support.b * (w - c)^2  over w  by sgd(lr = 200)  for T = 300 steps }
outer train { minimize w@T  across 2 problem  over c  by sgd(lr = 0.1)  for 3 steps  skip not finite }`,
    () => 1,
  );
  assertEquals(result.outcome, "failed");
  const what = "`train`, meta-step 0: the norm of the meta-gradient over the tasks that count is";
  assertStringIncludes(result.failure!.message, what);
});

// ---------------------------------------------------------------------------------- as if there were no other tasks

/** Task 1 of 3 runs away: its curvature is 50 times that of the others, which leave nothing finite after 400 steps. */
const wild: Given = (index) => [0.8, 50, 1.3][index]!;
const tame: Given = (index) => [0.8, 1.3][index]!;

const descent = (through: string, more = "", rule = "sgd(lr = 0.1, momentum = 0.5)") =>
  `param theta = 0.4
param w : [2] = [0.5, -0.3]
inner fit {
  minimize support.b * sum((w - theta)^2) + 0.1 * exp(theta) * sum(w^4)
  over w by ${rule}
  for T = 400 steps
  through ${through} ${more}
}
`;
const learning = (over: string, by: string, more = "") =>
  `outer train { minimize sum((w@T - 1)^2) + 0.1 * fit.loss@T  across N problem  over ${over} by ${by}  for 3 steps
  skip not finite ${more} }
record train.loss, train.gradient_norm
`;

const alike: Readonly<Record<string, string>> = {
  "unroll()": descent("unroll()") + learning("theta, fit.lr, w@0", "adam(lr = 0.01)"),
  "unroll() and a clip": descent("unroll()") +
    learning("theta, fit.lr, w@0", "sgd(lr = 0.1)", "clip norm 0.1"),
  "first_order()": descent("first_order()") + learning("theta, fit.lr, w@0", "sgd(lr = 0.1)"),
  "forward()": descent("forward()") + learning("theta, fit.lr", "sgd(lr = 0.1)"),
  "unroll(window = 20)": descent("unroll(window = 20)") + learning("theta, fit.lr", "sgd(lr = 0.1)"),
  "implicit()": descent("implicit()") + learning("theta", "sgd(lr = 0.1)"),
  "implicit(solver = direct)": descent("implicit(solver = direct)") + learning("theta", "sgd(lr = 0.1)"),
  "implicit(solver = neumann)": descent("implicit(solver = neumann, iterations = 9)") +
    learning("theta", "sgd(lr = 0.1)"),
  "implicit(solver = fixed_point)": descent("implicit(solver = fixed_point)") +
    learning("theta, fit.lr", "sgd(lr = 0.1)"),
  "finite_difference()": descent("finite_difference(factor = 0.1)") + learning("theta", "sgd(lr = 0.1)"),
  "towards where loops end": descent("unroll()") + learning("w@0", "reptile(rate = 0.3)"),
  "a rule with divisions": descent("unroll()", "", "adam(lr = 0.01)").replace(
    "exp(theta) * sum(w^4)",
    "exp(exp(0.5 * support.b * sum(w^2)))",
  ) +
    learning("theta, fit.lr", "sgd(lr = 1e-9)"),
};

for (const [what, text] of Object.entries(alike)) {
  Deno.test(`a run that leaves tasks out is that of the others: ${what}`, async () => {
    const on = (n: number, given: Given, backend?: Backend) =>
      runOf(task + text.replace("N problem", `${n} problem`), given, backend);
    const others = await on(2, tame);
    assertEquals(others.outcome, "done", others.failure?.message);
    for (const backend of [referenceBackend, ...(what === "unroll()" ? [makeWasmBackend({ threads: 2 })] : [])]) {
      const all = await on(3, wild, backend);
      assertEquals(all.outcome, "done", all.failure?.message);
      assertEquals(all.outers[0]!.leftOut, { tasks: 3, steps: 3 });
      const { part, where } = apart(numbersOf(all), numbersOf(others));
      // one sum of three in place of two, through 400 steps, of the largest number
      assert(part <= 4096 * 2 ** -52, where);
    }
  });
}

Deno.test("an evaluation leaves out what is not finite, report by report and time by time", async () => {
  const text = `${task}param w = 1
inner fit { minimize 0.5 * (w - support.b)^2  over w  by sgd(lr = 0.5)  for T = 2 steps }
evaluate all {
  across 4 problem
  report sqrt(w@t) at t in 0 .. T
  report support.b
  skip not finite
}
evaluate none { across 2 problem  report sqrt(support.b - 100)  skip not finite }
`;
  const result = await runOf(text, (index) => [0, -2, -8, 8][index]!);
  const [reports] = result.evaluations.map((e) => e.reports.map((r) => r.points));
  // w is 1, then half of the way to b, then again
  const at = [[1, 1, 1, 1], [0.5, -0.5, -3.5, 4.5], [0.25, -1.25, -5.75, 6.25]];
  at.forEach((w, t) => {
    const kept = w.filter((x) => x >= 0).map(Math.sqrt);
    const { mean, nonFinite, count, values } = reports![0]![t]!;
    assertAlmostEquals(mean, kept.reduce((x, y) => x + y) / kept.length, 4 * 2 ** -52);
    assertEquals([nonFinite, count, values.length], [4 - kept.length, 4, 4]);
  });
  assertEquals([reports![1]![0]!.mean, reports![1]![0]!.nonFinite], [-0.5, 0]);
  assertEquals(result.outcome, "failed", "where none is finite nothing was found");
  assertStringIncludes(result.failure!.message, "is finite in none of its 2 tasks");
});

Deno.test("the best evaluation is that of the tasks that are finite", async () => {
  const run = await compile(
    `edition 1
precision f64
task problem { split support { b : [] } }
param c = 0
outer train { minimize (c - 4)^2  over c  by sgd(lr = 0.25)  for 5 steps  keep best of valid }
evaluate valid {
  across 3 problem
  report (c - sqrt(support.b))^2
  best lowest
  every 1 steps of train
  skip not finite
}`,
    { tasks: { problem: ({ index }) => ({ support: { b: { shape: [], data: [[9, -1, 9][index]!] } } }) } },
  ).run();
  // c is 0, 2, 3, 3.5, …
  assertEquals([run.ending().kept?.step, run.ending().kept?.value], [2, 0]);
});

Deno.test("the warm loop of a task that is left out stays where it stands, and goes on when the task counts again", async () => {
  // w goes half of the way to b at every meta-step: 4 of 8, then 6; 8 of 16, 12, 14. At meta-step 1 task 0 is no number
  const text = `${task}param w = 0
param c = 1
inner fit { minimize 0.5 * (w - support.b)^2  over w  by sgd(lr = 0.5)  for T = 1 steps  from fit@T }
outer train {
  minimize c * w@T + sqrt(where(support.b < 10, (t - 1)^2 - 0.75, 1))
  across 2 problem fixed  over c  by sgd(lr = 0)  for 3 steps  skip not finite
}
`;
  for (const backend of [referenceBackend, makeWasmBackend({ threads: 1 })]) {
    const { outcome, failure, outers: [outer] } = await runOf(text, (index) => [8, 16][index]!, backend);
    assertEquals(outcome, "done", failure?.message);
    assertEquals([...outer!.losses], [(4.5 + 9) / 2, 13, (6.5 + 15) / 2]);
    assertEquals(outer!.leftOut, { tasks: 1, steps: 1 });
  }
});
