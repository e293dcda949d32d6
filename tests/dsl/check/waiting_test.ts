// Is what names a parameter before the call that shapes it gone through again, and only then? Chains, circles' neighbours and
// loops that nothing else runs.
import { assert, assertEquals } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";
import { language } from "../../../dsl/evaluate/language.ts";
import { saidAbout } from "../wrong_programs.ts";

function compiled(text: string) {
  let evaluations = 0;
  const { program, diagnostics } = compileProgram({
    root: {
      name: "waiting.meta",
      text: `edition 1\nprecision f64\ndata d { x : [2, 3] = [[1, 2, 3], [0, 1, 1]] }\n${text}`,
    },
    readSource: () => undefined,
    readData: () => undefined,
    evaluator: { ...language, evaluate: (cx, e) => (evaluations++, language.evaluate(cx, e)) },
  });
  return { program, evaluations, codes: diagnostics.map((d) => d.code) };
}

const model = (i: number) => `model m${i}(x : [n, 3]) -> [n, 3] { W : [3, 3] = 1\n return dot(x, W) }\n`;

/** Gradients of which each waits for a parameter that the next one shapes. */
function chain(length: number): string {
  const numbers = Array.from({ length }, (_, i) => i);
  const input = (i: number) => i === 0 ? "d.x" : `d.x + m${i - 1}.W[0]`;
  const gradient = (i: number) => `gradient sum(m${i}(${input(i)})^2) wrt m${i}.W\n`;
  return [...numbers.map(model), ...numbers.toReversed().map(gradient)].join("");
}

Deno.test("each item of a chain is gone through twice, however long the chain is", () => {
  const [short, middle, long] = [4, 8, 16].map((length) => compiled(chain(length)));
  assertEquals(long!.program?.gradients.length, 16);
  assertEquals(long!.evaluations - middle!.evaluations, 2 * (middle!.evaluations - short!.evaluations));
});

Deno.test("an item may wait for what only a loop shapes that nothing else runs", () => {
  const { program, codes } = compiled(`${model(0)}${model(1)}
inner fit { minimize mean(m0(d.x)^2) over m0 by sgd(lr = 0.1) for 2 steps }
gradient sum(m1(d.x + m0.W@0[0])^2) wrt m1.W`);
  assertEquals(codes, []);
  assert(program);
});

Deno.test("an item may ask for a parameter before its own call that shapes it", () => {
  assertEquals(compiled(`${model(0)}gradient sum(m0.W^2) + sum(m0(d.x)) wrt m0.W`).codes, []);
});

Deno.test("what nothing shapes is said, and what waits for it is no second mistake", () => {
  assertEquals(compiled(`${model(0)}${model(1)}gradient sum(m1(d.x + m0.W[0])^2) wrt m1.W`).codes, ["M0203"]);
});

Deno.test("where an outer waits for a shape that nothing gives, that is said once, and not that its loop has no task", () => {
  const said = saidAbout(`edition 1
model net(x : [n]) -> [n] { w : [] = 2   return w * x }
task point { c ~ normal(3, 1)   split s { at = c } }
inner fit { minimize (net.w - s.at)^2   over net   by sgd(lr = 0.1)   for T = 2 steps }
outer train { minimize (net.w@T - s.at)^2   across 3 point   over net@0   by sgd(lr = 0.1)   for 2 steps }
`);
  assertEquals(said.map((d) => d.title), ["`net.w` has no shape: nothing calls `net` before it is needed here"]);
});

for (
  const item of [
    "gradient sum((line@T(d.x) - d.y)^2) wrt fit.lr",
    "outer o { minimize sum((line@T(d.x) - d.y)^2)   over fit.lr   by sgd(lr = 0.1)   for 2 steps }",
    "evaluate e { report line@T(d.x)[0] }",
    "output o = line@T(d.x)",
  ]
) {
  Deno.test(`a loop may read a parameter that only a call of where it ends shapes: ${item.split(" ")[0]}`, () => {
    const program = `edition 1
data d { x : [2, 1] = [[1], [2]]   y : [2] = [2, 4] }
model line(x : [n, m]) -> [n] { w : [m] = 0   return dot(x, w) }
fn energy(w) = sum((dot(d.x, w) - d.y)^2)
inner fit { minimize energy(line.w)   over line   by sgd(lr = 0.05)   for T = 3 steps }
${item}
`;
    const said = (text: string) => saidAbout(text).map((d) => d.code);
    assertEquals(said(program), []);
    // what is wrong with the call is said, once
    assertEquals(said(program.replace("line@T(d.x)", "line@T(d.x, 1)")), ["M0302"]);
    assertEquals(said(program.replace("line@T(d.x)", "line@T(d.z)")), ["M0201"]);
  });
}

Deno.test("a loop whose model nothing calls is said to have no shape", () => {
  const said = saidAbout(`edition 1
model line(x : [n, 1]) -> [n] { w : [1] = 0   return dot(x, w) }
inner fit { minimize sum((line.w - 1)^2)   over line   by sgd(lr = 0.05)   for T = 3 steps }
output w = line.w@T
`);
  assertEquals(said.map((d) => d.hint), ["call `line` here, or make `w` a `param`"]);
});
