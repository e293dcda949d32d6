// How are the items that do not train computed? Gradients with their expectations, evaluations over fresh tasks, inner
// loops run by themselves. Called by `run.ts`, and by `outer.ts` for evaluations during training.
import type { HostArray } from "../ir/types.ts";
import { InternalError, MetaRuntimeError } from "../errors.ts";
import type { EvaluationProgram, Expectation, GradientProgram, SimulationProgram } from "../program/program.ts";
import type { EvaluationResult, GradientResult, ReportPoint, Verdict } from "./results.ts";
import type { RunContext } from "./run_context.ts";
import { allFinite, describeNonFinite, findInTrajectories } from "./non_finite.ts";
import { place } from "../program/given_arrays.ts";
import { keepOutput, markOf } from "./outputs.ts";
import { trajectoryRecords } from "./recorder.ts";
import { isFailedSearch } from "./run_checks.ts";
import { summarize, summarizeFinite } from "./statistics.ts";
import { describeWatched } from "./watch.ts";

/** Computes a `gradient` item with the given values of the leaves. The result is kept and reported; then
 *  MetaRuntimeError is thrown if the value or a gradient is not finite. */
export async function computeGradient(
  item: GradientProgram,
  context: RunContext,
  leaves: ReadonlyMap<string, HostArray>,
): Promise<void> {
  const index = context.program.gradients.indexOf(item);
  const { outputs, implicit } = await context.differentiate(item.fn, { step: 0, leaves });
  let next = 1;
  const wrt = item.wrt.map(({ label, leaves }) => ({
    label,
    leaves: leaves.map((name) => ({ name, gradient: outputs[next++]! })),
  }));
  const trajectories = item.trajectories.map(() => outputs[next++]!);
  const value = outputs[0]!.data[0]!;
  const verdicts = verdictsOf(item, { index, value, wrt });
  const base = { index, label: item.label, value, wrt, ...(implicit.length > 0 ? { implicit } : {}), verdicts };
  const result: GradientResult = item.after === undefined ? base : { ...base, after: item.after };
  context.gradients.push(result);
  context.report({ kind: "gradient", gradient: result });
  for (const report of implicit) context.report({ kind: "implicit", report });
  trajectoryRecords(item.trajectories, trajectories, { kind: "gradient", index }).forEach(context.keep);

  const bad = wrt.flatMap((w) => w.leaves).find((leaf) => !allFinite(leaf.gradient));
  const first = findInTrajectories(item.trajectories, trajectories, item.origin);
  if (Number.isFinite(value) && bad === undefined) {
    if (first) {
      context.doubt(new MetaRuntimeError(`\`gradient ${item.label}\`: ${describeNonFinite(first)}`, item.origin));
    }
    return;
  }
  const what = Number.isFinite(value)
    ? `its derivative with respect to ${describeBad(bad!)}, although its value is finite`
    : `its value is ${value}`;
  const found = item.watch && await context.watch(item.watch(), { step: 0, leaves });
  const where = found
    ? describeWatched(found)
    : first
    ? describeNonFinite(first)
    : Number.isFinite(value)
    ? await lastSlope(item, context, leaves)
    : undefined;
  throw new MetaRuntimeError(
    `\`gradient ${item.label}\`: ${what}${where === undefined ? "" : `; ${where}`}`,
    found?.origin ?? item.origin,
  );
}

/** "`fit`: the derivative with respect to `w@3` is NaN, those for later times are finite": where it went wrong on the way back.
 *  Undefined when it did not in a loop, or the search failed. */
async function lastSlope(
  item: GradientProgram,
  context: RunContext,
  leaves: ReadonlyMap<string, HostArray>,
): Promise<string | undefined> {
  if (!item.slopes) return undefined;
  try {
    const { fn, quantities } = item.slopes();
    const arrays = await context.search(() => context.call(fn, { step: 0, leaves }));
    const found = quantities.flatMap(({ name, loop }, i) => {
      const { data, shape } = arrays[i]!;
      const entry = Array.from<number>(data).findLastIndex((x) => !Number.isFinite(x));
      return entry < 0 ? [] : [{
        name,
        loop,
        time: Math.floor(entry * shape[0]! / data.length),
        value: data[entry]!,
        steps: shape[0]! - 1,
      }];
    });
    const last = found.filter((f) => f.loop === found.at(-1)!.loop).sort((a, b) => b.time - a.time)[0];
    if (!last) return undefined;
    const later = last.time < last.steps ? "; those for later times are finite" : "";
    return `\`${last.loop}\`: the derivative with respect to \`${last.name}@${last.time}\` is ${last.value}${later}`;
  } catch (error) {
    if (isFailedSearch(error)) return undefined;
    throw error;
  }
}

/** "`w` is NaN at [2]". */
function describeBad(
  { name, gradient: { data, shape } }: { readonly name: string; readonly gradient: HostArray },
): string {
  const entry = Array.from<number>(data).findIndex((x) => !Number.isFinite(x));
  return `\`${name}\` is ${data[entry]}${shape.length === 0 ? "" : ` at [${place(entry, shape).join(", ")}]`}`;
}

