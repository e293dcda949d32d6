// Are draws of nested loops independent? Every pair of what two levels, tasks, steps, evaluations or models drew, at 10^5 places
// each, by its correlation and by its joint cells; and no number is drawn twice.
import { assertEquals } from "@std/assert";
import { compile, type Run } from "../../mod.ts";

const N = 100_000;

/** Numbers that should be uniform between 0 and 1, by what they were drawn for. */
type Streams = Map<string, Float64Array>;

/** Of N pairs of independent uniform numbers, sqrt(N) times the correlation is nearly standard normal: |z| > 4.8917 has
 *  probability 1e-6. */
const largestZ = 4.8917;

/** Their counts in 16 x 16 equal cells, of which N / 256 = 391 are expected in each, make a chi-square of 255 degrees of freedom.
 *  Probability 1e-6 lies above k (1 - 2 / (9 k) + 4.7534 sqrt(2 / (9 k)))^3 (Wilson and Hilferty 1931), which is 377 for k = 255. */
const degrees = 255;
const largestChiSquare = degrees * (1 - 2 / (9 * degrees) + 4.7534 * Math.sqrt(2 / (9 * degrees))) ** 3;

/** (x - 1/2) sqrt(12): mean 0 and variance 1 for a uniform x. */
const centred = (x: number) => (x - 0.5) * Math.sqrt(12);

const cellOf = (x: number) => Math.min(15, Math.max(0, Math.floor(16 * x)));

function compare(a: Float64Array, b: Float64Array): { readonly z: number; readonly chiSquare: number } {
  let sum = 0;
  const cells = new Float64Array(256);
  for (let i = 0; i < a.length; i++) {
    sum += centred(a[i]!) * centred(b[i]!);
    cells[16 * cellOf(a[i]!) + cellOf(b[i]!)]!++;
  }
  const expected = a.length / 256;
  return {
    z: sum / Math.sqrt(a.length),
    chiSquare: cells.reduce((s, n) => s + (n - expected) ** 2 / expected, 0),
  };
}

/** Every pair, at the same place and one place on. */
function assertIndependent(streams: Streams): void {
  const names = [...streams.keys()];
  const wrong: string[] = [];
  for (const [i, one] of names.entries()) {
    for (const other of names.slice(i)) {
      const [a, b] = [streams.get(one)!, streams.get(other)!];
      assertEquals([a.length, b.length], [N, N]);
      for (const shift of one === other ? [1] : [0, 1]) {
        const on = new Float64Array(N).map((_, k) => b[(k + shift) % N]!);
        const { z, chiSquare } = compare(a, on);
        if (Math.abs(z) <= largestZ && chiSquare <= largestChiSquare) continue;
        wrong.push(`${one} and ${other}, ${shift} on: z ${z.toFixed(1)}, chi-square ${chiSquare.toFixed(0)}`);
      }
    }
  }
  assertEquals(wrong, []);
}

/** What each task of an evaluation reported, by the labels given here. */
function reported(run: Run, name: string, labels: readonly string[]): [string, Float64Array][] {
  return run.evaluation(name).reports.map((r, i) => [`${name}: ${labels[i]}`, r.points[0]!.values]);
}

/** What sgd with rate 1 took from a recorded parameter at each meta-step: its gradient. */
function gradients(run: Run, name: string): [string, Float64Array][] {
  const { values } = run.recorded(name);
  return values.slice(1).map((after, s) => [
    `${name} at meta-step ${s}`,
    new Float64Array(N).map((_, i) => values[s]!.data[i]! - after.data[i]!),
  ]);
}

/** `value` is drawn, a scalar in `over number`; one level draws it, and another that it runs draws it twice. */
const acrossTasks = (definitions: string, value: string, clauses = "", factor = "theta *") =>
  `edition 1
  precision f64
  ${definitions}
  param theta = 0
  outer mid { minimize ${factor} ${value} ${clauses} over theta by sgd(lr = 1) for M = 2 steps }
  evaluate e { across ${N} number report ${value} report theta@0 - theta@1 report theta@1 - theta@2 }
  evaluate f { across ${N} number report ${value} report theta@0 - theta@1 report theta@1 - theta@2 }`;

const number = (size: string) => `task number { split s { c : [${size}] ~ uniform(0, 1) } }`;

/** A model that draws, and one whose start is drawn for each task or meta-step. */
const models = (size: string) =>
  `model noise() -> [${size}] { draw u : [${size}] ~ uniform(0, 1) return u }
  model start() -> [${size}] { u : [${size}] ~ uniform(0, 1) return u }
  inner fit { minimize 0 * sum(start()) over start by sgd(lr = 0) for T = 1 steps }`;

