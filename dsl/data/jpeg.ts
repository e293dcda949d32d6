// What does a JPEG file hold (ITU-T T.81)? Its parts are gone through here, to its end, so that what its pixels take and what is missing
// is known before; the pixels are unpacked by the package jpeg-js, which is loaded when somebody first asks for it.
import { loadPackage } from "../../runtime/packages.ts";
import type { ImageReader } from "./pixels.ts";

/** What is used of the package. */
interface JpegPackage {
  decode(bytes: Uint8Array, options: {
    readonly useTArray: true;
    readonly formatAsRGBA: false;
    readonly colorTransform?: boolean;
    readonly maxResolutionInMP: number;
    readonly maxMemoryUsageInMB: number;
  }): { readonly width: number; readonly height: number; readonly data: Uint8Array };
}

/** Nothing is downloaded before it is asked for. */
const specifier = "npm:jpeg-js@0.4.4";

let loaded: JpegPackage | undefined;

/** Loads what reads JPEG images, the package jpeg-js 0.4.4. Once, before programs are compiled that name such files: compiling does not
 *  wait. The command line does it by itself. Throws a RangeError when the package can neither be found nor downloaded.
 *
 *  ```ts
 *  import { loadJpegReader } from "../mod.ts";
 *
 *  await loadJpegReader(); // now `compileFile` reads `data d from "photos/*\/*.jpg" { image : u8 [_, 3, 84, 84] resized }`
 *  ```
 *
 *  @category Compile
 */
export async function loadJpegReader(): Promise<void> {
  if (loaded) return;
  loaded = (await loadPackage<{ readonly default: JpegPackage }>(specifier, "What reads JPEG images")).default;
}

/** True when JPEG images can be read. */
export const isJpegLoaded = (): boolean => loaded !== undefined;

/** What stands before the pixels. */
interface Frame {
  readonly width: number;
  readonly height: number;
  /** Their names in the file. */
  readonly components: readonly number[];
}

/** Reads JPEG files. */
export const openJpeg: ImageReader = (bytes) => {
  const { width, height, components, colorTransform } = readParts(bytes);
  const channels = components.length;
  const pixels = () => {
    const options = {
      useTArray: true,
      formatAsRGBA: false,
      maxResolutionInMP: Infinity,
      // of the blocks, four bytes a number
      maxMemoryUsageInMB: 4096,
      ...(colorTransform !== undefined && { colorTransform }),
    } as const;
    let data: Uint8Array;
    try {
      ({ data } = loaded!.decode(bytes, options));
    } catch (error) {
      throw new SyntaxError(`its pixels cannot be unpacked (${error instanceof Error ? error.message : error})`);
    }
    // grey comes as three that are the same
    return channels === 3 ? data : data.filter((_, i) => i % 3 === 0);
  };
  return { width, height, channels, pixels };
};

/** Frames that are not read, by their markers. */
const otherFrames: ReadonlyMap<number, string> = new Map([
  [0xc3, "without loss"],
  [0xc5, "in several sizes"],
  [0xc6, "in several sizes"],
  [0xc7, "in several sizes"],
  ...[0xc9, 0xca, 0xcb, 0xcd, 0xce, 0xcf].map((marker) => [marker, "by arithmetic coding"] as const),
]);

/** Goes through the parts of a file to its end. */
function readParts(bytes: Uint8Array): Frame & { readonly colorTransform: boolean | undefined } {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) throw new SyntaxError("it does not begin as a .jpg file does");
  let frame: Frame | undefined;
  let [jfif, adobe]: [boolean, number | undefined] = [false, undefined];
  const seen = new Set<number>();
  let at = 2;
  while (true) {
    const marker = markerAt(bytes, at);
    at += 2;
    if (marker === 0xd9) break;
    if (marker === 0xff) {
      at--; // bytes that fill up
      continue;
    }
    const body = bodyAt(bytes, at);
    at += 2 + body.length;
    const other = otherFrames.get(marker);
    if (other) throw new SyntaxError(`it is packed ${other}, and only usual and progressive ones are read`);
    if (marker === 0xe0 && startsWith(body, "JFIF\0")) jfif = true;
    if (marker === 0xee && startsWith(body, "Adobe") && body.length >= 12) adobe = body[11];
    if (marker === 0xc4) checkCodes(body);
    if (marker === 0xdb) checkDivisors(body);
    if (marker >= 0xc0 && marker <= 0xc2) {
      if (frame) throw new SyntaxError("it has two headers");
      frame = readFrame(body, bytes.length);
    }
    if (marker === 0xda) {
      if (!frame) throw new SyntaxError("its pixels stand before its header");
      for (const component of scanOf(body, frame)) seen.add(component);
      at = behindScan(bytes, at);
    }
  }
  if (!frame || frame.components.some((c) => !seen.has(c))) {
    throw new SyntaxError("its pixels are missing, or a part of them");
  }
  // red, green and blue as they are: so says a program of Adobe, or so they are called
  const named = frame.components.length === 3 && String.fromCharCode(...frame.components) === "RGB";
  const asTheyAre = frame.components.length === 3 && (adobe === 0 || adobe === undefined && !jfif && named);
  return { ...frame, colorTransform: asTheyAre ? false : undefined };
}