function verdictsOf(
  item: GradientProgram,
  result: Pick<GradientResult, "index" | "value" | "wrt">,
): readonly Verdict[] {
  return item.expect.map((line) => {
    const actual = line.of === "value"
      ? [result.value]
      : result.wrt[line.of.wrt]!.leaves.flatMap((leaf) => Array.from<number>(leaf.gradient.data));
    return judge(line, actual, result.index);
  });
}

/** Compares entry by entry: |actual − expected| ≤ within. A value that is not a number misses. */
export function judge(line: Expectation, actual: readonly number[], gradient: number): Verdict {
  const { label, expected, within, origin } = line;
  if (expected.length !== 1 && expected.length !== actual.length) {
    throw new InternalError(`\`${label}\` has ${actual.length} entries, but ${expected.length} are expected`);
  }
  const differences = actual.map((a, i) => Math.abs(a - (expected.length === 1 ? expected[0]! : expected[i]!)));
  const met = differences.every((d) => d <= within);
  const difference = differences.reduce((most, d) => Math.max(most, d), 0);
  return { gradient, label, expected, actual, within, difference, met, origin };
}

/** Computes an evaluation with the present values of the leaves. Tasks whose values are not finite are counted, not
 *  hidden, and not an error: that methods diverge on some tasks is what an evaluation is there to find out. When none is
 *  finite it has found nothing: the run goes on and fails. Where it says so, they are left out of the means. */
export async function evaluate(
  item: EvaluationProgram,
  context: RunContext,
  during?: { readonly outer: string; readonly step: number },
): Promise<EvaluationResult> {
  const outputs = await context.call(item.fn, { step: 0 });
  const reports = item.reports.map(({ label, times }, i) => ({
    label,
    points: pointsOf(outputs[i]!, { item, times }),
  }));
  const base = { name: item.name, tasks: item.tasks, reports };
  const result: EvaluationResult = during ? { ...base, during } : base;
  context.evaluations.push(result);
  context.report({ kind: "evaluation", evaluation: result });
  const empty =
    reports.flatMap(({ label, points }, report) =>
      points.filter((p) => p.nonFinite === p.count).map((point) => ({ label, point, report }))
    )[0];
  if (!empty) return result;
  const found = item.watch && await context.watch(item.watch(empty.report), { step: 0 });
  const where = found ? `; ${describeWatched(found)}` : "";
  context.doubt(new MetaRuntimeError(`${describeEmpty(empty, result)}${where}`, found?.origin ?? item.origin));
  return result;
}

/** "`evaluate test`: `mse(…)` at time 3 is not finite in any of its 600 tasks (before meta-step 10 of `train`)". */
function describeEmpty(
  { label, point }: { readonly label: string; readonly point: ReportPoint },
  { name, tasks, during }: EvaluationResult,
): string {
  const what = `\`${label}\`${point.time === undefined ? "" : ` at time ${point.time}`}`;
  const is = tasks === 1 ? `is ${point.values[0]}` : `is finite in none of its ${tasks} tasks`;
  const when = during ? ` (before meta-step ${during.step} of \`${during.outer}\`)` : "";
  return `\`evaluate ${name}\`: ${what} ${is}${when}`;
}

function pointsOf(
  array: HostArray,
  of: { readonly item: EvaluationProgram; readonly times: readonly number[] | undefined },
): readonly ReportPoint[] {
  const { tasks, name, skips } = of.item;
  const columns = of.times?.length ?? 1;
  if (array.data.length !== tasks * columns) {
    throw new InternalError(
      `\`${name}\` reports ${array.data.length} values for ${tasks} tasks and ${columns} times`,
    );
  }
  return Array.from({ length: columns }, (_, column) => {
    const values = Float64Array.from({ length: tasks }, (_, task) => array.data[task * columns + column]!);
    const point = { ...(skips ? summarizeFinite(values) : summarize(values)), values };
    return of.times ? { ...point, time: of.times[column]! } : point;
  });
}

/** Runs an inner loop by itself with the present values. What it computed is kept and reported; then MetaRuntimeError is
 *  thrown if a loss or a recorded value is not finite. */
export async function simulate(item: SimulationProgram, context: RunContext): Promise<void> {
  const all = await context.call(item.fn, { step: 0 });
  const [losses, ...rest] = all;
  const trajectories = rest.splice(0, item.trajectories.length);
  const outputs = rest.splice(0, item.outputs.length);
  const ends = new Map(item.ends.map((name, i) => [name, rest[i]!]));
  const taken = item.stops ? { taken: rest[item.ends.length]!.data[0]! } : {};
  const result = { loop: item.loop, losses: new Float64Array(losses!.data), ends, ...taken };
  context.simulations.push(result);
  context.report({ kind: "simulation", simulation: result });
  trajectoryRecords(item.trajectories, trajectories, { kind: "simulation", loop: item.loop }).forEach(context.keep);
  const search = async () => item.watch && await context.watch(item.watch(), { step: 0 });
  for (const [i, output] of item.outputs.entries()) {
    await keepOutput(output, context, { value: outputs[i]!, mark: markOf(output, all), search });
  }
  const own = { name: `${item.loop}.loss`, loop: item.loop, type: losses! };
  const first = findInTrajectories([...item.trajectories, own], [...trajectories, losses!], item.origin);
  if (!first) return;
  const found = await search();
  if (found && found.loop !== first.loop) throw new MetaRuntimeError(describeWatched(found), found.origin);
  throw new MetaRuntimeError(describeNonFinite(first), first.origin);
}
