// What is known while a program is checked and lowered, and when? Values, the worlds that they belong to, and the tables that all
// analyses share. A world knows which parameters have which value "now", which task is drawn, and which builder the equations of
// that moment go to; worlds nest as loops do. It is one recursive type, and so one file: what is no part of the recursion stands in
// `value_kinds.ts` and `stored_arrays.ts`.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { ArrayType, DType, HostArray, Variable } from "../../runtime/ir/types.ts";
import type { InputSlot } from "../../runtime/program/program.ts";
import type { Definition, Module, ModuleSet } from "../modules/modules.ts";
import type { DeclaredHyperparameter, Direction, Loop, LoopRule, NamedAcross, Via, WrittenStep } from "./loop.ts";
import type { Path } from "../syntax/paths.ts";
import type {
  BatchClause,
  DataField,
  DataItem,
  Expression,
  FunctionItem,
  LetItem,
  ModelItem,
  OptimizerItem,
} from "../syntax/ast.ts";
import type { Span } from "../text/source.ts";
import type { DiagnosticSink } from "../diagnostics/diagnostic.ts";
import type { Instance } from "./instance.ts";
import type { Limits } from "../../runtime/limits.ts";
import type { IntRange } from "../../runtime/ir/ranges.ts";
import type {
  BaseDistribution,
  ClassTable,
  Dim,
  DistributionValue,
  ErrorValue,
  Fans,
  GivenField,
  HyperparameterValue,
  LiteralValue,
  LoopValue,
  NamedTensor,
  NumbersUse,
  ShapeValue,
  StaticValue,
  Table,
  TensorValue,
  TimePoint,
} from "./value_kinds.ts";
import type { LeafNames, Start } from "./stored_arrays.ts";

/** One function that is being lowered (or, `dry`, only checked): the step of an outer, a gradient, an evaluation. */
export interface Consumer {
  /** What it is called where its draws are made. */
  readonly name: string;
  /** Nothing is run: every parameter is a placeholder, loops are gone through once. */
  readonly dry: boolean;
  /** How each loop is run that it runs, as its check found out; nothing while that goes on. */
  readonly plans: ReadonlyMap<Loop, LoopPlan>;
  /** T of every inner loop, when `evaluate … for T = 10 steps` says so. */
  readonly steps?: GivenSteps;
  /** The input of the function that a slot stands for, made when first asked for. */
  readonly input: (slot: InputSlot, type?: ArrayType) => Variable;
  /** The meta-step of an outer (i32 scalar). */
  readonly metaStep: Variable | undefined;
  /** The outer whose meta-step that is. */
  readonly outer: Loop | undefined;
  /** The loops that outers move from meta-step to meta-step, with the tasks in each of which they stand elsewhere. */
  readonly lasting: ReadonlyMap<Loop, Across | undefined>;
  /** It sees what outers have made so far: where `train.t` and warm loops stand. Else it stands before all of them. */
  readonly present: boolean;
  /** The item that it is written for, for messages. */
  readonly place?: ConsumerPlace;
  /** Every inner loop that was run for it, inside others too. */
  readonly runs: LoopRun[];
  /** What each value that is being computed was computed from so far, innermost last. */
  readonly reading: Set<Source>[];
  /** Its loops say where a number is first not finite (watched_loops.ts). */
  readonly watches: boolean;
  /** Its derivatives are asked for: those of an evaluation are not. */
  readonly differentiated: boolean;
  /** Leaves whose values come from outside. */
  readonly persistent: ReadonlySet<string>;
  /** Leaves of other items: drawn once as for those, and computed here where they follow what is learned. */
  readonly declared: Pick<ReadonlySet<string>, "has">;
}

/** A number of steps that an evaluation gives, with its place. */
export interface GivenSteps {
  /** The loop that it is for. */
  readonly loop: Loop | undefined;
  /** What the evaluation calls it: `S` in `for S = 10 steps`. */
  readonly name: string | undefined;
  readonly count: number;
  readonly span: Span;
  /** Arrays over the steps are cut or keep their last entry (`hold last`), rather than having to fit. */
  readonly holdLast: boolean;
}

