// How do the events of a run become lines? One flat object for each number (or small array): the lines of
// `metrics.jsonl` and of `--json`. The schema is documented in docs/cli.md.
import type { HostArray } from "../ir/types.ts";
import type { RunEvent } from "../loop/events.ts";
import type { EvaluationResult, GradientResult, OutputResult, Recorded } from "../loop/results.ts";

/** A JSON value. Numbers that JSON lacks stand as "NaN", "Infinity" and "-Infinity".
 *
 *  @category Arrays */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** One line: `kind`, `step` (meta-steps, null outside of outer loops), `name`, `value`, `seconds` since the run began,
 *  and what the kind adds. */
export type MetricLine = { readonly [key: string]: Json };

/** A number as JSON can hold it. */
export function jsonNumber(x: number): number | string {
  return Number.isFinite(x) ? x : String(x);
}

/** Arrays with more entries than this are not written into a line; their `value` is null. */
const mostInlineEntries = 1000;

/** The value of an array for a line: a number for a scalar, a flat list, or null when it is too long. */
export function jsonArray(array: HostArray, most: number = mostInlineEntries): Json {
  if (array.shape.length === 0) return jsonNumber(array.data[0]!);
  if (array.data.length > most) return null;
  return Array.from<number>(array.data).map(jsonNumber);
}

/** A loop by itself with more steps than this has some of its losses only, in a line and in the summary. */
const mostLosses = 100_000;

/** Losses before each step: all of them; of more than `most` those before the steps 0, N, 2N, …, with `every` (N, a power of two),
 *  `steps` (how many there are) and `last`. */
export function jsonLosses(
  losses: Float64Array,
  most: number = mostLosses,
): { readonly values: readonly Json[]; readonly thinned: { readonly [key: string]: Json } } {
  let every = 1;
  while (losses.length > most * every) every *= 2;
  const values = Array.from({ length: Math.ceil(losses.length / every) }, (_, i) => jsonNumber(losses[i * every]!));
  return { values, thinned: every === 1 ? {} : { every, steps: losses.length, last: jsonNumber(losses.at(-1)!) } };
}

/** The lines of an event; none for those that carry no number. */
export function metricLines(event: RunEvent, elapsed: number): readonly MetricLine[] {
  const seconds = microseconds(elapsed);
  switch (event.kind) {
    case "started":
      return [{ ...event, outers: event.outers.map((o) => ({ ...o })), seconds }];
    case "step": {
      const { outer, step, steps, loss, gradientNorm, stepsPerSecond, secondsLeft } = event;
      const pace = { stepsPerSecond: microseconds(stepsPerSecond), secondsLeft: microseconds(secondsLeft) };
      const { leftOut } = event;
      const value = {
        value: jsonNumber(loss),
        gradientNorm: jsonNumber(gradientNorm),
        ...(leftOut === undefined ? {} : { leftOut }),
      };
      return [{ kind: "step", step, name: `${outer}.loss`, ...value, steps, ...pace, seconds }];
    }
    case "recorded":
      return [{ ...recordedLine(event.recorded), seconds }];
    case "evaluation":
      return evaluationLines(event.evaluation).map((line) => ({ ...line, seconds }));
    case "output":
      return [{ ...outputLine(event.output), seconds }];
    case "gradient":
      return gradientLines(event.gradient).map((line) => ({ ...line, seconds }));
    case "implicit": {
      const { outer, report: { loop, residual, equation, gradientNorm, startNorm, left, arrived } } = event;
      const norms = {
        equation,
        gradientNorm: jsonNumber(gradientNorm),
        startNorm: jsonNumber(startNorm),
        left: jsonNumber(left),
        arrived,
      };
      const by: MetricLine = outer ? { outer: outer.name } : {};
      return [{
        kind: "implicit",
        step: outer?.step ?? null,
        name: loop,
        value: jsonNumber(residual),
        ...norms,
        ...by,
        seconds,
      }];
    }
    case "simulation": {
      const { loop, losses } = event.simulation;
      const { values, thinned } = jsonLosses(losses);
      const line = { kind: "simulation", step: null, name: `${loop}.loss`, value: values, shape: [values.length] };
      return [{ ...line, ...thinned, seconds }];
    }
    case "until": {
      const { outer, step, held: { until, value } } = event;
      return [{ kind: "until", step, name: until, value: jsonNumber(value), outer, seconds }];
    }
    case "kept": {
      const { outer, kept: { evaluation, step, value, report, better } } = event;
      return [{ kind: "kept", step, name: evaluation, value, report, better, outer, seconds }];
    }
    case "finished":
      return [{ ...event, seconds }];
  }
}

