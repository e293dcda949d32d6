// Is the cell that an architecture search finds better than one taken at random? For each of ten seeds (data, starts): a search of second
// order (one-step loops with momentum), the cell with the largest alpha on each edge, and ten cells drawn once, all trained anew on the
// same rows. Prints the errors on held-out rows, and of the differences by seed the mean with its 95 % interval, whatever it says.
//
//     deno run -A bench/architecture_search.ts [SEEDS] [SEARCH_STEPS] [TRAINING_STEPS]
import { compile, summarize } from "../mod.ts";
import { fillPhilox } from "../runtime/random/philox.ts";

const [seeds = 10, searchSteps = 300, trainingSteps = 1000] = Deno.args.map(Number);
const rows = { train: 40, valid: 40, test: 400 };
const operations = ["x", "tanh", "sin"];
const randomCells = 10;

const cell = `
model edge(x : [n, m], share : [3]) -> [n, m] {
  use a = dense(4)
  use b = dense(4)
  return share[0] * x + share[1] * tanh(a(x)) + share[2] * sin(b(x))
}
model net(x : [n, 2], share : [3, 3]) -> [n, 1] {
  use stem = dense(4)
  use e01  = edge
  use e02  = edge
  use e12  = edge
  use head = dense(1)
  let x0 = stem(x)
  let x1 = e01(x0, share[0])
  return head(e02(x0, share[1]) + e12(x1, share[2]))
}`;

const search = `edition 1
task problem {
  split train { x : [${rows.train}, 2]  y : [${rows.train}, 1] }
  split valid { x : [${rows.valid}, 2]  y : [${rows.valid}, 1] }
}
param alpha : [3, 3] ~ normal(0, 1e-3)
${cell}
inner fit {
  minimize mse(net(train.x, softmax(alpha)), train.y)
  over net  by sgd(lr = 0.05, momentum = 0.9, weight_decay = 1e-3)
  for T = 1 steps  from fit@T
}
outer search {
  minimize mse(net@T(valid.x, softmax(alpha)), valid.y)
  across 1 problem fixed
  over alpha  by adam(lr = 0.02, beta1 = 0.5, weight_decay = 1e-3)
  for ${searchSteps} steps
}`;

/** Trained on what the search had for both, each cell a task. */
const training = `edition 1
task candidate {
  split train { x : [${rows.train + rows.valid}, 2]  y : [${rows.train + rows.valid}, 1] }
  split test { x : [${rows.test}, 2]  y : [${rows.test}, 1] }
  split chosen { share : [3, 3] }
}
${cell}
inner fit {
  minimize mse(net(train.x, chosen.share), train.y)
  over net  by sgd(lr = 0.05, momentum = 0.9, weight_decay = 1e-3)
  for T = ${trainingSteps} steps
}
override fit { lr@t = 0.05 * cosine(t, T) }
output errors = mse(net@T(test.x, chosen.share), test.y) across ${1 + randomCells} candidate`;

/** Uniform in [0, 1), a stream for each seed and use. */
function uniforms(seed: number, stream: number, count: number): number[] {
  const words = new Int32Array(count);
  fillPhilox(words, { key: [seed, stream], counter: [0, 0, 0], offset: 0, count });
  return Array.from(words, (word) => (word >>> 0) / 2 ** 32);
}

/** Rows of x, [n, 2], and y = sin(2 a) b + 0.3 tanh(3 b) with a noise of 0.05. */
function part(seed: number, name: keyof typeof rows) {
  const n = rows[name];
  const stream = Object.keys(rows).indexOf(name) + 1;
  const x = uniforms(seed, stream, 2 * n).map((u) => 3 * u - 1.5);
  const noise = uniforms(seed, stream + 10, 2 * n);
  const y = Array.from({ length: n }, (_, i) => {
    const [a, b] = [x[2 * i]!, x[2 * i + 1]!];
    const normal = Math.sqrt(-2 * Math.log(1 - noise[2 * i]!)) * Math.cos(2 * Math.PI * noise[2 * i + 1]!);
    return Math.sin(2 * a) * b + 0.3 * Math.tanh(3 * b) + 0.05 * normal;
  });
  return { x, y };
}
const table = (...parts: readonly { x: number[]; y: number[] }[]) => {
  const [x, y] = [parts.flatMap((p) => p.x), parts.flatMap((p) => p.y)];
  return { x: { shape: [y.length, 2], data: x }, y: { shape: [y.length, 1], data: y } };
};

/** The operation of each edge. */
type Cell = readonly number[];
const written = (c: Cell) => c.map((op) => operations[op]).join(" ");
const best = (alpha: ArrayLike<number>): Cell =>
  [0, 1, 2].map((e) => [0, 1, 2].reduce((k, j) => alpha[3 * e + j]! > alpha[3 * e + k]! ? j : k));

const everyCell = Array.from({ length: 27 }, (_, i) => [Math.floor(i / 9), Math.floor(i / 3) % 3, i % 3]);
/** Different ones, the same for every seed. */
const drawn: readonly Cell[] = uniforms(0, 99, 27).map((u, i) => [u, i] as const).sort(([a], [b]) => a - b)
  .slice(0, randomCells).map(([, i]) => everyCell[i]!);

const searching = compile(search, {
  tasks: { problem: ({ seed }) => ({ train: table(part(seed, "train")), valid: table(part(seed, "valid")) }) },
});
let cells: readonly Cell[] = [];
const trained = compile(training, {
  tasks: {
    candidate: ({ seed, index }) => ({
      train: table(part(seed, "train"), part(seed, "valid")),
      test: table(part(seed, "test")),
      chosen: { share: { shape: [3, 3], data: cells[index]!.flatMap((op) => [0, 1, 2].map((k) => Number(k === op))) } },
    }),
  },
});

const mean = (list: readonly number[]) => list.reduce((a, b) => a + b) / list.length;
const differences: number[] = [];
const ratios: number[] = [];
console.log(`random cells: ${drawn.map(written).join(" | ")}`);
for (let seed = 0; seed < seeds; seed++) {
  const found = await searching.run({ seed });
  const derived = best(found.parameter("alpha").data);
  cells = [derived, ...drawn];
  const [own, ...others] = Array.from((await trained.run({ seed })).output("errors").data, Number);
  differences.push(own! - mean(others));
  ratios.push(Math.log(own!) - mean(others.map(Math.log)));
  const better = others.filter((e) => e < own!).length;
  console.log(
    `seed ${seed}: ${written(derived)}  error ${own!.toFixed(5)}  random ${mean(others).toFixed(5)} ` +
      `(${Math.min(...others).toFixed(5)} .. ${Math.max(...others).toFixed(5)}), ${better} of ${randomCells} better`,
  );
}

function told(what: string, list: readonly number[], shown: (x: number) => number): void {
  const { mean, interval } = summarize(list);
  const [middle, low, high] = [mean, ...interval!].map((x) => shown(x).toFixed(4));
  console.log(`${what}: ${middle}, 95 % interval ${low} .. ${high}`);
}
told("derived - mean of the random cells", differences, (x) => x);
// the mean is mostly that of the cell that is a line
told("derived / geometric mean of the random cells", ratios, Math.exp);
