// Which files may a program read? Those of the root file's own folder, and data of another one that its caller names: paths and
// symbolic links that leave them are refused before anything is read. Used by the command line and by `compileFile`; `compile` gets
// its files from the caller.
import { roomFor } from "../dsl/data/data_files.ts";
import { findFiles } from "../dsl/data/file_names.ts";
import type { SourceText } from "../dsl/text/source.ts";
import { formatBytes } from "../runtime/bytes.ts";
import { fileSystem, saysThat } from "../runtime/record/file_system.ts";
import { FileAccessError, fileAccessError } from "../runtime/record/files.ts";
import { sha256Of } from "../runtime/sha256.ts";
import { basename, dirname, join, pathOf, sep } from "./paths.ts";
import { readRegularFile, type RegularFileOptions } from "./regular_file.ts";

/** A program on disk: its root text, and readers for what it imports and loads. Both readers take paths relative to the
 *  folder, give undefined when there is no such file, and throw FileAccessError when it may not be read. */
export interface ProgramFiles {
  readonly root: SourceText;
  /** As given on the command line. */
  readonly folder: string;
  readSource(path: string): string | undefined;
  /** `take` is asked before a file is read: undefined, too, when it says no. */
  readData(path: string, take?: (bytes: number) => boolean, of?: string): Uint8Array | undefined;
  /** The files that a pattern names, in order. Throws FileAccessError when a folder may not be listed. */
  findData(pattern: string, why?: "hint"): string[];
  /** True when Deno did not permit a reading. */
  permissionMissing(): boolean;
  /** What `readSource` gave out so far, by path. */
  readonly sourcesRead: ReadonlyMap<string, string>;
  /** What `readData` gave out so far. */
  readonly dataRead: readonly DataFileFacts[];
}

/** What a run folder says about a data file. */
export interface DataFileFacts {
  /** Of several files, their pattern. */
  readonly path: string;
  /** That it lies in, when that is not the program's. */
  readonly folder?: string;
  /** How many files there are, where it is a pattern. */
  readonly files?: number;
  readonly bytes: number;
  /** Hexadecimal; of several files, over a line for each, in order: its own one, and its path. */
  readonly sha256: string;
}

/** Sources are small; a larger file is a mistake (a data file named on the command line). Bytes. */
const largestSource = 16e6;

/** What may be read besides the program's folder. */
export interface ProgramFilesOptions {
  /** A folder in which data and starts are looked for, too. */
  readonly dataFolder?: string | URL | undefined;
  /** Of a program that was run before and is kept elsewhere now: its name, and the folder that it lay in, whose data it reads. */
  readonly before?: { readonly name: string; readonly folder: string } | undefined;
}

/** What lies elsewhere is waited for, and files of this machine are not. */
function refuseAddress(file: string | URL): void {
  const text = String(file);
  if (!/^https?:/i.test(text)) return;
  throw new FileAccessError(
    `\`${text}\` is an address, and files of this machine are read here: save it, or use \`await compileUrl(…)\` in a script`,
  );
}

/** Opens the root file. Throws FileAccessError when it, or the folder of data, cannot be read, with the cure where there is one. */
export function openProgramFiles(file: string | URL, { dataFolder, before }: ProgramFilesOptions = {}): ProgramFiles {
  refuseAddress(file);
  const path = pathOf(file);
  const folder = dirname(path);
  const sourcesRead = new Map<string, string>();
  const dataRead = new FactsOfData();
  let permissionMissing = false;
  const own = openFolder(folder, "the program's folder");
  const data = before ? openFolder(before.folder, `the folder \`${before.folder}\``) : own;
  const others = dataFolder === undefined ? [] : [openDataFolder(pathOf(dataFolder))];

  /** Where a file is, in the folders that it may be in; undefined where it is in none. */
  function read(
    relative: string,
    folders: readonly Folder[],
    how: Pick<RegularFileOptions, "take" | "room">,
  ) {
    refuseOutside(relative);
    let at = folders[0]!;
    try {
      const there = folders.flatMap((each) => {
        at = each;
        const real = each.locate(relative);
        return real === undefined ? [] : [{ real, at: each }];
      });
      const [first, second] = there;
      if (!first) return undefined;
      if (second && second.real !== first.real) {
        throw new FileAccessError(
          `\`${relative}\` lies in ${first.at.what} and in ${second.at.what}: rename or remove one, or name another folder`,
        );
      }
      at = first.at;
      const bytes = readRegularFile(join(at.path, relative), { ...how, folder: at.path });
      return bytes && { bytes, at };
    } catch (error) {
      if (saysThat(error, "NotFound")) return undefined;
      permissionMissing ||= saysThat(error, "NotCapable");
      throw fileAccessError(error, { action: "read", path: join(at.path, relative), folder: at.path });
    }
  }
  /** The names in a folder, those of folders with a `/`; undefined where there is none. */
  function namesIn(relative: string, at: Folder): string[] | undefined {
    // that of the program may be a link itself
    if (relative !== "" && at.locate(relative) === undefined) return undefined;
    return [...fileSystem.readDirSync(join(at.path, relative))].map(({ name, isDirectory, isSymlink }) => {
      const path = relative === "" ? name : `${relative}/${name}`;
      const folder = isDirectory || isSymlink && at.leadsToFolder(path);
      return folder ? `${name}/` : name;
    });
  }
  function list(relative: string, at: Folder): string[] | undefined {
    try {
      return namesIn(relative, at);
    } catch (error) {
      if (saysThat(error, "NotFound") || saysThat(error, "NotADirectory")) return undefined;
      permissionMissing ||= saysThat(error, "NotCapable");
      throw fileAccessError(error, { action: "read", path: join(at.path, relative), folder: at.path });
    }
  }
  return {
    root: { name: before?.name ?? basename(path), text: decodeSource(path, readRoot(path, folder)) },
    folder,
    permissionMissing: () => permissionMissing,
    sourcesRead,
    get dataRead() {
      return dataRead.all();
    },
    readSource(relative) {
      const found = read(relative, [own], { take: takeSource(relative) });
      if (!found) return undefined;
      const text = decodeSource(relative, found.bytes);
      sourcesRead.set(relative, text);
      return text;
    },
    readData(relative, take = () => true, of) {
      const room = (bytes: number) => roomFor(relative, bytes);
      const found = read(relative, [data, ...others], { take, room });
      if (found) dataRead.add({ path: relative, of, ...(found.at !== data && { folder: found.at.path }) }, found.bytes);
      return found?.bytes;
    },
    findData(pattern, why) {
      refuseOutside(pattern);
      const places = [data, ...others];
      if (why === "hint") return places.flatMap((at) => findFiles(pattern, (path) => namesIn(path, at)));
      const found = places.map((at) => ({ at, paths: findFiles(pattern, (path) => list(path, at)) }));
      const [first, second] = found.filter(({ paths }) => paths.length > 0);
      if (first && second && first.at.locate(first.paths[0]!) !== second.at.locate(second.paths[0]!)) {
        throw new FileAccessError(
          `files \`${pattern}\` lie in ${first.at.what} and in ${second.at.what}: rename or remove some, or name another folder`,
        );
      }
      return first?.paths ?? [];
    },
  };
}

