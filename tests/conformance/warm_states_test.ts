// Does a warm loop keep all of its state: parameters, what its rule keeps, and how many steps the rule has made? Against plain loops over
// numbers; what a meta-step finds is a constant for its own gradient.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { compile, type Run } from "../../mod.ts";
import { derivative } from "../../runtime/verify/differences.ts";
import { type Hyper, type Memory, step } from "./plain/rules.ts";

const start = [1.4, -2, 0.5];
const target = [0.8, 1.3, -0.9];
const curvature = [1, 0.5, 2];
const weight = [0.7, -0.4, 1.1];
const entries = (x: readonly number[]) => `[${x.join(", ")}]`;

/** The text of what the loop minimizes, and of what is asked of its end. */
const energy = `sum(${entries(curvature)} * (p - c * ${entries(target)})^2) / 2 + 0.3 * p[0] * p[1]`;
const asked = `sum(${entries(weight)} * p@T) + sum(p@T^2) / 2`;

function gradientAt(p: readonly number[], c: number): number[] {
  const g = p.map((value, i) => curvature[i]! * (value - c * target[i]!));
  g[0]! += 0.3 * p[1]!;
  g[1]! += 0.3 * p[0]!;
  return g;
}
const objective = (p: readonly number[]) => p.reduce((sum, x, i) => sum + weight[i]! * x + x * x / 2, 0);

/** All that lasts. */
interface State {
  readonly p: readonly number[];
  readonly memories: readonly Memory[];
  /** Steps that the rule has made. */
  readonly made: number;
}

const begin: State = { p: start, memories: start.map(() => ({})), made: 0 };

/** The loop from a state, which stays as it is; `c` stands with the rule's own numbers. */
function run(name: string, hyper: Hyper, from: State, steps: number): State {
  const memories = from.memories.map((memory) => ({ ...memory }));
  let p: readonly number[] = from.p;
  for (let k = 0; k < steps; k++) {
    p = step(name, hyper, { p, g: gradientAt(p, hyper.c!), t: from.made + k, memories });
  }
  return { p, memories, made: from.made + steps };
}

/** Where a difference begins: within what the number may be, and where the loop is smooth. */
function reach(name: string, value: number): number {
  if (/^(beta|alpha)/.test(name)) return 0.2 * Math.min(1 - value, value);
  return 0.1 * Math.max(Math.abs(value), 0.01);
}

/** Holds a derivative against differences of a plain loop; `more` is what the number itself is unsure of. */
function hold(
  what: string,
  actual: number,
  { f, at, h, more = 0 }: { f: (x: number) => number; at: number; h: number; more?: number },
): void {
  const { value, error } = derivative(f, at, h);
  // what the table is unsure of, and a few hundred roundings in the program's own sums
  const tolerance = 20 * error + 1e-12 * (1 + Math.abs(value)) + more;
  assert(tolerance < 1e-6 * (1 + Math.abs(value)), `the difference for ${what} is not sure: ${value} ± ${error}`);
  assert(Math.abs(actual - value) <= tolerance, `${what}: ${actual}, by differences ${value} ± ${error}`);
}

interface Case {
  readonly rule: string;
  readonly hyper: Hyper;
  readonly flag?: string;
  readonly steps?: number;
  /** Of the outer loop. */
  readonly rate?: number;
}

/** Momentum, Nesterov's, Adam and RMSprop, each where every term weighs; and where the number itself is 0, or acts from the second step on. */
const cases: readonly Case[] = [
  { rule: "sgd", hyper: { lr: 0.2, momentum: 0.6, dampening: 0.2, weight_decay: 0.1 } },
  { rule: "sgd", hyper: { lr: 0.1, momentum: 0.8, dampening: 0, weight_decay: 0.05 }, flag: "nesterov" },
  { rule: "sgd", hyper: { lr: 0.1, momentum: 0, dampening: 0, weight_decay: 0 }, steps: 1 },
  { rule: "adam", hyper: { lr: 0.1, beta1: 0.6, beta2: 0.7, eps: 0.1, weight_decay: 0.2, eps_root: 0.05 } },
  { rule: "adam", hyper: { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0, eps_root: 0 }, rate: 1e-6 },
  { rule: "adam", hyper: { lr: 0.1, beta1: 0.6, beta2: 0.7, eps: 0.1, weight_decay: 0, eps_root: 0.05 }, steps: 1 },
  { rule: "rmsprop", hyper: { lr: 0.05, alpha: 0.6, eps: 0.1, weight_decay: 0.2, momentum: 0.5 } },
];

