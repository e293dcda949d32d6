// What does a run leave on disk, and in which order? The folder of `--out`: its log, which is taken first, what is run, then the metrics as
// they come, then the arrays, and `summary.json` last: where it stands and misses nothing, the folder is complete. Nothing there is ever
// overwritten.
import { fileSystem, type FolderEntry, saysThat } from "./file_system.ts";
import type { RunEvent } from "../loop/events.ts";
import type { RunResult } from "../loop/results.ts";
import type { Moment, RunState } from "../loop/run_state.ts";
import { openCheckpoints, removeNewer, type StoredCheckpoint } from "./checkpoints.ts";
import { type Disk, systemDisk } from "./disk.ts";
import type { RunIdentity } from "./identity.ts";
import { makeEmptyFolder, makeParents } from "./empty_folder.ts";
import { FileAccessError, fileAccessError, removeQuietly, writeFileSafely } from "./files.ts";
import { openLogLines } from "./log_lines.ts";
import type { Json } from "./metrics.ts";
import { outputFolder, writeResult } from "./run_end.ts";
import { type RunLog, type TakenLog, takeRunLog } from "./run_log.ts";
import { runFormatVersion } from "./summary.ts";

/** What is known before the run. */
export interface RunFolderContents {
  /** Exact text of the root file. */
  readonly root: string;
  /** Exact texts of the imported files, by their paths relative to the root's folder. */
  readonly imports: ReadonlyMap<string, string>;
  /** The names of the outputs. */
  readonly outputs: readonly string[];
  /** Inputs, seed, backend, precision, versions. */
  readonly effective: { readonly [key: string]: Json };
  /** What the run is of. */
  readonly of: RunIdentity;
}

/** A run folder that is being written. What the disk does not take is thrown as FileAccessError, and the run may go on: lines of the log
 *  wait for a later time, and a checkpoint that could not be written leaves those before it. */
export interface RunFolder {
  readonly path: string;
  /** Appends the lines of an event to `metrics.jsonl`. `seconds` since the run began. */
  record(event: RunEvent, seconds: number): void;
  /** Writes down where the run stands, for another to go on from. `seconds` since the run began. */
  checkpoint(state: RunState, moment: Moment, seconds: number): void;
  /** Closes the log when a run ended without a result. Never throws. */
  abandon(): void;
  /** Writes the arrays and the summary, and closes the folder. What can be written is, even when a part cannot; the summary then says what
   *  is missing. */
  finish(result: RunResult): void;
  /** The folder was removed while the run was writing to it, or is another run's: nothing more is written, and all but `abandon` throws. */
  readonly gone: boolean;
}

/** Makes the folder, takes it, and writes what is known before the run. `begun`: there may be one of the same run, which was killed before it
 *  began. Throws FileAccessError when the folder is there and has anything else in it, or cannot be written, or when an import has a name that
 *  it needs for itself; then nothing of it is left. */
export function openRunFolder(
  path: string,
  contents: RunFolderContents,
  disk: Disk = systemDisk,
  which: "new" | "begun" = "new",
): RunFolder {
  const outputs = filesOfOutputs(contents.outputs);
  refuseTakenNames(path, contents.imports.keys(), outputs.size > 0 ? [...ownFiles, outputFolder] : ownFiles);
  const again = which === "begun" && isBegun(path, contents);
  const made = !again && makeEmptyFolder(path, { disk, who: "a run" });
  const at = (name: string) => `${path}/${name}`;
  const imports = [...contents.imports.keys()].map((name) => ({ name, stored: name }));
  const effective = { formatVersion: runFormatVersion, ...contents.effective, imports };
  // what says that a run can go on comes last
  const files = [
    ...[...contents.imports, ["experiment.meta", contents.root] as const].map(([name, text]) =>
      [name, new TextEncoder().encode(text)] as const
    ),
    ["effective.json", encodeEffective(effective)],
  ] as const;
  let taken: TakenLog | undefined;
  try {
    taken = takeRunLog(path, disk, again ? "there" : "new");
    for (const [name, bytes] of files) {
      if (name.includes("/")) makeParents(at(name.slice(0, name.lastIndexOf("/"))), disk);
      if (again) removeIfThere(`${at(name)}.tmp`, disk);
      writeFileSafely(at(name), [bytes], { disk });
    }
  } catch (error) {
    if (taken) takeBack(path, files.map(([name]) => name), disk);
    if (made) removeQuietly(path, disk);
    taken?.close();
    throw error;
  }
  const log = taken.begin({ logged: 0, waiting: "" });
  const lines = openLogLines();
  return openLog({ path, outputs, of: contents.of, log, lines, said: false, checkpoints: [], disk });
}

