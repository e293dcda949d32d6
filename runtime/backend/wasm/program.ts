// How does a whole program become one module? A function for each kind of nest and routine, given pointers; one that calls them
// in order, with loops around; and for a `map` a function for one of its steps, which threads take one after the other.
import { entryBytes } from "../../ir/types.ts";
import { homeOf } from "../kernels/place.ts";
import type { Access, Frame, KernelProgram, Loop, Nest, Node, Routine } from "../kernels/types.ts";
import { nanosecondsOf } from "./duration.ts";
import { type CodeWriter, type Looks, ModuleWriter, type ValueType } from "./encoder.ts";
import { importScalarFunctions, MathLibrary } from "./math.ts";
import { type NestContext, writeNest } from "./nest.ts";
import type { OperationContext } from "./operations.ts";
import { ConstantPool, poolBytes } from "./pool.ts";
import { routineKey, routineParameters, writeRoutine } from "./routines.ts";
import { panelBytes, type Schedule, scheduleNest, wantsPanel } from "./schedule.ts";
import { type ParallelLoop, writeDispatch, writeWorker } from "./threads_code.ts";

/** Where constant vectors lie, behind what threads tell each other; */
export const poolStart = 512;
/** what lies before the memory of the program. */
export const fixedBytes = poolStart + poolBytes;

/** What a module needs and has. */
export interface WasmModule {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where the program's memory starts: before it, what threads tell each other. */
  readonly base: number;
  /** What memory must have at `poolStart`. */
  readonly pool: Uint8Array;
}

/** What a module must know of a memory of data. */
export interface DataMemory {
  readonly pages: number;
  readonly shared: boolean;
}

/** What the memory of data by its number is called among the imports. */
export const dataName = (memory: number): string => `data${memory}`;

/** How modules are written. */
export interface ModuleOptions {
  /** There are instructions that multiply and add at once. */
  readonly fused: boolean;
  /** Pages of memory that the module is given. */
  readonly pages: number;
  /** The memory is shared by threads. */
  readonly shared: boolean;
  /** The memories of data, from 1 on. */
  readonly data: readonly DataMemory[];
  /** Nanoseconds of work from one look for a pause to the next; none when not given. */
  readonly piece?: number | undefined;
}

/** Writes the module of a program whose buffers have their places. */
export function writeModule(program: KernelProgram, options: ModuleOptions): WasmModule {
  return new ProgramWriter(program, options).write();
}

/** Bytes that copies of factors need on each thread. */
export function panelBytesOf({ root }: KernelProgram): number {
  const wants = (node: Node): boolean =>
    node.kind === "nest" ? wantsPanel(node) : node.kind === "loop" && node.body.nodes.some(wants);
  return root.nodes.some(wants) ? panelBytes : 0;
}

/** Bytes of memory that one more thread takes. */
export function threadBytesOf(program: KernelProgram): number {
  const body = bodyBytesOf(program);
  return body === 0 ? 0 : body + panelBytesOf(program);
}

/** Bytes of the largest step that threads share. */
function bodyBytesOf({ root }: KernelProgram): number {
  let most = -1;
  const visit = (frame: Frame) => {
    for (const node of frame.nodes) {
      if (node.kind !== "loop") continue;
      if (node.op === "map" && node.length > 1) most = Math.max(most, node.body.bytes);
      else visit(node.body);
    }
  };
  visit(root);
  // a cache line more, so that threads do not write to one
  return most < 0 ? 0 : Math.ceil(most / 64) * 64 + 64;
}

/** Where the code of a frame runs. */
interface Place {
  readonly code: CodeWriter;
  /** Locals of the loops around. */
  readonly loops: ReadonlyMap<Loop, number>;
  /** The step of a `map` that threads share, and the local with what its memory is moved by. */
  readonly thread: { readonly loop: Loop; readonly moved: number; readonly panel: number } | undefined;
}

/** How it is looked whether it is time for a pause, and how often. */
interface Look {
  /** Nanoseconds. */
  readonly piece: number;
  readonly write: (code: CodeWriter) => void;
}

class ProgramWriter {
  readonly #program: KernelProgram;
  readonly #options: ModuleOptions;
  readonly #module = new ModuleWriter();
  readonly #math: MathLibrary;
  readonly #functions = new Map<string, number>();
  readonly #integers = new Map<string, number>();
  readonly #parallel: ParallelLoop[] = [];
  readonly #base = fixedBytes;
  readonly #pool = new ConstantPool(poolStart);
  readonly #look: Look | undefined;

