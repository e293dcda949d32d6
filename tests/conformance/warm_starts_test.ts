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

/** A quadratic loop with momentum whose velocity goes on, with what one meta-step is worth. */
function momentum(w: number, { rate = 0.1, kept = 0.9, steps = 2 } = {}) {
  const state = { w, v: 0, made: 0 };
  return {
    state,
    /** Goes on towards c; the derivative of the end for c, what was before held. */
    run(c: number, count = steps): number {
      let [dw, dv] = [0, 0];
      for (let t = 0; t < count; t++) {
        const [g, dg] = [state.w - c, dw - 1];
        state.v = state.made === 0 ? g : kept * state.v + g;
        dv = state.made === 0 ? dg : kept * dv + dg;
        state.w -= rate * state.v;
        dw -= rate * dv;
        state.made++;
      }
      return dw;
    },
  };
}

const heavy = (more: string, from = "from fit@T", tasks = "") =>
  `edition 1
  precision f64
  param w = 0.7
  param c = 0.5
  inner fit {
    minimize 0.5 * (w - c)^2  over w by sgd(lr = 0.1, momentum = 0.9)  for T = 2 steps  ${from}
  }
  outer train { minimize 0.5 * (w@T - 2)^2 ${tasks} over c by sgd(lr = 0.3)  for 6 steps }
  ${more}`;

Deno.test("a warm loop has a present: evaluations, outputs and gradients begin where it stands and do not move it", async () => {
  const run = await compile(heavy(`
    evaluate during { report w@0  report w@T  every 2 steps of train }
    evaluate longer { report w@t at t in 0 .. T  for T = 5 steps }
    evaluate there  { report w@0  report w@T  report fit.loss@T  for T = 0 steps }
    output o = w@T
    gradient w@T wrt c, w@0 after train
    gradient w@T wrt c, w@0
    record c`)).run();
  const loop = momentum(0.7);
  const cs = run.recorded("c").values.map((v) => v.data[0]!);
  const look = (count: number) => {
    const [{ w, v, made }, ahead] = [loop.state, momentum(0)];
    Object.assign(ahead.state, { w, v, made });
    const slope = ahead.run(cs.at(-1)!, count);
    return { ...ahead.state, slope };
  };
  for (let k = 0; k < 6; k++) {
    if (k % 2 === 0) {
      const { w, v, made } = loop.state;
      const ahead = momentum(0);
      Object.assign(ahead.state, { w, v, made });
      ahead.run(cs[k]!);
      const [start, end] = run.evaluation("during", { step: k }).reports.map((r) => r.points[0]!.mean);
      assertAlmostEquals(start!, w, 1e-14, `before meta-step ${k}`);
      assertAlmostEquals(end!, ahead.state.w, 1e-14, `before meta-step ${k}`);
    }
    const slope = loop.run(cs[k]!);
    assertAlmostEquals(cs[k + 1]!, cs[k]! - 0.3 * (loop.state.w - 2) * slope, 1e-14, `meta-step ${k}`);
  }
  const longer = run.evaluation("longer").reports[0]!.points;
  longer.forEach(({ mean }, t) => assertAlmostEquals(mean, look(t).w, 1e-14, `w@${t}`));
  const { w } = loop.state;
  const there = run.evaluation("there").reports.map((r) => r.points[0]!.mean);
  [w, w, 0.5 * (w - cs.at(-1)!) ** 2].forEach((x, i) => assertAlmostEquals(there[i]!, x, 1e-14));
  assertAlmostEquals(run.output("o").data[0]!, look(2).w, 1e-14);
  assertAlmostEquals(run.parameter("w").data[0]!, w, 1e-14, "what is left is where it stands");
  const [before, after] = run.gradients;
  assertAlmostEquals(after!.value, look(2).w, 1e-14);
  const slopes = after!.wrt.map((entry) => entry.leaves[0]!.gradient.data[0]!);
  assertAlmostEquals(slopes[0]!, look(2).slope, 1e-14);
  // two steps with the velocity given: w'' = w' - 0.1 (0.9 v' + w' - c)
  assertAlmostEquals(slopes[1]!, (1 - 0.1) ** 2 - 0.1 * 0.9, 1e-14);
  const cold = momentum(0.7);
  cold.run(0.5);
  assertAlmostEquals(before!.value, cold.state.w, 1e-14, "before the outer it stands at its beginning");
});

Deno.test("`with fresh states` keeps the parameters only", async () => {
  const run = await compile(heavy("record c", "from fit@T with fresh states")).run();
  const cs = run.recorded("c").values.map((v) => v.data[0]!);
  let w = 0.7;
  for (let k = 0; k < 6; k++) {
    const loop = momentum(w);
    const slope = loop.run(cs[k]!);
    w = loop.state.w;
    assertAlmostEquals(cs[k + 1]!, cs[k]! - 0.3 * (w - 2) * slope, 1e-14, `meta-step ${k}`);
  }
  assertAlmostEquals(run.parameter("w").data[0]!, w, 1e-14);
});

