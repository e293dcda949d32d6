import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Buffer } from "node:buffer";
import { crc32, deflateRawSync } from "node:zlib";
import { mostHeaderBytes, npyEntries, readNpyHeader } from "../../../dsl/data/npy.ts";
import { openArchive } from "../../../dsl/data/npz.ts";
import { entriesOf, readData, saidOf } from "./read_data.ts";
import { some } from "../../thorough.ts";
import { joined } from "../../joined.ts";

const fixture = (name: string) => Deno.readFileSync(new URL(`arrays/${name}`, import.meta.url));

/** A .npy file of float64. */
function npy(shape: readonly number[], entries: Float64Array): Uint8Array {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const header = `{'descr': '<f8', 'fortran_order': False, 'shape': (${sizes}), }`.padEnd(117) + "\n";
  const start = Uint8Array.of(0x93, ...new TextEncoder().encode("NUMPY"), 1, 0, 118, 0);
  return joined([start, new TextEncoder().encode(header), new Uint8Array(entries.buffer)]);
}

/** What stands in both places about a file of an archive. */
interface Facts {
  readonly name: string;
  readonly version: number;
  readonly flags: number;
  readonly method: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
}

interface Part extends Partial<Facts> {
  readonly name: string;
  readonly content: Uint8Array;
  /** What the directory says else than what stands before the file. */
  readonly directory?: Partial<Facts>;
}

/** An archive whose parts say of themselves what they are told to. */
function archive(parts: readonly Part[], tail: { readonly files?: number; readonly disk?: number } = {}): Uint8Array {
  const number = (bytes: 2 | 4, n: number) => {
    const field = new Uint8Array(4);
    new DataView(field.buffer).setUint32(0, n, true);
    return field.subarray(0, bytes);
  };
  const told = (f: Facts) => [
    ...[f.version, f.flags, f.method, 0, 0].map((n) => number(2, n)),
    ...[f.crc, f.packed, f.size].map((n) => number(4, n)),
    ...[f.name.length, 0].map((n) => number(2, n)),
  ];
  const text = (name: string) => new TextEncoder().encode(name);
  const [files, directory]: [Uint8Array[], Uint8Array[]] = [[], []];
  let at = 0;
  for (const { content, directory: other, ...says } of parts) {
    const method = says.method ?? 8;
    const bytes = method === 8 ? new Uint8Array(deflateRawSync(content)) : content;
    const facts = {
      ...{ version: 20, flags: 0, method, crc: crc32(content), packed: bytes.length, size: content.length },
      ...says,
    };
    const file = joined([number(4, 0x04034b50), ...told(facts), text(facts.name), bytes]);
    const listed = { ...facts, ...other };
    const rest = [number(2, 0), number(2, 0), number(2, 0), number(4, 0), number(4, at)];
    directory.push(joined([number(4, 0x02014b50), number(2, 20), ...told(listed), ...rest, text(listed.name)]));
    files.push(file);
    at += file.length;
  }
  const { files: count = parts.length, disk = 0 } = tail;
  const size = directory.reduce((n, part) => n + part.length, 0);
  const counts = [disk, disk, count, count].map((n) => number(2, n));
  const end = joined([number(4, 0x06054b50), ...counts, number(4, size), number(4, at), number(2, 0)]);
  return joined([...files, ...directory, end]);
}

const three = npy([3], Float64Array.of(1, 2, 3));
const x = { name: "x.npy", content: three };
const read = (bytes: Uint8Array, item = `data d from "a.npz" { x : [_] }`) => readData(item, { "a.npz": bytes });

Deno.test("archives as Python's zipfile writes them: to what can be sought in and what cannot, of 32 and of 64 bits", () => {
  const item = `data d from "a.npz" { x : [_, 3]  labels : int [_] }`;
  for (const pack of ["stored", "deflated"]) {
    for (const numbers of ["narrow", "wide"]) {
      const files = { "a.npz": fixture(`streamed_${pack}_${numbers}.npz`) };
      assertEquals(entriesOf(readData(item, files), "d.x"), [0, 0.5, 1, 1.5, 2, 2.5]);
      assertEquals(entriesOf(readData(item, files), "d.labels"), [1, 0]);
    }
  }
  assertEquals(entriesOf(readData(item, { "a.npz": fixture("wide.npz") }), "d.labels"), [1, 0]);
  assertStringIncludes(saidOf(readData(item, { "a.npz": fixture("bzip2.npz") })), "It is packed by method 12");
});

