// What does a run leave on disk, and in which order? The folder of `--out`: what was run, then the metrics as they come,
// then the arrays, and `summary.json` last: where it stands, the folder is complete. Nothing there is ever overwritten.
import type { HostArray } from "../ir/types.ts";
import type { RunEvent } from "../loop/events.ts";
import { nameOfItem, recordedAt } from "../loop/records.ts";
import type { RecordedValues, RunResult } from "../loop/results.ts";
import type { Moment, RunState } from "../loop/run_state.ts";
import { openCheckpoints, removeNewer, type StoredCheckpoint } from "./checkpoints.ts";
import type { RunIdentity } from "./identity.ts";
import { FileAccessError, fileAccessError, writeAll, writeFileSafely } from "./files.ts";
import { type Json, metricLines } from "./metrics.ts";
import { encodeSafetensors } from "../program/safetensors.ts";
import { encodeNpy } from "./npy.ts";
import { runFormatVersion, summarizeRun, valuesAtEnd } from "./summary.ts";

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

/** A run folder that is being written. Each method throws FileAccessError when the disk does not take it. */
export interface RunFolder {
  readonly path: string;
  /** Appends the lines of an event to `metrics.jsonl`. `seconds` since the run began. */
  record(event: RunEvent, seconds: number): void;
  /** Writes down where the run stands, for another to go on from. `seconds` since the run began. */
  checkpoint(state: RunState, moment: Moment, seconds: number): void;
  /** Closes the log when a run ended without a result. */
  abandon(): void;
  /** Writes the arrays and the summary, and closes the folder. What can be written is, even when a part cannot. */
  finish(result: RunResult): void;
}

/** Milliseconds after which metrics are handed to the system; a crash loses at most what came since. */
const flushAfter = 250;

/** Makes the folder and writes what is known before the run. Throws FileAccessError when the folder is there and not
 *  empty, or cannot be written, or when an import has a name that it needs for itself. */
export function openRunFolder(path: string, contents: RunFolderContents): RunFolder {
  const outputs = filesOfOutputs(contents.outputs);
  refuseTakenNames(path, contents.imports.keys(), outputs.size > 0 ? [...ownFiles, outputFolder] : ownFiles);
  makeEmptyFolder(path);
  const at = (name: string) => `${path}/${name}`;
  const files = new Map<string, string>([["experiment.meta", contents.root]]);
  const imports = [...contents.imports].map(([name, text]) => {
    files.set(name, text);
    return { name, stored: name };
  });
  const effective = { formatVersion: runFormatVersion, ...contents.effective, imports };
  files.set("effective.json", new TextDecoder().decode(encodeEffective(effective)));
  for (const [name, text] of files) {
    makeParents(path, name);
    writeFileSafely(at(name), [new TextEncoder().encode(text)]);
  }
  const log = attempt(at("metrics.jsonl"), () => Deno.openSync(at("metrics.jsonl"), { append: true, createNew: true }));
  take(log, path);
  return openLog({ path, outputs, of: contents.of, log, logged: 0, checkpoints: [], said: false });
}

/** Where a run goes on, and as what. */
export interface GoneOn extends Pick<RunFolderContents, "outputs" | "effective" | "of"> {
  /** The checkpoint; none where it begins anew. `longer`: as another run, so that it says once more what it is. */
  readonly from: Pick<StoredCheckpoint, "name" | "logged"> & { readonly longer: boolean } | undefined;
}

/** Opens the folder of a run again, which goes on from a checkpoint, or from the beginning where there was none: what was logged after
 *  that is taken back, and so is that the run has ended. Throws FileAccessError. */
export function reopenRunFolder(path: string, { outputs, effective, of, from }: GoneOn): RunFolder {
  const at = `${path}/metrics.jsonl`;
  const log = attempt(at, () => Deno.openSync(at, { append: true }));
  take(log, path);
  attempt(at, () => {
    for (const folder of [path, `${path}/checkpoints`, `${path}/${outputFolder}`]) removeTemporaries(folder);
  });
  // cut off between two of these, the folder is that of a run which goes on: as the one before, or as this one
  attempt(path, () => removeIfThere(`${path}/summary.json`));
  const checkpoints = removeNewer(path, from?.name);
  writeFileSafely(`${path}/effective.json`, [encodeEffective(effective)]);
  const logged = from?.logged ?? 0;
  attempt(at, () => log.truncateSync(logged));
  const said = from !== undefined && !from.longer;
  return openLog({ path, outputs: filesOfOutputs(outputs), of, log, logged, checkpoints, said });
}

const encodeEffective = (effective: RunFolderContents["effective"]) =>
  new TextEncoder().encode(`${JSON.stringify(effective, null, 2)}\n`);

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Takes a run folder for this process, by its log; the system gives it back when that is closed, however the process ends. Throws
 *  FileAccessError where another one has it. */
function take(log: Deno.FsFile, path: string): void {
  let free = true;
  try {
    free = log.tryLockSync(true);
  } catch {
    // not every file system knows locks
  }
  if (free) return;
  log.close();
  throw new FileAccessError(`Another run is writing to \`${path}\``);
}

