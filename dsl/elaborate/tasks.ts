// What is one task? The draws and values of a `task` definition for one task index and meta-step: made when first read, in
// the world of the task, each under its own name.
import type { Builder } from "../../runtime/ir/builder.ts";
import { largestInt, type Variable } from "../../runtime/ir/types.ts";
import { byteType } from "../modules/declarations.ts";
import { dtypeOf, evaluateType } from "./sizes.ts";
import type { Binding, FunctionItem, LetItem, SplitMember, TaskItem, TypeExpression } from "../syntax/ast.ts";
import { fail } from "../world/report.ts";
import type { Context, Elaboration, Local, RecordValue, Scope, Value, World } from "../world/world.ts";
import type { ErrorValue, TensorValue } from "../world/value_kinds.ts";
import type { Span } from "../text/source.ts";
import { toTensor } from "./arithmetic.ts";
import { evaluate } from "../world/evaluator.ts";
import type { DrawName } from "./draw_keys.ts";
import { drawInto, failDistribution } from "./draws.ts";
import { hintFor } from "../diagnostics/hints.ts";
import { beginningOf, lazily, taskOf } from "../world/moments.ts";
import { drawnFields, drawRows, drawsRows, planRows, rowsOf } from "./drawn_rows.ts";
import { fieldOf, rowsAsIn } from "./row_origins.ts";
import { arrayHint, describeValue, errorValue, formatDims, namedSizes, numbersOf, shapeOf } from "../world/values.ts";
import { type Path, pathText } from "../syntax/paths.ts";
import { dependsOnItself } from "../diagnostics/messages.ts";

/** Gives a task its members, computed inside `world` (whose task it is), and returns where they stand. */
export function openTask(el: Elaboration, world: World): Context {
  const task = world.task!;
  const item = task.definition.item as TaskItem;
  const { module } = task.definition;
  const base: Scope = { module, parent: undefined, locals: task.args };
  const locals = new Map<string, Local>();
  const scope: Scope = { module, parent: base, locals };
  const cx: Context = { elaboration: el, world: beginningOf(world), b: world.b, scope, frames: task.frames };
  for (const member of item.members) {
    if (member.kind !== "Split" && member.kind !== "Classes") {
      locals.set(memberName(member), memberValue(cx, [], member));
    }
  }
  const plan = drawsRows(item) ? planRows(cx, item) : undefined;
  const drawn = plan && drawRows(cx, plan);
  for (const member of item.members) {
    if (member.kind !== "Split") continue;
    const fields = !rowsOf(member) ? new Map() : drawn ? drawnFields(cx, plan, member, drawn) : new AnyField();
    task.splits.set(member.name.name, openSplit(cx, member, fields));
  }
  for (const [name, split] of task.splits) locals.set(name, { value: () => split });
  return cx;
}

function memberName(member: Binding | FunctionItem | LetItem): string {
  return member.name.name;
}

/** Any field may be one of what is drawn: that was wrong (reported). */
class AnyField extends Map<string, () => Value> {
  override get(): () => Value {
    return () => errorValue;
  }
}

/** `fields`: those of the rows that are drawn for it. */
function openSplit(cx: Context, split: SplitMember, fields: ReadonlyMap<string, () => Value>): RecordValue {
  const locals = new Map<string, Local>();
  const inside: Context = { ...cx, scope: { module: cx.scope.module, parent: cx.scope, locals } };
  const members: Map<string, () => Value> = fields instanceof AnyField ? fields : new Map();
  for (const [name, read] of fields) {
    const local = lazily(() => fieldOf(split, read()), () => errorValue);
    locals.set(name, local);
    members.set(name, local.value);
  }
  for (const member of split.members) {
    if (member.kind === "Rows") continue;
    if (fields.has(memberName(member))) {
      fail(cx, {
        code: "M0202",
        title: `\`${memberName(member)}\` is a field of the rows that \`${split.name.name}\` draws`,
        at: member.name.span,
        secondary: [{ span: rowsOf(split)!.span, message: "drawn here" }],
        hint: "choose another name: nothing is overwritten here",
      });
      continue;
    }
    const local = memberValue(inside, [split.name.name], member);
    locals.set(memberName(member), local);
    if (member.kind === "Binding") members.set(memberName(member), () => fieldOf(split, local.value()));
  }
  return { kind: "record", name: split.name.name, what: "split", table: split, span: split.name.span, members };
}

