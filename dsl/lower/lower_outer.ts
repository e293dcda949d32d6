// What is one meta-step? The objective over the tasks, its gradient with respect to what is learned, and the outer rule; also
// what is recorded of it, and where a run that went wrong looks.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { ArrayType, Variable } from "../../runtime/ir/types.ts";
import type {
  Diagnosis,
  OuterProgram,
  ProgramFunction,
  RecordRequest,
  StandingProgram,
  TrajectoryRequest,
} from "../../runtime/program/program.ts";
import type { Across, CheckedLoop, Context, Elaboration, LeafDeclaration } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { asFloat } from "../elaborate/arithmetic.ts";
import { firstStanding, keptName, keptNames, leftBehind } from "../loops/standing.ts";
import { meanOverTasks, openTasks } from "../loops/task_scopes.ts";
import type { Draft, Given } from "../elaborate/functions.ts";
import { meanOfCounted, objectiveWith, ofCounted, taskObjective } from "../loops/outer_objective.ts";
import { differentiate } from "../loops/differentiate.ts";
import { firstSamples, type LastingDirection, noiseName } from "../loops/lasting_samples.ts";
import type { Loop } from "../world/loop.ts";
import { firstEntry, hyperparameterLocals, recordedRates } from "../loops/hyperparameters.ts";
import { eachLeaf, everythingOf } from "../loops/loop_state.ts";
import { clipped, globalNorm, readsName, startStates, stepOfLeaf } from "../loops/rules.ts";
import { movedValue } from "../loops/moved_values.ts";
import { lowerSensitivities } from "./sensitivities.ts";
import { shapeOf, staticNumber } from "../world/values.ts";
import type { CheckedOuter, Stopping } from "../check/checked_program.ts";
import { endOf, openOuter } from "../check/check_outer.ts";

/** An outer whose meta-step is written when it is known which states something reads: nobody would see the others. */
export interface OuterDraft {
  readonly loop: Loop;
  /** How the loops begin that it moves from meta-step to meta-step. */
  readonly standing: readonly StandingProgram[];
  /** The functions beside the step that read states, where they are of the run. */
  readonly others: readonly ProgramFunction[];
  /** The step that makes, of all states, those of which something is known to read them. */
  readonly stepWith: (read: ReadonlySet<string>) => ProgramFunction;
  readonly write: (read: ReadonlySet<string>) => OuterProgram;
}

/** Writes everything that an outer needs at run time. */
export function lowerOuter(
  el: Elaboration,
  outer: CheckedOuter,
  given: Given,
  requests: {
    readonly records: readonly RecordRequest[];
    readonly trajectories?: TrajectoryRequest;
    readonly stopping?: Stopping | undefined;
  },
): OuterDraft {
  const { loop, steps } = outer;
  const start = lowerStates(el, outer, given);
  const warm = outer.warm.map((run) => lowerStanding(el, outer, given, run));
  const step = lowerStep(el, outer, given, { states: start.states, warm });
  const diagnose = once(() => lowerDiagnosis(el, outer, given));
  const { trajectories } = requests;
  const rates = requests.records.some((r) => r.what.kind === "rate") ? lowerRates(el, outer, given) : undefined;
  const keptOf = (read: ReadonlySet<string>) => ({
    own: start.states.filter(({ name }) => read.has(name)),
    // where a loop stands is a value as what is learned is: it is looked at, and kept
    warm: warm.flatMap(({ states }) => states).filter(({ name, leaf }) => leaf !== undefined || read.has(name)),
  });
  const stepWith = (read: ReadonlySet<string>) => step.finish(keptOf(read));
  return {
    loop,
    standing: warm,
    // of the states it reads none but where loops ended
    others: [...(outer.warm.length > 0 ? [diagnose().fn] : []), ...(trajectories ? [trajectories.fn] : [])],
    stepWith,
    write: (read) => {
      const kept = keptOf(read);
      return {
        name: loop.name,
        origin: loop.item.name.span,
        steps,
        over: step.over,
        ...(loop.skip ? { skips: true } : {}),
        states: kept.own.map(({ name, type }) => ({ name, type })),
        initialStates: start.finish(kept.own),
        warm: kept.warm,
        step: step.finish(kept),
        until: requests.stopping?.until ?? [],
        ...(requests.stopping?.keep ? { keep: requests.stopping.keep } : {}),
        records: requests.records,
        ...(rates ? { rates } : {}),
        ...(trajectories ? { trajectories } : {}),
        diagnose,
        watch: () => {
          const draft = openOuter(el, loop, "diagnose", given, true);
          const tasks = openTasks(draft.cx, outer.across);
          return draft.finish(tasks.close([asFloat(tasks.cx, taskObjective(tasks.cx, loop)!).variable]));
        },
      };
    },
  };
}

