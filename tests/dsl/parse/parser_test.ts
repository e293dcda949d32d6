// Is every construct of the language read as language.md says?
import { assert, assertEquals } from "@std/assert";
import type { Expression } from "../../../dsl/syntax/ast.ts";
import { usualLimits } from "../../../runtime/limits.ts";
import { keywords } from "../../../dsl/syntax/keywords.ts";
import { parseProgram } from "../../../dsl/parse/parse.ts";
import { printAst, printCst } from "../../../dsl/parse/print_tree.ts";
import { snapshotOf } from "../../snapshot.ts";

const snapshots = snapshotOf(import.meta.url);

function parse(text: string) {
  return parseProgram({ name: "t.meta", text });
}

/** The tree of a program without mistakes, as text. */
function tree(text: string): string {
  const { program, diagnostics } = parse(text);
  assertEquals(diagnostics, [], text);
  return printAst(program);
}

/** The tree of an expression, as text. */
function expressionTree(text: string): string {
  return tree(`let y = ${text}`).replace(/^\(Let y value: ([^]*)\)\n$/, "$1");
}

const constructs: Record<string, string> = {
  "head of a file": 'edition 1\nprecision f64\nmemory 2.5 GB\nimport dense, relu from "./layers.meta"',
  "inputs": "input K : int = 10\ninput name\n: float\ninput r = 0.5 in 0 .. 1\ninput b : bool",
  "values and functions": "let y = 3.5 * x\nfn sq(a) = a * a\nfn f(a : [n], b = 2, c : int = 3) = a\nfn g() = 1",
  "data from a file": 'data d from "d.csv" { x : [100, 1]  y : int [100] }',
  "data inline": "data line { x : [2] = [-1, 1]  m : [2, 2] = [[1, 2], [3, 4]]  empty : [] = 3 }",
  "task": `task sinusoid {
    A ~ uniform(0.1, 5)
    /// the wave
    fn f(x) = A * sin(x)
    let two = 2
    split support { x : [K, 1] ~ uniform(-5, 5)  y = f(x)  let a = 1  fn g(x) = x }
    split query { x : [K, 1] ~ uniform(-5, 5) }
  }`,
  "model": `model mlp(x : [n, 1]) -> [n, 1] {
    use l1 = dense(40, init = truncated_normal(0.01))
    /// the weights
    W : [1, 40] ~ glorot()
    b : [40] = 0 in 0 .. 1 via log
    let h = x |> l1
    return h |> relu |> l3(2)
  }`,
  "sized model": "model dense(units : int, init = glorot())(x : [n, m]) -> [n, units] { return x }",
  "scans and draws": `model rnn(xs) {
    draw u : [shape(xs)] ~ uniform(0, 1)
    draw one ~ normal(0, 1)
    scan run over x in xs { state h : [3] = 0  let z = h + x  h' = tanh(z) }
    scan count over t in 0 .. 9 { state s = one  s' = s + t }
    return run.h
  }`,
  "model without result and formals": "model prior() { w : [3] = 0 return w }",
  "param": "param s : [5000] = 0.5 in 0 .. 1\nparam t = 0.1 in 1e-8 .. inf via softplus",
  "inner": `inner fit {
    minimize mse(linear(train.x), train.y)
    over     net.body by sgd(lr = 0.1)   over net.head, net.tail by adam(lr = 1e-3)
    for      T = 5 steps
    batch    64 of train
    clip     norm 1.0
    through  unroll(window = 20)
    from     other@T
  }`,
  "inner with numbers":
    "inner a { maximize x for 10_000 steps }\ninner b { for K steps }\ninner c { for T = 2 * K step }",
  "outer": `outer train {
    minimize sum(mse(mlp@t(query.x), query.y) for t in 1 .. T)
    across 25 sinusoid
    over mlp@0, fit.lr
    by adam(lr = 1e-3)
    for 10_000 steps
    clip norm 10
  }`,
  "across":
    "outer a { across tasks regression }\nouter b { across 1 problem fixed }\nouter c { across 2 * n fixed fixed }",
  "evaluate": `evaluate test {
    across 600 sinusoid for T = 10 steps
    report mse(mlp@t(query.x), query.y) at t in 0 .. 10
    report loss
    every 1000 steps of train
    hold last
  }`,
  "override": `override fit {
    lr = 0.1 per tensor per step in 0 .. 1 via log
    momentum@t = m0 * t / T
    net.body.lr = 0.2
    net.body.momentum@t = 0.2
  }`,
  "optimizer":
    "optimizer learned(lr, scale = 0.01) { state m = 0 state v : [3, 3] = p  let d = g + p  m' = 0.9 * m  p' = p - m' }",
  "gradient": "gradient (predict.w@T - 3.5)^2 wrt predict.w@0, fit.lr",
  "gradient with everything":
    "gradient E wrt a@0, fit.lr[l1.W]@0 across 5 task after train expect { value = 1 within 1e-14 fit.lr = -2 within 1e-9 }",
  "gradient in another order": "gradient E after train across 5 task fixed expect { value = 1 within 2 } wrt a",
  "record":
    "record train.loss, mlp.l1.W@* every 100 steps of task 0\nrecord a every 2 * K steps\nrecord b of task 3\nrecord c",
  "documentation":
    "/// far away\n\n/// One.\n///   Two.\nlet a = 1\n/// Not a line above.\n\nlet b = 2 /// behind\nlet c = 3\n// plain\nlet d = 4\n//// no\nlet e = 5",
};

