// How long does a meta-step take here and in the systems that people would use instead? One process for each measurement, ours
// and theirs alternating; printed are both medians, the median of the ratios of neighbours, and the same for the first call with
// compilation.
//
//     deno run -A bench/peers.ts --peers FOLDER --python PYTHON [--backend BACKEND] [--rounds N] [WORKLOAD ...]
//     deno run -A bench/peers.ts --one WORKLOAD [--backend BACKEND] [THREADS]
//
// FOLDER has the scripts sinusoid_jax.py STEPS, sinusoid_torch.py STEPS, unroll_jax.py STEPS, conv_jax.py, conv_torch.py, each
// of which prints `NAME milliseconds-a-meta-step seconds-of-the-first-call`.
import { parseArgs } from "node:util";
import { chooseBackend } from "../api/backends.ts";
import { compileProgram } from "../dsl/compile.ts";
import { makeWasmBackend } from "../runtime/backend/wasm/index.ts";
import type { Backend } from "../runtime/backend/interface.ts";
import { runProgram } from "../runtime/loop/run.ts";

interface Workload {
  readonly source: string;
  readonly peer: readonly string[];
  /** One thread here and there. */
  readonly one?: true;
  /** Bytes that a function may keep. */
  readonly memory?: number;
  /** Meta-steps before and in the measurement. */
  readonly steps: readonly [number, number];
}

const sinusoid = (steps: number) =>
  `edition 1
input K : int = 10
task sinusoid {
  A ~ uniform(0.1, 5)
  phi ~ uniform(0, pi)
  fn f(x) = A * sin(x - phi)
  split support { x : [K, 1] ~ uniform(-5, 5)   y = f(x) }
  split query   { x : [K, 1] ~ uniform(-5, 5)   y = f(x) }
}
model mlp(x : [n, 1]) -> [n, 1] {
  use l1 = dense(40, init = truncated_normal(0.2))
  use l2 = dense(40, init = truncated_normal(0.2))
  use l3 = dense(1,  init = truncated_normal(0.2))
  return x |> l1 |> relu |> l2 |> relu |> l3
}
inner adapt { minimize mse(mlp(support.x), support.y) over mlp by sgd(lr = 0.01) for T = ${steps} steps through unroll() }
outer train { minimize mse(mlp@T(query.x), query.y) across 25 sinusoid over mlp@0 by adam(lr = 1e-3) for STEPS steps }`;

// the rates do not move: their gradient is what costs
const unroll = (steps: number) =>
  `edition 1
data d { x : [100, 1] = [${Array.from({ length: 100 }, (_, i) => `[${(-5 + i / 10).toFixed(1)}]`).join(", ")}] }
model net(x : [n, 1]) -> [n, 1] {
  use l1 = dense(40, init = normal(0, 0.3))  use l2 = dense(40, init = normal(0, 0.3))
  use l3 = dense(1, init = normal(0, 0.3))
  return x |> l1 |> tanh |> l2 |> tanh |> l3
}
inner fit { minimize mse(net(d.x), sin(d.x)) over net by sgd(lr = 0.01) for T = ${steps} steps }
override fit { lr = 0.01 per step }
outer train { minimize mse(net@T(d.x), sin(d.x)) over net@0, fit.lr by sgd(lr = 1e-9) for STEPS steps }`;

// one task, a wide network
const wide = (steps: number) =>
  `edition 1
data d { x : [64, 1] = [${Array.from({ length: 64 }, (_, i) => `[${(-5 + i * 10 / 64).toFixed(3)}]`).join(", ")}] }
model net(x : [n, 1]) -> [n, 1] {
  use l1 = dense(2048, init = normal(0, 0.02))  use l2 = dense(2048, init = normal(0, 0.02))
  use l3 = dense(1, init = normal(0, 0.02))
  return x |> l1 |> tanh |> l2 |> tanh |> l3
}
inner fit { minimize mse(net(d.x), sin(d.x)) over net by sgd(lr = 0.01) for T = ${steps} steps }
override fit { lr = 0.01 per step }
outer train { minimize mse(net@T(d.x), sin(d.x)) over net@0, fit.lr by sgd(lr = 1e-9) for STEPS steps }`;

const conv = `edition 1
task fewshot {
  split support { x : [5, 1, 28, 28] ~ normal(0, 1)  y = range(5) }
  split query   { x : [75, 1, 28, 28] ~ normal(0, 1)  y = mod(range(75), 5) }
}
model net(x : [n, 1, 28, 28]) -> [n, 5] {
  use c1 = conv2d(64)  use b1 = batch_norm()
  use c2 = conv2d(64)  use b2 = batch_norm()
  use c3 = conv2d(64)  use b3 = batch_norm()
  use c4 = conv2d(64)  use b4 = batch_norm()
  use head = dense(5)
  let h1 = x |> c1 |> b1 |> relu |> max_pool
  let h2 = h1 |> c2 |> b2 |> relu |> max_pool
  let h3 = h2 |> c3 |> b3 |> relu |> max_pool
  let h4 = h3 |> c4 |> b4 |> relu |> max_pool
  return reshape(h4, [size(h4, 0), 64]) |> head
}
inner adapt { minimize cross_entropy(net(support.x), support.y) over net by sgd(lr = 0.4) for T = 1 steps }
outer train { minimize cross_entropy(net@T(query.x), query.y) across 4 fewshot over net@0 by adam(lr = 1e-3) for STEPS steps }`;

