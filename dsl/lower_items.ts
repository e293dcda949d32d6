// What do `gradient`, `evaluate` and a loop that nothing uses become? One function each.
import type { Variable } from "../runtime/ir/types.ts";
import type {
  EvaluationProgram,
  Expectation,
  GradientProgram,
  SimulationProgram,
  TrajectoryQuantity,
} from "../runtime/loop/program.ts";
import type { EvaluateItem, Expression, GradientItem, ReportClause } from "./ast.ts";
import { type Elaboration, fail, moduleScope } from "./elaboration.ts";
import { toTensor } from "./arithmetic.ts";
import { evaluate } from "./expressions.ts";
import { requireInteger } from "./sizes.ts";
import { runLoop, scalarObjective, stepsOf } from "./inner.ts";
import { evaluateOverTimes, loopsMentioned, loopsTouched, timeLocals } from "./comprehensions.ts";
import { type Across, type Draft, meanOverTasks, openFunction, openTasks, readCount } from "./consumers.ts";
import { allowClauses, type Loop, notYet, readAcross, singleClause } from "./loops.ts";
import type { LeafDeclaration } from "./leaves.ts";
import { type MetaReference, readMetaReference, sourceText } from "./meta_parameters.ts";
import { type Context, enterWorld, type GivenSteps, withLocals } from "./world.ts";
import { describeValue, shapeOf, type TensorValue } from "./values.ts";

const none: ReadonlySet<string> = new Set();

/** A trajectory that `record` asks for. */
export interface TrajectoryWish {
  readonly loop: Loop;
  /** `linear.w`, `fit.loss`. */
  readonly name: string;
  readonly leaf?: LeafDeclaration;
  readonly quantity?: "loss" | "gradient_norm";
}

/** Writes the wished trajectories of the loops that were run where a context stands. */
export function collectTrajectories(
  cx: Context,
  wishes: readonly TrajectoryWish[],
): { outputs: Variable[]; quantities: TrajectoryQuantity[] } {
  const outputs: Variable[] = [];
  const quantities: TrajectoryQuantity[] = [];
  for (const wish of wishes) {
    const run = cx.world.runs.get(wish.loop);
    if (!run) continue;
    const variable = wish.leaf ? run.trajectory(wish.leaf) : run.stacked(wish.quantity!);
    outputs.push(variable);
    quantities.push({
      name: wish.name,
      loop: wish.loop.name,
      type: { dtype: variable.dtype, shape: variable.shape },
    });
  }
  return { outputs, quantities };
}

// --------------------------------------------------------------------------------------------------------- gradient

/** A `gradient` item after its check. */
export interface CheckedGradient {
  readonly item: GradientItem;
  readonly across: Across | undefined;
  readonly wrt: readonly MetaReference[];
  readonly expect: readonly Expectation[];
  readonly inners: ReadonlySet<Loop>;
}

function openGradientItem(
  el: Elaboration,
  item: GradientItem,
  persistent: ReadonlySet<string>,
  dry: boolean,
): Draft {
  const label = sourceText(el, item.value);
  return openFunction(el, `gradient ${label}`, {
    consumer: `gradient ${label}`,
    place: { what: "this gradient", span: item.value.span },
    dry,
    scope: moduleScope(el.modules.root),
    persistent,
  });
}

function gradientObjective(cx: Context, item: GradientItem): TensorValue | undefined {
  return scalarObjective(withLocals(cx, timeLocals(cx, item.value)), item.value, "what is differentiated");
}

/** Goes through a gradient once without running anything. Undefined when something is wrong or not shaped yet. */
export function checkGradient(el: Elaboration, item: GradientItem): CheckedGradient | undefined {
  const { cx } = openGradientItem(el, item, none, true);
  const clause = item.across && readAcross(el, item.across, el.modules.root);
  const across = clause && readCount(cx, clause);
  if (item.across && !across) return undefined;
  if (item.after) {
    const loop = el.loops.get(item.after.name);
    if (loop?.kind !== "outer") {
      fail(cx, {
        code: loop ? "M0203" : "M0201",
        title: loop ? `\`${item.after.name}\` is an inner loop` : `There is no outer \`${item.after.name}\``,
        at: item.after.span,
      });
      return undefined;
    }
  }
  const tasks = openTasks(cx, across);
  for (const inner of loopsTouched(el, item.value)) runLoop(tasks.cx, inner, item.value.span);
  const objective = gradientObjective(tasks.cx, item);
  const references = item.wrt.map((r) => readMetaReference(cx, r));
  const wrt = references.filter((r) => r !== undefined);
  const expect = wrt.length === references.length ? readExpectations(cx, item, wrt) : [];
  if (!objective || wrt.length < references.length || !expect) return undefined;
  return { item, across, wrt, expect, inners: new Set(tasks.cx.world.runs.keys()) };
}

