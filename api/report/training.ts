// What is shown of outer loops, and of inner ones that ran by themselves? How the loss went, and the norm of the meta-gradient.
import type { Block, Cell, Chart, Section, Series } from "../../draw/report.ts";
import { duration } from "../numbers.ts";
import { keptText, leftOutText, untilText } from "../report_text.ts";
import {
  type CurveAccount,
  type Figure,
  figure,
  figures,
  type OuterAccount,
  type SimulationAccount,
} from "./account.ts";
import { exact, grouped, short, whole } from "./cells.ts";
import { chartOf, type Curve, type Lines, linesOf, namedRuns, type RunGroup } from "./lines.ts";
import type { ReportedRun } from "./reported_run.ts";

/** Each name once, in the order in which runs have it. */
export function namesIn(groups: readonly RunGroup[], namesOf: (run: ReportedRun) => readonly string[]): string[] {
  return [...new Set(groups.flatMap(({ runs }) => runs.flatMap(namesOf)))];
}

/** How outer loops went. */
export function trainingSection(groups: readonly RunGroup[]): Section[] {
  const names = namesIn(groups, ({ account }) => (account.outers ?? []).map(({ name }) => name));
  if (names.length === 0) return [];
  const charts = names.flatMap((name) => [
    ...curveChart(groups, name, { of: "losses", title: `${name}: loss`, y: `${name}.loss` }),
    ...curveChart(groups, name, {
      of: "gradientNorms",
      title: `${name}: norm of the meta-gradient`,
      y: `${name}.gradient_norm`,
    }),
  ]);
  return [{ title: "Training", blocks: [...charts, outerTable(groups)] }];
}

const outerOf = ({ account }: ReportedRun, name: string) => account.outers?.find((outer) => outer.name === name);

type Numbers = "losses" | "gradientNorms";

function curveChart(
  groups: readonly RunGroup[],
  name: string,
  { of, title, y }: { readonly of: Numbers; readonly title: string; readonly y: string },
): Chart[] {
  const curveIn = (run: ReportedRun) => outerOf(run, name)?.curve;
  const lines = linesOf(groups, (run) => smoothest(curveIn(run), of));
  const alone = groups.length === 1 && groups[0]!.runs.length === 1 ? curveIn(groups[0]!.runs[0]!) : undefined;
  const shown = alone?.means ? besidePoints(alone, of, lines.series) : lines;
  const thinned = !alone && groups.some(({ runs }) => runs.some((run) => curveIn(run)?.means));
  const note = thinned ? "each point is the mean of a stretch of meta-steps" : undefined;
  return chartOf({ title, x: "meta-step", y }, shown, note);
}

/** Means of stretches where there are some, at the middle of each; else every point. */
function smoothest(curve: CurveAccount | undefined, of: Numbers): Curve | undefined {
  if (!curve) return undefined;
  const { metaSteps, means } = curve;
  if (!means) return { x: metaSteps, y: figures(curve[of]) };
  const last = metaSteps.at(-1)!;
  const middles = means[of].map((_, k) => (k * means.every + Math.min(last, (k + 1) * means.every - 1)) / 2);
  return { x: middles, y: figures(means[of]) };
}

function besidePoints(
  curve: CurveAccount,
  of: Numbers,
  means: readonly Series[],
): Lines {
  const { every } = curve.means!;
  return {
    series: [
      {
        label: "meta-steps, with the extremes of each stretch",
        look: 5,
        faint: true,
        x: curve.metaSteps,
        y: figures(curve[of]),
      },
      ...means.map((line) => ({ ...line, label: `mean of ${every} meta-steps` })),
    ],
  };
}

function outerTable(groups: readonly RunGroup[]): Block {
  const runs = namedRuns(groups);
  const several = runs.length > 1;
  const rows = runs.flatMap(({ run, label }) =>
    (run.account.outers ?? []).map((outer) => {
      const { name, done, steps, firstLoss, lastLoss, seconds } = outer;
      const time = seconds === undefined ? "" : { value: seconds, shown: duration(seconds) };
      return [
        ...(several ? [label] : []),
        name,
        done === steps ? whole(done) : { value: done, shown: `${grouped(done)} of ${grouped(steps)}` },
        short(firstLoss),
        short(lastLoss),
        time,
        endText(outer),
      ];
    })
  );
  const ends = rows.some((row) => row.at(-1) !== "");
  const head = [
    ...(several ? ["run"] : []),
    "outer",
    "meta-steps",
    "first loss",
    "last loss",
    "time",
    ...(ends ? ["ended"] : []),
  ];
  return { kind: "table", head, rows: ends ? rows : rows.map((row) => row.slice(0, -1)) };
}

function endText({ until, kept, leftOut, done }: OuterAccount): string {
  return [
    ...(leftOut && leftOut.tasks > 0 ? [leftOutText(leftOut, done)] : []),
    ...(until ? [untilText({ ...until, value: figure(until.value) }, done)] : []),
    ...(kept ? [keptText({ ...kept, value: figure(kept.value) }, done)] : []),
  ].join("; ");
}

/** Inner loops that ran by themselves. */
export function simulationSection(groups: readonly RunGroup[]): Section[] {
  const names = namesIn(groups, ({ account }) => (account.simulations ?? []).map(({ loop }) => loop));
  const charts = names.flatMap((name): Chart[] => {
    const lines = linesOf(
      groups,
      ({ account }) => lossesOf(account.simulations?.find(({ loop }) => loop === name)),
    );
    return chartOf({ title: `${name}: loss before each step`, x: `step of ${name}`, y: `${name}.loss` }, lines);
  });
  return names.length === 0
    ? []
    : [{ title: "Inner loops by themselves", blocks: [...charts, simulationTable(groups)] }];
}

function simulationTable(groups: readonly RunGroup[]): Block {
  const runs = namedRuns(groups);
  const several = runs.length > 1;
  const rows = runs.flatMap(({ run: { account }, label }) =>
    (account.simulations ?? []).map(({ loop, losses, steps = losses.length, last = losses.at(-1), taken }): Cell[] => {
      const precision = account.precision === "f32" ? "f32" : "f64";
      const loss = (value: Figure | undefined): Cell => value === undefined ? "" : exact(value, precision);
      return [
        ...(several ? [label] : []),
        loop,
        taken === undefined ? whole(steps) : { value: taken, shown: `${grouped(taken)} of ${grouped(steps)}` },
        loss(losses[0]),
        loss(last),
      ];
    })
  );
  return { kind: "table", head: [...(several ? ["run"] : []), "loop", "steps", "first loss", "last loss"], rows };
}

/** Losses before each step that was taken: what comes after is repeated. */
function lossesOf(simulation: SimulationAccount | undefined): Curve | undefined {
  if (!simulation) return undefined;
  const { losses, every = 1, steps, last, taken = Infinity } = simulation;
  const points = losses.map((loss, i) => [i * every, figure(loss)] as const).filter(([step]) => step < taken);
  const end = (steps ?? 0) - 1;
  if (last !== undefined && end > (points.at(-1)?.[0] ?? -1) && end < taken) points.push([end, figure(last)]);
  return { x: points.map(([step]) => step), y: points.map(([, loss]) => loss) };
}
