// Which files may a program read? Those of the root file's own folder: paths and symbolic links that leave it are refused
// before anything is read. Used by the command line and by `compileFile`; `compile` gets its files from the caller.
import { createHash } from "node:crypto";
import { basename, dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { SourceText } from "../dsl/text/source.ts";
import { formatBytes } from "../runtime/bytes.ts";
import { FileAccessError, fileAccessError } from "../runtime/record/files.ts";
import { readRegularFile } from "./regular_file.ts";

/** A program on disk: its root text, and readers for what it imports and loads. Both readers take paths relative to the
 *  folder, give undefined when there is no such file, and throw FileAccessError when it may not be read. */
export interface ProgramFiles {
  readonly root: SourceText;
  /** As given on the command line. */
  readonly folder: string;
  readSource(path: string): string | undefined;
  /** `take` is asked before a file is read: undefined, too, when it says no. */
  readData(path: string, take?: (bytes: number) => boolean): Uint8Array | undefined;
  /** True when Deno did not permit a reading. */
  permissionMissing(): boolean;
  /** What `readSource` gave out so far, by path. */
  readonly sourcesRead: ReadonlyMap<string, string>;
  /** What `readData` gave out so far. */
  readonly dataRead: readonly DataFileFacts[];
}

/** What a run folder says about a data file. */
export interface DataFileFacts {
  readonly path: string;
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
}

/** Sources are small; a larger file is a mistake (a data file named on the command line). Bytes. */
const largestSource = 16e6;

/** Opens the root file. Throws FileAccessError when it cannot be read, with the cure where there is one. */
export function openProgramFiles(file: string | URL): ProgramFiles {
  const path = file instanceof URL ? fileURLToPath(file) : file;
  const folder = dirname(path);
  const sourcesRead = new Map<string, string>();
  const dataRead: DataFileFacts[] = [];
  let realFolder: string | undefined;
  let permissionMissing = false;

  function read(relative: string, take: (bytes: number) => boolean) {
    refuseOutside(relative);
    const full = join(folder, relative);
    const at = { action: "read" as const, path: full, folder };
    try {
      realFolder ??= Deno.realPathSync(folder);
      const real = Deno.realPathSync(full);
      const prefix = realFolder.endsWith(sep) ? realFolder : realFolder + sep;
      if (!real.startsWith(prefix)) {
        throw new FileAccessError(
          `\`${relative}\` is a link out of the program's folder, which a program may not leave`,
        );
      }
      return readRegularFile(full, { take, folder });
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      permissionMissing ||= error instanceof Deno.errors.NotCapable;
      throw fileAccessError(error, at);
    }
  }
  return {
    root: { name: basename(path), text: decodeSource(path, readRoot(path, folder)) },
    folder,
    permissionMissing: () => permissionMissing,
    sourcesRead,
    dataRead,
    readSource(relative) {
      const bytes = read(relative, takeSource(relative));
      if (!bytes) return undefined;
      const text = decodeSource(relative, bytes);
      sourcesRead.set(relative, text);
      return text;
    },
    readData(relative, take = () => true) {
      const bytes = read(relative, take);
      if (bytes && !dataRead.some((d) => d.path === relative)) {
        const sha256 = createHash("sha256").update(bytes).digest("hex");
        dataRead.push({ path: relative, bytes: bytes.length, sha256 });
      }
      return bytes;
    },
  };
}

function readRoot(path: string, folder: string): Uint8Array {
  try {
    return readRegularFile(path, { take: takeSource(path), folder })!;
  } catch (error) {
    throw fileAccessError(error, { action: "read", path, folder });
  }
}

/** Paths come checked from the front end; this is the second lock on the same door. */
function refuseOutside(relative: string): void {
  const outside = relative === "" || relative.startsWith("/") || /[\\\0]/.test(relative) ||
    /^[A-Za-z][A-Za-z0-9+.-]*:/.test(relative) || relative.split("/").includes("..");
  if (outside) throw new FileAccessError(`\`${relative}\` lies outside of the program's folder`);
}

/** Takes a file of so many bytes as a program, or throws FileAccessError. */
function takeSource(name: string): (bytes: number) => true {
  return (bytes) => {
    if (bytes <= largestSource) return true;
    throw new FileAccessError(`\`${name}\` has ${formatBytes(bytes)}, which is too long for a program`);
  };
}

/** UTF-8 text without a byte order mark. Throws FileAccessError for anything else. */
export function decodeSource(name: string, bytes: Uint8Array): string {
  takeSource(name)(bytes.length);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new FileAccessError(`\`${name}\` is not UTF-8 text`);
  }
}
