// What does a report know of a run? What its folder says, or a run that a script holds says, in one form, and its large arrays when they are
// asked for. Of a run that has not ended it is what the newest checkpoint holds.
import { npyEntries, readNpyHeader } from "../../dsl/data/npy.ts";
import { fewerPoints } from "../../runtime/loop/curve.ts";
import { lastSaid } from "../../runtime/loop/outer_state.ts";
import type { OuterResult, RunResult } from "../../runtime/loop/results.ts";
import type { RunState } from "../../runtime/loop/run_state.ts";
import { fileSystem, saysThat } from "../../runtime/record/file_system.ts";
import {
  decodeSafetensors,
  learnedFile,
  type Safetensors,
  SafetensorsError,
} from "../../runtime/program/safetensors.ts";
import { newestCheckpoint } from "../../runtime/record/checkpoints.ts";
import { FileAccessError, fileAccessError } from "../../runtime/record/files.ts";
import type { Json } from "../../runtime/record/metrics.ts";
import { storedRecords } from "../../runtime/record/run_end.ts";
import { summarizeRun } from "../../runtime/record/summary.ts";
import { readRunTexts, type StoredRun } from "../run_settings.ts";
import { knownRun, readJson, type SaidOfRun } from "../said_of_run.ts";
import type { Account, ArrayAccount } from "./account.ts";
import { entriesOf } from "./account.ts";

/** An array of a run. */
export interface NumberArray {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** A run, as a report sees it. */
export interface ReportedRun extends StoredRun {
  readonly account: StoredRun["account"] & Account;
  /** What was recorded, by the names in `trajectories.safetensors`, with what its axes are. */
  readonly recorded: () => Safetensors;
  /** All entries of a learned value or an output; undefined where they are not there, or too many. */
  readonly entries: (array: ArrayAccount) => NumberArray | undefined;
}

/** Bytes of a file that a report reads. */
const mostBytes = 500_000_000;

const nothing: Safetensors = { tensors: new Map(), metadata: new Map() };

/** Reads a run folder. Throws FileAccessError for what is none. */
export function readReportedRun(path: string): ReportedRun {
  const folder = path.replace(/(?<=.)\/+$/, "");
  const said = knownRun(folder);
  const ended = readJson(`${folder}/summary.json`) as ReportedRun["account"] | undefined;
  const texts = readRunTexts(folder, said);
  if (!ended) return { folder, said, texts, ...ofOpenRun(folder, said) };
  const arrays = once(() => safetensorsAt(`${folder}/${learnedFile}`).tensors);
  return {
    folder,
    said,
    texts,
    account: ended,
    recorded: once(() => safetensorsAt(`${folder}/trajectories.safetensors`)),
    entries({ name, shape, value, file }) {
      const few = entriesOf(value);
      if (few) return { shape, data: few };
      if (file !== undefined) return outputAt(`${folder}/${file}`);
      return arrays().get(name);
    },
  };
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

/** Undefined where it is not there, or too large for a report. */
function bytesAt(path: string): Uint8Array | undefined {
  try {
    return fileSystem.statSync(path).size > mostBytes ? undefined : fileSystem.readFileSync(path);
  } catch (error) {
    if (saysThat(error, "NotFound")) return undefined;
    throw fileAccessError(error, { action: "read", path });
  }
}

function outputAt(path: string): NumberArray | undefined {
  const bytes = bytesAt(path);
  if (!bytes) return undefined;
  try {
    const header = readNpyHeader(bytes, bytes.length);
    const { at, values } = npyEntries(header, bytes);
    const count = header.shape.reduce((product, size) => product * size, 1);
    return { shape: header.shape, data: values ?? Float64Array.from({ length: count }, (_, i) => Number(at(i))) };
  } catch (error) {
    throw new FileAccessError(`\`${path}\` is not what a run writes: ${(error as Error).message}`);
  }
}

function safetensorsAt(path: string): Safetensors {
  const bytes = bytesAt(path);
  if (!bytes) return nothing;
  try {
    return decodeSafetensors(bytes);
  } catch (error) {
    if (!(error instanceof SafetensorsError)) throw error;
    throw new FileAccessError(`\`${path}\` is not what a run writes: ${error.message}`);
  }
}

/** A run that was killed, or is still going on. What it was run with its folder says from the start; its log may be empty yet. */
function ofOpenRun(
  folder: string,
  { backend, seed, precision }: SaidOfRun,
): Pick<ReportedRun, "account" | "recorded" | "entries"> {
  const checkpoint = newestCheckpoint(folder, ({ state }) => state);
  const started = startedLine(folder);
  const result = {
    outcome: "stopped" as const,
    backend,
    seed,
    precision: precision ?? (started.precision === "f64" ? "f64" as const : "f32" as const),
    seconds: checkpoint?.seconds ?? 0,
    plans: [],
    ...(checkpoint ? partOf(checkpoint.state, started) : noPart),
  };
  const { account, ...rest } = ofResult(result, "not ended");
  if (checkpoint) return { account, ...rest };
  // how long it ran nothing says
  const { seconds: _, ...known } = account;
  return { account: known, ...rest };
}

const noPart = {
  ...{ declared: new Map(), leaves: new Map(), outers: [], recorded: [], gradients: [], evaluations: [], outputs: [] },
  simulations: [],
};

type Started = { readonly [key: string]: Json };

/** What a checkpoint holds of a result. */
function partOf(state: RunState, started: Started): typeof noPart | Pick<RunResult, keyof typeof noPart> {
  const { outer, declared, leaves, recorded, gradients, evaluations, outputs, simulations } = state;
  const asked = (started.outers ?? []) as readonly { readonly name: string; readonly steps: number }[];
  const atWork: OuterResult[] = outer
    ? [{
      ...{
        name: outer.name,
        steps: asked.find(({ name }) => name === outer.name)?.steps ?? outer.done,
        done: outer.done,
      },
      seconds: outer.secondsBefore,
      ...fewerPoints(outer, Infinity),
      ...(outer.leftOut ? { leftOut: outer.leftOut } : {}),
      ...(outer.implicit.size > 0 ? { implicit: lastSaid(outer) } : {}),
    }]
    : [];
  return {
    declared,
    leaves,
    outers: [...state.outers, ...atWork],
    recorded,
    gradients,
    evaluations,
    outputs,
    simulations,
  };
}

/** A result that is in memory. */
export function ofResult(result: RunResult, outcome: string): Pick<ReportedRun, "account" | "recorded" | "entries"> {
  const account = { ...summarizeRun(result), outcome } as ReportedRun["account"];
  return {
    account,
    recorded: once(() => {
      const { tensors, metadata } = storedRecords(result.recorded);
      return { tensors, metadata: new Map(Object.entries(metadata)) };
    }),
    entries({ name, shape, value, file: _ }) {
      const few = entriesOf(value);
      return few
        ? { shape, data: few }
        : result.outputs.find((output) => output.name === name)?.value ?? result.leaves.get(name);
    },
  };
}

/** The first line of the log. */
function startedLine(folder: string): Started {
  const bytes = bytesAt(`${folder}/metrics.jsonl`);
  if (!bytes) return {};
  const end = bytes.indexOf(0x0a);
  try {
    return JSON.parse(new TextDecoder().decode(bytes.subarray(0, end < 0 ? bytes.length : end))) as Started;
  } catch {
    return {};
  }
}
