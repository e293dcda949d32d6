// Where do tasks come from that a script makes? Before a function is called, the host is asked for every task it needs that
// is not there yet; the fields are checked and stacked over the tasks.
import { allocate, type HostArray, sameShape, sizeOf } from "../ir/types.ts";
import { MetaRuntimeError } from "../errors.ts";
import { entryOf, type HostValues, isHostValues, place, whyNoEntry } from "../program/given_arrays.ts";
import type { InputSlot, ProgramFunction, TaskArgument } from "../program/program.ts";

/** Which task is asked for. The same request must be answered by the same task.
 *
 *  @category Compile */
export interface TaskRequest {
  /** The name of the task in the program. */
  readonly task: string;
  /** What it is for: the name of the outer loop or evaluation, or `gradient …` in the formatter's style. Training and test tasks must
   *  differ, and this tells them apart. */
  readonly consumer: string;
  /** What the program gives it: `across 4 episode(known, shots = 5)` is `{ pool: "known", shots: 5 }`, with all defaults. */
  readonly args: Readonly<Record<string, TaskArgument>>;
  /** Its number among the tasks of the consumer, from 0. */
  readonly index: number;
  /** The meta-step, from 0. Always 0 for `fixed` tasks, evaluations and gradients. */
  readonly step: number;
  /** The seed of the run. */
  readonly seed: number;
  /** The signal given to the run, if any. */
  readonly signal: AbortSignal | undefined;
}

/** A task's arrays by the names that the program declares without values: `{ support: { x, y }, query: { x, y } }`.
 *
 *  @category Compile */
export interface TaskFields {
  /** A field of the task, or the fields of one of its splits. */
  readonly [name: string]: HostValues | Readonly<Record<string, HostValues>>;
}

/** Makes one task, at once or later.
 *
 *  ```ts
 *  import type { HostTask } from "../../mod.ts";
 *
 *  // for `task point { split support { c : [2] } }`: other points at each meta-step, and others again for tests
 *  const point: HostTask = ({ consumer, index, step }) => {
 *    const c = [index, consumer === "test" ? -step : step];
 *    return { support: { c: { shape: [2], data: c } } };
 *  };
 *  console.log(point);
 *  ```
 *
 *  @category Compile
 */
export type HostTask = (request: TaskRequest) => TaskFields | Promise<TaskFields>;

/** The functions of a script by the names of the tasks.
 *
 *  @category Compile */
export type HostTasks = Readonly<Record<string, HostTask>>;

type TaskSlot = InputSlot & { readonly kind: "task" };

/** The tasks of a run. */
export interface TaskSource {
  /** Asks for all that some functions take at a meta-step; everything asked for before is dropped, except for fixed tasks.
   *  False when the signal came before the answers. Throws MetaRuntimeError when an answer does not fit the program. */
  prepare(fns: readonly ProgramFunction[], step: number): Promise<boolean>;
  /** What was prepared for a slot. */
  value(slot: TaskSlot): HostArray | undefined;
}

