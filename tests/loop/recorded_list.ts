// What did a run record, value by value?
import { recordedAt } from "../../runtime/loop/records.ts";
import type { Recorded, RunResult } from "../../runtime/loop/results.ts";

/** Each value by itself: those of one name and item after each other. */
export function recordedList({ recorded }: Pick<RunResult, "recorded">): Recorded[] {
  return recorded.flatMap((series) => {
    const { name, of, by, trajectory, steps, values: { shape: [count] } } = series;
    return Array.from({ length: count! }, (_, i): Recorded => ({
      ...{ name, of, trajectory },
      by: by.kind === "outer" ? { ...by, step: steps[i]! } : by,
      value: recordedAt(series, i),
    }));
  });
}
