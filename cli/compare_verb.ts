// What does `meta.ts compare DIR DIR …` do? Reads run folders, and those of sweeps, and prints how they differ.
import { runsNamed } from "../api/run_folders.ts";
import { type CommandLine } from "./arguments.ts";
import { comparedLines, comparedText, readCompared } from "./compared_text.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Console } from "./console.ts";

/** Runs the verb; the exit code. Throws FileAccessError for what is no run folder, UseError for one that is given twice. */
export function compareVerb({ files, json }: CommandLine, console: Console): number {
  const runs = readCompared(runsNamed(files));
  if (json) { for (const line of comparedLines(runs)) console.out(`${JSON.stringify(line)}\n`); }
  else console.out(comparedText(runs));
  return exitCodes.done;
}
