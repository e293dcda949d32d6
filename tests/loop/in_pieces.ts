// How is a run made whose calls are cut everywhere? The clock goes on by looking at it, so it pauses as often as it looks often enough.
import type { Backend } from "../../runtime/backend/interface.ts";
import type { RunResult } from "../../runtime/loop/results.ts";
import { type RunOptions, runProgram } from "../../runtime/loop/run.ts";
import type { ExperimentProgram } from "../../runtime/program/program.ts";

/** Milliseconds of work between two looks: none, and so few that loops take several turns in between. */
export const pieces: readonly number[] = [0, 2e-4, 5e-3];

/** A run that looks for pauses wherever it may. `looked` hears of each look at the clock; from one to the next `by` milliseconds go by,
 *  and after 100 there is a pause. */
export function runInPieces(
  program: ExperimentProgram,
  backend: Backend,
  { by = 5, piece = 0, looked = () => {}, ...more }: RunOptions & {
    readonly by?: number;
    readonly piece?: number;
    readonly looked?: () => void;
  } = {},
): Promise<RunResult> {
  let time = 0;
  const now = () => {
    looked();
    return time += by;
  };
  return runProgram(program, backend, { ...more, cuts: { long: 0, piece, sleepEvery: Infinity }, now });
}
