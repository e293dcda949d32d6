// How does a run go on, or begin once more, as its folder says? With the same options, data and script, or it is said what is another.
import { join } from "node:path";
import type { DataFileFacts } from "../api/program_files.ts";
import { count } from "../dsl/text/words.ts";
import { chooseLimits, type Limits } from "../runtime/limits.ts";
import { knownRun, type SaidOfRun, whatIsAt } from "../api/said_of_run.ts";
import { readSweep } from "../api/sweep_list.ts";
import { UseError } from "../runtime/errors.ts";
import { FileAccessError } from "../runtime/record/files.ts";
import type { CommandLine } from "./arguments.ts";

/** What the program was called, and the folder that it lay in. */
export function placeOf(
  run: string,
  { program, folder }: SaidOfRun,
): { readonly name: string; readonly folder: string } {
  return { name: program, folder: folder ?? run };
}

/** The request, with what the folder says where it says nothing itself. */
export function asItWas(asked: CommandLine, said: SaidOfRun): CommandLine {
  const before = Object.entries(said.limits ?? {}).map(([name, number]) => [name, Number(number)]);
  const limitsGiven: Partial<Limits> = { ...Object.fromEntries(before), ...asked.limitsGiven };
  return {
    ...asked,
    inputs: { ...said.inputs, ...asked.inputs },
    seed: asked.given.has("seed") ? asked.seed : said.seed,
    backend: asked.given.has("backend") ? asked.backend : said.backend,
    memory: asked.memory ?? said.memory ?? undefined,
    limits: chooseLimits(limitsGiven),
    limitsGiven,
    dataFolder: asked.dataFolder ?? said.dataFolder ?? undefined,
    tasksFile: asked.tasksFile ?? said.tasks?.path,
  };
}

/** Throws UseError for the folder of a sweep: it is that of no run. */
export function refuseSweep(folder: string): void {
  if (readSweep(folder)) {
    throw new UseError(`\`${folder}\` is the folder of a sweep: \`sweep ${folder}\` goes on with it`);
  }
}

/** Throws FileAccessError for a folder, which is neither a program nor that of a run. */
export function refuseFolder(path: string): void {
  if (whatIsAt(path) === "folder") knownRun(path);
}

/** Throws FileAccessError where a script made the run with what no folder holds: without that it would be another run. */
export function refuseScripts(run: string, { byScript }: SaidOfRun): void {
  if (byScript === undefined) return;
  throw new FileAccessError(
    `The run of \`${run}\` was made by a script, with ${byScript.join(", ")} of its own: only a script can repeat it`,
  );
}

/** Where the first file of data was that is there no more, and what to do; undefined where all are there. */
export function missingData({ data, folder }: SaidOfRun, run: string): string | undefined {
  for (const { path, folder: own, files } of data) {
    const before = own ?? folder ?? run;
    try {
      // of many files the folder that they all lie in
      Deno.statSync(join(before, files === undefined ? path : path.replace(/[^/]*\*.*$/, "")));
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) continue;
      return `\`${path}\` lay in \`${before}\` when the run began; name the folder it lies in now with --data`;
    }
  }
  return undefined;
}

/** Throws FileAccessError with the first file of data that is not what it was. */
export function refuseChangedData(before: readonly DataFileFacts[], now: readonly DataFileFacts[]): void {
  for (const { path, sha256, files } of before) {
    const found = now.find((d) => d.path === path);
    if (found && found.sha256 === sha256) continue;
    if (files === undefined) throw changedFile(path, sha256);
    const how = found?.files === files
      ? "a name or what is in one"
      : `${count(found?.files ?? 0, "file")}, and there were ${files}`;
    throw new FileAccessError(
      `The files \`${path}\` are not those that the run began with (${how}): a run goes on, and is repeated, with the same only (SHA-256 ${sha256})`,
    );
  }
}

/** The error for a file that is not what it was. */
export function changedFile(path: string, sha256: string): FileAccessError {
  return new FileAccessError(
    `\`${path}\` is not the file that the run began with: a run goes on, and is repeated, with the same only (SHA-256 ${sha256})`,
  );
}
