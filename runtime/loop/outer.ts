// How is an outer loop run? Meta-step after meta-step: record, evaluate, step, look whether the numbers are still
// numbers, report. Called by `run.ts`.
import type { HostArray } from "../ir/types.ts";
import { MetaRuntimeError } from "../errors.ts";
import type { EvaluationProgram, OuterProgram } from "../program/program.ts";
import {
  describeNonFinite,
  findFirstNonFinite,
  findInTrajectories,
  type FirstNonFinite,
  metaStepError,
} from "./non_finite.ts";
import { isDue, openOuterRecorder } from "./recorder.ts";
import type { ImplicitReport } from "./results.ts";
import type { ContextLoop, RunContext } from "./run_context.ts";
import { evaluate } from "./measure.ts";
import { describeWatched } from "./watch.ts";

/** Runs one outer loop to its end, or until the signal; says whether it came to the end. Its result is in the context,
 *  and the learned leaves too, also when it throws: MetaRuntimeError when a number is not finite, with the values before
 *  that meta-step kept. */
export async function runOuter(outer: OuterProgram, context: RunContext): Promise<boolean> {
  const { program, now, report, signal } = context;
  const losses: number[] = [];
  const gradientNorms: number[] = [];
  const solves = new Map<string, ImplicitReport & { missed: number }>();
  const start = now();
  const recorder = openOuterRecorder(outer, program.precision, context.keep);
  const evaluations = program.evaluations.filter((e) => e.every?.of === outer.name);
  let states = named(outer.states, context.call(outer.initialStates, { step: 0 }));
  let loop: ContextLoop | undefined;
  const feed = feedOf(outer);
  const wiring = { feed, watched: numbers + outer.over.length, numbers };
  // leaves that the step makes but does not read
  const loose = outer.over.flatMap((name, i) => feed.has(numbers + i) ? [] : [{ name, output: numbers + i }]);
  const looked = lookedAt(outer, evaluations);
  const trajectoriesAt = (step: number) => () => {
    const { fn, quantities } = outer.trajectories!;
    const arrays = context.call(fn, { step, states });
    const first = findInTrajectories(quantities, arrays, outer.origin);
    if (first) {
      const what = `${describeNonFinite(first)} (recorded before meta-step ${step} of \`${outer.name}\`)`;
      context.doubt(new MetaRuntimeError(what, first.origin));
    }
    return arrays;
  };
  const trajectories = outer.trajectories ? [outer.trajectories.fn] : [];
  const stepFunctions = [outer.step, outer.diagnose.fn, ...trajectories];
  let firstDone = start;
  let count = 1;
  try {
    for (let step = 0; step < outer.steps && !signal?.aborted;) {
      const due = evaluations.filter((e) => isDue(step, e.every!.steps));
      if (!await context.prepare([...stepFunctions, ...due.map((e) => e.fn)], step)) break;
      const rates = () => context.call(outer.rates!.fn, { step, states });
      recorder.before(step, context.leaves, { trajectories: trajectoriesAt(step), rates });
      for (const e of due) evaluate(e, context, { outer: outer.name, step });
      if (!loop) {
        loop = context.openLoop(outer.step, { step, states }, wiring);
        states = inPlace(outer, loop, context.leaves, states);
      }
      const before = now();
      const { each, outputs, bad } = loop.run(step, Math.min(count, loop.most, stepsTo(step, looked, outer.steps)));
      if (bad !== undefined) {
        const [loss, gradientNorm] = each[0]!.numbers as [number, number];
        const value = outputs[bad]!;
        throw bad < numbers
          ? stepWentWrong(outer, context, { step, states, loss, gradientNorm })
          : updateWentWrong(outer, { step, name: outer.over[bad - numbers]!, value });
      }
      for (const { name, output } of loose) {
        const { dtype, shape, data } = outputs[output]!;
        context.leaves.set(name, { dtype, shape, data: data.slice() });
      }
      loop.accept();

      // the first meta-step also compiles, so it says little about the pace of the others
      const time = now();
      const made = each.length;
      const counted = step === 0 ? 1 : step + made - 1;
      const stepsPerSecond = counted / Math.max((time - (step === 0 ? start : firstDone)) / 1000, 1e-9);
      if (step === 0) firstDone = time;
      else {count = Math.max(
          1,
          Math.min(4 * count, Math.floor(made * callMilliseconds / Math.max(time - before, 1e-3))),
        );}
      for (const { numbers: [loss, gradientNorm], implicit } of each) {
        losses.push(loss!);
        gradientNorms.push(gradientNorm!);
        recorder.computed(step, loss!, gradientNorm!);
        for (const report of implicit) {
          const before = solves.get(report.loop);
          solves.set(report.loop, { ...report, missed: (before?.missed ?? 0) + (report.arrived ? 0 : 1) });
          if (before?.arrived === report.arrived && step < outer.steps - 1) continue;
          context.report({ kind: "implicit", outer: { name: outer.name, step }, report });
        }
        report({
          kind: "step",
          outer: outer.name,
          step,
          steps: outer.steps,
          loss: loss!,
          gradientNorm: gradientNorm!,
          secondsElapsed: (time - start) / 1000,
          stepsPerSecond,
          secondsLeft: (outer.steps - step - 1) / stepsPerSecond,
        });
        step++;
      }
      await context.breathe();
    }
    const done = losses.length;
    const ready = await context.prepare(trajectories, done);
    recorder.end(done, context.leaves, ready ? trajectoriesAt(done) : undefined);
    return losses.length === outer.steps;
  } finally {
    // the memory of the loop goes with it
    for (const name of outer.over) {
      const { dtype, shape, data } = context.leaves.get(name)!;
      context.leaves.set(name, { dtype, shape, data: data.slice() });
    }
    context.outers.push({
      name: outer.name,
      steps: outer.steps,
      losses: Float64Array.from(losses),
      gradientNorms: Float64Array.from(gradientNorms),
      seconds: (now() - start) / 1000,
      ...(solves.size > 0 ? { implicit: [...solves.values()] } : {}),
    });
  }
}

