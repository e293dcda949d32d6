// What is one meta-step? The objective over the tasks, its gradient with respect to what is learned, and the outer rule; also
// what is recorded of it, and where a run that went wrong looks.
import type { Variable } from "../../runtime/ir/types.ts";
import type {
  Diagnosis,
  OuterProgram,
  ProgramFunction,
  RecordRequest,
  TrajectoryRequest,
} from "../../runtime/program/program.ts";
import type { Across, Context, Elaboration, LeafDeclaration, TensorValue } from "../world/world.ts";
import { asFloat, toTensor } from "../elaborate/arithmetic.ts";
import { evaluate } from "../world/evaluator.ts";
import { carriedName } from "../loops/loop_starts.ts";
import { meanOverTasks, openTasks } from "../loops/task_scopes.ts";
import type { LastingLeaves } from "../elaborate/functions.ts";
import { objectiveWith, taskObjective } from "../loops/outer_objective.ts";
import { differentiate } from "../loops/differentiate.ts";
import type { Loop } from "../world/loop.ts";
import { initialValue } from "../elaborate/leaves.ts";
import { firstEntry, hyperparameterLocals, recordedRates } from "../loops/hyperparameters.ts";
import { applyRule, clipScale, globalNorm, readsName, startStates } from "../loops/rules.ts";
import { keptValue, movedGradient, movedValue } from "../loops/moved_values.ts";
import { lowerSensitivities } from "./sensitivities.ts";
import { shapeOf, staticNumber } from "../world/values.ts";
import type { CheckedOuter } from "../check/checked_program.ts";
import { endOf, openOuter } from "../check/check_outer.ts";

/** Every learned leaf with its rule, in the order of `over`. */
function ruledLeaves({ rules }: CheckedOuter) {
  return rules.flatMap(({ rule, leaves, plans }) => leaves.map((leaf) => ({ rule, leaf, plans })));
}

/** Writes everything that an outer needs at run time. */
export function lowerOuter(
  el: Elaboration,
  outer: CheckedOuter,
  lasting: LastingLeaves,
  requests: { readonly records: readonly RecordRequest[]; readonly trajectories?: TrajectoryRequest },
): OuterProgram {
  const { loop, steps } = outer;
  const start = lowerStates(el, outer, lasting);
  const step = lowerStep(el, outer, lasting, start.states);
  const diagnose = once(() => lowerDiagnosis(el, outer, lasting));
  const { trajectories } = requests;
  const rates = requests.records.some((r) => r.what.kind === "rate") ? lowerRates(el, outer, lasting) : undefined;
  const states = readStates(start.states, step.finish, [
    // of the states it reads none but where loops ended
    ...(outer.warm.length > 0 ? [diagnose().fn] : []),
    ...(trajectories ? [trajectories.fn] : []),
  ]);
  return {
    name: loop.name,
    origin: loop.item.name.span,
    steps,
    over: step.over,
    states: states.map(({ name, type }) => ({ name, type })),
    initialStates: start.finish(states),
    step: step.finish(states),
    records: requests.records,
    ...(rates ? { rates } : {}),
    ...(trajectories ? { trajectories } : {}),
    diagnose,
    watch: () => {
      const draft = openOuter(el, loop, "diagnose", lasting, false, true);
      const tasks = openTasks(draft.cx, outer.across);
      return draft.finish(tasks.close([asFloat(tasks.cx, taskObjective(tasks.cx, loop)!).variable]));
    },
  };
}

/** The states that something reads, now or by way of another state: nobody would see the others. */
function readStates(
  states: readonly NamedState[],
  stepWith: (states: readonly NamedState[]) => ProgramFunction,
  others: readonly ProgramFunction[],
): readonly NamedState[] {
  const readBy = ({ inputs }: ProgramFunction) => inputs.flatMap((s) => s.kind === "state" ? [s.name] : []);
  const read = new Set(others.flatMap(readBy));
  for (let known = -1; known < read.size;) {
    known = read.size;
    for (const name of readBy(stepWith(states.filter((s) => read.has(s.name))))) read.add(name);
  }
  return states.filter((s) => read.has(s.name));
}

