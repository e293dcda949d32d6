// Does each limit hold just where it says? A program that asks for exactly so much is taken; one more is refused, with place,
// number, limit and cure. By counts, with the limit lowered so that both are small; the usual numbers where that costs nothing.
import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { chooseBackend } from "../../api/backends.ts";
import { compileProgram } from "../../dsl/compile.ts";
import type { Diagnostic } from "../../dsl/diagnostics/diagnostic.ts";
import { renderDiagnostics } from "../../dsl/diagnostics/render.ts";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { costOf } from "../../runtime/ir/cost.ts";
import { beginFunction, Builder, TooManyEquations, writingAtMost } from "../../runtime/ir/builder.ts";
import { chooseLimits, type LimitName, limitNames, type Limits, raising, usualLimits } from "../../runtime/limits.ts";
import type { ExperimentProgram } from "../../runtime/program/program.ts";
import { runProgram } from "../../runtime/loop/run.ts";

type Files = Readonly<Record<string, string>>;

function compileWith(text: string, limits: Partial<Limits>, files: Files = {}): ReturnType<typeof compileProgram> {
  return compileProgram({
    root: { name: "program.meta", text },
    readSource: (path) => files[path],
    readData: (path) => files[path] === undefined ? undefined : new TextEncoder().encode(files[path]),
    limits: chooseLimits(limits),
  });
}

const repeated = (n: number, make: (i: number) => string, between = " ") =>
  Array.from({ length: n }, (_, i) => make(i)).join(between);
const fit = (clauses = "", steps = 3) =>
  `inner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = ${steps} steps ${clauses} }`;

interface Row {
  /** A program that asks for just so much. */
  readonly asks: (n: number) => string | readonly [text: string, files: Files];
  readonly code: string;
  /** The lowered limit. */
  readonly limit: number;
  /** The usual limit is tried too: what is asked for is not made. */
  readonly usual?: true;
}

