// How is an experiment run? Declared gradients, then the outer loops, each after the one that it goes on from (with the items that ask
// for its values), then what needs the trained values: evaluations, outputs and inner loops by themselves. Knows no files and no
// terminal: it reports events and returns everything it computed.
import { type HostTasks, openTaskSource, type TaskSource } from "./host_tasks.ts";
import type { HostArray } from "../ir/types.ts";
import type { Backend } from "../backend/interface.ts";
import { asOwnError, CallGivenUp, InternalError, MetaRuntimeError } from "../errors.ts";
import { type ExperimentProgram, functionsOf, type ProgramFunction } from "../program/program.ts";
import { itemsOf, type RunItem } from "./items.ts";
import type { RunEvent } from "./events.ts";
import type { Outcome, RunResult } from "./results.ts";
import type { CallAt, RunContext } from "./run_context.ts";
import { type Executables, openExecutables, seedWords } from "./executables.ts";
import { type SlotValues } from "./slots.ts";
import type { Later } from "./step_loop.ts";
import { computeGradient, evaluate, simulate } from "./measure.ts";
import { computeOutput } from "./outputs.ts";
import { allFinite } from "./non_finite.ts";
import { checkOperations } from "./operations.ts";
import { checkRecordedBytes } from "./recorder.ts";
import { runOuter } from "./outer.ts";
import { openRecords } from "./records.ts";
import { stepsDone } from "./outer_state.ts";
import { goOnFrom, type Moment, type RunState, stateOf } from "./run_state.ts";
import { standingValues, startOf } from "./standing.ts";
import { type Cuts, openTurns, type Turns } from "./turns.ts";

/** How to run. */
export interface RunOptions {
  /** Integer from 0 to 2^53 − 1; 0 when not given. */
  readonly seed?: number;
  /** Receives every event, as it happens. An exception from it ends the run and is passed on. */
  readonly report?: (event: RunEvent) => void;
  /** Stops the run after the present meta-step (or item), or in it where that takes long; its result says "stopped". */
  readonly signal?: AbortSignal;
  /** Makes the tasks whose fields the program leaves to the host. */
  readonly tasks?: HostTasks;
  /** Milliseconds from any origin; `performance.now` when not given. */
  readonly now?: () => number;
  /** Bytes that each function may keep; the program's `memory` when not given. The backend's own limit holds anyway. */
  readonly memory?: number;
  /** Which calls are cut, and into how long pieces; those of 100 ms into one of a millisecond or so when not given. */
  readonly cuts?: Cuts;
  /** Most bytes that recorded values may take; 2 GB when not given. */
  readonly recordLimit?: number;
  /** Called wherever a later run could go on, between items and between meta-steps; `state` says from where. */
  readonly mark?: (state: () => RunState, moment: Moment) => void;
  /** Asked in the pauses of a call that takes long: is `mark` to be called now? From there a later run begins the call again. */
  readonly markNow?: () => boolean;
  /** Where another run of the same program, with the same seed, stood: this one goes on from there. */
  readonly resume?: RunState;
}

const defaultRecordLimit = 2e9;

/** Runs an experiment on a backend.
 *  Never throws for a run that went wrong: the result then says "failed", why, and holds what there was until then.
 *  Throws RangeError for a bad seed, InternalError for a broken invariant, and what `report` throws.
 *  Gradients, evaluations and inner loops by themselves are computed as of meta-step 0, so the same seed gives the same
 *  tasks to each evaluation of an experiment, whenever it is made. */
