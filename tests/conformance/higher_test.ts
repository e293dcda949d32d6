// What `higher`'s own tests check, checked here without its tolerances: docs/higher_tests.md says which of these tests stands for
// which of its methods. Every model is unrolled a second time in plain code, with gradients by a tape of scalars, and every
// derivative with respect to time 0 must be the plain loop's central difference.
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { compile, CompileError, type Run } from "../../mod.ts";
import { derivative } from "../../runtime/verify/differences.ts";
import { type Matrix, models, type PlainModel, type Tensor } from "./plain/models.ts";
import { type Hyper, type Memory, step } from "./plain/rules.ts";
import { constant, gradient, mean, mul, type Scalar } from "./plain/scalars.ts";
import { cases, some } from "../thorough.ts";

const T = 4;

/** Inputs like a hash: neither symmetric nor in order. */
const entry = (i: number, seed: number) => Math.round(1000 * Math.sin(12.9898 * (i + 1) + 78.233 * seed)) / 1000;
const shapeOf = (model: PlainModel) => model.recurrent ? [3, 2, 4] : [8, 4];
const table = (model: PlainModel, seed: number) => {
  const shape = shapeOf(model);
  return { shape, data: Array.from({ length: shape.reduce((n, each) => n * each, 1) }, (_, i) => entry(i, seed)) };
};
const rows = (data: readonly number[]): Matrix =>
  Array.from({ length: data.length / 4 }, (_, i) => data.slice(4 * i, 4 * i + 4).map(constant));

type Values = Readonly<Record<string, readonly number[]>>;
/** A group of tensors and its rule. */
interface Group {
  readonly of: (name: string) => boolean;
  readonly rule: string;
  readonly hyper: Hyper;
}

function tensors(model: PlainModel, values: Values): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(model.parameters).map(([name, shape]) => [name, { shape, entries: values[name]!.map(constant) }]),
  );
}

/** mean(net(x)^2). (`higher` takes sum(net(x))^2, in which the gain of the last batch norm cancels.) */
function lossOf(model: PlainModel, p: Readonly<Record<string, Tensor>>, x: Matrix): Scalar {
  return mean(model.outputs(p, x).flat().map((y) => mul(y, y)));
}

/** The parameters at each time. */
function unroll(model: PlainModel, start: Values, groups: readonly Group[]): Values[] {
  const x = rows(table(model, 1).data);
  const memories: Record<string, Memory[]> = {};
  for (const [name, values] of Object.entries(start)) memories[name] = values.map(() => ({}));
  const path = [start];
  for (let t = 0; t < T; t++) {
    const p = tensors(model, path[t]!);
    const names = Object.keys(p);
    const slopes = gradient(lossOf(model, p, x), names.flatMap((name) => p[name]!.entries));
    let next = 0;
    path.push(Object.fromEntries(names.map((name) => {
      const values = path[t]![name]!;
      const g = slopes.slice(next, next += values.length);
      const group = groups.find((each) => each.of(name));
      return [name, group ? step(group.rule, group.hyper, { p: values, g, t, memories: memories[name]! }) : values];
    })));
  }
  return path;
}

function program(model: PlainModel, rules: string, wrt: readonly string[]): string {
  return `edition 1
precision f64
data support { x : [${shapeOf(model).join(", ")}] }
data query { x : [${shapeOf(model).join(", ")}] }
${model.source}
inner fit {
  minimize mean(net(support.x)^2)
  ${rules}
  for T = ${T} steps
}
gradient mean(net@T(query.x)^2)
wrt ${wrt.join(", ")}
record ${Object.keys(model.parameters).map((name) => `net.${name}@*`).join(", ")}
`;
}

const runs = new Map<string, Promise<Run>>();
/** Runs the model under its rules, once. */
function runOf(model: PlainModel, rules: string): Promise<Run> {
  const read = Object.keys(model.parameters).filter((name) => !model.unread?.includes(name));
  const source = program(model, rules, read.map((name) => `net.${name}@0`));
  const data = { support: { x: table(model, 1) }, query: { x: table(model, 2) } };
  const known = runs.get(source) ?? compile(source, { data }).run({ seed: 3 });
  runs.set(source, known);
  return known;
}

