// Does an inner loop go on where it ended, and does Reptile move a start towards an end? Both against plain loops.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";

Deno.test("`from fit@T` in fit goes on from the meta-step before; derivatives stop where the meta-step began", async () => {
  const run = await compile(`edition 1
    precision f64
    param w = 0.7
    param c = 0.5
    inner fit { minimize 0.5 * (w - c)^2 over w by sgd(lr = 0.5) for T = 2 steps from fit@T }
    outer train { minimize 0.5 * (w@T - 2)^2 over c by sgd(lr = 0.1) for 12 steps }
    record c`).run();
  let [w, c] = [0.7, 0.5];
  run.recorded("c").values.forEach((value, k) => {
    assertAlmostEquals(value.data[0]!, c, 1e-14, `meta-step ${k}`);
    w = c + 0.25 * (w - c);
    c -= 0.1 * (w - 2) * 0.75;
  });
});

Deno.test("each of several fixed tasks goes on from its own end", async () => {
  const run = await compile(`edition 1
    precision f64
    task one { k ~ uniform(0, 3)  split support { x = floor(k) + 1 } }
    param w = 0
    param c = 0.5
    inner fit { minimize 0.5 * (w - c * support.x)^2 over w by sgd(lr = 0.5) for T = 2 steps from fit@T }
    outer train { minimize 0.5 * (w@T - 2 * support.x)^2 across 3 one fixed over c by sgd(lr = 0.05) for 10 steps }
    record c`).run({ seed: 4 });
  const cs = run.recorded("c").values.map((v) => v.data[0]!);
  const slopes = cs.slice(1).map((c, k) => (cs[k]! - c) / 0.05);
  // all tasks are alike up to a factor x: w_k = x u_k with u the loop for x = 1; the slope is mean(x^2) (u - 2) 0.75
  let [u, c] = [0, 0.5];
  // the mean of x^2 is read off the first meta-step; tasks of one x could not tell their ends apart
  const square = slopes[0]! / ((0.75 * 0.5 - 2) * 0.75);
  assert([1, 4, 9].every((alike) => Math.abs(square - alike) > 0.1), `${square}`);
  slopes.forEach((slope, k) => {
    u = c + 0.25 * (u - c);
    assertAlmostEquals(slope, square * (u - 2) * 0.75, 1e-12, `meta-step ${k}`);
    c = cs[k + 1]!;
  });
});

Deno.test("a warm loop starts anew in what is not a meta-step", async () => {
  const run = await compile(`edition 1
    precision f64
    param w = 0.7
    param c = 0.5
    inner fit { minimize 0.5 * (w - c)^2 over w by sgd(lr = 0.5) for T = 2 steps from fit@T }
    outer train { minimize 0.5 * (w@T - 2)^2 over c by sgd(lr = 0) for 3 steps }
    evaluate e { report w@0 report w@T }`).run();
  const [start, end] = run.evaluation("e").reports.map((r) => r.points[0]!.mean);
  assertEquals(start, 0.7);
  assertAlmostEquals(end!, 0.5 + 0.25 * 0.2, 1e-15);
  // and the meta-steps went on from each other
  assertEquals(new Set(run.losses("train")).size, 3);
});

const reptile = (rule: string, more = "") =>
  `edition 1
  precision f64
  ${more}
  param w : [2] = 0
  inner fit { minimize 0.5 * sum((w - [1, 3])^2) over w by sgd(lr = 0.5) for T = 2 steps }
  outer train { minimize sum((w@T)^2) over w@0 by ${rule} for 7 steps }
  record w@0, train.gradient_norm`;

Deno.test("reptile moves the start towards the end and takes no gradient of the objective", async () => {
  const run = await compile(reptile("reptile(rate = 0.3)")).run();
  run.recorded("w").values.forEach(({ data }, k) => {
    const kept = (1 - 0.3 * 0.75) ** k;
    assertAlmostEquals(data[0]!, 1 - kept, 1e-14);
    assertAlmostEquals(data[1]!, 3 - 3 * kept, 1e-14);
  });
  const [norm] = run.recorded("train.gradient_norm").values;
  assertAlmostEquals(norm!.data[0]!, 0.75 * Math.sqrt(10), 1e-14);
});

Deno.test("`end` is there for a user's own rule: Reptile with momentum", async () => {
  const run = await compile(reptile(
    "heavy(rate = 0.3)",
    `optimizer heavy(rate, momentum = 0.5) { state v = 0  v' = momentum * v + (p - end)  p' = p - rate * v' }`,
  )).run();
  let [w, v] = [0, 0];
  for (const { data } of run.recorded("w").values) {
    assertAlmostEquals(data[0]!, w, 1e-14);
    v = 0.5 * v + (w - (1 + 0.25 * (w - 1)));
    w -= 0.3 * v;
  }
});

Deno.test("reptile goes towards the mean over the tasks, and stands beside a rule that takes gradients", async () => {
  const run = await compile(`edition 1
    precision f64
    task number { a ~ uniform(-1, 1)  split support { x = a } }
    param w = 4
    param c = 1
    inner fit { minimize 0.5 * (w - c - support.x)^2 over w by sgd(lr = 0.5) for T = 1 steps }
    outer train { minimize w@T across 8 number over w@0 by reptile(rate = 1) over c by sgd(lr = 0.5) for 1 steps }
  `).run();
  // the loss is the mean of the ends
  assertAlmostEquals(run.parameter("w").data[0]!, run.losses("train")[0]!, 1e-15);
  assertAlmostEquals(run.parameter("c").data[0]!, 1 - 0.5 * 0.5, 1e-15);
});

for (const kind of ["pes", "es"]) {
  for (const from of ["from fit@T", "from fit@4", ""]) {
    Deno.test(`${kind} window by window, ${from || "not warm"}: the undisturbed run goes on`, async () => {
      const across = "across 2 one fixed";
      const run = await compile(`edition 1
        precision f64
        task one { k ~ uniform(0, 1)  split s { x = 0 * k } }
        param w = 0.7
        param c = 0.5
        inner fit {
          minimize 0.5 * (w - c - s.x)^2  over w by sgd(lr = 0.5, momentum = 0.3)  for T = 4 steps
          through ${kind}(samples = 3, sigma = 0.1, window = 2) ${from}
        }
        outer train { minimize 0.5 * (w@T - 2)^2 ${across}  over c by sgd(lr = 0.1)  for 5 steps }
        record c`).run();
      let w = 0.7;
      const losses = run.losses("train");
      run.recorded("c").values.slice(0, 5).forEach(({ data: [c] }, k) => {
        if (!from) w = 0.7;
        let [v, mean] = [0, 0];
        for (let t = 1; t <= 4; t++) {
          v = 0.3 * v + w - c!;
          w -= 0.5 * v;
          if (t % 2 === 0) mean += 0.5 * (w - 2) ** 2 / 2;
        }
        assertAlmostEquals(losses[k]!, mean, 1e-14, `meta-step ${k}`);
      });
    });
  }
}

Deno.test("Reptile with windows moves towards the end of the last one", async () => {
  const run = await compile(`edition 1
    precision f64
    param w = 0.7
    inner fit {
      minimize 0.5 * (w - 3)^2  over w by sgd(lr = 0.5)  for T = 4 steps
      through es(samples = 2, sigma = 0.1, window = 2)
    }
    outer train { minimize fit.loss@T  over w@0 by reptile(0.5)  for 3 steps }`).run();
  // half of the way to 3 + (w - 3) / 16 each time
  assertAlmostEquals(run.parameter("w").data[0]!, 3 - 2.3 * (0.5 + 0.5 / 16) ** 3, 1e-14);
});
