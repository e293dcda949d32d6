// What do the parts of a run share? The program, the present values, the way to call functions and to say what happened.
// Made by `run.ts`, used by `outer.ts` and `measure.ts`.
import type { HostArray } from "../ir/types.ts";
import type { CallResult } from "./executables.ts";
import type { Later, OpenLoop, Steps, StepWiring } from "./step_loop.ts";
import type { ExperimentProgram, ProgramFunction } from "../program/program.ts";
import type { RunEvent } from "./events.ts";
import type { MetaRuntimeError } from "../errors.ts";
import type { OuterState } from "./outer_state.ts";
import type { Records } from "./records.ts";
import type { Moment } from "./run_state.ts";
import type { FirstWatched } from "./watch.ts";
import type {
  EvaluationResult,
  GradientResult,
  OuterResult,
  OutputResult,
  Recorded,
  SimulationResult,
} from "./results.ts";

/** What a call needs beside what the context knows. */
export interface CallAt {
  /** Number of the meta-step, from 0; 0 outside of outer loops. */
  readonly step: number;
  /** Other values of the leaves than the present ones. */
  readonly leaves?: ReadonlyMap<string, HostArray>;
}

/** A function that goes on from what it made. */
export interface ContextLoop extends Omit<OpenLoop, "run"> {
  run(step: number, count: number): Later<Steps>;
}

/** The state of a run. The lists grow as it goes on and are what is left when it goes wrong. */
export interface RunContext {
  readonly program: ExperimentProgram;
  /** Milliseconds. */
  readonly now: () => number;
  readonly signal: AbortSignal | undefined;
  readonly report: (event: RunEvent) => void;
  /** Has the tasks made that these functions take from the host. False when the signal came first. */
  prepare(fns: readonly ProgramFunction[], step: number): Promise<boolean>;
  /** Calls a function; where that may take long it answers later. Throws or rejects with CallGivenUp where the run is to stop: then
   *  nothing has changed. */
  call(fn: ProgramFunction, at: CallAt): Later<readonly HostArray[]>;
  /** `call`, with what the implicit derivatives of the function say. */
  differentiate(fn: ProgramFunction, at: CallAt): Later<CallResult>;
  /** Computes why something is not what it should be: meanwhile what was computed last is not whole, and no other run could go on. */
  search<T>(work: () => Later<T>): Promise<T>;
  searching: boolean;
  /** What was first not finite, in a function whose loops are watched. */
  watch(fn: ProgramFunction, at: CallAt): Promise<FirstWatched | undefined>;
  /** Opens a function for the meta-steps of a loop, as `Executables.open`. */
  openLoop(fn: ProgramFunction, at: CallAt, wiring: StepWiring): ContextLoop;
  /** Gives timers, signals and callbacks a turn, every 50 ms or so; within calls that take long this happens by itself. */
  breathe(): Promise<void>;
  /** Keeps a recorded value, and reports it. */
  readonly keep: (recorded: Recorded) => void;
  /** Keeps a reason why the run has failed although it goes on: what it still computes does not depend on it. */
  readonly doubt: (reason: MetaRuntimeError) => void;
  declared: ReadonlyMap<string, HostArray>;
  /** Present value of every leaf. */
  readonly leaves: Map<string, HostArray>;
  /** Present value of the states of the outer rule at work, and of where the loops stand that outers have moved. */
  readonly states: Map<string, HostArray>;
  /** Items that are done. */
  items: number;
  /** Where the outer at work stands; none between items. */
  outer: OuterState | undefined;
  /** Another run could go on from here. */
  readonly mark: (moment: Moment) => void;
  readonly outers: OuterResult[];
  readonly records: Records;
  readonly gradients: GradientResult[];
  readonly evaluations: EvaluationResult[];
  readonly outputs: OutputResult[];
  readonly simulations: SimulationResult[];
  readonly doubts: MetaRuntimeError[];
}