for (const [name, text] of Object.entries(constructs)) {
  Deno.test(`parseProgram() reads: ${name}`, async (t) => {
    await t.assertSnapshot(`${text}\n\n${tree(text)}`, snapshots);
  });
}

Deno.test("parseProgram() groups operators as on paper", () => {
  const cases: Record<string, string> = {
    "a + b * c": "(+ a (* b c))",
    "a - b - c": "(- (- a b) c)",
    "a / b / c": "(/ (/ a b) c)",
    "a * b / c * d": "(* (/ (* a b) c) d)",
    "-x^2": "(- (^ x 2))",
    "(-x)^2": "(^ (- x) 2)",
    "x^-2": "(^ x (- 2))",
    "x^y^z": "(^ x (^ y z))",
    "x^-y^z": "(^ x (- (^ y z)))",
    "x^-2 * y": "(* (^ x (- 2)) y)",
    "-a * b": "(* (- a) b)",
    "a * -b + c": "(+ (* a (- b)) c)",
    "--a": "(- (- a))",
    "a == b + 1": "(== a (+ b 1))",
    "a < b": "(< a b)",
    "x |> f |> g(2)": "(|> (|> x f) (call g 2))",
    "a + x |> f": "(|> (+ a x) f)",
    "a == b |> f": "(|> (== a b) f)",
    "a + (x |> f)": "(+ a (|> x f))",
    "w@T^2": "(^ (@ w T) 2)",
    "w@(T - 1)": "(@ w (- T 1))",
    "w@0 - w@t": "(- (@ w 0) (@ w t))",
    "w@*": "(@ w *)",
    "mlp@t(query.x)": "(call (@ mlp t) (. query x))",
    "mlp.l1.W@T[0, 1]": "(index (@ (. (. mlp l1) W) T) 0 1)",
    "f(a, b = c == d)": "(call f a b=(== c d))",
    "f(g(t) for t in 1 .. T - 1)": "(call f (call g t) (for t 1 (- T 1)))",
    "f()()": "(call (call f))",
    "m' + v'": "(+ m' v')",
    "[-1, [a, b], []]": "(list (- 1) (list a b) (list))",
    "x@W": "(@ x W)",
  };
  for (const [text, expected] of Object.entries(cases)) assertEquals(expressionTree(text), expected, text);
});

Deno.test("parseProgram() takes every free keyword as a name wherever nothing else is meant", () => {
  for (const { word } of keywords.filter(({ reserved }) => !reserved)) {
    tree(`
      input ${word} : int = 3
      let ${word} = ${word} + ${word}.${word}(${word}, ${word} = ${word})@${word} |> ${word}
      fn ${word}(${word}, ${word} : ${word} [${word}] = ${word}) = sum(${word} for ${word} in ${word} .. ${word})
      data ${word} from "d.csv" { ${word} : [${word}]  ${word} = ${word} }
      task ${word} { ${word} ~ ${word}(1)  split ${word} { ${word} : ${word} = 1 } }
      model ${word}(${word}) { use ${word} = ${word}(3)  ${word} : [2] = ${word}
        draw ${word} ~ ${word}  scan ${word} over ${word} in ${word} { state ${word} = 0  ${word}' = 1 }  return ${word} }
      optimizer ${word}(${word}) { state ${word} = 0  ${word}' = ${word}' + ${word} }
      inner ${word} {
        minimize ${word} over ${word} by ${word}(${word} = 1) for ${word} = ${word} steps batch ${word} of ${word}
        clip ${word} 1 through ${word}() from ${word}@${word}
      }
      override ${word} { ${word} = ${word} per ${word} in ${word} .. ${word} via ${word}  ${word}.${word}@${word} = 1 }
      outer ${word} { across ${word} ${word} fixed for ${word} steps }
      evaluate ${word} { report ${word} at ${word} in 1 .. 2 every ${word} steps of ${word} hold ${word} }
      gradient ${word} wrt ${word}, ${word}@0 after ${word} expect { ${word} = ${word} within ${word} }
      record ${word} every ${word} steps of task ${word}`);
  }
});

