// How is a file read that somebody named? Only when it is a regular one of a size that is looked at first: a pipe waits for
// ever, and a device never ends. Used for everything that the product reads for a program.
import { fileSystem, saysThat } from "../runtime/record/file_system.ts";
import { FileAccessError, fileAccessError } from "../runtime/record/files.ts";

/** How a file is read. */
export interface RegularFileOptions {
  /** Is asked before it is read: whether a file of so many bytes is. */
  take(bytes: number): boolean;
  /** What the flag of a missing permission should name. */
  readonly folder: string;
  /** Where so many bytes may be read to; plain memory when not given. */
  readonly room?: (bytes: number) => Uint8Array<ArrayBuffer>;
}

/** The bytes of a regular file; undefined when it is not taken. Throws FileAccessError that says why it is not read, and
 *  what the system says, NotFound, when there is none. */
export function readRegularFile(
  path: string,
  { take, folder, room = (bytes) => new Uint8Array(bytes) }: RegularFileOptions,
): Uint8Array | undefined {
  const refusal = (why: string) => new FileAccessError(`Cannot read \`${path}\`: ${why}`);
  try {
    // opening a pipe waits for who writes to it: so it is looked at before
    const { size, ...kind } = fileSystem.statSync(path);
    const other = kinds.find((k) => kind[k.is]);
    if (!kind.isFile) throw refusal(other?.why ?? "it is no regular file");
    if (!take(size)) return undefined;
    const file = fileSystem.openSync(path, { read: true });
    // one byte more, to see the end
    const bytes = room(size + 1);
    let length = 0;
    try {
      if (!file.statSync().isFile) throw refusal("it was replaced while it was opened");
      while (length < bytes.length) {
        const read = file.readSync(bytes.subarray(length));
        if (read === null) break;
        length += read;
      }
    } finally {
      file.close();
    }
    if (length !== size) {
      throw refusal(
        `it has ${
          length > size ? "more" : "fewer"
        } bytes than its size of ${size}: it changes, or is no file on a disk`,
      );
    }
    return bytes.subarray(0, size);
  } catch (error) {
    if (saysThat(error, "NotFound")) throw error;
    throw fileAccessError(error, { action: "read", path, folder });
  }
}

const onlyFiles = "and only regular files are read";

/** What a path may lead to that is no regular file. */
const kinds = [
  { is: "isDirectory", why: "it is a folder" },
  { is: "isFifo", why: `it is a pipe, ${onlyFiles}: save what comes through it to a file` },
  { is: "isSocket", why: `it is a socket, ${onlyFiles}` },
  { is: "isCharDevice", why: `it is a device, ${onlyFiles}` },
  { is: "isBlockDevice", why: `it is a device, ${onlyFiles}` },
] as const;
