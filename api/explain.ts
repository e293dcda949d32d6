// What will a program do, and what will it take? Its description, and for each function what it keeps, its bytes, operations and time,
// predicted before anything runs. The command line prints it, a script is given it.
import type { CompileOutput } from "../dsl/compile.ts";
import type { Backend, KernelText } from "../runtime/backend/interface.ts";
import { formatBytes } from "../runtime/bytes.ts";
import { buildFunction } from "../runtime/ir/builder.ts";
import { type Cost, costOf, type LoopCost, loopCosts } from "../runtime/ir/cost.ts";
import type { IrFunction } from "../runtime/ir/types.ts";
import { type MemoryPlan, planFunction } from "../runtime/loop/memory.ts";
import { timesDuring } from "../runtime/loop/operations.ts";
import { largeData } from "../runtime/loop/slots.ts";
import type { ExperimentProgram, ProgramFunction } from "../runtime/program/program.ts";
import { checkOptions } from "./given.ts";
import { type BackendName, chooseBackend } from "./backends.ts";
import { bytesOf, compilationOf, type Experiment } from "./experiment.ts";
import { duration, tableText } from "./numbers.ts";
import { shownAs } from "./shown.ts";

/** How to explain.
 *
 *  @category Explain and verify */
export interface ExplainOptions {
  /** What would run: "auto" when not given. Of several, the first that can be opened. */
  readonly backend?: BackendName | readonly BackendName[];
  /** What each compiled function may keep, as for `run`. */
  readonly memory?: number | string;
}

/** A function of a program, and what one run of it takes.
 *
 *  @category Explain and verify */
export interface ExplainedFunction extends MemoryPlan {
  /** How often it runs. */
  readonly runs: number;
  /** Seconds of one run, by the pace of this machine: a guess within a factor of two or so. */
  readonly seconds: number;
  /** Its loops in the order in which they run, each before those inside it. */
  readonly loops: readonly LoopCost[];
  /** What the backend made of it, where it says that. */
  readonly kernels?: KernelText;
}

/** What a program does, and what it will take.
 *
 *  @category Explain and verify */
export interface Explanation {
  /** The problem, whose each symbol is, which loop runs which, how derivatives are found. */
  readonly description: string;
  /** Name of the backend that would run it. */
  readonly backend: string;
  /** Bytes that each function may keep. */
  readonly memory: number;
  /** The functions that take time. */
  readonly functions: readonly ExplainedFunction[];
  /** Seconds of the whole run, about. */
  readonly seconds: number;
  /** What the command line prints. */
  toString(): string;
}

/** Says what an experiment does and, before anything runs, what each function keeps, its bytes, operations and time: what
 *  `meta.ts explain` prints. The pace of this machine is measured on two small loops, which takes some milliseconds.
 *  Throws MetaRuntimeError where a function does not fit its memory, RangeError for an unknown backend and a `memory` that is none.
 *
 *  ```ts
 *  import { compile, explain } from "../mod.ts";
 *
 *  const experiment = compile(`
 *    edition 1
 *    param w = 0
 *    inner fit { minimize (w - 3)^2 over w by sgd(lr = 0.1) for T = 5 steps }
 *    outer tune { minimize (w@T - 3)^2 over fit.lr by adam(lr = 0.01) for 1_000 steps }
 *  `);
 *  const { description, functions: [step] } = await explain(experiment, { memory: "1 GB" });
 *  console.log(description, step!.name, step!.runs, step!.flops);
 *  ```
 *
 *  @category Explain and verify
 */
export async function explain(
  experiment: Experiment,
  options: ExplainOptions = {},
): Promise<Explanation> {
  checkOptions<ExplainOptions>("explain", options, { backend: true, memory: true });
  const { backend = "auto", memory } = options;
  const { output, program } = compilationOf(experiment);
  const chosen = await chooseBackend([backend].flat().join(","), {}, program);
  const budget = memory === undefined ? undefined : bytesOf(memory);
  return explainCompiled({ output, program, backend: chosen.backend, memory: budget });
}

/** What is explained. */
export interface ExplainParts {
  readonly output: Pick<CompileOutput, "describe">;
  readonly program: ExperimentProgram;
  readonly backend: Backend;
  /** Bytes; what the program says when undefined. */
  readonly memory: number | undefined;
}

const budgetOf = ({ program, backend, memory }: ExplainParts) =>
  Math.min(memory ?? program.memory ?? Infinity, backend.memoryLimitBytes);

/** What is known before functions are planned. */
export function headText(parts: ExplainParts): string {
  const { output, program, backend } = parts;
  return `${program.source}, ${program.precision}\n\n${output.describe()}\n` +
    `memory: ${formatBytes(budgetOf(parts))} for each function, backend ${backend.name}\n`;
}

/** Plans every function, and guesses its time. Throws MetaRuntimeError where one does not fit its memory. */
export function explainCompiled(parts: ExplainParts): Explanation {
  const { output, program, backend } = parts;
  const memory = budgetOf(parts);
  const planned = timesRun(program).map(({ of, runs }) => ({
    ...planFunction(of.fn, backend, memory, largeData(of)),
    runs,
  }));
  const pace = measurePace(backend);
  const functions = planned.map(({ fn, memory, runs }): ExplainedFunction => {
    const kernels = backend.kernels?.(fn);
    const seconds = predictedSeconds(memory, pace);
    return { ...memory, runs, seconds, loops: loopCosts(fn), ...(kernels && { kernels }) };
  });
  const seconds = functions.reduce((sum, { runs, seconds }) => sum + runs * seconds, 0);
  const plain = { description: output.describe(), backend: backend.name, memory, functions, seconds };
  const toString = () => `${headText(parts)}${functionsText(plain)}`;
  return { ...shownAs(toString), ...plain, toString };
}

