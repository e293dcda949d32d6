// What does an inner loop become? A scan whose carry is the evolved parameters and the states of their rules, and whose
// stacked outputs are the record of every step: the time-indexed parameters.
import type { Variable } from "../runtime/ir/types.ts";
import type { Span } from "./source.ts";
import { fail } from "./elaboration.ts";
import { asFloat, toTensor } from "./arithmetic.ts";
import { evaluate } from "./expressions.ts";
import { requireInteger, requireStatic, tooLarge } from "./sizes.ts";
import type { Loop, LoopRule } from "./loops.ts";
import { initialValue, type LeafDeclaration } from "./leaves.ts";
import { referenceLeaves, referenceText, resolveReference } from "./references.ts";
import { firstEntry, hyperparameterLocals, planHyperparameters, type RuleTime } from "./hyperparameters.ts";
import { checkThrough, derivativeAtEnd, endOnly, stillSteps } from "./estimators.ts";
import { takeAt } from "./indexing.ts";
import { type LoopRun, objectiveAt, recordOf } from "./loop_record.ts";
import { applyRule, clipScale, globalNorm, startStates } from "./rules.ts";
import { evaluateObjective } from "./objective.ts";
import { timePoint } from "./times.ts";
import { type Context, enterWorld, loopAround, stepWithin, type World } from "./world.ts";
import { shapeOf, staticNumber, type TensorValue } from "./values.ts";

/** The number of steps of a loop where it is used. */
export function stepsOf(cx: Context, loop: Loop): number | undefined {
  const given = cx.world.consumer.steps;
  if (given && (given.loop === undefined || given.loop === loop)) return given.count;
  const at: Context = { ...cx, scope: { module: loop.module, parent: undefined, locals: new Map() }, frames: [] };
  return requireInteger(at, loop.count.count, `the number of steps of \`${loop.name}\``, 1);
}

/** The leaves that the `over` of a rule names. Undefined when wrong (reported). */
function evolvedLeaves(cx: Context, loop: Loop, rule: LoopRule): LeafDeclaration[] | undefined {
  const leaves: LeafDeclaration[] = [];
  const at: Context = { ...cx, scope: { module: loop.module, parent: undefined, locals: new Map() }, frames: [] };
  for (const expression of rule.references) {
    if (expression.kind === "Missing") return undefined;
    if (expression.kind === "Time") {
      fail(at, {
        code: "M0403",
        title: "An inner loop evolves parameters, not their value at one time",
        at: expression.span,
        hint: "write the bare name; where it starts is learned by `over …@0` in an outer",
      });
      return undefined;
    }
    const reference = resolveReference(at, expression);
    if (reference === undefined) return undefined;
    if (reference === "not a reference") {
      evaluate(at, expression);
      if (!cx.elaboration.sink.hasErrors) {
        fail(at, { code: "M0502", title: "This is not a model or a parameter", at: expression.span });
      }
      return undefined;
    }
    if (reference.kind !== "model" && reference.kind !== "leaf" || reference.kind === "leaf" && reference.leaf.loop) {
      fail(at, {
        code: "M0502",
        title: "An inner loop evolves models and parameters, not hyperparameters",
        at: expression.span,
      });
      return undefined;
    }
    const found = referenceLeaves(cx.elaboration, reference);
    if (found.length === 0) cx.elaboration.unshaped.set(referenceText(expression) ?? "", expression.span);
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
    if (run) return run;
    if (w.owns.has(loop)) break;
  }
  if (loop.kind === "outer") {
    fail(cx, {
      code: "M0701",
      title: `The outer loop \`${loop.name}\` inside another loop is not yet supported`,
      at: span,
    });
    return undefined;
  }
  if (el.busy.has(loop)) {
    fail(cx, { code: "M0210", title: `\`${loop.name}\` depends on its own result`, at: span });
    return undefined;
  }
  el.busy.add(loop);
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
    const run = world.consumer.dry ? checkLoop(at, loop) : lowerLoop(at, loop);
    world.b.origin = before;
    if (run) {
      world.runs.set(loop, run);
      world.consumer.runs.push(run);
    }
    return run;
  } finally {
    el.busy.delete(loop);
  }
}

const scalarInt = { dtype: "i32", shape: [] } as const;

/** Where a parameter starts in a loop: at a time of the loop after `from`, when that changes it too; else at its initial
 *  value. Undefined when wrong (reported). */
