// How is the gradient of an objective written? As a request that the runtime expands, backwards or forwards; or, for evolution
// strategies, as the objective at many perturbed values: no derivative at all.
import type { Direction } from "../world/loop.ts";
import type { Context } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { enterWorld } from "../world/moments.ts";
import { type Differentiated, entered, type WithGradients } from "./differentiated.ts";
import { lastingStrategy } from "./lasting_samples.ts";
import { evolutionStrategy, windowStrategy } from "./samples.ts";

/** Writes an objective with its gradient. */
export function differentiate(cx: Context, direction: Direction, objective: Differentiated): WithGradients {
  if (direction.kind === "es") {
    const { windows, lasting } = direction;
    if (windows) return windowStrategy(cx, { ...direction, windows }, objective);
    // elsewhere than in a meta-step, samples begin where the loop stands
    return lasting && objective.lasting
      ? lastingStrategy(cx, { ...direction, lasting }, objective, objective.lasting)
      : evolutionStrategy(cx, direction, objective);
  }
  const request = cx.b.openGradient(objective.name);
  const initials = new Map<string, TensorValue>();
  for (const leaf of objective.leaves) {
    const value = objective.value(leaf);
    initials.set(leaf.name, { ...value, variable: request.wrt(value.variable) });
  }
  const world = enterWorld(cx.world, { b: request.body, ...entered(objective, initials) });
  const outputs = objective.write({ ...cx, world, b: request.body });
  return request.close(outputs, direction.kind);
}
