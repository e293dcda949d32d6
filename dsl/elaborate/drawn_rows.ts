// Which rows does a task draw? Classes of a table, and rows of each or of a whole table: all splits of one task draw together, so that
// no two share a row. What is drawn is planned before the run, where a class with too few rows is named.
import type { Builder } from "../../runtime/ir/builder.ts";
import { sizeOf, type Variable } from "../../runtime/ir/types.ts";
import { type ClassesMember, isEach, type RowsMember, type SplitMember, type TaskItem } from "../syntax/ast.ts";
import { expressionText } from "../format/expression_text.ts";
import type { Label } from "../diagnostics/diagnostic.ts";
import { count } from "../text/words.ts";
import { evaluate } from "../world/evaluator.ts";
import { fail } from "../world/report.ts";
import { taskOf } from "../world/moments.ts";
import { describeValue, errorValue } from "../world/values.ts";
import type { Context, RecordValue, Value } from "../world/world.ts";
import type { ClassNumbers, ClassTable, TensorValue } from "../world/value_kinds.ts";
import { toTensor } from "./arithmetic.ts";
import { classArray, classTable } from "./class_tables.ts";
import type { DrawName } from "./draw_keys.ts";
import { rangedBelow } from "./drawn_integers.ts";
import { drawDistinct } from "./draws.ts";
import { shareRows } from "./parts.ts";
import { requireInteger } from "./sizes.ts";
import { countRows, fieldNamed, takeRows } from "./table_rows.ts";

/** The classes of a task. */
interface PlannedClasses {
  readonly member: ClassesMember;
  readonly table: RecordValue;
  readonly groups: ClassTable;
  readonly count: number;
}

/** A table of which splits draw, and how many rows all of them need: of each class, where it is drawn by classes. */
interface Pool {
  readonly table: RecordValue;
  readonly classes: PlannedClasses | undefined;
  /** As the task calls it. */
  readonly text: string;
  /** How many there are to draw from, those of `before` too. */
  readonly rows: number;
  /** Of rows of the whole table: those of its classes that are drawn first, and not again. */
  before: Pool | undefined;
  needed: number;
}

/** What one split draws: so many rows (of each class), behind those of the splits before it. */
interface PlannedSplit {
  readonly member: RowsMember;
  readonly pool: Pool;
  readonly count: number;
  readonly from: number;
}

/** What a task draws of tables. */
export interface RowPlan {
  readonly classes: PlannedClasses | undefined;
  readonly splits: ReadonlyMap<SplitMember, PlannedSplit>;
}

/** True for a task that draws of tables. */
export function drawsRows({ members }: TaskItem): boolean {
  return members.some((m) => m.kind === "Classes" || m.kind === "Split" && rowsOf(m) !== undefined);
}

/** What a split draws of a table. */
export function rowsOf({ members }: SplitMember): RowsMember | undefined {
  return members.find((m) => m.kind === "Rows");
}

/** What the task that a context stands in draws of tables. Undefined when wrong (reported). */
export function planRows(cx: Context, item: TaskItem): RowPlan | undefined {
  const chosen = item.members.find((m) => m.kind === "Classes");
  const classes = chosen && planClasses(cx, chosen);
  if (chosen && !classes) return undefined;
  const pools: Pool[] = [];
  const splits = new Map<SplitMember, PlannedSplit>();
  for (const split of item.members) {
    const member = split.kind === "Split" ? rowsOf(split) : undefined;
    if (!member) continue;
    const number = requireInteger(cx, member.count, "the number of rows", 1);
    const pool = number === undefined ? undefined : poolOf(cx, pools, member, classes);
    if (number === undefined || !pool) return undefined;
    splits.set(split as SplitMember, { member, pool, count: number, from: pool.needed });
    pool.needed += number;
  }
  const ofClasses = pools.find((pool) => pool.classes);
  for (const pool of pools) {
    if (pool !== ofClasses && pool.table.table === ofClasses?.table.table) pool.before = ofClasses;
  }
  return pools.every((pool) => hasEnough(cx, pool, splits)) ? { classes, splits } : undefined;
}

