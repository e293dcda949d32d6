// How is an outer loop run? Meta-step after meta-step: record, evaluate, step, look whether the numbers are still
// numbers, report. Called by `run.ts`.
import { copyOf, type HostArray } from "../ir/types.ts";
import { CallGivenUp, MetaRuntimeError } from "../errors.ts";
import { type EvaluationProgram, madeBy, type OuterProgram } from "../program/program.ts";
import {
  describeNonFinite,
  findFirstNonFinite,
  findInTrajectories,
  type FirstNonFinite,
  metaStepError,
} from "./non_finite.ts";
import { begunNow, noteImplicit, noteStep, type OuterState, resultOf, startState, stepsDone } from "./outer_state.ts";
import { openPace, type Pace } from "./pace.ts";
import { isDue, openOuterRecorder, type OuterRecorder } from "./recorder.ts";
import type { ContextLoop, RunContext } from "./run_context.ts";
import type { Steps, StepWiring } from "./step_loop.ts";
import { evaluate } from "./measure.ts";
import { countedSteps, giveBack, isMissing, noneIsBest, noteEvaluation, whatHolds } from "./stopping.ts";
import type { UntilHeld } from "./results.ts";
import { describeWatched } from "./watch.ts";

/** Runs one outer loop to its end, or until the signal; says whether it came to the end. Its result is in the context,
 *  and the learned leaves too, also when it throws: MetaRuntimeError when a number is not finite, with the values before
 *  that meta-step kept. */
export async function runOuter(outer: OuterProgram, context: RunContext): Promise<boolean> {
  const pace = openPace(context.now);
  const state = context.outer ??= await startState(outer, context);
  const before = state.seconds();
  state.seconds = () => before + pace.elapsed();
  let ended: Ended = { whole: false };
  try {
    ended = await takeSteps({ outer, context, state, pace });
    return ended.whole;
  } finally {
    // the memory of the loop goes with it
    for (const name of outer.over) state.leaves.set(name, copyOf(state.leaves.get(name)!));
    for (const { name } of outer.warm) state.states.set(name, copyOf(state.states.get(name)!));
    for (const { name } of outer.states) state.states.delete(name);
    const kept = giveBack(outer, state);
    const { until } = ended;
    const step = stepsDone(state);
    context.outer = undefined;
    const seconds = state.seconds();
    context.outers.push(
      resultOf(outer, state, { seconds, ...(until ? { until } : {}), ...(kept ? { kept } : {}) }),
    );
    if (until) context.report({ kind: "until", outer: outer.name, step, held: until });
    if (kept) context.report({ kind: "kept", outer: outer.name, kept });
  }
}

interface Running {
  readonly outer: OuterProgram;
  readonly context: RunContext;
  readonly state: OuterState;
  readonly pace: Pace;
  /** It was said where the loop stopped before its end. */
  stopped?: boolean;
}

/** How an outer loop came to an end. */
interface Ended {
  /** False when the signal came first. */
  readonly whole: boolean;
  /** What held then. */
  readonly until?: UntilHeld;
}

/** Meta-steps from where the loop stands to its end. Where a call is given up, what it was to make is left to a run that goes on. */
async function takeSteps(running: Running): Promise<Ended> {
  const recorder = openOuterRecorder(running.outer, running.context.program.precision, running.context.keep);
  try {
    return await takeWholeSteps(running, recorder);
  } catch (error) {
    if (!(error instanceof CallGivenUp)) throw error;
    if (!running.stopped) running.context.mark("stop");
    await recorder.end(running.state);
    return { whole: false };
  }
}

