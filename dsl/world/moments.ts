// Where in the nest of worlds does something stand? Entering a world, and what is known of those around it.
import type { Context, Local, LoopWindow, QuantitiesNow, TaskInstance, Training, Value, World } from "./world.ts";
import type { TensorValue } from "./value_kinds.ts";
import type { Loop } from "./loop.ts";
import type { Variable } from "../../runtime/ir/types.ts";

/** The window that a loop is run in where a world stands. It is of what is differentiated there: a step in between, of another loop,
 *  runs the loop for itself. */
export function windowOf(world: World, loop: Loop): LoopWindow | undefined {
  let between = false;
  for (let w: World | undefined = world; w; w = w.parent) {
    if (w.window?.loop === loop) return between ? undefined : w.window;
    if (w.owns.size > 0) between = !w.owns.has(loop);
  }
  return undefined;
}

/** A world inside another: equal to it where nothing is said. */
export function enterWorld(parent: World, inside: Partial<Omit<World, "parent" | "consumer" | "lets">>): World {
  return {
    parent,
    consumer: parent.consumer,
    b: inside.b ?? parent.b,
    values: inside.values ?? new Map(),
    initials: inside.initials ?? new Map(),
    starts: inside.starts ?? new Map(),
    owns: inside.owns ?? new Set(),
    runs: inside.runs ?? new Map(),
    begun: new Map(),
    lets: new Map(),
    ...(inside.task ? { task: inside.task } : {}),
    ...(inside.training ? { training: inside.training } : {}),
    ...(inside.time ? { time: inside.time } : {}),
    ...(inside.step ? { step: inside.step } : {}),
    ...(inside.metaStep ? { metaStep: inside.metaStep } : {}),
    ...(inside.beginning ? { beginning: true } : {}),
    ...(inside.disturbed ? { disturbed: inside.disturbed } : {}),
    ...(inside.window ? { window: inside.window } : {}),
    ...(inside.now ? { now: inside.now } : {}),
    ...(inside.state ? { state: inside.state } : {}),
    ...(inside.standing ? { standing: inside.standing } : {}),
  };
}

/** What a world is given where the objective of a loop is gone down by a step. */
export const goneDown = (loop: Loop): { readonly owns: World["owns"]; readonly training: Training } => ({
  owns: new Set([loop]),
  training: { loop, next: new Map() },
});

/** Where the run of a loop began that a world is a step of; undefined where that is not written yet. */
export function begunAt(world: World, loop: Loop): ReadonlyMap<string, TensorValue> | undefined {
  for (let w: World | undefined = world; w; w = w.parent) if (w.begun.has(loop)) return w.begun.get(loop);
  return undefined;
}

/** The innermost task that a world is in. */
export function taskOf(world: World): TaskInstance | undefined {
  for (let w: World | undefined = world; w; w = w.parent) if (w.task) return w.task;
  return undefined;
}

/** The world that draws belong to: that of the task, of the meta-step of a nested outer, or the outermost. */
export function drawingWorld(world: World): World {
  let w = world;
  while (!w.task && !w.metaStep && w.parent) w = w.parent;
  return w;
}

/** Where what is there from the beginning of a task is evaluated. It matters where the task is kept: what it begins with is then drawn
 *  once, and a model that is called later draws anew at every meta-step. */
export function beginningOf(world: World): World {
  return drawingWorld(world).task?.fixed ? enterWorld(world, { beginning: true }) : world;
}

/** What is known of a loop before the step whose `until` a world stands in. */
export function quantitiesNow(world: World, loop: Loop): QuantitiesNow | undefined {
  for (let w: World | undefined = world; w; w = w.parent) if (w.now?.loop === loop) return w.now;
  return undefined;
}

/** The world of the whole function. */
export function outermost(world: World): World {
  let w = world;
  while (w.parent) w = w.parent;
  return w;
}

/** True when a loop's parameters have a value now. */
export function ownsNow(world: World, loop: Loop): boolean {
  for (let w: World | undefined = world; w; w = w.parent) if (w.owns.has(loop)) return true;
  return false;
}

/** The innermost loop whose step a world is in. */
export function loopAround(world: World): Loop | undefined {
  for (let w: World | undefined = world; w; w = w.parent) for (const loop of w.owns) return loop;
  return undefined;
}

/** What is added to the parameters of a loop that a function runs directly. */
export function disturbanceOf(world: World, loop: Loop): ReadonlyMap<string, Variable> | undefined {
  for (let w: World | undefined = world; w; w = w.parent) {
    if (w.owns.size > 0) return undefined;
    if (w.disturbed) return w.disturbed.get(loop);
  }
  return undefined;
}

/** The same place with more names. */
export function withLocals(cx: Context, locals: ReadonlyMap<string, Local>): Context {
  return { ...cx, scope: { module: cx.scope.module, parent: cx.scope, locals } };
}

/** A local whose value is known. */
export function known(value: Value): Local {
  return { value: () => value };
}

/** A local computed when first read; reading it while it is computed calls `onCycle`. */
export function lazily(
  compute: () => Value,
  onCycle: () => Value,
): Local {
  let state: "new" | "busy" | "done" = "new";
  let value: Value;
  return {
    value: () => {
      if (state === "done") return value;
      if (state === "busy") return onCycle();
      state = "busy";
      value = compute();
      state = "done";
      return value;
    },
  };
}