  constructor(program: KernelProgram, options: ModuleOptions) {
    this.#program = program;
    this.#options = options;
    const own = { pages: options.pages, shared: options.shared };
    [own, ...options.data].forEach(({ pages, shared }, i) => {
      const name = i === 0 ? "memory" : dataName(i);
      this.#module.importMemory("host", name, pages, shared ? { most: pages } : undefined);
    });
    const imports = importScalarFunctions(this.#module);
    if (options.piece !== undefined) this.#look = this.#importLook(options.piece);
    this.#math = new MathLibrary(this.#module, imports, { fused: options.fused, pool: this.#pool });
  }

  write(): WasmModule {
    const run = this.#module.addFunction({ parameters: [], results: [] }, (code) => {
      code.looks = this.#looks(0);
      this.#frame(this.#program.root, { code, loops: new Map(), thread: undefined });
    });
    this.#module.exportFunction("run", run);
    if (this.#parallel.length > 0) {
      const type = { parameters: ["i32"] as ValueType[], results: [] };
      const work = this.#module.addFunction(type, (code) => writeWorker(code, this.#parallel));
      this.#module.exportFunction("work", work);
    }
    return {
      bytes: this.#module.finish(),
      base: this.#base,
      pool: this.#pool.bytes,
    };
  }

  #importLook(piece: number): Look {
    const due = this.#module.importFunction("host", "due", { parameters: [], results: ["i32"] });
    const pause = this.#module.importFunction("host", "pause", { parameters: [], results: [] });
    return { piece, write: (code) => code.call(due).when(() => code.call(pause)) };
  }

  /** Where the loops of a function look that takes so many nanoseconds. */
  #looks(work: number): Looks | undefined {
    return this.#look && { work, every: this.#look.piece, write: this.#look.write };
  }

  #frame(frame: Frame, place: Place): void {
    const { code: { looks }, code } = place;
    if (!looks) return frame.nodes.forEach((node) => this.#node(node, place));
    const { work } = looks;
    let since = 0;
    for (const node of frame.nodes) {
      looks.work = nanosecondsOf(node);
      this.#node(node, place);
      since += looks.work;
      if (since < looks.every) continue;
      since = 0;
      looks.write(code);
    }
    looks.work = work;
  }

  #node(node: Node, place: Place): void {
    switch (node.kind) {
      case "nest":
        return this.#nest(node, place);
      case "routine":
        return this.#routine(node, place);
      case "loop":
        return this.#loop(node, place);
    }
  }

  #loop(loop: Loop, place: Place): void {
    if (loop.length === 0) return;
    const { code, loops, thread } = place;
    if (loop.op === "map" && loop.length > 1 && !thread && this.#options.shared) return this.#parallelLoop(loop, place);
    const index = code.local("i32");
    const inside = { ...place, loops: new Map([...loops, [loop, index]]) };
    if (loop.length === 1) {
      code.i32(0).set(index);
      return this.#frame(loop.body, inside);
    }
    if (!loop.reverse) {
      code.loop(index, { from: 0, to: loop.length }, () => this.#frame(loop.body, inside));
      return;
    }
    const done = code.local("i32");
    code.loop(done, { from: 0, to: loop.length }, () => {
      code.i32(loop.length - 1).get(done).numeric("i32.sub").set(index);
      this.#frame(loop.body, inside);
    });
  }

  /** A `map` whose steps threads take. Its function's parameters: the step, what memory is moved by, the loops around. */
  #parallelLoop(loop: Loop, { code, loops }: Place): void {
    const around = [...loops.keys()];
    const parameters: ValueType[] = ["i32", "i32", ...around.map((): ValueType => "i32")];
    const step = this.#module.addFunction({ parameters, results: [] }, (inner) => {
      inner.looks = this.#looks(0);
      const locals = new Map<Loop, number>([[loop, 0], ...around.map((l, i) => [l, 2 + i] as const)]);
      // the first thread's copies lie behind everything, those of another behind its own memory
      const panel = inner.local("i32");
      inner.i32(this.#start(loop.body) + bodyBytesOf(this.#program)).get(1).numeric("i32.add");
      inner.i32(this.#panel).get(1).select().set(panel);
      this.#frame(loop.body, { code: inner, loops: locals, thread: { loop, moved: 1, panel } });
    });
    const number = this.#parallel.length;
    const job = { number, step, length: loop.length, arguments: around.length, start: this.#start(loop.body) };
    this.#parallel.push(job);
    writeDispatch(code, job, around.map((l) => loops.get(l)!));
  }

  /** First byte of a frame's region, for the first thread. */
  #start(frame: Frame): number {
    let start = this.#base;
    let at: Frame | undefined = frame;
    while (at) {
      start += at.base;
      at = at.parent;
    }
    return start;
  }

  /** Where the first thread copies factors. */
  get #panel(): number {
    return this.#base + this.#program.root.bytes;
  }

  #nest(nest: Nest, place: Place): void {
    if (nest.stores.length === 0) return;
    const schedule = scheduleNest(nest);
    const shape = schedule.axes.map((a, i) =>
      `${a.size}${a.reduced ? "+" : ""}${i === schedule.vector ? "v" : i === schedule.jam ? "r" : ""}`
    );
    const name = `${nest.contraction ? "product" : "nest"} ${shape.join(" ")}`;
    const copies = schedule.panel === undefined ? 0 : 1;
    const fn = this.#function(nestKey(schedule), { name, pointers: schedule.pointers.length + copies }, (code) => {
      code.looks = this.#looks(nanosecondsOf(nest));
      writeNest(this.#context(code, schedule.lanes), schedule);
    });
    for (const access of schedule.pointers) this.#address(access, place);
    if (copies > 0) {
      if (place.thread) place.code.get(place.thread.panel);
      else place.code.i32(this.#panel);
    }
    place.code.call(fn);
  }

  #routine(node: Routine, place: Place): void {
    const fn = this.#function(routineKey(node), { name: node.op, pointers: routineParameters(node) }, (code) => {
      code.looks = this.#looks(nanosecondsOf(node));
      writeRoutine(code, node);
    });
    for (const view of [...node.inputs, node.output]) this.#address(view, place);
    if (node.scratch) this.#address({ buffer: node.scratch, offset: 0, steps: [], terms: [] }, place);
    place.code.call(fn);
  }

  #context(code: CodeWriter, lanes: 2 | 4): NestContext & OperationContext {
    return {
      code,
      lanes,
      fused: this.#options.fused,
      pool: this.#pool,
      math: this.#math,
      integer: (name) => this.#integer(name),
    };
  }

  #function(
    key: string,
    { name, pointers }: { readonly name: string; readonly pointers: number },
    write: (code: CodeWriter) => void,
  ): number {
    const known = this.#functions.get(key);
    if (known !== undefined) return known;
    const parameters = new Array<ValueType>(pointers).fill("i32");
    const fn = this.#module.addFunction({ parameters, results: [] }, write, name);
    this.#functions.set(key, fn);
    return fn;
  }

  /** Division of i32 that truncates, and its remainder with the divisor's sign; 0 where the divisor is 0. */
  #integer(name: "div" | "mod"): number {
    const known = this.#integers.get(name);
    if (known !== undefined) return known;
    const fn = this.#module.addFunction({ parameters: ["i32", "i32"], results: ["i32"] }, (code) => {
      const r = code.local("i32");
      code.get(1).numeric("i32.eqz").when(() => code.i32(0).set(r), () => {
        // -2^31 / -1 does not fit
        code.get(1).i32(-1).numeric("i32.eq").when(
          () => name === "div" ? code.i32(0).get(0).numeric("i32.sub").set(r) : code.i32(0).set(r),
          () => {
            code.get(0).get(1).numeric(name === "div" ? "i32.div_s" : "i32.rem_s").set(r);
            if (name === "div") return;
            code.get(r).i32(0).numeric("i32.ne").get(r).get(1).numeric("i32.xor").i32(0).numeric("i32.lt_s");
            code.numeric("i32.and").when(() => code.get(r).get(1).numeric("i32.add").set(r));
          },
        );
      });
      code.get(r);
    });
    this.#integers.set(name, fn);
    return fn;
  }

  /** Leaves the address of the first entry of an access. */
  #address({ buffer, offset, terms }: Access, { code, loops, thread }: Place): void {
    const home = homeOf(buffer);
    const bytes = entryBytes[buffer.dtype];
    // addresses of 2^31 and beyond are the negative numbers
    code.i32((home.memory ? 0 : this.#start(home.frame)) + home.offset + offset * bytes);
    for (const { loop, step } of terms) {
      code.get(loops.get(loop)!).i32(step * bytes).numeric("i32.mul").numeric("i32.add");
    }
    if (thread && !home.memory && isInside(home.frame, thread.loop.body)) code.get(thread.moved).numeric("i32.add");
  }
}

