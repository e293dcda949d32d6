// Is an `evaluate` without mistakes? Its tasks, its steps, and the sizes of what it reports.
import type { Context, Elaboration, GivenSteps } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import type { EvaluateItem, Expression, Identifier, OutputItem, ReportClause } from "../syntax/ast.ts";
import { type Draft, type Given, onlyChecked, openFunction } from "../elaborate/functions.ts";
import { fail, moduleScope } from "../world/report.ts";
import { type CheckedEvaluation } from "./checked_program.ts";
import { checkedLoops } from "../loops/loop_record.ts";
import { isAfterRun, outerNamed, readAcross, refuseSkip, runsHere, singleClause } from "../loops/loops.ts";
import { openTasks, readCount } from "../loops/task_scopes.ts";
import { requireInteger, withinLimit } from "../elaborate/sizes.ts";
import { loopsMentioned, loopsTouched } from "../elaborate/ownership.ts";
import type { Loop } from "../world/loop.ts";
import { runLoop } from "../world/evaluator.ts";
import { withLocals } from "../world/moments.ts";
import { timeLocals } from "../elaborate/time_points.ts";
import { scalarObjective } from "../loops/objective.ts";
import { evaluateOverTimes } from "../evaluate/comprehensions.ts";
import { describeValue } from "../world/values.ts";

/** Starts the function of an item that measures what was learned; it draws in the name of the item unless another is said. */
export function openEvaluation(
  el: Elaboration,
  { item, steps, drawsAs = item.name.name }: {
    readonly item: EvaluateItem | OutputItem;
    readonly steps?: GivenSteps | undefined;
    readonly drawsAs?: string | undefined;
  },
  given: Given,
  watches = false,
): Draft {
  return openFunction(el, `${item.kind.toLowerCase()} ${item.name.name}`, {
    consumer: drawsAs,
    place: { what: `\`${item.name.name}\``, span: item.name.span },
    scope: moduleScope(el.modules.root),
    present: true,
    watches,
    ...given,
    ...(steps === undefined ? {} : { steps }),
  });
}

/** Goes through an evaluation once without running anything. */
export function checkEvaluation(el: Elaboration, item: EvaluateItem): CheckedEvaluation | undefined {
  const first = openEvaluation(el, { item }, onlyChecked).cx;
  const clause = singleClause(el, item.clauses, "Across");
  const count = singleClause(el, item.clauses, "For");
  const everyClause = singleClause(el, item.clauses, "Every");
  const reports = item.clauses.filter((c): c is ReportClause => c.kind === "Report");
  if (reports.length === 0) {
    return void fail(first, {
      code: "M0104",
      title: `\`${item.name.name}\` has no \`report\``,
      at: item.name.span,
      hint: "add a clause such as `report mse(net@T(query.x), query.y)`",
    });
  }
  if (!isAfterRun(first, item.after, "`after` names the outer whose values are used")) return undefined;
  const skip = singleClause(el, item.clauses, "Skip");
  if (skip && !clause) refuseSkip(first, item.name, skip);
  const named = clause && readAcross(el, clause, el.modules.root);
  const across = named && readCount(first, named);
  const best = readBest(first, item);
  const hold = singleClause(el, item.clauses, "Hold");
  if (hold && (!count || hold.what.name !== "last")) {
    fail(first, {
      code: "M0102",
      title: count ? `\`hold ${hold.what.name}\` is unknown` : "`hold last` goes with `for T = … steps`",
      at: hold.span,
      hint: count ? "write `hold last`" : undefined,
    });
  }
  const given = count && requireInteger(first, count.count, "the number of steps", 0);
  const inners = new Set(reports.flatMap((r) => loopsMentioned(el, r.value)));
  const steps = count && given !== undefined
    ? { loop: [...inners][0], name: count.name?.name, count: given, span: count.span, holdLast: hold !== undefined }
    : undefined;
  const every = everyClause && readEvery(first, everyClause.count, everyClause.of);
  if (clause && !across || count && !steps || everyClause && !every) return undefined;
  const { cx } = openEvaluation(el, { item, steps }, onlyChecked);
  const tasks = openTasks(cx, across);
  if (count && inners.size > 1) {
    const [a, c] = [...inners] as [Loop, Loop];
    return void fail(cx, {
      code: "M0404",
      title: `\`for\` could mean the steps of \`${a.name}\` or of \`${c.name}\``,
      at: count.span,
      hint: "evaluate them separately",
    });
  }
  for (const inner of reports.flatMap((r) => loopsTouched(el, r.value))) runLoop(tasks.cx, inner, item.name.span);
  const values = reports.map((report) => reportValue(tasks.cx, report));
  if (values.some((v) => v === undefined)) return undefined;
  const runs = checkedLoops(tasks.cx.world.consumer);
  const inside = new Set(runs.map((r) => r.loop));
  return { item, across, steps, reports, best, every, skips: skip !== undefined, runs, inners: inside };
}

/** Which report says what is better: the one that `best` stands after. */
function readBest(cx: Context, { clauses }: EvaluateItem): CheckedEvaluation["best"] {
  const clause = singleClause(cx.elaboration, clauses, "Best");
  if (!clause) return undefined;
  const report = clauses.slice(0, clauses.indexOf(clause)).filter((c) => c.kind === "Report").length - 1;
  const { what: { name: better, span } } = clause;
  if (better !== "highest" && better !== "lowest") {
    return void fail(cx, {
      code: "M0102",
      title: `\`best ${better}\` is unknown`,
      at: span,
      hint: "write `best highest` or `best lowest`",
    });
  }
  if (report >= 0) return { report, better };
  return void fail(cx, {
    code: "M0102",
    title: "Before `best` stands the `report` that it speaks of",
    at: clause.span,
    hint: `write \`report …  best ${better}\``,
  });
}

function readEvery(
  cx: Context,
  count: Expression,
  of: Identifier | undefined,
): { steps: number; of: string } | undefined {
  const el = cx.elaboration;
  const steps = requireInteger(cx, count, "the number of meta-steps", 1);
  const outers = [...el.loops.values()].filter((l) => l.kind === "outer");
  if (!of && outers.length !== 1 && !el.modules.root.torn) {
    fail(cx, { code: "M0201", title: "Say of which outer: `every 1000 steps of train`", at: count.span });
  }
  const only = outers.length === 1 ? outers[0] : undefined;
  const loop = of ? outerNamed(cx, of, "`every` counts the steps of an outer") : only;
  if (!loop) return undefined;
  if (steps === undefined || !runsHere(cx, loop, of?.span ?? count.span)) return undefined;
  return { steps, of: loop.name };
}

/** One report for one task: a scalar, or one value for each time. */
export function reportValue(cx: Context, report: ReportClause): TensorValue | undefined {
  const at = withLocals(cx, timeLocals(cx, report.value));
  if (!report.at) return scalarObjective(at, report.value, "what is reported");
  const value = evaluateOverTimes(at, report.value, report.at);
  if (!value) return undefined;
  if (value.dims.length === 1) {
    const count = value.dims[0]!.size;
    const asks = `this report is made at ${count} times`;
    return withinLimit(cx, "times", { count, asks, at: report.at.span }) ? value : undefined;
  }
  return void fail(cx, {
    code: "M0308",
    title: `What is reported must be a scalar at each time, and this is ${
      describeValue({ ...value, dims: value.dims.slice(1) })
    }`,
    at: report.value.span,
    hint: "take its `mean(…)` or `sum(…)`",
  });
}
