// Does a run show itself in a notebook: as text, and as a part of a page whose numbers are those of the run, whose styles hold in it alone,
// and in which names mean nothing to the browser?
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { compile, restoreRun, type Run, RunError } from "../../mod.ts";
import { chartsOf, offLine } from "../draw/read_page.ts";
import { snapshotOf } from "../snapshot.ts";

const text = `edition 1
precision f64
task t { k ~ normal(0, 3)  split s { x : [5] ~ normal(k, 1) }  split q { x : [20] ~ normal(k, 1) } }
param w = 0
param b = 3
inner fit { minimize mean((w - s.x)^2) over w by sgd(lr = 0.1) for T = 5 steps }
outer train { minimize mean((w@T - q.x)^2) across 4 t over w@0, fit.lr by adam(lr = 0.01) for 20 steps }
evaluate test { across 10 t  report mean(1.0 * (w@t < q.x)) at t in 0 .. T }
gradient (b - 1)^2 wrt b
output images = reshape(range(128) / 127, [2, 8, 8])
record fit.lr every 5 steps
`;

/** What a notebook asks of an object. */
async function shown(object: object): Promise<Readonly<Record<string, string>>> {
  const displayed = object as Record<symbol, () => Promise<Readonly<Record<string, string>>>>;
  return await displayed[Symbol.for("Jupyter.display")]!();
}

const htmlOf = async (run: Run) => (await shown(run))["text/html"]!;

const run = await compile(text).run({ backend: "reference" });

Deno.test("a notebook shows a run as the text that is printed, and as tables, curves and images", async (t) => {
  const { "text/plain": plain, "text/html": html, ...others } = await shown(run);
  assertEquals([plain, others], [String(run), {}]);
  assertEquals([...html!.matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title), [
    "Run",
    "Training",
    "Evaluations",
    "Gradients",
    "Recorded by meta-step",
    "Learned values",
    "Outputs",
    "Images",
    "Memory and operations",
  ]);
  // how long it took is another one each time; how images are packed is the engine's matter, which styles there are the page's, and what a
  // function takes the compiler's
  const timeless = html!.replaceAll(/(?: title="[^"]*")?>[\d.]+ (s|ms|µs)\b/g, ">… s");
  const own = timeless.replaceAll(/(?<=;base64,)[^"]*/g, "…").replace(/(?<=<style>)[^]*(?=<\/style>)/, "…")
    .replace(/(?<=<h2>Memory and operations)[^]*(?=<\/section>)/, "…");
  await t.assertSnapshot(own, snapshotOf(import.meta.url));
});

Deno.test("the numbers in the curves of a notebook are those of the run", async () => {
  const charts = chartsOf(await htmlOf(run));
  const line = (title: string) => charts.find((chart) => chart.title.startsWith(title))!.lines[0];
  assertEquals(offLine(line("train: loss"), run.metaSteps(), run.losses()), undefined);
  assertEquals(offLine(line("train: norm"), run.metaSteps(), run.gradientNorms()), undefined);
  const { points } = run.evaluation("test").reports[0]!;
  assertEquals(offLine(line("test by inner steps"), points.map((p) => p.time!), points.map((p) => p.mean)), undefined);
  const { steps, values } = run.recorded("fit.lr");
  assertEquals(offLine(line("fit.lr"), steps, values.map(({ data }) => data[0]!)), undefined);
  // another run's numbers are seen
  const other = await compile(text).run({ backend: "reference", seed: 1 });
  assert(offLine(line("train: loss"), other.metaSteps(), other.losses()) !== undefined);
});

Deno.test("names and texts of a program are written out in a notebook, and its styles hold in it alone", async () => {
  const html = await htmlOf(run);
  assertStringIncludes(html, "mean(1.0 * (w@t &#60; q.x))");
  assertEquals(html.includes("w@t <"), false);
  assertEquals(/<script|\son\w+=|javascript:|https?:/i.test(html), false);
  const [, style] = /<style>\n([^]*?)<\/style>/.exec(html)!;
  const selectors = [...style!.matchAll(/([^{}]+)\{[^{}]*\}/g)].flatMap(([, names]) => names!.trim().split(/,\s*/));
  assert(selectors.length > 40);
  assertEquals(selectors.filter((name) => !/^\.meta-report\.meta-report(\s|$)/.test(name)), []);
  const experiment = compile(
    "edition 1\nparam w = 0\nouter o { minimize w^2 + 1.0 * (w < 1) over w by sgd(lr = 0.1) for 2 steps }",
  );
  const { "text/plain": plain, "text/html": page } = await shown(experiment);
  assertEquals(plain, String(experiment));
  assertStringIncludes(page!, "(w &#60; 1)");
  assertEquals(page!.split("\n").length, plain!.split("\n").length);
});

Deno.test("a notebook shows a run that was restored, stopped, or failed", async () => {
  assertEquals(await htmlOf(restoreRun(run.serialize())), await htmlOf(run));
  const stop = new AbortController();
  const onStep = ({ step }: { readonly step: number }) => step === 3 && stop.abort();
  const stopped = await compile(text).run({ backend: "reference", signal: stop.signal, onStep });
  assertStringIncludes(await htmlOf(stopped), "stopped");
  const diverging = "edition 1\nparam w = 1\ninner fit { minimize (w - 3)^4 over w by sgd(lr = 100) for T = 20 steps }";
  const { run: failed } = await assertRejects(() => compile(diverging).run({ backend: "reference" }), RunError);
  assertStringIncludes(await htmlOf(failed), "failed");
});
