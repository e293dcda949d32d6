// Where do data lie? Large ones in a `WebAssembly.Memory` from when they are read, so that every function that reads them, on any thread,
// reads them there (docs/decisions/0042). Who only needs numbers sees arrays like others.
import {
  type ArrayType,
  type DType,
  entryBytes,
  type HostArray,
  sizeOf,
  storageClasses,
  type TypedArray,
} from "../ir/types.ts";

/** Arrays of fewer bytes are not worth a memory: what reads them has copies. V8 loads the start of a memory that is not a module's first
 *  one with every access, which is seen where the data are in a cache. */
export const leastApart: number = 2 ** 24;

/** Vectors may be read beyond the end of what is needed of them. */
export const slackBytes = 64;

const [pageBytes, mostPages] = [65_536, 65_536];

const memories = new WeakMap<ArrayBufferLike, WebAssembly.Memory>();

/** What an engine should know of memories that threads share: it does not count their bytes, and would let gigabytes of them wait to be
 *  given back. A plain buffer of as many bytes, in which nothing is ever written, takes none and is counted; it goes with its memory. */
const counted = new WeakMap<WebAssembly.Memory, ArrayBuffer>();

/** Bytes, all 0, in a memory of their own; undefined where that cannot be: beyond 4 GiB, or where there are no such memories. */
function bytesInMemory(bytes: number): Uint8Array<ArrayBuffer> | undefined {
  const pages = Math.ceil((bytes + slackBytes) / pageBytes);
  if (pages > mostPages) return undefined;
  const memory = openMemory(pages);
  if (!memory) return undefined;
  // where it is shared, too, threads only read it
  const buffer = memory.buffer as ArrayBuffer;
  memories.set(buffer, memory);
  return new Uint8Array(buffer, 0, bytes);
}

function openMemory(pages: number): WebAssembly.Memory | undefined {
  const limits = { initial: pages, maximum: pages };
  // not every engine shares memory, and none has room for any number of them
  return tried(() => {
    const memory = new WebAssembly.Memory({ ...limits, shared: true });
    counted.set(memory, new ArrayBuffer(pages * pageBytes));
    return memory;
  }) ?? tried(() => new WebAssembly.Memory(limits));
}

function tried<T>(make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined;
    throw error;
  }
}

/** True for data that lie in a memory, wherever there is one: neither small nor beyond 4 GiB. */
export function liesApart({ dtype, shape }: ArrayType): boolean {
  const bytes = sizeOf(shape) * entryBytes[dtype];
  return bytes >= leastApart && bytes + slackBytes <= mostPages * pageBytes;
}

/** Room for what is read from a file, all 0: in a memory, unless it has fewer than `least` bytes or that cannot be. */
export function dataBytes(bytes: number, least: number = leastApart): Uint8Array<ArrayBuffer> {
  return (bytes >= least ? bytesInMemory(bytes) : undefined) ?? new Uint8Array(bytes);
}

/** The same for an array of a dtype. */
export function dataArray(dtype: DType, count: number, least: number = leastApart): TypedArray {
  const { buffer } = dataBytes(count * entryBytes[dtype], least);
  return new storageClasses[dtype](buffer, 0, count);
}

/** The same array where data lie: itself, where it is there or has fewer than `least` bytes, else a copy. */
export function asData(array: HostArray, least: number = leastApart): HostArray {
  const { dtype, shape, data } = array;
  if (data.byteLength < least || memoryOf(data)) return array;
  const copy = dataArray(dtype, data.length, least);
  copy.set(data);
  return { dtype, shape, data: copy };
}

/** The memory that an array lies in, if it is one of data: there are bytes behind its end that may be read. */
export function memoryOf({ buffer, byteOffset, byteLength }: TypedArray): WebAssembly.Memory | undefined {
  return byteOffset + byteLength + slackBytes <= buffer.byteLength ? memories.get(buffer) : undefined;
}
