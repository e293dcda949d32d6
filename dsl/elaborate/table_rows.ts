// What are some rows of a table? How many rows its fields share, and the same rows of each.
import { rangeOf, setRange } from "../../runtime/ir/ranges.ts";
import { hintFor } from "../diagnostics/hints.ts";
import type { Identifier } from "../syntax/ast.ts";
import { quoted } from "../text/words.ts";
import { fail } from "../world/report.ts";
import type { Context, RecordValue, Value } from "../world/world.ts";
import type { Dim, TensorValue } from "../world/value_kinds.ts";
import type { Span } from "../text/source.ts";
import { formatDims } from "../world/values.ts";
import { toTensor } from "./arithmetic.ts";
import { withoutRows } from "./row_origins.ts";

/** The number of rows that all fields of a table share. Undefined when they do not (reported); `what`: what is taken of them. */
export function countRows(cx: Context, whole: RecordValue, at: Span, what: string): number | undefined {
  let first: { readonly name: string; readonly dims: readonly Dim[] } | undefined;
  for (const [name, read] of whole.members) {
    const given = read();
    if (given.kind === "error") return undefined;
    const value = toTensor(cx, given);
    if (value.kind !== "tensor" || value.dims.length === 0) continue;
    first ??= { name, dims: value.dims };
    if (value.dims[0]!.size === first.dims[0]!.size) continue;
    return void fail(cx, {
      code: "M0305",
      title: `The fields of \`${whole.name}\` do not have the same rows: \`${first.name}\` is ${
        formatDims(first.dims)
      } and \`${name}\` is ${formatDims(value.dims)}`,
      at,
      secondary: [{ span: whole.span, message: "declared here" }],
    });
  }
  if (first && first.dims[0]!.size > 0) return first.dims[0]!.size;
  return void fail(cx, {
    code: "M0203",
    title: `\`${whole.name}\` has no rows to take ${what} of`,
    at,
  });
}

/** A field of a table by its name. Undefined when it has none of that name (reported). */
export function fieldNamed(cx: Context, table: RecordValue, { name, span: at }: Identifier): Value | undefined {
  const read = table.members.get(name);
  if (read) return read();
  const fields = [...table.members.keys()];
  return void fail(cx, {
    code: "M0201",
    title: `The data \`${table.name}\` has no \`${name}\``,
    at,
    secondary: [{ span: table.span, message: "declared here" }],
    notes: [`It has ${quoted(fields)}`],
    hint: hintFor(name, fields),
  });
}

/** The rows of one field; undefined for a number that the table has beside them, which has none. */
export function takeRows(cx: Context, field: Value, rows: TensorValue): TensorValue | undefined {
  const value = toTensor(cx, field);
  if (value.kind === "error" || value.dims.length === 0) return undefined;
  const variable = cx.b.one("gather", [value.variable, rows.variable], { axis: 0, batch: 0 });
  // every row will be drawn
  setRange(variable, rangeOf(value.variable));
  return { ...value, variable, dims: [rows.dims[0]!, ...withoutRows(value.dims.slice(1))] };
}
