// What does the language hand to the runtime? Everything an experiment needs to run, as functions in the intermediate
// representation and the meaning of their inputs and outputs. Made by `dsl/lower/lower_program.ts`, run by `runtime/loop/run.ts`.
import type { Limits } from "../limits.ts";
import type { Bounds } from "../ir/ranges.ts";
import type { ArrayType, DType, HostArray, IrFunction, Origin } from "../ir/types.ts";

/** What a task is given, as a function of a script is told of it: a number, what is true or false, an array, or a table by its name.
 *
 *  @category Compile */
export type TaskArgument =
  | number
  | boolean
  | string
  | { readonly shape: readonly number[]; readonly data: readonly number[] };

/** What an input of a function stands for. */
export type InputSlot =
  /** The experiment's seed, i32 [2]: low word, high word. */
  | { readonly kind: "seed" }
  /** The number of the meta-step, i32 scalar, from 0. */
  | { readonly kind: "step" }
  /** The number of meta-steps that an outer has made, i32 scalar. */
  | { readonly kind: "made"; readonly name: string }
  /** The present value of a leaf. */
  | { readonly kind: "leaf"; readonly name: string }
  /** The present value of an outer rule's state, or of what is kept of a loop that goes on from meta-step to meta-step. */
  | {
    readonly kind: "state";
    readonly name: string;
    /** The name of the parameter that it is the value of. */
    readonly leaf?: string;
  }
  /** A table or tensor given from outside. */
  | { readonly kind: "data"; readonly name: string }
  /** What a script calls a model with. */
  | { readonly kind: "argument"; readonly name: string; readonly type: ArrayType }
  /** A field of the tasks that a host function makes, stacked over the tasks from number `first` on. */
  | {
    readonly kind: "task";
    /** With the task and the split: `omniglot.support.x`. */
    readonly name: string;
    readonly task: string;
    /** Where it is in what the function gives: `support`, `x`. */
    readonly path: readonly string[];
    /** What the task is given, by name: numbers, truth values, arrays, and the names of tables. */
    readonly args: Readonly<Record<string, TaskArgument>>;
    /** What the tasks are for. */
    readonly consumer: string;
    readonly first: number;
    /** [tasks, …the field's own axes]. */
    readonly type: ArrayType;
    /** Other tasks at each meta-step. */
    readonly perStep: boolean;
    /** The same tasks for the whole run. */
    readonly fixed: boolean;
    /** Between which numbers all entries must lie. */
    readonly bounds?: Bounds;
    readonly origin: Origin;
  };

/** The parameter or hyperparameter that an input is the value of. */
export function leafOf(slot: InputSlot | undefined): string | undefined {
  return slot?.kind === "leaf" ? slot.name : slot?.kind === "state" ? slot.leaf : undefined;
}

/** A function, not yet expanded (`gradient` requests stand in it), and what its inputs are. */
export interface ProgramFunction {
  readonly fn: IrFunction;
  readonly inputs: readonly InputSlot[];
}

/** A value that lives as long as the run: a learned initial parameter, hyperparameter or free parameter, one tensor each,
 *  named as the user would (`mlp.l1.W`, `adapt.lr`, `adapt.lr[l1.W]`, `penalty`). */
export interface Leaf {
  readonly name: string;
  readonly type: ArrayType;
  /** The sizes as the program names them, for people: `["K", "1"]`. */
  readonly dims: readonly string[];
  /** Closed range that the value is kept in, if declared. The step function does the projection. */
  readonly range?: readonly [number, number];
  /** A hyperparameter with one entry for each step of its loop, along axis 0. */
  readonly perStep?: true;
  readonly origin: Origin;
}

