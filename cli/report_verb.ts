// What does `meta.ts report DIR [DIR …] [--out FILE.html]` do? It writes a page about runs, from the folders that `--out` made.
import { dirname } from "node:path";
import { reportRuns } from "../api/report_runs.ts";
import { pageStart } from "../draw/html_report.ts";
import { formatBytes } from "../runtime/bytes.ts";
import { FileAccessError, fileAccessError } from "../runtime/record/files.ts";
import type { CommandLine } from "./arguments.ts";
import type { Console } from "./console.ts";
import { exitCodes } from "./exit_codes.ts";

/** Where the page goes when nothing is said. */
const usualFile = "report.html";

/** Runs the verb; the exit code. Throws FileAccessError for what is no run folder, and for a file that cannot be written or is no report. */
export async function reportVerb({ files, out = usualFile }: CommandLine, console: Console): Promise<number> {
  const before = whatIsAt(out);
  const page = new TextEncoder().encode(await reportRuns(files));
  try {
    Deno.writeFileSync(out, page, { createNew: before !== "report" });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw fileAccessError(error, { action: "write", path: out });
    throw before === "unknown"
      ? new FileAccessError(
        `\`${out}\` is there, and may not be looked at: add --allow-read=${out} to write over a report`,
      )
      : taken(out);
  }
  console.out(`${out}: ${formatBytes(page.length)}\n`);
  return exitCodes.done;
}

/** What has the name now: nothing, a report (or an empty file) that may be written over, or what may not be looked at. Throws
 *  FileAccessError where it is something else, or there is no such folder. */
function whatIsAt(path: string): "nothing" | "report" | "unknown" {
  try {
    const { isFile, size } = Deno.statSync(path);
    if (!isFile) {
      throw new FileAccessError(`Cannot write \`${path}\`: it is no file; --out names the page, such as ${usualFile}`);
    }
    if (size > 0 && !beginsAsReport(path)) throw taken(path);
    return "report";
  } catch (error) {
    if (error instanceof FileAccessError) throw error;
    if (!(error instanceof Deno.errors.NotFound)) return "unknown";
    refuseMissingFolder(path);
    return "nothing";
  }
}

const taken = (path: string) =>
  new FileAccessError(
    `\`${path}\` is there and is no report, and only a report is written over: name another file with --out`,
  );

function beginsAsReport(path: string): boolean {
  using file = Deno.openSync(path);
  const bytes = new Uint8Array(pageStart.length);
  const count = file.readSync(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, count)) === pageStart;
}

function refuseMissingFolder(path: string): void {
  const folder = dirname(path);
  try {
    Deno.statSync(folder);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) return;
    throw new FileAccessError(`Cannot write \`${path}\`: there is no folder \`${folder}\``);
  }
}