/** What a function is written for, as a reader of the program knows it. */
export interface ConsumerPlace {
  /** `train`, this gradient. */
  readonly what: string;
  readonly span: Span;
  /** An inner loop that nothing uses. */
  readonly alone?: boolean;
  /** Where something starts that is learned: alike for all tasks. */
  readonly start?: boolean;
}

/** The two ways through the circle of evaluation, and the words that it knows. */
export interface Evaluator {
  readonly evaluate: (cx: Context, expression: Expression) => Value;
  readonly runLoop: (cx: Context, loop: Loop, span: Span) => LoopRun | undefined;
  /** Builtins by their names, with the arguments that are given by name; and constants. For hints. */
  readonly builtins: ReadonlyMap<string, { readonly named: readonly string[] }>;
  readonly constants: ReadonlyMap<string, StaticValue>;
}

export interface World {
  readonly parent: World | undefined;
  readonly consumer: Consumer;
  /** Where what belongs to this world is computed. An expression may be evaluated deeper, never higher. */
  readonly b: Builder;
  /** Values "now", by leaf name. */
  readonly values: ReadonlyMap<string, TensorValue>;
  /** Values at the start that are given here, by leaf name: what is differentiated for, perturbed or learned. */
  readonly initials: ReadonlyMap<string, TensorValue>;
  /** Values at the start that were computed here, by leaf name: what is drawn for a task in the world of that task. */
  readonly starts: Map<string, Sourced<TensorValue>>;
  /** Loops whose parameters have a value now in this world. */
  readonly owns: ReadonlySet<Loop>;
  /** Inner loops already run here. */
  readonly runs: Map<Loop, LoopRun>;
  /** Where the loops begin that are run here, by leaf name: what `w@0` is in their steps. */
  readonly begun: Map<Loop, ReadonlyMap<string, TensorValue>>;
  /** Values of `let`s that were computed here, with the builder that they went to. */
  readonly lets: Map<LetItem, { readonly b: Builder; readonly found: Sourced<Value> }>;
  readonly task?: TaskInstance;
  /** The objective of a loop as its step goes down it: calls of what it evolves are training calls. */
  readonly training?: Training;
  /** How many steps have made the values now. */
  readonly time?: StaticValue | TensorValue;
  /** The step of an inner loop or a scan. */
  readonly step?: StepNow;
  /** The step of an outer loop that another loop or item runs. */
  readonly metaStep?: StepNow;
  /** What is evaluated here is there from the beginning of a task: what it is made of, and where parameters start. */
  readonly beginning?: boolean;
  /** Zeros [T + 1, ...] that are added to what loops evolve, by loop and leaf, so that derivatives for every time can be asked
   *  for. */
  readonly disturbed?: ReadonlyMap<Loop, ReadonlyMap<string, Variable>>;
  /** A loop that is run window by window, and which window this is. */
  readonly window?: LoopWindow;
  /** What is known of a loop before one of its steps, for its `until`. */
  readonly now?: QuantitiesNow;
  /** All that the loop goes on from whose step this is. */
  readonly state?: LoopState;
  /** Where the loops stand that go on from meta-step to meta-step of the outer that is run here. */
  readonly standing?: ReadonlyMap<Loop, Standing>;
}

/** What a loop minimizes at present, and the norm of its gradient. */
export interface QuantitiesNow {
  readonly loop: Loop;
  readonly loss: TensorValue;
  readonly gradient_norm: TensorValue;
  /** The same before the first step. */
  readonly start: Pick<QuantitiesNow, "loss" | "gradient_norm">;
}

/** One tensor of a loop at one time. */
export interface LeafState {
  readonly leaf: LeafDeclaration;
  readonly p: TensorValue;
  /** By the names that the rule has for them. */
  readonly states: ReadonlyMap<string, TensorValue>;
  /** The steps that its rule had made before the loop began (i32 scalar); undefined where that is none, or nothing reads it. */
  readonly made?: Variable | undefined;
}

/** All that the next step of a loop starts from, but for its number. */
export type LoopState = readonly LeafState[];

