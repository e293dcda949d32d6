// Does an inner loop stop when its `until` holds, and is its derivative that of the steps it took? Against plain loops that are given
// how many steps to take, and against the same loop that is declared with so many.
import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { compile, type Run } from "../../mod.ts";
import { compileProgram } from "../../dsl/compile.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { derivative } from "../../runtime/verify/differences.ts";
import { apart, numbersOf } from "../random/numbers.ts";
import { step } from "./plain/rules.ts";

const backends = ["reference", "wasm"] as const;

// ------------------------------------------------------------------------------------------------------- plain loops

/** 0.5 sum(a (w - b)^2) + 0.1 sum(w^4). */
const a = [1, 2, 0.5];
interface Numbers {
  readonly w: readonly number[];
  readonly b: readonly number[];
  /** Of the rule, by the name in the library. */
  readonly hyper: Readonly<Record<string, number>>;
}
const lossAt = (w: readonly number[], { b }: Numbers) =>
  w.reduce((sum, x, i) => sum + 0.5 * a[i]! * (x - b[i]!) ** 2 + 0.1 * x ** 4, 0);
const slopeAt = (w: readonly number[], { b }: Numbers) => w.map((x, i) => a[i]! * (x - b[i]!) + 0.4 * x ** 3);

interface Path {
  readonly w: readonly (readonly number[])[];
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  readonly taken: number;
}

/** What may end it, of the moment before a step. */
type Condition = (
  at: {
    readonly w: readonly number[];
    readonly loss: number;
    readonly norm: number;
    readonly t: number;
    /** The loss and the norm before the first step. */
    readonly start: readonly [number, number];
  },
) => boolean;

/** Every time 0 .. T of a loop that takes steps until a condition holds, or as many as are given. */
function walk(rule: string, numbers: Numbers, steps: number, end: Condition | number): Path {
  const memories = numbers.w.map(() => ({}));
  const w = [numbers.w];
  const losses: number[] = [];
  const norms: number[] = [];
  let taken = 0;
  for (let t = 0; t <= steps; t++) {
    const now = w[t]!;
    const g = slopeAt(now, numbers);
    losses.push(lossAt(now, numbers));
    norms.push(Math.hypot(...g));
    if (t === steps) break;
    const still = taken < t ||
      (typeof end === "number"
        ? t >= end
        : end({ w: now, loss: losses[t]!, norm: norms[t]!, t, start: [losses[0]!, norms[0]!] }));
    if (!still) taken++;
    w.push(still ? now : step(rule, numbers.hyper, { p: now, g, t, memories }));
  }
  return { w, losses, norms, taken };
}

/** What is differentiated: it sees the end, every time, and the losses. */
function objective({ w, losses, taken }: Path): number {
  const end = w.at(-1)!;
  const whole = losses.reduce((sum, x) => sum + x);
  return end[0]! + 2 * end[1]! - end[2]! ** 2 + 0.1 * whole + 0.01 * w.flat().reduce((sum, x) => sum + x) + taken;
}

const T = 24;
const start: Omit<Numbers, "hyper"> = { w: [1.5, -0.5, 2], b: [0.5, 1, -1] };

const rules = [
  {
    rule: "sgd",
    call: "sgd(lr = 0.12, momentum = 0.4)",
    more: { weight_decay: 0, dampening: 0 },
    wrt: { lr: 0.12, momentum: 0.4 },
  },
  {
    rule: "adam",
    call: "adam(lr = 0.15, beta1 = 0.8)",
    more: { weight_decay: 0, beta2: 0.999, eps: 1e-8, eps_root: 0 },
    wrt: { lr: 0.15, beta1: 0.8 },
  },
] as const;

