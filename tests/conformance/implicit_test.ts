// Are implicit derivatives those of where the rule rests, and is what is said of them true? Closed forms of quadratics: values,
// terms of the series, and when a loop has arrived, from whatever start, in float32 and float64.
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { compile, CompileError, type ImplicitReport, type RunEvent } from "../../mod.ts";

const backends = ["reference", "wasm"] as const;
const precisions = ["f32", "f64"] as const;
/** Some hundred roundings of numbers of the size of 10. */
const within = { f32: 1e-4, f64: 1e-11 };

interface Case {
  readonly what: string;
  readonly program: string;
  readonly values: { readonly [wrt: string]: readonly number[] };
}

const ista = `optimizer ista(lr, strength) {
    let z = p - lr * g
    p' = sign(z) * max(abs(z) - lr * strength, 0)
  }`;

/** Where a rule rests that is more than descent, with the derivatives of that by hand. */
const rests: readonly Case[] = [
  { // w = sign(b) max(|b| - l, 0) = (2.5, 0); the value is the sum of its squares
    what: "a proximal step: lasso",
    program: `param l = 0.5
      param w : [2] = 0
      let b = [3, 0.2]
      ${ista}
      inner fit { minimize 0.5 * sum((w - b)^2) over w by ista(lr = 0.3, strength = l) for T = 200 steps
        through implicit(solver = fixed_point, iterations = 300) }
      gradient sum((w@T)^2) wrt l`,
    values: { l: [-5] },
  },
  { // the strength as a number of the rule itself
    what: "the strength of a proximal step",
    program: `param b : [2] = [3, 0.2]
      param w : [2] = 0
      ${ista}
      inner fit { minimize 0.5 * sum((w - b)^2) over w by ista(lr = 0.3, strength = 0.5) for T = 200 steps
        through implicit(solver = fixed_point, iterations = 300) }
      gradient sum((w@T)^2) wrt fit.strength, b`,
    values: { "fit.strength": [-5], b: [5, 0] },
  },
  { // w = c / (1 + d): dw/dc = 1 / (1 + d), dw/dd = -c / (1 + d)^2; the rate does not matter
    what: "weight decay in the rule",
    program: `param w = 0
      param c = 2
      inner fit { minimize 0.5 * (w - c)^2 over w by sgd(lr = 0.3, weight_decay = 0.5) for T = 200 steps
        through implicit(solver = fixed_point) }
      gradient (w@T)^2 wrt c, fit.weight_decay, fit.lr`,
    values: { c: [16 / 9], "fit.weight_decay": [-64 / 27], "fit.lr": [0] },
  },
  { // the same rest, with momentum: m = 0.5
    what: "weight decay and momentum in the rule",
    program: `param w = 0
      param c = 2
      inner fit { minimize 0.5 * (w - c)^2 over w by sgd(lr = 0.3, weight_decay = 0.5, momentum = 0.5) for T = 200 steps
        through implicit(solver = fixed_point, iterations = 300) }
      gradient (w@T)^2 wrt c, fit.weight_decay, fit.momentum`,
    values: { c: [16 / 9], "fit.weight_decay": [-64 / 27], "fit.momentum": [0] },
  },
  { // w = max(c, 0)
    what: "a projection",
    program: `param w : [3] = 1
      param c : [3] = [2, -1, 0.5]
      optimizer projected(lr) { p' = max(p - lr * g, 0) }
      inner fit { minimize 0.5 * sum((w - c)^2) over w by projected(lr = 0.3) for T = 200 steps
        through implicit(solver = fixed_point, iterations = 100) }
      gradient sum((w@T - 1)^2) wrt c`,
    values: { c: [2, 0, -1] },
  },
  { // w = (c + d w0) / (1 + d), with w0 kept by a state that no step changes
    what: "a state that remembers the start",
    program: `param w = 0.5
      param c = 2
      optimizer anchored(lr, strength) {
        state anchor = p
        anchor' = anchor
        p' = p - lr * (g + strength * (p - anchor))
      }
      inner fit { minimize 0.5 * (w - c)^2 over w by anchored(lr = 0.3, strength = 0.5) for T = 200 steps
        through implicit(solver = fixed_point) }
      gradient (w@T)^2 wrt w@0, c, fit.strength`,
    values: { "w@0": [1], c: [2], "fit.strength": [-2] },
  },
];

