// What does a loop become that another runs? A scan whose carry is the evolved parameters and the states of their rules, and
// whose stacked outputs are the record of every step: the time-indexed parameters. An inner loop evolves parameters, an outer
// one that is run so evolves what it learns. All that it is made of stands in its plan.
import type { Builder, ClosedScan, ScanScope } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type { Span } from "../text/source.ts";
import { asFloat } from "../elaborate/arithmetic.ts";
import { disturbanceOf, enterWorld, windowOf } from "../world/moments.ts";
import { staticNumber } from "../world/values.ts";
import type { Context, LoopPlan, LoopRecord, LoopWindow, TensorValue } from "../world/world.ts";
import { differentiate } from "./differentiate.ts";
import { derivativeAtEnd } from "./end_derivatives.ts";
import { endOnly, solvesStep, stillSteps } from "./estimators.ts";
import { tellIfNotFinite } from "./finite_objectives.ts";
import { firstEntry, hyperparameterLocals, recordedRates, type RuleTime } from "./hyperparameters.ts";
import { type KeptOfLoop, objectiveAt, recordOf, worldOfStep } from "./loop_record.ts";
import { startOfWindow, startValue } from "./loop_starts.ts";
import { carryOf, eachLeaf, type LoopState, valuesOf, withCarry } from "./loop_state.ts";
import { evaluateObjective } from "./objective.ts";
import { outerObjective } from "./outer_objective.ts";
import { checkRest } from "./resting_rules.ts";
import { clipped, globalNorm, startStates, stepOfLeaf } from "./rules.ts";
import { movedBy } from "./moved_values.ts";
import { carryStopping, heldStill, lastSlice, stopNow, type Stopping, stops, takenOf, timeBefore } from "./until.ts";
import { watched } from "./watched_loops.ts";

/** Writes a loop as a scan in the world it is run in, as its plan says. */
export function lowerLoop(cx: Context, plan: LoopPlan): LoopRecord {
  const { b } = cx;
  const { loop, leaves, steps } = plan;
  const window = windowOf(cx.world, loop);
  const length = window?.length ?? steps;
  checkRest(cx, plan);
  const own = startOf(cx, plan);
  const start = window ? startOfWindow(cx, window, own) : own;
  const { closed, rateNames } = writeSteps(cx, plan, start, stops(loop));
  const [losses, norms, ...rates] = closed.outputs.slice(leaves.length);
  const end = () => b.apply("add", b.resolve(window!.from), b.fill(length, window!.from));
  const kept: KeptOfLoop = {
    start,
    carry: closed.carry.slice(0, carryOf(start).length),
    finals: closed.carry.slice(0, leaves.length),
    records: closed.outputs.slice(0, leaves.length),
    losses: losses!,
    norms: norms!,
    rates: new Map(rateNames.map((name, i) => [name, rates[i]!])),
    taken: takenOf(loop, steps, closed.carry),
    ...(window ? { window: { length, end: end() } } : {}),
  };
  return recordOf(cx, plan, endOnly(loop) ? { ...kept, finals: endOf(cx, plan, kept, closed) } : kept);
}

/** The steps of a loop from where it starts; `stopping`: they end where its `until` holds. */
function writeSteps(
  cx: Context,
  plan: LoopPlan,
  start: LoopState,
  stopping: boolean,
): { readonly closed: ClosedScan; readonly rateNames: readonly string[] } {
  const { b } = cx;
  const { loop, leaves, steps } = plan;
  const window = windowOf(cx.world, loop);
  const length = window?.length ?? steps;
  const scan = b.openScan(loop.name, length);
  const number = scan.slice(b.one("iota", [], { type: { dtype: "i32", shape: [length] }, axis: 0 }));
  const variable = window ? scan.body.apply("add", number, scan.body.resolve(window.from)) : number;
  const t: TensorValue = { kind: "tensor", variable, dims: [] };
  const now = withCarry(start, carryOf(start).map((x, i) => scan.carry(x, leaves[i]?.name)));
  const stop = stopping ? carryStopping(cx, scan) : undefined;
  const step = writeStep(cx, plan, { scan, window, now, t, stop });
  const still = window ? 0 : stillSteps(cx, loop, steps);
  const records = [...now.map(({ p }) => p.variable), step.loss, step.norm, ...step.rates.values()];
  const clause = still > 0 ? loop.through.span : undefined;
  const closed = asSaidBy(b, clause, () => scan.close([...carryOf(step.next), ...step.stop], records, still));
  return { closed, rateNames: [...step.rates.keys()] };
}

