// What does a program say, as a tree? Made by `cst_to_ast.ts`, read by the formatter and by every analysis. Plain data:
// no resolved names, no shapes. A node that recovery could not complete is `Missing` (an error was already reported).
import type { Span } from "../text/source.ts";

/** A name as written. */
export interface Identifier {
  readonly name: string;
  readonly span: Span;
}

/** A whole file. */
export interface Program {
  readonly items: readonly Item[];
  readonly span: Span;
  /** Every comment of the file, in order; the formatter puts them back. `///` comments are also in `doc`. */
  readonly comments: readonly Comment[];
}

export interface Comment {
  /** As written, with the slashes. */
  readonly text: string;
  readonly span: Span;
}

// ---------------------------------------------------------------------------------------------------- expressions

export type Expression =
  | NumberLiteral
  | NameExpression
  | MemberExpression
  | TimeExpression
  | CallExpression
  | IndexExpression
  | ListExpression
  | UnaryExpression
  | BinaryExpression
  | PipeExpression
  | ResultsExpression
  | MissingExpression;

export interface NumberLiteral {
  readonly kind: "Number";
  readonly value: number;
  /** As written (`10_000`, `1e-3`), kept by the formatter. */
  readonly text: string;
  readonly span: Span;
}
export interface NameExpression {
  readonly kind: "Name";
  readonly name: string;
  /** Read as the next value: `m'` in an optimizer's equations. */
  readonly primed: boolean;
  readonly span: Span;
}
/** `object.member` */
export interface MemberExpression {
  readonly kind: "Member";
  readonly object: Expression;
  readonly member: Identifier;
  readonly span: Span;
}
/** `object@time`; `time` is "all" for `@*`. */
export interface TimeExpression {
  readonly kind: "Time";
  readonly object: Expression;
  readonly time: Expression | "all";
  readonly span: Span;
}
export interface CallExpression {
  readonly kind: "Call";
  readonly callee: Expression;
  readonly args: readonly Argument[];
  /** `f(body for t in from .. to)`: then `args` holds the body alone. */
  readonly comprehension?: Comprehension;
  readonly span: Span;
}
export interface Argument {
  readonly name?: Identifier;
  readonly value: Expression;
}
export interface Comprehension {
  readonly variable: Identifier;
  readonly from: Expression;
  readonly to: Expression;
  readonly span: Span;
}
/** `object[i, j]`, `object[0 .. 4, _]` */
export interface IndexExpression {
  readonly kind: "Index";
  readonly object: Expression;
  readonly indices: readonly (Expression | SliceExpression)[];
  readonly span: Span;
}
/** `low .. high` among indices: these and all between. */
export interface SliceExpression {
  readonly kind: "Slice";
  readonly low: Expression;
  readonly high: Expression;
  readonly span: Span;
}
/** `[a, b, [c, d]]` */
export interface ListExpression {
  readonly kind: "List";
  readonly items: readonly Expression[];
  readonly span: Span;
}
export interface UnaryExpression {
  readonly kind: "Unary";
  readonly op: "-";
  readonly operand: Expression;
  readonly span: Span;
}
export type BinaryOperator = "+" | "-" | "*" | "/" | "^" | "==" | "!=" | "<" | "<=" | ">" | ">=";
export interface BinaryExpression {
  readonly kind: "Binary";
  readonly op: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
  readonly span: Span;
}
/** `value |> f` and `value |> f(a)` */
export interface PipeExpression {
  readonly kind: "Pipe";
  readonly value: Expression;
  readonly target: Expression;
  readonly span: Span;
}
/** `{ mean = m, spread = s }`: several values that a model returns. Stands after `return` only. */
export interface ResultsExpression {
  readonly kind: "Results";
  readonly entries: readonly { readonly name: Identifier; readonly value: Expression }[];
  readonly span: Span;
}
/** Where recovery left a hole. */
export interface MissingExpression {
  readonly kind: "Missing";
  readonly span: Span;
}

