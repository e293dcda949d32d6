// Does a report show the numbers of its runs? They are read back from the page, with the page's own axes and legends, and compared with the
// runs; lines that are swapped and axes that are wrong are seen.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { compile, reportRuns, type Run, showRuns } from "../../mod.ts";
import { chartsOf, offLine, type ReadChart } from "../draw/read_page.ts";

const text = `edition 1
precision f64
input rate : float = 0.1
task t { k ~ normal(0, 3)  split s { x : [5] ~ normal(k, 1) }  split q { x : [20] ~ normal(k, 1) } }
param w = 0
inner fit { minimize mean((w - s.x)^2)  over w by sgd(lr = 0.1, momentum = 0.5)  for T = 4 steps }
override fit { lr = 0.1 per step }
outer train { minimize mean((w@T - q.x)^2)  across 3 t  over w@0, fit.lr by adam(lr = rate)  for 40 steps }
evaluate test { across 6 t  report mean((w@t - q.x)^2) at t in 0 .. T  every 10 steps of train }
gradient mean((w@T - q.x)^2) across 3 t wrt fit.lr after train
expect { value = 1 within 1e6 }
record w@*, fit.loss@* every 13 steps
record train.sensitivity every 13 steps
record fit.lr every 2 steps
`;

const runs = new Map<string, Run>();

async function runOf(rate: number, seed: number): Promise<Run> {
  const key = `${rate} ${seed}`;
  const run = runs.get(key) ?? await compile(text, { inputs: { rate } }).run({ seed, backend: "reference" });
  runs.set(key, run);
  return run;
}

const indices = (values: ArrayLike<number>) => Array.from({ length: values.length }, (_, i) => i);

/** What is wrong with the page of one run. */
function problemsOfOne(page: string, run: Run): string[] {
  const charts = new Map(chartsOf(page).map((chart) => [chart.title, chart]));
  const check = (title: string, label: string, x: ArrayLike<number>, y: ArrayLike<number>) => {
    const line = charts.get(title)?.lines.find((line) => line.label === label);
    const problem = offLine(line, x, y);
    return problem === undefined ? [] : [`${title}, ${label}: ${problem}`];
  };
  const columns = (name: string) => {
    const { steps, values } = run.recorded(name);
    return { steps, values: values.map(({ data }) => Array.from(data)) };
  };
  const rates = columns("fit.lr");
  const sensitivity = columns("train.sensitivity[w]@*");
  const path = columns("w@*");
  const { points } = run.evaluation("test").reports[0]!;
  return [
    ...check("train: loss", "", run.metaSteps(), run.losses()),
    ...check("train: norm of the meta-gradient", "", run.metaSteps(), run.gradientNorms()),
    ...[0, 1, 2, 3].flatMap((i) =>
      check("fit.lr", `step ${i}`, rates.steps, rates.values.map((entries) => entries[i]!))
    ),
    ...path.values.flatMap((values, i) => check("w@*", `meta-step ${path.steps[i]}`, indices(values), values)),
    ...sensitivity.values.flatMap((values, i) =>
      check(
        "norm of train.sensitivity[w]@*",
        `meta-step ${sensitivity.steps[i]}`,
        indices(values),
        values.map(Math.abs),
      )
    ),
    ...check("fit.lr by inner step", "", indices(run.parameter("fit.lr").data), run.parameter("fit.lr").data),
    ...check(
      "gradient of mean((w@T - q.x)^2) for fit.lr",
      "",
      indices(run.gradient("fit.lr").data),
      run.gradient("fit.lr").data,
    ),
    ...check("test by inner steps, made last", "", points.map(({ time }) => time!), points.map(({ mean }) => mean)),
  ];
}

