// What is a loop, as declared? Its clauses with their meaning: rules, steps, how it is differentiated.
import type { IrFunction } from "../../runtime/ir/types.ts";
import type { ArrayType, GradientMode } from "../../runtime/ir/types.ts";
import type {
  AcrossClause,
  BatchClause,
  Expression,
  ForClause,
  FromClause,
  Identifier,
  InnerItem,
  KeepClause,
  MinimizeClause,
  OptimizerItem,
  OuterItem,
  OverrideEntry,
  SkipClause,
  UntilClause,
} from "../syntax/ast.ts";
import type { Span } from "../text/source.ts";
import { type Path, referencePath } from "../syntax/paths.ts";
import type { Definition, Module } from "../modules/modules.ts";

/** How the derivatives of an objective are found, as the loops in it say. */
export type Direction =
  | { readonly kind: GradientMode }
  | SampledDirection;

/** Evolution strategies: N pairs of values at x +- sigma e. */
export interface SampledDirection {
  readonly kind: "es";
  readonly samples: number;
  readonly sigma: number;
  /** The loop is run window by window, each with its own e; what it carries goes on. */
  readonly windows?: {
    readonly loop: Loop;
    readonly length: number;
    readonly count: number;
    /** The loss of a window is weighted by the sum of the e so far: unbiased over the whole loop. Else by its own e. */
    readonly persistent: boolean;
    /** Types of what is carried. */
    readonly carry: readonly ArrayType[];
  };
  /** Each meta-step is a window: the samples of the loop go on into the next one, and begin anew after so many. */
  readonly lasting?: { readonly loop: Loop; readonly windows: number };
}

/** True where the samples of a loop go on from meta-step to meta-step with it. */
export const samplesLast = ({ through: { kind, args } }: Pick<Loop, "through">): boolean =>
  kind === "pes" && args.has("horizon");

/** What an argument of an estimator may be. */
export type ArgumentKind = "solver" | "integer" | "count" | "positive" | "nonnegative" | "value";

/** The ways to solve the systems of `implicit`. */
export const solvers = ["cg", "neumann", "fixed_point", "gmres", "normal_cg", "direct"] as const;

/** The estimators, and what each takes. */
export const estimatorArguments = {
  unroll: { window: "integer" },
  first_order: {},
  implicit: { solver: "solver", iterations: "count", tolerance: "nonnegative", damping: "nonnegative", rate: "value" },
  forward: {},
  finite_difference: { epsilon: "positive", factor: "value", at: "count" },
  es: { samples: "integer", sigma: "positive", window: "integer" },
  pes: { samples: "integer", sigma: "positive", window: "integer", horizon: "integer" },
} as const satisfies { readonly [estimator: string]: { readonly [argument: string]: ArgumentKind } };

/** The name of an estimator. */
export type EstimatorKind = keyof typeof estimatorArguments;

/** What each estimator follows (the steps, backwards or forwards, the loop's end alone, or samples of the whole objective), and whether
 *  it is known to differ from the gradient of the value: always, or with a `window`. */
export const estimatorFacts = {
  unroll: { follows: "steps", biased: "in windows" },
  first_order: { follows: "steps", biased: true },
  implicit: { follows: "end", biased: false },
  forward: { follows: "forwards", biased: false },
  finite_difference: { follows: "end", biased: true },
  es: { follows: "samples", biased: false },
  pes: { follows: "samples", biased: false },
} as const satisfies Readonly<Record<EstimatorKind, EstimatorFacts>>;

interface EstimatorFacts {
  readonly follows: "steps" | "end" | "forwards" | "samples";
  readonly biased: boolean | "in windows";
}

/** The estimators that see a loop's end alone. */
export type EndEstimator = {
  [K in keyof typeof estimatorFacts]: typeof estimatorFacts[K]["follows"] extends "end" ? K : never;
}[keyof typeof estimatorFacts];

/** What the estimator of a loop follows. */
export const follows = ({ through: { kind } }: Pick<Loop, "through">): EstimatorFacts["follows"] =>
  estimatorFacts[kind].follows;

