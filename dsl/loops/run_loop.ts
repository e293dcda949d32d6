// How is a loop run where an expression asks for it? Once in each world: gone through where that is checked, and written as that
// check found out.
import type { Span } from "../text/source.ts";
import { fail, topOf } from "../world/report.ts";
import { raising } from "../../runtime/limits.ts";
import type { Loop } from "../world/loop.ts";
import type { Context, LoopRun, World } from "../world/world.ts";
import { readSources, withSources, worldBetween } from "../elaborate/sources.ts";
import { checkLoop } from "./check_loop.ts";
import { lowerLoop } from "./lower_loop.ts";

/** Runs a loop in the world of a context, once. Undefined when wrong (reported). */
export function runLoop(cx: Context, loop: Loop, span: Span): LoopRun | undefined {
  const el = cx.elaboration;
  const { world } = cx;
  for (let w: World | undefined = world; w; w = w.parent) {
    const run = w.runs.get(loop);
    if (run && !worldBetween(world, w, run.sources)) {
      readSources(world.consumer, run.sources);
      return run;
    }
    // what was run outside of a loop's step or of a task does not know the values inside
    if (w.owns.size > 0 || w.task) break;
  }
  if (el.busy.has(loop)) {
    return void fail(cx, { code: "M0210", title: `\`${loop.name}\` depends on its own result`, at: span });
  }
  if (world.consumer.dry && el.work.depth >= el.limits.depth) {
    return void fail(cx, {
      code: "M0311",
      title: `Loops are read by loops more than ${el.limits.depth} deep here`,
      at: loop.item.name.span,
      notes: [raising("depth")],
    });
  }
  el.busy.add(loop);
  el.entered.add(loop);
  el.work.depth++;
  try {
    const at = topOf(cx, world, loop.module);
    const before = world.b.origin;
    world.b.origin = loop.item.name.span;
    const { value: record, sources } = withSources(world.consumer, () => {
      readSources(world.consumer, [loop]);
      const plan = world.consumer.plans.get(loop);
      // a function that shows what is known before the run knows of no loop more than its shapes
      return plan ? lowerLoop(at, plan) : checkLoop(at, loop);
    });
    world.b.origin = before;
    if (!record) return undefined;
    const run: LoopRun = { ...record, sources };
    world.runs.set(loop, run);
    world.consumer.runs.push(run);
    return run;
  } finally {
    el.work.depth--;
    el.busy.delete(loop);
  }
}
