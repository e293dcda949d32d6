// What does a .npy file hold? The array formats 1.0, 2.0 and 3.0 of NumPy
// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html): a header that names type, order and shape, then
// the entries. The header is read first, by itself: it says what the rest costs.
import { dataBytes } from "../../runtime/program/data_memory.ts";
import { halfToNumber } from "../../runtime/program/safetensors.ts";
import { type NumberArray, type OpenEntries, openValues } from "./entries.ts";

/** What the header of a .npy file says. */
export interface NpyHeader {
  readonly shape: readonly number[];
  readonly columnMajor: boolean;
  readonly littleEndian: boolean;
  readonly type: EntryType;
  /** Bytes before the entries. */
  readonly begin: number;
}

/** How entries lie in memory. */
export interface EntryType {
  /** Bytes of an entry. */
  readonly size: number;
  /** So many entries that lie at a multiple of `size`. */
  open(buffer: ArrayBuffer, at: number, count: number): OpenEntries;
}

type NumberArrayConstructor = {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, at: number, count: number): NumberArray;
};

const numbersOf = (make: NumberArrayConstructor): EntryType => ({
  size: make.BYTES_PER_ELEMENT,
  open: (buffer, at, count) => openValues(new make(buffer, at, count)),
});

/** Integers of 64 bits: a low half without a sign, then a high one. */
const wideIntegers = (make: typeof Int32Array | typeof Uint32Array): EntryType => ({
  size: 8,
  open(buffer, at, count) {
    const [low, high] = [new Uint32Array(buffer, at, 2 * count), new make(buffer, at, 2 * count)];
    return { at: (i) => high[2 * i + 1]! * 2 ** 32 + low[2 * i]! };
  },
});

/** The upper half of a float32. */
const upperHalves: EntryType = {
  size: 2,
  open(buffer, at, count) {
    const bits = new Uint16Array(buffer, at, count);
    const [word, number] = [new Uint32Array(1), new Float32Array(1)];
    const asNumber = new Uint32Array(number.buffer);
    return {
      at(i) {
        word[0] = bits[i]! * 65536;
        asNumber[0] = word[0]!;
        return number[0]!;
      },
    };
  },
};

const halves: EntryType = {
  size: 2,
  open(buffer, at, count) {
    const bits = new Uint16Array(buffer, at, count);
    return { at: (i) => halfToNumber(bits[i]!) };
  },
};

const truth: EntryType = {
  size: 1,
  open(buffer, at, count) {
    const bytes = new Uint8Array(buffer, at, count);
    const entry = (i: number) => bytes[i]! > 1 ? `bool(${bytes[i]})` : bytes[i]!;
    return bytes.every((byte) => byte <= 1) ? openValues(bytes) : { at: entry };
  },
};

/** Types by kind and size as NumPy writes them; `?` is how older versions wrote `b1`. */
const entryTypes: ReadonlyMap<string, EntryType> = new Map<string, EntryType>([
  ["f2", halves],
  ["bf2", upperHalves],
  ["f4", numbersOf(Float32Array)],
  ["f8", numbersOf(Float64Array)],
  ["i1", numbersOf(Int8Array)],
  ["i2", numbersOf(Int16Array)],
  ["i4", numbersOf(Int32Array)],
  ["i8", wideIntegers(Int32Array)],
  ["u1", numbersOf(Uint8Array)],
  ["u2", numbersOf(Uint16Array)],
  ["u4", numbersOf(Uint32Array)],
  ["u8", wideIntegers(Uint32Array)],
  ["b1", truth],
  ["?", truth],
]);

/** The type of a kind and size; undefined for none of numbers. */
export const entryType = (kind: string): EntryType | undefined => entryTypes.get(kind);

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
  const header = new TextDecoder(major === 3 ? "utf-8" : "latin1").decode(bytes.slice(start, begin));
  const { kind, ...facts } = parseHeader(header);
  const type = entryTypes.get(kind);
  if (!type) throw new SyntaxError(`its entries are of NumPy's type \`${kind}\`, which holds no plain numbers`);
  const promised = facts.shape.reduce((n, axis) => n * axis, type.size);
  if (size - begin !== promised) {
    throw new SyntaxError(`its header promises ${promised} bytes of entries, and it holds ${size - begin}`);
  }
  return { ...facts, type, begin };
}

/** The entries of a whole .npy file. They lie where they lie in the file, unless they have to be moved for what reads them. */
export function npyEntries(header: NpyHeader, bytes: Uint8Array): OpenEntries {
  const { shape, columnMajor, littleEndian, type, begin } = header;
  const count = shape.reduce((n, size) => n * size, 1);
  const at = bytes.byteOffset + begin;
  const turned = !littleEndian && type.size > 1;
  const moved = turned || at % type.size !== 0 ? dataBytes(bytes.length - begin) : undefined;
  moved?.set(bytes.subarray(begin));
  if (turned) turnBytes(moved!, type.size);
  const entries = type.open((moved ?? bytes).buffer as ArrayBuffer, moved ? 0 : at, count);
  return columnMajor && shape.length > 1 ? rowMajor(entries, shape) : entries;
}

/** Turns the bytes of each entry around. */
function turnBytes(bytes: Uint8Array, size: number): void {
  for (let begin = 0; begin < bytes.length; begin += size) {
    for (let [i, j] = [begin, begin + size - 1]; i < j; i++, j--) {
      [bytes[i], bytes[j]] = [bytes[j]!, bytes[i]!];
    }
  }
}

/** Entries that lie column by column, row by row. */
function rowMajor({ at, values }: OpenEntries, shape: readonly number[]): OpenEntries {
  const count = shape.reduce((n, size) => n * size, 1);
  if (!values) return { at: (i) => at(placeByColumns(i, shape)) };
  const ordered = values.slice();
  const index = shape.map(() => 0);
  const steps = shape.map((_, axis) => shape.slice(0, axis).reduce((n, size) => n * size, 1));
  const last = shape.length - 1;
  for (let i = 0, from = 0; i < count; i++) {
    ordered[i] = values[from]!;
    for (let axis = last; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= steps[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return openValues(ordered);
}

/** Where entry i, row-major, lies column by column. */
function placeByColumns(i: number, shape: readonly number[]): number {
  let [k, step] = [0, shape.reduce((n, size) => n * size, 1)];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!;
    step /= size;
    k += (i % size) * step;
    i = Math.floor(i / size);
  }
  return k;
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