Deno.test("fixed tasks each keep a velocity of their own", async () => {
  const run = await compile(`edition 1
    precision f64
    task one { k ~ uniform(0, 3)  split s { x = floor(k) + 1 } }
    param w = 0
    param c = 0.5
    inner fit {
      minimize 0.5 * (w - c * s.x)^2  over w by sgd(lr = 0.1, momentum = 0.9)  for T = 2 steps  from fit@T
    }
    outer train { minimize 0.5 * (w@T - 2 * s.x)^2  across 3 one fixed  over c by sgd(lr = 0.05)  for 6 steps }
    record c`).run({ seed: 4 });
  // every task is the loop for x = 1, times its x
  const loop = momentum(0);
  const cs = run.recorded("c").values.map((v) => v.data[0]!);
  const slopes = cs.slice(1).map((c, k) => (cs[k]! - c) / 0.05);
  let square = NaN;
  slopes.forEach((slope, k) => {
    const d = loop.run(cs[k]!);
    const one = (loop.state.w - 2) * d;
    if (k === 0) square = slope / one;
    assertAlmostEquals(slope, square * one, 1e-11, `meta-step ${k}`);
  });
  assert([1, 4, 9].every((alike) => Math.abs(square - alike) > 0.1), `${square}`);
  const ends = run.parameter("w@fit");
  assertEquals(ends.shape, [3]);
  const factors = [...ends.data].map((w) => Math.round(1e9 * w / loop.state.w) / 1e9);
  assertEquals(factors.reduce((sum, x) => sum + x * x, 0) / 3, Math.round(3 * square) / 3);
});

Deno.test("the second phase goes on where the first left the warm loop, and the best evaluation's state is given back", async () => {
  const run = await compile(heavy(`
    outer second after train { minimize 0.5 * (w@T - 3)^2  over c by sgd(lr = 0.2)  for 3 steps }
    evaluate between after train { report w@0 }
    record c`)).run();
  const loop = momentum(0.7);
  let c = 0.5;
  for (let k = 0; k < 9; k++) {
    if (k === 6) assertAlmostEquals(run.evaluation("between").reports[0]!.points[0]!.mean, loop.state.w, 1e-14);
    const slope = loop.run(c);
    c -= k < 6 ? 0.3 * (loop.state.w - 2) * slope : 0.2 * (loop.state.w - 3) * slope;
  }
  assertAlmostEquals(run.parameter("w").data[0]!, loop.state.w, 1e-13);
  assertAlmostEquals(run.parameter("c").data[0]!, c, 1e-13);

  const kept = await compile(
    heavy("").replace("for 6 steps", "for 6 steps  keep best of check") + `
    evaluate check { report (w@0 - 0.65)^2  best lowest  every 1 steps of train }
    gradient w@T wrt w@0 after train`,
  ).run();
  const again = momentum(0.7);
  const states = [{ ...again.state, c: 0.5 }];
  for (let k = 0; k < 6; k++) {
    const { c } = states.at(-1)!;
    const slope = again.run(c);
    states.push({ ...again.state, c: c - 0.3 * (again.state.w - 2) * slope });
  }
  const best = states.reduce((a, b) => (b.w - 0.65) ** 2 < (a.w - 0.65) ** 2 ? b : a);
  assert(best !== states[0] && best !== states.at(-1), "the best is neither the first nor the last");
  assertAlmostEquals(kept.parameter("w").data[0]!, best.w, 1e-14);
  assertAlmostEquals(kept.parameter("c").data[0]!, best.c, 1e-14);
  const ahead = momentum(0);
  Object.assign(ahead.state, best);
  ahead.run(best.c);
  assertAlmostEquals(kept.gradients[0]!.value, ahead.state.w, 1e-14, "its velocity and count too");
});

Deno.test("a loop goes on from a time of another with that one's states", async () => {
  const run = await compile(`edition 1
    precision f64
    param w = 0.7
    param c = 0.5
    inner first { minimize 0.5 * (w - c)^2  over w by adam(lr = 0.1)  for T = 4 steps }
    inner half  { minimize 0.5 * (w - c)^2  over w by adam(lr = 0.1)  for T = 3 steps  from first@2 }
    inner whole { minimize 0.5 * (w - c)^2  over w by adam(lr = 0.1)  for T = 3 steps  from first@T }
    inner fresh { minimize 0.5 * (w - c)^2  over w by adam(lr = 0.1)  for T = 3 steps  from first@T with fresh states }
    inner long  { minimize 0.5 * (w - c)^2  over w by adam(lr = 0.1)  for T = 7 steps }
    gradient w@(half.T) wrt c
    gradient w@(long@5) wrt c
    gradient w@(whole.T) wrt c
    gradient w@(long.T) wrt c
    gradient w@(fresh.T) wrt c`).run();
  const [half, five, whole, long, fresh] = run.gradients.map((g) => [g.value, g.wrt[0]!.leaves[0]!.gradient.data[0]!]);
  for (const i of [0, 1]) {
    assertAlmostEquals(half![i]!, five![i]!, 1e-15);
    assertAlmostEquals(whole![i]!, long![i]!, 1e-15);
    assert(Math.abs(fresh![i]! - long![i]!) > 1e-3);
  }
});

