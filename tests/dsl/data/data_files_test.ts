import { assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { npyEntries, readNpyHeader } from "../../../dsl/data/npy.ts";
import { openArchive } from "../../../dsl/data/npz.ts";
import { compile } from "../../../api/compile.ts";

type Files = Readonly<Record<string, string | Uint8Array>>;

const array = (name: string) => Deno.readFileSync(new URL(`arrays/${name}`, import.meta.url));

function parseNpy(bytes: Uint8Array) {
  const header = readNpyHeader(bytes, bytes.length);
  const { at: read } = npyEntries(header, bytes);
  const length = header.shape.reduce((n, size) => n * size, 1);
  return { shape: header.shape, data: Array.from({ length }, (_, i) => read(i)) };
}

/** The losses of `return` at w = 0 are sums of what was read: one training step whose loss is the expression. */
async function valueOf(data: string, expression: string, files: Files = {}): Promise<number> {
  const source = `edition 1
precision f64
${data}
model m(s : []) -> [] {
  w : [] = 0
  return ${expression} + w * s
}
inner train {
  minimize m(1)
  over m by sgd(lr = 1)
  for t = 1 step
}
record train.loss@*
`;
  const run = await compile(source, { read: (path) => files[path] }).run();
  return Number(run.recorded("train.loss@*").values[0]!.data[0]);
}

/** What the compiler says about wrong data. */
function saidAbout(data: string, files: Files = {}): string {
  const source = `edition 1\n${data}\n`;
  return (assertThrows(() => compile(source, { read: (path) => files[path] })) as Error).message;
}

const places = "sum(d.x * [[1, 10, 100], [1000, 10000, 100000]])";

for (
  const { name } of [...Deno.readDirSync(new URL("arrays/", import.meta.url))].sort((a, b) => a.name < b.name ? -1 : 1)
) {
  if (!/^(little|big|[iu]\d|version)/.test(name)) continue;
  Deno.test(`the numbers of ${name} as NumPy wrote them`, async () => {
    assertEquals(parseNpy(array(name)).data, [0, 1, 2, 3, 4, 5]);
    assertEquals(parseNpy(array(name)).shape, [2, 3]);
    const read = await valueOf(`data d from "${name}" { x : [2, 3] }`, places, { [name]: array(name) });
    assertEquals(read, 543210);
  });
}

Deno.test("a .npy file of bool, half precision, no axes and column-major order", () => {
  assertEquals(parseNpy(array("bool.npy")).data, [0, 1, 0, 1, 0, 1]);
  assertEquals(parseNpy(array("halves.npy")).data, [1.5, -2, 2 ** -14, 2 ** -24, 65504, NaN]);
  assertEquals(parseNpy(array("scalar.npy")), { shape: [], data: [2.5] });
  assertEquals(parseNpy(array("fortran.npy")).data, Array.from({ length: 24 }, (_, i) => i));
  assertEquals(parseNpy(array("fortran.npy")).shape, [2, 3, 4]);
});

Deno.test("a .npy file cut off anywhere, or not of numbers, is an error that says so", () => {
  const whole = array("little_f8.npy");
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => parseNpy(whole.subarray(0, length)), SyntaxError);
  }
  assertThrows(
    () => parseNpy(Uint8Array.of(...whole, 0)),
    SyntaxError,
    "promises 48 bytes of entries, and it holds 49",
  );
  assertThrows(() => parseNpy(array("records.npy")), SyntaxError, "records with fields");
  assertThrows(() => parseNpy(array("words.npy")), SyntaxError, "`U3`, which holds no plain numbers");
});

Deno.test("an archive cut off anywhere is an error", () => {
  const whole = array("packed.npz");
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => openArchive(whole.subarray(0, length)), SyntaxError, "its end is missing");
  }
});

for (const name of ["plain.npz", "packed.npz"]) {
  Deno.test(`the arrays of ${name} by name`, async () => {
    const labels = name === "packed.npz" ? `y : int [2] from "labels"` : "y : int [2]";
    const data = `data d from "a/${name}" { x : [_, 3]  ${labels} }`;
    const files = { [`a/${name}`]: array(name) };
    assertEquals(await valueOf(data, places, files), 543210 / 2);
    assertEquals(await valueOf(data, "sum(one_hot(d.y, 2) * [[1, 2], [3, 4]])", files), 5);
  });
}

Deno.test("axes of size 1 at the end of an array may be written or left out", async () => {
  const files = { "s.npy": array("scalar.npy") };
  assertEquals(await valueOf(`data d from "s.npy" { x : [1] }`, "sum(d.x)", files), 2.5);
  assertEquals(await valueOf(`data d from "s.npy" { x : [] }`, "d.x", files), 2.5);
});

