// Do the samples of persistent evolution strategies go on from meta-step to meta-step as they must? Their estimate is unbiased where what is
// learned stands still; the loop itself is the plain loop that begins anew after the horizon.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";
import { type Memory, step } from "./plain/rules.ts";

const horizon = 8;
const steps = 2;
const windows = horizon / steps;
/** Moves nothing that matters, and tells the gradient: a change of c over it. */
const rate = 1e-9;

const program = (
  through: string,
  { metaSteps = 2 * windows, rule = "sgd(lr = 0.3, momentum = 0.5)", more = "" } = {},
) =>
  `edition 1
  precision f64
  param c : [2] = [0.5, -1]
  param w : [2] = [0.2, 0.4]
  inner fit { minimize 0.5 * sum((w - c)^2)  over w  by ${rule}  for T = ${steps} steps  ${through} }
  outer train { minimize 0.5 * sum((w@T - [2, 1])^2)  over c  by sgd(lr = ${rate})  for ${metaSteps} steps }
  record c
  ${more}`;

/** Where the loop with momentum is after each step, and the slope of that in the target: both are linear. */
function path(start: number, c: number): { readonly w: number; readonly slope: number }[] {
  let [w, v, dw, dv] = [start, 0, 0, 0];
  return Array.from({ length: horizon }, () => {
    v = 0.5 * v + w - c;
    dv = 0.5 * dv + dw - 1;
    w -= 0.3 * v;
    dw -= 0.3 * dv;
    return { w, slope: dw };
  });
}

/** The mean over the windows of a horizon of the derivative of what stands at their ends. It is a parabola: smoothing leaves its slope. */
const exact = [[0.2, 0.5, 2], [0.4, -1, 1]].map(([start, c, goal]) =>
  path(start!, c!).filter((_, t) => (t + 1) % steps === 0)
    .reduce((sum, { w, slope }) => sum + (w - goal!) * slope / windows, 0)
);

/** Of the estimates of one horizon over seeds, how far the mean is from the derivative, in standard errors. */
async function distances(through: string, seeds: number): Promise<number[]> {
  const experiment = compile(program(through));
  const estimates = exact.map((): number[] => []);
  for (let seed = 0; seed < seeds; seed++) {
    const run = await experiment.run({ seed });
    const values = run.recorded("c").values.map(({ data }) => data);
    // from the second horizon on, the pairs stand at all windows alike
    exact.forEach((_, i) => estimates[i]!.push((values[windows]![i]! - values[2 * windows]![i]!) / rate / windows));
  }
  return estimates.map((list, i) => {
    const mean = list.reduce((a, b) => a + b) / seeds;
    const error = Math.sqrt(list.reduce((s, x) => s + (x - mean) ** 2, 0) / (seeds - 1) / seeds);
    return (mean - exact[i]!) / error;
  });
}

Deno.test("over one horizon persistent samples are unbiased while what is learned stands still", async () => {
  // 4 standard errors of 20 seeds: two entries miss by chance once in 600 choices of seeds (t with 19 degrees of freedom)
  for (const z of await distances(`through pes(samples = 16, sigma = 0.2, horizon = ${horizon})  from fit@T`, 20)) {
    assert(Math.abs(z) < 4, `${z}`);
  }
});

Deno.test("a horizon of one window is the loop that begins anew each time, sampled", async () => {
  const persistent = await compile(program(`through pes(samples = 3, sigma = 0.2, horizon = ${steps})  from fit@T`))
    .run();
  const plain = await compile(program("through es(samples = 3, sigma = 0.2)")).run();
  assertEquals(persistent.losses("train"), plain.losses("train"));
  persistent.recorded("c").values.forEach(({ data }, k) => assertEquals(data, plain.recorded("c").values[k]!.data));
});

for (const backend of ["reference", "wasm"] as const) {
  Deno.test(`the loop that is not perturbed goes on for the horizon and begins anew, with what its rule keeps (${backend})`, async () => {
    const rule = "adam(lr = 0.1, beta1 = 0.6, beta2 = 0.7, eps = 0.1)";
    const hyper = { lr: 0.1, beta1: 0.6, beta2: 0.7, eps: 0.1, weight_decay: 0, eps_root: 0 };
    const through = `through pes(samples = 3, sigma = 0.2, horizon = ${horizon})  from fit@T`;
    const more = "evaluate now { report w@0[0]  every 1 steps of train }";
    const run = await compile(program(through, { metaSteps: 2 * windows + 1, rule, more })).run({ backend });
    for (let k = 0; k <= 2 * windows; k++) {
      // a meta-step begins anew where the horizon is over; an evaluation before it sees where that ended
      const begun = k % windows * steps;
      const stands = k === 0 ? 0 : begun === 0 ? horizon : begun;
      const { p } = loop(begun + steps, hyper);
      const loss = 0.5 * ((p[0]! - 2) ** 2 + (p[1]! - 1) ** 2);
      // c has moved by 1e-9 times slopes of about 1 each
      assertAlmostEquals(run.losses("train")[k]!, loss, 1e-7, `meta-step ${k}`);
      const seen = run.evaluation("now", { step: k }).reports[0]!.points[0]!.mean;
      assertAlmostEquals(seen, loop(stands, hyper).p[0]!, 1e-7, `before meta-step ${k}`);
    }
  });
}

/** The plain loop with Adam. */
function loop(count: number, hyper: Readonly<Record<string, number>>): { readonly p: readonly number[] } {
  const memories: Memory[] = [{}, {}];
  let p: readonly number[] = [0.2, 0.4];
  for (let t = 0; t < count; t++) {
    p = step("adam", hyper, { p, g: [p[0]! - 0.5, p[1]! + 1], t, memories });
  }
  return { p };
}

/** Least where both windows of a horizon of four steps end near the goal: 0.5 (w - c x)^2 from w near 0. */
const tracking = (over: string, across: string, more = "") =>
  `edition 1
  precision f64
  ${across && "task one { split s { x : [] } }"}
  param c = 0.5
  param w ~ normal(0, 0.1)
  inner fit { minimize 0.5 * (w - c${over})^2  over w  by sgd(lr = 0.5, momentum = 0.3)  for T = 2 steps
    through pes(samples = 8, sigma = 0.1, horizon = 4)  from fit@T }
  outer first { minimize 0.5 * (w@T - 2${over})^2  ${across}  over c  by sgd(lr = 0.05)  for 100 steps }
  ${more}`;

Deno.test("samples go on in fixed tasks, each from its own start", async () => {
  const tasks = { one: ({ index }: { readonly index: number }) => ({ s: { x: { shape: [], data: [index + 1] } } }) };
  const run = await compile(tracking(" * s.x", "across 2 one fixed"), { tasks }).run();
  const losses = run.losses("first");
  // 0.9 c and 1.03 c are where the windows end from 0: 0.9 and 0.97 of the way that is left
  assert(Math.abs(run.parameter("c").data[0]! - 2) < 0.3, `${run.parameter("c").data}`);
  assert(losses.at(-1)! < 0.1 * losses[0]!, `${losses}`);
});

Deno.test("samples go on into a phase, whose noise counts from its first meta-step", async () => {
  const second = "outer second after first { minimize 0.5 * (w@T - 3)^2  over c  by adam(lr = 0.05)  for 100 steps }";
  const run = await compile(tracking("", "", second)).run();
  assert(Math.abs(run.parameter("c").data[0]! - 3) < 0.4, `${run.parameter("c").data}`);
});