Deno.test("a loop that runs in a step goes on from that step's states", async () => {
  const run = await compile(`edition 1
    precision f64
    param w = 0.7
    param c = 0.5
    inner look {
      minimize 0.5 * (w - c)^2 + 0.5 * (w@(ahead.S) - c)^2  over w by sgd(lr = 0.1, momentum = 0.9)  for T = 3 steps
    }
    inner ahead { minimize 0.5 * (w - c)^2  over w by sgd(lr = 0.1, momentum = 0.9)  for S = 1 steps  from look@t }
    gradient w@(look.T) wrt c`).run();
  // the gradient of both: ahead is where the next step would go with this step's velocity, which is no part of the derivative
  let [w, v] = [0.7, 0];
  for (let t = 0; t < 3; t++) {
    const next = t === 0 ? w - 0.1 * (w - 0.5) : w - 0.1 * (0.9 * v + w - 0.5);
    const g = w - 0.5 + (next - 0.5) * 0.9;
    v = t === 0 ? g : 0.9 * v + g;
    w -= 0.1 * v;
  }
  assertAlmostEquals(run.gradients[0]!.value, w, 1e-15);
});

Deno.test("inside an outer that another runs a warm loop lasts for one run, and the other's derivative goes through it", async () => {
  const run = await compile(`edition 1
    precision f64
    param c = 0.5
    param w = 0.3
    inner fit { minimize 0.5 * (w - c)^2  over w by sgd(lr = 0.1, momentum = 0.9)  for T = 2 steps  from fit@T }
    outer mid { minimize (w@T - 1)^2  over c by sgd(lr = 0.1)  for M = 4 steps }
    gradient (c@M - 2)^2 wrt c@0, mid.lr, fit.lr, fit.momentum, w@0`).run();
  const value = ([c, rate, lr, kept, w]: readonly number[]) => {
    const loop = momentum(w!, { rate: lr!, kept: kept! });
    let now = c!;
    for (let k = 0; k < 4; k++) {
      const slope = loop.run(now);
      now -= rate! * 2 * (loop.state.w - 1) * slope;
    }
    return (now - 2) ** 2;
  };
  const at = [0.5, 0.1, 0.1, 0.9, 0.3];
  const [gradient] = run.gradients;
  assertAlmostEquals(gradient!.value, value(at), 1e-14);
  gradient!.wrt.forEach(({ label, leaves }, i) => {
    // fourth order: h^4 f^(5) / 30 is below 1e-10 (seen to fall as h^4), and rounding 1e-15 / h
    const h = 2e-4;
    const f = (k: number) => value(at.map((x, j) => i === j ? x + k * h : x));
    const difference = (8 * (f(1) - f(-1)) - (f(2) - f(-2))) / (12 * h);
    assertAlmostEquals(leaves[0]!.gradient.data[0]!, difference, 1e-10, label);
  });
});

for (
  const rule of [
    "adam(lr = 0.1)",
    "radam(lr = 0.1)",
    "rmsprop(lr = 0.05, momentum = 0.5)",
    "adagrad(lr = 0.3, lr_decay = 0.1)",
  ]
) {
  Deno.test(`${rule} in pieces is one long loop: over meta-steps, phases, and inside an outer that another runs`, async () => {
    const loop = (steps: string) => `inner fit { minimize (w - c)^4 + w^2  over w by ${rule}  for T = ${steps} }`;
    const head = "edition 1\nprecision f64\nparam w = 0.7\nparam c = 0.5\n";
    const long = await compile(`${head}${loop("6 steps")}\ngradient w@T wrt c`).run();
    const pieces = await compile(`${head}${loop("2 steps from fit@T")}
      outer first { minimize w@T + c  over c by sgd(lr = 0)  for 2 steps }
      outer second after first { minimize w@T + c  over c by sgd(lr = 0)  for 1 steps }`).run();
    assertAlmostEquals(pieces.parameter("w").data[0]!, long.value(), 1e-15);
    // the last piece inside is that of the third meta-step
    const inside = await compile(`${head}param e = 1
      ${loop("2 steps from fit@T")}
      outer mid { minimize e * w@T  over e by sgd(lr = 1)  for M = 3 steps }
      gradient e@M wrt c`).run();
    const ends = await compile(`${head}${loop("6 steps")}\ngradient 1 - w@2 - w@4 - w@T wrt c`).run();
    assertAlmostEquals(inside.value(), ends.value(), 1e-14);
    assertAlmostEquals(inside.gradient("c").data[0]!, ends.gradient("c").data[0]!, 1e-13);
  });
}