/** A whole experiment, checked and lowered. */
export interface ExperimentProgram {
  /** The root file's name. */
  readonly source: string;
  readonly precision: DType & ("f32" | "f64");
  /** What it may ask for; the usual limits when not given. */
  readonly limits?: Limits;
  /** Bytes that each function may keep, as `memory 2 GB` says. */
  readonly memory?: number;
  readonly data: ReadonlyMap<string, HostArray>;
  /** The seed with which parts of tables were drawn, where some were: it runs with no other. */
  readonly splitBySeed?: number;
  readonly leaves: readonly Leaf[];
  /** Outputs: the declared value of every leaf, in the order of `leaves`. */
  readonly initial: ProgramFunction;
  readonly outers: readonly OuterProgram[];
  /** The inner loops that go on from meta-step to meta-step of these. */
  readonly standing: readonly StandingProgram[];
  readonly gradients: readonly GradientProgram[];
  readonly evaluations: readonly EvaluationProgram[];
  readonly outputs: readonly OutputProgram[];
  /** Inner loops that nothing else uses, run once by themselves. */
  readonly simulations: readonly SimulationProgram[];
}

/** One outer loop. */
export interface OuterProgram {
  readonly name: string;
  readonly origin: Origin;
  /** Number of meta-steps. */
  readonly steps: number;
  /** Names of the leaves that it learns. */
  readonly over: readonly string[];
  readonly states: readonly { readonly name: string; readonly type: ArrayType }[];
  /** Outputs: the states before the first step. */
  readonly initialStates: ProgramFunction;
  /** What it moves of the loops that go on: first the values of what they change, then what their rules keep and something reads. */
  readonly warm: readonly StandingState[];
  /** One meta-step. Outputs: the objective (float scalar, before the update; a maximised one with its own sign), the
   *  norm of the meta-gradient over all learned leaves (before clipping), where `skips` the number of tasks that were left out
   *  (float scalar), the new leaves in the order of `over`, the values of `warm`, the new states in the order of `states`, the
   *  others of `warm`. */
  readonly step: ProgramFunction;
  /** Tasks whose objective is not finite are left out of the mean. */
  readonly skips?: boolean;
  /** What ends it earlier: the first that holds, read before each meta-step. */
  readonly until: readonly UntilRule[];
  /** The report whose best evaluation it gives back when it ends. */
  readonly keep?: JudgedReport;
  readonly records: readonly RecordRequest[];
  /** Its own hyperparameters that `records` names and that change from meta-step to meta-step: an output for each. */
  readonly rates?: { readonly names: readonly string[]; readonly fn: ProgramFunction };
  /** What `record …@*` asks of this loop: run with the values before a step that is recorded. */
  readonly trajectories?: TrajectoryRequest;
  /** Where a run that went wrong looks for the first value that is not finite; written when it is first asked for. */
  readonly diagnose: () => Diagnosis;
  /** The objective alone, with every loop in it, also those inside others, watched by `check`s. */
  readonly watch?: () => ProgramFunction;
}

/** A loop that goes on from meta-step to meta-step. */
export interface StandingProgram {
  readonly loop: string;
  /** Each task has its own, along axis 0. */
  readonly tasks: boolean;
  readonly states: readonly StandingState[];
  /** Outputs: `states`, before the first meta-step. */
  readonly start: ProgramFunction;
}

/** Something that is kept of one: the value of a parameter, a state of its rule, or the steps that this has made. */
export interface StandingState {
  readonly name: string;
  readonly type: ArrayType;
  /** The name of the parameter that it is the value of. */
  readonly leaf?: string;
  /** It is not the loop's own: samples go on beside it. */
  readonly samples?: boolean;
}

/** Which values of a report are better. */
export type Better = "highest" | "lowest";

/** A report of an evaluation that is made during an outer. What it says is its mean over the tasks, at the last time reported. */
export interface ReportName {
  readonly kind: "report";
  readonly evaluation: string;
  /** Which of its reports, from 0. */
  readonly report: number;
}

/** A report that says which values are better. */
export interface JudgedReport extends ReportName {
  readonly better: Better;
}

/** What an outer is ended by. */
export interface UntilRule {
  /** The words after `until`. */
  readonly label: string;
  readonly when:
    /** What was said last: of the objective, or of the norm of its gradient, by the meta-step before. */
    | {
      readonly kind: "comparison";
      readonly of: { readonly kind: "loss" | "gradient_norm" } | ReportName;
      readonly is: "<" | "<=" | ">" | ">=";
      readonly than: number;
    }
    /** An evaluation says nothing better than one made so many meta-steps before it or earlier. */
    | { readonly kind: "not improved"; readonly of: JudgedReport; readonly steps: number };
}

