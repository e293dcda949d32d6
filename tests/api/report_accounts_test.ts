// Is there a report whatever a folder holds? Accounts with parts missing, as earlier versions left them, numbers of every kind, no outer,
// no record, many runs; nothing is thrown, and every section's numbers are as many as the runs'.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import type { Account } from "../../api/report/account.ts";
import { labelledRuns, reportOf } from "../../api/report/report_of_runs.ts";
import type { ReportedRun } from "../../api/report/reported_run.ts";
import { htmlOfReport } from "../../draw/html_report.ts";
import type { Report } from "../../draw/report.ts";
import { textOfReport } from "../../draw/text_report.ts";
import type { HostArray } from "../../runtime/ir/types.ts";
import { cases } from "../thorough.ts";

const figure = fc.oneof(
  fc.double().map((x) => Number.isFinite(x) ? x : String(x)),
  fc.constantFrom(0, 1, "NaN", "Infinity", 1e308, 5e-324),
);
const name = fc.oneof(
  fc.constantFrom("train", "net.W", "fit.lr[net.W]", "<b>", "損失", "w@*", ""),
  fc.string({ maxLength: 12 }),
);
const shape = fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 3 });

const curve = fc.integer({ min: 0, max: 8 }).chain((n) =>
  fc.record({
    metaSteps: fc.constant(Array.from({ length: n }, (_, i) => 2 * i)),
    losses: fc.array(figure, { minLength: n, maxLength: n }),
    gradientNorms: fc.array(figure, { minLength: n, maxLength: n }),
    ...(n > 4
      ? {
        means: fc.record({
          every: fc.constant(4),
          losses: fc.constant([1, "NaN"]),
          gradientNorms: fc.constant([2, 3]),
        }),
      }
      : {}),
  })
);

const implicit = fc.array(
  fc.record({
    loop: name,
    equation: fc.constantFrom("gradient", "step"),
    arrived: fc.boolean(),
    missed: fc.nat(9),
    residual: figure,
    gradientNorm: figure,
    startNorm: figure,
    left: figure,
  }, { requiredKeys: ["loop"] }),
  { maxLength: 2 },
);

const outer = fc.record({
  name,
  steps: fc.nat(99),
  done: fc.nat(99),
  curve,
  firstLoss: figure,
  lastLoss: figure,
  seconds: fc.double({ min: 0, noNaN: true }),
  implicit,
}, {
  requiredKeys: ["name", "steps", "done"],
});

const point = fc.record({
  time: fc.oneof(fc.constant(null), fc.nat(9)),
  mean: figure,
  median: figure,
  interval: fc.oneof(fc.constant(null), fc.tuple(figure, figure)),
  values: fc.constant(null),
}, {
  requiredKeys: ["time", "mean", "interval", "values"],
});

const evaluation = fc.record({
  name,
  tasks: fc.nat(9),
  during: fc.record({ outer: name, step: fc.nat(99) }),
  reports: fc.array(fc.record({ label: name, points: fc.array(point, { minLength: 1, maxLength: 3 }) }), {
    maxLength: 2,
  }),
}, { requiredKeys: ["name", "tasks", "reports"] });

const array = fc.record({
  name,
  shape,
  perStep: fc.boolean(),
}).chain(({ name, shape, perStep }) => {
  const size = shape.reduce((all, n) => all * n, 1);
  const list = fc.array(figure, { minLength: size, maxLength: size });
  return fc.record({
    name: fc.constant(name),
    shape: fc.constant(shape),
    perStep: fc.constant(perStep),
    value: fc.oneof(fc.constant(null), shape.length === 0 ? list.map(([x]) => x!) : list),
  });
});

