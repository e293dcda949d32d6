// What kinds of values are there that know nothing of a world? Numbers of the program's text, tensors that equations compute, shapes,
// distributions, and what stands for a loop, a hyperparameter or a mistake. The kinds that a world is part of stand with it.
import type { ArrayType, Variable } from "../../runtime/ir/types.ts";
import type { DeclaredHyperparameter, Loop } from "./loop.ts";
import type { Path } from "../syntax/paths.ts";
import type { DataItem, SplitMember, TaskItem } from "../syntax/ast.ts";
import type { Span } from "../text/source.ts";

/** How many numbers go into one entry of what is drawn, and out of it. */
export interface Fans {
  readonly fan_in: number;
  readonly fan_out: number;
}

/** A time that is known, or one that a comprehension runs over. */
export type TimePoint =
  | { readonly kind: "static"; readonly step: number }
  | { readonly kind: "scope"; readonly scope: TimeScope; readonly offset: number; readonly number: Variable };

/** What has rows: a `data` item, or a split of a task. */
export type Table = DataItem | SplitMember;

/** The rows of a table by the values of one of its fields. */
export interface ClassTable {
  /** The different values, from the lowest. */
  readonly values: readonly number[];
  /** How many rows have each. */
  readonly counts: readonly number[];
  readonly least: number;
  readonly most: number;
  /** What the arrays are called among the data. */
  readonly key: string;
}

/** By which numbers a split has the field by which its task draws classes. */
export interface ClassNumbers {
  readonly task: TaskItem;
  readonly split: SplitMember;
  readonly field: string;
  /** 0, 1, … as the classes were drawn, or those that the table has. */
  readonly by: "draw" | "table";
  /** How many classes are drawn. */
  readonly classes: number;
}

/** A place where such numbers stand for one of so many things. */
export interface NumbersUse {
  readonly numbers: ClassNumbers;
  /** How many things; 0 where they are compared with those of the other kind. */
  readonly count: number;
  readonly at: Span;
}

/** A field of a task that a host function gives. */
export interface GivenField extends ArrayType {
  /** With the task and the split: `omniglot.support.x`. */
  readonly name: string;
  /** The same without the task. */
  readonly path: Path;
  readonly span: Span;
}

/** The size of one axis, and the name it goes by in the program. A nameless 1 broadcasts; a named one does not. */
export interface Dim {
  readonly size: number;
  readonly name?: string;
  /** The tables whose rows it still counts, none of them summed up. */
  readonly rows?: readonly Table[];
}

/** A number known before anything runs: literals, inputs, sizes, and what is computed from them. */
export interface StaticValue {
  readonly kind: "static";
  readonly type: "int" | "float" | "bool";
  readonly value: number;
  /** The name it goes by as a size: that of the `input` or `let` it was read from. */
  readonly name?: string;
}

/** An array computed by the lowered program. */
export interface TensorValue {
  readonly kind: "tensor";
  readonly variable: Variable;
  readonly dims: readonly Dim[];
  /** Where it was declared, for messages. */
  readonly declared?: {
    readonly name: string;
    readonly span: Span;
    readonly dims?: readonly Dim[];
    readonly numbers?: ClassNumbers;
  };
  /** Set on the bound variable of a comprehension (plus an offset): it may index times. */
  readonly time?: { readonly scope: TimeScope; readonly offset: number };
}

/** The stretch of times that a comprehension or report runs over. */
export interface TimeScope {
  readonly from: number;
  readonly to: number;
  /** The slice, for the current time plus `offset`, of an array stacked over times 0, 1, 2, … */
  slice(stacked: Variable, offset: number): Variable;
}

/** Sizes as a value: `shape(p)`, `[2, 3]`; also a list of whole numbers, until it is known what it is for. */
export interface ShapeValue {
  readonly kind: "shape";
  readonly dims: readonly Dim[];
  /** The size of one axis, which counts as a number: `n` in a model that takes `x : [n, 1]`, `size(x, 0)`. */
  readonly single?: true;
  /** The tables that have it as a field. */
  readonly rows?: readonly Table[];
  /** Before which of the sizes stands a `_`: the size that is left. Only functions meet it that take such a list. */
  readonly open?: number;
}

/** An array of numbers known before anything runs, which cannot be a shape: `[[0], [1]]`, `[-1, 0.5]`. */
export interface LiteralValue {
  readonly kind: "literal";
  readonly type: StaticValue["type"];
  readonly numbers: readonly number[];
  readonly dims: readonly Dim[];
}

/** Something to draw from. */
export interface DistributionValue {
  readonly kind: "distribution";
  /** Draws at a shape; its fans come from there. */
  readonly description: string;
  /** True when an argument is computed while the program runs. */
  readonly computed: boolean;
  readonly make: (dims: readonly Dim[]) => BaseDistribution | ErrorValue;
}

/** What can be drawn: floats, whole numbers of a range, or whole numbers and truth values by probabilities. */
export type BaseDistribution = FloatDistribution | RangeDistribution | WeightedDistribution;

/** Floats; `a` and `b` are the arguments of the family. */
export interface FloatDistribution {
  readonly kind: "family";
  readonly family: "uniform" | "normal" | "truncated_normal";
  readonly a: StaticValue | TensorValue;
  readonly b: StaticValue | TensorValue;
}

/** Whole numbers 0 .. count - 1, each as likely as the others; those of a permutation are different along the last axis. */
export interface RangeDistribution {
  readonly kind: "family";
  readonly family: "choice" | "permutation";
  readonly count: number;
}

/** The place along the last axis, in proportion to what stands there; true with a probability. */
export interface WeightedDistribution {
  readonly kind: "family";
  readonly family: "categorical" | "bernoulli";
  readonly weights: Weights;
}

/** Probabilities, or what they are in proportion to: numbers known now, or computed. */
export type Weights = StaticValue | LiteralValue | ShapeValue | TensorValue;

/** One of several arrays, by its path below the model that they are of. */
export interface NamedTensor {
  readonly path: Path;
  readonly value: TensorValue;
}

/** A loop by its name: `fit`, of which `fit.lr`, `fit.loss@t`, `fit.T` are parts. */
export interface LoopValue {
  readonly kind: "loop";
  readonly loop: Loop;
}

/** A hyperparameter of a loop that has several values, one for each tensor: to be indexed. */
export interface HyperparameterValue {
  readonly kind: "hyperparameter";
  readonly loop: Loop;
  readonly declared: DeclaredHyperparameter;
}

/** What came of a mistake that was already reported; whatever is made from it is silently wrong too. */
export interface ErrorValue {
  readonly kind: "error";
}
