// Which rows does a loop with a `batch` see? Those of the batch wherever its objective reads the table, and the whole table in what
// runs inside or was computed before. The rows that are drawn are told by a loop of the same name over their numbers; what must come
// of them is computed here by plain loops.
import { assert, assertEquals } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";
import type { BackendName } from "../../../api/backends.ts";
import type { Run } from "../../../api/run.ts";
import { compile } from "../../../api/compile.ts";
import { some } from "../../thorough.ts";

const x = [1, 2, 3, 4, 5, 60];
const data = `data d { x : [6] = [${x.join(", ")}]  i : [6] = [0, 1, 2, 3, 4, 5]  u = [${x.join(", ")}] }`;

/** What a plain loop and a program may differ by: numbers below 100, at most 10 steps of 10 operations, each rounded to 2^-53. */
const tolerance = 100 * 10 * 10 * 2 ** -53;

function assertNear(actual: readonly number[], expected: readonly number[], what: string): void {
  assertEquals(actual.length, expected.length, what);
  actual.forEach((value, i) =>
    assert(Math.abs(value - expected[i]!) <= tolerance, `${what}: ${actual} and ${expected}`)
  );
}

/** The two rows that a sum over `d.i * [1, 6]` stands for. */
const rowsOf = (code: number): [number, number] => [Math.round(code) % 6, Math.floor(Math.round(code) / 6)];

const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

type Files = Readonly<Record<string, string>>;

async function runText(text: string, backend: BackendName = "reference", files: Files = {}): Promise<Run> {
  return await compile(`edition 1\n${text}`, { read: (path) => files[path] }).run({ backend });
}

const numbers = (run: Run, name: string) => run.recorded(name).values.flatMap((v) => [...v.data].map(Number));

// ----------------------------------------------------------------------------------------------------- one loop alone

const steps = 4;
const fitting = (objective: string) =>
  `inner fit { minimize ${objective}  over w by sgd(lr = 0.1)  for T = ${steps} steps  batch 2 of d }
   record fit.loss@*, w@*`;

/** w at every time of a fit of batches of x by its squares, by a plain loop. */
async function fitted(files: Files, more: string): Promise<number[]> {
  const probe = await runText(
    `precision f64 ${more} param w = 0 ${fitting("0 * w + sum(d.i * [1, 6])")}`,
    "reference",
    files,
  );
  const times = [0];
  for (const code of numbers(probe, "fit.loss@*")) {
    const w = times.at(-1)!;
    times.push(w - 0.1 * 2 * (w - mean(rowsOf(code).map((row) => x[row]!))));
  }
  return times;
}

/** The same objective, said in different ways: definitions, and what is minimized. */
const spellings: Readonly<Record<string, readonly [definitions: string, objective: string]>> = {
  "by its name": ["", "mean((w - d.x)^2)"],
  "in a function": ["fn xs() = d.x", "mean((w - xs())^2)"],
  "in a function of a parameter": ["fn loss(v) = mean((v - d.x)^2)", "loss(w)"],
  "in a function that another calls": ["fn xs() = d.x  fn loss(v) = mean((v - xs())^2)", "w |> loss"],
  "as a default": ["fn loss(v, xs = d.x) = mean((v - xs)^2)", "loss(w)"],
  "in a model": ["model loss(v : []) -> [] { return mean((v - d.x)^2) }", "loss(w)"],
  "in a model of a model": [
    "model off(v : []) { return v - d.x }  model loss(v : []) -> [] { use o = off  return mean(o(v)^2) }",
    "loss(w)",
  ],
  "by the rows of a scan": [
    "model loss(v : []) -> [] { scan s over e in d.x { state a : [] = 0  a' = a + (v - e)^2 }  return s.a[-1] / 2 }",
    "loss(w)",
  ],
  "row by row": ["", "sum((w - d.x[k])^2 for k in 0 .. 1) / 2"],
  "with the number of rows": ["fn n() = size(d.x, 0)", "sum((w - d.x)^2) / n()"],
  "by another name of the table": ["let all = d", "mean((w - all.x)^2)"],
  "of a field without a type": ["", "mean((w - d.u)^2)"],
  "beside numbers of the whole table": ["let m = mean(d.x)", "mean((w - d.x)^2) + 0 * m"],
};

for (const [how, [definitions, objective]] of some(Object.entries(spellings), 6)) {
  Deno.test(`a batch is what is read ${how}`, async () => {
    const expected = await fitted({}, data);
    for (const backend of ["reference", "wasm"] as const) {
      const run = await runText(`precision f64 ${data} ${definitions} param w = 0 ${fitting(objective)}`, backend);
      assertNear(numbers(run, "w@*"), expected, backend);
    }
  });
}

