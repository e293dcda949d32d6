// Which integers are refused before the run, and with which words? And where nothing can go wrong, is nothing written that looks?
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";
import type { HostData } from "../../../dsl/data/data.ts";
import { functionsOf } from "../../../runtime/program/program.ts";
import { bodyOf, type IrFunction } from "../../../runtime/ir/types.ts";
import { findIn } from "../../found_files.ts";

const files: Readonly<Record<string, string>> = {
  // the labels of three classes, one from 1 on and one below 0
  "t.csv": "x,y,far\n0.5,0,2147483647\n1,2,1\n\n1.5,3,1\n2,-1,1\n",
};

function compiled(text: string, data: HostData = {}, tasks: readonly string[] = []) {
  return compileProgram({
    root: { name: "p.meta", text: `edition 1\n${text}` },
    readSource: () => undefined,
    readData: (path) => files[path] === undefined ? undefined : new TextEncoder().encode(files[path]),
    data,
    tasks,
  });
}

/** What is said, each time once. */
function said(text: string, data?: HostData): string[] {
  return compiled(text, data).diagnostics.filter((d) => d.severity === "error").map((d) =>
    `${d.code}: ${d.title}; ${d.notes[0]}`
  );
}

const logits = "param w : [1, 3] = 0\n";
const classes = "outside 0 .. 2; There are 3 classes, counted from 0";
const table = 'data d from "t.csv" { x : [_, 1]  y : int [_] }\n';
const row5 = `M0314: Row 5, column \`y\` of \`t.csv\` is 3, ${classes}`;

Deno.test("a label of a table is named by its row, however it is read", () => {
  for (
    const use of [
      "gradient cross_entropy(dot(d.x, w), d.y) wrt w",
      "gradient cross_entropy(dot(d.x, w), ravel(expand_dims(d.y, 0))) wrt w",
      "gradient sum(dot(d.x, w) * one_hot(d.y, 3)) wrt w",
      "gradient sum(w) * accuracy(dot(d.x, w), d.y) wrt w",
      "fn loss(a, b) = cross_entropy(a, b)\ngradient loss(dot(d.x, w), d.y) wrt w",
      "let y = d.y\ngradient cross_entropy(dot(d.x, w), y) wrt w",
      "inner fit { minimize cross_entropy(dot(d.x, w), d.y)  over w by sgd(lr = 0.1)  batch 2 of d  for T = 3 steps }",
      "inner fit { minimize sum(w^2)  over w by sgd(lr = 0.1)  for T = 3 steps }\n" +
      "outer top { minimize cross_entropy(dot(d.x, w@T), d.y)  over fit.lr by sgd(lr = 0.1)  batch 2 of d  for 2 steps }",
      "evaluate test { report cross_entropy(dot(d.x, w), d.y) }",
      "task t { split s { x = d.x  y = d.y } }\n" +
      "gradient cross_entropy(dot(s.x, w), s.y) across 2 t wrt w",
    ]
  ) {
    assertEquals([...new Set(said(logits + table + use))], [row5], use);
  }
});

Deno.test("labels that stand in the program or come from a script", () => {
  const use = "gradient cross_entropy(dot(d.x, w), d.y) wrt w";
  const inline = "data d { x : [2, 1] = 1  y : int [2] = [2, -1] }\n";
  assertEquals(said(logits + inline + use), [`M0314: Entry [1] of \`d.y\` is -1, ${classes}`]);
  const one = "data d { x : [1, 1] = 1  y : int [1] = [5] }\n";
  assertEquals(said(logits + one + use), [`M0314: A label of \`cross_entropy\` is 5 at [0], ${classes}`]);
  const host = "data d { x : [_, 1]  y : int [_] }\n";
  const data = { d: { x: { shape: [2, 1], data: [1, 1] }, y: { shape: [2], data: [0, 3] } } };
  assertEquals(said(logits + host + use, data), [`M0314: Entry [1] of the array for \`d.y\` is 3, ${classes}`]);
});

Deno.test("what is computed from what is known is known", () => {
  const use = (y: string) => said(`${logits}${table}gradient cross_entropy(dot(d.x, w), ${y}) wrt w`);
  assertEquals(use("d.y - 1"), [`M0314: A label of \`cross_entropy\` is -1 at [0], ${classes}`]);
  for (
    const fine of [
      "where(d.y == 3, 0, where(d.y < 0, 0, d.y))",
      "max(min(d.y, 2), 0)",
      "mod(d.y, 3)",
      "take(d.y, [0, 1, 0, 1])",
      "abs(mod(d.y, -3))",
    ]
  ) {
    assertEquals(use(fine), [], fine);
    assertEquals(checks(`${logits}${table}gradient cross_entropy(dot(d.x, w), ${fine}) wrt w`), 0, fine);
  }
});