const csv = `id,p0,p1,p2,label,"a, b"
1,1,10,100,2,5
2,1000,10000,100000,0,NA
`;

Deno.test("several columns of a table in one tensor: a list, a range, both, a grid, and as many rows as there are", async () => {
  const files = { "d.csv": csv, "d.tsv": csv.replace('"a, b"', "c").replaceAll(",", "\t") };
  const ones = "sum(d.x * [[1, 2, 3], [4, 5, 6]])";
  const expected = 1 + 20 + 300 + 4000 + 50000 + 600000;
  assertEquals(await valueOf(`data d from "d.csv" { x : [2, 3] from "p0" .. "p2" }`, ones, files), expected);
  assertEquals(await valueOf(`data d from "d.csv" { x : [2, 3] from "p0", "p1", "p2" }`, ones, files), expected);
  assertEquals(await valueOf(`data d from "d.tsv" { x : [_, 3] from "p0", "p1" .. "p2" }`, ones, files), expected);
  assertEquals(await valueOf(`data d from "d.csv" { x : [_, _] from "p0" .. "p2" }`, ones, files), expected);
  assertEquals(
    await valueOf(
      `data d from "d.csv" { x : [2, 2, 2] from "p0" .. "label" }`,
      "sum(d.x * [[[0, 0], [1, 0]], [[0, 0], [2, 0]]])",
      files,
    ),
    100 + 2 * 100000,
  );
  assertEquals(await valueOf(`data d from "d.csv" { y : int [_] from "label" }`, "sum(d.y)", files), 2);
});

Deno.test("an empty line of a table is no row", async () => {
  assertEquals(await valueOf(`data d from "d.csv" { x : [_] }`, "sum(d.x)", { "d.csv": "x\n1\n\n3\n\n" }), 4);
});

Deno.test("missing entries take the value that the field names", async () => {
  const files = { "d.csv": csv, "h.npy": array("halves.npy") };
  assertEquals(await valueOf(`data d from "d.csv" { x : [2] from "a, b" missing -1 }`, "sum(d.x)", files), 4);
  const halves = await valueOf(`data d from "h.npy" { x : [_] missing 2 * 3 }`, "sum(d.x)", files);
  assertAlmostEquals(halves, 65504 + 6 - 0.5 + 2 ** -14 + 2 ** -24);
  for (const cell of ["", "NA", "n/a", "NaN", "null", "None", "?"]) {
    const text = `x,y\n1,1\n${cell},2\n`;
    assertEquals(await valueOf(`data d from "d.csv" { x : [2] missing 7 }`, "sum(d.x)", { "d.csv": text }), 8);
    assertStringIncludes(
      saidAbout(`data d from "d.csv" { x : [2] }`, { "d.csv": text }),
      "Row 3, column `x` of `d.csv` is missing",
    );
  }
});

Deno.test("`_` in a host array's declaration takes its size", async () => {
  const source = `edition 1
data d { x : [_, 2] }
model m(s : []) -> [] { w : [] = 0  return mean(d.x) + w * s }
inner train { minimize m(1)  over m by sgd(lr = 1)  for t = 1 step }
record train.loss@*
`;
  const x = { shape: [3, 2], data: [1, 2, 3, 4, 5, 6] };
  const run = await compile(source, { data: { d: { x } } }).run();
  assertEquals(Number(run.recorded("train.loss@*").values[0]!.data[0]), 3.5);
  const none = { shape: [0, 2], data: [] };
  assertThrows(() => compile(source, { data: { d: { x: none } } }), Error, "The array for `d.x` has no rows");
  const wrong = { shape: [6], data: [1, 2, 3, 4, 5, 6] };
  assertStringIncludes(
    (assertThrows(() => compile(source, { data: { d: { x: wrong } } })) as Error).message,
    "is declared as [_, 2], the array handed over is [6]",
  );
});

/** A .npy file of float64 without entries. */
function emptyArray(shape: readonly number[]): Uint8Array {
  const header = `{'descr': '<f8', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`.padEnd(117) + "\n";
  return Uint8Array.of(0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, 118, 0, ...new TextEncoder().encode(header));
}

