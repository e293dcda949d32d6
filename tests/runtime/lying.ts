// Where do inputs lie that are data? In tests in one memory, one behind the other and not at its beginning, so that what reads them
// where they lie must know which memory it is and where.
import { assert, assertEquals } from "@std/assert";
import { type HostArray, type IrFunction, storageClasses } from "../../runtime/ir/types.ts";
import { dataBytes, memoryOf } from "../../runtime/program/data_memory.ts";
import type { WasmBackend } from "../../runtime/backend/wasm/index.ts";

let memory = dataBytes(2 ** 20, 0);

/** The same arrays in a memory of data. */
export function lying(inputs: readonly HostArray[]): HostArray[] {
  const bytes = inputs.reduce((sum, { data }) => sum + 8 + Math.ceil(data.byteLength / 8) * 8, 0);
  if (bytes > memory.length) memory = dataBytes(2 * bytes, 0);
  let end = 0;
  return inputs.map(({ dtype, shape, data }) => {
    // entries stand at a multiple of their size, and of no more
    const at = end + data.BYTES_PER_ELEMENT;
    const copy = new storageClasses[dtype](memory.buffer, at, data.length);
    copy.set(data);
    end = Math.ceil((at + data.byteLength) / 8) * 8;
    return { dtype, shape, data: copy };
  });
}

/** What a function makes of inputs that it copies; of the same where they lie it must make the same bits. The backend must read data
 *  there however small they are (`leastApart: 0`). */
export function runBoth(backend: WasmBackend, fn: IrFunction, inputs: readonly HostArray[]): readonly HostArray[] {
  const copying = backend.compile(fn);
  const made = copying.run(inputs);
  const given = lying(inputs);
  const reading = backend.compile(fn, undefined, undefined, given);
  const same = reading.run(given);
  assert(reading.dataMemories.length === Math.min(1, given.length), "in one memory");
  assert(given.every(({ data }) => memoryOf(data) === reading.dataMemories[0]), "that they lie in");
  assert(reading.memory.inputs.every((input) => input === undefined), "none is copied");
  copying.dispose();
  reading.dispose();
  same.forEach(({ data }, i) => assertEquals(bitsOf(data), bitsOf(made[i]!.data), `${fn.name}: output ${i}`));
  return made;
}

const bitsOf = ({ buffer, byteOffset, byteLength }: HostArray["data"]) =>
  new Uint8Array(buffer.slice(byteOffset, byteOffset + byteLength));
