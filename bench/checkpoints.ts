// What do checkpoints cost? Sinusoid MAML with a run folder, checkpoints as usual and none, in turn: seconds of each pair, and the share of
// the time that is spent between "a checkpoint is due" and "the run goes on". And how long a run whose state has 100 MB stands still for
// one, with the parts of that: making plain data, its SHA-256, writing, and waiting until the disk has it.
//
//     deno run -A bench/checkpoints.ts [--pairs 9] [--steps 60000] [--folder FOLDER]
import process from "node:process";
import { parseArgs } from "node:util";
import { compileProgram } from "../dsl/compile.ts";
import { makeWasmBackend } from "../runtime/backend/wasm/index.ts";
import { runProgram } from "../runtime/loop/run.ts";
import type { RunState } from "../runtime/loop/run_state.ts";
import type { ExperimentProgram } from "../runtime/program/program.ts";
import { encodeCheckpoint } from "../runtime/record/checkpoint_bytes.ts";
import { openCheckpointTimes, parseCheckpointTimes, usualTimes } from "../runtime/record/checkpoint_times.ts";
import { openRunFolder } from "../runtime/record/run_folder.ts";
import { sumOfData, writePlainData } from "../runtime/record/plain_data.ts";

const { values } = parseArgs({
  args: Deno.args,
  options: {
    pairs: { type: "string", default: "9" },
    steps: { type: "string", default: "60000" },
    folder: { type: "string" },
  },
});
const root = values.folder ?? Deno.makeTempDirSync();
const of = { files: {}, inputs: {}, seed: 0, backend: "wasm", precision: "f32" } as unknown as Parameters<
  typeof openRunFolder
>[1]["of"];

function compiled(text: string, inputs: Record<string, string> = {}): ExperimentProgram {
  const nothing = { readSource: () => undefined, readData: () => undefined };
  const { program, diagnostics } = compileProgram({ root: { name: "bench.meta", text }, inputs, ...nothing });
  if (!program) throw new Error(diagnostics[0]!.title);
  return program;
}

let folders = 0;
const openFolder = () =>
  openRunFolder(`${root}/run${folders++}`, { root: "", imports: new Map(), outputs: [], effective: {}, of });

/** Runs with a folder: seconds of the run, of both processors, and in checkpoints; milliseconds of each of these. */
async function timed(program: ExperimentProgram, checkpoints: string | undefined) {
  const folder = openFolder();
  const now = () => performance.now() / 1000;
  const times = checkpoints === undefined ? usualTimes : parseCheckpointTimes(checkpoints)!;
  const checkpoint = openCheckpointTimes(times, now);
  let inside = 0;
  const each: number[] = [];
  const start = now();
  const before = process.cpuUsage();
  const result = await runProgram(program, makeWasmBackend({}), {
    report: (event) => folder.record(event, now() - start),
    mark(state, moment) {
      const begun = now();
      const at = state();
      checkpoint(at, moment, () => {
        folder.checkpoint(at, moment, now() - start);
        each.push(1000 * (now() - begun));
      });
      inside += now() - begun;
    },
  });
  const seconds = now() - start;
  const { user, system } = process.cpuUsage(before);
  folder.finish(result);
  return { seconds, processor: (user + system) / 1e6, inside, each };
}

const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;
const spread = (list: readonly number[], digits: number) =>
  `${median(list).toFixed(digits)} (${Math.min(...list).toFixed(digits)} to ${Math.max(...list).toFixed(digits)})`;

async function share() {
  const text = Deno.readTextFileSync(new URL("../examples/sinusoid_maml.meta", import.meta.url));
  const program = compiled(text);
  const outer = program.outers[0]!;
  const steps = Number(values.steps);
  const long = {
    ...program,
    outers: [{ ...outer, steps }],
    evaluations: [],
    gradients: [],
    outputs: [],
    simulations: [],
  };
  const shares: number[] = [];
  const each: number[] = [];
  const made: Record<"seconds" | "processor", { usual: number[]; off: number[] }> = {
    seconds: { usual: [], off: [] },
    processor: { usual: [], off: [] },
  };
  await timed(long, "off"); // the engine is warm
  for (let pair = 0; pair < Number(values.pairs); pair++) {
    for (const how of pair % 2 === 0 ? ["usual", "off"] as const : ["off", "usual"] as const) {
      const run = await timed(long, how === "usual" ? undefined : how);
      for (const  of of["seconds", "processor"] as const) made[of][how].push(run[of]);
      if (how === "off") continue;
      shares.push(100 * run.inside / run.seconds);
      each.push(...run.each);
    }
  }
  const more = ({ usual, off }: { usual: number[]; off: number[] }) =>
    spread(usual.map((x, i) => 100 * (x / off[i]! - 1)), 2);
  console.log(`
sinusoid MAML, ${steps} meta-steps, ${
    each.length / shares.length
  } checkpoints a run, ${values.pairs} pairs, median (least to most):
  seconds without             ${spread(made.seconds.off, 2)}
  more with                   ${more(made.seconds)} %
  processor seconds without   ${spread(made.processor.off, 2)}
  more with                   ${more(made.processor)} %
  of the time, in checkpoints ${spread(shares, 3)} %
  milliseconds a checkpoint   ${spread(each, 1)}`);
}

/** 100 MB: what is learned and what Adam knows of it, in float32. */
async function standstill() {
  const size = Math.round(100e6 / 3 / 4 / 1000);
  const program = compiled(`edition 1
    param w : [1000, ${size}] = 0
    outer train { minimize mean((w - 1)^2)  over w by adam(lr = 0.1)  for 12 steps }`);
  const parts: Record<string, number[]> = {
    all: [],
    "plain data": [],
    "SHA-256": [],
    "encoding with it": [],
    writing: [],
  };
  let bytes = 0;
  const folder = openFolder();
  const clock = <T>(name: string, work: () => T): T => {
    const start = performance.now();
    const made = work();
    parts[name]!.push(performance.now() - start);
    return made;
  };
  await runProgram(program, makeWasmBackend({}), {
    mark(state, moment) {
      clock("all", () => folder.checkpoint(state(), moment, 0));
      const at: RunState = state();
      const data = clock("plain data", () => writePlainData(at));
      clock("SHA-256", () => sumOfData(data));
      const pieces = clock(
        "encoding with it",
        () => encodeCheckpoint({ state: at, of, logged: 0, waiting: "", seconds: 0 }),
      );
      bytes = pieces.reduce((sum, { length }) => sum + length, 0);
      const path = `${root}/probe`;
      clock("writing", () => {
        using file = Deno.openSync(path, { write: true, create: true, truncate: true });
        for (const piece of pieces) {
          for (let done = 0; done < piece.length;) done += file.writeSync(piece.subarray(done));
        }
        file.syncSync();
      });
    },
  });
  folder.abandon();
  console.log(
    `\na state of ${(bytes / 1e6).toFixed(0)} MB, milliseconds, median (least to most) of ${parts.all!.length}:`,
  );
  for (const [name, list] of Object.entries(parts)) console.log(`  ${name.padEnd(18)} ${spread(list, 0)}`);
}

await standstill();
await share();
if (values.folder === undefined) Deno.removeSync(root, { recursive: true });
