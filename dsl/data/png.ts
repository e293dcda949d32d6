// What does a PNG file hold (https://www.w3.org/TR/png-3)? Its header is read first, which says what its pixels take; then they are
// unpacked, with every checksum, to no more bytes than the header promises.
import { joined } from "../../runtime/bytes.ts";
import { crc32, inflateZlib, mostDeflated, TooMuch } from "./inflate.ts";
import type { ImageReader } from "./pixels.ts";

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** Kinds of pixels: how many numbers each has, and of how many bits these may be. */
const kinds: ReadonlyMap<number, { readonly samples: number; readonly depths: readonly number[] }> = new Map([
  [0, { samples: 1, depths: [1, 2, 4, 8, 16] }], // grey
  [2, { samples: 3, depths: [8, 16] }], // colours
  [3, { samples: 1, depths: [1, 2, 4, 8] }], // places in a palette
  [4, { samples: 2, depths: [8, 16] }], // grey, alpha
  [6, { samples: 4, depths: [8, 16] }], // colours, alpha
]);

/** What the chunks of a file say. */
interface Chunks {
  readonly width: number;
  readonly height: number;
  readonly depth: number;
  readonly kind: number;
  readonly samples: number;
  readonly interlaced: boolean;
  readonly palette: Uint8Array | undefined;
  /** What is seen through: the alphas of a palette, or the one grey or colour. */
  readonly clear: Uint8Array | undefined;
  readonly packed: readonly Uint8Array[];
}

/** Reads PNG files. */
export const openPng: ImageReader = (bytes) => {
  const chunks = readChunks(bytes);
  const { width, height } = chunks;
  const pixels = () => coloured(chunks, unfiltered(chunks, unpacked(chunks)));
  return { width, height, channels: channelsOf(chunks), pixels };
};

function channelsOf({ kind, clear }: Chunks): number {
  const alpha = clear !== undefined || kind === 4 || kind === 6;
  return alpha ? 4 : kind === 0 ? 1 : 3;
}

function readChunks(bytes: Uint8Array): Chunks {
  if (signature.some((byte, i) => bytes[i] !== byte)) throw new SyntaxError("it does not begin as a .png file does");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let header: Omit<Chunks, "palette" | "clear" | "packed"> | undefined;
  let [palette, clear]: (Uint8Array | undefined)[] = [];
  const packed: Uint8Array[] = [];
  let before = "";
  for (let at = 8; before !== "IEND";) {
    if (at + 12 > bytes.length) throw new SyntaxError("it is cut off");
    const length = view.getUint32(at);
    const end = at + 8 + length;
    if (end + 4 > bytes.length) throw new SyntaxError("it is cut off");
    const name = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    const body = bytes.subarray(at + 8, end);
    if (crc32(bytes.subarray(at + 4, end)) !== view.getUint32(end)) {
      throw new SyntaxError(
        `the checksum of its part \`${name}\` is wrong: it was changed or torn; get or save it anew`,
      );
    }
    if ((name === "IHDR") !== (at === 8)) throw new SyntaxError("it does not begin with one header");
    if (name === "IHDR") header = readHeader(body);
    else if (name === "PLTE") palette = readPalette(body, palette ?? packed[0]);
    else if (name === "tRNS") clear = readClear(body, header!, { palette, before: clear ?? packed[0] });
    else if (name === "IDAT") {
      if (packed.length > 0 && before !== "IDAT") throw new SyntaxError("its pixels stand in two places");
      packed.push(body);
    } else if (name !== "IEND" && /^[A-Z]/.test(name)) {
      throw new SyntaxError(`its part \`${name}\` is not known, and its pixels cannot be told without it`);
    }
    before = name;
    at = end + 4;
  }
  if (packed.length === 0) throw new SyntaxError("it holds no pixels");
  if (header!.kind === 3 && !palette) throw new SyntaxError("its palette is missing");
  const chunks = { ...header!, palette, clear, packed };
  const promised = filteredSize(chunks);
  const most = mostDeflated * packed.reduce((n, part) => n + part.length, 0);
  if (promised > most) {
    throw new SyntaxError(
      `its header promises ${header!.width} × ${
        header!.height
      } pixels, more than its ${bytes.length} bytes can be unpacked to`,
    );
  }
  return chunks;
}

