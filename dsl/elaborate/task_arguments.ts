// What is a task given? The values of `across 4 episode(known, shots = 5)`, by the names of `task episode(pool : data, shots : int = 1)`:
// numbers, lists, distributions, functions and tables, and what is computed where the clause stands.
import type { Formal, TaskItem } from "../syntax/ast.ts";
import type { Span } from "../text/source.ts";
import { expressionText } from "../format/expression_text.ts";
import { fail, moduleScope } from "../world/report.ts";
import type { Context, Local, TaskInstance, Value } from "../world/world.ts";
import { numberTypes } from "../modules/declarations.ts";
import type { Definition } from "../modules/modules.ts";
import type { NamedAcross } from "../world/loop.ts";
import { isSingleSize, numbersOf, shapeOf } from "../world/values.ts";
import type { TaskArgument } from "../../runtime/program/program.ts";
import type { Builder } from "../../runtime/ir/builder.ts";
import { sizeOf, type Variable } from "../../runtime/ir/types.ts";
import { known } from "../world/moments.ts";
import { bindArguments } from "./arguments.ts";
import { describeKnown } from "./sizes.ts";
import { valueOfType } from "./tasks.ts";

/** What a task is given by an `across` clause. Undefined when wrong (reported). */
export function taskArguments(cx: Context, clause: NamedAcross): ReadonlyMap<string, Local> | undefined {
  const { definition, module, args, task } = clause;
  const { formals } = definition.item as TaskItem;
  if (!formals) {
    return !args ? new Map() : void fail(cx, {
      code: "M0302",
      title: `\`${task.name}\` takes no arguments`,
      at: task.span,
      hint: `write \`across 25 ${task.name}\`, or give it some: \`task ${task.name}(shots : int = 1) { … }\``,
    });
  }
  const outside: Context = { ...cx, scope: moduleScope(module), batch: undefined, frames: [] };
  const bound = bindArguments(outside, task.name, formals, args ?? [], task.span, definition.module);
  if (!bound) return undefined;
  const positional = (args ?? []).filter((a) => !a.name);
  const locals = new Map<string, Local>();
  for (const [i, formal] of formals.entries()) {
    const { name } = formal.name;
    const given = (args ?? []).find((a) => a.name?.name === name) ?? positional[i];
    const value = asArgument(outside, formal, bound.get(name)!.value(), {
      what: `\`${name}\` of \`${task.name}\``,
      at: (given?.value ?? formal.default!).span,
      scope: { ...outside, scope: { module: definition.module, parent: undefined, locals: bound } },
    });
    if (!value) return undefined;
    locals.set(name, known(value));
  }
  return locals;
}

/** What a function of a script is told of them: numbers, truth values, arrays, and tables by their names; not what is drawn from or
 *  called. */
export function argumentsGiven(cx: Context, clause: NamedAcross): Readonly<Record<string, TaskArgument>> {
  const told = [...taskArguments(cx, clause) ?? []].flatMap(([name, local]): [string, TaskArgument][] => {
    const value = local.value();
    const argument = value.kind === "record" ? value.name : numbersTold(cx, value);
    return argument === undefined ? [] : [[name, argument]];
  });
  return Object.fromEntries(told);
}

/** A number, or an array with its shape; undefined for what is neither. */
function numbersTold({ b }: Context, value: Value): TaskArgument | undefined {
  if (value.kind === "static") return value.type === "bool" ? value.value !== 0 : value.value;
  if (isSingleSize(value)) return numbersOf(value)[0];
  if (value.kind === "shape") return { shape: [value.dims.length], data: numbersOf(value) };
  if (value.kind === "literal") return { shape: shapeOf(value.dims), data: numbersOf(value) };
  return value.kind === "tensor" ? constantOf(b, value.variable) : undefined;
}

