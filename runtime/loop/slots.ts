// What is an input of a function filled with? What its slot stands for: leaves, states, data, tasks, the step.
import type { HostArray } from "../ir/types.ts";
import type { TaskSource } from "./host_tasks.ts";
import { liesApart } from "../program/data_memory.ts";
import type { InputSlot, ProgramFunction } from "../program/program.ts";
import { InternalError, MetaRuntimeError } from "../errors.ts";

/** What slots are filled with. */
export interface SlotValues {
  readonly seed: HostArray;
  /** Number of the meta-step, from 0. */
  readonly step: number;
  /** The number of meta-steps that each outer has made; none for those that have not begun. */
  readonly made?: ReadonlyMap<string, number>;
  readonly leaves: ReadonlyMap<string, HostArray>;
  /** The states of the outer rule at work. */
  readonly states: ReadonlyMap<string, HostArray>;
  readonly data: ReadonlyMap<string, HostArray>;
  readonly tasks: Pick<TaskSource, "value">;
  /** What a model is called with. */
  readonly arguments?: ReadonlyMap<string, HostArray>;
}

/** True for a slot that holds something else at every meta-step. */
export function changes(slot: InputSlot): boolean {
  return slot.kind === "step" || slot.kind === "task" && !slot.fixed && slot.perStep;
}

/** The inputs of a function, by position, that are large data: they lie once for all functions. */
export function largeData({ fn, inputs }: Pick<ProgramFunction, "fn" | "inputs">): ReadonlySet<number> {
  return new Set(inputs.flatMap(({ kind }, i) => kind === "data" && liesApart(fn.inputs[i]!) ? [i] : []));
}

/** What a slot stands for. */
export function fill(slot: InputSlot, values: SlotValues): HostArray {
  switch (slot.kind) {
    case "seed":
      return values.seed;
    case "step":
      return { dtype: "i32", shape: [], data: Int32Array.of(values.step) };
    case "made":
      return { dtype: "i32", shape: [], data: Int32Array.of(values.made?.get(slot.name) ?? 0) };
    case "leaf":
      return found(values.leaves.get(slot.name), slot);
    case "state":
      return found(values.states.get(slot.name), slot);
    case "argument":
      return found(values.arguments?.get(slot.name), slot);
    case "task":
      return found(values.tasks.value(slot), slot);
    case "data": {
      const value = values.data.get(slot.name);
      if (!value) throw new MetaRuntimeError(`The data \`${slot.name}\` was not given`);
      return value;
    }
  }
}

function found(value: HostArray | undefined, slot: InputSlot & { readonly name: string }): HostArray {
  if (!value) throw new InternalError(`There is no ${slot.kind} \`${slot.name}\``);
  return value;
}
