// What does `meta.ts resume DIR` do? Goes on with the run of a folder from a checkpoint: the same program, seed, backend and data, or it
// says what has changed; `--set` makes it longer.
import { join } from "node:path";
import { chooseBackend } from "../api/backends.ts";
import { goingOnFrom, identityOf, type RunOf } from "../api/going_on.ts";
import { type DataFileFacts, openProgramFiles } from "../api/program_files.ts";
import { compileProgram } from "../dsl/compile.ts";
import { InternalError } from "../runtime/errors.ts";
import { chooseLimits, type Limits } from "../runtime/limits.ts";
import { stepsDone } from "../runtime/loop/outer_state.ts";
import { outputNames } from "../runtime/program/program.ts";
import { newestCheckpoint, type StoredCheckpoint } from "../runtime/record/checkpoints.ts";
import type { Disk } from "../runtime/record/disk.ts";
import { FileAccessError, fileAccessError } from "../runtime/record/files.ts";
import type { Json } from "../runtime/record/metrics.ts";
import { reopenRunFolder } from "../runtime/record/run_folder.ts";
import { type CommandLine, exitCodes } from "./arguments.ts";
import type { Console } from "./console.ts";
import { sayProblem, showDiagnostics } from "./problems.ts";
import { jsonLimits, runShown, wrongCode } from "./run_verb.ts";
import { namedScript, namesOf, type TaskScript } from "./task_script.ts";

/** What a run folder says of its run. */
interface Effective {
  readonly program: string;
  readonly folder?: string;
  readonly inputs: CommandLine["inputs"];
  readonly seed: number;
  readonly backend: string;
  readonly memory: number | null;
  /** Those that were given, infinity as a text. */
  readonly limits?: Readonly<Record<string, number | string>>;
  readonly dataFolder: string | null;
  readonly data: readonly DataFileFacts[];
  /** The script that makes its tasks. */
  readonly tasks?: Pick<TaskScript, "path" | "sha256"> | null;
}

/** Runs the verb; the exit code. Throws FileAccessError or RangeError for wrong use. */
export async function resumeVerb(asked: CommandLine, console: Console, disk: Disk): Promise<number> {
  const run = asked.files[0]!.replace(/(?<=.)\/+$/, "");
  const said = readJson(`${run}/effective.json`) as Effective | undefined;
  if (!said) {
    throw new FileAccessError(
      `\`${run}\` is no run folder: it has no \`effective.json\`. Where a run was killed before it began, remove the folder and run again`,
    );
  }
  const command = goneOnWith(asked, said);
  const { inputs, seed, json } = command;
  const { outcome, missing } = (readJson(`${run}/summary.json`) ?? {}) as {
    readonly outcome?: string;
    readonly missing?: readonly string[];
  };
  const longer = Object.entries(inputs).some(([name, value]) =>
    !Object.hasOwn(said.inputs, name) || said.inputs[name] !== value
  );
  if (outcome === "done" && !missing && !longer) {
    console.err(`the run of \`${run}\` came to its end: there is nothing left to do\n`);
    return exitCodes.done;
  }
  const files = openProgramFiles(`${run}/experiment.meta`, {
    dataFolder: command.dataFolder,
    before: { name: said.program, folder: said.folder ?? run },
  });
  const script = await namedScript(command);
  if (script && said.tasks && script.sha256 !== said.tasks.sha256) throw changed(command.tasksFile!, said.tasks.sha256);
  const compileWith = (inputs: CommandLine["inputs"]) =>
    compileProgram({ ...files, inputs, limits: command.limits, seed, ...namesOf(script) });
  const output = compileWith(inputs);
  if (showDiagnostics(output.diagnostics, output.sources, { console, json })) {
    const moved = missingData(said, run);
    if (moved !== undefined && !json) sayProblem(`\nnote: ${moved}\n`, console);
    return wrongCode(files);
  }
  const { program, sources } = output;
  if (!program) throw new InternalError("The front end gave neither a program nor an error");
  refuseChangedData(said.data, files.dataRead);
  const limits = { threads: command.threads, memoryLimitBytes: command.limits.memory };
  const choice = await chooseBackend(said.backend, limits, program);
  const { memory } = command;
  const now: RunOf = { root: files.root, output, program, inputs, seed, backend: choice.backend.name, memory };
  const from = newestCheckpoint(run, (checkpoint, path) =>
    goingOnFrom(checkpoint, {
      where: `\`${path}\``,
      now,
      compileWith: (inputs) => compileWith(inputs).program,
    }));
  if (longer && !from) {
    throw new FileAccessError(
      `\`${run}\` has no checkpoint from which it could be made longer: run \`${run}/experiment.meta\` with another folder`,
    );
  }
  const of = identityOf(now);
  const effective = { ...said as unknown as { [key: string]: Json }, inputs, memory: of.memory };
  const goneOn = {
    outputs: outputNames(program),
    effective: { ...effective, limits: jsonLimits(command.limitsGiven) },
    of,
    from: from && { ...from, longer },
  };
  const folder = reopenRunFolder(run, goneOn, disk);
  for (const what of from?.damaged ?? []) {
    const message = `this checkpoint cannot be read, and an earlier one counts: ${what}`;
    if (json) console.out(`${JSON.stringify({ kind: "warning", message })}\n`);
    else sayProblem(`warning: ${message}\n`, console);
  }
  if (!json) {
    console.err(`${run} goes on ${from ? whereText(from) : "from its beginning: it has no checkpoint"}\n`);
  }
  return await runShown({ program, sources, command, choice, folder, script, from }, console);
}

