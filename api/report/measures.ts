// What is shown of what was measured? Evaluations with their intervals, differences in pairs, gradients with their verdicts.
import type { Block, Cell, Chart, IntervalRow, Section, Table } from "../../draw/report.ts";
import type { ComparedQuantity, Estimate } from "../comparison.ts";
import { arrayText, compactNumber, manyText, shortNumber } from "../numbers.ts";
import { expectedText, oddTasks } from "../report_text.ts";
import { entriesOf, type EvaluationAccount, figure, type GradientAccount, type PointAccount } from "./account.ts";
import { exact, grouped, intervalText, short, whole } from "./cells.ts";
import { chartOf, type Curve, linesOf, type NamedRun, namedRuns, type RunGroup } from "./lines.ts";
import type { ReportedRun } from "./reported_run.ts";
import { namesIn } from "./training.ts";

// -------------------------------------------------------------------------------------------------------- evaluations

/** A report of an evaluation. */
interface ReportPlace {
  readonly name: string;
  /** Which of its reports, from 0. */
  readonly index: number;
  readonly label: string;
}

/** Evaluations: how they went, and where they ended. */
export function evaluationSection(groups: readonly RunGroup[]): Section[] {
  const places = placesIn(groups);
  if (places.length === 0) return [];
  const blocks = places.flatMap((place) => [...duringChart(groups, place), ...timesChart(groups, place)]);
  return [{ title: "Evaluations", blocks: [...blocks, ...duringTable(groups), ...lastTable(groups)] }];
}

function placesIn(groups: readonly RunGroup[]): ReportPlace[] {
  const all = groups.flatMap(({ runs }) =>
    runs.flatMap(({ account }) =>
      (account.evaluations ?? []).flatMap(({ name, reports }) =>
        reports.map(({ label }, index) => ({ name, index, label }))
      )
    )
  );
  return [...new Map(all.map((place) => [JSON.stringify(place), place])).values()];
}

const evaluationsOf = ({ account }: ReportedRun, { name, index, label }: ReportPlace) =>
  (account.evaluations ?? []).filter((each) => each.name === name && each.reports[index]?.label === label);

function curveOf(points: readonly { readonly at: number; readonly point: PointAccount }[]): Curve {
  const bounded = points.length > 0 && points.every(({ point }) => point.interval);
  const end = (which: 0 | 1) => points.map(({ point }) => figure(point.interval![which]));
  return {
    x: points.map(({ at }) => at),
    y: points.map(({ point }) => figure(point.mean)),
    ...(bounded ? { band: { low: end(0), high: end(1) } } : {}),
  };
}

/** What bands of one run are. */
const ofTasks = "the band is the 95 % interval of the mean over tasks";

/** An evaluation that was made often, by meta-steps. */
function duringChart(groups: readonly RunGroup[], place: ReportPlace): Chart[] {
  const { name, index, label } = place;
  const outers = namesIn(
    groups,
    (run) => evaluationsOf(run, place).flatMap(({ during }) => during ? [during.outer] : []),
  );
  return outers.flatMap((outer): Chart[] => {
    const lines = linesOf(groups, (run) => {
      const made = evaluationsOf(run, place).flatMap((each) => {
        const at = each.during ? (each.during.outer === outer ? each.during.step : undefined) : endOf(run, outer);
        return at === undefined ? [] : [{ at, point: each.reports[index]!.points.at(-1)! }];
      });
      const during = evaluationsOf(run, place).some((each) => each.during?.outer === outer);
      return during ? curveOf(made) : undefined;
    }, ofTasks);
    if (!lines.series.some(({ x }) => x.length > 1)) return [];
    return chartOf({ title: `${name} during ${outer}`, x: `meta-step of ${outer}`, y: label }, lines);
  });
}

/** The meta-steps after which the evaluation is made that comes at the end of a run, where that sees what this outer left: not the best that
 *  it kept (of which it was evaluated after its last meta-step, too), and not what another outer made of it. */
function endOf({ account: { outers = [] } }: ReportedRun, outer: string): number | undefined {
  const last = outers.at(-1);
  return last?.name === outer && !last.kept ? last.done : undefined;
}

