// What can be done with a compiled program? Run it, and look at each stage it went through.
import { type CompileInput, type CompileOutput, compileProgram, type Stage } from "../dsl/compile.ts";
import type { Diagnostic } from "../dsl/diagnostics/diagnostic.ts";
import { lineColumn, placeText, type SourceText } from "../dsl/text/source.ts";
import { parseBytes } from "../runtime/bytes.ts";
import { InternalError, MetaRuntimeError, UseError } from "../runtime/errors.ts";
import type { RunEvent, StepEvent } from "../runtime/loop/events.ts";
import type { Limits } from "../runtime/limits.ts";
import { runProgram } from "../runtime/loop/run.ts";
import type { HostTasks } from "../runtime/loop/host_tasks.ts";
import { seedWords } from "../runtime/loop/executables.ts";
import { type BackendName, chooseBackend } from "./backends.ts";
import { hostStarts } from "./arrays.ts";
import { openAnswers } from "./answers.ts";
import { type CheckpointEvent, openTelling } from "./checkpoint_events.ts";
import { CompileError } from "./compile_error.ts";
import { type KeptRun, realPathOf } from "./folder_contents.ts";
import { checkOptions, checkSeeds, checkSignal, type OptionNames } from "./given.ts";
import { goingOnFrom, type RunOf } from "./going_on.ts";
import { makeModel } from "./model.ts";
import type { ExperimentProgram } from "../runtime/program/program.ts";
import type { HostValues } from "../runtime/program/given_arrays.ts";
import { pathOf } from "./paths.ts";
import { openResume, type Resume, type ResumeFrom } from "./resume.ts";
import type { ProgramFiles } from "./program_files.ts";
import { makeRun, type Run } from "./run.ts";
import { noteRun } from "./write_run_folder.ts";
import { textInNotebook } from "./report_runs.ts";
import { shownAs } from "./shown.ts";
import { renderDiagnostics } from "../dsl/diagnostics/render.ts";

/** How to run an experiment.
 *
 *  ```ts
 *  import { compile } from "../mod.ts";
 *
 *  const experiment = compile(`
 *    edition 1
 *    param w = 0
 *    inner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = 5 steps }
 *    outer tune { minimize (w@T - 3)^2 over fit.lr by adam(lr = 0.01) for 10 steps }
 *  `);
 *  const stop = new AbortController();
 *  const run = await experiment.run({
 *    seed: 1,
 *    signal: stop.signal,
 *    onStep: ({ step, loss }) => {
 *      if (loss < 0.5 || step === 7) stop.abort();
 *    },
 *  });
 *  console.log(run.outcome, run.losses());
 *  ```
 *
 *  @category Run
 */
export interface RunOptions {
  /** "auto" when not given. Of several, the first that can be opened. */
  readonly backend?: BackendName | readonly BackendName[];
  /** Integer from 0 to 2^53 − 1; the seed given to `compile`, else 0, when not given. */
  readonly seed?: number;
  /** Called after each meta-step of an outer loop. Of this and the next two: an error ends the run. One that answers later is not waited
   *  for until the run ends; its error ends the run at the next call. */
  readonly onStep?: (step: StepEvent) => void;
  /** Called for everything that happens, meta-steps included. */
  readonly onEvent?: (event: RunEvent) => void;
  /** Called where the run could go on later, as often as `checkpoint` says; where it is stopped; and where an outer loop has made its
   *  last meta-step. */
  readonly onCheckpoint?: (checkpoint: CheckpointEvent) => void;
  /** What lies between two calls of `onCheckpoint`: `"60 s"`, `"5 min"`, `"2 h"` or `"1000 steps"`. A minute or 10,000 meta-steps when
   *  not given, and less often where the calls would take more than 2 % of the time. */
  readonly checkpoint?: string;
  /** Goes on with an earlier run, to the last bit as if it had never ended: from the bytes of a checkpoint, from a run that was stopped,
   *  or from the newest checkpoint of a run folder of the command line (its path; nothing is written there). Seed, backend and memory
   *  are those of that run when not given. Only as what it was: what has changed is named and refused. A program that was compiled with
   *  another value of an `input` goes on where the run would have come there with that value, too: with more meta-steps
   *  (`for M = steps steps`). A run that came to its end is what it was; what follows its last outer loop is computed again. What a run
   *  is started with (`start`) and the functions that make tasks must be given again. */
  readonly resume?: Resume;
  /** What each compiled function may keep, as bytes or as text such as `"2 GB"`; the program's `memory` when not given. Loops
   *  keep less of their forward pass to fit; results are the same to rounding. */
  readonly memory?: number | string;
  /** Threads that work on tasks, with this one; as many as there are processors when not given. Results are the same bits for
   *  any number. */
  readonly threads?: number;
  /** Stops the run: the result then says `outcome: "stopped"`. The present meta-step (or item) is finished where that takes a fifth
   *  of a second more, else given up; `resume` goes on before it. With `tensorflow` the present call of one or more meta-steps is finished.
   *  `AbortSignal.timeout(60_000)` stops it after a minute. */
  readonly signal?: AbortSignal;
  /** Where this run starts, in place of what the program declares or reads: arrays by the names of tensors (`"net.l1.W"`,
   *  `"fit.lr"`), for models and hyperparameters the run that learned them, or that run alone for all that it learned. Everything
   *  must be of the program, have its shape and lie in its range. The program is compiled once more for that. */
  readonly start?: Starts;
}

