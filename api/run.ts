// What can be asked of a finished run? Parameters by time, gradients, evaluations, recorded curves, verdicts; and when
// something was not kept, the error says what was, and which line of the program would keep it.
import { runText } from "./report_text.ts";
import { readRun, writeRun } from "./run_text.ts";
import { orNearest } from "../dsl/text/did_you_mean.ts";
import { UseError } from "../runtime/errors.ts";
import type { HostArray } from "../runtime/ir/types.ts";
import type {
  GradientResult,
  Outcome,
  OuterResult,
  OutputResult,
  RecordedValues,
  RunResult,
  SimulationResult,
  Verdict,
} from "../runtime/loop/results.ts";
import { nameOfItem, recordedAt } from "../runtime/loop/records.ts";
import type { MemoryPlan } from "../runtime/loop/memory.ts";
import { summarizeRun } from "../runtime/record/summary.ts";
import type { Json } from "../runtime/record/metrics.ts";
import { type Evaluation, makeEvaluation } from "./evaluation.ts";
import { copyArray, sliceFirstAxis } from "./arrays.ts";
import { runInNotebook } from "./report_runs.ts";
import { shownAs } from "./shown.ts";
import type { LearnedModel, NamedArray } from "./model.ts";

/** Which of a parameter's values is meant.
 *
 *  @category Run */
export interface ParameterAt {
  /** Step of the inner loop: 0 is its start, T its end. */
  readonly time?: number;
  /** Meta-step of the outer loop whose recorded values are meant: those before it. The last recorded ones when not
   *  given. */
  readonly step?: number;
}

/** A recorded curve.
 *
 *  @category Run */
export interface RecordedSeries {
  /** As the program names it: `train.loss`, `linear.w@*`. */
  readonly name: string;
  /** The item that recorded it: an outer loop, `gradient 0`, an inner loop run by itself. */
  readonly by: string;
  /** Meta-steps, one per value: the values before that meta-step; those at the end stand at the number of meta-steps.
   *  Empty when the item is not an outer loop. */
  readonly steps: readonly number[];
  /** For `…@*`, axis 0 is the time of the inner loop. */
  readonly values: readonly HostArray[];
}

/** How an outer loop ended.
 *
 *  @category Run */
export interface OuterEnding extends Pick<OuterResult, "name" | "steps" | "done" | "until" | "kept" | "leftOut"> {}

/** Everything a run computed. Arrays that it hands out are the caller's own.
 *
 *  ```ts
 *  import { compile } from "../mod.ts";
 *
 *  const run = await compile(`
 *    edition 1
 *    param w = 0
 *    inner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = 5 steps }
 *    gradient (w@T - 3)^2 wrt fit.lr
 *    record w@*
 *  `).run();
 *  console.log(run.value(), run.gradient("fit.lr").data[0], run.parameter("w", { time: 3 }).data[0]);
 *  ```
 *
 *  @category Run
 */
