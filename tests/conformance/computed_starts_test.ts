// Does a start that is computed from a learned value carry its derivative, in every estimator and wherever it stands? Against
// closed forms, exact differences of quadratics, and plain loops.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";

const header = "edition 1\n  precision f64\n  ";
const run = (source: string, options: { seed?: number; backend?: "reference" | "wasm" } = {}) =>
  compile(header + source).run(options);

/** The derivative of a plain function at x by central differences with one Richardson step: of order h^4. */
function slopeOf(f: (x: number) => number, x: number, h = 1e-3): number {
  const slope = (h: number) => (f(x + h) - f(x - h)) / (2 * h);
  return (4 * slope(h / 2) - slope(h)) / 3;
}

/** w starts at theta and is pulled to it and to 3: w' = 0.5 w + 0.25 theta + 0.75. What is asked for is 0.5 (w@T - 5)^2. */
const pulled = (through: string, steps = 1, more = "gradient 0.5 * (w@T - 5)^2 wrt theta", start = "theta") =>
  `param theta = 1
  param w = ${start}
  inner adapt {
    minimize 0.5 * (w - 3)^2 + 0.5 * (w - theta)^2
    over w by sgd(lr = 0.25)
    for T = ${steps} steps
    ${through}
  }
  ${more}`;

// by hand: w1 = 0.75 theta + 0.75 = 1.5, w2 = 0.625 theta + 1.125 = 1.75
for (
  const [through, steps, slope, what] of [
    ["", 1, 0.75 * -3.5, "the whole derivative"],
    ["through forward()", 1, 0.75 * -3.5, "the whole derivative"],
    ["through first_order()", 1, 1 * -3.5, "the gradient is a constant, the start is not"],
    ["", 2, 0.625 * -3.25, "the whole derivative"],
    ["through unroll(window = 2)", 2, 0.625 * -3.25, "the whole derivative"],
    ["through unroll(window = 1)", 2, 0.25 * -3.25, "the last step alone"],
    ["through finite_difference()", 1, 0.25 * -3.5, "one step at the end, which forgets the start"],
    // |w@T - 2| = 2^-60: at the solution (3 + theta) / 2
    ["through implicit()", 60, 0.5 * -3, "the solution forgets the start"],
  ] as const
) {
  Deno.test(`a start is a learned value: ${through || "unroll"}, ${steps} steps: ${what}`, async () => {
    for (const backend of ["reference", "wasm"] as const) {
      const found = await run(pulled(through, steps), { backend });
      // a central difference of a quadratic is exact but for rounding, which it divides by its step
      const within = through.includes("difference") ? 1e-7 : 1e-12;
      assertAlmostEquals(found.gradient("theta").data[0]!, slope, within, backend);
    }
  });
}

for (const through of ["es(samples = 7, sigma = 0.1)", "pes(samples = 7, sigma = 0.1, window = 1)"]) {
  Deno.test(`${through} perturbs the start with the value that it is`, async () => {
    // antithetic differences of a quadratic are exact: the estimate is the slope times the mean of e^2, with the same e for both
    // programs; from a constant start the slope is 0.25 (w1 - 5)
    const slopes = async (program: string) => (await run(program)).gradient("theta").data[0]!;
    const moving = await slopes(pulled(`through ${through}`));
    const still = await slopes(pulled(`through ${through}`, 1, undefined, "1"));
    assertAlmostEquals(moving / still, 3, 1e-11);
    const step = (start: string) =>
      pulled(
        `through ${through}`,
        1,
        "outer train { minimize 0.5 * (w@T - 5)^2 over theta by sgd(lr = 1) for 1 steps }",
        start,
      );
    const moved = async (start: string) => (await run(step(start))).parameter("theta").data[0]! - 1;
    assertAlmostEquals(await moved("theta") / await moved("1"), 3, 1e-11);
  });
}

// windows of one step: e0 moves the start and the first step, e1 the second. The expected sums over both windows, halved:
// 0.75 (w1 - 5) e0^2 and (w2 - 5) (0.375 e0 + 0.25 e1) times e0 + e1 (persistent), times e1 (not).
for (
  const [kind, expected, variance] of [
    ["pes", (-2.625 - 3.25 * 0.625) / 2, 2 * 1.921875 ** 2 + 1.015625 ** 2 + 2 * 0.40625 ** 2],
    ["es", (-2.625 - 3.25 * 0.25) / 2, 2 * 1.3125 ** 2 + 0.609375 ** 2 + 2 * 0.40625 ** 2],
  ] as const
) {
  Deno.test(`windows of ${kind} perturb the start in the first window alone`, async () => {
    const samples = 4096;
    const found = await run(pulled(`through ${kind}(samples = ${samples}, sigma = 0.1, window = 1)`, 2));
    // five standard errors
    assertAlmostEquals(found.gradient("theta").data[0]!, expected, 5 * Math.sqrt(variance / samples));
  });
}