/** How to run an experiment with several seeds.
 *
 *  @category Run */
export interface SeedsOptions extends Omit<RunOptions, "seed" | "resume"> {
  /** Different integers from 0 to 2^53 − 1. */
  readonly seeds: readonly number[];
}

/** What a run starts at: see `RunOptions.start`.
 *
 *  ```ts
 *  import { compile } from "../mod.ts";
 *
 *  const experiment = compile(`
 *    edition 1
 *    precision f64
 *    param w : [2] = 0
 *    inner fit { minimize sum((w - 3)^2) over w by sgd(lr = 0.1) for T = 5 steps }
 *    outer learn { minimize sum((w@T - 3)^2) over w@0, fit.lr by sgd(lr = 0.01) for 10 steps }
 *  `);
 *  const first = await experiment.run();
 *  const second = await experiment.run({ start: first });
 *  const third = await experiment.run({ start: { "fit.lr": first, w: { shape: [2], data: [1, 2] } } });
 *  console.log(first.losses().at(-1)! > second.losses()[0]!, third.losses()[0]);
 *  ```
 *
 *  @category Run
 */
export type Starts = Run | Readonly<Record<string, HostValues | Run>>;

/** A checked program, ready to run, as often as one likes.
 *
 *  ```ts
 *  import { compile } from "../mod.ts";
 *
 *  const experiment = compile(`
 *    edition 1
 *    param w = 0
 *    inner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = 5 steps }
 *    outer tune { minimize (w@T - 3)^2 over fit.lr by adam(lr = 0.01) for 10 steps }
 *  `);
 *  console.log(experiment.emit("ir"), (await experiment.run()).parameter("fit.lr").data[0]);
 *  ```
 *
 *  @category Compile
 */
