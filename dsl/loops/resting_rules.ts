// Does a rule leave a parameter where it is when the gradient is zero? Solvers of "the gradient is zero" take it for granted, and
// weight decay, a projection or a proximal step in the rule breaks it: then the loop ends elsewhere. Tried on numbers.
import { dependentOutputs } from "../../runtime/ir/structured.ts";
import { openPreview } from "../../runtime/program/preview.ts";
import {
  allocate,
  type ArrayType,
  type HostArray,
  type IrFunction,
  isFloat,
  sizeOf,
  type Variable,
} from "../../runtime/ir/types.ts";
import { fail, insideLoop } from "../world/report.ts";
import { solvesStep } from "./estimators.ts";
import { hyperparameterLocals } from "./hyperparameters.ts";
import type { Context, LeafDeclaration, LoopPlan, RuledLeaves } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import type { Loop } from "../world/loop.ts";
import { applyRule, startStates } from "./rules.ts";
import { shapeOf } from "../world/values.ts";
import { worldOfStep } from "./loop_record.ts";

/** Reports the first rule of a loop that moves a parameter without a gradient, where the loop's derivative is that of a zero of
 *  the gradient. */
export function checkRest(cx: Context, { loop, rules, steps }: LoopPlan): void {
  if (loop.through.kind !== "implicit" || solvesStep(loop) || !cx.world.consumer.differentiated) return;
  for (const part of rules) {
    const leaf = bySize(part.leaves).find((l) => moves(stepWithoutGradient(cx, loop, part, l, steps), steps - 1));
    if (!leaf) continue;
    const name = part.rule.optimizer.item.name.name;
    fail({ ...insideLoop(cx, loop), frames: [] }, {
      code: "M0504",
      title:
        `\`${name}\` moves \`${leaf.name}\` without a gradient too, so \`${loop.name}\` does not end where its gradient is zero`,
      at: loop.through.span!,
      label: "the derivative of a zero of the gradient",
      secondary: [{ span: part.rule.span, message: "with g = 0 it still changes what it is given" }],
      notes: ["Weight decay, a projection or a proximal step in the rule does so"],
      hint:
        "write `through implicit(solver = fixed_point)`, the derivative of where the rule rests, or move what the rule adds " +
        "into what is minimized, such as `+ 0.5 * c * sum(w^2)` for a weight decay",
    });
    return;
  }
}

/** The smallest first: they are tried for the longest. */
function bySize(leaves: readonly LeafDeclaration[]): readonly LeafDeclaration[] {
  const size = (leaf: LeafDeclaration) => sizeOf(shapeOf(leaf.dims));
  return leaves.toSorted((a, b) => size(a) - size(b));
}

/** (captured ..., t, p, state ...) -> (p', state' ..., the state with which the rule begins at p ...), at a zero gradient. */
interface Step {
  readonly fn: IrFunction;
  readonly captured: number;
  readonly states: number;
}

function stepWithoutGradient(
  cx: Context,
  loop: Loop,
  ruled: RuledLeaves,
  leaf: LeafDeclaration,
  steps: number,
): Step {
  const { rule } = ruled;
  const scope = cx.b.openClosure("rest");
  const { body } = scope;
  const type = { dtype: cx.elaboration.precision, shape: shapeOf(leaf.dims) };
  const t: TensorValue = { kind: "tensor", variable: scope.input({ dtype: "i32", shape: [] }), dims: [] };
  const p: TensorValue = { kind: "tensor", variable: scope.input(type), dims: leaf.dims };
  // a rule may read by its name what it changes
  const world = worldOfStep(cx.world, loop, {
    b: body,
    state: [{ leaf, p, states: new Map() }],
    standing: new Map(),
    t: t.variable,
  });
  const at: Context = { ...cx, world, b: body };
  const entry = (stacked: Variable) => body.row(stacked, steps - 1);
  const hyperparameters = hyperparameterLocals(at, loop, ruled, leaf, { t, steps, b: body, entry });
  const begun = [...startStates(at, rule, leaf, p, hyperparameters)!];
  const states = new Map(begun.map(([name, state]) => [name, { ...state, variable: scope.input(state.variable) }]));
  const g = { ...p, variable: body.fill(0, type) };
  const after = applyRule(at, rule, leaf, { p, g, t, states, hyperparameters })!;
  const { fn, captured } = scope.close([
    after.p.variable,
    ...begun.map(([name]) => after.states.get(name)!.variable),
    ...begun.map(([, state]) => state.variable),
  ]);
  return { fn, captured: captured.length, states: begun.length };
}

