// What does `meta.ts FILE.meta` do? Compiles the program, runs it, shows and keeps what comes of it, and says by its exit
// code how it went.
import { basename, dirname } from "node:path";
import { styleText } from "node:util";
import type { BackendChoice } from "../api/backends.ts";
import type { ProgramFiles } from "../api/program_files.ts";
import { reportText } from "../api/report_text.ts";
import { saidOf } from "../api/said_of_run.ts";
import type { CompileOutput } from "../dsl/compile.ts";
import { InternalError, UseError } from "../runtime/errors.ts";
import type { RunResult } from "../runtime/loop/results.ts";
import type { ExperimentProgram } from "../runtime/program/program.ts";
import type { Disk } from "../runtime/record/disk.ts";
import { type CommandLine } from "./arguments.ts";
import { missingData } from "./as_it_was.ts";
import { carryOut, type Listen, listenToSignals } from "./carried_out.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Console } from "./console.ts";
import { openRun, prepare, type Prepared, type ReadyRun } from "./prepared.ts";
import { sayProblem, showDiagnostics, showError } from "./problems.ts";
import { jsonProgress, type Progress, textProgress } from "./progress.ts";
import { verbMeant } from "./verbs.ts";

/** What is another way in a run that is one of many. */
export interface RunWays {
  readonly prepare?: (asked: CommandLine) => Promise<Prepared>;
  /** A folder may be there of a run that was killed before it began. */
  readonly begun?: boolean;
  /** Who is told of the run while it goes on; the console when not given. */
  readonly progress?: Progress;
  /** Who may end it; signals when not given. */
  readonly listen?: Listen;
}

/** Runs the verb; the exit code. A run folder in place of a program: its run once more, with what it was run with. Throws FileAccessError or
 *  RangeError for wrong use. */
export async function runVerb(
  asked: CommandLine,
  console: Console,
  disk: Disk,
  ways: RunWays = {},
): Promise<number> {
  const path = asked.files[0]!;
  refuseMisspelledVerb(path);
  const prepared = await (ways.prepare ?? prepare)(asked);
  const { said, files, output } = prepared;
  const { json, emit } = asked;
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
  if (!output.program) throw new InternalError("The front end gave neither a program nor an error");
  const ready = await openRun(prepared, output.program, { disk, begun: ways.begun ?? false });
  return await runShown(ready, console, ways);
}

/** Runs a compiled program, shows and keeps what comes of it; the exit code. */
export async function runShown(
  { sources, ...parts }: ReadyRun,
  console: Console,
  { listen = listenToSignals, ...ways }: RunWays = {},
): Promise<number> {
  const { program, command, choice, folder } = parts;
  const { json } = command;
  const progress = ways.progress ?? (json ? jsonProgress(console) : textProgress(console));
  if (!json) console.err(`${heading(program, command, choice)}\n`);
  const { result, broken } = await carryOut(parts, { progress, listen });
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
