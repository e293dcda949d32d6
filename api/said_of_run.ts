// What does a run folder say of its run? What it was run with, where its data lay and how it ended.
import { fileSystem, saysThat } from "../runtime/record/file_system.ts";
import { FileAccessError, fileAccessError } from "../runtime/record/files.ts";
import type { DataFileFacts } from "./program_files.ts";

/** What a run folder says of its run. */
export interface SaidOfRun {
  readonly program: string;
  readonly folder?: string;
  readonly inputs: Readonly<Record<string, number | string | boolean>>;
  readonly seed: number;
  readonly backend: string;
  readonly precision?: "f32" | "f64";
  readonly memory: number | null;
  /** Those that were given, infinity as a text. */
  readonly limits?: Readonly<Record<string, number | string>>;
  readonly dataFolder: string | null;
  readonly data: readonly DataFileFacts[];
  readonly imports?: readonly { readonly stored: string }[];
  readonly versions?: { readonly meta?: string };
  /** The script that makes its tasks. */
  readonly tasks?: { readonly path: string; readonly sha256: string } | null;
  /** What a script gave it, which the folder does not hold. */
  readonly byScript?: readonly string[];
}

/** What the folder says; undefined where it is no run folder. Throws FileAccessError. */
export function saidOf(run: string): SaidOfRun | undefined {
  return readJson(`${run}/effective.json`) as SaidOfRun | undefined;
}

/** What a folder that a user names says of its run. Throws FileAccessError where it is no run folder, with what it is. */
export function knownRun(folder: string): SaidOfRun {
  const said = saidOf(folder);
  if (said) return said;
  throw new FileAccessError(`\`${folder}\` is no run folder: ${whyNone(folder)}`);
}

/** What a path leads to; undefined where that is not known. */
export function whatIsAt(path: string): "folder" | "file" | "nothing" | undefined {
  try {
    return fileSystem.statSync(path).isDirectory ? "folder" : "file";
  } catch (error) {
    return saysThat(error, "NotFound") || saysThat(error, "NotADirectory") ? "nothing" : undefined;
  }
}

function whyNone(folder: string): string {
  const there = whatIsAt(folder);
  if (there === "file") return "it is a file";
  if (there === "nothing") return "there is no such folder";
  if (readJson(`${folder}/sweep.json`)) return "it is that of a sweep, whose runs have a folder each";
  return "it has no `effective.json`";
}

/** How the run ended, as far as it has. Throws FileAccessError. */
export function howItEnded(run: string): { readonly outcome?: string; readonly missing?: readonly string[] } {
  return readJson(`${run}/summary.json`) ?? {};
}

/** What is in a file of a run folder, or of `folder`; undefined where it is not there. Throws FileAccessError. */
export function readJson(path: string, folder = path): object | undefined {
  let text: string;
  try {
    text = fileSystem.readTextFileSync(path);
  } catch (error) {
    if (saysThat(error, "NotFound") || saysThat(error, "NotADirectory")) return undefined;
    throw fileAccessError(error, { action: "read", path, folder });
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new FileAccessError(`\`${path}\` is not what a run writes: it is no JSON`);
  }
}
