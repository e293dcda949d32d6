// What is the `tensorflow` backend? Whole functions as TensorFlow graphs, compiled by XLA where the library has it, on CUDA devices
// or on the processor; many meta-steps in one call. In float32.
import { MetaRuntimeError } from "../../errors.ts";
import { costOf } from "../../ir/cost.ts";
import type { HostArray, IrFunction } from "../../ir/types.ts";
import { checkInputs, checkMemory } from "../check_inputs.ts";
import type { Backend, DeviceLoop, Executable, LoopWiring } from "../interface.ts";
import { FunctionGraph, handedBack, handedOver, Library, type Ref } from "./graph.ts";
import { Operations } from "./operations.ts";
import { lowerBody } from "./lower.ts";
import { openLoop } from "./loop.ts";
import { Model } from "./model.ts";
import { removeStaleModels } from "./models.ts";
import { type Found, loadTensorFlow, type Proof, type TensorFlow } from "./package.ts";
import { equationsIn, prepareFunction } from "./prepare.ts";

/** How a tensorflow backend works. */
export interface TensorFlowOptions {
  /** Says what the arrays of a function take if none were fused away. */
  readonly reference: Backend;
  /** Takes the first run of functions of little work, on one thread: for what runs once none is worth its start. */
  readonly first: Backend;
  /** Whether graphs are compiled by XLA. When not given: where the library has it, for all but a first run of little work. */
  readonly compiled?: boolean;
  /** Threads of TensorFlow; as many as there are processors when not given. Only the first backend of a process can say. */
  readonly threads?: number | undefined;
  /** Functions that are predicted to need more memory are refused. Default: what the machine has to give. */
  readonly memoryLimitBytes?: number;
}

/** The tensorflow backend, with what it runs on. */
export interface TensorFlowBackend extends Backend {
  readonly tf: TensorFlow;
  /** Graphs are compiled by XLA. */
  readonly compiled: boolean;
  /** Operations run on a CUDA device. */
  readonly cuda: boolean;
  openLoop(fn: IrFunction, wiring: LoopWiring): DeviceLoop;
}

/** Loads TensorFlow and makes a backend of it. Throws MetaRuntimeError, with the cure, when that cannot be. */
export async function openTensorFlow(found: Found, options: TensorFlowOptions): Promise<TensorFlowBackend> {
  if ("missing" in found) {
    const { missing, cure } = found;
    throw new MetaRuntimeError(`TensorFlow is not here: ${missing}. To have it, ${cure}; \`meta.ts doctor\` says more`);
  }
  const tf = await loadTensorFlow(found.place, options.threads);
  removeStaleModels();
  return makeTensorFlowBackend(tf, options, found.proof);
}

/** A function that runs so few equations is not compiled before its second run: most run once, */
const fewCalls = 5000;
/** and the first is left to another backend where it has so few floating-point operations: TensorFlow takes longer to load it. */
const fewFlops = 1e9;

/** Bytes that the machine has to give; infinite where it does not say. */
function availableBytes(): number {
  try {
    return Deno.systemMemoryInfo().available;
  } catch {
    return Infinity;
  }
}