/** What a plan means, a line for each thing that is drawn. */
export function planTexts({ classes, splits }: RowPlan): string[] {
  const lines: string[] = [];
  if (classes) {
    const { groups: { values, least, most }, table, member, count: drawn } = classes;
    const rows = least === most ? count(most, "row") : `${least} to ${most} rows`;
    const field = `${table.name}.${member.by.name}`;
    lines.push(`${drawn} of the ${count(values.length, "class", "classes")} of ${field}, which have ${rows} each`);
  }
  for (const [split, { count: drawn, pool }] of splits) {
    const others = pool.before ? "other " : "";
    const of = pool.classes ? "each" : `the ${count(leftOf(pool), `${others}row`)} of ${pool.table.name}`;
    lines.push(`${split.name.name}: ${pool.classes ? count(drawn, "row") : drawn} of ${of}`);
  }
  return lines;
}

/** The classes that `classes 5 of pool by character` draws. Undefined when wrong (reported). */
function planClasses(cx: Context, member: ClassesMember): PlannedClasses | undefined {
  const number = requireInteger(cx, member.count, "the number of classes", 1);
  const table = tableOf(cx, member.of, "classes");
  if (number === undefined || !table || countRows(cx, table, member.of.span, "classes") === undefined) return undefined;
  const { name, span: at } = member.by;
  const field = fieldNamed(cx, table, member.by);
  if (!field) return undefined;
  const declared = [{ span: table.span, message: "declared here" }];
  const value = toTensor(cx, field, "int");
  if (value.kind === "error") return undefined;
  if (value.variable.dtype !== "i32" && value.variable.dtype !== "bool" || value.dims.length !== 1) {
    return void fail(cx, {
      code: "M0304",
      title: `Classes are told by one whole number for each row, and \`${table.name}.${name}\` is ${
        describeValue(value)
      }`,
      at,
      secondary: declared,
    });
  }
  const groups = classTable(cx, table, name);
  if (!groups) {
    return void fail(cx, {
      code: "M0602",
      title: `Classes must be known before the run, and \`${table.name}.${name}\` is drawn or learned`,
      at,
      secondary: declared,
      hint: "draw by a field of numbers that a file, a script or the program itself says",
    });
  }
  if (groups.values.length >= number) return { member, table, groups, count: number };
  return void fail(cx, {
    code: "M0602",
    title: `\`${taskOf(cx.world)!.definition.name}\` draws ${
      count(number, "class", "classes")
    }, and \`${table.name}.${name}\` has ${count(groups.values.length, "different value")}`,
    at: member.count.span,
    secondary: [...declared, ...givenBy(cx)],
  });
}

/** The clause that gives the task what it draws of. */
function givenBy({ frames }: Context): Label[] {
  return frames.map(({ callee, span }) => ({ span, message: `\`${callee}\` is given its table and numbers here` }));
}

/** The table that an expression names. Undefined when it names none (reported). */
function tableOf(cx: Context, of: ClassesMember["of"], what: string): RecordValue | undefined {
  const value = evaluate(cx, of);
  if (value.kind === "error") return undefined;
  if (value.kind === "record" && value.what === "data") return value;
  return void fail(cx, {
    code: "M0203",
    title: `${what === "rows" ? "Rows" : "Classes"} are drawn of a table, not of ${describeValue(value)}`,
    at: of.span,
    hint: "name a `data` item, or let the task be given one: `task episode(pool : data) { … }`",
  });
}

/** The table that a split draws of, among those of the task. Undefined when wrong (reported). */
function poolOf(
  cx: Context,
  pools: Pool[],
  member: RowsMember,
  classes: PlannedClasses | undefined,
): Pool | undefined {
  const each = isEach(member.of);
  const table = each ? classes?.table : tableOf(cx, member.of, "rows");
  if (!table) return undefined;
  const text = each ? "each" : expressionText(cx.scope.module.source.text, member.of);
  const same = pools.filter((pool) => pool.table.table === table.table);
  const known = same.find((pool) => (pool.classes !== undefined) === each);
  if (known) return known;
  const others = [...pools.map((pool) => pool.table), ...classes ? [classes.table] : []];
  const common = others.find((o) => o.table !== table.table && shareRows(cx.elaboration, o.table!, table.table!));
  if (common) {
    return void fail(cx, {
      code: "M0602",
      title: `\`${common.name}\` and \`${table.name}\` have rows in common, and splits of a task share none`,
      at: member.span,
      secondary: [{ span: common.span, message: "declared here" }, { span: table.span, message: "declared here" }],
      hint: `draw of parts that share no row: \`split … into a 0.5, b 0.5\``,
    });
  }
  const rows = each ? classes!.groups.least : countRows(cx, table, member.of.span, "rows");
  if (rows === undefined) return undefined;
  const pool: Pool = { table, classes: each ? classes : undefined, text, rows, before: undefined, needed: 0 };
  pools.push(pool);
  return pool;
}