export interface Experiment {
  /** The name of the root text. */
  readonly name: string;
  /** What is suspicious, but no error. */
  readonly warnings: readonly Diagnostic[];
  /** Runs it from the start, or goes on with an earlier run (`resume`). Work is done on this thread; timers and callbacks get a turn every 50 ms or so.
   *  Throws RunError when a number on the way is not finite or memory runs out, with what was computed until then;
   *  CompileError for a start that does not fit, TypeError for one that is no array; RangeError for a bad seed, an unknown backend, or a `memory` or `threads` that is none;
   *  for `resume` TypeError where that is no checkpoint, is damaged, cut off or of a later version, RangeError where it is of another
   *  program, other data, another seed, backend or version (with what has changed), FileAccessError where it cannot be read.
   *
   *  ```ts
   *  import { compile } from "../mod.ts";
   *
   *  const text = `
   *    edition 1
   *    input steps : int = 10
   *    param w = 0
   *    inner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = 5 steps }
   *    outer tune { minimize (w@T - 3)^2 over fit.lr by adam(lr = 0.01) for M = steps steps }
   *  `;
   *  // the newest checkpoint stays wherever a script keeps it
   *  let kept: Uint8Array | undefined;
   *  const first = await compile(text).run({ checkpoint: "5 steps", onCheckpoint: (c) => kept = c.bytes() });
   *  const again = await compile(text).run({ resume: kept! });
   *  // ten meta-steps more, from where the first run ended
   *  const longer = await compile(text, { inputs: { steps: 20 } }).run({ resume: first });
   *  console.log(again.losses().length, longer.losses().length);
   *  ```
   */
  run(options?: RunOptions): Promise<Run>;
  /** Runs it once for each seed, one after the other, in the order of the seeds: the same as `run` of each. `compareRuns` makes means and
   *  intervals of them. Where the signal stops a run, those after it do not begin.
   *  Throws RunsError, when all have ended, where some failed; RangeError for no seed or one that is given twice, and what `run` throws.
   *
   *  ```ts
   *  import { compareRuns, compile } from "../mod.ts";
   *
   *  const text = `
   *    edition 1
   *    input rate = 0.1
   *    task t { k ~ normal(0, 3)  split s { x : [5] ~ normal(k, 1) } }
   *    param w = 0
   *    inner fit { minimize mean((w - s.x)^2) over w by sgd(lr = rate) for T = 5 steps }
   *    evaluate test { across 10 t  report mean((w@T - s.x)^2) }
   *  `;
   *  const seeds = [0, 1, 2];
   *  const slow = await compile(text).runs({ seeds });
   *  const fast = await compile(text, { inputs: { rate: 0.3 } }).runs({ seeds });
   *  console.log(compareRuns({ slow, fast })[0]!.settings[1]!.difference);
   *  ```
   */
  runs(options: SeedsOptions): Promise<readonly Run[]>;
  /** The program after a stage, as text: concrete syntax, abstract syntax, checked program, intermediate representation
   *  with its requests for gradients ("ir"), and the same with the gradients written out ("plan"). */
  emit(stage: Stage): string;
  /** What it means, and what is suspicious about it, as `String(experiment)`, `console.log(experiment)` and a notebook show it. */
  toString(): string;
}

/** A run that went wrong: says loop, step and quantity, and where they stand in the program, and holds what was computed until then.
 *
 *  ```ts
 *  import { compile, RunError } from "../mod.ts";
 *
 *  try {
 *    await compile(`
 *      edition 1
 *      param w = 1
 *      inner fit { minimize (w - 3)^4 over w by sgd(lr = 100) for T = 20 steps }
 *      record w@*
 *    `).run();
 *  } catch (error) {
 *    if (!(error instanceof RunError)) throw error;
 *    console.log(error.message, error.place?.line, error.run.recorded("w@*").values[0]!.data);
 *  }
 *  ```
 *
 *  @category Run
 */
export class RunError extends MetaRuntimeError {
  /** Tells it from other errors. */
  override readonly name = "RunError";
  /** Everything that was computed and recorded; its outcome is "failed". */
  readonly run: Run;
  /** Where the failing quantity stands, line and column from 1: the end of the message. Undefined where it stands nowhere, as memory that
   *  ran out. */
  readonly place: { readonly file: string; readonly line: number; readonly column: number } | undefined;
  /** Made by `Experiment.run`; `sources` are the texts of the program. */
  constructor(failure: MetaRuntimeError, run: Run, sources: ReadonlyMap<string, SourceText> = new Map()) {
    const { origin } = failure;
    const source = origin && sources.get(origin.source);
    super(source ? `${failure.message} (${placeText(sources, origin)})` : failure.message, origin);
    this.place = source && { file: source.name, ...lineColumn(source.text, origin.start) };
    this.run = run;
  }
}

/** Some of several runs went wrong; the others are done.
 *
 *  ```ts
 *  import { compile, RunsError } from "../mod.ts";
 *
 *  const experiment = compile(`
 *    edition 1
 *    param w ~ normal(0, 1)
 *    inner fit { minimize log(w) over w by sgd(lr = 0.01) for T = 2 steps }
 *  `);
 *  try {
 *    await experiment.runs({ seeds: [0, 1, 2, 3] });
 *  } catch (error) {
 *    if (error instanceof RunsError) console.log(error.message, error.runs.map(({ seed, outcome }) => [seed, outcome]));
 *  }
 *  ```
 *
 *  @category Run
 */
