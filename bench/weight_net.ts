// What does a weight net gain on digits of which 40 % have a random label? `examples/warm_reweighting.meta` as it stands, and the same
// network trained without weights, for each of some seeds: a line of JSON as `bench/twins/weight_net.py` prints it.
//
//     deno run -A bench/weight_net.ts [SEEDS]
import { compileFile } from "../mod.ts";
import { noisyDigits } from "../examples/noisy_digits.ts";
import { compileInExamples, exampleText, withoutWeights } from "../tests/acceptance/programs.ts";

const seeds = Number(Deno.args[0] ?? 1);
const weighted = compileFile(new URL("../examples/warm_reweighting.meta", import.meta.url));
const plain = compileInExamples(withoutWeights(exampleText("warm_reweighting.meta")), "unweighted.meta");
const wrong = noisyDigits().noisy!.wrong!.data;
const mean = (list: readonly number[]) => list.reduce((a, b) => a + b) / list.length;

for (let seed = 0; seed < seeds; seed++) {
  const run = await weighted.run({ seed });
  const weights = Array.from(run.output("weights").data, Number);
  console.log(JSON.stringify({
    seed,
    unweighted: (await plain.run({ seed })).evaluation("held_out").reports[0]!.points[0]!.mean,
    weighted: run.evaluation("held_out").reports[0]!.points[0]!.mean,
    clean: mean(weights.filter((_, i) => !wrong[i])),
    noisy: mean(weights.filter((_, i) => wrong[i])),
  }));
}
