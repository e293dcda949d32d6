// Does what a page has not come to the same without it? Sums, unpacking and texts of bytes beside those of Node, and files of Node beside
// those of Deno.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { Buffer } from "node:buffer";
import * as fs from "node:fs";
import * as zlib from "node:zlib";
import { crc32Here, inflate, inflateZlib, inflateZlibHere } from "../../dsl/data/inflate.ts";
import { inflateHere, TooMuch } from "../../dsl/data/inflate_here.ts";
import { fromBase64Here, toBase64, toBase64Here } from "../../runtime/base64.ts";
import { filesOfNode, type FileSystem, saysThat } from "../../runtime/record/file_system.ts";
import { sha256Here, sha256Of } from "../../runtime/sha256.ts";
import { throwDice } from "../random/dice.ts";
import { cases } from "../thorough.ts";

const dice = throwDice(20261130);
const bytes = (length: number, values = 256) => Uint8Array.from({ length }, () => dice.int(0, values - 1));

Deno.test("SHA-256 is that of FIPS 180-4, for every length around those of blocks", () => {
  const known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  assertEquals([sha256Here(["abc"]), sha256Of(["a", new Uint8Array([98, 99])])], [known, known]);
  for (let length = 0; length <= 200; length++) {
    const all = bytes(length);
    const cut = dice.int(0, length);
    const parts = [all.subarray(0, cut), "ü…", all.subarray(cut)];
    assertEquals(sha256Here(parts), sha256Of(parts), `${length}`);
  }
});

Deno.test("base64 without a Buffer is the same text, and comes back", () => {
  for (const length of [0, 1, 2, 3, 4, 100, 3 * 2 ** 13 - 1, 3 * 2 ** 13, 3 * 2 ** 13 + 1, 60_000]) {
    const all = bytes(length);
    const text = toBase64Here(all);
    assertEquals([text, text], [Buffer.from(all).toString("base64"), toBase64(all)]);
    assertEquals(Buffer.compare(fromBase64Here(text), all), 0);
  }
  assertEquals(fromBase64Here("no such text!").length, 0);
});

/** What was packed in every way that there is: stored, with fixed and with described codes, in one block and in many. */
function packings(): { readonly whole: Uint8Array; readonly packed: Uint8Array; readonly form: Uint8Array }[] {
  const { Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE, Z_DEFAULT_STRATEGY } = zlib.constants;
  const texts = [
    bytes(0),
    bytes(1),
    bytes(3000),
    bytes(3000, 3),
    new Uint8Array(5000),
    new TextEncoder().encode("a meta-step, ".repeat(300)),
    bytes(70_000, 30),
  ];
  return texts.flatMap((whole) =>
    [0, 1, 9].flatMap((level) =>
      [Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE, Z_DEFAULT_STRATEGY].map((strategy) => ({
        whole,
        packed: zlib.deflateRawSync(whole, { level, strategy }),
        form: zlib.deflateSync(whole, { level, strategy }),
      }))
    )
  );
}

const here = (packed: Uint8Array, most: number) => inflateHere(packed, most);
const asText = (task: () => Uint8Array) => {
  try {
    return Buffer.from(task()).toString("base64");
  } catch (error) {
    return (error as Error).message.replace(/\(.*\)/, "");
  }
};

Deno.test("what was deflated is unpacked without zlib to the same, and no further than is promised", () => {
  for (const { whole, packed, form } of packings()) {
    const size = whole.length;
    const { made, taken, ended } = inflateHere(packed, size);
    assertEquals([Buffer.compare(made, whole), taken, ended], [0, packed.length, true]);
    assertEquals(Buffer.compare(inflateZlibHere(form, size), whole), 0);
    assertEquals(crc32Here(whole), zlib.crc32(whole));
    if (size > 0) assertThrows(() => inflateHere(packed, size - 1), TooMuch);
  }
});