function readExpectations(
  cx: Context,
  item: GradientItem,
  wrt: readonly MetaReference[],
): Expectation[] | undefined {
  const el = cx.elaboration;
  const result: Expectation[] = [];
  let wrong = false;
  for (const entry of item.expect) {
    const label = sourceText(el, entry.reference);
    const index = wrt.findIndex((r) => r.label === label);
    const isValue = entry.reference.kind === "Name" && entry.reference.name === "value" && index === -1;
    if (index === -1 && !isValue) {
      wrong = true;
      fail(cx, {
        code: "M0201",
        title: `\`${label}\` is not in \`wrt\``,
        at: entry.reference.span,
        notes: [`An \`expect\` names \`value\` or one of ${wrt.map((r) => `\`${r.label}\``).join(", ")}`],
      });
      continue;
    }
    const value = toTensor(cx, evaluate(cx, entry.value), "float");
    const within = evaluate(cx, entry.within);
    const numbers = value.kind === "tensor" ? literalNumbers(cx, value) : undefined;
    if (!numbers || within.kind !== "static" || !(within.value >= 0)) {
      wrong = true;
      if (value.kind !== "error" && within.kind !== "error") {
        fail(cx, {
          code: "M0304",
          title: "`expect` compares with numbers known before the run, within a distance that is not negative",
          at: entry.span,
        });
      }
      continue;
    }
    const size = isValue ? 1 : wrt[index]!.leaves.reduce((n, l) => n + shapeOf(l.dims).reduce((a, d) => a * d, 1), 0);
    if (numbers.length !== 1 && numbers.length !== size) {
      wrong = true;
      fail(cx, {
        code: "M0305",
        title: `\`${label}\` has ${size} entries, and ${numbers.length} are expected`,
        at: entry.value.span,
      });
      continue;
    }
    result.push({
      label,
      of: isValue ? "value" : { wrt: index },
      expected: numbers,
      within: within.value,
      origin: entry.span,
    });
  }
  return wrong ? undefined : result;
}

/** The numbers of an array that is a constant. */
function literalNumbers(cx: Context, value: TensorValue): number[] | undefined {
  const uniform = cx.b.uniformValue(value.variable);
  if (uniform !== undefined && value.dims.length === 0) return [uniform];
  const producer = cx.b.producer(value.variable);
  return producer?.op === "constant" ? [...producer.params.data] : undefined;
}

/** Writes a gradient item. */
export function lowerGradient(
  el: Elaboration,
  gradient: CheckedGradient,
  persistent: ReadonlySet<string>,
  wishes: readonly TrajectoryWish[],
): GradientProgram {
  const { item, across, wrt } = gradient;
  const draft = openGradientItem(el, item, persistent, false);
  const { cx, b, world } = draft;
  b.origin = item.value.span;
  const leaves = [...new Set(wrt.flatMap((r) => r.leaves))];
  const request = b.openGradient("objective");
  const initials = new Map<string, TensorValue>();
  for (const leaf of leaves) {
    const outer = world.consumer.input({ kind: "leaf", name: leaf.name });
    initials.set(leaf.name, { kind: "tensor", variable: request.wrt(outer), dims: leaf.dims });
  }
  const inside = enterWorld(world, { b: request.body, initials });
  const tasks = openTasks({ ...cx, world: inside, b: request.body }, across);
  const objective = gradientObjective(tasks.cx, item)!;
  const found = across ? { outputs: [], quantities: [] } : collectTrajectories(tasks.cx, wishes);
  const [stacked] = tasks.close([objective.variable]);
  const closed = request.close([meanOverTasks(request.body, stacked!), ...found.outputs]);
  const [value, ...trajectories] = closed.outputs;
  const ordered = wrt.flatMap((r) => r.leaves.map((leaf) => closed.gradients[leaves.indexOf(leaf)]!));
  return {
    label: sourceText(el, item.value),
    origin: item.span,
    ...(item.after ? { after: item.after.name } : {}),
    wrt: wrt.map((r) => ({ label: r.label, leaves: r.leaves.map((l) => l.name) })),
    fn: draft.finish([value!, ...ordered, ...trajectories]),
    trajectories: found.quantities,
    expect: gradient.expect,
  };
}

