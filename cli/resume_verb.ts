// What does `meta.ts resume DIR` do? Goes on with the run of a folder from its newest checkpoint: the same program, inputs, seed, backend
// and data, or it says what has changed.
import { chooseBackend } from "../api/backends.ts";
import { type DataFileFacts, openProgramFiles } from "../api/program_files.ts";
import { compileProgram } from "../dsl/compile.ts";
import { InternalError } from "../runtime/errors.ts";
import { outputNames } from "../runtime/program/program.ts";
import { newestCheckpoint } from "../runtime/record/checkpoints.ts";
import { FileAccessError, fileAccessError } from "../runtime/record/files.ts";
import { reopenRunFolder } from "../runtime/record/run_folder.ts";
import { type CommandLine, exitCodes } from "./arguments.ts";
import type { Console } from "./console.ts";
import { showDiagnostics } from "./problems.ts";
import { programSum, runShown, wrongCode } from "./run_verb.ts";

/** What a run folder says of its run. */
interface Effective {
  readonly program: string;
  readonly folder?: string;
  readonly inputs: CommandLine["inputs"];
  readonly seed: number;
  readonly backend: string;
  readonly memory: number | null;
  readonly dataFolder: string | null;
  readonly data: readonly DataFileFacts[];
}

/** Runs the verb; the exit code. Throws FileAccessError or RangeError for wrong use. */
export async function resumeVerb(asked: CommandLine, console: Console): Promise<number> {
  const run = asked.files[0]!.replace(/(?<=.)\/+$/, "");
  const said = readJson(`${run}/effective.json`) as Effective | undefined;
  if (!said) throw new FileAccessError(`\`${run}\` is no run folder: it has no \`effective.json\``);
  const { outcome } = (readJson(`${run}/summary.json`) ?? {}) as { readonly outcome?: string };
  if (outcome === "done") {
    console.err(`the run of \`${run}\` came to its end: there is nothing left to do\n`);
    return exitCodes.done;
  }
  const { inputs, seed, backend } = said;
  const command: CommandLine = {
    ...asked,
    inputs,
    seed,
    backend,
    memory: said.memory ?? undefined,
    dataFolder: asked.dataFolder ?? said.dataFolder ?? undefined,
  };
  const files = openProgramFiles(`${run}/experiment.meta`, {
    dataFolder: command.dataFolder,
    before: { name: said.program, folder: said.folder ?? run },
  });
  const output = compileProgram({ ...files, inputs, limits: command.limits });
  const { json } = command;
  if (showDiagnostics(output.diagnostics, output.sources, { console, json })) return wrongCode(files);
  const { program, sources } = output;
  if (!program) throw new InternalError("The front end gave neither a program nor an error");
  refuseChangedData(said.data, files.dataRead);
  const limits = { threads: command.threads, memoryLimitBytes: command.limits.memory };
  const choice = await chooseBackend(backend, limits, program);
  const sum = programSum(files, { inputs, seed, backend: choice.backend.name, precision: program.precision });
  const from = newestCheckpoint(run, sum);
  const folder = reopenRunFolder(run, { outputs: outputNames(program), program: sum, logged: from?.logged ?? 0 });
  if (!json) {
    console.err(`${run} goes on ${from ? whereText(from.state) : "from its beginning: it has no checkpoint"}\n`);
  }
  return await runShown({ program, sources, command, choice, folder, from }, console);
}

/** "before meta-step 120 of `train`". */
function whereText({ outer, items }: NonNullable<ReturnType<typeof newestCheckpoint>>["state"]): string {
  return outer ? `before meta-step ${outer.done} of \`${outer.name}\`` : `after ${items} of its items`;
}

/** Throws FileAccessError with the first file of data that is not what it was. */
function refuseChangedData(before: readonly DataFileFacts[], now: readonly DataFileFacts[]): void {
  for (const { path, sha256 } of before) {
    const found = now.find((d) => d.path === path);
    if (found && found.sha256 === sha256) continue;
    throw new FileAccessError(
      `\`${path}\` is not the file that the run began with: a run goes on with the same data only (SHA-256 ${sha256})`,
    );
  }
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