Deno.test("an outer moves the start with what it learns, in every one of its steps", async () => {
  const found = await run(
    pulled(
      "",
      1,
      `outer train { minimize 0.5 * (w@T - 5)^2 over theta by sgd(lr = 0.5) for 4 steps }
    record theta, w@* every 1 steps
    gradient 0.5 * (w@T - 5)^2 wrt theta after train
    evaluate e { report w@0 report w@T }`,
    ),
  );
  let theta = 1;
  for (const value of found.recorded("theta").values) {
    assertAlmostEquals(value.data[0]!, theta, 1e-13);
    theta -= 0.5 * 0.75 * (0.75 * theta + 0.75 - 5);
  }
  theta = found.parameter("theta").data[0]!;
  assertAlmostEquals(found.gradient("theta").data[0]!, 0.75 * (0.75 * theta + 0.75 - 5), 1e-13);
  const [start, end] = found.evaluation("e").reports.map((r) => r.points[0]!.mean);
  assertAlmostEquals(start!, theta, 1e-15);
  assertAlmostEquals(end!, 0.75 * theta + 0.75, 1e-14);
});

for (const through of ["", "through forward()"]) {
  Deno.test(`an outer that another loop runs moves the start, and is differentiated so ${through}`, async () => {
    const found = await run(
      pulled(
        "",
        1,
        `outer mid { minimize 0.5 * (w@T - 5)^2 over theta by sgd(lr = 0.5) for M = 3 steps ${through} }
      gradient theta@M wrt mid.lr, theta@0`,
      ),
    );
    // theta - 17/3 shrinks by 1 - 0.5625 lr each step
    const factor = 1 - 0.5625 * 0.5;
    const rest = 1 - 17 / 3;
    assertAlmostEquals(found.value(), 17 / 3 + rest * factor ** 3, 1e-13);
    assertAlmostEquals(found.gradient("mid.lr").data[0]!, rest * 3 * factor ** 2 * -0.5625, 1e-13);
    assertAlmostEquals(found.gradient("theta@0").data[0]!, factor ** 3, 1e-13);
  });
}

Deno.test("samples inside a middle outer perturb the start", async () => {
  const mid = (start: string) =>
    pulled(
      "through es(samples = 5, sigma = 0.1)",
      1,
      `outer mid { minimize 0.5 * (w@T - 5)^2 over theta by sgd(lr = 1) for M = 1 steps }
      evaluate e { report theta@M - 1 }`,
      start,
    );
  const moved = async (start: string) => (await run(mid(start))).evaluation("e").reports[0]!.points[0]!.mean;
  assertAlmostEquals(await moved("theta") / await moved("1"), 3, 1e-11);
});

Deno.test("chains: a start of a start, a `let` that two starts read, a function of one", async () => {
  const found = await run(`param a = 2
    let twice = 2 * a
    fn half(x) = x / 2
    param b = 3 * a
    param c = b + twice
    param d = twice
    param e = half(c) * d
    gradient b * c + d * e wrt a`);
  // b = 3a, c = 5a, d = 2a, e = 5a^2: 15 a^2 + 10 a^3
  assertEquals(found.value(), 140);
  assertEquals(found.gradient("a").data[0], 30 * 2 + 30 * 4);
});

Deno.test("a start is where another loop ends, or what it loses there", async () => {
  const program = (start: string) =>
    `param theta = 4
    param c = 1
    param u = theta
    param v = ${start}
    inner first { minimize (u - c)^2 over u by sgd(lr = 0.25) for T = 2 steps }
    inner second { minimize (v - 2)^2 over v by sgd(lr = 0.25) for S = 1 steps }
    gradient v@S wrt theta, c, first.lr`;
  // u2 = c + (1 - 2 lr)^2 (theta - c), v1 = 0.5 v + 1
  const ends = await run(program("u@T"));
  assertAlmostEquals(ends.value(), 0.5 * 1.75 + 1, 1e-15);
  assertAlmostEquals(ends.gradient("theta").data[0]!, 0.5 * 0.25, 1e-15);
  assertAlmostEquals(ends.gradient("c").data[0]!, 0.5 * 0.75, 1e-15);
  assertAlmostEquals(ends.gradient("first.lr").data[0]!, 0.5 * 2 * 0.5 * -2 * 3, 1e-14);
  const loses = await run(program("first.loss@T"));
  assertAlmostEquals(loses.gradient("theta").data[0]!, 0.5 * 2 * 0.75 * 0.25, 1e-15);
});

