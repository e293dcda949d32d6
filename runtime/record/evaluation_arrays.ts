// Where are the values of every task of the evaluations that an outer makes again and again? In `trajectories.safetensors`, a report an
// array; in `summary.json` too as long as they are few.
import type { HostArray } from "../ir/types.ts";
import type { EvaluationResult } from "../loop/results.ts";

/** At most so many numbers of evaluations during outers stand in `summary.json`. */
const mostInSummary = 10_000;

type During = EvaluationResult & Required<Pick<EvaluationResult, "during">>;

const duringOuters = (evaluations: readonly EvaluationResult[]): During[] =>
  evaluations.filter((e): e is During => e.during !== undefined);

/** True when the values of tasks of evaluations during outers are so many that `summary.json` leaves them to the arrays. */
export function areMany(evaluations: readonly EvaluationResult[]): boolean {
  const count = ({ tasks, reports }: During) => reports.reduce((sum, { points }) => sum + tasks * points.length, 0);
  return duringOuters(evaluations).reduce((sum, e) => sum + count(e), 0) > mostInSummary;
}

/** The arrays of evaluations during outers: `evaluate NAME/report K`, K from 0, with axes evaluations, tasks and, where it says `at`,
 *  times; and `evaluate NAME/steps`. */
export function evaluationArrays(
  evaluations: readonly EvaluationResult[],
): { readonly tensors: ReadonlyMap<string, HostArray>; readonly metadata: Readonly<Record<string, string>> } {
  const tensors = new Map<string, HostArray>();
  const metadata: Record<string, string> = {};
  const all = duringOuters(evaluations);
  for (const name of new Set(all.map((e) => e.name))) {
    const made = all.filter((e) => e.name === name);
    const { tasks, reports, during } = made[0]!;
    const steps = Int32Array.from(made, (e) => e.during.step);
    tensors.set(`evaluate ${name}/steps`, { dtype: "i32", shape: [steps.length], data: steps });
    for (const [k, { label, points }] of reports.entries()) {
      const times = points.length;
      const data = new Float64Array(made.length * tasks * times);
      made.forEach((e, i) =>
        e.reports[k]!.points.forEach(({ values }, t) =>
          values.forEach((x, task) => data[(i * tasks + task) * times + t] = x)
        )
      );
      const timed = points[0]!.time !== undefined;
      const key = `evaluate ${name}/report ${k}`;
      tensors.set(key, { dtype: "f64", shape: [made.length, tasks, ...(timed ? [times] : [])], data });
      metadata[key] = `axes: evaluations, tasks${timed ? ", times" : ""}; ${label}; during ${during.outer}`;
    }
  }
  return { tensors, metadata };
}
