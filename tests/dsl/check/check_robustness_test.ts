// Can a program break the tool? Mutants of the examples, and programs made to be nasty: whatever they say, compiling returns,
// and what has no error lowers to well-formed functions.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type CompileOutput, compileProgram } from "../../../dsl/compile.ts";
import { functionsOf } from "../../../runtime/program/program.ts";
import type { InputValues } from "../../../dsl/data/inputs.ts";
import { renderDiagnostics } from "../../../dsl/diagnostics/render.ts";
import { expandGradients } from "../../../runtime/autodiff/expand_gradients.ts";
import { verifyFunction } from "../../../runtime/ir/verify.ts";
import { edits, mutate } from "../program_mutations.ts";
import { cases } from "../../thorough.ts";

const folder = new URL("../../../examples/", import.meta.url);
const names = ["toy", "sinusoid_maml", "per_layer_rates", "learned_optimizer", "l2_per_coordinate"];

function readText(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(new URL(path, folder));
  } catch {
    return undefined;
  }
}

function compileText(text: string, inputs: InputValues = {}): CompileOutput {
  const readData = (path: string) => {
    const found = readText(path);
    return found === undefined ? undefined : new TextEncoder().encode(found);
  };
  return compileProgram({ root: { name: "mutant.meta", text }, readSource: readText, readData, inputs });
}

/** Compiles, renders, prints and verifies: everything that must not throw. Returns the codes of the errors. */
function exercise(text: string, inputs: InputValues = {}): string[] {
  const out = compileText(text, inputs);
  renderDiagnostics(out.diagnostics, out.sources);
  out.emit("checked");
  const errors = out.diagnostics.filter((d) => d.severity === "error");
  assertEquals(out.program === undefined, errors.length > 0, "a program exactly when there is no error");
  for (const { fn, inputs } of out.program ? functionsOf(out.program) : []) {
    assertEquals(fn.inputs.length, inputs.length);
    verifyFunction(fn, { allowGradient: true });
    verifyFunction(expandGradients(fn));
  }
  return errors.map((d) => d.code);
}

Deno.test("compileProgram() returns for every mutant of the examples, and lowers those without errors", () => {
  const texts = names.map((name) => readText(`${name}.meta`)!);
  fc.assert(
    fc.property(fc.nat(texts.length - 1), edits, (which, list) => void exercise(mutate(texts[which]!, list))),
    { numRuns: cases(6, 60), seed: 20 },
  );
});

/** Wraps an expression into a program that runs it. */
function around(expression: string, more = ""): string {
  return `edition 1\nparam w : [] = 0.5\n${more}\ninner fit {\n  minimize ${expression}\n  over w\n  by sgd(lr = 0.1)\n  for T = 3 steps\n}\n`;
}

/** m0(m1.w), m1(m2.w), …: a parameter is shaped by the call of the gradient before. */
function modelChain(length: number, last: string, backwards = false): string {
  const indices = Array.from({ length }, (_, i) => i);
  const models = indices.map((i) => `model m${i}(x : [n]) -> [n] { w : [2] = 0.5  return x * w }`);
  const gradients = indices.map((i) => `gradient sum(m${i}(${i < length - 1 ? `m${i + 1}.w` : last})) wrt m${i}.w`);
  const items = [...models, ...gradients];
  return ["edition 1 data d { x : [2] = [1, 2] }", ...backwards ? items.toReversed() : items].join("\n");
}

const fit = "inner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = 3 steps }";