Deno.test("what stands behind a file that was written as it came must agree, too", () => {
  for (const name of ["streamed_stored_narrow.npz", "streamed_deflated_wide.npz"]) {
    const bytes = fixture(name);
    const mark = bytes.findIndex((_, i) => [0x50, 0x4b, 7, 8].every((byte, k) => bytes[i + k] === byte));
    for (let k = 0; k < 12; k++) {
      const changed = bytes.slice();
      changed[mark + 4 + k]! ^= 1;
      assertStringIncludes(saidOf(read(changed, `data d from "a.npz" { x : [_, 3] }`)), "says something else");
    }
  }
});

Deno.test("an archive as these tests write it is read", () => {
  assertEquals(entriesOf(read(archive([x])), "d.x"), [1, 2, 3]);
  assertEquals(entriesOf(read(archive([{ ...x, method: 0 }])), "d.x"), [1, 2, 3]);
});

/** The entries of an array, without a program. Throws what reading it throws. */
function entriesIn(bytes: Uint8Array, name: string): (number | string)[] {
  const file = openArchive(bytes).get(`${name}.npy`);
  if (!file) throw new SyntaxError(`no ${name}`);
  const header = readNpyHeader(file.begin(mostHeaderBytes), file.size);
  const { at: entry } = npyEntries(header, file.unpack());
  return Array.from({ length: header.shape.reduce((n, size) => n * size, 1) }, (_, i) => entry(i));
}

Deno.test("a bit that is flipped anywhere in an archive changes no number", () => {
  for (const name of ["packed.npz", "streamed_stored_narrow.npz", "streamed_deflated_wide.npz", "wide.npz"]) {
    const whole = fixture(name);
    let refused = 0;
    const bits = some(Array.from({ length: 8 * whole.length }, (_, i) => i), 1000);
    for (const bit of bits) {
      const bytes = whole.slice();
      bytes[bit >> 3]! ^= 1 << (bit & 7);
      try {
        assertEquals(entriesIn(bytes, "x"), [0, 0.5, 1, 1.5, 2, 2.5]);
        assertEquals(entriesIn(bytes, "labels"), [1, 0]);
      } catch (error) {
        if (!(error instanceof SyntaxError)) throw error;
        refused++;
      }
    }
    // what is not refused: times, systems, permissions, and the third array of `packed.npz`
    assert(refused > 0.6 * bits.length, `${refused} of ${bits.length}`);
  }
});

const big = npy([3], new Float64Array(3e6));
const wrongs: readonly (readonly [why: string, bytes: Uint8Array, said: string])[] = [
  ["a name twice", archive([x, { ...x, content: npy([1], Float64Array.of(7)) }]), "it holds two files `x.npy`"],
  ["another checksum", archive([{ ...x, crc: 1 }]), "its checksum is "],
  ["another checksum in the directory", archive([{ ...x, directory: { crc: 1 } }]), "says something else"],
  [
    "another name in the directory",
    archive([{ ...x, name: "y.npy", directory: { name: "x.npy" } }]),
    "says something else",
  ],
  [
    "another method in the directory",
    archive([{ ...x, directory: { method: 0, packed: 152 } }]),
    "says something else",
  ],
  ["sizes stored that differ", archive([{ ...x, method: 0, size: 100 }]), "says something else"],
  [
    "more than is promised",
    archive([{ ...x, size: 130 }]),
    "it holds more than the 130 bytes that the archive promises",
  ],
  ["less than is promised", archive([{ ...x, size: 160 }]), "it holds 152 bytes, and the archive promises 160"],
  ["more than can be packed", archive([{ ...x, size: 2 ** 31 }]), "the archive promises 2147483648 bytes of it"],
  ["it is encrypted", archive([{ ...x, flags: 1 }]), "it is encrypted"],
  ["a patch of another file", archive([{ ...x, flags: 0x20 }]), "in a way that is not known"],
  ["a version from the future", archive([{ ...x, version: 90 }]), "of version 9 of the format"],
  ["one disk of several", archive([x], { disk: 1 }), "one part of an archive of several"],
  ["fewer files than are listed", archive([x], { files: 0 }), "does not list all that it holds"],
  ["more files than are listed", archive([x], { files: 2 }), "its directory is torn"],
  ["something behind it", joined([archive([x]), Uint8Array.of(0)]), "its end is missing"],
  ["something before it", joined([Uint8Array.of(0), archive([x])]), "does not stand where its end says"],
  [
    "a part packed again",
    archive([{ ...x, content: three.slice(0, 140) }]),
    "its header promises 24 bytes of entries, and it holds 12",
  ],
  [
    "much more than its header says",
    archive([{ name: "x.npy", content: big, crc: 1 }]),
    "its header promises 24 bytes",
  ],
];
for (const [why, bytes, said] of wrongs) {
  Deno.test(`an archive is refused: ${why}`, () => {
    const found = saidOf(read(bytes));
    assertStringIncludes(found.toLowerCase(), said.toLowerCase());
    assertStringIncludes(found, "M0601");
    assertStringIncludes(found, "`a.npz`");
  });
}

