// What are the fields of a `data` item? Inline values as expressions, columns of a file or arrays from the host as inputs.
import type { DataField, DataItem, Expression, NameExpression } from "../syntax/ast.ts";
import type { Definition, Module } from "../modules/modules.ts";
import { hintAt } from "../diagnostics/hints.ts";
import { fail, moduleScope } from "../world/report.ts";
import { fieldOf } from "./row_origins.ts";
import { isPart, partRecord } from "./parts.ts";
import { bindingValue } from "./tasks.ts";
import { rangeOf, setRange } from "../../runtime/ir/ranges.ts";
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Context, Elaboration, Value } from "../world/world.ts";
import type { Dim } from "../world/value_kinds.ts";
import { outermost } from "../world/moments.ts";
import { errorValue } from "../world/values.ts";
import { topName } from "./models.ts";
import { namesInScope } from "./scope_names.ts";
import { evaluateSize, tooLarge } from "./sizes.ts";
import { entryOfArray } from "../../runtime/program/given_arrays.ts";

/** A data item as a value: its fields, read when first asked for. */
export function dataRecord(cx: Context, definition: Definition): Value {
  const item = definition.item as DataItem;
  if (isPart(item)) return partRecord(cx, definition);
  const name = item.name.name;
  const members = new Map<string, () => Value>();
  for (const field of item.fields) {
    const qualified = `${name}.${field.name.name}`;
    members.set(field.name.name, () => {
      const key = dataKey(cx.elaboration, definition.module, item, field);
      const array = cx.elaboration.data.get(key);
      if (array) {
        const dims = declaredDims({ ...cx, scope: moduleScope(definition.module) }, field, array.shape);
        if (!dims) return errorValue;
        const given = cx.world.consumer.input({ kind: "data", name: key });
        const range = cx.elaboration.dataRanges.get(key);
        if (range) setRange(given, range);
        // rows of it are taken first, and converted then (`simplify.ts`)
        const variable = array.dtype === "u8" ? cx.b.convert(given, "i32") : given;
        const declared = { name: qualified, span: field.name.span };
        return fieldOf(item, { kind: "tensor", variable, dims: dims as Dim[], declared });
      }
      if (!field.value) {
        // what could not be loaded was reported then; else it is being loaded now
        return cx.elaboration.sink.hasErrors ? errorValue : fail(cx, {
          code: "M0210",
          title: `\`${qualified}\` is not known where the sizes of data are read`,
          at: field.type?.span ?? field.span,
          hint: "name the size by an `input` or a number, or write `_` for as many as there are",
        });
      }
      const root = outermost(cx.world);
      const at = { ...cx, world: root, b: root.b, scope: moduleScope(definition.module), batch: undefined };
      const value = bindingValue(at, field, qualified, true);
      nameEntries(root.b, value, qualified);
      return fieldOf(item, value);
    });
  }
  return { kind: "record", name, what: "data", table: item, span: item.name.span, members };
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

function isUnknown(cx: Context, size: Expression): size is NameExpression {
  return size.kind === "Name" && size.name !== "" && !cx.scope.module.unresolved.has(size.name) &&
    !namesInScope(cx).includes(size.name);
}

function unknownSize(cx: Context, { name, span }: NameExpression): undefined {
  return void fail(cx, {
    code: "M0201",
    title: `There is no \`${name}\``,
    at: span,
    hint: hintAt("value", name, namesInScope(cx)) ??
      `write \`_\` for as many as there are, or define it: \`let ${name} = 100\``,
  });
}

/** The axes that a field declares; undefined for `_` unless `actual` says how many there are. Undefined when wrong (reported). */
export function declaredDims(
  cx: Context,
  field: DataField,
  actual: readonly number[] = [],
): readonly (Dim | undefined)[] | undefined {
  let wrong = false;
  const dims = (field.type?.sizes ?? []).map((size, axis) => {
    if (isFree(size)) return actual[axis] === undefined ? undefined : { size: actual[axis] };
    const dim = isUnknown(cx, size) ? unknownSize(cx, size) : evaluateSize(cx, size);
    wrong ||= !dim;
    return dim;
  });
  if (wrong) return undefined;
  const known = dims.filter((dim) => dim !== undefined);
  return tooLarge(cx, known, field.type?.span ?? field.span) ? undefined : dims;
}