/** Where a run goes on, and as what. */
export interface GoneOn extends Pick<RunFolderContents, "outputs" | "effective" | "of"> {
  /** The checkpoint; none where it begins anew. `longer`: as another run, so that it says once more what it is. */
  readonly from:
    | Pick<StoredCheckpoint, "name" | "logged" | "waiting" | "state" | "seconds"> & { readonly longer: boolean }
    | undefined;
}

/** Opens the folder of a run again, which goes on from a checkpoint, or from the beginning where there was none: what was logged after
 *  that is taken back, and so is that the run has ended. Throws FileAccessError. */
export function reopenRunFolder(
  path: string,
  { outputs, effective, of, from }: GoneOn,
  disk: Disk = systemDisk,
): RunFolder {
  const taken = takeRunLog(path, disk, "there");
  try {
    for (const folder of [path, `${path}/checkpoints`, `${path}/${outputFolder}`]) removeTemporaries(folder, disk);
    // cut off between two of these, the folder is that of a run which goes on: as the one before, or as this one
    removeIfThere(`${path}/summary.json`, disk);
    const checkpoints = removeNewer(path, from?.name, disk);
    writeFileSafely(`${path}/effective.json`, [encodeEffective(effective)], { disk });
    const log = taken.begin(from ?? { logged: 0, waiting: "" });
    const said = from !== undefined && !from.longer;
    const lines = openLogLines(from && { recorded: from.state.recorded, seconds: from.seconds });
    return openLog({ path, outputs: filesOfOutputs(outputs), of, log, lines, said, checkpoints, disk });
  } catch (error) {
    taken.close();
    throw error;
  }
}

/** Whether all that is in a folder is what a run writes before it begins, but for the last of that. */
function isBegun(path: string, { imports }: RunFolderContents): boolean {
  const files = ["metrics.jsonl", "experiment.meta", ...imports.keys()].map((name) => name.split("/")[0]!);
  const first = new Set([...files, ...files.map((name) => `${name}.tmp`), "effective.json.tmp"]);
  const names = entriesOf(path).map(({ name }) => name);
  return names.length > 0 && names.every((name) => first.has(name));
}

const encodeEffective = (effective: RunFolderContents["effective"]) =>
  new TextEncoder().encode(`${JSON.stringify(effective, null, 2)}\n`);

function removeIfThere(path: string, disk: Disk): void {
  try {
    disk.remove(path);
  } catch (error) {
    if (!saysThat(error, "NotFound")) throw fileAccessError(error, { action: "write", path });
  }
}

/** Removes what a run made that cannot begin, so that it can be tried again under the same name. */
function takeBack(path: string, names: readonly string[], disk: Disk): void {
  const folders = new Set(names.flatMap((name) => {
    const parts = name.split("/").slice(0, -1);
    return parts.map((_, i) => parts.slice(0, i + 1).join("/"));
  }));
  const deepestFirst = [...folders].sort((a, b) => b.length - a.length);
  for (const name of [...names, ...deepestFirst, "metrics.jsonl"]) removeQuietly(`${path}/${name}`, disk);
}

/** Takes away what was half written when a run was killed. */
function removeTemporaries(folder: string, disk: Disk): void {
  for (const { name, isFile } of entriesOf(folder)) {
    if (!isFile || !name.endsWith(".tmp")) continue;
    const path = `${folder}/${name}`;
    try {
      disk.remove(path);
    } catch (error) {
      throw fileAccessError(error, { action: "write", path });
    }
  }
}