for (const precision of precisions) {
  for (const backend of backends) {
    Deno.test(`fixed_point is the derivative of where the rule rests, ${precision}, ${backend}`, async () => {
      for (const { what, program, values } of rests) {
        const run = await compile(`edition 1\nprecision ${precision}\n${program}`).run({ backend });
        for (const [name, expected] of Object.entries(values)) {
          const { data } = run.gradient(name);
          assertEquals(data.length, expected.length);
          expected.forEach((x, i) => assertAlmostEquals(data[i]!, x, within[precision], `${what}: ${name}`));
        }
        const [report] = run.gradients[0]!.implicit!;
        assert(report!.arrived, what);
        assertEquals(report!.equation, "step");
      }
    });
  }
}

/** (w@T)^2 for 1/2 h (w - c)^2 from c itself: 2 c h s, where s is what the solver makes of 1 / h. */
async function solved(through: string, wrt = "c"): Promise<number> {
  const run = await compile(`edition 1
    precision f64
    param w = 2
    param c = 2
    inner fit { minimize 0.5 * 1.7 * (w - c)^2 over w by sgd(lr = 0.25) for T = 3 steps through implicit(${through}) }
    gradient (w@T)^2 wrt ${wrt}`).run();
  return run.gradient(wrt).data[0]!;
}

Deno.test("a series has as many terms as the reference says", async () => {
  const [h, rate] = [1.7, 0.25];
  const series = (terms: number) => 2 * 2 * (1 - (1 - rate * h) ** terms);
  for (const k of [1, 2, 3, 7, 50]) {
    // 50 terms of at most 4 are added
    assertAlmostEquals(await solved(`solver = fixed_point, iterations = ${k}`), series(k), 1e-13, `${k} terms`);
    assertAlmostEquals(await solved(`solver = neumann, iterations = ${k}`), series(k + 1), 1e-13, `to ${k}`);
  }
  assertAlmostEquals(await solved("solver = neumann, iterations = 0"), series(1), 1e-13);
  assertAlmostEquals(await solved("solver = fixed_point"), series(50), 1e-13);
  assertAlmostEquals(await solved("solver = neumann"), series(51), 1e-13);
});

Deno.test("k terms by fixed_point are the last k steps of a loop that has arrived, states and decay included", async () => {
  const program = (through: string) =>
    `edition 1
    precision f64
    param w : [2] = 0
    param c : [2] = [2, -1]
    inner fit { minimize 0.5 * sum([1, 3] * (w - c)^2) + 0.3 * w[0] * w[1]
      over w by sgd(lr = 0.2, momentum = 0.4, weight_decay = 0.1, nesterov = true) for T = 400 steps through ${through} }
    gradient sum((w@T)^2) wrt c, fit.weight_decay, fit.lr`;
  for (const k of [1, 2, 5, 12]) {
    const fixed = await compile(program(`implicit(solver = fixed_point, iterations = ${k})`)).run();
    const window = await compile(program(`unroll(window = ${k})`)).run();
    for (const name of ["c", "fit.weight_decay", "fit.lr"]) {
      fixed.gradient(name).data.forEach((x, i) =>
        assertAlmostEquals(x, window.gradient(name).data[i]!, 1e-12, `${name}, ${k} terms`)
      );
    }
  }
});