/** More digits of a clock say nothing. */
function microseconds(seconds: number): number {
  return Math.round(seconds * 1e6) / 1e6;
}

function recordedLine({ name, by, trajectory, value }: Recorded): MetricLine {
  const origin: MetricLine = by.kind === "outer"
    ? { outer: by.name }
    : by.kind === "gradient"
    ? { gradient: by.index }
    : { simulation: by.loop };
  const step = by.kind === "outer" ? by.step : null;
  return { kind: "recorded", step, name, value: jsonArray(value), shape: value.shape, trajectory, ...origin };
}

function evaluationLines(evaluation: EvaluationResult): MetricLine[] {
  const { name, tasks, during } = evaluation;
  return evaluation.reports.flatMap(({ label, points }) =>
    points.map((point): MetricLine => ({
      kind: "evaluation",
      step: during?.step ?? null,
      ...(during ? { outer: during.outer } : {}),
      name,
      report: label,
      time: point.time ?? null,
      value: jsonNumber(point.mean),
      median: jsonNumber(point.median),
      interval: point.interval?.map(jsonNumber) ?? null,
      tasks,
      nonFinite: point.nonFinite,
    }))
  );
}

function outputLine({ name, label, after, tasks, dims, nonFinite, value }: OutputResult): MetricLine {
  return {
    kind: "output",
    step: null,
    name,
    of: label,
    value: jsonArray(value),
    dtype: value.dtype,
    shape: value.shape,
    dims,
    nonFinite,
    ...(after === undefined ? {} : { after }),
    ...(tasks === undefined ? {} : { tasks }),
  };
}

function gradientLines({ index, label, after, value, wrt, verdicts }: GradientResult): MetricLine[] {
  const base = { step: null, of: label, gradient: index, ...(after === undefined ? {} : { after }) };
  return [
    { kind: "gradient", name: "value", value: jsonNumber(value), ...base },
    ...wrt.flatMap((w) =>
      w.leaves.map(({ name, gradient }): MetricLine => ({
        kind: "gradient",
        name: w.leaves.length === 1 ? w.label : name,
        wrt: w.label,
        value: jsonArray(gradient),
        shape: gradient.shape,
        ...base,
      }))
    ),
    ...verdicts.map((v): MetricLine => ({
      kind: "expectation",
      name: v.label,
      value: v.actual.length === 1 ? jsonNumber(v.actual[0]!) : v.actual.map(jsonNumber),
      expected: v.expected.length === 1 ? jsonNumber(v.expected[0]!) : v.expected.map(jsonNumber),
      within: v.within,
      difference: jsonNumber(v.difference),
      met: v.met,
      ...base,
    })),
  ];
}

/** Reads a file of lines. A last line that a crash cut short is left out; any other line that is not JSON throws
 *  SyntaxError with its number. */
export function parseMetrics(text: string): readonly MetricLine[] {
  const lines = text.split("\n");
  const last = lines.pop()!; // "" when the file ends with a line end
  const parsed = lines.map((line, i) => {
    try {
      return JSON.parse(line) as MetricLine;
    } catch {
      throw new SyntaxError(`Line ${i + 1} is not JSON`);
    }
  });
  try {
    return last === "" ? parsed : [...parsed, JSON.parse(last) as MetricLine];
  } catch {
    return parsed;
  }
}