Deno.test("a model that a warm loop changes has, after the run, the parameters with which that stands", async () => {
  const run = await compile(`edition 1
    precision f64
    param c = 0.5
    model net(x : [n]) -> [n] { w = 0.7  return w * x }
    inner fit { minimize 0.5 * (sum(net([1.0])) - c)^2  over net by sgd(lr = 0.1, momentum = 0.9)  for T = 2 steps  from fit@T }
    outer train { minimize 0.5 * (sum(net@T([1.0])) - 2)^2  over c by sgd(lr = 0.3)  for 6 steps }`).run();
  const loop = momentum(0.7);
  let c = 0.5;
  for (let k = 0; k < 6; k++) c -= 0.3 * (loop.run(c) * (loop.state.w - 2));
  assertAlmostEquals(run.model("net").call({ x: { shape: [1], data: [3] } }).data[0]!, 3 * loop.state.w, 1e-13);
});

for (const kind of ["es", "pes"]) {
  Deno.test(`${kind} of a warm loop: all samples begin at the one state, which the undisturbed run carries on`, async () => {
    const run = await compile(
      heavy("record c").replace(
        "from fit@T",
        `from fit@T  through ${kind}(samples = 4, sigma = 0.1${kind === "pes" ? ", window = 2" : ""})`,
      ),
    ).run();
    const cs = run.recorded("c").values.map((v) => v.data[0]!);
    const loop = momentum(0.7);
    run.losses("train").forEach((loss, k) => {
      loop.run(cs[k]!);
      assertAlmostEquals(loss, 0.5 * (loop.state.w - 2) ** 2, 1e-14, `meta-step ${k}`);
    });
    assertAlmostEquals(run.parameter("w").data[0]!, loop.state.w, 1e-14);
  });
}

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
      let [w, v] = [0.7, 0];
      const losses = run.losses("train");
      run.recorded("c").values.slice(0, 5).forEach(({ data: [c] }, k) => {
        if (!from) [w, v] = [0.7, 0];
        let mean = 0;
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

Deno.test("`w@0` in the steps of a loop that goes on is where this run of it starts", async () => {
  const run = await compile(`edition 1
    precision f64
    param w = 0.7
    param c = 0.5
    inner fit {
      minimize 0.5 * (w - c)^2 + 0.5 * (w - w@0)^2  over w by sgd(lr = 0.1, momentum = 0.9)  for T = 2 steps  from fit@T
    }
    inner tune { minimize (w - w@0)^2 + w  over w by sgd(lr = 0.1)  for S = 2 steps  from fit@T with fresh states }
    outer train { minimize 0.5 * (w@(fit.T) - 2)^2  over c by sgd(lr = 0)  for 3 steps }
    evaluate e { report w@(fit@0)  report w@(tune.S) }`).run();
  let [w, v] = [0.7, 0];
  const step = (start: number, first: boolean) => {
    const g = w - 0.5 + (w - start);
    v = first ? g : 0.9 * v + g;
    w -= 0.1 * v;
  };
  const round = (k: number) => {
    const start = w;
    step(start, k === 0);
    step(start, false);
  };
  for (let k = 0; k < 3; k++) round(k);
  const stands = w;
  round(3);
  let tuned = w;
  for (let t = 0; t < 2; t++) tuned -= 0.1 * (2 * (tuned - w) + 1);
  const [fit, tune] = run.evaluation("e").reports.map((r) => r.points[0]!.mean);
  assertAlmostEquals(fit!, stands, 1e-15);
  assertAlmostEquals(tune!, tuned, 1e-15);
});

Deno.test("a model whose start is computed from where a warm loop stands has that after the run", async () => {
  const run = await compile(`edition 1
    precision f64
    param w = 4
    param c = 0.5
    model net(x : [n]) -> [n] { v = w@(fit@T)  return v * x }
    inner fit { minimize (w - c)^2  over w by sgd(lr = 0.1, momentum = 0.9)  for T = 1 steps  from fit@T }
    inner b { minimize (sum(net([1.0])) - 2)^2  over net by sgd(lr = 0.1)  for S = 2 steps }
    outer tune { minimize (w@(fit@T) - 1)^2  over c by sgd(lr = 0.1)  for 4 steps }
    evaluate e { report sum(net@S([1.0])) }`).run();
  const called = run.model("net").call({ x: { shape: [1], data: [1] } }).data[0]!;
  assertAlmostEquals(called, run.evaluation("e").reports[0]!.points[0]!.mean, 1e-15);
});