/** The outer's own hyperparameters that are recorded, at one meta-step. */
function lowerRates(el: Elaboration, outer: CheckedOuter, lasting: LastingLeaves): NonNullable<OuterProgram["rates"]> {
  const { loop, steps } = outer;
  const draft = openOuter(el, loop, "rates", lasting, false);
  const { cx, b, world } = draft;
  const t: TensorValue = { kind: "tensor", variable: world.consumer.metaStep!, dims: [] };
  const entry = (stacked: Variable) => b.one("gather", [stacked, t.variable], { axis: 0, batch: 0 });
  const found = new Map<string, Variable>();
  for (const { rule, leaves, plans } of outer.rules) {
    const own = recordedRates(cx, loop, rule, { plans, leaves, time: { t, steps, b, entry } });
    for (const [name, value] of own) found.set(name, value);
  }
  return { names: [...found.keys()], fn: draft.finish([...found.values()]) };
}

interface NamedState {
  readonly name: string;
  readonly leaf: LeafDeclaration;
  /** The rule's name for it; undefined for where an inner loop ended. */
  readonly state: string | undefined;
  readonly type: { readonly dtype: Elaboration["precision"]; readonly shape: readonly number[] };
  readonly dims: TensorValue["dims"];
}

function lowerStates(
  el: Elaboration,
  outer: CheckedOuter,
  lasting: LastingLeaves,
): { states: readonly NamedState[]; finish: (kept: readonly NamedState[]) => ProgramFunction } {
  const draft = openOuter(el, outer.loop, "states", lasting, false);
  const { cx, b } = draft;
  const states: NamedState[] = [];
  const outputs: Variable[] = [];
  const time = { t: staticNumber(0, "int"), steps: outer.steps, b, entry: firstEntry(b) };
  for (const { rule, leaf, plans } of ruledLeaves(outer)) {
    const p = movedValue(b, leaf, leafInput(cx, leaf));
    const hyper = hyperparameterLocals(cx, outer.loop, rule, plans, leaf, time);
    for (const [state, value] of startStates(cx, rule, leaf, p, hyper)!) {
      const type = { dtype: el.precision, shape: shapeOf(value.dims) };
      states.push({ name: `${leaf.name}.${state}`, leaf, state, type, dims: value.dims });
      outputs.push(value.variable);
    }
  }
  for (const state of carriedStates(cx, outer)) {
    const tasks = openTasks(cx, outer.across);
    const [stacked] = tasks.close([initialValue(tasks.cx, state.leaf)!.variable]);
    states.push(state);
    outputs.push(b.reshape(stacked!, state.type.shape));
  }
  return { states, finish: (kept) => draft.finish(outputs.filter((_, i) => kept.includes(states[i]!))) };
}

/** Where the loops ended that go on from the meta-step before. */
function carriedStates(cx: Context, outer: CheckedOuter): NamedState[] {
  return outer.warm.flatMap(({ loop, leaves }) =>
    leaves.map((leaf) => ({
      name: carriedName(loop, leaf),
      leaf,
      state: undefined,
      type: endType(cx, outer, leaf),
      dims: leaf.dims,
    }))
  );
}

/** The type of where a leaf ends, for all tasks. */
function endType({ elaboration }: Context, { across }: CheckedOuter, leaf: LeafDeclaration): NamedState["type"] {
  return { dtype: elaboration.precision, shape: [...(across ? [across.count] : []), ...shapeOf(leaf.dims)] };
}

function leafInput(cx: Context, leaf: LeafDeclaration): TensorValue {
  const variable = cx.world.consumer.input({ kind: "leaf", name: leaf.name });
  return { kind: "tensor", variable, dims: leaf.dims };
}