// --------------------------------------------------------------------------------------------------- declarations

/** `dtype? [sizes]`, dtype first; either may be absent, not both. No sizes list: a scalar. */
export interface TypeExpression {
  readonly dtype?: Identifier;
  /** The sizes as expressions; undefined when no bracket was written. */
  readonly sizes?: readonly Expression[];
  readonly span: Span;
}

/** `in low .. high` */
export interface RangeClause {
  readonly low: Expression;
  readonly high: Expression;
  readonly span: Span;
}

/** `name : type = value` or `name : type ~ distribution`, with what may follow. Used by input, param, data fields, task
 *  and split members, model parameters. */
export interface Binding {
  readonly kind: "Binding";
  readonly name: Identifier;
  readonly type?: TypeExpression;
  /** "=" a value, "~" a draw. */
  readonly how?: "=" | "~";
  readonly value?: Expression;
  readonly range?: RangeClause;
  /** `via log` */
  readonly via?: Identifier;
  readonly doc?: string;
  readonly span: Span;
}

/** A formal parameter of fn, model or optimizer: `x : [n, 1]`, `units : int`, `init = glorot()`, `lr`. */
export interface Formal {
  readonly name: Identifier;
  readonly type?: TypeExpression;
  readonly default?: Expression;
  readonly span: Span;
}

export type Item =
  | EditionItem
  | PrecisionItem
  | MemoryItem
  | ImportItem
  | InputItem
  | LetItem
  | FunctionItem
  | DataItem
  | PartsItem
  | TaskItem
  | ModelItem
  | ParamItem
  | StartItem
  | InnerItem
  | OverrideItem
  | OptimizerItem
  | OuterItem
  | GradientItem
  | EvaluateItem
  | OutputItem
  | RecordItem;

/** What every item has: where it is, and the `///` lines right above it, joined by newlines without the slashes. */
export interface ItemBase {
  readonly span: Span;
  readonly doc?: string;
}

