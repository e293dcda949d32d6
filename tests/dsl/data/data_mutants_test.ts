// Small data files that were changed somewhere: NumPy's, Pillow's or Python's numbers, or an error with its place. What those read stands
// in mutants/mutants.json and parquet.json, which mutants/make_mutants.py and make_parquet_mutants.py write; pyarrow reads Parquet.
import { assert, assertEquals } from "@std/assert";
import { loadJpegReader, loadParquetReader } from "../../../mod.ts";
import { type ReadData, readData, saidOf } from "./read_data.ts";

type Format = ".csv" | ".tsv" | ".npy" | ".npz" | ".idx" | ".idx.gz" | ".safetensors" | ".png" | ".jpg" | ".parquet";

/** Columns or arrays by name; a text where the oracle refuses. Numbers that are not finite stand as text. */
type Answer =
  | string
  | Readonly<Record<string, { readonly shape: readonly number[]; readonly numbers: readonly unknown[] }>>;

interface Mutant {
  readonly change: string;
  readonly base: number;
  readonly splice: readonly [at: number, gone: number, come: string];
  readonly read: Answer;
}

interface Mutants {
  /** Base64. */
  readonly bases: readonly string[];
  /** What the oracle reads from each base. */
  readonly whole: readonly Answer[];
  readonly mutants: readonly Mutant[];
}

const stored = (name: string) => JSON.parse(Deno.readTextFileSync(new URL(`mutants/${name}.json`, import.meta.url)));
const formats: Readonly<Record<Format, Mutants>> = { ...stored("mutants"), ".parquet": stored("parquet") };

const fields: Readonly<Record<Format, readonly string[]>> = {
  ".csv": ["x", "y"],
  ".tsv": ["x", "y"],
  ".npy": ["x"],
  ".npz": ["x", "labels"],
  ".idx": ["x"],
  ".idx.gz": ["x"],
  ".png": ["x"],
  ".jpg": ["x"],
  ".safetensors": ["x", "labels"],
  ".parquet": ["x", "y"],
};

function changed(base: Uint8Array, [at, gone, come]: Mutant["splice"]): Uint8Array {
  return Uint8Array.of(...base.subarray(0, at), ...Uint8Array.fromHex(come), ...base.subarray(at + gone));
}

/** Reads a file by a declaration that has as many axes as the oracle found, each of any size; where it refuses, by one that
 *  would take more. */
function readAs(format: Format, bytes: Uint8Array, oracle: Answer): ReadData {
  const most = [".csv", ".tsv", ".parquet"].includes(format) ? 1 : isImage(format) ? 4 : 3;
  const types = fields[format].map((name) => {
    const axes = typeof oracle === "string" ? most : oracle[name]!.shape.length;
    return `${name} : [${Array(axes).fill("_").join(", ")}]`;
  });
  return readData(`data d from "file${format}" { ${types.join("  ")} }`, { [`file${format}`]: bytes });
}

const isImage = (format: Format) => format === ".png" || format === ".jpg";

/** How far two readers of JPEG may be from each other: their transforms are within 1 of the real one (IEEE 1180), so within 2 of each
 *  other; the one colour of which most becomes another, blue, is one number and 1.772 of another, rounded. */
const farthest = (shape: readonly number[]) => shape.length === 3 ? 2 : Math.ceil(2 + 1.772 * 2 + 1);

/** "same", "refused", or what is wrong with what came of a reading. */
function verdict(format: Format, bytes: Uint8Array, oracle: Answer): string {
  const read = readAs(format, bytes, oracle);
  const errors = read.diagnostics.filter((d) => d.severity === "error");
  if (errors.length > 0) {
    const placed = errors.every((d) =>
      /^M0[36]/.test(d.code) && d.primary.span.end > d.primary.span.start &&
      [d.title, ...d.notes].join(" ").includes(`\`file${format}\``)
    );
    return placed ? "refused" : `an error without a place: ${saidOf(read)}`;
  }
  if (typeof oracle === "string") return `read, and the oracle refuses: ${oracle}`;
  for (const name of fields[format]) {
    const { shape, data } = read.arrays.get(`d.${name}`)!;
    const { numbers } = oracle[name]!;
    const near = format === ".jpg" && data.every((x, i) => Math.abs(x - Number(numbers[i])) <= farthest(shape));
    const same = near || JSON.stringify([...data]) === JSON.stringify(numbers);
    if (!same || JSON.stringify(shape) !== JSON.stringify(oracle[name]!.shape)) {
      return `${name} is [${data}], and ${JSON.stringify(oracle[name])} for the oracle`;
    }
  }
  return "same";
}

await loadJpegReader();
await loadParquetReader();

const expected: Readonly<Record<Format, { readonly same: number; readonly stricter: number }>> = {
  ".csv": { same: 61, stricter: 1 },
  ".tsv": { same: 55, stricter: 3 },
  ".npy": { same: 27, stricter: 23 },
  ".npz": { same: 17, stricter: 25 },
  ".idx": { same: 69, stricter: 0 },
  ".idx.gz": { same: 19, stricter: 0 },
  ".safetensors": { same: 33, stricter: 1 },
  ".jpg": { same: 91, stricter: 46 },
  ".png": { same: 24, stricter: 37 },
  ".parquet": { same: 30, stricter: 8 },
};

for (const format of Object.keys(formats) as Format[]) {
  const { bases, whole, mutants } = formats[format];
  const files = bases.map((text) => Uint8Array.fromBase64(text));

  Deno.test(`a ${format} file that is whole is read as by the oracle`, () => {
    files.forEach((bytes, i) => {
      assertEquals(verdict(format, bytes, whole[i]!), "same", `base ${i}`);
    });
  });

  Deno.test(`a ${format} file that was changed is read as by the oracle, or refused with a place`, () => {
    assert(mutants.length >= 200);
    let [same, stricter] = [0, 0];
    const wrong: string[] = [];
    mutants.forEach(({ change, base, splice, read }, i) => {
      const found = verdict(format, changed(files[base]!, splice), read);
      if (found === "same") same++;
      else if (found !== "refused") wrong.push(`mutant ${i}, ${change} of base ${base} (${splice}): ${found}`);
      else if (typeof read !== "string") stricter++;
    });
    assertEquals(wrong, []);
    // a reader that refuses all would pass, too: so many are read, and so many the oracle alone reads
    assertEquals({ same, stricter }, expected[format]);
  });
}
