// Is each signature true? Sizes are drawn, the call is evaluated, and what comes out has the shape that the line says; then one array is
// changed, and the call is refused exactly where no line of the function allows it.
import { assert, assertEquals } from "@std/assert";
import page from "../../docs/builtins.md" with { type: "text" };
import { builtinsPage } from "./builtins_page.ts";
import { compileProgram } from "../../dsl/compile.ts";
import { builtins, constants } from "../../dsl/builtins/builtins.ts";
import { builtinSignatures, constantSignatures } from "../../dsl/builtins/signatures.ts";
import { DiagnosticSink } from "../../dsl/diagnostics/diagnostic.ts";
import { openFunction } from "../../dsl/elaborate/functions.ts";
import { language } from "../../dsl/evaluate/language.ts";
import { loadModules } from "../../dsl/modules/modules.ts";
import { libraryFiles } from "../../dsl/prelude/library.ts";
import { librarySignatures } from "../../dsl/prelude/signatures.ts";
import { parseProgram } from "../../dsl/parse/parse.ts";
import { known, withLocals } from "../../dsl/world/moments.ts";
import { moduleScope, newElaboration } from "../../dsl/world/report.ts";
import type { Value } from "../../dsl/world/world.ts";
import { type Dice, throwDice } from "../random/dice.ts";
import {
  type ArrayOf,
  type Bound,
  expressionOf,
  formOf,
  type Given,
  holds,
  namesOf,
  type Parameter,
  type ReadSignature,
  readSignature,
  resultOf,
  sizesOf,
} from "./signatures.ts";

const definitions = libraryFiles.flatMap((file) => parseProgram(file).program.items);
const rules = definitions.flatMap((item) => item.kind === "Optimizer" ? [item.name.name] : []);

/** What a call is allowed that its line does not say: an array where a scalar stands that is meant to be one. */
const loose = ["smoothed", "dropout"];

/** Numbers and axes for the names of a signature, under which its condition holds. */
function drawNames(dice: Dice, signature: ReadSignature): Bound {
  const { sizes, axes } = namesOf(signature);
  for (let tries = 0; tries < 1000; tries++) {
    const bound = new Map<string, number | readonly number[]>();
    for (const name of sizes) bound.set(name, dice.int(1, 4));
    for (const name of axes) bound.set(name, Array.from({ length: dice.int(0, 2) }, () => dice.int(1, 4)));
    if (holds(signature.condition, bound)) return bound;
  }
  throw new Error(`No sizes for ${signature.text}`);
}

function drawGiven(dice: Dice, { parts, kind, dtype }: Parameter, bound: Bound): Given {
  const sizes = sizesOf(parts, bound)!;
  if (kind === "number") return sizes[0]!;
  return kind === "list" ? sizes : { shape: sizes, int: dtype === "int" || dtype === "any" && dice.chance(0.3) };
}

/** One array with another size, another number of axes or other numbers. */
function changed(dice: Dice, given: readonly Given[]): readonly Given[] {
  const arrays = given.flatMap((g, i) => typeof g === "object" && "shape" in g ? [i] : []);
  if (arrays.length === 0) return given;
  const k = dice.pick(arrays);
  const { shape, int } = given[k] as ArrayOf;
  const at = dice.int(0, Math.max(0, shape.length - 1));
  const how = dice.int(0, 3);
  const array: ArrayOf = how === 0
    ? { shape: shape.map((n, i) => i === at ? dice.int(1, 5) : n), int }
    : how === 1
    ? { shape: [...shape.slice(0, at), dice.int(1, 3), ...shape.slice(at)], int }
    : how === 2
    ? { shape: shape.filter((_, i) => i !== at), int }
    : { shape, int: !int };
  return given.map((g, i) => i === k ? array : g);
}

const textOf = (parameter: Parameter, given: Given, array: string) => {
  const isTrue = parameter.name === "keep";
  const value = typeof given === "number"
    ? isTrue ? "true" : String(given)
    : "shape" in given
    ? array
    : `[${given.join(", ")}]`;
  return parameter.name === undefined ? value : `${parameter.name} = ${value}`;
};

/** What a call gives: a shape, or nothing where it is refused. */
function evaluated(signature: ReadSignature, given: readonly Given[]): ArrayOf | undefined {
  const { name, sizes, parameters } = signature;
  const own = sizes?.map((p, i) => textOf(p, given[i]!, "")) ?? [];
  const args = given.slice(sizes?.length ?? 0);
  const call = `${sizes ? "layer" : name}(${parameters.map((p, i) => textOf(p, args[i]!, `x${i}`)).join(", ")})`;
  const formals = args.map((g, i) => `x${i} : ${(g as ArrayOf).int ? "int " : ""}[${(g as ArrayOf).shape}]`).join(", ");
  const text = `edition 1\n${
    sizes ? `model probe(${formals}) { use layer = ${name}(${own.join(", ")})  return ${call} }` : ""
  }\n`;
  const sink = new DiagnosticSink();
  const modules = loadModules({ name: "a.meta", text }, () => undefined, sink);
  const el = newElaboration({ modules, sink, precision: "f64", evaluator: language, inputs: new Map() });
  const options = { consumer: "", scope: moduleScope(modules.root), persistent: new Set<string>() };
  const { cx } = openFunction(el, "check", options);
  const locals = args.flatMap((g, i) => {
    if (typeof g === "number" || !("shape" in g)) return [];
    const variable = cx.b.input({ dtype: g.int ? "i32" : "f64", shape: g.shape });
    return [[`x${i}`, known({ kind: "tensor", variable, dims: g.shape.map((size) => ({ size })) })] as const];
  });
  const inside = withLocals(cx, new Map(locals));
  const outer = sizes ? `probe(${args.map((_, i) => `x${i}`).join(", ")})` : call;
  const value: Value = language.evaluate(inside, expressionOf(outer));
  if (sink.hasErrors) return undefined;
  if (value.kind === "tensor") return { shape: value.variable.shape, int: value.variable.dtype === "i32" };
  if (value.kind === "static") return { shape: [value.value], int: false };
  if (value.kind !== "shape") throw new Error(`${call} is a ${value.kind}`);
  return { shape: value.single ? [value.dims[0]!.size] : [value.dims.length], int: false };
}

