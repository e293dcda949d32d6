// Is every estimator what its name says? A ridge regression whose exact hypergradient has a closed form: the exact one, and
// each approximation with the bias that it must have.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";
import { held, measuredTest } from "../runtime/measured.ts";

/** Inner 1/2 mean((X w - y)^2) + 1/2 e^lambda |w|^2 from zero by gradient descent of rate 0.05, outer 1/2 mean((Xv w - 1)^2),
 *  lambda = ln 0.1. */
function ridge(through: string, steps: number, body = "", wrt = "lambda"): string {
  return `edition 1
    precision f64
    input T : int = ${steps}
    let X = [[1, 2], [3, 4], [5, 7]]
    let y = [1, 2, 3]
    let Xv = [[2, 1], [1, 3]]
    param w : [2] = 0
    param lambda = log(0.1)
    inner fit {
      minimize 0.5 * mean((dot(X, w) - y)^2) + 0.5 * exp(lambda) * sum(w^2)
      over w by sgd(lr = 0.05) for T steps ${through}
    }
    ${body}
    gradient 0.5 * mean((dot(Xv, w@T) - 1)^2) wrt ${wrt}`;
}

async function slope(through: string, steps: number): Promise<number> {
  return (await compile(ridge(through, steps)).run()).gradient("lambda").data[0]!;
}

/** The estimator, the steps, the value, and half a unit of its last printed digit. */
const table: readonly (readonly [string, number, number, number])[] = [
  ["through unroll()", 10, 0.000458513957, 5e-13],
  ["through unroll()", 100, -0.002939511977, 5e-13],
  ["through unroll()", 1000, -0.022131782431, 5e-13],
  ["through unroll()", 10_000, -0.022265988530, 5e-13],
  ["through unroll(window = 1)", 1000, -1.5301e-5, 5e-10],
  ["through unroll(window = 5)", 1000, -0.000694770, 5e-10],
  ["through unroll(window = 20)", 1000, -0.002938437, 5e-10],
  ["through unroll(window = 100)", 1000, -0.011451740, 5e-10],
  ["through implicit(solver = neumann, iterations = 0)", 1000, -1.5302e-5, 5e-10],
  ["through implicit(solver = neumann, iterations = 1)", 1000, -0.000283782, 5e-10],
  ["through implicit(solver = neumann, iterations = 5)", 1000, -0.000882474, 5e-10],
  ["through implicit(solver = neumann, iterations = 20)", 1000, -0.003078187, 5e-10],
  ["through implicit(solver = neumann, iterations = 100)", 1000, -0.011533235, 5e-10],
  ["through implicit(solver = cg, iterations = 1)", 1000, -0.000124679, 5e-10],
  // two iterations are exact for two unknowns; the value is that of -(H^-1 u) e^lambda w by hand at w1000
  ["through implicit(solver = cg, iterations = 2)", 1000, -0.0222449941853, 5e-14],
  ["through finite_difference(factor = 1)", 1000, -0.000306038, 5e-10],
];

/** What is measured of each way, and how far off it may be; filled below. */
const rows = { "closed form": {} as Record<string, number>, "over seeds": {} as Record<string, number> };

/** Asserts that a way is off by `bound` at most, and notes it for docs/correctness.md. */
function near(column: keyof typeof rows, through: string, off: number, bound: number): void {
  const row = through.replace("through ", "");
  held([column, row], off, { bound, scale: 1, says: () => `${through}: off by ${off}, and ${bound} is allowed` });
}

for (const [through, steps, expected, within] of table) {
  const row = `${through}, T = ${steps}`;
  rows["closed form"][row.replace("through ", "")] = within;
  Deno.test(`ridge, ${through}, T = ${steps}: ${expected}`, async () => {
    near("closed form", row, Math.abs(await slope(through, steps) - expected), within);
  });
}

const solved = ["direct", "gmres", "normal_cg", "fixed_point, iterations = 4000", "neumann, iterations = 4000"]
  .map((solver) => `implicit(solver = ${solver})`);
for (const through of solved) rows["closed form"][`${through}, T = 1000`] = 1e-12;
rows["closed form"]["forward(), T = 1000"] = 1e-15;

Deno.test("the rest of the ways through the ridge are the same derivative", async () => {
  const exact = await slope("through implicit(solver = cg, iterations = 2)", 1000);
  for (const through of solved) {
    const off = Math.abs(await slope(`through ${through}`, 1000) - exact);
    near("closed form", `${through}, T = 1000`, off, 1e-12);
  }
  // the steps themselves, and the map of one step: the same series, whose terms are numbered from 0 and counted from 1
  for (const terms of [1, 2, 6, 21]) {
    const neumann = await slope(`through implicit(solver = neumann, iterations = ${terms - 1})`, 1000);
    const fixed = await slope(`through implicit(solver = fixed_point, iterations = ${terms})`, 1000);
    assertAlmostEquals(fixed, neumann, 1e-15, `${terms} terms`);
  }
  const apart = Math.abs(await slope("through forward()", 1000) - await slope("through unroll()", 1000));
  near("closed form", "forward(), T = 1000", apart, 1e-15);
  // a window as long as the loop cuts nothing
  assertEquals(await slope("through unroll(window = 10)", 10), await slope("through unroll()", 10));
  assertEquals(await slope("through unroll(window = 99)", 10), await slope("through unroll()", 10));
});

