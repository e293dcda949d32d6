// Is what a program computes right? What must hold of every program, each by a second way to the same numbers.
import { computed, marked, stateFrom } from "../loop/goes_on.ts";
import { pieces, runInPieces } from "../loop/in_pieces.ts";
import { recordedList } from "../loop/recorded_list.ts";
import { format } from "../../mod.ts";
import { parseBytes } from "../../runtime/bytes.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { bodyOf, type Equation, type IrFunction } from "../../runtime/ir/types.ts";
import type { ExperimentProgram, ProgramFunction } from "../../runtime/program/program.ts";
import type { RunResult } from "../../runtime/loop/results.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { compileFiles, errorsOf, runSeed, settle, type Settled, treeOf } from "./compiled.ts";
import type { Dice } from "./dice.ts";
import { apart, type Numbers, numbersOf } from "./numbers.ts";
import { distinctName } from "./observed_draws.ts";
import type { RandomProgram } from "./definitions.ts";
import {
  evaluationAsOutput,
  gradientAsOutput,
  innerGradients,
  inPieces,
  jittered,
  outerAsInner,
  startsRead,
  startsWritten,
  stoppedEarly,
  throughFunctions,
} from "./rewrites.ts";
import { type Outcome, runOn, tensorflow, threaded, wasm } from "./runs.ts";
import { lookAtReach } from "./reach.ts";
import { lookAtImplicit } from "./implicit.ts";
import { atRest } from "./resting.ts";
import { lookAtSamples } from "./samples.ts";
import { compareSlope, pointOf, saidStops, scalarsOf } from "./slopes.ts";
import { withLargeIntegers, withMistake, zeroName } from "./wrong_variants.ts";

/** A program that ran, and how it is looked at. */
export interface Subject {
  readonly settled: Settled;
  readonly run: RunResult;
  readonly numbers: Numbers;
  readonly dice: Dice;
}

const held: Outcome = { kind: "held" };
const apply: Outcome = { kind: "does not apply" };

/** Rounding of so many operations in a row is what two orders of the same sums may differ by, of the largest number. */
const operations = 4096;
const epsilon = { f32: 2 ** -23, f64: 2 ** -52 };

/** Runs a program the other way. */
type Again = (program: ExperimentProgram) => Promise<RunResult>;

/** Two runs that differ by rounding. What is beyond must be no more than the numbers move when the program's own numbers are moved
 *  by a few roundings: then the program is ill-conditioned, and decides nothing. */