Deno.test("a sensitivity sees what starts where a loop passes", async () => {
  const found = await run(`param u = 4
    param v = u@1
    inner first { minimize (u - 1)^2 over u by sgd(lr = 0.25) for T = 2 steps }
    inner second { minimize (v - 2)^2 over v by sgd(lr = 0.25) for S = 1 steps }
    param k = 1
    outer train { minimize k * v@S + u@T over k by sgd(lr = 0) for 1 steps }
    record train.sensitivity`);
  // v1 = 0.5 u1 + 1, u2 = 0.5 u1 + 0.5, u1 = 0.5 u0 + 0.5
  const slopes = found.recorded("train.sensitivity[u]@*").values[0]!.data;
  [0.5, 1, 1].forEach((slope, t) => assertAlmostEquals(slopes[t]!, slope, 1e-15));
});

Deno.test("draws with a learned spread and mean", async () => {
  const program = (scale: number, mean: number, across: string) =>
    `param scale = ${scale}
    param mean = ${mean}
    task one { k ~ uniform(0, 1)  split s { x = k } }
    param w : [3] ~ normal(mean, scale)
    inner adapt { minimize sum((w - 3)^2) over w by sgd(lr = 0.1) for T = 1 steps }
    gradient sum((w@T)^2) wrt scale, mean ${across}`;
  for (const across of ["", "across 2 one", "across 2 one fixed"]) {
    const value = async (scale: number, mean: number) => (await run(program(scale, mean, across))).value();
    const found = await run(program(0.5, 0.1, across));
    // quadratic in both: differences are exact but for rounding
    const byScale = (await value(1.5, 0.1) - await value(-0.5, 0.1)) / 2;
    const byMean = (await value(0.5, 1.1) - await value(0.5, -0.9)) / 2;
    assertAlmostEquals(found.gradient("scale").data[0]!, byScale, 1e-13, across);
    assertAlmostEquals(found.gradient("mean").data[0]!, byMean, 1e-13, across);
  }
});

Deno.test("the start of a model's parameter is learned", async () => {
  const found = await run(`param b0 : [2] = [0.1, 0.2]
    data d { x : [2, 1] = [[1], [2]]  y : [2, 1] = [[1], [3]] }
    model part(x : [n, 1]) -> [n, 2] {
      W : [1, 2] = [[0.3, -0.2]]
      b : [2]    = b0
      return tanh(dot(x, W) + b)
    }
    model net(x : [n, 1]) -> [n, 1] {
      use hidden = part
      return sum(hidden(x), axis = -1, keep = true)
    }
    inner fit { minimize mse(net(d.x), d.y)  over net  by sgd(lr = 0.1)  for T = 2 steps }
    gradient fit.loss@T + 0.1 * sum(b0) wrt b0`);
  const value = (b0: readonly number[]): number => {
    const [x, y, w, b] = [[1, 2], [1, 3], [0.3, -0.2], [...b0]];
    const act = (i: number, j: number) => Math.tanh(x[i]! * w[j]! + b[j]!);
    const miss = (i: number) => act(i, 0) + act(i, 1) - y[i]!;
    for (let t = 0; t < 2; t++) {
      const slope = (i: number, j: number) => miss(i) * (1 - act(i, j) ** 2);
      const gw = [0, 1].map((j) => slope(0, j) * x[0]! + slope(1, j) * x[1]!);
      const gb = [0, 1].map((j) => slope(0, j) + slope(1, j));
      for (const j of [0, 1]) {
        w[j]! -= 0.1 * gw[j]!;
        b[j]! -= 0.1 * gb[j]!;
      }
    }
    return (miss(0) ** 2 + miss(1) ** 2) / 2 + 0.1 * (b0[0]! + b0[1]!);
  };
  assertAlmostEquals(found.value(), value([0.1, 0.2]), 1e-14);
  // of order h^4 = 1e-12, and rounding 1e-16 / h
  const slopes = [slopeOf((x) => value([x, 0.2]), 0.1), slopeOf((x) => value([0.1, x]), 0.2)];
  slopes.forEach((slope, j) => assertAlmostEquals(found.gradient("b0").data[j]!, slope, 1e-11));
});

