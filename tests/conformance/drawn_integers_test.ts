// Are the integers that are drawn those of docs/decisions/0031, on every backend and in every precision, and are they as likely as they
// say? Golden values come from whole numbers of any size, likelihoods from Pearson's chi-square at fixed seeds, which rejects samplers
// that were made wrong on purpose.
import { assert, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";
import { bits64, distinct, integers } from "./plain/draws.ts";
import { chiSquare, countsOf, even, most, orderOf } from "./plain/likelihood.ts";

const variants = ["reference", "wasm"].flatMap((backend) =>
  ["f32", "f64"].map((precision) => ({ backend: backend as "reference" | "wasm", precision }))
);

/** Numbers of an output across tasks, for each task. */
async function drawn(
  field: string,
  tasks: number,
  { backend, precision }: { readonly backend: "reference" | "wasm"; readonly precision: string },
  seed = 0,
): Promise<number[][]> {
  const run = await compile(`edition 1
    precision ${precision}
    task many { split s { q : [2, 3] = [[0.5, 0, 0.25], [0, 0, 1]]  z : ${field} } }
    output found = s.z across ${tasks} many`).run({ seed, backend });
  const { data, shape } = run.output("found");
  const each = shape.slice(1).reduce((n, size) => n * size, 1);
  return Array.from({ length: tasks }, (_, i) => [...data.slice(i * each, (i + 1) * each)].map(Number));
}

const place = (task: number, seed: number) => ({
  lines: ["", "many.s.z", "found", "task many"],
  indices: [task],
  seed,
});

/** The first place whose share of 2^62 lies above 62 of the bits. */
function byWeights(task: number, seed: number, size: number, weights: readonly number[]): number[] {
  const all = weights.reduce((sum, w) => sum + w, 0);
  return bits64(place(task, seed), size).map((u) => {
    const own = ((u >> 33n) << 31n) | ((u & 0xffffffffn) >> 1n);
    let total = 0;
    return weights.findIndex((w) => own < BigInt(Math.round((total += w) / all * 2 ** 62)));
  });
}

const seed = 2 ** 40 + 7;
const cases: readonly [string, (task: number) => number[]][] = [
  ["int [5] ~ choice(1)", () => [0, 0, 0, 0, 0]],
  ["int [5] ~ choice(10)", (t) => integers(place(t, seed), 5, 10)],
  ["int [2, 3] ~ choice(100_003)", (t) => integers(place(t, seed), 6, 100_003)],
  ["int [5] ~ choice(2_147_483_647)", (t) => integers(place(t, seed), 5, 2_147_483_647)],
  ["int [1] ~ permutation(7)", (t) => distinct(place(t, seed), 1, 1, 7)],
  ["int [7] ~ permutation(7)", (t) => distinct(place(t, seed), 1, 7, 7)],
  ["int [2, 3, 5] ~ permutation(1_200)", (t) => distinct(place(t, seed), 6, 5, 1_200)],
  ["int [9] ~ categorical([0, 1, 2, 0, 5, 0])", (t) => byWeights(t, seed, 9, [0, 1, 2, 0, 5, 0])],
  ["int [9] ~ categorical([0.1, 0.2, 0.7])", (t) => byWeights(t, seed, 9, [0.1, 0.2, 0.7])],
  ["bool [9] ~ bernoulli(0.3)", (t) => byWeights(t, seed, 9, [0.3, 0.7]).map((k) => k === 0 ? 1 : 0)],
  ["bool [9] ~ bernoulli(0)", () => Array(9).fill(0)],
  ["bool [9] ~ bernoulli(1)", () => Array(9).fill(1)],
];

for (const [field, expected] of cases) {
  Deno.test(`${field}: the integers that whole numbers give, on each backend and in each precision`, async () => {
    for (const variant of variants) {
      assertEquals(await drawn(field, 3, variant, seed), [0, 1, 2].map(expected), JSON.stringify(variant));
    }
  });
}

Deno.test("computed probabilities: a row for each that is drawn, entries of 0 never, alike on each backend", async () => {
  for (const precision of ["f32", "f64"]) {
    const field = "int [400, 2] ~ categorical(q)";
    const own = await drawn(field, 1, { backend: "reference", precision });
    assertEquals(await drawn(field, 1, { backend: "wasm", precision }), own);
    const [row] = own;
    const first = row!.filter((_, i) => i % 2 === 0);
    assertEquals(new Set(first), new Set([0, 2]));
    assertEquals(new Set(row!.filter((_, i) => i % 2 === 1)), new Set([2]));
    // 400 draws at 2/3: four standard deviations are 38
    const zeros = first.filter((k) => k === 0).length;
    assert(Math.abs(zeros - 400 * 2 / 3) < 38, `${zeros}`);
  }
});

// ------------------------------------------------------------------------------------------------------------ how likely

const wasm = { backend: "wasm", precision: "f32" } as const;

Deno.test("choice, categorical and bernoulli: as often as they say", async () => {
  const [places] = await drawn("int [6000] ~ choice(6)", 1, wasm);
  assert(chiSquare(countsOf(places!, 6), even(6)) < most(5));
  const weights = [0.05, 0, 0.15, 0.8];
  const [weighted] = await drawn("int [6000] ~ categorical([0.05, 0, 0.15, 0.8])", 1, wasm);
  assert(chiSquare(countsOf(weighted!, 4), weights) < most(2));
  const [truths] = await drawn("bool [6000] ~ bernoulli(0.2)", 1, wasm);
  assert(chiSquare(countsOf(truths!, 2), [0.8, 0.2]) < most(1));
});

Deno.test("permutation: every ordered choice as often as the others, and wrong samplers are rejected", async () => {
  const [n, k, rows] = [5, 3, 6000];
  const [flat] = await drawn(`int [${rows}, ${k}] ~ permutation(${n})`, 1, wasm);
  const choices = Array.from({ length: rows }, (_, i) => flat!.slice(i * k, (i + 1) * k));
  assert(choices.every((c) => new Set(c).size === k));
  const statistic = (all: readonly (readonly number[])[]) =>
    chiSquare(countsOf(all.map((c) => orderOf(c, n)), 60), even(60));
  assert(statistic(choices) < most(59), `${statistic(choices)}`);
  // shuffles that exchange each place with any other (Knuth's warning), of the same bits: all places are drawn among n
  const u = bits64(place(0, 1), rows * n);
  const naive = choices.map((_, row) => {
    const list = Array.from({ length: n }, (_, i) => i);
    for (let i = 0; i < n; i++) {
      const j = Number((u[row * n + i]! * BigInt(n)) >> 64n);
      [list[i], list[j]] = [list[j]!, list[i]!];
    }
    return list.slice(0, k);
  });
  assert(statistic(naive) > most(59));
  // the first rows favoured: in one row of twenty what is drawn is 0, 1, 2
  assert(statistic(choices.map((c, i) => i % 20 === 0 ? [0, 1, 2] : c)) > most(59));
  // with replacement
  const [again] = await drawn(`int [${rows}, ${k}] ~ choice(${n})`, 1, wasm);
  assert(choices.some((_, i) => new Set(again!.slice(i * k, (i + 1) * k)).size < k));
});

Deno.test("what is drawn of many costs what is drawn: no array of their number is written", async () => {
  const experiment = compile(`edition 1
    task t { split s { z : int [5] ~ permutation(2_000_000_000) } }
    output found = s.z across 2 t`);
  const { data } = (await experiment.run({ backend: "wasm" })).output("found");
  assertEquals(new Set(data).size, 10);
});
