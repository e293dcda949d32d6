// How many steps does a loop take where a context stands?
import type { Context } from "../world/world.ts";
import type { Loop } from "../world/loop.ts";
import { windowOf } from "../world/moments.ts";
import { insideLoop } from "../world/report.ts";
import { requireInteger } from "./sizes.ts";
import { instanceSteps } from "../world/instance.ts";

/** The number of steps of a loop where it is used. */
export function stepsOf(cx: Context, loop: Loop): number | undefined {
  return windowOf(cx.world, loop)?.length ?? wholeSteps(cx, loop);
}

export function wholeSteps(cx: Context, loop: Loop): number | undefined {
  const given = cx.world.consumer.steps;
  if (given && (given.loop === undefined || given.loop === loop)) return given.count;
  const at: Context = insideLoop(cx, loop);
  const steps = requireInteger(at, loop.count.count, `the number of steps of \`${loop.name}\``, 1);
  return steps && instanceSteps(cx.elaboration.instance, loop, steps);
}
