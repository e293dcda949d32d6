// Where does a hyperparameter get its value? From a constant, which is a leaf that may be learned, for all tensors or each, for
// all steps or each; from a formula over the steps; or it is a switch.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import { toTensor } from "../elaborate/arithmetic.ts";
import { fail, firstTime, moduleScope } from "../world/report.ts";
import type { Span } from "../text/source.ts";
import { startingAt, startOf } from "../elaborate/starts.ts";
import { evaluate } from "../world/evaluator.ts";
import { initialValue, leafName, readRange, readVia } from "../elaborate/leaves.ts";
import type {
  Context,
  HyperparameterPlan,
  LeafDeclaration,
  Local,
  RuledLeaves,
  Scope,
  Value,
  World,
} from "../world/world.ts";
import type { Dim, TensorValue } from "../world/value_kinds.ts";
import { type Path, pathText } from "../syntax/paths.ts";
import {
  type DeclaredHyperparameter,
  hyperparameterPath,
  type Loop,
  type LoopRule,
  withoutTime,
} from "../world/loop.ts";
import {
  arrayHint,
  describeValue,
  errorValue,
  formatDims,
  formatRange,
  namedSizes,
  numbersOf,
  shapeOf,
} from "../world/values.ts";
import { known, lazily } from "../world/moments.ts";
import { dependsOnItself, startsOutside } from "../diagnostics/messages.ts";

/** Where in time a rule stands. */
export interface RuleTime {
  readonly t: Value;
  readonly steps: number;
  /** Where arrays over the steps live: outside the loop. */
  readonly b: Builder;
  /** The entry of an array over the steps that belongs to this time. */
  readonly entry: (stacked: Variable) => Variable;
}

/** Decides how each hyperparameter of a rule gets its value and declares those that are constants as leaves, which `over` and
 *  `wrt` may name. Mistakes are reported. */
export function planHyperparameters(
  cx: Context,
  loop: Loop,
  rule: LoopRule,
  leaves: readonly LeafDeclaration[],
  steps: number,
): HyperparameterPlan[] {
  const plans: HyperparameterPlan[] = [];
  for (const declared of rule.hyperparameters) {
    const plan = planOne(cx, loop, rule, declared, leaves, steps);
    if (plan) plans.push(plan);
  }
  return plans;
}

function planOne(
  cx: Context,
  loop: Loop,
  rule: LoopRule,
  declared: DeclaredHyperparameter,
  leaves: readonly LeafDeclaration[],
  steps: number,
): HyperparameterPlan | undefined {
  const axes = axesOf(cx, declared);
  if (!axes) return undefined;
  const { override } = declared;
  const whole = { declared, perStep: false, perTensor: false };
  const formula = (what: string, at: Span): HyperparameterPlan | undefined => {
    const [axis] = axes;
    if (axis === undefined) return { ...whole, kind: "formula" };
    return void fail(cx, { code: "M0205", title: `${what} and cannot be \`per ${axis}\` too`, at });
  };
  if (override?.time) {
    return formula(`\`${declared.name}@${override.time.name}\` is a formula over the steps`, override.span);
  }
  const at: Context = { ...cx, scope: moduleScope(declared.module) };
  const value = evaluate(at, declared.value);
  if (value.kind === "error") return undefined;
  if (value.kind === "static" && value.type === "bool") return { ...whole, kind: "switch", constant: value };
  if (value.kind === "tensor" && declared.value.kind !== "List") {
    return formula(`\`${declared.name}\` is computed from other values`, override?.span ?? declared.span);
  }
  if (value.kind !== "static" && value.kind !== "shape" && value.kind !== "literal" && value.kind !== "tensor") {
    const title = `\`${declared.name}\` cannot be ${describeValue(value)}`;
    return void fail(cx, { code: "M0304", title, at: declared.span, hint: arrayHint(value) });
  }
  const perStep = axes.has("step");
  const perEntry = axes.has("entry");
  const perTensor = perEntry || axes.has("tensor");
  for (const leaf of perTensor ? leaves : [undefined]) {
    const dims: Dim[] = [
      ...(perStep ? [{ size: steps, name: loop.timeName }] : []),
      ...(perEntry && leaf ? leaf.dims : []),
    ];
    declareHyperparameter(at, loop, declared, { ...namesOf(loop, rule, declared, leaf), dims, value, perStep });
  }
  return { declared, kind: "leaf", ...(value.kind === "static" ? { constant: value } : {}), perStep, perTensor };
}

