// What does a run leave behind? Values, curves, gradients, evaluations and verdicts, as plain data. Made by `run.ts`,
// kept whatever way the run ended; `events.ts` hands the same pieces out as they come.
import type { HostArray, Origin } from "../ir/types.ts";
import type { MetaRuntimeError } from "../errors.ts";
import type { MemoryPlan } from "./memory.ts";
import type { Summary } from "./statistics.ts";

/** How a run ended: to the end; stopped by the signal; or gone wrong.
 *
 *  @category Results */
export type Outcome = "done" | "stopped" | "failed";

/** Everything a run computed. */
export interface RunResult {
  readonly outcome: Outcome;
  /** Why, when the outcome is "failed". */
  readonly failure?: MetaRuntimeError;
  readonly backend: string;
  readonly seed: number;
  readonly precision: "f32" | "f64";
  /** Seconds from start to end. */
  readonly seconds: number;
  /** Declared value of every leaf. */
  readonly declared: ReadonlyMap<string, HostArray>;
  /** Present value of every leaf: trained as far as the run got, always the last finite one. */
  readonly leaves: ReadonlyMap<string, HostArray>;
  /** The names of those leaves that have an entry for each step of a loop, along axis 0; absent where there are none. */
  readonly perStep?: readonly string[];
  /** All that is kept of loops that go on from meta-step to meta-step, by name; absent where there is none. */
  readonly states?: ReadonlyMap<string, HostArray>;
  readonly outers: readonly OuterResult[];
  /** One for each name and item that recorded it, in the order in which they began. */
  readonly recorded: readonly RecordedValues[];
  readonly gradients: readonly GradientResult[];
  readonly evaluations: readonly EvaluationResult[];
  /** In the order in which they were computed. */
  readonly outputs: readonly OutputResult[];
  readonly simulations: readonly SimulationResult[];
  /** What each function kept, with its bytes and operations. */
  readonly plans: readonly MemoryPlan[];
}

/** One outer loop, as far as it got.
 *
 *  @category Results */
export interface OuterResult {
  /** Name of the outer loop. */
  readonly name: string;
  /** Meta-steps asked for. */
  readonly steps: number;
  /** Meta-steps done. */
  readonly done: number;
  /** The meta-steps that the entries of `losses` and `gradientNorms` belong to: all that were done, up to 100,000 of them; of more, at
   *  most as many: the first, the last, and in stretches of equal length those at which one of the two is least or largest. */
  readonly metaSteps: Float64Array;
  /** The objective before the update of each of these meta-steps. */
  readonly losses: Float64Array;
  /** The norm of the meta-gradient at each of them. */
  readonly gradientNorms: Float64Array;
  /** Seconds spent in this loop. */
  readonly seconds: number;
  /** The `until` that held when it ended. */
  readonly until?: UntilHeld;
  /** The evaluation whose values it gave back, with `keep best`. */
  readonly kept?: KeptEvaluation;
  /** Where it says `skip not finite`: how many tasks were left out in all, and in how many meta-steps. */
  readonly leftOut?: LeftOut;
  /** One for each inner loop that is differentiated implicitly, as of the last meta-step done, and in how many meta-steps
   *  it had not arrived. */
  readonly implicit?: readonly (ImplicitReport & { readonly missed: number })[];
}

/** Tasks that were not finite.
 *
 *  @category Results */
export interface LeftOut {
  /** In all meta-steps together. */
  readonly tasks: number;
  /** Meta-steps with such a task. */
  readonly steps: number;
}

/** An `until` that held, after as many meta-steps as were done.
 *
 *  @category Results */
export interface UntilHeld {
  /** The words after it. */
  readonly until: string;
  /** What it compared; the best value where that has not improved (NaN: none was finite). */
  readonly value: number;
}

/** The evaluation that `keep best` kept.
 *
 *  @category Results */
export interface KeptEvaluation {
  /** Name of the evaluation. */
  readonly evaluation: string;
  /** Which of its reports says what is better, from 0. */
  readonly report: number;
  /** Which values are better. */
  readonly better: "highest" | "lowest";
  /** It was made before this meta-step; after the last one when that is their number. */
  readonly step: number;
  /** Its mean over the tasks, at the last time reported. */
  readonly value: number;
}

/** What an implicit derivative says of itself. It is that of a solution: only as good as the loop is near one, and as its
 *  linear system was solved. With several tasks or repetitions, the worst.
 *
 *  @category Results */
export interface ImplicitReport {
  /** Name of the inner loop. */
  readonly loop: string;
  /** |b - A x| / |b| of the system that was solved; NaN when no derivative passed. */
  readonly residual: number;
  /** What is 0 at a solution: the loop's gradient, or, for the solver `fixed_point`, what one more step of its rule changes. */
  readonly equation: "gradient" | "step";
  /** Norm of that at the loop's end. */
  readonly gradientNorm: number;
  /** Norm of that at the loop's start. */
  readonly startNorm: number;
  /** How far the loop is from a solution: the part of its norm that is left, or about the part of the parameters' size that
   *  they are away, whichever is less. */
  readonly left: number;
  /** `left` is at most a thousandth: the loop stands near a solution. */
  readonly arrived: boolean;
}

