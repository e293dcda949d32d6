// What does a loop become that another runs? A scan whose carry is the evolved parameters and the states of their rules, and
// whose stacked outputs are the record of every step: the time-indexed parameters. An inner loop evolves parameters, an outer
// one that is run so evolves what it learns. All that it is made of stands in its plan.
import type { Builder, ClosedScan, ScanScope } from "../../runtime/ir/builder.ts";
import { setRange } from "../../runtime/ir/ranges.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type { Span } from "../text/source.ts";
import { disturbanceOf, windowOf } from "../world/moments.ts";
import { staticNumber } from "../world/values.ts";
import type { Loop } from "../world/loop.ts";
import type {
  Context,
  LeafDeclaration,
  LeafState,
  LoopPlan,
  LoopRecord,
  LoopState,
  LoopWindow,
  Standing,
} from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { derivativeAtEnd } from "./end_derivatives.ts";
import { endOnly, solvesStep, stillSteps } from "./estimators.ts";
import { tellIfNotFinite } from "./finite_objectives.ts";
import { firstEntry, hyperparameterLocals, recordedRates, type RuleTime } from "./hyperparameters.ts";
import { type KeptOfLoop, knownStep, recordOf, worldOfStep } from "./loop_record.ts";
import { inWindow, startOfLeaf } from "./loop_starts.ts";
import { carryOf, eachLeaf, everythingOf, heldByModels, valuesOf, withCarry, withEverything } from "./loop_state.ts";
import { acrossOf } from "./outer_objective.ts";
import { checkRest } from "./resting_rules.ts";
import { anyMade, clipped, countsSteps, globalNorm, startStates, stepOfLeaf } from "./rules.ts";
import { firstStanding } from "./standing.ts";
import { gradientOfStep, lossOfStep } from "./step_gradient.ts";
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
  cx.world.begun.set(loop, valuesOf(own));
  const start = window ? withCarry(own, inWindow(cx, window, carryOf(own))) : own;
  const begun = firstStandings(cx, plan, start);
  const first = window ? standingsInWindow(cx, window, begun, carryOf(own).length) : begun;
  if (steps === 0) {
    const [carry, taken] = [carryOf(start), staticNumber(0, "int")];
    return recordOf(cx, plan, { start, carry, finals: carry.slice(0, leaves.length), standing: first, taken });
  }
  const { closed, halfway, rateNames } = writeSteps(cx, plan, { start, standing: first }, stops(loop));
  const [losses, norms, ...rates] = closed.outputs.slice(leaves.length + halfway);
  const end = () => b.apply("add", b.resolve(window!.from), b.fill(length, window!.from));
  const ends = closed.carry.slice(carryOf(start).length);
  const kept: KeptOfLoop = {
    start,
    carry: closed.carry.slice(0, carryOf(start).length),
    finals: closed.carry.slice(0, leaves.length),
    made: {
      values: closed.outputs.slice(0, leaves.length),
      halfway: closed.outputs.slice(leaves.length, leaves.length + halfway),
      losses: losses!,
      norms: norms!,
      rates: new Map(rateNames.map((name, i) => [name, rates[i]!])),
    },
    standing: eachStanding(first, () => ends.shift()!),
    taken: takenOf(loop, steps, closed.carry),
    ...(window ? { window: { length, end: end() } } : {}),
  };
  return recordOf(cx, plan, endOnly(loop) ? { ...kept, finals: endOf(cx, plan, kept, closed) } : kept);
}

/** What a loop makes of its steps: recorded are values, so many states, loss and norm, and rates by these names. */
interface WrittenSteps {
  readonly closed: ClosedScan;
  readonly halfway: number;
  readonly rateNames: readonly string[];
}

/** The steps of a loop from where it starts; `stopping`: they end where its `until` holds. */
function writeSteps(
  cx: Context,
  plan: LoopPlan,
  { start, standing: first }: { readonly start: LoopState; readonly standing: Standings },
  stopping: boolean,
): WrittenSteps {
  const { b } = cx;
  const { loop, leaves, steps } = plan;
  const window = windowOf(cx.world, loop);
  const length = window?.length ?? steps;
  const scan = b.openScan(loop.name, length);
  const number = scan.slice(b.one("iota", [], { type: { dtype: "i32", shape: [length] }, axis: 0 }));
  const variable = window ? scan.body.apply("add", number, scan.body.resolve(window.from)) : number;
  const t: TensorValue = { kind: "tensor", variable, dims: [] };
  const now = withCarry(start, carryOf(start).map((x, i) => scan.carry(x, leaves[i]?.name)));
  const standing = eachStanding(first, (x) => scan.carry(x));
  const stop = stopping ? carryStopping(cx, scan) : undefined;
  const step = writeStep(cx, plan, { scan, window, now, standing, t, stop });
  const still = window ? 0 : stillSteps(cx, loop, steps);
  const halfway = cx.elaboration.halfway.has(loop) ? carryOf(now).slice(leaves.length) : [];
  const values = now.map(({ p }) => p.variable);
  const records = [...values, ...halfway, step.loss, step.norm, ...step.rates.values()];
  const clause = still > 0 ? loop.through.span : undefined;
  const next = [...carryOf(step.next), ...step.left, ...step.stop];
  const closed = asSaidBy(b, clause, () => scan.close(next, records, still));
  return { closed, halfway: halfway.length, rateNames: [...step.rates.keys()] };
}

