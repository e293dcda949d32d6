// Is the work that a stranger's text can ask for bounded? Random nested and huge texts under the untrusted limits: they end,
// with no more equations, mistakes and words than the limits allow. And what grew faster than the text, counted.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { compileProgram } from "../../dsl/compile.ts";
import { DiagnosticSink } from "../../dsl/diagnostics/diagnostic.ts";
import { parseProgram } from "../../dsl/parse/parse.ts";
import { renderDiagnostics } from "../../dsl/diagnostics/render.ts";
import { rangesInside } from "../../runtime/autodiff/float_ranges.ts";
import { Builder, newVariable } from "../../runtime/ir/builder.ts";
import { anyFinite } from "../../runtime/ir/float_range.ts";
import { bodyOf, type Variable } from "../../runtime/ir/types.ts";
import { untrustedLimits, usualLimits } from "../../runtime/limits.ts";
import { functionsOf } from "../../runtime/program/program.ts";
import { cases } from "../thorough.ts";
import { findIn } from "../found_files.ts";

const repeated = (n: number, make: (i: number) => string, between = " ") =>
  Array.from({ length: n }, (_, i) => make(i)).join(between);

/** Programs that grow, each in another way, with a number. */
const growing: Readonly<Record<string, (n: number) => string>> = {
  "functions that call the one before twice": (n) =>
    `param w = 1 fn f0(x) = x ${repeated(n, (i) => `fn f${i + 1}(x) = f${i}(x) * f${i}(x)`)} gradient f${n}(w) wrt w`,
  "models that use the one before twice": (n) =>
    `model m0(x : [n]) -> [n] { w : [] = 1 return w * x }
     ${repeated(n, (i) => `model m${i + 1}(x : [n]) -> [n] { use a = m${i} use b = m${i} return a(b(x)) }`)}
     gradient sum(m${n}([1, 2])) wrt m${n}`,
  "outers in each other": (n) =>
    `param w = 1 ${repeated(n + 1, (i) => `param t${i} = 0.5`)}
     inner fit { minimize (w - t0)^2 over w by sgd(lr = 0.1) for T = 2 steps }
     ${
      repeated(
        n,
        (i) =>
          `outer o${i} { minimize ${i ? `(t${i - 1}@K${i - 1} - t${i + 1})^2` : "(w@T - t1)^2"} over t${i}
       by sgd(lr = 0.1) for K${i} = 2 steps }`,
      )
    }`,
  "brackets in brackets": (n) => `let a = ${"[".repeat(n)}1${"]".repeat(n)}`,
  "blocks that are not closed": (n) => "model m(x : [n]) -> [n] {\n".repeat(n),
  "lists that are not closed": (n) => "inner a { minimize (w\n".repeat(n),
  "signs that mean nothing": (n) => "§ $ ;\n".repeat(n),
  "names that nothing defines": (n) => repeated(n, (i) => `let a${i} = b${i}`, "\n"),
  "arrays that double": (n) =>
    `param w = 1 let a0 = [w, w] ${
      repeated(n, (i) => `let a${i + 1} = concat(a${i}, a${i})`)
    } gradient sum(a${n}) wrt w`,
  "steps": (n) =>
    `param w = 1 inner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = ${
      10 ** Math.min(n, 300)
    } steps } gradient w@T wrt fit.lr`,
  "a long sum": (n) => `param w = 1 gradient w${" + w".repeat(n)} wrt w`,
  "axes": (n) => `param w : [${repeated(n, () => "1", ", ")}] = 1 gradient sum(w) wrt w`,
  "a long name": (n) => `let ${"a".repeat(n)} = b`,
  "comments": (n) => "// nothing\n".repeat(n),
  "sums over sums": (n) =>
    `param w = 1 gradient ${repeated(n, () => "sum(", "")}w${repeated(n, (i) => ` for t${i} in 0 .. 9)`, "")} wrt w`,
};

/** Definitions that each take as much as a function may are tried in small numbers: it is each function that has a limit. */
const most: Readonly<Record<string, number>> = {
  "models that use the one before twice": 8,
  "outers in each other": 10,
};

const size = fc.oneof(fc.nat(12), fc.nat(100), fc.nat(2000), fc.nat(20_000));
const programs = fc.array(fc.tuple(fc.constantFrom(...Object.keys(growing)), size), { minLength: 1, maxLength: 2 });

Deno.test("texts that grow in any way end with bounded work under the untrusted limits", () => {
  const limits = untrustedLimits;
  fc.assert(
    fc.property(programs, (parts) => {
      const text = `edition 1\n${parts.map(([kind, n]) => growing[kind]!(Math.min(n, most[kind] ?? n))).join("\n")}`;
      const before = newVariable({ dtype: "f32", shape: [] }).id;
      const out = compileProgram({
        root: { name: "stranger.meta", text },
        readSource: () => undefined,
        readData: () => undefined,
        limits,
      });
      const written = newVariable({ dtype: "f32", shape: [] }).id - before;
      // each function is written a few times (checked, lowered, its losses and where they begin), and each equation has
      // a few variables at most; those of an unread text are none
      const functions = 20 + 20 * parts.reduce((sum, [, n]) => sum + Math.min(n, 20), 0);
      assert(written <= 4 * limits.equations * functions, `${written} variables`);
      assert(out.diagnostics.length <= limits.diagnostics);
      const shown = renderDiagnostics(out.diagnostics, out.sources);
      assert(shown.length <= limits.diagnostics * 12 * (limits.message + 400), `${shown.length} characters`);
      if (text.length > limits.text) assertEquals(out.diagnostics.map((d) => d.code), ["M0107"]);
      if (out.program) {
        for (const { fn } of functionsOf(out.program)) assert(fn.equations.length <= limits.equations);
      }
    }),
    { numRuns: cases(5, 25), seed: 17 },
  );
});

