// Where do constant vectors come from? From memory: V8 puts a constant in the code together from its halves, five instructions for
// each use, where a load is one.
import type { CodeWriter } from "./encoder.ts";

/** Bytes in memory for constants. */
export const poolBytes = 3584;

/** The constants of one module. */
export class ConstantPool {
  readonly #start: number;
  readonly #places = new Map<string, number>();
  readonly #bytes = new Uint8Array(poolBytes);

  /** `start`: first byte in memory. */
  constructor(start: number) {
    this.#start = start;
  }

  /** Leaves a vector on the stack. */
  write(code: CodeWriter, bytes: Uint8Array): void {
    const first = bytes[0]!;
    // all bits clear or set are one instruction anyway
    if ((first === 0 || first === 255) && bytes.every((b) => b === first)) {
      code.v128(bytes);
      return;
    }
    const key = bytes.join();
    let place = this.#places.get(key);
    if (place === undefined && this.#places.size * 16 < poolBytes) {
      place = this.#places.size * 16;
      this.#places.set(key, place);
      this.#bytes.set(bytes, place);
    }
    if (place === undefined) code.v128(bytes);
    else code.i32(0).memory("v128.load", this.#start + place);
  }

  /** What memory must have where the pool starts. */
  get bytes(): Uint8Array {
    return this.#bytes.subarray(0, this.#places.size * 16);
  }
}
