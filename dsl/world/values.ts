// What sizes has a value, and how is it described? Texts and sizes of what `world.ts` defines.
import type { RecordValue, Value } from "./world.ts";
import type { Dim, ErrorValue, ShapeValue, StaticValue } from "./value_kinds.ts";
import { hyperparameterPath } from "./loop.ts";
import { pathText } from "../syntax/paths.ts";

/** The one error value. */
export const errorValue: ErrorValue = { kind: "error" };

/** Sizes of dims. */
export function shapeOf(dims: readonly Dim[]): number[] {
  return dims.map((d) => d.size);
}

/** More axes than these are counted in messages, not listed. */
const mostNamedAxes = 12;

/** `[K, 40]`: how a shape is shown. */
export function formatDims(dims: readonly Dim[]): string {
  const words = (some: readonly Dim[]) => some.map((d) => d.name ?? String(d.size)).join(", ");
  return dims.length <= mostNamedAxes
    ? `[${words(dims)}]`
    : `[${words(dims.slice(0, 4))}, … ${words(dims.slice(-1))}] of ${dims.length} axes`;
}

/** `K` is 10 and `n` is 3: what the names in shapes stand for, as a note; nothing when there are none. */
export function namedSizes(...shapes: readonly (readonly Dim[])[]): string[] {
  const named = new Map<string, number>();
  for (const dim of shapes.flat()) if (dim.name !== undefined) named.set(dim.name, dim.size);
  if (named.size === 0) return [];
  const facts = [...named].map(([name, size]) => `\`${name}\` is ${size}`);
  return [`Here ${facts.slice(0, -1).join(", ")}${facts.length > 1 ? " and " : ""}${facts.at(-1)}`];
}

/** A value's type in a few words, for messages. */
export function describeValue(value: Value): string {
  switch (value.kind) {
    case "static":
      return value.type === "bool" ? "a bool" : "a number";
    case "tensor": {
      const type = value.variable.dtype === "i32" ? "int " : value.variable.dtype === "bool" ? "bool " : "";
      return value.dims.length === 0 ? `${type === "" ? "a " : `an ${type}`}scalar` : type + formatDims(value.dims);
    }
    case "shape":
      return value.single ? "a size" : `[${value.dims.length}]`;
    case "literal":
      return formatDims(value.dims);
    case "distribution":
      return "a distribution";
    case "record":
      return value.what === "data" ? `the data \`${value.name}\`` : `the ${value.what} \`${value.name}\``;
    case "model":
      return `the model \`${pathText(value.instance.path)}\``;
    case "tensors":
      return `one array for each tensor of \`${pathText(value.instance.path)}\``;
    case "loop":
      return `the loop \`${value.loop.name}\``;
    case "hyperparameter":
      return `the hyperparameter \`${pathText(hyperparameterPath(value.loop, value.declared))}\``;
    case "function":
      return `the function \`${value.item.name.name}\``;
    case "error":
      return "an error";
  }
}

/** What to write where an array is wanted and a model stands, what was made of its tensors, or what has parts by name; nothing for
 *  other values. */
export function arrayHint(value: Value): string | undefined {
  if (value.kind === "record") return partsHint(value);
  if (value.kind !== "model" && value.kind !== "tensors") return undefined;
  const end = "make one number of all its entries with `sum`, `mean`, `max`, `min` or `norm`";
  return value.kind === "tensors" ? end : `call it, or ${end}`;
}

/** So many parts are named in a hint. */
const mostNamedParts = 4;

/** The parts of what has parts, as a program reads them; of a task none is an array. */
function partsHint({ name, what, members }: RecordValue): string | undefined {
  if (what === "task" || members.size === 0) return undefined;
  const object = what === "result of" ? `${name}(…)` : name;
  const parts = [...members.keys()].map((part) => `\`${object}.${part}\``);
  if (parts.length > mostNamedParts) return `say which part, such as ${parts[0]}`;
  return parts.length === 1
    ? `write ${parts[0]}`
    : `say which part: ${parts.slice(0, -1).join(", ")} or ${parts.at(-1)}`;
}

/** `low .. high` as a program writes it. */
export function formatRange(low: number, high: number): string {
  const text = (x: number) => x === Infinity ? "inf" : x === -Infinity ? "-inf" : String(x);
  return `${text(low)} .. ${text(high)}`;
}

/** A number known now. */
export function staticNumber(value: number, type: StaticValue["type"] = Number.isInteger(value) ? "int" : "float") {
  return { kind: "static", type, value } as const;
}

/** True for the size of one axis as a number. */
export function isSingleSize(value: Value): value is ShapeValue & { readonly single: true } {
  return value.kind === "shape" && value.single === true;
}

/** The numbers of a value, as far as they are known now. */
export function numbersOf(value: Value): readonly number[] {
  if (value.kind === "static") return [value.value];
  if (value.kind === "shape") return shapeOf(value.dims);
  return value.kind === "literal" ? value.numbers : [];
}