function at(run: Run, name: string, t: number): number[] {
  const { shape, data } = run.recorded(`net.${name}@*`).values[0]!;
  const size = data.length / shape[0]!;
  return Array.from(data.slice(t * size, (t + 1) * size), Number);
}
const startOf = (model: PlainModel, run: Run): Values =>
  Object.fromEntries(Object.keys(model.parameters).map((name) => [name, at(run, name, 0)]));

const metaLoss = (model: PlainModel, start: Values, groups: readonly Group[]) =>
  lossOf(model, tensors(model, unroll(model, start, groups)[T]!), rows(table(model, 2).data)).value;

function assertPath(model: PlainModel, run: Run, groups: readonly Group[]): void {
  const path = unroll(model, startOf(model, run), groups);
  for (let t = 0; t <= T; t++) {
    for (const name of Object.keys(model.parameters)) {
      // Adam-like steps at gradients of rounding size are as large as any other: 1e-9 leaves room for 1e-16 / eps
      at(run, name, t).forEach((value, i) =>
        assertAlmostEquals(value, path[t]![name]![i]!, 1e-9, `${name}[${i}]@${t}`)
      );
    }
  }
}

/** Every entry, or some, of every gradient with respect to time 0. */
function assertGradients(model: PlainModel, run: Run, groups: readonly Group[]): void {
  const start = startOf(model, run);
  let largest = 0;
  for (const [name, values] of Object.entries(start)) {
    if (model.unread?.includes(name)) continue;
    const slopes = run.gradient(`net.${name}@0`).data;
    some([...values.entries()], 2).forEach(([i, value]) => {
      const f = (x: number) => metaLoss(model, { ...start, [name]: values.with(i, x) }, groups);
      const { value: expected, error } = derivative(f, value, 1e-4, 6);
      const actual = Number(slopes[i]);
      assert(
        error < 1e-5 * (1 + Math.abs(expected)),
        `the difference for ${name}[${i}] is not sure: ${expected} ± ${error}`,
      );
      assert(
        Math.abs(actual - expected) <= 20 * error + 1e-9,
        `${name}[${i}]: ${actual}, by differences ${expected} ± ${error}`,
      );
      largest = Math.max(largest, Math.abs(actual));
    });
  }
  assert(largest > 1e-6, "no gradient to speak of");
}

const sgd: Group = { of: () => true, rule: "sgd", hyper: { lr: 0.1, momentum: 0, dampening: 0, weight_decay: 0 } };
const bySgd = "over net by sgd(lr = 0.1)";

