// What does a run folder say before its run? The program with its imports, and all that it is run with.
import type { CompileOutput } from "../dsl/compile.ts";
import type { SourceText } from "../dsl/text/source.ts";
import { outputNames } from "../runtime/program/program.ts";
import { runtimeVersions } from "../runtime/platform.ts";
import { fileSystem } from "../runtime/record/file_system.ts";
import { type Json, jsonNumber } from "../runtime/record/metrics.ts";
import type { RunFolderContents } from "../runtime/record/run_folder.ts";
import type { Limits } from "../runtime/limits.ts";
import { identityOf, type RunOf } from "./going_on.ts";
import type { DataFileFacts } from "./program_files.ts";
import { version } from "./version.ts";

/** A run that is to be kept. */
export interface KeptRun extends RunOf {
  readonly root: SourceText;
  readonly output: Pick<CompileOutput, "imports">;
  /** The texts of its imports, by their paths; what the program has compiled when not given. */
  readonly imports?: ReadonlyMap<string, string>;
  /** The folder that its program lies in; none of a program that is a text. */
  readonly folder: string | undefined;
  readonly backendWhy: string;
  /** Those that were given. */
  readonly limits: Partial<Limits>;
  readonly dataFolder: string | undefined;
  readonly data: readonly DataFileFacts[];
  readonly tasks: { readonly path: string; readonly sha256: string } | undefined;
  /** What a script gave, which only a script can give again. */
  readonly byScript?: readonly string[];
}

/** What the folder of a run says before it. */
export function contentsOf(run: KeptRun): RunFolderContents {
  const { root, output, program, inputs, seed, backend, folder, data, tasks, byScript = [] } = run;
  const of = identityOf(run);
  return {
    root: root.text,
    imports: run.imports ?? new Map(output.imports.map(({ name, text }) => [name, text])),
    outputs: outputNames(program),
    of,
    effective: {
      program: root.name,
      ...(folder === undefined ? {} : { folder }),
      inputs,
      seed,
      backend,
      backendWhy: run.backendWhy,
      precision: program.precision,
      memory: of.memory,
      limits: jsonLimits(run.limits),
      versions: { meta: version, ...runtimeVersions() },
      dataFolder: run.dataFolder ?? null,
      data: data.map((file) => ({ ...file })),
      tasks: tasks ? { ...tasks } : null,
      ...(byScript.length > 0 ? { byScript } : {}),
      began: new Date().toISOString(),
    },
  };
}

/** Limits as `effective.json` has them. */
export const jsonLimits = (given: Partial<Limits>): { readonly [name: string]: Json } =>
  Object.fromEntries(Object.entries(given).map(([name, number]) => [name, jsonNumber(number)]));

/** Where a folder is, as far as that may be said: a run that goes on looks for its data there. */
export function realPathOf(folder: string): string {
  try {
    return fileSystem.realPathSync(folder);
  } catch {
    return folder;
  }
}