/** With how many steps each rule takes. */
const conditions: readonly {
  readonly until: string;
  readonly holds: Condition;
  readonly taken: { readonly sgd: number; readonly adam: number };
}[] = [
  { until: "until fit.gradient_norm < 0.4", holds: ({ norm }) => norm < 0.4, taken: { sgd: 8, adam: 24 } },
  { until: "until fit.loss@t < 2.2", holds: ({ loss }) => loss < 2.2, taken: { sgd: 2, adam: 6 } },
  {
    until: "until w[0] < 0.7  until t >= 5",
    holds: ({ w, t }) => w[0]! < 0.7 || t >= 5,
    taken: { sgd: 4, adam: 5 },
  },
  {
    until: "until fit.loss < 0.5 * fit.loss@0",
    holds: ({ loss, start }) => loss < 0.5 * start[0],
    taken: { sgd: 2, adam: 4 },
  },
  {
    until: "until fit.gradient_norm@0 >= 3 * fit.gradient_norm",
    holds: ({ norm, start }) => start[1] >= 3 * norm,
    taken: { sgd: 3, adam: 7 },
  },
  { until: "until norm(w) < 0.1", holds: ({ w }) => Math.hypot(...w) < 0.1, taken: { sgd: T, adam: T } },
  { until: "until t == T - 1", holds: ({ t }) => t === T - 1, taken: { sgd: T - 1, adam: T - 1 } },
  // it holds once, and no more
  { until: "until t == 3", holds: ({ t }) => t === 3, taken: { sgd: 3, adam: 3 } },
  { until: "until fit.loss > 0", holds: () => true, taken: { sgd: 0, adam: 0 } },
];

/** Some hundred roundings of numbers below 32. */
const rounding = 400 * 32 * 2 ** -52;

const source = (call: string, until: string, through: string, wrt: readonly string[]) =>
  `edition 1
precision f64
param w : [3] = [${start.w}]
param b : [3] = [${start.b}]
inner fit {
  minimize 0.5 * sum([${a}] * (w - b)^2) + 0.1 * sum(w^4)
  over w by ${call}
  for T = ${T} steps
  ${until}
  through ${through}
}
gradient w@T[0] + 2 * w@T[1] - w@T[2]^2 + 0.1 * sum(fit.loss@t for t in 0 .. T)
  + 0.01 * sum(sum(w@t) for t in 0 .. T) + fit.steps
wrt w@0, b, ${wrt.map((name) => `fit.${name}`).join(", ")}
record w@*, fit.loss@*, fit.gradient_norm@*
output steps = fit.steps
`;

for (const { rule, call, more, wrt } of rules) {
  for (const { until, holds, taken } of conditions.filter((c) => rule === "sgd" || c.taken.adam !== c.taken.sgd)) {
    Deno.test(`a loop by ${rule} stops, and its derivative is that of the steps it took: ${until}`, async () => {
      const numbers: Numbers = { ...start, hyper: { ...more, ...wrt } };
      const path = walk(rule, numbers, T, holds);
      assertEquals(path.taken, taken[rule]);
      const along = (change: (x: number) => Numbers, at: number) =>
        derivative((x) => objective(walk(rule, change(x), T, path.taken)), at, 0.05, 12);
      const put = (list: readonly number[], i: number, x: number) => list.map((y, k) => k === i ? x : y);
      const slopes = [
        start.w.map((at, i) => along((x) => ({ ...numbers, w: put(start.w, i, x) }), at)),
        start.b.map((at, i) => along((x) => ({ ...numbers, b: put(start.b, i, x) }), at)),
        ...Object.entries(wrt).map(([name, at]) => [
          along((x) => ({ ...numbers, hyper: { ...numbers.hyper, [name]: x } }), at),
        ]),
      ];
      const ways = [["unroll()", "reference"], ["unroll()", "wasm"], ["forward()", "reference"]] as const;
      for (const [through, backend] of ways) {
        const run = await compile(source(call, until, through, Object.keys(wrt))).run({ backend });
        const what = `${through} on ${backend}`;
        const close = (mine: number, its: number, error = 0) => assertAlmostEquals(mine, its, rounding + error, what);
        assertEquals([...run.output("steps").data], [path.taken]);
        path.w.forEach((w, t) => w.forEach((x, i) => close(run.parameter("w", { time: t }).data[i]!, x)));
        const recorded = (name: string) => run.recorded(name).values[0]!.data;
        path.losses.slice(0, T).forEach((x, t) => close(recorded("fit.loss@*")[t]!, x));
        path.norms.slice(0, T).forEach((x, t) => close(recorded("fit.gradient_norm@*")[t]!, x));
        const [{ value, wrt: found }] = run.gradients as [Run["gradients"][number]];
        close(value, objective(path));
        slopes.forEach((list, k) =>
          // four times what the differences say of themselves
          list.forEach(({ value, error }, i) => close(found[k]!.leaves[0]!.gradient.data[i]!, value, 4 * error))
        );
      }
    });
  }
}

// ------------------------------------------------------------------------------------------------------------- tasks

