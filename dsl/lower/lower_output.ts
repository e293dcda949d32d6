// What does an `output` become? One function from the trained values to its array, for all of its tasks.
import { keepNaN as keepNaNIn, type KeptNaN } from "../../runtime/ir/kept_nan.ts";
import type { OutputArray, OutputProgram, ProgramFunction } from "../../runtime/program/program.ts";
import { openTasks } from "../loops/task_scopes.ts";
import type { Elaboration } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import type { Given } from "../elaborate/functions.ts";
import { sourceText } from "../world/report.ts";
import type { CheckedOutput } from "../check/checked_program.ts";
import { openEvaluation } from "../check/check_evaluation.ts";
import { outputValue } from "../check/check_output.ts";

/** Writes an output. */
export function lowerOutput(el: Elaboration, { item, across, drawsAs }: CheckedOutput, given: Given): OutputProgram {
  const draft = openEvaluation(el, { item, drawsAs }, given);
  draft.b.origin = item.value.span;
  const tasks = openTasks(draft.cx, across);
  const value = outputValue(tasks.cx, item)!;
  const { dims, ...array } = outputArray(el, item, value);
  const stacked = across ? tasks.close([value.variable]) : [value.variable];
  const { fn, marks: [mark] } = keepNaN(draft.finish(stacked));
  return {
    ...array,
    ...(mark === undefined ? {} : { mark }),
    ...(across ? { tasks: across.count } : {}),
    ...(item.after ? { after: item.after.name } : {}),
    fn,
    dims: [...(across ? [String(across.count)] : []), ...dims],
    watch: () => {
      const again = openEvaluation(el, { item, drawsAs }, given, true);
      const watching = openTasks(again.cx, across);
      return again.finish(watching.close([outputValue(watching.cx, item)!.variable]));
    },
  };
}

/** A function whose results are printed and not differentiated: they are NaN where they were made of a NaN that was compared. */
export function keepNaN({ fn, inputs }: ProgramFunction): { fn: ProgramFunction; marks: KeptNaN["marks"] } {
  const { fn: kept, marks } = keepNaNIn(fn);
  return { fn: { fn: kept, inputs }, marks };
}

/** What is said of the array of an output. */
export function outputArray(
  el: Elaboration,
  { name, value }: CheckedOutput["item"],
  { dims }: TensorValue,
): OutputArray {
  return {
    name: name.name,
    label: sourceText(el, value),
    origin: name.span,
    dims: dims.map((d) => d.name ?? String(d.size)),
  };
}