export async function runProgram(
  program: ExperimentProgram,
  backend: Backend,
  options: RunOptions = {},
): Promise<RunResult> {
  const seed = options.seed ?? 0;
  if (program.splitBySeed !== undefined && program.splitBySeed !== seed) {
    throw new InternalError(`The parts of tables were drawn with seed ${program.splitBySeed}, and the run has ${seed}`);
  }
  const now = options.now ?? (() => performance.now());
  const start = now();
  const budget = options.memory ?? program.memory;
  const turns = openTurns({
    now,
    signal: options.signal,
    cuts: options.cuts,
    paused: () => !context.searching && options.markNow?.() && context.mark("between"),
  });
  const executables = openExecutables(backend, budget, turns);
  const tasks = openTaskSource(options.tasks ?? {}, { seed, signal: options.signal });
  // what the caller's own function throws is the caller's
  let thrown: { readonly error: unknown } | undefined;
  const callersOwn = <A extends readonly unknown[]>(call: ((...args: A) => void) | undefined) => (...args: A) => {
    try {
      call?.(...args);
    } catch (error) {
      thrown = { error };
      throw error;
    }
  };
  const [report, mark] = [callersOwn(options.report), callersOwn(options.mark)];
  const context = openContext({
    program,
    executables,
    options: { ...options, mark },
    report,
    seed: seedWords(seed),
    tasks,
    now,
    turns,
  });
  let outcome: Outcome;
  let failure: MetaRuntimeError | undefined;
  try {
    reportStart(context, backend, seed);
    if (options.resume) goOnFrom(options.resume, context);
    checkBeforeWork(program, backend, options.recordLimit ?? defaultRecordLimit);
    if (budget !== undefined) executables.plan(functionsOf(program));
    checkOperations(program, executables);
    outcome = await runItems(context) ? "done" : "stopped";
    if (outcome === "done" && context.doubts.length > 0) {
      failure = foremost(context.doubts);
      outcome = "failed";
    }
  } catch (error) {
    if (thrown?.error === error) throw error;
    failure = asRuntimeError(error);
    outcome = "failed";
  } finally {
    executables.dispose();
  }
  const seconds = (now() - start) / 1000;
  const missed = context.gradients.flatMap((g) => g.verdicts).filter((v) => !v.met).length;
  context.report({ kind: "finished", outcome, seconds, missed });
  const { declared, outers, records, gradients, evaluations, outputs, simulations } = context;
  const { plans } = executables;
  const leaves = new Map([...context.leaves, ...standingValues(context)]);
  const states = context.states.size > 0 ? { states: context.states } : {};
  const perStep = program.leaves.filter((leaf) => leaf.perStep).map(({ name }) => name);
  const result = {
    declared,
    leaves,
    ...(perStep.length > 0 ? { perStep } : {}),
    ...states,
    outers,
    recorded: records.values(),
    gradients,
    evaluations,
    outputs,
    simulations,
    plans,
  };
  const base = { outcome, backend: backend.name, seed, precision: program.precision, seconds, ...result };
  return failure ? { ...base, failure } : base;
}

/** What is said of a run that went on to its end but may not count as done. */
function foremost(doubts: readonly MetaRuntimeError[]): MetaRuntimeError {
  const [first, ...others] = doubts as [MetaRuntimeError, ...MetaRuntimeError[]];
  return others.length === 0
    ? first
    : new MetaRuntimeError(`${first.message} (and ${others.length} more of this kind)`, first.origin);
}

/** Computes every item. False when the signal stopped it: between items, or in one, which is then as if it had not begun. */
async function runItems(context: RunContext): Promise<boolean> {
  try {
    return await runEach(context);
  } catch (error) {
    if (!(error instanceof CallGivenUp)) throw error;
    context.mark("stop");
    return false;
  }
}

async function runEach(context: RunContext): Promise<boolean> {
  const { program, signal } = context;
  if (context.declared.size === 0) await declare(context);
  for (const item of itemsOf(program).slice(context.items)) {
    context.mark(signal?.aborted ? "stop" : "between");
    if (signal?.aborted || !(await runItem(item, context))) return false;
    context.items++;
    await context.breathe();
  }
  return true;
}

/** Computes one item. False when the signal stopped it. */
async function runItem({ kind, item }: RunItem, context: RunContext): Promise<boolean> {
  if (kind === "outer") return await runOuter(item, context);
  if (!await context.prepare([item.fn], 0)) {
    context.mark("stop");
    return false;
  }
  switch (kind) {
    case "gradient":
      await computeGradient(item, context, item.after === undefined ? context.declared : context.leaves);
      break;
    case "evaluation":
      await evaluate(item, context);
      break;
    case "output":
      await computeOutput(item, context);
      break;
    case "simulation":
      await simulate(item, context);
  }
  return true;
}

/** Sets every leaf to its declared value. */
async function declare(context: RunContext): Promise<void> {
  const { program: { initial, leaves } } = context;
  const values = await context.call(initial, { step: 0 });
  leaves.forEach((leaf, i) => context.leaves.set(leaf.name, values[i]!));
  context.declared = new Map(context.leaves);
  for (const leaf of leaves) {
    if (allFinite(context.leaves.get(leaf.name)!)) continue;
    throw new MetaRuntimeError(`The declared value of \`${leaf.name}\` is not finite`, leaf.origin);
  }
}

