// Is dL / d(w@t) right for every t? Closed forms, and a start that is moved by hand.
import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { compile } from "../../mod.ts";

const linear = (through = "", more = "") =>
  `edition 1
  precision f64
  param w : [2] = [3, -1]
  param c = 0.5
  inner fit { minimize 0.5 * sum((w - c)^2) over w by sgd(lr = 0.2) for T = 4 steps ${through} }
  outer train { minimize sum(w@T * [1, 2]) + sum(w@1) over c by sgd(lr = 0.1) for 1 steps }
  record train.sensitivity
  ${more}`;

async function slopes(source: string, name = "train.sensitivity[w]@*"): Promise<number[][]> {
  const run = await compile(source).run();
  const { shape, data } = run.recorded(name).values[0]!;
  const size = data.length / shape[0]!;
  return Array.from({ length: shape[0]! }, (_, t) => Array.from<number>(data.slice(t * size, (t + 1) * size)));
}

Deno.test("the sensitivity to every time, of a loop that shrinks what passes through it", async () => {
  const found = await slopes(linear());
  assertEquals(found.length, 5);
  found.forEach(([a, b], t) => {
    const late = t <= 1 ? 0.8 ** (1 - t) : 0;
    assertAlmostEquals(a!, 0.8 ** (4 - t) + late, 1e-14, `time ${t}`);
    assertAlmostEquals(b!, 2 * 0.8 ** (4 - t) + late, 1e-14, `time ${t}`);
  });
});

Deno.test("an exploding loop is seen to explode", async () => {
  const found = await slopes(linear().replace("lr = 0.2", "lr = 3").replace(" + sum(w@1)", ""));
  assertAlmostEquals(found[0]![0]!, 16, 1e-12);
  assertAlmostEquals(found[4]![0]!, 1, 1e-14);
});

Deno.test("sensitivities are those of the estimator", async () => {
  // the last two steps make w@3 and w@4; what came before is a constant
  const found = await slopes(linear("through unroll(window = 2)"));
  const expected = [0, 0, 0, 0.8, 1];
  found.forEach(([a], t) => assertAlmostEquals(a!, expected[t]!, 1e-14, `time ${t}`));
  const first = await slopes(linear("through first_order()").replace("over c", "over w@0"));
  assertEquals(first.map(([a]) => a), [2, 2, 1, 1, 1]);
});

Deno.test("sensitivities of a task, its rule's states in the way, at the meta-steps asked for", async () => {
  const source = (knob: string) =>
    `edition 1
    precision f64
    task number { a ~ uniform(1, 3)  split support { x = a } }
    param w = 2
    param c = 0.5
    inner fit { minimize 0.5 * (w - c * support.x)^2 + 0.1 * w^4 over w by adam(lr = 0.1) for T = 3 steps }
    outer train { minimize (w@T)^2 across 4 number over c, w@0 by sgd(lr = ${knob}) for 5 steps }
    record train.sensitivity every 2 steps of task 1
    record w@* every 2 steps of task 1`;
  const run = await compile(source("0.01")).run();
  const kept = run.recorded("train.sensitivity[w]@*");
  assertEquals(kept.steps, [0, 2, 4, 5]);
  // the end counts by itself
  kept.values.forEach(({ data }, k) => {
    const end = run.recorded("w@*").values[k]!.data[3]!;
    assertAlmostEquals(data[3]!, 2 * end, 1e-13);
  });
});

Deno.test("what an outer learns inside another has sensitivities too", async () => {
  const run = await compile(`edition 1
    precision f64
    param w = 0
    param theta = 0.5
    inner fit { minimize 0.5 * (w - theta)^2 over w by sgd(lr = 0.5) for T = 1 steps }
    outer mid { minimize 0.5 * (w@T - 2)^2 over theta by sgd(lr = 0.4) for M = 3 steps }
    outer top { minimize theta@M over mid.lr by sgd(lr = 0.1) for 1 steps }
    record top.sensitivity`).run();
  const found = run.recorded("top.sensitivity[theta]@*").values[0]!.data;
  [3, 2, 1, 0].forEach((left, t) => assertAlmostEquals(found[t]!, 0.9 ** left, 1e-14));
});

Deno.test("sensitivities are refused where there are none", () => {
  assertThrows(() => compile(linear("through es(samples = 4, sigma = 0.1)")), Error, "`es` takes none");
  assertThrows(() => compile(linear("", "gradient train.sensitivity wrt c")), Error, "known only while `train` runs");
});