export interface EditionItem extends ItemBase {
  readonly kind: "Edition";
  readonly value: NumberLiteral;
}
export interface PrecisionItem extends ItemBase {
  readonly kind: "Precision";
  readonly value: Identifier;
}
/** `memory 2 GB` */
export interface MemoryItem extends ItemBase {
  readonly kind: "Memory";
  readonly amount: NumberLiteral;
  readonly unit: Identifier;
}
export interface ImportItem extends ItemBase {
  readonly kind: "Import";
  readonly names: readonly Identifier[];
  readonly from: { readonly text: string; readonly span: Span };
}
export interface InputItem extends ItemBase {
  readonly kind: "Input";
  readonly binding: Binding;
}
export interface ParamItem extends ItemBase {
  readonly kind: "Param";
  readonly binding: Binding;
}
/** `start mlp, adapt.lr from "earlier"`, `start net.body from "earlier" as encoder` */
export interface StartItem extends ItemBase {
  readonly kind: "Start";
  readonly references: readonly Expression[];
  readonly from: QuotedText;
  /** What the file calls it. */
  readonly as?: StoredName;
}
/** `encoder.body`, or `"encoder.0.weight"` for what is no name in a program. */
export interface StoredName extends QuotedText {
  readonly quoted: boolean;
}
export interface LetItem extends ItemBase {
  readonly kind: "Let";
  readonly name: Identifier;
  readonly value: Expression;
}
export interface FunctionItem extends ItemBase {
  readonly kind: "Function";
  readonly name: Identifier;
  readonly formals: readonly Formal[];
  readonly body: Expression;
}
export interface DataItem extends ItemBase {
  readonly kind: "Data";
  readonly name: Identifier;
  readonly from?: QuotedText;
  readonly fields: readonly DataField[];
  /** Of a table that is rows of another one: it has its fields. */
  readonly part?: TablePart;
}
/** `glyphs where script < 30`, or one of `split glyphs into train 0.8, test 0.2`. */
export interface TablePart {
  readonly of: Identifier;
  readonly where?: Expression;
  /** Of a split: what share of the rows, or how many of them. */
  readonly share?: Expression;
}
/** `split glyphs by script into train 0.8, test 0.2`, `split flowers evenly by kind into train 100, test 50` */
export interface PartsItem extends ItemBase {
  readonly kind: "Parts";
  readonly of: Identifier;
  readonly evenly: boolean;
  readonly by?: Identifier;
  readonly parts: readonly (DataItem & { readonly part: TablePart })[];
}
/** `x : [n, 3] from "a", "c" .. "d" missing 0`: what is read from where, and what stands for a missing entry. */
export interface DataField extends Binding {
  readonly columns?: readonly ColumnRange[];
  /** `from file "labels.npy"`: a file of its own. */
  readonly file?: QuotedText;
  /** `from folder 2`: numbers of the names of folders. */
  readonly folder?: FolderRange;
  readonly missing?: Expression;
  /** The word `resized`: images are brought to the sizes that are declared. */
  readonly resized?: Identifier;
}
/** One column of a table (or one array of an archive), or all from the first to the last in the file's order. */
export interface ColumnRange {
  readonly first: QuotedText;
  readonly last?: QuotedText;
}
/** The folders at one `*` of a pattern of files, or at all from the first to the last together. */
export interface FolderRange {
  readonly first: NumberLiteral;
  readonly last?: NumberLiteral;
  readonly span: Span;
}
/** What a string literal says, without its quotes. */
export interface QuotedText {
  readonly text: string;
  readonly span: Span;
}
export interface TaskItem extends ItemBase {
  readonly kind: "Task";
  readonly name: Identifier;
  /** What it is given, `(pool : data, ways : int = 5)`; undefined when no list was written. */
  readonly formals?: readonly Formal[];
  readonly members: readonly TaskMember[];
}
export type TaskMember = Binding | FunctionItem | LetItem | ClassesMember | SplitMember;
/** `classes ways of pool by character` */
export interface ClassesMember {
  readonly kind: "Classes";
  readonly count: Expression;
  /** The table. */
  readonly of: Expression;
  /** Its field whose values are drawn. */
  readonly by: Identifier;
  readonly doc?: string;
  readonly span: Span;
}
export interface SplitMember {
  readonly kind: "Split";
  readonly name: Identifier;
  readonly members: readonly (Binding | FunctionItem | LetItem | RowsMember)[];
  readonly doc?: string;
  readonly span: Span;
}
/** `draw shots of each`, `draw 20 of pool` */
export interface RowsMember {
  readonly kind: "Rows";
  readonly count: Expression;
  /** A table, or the name `each` for each of the task's classes. */
  readonly of: Expression;
  readonly doc?: string;
  readonly span: Span;
}
/** True for `each`, of the classes that a task draws. */
export function isEach(of: Expression): boolean {
  return of.kind === "Name" && of.name === "each";
}
export interface ModelItem extends ItemBase {
  readonly kind: "Model";
  readonly name: Identifier;
  /** The first list of a sized model, `(units : int, init = glorot())`; undefined when there is one list only. */
  readonly sizes?: readonly Formal[];
  readonly formals: readonly Formal[];
  readonly result?: TypeExpression;
  readonly members: readonly ModelMember[];
  readonly body: Expression;
}
export type ModelMember = Binding | LetItem | UseMember | DrawMember | ScanMember | StateMember | NextMember;
/** `use c1 = conv2d(64, kernel = 3)` */
export interface UseMember {
  readonly kind: "Use";
  readonly name: Identifier;
  readonly value: Expression;
  readonly doc?: string;
  readonly span: Span;
}

