// Which states that models hold does a loop move, and can it? Its objective's calls move them; some ways to differentiate know nothing of
// them.
import { placeOf, statesOf } from "../elaborate/models.ts";
import { resolveReference } from "../elaborate/references.ts";
import type { Direction, Loop } from "../world/loop.ts";
import { fail, firstTime, insideLoop } from "../world/report.ts";
import type { Context, LeafDeclaration } from "../world/world.ts";
import { solvesStep } from "./estimators.ts";

/** The states of the models, and parts of models, that a loop evolves. */
export function heldStates(cx: Context, loop: Loop): LeafDeclaration[] {
  const references = loop.rules.flatMap((rule) => rule.references).map((e) =>
    resolveReference(insideLoop(cx, loop), e)
  );
  const found = references.flatMap((reference) =>
    typeof reference === "object" && reference.kind === "model" ? statesOf(reference.instance) : []
  );
  return [...new Set(found)];
}

/** True where a loop can move the states that models hold, and does. Reports. */
export function canHold(
  cx: Context,
  loop: Loop,
  { held, moved, direction }: {
    readonly held: readonly LeafDeclaration[];
    readonly moved: ReadonlySet<string>;
    readonly direction: Direction;
  },
): boolean {
  const [first] = held;
  if (!first) return true;
  if (loop.kind === "outer") return refuseRunByAnother(cx, loop, first);
  const at = insideLoop(cx, loop);
  const { kind, span } = loop.through;
  const secondary = [{ span: placeOf(cx.elaboration, first), message: `\`${first.name}\` is a state` }];
  if (direction.kind === "es") {
    fail(at, {
      code: "M0701",
      title: `A model with a state in what samples of \`${loop.name}\` are taken of is not yet supported`,
      at: loop.objective.span,
      secondary,
      hint: "differentiate the loop that it runs, such as by `through unroll()`",
    });
    return false;
  }
  if (kind === "finite_difference" || kind === "implicit" && !solvesStep(loop)) {
    fail(at, {
      code: "M0701",
      title: `\`${kind}\` of a loop that moves the state of a model is not yet supported`,
      at: span!,
      secondary,
      hint: "write `through implicit(solver = fixed_point)`, which goes by the whole step, or `through unroll()`",
    });
    return false;
  }
  tellOfStill(cx, loop, held, moved);
  return true;
}

/** Each run of such an outer would have states of its own. */
function refuseRunByAnother(cx: Context, loop: Loop, { name }: LeafDeclaration): false {
  fail(insideLoop(cx, loop), {
    code: "M0701",
    title: `An outer that another loop runs, over a model with a state itself, is not yet supported: \`${name}\``,
    at: loop.item.name.span,
    hint: "let an `inner` evolve the model, or use a layer without one, such as `batch_norm()`",
  });
  return false;
}

/** Tells of a state that no call in what a loop minimizes moves. */
export function tellOfStill(
  cx: Context,
  loop: Loop,
  held: readonly LeafDeclaration[],
  moved: Pick<ReadonlySet<string>, "has">,
): void {
  const still = held.find((leaf) => !moved.has(leaf.name));
  if (still && firstTime(cx.elaboration, `${loop.name} moves ${still.name}`)) {
    cx.elaboration.sink.report({
      code: "W0401",
      title: `\`${still.name}\` stays as it starts: nothing that \`${loop.name}\` minimizes calls its model`,
      at: loop.objective.span,
      secondary: [{ span: placeOf(cx.elaboration, still), message: "a training call would move this state" }],
      hint: "call the model as it stands at the step: a call at a time, as `net@0(x)`, reads its states only",
    });
  }
}
