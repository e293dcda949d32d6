// Does the formatter write the one style, keep every comment, and change nothing the second time?
import { assertEquals } from "@std/assert";
import { formatProgram } from "../../../dsl/format/format.ts";
import { parseProgram } from "../../../dsl/parse/parse.ts";

function format(text: string): string {
  const source = { name: "p.meta", text };
  const { program, diagnostics } = parseProgram(source);
  assertEquals(diagnostics, [], text);
  const formatted = formatProgram(program, source);
  const again = { name: "p.meta", text: formatted };
  assertEquals(formatProgram(parseProgram(again).program, again), formatted, "formatted twice");
  return formatted;
}

function check(cases: Record<string, string>): void {
  for (const [written, expected] of Object.entries(cases)) assertEquals(format(written), expected);
}

Deno.test("formatProgram() leaves the examples as they are", async () => {
  for (const name of ["sinusoid_maml", "per_layer_rates", "learned_optimizer", "l2_per_coordinate"]) {
    const text = await Deno.readTextFile(new URL(`../../../examples/${name}.meta`, import.meta.url));
    assertEquals(format(text), text);
  }
});

Deno.test("formatProgram() aligns expected values by sign and tolerance", () => {
  const written = `gradient sum((linear.w@T - 3.5)^2)
wrt linear.w@0, fit.lr, fit.momentum
expect {
  value = 0.011927987982895929 within 1e-14
  linear.w@0 = -0.005311 within 1e-6
  fit.momentum = -0.9496 within 1e-4
}`;
  assertEquals(
    format(written),
    `gradient sum((linear.w@T - 3.5)^2)
wrt      linear.w@0, fit.lr, fit.momentum
expect {
  value        =  0.011927987982895929 within 1e-14
  linear.w@0   = -0.005311             within 1e-6
  fit.momentum = -0.9496               within 1e-4
}
`,
  );
});

Deno.test("formatProgram() writes no more parentheses than the tree needs", () => {
  const same = [
    "(a + b) * c",
    "a - (b - c)",
    "a / (b * c)",
    "-x^2",
    "(-x)^2",
    "(x^2)^3",
    "x^(a + 1)",
    "x^-2",
    "-(a + b)",
    "a == (b < c)",
    "(x |> f) + 1",
    "a + b |> f",
    "x |> (f |> g)",
    "w@(T - 1)",
    "(a + b)@T",
    "(-x).y",
    "f(a == b)",
    "--x",
    "a * -b",
  ];
  check(Object.fromEntries(same.map((text) => [`let y = ${text}`, `let y = ${text}\n`])));
  check({
    "let y = ((a) + (b * c))": "let y = a + b * c\n",
    "let y = (x^(2))": "let y = x^2\n",
    "let y = a + (-(b))": "let y = a + -b\n",
    "let y = (f)((x))@(T)": "let y = f(x)@T\n",
    "let y = w @ ( 0 )": "let y = w@0\n",
    "let y = (x |> f) |> g": "let y = x |> f |> g\n",
    "let y = x^(y^z)": "let y = x^y^z\n",
  });
});

Deno.test("formatProgram() keeps the author's lines, and breaks those that are too long", () => {
  check({
    "override fit{lr=0.1 momentum=0.5}": "override fit { lr = 0.1   momentum = 0.5 }\n",
    "override fit{lr=0.1\nmomentum=0.5}": "override fit {\n  lr       = 0.1\n  momentum = 0.5\n}\n",
    "inner fit { over net.body by sgd(lr=0.1)\nover net.head by adam()\nfor 5 steps }":
      "inner fit {\n  over net.body   by sgd(lr = 0.1)\n  over net.head   by adam()\n  for  5 steps\n}\n",
    "task t { }": "task t {}\n",
    "task t {\n}": "task t {}\n",
    "gradient E wrt a, b expect { value = 1 within 2 }": "gradient E wrt a, b expect { value = 1 within 2 }\n",
    "gradient E after t\nacross 3 s wrt a": "gradient E\nwrt      a\nacross   3 s\nafter    t\n",
    "let a = 1 let bb = 2": "let a  = 1\nlet bb = 2\n",
    [`let a = f(${"argument, ".repeat(12)}last)`]: `let a = f(\n${"  argument,\n".repeat(12)}  last\n)\n`,
    [`let a = ${"term + ".repeat(20)}last`]: `let a = term\n${"  + term\n".repeat(19)}  + last\n`,
    [`fn f(x) = ${"a".repeat(60)} + ${"b".repeat(50)}`]: `fn f(x) =\n  ${"a".repeat(60)} + ${"b".repeat(50)}\n`,
    [`data d { x : [40] = [${"1.5, ".repeat(39)}-2] }`]: `data d {\n  x : [40] = [${
      "1.5, ".repeat(20)
    }1.5,\n              ${"1.5, ".repeat(18)}-2]\n}\n`,
    [`record ${"trainer.loss, ".repeat(9)}end`]: `record ${
      "trainer.loss, ".repeat(7)
    }trainer.loss,\n       trainer.loss, end\n`,
    [`inner fit { minimize ${"x".repeat(60)} over net by sgd(lr = 0.1) for T = 5 steps batch 64 of train }`]:
      `inner fit {\n  minimize ${"x".repeat(60)}\n  over     net\n  by       sgd(lr = 0.1)\n` +
      "  for      T = 5 steps\n  batch    64 of train\n}\n",
  });
});

