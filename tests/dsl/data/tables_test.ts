import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { throwDice } from "../../random/dice.ts";
import { cases } from "../../thorough.ts";
import { parseTable } from "../../../dsl/data/csv.ts";
import { entriesOf, readData, saidOf } from "./read_data.ts";

type Text = string | Uint8Array;

const read = (text: Text, item = `data d from "t.csv" { x : [_]  y : [_] }`) =>
  readData(item, { "t.csv": text, "t.tsv": text });

/** Both columns of a table that is read without a word. */
function columns(text: Text): readonly (readonly number[])[] {
  const found = read(text);
  assertEquals(saidOf(found), "");
  return [entriesOf(found, "d.x"), entriesOf(found, "d.y")];
}

const utf8 = (text: string) => new TextEncoder().encode(text);

Deno.test("any line end ends a row: LF, CR LF, CR alone, each with and without one at the end, and all in one file", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    const text = ["x,y", "1,2", "3,4"].join(end);
    assertEquals(columns(text), [[1, 3], [2, 4]]);
    assertEquals(columns(text + end), [[1, 3], [2, 4]]);
    assertEquals(columns(`${end}${text}${end}${end}`), [[1, 3], [2, 4]]);
  }
  assertEquals(columns("x,y\r1,2\r\n3,4\n5,6"), [[1, 3, 5], [2, 4, 6]]);
});

Deno.test("quotes hold separators, line ends and quotes", () => {
  assertEquals(columns('"a, ""b""\n;\rc",x,"y"\n"1,\n2","3",4\n'), [[3], [4]]);
  assertStringIncludes(saidOf(read('x,"a ""b"""\n1,2')), 'Its columns are `x`, `a "b"`');
});

Deno.test("a mark of the byte order, spaces and tabs around names and numbers, and capitals of the words are no matter", () => {
  assertEquals(columns("\ufeffx , y\n 1 ,2\t\n3,  4  \n"), [[1, 3], [2, 4]]);
  assertEquals(columns('\ufeff"x",y\nTRUE,false\n'), [[1], [0]]);
});

Deno.test("cells that are numbers, as Python's float reads them", () => {
  const cells = ["1e5", "+1", "-0.5", ".5", "5.", "1E-3", "-.5e+2", "007", "0", "1e-400", "9007199254740993"];
  const values = [1e5, 1, -0.5, 0.5, 5, 1e-3, -50, 7, 0, 0, 9007199254740992];
  assertEquals(columns(`x,y\n${cells.map((c) => `${c},1`).join("\n")}`)[0], values);
});

Deno.test("cells that are no numbers are named with row and column", () => {
  const cells = [
    "0x10",
    "1_000",
    "Infinity",
    "-inf",
    "1 000",
    "1'000",
    "1e",
    "e5",
    ".",
    "+",
    "--1",
    "1.2.3",
    "1f",
    "½",
    "١",
  ];
  cells.push(
    "\u00a01",
    "\ufeff1",
    "1\u000b",
    "12%",
    "$1",
    "yes",
    "T",
    "2024-01-02",
    "1/2",
    "1;2",
    "nan(1)",
    "−1",
    "１",
  );
  for (const cell of cells) {
    const said = saidOf(read(`x,y\n1,2\n3,${cell}\n`));
    assertEquals(said.split("\n").length, 1);
    assertStringIncludes(said, "M0602 | Row 3, column `y` of `t.csv` is `");
    assertStringIncludes(said, "it is not a number");
  }
  assertStringIncludes(
    saidOf(read('x,y\n1,"1,5"\n')),
    "`1,5`: it is not a number | Rows are counted with the header, which is row 1 | a fraction begins with a point, `1.5`, and thousands have no mark",
  );
  assertStringIncludes(saidOf(read("x,y\n1,1e999\n")), "Row 2, column `y` of `t.csv` is Infinity: only finite numbers");
});

Deno.test("semicolons separate columns where the first row has no comma, and that is said", () => {
  const text = 'x;"y"\n1;2.5\n"3";4\n';
  const found = read(text);
  assertEquals([entriesOf(found, "d.x"), entriesOf(found, "d.y")], [[1, 3], [2.5, 4]]);
  assertEquals(found.diagnostics.map((d) => [d.code, d.severity]), [["W0601", "warning"]]);
  assertStringIncludes(saidOf(found), "The columns of `t.csv` are separated by `;`");
  // a comma may stand for a point, or part thousands
  for (const [cell, cure] of [["1,5", "`1.5`"], ["1,000", "`1.000`"], ["-12,25", "`-12.25`"]] as const) {
    const said = saidOf(read(`x;y\n1;2\n3;${cell}\n`));
    assertStringIncludes(said, `Row 3, column \`y\` of \`t.csv\` is \`${cell}\`: it is not a number`);
    assertStringIncludes(said, cure);
  }
  for (const header of ["x,y;z", "x;y,z", '"a",x;y']) {
    assertStringIncludes(saidOf(read(`${header}\n1,5;2\n`)), "Its first row holds both `,` and `;`");
  }
  assertEquals(columns('"a;b",x,y\n"1;2",3,4'), [[3], [4]]);
  // a table of semicolons that another separator cuts
  assertStringIncludes(saidOf(read("x,y\n1;2\n")), "Row 2 has 1 cell, and the header 2");
  assertStringIncludes(saidOf(read("x;y\n1,2\n")), "Row 2 has 1 cell, and the header 2");
});

