// Are `gradient`, its `expect`s and a loop that nothing uses without mistakes?
import type { CheckedLoop, Context, Elaboration, MetaReference, Value } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import {
  type CheckedGradient,
  type CheckedProgram,
  type CheckedSimulation,
  type TrajectoryWish,
} from "./checked_program.ts";
import { checkedLoops } from "../loops/loop_record.ts";
import { sizeOf, type Variable } from "../../runtime/ir/types.ts";
import type { Span } from "../text/source.ts";
import type { Expectation, TrajectoryQuantity } from "../../runtime/program/program.ts";
import type { ExpectEntry, GradientItem } from "../syntax/ast.ts";
import { type Draft, type Given, onlyChecked, openFunction } from "../elaborate/functions.ts";
import { fail, moduleScope, sourceText } from "../world/report.ts";
import { expressionText } from "../format/expression_text.ts";
import { scalarObjective } from "../loops/objective.ts";
import { withLocals } from "../world/moments.ts";
import { timeLocals } from "../elaborate/time_points.ts";
import { isAfterRun, readAcross } from "../loops/loops.ts";
import { openTasks, readCount } from "../loops/task_scopes.ts";
import { loopsTouched } from "../elaborate/ownership.ts";
import { evaluate, runLoop } from "../world/evaluator.ts";
import { canUnroll, holdsInWindows } from "../loops/check_loop.ts";
import { readMetaReference } from "../loops/meta_parameters.ts";
import { directionOf } from "../loops/directions.ts";
import type { Direction, Loop } from "../world/loop.ts";
import { withSources } from "../elaborate/sources.ts";
import { describeKnown, requireStatic } from "../elaborate/sizes.ts";
import { shapeOf } from "../world/values.ts";
import { count, quoted } from "../text/words.ts";
import { toTensor } from "../elaborate/arithmetic.ts";

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
    const variable = wish.leaf
      ? run.trajectory(wish.leaf)
      : wish.quantity
      ? run.stacked(wish.quantity)
      : run.rate(wish.rate!);
    if (!variable) continue;
    outputs.push(variable);
    quantities.push({
      name: wish.name,
      loop: wish.loop.name,
      type: { dtype: variable.dtype, shape: variable.shape },
    });
  }
  return { outputs, quantities };
}

/** In what name a gradient draws. */
function gradientName({ modules: { root } }: Elaboration, { value }: GradientItem): string {
  return `gradient ${expressionText(root.source.text, value)}`;
}

/** In what name is drawn for what asks for neither tasks nor a moment, and whose loops do not run by themselves: that of the first
 *  gradient without tasks that runs these loops, or else of the first such evaluation. So what is printed of them is of one run. */
export function nameOfRun(
  el: Elaboration,
  { gradients, evaluations }: Pick<CheckedProgram, "gradients" | "evaluations">,
  loops: ReadonlySet<Loop>,
): string | undefined {
  const alone = gradients.filter(({ across, direction }) => !across && !isWindowed(direction));
  const gradient = alone.find(({ outermost }) => areAmong(loops, outermost));
  if (gradient) return gradientName(el, gradient.item);
  const plain = evaluations.filter(({ item, across, every, steps }) => !across && !every && !steps && !item.after);
  return plain.find(({ runs }) => areAmong(loops, outermostOf(runs)))?.item.name.name;
}

/** True when all loops are among the others. */
export const areAmong = (loops: ReadonlySet<Loop>, others: ReadonlySet<Loop>): boolean =>
  [...loops].every((loop) => others.has(loop));

/** Of loops that were run those that no other ran. */
export function outermostOf(runs: readonly CheckedLoop[]): ReadonlySet<Loop> {
  return new Set(runs.filter((run) => !run.around).map((run) => run.loop));
}

export function openGradientItem(
  el: Elaboration,
  item: GradientItem,
  given: Given,
  watches = false,
): Draft {
  const label = sourceText(el, item.value);
  return openFunction(el, `gradient ${label}`, {
    consumer: gradientName(el, item),
    place: { what: "this gradient", span: item.value.span },
    differentiated: true,
    present: item.after !== undefined,
    scope: moduleScope(el.modules.root),
    watches,
    ...given,
  });
}

export function gradientObjective(cx: Context, item: GradientItem): TensorValue | undefined {
  return scalarObjective(withLocals(cx, timeLocals(cx, item.value)), item.value, "what is differentiated");
}

/** Goes through a gradient once without running anything. Undefined when something is wrong or not shaped yet. */
export function checkGradient(el: Elaboration, item: GradientItem): CheckedGradient | undefined {
  const { cx } = openGradientItem(el, item, onlyChecked);
  const clause = item.across && readAcross(el, item.across, el.modules.root);
  const across = clause && readCount(cx, clause);
  if (item.across && !across) return undefined;
  if (!isAfterRun(cx, item.after, "`after` names the outer whose trained values are used")) return undefined;
  const tasks = openTasks(cx, across);
  for (const inner of loopsTouched(el, item.value)) runLoop(tasks.cx, inner, item.value.span);
  const objective = gradientObjective(tasks.cx, item);
  if (!canUnroll(tasks.cx)) return undefined;
  const references = item.wrt.map((r) => readMetaReference(cx, r));
  const wrt = references.filter((r) => r !== undefined);
  const expect = wrt.length === references.length ? readExpectations(cx, item, wrt) : [];
  if (!objective || wrt.length < references.length || !expect) return undefined;
  const runs = checkedLoops(tasks.cx.world.consumer);
  const direction = directionOf(cx, runs.filter((r) => !r.around), wrt.flatMap((r) => r.leaves));
  if (!direction || !holdsInWindows(cx, direction, (at) => gradientObjective(openTasks(at, across).cx, item))) {
    return undefined;
  }
  return {
    item,
    across,
    wrt,
    expect,
    direction,
    runs,
    inners: new Set(runs.map((r) => r.loop)),
    outermost: across || isWindowed(direction) ? new Set() : new Set(tasks.cx.world.runs.keys()),
  };
}