Deno.test("a batch is what a function of another file reads of that file's table", async () => {
  const files = { "lib.meta": `edition 1 ${data} fn loss(v) = mean((v - d.x)^2)` };
  const more = 'import d, loss from "./lib.meta"';
  const run = await runText(`precision f64 ${more} param w = 0 ${fitting("loss(w)")}`, "reference", files);
  assertNear(numbers(run, "w@*"), await fitted(files, more), "imported");
});

Deno.test("take reads the rows of the batch by their places in it", async () => {
  const probe = await runText(`precision f64 ${data} param w = 0 ${fitting("0 * w + sum(d.i * [1, 6])")}`);
  const run = await runText(
    `precision f64 ${data} param w = 0 ${fitting("0 * w + sum(take(d.x, range(2)) * [1, 100])")}`,
  );
  const expected = numbers(probe, "fit.loss@*").map(rowsOf).map(([a, b]) => x[a]! + 100 * x[b]!);
  assertEquals(numbers(run, "fit.loss@*"), expected);
});

Deno.test("what a loop is made of sees the whole table: starts, rates, numbers of steps; so do evaluations and gradients", async () => {
  // from the mean of x, one step of 1/6 at a loss without slope; then w itself
  const run = await runText(`precision f64 ${data}
    param w = mean(d.x)
    inner fit { minimize 0 * w + mean(d.x)  over w by sgd(lr = 1 / size(d.x, 0))  for T = size(d.x, 0) - 5 steps  batch 2 of d }
    evaluate e { report w@T report mean(d.x) report fit.T report fit.lr }
    gradient (w@T)^2 + sum(d.x) wrt w@0`);
  const reports = run.evaluation("e").reports.map((r) => r.points[0]!.mean);
  assertNear(reports, [12.5, 12.5, 1, 1 / 6], "reports");
  assertNear([run.value()], [12.5 ** 2 + 75], "value");
});

// ------------------------------------------------------------------------------------------------------- loops in loops

Deno.test("an outer's batch reaches through functions, and the loop that it runs has the whole table or its own batch", async () => {
  const program = (outer: string, inner: string, batch: string) =>
    `precision f64 ${data}
    fn outside(v) = (v - mean(d.x))^2
    fn inside(v, c) = mean((v - c * d.x)^2)
    param w = 0
    param c = 1
    inner fit { minimize ${inner}  over w by sgd(lr = 0.1)  for T = 2 steps  ${batch} }
    outer learn { minimize ${outer}  over c by sgd(lr = 0.001)  for 3 steps  batch 2 of d }
    record learn.loss, c, fit.loss@* every 1 steps of task 0`;
  for (const own of [false, true]) {
    const clause = own ? "batch 2 of d" : "";
    const code = "sum(d.i * [1, 6])";
    const probe = await runText(
      program(`1e-20 * (w@T + c) + ${code}`, own ? `1e-20 * (w - c)^2 + ${code}` : "1e-20 * (w - c)^2", clause),
    );
    const outer = numbers(probe, "learn.loss");
    const inner = numbers(probe, "fit.loss@*");
    const run = await runText(program("outside(w@T)", "inside(w, c)", clause));
    // w@2 = 0.2 (0.8 m1 + m2) c from 0, with m the mean of x in the step's batch, or of all
    let c = 1;
    const losses: number[] = [];
    for (let step = 0; step < 3; step++) {
      const [m1, m2] = [0, 1].map((t) => own ? mean(rowsOf(inner[2 * step + t]!).map((row) => x[row]!)) : mean(x)) as [
        number,
        number,
      ];
      const slope = 0.2 * (0.8 * m1 + m2);
      const off = slope * c - mean(rowsOf(outer[step]!).map((row) => x[row]!));
      losses.push(off ** 2);
      c -= 0.001 * 2 * off * slope;
    }
    const found = numbers(run, "learn.loss").slice(0, 3);
    // squares of numbers below 100
    found.forEach((loss, i) =>
      assert(Math.abs(loss - losses[i]!) <= 100 * tolerance, `${own}: ${found} and ${losses}`)
    );
  }
});

const task = `task drawn {
    a ~ uniform(1, 2)
    split support { x : [6] = a * [1, 2, 3, 4, 5, 60] }
    split query   { x : [4] = a * [1, 2, 3, 4] }
  }`;

