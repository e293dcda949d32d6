// May what goes on from meta-step to meta-step be moved and read by those that do? Only one outer moves a loop, and the others after it;
// what each task has of its own is there in these tasks only.
import type { Span } from "../text/source.ts";
import type { Loop } from "../world/loop.ts";
import { fail } from "../world/report.ts";
import type { CheckedLoop, Elaboration } from "../world/world.ts";
import { isWarm } from "../loops/standing.ts";
import { declaredHere } from "../diagnostics/messages.ts";
import { goesOnFrom, hintToGoOn } from "./check_outer.ts";
import type { CheckedOuter, CheckedProgram } from "./checked_program.ts";

/** Reports two outers that move a loop where neither goes on from the other, and what would begin with other tasks where one stands. */
export function checkStanding(
  el: Elaboration,
  { outers, gradients, evaluations, outputs, simulations }: Pick<
    CheckedProgram,
    "outers" | "gradients" | "evaluations" | "outputs" | "simulations"
  >,
): void {
  const movers = new Map<Loop, CheckedOuter>();
  for (const outer of outers) {
    for (const { loop } of outer.warm) {
      const before = movers.get(loop);
      if (before && !goesOnFrom(el, outer.loop, before.loop)) refuseSecond(el, loop, outer.loop, before.loop);
      else if (before && (before.across || outer.across)) {
        refuseTasks(el, loop, { before, name: `\`${outer.loop.name}\``, at: outer.loop.item.name.span });
      } else movers.set(loop, outer);
    }
  }
  const readers = [
    ...gradients.filter((g) => g.item.after).map((g) => ({ ...g, name: "this gradient", at: g.item.value.span })),
    ...[...evaluations, ...outputs].map((e) => ({ ...e, name: `\`${e.item.name.name}\``, at: e.item.name.span })),
    ...simulations.map((s) => ({ ...s, name: `\`${s.loop.name}\``, at: s.loop.item.name.span })),
  ];
  for (const gradient of gradients.filter((g) => g.item.after)) refuseTwoStarts(el, gradient, movers);
  for (const { runs, name, at } of readers) {
    for (const { loop } of runs.filter(beginsThere)) {
      const before = movers.get(loop);
      if (before?.across) refuseTasks(el, loop, { before, name, at });
    }
  }
}

/** Reports a start for which a gradient is asked after an outer, where it is that of two loops: one stands, and one begins. */
function refuseTwoStarts(
  el: Elaboration,
  { wrt, runs }: CheckedProgram["gradients"][number],
  movers: ReadonlyMap<Loop, CheckedOuter>,
): void {
  for (const { expression, leaves, label } of wrt) {
    const starting = runs.filter((r) => !r.around && r.leaves.some((leaf) => leaves.includes(leaf)));
    const stands = starting.find(({ loop }) => isWarm(loop) && movers.has(loop));
    const begins = starting.find(({ loop }) => !loop.from);
    if (!stands || !begins) continue;
    fail({ elaboration: el, frames: [] }, {
      code: "M0701",
      title: `\`${label}\` is where \`${stands.loop.name}\` stands, and where \`${begins.loop.name}\` begins`,
      at: expression.span,
      secondary: [declaredHere(stands.loop.item.name), declaredHere(begins.loop.item.name)],
      hint: "write a gradient for each",
    });
  }
}

/** What an outer moves that runs inside goes on from its own meta-steps. */
const beginsThere = ({ loop, around }: CheckedLoop) => isWarm(loop) && around?.kind !== "outer";

function refuseSecond(el: Elaboration, loop: Loop, outer: Loop, other: Loop): void {
  fail({ elaboration: el, frames: [] }, {
    code: "M0208",
    title: `\`${loop.name}\` goes on from meta-step to meta-step of \`${other.name}\` and of \`${outer.name}\``,
    at: loop.from!.span,
    secondary: [declaredHere(other.item.name), declaredHere(outer.item.name)],
    hint: hintToGoOn(outer, other),
  });
}

function refuseTasks(
  el: Elaboration,
  loop: Loop,
  { before: { loop: outer, across }, name, at }: {
    readonly before: CheckedOuter;
    readonly name: string;
    readonly at: Span;
  },
): void {
  const tasks = across ? `each of the ${across.count} tasks of \`${outer.name}\` has its own` : "there were no tasks";
  fail({ elaboration: el, frames: [] }, {
    code: "M0203",
    title: `${name} would begin where \`${loop.name}\` stands after \`${outer.name}\`, with other tasks`,
    at,
    label: tasks,
    secondary: [{ span: loop.from!.span, message: `\`${loop.name}\` goes on from meta-step to meta-step` }],
    hint: `what it is in these tasks can be recorded: \`record ${outer.name}.loss\`, or a parameter \`@*\``,
  });
}
