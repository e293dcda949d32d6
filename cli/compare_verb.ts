// What does `meta.ts compare DIR DIR …` do? Reads run folders, and those of sweeps, and prints how they differ.
import { namedRuns } from "../api/sweep_list.ts";
import { UseError } from "../runtime/errors.ts";
import { type CommandLine } from "./arguments.ts";
import { comparedLines, comparedText, readCompared } from "./compared_text.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Console } from "./console.ts";

/** Runs the verb; the exit code. Throws FileAccessError for what is no run folder, UseError for one that is given twice. */
export function compareVerb({ files, json }: CommandLine, console: Console): number {
  const named = files.map(namedRuns);
  const runs = readCompared(named);
  refuseTwice(named.flatMap(({ sweep, runs }, i) => {
    const begun = runs.filter(({ standing }) => standing !== "not begun");
    return sweep ? begun.map(({ folder }) => folder) : [files[i]!];
  }));
  if (json) { for (const line of comparedLines(runs)) console.out(`${JSON.stringify(line)}\n`); }
  else console.out(comparedText(runs));
  return exitCodes.done;
}

/** A run beside itself would be a setting of its own, and its differences 0. */
function refuseTwice(folders: readonly string[]): void {
  const places = new Set<string>();
  for (const folder of folders) {
    const place = Deno.realPathSync(folder);
    if (places.has(place)) throw new UseError(`\`${folder}\` is given twice`);
    places.add(place);
  }
}