for (const model of models) {
  Deno.test(`${model.name}: time 0 is where it was initialised, in the declared shapes`, async () => {
    const run = await runOf(model, bySgd);
    for (const [name, shape] of Object.entries(model.parameters)) {
      assertEquals(run.recorded(`net.${name}@*`).values[0]!.shape, [T + 1, ...shape]);
      const initial = run.parameter(`net.${name}`, { time: 0 });
      assertEquals([...initial.shape], [...shape]);
      assertEquals(at(run, name, 0), Array.from(initial.data, Number));
    }
  });

  Deno.test(`${model.name}: the output is that of the plain code, for ten inputs and ten draws of the parameters`, async () => {
    const names = Object.keys(model.parameters);
    for (let seed = 0; seed < cases(1, 10); seed++) {
      const source = program(model, bySgd, [`net.${names[0]}@0`]).replace("net@T(query.x)", "net@0(query.x)");
      const data = { support: { x: table(model, 1) }, query: { x: table(model, 10 + seed) } };
      const run = await compile(source, { data }).run({ seed });
      const expected = lossOf(model, tensors(model, startOf(model, run)), rows(table(model, 10 + seed).data)).value;
      assertAlmostEquals(run.value(), expected, 1e-12 * (1 + Math.abs(expected)));
    }
  });

  Deno.test(`${model.name}: one step of SGD goes against the plain code's gradient, and leaves alone what nothing reads`, async () => {
    const run = await runOf(model, bySgd);
    const [before, after] = unroll(model, startOf(model, run), [sgd]);
    for (const name of Object.keys(model.parameters)) {
      at(run, name, 1).forEach((value, i) => assertAlmostEquals(value, after![name]![i]!, 1e-12));
      if (model.unread?.includes(name)) assertEquals(at(run, name, T), [...before![name]!]);
      else assert(at(run, name, 1).some((value, i) => Math.abs(value - before![name]![i]!) > 1e-6));
    }
  });

  Deno.test(`${model.name}: the parameters at every time are those of the plain loop`, async () => {
    assertPath(model, await runOf(model, bySgd), [sgd]);
  });

  Deno.test(`${model.name}: the gradient through the loop to time 0 is the plain loop's central difference`, async () => {
    assertGradients(model, await runOf(model, bySgd), [sgd]);
  });

  Deno.test(`${model.name}: an evaluation sees the learned values, and where no gradient flows, asking for one is an error`, async () => {
    const [first] = Object.keys(model.parameters);
    const text = program(model, bySgd, [`net.${first}@0`]);
    const data = { support: { x: table(model, 1) }, query: { x: table(model, 2) } };
    const loss = "mean(net@T(query.x)^2)";
    const stopped = text.replace(`gradient ${loss}`, `gradient stop_gradient(${loss})`);
    const error = assertThrows(() => compile(stopped, { data }), CompileError);
    assertStringIncludes(error.message, "M0501");
    const outer = `outer train { minimize ${loss} over net@0 by sgd(lr = 0.5) for 2 steps }`;
    const evaluated = text.replace(/gradient[^]*/, `${outer}\nevaluate test { report ${loss} }`);
    const run = await compile(evaluated, { data }).run({ seed: 3 });
    const learned = Object.keys(model.parameters).map((
      name,
    ) => [name, Array.from(run.parameter(`net.${name}`).data, Number)]);
    const expected = metaLoss(model, Object.fromEntries(learned), [sgd]);
    assertAlmostEquals(run.evaluation("test").reports[0]!.points[0]!.values[0]!, expected, 1e-12 * (1 + expected));
  });
}

// ------------------------------------------------------------------------------------------- the sweep of optimizers

const adam = { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, eps_root: 0 };
/** The hyperparameters of each optimizer at lr 0.1 with the others at their defaults. */
const base: Readonly<Record<string, Hyper>> = {
  sgd: sgd.hyper,
  adam: { ...adam, weight_decay: 0 },
  adamw: { ...adam, weight_decay: 0.01 },
  adadelta: { lr: 0.1, rho: 0.9, eps: 1e-6, weight_decay: 0 },
  adamax: { lr: 0.1, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0 },
  asgd: { lr: 0.1, lambd: 1e-4, alpha: 0.75, weight_decay: 0 },
  adagrad: { lr: 0.1, lr_decay: 0, weight_decay: 0, initial: 0, eps: 1e-10 },
};
const plain = models[0]!;
const variants = (rule: string): (readonly [rule: string, set: Hyper, model: PlainModel])[] => [
  [rule, {}, plain],
  ...(rule === "sgd"
    ? [["sgd", { momentum: 0.1 }, plain], ["sgd", { momentum: 0.1, nesterov: 1 }, plain]] as const
    : []),
  ...(rule === "adagrad" ? [["adagrad", { lr_decay: 0.1 }, plain]] as const : []),
  [rule, { weight_decay: 0.1 }, plain],
  ...[1, 2, 3].map((i) => [rule, {}, models[i]!] as const),
];
const written = (rule: string, set: Hyper) =>
  `${rule}(${
    Object.entries(set).map(([name, value]) => `${name} = ${name === "nesterov" ? value === 1 : value}`).join(", ")
  })`;

/** The 38 cases of `test_optim`. */
const sweep = Object.keys(base).flatMap(variants);

