// Are the episodes that a task draws of a table those of docs/decisions/0033: different classes, different rows in all splits together,
// each choice as likely as the others, the same on every backend and number of threads? They are drawn again here from whole numbers and
// lists, and what is learned on them is computed by a plain loop.
import { assert, assertEquals } from "@std/assert";
import { compile } from "../../mod.ts";
import { compileProgram } from "../../dsl/compile.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { distinct, type Place } from "./plain/draws.ts";
import { chiSquare, countsOf, even, most, orderOf } from "./plain/likelihood.ts";

/** The classes of a table with different numbers of rows, and the class of each row, not in order. */
const values = [-3, 2, 5, 7, 8, 9, 12, 40, 100];
const counts = [4, 9, 4, 5, 6, 4, 7, 4, 8];
const classOf = counts.flatMap((n, c) => Array.from({ length: n }, (_, i) => ({ c, at: (i + 0.5) / n + c * 0.013 })))
  .sort((a, b) => a.at - b.at).map(({ c }) => c);
const groups = values.map((_, c) => classOf.flatMap((own, row) => own === c ? [row] : []));

const glyphs = `data glyphs {
  id        : [${classOf.length}] = [${classOf.map((_, row) => row).join(", ")}]
  character : int [${classOf.length}] = [${classOf.map((c) => values[c]).join(", ")}]
  scale     : [] = 0.5
}
task episode(pool : data, ways : int = 3, shots : int = 2) {
  classes ways of pool by character
  split support { draw shots of each   y = 2 * id + scale }
  split query   { draw 2 of each }
}
`;

interface Episode {
  readonly classes: readonly number[];
  /** Of each class the rows of the support, then those of the query. */
  readonly rows: readonly (readonly number[])[];
}

/** An episode by lists. */
function episode(place: Omit<Place, "lines">, lines: (what: string) => readonly string[], ways: number, each: number) {
  const classes = distinct({ ...place, lines: lines("episode: classes") }, 1, ways, values.length);
  const ranks = distinct(
    { ...place, lines: lines("episode: rows of each") },
    ways,
    each,
    classes.map((c) => counts[c]!),
  );
  const rows = classes.map((c, w) => ranks.slice(w * each, (w + 1) * each).map((rank) => groups[c]![rank]!));
  return { classes, rows } satisfies Episode;
}

const inItem = (item: string) => (what: string) => ["", what, item, "task episode"];

const backends = [
  ["reference", referenceBackend],
  ...[1, 2, 3].map((threads) =>
    [`wasm, ${threads} threads`, makeWasmBackend({ threads, millisecondsPerThread: 0 })] as const
  ),
] as const;

/** What a program writes and learns, as numbers, on each backend. */
async function everywhere(text: string): Promise<ReadonlyMap<string, number[]>[]> {
  const { program, diagnostics } = compileProgram({
    root: { name: "p.meta", text: `edition 1\nprecision f64\n${text}` },
    readSource: () => undefined,
    readData: () => undefined,
  });
  if (!program) throw new Error(diagnostics.map((d) => d.title).join("\n"));
  return await Promise.all(backends.map(async ([, backend]) => {
    const run = await runProgram(program, backend, { seed: 5 });
    return new Map([
      ...run.outputs.map(({ name, value }) => [name, [...value.data].map(Number)] as const),
      ...run.gradients.flatMap(({ wrt }) =>
        wrt.flatMap(({ leaves }) => leaves.map(({ name, gradient }) => [name, [...gradient.data].map(Number)] as const))
      ),
    ]);
  }));
}

