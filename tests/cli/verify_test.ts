// Does `meta.ts verify` find what is wrong, and nothing where all is right? And what does `explain` say of a program?
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../../meta.ts";
import { capturedConsole } from "./captured_console.ts";
import { cutting, verifyText } from "./planted.ts";

async function call(verb: string, source: string, ...more: string[]) {
  const folder = Deno.makeTempDirSync();
  const file = `${folder}/program.meta`;
  Deno.writeTextFileSync(file, source);
  const console = capturedConsole({ width: 100 });
  const code = await main([verb, file, ...more], console);
  Deno.removeSync(folder, { recursive: true });
  return { code, ...console.written };
}

const program = (objective: string, { through = "", wrt = "c", steps = 20 } = {}) =>
  `edition 1
  param w : [2] = 0
  param c = 0.3
  inner fit { minimize ${objective} over w by sgd(lr = 0.1) for T = ${steps} steps ${through} }
  gradient sum((w@T - 0.2)^2) wrt ${wrt}`;

const plain = "sum((w - [1, 2])^2) + exp(c) * sum(w^2)";

Deno.test("verify finds a right gradient right, backwards and forwards, in float64 whatever the file's precision", async () => {
  const { code, out } = await call("verify", program(plain, { wrt: "c, w@0, fit.lr" }));
  assertEquals(code, 0, out);
  assertStringIncludes(out, "program.meta: float64, reference\n");
  assertMatch(out, /fit\.lr +\S+ +difference +\S+ +± \S+ +ok/);
  assertMatch(out, /backwards and forwards agree to \d\.\de-1[4-9]/);
  assertStringIncludes(out, "verdict: 9 comparisons, as promised");
});

Deno.test("verify catches a planted cut term", async () => {
  const { code, out } = await verifyText(program(`${plain} + sin(c) * sum(w)`), { compile: cutting("sin") });
  assertEquals(code, 4, out);
  assertMatch(out, /c .* WRONG, off by [+-]\d+ %/);
  assertStringIncludes(out, "verdict: 1 of ");
});

Deno.test("verify names a gradient of the wrong sign", async () => {
  // the value is 2 sin(c) - c; without the first term its slope turns its sign
  const { code, out } = await verifyText(
    `edition 1
    param w = 0
    param c = 0.1
    inner fit { minimize (w - sin(c))^2 over w by sgd(lr = 0.5) for T = 1 steps }
    gradient 2 * w@T - c wrt c`,
    { compile: cutting("sin") },
  );
  assertEquals(code, 4);
  assertStringIncludes(out, "WRONG SIGN");
});

Deno.test("verify shows the bias of an estimator that has one, and the sign that it turns", async () => {
  const ridge = (through: string) =>
    `edition 1
    let X = [[1, 2], [3, 4], [5, 7]]
    param w : [2] = 0
    param c = log(0.1)
    inner fit { minimize 0.5 * mean((dot(X, w) - [1, 2, 3])^2) + 0.5 * exp(c) * sum(w^2) over w by sgd(lr = 0.05) for T = 40 steps ${through} }
    gradient 0.5 * mean((dot([[2, 1], [1, 3]], w@T) - 1)^2) wrt c`;
  for (const through of ["unroll(window = 5)", "finite_difference(factor = 1)"]) {
    const { code, out } = await call("verify", ridge(`through ${through}`));
    assertEquals(code, 0, out);
    assertMatch(out, /bias [+-][\d.]+ %/, through);
    assertStringIncludes(out, "biased, as the estimator says");
  }
  const turned = await call("verify", ridge("through finite_difference(factor = 1)"));
  assertStringIncludes(turned.out, "of the other sign");
});

Deno.test("verify gives an implicit loop the steps that it needs, and shows what a poor solve leaves", async () => {
  const good = await call("verify", program(plain, { through: "through implicit()", steps: 5 }));
  assertEquals(good.code, 0, good.out);
  assertMatch(good.out, /c .* ok/);
  assertMatch(good.out, /in 10+ times its steps/);
  assertMatch(good.out, /implicit and unrolled agree to \d\.\de-(9|1\d)/);
  const poor = await call(
    "verify",
    program("sum([1, 9] * (w - [1, 2])^2) + exp(c) * sum(w^2)", {
      through: "through implicit(solver = cg, iterations = 1)",
    }).replace("0.1) for", "0.02) for"),
  );
  assertEquals(poor.code, 0, poor.out);
  assertStringIncludes(poor.out, "solved in part only");
});