/** Limits that a program meets by asking for a number. */
const counted: Readonly<Partial<Record<LimitName, readonly Row[]>>> = {
  text: [{ asks: (n) => `edition 1 //${"x".repeat(n - 12)}`, code: "M0107", limit: 100 }, {
    asks: (
      n,
    ) => [`edition 1\nimport a from "./b.meta"\nlet c = a`, {
      "b.meta": `edition 1 let a = 1 //${"x".repeat(n - 66)}`,
    }],
    code: "M0107",
    limit: 100,
  }],
  data: [{
    asks: (n) => [`edition 1 data d from "d.csv" { x : [1] }`, { "d.csv": `x\n${"1".padStart(n - 2)}` }],
    code: "M0310",
    limit: 50,
  }],
  numbers: [{ asks: (n) => `edition 1 let a = [${"1".repeat(n - 2)}]`, code: "M0310", limit: 50 }],
  tokens: [{ asks: (n) => `edition 1 let a = ${"-".repeat(n - 6)}1`, code: "M0107", limit: 20 }],
  word: [
    { asks: (n) => `edition 1 let ${"a".repeat(n)} = 1`, code: "M0107", limit: 20, usual: true },
    { asks: (n) => `edition 1 let a = ${"1".repeat(n)}`, code: "M0107", limit: 20, usual: true },
  ],
  imports: [{
    asks: (n) => [
      `edition 1\n${repeated(n, (i) => `import a${i} from "./${i}.meta"`, "\n")}\nlet b = ${
        repeated(n, (i) => `a${i}`, "+")
      }`,
      Object.fromEntries(Array.from({ length: n }, (_, i) => [`${i}.meta`, `edition 1 let a${i} = 1`])),
    ],
    code: "M0107",
    limit: 5,
  }, {
    asks: (n) => [
      `edition 1\nimport a0 from "./0.meta"\nlet b = a0`,
      Object.fromEntries(
        Array.from({ length: n }, (_, i) => [
          `${i}.meta`,
          i === n - 1
            ? `edition 1 let a${i} = 1`
            : `edition 1 import a${i + 1} from "./${i + 1}.meta" let a${i} = a${i + 1}`,
        ]),
      ),
    ],
    code: "M0107",
    limit: 5,
  }],
  brackets: [{
    asks: (n) => `edition 1 let a = ${"(".repeat(n)}1${")".repeat(n)}`,
    code: "M0102",
    limit: 10,
    usual: true,
  }],
  terms: [{ asks: (n) => `edition 1 let a = ${repeated(n, () => "1", " + ")}`, code: "M0102", limit: 10, usual: true }],
  entries: [{
    asks: (n) => `edition 1 param w : [${n}] = 1 gradient sum(w) wrt w`,
    code: "M0310",
    limit: 10,
    usual: true,
  }],
  axes: [
    {
      asks: (n) => `edition 1 param w : [${repeated(n, () => "1", ", ")}] = 1 gradient sum(w) wrt w`,
      code: "M0310",
      limit: 5,
      usual: true,
    },
    {
      asks: (n) => `edition 1 param w = 1 gradient sum(reshape(w, [${repeated(n, () => "1", ", ")}])) wrt w`,
      code: "M0310",
      limit: 5,
      usual: true,
    },
  ],
  steps: [
    { asks: (n) => `edition 1 param w = 4 ${fit("", n)} gradient w@T wrt fit.lr`, code: "M0310", limit: 10 },
    {
      asks: (n) =>
        `edition 1 model m() -> [] { w : [] = 1 scan r over t in 1 .. ${n} { state h : [] = 0 h' = h + w } return r.h[-1] } gradient m() wrt m`,
      code: "M0310",
      limit: 10,
      usual: true,
    },
    {
      asks: (n) =>
        `edition 1 data d { x : [${n}] ~ normal(0, 1) } model m(x : [n]) -> [] { w : [] = 1 scan r over e in x { state h : [] = 0 h' = h + w * e } return r.h[-1] } gradient m(d.x) wrt m`,
      code: "M0310",
      limit: 10,
    },
    {
      asks: (n) =>
        `edition 1 param w = 1 param a = 1 inner fit { minimize (w - a)^2 over w by sgd(lr = 0.1) for T = 3 steps through implicit(iterations = ${n}) } gradient w@T wrt a`,
      code: "M0310",
      limit: 10,
    },
  ],
  tasks: [
    {
      asks: (n) =>
        `edition 1 task k { split s { c : [] ~ normal(0, 1) } } param w = 1 evaluate e { across ${n} k report w * s.c }`,
      code: "M0310",
      limit: 10,
      usual: true,
    },
    {
      asks: (n) =>
        `edition 1 task k { split s { c : [] ~ normal(0, 1) } } param w = 1 outer o { minimize (w - s.c)^2 across ${n} k over w by sgd(lr = 0.1) for 2 steps }`,
      code: "M0310",
      limit: 10,
    },
    {
      asks: (n) =>
        `edition 1 param w = 1 ${
          fit(`through es(samples = ${n}, sigma = 0.1)`)
        } outer o { minimize (w@T)^2 over fit.lr by sgd(lr = 0.1) for 2 steps }`,
      code: "M0310",
      limit: 10,
    },
  ],
  times: [{
    asks: (n) => `edition 1 param w = 1 ${fit("", n)} evaluate e { report w@t at t in 0 .. ${n - 1} }`,
    code: "M0310",
    limit: 10,
  }],
  directions: [{
    asks: (n) =>
      `edition 1 param w = 1 param a : [${n}] = 0.1 inner fit { minimize (w - sum(a))^2 over w by sgd(lr = 0.1) for T = 3 steps through forward() } gradient w@T wrt a`,
    code: "M0504",
    limit: 10,
  }],
};

function refusal(diagnostics: readonly Diagnostic[]): Diagnostic {
  const errors = diagnostics.filter((d) => d.severity === "error");
  assertEquals(errors.length, 1, errors.map((d) => d.title).join("\n"));
  return errors[0]!;
}

function checkRow(name: LimitName, { asks, code }: Row, limit: number): void {
  const programOf = (n: number) => {
    const asked = asks(n);
    const [text, files] = typeof asked === "string" ? [asked, {}] : asked;
    return compileWith(text, { [name]: limit }, files);
  };
  const at = programOf(limit).diagnostics.filter((d) => d.severity === "error");
  assertEquals(at.map((d) => d.title), [], `${name} = ${limit}`);
  const beyond = programOf(limit + 1);
  const said = refusal(beyond.diagnostics);
  assertEquals(said.code, code);
  const text = [said.title, ...said.notes].join("\n").replaceAll(/[_,]/g, "");
  assert(text.includes(String(limit)), `${text} does not say ${limit}`);
  if (!["brackets", "terms"].includes(name)) {
    assert(text.includes(String(limit + 1)), `${text} does not say ${limit + 1}`);
  }
  assert(said.notes.includes(raising(name)), `${said.notes.join("\n")} does not say how ${name} is raised`);
  assert(renderDiagnostics(beyond.diagnostics, beyond.sources).length < 2000);
}

