// Does evaluating an expression ever go wrong in our own code? Every builtin, operator and index with every kind of argument,
// wrong ones included: a mistake is a diagnostic, never an exception, and a tensor has the shape that it says it has.
import { assertEquals } from "@std/assert";
import type { Expression } from "../../../dsl/syntax/ast.ts";
import { builtins } from "../../../dsl/builtins/builtins.ts";
import { openFunction } from "../../../dsl/elaborate/functions.ts";
import { DiagnosticSink } from "../../../dsl/diagnostics/diagnostic.ts";
import { moduleScope, newElaboration } from "../../../dsl/world/report.ts";
import type { Context, Elaboration, Value } from "../../../dsl/world/world.ts";
import type { StaticValue } from "../../../dsl/world/value_kinds.ts";
import { language } from "../../../dsl/evaluate/language.ts";
import { evaluate } from "../../../dsl/evaluate/expressions.ts";
import { readInputs } from "../../../dsl/data/inputs.ts";
import { readLoops } from "../../../dsl/loops/loops.ts";
import { loadModules } from "../../../dsl/modules/modules.ts";
import { parseProgram } from "../../../dsl/parse/parse.ts";
import { some } from "../../thorough.ts";

const definitions = `edition 1
input K : int = 3
data d {
  m : [3, 2] ~ normal(0, 1)
  c : [2, 2, 4, 4] ~ normal(0, 1)
  v : [3] ~ normal(0, 1)
  s : [] ~ normal(0, 1)
  i : int [3] = [0, 1, 2]
  b : bool [3] = [true, false, true]
}
fn f(a) = a * a
model net(x : [n, 2]) -> [n, 1] { use l = dense(1)  return l(x) }
inner fit { minimize mean(net(d.m)^2)  over net  by sgd(lr = 0.1)  for T = 2 steps }
`;

/** One argument of every kind. */
const palette = [
  "3",
  "-1.5",
  "true",
  "K",
  "size(d.m, 0)",
  "[3, 2]",
  "[-1, 0.5, 2]",
  "[[1, 2], [3, 4]]",
  "d.m",
  "d.c",
  "d.v",
  "d.s",
  "d.i",
  "d.b",
  "d",
  "f",
  "net",
  "fit",
  "fit.lr",
  "normal(0, 1)",
  "nothing_of_that_name",
  "net@T",
];

function openProgram(): { el: Elaboration; cx: () => Context; sink: DiagnosticSink } {
  const sink = new DiagnosticSink();
  const modules = loadModules({ name: "a.meta", text: definitions }, () => undefined, sink);
  const inputs = new Map<string, StaticValue>();
  const el = newElaboration({ modules, sink, precision: "f64", evaluator: language, inputs });
  readInputs(el, inputs, {});
  readLoops(el);
  assertEquals(sink.diagnostics.map((d) => d.title), []);
  const options = { consumer: "", scope: moduleScope(modules.root), persistent: new Set<string>() };
  return { el, cx: () => openFunction(el, "check", options).cx, sink };
}

function parseExpression(text: string): Expression {
  const { program, diagnostics } = parseProgram({ name: "a.meta", text: `edition 1 let a = ${text}` });
  assertEquals(diagnostics.map((d) => d.title), [], text);
  const item = program.items[1];
  if (item?.kind !== "Let") throw new Error(text);
  return item.value;
}

/** Evaluates each text, or some; says which threw, and which tensors are not what they say. */
function wrongOnes(texts: readonly string[]): string[] {
  const { cx } = openProgram();
  const wrong: string[] = [];
  let context = cx();
  some(texts, 600).forEach((text, i) => {
    // a fresh function now and then keeps builders small
    if (i % 200 === 0) context = cx();
    const expression = parseExpression(text);
    let value: Value;
    try {
      value = evaluate(context, expression);
    } catch (error) {
      wrong.push(`${text}: ${(error as Error).message}`);
      context = cx();
      return;
    }
    if (value.kind !== "tensor") return;
    const shape = value.dims.map((d) => d.size);
    if (shape.join() !== value.variable.shape.join()) {
      wrong.push(`${text}: says [${shape}] and is [${value.variable.shape}]`);
    }
  });
  return wrong;
}

Deno.test("no builtin throws, whatever its arguments", () => {
  const texts: string[] = [];
  for (const { name, arity: [least, most], named } of builtins.values()) {
    const counts = Array.from({ length: Math.min(most, 3) - least + 1 }, (_, i) => least + i);
    for (const n of counts) {
      if (n === 0) texts.push(`${name}()`);
      if (n === 1) texts.push(...palette.map((a) => `${name}(${a})`));
      if (n === 2) texts.push(...palette.flatMap((a) => palette.map((b) => `${name}(${a}, ${b})`)));
      if (n === 3) texts.push(...palette.flatMap((a) => palette.map((b) => `${name}(${a}, ${b}, d.v)`)));
    }
    const first = Array.from({ length: least }, () => "d.m").join(", ");
    for (const option of named) {
      for (const value of [...palette, "0", "1", "-1", "-2", "7", "[0, 1]", "[0, 0]", "[9]"]) {
        texts.push(`${name}(${first}, ${option} = ${value})`, `${name}(d.c, ${option} = ${value})`);
      }
    }
  }
  assertEquals(wrongOnes(texts), []);
});

Deno.test("no operator, index or comprehension throws, whatever its operands", () => {
  const texts: string[] = [];
  for (const a of palette) {
    texts.push(
      `-(${a})`,
      `(${a})[0]`,
      `(${a})[-1]`,
      `(${a})[5]`,
      `(${a})[0, 1, 1]`,
      `(${a})@0`,
      `(${a})@T`,
      `(${a})(d.m)`,
    );
    texts.push(`sum(${a} for t in 0 .. 2)`, `stack(${a} for t in 0 .. 2)`, `f(${a} for t in 0 .. 2)`, `(${a}).x`);
    texts.push(`sum(d.v[t] * (${a}) for t in 0 .. 2)`, `[${a}]`, `sum(d.v for t in 0 .. (${a}))`, `d.m |> (${a})`);
    for (const b of palette) {
      for (const op of ["+", "-", "*", "/", "^", "==", "<"]) texts.push(`(${a}) ${op} (${b})`);
      texts.push(`[${a}, ${b}]`, `(${a})[${b}]`, `(${a})@(${b})`, `(${a})(${b})`);
    }
  }
  assertEquals(wrongOnes(texts), []);
});

Deno.test("no function or layer of the standard library throws, whatever its arguments", () => {
  const texts: string[] = [];
  const { el } = openProgram();
  for (const module of el.modules.library) {
    for (const { name, item } of module.own.values()) {
      if (item.kind === "Function") {
        const rest = item.formals.slice(1).map((f) => f.default ? undefined : "d.m").filter((x) => x !== undefined);
        for (const a of palette) {
          texts.push(`${name}(${[a, ...rest].slice(0, item.formals.length).join(", ")})`);
          if (rest.length > 0) texts.push(...palette.map((b) => `${name}(${[a, b, ...rest.slice(1)].join(", ")})`));
        }
      }
      if (item.kind === "Model" || item.kind === "Optimizer") texts.push(...palette.map((a) => `${name}(${a})`));
    }
  }
  assertEquals(wrongOnes(texts), []);
});
