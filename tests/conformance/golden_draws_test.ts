// Are the draws those that docs/decisions/0011 describes? Its key, its counter and its numbers, computed here once more from a plain
// Philox 4x32-10 in whole numbers (Salmon et al. 2011; tests/runtime/random_philox_test.ts holds the published vectors).
import { assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";
import { integers, uniform } from "./plain/draws.ts";

const mean = (xs: readonly number[]) => xs.reduce((a, x) => a + x, 0) / xs.length;

const field = `task number { split s { c : [3] ~ uniform(0, 1) } }
  param theta = 0`;

for (const seed of [0, 2 ** 40 + 3]) {
  Deno.test(`a task's field, by task, and by meta-step and task, seed ${seed}`, async () => {
    const run = await compile(`edition 1
      precision f64
      ${field}
      outer train { minimize s.c[0] + theta  across 1 number  over theta by sgd(lr = 0)  for 3 steps }
      evaluate e { across 4 number report s.c[0] report s.c[2] }`).run({ seed });
    const [first, last] = run.evaluation("e").reports.map((r) => [...r.points[0]!.values]);
    const drawn = [0, 1, 2, 3].map((i) =>
      uniform({ lines: ["", "number.s.c", "e", "task number"], indices: [i], seed }, 3)
    );
    assertEquals(first, drawn.map((d) => d[0]!));
    assertEquals(last, drawn.map((d) => d[2]!));
    const train = ["", "number.s.c", "train", "task number"];
    assertEquals(
      [...run.losses("train")],
      [0, 1, 2].map((step) => uniform({ lines: train, indices: [step, 0], seed }, 3)[0]!),
    );
  });
}

Deno.test("a draw in a scan, in a step, in a task, in an outer's step, in a task, in another's step, in a task", async () => {
  const run = await compile(`edition 1
    precision f64
    task t { split s { c : [] = 0 } }
    model noise() -> [] { draw u : [] ~ uniform(0, 1) return u }
    model walk() -> [] { scan run over t in 0 .. 3 { state h : [] = 0  let z = noise()  h' = h + z } return run.z[2] }
    param w = 0
    param theta = 0
    param phi = 0
    inner fit { minimize walk() + w                  over w     by sgd(lr = 0) for T = 3 steps }
    outer mid { minimize fit.loss@2 + theta across 2 t over theta by sgd(lr = 0) for M = 3 steps }
    outer out { minimize mid.loss@1 + phi   across 2 t over phi   by sgd(lr = 0) for O = 3 steps }
    evaluate e { across 3 t report out.loss@2 }`).run();
  const lines = ["", ":noise.u", "e", "task t", "out", "task t", "mid", "task t", "fit", ":walk.run"];
  const value = (i: number, j: number, k: number) => uniform({ lines, indices: [i, 2, j, 1, k, 2, 2] })[0]!;
  const expected = [0, 1, 2].map((i) => mean([0, 1].map((j) => mean([0, 1].map((k) => value(i, j, k))))));
  assertEquals([...run.evaluation("e").reports[0]!.points[0]!.values], expected);
});

Deno.test("what is drawn once: data, what is learned, tasks that are fixed", async () => {
  const run = await compile(`edition 1
    precision f64
    task number { split s { c : [] ~ uniform(0, 1) } }
    data d { x : [2] ~ uniform(0, 1) }
    model net() -> [] { w : [] ~ uniform(0, 1) return w }
    param theta ~ uniform(0, 1)
    param phi = 0
    outer mid { minimize s.c + phi  across 1 number fixed  over phi by sgd(lr = 0)  for M = 3 steps }
    outer learn { minimize (net() - theta)^2 over theta, net by sgd(lr = 0) for 2 steps }
    evaluate e { across 3 number report d.x[1] + 0 * s.c report mid.loss@1 report mid.loss@2 }`).run();
  assertEquals(run.parameter("theta").data[0], uniform({ lines: ["", "theta", ""] })[0]);
  assertEquals(run.parameter("net.w").data[0], uniform({ lines: ["", ":net.w", ""] })[0]);
  const [x, one, two] = run.evaluation("e").reports.map((r) => [...r.points[0]!.values]);
  assertEquals(x, Array(3).fill(uniform({ lines: ["", "d.x", ""] }, 2)[1]));
  const fixed = uniform({ lines: ["", "number.s.c", "mid", "task number fixed"], indices: [0] })[0];
  assertEquals([one, two], [Array(3).fill(fixed), Array(3).fill(fixed)]);
});

Deno.test("a name of another file goes by its path, whatever the root is called", async () => {
  const files = new Map([
    [
      "lib/tasks.meta",
      'edition 1\nimport half from "./parts/half.meta"\ntask t { split s { c : [] ~ uniform(0, 1)  h = half() } }',
    ],
    ["lib/parts/half.meta", "edition 1\nmodel half() -> [] { draw u : [] ~ uniform(0, 1) return u }"],
  ]);
  const source = `edition 1
    precision f64
    import t from "./lib/tasks.meta"
    evaluate e { across 2 t report s.c report s.h }`;
  const run = await compile(source, { read: (path) => files.get(path) }).run();
  const reports = run.evaluation("e").reports.map((r) => [...r.points[0]!.values]);
  const place = (...lines: string[]) =>
    [0, 1].map((i) => uniform({ lines: [...lines, "e", "task t"], indices: [i] })[0]);
  assertEquals(reports, [
    place("lib/tasks.meta", "t.s.c"),
    place("lib/parts/half.meta", "lib/parts/half.meta:half.u"),
  ]);
});

for (const [rows, precision] of [[5, "f64"], [5, "f32"], [40_000, "f64"], [40_000, "f32"]] as const) {
  Deno.test(`the rows of a batch, of ${rows}, ${precision}`, async () => {
    const run = await compile(
      `edition 1
      precision ${precision}
      data d { x : [${rows}] }
      param w = 0
      inner fit { minimize sum(d.x) + w  batch 3 of d  over w by sgd(lr = 0)  for T = 4 steps }
      evaluate e { report fit.loss@t at t in 0 .. 4 }`,
      { data: { d: { x: { shape: [rows], data: Float64Array.from({ length: rows }, (_, i) => i) } } } },
    ).run();
    const losses = run.evaluation("e").reports[0]!.points.map((p) => p.mean);
    const drawn = [0, 1, 2, 3, 4].map((t) => integers({ lines: ["", "fit.batch", "e", "fit"], indices: [t] }, 3, rows));
    assertEquals(losses, drawn.map((r) => r[0]! + r[1]! + r[2]!));
  });
}

Deno.test("a float32 draw is the middle of the cell of width 2^-23 in which the float64 draw lies", async () => {
  const size = 1000;
  const program = (precision: string) =>
    `edition 1
    precision ${precision}
    model net() -> [${size}] { u : [${size}] ~ uniform(0, 1) return u }
    gradient sum(net()) wrt net`;
  const [f32, f64] = await Promise.all(
    ["f32", "f64"].map(async (p) => (await compile(program(p)).run()).parameter("net.u").data),
  );
  assertEquals([...f64!], uniform({ lines: ["", ":net.u", ""] }, size));
  assertEquals([...f32!], [...f64!].map((u) => (Math.floor(u * 2 ** 23) + 0.5) * 2 ** -23));
});
