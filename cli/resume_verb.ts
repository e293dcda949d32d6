// What does `meta.ts resume DIR` do? Goes on with the run of a folder from a checkpoint: the same program, seed, backend and data, or it
// says what has changed; `--set` makes it longer.
import { chooseBackend } from "../api/backends.ts";
import { jsonLimits } from "../api/folder_contents.ts";
import { goingOnFrom, identityOf, type RunOf } from "../api/going_on.ts";
import { howItEnded, knownRun, saidOf, whatIsAt } from "../api/said_of_run.ts";
import { openProgramFiles } from "../api/program_files.ts";
import { compileProgram } from "../dsl/compile.ts";
import { InternalError } from "../runtime/errors.ts";
import { stepsDone } from "../runtime/loop/outer_state.ts";
import { outputNames } from "../runtime/program/program.ts";
import { newestCheckpoint, type StoredCheckpoint } from "../runtime/record/checkpoints.ts";
import type { Disk } from "../runtime/record/disk.ts";
import { FileAccessError } from "../runtime/record/files.ts";
import type { Json } from "../runtime/record/metrics.ts";
import { reopenRunFolder } from "../runtime/record/run_folder.ts";
import { type CommandLine } from "./arguments.ts";
import { exitCodes } from "./exit_codes.ts";
import { loadReadersFor } from "./data_readers.ts";
import { asItWas, changedFile, missingData, placeOf, refuseChangedData, refuseSweep } from "./as_it_was.ts";
import type { Console } from "./console.ts";
import { sayProblem, showDiagnostics } from "./problems.ts";
import { runShown, type RunWays, wrongCode } from "./run_verb.ts";
import { namedScript, namesOf } from "./task_script.ts";

/** Runs the verb; the exit code. Throws FileAccessError or RangeError for wrong use. */
export async function resumeVerb(
  asked: CommandLine,
  console: Console,
  disk: Disk,
  ways: RunWays = {},
): Promise<number> {
  const run = asked.files[0]!.replace(/(?<=.)\/+$/, "");
  const said = saidOf(run);
  if (!said) {
    refuseSweep(run);
    if (whatIsAt(run) !== "folder") knownRun(run);
    throw new FileAccessError(
      `\`${run}\` is no run folder: it has no \`effective.json\`. Where a run was killed before it began, remove the folder and run again`,
    );
  }
  const command = asItWas(asked, said);
  const { inputs, seed, json } = command;
  const { outcome, missing } = howItEnded(run);
  const longer = Object.entries(inputs).some(([name, value]) =>
    !Object.hasOwn(said.inputs, name) || said.inputs[name] !== value
  );
  if (outcome === "done" && !missing && !longer) {
    console.err(`the run of \`${run}\` came to its end: there is nothing left to do\n`);
    return exitCodes.done;
  }
  const files = openProgramFiles(`${run}/experiment.meta`, { ...command, before: placeOf(run, said) });
  await loadReadersFor(files, command.limits);
  const script = await namedScript(command);
  if (script && said.tasks && script.sha256 !== said.tasks.sha256) {
    throw changedFile(command.tasksFile!, said.tasks.sha256);
  }
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
  return await runShown({ program, sources, command, choice, folder, script, from }, console, ways);
}

/** "before meta-step 120 of `train`". */
function whereText({ state: { outer, items } }: StoredCheckpoint): string {
  return outer ? `before meta-step ${stepsDone(outer)} of \`${outer.name}\`` : `after ${items} of its items`;
}
