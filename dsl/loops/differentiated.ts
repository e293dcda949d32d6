// What is differentiated, and what comes of it?
import type { ArrayType, Variable } from "../../runtime/ir/types.ts";
import type { Span } from "../text/source.ts";
import type { Loop } from "../world/loop.ts";
import type { Across, CheckedLoop, Context, LeafDeclaration, World } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";

/** An objective and what it is differentiated for. */
export interface Differentiated {
  readonly name: string;
  readonly at: Span;
  readonly leaves: readonly LeafDeclaration[];
  /** The present value of a leaf. */
  readonly value: (leaf: LeafDeclaration) => TensorValue;
  /** What a world is given where the leaves have other values: these are where they start, unless said. */
  readonly enter?: (values: ReadonlyMap<string, TensorValue>) => Partial<Pick<World, "values" | "owns" | "training">>;
  /** Tasks that the objective is the mean of. */
  readonly tasks: number | undefined;
  /** Writes the objective, a scalar, and what else is wanted, where a context stands; then what `more` gives for each task. */
  readonly write: (cx: Context, more?: (task: Context) => readonly Variable[]) => readonly Variable[];
  /** Types of what else is wanted of a loop that is run window by window: its value in the last window, at x itself. */
  readonly others?: readonly ArrayType[];
  /** A loop whose samples go on into the next meta-step: what is wanted first of `write` is where it ends. */
  readonly lasting?: LastingSamples | undefined;
}

/** What a world is given for the values that are differentiated for, or moved. */
export function entered(
  { enter }: Differentiated,
  values: ReadonlyMap<string, TensorValue>,
): Partial<Pick<World, "initials" | "values" | "owns" | "training">> {
  return enter ? enter(values) : { initials: values };
}

/** A loop that goes on from meta-step to meta-step, with its samples. */
export interface LastingSamples {
  readonly outer: Loop;
  readonly run: CheckedLoop;
  readonly across: Across | undefined;
}

/** What `write` wrote, and the gradient of its first output for every leaf. */
export interface WithGradients {
  readonly outputs: readonly Variable[];
  readonly gradients: readonly Variable[];
  /** Where the samples stand at the end that go on, by the names of what is kept of them. */
  readonly samples?: ReadonlyMap<string, Variable>;
}