/** Of a loop that is run window by window, no whole trajectory passes. */
export function isWindowed(direction: Direction): boolean {
  return direction.kind === "es" && direction.windows !== undefined;
}

/** What a gradient item expects. Undefined when wrong (reported). */
function readExpectations(cx: Context, { expect }: GradientItem, wrt: readonly MetaReference[]) {
  const read = expect.map((entry) => readExpectation(cx, entry, wrt)).filter((one) => one !== undefined);
  return read.length === expect.length ? read : undefined;
}

function readExpectation(cx: Context, entry: ExpectEntry, wrt: readonly MetaReference[]): Expectation | undefined {
  const label = sourceText(cx.elaboration, entry.reference);
  const index = wrt.findIndex((r) => r.label === label);
  const isValue = entry.reference.kind === "Name" && entry.reference.name === "value" && index === -1;
  if (index === -1 && !isValue) {
    return void fail(cx, {
      code: "M0201",
      title: `\`${label}\` is not in \`wrt\``,
      at: entry.reference.span,
      notes: [`An \`expect\` names \`value\` or one of ${quoted(wrt.map((r) => r.label))}`],
    });
  }
  const { value, sources } = withSources(cx.world.consumer, () => evaluate(cx, entry.value));
  const within = requireStatic(cx, entry.within, "the distance after `within`")?.value;
  // a parameter has other values after an outer than where it starts
  const numbers = value.kind === "error" || sources.size > 0 ? undefined : literalNumbers(cx, value);
  if (value.kind !== "error" && !numbers) {
    const title = `\`expect\` compares with numbers known before the run, not with ${describeKnown(value)}`;
    fail(cx, { code: "M0304", title, at: entry.value.span });
  }
  const near = within !== undefined && isDistance(cx, within, entry.within.span);
  if (!numbers || !areFinite(cx, numbers, entry.value.span) || !near) return undefined;
  const size = isValue ? 1 : wrt[index]!.leaves.reduce((n, l) => n + sizeOf(shapeOf(l.dims)), 0);
  if (numbers.length !== 1 && numbers.length !== size) {
    const title = `\`${label}\` has ${count(size, "entry", "entries")}, and ${numbers.length} are expected`;
    return void fail(cx, { code: "M0305", title, at: entry.value.span });
  }
  return { label, of: isValue ? "value" : { wrt: index }, expected: numbers, within, origin: entry.span };
}

/** True for what `within` may say. Reports. */
function isDistance(cx: Context, within: number, at: Span): boolean {
  if (within >= 0 && within < Infinity) return true;
  fail(cx, {
    code: "M0304",
    title: `The distance after \`within\` must ${within < 0 ? "not be negative" : "be finite"}`,
    at,
    label: `this is ${within}`,
    notes: within < 0 ? [] : ["Whatever is computed would be near enough"],
  });
  return false;
}

/** True for what `expect` may say. Reports. */
function areFinite(cx: Context, numbers: readonly number[], at: Span): boolean {
  const endless = numbers.find((x) => !Number.isFinite(x));
  if (endless === undefined) return true;
  fail(cx, {
    code: "M0304",
    title: "What is expected must be finite",
    at,
    label: `this is ${endless}`,
    notes: ["A value that is not finite fails the run, so none can be near to it"],
  });
  return false;
}

/** The numbers of an array that is a constant; undefined for what is computed, and for what is no array. */
function literalNumbers(cx: Context, given: Value): number[] | undefined {
  const value = toTensor(cx, given, "float");
  if (value.kind === "error") return undefined;
  const uniform = cx.b.uniformValue(value.variable);
  if (uniform !== undefined && value.dims.length === 0) return [uniform];
  const producer = cx.b.producer(value.variable);
  return producer?.op === "constant" ? [...producer.params.data] : undefined;
}

// ------------------------------------------------------------------------------------------------------- simulation

export function openSimulation(
  el: Elaboration,
  { loop, drawsAs }: Pick<CheckedSimulation, "loop" | "drawsAs">,
  given: Given,
  watches = false,
): Draft {
  return openFunction(el, `run ${loop.name}`, {
    consumer: drawsAs ?? loop.name,
    place: { what: `\`${loop.name}\``, span: loop.item.name.span, alone: true },
    present: true,
    scope: moduleScope(loop.module),
    watches,
    ...given,
  });
}

/** Goes through an inner loop that nothing else uses. */
export function checkSimulation(el: Elaboration, loop: Loop): Omit<CheckedSimulation, "outputs"> | undefined {
  const { cx } = openSimulation(el, { loop }, onlyChecked);
  return runLoop(cx, loop, loop.item.name.span) && { loop, runs: checkedLoops(cx.world.consumer) };
}
