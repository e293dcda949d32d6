// From what does a leaf start that begins with what was learned before? Arrays that are stored under names, and the `start` that says
// which leaf begins with which.
import type { Path } from "../syntax/paths.ts";
import type { Span } from "../text/source.ts";
import type { HyperparameterValue } from "./value_kinds.ts";

/** What a leaf goes by. */
export interface LeafNames {
  /** What it is looked up by: its path and tensor, printed (`leafName`). */
  readonly name: string;
  /** The path of its model and its own name; of a hyperparameter that of its loop, and its path in it. */
  readonly path: Path;
  /** Of a hyperparameter with a value for each tensor: which, as a program writes it between brackets. */
  readonly tensor?: Path;
}

/** Arrays by name, from which leaves start. */
export interface StoredArrays {
  /** What holds them, for a message. */
  readonly name: string;
  readonly names: readonly string[];
  /** They are what a run has left: a state that is not there was as it is declared. */
  readonly ofRun?: boolean;
  /** One of them; undefined when there is none of that name. */
  find(name: string): StoredArray | undefined;
  /** The only name that ends in a path, after other words: and these, as they stand behind `as`. */
  endingIn(path: string): { readonly name: string; readonly as: string } | undefined;
}

/** One of them, as it is stored. */
export interface StoredArray {
  /** What it is called in a message. */
  readonly name: string;
  readonly shape: readonly number[];
  /** How its entries are stored: `F32`. */
  readonly storage: string;
  /** Its entries, row-major: NaN or a text for what is no number. Undefined where they are no floats. */
  entries(): ArrayLike<number | string> | undefined;
}

/** `start net.body from "earlier" as encoder`, or what a script hands over. */
export interface Start {
  /** What is said to start: `net.body`. */
  readonly label: string;
  /** What its arrays call a leaf; undefined for one that it does not speak of. */
  nameOf(leaf: LeafNames): string | undefined;
  /** Undefined where they could not be read (reported). */
  readonly arrays: StoredArrays | undefined;
  readonly at: Span;
  /** The hyperparameter that it speaks of. */
  readonly hyperparameter?: HyperparameterValue;
  /** A script says so, in place of what the program says. */
  readonly handed?: true;
}
