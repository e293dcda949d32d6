// Does an index read what it says, and does its slope go back there? Held against loops over plain arrays: every way to index each axis
// of an array of three, together.
import { assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";
import { cases } from "../thorough.ts";
import { throwDice } from "../random/dice.ts";

const shape = [3, 4, 2] as const;
const entry = (i: number, j: number, k: number) => 100 * i + 10 * j + k;

/** An index of an axis: its text and the places that it reads. */
interface Index {
  readonly text: string;
  readonly places: readonly number[];
  /** The sizes of what stands where the axis was. */
  readonly sizes: readonly number[];
}

const range = (low: number, high: number) => Array.from({ length: high - low + 1 }, (_, i) => low + i);

/** The ways to index an axis; lists of integers only where `lists`. */
function ways(size: number, lists: boolean): readonly Index[] {
  const all = range(0, size - 1);
  const single = [0, size - 1, -1].map((k) => ({ text: `${k}`, places: [(k + size) % size], sizes: [] }));
  const slices = [[0, 1], [1, size - 1], [-2, -1], [0, -1], [size - 1, -1]].map(([low, high]) => {
    const places = range((low! + size) % size, (high! + size) % size);
    return { text: `${low} .. ${high}`, places, sizes: [places.length] };
  });
  const given = [
    { text: "[1, 0, 1]", places: [1, 0, 1], sizes: [3] },
    { text: "d.one", places: [1], sizes: [] },
    { text: "d.grid", places: [1, 0, 0, 1], sizes: [2, 2] },
  ];
  return [{ text: "_", places: all, sizes: [size] }, ...single, ...slices, ...lists ? given : [given[1]!]];
}

Deno.test("an index reads what loops read, and its slope goes back there, on both backends", async () => {
  for (let round = 0; round < cases(24, 60); round++) {
    const dice = throwDice(31, round);
    const listed = dice.int(0, 2);
    const chosen = shape.map((size, axis) => dice.pick(ways(size, axis === listed)));
    const used = chosen.slice(0, dice.int(1, 3));
    const whole = shape.map((size, axis) => used[axis] ?? { text: "", places: range(0, size - 1), sizes: [size] });
    const [first, second, third] = whole as [Index, Index, Index];
    const text = `w[${used.map((u) => u.text).join(", ")}]`;
    const experiment = compile(`edition 1
      precision f64
      data d { one : int = 1  grid : int [2, 2] = [[1, 0], [0, 1]] }
      param w : [3, 4, 2] = ${
      JSON.stringify(range(0, 2).map((i) => range(0, 3).map((j) => range(0, 1).map((k) => entry(i, j, k)))))
    }
      output found = ${text}
      gradient 0.5 * sum(${text}^2) wrt w`);
    const expected: number[] = [];
    const slopes = Array<number>(24).fill(0);
    for (const i of first.places) {
      for (const j of second.places) {
        for (const k of third.places) {
          expected.push(entry(i, j, k));
          slopes[8 * i + 2 * j + k]! += entry(i, j, k);
        }
      }
    }
    for (const backend of ["reference", "wasm"] as const) {
      const run = await experiment.run({ backend });
      const { data, shape } = run.output("found");
      assertEquals([...data], expected, text);
      assertEquals(shape, whole.flatMap((w) => w.sizes), text);
      assertEquals([...run.gradients[0]!.wrt[0]!.leaves[0]!.gradient.data], slopes, text);
    }
  }
});