function lowerStep(
  el: Elaboration,
  outer: CheckedOuter,
  lasting: LastingLeaves,
  states: readonly NamedState[],
): { over: string[]; finish: (kept: readonly NamedState[]) => ProgramFunction } {
  const { loop, steps } = outer;
  const draft = openOuter(el, loop, "step", lasting, false);
  const { cx, b, world } = draft;
  b.origin = loop.item.name.span;
  const ruled = ruledLeaves(outer);
  const now = new Map(ruled.map(({ leaf }) => [leaf.name, leafInput(cx, leaf)]));

  const { maximize } = loop.objective;
  // rules that read no gradient ask for none
  const sloped = ruled.filter(({ rule }) => readsName(rule.optimizer.item, "g")).map((r) => r.leaf);
  const towards = ruled.filter(({ rule }) => readsName(rule.optimizer.item, "end")).map((r) => r.leaf);
  const closed = differentiate(cx, outer.direction, {
    name: `${loop.name}.loss`,
    at: loop.objective.span,
    leaves: sloped,
    value: (leaf) => now.get(leaf.name)!,
    tasks: outer.across?.count,
    others: [...outer.warm.flatMap((run) => run.leaves), ...towards].map((leaf) => endType(cx, outer, leaf)),
    write: (inside, more = () => []) => {
      const atEnd = (task: Context, inner: Loop, leaf: LeafDeclaration) => {
        const run = task.world.runs.get(inner)!;
        return run.parameter(leaf, { kind: "static", step: run.steps }).variable;
      };
      const [mean, ...ends] = objectiveWith(inside, loop, (task) => [
        ...outer.warm.flatMap(({ loop: inner, leaves }) => leaves.map((leaf) => atEnd(task, inner, leaf))),
        ...towards.map((leaf) => atEnd(task, endOf(task.world.consumer.runs, leaf)!.loop, leaf)),
        ...more(task),
      ])!;
      return [maximize ? inside.b.apply("neg", mean!) : mean!, ...ends];
    },
  });
  const loss = maximize ? b.apply("neg", closed.outputs[0]!) : closed.outputs[0]!;
  const carried = states.filter((s) => s.state === undefined);

  const ends = new Map(towards.map((leaf, i): [LeafDeclaration, Variable] => {
    const end = closed.outputs[1 + carried.length + i]!;
    return [leaf, outer.across ? meanOverTasks(b, end) : end];
  }));
  const nothing = (leaf: LeafDeclaration) => b.fill(0, { dtype: el.precision, shape: shapeOf(leaf.dims) });
  let gradients = ruled.map(({ leaf }) => closed.gradients[sloped.indexOf(leaf)] ?? nothing(leaf));
  // what moves towards an end counts with its distance
  const norm = globalNorm(b, [
    ...closed.gradients,
    ...towards.map((leaf) => b.apply("sub", now.get(leaf.name)!.variable, ends.get(leaf)!)),
  ]);
  if (loop.clip) {
    const bound = toTensor(cx, evaluate(cx, loop.clip), "float") as TensorValue;
    const scale = clipScale(b, norm, bound.variable);
    gradients = gradients.map((g) => b.apply("mul", g, b.broadcastTo(scale, g.shape)));
  }
  const t: TensorValue = { kind: "tensor", variable: world.consumer.metaStep!, dims: [] };
  const newLeaves: Variable[] = [];
  const newStates = new Map<string, Variable>();
  ruled.forEach(({ rule, leaf, plans }, i) => {
    const time = {
      t,
      steps,
      b,
      entry: (stacked: Variable) => b.one("gather", [stacked, t.variable], { axis: 0, batch: 0 }),
    };
    const own = new Map<string, TensorValue>();
    for (const { name, type, state, dims } of states.filter((s) => s.leaf === leaf)) {
      if (state === undefined) continue;
      const variable = draft.input({ kind: "state", name }, type);
      own.set(state, { kind: "tensor", variable, dims });
    }
    const value = now.get(leaf.name)!;
    const p = movedValue(b, leaf, value);
    const after = applyRule(cx, rule, leaf, {
      p,
      g: { ...p, variable: movedGradient(b, leaf, value.variable, gradients[i]!) },
      t,
      states: own,
      ...(ends.has(leaf) ? { end: movedValue(b, leaf, { ...p, variable: ends.get(leaf)! }) } : {}),
      hyperparameters: hyperparameterLocals(cx, loop, rule, plans, leaf, time),
    })!;
    newLeaves.push(keptValue(b, leaf, after.p.variable));
    for (const [state, value] of after.states) newStates.set(`${leaf.name}.${state}`, value.variable);
  });
  carried.forEach((state, i) => newStates.set(state.name, closed.outputs[1 + i]!));
  return {
    over: ruled.map(({ leaf }) => leaf.name),
    finish: (kept) => draft.finish([loss, norm, ...newLeaves, ...kept.map((s) => newStates.get(s.name)!)]),
  };
}

/** Every loss and parameter of every inner loop, over tasks and time. */
function lowerDiagnosis(
  el: Elaboration,
  outer: CheckedOuter,
  lasting: LastingLeaves,
): Diagnosis {
  const draft = openOuter(el, outer.loop, "diagnose", lasting, false);
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
  lasting: LastingLeaves,
  open: (cx: Context, across: Across | undefined) => Context,
  collect: (cx: Context) => { outputs: Variable[]; quantities: TrajectoryRequest["quantities"] },
  { every, sensitivity }: { readonly every: number; readonly sensitivity: boolean },
): TrajectoryRequest {
  const draft = openOuter(el, outer.loop, "record", lasting, false);
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