/** Where a loop stands that goes on from meta-step to meta-step: of each task, when there are tasks, [tasks, ...]. */
export interface Standing {
  readonly across: Across | undefined;
  readonly state: LoopState;
  /** The loop begins anew, wherever it stands (bool scalar). */
  readonly begins?: Variable;
}

/** Some of the steps of a loop, going on from where those before ended. */
export interface LoopWindow {
  readonly loop: Loop;
  readonly length: number;
  /** Its first step (i32 scalar). */
  readonly from: Variable;
  /** What the loop has there, as `LoopRun.carry` gives it. At step 0 the loop's own start counts. */
  readonly carry: readonly Variable[];
  /** What is differentiated is across tasks, and this [tasks, ...]. */
  readonly across: boolean;
}

/** Which step it is of a loop or scan. */
export interface StepNow {
  readonly name: string;
  /** What it is called where draws are made, when otherwise. */
  readonly drawnAs?: string;
  /** i32 scalar. */
  readonly number: Variable;
}

/** Names known at a place in the text, innermost first. */
export interface Scope {
  readonly module: Module;
  readonly parent: Scope | undefined;
  readonly locals: ReadonlyMap<string, Local>;
  /** In the body of a distribution: those of the shape that is drawn. */
  readonly fans?: Fans;
}

/** A call on the way to where we are. */
export interface Frame {
  readonly callee: string;
  readonly span: Span;
  /** What was handed over, with its place in the call. */
  readonly args?: readonly Passed[];
  /** What is said at the place instead of "in this call of …". */
  readonly message?: string;
  /** A stand-in for a call that the program does not make: nothing is said of it. */
  readonly silent?: true;
  /** The definition that is called. */
  readonly item?: object;
}

/** An argument as a value and as a place. */
export interface Passed {
  readonly value: Value;
  readonly span: Span;
}

/** A local name. `value` is computed at most once; `at` is where it is read. */
export interface Local {
  readonly value: (at?: Span) => Value;
}

/** Where an expression is evaluated. */
export interface Context {
  readonly elaboration: Elaboration;
  readonly world: World;
  readonly scope: Scope;
  /** Where equations go now: the world's builder, or one nested in it. */
  readonly b: Builder;
  /** The calls that we are in, innermost first. */
  readonly frames: readonly Frame[];
  /** The rows that are read of a table, in the objective of a loop that takes a batch of it. */
  readonly batch?: Batch | undefined;
  /** The tables that the body of a comprehension or a scan goes through row by row. */
  readonly indexed?: Set<Table>;
}

/** How many tasks a loop or evaluation is across, and which. */
export interface Across {
  readonly clause: NamedAcross;
  readonly count: number;
  readonly fixed: boolean;
}

/** The arithmetic of an experiment. */
export type Precision = DType & ("f32" | "f64");

