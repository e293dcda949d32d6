// What does a file hold that was packed by gzip (`.gz`)? One member, of which header, checksum and size are as RFC 1952 says: what
// it takes is known before it is unpacked.
import { asPromised, inflate, mostDeflated } from "./inflate.ts";

/** A packed file. */
export interface GzipFile {
  /** Bytes that it holds, as its end promises. */
  readonly size: number;
  /** What it holds. Throws SyntaxError. */
  unpack(): Uint8Array;
}

/** Reads what stands before and behind the packed bytes. Throws SyntaxError that says what is wrong with it. */
export function openGzip(bytes: Uint8Array): GzipFile {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) throw new SyntaxError("it does not begin as a .gz file does");
  if (bytes[2] !== 8) {
    throw new SyntaxError(`it is packed by method ${bytes[2] ?? "?"}, and only deflated ones are read`);
  }
  const begin = behindHeader(bytes);
  const end = bytes.length - 8;
  if (begin >= end) throw new SyntaxError("it is cut off");
  const [crc, size] = [view.getUint32(end, true), view.getUint32(end + 4, true)];
  const packed = bytes.subarray(begin, end);
  if (size > mostDeflated * packed.length) {
    throw new SyntaxError(
      `its end promises ${size} bytes, more than ${packed.length} can be unpacked to: it was cut off, or something was put behind it`,
    );
  }
  return {
    size,
    unpack: () => asPromised(inflate(packed, { size, whole: true, promises }), { size, crc, promises }),
  };
}

const promises = "its end promises";

/** Where the packed bytes begin. */
function behindHeader(bytes: Uint8Array): number {
  const flags = bytes[3];
  if (flags === undefined || bytes.length < 18) throw new SyntaxError("it is cut off");
  if (flags & 0xe0) throw new SyntaxError("its header has flags that are not known");
  let at = 10;
  if (flags & 4) at += 2 + bytes[at]! + 256 * bytes[at + 1]!;
  for (const text of [8, 16]) { // the name of the file, a comment
    if (!(flags & text)) continue;
    const end = bytes.indexOf(0, at);
    if (end < 0) throw new SyntaxError("its header is cut off");
    at = end + 1;
  }
  if (flags & 2) at += 2;
  return at;
}
