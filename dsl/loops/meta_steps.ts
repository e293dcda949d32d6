// How far is an outer loop? `train.t`, in its own objective `t`, and for what is computed before, during and after it.
import type { Variable } from "../../runtime/ir/types.ts";
import { setRange } from "../../runtime/ir/ranges.ts";
import { stepsOf } from "../elaborate/steps.ts";
import type { Span } from "../text/source.ts";
import type { Loop } from "../world/loop.ts";
import { errorValue, staticNumber } from "../world/values.ts";
import type { Context, Value, World } from "../world/world.ts";
import { runsHere } from "./loops.ts";

/** `train.t`: the number of meta-steps that an outer has made; 0 where nothing has run yet. */
export function metaStepsMade(cx: Context, loop: Loop, span: Span): Value {
  const { consumer } = cx.world;
  const tensor = (variable: Variable): Value => ({ kind: "tensor", variable, dims: [] });
  for (let w: World | undefined = cx.world; w; w = w.parent) {
    if (w.owns.has(loop) && w.metaStep) return tensor(w.metaStep.number);
  }
  if (consumer.metaStep && consumer.outer === loop) return tensor(consumer.metaStep);
  if (!runsHere(cx, loop, span)) return errorValue;
  cx.elaboration.asked.set(loop, span);
  if (!consumer.present) return staticNumber(0, "int");
  const made = consumer.input({ kind: "made", name: loop.name });
  const steps = stepsOf(cx, loop);
  if (steps !== undefined) setRange(made, { low: 0, high: steps, attained: false });
  return tensor(made);
}