/** How many rows a pool has for its splits. */
function leftOf({ rows, before }: Pool): number {
  return before ? rows - before.needed * before.classes!.count : rows;
}

/** True where no class, or the table, has fewer rows than the splits draw of it. Reports. */
function hasEnough(cx: Context, pool: Pool, splits: RowPlan["splits"]): boolean {
  const { table, classes, needed, rows, before } = pool;
  const left = leftOf(pool);
  if (needed <= left) return true;
  const drawing = [...splits].filter(([, split]) => split.pool === pool);
  const task = taskOf(cx.world)!.definition.name;
  const notes = [`That is ${drawing.map(([{ name }, split]) => `${split.count} for \`${name.name}\``).join(" and ")}`];
  const field = classes && `\`${table.name}.${classes.member.by.name}\``;
  if (classes) {
    const { values, counts } = classes.groups;
    const few = values.flatMap((value, i) => counts[i]! < needed ? [`${value} (${count(counts[i]!, "row")})`] : []);
    const shown = few.length <= 6 ? few.join(", ") : `${few.slice(0, 5).join(", ")} and ${few.length - 5} more`;
    notes.push(`Too few have the value${few.length === 1 ? "" : "s"} ${shown} of ${field}`);
  }
  fail(cx, {
    code: "M0602",
    title: classes
      ? `\`${task}\` needs ${count(needed, "row")} of each class, and one of ${field} has ${rows}`
      : `\`${task}\` needs ${count(needed, "row")} of \`${table.name}\`, which has ${rows}${
        before ? `, of which ${rows - left} are drawn of classes` : ""
      }`,
    at: drawing.at(-1)![1].member.span,
    secondary: [{ span: table.span, message: "declared here" }, ...givenBy(cx)],
    notes,
    hint: `draw at most ${classes ? rows : left} in all: splits of a task share no row`,
  });
  return false;
}

// ------------------------------------------------------------------------------------------------------- as equations

/** The fields of what a split draws, by their names; drawn when one is first read. */
export function drawnFields(
  cx: Context,
  plan: RowPlan,
  split: SplitMember,
  drawn: DrawnRows,
): ReadonlyMap<string, () => Value> {
  const { pool: { table, classes }, member } = plan.splits.get(split)!;
  const { name: task, item } = taskOf(cx.world)!.definition;
  const fields = new Map<string, () => Value>();
  for (const [name, read] of table.members) {
    const place = { name: `${task}.${split.name.name}.${name}`, span: member.span };
    const numbers = classNumbersOf(plan, table, { task: item as TaskItem, split, field: name });
    const declared = numbers ? { ...place, numbers } : place;
    fields.set(name, () => {
      const whole = read();
      if (whole.kind === "error") return errorValue;
      if (name === classes?.member.by.name) return { ...drawn.labels(split), declared };
      const rows = takeRows(cx, whole, drawn.rows(split));
      return rows ? { ...rows, declared } : whole;
    });
  }
  return fields;
}

/** By which numbers a split has the field of the task's classes; undefined for another field, and for one of another table. */
function classNumbersOf(
  { classes, splits }: RowPlan,
  table: RecordValue,
  of: Pick<ClassNumbers, "task" | "split" | "field">,
): ClassNumbers | undefined {
  if (!classes || of.field !== classes.member.by.name || table.table !== classes.table.table) return undefined;
  return { ...of, by: splits.get(of.split)!.pool.classes ? "draw" : "table", classes: classes.count };
}

/** The numbers of rows that splits draw, and of the classes that these belong to: int [rows]. */
export interface DrawnRows {
  readonly rows: (split: SplitMember) => TensorValue;
  readonly labels: (split: SplitMember) => TensorValue;
}