/** Where a loop starts, with the states of its rules. */
function startOf(cx: Context, { loop, rules, steps }: LoopPlan): LoopState {
  const { b } = cx;
  const disturbed = disturbanceOf(cx.world, loop);
  const time: RuleTime = { t: staticNumber(0, "int"), steps, b, entry: firstEntry(b) };
  return eachLeaf(rules).map(({ ruled, leaf }) => {
    const given = startValue(cx, loop, leaf)!;
    const added = disturbed?.get(leaf.name);
    const from = added ? b.apply("add", given.variable, b.row(added, 0)) : given.variable;
    const p = { ...given, variable: watched(cx, from, { loop, quantity: leaf.name, when: "start", at: leaf.span }) };
    const hyperparameters = hyperparameterLocals(cx, loop, ruled, leaf, time);
    return { leaf, p, states: startStates(cx, ruled.rule, leaf, movedBy(loop, b, leaf, p), hyperparameters)! };
  });
}

/** Where the body of a loop is written, and when that is. */
interface StepPlace {
  readonly scan: ScanScope;
  readonly window: LoopWindow | undefined;
  readonly now: LoopState;
  readonly t: TensorValue;
  /** What a loop carries that may stop. */
  readonly stop: Stopping | undefined;
}

/** One step: what it goes on to, and what is recorded of it. */
function writeStep(cx: Context, plan: LoopPlan, place: StepPlace) {
  const { b, world } = cx;
  const { loop, rules } = plan;
  const { scan, window, now, t, stop } = place;
  const { body } = scan;
  const stepWorld = worldOfStep(world, loop, { b: body, values: valuesOf(now), t: t.variable });
  const at: Context = { ...cx, world: stepWorld, b: body };
  const { loss: computed, gradients: raw } = gradientOfStep(at, plan, now, t);
  const norm = globalNorm(body, raw);
  const stopped = stop && stopNow(at, plan, stop, t, { loss: computed, norm });
  const said = stopped?.loss ?? computed;
  const loss = watched(at, said, { loop, quantity: "loss", when: "step", at: loop.item.name.span });
  const gradients = clipped(at, loop, raw, norm);
  const time = timeOf(b, plan, place);
  const rates = new Map(rules.flatMap((ruled) => [...recordedRates(at, loop, ruled, time)]));
  const disturbed = disturbanceOf(world, loop);
  const length = window?.length ?? plan.steps;
  const made = eachLeaf(rules).map(({ ruled, leaf }, i) => {
    const { p, states } = now[i]!;
    const after = stepOfLeaf(at, loop, ruled.rule, leaf, {
      p,
      g: { ...p, variable: gradients[i]! },
      t,
      states,
      hyperparameters: hyperparameterLocals(at, loop, ruled, leaf, time),
    });
    return { leaf, p: { ...p, variable: after.p.variable }, states: after.states };
  });
  const told = tellIfNotFinite(body, loss, made);
  const left = stopped ? heldStill(body, stopped.still, now, told) : told;
  const next = left.map(({ leaf, p, states }) => {
    const added = disturbed?.get(leaf.name);
    const moved = added
      ? body.apply("add", p.variable, scan.slice(b.rows(b.resolve(added), 1, length + 1)))
      : p.variable;
    const variable = watched(at, moved, { loop, quantity: leaf.name, when: "next", at: leaf.span });
    return { leaf, p: { ...p, variable }, states };
  });
  return { next, stop: stopped?.next ?? [], loss, norm: stopped?.norm ?? norm, rates };
}

