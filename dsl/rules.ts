// What does one step of an optimizer do to one tensor? Binds hyperparameters to values, starts the states, and evaluates the
// primed equations; the same for inner loops, outer loops and rules that contain models.
import type { OptimizerItem } from "./ast.ts";
import type { Builder } from "../runtime/ir/builder.ts";
import type { Variable } from "../runtime/ir/types.ts";
import { fail, firstTime } from "./elaboration.ts";
import type { LoopRule } from "./loops.ts";
import type { LeafDeclaration } from "./leaves.ts";
import { toTensor } from "./arithmetic.ts";
import { evaluate } from "./expressions.ts";
import { evaluateType } from "./sizes.ts";
import { type Context, known, lazily, type Local } from "./world.ts";
import {
  describeValue,
  type Dim,
  errorValue,
  formatDims,
  namedSizes,
  shapeOf,
  type TensorValue,
  type Value,
} from "./values.ts";

function ruleContext(
  cx: Context,
  rule: LoopRule,
  leaf: LeafDeclaration,
  locals: ReadonlyMap<string, Local>,
): Context {
  const { item, module } = rule.optimizer;
  const message = `in this rule, for \`${leaf.name}\` : ${formatDims(leaf.dims)}`;
  return {
    ...cx,
    scope: { module, parent: undefined, locals },
    frames: [{ callee: item.name.name, span: rule.span, message }, ...cx.frames],
  };
}

/** The states of a rule before the first step, for one tensor, by name. Undefined when wrong (reported). */
export function startStates(
  cx: Context,
  rule: LoopRule,
  leaf: LeafDeclaration,
  p: TensorValue,
  hyperparameters: ReadonlyMap<string, Local>,
): Map<string, TensorValue> | undefined {
  const locals = new Map<string, Local>(hyperparameters);
  locals.set("p", known(p));
  const inside = ruleContext(cx, rule, leaf, locals);
  const states = new Map<string, TensorValue>();
  for (const member of rule.optimizer.item.members) {
    if (member.kind !== "State") continue;
    const name = member.name.name;
    const dims = member.type ? evaluateType(inside, member.type) : leaf.dims;
    const value = evaluate(inside, member.value);
    if (!dims || value.kind === "error") return undefined;
    const tensor = toTensor(inside, value, "float");
    if (tensor.kind === "error" || !fitsInto(tensor.dims, dims)) {
      fail(inside, {
        code: "M0305",
        title: `The state \`${name}\` is ${formatDims(dims)} and cannot start as ${describeValue(value)}`,
        at: member.value.span,
        label: member.type ? undefined : "a state has the shape of `p` unless it says another",
        hint: member.type ? undefined : `annotate it: \`state ${name} : [...] = …\``,
      });
      return undefined;
    }
    states.set(name, { kind: "tensor", variable: cx.b.broadcastTo(tensor.variable, shapeOf(dims)), dims });
    locals.set(name, known(states.get(name)!));
  }
  return states;
}

/** True when an array can fill a shape by broadcasting. */
function fitsInto(dims: readonly Dim[], shape: readonly Dim[]): boolean {
  return dims.length <= shape.length && dims.every((d, i) => {
    const wanted = shape[i + shape.length - dims.length]!;
    return d.size === wanted.size || d.size === 1 && d.name === undefined;
  });
}

