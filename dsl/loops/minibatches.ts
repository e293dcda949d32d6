// What does `batch 64 of train` change? Wherever the objective of one step is evaluated, in models and functions too, the fields
// of the table are rows drawn from it: the same rows of every field. What was computed from the whole table and still has a row
// for each of its rows has no place there.
import type { BatchClause } from "../syntax/ast.ts";
import { drawIntegers } from "../elaborate/draws.ts";
import { fail, firstTime } from "../world/report.ts";
import { evaluate } from "../world/evaluator.ts";
import type { Loop } from "../world/loop.ts";
import { count } from "../text/words.ts";
import { countRows, takeRows } from "../elaborate/table_rows.ts";
import { drawEachOnce, mostShuffledRows, type StepsMade } from "../elaborate/shuffled_rows.ts";
import { InternalError } from "../../runtime/errors.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type { Batch, Context, RecordValue, Value, World } from "../world/world.ts";
import type { Table, TensorValue } from "../world/value_kinds.ts";
import { wholeSteps } from "../elaborate/steps.ts";
import { isWarm } from "./standing.ts";
import { requireInteger } from "../elaborate/sizes.ts";
import type { Span } from "../text/source.ts";
import { describeValue, errorValue } from "../world/values.ts";
import { type Path, pathText } from "../syntax/paths.ts";

/** Evaluates the objective of one step of a loop where its batch, if it takes one, is what is read of the table; the step of an
 *  outer loop is the meta-step. Rows are drawn uniformly and anew at every step, with replacement
 *  but where the clause says `each once`. Undefined when wrong (reported),
 *  as when nothing reads the batch. */
export function withBatch<T>(cx: Context, loop: Loop, objective: (cx: Context) => T | undefined): T | undefined {
  const { batch: clause } = loop;
  if (!clause) return objective({ ...cx, batch: undefined });
  const batch = openBatch({ ...cx, batch: undefined }, loop, clause);
  const value = batch && objective({ ...cx, batch });
  if (value === undefined || !batch || batch.fields.size > 0) return value;
  const { name } = batch.table.name;
  return void fail(cx, {
    code: "M0313",
    title: `Nothing that \`${loop.name}\` evaluates reads the rows of \`${name}\`, so a batch of it changes nothing`,
    at: clause.span,
    secondary: [{ span: loop.objective.value.span, message: `no rows of \`${name}\` are read here` }],
    notes: [
      "A `let` is computed once, from the whole table; loops that run inside see it whole, or a batch of their own",
    ],
    hint: `leave out \`batch\`, or read a field of \`${name}\` here or in a \`fn\` or a model that is called here`,
  });
}

/** A table as it is read where a context stands: the rows of the batch, if one is taken of it. */
export function readTable(cx: Context, whole: RecordValue): RecordValue {
  const { batch } = cx;
  if (!batch || whole.table !== batch.table) return whole;
  const members = new Map<string, () => Value>();
  for (const [name, read] of whole.members) {
    members.set(name, () => {
      const known = batch.fields.get(name);
      if (known) return known;
      const field = read();
      const rows = takeRows({ ...cx, b: batch.b }, field, batch.rows);
      if (rows) batch.fields.set(name, rows);
      return rows ?? field;
    });
  }
  return { ...whole, members };
}

/** A value that was computed from whole tables, as it is read where a context stands: not where a batch is taken of a table whose
 *  rows it still counts (reported, once for each loop). `path` is how it is read. */
export function readWhole(cx: Context, value: Value, path: Path, span: Span): Value {
  const { batch } = cx;
  if (!batch || !countsRows(value, batch.table)) return value;
  const { loop } = batch;
  const name = pathText(path);
  if (!firstTime(cx.elaboration, `rows of ${name} in ${loop.name}`)) return errorValue;
  const table = `\`${batch.table.name.name}\``;
  return fail(cx, {
    code: "M0312",
    title: `\`${name}\` has a value for each row of the whole table ${table}, and \`${loop.name}\` reads a batch of it`,
    at: span,
    label: value.kind === "tensor" ? describeValue(value) : "",
    secondary: [{ span: batch.clause.span, message: count(batch.rows.dims[0]!.size, "row") }],
    hint: path.length > 1
      ? `make it a field of ${table}`
      : `make it a field of ${table}, or a \`fn ${name}() = …\`, which reads the rows of the batch where it is called`,
  });
}

