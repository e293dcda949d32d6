// What are the fields of a `data` item? Inline values as expressions, columns of a file or arrays from the host as inputs.
import type { DataField, DataItem, Expression, NameExpression } from "../syntax/ast.ts";
import type { Definition, Module } from "../modules/modules.ts";
import { fail, moduleScope } from "../world/report.ts";
import { fieldOf } from "./row_origins.ts";
import { isPart, partRecord } from "./parts.ts";
import { bindingValue } from "./tasks.ts";
import { asData } from "../../runtime/program/data_memory.ts";
import { rangeOf, rangeOfData, setRange } from "../../runtime/ir/ranges.ts";
import { dependsOnItself } from "../diagnostics/messages.ts";
import { visit } from "../syntax/paths.ts";
import { openNow } from "./known_arrays.ts";
import { type Builder, writingApart } from "../../runtime/ir/builder.ts";
import type { Context, Elaboration, Local, Scope, Value } from "../world/world.ts";
import type { Dim } from "../world/value_kinds.ts";
import { whereGiven } from "./sources.ts";
import { describeValue, errorValue } from "../world/values.ts";
import { topName } from "./models.ts";
import { evaluateSize, isUnknown, tooLarge, unknownSize } from "./sizes.ts";
import { entryOfArray } from "../../runtime/program/given_arrays.ts";

/** A data item as a value: its fields, read when first asked for. */
export function dataRecord(cx: Context, definition: Definition): Value {
  const item = definition.item as DataItem;
  if (isPart(item)) return partRecord(cx, definition);
  const members = membersOf(cx, definition);
  return { kind: "record", name: item.name.name, what: "data", table: item, span: item.name.span, members };
}

type Members = ReadonlyMap<string, () => Value>;

function membersOf(cx: Context, definition: Definition): Members {
  const { fields } = definition.item as DataItem;
  return new Map(fields.map((field) => [field.name.name, () => fieldValue(cx, definition, field)]));
}

/** A field: what was read for it, what stands in the program, or what is computed of others. */
function fieldValue(cx: Context, definition: Definition, field: DataField): Value {
  const item = definition.item as DataItem;
  const { elaboration: el } = cx;
  const qualified = `${item.name.name}.${field.name.name}`;
  const key = dataKey(el, definition.module, item, field);
  const computed = isComputed(item, field);
  if (computed && !el.data.has(key) && !el.computed.has(field)) {
    el.computed.add(field);
    writingApart(() => computeOnce(el, definition, field));
  }
  const array = el.data.get(key);
  if (array) {
    const at = { ...cx, scope: moduleScope(definition.module) };
    const dims = field.type ? declaredDims(at, field, array.shape) : array.shape.map((size) => ({ size }));
    if (!dims) return errorValue;
    const given = cx.world.consumer.input({ kind: "data", name: key });
    const range = el.dataRanges.get(key);
    if (range) setRange(given, range);
    // rows of it are taken first, and converted then (`simplify.ts`)
    const variable = array.dtype === "u8" ? cx.b.convert(given, "i32") : given;
    const declared = { name: qualified, span: field.name.span };
    return fieldOf(item, { kind: "tensor", variable, dims: dims as Dim[], declared });
  }
  if (!field.value) {
    // what could not be loaded was reported then; else it is being loaded now
    return el.sink.hasErrors ? errorValue : fail(cx, {
      code: "M0210",
      title: `\`${qualified}\` is not known where the sizes of data are read`,
      at: field.type?.span ?? field.span,
      hint: "name the size by an `input` or a number, or write `_` for as many as there are",
    });
  }
  if (el.said.has(field)) return errorValue;
  if (el.busy.has(field)) {
    // of a circle one is told
    for (const each of item.fields) if (el.busy.has(each)) el.said.add(each);
    return fail(cx, dependsOnItself(qualified, field.name.span));
  }
  el.busy.add(field);
  const value = whereGiven(cx, (at) => {
    const scope = computed ? fieldScope(definition, field, membersOf(at, definition)) : moduleScope(definition.module);
    const value = bindingValue({ ...at, scope, batch: undefined }, field, qualified, true);
    if (!computed) nameEntries(at.b, value, qualified);
    return value;
  });
  el.busy.delete(field);
  return computed ? perRow(cx, item, field, value) : fieldOf(item, value);
}

// ----------------------------------------------------------------------------------------------------- computed fields