for (const [rule, set, model] of some(sweep, 5)) {
  const hyper = { ...base[rule]!, ...set };
  const name = `${written(rule, set)} on ${model.name}`;
  Deno.test(`${name}: the parameters at every time are those of the plain loop`, async () => {
    assertPath(model, await runOf(model, `over net by ${written(rule, { lr: 0.1, ...set })}`), [{
      of: () => true,
      rule,
      hyper,
    }]);
  });
  Deno.test(`${name}: two groups, each with its own rate`, async () => {
    const [first, ...others] = Object.keys(model.parameters);
    const rules = `over net.${first} by ${written(rule, { lr: 0.2, ...set })}
  over ${others.map((each) => `net.${each}`).join(", ")} by ${written(rule, { lr: 0.1, ...set })}`;
    const groups = [
      { of: (each: string) => each === first, rule, hyper: { ...hyper, lr: 0.2 } },
      { of: () => true, rule, hyper },
    ];
    assertPath(model, await runOf(model, rules), groups);
  });
  Deno.test(`${name}: the gradient to time 0 is the plain loop's central difference`, async () => {
    assertGradients(model, await runOf(model, `over net by ${written(rule, { lr: 0.1, ...set })}`), [{
      of: () => true,
      rule,
      hyper,
    }]);
  });
}

Deno.test("the sweep has the 38 cases of `higher`'s", () => assertEquals(sweep.length, 38));

// ----------------------------------------------------------------------------------------------- rules of a part, learned

Deno.test("a part that no rule is over stays as it was, and the gradient to its start is that of the plain loop", async () => {
  const learned = (name: string) => !name.startsWith("l3");
  const groups = [{ ...sgd, of: learned }];
  const text = program(plain, "over net.l1, net.V by sgd(lr = 0.1)", [
    "net.l1.W@0",
    "net.l1.b@0",
    "net.V@0",
    "net.l3.W",
    "net.l3.b",
  ])
    .replace(", net.l3.W@*, net.l3.b@*", "");
  const data = { support: { x: table(plain, 1) }, query: { x: table(plain, 2) } };
  const run = await compile(text, { data }).run({ seed: 3 });
  const start = Object.fromEntries(
    Object.keys(plain.parameters).map((
      name,
    ) => [name, Array.from(run.parameter(`net.${name}`, { time: 0 }).data, Number)]),
  );
  const path = unroll(plain, start, groups);
  for (const name of ["l1.W", "l1.b", "V"]) {
    at(run, name, T).forEach((value, i) => assertAlmostEquals(value, path[T]![name]![i]!, 1e-12));
    assert(path[T]![name]!.some((value, i) => value !== start[name]![i]));
  }
  assertAlmostEquals(run.value(), metaLoss(plain, start, groups), 1e-12);
  for (const [name, values] of Object.entries(start)) {
    const slopes = run.gradient(learned(name) ? `net.${name}@0` : `net.${name}`).data;
    values.forEach((value, i) => {
      const { value: expected, error } = derivative(
        (x) => metaLoss(plain, { ...start, [name]: values.with(i, x) }, groups),
        value,
        1e-4,
        6,
      );
      assertAlmostEquals(Number(slopes[i]), expected, 20 * error + 1e-9);
    });
  }
});

/** The gradients of every hyperparameter in `names`, of either group, against the plain loop's differences. */
async function assertLearnedGroups(rule: string, hyper: Hyper, names: readonly string[]): Promise<void> {
  const argumentsOf = (lr: number) =>
    `(${names.map((name) => `${name} = ${name === "lr" ? lr : hyper[name]}`).join(", ")})`;
  const first = (name: string) => name.startsWith("l1");
  const groups: Group[] = [
    { of: first, rule, hyper: { ...hyper, lr: 0.2 } },
    { of: (name: string) => !first(name), rule, hyper: { ...hyper, lr: 0.1 } },
  ];
  const wrt = names.flatMap((name) => [`fit.net.l1.${name}`, `fit.net.l3.${name}`]);
  const source = program(
    plain,
    `over net.l1 by ${rule}${argumentsOf(0.2)}\n  over net.l3, net.V by ${rule}${argumentsOf(0.1)}`,
    wrt,
  );
  const data = { support: { x: table(plain, 1) }, query: { x: table(plain, 2) } };
  const run = await compile(source, { data }).run({ seed: 3 });
  const start = startOf(plain, run);
  names.forEach((name, k) =>
    groups.forEach((group, i) => {
      const f = (x: number) =>
        metaLoss(plain, start, groups.with(i, { ...group, hyper: { ...group.hyper, [name]: x } }));
      const { value, error } = derivative(f, group.hyper[name]!, name === "beta2" ? 1e-5 : 1e-3);
      assert(error < 1e-5 * (1 + Math.abs(value)), `the difference for ${wrt[2 * k + i]} is not sure`);
      const actual = Number(run.gradient(wrt[2 * k + i]!).data[0]);
      assert(
        Math.abs(actual - value) <= 20 * error + 1e-9,
        `${wrt[2 * k + i]}: ${actual}, by differences ${value} ± ${error}`,
      );
      assert(Math.abs(value) > 1e-9, `${wrt[2 * k + i]} has no gradient to speak of`);
    })
  );
}