function entriesOf(path: string): FolderEntry[] {
  try {
    return [...fileSystem.readDirSync(path)];
  } catch (error) {
    if (saysThat(error, "NotFound")) return [];
    throw fileAccessError(error, { action: "read", path });
  }
}

/** The files of outputs, by their names. A name may differ from another one by its case only, which not every file system sees, and may
 *  be longer than a file's. */
export function filesOfOutputs(names: readonly string[]): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  const taken = new Set<string>();
  for (const name of names) {
    const short = name.slice(0, 100);
    let file = short;
    for (let k = 2; taken.has(file.toLowerCase()); k++) file = `${short}-${k}`;
    taken.add(file.toLowerCase());
    files.set(name, `${outputFolder}/${file}.npy`);
  }
  return files;
}

interface FolderParts {
  readonly path: string;
  readonly outputs: ReadonlyMap<string, string>;
  readonly of: RunIdentity;
  readonly log: RunLog;
  /** What is said of an event. */
  readonly lines: ReturnType<typeof openLogLines>;
  /** It says already what was started. */
  readonly said: boolean;
  /** Names of the checkpoints that are there, the newest first. */
  readonly checkpoints: readonly string[];
  readonly disk: Disk;
}

function openLog(parts: FolderParts): RunFolder {
  const { path, of, log, lines, said, disk } = parts;
  const checkpoints = openCheckpoints(path, parts.checkpoints, disk);
  return {
    path,
    get gone() {
      return log.gone;
    },
    record(event, seconds) {
      if (event.kind === "started" && said) return;
      for (const line of lines(event, seconds)) log.add(`${JSON.stringify(line)}\n`, seconds);
    },
    checkpoint(state, moment, seconds) {
      log.refuseIfGone();
      let failure: unknown;
      try {
        log.flush();
        log.sync();
      } catch (error) {
        failure = error; // what the log has not taken goes with the checkpoint
      }
      const write = (makeRoom: (bytes: number) => boolean) => {
        const place = log.place();
        checkpoints.write({ state, of, ...place, seconds, end: moment === "end" }, makeRoom);
        log.held(place.logged);
      };
      let cut = false;
      try {
        write((bytes) => {
          cut = log.loose >= bytes && log.cut(bytes);
          return false;
        });
      } catch (error) {
        if (!cut) throw error;
        write(() => false); // the place in the log is another one now
      }
      if (failure !== undefined) throw failure;
    },
    abandon() {
      try {
        log.flush();
      } catch {
        // there was no result, and why is being said
      }
      log.close();
    },
    finish(result) {
      try {
        log.refuseIfGone();
        writeResult(result, { ...parts, checkpoints });
        checkpoints.prune();
      } finally {
        log.close();
      }
    },
  };
}

/** The program is to run again from the folder, so imports keep their paths: a path that is wanted for something else, also
 *  on systems that ignore case, is an error. */
function refuseTakenNames(path: string, imports: Iterable<string>, own: readonly string[]): void {
  const taken = new Map(own.map((name) => [name, "has the name of a file that is always there"]));
  for (const name of imports) {
    const parts = name.toLowerCase().split("/");
    const paths = parts.map((_, i) => parts.slice(0, i + 1).join("/")); // of the folders that it is in, too
    const why = parts.some((part) => part.endsWith(".tmp"))
      ? "ends as files do that are half written"
      : paths.map((p) => taken.get(p)).find((w) => w !== undefined);
    if (why !== undefined) {
      throw new FileAccessError(
        `Cannot write \`${path}\`: a run folder keeps the imports, and \`${name}\` ${why}: rename it where it is imported, too`,
      );
    }
    taken.set(name.toLowerCase(), `takes the place of \`${name}\` where case does not count`);
  }
}

const ownFiles: readonly string[] = [
  "experiment.meta",
  "effective.json",
  "metrics.jsonl",
  "parameters.safetensors",
  "trajectories.safetensors",
  "summary.json",
  "checkpoints",
];
