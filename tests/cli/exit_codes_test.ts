// Does no number that is not finite end with exit code 0? Every place where a run computes one, as text, as JSON lines and from
// TypeScript; and the places that look like one and are fine.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { compile, RunError } from "../../mod.ts";
import { main } from "../../meta.ts";
import { parseMetrics } from "../../runtime/record/metrics.ts";
import { summarize } from "../../runtime/loop/statistics.ts";
import { capturedConsole } from "./captured_console.ts";

const tasks = "task t { a ~ uniform(-1, 1)  split s { x = a } }";
const square = "inner fit { minimize (w - 1)^2 over w by sgd(lr = 0.1) for T = 4 steps }";
/** The loss is NaN, its gradient 1 / w is not. */
const undefinedLoss = "inner fit { minimize log(w) over w by sgd(lr = 0.1) for T = 4 steps }";

interface Case {
  readonly program: string;
  /** What standard error says. */
  readonly says: string;
}

const failing: readonly Case[] = [
  // evaluations without a finite task
  {
    program: `${tasks} evaluate e { report log(s.x - 2) across 5 t }`,
    says: "`log(s.x - 2)` is finite in none of its 5 tasks",
  },
  { program: "param w = -1 evaluate e { report log(w) }", says: "`evaluate e`: `log(w)` is NaN" },
  { program: "param w = 2 evaluate e { report w + inf }", says: "is Infinity" },
  { program: `param w = 3 ${square} evaluate e { report log(w@t - 2.5) at t in 0 .. T }`, says: "at time 2 is NaN" },
  {
    program: `param w = 3 param a = 1 outer train { minimize (a - 1)^2 over a by sgd(lr = 0.1) for 3 steps }
      evaluate e { report log(a - 5) every 2 steps of train }`,
    says: "is NaN (before meta-step 0 of `train`) (and 2 more of this kind)",
  },
  {
    program: "param w = 2 outer train { minimize -w^2 over w by sgd(lr = 1e19) for 1 steps } evaluate e { report w^2 }",
    says: "`evaluate e`: `w^2` is Infinity",
  },
  // objectives
  {
    program: "param w = 2 outer train { minimize w^2 + inf over w by sgd(lr = 0.1) for 3 steps }",
    says: "the objective is Infinity",
  },
  { program: "param w = 2 gradient w^2 + log(-2) wrt w", says: "its value is NaN" },
  { program: "param w = 0 gradient 1 / w wrt w", says: "its value is Infinity" },
  {
    program: `param w = -2 ${undefinedLoss} outer train { minimize w@T^2 over w@0 by sgd(lr = 0.1) for 3 steps }`,
    says: "`fit`, step 0: `fit.loss@0` is NaN (meta-step 0 of `train`",
  },
  {
    program: `param w = -2 ${undefinedLoss} gradient w@T wrt w@0 record fit.loss@*`,
    says: "`fit`, step 0: `fit.loss@0` is NaN",
  },
  { program: `param w = -2 ${undefinedLoss} gradient w@T wrt fit.lr`, says: "its value is NaN" },
  { program: `param w = -2 ${undefinedLoss} evaluate e { report w@T }`, says: "`w@T` is NaN" },
  { program: `param w = -2 ${undefinedLoss}`, says: "`fit`, step 0: `fit.loss@0` is NaN" },
  ...[
    "implicit(solver = cg)",
    "implicit(solver = fixed_point)",
    "es(samples = 2, sigma = 0.1)",
    "forward()",
  ].map((through) => ({
    program: `param w = -2 param c = 1
      inner fit { minimize log(c * w) + 0.1 * c * w^2 over w by sgd(lr = 0.1) for T = 4 steps through ${through} }
      outer train { minimize w@T^2 over c by sgd(lr = 0.1) for 3 steps }`,
    says: "`fit.loss@0` is NaN",
  })),
  {
    program: `param w = -2 param a = -1
      outer mid { minimize log(a) + (w - a)^2 over w by sgd(lr = 0.1) for M = 3 steps }
      outer top { minimize (w@M)^2 over a by sgd(lr = 0.1) for 2 steps }`,
    says: "`mid.loss@0` is NaN",
  },
  // what is recorded and nothing else reads
  {
    program: `param w = 1 inner fit { minimize -w^4 over w by sgd(lr = 0.5) for T = 6 steps through forward() }
      outer train { minimize (w@1)^2 over w@0 by sgd(lr = 0.0001) for 2 steps } record w@*`,
    says: "(recorded before meta-step 0 of `train`)",
  },
];