Deno.test("episodes of classes with different numbers of rows are those of lists, on each backend and number of threads", async () => {
  const all = await everywhere(`${glyphs}
output seen = [support.id, query.id, 1.0 * support.character, support.y] across 7 episode(glyphs)
output wide = concat(support.id, query.id) across 3 episode(glyphs, ways = 9, shots = 1)
output kept = support.id across 3 episode(glyphs) fixed`);
  const seen = Array.from({ length: 7 }, (_, task) => {
    const { rows } = episode({ seed: 5, indices: [task] }, inItem("seen"), 3, 4);
    const support = rows.flatMap((of) => of.slice(0, 2));
    return [support, rows.flatMap((of) => of.slice(2)), [0, 0, 1, 1, 2, 2], support.map((id) => 2 * id + 0.5)];
  }).flat(2);
  const wide = Array.from({ length: 3 }, (_, task) => {
    const { rows } = episode({ seed: 5, indices: [task] }, inItem("wide"), 9, 3);
    return [rows.flatMap((of) => of.slice(0, 1)), rows.flatMap((of) => of.slice(1))];
  }).flat(2);
  const kept = Array.from({ length: 3 }, (_, task) => {
    const lines = (what: string) => ["", what, "kept", "task episode fixed"];
    return episode({ seed: 5, indices: [task] }, lines, 3, 4).rows.flatMap((of) => of.slice(0, 2));
  }).flat();
  for (const [i, found] of all.entries()) {
    assertEquals(found.get("seen"), seen, backends[i]![0]);
    assertEquals(found.get("wide"), wide, backends[i]![0]);
    assertEquals(found.get("kept"), kept, backends[i]![0]);
  }
});

Deno.test("rows of a whole table are those of a list, splits that call it otherwise share none", async () => {
  const all = await everywhere(`${glyphs}
data other { z : [5] = [10, 11, 12, 13, 14]  k : int [5] = [1, 1, 1, 0, 0] }
task part(pool : data, size : int) {
  split a { draw size of pool }
  split b { draw 3 of glyphs }
  split c { draw 2 of other }
}
output seen = concat(concat(a.id, b.id), c.z) across 4 part(glyphs, 48)`);
  const expected = Array.from({ length: 4 }, (_, task) => {
    const drawn = (what: string, k: number, n: number) =>
      distinct({ lines: ["", `part: ${what}`, "seen", "task part"], indices: [task], seed: 5 }, 1, k, n);
    return [...drawn("rows of pool", 51, 51), ...drawn("rows of other", 2, 5).map((i) => 10 + i)];
  }).flat();
  for (const [i, found] of all.entries()) assertEquals(found.get("seen"), expected, backends[i]![0]);
});

Deno.test("rows of a whole table beside those of its classes are those that a list leaves, whichever stands first", async () => {
  const all = await everywhere(`${glyphs}
task mixed(pool : data, more : int = 10) {
  classes 3 of pool by character
  split first   { draw 4 of pool }
  split support { draw 2 of each }
  split more_of { draw more of pool }
  split query   { draw 2 of each }
}
output seen = concat(concat(first.id, more_of.id), concat(support.id, query.id)) across 6 mixed(glyphs)
output all = concat(first.id, more_of.id) across 2 mixed(glyphs, more = ${classOf.length - 16})
output kinds = first.character across 6 mixed(glyphs)`);
  const drawn = (item: string, task: number, count: number) => {
    const place = { seed: 5, indices: [task] };
    const lines = (what: string) => ["", what.replace("episode", "mixed"), item, "task mixed"];
    const { rows } = episode(place, lines, 3, 4);
    const left = classOf.map((_, row) => row).filter((row) => !rows.flat().includes(row));
    const places = distinct({ ...place, lines: lines("mixed: rows of pool") }, 1, count, left.length);
    return { rows, others: places.map((at) => left[at]!) };
  };
  const tasks = Array.from({ length: 6 }, (_, task) => drawn("seen", task, 14));
  const seen = tasks.flatMap(({ rows, others }) => [
    ...others,
    ...rows.flatMap((of) => of.slice(0, 2)),
    ...rows.flatMap((of) => of.slice(2)),
  ]);
  const rest = [0, 1].flatMap((task) => drawn("all", task, classOf.length - 12).others);
  const kinds = Array.from({ length: 6 }, (_, task) => drawn("kinds", task, 14).others.slice(0, 4)).flat();
  for (const [i, found] of all.entries()) {
    assertEquals(found.get("seen"), seen, backends[i]![0]);
    assertEquals(found.get("all"), rest, backends[i]![0]);
    // numbers of the table, not of the classes
    assertEquals(found.get("kinds"), kinds.map((row) => values[classOf[row]!]), backends[i]![0]);
  }
});

