// How does a run stand on disk, for another to go on from? One safetensors file a moment, in `checkpoints/`, the last three: written
// beside its place, synced and renamed, with a sum that says whether it is whole.
import { createHash } from "node:crypto";
import type { RunState } from "../loop/run_state.ts";
import { decodeSafetensors, encodeSafetensors } from "../program/safetensors.ts";
import { stateOfVersion, stateVersion } from "./earlier_states.ts";
import { FileAccessError, fileAccessError, writeFileSafely } from "./files.ts";
import { readPlainData, writePlainData, type WrittenData } from "./plain_data.ts";

/** How many are kept. */
const kept = 3;

/** Where a run stands, and what belongs to it. */
export interface Checkpoint {
  readonly state: RunState;
  /** SHA-256 of the program with all that it is run with, hexadecimal. */
  readonly program: string;
  /** Bytes of `metrics.jsonl` at that moment. */
  readonly logged: number;
  /** Seconds that the run had taken. */
  readonly seconds: number;
}

const folderOf = (run: string) => `${run}/checkpoints`;

/** Names of the checkpoints of a run folder, the newest first. Throws FileAccessError. */
export function checkpointsIn(run: string): string[] {
  try {
    return [...Deno.readDirSync(folderOf(run))].map(({ name }) => name)
      .filter((name) => /^\d+\.safetensors$/.test(name)).sort((a, b) => parseInt(b) - parseInt(a));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw fileAccessError(error, { action: "read", path: folderOf(run) });
  }
}

/** Writes checkpoints into a run folder beside those that are there, the newest first; takes away all but the last three. It throws
 *  FileAccessError. Nothing is read: a run may write to its folder and not be allowed to read there. */
export function openCheckpoints(run: string, there: readonly string[]): (checkpoint: Checkpoint) => void {
  let names = [...there];
  return ({ state, program, logged, seconds }) => {
    try {
      Deno.mkdirSync(folderOf(run), { recursive: true });
    } catch (error) {
      throw fileAccessError(error, { action: "write", path: folderOf(run) });
    }
    const data = writePlainData(state);
    const pieces = encodeSafetensors(data.tensors, {
      format_version: `${stateVersion}`,
      program,
      logged: `${logged}`,
      seconds: `${seconds}`,
      sha256: sumOf(data),
      state: data.text,
    });
    const number = names.length === 0 ? 1 : parseInt(names[0]!) + 1;
    const name = `${`${number}`.padStart(6, "0")}.safetensors`;
    writeFileSafely(`${folderOf(run)}/${name}`, pieces);
    for (const old of names.slice(kept - 1)) removeQuietly(`${folderOf(run)}/${old}`);
    names = [name, ...names.slice(0, kept - 1)];
  };
}

/** The newest checkpoint that is whole; undefined where there is none at all. Throws FileAccessError where there are some and none can
 *  be read, and where it is of another program. */
export function newestCheckpoint(run: string, program: string): Checkpoint | undefined {
  const names = checkpointsIn(run);
  const problems: string[] = [];
  for (const name of names) {
    const path = `${folderOf(run)}/${name}`;
    try {
      const found = readCheckpoint(path);
      if (found.program === program) return found;
      throw new FileAccessError(
        `\`${path}\` is of another program, other inputs, another seed or another version: what has changed must be taken back`,
      );
    } catch (error) {
      if (error instanceof FileAccessError) throw error;
      problems.push(`\`${path}\`: ${(error as Error).message}`);
    }
  }
  if (names.length === 0) return undefined;
  throw new FileAccessError(
    `None of the checkpoints can be read, and a run that has some never begins anew. ${problems[0]}`,
  );
}

function readCheckpoint(path: string): Checkpoint {
  let bytes: Uint8Array;
  try {
    bytes = Deno.readFileSync(path);
  } catch (error) {
    throw fileAccessError(error, { action: "read", path });
  }
  const { tensors, metadata } = decodeSafetensors(bytes);
  const said = (key: string) => metadata.get(key) ?? "";
  const data = { tensors, text: said("state") };
  const state = stateOfVersion(said("format_version"), () => {
    if (sumOf(data) !== said("sha256")) throw new Error("its sum is not that of what it holds");
    return readPlainData(data);
  });
  if (!state) {
    throw new FileAccessError(
      `\`${path}\` is of version ${said("format_version") || "unknown"}, which this one does not read`,
    );
  }
  return {
    state,
    program: said("program"),
    logged: Number(said("logged")),
    seconds: Number(said("seconds")),
  };
}

/** SHA-256 of all that a state is, hexadecimal. */
function sumOf({ text, tensors }: WrittenData): string {
  const hash = createHash("sha256").update(text);
  for (const [name, { data }] of [...tensors].sort(([a], [b]) => Number(a) - Number(b))) {
    hash.update(name).update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest("hex");
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // it is of no use any more, and in nobody's way
  }
}
