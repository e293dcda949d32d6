// How is a function of the program called? Its gradients are expanded and it is compiled when it is first needed, once
// a run; each input is filled with what its slot stands for.
import { copyOf, formatType, type HostArray, type IrFunction, sameShape, sizeOf } from "../ir/types.ts";
import type { Backend, Executable, Pauses } from "../backend/interface.ts";
import type { SolveReport } from "../autodiff/lower_solves.ts";
import { asOwnError, InternalError, MetaRuntimeError, UseError } from "../errors.ts";
import { outsideError, outsideErrorWithPauses } from "./outside.ts";
import { allFinite } from "./non_finite.ts";
import { firstNotFinite, type FirstWatched } from "./watch.ts";
import { type DeviceStepLoop, openDeviceLoop } from "./device_loop.ts";
import { type MemoryPlan, planFunction, type PlannedFunction } from "./memory.ts";
import type { ImplicitReport } from "./results.ts";
import type { InputSlot, ProgramFunction } from "../program/program.ts";
import { changes, fill, largeData, type SlotValues } from "./slots.ts";
import type { Later, OpenLoop, Steps, StepWiring } from "./step_loop.ts";
import { implicitReports, isOutside } from "./implicit_reports.ts";

/** The compiled functions of one run. */
export interface Executables {
  /** Runs a function. Throws MetaRuntimeError when data does not have the type that the function needs, and when an integer is
   *  outside its range. */
  call(fn: ProgramFunction, values: SlotValues): CallResult;
  /** The same with pauses where it may take long: then it answers later, and rejects with CallGivenUp where the run is to stop. */
  callWithPauses(fn: ProgramFunction, values: SlotValues): Later<CallResult>;
  /** Runs a function whose loops are watched, and says what was first not finite. */
  watch(fn: ProgramFunction, values: SlotValues): Promise<FirstWatched | undefined>;
  /** Opens a function for being called again and again. */
  open(fn: ProgramFunction, values: SlotValues, wiring: StepWiring): OpenLoop;
  /** Decides what functions keep before they are compiled. Throws MetaRuntimeError when one cannot fit. */
  plan(fns: readonly ProgramFunction[]): void;
  /** What one call of a function takes. */
  cost(fn: ProgramFunction): Pick<MemoryPlan, "flops" | "calls">;
  /** The plans made so far. */
  readonly plans: readonly MemoryPlan[];
  /** Gives back what they hold. */
  dispose(): void;
}

/** What a function returned, and what its implicit derivatives say. */
export interface CallResult {
  readonly outputs: readonly HostArray[];
  readonly implicit: readonly ImplicitReport[];
}

/** Plans of functions that live as long as these do: a second run of a program does not make them again. */
const knownPlans = new WeakMap<
  Backend,
  WeakMap<IrFunction, { readonly budget: number; readonly plan: PlannedFunction }>
>();

function planWithin(program: ProgramFunction, backend: Backend, budget: number): PlannedFunction {
  const { fn } = program;
  const known = knownPlans.get(backend) ?? new WeakMap();
  knownPlans.set(backend, known);
  const earlier = known.get(fn);
  if (earlier?.budget === budget) return earlier.plan;
  const most = Math.min(budget, backend.memoryLimitBytes);
  const plan = naming(fn, () => planFunction(fn, backend, most, largeData(program)));
  known.set(fn, { budget, plan });
  return plan;
}

