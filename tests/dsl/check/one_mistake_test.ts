// Does one mistake give one message, and another mistake just one more? Whatever depends on what was reported is an error value that
// nothing is said of; whatever does not is still checked. Messages stand in the order of their places.
import { assert, assertEquals } from "@std/assert";
import type { Diagnostic } from "../../../dsl/diagnostics/diagnostic.ts";
import { thorough } from "../../thorough.ts";
import { compiledFrom, programsIn, saidAbout, textOf } from "../wrong_programs.ts";

const titles = (list: readonly Diagnostic[]) => list.map((d) => `${d.code} ${d.title}`);

/** Mistakes that no program of the folder has, with what is said about them. */
const others = [
  { what: "a name in a `let`", text: "\nlet zz_q = nosuch_q\n" },
  { what: "a name in a gradient", text: "\nparam zz_w : [] = 2\ngradient zz_w * nosuch_q wrt zz_w\n" },
  { what: "a name in a record", text: "\nrecord nosuch_q\n" },
  { what: "a shape in a gradient", text: "\nparam zz_v : [2] = 2\ngradient sum(zz_v + [1, 2, 3]) wrt zz_v\n" },
];

/** What the other mistake hides, and why that is right. */
const hidden: { readonly [name: string]: string } = {
  "itself_shapes.meta": "a gradient that could not be gone through may call the model, and so shape it",
  "later_record_inside.meta": "a gradient that could not be gone through may run the loop by itself",
  "loop_needs_a_shape_before_the_call.meta":
    "a gradient that could not be gone through may call the model, and so shape it",
  "shapes_model_never_called.meta": "a gradient that could not be gone through may call the model, and so shape it",
  "start_of_what_nothing_calls.meta": "what is wrong may be what reads it",
  "states_without_a_loop.meta": "what is wrong may be the call that shapes its model, or what reads it",
  "unused_param.meta": "what is wrong may be a misspelt use",
};

/** Where names that nothing defines are not spoken of. */
const nameless: { readonly [name: string]: string } = {
  "habits_import_of_a_package.meta": "an import that cannot be read may bring any name",
  "split_without_commas.meta": "a part whose name is not read may be of any name",
  "syntax_unicode_name.meta": "a definition whose name cannot be read may be of any name",
};

for (const [index, name] of programsIn("bad/").entries()) {
  const text = textOf("bad/", name);
  const own = compiledFrom("bad/", name).diagnostics;
  Deno.test(`one mistake, one message: ${name}`, () => assertEquals(titles(own).length, 1, titles(own).join("\n")));
  // of a text that is too long nothing else is asked
  if (own.some((d) => d.code === "M0107")) continue;
  for (const other of thorough ? others : [others[index % others.length]!]) {
    if (name in nameless && other.text.includes("nosuch")) continue;
    Deno.test(`one more mistake, one more message: ${name} and ${other.what}`, () => {
      const both = titles(saidAbout(text + other.text, name));
      const more = both.filter((t) => !titles(own).includes(t));
      assertEquals(more.length, 1, both.join("\n"));
      if (!(name in hidden)) assertEquals(both.length, own.length + 1, `not said any more: ${titles(own)}`);
    });
  }
}

