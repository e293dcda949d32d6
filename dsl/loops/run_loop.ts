// What does a loop become that another runs? A scan whose carry is the evolved parameters and the states of their rules, and
// whose stacked outputs are the record of every step: the time-indexed parameters. An inner loop evolves parameters, an outer
// one that is run so evolves what it learns.
import type { Builder } from "../../runtime/ir/builder.ts";
import { setRange } from "../../runtime/ir/ranges.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type { Span } from "../text/source.ts";
import { fail, needShape } from "../world/report.ts";
import { asFloat, toTensor } from "../elaborate/arithmetic.ts";
import { raising } from "../../runtime/limits.ts";
import { evaluate } from "../world/evaluator.ts";
import { requireStatic, tooLarge, withinLimit } from "../elaborate/sizes.ts";
import { follows, type Loop, type LoopRule } from "../world/loop.ts";
import type { Context, LeafDeclaration, LoopRecord, LoopRun, TensorValue, World } from "../world/world.ts";
import { referenceLeaves, resolveReference } from "../elaborate/references.ts";
import { referencePath, referenceText } from "../syntax/paths.ts";
import {
  anyEntry,
  firstEntry,
  hyperparameterLocals,
  planHyperparameters,
  recordedRates,
  type RuleTime,
} from "./hyperparameters.ts";
import { differentiate } from "./differentiate.ts";
import { directionOf } from "./directions.ts";
import { derivativeAtEnd } from "./end_derivatives.ts";
import { checkThrough, endOnly, stillSteps } from "./estimators.ts";
import { tellIfNotFinite } from "./finite_objectives.ts";
import { objectiveAt, recordOf, worldOfStep } from "./loop_record.ts";
import { checkFrom, continueFrom, placeholder, startValue } from "./loop_starts.ts";
import { readMetaReference } from "./meta_parameters.ts";
import { keptValue, movedGradient, movedValue } from "./moved_values.ts";
import { outerObjective } from "./outer_objective.ts";
import { checkRest } from "./resting_rules.ts";
import { applyRule, checkRule, clipScale, globalNorm, startStates } from "./rules.ts";
import { readSources, withSources, worldBetween } from "../elaborate/sources.ts";
import { evaluateObjective } from "./objective.ts";
import { disturbanceOf, enterWorld, loopAround, windowOf } from "../world/moments.ts";
import { shapeOf, staticNumber } from "../world/values.ts";
import { watched } from "./watched_loops.ts";
import { stepsOf, wholeSteps } from "../elaborate/steps.ts";

/** The leaves that a rule changes. Undefined when wrong (reported). */
function ruledLeaves(cx: Context, loop: Loop, rule: LoopRule): LeafDeclaration[] | undefined {
  if (loop.kind === "inner") return evolvedLeaves(cx, loop, rule);
  const at: Context = { ...cx, scope: { module: loop.module, parent: undefined, locals: new Map() }, frames: [] };
  const references = rule.references.map((r) => readMetaReference(at, r));
  if (references.includes(undefined)) return undefined;
  return [...new Set(references.flatMap((r) => r!.leaves))];
}

/** The leaves that the `over` of an inner's rule names. Undefined when wrong (reported). */
function evolvedLeaves(cx: Context, loop: Loop, rule: LoopRule): LeafDeclaration[] | undefined {
  const leaves: LeafDeclaration[] = [];
  const at: Context = { ...cx, scope: { module: loop.module, parent: undefined, locals: new Map() }, frames: [] };
  for (const expression of rule.references) {
    if (expression.kind === "Missing") return undefined;
    if (expression.kind === "Time") {
      return void fail(at, {
        code: "M0403",
        title: "An inner loop evolves parameters, not their value at one time",
        at: expression.span,
        hint: "write the bare name; where it starts is learned by `over …@0` in an outer",
      });
    }
    const reference = resolveReference(at, expression);
    if (reference === undefined) return undefined;
    if (reference === "not a reference") {
      evaluate(at, expression);
      if (!cx.elaboration.sink.hasErrors) {
        const names = expression.kind === "List" ? expression.items.map(referenceText) : [];
        fail(at, {
          code: "M0502",
          title: "This is not a model or a parameter",
          at: expression.span,
          hint: names.length > 0 && names.every((n) => n !== undefined)
            ? `write \`over ${names.join(", ")}\``
            : undefined,
        });
      }
      return undefined;
    }
    if (reference.kind !== "model" && reference.kind !== "leaf" || reference.kind === "leaf" && reference.leaf.loop) {
      return void fail(at, {
        code: "M0502",
        title: "An inner loop evolves models and parameters, not hyperparameters",
        at: expression.span,
      });
    }
    const found = referenceLeaves(cx.elaboration, reference);
    if (found.length === 0) needShape(cx.elaboration, referencePath(expression) ?? [], expression.span);
    for (const leaf of found) if (!leaves.includes(leaf)) leaves.push(leaf);
  }
  return leaves;
}

