// From where may a script let a run go on? From the bytes of a checkpoint, a run, or a run folder or file of the command line.
import { UseError } from "../runtime/errors.ts";
import { type Checkpoint, CheckpointError, decodeCheckpoint } from "../runtime/record/checkpoint_bytes.ts";
import { newestCheckpoint } from "../runtime/record/checkpoints.ts";
import { fileSystem } from "../runtime/record/file_system.ts";
import { FileAccessError, fileAccessError } from "../runtime/record/files.ts";
import type { RunState } from "../runtime/loop/run_state.ts";
import { pathOf } from "./paths.ts";
import type { Run } from "./run.ts";

/** Where a run goes on: see `RunOptions.resume`.
 *
 *  @category Run */
export type Resume = Uint8Array | Run | string | URL;

/** Where a run may go on. */
export interface ResumeFrom {
  /** What is there last. */
  readonly newest: Checkpoint;
  /** The last one that fits. `fitting` says where a run goes on from one, or why it does not and may from an earlier one; it throws where
   *  it may from none, and so does this. */
  choose(fitting: (checkpoint: Checkpoint, where: string) => RunState | string): Checkpoint;
}

/** Opens what a script gives. Throws TypeError for what is no checkpoint, is damaged, cut off or of a later version; FileAccessError for
 *  what cannot be read. */
export function openResume(resume: Resume): ResumeFrom {
  if (typeof resume === "string" || resume instanceof URL) {
    const path = resume instanceof URL ? pathOf(resume) : resume.replace(/(?<=.)\/+$/, "");
    return isFolder(path) ? inFolder(path) : single(readBytes(path), `\`${path}\``);
  }
  if (resume instanceof Uint8Array) return single(resume, "The checkpoint");
  if (typeof (resume as Partial<Run> | undefined)?.checkpoint === "function") {
    return single(resume.checkpoint(), "The checkpoint");
  }
  throw new TypeError("`resume` must be the bytes of a checkpoint, a run, or the path of a run folder");
}

function single(bytes: Uint8Array, where: string): ResumeFrom {
  let newest: Checkpoint;
  try {
    newest = decodeCheckpoint(bytes);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    throw new TypeError(`${where} cannot be gone on from: ${error.message}`);
  }
  return {
    newest,
    choose(fitting) {
      const state = fitting(newest, where);
      if (typeof state === "string") throw new UseError(state);
      return { ...newest, state };
    },
  };
}

function inFolder(path: string): ResumeFrom {
  const choose: ResumeFrom["choose"] = (fitting) => {
    const found = newestCheckpoint(path, (checkpoint, file) => fitting(checkpoint, `\`${file}\``));
    if (!found) throw new FileAccessError(`There is no checkpoint in \`${path}\``);
    return found;
  };
  return { newest: choose(({ state }) => state), choose };
}

function isFolder(path: string): boolean {
  try {
    return fileSystem.statSync(path).isDirectory;
  } catch (error) {
    throw fileAccessError(error, { action: "read", path });
  }
}

function readBytes(path: string): Uint8Array {
  try {
    return fileSystem.readFileSync(path);
  } catch (error) {
    throw fileAccessError(error, { action: "read", path });
  }
}