Deno.test("verify compares the mean of sampled gradients with the exact one", async () => {
  const { code, out } = await call("verify", program(plain, { through: "through es(samples = 50, sigma = 0.01)" }));
  assertEquals(code, 0, out);
  assertMatch(out, /mean of 24 seeds .* exact .* inside 3 standard errors/);
});

Deno.test("verify takes a smaller instance of what would take too long, and says so", async () => {
  const { code, out } = await call("verify", program(plain, { steps: 3_000_000 }));
  assertEquals(code, 0, out);
  assertStringIncludes(out, "float64, reference, loops of at most 100 steps");
});

Deno.test("verify gets past the kinks of relu", async () => {
  const { code, out } = await call(
    "verify",
    `edition 1
    data d { x : [6, 1] = [[-1], [-0.5], [0.3], [0.4], [1], [2]]  y : [6, 1] = [[1], [0], [1], [0.5], [2], [3]] }
    model net(x : [n, 1]) -> [n, 1] { use a = dense(8)  use b = dense(1)  return b(relu(a(x))) }
    inner fit { minimize mse(net(d.x), d.y) over net by sgd(lr = 0.05) for T = 3 steps }
    gradient mse(net@T(d.x), d.y) wrt net@0`,
  );
  assertEquals(code, 0, out);
});

Deno.test("verify says when there is nothing to verify, and what is wrong with a program", async () => {
  const none = await call("verify", "edition 1\nlet w = 0");
  assertEquals(none.code, 2);
  assertStringIncludes(none.err, "nothing to verify");
  assertEquals((await call("verify", "edition 1\nparam w = v")).code, 1);
});

Deno.test("verify --json gives an object for each comparison and the verdict", async () => {
  const { code, out } = await call("verify", program(plain), "--json");
  const lines = out.trim().split("\n").map((line) => JSON.parse(line));
  // c, the two entries of w and both at once, the item and the start on the backend
  assertEquals(lines.map((l) => l.kind), [...Array(5).fill("verify"), "verdict"]);
  assertEquals([code, lines[0].verdict, lines.at(-1)], [0, "ok", {
    kind: "verdict",
    compared: 5,
    wrong: 0,
    undecided: 0,
  }]);
});

const nested = `edition 1
  param w = 0
  param theta = 0.5 in 0 .. 1
  task number { a ~ uniform(1, 3)  split support { x = a } }
  inner fit { minimize (w - theta * support.x)^2 over w by adam(lr = 0.5) for T = 4 steps through unroll(window = 2) }
  outer train { minimize (w@T - 1)^2 across 3 number over theta, fit.lr by sgd(lr = 0.1) for 50 steps }`;

Deno.test("explain writes the problem, whose each symbol is, the loops, the estimator, and what it will take", async () => {
  const { code, out } = await call("explain", nested);
  assertEquals(code, 0);
  for (
    const line of [
      "train:  min over theta, fit.lr   mean over 3 number of  (w@T - 1)^2",
      "where fit makes  w@T  in T = 4 steps:",
      "w@(t+1) = adam(lr = 0.5) on d/d w ((w - theta * support.x)^2)",
      "theta   number in 0 .. 1  learned by train (theta)",
      "inner fit, 4 steps",
      "unroll(window = 2); biased: back through the last steps only",
      "train.step  keep all",
    ]
  ) assertStringIncludes(out, line);
  assertMatch(out, /train\.step +keep all +[\d.]+ k?B +[\d,]+ FLOPs +[\d.]+ (µs|ms) +50/);
});

Deno.test("explain says which plan fits a budget, and refuses what none fits", async () => {
  const long = nested.replace("T = 4", "T = 2000").replace("through unroll(window = 2)", "");
  const tight = await call("explain", long, "--memory", "25kB");
  assertEquals(tight.code, 0, tight.err);
  assertMatch(tight.out, /train\.step .*(carry|checkpoints).* of [\d.]+ k?B/);
  const none = await call("explain", long, "--memory", "1kB");
  assertEquals(none.code, 3);
  assertStringIncludes(none.err, "does not fit 1 kB of memory");
  assert(none.out.includes("problem"));
});