async function near(subject: Subject, other: Numbers, what: string, again?: Again): Promise<Outcome> {
  const { settled: { program, output }, numbers } = subject;
  const { part, where } = apart(numbers, other);
  const rounding = epsilon[output.program!.precision];
  if (part <= operations * rounding) return held;
  let moved = 0;
  // the sign of what is 0 but for rounding falls either way, and not each time another one
  for (const roundings of [64, -512, 48, -96, 200, -777, 333, -150]) {
    const next = compileFiles(jittered(program, roundings * rounding));
    if (!next.program) continue;
    moved = Math.max(moved, apart(numbers, numbersOf(await runOn(next.program, referenceBackend))).part);
    // a zero on one way may be rounding on the other
    if (again) moved = Math.max(moved, apart(other, numbersOf(await again(next.program))).part);
  }
  // a sign of rounding, and rounding divided by its norm, are of the size of a step
  const steps = /\b(lamb|lion|rprop)\(/.test(program.text);
  return part <= 30 * moved || steps
    ? { kind: "skipped", why: "ill-conditioned" }
    : { kind: "found", detail: `${what}: ${where}` };
}

function equal({ numbers }: Subject, other: Numbers, what: string): Outcome {
  const { part, where } = apart(numbers, other);
  return part === 0 ? held : { kind: "found", detail: `${what}: ${where}` };
}

interface Check {
  readonly name: string;
  /** The part of the programs that it is tried on. */
  readonly share: number;
  readonly look: (subject: Subject) => Promise<Outcome> | Outcome;
}

const failed = (run: RunResult): Outcome => ({ kind: "found", detail: `fails: ${run.failure?.message}` });

/** It fails on another backend alone. A system without a solution that is eliminated ends in another thing there: a number, or none. */
function failedThere({ settled: { program } }: Subject, run: RunResult): Outcome {
  const without = program.text.includes("solver = direct") && /finite|NaN/.test(run.failure?.message ?? "");
  return without ? { kind: "skipped", why: "no solution" } : failed(run);
}

/** Everything that is looked at. */
export const checks: readonly Check[] = [
  {
    name: "wasm",
    share: 1,
    async look(subject) {
      const run = await runOn(subject.settled.output.program!, wasm);
      return run.failure
        ? failedThere(subject, run)
        : near(subject, numbersOf(run), "reference and wasm", (program) => runOn(program, wasm));
    },
  },
  {
    name: "forward",
    share: 1,
    async look(subject) {
      const program = subject.settled.output.program!;
      // a solve that ends early solves another system there than here, and a finite difference goes along another direction
      if (/finite_difference|implicit\((?!solver = (direct|neumann|fixed_point))/.test(subject.settled.program.text)) {
        return apply;
      }
      const again: Again = (p) => runOn(withFunctions(p, (fn) => otherWay(fn)), referenceBackend);
      const run = await again(program);
      // where a rule has divided by zero, 0 times infinity is met on one way and not on the other
      if (/meta-step [1-9]/.test(run.failure?.message ?? "")) return { kind: "skipped", why: "not finite later" };
      // a system without a solution: what is made of it is another thing each way
      if (run.failure && /implicit\(/.test(subject.settled.program.text)) {
        return { kind: "skipped", why: "no solution" };
      }
      return run.failure ? failed(run) : near(subject, numbersOf(run), "backward and forward", again);
    },
  },
  {
    name: "differences",
    share: 0.6,
    look({ settled: { output }, dice }) {
      if (output.program!.precision !== "f64") return apply;
      const kinds = output.derivatives();
      const exact = kinds.flatMap((k, i) => k.biased || k.implicit || k.sampled ? [] : [i]);
      if (exact.length === 0) return apply;
      const index = dice.pick(exact);
      const scalar = scalarsOf(output.program!)[index];
      if (!scalar || scalar.leaves.length === 0) return apply;
      const slope = compareSlope(scalar, pointOf(output.program!, index, runSeed), dice, { held: saidStops(output) });
      return slopeOutcome(slope, kinds[index]!.name);
    },
  },
  {
    name: "inner gradient",
    share: 0.5,
    look({ settled: { program }, dice }) {
      const all = innerGradients(program);
      if (all.length === 0) return apply;
      const output = compileFiles(dice.pick(all), undefined, { precision: "f64" });
      const scalar = output.program && scalarsOf(output.program)[0];
      if (!scalar) return apply;
      const slope = compareSlope(scalar, pointOf(output.program!, 0, runSeed), dice, { held: saidStops(output) });
      return slopeOutcome(slope, "what an inner loop minimizes");
    },
  },
  {
    name: "reach",
    share: 1,
    look: (subject) => lookAtReach(subject.settled, subject.numbers),
  },
  {
    name: "tensorflow",
    share: 0.3,
    async look(subject) {
      const backend = await tensorflow();
      if (!backend) return apply;
      // it computes in float32 alone
      const { text, files } = subject.settled.program;
      const { program } = compileFiles({ text: text.replace("precision f64", "precision f32"), files });
      if (!program) return apply;
      const [here, there] = [await runOn(program, referenceBackend), await runOn(program, backend)];
      if (here.failure || there.failure) {
        return here.failure && there.failure
          ? { kind: "skipped", why: "not finite in float32" }
          : failedThere(subject, there);
      }
      const output = { ...subject.settled.output, program };
      return near(
        { ...subject, settled: { ...subject.settled, output }, numbers: numbersOf(here) },
        numbersOf(there),
        "reference and tensorflow",
      );
    },
  },
  {
    name: "memory",
    share: 0.22,
    async look(subject) {
      const { settled: { output }, run } = subject;
      let budget = Math.round(0.6 * Math.max(...run.plans.map((p) => p.bytes)));
      let tight = await runOn(output.program!, referenceBackend, budget);
      for (let tries = 0; tight.failure && tries < 9; tries++) {
        // what is refused says how much would do
        const enough = parseBytes(/`memory ([\d.]+ \w+)`/.exec(tight.failure.message)?.[1] ?? "");
        if (enough === undefined || enough <= budget) break;
        budget = enough;
        tight = await runOn(output.program!, referenceBackend, budget);
      }
      if (tight.failure) return failed(tight);
      return tight.plans.some((p) => p.plan.includes("forward over reverse"))
        ? near(subject, numbersOf(tight), "little memory")
        : equal(subject, numbersOf(tight), "little memory, bit for bit");
    },
  },
  {
    name: "threads",
    share: 0.22,
    async look({ settled: { output } }) {
      const alone = await runOn(output.program!, wasm);
      const together = await runOn(output.program!, threaded);
      const { part, where } = apart(numbersOf(alone), numbersOf(together));
      return part === 0 ? held : { kind: "found", detail: `one thread and three: ${where}` };
    },
  },
  {
    name: "goes on",
    share: 0.3,
    async look({ settled: { output }, dice }) {
      const program = output.program!;
      const [first, second] = dice.pick([[referenceBackend, referenceBackend], [wasm, threaded], [threaded, wasm]]);
      const { result, marks } = await marked(program, first!, { seed: runSeed });
      const { bytes, steps } = dice.pick(marks);
      const again = await runProgram(program, second!, { tasks: {}, seed: runSeed, resume: stateFrom(bytes) });
      const [whole, other] = [computed(result), computed(again)];
      const at = whole.tensors.findIndex((x, i) => x !== other.tensors[i]);
      if (at < 0 && whole.text === other.text) return held;
      return {
        kind: "found",
        detail: `another run from meta-step ${steps} on ${second!.name}: array ${at} of ${whole.text}`,
      };
    },
  },
  {
    name: "in pieces",
    share: 0.22,
    async look({ settled: { output }, dice }) {
      const backend = dice.pick([referenceBackend, wasm, threaded]);
      const piece = dice.pick(pieces);
      const whole = computed(await runOn(output.program!, backend));
      const other = computed(await runInPieces(output.program!, backend, { piece, seed: runSeed }));
      const at = whole.tensors.findIndex((x, i) => x !== other.tensors[i]);
      if (at < 0 && whole.text === other.text) return held;
      return { kind: "found", detail: `in pieces of ${piece} ms on ${backend.name}: array ${at} of ${whole.text}` };
    },
  },
  {
    name: "items",
    share: 1,
    look({ settled: { program, output }, run }) {
      const missing = lostItems(program, run);
      void output;
      return missing.length === 0 ? held : { kind: "found", detail: `lost: ${missing.join("; ")}` };
    },
  },
  {
    name: "data through functions",
    share: 0.25,
    async look(subject) {
      const rewritten = throughFunctions(subject.settled.program);
      return rewritten ? await sameAs(subject, rewritten, "data read through functions") : apply;
    },
  },
  {
    name: "starts written out",
    share: 1,
    async look(subject) {
      const rewritten = startsWritten(subject.settled.program);
      return rewritten ? await sameAs(subject, rewritten, "starts that are read, written out") : apply;
    },
  },
  {
    name: "starts read back",
    share: 0.3,
    async look(subject) {
      const rewritten = startsRead(subject.settled.program, subject.run);
      return rewritten ? await sameAs(subject, rewritten, "declared starts, read from a file") : apply;
    },
  },
  {
    name: "loops that stop",
    share: 0.4,
    async look(subject) {
      const written = stoppedEarly(subject.settled.program, subject.dice.int(1, 3));
      if (!written || subject.settled.output.program!.simulations.length > 0) return apply;
      const plain = compileFiles(written.plain);
      const run = plain.program && await runOn(plain.program, referenceBackend);
      if (!run || run.failure) return apply;
      const settled = { ...subject.settled, program: written.plain, output: plain };
      return await sameAs({ ...subject, settled, run, numbers: numbersOf(run) }, written.stopping, "loops that stop");
    },
  },
  {
    name: "a warm loop in pieces",
    share: 1,
    async look({ settled: { program } }) {
      const cut = inPieces(program);
      if (!cut) return apply;
      const runs: RunResult[] = [];
      for (const each of [cut.pieces, cut.whole]) {
        const output = compileFiles(each);
        // what was left out may have been what something is for
        if (!output.program) return apply;
        runs.push(await runOn(output.program, referenceBackend));
      }
      const failure = runs.find((r) => r.failure)?.failure;
      if (failure) return { kind: "skipped", why: "fails" };
      // the whole runs anew at each meta-step, from another draw where its start is drawn; the pieces began at the first
      const kept = runs.map((r) => recordedList(r).filter((x) => x.name === "fit.loss@*").map((x) => x.value.data));
      const [pieces, whole] = [kept[0]!.at(-1), kept[1]![0]];
      const last = Array.from<number>(whole!).slice(-cut.steps);
      const size = last.reduce((most, x) => Math.max(most, Math.abs(x)), 1);
      const wrong = last.findIndex((x, i) => !(Math.abs(x - pieces![i]!) <= 1e-6 * size));
      return wrong < 0
        ? held
        : { kind: "found", detail: `fit.loss@${wrong} is ${pieces![wrong]}, in one piece ${last[wrong]}` };
    },
  },
  {
    name: "an outer as an inner loop",
    share: 1,
    async look({ settled: { program }, run }) {
      const both = outerAsInner(program, run);
      if (!both) return apply;
      const losses: ArrayLike<number>[] = [];
      for (const each of [both.outer, both.inner]) {
        const output = compileFiles(each);
        // what was left out may have been what something is for
        if (!output.program) return apply;
        const { outers, simulations, failure } = await runOn(output.program, referenceBackend);
        if (failure) return { kind: "skipped", why: "fails" };
        losses.push(outers[0]?.losses ?? simulations[0]!.losses);
      }
      const [outer, inner] = losses as [ArrayLike<number>, ArrayLike<number>];
      // rules that divide by a gradient near 0 make much of its rounding
      const size = Array.from(outer).reduce((most, x) => Math.max(most, Math.abs(x)), 1);
      const wrong = Array.from(outer).findIndex((x, i) => !(Math.abs(x - inner[i]!) <= 1e-6 * size));
      return wrong < 0 && inner.length === outer.length
        ? held
        : { kind: "found", detail: `train.loss at ${wrong} is ${outer[wrong]}, in an inner loop ${inner[wrong]}` };
    },
  },
  {
    name: "an evaluation as an output",
    share: 1,
    async look({ settled: { program, output }, run }) {
      const rewritten = evaluationAsOutput(program);
      if (!rewritten) return apply;
      const other = compileFiles(rewritten.program).program;
      if (!other) return { kind: "found", detail: "an evaluation does not compile as an output" };
      // where its loop now runs by itself, it draws in the name of that
      if (other.simulations.length !== output.program!.simulations.length) return apply;
      const { name } = rewritten;
      const found = (await runOn(other, referenceBackend)).outputs.find((o) => o.name === name);
      const wanted = run.evaluations.find((e) => e.name === name)!.reports[0]!.points[0]!.values;
      const same = found?.value.data.length === wanted.length &&
        wanted.every((x, i) => Object.is(x, Number(found.value.data[i])));
      return same
        ? held
        : { kind: "found", detail: `evaluate ${name} is ${wanted}, as an output ${found?.value.data}` };
    },
  },
  {
    name: "a gradient as an output",
    share: 1,
    async look({ settled: { program, output }, run }) {
      const rewritten = gradientAsOutput(program);
      if (!rewritten) return apply;
      const other = compileFiles(rewritten.program).program;
      if (!other) return { kind: "found", detail: "a gradient does not compile as an output" };
      const found = (await runOn(other, referenceBackend)).outputs.find((o) => o.name === rewritten.name);
      const { value } = run.gradients[0]!;
      const own = Number(found?.value.data[0]);
      const rounding = operations * epsilon[output.program!.precision];
      return Math.abs(own - value) <= rounding * Math.max(1, Math.abs(value))
        ? held
        : { kind: "found", detail: `a gradient is of ${value}, as an output ${own}` };
    },
  },
  {
    name: "formatted",
    share: 0.1,
    async look(subject) {
      const { text, files } = subject.settled.program;
      const formatted = format(text);
      if (format(formatted) !== formatted) return { kind: "found", detail: "formats to something else a second time" };
      const { program } = compileFiles({ text: formatted, files });
      if (!program) return { kind: "found", detail: "does not compile when it is formatted" };
      return equal(subject, numbersOf(await runOn(program, referenceBackend)), "formatted");
    },
  },
  {
    name: "another name of the file",
    share: 0.2,
    async look(subject) {
      const { program } = compileFiles(subject.settled.program, "renamed.meta");
      if (!program) return { kind: "found", detail: "does not compile under another name" };
      return equal(subject, numbersOf(await runOn(program, referenceBackend)), "another name of the file");
    },
  },
  {
    name: "draws",
    share: 1,
    async look({ run, settled: { program } }) {
      const distinct = (r: RunResult) =>
        r.evaluations.filter((e) => e.name.startsWith(distinctName)).flatMap((e) => e.reports);
      const seen = distinct(run);
      if (seen.length === 0) return apply;
      // what another seed does not change is no draw
      const other = compileFiles(program, undefined, undefined, runSeed + 1);
      const again = distinct(await runProgram(other.program!, referenceBackend, { seed: runSeed + 1 }));
      const places = new Map<number, string>();
      for (const [k, { label, points }] of seen.entries()) {
        for (const [task, value] of [...points[0]!.values].entries()) {
          if (again[k]?.points[0]?.values[task] === value) continue;
          const before = places.get(value);
          if (before) return { kind: "found", detail: `${label} of task ${task} is ${before}: ${value}` };
          places.set(value, `${label} of task ${task}`);
        }
      }
      return held;
    },
  },
  {
    name: "implicit",
    share: 1,
    look: ({ settled: { program }, dice }) => /implicit\(/.test(program.text) ? lookAtImplicit(program, dice) : apply,
  },
  {
    name: "at rest",
    share: 0.2,
    look({ settled: { program }, dice }) {
      const resting = atRest(program, dice);
      const settled = resting && settle(resting);
      // a program that was found may have other parameters than those that the generator writes
      if (!settled || "errors" in settled) return apply;
      const outcome = lookAtImplicit(settled.program, dice);
      return outcome.kind === "found" ? { ...outcome, program: settled.program } : outcome;
    },
  },
  { name: "samples", share: 1, look: ({ settled: { program }, dice }) => lookAtSamples(program, dice) },
  {
    name: "mistakes",
    share: 0.3,
    async look({ settled: { program }, dice }) {
      const wrong = withMistake(program, dice);
      if (!wrong) return apply;
      const output = compileFiles(wrong.program);
      if (!output.program) return held;
      const run = await runOn(output.program, referenceBackend);
      return run.failure ? held : { kind: "found", detail: `accepted: ${wrong.name}`, program: wrong.program };
    },
  },
  {
    name: "large integers",
    share: 0.08,
    async look({ settled: { program }, dice }) {
      const large = withLargeIntegers(program, dice);
      const output = compileFiles(large, undefined, { precision: "f64" });
      const run = output.program && await runOn(output.program, referenceBackend);
      if (!run || run.failure) return held;
      const [value] = run.evaluations.find((e) => e.name === zeroName)!.reports[0]!.points[0]!.values;
      return Math.abs(value!) < 1 ? held : { kind: "found", detail: `off by ${value}`, program: large };
    },
  },
];

/** The same program said otherwise. */
async function sameAs(subject: Subject, other: RandomProgram, what: string): Promise<Outcome> {
  const output = compileFiles(other);
  if (!output.program) {
    return { kind: "found", detail: `${what}: ${errorsOf(output)[0]?.code} ${errorsOf(output)[0]?.title}` };
  }
  const run = await runOn(output.program, referenceBackend);
  return run.failure ? failed(run) : near(subject, numbersOf(run), what);
}

function slopeOutcome(slope: ReturnType<typeof compareSlope>, what: string): Outcome {
  if (slope.kind === "held") return held;
  if (slope.kind === "wrong") return { kind: "found", detail: `${what}: the slope is ${slope.detail}` };
  return { kind: "skipped", why: slope.kind };
}

/** The items that left nothing behind. */
export function lostItems({ text }: RandomProgram, run: RunResult): string[] {
  const { items } = treeOf(text);
  const lost: string[] = [];
  const gradients = items.filter((i) => i.kind === "Gradient");
  if (gradients.length !== run.gradients.length) {
    lost.push(`${gradients.length} gradients, ${run.gradients.length} results`);
  }
  const lines = gradients.reduce((n, g) => n + g.expect.length, 0);
  const verdicts = run.gradients.reduce((n, g) => n + g.verdicts.length, 0);
  if (lines !== verdicts) lost.push(`${lines} lines of expect, ${verdicts} verdicts`);
  for (const item of items) {
    if (item.kind === "Evaluate" && !run.evaluations.some((e) => e.name === item.name.name)) {
      lost.push(`evaluate ${item.name.name}`);
    }
    if (item.kind === "Output" && !run.outputs.some((o) => o.name === item.name.name)) {
      lost.push(`output ${item.name.name}`);
    }
    if (item.kind === "Outer" && !run.outers.some((o) => o.name === item.name.name)) {
      const rest = text.slice(0, item.span.start) + text.slice(item.span.end);
      const over = item.clauses.flatMap((c) => c.kind === "Over" ? c.references : []);
      const learned = over.map((r) => text.slice(r.span.start, r.span.end).replace(/@.*/, ""));
      const runByAnother = new RegExp(`\\b${item.name.name}\\.|\\b(${learned.join("|")})@`).test(rest);
      if (!runByAnother) lost.push(`outer ${item.name.name}`);
    }
    if (item.kind === "Record") {
      for (const reference of item.references) {
        const name = text.slice(reference.span.start, reference.span.end).replaceAll(" ", "");
        // an outer that ends before its first meta-step has no objective yet
        const [, outer] = /^(\w+)\.(loss|gradient_norm)$/.exec(name) ?? [];
        if (run.outers.some((o) => o.name === outer && o.losses.length === 0)) continue;
        if (!run.recorded.some((r) => r.name.replaceAll(" ", "").startsWith(name.replace(/@\*$/, "")))) {
          lost.push(`record ${name}`);
        }
      }
    }
  }
  return lost;
}

// --------------------------------------------------------------------------------------------------- the other way around

/** A function whose requests for gradients are followed the other way. */
function otherWay(fn: IrFunction, done = new Map<IrFunction, IrFunction>()): IrFunction {
  const before = done.get(fn);
  if (before) return before;
  const equations = fn.equations.map((equation): Equation => {
    const body = bodyOf(equation);
    if (!body) return equation;
    const params = { ...equation.params, body: otherWay(body, done) };
    if (equation.op !== "gradient") return { ...equation, params } as Equation;
    const mode = equation.params.mode === "reverse" ? "forward" : "reverse";
    return { ...equation, params: { ...params, mode } } as Equation;
  });
  const result = { ...fn, equations };
  done.set(fn, result);
  return result;
}

/** A program with other functions. */
function withFunctions(program: ExperimentProgram, change: (fn: IrFunction) => IrFunction): ExperimentProgram {
  const of = (f: ProgramFunction): ProgramFunction => ({ ...f, fn: change(f.fn) });
  return {
    ...program,
    outers: program.outers.map((o) => ({
      ...o,
      step: of(o.step),
      ...(o.trajectories && { trajectories: { ...o.trajectories, fn: of(o.trajectories.fn) } }),
    })),
    gradients: program.gradients.map((g) => ({ ...g, fn: of(g.fn) })),
    evaluations: program.evaluations.map((e) => ({ ...e, fn: of(e.fn) })),
    outputs: program.outputs.map((o) => ({ ...o, fn: of(o.fn) })),
    simulations: program.simulations.map((s) => ({ ...s, fn: of(s.fn) })),
  };
}