function readHeader(body: Uint8Array): Omit<Chunks, "palette" | "clear" | "packed"> {
  if (body.length !== 13) throw new SyntaxError("its header is not of 13 bytes");
  const view = new DataView(body.buffer, body.byteOffset, 13);
  const [width, height] = [view.getUint32(0), view.getUint32(4)];
  const [depth, kind, packing, filters, order] = body.subarray(8) as unknown as [
    number,
    number,
    number,
    number,
    number,
  ];
  const { samples, depths } = kinds.get(kind) ?? {};
  if (width === 0 || height === 0) throw new SyntaxError(`its header says ${width} × ${height} pixels`);
  if (Math.max(width, height) >= 2 ** 31) throw new SyntaxError("its header says more pixels than there can be");
  if (samples === undefined || !depths!.includes(depth)) {
    throw new SyntaxError(`its header says colour type ${kind} with ${depth} bits, which there is not`);
  }
  if (packing !== 0 || filters !== 0 || order > 1) {
    throw new SyntaxError(
      `its header says compression ${packing}, filter ${filters}, interlace ${order}, which are not known`,
    );
  }
  if (depth === 16) {
    throw new SyntaxError(
      "its numbers have 16 bits, and images of 8 are read: save it with 8 bits, or its numbers as a .npy file",
    );
  }
  return { width, height, depth, kind, samples, interlaced: order === 1 };
}

function readPalette(body: Uint8Array, before: Uint8Array | undefined): Uint8Array {
  if (body.length % 3 !== 0 || body.length === 0 || body.length > 768 || before) {
    throw new SyntaxError("its palette is wrong, or in the wrong place");
  }
  return body;
}

function readClear(
  body: Uint8Array,
  { kind, samples }: Pick<Chunks, "kind" | "samples">,
  { palette, before }: { readonly palette: Uint8Array | undefined; readonly before: Uint8Array | undefined },
): Uint8Array {
  const right = kind === 3
    ? palette && body.length <= palette.length / 3
    : body.length === 2 * samples && samples % 2 === 1;
  if (!right || before) throw new SyntaxError("what it says of transparency is wrong, or in the wrong place");
  return body;
}

/** The parts that the pixels come in: all, or seven ever finer grids of them. */
function passesOf({ width, height, interlaced }: Chunks) {
  const grids = interlaced
    ? [[0, 0, 8, 8], [4, 0, 8, 8], [0, 4, 4, 8], [2, 0, 4, 4], [0, 2, 2, 4], [1, 0, 2, 2], [0, 1, 1, 2]]
    : [[0, 0, 1, 1]];
  return (grids as [number, number, number, number][]).map(([x, y, right, down]) => ({
    x,
    y,
    right,
    down,
    columns: Math.ceil((width - x) / right),
    rows: Math.ceil((height - y) / down),
  })).filter(({ columns, rows }) => columns > 0 && rows > 0);
}

const rowBytes = ({ depth, samples }: Chunks, columns: number) => Math.ceil(columns * samples * depth / 8);

/** Bytes of all rows, each with its filter. */
const filteredSize = (chunks: Chunks): number =>
  passesOf(chunks).reduce((n, { columns, rows }) => n + rows * (1 + rowBytes(chunks, columns)), 0);

function unpacked(chunks: Chunks): Uint8Array {
  const { packed } = chunks;
  const size = filteredSize(chunks);
  let rows: Uint8Array;
  try {
    rows = inflateZlib(joined(packed), size);
  } catch (error) {
    if (error instanceof TooMuch) {
      throw new SyntaxError(`it holds more than the ${size} bytes that its header promises`);
    }
    throw new SyntaxError(`its pixels cannot be unpacked (${(error as Error).message})`);
  }
  if (rows.length !== size) {
    throw new SyntaxError(`it holds ${rows.length} bytes of pixels, and its header promises ${size}`);
  }
  return rows;
}

