// How does a command line become a program that can run? Its files are read, its script is loaded, it is compiled; then it is decided where
// it runs, and its folder is made.
import { type BackendChoice, chooseBackend } from "../api/backends.ts";
import { contentsOf, realPathOf } from "../api/folder_contents.ts";
import { openProgramFiles, type ProgramFiles } from "../api/program_files.ts";
import { saidOf, type SaidOfRun } from "../api/said_of_run.ts";
import { type CompileOutput, compileProgram } from "../dsl/compile.ts";
import type { ExperimentProgram } from "../runtime/program/program.ts";
import type { Checkpoint } from "../runtime/record/checkpoint_bytes.ts";
import type { Disk } from "../runtime/record/disk.ts";
import { openRunFolder, type RunFolder } from "../runtime/record/run_folder.ts";
import { type CommandLine } from "./arguments.ts";
import {
  asItWas,
  changedFile,
  placeOf,
  refuseChangedData,
  refuseFolder,
  refuseScripts,
  refuseSweep,
} from "./as_it_was.ts";
import { loadReadersFor } from "./data_readers.ts";
import { namedScript, namesOf, type TaskScript } from "./task_script.ts";

/** A program with all that it is run with, compiled: well or not. */
export interface Prepared {
  /** What is asked for, with what a run folder says where that is named in place of a program. */
  readonly command: CommandLine;
  /** What the folder says of the run that is to be repeated. */
  readonly said: SaidOfRun | undefined;
  readonly files: ProgramFiles;
  readonly script: TaskScript | undefined;
  readonly output: CompileOutput;
}

/** Reads and compiles what a command line names. Throws FileAccessError and UseError. */
export async function prepare(asked: CommandLine): Promise<Prepared> {
  const path = asked.files[0]!;
  const said = path.endsWith(".meta") ? undefined : saidOf(path);
  if (said) refuseScripts(path, said);
  else if (!path.endsWith(".meta")) {
    refuseSweep(path);
    refuseFolder(path);
  }
  const command = said ? asItWas(asked, said) : asked;
  const files = said
    ? openProgramFiles(`${path}/experiment.meta`, { ...command, before: placeOf(path, said) })
    : openProgramFiles(path, command);
  const { inputs, limits, seed } = command;
  await loadReadersFor(files, limits);
  const script = await namedScript(command);
  if (script && said?.tasks && script.sha256 !== said.tasks.sha256) throw changedFile(script.path, said.tasks.sha256);
  const output = compileProgram({ ...files, inputs, limits, seed, ...namesOf(script) });
  return { command, said, files, script, output };
}

/** A run with all that it needs. */
export interface ReadyRun extends Pick<CompileOutput, "sources"> {
  readonly program: ExperimentProgram;
  readonly command: CommandLine;
  readonly choice: BackendChoice;
  readonly folder: RunFolder | undefined;
  readonly script: TaskScript | undefined;
  /** Where the run stood that this one goes on from. */
  readonly from: Checkpoint | undefined;
}

/** Chooses the backend of a program without errors, and makes the folder. `begun`: one may be there of a run that was killed before it began.
 *  Throws FileAccessError, UseError and MetaRuntimeError. */
export async function openRun(
  prepared: Prepared,
  program: ExperimentProgram,
  { disk, begun }: { readonly disk: Disk; readonly begun: boolean },
): Promise<ReadyRun> {
  const { command, said, files, script, output } = prepared;
  if (said) refuseChangedData(said.data, files.dataRead);
  const limits = { threads: command.threads, memoryLimitBytes: command.limits.memory };
  const choice = await chooseBackend(command.backend, limits, program);
  const { out } = command;
  const kept = {
    ...command,
    root: files.root,
    output,
    imports: files.sourcesRead,
    program,
    backend: choice.backend.name,
    folder: said?.folder ?? realPathOf(files.folder),
    backendWhy: choice.why,
    limits: command.limitsGiven,
    data: files.dataRead,
    tasks: script && { path: script.path, sha256: script.sha256 },
  };
  const folder = out === undefined ? undefined : openRunFolder(out, contentsOf(kept), disk, begun ? "begun" : "new");
  return { program, sources: output.sources, command, choice, folder, script, from: undefined };
}