Deno.test("an array that nobody asks for is neither unpacked nor compared", () => {
  const others = [
    { name: "big.npy", content: three, size: 0xffff_0000 },
    { name: "changed.npy", content: three, crc: 1 },
    { name: "secret.npy", content: three, flags: 1 },
  ];
  for (const parts of [[x, ...others], [...others, x]]) {
    assertEquals(entriesOf(read(archive(parts)), "d.x"), [1, 2, 3]);
    assertEquals([...openArchive(archive(parts)).values()].map((f) => f.size).toSorted(), [152, 152, 152, 0xffff_0000]);
  }
});

Deno.test("an array is held against its declaration before it is unpacked", () => {
  // its checksum is wrong: were it unpacked, that would be said
  const zeros = { name: "x.npy", content: npy([8e6 + 1], new Float64Array(8e6 + 1)), crc: 1 };
  const bytes = archive([zeros]);
  assert(bytes.length < 1e5);
  assertStringIncludes(
    saidOf(read(bytes, `data d from "a.npz" { x : [3] }`)),
    "is declared as [3], the file holds [8000001]",
  );
  const said = saidOf(read(bytes));
  assertStringIncludes(said, "M0310");
  assertStringIncludes(said, "`x` in `a.npz` takes 62.3 kB, and 64 MB unpacked");
  assertStringIncludes(said, "write `[8000001]` for its sizes");
  assertStringIncludes(saidOf(read(bytes, `data d from "a.npz" { x : [8000001] }`)), "Its checksum is ");
  // at the limit
  const fewer = { name: "x.npy", content: npy([8e6 - 16], new Float64Array(8e6 - 16)) };
  assertEquals(fewer.content.length, 64e6);
  assertEquals(read(archive([fewer])).diagnostics, []);
});

Deno.test("what is unpacked counts among the bytes that a program may read", () => {
  const bytes = archive([x, { ...x, name: "y.npy" }]);
  const item = `data d from "a.npz" { x : [_]  y : [_] }`;
  const most = bytes.length + 2 * three.length;
  assertEquals(readData(item, { "a.npz": bytes }, { data: most }).diagnostics, []);
  const said = saidOf(readData(item, { "a.npz": bytes }, { data: most - 1 }));
  assertStringIncludes(
    said,
    `M0310 | With \`y\` in \`a.npz\` unpacked the data of the program take ${most} bytes, and ${most - 1} are allowed`,
  );
});

Deno.test("arrays that are packed are what they are unpacked: of any byte order, at any place", () => {
  for (const name of ["big_f8", "big_i8", "big_u2", "little_f8", "little_f4", "fortran"]) {
    const content = fixture(`${name}.npy`);
    const header = readNpyHeader(content, content.length);
    const { at: plain } = npyEntries(header, content);
    const expected = Array.from({ length: header.shape.reduce((n, size) => n * size, 1) }, (_, i) => plain(i));
    for (const method of [0, 8]) {
      // a name more, so that what follows lies at another place
      for (const before of ["a", "ab", "abc", "abcd"]) {
        const bytes = archive([{ name: before, content: fixture("u1.npy"), method }, {
          name: "x.npy",
          content,
          method,
        }]);
        assertEquals(entriesIn(bytes, "x"), expected, `${name} by method ${method}`);
        // what Node reads is a part of a larger buffer, and its `slice` copies nothing
        assertEquals(entriesIn(Buffer.from(bytes), "x"), expected);
      }
    }
  }
});
