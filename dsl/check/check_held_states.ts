// Does something move the states that models hold? A loop that evolves the whole model does; elsewhere they stay as they start.
import { outersLearning, ownersOf } from "../elaborate/ownership.ts";
import { fail } from "../world/report.ts";
import { placeOf } from "../elaborate/models.ts";
import type { Elaboration } from "../world/world.ts";

/** Tells of each model whose states no loop moves. */
export function checkHeldStates(el: Elaboration): void {
  const said = new Set<string>();
  for (const leaf of el.leaves.values()) {
    const model = leaf.path.slice(0, -1).join(".");
    if (!leaf.state || said.has(model) || ownersOf(el, leaf.path).length > 0) continue;
    said.add(model);
    const [outer] = outersLearning(el, leaf.path, false);
    if (outer) {
      fail({ elaboration: el, frames: [] }, {
        code: "M0701",
        title: `An outer that changes a model with a state itself is not yet supported: \`${leaf.name}\``,
        at: outer.item.name.span,
        secondary: [{ span: leaf.span, message: "this is a state" }],
        hint: "let an `inner` evolve the model, or use a layer without one, such as `batch_norm()`",
      });
    } else {
      el.sink.report({
        code: "W0401",
        title: `\`${leaf.name}\` stays as it starts: no loop evolves \`${model}\` as a whole`,
        at: placeOf(el, leaf),
        hint: `evolve it by \`over ${model}\`, or leave the state out`,
      });
    }
  }
}
