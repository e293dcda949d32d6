// Are files of images read as they are: in the order of their names, channel by channel, with the numbers of their folders, and
// resized by means over area? Real files of several encoders stand in mutants/mutants.json.
import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { crc32, deflateSync } from "node:zlib";
import { byCodePoints, findFiles } from "../../../dsl/data/file_names.ts";
import { putImage } from "../../../dsl/data/pixels.ts";
import { openPng } from "../../../dsl/data/png.ts";
import { entriesOf, type Files, listOf, readData, saidOf } from "./read_data.ts";

function part(name: string, body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(body.length + 12);
  const view = new DataView(whole.buffer);
  view.setUint32(0, body.length);
  whole.set(new TextEncoder().encode(name), 4);
  whole.set(body, 8);
  view.setUint32(8 + body.length, crc32(whole.subarray(4, 8 + body.length)));
  return whole;
}

/** A PNG file of stored rows, each with filter 0. */
function png(
  { width, height, kind = 0, depth = 8, rows, more = [], packed }: {
    readonly width: number;
    readonly height: number;
    readonly kind?: number;
    readonly depth?: number;
    readonly rows: readonly (readonly number[])[];
    readonly more?: readonly Uint8Array[];
    readonly packed?: Uint8Array;
  },
): Uint8Array {
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([depth, kind], 8);
  const pixels = packed ?? deflateSync(Uint8Array.from(rows.flatMap((row) => [0, ...row])));
  const parts = [part("IHDR", header), ...more, part("IDAT", pixels), part("IEND", new Uint8Array())];
  return Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, ...parts.flatMap((each) => [...each]));
}

const grey = (...rows: readonly (readonly number[])[]) => png({ width: rows[0]!.length, height: rows.length, rows });

Deno.test("files come in the order of their names, by code points, folder by folder", () => {
  const paths = [
    "i/b/2.png",
    "i/b/10.png",
    "i/a/x.png",
    "i/a-/x.png",
    "i/\u{1f600}/x.png",
    "i/\uff5e/x.png",
    "i/Z/x.png",
  ];
  const more = ["i/.hidden/x.png", "i/a/.x.png", "i/a/x.PNG", "i/x.png", "i/a/deep/x.png", "i/b/notes.txt"];
  const found = findFiles("i/*/*.png", listOf([...paths, ...more]));
  assertEquals(found, [
    "i/Z/x.png",
    "i/a/x.png",
    "i/a-/x.png",
    "i/b/10.png",
    "i/b/2.png",
    "i/\uff5e/x.png",
    "i/\u{1f600}/x.png",
  ]);
  const points = (text: string) => [...text].map((c) => c.codePointAt(0)!);
  const names = ["", "a", "ab", "\u{1f600}", "\ue000", "\uffff", "\u{10000}", "b"];
  for (const a of names) {
    for (const b of names) {
      const [x, y] = [points(a), points(b)];
      const k = x.findIndex((p, i) => p !== y[i]);
      const order = k < 0 ? x.length - y.length : y[k] === undefined ? 1 : x[k]! - y[k]!;
      assertEquals(Math.sign(byCodePoints(a, b)), Math.sign(order), JSON.stringify([a, b]));
    }
  }
});

Deno.test("a `*` stands for a part of a name", () => {
  const list = listOf(["a1b2.png", "ab.png", "a1b.png", "b.png", "aab.png", ".a.png"]);
  const finding = (pattern: string) => findFiles(pattern, list).join(" ");
  assertEquals(finding("a*b*.png"), "a1b.png a1b2.png aab.png ab.png");
  assertEquals(finding("a*a*.png"), "aab.png");
  assertEquals(finding("*b.png"), "a1b.png aab.png ab.png b.png");
  assertEquals(finding(".*.png"), ".a.png");
  assertEquals(finding("ab*b.png"), "");
});

const folders: Files = {
  "i/one/x/1.png": grey([1, 2]),
  "i/one/y/1.png": grey([3, 4]),
  "i/two/x/1.png": grey([5, 6]),
  "i/two/x/2.png": grey([7, 8]),
};

Deno.test("labels number the names of folders at one `*`, or at several together, in the order of names", () => {
  const read = readData(
    `data d from "i/*/*/*.png" {
      image : u8 [_, 1, 2]  a : int [_] from folder 1  b : int [_] from folder 2  both : int [4] from folder 1 .. 2
    }`,
    folders,
  );
  assertEquals(entriesOf(read, "d.image"), [1, 2, 3, 4, 5, 6, 7, 8]);
  assertEquals(entriesOf(read, "d.a"), [0, 0, 1, 1]);
  assertEquals(entriesOf(read, "d.b"), [0, 1, 0, 0]);
  assertEquals(entriesOf(read, "d.both"), [0, 1, 2, 2]);
});