Deno.test("classes are told by what is moved or computed, and by what is true, as by what is given", async () => {
  const run = await compile(`edition 1
data letters { kind : int [2, 2] = [[9, 8], [9, 8]] }
data moved {
  id     : [4]      = [0, 1, 2, 3]
  letter : int [4]  = reshape(transpose(letters.kind), [4])
  on     : bool [4] = [true, false, true, false]
}
task by_letter { classes 2 of moved by letter   split a { draw 2 of each } }
task by_truth { classes 2 of moved by on   split b { draw 2 of each   more = where(on > 0, 10, 0) } }
output pairs = sum(reshape(a.id, [2, 2]), axis = 1) across 6 by_letter
output truths = sum(reshape(b.id, [2, 2]), axis = 1) across 6 by_truth
output labels = b.on across 6 by_truth`).run();
  const pairsOf = (name: string) => {
    const { data } = run.output(name);
    return new Set(Array.from({ length: 6 }, (_, i) => [...data.slice(2 * i, 2 * i + 2)].sort().join(" ")));
  };
  // 9 9 8 8: rows 0 and 1, rows 2 and 3; rows 0 and 2 are true
  assertEquals([pairsOf("pairs"), pairsOf("truths")], [new Set(["1 5"]), new Set(["2 4"])]);
  assertEquals([...run.output("labels").data].slice(0, 4).map(Number), [0, 0, 1, 1]);
});

Deno.test("one gradient of MAML on episodes is that of a plain loop", async () => {
  const goal = "mean((w@T * query.id / 50 - (query.character - 1))^2)";
  const tasks = 6;
  const all = await everywhere(`${glyphs}
param w = 0.3
inner fit { minimize mean((w * support.id / 50 - (support.character - 1))^2)  over w  by sgd(lr = 0.2)  for T = 3 steps }
gradient ${goal}  wrt w@0, fit.lr  across ${tasks} episode(glyphs)`);
  const x = (rows: readonly (readonly number[])[], from: number) =>
    rows.flatMap((of, way) => of.slice(from, from + 2).map((id) => ({ x: id / 50, y: way - 1 })));
  const mean = (points: readonly { x: number; y: number }[], f: (p: { x: number; y: number }) => number) =>
    points.reduce((sum, p) => sum + f(p), 0) / points.length;
  let [slope, rate] = [0, 0];
  for (let task = 0; task < tasks; task++) {
    const { rows } = episode({ seed: 5, indices: [task] }, inItem(`gradient ${goal}`), 3, 4);
    const [support, query] = [x(rows, 0), x(rows, 2)];
    // w, its derivative for the start, and for the rate
    let [w, dw, dl] = [0.3, 1, 0];
    for (let t = 0; t < 3; t++) {
      const g = mean(support, (p) => 2 * p.x * (w * p.x - p.y));
      const h = mean(support, (p) => 2 * p.x * p.x);
      [w, dw, dl] = [w - 0.2 * g, dw - 0.2 * h * dw, dl - g - 0.2 * h * dl];
    }
    const end = mean(query, (p) => 2 * p.x * (w * p.x - p.y));
    slope += end * dw / tasks;
    rate += end * dl / tasks;
  }
  for (const [i, found] of all.entries()) {
    // numbers below 10, some 200 operations that round to 2^-53 each
    const near = (name: string, expected: number) =>
      assert(
        Math.abs(found.get(name)![0]! - expected) < 10 * 200 * 2 ** -53,
        `${backends[i]![0]}: ${found.get(name)} and ${expected}`,
      );
    near("w", slope);
    near("fit.lr", rate);
  }
});

