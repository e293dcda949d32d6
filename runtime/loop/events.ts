// What does a run say while it runs? One event for each thing that happened; the terminal, JSON lines, the run folder
// and a caller's own callback are all made from these.
import type {
  EvaluationResult,
  GradientResult,
  ImplicitReport,
  KeptEvaluation,
  Outcome,
  OutputResult,
  Recorded,
  SimulationResult,
  UntilHeld,
} from "./results.ts";

/** Something happened in a run.
 *
 *  @category Events */
export type RunEvent =
  | StartedEvent
  | StepEvent
  | EvaluationEvent
  | OutputEvent
  | GradientEvent
  | ImplicitEvent
  | SimulationEvent
  | UntilEvent
  | KeptEvent
  | RecordedEvent
  | FinishedEvent;

/** Before any work.
 *
 *  @category Events */
export interface StartedEvent {
  /** Tells the events apart. */
  readonly kind: "started";
  /** The root file's name. */
  readonly source: string;
  /** Name of the backend. */
  readonly backend: string;
  /** Seed of every draw. */
  readonly seed: number;
  /** Arithmetic of the experiment. */
  readonly precision: "f32" | "f64";
  /** Number of tensors that live as long as the run: learned or declared values. */
  readonly leaves: number;
  /** Number of values in them. */
  readonly leafValues: number;
  /** The outer loops to come, with their meta-steps. */
  readonly outers: readonly { readonly name: string; readonly steps: number }[];
}

/** A meta-step was done.
 *
 *  @category Events */
export interface StepEvent {
  /** Tells the events apart. */
  readonly kind: "step";
  /** Name of the outer loop. */
  readonly outer: string;
  /** Number of the meta-step, from 0. */
  readonly step: number;
  /** Meta-steps asked for. */
  readonly steps: number;
  /** The objective before the update. */
  readonly loss: number;
  /** Norm of the meta-gradient over all learned values, before clipping. */
  readonly gradientNorm: number;
  /** How many tasks were left out, where the loop says `skip not finite` and some were. */
  readonly leftOut?: number;
  /** Seconds spent in the outer loop so far, by the runs that this one goes on from, too. */
  readonly secondsElapsed: number;
  /** Meta-steps per second, over the loop so far; the first one counts only while it is the only one. */
  readonly stepsPerSecond: number;
  /** Estimated seconds to the end of this outer loop. */
  readonly secondsLeft: number;
}

/** An evaluation was computed.
 *
 *  @category Events */
export interface EvaluationEvent {
  /** Tells the events apart. */
  readonly kind: "evaluation";
  /** What it gave. */
  readonly evaluation: EvaluationResult;
}

/** An `output` was computed.
 *
 *  @category Events */
export interface OutputEvent {
  /** Tells the events apart. */
  readonly kind: "output";
  /** What it gave. */
  readonly output: OutputResult;
}

/** A `gradient` item was computed.
 *
 *  @category Events */
export interface GradientEvent {
  /** Tells the events apart. */
  readonly kind: "gradient";
  /** What it gave. */
  readonly gradient: GradientResult;
}

/** A derivative was taken implicitly: said at the first and last meta-step of an outer loop and where an inner loop begins or
 *  ceases to arrive, and for every `gradient` item.
 *
 *  @category Events */
export interface ImplicitEvent {
  /** Tells the events apart. */
  readonly kind: "implicit";
  /** Name of the outer loop, if it was one, and its meta-step. */
  readonly outer?: { readonly name: string; readonly step: number };
  /** How good it is. */
  readonly report: ImplicitReport;
}

/** An inner loop was run by itself.
 *
 *  @category Events */
export interface SimulationEvent {
  /** Tells the events apart. */
  readonly kind: "simulation";
  /** What it gave. */
  readonly simulation: SimulationResult;
}

/** An outer loop ended because an `until` held.
 *
 *  @category Events */
export interface UntilEvent {
  /** Tells the events apart. */
  readonly kind: "until";
  /** Name of the outer loop. */
  readonly outer: string;
  /** Meta-steps done. */
  readonly step: number;
  /** Which one, and what it read. */
  readonly held: UntilHeld;
}

/** An outer loop gave the values of its best evaluation back.
 *
 *  @category Events */
export interface KeptEvent {
  /** Tells the events apart. */
  readonly kind: "kept";
  /** Name of the outer loop. */
  readonly outer: string;
  /** Which evaluation it was. */
  readonly kept: KeptEvaluation;
}

/** A value was recorded.
 *
 *  @category Events */
export interface RecordedEvent {
  /** Tells the events apart. */
  readonly kind: "recorded";
  /** The value, and where it comes from. */
  readonly recorded: Recorded;
  /** Which one of its name and item it is, from 0. */
  readonly index: number;
}

/** The run ended, whatever way.
 *
 *  @category Events */
export interface FinishedEvent {
  /** Tells the events apart. */
  readonly kind: "finished";
  /** How the run ended. */
  readonly outcome: Outcome;
  /** Seconds from start to end. */
  readonly seconds: number;
  /** Number of `expect` lines that were missed. */
  readonly missed: number;
}
