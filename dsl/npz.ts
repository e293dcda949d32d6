// Which files does an archive hold? By fflate (https://github.com/101arrowz/fflate).
import { unzipSync } from "npm:fflate@0.8.2";

/** The largest archive that is unpacked, in bytes: the largest typed array of 64-bit numbers that fits 32-bit places. */
const mostBytes = 2 ** 33;

/** The files of a .zip or .npz archive by their names. Throws an Error that says what is wrong with it. */
export function unpack(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  let total = 0;
  const files = unzipSync(bytes, {
    filter: ({ originalSize }) => {
      total += originalSize;
      if (total > mostBytes) throw new RangeError(`unpacked it would need more than ${mostBytes} bytes`);
      return true;
    },
  });
  return new Map(Object.entries(files));
}