/** A report at several times, as it was made last. */
function timesChart(groups: readonly RunGroup[], place: ReportPlace): Chart[] {
  const { name, index, label } = place;
  const lines = linesOf(groups, (run) => {
    const points = evaluationsOf(run, place).at(-1)?.reports[index]?.points ?? [];
    const timed = points.flatMap((point) => typeof point.time === "number" ? [{ at: point.time, point }] : []);
    return timed.length < 2 ? undefined : curveOf(timed);
  }, ofTasks);
  return chartOf({ title: `${name} by inner steps, made last`, x: "step of the inner loop", y: label }, lines);
}

/** Rows of a table of evaluations of one run; where there would be more, and where there are several runs, the curves say it. */
const mostShownRows = 60;

const haveRoom = (groups: readonly RunGroup[], shown: readonly Shown[]) =>
  groups.length === 1 && groups[0]!.runs.length === 1 && countOf(shown) <= mostShownRows;

/** An evaluation of a run, at the times of it that are shown. */
interface Shown {
  readonly run: string;
  readonly evaluation: EvaluationAccount;
  readonly points: (points: readonly PointAccount[]) => readonly PointAccount[];
}

/** Every evaluation as it was made last, at all of its times where they have room, else at the last one. */
function lastTable(groups: readonly RunGroup[]): Table[] {
  const all = (points: Shown["points"]) =>
    namedRuns(groups).flatMap(({ run, label }) =>
      lastOnes(run).map((evaluation): Shown => ({ run: label, evaluation, points }))
    );
  const whole = all((points) => points);
  return pointTable("As made last", haveRoom(groups, whole) ? whole : all((points) => points.slice(-1)));
}

/** The evaluations that were made during training: all of them where they have room, else those of which no curve shows more than one. */
function duringTable(groups: readonly RunGroup[]): Table[] {
  const all = namedRuns(groups).flatMap(({ run, label }) => {
    const made = (run.account.evaluations ?? []).filter(({ during }) => during);
    return made.map((evaluation) => ({
      run: label,
      evaluation,
      points: (points: readonly PointAccount[]) => points.slice(-1),
      alone: made.filter(({ name, during }) => name === evaluation.name && during!.outer === evaluation.during!.outer)
        .length === 1,
    }));
  });
  return pointTable(
    "As made during training",
    haveRoom(groups, all) ? all : all.filter(({ alone }) => alone),
  );
}

const pointsIn = ({ evaluation: { reports }, points }: Shown) =>
  reports.flatMap((report) => points(report.points).map((point) => ({ label: report.label, point })));

const countOf = (shown: readonly Shown[]) => shown.reduce((sum, each) => sum + pointsIn(each).length, 0);

function pointTable(title: string, shown: readonly Shown[]): Table[] {
  const rows = shown.flatMap((each) => {
    const { run, evaluation: { name, tasks, during } } = each;
    return pointsIn(each).map(({ label, point }): Cell[] => {
      const { time, mean, median, interval, nonFinite = 0 } = point;
      return [
        run,
        name,
        during ? `${during.outer} ${grouped(during.step)}` : "",
        time === null || time === undefined ? label : `${label} at ${time}`,
        short(mean),
        intervalText(interval),
        short(median),
        whole(tasks),
        oddTasks({ mean: figure(mean), nonFinite, count: tasks }),
      ];
    });
  });
  if (rows.length === 0) return [];
  const head = ["run", "evaluation", "at meta-step", "report", "mean", "95 % interval", "median", "tasks", ""];
  // what no row has is no column
  const told = head.map((name, c) => name === "mean" || rows.some((row) => row[c] !== ""));
  const kept = <T>(row: readonly T[]) => row.filter((_, c) => told[c]);
  return [{ kind: "table", title, head: kept(head), rows: rows.map(kept) }];
}

const lastOnes = ({ account }: ReportedRun): EvaluationAccount[] => [
  ...new Map((account.evaluations ?? []).map((each) => [each.name, each])).values(),
];

// -------------------------------------------------------------------------------------------------------- differences

