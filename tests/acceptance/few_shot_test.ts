// Does few-shot classification run as it is written: scripts split whole, episodes of classes of unseen ones, an early stop? On drawings
// that are made here, with fewer steps and filters.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { crc32 } from "node:zlib";
import { compileProgram } from "../../dsl/compile.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import type { HostArray } from "../../runtime/ir/types.ts";
import { encodeNpy } from "../../runtime/record/npy.ts";
import { throwDice } from "../random/dice.ts";
import { wasm } from "../random/runs.ts";

const [scripts, letters, drawings, pixels] = [10, 6, 17, 28 * 28];
const rows = scripts * letters * drawings;

/** Each letter is a bar at a place and of a width of its own; drawings differ by noise. */
function drawn(): Readonly<Record<string, HostArray>> {
  const dice = throwDice(1, 1);
  const image = new Uint8Array(rows * pixels);
  const [character, script] = [new Int32Array(rows), new Int32Array(rows)];
  for (let row = 0; row < rows; row++) {
    const letter = Math.floor(row / drawings);
    [character[row], script[row]] = [letter, Math.floor(letter / letters)];
    for (let p = 0; p < pixels; p++) {
      const inside = Math.abs(p % 28 - (letter * 7) % 28) <= letter % 3;
      image[row * pixels + p] = (inside ? 200 : 20) + dice.int(0, 40);
    }
  }
  return {
    image: { dtype: "u8", shape: [rows, 1, 28, 28], data: image },
    character: { dtype: "i32", shape: [rows], data: character },
    script: { dtype: "i32", shape: [rows], data: script },
  };
}

/** A stored archive. */
function archive(arrays: Readonly<Record<string, HostArray>>): Uint8Array {
  const central: number[] = [];
  const number = (size: number, n: number) => Array.from({ length: size }, (_, i) => Math.floor(n / 256 ** i) % 256);
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [name, array] of Object.entries(arrays)) {
    const file = new TextEncoder().encode(`${name}.npy`);
    const pieces = encodeNpy(array);
    const content = new Uint8Array(pieces.reduce((n, piece) => n + piece.length, 0));
    pieces.reduce((to, piece) => (content.set(piece, to), to + piece.length), 0);
    const facts = [
      ...[20, 0, 0, 0, 0].flatMap((n) => number(2, n)),
      ...[crc32(content), content.length, content.length].flatMap((n) => number(4, n)),
      ...[file.length, 0].flatMap((n) => number(2, n)),
    ];
    const head = Uint8Array.from([...number(4, 0x04034b50), ...facts, ...file]);
    central.push(...number(4, 0x02014b50), ...number(2, 20), ...facts, ...number(2 + 2 + 2 + 4, 0), ...number(4, at));
    central.push(...file);
    parts.push(head, content);
    at += head.length + content.length;
  }
  const n = Object.keys(arrays).length;
  const end = [...number(4, 0x06054b50), ...number(4, 0), ...number(2, n), ...number(2, n)];
  parts.push(
    Uint8Array.from([...central, ...end, ...number(4, central.length), ...number(4, at), ...number(2, 0)]),
  );
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  parts.reduce((to, part) => (whole.set(part, to), to + part.length), 0);
  return whole;
}

const glyphs = archive(drawn());
const text = Deno.readTextFileSync(new URL("../programs/next/few_shot.meta", import.meta.url));

function compiled(text: string) {
  const out = compileProgram({
    root: { name: "few_shot.meta", text },
    readSource: () => undefined,
    readData: (path) => path === "glyphs.npz" ? glyphs : undefined,
  });
  assertEquals(out.diagnostics.map((d) => d.title), []);
  return out;
}

Deno.test("few_shot.meta compiles as it is, and explain says what its tasks draw", () => {
  assertStringIncludes(
    compiled(text).describe(),
    `  episode(unseen):
    5 of the 12 classes of unseen.character, which have 17 rows each
    support: 1 row of each
    query: 15 rows of each`,
  );
});

Deno.test("few_shot.meta with fewer steps and filters runs, and reports each step on unseen scripts", async () => {
  const smaller = text.replaceAll("block(32)", "block(2)").replace("2_000 steps", "2 steps").replace(
    "100 steps",
    "1 steps",
  )
    .replace("100 episode", "2 episode").replace("600 episode", "3 episode").replace("T = 10", "T = 6");
  const run = await runProgram(compiled(smaller).program!, wasm, { seed: 0 });
  assertEquals(run.outcome, "done");
  const [test] = run.evaluations.filter((e) => e.name === "test");
  const { points } = test!.reports[0]!;
  assertEquals(points.map((p) => [p.time, p.values.length]), Array.from({ length: 7 }, (_, t) => [t, 3]));
  assert(points.every((p) => p.values.every((x) => x >= 0 && x <= 1)));
});