Deno.test("the mistakes in the grammar of a text are looked for up to a number that does not grow with it", () => {
  const mistakes = (n: number, line: string) =>
    parseProgram({ name: "t.meta", text: `edition 1\n${line.repeat(n)}` }).diagnostics.length;
  const most = 10 * usualLimits.diagnostics;
  for (const line of ["let = §\nparam w = 1\n", "# a\n", "model m(x : [n]) -> [n] {\n", "let a = (\nparam w = 1\n"]) {
    assert(mistakes(50, line) > 0, line);
    // the words and the grammar have their mistakes each
    assert(mistakes(3000, line) <= 2 * most, line);
  }
  const apart = "let a = = 1\nparam w = 1\nparam v = 1\n";
  assertEquals(mistakes(most - 1, apart), most - 1);
  assert(mistakes(3000, apart) <= most + 1);
});

Deno.test("near names are looked for while there are not many more mistakes than are shown", () => {
  const sink = new DiagnosticSink({ ...usualLimits, diagnostics: 2 });
  let searched = 0;
  for (let i = 0; i < 100; i++) {
    const at = { source: "a", start: i, end: i };
    sink.report({ code: "M0201", title: "no", at, hint: () => (searched++, "a hint") });
  }
  assertEquals(searched, 21);
  assertEquals(sink.diagnostics.map((d) => d.hint), ["a hint", "a hint"]);
});

Deno.test("a line of a megabyte is shown around its mark, as a short one is", () => {
  const show = (pad: number) => {
    const text = `${"a ".repeat(pad)}here${" b".repeat(pad)}`;
    const span = { source: "t", start: 2 * pad, end: 2 * pad + 4 };
    const d = {
      code: "M0201",
      severity: "error",
      title: "no",
      primary: { span, message: "" },
      secondary: [],
      notes: [],
    } as const;
    return renderDiagnostics([d], new Map([["t", { name: "t", text }]])).split("\n").slice(2);
  };
  assertEquals(show(500_000), show(200));
  assert(show(500_000)[0]!.includes("here"));
});

Deno.test("what an import does not define is said with a part of what it defines", () => {
  const names = repeated(5000, (i) => `let b${i} = 1`, "\n");
  const out = compileProgram({
    root: { name: "t.meta", text: 'edition 1\nimport a from "./b.meta"' },
    readSource: () => `edition 1\n${names}`,
    readData: () => undefined,
  });
  const { notes } = out.diagnostics.find((d) => d.code === "M0201")!;
  assert(notes[0]!.endsWith("`b19` and 4980 others"), notes[0]);
});

Deno.test("the examples need no more than a stranger may ask for", () => {
  const folder = new URL("../../examples/", import.meta.url);
  for (const { name } of Deno.readDirSync(folder)) {
    if (!name.endsWith(".meta")) continue;
    const out = compileProgram({
      root: { name, text: Deno.readTextFileSync(new URL(name, folder)) },
      readSource: (path) => Deno.readTextFileSync(new URL(path, folder)),
      readData: (path) => Deno.readFileSync(new URL(path, folder)),
      findData: findIn(folder),
      limits: untrustedLimits,
    });
    assertEquals(out.diagnostics.filter((d) => d.severity === "error").map((d) => d.title), [], name);
  }
});

Deno.test("the ranges of loops in loops are found in as many looks at a body as there are loops around it, not twice for each", () => {
  const looksAt = (depth: number) => {
    const b = new Builder("f");
    const nest = (at: Builder, x: Variable, level: number): Variable => {
      if (level === 0) return at.apply("add", at.apply("sin", x), at.fill(1, x));
      const scan = at.openScan(`loop ${level}`, 5);
      const carry = scan.carry(x);
      return scan.close([nest(scan.body, carry, level - 1)], []).carry[0]!;
    };
    const fn = b.finish([nest(b, b.input({ dtype: "f64", shape: [] }), depth)]);
    let inner = fn;
    while (inner.equations.some((e) => bodyOf(e))) inner = bodyOf(inner.equations.find((e) => bodyOf(e))!)!;
    const { equations } = inner;
    let looks = 0;
    Object.defineProperty(inner, "equations", { get: () => (looks++, equations) });
    rangesInside(fn, [{ ...anyFinite, low: 0, high: 0 }]).of(fn.outputs[0]!);
    return looks;
  };
  assert(looksAt(3) > 0);
  assert(looksAt(10) <= 10, `${looksAt(10)}`);
});