const metaSteps = 10;

for (const { rule, hyper, flag, steps = 3, rate = 1e-3 } of cases) {
  const written = [
    ...Object.entries(hyper).map(([name, value]) => `${name} = ${value}`),
    ...flag ? [`${flag} = true`] : [],
  ];
  const names = Object.keys(hyper);
  const learned = ["c", ...names.map((name) => `fit.${name}`)].join(", ");
  for (const backend of ["reference", "wasm"] as const) {
    Deno.test(`${rule}(${written.join(", ")}) goes on with all of its state, ${steps} steps a meta-step, with its derivatives (${backend})`, async () => {
      const made = await compile(`edition 1
        precision f64
        param c = 0.5
        param p : [3] = ${entries(start)}
        inner fit { minimize ${energy}  over p  by ${rule}(${written.join(", ")})  for T = ${steps} steps  from fit@T }
        outer train { minimize ${asked}  over ${learned}  by sgd(lr = ${rate})  for ${metaSteps} steps }
        gradient ${asked}  wrt p@0, ${learned}  after train
        evaluate first { report p@0[0]  report p@0[1]  report p@0[2]  report ${asked} }
        record ${learned}
      `).run({ backend });
      assertEquals(made.outcome, "done");
      let state = begin;
      for (let k = 0; k <= metaSteps; k++) {
        const now = learnedAt(made, { k, names, flag });
        const end = (values: Hyper, from = state) => objective(run(rule, values, from, steps).p);
        const unrolled = k === metaSteps;
        const loss = unrolled ? made.value() : made.losses("train")[k]!;
        assertAlmostEquals(loss, end(now), 1e-13, `the loss of meta-step ${k}`);
        const next = unrolled ? undefined : learnedAt(made, { k: k + 1, names, flag });
        for (const name of ["c", ...names]) {
          const of = name === "c" ? name : `fit.${name}`;
          // by what the outer moved it, or as the gradient after the last meta-step says it
          const slope = next ? (now[name]! - next[name]!) / rate : made.gradient(of).data[0]!;
          // a number and what it is moved by are rounded where they are kept
          const more = next ? 2 ** -51 * Math.max(Math.abs(now[name]!), 1e-2) / rate : 0;
          const f = (x: number) => end({ ...now, [name]: x });
          hold(`${of} at meta-step ${k}`, slope, { f, at: now[name]!, h: reach(name, now[name]!), more });
        }
        if (next) {
          state = run(rule, now, state, steps);
          continue;
        }
        // where the loop stands
        const reports = made.evaluation("first").reports.map((r) => r.points[0]!.mean);
        state.p.forEach((value, i) => assertAlmostEquals(reports[i]!, value, 1e-13, `p@0[${i}] after train`));
        assertAlmostEquals(reports[3]!, end(now), 1e-13);
        state.p.forEach((at, i) => {
          const f = (x: number) => end(now, { ...state, p: state.p.with(i, x) });
          hold(`p@0[${i}]`, made.gradient("p@0").data[i]!, { f, at, h: 0.01 });
        });
      }
    });
  }
}

/** The values before meta-step k. */
function learnedAt(
  made: Run,
  { k, names, flag }: { readonly k: number; readonly names: readonly string[]; readonly flag: string | undefined },
): Hyper {
  const of = (name: string) => made.recorded(name).values[k]!.data[0]!;
  return {
    c: of("c"),
    ...Object.fromEntries(names.map((name) => [name, of(`fit.${name}`)])),
    ...flag ? { [flag]: 1 } : {},
  };
}

// ------------------------------------------------------------------------------------------------------- other ways to go on

/** Momentum, from t = 0 as from a velocity of 0. */
const heavy: Hyper = { c: 0.5, lr: 0.2, momentum: 0.6, dampening: 0, weight_decay: 0 };
const heavyText = "sgd(lr = 0.2, momentum = 0.6)";
const adam: Hyper = { c: 0.5, lr: 0.1, beta1: 0.6, beta2: 0.7, eps: 0.1, weight_decay: 0, eps_root: 0 };
const adamText = "adam(lr = 0.1, beta1 = 0.6, beta2 = 0.7, eps = 0.1)";
const head = `edition 1
  precision f64
  param c = 0.5
  param p : [3] = ${entries(start)}`;