/** `around` is the split that it stands in. */
function memberValue(cx: Context, around: Path, member: Binding | FunctionItem | LetItem): Local {
  const path = [...around, member.name.name];
  const name = pathText([taskOf(cx.world)!.definition.name, ...path]);
  if (member.kind === "Function") {
    return { value: () => ({ kind: "function", item: member, scope: cx.scope }) };
  }
  const compute = (): Value => {
    if (member.kind === "Let") return evaluate(cx, member.value);
    if (!member.value) return givenField(cx, member, name, path);
    return bindingValue(cx, member, name);
  };
  return lazily(
    compute,
    () => fail(cx, dependsOnItself(name, member.name.span)),
  );
}

/** Every host function must be for a task that leaves something to it. */
export function checkHostTasks(el: Elaboration): void {
  const items = el.modules.modules.flatMap((m) => m.program.items).filter((item) => item.kind === "Task");
  const names = items.map((item) => item.name.name);
  for (const name of el.hostTasks) {
    const item = items.find((each) => each.name.name === name);
    const members = (item?.members ?? []).flatMap((m): readonly { readonly kind: string; readonly value?: unknown }[] =>
      m.kind === "Split" ? m.members : [m]
    );
    if (members.some((m) => m.kind === "Binding" && !m.value)) continue;
    el.sink.report({
      code: "M0603",
      title: item
        ? `The task \`${name}\` has no field without a value for its function to give`
        : `The program declares no task \`${name}\``,
      at: item?.name.span ?? { source: el.modules.root.source.name, start: 0, end: 0 },
      hint: item ? "write a field's type only, such as `x : [5, 1]`" : hintFor(name, names),
    });
  }
}

/** The value of a field without one, `x : [5, 784]`: the host gives it. */
function givenField(cx: Context, binding: Binding, qualified: string, path: Path): Value {
  const { given, definition: { name: task } } = taskOf(cx.world)!;
  const { span } = binding.name;
  if (!cx.elaboration.hostTasks.has(task)) {
    return fail(cx, {
      code: "M0405",
      title: `\`${qualified}\` has no value`,
      at: span,
      hint:
        `write \`= …\`, draw it: \`~ normal(0, 1)\`, or hand over a function: \`--tasks FILE.ts\`, compile(…, { tasks: { ${task} } })`,
    });
  }
  const dims = evaluateType(cx, binding.type!);
  if (!dims) return errorValue;
  const dtype = dtypeOf(binding.type!.dtype?.name ?? "float", cx.elaboration.precision);
  if (!dtype) return errorValue; // reported with the declarations
  const variable = given({ name: qualified, path, dtype, shape: shapeOf(dims), span });
  return { kind: "tensor", variable, dims, declared: { name: qualified, span } };
}

/** The value of `name : type = value` or `name : type ~ distribution` where a context stands. */
export function bindingValue(cx: Context, binding: Binding, qualified: string, once = false): Value {
  const span = binding.name.span;
  if (!binding.value) {
    return fail(cx, {
      code: "M0405",
      title: `\`${qualified}\` has no value`,
      at: span,
      hint: "write `= …`, or draw it: `~ normal(0, 1)`",
    });
  }
  const value = evaluate(cx, binding.value);
  if (value.kind === "error") return value;
  const declared = { name: qualified, span };
  if (binding.how === "~") {
    const drawn = drawnValue(cx, binding, value, { module: cx.scope.module, drawnAs: qualified, once });
    return drawn ? { ...drawn, declared } : errorValue;
  }
  if (value.kind === "distribution") return failDistribution(cx, binding);
  if (!binding.type) return value.kind === "tensor" ? { ...value, declared } : value;
  const array = valueOfType(cx, value, binding.type, { name: `\`${qualified}\``, at: binding.value.span });
  return array.kind === "tensor" ? { ...array, declared } : array;
}

