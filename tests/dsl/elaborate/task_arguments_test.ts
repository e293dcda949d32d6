// What does a task become that is given arguments? The task with the values written into it, wherever it is named: by outers that
// others run, gradients, evaluations and outputs; and what it draws does not depend on how that is said.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { compileProgram } from "../../../dsl/compile.ts";
import { compile } from "../../../api/compile.ts";

const table = "data line { x : [4] = [1, 2, 4, 9] }\ndata flat { x : [2] = [3, 3] }\n";

/** A task with arguments, and with these values in their place. */
const given = (list: string, body: (name: string) => string) => `task slope${list} {\n${body("")}\n}\n`;
const members = ({ pool, shots, scale }: { readonly pool: string; readonly shots: string; readonly scale: string }) =>
  `  a ~ uniform(0.5, 1.5)
  split support { x : [${shots}] ~ uniform(-1, 1)  y = a * x * ${scale} + mean(${pool}.x) }
  split query   { x : [${shots}] ~ uniform(-1, 1)  y = a * x * ${scale} + mean(${pool}.x) }`;
const general = given(
  "(pool : data, shots : int = 2, scale = 1.0)",
  () => members({ pool: "pool", shots: "shots", scale: "scale" }),
);
const written = (pool: string, shots: number, scale: number) =>
  given("", () => members({ pool, shots: `${shots}`, scale: `${scale}` }));

/** Every place where a task is named, by what stands there. */
const program = (task: string, across: string) =>
  `${table}${task}
param w = 0.5
param b = 0.1
inner fit { minimize mean((w * support.x + b - support.y)^2)  over w  by sgd(lr = 0.1)  for T = 2 steps }
outer mid { minimize mean((w@T * query.x + b - query.y)^2)  across 2 ${across}  over b  by sgd(lr = 0.1)  for M = 2 steps }
outer train { minimize mid.loss@M  over w@0  by sgd(lr = 0.1)  for 2 steps }
gradient mean((w@T * query.x - query.y)^2)  wrt w@0  across 3 ${across}
evaluate test { across 3 ${across}  report mean((w@T * query.x + b - query.y)^2) }
output shown = support.y across 2 ${across}
`;

async function results(text: string): Promise<string> {
  const run = await compile(`edition 1\nprecision f64\n${text}`, {}).run({ backend: "reference" });
  return JSON.stringify([
    [...run.parameter("w").data],
    [...run.gradient("w@0").data],
    run.evaluation("test").point().values,
    [...run.output("shown").data],
  ]);
}

/** Ways to say the same, and the values that are meant. */
const ways: readonly (readonly [across: string, pool: string, shots: number, scale: number])[] = [
  ["slope(line)", "line", 2, 1],
  ["slope(flat, 3, scale = -2)", "flat", 3, -2],
  ["slope(scale = -2, shots = 3, pool = flat)", "flat", 3, -2],
  ["slope(line, scale = 0.5) fixed", "line", 2, 0.5],
];

for (const [across, ...values] of ways) {
  Deno.test(`a task that is given arguments is the task with them written in: ${across}`, async () => {
    const plain = across.endsWith("fixed") ? "slope fixed" : "slope";
    assertEquals(await results(program(general, across)), await results(program(written(...values), plain)));
  });
}

/** Values that are known when the program runs: the derivative goes through them. */
const computed: readonly (readonly [across: string, scale: string])[] = [
  ["slope(line, scale = s)", "s"],
  ["slope(line, scale = 1 + s * mean(flat.x))", "(1 + s * mean(flat.x))"],
  ["slope(line, scale = doubled)", "doubled"],
  ["slope(line, scale = s^2) fixed", "(s^2)"],
];

for (const [across, scale] of computed) {
  Deno.test(`a task that is given what is computed is the task with that written in: ${across}`, async () => {
    const text = (task: string, across: string) =>
      `param s = 0.5\nlet doubled = 2 * s\n${program(task, across).replace("wrt w@0", "wrt w@0, s")}
param v = 0.25
outer other { minimize mean((v * query.x - query.y)^2)  across 2 ${across}  over s, v by sgd(lr = 0.1)  for 3 steps }
output end = [s, v]`;
    const plain = across.endsWith("fixed") ? "slope fixed" : "slope";
    const task = given("", () => members({ pool: "line", shots: "2", scale }));
    const [found, expected] = await Promise.all([numbersOf(text(general, across)), numbersOf(text(task, plain))]);
    assertEquals(found.length, expected.length);
    // numbers below 20, after some 500 operations in another order
    found.forEach((x, i) => assert(Math.abs(x - expected[i]!) < 20 * 500 * 2 ** -53, `${x} and ${expected[i]}`));
  });
}