Deno.test("`with fresh states` keeps the parameters only", async () => {
  const made = await compile(`${head}
    inner fit { minimize ${energy}  over p  by ${adamText}  for T = 3 steps  from fit@T with fresh states }
    outer train { minimize ${asked}  over c  by sgd(lr = 0)  for 5 steps }`).run();
  let state = begin;
  for (const loss of made.losses("train")) {
    state = run("adam", adam, { ...begin, p: state.p }, 3);
    assertAlmostEquals(loss, objective(state.p), 1e-13);
  }
});

for (const [rule, text, hyper] of [["sgd", heavyText, heavy], ["adam", adamText, adam]] as const) {
  Deno.test(`a loop from another's time has all of the other's state, and its derivative (${rule})`, async () => {
    // the second loop has a rate of its own
    const names = Object.keys(hyper).filter((name) => name !== "c");
    const wrt = ["p@0", "c", ...names.flatMap((name) => [`one.${name}`, `two.${name}`])].join(", ");
    const made = await compile(`${head}
      inner one { minimize ${energy}  over p  by ${text}  for R = 4 steps }
      inner two { minimize ${energy}  over p  by ${
      text.replace(/lr = [0-9.]+/, "lr = 0.05")
    }  for S = 3 steps  from one@2 }
      gradient ${asked.replaceAll("p@T", "p@(two@S)")}  wrt ${wrt}`).run();
    const end = (first: Hyper, second: Hyper, p: readonly number[] = start) =>
      objective(run(rule, second, run(rule, first, { ...begin, p }, 2), 3).p);
    const later: Hyper = { ...hyper, lr: 0.05 };
    assertAlmostEquals(made.value(), end(hyper, later), 1e-13);
    const both = (x: number) => end({ ...hyper, c: x }, { ...later, c: x });
    hold("c", made.gradient("c").data[0]!, { f: both, at: hyper.c!, h: reach("c", hyper.c!) });
    for (const name of names) {
      const one = (x: number) => end({ ...hyper, [name]: x }, later);
      const two = (x: number) => end(hyper, { ...later, [name]: x });
      hold(`one.${name}`, made.gradient(`one.${name}`).data[0]!, {
        f: one,
        at: hyper[name]!,
        h: reach(name, hyper[name]!),
      });
      hold(`two.${name}`, made.gradient(`two.${name}`).data[0]!, {
        f: two,
        at: later[name]!,
        h: reach(name, later[name]!),
      });
    }
    start.forEach((at, i) => {
      hold(`p@0[${i}]`, made.gradient("p@0").data[i]!, { f: (x) => end(hyper, later, start.with(i, x)), at, h: 0.01 });
    });
  });
}

Deno.test("the rule's own number of steps goes on, and times and schedules begin anew", async () => {
  const made = await compile(`${head}
    inner fit { minimize ${energy} + 0.1 * t * p[0]  over p  by ${adamText}  for T = 3 steps  from fit@T }
    override fit { lr@s = 0.1 / (1 + s) }
    outer train { minimize ${asked} + fit.loss@1  over c  by sgd(lr = 0)  for 5 steps }`).run();
  const memories: readonly Memory[] = start.map(() => ({}));
  let [p, steps]: [readonly number[], number] = [start, 0];
  for (const loss of made.losses("train")) {
    let second = 0;
    for (let t = 0; t < 3; t++) {
      if (t === 1) second = energyAt(p) + 0.1 * p[0]!;
      const g = gradientAt(p, 0.5).with(0, gradientAt(p, 0.5)[0]! + 0.1 * t);
      p = step("adam", { ...adam, lr: 0.1 / (1 + t) }, { p, g, t: steps++, memories });
    }
    assertAlmostEquals(loss, objective(p) + second, 1e-13);
  }
});

const energyAt = (p: readonly number[]) =>
  p.reduce((sum, x, i) => sum + curvature[i]! * (x - 0.5 * target[i]!) ** 2 / 2, 0.3 * p[0]! * p[1]!);