export interface Run {
  /** "stopped" when the signal ended it early; what came later is then missing. */
  readonly outcome: Outcome;
  /** Name of the backend. */
  readonly backend: string;
  /** Seed of every draw. */
  readonly seed: number;
  /** Arithmetic of the experiment. */
  readonly precision: "f32" | "f64";
  /** Seconds from start to end. */
  readonly seconds: number;
  /** Names of the values that live as long as the run: learned parameters, hyperparameters. */
  readonly parameters: readonly string[];
  /** A parameter at a time, from what `record NAME@*` kept; without a time, a learned value as it is at the end. The
   *  value at time 0 of a parameter that is not recorded is its learned (or declared) initial value.
   *  Throws TypeError when a time is needed, RangeError when there is no such value; the message says what there is. */
  parameter(name: string, at?: ParameterAt): HostArray;
  /** The gradient of a `gradient` item with respect to one tensor, by the name in its `wrt`. `of` is the item's
   *  expression as written, needed only when two items have that name.
   *  Throws TypeError for a name that stands for several tensors (then see `gradientGroup`), RangeError for no such
   *  gradient. */
  gradient(name: string, options?: { readonly of?: string }): HostArray;
  /** The gradient with respect to everything that a name in `wrt` stands for, by the tensors' names. */
  gradientGroup(name: string, options?: { readonly of?: string }): Readonly<Record<string, HostArray>>;
  /** The value of a `gradient` item's expression; `of` as in `gradient`. */
  value(of?: string): number;
  /** Every `gradient` item, in the order in which they were computed. */
  readonly gradients: readonly GradientResult[];
  /** Names of the evaluations, for `evaluation`. */
  readonly evaluations: readonly string[];
  /** An evaluation: the final one, or the one made before meta-step `step`. */
  evaluation(name?: string, at?: { readonly step?: number }): Evaluation;
  /** The array of an `output` item, with the names of its sizes.
   *  Throws TypeError when there are several and none was named, RangeError when there is no such one.
   *
   *  ```ts
   *  import { compile } from "../mod.ts";
   *
   *  const run = await compile(`
   *    edition 1
   *    param w = 0
   *    inner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = 5 steps }
   *    output ends = w@T * [1, 2]
   *  `).run();
   *  console.log(run.output("ends").shape, run.output("ends").data);
   *  ```
   */
  output(name?: string): NamedArray;
  /** Every `output` item, in the order in which they were computed. */
  readonly outputs: readonly OutputResult[];
  /** A model with what it learned, or a part of one (`net.body`), as a function of new inputs. Its parameters stand where an outer that
   *  learned their start has left that, or has left the loop that goes on from meta-step to meta-step; where an inner loop ends that changes them by itself, which is run once more for that if the
   *  run needed it for other items only; else where they are declared to start.
   *  Throws RangeError when there is no such model, when each task has its own, and for a run that was restored from text.
   *
   *  ```ts
   *  import { compile } from "../mod.ts";
   *
   *  const run = await compile(`
   *    edition 1
   *    data train { x : [3, 1] = [[-1], [0], [1]]   y : [3, 1] = [[-3], [0], [3]] }
   *    model net(x : [n, 1]) -> [n, 1] { w : [1, 1] = 0   return dot(x, w) }
   *    inner fit { minimize mse(net(train.x), train.y) over net by sgd(lr = 0.3) for T = 20 steps }
   *  `).run();
   *  const { shape, data } = run.model("net").call({ x: { shape: [2, 1], data: [10, 20] } });
   *  console.log(shape, data);
   *  ```
   */
  model(name: string): LearnedModel;
  /** Names of what was recorded, for `recorded`. */
  readonly recordings: readonly string[];
  /** A recorded curve: `train.loss`, `adapt.lr`, `linear.w@*`. `by` is needed only when two items recorded it. */
  recorded(name: string, options?: { readonly by?: string }): RecordedSeries;
  /** The objective of an outer loop before each meta-step, recorded or not; of more than 100,000 meta-steps that of at most so many, see
   *  `metaSteps`. */
  losses(outer?: string): Float64Array;
  /** The norm of the meta-gradient at each meta-step of an outer loop, entry by entry as `losses`. */
  gradientNorms(outer?: string): Float64Array;
  /** The meta-steps that the entries of `losses` and `gradientNorms` belong to: 0, 1, 2, … up to 100,000 of them. Of a longer loop they
   *  are at most as many, in order: the first, the last, and in stretches of equal length those at which the loss or the norm is least
   *  or largest. How many were made in all is `ending(outer).done`.
   *
   *  ```ts
   *  import { compile } from "../mod.ts";
   *
   *  const run = await compile(`
   *    edition 1
   *    param c = 0
   *    outer train { minimize (c - 3)^2 over c by sgd(lr = 0.1) for 5 steps }
   *  `).run();
   *  console.log(run.metaSteps(), run.losses(), run.gradientNorms());
   *  ```
   */
  metaSteps(outer?: string): Float64Array;
  /** How an outer loop ended: how many meta-steps it made, which `until` held, which evaluation `keep best` gave back. */
  ending(outer?: string): OuterEnding;
  /** What each compiled function kept of its loops, with the bytes of its arena and its operations. */
  readonly memory: readonly MemoryPlan[];
  /** The inner loops that were run by themselves. */
  readonly simulations: readonly SimulationResult[];
  /** What came of every line of every `expect` block. */
  readonly expectations: readonly Verdict[];
  /** The same account as `summary.json`: JSON-ready, arrays of more than 1,000 entries by shape only. */
  toJSON(): { readonly [key: string]: Json };
  /** What the command line prints at the end of a run, as `String(run)` and `console.log(run)` show it. */
  toString(): string;
  /** All of it as a text that `restoreRun` reads: JSON with every array whole, so that no bit is lost. */
  serialize(): string;
  /** Where it stands, for `run({ resume })`, as bytes that can be kept anywhere: where it was stopped; of a run that came to its end, where
   *  its last outer loop had made its last meta-step, so that it can be made longer; of one that failed, the last that `onCheckpoint` took
   *  the bytes of. `run({ resume: run })` is the same.
   *  Throws RangeError where there is none: for a run without an outer loop, and for one that was restored from text.
   *
   *  ```ts
   *  import { compile } from "../mod.ts";
   *
   *  const experiment = compile(`
   *    edition 1
   *    param w = 0
   *    inner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = 5 steps }
   *    outer tune { minimize (w@T - 3)^2 over fit.lr by adam(lr = 0.01) for 10_000 steps }
   *  `);
   *  const stop = new AbortController();
   *  const stopped = await experiment.run({ signal: stop.signal, onStep: ({ step }) => step === 100 && stop.abort() });
   *  const bytes = stopped.checkpoint(); // for a file, a database, another machine
   *  const done = await experiment.run({ resume: bytes });
   *  console.log(stopped.outcome, done.outcome, done.ending().done);
   *  ```
   */
  checkpoint(): Uint8Array;
}

