// Does `batch N of d each once` go through all rows before one comes again? Each epoch is shuffled by itself, each order as likely as the
// others; the rows are those of docs/decisions/0040, computed here from whole numbers and lists, wherever the loop runs.
import { assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";
import type { BackendName } from "../../api/backends.ts";
import { Builder } from "../../runtime/ir/builder.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { compileProgram } from "../../dsl/compile.ts";
import { firstPlace } from "../../dsl/elaborate/shuffled_rows.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { some } from "../thorough.ts";
import { type Place, shuffled } from "./plain/draws.ts";
import { chiSquare, countsOf, even, most, orderOf } from "./plain/likelihood.ts";

/** A loop that takes its rows from its parameters, so that what it takes stands in them. */
const taking = (rows: number, size: number, steps: number) =>
  `edition 1
precision f64
data d { i : [${rows}] = range(${rows}) }
param w : [${size}] = 0
inner fit { minimize sum(w * d.i)  over w by sgd(lr = 1)  for T = ${steps} steps  batch ${size} of d each once }
record w@*`;

/** The rows of all steps, one after the other. */
async function taken(rows: number, size: number, steps: number, backend: BackendName, seed = 0): Promise<number[]> {
  const run = await compile(taking(rows, size, steps)).run({ backend, seed });
  const times = Array.from({ length: steps + 1 }, (_, time) => run.parameter("w", { time }).data);
  return times.slice(1).flatMap((after, t) => [...after].map((x, i) => Number(times[t]![i]) - Number(x)));
}

/** The first rows of some epochs, by lists. */
const listed = (place: (epoch: number) => Place, rows: number, count: number) =>
  Array.from({ length: Math.ceil(count / rows) }, (_, epoch) => shuffled(place(epoch), rows)).flat().slice(0, count);

const alone = (epoch: number): Place => ({ lines: ["", "fit.batch each once", "fit", "fit"], indices: [epoch] });

/** A batch and a table: equal, of one row, a divisor, none; of few rows and of many. */
const sizes = [[1, 1], [2, 1], [3, 2], [7, 3], [7, 7], [12, 4], [64, 10], [65, 10], [65, 65], [130, 7], [300, 100]];

Deno.test("every row comes once in each epoch, in an order of its own, whatever the size of the batch", async () => {
  for (const [rows, size] of sizes as [number, number][]) {
    const steps = Math.ceil(4.5 * rows / size);
    const all = await taken(rows, size, steps, "wasm");
    const expected = listed(alone, rows, steps * size);
    assertEquals(all, expected, `${size} of ${rows}`);
    for (let at = 0; at + rows <= all.length; at += rows) {
      assertEquals(new Set(all.slice(at, at + rows)).size, rows, `${size} of ${rows}, from ${at} on`);
    }
    if (rows < 64 || size > 50) assertEquals(await taken(rows, size, steps, "reference"), expected);
  }
});

Deno.test("where a step stands is exact for every step that a loop can have", () => {
  const steps = [0, 1, 2, 65_537, 123_456_789, 2 ** 31 - 1];
  for (const rows of [1, 2, 3, 7, 64, 1000, 60_000, 999_983, 2 ** 28, 2 ** 29 - 1]) {
    for (const size of new Set([1, Math.ceil(rows / 3), Math.max(1, rows - 1), rows])) {
      const b = new Builder("place");
      const type = { dtype: "i32", shape: [steps.length] } as const;
      const { epoch, place } = firstPlace(b, b.input(type, "t"), size, rows);
      const found = referenceBackend.compile(b.finish([epoch, place])).run([{ ...type, data: Int32Array.from(steps) }]);
      const all = steps.map((step) => BigInt(step) * BigInt(size));
      const expected = [all.map((x) => Number(x / BigInt(rows))), all.map((x) => Number(x % BigInt(rows)))];
      assertEquals(found.map(({ data }) => [...data].map(Number)), expected, `${size} of ${rows}`);
    }
  }
});

Deno.test("each order of few rows is as likely as the others, and each place and pair of many; wrong samplers are rejected", async () => {
  /** What is wrong with epochs; nothing where they are as they should be. */
  const wrong = (epochs: readonly (readonly number[])[], rows: number): string | undefined => {
    if (epochs.some((of) => new Set(of).size < rows)) return "a row twice";
    if (rows <= 5) {
      const orders = [1, 1, 2, 6, 24, 120][rows]!;
      const counts = countsOf(epochs.map((of) => orderOf(of, rows)), orders);
      return chiSquare(counts, even(orders)) > most(orders - 1) ? "orders too often" : undefined;
    }
    const places = Array.from({ length: rows }, (_, at) => countsOf(epochs.map((of) => of[at]!), rows)).flat();
    // rows and columns of counts have a given sum, so this is n / (n - 1) of a chi-square with (n - 1)^2 degrees of freedom
    const freedom = (rows - 1) ** 2;
    if (chiSquare(places, even(rows * rows)) * (rows - 1) / rows > most(freedom)) return "places too often";
    const cells = rows * (rows - 1);
    for (const [one, other] of [[0, 1], [0, rows - 1], [rows >> 1, (rows >> 1) + 1]] as [number, number][]) {
      const pairs = countsOf(epochs.map((of) => orderOf([of[one]!, of[other]!], rows)), cells);
      if (chiSquare(pairs, even(cells)) > most(cells - 1)) return "pairs too often";
    }
    // a row is followed by the one that stands so far behind it
    const apart = epochs.flatMap((of) => of.slice(1).map((row, i) => (row - of[i]! + rows) % rows - 1));
    return chiSquare(countsOf(apart, rows - 1), even(rows - 1)) > most(rows - 2) ? "neighbours" : undefined;
  };
  for (const [rows, count] of [[2, 4000], [3, 6000], [4, 6000], [5, 9000], [70, 6000]] as [number, number][]) {
    const all = await taken(rows, rows, count, "wasm", 7);
    const epochs = Array.from({ length: count }, (_, e) => all.slice(e * rows, (e + 1) * rows));
    assertEquals(wrong(epochs, rows), undefined, `${rows} rows`);
    const planted = (make: (of: readonly number[], e: number) => number[]) => wrong(epochs.map(make), rows);
    assertEquals(planted((of, e) => [...of.slice(0, -1), e % rows]), "a row twice");
    const said = rows <= 5 ? "orders too often" : "places too often";
    const from = (of: readonly number[], at: number) => [...of.slice(at), ...of.slice(0, at)];
    // one epoch in five is turned so that row 0 comes first
    assertEquals(planted((of, e) => e % 5 > 0 ? [...of] : from(of, of.indexOf(0))), said);
    // rows that go round, from each of them on alike
    const round = Array.from({ length: rows }, (_, i) => i);
    if (rows > 2) assertEquals(planted((_, e) => from(round, e % rows)), rows <= 5 ? said : "pairs too often");
  }
});

function programOf(text: string) {
  const { program, diagnostics } = compileProgram({
    root: { name: "p.meta", text },
    readSource: () => undefined,
    readData: () => undefined,
  });
  if (!program) throw new Error(diagnostics.map((d) => d.title).join("\n"));
  return program;
}

const nested = (through: string) =>
  `edition 1
precision f64
data d { i : [7] = range(7) }
data v { i : [70] = range(70) }
task one { split s { x ~ uniform(0, 1) } }
param w : [3] = 0
param low_w : [2] = 0
param last : [2] = 0
param c : [4] = 0
inner low { minimize sum(low_w * v.i)  over low_w by sgd(lr = 1)  for S = 3 steps  batch 2 of v each once }
inner fit {
  minimize sum(w * d.i) + sum(last * (low_w@2 - low_w@S)) + 0 * (s.x + sum(c))
  over     w, last by sgd(lr = 1)
  for      T = 4 steps
  batch    3 of d each once
  ${through}
}
outer train {
  minimize 0 * sum(w@T) + sum(c * v.i)
  across   2 one
  over     c by sgd(lr = 1)
  for      20 steps
  batch    4 of v each once
}
record c
record w@*, last@* every 7 steps of task 1`;

const nestedBackends = [
  referenceBackend,
  ...[1, 2].map((threads) => makeWasmBackend({ threads, millisecondsPerThread: 0 })),
];
const ways = ["", "through unroll(window = 2)", "through forward()", "through first_order()"];

for (const through of some(ways, 1)) {
  Deno.test(`loops in loops have epochs for each step, task and meta-step around, on each backend and number of threads ${through}`, async () => {
    const place = (name: string, around: readonly string[], indices: readonly number[]): Place => ({
      lines: ["", `${name}.batch each once`, "train", "task one", ...around],
      indices,
      seed: 3,
    });
    const outer = [0, 1].map((task) => listed((epoch) => place("train", [], [epoch, task]), 70, 80));
    const means = outer[0]!.map((row, i) => (row + outer[1]![i]!) / 2);
    /** Of task 1 at a meta-step: the rows of `fit`, and those of the last step of `low` in each of its steps. */
    const inside = (m: number) => ({
      w: listed((epoch) => place("fit", ["fit"], [m, 1, epoch]), 7, 12),
      last: [0, 1, 2, 3].flatMap((t) =>
        listed((epoch) => place("low", ["fit", "low"], [m, 1, t, epoch]), 70, 6).slice(4)
      ),
    });
    const program = programOf(nested(through));
    for (const backend of nestedBackends) {
      const { recorded } = await runProgram(program, backend, { seed: 3 });
      /** What sgd with rate 1 took from the values that follow each other, of a shape. */
      const moves = (name: string, size: number, at = 0, count = 21) => {
        const { values } = recorded.find((r) => r.name === name)!;
        const all = [...values.data].map(Number).slice(at * count * size, (at + 1) * count * size);
        return all.slice(size).map((x, i) => all[i]! - x);
      };
      assertEquals(moves("c", 4).slice(0, 80), means);
      [0, 7, 14].forEach((m, at) => {
        const { w, last } = inside(m);
        assertEquals(moves("w@*", 3, at, 5), w, `fit at meta-step ${m}`);
        assertEquals(moves("last@*", 2, at, 5), last, `low at meta-step ${m}`);
      });
    }
  });
}

for (const through of some(["", "through es(samples = 1, sigma = 0.1, window = 2)"], 1)) {
  Deno.test(`a loop that goes on from meta-step to meta-step goes on with its epochs, each task with its own ${through}`, async () => {
    const text = nested(through).replace("across   2 one", "across   2 one fixed")
      .replace("each once\n  through", "each once  from fit@T\n  through")
      .replace("each once\n  \n}\nouter", "each once  from fit@T\n}\nouter");
    const rows = listed(
      (epoch) => ({
        lines: ["", "fit.batch each once", "train", "task one", "fit"],
        indices: [1, epoch],
        seed: 3,
      }),
      7,
      15 * 12,
    );
    const program = programOf(text);
    for (const backend of nestedBackends.slice(0, 2)) {
      const { recorded } = await runProgram(program, backend, { seed: 3 });
      const all = [...recorded.find((r) => r.name === "w@*")!.values.data].map(Number);
      [0, 7, 14].forEach((m, at) => {
        const own = all.slice(15 * at, 15 * (at + 1));
        assertEquals(own.slice(3).map((x, i) => own[i]! - x), rows.slice(12 * m, 12 * (m + 1)), `meta-step ${m}`);
      });
    }
  });
}

Deno.test("a batch of more rows than there are, and another word, are told so", () => {
  const said = (clause: string) =>
    compileProgram({
      root: { name: "p.meta", text: taking(5, 3, 2).replace("batch 3 of d each once", clause) },
      readSource: () => undefined,
      readData: () => undefined,
    }).diagnostics.map(({ code, title }) => `${code} ${title}`);
  assertEquals(said("batch 3 of d each once"), []);
  assertEquals(said("batch 6 of d each once"), ["M0301 `fit` takes batches of 6 rows, each once, of a table of 5"]);
  assertEquals(said("batch 3 of d each twice"), ["M0102 `each twice` is unknown"]);
});
