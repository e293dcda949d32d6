// The data of `warm_reweighting.meta`: handwritten digits of which 40 % have a random label, a few that are clean, and others to be held
// out. Always the same files.
//
//     deno run -A examples/noisy_digits.ts [FOLDER]
//
// `digits.csv.gz` beside this file is the test part of "Optical Recognition of Handwritten Digits" (E. Alpaydin and C. Kaynak, 1998, UCI
// Machine Learning Repository, https://doi.org/10.24432/C50P49, CC BY 4.0): 1,797 images of 8 x 8 grey levels from 0 to 16, and the digit.
// Changed here: levels are less 5, about their mean, and divided by 16; rows are in another order; labels are changed.
import { Buffer } from "node:buffer";
import { crc32, deflateRawSync, gunzipSync } from "node:zlib";
import { fillPhilox } from "../runtime/random/philox.ts";
import { encodeNpy } from "../runtime/record/npy.ts";
import type { HostArray } from "../runtime/ir/types.ts";

const source = new URL("digits.csv.gz", import.meta.url);
const pixels = 64;
const classes = 10;
/** Clean rows of each class; rows with noise, and of these those whose label is drawn. */
const sizes = { cleanOfEach: 10, noisy: 1000, drawn: 400 };

/** Arrays of each file, by the names of both. */
export type Tables = Readonly<Record<string, Readonly<Record<string, HostArray>>>>;

/** `noisy` has besides x and y the true label, `truth`, and whether the label is wrong, `wrong`: one in ten of those drawn is right. */
export function noisyDigits(): Tables {
  const lines = new TextDecoder().decode(gunzipSync(Deno.readFileSync(source))).trim().split("\n");
  const digits = lines.map((line) => line.split(",").map(Number));
  const order = shuffled(digits.length, 0);
  const seen = new Array<number>(classes).fill(0);
  const clean = order.filter((row) => seen[digits[row]![pixels]!]!++ < sizes.cleanOfEach);
  const others = order.filter((row) => !clean.includes(row));
  const [noisy, held] = [others.slice(0, sizes.noisy), others.slice(sizes.noisy)];
  const truth = noisy.map((row) => digits[row]![pixels]!);
  const drawn = uniforms(sizes.drawn, 1).map((u) => Math.floor(u * classes));
  const y = [...drawn, ...truth.slice(sizes.drawn)];
  const table = (rows: readonly number[], labels: readonly number[]) => ({
    x: {
      dtype: "f32",
      shape: [rows.length, pixels],
      data: Float32Array.from(rows.flatMap((row) => levels(digits[row]!))),
    },
    y: ints(labels),
  } as const);
  const labels = (rows: readonly number[]) => rows.map((row) => digits[row]![pixels]!);
  return {
    noisy: {
      ...table(noisy, y),
      truth: ints(truth),
      wrong: {
        dtype: "bool",
        shape: [noisy.length],
        data: Uint8Array.from(y, (label, i) => Number(label !== truth[i])),
      },
    },
    clean: table(clean, labels(clean)),
    held: table(held, labels(held)),
  };
}

const levels = (row: readonly number[]) => row.slice(0, pixels).map((level) => (level - 5) / 16);
const ints = (values: readonly number[]): HostArray => ({
  dtype: "i32",
  shape: [values.length],
  data: Int32Array.from(values),
});

/** In [0, 1); `stream` tells uses apart. */
function uniforms(count: number, stream: number): number[] {
  const words = new Int32Array(count);
  fillPhilox(words, { key: [1130, stream], counter: [0, 0, 0], offset: 0, count });
  return Array.from(words, (word) => (word >>> 0) / 2 ** 32);
}

/** 0 .. n - 1 in random order. */
function shuffled(n: number, stream: number): number[] {
  const list = Array.from({ length: n }, (_, i) => i);
  uniforms(n, stream).forEach((u, i) => {
    const j = i + Math.floor(u * (n - i));
    [list[i], list[j]] = [list[j]!, list[i]!];
  });
  return list;
}

/** The bytes of an `.npz`: an archive of one deflated `.npy` for each array. */
export function encodeNpz(arrays: Readonly<Record<string, HostArray>>): Uint8Array {
  const [files, directory]: [Uint8Array[], Uint8Array[]] = [[], []];
  let at = 0;
  for (const [name, array] of Object.entries(arrays)) {
    const content = Buffer.concat(encodeNpy(array));
    const packed = deflateRawSync(content, { level: 9 });
    const path = new TextEncoder().encode(`${name}.npy`);
    // version 2.0, no flags, deflated, the first of January 1980
    const facts = [20, 0, 8, 0, 0x21, crc32(content), packed.length, content.length, path.length, 0];
    const widths = [2, 2, 2, 2, 2, 4, 4, 4, 2, 2];
    const local = [numbers([4, ...widths], [0x04034b50, ...facts]), path, packed];
    const rest = numbers([2, 2, 2, 4, 4], [0, 0, 0, 0, at]); // no comment, the first disk, no attributes
    directory.push(numbers([4, 2, ...widths], [0x02014b50, 20, ...facts]), rest, path);
    files.push(...local);
    at += local.reduce((sum, part) => sum + part.length, 0);
  }
  const length = directory.reduce((sum, part) => sum + part.length, 0);
  const count = Object.keys(arrays).length;
  const end = numbers([4, 2, 2, 2, 2, 4, 4, 2], [0x06054b50, 0, 0, count, count, length, at, 0]);
  return Buffer.concat([...files, ...directory, end]);
}

/** Little-endian numbers of so many bytes each. */
function numbers(widths: readonly number[], values: readonly number[]): Uint8Array {
  return Uint8Array.from(
    values.flatMap((value, i) => Array.from({ length: widths[i]! }, (_, k) => value / 256 ** k & 255)),
  );
}

if (import.meta.main) {
  const folder = (Deno.args[0] ?? new URL(".", import.meta.url).pathname).replace(/\/$/, "");
  for (const [name, arrays] of Object.entries(noisyDigits())) {
    Deno.writeFileSync(`${folder}/${name}.npz`, encodeNpz(arrays));
    console.log(
      `${folder}/${name}.npz`,
      Object.entries(arrays).map(([of, { shape }]) => `${of} [${shape}]`).join("  "),
    );
  }
}