/** The outers, with the states that something reads: their own steps, or one of the other functions of the program. */
export function withReadStates(
  outers: readonly OuterDraft[],
  others: readonly ProgramFunction[],
): OuterProgram[] {
  const readBy = ({ inputs }: ProgramFunction) => inputs.flatMap((s) => s.kind === "state" ? [s.name] : []);
  const read = new Set([...others, ...outers.flatMap((o) => o.others)].flatMap(readBy));
  for (let known = -1; known < read.size;) {
    known = read.size;
    for (const { stepWith } of outers) for (const name of readBy(stepWith(read))) read.add(name);
  }
  return outers.map(({ write }) => write(read));
}

/** The outer's own hyperparameters that are recorded, at one meta-step. */
function lowerRates(el: Elaboration, outer: CheckedOuter, given: Given): NonNullable<OuterProgram["rates"]> {
  const { loop, steps } = outer;
  const draft = openOuter(el, loop, "rates", given);
  const { cx, b, world } = draft;
  const t: TensorValue = { kind: "tensor", variable: world.consumer.metaStep!, dims: [] };
  const entry = (stacked: Variable) => b.one("gather", [stacked, t.variable], { axis: 0, batch: 0 });
  const found = new Map<string, Variable>();
  for (const ruled of outer.rules) {
    for (const [name, value] of recordedRates(cx, loop, ruled, { t, steps, b, entry })) found.set(name, value);
  }
  return { names: [...found.keys()], fn: draft.finish([...found.values()]) };
}

interface NamedState {
  readonly name: string;
  readonly leaf: LeafDeclaration;
  /** The rule's name for it; none for what samples keep. */
  readonly state?: string;
  readonly type: ArrayType;
  readonly dims: TensorValue["dims"];
}

function lowerStates(
  el: Elaboration,
  outer: CheckedOuter,
  given: Given,
): { states: readonly NamedState[]; finish: (kept: readonly NamedState[]) => ProgramFunction } {
  const draft = openOuter(el, outer.loop, "states", given);
  const { cx, b } = draft;
  const states: NamedState[] = [];
  const outputs: Variable[] = [];
  const time = { t: staticNumber(0, "int"), steps: outer.steps, b, entry: firstEntry(b) };
  for (const { ruled, leaf } of eachLeaf(outer.rules)) {
    const p = movedValue(b, leaf, leafInput(cx, leaf));
    const hyper = hyperparameterLocals(cx, outer.loop, ruled, leaf, time);
    for (const [state, value] of startStates(cx, ruled.rule, leaf, p, hyper)!) {
      const type = { dtype: el.precision, shape: shapeOf(value.dims) };
      states.push({ name: keptName(outer.loop, leaf, state), leaf, state, type, dims: value.dims });
      outputs.push(value.variable);
    }
  }
  if (outer.warm.some((run) => lastingDirection(outer, run)) && outer.direction.kind === "es") {
    const { samples } = outer.direction;
    for (const { leaf } of eachLeaf(outer.rules)) {
      const type = { dtype: el.precision, shape: [samples, ...shapeOf(leaf.dims)] };
      states.push({ name: noiseName(outer.loop, leaf), leaf, type, dims: [] });
      outputs.push(b.fill(0, type));
    }
  }
  return { states, finish: (kept) => draft.finish(outputs.filter((_, i) => kept.includes(states[i]!))) };
}

