// How does a state that an earlier version wrote down become one of this version? What it lacks is made of what it has.
import { gatherRecorded } from "../loop/records.ts";
import type { Recorded } from "../loop/results.ts";
import type { RunState } from "../loop/run_state.ts";

/** The version in which states are written. */
export const stateVersion = 3;

type Earlier = { readonly [key: string]: unknown };

/** The change from each earlier version to the next. */
const changes: Readonly<Record<number, (state: Earlier) => Earlier>> = {
  // meta-steps were as many as losses, and those of an outer at work were lists
  1: ({ outers, outer, ...rest }) => ({
    ...rest,
    outers: (outers as Earlier[]).map(counted),
    ...(outer ? { outer: counted(outer as Earlier) } : {}),
  }),
  // what is recorded was a list of single values
  2: ({ recorded, ...rest }) => ({ ...rest, recorded: gatherRecorded(recorded as Recorded[]) }),
};

/** What was read from a file of a version; undefined where that is of a later one, or of none. */
export function stateOfVersion(version: string, read: () => unknown): RunState | undefined {
  if (!/^[1-9]\d*$/.test(version) || Number(version) > stateVersion) return undefined;
  let state = read() as Earlier;
  for (let v = Number(version); v < stateVersion; v++) state = changes[v]!(state);
  return state as unknown as RunState;
}

function counted(outer: Earlier): Earlier {
  const [losses, gradientNorms] = [outer.losses, outer.gradientNorms].map((x) => Float64Array.from(x as number[]));
  return { ...outer, done: losses!.length, metaSteps: Float64Array.from(losses!.keys()), losses, gradientNorms };
}