Deno.test("each task stops by itself, and each has the derivative of its own steps", async () => {
  const tasks = [[0.5, 1, -1], [3, -2, 0.2], [1.4, -0.5, 1], [0, 0, 0]];
  const numbers = (b: readonly number[], lr = 0.12): Numbers => ({
    w: start.w,
    b,
    hyper: { weight_decay: 0, dampening: 0, momentum: 0.4, lr },
  });
  const holds: Condition = ({ norm }) => norm < 0.4;
  const paths = tasks.map((b) => walk("sgd", numbers(b), T, holds));
  assert(new Set(paths.map((p) => p.taken)).size > 2, "they take different numbers of steps");
  const text = `edition 1
precision f64
param w : [3] = [${start.w}]
task problem { split support { b : [3] } }
inner fit {
  minimize 0.5 * sum([${a}] * (w - support.b)^2) + 0.1 * sum(w^4)
  over w by sgd(lr = 0.12, momentum = 0.4)
  for T = ${T} steps
  until fit.gradient_norm < 0.4
}
gradient sum(w@T) + fit.steps wrt fit.lr across 4 problem
evaluate all { across 4 problem  report fit.steps  report sum(w@T)  report fit.loss@T }
evaluate short { across 4 problem  for T = 3 steps  report fit.steps }
`;
  const given = ({ index }: { readonly index: number }) => ({ support: { b: { shape: [3], data: tasks[index]! } } });
  const slopes = tasks.map((b, i) =>
    derivative(
      (lr) => walk("sgd", numbers(b, lr), T, paths[i]!.taken).w.at(-1)!.reduce((x, y) => x + y),
      0.12,
      0.05,
      12,
    )
  );
  const mean = (list: readonly number[]) => list.reduce((x, y) => x + y) / list.length;
  for (const backend of backends) {
    const run = await compile(text, { tasks: { problem: given } }).run({ backend });
    const reports = run.evaluation("all").reports.map((r) => r.points[0]!.values);
    const close = (mine: number, its: number, error = 0) => assertAlmostEquals(mine, its, rounding + error);
    paths.forEach(({ w, taken, losses }, i) => {
      assertEquals(reports[0]![i], taken);
      close(reports[1]![i]!, w.at(-1)!.reduce((x, y) => x + y));
      close(reports[2]![i]!, losses.at(-1)!);
    });
    const short = run.evaluation("short").reports[0]!.points[0]!.values;
    assertEquals([...short], paths.map(({ taken }) => Math.min(taken, 3)));
    const [{ value, wrt }] = run.gradients as [Run["gradients"][number]];
    close(value, mean(paths.map(({ w, taken }) => w.at(-1)!.reduce((x, y) => x + y) + taken)));
    close(wrt[0]!.leaves[0]!.gradient.data[0]!, mean(slopes.map((s) => s.value)), 4 * mean(slopes.map((s) => s.error)));
  }
});

// ------------------------------------------------------------------------------------- as if it were declared so long

const net = `edition 1
precision f64
data train {
  x : [6, 1] = [[0.1], [0.5], [-0.3], [0.9], [-1.1], [0.7]]
  y : [6, 1] = [[0.3], [0.1], [-0.2], [1.1], [-0.9], [0.4]]
}
model net(x : [n, 1]) -> [n, 1] {
  W : [1, 2] = [[0.5, -0.4]]
  b : [2]    = [0.1, 0.2]
  V : [2, 1] = [[0.3], [0.7]]
  return dot(tanh(dot(x, W) + b), V)
}
param theta = 0.4
param v = 0.3
`;
const penalty = "0.1 * exp(theta) * (sum(net.W^2) + sum(net.V^2) + sum(net.b^2))";
const loss = `mse(net(train.x), train.y) + ${penalty}`;

interface Same {
  readonly what: string;
  /** In place of `for T = … steps` stands `STEPS`. */
  readonly loop: string;
  readonly asked: string;
}

const estimated: readonly Same[] = [
  ["unroll()", "theta, net@0, fit.lr"],
  ["first_order()", "theta, net@0, fit.lr"],
  ["forward()", "theta, net@0, fit.lr"],
  ["implicit()", "theta"],
  ["implicit(solver = neumann, iterations = 5)", "theta"],
  ["implicit(solver = fixed_point, iterations = 8)", "theta, fit.lr"],
  ["finite_difference()", "theta"],
  ["finite_difference(at = 2)", "theta"],
  ["es(samples = 4, sigma = 0.01)", "theta, fit.lr"],
].map(([through, wrt]) => ({
  what: through!,
  // other rows at every step: those of the step that is not taken must be those of the end
  loop: `inner fit { minimize ${loss} over net by adam(lr = 0.1) STEPS batch 3 of train through ${through} }`,
  asked: `gradient mse(net@T(train.x), train.y) + 0.3 * fit.loss@T wrt ${wrt}`,
}));

