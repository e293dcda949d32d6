// Are parts of tables what they are said to be? Their rows, whatever is split and how; and what is computed of them.
import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { rowsOfParts, type Share, type Splitting } from "../../../dsl/elaborate/shares.ts";
import { compileProgram } from "../../../dsl/compile.ts";
import { expandGradients } from "../../../runtime/autodiff/expand_gradients.ts";
import { bodyOf, type IrFunction, sizeOf } from "../../../runtime/ir/types.ts";
import { functionsOf } from "../../../runtime/program/program.ts";
import { compile } from "../../../mod.ts";
import { type Dice, throwDice } from "../../random/dice.ts";
import { cases } from "../../thorough.ts";

const words = (dice: Dice, n: number) => Uint32Array.from({ length: n }, () => dice.real() * 2 ** 32);

function parts(splitting: Omit<Splitting, "random">, dice: Dice): readonly (readonly number[])[] {
  const found = rowsOfParts({ ...splitting, random: words(dice, 4 * splitting.rows) });
  if ("units" in found) throw new Error(`${found.units} are too many`);
  return found.map((rows) => [...rows]);
}

const increasing = (rows: readonly number[]) => rows.every((row, i) => i === 0 || rows[i - 1]! < row);

Deno.test("rowsOfParts() gives each row to at most one part, in order, as many as are asked for", () => {
  for (let index = 0; index < cases(100, 2000); index++) {
    const dice = throwDice(3, index);
    const rows = dice.int(1, 40);
    const groups = dice.chance(0.6) ? Int32Array.from({ length: rows }, () => dice.int(-2, 6)) : undefined;
    const evenly = groups !== undefined && dice.chance(0.5);
    const units = groups && !evenly ? new Set(groups).size : rows;
    const counts = [dice.int(0, units), dice.int(0, units)].sort((a, b) => a - b) as [number, number];
    const shares: Share[] = dice.chance(0.5)
      ? [{ count: counts[0] }, { count: counts[1] - counts[0] }]
      : [{ of: 0.7 }, { of: 0.2 }, { of: 0.1 }];
    const found = parts({ rows, groups, evenly, shares }, dice);
    const all = found.flat();
    assertEquals(new Set(all).size, all.length, "a row in two parts");
    assert(found.every(increasing));
    const sizes = found.map((part) => groups && !evenly ? new Set(part.map((row) => groups[row]!)).size : part.length);
    if ("count" in shares[0]!) assertEquals(sizes, [counts[0], counts[1] - counts[0]]);
    else {
      assertEquals(all.length, rows, "shares that make 1 take all");
      sizes.forEach((size, i) => assert(Math.abs(size - units * (shares[i] as { of: number }).of) <= 1));
    }
    if (groups && !evenly) {
      // whole groups: none in two parts, and all rows of each
      for (const part of found) {
        const own = new Set(part.map((row) => groups[row]!));
        assertEquals(part, [...groups.keys()].filter((row) => own.has(groups[row]!)));
      }
    }
    if (groups && evenly) {
      for (const value of new Set(groups)) {
        const whole = groups.filter((group) => group === value).length;
        for (const part of found) {
          const has = part.filter((row) => groups[row] === value).length;
          assert(Math.abs(has - whole * part.length / rows) <= 2, `${has} of ${whole} in ${part.length} of ${rows}`);
        }
      }
    }
  }
});

Deno.test("rowsOfParts() puts each row into a part equally often", () => {
  const draws = 4000;
  for (const evenly of [false, true]) {
    const groups = evenly ? Int32Array.of(0, 0, 0, 0, 1, 1, 1, 1, 1, 1) : undefined;
    const often = new Array<number>(10).fill(0);
    const dice = throwDice(17, evenly ? 1 : 0);
    for (let i = 0; i < draws; i++) {
      for (const row of parts({ rows: 10, groups, evenly, shares: [{ count: 5 }] }, dice)[0]!) often[row]!++;
    }
    // a share of 1/2 each: a standard deviation of sqrt(draws) / 2; five of them are passed by chance once in 10^5 of the 20
    for (const n of often) assert(Math.abs(n - draws / 2) < 5 * Math.sqrt(draws) / 2, `${often}`);
  }
});

const table = `edition 1
precision f64
data flowers { x : u8 [12, 3]   kind : int [12] = [0, 0, 0, 0, 5, 5, 5, 5, 9, 9, 9, 9] }
`;
const x = { shape: [12, 3], data: Uint8Array.from({ length: 36 }, (_, i) => 7 * i) };
const given = { data: { flowers: { x } } };

async function outputs(text: string, seed: number, compiledFor = seed): Promise<Record<string, readonly number[]>> {
  const run = await compile(table + text, { ...given, seed: compiledFor }).run({ seed, backend: "reference" });
  return Object.fromEntries(run.outputs.map(({ name, value }) => [name.slice(2), [...value.data]]));
}