/** Holds the lines of one function against what it does. */
function check(name: string, lines: readonly string[]): void {
  const signatures = lines.map(readSignature);
  let allowed = 0;
  signatures.forEach((signature, k) => {
    const parameters = [...(signature.sizes ?? []), ...signature.parameters];
    const alike = signatures.filter((other) => formOf(other) === formOf(signature));
    for (let i = 0; i < 24; i++) {
      const dice = throwDice(18, 1000 * k + i);
      const bound = drawNames(dice, signature);
      let given: readonly Given[] = parameters.map((p) => drawGiven(dice, p, bound));
      if (i % 2 === 1) given = changed(dice, given);
      const expected = alike.map((other) => resultOf(other, given)).find((result) => result !== undefined);
      if (expected) allowed++;
      if (!expected && loose.includes(name)) continue;
      assertEquals(evaluated(signature, given), expected, `${signature.text} given ${JSON.stringify(given)}`);
    }
  });
  assert(allowed > 0, name);
}

const compiled = (text: string) =>
  compileProgram({ root: { name: "a.meta", text }, readSource: () => undefined, readData: () => undefined });

/** Halves of a shape. */
const halves = ([n, ...rest]: readonly number[]): string =>
  n === undefined ? "0.5" : `[${Array.from({ length: n }, () => halves(rest)).join(", ")}]`;

/** Draws a parameter of a model, or, where what is drawn is no float, inside of it. */
function drawn(name: string, line: string): void {
  const signature = readSignature(line);
  const { dtype, parts } = signature.result;
  for (let i = 0; i < 4; i++) {
    const bound = drawNames(throwDice(19, i), signature);
    const shape = sizesOf(parts, bound)!;
    const args = () =>
      signature.parameters.map((p) => {
        const given = drawGiven(throwDice(19, i), p, bound);
        return typeof given === "number" ? String(given) : halves("shape" in given ? given.shape : given);
      });
    const call = dtype
      ? `${signature.name}(${args().join(", ")})`
      : line.replace(/ ~ .*/, "").replaceAll(/\w+ : \[\]/g, () => "0.5");
    const text = dtype
      ? `edition 1
fn own() = ${call}
model net(x : []) { W : [${shape}] = 1  draw d : ${dtype} [${shape}] ~ own()  return x * sum(W * d) }
gradient net(2) wrt net.W
`
      : `edition 1
fn own() = ${call}
model net(x : []) { W : [${shape}] ~ own()  return x * sum(W) }
gradient net(2) wrt net.W
`;
    const { diagnostics, emit } = compiled(text);
    assertEquals(diagnostics.map((d) => d.title), [], text);
    assert(emit("checked").includes(`net.W : [${shape.join(", ")}]`), `${name}: ${emit("checked")}`);
  }
}

for (const [name, { shapes }] of [...Object.entries(builtinSignatures), ...Object.entries(librarySignatures)]) {
  if (shapes.length === 0) continue;
  Deno.test(`the signature of ${name} says which shapes it takes and gives`, () => {
    if (shapes[0]!.includes(" ~ ")) shapes.forEach((line) => drawn(name, line));
    else check(name, shapes);
  });
}

Deno.test("every builtin, constant, function, layer and rule has a signature, and no other name has one", () => {
  assertEquals(Object.keys(builtinSignatures).sort(), [...builtins.keys()].sort());
  assertEquals(Object.keys(constantSignatures).sort(), [...constants.keys()].sort());
  const named = definitions.flatMap((item) => "name" in item && item.kind !== "Let" ? [item.name.name] : []);
  assertEquals(Object.keys(librarySignatures).sort(), named.sort());
  const [without, within] = [true, false].map((none) =>
    Object.entries(librarySignatures).flatMap(([name, { shapes }]) => (shapes.length === 0) === none ? [name] : [])
  );
  assertEquals(without!.sort(), [...rules].sort(), "rules alone have no shape of their own");
  assert(within!.length > 40);
});

Deno.test("a rule takes tensors of any shape", () => {
  // `reptile` is for the start of a loop in an outer
  for (const rule of rules.filter((name) => name !== "reptile")) {
    const text = `edition 1
model net(x : []) { W : [2, 3] = 0.1  v : [4] = 0.2  s : [] = 0.3  return x * (sum(W) + sum(v) + s) }
inner fit { minimize net(2)^2  over net  by ${rule}(${rule === "sgd" ? "lr = 0.1" : ""})  for T = 2 steps }
gradient fit.loss@T wrt net.W@0, net.v@0, net.s@0
`;
    assertEquals(compiled(text).diagnostics.map((d) => d.title), [], rule);
  }
});

Deno.test("docs/builtins.md is what the signatures and the library make of it (deno task docs:builtins)", () => {
  assertEquals(page, builtinsPage());
});

Deno.test("every argument that a builtin takes by name stands in one of its lines", () => {
  for (const { name, named } of builtins.values()) {
    const text = builtinSignatures[name]!.shapes.join("\n");
    for (const option of named) assert(text.includes(`${option} = `), `${name}: ${option}`);
  }
});
