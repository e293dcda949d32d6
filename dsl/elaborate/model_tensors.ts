// What does a model stand for among operators? Its tensors, each by its path: what acts entry by entry is applied to one after the
// other, and what makes one number of many entries to all of them together.
import { type Path, pathText, samePath } from "../syntax/paths.ts";
import { sameShape, sizeOf } from "../../runtime/ir/types.ts";
import type { Span } from "../text/source.ts";
import { fail, needShape } from "../world/report.ts";
import { describeValue, errorValue, formatDims, shapeOf } from "../world/values.ts";
import type { Context, InstanceNode, ModelValue, TensorsValue, Value } from "../world/world.ts";
import type { ErrorValue, TensorValue } from "../world/value_kinds.ts";
import { numeric } from "./arithmetic.ts";
import { valueNow } from "./leaves.ts";
import { childOf, lacksSizes } from "./models.ts";
import { referenceLeaves } from "./references.ts";

/** What an operator or a function is given, with its place. */
export interface Operand {
  readonly value: Value;
  readonly span: Span;
}

/** A model's tensors, with their place. */
interface Tensors extends Operand {
  readonly value: TensorsValue;
}

/** True for a model and for what was made of one's tensors. */
export function standsForTensors(value: Value): value is ModelValue | TensorsValue {
  return value.kind === "model" || value.kind === "tensors";
}

/** Applies what acts entry by entry. Where models are among the operands, to their tensors: tensor by tensor of equal paths, with the
 *  same numbers for all. `name` is what is applied, for messages. */
export function entrywise(
  cx: Context,
  name: string,
  operands: readonly Operand[],
  apply: (values: readonly Value[]) => Value,
): Value {
  if (operands.some(({ value }) => value.kind === "error")) return errorValue;
  const first = operands.find(({ value }) => standsForTensors(value));
  if (!first) return apply(operands.map(({ value }) => value));
  const model = tensorsOf(cx, first);
  if (model.kind === "error") return errorValue;
  const parts: (TensorsValue | Value)[] = [];
  for (const operand of operands) {
    const part = operand === first ? model : besideTensors(cx, name, { value: model, span: first.span }, operand);
    if (part.kind === "error") return errorValue;
    parts.push(part);
  }
  const tensors = [];
  for (const { path, value: { dims } } of model.tensors) {
    const made = apply(parts.map((part) => part.kind === "tensors" ? tensorAt(part, path)! : part));
    const value = numeric(cx, made, first.span, `be used with \`${name}\``);
    if (value.kind === "error") return errorValue;
    // a number that `where` takes for all entries stands for as many
    const whole = value.dims.length === dims.length ? value : { ...value, dims };
    tensors.push({ path, value: { ...whole, variable: cx.b.broadcastTo(value.variable, shapeOf(dims)) } });
  }
  return { kind: "tensors", instance: model.instance, tensors };
}

/** What stands beside a model's tensors: a number, or the tensors of a model with the same paths and shapes. The error value when it is
 *  neither (reported, or its parameters are not shaped yet); what is no array is left to whom it is given. */
function besideTensors(cx: Context, name: string, model: Tensors, other: Operand): Value {
  const { value } = other;
  if (standsForTensors(value)) {
    const tensors = tensorsOf(cx, other);
    return tensors.kind === "tensors" && alike(cx, name, model, { value: tensors, span: other.span })
      ? tensors
      : errorValue;
  }
  const isArray = value.kind === "tensor" && value.dims.length > 0 || value.kind === "literal" ||
    value.kind === "shape" && value.single !== true;
  if (!isArray) return value;
  const { instance, tensors } = model.value;
  const path = pathText(instance.path);
  return fail(cx, {
    code: "M0301",
    title: `The tensors of \`${path}\` and ${describeValue(value)} do not fit together in \`${name}\``,
    at: other.span,
    label: describeValue(value),
    secondary: [{ span: model.span, message: `\`${path}\` stands for its tensors here` }],
    notes: ["Beside a model stand numbers, and models with the same tensors"],
    hint: `call the model, or name one of its tensors, such as \`${
      pathText([...instance.path, ...tensors[0]!.path])
    }\``,
  });
}

/** True for two models with the same paths and shapes below their names; else it is reported, unless a call that comes later may make
 *  them alike. */
export function alike(cx: Context, name: string, a: Tensors, c: Tensors): boolean {
  const differs = lacking(cx, a.value, c.value) ?? lacking(cx, c.value, a.value);
  if (!differs && (waitsFor(cx, a, c) || waitsFor(cx, c, a))) return false;
  const reshaped = differs ? undefined : otherShape(a.value, c.value);
  if (!differs && !reshaped) return true;
  const [left, right] = [a, c].map(({ value }) => pathText(value.instance.path)) as [string, string];
  fail(cx, {
    code: "M0301",
    title: `The tensors of \`${left}\` and \`${right}\` do not fit together in \`${name}\``,
    at: c.span,
    label: reshaped?.[1] ?? whatIsLacking(cx, c.value, a.value),
    secondary: [{ span: a.span, message: reshaped?.[0] ?? whatIsLacking(cx, a.value, c.value) }],
    notes: ["Two models meet tensor by tensor: they need the same paths and shapes below their names"],
  });
  return false;
}

