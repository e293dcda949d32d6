// Does a mistake get one error, in words that help? The snapshot holds each program and what is said about it.
import { assert, assertEquals } from "@std/assert";
import { DiagnosticSink } from "../../../../dsl/diagnostics/diagnostic.ts";
import { keywords } from "../../../../dsl/syntax/keywords.ts";
import { tokenize } from "../../../../dsl/parse/tokens/lexer.ts";
import { parseProgram } from "../../../../dsl/parse/parse.ts";
import { renderDiagnostics } from "../../../../dsl/diagnostics/render.ts";
import { some } from "../../../thorough.ts";
import { snapshotOf } from "../../../snapshot.ts";

const snapshots = snapshotOf(import.meta.url);

function rendered(text: string): string {
  const source = { name: "p.meta", text };
  const sink = new DiagnosticSink();
  for (const draft of parseProgram(source).diagnostics) sink.report(draft);
  return renderDiagnostics(sink.diagnostics, new Map([[source.name, source]]));
}

const mistakes: Record<string, readonly string[]> = {
  "misspelt words": [
    "inner fit {\n  minimise mse(net(x), y)\n  over net\n  by sgd(lr = 0.1)\n  for T = 5 steps\n}",
    "modell m(x) { return x }\nlet y = 3",
    "task t {\n  splt support { x = 3 }\n}",
    "optimizer o(lr) {\n  sate v = 0\n  p' = p\n}",
    "inner fit {\n  Over net\n}",
    "foo",
  ],
  "words of other languages": [
    "def f(x) = x",
    "x = 3",
    "let y = a if b else c",
    "let x = [x for x in xs]",
    "fn f(x) { x }",
    "fn f(x): x",
    "let y : int = 3",
    'import * from "x.meta"',
    "let y = a ** 2  # square\nlet z = 1;",
    "data d { x : [2] = [1, 2], y : [2] = [1, 2] }",
    "inner fit {\n  over = mlp\n}",
    "inner fit {\n  batch: 64\n}",
    "inner fit {\n  over mlp\n  lr = 0.1\n}",
    "override fit { lr : 0.1 }",
    "let y = 2x + 1",
    "let y = +3",
    'let y = "abc"',
    "let λ = 3",
  ],
  "forgotten pieces": [
    "inner fit {\n  minimize\n  over net\n}",
    "let y =\n\ninner fit { over x }",
    "let y = 1 + \nlet z = 3",
    "inner fit {\n  for T = 5\n  over net\n}",
    "inner fit {\n  for 5 epochs\n  over net\n}",
    "record a.b every 100",
    "outer o {\n  across sinusoid\n  over mlp\n}",
    "outer o {\n  across 25\n  over mlp\n}",
    "inner f { batch 64 train }",
    "param s : [3] = 0 in [0, 1]",
    "let y = mean(x for t = 1 .. 3)",
    "let y = sum(t in 1 .. 3)",
    "evaluate test { across 600 sinusoid for T = 10 steps report x at 0 .. 10 }",
    "gradient y wrt a expect { a = 3 }",
    "gradient y",
    "model m(x) {\n  W : [1, 2] = 0\n}",
    "optimizer o(lr) {\n  p = p - lr * g\n}",
    "override fit { lr }",
    "data d from d.csv { x : [2] }",
    "import dense from layers.meta",
    "import dense",
    "memory 2",
    "input K : ",
    "task t { x }",
    "inner {\n  over x\n}",
    "let y = x.",
    "let y = f(a b)",
  ],
  "brackets": [
    "inner fit {\n  minimize mse(net(x), y\n  over net\n  by sgd(lr = 0.1)\n}\nlet y = 2",
    "inner fit {\n  minimize mse(net(x), y)\n  over net\n\nouter train {\n  minimize 3\n}",
    "override fit {\n  lr = 0.1\n\ngradient x wrt y",
    "inner fit {\n  minimize mse(net(x), y)\n  over net\n",
    "let y = (1 + 2\nlet z = 3",
    "let y = [1, 2",
    "}\nlet y = 3",
    "let y = 3)\nlet x = 2",
    "inner fit {\n  by adam(lr = 1e-3\n  for 10 steps\n}",
  ],
  "out of place": [
    "let for = 3",
    "let y = w@-1",
    "let y = a == b == c",
    "let y = x |> f + 1",
    "let y = x |> -f",
    "let y = f(a + b = 3)",
    "let y = sum(x for t in 1 .. 3, 4)",
    "inner fit { for 2 = 5 steps }",
    "override fit { lr[2] = 0.1 }",
    "model m(x) {\n  fn f(x) = x\n  return x\n}",
    "let y = 3\nreturn y",
    "minimize x\nover y",
    "evaluate test { minimize 3 }",
    "inner fit { across 25 sinusoid }",
    "gradient a wrt b wrt c",
    "let y = 1e999",
    "let y = 1__0",
  ],
};

