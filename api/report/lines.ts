// Which lines stand in a chart of several runs? One for each run, or for runs that differ by their seeds alone the mean with a band from the
// least to the largest of them.
import type { Chart, Series } from "../../draw/report.ts";
import type { ReportedRun } from "./reported_run.ts";

/** Runs that differ by their seeds alone. */
export interface RunGroup {
  /** What tells it from the others; empty where it is the only one. */
  readonly label: string;
  readonly look: number;
  readonly runs: readonly ReportedRun[];
}

/** A curve of a run. */
export interface Curve {
  readonly x: ArrayLike<number>;
  readonly y: ArrayLike<number>;
  readonly band?: NonNullable<Series["band"]>;
}

/** A run with what it is called in a chart, and how it looks. */
export interface NamedRun {
  readonly run: ReportedRun;
  /** Empty where it is the only one. */
  readonly label: string;
  readonly look: number;
}

/** Each run with what it is called. */
export function namedRuns(groups: readonly RunGroup[]): NamedRun[] {
  const several = groups.some(({ runs }) => runs.length > 1);
  const named = groups.flatMap(({ label, look, runs }) =>
    runs.map((run) => ({
      run,
      look,
      label: [...(label === "" ? [] : [label]), ...(several ? [`seed ${run.said.seed}`] : [])].join(", "),
    }))
  );
  return several ? named.map((each, i) => ({ ...each, look: i })) : named;
}

/** Lines of a chart, and what their bands are. */
export type Lines = Pick<Chart, "series" | "bands">;

/** The lines of all runs that have the curve. `bands`: what the bands of a single run are. */
export function linesOf(
  groups: readonly RunGroup[],
  curveOf: (run: ReportedRun) => Curve | undefined,
  bands?: string,
): Lines {
  const there = groups.map((group) => ({
    ...group,
    curves: group.runs.flatMap((run) => {
      const curve = curveOf(run);
      return curve && curve.x.length > 0 ? [{ run, curve }] : [];
    }),
  }));
  const joined = there.filter(({ curves }) => curves.length > 1);
  if (joined.length === 0 || !joined.every(({ curves }) => sameSteps(curves.map(({ curve }) => curve)))) {
    const series = namedRuns(groups).flatMap(({ run, label, look }) => {
      const curve = there.flatMap(({ curves }) => curves).find((each) => each.run === run)?.curve;
      return curve ? [{ label, look, ...curve }] : [];
    });
    return { series, ...(bands !== undefined && series.some(({ band }) => band) ? { bands } : {}) };
  }
  const series = there.flatMap(({ label, look, curves }) => {
    if (curves.length === 0) return [];
    const seeds = curves.length === 1 ? `seed ${curves[0]!.run.said.seed}` : `mean of ${curves.length} seeds`;
    const name = label === "" ? seeds : `${label}, ${seeds}`;
    return [{ label: name, look, ...meanOf(curves.map(({ curve }) => curve)) }];
  });
  return { series, bands: "bands go from the least to the largest seed" };
}

function sameSteps(curves: readonly Curve[]): boolean {
  const [first] = curves as [Curve, ...Curve[]];
  return curves.every(({ x }) =>
    x.length === first.x.length && Array.prototype.every.call(x, (at, i) => at === first.x[i])
  );
}

function meanOf(curves: readonly Curve[]): Curve {
  const [first] = curves as [Curve, ...Curve[]];
  // of one seed there is no band of this kind
  if (curves.length === 1) return { x: first.x, y: first.y };
  const at = (f: (values: readonly number[]) => number) =>
    Float64Array.from({ length: first.x.length }, (_, i) => f(curves.map(({ y }) => y[i]!)));
  return {
    x: first.x,
    // divided first: the sum of large ones may not be finite
    y: at((values) => values.reduce((sum, value) => sum + value / values.length, 0)),
    band: { low: at((values) => Math.min(...values)), high: at((values) => Math.max(...values)) },
  };
}

/** A chart of lines, where there are some. */
export function chartOf(
  axes: Pick<Chart, "title" | "x" | "y">,
  { series, ...lines }: Lines,
  ...notes: readonly (string | undefined)[]
): Chart[] {
  const said = notes.filter((note) => note !== undefined);
  if (series.length === 0) return [];
  return [{ kind: "chart", ...axes, series, ...lines, ...(said.length > 0 ? { note: said.join("; ") } : {}) }];
}
