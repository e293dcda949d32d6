// How does one array stand in a file of its own? NumPy's `.npy`, version 1.0: a magic word, the version, the length of the header in two
// bytes, the header as a Python dictionary padded with spaces so that the data begins at a multiple of 64, the data in C order.
// Source: numpy.lib.format, "Format Version 1.0".
import type { DType, HostArray } from "../ir/types.ts";

const descriptions: Readonly<Record<DType, string>> = { f64: "<f8", f32: "<f4", i32: "<i4", bool: "|b1", u8: "|u1" };

/** Bytes that the data begins at a multiple of. */
const alignment = 64;

/** The file's content in pieces, to be written one after the other: no copy of the data is made. Typed arrays are little-endian
 *  wherever Deno runs. */
export function encodeNpy({ dtype, shape, data }: HostArray): readonly Uint8Array[] {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const text = `{'descr': '${descriptions[dtype]}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const begins = 10;
  const length = Math.ceil((begins + text.length + 1) / alignment) * alignment;
  const header = new Uint8Array(length).fill(0x20);
  header.set([0x93, ...new TextEncoder().encode("NUMPY"), 1, 0]);
  new DataView(header.buffer).setUint16(8, length - begins, true);
  header.set(new TextEncoder().encode(text), begins);
  header[length - 1] = 0x0a;
  return [header, new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}