Deno.test("unroll, forward and implicit agree to 1e-8 where the inner gradient is under 1e-12", async () => {
  const at = (through: string) => compile(ridge(through, 6000, "evaluate end { report fit.gradient_norm@T }")).run();
  const runs = await Promise.all(["through unroll()", "through forward()", "through implicit()"].map(at));
  assert(runs[0]!.evaluation("end").reports[0]!.points[0]!.mean < 1e-12);
  const [unrolled, forward, implicit] = runs.map((run) => run.gradient("lambda").data[0]!);
  assertAlmostEquals(forward!, unrolled!, 1e-8 * Math.abs(unrolled!));
  assertAlmostEquals(implicit!, unrolled!, 1e-8 * Math.abs(unrolled!));
  // the closed form
  assertAlmostEquals(implicit!, -0.022265988530, 5e-13);
});

Deno.test("an implicit derivative says how near the loop was and how well the system was solved", async () => {
  const [near, far] = await Promise.all([
    compile(ridge("through implicit(solver = direct)", 6000)).run(),
    compile(ridge("through implicit(solver = cg, iterations = 1)", 10)).run(),
  ]);
  const [good] = near.gradients[0]!.implicit!;
  assert(good!.arrived && good!.loop === "fit" && good!.residual < 1e-12 && good!.gradientNorm < 1e-12);
  const [poor] = far.gradients[0]!.implicit!;
  assert(!poor!.arrived && poor!.residual > 1e-3 && poor!.gradientNorm > 1e-3 * poor!.startNorm);
});

/** L(v) = |v - 1|^2 after T steps of rate 0.1 on sum((w - v)^2): quadratic, so smoothing does not change its gradient. */
const quadratic = (through: string) =>
  `edition 1
  precision f64
  param w : [3] = 0
  param v : [3] = [0.5, -1, 2]
  inner fit { minimize 0.5 * sum((w - v)^2) over w by sgd(lr = 0.1) for T = 10 steps ${through} }
  gradient sum((w@T - 1)^2) wrt v`;

const smoothed = "es(samples = 8, sigma = 0.3)";
const persistentWay = "pes(samples = 32, sigma = 0.2, window = 4)";
for (const through of [smoothed, persistentWay]) rows["over seeds"][through] = 4;

Deno.test("es is unbiased on a quadratic: the mean over seeds meets the gradient within its own interval", async () => {
  const exact = (await compile(quadratic("")).run()).gradient("v").data;
  const sampled = compile(quadratic(`through ${smoothed}`));
  const runs = 64;
  const draws: number[][] = [[], [], []];
  for (let seed = 0; seed < runs; seed++) {
    const run = await sampled.run({ seed });
    run.gradient("v").data.forEach((g, i) => draws[i]!.push(g));
    assertEquals(run.value(), (await sampled.run({ seed: 0 })).value(), "the value is that without noise");
  }
  draws.forEach((list, i) => {
    const mean = list.reduce((a, b) => a + b) / runs;
    const spread = Math.sqrt(list.reduce((s, x) => s + (x - mean) ** 2, 0) / (runs - 1) / runs);
    // 4 standard errors: three such tests miss by chance once in 5,000 choices of seeds
    near("over seeds", smoothed, Math.abs(mean - exact[i]!) / spread, 4);
    assert(spread > 0 && spread < 0.5 * Math.abs(exact[i]!), `${spread} against ${exact[i]}`);
  });
});

Deno.test("es sees what derivatives do not: a step, and integers", async () => {
  const run = await compile(`edition 1
    precision f64
    param w = 0
    param v = 0.05
    inner fit { minimize (w - v)^2 over w by sgd(lr = 0.1) for T = 5 steps through es(samples = 4000, sigma = 0.5) }
    gradient step(w@T) wrt v`).run();
  // E step(c (v + sigma e)) has the slope of the normal distribution function: phi(v / sigma) / sigma
  const slope = Math.exp(-0.5 * (0.05 / 0.5) ** 2) / Math.sqrt(2 * Math.PI) / 0.5;
  assertAlmostEquals(run.gradient("v").data[0]!, slope, 0.05);
});

Deno.test("an outer loop learns through every estimator", async () => {
  const program = (through: string) =>
    `edition 1
    precision f64
    param w : [2] = 0
    param a = 0.3
    inner fit { minimize sum((w - [1, 2])^2) + exp(a) * sum(w^2) over w by sgd(lr = 0.05) for T = 60 steps ${through} }
    outer train { minimize sum((w@T - [0.25, 0.5])^2) over a by sgd(lr = 0.5) for 40 steps }`;
  // at w = c / (1 + e^a) the objective is least where 1 + e^a = 4
  for (
    const through of [
      "",
      "through unroll(window = 20)",
      "through forward()",
      "through implicit()",
      "through implicit(solver = gmres)",
      "through implicit(solver = fixed_point)",
      "through finite_difference(factor = 0.2)",
      "through es(samples = 16, sigma = 0.1)",
    ]
  ) {
    const run = await compile(program(through)).run();
    assertAlmostEquals(run.parameter("a").data[0]!, Math.log(3), 0.02, through);
  }
});

