// Where will a program run? The names that `--backend` and `run({ backend })` take, and what "auto" means.
import type { Backend } from "../runtime/backend/interface.ts";
import { makeReferenceBackend, referenceBackend } from "../runtime/backend/reference/index.ts";
import type { TensorFlowBackend, TensorFlowOptions } from "../runtime/backend/tensorflow/index.ts";
import type { Found } from "../runtime/backend/tensorflow/package.ts";
import { makeWasmBackend, wasmBackend } from "../runtime/backend/wasm/index.ts";
import { MetaRuntimeError, UseError } from "../runtime/errors.ts";
import { costOf } from "../runtime/ir/cost.ts";
import { planFunction } from "../runtime/loop/memory.ts";
import type { ExperimentProgram } from "../runtime/program/program.ts";
import { orNearest } from "../dsl/text/did_you_mean.ts";

/** A backend by name; "auto" picks by what is present and by the work.
 *
 *  @category Run */
export type BackendName = "auto" | "wasm" | "tensorflow" | "reference";

/** A backend, and why it was picked. */
export interface BackendChoice {
  readonly backend: Backend;
  /** For people: "asked for". */
  readonly why: string;
}

/** What a backend may use. */
export interface BackendLimits {
  /** Threads, with the first; as many as there are processors when not given. */
  readonly threads?: number | undefined;
  /** Bytes of one function, at most; what the program's limits say, or else the backend can address, when not given. */
  readonly memoryLimitBytes?: number;
}

type Choose = (limits: BackendLimits, program: ExperimentProgram | undefined) => Promise<BackendChoice> | BackendChoice;

const wasm = ({ threads, memoryLimitBytes }: BackendLimits) =>
  threads === undefined && memoryLimitBytes === undefined ? wasmBackend : makeWasmBackend({
    ...(threads !== undefined && { threads }),
    ...(memoryLimitBytes !== undefined && { memoryLimitBytes }),
  });

/** Floating-point operations of a meta-step, and of all of them, from which TensorFlow on the processor is picked where it is set up:
 *  below the first, `wasm` is faster with many tasks; below the second, TensorFlow does not win back its four seconds of
 *  compilation (bench/crossover.ts). */
export const largeWork = { step: 1e8, all: 3e11 };

const choices: Readonly<Record<BackendName, Choose>> = {
  async auto(limits, program) {
    const here = { backend: wasm(limits), why: "picked by auto" };
    if (!program || program.precision !== "f32") return here;
    const found = await find({ known: true });
    if ("missing" in found) return here;
    const { cuda, xla } = found.proof;
    if (!cuda && !(xla && isLarge(program))) return here;
    const why = cuda ? "picked by auto: there is a CUDA device" : "picked by auto: the work is large";
    return { backend: await openTensorFlow(found, limits), why };
  },
  wasm: (limits) => ({ backend: wasm(limits), why: "asked for" }),
  async tensorflow(limits) {
    return { backend: await openTensorFlow(await find({ specifiers: true }), limits), why: "asked for" };
  },
  reference: ({ memoryLimitBytes }) => ({
    backend: memoryLimitBytes === undefined ? referenceBackend : makeReferenceBackend({ memoryLimitBytes }),
    why: "asked for",
  }),
};

/** What there is of TensorFlow. As its backend, this is loaded when it is asked for: a machine without is not slowed. */
async function find(how: { readonly known?: true; readonly specifiers?: true }): Promise<Found> {
  const { findTensorFlow } = await import("../runtime/backend/tensorflow/package.ts");
  return findTensorFlow(how);
}

/** Opens TensorFlow's backend and hands it the others that it leaves work to. Throws MetaRuntimeError when that cannot be. */
export async function openTensorFlow(
  found: Found,
  options: Omit<TensorFlowOptions, "reference" | "first"> = {},
): Promise<TensorFlowBackend> {
  const backend = await import("../runtime/backend/tensorflow/index.ts");
  return backend.openTensorFlow(found, {
    ...options,
    reference: referenceBackend,
    first: makeWasmBackend({ threads: 1 }),
  });
}

function isLarge({ outers }: ExperimentProgram): boolean {
  const uncounted = { arenaBytes: () => 0 };
  const flops = outers.map(({ step }) => costOf(planFunction(step.fn, uncounted, Infinity).fn).flops);
  const all = outers.reduce((sum, { steps }, i) => sum + steps * flops[i]!, 0);
  return Math.max(...flops) >= largeWork.step && all >= largeWork.all;
}

/** The names of the backends. */
export const backendNames: readonly BackendName[] = Object.keys(choices) as BackendName[];

/** Picks a backend: a name, or several with commas between them, of which the first that can be opened is taken.
 *  Throws RangeError for an unknown name, or for a number of threads that is none; MetaRuntimeError when none can be opened. */
export async function chooseBackend(
  names: string,
  limits: BackendLimits = {},
  program?: ExperimentProgram,
): Promise<BackendChoice> {
  const { threads } = limits;
  if (threads !== undefined && !(Number.isInteger(threads) && threads >= 1)) {
    throw new UseError(`The number of threads must be an integer from 1, not ${threads}`);
  }
  const memory = program?.limits?.memory ?? Infinity;
  const own = memory === Infinity ? limits : { memoryLimitBytes: memory, ...limits };
  const list = names.split(",").map((name) => name.trim());
  for (const name of list) {
    if (Object.hasOwn(choices, name)) continue;
    const known = backendNames.join(", ");
    throw new UseError(`Unknown backend \`${name}\`: known are ${known}${orNearest(name, backendNames)}`);
  }
  const refused: string[] = [];
  for (const name of list as BackendName[]) {
    try {
      const { backend, why } = await choices[name](own, program);
      return { backend, why: [...refused, why].join("; ") };
    } catch (error) {
      if (!(error instanceof MetaRuntimeError) || name === list.at(-1)) throw error;
      refused.push(error.message);
    }
  }
  throw new UseError("No backend was named");
}
