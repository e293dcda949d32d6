// The data of the programs that `meta.ts new` writes: letters out of `characters/glyphs.npz`, and digits out of `digits.csv.gz`, few
// enough to come along with the command line. Always the same files.
//
//     deno run -A examples/data_of_new.ts
import { gunzipSync } from "node:zlib";
import { openArchive } from "../dsl/data/npz.ts";
import { npyEntries, readNpyHeader } from "../dsl/data/npy.ts";
import type { HostArray } from "../runtime/ir/types.ts";
import { encodeNpz } from "./noisy_digits.ts";

/** Of every second script, up to 20, the first letters, and the first drawings of each. */
const sizes = { scripts: 20, letters: 10, drawings: 10 };
/** The first of each class. */
const digitsOfEach = 60;
const pixels = 28 * 28;

/** Drawings of letters, each with the number of its letter and of its script. */
export function letters(): Readonly<Record<string, HostArray>> {
  const files = openArchive(Deno.readFileSync(new URL("characters/glyphs.npz", import.meta.url)));
  const entriesOf = (name: string) => {
    const bytes = files.get(`${name}.npy`)!.unpack();
    return npyEntries(readNpyHeader(bytes, bytes.length), bytes);
  };
  const image = entriesOf("image").values as Uint8Array;
  const rows = Array.from({ length: image.length / pixels }, (_, row) => row);
  const [characters, scripts] = ["character", "script"].map((name) => {
    const { at } = entriesOf(name);
    return rows.map((row) => Number(at(row)));
  }) as [
    number[],
    number[],
  ];
  const chosen = [...new Set(scripts)].filter((_, i) => i % 2 === 0).slice(0, sizes.scripts);
  const taken = chosen.flatMap((of, script) => {
    const own = [...new Set(characters.filter((_, row) => scripts[row] === of))].slice(0, sizes.letters);
    return own.flatMap((of, i) => {
      const drawings = rows.filter((row) => characters[row] === of).slice(0, sizes.drawings);
      return drawings.map((row) => ({ row, letter: script * sizes.letters + i, script }));
    });
  });
  const data = new Uint8Array(taken.length * pixels);
  taken.forEach(({ row }, i) => data.set(image.subarray(row * pixels, (row + 1) * pixels), i * pixels));
  const ints = (values: readonly number[]): HostArray => ({
    dtype: "i32",
    shape: [values.length],
    data: Int32Array.from(values),
  });
  return {
    image: { dtype: "u8", shape: [taken.length, 1, 28, 28], data },
    letter: ints(taken.map(({ letter }) => letter)),
    script: ints(taken.map(({ script }) => script)),
  };
}

/** A table of digits with a row of names. */
export function digits(): string {
  const rows = new TextDecoder().decode(gunzipSync(Deno.readFileSync(new URL("digits.csv.gz", import.meta.url))))
    .trim().split("\n");
  const seen = new Map<string, number>();
  const taken = rows.filter((row) => {
    const digit = row.slice(row.lastIndexOf(",") + 1);
    const count = (seen.get(digit) ?? 0) + 1;
    seen.set(digit, count);
    return count <= digitsOfEach;
  });
  const names = [...Array.from({ length: 64 }, (_, i) => `p${i}`), "digit"].join(",");
  return `${[names, ...taken].join("\n")}\n`;
}

if (import.meta.main) {
  const folder = new URL("../cli/new/", import.meta.url);
  // lines, so that a tool which shows texts can show it
  const lines = encodeNpz(letters()).toBase64().replace(/.{120}/g, "$&\n");
  Deno.writeTextFileSync(new URL("letters.npz.base64", folder), `${lines}\n`);
  Deno.writeTextFileSync(new URL("digits.csv", folder), digits());
}
