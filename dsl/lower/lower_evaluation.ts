// What does an `evaluate` become? One function from the trained values to what is reported of every task.
import type { Variable } from "../../runtime/ir/types.ts";
import type { EvaluationProgram } from "../../runtime/program/program.ts";
import { timeLocals } from "../elaborate/time_points.ts";
import { openTasks } from "../loops/task_scopes.ts";
import type { Elaboration } from "../world/world.ts";
import type { Given } from "../elaborate/functions.ts";
import { sourceText } from "../world/report.ts";
import { requireInteger } from "../elaborate/sizes.ts";
import { withLocals } from "../world/moments.ts";
import type { CheckedEvaluation } from "../check/checked_program.ts";
import { openEvaluation, reportValue } from "../check/check_evaluation.ts";
import { keepNaN } from "./lower_output.ts";

/** Writes an evaluation. */
export function lowerEvaluation(
  el: Elaboration,
  evaluation: CheckedEvaluation,
  given: Given,
): EvaluationProgram {
  const { item, across, steps, every, skips } = evaluation;
  const draft = openEvaluation(el, { item, steps }, given);
  draft.b.origin = item.name.span;
  const tasks = openTasks(draft.cx, across);
  const outputs: Variable[] = [];
  const reports = evaluation.reports.map((report) => {
    outputs.push(reportValue(tasks.cx, report)!.variable);
    const label = sourceText(el, report.value);
    if (!report.at) return { label };
    const at = withLocals(tasks.cx, timeLocals(tasks.cx, report.value));
    const from = requireInteger(at, report.at.from, "the first time", 0)!;
    const to = requireInteger(at, report.at.to, "the last time", 0)!;
    return { label, times: Array.from({ length: to - from + 1 }, (_, i) => from + i) };
  });
  return {
    name: item.name.name,
    origin: item.name.span,
    ...(item.after ? { after: item.after.name } : {}),
    tasks: across?.count ?? 1,
    ...(skips ? { skips } : {}),
    fn: keepNaN(draft.finish(tasks.close(outputs))).fn,
    reports,
    watch: (report) => {
      const again = openEvaluation(el, { item, steps }, given, true);
      const watching = openTasks(again.cx, across);
      return again.finish(watching.close([reportValue(watching.cx, evaluation.reports[report]!)!.variable]));
    },
    ...(every ? { every } : {}),
  };
}