Deno.test("channels come one after the other; one channel is an axis where it is declared", () => {
  const colours = png({ width: 2, height: 1, kind: 2, rows: [[1, 2, 3, 4, 5, 6]] });
  const read = readData('data d from "a.png" { x : u8 [_, 3, 1, 2] }', { "a.png": colours });
  assertEquals(entriesOf(read, "d.x"), [1, 4, 2, 5, 3, 6]);
  for (const type of ["u8 [_, 1, 2]", "u8 [1, 1, 1, 2]", "int [_, 1, 2]", "[_, 1, 2]"]) {
    assertEquals(entriesOf(readData(`data d from "a.png" { x : ${type} }`, { "a.png": grey([9, 255]) }), "d.x"), [
      9,
      255,
    ]);
  }
  assertStringIncludes(
    saidOf(readData('data d from "a.png" { x : u8 [_, 1, 2] }', { "a.png": colours })),
    "the file holds [1, 3, 1, 2] | write `[_, 3, 1, 2]`",
  );
});

Deno.test("of 1, 2 and 4 bits, greys go from 0 to 255, and the one that is seen through is told before", () => {
  const read = (bytes: Uint8Array) => [...openPng(bytes).pixels()];
  assertEquals(read(png({ width: 3, height: 1, depth: 1, rows: [[0b10100000]] })), [255, 0, 255]);
  assertEquals(read(png({ width: 4, height: 1, depth: 2, rows: [[0b00011011]] })), [0, 85, 170, 255]);
  assertEquals(read(png({ width: 3, height: 1, depth: 4, rows: [[0x0f, 0x30]] })), [0, 255, 51]);
  const clear = part("tRNS", Uint8Array.of(0, 2));
  assertEquals(
    read(png({ width: 2, height: 1, depth: 2, rows: [[0b10010000]], more: [clear] })),
    [170, 170, 170, 0, 85, 85, 85, 255],
  );
});

Deno.test("images that are not read are refused by their headers, before they are unpacked", () => {
  const said = (bytes: Uint8Array, limits = {}) =>
    saidOf(readData('data d from "a.png" { x : u8 [_, _, _] }', { "a.png": bytes }, limits));
  const large = png({ width: 60_000, height: 60_000, rows: [[1]] });
  assertStringIncludes(said(large), "Its header promises 60000 × 60000 pixels, more than its");
  // as many pixels as its bytes could hold, and a limit
  const packed = deflateSync(new Uint8Array(1001 * 1000));
  const black = png({ width: 1000, height: 1000, rows: [], packed });
  assertEquals(said(black), "");
  assertStringIncludes(
    said(black, { data: 999_999 }),
    "its 1000 × 1000 pixels take 1000000 bytes".replace("its", "Its"),
  );
  assertStringIncludes(said(black, { data: 800 }), "`a.png` is too large");
  const two = { "i/1.png": black, "i/2.png": black };
  const both = saidOf(readData('data d from "i/*.png" { x : u8 [_, _, _] }', two, { data: 1_999_999 }));
  assertStringIncludes(both, "2 images of 1000 × 1000 pixels the data of the program take 2000000 bytes");
  // more than the header promises
  assertStringIncludes(said(png({ width: 10, height: 10, rows: [], packed })), "It holds more than the 110 bytes");
  const deep = png({ width: 1, height: 1, depth: 16, rows: [[1, 2]] });
  assertStringIncludes(said(deep), "Its numbers have 16 bits");
});

Deno.test("the first file that differs from those before it is named", () => {
  const said = (files: Files, type = "u8 [_, 1, 2]") =>
    saidOf(readData(`data d from "i/*.png" { x : ${type} }`, files));
  const [a, b] = [grey([1, 2]), grey([3, 4])];
  assertStringIncludes(
    said({ "i/1.png": a, "i/2.png": b, "i/3.png": grey([1]), "i/4.png": grey([1, 2, 3]) }),
    "`i/3.png` has 1 × 1",
  );
  const colours = png({ width: 2, height: 1, kind: 2, rows: [[1, 2, 3, 4, 5, 6]] });
  assertStringIncludes(
    said({ "i/1.png": a, "i/2.png": colours }),
    "`i/2.png` has 3 channels (colours), and those before it have 1",
  );
  assertStringIncludes(said({ "i/1.png": a, "i/2.png": colours }, "u8 [_, 1, 2] resized"), "`i/2.png` has 3 channels");
  assertStringIncludes(said({ "i/1.png": a, "i/2.png": new Uint8Array() }), "`i/2.png` is empty");
});

