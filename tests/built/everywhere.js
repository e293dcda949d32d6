// What does the package say wherever it runs? One list of facts, asked in Deno, Node and pages by the same lines: plain numbers and texts,
// to be the same everywhere. Nothing is imported: the package, and what there is of files, are given.

/** A gradient through tasks that threads share. */
const tasks = `edition 1
precision f64
task line { k ~ uniform(-2, 2)  split s { x : [40, 1] ~ uniform(-1, 1)   y = k * x } }
model net(x : [n, 1]) -> [n, 1] {
  w : [1, 16] ~ normal(0, 0.5)
  v : [16, 1] ~ normal(0, 0.5)
  return dot(tanh(dot(x, w)), v)
}
inner fit { minimize mse(net(s.x), s.y) over net by sgd(lr = 0.1) for T = 20 steps }
outer train { minimize fit.loss@T across 32 line over net@0, fit.lr by sgd(lr = 0.01) for 100_000 steps }
`;

/** Files that a program names, unpacked, and images. */
const reading = `edition 1
precision f64
data table from "packed.npz" { x : [_, _] }
data zipped from "t.csv.gz" { a : [_] }
data pictures from "images/*.png" { x : u8 [_, _, _, _] }
data photos from "photos/*.jpg" { x : u8 [_, 3, _, _] }
data columns from "kinds.parquet" { last : [_] }
param w = 2
output sums = [sum(table.x), sum(zipped.a), sum(1.0 * pictures.x), sum(1.0 * photos.x), sum(columns.last)]
gradient w * sum(table.x) wrt w
`;

const wrong = `edition 1
model line(x : [n]) -> [n] { w = 0.5  return w * y }
gradient line([1, 2]) wrt line.w
`;

const numbers = (array) => [...array.data];
const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

/** What went wrong, as text. */
async function saidBy(task) {
  try {
    return { value: await task() };
  } catch (error) {
    return { error: error.name, message: error.message };
  }
}

/** Runs the worked example and asks it everything. */
async function toy(meta, { toy, files }) {
  const read = (path) => path === "toy.csv" ? bytesOf(files["toy.csv"]) : undefined;
  const experiment = meta.compile(toy, { read, name: "toy.meta" });
  const run = await experiment.run({ backend: "wasm", seed: 1 });
  const gradients = Object.fromEntries(
    ["linear.w@0", "fit.lr", "fit.momentum"].map((name) => [name, numbers(run.gradient(name))]),
  );
  const restored = meta.restoreRun(run.serialize());
  return {
    outcome: run.outcome,
    value: run.value(),
    gradients,
    steps: [0, 1, 2, 3, 4, 5].map((time) => numbers(run.parameter("linear.w", { time }))),
    called: numbers(run.model("linear").call({ x: { shape: [2, 1], data: [2, -1] } })),
    // without what it took
    printed: String(run).split("\n").slice(1),
    restored: [restored.value(), numbers(restored.parameter("linear.w", { time: 3 }))],
    reference: (await experiment.run({ backend: "reference" })).value(),
  };
}

/** A program at an address that nobody is asked for: `fetch` answers with the files. And what a notebook shows of its run. */
async function address(meta, { toy, files }) {
  const { fetch } = globalThis;
  const there = { "/at/toy.meta": toy, "/at/toy.csv": bytesOf(files["toy.csv"]) };
  globalThis.fetch = (url) => {
    const content = there[new URL(url).pathname];
    return Promise.resolve(new Response(content ?? "", { status: content ? 200 : 404 }));
  };
  try {
    const run = await (await meta.compileUrl("https://a.example/at/toy.meta")).run({ backend: "wasm", seed: 1 });
    const shown = await run[Symbol.for("Jupyter.display")]();
    return {
      value: run.value(),
      none: await saidBy(() => meta.compileUrl("https://a.example/at/none.meta")),
      headings: [...shown["text/html"].matchAll(/<h2>(.*?)<\/h2>/g)].map(([, title]) => title),
    };
  } finally {
    globalThis.fetch = fetch;
  }
}

/** Stops a run by its signal, goes on with it, and compares that with a run that was never stopped. */
async function stopped(meta) {
  const text = (steps) => tasks.replace("100_000", String(steps)).replace("32 line", "2 line");
  const stop = new AbortController();
  const first = await meta.compile(text(12)).run({
    backend: "wasm",
    signal: stop.signal,
    onStep: ({ step }) => step === 5 && stop.abort(),
  });
  const rest = await meta.compile(text(12)).run({ resume: first });
  const whole = await meta.compile(text(12)).run({ backend: "wasm" });
  return {
    outcome: first.outcome,
    losses: [...rest.losses()].join() === [...whole.losses()].join() ? [...whole.losses()] : "differ",
  };
}