/** Outputs of a step that are numbers: the objective, the norm of its gradient. */
const numbers = 2;
/** A call is to take so long, where it can take many meta-steps: signals and callbacks are waiting. */
const callMilliseconds = 50;

/** Numbers of meta-steps before whose multiples somebody looks at the leaves. */
function lookedAt(
  { records, trajectories }: OuterProgram,
  evaluations: readonly EvaluationProgram[],
): readonly number[] {
  return [
    ...evaluations.map((e) => e.every!.steps),
    ...records.flatMap(({ what, every }) => what.kind === "leaf" || what.kind === "rate" ? [every] : []),
    ...(trajectories ? [trajectories.every] : []),
  ];
}

/** Meta-steps from `step` to the next that is looked at, or to the end. */
function stepsTo(step: number, looked: readonly number[], steps: number): number {
  return looked.reduce((least, every) => Math.min(least, every - step % every), steps - step);
}

/** Which outputs of a step are which inputs of the next: learned leaves, then states. */
function feedOf({ over, states, step: { inputs } }: OuterProgram): Map<number, number> {
  const feed = new Map<number, number>();
  const pair = (kind: "leaf" | "state", names: readonly string[], first: number) =>
    names.forEach((name, i) => {
      const input = inputs.findIndex((slot) => slot.kind === kind && slot.name === name);
      if (input >= 0) feed.set(first + i, input);
    });
  pair("leaf", over, numbers);
  pair("state", states.map((s) => s.name), numbers + over.length);
  return feed;
}

/** The present leaves and states are what the loop's inputs hold. The states, by name. */
function inPlace(
  { over, step: { inputs } }: OuterProgram,
  loop: ContextLoop,
  leaves: Map<string, HostArray>,
  states: ReadonlyMap<string, HostArray>,
): Map<string, HostArray> {
  const held = new Map(states);
  inputs.forEach((slot, i) => {
    const array = loop.inputs[i];
    if (!array) return;
    if (slot.kind === "leaf" && over.includes(slot.name)) leaves.set(slot.name, array);
    if (slot.kind === "state") held.set(slot.name, array);
  });
  return held;
}

function named(list: readonly { readonly name: string }[], arrays: readonly HostArray[]): Map<string, HostArray> {
  return new Map(list.map(({ name }, i) => [name, arrays[i]!]));
}

interface FailedStep {
  readonly step: number;
  readonly states: ReadonlyMap<string, HostArray>;
  readonly loss: number;
  readonly gradientNorm: number;
}

/** Looks for the first inner quantity that is not finite, with the values that the step saw. */
function stepWentWrong(outer: OuterProgram, context: RunContext, failed: FailedStep): MetaRuntimeError {
  const { step, states, loss, gradientNorm } = failed;
  const { fn, quantities } = outer.diagnose;
  let first: FirstNonFinite | Error | undefined;
  try {
    first = quantities.length === 0 ? undefined : findFirstNonFinite(quantities, context.call(fn, { step, states }));
  } catch (error) {
    first = error as Error; // the search keeps whole trajectories: it may need memory that the step did not
  }
  const noticed = Number.isFinite(loss)
    ? { what: "the norm of the meta-gradient", value: gradientNorm }
    : { what: "the objective", value: loss };
  // in a loop inside another it may have begun
  const found = outer.watch && context.watch(outer.watch(), { step, states });
  if (found && (!first || first instanceof Error || first.loop !== found.loop)) {
    return new MetaRuntimeError(describeWatched(found), found.origin);
  }
  return metaStepError(first, { outer: outer.name, step, origin: outer.origin, ...noticed });
}

function updateWentWrong(
  outer: OuterProgram,
  at: { readonly step: number; readonly name: string; readonly value: HostArray },
): MetaRuntimeError {
  const bad = Array.from<number>(at.value.data).find((x) => !Number.isFinite(x));
  return new MetaRuntimeError(
    `\`${outer.name}\`, meta-step ${at.step}: its update makes \`${at.name}\` ${bad}, although the objective and the norm ` +
      "of its gradient are finite",
    outer.origin,
  );
}
