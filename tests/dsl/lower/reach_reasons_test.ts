// Is the reason true that M0501 gives? Each program has one thing in the way of a derivative, which must be the reason that is given
// and the place that is shown; the same program with just that otherwise is accepted.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";
import type { Diagnostic } from "../../../dsl/diagnostics/diagnostic.ts";
import { some } from "../../thorough.ts";

function errorsOf(text: string): readonly Diagnostic[] {
  const { diagnostics } = compileProgram({
    root: { name: "program.meta", text: `edition 1\nprecision f64\n${text}` },
    readSource: () => undefined,
    readData: () => undefined,
  });
  return diagnostics.filter((d) => d.severity === "error");
}

interface Case {
  readonly what: string;
  readonly program: string;
  /** What is in the way, and what stands there in the accepted program. */
  readonly way: readonly [wrong: string, right: string];
  /** Of the label. */
  readonly reason: string;
  /** What the secondary places hold, in their order. */
  readonly places: readonly string[];
}

const fit = "inner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = 3 steps }";
const flat = "read only where derivatives are zero";

const cases: readonly Case[] = [
  {
    what: "stop_gradient around the end",
    program: `param w = 4\n${fit}\ngradient stop_gradient(w@T)^2 wrt fit.lr`,
    way: ["stop_gradient(w@T)", "(w@T)"],
    reason: flat,
    places: ["stop_gradient(w@T)"],
  },
  {
    what: "stop_gradient around the end of one step",
    program: `param w = 4\n${fit.replace("3 steps", "1 steps")}\ngradient stop_gradient(w@T)^2 wrt fit.lr`,
    way: ["stop_gradient(w@T)", "(w@T)"],
    reason: flat,
    places: ["stop_gradient(w@T)"],
  },
  {
    what: "stop_gradient inside what is minimized",
    program: `param w = 4\nparam c = 1\n${fit.replace("- 1", "- stop_gradient(c)")}\ngradient (w@T)^2 wrt c`,
    way: ["stop_gradient(c)", "c"],
    reason: flat,
    places: ["stop_gradient(c)"],
  },
  {
    what: "stop_gradient in a function",
    program: `param w = 4\nparam c = 1\nfn held(x) = stop_gradient(x)\ngradient w * held(c) wrt c`,
    way: ["stop_gradient(x)", "x"],
    reason: flat,
    places: ["stop_gradient(x)"],
  },
  {
    what: "a comparison",
    program: "param w = 4\nparam c = 1\ngradient where(w < c, w, 2) + 0 * w wrt c, w".replace(
      " + 0 * w wrt c, w",
      " wrt c",
    ),
    way: ["where(w < c, w, 2)", "where(w < c, w, 2 * c)"],
    reason: flat,
    places: ["w < c"],
  },
  {
    what: "step",
    program: `param w = 4\nparam c = 1\n${fit.replace("(w - 1)^2", "step(c - 2) * (w - 1)^2")}\ngradient w@T wrt c`,
    way: ["step(c - 2)", "(c - 2)"],
    reason: flat,
    places: ["step(c - 2)"],
  },
  {
    what: "floor",
    program: `param c = 1.5\ngradient floor(2 * c)^2 wrt c`,
    way: ["floor(2 * c)", "(2 * c)"],
    reason: flat,
    places: ["floor(2 * c)"],
  },
  {
    what: "ceil",
    program: `param c = 1.5\ngradient ceil(2 * c)^2 wrt c`,
    way: ["ceil(2 * c)", "(2 * c)"],
    reason: flat,
    places: ["ceil(2 * c)"],
  },
  {
    what: "sign",
    program: `param c = 1.5\ngradient sign(c) * 3 wrt c`,
    way: ["sign(c)", "c"],
    reason: flat,
    places: ["sign(c)"],
  },
  {
    what: "argmax",
    program: `param c : [3] = [1, 2, 0]\nlet table = [1.0, 4.0, 9.0]\ngradient take(table, argmax(c)) wrt c`,
    way: ["take(table, argmax(c))", "max(c)"],
    reason: flat,
    places: ["argmax(c)"],
  },
  {
    what: "two ways, each through something else",
    program: `param c = 1.5\ngradient floor(c) + stop_gradient(c) wrt c`,
    way: ["floor(c)", "c"],
    reason: flat,
    places: ["floor(c)", "stop_gradient(c)"],
  },
  {
    what: "a momentum over one step",
    program:
      "param w = 4\ninner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1, momentum = 0.5)  for T = 1 steps }\n" +
      "gradient (w@T)^2 wrt fit.momentum",
    way: ["T = 1 steps", "T = 2 steps"],
    reason: "acts from the second step on, and `fit` runs one step",
    places: ["for T = 1 steps"],
  },
  {
    what: "a rate that grows from 0, over one step",
    program: "param w = 4\nparam c = 1\ninner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = 1 steps }\n" +
      "override fit { lr@t = 0.1 * c * t }\ngradient (w@T)^2 wrt c",
    way: ["T = 1 steps", "T = 2 steps"],
    reason: "acts from the second step on, and `fit` runs one step",
    places: ["for T = 1 steps"],
  },
  {
    what: "a momentum, read after the first step",
    program:
      "param w = 4\ninner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1, momentum = 0.5)  for T = 5 steps }\n" +
      "gradient (w@1)^2 wrt fit.momentum",
    way: ["w@1", "w@2"],
    reason: "acts only at other times of `fit` than those that are read",
    places: ["for T = 5 steps"],
  },
  {
    what: "a start at 0 of a square",
    program: "param w = 0\nparam c = 1\ninner fit { minimize c * w^2  over w  by sgd(lr = 0.1)  for T = 3 steps }\n" +
      "gradient (w@T - 1)^2 wrt c",
    way: ["param w = 0", "param w = 2"],
    reason: "derivative with respect to it is zero where `w` starts at 0",
    places: ["w"],
  },
  {
    what: "a start at 0 of a product, over one step",
    program: "param w = 0\nparam c = 1\ninner fit { minimize (c * w)^2  over w  by sgd(lr = 0.1)  for T = 1 steps }\n" +
      "gradient (w@T - 1)^2 wrt c",
    way: ["param w = 0", "param w = 2"],
    reason: "derivative with respect to it is zero where `w` starts at 0",
    places: ["w"],
  },
  {
    what: "a start where the loss is flat",
    program:
      "param w : [2] = 0\nparam c = 1\ninner fit { minimize c * sum(w^4)  over w  by sgd(lr = 0.1)  for T = 3 steps }\n" +
      "gradient sum((w@T - 1)^2) wrt fit.lr",
    way: ["param w : [2] = 0", "param w : [2] = 2"],
    reason: "derivative with respect to it is zero where `w` starts at 0",
    places: ["w"],
  },
  {
    what: "a factor 0",
    program: "param c = 1\ngradient 0 * c + 3 wrt c",
    way: ["0 * c", "2 * c"],
    reason: "multiplied by 0",
    places: ["0 * c"],
  },
  {
    what: "a factor that is computed to be 0",
    program: "param c = 1\nlet k = 2\nparam w = 1\ngradient (k - 2) * c * w + 3 wrt c",
    way: ["(k - 2)", "(k - 1)"],
    reason: "multiplied by 0",
    places: ["(k - 2) * c"],
  },
  {
    what: "a parameter that is 0 and not learned",
    program: "param c = 1\nparam w = 0\ngradient c * w wrt c",
    way: ["param w = 0", "param w = 2"],
    reason: "multiplied by 0",
    places: ["c * w"],
  },
  {
    what: "a factor 0 in what is minimized",
    program: `param w = 4\nparam c = 1\n${fit.replace("(w - 1)^2", "(w - 1)^2 + 0 * c * w")}\ngradient (w@T)^2 wrt c`,
    way: ["0 * c", "2 * c"],
    reason: "multiplied by 0",
    places: ["0 * c"],
  },
  {
    what: "a matrix of zeros",
    program: "param c : [2] = 1\nparam A : [2, 2] = 0\ngradient sum(dot(A, c)) wrt c",
    way: ["param A : [2, 2] = 0", "param A : [2, 2] = 2"],
    reason: "multiplied by 0",
    places: ["dot(A, c)"],
  },
  {
    what: "a branch that a longer loop would take",
    program: `param w = 4\nparam c = 1\n${fit.replace("- 1)", "- where(t < 5, 1, c))")}\ngradient (w@T)^2 wrt c`,
    way: ["T = 3 steps", "T = 6 steps"],
    reason: "acts only after the last step of `fit`",
    places: ["for T = 3 steps"],
  },
  {
    what: "a branch that no step takes",
    program: `param w = 4\nparam c = 1\n${fit.replace("- 1)", "- where(t >= 0, 1, c))")}\ngradient (w@T)^2 wrt c`,
    way: ["t >= 0", "t > 0"],
    reason: "read only where a condition does not hold",
    places: ["where(t >= 0, 1, c)"],
  },
  {
    what: "a term of its own in what is minimized",
    program: `param w = 4\nparam c = 1\n${fit.replace("(w - 1)^2", "(w - 1)^2 + c")}\ngradient (w@T)^2 wrt c`,
    way: ["+ c", "+ c * w"],
    reason: "the gradient of what `fit` minimizes does not depend on it",
    places: ["minimize (w - 1)^2 + c"],
  },
  {
    what: "floor of what is minimized",
    program: `param w = 4\nparam c = 1\n${
      fit.replace("(w - 1)^2", "(w - 1)^2 + floor(c * w)")
    }\ngradient (w@T)^2 wrt c`,
    way: ["floor(c * w)", "(c * w)"],
    reason: "the gradient of what `fit` minimizes does not depend on it",
    places: ["minimize (w - 1)^2 + floor(c * w)"],
  },
  {
    what: "a loop that is not run",
    program: `param w = 4\nparam v = 4\n${fit}\n${
      fit.replace("fit", "other").replaceAll("w", "v")
    }\ngradient (w@T)^2 wrt other.lr`.replace("o" + "ver", "over").replaceAll("vith", "with"),
    way: ["(w@T)^2", "(w@(fit.T))^2 + v@(other.T)"],
    reason: "`other` is not part of the objective",
    places: ["other"],
  },
  {
    what: "something that only the start does not depend on",
    program: `param w = 4\n${fit}\nparam c = 1\ngradient (w@0)^2 + c wrt c, fit.lr`,
    way: ["w@0", "w@T"],
    reason: "nothing that the objective is computed from depends on it",
    places: [],
  },
  {
    what: "the other parameter of a loop",
    program: "param w = 4\nparam v = 2\nparam c = 1\n" +
      "inner fit { minimize (w - c)^2 + v^2  over w, v  by sgd(lr = 0.1)  for T = 3 steps }\ngradient v@T wrt c",
    way: ["gradient v@T", "gradient w@T"],
    reason: "nothing that the objective is computed from depends on it",
    places: [],
  },
  {
    what: "implicit forgets the start",
    program:
      "param w = 4\ninner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = 3 steps  through implicit() }\n" +
      "gradient (w@T)^2 wrt w@0",
    way: ["through implicit()", "through unroll()"],
    reason: "`implicit` sees where `fit` ends as a solution, which forgets its start",
    places: ["through implicit()"],
  },
  {
    what: "implicit does not see a rate",
    program:
      "param w = 4\ninner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = 3 steps  through implicit() }\n" +
      "gradient (w@T)^2 wrt fit.lr",
    way: ["through implicit()", "through unroll()"],
    reason: "a solution does not depend on how it was reached",
    places: ["through implicit()"],
  },
  {
    what: "finite_difference does not see a momentum",
    program:
      "param w = 4\ninner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1, momentum = 0.5)  for T = 3 steps  " +
      "through finite_difference() }\ngradient (w@T)^2 wrt fit.momentum",
    way: ["through finite_difference()", "through unroll()"],
    reason: "`finite_difference` sees the objective of `fit` at its end only",
    places: ["through finite_difference()"],
  },
  {
    what: "a window behind the start",
    program: "param w = 4\ninner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.1)  for T = 9 steps  " +
      "through unroll(window = 2) }\ngradient (w@T)^2 wrt w@0",
    way: ["window = 2", "window = 9"],
    reason: "the window of `fit` ends before derivatives get there",
    places: ["through unroll(window = 2)"],
  },
  {
    what: "first_order",
    program: "param w = 4\nparam c = 1\ninner fit { minimize (w - c)^2  over w  by sgd(lr = 0.1)  for T = 3 steps  " +
      "through first_order() }\ngradient (w@T)^2 wrt c",
    way: ["through first_order()", "through unroll()"],
    reason: "acts only through the gradient of `fit`, which counts as a constant",
    places: ["through first_order()"],
  },
  {
    what: "stop_gradient, in a loop that is differentiated implicitly, too",
    program: "param w = 4\nparam c = 1\ninner fit { minimize (w - c)^2  over w  by sgd(lr = 0.1)  for T = 90 steps  " +
      "through implicit() }\ngradient stop_gradient(w@T)^2 wrt c",
    way: ["stop_gradient(w@T)", "(w@T)"],
    reason: flat,
    places: ["stop_gradient(w@T)"],
  },
  {
    what: "in a loop that another runs",
    program: "param w = 1\nparam theta = 0.5\nparam c = 2\n" +
      "inner fit { minimize (w - theta)^2  over w  by sgd(lr = 0.1)  for T = 1 steps }\n" +
      "outer mid { minimize (w@T - c)^2 * 0  over theta  by sgd(lr = 0.3)  for M = 3 steps }\ngradient theta@M wrt c",
    way: [" * 0", " * 2"],
    reason: "the gradient of what `mid` minimizes does not depend on it",
    places: ["minimize (w@T - c)^2 * 0"],
  },
  {
    what: "across tasks, a comparison",
    program: "task line { split s { x : [1] ~ uniform(1, 2) } }\nparam w = 0.5\nparam c = 1.5\n" +
      "inner fit { minimize where(s.x[0] < c, 1, 2) * (w - s.x[0])^2  over w  by sgd(lr = 0.1)  for T = 2 steps }\n" +
      "outer train { minimize (w@T)^2  across 4 line  over c  by sgd(lr = 0.1)  for 3 steps }",
    way: ["where(s.x[0] < c, 1, 2)", "c"],
    reason: flat,
    places: ["s.x[0] < c"],
  },
];

for (const { what, program, way: [wrong, right], reason, places } of some(cases, 12)) {
  Deno.test(`M0501 says why: ${what}`, () => {
    const errors = errorsOf(program);
    assertEquals(errors.map((d) => d.code), ["M0501"], errors.map((d) => d.title).join("\n"));
    const [{ primary, secondary }] = errors as [Diagnostic];
    assertStringIncludes(primary.message, reason);
    const text = `edition 1\nprecision f64\n${program}`;
    assertEquals(secondary.map(({ span }) => text.slice(span.start, span.end)), places);
    assert(program.includes(wrong));
    assertEquals(errorsOf(program.replace(wrong, right)).map((d) => d.title), []);
  });
}