async function meta(program: string, ...options: string[]): Promise<{ code: number; out: string; err: string }> {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/p.meta`, `edition 1\n${program}\n`);
    const console = capturedConsole({ width: 200 });
    const code = await main([`${folder}/p.meta`, ...options], console);
    return { code, ...console.written };
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

for (const { program, says } of failing) {
  Deno.test(`exit code 3: ${program.replace(/\s+/g, " ")}`, async () => {
    for (const backend of ["wasm", "reference"]) {
      const { code, err } = await meta(program, "--backend", backend);
      assertEquals(code, 3, err);
      assertStringIncludes(err, says);
    }
    const lines = parseMetrics((await meta(program, "--json")).out);
    assertEquals(lines.filter((l) => l.kind === "error").length, 1);
    assertEquals(lines.find((l) => l.kind === "finished")!.outcome, "failed");
    const error = await assertRejects(() => compile(`edition 1\n${program}`).run(), RunError);
    assertEquals(error.run.outcome, "failed");
    JSON.parse(JSON.stringify(error.run.toJSON()));
  });
}

Deno.test("exit code 1: an expectation that nothing can miss, or that nothing can meet", async () => {
  for (
    const line of [
      "value = 3 within inf",
      "w = 5 within 1 / 0",
      "value = inf within 1",
      "w = log(-1) within 1",
      "value = 3 within -1",
    ]
  ) {
    const { code, err } = await meta(`param w = 2 gradient w^2 wrt w expect { ${line} }`);
    assertEquals(code, 1, line);
    assertStringIncludes(err, "M0304");
  }
});

Deno.test("exit code 0: some tasks that are not finite are counted and said, and no task speaks for them", async () => {
  const program = `${tasks} evaluate e { report log(s.x) across 8 t }`;
  const { code, out } = await meta(program);
  assertEquals(code, 0);
  const [, bad] = /not finite in (\d) of 8 tasks/.exec(out)!;
  assert(Number(bad) > 0 && Number(bad) < 8);
  const json = await meta(program, "--json");
  assertEquals(json.code, 0);
  const line = parseMetrics(json.out).find((l) => l.kind === "evaluation")!;
  assertEquals([line.value, line.nonFinite], ["NaN", Number(bad)]);
  // a loop whose objective is not finite in a task counts there
  const inner = `task u { a ~ uniform(-1, 1)  split s { x = a } } param w = 1
    inner fit { minimize log(s.x) + (w - s.x)^2 over w by sgd(lr = 0.1) for T = 4 steps }
    evaluate e { report w@T across 8 u }`;
  assert(/not finite in [1-7] of 8 tasks/.test((await meta(inner)).out));
});

Deno.test("an evaluation that found nothing does not keep the others from being made", async () => {
  const { code, out } = await meta(
    `param v = -1 evaluate first { report log(v) } evaluate second { report v^2 }`,
  );
  assertEquals(code, 3);
  assertStringIncludes(out, "evaluate second");
});

Deno.test("a loss that is finite in every step is left alone, to the bit", async () => {
  const program = (loss: string) =>
    `edition 1 param w : [2] = [0.3, -2] inner fit { minimize ${loss} over w by sgd(lr = 0.1) for T = 4 steps }
     gradient sum(w@T^2) wrt w@0`;
  const [plain, huge] = await Promise.all(
    ["sum((w - 1)^2)", "sum((w - 1)^2) + 1e38"].map((loss) => compile(program(loss)).run()),
  );
  assertEquals(huge!.gradient("w@0").data, plain!.gradient("w@0").data);
});

Deno.test("judge() finds the largest distance of as many entries as there are", async () => {
  const run = await compile(`edition 1 param w : [300_000] = 1 gradient sum(w^2) wrt w expect { w = 2 within 1e-6 }`)
    .run();
  assertEquals(run.expectations.map((v) => [v.met, v.difference]), [[true, 0]]);
});

Deno.test("summarize() has a mean and an interval where sums of squares have none", () => {
  const { mean, interval, median } = summarize([1e308, 1.2e308, 1.4e308, 1.6e308]);
  const small = summarize([1, 1.2, 1.4, 1.6]);
  // a few roundings of each
  for (
    const [large, unit] of [
      [mean, small.mean],
      [median, small.median],
      ...interval!.map((x, i) => [x, small.interval![i]!]),
    ]
  ) {
    assert(Math.abs(large! / 1e308 - unit!) < 1e-14 * Math.abs(unit!), `${large} ${unit}`);
  }
});
