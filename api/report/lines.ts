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

/** A run with its curve. */
interface RunCurve {
  readonly run: ReportedRun;
  readonly curve: Curve;
}

/** The lines of all runs that have the curve. `bands`: what the bands of a single run are. Where a setting has runs of the same steps these are
 *  a mean, and those that have others, as they were stopped or failed, stand behind it. */
export function linesOf(
  groups: readonly RunGroup[],
  curveOf: (run: ReportedRun) => Curve | undefined,
  bands?: string,
): Lines {
  const there = groups.map((group) => {
    const curves = group.runs.flatMap((run): RunCurve[] => {
      const curve = curveOf(run);
      return curve && curve.x.length > 0 ? [{ run, curve }] : [];
    });
    return { ...group, curves, alike: mostAlike(curves) };
  });
  const several = there.filter(({ curves }) => curves.length > 1);
  if (several.length === 0 || several.some(({ alike }) => alike.length < 2)) {
    const series = namedRuns(groups).flatMap(({ run, label, look }) => {
      const curve = there.flatMap(({ curves }) => curves).find((each) => each.run === run)?.curve;
      return curve ? [{ label, look, ...curve }] : [];
    });
    return { series, ...(bands !== undefined && series.some(({ band }) => band) ? { bands } : {}) };
  }
  const series = there.filter(({ curves }) => curves.length > 0).flatMap(({ label, look, curves, alike }): Series[] => {
    const named = (text: string) => label === "" ? text : `${label}, ${text}`;
    const seeds = curves.length === 1 ? `seed ${curves[0]!.run.said.seed}` : `mean of ${alike.length} seeds`;
    const others = curves.filter((each) => !alike.includes(each));
    const behind = `other steps: seed ${others.map(({ run }) => run.said.seed).join(", ")}`;
    return [
      ...others.map(({ curve: { x, y } }): Series => ({ label: named(behind), look, x, y, faint: true })),
      { label: named(seeds), look, ...meanOf(alike.map(({ curve }) => curve)) },
    ];
  });
  return { series, bands: "bands go from the least to the largest seed" };
}

/** Of curves those that have the same steps: the most of them, and of as many the longest. */
function mostAlike(curves: readonly RunCurve[]): readonly RunCurve[] {
  const kinds: RunCurve[][] = [];
  for (const each of curves) {
    const kind = kinds.find(([first]) => sameSteps([first!.curve, each.curve]));
    if (kind) kind.push(each);
    else kinds.push([each]);
  }
  const size = (kind: readonly RunCurve[]) => kind[0]!.curve.x.length;
  return kinds.sort((a, b) => b.length - a.length || size(b) - size(a))[0] ?? [];
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
