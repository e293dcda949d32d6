// What is the `wasm` backend? Fused loop nests in one WebAssembly module for each function, on a memory whose layout is known before
// anything runs and on those of its data, with the steps of `map` spread over threads. Nothing has to be installed.
import { formatBytes } from "../../bytes.ts";
import { MetaRuntimeError } from "../../errors.ts";
import {
  bodyOf,
  entryBytes,
  type HostArray,
  type IrFunction,
  storageClasses,
  type TypedArray,
} from "../../ir/types.ts";
import { costOf } from "../../ir/cost.ts";
import { canShareMemory, processors } from "../../platform.ts";
import { slackBytes } from "../../program/data_memory.ts";
import { checkInputs, checkMemory, disposed } from "../check_inputs.ts";
import type { Backend, Executable, FixedInputs, InPlace, Pauses } from "../interface.ts";
import { lowerFunction } from "../kernels/lower.ts";
import { mergeNests } from "../kernels/merge.ts";
import { homeOf, placeBuffers } from "../kernels/place.ts";
import { countKernels, printKernels } from "../kernels/print.ts";
import { shareNests } from "../kernels/split.ts";
import type { KernelProgram, View } from "../kernels/types.ts";
import { checkApart, type DataApart, dataApart, hasSeveralMemories, nothingApart } from "./data_apart.ts";
import { nanosecondsOfFrame } from "./duration.ts";
import { ModuleWriter } from "./encoder.ts";
import { scalarFunctions } from "./math.ts";
import { fixedBytes, panelBytesOf, poolStart, threadBytesOf, type WasmModule, writeModule } from "./program.ts";
import { canPause, later, waitedFor } from "./suspending.ts";
import { Helpers, worthAThread } from "./threads.ts";

/** Limits of a wasm backend. */
export interface WasmOptions {
  /** Threads that take the steps of a `map`; as many as there are processors when not given. */
  readonly threads?: number;
  /** Milliseconds of running for which one more thread is started; 120 when not given. */
  readonly millisecondsPerThread?: number;
  /** Functions that need more memory are refused. Default, and most: 4 GiB, what WebAssembly can address. */
  readonly memoryLimitBytes?: number;
  /** Instructions that multiply and add at once: used where they are, unless this says false. */
  readonly fused?: boolean;
  /** Data of so many bytes are read where they lie, where the engine lets a module have several memories; others are copied.
   *  16 MiB when not given. */
  readonly leastApart?: number;
}

/** An executable that says what it holds. */
export interface WasmExecutable extends Executable {
  readonly memory: InPlace;
  /** Bytes of its memory: whole pages of 64 KiB. */
  readonly memoryBytes: number;
  /** The memories in which it reads data that lie there. */
  readonly dataMemories: readonly WebAssembly.Memory[];
  /** Bytes of its code. */
  readonly codeBytes: number;
  /** Threads at work now. */
  readonly threads: number;
}

/** The wasm backend, whose executables say what they hold. */
export interface WasmBackend extends Backend {
  compile(fn: IrFunction, budget?: number, pauses?: Pauses, fixed?: FixedInputs): WasmExecutable;
}

const pageBytes = 65_536;
const mostBytes = 2 ** 32;

/** Milliseconds that a floating-point operation and an equation take at most, roughly. */
const flopsPerMillisecond = 1e6;
const callsPerMillisecond = 2e3;

/** A wasm backend. Results are the same bits for any number of threads; float32 is computed in float32.
 *  Compiling throws MetaRuntimeError when the function needs more memory than the limit, running throws TypeError or RangeError
 *  when the inputs do not fit the function. */