export interface Elaboration {
  readonly modules: ModuleSet;
  readonly sink: DiagnosticSink;
  readonly precision: Precision;
  /** How expressions are evaluated and loops are run. */
  readonly evaluator: Evaluator;
  /** What differs from the program as written. */
  readonly instance: Instance;
  readonly limits: Limits;
  /** Values of `input`s, by module name and input name joined with a newline. */
  readonly inputs: ReadonlyMap<string, StaticValue>;
  readonly loops: Map<string, Loop>;
  /** Top-level models by path. */
  readonly instances: Map<string, InstanceNode>;
  /** Every parameter tensor and hyperparameter seen so far, by name. */
  readonly leaves: Map<string, LeafDeclaration>;
  /** Loaded tables, by `name.field`. */
  readonly data: Map<string, HostArray>;
  /** Where parameters and hyperparameters start that do not start as they are declared. */
  readonly starts: Start[];
  /** Those of which something was read. */
  readonly startsRead: Set<Start>;
  /** The rows of tables by the values of a field, where tasks draw them so; undefined where those are not known. */
  readonly classTables: Map<Table, Map<string, ClassTable | undefined>>;
  /** Where fields of classes are read as numbers of things. */
  readonly numbered: Map<string, NumbersUse>;
  /** What is known of their integers, and where each stands. */
  readonly dataRanges: Map<string, IntRange>;
  /** The rows of each part of a table, increasing; undefined where they cannot be known. */
  readonly parts: Map<DataItem, Int32Array | undefined>;
  /** The fields that were computed once, or cannot be. */
  readonly computed: Set<DataField>;
  /** With which splits draw their parts. */
  readonly seed: number;
  /** Names of the tasks whose fields without values a host function gives. */
  readonly hostTasks: ReadonlySet<string>;
  /** Names of the hyperparameters whose values at every step are recorded. */
  readonly recordedRates: Set<string>;
  /** Definitions being evaluated, to find those that depend on themselves. */
  readonly busy: Set<object>;
  /** Loops that were gone through in this round of the check, whether to their end or not. */
  readonly entered: Set<Loop>;
  /** Loops from whose rules another goes on between their start and their end. */
  readonly halfway: Set<Loop>;
  /** Outers whose number of meta-steps is asked for from outside, and where. */
  readonly asked: Map<Loop, Span>;
  /** Models that some call went into. */
  readonly called: Set<object>;
  /** What each loop is over, once it was asked for. */
  readonly over: Map<Loop, readonly LoopPath[]>;
  /** Steps of rules that are written, by what they are given; "open": the rule reads more than that (written_rules.ts). */
  readonly rules: Map<OptimizerItem, Map<string, WrittenStep[]> | "open">;
  /** Things that were complained about once, so that the same is not said of every use. */
  readonly said: Set<unknown>;
  /** How far the evaluation of expressions has gone, to stop what would not end, and where it is in the program's own files;
   *  how often a parameter without a shape was met; bytes of data that were read; evaluations for definitions that nothing calls; the
   *  places of expressions that had a value, where it is asked; whether products with a number that is 0 are written as they are. */
  readonly work: {
    depth: number;
    evaluations: number;
    unshaped: number;
    dataBytes: number;
    uncalled: number;
    at?: Span | undefined;
    readonly valued?: Set<string>;
    writesZeros?: boolean;
  };
  /** What functions of numbers alone draw from, by these and the fans of a shape. */
  readonly distributions: Map<FunctionItem, ReadonlyMap<string, BaseDistribution>>;
  /** Parameters that were asked for before a call shaped them, with the places: the check is run once more. */
  readonly unshaped: Map<string, Unshaped>;
  /** Calls that could not be gone into, by the model that they would have shaped: the parameter that an argument needs first. */
  readonly waiting: Map<InstanceNode, Unshaped>;
  /** Models whose parameters were asked for, and how many were known: the check is run once more where these become more. */
  readonly counted: Map<InstanceNode, number>;
}

/** What is asked for and not shaped, and where. */
export interface Unshaped {
  readonly path: Path;
  readonly span: Span;
}

/** One tensor that has a value at the start: a parameter or a hyperparameter. */
export interface LeafDeclaration extends LeafNames {
  readonly dims: readonly Dim[];
  readonly module: Module;
  /** Its name for draws, which no other item changes. */
  readonly drawnAs: string;
  readonly span: Span;
  readonly range?: readonly [number, number];
  /** What is read in place of its declared value. */
  readonly start?: Start;
  /** The declared value: a constant, or a draw that belongs to a world. */
  readonly initial: (cx: Context) => TensorValue | undefined;
  /** The loop of a hyperparameter. */
  readonly loop?: Loop;
  /** A state that a model holds: its training calls move it, and no rule does. */
  readonly state?: true;
  /** A hyperparameter with one entry for each step, along axis 0. */
  readonly perStep?: boolean;
  /** How an outer moves it inside its range, when said. */
  readonly via?: Motion;
}

/** A reparameterisation and the range it needs. */
export interface Motion {
  readonly kind: Via;
  readonly range: readonly [number, number];
}

/** An inner loop that was run (or gone through, in a dry check) in a world. */
export interface LoopRun extends LoopRecord {
  /** What it was computed from. */
  readonly sources: ReadonlySet<Source>;
}

/** One thing in the `over` of a loop, by the name that the program has for it. */
export interface LoopPath {
  readonly path: Path;
  /** It is written at a time: `net@0`. */
  readonly timed: boolean;
}

