// What does a run leave at its end, and what when there is no room for all of it? The learned values, the outputs, what was recorded, and
// `summary.json`, which says what is missing.
import type { HostArray } from "../ir/types.ts";
import { nameOfItem, recordedAt } from "../loop/records.ts";
import type { RecordedValues, RunResult } from "../loop/results.ts";
import { encodeSafetensors } from "../program/safetensors.ts";
import type { Checkpoints } from "./checkpoints.ts";
import type { Disk } from "./disk.ts";
import { evaluationArrays } from "./evaluation_arrays.ts";
import { FileAccessError, makeFolder, writeFileSafely } from "./files.ts";
import { encodeNpy } from "./npy.ts";
import type { RunLog } from "./run_log.ts";
import { runFormatVersion, summarizeRun, valuesAtEnd } from "./summary.ts";

/** Where the outputs are. */
export const outputFolder = "outputs";

const logName = "metrics.jsonl";

/** Where a run leaves what it has computed. */
export interface RunEnd {
  readonly path: string;
  /** The files of the outputs, by their names. */
  readonly outputs: ReadonlyMap<string, string>;
  readonly log: RunLog;
  readonly checkpoints: Checkpoints;
  readonly disk: Disk;
}

/** Writes what a run leaves at its end. Where there is no room older checkpoints give theirs, then the last lines of the log. Throws
 *  FileAccessError when all is written that can be, and something is missing. */
export function writeResult(result: RunResult, { path, outputs, log, checkpoints, disk }: RunEnd): void {
  const failures = new Map<string, unknown>();
  const attempt = (name: string, work: () => void) => {
    try {
      work();
    } catch (error) {
      failures.set(name, error);
    }
  };
  // of a run that is done its results go before the last checkpoint, which may hold the lines that the log has no room for
  const lastResort = () => {
    if (result.outcome !== "done" || !checkpoints.giveWay({ newestToo: true })) return false;
    log.release();
    return true;
  };
  const makeRoom = (bytes: number) => checkpoints.giveWay() || log.cut(bytes) || lastResort();
  const write = (name: string, pieces: () => readonly Uint8Array[]) =>
    attempt(name, () => writeFileSafely(`${path}/${name}`, pieces(), { disk, makeRoom }));
  const logLacks = () => new FileAccessError(`\`${path}/${logName}\` lacks ${log.left} lines: the disk was full`);
  const writeLog = () => {
    failures.delete(logName);
    attempt(logName, () => {
      log.flush();
      log.sync();
      if (log.lost > 0) throw logLacks();
    });
  };
  writeLog();
  const { parameters, trajectories } = storedArrays(result);
  write("parameters.safetensors", () => encodeSafetensors(...parameters));
  if (result.outputs.length > 0) attempt(outputFolder, () => makeFolder(`${path}/${outputFolder}`, disk));
  for (const { name, value } of result.outputs) write(outputs.get(name)!, () => encodeNpy(value));
  write("trajectories.safetensors", () => encodeSafetensors(...trajectories));
  let said = "";
  const writeSummary = () => {
    failures.delete("summary.json");
    for (let again = true; again;) {
      again = false;
      if (log.left > 0 && !failures.has(logName)) failures.set(logName, logLacks());
      const missing = [...failures.keys()];
      said = missing.join();
      const summary = { ...summarizeRun(result, outputs), ...(missing.length > 0 ? { missing } : {}) };
      const pieces = [new TextEncoder().encode(`${JSON.stringify(summary, null, 2)}\n`)];
      // where the log gives way to it, it says another thing
      const room = (bytes: number) => checkpoints.giveWay() || (!(again = log.cut(bytes)) && lastResort());
      attempt("summary.json", () => writeFileSafely(`${path}/summary.json`, pieces, { disk, makeRoom: room }));
      if (again) failures.delete("summary.json");
    }
  };
  writeSummary();
  if (log.left > 0) writeLog(); // with what room is left
  if ([...failures.keys()].join() !== said) writeSummary();
  if (failures.size > 0) throw whatIsMissing(path, failures);
}

/** What stands in the files of arrays: tensors and metadata. */
function storedArrays(result: RunResult): Record<"parameters" | "trajectories", Parameters<typeof encodeSafetensors>> {
  const common = { format_version: String(runFormatVersion), seed: String(result.seed), outcome: result.outcome };
  const steps = Object.fromEntries(result.outers.flatMap(({ name, done, kept }) => [
    [`meta_steps ${name}`, String(done)],
    ...(kept ? [[`kept ${name}`, `${kept.evaluation} before meta-step ${kept.step}`]] : []),
  ]));
  const records = storedRecords(result.recorded);
  const evaluations = evaluationArrays(result.evaluations);
  return {
    parameters: [valuesAtEnd(result), { ...common, ...steps }],
    trajectories: [
      new Map([...records.tensors, ...evaluations.tensors]),
      { ...common, ...records.metadata, ...evaluations.metadata },
    ],
  };
}

/** The error for what could not be written, by the names of the files; a bug goes first. */
function whatIsMissing(path: string, failures: ReadonlyMap<string, unknown>): unknown {
  const bug = [...failures.values()].find((error) => !(error instanceof FileAccessError));
  if (bug !== undefined) return bug;
  // the log last: what is recorded stands in other files, too
  const names = [...failures.keys()].sort((a, b) => Number(a === logName) - Number(b === logName));
  const { message, cause } = failures.get(names[0]!) as FileAccessError;
  const others = names.slice(1).map((name) => `\`${name}\``).join(", ");
  const all = others === "" ? message : `${message} (and ${others})`;
  return new FileAccessError(`${all}. When that is mended, \`resume ${path}\` writes what is missing`, { cause });
}

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