export function makeWasmBackend(options: WasmOptions = {}): WasmBackend {
  const memoryLimitBytes = Math.min(options.memoryLimitBytes ?? mostBytes, mostBytes);
  const known = new WeakMap<IrFunction, Kernels>();
  const prepare = (fn: IrFunction): Kernels => {
    const before = known.get(fn);
    if (before) return before;
    const program = lowerFunction(fn);
    mergeNests(program);
    shareNests(program);
    const made: Kernels = { program, placed: undefined, modules: new Map() };
    known.set(fn, made);
    return made;
  };
  return {
    name: "wasm",
    dtypes: ["f32", "f64"],
    memoryLimitBytes,
    arenaBytes(fn, apart = new Set()) {
      const kernels = prepare(fn);
      const places = new Map([...apart].map((i) => [i, { memory: 1, offset: 0 }]));
      return replace(kernels, apart.size === 0 ? nothingApart : { key: `without ${[...apart]}`, places });
    },
    kernels(fn) {
      const kernels = prepare(fn);
      const { program } = kernels;
      replace(kernels, nothingApart);
      const { nests, products, routines, loops } = countKernels(program);
      const parts = [`${products} products`, `${nests} other nests`, `${routines} routines`, `${loops} loops`];
      return { summary: `${equationsIn(fn)} equations: ${parts.join(", ")}`, text: printKernels(program) };
    },
    compile(fn, budget = memoryLimitBytes, pauses, fixed = []) {
      const kernels = prepare(fn);
      const { leastApart } = options;
      const wanted = canShareMemory() ? options.threads ?? processors() : 1;
      const apart = hasSeveralMemories() ? dataApart(fixed, { threads: wanted > 1, leastApart }) : nothingApart;
      const bytes = replace(kernels, apart);
      const why = memoryLimitBytes === mostBytes ? ", which is what WebAssembly can address" : "";
      checkMemory(fn, bytes, memoryLimitBytes, why);
      const { program } = kernels;
      const threadBytes = threadBytesOf(program);
      const room = Math.floor((Math.min(budget, memoryLimitBytes) - bytes) / Math.max(1, threadBytes));
      const threads = threadBytes === 0 ? 1 : Math.max(1, Math.min(wanted, 1 + Math.max(0, room)));
      const worth = options.millisecondsPerThread ?? worthAThread;
      const fused = options.fused ?? hasFused();
      const long = pauses && canPause && nanosecondsOfFrame(program.root) >= pauses.long * 1e6 ? pauses : undefined;
      return new Prepared(fn, kernels, { bytes, apart, threads, threadBytes, worth, fused, pauses: long });
    },
  };
}

/** Gives everything its place, if it has another one; the bytes of memory on one thread. */
function replace(kernels: Kernels, { key, places }: Pick<DataApart, "key" | "places">): number {
  const { program } = kernels;
  if (kernels.placed !== key) placeBuffers(program, places);
  kernels.placed = key;
  return fixedBytes + program.root.bytes + panelBytesOf(program) + slackBytes;
}

function equationsIn(fn: IrFunction): number {
  return fn.equations.reduce((n, e) => n + 1 + (bodyOf(e) ? equationsIn(bodyOf(e)!) : 0), 0);
}

/** The wasm backend with its default limits. */
export const wasmBackend: WasmBackend = makeWasmBackend();

let fusedKnown: boolean | undefined;

/** True where vectors can be multiplied and added in one instruction. */
function hasFused(): boolean {
  if (fusedKnown !== undefined) return fusedKnown;
  const module = new ModuleWriter();
  module.addFunction({ parameters: ["v128"], results: ["v128"] }, (code) => {
    code.get(0).get(0).get(0).vector("f32x4.relaxed_madd");
  });
  return fusedKnown = WebAssembly.validate(module.finish());
}

/** What is made of a function, and the modules by how they were written. */
interface Kernels {
  readonly program: KernelProgram;
  /** What lies where data lie now. */
  placed: string | undefined;
  readonly modules: Map<string, { readonly module: WebAssembly.Module; readonly written: WasmModule }>;
}

interface Layout {
  readonly bytes: number;
  readonly apart: DataApart;
  readonly threads: number;
  readonly threadBytes: number;
  readonly worth: number;
  readonly fused: boolean;
  /** Of what may take long. */
  readonly pauses: Pauses | undefined;
}

class Prepared implements WasmExecutable {
  readonly memoryBytes: number;
  readonly codeBytes: number;
  readonly #fn: IrFunction;
  /** What lies where data lie. */
  #apart: DataApart;
  readonly #predicted: number;
  #ran = false;
  #helpers: Helpers | undefined;
  #memory: InPlace | undefined;

  readonly runWithPauses: Executable["runWithPauses"];

