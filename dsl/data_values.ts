// What are the fields of a `data` item? Inline values as expressions, columns of a file or arrays from the host as inputs.
import type { DataItem } from "./ast.ts";
import type { Definition } from "./modules.ts";
import { fail, moduleScope } from "./elaboration.ts";
import { dataKey, declaredDims } from "./data.ts";
import { fieldOf } from "./row_origins.ts";
import { bindingValue } from "./tasks.ts";
import { rangeOf, setRange } from "../runtime/ir/ranges.ts";
import type { Builder } from "../runtime/ir/builder.ts";
import { entryOfArray } from "./data_files.ts";
import { type Context, outermost } from "./world.ts";
import { type Dim, errorValue, type RecordValue, type Value } from "./values.ts";

/** A data item as a value: its fields, read when first asked for. */
export function dataRecord(cx: Context, definition: Definition): RecordValue {
  const item = definition.item as DataItem;
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
        const variable = cx.world.consumer.input({ kind: "data", name: key });
        const range = cx.elaboration.dataRanges.get(key);
        if (range) setRange(variable, range);
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
  const equation = value.kind === "tensor" && value.variable.dtype === "i32" ? b.producer(value.variable) : undefined;
  if (equation?.op !== "constant" || equation.params.data.length === 1) return;
  const { type, data } = equation.params;
  const [variable] = equation.outputs;
  setRange(variable!, {
    ...rangeOf(variable!),
    source: { name, data, where: entryOfArray(type.shape, `\`${name}\``) },
  });
}