Deno.test("evaluations, outputs and gradients begin where the loop stands and do not move it", async () => {
  const program = (more: string) =>
    `${head}
    inner fit { minimize ${energy}  over p  by ${heavyText}  for T = 2 steps  from fit@T }
    outer train { minimize ${asked}  over c  by sgd(lr = 0)  for 6 steps }
    ${more}`;
  const made = await compile(program(`
    evaluate then { report p@0[1]  report p@T[1]  report fit.loss@0  every 2 steps of train }
    evaluate longer { for T = 5 steps  report p@T[1] }
    evaluate none { for T = 0 steps  report p@T[1]  report ${asked} }
    output network = p@0
    output further = p@T
    gradient ${asked}  wrt c  after train`)).run();
  const alone = await compile(program("")).run();
  assertEquals(made.losses("train"), alone.losses("train"));
  const at = (steps: number) => run("sgd", heavy, begin, steps).p;
  for (const k of [0, 2, 4]) {
    const [now, later, loss] = made.evaluation("then", { step: k }).reports.map((r) => r.points[0]!.mean);
    assertAlmostEquals(now!, at(2 * k)[1]!, 1e-14, `meta-step ${k}`);
    assertAlmostEquals(later!, at(2 * k + 2)[1]!, 1e-14);
    assertAlmostEquals(loss!, energyAt(at(2 * k)), 1e-14);
  }
  assertAlmostEquals(made.evaluation("longer").reports[0]!.points[0]!.mean, at(17)[1]!, 1e-14);
  const [stands, asked0] = made.evaluation("none").reports.map((r) => r.points[0]!.mean);
  assertAlmostEquals(stands!, at(12)[1]!, 1e-14);
  assertAlmostEquals(asked0!, objective(at(12)), 1e-14);
  at(12).forEach((x, i) => assertAlmostEquals(Number(made.output("network").data[i]), x, 1e-14));
  at(14).forEach((x, i) => assertAlmostEquals(Number(made.output("further").data[i]), x, 1e-14));
  const slope = (c: number) => objective(run("sgd", { ...heavy, c }, run("sgd", heavy, begin, 12), 2).p);
  hold("c", made.gradient("c").data[0]!, { f: slope, at: 0.5, h: 0.05 });
});

Deno.test("each of several fixed tasks has a state of its own", async () => {
  const shifts = [-0.3, 0.1, 0.9];
  const made = await compile(
    `edition 1
    precision f64
    task one { split support { x : [] } }
    param p : [3] = ${entries(start)}
    param c = 0.5
    inner fit { minimize ${
      energy.replace("c *", "(c + support.x) *")
    }  over p  by ${adamText}  for T = 2 steps  from fit@T }
    outer train { minimize ${asked}  across 3 one fixed  over c  by sgd(lr = 1e-2)  for 6 steps }
    record c`,
    { tasks: { one: ({ index }) => ({ support: { x: { shape: [], data: [shifts[index]!] } } }) } },
  ).run();
  let states: State[] = shifts.map(() => begin);
  const values = made.recorded("c").values.map(({ data }) => data[0]!);
  made.losses("train").forEach((loss, k) => {
    const end = (c: number) => states.map((state, i) => run("adam", { ...adam, c: c + shifts[i]! }, state, 2));
    const mean = (c: number) => end(c).reduce((sum, { p }) => sum + objective(p) / 3, 0);
    assertAlmostEquals(loss, mean(values[k]!), 1e-13, `meta-step ${k}`);
    const more = 2 ** -51 / 1e-2;
    hold("c", (values[k]! - values[k + 1]!) / 1e-2, { f: mean, at: values[k]!, h: 0.05, more });
    states = end(values[k]!);
  });
});

/** d end / d c of two steps of momentum by the tangents of the loop, from a state that is a constant. */
function metaSlope(state: State, hyper: Hyper, steps: number): number {
  let [p, v] = [[...state.p], state.memories.map((memory) => memory.v ?? 0)];
  let [dp, dv] = [[0, 0, 0], [0, 0, 0]];
  for (let k = 0; k < steps; k++) {
    const g = gradientAt(p, hyper.c!);
    const dg = dp.map((d, i) => curvature[i]! * (d - target[i]!));
    dg[0]! += 0.3 * dp[1]!;
    dg[1]! += 0.3 * dp[0]!;
    v = v.map((x, i) => hyper.momentum! * x + g[i]!);
    dv = dv.map((x, i) => hyper.momentum! * x + dg[i]!);
    p = p.map((x, i) => x - hyper.lr! * v[i]!);
    dp = dp.map((x, i) => x - hyper.lr! * dv[i]!);
  }
  return p.reduce((sum, x, i) => sum + (weight[i]! + x) * dp[i]!, 0);
}