/** Runs with all threads until some take part, then the same on one. `helpers` counts the threads that do. */
async function threads(meta, helpers, mostSteps) {
  // in a page that is not isolated nobody will come
  let most = globalThis.crossOriginIsolated === false ? 20 : mostSteps;
  const stop = new AbortController();
  const run = await meta.compile(tasks).run({
    backend: "wasm",
    threads: 4,
    signal: stop.signal,
    // 20 steps with their help
    onStep: ({ step }) => (helpers() > 0 && (most = Math.min(most, step + 20)), step >= most && stop.abort()),
  });
  const losses = run.losses();
  const alone = await meta.compile(tasks.replace("100_000", String(losses.length))).run({
    backend: "wasm",
    threads: 1,
  });
  return {
    joined: helpers() > 0,
    same: losses.every((loss, i) => loss === alone.losses()[i]),
    first: [...losses.slice(0, 5)],
  };
}

/** Watches the workers that are started, and counts those that take part: a word of the memory that they share. */
function watchThreads() {
  const memories = [];
  const watch = (Worker) =>
    class extends Worker {
      postMessage(message, ...more) {
        const memory = message?.memory ?? message?.memories?.memory;
        if (memory) memories.push(memory);
        super.postMessage(message, ...more);
      }
    };
  const node = globalThis.Deno ? undefined : globalThis.process?.getBuiltinModule?.("node:worker_threads");
  if (node) node.Worker = watch(node.Worker);
  else if (globalThis.Worker) globalThis.Worker = watch(globalThis.Worker);
  return () => memories.reduce((sum, { buffer }) => sum + Atomics.load(new Int32Array(buffer), 64), 0);
}

/** All facts. `place`: the text of `toy.meta`, files in base64, and the path of the program where there are files, with that
 *  of a folder to be made. `mostSteps`: for which
 *  threads are waited. */
export async function facts(meta, place) {
  const { files, path, folder, mostSteps } = place;
  const helpers = watchThreads();
  await meta.loadJpegReader();
  await meta.loadParquetReader();
  const read = (name) => files[name] && bytesOf(files[name]);
  const list = (folder) =>
    Object.keys(files).filter((name) => name.startsWith(`${folder}/`)).map((name) => name.slice(folder.length + 1));
  return {
    version: meta.version,
    toy: await toy(meta, place),
    address: await address(meta, place),
    stopped: await stopped(meta),
    read: await saidBy(async () => numbers((await meta.compile(reading, { read, list }).run()).output("sums"))),
    wrong: await saidBy(() => meta.compile(wrong, { name: "wrong.meta" })),
    failed: await saidBy(() =>
      meta.compile(`edition 1
param w = 1
inner fit { minimize (w - 3)^4 over w by sgd(lr = 100) for T = 20 steps }
record w@*
`).run()
    ),
    missing: await saidBy(() =>
      meta.compile(`edition 1\ndata d from "none.csv" { x : [_] }\nparam w = 0\ngradient w * sum(d.x) wrt w`)
    ),
    tensorflow: await saidBy(() =>
      meta.compile(wrong.replace("* y", "* x").replace("([1, 2])", "([1, 2])[0]")).run({ backend: "tensorflow" })
    ),
    folder: await saidBy(async () => {
      const first = await meta.compile(tasks.replace("100_000", "5").replace("32 line", "2 line")).run();
      meta.writeRunFolder(first, folder ?? "left");
      const again = await meta.compile(tasks.replace("100_000", "5").replace("32 line", "2 line")).run({
        resume: folder ?? "left",
      });
      const [compared] = meta.compareRuns({ left: [folder ?? "left"], held: [again] });
      return [again.outcome, compared.name, compared.settings.map(({ mean }) => mean), [...again.losses()]];
    }),
    served: await saidBy(async () => (await (await meta.compileUrl(place.address)).run({ backend: "wasm" })).value()),
    reported: await saidBy(async () => {
      const run = await meta.compile(tasks.replace("100_000", "5").replace("32 line", "2 line")).run({
        backend: "wasm",
      });
      return [await meta.reportRuns({ a: [run] }), await meta.showRuns({ a: [run] })].map((text) => text.length > 500);
    }),
    file: await saidBy(async () => (await meta.compileFile(path ?? "toy.meta").run()).value()),
    threads: await threads(meta, helpers, mostSteps),
  };
}
