// What is the short account of a run? One JSON object: `summary.json` of a run folder, and `Run.toJSON()`.
import type { HostArray } from "../ir/types.ts";
import { type CurvePoints, fewerPoints } from "../loop/curve.ts";
import { nameOfItem } from "../loop/records.ts";
import type { ImplicitReport, RunResult } from "../loop/results.ts";
import { sizesOf } from "../loop/statistics.ts";
import { areMany } from "./evaluation_arrays.ts";
import { type Json, jsonArray, jsonLosses, jsonNumber } from "./metrics.ts";

/** Version of the files in a run folder. A reader of version 1 reads every later file of version 1. */
export const runFormatVersion = 1;

/** What a run holds at its end, by name: what was learned, and where loops that ran by themselves have left what nobody learned. What two
 *  of them have left, or what is not finite, is no one value. */
export function valuesAtEnd({ leaves, simulations }: RunResult): ReadonlyMap<string, HostArray> {
  const ends = simulations.flatMap((s) => [...s.ends]).filter(([name]) => !leaves.has(name));
  const once = ends.filter(([name, { data }]) =>
    ends.filter(([other]) => other === name).length === 1 && data.every((x) => Number.isFinite(x))
  );
  return new Map([...leaves, ...once]);
}

/** The account of a run: outcome, first and last losses, gradients with verdicts, evaluations with each task's value, outputs,
 *  what was recorded, the final values. Arrays of more than 1,000 entries are given by shape only, and of evaluations during outers the
 *  values of the tasks are left out where they are more than 10,000 in all. */
export function summarizeRun(
  result: RunResult,
  /** The files that outputs were written to, by their names. */
  files: ReadonlyMap<string, string> = new Map(),
): { readonly [key: string]: Json } {
  const verdicts = result.gradients.flatMap((g) => g.verdicts);
  const many = areMany(result.evaluations);
  return {
    formatVersion: runFormatVersion,
    outcome: result.outcome,
    ...(result.failure ? { failure: result.failure.message } : {}),
    backend: result.backend,
    seed: result.seed,
    precision: result.precision,
    seconds: result.seconds,
    expectations: verdicts.length,
    missed: verdicts.filter((v) => !v.met).length,
    outers: result.outers.map(({ name, steps, done, seconds, until, kept, leftOut, implicit, ...curve }) => ({
      name,
      steps,
      done,
      firstLoss: done > 0 ? jsonNumber(curve.losses[0]!) : null,
      lastLoss: done > 0 ? jsonNumber(curve.losses.at(-1)!) : null,
      seconds,
      curve: curveSummary(curve),
      ...(until ? { until: { ...until, value: jsonNumber(until.value) } } : {}),
      ...(kept ? { kept: { ...kept } } : {}),
      ...(leftOut ? { leftOut: { ...leftOut } } : {}),
      ...implicitSummary(implicit),
    })),
    gradients: result.gradients.map(gradientSummary),
    evaluations: result.evaluations.map((e) => evaluationSummary(e, !e.during || !many)),
    outputs: result.outputs.map((output) => outputSummary(output, files.get(output.name))),
    simulations: result.simulations.map(({ loop, losses, taken }) => {
      const { values, thinned } = jsonLosses(losses);
      return { loop, losses: values, ...thinned, ...(taken === undefined ? {} : { taken }) };
    }),
    recorded: result.recorded.map(({ name, by, values: { shape: [count, ...shape] } }) => ({
      name,
      by: nameOfItem(by),
      count: count!,
      shape,
    })),
    plans: result.plans.map(({ keepAll, ...plan }) => ({ ...plan, keepAll: { ...keepAll } })),
    parameters: [...valuesAtEnd(result)].map(([name, array]) => ({
      name,
      dtype: array.dtype,
      shape: array.shape,
      ...(result.perStep?.includes(name) ? { perStep: true } : {}),
      value: jsonArray(array),
    })),
  };
}

/** Points of the curve of an outer loop in the account: of more, its ends and the extremes between. */
const mostCurvePoints = 1000;