const same: readonly Same[] = [
  ...estimated,
  {
    what: "a rate, a clip and an objective that change with the step",
    loop: `inner fit {
      minimize (${loss}) * exp(-0.1 * t * theta) over net by sgd(lr = 0.5, momentum = 0.3) STEPS clip norm 0.3
    }
    override fit { lr@t = theta * exp(-0.2 * t) }`,
    asked: "gradient mse(net@T(train.x), train.y) + fit.loss@T + fit.gradient_norm@T wrt theta, net@0",
  },
  {
    what: "the fixed point of a rule in an objective that changes with the step",
    loop: `inner fit { minimize (${loss}) * exp(-0.1 * t * theta) over net by sgd(lr = 0.1, momentum = 0.3) STEPS
      through implicit(solver = fixed_point, iterations = 9) }`,
    asked: "gradient mse(net@T(train.x), train.y) + fit.loss@T wrt theta",
  },
  {
    what: "a warm loop",
    loop: `inner fit { minimize ${loss} over net by sgd(lr = 0.1, momentum = 0.5) STEPS from fit@T }`,
    asked: `outer learn { minimize mse(net@T(train.x), train.y) + fit.loss@T
      over theta, fit.lr by sgd(lr = 0.1) for 4 steps }
    record theta, fit.lr, learn.loss`,
  },
  {
    what: "a loop that goes on from one that stopped",
    loop: `inner fit { minimize ${loss} over net by adam(lr = 0.1) STEPS }
    inner more { minimize mse(net(train.x), 2 * train.y) over net by adam(lr = 0.1) for S = 2 steps from fit@T }`,
    asked: "gradient mse(net@(more@S)(train.x), train.y) wrt theta, fit.lr, more.lr, net@0",
  },
  {
    what: "a loop in a loop",
    loop: `inner fit { minimize ${loss} + mse(net(v * train.x), train.y) over net by sgd(lr = 0.1) STEPS }
    inner above { minimize mse(net@T(train.x), train.y) + 0.1 * v^2 over v by sgd(lr = 0.3) for S = 3 steps }`,
    asked: "gradient (v@(above@S))^2 wrt theta, v@0, fit.lr, above.lr",
  },
  {
    what: "a loop around a loop",
    loop: `inner fit { minimize ${loss} + mse(net(v * train.x), train.y) over net by sgd(lr = 0.1) for T = 2 steps }
    inner above { minimize mse(net@T(train.x), train.y) + 0.1 * v^2 over v by sgd(lr = 0.3) STEPS }`,
    asked: "gradient (v@(above.T))^2 wrt theta, v@0, fit.lr, above.lr",
  },
  {
    what: "a loop in an outer that a gradient runs",
    loop: `inner fit { minimize ${loss} over net by sgd(lr = 0.1) STEPS }
    outer mid { minimize mse(net@T(train.x), train.y) over theta by sgd(lr = 0.3) for M = 3 steps }`,
    asked: "gradient mid.loss@M wrt mid.lr, theta@0, fit.lr",
  },
  {
    what: "tasks, draws and an evaluation",
    loop: `task noise { split support { x : [5, 1] ~ normal(0, 1)  y = sin(x) } }
    inner fit { minimize mse(net(support.x), support.y) over net by adam(lr = 0.1) STEPS }`,
    asked: `outer learn { minimize fit.loss@T across 3 noise over net@0, fit.lr by sgd(lr = 0.1) for 3 steps }
    evaluate all { across 4 noise  report fit.loss@T  report fit.steps }
    record learn.loss, fit.lr`,
  },
];

const onBoth = new Set([
  "unroll()",
  "implicit(solver = fixed_point, iterations = 8)",
  "tasks, draws and an evaluation",
]);

