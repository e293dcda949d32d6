// How is a folder taken that is to be new? It is made, with those around it; one that is there is taken when nothing is in it.
import type { Disk } from "./disk.ts";
import { fileSystem, saysThat } from "./file_system.ts";
import { FileAccessError, fileAccessError } from "./files.ts";

/** Makes the folder; false where it is there and empty. `who` overwrites nothing: it is named where something is in the way. Throws
 *  FileAccessError. */
export function makeEmptyFolder(path: string, { disk, who }: { readonly disk: Disk; readonly who: string }): boolean {
  try {
    disk.makeFolder(path);
    return true;
  } catch (error) {
    if (saysThat(error, "NotFound")) {
      makeParents(path, disk);
      return true;
    }
    if (!saysThat(error, "AlreadyExists")) throw fileAccessError(error, { action: "write", path });
  }
  let empty: boolean;
  try {
    empty = fileSystem.readDirSync(path)[Symbol.iterator]().next().done === true;
  } catch (error) {
    if (saysThat(error, "NotADirectory")) {
      throw new FileAccessError(`\`${path}\` is a file, and a folder is to be made: name another one`);
    }
    throw fileAccessError(error, { action: "read", path });
  }
  if (empty) return false;
  throw new FileAccessError(
    `The folder \`${path}\` is not empty, and ${who} never overwrites anything: name another folder, or move that one`,
  );
}

/** Makes a folder with those around it. Throws FileAccessError. */
export function makeParents(path: string, disk: Disk): void {
  try {
    disk.makeFolder(path, { parents: true });
  } catch (error) {
    throw fileAccessError(error, { action: "write", path });
  }
}