/** Programs with batches, said by names (left) and in functions (right): the very same numbers. */
const pairs: Readonly<Record<string, (read: (field: string) => string) => string>> = {
  "of a split, inside and outside": (read) =>
    `${task} param w = 0 param c = 1
    inner fit { minimize mean((w - c * ${
      read("support.x")
    })^2) over w by sgd(lr = 0.1) for T = 3 steps batch 2 of support }
    outer learn { minimize mean((w@T - ${
      read("query.x")
    })^2) across 3 drawn over c by sgd(lr = 0.001) for 3 steps batch 2 of query }
    gradient (w@T)^2 across 2 drawn wrt c
    evaluate e { across 4 drawn report mean((w@T - ${read("query.x")})^2) }
    record learn.loss`,
  "of a split by its task's name, beside a loop of its name": (read) =>
    `${task} param w = 0
    inner support { minimize mean((w - ${
      read("drawn.support.x")
    })^2) over w by sgd(lr = 0.1) for T = 3 steps batch 2 of drawn.support }
    outer learn { minimize (w@T - 1)^2 across 3 drawn over w@0 by sgd(lr = 0.1) for 3 steps }
    record learn.loss`,
  ...Object.fromEntries(
    [
      "unroll()",
      "unroll(window = 2)",
      "first_order()",
      "forward()",
      "implicit()",
      "finite_difference(epsilon = 1e-3)",
      "es(samples = 4, sigma = 0.1)",
      "es(samples = 4, sigma = 0.1, window = 2)",
      "pes(samples = 4, sigma = 0.1, window = 2)",
    ].map((through) => [
      `through ${through}`,
      (read: (field: string) => string) =>
        `${data} param w = 0 param c = 1
        inner fit {
          minimize mean((w - c * ${
          read("d.x")
        })^2) over w by sgd(lr = 0.1) for T = 4 steps batch 2 of d through ${through}
        }
        gradient fit.loss@T + (w@T)^2 wrt c`,
    ]),
  ),
  "from another loop": (read) =>
    `${data} param w = 0
    inner first { minimize mean((w - ${read("d.x")})^2) over w by sgd(lr = 0.1) for T = 2 steps batch 3 of d }
    inner second { minimize mean((w + ${
      read("d.x")
    })^2) over w by sgd(lr = 0.1) for K = 2 steps batch 2 of d from first@T }
    gradient (w@(second.K))^2 wrt first.lr, second.lr`,
};

for (const [what, program] of Object.entries(pairs)) {
  Deno.test(`batches in functions are those by name: ${what}`, async () => {
    const names = new Map<string, string>();
    const direct = program((field) => field);
    const called = program((field) => {
      const name = field.replaceAll(".", "_of_");
      names.set(name, field);
      return `${name}()`;
    });
    const functions = [...names].map(([name, field]) => `fn ${name}() = ${field}`).join(" ");
    for (const precision of ["f32", "f64"]) {
      for (const backend of ["reference", "wasm"] as const) {
        const results = [];
        for (const text of [direct, `${functions} ${called}`]) {
          const run = await runText(`precision ${precision} ${text}`, backend);
          const { gradients, evaluations = [], recorded = [] } = run.toJSON() as Record<string, unknown[]>;
          const values = JSON.stringify(
            [gradients, evaluations, recorded],
            (key, value) => key === "label" || key === "name" ? 0 : value,
          );
          results.push(values.replaceAll(/\w+_of_\w+\(\)/g, (call) => call.slice(0, -2).replaceAll("_of_", ".")));
        }
        assert(results[0]!.length > 20);
        assertEquals(results[1], results[0], `${precision} ${backend}`);
      }
    }
  });
}

// ---------------------------------------------------------------------------------------------- values of the whole table

function codesOf(text: string, files: Files = {}): string[] {
  const { diagnostics } = compileProgram({
    root: { name: "main.meta", text: `edition 1\n${text}` },
    readSource: (path) => files[path],
    readData: () => undefined,
  });
  return diagnostics.map((d) => `${d.code} ${d.title}`);
}

const tables =
  `data d { x : [6] = [1, 2, 3, 4, 5, 6]  X : [6, 3] = [[1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3]]
    y : int [6] = [0, 1, 2, 0, 1, 2]  u = [1, 2, 3, 4, 5, 6] }
  data other { x : [6] = [6, 5, 4, 3, 2, 1] }
  fn centred(v) = v - mean(v)
  model line(q : [n]) -> [n] { a : [] = 1  return a * q }
  model layer(q : [n, 3]) -> [n, 2] { use l = dense(2)  return relu(l(q)) }
  model run(q : [n]) { scan s over k in 0 .. 5 { state h : [] = 0  h' = h + q[k] }  return s.h }
  model seen(q : [n]) { scan s over k in 0 .. 3 { state h : [n] = 0  h' = h + q }  return s.h[-1] }
  model convolved(q : [n, 3]) { return convolve(reshape(q, [n, 1, 3, 1]), reshape([1, 1, 1], [1, 1, 3, 1])) }`;

