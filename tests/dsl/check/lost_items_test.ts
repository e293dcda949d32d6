// Does every item of a program become something that runs, or an error? Counted in the tree, apart from the tool's own count: of
// mutants of right programs, and of what once went missing.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type CompileOutput, compileProgram } from "../../../dsl/compile.ts";
import type { Elaboration } from "../../../dsl/world/world.ts";
import { refuseLostItems } from "../../../dsl/check/lost_items.ts";
import type { CheckedProgram } from "../../../dsl/check/checked_program.ts";
import { parseProgram } from "../../../dsl/parse/parse.ts";
import type { ExperimentProgram } from "../../../runtime/program/program.ts";
import { awkward, edits, mutate, partsOf } from "../program_mutations.ts";
import { compile } from "../../../api/compile.ts";
import { InternalError } from "../../../runtime/errors.ts";
import { cases, some } from "../../thorough.ts";
import { findIn } from "../../found_files.ts";

/** What a program prints or keeps, counted from its tree. */
interface Counts {
  readonly gradients: number;
  readonly expects: number;
  readonly evaluations: number;
  readonly outputs: number;
  readonly reports: number;
  readonly loops: number;
}

function countTree(text: string): Counts {
  const counts = { gradients: 0, expects: 0, evaluations: 0, outputs: 0, reports: 0, loops: 0 };
  for (const item of parseProgram({ name: "counted.meta", text }).program.items) {
    if (item.kind === "Gradient") {
      counts.gradients++;
      counts.expects += item.expect.length;
    } else if (item.kind === "Evaluate") {
      counts.evaluations++;
      counts.reports += item.clauses.filter((c) => c.kind === "Report").length;
    } else if (item.kind === "Output") counts.outputs++;
    else if (item.kind === "Outer" || item.kind === "Inner") counts.loops++;
  }
  return counts;
}

/** Compares what a program without errors runs with its tree. */
function assertNothingLost(text: string, { program, diagnostics }: CompileOutput): void {
  const errors = diagnostics.filter((d) => d.severity === "error");
  assertEquals(program === undefined, errors.length > 0, `neither a program nor an error:\n${text}`);
  if (!program) return;
  const { gradients, evaluations, outputs, outers, simulations } = program;
  const tree = countTree(text);
  assertEquals(
    {
      gradients: gradients.length,
      expects: gradients.flatMap((g) => g.expect).length,
      evaluations: evaluations.length,
      outputs: outputs.length + simulations.flatMap((s) => s.outputs).length,
      reports: evaluations.flatMap((e) => e.reports).length,
    },
    {
      gradients: tree.gradients,
      expects: tree.expects,
      evaluations: tree.evaluations,
      outputs: tree.outputs,
      reports: tree.reports,
    },
    text,
  );
  // a loop that others run is theirs; without any other item, each runs by itself
  const own = outers.length + simulations.length;
  assert(own <= tree.loops, text);
  if (tree.gradients + tree.evaluations + tree.outputs === 0) assert(own > 0 || tree.loops === 0, text);
}

const folders = ["../../../examples/", "../../programs/good/"].map((path) => new URL(path, import.meta.url));
const programs = folders.flatMap((folder) =>
  [...Deno.readDirSync(folder)].map((f) => f.name).filter((name) => name.endsWith(".meta")).sort().map((name) => ({
    folder,
    name,
    text: Deno.readTextFileSync(new URL(name, folder)),
  }))
);

function compileText(text: string, folder: URL): CompileOutput {
  const read = (path: string) => {
    try {
      return Deno.readFileSync(new URL(path, folder));
    } catch {
      return undefined;
    }
  };
  const readSource = (path: string) => {
    const bytes = read(path);
    return bytes && new TextDecoder().decode(bytes);
  };
  return compileProgram({ root: { name: "main.meta", text }, readSource, readData: read, findData: findIn(folder) });
}

Deno.test("no mutant of the right programs loses an item without an error", () => {
  fc.assert(
    fc.property(fc.nat(programs.length - 1), edits, (which, list) => {
      const { text, folder } = programs[which]!;
      // one edit keeps most programs whole
      const mutant = mutate(text, list.slice(0, 1));
      assertNothingLost(mutant, compileText(mutant, folder));
    }),
    { numRuns: cases(12, 400), seed: 16 },
  );
});

/** One of each item that can be lost. */
const whole = `edition 1
input K : int = 2
data d { x : [3, K] = [[1, 2], [3, 4], [5, 6]]  y : [3] = [1, 2, 3] }
task tuned { a ~ normal(0, 1) split support { b = a + 1 } }
model net(x : [n, m]) -> [n] { w : [m] = 1  return dot(x, w) }
param start : [] = 0.5 in 0 .. 1
param theta = 0.1
let half = 1 / 2
fn twice(v) = 2 * v
inner fit { minimize mean((net(d.x) - twice(d.y))^2) over net by sgd(lr = 0.1) for T = 3 steps batch 2 of d }
inner tune { minimize (start - support.b * theta)^2 over start by sgd(lr = half) for S = 2 steps }
override fit { momentum = 0.5 per step in 0 .. 1 }
outer learn { minimize (start@S - 1)^2 across 2 tuned over theta by sgd(lr = 0.1) for 4 steps }
gradient sum(net.w@T) wrt fit.lr, net@0 expect { value = 1 within 100  fit.lr = 0 within 100 }
evaluate check { across 3 tuned for S = 4 steps report (start@t - 1)^2 at t in 0 .. 2 report start@S every 2 steps of learn }
record learn.loss, theta every 2 steps
record net@*, fit.loss@*
`;

