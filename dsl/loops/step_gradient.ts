// What does a step of a loop go down that another loop runs? What it minimizes there with its gradient, as the loops in it say.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import { asFloat } from "../elaborate/arithmetic.ts";
import { enterWorld, goneDown } from "../world/moments.ts";
import type { Context, LoopPlan, LoopState } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { differentiate } from "./differentiate.ts";
import type { Differentiated } from "./differentiated.ts";
import { everythingOf } from "./loop_state.ts";
import { evaluateObjective } from "./objective.ts";
import { acrossOf, objectiveWith } from "./outer_objective.ts";
import { meanOfWindows } from "./samples.ts";
import { leftBehind } from "./standing.ts";

/** A step, where a context stands. */
export interface StepAt {
  /** All that the loop has then. */
  readonly now: LoopState;
  readonly t: TensorValue;
}

/** The loss of a step, with its own sign, its gradient downwards, and what else it leaves: of an inner loop the states that models
 *  hold, of an outer where the loops then stand that it moves. */
export function gradientOfStep(at: Context, plan: LoopPlan, step: StepAt) {
  const closed = differentiate(at, plan.direction, differentiated(at, plan, step));
  const loss = downwards(at.b, plan, closed.outputs[0]!);
  return { loss, gradients: closed.gradients, left: closed.outputs.slice(1) };
}

/** The loss of a step alone, with its own sign. */
export function lossOfStep(at: Context, plan: LoopPlan, step: StepAt): Variable {
  const { direction, loop } = plan;
  const objective = differentiated(at, plan, step);
  const windows = direction.kind === "es" ? direction.windows : undefined;
  const inside = loop.kind === "inner" ? { ...at, world: enterWorld(at.world, goneDown(loop)) } : at;
  const loss = windows ? meanOfWindows(at, windows, objective) : objective.write(inside)[0]!;
  return downwards(at.b, plan, loss);
}

/** What the calls of an objective made of the states that models hold: what none moves stays. */
function statesAfter({ b, world }: Context, { leaves }: LoopPlan, now: LoopState): Variable[] {
  return leaves.flatMap((leaf, i) =>
    leaf.state ? [b.resolve((world.training!.next.get(leaf.name) ?? now[i]!.p).variable)] : []
  );
}

const downwards = (inside: Builder, { loop: { objective } }: LoopPlan, value: Variable) =>
  objective.maximize ? inside.apply("neg", value) : value;

/** What is differentiated for a step: the objective downwards, then where the loops end that it moves. */
function differentiated(
  at: Context,
  plan: LoopPlan,
  { now, t }: StepAt,
): Differentiated {
  const { loop, leaves, steps, warm } = plan;
  const own = {
    name: `${loop.name}.loss`,
    at: loop.objective.span,
    leaves: leaves.filter((leaf) => !leaf.state),
    value: (leaf: LoopPlan["leaves"][number]) => now[leaves.indexOf(leaf)]!.p,
  };
  if (loop.kind === "inner") {
    return {
      ...own,
      // where the loop started is not moved
      enter: (values) => ({ values, ...goneDown(loop) }),
      tasks: undefined,
      write: (inside, more = () => []) => {
        const objective = evaluateObjective(inside, loop, inside.world, t, steps)!;
        const loss = downwards(inside.b, plan, asFloat(inside, objective).variable);
        return [loss, ...statesAfter(inside, plan, now), ...more(inside)];
      },
    };
  }
  return {
    ...own,
    tasks: acrossOf(at, loop)?.count,
    others: warm.flatMap((run) => everythingOf(at.world.standing!.get(run.loop)!.state)),
    write: (inside, more = () => []) => {
      const made = objectiveWith(inside, loop, (task) => [
        ...warm.flatMap((run) => everythingOf(leftBehind(task, run))),
        ...more(task),
      ])!;
      return [downwards(inside.b, plan, made.mean), ...made.more];
    },
  };
}