/** How settings differ, in pairs. `compared` as `compareSettings` gives it. */
export function differenceSection(
  compared: readonly ComparedQuantity[],
  looks: ReadonlyMap<string, number>,
): Section[] {
  const blocks = compared.filter(({ settings }) => settings.length > 1).flatMap(({ name, settings }): Block[] => {
    const [first] = settings;
    const paired = settings.filter(({ difference }) => difference);
    const row = (setting: string, { mean, interval }: Estimate): IntervalRow => ({
      label: setting,
      look: looks.get(setting) ?? 0,
      mean,
      ...(interval ? { interval } : {}),
    });
    return [
      {
        kind: "intervals",
        title: name,
        x: "mean, with its 95 % interval",
        rows: settings.map((s) => row(s.setting, s.value)),
      },
      ...(paired.length === 0 ? [] : [{
        kind: "intervals" as const,
        title: `${name}, less ${first!.setting}`,
        x: "difference in pairs, with its 95 % interval",
        rows: paired.map((s) => row(s.setting, s.difference!)),
        zero: true as const,
      }]),
      {
        kind: "table",
        head: ["setting", "mean", "95 % interval", "of", `less ${first!.setting}`, "95 % interval", "pairs"],
        rows: settings.map(({ setting, value, difference }) => [
          setting,
          short(value.mean),
          intervalText(value.interval),
          overText(value),
          ...(difference
            ? [short(difference.mean), intervalText(difference.interval), overText(difference)]
            : ["", "", ""]),
        ]),
      },
    ];
  });
  const about =
    "Differences are in pairs of the same seed, whose draws are the same, or of one seed in pairs of its tasks: " +
    "an interval that does not reach 0 shows one. Only runs that are done count.";
  return blocks.length === 0 ? [] : [{ title: "Differences between settings", about, blocks }];
}

const overText = ({ count, over }: Estimate) => `${count} ${count === 1 ? over.slice(0, -1) : over}`;

// ---------------------------------------------------------------------------------------------------------- gradients

/** Gradients with their verdicts. */
export function gradientSection(groups: readonly RunGroup[]): Section[] {
  const runs = namedRuns(groups);
  const tables = runs.flatMap((named) =>
    (named.run.account.gradients ?? []).map((gradient) => gradientTable(gradient, named))
  );
  const shown = tables.slice(0, mostTables);
  if (shown.length === 0) return [];
  const more = tables.length - shown.length;
  const rest: Block[] = more > 0 ? [{ kind: "words", text: `${more} more stand in the folders, in summary.json` }] : [];
  return [{ title: "Gradients", blocks: [...shown, ...rest] }];
}

const mostTables = 30;

type Precision = "f32" | "f64";

function gradientTable({ label, after, value, wrt = [], expectations = [] }: GradientAccount, run: NamedRun): Table {
  const precision = run.run.account.precision === "f32" ? "f32" : "f64";
  const verdicts = new Map(expectations.map((each) => [each.label, each]));
  const judged = expectations.length > 0;
  const verdictOf = (name: string): Cell[] => {
    if (!judged) return [];
    const verdict = verdicts.get(name);
    if (!verdict) return ["", "", ""];
    const { expected, within, met, difference } = verdict;
    return [
      expected.length === 1 ? exact(expected[0]) : expectedText(Array.from(expected, figure)),
      { value: within, shown: compactNumber(within) },
      met ? "ok" : `missed by ${shortNumber(figure(difference))}`,
    ];
  };
  const rows = wrt.flatMap(({ label: name, leaves }): Cell[][] => {
    const tensors = leaves.map((leaf) => ({ leaf: leaf.name, cells: gradientCells(leaf, precision) }));
    const row = (of: string, cells: readonly Cell[], verdict: string): Cell[] => [of, ...cells, ...verdictOf(verdict)];
    if (tensors.length === 1) return [row(name, tensors[0]!.cells, name)];
    const each = tensors.map(({ leaf, cells }) => row(`  ${leaf}`, cells, ""));
    return [row(name, [`${leaves.length} tensors`], name), ...each];
  });
  const place = after === undefined ? [] : [`after ${after}`];
  return {
    kind: "table",
    title: [`gradient ${label}`, ...place, ...(run.label === "" ? [] : [run.label])].join(", "),
    head: ["of", "gradient", ...(judged ? ["expected", "within", "verdict"] : [])],
    rows: [["value", exact(value, precision), ...verdictOf("value")], ...rows],
  };
}

type Leaf = NonNullable<GradientAccount["wrt"]>[number]["leaves"][number];

function gradientCells({ gradient, shape, norm, least, largest }: Leaf, precision: Precision): Cell[] {
  const values = entriesOf(gradient);
  if (values?.length === 1) return [exact(values[0], precision)];
  if (values) return [arrayText({ dtype: precision, shape, data: values })];
  // earlier versions kept nothing of large ones
  if (norm === undefined) return [`[${shape.join(", ")}], not kept`];
  return [manyText(shape, { norm: figure(norm), least: figure(least), largest: figure(largest) })];
}
