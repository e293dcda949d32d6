// Where is the field of a task's classes read as numbers of things, and by which numbers? A split that draws of each class has it as the
// classes were drawn, one that draws of the whole table as the table has it. A label, an index or a side of `==` says how many things
// there are; the check looks whether both kinds stand for as many.
import { rangeOf } from "../../runtime/ir/ranges.ts";
import type { Span } from "../text/source.ts";
import type { Context } from "../world/world.ts";
import type { ClassNumbers, TensorValue } from "../world/value_kinds.ts";
import { userPlace } from "../world/report.ts";

/** Notes that integers are read as one of `count` things. A single thing needs no number. */
export function noteNumbers(cx: Context, { declared }: TensorValue, count: number, at: Span): void {
  if (declared?.numbers && count > 1) note(cx, declared.numbers, count, at);
}

/** Notes that of the class numbers of a split some are picked. */
export function notePicked(cx: Context, { declared }: TensorValue, at: Span): void {
  const numbers = declared?.numbers;
  if (numbers?.by === "draw") note(cx, numbers, numbers.classes, at);
}

/** Notes that integers are compared: one side says how many there are for the other. */
export function noteCompared(cx: Context, x: TensorValue, y: TensorValue, at: Span): void {
  const [p, q] = [x, y].map(({ declared }) => declared?.numbers);
  if (p && q && p.by !== q.by) { for (const each of [p, q]) note(cx, each, 0, at); }
  noteNumbers(cx, x, countedBy(y), at);
  noteNumbers(cx, y, countedBy(x), at);
}

/** How many whole numbers from 0 on there may be; 0 where that is not known. */
function countedBy({ variable, declared }: TensorValue): number {
  if (declared?.numbers || variable.dtype !== "i32") return 0;
  const { low, high } = rangeOf(variable);
  return low === 0 && high < 2 ** 31 - 1 ? high + 1 : 0;
}

function note(cx: Context, numbers: ClassNumbers, count: number, at: Span): void {
  const { task, split, by } = numbers;
  const key = `${task.span.source} ${split.name.span.start} ${by} ${count}`;
  const { numbered } = cx.elaboration;
  if (!numbered.has(key)) numbered.set(key, { numbers, count, at: userPlace(cx, at) });
}