/** The axes of `per`. Undefined when one is wrong (reported). */
function axesOf(cx: Context, { override }: DeclaredHyperparameter): ReadonlySet<string> | undefined {
  const axes = new Set<string>();
  for (const { name, span } of override?.per ?? []) {
    if (!["step", "tensor", "entry"].includes(name) || axes.has(name)) {
      return void fail(cx, {
        code: "M0102",
        title: axes.has(name) ? `\`per ${name}\` is given twice` : `There is no axis \`${name}\``,
        at: span,
        notes: ["The axes are `per step`, `per tensor` and `per entry`"],
      });
    }
    axes.add(name);
  }
  return axes;
}

/** What a hyperparameter is called, where it has one value for each tensor that of one: `fit.lr`, `fit.lr[l1.W]`. */
function namesOf(
  loop: Loop,
  rule: LoopRule,
  declared: DeclaredHyperparameter,
  leaf: LeafDeclaration | undefined,
): Pick<LeafDeclaration, "name" | "path" | "tensor"> {
  const path = hyperparameterPath(loop, declared);
  const names = leaf ? { path, tensor: shortPath(leaf, rule) } : { path };
  return { ...names, name: leafName(names) };
}

/** A parameter inside the one model that a rule changes: `l1.W` for `mlp.l1.W`. What is one of many is called by both names: `fit.lr.W`
 *  for `fit.lr[W]`. */
function shortPath({ path, tensor = [] }: LeafDeclaration, { references: [first, second] }: LoopRule): Path {
  const [head, ...rest] = path;
  const only = first && !second ? withoutTime(first) : undefined;
  const short = only?.kind === "Name" && only.name === head && rest.length > 0;
  return [...short ? rest : path, ...tensor];
}

function declareHyperparameter(
  at: Context,
  loop: Loop,
  declared: DeclaredHyperparameter,
  { value, ...leaf }: Pick<LeafDeclaration, "name" | "path" | "tensor" | "dims" | "perStep"> & {
    readonly value: Value;
  },
): void {
  const { name, dims } = leaf;
  const el = at.elaboration;
  const existing = el.leaves.get(name);
  if (existing) return;
  const written = declared.override?.range;
  const range = written && readRange(at, written.low, written.high, written.span);
  const start = startOf(el, leaf);
  const declaredAt = start ? undefined : value;
  const outside = range && declaredAt && numbersOf(declaredAt).find((x) => !(x >= range[0] && x <= range[1]));
  if (range && outside !== undefined) {
    fail(at, {
      ...startsOutside(name, outside, formatRange(...range), written.span),
      at: declared.value.span,
    });
  }
  const via = readVia(at, declared.override?.via, range, declaredAt, name);
  const base: LeafDeclaration = {
    ...leaf,
    module: declared.module,
    drawnAs: name,
    span: declared.override?.name.span ?? declared.span,
    loop,
    ...(via ? { via } : {}),
    initial: (cx) => {
      const here: Context = { ...cx, scope: at.scope };
      const tensor = toTensor(here, evaluate(here, declared.value), "float");
      if (tensor.kind === "error") return undefined;
      if (
        tensor.dims.length > 0 &&
        (tensor.dims.length > dims.length || tensor.dims.some((d, i) => d.size !== dims[i]!.size))
      ) {
        return void fail(here, {
          code: "M0305",
          title: `\`${name}\` is ${formatDims(dims)}, its value is ${formatDims(tensor.dims)}`,
          at: declared.value.span,
          label: formatDims(tensor.dims),
          sizes: namedSizes(dims, tensor.dims),
        });
      }
      const variable = here.b.one("broadcast", [tensor.variable], {
        shape: shapeOf(dims),
        axes: tensor.dims.map((_, i) => i),
      });
      return { kind: "tensor", variable, dims };
    },
  };
  const ranged = range ? { ...base, range } : base;
  el.leaves.set(name, start ? startingAt(start, ranged) : ranged);
}

/** The values at one time of those hyperparameters of a rule that are recorded, by their names. */
export function recordedRates(
  cx: Context,
  loop: Loop,
  { rule, plans, leaves }: RuledLeaves,
  time: RuleTime,
): Map<string, Variable> {
  const wanted = cx.elaboration.recordedRates;
  const found = new Map<string, Variable>();
  for (const plan of wanted.size === 0 ? [] : plans) {
    for (const leaf of plan.perTensor ? leaves : [undefined]) {
      const { name: label } = namesOf(loop, rule, plan.declared, leaf);
      if (!wanted.has(label)) continue;
      const value = toTensor(cx, hyperparameterValue(cx, loop, rule, plan, leaf, time), "float");
      if (value.kind === "tensor") found.set(label, cx.b.resolve(value.variable));
    }
  }
  return found;
}