/** Opens the cache of compiled functions of a run on a backend. Without `pauses` every call runs through. */
export function openExecutables(
  backend: Backend,
  budget: number = Infinity,
  pauses?: Pauses,
): Executables {
  const compiled = new Map<IrFunction, Prepared>();
  const planned = new Map<IrFunction, PlannedFunction>();
  const loops: DeviceStepLoop[] = [];
  function planOf(program: ProgramFunction): PlannedFunction {
    const made = planned.get(program.fn) ?? planWithin(program, backend, budget);
    planned.set(program.fn, made);
    return made;
  }
  function prepare(program: ProgramFunction, values: SlotValues): Prepared {
    const { fn, inputs } = program;
    checkSlots(program, values);
    const { fn: expanded, reports } = planOf(program);
    const fixed = inputs.map((slot) => slot.kind === "data" ? fill(slot, values) : undefined);
    const executable = naming(fn, () => backend.compile(expanded, budget, pauses, fixed));
    const prepared = { executable, reports, outputs: fn.outputs.length };
    compiled.set(fn, prepared);
    return prepared;
  }
  function resultOf({ reports, outputs }: Prepared, results: readonly HostArray[]): CallResult | undefined {
    if (isOutside(reports, results.slice(outputs))) return undefined;
    return { outputs: results.slice(0, outputs), implicit: implicitReports(reports, results.slice(outputs)) };
  }
  return {
    call(program, values) {
      const prepared = compiled.get(program.fn) ?? prepare(program, values);
      const inputs = program.inputs.map((slot) => fill(slot, values));
      const result = resultOf(prepared, prepared.executable.run(inputs));
      if (!result) throw outsideError(program.fn, inputs, backend);
      return result;
    },
    callWithPauses(program, values) {
      const prepared = compiled.get(program.fn) ?? prepare(program, values);
      const { executable } = prepared;
      if (!executable.runWithPauses) return this.call(program, values);
      const inputs = program.inputs.map((slot) => fill(slot, values));
      return whole(executable.runWithPauses(inputs), program.fn, compiled).then(async (results) => {
        const result = resultOf(prepared, results);
        if (!result) throw await outsideErrorWithPauses(program.fn, inputs, backend, pauses!);
        return result;
      });
    },
    watch: ({ fn, inputs }, values) => firstNotFinite(fn, inputs.map((slot) => fill(slot, values)), backend, pauses),
    open(program, values, wiring) {
      const planned = planOf(program);
      if (!backend.openLoop) {
        const prepared = compiled.get(program.fn) ?? prepare(program, values);
        return openInPlace({ backend, program, wiring, prepared, compiled, pauses }, values);
      }
      checkSlots(program, values);
      const loop = openDeviceLoop(backend, planned, program, values, wiring);
      loops.push(loop);
      return loop;
    },
    plan(fns) {
      fns.forEach(planOf);
    },
    cost: (program) => planOf(program).memory,
    get plans() {
      return [...planned.values()].map((p) => p.memory);
    },
    dispose() {
      for (const { executable } of compiled.values()) executable.dispose();
      for (const loop of loops) loop.dispose();
      compiled.clear();
    },
  };
}

/** A call with pauses. One that was given up takes what was prepared for it along. */
async function whole<T>(call: Promise<T>, fn: IrFunction, compiled: Map<IrFunction, Prepared>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    compiled.get(fn)?.executable.dispose();
    compiled.delete(fn);
    throw error;
  }
}

/** Says of a bug which function it is met in. */
function naming<T>({ name }: IrFunction, make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw asOwnError(error, `in \`${name}\``);
  }
}

interface InPlaceParts {
  readonly backend: Backend;
  readonly program: ProgramFunction;
  readonly wiring: StepWiring;
  readonly prepared: Prepared;
  readonly compiled: Map<IrFunction, Prepared>;
  readonly pauses: Pauses | undefined;
}

