// Do compared runs differ by what they differ by? Means and intervals against their formulas written out, pairs by seed and by task, and a
// difference that only pairs see.
import { assert, assertAlmostEquals, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { compareSettings, type Setting } from "../../api/comparison.ts";
import { compareRuns, compile, RunError } from "../../mod.ts";

/** t(0.975) with 1 to 4 degrees of freedom, from a table. */
const quantile = [NaN, 12.7062, 4.3027, 3.1824, 2.7764];

/** Mean and half of the interval, as the books have them. */
function studied(values: readonly number[]) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const variance = values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / (values.length - 1);
  return { mean, half: quantile[values.length - 1]! * Math.sqrt(variance / values.length) };
}

const setting = (label: string, values: readonly (readonly number[])[], seeds = values.map((_, i) => i)): Setting => ({
  label,
  runs: values.map((values, i) => ({
    seed: seeds[i]!,
    quantities: [{ name: "e: x", values, ofTasks: values.length > 1 }],
  })),
});

// the table has five figures
const close = (actual: number, expected: number) => assertAlmostEquals(actual, expected, 1e-4 * Math.abs(expected));

Deno.test("of several seeds the runs' means count, and differences are in pairs of a seed", () => {
  const first = [[1, 2, 3], [4, 6, 8], [-1, 0, 4]];
  const second = [[2, 2, 4], [5, 6, 9], [0, 1, 3.5]];
  const [compared] = compareSettings([setting("a", first), setting("b", second.toReversed(), [2, 1, 0])]);
  const [a, b] = compared!.settings;
  const of = (x: readonly number[]) => studied(x).mean;
  close(a!.value.mean, studied(first.map(of)).mean);
  close(a!.value.interval![1] - a!.value.mean, studied(first.map(of)).half);
  const differences = second.map((x, s) => of(x) - of(first[s]!));
  close(b!.difference!.mean, studied(differences).mean);
  close(b!.difference!.mean - b!.difference!.interval![0], studied(differences).half);
  assertEquals([b!.difference!.count, b!.difference!.over, b!.seeds], [3, "seeds", [2, 1, 0]]);
  assertEquals(a!.difference, undefined);
});

Deno.test("of one seed differences are in pairs of a task", () => {
  const [x, y] = [[1, 5, 9], [1.5, 5.25, 10]];
  const [compared] = compareSettings([setting("a", [x]), setting("b", [y])]);
  const { difference } = compared!.settings[1]!;
  const { mean, half } = studied(y.map((each, i) => each - x[i]!));
  close(difference!.mean, mean);
  close(difference!.interval![1] - mean, half);
  assertEquals([difference!.count, difference!.over], [3, "tasks"]);
});

Deno.test("only the seeds that both have make pairs, and tasks of other numbers make none", () => {
  const [some] = compareSettings([setting("a", [[1], [2], [3]], [0, 1, 2]), setting("b", [[5], [7]], [2, 7])]);
  const { difference } = some!.settings[1]!;
  assertEquals([difference!.mean, difference!.count, difference!.interval], [2, 1, undefined]);
  const [none] = compareSettings([setting("a", [[1, 2]], [0]), setting("b", [[1, 2]], [1])]);
  assertEquals(none!.settings[1]!.difference, undefined);
  const [other] = compareSettings([setting("a", [[1, 2]]), setting("b", [[3, 4, 5]])]);
  assertEquals([other!.settings[1]!.difference!.mean, other!.settings[1]!.difference!.over], [2.5, "seeds"]);
});

// tasks whose centres differ widely: what a setting adds is small beside that, and the same in each
const text = `edition 1
precision f64
input rate : float = 0.1
task t { k ~ normal(0, 3)  split s { x : [5] ~ normal(k, 1) }  split q { x : [20] ~ normal(k, 1) } }
param w = 0
inner fit { minimize mean((w - s.x)^2)  over w by sgd(lr = rate)  for T = 5 steps }
evaluate test { across 30 t  report mean((w@T - q.x)^2) }
`;

Deno.test("a difference is seen in pairs that is not seen without", async () => {
  const run = (rate: number) => compile(text, { inputs: { rate } }).run({ backend: "reference" });
  const [slow, faster] = [await run(0.1), await run(0.11)];
  const [compared] = compareRuns({ slow: [slow], faster: [faster] });
  const [a, b] = compared!.settings;
  const [values, others] = [slow, faster].map((each) => [...each.evaluation("test").reports[0]!.points[0]!.values]);
  const alone = others!.reduce((sum, x) => sum + x, 0) / 30;
  assertAlmostEquals(b!.value.mean, alone, 1e-12 * alone); // 30 roundings of a mean
  // unpaired: each mean lies in the other's interval
  assert(a!.value.interval![0] < b!.value.mean && b!.value.mean < a!.value.interval![1]);
  assert(b!.difference!.interval![1] < 0, "faster is better, for every mean that fits");
  assert(values!.every((x, i) => typeof others![i] === "number" && x !== others![i]));
  assertThrows(() => compareRuns({ slow: [slow, slow] }), RangeError, "two runs with seed 0");
});

Deno.test("compareRuns() says which runs are not whole, in folders and in memory", async () => {
  const text = `edition 1
input last = 0
param w = 1
outer train { minimize (w - 3)^2 over w by sgd(lr = 0.1) for 4 steps }
gradient log(w - w - last) wrt w after train
`;
  const whole = await compile(text, { inputs: { last: -1 } }).run({ backend: "reference" });
  const stop = new AbortController();
  const stopped = await compile(text).run({
    backend: "reference",
    seed: 1,
    signal: stop.signal,
    onStep: ({ step }) => step === 1 && stop.abort(),
  });
  const { run: failed } = await assertRejects(() => compile(text).run({ backend: "reference" }), RunError);
  const root = Deno.makeTempDirSync();
  try {
    const folder = `${root}/lost`;
    const said = { seed: 2, inputs: {}, data: [], memory: null, backend: "reference", dataFolder: null };
    Deno.mkdirSync(folder);
    Deno.writeTextFileSync(`${folder}/effective.json`, JSON.stringify(said));
    Deno.writeTextFileSync(`${folder}/experiment.meta`, text);
    Deno.writeTextFileSync(`${folder}/summary.json`, JSON.stringify({ ...whole.toJSON(), missing: ["outputs/o.npy"] }));
    const compared = compareRuns({ a: [whole], b: [failed, stopped, folder] });
    assertEquals(compared.length, 2);
    assertEquals(compared.notWhole.map(({ failure, ...rest }) => ({ ...rest, failed: failure !== undefined })), [
      { setting: "b", seed: 0, outcome: "failed", failed: true },
      { setting: "b", seed: 1, outcome: "stopped", failed: false },
      { setting: "b", seed: 2, folder, outcome: "done", missing: ["outputs/o.npy"], failed: false },
    ]);
    assertEquals(compareRuns({ a: [whole] }).notWhole, []);
  } finally {
    Deno.removeSync(root, { recursive: true });
  }
});
