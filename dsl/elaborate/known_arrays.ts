// What is an array before anything runs? What files, scripts and the program itself say, or what is computed of such: which rows make a
// part of a table, and which class each row belongs to.
import type { HostArray, IrFunction } from "../../runtime/ir/types.ts";
import { openPreview } from "../../runtime/program/preview.ts";
import type { Context, Elaboration, Scope } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { forKnown, openFunction } from "./functions.ts";

/** Where an array is computed that is to be known now. */
export interface Now {
  readonly cx: Context;
  /** Its entries, or why it is known only when the program runs. */
  known(tensor: TensorValue): HostArray | "drawn" | "learned";
}

/** Opens a function that is computed now: draws are written, and what may be learned is an input, and such an array is found to be none. To be used in `writingApart`. */
export function openNow(el: Elaboration, scope: Scope): Now {
  const { evaluations } = el.work;
  const draft = openFunction(el, "now", { consumer: "", scope, ...forKnown });
  el.work.evaluations = evaluations;
  return {
    cx: draft.cx,
    known({ variable }) {
      const { fn, inputs } = draft.finish([variable]);
      if (standsIn(fn)) return "learned";
      const given = inputs.map((slot) => slot.kind === "data" ? el.data.get(slot.name) : undefined);
      if (!given.includes(undefined)) return computeNow(fn, given as HostArray[]);
      return inputs.some(({ kind }) => kind === "seed") ? "drawn" : "learned";
    },
  };
}

/** The one array that a function gives. */
export function computeNow(fn: IrFunction, given: readonly HostArray[]): HostArray {
  const executable = openPreview(fn);
  const [array] = executable.run(given);
  executable.dispose();
  return array!;
}

/** True for a function in which something stands for what a loop makes, which is known when that has run. */
function standsIn({ inputs, equations, outputs }: IrFunction): boolean {
  const made = new Set([...inputs, ...equations.flatMap((equation) => equation.outputs)]);
  return [...outputs, ...equations.flatMap((equation) => equation.inputs)].some((x) => !made.has(x));
}