export function startValue(cx: Context, loop: Loop, leaf: LeafDeclaration): TensorValue | undefined {
  if (!loop.from) return initialValue(cx, leaf);
  const { value } = loop.from;
  const object = value.kind === "Time" ? value.object : value;
  const reference = value.kind === "Missing" ? undefined : resolveReference(cx, object);
  if (reference === undefined) return undefined;
  if (value.kind !== "Time" || value.time === "all" || reference === "not a reference" || reference.kind !== "loop") {
    fail(cx, {
      code: "M0203",
      title: "A loop starts from a time of another loop",
      at: value.span,
      hint: "write `from fit@T`, where `fit` is an inner loop over the same parameters",
    });
    return undefined;
  }
  const other = reference.loop;
  const point = timePoint(cx, other, value.time);
  const run = point && typeof point !== "string" ? runLoop(cx, other, value.span) : undefined;
  if (!run || !point || typeof point === "string") return undefined;
  return run.leaves.includes(leaf) ? run.parameter(leaf, point) : initialValue(cx, leaf);
}

/** Goes through a loop once with placeholders: finds its parameters and every mistake. */
function checkLoop(cx: Context, loop: Loop): LoopRun | undefined {
  const { world, b } = cx;
  const steps = stepsOf(cx, loop);
  const through = checkThrough(cx, loop, steps);
  const t: TensorValue = { kind: "tensor", variable: b.input(scalarInt, "t"), dims: [] };
  const stepWorld = enterWorld(world, { owns: new Set([loop]) });
  const loss = evaluateObjective(cx, loop, stepWorld, b, t, steps ?? 1);
  const leaves: LeafDeclaration[] = [];
  let wrong = steps === undefined || loss === undefined || !through;
  for (const rule of loop.rules) {
    const own = evolvedLeaves(cx, loop, rule);
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
      const p = placeholder(cx, leaf);
      const time: RuleTime = { t, steps, b, entry: firstEntry(b) };
      const hyper = hyperparameterLocals(at, loop, rule, plans, leaf, time);
      const states = startStates(at, rule, leaf, p, hyper);
      if (!startValue(cx, loop, leaf)) wrong = true;
      if (!states || !applyRule(at, rule, leaf, { p, g: placeholder(cx, leaf), t, states, hyperparameters: hyper })) {
        wrong = true;
      }
    }
  }
  if (loop.clip) requireStatic(cx, loop.clip, "the bound of `clip norm`");
  if (wrong) return undefined;
  const scalar = (): TensorValue => ({ kind: "tensor", variable: loss!.variable, dims: [] });
  return {
    loop,
    steps: steps!,
    leaves,
    around: loopAround(world),
    parameter: (leaf) => placeholder(cx, leaf),
    quantity: scalar,
    trajectory: (leaf) => b.input({ dtype: cx.elaboration.precision, shape: [steps! + 1, ...shapeOf(leaf.dims)] }),
    stacked: () => b.input({ dtype: cx.elaboration.precision, shape: [steps!] }),
  };
}

/** Steps of a loop that is differentiated, at most: the analysis of its derivatives goes through each. */
const mostUnrolled = 10_000_000;

/** True when the values of every step of the loops that were run can be kept, as their derivatives need. Reports. */
export function canUnroll(cx: Context): boolean {
  for (const { loop, steps, leaves } of cx.world.consumer.runs) {
    for (const leaf of leaves) {
      const why = `a derivative keeps \`${leaf.name}\` at every step`;
      if (tooLarge(cx, [{ size: steps }, ...leaf.dims], loop.count.span, why)) return false;
    }
    if (steps <= mostUnrolled) continue;
    fail(cx, {
      code: "M0310",
      title: `A loop that is differentiated runs ${mostUnrolled} steps at most, and \`${loop.name}\` runs ${steps}`,
      at: loop.count.span,
    });
    return false;
  }
  return true;
}

/** Stands for a parameter where only its shape matters. */
function placeholder(cx: Context, leaf: LeafDeclaration): TensorValue {
  const variable = cx.b.input({ dtype: cx.elaboration.precision, shape: shapeOf(leaf.dims) }, leaf.name);
  return { kind: "tensor", variable, dims: leaf.dims };
}