Deno.test("no expression of a program takes an item along when it is replaced by an awkward one", () => {
  const folder = folders[0]!;
  const unchanged = compileText(whole, folder);
  assertEquals(unchanged.diagnostics, []);
  assertNothingLost(whole, unchanged);
  for (const { start, end } of some(partsOf(whole).expressions, 4)) {
    // other numbers are no other kind of thing: mutants have them
    for (const text of awkward.filter((a) => Number.isNaN(Number(a)))) {
      const mutant = whole.slice(0, start) + text + whole.slice(end);
      assertNothingLost(mutant, compileText(mutant, folder));
    }
  }
});

/** Programs that lost something and said nothing, or lost it with a wrong reason; each with what is said now, or "" when it runs. */
const once: Readonly<Record<string, readonly [text: string, said: string]>> = {
  "a draw in expect": [
    "param w = 1 gradient w^2 wrt w expect { value = normal(0, 1) within 1 }",
    "not with a distribution",
  ],
  "a data set in expect": [
    "data d { x : [1] = [1] } param w = 1 gradient w^2 wrt w expect { value = d within 1 }",
    "not with the data `d`",
  ],
  "a computed number in expect": [
    "param w : [2] = 1 gradient sum(w^2) wrt w expect { w = exp(w * [1, 2]) within 1 }",
    "not with [2], computed while the program runs",
  ],
  "a parameter in expect": [
    `param w = 1 outer o { minimize (w - 2)^2 over w by sgd(lr = 0.1) for 3 steps }
    gradient w^2 wrt w after o expect { value = w within 1 }`,
    "not with a scalar, computed while the program runs",
  ],
  "a draw in within": [
    "param w = 1 gradient w^2 wrt w expect { value = 1 within normal(0, 1) }",
    "The distance after `within` must be a number known before the run",
  ],
  "a size of nothing": ["data d { x : [[0, 3]] = 1 }", "A size must be a positive whole number"],
  "a size that the data itself gives": [
    `data d from "d.csv" { x : [mean(d.x)] } param w = 1
    inner fit { minimize mean((w - d.x)^2) over w by sgd(lr = 0.1) for T = 3 steps }`,
    "`d.x` is not known where the sizes of data are read",
  ],
  "a loop whose objective reads its own rate": [
    "param w = 1 inner fit { minimize (w - 2)^2 + fit.lr over w by sgd(lr = 0.1) for T = 3 steps }",
    "",
  ],
  "a loop whose objective reads its own rates": [
    `param w = 1 inner fit { minimize (w - 2)^2 + fit.lr@t over w by sgd(lr = 0.1) for T = 3 steps }
    override fit { lr = 0.1 per step }`,
    "`fit.lr` at a step is not yet known inside `fit` itself",
  ],
  "a rate that is computed": [
    `param w = 1 param theta = 0.1
    inner fit { minimize (w - 2)^2 over w by sgd(lr = 2 * theta) for T = 3 steps }
    gradient w@T + fit.lr wrt theta`,
    "",
  ],
  "a switch": [
    `param w = 1 inner fit { minimize (w - 2)^2 over w by sgd(lr = 0.1, momentum = 0.5, nesterov = true) for T = 3 steps }
    gradient w@T + where(fit.nesterov, 1, 2) wrt fit.lr`,
    "",
  ],
  "a record of a model that nothing calls": [
    `model net(x : [n, 1]) -> [n, 1] { W : [1, 1] = 1 return dot(x, W) }
    param w = 1 inner fit { minimize (w - 2)^2 over w by sgd(lr = 0.1) for T = 3 steps }
    record fit.loss@*, net.W`,
    "`net.W` has no shape",
  ],
  "a record of times of windows": [
    `param w = 1
    inner fit {
      minimize (w - 2)^2 over w by sgd(lr = 0.1) for T = 4 steps through pes(samples = 2, sigma = 0.1, window = 2)
    }
    gradient (w@T)^2 wrt fit.lr
    record w@*`,
    "A record of the times of `fit` is not yet supported",
  ],
  "records of two tasks": [
    `task t { a ~ normal(0, 1) split s { b = a } }
    param w = 1 param theta = 1
    inner fit { minimize (w - s.b * theta)^2 over w by sgd(lr = 0.1) for T = 2 steps }
    outer train { minimize (w@T)^2 across 2 t over theta by sgd(lr = 0.1) for 4 steps }
    record w@* every 2 steps of task 0
    record fit.loss@* every 2 steps of task 1`,
    "at two intervals, or of two tasks",
  ],
  "a loop that starts from one that evolves nothing": [
    `param w = 1 inner fit { minimize 0 for T = 3 steps }
    inner second { minimize (w - 2)^2 over w by sgd(lr = 0.1) for K = 3 steps from fit@T }`,
    "`fit` has no `over`",
  ],
  "an evaluation that calls its number of steps otherwise": [
    `param w = 1 inner fit { minimize (w - 2)^2 over w by sgd(lr = 0.1) for T = 3 steps }
    evaluate e { for S = 5 steps report (w@t)^2 at t in 0 .. S - 1 }`,
    "",
  ],
  "an outer of an import": [
    `import train, w from "./other.meta"
    gradient (w - 3)^2 wrt w after train
    evaluate e { report w every 2 steps of train }`,
    "an import runs no loop",
  ],
  "a start that only a task has": [
    `task t { a ~ normal(0, 1) split s { b = a } }
    param theta = s.b
    outer train { minimize (theta - s.b)^2 across 2 t over theta by sgd(lr = 0.1) for 4 steps }`,
    "The start of `theta` is not across a task",
  ],
  "a comprehension where two arguments are needed": [
    "param w = 1 gradient w + dot(w for t in 0 .. 2) wrt w",
    "`dot` takes 2 arguments, and a comprehension is one",
  ],
};

