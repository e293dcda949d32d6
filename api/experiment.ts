// What can be done with a compiled program? Run it, and look at each stage it went through.
import type { CompileOutput, Stage } from "../dsl/compile.ts";
import type { Diagnostic } from "../dsl/diagnostics/diagnostic.ts";
import { parseBytes } from "../runtime/bytes.ts";
import { InternalError, MetaRuntimeError, UseError } from "../runtime/errors.ts";
import type { RunEvent, StepEvent } from "../runtime/loop/events.ts";
import { type RunOptions as ProgramRunOptions, runProgram } from "../runtime/loop/run.ts";
import type { HostTasks } from "../runtime/loop/host_tasks.ts";
import { seedWords } from "../runtime/loop/executables.ts";
import { type BackendName, chooseBackend } from "./backends.ts";
import { hostStarts } from "./arrays.ts";
import { CompileError } from "./compile_error.ts";
import { makeModel } from "./model.ts";
import type { ExperimentProgram } from "../runtime/program/program.ts";
import type { HostValues } from "../runtime/program/given_arrays.ts";
import type { HostStart } from "../dsl/data/starts.ts";
import { makeRun, type Run } from "./run.ts";

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
 */
export interface RunOptions {
  /** "auto" when not given. Of several, the first that can be opened. */
  readonly backend?: BackendName | readonly BackendName[];
  /** Integer from 0 to 2^53 − 1; the seed given to `compile`, else 0, when not given. */
  readonly seed?: number;
  /** Called after each meta-step of an outer loop. */
  readonly onStep?: (step: StepEvent) => void;
  /** Called for everything that happens, meta-steps included. */
  readonly onEvent?: (event: RunEvent) => void;
  /** What each compiled function may keep, as bytes or as text such as `"2 GB"`; the program's `memory` when not given. Loops
   *  keep less of their forward pass to fit; results are the same to rounding. */
  readonly memory?: number | string;
  /** Threads that work on tasks, with this one; as many as there are processors when not given. Results are the same bits for
   *  any number. */
  readonly threads?: number;
  /** Stops the run after the present meta-step, or after those of the present call where a backend takes many in one: the
   *  result then says `outcome: "stopped"`. */
  readonly signal?: AbortSignal;
  /** Where this run starts, in place of what the program declares or reads: arrays by the names of tensors (`"net.l1.W"`,
   *  `"fit.lr"`), for models and hyperparameters the run that learned them, or that run alone for all that it learned. Everything
   *  must be of the program, have its shape and lie in its range. The program is compiled once more for that. */
  readonly start?: Starts;
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
 */
export interface Experiment {
  /** The name of the root text. */
  readonly name: string;
  /** What is suspicious, but no error. */
  readonly warnings: readonly Diagnostic[];
  /** Runs it from the start. Work is done on this thread; timers and callbacks get a turn every 50 ms or so.
   *  Throws RunError when a number on the way is not finite or memory runs out, with what was computed until then;
   *  CompileError for a start that does not fit, TypeError for one that is no array; RangeError for a bad seed, an unknown backend, or a `memory` or `threads` that is none. */
  run(options?: RunOptions): Promise<Run>;
  /** The program after a stage, as text: concrete syntax, abstract syntax, checked program, intermediate representation
   *  with its requests for gradients ("ir"), and the same with the gradients written out ("plan"). */
  emit(stage: Stage): string;
}

/** A run that went wrong: says loop, step and quantity, and holds what was computed until then.
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
 *    if (error instanceof RunError) console.log(error.message, error.run.recorded("w@*").values[0]!.data);
 *  }
 *  ```
 */
export class RunError extends MetaRuntimeError {
  /** Everything that was computed and recorded; its outcome is "failed". */
  readonly run: Run;
  /** Made by `Experiment.run`. */
  constructor(failure: MetaRuntimeError, run: Run) {
    super(failure.message, failure.origin);
    this.run = run;
  }
}

/** Throws RangeError for what is no amount of memory. */
function bytesOf(memory: number | string): number {
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

/** What `compile` makes of the front end's output; `startingAt` compiles it with other starts. Throws CompileError when it has errors,
 *  RangeError for a bad seed. */
export function makeExperiment(
  output: CompileOutput,
  defaults: { readonly seed?: number; readonly tasks?: HostTasks },
  startingAt: (start: readonly HostStart[]) => CompileOutput,
): Experiment {
  const { diagnostics } = output;
  const asCompiled = compiled(output);
  if (defaults.seed !== undefined) seedWords(defaults.seed);
  return {
    name: asCompiled.source,
    warnings: diagnostics,
    async run(options = {}) {
      const own = options.start === undefined ? output : startingAt(hostStarts(options.start));
      const program = compiled(own);
      const names = [options.backend ?? "auto"].flat().join(",");
      const { backend } = await chooseBackend(names, { threads: options.threads }, program);
      const report = (event: RunEvent) => {
        if (event.kind === "step") options.onStep?.(event);
        options.onEvent?.(event);
      };
      const settings: ProgramRunOptions = {
        seed: options.seed ?? defaults.seed ?? 0,
        report,
        ...(defaults.tasks && { tasks: defaults.tasks }),
        ...(options.memory !== undefined && { memory: bytesOf(options.memory) }),
        ...(options.signal && { signal: options.signal }),
      };
      const result = await runProgram(program, backend, settings);
      // what is called now and then is not worth threads of its own, which would outlive the run
      const calls = backend.name === "wasm" ? await chooseBackend("wasm", { threads: 1 }, program) : { backend };
      const memory = settings.memory ?? program.memory;
      const run = makeRun(result, (name) => {
        return makeModel(own.model(name), { program, backend: calls.backend, memory, result });
      });
      if (result.failure) throw new RunError(result.failure, run);
      return run;
    },
    emit: (stage) => output.emit(stage),
  };
}