/** Where a loop starts, with the states of its rules. */
function startOf(cx: Context, { loop, rules, leaves, steps }: LoopPlan): LoopState {
  const { b } = cx;
  const disturbed = disturbanceOf(cx.world, loop);
  const time: RuleTime = { t: staticNumber(0, "int"), steps, b, entry: firstEntry(b) };
  const starts = (leaf: LeafDeclaration) => {
    const { p: given, goesOn } = startOfLeaf(cx, loop, leaf)!;
    const added = disturbed?.get(leaf.name);
    const from = added ? b.apply("add", given.variable, b.row(added, 0)) : given.variable;
    const p = { ...given, variable: watched(cx, from, { loop, quantity: leaf.name, when: "start", at: leaf.span }) };
    return { p, goesOn };
  };
  const ruledLeaves = eachLeaf(rules).map(({ ruled, leaf }) => {
    const { p, goesOn } = starts(leaf);
    const hyperparameters = hyperparameterLocals(cx, loop, ruled, leaf, time);
    const fresh = startStates(cx, ruled.rule, leaf, movedBy(loop, b, leaf, p), hyperparameters)!;
    if (!goesOn) return { leaf, p, states: fresh };
    const states = new Map([...fresh].map(([name, x]) => [name, { ...x, variable: goesOn.state(name, x) }]));
    return { leaf, p, states, made: countsSteps(ruled.rule) ? goesOn.made() : undefined };
  });
  return [...ruledLeaves, ...heldByModels(leaves, (leaf) => starts(leaf).p)];
}

type Standings = ReadonlyMap<Loop, Standing>;

/** Where the loops stand before the first meta-step that the steps of an outer go on with. */
function firstStandings(cx: Context, { loop, warm }: LoopPlan, state: LoopState): Standings {
  if (warm.length === 0) return new Map();
  const t = cx.b.fill(0, { dtype: "i32", shape: [] });
  const world = worldOfStep(cx.world, loop, { b: cx.b, state, standing: new Map(), t });
  const at = { ...cx, world };
  const across = acrossOf(cx, loop);
  return new Map(warm.map((run) => [run.loop, { across, state: firstStanding(at, across, run) }]));
}

/** Where those loops stand where a window begins, which has them after so much else. */
function standingsInWindow(cx: Context, window: LoopWindow, begun: Standings, there: number): Standings {
  const all = inWindow(cx, window, [...begun.values()].flatMap(({ state }) => everythingOf(state)), there);
  return eachStanding(begun, () => all.shift()!);
}

/** The same standings, with everything in them elsewhere. */
function eachStanding(standings: Standings, moved: (x: Variable) => Variable): Standings {
  return new Map([...standings].map(([loop, { across, state }]) => {
    const elsewhere = withEverything(state, everythingOf(state).map(moved));
    for (const { made } of elsewhere) if (made) setRange(made, anyMade);
    return [loop, { across, state: elsewhere }];
  }));
}

/** Where the body of a loop is written, and when that is. */
interface StepPlace {
  readonly scan: ScanScope;
  readonly window: LoopWindow | undefined;
  readonly now: LoopState;
  readonly standing: Standings;
  readonly t: TensorValue;
  /** What a loop carries that may stop. */
  readonly stop: Stopping | undefined;
}