/** Outputs one array per quantity. Leading axes: task (when `tasks`), then time. */
export interface Diagnosis {
  readonly fn: ProgramFunction;
  readonly quantities: readonly DiagnosedQuantity[];
}

/** A quantity that `diagnose` returns. */
export interface DiagnosedQuantity {
  /** The inner loop. */
  readonly loop: string;
  /** "loss", or a parameter's name. */
  readonly quantity: string;
  /** True when axis 0 runs over tasks (then axis 1 over time); else axis 0 is time. */
  readonly tasks: boolean;
  readonly origin: Origin;
}

/** `record train.loss, adapt.lr every 100 steps`: a scalar or tensor kept by meta-step. */
export interface RecordRequest {
  /** As the user named it. */
  readonly label: string;
  readonly what: { readonly kind: "loss" } | { readonly kind: "gradient_norm" } | {
    readonly kind: "leaf" | "rate";
    readonly name: string;
  };
  /** In meta-steps. */
  readonly every: number;
}

/** `record mlp.l1.W@*`: whole trajectories. Outputs of `fn` pair with `quantities`. */
export interface TrajectoryRequest {
  readonly fn: ProgramFunction;
  readonly quantities: readonly TrajectoryQuantity[];
  /** In meta-steps. */
  readonly every: number;
}

/** A stacked quantity over the time of an inner loop: a parameter has T + 1 entries, a loss or gradient norm T. */
export interface TrajectoryQuantity {
  /** As the user named it, without the time: `linear.w`, `fit.loss`. */
  readonly name: string;
  readonly loop: string;
  readonly type: ArrayType;
}

/** What a trajectory is recorded as: `linear.w@*`. */
export function trajectoryName({ name }: TrajectoryQuantity): string {
  return `${name}@*`;
}

/** One `gradient` item. */
export interface GradientProgram {
  /** The differentiated expression as written. */
  readonly label: string;
  readonly origin: Origin;
  /** Computed with the values after this outer; else with the declared ones. */
  readonly after?: string;
  /** What stands in `wrt`, each with the leaves it is made of. */
  readonly wrt: readonly {
    readonly label: string;
    readonly leaves: readonly string[];
  }[];
  /** Outputs: the value (float scalar), the gradient of every leaf of every `wrt` in order, then the trajectories. */
  readonly fn: ProgramFunction;
  readonly trajectories: readonly TrajectoryQuantity[];
  readonly expect: readonly Expectation[];
  /** The value alone, with every loop watched. */
  readonly watch?: () => ProgramFunction;
  /** The derivatives of the value for what each parameter of its loops is at every time, axis 0. */
  readonly slopes?: () => { readonly fn: ProgramFunction; readonly quantities: readonly TrajectoryQuantity[] };
}

/** One line of an `expect` block. */
export interface Expectation {
  readonly label: string;
  /** "value", or which entry of `wrt`. */
  readonly of: "value" | { readonly wrt: number };
  /** One value for all entries, or one per entry, row-major. */
  readonly expected: readonly number[];
  /** Absolute, per entry. */
  readonly within: number;
  readonly origin: Origin;
}

/** One `evaluate` item. */
export interface EvaluationProgram {
  readonly name: string;
  readonly origin: Origin;
  /** Computed with the values after this outer; else with those at the end. */
  readonly after?: string;
  /** Number of fresh tasks; 1 when the evaluation needs no task. */
  readonly tasks: number;
  /** Tasks where a report is not finite are left out of its mean. */
  readonly skips?: boolean;
  /** Outputs: per report one array [tasks] or [tasks, times]. */
  readonly fn: ProgramFunction;
  readonly reports: readonly {
    readonly label: string;
    /** The times along axis 1; undefined when the report has no `at`. */
    readonly times?: readonly number[];
  }[];
  /** One of the reports alone, with every loop watched. */
  readonly watch?: (report: number) => ProgramFunction;
  /** Also during an outer loop, every so many meta-steps. */
  readonly every?: { readonly steps: number; readonly of: string };
}

