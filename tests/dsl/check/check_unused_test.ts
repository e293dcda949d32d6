// Is what nothing runs checked as well as can be, and never wrongly? Models that nothing calls, optimizers that nothing uses,
// tasks and values that nothing reads; and the same for the standard library itself.
import { assertEquals } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";
import { DiagnosticSink } from "../../../dsl/diagnostics/diagnostic.ts";
import { newElaboration } from "../../../dsl/world/report.ts";
import { language } from "../../../dsl/evaluate/language.ts";
import { loadModules } from "../../../dsl/modules/modules.ts";
import { checkModule } from "../../../dsl/check/unused_definitions.ts";

function said(source: string): string[] {
  const { diagnostics } = compileProgram({
    root: { name: "unused.meta", text: `edition 1\n${source}` },
    readSource: () => undefined,
    readData: () => undefined,
  });
  return diagnostics.filter((d) => d.severity === "error").map((d) => `${d.code} ${d.title}`);
}

Deno.test("checkModule() finds no mistake in the standard library", () => {
  const sink = new DiagnosticSink();
  const modules = loadModules({ name: "a.meta", text: "edition 1" }, () => undefined, sink);
  for (const precision of ["f32", "f64"] as const) {
    for (const module of modules.library) {
      checkModule(newElaboration({ modules, sink, precision, evaluator: language, inputs: new Map() }), module);
    }
  }
  assertEquals(sink.diagnostics.map((d) => `${d.primary.span.source} ${d.code} ${d.title}`), []);
});

const right: Readonly<Record<string, string>> = {
  "any size": "model net(x : [n, m]) -> [n, 1] { use a = dense(8)  use b = dense(1)  return x |> a |> b }",
  "a size that must equal a number": "model net(x : [n, m]) -> [n, 3] { W : [12, 3] ~ glorot()  return dot(x, W) }",
  "two sizes that must be equal": "model net(x : [n, k], y : [n, m]) -> [n, m] { return x + y }",
  "a size that must be a product": "model net(x : [n, k]) -> [n, 2] { return reshape(x, [n, 2]) }",
  "a size that must be another's double":
    "model net(x : [n, 2]) -> [n] { return ravel(reshape(x, [n, 2])[0]) * sum(x) * sum(x, axis = 1) }",
  "sizes that broadcast": "model net(x : [n, m], y : [m]) -> [n, m] { return x * y }",
  "a size that must be one": "model net(x : [n, m]) -> [n, 5] { W : [n, 5] = 1  return W * sum(x) }",
  "a size of an input": "input H : int = 24\nmodel net(x : [n, m]) -> [n, 1] { W : [H, 1] ~ he()  return dot(x, W) }",
  "a sized model":
    "model block(units : int, scale = 1)(x : [n, m]) -> [n, units] { W : [m, units] ~ glorot()  return scale * dot(x, W) }",
  "a sized model that needs a square":
    "model res(units : int)(x : [n, m]) -> [n, m] { use a = dense(units)  return x + a(x) }",
  "an argument without a type": "model net(x) { use a = dense(3)  return a(x) }",
  "images":
    "model net(x : [n, c, h, w]) -> [n, 5] { use a = conv2d(4)  use b = dense(5)  return x |> a |> relu |> max_pool |> flatten |> b }",
  "images of a size that a number fits":
    "model net(x : [n, 1, 28, 28]) -> [n, 10] { use a = conv2d(8, kernel = 5, padding = 0)  use b = dense(10)  return x |> a |> max_pool |> flatten |> b }",
  "integers":
    "model net(words : int [n, k]) -> [n, 2] { use e = embedding(50, 8)  use out = dense(2)  return e(words) |> flatten |> out }",
  "a model of a model":
    "model a(x : [n, 4]) -> [n, 2] { W : [4, 2] ~ he()  return dot(x, W) }\nmodel b(x : [n, 4]) -> [n, 2] { return a(x) }",
  "an optimizer for matrices": "optimizer o(lr) { p' = p - lr * matmul(g, transpose(matmul(transpose(g), g))) }",
  "an optimizer for vectors":
    "optimizer o(lr) { state h : [size(p), size(p)] = 0  h' = h + expand_dims(g, 0) * expand_dims(g, 1)  p' = p - lr * dot(h', g) }",
  "an optimizer for any shape":
    "optimizer o(lr, mu = 0.9, on = true) { state v = 0  v' = mu * v + g  p' = p - lr * where(on, v', g) / (1 + t) }",
  "a task": "task t { a ~ normal(0, 1)  let b = 2 * a  split s { x : [4, 1] ~ normal(0, 1)  y = b * x } }",
};
for (const [name, source] of Object.entries(right)) {
  Deno.test(`nothing is said of an unused definition: ${name}`, () => assertEquals(said(source), []));
}