/** The functions that take time, and how often each runs. */
function timesRun(program: ExperimentProgram): readonly { readonly of: ProgramFunction; readonly runs: number }[] {
  const once = (of: ProgramFunction) => ({ of, runs: 1 });
  return [
    ...program.outers.map((o) => ({ of: o.step, runs: o.steps })),
    ...program.gradients.map((g) => once(g.fn)),
    ...program.evaluations.map(({ name, fn, every }) => {
      const outer = program.outers.find((o) => o.name === every?.of);
      return { of: fn, runs: 1 + (every && outer ? timesDuring(outer, name, every.steps) : 0) };
    }),
    ...program.outputs.map((o) => once(o.fn)),
    ...program.simulations.map((s) => once(s.fn)),
  ];
}

// --------------------------------------------------------------------------------------------------------------- text

/** The table of the functions, their loops, what became of them on the backend, and the time of all; `everyKernel`: each one, too. */
export function functionsText(
  { functions, seconds }: Pick<Explanation, "functions" | "seconds">,
  everyKernel = false,
): string {
  const loops = functions.flatMap(loopLines);
  const summaries = functions.flatMap(({ name, kernels }) => kernels ? [[name, kernels.summary]] : []);
  const kernels = tableText(summaries, [false, false]).map((line) => `  ${line}`);
  return [
    `${planTable(functions).join("\n")}\n`,
    ...(loops.length > 0 ? [`\nloops, as they run\n${loops.join("\n")}\n\n`] : []),
    ...(summaries.length > 0 ? [`kernels\n${kernels.join("\n")}\n\n`] : []),
    ...(everyKernel ? functions.flatMap(({ kernels }) => kernels ? [`${kernels.text}\n`] : []) : []),
    `  in all about ${seconds < 1 ? secondsText(seconds) : duration(seconds)}, by the pace of this machine\n`,
  ].join("");
}

/** The loops of a function, each below the one around it; what takes less than a hundredth is left out. */
function loopLines({ name, flops, loops }: ExplainedFunction): string[] {
  const shown = loops.filter((l) => l.flops >= 0.01 * flops && l.depth < 4);
  if (shown.length === 0) return [];
  const rows = shown.map((l) => [
    `${"  ".repeat(l.depth + 1)}${l.name}${l.op === "map" ? ", each of" : ","} ${l.length}${
      l.op === "map" ? "" : " steps"
    }`,
    `${flops === 0 ? 0 : Math.round(100 * l.flops / flops)} %`,
    l.kept > 0 ? `leaves ${formatBytes(l.kept)}` : "",
  ]);
  return [`  ${name}`, ...tableText(rows, [false, true, false]).map((line) => `  ${line}`)];
}

function planTable(functions: readonly ExplainedFunction[]): string[] {
  const heads = ["", "keeps", "arena", "operations", "time", "runs"];
  const rows = functions.map((p) => [
    p.name,
    p.plan,
    formatBytes(p.bytes) + (p.plan === "keep all" ? "" : ` of ${formatBytes(p.keepAll.bytes)}`),
    `${Number(p.flops.toPrecision(3)).toLocaleString("en-US")} FLOPs`,
    secondsText(p.seconds),
    p.runs.toLocaleString("en-US"),
  ]);
  return tableText([heads, ...rows], [false, false, true, true, true, true]).map((line) => `  ${line}`);
}

function secondsText(seconds: number): string {
  const [amount, unit] = seconds >= 1
    ? [seconds, "s"]
    : seconds >= 1e-3
    ? [seconds * 1e3, "ms"]
    : [seconds * 1e6, "µs"];
  return `${Number(amount.toPrecision(2))} ${unit}`;
}

// ------------------------------------------------------------------------------------------------------------- pace

/** Seconds of a backend for an equation, whatever it computes, and for an operation. */
interface Pace {
  readonly call: number;
  readonly flop: number;
}

function predictedSeconds({ flops, calls }: Cost, pace: Pace): number {
  return calls * pace.call + flops * pace.flop;
}

/** Runs two small loops: one of many equations on single numbers, one of products of matrices. */
function measurePace(backend: Backend): Pace {
  const turns = 400;
  const loop = (n: number) =>
    buildFunction("pace", [{ dtype: "f32", shape: [n, n] }], (b, [x]) => {
      const scan = b.openScan("turns", turns);
      const a = scan.carry(x!);
      const s = scan.body;
      const contract = { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] };
      const product = s.one("dot_general", [a, a], contract);
      const scaled = s.apply("mul", s.apply("tanh", product), s.fill(0.5, product));
      return scan.close([s.apply("add", scaled, s.fill(0.1, product))], []).carry;
    });
  const small = loop(1);
  const large = loop(24);
  const [a, b] = [measure(backend, small, 1), measure(backend, large, 24)];
  const [c, d] = [costOf(small), costOf(large)];
  const flop = Math.max(1e-12, (b - a) / (d.flops - c.flops));
  return { call: Math.max(1e-9, (a - c.flops * flop) / c.calls), flop };
}

/** The least of some runs: what disturbs only adds. */
function measure(backend: Backend, fn: IrFunction, n: number): number {
  const executable = backend.compile(fn);
  const input = { dtype: "f32", shape: [n, n], data: new Float32Array(n * n).fill(0.1) } as const;
  let least = Infinity;
  for (let k = 0; k < 8; k++) {
    const start = performance.now();
    executable.run([input]);
    least = Math.min(least, (performance.now() - start) / 1000);
  }
  executable.dispose();
  return least;
}