Deno.test("what is torn is refused, or read as far as it goes, as zlib does", () => {
  const torn = packings().filter(({ whole }) => whole.length > 0 && whole.length <= 5000);
  let refused = 0;
  for (let k = 0; k < cases(300, 5_000); k++) {
    const { whole, packed, form } = torn[k % torn.length]!;
    const cut = packed.slice(0, k % 2 === 0 ? dice.int(0, packed.length) : packed.length);
    if (cut.length > 0 && k % 3 > 0) cut[dice.int(0, cut.length - 1)]! ^= 1 << dice.int(0, 7);
    const promised = { size: 2 * whole.length, whole: true, promises: "somebody promises" };
    const [own, theirs] = [here, undefined].map((by) => asText(() => inflate(cut, promised, by)));
    // zlib looks ahead by a block of output: what is both too long and wrong further on may be told by either
    const eitherWay = [own, theirs].some((text) => text!.startsWith("it holds more")) && theirs!.startsWith("it ");
    if (!eitherWay) assertEquals(own, theirs, `case ${k}`);
    else assert(own!.startsWith("it "), `case ${k}`);
    if (own!.startsWith("it ")) refused++;
    // what begins as a block with codes of its own, and goes on by chance
    const noise = bytes(60);
    noise[0] = noise[0]! & ~7 | 5;
    const read = [here, undefined].map((by) => asText(() => inflate(noise, { ...promised, size: 1e6 }, by)));
    assertEquals(read[0], read[1], `noise ${k}`);
    // an intact beginning is read to where it is cut off
    if (k % 3 === 0) {
      const part = inflateHere(cut, whole.length).made;
      assertEquals(Buffer.compare(part, whole.subarray(0, part.length)), 0);
    }
    const changed = form.slice();
    changed[dice.int(0, changed.length - 1)]! ^= 1 << dice.int(0, 7);
    const said = [inflateZlibHere, inflateZlib].map((by) => asText(() => by(changed, 2 * whole.length)));
    assertEquals(
      said[0] === Buffer.from(whole).toString("base64"),
      said[1] === Buffer.from(whole).toString("base64"),
      `case ${k}`,
    );
  }
  assert(refused > 100, `${refused} were refused`);
});

/** What is said of a task: what it gives, or why it fails. */
function outcome(task: () => unknown): unknown {
  try {
    return task();
  } catch (error) {
    const kinds = ["NotFound", "AlreadyExists", "NotADirectory", "IsADirectory", "PermissionDenied"] as const;
    return kinds.filter((kind) => saysThat(error, kind)).join() || String(error);
  }
}

/** Goes through every operation in a folder. */
function everyOperation(system: FileSystem): unknown[] {
  const folder = Deno.makeTempDirSync();
  const at = (name: string) => `${folder}/${name}`;
  const facts = (path: string) => {
    const { isFile, isDirectory, isFifo, size, nlink } = system.statSync(path);
    return [isFile, isDirectory, isFifo, isFile && size, isFile && nlink];
  };
  try {
    Deno.symlinkSync("deep", at("link"));
    return [
      () => system.mkdirSync(at("deep/er"), { recursive: false }),
      () => system.mkdirSync(at("deep/er"), { recursive: true }),
      () => system.mkdirSync(at("deep"), { recursive: false }),
      () => system.openSync(at("a"), { append: true }),
      () => system.openSync(at("none/a"), { append: true, createNew: true }),
      () => {
        const file = system.openSync(at("a"), { append: true, createNew: true });
        const said = [file.writeSync(new TextEncoder().encode("grün")), file.syncSync(), file.statSync().size];
        file.truncateSync(2);
        return [said, file.writeSync(Uint8Array.of(33)), file.tryLockSync(true), file.close()];
      },
      () => system.openSync(at("a"), { append: true, createNew: true }),
      () => facts(at("a")),
      () => system.readTextFileSync(at("a")),
      () => [...system.readFileSync(at("a"))],
      () => {
        const file = system.openSync(at("a"), { read: true });
        const into = new Uint8Array(2);
        const said = [file.readSync(into), [...into], file.readSync(into), file.readSync(into)];
        file.close();
        return said;
      },
      () => facts(folder),
      () => facts(at("none")),
      () => facts(at("a/b")),
      () => system.readFileSync(at("deep")),
      () => system.readTextFileSync(at("none")),
      () => system.renameSync(at("a"), at("b")),
      () =>
        [...system.readDirSync(folder)].sort((x, y) => x.name < y.name ? -1 : 1)
          .map(({ name, isFile, isDirectory, isSymlink }) => [name, isFile, isDirectory, isSymlink]),
      () => [...system.readDirSync(at("none"))],
      () => [...system.readDirSync(at("b"))],
      () => system.realPathSync(at("link/er")).slice(Deno.realPathSync(folder).length),
      () => system.realPathSync(at("none")),
      () => system.removeSync(at("link")),
      () => system.removeSync(at("deep/er")),
      () => system.removeSync(at("b")),
      () => system.removeSync(at("b")),
      () => facts(at("deep")),
    ].map(outcome);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.test("Node's files answer as Deno's do, operation by operation", () => {
  const said = everyOperation(filesOfNode(fs));
  assertEquals(said, everyOperation(Deno));
  assertEquals(said.filter((each) => each === "NotFound").length, 8);
});