Deno.test("each meta-step has episodes of its own, and those of an outer that another runs are others", async () => {
  const all = await everywhere(`${glyphs}
param w = 0
param v = 0
outer train { minimize (w - mean(support.id) / 50)^2  across 3 episode(glyphs)  over w  by sgd(lr = 0.25)  for 4 steps }
outer mid { minimize (v - mean(query.id) / 50)^2  across 2 episode(glyphs, ways = 2)  over v  by sgd(lr = 0.5)  for M = 2 steps }
output learned = w
output ended = v@M across 2 episode(glyphs)`);
  const mean = (numbers: readonly number[]) => numbers.reduce((sum, x) => sum + x, 0) / numbers.length;
  let w = 0;
  for (let step = 0; step < 4; step++) {
    const goals = [0, 1, 2].map((task) => {
      const { rows } = episode({ seed: 5, indices: [step, task] }, inItem("train"), 3, 4);
      return mean(rows.flatMap((of) => of.slice(0, 2))) / 50;
    });
    w -= 0.25 * mean(goals.map((goal) => 2 * (w - goal)));
  }
  // the output's task, the step of the outer that it runs, and that one's own task
  const ended = [0, 1].map((around) => {
    let v = 0;
    for (let step = 0; step < 2; step++) {
      const goals = [0, 1].map((task) => {
        const lines = (what: string) => ["", what, "ended", "task episode", "mid", "task episode"];
        const { rows } = episode({ seed: 5, indices: [around, step, task] }, lines, 2, 4);
        return mean(rows.flatMap((of) => of.slice(2))) / 50;
      });
      v -= 0.5 * mean(goals.map((goal) => 2 * (v - goal)));
    }
    return v;
  });
  for (const [i, found] of all.entries()) {
    // numbers below 2, some 100 operations that round to 2^-53 each
    const near = (name: string, expected: readonly number[]) =>
      expected.forEach((x, k) =>
        assert(Math.abs(found.get(name)![k]! - x) < 2 * 100 * 2 ** -53, `${backends[i]![0]}: ${name} ${x}`)
      );
    near("learned", [w]);
    near("ended", ended);
  }
});

Deno.test("over 10,000 episodes no class and no row is met twice, each choice as often as the others; wrong samplers are rejected", async () => {
  const [ways, each, tasks] = [3, 4, 10_000];
  const run = await compile(`edition 1\n${glyphs}
output seen = [support.id, query.id] across ${tasks} episode(glyphs)`).run({ backend: "wasm" });
  const { data } = run.output("seen");
  const episodes = Array.from({ length: tasks }, (_, task): Episode => {
    const own = [...data.slice(task * ways * each, (task + 1) * ways * each)].map(Number);
    const [support, query] = [own.slice(0, ways * 2), own.slice(ways * 2)];
    const of = (way: number) => [...support.slice(2 * way, 2 * way + 2), ...query.slice(2 * way, 2 * way + 2)];
    return { classes: [0, 1, 2].map((way) => classOf[support[2 * way]!]!), rows: [0, 1, 2].map(of) };
  });
  /** What is wrong with episodes; nothing where they are as they should be. */
  const wrong = (all: readonly Episode[]): string | undefined => {
    for (const { classes, rows } of all) {
      if (new Set(classes).size < ways) return "a class twice";
      if (new Set(rows.flat()).size < ways * each) return "a row twice";
      if (rows.some((of, way) => of.some((row) => classOf[row] !== classes[way]))) return "a row of another class";
    }
    const orders = all.map(({ classes }) => orderOf(classes, values.length));
    if (chiSquare(countsOf(orders, 504), even(504)) > most(503)) return "classes too often";
    for (const [c, n] of counts.entries()) {
      // the first row of the support, and the last of the query
      const pairs = all.flatMap(({ classes, rows }) =>
        classes.flatMap((own, way) => own === c ? [[rows[way]![0]!, rows[way]![3]!]] : [])
      ).map((pair) => orderOf(pair.map((row) => groups[c]!.indexOf(row)), n));
      const cells = n * (n - 1);
      if (chiSquare(countsOf(pairs, cells), even(cells)) > most(cells - 1)) return `rows of class ${c} too often`;
    }
    return undefined;
  };
  assertEquals(wrong(episodes), undefined);
  const planted = (make: (e: Episode, i: number) => Episode) => wrong(episodes.map(make));
  // with replacement: the last row is any of the class
  const again = planted((e, i) => ({
    ...e,
    rows: e.rows.map((of, way) => [...of.slice(0, 3), groups[e.classes[way]!]![i % counts[e.classes[way]!]!]!]),
  }));
  assertEquals(again, "a row twice");
  // the first rows favoured, in one episode of ten
  const first = planted((e, i) => ({
    ...e,
    rows: e.rows.map((of, way) => i % 10 > 0 ? of : groups[e.classes[way]!]!.slice(0, 4)),
  }));
  assert(first?.startsWith("rows of class"), first);
  // the first classes favoured, in one episode of ten
  const low = planted((e, i) =>
    i % 10 > 0 ? e : { classes: [0, 1, 2], rows: groups.slice(0, 3).map((g) => g.slice(0, 4)) }
  );
  assertEquals(low, "classes too often");
});