/** A loop over batches of `d` whose objective also reads z. */
const withValue = (value: string, more = "") =>
  `${tables} ${more} let z = ${value} param w = 0
   inner fit { minimize (w - mean(d.x))^2 + sum(z)  over w by sgd(lr = 0.1)  for T = 3 steps  batch 2 of d }
   gradient (w@T)^2 + sum(z) wrt w@0`;

const perRow = [
  "d.x",
  "d.x - mean(d.x)",
  "centred(d.x)",
  "d.u",
  "2 * d.u",
  "[d.u, d.u]",
  "other.x * d.x",
  "-d.X",
  "exp(d.x)",
  "softmax(d.X)",
  "where(d.x > 2, d.x, 0)",
  "sum(d.X, axis = 1)",
  "max(d.X, axis = -1, keep = true)",
  "argmax(d.X)",
  "dot(d.X, [1, 2, 3])",
  "transpose(d.X)",
  "swap_axes(d.X, 0, 1)",
  "expand_dims(d.x, 1)",
  "expand_dims(d.x, 0)",
  "reshape(d.x, [6, 1])",
  "reshape(d.x, [2, 3])",
  "reshape(d.X, [6, 1, 3])",
  "ravel(d.X)",
  "sum(reshape(ravel(d.X), [6, 3]), axis = 1)",
  // of axes that were one it is not known which counts the rows
  "sum(reshape(ravel(d.X), [6, 3]), axis = 0)",
  "flatten(d.X)",
  "concat(d.x, [7, 8])",
  "concat([[0], [0], [0], [0], [0], [0]], d.X, axis = 1)",
  "stack(other.x, d.x)",
  "[other.x, d.x]",
  "one_hot(d.y, 3)",
  "take([0.5, 1.5, 2.5], d.y)",
  "take(d.X, range(2), axis = 1)",
  "stack(d.x[k] for k in 0 .. 5)",
  "stack(take(d.x, k) for k in 0 .. 5)",
  "stack(stack(d.x[k] + j for k in 0 .. 5) for j in 0 .. 1)",
  "line(d.x)",
  "layer(d.X)",
  "run(d.x)",
  "seen(d.x)",
  "convolved(d.X)",
  "matmul(reshape(d.X, [6, 1, 3]), reshape(other.x, [6, 1, 1]) + [[[1], [2], [3]]])",
  "dot(expand_dims(other.x, 1), expand_dims(d.x, 0))",
  "stop_gradient(d.x)",
];

for (const value of some(perRow, 6)) {
  Deno.test(`what has a row for each of the whole table is refused under a batch: let z = ${value}`, () => {
    const said = codesOf(withValue(value));
    assertEquals(said, ["M0312 `z` has a value for each row of the whole table `d`, and `fit` reads a batch of it"]);
  });
}

const summed = [
  "sum(d.x)",
  "mean(d.X, axis = 0)",
  "max(d.x)",
  "dot(d.x, d.x)",
  "dot(transpose(d.X), d.X)",
  "size(d.x, 0)",
  "shape(d.X)",
  "d.x[0]",
  "take(d.x, range(2))",
  "sum(d.x[k] for k in 0 .. 5)",
  "sum(reshape(d.X, [6, 1, 3]), axis = 0)",
  "sum(reshape(d.x, [2, 3]))",
  "other.x - mean(d.x)",
  "[mean(d.x), mean(d.X)]",
  "mean(layer(d.X), axis = 0)",
  "run(d.x)[-1]",
  "other.x",
  "reshape([1, 2, 3, 4, 5, 6], shape(d.x))",
  "reshape([1, 2, 3, 4, 5, 6], [size(d.x, 0)])",
];

for (const value of some(summed, 6)) {
  Deno.test(`what sums the rows up is a value as any under a batch: let z = ${value}`, () => {
    assertEquals(codesOf(withValue(value)), []);
  });
}

