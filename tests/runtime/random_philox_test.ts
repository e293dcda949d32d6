// Are the random words those that everyone else's Philox 4x32-10 gives? Published vectors, then blocks in sequence.
import { assertEquals } from "@std/assert";
import { fillPhilox } from "../../runtime/random/philox.ts";

const hex = (words: string) => words.split(" ").map((w) => parseInt(w, 16) | 0);

/** The block with counter (n, counter ...). */
function block(counter: readonly number[], key: readonly number[], n: number): number[] {
  const out = new Int32Array(4);
  fillPhilox(out, {
    key: [key[0]!, key[1]!],
    counter: [counter[0]!, counter[1]!, counter[2]!],
    offset: 0,
    count: 4,
    firstBlock: n,
  });
  return [...out];
}

// Source: tests/kat_vectors of github.com/DEShawResearch/random123, lines "philox4x32 10"
Deno.test("fillPhilox() gives Random123's known answers", () => {
  assertEquals(block([0, 0, 0], [0, 0], 0), hex("6627e8d5 e169c58d bc57ac4c 9b00dbd8"));
  assertEquals(block([-1, -1, -1], [-1, -1], -1), hex("408f276d 41c83b0e a20bc7c6 6d5451fd"));
  assertEquals(
    block(hex("85a308d3 13198a2e 03707344"), hex("a4093822 299f31d0"), 0x243f6a88),
    hex("d16cfe09 94fdcceb 5001e420 24126ea1"),
  );
});

Deno.test("fillPhilox() counts blocks in the first counter word", () => {
  const first = block([1, 2, 3], [4, 5], 0);
  const second = block([1, 2, 3], [4, 5], 1);
  const out = new Int32Array(10).fill(-7);
  fillPhilox(out, { key: [4, 5], counter: [1, 2, 3], offset: 1, count: 7 });
  assertEquals([...out], [-7, ...first, ...second.slice(0, 3), -7, -7]);
});

Deno.test("fillPhilox() takes words as int32 or uint32", () => {
  const pi = ["85a308d3 13198a2e 03707344", "a4093822 299f31d0"].map(hex) as [number[], number[]];
  const unsigned = pi.map((words) => words.map((w) => w >>> 0)) as [number[], number[]];
  assertEquals(block(unsigned[0], unsigned[1], 3), block(pi[0], pi[1], 3));
});
