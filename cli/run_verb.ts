// What does `meta.ts FILE.meta` do? Compiles the program, runs it, shows and keeps what comes of it, and says by its exit
// code how it went.
import { basename, dirname } from "node:path";
import { styleText } from "node:util";
import { type BackendChoice, chooseBackend } from "../api/backends.ts";
import { openProgramFiles, type ProgramFiles } from "../api/program_files.ts";
import { identityOf } from "../api/going_on.ts";
import { saidOf, type SaidOfRun } from "../api/said_of_run.ts";
import { version } from "../api/version.ts";
import { type CompileOutput, compileProgram } from "../dsl/compile.ts";
import { InternalError, UseError } from "../runtime/errors.ts";
import { type ExperimentProgram, outputNames } from "../runtime/program/program.ts";
import type { RunResult } from "../runtime/loop/results.ts";
import { runProgram } from "../runtime/loop/run.ts";
import type { Limits } from "../runtime/limits.ts";
import type { Checkpoint } from "../runtime/record/checkpoint_bytes.ts";
import { openCheckpointTimes } from "../runtime/record/checkpoint_times.ts";
import type { Disk } from "../runtime/record/disk.ts";
import { type Json, jsonNumber } from "../runtime/record/metrics.ts";
import { FileAccessError } from "../runtime/record/files.ts";
import { openRunFolder, type RunFolder } from "../runtime/record/run_folder.ts";
import { type CommandLine } from "./arguments.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Console } from "./console.ts";
import { loadReadersFor } from "./image_readers.ts";
import { sayProblem, showDiagnostics, showError } from "./problems.ts";
import { duration } from "../api/numbers.ts";
import { jsonProgress, type Progress, textProgress } from "./progress.ts";
import { reportText } from "../api/report_text.ts";
import { asItWas, changedFile, missingData, placeOf, refuseChangedData } from "./as_it_was.ts";
import { verbMeant } from "./verbs.ts";
import { namedScript, namesOf, type TaskScript } from "./task_script.ts";

/** Runs the verb; the exit code. A run folder in place of a program: its run once more, with what it was run with. Throws FileAccessError or
 *  RangeError for wrong use. */
export async function runVerb(asked: CommandLine, console: Console, disk: Disk): Promise<number> {
  const path = asked.files[0]!;
  refuseMisspelledVerb(path);
  const said = path.endsWith(".meta") ? undefined : saidOf(path);
  const command = said ? asItWas(asked, said) : asked;
  const { json, inputs, limits, seed, emit } = command;
  const files = said
    ? openProgramFiles(`${path}/experiment.meta`, { ...command, before: placeOf(path, said) })
    : openProgramFiles(path, command);
  await loadReadersFor(files, limits);
  const script = await namedScript(command);
  if (script && said?.tasks && script.sha256 !== said.tasks.sha256) throw changedFile(script.path, said.tasks.sha256);
  const output = compileProgram({ ...files, inputs, limits, seed, ...namesOf(script) });
  const wrong = showDiagnostics(output.diagnostics, output.sources, { console, json });
  if (emit !== undefined) {
    console.out(output.emit(emit));
    return wrong ? wrongCode(files) : exitCodes.done;
  }
  if (wrong) {
    const note = said ? missingData(said, path) : noteOfRunFolder(path, output);
    if (note !== undefined && !json) sayProblem(`\nnote: ${note}\n`, console);
    return wrongCode(files);
  }
  const { program, sources } = output;
  if (!program) throw new InternalError("The front end gave neither a program nor an error");
  if (said) refuseChangedData(said.data, files.dataRead);

  const choice = await chooseBackend(
    command.backend,
    { threads: command.threads, memoryLimitBytes: limits.memory },
    program,
  );
  const folder = command.out === undefined
    ? undefined
    : openFolder(command.out, { command, files, choice, output, program, disk, script, said });
  return await runShown({ program, sources, command, choice, folder, script, from: undefined }, console);
}

/** Runs a compiled program, shows and keeps what comes of it; the exit code. */
export async function runShown(
  { sources, ...parts }: Omit<RunParts, "progress"> & Pick<CompileOutput, "sources">,
  console: Console,
): Promise<number> {
  const { program, command, choice, folder } = parts;
  const { json } = command;
  const progress = json ? jsonProgress(console) : textProgress(console);
  if (!json) console.err(`${heading(program, command, choice)}\n`);
  const { result, broken } = await runWithSignals({ ...parts, progress });
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
  else if (folder && !json) {
    const stopped = result.outcome === "stopped" ? `; \`resume ${folder.path}\` goes on` : "";
    console.err(`\nwritten to ${folder.path}${stopped}\n`);
  }
  return exitCodeOf(result, broken);
}

/** A word that names no file is a verb that was meant. Throws UseError. */
function refuseMisspelledVerb(word: string): void {
  const verb = /^[a-z]+$/.test(word) ? verbMeant(word) : undefined;
  if (verb === undefined || existsAsFile(word)) return;
  throw new UseError(`There is no verb \`${word}\`, and no program of this name; did you mean \`${verb}\`?`);
}

