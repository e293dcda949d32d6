// What does it cost to cut long calls? Each program is one call of a second or so, compiled with pauses and without; calls of both
// alternate, and what they take is compared in pairs, by the time of the processor. Each program has processes of its own, every second
// one with the two compiled the other way round: two copies of the same code differ by a few percent for as long as a process lives.
//
//     deno run -A bench/pauses.ts [PROCESSES] [ROUNDS]
import process from "node:process";
import { compileProgram } from "../dsl/compile.ts";
import type { Backend, Executable } from "../runtime/backend/interface.ts";
import { makeReferenceBackend } from "../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../runtime/backend/wasm/index.ts";
import type { HostArray } from "../runtime/ir/types.ts";
import { planFunction } from "../runtime/loop/memory.ts";
import { seedWords } from "../runtime/loop/executables.ts";
import { openTurns } from "../runtime/loop/turns.ts";

interface Case {
  readonly name: string;
  readonly backend: Backend;
  readonly steps: number;
  /** Without the length of the loop. */
  readonly text: (steps: number) => string;
}

const tiny = (steps: number) =>
  `edition 1
param w = 4
inner fit { minimize (w - 1)^2  over w by sgd(lr = 0.1)  for T = ${steps} steps }
evaluate e { report w@T }`;
const deep = (steps: number) =>
  `edition 1
param w = 4
param v = 1
inner low { minimize (w - v)^2  over w by sgd(lr = 0.1)  for L = 3 steps }
inner fit { minimize (w@L - 1)^2  over v by sgd(lr = 0.1)  for T = ${steps} steps }
evaluate e { report v@T }`;
const network = (width: number) => (steps: number) =>
  `edition 1
task t { k ~ uniform(0, 1)  split s { x : [64, ${width}] ~ normal(k, 1) } }
model net(x : [n, ${width}]) -> [n, 1] {
  use l1 = dense(${width})  use l2 = dense(1)
  return x |> l1 |> tanh |> l2
}
inner fit { minimize mean(net(s.x)^2)  over net by sgd(lr = 0.01)  for T = ${steps} steps }
evaluate e { across 4 t  report mean(net@T(s.x)^2) }`;

const one = makeWasmBackend({ threads: 1 });
const two = makeWasmBackend({ threads: 2, millisecondsPerThread: 0 });
const reference = makeReferenceBackend();
const cases: readonly Case[] = [
  { name: "tiny bodies", backend: one, steps: 100_000_000, text: tiny },
  { name: "loops in a loop", backend: one, steps: 15_000_000, text: deep },
  { name: "4 tasks, width 16", backend: one, steps: 50_000, text: network(16) },
  { name: "4 tasks, width 1000", backend: one, steps: 30, text: network(1000) },
  { name: "4 tasks, width 16, 2 threads", backend: two, steps: 60_000, text: network(16) },
  { name: "4 tasks, width 1000, 2 threads", backend: two, steps: 40, text: network(1000) },
  { name: "tiny bodies", backend: reference, steps: 6_000_000, text: tiny },
  { name: "4 tasks, width 16", backend: reference, steps: 4000, text: network(16) },
];

const processorSeconds = () => process.cpuUsage().user / 1e6;

/** Seconds of one call. */
async function timed(call: () => unknown): Promise<number> {
  const start = processorSeconds();
  await call();
  return processorSeconds() - start;
}

/** What one process found: seconds of calls without pauses, those with by those without, and the number of pauses. */
interface Found {
  readonly seconds: number[];
  readonly ratios: number[];
  readonly pauses: number;
}

async function measure({ name, backend, steps, text }: Case, rounds: number, cutFirst: boolean): Promise<Found> {
  const { program, diagnostics } = compileProgram({
    root: { name: "bench.meta", text: text(steps) },
    readSource: () => undefined,
    readData: () => undefined,
  });
  if (!program) throw new Error(diagnostics.map((d) => d.title).join("\n"));
  const { fn, inputs } = program.evaluations[0]!.fn;
  const { fn: planned } = planFunction(fn, backend, Infinity);
  const start = backend.compile(program.initial.fn).run([seedWords(0)].slice(0, program.initial.inputs.length));
  const given = inputs.map((slot): HostArray => {
    if (slot.kind === "leaf") return start[program.leaves.findIndex((leaf) => leaf.name === slot.name)]!;
    if (slot.kind === "seed") return seedWords(0);
    throw new Error(`There is a ${slot.kind}`);
  });
  let pauses = 0;
  const turns = openTurns({ now: () => performance.now(), signal: undefined });
  const counted = { ...turns, pause: () => (pauses++, turns.pause()) };
  const executables: Executable[] = [];
  for (const cut of cutFirst ? [true, false] : [false, true]) {
    executables[cut ? 1 : 0] = backend.compile(planned, undefined, cut ? counted : undefined);
  }
  const [whole, cut] = executables as [Executable, Executable];
  if (!cut.runWithPauses) throw new Error(`${name} is short`);
  const calls = [() => whole.run(given), () => cut.runWithPauses!(given)] as const;
  const inTurn = cutFirst ? [1, 0] as const : [0, 1] as const;
  for (const i of [...inTurn, ...inTurn]) await calls[i]();
  pauses = 0;
  const seconds: number[] = [];
  const ratios: number[] = [];
  for (let round = 0; round < rounds; round++) {
    // each goes first as often as the other
    const times = [0, 0];
    for (const i of round % 2 === 0 ? inTurn : inTurn.toReversed()) times[i] = await timed(calls[i]!);
    seconds.push(times[0]!);
    ratios.push(times[1]! / times[0]!);
  }
  return { seconds, ratios, pauses: pauses / rounds };
}

const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

function inProcess(index: number, rounds: number, cutFirst: boolean): Found {
  const { success, stdout, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", import.meta.url, "--case", ...[index, rounds, cutFirst].map(String)],
  }).outputSync();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

if (Deno.args[0] === "--case") {
  const [, index, rounds, cutFirst] = Deno.args;
  console.log(JSON.stringify(await measure(cases[Number(index)]!, Number(rounds), cutFirst === "true")));
  Deno.exit(0);
}
const [processes, rounds] = [Number(Deno.args[0] ?? 6), Number(Deno.args[1] ?? 5)];
console.log("| backend | program | a call, s | pauses | with pauses : without | processes |");
console.log("| ------- | ------- | --------: | -----: | --------------------: | --------- |");
cases.forEach(({ name, backend }, index) => {
  const found = Array.from({ length: processes }, (_, k) => inProcess(index, rounds, k % 2 === 1));
  const each = found.map(({ ratios }) => median(ratios)).toSorted((a, b) => a - b);
  const ratio = median(found.flatMap(({ ratios }) => ratios)).toFixed(3);
  const seconds = median(found.flatMap((one) => one.seconds)).toPrecision(3);
  const spread = `${each[0]!.toFixed(3)} to ${each.at(-1)!.toFixed(3)}`;
  console.log(`| ${[backend.name, name, seconds, Math.round(found[0]!.pauses), ratio, spread].join(" | ")} |`);
});