/** True for a field that is made of others: `z = (x - mean(x, axis = 0)) / 2`. */
function isComputed(item: DataItem, { name, value, how }: DataField): boolean {
  if (!value || how !== "=") return false;
  const others = new Set(item.fields.flatMap((each) => each.name.name === name.name ? [] : [each.name.name]));
  let reads = false;
  visit(value, (e) => reads ||= e.kind === "Name" && others.has(e.name));
  return reads;
}

/** What a computed field sees: the other fields by their names, then what the file sees. */
function fieldScope({ module }: Definition, { name }: DataField, members: Members): Scope {
  const others = [...members].filter(([other]) => other !== name.name);
  const locals = new Map(others.map(([other, value]): [string, Local] => [other, { value }]));
  return { module, parent: undefined, locals };
}

/** A computed field, which has a value for each row of its table; else batches and parts would take some of its entries for rows. */
function perRow(cx: Context, item: DataItem, { name }: DataField, value: Value): Value {
  if (value.kind !== "tensor" && value.kind !== "literal" || value.dims[0]?.rows?.includes(item)) return value;
  const called = `${item.name.name}.${name.name}`;
  return fail(cx, {
    code: "M0304",
    title: `\`${called}\` has no value for each row: it is ${describeValue(value)}`,
    at: name.span,
    hint: `define it beside the table: \`let ${name.name} = …\`, with fields as \`${item.name.name}.x\``,
  });
}

/** Computes a field once, of the whole table, where all that it is made of is known: then it is data as what is read. */
function computeOnce(el: Elaboration, definition: Definition, field: DataField): void {
  const now = openNow(el, moduleScope(definition.module));
  const table = dataRecord(now.cx, definition);
  const value = table.kind === "record" ? table.members.get(field.name.name)!() : table;
  const made = value.kind === "tensor" ? now.known(value) : undefined;
  if (made === undefined || typeof made === "string") return;
  const array = asData(made);
  const item = definition.item as DataItem;
  const key = dataKey(el, definition.module, item, field);
  el.data.set(key, array);
  if (array.dtype !== "i32") return;
  const name = `${item.name.name}.${field.name.name}`;
  const source = { name, data: array.data, where: entryOfArray(array.shape, `\`${name}\``) };
  el.dataRanges.set(key, { ...rangeOfData(array.data), source });
}

/** Has the integers of a field that stands in the program know where they stand. One number alone may be that of others, too. */
function nameEntries(b: Builder, value: Value, name: string): void {
  const made = value.kind === "tensor" && value.variable.dtype === "i32" ? b.producer(value.variable) : undefined;
  const equation = made?.op === "convert" ? b.producer(made.inputs[0]!) : made;
  if (equation?.op !== "constant" || equation.params.data.length === 1) return;
  const { type, data } = equation.params;
  const [variable] = made!.outputs;
  setRange(variable!, {
    ...rangeOf(variable!),
    source: { name, data, where: entryOfArray(type.shape, `\`${name}\``) },
  });
}

/** What a field is called among all that is read. */
export function dataKey(el: Elaboration, module: Module, item: DataItem, field: DataField): string {
  return `${topName(el, { name: item.name.name, item, module })}.${field.name.name}`;
}

/** True for the `_` of `x : [_, 3]`: as many as there are. */
function isFree(size: Expression): boolean {
  return size.kind === "Name" && size.name === "_";
}

const asManyAsThereAre = ({ name }: NameExpression) =>
  `write \`_\` for as many as there are, or define it: \`let ${name} = 100\``;

/** The axes that a field declares; undefined for `_` unless `actual` says how many there are. Undefined when wrong (reported). */
export function declaredDims(
  cx: Context,
  field: DataField,
  actual: readonly number[] = [],
): readonly (Dim | undefined)[] | undefined {
  let wrong = false;
  const dims = (field.type?.sizes ?? []).map((size, axis) => {
    if (isFree(size)) return actual[axis] === undefined ? undefined : { size: actual[axis] };
    const dim = isUnknown(cx, size) ? unknownSize(cx, size, asManyAsThereAre(size)) : evaluateSize(cx, size);
    wrong ||= !dim;
    return dim;
  });
  if (wrong) return undefined;
  const known = dims.filter((dim) => dim !== undefined);
  return tooLarge(cx, known, field.type?.span ?? field.span) ? undefined : dims;
}