// --------------------------------------------------------------------------------------------------------- evaluate

/** An `evaluate` item after its check. */
export interface CheckedEvaluation {
  readonly item: EvaluateItem;
  readonly across: Across | undefined;
  readonly steps: GivenSteps | undefined;
  readonly reports: readonly ReportClause[];
  readonly every: { readonly steps: number; readonly of: string } | undefined;
  readonly inners: ReadonlySet<Loop>;
}

function openEvaluation(
  el: Elaboration,
  item: EvaluateItem,
  steps: GivenSteps | undefined,
  persistent: ReadonlySet<string>,
  dry: boolean,
): Draft {
  return openFunction(el, `evaluate ${item.name.name}`, {
    consumer: item.name.name,
    place: { what: `\`${item.name.name}\``, span: item.name.span },
    dry,
    scope: moduleScope(el.modules.root),
    persistent,
    ...(steps === undefined ? {} : { steps }),
  });
}

/** Goes through an evaluation once without running anything. */
export function checkEvaluation(el: Elaboration, item: EvaluateItem): CheckedEvaluation | undefined {
  allowClauses(el, "evaluate", item.clauses, ["Across", "For", "Report", "Every", "Hold"], []);
  const first = openEvaluation(el, item, undefined, none, true).cx;
  const clause = singleClause(el, item.clauses, "Across");
  const count = singleClause(el, item.clauses, "For");
  const everyClause = singleClause(el, item.clauses, "Every");
  const reports = item.clauses.filter((c): c is ReportClause => c.kind === "Report");
  if (reports.length === 0) {
    fail(first, {
      code: "M0104",
      title: `\`${item.name.name}\` has no \`report\``,
      at: item.name.span,
      hint: "add a clause such as `report mse(net@T(query.x), query.y)`",
    });
    return undefined;
  }
  const named = clause && readAcross(el, clause, el.modules.root);
  const across = named && readCount(first, named);
  const hold = singleClause(el, item.clauses, "Hold");
  if (hold && (!count || hold.what.name !== "last")) {
    fail(first, {
      code: "M0102",
      title: count ? `\`hold ${hold.what.name}\` is unknown` : "`hold last` goes with `for T = … steps`",
      at: hold.span,
      hint: count ? "write `hold last`" : undefined,
    });
  }
  const given = count && requireInteger(first, count.count, "the number of steps", 1);
  const steps = count && given !== undefined
    ? { count: given, span: count.span, holdLast: hold !== undefined }
    : undefined;
  const every = everyClause && readEvery(first, everyClause.count, everyClause.of);
  if (clause && !across || count && !steps || everyClause && !every) return undefined;
  const { cx } = openEvaluation(el, item, steps, none, true);
  const tasks = openTasks(cx, across);
  const inners = new Set(reports.flatMap((r) => loopsMentioned(el, r.value)));
  if (count && inners.size > 1) {
    const [a, c] = [...inners] as [Loop, Loop];
    fail(cx, {
      code: "M0404",
      title: `\`for\` could mean the steps of \`${a.name}\` or of \`${c.name}\``,
      at: count.span,
      hint: "evaluate them separately",
    });
    return undefined;
  }
  for (const inner of reports.flatMap((r) => loopsTouched(el, r.value))) runLoop(tasks.cx, inner, item.name.span);
  const values = reports.map((report) => reportValue(tasks.cx, report));
  if (values.some((v) => v === undefined)) return undefined;
  return { item, across, steps, reports, every, inners: new Set(tasks.cx.world.runs.keys()) };
}

function readEvery(
  cx: Context,
  count: Expression,
  of: { readonly name: string; readonly span: Expression["span"] } | undefined,
): { steps: number; of: string } | undefined {
  const el = cx.elaboration;
  const steps = requireInteger(cx, count, "the number of meta-steps", 1);
  const outers = [...el.loops.values()].filter((l) => l.kind === "outer");
  const loop = of ? el.loops.get(of.name) : outers.length === 1 ? outers[0] : undefined;
  if (!loop || loop.kind !== "outer") {
    fail(cx, {
      code: "M0201",
      title: of ? `There is no outer \`${of.name}\`` : "Say of which outer: `every 1000 steps of train`",
      at: of?.span ?? count.span,
    });
    return undefined;
  }
  return steps === undefined ? undefined : { steps, of: loop.name };
}