/** Where a loop stands before the first meta-step that goes on from meta-step to meta-step, with the states of its rule. */
function lowerStanding(
  el: Elaboration,
  outer: CheckedOuter,
  given: Given,
  run: CheckedLoop,
): StandingProgram {
  // drawn as for the first meta-step
  const draft = openOuter(el, outer.loop, "states", given);
  const state = firstStanding(draft.cx, outer.across, run);
  const everything = everythingOf(state);
  const kept = new Map(keptNames(run.loop, state).map((name, i) => [name, everything[i]!]));
  const lasting = lastingDirection(outer, run);
  const all = [...kept, ...(lasting ? firstSamples(draft.b, lasting, kept) : [])];
  return {
    loop: run.loop.name,
    tasks: outer.across !== undefined,
    states: all.map(([name, { dtype, shape }], i) => ({
      name,
      type: { dtype, shape },
      ...(i < state.length ? { leaf: state[i]!.leaf.name } : {}),
      ...(kept.has(name) ? {} : { samples: true }),
    })),
    start: draft.finish(all.map(([, x]) => x)),
  };
}

/** The samples that go on with a loop of an outer, where they do. */
function lastingDirection({ direction }: CheckedOuter, run: CheckedLoop): LastingDirection | undefined {
  if (direction.kind !== "es" || direction.lasting?.loop !== run.loop) return undefined;
  return { ...direction, lasting: direction.lasting };
}

/** The type of where a leaf ends, for all tasks. */
function endType({ elaboration }: Context, { across }: CheckedOuter, leaf: LeafDeclaration): ArrayType {
  return { dtype: elaboration.precision, shape: [...(across ? [across.count] : []), ...shapeOf(leaf.dims)] };
}

function leafInput(cx: Context, leaf: LeafDeclaration): TensorValue {
  const variable = cx.world.consumer.input({ kind: "leaf", name: leaf.name });
  return { kind: "tensor", variable, dims: leaf.dims };
}

function lowerStep(
  el: Elaboration,
  outer: CheckedOuter,
  given: Given,
  { states, warm }: { readonly states: readonly NamedState[]; readonly warm: readonly StandingProgram[] },
): { over: string[]; finish: (kept: KeptStates) => ProgramFunction } {
  const { loop, steps } = outer;
  const draft = openOuter(el, loop, "step", given);
  const { cx, b, world } = draft;
  b.origin = loop.item.name.span;
  const ruled = eachLeaf(outer.rules);
  const now = new Map(outer.leaves.map((leaf) => [leaf, leafInput(cx, leaf)]));
  const reading = (name: string) =>
    ruled.flatMap(({ ruled: { rule }, leaf }) => readsName(rule.optimizer.item, name) ? [leaf] : []);
  // rules that read no gradient ask for none
  const [sloped, towards] = [reading("g"), reading("end")];
  const { loss, leftOut, slopes, left, ends, held } = lowerObjective(cx, outer, now, { sloped, towards, warm });
  const nothing = (leaf: LeafDeclaration) => b.fill(0, { dtype: el.precision, shape: shapeOf(leaf.dims) });
  const raw = ruled.map(({ leaf }) => slopes[sloped.indexOf(leaf)] ?? nothing(leaf));
  // what moves towards an end counts with its distance
  const norm = globalNorm(b, [
    ...slopes,
    ...towards.map((leaf) => b.apply("sub", now.get(leaf)!.variable, ends.get(leaf)!)),
  ]);
  const gradients = clipped(cx, loop, raw, norm);
  const t: TensorValue = { kind: "tensor", variable: world.consumer.metaStep!, dims: [] };
  const entry = (stacked: Variable) => b.one("gather", [stacked, t.variable], { axis: 0, batch: 0 });
  const newStates = new Map<string, Variable>();
  const newLeaves = ruled.map(({ ruled: own, leaf }, i) => {
    const p = now.get(leaf)!;
    const end = ends.get(leaf);
    const after = stepOfLeaf(cx, loop, own.rule, leaf, {
      p,
      g: { ...p, variable: gradients[i]! },
      t,
      states: statesOf(draft, states, leaf),
      ...(end ? { end: { ...p, variable: end } } : {}),
      hyperparameters: hyperparameterLocals(cx, loop, own, leaf, { t, steps, b, entry }),
    });
    for (const [state, value] of after.states) newStates.set(keptName(loop, leaf, state), value.variable);
    return after.p.variable;
  });
  const values = new Map([...newStates, ...left]);
  return {
    over: outer.leaves.map((leaf) => leaf.name),
    finish: ({ own, warm }) => {
      const kept = [...warm.filter((s) => s.leaf !== undefined), ...own, ...warm.filter((s) => s.leaf === undefined)];
      return draft.finish([loss, norm, ...leftOut, ...newLeaves, ...held, ...kept.map((s) => values.get(s.name)!)]);
    },
  };
}