/** The run that `Run.serialize` wrote: it answers everything as the first one did, also one that failed or was stopped.
 *  Throws TypeError when the text is no run, was cut off or altered, or was written by a later version.
 *
 *  ```ts
 *  import { compile, restoreRun } from "../mod.ts";
 *
 *  const source = "edition 1\nparam w = 0\ninner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = 5 steps }";
 *  const run = await compile(source + "\nrecord w@*").run();
 *  const again = restoreRun(run.serialize());
 *  console.log(again.recorded("w@*").values[0]!.data);
 *  ```
 *
 *  @category Run
 */
export function restoreRun(text: string): Run {
  return makeRun(readRun(text));
}

/** The public view of a result. */
export function makeRun(
  result: RunResult,
  { model, checkpoint }: Pick<Run, "model" | "checkpoint"> = { model: noModel, checkpoint: noCheckpoint },
): Run {
  const outerOf = (name: string | undefined) => one(result.outers, name, { what: "outer loop", nameOf: (o) => o.name });
  const { outcome, backend, seed, precision, seconds, gradients, simulations } = result;
  const toString = () => runText(result);
  const run: Run = {
    ...shownAs(toString, () => runInNotebook(run)),
    toString,
    outcome,
    backend,
    seed,
    precision,
    seconds,
    parameters: [...result.leaves.keys()],
    parameter: (name, at = {}) => parameterAt(result, name, at),
    gradient(name, { of } = {}) {
      const leaves = findGradient(gradients, name, of);
      if (leaves.length === 1) return copyArray(leaves[0]!.gradient);
      throw new TypeError(
        `\`${name}\` stands for ${leaves.length} tensors (${quoted(leaves.map((l) => l.name))}): ` +
          `ask for one of them, or for all with gradientGroup("${name}")`,
      );
    },
    gradientGroup(name, { of } = {}) {
      const leaves = findGradient(gradients, name, of);
      return Object.fromEntries(leaves.map((leaf) => [leaf.name, copyArray(leaf.gradient)]));
    },
    value: (of) => one(gradients, of, { what: "`gradient` item", nameOf: (g) => g.label }).value,
    gradients,
    evaluations: namesOf(result.evaluations),
    evaluation(name, { step } = {}) {
      const made = result.evaluations.filter((e) => e.during?.step === step);
      return makeEvaluation(one(made, name, { what: "evaluation", nameOf: (e) => e.name }));
    },
    output(name) {
      const { value, dims } = one(result.outputs, name, { what: "`output`", nameOf: (o) => o.name });
      return { ...copyArray(value), dims };
    },
    outputs: result.outputs,
    model,
    recordings: namesOf(result.recorded),
    recorded: (name, { by } = {}) => recordedSeries(result.recorded, name, by),
    losses: (outer) => outerOf(outer).losses.slice(),
    gradientNorms: (outer) => outerOf(outer).gradientNorms.slice(),
    metaSteps: (outer) => outerOf(outer).metaSteps.slice(),
    ending(outer) {
      const { name, steps, done, until, kept, leftOut } = outerOf(outer);
      const ended = { ...(until ? { until } : {}), ...(kept ? { kept } : {}), ...(leftOut ? { leftOut } : {}) };
      return { name, steps, done, ...ended };
    },
    memory: result.plans,
    simulations,
    expectations: gradients.flatMap((g) => g.verdicts),
    toJSON: () => summarizeRun(result),
    serialize: () => writeRun(result),
    checkpoint,
  };
  return run;
}

