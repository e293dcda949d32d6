// What does a .npy file hold? The array formats 1.0, 2.0 and 3.0 of NumPy
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a header that names type, order and shape, then
// the entries. The header is read first, by itself: it says what the rest costs.
import { halfToNumber } from "../../runtime/program/safetensors.ts";

/** What the header of a .npy file says. */
export interface NpyHeader {
  readonly shape: readonly number[];
  readonly columnMajor: boolean;
  readonly littleEndian: boolean;
  readonly type: EntryType;
  /** Bytes before the entries. */
  readonly begin: number;
}

interface EntryType {
  /** Bytes of an entry. */
  readonly size: number;
  /** An entry; its text where it is none of its type. */
  read(view: DataView, at: number, littleEndian: boolean): number | string;
}

/** Entry i of an array, row-major, also when the file holds them column-major. Integers beyond 2^53 are rounded. */
export type ReadEntry = (i: number) => number | string;

const truth: EntryType = {
  size: 1,
  read(view, at) {
    const byte = view.getUint8(at);
    return byte > 1 ? `bool(${byte})` : byte;
  },
};

/** Types by kind and size as NumPy writes them; `?` is how older versions wrote `b1`. */
const entryTypes: ReadonlyMap<string, EntryType> = new Map<string, EntryType>([
  ["f2", { size: 2, read: (v, i, le) => halfToNumber(v.getUint16(i, le)) }],
  ["f4", { size: 4, read: (v, i, le) => v.getFloat32(i, le) }],
  ["f8", { size: 8, read: (v, i, le) => v.getFloat64(i, le) }],
  ["i1", { size: 1, read: (v, i) => v.getInt8(i) }],
  ["i2", { size: 2, read: (v, i, le) => v.getInt16(i, le) }],
  ["i4", { size: 4, read: (v, i, le) => v.getInt32(i, le) }],
  ["i8", { size: 8, read: (v, i, le) => Number(v.getBigInt64(i, le)) }],
  ["u1", { size: 1, read: (v, i) => v.getUint8(i) }],
  ["u2", { size: 2, read: (v, i, le) => v.getUint16(i, le) }],
  ["u4", { size: 4, read: (v, i, le) => v.getUint32(i, le) }],
  ["u8", { size: 8, read: (v, i, le) => Number(v.getBigUint64(i, le)) }],
  ["b1", truth],
  ["?", truth],
]);

/** What NumPy itself reads of a header, in bytes: longer ones are of records with many fields. */
const longestHeader = 10_000;

/** The bytes at the beginning of a .npy file in which its header ends. */
export const mostHeaderBytes = 12 + longestHeader;

/** Reads the header of a .npy file of `size` bytes from its beginning. Throws SyntaxError that says what is wrong with it:
 *  another kind of file, cut off or too long, or not of numbers. */
export function readNpyHeader(bytes: Uint8Array, size: number): NpyHeader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = [0x93, ...new TextEncoder().encode("NUMPY")];
  if (magic.some((byte, i) => bytes[i] !== byte)) throw new SyntaxError("it does not begin as a .npy file does");
  const [major, minor] = [bytes[6], bytes[7]];
  if (major === undefined || major < 1 || major > 3 || minor !== 0) {
    throw new SyntaxError(`its format is version ${major ?? "?"}.${minor ?? "?"}, not 1.0, 2.0 or 3.0`);
  }
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw new SyntaxError("its header is cut off");
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > longestHeader) {
    throw new SyntaxError(`its header would have ${length} bytes, and one of numbers has at most ${longestHeader}`);
  }
  const begin = start + length;
  if (bytes.length < begin) throw new SyntaxError("its header is cut off");
  const header = new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(bytes.subarray(start, begin));
  const { kind, ...facts } = parseHeader(header);
  const type = entryTypes.get(kind);
  if (!type) throw new SyntaxError(`its entries are of NumPy's type \`${kind}\`, which holds no plain numbers`);
  const promised = facts.shape.reduce((n, axis) => n * axis, type.size);
  if (size - begin !== promised) {
    throw new SyntaxError(`its header promises ${promised} bytes of entries, and it holds ${size - begin}`);
  }
  return { ...facts, type, begin };
}

/** The entries of a whole .npy file. */
export function npyEntries({ shape, columnMajor, littleEndian, type, begin }: NpyHeader, bytes: Uint8Array): ReadEntry {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = (k: number) => type.read(view, begin + k * type.size, littleEndian);
  if (!columnMajor || shape.length < 2) return read;
  return (i) => {
    let [k, stride] = [0, shape.reduce((n, size) => n * size, 1)];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const size = shape[axis]!;
      stride /= size;
      k += (i % size) * stride;
      i = Math.floor(i / size);
    }
    return read(k);
  };
}

const entry = String.raw`(?:'\w+'|"\w+") *: *(?:'[^']*'|"[^"]*"|\w+|\([^()]*\))`;
const size = String.raw`(?:0|[1-9]\d*)L?`;
// Python 2 wrote an L behind long ones

/** A Python dictionary of three keys, then spaces. */
const headerForm = RegExp(String.raw`^\{ *${entry}(?: *, *${entry}){2} *(?:, *)?\} *\n?$`);
const shapeForm = RegExp(String.raw`^\((?: *| *${size} *, *| *${size}(?: *, *${size})+ *,? *)\)$`);

/** `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, in any order of the keys. */
function parseHeader(header: string) {
  if (/^\{.*'descr' *: *\[/.test(header)) {
    throw new SyntaxError("its entries are records with fields; save one array for each field");
  }
  const fields = headerForm.test(header) ? header.match(RegExp(entry, "g"))! : [];
  const values = new Map(fields.map((field) => {
    const colon = field.indexOf(":");
    return [field.slice(0, colon).trim().slice(1, -1), field.slice(colon + 1).trim()];
  }));
  const descr = /^(['"])([<>|=]?)(.*)\1$/.exec(values.get("descr") ?? "");
  const order = values.get("fortran_order") ?? "";
  const shape = values.get("shape") ?? "";
  if (!descr || !/^(True|False)$/.test(order) || !shapeForm.test(shape)) {
    throw new SyntaxError("its header does not name a type, an order and a shape");
  }
  return {
    kind: descr[3]!,
    littleEndian: descr[2] !== ">",
    columnMajor: order === "True",
    shape: [...shape.matchAll(/\d+/g)].map(Number),
  };
}
