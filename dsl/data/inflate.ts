// How is what was deflated unpacked? By `node:zlib` where it is, in a page by ourselves, to no more bytes than are promised, and with the
// checksum that is promised.
import { builtin } from "../../runtime/platform.ts";
import { inflateHere, TooMuch, type Unpacked } from "./inflate_here.ts";

export { TooMuch };

type Zlib = Pick<typeof import("node:zlib"), "constants" | "inflateRawSync">;

/** How bytes are unpacked. */
export interface Inflating {
  readonly size: number;
  /** Else as much of it as there is. */
  readonly whole: boolean;
  /** Says who promised so many bytes. */
  readonly promises: string;
}

/** What deflated bytes hold: their beginning, or the whole. Never more than `size` bytes. Throws SyntaxError. */
export function inflate(
  bytes: Uint8Array,
  { size, whole, promises }: Inflating,
  unpack: (bytes: Uint8Array, most: number, whole: boolean) => Unpacked = unpackRaw,
): Uint8Array {
  let unpacked: Unpacked;
  try {
    unpacked = unpack(bytes, size, whole);
    if (whole && !unpacked.ended) throw new Error("unexpected end of file");
  } catch (error) {
    if (error instanceof TooMuch) throw new SyntaxError(`it holds more than the ${size} bytes that ${promises}`);
    throw new SyntaxError(`it cannot be unpacked (${(error as Error).message})`);
  }
  const { made, taken } = unpacked;
  if (whole && taken !== bytes.length) {
    throw new SyntaxError("something stands behind what was packed: it was put together of several, or is torn");
  }
  return made;
}

function unpackRaw(bytes: Uint8Array, size: number, whole: boolean): Unpacked {
  const zlib = builtin<Zlib>("node:zlib");
  if (!zlib) return inflateHere(bytes, size);
  const { constants, inflateRawSync } = zlib;
  const finishFlush = whole ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
  const options = { finishFlush, maxOutputLength: Math.max(1, size), info: true };
  try {
    // with `info` it says how much it took, which its types leave out
    const { buffer, engine } = inflateRawSync(bytes, options) as unknown as {
      readonly buffer: Uint8Array;
      readonly engine: { readonly bytesWritten: number };
    };
    // a `Buffer` is no plain array: its `slice` copies nothing
    const made = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
    return { made, taken: engine.bytesWritten, ended: true };
  } catch (error) {
    throw (error as { readonly code?: string }).code === "ERR_BUFFER_TOO_LARGE" ? new TooMuch() : error;
  }
}

/** What bytes in the form of zlib (RFC 1950) hold, `size` bytes; fewer where there are fewer. Throws TooMuch for more, and an Error that
 *  says what is wrong. */
export function inflateZlib(bytes: Uint8Array, size: number): Uint8Array {
  const zlib = builtin<typeof import("node:zlib")>("node:zlib");
  if (!zlib) return inflateZlibHere(bytes, size);
  try {
    return zlib.inflateSync(bytes, { maxOutputLength: size });
  } catch (error) {
    throw (error as { readonly code?: string }).code === "ERR_BUFFER_TOO_LARGE" ? new TooMuch() : error;
  }
}

/** The same without Node. */
export function inflateZlibHere(bytes: Uint8Array, size: number): Uint8Array {
  const [method = 0, flags = 0] = bytes;
  if ((method * 256 + flags) % 31 !== 0 || (method & 15) !== 8 || method >> 4 > 7) {
    throw new Error("incorrect header check");
  }
  if ((flags & 32) !== 0) throw new Error("Missing dictionary");
  const { made, taken, ended } = inflateHere(bytes.subarray(2), size);
  const behind = 2 + taken;
  if (!ended || behind + 4 > bytes.length) throw new Error("unexpected end of file");
  const promised = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(behind);
  if (adler32(made) !== promised) throw new Error("incorrect data check");
  return made;
}

/** The checksum of zlib: sums of bytes, and of the sums. */
function adler32(bytes: Uint8Array): number {
  let [a, b] = [1, 0];
  for (const byte of bytes) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  return b * 65536 + a;
}

let table: Uint32Array | undefined;

/** The checksum CRC-32. */
export function crc32(bytes: Uint8Array): number {
  return builtin<Pick<typeof import("node:zlib"), "crc32">>("node:zlib")?.crc32(bytes) ?? crc32Here(bytes);
}

/** The same without Node (of the polynomial 0xedb88320). */
export function crc32Here(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, n) => {
    for (let k = 0; k < 8; k++) n = n & 1 ? n >>> 1 ^ 0xedb88320 : n >>> 1;
    return n;
  });
  let crc = -1;
  for (const byte of bytes) crc = table[(crc ^ byte) & 255]! ^ crc >>> 8;
  return ~crc >>> 0;
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
