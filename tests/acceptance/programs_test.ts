// The other programs of `examples/`: that they run as they stand, and what must come of them.
import { assert, assertEquals } from "@std/assert";
import { compileInExamples, exampleText, replaceOnce } from "./programs.ts";
import { cases, some } from "../thorough.ts";

Deno.test("l2_per_coordinate.meta brings the validation loss from about 0.58 to between 0.28 and 0.32, on three draws", async () => {
  for (const seed of some([0, 1, 2], 1)) {
    const experiment = compileInExamples(exampleText("l2_per_coordinate.meta"), "l2_per_coordinate.meta");
    const run = await experiment.run({ seed });
    const losses = run.losses("tune");
    assertEquals(losses.length, 100);
    assert(Math.abs(losses[0]! - 0.58) < 0.02, `seed ${seed} starts at ${losses[0]}`);
    const end = losses.at(-1)!;
    assert(end > 0.28 && end < 0.32, `seed ${seed} ends at ${end}`);
    // the penalties stay in their range
    assert(run.parameter("penalty").data.every((p) => p >= 1e-8));
  }
});

Deno.test("per_layer_rates.meta learns a rate for each tensor and step, from 0.01, inside 0 .. 1, and adapts better", async () => {
  const text = replaceOnce(exampleText("per_layer_rates.meta"), "2_000", "30");
  // the same tasks before and after
  const test = "evaluate test { across 40 sinusoid  report mse(mlp@T(query.x), query.y)  every 30 steps of train }";
  const experiment = compileInExamples(`${text}\n${test}\n`, "per_layer_rates.meta");
  const seeds = cases(4, 16);
  let better = 0;
  for (let seed = 0; seed < seeds; seed++) {
    const run = await experiment.run({ seed, backend: "wasm" });
    const [before, after] = [run.evaluation("test", { step: 0 }), run.evaluation("test")].map((e) =>
      e.reports[0]!.points[0]!.mean
    );
    if (after! < before!) better++;
    if (seed > 0) continue;
    const rates = run.parameters.filter((name) => name.startsWith("adapt.lr["));
    assertEquals(rates, ["l1.W", "l1.b", "l2.W", "l2.b", "l3.W", "l3.b"].map((t) => `adapt.lr[${t}]`));
    for (const name of rates) {
      const { shape, data } = run.parameter(name);
      assertEquals(shape, [5]);
      assert(data.every((lr) => lr >= 0 && lr <= 1));
      assert(data.every((lr) => lr !== Math.fround(0.01)), `${name} was not learned: ${data}`);
    }
  }
  // 155 of 160 other seeds adapt better after 30 meta-steps: 0.95 at least, so fewer than 13 of 16 do with probability 0.007 at most.
  // What does not learn is better as often as worse, and passes with probability 0.011. Of 4 fewer than 3 do with probability 0.014
  assert(better >= cases(3, 13), `${better} of ${seeds} seeds`);
});

Deno.test("learned_optimizer.meta lowers the mean loss of a run with what it learned", async () => {
  const text = replaceOnce(exampleText("learned_optimizer.meta"), "500 steps", "60 steps");
  const run = await compileInExamples(text, "learned_optimizer.meta").run({ backend: "reference" });
  const losses = run.losses("meta_train");
  const mean = (xs: Float64Array) => xs.reduce((a, x) => a + x, 0) / xs.length;
  assert(mean(losses.slice(-20)) < mean(losses.slice(0, 20)), `${losses}`);
});

Deno.test("examples/ holds the programs of the design unchanged in what they say", () => {
  // each begins with its edition and compiles without a diagnostic
  const names = [...Deno.readDirSync(new URL("../../examples/", import.meta.url))].map((f) => f.name);
  const programs = names.filter((n) => n.endsWith(".meta"));
  assert(programs.length >= 5);
  for (const name of programs) assertEquals(compileInExamples(exampleText(name), name).warnings, [], name);
});