for (const [name, rows] of Object.entries(counted) as [LimitName, readonly Row[]][]) {
  rows.forEach((row, i) => {
    Deno.test(`${name}: what asks for the limit is taken, one more is refused (${i})`, () => {
      checkRow(name, row, row.limit);
      if (row.usual) checkRow(name, row, usualLimits[name]);
    });
  });
}

/** The smallest limit that a program is taken with. */
function smallest(name: LimitName, text: string): number {
  let [refused, taken] = [0, usualLimits[name]];
  while (taken - refused > 1) {
    const middle = Math.floor((refused + taken) / 2);
    if (compileWith(text, { [name]: middle }).program) taken = middle;
    else refused = middle;
  }
  if (refused > 0) {
    const said = refusal(compileWith(text, { [name]: refused }).diagnostics);
    assertEquals(said.code, "M0311");
    assertMatch(said.title + said.notes.join(), new RegExp(String(refused)));
    assert(said.notes.includes(raising(name)));
  }
  return taken;
}

const functions = (n: number) =>
  `edition 1 param w = 1 fn f0(x) = x ${repeated(n, (i) => `fn f${i + 1}(x) = f${i}(x) + 1`)} gradient f${n}(w) wrt w`;

Deno.test("depth: each function that calls another takes as much again", () => {
  const [one, two, three] = [10, 20, 30].map((n) => smallest("depth", functions(n)));
  assertEquals(three! - two!, two! - one!);
  assert(two! > one!);
});

const doubling = (n: number) =>
  `edition 1 param w = 1 fn f0(x) = x * x ${
    repeated(n, (i) => `fn f${i + 1}(x) = f${i}(x) + f${i}(2 * x)`)
  } gradient f${n}(w) wrt w`;

Deno.test("evaluations: functions that call the one before twice are counted as often as they are written out", () => {
  const [a, b, c] = [4, 5, 6].map((n) => smallest("evaluations", doubling(n)));
  assertEquals(c! - b!, 2 * (b! - a!));
});

Deno.test("evaluations: what nothing calls is gone through, ten times as much in all", () => {
  // each model writes out a function that calls itself twice, 4 times over
  const program = (models: number) =>
    `${doubling(4)} ${repeated(models, (i) => `model m${i}(x : [n]) -> [n] { return f4(x) }`)}`;
  const refused = (models: number) => {
    const { diagnostics } = compileWith(program(models), { evaluations: 1000 });
    return diagnostics.filter((d) => d.code === "M0311").map((d) => d.title);
  };
  const [most] = [1, 10, 100, 1000].filter((n) => refused(n).length > 0);
  assertEquals(most, 100, "a hundred models of more than 100 expressions, and of less than 1,000");
  assertEquals(refused(1000), ["What nothing calls unfolds into too much work"]);
});

Deno.test("equations: so many are written as are allowed, for each function, and not one more", () => {
  const write = (n: number) => () => {
    const b = new Builder("f");
    let x = b.input({ dtype: "f64", shape: [] });
    for (let i = 0; i < n; i++) x = b.apply("sin", x);
  };
  writingAtMost(5, write(5));
  assertThrows(() => writingAtMost(5, write(6)), TooManyEquations);
  writingAtMost(5, () => {
    write(4)();
    beginFunction();
    write(5)();
  });
});

/** Outers in each other, each of which learns where the one inside starts. */
export function nestedOuters(levels: number): string {
  const outer = (i: number) => {
    const aim = i === 0 ? "(w@T - t1)^2" : `(t${i - 1}@K${i - 1} - t${i + 1})^2`;
    return `outer o${i} { minimize ${aim} over t${i} by sgd(lr = 0.1) for K${i} = 2 steps }`;
  };
  return `edition 1 param w = 1 ${repeated(levels + 1, (i) => `param t${i} = 0.${i + 1}`)}
    inner fit { minimize (w - t0)^2 over w by sgd(lr = 0.1) for T = 2 steps } ${repeated(levels, outer, "\n")}`;
}

Deno.test("equations: outers in each other double what is written, and fourteen are refused for it", () => {
  // two have too little in them that is written twice
  const counts = [3, 4, 5].map((levels) => smallest("equations", nestedOuters(levels)));
  for (let i = 1; i < counts.length; i++) {
    const ratio = counts[i]! / counts[i - 1]!;
    assert(ratio > 1.5 && ratio < 2.5, `${counts}`);
  }
  const said = refusal(compileWith(nestedOuters(14), { equations: 20_000 }).diagnostics);
  assertEquals([said.code, said.title], ["M0311", "This unfolds into more than 20000 equations"]);
});

