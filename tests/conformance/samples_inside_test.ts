// Does an inner loop go down samples where what it runs is differentiated by `es`? Its steps are those of the estimate, other ones at
// every step, and the derivative of where it ends is that of these steps.
import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { compile, type Run } from "../../mod.ts";
import { derivative } from "../../runtime/verify/differences.ts";

const samples = 8;
// w@T - v is 0.7^2 (w@0 - v): what `above` minimizes is a quadratic of v, so an estimate is its slope times the mean of the e^2
const text = (c: number, through = `through es(samples = ${samples}, sigma = 0.1)`) =>
  `edition 1
precision f64
param w = 0.5
param v = 0.3
param c = ${c}
inner fit { minimize (w - v)^2  over w  by sgd(lr = 0.15)  for T = 2 steps  ${through} }
inner above { minimize (w@T - c)^2 + 0.1 * v^2  over v  by sgd(lr = 0.2)  for S = 3 steps }
gradient (v@(above@S))^2 wrt c, v@0, above.lr
record v@*, above.gradient_norm@*
`;

/** The slope of what `above` minimizes. */
function slope(v: number, c: number): number {
  const share = 1 - 0.7 ** 2;
  return 2 * share * (v + (0.5 - v) * (1 - share) - c) + 0.2 * v;
}

const recorded = (run: Run, name: string) => [...run.recorded(name).values[0]!.data].map(Number);
/** The mean of the e^2 at each step. */
const squares = (run: Run) =>
  recorded(run, "above.gradient_norm@*").map((x, t) => x / Math.abs(slope(recorded(run, "v@*")[t]!, 1.5)));

Deno.test("a step of an inner loop goes down the mean of samples, which is unbiased and drawn anew", async () => {
  const experiment = compile(text(1.5));
  const seeds = 20;
  const all: number[] = [];
  for (let seed = 0; seed < seeds; seed++) {
    const run = await experiment.run({ seed });
    const own = squares(run);
    assertEquals(new Set(own).size, 3, "other ones at every step");
    all.push(...own);
    const v = recorded(run, "v@*");
    own.forEach((square, t) => {
      // some hundred roundings of numbers below 8, divided by 0.2
      assertAlmostEquals(v[t + 1]!, v[t]! - 0.2 * square * slope(v[t]!, 1.5), 1e-11);
    });
  }
  assertEquals(new Set(all).size, all.length, "other ones for every seed");
  // the mean of e^2 is 1, and its variance 2 / samples
  const z = (all.reduce((x, y) => x + y) / all.length - 1) / Math.sqrt(2 / samples / all.length);
  assert(Math.abs(z) < 4, `${z}`);
  const exact = await compile(text(1.5, "")).run();
  squares(exact).forEach((square) => assertAlmostEquals(square, 1, 1e-12));
});

for (const backend of ["reference", "wasm"] as const) {
  Deno.test(`the derivative of where samples lead is that of their steps, on ${backend}`, async () => {
    const run = await compile(text(1.5)).run({ backend });
    const [{ value, wrt }] = run.gradients as [Run["gradients"][number]];
    // the same e, whatever c is
    const own = squares(run);
    const end = (c: number, start = 0.3, rate = 0.2) =>
      own.reduce((v, square) => v - rate * square * slope(v, c), start) ** 2;
    assertAlmostEquals(value, end(1.5), 1e-11);
    const wanted = [
      derivative((c) => end(c), 1.5, 0.5, 12),
      derivative((v) => end(1.5, v), 0.3, 0.5, 12),
      derivative((rate) => end(1.5, 0.3, rate), 0.2, 0.1, 12),
    ];
    wanted.forEach(({ value, error }, i) =>
      assertAlmostEquals(wrt[i]!.leaves[0]!.gradient.data[0]!, value, 1e-10 + 4 * error)
    );
  });
}

Deno.test("where the loop started is not moved by its samples", async () => {
  const run = await compile(
    text(1.5).replace("(w@T - c)^2 + 0.1 * v^2", "0.5 * (v - v@0 - 1)^2 + 0 * stop_gradient(w@T) + 1e-9 * w@T")
      .replace("wrt c, v@0", "wrt v@0"),
  ).run();
  const [first] = recorded(run, "above.gradient_norm@*");
  // the slope is -1 at the start, times the mean of the e^2
  assert(first! > 0.05, `${first}`);
  assertNotEquals(first, 0);
});
