// How does a script keep a run? As the folder that `meta.ts … --out DIR` leaves, written when the run has ended.
import { UseError } from "../runtime/errors.ts";
import type { RunEvent } from "../runtime/loop/events.ts";
import { recordedAt } from "../runtime/loop/records.ts";
import type { RunResult } from "../runtime/loop/results.ts";
import type { Moment, RunState } from "../runtime/loop/run_state.ts";
import { openRunFolder } from "../runtime/record/run_folder.ts";
import { contentsOf, type KeptRun } from "./folder_contents.ts";
import { checkRun } from "./given.ts";
import { pathOf } from "./paths.ts";
import type { Run } from "./run.ts";

/** What a run is of, and what came of it. */
export interface MadeRun {
  readonly of: KeptRun;
  readonly result: RunResult;
  /** Where it could go on, if anywhere. */
  readonly place: { readonly state: RunState; readonly seconds: number; readonly moment: Moment } | undefined;
}

const made = new WeakMap<Run, MadeRun>();

/** Notes what a run is of, for `writeRunFolder`. */
export function noteRun(run: Run, of: MadeRun): void {
  made.set(run, of);
}

/** Writes a run as the run folder that the command line leaves: for `compareRuns`, for `meta.ts compare`, `run DIR` and `resume DIR`, or as
 *  `start … from` of another program. DIR must be new or empty; docs/cli.md says what is in it. Its log, `metrics.jsonl`, is written at once: its
 *  lines have the seconds of the run's end. What a script gave (arrays of data, starts) is not in it, and such a run can be read and compared, but
 *  not repeated, by the command line.
 *  Needs the permission to write. Throws FileAccessError where the folder is not empty or cannot be written, RangeError for a run that was
 *  restored from text, TypeError for what is no run or no path.
 *
 *  ```ts
 *  import { compile, writeRunFolder } from "../mod.ts";
 *
 *  const experiment = compile(`
 *    edition 1
 *    param w = 0
 *    inner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = 5 steps }
 *    outer tune { minimize (w@T - 3)^2 over fit.lr by adam(lr = 0.01) for 10 steps }
 *  `);
 *  const folder = Deno.makeTempDirSync();
 *  writeRunFolder(await experiment.run({ seed: 1 }), `${folder}/run`);
 *  console.log(JSON.parse(Deno.readTextFileSync(`${folder}/run/summary.json`)).outcome);
 *  Deno.removeSync(folder, { recursive: true });
 *  ```
 *
 *  @category Run
 */
export function writeRunFolder(run: Run, folder: string | URL): void {
  checkRun("writeRunFolder", run);
  if (!(folder instanceof URL) && (typeof folder !== "string" || folder === "")) {
    throw new TypeError("`writeRunFolder` takes the path of a folder after the run, as a text or a URL");
  }
  const known = made.get(run);
  if (!known) {
    throw new UseError("A run that was restored from text has no program to write down: keep the run that made it");
  }
  const { of, result, place } = known;
  const written = openRunFolder(pathOf(folder), contentsOf(of));
  try {
    for (const event of eventsOf(result, of)) written.record(event, result.seconds);
    if (place) written.checkpoint(place.state, place.moment, place.seconds);
  } catch (error) {
    written.abandon();
    throw error;
  }
  written.finish(result);
}

/** What a run said, as far as its result tells: all but its meta-steps, in the order of the items. */
function* eventsOf(result: RunResult, { root, program }: KeptRun): Generator<RunEvent> {
  const { outcome, backend, seed, precision, seconds, gradients, outers } = result;
  const { leaves } = program;
  yield {
    kind: "started",
    source: root.name,
    backend,
    seed,
    precision,
    leaves: leaves.length,
    leafValues: leaves.reduce((sum, leaf) => sum + leaf.type.shape.reduce((a, b) => a * b, 1), 0),
    outers: program.outers.map(({ name, steps }) => ({ name, steps })),
  };
  for (const series of result.recorded) {
    const { name, of, by: item, trajectory, steps, values: { shape: [count] } } = series;
    for (let index = 0; index < count!; index++) {
      const by = item.kind === "outer" ? { ...item, step: steps[index]! } : item;
      yield { kind: "recorded", recorded: { name, of, by, trajectory, value: recordedAt(series, index) }, index };
    }
  }
  for (const { name: outer, done: step, until, kept } of outers) {
    if (until) yield { kind: "until", outer, step, held: until };
    if (kept) yield { kind: "kept", outer, kept };
  }
  for (const gradient of gradients) yield { kind: "gradient", gradient };
  for (const evaluation of result.evaluations) yield { kind: "evaluation", evaluation };
  for (const output of result.outputs) yield { kind: "output", output };
  for (const simulation of result.simulations) yield { kind: "simulation", simulation };
  const missed = gradients.flatMap(({ verdicts }) => verdicts).filter(({ met }) => !met).length;
  yield { kind: "finished", outcome, seconds, missed };
}
