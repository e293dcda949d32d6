// How good were implicit derivatives? They belong to a solution, and are as wrong as the loop is far from one.
import type { Cell, Section } from "../../draw/report.ts";
import { shortNumber } from "../numbers.ts";
import { poorResidual } from "../report_text.ts";
import { figure, type ImplicitAccount } from "./account.ts";
import { grouped, short } from "./cells.ts";
import { namedRuns, type RunGroup } from "./lines.ts";
import type { ReportedRun } from "./reported_run.ts";

interface Solve {
  /** The item whose derivative it is. */
  readonly of: string;
  readonly report: ImplicitAccount;
  /** Meta-steps that were made; undefined of a `gradient`. */
  readonly done: number | undefined;
}

function solvesOf({ account: { outers = [], gradients = [] } }: ReportedRun): Solve[] {
  return [
    ...outers.flatMap(({ name, done, implicit = [] }) => implicit.map((report) => ({ of: name, report, done }))),
    ...gradients.flatMap(({ label, implicit = [] }) =>
      implicit.map((report) => ({ of: `gradient ${label}`, report, done: undefined }))
    ),
  ];
}

/** Whether the loop arrived, each time. */
function arrivalText({ report: { arrived, missed }, done }: Solve): string {
  if (done === undefined || missed === undefined) return arrived === false ? "no" : "yes";
  return missed > 0 ? `not in ${grouped(missed)} of ${grouped(done)} meta-steps` : "yes";
}

/** What makes derivatives of a run doubtful. */
export function implicitDoubts(run: ReportedRun): string[] {
  const name = run.folder === "" ? "A run" : run.folder;
  return solvesOf(run).flatMap((solve) => {
    const { of, report: { loop, residual } } = solve;
    const arrival = arrivalText(solve);
    const when = arrival === "no" ? "" : `, ${arrival.slice("not ".length)}`;
    return [
      ...(arrival === "yes" ? [] : [
        `${name}: \`${loop}\` had not arrived where its derivative is that of a solution: ${of}${when}`,
      ]),
      ...(figure(residual) > poorResidual
        ? [
          `${name}: the system behind the implicit derivative of \`${loop}\` was solved to a residual of ` +
          `${shortNumber(figure(residual))} of its right side only: ${of}`,
        ]
        : []),
    ];
  });
}

/** How well each system was solved, and how far each loop came. */
export function implicitSection(groups: readonly RunGroup[]): Section[] {
  const runs = namedRuns(groups);
  const several = runs.length > 1;
  const rows = runs.flatMap(({ run, label }) =>
    solvesOf(run).map((solve): Cell[] => {
      const { of, report: { loop, equation, residual, startNorm, gradientNorm } } = solve;
      return [
        ...(several ? [label] : []),
        of,
        equation === "step" ? `${loop}, its step` : `${loop}, its gradient`,
        short(startNorm),
        short(gradientNorm),
        short(residual),
        arrivalText(solve),
      ];
    })
  );
  if (rows.length === 0) return [];
  const head = [...(several ? ["run"] : []), "of", "loop", "norm at its start", "at its end", "residual", "arrived"];
  return [{
    title: "Implicit derivatives",
    about: "What is 0 at a solution of each loop, and what the solve left of its right side, in the last meta-step.",
    blocks: [{ kind: "table", head, rows }],
  }];
}