for (
  const [what, value, clauses] of [
    ["fields", "s.c", "across 1 number"],
    ["draws of models", "noise()", ""],
    ["starts of models", "start@T()", ""],
  ] as const
) {
  Deno.test(`independent in an evaluation's tasks and in the steps of what it runs: ${what}`, async () => {
    const run = await compile(acrossTasks(`${number("")} ${models("")}`, value, clauses)).run();
    const labels = ["own", "step 0", "step 1"];
    assertIndependent(new Map([...reported(run, "e", labels), ...reported(run, "f", labels)]));
  });

  Deno.test(`independent in meta-steps and in the steps of what they run: ${what}`, async () => {
    const run = await compile(
      `edition 1
      precision f64
      ${number(String(N))} ${models(String(N))}
      param theta : [${N}] = 0
      param own : [${N}] = 0
      param step0 : [${N}] = 0
      param step1 : [${N}] = 0
      outer mid { minimize sum(theta * ${value}) ${clauses} over theta by sgd(lr = 1) for M = 2 steps }
      outer top {
        minimize sum(own * ${value}) + sum(step0 * (theta@0 - theta@1)) + sum(step1 * (theta@1 - theta@2)) ${clauses}
        over own, step0, step1 by sgd(lr = 1) for 3 steps
      }
      record own, step0, step1`,
    ).run();
    assertIndependent(new Map(["own", "step0", "step1"].flatMap((name) => gradients(run, name))));
  });
}

/** What sgd with rate 1 took from a recorded parameter at each step of an inner loop. */
function moves(run: Run, name: string, steps: number): [string, Float64Array][] {
  return Array.from({ length: steps }, (_, t) => {
    const [before, after] = [t, t + 1].map((time) => run.parameter(name, { time }).data);
    return [`${name} at step ${t}`, new Float64Array(N).map((_, i) => before![i]! - after![i]!)];
  });
}

Deno.test("independent in the steps of an inner loop and of the loops that it runs: batches, draws of models, fields", async () => {
  const own = (kind: string, value: string) => `sum(${kind} * ${value})`;
  const names = ["rows", "rows0", "rows1", "drawn", "drawn0", "drawn1", "task0", "task1"];
  const run = await compile(
    `edition 1
    precision f64
    ${number(String(N))} ${models(String(N))}
    data d { x : [64] }
    param w : [${N}] = 0
    param v : [${N}] = 0
    param theta : [${N}] = 0
    ${names.map((name) => `param ${name} : [${N}] = 0`).join("\n")}
    inner low { minimize sum(w * d.x) + sum(v * noise()) batch ${N} of d  over w, v by sgd(lr = 1)  for S = 2 steps }
    outer mid { minimize sum(theta * s.c)  across 1 number  over theta by sgd(lr = 1)  for M = 2 steps }
    inner high {
      minimize ${own("rows", "d.x")} + ${own("rows0", "(w@0 - w@1)")} + ${own("rows1", "(w@1 - w@2)")}
        + ${own("drawn", "noise()")} + ${own("drawn0", "(v@0 - v@1)")} + ${own("drawn1", "(v@1 - v@2)")}
        + ${own("task0", "(theta@0 - theta@1)")} + ${own("task1", "(theta@1 - theta@2)")}
      batch ${N} of d
      over ${names.join(", ")} by sgd(lr = 1)
      for T = 2 steps
    }
    record ${names.map((name) => `${name}@*`).join(", ")}`,
    // row i is the middle of one of 64 equal cells: uniform to the 16 cells
    { data: { d: { x: { shape: [64], data: Float64Array.from({ length: 64 }, (_, i) => (i + 0.5) / 64) } } } },
  ).run();
  assertIndependent(new Map(names.flatMap((name) => moves(run, name, 2))));
});

/** Numbers by their places in order, which makes any distribution uniform. */
function ranks(x: Float64Array): Float64Array {
  const order = [...x.keys()].sort((a, b) => x[a]! - x[b]!);
  const result = new Float64Array(x.length);
  order.forEach((i, rank) => result[i] = (rank + 0.5) / x.length);
  return result;
}

Deno.test("independent in tasks, steps and evaluations: perturbations of evolution strategies", async () => {
  // with one sample of a loss theta, the gradient is e^2
  const run = await compile(
    acrossTasks(
      `${number("")}
    param w = 0
    inner fit { minimize (w - theta)^2  over w by sgd(lr = 0.5)  for T = 1 steps  through es(samples = 1, sigma = 0.1) }`,
      "w@T",
      "",
      "",
    ).replaceAll("report w@T", "report s.c"),
  ).run();
  const labels = ["own", "step 0", "step 1"];
  assertIndependent(
    new Map([...reported(run, "e", labels), ...reported(run, "f", labels)].map(([name, x]) => [name, ranks(x)])),
  );
});