Deno.test("iterations of cg, gmres and normal_cg are products with the Hessian, or with its square", async () => {
  // for u = (1, 1) and H = diag(1, 4): the step of steepest descent u.u / u.Hu, the one of least residual u.Hu / |Hu|^2, and
  // steepest descent for H^2 x = H u; the gradient is H s
  const program = (through: string) =>
    `edition 1
    precision f64
    param w : [2] = 1
    param c : [2] = 1
    let h = [1, 4]
    inner fit { minimize 0.5 * sum(h * (w - c)^2) over w by sgd(lr = 0.1) for T = 2 steps through implicit(${through}) }
    gradient sum(w@T) wrt c`;
  const after = async (
    solver: string,
    iterations: number,
  ) => [...(await compile(program(`solver = ${solver}, iterations = ${iterations}`)).run()).gradient("c").data];
  const cases: readonly (readonly [string, number, number])[] = [["cg", 2 / 5, 2 / 5], ["gmres", 5 / 17, 5 / 17], [
    "normal_cg",
    17 / 257,
    4 * 17 / 257,
  ]];
  for (const [solver, x, y] of cases) {
    assertEquals(await after(solver, 0), [0, 0]);
    (await after(solver, 1)).forEach((g, i) => assertAlmostEquals(g, [x, 4 * y][i]!, 1e-14, `${solver} once`));
    (await after(solver, 2)).forEach((g) => assertAlmostEquals(g, 1, 1e-13, `${solver} twice`));
  }
});

// --------------------------------------------------------------------------------------------------- when it has arrived

async function reportsOf(source: string): Promise<readonly ImplicitReport[]> {
  const told: ImplicitReport[] = [];
  await compile(source).run({ onEvent: (e: RunEvent) => void (e.kind === "implicit" && told.push(e.report)) });
  return told;
}

/** Five steps that each leave 0.7 of the way, which go on from where the meta-step before ended while `a` moves ever less. */
const warm = (precision: string, through: string, start = "0") =>
  `edition 1
  precision ${precision}
  param w : [3] = ${start}
  param a = 1
  let c = [1, 2, 3]
  inner fit { minimize 0.5 * sum((w - a * c)^2) over w by sgd(lr = 0.3) for T = 5 steps from fit@T through ${through} }
  outer train { minimize sum((w@T - 2)^2) over a by sgd(lr = 0.001) for 200 steps }`;

for (const precision of precisions) {
  for (const solver of ["cg", "fixed_point"]) {
    Deno.test(`a warm loop is not blamed for starting near its end, ${solver}, ${precision}`, async () => {
      const told = await reportsOf(warm(precision, `implicit(solver = ${solver})`));
      // 0.7^5 is left of its first way, and nothing but rounding in the end; it arrives once and stays there
      assertEquals(told.map((r) => r.arrived), [false, true, true]);
      const run = await compile(warm(precision, `implicit(solver = ${solver})`)).run();
      const [report] = (run.toJSON() as { outers: { implicit: { missed: number }[] }[] }).outers[0]!.implicit;
      assert(report!.missed < 15, `${report!.missed}`);
      // where it begins at its end, it is never blamed
      assertEquals(
        (await reportsOf(warm(precision, `implicit(solver = ${solver})`, "[1, 2, 3]"))).map((r) => r.arrived),
        [
          true,
          true,
        ],
      );
    });
  }

  Deno.test(`a loop that starts at a zero of its gradient has arrived, at 0 too, ${precision}`, async () => {
    const at = (start: string, target: string) =>
      `edition 1
      precision ${precision}
      param w : [3] = ${start}
      param c : [3] = ${target}
      let x = [[0.1, 0.7, 0.3], [1.1, 0.2, 0.9], [0.6, 0.6, 0.8], [0.3, 1.3, 0.1]]
      inner fit { minimize 0.5 * sum((dot(x, w) - dot(x, c))^2) over w by sgd(lr = 0.05) for T = 3 steps through implicit() }
      gradient sum(w@T) wrt c`;
    const targets = ["[0.3, 1.7, -0.9]", "[0, 0, 0]", "[1e-3, 1e3, 1]"];
    for (const target of targets) assert((await reportsOf(at(target, target)))[0]!.arrived, target);
    assert(!(await reportsOf(at("1", "[3, 2, -1]")))[0]!.arrived);
  });

  Deno.test(`whether a loop has arrived does not depend on the scale of what it minimizes, ${precision}`, async () => {
    for (const scale of [1e-12, 1e-6, 1, 1e6]) {
      for (const [steps, arrived] of [[10, true], [2, false]] as const) {
        // each step leaves half of the way: 2^-10 is less than a thousandth
        const [report] = await reportsOf(`edition 1
          precision ${precision}
          param w = 3
          param c = 1
          inner fit { minimize ${scale} * 0.5 * (w - c)^2 over w by sgd(lr = ${0.5 / scale}) for T = ${steps} steps
            through implicit() }
          gradient (w@T)^2 wrt c`);
        assertEquals(report!.arrived, arrived, `${scale}, ${steps} steps, ${report!.left} left`);
      }
    }
  });
}