/** Times of one report: a curve of more points is of no use, and each is kept for every task. */
const mostTimes = 1_000_000;

/** One report for one task: a scalar, or one value for each time. */
function reportValue(cx: Context, report: ReportClause): TensorValue | undefined {
  const at = withLocals(cx, timeLocals(cx, report.value));
  if (!report.at) return scalarObjective(at, report.value, "what is reported");
  const value = evaluateOverTimes(at, report.value, report.at);
  if (!value) return undefined;
  if (value.dims.length === 1) {
    if (value.dims[0]!.size <= mostTimes) return value;
    fail(cx, {
      code: "M0310",
      title: `A report is kept at ${mostTimes} times at most, and this one is at ${value.dims[0]!.size}`,
      at: report.at.span,
    });
    return undefined;
  }
  fail(cx, {
    code: "M0308",
    title: `What is reported must be a scalar at each time, and this is ${
      describeValue({ ...value, dims: value.dims.slice(1) })
    }`,
    at: report.value.span,
    hint: "take its `mean(…)` or `sum(…)`",
  });
  return undefined;
}

/** Writes an evaluation. */
export function lowerEvaluation(
  el: Elaboration,
  evaluation: CheckedEvaluation,
  persistent: ReadonlySet<string>,
): EvaluationProgram {
  const { item, across, steps, every } = evaluation;
  const draft = openEvaluation(el, item, steps, persistent, false);
  draft.b.origin = item.name.span;
  const tasks = openTasks(draft.cx, across);
  const outputs: Variable[] = [];
  const reports = evaluation.reports.map((report) => {
    outputs.push(reportValue(tasks.cx, report)!.variable);
    const label = sourceText(el, report.value);
    if (!report.at) return { label };
    const at = withLocals(tasks.cx, timeLocals(tasks.cx, report.value));
    const from = evaluate(at, report.at.from);
    const to = evaluate(at, report.at.to);
    if (from.kind !== "static" || to.kind !== "static") return { label };
    return { label, times: Array.from({ length: to.value - from.value + 1 }, (_, i) => from.value + i) };
  });
  return {
    name: item.name.name,
    origin: item.name.span,
    tasks: across?.count ?? 1,
    fn: draft.finish(tasks.close(outputs)),
    reports,
    ...(every ? { every } : {}),
  };
}

// ------------------------------------------------------------------------------------------------------- simulation

function openSimulation(el: Elaboration, loop: Loop, persistent: ReadonlySet<string>, dry: boolean): Draft {
  return openFunction(el, `run ${loop.name}`, {
    consumer: loop.name,
    place: { what: `\`${loop.name}\``, span: loop.item.name.span, alone: true },
    dry,
    scope: moduleScope(loop.module),
    persistent,
  });
}

/** Goes through an inner loop that nothing else uses. */
export function checkSimulation(
  el: Elaboration,
  loop: Loop,
): { readonly loop: Loop; readonly steps: number } | undefined {
  const { cx } = openSimulation(el, loop, none, true);
  const run = runLoop(cx, loop, loop.item.name.span);
  return run && { loop, steps: run.steps };
}

/** Writes an inner loop that is run by itself. */
export function lowerSimulation(
  el: Elaboration,
  loop: Loop,
  persistent: ReadonlySet<string>,
  wishes: readonly TrajectoryWish[],
): SimulationProgram {
  const draft = openSimulation(el, loop, persistent, false);
  const run = runLoop(draft.cx, loop, loop.item.name.span)!;
  const { outputs, quantities } = collectTrajectories(draft.cx, wishes);
  return {
    loop: loop.name,
    origin: loop.item.name.span,
    steps: stepsOf(draft.cx, loop)!,
    fn: draft.finish([run.stacked("loss"), ...outputs]),
    trajectories: quantities,
  };
}

/** Reports what the grammar has and no item does yet, at the top of a file. */
export function checkLaterItems(el: Elaboration): void {
  for (const item of el.modules.root.program.items) {
    if (item.kind === "Memory") notYet(el, "`memory`", item.span);
  }
}