const gradient = fc.record({
  label: name,
  value: figure,
  wrt: fc.array(
    fc.record({
      label: name,
      leaves: fc.array(array.map(({ value, ...rest }) => ({ ...rest, gradient: value })), { maxLength: 3 }),
    }),
    { maxLength: 2 },
  ),
  implicit,
  expectations: fc.array(
    fc.record({
      label: name,
      expected: fc.array(figure, { minLength: 1, maxLength: 2 }),
      actual: fc.constant([1]),
      within: fc.double(),
      difference: figure,
      met: fc.boolean(),
    }),
    { maxLength: 2 },
  ),
}, { requiredKeys: ["label", "value"] });

const account = fc.record({
  outcome: fc.constantFrom("done", "failed", "stopped", "not ended"),
  failure: name,
  missing: fc.array(name, { maxLength: 2 }),
  backend: name,
  seconds: fc.double({ min: 0, noNaN: true }),
  outers: fc.array(outer, { maxLength: 2 }),
  gradients: fc.array(gradient, { maxLength: 2 }),
  evaluations: fc.array(evaluation, { maxLength: 3 }),
  outputs: fc.array(array, { maxLength: 2 }),
  simulations: fc.array(
    fc.record({
      loop: name,
      losses: fc.array(figure, { maxLength: 5 }),
      every: fc.constant(2),
      steps: fc.nat(20),
      last: figure,
      taken: fc.nat(20),
    }, { requiredKeys: ["loop", "losses"] }),
    { maxLength: 2 },
  ),
  recorded: fc.array(fc.record({ name, by: name, shape, count: fc.nat(3) }), { maxLength: 3 }),
  plans: fc.array(fc.record({ name, plan: name, bytes: fc.nat(), flops: fc.nat(), calls: fc.nat() }), { maxLength: 2 }),
  parameters: fc.array(array, { maxLength: 4 }),
}, { requiredKeys: [] });

/** Arrays as a file would hold them, for every name, in one of the forms that there are. */
const stored = fc.record({
  records: fc.nat(3),
  times: fc.nat(3),
  form: fc.constantFrom("records", "time", "both", "none"),
}).map(({ records, times, form }) => {
  const axes = {
    records: "axes: records, its own; by train",
    time: "axes: time, its own; by fit",
    both: "axes: records, time, its own; by train",
    none: "",
  }[form]!;
  const shape = { records: [records, 2], time: [times, 2], both: [records, times, 2], none: [2] }[form]!;
  const data = Float64Array.from({ length: shape.reduce((all, n) => all * n, 1) }, (_, i) => i - 1);
  const steps: HostArray = { dtype: "i32", shape: [records], data: Int32Array.from({ length: records }, (_, i) => i) };
  return { axes, array: { dtype: "f64" as const, shape, data }, steps };
});

const run = fc.record({
  account,
  stored,
  seed: fc.nat(2),
  inputs: fc.dictionary(name, fc.oneof(fc.double(), name), { maxKeys: 2 }),
  text: name,
});

function runOf(
  { account, stored: { axes, array, steps }, seed, inputs, text }: {
    account: unknown;
    stored: { axes: string; array: HostArray; steps: HostArray };
    seed: number;
    inputs: object;
    text: string;
  },
  i: number,
): ReportedRun {
  const names = ((account as Account).recorded ?? []).flatMap(({ name, by }) => [name, `${by}/${name}`]);
  return {
    folder: `run ${i}`,
    said: {
      program: "p.meta",
      inputs: inputs as Record<string, number>,
      seed,
      backend: "wasm",
      memory: null,
      dataFolder: null,
      data: [],
    },
    texts: [text],
    account: account as ReportedRun["account"],
    recorded: () => ({
      tensors: new Map(names.flatMap((name) => [[name, array], [`${name}/steps`, steps]] as const)),
      metadata: new Map(names.map((name) => [name, axes])),
    }),
    entries: ({ shape, value }) =>
      value === null ? undefined : { shape, data: Float64Array.from([value].flat(), Number) },
  };
}

const charts = ({ sections }: Report) =>
  sections.flatMap(({ blocks }) => blocks).flatMap((block) => block.kind === "chart" ? [block] : []);