Deno.test("formatProgram() aligns neighbours of one kind", () => {
  check({
    "input K : int = 10\ninput seeds : float = 0": "input K     : int   = 10\ninput seeds : float = 0\n",
    "input K : int = 10\n\ninput seeds : float = 0": "input K : int = 10\n\ninput seeds : float = 0\n",
    "model m(x) {\nW : [1, 40] ~ glorot() b : [40] = 0\nlong : [40, 40] ~ glorot()\nc = 0\nreturn x\n}":
      "model m(x) {\n  W    : [1, 40]  ~ glorot()   b : [40] = 0\n  long : [40, 40] ~ glorot()\n  c    = 0\n  return x\n}\n",
    "model m(x) {\nuse a = dense(40, init = g())\nuse bb = dense(1, init = g())\nuse c = conv(3)\nreturn x\n}":
      "model m(x) {\n  use a  = dense(40, init = g())\n  use bb = dense(1,  init = g())\n  use c  = conv(3)\n  return x\n}\n",
    "optimizer o(lr) {\nstate m = 0\nstate long = 0\nm' = g\nlong' = m'\n}":
      "optimizer o(lr) {\n  state m    = 0\n  state long = 0\n  m'    = g\n  long' = m'\n}\n",
    "evaluate e {\nacross 3 t\nreport x at t in 0..T\nfor T=3 steps\n}":
      "evaluate e {\n  across 3 t\n  report x at t in 0 .. T\n  for    T = 3 steps\n}\n",
  });
});

Deno.test("formatProgram() keeps comments where they were", () => {
  check({
    "// a\n\n\n\n// b\nlet x=1// c\n\n// d\n": "// a\n\n// b\nlet x = 1  // c\n\n// d\n",
    "let x=1          // far\nlet yyyy=2       // far": "let x    = 1     // far\nlet yyyy = 2     // far\n",
    "inner f { // head\n// own\nover x // behind\n\n// last\n}":
      "inner f { // head\n  // own\n  over x // behind\n\n  // last\n}\n".replace("{ //", "{  //").replace(
        "x //",
        "x  //",
      ),
    "let y = a // first\n+ b // second\n+ c // third": "let y = a  // first\n  + b  // second\n  + c  // third\n",
    "let y = f( // one\na, // two\nb // three\n)": "let y = f(  // one\n  a,  // two\n  b  // three\n)\n",
    "inner f {\n  minimize a // data\n  + b // penalty\n  over x\n}":
      "inner f {\n  minimize a  // data\n             + b // penalty\n  over     x\n}\n".replace("b //", "b  //"),
    'import a, // why\nb from "x"': 'import a, b from "x"  // why\n',
    "model m(x : [n], // input\ny) { return x // out\n}":
      "model m(\n  x : [n],  // input\n  y\n) {\n  return x    // out\n}\n",
  });
});

Deno.test("formatProgram() reads any line end and writes one kind", () => {
  assertEquals(format("let a = 1\r\n\r\n\r\n// b\r\nlet c = 2\r\n"), "let a = 1\n\n// b\nlet c = 2\n");
  assertEquals(format("\ufefflet a = 1 // x\rlet b = 2"), "let a = 1  // x\nlet b = 2\n");
  assertEquals(format(" \n\n"), "");
});
