// What is an objective evaluated in, across tasks? A scope for each task, and the mean over them.
import { type Builder, newVariable } from "../../runtime/ir/builder.ts";
import { sizeOf, type Variable } from "../../runtime/ir/types.ts";
import type { InputSlot } from "../../runtime/program/program.ts";
import { fail } from "../world/report.ts";
import type { Across, Context, TaskInstance, World } from "../world/world.ts";
import type { GivenField } from "../world/value_kinds.ts";
import type { NamedAcross } from "../world/loop.ts";
import { requireInteger, withinLimit } from "../elaborate/sizes.ts";
import { argumentsGiven, newTask, taskArguments } from "../elaborate/task_arguments.ts";
import { openTask } from "../elaborate/tasks.ts";
import { enterWorld, loopAround } from "../world/moments.ts";

/** Reads an `across` clause where a context stands. Undefined when wrong (reported). */
export function readCount(
  cx: Context,
  clause: NamedAcross,
): Across | undefined {
  const n = requireInteger(cx, clause.count, "the number of tasks", 1);
  if (n === undefined) return undefined;
  const asks = `this is across ${n} tasks at a time`;
  if (!withinLimit(cx, "tasks", { count: n, asks, at: clause.count.span })) return undefined;
  if (!taskArguments(cx, clause)) return undefined;
  const { mostTasks = Infinity } = cx.elaboration.instance;
  return { clause, count: Math.min(n, mostTasks), fixed: clause.fixed };
}

/** A stretch of a function that is done for every task: the world of one, and the outputs of all. */
export interface TaskScope {
  readonly cx: Context;
  /** The outputs, stacked [tasks, …]. */
  readonly close: (outputs: readonly Variable[]) => readonly Variable[];
}

/** Enters the tasks that a function is across. Without tasks the outputs get an axis of size 1 all the same. */
export function openTasks(cx: Context, across: Across | undefined): TaskScope {
  const { b, world } = cx;
  if (!across) {
    return { cx, close: (outputs) => outputs.map((x) => b.reshape(b.resolve(x), [1, ...x.shape])) };
  }
  const { clause: { definition }, count } = across;
  if (world.consumer.dry) {
    const index = newInput(b);
    const given = (field: GivenField) => {
      if (loopAround(world)) refuseGiven(cx, field);
      return b.input(field);
    };
    const slice = (stacked: Variable) => b.input({ dtype: stacked.dtype, shape: stacked.shape.slice(1) });
    const inside = enterTask(cx, across, { index, given, slice });
    return {
      cx: { ...cx, world: inside },
      close: (outputs) => outputs.map((x) => b.input({ dtype: x.dtype, shape: [count, ...x.shape] })),
    };
  }
  const scope = b.openMap(definition.name, count);
  const index = scope.slice(b.one("iota", [], { type: { dtype: "i32", shape: [count] }, axis: 0 }));
  const slice = (stacked: Variable) => scope.slice(b.resolve(stacked));
  const given = (field: GivenField) => slice(world.consumer.input(taskSlot(cx, across, field, 0, count)));
  const inside = enterTask(cx, across, { index, given, slice }, scope.body);
  return { cx: { ...cx, world: inside, b: scope.body }, close: (outputs) => scope.close(outputs) };
}

/** A host function makes tasks between meta-steps, not inside a compiled loop. */
function refuseGiven(cx: Context, field: GivenField): void {
  fail(cx, {
    code: "M0701",
    title: `\`${field.name}\` is given by the host, which an outer loop inside another does not yet support`,
    at: field.span,
  });
}

/** Enters one task by its number. */
export function openOneTask(cx: Context, across: Across | undefined, number: number): Context {
  if (!across) return cx;
  const { b, world } = cx;
  const index = b.fill(number, { dtype: "i32", shape: [] });
  const given = (field: GivenField) =>
    b.reshape(world.consumer.input(taskSlot(cx, across, field, number, 1)), field.shape);
  const slice = (stacked: Variable) => b.row(stacked, number);
  return { ...cx, world: enterTask(cx, across, { index, given, slice }) };
}

/** A task of which nothing is computed, to look at what it is made of: where its members stand. Undefined when the clause gives it
 *  what it does not take (reported). */
export function lookAtTask(cx: Context, clause: NamedAcross): Context | undefined {
  if (!taskArguments(cx, clause)) return undefined;
  const { b } = cx;
  const parts = {
    index: b.input({ dtype: "i32", shape: [] }),
    given: (field: GivenField) => b.input(field),
    slice: (stacked: Variable) => b.input({ dtype: stacked.dtype, shape: stacked.shape.slice(1) }),
  };
  return openTask(cx.elaboration, taskWorld(cx, { clause, count: 1, fixed: false }, parts, b));
}

/** The world of one task, with what can be read of it. */
function enterTask(
  cx: Context,
  across: Across,
  parts: Pick<TaskInstance, "index" | "given" | "slice">,
  b = cx.world.b,
): World {
  const inside = taskWorld(cx, across, parts, b);
  openTask(cx.elaboration, inside);
  return inside;
}

function taskWorld(
  cx: Context,
  { clause, count, fixed }: Across,
  parts: Pick<TaskInstance, "index" | "given" | "slice">,
  b: Builder,
): World {
  return enterWorld(cx.world, { b, task: newTask(cx, clause, { ...parts, count, fixed }) });
}

/** What `count` tasks from number `first` on give to a function as one field. */
function taskSlot(cx: Context, across: Across, field: GivenField, first: number, count: number): InputSlot {
  const { consumer } = cx.world;
  return {
    kind: "task",
    name: field.name,
    path: field.path,
    task: across.clause.definition.name,
    args: argumentsGiven(cx, across.clause),
    consumer: consumer.name,
    first,
    type: { dtype: field.dtype, shape: [count, ...field.shape] },
    perStep: consumer.metaStep !== undefined,
    fixed: across.fixed,
    origin: field.span,
  };
}

function newInput(b: Builder): Variable {
  return b.input(newVariable({ dtype: "i32", shape: [] }));
}

/** The mean over the first axis. */
export function meanOverTasks(b: Builder, stacked: Variable): Variable {
  const total = b.sum(stacked, [0]);
  return b.apply("div", total, b.fill(sizeOf([stacked.shape[0]!]), total));
}