/** The time of a step, where arrays over the steps are read once each. */
function timeOf(b: Builder, { steps }: LoopPlan, { scan, window, t }: StepPlace): RuleTime {
  const entries = new Map<Variable, Variable>();
  const read = (stacked: Variable) =>
    // a window knows its entries by their numbers only
    window
      ? scan.body.one("gather", [scan.body.resolve(stacked), t.variable], { axis: 0, batch: 0 })
      : scan.slice(stacked);
  const entry = (stacked: Variable) => {
    const known = entries.get(stacked) ?? read(stacked);
    entries.set(stacked, known);
    return known;
  };
  return { t, steps, b, entry };
}

/** The loss of a step, with its own sign, and its gradient downwards. */
function gradientOfStep(
  at: Context,
  { loop, leaves, steps, direction }: LoopPlan,
  now: LoopState,
  t: TensorValue,
) {
  const { b } = at;
  const { maximize } = loop.objective;
  const downwards = (inside: Builder, value: Variable) => maximize ? inside.apply("neg", value) : value;
  let closed: { readonly outputs: readonly Variable[]; readonly gradients: readonly Variable[] };
  if (loop.kind === "outer") {
    closed = differentiate(at, direction, {
      name: `${loop.name}.loss`,
      at: loop.objective.span,
      leaves,
      value: (leaf) => now[leaves.indexOf(leaf)]!.p,
      tasks: undefined,
      write: (inside) => [downwards(inside.b, outerObjective(inside, loop)!)],
    });
  } else {
    const request = b.openGradient(`${loop.name}.loss`);
    const values = new Map(now.map(({ leaf, p }) => [leaf.name, { ...p, variable: request.wrt(p.variable) }]));
    const world = enterWorld(at.world, { b: request.body, values, owns: new Set([loop]) });
    const objective = evaluateObjective(at, loop, world, t, steps)!;
    const own = asFloat({ ...at, b: request.body }, objective).variable;
    closed = request.close([downwards(request.body, own)], direction.kind === "forward" ? "forward" : "reverse");
  }
  const loss = downwards(b, closed.outputs[0]!);
  const still = loop.through.kind === "first_order";
  const gradients = still
    ? asSaidBy(b, loop.through.span, () => closed.gradients.map((g) => b.apply("stop_gradient", g)))
    : closed.gradients;
  return { loss, gradients };
}

/** Writes equations that stand for a clause: what stops a derivative there is that. */
function asSaidBy<T>(b: Builder, clause: Span | undefined, write: () => T): T {
  const before = b.origin;
  b.origin = clause ?? before;
  const written = write();
  b.origin = before;
  return written;
}

/** Where a loop ends of whose steps no derivative passes, with the one that its estimator gives it. */
function endOf(cx: Context, plan: LoopPlan, kept: KeptOfLoop, closed: ClosedScan): readonly Variable[] {
  const { b } = cx;
  const { loop, leaves, steps } = plan;
  const { start, finals, norms, carry, taken } = kept;
  const plain = recordOf(cx, plan, kept);
  const at = (step: number) => leaves.map((leaf) => plain.parameter(leaf, { kind: "static", step }).variable);
  const stopped = taken.kind === "tensor" ? taken.variable : undefined;
  // a step that is not held still, where the equation is of one
  const steady = stopped && solvesStep(loop) ? writeSteps(cx, plan, start, false).closed : closed;
  const { body, constants, stacked } = steady;
  const initial = carryOf(start);
  const first = () => b.inline(body, [...constants, ...initial, ...stacked.map((x) => b.row(x, 0))]);
  const written = {
    finals,
    startNorm: b.row(norms, 0),
    at,
    afterOne: () => stopped ? first().slice(0, leaves.length) : at(1),
    loss: (inside: Builder, parameters: readonly Variable[], time?: number) => {
      const values = new Map(start.map(({ leaf, p }, i) => [leaf.name, { ...p, variable: parameters[i]! }]));
      const step = stopped ? timeBefore(b, stopped, time) : time ?? steps;
      const last = objectiveAt(cx, loop, { values, b: inside, step, steps });
      return loop.objective.maximize ? inside.apply("neg", last) : last;
    },
    step: {
      body,
      constants,
      initial,
      carry,
      slices: stacked.map((x) => stopped ? lastSlice(b, x, stopped) : b.row(x, steps - 1)),
    },
  };
  return asSaidBy(b, loop.through.span, () => derivativeAtEnd(cx, loop, written));
}
