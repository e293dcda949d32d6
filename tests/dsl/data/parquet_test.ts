// Are columns of Parquet files read as the numbers that they hold, and refused by name where they hold none? The files of tables/ were
// written by pyarrow (tables/make_tables.py); what pyarrow reads of changed ones is held against ours in data_mutants_test.ts.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { loadParquetReader } from "../../../mod.ts";
import { entriesOf, readData, saidAroundLoading, saidOf } from "./read_data.ts";

const file = (name: string) => Deno.readFileSync(new URL(`tables/${name}.parquet`, import.meta.url));
const kinds = file("kinds");
const long = file("long");

await loadParquetReader();

const read = (fields: string) => readData(`data d from "k.parquet" { ${fields} }`, { "k.parquet": kinds });
const said = (fields: string) => saidOf(read(fields));

Deno.test("without the package an error says how it is loaded", async () => {
  const [before, after] = await saidAroundLoading("loadParquetReader", {
    program: 'edition 1\ndata d from "k.parquet" { f64 : [_] }\nparam w = 0.5\ngradient w * sum(d.f64) wrt w',
    bytes: kinds,
    files: [],
  });
  assertEquals(before.length, 1);
  assertStringIncludes(before[0]!, "M0601 | Files `*.parquet` are read by a package that is not loaded yet");
  assertStringIncludes(before[0]!, "`await loadParquetReader()`");
  assertEquals(after, []);
});

Deno.test("columns of every kind of number are read", () => {
  const wanted: Readonly<Record<string, readonly number[]>> = {
    i8: [1, -2, 127],
    i16: [1, -2, 32767],
    i32: [1, -2, 2147483647],
    i64: [1, -2, 2 ** 53], // rounded
    u8: [1, 2, 255],
    u16: [1, 2, 65535],
    u32: [1, 2, 4294967295],
    u64: [1, 2, 2 ** 63],
    f16: [1.5, -2, 2 ** -24],
    f32: [1.5, -2, Math.fround(0.1)],
    f64: [1.5, -2, 0.1],
    truth: [1, 0, 1],
    price: [0.3, -12.07, 1234567.89],
    "long price": [0.3, -12, 123456789012345678.9],
    text: [1.5, -2, 1],
    same: [7, 7, 7],
    last: [7, 8, 9],
  };
  for (const [name, numbers] of Object.entries(wanted)) {
    assertEquals(entriesOf(read(`x : [_] from "${name}"`), "d.x"), numbers, name);
  }
  const several = read(
    'x : [_, 3] from "i8" .. "i32"   y : int [3] from "last"   b : bool [_] from "truth"   u : u8 [_] from "u8"',
  );
  assertEquals(entriesOf(several, "d.x"), [1, 1, 1, -2, -2, -2, 127, 32767, 2147483647]);
  const types = ["d.x", "d.y", "d.b", "d.u"].map((name) => several.arrays.get(name)!.dtype);
  assertEquals(types, ["f64", "i32", "bool", "u8"]);
});

Deno.test("many pages, groups of rows and missing values", () => {
  const fields = "step : int [30000]   wave : [_]   kind : int [_]   rare : [_] missing -1";
  const data = readData(`data d from "l.parquet" { ${fields} }`, { "l.parquet": long });
  const all = (name: string, value: (i: number) => number) => {
    const wrong = entriesOf(data, `d.${name}`).findIndex((x, i) => x !== value(i));
    assertEquals(wrong, -1, name);
    assertEquals(entriesOf(data, `d.${name}`).length, 30000);
  };
  all("step", (i) => i);
  all("wave", (i) => i % 7 / 8);
  all("kind", (i) => i % 300);
  all("rare", (i) => i % 1000 === 3 ? i : -1);
});

Deno.test("what is missing or no number is named with its row", () => {
  assertStringIncludes(said("holes : int [_]"), "Row 2, column `holes` of `k.parquet` is missing");
  assertStringIncludes(said("holes : int [_]"), "missing 0");
  assertEquals(entriesOf(read("holes : int [_] missing 0"), "d.holes"), [1, 0, 3]);
  assertEquals(entriesOf(read("gaps : [_] missing -1"), "d.gaps"), [0.5, -1, -1]);
  assertEquals(entriesOf(read("lost : [_] missing 9"), "d.lost"), [5, 9, 9]);
  assertEquals(entriesOf(read("none : [_] missing 4"), "d.none"), [4, 4, 4]);
  assertStringIncludes(said("word : [_]"), "Row 2, column `word` of `k.parquet` is `cat`: it is not a number");
  assertStringIncludes(said("word : [_]"), "Rows are counted from 1");
  assertStringIncludes(said('x : int [_] from "u32"'), "Row 3, column `u32` of `k.parquet` is 4294967295: ");
  assertStringIncludes(said('x : [_, 2] from "last", "holes"'), "Row 2, column `holes` of `k.parquet` is missing");
  assertStringIncludes(said("last : [4]"), "`k.parquet` has 3 rows, and `d.last` is declared with another number");
});

Deno.test("columns that hold no numbers are refused by name, and cost nothing where they are not read", () => {
  assertStringIncludes(said("list : [_]"), "The column `list` of `k.parquet` is not read: it is nested");
  assertStringIncludes(said("pair : [_]"), "The column `pair` of `k.parquet` is not read: it is nested");
  assertStringIncludes(said("day : [_]"), "The column `day` of `k.parquet` is not read: it holds times");
  assertStringIncludes(said("when : [_]"), "it holds times");
  assertStringIncludes(said("raw : [_]"), "it holds no numbers but FIXED_LEN_BYTE_ARRAY");
  assertStringIncludes(said("lats : [_]"), "did you mean `last`?");
  assertEquals(said('x : [_, 2] from "raw" .. "list"').split("\n").length, 1);
});

Deno.test("files that are none, or empty, are refused before a run", () => {
  const about = (bytes: Uint8Array) =>
    saidOf(readData('data d from "k.parquet" { i32 : [_] }', { "k.parquet": bytes }));
  assertStringIncludes(
    about(new TextEncoder().encode("x,y\n1,2\n3,4\n5,6\n")),
    "It does not begin as a .parquet file does",
  );
  assertStringIncludes(about(kinds.subarray(0, kinds.length - 1)), "It is cut off");
  assertStringIncludes(
    about(Uint8Array.of(...kinds.subarray(0, 99), ...kinds.subarray(-4))),
    "`k.parquet` cannot be read as .parquet",
  );
  const none = readData('data d { x : [_] from file "e.parquet" }', { "e.parquet": file("empty") });
  assertStringIncludes(saidOf(none), "`e.parquet` has no rows, and `d.x` needs at least one");
  // a table that a field names for itself, too
  assertStringIncludes(
    saidOf(readData('data d { x : [_] from file "e.csv" }', { "e.csv": "x\n" })),
    "`e.csv` has no rows",
  );
});

Deno.test("what would take too much is asked for before it is unpacked", () => {
  const limited = readData('data d from "l.parquet" { step : [_] }', { "l.parquet": long }, { data: 300_000 });
  assertStringIncludes(saidOf(limited), "unpacked the data of the program take");
  assert(saidOf(readData('data d from "l.parquet" { step : [_] }', { "l.parquet": long }, { data: 600_000 })) === "");
});
