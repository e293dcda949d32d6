// How does an objective L depend on what its loops evolve, at every time? dL / d(w@t) for all t: the derivatives for zeros that are
// added there.
import type { Variable } from "../../runtime/ir/types.ts";
import type { TrajectoryQuantity } from "../../runtime/program/program.ts";
import type { Draft } from "../elaborate/functions.ts";
import type { CheckedLoop, Context } from "../world/world.ts";
import type { Loop } from "../world/loop.ts";
import { shapeOf } from "../world/values.ts";
import { enterWorld } from "../world/moments.ts";

/** Writes the derivatives of an objective for everything that the loops evolve which it runs directly. */
export function lowerSensitivities(
  { cx, b, world }: Draft,
  { name, runs, objective }: {
    readonly name: string;
    readonly runs: readonly CheckedLoop[];
    readonly objective: (inside: Context) => Variable;
  },
): { outputs: Variable[]; quantities: TrajectoryQuantity[] } {
  const request = b.openGradient(`${name}.sensitivity`);
  const quantities: TrajectoryQuantity[] = [];
  const disturbed = new Map<Loop, Map<string, Variable>>();
  for (const run of new Map(runs.filter((r) => !r.around).map((r) => [r.loop, r])).values()) {
    const own = new Map<string, Variable>();
    for (const leaf of run.leaves) {
      const type = { dtype: cx.elaboration.precision, shape: [run.steps + 1, ...shapeOf(leaf.dims)] };
      own.set(leaf.name, request.wrt(b.fill(0, type)));
      quantities.push({ name: `${name}.sensitivity[${leaf.name}]`, loop: run.loop.name, type });
    }
    disturbed.set(run.loop, own);
  }
  const inside = enterWorld(world, { b: request.body, disturbed });
  return { outputs: [...request.close([objective({ ...cx, world: inside, b: request.body })]).gradients], quantities };
}
