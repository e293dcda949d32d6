// Does something move the states that models hold? A loop that evolves the whole model does; elsewhere they stay as they start.
import { evolvesWhole } from "../elaborate/ownership.ts";
import { placeOf } from "../elaborate/models.ts";
import { pathText } from "../syntax/paths.ts";
import type { Elaboration } from "../world/world.ts";

/** Tells of each model whose states no loop moves. */
export function checkHeldStates(el: Elaboration): void {
  const said = new Set<string>();
  for (const leaf of el.leaves.values()) {
    const model = pathText(leaf.path.slice(0, -1));
    const moves = [...el.loops.values()].some((loop) => evolvesWhole(el, loop, leaf.path));
    if (!leaf.state || said.has(model) || moves) continue;
    said.add(model);
    el.sink.report({
      code: "W0401",
      title: `\`${leaf.name}\` stays as it starts: no loop evolves \`${model}\` as a whole`,
      at: placeOf(el, leaf),
      hint: `evolve it by \`over ${model}\`, or leave the state out`,
    });
  }
}