export class RunsError extends MetaRuntimeError {
  /** Tells it from other errors. */
  override readonly name = "RunsError";
  /** All runs, in the order of their seeds; the outcome of some is "failed". */
  readonly runs: readonly Run[];
  /** Why those failed. */
  readonly failures: readonly RunError[];
  /** Made by `Experiment.runs`. */
  constructor(runs: readonly Run[], failures: readonly RunError[]) {
    const [first] = failures as [RunError, ...RunError[]];
    super(`${failures.length} of ${runs.length} runs failed: seed ${first.run.seed}: ${first.message}`, first.origin);
    this.runs = runs;
    this.failures = failures;
  }
}

/** Throws RangeError for what is no amount of memory. */
export function bytesOf(memory: number | string): number {
  const bytes = parseBytes(String(memory));
  if (bytes === undefined) {
    throw new UseError(`\`memory\` must be a number of bytes or such as "2 GB", not ${memory}`);
  }
  return bytes;
}

/** What was compiled without errors. Throws CompileError else. */
function compiled({ program, diagnostics, sources }: CompileOutput): ExperimentProgram {
  const failed = diagnostics.some((d) => d.severity === "error");
  if (failed) throw new CompileError(diagnostics, sources);
  if (!program) throw new InternalError("The front end gave neither a program nor an error");
  return program;
}

/** What an experiment gets beside its program. */
export interface ExperimentDefaults {
  readonly seed?: number;
  readonly tasks?: HostTasks;
  /** Those that were given. */
  readonly limits?: Partial<Limits>;
  readonly dataFolder?: string | URL;
  /** Of a program on disk. */
  readonly files?: ProgramFiles;
  /** What gave it data that lie in no folder, if anything did. */
  readonly gave?: () => string | undefined;
}

/** What an experiment was compiled from, and to. */
export interface Compilation {
  readonly input: CompileInput;
  readonly output: CompileOutput;
  readonly program: ExperimentProgram;
  /** Of the runs that do not name one. */
  readonly seed: number;
}

const compilations = new WeakMap<Experiment, Compilation>();

/** What an experiment was compiled from. Throws TypeError for what `compile` did not make. */
export function compilationOf(experiment: Experiment): Compilation {
  const compilation = compilations.get(experiment);
  if (!compilation) throw new TypeError("This is no experiment: `compile` and `compileFile` make them");
  return compilation;
}

/** What `compile` makes of a program. Throws CompileError when it has errors, RangeError for a bad seed. */
export function makeExperiment(
  input: CompileInput,
  defaults: ExperimentDefaults,
): Experiment {
  const output = compileProgram({ ...input, ...(defaults.seed !== undefined && { seed: defaults.seed }) });
  const { diagnostics } = output;
  const asCompiled = compiled(output);
  if (defaults.seed !== undefined) seedWords(defaults.seed);
  const toString = () =>
    [
      `${asCompiled.source}, ${asCompiled.precision}`,
      output.describe().trimEnd(),
      ...(diagnostics.length > 0 ? [renderDiagnostics(diagnostics, output.sources)] : []),
    ].join("\n\n");
  const experiment: Experiment = {
    ...shownAs(toString, () => textInNotebook(toString())),
    toString,
    name: asCompiled.source,
    warnings: diagnostics,
    runs: (options) => runEach(experiment, options),
    async run(options = {}) {
      checkOptions<RunOptions>("run", options, runOptions);
      if (options.signal !== undefined) checkSignal(options.signal);
      const resume = options.resume === undefined ? undefined : openResume(options.resume);
      const settings = settingsOf(options, defaults, resume);
      const { seed } = settings;
      const start = options.start === undefined ? {} : { start: hostStarts(options.start) };
      const asWritten = options.start === undefined && (asCompiled.splitBySeed ?? seed) === seed;
      const own = asWritten ? output : compileProgram({ ...input, ...start, seed });
      const program = compiled(own);
      const { backend, why } = await chooseBackend(settings.backend, { threads: options.threads }, program);
      const { inputs = {}, root } = input;
      const now: RunOf = { ...settings, root, output: own, program, inputs, backend: backend.name };
      const from = resume?.choose((checkpoint, where) =>
        goingOnFrom(checkpoint, {
          where,
          now,
          compileWith: (inputs) => compileProgram({ ...input, ...start, inputs, seed }).program,
        })
      );
      const answers = openAnswers();
      const { onStep, onEvent, onCheckpoint, checkpoint } = options;
      const told = onCheckpoint && { onCheckpoint: (event: CheckpointEvent) => answers.take(onCheckpoint(event)) };
      const checkpoints = openTelling({ ...told, ...(checkpoint === undefined ? {} : { checkpoint }) }, now, from);
      const result = await runProgram(program, backend, {
        seed,
        report(event) {
          if (event.kind === "step") answers.take(onStep?.(event));
          answers.take(onEvent?.(event));
        },
        mark: checkpoints.mark,
        ...(defaults.tasks && { tasks: defaults.tasks }),
        ...(settings.memory !== undefined && { memory: settings.memory }),
        ...(options.signal && { signal: options.signal }),
        ...(from && { resume: from.state }),
      });
      await answers.settled();
      // what is called now and then is not worth threads of its own, which would outlive the run
      const calls = backend.name === "wasm" ? await chooseBackend("wasm", { threads: 1 }, program) : { backend };
      const memory = settings.memory ?? program.memory;
      const run = makeRun(result, {
        model: (name) => makeModel(own.model(name), { program, backend: calls.backend, memory, result }),
        checkpoint: () => checkpoints.last(result.outcome),
      });
      noteRun(run, {
        of: keptRun(now, why, { input, defaults, start: options.start }),
        result,
        place: checkpoints.place(),
      });
      if (result.failure) throw new RunError(result.failure, run, own.sources);
      return run;
    },
    emit: (stage) => output.emit(stage),
  };
  compilations.set(experiment, { input, output, program: asCompiled, seed: defaults.seed ?? 0 });
  return experiment;
}