Deno.test("the numbers in the charts of a run are those of the run, read with the page's own axes", async () => {
  const run = await runOf(0.1, 1);
  const page = await reportRuns({ "": [run] });
  assertEquals(problemsOfOne(page, run), []);
  // tables have all digits
  const { mean, median } = run.evaluation("test").reports[0]!.points.at(-1)!;
  for (const number of [mean, median, run.losses()[0], run.losses().at(-1)]) {
    assertStringIncludes(page, ` title="${number}"`);
  }
  // a band of an evaluation is its interval
  const { lines, bands } = chartsOf(page).find(({ title }) => title === "test by inner steps, made last")!;
  assertEquals([lines.length, bands.length], [1, 1]);
  const { points } = run.evaluation("test").reports[0]!;
  const there = [
    ...points.map(({ interval }) => interval![1]),
    ...points.toReversed().map(({ interval }) => interval![0]),
  ];
  bands[0]!.points.forEach(({ y, offY }, i) => assert(Math.abs(y - there[i]!) <= 11 * offY, `${y} ${there[i]}`)); // one decimal
});

Deno.test("lines that are swapped, and an axis that is wrong, are seen in the page", async () => {
  const run = await runOf(0.1, 1);
  const page = await reportRuns({ "": [run] });
  const figure = (title: string) =>
    page.match(new RegExp(`<figure>\\n<figcaption>${title}</figcaption>[^]*?</figure>`))![0];
  const changed = (title: string, change: (figure: string) => string) => {
    const before = figure(title);
    const after = change(before);
    assert(before !== after, title);
    return problemsOfOne(page.replace(before, () => after), run);
  };
  // the lines of two entries for each other
  const swapped = changed("fit\\.lr", (svg) => {
    const [first, second] = [...svg.matchAll(/<path class="s"[^>]* d="([^"]*)"\/>(?=<path class="d")/g)].map(([, d]) =>
      d!
    );
    return svg.replace(first!, "?").replace(second!, () => first!).replace("?", () => second!);
  });
  assert(
    swapped.some((problem) => problem.startsWith("fit.lr, step 0")) &&
      swapped.some((problem) => problem.startsWith("fit.lr, step 1")),
  );
  // another line's looks in the legend
  const renamed = changed(
    "fit\\.lr",
    (svg) => svg.replace("</svg>step 0<", "</svg>step 9<").replace("</svg>step 1<", "</svg>step 0<"),
  );
  assert(renamed.length >= 2, renamed.join("\n"));
  // an axis that stands a little lower, and one whose numbers are another's
  const lower = changed(
    "train: loss",
    (svg) => svg.replace(/(<text class="y"[^>]* y=")([\d.]+)/g, (_, head, y) => head + (Number(y) + 2)),
  );
  assertEquals(lower.length, 1);
  const scaled = changed(
    "train: loss",
    (svg) => svg.replace(/(<text class="y"[^>]*>)([\d.,e-]+)</g, (_, head, label) => `${head}${Number(label) * 1.1}<`),
  );
  assertEquals(scaled.length, 1);
  // steps that begin at 1
  const later = changed(
    "train: loss",
    (svg) => svg.replace(/(<text class="x"[^>]*>)(\d+)</g, (_, head, label) => `${head}${Number(label) + 1}<`),
  );
  assertEquals(later.length, 1);
});

Deno.test("several runs of a setting are a mean with a band from the least to the largest seed", async () => {
  const settings = {
    slow: [await runOf(0.1, 1), await runOf(0.1, 2), await runOf(0.1, 3)],
    "fast <1>": [await runOf(0.3, 1), await runOf(0.3, 2)],
  };
  const page = await reportRuns(settings);
  const chart = (title: string): ReadChart => chartsOf(page).find((chart) => chart.title === title)!;
  const { lines, bands } = chart("train: loss");
  assertEquals(lines.map(({ label }) => label), ["slow, mean of 3 seeds", "fast <1>, mean of 2 seeds"]);
  Object.values(settings).forEach((runs, k) => {
    const losses = runs.map((run) => run.losses());
    const at = (f: (values: number[]) => number) => indices(losses[0]!).map((i) => f(losses.map((of) => of[i]!)));
    assertEquals(offLine(lines[k], indices(losses[0]!), at((v) => v.reduce((a, b) => a + b) / v.length)), undefined);
    const ends = [...at((v) => Math.max(...v)), ...at((v) => Math.min(...v)).toReversed()];
    bands[k]!.points.forEach(({ y, offY }, i) => assert(Math.abs(y - ends[i]!) <= 11 * offY, `${y} ${ends[i]}`));
  });
  // names are text, and the numbers of tables are those of the runs
  assertStringIncludes(page, "fast &#60;1&#62;");
  assert(!page.includes("fast <1>"));
  assertStringIncludes(page, "Differences between settings");
  assertStringIncludes(page, `title="${(await runOf(0.1, 2)).losses().at(-1)}"`);
});

Deno.test("what is shown in a terminal are the same sections, no wider than it", async () => {
  const settings = { slow: [await runOf(0.1, 1), await runOf(0.1, 2)], fast: [await runOf(0.3, 1)] };
  const headings = (page: string) => [...page.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title!);
  const titles = headings(await reportRuns(settings));
  assert(titles.length >= 8, titles.join());
  for (const width of [60, 80, 120]) {
    const shown = await showRuns(settings, { width });
    for (const title of titles) assertStringIncludes(shown, `\n${title}\n──`);
    const long = shown.split("\n").filter((line) => line.length > width);
    assertEquals(long, []);
    assert(!shown.includes("\x1b"));
    assertStringIncludes(shown, " a slow, mean of 2 seeds");
  }
  assertStringIncludes(await showRuns(settings, { color: true }), "\x1b[38;5;32m");
});

Deno.test("reportRuns() refuses what is no run, and a seed that a setting has twice", async () => {
  await assertRejects(() => reportRuns([]), RangeError, "no run");
  await assertRejects(() => reportRuns({ a: [] }), RangeError, "no run");
  const run = await runOf(0.1, 1);
  await assertRejects(() => reportRuns({ a: [run, run] }), RangeError, "two runs with seed 1");
  const folder = Deno.makeTempDirSync();
  try {
    await assertRejects(() => reportRuns([folder]), Error, "is no run folder");
  } finally {
    Deno.removeSync(folder);
  }
});

Deno.test("a report says how far implicit loops came, and has every output, small ones whole", async () => {
  const experiment = (steps: number) =>
    compile(`edition 1
precision f64
param penalty = 0.5
param w : [2] = 4
inner fit { minimize 0.5 * sum((w - 1)^2) + 0.5 * penalty * sum(w^2)  over w by sgd(lr = 0.1)  for T = ${steps} steps
            through implicit(solver = direct) }
gradient sum(w@T) wrt penalty
outer tune { minimize sum((w@T - 0.5)^2)  over penalty by sgd(lr = 0.1)  for 3 steps }
output ends = w@T after tune
output loss = sum((w@T - 0.5)^2) after tune
output table = penalty + [1, 2, 3, 4, 5, 6, 7, 8, 9]
`);
  for (const [steps, far] of [[2, true], [400, false]] as const) {
    const run = await experiment(steps).run({ backend: "reference" });
    const said = run.toJSON() as unknown as {
      readonly outers: readonly [
        { readonly implicit: readonly [{ readonly missed: number; readonly gradientNorm: number }] },
      ];
    };
    const [{ implicit: [{ missed, gradientNorm }] }] = said.outers;
    assertEquals(missed, far ? 3 : 0);
    const [page, shown] = [await reportRuns({ a: [run] }), await showRuns({ a: [run] }, { width: 120 })];
    assertStringIncludes(page, ` title="${gradientNorm}"`);
    const doubts = [
      "A run: `fit` had not arrived where its derivative is that of a solution: tune, in 3 of 3 meta-steps",
      "A run: `fit` had not arrived where its derivative is that of a solution: gradient sum(w@T)",
    ];
    for (const doubt of doubts) assertEquals(shown.includes(doubt), far);
    assertEquals(/fit, its gradient .* not in 3 of 3 meta-steps\n/.test(shown), far);
    assertEquals(/fit, its gradient .* yes\n/.test(shown), !far);
    const [ends, loss, table] = ["ends", "loss", "table"].map((name) => Array.from(run.output(name).data));
    assertStringIncludes(shown, `[${ends!.join(", ")}]`);
    assertStringIncludes(shown, String(loss![0]));
    const mean = table!.reduce((sum, x) => sum + x) / 9;
    const [least, middle, largest] = [Math.min(...table!), mean, Math.max(...table!)].map((x) => x.toPrecision(5));
    assertStringIncludes(page, `[9]  min ${least}, mean ${middle}, max ${largest}`);
  }
});

interface Made {
  readonly during?: unknown;
  readonly reports: readonly { readonly points: readonly { readonly mean: number }[] }[];
}

Deno.test("an evaluation during an outer goes to the one at the run's end, where that is of what the outer left", async () => {
  for (const name of ["alone", "kept", "another"]) {
    const run = await compile(`edition 1
precision f64
task t { split q { k ~ normal(0, 1) } }
param w = 5
param v = 5
outer tune { minimize (w - q.k)^2  across 2 t  over w by sgd(lr = 0.1)  for 20 steps${
      name === "kept" ? "  keep best of test" : ""
    } }
${name === "another" ? "outer more { minimize (v - w)^2  over v by sgd(lr = 0.1)  for 4 steps }" : ""}
evaluate test { across 5 t  report (w - q.k)^2  best lowest  every 20 steps of tune }
`).run({ backend: "reference" });
    const title = "test during tune";
    const chart = chartsOf(await reportRuns({ "": [run] })).find((chart) => chart.title === title);
    const made = (run.toJSON() as unknown as { readonly evaluations: readonly Made[] }).evaluations;
    const during = made.filter(({ during }) => during);
    const ends = made.filter(({ during }) => !during);
    const mean = ({ reports }: Made) => reports[0]!.points[0]!.mean;
    assertEquals(ends.length, 1);
    if (name === "another") assertEquals([during.length, chart], [1, undefined]);
    else {
      const points = name === "kept" ? during : [...during, ...ends];
      assertEquals(points.length, 2);
      assertEquals(offLine(chart?.lines[0], [0, 20], points.map(mean)), undefined);
    }
  }
});

Deno.test("an outer that made no meta-step has no first and no last loss", async () => {
  const failed = await compile(`edition 1
param w = 2
outer train { minimize log(1 - w)  over w by sgd(lr = 0.1)  for 3 steps }
`).run({ backend: "reference" }).catch(({ run }) => run as Run);
  const shown = await showRuns({ a: [failed] });
  assertStringIncludes(shown, "0 of 3");
  assert(!/train +0 of 3 +NaN/.test(shown), shown);
});

Deno.test("of a long run the extremes are shown, and means of stretches that are those of all its meta-steps", async () => {
  const long = `edition 1
precision f64
task t { split q { k ~ normal(0, 1) } }
param w = 5
outer train { minimize (w - q.k)^2  across 1 t  over w by sgd(lr = 0.001)  for 2_345 steps }
`;
  const run = await compile(long).run({ seed: 1, backend: "reference" });
  const page = await reportRuns({ "": [run] });
  for (
    const [title, values] of [
      ["train: loss", run.losses()],
      ["train: norm of the meta-gradient", run.gradientNorms()],
    ] as const
  ) {
    const { lines } = chartsOf(page).find((chart) => chart.title === title)!;
    assertEquals(lines.map(({ label }) => label), [
      "meta-steps, with the extremes of each stretch",
      "mean of 10 meta-steps",
    ]);
    assertEquals(offLine(lines[0], indices(values), values), undefined);
    const means: number[] = [];
    const middles: number[] = [];
    for (let begin = 0; begin < values.length; begin += 10) {
      const stretch = values.slice(begin, begin + 10);
      means.push(stretch.reduce((a, b) => a + b) / stretch.length);
      middles.push(begin + (stretch.length - 1) / 2);
    }
    assertEquals(offLine(lines[1], middles, means), undefined);
    assertEquals(lines[1]!.points.length, 235);
  }
});