/** A value as an array of a declared type. `name`: what is declared so; `at`: where the value is written. */
export function valueOfType(
  cx: Context,
  value: Value,
  type: TypeExpression,
  { name, at }: { readonly name: string; readonly at: Span },
): TensorValue | ErrorValue {
  const dims = evaluateType(cx, type);
  if (!dims) return errorValue;
  const word = type.dtype?.name ?? "float";
  const secondary = [{ span: type.span, message: "declared here" }];
  const tensor = asDeclared(cx, value, word);
  if (tensor.kind === "error") {
    return fail(cx, {
      code: "M0304",
      title: `${name} is declared as ${word} ${formatDims(dims)} and cannot hold ${
        oddEntry(value, word) ?? describeValue(value)
      }`,
      at,
      secondary,
      hint: arrayHint(value),
    });
  }
  const same = tensor.dims.length === dims.length && tensor.dims.every((d, i) => d.size === dims[i]!.size);
  if (same) return { ...tensor, dims: rowsAsIn(dims, tensor.dims) };
  if (tensor.dims.length > 0) {
    return fail(cx, {
      code: "M0305",
      title: `${name} is declared as ${formatDims(dims)}, its value is ${formatDims(tensor.dims)}`,
      at,
      label: formatDims(tensor.dims),
      secondary,
      sizes: namedSizes(dims, tensor.dims),
    });
  }
  return { kind: "tensor", variable: cx.b.broadcastTo(tensor.variable, shapeOf(dims)), dims };
}

/** What is drawn for `name : type ~ distribution`. Undefined when wrong (reported). */
function drawnValue(
  cx: Context,
  { type, value }: Binding,
  distribution: Value,
  name: DrawName,
): TensorValue | undefined {
  const dims = type ? evaluateType(cx, type) : [];
  if (!dims) return undefined;
  return drawInto(cx, distribution, dims, name, value!.span, type);
}

/** A value as an array of a declared type; the error value when it cannot be one (not reported). */
function asDeclared(cx: Context, value: Value, type: string): TensorValue | ErrorValue {
  const numbers = numbersOf(value);
  if (type === byteType) {
    const known = value.kind === "static" || value.kind === "literal" || value.kind === "shape";
    const ints = known && numbers.every(fitting(type)) ? asDeclared(cx, value, "int") : errorValue;
    return ints.kind === "error" ? ints : { ...ints, variable: asBytes(cx.b, ints.variable) };
  }
  if (type === "int") {
    if (value.kind === "static" || value.kind === "literal" || value.kind === "shape") {
      const fits = numbers.every(fitting(type));
      const whole = value.kind === "literal" ? { ...value, type: "int" as const } : value;
      return fits ? toTensor(cx, whole, "int") : errorValue;
    }
    return value.kind === "tensor" && value.variable.dtype === "i32" ? value : errorValue;
  }
  if (type === "bool") {
    if (value.kind === "static" || value.kind === "literal" || value.kind === "shape") {
      if (!numbers.every((n) => n === 0 || n === 1)) return errorValue;
      const tensor = toTensor(cx, value, "float");
      return tensor.kind === "error" ? tensor : { ...tensor, variable: cx.b.convert(tensor.variable, "bool") };
    }
    return value.kind === "tensor" && value.variable.dtype === "bool" ? value : errorValue;
  }
  return toTensor(cx, value, "float");
}

/** Whether a number may stand in what is declared with a type of whole numbers. */
const fitting = (type: string) => (n: number) => {
  if (type === "bool") return n === 0 || n === 1;
  return Number.isInteger(n) && (type === byteType ? n >= 0 && n <= 255 : Math.abs(n) <= largestInt);
};

/** Integers that are known now, kept as bytes, as what is read of them. */
function asBytes(b: Builder, known: Variable): Variable {
  const equation = b.producer(known);
  if (equation?.op !== "constant") return known;
  const { type, data } = equation.params;
  return b.convert(b.literal(Uint8Array.from(data), { ...type, dtype: "u8" }), "i32");
}

/** The first number of a value that is not of a declared type. */
function oddEntry(value: Value, type: string): string | undefined {
  const odd = numbersOf(value).find((n) => !fitting(type)(n));
  return odd === undefined ? undefined : String(odd);
}