Deno.test("each task has arrived by itself: one that came from far does not speak for another", async () => {
  const [report] = await reportsOf(`edition 1
    precision f64
    task far { a ~ uniform(0, 1)  split s { scale = where(a > 0.5, 1e6, 1)  rate = where(a > 0.5, 1, 0.01) } }
    param w = 0
    param c = 1
    inner fit { minimize 0.5 * s.rate * (w - c * s.scale)^2 over w by sgd(lr = 1) for T = 5 steps through implicit() }
    outer train { minimize (w@T)^2 across 16 far over c by sgd(lr = 0) for 1 steps }`);
  // those of rate 1 are there after one step; those of 0.01 have 0.99^5 of their way before them
  assert(!report!.arrived && report!.left > 0.9 && report!.gradientNorm < 1e-3 * report!.startNorm);
});

// ------------------------------------------------------------------------------------------- rules that are more than descent

const refused = (rule: string, through = "implicit()", item = "gradient sum((w@T)^2) wrt c") => {
  try {
    compile(`edition 1
      param w : [2] = 1
      param c = 2
      optimizer projected(lr) { p' = max(p - lr * g, 0) }
      optimizer boxed(lr) { p' = min(max(p - lr * g, -10), 10) }
      optimizer ball(lr) {
        let z = p - lr * g
        p' = z / max(1, sqrt(sum(z^2) + 1e-12))
      }
      optimizer soft(lr) {
        let z = p - lr * g
        p' = sign(z) * max(abs(z) - lr * 0.1, 0)
      }
      optimizer anchored(lr) {
        state anchor = p
        anchor' = anchor
        p' = p - lr * (g + 0.1 * (p - anchor))
      }
      optimizer lookahead(lr) {
        state slow = p
        let fast = p - lr * g
        let due = floor((t + 1) / 5) * 5 == t + 1
        slow' = where(due, slow + 0.5 * (fast - slow), slow)
        p' = where(due, slow', fast)
      }
      optimizer averaged(lr) { p' = 0.7 * p + 0.3 * (p - lr * g) }
      optimizer counted(lr) {
        state steps : [] = 0
        steps' = steps + 1
        p' = p - lr / (1 + 0.01 * steps) * g
      }
      optimizer shrinking(lr) {
        state steps : [] = 0
        steps' = steps + 1
        p' = p * (1 - 1e-7) - lr * g
      }
      optimizer signed(lr) { p' = p - lr * sign(g) }
      optimizer learned(lr) { p' = p - lr * (g + tanh(c * g)) }
      optimizer biased(lr) { p' = p - lr * (g + tanh(c * g + 0.1)) }
      inner fit { minimize 0.5 * sum((w - c)^2) over w by ${rule} for T = 20 steps through ${through} }
      ${item}`);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    const [first, ...more] = error.diagnostics.filter((d) => d.severity === "error");
    assertEquals(more, []);
    return first!;
  }
  return undefined;
};

