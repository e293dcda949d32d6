// How is a file written so that a crash never leaves half of it, and how is a refusal said? The only place that writes
// whole files for a run.
import { platform } from "../platform.ts";
import type { Disk, OpenFile } from "./disk.ts";
import { saysThat } from "./file_system.ts";

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
 *
 *  @category Diagnostics and errors
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
  if (saysThat(error, "NotCapable")) {
    const named = at.folder ?? path;
    // to give a file its name takes the permission to read it, too; under /dev and /proc all permissions are needed
    const missing = /^Requires (read|write|all) access/.exec((error as Error).message)?.[1] ?? action;
    const what = platform === "Node" ? `fs-${missing}` : missing;
    const flag = missing === "all" ? "--allow-all" : `--allow-${what}=${/\s/.test(named) ? `"${named}"` : named}`;
    return new FileAccessError(`${text}: ${platform} was not given the permission; add ${flag}`);
  }
  const reason = reasons.find(([test]) => test(error))?.[1];
  const said = reason ?? (error instanceof Error ? error.message : String(error));
  return new FileAccessError(`${text}: ${said}`, { cause: error });
}

const reasons: readonly (readonly [(error: unknown) => boolean, string])[] = [
  [(e) => saysThat(e, "NotFound"), "there is no such file or folder"],
  [(e) => saysThat(e, "PermissionDenied"), "the operating system refuses it"],
  [(e) => saysThat(e, "IsADirectory"), "it is a folder"],
  [(e) => saysThat(e, "NotADirectory"), "a part of the path is not a folder"],
  [(e) => hasCode(e, "ELOOP"), "it is a link that leads to itself"],
  [(e) => hasCode(e, "ENAMETOOLONG"), "its name is too long"],
  [(e) => saysThat(e, "BrokenPipe"), "who reads it has gone"],
  [(e) => hasCode(e, "ENOSPC"), "the disk is full"],
  [(e) => hasCode(e, "EDQUOT"), "the disk quota is used up"],
  [(e) => hasCode(e, "EROFS"), "the file system is read-only"],
];

// there are no error classes for these
function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (error as Error & { code?: string }).code === code;
}

/** The disk has no room: what gives way may make some. */
export const isFull = (error: unknown): boolean => hasCode(error, "ENOSPC") || hasCode(error, "EDQUOT");

/** The disk itself is why it could not be written: no other name and no permission would have helped. */
export function isDiskFailure({ cause }: FileAccessError): boolean {
  return isFull(cause) || hasCode(cause, "EIO");
}

/** How `writeFileSafely` writes. */
export interface SafeWriting {
  readonly disk: Disk;
  /** Takes something away that may be lost, for a file of so many bytes; false where there is nothing left. */
  readonly makeRoom?: (bytes: number) => boolean;
}

/** Writes a file so that its name holds either the whole content or what it held before: a temporary file beside it,
 *  synced, renamed, and the folder synced. Throws FileAccessError; then the temporary file is gone. */
export function writeFileSafely(
  path: string,
  chunks: readonly Uint8Array[],
  { disk, makeRoom = () => false }: SafeWriting,
): void {
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  for (;;) {
    try {
      writeBeside(path, chunks, disk);
      return disk.syncFolder(folderOf(path));
    } catch (error) {
      if (isFull(error) && makeRoom(bytes)) continue;
      const folder = folderOf(path).replace(/(?<=.)[/\\]$/, "");
      throw fileAccessError(error, { action: "write", path, folder });
    }
  }
}

function writeBeside(path: string, chunks: readonly Uint8Array[], disk: Disk): void {
  const temporary = `${path}.tmp`;
  const file = disk.open(temporary, "new");
  try {
    try {
      for (const chunk of chunks) writeAll(file, chunk);
      file.sync();
    } finally {
      file.close();
    }
    disk.rename(temporary, path);
  } catch (error) {
    removeQuietly(temporary, disk);
    throw error;
  }
}

/** Writes all bytes; `write` may write fewer than it is given. `taken` is told of every part. */
export function writeAll(
  file: Pick<OpenFile, "write">,
  bytes: Uint8Array,
  taken: (count: number) => void = () => {},
): void {
  for (let done = 0; done < bytes.length;) {
    const count = file.write(bytes.subarray(done));
    if (count === 0) throw new Error("the system takes no more bytes");
    done += count;
    taken(count);
  }
}

/** Makes a folder where there is none, but not those around it: one that was removed stays so. Throws FileAccessError. */
export function makeFolder(path: string, disk: Disk): void {
  try {
    disk.makeFolder(path);
  } catch (error) {
    if (!saysThat(error, "AlreadyExists")) throw fileAccessError(error, { action: "write", path });
  }
}

/** Removes a file that is of no use any more, and in nobody's way; false where it stays. */
export function removeQuietly(path: string, disk: Disk): boolean {
  try {
    disk.remove(path);
    return true;
  } catch (error) {
    return saysThat(error, "NotFound");
  }
}

function folderOf(path: string): string {
  const end = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\"));
  return end < 0 ? "." : path.slice(0, end + 1);
}