const splits = `split flowers into train 6, test 6
split flowers by kind into known 2, unseen 1
param w = 1
gradient w wrt w
output o_train = train.x
output o_test = test.x
output o_known = known.kind
`;

Deno.test("a split is drawn by seed and name, the same wherever it stands and whichever seed the program was compiled for", async () => {
  const first = await outputs(splits, 1);
  assertEquals(await outputs(splits, 1, 4), first);
  assertNotEquals((await outputs(splits, 2)).train, first.train);
  const other = await outputs(splits.replace("train 6, test 6", "train 6, valid 3, test 3"), 1);
  assertEquals(other.train, first.train);
  const renamed = splits.replaceAll(/\btrain\b/g, "most");
  assertNotEquals((await outputs(renamed, 1)).train, first.train);
  const rows = (list: readonly number[]) => list.filter((_, i) => i % 3 === 0).map((v) => (v / 7 | 0) / 3 | 0);
  assertEquals([...first.train!, ...first.test!].length, 36);
  assert(
    increasing(
      rows(
        await outputs("data few = flowers where kind == 5\nparam w = 1\ngradient w wrt w\noutput o_o = few.x\n", 1)
          .then((
            o,
          ) => o.o!),
      ),
    ),
  );
  assertEquals(new Set(first.known).size, 2);
});

Deno.test("another seed draws other parts where the program is run, and `where` the same", async () => {
  const text = "data few = flowers where kind > 0\nsplit few by kind into one 1\nparam w = 1\ngradient w wrt w\n" +
    "output o_few = few.kind\noutput o_one = one.kind\n";
  const seen = new Set<number>();
  for (let seed = 0; seed < 12; seed++) {
    const found = await outputs(text, seed);
    assertEquals(found.few, [5, 5, 5, 5, 9, 9, 9, 9]);
    assertEquals(found.one!.length, 4);
    seen.add(found.one![0]!);
  }
  assertEquals(seen, new Set([5, 9]));
});

function* computedIn(fn: IrFunction): Generator<IrFunction["outputs"][number]> {
  for (const equation of fn.equations) {
    yield* equation.outputs;
    const body = bodyOf(equation);
    if (body) yield* computedIn(body);
  }
}

Deno.test("a batch of a part takes its rows from the table: no part is made", () => {
  const none = () => undefined;
  const text = `${table}data few = flowers where kind > 0
split few into train 7, test 1
param w = 1
inner fit { minimize mean((w * train.x - 1)^2)   over w   by sgd(lr = 1e-5)   for T = 3 steps   batch 2 of train }
gradient w@T wrt fit.lr
`;
  const root = { name: "program.meta", text };
  const { program } = compileProgram({ root, readSource: none, readData: none, data: given.data });
  const made = functionsOf(program!).flatMap(({ fn }) => [...computedIn(expandGradients(fn))]);
  assertEquals(made.filter(({ shape }) => sizeOf(shape) >= 21).map(({ shape }) => shape), []);
});

Deno.test("a label outside its range is told by where it stands in the table, not in the part", () => {
  const text = `${table}data few = flowers where kind > 4
param w = 1
gradient sum(w * one_hot(few.kind, 9)) wrt w
`;
  try {
    compile(text, given);
    throw new Error("nothing was said");
  } catch (error) {
    assertStringIncludes((error as Error).message, "9, outside 0 .. 8");
    assertStringIncludes((error as Error).message, "Entry [8] of `flowers.kind`");
  }
});

Deno.test("tasks draw classes and rows of a part, and none of another", async () => {
  const text = `split flowers by kind into known 2, unseen 1
task episode(pool : data) {
  classes 1 of pool by kind
  split support { draw 2 of each }
}
param w = 1
evaluate seen { across 40 episode(known)   report w * sum(support.x) }
evaluate other { across 40 episode(unseen)   report w * sum(support.x) }
output o_known = known.x
output o_unseen = unseen.x
outer train { minimize w^2   over w   by sgd(lr = 0)   for 1 steps }
`;
  const run = await compile(table + text, { ...given, seed: 3 }).run({ seed: 3, backend: "reference" });
  const sums = (name: string) => {
    const rows = run.outputs.find((o) => o.name === name)!.value.data;
    const own = Array.from({ length: rows.length / 3 }, (_, i) => rows[3 * i]! + rows[3 * i + 1]! + rows[3 * i + 2]!);
    return new Set(own.flatMap((a, i) => own.map((b, j) => i === j ? -1 : a + b)));
  };
  for (const [evaluation, part] of [["seen", "o_known"], ["other", "o_unseen"]] as const) {
    const drawn = run.evaluation(evaluation).point().values;
    assertEquals(drawn.length, 40);
    const possible = sums(part);
    assertEquals([...drawn].filter((sum) => !possible.has(sum)), []);
  }
});
