// What is printed at the end of a run? Losses, gradients with their verdicts, evaluations, recorded values: each as exact
// as it is useful.
import type { HostArray } from "../runtime/ir/types.ts";
import { isFloat, sizeOf } from "../runtime/ir/types.ts";
import type {
  EvaluationResult,
  GradientResult,
  ImplicitReport,
  KeptEvaluation,
  LeftOut,
  OutputResult,
  RecordedValues,
  ReportPoint,
  RunResult,
  UntilHeld,
} from "../runtime/loop/results.ts";
import { nameOfItem, recordedAt } from "../runtime/loop/records.ts";
import { sliceFirstAxis } from "./arrays.ts";
import {
  alignSigns,
  arrayText,
  compactNumber,
  duration,
  exactNumber,
  mostShownEntries,
  shortNumber,
  type ShownArray,
  tableText,
} from "./numbers.ts";

/** Marks what went wrong, for terminals; the identity elsewhere. */
export type Emphasis = (text: string) => string;

/** The report as text, ending with a line end; empty when a run computed nothing. */
export function reportText(result: RunResult, emphasis: Emphasis): string {
  const parts = [
    ...result.outers.map(outerText),
    ...result.gradients.map((g) => gradientText(g, result.precision, emphasis)),
    ...evaluationTexts(result.evaluations),
    ...result.simulations.map(({ loop, losses, taken }) =>
      `${loop}: ${taken === undefined ? "" : `${taken} of `}${losses.length} steps, loss ${
        exactNumber(losses[0] ?? NaN, result.precision)
      } to ` +
      `${exactNumber(losses.at(-1) ?? NaN, result.precision)}`
    ),
    ...result.outputs.map(outputText),
    ...recordedTexts(result.recorded),
  ];
  return parts.length === 0 ? "" : `${parts.join("\n\n")}\n`;
}

/** A run in words: what it was, how it ended, and what it computed. */
export function runText(result: RunResult): string {
  const { precision, seed, backend, outcome, seconds, failure } = result;
  const how = `${outcome} after ${duration(seconds)}${failure ? `: ${failure.message}` : ""}`;
  const report = reportText(result, (text) => text);
  return [`${precision}, seed ${seed}, backend ${backend}: ${how}`, ...(report === "" ? [] : [report.trimEnd()])].join(
    "\n\n",
  );
}

function outerText(outer: RunResult["outers"][number]): string {
  const solves = (outer.implicit ?? []).map((report) => {
    const missed = report.missed > 0 ? `; not arrived in ${report.missed} of ${outer.done} meta-steps` : "";
    return `  ${implicitText(report)}${missed}`;
  });
  return [outerLine(outer), ...endLines(outer), ...solves].join("\n");
}

/** Why it ended before its last meta-step, and which evaluation it gave back. */
function endLines({ until, kept, leftOut, done }: RunResult["outers"][number]): string[] {
  return [
    ...(leftOut && leftOut.tasks > 0 ? [`  ${leftOutText(leftOut, done)}`] : []),
    ...(until ? [`  ${untilText(until, done)}`] : []),
    ...(kept ? [`  ${keptText(kept, done)}`] : []),
  ];
}

/** `until train.loss < 0.01 after 12 meta-steps: 0.0098`. */
export function untilText({ until, value }: UntilHeld, done: number): string {
  const after = `after ${done} ${done === 1 ? "meta-step" : "meta-steps"}`;
  return `until ${until} ${after}: ${Number.isNaN(value) ? "it was never finite" : shortNumber(value)}`;
}

/** `left out as not finite: 12 tasks, in 5 of 100 meta-steps`. */
export function leftOutText({ tasks, steps }: LeftOut, done: number): string {
  return `left out as not finite: ${tasks} ${tasks === 1 ? "task" : "tasks"}, in ${steps} of ${done} meta-steps`;
}

/** `kept the best of valid: 0.95 before meta-step 40`. */
export function keptText(
  { evaluation, step, value }: Pick<KeptEvaluation, "evaluation" | "step" | "value">,
  done: number,
): string {
  const when = step === done ? "after the last meta-step" : `before meta-step ${step}`;
  return `kept the best of ${evaluation}: ${shortNumber(value)} ${when}`;
}

/** A solve that leaves more than this of its right side is doubtful. */
export const poorResidual = 0.1;

/** What the norms of a report are of. */
export const normText: { readonly [E in ImplicitReport["equation"]]: string } = {
  gradient: "norm of its gradient",
  step: "norm of what one more step changes",
};

/** `implicit fit: residual 1e-12, norm of its gradient 3.2 to 1e-6`. */
function implicitText({ loop, residual, equation, gradientNorm, startNorm }: ImplicitReport): string {
  return `implicit ${loop}: residual ${shortNumber(residual)}, ${normText[equation]} ${shortNumber(startNorm)} to ` +
    shortNumber(gradientNorm);
}

