// Which inputs of a function are read where they lie? Arrays that are the same in every run, in memories of data (`program/data_memory.ts`), which the
// module imports beside its own. An engine must let a module have several; else they are copied as other inputs are.
import { InternalError } from "../../errors.ts";
import type { HostArray, IrFunction, TypedArray } from "../../ir/types.ts";
import { leastApart as leastBytes, memoryOf } from "../../program/data_memory.ts";
import type { FixedInputs } from "../interface.ts";
import type { Apart } from "../kernels/place.ts";
import { ModuleWriter } from "./encoder.ts";
import { type DataMemory, dataName } from "./program.ts";

/** Inputs of a function that lie where data lie. */
export interface DataApart {
  /** By position. */
  readonly places: ReadonlyMap<number, Apart>;
  readonly arrays: ReadonlyMap<number, TypedArray>;
  /** Number 1 first. */
  readonly memories: readonly WebAssembly.Memory[];
  /** What the module must know of them. */
  readonly data: readonly DataMemory[];
  /** Them by the names of its imports. */
  readonly imports: Readonly<Record<string, WebAssembly.Memory>>;
  /** What tells modules apart. */
  readonly key: string;
}

/** Engines allow a module 100 memories (https://webassembly.github.io/spec/js-api/#limits). */
const mostMemories = 64;
const pageBytes = 65_536;

/** Of the arrays that inputs always hold, those of at least so many bytes that can be read where they lie; by threads only what they
 *  share. */
export function dataApart(
  fixed: FixedInputs,
  { threads, leastApart = leastBytes }: { readonly threads: boolean; readonly leastApart?: number | undefined },
): DataApart {
  const memories: WebAssembly.Memory[] = [];
  const places = new Map<number, Apart>();
  const arrays = new Map<number, TypedArray>();
  fixed.forEach((array, i) => {
    if (!array || array.data.byteLength < leastApart) return;
    const memory = memoryOf(array.data);
    if (!memory || threads && !isShared(memory)) return;
    const known = memories.indexOf(memory);
    if (known < 0 && memories.length === mostMemories) return;
    const number = known < 0 ? memories.push(memory) : known + 1;
    places.set(i, { memory: number, offset: array.data.byteOffset });
    arrays.set(i, array.data);
  });
  const data = memories.map((memory) => ({ pages: memory.buffer.byteLength / pageBytes, shared: isShared(memory) }));
  const imports = Object.fromEntries(memories.map((memory, i) => [dataName(i + 1), memory]));
  const key = JSON.stringify([[...places].map(([i, { memory, offset }]) => [i, memory, offset]), data]);
  return { places, arrays, memories, data, imports, key };
}

/** All inputs are copied. */
export const nothingApart: DataApart = dataApart([], { threads: false });

/** Throws InternalError when an input that is read where it lies is given another array. */
export function checkApart({ name }: IrFunction, { arrays }: DataApart, inputs: readonly HostArray[]): void {
  for (const [i, data] of arrays) {
    if (inputs[i]!.data !== data) {
      throw new InternalError(`\`${name}\` reads another array as input ${i} than it is given`);
    }
  }
}

// `memory.buffer` is no `SharedArrayBuffer` where that is not there
const isShared = ({ buffer }: WebAssembly.Memory) => !(buffer instanceof ArrayBuffer);

let known: boolean | undefined;

/** True where a module may have several memories: Deno, Node from 22 on, browsers since 2024. */
export function hasSeveralMemories(): boolean {
  if (known !== undefined) return known;
  const module = new ModuleWriter();
  module.importMemory("host", "memory", 1);
  module.importMemory("host", dataName(1), 1, { most: 1 });
  module.addFunction({ parameters: ["i32"], results: ["v128"] }, (code) => {
    code.i32(0).get(0).i32(16).memoryCopy(1).get(0).memory("v128.load", 0, 1);
  });
  return known = WebAssembly.validate(module.finish());
}