const windows = 3;

/** The mean of what stands at the ends of three windows of four steps: what `es` and `pes` with a window differentiate. */
const windowed = (through: string, objective = "sum((w@T - 1)^2)") =>
  `edition 1
  precision f64
  param w : [2] = 0
  param v : [2] = [0.5, -1]
  inner fit { minimize 0.5 * sum((w - v)^2) over w by sgd(lr = 0.1, momentum = 0.5) for T = 12 steps ${through} }
  gradient ${objective} wrt v, w@0`;

/** Over seeds: the distance of the mean from what is expected, in standard errors, for every entry of both gradients. */
async function distances(source: string, exact: readonly number[], seeds: number): Promise<number[]> {
  const experiment = compile(source);
  const draws = exact.map((): number[] => []);
  for (let seed = 0; seed < seeds; seed++) {
    const run = await experiment.run({ seed });
    [...run.gradient("v").data, ...run.gradient("w@0").data].forEach((g, i) => draws[i]!.push(g));
  }
  return draws.map((list, i) => {
    const mean = list.reduce((a, b) => a + b) / seeds;
    const error = Math.sqrt(list.reduce((s, x) => s + (x - mean) ** 2, 0) / (seeds - 1) / seeds);
    return Math.abs(mean - exact[i]!) / error;
  });
}

Deno.test("pes is unbiased over the windows of a loop, es with a window is not, and pes with one window is es", async () => {
  const ends = Array.from({ length: windows }, (_, k) => `sum((w@${4 * (k + 1)} - 1)^2)`).join(" + ");
  const run = await compile(windowed("", `(${ends}) / ${windows}`)).run();
  const exact = [...run.gradient("v").data, ...run.gradient("w@0").data];
  const persistent = windowed(`through ${persistentWay}`);
  assertAlmostEquals((await compile(persistent).run()).value(), run.value(), 1e-14);
  // 4 standard errors: four entries miss by chance once in 4,000 choices of seeds
  for (const d of await distances(persistent, exact, 48)) near("over seeds", persistentWay, d, 4);
  const truncated = await distances(windowed("through es(samples = 32, sigma = 0.2, window = 4)"), exact, 48);
  assert(Math.max(...truncated) > 8, `${truncated}`);

  const whole = await compile(windowed("through pes(samples = 6, sigma = 0.2, window = 12)")).run();
  const once = await compile(windowed("through es(samples = 6, sigma = 0.2, window = 12)")).run();
  assertEquals(whole.gradient("v").data, once.gradient("v").data);
});

Deno.test("an outer learns through pes: with tasks, Adam's states and a rate for every step", async () => {
  const run = await compile(`edition 1
    precision f64
    task number { a ~ uniform(1, 3)  split support { x = a } }
    param w = 0
    param c = 0.2
    inner fit { minimize (w - c * support.x)^2 over w by adam(lr = 0.1) for T = 8 steps through pes(samples = 16, sigma = 0.05, window = 4) }
    override fit { lr = 0.1 per step }
    outer train { minimize (w@T - support.x)^2 across 4 number over c, fit.lr by adam(lr = 0.02) for 120 steps }`)
    .run();
  const losses = run.losses("train");
  const mean = (list: Float64Array) => list.reduce((a, b) => a + b) / list.length;
  assert(mean(losses.slice(-20)) < 0.6 * mean(losses.slice(0, 20)), `${losses}`);
  assertEquals(run.parameter("fit.lr").shape, [8]);
});

Deno.test("a finite difference where a single step begins is that step's own derivative", async () => {
  const source = (through: string, steps: number) =>
    `edition 1
    precision f64
    param w : [2] = [0.3, -0.4]
    param a : [2] = [0.5, 0.2]
    inner fit { minimize sum(exp(a) * (w - 1)^2) + a[0] * w[0] * w[1] over w by sgd(lr = 0.05) for T = ${steps} steps ${through} }
    gradient sum((w@T)^2) wrt a`;
  const slopes = async (through: string, steps = 1) => (await compile(source(through, steps)).run()).gradient("a").data;
  // the loss is quadratic in w, so the difference is exact
  const exact = await slopes("");
  (await slopes("through finite_difference(at = 0)")).forEach((g, i) => assertAlmostEquals(g, exact[i]!, 1e-12));
  // where it ends it is another number, by a part of the order of the rate
  const end = await slopes("through finite_difference()");
  end.forEach((g, i) =>
    assert(Math.abs(g - exact[i]!) > 1e-3 * Math.abs(exact[i]!) && Math.abs(g - exact[i]!) < Math.abs(exact[i]!))
  );
  // of many steps, it is the last one that is differentiated when it is asked for where that begins
  const last = await slopes("through unroll(window = 1)", 5);
  (await slopes("through finite_difference(at = 4)", 5)).forEach((g, i) => assertAlmostEquals(g, last[i]!, 1e-12));
});

measuredTest(rows);
