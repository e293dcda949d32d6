// Is what is one value for all entries read right where it does not change within a loop or across tasks? Programs whose answers
// are closed forms or a plain loop, on both backends that are always here.
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";
import { derivative } from "../../runtime/verify/differences.ts";
import { type Memory, step } from "./plain/rules.ts";

for (const backend of ["reference", "wasm"] as const) {
  Deno.test(`${backend}: each of two entries that is taken once has the mean over tasks as its gradient`, async () => {
    const source = `edition 1
precision f64
data d { i : int [2] = [0, 1] }
task p { split s { c : [] ~ uniform(1, 2) } }
param w : [2] = [1, 2]
gradient sum(take(w * s.c, d.i)) across 4 p wrt w`;
    const run = await compile(source).run({ backend });
    // the value is (1 + 2) mean(c)
    for (const slope of run.gradient("w").data) assertAlmostEquals(slope, run.value() / 3, 1e-15);
  });

  Deno.test(`${backend}: parameters taken by a constant index move, and so does what depends on the rate`, async () => {
    const source = `edition 1
precision f64
data d { i : int [3] = [0, 1, 0] }
param k = 0.5
param w : [2] = [1, 2]
inner fit { minimize sum(take(w * k, d.i)) over w, k by adam(lr = 0.1) for T = 2 steps }
gradient sum(w@T) wrt fit.lr
record w@*`;
    const run = await compile(source).run({ backend });
    const h = { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0, eps_root: 0 };
    const end = (lr: number) => {
      const memories: Memory[] = [{}, {}, {}];
      let p = [1, 2, 0.5];
      for (let t = 0; t < 2; t++) {
        const [a, b, k] = p as [number, number, number];
        p = step("adam", { ...h, lr }, { p, g: [2 * k, k, 2 * a + b], t, memories });
      }
      return p;
    };
    const expected = end(h.lr);
    assertAlmostEquals(run.value(), expected[0]! + expected[1]!, 1e-14);
    const slope = derivative((lr) => end(lr)[0]! + end(lr)[1]!, h.lr, 0.01);
    assertAlmostEquals(run.gradient("fit.lr").data[0]!, slope.value, Math.max(1e-10, 4 * slope.error));
  });

  Deno.test(`${backend}: an index that is the same for all rows, and the first of equal scores`, async () => {
    const source = `edition 1
precision f64
data d { j : int [4] = 1  same : [2, 20] = 0.5 }
task p { split s { c : [] ~ uniform(1, 2) } }
param w : [2] = [1, 2]
gradient sum(take(w * s.c, d.j)) + sum(take(w, argmax(d.same, axis = 1))) across 4 p wrt w`;
    // the value is 4 * 2 mean(c) + 2 * 1
    const run = await compile(source).run({ backend });
    const [first, second] = run.gradient("w").data;
    assertEquals(first, 2);
    assertAlmostEquals(second!, (run.value() - 2) / 2, 1e-14);
  });
}