function existsAsFile(path: string): boolean {
  try {
    return Deno.statSync(path) !== undefined;
  } catch (error) {
    return !(error instanceof Deno.errors.NotFound);
  }
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

/** What to do where the program of a run folder does not find its data; undefined for other programs and other faults. */
function noteOfRunFolder(path: string, { diagnostics }: CompileOutput): string | undefined {
  if (basename(path) !== "experiment.meta" || !diagnostics.some(({ code }) => code === "M0601")) return undefined;
  const folder = dirname(path);
  return saidOf(folder) && `\`run ${folder}\` repeats the run of this folder, with its data, seed and inputs`;
}

interface FolderParts {
  readonly command: CommandLine;
  readonly files: ProgramFiles;
  readonly choice: BackendChoice;
  readonly program: ExperimentProgram;
  readonly output: CompileOutput;
  readonly disk: Disk;
  readonly script: TaskScript | undefined;
  /** What the folder says of the run that this one repeats. */
  readonly said: SaidOfRun | undefined;
}

function openFolder(
  path: string,
  { command, files, choice, output, program, disk, script, said }: FolderParts,
): RunFolder {
  const of = identityOf({ ...command, root: files.root, output, program, backend: choice.backend.name });
  const { deno, v8, typescript } = Deno.version;
  const contents = {
    root: files.root.text,
    imports: files.sourcesRead,
    outputs: outputNames(program),
    of,
    effective: {
      program: files.root.name,
      folder: said?.folder ?? realPathOf(files.folder),
      inputs: command.inputs,
      seed: command.seed,
      backend: choice.backend.name,
      backendWhy: choice.why,
      precision: program.precision,
      memory: of.memory,
      limits: jsonLimits(command.limitsGiven),
      versions: { meta: version, deno, v8, typescript },
      dataFolder: command.dataFolder ?? null,
      data: files.dataRead.map((d) => ({ ...d })),
      tasks: script ? { path: script.path, sha256: script.sha256 } : null,
      began: new Date().toISOString(),
    },
  };
  return openRunFolder(path, contents, disk);
}

/** Limits as `effective.json` has them. */
export const jsonLimits = (given: Partial<Limits>): { readonly [name: string]: Json } =>
  Object.fromEntries(Object.entries(given).map(([name, number]) => [name, jsonNumber(number)]));

/** Where a folder is, as far as Deno may say that: a run that goes on looks for its data there. */
function realPathOf(folder: string): string {
  try {
    return Deno.realPathSync(folder);
  } catch {
    return folder;
  }
}

interface RunParts {
  readonly program: ExperimentProgram;
  readonly command: CommandLine;
  readonly choice: BackendChoice;
  readonly folder: RunFolder | undefined;
  readonly script: TaskScript | undefined;
  readonly progress: Progress;
  /** Where the run stood that this one goes on from. */
  readonly from: Checkpoint | undefined;
}

/** Runs until the end or the first signal, and closes the folder with whatever there is; `broken` says what could not be written. A run goes
 *  on that cannot write for now; it ends when its folder was taken away. */
async function runWithSignals(parts: RunParts): Promise<{ result: RunResult; broken: Error | undefined }> {
  const { program, command, choice, folder, script, progress, from } = parts;
  const stop = new AbortController();
  let broken: Error | undefined;
  const keep = (action: (folder: RunFolder) => void, last = false) => {
    if (!folder || folder.gone) return;
    try {
      action(folder);
    } catch (error) {
      if (!(error instanceof FileAccessError)) throw error;
      if (folder.gone) stop.abort();
      else if (!last) return progress.warn(`${error.message}; the run goes on, and tries again`);
      broken = error;
    }
  };
  const start = performance.now() - 1000 * (from?.seconds ?? 0);
  const secondsNow = () => (performance.now() - start) / 1000;
  const checkpoint = openCheckpointTimes(command.checkpoint, secondsNow);
  let wanted = false;
  const unlisten = listenToSignals({
    stop() {
      stop.abort();
      progress.note("stopping; interrupt again to leave at once");
    },
    save() {
      wanted = folder !== undefined;
      if (!folder) progress.note("nothing is saved: there is no folder (`--out DIR`)");
    },
  });
  try {
    const result = await runProgram(program, choice.backend, {
      seed: command.seed,
      signal: stop.signal,
      ...(script && { tasks: script.tasks }),
      ...(command.memory === undefined ? {} : { memory: command.memory }),
      report(event) {
        const seconds = secondsNow();
        progress.event(event, seconds);
        keep((folder) => folder.record(event, seconds));
      },
      mark(state, moment) {
        if (!folder) return;
        const now = state();
        const write = () => keep((folder) => folder.checkpoint(now, moment, secondsNow()), moment === "stop");
        if (!wanted) return checkpoint(now, moment, write);
        wanted = false;
        write();
        progress.note(`saved to ${folder.path}`);
      },
      markNow: () => wanted,
      ...(from ? { resume: from.state } : {}),
    });
    progress.end();
    if (result.outcome === "stopped" && !broken) progress.note(`stopped after ${duration(result.seconds)}`);
    const whole = { ...result, seconds: secondsNow() };
    keep((folder) => folder.finish(whole), true);
    return { result: whole, broken };
  } catch (error) {
    folder?.abandon();
    throw error;
  } finally {
    unlisten();
  }
}

/** The first signal to end calls `stop`, the second ends the process at once, as if nobody had listened; SIGUSR2 calls `save`. Gives what
 *  ends that. SIGUSR1 is the runtime's own: it opens a port for debuggers. */
function listenToSignals({ stop, save }: { readonly stop: () => void; readonly save: () => void }): () => void {
  let count = 0;
  const numbers: Partial<Record<Deno.Signal, number>> = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 };
  const ending = (Object.keys(numbers) as Deno.Signal[]).map((signal) => ({
    signal,
    listener() {
      if (++count > 1) Deno.exit(128 + numbers[signal]!);
      stop();
    },
  }));
  const listeners = [...ending, { signal: "SIGUSR2" as const, listener: save }];
  const each = (change: typeof Deno.addSignalListener) => {
    for (const { signal, listener } of listeners) {
      try {
        change(signal, listener);
      } catch {
        // Windows knows not all of them
      }
    }
  };
  each(Deno.addSignalListener);
  return () => each(Deno.removeSignalListener);
}
