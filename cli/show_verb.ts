// What does `meta.ts show DIR [DIR …]` print? What `report` writes to a page, for a terminal.
import { showRuns } from "../api/report_runs.ts";
import type { CommandLine } from "./arguments.ts";
import type { Console } from "./console.ts";
import { exitCodes } from "./exit_codes.ts";

/** Runs the verb; the exit code. Throws FileAccessError for what is no run folder, UseError for one that is given twice. */
export async function showVerb({ files }: CommandLine, console: Console): Promise<number> {
  console.out(await showRuns(files, { width: console.width(), color: console.outColor }));
  return exitCodes.done;
}