  constructor(
    fn: IrFunction,
    { program, modules }: Kernels,
    { bytes, apart, threads, threadBytes, worth, fused, pauses }: Layout,
  ) {
    this.#fn = fn;
    this.#apart = apart;
    const pages = Math.ceil((bytes + (threads - 1) * threadBytes) / pageBytes);
    this.memoryBytes = pages * pageBytes;
    const shared = threads > 1;
    const piece = pauses && pauses.piece * 1e6;
    const key = `${pages} ${shared} ${fused} ${piece} ${apart.key}`;
    let made = modules.get(key);
    if (!made) {
      const written = writeModule(program, { fused, pages, shared, data: apart.data, piece });
      modules.set(key, made = { written, module: new WebAssembly.Module(written.bytes) });
    }
    const { written, module } = made;
    this.codeBytes = written.bytes.length;
    let memory: WebAssembly.Memory;
    try {
      memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      const why = `it needs ${formatBytes(this.memoryBytes)}, more than can be allocated here`;
      throw new MetaRuntimeError(`Cannot run ${fn.name}: ${why}`);
    }
    // a call that runs through is never due
    let pausing = false;
    const memories = { memory, ...apart.imports };
    const host: WebAssembly.ModuleImports = pauses
      ? { ...memories, due: () => pausing && pauses.due() ? 1 : 0, pause: waitedFor(() => pauses.pause()) as never }
      : memories;
    const instance = new WebAssembly.Instance(module, { host, math: { ...scalarFunctions } });
    const run = instance.exports.run as () => void;
    const runLater = pauses && later(run);
    const inTurn = runLater && (async () => {
      pausing = true;
      try {
        await this.#spending(runLater);
      } finally {
        pausing = false;
      }
    });
    if (inTurn) {
      this.runWithPauses = async (inputs) => {
        this.#give(inputs);
        await inTurn();
        return this.#outputs();
      };
    }
    new Uint8Array(memory.buffer, poolStart).set(written.pool);
    const at = (view: View, entries: number) => {
      const { memory: number = 0 } = homeOf(view.buffer);
      if (number > 0) return arrayAt(apart.memories[number - 1]!.buffer, view, { base: 0, entries });
      return arrayAt(memory.buffer, view, { base: written.base, entries });
    };
    this.#memory = {
      inputs: program.inputs.map((view, i) => view && !apart.places.has(i) ? at(view, view.buffer.entries) : undefined),
      outputs: program.outputs.map((view) => at(view, view.shape.reduce((a, b) => a * b, 1))),
      run: () => void this.#spending(run),
      runWithPauses: inTurn,
    };
    for (const constant of program.constants) {
      const whole = { buffer: constant, offset: 0, steps: [1], terms: [], shape: [constant.entries] };
      at(whole, constant.entries).set(constant.values!);
    }
    const { flops, calls } = costOf(fn);
    this.#predicted = flops / flopsPerMillisecond + calls / callsPerMillisecond;
    if (shared) {
      const blocks = {
        first: written.base + program.root.bytes + panelBytesOf(program),
        bytes: threadBytes,
        most: threads - 1,
        worth,
      };
      this.#helpers = new Helpers(module, memories, blocks);
    }
  }

  get dataMemories(): readonly WebAssembly.Memory[] {
    return this.#apart.memories;
  }

  get threads(): number {
    return this.#helpers?.threads ?? 1;
  }

  run(inputs: readonly HostArray[]): readonly HostArray[] {
    this.#give(inputs);
    this.memory.run();
    return this.#outputs();
  }

  #give(inputs: readonly HostArray[]): void {
    const { memory } = this;
    checkInputs(this.#fn, inputs);
    checkApart(this.#fn, this.#apart, inputs);
    for (let i = 0; i < inputs.length; i++) memory.inputs[i]?.set(inputs[i]!.data);
  }

  #outputs(): readonly HostArray[] {
    const { outputs } = this.memory;
    return this.#fn.outputs.map(({ dtype, shape }, i) => ({ dtype, shape, data: outputs[i]!.slice() }));
  }

  get memory(): InPlace {
    if (!this.#memory) throw disposed(this.#fn);
    return this.#memory;
  }

  /** Runs it; helpers are told what it took. */
  #spending<T extends void | Promise<void>>(run: () => T): T {
    const helpers = this.#helpers;
    if (!helpers) return run();
    if (!this.#ran) helpers.spend(this.#predicted);
    this.#ran = true;
    const start = performance.now();
    const spent = () => helpers.spend(performance.now() - start);
    const made = run();
    if (made instanceof Promise) return made.then(spent) as T;
    spent();
    return made;
  }

  dispose(): void {
    this.#helpers?.dispose();
    this.#helpers = undefined;
    this.#memory = undefined;
    this.#apart = nothingApart;
  }
}

function arrayAt(
  memory: ArrayBufferLike,
  view: View,
  { base, entries }: { base: number; entries: number },
): TypedArray {
  // where threads share memory, too, it is only read and written here
  const buffer = memory as ArrayBuffer;
  const { dtype } = view.buffer;
  const at = base + homeOf(view.buffer).offset + view.offset * entryBytes[dtype];
  return new storageClasses[dtype](buffer, at, entries);
}