Deno.test("a table whose columns another separator parts is told by its one name", () => {
  const tabs = saidOf(read("x\ty\n1\t2\n"));
  assertStringIncludes(tabs, "has no column `x`");
  assertStringIncludes(tabs, "name the file `.tsv` when tabs separate its columns");
  const commas = saidOf(read("x,y\n1,2\n", `data d from "t.tsv" { x : [_] }`));
  assertStringIncludes(commas, "name the file `.csv` when no tabs separate its columns");
});

Deno.test("a table without a row of names is told by its numbers", () => {
  const said = saidOf(read("1,2.5\n3,4\n"));
  assertStringIncludes(
    said,
    "has no column `x` | Its columns are `1`, `2.5` | write a first row that names the columns",
  );
});

Deno.test("an empty line is no row, but is counted as one; a quoted nothing is a cell", () => {
  const text = "\n\nx\n1\n\n \n3\noops\n";
  assertStringIncludes(saidOf(read(text, `data d from "t.csv" { x : [_] }`)), "Row 8, column `x` of `t.csv` is `oops`");
  const missing = `data d from "t.csv" { x : [_] missing 7 }`;
  assertEquals(entriesOf(read('x\n1\n""\n\n3', missing), "d.x"), [1, 7, 3]);
  assertEquals(entriesOf(read("x\ty\n1\t2\n\t\n", missing.replace("csv", "tsv")), "d.x"), [1, 7]);
});

const torn: readonly (readonly [why: string, text: Text, said: string])[] = [
  ["a row cut off", "x,y\n1,2\n3", "Row 3 has 1 cell, and the header 2"],
  ["a number cut off", "x,y\n1,2\n3,", "Row 3, column `y` of `t.csv` is missing"],
  ["a row that is too long", "x,y\n1,2,3\n", "Row 2 has 3 cells, and the header 2"],
  ["two rows in one", "x,y\n1,2 3,4\n", "Row 2 has 3 cells, and the header 2"],
  ["a quote that is not closed", 'x,y\n1,2\n"3,4\n', "Row 3 has a quote that is never closed"],
  ["a quote in the header that is not closed", '"x,y\n1,2\n', "Row 1 has a quote that is never closed"],
  ["a quote within a cell", 'x,y\n1,2"\n', "Row 2, cell 2: a quote stands within it"],
  ["something behind a quote", 'x,y\n"1"5,2\n', "Row 2, cell 1: something stands behind its closing quote"],
  ["a zero byte", "x,y\n1,2\n3,\x00\n", "Line 3 holds a zero byte"],
  ["a zero byte where nobody looks", "x,y,z\r1,2,3\r3,4,\x00\r", "Line 3 holds a zero byte"],
  ["UTF-16", Uint8Array.of(0xff, 0xfe, 0x78, 0, 0x0a, 0), "UTF-16"],
  ["UTF-16 without a mark", Uint8Array.of(0x78, 0, 0x2c, 0), "UTF-16"],
  ["Latin-1", Uint8Array.of(...utf8("x,y,name\n1,2,a\n3,4,"), 0xe9, 0x0a), "Line 3 is not UTF-8 text"],
  ["half a character at the end", utf8("x,y,é\n1,2,3\n1,2,é").slice(0, -1), "Line 3 is not UTF-8 text"],
  ["line ends alone", "\n\r\n\r", "has no column `x`"],
];
for (const [why, text, said] of torn) {
  Deno.test(`a table is refused: ${why}`, () => {
    const found = saidOf(read(text));
    assertStringIncludes(found, said);
    assertStringIncludes(found, "`t.csv`");
  });
}

Deno.test("parseTable() gives each cell when it is asked for, in any order", () => {
  const { header, rows, cell, number } = parseTable(utf8('a,b\n1,"2"\n\n3,x\n'), ".csv");
  assertEquals([header, rows], [["a", "b"], 2]);
  assertEquals([1, 0, 0, 1].map((i) => [cell(i, 0), cell(i, 1), cell(i, 0), number(i)]), [
    [3, "x", 3, 4],
    [1, 2, 1, 2],
    [1, 2, 1, 2],
    [3, "x", 3, 4],
  ]);
});

Deno.test("cells of random digits, points, signs and exponents are the numbers that `Number` reads", () => {
  const r = throwDice(7, 1);
  const cells = Array.from({ length: cases(2000, 200_000) }, () => {
    const digits = () => Array.from({ length: r.int(0, 12) }, () => r.int(0, 9)).join("");
    const [whole, behind] = [digits(), digits()];
    const exponent = r.chance(0.2) ? `${r.pick(["e", "E"])}${r.pick(["", "-", "+"])}${r.int(0, 30)}` : "";
    return `${r.pick(["", "-", "+"])}${whole || behind ? whole : "0"}${r.chance(0.7) ? "." : ""}${behind}${exponent}`;
  });
  const { cell } = parseTable(utf8(`x\n${cells.join("\n")}\n`), ".csv");
  cells.forEach((text, i) => assert(Object.is(cell(i, 0), Number(text)), `${text}: ${cell(i, 0)}`));
});