/** A loop in the memory of the backend: one meta-step a call. */
function openInPlace(
  { backend, program: { fn, inputs: slots }, wiring, prepared, compiled, pauses }: InPlaceParts,
  values: SlotValues,
): OpenLoop {
  const { feed, watched, numbers } = wiring;
  const { executable, reports, outputs: count } = prepared;
  const { memory } = executable;
  if (!memory) throw new InternalError(`\`${fn.name}\` has no memory to go on in`);
  const arrays = memory.inputs.map((data, i) =>
    data && { dtype: fn.inputs[i]!.dtype, shape: fn.inputs[i]!.shape, data }
  );
  slots.forEach((slot, i) => arrays[i]?.data.set(fill(slot, values).data));
  const outputs = fn.outputs.map(({ dtype, shape }, i) => ({ dtype, shape, data: memory.outputs[i]! }));
  const pairs = [...feed].flatMap(([from, to]) =>
    arrays[to] ? [{ from: outputs[from]!.data, to: arrays[to].data }] : []
  );
  const changing = slots.flatMap((slot, i) => changes(slot) ? [{ slot, i }] : []);
  // the memory is used again
  const inputsNow = (now: SlotValues) => slots.map((slot, i) => arrays[i] ? copyOf(arrays[i]) : fill(slot, now));
  /** What the memory holds after a call; undefined where an integer was outside its range. */
  function made(): Steps | undefined {
    const said = memory!.outputs.slice(count).map((data): HostArray => {
      const dtype = data instanceof Float32Array ? "f32" : "f64";
      return { dtype, shape: [], data };
    });
    if (isOutside(reports, said)) return undefined;
    const bad = outputs.slice(0, watched).findIndex((x) => !allFinite(x));
    const one = {
      numbers: outputs.slice(0, numbers).map((x) => x.data[0]!),
      implicit: implicitReports(reports, said),
    };
    return { each: [one], outputs, bad: bad < 0 ? undefined : bad };
  }
  return {
    inputs: arrays,
    most: 1,
    run(now) {
      for (const { slot, i } of changing) {
        if (slot.kind === "step") arrays[i]?.data.fill(now.step);
        else arrays[i]?.data.set(fill(slot, now).data);
      }
      if (memory.runWithPauses) {
        return whole(memory.runWithPauses(), fn, compiled).then(async () => {
          const steps = made();
          if (!steps) throw await outsideErrorWithPauses(fn, inputsNow(now), backend, pauses!);
          return steps;
        });
      }
      memory.run();
      const steps = made();
      if (!steps) throw outsideError(fn, inputsNow(now), backend);
      return steps;
    },
    accept() {
      for (const { from, to } of pairs) to.set(from);
    },
  };
}

interface Prepared {
  readonly executable: Executable;
  /** What the outputs after the first `outputs` say. */
  readonly reports: readonly SolveReport[];
  readonly outputs: number;
}

/** Throws MetaRuntimeError when data does not have the type that the function needs. */
function checkSlots({ fn, inputs }: Pick<ProgramFunction, "fn" | "inputs">, values: SlotValues): void {
  if (fn.inputs.length !== inputs.length) {
    throw new InternalError(`\`${fn.name}\` has ${fn.inputs.length} inputs and ${inputs.length} slots`);
  }
  inputs.forEach((slot, i) => checkSlot(slot, fill(slot, values), { fn, input: i }));
}

function checkSlot(slot: InputSlot, value: HostArray, place: { fn: IrFunction; input: number }): void {
  const wanted = place.fn.inputs[place.input]!;
  if (value.data.length !== sizeOf(value.shape)) {
    const name = "name" in slot ? slot.name : slot.kind;
    throw new MetaRuntimeError(
      `\`${name}\` says ${formatType(value)}, which is ${sizeOf(value.shape)} values, but holds ${value.data.length}`,
    );
  }
  if (value.dtype === wanted.dtype && sameShape(value.shape, wanted.shape)) return;
  if (slot.kind === "data") {
    throw new MetaRuntimeError(
      `The data \`${slot.name}\` is ${formatType(value)}, but the program needs ${formatType(wanted)}`,
    );
  }
  const name = "name" in slot ? ` \`${slot.name}\`` : "";
  throw new InternalError(
    `The ${slot.kind}${name} is ${formatType(value)}, but \`${place.fn.name}\` takes ${formatType(wanted)}`,
  );
}

/** The seed as the programs take it: i32 [2], low word, high word. Throws RangeError unless it is an integer from 0 to
 *  2^53 − 1. */
export function seedWords(seed: number): HostArray {
  if (!Number.isSafeInteger(seed) || seed < 0) {
    throw new UseError(`A seed must be an integer from 0 to ${Number.MAX_SAFE_INTEGER}, not ${seed}`);
  }
  return { dtype: "i32", shape: [2], data: Int32Array.of(seed | 0, Math.floor(seed / 2 ** 32)) };
}
