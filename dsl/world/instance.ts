// Which instance of a program is compiled? The whole, or one for `verify`: in float64, smaller, or differentiated otherwise.
import type { EstimatorKind, Loop } from "./loop.ts";

/** What differs from the program as written. */
export interface Instance {
  readonly precision?: "f64" | undefined;
  /** Steps of a loop that another loop or item runs, at most. */
  readonly mostSteps?: number;
  /** Tasks, at most. */
  readonly mostTasks?: number;
  /** Steps of the loops that are differentiated implicitly, times this. */
  readonly longer?: number;
  /** How every loop is differentiated. */
  readonly through?: EstimatorKind & ("unroll" | "forward");
}

/** The steps of a loop in an instance. */
export function instanceSteps({ mostSteps = Infinity, longer = 1 }: Instance, loop: Loop, steps: number): number {
  return Math.min(steps, mostSteps) * (loop.through.written === "implicit" ? longer : 1);
}