/** Stretches of meta-steps of which the account has means, beside points. */
const mostMeans = 250;

function curveSummary(all: CurvePoints): Json {
  const { metaSteps, losses, gradientNorms } = fewerPoints(all, mostCurvePoints);
  return {
    metaSteps: [...metaSteps],
    losses: Array.from(losses, jsonNumber),
    gradientNorms: Array.from(gradientNorms, jsonNumber),
    ...(metaSteps.length < all.metaSteps.length ? meansOf(all) : {}),
  };
}

/** The means over each `every` meta-steps that follow one another, the last ones over fewer; none where not every meta-step is known. */
function meansOf({ metaSteps, losses, gradientNorms }: CurvePoints): { readonly means?: Json } {
  const steps = metaSteps.length;
  if (metaSteps.at(-1) !== steps - 1) return {};
  const every = Math.ceil(steps / mostMeans);
  const means = (values: Float64Array) =>
    Array.from({ length: Math.ceil(steps / every) }, (_, k) => {
      const stretch = values.subarray(k * every, (k + 1) * every);
      return jsonNumber(stretch.reduce((sum, x) => sum + x / stretch.length, 0));
    });
  return { means: { every, losses: means(losses), gradientNorms: means(gradientNorms) } };
}

function implicitSummary(reports: readonly ImplicitReport[] | undefined): { readonly implicit?: Json } {
  if (!reports) return {};
  return {
    implicit: reports.map(({ residual, gradientNorm, startNorm, left, ...rest }) => ({
      ...rest,
      residual: jsonNumber(residual),
      gradientNorm: jsonNumber(gradientNorm),
      startNorm: jsonNumber(startNorm),
      left: jsonNumber(left),
    })),
  };
}

/** What is said of an array with more entries than are written. */
function jsonSizes({ data }: HostArray): { readonly [key: string]: Json } {
  const { norm, least, largest } = sizesOf(data);
  return { norm: jsonNumber(norm), least: jsonNumber(least), largest: jsonNumber(largest) };
}

function gradientSummary({ label, after, value, wrt, implicit, verdicts }: RunResult["gradients"][number]): Json {
  return {
    label,
    ...(after === undefined ? {} : { after }),
    value: jsonNumber(value),
    wrt: wrt.map((w) => ({
      label: w.label,
      leaves: w.leaves.map(({ name, gradient }) => {
        const value = jsonArray(gradient);
        return { name, shape: gradient.shape, gradient: value, ...(value === null ? jsonSizes(gradient) : {}) };
      }),
    })),
    ...implicitSummary(implicit),
    expectations: verdicts.map((v) => ({
      label: v.label,
      expected: v.expected.map(jsonNumber),
      actual: v.actual.map(jsonNumber),
      within: v.within,
      difference: jsonNumber(v.difference),
      met: v.met,
    })),
  };
}

function evaluationSummary(
  { name, tasks, during, reports }: RunResult["evaluations"][number],
  withValues: boolean,
): Json {
  return {
    name,
    tasks,
    ...(during ? { during: { ...during } } : {}),
    reports: reports.map(({ label, points }) => ({
      label,
      points: points.map((p) => ({
        time: p.time ?? null,
        mean: jsonNumber(p.mean),
        median: jsonNumber(p.median),
        interval: p.interval?.map(jsonNumber) ?? null,
        nonFinite: p.nonFinite,
        values: withValues ? Array.from(p.values, jsonNumber) : null,
      })),
    })),
  };
}

function outputSummary(output: RunResult["outputs"][number], file: string | undefined): Json {
  const { name, label, after, tasks, dims, nonFinite, value } = output;
  return {
    name,
    of: label,
    ...(after === undefined ? {} : { after }),
    ...(tasks === undefined ? {} : { tasks }),
    dtype: value.dtype,
    shape: value.shape,
    dims,
    nonFinite,
    value: jsonArray(value),
    ...(file === undefined ? {} : { file }),
  };
}
