// Does a report say what a run says, of every kind of result, and nothing that it has not? The good programs are held against what the terminal
// prints of them (tests/dsl/good_programs_test.ts); here stand the kinds that these lack.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { reportFor } from "../../api/report/report_for.ts";
import { labelledRuns, reportOf } from "../../api/report/report_of_runs.ts";
import type { ReportedRun } from "../../api/report/reported_run.ts";
import { readRun } from "../../api/run_text.ts";
import type { Cell, Report, Table } from "../../draw/report.ts";
import { compile, reportRuns, type Run } from "../../mod.ts";
import { missingInReport } from "./said_in_report.ts";

const runOf = (text: string): Promise<Run> =>
  compile(`edition 1\nprecision f64\n${text}`).run({ backend: "reference" });

const tablesOf = ({ sections }: Report, title: string): Table[] =>
  sections.flatMap((section) =>
    section.blocks.flatMap((block) => block.kind === "table" && (block.title ?? section.title) === title ? [block] : [])
  );

const shown = (rows: readonly (readonly Cell[])[]) =>
  rows.map((row) => row.map((cell) => typeof cell === "string" ? cell : cell.shown));

const tasks =
  "task t { k ~ normal(0, 3)  split s { x : [5] ~ normal(k, 1) }  split q { x : [9] ~ normal(k, 1) } }\nparam w = 0\n";

Deno.test("an evaluation that was made once during training is in the report beside the one at the end", async () => {
  const run = await runOf(
    `${tasks}outer train { minimize mean((w - q.x)^2)  across 3 t  over w by sgd(lr = 0.1)  for 20 steps }
evaluate test { across 6 t  report mean((w - q.x)^2)  every 20 steps of train }`,
  );
  const report = reportFor({ "": [run] });
  const [during] = tablesOf(report, "As made during training") as [Table];
  assertEquals(during.head.slice(0, 2), ["evaluation", "at meta-step"]);
  const made = readRun(run.serialize()).evaluations.filter((each) => each.during);
  assertEquals(
    during.rows.map((row) => (row[3] as { value: number }).value),
    made.map(({ reports }) => reports[0]!.points[0]!.mean),
  );
  assertEquals(made.map((each) => each.during!.step).slice(0, 1), [0]);
  assertEquals(missingInReport(run), []);
  // of several runs a row stands for what no curve has
  const [rows] = tablesOf(reportFor({ a: [run], b: [run] }), "As made during training") as [Table];
  assertEquals(shown(rows.rows).map((row) => row.slice(0, 3)), [["a", "test", "train 0"], ["b", "test", "train 0"]]);
});

Deno.test("of many evaluations during training the curve is shown, and a row of each that no curve has", async () => {
  const run = await runOf(
    `${tasks}outer train { minimize mean((w - q.x)^2)  across 1 t  over w by sgd(lr = 0.1)  for 80 steps }
evaluate often { across 2 t  report mean((w - q.x)^2)  every 1 step of train }
evaluate once { across 2 t  report mean((w - q.x)^2)  every 100 steps of train }`,
  );
  const report = reportFor({ "": [run] });
  assertEquals(shown(tablesOf(report, "As made during training")[0]!.rows).map((row) => row.slice(0, 2)), [[
    "once",
    "train 0",
  ]]);
  const charts = report.sections.flatMap(({ blocks }) => blocks).flatMap((block) =>
    block.kind === "chart" ? [block] : []
  );
  assert(charts.find(({ title }) => title === "often during train")!.series[0]!.x.length >= 80);
});

Deno.test("outputs stand in a table, a matrix that has room as one of its own, and large gradients by norm and extremes", async () => {
  const run = await runOf(
    `param grid : [4, 5] ~ normal(0, 1)
param many : [40, 30] ~ normal(0, 1)
output one = sum(grid)
output few = 2 * [1, 2.5, 3]
output table = grid
output large = many * 2
gradient sum(many^2) wrt many`,
  );
  assertEquals(missingInReport(run), []);
  const report = reportFor({ "": [run] });
  const [outputs] = tablesOf(report, "Outputs") as [Table];
  assertEquals(shown(outputs.rows).map(([name]) => name), ["one", "few", "table", "large"]);
  const [matrix] = tablesOf(report, "output table") as [Table];
  const numbers = matrix.rows.flatMap((row) => row.slice(1).map((cell) => (cell as { value: number }).value));
  assertEquals(numbers, Array.from(run.output("table").data));
  assertEquals(tablesOf(report, "output large"), []);
  // a page is made of it, too
  assertStringIncludes(await reportRuns({ "": [run] }), "[2, 5, 6]");
});

/** Reads nothing of a folder. */
function heldWith(text: string, i: number): ReportedRun {
  const said = { program: "p.meta", inputs: {}, seed: 0, backend: "wasm", memory: null, dataFolder: null, data: [] };
  return {
    folder: `run ${i}`,
    said,
    texts: [text],
    account: { outcome: "done" },
    recorded: () => ({ tensors: new Map(), metadata: new Map() }),
    entries: () => undefined,
  };
}

Deno.test("of two programs the lines that only one has are shown without comments, at most 20 of both", () => {
  const linesBetween = (a: string, b: string) => {
    const report = reportOf(labelledRuns([a, b].map(heldWith)));
    return [0, 1].map((i) =>
      tablesOf(report, `Lines that only program ${"AB"[i]} has`).flatMap(({ rows }) => shown(rows).flat())
    );
  };
  const same = "edition 1\nparam w = 1\n";
  const commented = `// what it is for\n/// Doc.\n${same}param  p = load("https://a.b/c.npy")   // from there\n`;
  assertEquals(linesBetween(same, commented), [[], ['param p = load("https://a.b/c.npy")']]);
  const lines = (letter: string, count: number) => Array.from({ length: count }, (_, i) => `param ${letter}${i} = 0`);
  const [few, many] = linesBetween(same + lines("a", 3).join("\n"), same + lines("b", 40).join("\n"));
  assertEquals([few, many], [lines("a", 3), [...lines("b", 17), "and 23 lines more"]]);
  const [left, right] = linesBetween(same + lines("a", 30).join("\n"), same + lines("b", 30).join("\n"));
  assertEquals([left, right].map((each) => each!.length), [11, 11]);
  // programs that differ in comments alone
  const report = reportOf(labelledRuns([same, `${same}// more\n`].map(heldWith)));
  const words = report.sections.flatMap(({ blocks }) => blocks).flatMap((block) =>
    block.kind === "words" ? [block.text] : []
  );
  assert(words.some((text) => text.startsWith("The programs differ in comments")));
});