/** One step: what it goes on to, where the loops that it moves then stand, and what is recorded of it. */
function writeStep(cx: Context, plan: LoopPlan, place: StepPlace) {
  const { b, world } = cx;
  const { loop, rules } = plan;
  const { scan, window, now, standing, t, stop } = place;
  const { body } = scan;
  const stepWorld = worldOfStep(world, loop, { b: body, state: now, standing, t: t.variable });
  const at: Context = { ...cx, world: stepWorld, b: body };
  const { loss: computed, gradients: found, left: others } = gradientOfStep(at, plan, { now, t });
  // of an inner loop what the step leaves are the states that models hold
  const left = loop.kind === "inner" ? [] : others;
  const raw = heldIfSaid(at, loop, found);
  const norm = globalNorm(body, raw);
  const stopped = stop && stopNow(at, plan, stop, t, { loss: computed, norm });
  const said = stopped?.loss ?? computed;
  const loss = watched(at, said, { loop, quantity: "loss", when: "step", at: loop.item.name.span });
  const gradients = clipped(at, loop, raw, norm);
  const time = timeOf(b, plan, place);
  const rates = new Map(rules.flatMap((ruled) => [...recordedRates(at, loop, ruled, time)]));
  const disturbed = disturbanceOf(world, loop);
  const length = window?.length ?? plan.steps;
  const ruledAfter = eachLeaf(rules).map(({ ruled, leaf }, i): LeafState => {
    const { p, states, made } = now[i]!;
    const stepped = stepOfLeaf(at, loop, ruled.rule, leaf, {
      p,
      g: { ...p, variable: gradients[i]! },
      t: made ? { ...t, variable: body.apply("add", t.variable, body.resolve(made)) } : t,
      states,
      hyperparameters: hyperparameterLocals(at, loop, ruled, leaf, time),
    });
    return { leaf, p: { ...p, variable: stepped.p.variable }, states: stepped.states, made };
  });
  const after = [
    ...ruledAfter,
    ...heldByModels(plan.leaves, ({ dims }) => ({ kind: "tensor", variable: others.shift()!, dims })),
  ];
  const told = tellIfNotFinite(body, loss, after);
  const reached = stopped ? heldStill(body, stopped.still, now, told) : told;
  const next = reached.map(({ leaf, p, ...rest }): LeafState => {
    const added = disturbed?.get(leaf.name);
    const moved = added
      ? body.apply("add", p.variable, scan.slice(b.rows(b.resolve(added), 1, length + 1)))
      : p.variable;
    const variable = watched(at, moved, { loop, quantity: leaf.name, when: "next", at: leaf.span });
    return { ...rest, leaf, p: { ...p, variable } };
  });
  return { next, left, stop: stopped?.next ?? [], loss, norm: stopped?.norm ?? norm, rates };
}

/** The time of a step, where arrays over the steps are read once each. */
function timeOf(b: Builder, { loop, steps }: LoopPlan, { scan, window, t }: StepPlace): RuleTime {
  const entries = new Map<Variable, Variable>();
  const read = (stacked: Variable) =>
    // a window knows its entries by their numbers only, and what an outer makes of what it learns is made in its step
    window || loop.kind === "outer"
      ? scan.body.one("gather", [scan.body.resolve(stacked), t.variable], { axis: 0, batch: 0 })
      : scan.slice(stacked);
  const entry = (stacked: Variable) => {
    const known = entries.get(stacked) ?? read(stacked);
    entries.set(stacked, known);
    return known;
  };
  return { t, steps, b, entry };
}

/** The gradients of a step, which count as constants where its loop says so. */
function heldIfSaid({ b }: Context, { through }: Loop, gradients: readonly Variable[]): readonly Variable[] {
  if (through.kind !== "first_order") return gradients;
  return asSaidBy(b, through.span, () => gradients.map((g) => b.apply("stop_gradient", g)));
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
  const { start, standing, finals, carry, taken } = kept;
  const plain = recordOf(cx, plan, kept);
  const at = (step: number) => leaves.map((leaf) => plain.parameter(leaf, { kind: "static", step }).variable);
  const stopped = taken.kind === "tensor" ? taken.variable : undefined;
  // a step that is not held still, where the equation is of one
  const steady = stopped && solvesStep(loop) ? writeSteps(cx, plan, { start, standing }, false).closed : closed;
  const { body, constants, stacked } = steady;
  const initial = carryOf(start);
  const first = () => b.inline(body, [...constants, ...initial, ...stacked.map((x) => b.row(x, 0))]);
  const written = {
    finals,
    startNorm: b.row(kept.made!.norms, 0),
    at,
    afterOne: () => stopped ? first().slice(0, leaves.length) : at(1),
    loss: (inside: Builder, parameters: readonly Variable[], time?: number) => {
      const state = withCarry(start, [...parameters, ...carry.slice(leaves.length)]);
      const step = stopped ? timeBefore(b, stopped, time) : time ?? steps;
      const { at, now, t } = knownStep(cx, loop, { state, standing, b: inside, step });
      const last = lossOfStep(at, plan, { now, t });
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