/** The numbers of all pixels as they are stored, pixel by pixel. */
function unfiltered(chunks: Chunks, rows: Uint8Array): Uint8Array {
  const { width, height, depth, samples } = chunks;
  const whole = new Uint8Array(width * height * samples);
  let at = 0;
  for (const { x, y, right, down, columns, rows: count } of passesOf(chunks)) {
    const length = rowBytes(chunks, columns);
    let above: Uint8Array = new Uint8Array(length);
    for (let row = 0; row < count; row++) {
      const line = rows.subarray(at + 1, at + 1 + length);
      unfilter(line, { filter: rows[at]!, above, step: Math.max(1, samples * depth / 8) });
      at += 1 + length;
      above = line;
      const begin = ((y + row * down) * width + x) * samples;
      if (depth === 8 && right === 1) whole.set(line, begin);
      else if (depth === 8) {
        for (let i = 0; i < columns * samples; i++) {
          whole[begin + Math.floor(i / samples) * right * samples + i % samples] = line[i]!;
        }
      } else {
        // one number each: the highest bits of a byte are the leftmost pixel
        for (let i = 0; i < columns; i++) {
          const bit = i * depth;
          whole[begin + i * right] = line[bit >> 3]! >> (8 - depth - (bit & 7)) & (1 << depth) - 1;
        }
      }
    }
  }
  return whole;
}

/** Adds to each byte of a row what its filter foretells of the bytes before it and above. */
function unfilter(
  line: Uint8Array,
  { filter, above, step }: { readonly filter: number; readonly above: Uint8Array; readonly step: number },
): void {
  if (filter > 4) throw new SyntaxError(`one of its rows has the filter ${filter}, which there is not`);
  if (filter === 0) return;
  for (let i = 0; i < line.length; i++) {
    const left = i < step ? 0 : line[i - step]!;
    const up = above[i]!;
    if (filter === 1) line[i]! += left;
    else if (filter === 2) line[i]! += up;
    else if (filter === 3) line[i]! += left + up >> 1;
    else line[i]! += nearest(left, up, i < step ? 0 : above[i - step]!);
  }
}

/** Of left, above and above left the one next to left + above - above left; the first of those that are as near. */
function nearest(left: number, up: number, corner: number): number {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/** Numbers from 0 to 255 of grey, colours, or colours with alpha, of what is stored. */
function coloured(chunks: Chunks, stored: Uint8Array): Uint8Array {
  const { width, height, depth, kind, samples, palette, clear } = chunks;
  const channels = channelsOf(chunks);
  const factor = kind === 3 ? 1 : 255 / (2 ** depth - 1);
  if (factor === 1 && channels === samples) return stored;
  const pixels = new Uint8Array(width * height * channels);
  // the one grey or colour that is seen through, in two bytes each: the lowest bits count
  const key = kind !== 3 && clear
    ? Array.from({ length: samples }, (_, k) => clear[2 * k + 1]! & (1 << depth) - 1)
    : [];
  for (let i = 0; i < width * height; i++) {
    const from = i * samples, to = i * channels;
    const entry = stored[from]!;
    if (kind === 3) {
      if (3 * entry >= palette!.length) {
        throw new SyntaxError(`one of its pixels is entry ${entry} of a palette of ${palette!.length / 3}`);
      }
      for (let k = 0; k < 3; k++) pixels[to + k] = palette![3 * entry + k]!;
      if (clear) pixels[to + 3] = clear[entry] ?? 255;
      continue;
    }
    const grey = samples < 3;
    for (let k = 0; k < Math.min(3, channels); k++) pixels[to + k] = stored[grey ? from : from + k]! * factor;
    if (kind === 4) pixels[to + 3] = stored[from + 1]!;
    else if (channels === 4) pixels[to + 3] = key.every((value, k) => stored[from + k] === value) ? 0 : 255;
  }
  return pixels;
}