Deno.test("indices", () => {
  const start = "param p : [4] = [1, 2, 3, 4]\ndata d { i : int [3] = [0, 3, 4]  x : [4] = 1  m : [4, 2] = 1 }\n";
  const rows = "outside 0 .. 3; There are 4 rows, counted from 0";
  const use = (text: string) => said(start + text);
  const entry = `M0314: Entry [2] of \`d.i\` is 4, ${rows}`;
  assertEquals(use("gradient sum(take(p, d.i)) wrt p"), [entry]);
  assertEquals(use("gradient p[d.i[2]] wrt p"), [`M0314: An index is 4, ${rows}`]);
  assertEquals(use("gradient sum(take(p, [0, 3])) wrt p"), []);
  assertEquals(use("gradient sum(take(p, [0, -1])) wrt p"), [`M0314: An index of \`take\` is -1 at [1], ${rows}`]);
  assertEquals(use("gradient sum(p[t] for t in 0 .. 3) wrt p"), []);
  assertEquals(use("gradient sum(p[t] for t in 1 .. 4) wrt p"), [`M0314: An index is 4, ${rows}`]);
  assertEquals(use("gradient sum(p[t - 1] for t in 0 .. 3) wrt p"), [`M0314: An index is -1, ${rows}`]);
  assertEquals(use("gradient sum(p[3 - t] for t in 0 .. 3) wrt p"), []);
  assertEquals(
    use("gradient sum(p) * sum(take(d.m, d.i, axis = 1)) wrt p"),
    ["M0314: Entry [1] of `d.i` is 3, outside 0 .. 1; There are 2 entries along axis 1, counted from 0"],
  );
  assertEquals(
    use("gradient sum(p) * sum(d.m[0, t] for t in 0 .. 2) wrt p"),
    ["M0314: An index is 2, outside 0 .. 1; There are 2 entries along axis 1, counted from 0"],
  );
  const loop = (n: number, i: string) =>
    use(`inner fit { minimize sum(p^2) * d.x[${i}]  over p by sgd(lr = 0.1)  for T = ${n} steps }`);
  assertEquals(loop(4, "t"), []);
  assertEquals(loop(5, "t"), [`M0314: An index is 4, ${rows}`]);
  assertEquals(loop(40, "mod(t, 4)"), []);
  const scan = (i: string) =>
    use(`model m(x : [n]) -> [] {
      scan s over ${i} { state h = 0  h' = h + x[i] }
      return s.h[-1]
    }
    gradient m(p) wrt p`);
  assertEquals(scan("i in 0 .. 3"), []);
  assertEquals(scan("i in 0 .. 4"), [`M0314: An index is 4, ${rows}`]);
  assertEquals(scan("i in d.i"), [entry]);
  const embed = "model e(i : int [n]) -> [n, 2] { use t = embedding(3, 2)  return t(i) }\n" +
    "gradient sum(e(d.i)) wrt e.t.table";
  assertEquals(use(embed), ["M0314: Entry [1] of `d.i` is 3, outside 0 .. 2; There are 3 rows, counted from 0"]);
});

const bounds = "outside -2147483647 .. 2147483647; An int has 32 bits";

Deno.test("results beyond 32 bits", () => {
  const start = "param w = 1\ndata d { a : int [2] = [2000000000, 5]  b : int [2] = [2000000000, -7] }\n";
  const use = (text: string) => said(`${start}gradient w * (${text}) wrt w`);
  const beyond = (what: string, value: number, place = "") => [`M0314: The ${what} is ${value}${place}, ${bounds}`];
  assertEquals(use("(d.a + d.b)[0]"), beyond("result of `+`", 4e9, " at [0]"));
  assertEquals(use("(0 - d.a - d.b)[0]"), beyond("result of `-`", -4e9, " at [0]"));
  assertEquals(use("(d.a * d.b)[0]"), beyond("result of `*`", 4e18, " at [0]"));
  assertEquals(use("d.a[0] * 2"), beyond("result of `*`", 4e9));
  assertEquals(use("-2147483647 - d.a[1] + 4"), beyond("result of `-`", -2147483652));
  assertEquals(use("sum(d.a + 2147483)"), []);
  assertEquals(use("sum(d.a + 147483638)"), beyond("`sum`", 2147483638 + 147483643));
  assertEquals(use("sum(concat(d.a, d.a))"), beyond("`sum`", 4000000010));
  assertEquals(use("sum(stack(d.a, d.a), axis = -1)[0]"), beyond("`sum`", 4e9, " at [0]"));
  assertEquals(use("sum(range(100000))"), beyond("`sum`", 4999950000));
  assertEquals(use("sum(1.0 * d.a) + sum(1.0 * d.a)"), []);
  assertEquals(use("sum(d.a - d.b)"), []);
  assertEquals(use("sum(t * 1000000 for t in 0 .. 2147)"), []);
  assertEquals(use("sum(t * 1000000 for t in 0 .. 2148)"), beyond("result of `*`", 2148000000));
  const loop = (n: number) =>
    said(
      `param v = 0\ninner fit { minimize (v - 1)^2 * (t * 1000000)  over v by sgd(lr = 1e-12)  for T = ${n} steps }`,
    );
  assertEquals(loop(2148), []);
  assertEquals(loop(2149), beyond("result of `*`", 2148000000));
  const schedule = (n: number) =>
    said(`param k = 1
param v = 0
inner fit { minimize (v - k)^2  over v by sgd(lr = 0.1)  for T = 2 steps }
outer top { minimize (v@T)^2  over k by sgd(lr = 0.1)  for ${n} steps }
override top { lr@t = 1e-9 * (t * 1000000) }
`);
  assertEquals(schedule(2148), []);
  assertEquals(schedule(2149), beyond("result of `*`", 2148000000));
});

