// How is a file written so that a crash never leaves half of it, and how is a refusal said? The only place that writes
// whole files for a run.

/** A file or folder could not be read or written. The message is for the user and holds the cure where there is one.
 *
 *  ```ts
 *  import { compileFile, FileAccessError } from "../../mod.ts";
 *
 *  try {
 *    compileFile("no/such/program.meta");
 *  } catch (error) {
 *    if (error instanceof FileAccessError) console.log(error.message);
 *  }
 *  ```
 */
export class FileAccessError extends Error {
  /** Tells it from other errors. */
  override readonly name = "FileAccessError";
}

/** What was tried on a path. */
export type FileAction = "read" | "write";

/** The error for what the system said about a path. `folder` is what the permission flag should name; the path itself
 *  when not given. */
export function fileAccessError(
  error: unknown,
  at: { readonly action: FileAction; readonly path: string; readonly folder?: string },
): FileAccessError {
  const { action, path } = at;
  const text = `Cannot ${action} \`${path}\``;
  if (error instanceof FileAccessError) return error;
  if (error instanceof Deno.errors.NotCapable) {
    const named = at.folder ?? path;
    const flag = `--allow-${action}=${/\s/.test(named) ? `"${named}"` : named}`;
    return new FileAccessError(`${text}: Deno was not given the permission; add ${flag}`);
  }
  const reason = reasons.find(([test]) => test(error))?.[1];
  return new FileAccessError(`${text}: ${reason ?? (error instanceof Error ? error.message : String(error))}`);
}

const reasons: readonly (readonly [(error: unknown) => boolean, string])[] = [
  [(e) => e instanceof Deno.errors.NotFound, "there is no such file or folder"],
  [(e) => e instanceof Deno.errors.PermissionDenied, "the operating system refuses it"],
  [(e) => e instanceof Deno.errors.IsADirectory, "it is a folder"],
  [(e) => e instanceof Deno.errors.NotADirectory, "a part of the path is not a folder"],
  [(e) => hasCode(e, "ELOOP"), "it is a link that leads to itself"],
  [(e) => hasCode(e, "ENAMETOOLONG"), "its name is too long"],
  [(e) => hasCode(e, "ENOSPC"), "the disk is full"],
  [(e) => hasCode(e, "EDQUOT"), "the disk quota is used up"],
  [(e) => hasCode(e, "EROFS"), "the file system is read-only"],
];

// Deno has no error classes for these
function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as Error & { code?: string }).code === code;
}

/** Writes a file so that its name holds either the whole content or what it held before: a temporary file beside it,
 *  synced, renamed, and the folder synced. Throws FileAccessError; then the temporary file is gone. */
export function writeFileSafely(path: string, chunks: readonly Uint8Array[]): void {
  const temporary = `${path}.tmp`;
  try {
    const file = Deno.openSync(temporary, { write: true, createNew: true });
    try {
      for (const chunk of chunks) writeAll(file, chunk);
      file.syncSync();
    } finally {
      file.close();
    }
    Deno.renameSync(temporary, path);
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) removeQuietly(temporary);
    throw fileAccessError(error, { action: "write", path });
  }
  syncFolder(path);
}

/** Writes all bytes; `writeSync` may write fewer than it is given. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // it was never made
  }
}

/** Makes the rename itself survive a power loss. Needs the permission to read the folder; without it the file is whole
 *  all the same. */
function syncFolder(path: string): void {
  const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  try {
    using folder = Deno.openSync(end < 0 ? "." : path.slice(0, end + 1), { read: true });
    folder.syncSync();
  } catch {
    // not every system lets a folder be opened
  }
}
