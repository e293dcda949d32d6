// What does a .npy file hold? The array formats 1.0, 2.0 and 3.0 of NumPy
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a header that names type, order and shape, then
// the entries.

/** The numbers of a .npy file. */
export interface NpyArray {
  readonly shape: readonly number[];
  /** The entries, row-major, also when the file holds them column-major. Integers beyond 2^53 are rounded. */
  readonly data: Float64Array;
}

type Read = (view: DataView, at: number, littleEndian: boolean) => number;

/** Readers by kind and size as NumPy writes them; `?` is how older versions wrote `b1`. */
const readers: ReadonlyMap<string, { readonly size: number; readonly read: Read }> = new Map([
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
  ["b1", { size: 1, read: (v, i) => v.getUint8(i) }],
  ["?", { size: 1, read: (v, i) => v.getUint8(i) }],
]);

/** IEEE 754 binary16: sign, 5 bits of exponent (bias 15), 10 bits of fraction. */
function halfToNumber(bits: number): number {
  const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
  const sign = bits >> 15 ? -1 : 1;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent ? (1 + fraction / 1024) * 2 ** (exponent - 15) : fraction * 2 ** -24);
}

/** Reads a .npy file. Throws SyntaxError that says what is wrong with it: another kind of file, cut off, or not of numbers. */
export function parseNpy(bytes: Uint8Array): NpyArray {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = [0x93, ...new TextEncoder().encode("NUMPY")];
  if (magic.some((byte, i) => bytes[i] !== byte)) throw new SyntaxError("it does not begin as a .npy file does");
  const major = bytes[6];
  if (major === undefined || major < 1 || major > 3) {
    throw new SyntaxError(`its format is version ${major ?? "?"}, not 1, 2 or 3`);
  }
  const start = major === 1 ? 10 : 12;
  if (bytes.length < start) throw new SyntaxError("its header is cut off");
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  const begin = start + length;
  if (bytes.length < begin) throw new SyntaxError("its header is cut off");
  const header = new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(bytes.subarray(start, begin));
  const { kind, littleEndian, columnMajor, shape } = parseHeader(header);
  const reader = readers.get(kind);
  if (!reader) throw new SyntaxError(`its entries are of NumPy's type \`${kind}\`, which holds no plain numbers`);
  const entries = shape.reduce((n, size) => n * size, 1);
  const found = bytes.length - begin;
  if (found !== entries * reader.size) {
    throw new SyntaxError(`its header promises ${entries * reader.size} bytes of entries, and it holds ${found}`);
  }
  const data = new Float64Array(entries);
  for (let i = 0; i < entries; i++) data[i] = reader.read(view, begin + i * reader.size, littleEndian);
  return { shape, data: columnMajor && shape.length > 1 ? toRowMajor(data, shape) : data };
}

/** `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`, in any order of the keys. */
function parseHeader(header: string) {
  const structured = /'descr'\s*:\s*\[/.test(header);
  if (structured) throw new SyntaxError("its entries are records with fields; save one array for each field");
  const descr = /'descr'\s*:\s*'([<>|=]?)([^']+)'/.exec(header);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header);
  const shape = /'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(header);
  if (!descr || !order || !shape) throw new SyntaxError("its header does not name a type, an order and a shape");
  return {
    kind: descr[2]!,
    littleEndian: descr[1] !== ">",
    columnMajor: order[1] === "True",
    shape: shape[1]!.split(",").map((size) => size.replace("L", "").trim()).filter((size) => size !== "").map(Number),
  };
}

function toRowMajor(data: Float64Array, shape: readonly number[]): Float64Array {
  const strides = shape.map((_, axis) => shape.slice(0, axis).reduce((n, size) => n * size, 1));
  const index = shape.map(() => 0);
  return data.map(() => {
    const at = index.reduce((sum, k, axis) => sum + k * strides[axis]!, 0);
    for (let axis = shape.length - 1; axis >= 0 && ++index[axis]! === shape[axis]; axis--) index[axis] = 0;
    return data[at]!;
  });
}
