// What does an expression mean while a program is checked and lowered? A number known now, an array computed later, or
// something that only has parts (a data set, a model, a distribution).
import type { Variable } from "../runtime/ir/types.ts";
import type { FunctionItem, ModelItem } from "./ast.ts";
import type { Span } from "./source.ts";
import type { Module } from "./modules.ts";
import type { InstanceNode } from "./models.ts";
import type { Table } from "./row_origins.ts";
import type { Loop } from "./loops.ts";
import type { Scope, World } from "./world.ts";

/** The size of one axis, and the name it goes by in the program. A nameless 1 broadcasts; a named one does not. */
export interface Dim {
  readonly size: number;
  readonly name?: string;
  /** The tables whose rows it still counts, none of them summed up. */
  readonly rows?: readonly Table[];
}

export type Value =
  | StaticValue
  | TensorValue
  | ShapeValue
  | LiteralValue
  | DistributionValue
  | RecordValue
  | ModelValue
  | LoopValue
  | HyperparameterValue
  | FunctionValue
  | ErrorValue;

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
  readonly declared?: { readonly name: string; readonly span: Span; readonly dims?: readonly Dim[] };
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

/** What the runtime can draw: `a` and `b` are the arguments of the family. */
export interface BaseDistribution {
  readonly kind: "family";
  readonly family: "uniform" | "normal" | "truncated_normal";
  readonly a: StaticValue | TensorValue;
  readonly b: StaticValue | TensorValue;
}

/** Named parts: a data set, a split, or what a scan made. Parts are made when they are first read. */
export interface RecordValue {
  readonly kind: "record";
  readonly name: string;
  readonly what: "data" | "split" | "task" | "scan";
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

/** One time of a loop: what its parameters are then. */
export type Moment = Pick<World, "values" | "owns">;

/** A loop by its name: `fit`, of which `fit.lr`, `fit.loss@t`, `fit.T` are parts. */
export interface LoopValue {
  readonly kind: "loop";
  readonly loop: Loop;
}

/** A hyperparameter of a loop that has several values, one for each tensor: to be indexed. */
export interface HyperparameterValue {
  readonly kind: "hyperparameter";
  readonly loop: Loop;
  readonly name: string;
}

/** A function of the program's own, with the names it sees. */
export interface FunctionValue {
  readonly kind: "function";
  readonly item: FunctionItem;
  readonly scope: Scope;
}

/** What came of a mistake that was already reported; whatever is made from it is silently wrong too. */
export interface ErrorValue {
  readonly kind: "error";
}

/** The one error value. */
export const errorValue: ErrorValue = { kind: "error" };

/** Sizes of dims. */
export function shapeOf(dims: readonly Dim[]): number[] {
  return dims.map((d) => d.size);
}

/** More axes than these are counted in messages, not listed. */
const mostNamedAxes = 12;

/** `[K, 40]`: how a shape is shown. */
export function formatDims(dims: readonly Dim[]): string {
  const words = (some: readonly Dim[]) => some.map((d) => d.name ?? String(d.size)).join(", ");
  return dims.length <= mostNamedAxes
    ? `[${words(dims)}]`
    : `[${words(dims.slice(0, 4))}, … ${words(dims.slice(-1))}] of ${dims.length} axes`;
}

/** `K` is 10 and `n` is 3: what the names in shapes stand for, as a note; nothing when there are none. */
export function namedSizes(...shapes: readonly (readonly Dim[])[]): string[] {
  const named = new Map<string, number>();
  for (const dim of shapes.flat()) if (dim.name !== undefined) named.set(dim.name, dim.size);
  if (named.size === 0) return [];
  const facts = [...named].map(([name, size]) => `\`${name}\` is ${size}`);
  return [`Here ${facts.slice(0, -1).join(", ")}${facts.length > 1 ? " and " : ""}${facts.at(-1)}`];
}

/** A value's type in a few words, for messages. */
export function describeValue(value: Value): string {
  switch (value.kind) {
    case "static":
      return value.type === "bool" ? "a bool" : "a number";
    case "tensor": {
      const type = value.variable.dtype === "i32" ? "int " : value.variable.dtype === "bool" ? "bool " : "";
      return value.dims.length === 0 ? `${type === "" ? "a " : `an ${type}`}scalar` : type + formatDims(value.dims);
    }
    case "shape":
      return value.single ? "a size" : `[${value.dims.length}]`;
    case "literal":
      return formatDims(value.dims);
    case "distribution":
      return "a distribution";
    case "record":
      return value.what === "data" ? `the data \`${value.name}\`` : `the ${value.what} \`${value.name}\``;
    case "model":
      return `the model \`${value.instance.path}\``;
    case "loop":
      return `the loop \`${value.loop.name}\``;
    case "hyperparameter":
      return `the hyperparameter \`${value.loop.name}.${value.name}\``;
    case "function":
      return `the function \`${value.item.name.name}\``;
    case "error":
      return "an error";
  }
}

/** `low .. high` as a program writes it. */
export function formatRange(low: number, high: number): string {
  const text = (x: number) => x === Infinity ? "inf" : x === -Infinity ? "-inf" : String(x);
  return `${text(low)} .. ${text(high)}`;
}

/** A number known now. */
export function staticNumber(value: number, type: StaticValue["type"] = Number.isInteger(value) ? "int" : "float") {
  return { kind: "static", type, value } as const;
}

/** True for the size of one axis as a number. */
export function isSingleSize(value: Value): value is ShapeValue & { readonly single: true } {
  return value.kind === "shape" && value.single === true;
}

/** A model's definition, with its module. */
export interface UserModel {
  readonly item: ModelItem;
  readonly module: Module;
}

/** First letter in upper case. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
