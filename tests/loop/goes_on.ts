// How is a run held against one that goes on from where it stood? Where it stands is bytes in between, as a file would have them.
import type { Backend } from "../../runtime/backend/interface.ts";
import type { RunResult } from "../../runtime/loop/results.ts";
import { type RunOptions, runProgram } from "../../runtime/loop/run.ts";
import type { Moment, RunState } from "../../runtime/loop/run_state.ts";
import type { ExperimentProgram } from "../../runtime/program/program.ts";
import { decodeSafetensors, encodeSafetensors } from "../../runtime/program/safetensors.ts";
import { readPlainData, writePlainData } from "../../runtime/record/plain_data.ts";
import { joined } from "../joined.ts";

/** The bytes of a state. */
export function bytesOf(state: RunState): Uint8Array {
  const { tensors, text } = writePlainData(state);
  return joined(encodeSafetensors(tensors, { text }));
}

/** The state that bytes hold. */
export function stateFrom(bytes: Uint8Array): RunState {
  const { tensors, metadata } = decodeSafetensors(bytes);
  return readPlainData({ tensors, text: metadata.get("text")! }) as RunState;
}

/** All that a run computed, but for how long that took. */
export function computed(result: RunResult): { readonly text: string; readonly tensors: readonly string[] } {
  const timeless = result.outers.map((outer) => ({ ...outer, seconds: 0 }));
  const { plans: _plans, ...rest } = { ...result, seconds: 0, outers: timeless };
  const { text, tensors } = writePlainData(rest);
  return { text, tensors: [...tensors.values()].map(({ data }) => new Uint8Array(data.slice().buffer).join()) };
}

/** A place at which another run could go on. */
export interface Mark {
  readonly bytes: Uint8Array;
  /** Meta-steps done of the outer at work; -1 between items. */
  readonly steps: number;
  readonly moment: Moment;
}

/** A run, with every place at which another could go on. */
export async function marked(program: ExperimentProgram, backend: Backend, more: RunOptions = {}) {
  const marks: Mark[] = [];
  const mark = (state: () => RunState, moment: Moment) => {
    const now = state();
    marks.push({ bytes: bytesOf(now), steps: now.outer?.done ?? -1, moment });
  };
  return { result: await runProgram(program, backend, { tasks: {}, seed: 3, mark, ...more }), marks };
}

/** A run that is stopped after so many events. */
export function stoppedAfter(events: number, program: ExperimentProgram, backend: Backend, more: RunOptions = {}) {
  const control = new AbortController();
  let left = events;
  return marked(program, backend, {
    ...more,
    signal: control.signal,
    report: () => left-- > 0 || control.abort(),
  });
}