/** Where a recorded value comes from.
 *
 *  @category Results */
export type RecordedBy =
  /** The values before meta-step `step` of an outer loop; after the last one when `step` is their number. */
  | { readonly kind: "outer"; readonly name: string; readonly step: number }
  /** The `gradient` item with this index. */
  | { readonly kind: "gradient"; readonly index: number }
  /** An inner loop run by itself. */
  | { readonly kind: "simulation"; readonly loop: string };

/** One value that a `record` item asked for.
 *
 *  @category Results */
export interface Recorded {
  /** As the user named it: `train.loss`, `adapt.lr`, `linear.w@*`. */
  readonly name: string;
  /** What it is of, without the time: `train.loss`, `adapt.lr`, `linear.w`. */
  readonly of: string;
  /** The item that recorded it. */
  readonly by: RecordedBy;
  /** True for `…@*`: axis 0 runs over the times of the inner loop. */
  readonly trajectory: boolean;
  /** The value. */
  readonly value: HostArray;
}

/** The item that records. */
export type RecordedItem =
  /** An outer loop. */
  | { readonly kind: "outer"; readonly name: string }
  | Exclude<RecordedBy, { readonly kind: "outer" }>;

/** All that an item recorded under a name. */
export interface RecordedValues extends Pick<Recorded, "name" | "of" | "trajectory"> {
  readonly by: RecordedItem;
  /** The values before each of these meta-steps; after the last one at their number. None where it is not an outer. */
  readonly steps: Int32Array;
  /** Axis 0 runs over them. */
  readonly values: HostArray;
}

/** One `gradient` item.
 *
 *  @category Results */
export interface GradientResult {
  /** Place among the `gradient` items of the file, from 0. */
  readonly index: number;
  /** The differentiated expression as written. */
  readonly label: string;
  /** The outer whose values it was computed with; declared values when absent. */
  readonly after?: string;
  /** The expression's value. */
  readonly value: number;
  /** What stands in `wrt`, each with the gradient of every tensor that it is made of. */
  readonly wrt: readonly {
    readonly label: string;
    readonly leaves: readonly { readonly name: string; readonly gradient: HostArray }[];
  }[];
  /** One for each loop that is differentiated implicitly. */
  readonly implicit?: readonly ImplicitReport[];
  /** What came of its `expect` block, line by line. */
  readonly verdicts: readonly Verdict[];
}

/** What came of one line of an `expect` block.
 *
 *  @category Results */
export interface Verdict {
  /** Index of the `gradient` item. */
  readonly gradient: number;
  /** "value", or a name in `wrt`. */
  readonly label: string;
  /** One value for all entries, or one per entry. */
  readonly expected: readonly number[];
  /** What was computed, all entries, row-major. */
  readonly actual: readonly number[];
  /** Allowed absolute difference per entry. */
  readonly within: number;
  /** Largest absolute difference over the entries; NaN when a value is not a number. */
  readonly difference: number;
  /** True when every difference is at most `within`. */
  readonly met: boolean;
  /** The line in the source. */
  readonly origin: Origin;
}

/** One evaluation, at one moment.
 *
 *  @category Results */
export interface EvaluationResult {
  /** Name of the item. */
  readonly name: string;
  /** Number of fresh tasks. */
  readonly tasks: number;
  /** Set for an evaluation during an outer loop: the values before meta-step `step`. */
  readonly during?: { readonly outer: string; readonly step: number };
  /** One for each `report`, in the order of the file. */
  readonly reports: readonly ReportResult[];
}

/** One `report` of an evaluation.
 *
 *  @category Results */
export interface ReportResult {
  /** The expression as written. */
  readonly label: string;
  /** One entry per time; a single one without a time when the report has no `at`. */
  readonly points: readonly ReportPoint[];
}

/** A report at one time.
 *
 *  @category Results */
export interface ReportPoint extends Summary {
  /** Step of the inner loop. */
  readonly time?: number;
  /** One value per task, in the order of the tasks. */
  readonly values: Float64Array;
}

/** One `output` item: an array.
 *
 *  @category Results */
export interface OutputResult {
  /** Name of the item. */
  readonly name: string;
  /** The expression as written. */
  readonly label: string;
  /** The outer whose values it was computed with; those at the end when absent. */
  readonly after?: string;
  /** Number of fresh tasks, which axis 0 runs over; absent when it is across none. */
  readonly tasks?: number;
  /** Its sizes as the program names them: `["K", "1"]`. */
  readonly dims: readonly string[];
  /** Number of its entries that are NaN or infinite; where these are no floats, that were made of NaN. */
  readonly nonFinite: number;
  /** The array. */
  readonly value: HostArray;
}

/** One inner loop run by itself.
 *
 *  @category Results */
export interface SimulationResult {
  /** Name of the inner loop. */
  readonly loop: string;
  /** What the loop minimizes, before each step. */
  readonly losses: Float64Array;
  /** What it changes, where it ends, by name. */
  readonly ends: ReadonlyMap<string, HostArray>;
  /** How many steps it took, where it has an `until`; what comes after is repeated. */
  readonly taken?: number;
}
