// Are JPEG files read once their package is loaded, and refused by name before? Real files of Pillow stand in mutants/mutants.json.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import jpeg from "npm:jpeg-js@0.4.4";
import { loadJpegReader } from "../../../mod.ts";
import { readData, saidAroundLoading, saidOf } from "./read_data.ts";

/** A JPEG file of one colour. */
function plain(width: number, height: number, [r, g, b]: readonly [number, number, number]): Uint8Array {
  const data = Uint8Array.from({ length: 4 * width * height }, (_, i) => [r, g, b, 255][i % 4]!);
  return new Uint8Array(jpeg.encode({ width, height, data }, 100).data);
}

await loadJpegReader();

const said = (bytes: Uint8Array) => saidOf(readData('data d from "a.jpg" { x : u8 [_, 3, _, _] }', { "a.jpg": bytes }));

Deno.test("without the package an error says how it is loaded; loading it changes nothing else", async () => {
  const [before, after] = await saidAroundLoading("loadJpegReader", {
    program: 'edition 1\ndata d from "i/*.JPEG" { x : u8 [_, 3, 8, 8] }\nparam w = 0.5\ngradient w * sum(d.x) wrt w',
    bytes: plain(8, 8, [9, 99, 199]),
    files: ["a.JPEG"],
  });
  assertEquals(before.length, 1);
  assertStringIncludes(before[0]!, "M0601 | Images `*.jpeg` are read by a package that is not loaded yet");
  assertStringIncludes(before[0]!, "`await loadJpegReader()`");
  assertEquals(after, []);
});

Deno.test("colours come channel by channel, of half as many too, and may be resized", () => {
  const files = { "i/1.jpg": plain(17, 9, [200, 100, 50]), "i/2.jpg": plain(8, 8, [10, 20, 30]) };
  const read = readData('data d from "i/*.jpg" { x : u8 [_, 3, 2, 2] resized }', files);
  const wanted = [200, 100, 50, 10, 20, 30].flatMap((colour) => Array(4).fill(colour));
  // of one colour nothing is lost but what is rounded
  read.arrays.get("d.x")!.data.forEach((x, i) => assert(Math.abs(Number(x) - wanted[i]) <= 2, `${i}: ${x}`));
});

Deno.test("what cannot be read as it is meant is refused by name", () => {
  const whole = plain(8, 8, [1, 2, 3]);
  assertEquals(said(whole), "");
  const frame = whole.findIndex((byte, i) => byte === 0xff && whole[i + 1] === 0xc0);
  const changed = (...edits: readonly (readonly [number, number])[]) => {
    const bytes = whole.slice();
    for (const [at, byte] of edits) bytes[frame + at] = byte;
    return said(bytes);
  };
  assertStringIncludes(changed([1, 0xc9]), "It is packed by arithmetic coding");
  assertStringIncludes(changed([1, 0xc3]), "It is packed without loss");
  assertStringIncludes(changed([4, 12]), "Its numbers have 12 bits");
  assertStringIncludes(changed([5, 0xff], [7, 0xff]), "Its header promises 65288 × 65288 pixels, more than its");
  assertStringIncludes(changed([5, 0], [6, 0]), "Its header says 8 × 0 pixels");
  assertStringIncludes(said(whole.subarray(0, -2)), "It is cut off");
  assertStringIncludes(said(whole.subarray(0, frame)), "It is cut off");
  // four channels, as they are in print
  const four = [
    ...whole.subarray(0, frame),
    0xff,
    0xc0,
    0,
    20,
    8,
    0,
    8,
    0,
    8,
    4,
    ...[1, 2, 3, 4].flatMap((c) => [c, 0x11, 0]),
  ];
  assertStringIncludes(
    said(Uint8Array.of(...four, ...whole.subarray(frame + 19))),
    "Its colours are those of print (CMYK)",
  );
});