/** The first path of a model that another does not declare. */
function lacking(cx: Context, model: TensorsValue, other: TensorsValue): Path | undefined {
  const declared = declaredIn(cx, other.instance);
  return model.tensors.find(({ path }) => !declared.some((d) => samePath(d, path)))?.path;
}

function whatIsLacking(cx: Context, model: TensorsValue, other: TensorsValue): string {
  const path = lacking(cx, model, other);
  const name = pathText(other.instance.path);
  return path
    ? `\`${pathText([...model.instance.path, ...path])}\` is not in \`${name}\``
    : `all of it is in \`${name}\``;
}

/** True where a call that comes later may shape what a model has and another lacks. */
function waitsFor(cx: Context, model: Tensors, other: Tensors): boolean {
  const waiting = model.value.tensors.find(({ path }) => !tensorAt(other.value, path));
  if (waiting) needShape(cx.elaboration, [...other.value.instance.path, ...waiting.path], other.span);
  return waiting !== undefined;
}

/** The first tensor of another shape in two models, as each has it. */
function otherShape(a: TensorsValue, c: TensorsValue): readonly [string, string] | undefined {
  for (const { path, value } of a.tensors) {
    const other = tensorAt(c, path)!;
    if (sameShape(shapeOf(value.dims), shapeOf(other.dims))) continue;
    const said = ({ instance }: TensorsValue, { dims }: TensorValue) =>
      `\`${pathText([...instance.path, ...path])}\` is ${formatDims(dims)}`;
    return [said(a, value), said(c, other)];
  }
  return undefined;
}

/** The paths of all parameters of an instance below it, shaped or not. */
function declaredIn(cx: Context, instance: InstanceNode): Path[] {
  return instance.model.item.members.flatMap((member): Path[] => {
    if (member.kind === "Binding") return [[member.name.name]];
    const child = member.kind === "Use" ? childOf(cx, instance, member) : undefined;
    return child ? declaredIn(cx, child).map((path) => [member.name.name, ...path]) : [];
  });
}

function tensorAt({ tensors }: TensorsValue, path: Path): TensorValue | undefined {
  return tensors.find((t) => samePath(t.path, path))?.value;
}

/** The tensors that a model stands for, as they are where the context stands, or at the model's time: those that calls have shaped. The
 *  error value where there is none (reported, or none is shaped yet). */
export function tensorsOf(cx: Context, { value, span }: Operand): TensorsValue | ErrorValue {
  if (value.kind === "tensors") return value;
  if (value.kind !== "model") return errorValue;
  const { instance, world } = value;
  if (lacksSizes(cx, instance, span)) return errorValue;
  const leaves = referenceLeaves(cx.elaboration, { kind: "model", instance });
  const [first] = leaves.length === 0 ? declaredIn(cx, instance) : [];
  if (first) needShape(cx.elaboration, [...instance.path, ...first], span);
  else if (leaves.length === 0) {
    return fail(cx, {
      code: "M0304",
      title: `\`${pathText(instance.path)}\` has no parameters, so it stands for no tensors`,
      at: span,
    });
  }
  const tensors = [];
  for (const leaf of leaves) {
    const now = valueNow({ ...cx, world }, leaf, span, instance.path);
    if (now.kind !== "tensor") return errorValue;
    tensors.push({ path: leaf.path.slice(instance.path.length), value: now });
  }
  return first ? errorValue : { kind: "tensors", instance, tensors };
}

/** True where a call has shaped all tensors that a model declares; else the first that is missing is asked for. */
export function isShaped(cx: Context, { instance, tensors }: TensorsValue, span: Span): boolean {
  const open = declaredIn(cx, instance).find((path) => !tensors.some((t) => samePath(t.path, path)));
  if (open) needShape(cx.elaboration, [...instance.path, ...open], span);
  return open === undefined;
}

/** How many entries there are in all. */
export function entriesOf({ tensors }: TensorsValue): number {
  return tensors.reduce((n, { value }) => n + sizeOf(shapeOf(value.dims)), 0);
}

/** A part of what was made of a model's tensors: one of them, or those of a sub-model. Undefined where there is none of that name; the
 *  error value where a call that comes later may shape it. */
export function partOf(cx: Context, { instance, tensors }: TensorsValue, name: string, span: Span): Value | undefined {
  const own = tensors.filter(({ path }) => path[0] === name).map(({ path, value }) => ({ path: path.slice(1), value }));
  const child = instance.children.get(name);
  if (own.length > 0) return child ? { kind: "tensors", instance: child, tensors: own } : own[0]!.value;
  const declared = declaredIn(cx, instance).find(([first]) => first === name);
  if (!declared) return undefined;
  needShape(cx.elaboration, [...instance.path, ...declared], span);
  return errorValue;
}
