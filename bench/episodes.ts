// What does an episode cost that is only read, the sum of its images? Drawn by `classes` and `draw`, by a hand-written gather, and by the
// trick that stood for both: `argmax` of uniform draws for each class and row. 1,200 classes of 20 drawings, 5 ways, 16 rows of each.
//
//     deno run -A bench/episodes.ts [--tasks 20000]
//
// Processor time of one thread, the least of four runs: the machine may be shared.
import { cpuUsage } from "node:process";
import { parseArgs } from "node:util";
import { compile } from "../mod.ts";

const { values } = parseArgs({ options: { tasks: { type: "string", default: "20000" } } });
const tasks = Number(values.tasks);
const [classes, drawings, pixels] = [1200, 20, 28 * 28];
const rows = classes * drawings;
const image = Uint8Array.from({ length: rows * pixels }, (_, i) => (i * 2654435761) >>> 24);
const character = Int32Array.from({ length: rows }, (_, row) => Math.floor(row / drawings));

const ways: Readonly<Record<string, string>> = {
  "classes and draw": `task episode(pool : data) {
  classes 5 of pool by character
  split all { draw 16 of each }
}`,
  "the same, not read": `task episode(pool : data) {
  classes 5 of pool by character
  split all { draw 16 of each }
}`,
  "a gather by hand": `task episode(pool : data) {
  c : int [5]  ~ permutation(1200)
  r : int [16] ~ permutation(20)
  split all { image = take(pool.image, reshape(20 * expand_dims(c, 1) + r, [80]), axis = 0) }
}`,
  "argmax of uniform draws": `task episode(pool : data) {
  u : [5, 1200]   ~ uniform(0, 1)
  v : [5, 16, 20] ~ uniform(0, 1)
  let rows = reshape(20 * expand_dims(argmax(u, axis = 1), 1) + argmax(v, axis = 2), [80])
  split all { image = take(pool.image, rows, axis = 0) }
}`,
};

for (const [name, task] of Object.entries(ways)) {
  const read = name.endsWith("not read") ? "sum(all.id)" : "sum(1.0 * all.image)";
  const experiment = compile(
    `edition 1
data glyphs { image : u8 [_, 784]   character : int [_]   id : [_] }
${task}
param w = 0
evaluate test { across ${tasks} episode(glyphs)   report w + ${read} }`,
    {
      data: {
        glyphs: {
          image: { shape: [rows, pixels], data: image },
          character: { shape: [rows], data: character },
          id: { shape: [rows], data: Float32Array.from(character) },
        },
      },
    },
  );
  const times: number[] = [];
  for (let run = 0; run < 4; run++) {
    const before = cpuUsage().user;
    await experiment.run({ backend: "wasm", threads: 1 });
    times.push((cpuUsage().user - before) / tasks);
  }
  console.log(`${name.padEnd(24)} ${Math.min(...times).toFixed(1)} µs an episode`);
}