/** True for a value with an axis that counts the rows of a table. */
function countsRows(value: Value, table: Table): boolean {
  switch (value.kind) {
    case "tensor":
    case "literal":
      return value.dims.some((d) => d.rows?.includes(table));
    case "shape":
      return value.rows?.includes(table) ?? false;
    default:
      return false;
  }
}

const ofTable = "write `batch 64 of train`, where `train` is a split or a `data` item";

function openBatch(cx: Context, loop: Loop, clause: BatchClause): Batch | undefined {
  const size = requireInteger(cx, clause.size, "the batch size", 1);
  if (clause.of.kind !== "Name" && clause.of.kind !== "Member") {
    if (clause.of.kind !== "Missing") {
      fail(cx, {
        code: "M0203",
        title: "A batch is taken of a table by its name",
        at: clause.of.span,
        hint: ofTable,
      });
    }
    return undefined;
  }
  const whole = evaluate(cx, clause.of);
  if (whole.kind === "error" || size === undefined) return undefined;
  if (whole.kind !== "record" || !whole.table) {
    return void fail(cx, {
      code: "M0203",
      title: `A batch is taken of a split or a \`data\` item, not of ${describeValue(whole)}`,
      at: clause.of.span,
      hint: clause.of.kind === "Member" && clause.of.object.kind === "Name"
        ? `write \`of ${clause.of.object.name}\`: rows are drawn of all its fields together`
        : ofTable,
    });
  }
  const rows = countRows(cx, whole, clause.of.span, "a batch");
  if (rows === undefined) return undefined;
  const drawn = clause.once ? eachOnce(cx, loop, clause, { size, rows }) : drawIntegers(
    cx,
    [{ size, name: "batch" }],
    rows,
    { module: loop.module, drawnAs: `${loop.name}.batch` },
  );
  if (!drawn) return undefined;
  return { loop, clause, table: whole.table, rows: drawn, b: cx.b, fields: new Map() };
}

/** The rows of a step of a loop that goes through all rows of a table before it comes to one again. Undefined when wrong (reported). */
function eachOnce(
  cx: Context,
  loop: Loop,
  clause: BatchClause,
  { size, rows }: { readonly size: number; readonly rows: number },
): TensorValue | undefined {
  if (size > rows || rows > mostShuffledRows) {
    return void fail(cx, {
      code: "M0301",
      title: size > rows
        ? `\`${loop.name}\` takes batches of ${count(size, "row")}, each once, of a table of ${rows}`
        : `Batches that take each row once are of at most ${mostShuffledRows} rows, and these are ${rows}`,
      at: clause.span,
      hint: size > rows
        ? `take at most ${rows}; without \`each once\` rows are drawn with replacement`
        : "leave out `each once`: rows are drawn with replacement",
    });
  }
  const name = { module: loop.module, drawnAs: `${loop.name}.batch each once` };
  return drawEachOnce(cx, { rows, size, step: () => stepsMade(cx, loop), name });
}

/** Which of its steps a loop is at where its objective is evaluated. One that goes on from meta-step to meta-step goes on with its
 *  epochs too. */
function stepsMade(cx: Context, loop: Loop): StepsMade {
  const { b, world } = cx;
  let [now, metaStep]: (Variable | undefined)[] = [];
  for (let w: World | undefined = world; w && !metaStep; w = w.parent) {
    if (w.step?.name === loop.name) now ??= w.step.number;
    metaStep = w.metaStep?.number;
  }
  metaStep ??= world.consumer.metaStep;
  if (loop.kind === "outer") return { now: metaStep ?? b.fill(0, { dtype: "i32", shape: [] }) };
  if (!now) throw new InternalError(`A batch of \`${loop.name}\` outside of its steps`);
  const steps = metaStep && isWarm(loop) ? wholeSteps(cx, loop) : undefined;
  return { now, before: metaStep && steps !== undefined ? { metaStep, steps } : undefined };
}