/** Runs a loop in the world of a context, once. Undefined when wrong (reported). */
export function runLoop(cx: Context, loop: Loop, span: Span): LoopRun | undefined {
  const el = cx.elaboration;
  const { world } = cx;
  for (let w: World | undefined = world; w; w = w.parent) {
    const run = w.runs.get(loop);
    if (run && !worldBetween(world, w, run.sources)) {
      readSources(world.consumer, run.sources);
      return run;
    }
    // what was run outside of a loop's step or of a task does not know the values inside
    if (w.owns.size > 0 || w.task) break;
  }
  if (el.busy.has(loop)) {
    return void fail(cx, { code: "M0210", title: `\`${loop.name}\` depends on its own result`, at: span });
  }
  if (world.consumer.dry && el.work.depth >= el.limits.depth) {
    return void fail(cx, {
      code: "M0311",
      title: `Loops are read by loops more than ${el.limits.depth} deep here`,
      at: loop.item.name.span,
      notes: [raising("depth")],
    });
  }
  el.busy.add(loop);
  el.entered.add(loop);
  el.work.depth++;
  try {
    const at: Context = {
      elaboration: el,
      world,
      b: world.b,
      scope: { module: loop.module, parent: undefined, locals: new Map() },
      frames: [],
    };
    const before = world.b.origin;
    world.b.origin = loop.item.name.span;
    const { value: record, sources } = withSources(world.consumer, () => {
      readSources(world.consumer, [loop]);
      return world.consumer.dry ? checkLoop(at, loop) : lowerLoop(at, loop);
    });
    world.b.origin = before;
    if (!record) return undefined;
    const run: LoopRun = { ...record, sources };
    world.runs.set(loop, run);
    world.consumer.runs.push(run);
    return run;
  } finally {
    el.work.depth--;
    el.busy.delete(loop);
  }
}

const scalarInt = { dtype: "i32", shape: [] } as const;

/** Goes through a loop once with placeholders: finds its parameters and every mistake. */
function checkLoop(cx: Context, loop: Loop): LoopRecord | undefined {
  const { world, b } = cx;
  const steps = stepsOf(cx, loop);
  const through = checkThrough(cx, loop, steps);
  const t: TensorValue = { kind: "tensor", variable: b.input(scalarInt, "t"), dims: [] };
  const whole = steps === undefined ? undefined : wholeSteps(cx, loop);
  if (whole !== undefined) setRange(t.variable, { low: 0, high: whole - 1, attained: true });
  const meta = loop.kind === "outer";
  const stepWorld = enterWorld(world, {
    owns: new Set([loop]),
    ...(meta ? { metaStep: { name: loop.name, number: t.variable } } : {}),
  });
  const loss = meta
    ? outerObjective({ ...cx, world: stepWorld }, loop)
    : evaluateObjective(cx, loop, stepWorld, b, t, steps ?? 1)?.variable;
  const leaves: LeafDeclaration[] = [];
  const stateTypes: TensorValue[] = [];
  let wrong = steps === undefined || loss === undefined || !through;
  for (const rule of loop.rules) {
    const own = ruledLeaves(cx, loop, rule);
    if (!own || steps === undefined) {
      wrong = true;
      continue;
    }
    const shared = own.find((l) => leaves.includes(l));
    if (shared) {
      fail(cx, {
        code: "M0208",
        title: `\`${shared.name}\` is changed by two rules of \`${loop.name}\``,
        at: rule.span,
        hint: "list different parts, such as `over net.body by …  over net.head by …`",
      });
      wrong = true;
      continue;
    }
    leaves.push(...own);
    const plans = planHyperparameters(cx, loop, rule, own, steps);
    if (plans.length < rule.hyperparameters.length) wrong = true;
    const at: Context = { ...cx, world: stepWorld };
    for (const leaf of own) {
      const time: RuleTime = { t, steps, b, entry: anyEntry(b) };
      const states = checkRule(at, rule, leaf, {
        t,
        hyperparameters: hyperparameterLocals(at, loop, rule, plans, leaf, time),
      });
      stateTypes.push(...states?.values() ?? []);
      if (!startValue(cx, loop, leaf) || !states) wrong = true;
    }
  }
  if (loop.clip) requireStatic(cx, loop.clip, "the bound of `clip norm`");
  if (wrong || !checkFrom(cx, loop, leaves) || !checkDirection(cx, loop, leaves)) return undefined;
  const scalar = (): TensorValue => ({ kind: "tensor", variable: loss!, dims: [] });
  return {
    loop,
    steps: steps!,
    leaves,
    around: loopAround(world),
    carry: [...leaves.map((leaf) => placeholder(cx, leaf)), ...stateTypes].map((x) => x.variable),
    parameter: (leaf) => placeholder(cx, leaf),
    quantity: scalar,
    trajectory: (leaf) => b.input({ dtype: cx.elaboration.precision, shape: [steps! + 1, ...shapeOf(leaf.dims)] }),
    stacked: () => b.input({ dtype: cx.elaboration.precision, shape: [steps!] }),
    rate: () => undefined,
  };
}