/** What is said about the data that were read. */
class FactsOfData {
  readonly #single = new Map<string, DataFileFacts>();
  /** By pattern. */
  readonly #several = new Map<string, Map<string, DataFileFacts>>();

  add(
    { path, of, folder }: Pick<DataFileFacts, "path" | "folder"> & { readonly of: string | undefined },
    bytes: Uint8Array,
  ): void {
    const facts = of === undefined ? this.#single : this.#several.get(of) ?? new Map<string, DataFileFacts>();
    if (of !== undefined) this.#several.set(of, facts as Map<string, DataFileFacts>);
    if (facts.has(path)) return;
    const sha256 = sha256Of([bytes]);
    facts.set(path, { path, ...(folder !== undefined && { folder }), bytes: bytes.length, sha256 });
  }

  all(): DataFileFacts[] {
    const several = [...this.#several].map(([path, each]): DataFileFacts => {
      const sha256 = sha256Of([...each.values()].map((file) => `${file.sha256}  ${file.path}\n`));
      const [{ folder }] = each.values() as unknown as [DataFileFacts];
      const bytes = [...each.values()].reduce((n, file) => n + file.bytes, 0);
      return { path, ...(folder !== undefined && { folder }), files: each.size, bytes, sha256 };
    });
    return [...this.#single.values(), ...several];
  }
}

/** A folder that files are read from. */
interface Folder {
  readonly path: string;
  /** What it is called in messages. */
  readonly what: string;
  /** The place of a file without its links; undefined where there is none. Throws FileAccessError when that lies outside. */
  locate(relative: string): string | undefined;
  /** True for a link to a folder. Where it leads outside is seen when it is listed. */
  leadsToFolder(relative: string): boolean;
}

function openFolder(path: string, what: string): Folder {
  let realFolder: string | undefined;
  return {
    path,
    what,
    locate(relative) {
      try {
        realFolder ??= fileSystem.realPathSync(path);
        const real = fileSystem.realPathSync(join(path, relative));
        const prefix = realFolder.endsWith(sep) ? realFolder : realFolder + sep;
        if (real.startsWith(prefix)) return real;
      } catch (error) {
        if (saysThat(error, "NotFound")) return undefined;
        throw error;
      }
      throw new FileAccessError(`\`${relative}\` is a link out of ${what}, which a program may not leave`);
    },
    leadsToFolder(relative) {
      try {
        return fileSystem.statSync(join(path, relative)).isDirectory;
      } catch {
        return false; // whoever reads it is told why
      }
    },
  };
}

/** A folder of data, which must be there. */
function openDataFolder(path: string): Folder {
  try {
    if (fileSystem.statSync(path).isDirectory) return openFolder(path, `the data folder \`${path}\``);
  } catch (error) {
    throw fileAccessError(error, { action: "read", path, folder: path });
  }
  throw new FileAccessError(`Cannot read data from \`${path}\`: it is no folder`);
}

function readRoot(path: string, folder: string): Uint8Array {
  try {
    return readRegularFile(path, { take: takeSource(path), folder })!;
  } catch (error) {
    throw fileAccessError(error, { action: "read", path, folder });
  }
}

/** Paths come checked from the front end; this is the second lock on the same door. */
export function refuseOutside(relative: string): void {
  const outside = relative === "" || relative.startsWith("/") || /[\\\0]/.test(relative) ||
    /^[A-Za-z][A-Za-z0-9+.-]*:/.test(relative) || relative.split("/").includes("..");
  if (outside) throw new FileAccessError(`\`${relative}\` lies outside of the program's folder`);
}

/** Takes a file of so many bytes as a program, or throws FileAccessError. */
export function takeSource(name: string): (bytes: number) => true {
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
