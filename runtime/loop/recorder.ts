// Which values are kept, and at which meta-steps? The rule of `record … every N steps`: the values before meta-steps
// 0, N, 2N, …, and those at the end. Also says before work starts when that would need too much memory.
import { type ArrayType, copyOf, entryBytes, type HostArray, sizeOf } from "../ir/types.ts";
import { CallGivenUp, MetaRuntimeError } from "../errors.ts";
import {
  type ExperimentProgram,
  type OuterProgram,
  trajectoryName,
  type TrajectoryQuantity,
} from "../program/program.ts";
import { begunNow, type OuterState, stepsDone } from "./outer_state.ts";
import type { Recorded, RecordedBy } from "./results.ts";
import type { Later } from "./step_loop.ts";

/** True when the values before a meta-step are recorded (`every` in meta-steps). */
export function isDue(step: number, every: number): boolean {
  return step % every === 0;
}

/** Number of times a request is recorded in a loop of `steps` meta-steps: each N, and the end. */
function recordCount(steps: number, every: number): number {
  return Math.ceil(steps / every) + 1;
}

/** What each request of a program will take, in bytes. */
function requests(program: ExperimentProgram): { readonly name: string; readonly bytes: number }[] {
  const leaves = new Map(program.leaves.map((leaf) => [leaf.name, leaf.type]));
  const bytes = (type: ArrayType) => entryBytes[type.dtype] * sizeOf(type.shape);
  const list: { name: string; bytes: number }[] = [];
  for (const outer of program.outers) {
    for (const { label, what, every } of outer.records) {
      const once = what.kind === "leaf"
        ? bytes(leaves.get(what.name)!)
        : what.kind === "rate"
        ? bytes(outer.rates!.fn.fn.outputs[outer.rates!.names.indexOf(what.name)]!)
        : entryBytes[program.precision];
      list.push({ name: label, bytes: once * recordCount(outer.steps, every) });
    }
    for (const quantity of outer.trajectories?.quantities ?? []) {
      const count = recordCount(outer.steps, outer.trajectories!.every);
      list.push({ name: trajectoryName(quantity), bytes: bytes(quantity.type) * count });
    }
  }
  for (const item of [...program.gradients, ...program.simulations]) {
    for (const quantity of item.trajectories) {
      list.push({ name: trajectoryName(quantity), bytes: bytes(quantity.type) });
    }
  }
  return list;
}

/** What the values of all tasks of each evaluation will take, in bytes. An outer that may end early says nothing of how often. */
function evaluationBytes(
  { evaluations, outers }: ExperimentProgram,
): { readonly name: string; readonly bytes: number }[] {
  return evaluations.map(({ name, tasks, reports, every }) => {
    const outer = outers.find((o) => o.name === every?.of && o.until.length === 0);
    const times = reports.reduce((sum, { times }) => sum + (times?.length ?? 1), 0);
    return { name, bytes: 8 * tasks * times * (1 + (outer ? recordCount(outer.steps, every!.steps) : 0)) };
  });
}

/** What each output will take, in bytes. */
function outputBytes(program: ExperimentProgram): { readonly name: string; readonly bytes: number }[] {
  const bytes = ({ dtype, shape }: ArrayType) => entryBytes[dtype] * sizeOf(shape);
  return [
    ...program.outputs.map(({ name, fn }) => ({ name, bytes: bytes(fn.fn.outputs[0]!) })),
    ...program.simulations.flatMap(({ outputs, trajectories, fn }) =>
      outputs.map(({ name }, i) => ({ name, bytes: bytes(fn.fn.outputs[1 + trajectories.length + i]!) }))
    ),
  ];
}

/** Throws MetaRuntimeError, with the largest request and the cure, when what is recorded, evaluated and output needs more than `limit`
 *  bytes. */
export function checkRecordedBytes(program: ExperimentProgram, limit: number): void {
  const [records, evaluations, outputs] = [requests(program), evaluationBytes(program), outputBytes(program)];
  const asked = [...records, ...evaluations, ...outputs];
  const total = asked.reduce((sum, r) => sum + r.bytes, 0);
  if (total <= limit) return;
  const largest = asked.reduce((a, b) => b.bytes > a.bytes ? b : a);
  const gigabytes = (bytes: number) => `${Number((bytes / 1e9).toPrecision(3))} GB`;
  // an evaluation is there in most programs, and is small
  const verbs = [
    ...(records.length > 0 ? ["records"] : []),
    ...(evaluations.some(({ bytes }) => bytes > limit / 10) ? ["evaluates"] : []),
    ...(outputs.length > 0 ? ["outputs"] : []),
  ];
  const what = new Intl.ListFormat("en", { style: "long" }).format(verbs);
  const cure = outputs.includes(largest)
    ? "Output a part of it, or what is computed from it"
    : evaluations.includes(largest)
    ? "Evaluate it less often (`every N steps`), or across fewer tasks"
    : `Record it less often: \`record ${largest.name} every N steps\``;
  throw new MetaRuntimeError(
    `What this experiment ${what} would need ${gigabytes(total)} of memory, ${gigabytes(largest.bytes)} of it for ` +
      `\`${largest.name}\`; ${gigabytes(limit)} are allowed. ${cure}`,
  );
}

