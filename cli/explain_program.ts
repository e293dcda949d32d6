// What will a program do, and what will it take? Its description, and for each function what it keeps, its bytes, operations
// and time, predicted before anything runs.
import { chooseBackend } from "../api/backends.ts";
import { openProgramFiles } from "../api/program_files.ts";
import { compileProgram } from "../dsl/compile.ts";
import type { Backend, KernelText } from "../runtime/backend/interface.ts";
import { formatBytes } from "../runtime/bytes.ts";
import { MetaRuntimeError } from "../runtime/errors.ts";
import { buildFunction } from "../runtime/ir/builder.ts";
import { type Cost, costOf, type LoopCost, loopCosts } from "../runtime/ir/cost.ts";
import type { IrFunction } from "../runtime/ir/types.ts";
import { type MemoryPlan, planFunction } from "../runtime/loop/memory.ts";
import { timesDuring } from "../runtime/loop/operations.ts";
import type { ExperimentProgram } from "../runtime/program/program.ts";
import { type CommandLine } from "./arguments.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Console } from "./console.ts";
import { loadReadersFor } from "./image_readers.ts";
import { duration, tableText } from "../api/numbers.ts";
import { sayProblem, showDiagnostics } from "./problems.ts";
import { wrongCode } from "./run_verb.ts";
import { namedScript, namesOf } from "./task_script.ts";

/** `meta.ts explain FILE.meta`: prints what the program means and what it will take; the exit code is 1 when it is wrong and 3
 *  when it does not fit its memory. Throws FileAccessError or RangeError for wrong use. */
export async function explainProgram(command: CommandLine, console: Console): Promise<number> {
  const { files: [file], inputs, limits, seed, memory, backend: name, kernels, dataFolder } = command;
  const files = openProgramFiles(file!, { dataFolder });
  await loadReadersFor(files, limits);
  const script = await namedScript(command);
  const output = compileProgram({ ...files, inputs, limits, seed, ...namesOf(script) });
  if (showDiagnostics(output.diagnostics, output.sources, { console, json: false })) return wrongCode(files);
  const program = output.program!;
  const { backend } = await chooseBackend(name, {}, program);
  console.out(`${program.source}, ${program.precision}\n\n${output.describe()}`);
  const budget = Math.min(memory ?? program.memory ?? Infinity, backend.memoryLimitBytes);
  console.out(`\nmemory: ${formatBytes(budget)} for each function, backend ${backend.name}\n`);
  let plans: readonly Planned[];
  try {
    plans = timesRun(program).map(({ fn, runs }) => {
      const planned = planFunction(fn, backend, budget);
      return { ...planned.memory, runs, loops: loopCosts(planned.fn), kernels: backend.kernels?.(planned.fn) };
    });
  } catch (error) {
    if (!(error instanceof MetaRuntimeError)) throw error;
    sayProblem(`error: ${error.message}\n`, console);
    return exitCodes.runFailed;
  }
  const pace = measurePace(backend);
  console.out(`${planTable(plans, pace).join("\n")}\n`);
  const loops = plans.flatMap(loopLines);
  if (loops.length > 0) console.out(`\nloops, as they run\n${loops.join("\n")}\n\n`);
  const compiled = plans.flatMap((p) => p.kernels ? [[p.name, p.kernels.summary]] : []);
  if (compiled.length > 0) {
    console.out(`kernels\n${tableText(compiled, [false, false]).map((line) => `  ${line}`).join("\n")}\n\n`);
  }
  if (kernels) { for (const p of plans) if (p.kernels) console.out(`${p.kernels.text}\n`); }
  const seconds = plans.reduce((sum, p) => sum + p.runs * predictedSeconds(p, pace), 0);
  console.out(
    `  in all about ${seconds < 1 ? secondsText(seconds) : duration(seconds)}, by the pace of this machine\n`,
  );
  return exitCodes.done;
}

/** The functions that take time, and how often each runs. */
function timesRun(program: ExperimentProgram): readonly { readonly fn: IrFunction; readonly runs: number }[] {
  const once = (fn: IrFunction) => ({ fn, runs: 1 });
  return [
    ...program.outers.map((o) => ({ fn: o.step.fn, runs: o.steps })),
    ...program.gradients.map((g) => once(g.fn.fn)),
    ...program.evaluations.map(({ name, fn, every }) => {
      const of = program.outers.find((o) => o.name === every?.of);
      return { fn: fn.fn, runs: 1 + (every && of ? timesDuring(of, name, every.steps) : 0) };
    }),
    ...program.outputs.map((o) => once(o.fn.fn)),
    ...program.simulations.map((s) => once(s.fn.fn)),
  ];
}

interface Planned extends MemoryPlan {
  readonly runs: number;
  readonly loops: readonly LoopCost[];
  readonly kernels: KernelText | undefined;
}

/** The loops of a function, each below the one around it; what takes less than a hundredth is left out. */
function loopLines({ name, flops, loops }: Planned): string[] {
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

function planTable(plans: readonly Planned[], pace: Pace): string[] {
  const heads = ["", "keeps", "arena", "operations", "time", "runs"];
  const rows = plans.map((p) => [
    p.name,
    p.plan,
    formatBytes(p.bytes) + (p.plan === "keep all" ? "" : ` of ${formatBytes(p.keepAll.bytes)}`),
    `${Number(p.flops.toPrecision(3)).toLocaleString("en-US")} FLOPs`,
    secondsText(predictedSeconds(p, pace)),
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