async function takeWholeSteps(running: Running, recorder: OuterRecorder): Promise<Ended> {
  const { outer, context, state, pace } = running;
  const evaluations = context.program.evaluations.filter((e) => e.every?.of === outer.name);
  const looked = lookedAt(outer, evaluations);
  const trajectories = outer.trajectories ? [outer.trajectories.fn] : [];
  const stepFunctions = [outer.step, outer.diagnose().fn, ...trajectories];
  const compute = {
    trajectories: () => trajectoriesOf(running),
    rates: () => context.call(outer.rates!.fn, { step: stepsDone(state) }),
  };
  const wiring = wiringOf(outer);
  // what the step makes but does not read
  const numbers = numbersOf(outer);
  const loose = madeBy(outer).flatMap((made, i) =>
    wiring.feed.has(numbers + i) ? [] : [{ ...made, output: numbers + i }]
  );
  let loop: ContextLoop | undefined;
  let held = whatHolds(outer, state);
  while (!held && stepsDone(state) < outer.steps && !context.signal?.aborted) {
    context.mark("between");
    const step = stepsDone(state);
    const due = evaluations.filter((e) => isDue(step, e.every!.steps));
    if (!await context.prepare([...stepFunctions, ...due.map((e) => e.fn)], step)) break;
    await recorder.before(state, compute);
    for (const e of due.slice(begunNow(state).evaluated)) {
      noteEvaluation(outer, state, await evaluate(e, context, { outer: outer.name, step }));
      const begun = begunNow(state);
      state.begun = { ...begun, evaluated: begun.evaluated + 1 };
    }
    held = whatHolds(outer, state);
    if (held) break;
    if (!loop) {
      loop = context.openLoop(outer.step, { step }, wiring);
      moveInto(loop, outer, state);
    }
    const from = context.now();
    let made = await loop.run(step, Math.min(pace.count, loop.most, stepsTo(step, looked, outer.steps)));
    const counted = countedSteps(outer, made.each);
    // again from where they began, and no further
    if (counted < made.each.length) made = await loop.run(step, counted);
    if (made.bad !== undefined) throw await whatWentWrong(running, made, made.bad);
    for (const { kind, name, output } of loose) {
      (kind === "leaf" ? state.leaves : state.states).set(name, copyOf(made.outputs[output]!));
    }
    loop.accept();
    const { length } = made.each;
    tell(running, recorder, made, pace.note(step + length, length, from));
    await context.breathe();
    held = whatHolds(outer, state);
  }
  const whole = held !== undefined || stepsDone(state) === outer.steps;
  context.mark(whole ? "end" : "stop");
  running.stopped = !whole;
  const last = whole ? evaluations.filter((e) => isMissing(outer, state, e)) : [];
  const ready = await context.prepare([...trajectories, ...last.map((e) => e.fn)], stepsDone(state));
  // what is made of its end has no tasks yet: that is left to the run that goes on
  if (whole && !ready) context.mark("stop");
  await recorder.end(state, ready ? compute.trajectories : undefined);
  if (ready) await judgeLast(running, last);
  held ??= whatHolds(outer, state);
  return { whole: whole && ready, ...(held ? { until: held } : {}) };
}

/** Makes what is to be kept of once more, with what the last meta-step made. */
async function judgeLast(
  { outer, context, state }: Running,
  missing: readonly EvaluationProgram[],
): Promise<void> {
  for (const e of missing) {
    noteEvaluation(outer, state, await evaluate(e, context, { outer: outer.name, step: stepsDone(state) }));
  }
  if (!noneIsBest(outer, state)) return;
  const what =
    `\`keep best of ${outer.keep!.evaluation}\`: none of the evaluations during \`${outer.name}\` is finite in ` +
    "all of its tasks, so there is no best, and what the last meta-step made stays";
  context.doubt(new MetaRuntimeError(what, outer.origin));
}

/** Notes in the state what some meta-steps made, and reports it. */
function tell(
  { outer, context, state }: Running,
  recorder: OuterRecorder,
  { each }: Steps,
  pace: ReturnType<Pace["note"]>,
): void {
  for (const { numbers: [loss, gradientNorm, leftOut = 0], implicit } of each) {
    const step = stepsDone(state);
    if (leftOut > 0) {
      const { tasks, steps } = state.leftOut!;
      state.leftOut = { tasks: tasks + leftOut, steps: steps + 1 };
    }
    noteStep(state, { loss: loss!, gradientNorm: gradientNorm! });
    recorder.computed(state);
    const left = outer.steps - stepsDone(state);
    for (const report of implicit) {
      if (!noteImplicit(state, report) && left > 0) continue;
      context.report({ kind: "implicit", outer: { name: outer.name, step }, report });
    }
    context.report({
      kind: "step",
      outer: outer.name,
      step,
      steps: outer.steps,
      loss: loss!,
      gradientNorm: gradientNorm!,
      ...(leftOut > 0 ? { leftOut } : {}),
      ...pace,
      secondsElapsed: state.seconds(),
      secondsLeft: left / pace.stepsPerSecond,
    });
  }
}