/** Takes away what was half written when a run was killed. */
function removeTemporaries(folder: string): void {
  try {
    for (const { name, isFile } of Deno.readDirSync(folder)) {
      if (isFile && name.endsWith(".tmp")) Deno.removeSync(`${folder}/${name}`);
    }
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
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

interface LogParts {
  readonly path: string;
  readonly outputs: ReadonlyMap<string, string>;
  readonly of: RunIdentity;
  readonly log: Deno.FsFile;
  /** Bytes that are in it. */
  readonly logged: number;
  /** Names of the checkpoints that are there, the newest first. */
  readonly checkpoints: readonly string[];
  /** It says already what was started. */
  readonly said: boolean;
}

function openLog({ path, outputs: outputFiles, of, log, logged: before, checkpoints, said }: LogParts): RunFolder {
  const at = (name: string) => `${path}/${name}`;
  const write = openCheckpoints(path, checkpoints);
  let logged = before;
  let waiting: string[] = [];
  let flushed = performance.now();
  const flush = () => {
    if (waiting.length === 0) return;
    const bytes = new TextEncoder().encode(waiting.join(""));
    waiting = [];
    attempt(at("metrics.jsonl"), () => writeAll(log, bytes));
    logged += bytes.length;
    flushed = performance.now();
  };
  return {
    path,
    record(event, seconds) {
      // what is not recorded by the program is for the terminal
      if (event.kind === "step" || event.kind === "started" && said) return;
      for (const line of metricLines(event, seconds)) waiting.push(`${JSON.stringify(line)}\n`);
      if (performance.now() - flushed >= flushAfter) flush();
    },
    checkpoint(state, moment, seconds) {
      flush();
      attempt(at("metrics.jsonl"), () => log.syncSync());
      write({ state, of, logged, seconds, end: moment === "end" });
    },
    abandon() {
      flush();
      log.close();
    },
    finish(result) {
      const { tensors, metadata } = storedRecords(result.recorded);
      const common = { format_version: String(runFormatVersion), seed: String(result.seed), outcome: result.outcome };
      const steps = Object.fromEntries(result.outers.flatMap(({ name, done, kept }) => [
        [`meta_steps ${name}`, String(done)],
        ...(kept ? [[`kept ${name}`, `${kept.evaluation} before meta-step ${kept.step}`]] : []),
      ]));
      const jobs: (() => void)[] = [
        flush,
        () => {
          attempt(at("metrics.jsonl"), () => log.syncSync());
          log.close();
        },
        () =>
          writeFileSafely(
            at("parameters.safetensors"),
            encodeSafetensors(valuesAtEnd(result), { ...common, ...steps }),
          ),
        () => writeFileSafely(at("trajectories.safetensors"), encodeSafetensors(tensors, { ...common, ...metadata })),
        ...result.outputs.map(({ name, value }) => () => {
          const file = outputFiles.get(name)!;
          makeParents(path, file);
          writeFileSafely(at(file), encodeNpy(value));
        }),
        () => {
          const text = `${JSON.stringify(summarizeRun(result, outputFiles), null, 2)}\n`;
          writeFileSafely(at("summary.json"), [new TextEncoder().encode(text)]);
        },
      ];
      let failure: unknown;
      for (const job of jobs) {
        try {
          job();
        } catch (error) {
          failure ??= error;
        }
      }
      if (failure !== undefined) throw failure;
    },
  };
}

function attempt<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    throw fileAccessError(error, { action: "write", path });
  }
}

function makeEmptyFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { recursive: false });
    return;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return attempt(path, () => Deno.mkdirSync(path, { recursive: true }));
    if (!(error instanceof Deno.errors.AlreadyExists)) throw fileAccessError(error, { action: "write", path });
  }
  let empty: boolean;
  try {
    empty = Deno.readDirSync(path)[Symbol.iterator]().next().done === true;
  } catch (error) {
    throw fileAccessError(error, { action: "read", path });
  }
  if (!empty) {
    throw new FileAccessError(
      `The folder \`${path}\` is not empty, and a run never overwrites anything: name another folder, or move that one`,
    );
  }
}

function makeParents(path: string, name: string): void {
  const end = name.lastIndexOf("/");
  if (end >= 0) attempt(path, () => Deno.mkdirSync(`${path}/${name.slice(0, end)}`, { recursive: true }));
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

/** Where the outputs are. */
const outputFolder = "outputs";

const ownFiles: readonly string[] = [
  "experiment.meta",
  "effective.json",
  "metrics.jsonl",
  "parameters.safetensors",
  "trajectories.safetensors",
  "summary.json",
  "checkpoints",
];

/** The arrays of `trajectories.safetensors`. A curve over meta-steps is stacked on a leading axis, with its meta-steps
 *  in `NAME/steps`; the trajectory of a gradient item or of a loop run by itself stands as it is, time leading. A name
 *  that several items recorded gets the item in front. The metadata says what each axis is. */
export function storedRecords(
  recorded: readonly RecordedValues[],
): { readonly tensors: ReadonlyMap<string, HostArray>; readonly metadata: Readonly<Record<string, string>> } {
  const tensors = new Map<string, HostArray>();
  const metadata: Record<string, string> = {};
  for (const series of recorded) {
    const { name, by, trajectory, steps, values } = series;
    const alone = recorded.filter((other) => other.name === name).length === 1;
    const item = nameOfItem(by);
    const key = alone ? name : `${item}/${name}`;
    const time = trajectory ? "time, " : "";
    if (by.kind !== "outer") {
      tensors.set(key, recordedAt(series, 0));
      metadata[key] = `axes: ${time}its own; by ${item}`;
      continue;
    }
    tensors.set(key, values);
    tensors.set(`${key}/steps`, { dtype: "i32", shape: [steps.length], data: steps });
    metadata[key] = `axes: records, ${time}its own; by ${item}`;
  }
  return { tensors, metadata };
}
