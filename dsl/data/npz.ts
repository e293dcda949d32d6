// Which files does an archive (.npz, a .zip) hold, and what would each take? Its directory is read and held against what
// stands before each file; only a file that is asked for is unpacked, to no more than the directory promises, and then its
// checksum is compared. The format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT.
import { asPromised, inflate, mostDeflated } from "./inflate.ts";

/** A file of an archive. Its methods throw SyntaxError that says what is wrong with it. */
export interface PackedFile {
  /** Bytes that it takes in the archive. */
  readonly packed: number;
  /** Bytes that it holds, as the archive promises. */
  readonly size: number;
  /** Its first bytes: `least` of them, the whole, or where it was deflated in an odd way, fewer. */
  begin(least: number): Uint8Array;
  /** The whole, with the checksum that the archive promises. */
  unpack(): Uint8Array;
}

/** What the directory says about a file. */
interface Facts {
  readonly name: string;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
  /** Where it stands. */
  readonly at: number;
}

/** The files of an archive by their names. Nothing is unpacked. Throws SyntaxError that says what is wrong with it. */
export function openArchive(bytes: Uint8Array): ReadonlyMap<string, PackedFile> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const directory = findDirectory(view);
  const files = new Map<string, PackedFile>();
  let at = directory.begin;
  for (let i = 0; i < directory.files; i++) {
    const { facts, next } = readFacts(view, at, directory.end);
    if (files.has(facts.name)) {
      throw new SyntaxError(`it holds two files \`${facts.name}\`: save them by different names`);
    }
    files.set(facts.name, packedFile(view, facts, directory.begin));
    at = next;
  }
  if (at !== directory.end) throw new SyntaxError("its directory does not list all that it holds");
  return files;
}

// ------------------------------------------------------------------------------------------------------------- directory

const wide = 0xffff_ffff;
// stands for a number of 64 bits further on
const newestVersion = 63;
// of the format that Python's zipfile, and so NumPy, reads

function u64(view: DataView, at: number): number {
  return Number(view.getBigUint64(at, true));
}

/** Where the directory stands, by the record at the end of the archive. */
function findDirectory(view: DataView): { readonly begin: number; readonly end: number; readonly files: number } {
  const end = findEnd(view);
  const u16 = (k: number) => view.getUint16(end + k, true);
  let [disks, files, size, begin] = [
    u16(4) | u16(6),
    u16(10),
    view.getUint32(end + 12, true),
    view.getUint32(end + 16, true),
  ];
  let [onThisDisk, directoryEnd] = [u16(8), end];
  if (end >= 20 && view.getUint32(end - 20, true) === 0x07064b50) {
    const wideEnd = u64(view, end - 12);
    if (wideEnd + 56 > end - 20 || view.getUint32(wideEnd, true) !== 0x06064b50) throw new SyntaxError(cutOff);
    disks = view.getUint32(wideEnd + 16, true) | view.getUint32(wideEnd + 20, true);
    [onThisDisk, files, size, begin] = [24, 32, 40, 48].map((k) => u64(view, wideEnd + k)) as [
      number,
      number,
      number,
      number,
    ];
    directoryEnd = wideEnd;
  }
  if (disks !== 0 || onThisDisk !== files) throw new SyntaxError(onePart);
  if (begin + size !== directoryEnd) throw new SyntaxError("its directory does not stand where its end says");
  return { begin, end: directoryEnd, files };
}

const onePart = "it is one part of an archive of several";
const cutOff = "its end is missing: it was cut off, or something was put behind it";

/** The record at the end: 22 bytes, and a comment of which it says how long it is. */
function findEnd(view: DataView): number {
  const last = view.byteLength - 22;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    if (view.getUint32(at, true) === 0x06054b50 && view.getUint16(at + 20, true) === last - at) return at;
  }
  throw new SyntaxError(cutOff);
}

const torn = () => new SyntaxError("its directory is torn");

function readFacts(view: DataView, at: number, end: number): { readonly facts: Facts; readonly next: number } {
  if (at + 46 > end || view.getUint32(at, true) !== 0x02014b50) throw torn();
  const u16 = (k: number) => view.getUint16(at + k, true);
  const [version, flags, method] = [u16(6), u16(8), u16(10)];
  const [nameLength, extraLength, commentLength, disk] = [u16(28), u16(30), u16(32), u16(34)];
  const next = at + 46 + nameLength + extraLength + commentLength;
  if (next > end) throw torn();
  if ((version & 0xff) > newestVersion) {
    throw new SyntaxError(`it is of version ${version / 10} of the format, which is not known`);
  }
  const narrow = [24, 20, 42].map((k) => view.getUint32(at + k, true));
  const extra = wideNumbers(view, at + 46 + nameLength, extraLength);
  let k = 0;
  const [size, packed, place] = narrow.map((n) => n === wide && extra ? extra[k++] : n);
  if (size === undefined || packed === undefined || place === undefined) throw torn();
  if (disk !== 0) throw new SyntaxError(onePart);
  const name = nameAt(view, at + 46, nameLength, flags);
  return { facts: { name, flags, method, crc: view.getUint32(at + 16, true), packed, size, at: place }, next };
}