/** Opens the tasks of a run. */
export function openTaskSource(
  tasks: HostTasks,
  run: { readonly seed: number; readonly signal: AbortSignal | undefined },
): TaskSource {
  const stacked = new Map<string, { readonly slot: TaskSlot; readonly array: HostArray }>();
  const ask = async (slots: readonly TaskSlot[], index: number, step: number): Promise<void> => {
    const { task, args, consumer } = slots[0]!;
    const request = { task, args, consumer, index, step, ...run };
    const name = `Task ${index} of \`${consumer}\`, meta-step ${step}`;
    let fields: TaskFields;
    try {
      fields = await tasks[task]!(request);
    } catch (error) {
      const failure = new MetaRuntimeError(`${name}: the function for \`${task}\` threw: ${messageOf(error)}`);
      failure.cause = error;
      throw failure;
    }
    for (const slot of slots) copyField(slot, fields, index, stacked.get(keyOf(slot))!.array, name);
  };
  return {
    async prepare(fns, step) {
      for (const [key, { slot }] of stacked) if (!slot.fixed) stacked.delete(key);
      const wanted = new Map<string, { readonly slots: TaskSlot[]; readonly index: number; readonly step: number }>();
      for (const slot of fns.flatMap((fn) => fn.inputs)) {
        if (slot.kind !== "task" || stacked.has(keyOf(slot))) continue;
        const { dtype, shape } = slot.type;
        stacked.set(keyOf(slot), { slot, array: { dtype, shape, data: allocate(dtype, sizeOf(shape)) } });
        for (let index = slot.first; index < slot.first + shape[0]!; index++) {
          const at = slot.perStep && !slot.fixed ? step : 0;
          const key = `${slot.consumer} ${slot.task} ${JSON.stringify(slot.args)} ${index} ${at}`;
          const request = wanted.get(key);
          if (request) request.slots.push(slot);
          else wanted.set(key, { slots: [slot], index, step: at });
        }
      }
      if (wanted.size === 0) return true;
      // one after the other, each copied before the next is asked for: a function may fill the same buffers again and again
      const askAll = async () => {
        for (const { slots, index, step } of wanted.values()) {
          if (run.signal?.aborted) return;
          await ask(slots, index, step);
        }
      };
      const complete = await untilAborted(askAll(), run.signal);
      // what is half filled must not be taken for complete
      if (!complete) stacked.clear();
      return complete;
    },
    value: (slot) => stacked.get(keyOf(slot))?.array,
  };
}

/** Two gradients of one expression have one name, and may give their tasks other arguments. */
function keyOf({ consumer, name, args, first, type, bounds }: TaskSlot): string {
  return `${consumer} ${name} ${JSON.stringify(args)} ${first} ${type.shape[0]} ${bounds?.low} ${bounds?.high}`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True when the promise came to its end before the signal. */
async function untilAborted(work: Promise<unknown>, signal: AbortSignal | undefined): Promise<boolean> {
  if (!signal) return await work.then(() => true);
  if (signal.aborted) {
    work.catch(() => {}); // nobody waits for it any more
    return false;
  }
  let stop = () => {};
  const aborted = new Promise<boolean>((resolve) => stop = () => resolve(false));
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await Promise.race([work.then(() => true), aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

function copyField(slot: TaskSlot, fields: TaskFields, index: number, into: HostArray, task: string): void {
  let values: unknown = fields;
  for (const part of slot.path) {
    values = values !== null && typeof values === "object" && Object.hasOwn(values, part)
      ? (values as Record<string, unknown>)[part]
      : undefined;
  }
  const wrong = (why: string) => new MetaRuntimeError(`${task}: \`${slot.name}\` ${why}`, slot.origin);
  if (!isHostValues(values)) {
    throw wrong(
      values === undefined
        ? "is not in what the function gave"
        : "must be given as { shape: [2, 1], data: [1, 2] }, with typed arrays or numbers",
    );
  }
  const { dtype, shape } = slot.type;
  const own = shape.slice(1);
  if (!sameShape(values.shape, own)) {
    throw wrong(`is declared as [${own.join(", ")}], the function gave [${values.shape.join(", ")}]`);
  }
  const size = sizeOf(own);
  if (values.data.length !== size) {
    throw wrong(`has ${values.data.length} entries, its shape [${own.join(", ")}] needs ${size}`);
  }
  const offset = (index - slot.first) * size;
  for (let i = 0; i < size; i++) {
    const value = entryOf(values.data[i], dtype);
    const why = typeof value === "string" ? "it is not a number" : whyNoEntry(value, dtype);
    if (typeof value === "string" || why) throw wrong(`is ${value} at [${place(i, own).join(", ")}]: ${why}`);
    if (slot.bounds && (value < slot.bounds.low || value > slot.bounds.high)) {
      const { low, high, reason } = slot.bounds;
      throw wrong(`is ${value} at [${place(i, own).join(", ")}], outside ${low} .. ${high}: ${reason}`);
    }
    into.data[offset + i] = value;
  }
}
