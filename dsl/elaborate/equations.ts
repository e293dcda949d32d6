// What does one step say? States with their start, and primed equations that hold simultaneously: the same in optimizers and
// in the scans of models.
import type { Identifier, StateMember, StepMember } from "../syntax/ast.ts";
import { toTensor } from "./arithmetic.ts";
import { fail, firstTime } from "../world/report.ts";
import { evaluate } from "../world/evaluator.ts";
import { rowsAsIn } from "./row_origins.ts";
import { evaluateType } from "./sizes.ts";
import type { Span } from "../text/source.ts";
import { arrayHint, describeValue, errorValue, formatDims, namedSizes, shapeOf } from "../world/values.ts";
import type { Context, Local, Value } from "../world/world.ts";
import type { Dim, TensorValue } from "../world/value_kinds.ts";
import { lazily } from "../world/moments.ts";
import { dependsOnItself } from "../diagnostics/messages.ts";

/** What has states and equations. */
export interface Stepped {
  readonly name: Identifier;
  readonly members: readonly StepMember[];
  readonly span: Span;
}

/** The value that a state starts with. Without a type it has the shape of `like`, or of its value where there is none.
 *  Undefined when wrong (reported). */
export function startState(inside: Context, member: StateMember, like?: readonly Dim[]): TensorValue | undefined {
  const name = member.name.name;
  const annotated = member.type ? evaluateType(inside, member.type) : like;
  const value = evaluate(inside, member.value);
  if (member.type && !annotated || value.kind === "error") return undefined;
  const tensor = toTensor(inside, value, "float");
  const dims = annotated ?? (tensor.kind === "error" ? [] : tensor.dims);
  if (tensor.kind === "error" || !fitsInto(tensor.dims, dims)) {
    const untyped = like !== undefined && !member.type;
    return void fail(inside, {
      code: "M0305",
      title: `The state \`${name}\` is ${formatDims(dims)} and cannot start as ${describeValue(value)}`,
      at: member.value.span,
      label: untyped ? "a state has the shape of `p` unless it says another" : undefined,
      hint: arrayHint(value) ?? (untyped ? `annotate it: \`state ${name} : [...] = …\`` : undefined),
    });
  }
  const variable = inside.b.broadcastTo(tensor.variable, shapeOf(dims));
  return { kind: "tensor", variable, dims: rowsAsIn(dims, tensor.dims) };
}

/** True when an array can fill a shape by broadcasting. */
function fitsInto(dims: readonly Dim[], shape: readonly Dim[]): boolean {
  return dims.length <= shape.length && dims.every((d, i) => {
    const wanted = shape[i + shape.length - dims.length]!;
    return d.size === wanted.size || d.size === 1 && d.name === undefined;
  });
}

/** Binds what is computed in a step, `let`s and next values, each when it is first read. */
export function bindStep(inside: Context, members: readonly StepMember[], locals: Map<string, Local>): void {
  const way: string[] = [];
  for (const member of members) {
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
      if (!firstTime(inside.elaboration, member)) return errorValue;
      return fail({ ...inside, frames: [] }, {
        ...dependsOnItself(name, member.name.span),
        notes: chain.length > 2 ? [`The way is ${chain.join(" → ")}`] : [],
        hint: member.kind === "Next" ? `write \`${member.name.name}\` for its value before the step` : undefined,
      });
    };
    locals.set(name, lazily(compute, onCycle));
  }
}

/** The next value of a state, in the state's shape. Undefined when wrong (reported). */
export function nextValue(
  inside: Context,
  item: Stepped,
  locals: ReadonlyMap<string, Local>,
  name: string,
  like: TensorValue,
): TensorValue | undefined {
  const local = locals.get(`${name}'`);
  if (!local) {
    if (!firstTime(inside.elaboration, `${item.span.source} ${item.span.start} ${name}`)) return undefined;
    return void fail({ ...inside, frames: [] }, {
      code: "M0104",
      title: `\`${item.name.name}\` does not say what \`${name}'\` is`,
      at: item.name.span,
      hint: `add an equation \`${name}' = …\``,
    });
  }
  const value = local.value();
  if (value.kind === "error") return undefined;
  const tensor = toTensor(inside, value, "float");
  if (tensor.kind === "error" || !fitsInto(tensor.dims, like.dims)) {
    const member = item.members.find((m) => m.kind === "Next" && m.name.name === name)!;
    const untyped = item.members.some((m) => m.kind === "State" && m.name.name === name && !m.type);
    return void fail(inside, {
      code: "M0305",
      title: `\`${name}\` is ${formatDims(like.dims)}, and \`${name}'\` is ${describeValue(value)}`,
      at: member.value.span,
      label: describeValue(value),
      sizes: tensor.kind === "tensor" ? namedSizes(like.dims, tensor.dims) : [],
      hint: tensor.kind === "tensor" && untyped
        ? `declare the state so: \`state ${name} : ${formatDims(tensor.dims)} = …\``
        : arrayHint(value),
    });
  }
  const variable = inside.b.broadcastTo(tensor.variable, shapeOf(like.dims));
  return { kind: "tensor", variable, dims: rowsAsIn(like.dims, tensor.dims) };
}

/** Reports primed names that are no states; `known` are given ones, such as `p` in an optimizer. */
export function checkStates(cx: Context, members: readonly StepMember[], known: readonly string[]): void {
  const states = new Set([...known, ...members.filter((m) => m.kind === "State").map((m) => m.name.name)]);
  for (const member of members) {
    if (member.kind !== "Next" || states.has(member.name.name)) continue;
    if (!firstTime(cx.elaboration, member.name)) continue;
    fail(cx, {
      code: "M0201",
      title: `\`${member.name.name}'\` is given, but there is no state \`${member.name.name}\``,
      at: member.name.span,
      hint: `add \`state ${member.name.name} = 0\``,
    });
  }
}
