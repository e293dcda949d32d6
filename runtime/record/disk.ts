// What does a run do to the disk? Every operation that changes something there, one by one: those of the system, or others that tests
// put in their place.
import { fileSystem, saysThat, type SystemFile } from "./file_system.ts";

/** A file that a run writes. Each method throws what the system says. */
export interface OpenFile {
  /** Appends; how many of the bytes were taken, which may be fewer than were given. */
  write(bytes: Uint8Array): number;
  /** What was written survives a loss of power. */
  sync(): void;
  truncate(length: number): void;
  /** Takes the file for this process, until it is closed; false where another one has it. */
  lock(): boolean;
  /** False where the file was removed, or another one has its name now: nobody would find what is written. `length`: its bytes. */
  inPlace(length: number): boolean;
  close(): void;
}

/** Where a run writes. Each method throws what the system says. */
export interface Disk {
  /** Opens a file to append to; "new": one that is not there yet. */
  open(path: string, which: "new" | "there"): OpenFile;
  rename(from: string, to: string): void;
  /** Removes a file or an empty folder. */
  remove(path: string): void;
  /** Makes a folder that is not there yet; `parents`: also those around it, and it may be there. */
  makeFolder(path: string, options?: { readonly parents: boolean }): void;
  /** The names of what is in a folder survive a loss of power. */
  syncFolder(path: string): void;
}

/** The disk of this machine. */
export const systemDisk: Disk = {
  open(path, which) {
    const file = fileSystem.openSync(path, { append: true, createNew: which === "new" });
    return {
      write: (bytes) => file.writeSync(bytes),
      sync: () => file.syncSync(),
      truncate: (length) => file.truncateSync(length),
      lock: () => file.tryLockSync(true),
      inPlace: (length) => isAt(path, file, length),
      close: () => file.close(),
    };
  },
  rename: (from, to) => fileSystem.renameSync(from, to),
  remove: (path) => fileSystem.removeSync(path),
  makeFolder: (path, { parents } = { parents: false }) => fileSystem.mkdirSync(path, { recursive: parents }),
  syncFolder(path) {
    let folder: SystemFile;
    try {
      folder = fileSystem.openSync(path, { read: true });
    } catch {
      return; // not every system lets a folder be opened, and not every run may read: the file is whole all the same
    }
    try {
      folder.syncSync();
    } catch (error) {
      // some file systems know no such thing
      if (!["EINVAL", "ENOTSUP", "EBADF", "EACCES"].includes((error as { code?: string }).code ?? "")) throw error;
    } finally {
      folder.close();
    }
  },
};

/** Whether the name still leads to the open file, as far as Deno may see that. Where a server keeps a removed file under another name as
 *  long as it is open, the name says so; a file system that gives numbers to files as it likes tells another one by its length. */
function isAt(path: string, file: SystemFile, length: number): boolean {
  try {
    const there = fileSystem.statSync(path);
    const own = file.statSync();
    return own.nlink !== 0 && (there.ino === own.ino && there.dev === own.dev || there.size === length);
  } catch (error) {
    if (!saysThat(error, "NotCapable")) return !saysThat(error, "NotFound");
  }
  try {
    fileSystem.openSync(path, { append: true }).close();
    return true;
  } catch (error) {
    return !saysThat(error, "NotFound");
  }
}