Deno.test("a rule that is more than descent is refused where the gradient is taken to be zero, by name and with the cure", () => {
  const more = [
    "adamw()",
    "asgd()",
    ...["sgd", "adam", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "radam", "lion", "lamb"].map((rule) =>
      `${rule}(lr = 1e-3, weight_decay = 1e-2)`
    ),
    "sgd(lr = 1e-3, weight_decay = 1e-4)",
    ...["projected", "boxed", "ball", "soft", "anchored", "shrinking", "biased"].map((rule) => `${rule}(lr = 0.1)`),
  ];
  for (const rule of more) {
    const found = refused(rule);
    const name = rule.replace(/\(.*/, "");
    assertEquals(found?.code, "M0504", rule);
    assertStringIncludes(found!.title, `\`${name}\` moves \`w\` without a gradient too`);
    assertStringIncludes(found!.hint!, "solver = fixed_point");
    // the cure is one
    if (name !== "lion") assertEquals(refused(rule, "implicit(solver = fixed_point)"), undefined, rule);
  }
  for (const solver of ["neumann, rate = 0.1", "gmres", "normal_cg", "direct"]) {
    assertEquals(refused("sgd(lr = 0.1, weight_decay = 0.5)", `implicit(solver = ${solver})`)?.code, "M0504", solver);
  }
  // a learned decay is one, whatever it is now; it is not called without influence
  const learned = refused("sgd(lr = 0.1)", "implicit()", "gradient sum((w@T)^2) wrt fit.weight_decay, c");
  assertStringIncludes(learned!.title, "without a gradient too");
});

Deno.test("a rule that only descends is not refused, however it is written", () => {
  const descent = [
    ...["sgd", "adam", "rmsprop", "adagrad", "adadelta", "adamax", "nadam", "radam", "lion", "lamb", "rprop"].map((r) =>
      `${r}(lr = 1e-3)`
    ),
    "sgd(lr = 0.1, momentum = 0.9, nesterov = true)",
    "asgd(lr = 0.1, lambd = 0)",
    "adamw(weight_decay = 0)",
    ...["lookahead", "averaged", "counted", "signed", "learned"].map((rule) => `${rule}(lr = 0.1)`),
  ];
  for (const rule of descent) assertEquals(refused(rule)?.title, undefined, rule);
  // nothing is differentiated through the loop here
  assertEquals(refused("adamw()", "implicit()", "evaluate end { report sum((w@T)^2) }"), undefined);
});

Deno.test("a step whose change has no derivative leads nowhere, and fixed_point says so", () => {
  for (const rule of ["signed(lr = 0.1)", "lion(lr = 0.1)", "rprop(lr = 0.1)"]) {
    const found = refused(rule, "implicit(solver = fixed_point)");
    assertEquals(found?.code, "M0504", rule);
    assertStringIncludes(found!.title, "fixed_point");
  }
});

Deno.test("what a solution does not move with is denied with the reason that is true", () => {
  const denied = (wrt: string, through: string, extra = "") => {
    try {
      compile(`edition 1
        param w = 0
        param c = 2
        param k = 1
        param theta = 0.5
        inner fit { minimize 0.5 * (w - c)^2 + k over w by sgd(lr = 0.3) for T = 20 steps through ${through} }
        gradient (w@T)^2 ${extra} wrt ${wrt}`);
    } catch (error) {
      if (!(error instanceof CompileError)) throw error;
      const { code, primary } = error.diagnostics.find((d) => d.severity === "error")!;
      assertEquals(code, "M0501");
      return primary.message;
    }
    throw new Error("not denied");
  };
  assertStringIncludes(denied("w@0", "implicit()"), "which forgets its start");
  assertStringIncludes(denied("k", "implicit()"), "the gradient of what `fit` minimizes does not depend on it");
  assertStringIncludes(
    denied("k", "implicit(solver = fixed_point)"),
    "the gradient of what `fit` minimizes does not depend on it",
  );
  assertStringIncludes(denied("fit.lr", "implicit()"), "does not depend on how it was reached");
});
