// How is what was deflated unpacked? By `node:zlib`, to no more bytes than are promised, and with the checksum that is promised.
import { constants, crc32, inflateRawSync } from "node:zlib";

/** What deflated bytes hold: their beginning, or the whole. Never more than `size` bytes; `promises` says who promised so many.
 *  Throws SyntaxError. */
export function inflate(
  bytes: Uint8Array,
  { size, whole, promises }: { readonly size: number; readonly whole: boolean; readonly promises: string },
): Uint8Array {
  let made: { readonly buffer: Uint8Array; readonly engine: { readonly bytesWritten: number } };
  try {
    const finishFlush = whole ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
    const options = { finishFlush, maxOutputLength: Math.max(1, size), info: true };
    // with `info` it says how much it took, which its types leave out
    made = inflateRawSync(bytes, options) as unknown as typeof made;
  } catch (error) {
    const { code, message } = error as Error & { readonly code?: string };
    if (code === "ERR_BUFFER_TOO_LARGE") throw new SyntaxError(`it holds more than the ${size} bytes that ${promises}`);
    throw new SyntaxError(`it cannot be unpacked (${message})`);
  }
  const { buffer, engine } = made;
  if (whole && engine.bytesWritten !== bytes.length) {
    throw new SyntaxError("something stands behind what was packed: it was put together of several, or is torn");
  }
  // a `Buffer` is no plain array: its `slice` copies nothing
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}

/** What was unpacked, if its size and checksum are as promised. Throws SyntaxError. */
export function asPromised(
  whole: Uint8Array,
  { size, crc, promises }: { readonly size: number; readonly crc: number; readonly promises: string },
): Uint8Array {
  if (whole.length !== size) throw new SyntaxError(`it holds ${whole.length} bytes, and ${promises} ${size}`);
  const found = crc32(whole);
  if (found === crc) return whole;
  throw new SyntaxError(
    `its checksum is ${hex(found)}, and ${promises} ${hex(crc)}: it was changed or torn; get or save it anew`,
  );
}

const hex = (crc: number) => crc.toString(16).padStart(8, "0");

/** Two bits stand for 258 bytes at best. */
export const mostDeflated = 1032;