const wrong: Readonly<Record<string, readonly [source: string, said: readonly string[]]>> = {
  "two layers that do not fit": [
    "model net(x : [n, m]) -> [n, 1] { use a = dense(8)  W : [9, 1] ~ he()  return dot(a(x), W) }",
    ["M0301 `dot` cannot join [n, 8] with [9, 1]"],
  ],
  "a promise that is not kept": [
    "model net(x : [n, m]) -> [n, 2] { use a = dense(3)  return a(x) }",
    ["M0305 `net` promises [n, 2] and returns [n, 3]"],
  ],
  "a mistake in each": [
    "model a(x : [n, 4]) -> [n, 1] { W : [3, 1] ~ he()  return dot(x, W) }\n" +
    "model b(x : [n, 4]) -> [n, 4] { return x + [1, 2, 3] }",
    ["M0301 `dot` cannot join [n, 4] with [3, 1]", "M0301 [n, 4] and [3] do not fit together in `+`"],
  ],
  "a rank that never fits": ["model net(x : [n, m]) -> [n] { return x }", [
    "M0305 `net` promises [n] and returns [n, m]",
  ]],
  "a reshape that never fits": [
    "model net(x : [n, 12]) -> [n, 15] { return reshape(x, [n, 15]) }",
    ["M0301 [n, 12] cannot be reshaped to [n, 15]"],
  ],
  "a parameter without a start": ["model net(x : [n, 2]) -> [n, 1] { W : [2, 1]  return dot(x, W) }", [
    "M0405 `net.W` has no initial value",
  ]],
  "a layer's argument": [
    "model net(x : [n, 2]) -> [n, 1] { use a = dense(0.5)  return a(x) }",
    ["M0306 `units` of `dense` must be a positive whole number"],
  ],
  "a sized model": [
    "model block(units : int)(x : [n, m]) -> [n, units] { W : [m, units] ~ he()  return dot(W, x) }",
    [],
  ],
  "an optimizer": [
    "optimizer o(lr) { state v : [3] = [1, 2]  v' = v  p' = p - lr * g }",
    ["M0305 The state `v` is [3] and cannot start as [2]"],
  ],
  "an optimizer without an equation": ["optimizer o(lr) { state v = 0  p' = p - lr * g }", [
    "M0104 `o` does not say what `v'` is",
  ]],
  "a task": ["task t { split s { x : [4] ~ normal(0, 1)  y : [5] = 2 * x } }", [
    "M0305 `t.s.y` is declared as [5], its value is [4]",
  ]],
  "inline data": ["data d { x : [2, 2] = [1, 2] }", ["M0305 `d.x` is declared as [2, 2], its value is [2]"]],
  "a param": ["param w : [2, 0.5] = 1", ["M0306 A size must be a positive whole number known before the run"]],
};
for (const [name, [source, expected]] of Object.entries(wrong)) {
  Deno.test(`what is said of an unused definition: ${name}`, () => assertEquals(said(source), expected));
}