Deno.test("whatever accounts hold, there is a page and a text of them, and no line has more points than places", async () => {
  let [drawn, sections] = [0, new Set<string>()];
  await fc.assert(
    fc.asyncProperty(fc.array(run, { minLength: 1, maxLength: 4 }), async (list) => {
      const report = reportOf(labelledRuns(list.map(runOf)));
      for (const { series } of charts(report)) {
        for (const { x, y, band } of series) {
          assertEquals(x.length, y.length);
          assert(!band || band.low.length === y.length && band.high.length === y.length);
          drawn++;
        }
      }
      for (const { title, blocks } of report.sections) {
        sections.add(title);
        for (const block of blocks) {
          if (block.kind === "table") assertEquals(block.rows.filter((row) => row.length !== block.head.length), []);
        }
      }
      const page = await htmlOfReport(report);
      assert(!/ (d|x|y|cx|cy)="[^"]*(NaN|Infinity)/.test(page.replaceAll(/>[^<]*</g, "><")));
      assert(textOfReport(report, { width: 80, color: false }).length > 0);
    }),
    { numRuns: cases(50, 1000), seed: 7 },
  );
  assert(drawn > 100 && sections.size >= 9, `${drawn} lines, ${[...sections]}`);
});

Deno.test("two hundred runs are a report of less than 1 MB", async () => {
  const metaSteps = Array.from({ length: 1000 }, (_, i) => i);
  const runs = Array.from({ length: 200 }, (_, k) =>
    runOf({
      account: {
        outcome: "done",
        outers: ["a", "b"].map((name) => ({
          name,
          steps: 1000,
          done: 1000,
          curve: { metaSteps, losses: metaSteps.map((i) => k + i), gradientNorms: metaSteps },
        })),
      },
      stored: {
        axes: "",
        array: { dtype: "f64", shape: [0], data: new Float64Array() },
        steps: { dtype: "i32", shape: [0], data: new Int32Array() },
      },
      seed: 0,
      inputs: { k },
      text: "",
    }, k));
  const page = await htmlOfReport(reportOf(labelledRuns(runs)));
  assert(page.length < 1e6, `${page.length}`);
});

Deno.test("a run that was stopped stands behind the mean of the others, and is in no mean", () => {
  const account = (length: number, factor: number) => {
    const metaSteps = Array.from({ length }, (_, i) => i);
    const losses = metaSteps.map((i) => factor * (i + 1));
    const outcome = length === 10 ? "done" : "stopped";
    return {
      outcome,
      outers: [{ name: "a", steps: 10, done: length, curve: { metaSteps, losses, gradientNorms: losses } }],
    };
  };
  const nothing = {
    axes: "",
    array: { dtype: "f64" as const, shape: [0], data: new Float64Array() },
    steps: { dtype: "i32" as const, shape: [0], data: new Int32Array() },
  };
  const runs = ([[10, 1], [4, 100], [10, 3], [7, 50]] as const).map(([length, factor], seed) =>
    runOf({ account: account(length, factor), stored: nothing, seed, inputs: {}, text: "" }, seed)
  );
  const report = reportOf(labelledRuns(runs));
  const [{ series }] = charts(report) as [ReturnType<typeof charts>[number]];
  assertEquals(series.map(({ label, faint, x }) => [label, faint ?? false, x.length]), [
    ["other steps: seed 1, 3", true, 4],
    ["other steps: seed 1, 3", true, 7],
    ["mean of 2 seeds", false, 10],
  ]);
  assertEquals(Array.from(series[2]!.y), Array.from({ length: 10 }, (_, i) => 2 * (i + 1)));
  assertEquals(report.warnings.length, 2);
  // where no two have the same, each is a line
  const [{ series: each }] = charts(reportOf(labelledRuns(runs.slice(1, 3)))) as [ReturnType<typeof charts>[number]];
  assertEquals(each.map(({ label }) => label), ["seed 1", "seed 2"]);
});