function outerLine({ name, steps, done, losses, seconds }: RunResult["outers"][number]): string {
  const made = done === steps ? `${steps} meta-steps` : `${done} of ${steps} meta-steps`;
  if (done === 0) return `${name}: ${made}`;
  return `${name}: ${made} in ${duration(seconds)}, loss ${shortNumber(losses[0]!)} to ${shortNumber(losses.at(-1)!)}`;
}

// ---------------------------------------------------------------------------------------------------------- gradients

function gradientText(item: GradientResult, precision: "f32" | "f64", emphasis: Emphasis): string {
  const rows: [string, string][] = [["value", exactNumber(item.value, precision)]];
  for (const { label, leaves } of item.wrt) {
    if (leaves.length === 1) rows.push([label, arrayText(leaves[0]!.gradient)]);
    else rows.push([label, `${leaves.length} tensors`], ...leaves.map(leafRow));
  }
  const values = alignSigns(rows.map(([, value]) => value));
  const expected = alignSigns(item.verdicts.map(({ expected }) => expectedText(expected)));
  const table = rows.map(([label], i) => {
    const at = item.verdicts.findIndex((v) => v.label === label);
    const verdict = item.verdicts[at];
    if (!verdict) return [label, values[i]!];
    const word = verdict.met ? "ok" : emphasis(`MISSED, off by ${shortNumber(verdict.difference)}`);
    return [label, values[i]!, "expected", expected[at]!, `within ${compactNumber(verdict.within)}`, word];
  });
  const head = `gradient ${item.label}${item.after === undefined ? "" : ` after ${item.after}`}`;
  const solves = (item.implicit ?? []).map((report) => implicitText(report) + (report.arrived ? "" : "; not arrived"));
  return [head, ...[...tableText(table, new Array(6).fill(false)), ...solves].map((line) => `  ${line}`)].join("\n");
}

function leafRow({ name, gradient }: GradientResult["wrt"][number]["leaves"][number]): [string, string] {
  return [`  ${name}`, arrayText(gradient)];
}

/** The values of an `expect`, or how many they are. */
export function expectedText(expected: readonly number[]): string {
  if (expected.length === 1) return exactNumber(expected[0]!);
  return expected.length <= mostShownEntries
    ? `[${expected.map((x) => exactNumber(x)).join(", ")}]`
    : `${expected.length} values`;
}

// -------------------------------------------------------------------------------------------------------- evaluations

function evaluationTexts(evaluations: readonly EvaluationResult[]): string[] {
  const during = new Map<string, EvaluationResult[]>();
  for (const e of evaluations) {
    if (e.during) during.set(e.name, [...during.get(e.name) ?? [], e]);
  }
  return [
    ...[...during.values()].map(curveText),
    ...evaluations.filter((e) => !e.during).map(evaluationText),
  ];
}

const figureHeads = ["mean", "median", "95 % interval of the mean"];

const tasksText = ({ tasks }: Pick<EvaluationResult, "tasks">) => `${tasks} ${tasks === 1 ? "task" : "tasks"}`;

function evaluationText({ name, tasks, reports }: EvaluationResult): string {
  const lines = [`evaluate ${name}: ${tasksText({ tasks })}`];
  for (const { label, points } of reports) {
    lines.push(`  ${label}`);
    const timed = points.some((p) => p.time !== undefined);
    const rows = points.map((p) => [...(timed ? [String(p.time)] : []), ...figures(p)]);
    const heads = [...(timed ? ["time"] : []), ...figureHeads];
    const right = heads.map((_, i) => i < heads.length - 1);
    lines.push(...tableText([heads, ...rows], right).map((line) => `    ${line}`));
  }
  return lines.join("\n");
}

/** The evaluations made during training: one line for each, at the last time of each report. */
function curveText(evaluations: readonly EvaluationResult[]): string {
  const [first] = evaluations as [EvaluationResult, ...EvaluationResult[]];
  const lines = [`evaluate ${first.name} during ${first.during!.outer}: ${tasksText(first)} each`];
  first.reports.forEach(({ label, points }, i) => {
    const time = points.at(-1)!.time;
    lines.push(`  ${label}${time === undefined || points.length === 1 ? "" : ` at time ${time}`}`);
    const rows = evaluations.map((e) => [String(e.during!.step), ...figures(e.reports[i]!.points.at(-1)!)]);
    const table = tableText([["meta-step", ...figureHeads], ...rows], [true, true, true, false]);
    lines.push(...table.map((line) => `    ${line}`));
  });
  return lines.join("\n");
}

function figures(point: ReportPoint): string[] {
  const { mean, median, interval } = point;
  const between = interval ? `${shortNumber(interval[0])} .. ${shortNumber(interval[1])}` : "";
  const odd = oddTasks(point);
  return [shortNumber(mean), shortNumber(median), `${between}${odd === "" ? "" : `  (${odd})`}`];
}