Deno.test("parseProgram() takes a value called like a keyword before what begins with a bracket", () => {
  for (const word of ["model", "optimizer"]) {
    const { program, diagnostics } = parse(`evaluate e { report ${word}  report (a + b) }`);
    assertEquals(diagnostics, [], word);
    const [item] = program.items;
    assertEquals(item?.kind === "Evaluate" && item.clauses.length, 2, word);
    assertEquals(parse(`let a = ${word}  gradient (a) wrt x`).diagnostics, [], word);
  }
});

Deno.test("parseProgram() takes a value called like a keyword before a task and an `after`", () => {
  const read = "gradient w across 2 + evaluate noise after train wrt w";
  assertEquals(parse(read).diagnostics, [], read);
  // where a value is forgotten, the block after it is read
  const { program, diagnostics } = parse("let y = \nevaluate noise after train { report w }");
  assertEquals([diagnostics.length, program.items.map(({ kind }) => kind)], [1, ["Let", "Evaluate"]]);
});

Deno.test("parseProgram() takes every keyword as a name after a dot", () => {
  for (const { word } of keywords) assertEquals(expressionTree(`a.${word}`), `(. a ${word})`);
});

Deno.test("parseProgram() gives every name and number the span of its text", () => {
  const text = constructs["inner"]! + constructs["model"] + constructs["gradient with everything"];
  let seen = 0;
  JSON.stringify(parse(text).program.items, (_key, value) => {
    if (value?.kind === "Number" || (typeof value?.name === "string" && value.span)) {
      assertEquals(text.slice(value.span.start, value.span.end), value.kind === "Number" ? value.text : value.name);
      seen++;
    }
    return value;
  });
  assert(seen > 40);
});

Deno.test("parseProgram() gives a whole expression the span of its text, parentheses included", () => {
  const text = "let y = (a + b) * f(c)[2] |> g";
  const spans: Record<string, string> = {};
  JSON.stringify(parse(text).program.items, (_key, value: Expression) => {
    if (value?.kind && value.span) spans[value.kind] ??= text.slice(value.span.start, value.span.end);
    return value;
  });
  assertEquals(spans["Pipe"], "(a + b) * f(c)[2] |> g");
  assertEquals(spans["Binary"], "(a + b) * f(c)[2]");
  assertEquals(spans["Index"], "f(c)[2]");
  assertEquals(spans["Call"], "f(c)");
});

Deno.test("parseProgram() keeps the text of numbers and reads their value", () => {
  const numbers = ["10_000", "1e-3", "0.30000001192092896", "2.5E+10", "007"].map((text) => {
    const item = parse(`edition ${text}`).program.items[0];
    return item?.kind === "Edition" ? [item.value.text, item.value.value] : undefined;
  });
  assertEquals(numbers, [
    ["10_000", 10000],
    ["1e-3", 0.001],
    ["0.30000001192092896", 0.30000001192092896],
    ["2.5E+10", 2.5e10],
    ["007", 7],
  ]);
});

Deno.test("parseProgram() reads every example and the standard library without complaint", async () => {
  for (const folder of ["../../../examples/", "../../../dsl/prelude/"]) {
    for await (const entry of Deno.readDir(new URL(folder, import.meta.url))) {
      if (!entry.name.endsWith(".meta")) continue;
      const text = await Deno.readTextFile(new URL(folder + entry.name, import.meta.url));
      assertEquals(parse(text).diagnostics, [], entry.name);
    }
  }
});

Deno.test("parseProgram() refuses expressions too deep for the passes that recurse, and no others", () => {
  const titles = (text: string) => parse(`let y = ${text}`).diagnostics.map(({ title }) => title);
  const tooDeep = [`An expression is more than ${usualLimits.terms} terms deep`];
  const most = usualLimits.terms;
  assertEquals(titles("1" + " + 1".repeat(most - 1)), []);
  assertEquals(titles("1" + " + 1".repeat(most)), tooDeep);
  assertEquals(titles("-".repeat(100_000) + "1"), tooDeep);
  assertEquals(titles("1" + "^1".repeat(100_000)), tooDeep);
  assertEquals(titles("a" + ".b".repeat(100_000)), tooDeep);
  assertEquals(titles(`[${"1, ".repeat(100_000)}1]`), []);
  assertEquals(titles("(".repeat(100) + "1" + ")".repeat(100)), []);
});

Deno.test("printCst() and printAst() show what recovery left", async (t) => {
  const { cst, program } = parse("inner fit {\n  minimize\n  over x\n}\nlet y = f(1");
  await t.assertSnapshot(printCst(cst) + "\n" + printAst(program), snapshots);
});