/** Equations that look, in all functions of a program. */
function checks(text: string, tasks: readonly string[] = []): number {
  const { program, diagnostics } = compiled(text, {}, tasks);
  assert(program !== undefined, diagnostics.map((d) => d.title).join("\n"));
  return functionsOf(program!).reduce((n, { fn }) => n + countChecks(fn), 0);
}

function countChecks(fn: IrFunction): number {
  return fn.equations.reduce((n, e) => n + (e.op === "check" ? 1 : 0) + (bodyOf(e) ? countChecks(bodyOf(e)!) : 0), 0);
}

Deno.test("nothing looks where ranges show that nothing can go wrong", () => {
  for (const folder of ["../../../examples/", "../../programs/good/"]) {
    for (const { name } of Deno.readDirSync(new URL(folder, import.meta.url))) {
      if (!name.endsWith(".meta")) continue;
      const read = (path: string) => Deno.readFileSync(new URL(folder + path, import.meta.url));
      const { program } = compileProgram({
        root: { name, text: new TextDecoder().decode(read(name)) },
        readSource: (path) => new TextDecoder().decode(read(path)),
        readData: read,
        findData: findIn(new URL(folder, import.meta.url)),
      });
      for (const { fn } of functionsOf(program!)) assertEquals(countChecks(fn), 0, `${name}: ${fn.name}`);
    }
  }
  const maml = (ways: string, labels: string, more = "") =>
    `task t { split s { x : [6, 4] ~ normal(0, 1)  y : int [6] ${labels} } }
model net(x : [n, 4]) -> [n, 3] { use l = dense(3)  return l(x) }
inner fit { minimize cross_entropy(net(s.x), ${ways})  over net by sgd(lr = 0.1)  for T = 3 steps }
outer train { minimize cross_entropy(net@T(s.x), ${ways})  across 2 t  over net@0 by adam(lr = 0.1)  for 4 steps }
evaluate test { across 2 t  report accuracy(net@T(s.x), ${ways}) }
${more}`;
  assertEquals(checks(maml("s.y", "= [0, 1, 2, 0, 1, 2]")), 0);
  assertEquals(checks(maml("argmax(s.x) - 1", "= 0")) > 0, true);
  assertEquals(checks(maml("mod(argmax(s.x), 3)", "= 0")), 0);
  // a script is asked for what is read as labels, and looked at as it answers
  assertEquals(checks(maml("s.y", ""), ["t"]), 0);
  assertEquals(checks(maml("s.y + 1", ""), ["t"]) > 0, true);
});

Deno.test("a number that is too large for exact whole numbers is a float", () => {
  const { diagnostics } = compiled("let n = 3000000000 * 3000001\nparam w : [n] = 0\ngradient sum(w) wrt w");
  assertStringIncludes(diagnostics[0]!.title, "9000003000000000");
});

Deno.test("a record of a task that there is not", () => {
  const text = (task: number) =>
    `task t { split s { k : [1] ~ uniform(0, 1) } }
param w = 0
inner fit { minimize (w - s.k[0])^2  over w by sgd(lr = 0.1)  for T = 2 steps }
outer top { minimize (w@T - s.k[0])^2  across 2 t  over w@0 by sgd(lr = 0.1)  for 2 steps }
record w@* of task ${task}`;
  assertEquals(said(text(1)), []);
  assertEquals(said(text(2)), ["M0314: There is no task 2: `top` has tasks 0 .. 1; undefined"]);
});
