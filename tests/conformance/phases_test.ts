// Do phases go on from each other, and is `t` the number of the meta-step? Against the same loops written out.
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";

/** Twenty roundings of numbers below 16. */
const rounding = 20 * 16 * 2 ** -52;

const phases = `edition 1
precision f64
param w = 0
inner rough { minimize (w - 3)^2  over w  by sgd(lr = 0.25)  for R = 1 steps  through first_order() }
inner fit { minimize (w - 3)^2  over w  by sgd(lr = 0.25)  for T = 3 steps }
override fit { lr@s = 0.25 * step_decay(second.t, 0.5, 2) }
evaluate between after first { report w@(rough@0)  report first.t + second.t }
outer second after first {
  minimize sum(k * (w@(fit@k) - 2)^2 for k in 1 .. T)
  over w@0 by sgd(lr = 0.01, momentum = 0.5) for N = 3 steps
}
outer first { minimize (w@(rough@1) - 2)^2 * (1 - t / M)  over w@0  by sgd(lr = 0.1, momentum = 0.5)  for M = 4 steps }
evaluate last { report w@(fit@0)  report first.t + second.t }
gradient w@(fit@0)^2 + first.t + second.t  wrt w@0
record first.loss, second.loss
`;

/** The two loops, each with a momentum of its own from 0. */
function written(): { readonly between: number; readonly last: number; readonly losses: readonly number[] } {
  let w = 0;
  const losses: number[] = [];
  let v = 0;
  for (let t = 0; t < 4; t++) {
    const end = w - 0.25 * 2 * (w - 3);
    losses.push((end - 2) ** 2 * (1 - t / 4));
    v = 0.5 * v + 2 * (end - 2) * (1 - t / 4); // first order: the end moves as the start
    w -= 0.1 * v;
  }
  const between = w;
  v = 0;
  for (let t = 0; t < 3; t++) {
    const factor = 1 - 2 * 0.25 * 0.5 ** Math.floor(t / 2);
    let [loss, slope] = [0, 0];
    for (let k = 1; k <= 3; k++) {
      const end = 3 + (w - 3) * factor ** k;
      loss += k * (end - 2) ** 2;
      slope += k * 2 * (end - 2) * factor ** k;
    }
    losses.push(loss);
    v = 0.5 * v + slope;
    w -= 0.01 * v;
  }
  return { between, last: w, losses };
}

for (const backend of ["reference", "wasm"] as const) {
  Deno.test(`a phase goes on where the one before ends, with a rule of its own, and reads both numbers of meta-steps (${backend})`, async () => {
    const run = await compile(phases).run({ backend });
    assertEquals(run.outcome, "done");
    const { between, last, losses } = written();
    const reported = ["between", "last"].map((name) => run.evaluation(name).reports.map((r) => r.points[0]!.mean));
    assertAlmostEquals(reported[0]![0]!, between, rounding);
    assertAlmostEquals(reported[1]![0]!, last, rounding);
    assertEquals([reported[0]![1], reported[1]![1]], [4, 7]);
    assertEquals(run.gradients[0]!.value, 0, "before anything has run");
    const own = [...run.losses("first"), ...run.losses("second")];
    losses.forEach((loss, i) => assertAlmostEquals(own[i]!, loss, rounding));
  });
}