/** Steps that are tried, and entries that are computed, at most. */
const mostSteps = 2000;
const mostEntries = 1e6;
/** Steps after which a rule that reads `t` has done all that it does. */
const quietSteps = 100;
/** Parameters on both sides of 0, small and large: a projection leaves alone what is inside of its set. */
const scales = [1, -1, 1e3, -1e3];
/** By so many roundings a rule that is written as a mean or with a logarithm may move, and how many more at each step: what
 *  decays by a rounding at each step moves faster. */
const roundings = { first: 8, each: 0.1 };
const rounding = { f32: 2 ** -24, f64: 2 ** -53 };

/** True when steps move a parameter whose states are at rest, at some numbers: what is not known before the run may be any. */
function moves({ fn, captured, states }: Step, last: number): boolean {
  const parameter = fn.inputs[captured + 1]!;
  const executable = openPreview(fn);
  const outside = fn.inputs.slice(0, captured).map(someNumbers);
  const step = (t: number, p: HostArray, now: readonly HostArray[]) => {
    const time: HostArray = { dtype: "i32", shape: [], data: Int32Array.of(last + t) };
    const [next, ...rest] = executable.run([...outside, time, p, ...now]);
    return { p: next!, states: rest.slice(0, states), begun: rest.slice(states) };
  };
  const count = Math.min(mostSteps, Math.ceil(mostEntries / sizeOf(parameter.shape)));
  const quiet = dependentOutputs(fn, fn.inputs.map((_, i) => i === captured), "use").includes(true) ? quietSteps : 1;
  const same = (a: readonly HostArray[], b: readonly HostArray[]) => a.every((x, i) => apart(x, b[i]!) === 0);
  const leaves = (p: HostArray, begun: readonly HostArray[]): boolean => {
    const unit = rounding[parameter.dtype as "f32" | "f64"] * apart(p, nothing(p));
    let now = { p, states: begun };
    for (let t = 0, still = 0; t < count && still < quiet; t++) {
      const after = step(t, now.p, now.states);
      const away = apart(after.p, p);
      if (!Number.isFinite(away)) return false; // it has no value at these numbers
      if (away > unit * (roundings.first + roundings.each * t)) return true;
      still = same([after.p, ...after.states], [now.p, ...now.states]) ? still + 1 : 0;
      now = after;
    }
    return false;
  };
  try {
    const [p, other] = [someNumbers(parameter, captured), someNumbers(parameter, captured + 1)];
    const none = fn.inputs.slice(captured + 2).map(nothing);
    for (const scale of scales) {
      const scaled = { ...p, data: p.data.map((x) => x * scale) };
      if (leaves(scaled, step(0, scaled, none).begun)) return true;
    }
    // a state that remembers another parameter, and comes to rest without forgetting it
    let now = step(0, other, none).begun;
    for (let t = 0, still = 0; t < count && states > 0; t++) {
      const after = step(t, p, now).states;
      still = same(after, now) ? still + 1 : 0;
      now = after;
      if (still === quiet) return leaves(p, now);
    }
    return false;
  } finally {
    executable.dispose();
  }
}

const nothing = ({ dtype, shape }: ArrayType): HostArray => ({ dtype, shape, data: allocate(dtype, sizeOf(shape)) });

/** Numbers of a type that repeat nothing: floats between 0.1 and 0.9, integers and truth values 1. */
function someNumbers(type: ArrayType, seed: number): HostArray {
  const data = allocate(type.dtype, sizeOf(type.shape));
  for (let i = 0; i < data.length; i++) {
    const x = (0.5 + (i + 1) * 0.6180339887498949 + seed * 0.7548776662466927) % 1;
    data[i] = isFloat(type.dtype) ? 0.1 + 0.8 * x : 1;
  }
  return { dtype: type.dtype, shape: type.shape, data };
}

/** The largest distance between entries. */
function apart(a: HostArray, b: HostArray): number {
  let most = 0;
  for (let i = 0; i < a.data.length; i++) {
    const d = Math.abs(a.data[i]! - b.data[i]!);
    if (!(d <= most)) most = d;
  }
  return most;
}
