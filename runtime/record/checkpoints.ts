// Where are the checkpoints of a run folder, and which of them does a run go on from? One file a moment, in `checkpoints/`: the last three,
// and one of the end of each outer, from which that can be made longer.
import { fileSystem, saysThat } from "./file_system.ts";
import { type Checkpoint, CheckpointError, decodeCheckpoint, encodeCheckpoint } from "./checkpoint_bytes.ts";
import type { RunState } from "../loop/run_state.ts";
import type { Disk } from "./disk.ts";
import type { RunIdentity } from "./identity.ts";
import { FileAccessError, fileAccessError, makeFolder, removeQuietly, writeFileSafely } from "./files.ts";

/** How many are kept, beside those of ends. */
const kept = 3;

const folderOf = (run: string) => `${run}/checkpoints`;

/** The number of a file, and of the outer whose end it is. */
const partsOf = (name: string) => /^(\d+)(?:-end-(\d+))?\.safetensors$/.exec(name);
const numberOf = (name: string) => Number(partsOf(name)?.[1]);
const endOf = (name: string) => partsOf(name)?.[2];

/** Names of the checkpoints of a run folder, the newest first. Throws FileAccessError. */
export function checkpointsIn(run: string): string[] {
  try {
    const there = [...fileSystem.readDirSync(folderOf(run))].filter(({ isDirectory }) => !isDirectory);
    return there.map(({ name }) => name).filter(partsOf)
      .sort((a, b) => numberOf(b) - numberOf(a));
  } catch (error) {
    if (saysThat(error, "NotFound")) return [];
    throw fileAccessError(error, { action: "read", path: folderOf(run) });
  }
}

/** A checkpoint to be written; `end` where the outer at work has made its last meta-step. */
export type NewCheckpoint = Checkpoint & { readonly of: RunIdentity; readonly end: boolean };

/** The checkpoints of a run folder, as a run writes them. */
export interface Checkpoints {
  /** Writes one, and prunes. Where the disk has no room older ones give theirs, and then `makeRoom`. It throws FileAccessError. */
  write(checkpoint: NewCheckpoint, makeRoom: (bytes: number) => boolean): void;
  /** Takes the oldest away, those of ends last, and the newest only where that is asked for; false where there is none to take. */
  giveWay(which?: { readonly newestToo: boolean }): boolean;
  /** Takes away those that are no more wanted: a run that was killed may have left some. */
  prune(): void;
}

/** The checkpoints of a run folder, with those that are there, the newest first. Nothing is read: a run may write to its folder and not be
 *  allowed to read there. */
export function openCheckpoints(run: string, there: readonly string[], disk: Disk): Checkpoints {
  let names = [...there];
  let number = names.length === 0 ? 0 : numberOf(names[0]!);
  const remove = (name: string) => removeQuietly(`${folderOf(run)}/${name}`, disk);
  const giveWay: Checkpoints["giveWay"] = ({ newestToo } = { newestToo: false }) => {
    const older = names.slice(newestToo ? 0 : 1);
    const oldest = older.findLast((each) => endOf(each) === undefined) ?? older.at(-1);
    if (oldest === undefined || !remove(oldest)) return false;
    names = names.filter((each) => each !== oldest);
    return true;
  };
  const prune = () => {
    const wanted = names.filter((each, i) => {
      const alike = names.slice(0, i).filter((newer) => endOf(newer) === endOf(each)).length;
      return alike < (endOf(each) === undefined ? kept : 1);
    });
    names = names.filter((each) => wanted.includes(each) || !remove(each));
  };
  return {
    giveWay,
    prune,
    write(checkpoint, makeRoom) {
      makeFolder(folderOf(run), disk);
      const end = checkpoint.end ? `-end-${checkpoint.state.outers.length + 1}` : "";
      // a number that could not be written is not tried again: something of it may still lie there
      const name = `${`${++number}`.padStart(6, "0")}${end}.safetensors`;
      const room = (bytes: number) => giveWay() || makeRoom(bytes);
      try {
        writeFileSafely(`${folderOf(run)}/${name}`, encodeCheckpoint(checkpoint), { disk, makeRoom: room });
      } catch (error) {
        remove(name); // it may stand there, and not to last
        throw error;
      }
      names.unshift(name);
      prune();
    },
  };
}

/** A checkpoint in a run folder. */
export interface StoredCheckpoint extends Checkpoint {
  readonly name: string;
  /** Newer ones that cannot be read, each with the reason. */
  readonly damaged: readonly string[];
}

/** The newest checkpoint that is whole and fits; undefined where there is none at all. `fitting` says where a run goes on from one, or why
 *  it does not and may from an earlier one; it throws where it may from none. Throws FileAccessError where there are some and none can be
 *  read, or none fits. */
export function newestCheckpoint(
  run: string,
  fitting: (checkpoint: Checkpoint, path: string) => RunState | string,
): StoredCheckpoint | undefined {
  const names = checkpointsIn(run);
  const damaged: string[] = [];
  let unfit: string | undefined;
  for (const name of names) {
    const path = `${folderOf(run)}/${name}`;
    try {
      const found = decodeCheckpoint(readBytes(path));
      const state = fitting(found, path);
      if (typeof state !== "string") return { ...found, state, name, damaged };
      unfit ??= state;
    } catch (error) {
      if (!(error instanceof CheckpointError)) throw error;
      const what = `\`${path}\`: ${error.message}`;
      if (error.later) throw new FileAccessError(what);
      damaged.push(what);
    }
  }
  if (names.length === 0) return undefined;
  throw new FileAccessError(
    unfit ?? `None of the checkpoints can be read, and a run that has some never begins anew. ${damaged[0]}`,
  );
}

/** Takes away the checkpoints that are newer than one: a run that becomes another one after it has not been there. Those that stay, the
 *  newest first. Throws FileAccessError. */
export function removeNewer(run: string, than: string | undefined, disk: Disk): string[] {
  const names = checkpointsIn(run);
  const newer = than === undefined ? [] : names.filter((name) => numberOf(name) > numberOf(than));
  for (const name of newer) {
    try {
      disk.remove(`${folderOf(run)}/${name}`);
    } catch (error) {
      throw fileAccessError(error, { action: "write", path: `${folderOf(run)}/${name}` });
    }
  }
  return names.filter((name) => !newer.includes(name));
}

function readBytes(path: string): Uint8Array {
  try {
    return fileSystem.readFileSync(path);
  } catch (error) {
    throw fileAccessError(error, { action: "read", path });
  }
}