Deno.test("the rates of two groups are learned: each gradient is the plain loop's central difference", () =>
  assertLearnedGroups("sgd", { ...sgd.hyper, momentum: 0.5 }, ["lr", "momentum"]));

Deno.test("both betas of two groups are learned: each gradient is the plain loop's central difference", () =>
  assertLearnedGroups("adam", base.adam!, ["lr", "beta1", "beta2"]));

Deno.test("a rate given for each step acts at its step, and each has its own gradient", async () => {
  const rates = [0.3, 0.05, 0.2, 0.1];
  const source = program(plain, bySgd, ["fit.lr"]) +
    `override fit { lr = [${rates.join(", ")}] per step }\n`;
  const data = { support: { x: table(plain, 1) }, query: { x: table(plain, 2) } };
  const run = await compile(source, { data }).run({ seed: 3 });
  const start = startOf(plain, run);
  const end = (lr: readonly number[]) => {
    const x = rows(table(plain, 1).data);
    let p = start;
    for (const rate of lr) {
      const now = tensors(plain, p);
      const names = Object.keys(now);
      const slopes = gradient(lossOf(plain, now, x), names.flatMap((name) => now[name]!.entries));
      let next = 0;
      p = Object.fromEntries(names.map((name) => [name, p[name]!.map((value) => value - rate * slopes[next++]!)]));
    }
    return lossOf(plain, tensors(plain, p), rows(table(plain, 2).data)).value;
  };
  assertAlmostEquals(run.value(), end(rates), 1e-13);
  rates.forEach((rate, t) => {
    const { value, error } = derivative((x) => end(rates.with(t, x)), rate, 1e-3);
    assertAlmostEquals(Number(run.gradient("fit.lr").data[t]), value, 20 * error + 1e-9);
  });
});

Deno.test("learned hyperparameters come back as numbers, and a program that is given them goes the same way", async () => {
  const data = { support: { x: table(plain, 1) }, query: { x: table(plain, 2) } };
  const text = program(plain, "over net by adam(lr = 0.1, beta1 = 0.8)", ["net.V@0"]);
  const outer = "outer train { minimize mean(net@T(query.x)^2) over fit.lr, fit.beta1 by sgd(lr = 0.01) for 3 steps }";
  const learned = await compile(text.replace(/gradient[^]*/, outer), { data }).run({ seed: 3 });
  const [lr, beta1] = ["fit.lr", "fit.beta1"].map((name) => Number(learned.parameter(name).data[0]));
  assert(lr !== 0.1 && beta1 !== 0.8);
  const again = await compile(text.replace("lr = 0.1, beta1 = 0.8", `lr = ${lr}, beta1 = ${beta1}`), { data }).run({
    seed: 3,
  });
  assertPath(plain, again, [{ of: () => true, rule: "adam", hyper: { ...base.adam!, lr: lr!, beta1: beta1! } }]);
});

Deno.test("a sub-model called by itself computes what it computes inside the model", async () => {
  const source = `edition 1
precision f64
data query { x : [8, 4] }
model linear(x : [n, m]) -> [n, 2] { W : [m, 2] ~ normal(0, 1)  return dot(x, W) }
model net(x : [n, m]) -> [n, 2] { use f = linear  return f(x) }
gradient sum(net(query.x)^2) - sum(net.f(query.x)^2) wrt net.f.W
gradient sum(net(query.x)^2) wrt net.f.W
`;
  const run = await compile(source, { data: { query: { x: table(plain, 2) } } }).run();
  assertEquals(run.gradients.map((each) => each.value === 0), [true, false]);
});
