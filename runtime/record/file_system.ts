// Which files are there? Those of Deno; in Node the same in Deno's words; in a page none. Everything that is read or written for a
// program, a run or a run folder goes through here; what a run writes goes through `disk.ts` to here.
import { builtin, platform } from "../platform.ts";

/** What is at a path. */
export interface FileFacts {
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isFifo: boolean | null;
  readonly isSocket: boolean | null;
  readonly isCharDevice: boolean | null;
  readonly isBlockDevice: boolean | null;
  readonly size: number;
  readonly ino: number | null;
  readonly dev: number;
  readonly nlink: number | null;
}

/** What lies in a folder. */
export interface FolderEntry {
  readonly name: string;
  readonly isFile: boolean;
  readonly isDirectory: boolean;
  readonly isSymlink: boolean;
}

/** A file that is open. */
export interface SystemFile {
  /** How many bytes were read; null at the end. */
  readSync(into: Uint8Array): number | null;
  /** How many bytes were taken. */
  writeSync(bytes: Uint8Array): number;
  syncSync(): void;
  truncateSync(length: number): void;
  /** Takes the file for this process. Node knows no such thing and says true. */
  tryLockSync(exclusive: boolean): boolean;
  statSync(): FileFacts;
  close(): void;
}

/** How a file is opened. */
export interface Opening {
  readonly read?: boolean;
  readonly append?: boolean;
  /** It must not be there yet. */
  readonly createNew?: boolean;
}

/** The operations that are used. Each throws what the system says: see `saysThat`. */
export interface FileSystem {
  statSync(path: string): FileFacts;
  realPathSync(path: string): string;
  readDirSync(path: string): Iterable<FolderEntry>;
  readFileSync(path: string): Uint8Array;
  readTextFileSync(path: string): string;
  openSync(path: string, opening: Opening): SystemFile;
  renameSync(from: string, to: string): void;
  removeSync(path: string): void;
  mkdirSync(path: string, options: { readonly recursive: boolean }): void;
}

/** What the system may say, and the codes by which Node says it. */
const failures = {
  NotFound: ["ENOENT"],
  AlreadyExists: ["EEXIST"],
  NotADirectory: ["ENOTDIR"],
  IsADirectory: ["EISDIR"],
  PermissionDenied: ["EACCES", "EPERM"],
  BrokenPipe: ["EPIPE"],
  /** The runtime was not given the permission. */
  NotCapable: ["ERR_ACCESS_DENIED"],
} as const;

/** True when an error of the file system says so. */
export function saysThat(error: unknown, what: keyof typeof failures): boolean {
  if (!(error instanceof Error)) return false;
  return error.name === what ||
    (failures[what] as readonly (string | undefined)[]).includes((error as { code?: string }).code);
}

/** What is asked for files in a page. */
class NoFiles extends Error {
  override readonly message = "a page has no files: `compile` takes the text, `data` its arrays, `read` what it names";
}

type NodeFiles = typeof import("node:fs");
type NodeStats = ReturnType<NodeFiles["fstatSync"]>;

const factsOf = (stats: NodeStats): FileFacts => ({
  isFile: stats.isFile(),
  isDirectory: stats.isDirectory(),
  isFifo: stats.isFIFO(),
  isSocket: stats.isSocket(),
  isCharDevice: stats.isCharacterDevice(),
  isBlockDevice: stats.isBlockDevice(),
  size: Number(stats.size),
  ino: Number(stats.ino),
  dev: Number(stats.dev),
  nlink: Number(stats.nlink),
});

function fileOfNode(fs: NodeFiles, descriptor: number): SystemFile {
  return {
    readSync: (into) => fs.readSync(descriptor, into) || (into.length === 0 ? 0 : null),
    writeSync: (bytes) => fs.writeSync(descriptor, bytes),
    syncSync: () => fs.fsyncSync(descriptor),
    truncateSync: (length) => fs.ftruncateSync(descriptor, length),
    tryLockSync: () => true,
    statSync: () => factsOf(fs.fstatSync(descriptor)),
    close: () => fs.closeSync(descriptor),
  };
}

/** Files of Node, in Deno's words. */
export function filesOfNode(fs: NodeFiles): FileSystem {
  return {
    statSync: (path) => factsOf(fs.statSync(path)),
    realPathSync: (path) => fs.realpathSync.native(path),
    readDirSync: (path) =>
      fs.readdirSync(path, { withFileTypes: true }).map((entry) => ({
        name: entry.name,
        isFile: entry.isFile(),
        isDirectory: entry.isDirectory(),
        isSymlink: entry.isSymbolicLink(),
      })),
    // a `Buffer` is no plain array: its `slice` copies nothing
    readFileSync: (path) => new Uint8Array(fs.readFileSync(path)),
    readTextFileSync: (path) => fs.readFileSync(path, "utf8"),
    openSync: (path, { append, createNew }) =>
      fileOfNode(
        fs,
        fs.openSync(path, append ? (createNew ? "ax" : fs.constants.O_WRONLY | fs.constants.O_APPEND) : "r"),
      ),
    renameSync: (from, to) => fs.renameSync(from, to),
    removeSync: (path) => fs.lstatSync(path).isDirectory() ? fs.rmdirSync(path) : fs.unlinkSync(path),
    mkdirSync: (path, { recursive }) => void fs.mkdirSync(path, { recursive }),
  };
}

/** Throws at whatever is asked. */
const noFiles = new Proxy({} as FileSystem, {
  get: () => () => {
    throw new NoFiles();
  },
});

/** The files of this machine. */
export const fileSystem: FileSystem = platform === "Deno"
  ? Deno
  : platform === "Node"
  ? filesOfNode(builtin<NodeFiles>("node:fs")!)
  : noFiles;