Deno.test("diagnostics: of more mistakes than the limit the first are shown, and how many there are", () => {
  const wrong = (n: number) =>
    compileWith(`edition 1\n${repeated(n, (i) => `let a${i} = b`, "\n")}`, { diagnostics: 5 }).diagnostics;
  assertEquals(wrong(5).map((d) => d.notes.length), [0, 0, 0, 0, 0]);
  const shown = wrong(6);
  assertEquals(shown.map((d) => d.primary.span.start), wrong(5).map((d) => d.primary.span.start));
  assertEquals(shown.at(-1)!.notes, [
    "The first 5 of at least 6 mistakes and warnings are shown",
    raising("diagnostics"),
  ]);
});

Deno.test("diagnostics: an error is shown though the limit of warnings comes before it", () => {
  const text = `edition 1\n${repeated(8, (i) => `let a${i} = 1`, "\n")}\nlet b = c`;
  assert(compileWith(text, { diagnostics: 3 }).diagnostics.some((d) => d.severity === "error"));
});

Deno.test("message: a longer sentence keeps its ends", () => {
  const names = repeated(40, (i) => `fn name${i}(x) = x`);
  const title = (message: number) =>
    compileWith(`edition 1 ${names} param w = 1 gradient w + ${"x".repeat(60)} wrt w`, { message }).diagnostics
      .find((d) => d.severity === "error")!.title;
  const whole = title(2000);
  assertEquals(title(whole.length), whole);
  const [most, half] = [whole.length - 1, Math.floor((whole.length - 41) / 2)];
  const left = whole.length - 2 * half;
  assertEquals(title(most), `${whole.slice(0, half)} … (${left} characters left out) … ${whole.slice(-half)}`);
  assert(title(most).length <= most);
});

const running = `edition 1 param w = 4 ${fit("", 50)} gradient w@T wrt fit.lr
  outer o { minimize (w@T)^2 over fit.momentum by sgd(lr = 0.01) for 7 steps }
  evaluate e { report w@T  every 3 steps of o }`;

Deno.test("operations: a run that needs as many as the limit is run, and with one less it is not begun", async () => {
  const run = async (operations: number) => {
    const { program } = compileWith(running, { operations });
    return await runProgram(program!, referenceBackend);
  };
  const { program } = compileWith(running, {});
  const { outers: [outer], gradients: [gradient], evaluations: [evaluation] } = program!;
  const costs = [outer!.step, gradient!.fn, evaluation!.fn].map(({ fn }) => {
    const { flops, calls } = costOf(expandGradients(fn));
    return Math.max(flops, calls);
  });
  // 7 meta-steps; evaluations after 0, 3 and 6 of them, and at the end
  const all = 7 * costs[0]! + costs[1]! + 4 * costs[2]!;
  assertEquals((await run(all)).outcome, "done");
  const { outcome, failure, outers } = await run(all - 1);
  assertEquals([outcome, outers.length], ["failed", 0]);
  assertMatch(failure!.message, /operations, .* of them for `o`, and .* are allowed.*--limit operations=N/);
  assertEquals(failure!.origin?.source, "program.meta");
});

Deno.test("memory: a function that needs as many bytes as the limit is run, and with one less it is refused", async () => {
  const text = "edition 1 param w : [1000] = 1 gradient sum(w^2) wrt w";
  const bytesOf = ({ initial, gradients }: ExperimentProgram) =>
    Math.max(...[initial, gradients[0]!.fn].map(({ fn }) => referenceBackend.arenaBytes(expandGradients(fn))));
  const outcome = async (memory: number) => {
    const { program } = compileWith(text, { memory });
    const { backend } = await chooseBackend("reference", {}, program);
    assertEquals(backend.memoryLimitBytes, memory);
    return (await runProgram(program!, backend)).outcome;
  };
  const bytes = bytesOf(compileWith(text, {}).program!);
  assertEquals([await outcome(bytes), await outcome(bytes - 1)], ["done", "failed"]);
});

Deno.test("each limit is tried", () => {
  const here: readonly LimitName[] = [
    "depth",
    "evaluations",
    "equations",
    "diagnostics",
    "message",
    "operations",
    "memory",
  ];
  assertEquals(limitNames.filter((name) => !(name in counted) && !here.includes(name)), []);
});