async function numbersOf(text: string): Promise<number[]> {
  const run = await compile(`edition 1\nprecision f64\n${text}`, {}).run({ backend: "reference" });
  const gradients = run.gradients.flatMap(({ wrt }) =>
    wrt.flatMap(({ leaves }) => leaves.flatMap((l) => [...l.gradient.data].map(Number)))
  );
  const arrays = ["shown", "end"].flatMap((name) => [...run.output(name).data].map(Number));
  return [...gradients, ...arrays, ...run.evaluation("test").point().values, Number(run.parameter("w").data[0])];
}

Deno.test("what is computed goes through distributions and arrays, and means now where an outer learns it", async () => {
  const task = (list: string, law: string, pair: string) =>
    `task t${list} { k ~ ${law}  split s { z : [2] = k * ${pair} } }`;
  const text = (task: string, across: string) =>
    `edition 1
precision f64
param c = 0.5
param m = 0.25
param v = 1
${task}
outer mid { minimize (c - sum(s.z))^2  across 2 ${across}  over c by sgd(lr = 0.05)  for M = 2 steps }
gradient (c@M)^2 wrt m, c@0, v`;
  const run = async (source: string) => {
    const { gradients } = await compile(source).run({ backend: "reference" });
    return gradients[0]!.wrt.flatMap(({ leaves }) => leaves.map((l) => Number(l.gradient.data[0])));
  };
  const found = await run(
    text(task("(law, pair : [2], more : float)", "law", "(pair + more)"), "t(normal(m, 1), [c, v], c * m)"),
  );
  const expected = await run(text(task("", "normal(m, 1)", "([c, v] + c * m)"), "t"));
  // numbers below 10, after some 200 operations
  found.forEach((x, i) => assert(Math.abs(x - expected[i]!) < 10 * 200 * 2 ** -53, `${x} and ${expected[i]}`));
  assert(found.every((x) => x !== 0));
});

Deno.test("what must be known before the run is no argument that is computed", () => {
  const said = (list: string, body: string, args: string) =>
    emitted(
      `data d { x : [3] = [1, 2, 3]  k : int [3] = [0, 0, 1] }\nparam w = 1\ntask t${list} { ${body} }
gradient sum(w * s.z) wrt w across 2 t(${args})\n`,
    ).said.join("\n");
  const whole = "known before the run";
  assertStringIncludes(said("(k)", "split s { z : [k] = 1 }", "w"), whole);
  assertStringIncludes(said("(k)", "split s { draw k of d  z = 1.0 * x }", "w"), whole);
  assertStringIncludes(
    said("(k : int)", "split s { z : [k] = 1 }", "w"),
    "is a whole number, given a scalar, computed",
  );
  assertStringIncludes(said("(k : bool)", "split s { z = where(k, 1, 0) }", "w"), "is true or false, given a scalar");
});

Deno.test("a default may read what stands before it, and means what it means in the task's file", async () => {
  const files: Readonly<Record<string, string>> = {
    "tasks.meta":
      `edition 1\nlet many = 3\ntask t(ways : int, shots : int = ways * many) { split s { x : [shots] = 1 } }\n`,
  };
  const run = await compile(
    `edition 1\nimport t from "./tasks.meta"\nlet many = 100\nparam w = 1
gradient w * sum(s.x) wrt w across 2 t(many / 50)
outer train { minimize w^2 * sum(s.x)  across 1 t(ways = 1, shots = 5)  over w  by sgd(lr = 0.1)  for 1 steps }\n`,
    { read: (path: string) => files[path] },
  ).run({ backend: "reference" });
  // sums of 2 * 3 and of 5 ones: w - 0.1 * 10 w
  assertEquals([[...run.gradient("w").data], [...run.parameter("w").data]], [[6], [0]]);
});

const emitted = (text: string) => {
  const out = compileProgram({
    root: { name: "p.meta", text: `edition 1\n${text}` },
    readSource: () => undefined,
    readData: () => undefined,
  });
  return { said: out.diagnostics.map((d) => [d.title, d.hint ?? ""].join(" / ")), text: () => out.emit("checked") };
};

Deno.test("what a task is given is shown where the task is", () => {
  const { text } = emitted(`${table}${general}param w = 1
outer train { minimize (w - support.y[0])^2  across 2 slope(flat,  scale=-2)  over w  by sgd(lr = 0.1)  for 5 steps }\n`);
  assertStringIncludes(text(), "2 slope(flat, scale = -2)");
});

