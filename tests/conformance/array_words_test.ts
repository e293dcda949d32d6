// Are the words for arrays what PyTorch and NumPy make of them in float64, with first and second derivatives, kinks and ties? The numbers
// were computed by array_words/peer.py; the slopes at kinks where those give NaN, or another convention, stand below.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { compile } from "../../mod.ts";
import rows from "./array_words/values.json" with { type: "json" };

interface Row {
  readonly text: string;
  readonly x: unknown;
  readonly value: readonly number[];
  readonly shape: readonly number[];
  readonly gradient?: readonly number[];
  readonly second?: readonly number[];
}

const shapeOf = (x: unknown): number[] => Array.isArray(x) ? [x.length, ...shapeOf(x[0])] : [];
const weights = (n: number) => Array.from({ length: n }, (_, i) => 1 + 0.5 * ((7 * i) % 5));
const literal = (flat: readonly number[], [size, ...rest]: readonly number[]): string => {
  if (size === undefined) return String(flat[0]);
  const each = flat.length / size;
  return `[${Array.from({ length: size }, (_, i) => literal(flat.slice(i * each, (i + 1) * each), rest)).join(", ")}]`;
};

/** No row has more than 64 operations behind an entry, each of which rounds by half a unit in the last place of numbers up to `most`,
 *  and what is rounded goes through factors up to 16. */
function near(own: ArrayLike<number>, peer: readonly number[], what: string): void {
  assertEquals(own.length, peer.length, what);
  const most = Math.max(1, ...peer.map(Math.abs));
  peer.forEach((p, i) =>
    assert(Math.abs(own[i]! - p) <= 64 * 16 * 2 ** -53 * most || own[i] === p, `${what}: ${own[i]}, not ${p}`)
  );
}

for (const row of rows as readonly Row[]) {
  Deno.test(`${row.text} of ${JSON.stringify(row.x).slice(0, 40)} is what the peers make of it`, async () => {
    const shape = shapeOf(row.x);
    const w = literal(weights(row.value.length), row.shape);
    const v = literal(weights(shape.reduce((n, s) => n * s, 1)), shape);
    const slopes = row.gradient
      ? `gradient sum(${w} * ${row.text}) wrt x@0
         inner fit { minimize sum(${w} * ${row.text}) over x by sgd(lr = 1) for T = 1 steps }
         gradient sum(${v} * x@T) wrt x@0`
      : "";
    const experiment = compile(`edition 1
      precision f64
      param x : [${shape.join(", ")}] = ${JSON.stringify(row.x)}
      output found = ${row.gradient ? row.text.replaceAll(/\bx\b/g, "x@0") : row.text}
      ${
      slopes.replace(/gradient sum\((.*)\) wrt x@0\n/, (_, e: string) =>
        `gradient sum(${e.replaceAll(/\bx\b/g, "x@0")}) wrt x@0\n`)
    }`);
    for (const backend of ["reference", "wasm"] as const) {
      const run = await experiment.run({ backend });
      const { data, shape } = run.output("found");
      assertEquals(shape, row.shape);
      near([...data].map(Number), row.value, `${backend} value`);
      const [first, second] = run.gradients.map((g) => g.wrt[0]!.leaves[0]!.gradient.data);
      if (row.gradient) near(first!, row.gradient, `${backend} gradient`);
      if (row.second) near(second!, row.second, `${backend} second derivative`);
    }
  });
}

Deno.test("std, var and norm have slope 0 where all entries are equal, to the second order", async () => {
  for (const text of ["std(x)", "sum(std(x, axis = 1))", "var(x)", "norm(x - 2)"]) {
    const run = await compile(`edition 1
      precision f64
      param x : [2, 3] = 2
      inner fit { minimize ${text} over x by sgd(lr = 1) for T = 1 steps }
      gradient sum([[1.0, 2, 3], [4, 5, 6]] * x@T) wrt x@0`).run();
    const curved = text === "var(x)";
    const own = [...run.gradients[0]!.wrt[0]!.leaves[0]!.gradient.data];
    // of var the second derivative is (2 / n) (1 - 1 / n at each): v - 2 / 6 (v - mean(v))
    assertEquals(
      own.map((x) => Number(x.toFixed(12))),
      [1, 2, 3, 4, 5, 6].map((v) => curved ? Number((v - (v - 3.5) / 3).toFixed(12)) : v),
      text,
    );
  }
});

Deno.test("an int that 32 bits do not hold, and a float that none is, end a run and say where", async () => {
  for (const start of ["3e9", "-2147483648", "sqrt(0 - 1)"]) {
    const experiment = compile(`edition 1
      precision f64
      param x = 1
      output found = int(x * 0 + ${start})`);
    await assertRejects(() => experiment.run({ backend: "reference" }), Error, "argument of `int`");
  }
});