const other = "edition 1 param w = 4 outer train { minimize (w - 1)^2 over w by sgd(lr = 0.1) for 10 steps }";

for (const [what, [text, said]] of Object.entries(once)) {
  Deno.test(`not lost: ${what}`, () => {
    const whole = `edition 1\n${text}\n`;
    const readSource = (path: string) => path === "other.meta" ? other : undefined;
    const out = compileProgram({
      root: { name: "main.meta", text: whole },
      readSource,
      readData: () => new TextEncoder().encode("x\n1\n"),
    });
    assertNothingLost(whole, out);
    const titles = out.diagnostics.filter((d) => d.severity === "error").map((d) => d.title);
    assertEquals(titles.length > 0, said !== "", titles.join("\n"));
    assert(titles.every((t) => t.includes(said)), titles.join("\n"));
  });
}

Deno.test("a rate that is computed is read as it is computed", async () => {
  // w@3 = 2 - (1 - 2 r)^3 with r = 2 theta = 0.2, and the rate itself: 2 - 0.216 + 0.2; d/dtheta = 2 (6 (1 - 2 r)^2 + 1)
  const run = await compile(`edition 1
    precision f64
    param w = 1 param theta = 0.1
    inner fit { minimize (w - 2)^2 over w by sgd(lr = 2 * theta) for T = 3 steps }
    gradient w@T + fit.lr wrt theta expect { value = 1.984 within 1e-14  theta = 6.32 within 1e-14 }`).run();
  assertEquals(run.expectations.map((v) => v.met), [true, true]);
});

Deno.test("each outer records what it learns of a model", async () => {
  // a moves by -0.1 * 2 (a - 1) a step from 0, b by -0.2 * 2 (b - 1) from 0 afterwards
  const run = await compile(`edition 1
    precision f64
    model net(x : [n, 1]) -> [n, 1] { a : [] = 0  b : [] = 0  return a * x + b }
    outer first { minimize sum((net([[1]]) - net.b - 1)^2) over net.a by sgd(lr = 0.1) for 2 steps }
    outer second { minimize sum((net([[1]]) - net.a - 1)^2) over net.b by sgd(lr = 0.2) for 2 steps }
    record net`).run();
  const values = (name: string) => run.recorded(name).values.map((v) => v.data[0]);
  assertEquals(values("net.a").slice(0, 2), [0, 0.2]);
  assertEquals(values("net.b").slice(0, 2), [0, 0.4]);
});

Deno.test("refuseLostItems() names the place of what is gone", () => {
  const text =
    "edition 1\nparam w = 1\ngradient w^2 wrt w expect { value = 1 within 1 }\nevaluate e { report w }\noutput o = w\n";
  const { program } = parseProgram({ name: "main.meta", text });
  const sources = new Map([["main.meta", { name: "main.meta", text }]]);
  const el = { modules: { root: { program }, sources }, loops: new Map() } as unknown as Elaboration;
  const checked = {
    outers: [],
    gradients: [],
    evaluations: [],
    outputs: [],
    records: { wishes: [] },
  } as unknown as CheckedProgram;
  const out = compileText(text, folders[0]!).program!;
  refuseLostItems(el, checked, out);
  const without = (part: Partial<ExperimentProgram>) => () => refuseLostItems(el, checked, { ...out, ...part });
  const unexpected = out.gradients.map((g) => ({ ...g, expect: [] }));
  assertThrows(without({ gradients: [] }), InternalError, "A gradient, or a part of one at main.meta:3:1 was lost");
  assertThrows(without({ gradients: unexpected }), InternalError, "main.meta:3:1");
  assertThrows(without({ evaluations: [] }), InternalError, "An evaluation, or a report of one at main.meta:4:1");
  assertThrows(without({ outputs: [] }), InternalError, "An output at main.meta:5:1");
});