/** True when the values of every step of the loops that were run can be kept, as their derivatives need. Reports. */
export function canUnroll(cx: Context): boolean {
  for (const { loop, steps, leaves } of cx.world.consumer.runs) {
    for (const leaf of leaves) {
      const why = `a derivative keeps \`${leaf.name}\` at every step`;
      if (tooLarge(cx, [{ size: steps }, ...leaf.dims], loop.count.span, why)) return false;
    }
    const asks = `\`${loop.name}\` is differentiated and runs ${steps} steps`;
    if (!withinLimit(cx, "steps", { count: steps, asks, at: loop.count.span })) return false;
  }
  return true;
}

/** What a rule of a loop moves. */
function moved(loop: Loop, b: Builder, leaf: LeafDeclaration, value: TensorValue): TensorValue {
  return loop.kind === "outer" ? movedValue(b, leaf, value) : value;
}

/** Finds out how the objective of a loop is differentiated, as the loops that it runs say. False when wrong (reported). */
function checkDirection(cx: Context, loop: Loop, leaves: readonly LeafDeclaration[]): boolean {
  const direction = directionOf(cx, cx.world.consumer.runs.filter((r) => r.around === loop), leaves);
  if (!direction) return false;
  cx.elaboration.directions.set(loop, direction);
  if (direction.kind !== "es" || loop.kind === "outer" && !direction.windows) return true;
  const sampled = cx.world.consumer.runs.find((r) => r.around === loop && follows(r.loop) === "samples")!;
  fail(cx, {
    code: "M0701",
    title: loop.kind === "inner"
      ? `Samples of a loop that the inner loop \`${loop.name}\` runs are not yet supported`
      : "A `window` of samples inside another loop is not yet supported",
    at: sampled.loop.through.span!,
    secondary: [{ span: loop.item.name.span, message: `\`${loop.name}\` runs it` }],
  });
  return false;
}