const wrongs: readonly (readonly [why: string, data: string, files: Files, said: string])[] = [
  ["another extension", `data d from "d.hdf5" { x : [2] }`, {}, "A file `*.hdf5` is not read as data"],
  ["no extension", `data d from "d" { x : [2] }`, {}, "does not say what kind of file it is"],
  [
    "columns in the wrong order",
    `data d from "d.csv" { x : [2, 3] from "p2" .. "p0" }`,
    { "d.csv": csv },
    "stands before",
  ],
  ["a column twice", `data d from "d.csv" { x : [1] }`, { "d.csv": "x,x\n1,2\n" }, "has two columns `x`"],
  ["a misspelt column", `data d from "d.csv" { x : [2] from "lable" }`, { "d.csv": csv }, "has no column `lable`"],
  [
    "too few columns",
    `data d from "d.csv" { x : [2, 4] from "p0" .. "p2" }`,
    { "d.csv": csv },
    "the columns read are [2, 3]",
  ],
  ["a missing column list", `data d from "d.csv" { id : [2, 4] }`, { "d.csv": csv }, "name the columns"],
  ["another number of rows", `data d from "d.csv" { id : [3] }`, { "d.csv": csv }, "`d.csv` has 2 rows"],
  [
    "two fields of one array",
    `data d from "a.npy" { x : [2, 3]  y : [2] }`,
    { "a.npy": array("bool.npy") },
    "holds one array",
  ],
  ["another shape", `data d from "a.npy" { x : [3, 2] }`, { "a.npy": array("bool.npy") }, "the file holds [2, 3]"],
  ["a NaN", `data d from "a.npy" { x : [6] }`, { "a.npy": array("halves.npy") }, "Entry [5] of `a.npy` is missing"],
  [
    "a fraction as int",
    `data d from "a.npy" { x : int [6] missing 0 }`,
    { "a.npy": array("halves.npy") },
    "Entry [0] of `a.npy` is 1.5: it is not a 32-bit integer",
  ],
  ["a half as bool", `data d from "a.npy" { x : bool [] }`, { "a.npy": array("scalar.npy") }, "a bool is 0 or 1"],
  ["no numbers", `data d from "a.npy" { x : [2] }`, { "a.npy": array("words.npy") }, "holds no plain numbers"],
  ["no such array", `data d from "a.npz" { z : [2] }`, { "a.npz": array("plain.npz") }, "has no array `z`"],
  [
    "words in an archive",
    `data d from "a.npz" { names : [2] }`,
    { "a.npz": array("packed.npz") },
    "The array `names` in `a.npz` cannot be read",
  ],
  [
    "two arrays in one field",
    `data d from "a.npz" { x : [2, 4] from "x", "y" }`,
    { "a.npz": array("plain.npz") },
    "A field takes one array",
  ],
  [
    "a torn archive",
    `data d from "a.npz" { x : [2, 3] }`,
    { "a.npz": array("plain.npz").slice(0, 300) },
    "cannot be read as .npz",
  ],
  ["too large for 32 bits", `data d from "d.csv" { x : [1] }`, { "d.csv": "x\n1e39\n" }, "write `precision f64`"],
  [
    "a word among numbers",
    `data d from "d.csv" { x : [2, 2] from "p0" .. "p1" }`,
    { "d.csv": csv.replace("10000", "1e4x") },
    "Row 3, column `p1` of `d.csv` is `1e4x`: it is not a number",
  ],
  [
    "a row that is too short",
    `data d from "d.csv" { x : [2] }`,
    { "d.csv": "x,y\n1,2\n3\n" },
    "Row 3 has 1 cell, and the header 2",
  ],
  [
    "a row that is too long",
    `data d from "d.csv" { x : [1] }`,
    { "d.csv": "x,y\n1,2,3\n" },
    "Row 2 has 3 cells, and the header 2",
  ],
  ["a header alone", `data d from "d.csv" { x : [_] }`, { "d.csv": "x\n" }, "`d.csv` has no rows"],
  ["a header and empty lines", `data d from "d.tsv" { x : [4] }`, { "d.tsv": "x\n\n\n" }, "`d.tsv` has no rows"],
  [
    "an array without rows",
    `data d from "e.npy" { x : [_, 3] }`,
    { "e.npy": emptyArray([0, 3]) },
    "`e.npy` has no rows",
  ],
  [
    "an array without entries",
    `data d from "e.npy" { x : [3, _] }`,
    { "e.npy": emptyArray([3, 0]) },
    "`e.npy` has no entries",
  ],
  ["columns of a value", `data d { x : [2] = [1, 2] from "a" }`, {}, "nothing is read for it"],
  ["a missing value of a value", `data d { x : [2] = [1, 2] missing 0 }`, {}, "nothing is read for it"],
  [
    "a missing value that is none",
    `data d from "d.csv" { id : [2] missing 1 / 0 }`,
    { "d.csv": csv },
    "`Infinity` cannot stand for",
  ],
];
for (const [why, data, files, said] of wrongs) {
  Deno.test(`data is refused: ${why}`, () => assertStringIncludes(saidAbout(data, files), said));
}