for (const through of ["unroll()", "forward()"]) {
  Deno.test(`inside an outer that a gradient runs, a warm loop lasts for one run of it, differentiated through (${through})`, async () => {
    const made = await compile(`${head}
      inner fit { minimize ${energy}  over p  by ${heavyText}  for T = 2 steps  from fit@T }
      outer mid { minimize ${asked}  over c  by sgd(lr = 0.03)  for M = ${metaSteps} steps  through ${through} }
      gradient mid.loss@M + c@M  wrt p@0, c@0, mid.lr, fit.lr, fit.momentum`).run();
    const end = ({ p = start, c = 0.5, rate = 0.03, ...own }: {
      p?: readonly number[];
      c?: number;
      rate?: number;
      lr?: number;
      momentum?: number;
    }) => {
      const hyper = { ...heavy, ...own, c };
      let state: State = { ...begin, p };
      for (let k = 0; k < metaSteps; k++) {
        const slope = metaSlope(state, hyper, 2);
        state = run("sgd", hyper, state, 2);
        hyper.c -= rate * slope;
      }
      return objective(run("sgd", hyper, state, 2).p) + hyper.c;
    };
    assertAlmostEquals(made.value(), end({}), 1e-13);
    const slopes = [["c@0", "c", 0.5], ["mid.lr", "rate", 0.03], ["fit.lr", "lr", 0.2], [
      "fit.momentum",
      "momentum",
      0.6,
    ]] as const;
    for (const [name, key, at] of slopes) {
      hold(name, made.gradient(name).data[0]!, { f: (x) => end({ [key]: x }), at, h: 0.1 * at });
    }
    start.forEach((at, i) => {
      hold(`p@0[${i}]`, made.gradient("p@0").data[i]!, { f: (x) => end({ p: start.with(i, x) }), at, h: 0.01 });
    });
  });
}

for (const [through, seen] of [["unroll(window = 1)", 1], ["forward()", 3]] as const) {
  Deno.test(`the path of a warm loop is the same through ${through}, and its derivative that of ${seen} steps`, async () => {
    const made = await compile(`${head}
      inner fit { minimize ${energy}  over p  by ${heavyText}  for T = 3 steps  from fit@T  through ${through} }
      outer train { minimize ${asked}  over c  by sgd(lr = 1e-3)  for 6 steps }
      record c`).run();
    const values = made.recorded("c").values.map(({ data }) => data[0]!);
    let state = begin;
    values.slice(0, -1).forEach((c, k) => {
      const hyper = { ...heavy, c };
      const expected = metaSlope(run("sgd", hyper, state, 3 - seen), hyper, seen);
      state = run("sgd", hyper, state, 3);
      assertAlmostEquals(made.losses("train")[k]!, objective(state.p), 1e-13);
      // c is rounded where it is kept
      assertAlmostEquals((c - values[k + 1]!) / 1e-3, expected, 1e-12 + 2 ** -52 / 1e-3, `meta-step ${k}`);
    });
  });
}

Deno.test("in first order a warm loop's gradients and what it finds are constants, its rates are not", async () => {
  const made = await compile(`${head}
    inner fit { minimize ${energy}  over p  by ${heavyText}  for T = 3 steps  from fit@T  through first_order() }
    outer train { minimize ${asked}  over fit.lr  by sgd(lr = 1e-3)  for 6 steps }
    record fit.lr`).run();
  const values = made.recorded("fit.lr").values.map(({ data }) => data[0]!);
  let state = begin;
  values.slice(0, -1).forEach((lr, k) => {
    const hyper = { ...heavy, lr };
    const before = state;
    state = run("sgd", hyper, before, 3);
    assertAlmostEquals(made.losses("train")[k]!, objective(state.p), 1e-13);
    // all that moved p is proportional to the rate
    const expected = state.p.reduce((sum, x, i) => sum + (weight[i]! + x) * (x - before.p[i]!) / lr, 0);
    assertAlmostEquals((lr - values[k + 1]!) / 1e-3, expected, 1e-12 + 2 ** -52 / 1e-3, `meta-step ${k}`);
  });
});

// ------------------------------------------------------------------------------------------------ hypergradient descent

/** Online Learning Rate Adaptation with Hypergradient Descent (Baydin, Cornish, Martinez Rubio, Schmidt and Wood 2018): the rate of
 *  each step goes down along the derivative of the loss after it, -g(w) . u for the step's direction u, with g the gradient there. */
const descents: Readonly<
  Record<string, { readonly text: string; readonly direction: (g: number[], t: number) => number[] }>
> = {
  "SGD-HD": { text: "sgd(lr = 0.1)", direction: (g) => g },
  "SGDN-HD": { text: "sgd(lr = 0.05, momentum = 0.8, nesterov = true)", direction: nesterov() },
  "Adam-HD": { text: "adam(lr = 0.02)", direction: adamDirection() },
};

