// What does an IDX file hold (MNIST's format, `*-ubyte`)? Two zeros, the type of its entries, the number of its axes, their sizes, then
// the entries, row-major, all with the highest byte first. Source: http://yann.lecun.com/exdb/mnist, "the IDX file format".
import { entryType, type NpyHeader } from "./npy.ts";

/** Types of entries, by their byte. */
const types: ReadonlyMap<number, string> = new Map([
  [0x08, "u1"],
  [0x09, "i1"],
  [0x0b, "i2"],
  [0x0c, "i4"],
  [0x0d, "f4"],
  [0x0e, "f8"],
]);

/** Reads the header of an IDX file, which says as much as that of a .npy file. Throws SyntaxError that says what is wrong with it. */
export function readIdxHeader(bytes: Uint8Array): NpyHeader {
  if (bytes.length < 4) throw new SyntaxError("its header is cut off");
  const [zero, another, kind, axes] = bytes as unknown as readonly [number, number, number, number];
  const name = types.get(kind);
  if (zero !== 0 || another !== 0 || name === undefined) throw new SyntaxError("it does not begin as an IDX file does");
  const begin = 4 + 4 * axes;
  if (bytes.length < begin) throw new SyntaxError("its header is cut off");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const type = entryType(name)!;
  const promised = shape.reduce((n, size) => n * size, type.size);
  if (bytes.length - begin !== promised) {
    throw new SyntaxError(`its header promises ${promised} bytes of entries, and it holds ${bytes.length - begin}`);
  }
  return { shape, columnMajor: false, littleEndian: false, type, begin };
}
