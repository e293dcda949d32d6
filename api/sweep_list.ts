// Which runs is a sweep of? `sweep.json` in its folder: a plain list, each with its folder and the command that makes it alone, so that a
// scheduler can take single ones. How far each has come its own folder says, and nothing else does.
import { FileAccessError } from "../runtime/record/files.ts";
import type { DataFileFacts } from "./program_files.ts";
import { howItEnded, readJson, saidOf } from "./said_of_run.ts";

/** The list is in this file. */
export const sweepFile = "sweep.json";

/** Version of `sweep.json`. */
export const sweepFormatVersion = 1;

/** One run of a sweep. */
export interface SweepRun {
  /** Its folder, in that of the sweep. */
  readonly dir: string;
  readonly seed: number;
  /** The inputs that the sweep sets, with their values in this run. */
  readonly set: Readonly<Record<string, number | string | boolean>>;
  /** The words after `meta.ts` that make this run alone, from wherever they are called. */
  readonly command: readonly string[];
}

/** What a sweep is of: another program, other data or another version are another sweep. Sums are SHA-256, hexadecimal. */
export interface SweptProgram {
  /** Name of the root file. */
  readonly program: string;
  /** The folder that it lies in. */
  readonly folder: string;
  /** Sum of its text. */
  readonly sha256: string;
  /** Sums of the texts of its imports, by their paths. */
  readonly imports: Readonly<Record<string, string>>;
  readonly data: readonly DataFileFacts[];
  /** The script that makes its tasks. */
  readonly tasks: { readonly path: string; readonly sha256: string } | null;
  /** Of this software. */
  readonly version: string;
}

/** `sweep.json`. */
export interface SweepList extends SweptProgram {
  readonly formatVersion: number;
  /** The options that all runs have, as words of the command line. */
  readonly options: readonly string[];
  readonly runs: readonly SweepRun[];
}

/** The list in a folder; undefined where there is none. Throws FileAccessError for what is none. */
export function readSweep(folder: string): SweepList | undefined {
  const path = `${folder}/${sweepFile}`;
  const list = readJson(path, folder) as SweepList | undefined;
  if (!list) return undefined;
  if (list.formatVersion > sweepFormatVersion) {
    throw new FileAccessError(`\`${path}\` is of version ${list.formatVersion}, which this one does not read`);
  }
  if (!(list.formatVersion >= 1) || !Array.isArray(list.runs) || !list.runs.every(isRun)) {
    throw new FileAccessError(`\`${path}\` is not what a sweep writes: it has no list of runs`);
  }
  return list;
}

/** A folder that leads out of that of the sweep is none that it made. */
function isRun(run: Partial<SweepRun> | null): boolean {
  const { dir, seed, set, command } = run ?? {};
  const words = Array.isArray(command) && command.every((word) => typeof word === "string");
  const inside = typeof dir === "string" && /^[^/\\]+$/.test(dir) && dir !== "." && dir !== "..";
  return inside && words && Number.isSafeInteger(seed) && typeof set === "object" && set !== null;
}

/** How far a run has come: `not begun`; `not ended`, as it goes on somewhere or was killed; `not written`, as files are missing; or its
 *  outcome. */
export type Standing = "not begun" | "not ended" | "not written" | "stopped" | "failed" | "done";

/** How far the run of a folder has come. Throws FileAccessError. */
export function standingOf(run: string): Standing {
  const { outcome, missing } = howItEnded(run);
  if (outcome === undefined) return saidOf(run) ? "not ended" : "not begun";
  return missing ? "not written" : outcome as Standing;
}

/** A path without slashes at its end. */
export const withoutSlash = (path: string) => path.replace(/(?<=.)\/+$/, "");

/** A folder that a user names, as the folders of runs that it stands for. */
export interface NamedRuns {
  readonly path: string;
  /** That it is a sweep's, which has so many runs. */
  readonly sweep: boolean;
  readonly runs: readonly { readonly folder: string; readonly standing: Standing }[];
}

/** The runs that a folder stands for: those of a sweep, or itself. Throws FileAccessError. */
export function namedRuns(folder: string): NamedRuns {
  const path = withoutSlash(folder);
  const sweep = readSweep(path);
  const folders = sweep ? sweep.runs.map(({ dir }) => `${path}/${dir}`) : [path];
  return {
    path,
    sweep: sweep !== undefined,
    runs: folders.map((folder) => ({ folder, standing: standingOf(folder) })),
  };
}