/** `draw u : [sizes] ~ uniform(0, 1)` */
export interface DrawMember {
  readonly kind: "Draw";
  readonly name: Identifier;
  readonly type?: TypeExpression;
  readonly value: Expression;
  readonly doc?: string;
  readonly span: Span;
}
/** `scan run over x in xs { state h : [n] = 0  h' = … }`, or `over t in 0 .. 9` */
export interface ScanMember {
  readonly kind: "Scan";
  readonly name: Identifier;
  readonly variable: Identifier;
  /** The tensor that is gone through, or the first number. */
  readonly over: Expression;
  /** The last number, where numbers are gone through. */
  readonly to?: Expression;
  readonly members: readonly StepMember[];
  readonly doc?: string;
  readonly span: Span;
}

// ---------------------------------------------------------------------------------------------------------- loops

/** A clause of a loop-like item, in the order written. */
export type Clause =
  | MinimizeClause
  | OverClause
  | ByClause
  | ForClause
  | UntilClause
  | KeepClause
  | SkipClause
  | BatchClause
  | ClipClause
  | ThroughClause
  | FromClause
  | AcrossClause
  | MemoryClause
  | ReportClause
  | BestClause
  | EveryClause
  | HoldClause;

export interface MinimizeClause {
  readonly kind: "Minimize";
  readonly maximize: boolean;
  readonly value: Expression;
  readonly span: Span;
}
/** `over a, b.c@0` */
export interface OverClause {
  readonly kind: "Over";
  readonly references: readonly Expression[];
  readonly span: Span;
}
/** `by sgd(lr = 0.1)`; belongs to the `over` before it. */
export interface ByClause {
  readonly kind: "By";
  readonly rule: Expression;
  readonly span: Span;
}
/** `for T = 5 steps`, `for 10_000 steps` */
export interface ForClause {
  readonly kind: "For";
  readonly name?: Identifier;
  readonly count: Expression;
  readonly span: Span;
}
/** `until train.loss < 0.01`, `until valid has not improved for 500 steps`: then `condition` is `valid`. */
export interface UntilClause {
  readonly kind: "Until";
  readonly condition: Expression;
  /** The steps after `for`. */
  readonly patience?: Expression;
  readonly span: Span;
}
/** `keep best of valid` */
export interface KeepClause {
  readonly kind: "Keep";
  /** The evaluation. */
  readonly of: Identifier;
  readonly span: Span;
}
/** `skip not finite` */
export interface SkipClause {
  readonly kind: "Skip";
  readonly span: Span;
}
/** `batch 64 of train`, `batch 64 of train each once` */
export interface BatchClause {
  readonly kind: "Batch";
  readonly size: Expression;
  readonly of: Expression;
  /** `each once`: without replacement. */
  readonly once: boolean;
  readonly span: Span;
}
/** `clip norm 1.0`; `what` is the word after clip. */
export interface ClipClause {
  readonly kind: "Clip";
  readonly what: Identifier;
  readonly bound: Expression;
  readonly span: Span;
}
export interface ThroughClause {
  readonly kind: "Through";
  readonly estimator: Expression;
  readonly span: Span;
}
/** `from fit@T`, `from fit@T with fresh states` */
export interface FromClause {
  readonly kind: "From";
  readonly value: Expression;
  /** The parameters go on, and the states of the rules begin anew. */
  readonly fresh: boolean;
  readonly span: Span;
}
/** `across 25 sinusoid`, `across 1 problem fixed`, `across 4 episode(known, shots = 5)` */
export interface AcrossClause {
  readonly kind: "Across";
  readonly count: Expression;
  readonly task: Identifier;
  /** Undefined when no list was written. */
  readonly args?: readonly Argument[];
  readonly fixed: boolean;
  readonly span: Span;
}
/** `memory 2 GB` inside a loop */
export interface MemoryClause {
  readonly kind: "Memory";
  readonly amount: NumberLiteral;
  readonly unit: Identifier;
  readonly span: Span;
}
/** `report E at t in 0 .. 10` */
export interface ReportClause {
  readonly kind: "Report";
  readonly value: Expression;
  readonly at?: Comprehension;
  readonly span: Span;
}
/** `best highest`; belongs to the `report` before it. */
export interface BestClause {
  readonly kind: "Best";
  readonly what: Identifier;
  readonly span: Span;
}
/** `every 1000 steps of train`; `of` may be absent in `record`. */
export interface EveryClause {
  readonly kind: "Every";
  readonly count: Expression;
  readonly of?: Identifier;
  readonly span: Span;
}
/** `hold last` */
export interface HoldClause {
  readonly kind: "Hold";
  readonly what: Identifier;
  readonly span: Span;
}