function nesterov(): (g: number[]) => number[] {
  let v = start.map(() => 0);
  return (g) => {
    v = v.map((x, i) => 0.8 * x + g[i]!);
    return g.map((x, i) => x + 0.8 * v[i]!);
  };
}

function adamDirection(): (g: number[], t: number) => number[] {
  const [m, v] = [start.map(() => 0), start.map(() => 0)];
  return (g, t) =>
    g.map((x, i) => {
      m[i] = 0.9 * m[i]! + 0.1 * x;
      v[i] = 0.999 * v[i]! + 0.001 * x * x;
      return m[i]! / (1 - 0.9 ** (t + 1)) / (Math.sqrt(v[i]! / (1 - 0.999 ** (t + 1))) + 1e-8);
    });
}

for (const [name, { text, direction }] of Object.entries(descents)) {
  Deno.test(`${name}: a rate that goes down its hypergradient while the one loop runs`, async () => {
    const steps = 40;
    const made = await compile(`${head}
      inner fit { minimize ${energy}  over p  by ${text}  for T = 1 steps  from fit@T }
      outer tune { minimize fit.loss@T  over fit.lr  by sgd(lr = 1e-3)  for ${steps} steps }
      record fit.lr
      output network = p@0`).run();
    let [p, rate] = [start, made.recorded("fit.lr").values[0]!.data[0]!];
    for (let t = 0; t < steps; t++) {
      assertAlmostEquals(made.recorded("fit.lr").values[t]!.data[0]!, rate, 1e-13, `the rate of step ${t}`);
      const u = direction(gradientAt(p, 0.5), t);
      p = p.map((x, i) => x - rate * u[i]!);
      const g = gradientAt(p, 0.5);
      assertAlmostEquals(made.losses("tune")[t]!, energyAt(p), 1e-13);
      rate += 1e-3 * g.reduce((sum, x, i) => sum + x * u[i]!, 0);
    }
    p.forEach((x, i) => assertAlmostEquals(Number(made.output("network").data[i]), x, 1e-13));
  });
}

Deno.test("hypergradient descent on a parabola, in closed form", async () => {
  // w' = (1 - r a) w, r' = r + b a^2 w w': with u = a^2 w^2 a map of two numbers; at the end w is the product of the factors
  const [a, b] = [2, 0.01];
  const made = await compile(`edition 1
    precision f64
    param w = 3
    inner fit { minimize ${a / 2} * w^2  over w  by sgd(lr = 0.05)  for T = 1 steps  from fit@T }
    outer tune { minimize fit.loss@T  over fit.lr  by sgd(lr = ${b})  for 12 steps }
    record fit.lr
    evaluate now { report w@0 }`).run();
  const rates = made.recorded("fit.lr").values.map(({ data }) => data[0]!);
  const w = rates.slice(0, -1).reduce((list, rate) => [...list, (1 - rate * a) * list.at(-1)!], [3]);
  rates.slice(1).forEach((rate, k) => assertAlmostEquals(rate - rates[k]!, b * a * a * w[k]! * w[k + 1]!, 1e-14));
  assertAlmostEquals(made.evaluation("now").reports[0]!.points[0]!.mean, w.at(-1)!, 1e-14);
});

Deno.test("a look ahead that is not kept: the order of DARTS, where the step that is made has the new values", async () => {
  const made = await compile(`${head}
    inner fit { minimize ${energy}  over p  by ${heavyText}  for T = 1 steps  through first_order()  from fit@T }
    inner look { minimize ${energy}  over p  by ${heavyText}  for S = 1 steps  from fit@T }
    outer search { minimize ${asked.replaceAll("p@T", "p@(look@S)")}  over c  by sgd(lr = 0.1)  for 8 steps }
    record c
    evaluate stands { report p@(fit@0)[0] }`).run();
  const values = made.recorded("c").values.map(({ data }) => data[0]!);
  let [state, c] = [begin, 0.5];
  values.slice(0, -1).forEach((value, k) => {
    assertAlmostEquals(value, c, 1e-13, `meta-step ${k}`);
    state = run("sgd", { ...heavy, c }, state, 1);
    assertAlmostEquals(made.losses("search")[k]!, objective(run("sgd", { ...heavy, c }, state, 1).p), 1e-13);
    c -= 0.1 * metaSlope(state, { ...heavy, c }, 1);
  });
  assertAlmostEquals(made.evaluation("stands").reports[0]!.points[0]!.mean, state.p[0]!, 1e-13);
});