for (const [kind, programs] of Object.entries(mistakes)) {
  Deno.test(`a syntax error is said in the language's words: ${kind}`, async (t) => {
    for (const program of programs) await t.assertSnapshot(`${program}\n\n${rendered(program)}`, snapshots);
  });
}

Deno.test("one mistake gives one error", () => {
  for (const program of Object.values(mistakes).flat()) {
    const expected = program.includes("**") ? 3 : 1;
    assertEquals(parseProgram({ name: "p.meta", text: program }).diagnostics.length, expected, program);
  }
});

Deno.test("two mistakes in different members give two errors", () => {
  const program = `inner fit {
    minimise mse(net(x), y)
    over     net
    by       sgd(lr = 0.1)
    for      T = 5 steps
  }
  let y = 3 x
  let z = 4
  task t {
    splt s { x = 3 }
  }`;
  const titles = parseProgram({ name: "p.meta", text: program }).diagnostics.map(({ title }) => title);
  assertEquals(titles, [
    "`minimise` starts no clause of an `inner`",
    "`x` cannot follow `3`",
    "`splt` starts no member of a `task`",
  ]);
});

Deno.test("what follows a mistake is still in the tree", () => {
  const { program } = parseProgram({
    name: "p.meta",
    text: "inner fit {\n  minimise mse(x, y)\n  over net\n  for T = steps\n}\nlet y = 3 +\nlet z = 4\nrecord z",
  });
  assertEquals(program.items.map(({ kind }) => kind), ["Inner", "Let", "Let", "Record"]);
  const [inner] = program.items;
  assertEquals(inner?.kind === "Inner" && inner.clauses.map(({ kind }) => kind), ["Over", "For"]);
});

Deno.test("a wrong token in an example gives one error, nearly always", async () => {
  // Every token of every example, left out, doubled, or replaced by a keyword: what is still a program is not counted.
  const counts = new Map<number, number>();
  for await (const entry of Deno.readDir(new URL("../../../../examples/", import.meta.url))) {
    if (!entry.name.endsWith(".meta")) continue;
    const text = await Deno.readTextFile(new URL(`../../../../examples/${entry.name}`, import.meta.url));
    const tokens = tokenize({ name: "p.meta", text }).tokens;
    for (const [i, { startOffset, endOffset, image }] of some([...tokens.entries()], 60)) {
      const other = [" ", `${image} ${image}`, keywords[i % keywords.length]!.word][i % 3]!;
      const changed = text.slice(0, startOffset) + other + text.slice(endOffset! + 1);
      const errors = parseProgram({ name: "p.meta", text: changed }).diagnostics.length;
      counts.set(errors, (counts.get(errors) ?? 0) + 1);
    }
  }
  const many = [...counts].filter(([errors]) => errors > 1).reduce((sum, [_errors, count]) => sum + count, 0);
  const one = counts.get(1) ?? 0;
  assert(one > 500, `${one} programs with one error`);
  assert(many <= one / 100, `${many} programs with several errors, ${one} with one`);
});