/** True when a hyperparameter has other values at other steps, or follows what may be learned: it is computed, or has one value for
 *  each step. */
export function isSchedule(cx: Context, { override, value, module }: DeclaredHyperparameter): boolean {
  if (override?.time || override?.per?.some((axis) => axis.name === "step")) return true;
  const at: Context = { ...cx, scope: { module, parent: undefined, locals: new Map() } };
  return value.kind !== "List" && evaluate(at, value).kind === "tensor";
}

/** The value of a hyperparameter for one tensor at one time. */
function hyperparameterValue(
  cx: Context,
  loop: Loop,
  rule: LoopRule,
  plan: HyperparameterPlan,
  leaf: LeafDeclaration | undefined,
  time: RuleTime,
): Value {
  const { declared } = plan;
  if (plan.kind === "switch") return plan.constant!;
  if (plan.kind === "formula") {
    const locals = new Map<string, Local>();
    if (declared.override?.time) locals.set(declared.override.time.name, known(time.t));
    locals.set(loop.timeName, known({ kind: "static", type: "int", value: time.steps }));
    const scope: Scope = { module: declared.module, parent: undefined, locals };
    return evaluate({ ...cx, scope }, declared.value);
  }
  const { name: label } = namesOf(loop, rule, declared, plan.perTensor ? leaf : undefined);
  const declaration = cx.elaboration.leaves.get(label);
  if (!declaration) return errorValue;
  const { constant, perStep } = plan;
  if (constant && !perStep && !declaration.start && !isGiven(cx.world, label)) return constant;
  const value = initialValue(cx, declaration);
  if (!value) return errorValue;
  if (!plan.perStep) return value;
  if (value.dims[0]!.size !== time.steps && cx.world.consumer.steps?.holdLast) {
    return { kind: "tensor", variable: time.entry(heldTo(time.b, value, time.steps)), dims: value.dims.slice(1) };
  }
  if (value.dims[0]!.size !== time.steps) {
    const given = cx.world.consumer.steps;
    const name = pathText(hyperparameterPath(loop, declared));
    if (!firstTime(cx.elaboration, `steps ${cx.world.consumer.name} ${name}`)) return errorValue;
    return fail({ ...cx, frames: [] }, {
      code: "M0305",
      title: `\`${name}\` has ${value.dims[0]!.size} steps, and \`${loop.name}\` runs ${time.steps} here`,
      at: given?.span ?? declaration.span,
      secondary: [{ span: declaration.span, message: "one value for each step" }],
    });
  }
  return { kind: "tensor", variable: time.entry(value.variable), dims: value.dims.slice(1) };
}

/** An array over the steps for another number of steps: cut, or with its last entry repeated. Of no steps the first is kept, with which
 *  a rule may begin. */
function heldTo(b: Builder, value: TensorValue, steps: number): Variable {
  const last = value.dims[0]!.size - 1;
  const indices = Int32Array.from({ length: Math.max(1, steps) }, (_, t) => Math.min(t, last));
  const rows = b.literal(indices, { dtype: "i32", shape: [indices.length] });
  return b.one("gather", [value.variable, rows], { axis: 0, batch: 0 });
}

/** True when a leaf has a value of its own in a world: learned, or handed in. */
function isGiven(world: World, name: string): boolean {
  for (let w: World | undefined = world; w; w = w.parent) if (w.initials.has(name)) return true;
  return world.consumer.persistent.has(name);
}

/** The hyperparameters of a rule as local names, for one tensor at one time. */
export function hyperparameterLocals(
  cx: Context,
  loop: Loop,
  { rule, plans }: Omit<RuledLeaves, "leaves">,
  leaf: LeafDeclaration,
  time: RuleTime,
): Map<string, Local> {
  // what could not be planned was reported
  const locals = new Map<string, Local>(rule.hyperparameters.map((h) => [h.name, known(errorValue)]));
  for (const plan of plans) {
    locals.set(
      plan.declared.name,
      lazily(
        () => hyperparameterValue(cx, loop, rule, plan, leaf, time),
        () => fail(cx, dependsOnItself(pathText(hyperparameterPath(loop, plan.declared)), plan.declared.span)),
      ),
    );
  }
  return locals;
}

/** Entry 0 of an array over the steps. */
export function firstEntry(b: Builder): (stacked: Variable) => Variable {
  return (stacked) => b.row(stacked, 0);
}

/** The entry of an array over the steps where any step is meant. */
export function anyEntry(b: Builder): (stacked: Variable) => Variable {
  return ({ dtype, shape }) => b.input({ dtype, shape: shape.slice(1) });
}