const nasty: Readonly<Record<string, readonly [text: string, codes: readonly string[]]>> = {
  "an empty program": ["", []],
  "only an edition": ["edition 1", []],
  "only a comment": ["// nothing\n", []],
  "only a model": ["edition 1 model net(x : [n, 2]) -> [n, 1] { use l = dense(1)  return l(x) }", []],
  "only an unused sized model": [
    "edition 1 model block(units : int, init = glorot())(x : [n, m]) -> [n, units] { W : [m, units] ~ init  return dot(x, W) }",
    [],
  ],
  "an inner without users": [around("(w - 1)^2"), []],
  "a model that contains itself through another": [
    `edition 1
    model a(x : [n, 2]) -> [n, 2] { use inside = b  return inside(x) }
    model b(x : [n, 2]) -> [n, 2] { use inside = a  return inside(x) }
    inner fit { minimize mean(a([[1, 2]])^2)  over a  by sgd(lr = 0.1)  for T = 3 steps }`,
    ["M0210"],
  ],
  "models that call each other": [
    `edition 1
    model a(x : [n, 2]) -> [n, 2] { w : [] = 1  return w * b(x) }
    model b(x : [n, 2]) -> [n, 2] { w : [] = 1  return w * a(x) }
    inner fit { minimize mean(a([[1, 2]])^2)  over a, b  by sgd(lr = 0.1)  for T = 3 steps }`,
    ["M0210"],
  ],
  "functions that call each other": [
    around("f(w)", "fn f(x) = g(x) + g(x)\nfn g(x) = f(x) * f(x) * f(x)"),
    ["M0210"],
  ],
  "a function that calls itself many times": [around("f(w)", "fn f(x) = f(x) + f(x) + f(x) + f(x)"), ["M0210"]],
  "a function handed to itself": [around("f(f)", "fn f(g) = g(g)"), ["M0210"]],
  "lets in a circle of three": ["edition 1 let a = b let b = c let c = a", ["M0210"]],
  "a param whose size is itself": ["edition 1 param w : [w] = 1", ["M0210"]],
  "loops that use each other": [
    `edition 1 param w : [] = 1 param u : [] = 1
    inner a { minimize w^2 + u@T  over w  by sgd(lr = 0.1)  for T = 2 steps }
    inner b { minimize u^2 + w@T  over u  by sgd(lr = 0.1)  for T = 2 steps }
    gradient w@T wrt a.lr`,
    ["M0210"],
  ],
  "an optimizer without p'": [
    "edition 1 optimizer o(lr) { state v = 0  v' = g }\n" +
    around("(w - 1)^2").replace("edition 1", "").replace("sgd", "o"),
    ["M0104"],
  ],
  "an optimizer without members": [
    "edition 1 optimizer o(lr) { }\n" + around("(w - 1)^2").replace("edition 1", "").replace("sgd", "o"),
    ["M0104"],
  ],
  "a state of another shape": [
    "edition 1 optimizer o(lr) { state v : [2] = g  v' = v  p' = p - lr * g }\n" +
    around("(w - 1)^2").replace("edition 1", "").replace("sgd", "o"),
    ["M0201"],
  ],
  "40 GB in one tensor": [around("mean(dot(range(100_000) * w, big))", "param big : [100_000, 100_000] = 0"), [
    "M0310",
  ]],
  "10^18 entries": ["edition 1 param big : [1e6, 1_000_000, 1_000_000] = 0", ["M0310"]],
  "an outer product that is too large": [
    around("sum(expand_dims(x, 1) * expand_dims(x, 0)) * w", "param x : [100_000] = 1"),
    ["M0310"],
  ],
  "a range that is too long": [around("w * sum(range(3_000_000_000))"), ["M0310"]],
  "more steps than there are integers": [around("w^2").replace("T = 3", "T = 4_000_000_000"), ["M0306"]],
  "a sum over too many times": [
    `edition 1 param w : [1000] = 0.5
    inner fit { minimize sum(w^2)  over w  by sgd(lr = 0.1)  for T = 2_000_000_000 steps }
    gradient sum(sum(w@t) for t in 0 .. T) + sum(sum(w@t * w@t) for t in 0 .. T) wrt fit.lr`,
    ["M0310"],
  ],
  "a gradient through too many steps": [
    `edition 1 param w : [] = 0.5
    inner fit { minimize w^2  over w  by sgd(lr = 0.1)  for T = 2_000_000_000 steps }
    gradient w@T wrt fit.lr`,
    ["M0310"],
  ],
  "functions that double": [
    around(
      "f39(w)",
      Array.from({ length: 40 }, (_, i) => `fn f${i}(x) = ${i ? `f${i - 1}(x) + f${i - 1}(x)` : "x"}`).join("\n"),
    ),
    ["M0311"],
  ],
  "lets that double": [
    around(
      "a39 * w",
      Array.from({ length: 40 }, (_, i) => `let a${i} = ${i ? `a${i - 1} + a${i - 1}` : "1"}`).join("\n"),
    ),
    [],
  ],
  "computed lets that double": [
    around(
      "a39 * w",
      Array.from({ length: 40 }, (_, i) => `let a${i} = ${i ? `a${i - 1} + a${i - 1}` : "u"}`).join("\n") +
        "\nparam u : [] = 1",
    ),
    [],
  ],
  "a report at too many times": [
    `edition 1 param w : [] = 0.5
    inner fit { minimize w^2  over w  by sgd(lr = 0.1)  for T = 2_000_000_000 steps }
    evaluate e { report (w@t)^2 at t in 0 .. T }`,
    ["M0310"],
  ],
  "names of JavaScript": [
    `edition 1
    input constructor : int = 2
    input toString : float = 1.5
    let valueOf = constructor * toString
    param __proto__ : [constructor] = 0.5
    data hasOwnProperty { prototype : [2] = [1, 2] }
    inner isPrototypeOf {
      minimize sum((__proto__ - hasOwnProperty.prototype)^2) * valueOf
      over __proto__  by sgd(lr = 0.1)  for T = 3 steps
    }
    override isPrototypeOf { momentum = 0.5 }
    gradient sum(__proto__@T) wrt isPrototypeOf.lr, __proto__@0
    record __proto__@*`,
    [],
  ],
  "names of JavaScript that nothing defines": [
    around("w * constructor + toString(w) + __proto__.x + hasOwnProperty"),
    ["M0201", "M0201", "M0201", "M0201"],
  ],
  "types named as in JavaScript": ["edition 1 data d { x : constructor [2] = [1, 2]  y : __proto__ [2] = 0 }", [
    "M0304",
    "M0304",
  ]],
  "members named as in JavaScript": [
    `edition 1 param w : [] = 1\n${fit}\ngradient w@T + fit.constructor + fit.toString@0 wrt fit.__proto__`,
    ["M0201", "M0201", "M0201"],
  ],
  "unicode in names": ["edition 1 param größe : [] = 1", ["M0101"]],
  "models that each read what the next one's call shapes": [modelChain(12, "d.x"), []],
  "the same from the last to the first": [modelChain(12, "d.x", true), []],
  "models in a circle, each shaped by a call that reads the next": [modelChain(12, "m0.w"), ["M0210"]],
  "an override of a loop without rules": [
    `edition 1 param w = 4
    inner fit { minimize (w - 1)^2  for T = 3 steps }
    override fit { momentum = 0.5  lr@t = 0.1 * t }
    gradient (w@T)^2 + fit.loss@T wrt fit.momentum, w@0
    record w@*, fit.loss@*, fit.lr
    evaluate e { for T = 2 steps  report w@t at t in 0 .. T }`,
    ["M0104"],
  ],
  "a table twice, the second of another shape": [
    `edition 1
    data d { x : [2, 1] = [[1], [2]] }
    model m(x : [n, 1]) -> [n, 1] { w : [1, 1] = 0  return dot(x, w) }
    inner fit { minimize mean(m(d.x))  over m  by sgd(lr = 0.1)  for T = 5 steps }
    data d from "toy.csv" { x : [100] }`,
    ["M0202"],
  ],
  "10_000 parentheses": [around(`${"(".repeat(10_000)}w${")".repeat(10_000)}`), ["M0102"]],
  "10_000 terms": [around(`w${" + w".repeat(10_000)}`), ["M0102"]],
  "10_000 pipes": [around(`w${" |> relu".repeat(10_000)}`), ["M0102"]],
  "100 nested functions": [
    around("f99(w)", Array.from({ length: 100 }, (_, i) => `fn f${i}(x) = ${i ? `f${i - 1}(x) + 1` : "x"}`).join("\n")),
    [],
  ],
  "2000 nested lets": [
    "edition 1 " + Array.from({ length: 2000 }, (_, i) => `let a${i} = ${i ? `a${i - 1} + 1` : "1"}`).join("\n") +
    "\nparam w : [a1999] = 1\n" + fit.replace("(w - 1)^2", "sum(w^2)"),
    ["M0311"],
  ],
  "deep expressions in deep functions": [
    around(
      "f19(w)",
      Array.from({ length: 20 }, (_, i) => `fn f${i}(x) = ${i ? `f${i - 1}(x)` : "x"}${" + x".repeat(400)}`).join("\n"),
    ),
    ["M0311"],
  ],
  "a negative number of steps": [around("w^2").replace("T = 3", "T = -3"), ["M0306"]],
  "an infinite number of steps": [around("w^2").replace("T = 3", "T = inf"), ["M0306"]],
  "no steps": [around("w^2").replace("T = 3", "T = 0"), ["M0306"]],
  "not a number": [around("w^2 * (0 / 0) * (inf - inf)"), []],
  "an objective that is a constant": [around("3"), []],
  "an objective that is a size": [around("size([1, 2])"), []],
  "a list of nothing": [around("sum([]) * w"), ["M0304"]],
  "a list of lists of different lengths": [around("sum([[1, 2], [3]]) * w"), ["M0301"]],
  "a clip by something computed": [around("w^2").replace("for T", "clip norm w  for T"), ["M0401"]],
  "everything reserved": [
    "edition 1 optimizer o(p, lr) { state g = 0  let t = 1  p' = p - lr * g }",
    ["M0202", "M0202", "M0202"],
  ],
  "a rate that is computed, at a time that is none": [
    `edition 1 param w : [] = 1 param s : [] = 1
    inner fit { minimize w^2 over w by sgd(lr = 0.1 * s) for T = 3 steps }
    evaluate e { report w@T  report fit.lr@9 }`,
    ["M0402"],
  ],
  "a record of everything wrong": [
    `edition 1 param w : [] = 1\n${fit}\nrecord fit, fit.T, fit.loss, fit.lr, w@1, w@t, fit.loss@0, nothing, w, w@*\nrecord w@* every 0 steps`,
    ["M0203", "M0203", "M0401", "M0503", "M0402", "M0402", "M0401", "M0201", "M0401", "M0306"],
  ],
};

Deno.test("compileProgram() refuses loops that start from each other, more than 600 deep", () => {
  const loop = (i: number) =>
    `inner l${i} { minimize w^2 over w by sgd(lr = 0.1) for T = 1 steps ${i < 649 ? `from l${i + 1}@T` : ""} }`;
  const loops = Array.from({ length: 650 }, (_, i) => loop(i));
  assertEquals(exercise(`edition 1 param w = 1\n${loops.join("\n")}\ngradient w@(l0.T) wrt w@0`), ["M0311"]);
});

for (const [name, [text, codes]] of Object.entries(nasty)) {
  Deno.test(`compileProgram() survives ${name}`, () => {
    const found = exercise(text);
    assertEquals(found, codes, found.join());
  });
}

Deno.test("values from outside with names of JavaScript are only values that were given", () => {
  assertEquals(exercise("edition 1 input constructor : int\n", {}), ["M0603"]);
  assertEquals(exercise("edition 1 input toString : int = 1\n", { __proto__: 1 } as InputValues), []);
  assertEquals(exercise("edition 1\n", JSON.parse('{ "__proto__": 1, "constructor": 2 }')), ["M0603"]);
});