const namesOf = (list: readonly { readonly name: string }[]) => [...new Set(list.map(({ name }) => name))];

function noModel(name: string): never {
  throw new UseError(
    `A run that was restored from text has no program to call \`${name}\` by: ask the run that made it`,
  );
}

function noCheckpoint(): never {
  throw new UseError(
    "A run that was restored from text cannot go on: keep `run.checkpoint()` beside `run.serialize()`",
  );
}

/** The entry with a name, or the only one when no name is given. */
function one<T>(
  list: readonly T[],
  name: string | undefined,
  of: { readonly what: string; readonly nameOf: (entry: T) => string },
): T {
  const found = name === undefined ? list : list.filter((entry) => of.nameOf(entry) === name);
  if (found.length === 1) return found[0]!;
  const names = [...new Set(list.map(of.nameOf))];
  if (list.length === 0) throw new RangeError(`This run made no ${of.what}`);
  if (name === undefined || found.length > 1) {
    throw new TypeError(`This run made more than one ${of.what}: name one of ${quoted(names)}`);
  }
  throw new RangeError(`This run made no ${of.what} \`${name}\`; there is ${quoted(names)}${orNearest(name, names)}`);
}

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, 12).map((n) => `\`${n}\``).join(", ");
  return names.length > 12 ? `${shown} and ${names.length - 12} more` : shown;
}

// --------------------------------------------------------------------------------------------------------- parameters

function parameterAt(result: RunResult, name: string, { time, step }: ParameterAt): HostArray {
  const kept = recordsOf(result, name, true);
  if (time === undefined) return parameterNow(result, { name, step, kept });
  const latest = valuesOf(kept, step).at(-1);
  if (latest) {
    const entries = latest.shape[0]!;
    if (!Number.isInteger(time) || time < 0 || time >= entries) {
      throw new RangeError(`\`${name}\` has the times 0 to ${entries - 1}, not ${time}`);
    }
    return sliceFirstAxis(latest, time);
  }
  if (time === 0 && kept.length === 0) return parameterNow(result, { name, step, kept });
  if (kept.length > 0) throw stepNotRecorded(name, step!, kept);
  throw notKept(result, name, time);
}

interface Wanted {
  readonly name: string;
  readonly step: number | undefined;
  /** Its recorded trajectories. */
  readonly kept: readonly RecordedValues[];
}

function parameterNow(result: RunResult, { name, step, kept }: Wanted): HostArray {
  const leaf = result.leaves.get(name);
  if (leaf && step === undefined) return copyArray(leaf);
  if (leaf) {
    const records = recordsOf(result, name, false);
    const record = valuesOf(records, step)[0];
    if (record) return copyArray(record);
    if (records.length > 0) throw stepNotRecorded(name, step!, records);
    throw new RangeError(`\`${name}\` was not recorded by meta-step: add \`record ${name}\` to the program`);
  }
  const last = valuesOf(kept, undefined).at(-1);
  if (last) {
    const end = last.shape[0]! - 1;
    throw new TypeError(`\`${name}\` changes over time: say at which, from 0 to ${end}: { time: ${end} }`);
  }
  throw notKept(result, name, undefined);
}

/** What was recorded of a parameter, with the times of an inner loop or without. */
function recordsOf({ recorded }: RunResult, name: string, trajectory: boolean): readonly RecordedValues[] {
  return recorded.filter((r) => r.of === name && r.trajectory === trajectory);
}