/** Trajectories as they are recorded. */
export function trajectoryRecords(
  quantities: readonly TrajectoryQuantity[],
  arrays: readonly HostArray[],
  by: RecordedBy,
): Recorded[] {
  return quantities.map((quantity, i) => ({
    name: trajectoryName(quantity),
    of: quantity.name,
    by,
    trajectory: true,
    value: arrays[i]!,
  }));
}

/** What has to be computed to be recorded. */
export interface ComputedRecords {
  readonly trajectories: () => Later<readonly HostArray[]>;
  /** The loop's own hyperparameters, in the order of `OuterProgram.rates`. */
  readonly rates: () => Later<readonly HostArray[]>;
}

/** What is recorded of one outer loop. `keep` receives each value. */
export interface OuterRecorder {
  /** Before a meta-step, with the values before it. All of it is kept, or nothing: what has to be computed comes first. */
  before(state: OuterState, compute: ComputedRecords): Promise<void>;
  /** After the computation of a meta-step. */
  computed(state: OuterState): void;
  /** After the last meta-step that was done; in the same way. No trajectories where they cannot be computed. */
  end(state: OuterState, trajectories?: () => Later<readonly HostArray[]>): Promise<void>;
}

const none = () => undefined;

/** What was computed, or what was thrown, for when it is its turn: what comes before is kept in any case. Rejects where the call was given
 *  up: then nothing is kept. */
async function tried<T>(compute: () => Later<T>): Promise<() => T> {
  try {
    const value = await compute();
    return () => value;
  } catch (error) {
    if (error instanceof CallGivenUp) throw error;
    return () => {
      throw error;
    };
  }
}

/** Opens the recorder of an outer loop. */
export function openOuterRecorder(
  outer: OuterProgram,
  precision: "f32" | "f64",
  keep: (recorded: Recorded) => void,
): OuterRecorder {
  const by = (step: number): RecordedBy => ({ kind: "outer", name: outer.name, step });
  const keepAt = (step: number, name: string, value: HostArray) =>
    keep({ name, of: name, by: by(step), trajectory: false, value });

  function keepLeaves(state: OuterState, due: (every: number) => boolean) {
    for (const { label, what, every } of outer.records) {
      // the loop goes on in the same memory
      if (what.kind === "leaf" && due(every)) keepAt(stepsDone(state), label, copyOf(state.leaves.get(what.name)!));
    }
  }
  const hasTrajectories = (due: (every: number) => boolean) => outer.trajectories && due(outer.trajectories.every);
  function keepTrajectories(step: number, arrays: readonly HostArray[] | undefined) {
    if (arrays) trajectoryRecords(outer.trajectories!.quantities, arrays, by(step)).forEach(keep);
  }
  function keepScalars(state: OuterState, due: (every: number) => boolean) {
    const { latest } = state;
    if (!latest) return;
    const step = stepsDone(state) - 1;
    for (const { label, what, every } of outer.records) {
      if (what.kind === "leaf" || what.kind === "rate" || !due(every)) continue;
      const data = precision === "f32" ? Float32Array.of(latest[what.kind]) : Float64Array.of(latest[what.kind]);
      keepAt(step, label, { dtype: precision, shape: [], data });
    }
  }
  return {
    async before(state, compute) {
      const begun = begunNow(state);
      if (begun.recorded) return;
      const { step } = begun;
      const due = (every: number) => isDue(step, every);
      const dueRates = outer.records.filter(({ what, every }) => what.kind === "rate" && due(every));
      const rates = dueRates.length > 0 ? await tried(compute.rates) : () => [];
      const trajectories = hasTrajectories(due) ? await tried(compute.trajectories) : none;
      keepLeaves(state, due);
      for (const { label } of dueRates) keepAt(step, label, copyOf(rates()[outer.rates!.names.indexOf(label)]!));
      keepTrajectories(step, trajectories());
      state.begun = { ...begun, recorded: true };
    },
    computed(state) {
      keepScalars(state, (every) => isDue(stepsDone(state) - 1, every));
    },
    async end(state, compute) {
      const begun = begunNow(state);
      if (begun.ended) return;
      const { step, recorded } = begun;
      const missing = (every: number) => !recorded || !isDue(step, every);
      const trajectories = compute && hasTrajectories(missing) ? await tried(compute) : none;
      // the last loss stands for the end, unless its step was due anyway
      keepScalars(state, (every) => !isDue(step - 1, every));
      // so do the values, where a loop ends before a meta-step that was due
      keepLeaves(state, missing);
      keepTrajectories(step, trajectories());
      state.begun = { ...begun, ended: true };
    },
  };
}
