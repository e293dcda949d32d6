// How does a script compare runs? As the command line does, with runs of its own or run folders.
import { quantitiesOf } from "./compared_values.ts";
import { type ComparedQuantity, compareSettings, type Setting } from "./comparison.ts";
import type { Run } from "./run.ts";
import { readRunFolder } from "./run_settings.ts";

/** A run, or the path of a run folder. */
export type ComparedRun = Run | string;

/** Compares settings, each with a run for each of several seeds: of every number the mean with its 95 % interval (Student's t), and the
 *  difference to the first setting. Numbers are the losses of last meta-steps, values of gradients, and each report of an evaluation at
 *  its last time.
 *
 *  Differences are in pairs of the same seed, whose draws are the same: d_s = Σ_i (x_si − y_si) / n over tasks i, and of S seeds the mean
 *  of d_s with its interval; of one seed the mean of the n differences of its tasks with theirs. A setting without a seed in common
 *  has no difference. Throws RangeError where a setting has a seed twice, and FileAccessError for what is no run folder.
 *
 *  ```ts
 *  import { compareRuns, compile } from "../mod.ts";
 *
 *  const text = `
 *    edition 1
 *    input rate : float = 0.1
 *    task t { k ~ normal(0, 3)  split s { x : [5] ~ normal(k, 1) }  split q { x : [20] ~ normal(k, 1) } }
 *    param w = 0
 *    inner fit { minimize mean((w - s.x)^2) over w by sgd(lr = rate) for T = 5 steps }
 *    evaluate test { across 30 t  report mean((w@T - q.x)^2) }
 *  `;
 *  const slow = await compile(text).run();
 *  const fast = await compile(text, { inputs: { rate: 0.3 } }).run();
 *  const [test] = compareRuns({ "rate 0.1": [slow], "rate 0.3": [fast] });
 *  console.log(test!.name, test!.settings[1]!.difference!.interval);
 *  ```
 */
export function compareRuns(settings: Readonly<Record<string, readonly ComparedRun[]>>): readonly ComparedQuantity[] {
  return compareSettings(
    Object.entries(settings).map(([label, runs]): Setting => {
      const read = runs.map((run) => {
        const { seed, account } = typeof run === "string" ? storedRun(run) : { seed: run.seed, account: run.toJSON() };
        return { seed, quantities: quantitiesOf(account) };
      });
      const twice = read.find(({ seed }, i) => read.some((other, k) => k < i && other.seed === seed));
      if (twice) throw new RangeError(`The setting \`${label}\` has two runs with seed ${twice.seed}`);
      return { label, runs: read };
    }),
  );
}

function storedRun(path: string) {
  const { said, account } = readRunFolder(path);
  return { seed: said.seed, account };
}