/** An array that stands in the program, or one number of it repeated. */
function constantOf(b: Builder, variable: Variable): TaskArgument | undefined {
  let equation = b.producer(variable);
  while (equation?.op === "convert" || equation?.op === "broadcast" && sizeOf(equation.inputs[0]!.shape) === 1) {
    equation = b.producer(equation.inputs[0]!);
  }
  if (equation?.op !== "constant") return undefined;
  const { data } = equation.params;
  const size = sizeOf(variable.shape);
  return { shape: variable.shape, data: Array.from({ length: size }, (_, i) => data[data.length === 1 ? 0 : i]!) };
}

/** A task with nothing drawn yet, as a clause has it. `openTask` fills in what can be read. */
export function newTask(
  cx: Context,
  clause: NamedAcross,
  parts: Omit<TaskInstance, "definition" | "text" | "args" | "frames" | "splits">,
): TaskInstance {
  const { definition, task } = clause;
  const frames = clause.args ? [{ callee: task.name, span: task.span }] : [];
  const args = taskArguments(cx, clause) ?? new Map();
  return { ...parts, definition, text: taskText(clause), args, frames, splits: new Map() };
}

/** The task as an `across` clause has it: `episode(known, shots = 5)`. */
export function taskText({ task, args, module }: NamedAcross): string {
  const { text } = module.source;
  const list = args?.map(({ name, value }) => `${name ? `${name.name} = ` : ""}${expressionText(text, value)}`);
  return list ? `${task.name}(${list.join(", ")})` : task.name;
}

/** `across 25 sinusoid`: a clause that draws a task, for hints. */
export function exampleAcross({ name, item }: Definition): string {
  const needs = (item as TaskItem).formals?.some((formal) => !formal.default);
  return `across 25 ${name}${needs ? "(…)" : ""}`;
}

interface Place {
  readonly what: string;
  readonly at: Span;
  /** Where the sizes of the declared type are evaluated. */
  readonly scope: Context;
}

/** A value as the task's own list declares it. Undefined when it is no such value (reported). */
function asArgument(cx: Context, { type, span }: Formal, value: Value, place: Place): Value | undefined {
  if (value.kind === "error") return undefined;
  const { what, at } = place;
  const word = type?.dtype?.name ?? (type ? "float" : undefined);
  const refuse = (wanted: string, hint?: string) =>
    void fail(cx, {
      code: "M0304",
      title: `${what} is ${wanted}, given ${describeKnown(value)}`,
      at,
      secondary: [{ span, message: "declared here" }],
      hint,
    });
  const isTable = value.kind === "record" && value.what === "data";
  if (word === "data") return isTable ? value : refuse("a table", "hand over a `data` item by its name");
  if (word === undefined) {
    if (isTable || ["static", "shape", "literal", "tensor", "distribution", "function"].includes(value.kind)) {
      return value;
    }
    return refuse("a number, a list, a distribution, a function or a table");
  }
  // another word was reported with the declarations
  if (!numberTypes.includes(word)) return undefined;
  if (type!.sizes && type!.sizes.length > 0) {
    const array = valueOfType(place.scope, value, type!, { name: what, at });
    return array.kind === "error" ? undefined : array;
  }
  if (value.kind === "tensor" && value.dims.length === 0 && word !== "int") {
    const fits = (value.variable.dtype === "bool") === (word === "bool");
    return fits ? value : refuse(word === "bool" ? "true or false" : "a number");
  }
  const number = value.kind === "static" ? value : isSingleSize(value) ? value : undefined;
  const fits = number !== undefined &&
    (number.kind === "shape" ? word !== "bool" : (number.type === "bool") === (word === "bool"));
  if (word === "int") {
    const whole = number?.kind === "shape" || number?.kind === "static" && Number.isSafeInteger(number.value);
    const cure = "hand over a number, an `input` or a `let` of numbers: it is known before the run";
    return fits && whole ? number : refuse("a whole number", value.kind === "tensor" ? cure : undefined);
  }
  return fits ? number : refuse(word === "bool" ? "true or false" : "a number");
}