function isInside(frame: Frame, outer: Frame): boolean {
  for (let at: Frame | undefined = frame; at; at = at.parent) if (at === outer) return true;
  return false;
}

/** What tells nests apart that need code of their own. */
function nestKey(schedule: Schedule): string {
  const { axes, vector, jam, lanes, values, loads, stores, indices, split, panel, overwritten } = schedule;
  const numbers = new Map([...values.keys()].map((id, i) => [id, i]));
  const early = overwritten.map((id) => numbers.get(id));
  const list = [...values].map(([id, value]) => {
    switch (value.op) {
      case "load": {
        const { pointer, memory, steps, dtype, row } = loads.get(id)!;
        return [pointer, memory, steps, dtype, row && [numbers.get(row.index), row.step, row.size]];
      }
      case "uniform":
        return [Object.is(value.value, -0) ? "-0" : String(value.value), value.dtype];
      case "index":
        return ["index", indices.get(id), value.dtype];
      case "reduce":
        return [value.kind, value.unrounded, numbers.get(value.input)];
      default:
        return [value.op, value.dtype, value.inputs.map((i) => numbers.get(i)), value.exponent];
    }
  });
  const kept = stores.map((s) => [numbers.get(s.value), s.touch.pointer, s.touch.steps]);
  return JSON.stringify([axes, vector, jam, lanes, schedule.inOrder, split, panel !== undefined, early, list, kept]);
}
