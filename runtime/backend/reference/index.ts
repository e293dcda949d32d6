// What is the `reference` backend? An interpreter of prepared kernels on one arena: the truth that every other backend is
// tested against, with every sum in a fixed, documented order and in float64.
import { copyOf, type HostArray, type IrFunction } from "../../ir/types.ts";
import { MetaRuntimeError } from "../../errors.ts";
import type { Backend, Executable, InPlace, Pauses } from "../interface.ts";
import { checkInputs, disposed } from "../check_inputs.ts";
import { bindPlan, type BoundFunction } from "./bind.ts";
import { type Plan, planMemory } from "./plan.ts";
import { nanosecondsOfFunction } from "./duration.ts";
import type { Pieces } from "./kernel.ts";
import { formatBytes } from "../../bytes.ts";

/** An executable that says how much memory it holds. */
export interface ReferenceExecutable extends Executable {
  /** Bytes of the arena that holds every value while the function runs: inputs, constants, intermediate values and
   *  kernels' scratch. Index tables of the kernels (4 bytes for each row, column or sum) come on top. */
  readonly plannedBytes: number;
}

/** The reference backend, whose executables say how much memory they hold. */
export interface ReferenceBackend extends Backend {
  /** As `Backend.compile`; planning and preparing kernels take a few milliseconds for a few hundred equations. */
  compile(fn: IrFunction, budget?: number, pauses?: Pauses): ReferenceExecutable;
}

/** Limits of a reference backend. */
export interface ReferenceOptions {
  /** Functions that need a larger arena are refused. Default 8e9 bytes. */
  readonly memoryLimitBytes?: number;
}

/** A reference backend. Its executables run in float32 and float64; a value of either is computed in float64 and rounded
 *  once when it is stored. Results are the same bits in every run.
 *  Compiling throws MetaRuntimeError when the function needs more memory than the limit or than there is; running
 *  throws TypeError or RangeError when the inputs do not fit the function. */
export function makeReferenceBackend({ memoryLimitBytes = 8e9 }: ReferenceOptions = {}): ReferenceBackend {
  const known = new WeakMap<IrFunction, Plan>();
  const planOf = (fn: IrFunction) => {
    let plan = known.get(fn);
    if (!plan) known.set(fn, plan = planMemory(fn));
    return plan;
  };
  return {
    name: "reference",
    dtypes: ["f32", "f64"],
    memoryLimitBytes,
    wideSums: true,
    arenaBytes: (fn) => planOf(fn).bytes,
    compile(fn, _budget, pauses) {
      const plan = planOf(fn);
      if (plan.bytes > memoryLimitBytes) {
        throw outOfMemory(fn, plan, `more than the limit of ${formatBytes(memoryLimitBytes)}`);
      }
      let arena: ArrayBuffer;
      try {
        arena = new ArrayBuffer(plan.bytes);
      } catch (error) {
        if (error instanceof RangeError) throw outOfMemory(fn, plan, "more than can be allocated here");
        throw error;
      }
      const long = pauses && nanosecondsOfFunction(fn) >= pauses.long * 1e6 ? pauses : undefined;
      return new PreparedExecutable(fn, plan.bytes, bindPlan(plan, arena, long && long.piece * 1e6), long);
    },
  };
}

/** The reference backend with its default limits. */
export const referenceBackend: ReferenceBackend = makeReferenceBackend();

/** All pieces, with pauses between them where it is time for one. */
async function withPauses(pieces: Pieces, pauses: Pauses): Promise<void> {
  for (const _ of pieces()) if (pauses.due()) await pauses.pause();
}

function outOfMemory(fn: IrFunction, { bytes, largest }: Plan, problem: string): MetaRuntimeError {
  const where = largest ? `; its largest array takes ${formatBytes(largest.bytes)}` : "";
  return new MetaRuntimeError(
    `Cannot run ${fn.name}: it needs ${formatBytes(bytes)}, ${problem}${where}`,
    largest?.origin,
  );
}

class PreparedExecutable implements ReferenceExecutable {
  readonly plannedBytes: number;
  readonly #fn: IrFunction;
  #bound: BoundFunction | undefined;
  readonly runWithPauses: Executable["runWithPauses"];

  constructor(fn: IrFunction, plannedBytes: number, bound: BoundFunction, pauses: Pauses | undefined) {
    this.#fn = fn;
    this.plannedBytes = plannedBytes;
    this.#bound = bound;
    const { pieces } = bound;
    if (!pauses || !pieces) return;
    this.runWithPauses = async (inputs) => {
      this.#give(inputs);
      await withPauses(pieces, pauses);
      return bound.outputs.map(copyOf);
    };
    this.#pausing = () => withPauses(pieces, pauses);
  }

  #pausing: (() => Promise<void>) | undefined;

  #give(inputs: readonly HostArray[]): BoundFunction {
    const bound = this.#bound;
    if (!bound) throw disposed(this.#fn);
    checkInputs(this.#fn, inputs);
    for (let i = 0; i < inputs.length; i++) bound.inputs[i]?.data.set(inputs[i]!.data);
    return bound;
  }

  run(inputs: readonly HostArray[]): readonly HostArray[] {
    const { kernels, outputs } = this.#give(inputs);
    for (let i = 0; i < kernels.length; i++) kernels[i]!();
    return outputs.map(copyOf);
  }

  get memory(): InPlace {
    const bound = this.#bound;
    if (!bound) throw disposed(this.#fn);
    // the arena's inputs are written over while it runs
    const inputs = bound.inputs.map((input) => input && input.data.slice());
    const give = () => {
      for (let i = 0; i < inputs.length; i++) if (inputs[i]) bound.inputs[i]!.data.set(inputs[i]!);
    };
    const pausing = this.#pausing;
    return {
      inputs,
      outputs: bound.outputs.map(({ data }) => data),
      run() {
        give();
        for (let i = 0; i < bound.kernels.length; i++) bound.kernels[i]!();
      },
      runWithPauses: pausing && (async () => {
        give();
        await pausing();
      }),
    };
  }

  dispose(): void {
    this.#bound = undefined;
  }
}