/** Writes a loop as a scan in the world it is run in. */
function lowerLoop(cx: Context, loop: Loop): LoopRun | undefined {
  const { world, b } = cx;
  const steps = stepsOf(cx, loop)!;
  const parts = loop.rules.map((rule) => {
    const leaves = evolvedLeaves(cx, loop, rule) ?? [];
    return { rule, leaves, plans: planHyperparameters(cx, loop, rule, leaves, steps) };
  });
  const leaves = parts.flatMap((p) => p.leaves);
  const start = new Map<string, TensorValue>();
  const startState = new Map<string, Map<string, TensorValue>>();
  const zero: RuleTime = { t: staticNumber(0, "int"), steps, b, entry: firstEntry(b) };
  for (const { rule, leaves: own, plans } of parts) {
    for (const leaf of own) {
      const p = startValue(cx, loop, leaf)!;
      start.set(leaf.name, p);
      const hyper = hyperparameterLocals(cx, loop, rule, plans, leaf, zero);
      startState.set(leaf.name, startStates(cx, rule, leaf, p, hyper)!);
    }
  }

  const scan = b.openScan(loop.name, steps);
  const body = scan.body;
  const tVariable = scan.slice(b.one("iota", [], { type: { dtype: "i32", shape: [steps] }, axis: 0 }));
  const t: TensorValue = { kind: "tensor", variable: tVariable, dims: [] };
  const now = new Map<string, TensorValue>();
  const states = new Map<string, Map<string, TensorValue>>();
  for (const leaf of leaves) {
    now.set(leaf.name, { ...start.get(leaf.name)!, variable: scan.carry(start.get(leaf.name)!.variable) });
  }
  for (const leaf of leaves) {
    const carried = new Map<string, TensorValue>();
    for (const [name, value] of startState.get(leaf.name)!) {
      carried.set(name, { ...value, variable: scan.carry(value.variable) });
    }
    states.set(leaf.name, carried);
  }
  const step = stepWithin(world, body, { name: loop.name, t: tVariable, length: steps });
  const stepWorld = enterWorld(world, { b: body, values: now, owns: new Set([loop]), step });
  const at: Context = { ...cx, world: stepWorld, b: body };

  // the inner gradient
  const request = body.openGradient(`${loop.name}.loss`);
  const inside = new Map<string, TensorValue>();
  for (const leaf of leaves) {
    const value = now.get(leaf.name)!;
    inside.set(leaf.name, { ...value, variable: request.wrt(value.variable) });
  }
  const lossWorld = enterWorld(stepWorld, { b: request.body, values: inside, owns: new Set([loop]) });
  const objective = evaluateObjective(at, loop, lossWorld, request.body, t, steps)!;
  const own = asFloat({ ...at, b: request.body }, objective).variable;
  const { maximize } = loop.objective;
  const signed = maximize ? request.body.apply("neg", own) : own;
  const forward = world.consumer.runs.some((r) => r.around === loop && r.loop.through.kind === "forward");
  const closed = request.close([signed], forward ? "forward" : "reverse");
  const loss = maximize ? body.apply("neg", closed.outputs[0]!) : closed.outputs[0]!;
  let gradients = closed.gradients;
  if (loop.through.kind === "first_order") gradients = gradients.map((g) => body.apply("stop_gradient", g));
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
      const slice = scan.slice(outer);
      entries.set(outer, slice);
      return slice;
    },
  };
  const nextP = new Map<string, Variable>();
  const nextStates = new Map<string, Map<string, TensorValue>>();
  for (const { rule, leaves: ruled, plans } of parts) {
    for (const leaf of ruled) {
      const g: TensorValue = { ...now.get(leaf.name)!, variable: gradients[leaves.indexOf(leaf)]! };
      const hyper = hyperparameterLocals(at, loop, rule, plans, leaf, time);
      const after = applyRule(at, rule, leaf, {
        p: now.get(leaf.name)!,
        g,
        t,
        states: states.get(leaf.name)!,
        hyperparameters: hyper,
      })!;
      nextP.set(leaf.name, after.p.variable);
      nextStates.set(leaf.name, after.states);
    }
  }
  const next = [
    ...leaves.map((leaf) => nextP.get(leaf.name)!),
    ...leaves.flatMap((leaf) =>
      [...states.get(leaf.name)!.keys()].map((s) => nextStates.get(leaf.name)!.get(s)!.variable)
    ),
  ];
  const still = stillSteps(cx, loop, steps);
  const results = scan.close(next, [...leaves.map((leaf) => now.get(leaf.name)!.variable), loss, norm], still);
  const finals = new Map(leaves.map((leaf, i) => [leaf.name, results.carry[i]!]));
  const records = new Map(leaves.map((leaf, i) => [leaf.name, results.outputs[i]!]));
  const losses = results.outputs[leaves.length]!;
  const norms = results.outputs[leaves.length + 1]!;
  const kept = { start, finals, records, losses, norms };
  if (!endOnly(loop)) return recordOf(cx, loop, steps, leaves, kept);
  const plain = recordOf(cx, loop, steps, leaves, kept);
  const ends = derivativeAtEnd(cx, loop, {
    finals: results.carry.slice(0, leaves.length),
    reached: plain.quantity("gradient_norm", { kind: "static", step: steps })!.variable,
    started: takeAt({ b }, norms, 0),
    loss: (inside, parameters) => {
      const values = new Map(
        leaves.map((leaf, i) => [leaf.name, { ...now.get(leaf.name)!, variable: parameters[i]! }]),
      );
      const last = objectiveAt(cx, loop, { values, b: inside, step: steps, steps });
      return maximize ? inside.apply("neg", last) : last;
    },
    step: {
      body: results.body,
      constants: results.constants,
      carry: results.carry,
      slices: results.stacked.map((x) => takeAt({ b }, x, steps - 1)),
    },
  });
  return recordOf(cx, loop, steps, leaves, {
    ...kept,
    finals: new Map(leaves.map((leaf, i) => [leaf.name, ends[i]!])),
  });
}