/** The whole trajectories that are recorded, with the values before the next meta-step. */
async function trajectoriesOf({ outer, context, state }: Running): Promise<readonly HostArray[]> {
  const { fn, quantities } = outer.trajectories!;
  const step = stepsDone(state);
  const arrays = await context.call(fn, { step });
  const first = findInTrajectories(quantities, arrays, outer.origin);
  if (first) {
    const what = `${describeNonFinite(first)} (recorded before meta-step ${step} of \`${outer.name}\`)`;
    context.doubt(new MetaRuntimeError(what, first.origin));
  }
  return arrays;
}

/** Outputs of a step that are numbers: the objective, the norm of its gradient, and how many tasks were left out. */
const numbersOf = ({ skips }: OuterProgram): number => skips ? 3 : 2;

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

/** Which outputs of a step are which inputs of the next. */
function wiringOf(outer: OuterProgram): StepWiring {
  const { over, warm, step: { inputs } } = outer;
  const numbers = numbersOf(outer);
  const feed = new Map<number, number>();
  madeBy(outer).forEach(({ kind, name }, i) => {
    const input = inputs.findIndex((slot) => slot.kind === kind && slot.name === name);
    if (input >= 0) feed.set(numbers + i, input);
  });
  return { feed, watched: numbers + over.length + warm.filter(({ leaf }) => leaf !== undefined).length, numbers };
}

/** The present leaves and states are what the loop's inputs hold. */
function moveInto(loop: ContextLoop, { over, step: { inputs } }: OuterProgram, { leaves, states }: OuterState): void {
  inputs.forEach((slot, i) => {
    const array = loop.inputs[i];
    if (!array) return;
    if (slot.kind === "leaf" && over.includes(slot.name)) leaves.set(slot.name, array);
    if (slot.kind === "state") states.set(slot.name, array);
  });
}

/** Why a meta-step may not count: its output number `bad` is not finite. */
async function whatWentWrong(
  { outer, context, state }: Running,
  { each, outputs }: Steps,
  bad: number,
): Promise<MetaRuntimeError> {
  const [loss, gradientNorm] = each[0]!.numbers as [number, number];
  const numbers = numbersOf(outer);
  if (bad < numbers) {
    const noticed = Number.isFinite(loss)
      ? { what: `the norm of the meta-gradient${outer.skips ? " over the tasks that count" : ""}`, value: gradientNorm }
      : { what: outer.skips ? "the objective of every task" : "the objective", value: loss };
    return await stepWentWrong(outer, context, state, noticed);
  }
  const value = Array.from<number>(outputs[bad]!.data).find((x) => !Number.isFinite(x))!;
  const { kind, name } = madeBy(outer)[bad - numbers]!;
  if (kind === "state") {
    return await stepWentWrong(outer, context, state, {
      what: `where it leaves \`${name.replace("@", "` of `")}\``,
      value,
    });
  }
  return new MetaRuntimeError(
    `\`${outer.name}\`, meta-step ${stepsDone(state)}: its update makes \`${name}\` ${value}, ` +
      "although the objective and the norm of its gradient are finite",
    outer.origin,
  );
}

/** Looks for the first inner quantity that is not finite, with the values that the step saw. */
async function stepWentWrong(
  outer: OuterProgram,
  context: RunContext,
  state: OuterState,
  noticed: { readonly what: string; readonly value: number },
): Promise<MetaRuntimeError> {
  const at = { step: stepsDone(state) };
  const { fn, quantities } = outer.diagnose();
  let first: FirstNonFinite | Error | undefined;
  try {
    first = quantities.length === 0
      ? undefined
      : findFirstNonFinite(quantities, await context.search(() => context.call(fn, at)));
  } catch (error) {
    first = error as Error; // the search keeps whole trajectories: it may need memory that the step did not
  }
  // in a loop inside another it may have begun
  const found = outer.watch && await context.watch(outer.watch(), at);
  if (found && (!first || first instanceof Error || first.loop !== found.loop)) {
    return new MetaRuntimeError(describeWatched(found), found.origin);
  }
  return metaStepError(first, { outer: outer.name, step: at.step, origin: outer.origin, ...noticed });
}