export interface InnerItem extends ItemBase {
  readonly kind: "Inner";
  readonly name: Identifier;
  readonly clauses: readonly Clause[];
}
export interface OuterItem extends ItemBase {
  readonly kind: "Outer";
  readonly name: Identifier;
  /** `after first`: it goes on from there. */
  readonly after?: Identifier;
  readonly clauses: readonly Clause[];
}
export interface EvaluateItem extends ItemBase {
  readonly kind: "Evaluate";
  readonly name: Identifier;
  /** `after first`: with the values there. */
  readonly after?: Identifier;
  readonly clauses: readonly Clause[];
}

export interface OverrideItem extends ItemBase {
  readonly kind: "Override";
  readonly loop: Identifier;
  readonly entries: readonly OverrideEntry[];
}
/** `lr = 0.1 per tensor per step in 0 .. 1 via log` or `momentum@t = m0 * t / T` */
export interface OverrideEntry {
  /** `lr`; with two rules in one loop the entry may be qualified, then this is the last part. */
  readonly name: Identifier;
  /** `net.body` in `net.body.lr`: a path of names. */
  readonly qualifier?: Expression;
  /** `t` in `momentum@t = …` */
  readonly time?: Identifier;
  readonly value: Expression;
  readonly per: readonly Identifier[];
  readonly range?: RangeClause;
  readonly via?: Identifier;
  readonly span: Span;
}

export interface OptimizerItem extends ItemBase {
  readonly kind: "Optimizer";
  readonly name: Identifier;
  readonly formals: readonly Formal[];
  readonly members: readonly StepMember[];
}
/** What is said of one step, by an optimizer or by a `scan`. A model has states too, which its training calls move. */
export type StepMember = StateMember | LetItem | NextMember;
/** True for what a model says of one step: its states, and what they become. */
export const isOfStep = (member: ModelMember): member is StepMember =>
  member.kind === "State" || member.kind === "Next";

/** `state v : [sizes] = 0` */
export interface StateMember {
  readonly kind: "State";
  readonly name: Identifier;
  readonly type?: TypeExpression;
  readonly value: Expression;
  readonly span: Span;
}
/** `v' = momentum * v + g` */
export interface NextMember {
  readonly kind: "Next";
  readonly name: Identifier;
  readonly value: Expression;
  readonly span: Span;
}

export interface GradientItem extends ItemBase {
  readonly kind: "Gradient";
  readonly value: Expression;
  readonly wrt: readonly Expression[];
  readonly across?: AcrossClause;
  /** `after train` */
  readonly after?: Identifier;
  readonly expect: readonly ExpectEntry[];
}
/** `fit.lr = 3.79546875 within 1e-9`; the left side is a reference as in `wrt`, or the name `value`. */
export interface ExpectEntry {
  readonly reference: Expression;
  readonly value: Expression;
  readonly within: Expression;
  readonly span: Span;
}

/** `output predictions = net@T(test.x) across 4 episode after first` */
export interface OutputItem extends ItemBase {
  readonly kind: "Output";
  readonly name: Identifier;
  readonly value: Expression;
  readonly across?: AcrossClause;
  readonly after?: Identifier;
}

/** `record train.loss, mlp.l1.W@* every 100 steps of task 0` */
export interface RecordItem extends ItemBase {
  readonly kind: "Record";
  readonly references: readonly Expression[];
  readonly every?: Expression;
  readonly task?: Expression;
}
