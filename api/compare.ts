// How does a script compare runs? As the command line does, with runs of its own or run folders.
import { quantitiesOf } from "./compared_values.ts";
import { type ComparedQuantity, compareSettings, type Setting } from "./comparison.ts";
import { checkSettings } from "./given.ts";
import type { Run } from "./run.ts";
import { notWhole, readRunFolder } from "./run_settings.ts";

/** A run, or the path of a run folder.
 *
 *  @category Compare and report */
export type ComparedRun = Run | string;

/** A run that failed, was stopped, or was not written whole: it is compared as far as it got.
 *
 *  @category Compare and report */
export interface RunNotWhole {
  /** Whose run it is. */
  readonly setting: string;
  /** Its seed. */
  readonly seed: number;
  /** Where it lies, when that is a folder. */
  readonly folder?: string;
  /** How it ended. */
  readonly outcome: string;
  /** Why it failed. */
  readonly failure?: string;
  /** Files that could not be written. */
  readonly missing?: readonly string[];
}

/** What is compared, and which runs of it are not whole.
 *
 *  @category Compare and report */
export type Comparison = readonly ComparedQuantity[] & { readonly notWhole: readonly RunNotWhole[] };

/** Compares settings, each with a run for each of several seeds: of every number the mean with its 95 % interval (Student's t), and the
 *  difference to the first setting. Numbers are the losses of last meta-steps, values of gradients, and each report of an evaluation at
 *  its last time.
 *
 *  Differences are in pairs of the same seed, whose draws are the same: d_s = Σ_i (x_si − y_si) / n over tasks i, and of S seeds the mean
 *  of d_s with its interval; of one seed the mean of the n differences of its tasks with theirs. A setting without a seed in common
 *  has no difference. `notWhole` of what is returned names the runs that failed, were stopped or were not written whole: their numbers are
 *  of where they ended. Throws TypeError for what are no settings with lists, RangeError where a
 *  setting has a seed twice, and FileAccessError for what is no run folder.
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
 *
 *  @category Compare and report
 */
export function compareRuns(settings: Readonly<Record<string, readonly ComparedRun[]>>): Comparison {
  checkSettings("compareRuns", settings);
  const broken: RunNotWhole[] = [];
  const compared = compareSettings(
    Object.entries(settings).map(([setting, runs]): Setting => {
      const read = runs.map((run) => {
        const { folder, seed, account } = typeof run === "string" ? storedRun(run) : heldRun(run);
        for (const { folder: _, ...how } of notWhole([{ folder: folder ?? "", account }])) {
          broken.push({ setting, seed, ...(folder === undefined ? {} : { folder }), ...how });
        }
        return { seed, quantities: quantitiesOf(account) };
      });
      const twice = read.find(({ seed }, i) => read.some((other, k) => k < i && other.seed === seed));
      if (twice) throw new RangeError(`The setting \`${setting}\` has two runs with seed ${twice.seed}`);
      return { label: setting, runs: read };
    }),
  );
  return Object.assign(compared, { notWhole: broken });
}

function storedRun(path: string) {
  const { folder, said, account } = readRunFolder(path);
  return { folder, seed: said.seed, account };
}

const heldRun = (run: Run) => ({ folder: undefined, seed: run.seed, account: run.toJSON() });
