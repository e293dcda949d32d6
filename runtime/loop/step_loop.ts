// How do the meta-steps of a loop hang together, and how is a loop run that keeps what it made in the memory of a backend?
import type { HostArray } from "../ir/types.ts";
import type { SlotValues } from "./slots.ts";
import type { ImplicitReport } from "./results.ts";

/** How the meta-steps of a loop hang together; outputs and inputs by position. */
export interface StepWiring {
  /** Outputs that become inputs. */
  readonly feed: ReadonlyMap<number, number>;
  /** The first so many outputs must be finite; the first `numbers` of them are scalars. */
  readonly watched: number;
  readonly numbers: number;
}

/** What is there at once, or later. */
export type Later<T> = T | Promise<T>;

/** A function that goes on from what it made: everything stays in the memory of the backend. */
export interface OpenLoop {
  /** What the inputs hold: changes with every `accept`. */
  readonly inputs: readonly (HostArray | undefined)[];
  /** Meta-steps in one call, at most. */
  readonly most: number;
  /** Runs meta-steps from `values.step` on: `count`, or as many as are finite, but one at least. Throws MetaRuntimeError when an
   *  integer is outside its range. Where that may take long it answers later, and rejects with CallGivenUp where the run is to stop:
   *  the inputs are then as they were. */
  run(values: SlotValues, count: number): Later<Steps>;
  /** The outputs become the inputs of the next step. */
  accept(): void;
}

/** What some meta-steps made. */
export interface Steps {
  /** Of each: the outputs that are numbers, and what its implicit derivatives say. */
  readonly each: readonly { readonly numbers: readonly number[]; readonly implicit: readonly ImplicitReport[] }[];
  /** What the last one made, until the next run or `accept`. */
  readonly outputs: readonly HostArray[];
  /** The first watched output that is not finite; then there was one step only. */
  readonly bad: number | undefined;
}