/** An array that an `output` item writes. */
export interface OutputArray {
  readonly name: string;
  readonly origin: Origin;
  /** The expression as written. */
  readonly label: string;
  /** Its sizes as the program names them: `["K", "1"]`. */
  readonly dims: readonly string[];
  /** Which output of the function says of each entry whether it was made of NaN (bool): of an array of floats none does. */
  readonly mark?: number;
}

/** One `output` item that is computed by itself. */
export interface OutputProgram extends OutputArray {
  /** Computed with the values after this outer; else with those at the end. */
  readonly after?: string;
  /** Number of fresh tasks, which axis 0 runs over; absent when it is across none. */
  readonly tasks?: number;
  /** Outputs: the array, and its mark where it has one. */
  readonly fn: ProgramFunction;
  /** The array alone, with every loop watched. */
  readonly watch?: () => ProgramFunction;
}

/** An inner loop run once. Outputs: its losses [T], the trajectories, the outputs, what it changes where it ends, where it may stop how
 *  many steps it took (i32), and the marks of the outputs. */
export interface SimulationProgram {
  readonly loop: string;
  readonly origin: Origin;
  readonly steps: number;
  readonly fn: ProgramFunction;
  readonly trajectories: readonly TrajectoryQuantity[];
  /** The `output` items that are of this run. */
  readonly outputs: readonly OutputArray[];
  /** The names of what it changes. */
  readonly ends: readonly string[];
  /** It may stop before its last step. */
  readonly stops?: boolean;
  /** The losses alone, with every loop inside watched. */
  readonly watch?: () => ProgramFunction;
}

/** A model, or a part of one, that a script calls with new inputs once a program has run. */
export interface ModelProgram {
  readonly name: string;
  readonly arguments: readonly {
    readonly name: string;
    /** As it is declared: `int [n, 64]`. */
    readonly type: string | undefined;
    readonly dtype: DType | undefined;
  }[];
  /** The loops in whose own runs parameters end, by the names of these; the others have their values at the end. */
  readonly ends: ReadonlyMap<string, SimulationProgram>;
  /** The function for arguments of these types. Throws UseError where they do not fit. */
  readonly write: (types: readonly ArrayType[]) => WrittenModel;
}

/** Output of `fn`: what the model returns. */
export interface WrittenModel extends Pick<OutputArray, "dims"> {
  readonly fn: ProgramFunction;
}

/** What a step makes after the objective and the norm: what is learned, where parameters stand, then all that need not be finite. */
export function madeBy(
  { over, states, warm }: OuterProgram,
): readonly { readonly kind: "leaf" | "state"; readonly name: string }[] {
  const state = ({ name }: { readonly name: string }) => ({ kind: "state", name }) as const;
  return [
    ...over.map((name) => ({ kind: "leaf", name }) as const),
    ...warm.filter(({ leaf }) => leaf !== undefined).map(state),
    ...states.map(state),
    ...warm.filter(({ leaf }) => leaf === undefined).map(state),
  ];
}

/** The names of all outputs. */
export function outputNames({ outputs, simulations }: ExperimentProgram): readonly string[] {
  return [...outputs, ...simulations.flatMap((s) => s.outputs)].map(({ name }) => name);
}

/** Every function of a program, in the order they are first needed. */
export function functionsOf(program: ExperimentProgram): ProgramFunction[] {
  return [
    program.initial,
    ...program.standing.map((s) => s.start),
    ...program.outers.flatMap((
      o,
    ) => [o.initialStates, o.step, ...(o.rates ? [o.rates.fn] : []), ...(o.trajectories ? [o.trajectories.fn] : [])]),
    ...program.gradients.map((g) => g.fn),
    ...program.evaluations.map((e) => e.fn),
    ...program.outputs.map((o) => o.fn),
    ...program.simulations.map((s) => s.fn),
  ];
}
