// What does `meta.ts FILE.meta` do? Compiles the program, runs it, shows and keeps what comes of it, and says by its exit
// code how it went.
import { styleText } from "node:util";
import { type BackendChoice, chooseBackend } from "../api/backends.ts";
import { openProgramFiles, type ProgramFiles } from "../api/program_files.ts";
import { version } from "../api/version.ts";
import { compileProgram } from "../dsl/compile.ts";
import { InternalError } from "../runtime/errors.ts";
import { type ExperimentProgram, outputNames } from "../runtime/program/program.ts";
import type { RunResult } from "../runtime/loop/results.ts";
import { runProgram } from "../runtime/loop/run.ts";
import { FileAccessError } from "../runtime/record/files.ts";
import { openRunFolder, type RunFolder } from "../runtime/record/run_folder.ts";
import { type CommandLine, exitCodes } from "./arguments.ts";
import type { Console } from "./console.ts";
import { showDiagnostics, showError } from "./problems.ts";
import { duration } from "./numbers.ts";
import { jsonProgress, type Progress, textProgress } from "./progress.ts";
import { reportText } from "./report.ts";

/** Runs the verb; the exit code. Throws FileAccessError or RangeError for wrong use. */
export async function runVerb(command: CommandLine, console: Console): Promise<number> {
  const { json, inputs, limits, emit } = command;
  const files = openProgramFiles(command.files[0]!, command);
  const output = compileProgram({ ...files, inputs, limits });
  const wrong = showDiagnostics(output.diagnostics, output.sources, { console, json });
  if (emit !== undefined) {
    console.out(output.emit(emit));
    return wrong ? wrongCode(files) : exitCodes.done;
  }
  if (wrong) return wrongCode(files);
  const { program, sources } = output;
  if (!program) throw new InternalError("The front end gave neither a program nor an error");

  const choice = await chooseBackend(
    command.backend,
    { threads: command.threads, memoryLimitBytes: limits.memory },
    program,
  );
  const folder = command.out === undefined ? undefined : openFolder(command.out, { command, files, choice, program });
  const progress = json ? jsonProgress(console) : textProgress(console);
  if (!json) console.err(`${heading(program, command, choice)}\n`);
  const { result, broken } = await runWithSignals({ program, command, choice, folder, progress });
  progress.end();
  if (!json) {
    const bad = console.outColor
      ? (t: string) => styleText(["red", "bold"], t, { validateStream: false })
      : (t: string) => t;
    if (result.outers.length > 0) console.err("\n"); // between the progress and the report
    console.out(reportText(result, bad));
  }
  if (result.failure) showError(result.failure, sources, { console, json });
  if (broken) showError(broken, sources, { console, json });
  else if (folder && !json) console.err(`\nwritten to ${folder.path}\n`);
  return exitCodeOf(result, broken);
}

/** A program that is wrong only because Deno may not read its files is a wrong use. */
export function wrongCode(files: ProgramFiles): number {
  return files.permissionMissing() ? exitCodes.wrongUse : exitCodes.wrongProgram;
}

function exitCodeOf(result: RunResult, broken: Error | undefined): number {
  if (result.failure || broken) return exitCodes.runFailed;
  if (result.outcome === "stopped") return exitCodes.stopped;
  const missed = result.gradients.some((g) => g.verdicts.some((v) => !v.met));
  return missed ? exitCodes.missed : exitCodes.done;
}

/** `toy.meta: f64, seed 0, backend reference (asked for)`. */
function heading(program: ExperimentProgram, { seed }: CommandLine, { backend, why }: BackendChoice): string {
  return `${program.source}: ${program.precision}, seed ${seed}, backend ${backend.name} (${why})\n`;
}

interface FolderParts {
  readonly command: CommandLine;
  readonly files: ProgramFiles;
  readonly choice: BackendChoice;
  readonly program: ExperimentProgram;
}

function openFolder(path: string, { command, files, choice, program }: FolderParts): RunFolder {
  const { deno, v8, typescript } = Deno.version;
  return openRunFolder(path, {
    root: files.root.text,
    imports: files.sourcesRead,
    outputs: outputNames(program),
    effective: {
      program: files.root.name,
      inputs: command.inputs,
      seed: command.seed,
      backend: choice.backend.name,
      backendWhy: choice.why,
      precision: program.precision,
      memory: command.memory ?? program.memory ?? null,
      versions: { meta: version, deno, v8, typescript },
      dataFolder: command.dataFolder ?? null,
      data: files.dataRead.map((d) => ({ ...d })),
      began: new Date().toISOString(),
    },
  });
}

interface RunParts {
  readonly program: ExperimentProgram;
  readonly command: CommandLine;
  readonly choice: BackendChoice;
  readonly folder: RunFolder | undefined;
  readonly progress: Progress;
}

/** Runs until the end, the first signal, or the first file that cannot be written: `broken` then says why. The folder
 *  is closed with whatever there is. */
async function runWithSignals(parts: RunParts): Promise<{ result: RunResult; broken: Error | undefined }> {
  const { program, command, choice, folder, progress } = parts;
  const stop = new AbortController();
  let broken: Error | undefined;
  const keep = (action: () => void) => {
    if (broken) return;
    try {
      action();
    } catch (error) {
      if (!(error instanceof FileAccessError)) throw error;
      broken = error;
      stop.abort();
    }
  };
  const start = performance.now();
  let told = false;
  const signals = listenToSignals(() => {
    stop.abort();
    progress.note("stopping after this meta-step; interrupt again to leave at once");
  });
  try {
    const result = await runProgram(program, choice.backend, {
      seed: command.seed,
      signal: stop.signal,
      aroundLong(call) {
        if (!told) {
          progress.note("one long call: an interrupt ends the process at once, and what is not written is lost");
        }
        told = true;
        return signals.unheard(call);
      },
      ...(command.memory === undefined ? {} : { memory: command.memory }),
      report(event) {
        const seconds = (performance.now() - start) / 1000;
        progress.event(event, seconds);
        if (folder) keep(() => folder.record(event, seconds));
      },
    });
    progress.end();
    if (result.outcome === "stopped" && !broken) progress.note(`stopped after ${duration(result.seconds)}`);
    // even when the log could not be written, the arrays may be
    const earlier = broken;
    broken = undefined;
    if (folder) keep(() => folder.finish(result));
    return { result, broken: earlier ?? broken };
  } catch (error) {
    folder?.abandon();
    throw error;
  } finally {
    signals.unlisten();
  }
}

/** The first signal calls `stop`, the second ends the process at once, as if nobody had listened. */
function listenToSignals(stop: () => void) {
  let count = 0;
  const numbers: Partial<Record<Deno.Signal, number>> = { SIGINT: 2, SIGTERM: 15 };
  const listeners = (Object.keys(numbers) as Deno.Signal[]).map((signal) => ({
    signal,
    listener() {
      if (++count > 1) Deno.exit(128 + numbers[signal]!);
      stop();
    },
  }));
  const each = (change: typeof Deno.addSignalListener) => {
    for (const { signal, listener } of listeners) {
      try {
        change(signal, listener);
      } catch {
        // Windows knows no SIGTERM
      }
    }
  };
  const unlisten = () => each(Deno.removeSignalListener);
  each(Deno.addSignalListener);
  return {
    unlisten,
    /** Meanwhile the first signal ends the process: a listener would wait for the end of the call. */
    unheard<T>(call: () => T): T {
      unlisten();
      try {
        return call();
      } finally {
        each(Deno.addSignalListener);
      }
    },
  };
}