/** The numbers of 64 bits among the extra fields. Undefined when there are none. */
function wideNumbers(view: DataView, at: number, length: number): number[] | undefined {
  for (const end = at + length; at + 4 <= end;) {
    const [id, size] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    if (at + 4 + size > end) throw torn();
    if (id === 1) return Array.from({ length: Math.floor(size / 8) }, (_, i) => u64(view, at + 4 + 8 * i));
    at += 4 + size;
  }
  return undefined;
}

/** A name: UTF-8 where a flag says so; of other alphabets only the bytes are known. */
function nameAt(view: DataView, at: number, length: number, flags: number): string {
  // a copy: not every engine decodes bytes that threads share
  const bytes = new Uint8Array(view.buffer, view.byteOffset + at, length).slice();
  try {
    return new TextDecoder(flags & 0x800 ? "utf-8" : "latin1", { fatal: true }).decode(bytes);
  } catch {
    throw new SyntaxError("the name of one of its files is not UTF-8");
  }
}

// ----------------------------------------------------------------------------------------------------------------- files

function packedFile(view: DataView, facts: Facts, directory: number): PackedFile {
  const { method, packed, size, crc } = facts;
  const content = () => contentOf(view, facts, directory);
  const unpack = () => {
    const whole = method === 0
      ? content()
      : inflate(content(), { size, whole: true, promises: "the archive promises" });
    return asPromised(whole, { size, crc, promises: "the archive promises" });
  };
  const begin = (least: number) => {
    const enough = least + 1024; // tables stand before what was deflated
    if (packed <= enough) return unpack();
    const start = content().subarray(0, enough);
    return method === 0 ? start : inflate(start, { size, whole: false, promises: "the archive promises" });
  };
  return { packed, size, begin, unpack };
}

/** How well it is deflated, sizes that stand behind it, a name in UTF-8. */
const knownFlags = 0x080e;

/** The bytes of a file as they stand in the archive, when what stands before them says the same as the directory. */
function contentOf(view: DataView, facts: Facts, directory: number): Uint8Array {
  const { at, flags, method, packed, size } = facts;
  if (flags & 1) throw new SyntaxError("it is encrypted");
  if (flags & ~knownFlags) throw new SyntaxError("it is packed in a way that is not known");
  if (method !== 0 && method !== 8) {
    throw new SyntaxError(`it is packed by method ${method}, and stored (0) and deflated (8) ones are read`);
  }
  if (method === 0 && packed !== size) throw disagree();
  if (size > mostDeflated * packed) {
    throw new SyntaxError(`the archive promises ${size} bytes of it, more than ${packed} bytes can be unpacked to`);
  }
  if (at + 30 > directory || view.getUint32(at, true) !== 0x04034b50) throw disagree();
  const u16 = (k: number) => view.getUint16(at + k, true);
  const [nameLength, extraLength] = [u16(26), u16(28)];
  const begin = at + 30 + nameLength + extraLength;
  if (u16(6) !== flags || u16(8) !== method || begin + packed > directory) throw disagree();
  if (nameAt(view, at + 30, nameLength, flags) !== facts.name) throw disagree();
  const extra = wideNumbers(view, at + 30 + nameLength, extraLength) ?? [];
  const narrow = [18, 22].map((k) => view.getUint32(at + k, true)) as [number, number];
  const written = { crc: view.getUint32(at + 14, true), packed: narrow[0], size: narrow[1] };
  if (narrow[0] === wide && extra.length > 1) written.packed = extra[1]!;
  if (narrow[1] === wide && extra.length > 0) written.size = extra[0]!;
  const later = (flags & 8) !== 0; // they stand behind the file, which was written as it came
  for (const key of ["crc", "packed", "size"] as const) {
    if (written[key] !== facts[key] && !(later && written[key] === 0)) throw disagree();
  }
  if (later && !descriptorAgrees(view, facts, { at: begin + packed, end: directory })) throw disagree();
  return new Uint8Array(view.buffer, view.byteOffset + begin, packed);
}

const disagree = () => new SyntaxError("the archive's directory says something else than what stands before it");

/** What stands behind a file that was written as it came: its checksum and sizes, of 32 or 64 bits, with a mark or without. */
function descriptorAgrees(view: DataView, facts: Facts, range: { readonly at: number; readonly end: number }): boolean {
  const { crc, packed, size } = facts;
  const begin = range.at + 16 <= range.end && view.getUint32(range.at, true) === 0x08074b50 ? range.at + 4 : range.at;
  const u32 = (k: number) => begin + k + 4 <= range.end ? view.getUint32(begin + k, true) : undefined;
  if (u32(0) !== crc) return false;
  const low = (n: number) => n % 2 ** 32;
  const high = (n: number) => Math.floor(n / 2 ** 32);
  return u32(4) === packed && u32(8) === size ||
    u32(4) === low(packed) && u32(8) === high(packed) && u32(12) === low(size) && u32(16) === high(size);
}