/** The states that something reads: of the outer's own rule, and of the loops that go on. */
interface KeptStates {
  readonly own: readonly NamedState[];
  readonly warm: OuterProgram["warm"];
}

/** The states of a rule for one leaf, as the step is given them. */
function statesOf(draft: Draft, states: readonly NamedState[], leaf: LeafDeclaration): Map<string, TensorValue> {
  return new Map(
    states.flatMap(({ name, type, state, dims, leaf: of }): [string, TensorValue][] =>
      of !== leaf || state === undefined
        ? []
        : [[state, { kind: "tensor", variable: draft.input({ kind: "state", name }, type), dims }]]
    ),
  );
}

/** What an outer minimizes, and its gradient downwards; what becomes of the states that models hold; where its warm loops then stand, by the names of what is kept, and where those
 *  end that rules move towards. */
function lowerObjective(
  cx: Context,
  outer: CheckedOuter,
  now: ReadonlyMap<LeafDeclaration, TensorValue>,
  { sloped, towards, warm }: {
    readonly sloped: readonly LeafDeclaration[];
    readonly towards: readonly LeafDeclaration[];
    readonly warm: readonly StandingProgram[];
  },
) {
  const { b } = cx;
  const { loop, across } = outer;
  const downwards = (at: Builder, value: Variable) => loop.objective.maximize ? at.apply("neg", value) : value;
  const states = outer.leaves.filter((leaf) => leaf.state);
  const lasting = outer.warm.find((run) => lastingDirection(outer, run));
  const kept = warm.flatMap(({ states }) => states).filter(({ samples }) => !samples);
  const closed = differentiate(cx, outer.direction, {
    ...(lasting ? { lasting: { outer: loop, run: lasting, across } } : {}),
    name: `${loop.name}.loss`,
    at: loop.objective.span,
    leaves: sloped,
    value: (leaf) => now.get(leaf)!,
    tasks: across?.count,
    others: [...kept.map(({ type }) => type), ...towards.map((leaf) => endType(cx, outer, leaf))],
    write: (inside, more = () => []) => {
      const made = objectiveWith(inside, loop, (task, training) => [
        ...outer.warm.flatMap((run) => everythingOf(leftBehind(task, run))),
        ...towards.map((leaf) => valueAtEnd(task, endOf(task.world.consumer.runs, leaf)!.loop, leaf)),
        ...states.map((leaf) => task.b.resolve((training.next.get(leaf.name) ?? now.get(leaf)!).variable)),
        ...more(task),
      ])!;
      // the tasks that count come last
      return [downwards(inside.b, made.mean), ...made.more, ...made.counts ? [made.counts] : []];
    },
  });
  const loss = downwards(b, closed.outputs[0]!);
  const counts = loop.skip && closed.outputs.at(-1)!;
  const left = new Map(kept.map(({ name, type, leaf }, i) => {
    const end = closed.outputs[1 + i]!;
    if (!counts) return [name, end];
    // the loop of a task that is left out stays where it stands
    const before = cx.world.consumer.input({ kind: "state", name, ...(leaf === undefined ? {} : { leaf }) }, type);
    return [name, ofCounted(b, counts, end, before)];
  }));
  for (const [name, end] of closed.samples ?? []) left.set(name, end);
  const ended = closed.outputs.slice(1 + kept.length);
  const mean = (end: Variable) => counts ? meanOfCounted(b, end, counts) : across ? meanOverTasks(b, end) : end;
  const ends = new Map(towards.map((leaf, i) => [leaf, mean(ended[i]!)]));
  // what the tasks make of a state in one meta-step is the mean, whatever their order
  const held = states.map((_, i) => mean(ended[towards.length + i]!));
  const tasks = () => b.fill(across!.count, { dtype: cx.elaboration.precision, shape: [] });
  const leftOut = counts ? [b.apply("sub", tasks(), b.sum(counts))] : [];
  return { loss, leftOut, slopes: closed.gradients, left, ends, held };
}