/** A run as a folder keeps it. */
function keptRun(
  now: RunOf,
  backendWhy: string,
  { input, defaults, start }: {
    readonly input: CompileInput;
    readonly defaults: ExperimentDefaults;
    readonly start: Starts | undefined;
  },
): KeptRun {
  const { files, limits = {}, dataFolder, tasks } = defaults;
  const gave = defaults.gave?.();
  const given = { data: input.data, start, tasks, ...(gave === undefined ? {} : { [gave]: gave }) };
  return {
    ...now,
    ...(files ? { imports: files.sourcesRead } : {}),
    folder: files && realPathOf(files.folder),
    backendWhy,
    limits,
    dataFolder: dataFolder === undefined ? undefined : pathOf(dataFolder),
    data: files?.dataRead ?? [],
    tasks: undefined,
    byScript: Object.entries(given).filter(([, what]) => what !== undefined).map(([name]) => `\`${name}\``),
  };
}

/** The options of a run. */
const runOptions: OptionNames<RunOptions> = {
  seed: true,
  backend: true,
  memory: true,
  threads: true,
  start: true,
  resume: true,
  signal: true,
  checkpoint: true,
  onStep: true,
  onEvent: true,
  onCheckpoint: true,
};

/** Runs an experiment with each seed. */
async function runEach(experiment: Experiment, asked: SeedsOptions): Promise<readonly Run[]> {
  const { seed: _, resume: __, ...ofEach } = runOptions;
  checkOptions<SeedsOptions>("runs", asked, { seeds: true, ...ofEach });
  const { seeds, ...options } = asked;
  checkSeeds(seeds);
  if (seeds.length === 0) throw new UseError("`seeds` must name one seed at least");
  for (const seed of seeds) seedWords(seed);
  const twice = seeds.find((seed, i) => seeds.indexOf(seed) < i);
  if (twice !== undefined) throw new UseError(`\`seeds\` names ${twice} twice`);
  const runs: Run[] = [];
  const failures: RunError[] = [];
  for (const seed of seeds) {
    if (runs.length > 0 && options.signal?.aborted) break;
    try {
      runs.push(await experiment.run({ ...options, seed }));
    } catch (error) {
      if (!(error instanceof RunError)) throw error;
      runs.push(error.run);
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new RunsError(runs, failures);
  return runs;
}

/** How a run is run: as it is asked for, else as the one that it goes on from. Throws RangeError for a `memory` that is none. */
function settingsOf(
  { seed, backend = "auto", memory }: RunOptions,
  defaults: { readonly seed?: number },
  resume: ResumeFrom | undefined,
) {
  const before = resume && "seed" in resume.newest.of ? resume.newest.of : undefined;
  const names = [backend].flat().join(",");
  return {
    seed: seed ?? before?.seed ?? defaults.seed ?? 0,
    backend: before && names === "auto" ? before.backend : names,
    memory: memory === undefined ? before?.memory ?? undefined : bytesOf(memory),
  };
}