/** Draws the rows of a task, where a context stands, when one is first asked for. */
export function drawRows(cx: Context, { splits }: RowPlan): DrawnRows {
  const { b } = cx;
  const { name: task, module } = taskOf(cx.world)!.definition;
  const named = (what: string): DrawName => ({ module, drawnAs: `${task}: ${what}` });
  const pools = new Map<Pool, Variable>();
  const numbersOf = (pool: Pool): Variable => {
    const known = pools.get(pool);
    if (known) return known;
    const made = pool.classes ? rowsOfClasses(cx, pool, pool.classes, named) : rowsOfTable(pool);
    pools.set(pool, made);
    return made;
  };
  const rowsOfTable = (pool: Pool): Variable => {
    const most = leftOf(pool);
    const { variable } = drawDistinct(cx, [{ size: pool.needed }], { most }, named(`rows of ${pool.text}`));
    if (!pool.before) return variable;
    const taken = numbersOf(pool.before);
    return besides(b, variable, b.reshape(taken, [sizeOf(taken.shape)]));
  };
  const dims = ({ count, pool }: PlannedSplit) => [{ size: count * (pool.classes?.count ?? 1) }];
  return {
    rows: (split) => {
      const planned = splits.get(split)!;
      const { pool, from, count } = planned;
      const all = numbersOf(pool);
      const last = all.shape.length - 1;
      const some = b.one("slice", [all], {
        start: all.shape.map((_, i) => i === last ? from : 0),
        limit: all.shape.map((size, i) => i === last ? from + count : size),
        stride: all.shape.map(() => 1),
      });
      const [dim] = dims(planned);
      return { kind: "tensor", variable: rangedBelow(b.reshape(some, [dim!.size]), rowCount(pool)), dims: [dim!] };
    },
    labels: (split) => {
      const planned = splits.get(split)!;
      const [dim] = dims(planned);
      const labels = Int32Array.from({ length: dim!.size }, (_, i) => Math.floor(i / planned.count));
      const variable = b.literal(labels, { dtype: "i32", shape: [dim!.size] });
      return { kind: "tensor", variable: rangedBelow(variable, planned.pool.classes!.count), dims: [dim!] };
    },
  };
}

/** How many rows a table has. */
function rowCount({ classes, rows }: Pool): number {
  return classes ? classes.groups.counts.reduce((sum, n) => sum + n, 0) : rows;
}

/** Rows of classes: [classes, rows of each], as the table numbers them. */
function rowsOfClasses(
  cx: Context,
  { needed }: Pool,
  { groups, count }: PlannedClasses,
  named: (what: string) => DrawName,
): Variable {
  const { b } = cx;
  const { values, least, most } = groups;
  const classes = drawDistinct(cx, [{ size: count }], { most: values.length }, named("classes")).variable;
  const ofClasses = (name: "starts" | "counts") =>
    b.one("gather", [classArray(cx, groups, name), classes], { axis: 0, batch: 0 });
  const dims = [{ size: count }, { size: needed }];
  const counts = least < most ? { counts: ofClasses("counts"), most } : { most };
  const ranks = drawDistinct(cx, dims, counts, named("rows of each")).variable;
  const starts = b.broadcastTo(b.reshape(ofClasses("starts"), [count, 1]), [count, needed]);
  const places = b.apply("add", starts, ranks);
  return b.one("gather", [classArray(cx, groups, "rows"), places], { axis: 0, batch: 0 });
}

/** Of the numbers that are not among those that are taken, which are all different, the ones at some places (i32, [k]): the number at
 *  place r has as many taken ones before it as there are whose own number, less those that are taken before them, is at most r. */
function besides(b: Builder, places: Variable, taken: Variable): Variable {
  const [k, n] = [places.shape[0]!, taken.shape[0]!];
  const down = (x: Variable, across: number) => b.broadcastTo(b.reshape(x, [x.shape[0]!, 1]), [x.shape[0]!, across]);
  const along = (x: Variable, rows: number) => b.broadcastTo(b.reshape(x, [1, n]), [rows, n]);
  const countOf = (found: Variable) => b.sum(b.convert(found, "i32"), [1]);
  const before = countOf(b.apply("lt", along(taken, n), down(taken, n)));
  const least = b.apply("sub", taken, before);
  return b.apply("add", places, countOf(b.apply("le", along(least, k), down(places, n))));
}