Deno.test("what is resized has the mean over its share of the area, halves rounded upwards", () => {
  // a loop over the smallest parts that both grids have
  const naive = (pixels: readonly number[], [h, w]: readonly [number, number], [H, W]: readonly [number, number]) =>
    Array.from({ length: H * W }, (_, k) => {
      const [i, j] = [Math.floor(k / W), k % W];
      let sum = 0;
      for (let y = i * h; y < (i + 1) * h; y++) {
        for (let x = j * w; x < (j + 1) * w; x++) sum += pixels[Math.floor(y / H) * w + Math.floor(x / W)]!;
      }
      return Math.floor(sum / (h * w) + 0.5);
    });
  let seed = 1;
  const dice = () => (seed = seed * 48271 % 2147483647) % 256;
  for (const from of [[1, 1], [2, 3], [5, 4], [7, 9], [8, 8]] as const) {
    for (const to of [[1, 1], [2, 2], [3, 5], [4, 4], [8, 9]] as const) {
      const size = { height: to[0], width: to[1] };
      const pixels = Array.from({ length: from[0] * from[1] }, dice);
      const into = new Uint8Array(to[0] * to[1]);
      const image = { height: from[0], width: from[1], channels: 1, pixels: () => Uint8Array.from(pixels) };
      putImage(into, 0, image, { ...size, channels: 1 });
      assertEquals([...into], naive(pixels, from, to), `${from} to ${to}`);
      // each channel by itself
      const three = pixels.flatMap((p) => [p, 255 - p, 7]);
      const wide = new Uint8Array(3 * into.length);
      putImage(wide, 0, { ...image, channels: 3, pixels: () => Uint8Array.from(three) }, { ...size, channels: 3 });
      const planes = [0, 1, 2].flatMap((c) => naive(three.filter((_, i) => i % 3 === c), from, to));
      assertEquals([...wide], planes);
    }
  }
});

Deno.test("patterns of many levels and of none are no mistake, and others are said", () => {
  const said = (text: string) => saidOf(readData(text, { "a.png": grey([1]) }));
  assertEquals(said('data d from "a.png" { x : u8 [_, 1, 1] }'), "");
  assertEquals(said('data d { x : u8 [_, 1, 1] from file "a.png" }'), "");
  for (
    const [text, says] of [
      ['data d from "**/a.png" { x : u8 [_, 1, 1] }', "is no pattern of files"],
      ['data d from "?.png" { x : u8 [_, 1, 1] }', "is no pattern of files"],
      ['data d from "b.png" { x : u8 [_, 1, 1] }', "There is no file `b.png`"],
      ['data d from "../a.png" { x : u8 [_, 1, 1] }', "lies outside the program's folder"],
      ['data d from "a.png" { x : u8 [_, 1, 1] from "x" }', "An image has neither columns"],
      ['data d from "a.png" { x : u8 [_, 1, 1]  y : int [_] from folder 1 }', "No folder of `a.png` has a `*`"],
      ['data d from "a.png" { x : u8 [_, 1, 1]  y : int [_] from folder 1 resized }', "Only images are resized"],
      ['data d { x : u8 [_, 1, 1] from file "a.png"  y : int [_] from folder 1 }', "which only files of images have"],
      ["data d { x : u8 [1, 1, 1] = [[[1]]] resized }", "nothing is read for it"],
      ["data d { x : u8 [1, 1, 1] resized }", "Only images are resized"],
      ['data d from "a.gif" { x : u8 [_, 1, 1] }', "is not read as data"],
      ['data d from "a.png.gz" { x : u8 [_, 1, 1] }', "is not read as data"],
    ] as const
  ) assertStringIncludes(said(text), says, text);
  const none = said('data d from "*.PNG" { x : u8 [_, 1, 1] }');
  assertStringIncludes(none, "There is no file `*.PNG`");
  const wrong = saidOf(
    readData('data d from "i/*/*/*.png" { x : u8 [_, 1, 2]  y : int [_] from folder 2 .. 1 }', folders),
  );
  assertStringIncludes(wrong, "Folder 1 comes before 2");
});

Deno.test("a number that stands for a folder is led to its name", () => {
  const names = Array.from({ length: 300 }, (_, i) => `i/${String(i).padStart(3, "0")}/1.png`);
  const files = Object.fromEntries(names.map((name) => [name, grey([1])]));
  const said = saidOf(readData('data d from "i/*/*.png" { x : u8 [_, 1, 1]  y : u8 [_] from folder 1 }', files));
  assertStringIncludes(said, "`256`, the folder of `i/256/1.png`");
});

Deno.test("the header of a PNG file says what there can be", () => {
  for (const [kind, depth] of [[0, 3], [1, 8], [2, 4], [3, 16], [4, 4], [5, 8], [7, 8]] as const) {
    assertThrows(
      () => openPng(png({ width: 1, height: 1, kind, depth, rows: [[0]] })),
      SyntaxError,
      `colour type ${kind}`,
    );
  }
  assertThrows(() => openPng(png({ width: 0, height: 1, rows: [[]] })), SyntaxError, "0 × 1 pixels");
  assertThrows(
    () => openPng(png({ width: 1, height: 1, kind: 3, rows: [[0]] })),
    SyntaxError,
    "its palette is missing",
  );
  assert(openPng(grey([1])).channels === 1);
});