Deno.test("a hint names the task with its arguments", () => {
  const { said } = emitted(`${table}${general}param w = 1\nparam c = 1
inner fit { minimize (w - c - support.y[0])^2  over w  by sgd(lr = 0.1)  for T = 1 steps  from fit@T }
outer train { minimize (w@T - 1)^2  across 3 slope(line, 4)  over c  by sgd(lr = 0.1)  for 5 steps }\n`);
  assertStringIncludes(said.join(), "write `across 3 slope(line, 4) fixed`");
});

Deno.test("a number of tasks that is called like an item stands before a task with arguments", () => {
  for (const word of ["model", "optimizer", "task"]) {
    const { said } = emitted(`let ${word} = 2\nparam w = 1\ntask t(k : int = 2) { split s { z : [k] = 1 } }
gradient sum(w * s.z) wrt w across ${word} t(k = 3)\n`);
    assertEquals(said, []);
  }
});

Deno.test("a function of a script is told what the task is given, and makes fields of its sizes", async () => {
  const asked: unknown[] = [];
  const run = await compile(
    `edition 1
precision f64
data known { x : [2] = [1, 2] }
data other { x : [2] = [3, 4] }
let three = 3
task t(pool : data, shots : int = 2, on : bool = true, rate = 0.1, law = uniform(0, 1), pair : [2] = 0.5, list = [1, three]) {
  k ~ law
  split s { z : [shots]   y = mean(pool.x) * z }
}
param w = 1
outer train { minimize w * sum(s.y)  across 2 t(known)  over w  by sgd(lr = 0.5)  for 2 steps }
evaluate test { across 1 t(other, shots = three, on = false, pair = [1, 2])  report sum(s.y) }`,
    {
      tasks: {
        t({ consumer, index, step, args }) {
          asked.push([consumer, index, step, args]);
          const shots = Number(args["shots"]);
          return { s: { z: { shape: [shots], data: Array(shots).fill(index + 1) } } };
        },
      },
    },
  ).run();
  const list = { shape: [2], data: [1, 3] };
  const trained = { pool: "known", shots: 2, on: true, rate: 0.1, pair: { shape: [2], data: [0.5, 0.5] }, list };
  const tested = { ...trained, pool: "other", shots: 3, on: false, pair: { shape: [2], data: [1, 2] } };
  assertEquals(asked, [
    ["train", 0, 0, trained],
    ["train", 1, 0, trained],
    ["train", 0, 1, trained],
    ["train", 1, 1, trained],
    ["test", 0, 0, tested],
  ]);
  // mean(1, 2) = 1.5 times 2 and 4, then mean(3, 4) times 3
  assertEquals(run.parameter("w").data[0], 1 - 2 * 0.5 * (1.5 * 2 + 1.5 * 4) / 2);
  assertEquals(run.evaluation("test").reports[0]!.points[0]!.mean, 3.5 * 3);
});

Deno.test("items of one name that give their tasks other arguments have tasks of their own", async () => {
  const run = await compile(
    `edition 1
precision f64
task t(k : int) { split s { z : [2] } }
param w = 1
gradient w * sum(s.z) wrt w across 1 t(2)
gradient w * sum(s.z) wrt w across 1 t(3)`,
    { tasks: { t: ({ args }) => ({ s: { z: { shape: [2], data: [Number(args["k"]), 0] } } }) } },
  ).run();
  const gradients = run.gradients.map(({ wrt }) => wrt[0]!.leaves[0]!.gradient.data[0]);
  assertEquals(gradients, [2, 3]);
});

Deno.test("a task is gone through as each clause gives it arguments, also where nothing runs", () => {
  const task = "task t(k : int) { split s { z : [2] = [1, 2]  y : [k] = z } }\n";
  const other = (k: number) =>
    `import other from "./other.meta"\nparam w = 1\n${task}gradient sum(w * s.y) wrt w across 2 t(${k})\n`;
  const files: Readonly<Record<string, string>> = {
    "other.meta": `edition 1\nparam v = 1\ntask own(k : int) { split s { y : [k] = [1, 2] } }
outer other { minimize v^2 + s.y[0]  across 2 own(3)  over v  by sgd(lr = 0.1)  for 1 steps }\n`,
  };
  const said = (k: number) =>
    compileProgram({
      root: { name: "p.meta", text: `edition 1\n${other(k)}` },
      readSource: (path) => files[path],
      readData: () => undefined,
    })
      .diagnostics.map((d) => `${d.primary.span.source}: ${d.title}`);
  assertEquals(said(2), ["other.meta: `own.s.y` is declared as [3], its value is [2]"]);
  assertEquals(said(3).length, 2);
});
