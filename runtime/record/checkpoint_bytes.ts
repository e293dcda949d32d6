// What is a checkpoint, as bytes? A safetensors file: where the run stands as plain data, what the run is of, and a sum that says whether
// it is whole. Where the bytes are kept is for others.
import type { RunState } from "../loop/run_state.ts";
import { decodeSafetensors, encodeSafetensors } from "../program/safetensors.ts";
import { stateOfVersion, stateVersion } from "./earlier_states.ts";
import type { RunIdentity } from "./identity.ts";
import { readPlainData, sumOfData, writePlainData } from "./plain_data.ts";

/** Where a run stands, and what belongs to it. */
export interface Checkpoint {
  readonly state: RunState;
  /** What it is a run of. Earlier versions wrote one sum of all of it. */
  readonly of: RunIdentity | { readonly sum: string };
  /** Bytes of `metrics.jsonl` at that moment; 0 without a folder. */
  readonly logged: number;
  /** Lines that come after them, where the disk had not taken them. */
  readonly waiting: string;
  /** Seconds that the run had taken. */
  readonly seconds: number;
}

/** Bytes that are no checkpoint that this version can read. */
export class CheckpointError extends TypeError {
  /** `later`: they are of a version to come, so that nothing is wrong with them. */
  constructor(message: string, readonly later = false) {
    super(message);
  }
}

/** The bytes of a checkpoint in pieces, to be written one after the other. */
export function encodeCheckpoint({ state, of, logged, waiting, seconds }: Checkpoint & { readonly of: RunIdentity }) {
  const data = writePlainData(state);
  const beside = {
    run: writePlainData(of).text,
    logged: `${logged}`,
    seconds: `${seconds}`,
    ...(waiting === "" ? {} : { waiting }),
  };
  return encodeSafetensors(data.tensors, {
    format_version: `${stateVersion}`,
    ...beside,
    sha256: sumOfData(data, ...Object.values(beside)),
    state: data.text,
  });
}

/** Reads the bytes of a checkpoint. Throws CheckpointError where they are none, are damaged or cut off, or of a later version. */
export function decodeCheckpoint(bytes: Uint8Array): Checkpoint {
  let file: ReturnType<typeof decodeSafetensors>;
  try {
    file = decodeSafetensors(bytes);
  } catch (error) {
    throw new CheckpointError((error as Error).message);
  }
  const { tensors, metadata } = file;
  const said = (key: string) => metadata.get(key) ?? "";
  const data = { tensors, text: said("state") };
  const version = said("format_version");
  if (!version || !metadata.has("state")) throw new CheckpointError("It is a safetensors file, but no checkpoint");
  const beside = metadata.has("run")
    ? ["run", "logged", "seconds", ...(metadata.has("waiting") ? ["waiting"] : [])].map(said)
    : [];
  const state = stateOfVersion(version, () => {
    if (sumOfData(data, ...beside) !== said("sha256")) {
      throw new CheckpointError("Its sum is not that of what it holds");
    }
    return readPlainData(data);
  });
  if (!state) throw new CheckpointError(`It is of version ${version}, which this one does not read`, true);
  return {
    state,
    of: metadata.has("run") ? readPlainData({ text: said("run"), tensors }) as RunIdentity : { sum: said("program") },
    logged: Number(said("logged")),
    waiting: said("waiting"),
    seconds: Number(said("seconds")),
  };
}