interface ContextParts {
  readonly program: ExperimentProgram;
  readonly executables: Executables;
  readonly options: RunOptions;
  readonly report: (event: RunEvent) => void;
  readonly seed: HostArray;
  readonly tasks: TaskSource;
  readonly now: () => number;
  readonly turns: Turns;
}

function openContext({ program, executables, options, report, seed, tasks, now, turns }: ContextParts): RunContext {
  const none: ReadonlyMap<string, HostArray> = new Map();
  const madeSoFar = () => {
    const ended = context.outers.map(({ name, done }) => [name, done] as const);
    return new Map([...ended, ...(context.outer ? [[context.outer.name, stepsDone(context.outer)] as const] : [])]);
  };
  const valuesAt = (at: CallAt): SlotValues => ({
    seed,
    step: at.step,
    leaves: at.leaves ?? context.leaves,
    states: context.states,
    made: madeSoFar(),
    data: program.data,
    tasks,
  });
  /** What a function reads; loops that no outer has moved yet stand where they begin. */
  const reading = ({ inputs }: ProgramFunction, at: CallAt): Later<SlotValues> => {
    const missing = inputs.some((slot) => slot.kind === "state" && !context.states.has(slot.name));
    return missing ? withStarts(at) : valuesAt(at);
  };
  const withStarts = async (at: CallAt): Promise<SlotValues> => {
    const begun = new Map<string, HostArray>();
    for (const standing of program.standing) {
      for (const [name, value] of await startOf(standing, context)) begun.set(name, value);
    }
    return { ...valuesAt(at), states: new Map([...begun, ...context.states]) };
  };
  const context: RunContext = {
    program,
    now,
    signal: options.signal,
    report,
    call(fn, at) {
      const result = context.differentiate(fn, at);
      return result instanceof Promise ? result.then(({ outputs }) => outputs) : result.outputs;
    },
    differentiate(fn, at) {
      const values = reading(fn, at);
      const call = (values: SlotValues) => executables.callWithPauses(fn, values);
      return values instanceof Promise ? values.then(call) : call(values);
    },
    async search(work) {
      context.searching = true;
      try {
        return await work();
      } finally {
        context.searching = false;
      }
    },
    watch: (fn, at) => context.search(async () => await executables.watch(fn, await reading(fn, at))),
    searching: false,
    openLoop(fn, at, wiring) {
      const values = { ...valuesAt(at), step: at.step };
      const { inputs, most, run, accept } = executables.open(fn, values, wiring);
      return {
        inputs,
        most,
        run(step, count) {
          values.step = step;
          return run(values, count);
        },
        accept,
      };
    },
    prepare: (fns, step) => tasks.prepare(fns, step),
    breathe: () => turns.breathe(),
    keep(recorded) {
      report({ kind: "recorded", recorded, index: context.records.add(recorded) });
    },
    doubt: (reason) => context.doubts.push(reason),
    declared: none,
    leaves: new Map(),
    states: new Map(),
    items: 0,
    outer: undefined,
    mark: (moment) => options.mark?.(() => stateOf(context), moment),
    outers: [],
    records: openRecords(options.resume?.recorded),
    gradients: [],
    evaluations: [],
    outputs: [],
    simulations: [],
    doubts: [],
  };
  return context;
}

function reportStart(context: RunContext, backend: Backend, seed: number): void {
  const { source, precision, leaves, outers } = context.program;
  context.report({
    kind: "started",
    source,
    backend: backend.name,
    seed,
    precision,
    leaves: leaves.length,
    leafValues: leaves.reduce((sum, leaf) => sum + leaf.type.shape.reduce((a, b) => a * b, 1), 0),
    outers: outers.map(({ name, steps }) => ({ name, steps })),
  });
}

function checkBeforeWork(program: ExperimentProgram, backend: Backend, recordLimit: number): void {
  if (!backend.dtypes.includes(program.precision)) {
    throw new MetaRuntimeError(
      `The backend \`${backend.name}\` does not compute in ${program.precision}; it has ${backend.dtypes.join(", ")}`,
    );
  }
  checkRecordedBytes(program, recordLimit);
}

/** A failure of the run as such; a bug is thrown. */
function asRuntimeError(error: unknown): MetaRuntimeError {
  const own = asOwnError(error);
  if (own instanceof MetaRuntimeError) return own;
  throw own;
}