/** `not finite in 2 of 5 tasks`, empty where all are finite. */
export function oddTasks({ mean, nonFinite, count: all }: Pick<ReportPoint, "mean" | "nonFinite" | "count">): string {
  if (nonFinite === 0) return "";
  // the mean is finite where such tasks are skipped
  return `${Number.isFinite(mean) ? "left out as not finite:" : "not finite in"} ${nonFinite} of ${all} tasks`;
}

// ------------------------------------------------------------------------------------------------------------ outputs

/** All numbers of a small array; shape, extremes and mean of another. */
function outputText({ name, after, tasks, nonFinite, value }: OutputResult): string {
  const when = after === undefined ? "" : ` after ${after}`;
  const across = tasks === undefined ? "" : `: ${tasks} ${tasks === 1 ? "task" : "tasks"} on axis 0`;
  return `output ${name}${when}${across}\n  ${outputValue(value)}${oddEntries(value, nonFinite)}`;
}

/** `  (not finite in 1 of 4 entries)`, empty where that need not be said. */
export function oddEntries({ dtype, data: { length } }: ShownArray, nonFinite: number): string {
  return nonFinite > 0 && (length > 1 || !isFloat(dtype))
    ? `  (${isFloat(dtype) ? "not finite" : "made of NaN"} in ${nonFinite} of ${length} entries)`
    : "";
}

/** The entries where they are few, else shape, extremes and mean. */
export function outputValue(value: ShownArray): string {
  const { dtype, shape, data } = value;
  if (data.length <= mostShownEntries) return arrayText(value);
  const sizes = `[${shape.join(", ")}]`;
  const [low, high, total] = extremes(data);
  if (dtype === "bool") return `bool ${sizes}  true in ${total} of ${data.length} entries`;
  const [shown, type] = dtype === "i32" ? [String, "int "] : [shortNumber, ""];
  return `${type}${sizes}  min ${shown(low)}, mean ${shortNumber(total / data.length)}, max ${shown(high)}`;
}

function extremes(data: ArrayLike<number>): readonly [low: number, high: number, total: number] {
  let [low, high, total] = [Infinity, -Infinity, 0];
  for (let i = 0; i < data.length; i++) {
    // comparisons would pass over NaN
    low = Math.min(low, data[i]!);
    high = Math.max(high, data[i]!);
    total += data[i]!;
  }
  return [low, high, total];
}

// ------------------------------------------------------------------------------------------------------------ records

/** A trajectory is shown time by time when each entry is small and the times are not more than this. */
const mostShownTimes = 32;

function recordedTexts(recorded: readonly RecordedValues[]): string[] {
  if (recorded.length === 0) return [];
  const several = new Set(recorded.map(({ by }) => nameOfItem(by))).size > 1;
  const plain: [string, string][] = [];
  const blocks: string[] = [];
  for (const series of recorded) {
    const { name, of, by, trajectory, steps } = series;
    if (!trajectory) {
      plain.push([name, curveSummary(series)]);
      continue;
    }
    const which = [
      ...(several ? [`by ${nameOfItem(by)}`] : []),
      ...(by.kind === "outer" ? [`last of ${steps.length} records, meta-step ${steps.at(-1)}`] : []),
    ];
    const head = `recorded ${name}${which.length === 0 ? "" : ` (${which.join(", ")})`}`;
    blocks.push([head, ...trajectoryLines(of, lastOf(series))].join("\n"));
  }
  const table = plain.length === 0
    ? []
    : [["recorded, last values", ...tableText(plain, [false, false]).map((l) => `  ${l}`)].join("\n")];
  return [...table, ...blocks];
}

const lastOf = (series: RecordedValues) => recordedAt(series, series.values.shape[0]! - 1);

function curveSummary(series: RecordedValues): string {
  const first = recordedAt(series, 0);
  const last = lastOf(series);
  const [many] = series.values.shape;
  const count = `(${many} ${many === 1 ? "record" : "records"})`;
  if (last.shape.length > 0) return `${arrayText(last)}  ${count}`;
  return `${exactNumber(first.data[0]!, first.dtype)} to ${exactNumber(last.data[0]!, last.dtype)}  ${count}`;
}

function trajectoryLines(name: string, trajectory: HostArray): string[] {
  const times = trajectory.shape[0] ?? 0;
  const entry = sizeOf(trajectory.shape.slice(1));
  const shown = (list: readonly number[]) => {
    const values = alignSigns(list.map((time) => arrayText(sliceFirstAxis(trajectory, time))));
    return tableText(list.map((time, i) => [`  ${name}@${time}`, values[i]!]), [false, false]);
  };
  if (entry <= mostShownEntries && times <= mostShownTimes) return shown(Array.from({ length: times }, (_, t) => t));
  return [`  shape [${trajectory.shape.join(", ")}], axis 0 is time`, ...shown([0, times - 1])];
}