function makeTensorFlowBackend(tf: TensorFlow, options: TensorFlowOptions, { xla, cuda }: Proof): TensorFlowBackend {
  const compiled = options.compiled ?? xla;
  const { reference, first: small } = options;
  const memoryLimitBytes = options.memoryLimitBytes ?? availableBytes();
  const known = new WeakMap<IrFunction, { readonly fn: IrFunction; readonly bytes: number }>();
  /** What is lowered, and the bytes of its arrays if none were fused away. */
  const prepare = (fn: IrFunction) => {
    const before = known.get(fn);
    if (before) return before;
    const prepared = prepareFunction(fn, cuda);
    const made = { fn: prepared, bytes: reference.arenaBytes(prepared) };
    known.set(fn, made);
    return made;
  };
  const fitting = (fn: IrFunction): IrFunction => {
    const wide = [...fn.inputs, ...fn.outputs].find((x) => x.dtype === "f64");
    if (wide) throw new MetaRuntimeError(`Cannot run ${fn.name}: the backend tensorflow computes in f32, not in f64`);
    const { fn: prepared, bytes } = prepare(fn);
    checkMemory(fn, bytes, memoryLimitBytes);
    return prepared;
  };
  return {
    name: "tensorflow",
    tf,
    compiled,
    cuda,
    dtypes: ["f32"],
    memoryLimitBytes,
    arenaBytes: (fn) => prepare(fn).bytes,
    kernels(fn) {
      const { fn: prepared } = prepare(fn);
      const { model, nodes } = writeFunction(prepared, compiled);
      const by = compiled ? "compiled by XLA" : "run node by node";
      const text = `a graph of ${nodes} nodes, ${model.length} bytes, ${by}`;
      return { summary: `${equationsIn(fn)} equations: ${text}`, text };
    },
    compile(fn, _budget, _pauses, fixed) {
      const prepared = fitting(fn);
      const { calls, flops } = costOf(prepared);
      const first = options.compiled !== undefined || calls > fewCalls
        ? undefined
        : flops <= fewFlops && small.arenaBytes(fn) <= Math.min(memoryLimitBytes, small.memoryLimitBytes)
        ? small.compile(fn, undefined, undefined, fixed)
        : new Prepared(tf, prepared, false);
      return first
        ? new TakenOver(first, () => new Prepared(tf, prepared, compiled))
        : new Prepared(tf, prepared, compiled);
    },
    openLoop: (fn, wiring) => openLoop(tf, fitting(fn), wiring, compiled),
  };
}

/** The model of a function: inputs and outputs are its own. */
function writeFunction(fn: IrFunction, compiled: boolean): { readonly model: Uint8Array; readonly nodes: number } {
  const library = new Library(compiled);
  const graph = new FunctionGraph(library, fn.inputs.map(handedOver));
  const t = new Operations(graph);
  const inputs = graph.inputs.map((x, i) => t.unpacked(x, fn.inputs[i]!));
  const outputs: readonly Ref[] = lowerBody(graph, fn, inputs).map((x, i) => t.cast(x, handedBack(fn.outputs[i]!)));
  const name = graph.finish(fn.name, outputs);
  return { model: library.savedModel(name, fn), nodes: library.nodes };
}

class Prepared implements Executable {
  readonly #fn: IrFunction;
  readonly #model: Model;

  constructor(tf: TensorFlow, fn: IrFunction, compiled: boolean) {
    this.#fn = fn;
    this.#model = new Model(tf, fn, writeFunction(fn, compiled).model);
  }

  run(inputs: readonly HostArray[]): readonly HostArray[] {
    checkInputs(this.#fn, inputs);
    const given = inputs.map((x) => this.#model.upload(x));
    let made;
    try {
      made = this.#model.run(given);
    } finally {
      for (const x of given) x.dispose();
    }
    const outputs = this.#fn.outputs.map(({ dtype, shape }, i) => {
      const data = made[i]!.dataSync();
      return { dtype, shape, data: dtype === "u8" ? Uint8Array.from(data) : data };
    });
    for (const x of made) x.dispose();
    return outputs;
  }

  dispose(): void {
    this.#model.dispose();
  }
}

/** A function whose first run is done in another way than those to come. */
class TakenOver implements Executable {
  #now: Executable;
  /** What makes the next one, until it is made. */
  #next: (() => Executable) | undefined;
  #ran = false;

  constructor(first: Executable, next: () => Executable) {
    this.#now = first;
    this.#next = next;
  }

  run(inputs: readonly HostArray[]): readonly HostArray[] {
    if (this.#ran && this.#next) {
      this.#now.dispose();
      this.#now = this.#next();
      this.#next = undefined;
    }
    this.#ran = true;
    return this.#now.run(inputs);
  }

  dispose(): void {
    this.#next = undefined;
    this.#now.dispose();
  }
}