/** How a hyperparameter gets its value. */
export interface HyperparameterPlan {
  readonly declared: DeclaredHyperparameter;
  readonly kind: "leaf" | "switch" | "formula";
  /** The constant, when it is one. */
  readonly constant?: StaticValue;
  readonly perStep: boolean;
  readonly perTensor: boolean;
}

/** What a loop changes by a rule. */
export interface RuledLeaves {
  readonly rule: LoopRule;
  readonly leaves: readonly LeafDeclaration[];
  readonly plans: readonly HyperparameterPlan[];
}

/** How a loop is run: what a check finds out, and all that is read where the loop is written. */
export interface LoopPlan {
  readonly loop: Loop;
  readonly steps: number;
  /** What each of its rules changes, and by which hyperparameters. */
  readonly rules: readonly RuledLeaves[];
  /** All that they change, then the states that models hold and its training calls move. */
  readonly leaves: readonly LeafDeclaration[];
  /** How what it minimizes is differentiated. */
  readonly direction: Direction;
  /** Of an outer: the loops that it runs which go on from the meta-step before. */
  readonly warm: readonly CheckedLoop[];
}

/** What the check of a loop found out where it was run. */
export interface CheckedLoop extends LoopPlan {
  /** The loop whose step runs it, if one does. */
  readonly around: Loop | undefined;
  /** Parameters, then states, where it ends, then all that it has of the loops that it moves. */
  readonly carry: readonly ArrayType[];
}

/** What is known of a run. */
export interface LoopRecord extends CheckedLoop {
  readonly carry: readonly Variable[];
  /** A parameter at a time, 0 .. T. */
  readonly parameter: (leaf: LeafDeclaration, at: TimePoint) => TensorValue;
  /** All that the loop has of a parameter at a known time. */
  readonly state: (leaf: LeafDeclaration, step: number) => LeafState;
  /** The loss or the norm of the gradient at a time; T is one more evaluation. Undefined when wrong (reported). */
  readonly quantity: (name: "loss" | "gradient_norm", at: TimePoint) => TensorValue | undefined;
  /** Stacked over times 0 .. T. */
  readonly trajectory: (leaf: LeafDeclaration) => Variable;
  /** Stacked over steps 0 .. T - 1. */
  readonly stacked: (name: "loss" | "gradient_norm") => Variable;
  /** A hyperparameter that is recorded, stacked over steps 0 .. T - 1. */
  readonly rate: (name: string) => Variable | undefined;
  /** How many steps it took: fewer than its number where an `until` held. */
  readonly taken: StaticValue | TensorValue;
}

/** A reference to meta-parameters: as written, and the leaves it is made of. */
export interface MetaReference {
  readonly label: string;
  readonly expression: Expression;
  readonly leaves: readonly LeafDeclaration[];
}

/** The rows of a table that one step of a loop sees. */
export interface Batch {
  readonly loop: Loop;
  readonly clause: BatchClause;
  readonly table: Table;
  /** Numbers of rows: int [size]. */
  readonly rows: TensorValue;
  /** Where they are drawn. */
  readonly b: Builder;
  /** The fields that were read. */
  readonly fields: Map<string, Value>;
}

/** A model with its place in the program. */
export interface InstanceNode {
  /** `mlp`, `mlp.l1`. */
  readonly path: Path;
  readonly model: UserModel;
  /** Values of the first list of a sized model. */
  readonly sizes: ReadonlyMap<string, Local>;
  /** Own parameters by name, as far as they are known. */
  readonly own: Map<string, LeafDeclaration>;
  /** Sub-models by name, as far as they were asked for; undefined: the `use` is wrong (reported). */
  readonly children: Map<string, InstanceNode | undefined>;
  /** The `use` that made it, with the instance that it stands in; absent at the top of a file. */
  readonly use?: Frame;
  readonly parent?: InstanceNode;
}