/** Of each of them the last value, or the one before a meta-step. */
function valuesOf(records: readonly RecordedValues[], step: number | undefined): readonly HostArray[] {
  return records.flatMap((r) => {
    const index = step === undefined ? r.values.shape[0]! - 1 : r.steps.indexOf(step);
    return index < 0 ? [] : [recordedAt(r, index)];
  });
}

function stepNotRecorded(name: string, step: number, records: readonly RecordedValues[]): RangeError {
  const steps = records.flatMap((r) => [...r.steps]);
  const shown = steps.length > 12 ? `${steps.slice(0, 6).join(", ")}, …, ${steps.at(-1)}` : steps.join(", ");
  return new RangeError(
    steps.length === 0
      ? `\`${name}\` was not recorded by meta-step`
      : `\`${name}\` was not recorded at meta-step ${step}, but at ${shown}`,
  );
}

function notKept(result: RunResult, name: string, time: number | undefined): RangeError {
  const recorded = result.recorded.filter((r) => r.trajectory).map((r) => r.of);
  const known = [...new Set([...result.leaves.keys(), ...recorded])];
  const there = known.length === 0 ? "this run kept no parameters" : `there is ${quoted(known)}`;
  if (result.leaves.has(name)) {
    return new RangeError(
      `\`${name}\` was kept at time 0 only, not at ${time}: add \`record ${name}@*\` to the program`,
    );
  }
  return new RangeError(
    `There is no \`${name}\` in this run: ${there}${orNearest(name, known)}; ` +
      `\`record ${name}@*\` in the program keeps it, if it has one`,
  );
}

// ---------------------------------------------------------------------------------------------------------- gradients

type LeafGradient = GradientResult["wrt"][number]["leaves"][number];

/** What a name in some `wrt` stands for; a single tensor of a group goes by its own name too. */
function findGradient(items: readonly GradientResult[], name: string, of: string | undefined): readonly LeafGradient[] {
  const searched = of === undefined ? items : [one(items, of, { what: "`gradient` item", nameOf: (g) => g.label })];
  const found = searched.flatMap((item) => {
    const group = item.wrt.find((w) => w.label === name);
    const leaf = item.wrt.flatMap((w) => w.leaves).find((l) => l.name === name || `${l.name}@0` === name);
    return group ? [group.leaves] : leaf ? [[leaf]] : [];
  });
  if (found.length === 1) return found[0]!;
  if (found.length > 1) {
    const labels = searched.map((item) => item.label);
    throw new TypeError(
      `More than one item has a gradient with respect to \`${name}\`: say { of: … } one of ${quoted(labels)}`,
    );
  }
  if (items.length === 0) {
    throw new RangeError(`This run computed no gradient: add \`gradient EXPRESSION wrt ${name}\` to the program`);
  }
  const names = searched.flatMap((item) => item.wrt.map((w) => w.label));
  throw new RangeError(
    `There is no gradient with respect to \`${name}\`: there is ${quoted(names)}${orNearest(name, names)}; ` +
      `\`wrt ${name}\` in the program adds it`,
  );
}

// ------------------------------------------------------------------------------------------------------------- curves

function recordedSeries(
  recorded: readonly RecordedValues[],
  name: string,
  item: string | undefined,
): RecordedSeries {
  const found = recorded.filter((r) => r.name === name && (item === undefined || nameOfItem(r.by) === item));
  if (found.length === 1) {
    const { by, steps, values } = found[0]!;
    const each = Array.from({ length: values.shape[0]! }, (_, i) => sliceFirstAxis(values, i));
    return { name, by: nameOfItem(by), steps: [...steps], values: each };
  }
  if (found.length > 1) {
    throw new TypeError(
      `\`${name}\` was recorded more than once: say { by: … } one of ${quoted(found.map((r) => nameOfItem(r.by)))}`,
    );
  }
  const names = [...new Set(recorded.map((r) => r.name))];
  const there = names.length === 0 ? "nothing was" : `there is ${quoted(names)}`;
  throw new RangeError(
    `\`${name}\` was not recorded, ${there}${orNearest(name, names)}; \`record ${name}\` in the program keeps it`,
  );
}