Deno.test("a value of the whole table goes through other values, functions and files", () => {
  const lets = withValue("2 * more", "let centre = d.x - mean(d.x)  let more = centre + 1");
  assertEquals(codesOf(lets).length, 1);
  assertEquals(codesOf(lets)[0]!.slice(0, 9), "M0312 `z`");
  const inside = withValue("mean(centre)", "let centre = d.x - mean(d.x)");
  assertEquals(codesOf(inside), []);
  // read in a function that the objective calls
  const called = `${tables} let z = centred(d.x) fn f(v) = (v - sum(z))^2 param w = 0
    inner fit { minimize f(w) + mean(d.x) over w by sgd(lr = 0.1) for T = 3 steps batch 2 of d }`;
  assertEquals(codesOf(called).map((s) => s.slice(0, 9)), ["M0312 `z`"]);
  const files = { "lib.meta": `edition 1 ${data} let z = d.x - mean(d.x) fn f(v) = (v - sum(z))^2` };
  const imported = `import d, f from "./lib.meta" param w = 0
    inner fit { minimize f(w) + mean(d.x) over w by sgd(lr = 0.1) for T = 3 steps batch 2 of d }`;
  assertEquals(codesOf(imported, files).map((s) => s.slice(0, 9)), ["M0312 `z`"]);
});

Deno.test("a field that another table or split made of all rows is refused under a batch of them", () => {
  const field = `${data} data made { z : [6] = d.x - mean(d.x) } param w = 0
    inner fit { minimize (w - mean(d.x))^2 + sum(made.z) over w by sgd(lr = 0.1) for T = 3 steps batch 2 of d }`;
  assertEquals(codesOf(field).map((s) => s.slice(0, 14)), ["M0312 `made.z`"]);
  const own = `${data} data made { z : [6] = d.x - mean(d.x) } param w = 0
    inner fit { minimize mean((w - made.z)^2) over w by sgd(lr = 0.1) for T = 3 steps batch 2 of made }`;
  assertEquals(codesOf(own), []);
  const split =
    `task t { split a { x : [6] ~ normal(0, 1) } split b { x : [6] = a.x - mean(a.x)  n : [6] ~ normal(a.x, 1) } }
    param w = 0
    inner fit { minimize (w - mean(a.x))^2 + sum(b.x) + sum(b.n) over w by sgd(lr = 0.1) for T = 3 steps batch 2 of a }
    outer learn { minimize mean((w@T - b.x)^2) across 2 t over w@0 by sgd(lr = 0.1) for 3 steps }`;
  assertEquals(codesOf(split).map((s) => s.slice(0, 11)), ["M0312 `b.x`", "M0312 `b.n`"]);
});

Deno.test("rows of the whole table are as they are where no batch is taken of it", () => {
  const free = `${data} data v { x : [3] = [1, 2, 3] } let z = d.x - mean(d.x) param w = 0 param c = 1
    inner fit { minimize mean((w - c * d.x)^2) over w by sgd(lr = 0.1) for T = 3 steps batch 2 of d }
    inner all { minimize mean((w - z)^2) over w by sgd(lr = 0.1) for K = 3 steps }
    inner some { minimize mean((w - z)^2) + mean(v.x) over w by sgd(lr = 0.1) for K = 3 steps batch 2 of v }
    outer learn { minimize mean((w@(fit.T) - z)^2) over c by sgd(lr = 0.1) for 3 steps }
    evaluate e { report mean(z * w@(all.K)) report mean(w@(some.K)) }`;
  assertEquals(codesOf(free), []);
});

const unread: Readonly<Record<string, string>> = {
  "nothing of it": "inner fit { minimize (w - 1)^2 over w by sgd(lr = 0.1) for T = 3 steps batch 2 of d }",
  "a value of it":
    "let m = mean(d.x) inner fit { minimize (w - m)^2 over w by sgd(lr = 0.1) for T = 3 steps batch 2 of d }",
  "another table": "inner fit { minimize mean((w - v.x)^2) over w by sgd(lr = 0.1) for T = 3 steps batch 2 of d }",
  "a number beside its rows": "inner fit { minimize (w - d.c)^2 over w by sgd(lr = 0.1) for T = 3 steps batch 2 of d }",
  "what runs inside": `inner fit { minimize mean((w - c * d.x)^2) over w by sgd(lr = 0.1) for T = 3 steps }
    outer learn { minimize (w@T)^2 over c by sgd(lr = 0.1) for 3 steps batch 2 of d }`,
  "the rule": `optimizer towards(lr) { p' = p - lr * g + 0 * mean(d.x) }
    inner fit { minimize (w - 1)^2 over w by towards(lr = 0.1) for T = 3 steps batch 2 of d }`,
};

for (const [what, loops] of Object.entries(unread)) {
  Deno.test(`a batch that nothing reads is an error: ${what}`, () => {
    const tables = `data d { x : [3] = [1, 2, 3] c = 3 } data v { x : [3] = [1, 2, 3] } param w = 0 param c = 1`;
    assertEquals(codesOf(`${tables} ${loops}`).map((s) => s.slice(0, 5)), ["M0313"]);
  });
}