/** The request, with what the folder says where it says nothing itself. */
function goneOnWith(asked: CommandLine, said: Effective): CommandLine {
  const before = Object.entries(said.limits ?? {}).map(([name, number]) => [name, Number(number)]);
  const limitsGiven: Partial<Limits> = { ...Object.fromEntries(before), ...asked.limitsGiven };
  return {
    ...asked,
    inputs: { ...said.inputs, ...asked.inputs },
    seed: said.seed,
    backend: said.backend,
    memory: asked.memory ?? said.memory ?? undefined,
    limits: chooseLimits(limitsGiven),
    limitsGiven,
    dataFolder: asked.dataFolder ?? said.dataFolder ?? undefined,
    tasksFile: asked.tasksFile ?? said.tasks?.path,
  };
}

/** "before meta-step 120 of `train`". */
function whereText({ state: { outer, items } }: StoredCheckpoint): string {
  return outer ? `before meta-step ${stepsDone(outer)} of \`${outer.name}\`` : `after ${items} of its items`;
}

/** Where the first file of data was that is there no more, and what to do; undefined where all are there. */
function missingData({ data, folder }: Effective, run: string): string | undefined {
  for (const { path, folder: own } of data) {
    const before = own ?? folder ?? run;
    try {
      Deno.statSync(join(before, path));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) continue;
      return `\`${path}\` lay in \`${before}\` when the run began; name the folder it lies in now with --data`;
    }
  }
  return undefined;
}

/** Throws FileAccessError with the first file of data that is not what it was. */
function refuseChangedData(before: readonly DataFileFacts[], now: readonly DataFileFacts[]): void {
  for (const { path, sha256 } of before) {
    const found = now.find((d) => d.path === path);
    if (found && found.sha256 === sha256) continue;
    throw changed(path, sha256);
  }
}

function changed(path: string, sha256: string): FileAccessError {
  return new FileAccessError(
    `\`${path}\` is not the file that the run began with: a run goes on with the same data only (SHA-256 ${sha256})`,
  );
}

function readJson(path: string): unknown {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw fileAccessError(error, { action: "read", path });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new FileAccessError(`\`${path}\` is not what a run writes: it is no JSON`);
  }
}