export type Reference =
  | { readonly kind: "model"; readonly instance: InstanceNode; readonly moment?: Moment }
  | { readonly kind: "leaf"; readonly leaf: LeafDeclaration; readonly moment?: Moment }
  | { readonly kind: "loop"; readonly loop: Loop }
  /** All values of a hyperparameter. */
  | HyperparameterValue
  /** What a rule of a loop changes, on the way to one of its hyperparameters: `fit.net.body` in `fit.net.body.lr`. */
  | { readonly kind: "rule"; readonly loop: Loop; readonly path: Path }
  | { readonly kind: "quantity"; readonly loop: Loop; readonly quantity: "loss" | "gradient_norm" }
  | { readonly kind: "sensitivity"; readonly loop: Loop }
  /** The number of steps: `fit.T`. */
  | { readonly kind: "count"; readonly loop: Loop }
  /** How many of them were taken: `fit.steps`. */
  | { readonly kind: "taken"; readonly loop: Loop }
  /** The number of meta-steps that an outer has made: `train.t`. */
  | { readonly kind: "made"; readonly loop: Loop };

/** Something whose value worlds may give: the start of a leaf, by name, or what becomes of a loop. */
export type Source = LeafDeclaration["name"] | Loop;

/** A value, and everything that it was computed from. */
export interface Sourced<T> {
  readonly value: T;
  readonly sources: ReadonlySet<Source>;
}

/** The objective of a loop where one step of it goes down. */
export interface Training {
  readonly loop: Loop;
  /** What the calls so far have made of the states that models hold, by leaf name. */
  readonly next: Map<string, TensorValue>;
}

/** A task while it lives. */
export interface TaskInstance {
  readonly definition: Definition;
  /** As its clause has it, with its arguments. */
  readonly text: string;
  readonly args: ReadonlyMap<string, Local>;
  /** How mistakes inside are led to: by the clause that gives it arguments, where it takes some. */
  readonly frames: readonly Frame[];
  /** Its number among the tasks of the consumer (i32 scalar). */
  readonly index: Variable;
  /** Makes a field that the host gives. */
  readonly given: (field: GivenField) => Variable;
  /** How many tasks the consumer has, and whether they are the same at every meta-step. */
  readonly count: number;
  readonly fixed: boolean;
  /** What belongs to this task of an array [tasks, ...] that stands outside. */
  readonly slice: (stacked: Variable) => Variable;
  /** Its splits, and the task itself under its own name. */
  readonly splits: Map<string, RecordValue>;
}

export type Value =
  | StaticValue
  | TensorValue
  | ShapeValue
  | LiteralValue
  | DistributionValue
  | RecordValue
  | ModelValue
  | TensorsValue
  | LoopValue
  | HyperparameterValue
  | FunctionValue
  | ErrorValue;

/** Named parts: a data set, a split, or what a scan made. Parts are made when they are first read. */
export interface RecordValue {
  readonly kind: "record";
  readonly name: string;
  readonly what: "data" | "split" | "task" | "scan" | "result of";
  /** What its fields are the rows of, and a batch may be taken of. */
  readonly table?: Table;
  readonly span: Span;
  readonly members: ReadonlyMap<string, () => Value>;
}

/** A model, or a part of one, with the parameters it has in a world. */
export interface ModelValue {
  readonly kind: "model";
  readonly instance: InstanceNode;
  /** The world that its parameters are read in. */
  readonly world: World;
  /** Which time it is of, when it is of one: `net@T`, also where a function has it under another name. */
  readonly moment?: Moment;
}

/** A model's tensors, or what was made of them entry by entry: arrays by their paths below the model. */
export interface TensorsValue {
  readonly kind: "tensors";
  /** The model, or the part of one, whose paths and shapes they have. */
  readonly instance: InstanceNode;
  readonly tensors: readonly NamedTensor[];
}

/** One time of a loop: what its parameters are then. */
export type Moment = Pick<World, "values" | "owns" | "time">;

/** A function of the program's own, with the names it sees. */
export interface FunctionValue {
  readonly kind: "function";
  readonly item: FunctionItem;
  readonly scope: Scope;
}

/** A model's definition, with its module. */
export interface UserModel {
  readonly item: ModelItem;
  readonly module: Module;
}