const workloads: Readonly<Record<string, Workload>> = {
  "sinusoid-1": { source: sinusoid(1), peer: ["sinusoid_jax.py", "1"], steps: [500, 2500] },
  "sinusoid-5": { source: sinusoid(5), peer: ["sinusoid_jax.py", "5"], steps: [200, 1000] },
  // a tenth of T times the carry of 1,761 numbers
  "unroll-1000-lean": {
    source: unroll(1000),
    peer: ["unroll_jax.py", "1000"],
    one: true,
    memory: 704_400,
    steps: [2, 5],
  },
  "unroll-10000-lean": {
    source: unroll(10_000),
    peer: ["unroll_jax.py", "10000"],
    one: true,
    memory: 7_044_000,
    steps: [1, 3],
  },
  "unroll-1000": { source: unroll(1000), peer: ["unroll_jax.py", "1000"], one: true, steps: [2, 5] },
  "unroll-10000": { source: unroll(10_000), peer: ["unroll_jax.py", "10000"], one: true, steps: [1, 3] },
  // the same with all processors, here and there
  "unroll-1000-lean-all": { source: unroll(1000), peer: ["unroll_jax.py", "1000"], memory: 704_400, steps: [4, 5] },
  "unroll-1000-all": { source: unroll(1000), peer: ["unroll_jax.py", "1000"], steps: [4, 5] },
  "unroll-10000-lean-all": {
    source: unroll(10_000),
    peer: ["unroll_jax.py", "10000"],
    memory: 7_044_000,
    steps: [1, 3],
  },
  "wide-5": { source: wide(5), peer: ["wide_jax.py", "5"], steps: [1, 5] },
  "conv": { source: conv, peer: ["conv_torch.py"], steps: [1, 5] },
};

/** One measurement here: milliseconds of a meta-step, and seconds from the text to the first result. */
async function measure(name: string, backend: Backend): Promise<[number, number]> {
  const { source, memory, steps: [before, counted] } = workloads[name]!;
  const text = source.replace("STEPS", String(before + counted));
  const start = performance.now();
  const { program, diagnostics } = compileProgram(
    {
      root: { name: `${name}.meta`, text },
      readSource: () => undefined,
      readData: () => undefined,
      inputs: new Map(),
    } as unknown as Parameters<typeof compileProgram>[0],
  );
  if (!program) throw new Error(diagnostics.map((d) => d.code).join());
  const times: number[] = [];
  const result = await runProgram(program, backend, {
    ...(memory === undefined ? {} : { memory }),
    report: (event) => {
      if (event.kind === "step") times.push(performance.now());
    },
  });
  if (result.failure) throw result.failure;
  return [(times.at(-1)! - times[before - 1]!) / counted, (times[0]! - start) / 1000];
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The last two numbers of what a process prints. */
async function measured(command: string, args: readonly string[], env: Record<string, string> = {}): Promise<number[]> {
  const output = await new Deno.Command(command, { args: [...args], env, stderr: "piped" }).output();
  const text = new TextDecoder().decode(output.stdout).trim();
  if (!output.success) throw new Error(new TextDecoder().decode(output.stderr));
  const [, ms, first] = text.split("\n").at(-1)!.split(" ");
  return [Number(ms), Number(first)];
}

const text = { type: "string" } as const;
const { values: options, positionals } = parseArgs({
  args: Deno.args,
  options: { peers: text, python: text, one: text, rounds: text, backend: text },
  allowPositionals: true,
});
if (options.one) {
  const [name, threads] = [options.backend ?? "wasm", positionals[0]];
  const backend = threads ? makeWasmBackend({ threads: Number(threads) }) : (await chooseBackend(name)).backend;
  console.log(name, ...await measure(options.one, backend));
} else {
  const names = positionals.length > 0 ? positionals : Object.keys(workloads);
  console.log("| workload | here, ms | peer, ms | ratio | first call here, s | peer, s | ratio |");
  console.log("| --- | --- | --- | --- | --- | --- | --- |");
  for (const name of names) {
    const { peer: [script, ...args], one } = workloads[name]!;
    const rows: number[][] = [];
    for (let round = 0; round < Number(options.rounds ?? 5); round++) {
      const backend = options.backend ?? "wasm";
      const ours = await measured(Deno.execPath(), [
        ...["run", "-A", new URL(import.meta.url).pathname, "--one", name, "--backend", backend],
        ...(one && backend === "wasm" ? ["1"] : []),
      ]);
      const folder = script === "wide_jax.py" ? new URL(".", import.meta.url).pathname : options.peers;
      const python = [options.python ?? "python3", `${folder}/${script}`, ...args];
      const theirs = one
        ? await measured("taskset", ["-c", "0", ...python], { OMP_NUM_THREADS: "1" })
        : await measured(python[0]!, python.slice(1));
      rows.push([ours[0]!, theirs[0]!, ours[0]! / theirs[0]!, ours[1]!, theirs[1]!, ours[1]! / theirs[1]!]);
    }
    const columns = rows[0]!.map((_, i) => median(rows.map((row) => row[i]!)));
    console.log(`| ${[`${name}, ${script}`, ...columns.map((x) => x.toPrecision(3))].join(" | ")} |`);
  }
}
