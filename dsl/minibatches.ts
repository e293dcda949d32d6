// What does `batch 64 of train` change? For one step, the name stands for rows drawn from it: the same rows of every field.
import type { Builder } from "../runtime/ir/builder.ts";
import type { BatchClause } from "./ast.ts";
import { drawInto } from "./draws.ts";
import { fail } from "./elaboration.ts";
import { evaluate } from "./expressions.ts";
import type { Loop } from "./loops.ts";
import { requireInteger } from "./sizes.ts";
import {
  describeValue,
  type Dim,
  errorValue,
  formatDims,
  type RecordValue,
  staticNumber,
  type TensorValue,
  type Value,
} from "./values.ts";
import { type Context, known, type Local, stepOf } from "./world.ts";

/** The batch of the present step under the name it is taken of; the step of an outer loop is the meta-step. Rows are drawn
 *  uniformly and with replacement, by (seed, loop, task, meta-step, step): two steps differ, two runs do not. Undefined when
 *  wrong (reported). */
export function batchLocals(
  cx: Context,
  loop: Loop,
  clause: BatchClause,
): Map<string, Local> | undefined {
  const size = requireInteger(cx, clause.size, "the batch size", 1);
  if (clause.of.kind !== "Name") {
    if (clause.of.kind !== "Missing") {
      fail(cx, {
        code: "M0203",
        title: "A batch is taken of a table by its name",
        at: clause.of.span,
        hint: "write `batch 64 of train`, where `train` is a split or a `data` item",
      });
    }
    return undefined;
  }
  const whole = evaluate(cx, clause.of);
  if (whole.kind === "error" || size === undefined) return undefined;
  if (whole.kind !== "record" || whole.what === "task") {
    fail(cx, {
      code: "M0203",
      title: `A batch is taken of a split or a \`data\` item, not of ${describeValue(whole)}`,
      at: clause.of.span,
    });
    return undefined;
  }
  const rows = rowsOf(cx, clause, whole);
  if (rows === undefined) return undefined;
  const indices = drawRows(cx, loop, clause, { size, rows });
  if (!indices) return undefined;
  const members = new Map<string, () => Value>();
  for (const [name, read] of whole.members) members.set(name, () => takeRows(cx.b, read(), indices));
  return new Map([[clause.of.name, known({ ...whole, members })]]);
}

/** The number of rows that all fields share. Undefined when they do not (reported). */
function rowsOf(cx: Context, clause: BatchClause, whole: RecordValue): number | undefined {
  let first: { readonly name: string; readonly dims: readonly Dim[] } | undefined;
  for (const [name, read] of whole.members) {
    const value = read();
    if (value.kind === "error") return undefined;
    if (value.kind !== "tensor" || value.dims.length === 0) continue;
    first ??= { name, dims: value.dims };
    if (value.dims[0]!.size === first.dims[0]!.size) continue;
    fail(cx, {
      code: "M0305",
      title: `The fields of \`${whole.name}\` do not have the same rows: \`${first.name}\` is ${
        formatDims(first.dims)
      } and \`${name}\` is ${formatDims(value.dims)}`,
      at: clause.of.span,
      secondary: [{ span: whole.span, message: "declared here" }],
    });
    return undefined;
  }
  if (first && first.dims[0]!.size > 0) return first.dims[0]!.size;
  fail(cx, { code: "M0203", title: `\`${whole.name}\` has no rows to take a batch of`, at: clause.of.span });
  return undefined;
}

function drawRows(
  cx: Context,
  loop: Loop,
  clause: BatchClause,
  { size, rows }: { readonly size: number; readonly rows: number },
): TensorValue | undefined {
  const dims: Dim[] = [{ size, name: "batch" }];
  const uniform: Value = {
    kind: "distribution",
    description: "uniform",
    computed: false,
    make: () => ({ kind: "family", family: "uniform", a: staticNumber(0), b: staticNumber(rows) }),
  };
  const step = stepOf(cx.world);
  const name = { module: loop.module, name: `${loop.name}.batch`, ...(step ? { sample: step.number } : {}) };
  const drawn = drawInto(cx, uniform, dims, name, clause.span);
  if (!drawn) return undefined;
  const { b } = cx;
  // rounding can give `rows` itself
  const last = b.fill(rows - 1, { dtype: "i32", shape: [size] });
  return { kind: "tensor", variable: b.apply("min", b.convert(drawn.variable, "i32"), last), dims };
}

function takeRows(b: Builder, value: Value, indices: TensorValue): Value {
  if (value.kind !== "tensor" || value.dims.length === 0) return value.kind === "error" ? errorValue : value;
  const variable = b.one("gather", [value.variable, indices.variable], { axis: 0, batch: 0 });
  return { ...value, variable, dims: [indices.dims[0]!, ...value.dims.slice(1)] };
}
