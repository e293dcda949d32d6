// How do arrays pass between a script and a run? Given ones are looked at before the front end checks them against the
// program; handed-out ones have their own storage.
import type { HostData } from "../dsl/data/data.ts";
import type { HostStart } from "../dsl/data/starts.ts";
import type { Starts } from "./experiment.ts";
import { isRun } from "./given.ts";
import type { Run } from "./run.ts";
import type { HostTasks } from "../runtime/loop/host_tasks.ts";
import { isHostValues } from "../runtime/program/given_arrays.ts";
import { type HostArray, sizeOf } from "../runtime/ir/types.ts";

/** Throws TypeError, with the array's name, for what scripts without types get wrong: no shape, or no data. Whether an
 *  array fits the program is the front end's business. */
export function checkHostData(data: HostData): void {
  for (const [item, fields] of Object.entries(data)) {
    for (const [field, values] of Object.entries(fields)) {
      if (isHostValues(values)) continue;
      throw new TypeError(
        `The data \`${item}.${field}\` must be given as { shape: [2, 1], data: [1, 2] }, with typed arrays or numbers`,
      );
    }
  }
}

/** What a script says of where a run starts. Throws TypeError, with the name, for what is neither an array nor a run. */
export function hostStarts(start: Starts): readonly HostStart[] {
  if (isRun(start)) return [{ values: learnedBy(start) }];
  if (typeof start !== "object" || start === null) {
    throw new TypeError("`start` must be a run, or arrays and runs by name");
  }
  return Object.entries(start).map(([name, values]) => {
    if (isRun(values)) return { name, values: learnedBy(values) };
    if (isHostValues(values)) return { name, values };
    throw new TypeError(
      `The start \`${name}\` must be given as { shape: [2, 1], data: [1, 2] }, with typed arrays or numbers, or as a run`,
    );
  });
}

const learnedBy = (run: Run) => new Map(run.parameters.map((name) => [name, run.parameter(name)]));

/** Throws TypeError for what is given as a task and is no function. */
export function checkHostTasks(tasks: HostTasks): void {
  for (const [name, task] of Object.entries(tasks)) {
    if (typeof task !== "function") throw new TypeError(`The task \`${name}\` must be given as a function`);
  }
}

/** The same array with its own storage. */
export function copyArray({ dtype, shape, data }: HostArray): HostArray {
  return { dtype, shape, data: data.slice() };
}

/** Entry `index` along axis 0, with its own storage. */
export function sliceFirstAxis({ dtype, shape, data }: HostArray, index: number): HostArray {
  const inner = shape.slice(1);
  const size = sizeOf(inner);
  return { dtype, shape: inner, data: data.slice(index * size, (index + 1) * size) };
}
