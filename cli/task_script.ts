// Which functions make tasks, when a script is named on the command line? The default export of the script: an object of functions by the
// names of tasks. A program alone runs no code; whoever names a script asks for it.
import { createHash } from "node:crypto";
import { pathToFileURL } from "node:url";
import { checkHostTasks } from "../api/arrays.ts";
import { UseError } from "../runtime/errors.ts";
import type { HostTasks } from "../runtime/loop/host_tasks.ts";
import { fileAccessError } from "../runtime/record/files.ts";
import type { CommandLine } from "./arguments.ts";

/** A script and what it exports. */
export interface TaskScript {
  readonly tasks: HostTasks;
  /** Where it lies, its links followed, and what it holds: the file itself, not what it imports. */
  readonly path: string;
  readonly sha256: string;
}

const example = "export default { episode: ({ index, step }) => ({ … }) }";

/** The script that a command line names. Throws FileAccessError where it cannot be read, UseError where it does not load or exports no
 *  functions. */
export async function namedScript({ tasksFile }: CommandLine): Promise<TaskScript | undefined> {
  return tasksFile === undefined ? undefined : await loadTaskScript(tasksFile);
}

/** The tasks that a script makes, for the compiler. */
export const namesOf = (script: TaskScript | undefined) => script ? { tasks: Object.keys(script.tasks) } : {};

async function loadTaskScript(file: string): Promise<TaskScript> {
  const { path, bytes } = readScript(file);
  let tasks: unknown;
  try {
    tasks = (await import(pathToFileURL(path).href)).default;
  } catch (error) {
    if (error instanceof Deno.errors.NotCapable) throw fileAccessError(error, { action: "read", path: file });
    throw new UseError(`\`${file}\` does not load: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (typeof tasks !== "object" || tasks === null) {
    throw new UseError(`\`${file}\` has no default export of functions that make tasks: write \`${example}\``);
  }
  try {
    checkHostTasks(tasks as HostTasks);
  } catch (error) {
    throw new UseError(`\`${file}\`: ${(error as Error).message}`);
  }
  return { tasks: tasks as HostTasks, path, sha256: createHash("sha256").update(bytes).digest("hex") };
}

function readScript(file: string): { readonly path: string; readonly bytes: Uint8Array } {
  try {
    return { path: Deno.realPathSync(file), bytes: Deno.readFileSync(file) };
  } catch (error) {
    throw fileAccessError(error, { action: "read", path: file });
  }
}