/** Where a leaf ends in a loop that was run where a context stands. */
function valueAtEnd({ world }: Context, inner: Loop, leaf: LeafDeclaration): Variable {
  const run = world.runs.get(inner)!;
  return run.parameter(leaf, { kind: "static", step: run.steps }).variable;
}

/** Every loss and parameter of every inner loop, over tasks and time. */
function lowerDiagnosis(
  el: Elaboration,
  outer: CheckedOuter,
  given: Given,
): Diagnosis {
  const draft = openOuter(el, outer.loop, "diagnose", given);
  const tasks = openTasks(draft.cx, outer.across);
  taskObjective(tasks.cx, outer.loop);
  const quantities: Diagnosis["quantities"][number][] = [];
  const outputs: Variable[] = [];
  for (const run of tasks.cx.world.runs.values()) {
    const origin = run.loop.item.name.span;
    const common = { loop: run.loop.name, tasks: true };
    quantities.push({ ...common, quantity: "loss", origin });
    outputs.push(run.stacked("loss"));
    for (const leaf of run.leaves) {
      quantities.push({ ...common, quantity: leaf.name, origin: leaf.span });
      outputs.push(run.trajectory(leaf));
    }
  }
  return { fn: draft.finish(outputs.length > 0 ? tasks.close(outputs) : []), quantities };
}

/** The trajectories that `record …@*` asks of an outer, for one task. */
export function lowerTrajectories(
  el: Elaboration,
  outer: CheckedOuter,
  given: Given,
  open: (cx: Context, across: Across | undefined) => Context,
  collect: (cx: Context) => { outputs: Variable[]; quantities: TrajectoryRequest["quantities"] },
  { every, sensitivity }: { readonly every: number; readonly sensitivity: boolean },
): TrajectoryRequest {
  const draft = openOuter(el, outer.loop, "record", given);
  const cx = open(draft.cx, outer.across);
  taskObjective(cx, outer.loop);
  const { outputs, quantities } = collect(cx);
  // L is the objective of one task
  const objective = (inside: Context) => {
    const task = open(inside, outer.across);
    return asFloat(task, taskObjective(task, outer.loop)!).variable;
  };
  const slopes = sensitivity
    ? lowerSensitivities(draft, { name: outer.loop.name, runs: outer.runs, objective })
    : { outputs: [], quantities: [] };
  const fn = draft.finish([...outputs, ...slopes.outputs]);
  return { fn, quantities: [...quantities, ...slopes.quantities], every };
}

/** What is made when it is first asked for. */
function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => made ??= make();
}