for (const through of ["", "through forward()"]) {
  Deno.test(`rates as an array of formulas of a learned number ${through}`, async () => {
    const found = await run(`param a = 0.1
      param w = 4
      inner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.3)  for T = 3 steps ${through} }
      override fit { lr = [a, 0.5 * a, 0.25 * a] per step }
      gradient (w@T)^2 + 0.01 * a wrt a`);
    // w3 - 1 = 3 (1 - 2a) (1 - a) (1 - a/2) = 2.052: by hand
    assertAlmostEquals(found.value(), 3.052 ** 2 + 0.001, 1e-13);
    const slope = 3 * (-2 * 0.9 * 0.95 - 0.8 * 0.95 - 0.5 * 0.8 * 0.9);
    assertAlmostEquals(found.gradient("a").data[0]!, 2 * 3.052 * slope + 0.01, 1e-12);
  });
}

Deno.test("other items change nothing: a start follows what is learned unless it is learned itself", async () => {
  const alone = await run(pulled(""));
  const beside = await run(pulled(
    "",
    1,
    `gradient 0.5 * (w@T - 5)^2 wrt theta
    gradient 0.5 * (w@T - 4)^2 wrt w@0`,
  ));
  assertEquals(beside.gradient("theta").data[0], alone.gradient("theta").data[0]);
  // from w@0 = 1 = theta: w1 = 0.5 w0 + 1
  assertAlmostEquals(beside.gradient("w@0").data[0]!, 0.5 * (1.5 - 4), 1e-14);
  const outer = "outer train { minimize 0.5 * (w@T - 5)^2 over theta by sgd(lr = 0.5) for 3 steps }";
  const evaluation = "evaluate e { report w@0 }";
  const learned = await run(pulled("", 1, `${outer} ${evaluation}`));
  const both = await run(pulled("", 1, `${outer} ${evaluation} gradient 0.5 * (w@T - 4)^2 wrt w@0`));
  assertEquals([...both.losses("train")], [...learned.losses("train")]);
  assertEquals(both.evaluation("e").reports[0]!.points[0]!.mean, both.parameter("theta").data[0]);
});

Deno.test("a start that is drawn with a learned spread is drawn alike for the items that ask for it and beside them", async () => {
  const program = (scale: number, more: string) =>
    `param scale = ${scale}
    param w : [2] ~ normal(0, scale)
    inner adapt { minimize sum((w - 3)^2) over w by sgd(lr = 0.1) for T = 1 steps }
    gradient sum((w@T)^2) wrt scale
    ${more}`;
  const beside = (scale: number) => run(program(scale, "gradient sum((w@T)^2) wrt w@0"));
  const found = await beside(0.5);
  assertEquals(found.gradients[0]!.value, found.gradients[1]!.value);
  const difference = ((await beside(1.5)).gradients[0]!.value - (await beside(-0.5)).gradients[0]!.value) / 2;
  assertAlmostEquals(found.gradient("scale").data[0]!, difference, 1e-13);
  assert(Math.abs(difference) > 0.1);
});

Deno.test("a start that a matrix makes, and two heads that start at one value", async () => {
  const made = await run(`data d { z : [2] = [1, 1]  target : [2] = [0.5, 2] }
    param A : [2, 2] = [[0.2, 0.1], [0, 0.3]]
    param x : [2] = dot(A, d.z)
    inner solve { minimize 0.5 * sum((x - d.target)^2)  over x  by sgd(lr = 0.1)  for T = 3 steps }
    gradient sum((x@T)^2) wrt A`);
  // x3 = target + 0.9^3 (A z - target), and z = 1
  [0.5 + 0.729 * (0.3 - 0.5), 2 + 0.729 * (0.3 - 2)].forEach((x, row) => {
    for (const column of [0, 1]) {
      assertAlmostEquals(made.gradient("A").data[2 * row + column]!, 2 * 0.729 * x, 1e-14);
    }
  });
  const heads = await run(`param start : [2] = [0.5, -0.5]
    param headA : [2] = start
    param headB : [2] = start
    inner a { minimize sum((headA - [1, 2])^2)  over headA  by sgd(lr = 0.1)  for T = 2 steps }
    inner b { minimize sum((headB - [3, 0])^2)  over headB  by sgd(lr = 0.1)  for S = 2 steps }
    outer train { minimize sum((headA@T)^2) + sum((headB@S)^2)  over start  by sgd(lr = 0.1)  for 3 steps }`);
  [[0.5, 1, 3], [-0.5, 2, 0]].forEach(([start, a, b], i) => {
    let x = start!;
    // each head keeps 0.64 of its distance
    for (let t = 0; t < 3; t++) x -= 0.1 * 2 * 0.64 * (a! + 0.64 * (x - a!) + b! + 0.64 * (x - b!));
    assertAlmostEquals(heads.parameter("start").data[i]!, x, 1e-14);
  });
});
