// What can be asked of an evaluation? Its reports at each time, and how it differs from another one on the same tasks.
import type { EvaluationResult, ReportPoint, ReportResult } from "../runtime/loop/results.ts";
import { pairedDifference, type Summary } from "../runtime/loop/statistics.ts";
import { quoted } from "../dsl/text/words.ts";

/** Which number of an evaluation is meant; needed where it has several.
 *
 *  @category Run */
export interface PointAt {
  /** The report's expression as written. */
  readonly report?: string;
  /** Step of the inner loop. */
  readonly time?: number;
}

/** An evaluation over fresh tasks.
 *
 *  @category Run */
export interface Evaluation extends EvaluationResult {
  /** Mean, median, 95 % interval and the values per task of a report at a time.
   *  Throws TypeError when there are several and none was named, RangeError when there is no such one. */
  point(at?: PointAt): ReportPoint;
  /** Mean and 95 % interval of the differences, task by task, between this evaluation and another of the same tasks
   *  (the same task items, number and seed). Throws RangeError when the numbers of tasks differ, and what `point` throws. */
  pairedDifference(other: Evaluation, at?: PointAt): Summary;
}

/** The public view of an evaluation. */
export function makeEvaluation(result: EvaluationResult): Evaluation {
  return {
    ...result,
    point: (at = {}) => pointAt(result, at),
    pairedDifference: (other, at = {}) => pairedDifference(pointAt(result, at).values, other.point(at).values),
  };
}

function pointAt(result: EvaluationResult, { report, time }: PointAt): ReportPoint {
  const { points, label } = reportOf(result, report);
  if (time === undefined) {
    if (points.length === 1) return points[0]!;
    throw new TypeError(`\`${label}\` is reported at several times: say which, ${timesOf(points)}`);
  }
  const point = points.find((p) => p.time === time);
  if (!point) throw new RangeError(`\`${label}\` is not reported at time ${time}, but at ${timesOf(points)}`);
  return point;
}

function reportOf(result: EvaluationResult, label: string | undefined): ReportResult {
  const labels = quoted(result.reports.map((r) => r.label));
  if (label === undefined) {
    if (result.reports.length === 1) return result.reports[0]!;
    throw new TypeError(`\`${result.name}\` has several reports: say { report: … } one of ${labels}`);
  }
  const found = result.reports.find((r) => r.label === label);
  if (!found) throw new RangeError(`\`${result.name}\` has no report \`${label}\`; there is ${labels}`);
  return found;
}

function timesOf(points: readonly ReportPoint[]): string {
  const times = points.flatMap((p) => p.time === undefined ? [] : [p.time]);
  if (times.length === 0) return "no time";
  const consecutive = times.every((t, i) => t === times[0]! + i);
  return consecutive && times.length > 2 ? `${times[0]} to ${times.at(-1)}` : times.join(", ");
}