/** `through …`. */
export interface Through {
  readonly kind: EstimatorKind;
  /** What the program says; another kind than `kind` only where an instance of it is differentiated otherwise. */
  readonly written: EstimatorKind;
  readonly args: ReadonlyMap<string, Expression>;
  /** The clause; undefined where the loop says nothing. */
  readonly span: Span | undefined;
  /** Something is wrong with the clause (reported). */
  readonly wrong?: boolean;
}

/** What a loop does that says nothing. */
export const unrolled: Through = { kind: "unroll", written: "unroll", args: new Map(), span: undefined };

/** The paths among references, as written: `net.body`, also for `net.body@0`. */
export function pathsOf(references: readonly Expression[]): Path[] {
  return references.flatMap((r) => {
    const path = referencePath(withoutTime(r));
    return path ? [path] : [];
  });
}

/** `net` of `net@0`. */
export function withoutTime(expression: Expression): Expression {
  return expression.kind === "Time" ? expression.object : expression;
}

/** A loop, as declared. */
export interface Loop {
  readonly kind: "inner" | "outer";
  readonly name: string;
  readonly module: Module;
  readonly item: InnerItem | OuterItem;
  readonly objective: MinimizeClause;
  /** The number of steps, as an expression, and the name it goes by (`T` unless said). */
  readonly count: ForClause;
  readonly timeName: string;
  /** What ends it before that. */
  readonly until: readonly UntilClause[];
  /** The evaluation whose best is given back. */
  readonly keep: KeepClause | undefined;
  /** Tasks whose objective is not finite are left out of the mean. */
  readonly skip: SkipClause | undefined;
  readonly rules: readonly LoopRule[];
  readonly clip: Expression | undefined;
  readonly batch: BatchClause | undefined;
  /** Where its parameters start: at a time of another loop. */
  readonly from: FromClause | undefined;
  /** The outer that it goes on from: `outer second after first`. */
  readonly after: Identifier | undefined;
  /** How it is differentiated. */
  readonly through: Through;
  /** "unknown": it names no task (reported). */
  readonly across: NamedAcross | "unknown" | undefined;
}

/** A clause whose task is known, in the file in which it stands. */
export interface NamedAcross extends AcrossClause {
  readonly definition: Definition;
  readonly module: Module;
}

/** `over net.body by sgd(lr = 0.1)`, with what an `override` changes. */
export interface LoopRule {
  readonly references: readonly Expression[];
  /** What it changes, as written: `net.body`, also for `net.body@0`. */
  readonly paths: readonly Path[];
  readonly optimizer: { readonly item: OptimizerItem; readonly module: Module };
  readonly hyperparameters: readonly DeclaredHyperparameter[];
  /** True when its optimizer is not known (reported): then a stand-in that changes nothing, and any hyperparameter may be one. */
  readonly unknown?: true;
  readonly span: Span;
}

/** One step of a rule for one tensor, as a function. */
export interface WrittenStep {
  /** What is given and no constant (p, g, t, states, where the inner loop ends), then the arrays among the hyperparameters that it reads
   *  -> (p', states'). */
  readonly fn: IrFunction;
  /** The hyperparameters that it reads, in that order, and what each is like. */
  readonly reads: readonly { readonly name: string; readonly like: string | undefined }[];
}

/** Where a hyperparameter's value comes from. */
export interface DeclaredHyperparameter {
  readonly name: string;
  /** What it is called in the loop: its name, after what its rule changes when two rules have the name (`net.body.lr`). */
  readonly path: Path;
  readonly value: Expression;
  /** The file whose names the value uses: the optimizer's for a default, the loop's else. */
  readonly module: Module;
  readonly override: OverrideEntry | undefined;
  readonly span: Span;
}

/** A hyperparameter in the program: `fit.lr`, `fit.net.body.lr`. */
export function hyperparameterPath(loop: Loop, { path }: DeclaredHyperparameter): Path {
  return [loop.name, ...path];
}

/** The ways to move a value inside its range. */
export type Via = "log" | "logit" | "softplus";