const cases: readonly (readonly [mistake: string, program: string])[] = [
  [
    "a name in a model's body",
    `
data d { x : [2, 1] = [[1], [2]]  y : [2, 1] = [[1], [2]] }
model net(x : [n, 1]) -> [n, 1] {
  W : [1, 1] = 0
  b : [1] = 0
  return dot(x, W) + bb
}
inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 3 steps }
gradient mse(net@T(d.x), d.y) wrt fit.lr, net.W@0
record net.W@*, fit.loss@*
`,
  ],
  [
    "the start of a model's parameter",
    `
data d { x : [2, 1] = [[1], [2]]  y : [2, 1] = [[1], [2]] }
model net(x : [n, 1]) -> [n, 1] {
  W : [1, 1] = nosuch
  b : [1] = 0
  return dot(x, W) + b
}
inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 3 steps }
gradient mse(net@T(d.x), d.y) wrt fit.lr, net.W@0
record net.W@*
`,
  ],
  [
    "the distribution of a model's parameter",
    `
data d { x : [2, 1] = [[1], [2]]  y : [2, 1] = [[1], [2]] }
model net(x : [n, 1]) -> [n, 1] {
  W : [1, 1] ~ glorrot()
  return dot(x, W)
}
inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 3 steps }
outer train { minimize mse(net@T(d.x), d.y)  over net@0, fit.lr  by adam(lr = 0.1) for 3 steps }
evaluate test { report mse(net@T(d.x), d.y) }
`,
  ],
  [
    "the start of a parameter",
    `
param w = nosuch
param v = 1
inner fit { minimize (w - v)^2  over w  by sgd(lr = 0.1)  for T = 3 steps }
gradient (w@T)^2 wrt fit.lr, v
record w@*
`,
  ],
  [
    "a size of a parameter",
    `
param w : [k] = 1
inner fit { minimize sum((w - 1)^2)  over w  by sgd(lr = 0.1)  for T = 3 steps }
gradient sum(w@T) wrt fit.lr, w@0
record w@*
`,
  ],
  [
    "an import whose file is not there",
    `
import net, d from "./nosuch.meta"
inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 3 steps }
gradient mse(net@T(d.x), d.y) wrt fit.lr, net.W@0
record net.W@*
`,
  ],
  [
    "an import of a name from a file that is not there",
    `
import relu2, nosuch from "./shared/parts.meta"
param w = 1
gradient nosuch(w) wrt w
`,
  ],
  [
    "a data file that is not there",
    `
data d from "nosuch.csv" { x : [_, 1]  y : [_, 1] }
model net(x : [n, 1]) -> [n, 1] {
  W : [1, 1] = 0
  return dot(x, W)
}
inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 3 steps  batch 1 of d }
gradient mse(net@T(d.x), d.y) wrt fit.lr, net.W@0
evaluate e { report mse(net@T(d.x), d.y) }
record net.W@*
`,
  ],
  [
    "rows of data that do not fit",
    `
data d { x : [2, 1] = [[1], [2], [3]]  y : [2, 1] = [[1], [2]] }
model net(x : [n, 1]) -> [n, 1] {
  W : [1, 1] = 0
  return dot(x, W)
}
inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 3 steps }
gradient mse(net@T(d.x), d.y) wrt fit.lr, net.W@0
`,
  ],
  [
    "a name among data",
    `
data d { x : [2, 1] = [[1], [k]]  y : [2, 1] = [[1], [2]] }
model net(x : [n, 1]) -> [n, 1] {
  W : [1, 1] = 0
  return dot(x, W)
}
inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 3 steps }
gradient mse(net@T(d.x), d.y) wrt fit.lr, net.W@0
`,
  ],
  [
    "an optimizer that is not there",
    `
param w = 1
inner fit { minimize (w - 1)^2  over w  by adamm(lr = 0.1)  for T = 3 steps }
override fit { beta1 = 0.3 }
gradient (w@T)^2 wrt fit.lr, fit.beta1
record fit.lr, w@*
`,
  ],
  [
    "a rule that changes an undeclared state",
    `
optimizer mine(lr) { v' = 0.9 * v + g  p' = p - lr * v }
param w = 1
inner fit { minimize (w - 1)^2  over w  by mine(lr = 0.1)  for T = 3 steps }
gradient (w@T)^2 wrt fit.lr
record fit.loss@*
`,
  ],
  [
    "a number of steps",
    `
param w = 1
inner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = nosuch steps }
gradient (w@T)^2 wrt fit.lr, w@0
outer o { minimize fit.loss@T over fit.lr by sgd(lr=0.1) for 3 steps }
evaluate e { report (w@T)^2 at t in 0 .. T }
record w@*, fit.loss@*, o.loss
`,
  ],
  [
    "a name in what a loop minimizes",
    `
param w = 1
inner fit { minimize (w - nosuch)^2  over w  by sgd(lr = 0.1)  for T = 3 steps }
gradient (w@T)^2 wrt fit.lr, w@0
outer o { minimize fit.loss@T over fit.lr by sgd(lr=0.1) for 3 steps }
evaluate e { report (w@T)^2 at t in 0 .. T }
record w@*, fit.loss@*, o.loss, fit.lr
`,
  ],
  [
    "a draw of a task",
    `
task p { A ~ uniform(1, nosuch)  split s { x : [2] ~ uniform(0, 1)  y = A * x } }
param w = 1
inner fit { minimize mean((w*s.x - s.y)^2)  over w  by sgd(lr = 0.1)  for T = 3 steps }
outer o { minimize mean((w@T*s.x - s.y)^2) across 3 p over fit.lr, w@0 by sgd(lr=0.1) for 3 steps }
evaluate e { across 4 p  report mean((w@T*s.x - s.y)^2) }
record o.loss, fit.lr
`,
  ],
  [
    "a field of a task",
    `
task p { A ~ uniform(1, 2)  split s { x : [2] ~ uniform(0, 1)  y = A * xx } }
param w = 1
inner fit { minimize mean((w*s.x - s.y)^2)  over w  by sgd(lr = 0.1)  for T = 3 steps }
outer o { minimize mean((w@T*s.x - s.y)^2) across 3 p over fit.lr, w@0 by sgd(lr=0.1) for 3 steps }
evaluate e { across 4 p  report mean((w@T*s.x - s.y)^2) }
record o.loss, fit.lr
`,
  ],
  [
    "a name in a function",
    `
param w = 1
fn f(x) = x + nosuch
inner fit { minimize f(w)^2  over w  by sgd(lr = 0.1)  for T = 3 steps }
gradient f(w@T) wrt fit.lr
evaluate e { report f(w@T) }
`,
  ],
  [
    "a name in a `let` that sizes and steps use",
    `
let k = nosuch * 2
param w : [k] = 1
inner fit { minimize k*sum(w)^2  over w  by sgd(lr = 0.1)  for T = k steps }
gradient k*sum(w@T) wrt fit.lr, w@0
evaluate e { report sum(w@T) }
`,
  ],
  [
    "the default of an input",
    `
input K : int = 0.5
param w : [K] = 1
inner fit { minimize sum(w)^2  over w  by sgd(lr = 0.1)  for T = K steps }
gradient sum(w@T) wrt fit.lr, w@0
`,
  ],
  [
    "a layer that is not there",
    `
data d { x : [2, 1] = [[1], [2]]  y : [2, 1] = [[1], [2]] }
model net(x : [n, 1]) -> [n, 1] {
  use a = dens(3)
  use b = dense(1)
  return b(a(x))
}
inner fit { minimize mse(net(d.x), d.y)  over net.b  by sgd(lr = 0.1)  for T = 3 steps }
outer o { minimize mse(net@T(d.x), d.y) over net.b@0 by adam(lr = 0.1) for 2 steps }
record net.b.W@*
`,
  ],
  [
    "the start of a state",
    `
model c(xs : [time, m]) -> [m] {
  decay : [m] = 0.5
  scan run over x in xs { state h : [m] = nosuch
    h' = decay * h + x }
  return run.h[-1]
}
data d { xs : [3, 2] = [[1, 0], [0, 1], [1, 1]] }
gradient sum(c(d.xs)) wrt c.decay
`,
  ],
  [
    "a name in a schedule",
    `
param w = 1
inner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = 3 steps }
override fit { lr@t = nosuch * t }
gradient (w@T)^2 wrt fit.momentum
record fit.lr
`,
  ],
  [
    "an estimator that is not there",
    `
param w = 1
inner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = 3 steps through implicitt() }
gradient (w@T)^2 wrt fit.lr
record fit.loss@*
`,
  ],
  [
    "a loop to start from that is not there",
    `
param w = 1
inner a { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = 3 steps }
inner b { minimize (w - 2)^2  over w  by sgd(lr = 0.1)  for S = 3 steps from aa@T }
gradient (w@(b.S))^2 wrt b.lr
record b.loss@*
`,
  ],
  [
    "a parameter to change that is not there",
    `
param w = 1
inner a { minimize (w - 1)^2  over ww  by sgd(lr = 0.1)  for T = 3 steps }
gradient (w@T)^2 wrt a.lr, w@0
record w@*, a.loss@*
`,
  ],
  [
    "a meta-parameter that is not there",
    `
param w = 1
inner a { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = 3 steps }
gradient (w@T)^2 wrt a.lrr, w@0
expect { value = 1 within 0.1  a.lrr = 3 within 0.1 }
`,
  ],
  [
    "what an outer inside another minimizes",
    `
param w = 1
param c = 1
inner fit { minimize (w - c)^2  over w  by sgd(lr = 0.1)  for T = 3 steps }
outer mid { minimize nosuch over c by sgd(lr = 0.1) for M = 3 steps }
outer top { minimize mid.loss@M over mid.lr by sgd(lr=0.1) for 3 steps }
gradient c@M wrt mid.lr
record top.loss, mid.loss@*
`,
  ],
  [
    "a shape inside a model",
    `
data d { x : [2, 3] = [[1, 2, 3], [2, 3, 4]]  y : [2, 1] = [[1], [2]] }
model net(x : [n, 3]) -> [n, 1] {
  W : [2, 1] = 0
  return dot(x, W)
}
inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 3 steps }
gradient mse(net@T(d.x), d.y) wrt fit.lr, net.W@0
evaluate e { report mse(net@T(d.x), d.y) }
record net.W@*
`,
  ],
  [
    "the shape of a start",
    `
model net(x : [n, 3]) -> [n, 1] {
  W : [3, 1] = [1, 2]
  return dot(x, W)
}
data d { x : [2, 3] = [[1, 2, 3], [2, 3, 4]]  y : [2, 1] = [[1], [2]] }
inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 3 steps }
outer o { minimize mse(net@T(d.x), d.y) over net@0 by adam(lr = 0.1) for 2 steps }
record o.loss
`,
  ],
  [
    "a call with too few arguments",
    `
data d { x : [2, 3] = [[1, 2, 3], [2, 3, 4]]  y : [2, 1] = [[1], [2]] }
model net(x : [n, 3], k : float) -> [n, 1] {
  W : [3, 1] = 0
  return dot(x, W) * k
}
inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 3 steps }
gradient mse(net@T(d.x, 1), d.y) wrt fit.lr, net.W@0
record net.W@*
`,
  ],
];
for (const [mistake, program] of cases) {
  Deno.test(`one mistake, one message: ${mistake}`, () => {
    const said = titles(saidAbout(`edition 1${program}`));
    assertEquals(said.length, 1, said.join("\n"));
  });
}

Deno.test("messages stand in the order of their places, whatever order they were found in", () => {
  const text = `edition 1
record nosuch_a
gradient nosuch_b wrt fit.lr
param w = 1
override fit { momentun = 0.5 }
inner fit { minimize (w - nosuch_c)^2  over w  by sgd(lr = 0.1)  for T = 3 steps }
let k = nosuch_d
`;
  const places = saidAbout(text).map((d) => d.primary.span.start);
  assertEquals(places.length, 5);
  assert(places.every((place, i) => i === 0 || places[i - 1]! < place));
});