for (const { what, loop, asked } of same) {
  Deno.test(`a loop that stops at a step is one of so many steps: ${what}`, async () => {
    const K = 4;
    for (const backend of [referenceBackend, ...(onBoth.has(what) ? [makeWasmBackend({ threads: 1 })] : [])]) {
      const run = async (steps: string) => {
        const { program } = compileProgram({
          root: { name: "test.meta", text: `${net}${loop.replace("STEPS", steps)}\n${asked}\n` },
          readSource: () => undefined,
          readData: () => undefined,
        });
        return numbersOf(await runProgram(program!, backend, { seed: 3 }));
      };
      const [short, stopped] = [await run(`for T = ${K} steps`), await run(`for T = ${K + 3} steps until t >= ${K}`)];
      assert(short.size > 0);
      const { part, where } = apart(short, stopped);
      // the same operations in another order of sums: some roundings for each of some hundred, of the largest number
      assert(part <= 500 * 2 ** -52, where);
    }
  });
}

Deno.test("after a loop has stopped, its sensitivities stay what they were at its end", async () => {
  const text = (steps: string) =>
    `${net}inner fit { minimize ${loss} over net by sgd(lr = 0.1, momentum = 0.5) ${steps} }
    outer learn { minimize mse(net@T(train.x), train.y) over theta by sgd(lr = 0.1) for 1 steps }
    record learn.sensitivity`;
  const of = async (steps: string) =>
    (await compile(text(steps)).run()).recorded("learn.sensitivity[net.b]@*").values[0]!;
  const [short, stopped] = [await of("for T = 4 steps"), await of("for T = 6 steps until t >= 4")];
  const rounding = 500 * 2 ** -52;
  for (let t = 0; t <= 6; t++) {
    for (let i = 0; i < 2; i++) {
      assertAlmostEquals(Number(stopped.data[2 * t + i]), Number(short.data[2 * Math.min(t, 4) + i]), rounding, `${t}`);
    }
  }
});

Deno.test("after a loop has stopped, its times repeat, also those of a loss that other rows would change", async () => {
  const run = await compile(`${net}inner fit { minimize ${loss} over net by adam(lr = 0.1) for T = 9 steps
      batch 2 of train  until t >= 4 }
    gradient sum(fit.loss@t for t in 0 .. T) + sum(fit.gradient_norm@t for t in 0 .. T) wrt fit.lr
    record net@*, fit.loss@*, fit.gradient_norm@*`).run();
  for (const [name, size] of [["net.W@*", 2], ["fit.loss@*", 1], ["fit.gradient_norm@*", 1]] as const) {
    const rows = run.recorded(name).values[0]!.data;
    const row = (t: number) => [...rows.slice(t * size, (t + 1) * size)];
    for (let t = 5; t < rows.length / size; t++) assertEquals(row(t), row(4), `${name} ${t}`);
    assertNotEquals(row(3), row(4));
  }
  const [losses, norms] = ["fit.loss@*", "fit.gradient_norm@*"].map((name) => [...run.recorded(name).values[0]!.data]);
  // each repeats at the end too: the last is one more evaluation there, with the rows of that step
  const whole = [losses!, norms!].reduce(
    (sum, list) => sum + list.reduce((x, y) => x + Number(y), 0) + Number(list.at(-1)),
    0,
  );
  assertAlmostEquals(run.gradients[0]!.value, whole, 64 * whole * 2 ** -52);
});

Deno.test("a step that is not taken counts for nothing, whatever it would have led to", async () => {
  // the slope of w log(w) is 1 at 1, so that w is 0 after one step; there the slope is infinite and the loss no number
  const text = `edition 1
precision f64
param w = 1
param c = 1
inner fit { minimize c * w * log(w)  over w  by sgd(lr = 1, momentum = 0.5)  for T = 5 steps  until w <= 0 }
gradient w@T wrt c, w@0, fit.lr
output steps = fit.steps
`;
  for (const backend of backends) {
    const run = await compile(text).run({ backend });
    assertEquals(run.outcome, "done");
    const [{ value, wrt }] = run.gradients as [Run["gradients"][number]];
    // w - lr c (log(w) + 1)
    assertEquals([value, ...wrt.map(({ leaves }) => leaves[0]!.gradient.data[0])], [0, -1, 0, -1]);
    assertEquals([...run.output("steps").data], [1]);
  }
});

Deno.test("a loop that runs by itself says how many of its steps it took", async () => {
  const run = await compile(`edition 1
param w = 5
inner fit { minimize (w - 1)^2  over w  by sgd(lr = 0.25)  for 9 steps  until fit.gradient_norm < 1 }
output steps = fit.steps`).run();
  assertEquals(run.simulations.map(({ taken, losses }) => [taken, losses.length]), [[4, 9]]);
  assertEquals([...run.output("steps").data], [4]);
});