/** One step: the new parameter and the new states. Undefined when wrong (reported). */
export function applyRule(
  cx: Context,
  rule: LoopRule,
  leaf: LeafDeclaration,
  now: {
    readonly p: TensorValue;
    readonly g: TensorValue;
    readonly t: Value;
    readonly states: ReadonlyMap<string, TensorValue>;
    readonly hyperparameters: ReadonlyMap<string, Local>;
  },
): { readonly p: TensorValue; readonly states: Map<string, TensorValue> } | undefined {
  const { item } = rule.optimizer;
  cx.elaboration.called.add(item);
  const locals = new Map<string, Local>(now.hyperparameters);
  locals.set("g", known(now.g));
  locals.set("t", known(now.t));
  // a state that is given and not declared was reported
  for (const member of item.members) if (member.kind === "Next") locals.set(member.name.name, known(errorValue));
  for (const [name, value] of now.states) locals.set(name, known(value));
  locals.set("p", known(now.p));
  const inside = ruleContext(cx, rule, leaf, locals);
  const way: string[] = [];
  for (const member of item.members) {
    if (member.kind === "State") continue;
    const name = member.kind === "Next" ? `${member.name.name}'` : member.name.name;
    const compute = (): Value => {
      way.push(name);
      const value = evaluate(inside, member.value);
      way.pop();
      return value;
    };
    const onCycle = (): Value => {
      const chain = [...way.slice(way.indexOf(name)), name].map((n) => `\`${n}\``);
      if (!firstTime(cx.elaboration, member)) return errorValue;
      return fail({ ...inside, frames: [] }, {
        code: "M0210",
        title: `\`${name}\` depends on itself`,
        at: member.name.span,
        notes: chain.length > 2 ? [`The way is ${chain.join(" → ")}`] : [],
        hint: member.kind === "Next" ? `write \`${member.name.name}\` for its value before the step` : undefined,
      });
    };
    locals.set(name, lazily(compute, onCycle));
  }
  const next = (name: string, like: TensorValue): TensorValue | undefined => {
    const local = locals.get(`${name}'`);
    if (name === "g" || name === "t") return undefined; // a state cannot be called so: reported
    if (!local) {
      if (!firstTime(cx.elaboration, `${item.span.source} ${item.span.start} ${name}`)) return undefined;
      fail({ ...inside, frames: [] }, {
        code: "M0104",
        title: `\`${item.name.name}\` does not say what \`${name}'\` is`,
        at: item.name.span,
        hint: `add an equation \`${name}' = …\``,
      });
      return undefined;
    }
    const value = local.value();
    if (value.kind === "error") return undefined;
    const tensor = toTensor(inside, value, "float");
    if (tensor.kind === "error" || !fitsInto(tensor.dims, like.dims)) {
      const member = item.members.find((m) => m.kind === "Next" && m.name.name === name)!;
      fail(inside, {
        code: "M0305",
        title: `\`${name}\` is ${formatDims(like.dims)}, and \`${name}'\` is ${describeValue(value)}`,
        at: member.value.span,
        label: describeValue(value),
        notes: tensor.kind === "tensor" ? namedSizes(like.dims, tensor.dims) : [],
      });
      return undefined;
    }
    return { kind: "tensor", variable: cx.b.broadcastTo(tensor.variable, shapeOf(like.dims)), dims: like.dims };
  };
  const p = next("p", now.p);
  const states = new Map<string, TensorValue>();
  let complete = p !== undefined;
  for (const [name, value] of now.states) {
    const after = next(name, value);
    if (after) states.set(name, after);
    else complete = false;
  }
  return complete ? { p: p!, states } : undefined;
}

/** The primed names that an optimizer defines but does not declare as states. */
export function checkOptimizer(cx: Context, item: OptimizerItem): void {
  const states = new Set(item.members.filter((m) => m.kind === "State").map((m) => m.name.name));
  for (const member of item.members) {
    if (member.kind === "Next" && member.name.name !== "p" && !states.has(member.name.name)) {
      fail(cx, {
        code: "M0201",
        title: `\`${member.name.name}'\` is given, but there is no state \`${member.name.name}\``,
        at: member.name.span,
        hint: `add \`state ${member.name.name} = 0\``,
      });
    }
  }
}

/** The scale of `clip norm c`: min(1, c / (norm + 1e-6)), as PyTorch's clip_grad_norm_. */
export function clipScale(b: Builder, norm: Variable, bound: Variable): Variable {
  const ratio = b.apply("div", bound, b.apply("add", norm, b.fill(1e-6, norm)));
  return b.apply("min", b.fill(1, norm), ratio);
}

/** The Euclidean norm over all entries of all arrays. */
export function globalNorm(b: Builder, arrays: readonly Variable[]): Variable {
  const squares = arrays.map((x) => b.sum(b.one("integer_pow", [x], { exponent: 2 })));
  return b.apply("sqrt", squares.reduce((a, c) => b.apply("add", a, c)));
}