/** The loss of a step, with its own sign, and its gradient downwards. */
function gradientOfStep(
  at: Context,
  loop: Loop,
  { leaves, now, t, steps }: {
    readonly leaves: readonly LeafDeclaration[];
    readonly now: ReadonlyMap<string, TensorValue>;
    readonly t: TensorValue;
    readonly steps: number;
  },
): { readonly loss: Variable; readonly gradients: readonly Variable[] } {
  const { b } = at;
  const { maximize } = loop.objective;
  const downwards = (inside: Builder, value: Variable) => maximize ? inside.apply("neg", value) : value;
  const direction = at.elaboration.directions.get(loop)!;
  let closed: { readonly outputs: readonly Variable[]; readonly gradients: readonly Variable[] };
  if (loop.kind === "outer") {
    closed = differentiate(at, direction, {
      name: `${loop.name}.loss`,
      at: loop.objective.span,
      leaves,
      value: (leaf) => now.get(leaf.name)!,
      tasks: undefined,
      write: (inside) => [downwards(inside.b, outerObjective(inside, loop)!)],
    });
  } else {
    const request = b.openGradient(`${loop.name}.loss`);
    const inside = new Map<string, TensorValue>();
    for (const leaf of leaves) {
      const value = now.get(leaf.name)!;
      inside.set(leaf.name, { ...value, variable: request.wrt(value.variable) });
    }
    const world = enterWorld(at.world, { b: request.body, values: inside, owns: new Set([loop]) });
    const objective = evaluateObjective(at, loop, world, request.body, t, steps)!;
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

/** Writes a loop as a scan in the world it is run in. */
function lowerLoop(cx: Context, loop: Loop): LoopRecord | undefined {
  const { world, b } = cx;
  const steps = wholeSteps(cx, loop)!;
  const window = windowOf(world, loop);
  const length = window?.length ?? steps;
  const parts = loop.rules.map((rule) => {
    const leaves = ruledLeaves(cx, loop, rule) ?? [];
    return { rule, leaves, plans: planHyperparameters(cx, loop, rule, leaves, steps) };
  });
  const leaves = parts.flatMap((p) => p.leaves);
  checkRest(cx, loop, parts, steps);
  const start = new Map<string, TensorValue>();
  const startState = new Map<string, Map<string, TensorValue>>();
  const disturbed = disturbanceOf(world, loop);
  const zero: RuleTime = { t: staticNumber(0, "int"), steps, b, entry: firstEntry(b) };
  for (const { rule, leaves: own, plans } of parts) {
    for (const leaf of own) {
      const given = startValue(cx, loop, leaf)!;
      const first = disturbed?.get(leaf.name);
      const from = first ? b.apply("add", given.variable, b.row(first, 0)) : given.variable;
      const p = { ...given, variable: watched(cx, from, { loop, quantity: leaf.name, when: "start", at: leaf.span }) };
      start.set(leaf.name, p);
      const hyper = hyperparameterLocals(cx, loop, rule, plans, leaf, zero);
      startState.set(leaf.name, startStates(cx, rule, leaf, moved(loop, b, leaf, p), hyper)!);
    }
  }

  const first = window && continueFrom(cx, window, leaves, { start, startState });
  const scan = b.openScan(loop.name, length);
  const body = scan.body;
  const number = scan.slice(b.one("iota", [], { type: { dtype: "i32", shape: [length] }, axis: 0 }));
  const tVariable = first ? body.apply("add", number, body.resolve(first)) : number;
  const t: TensorValue = { kind: "tensor", variable: tVariable, dims: [] };
  const now = new Map<string, TensorValue>();
  const states = new Map<string, Map<string, TensorValue>>();
  for (const leaf of leaves) {
    now.set(leaf.name, { ...start.get(leaf.name)!, variable: scan.carry(start.get(leaf.name)!.variable, leaf.name) });
  }
  for (const leaf of leaves) {
    const carried = new Map<string, TensorValue>();
    for (const [name, value] of startState.get(leaf.name)!) {
      carried.set(name, { ...value, variable: scan.carry(value.variable) });
    }
    states.set(leaf.name, carried);
  }
  const stepWorld = worldOfStep(world, loop, { b: body, values: now, t: tVariable });
  const at: Context = { ...cx, world: stepWorld, b: body };
  const { loss: computed, gradients: raw } = gradientOfStep(at, loop, { leaves, now, t, steps });
  const loss = watched(at, computed, { loop, quantity: "loss", when: "step", at: loop.item.name.span });
  let gradients = raw;
  const norm = globalNorm(body, gradients);
  if (loop.clip) {
    const bound = asFloat(at, toTensor(at, evaluate(at, loop.clip), "float") as TensorValue);
    const scale = clipScale(body, norm, bound.variable);
    gradients = gradients.map((g) => body.apply("mul", g, body.broadcastTo(scale, g.shape)));
  }

  // the rule, for every tensor
  const entries = new Map<Variable, Variable>();
  const time: RuleTime = {
    t,
    steps,
    b,
    entry: (stacked) => {
      const outer = stacked;
      const existing = entries.get(outer);
      if (existing) return existing;
      // a window knows its entries by their numbers only
      const slice = window
        ? body.one("gather", [body.resolve(outer), tVariable], { axis: 0, batch: 0 })
        : scan.slice(outer);
      entries.set(outer, slice);
      return slice;
    },
  };
  const rates = new Map(
    parts.flatMap(({ rule, leaves, plans }) => [...recordedRates(at, loop, rule, { plans, leaves, time })]),
  );
  const nextP = new Map<string, Variable>();
  const nextStates = new Map<string, ReadonlyMap<string, TensorValue>>();
  for (const { rule, leaves: ruled, plans } of parts) {
    for (const leaf of ruled) {
      const value = now.get(leaf.name)!;
      const slope = gradients[leaves.indexOf(leaf)]!;
      const g = {
        ...value,
        variable: loop.kind === "outer" ? movedGradient(body, leaf, value.variable, slope) : slope,
      };
      const hyper = hyperparameterLocals(at, loop, rule, plans, leaf, time);
      const after = applyRule(at, rule, leaf, {
        p: moved(loop, body, leaf, value),
        g,
        t,
        states: states.get(leaf.name)!,
        hyperparameters: hyper,
      })!;
      const next = loop.kind === "outer" ? keptValue(body, leaf, after.p.variable) : after.p.variable;
      const added = disturbed?.get(leaf.name);
      const made = added ? body.apply("add", next, scan.slice(b.rows(b.resolve(added), 1, length + 1))) : next;
      nextP.set(leaf.name, watched(at, made, { loop, quantity: leaf.name, when: "next", at: leaf.span }));
      nextStates.set(leaf.name, after.states);
    }
  }
  tellIfNotFinite(body, loss, nextP, leaves);
  const next = [
    ...leaves.map((leaf) => nextP.get(leaf.name)!),
    ...leaves.flatMap((leaf) =>
      [...states.get(leaf.name)!.keys()].map((s) => nextStates.get(leaf.name)!.get(s)!.variable)
    ),
  ];
  const still = window ? 0 : stillSteps(cx, loop, steps);
  const records = [...leaves.map((leaf) => now.get(leaf.name)!.variable), loss, norm, ...rates.values()];
  const results = asSaidBy(b, still > 0 ? loop.through.span : undefined, () => scan.close(next, records, still));
  const finals = new Map(leaves.map((leaf, i) => [leaf.name, results.carry[i]!]));
  const recorded = new Map(leaves.map((leaf, i) => [leaf.name, results.outputs[i]!]));
  const losses = results.outputs[leaves.length]!;
  const norms = results.outputs[leaves.length + 1]!;
  const end = first && b.apply("add", first, b.fill(length, first));
  const kept = {
    start,
    finals,
    records: recorded,
    rates: new Map([...rates.keys()].map((name, i) => [name, results.outputs[leaves.length + 2 + i]!])),
    losses,
    norms,
    carry: results.carry,
    ...(end ? { end, whole: steps } : {}),
  };
  if (!endOnly(loop)) return recordOf(cx, loop, length, leaves, kept);
  const plain = recordOf(cx, loop, steps, leaves, kept);
  const ends = asSaidBy(b, loop.through.span, () =>
    derivativeAtEnd(cx, loop, {
      finals: results.carry.slice(0, leaves.length),
      startNorm: b.row(norms, 0),
      steps,
      at: (step) => leaves.map((leaf) => plain.parameter(leaf, { kind: "static", step }).variable),
      loss: (inside, parameters, step = steps) => {
        const values = new Map(
          leaves.map((leaf, i) => [leaf.name, { ...now.get(leaf.name)!, variable: parameters[i]! }]),
        );
        const last = objectiveAt(cx, loop, { values, b: inside, step, steps });
        return loop.objective.maximize ? inside.apply("neg", last) : last;
      },
      step: {
        body: results.body,
        constants: results.constants,
        initial: [
          ...leaves.map((leaf) => start.get(leaf.name)!.variable),
          ...leaves.flatMap((leaf) => [...startState.get(leaf.name)!.values()].map((x) => x.variable)),
        ],
        carry: results.carry,
        slices: results.stacked.map((x) => b.row(x, steps - 1)),
      },
    }));
  return recordOf(cx, loop, steps, leaves, {
    ...kept,
    finals: new Map(leaves.map((leaf, i) => [leaf.name, ends[i]!])),
  });
}
