// Where did a run go wrong first? When an objective is not finite, the inner quantities are computed once more and
// searched for the earliest value that is not a number, and the error says which it was.
import type { HostArray, Origin } from "../ir/types.ts";
import { MetaRuntimeError } from "../errors.ts";
import type { DiagnosedQuantity, TrajectoryQuantity } from "../program/program.ts";

/** The earliest value that is NaN or infinite. */
export interface FirstNonFinite {
  readonly loop: string;
  /** "loss", or a parameter's name. */
  readonly quantity: string;
  /** Step of the inner loop. */
  readonly time: number;
  /** The first task with it at that time, from 0; absent without tasks. */
  readonly task?: number;
  /** Number of tasks in which the quantity is not finite at some time. */
  readonly tasksAffected: number;
  readonly value: number;
  readonly origin: Origin;
}

/** True when every entry is a finite number; integers and truth values always are. */
export function allFinite(array: HostArray): boolean {
  if (array.dtype === "i32" || array.dtype === "bool") return true;
  const { data } = array;
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i])) return false;
  return true;
}

/** Finds the earliest value that is not finite: in the first loop (in the given order) that has one, at the lowest time,
 *  a parameter before a loss computed from it, then in the given order, then in the lowest task. */
export function findFirstNonFinite(
  quantities: readonly DiagnosedQuantity[],
  arrays: readonly HostArray[],
): FirstNonFinite | undefined {
  const found = quantities.flatMap((q, i) => {
    const first = firstInQuantity(q, arrays[i]!);
    return first ? [first] : [];
  });
  const sameLoop = found.filter((f) => f.loop === found[0]!.loop);
  const rank = (f: FirstNonFinite) => 2 * f.time + (f.quantity === "loss" ? 1 : 0);
  // a stable sort: among equals the given order stays
  return sameLoop.sort((a, b) => rank(a) - rank(b))[0];
}

function firstInQuantity(quantity: DiagnosedQuantity, array: HostArray): FirstNonFinite | undefined {
  const { shape, data } = array;
  const tasks = quantity.tasks ? shape[0] ?? 1 : 1;
  const times = shape[quantity.tasks ? 1 : 0] ?? 1;
  const size = data.length / (tasks * times);
  let best: { time: number; task: number; value: number } | undefined;
  let affected = 0;
  for (let task = 0; task < tasks; task++) {
    const from = task * times * size;
    for (let i = from; i < from + times * size; i++) {
      if (Number.isFinite(data[i])) continue;
      affected++;
      const time = Math.floor((i - from) / size);
      if (!best || time < best.time) best = { time, task, value: data[i]! };
      break;
    }
  }
  if (!best) return undefined;
  const { loop, quantity: name, origin } = quantity;
  const base = { loop, quantity: name, time: best.time, tasksAffected: affected, value: best.value, origin };
  return quantity.tasks ? { ...base, task: best.task } : base;
}

/** "`fit`, step 37: `net.W@38` is NaN": the step is the one that made the value, the time the one it stands at. */
export function describeNonFinite(first: FirstNonFinite): string {
  const { loop, quantity, time } = first;
  if (quantity === "loss") return `\`${loop}\`, step ${time}: \`${loop}.loss@${time}\` is ${first.value}`;
  const step = time === 0 ? "before the first step" : `step ${time - 1}`;
  return `\`${loop}\`, ${step}: \`${quantity}@${time}\` is ${first.value}`;
}

/** The error for a meta-step whose objective or meta-gradient is not finite. `first` is what the search found, or why it
 *  could not be made; `what` names the quantity that was noticed ("the objective"). */
export function metaStepError(
  first: FirstNonFinite | Error | undefined,
  at: {
    readonly outer: string;
    readonly step: number;
    readonly what: string;
    readonly value: number;
    readonly origin: Origin;
  },
): MetaRuntimeError {
  if (first === undefined || first instanceof Error) {
    const rest = first
      ? `; looking for its cause failed: ${first.message}`
      : ", although every loss and parameter of the inner loops is finite";
    return new MetaRuntimeError(`\`${at.outer}\`, meta-step ${at.step}: ${at.what} is ${at.value}${rest}`, at.origin);
  }
  const others = first.tasksAffected - 1;
  const more = others > 0 ? ` and ${others} other ${others === 1 ? "task" : "tasks"}` : "";
  const task = first.task === undefined ? "" : `, task ${first.task}${more}`;
  return new MetaRuntimeError(
    `${describeNonFinite(first)} (meta-step ${at.step} of \`${at.outer}\`${task})`,
    first.origin,
  );
}

/** The same search over trajectories (axis 0 is time, no tasks), for loops that run outside of an outer. */
export function findInTrajectories(
  quantities: readonly TrajectoryQuantity[],
  arrays: readonly HostArray[],
  origin: Origin,
): FirstNonFinite | undefined {
  return findFirstNonFinite(
    quantities.map(({ loop, name }) => ({
      loop,
      quantity: name === `${loop}.loss` ? "loss" : name,
      tasks: false,
      origin,
    })),
    arrays,
  );
}