const startsWith = (body: Uint8Array, text: string) => [...text].every((c, i) => body[i] === c.charCodeAt(0));

function markerAt(bytes: Uint8Array, at: number): number {
  if (at + 2 > bytes.length) throw new SyntaxError("it is cut off");
  if (bytes[at] !== 0xff) throw new SyntaxError(`no part of it begins at byte ${at}: it was changed or torn`);
  return bytes[at + 1]!;
}

function bodyAt(bytes: Uint8Array, at: number): Uint8Array {
  const length = bytes[at]! * 256 + bytes[at + 1]!;
  if (!(length >= 2)) throw new SyntaxError(at + 2 > bytes.length ? "it is cut off" : "a part of it has no length");
  if (at + length > bytes.length) throw new SyntaxError("it is cut off");
  return bytes.subarray(at + 2, at + length);
}

function readFrame(body: Uint8Array, fileBytes: number): Frame {
  const [precision, high, low, wide, narrow, count] = body as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (body.length < 6 || body.length !== 6 + 3 * count) throw new SyntaxError("its header is wrong");
  const [height, width] = [high * 256 + low, wide * 256 + narrow];
  if (precision !== 8) throw new SyntaxError(`its numbers have ${precision} bits, and images of 8 are read`);
  if (width === 0 || height === 0) throw new SyntaxError(`its header says ${width} × ${height} pixels`);
  if (count !== 1 && count !== 3) {
    throw new SyntaxError(
      count === 4
        ? "its colours are those of print (CMYK): save it with red, green and blue"
        : `it has ${count} channels, and images of 1 and 3 are read`,
    );
  }
  const components = Array.from({ length: count }, (_, k) => body[6 + 3 * k]!);
  for (let k = 0; k < count; k++) {
    const [h, v] = [body[7 + 3 * k]! >> 4, body[7 + 3 * k]! & 15];
    if (h < 1 || h > 4 || v < 1 || v > 4) throw new SyntaxError("its header is wrong");
  }
  if (new Set(components).size < count) throw new SyntaxError("its header names a channel twice");
  // 64 pixels take a bit at least
  if (width * height > 512 * fileBytes) {
    throw new SyntaxError(
      `its header promises ${width} × ${height} pixels, more than its ${fileBytes} bytes can be unpacked to`,
    );
  }
  return { width, height, components };
}

/** Tables of codes: how many there are of each length, and what they stand for. */
function checkCodes(body: Uint8Array): void {
  let at = 0;
  while (at < body.length) {
    const counts = body.subarray(at + 1, at + 17);
    // of all codes of 16 bits those that begin with a code of length k are 2^(16 - k), and not all are taken
    const taken = counts.reduce((n, count, k) => n + count * 2 ** (15 - k), 0);
    at += 17 + counts.reduce((n, count) => n + count, 0);
    if (counts.length < 16 || taken >= 2 ** 16 || at > body.length) {
      throw new SyntaxError("one of its tables of codes is wrong");
    }
  }
}

/** Tables of 64 numbers of one or two bytes. */
function checkDivisors(body: Uint8Array): void {
  let at = 0;
  while (at < body.length) {
    if (body[at]! >> 4 > 1) throw new SyntaxError("one of its tables of steps is wrong");
    at += 1 + 64 * (1 + (body[at]! >> 4));
  }
  if (at !== body.length) throw new SyntaxError("one of its tables of steps is wrong");
}

/** The channels of a scan. */
function scanOf(body: Uint8Array, { components }: Frame): number[] {
  const count = body[0]!;
  if (body.length !== 4 + 2 * count) throw new SyntaxError("what stands before its pixels is wrong");
  const named = Array.from({ length: count }, (_, k) => body[1 + 2 * k]!);
  if (count === 0 || named.some((c) => !components.includes(c))) {
    throw new SyntaxError("what stands before its pixels is wrong");
  }
  return named;
}

/** Where the next part begins: behind packed bytes, in which 0xff is followed by 0 or is where they begin anew. */
function behindScan(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(0xff, from); at >= 0; at = bytes.indexOf(0xff, at + 1)) {
    const next = bytes[at + 1];
    if (next === undefined) break;
    if (next !== 0 && (next < 0xd0 || next > 0xd7) && next !== 0xff) return at;
  }
  throw new SyntaxError("it is cut off");
}
