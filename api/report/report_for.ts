// Which runs are in a report? Folders and runs in memory, read and grouped.
import type { Report } from "../../draw/report.ts";
import { UseError } from "../../runtime/errors.ts";
import type { ComparedRun } from "../compare.ts";
import type { ReportedRuns } from "../report_runs.ts";
import { foldersOf, openSweeps, runsNamed } from "../run_folders.ts";
import { readRun } from "../run_text.ts";
import { labelledRuns, reportOf } from "./report_of_runs.ts";
import { ofResult, readReportedRun, type ReportedRun } from "./reported_run.ts";

/** The report as data. Throws FileAccessError for what is no run folder, UseError where there is no run, or one is given twice. */
export function reportFor(runs: ReportedRuns): Report {
  const named = isList(runs) ? runsNamed(runs) : [];
  const settings = isList(runs)
    ? labelledRuns(foldersOf(named).map(readReportedRun))
    : Object.entries(runs).map(([label, each]) => ({
      label,
      runs: each.map((run) => typeof run === "string" ? readReportedRun(run) : heldRun(run)),
    }));
  const there = settings.filter(({ runs }) => runs.length > 0);
  if (there.length === 0) throw new UseError("There is no run to report");
  for (const { label, runs } of there) {
    const twice = runs.find(({ said }, i) => runs.findIndex((other) => other.said.seed === said.seed) < i);
    if (twice) throw new UseError(`The setting \`${label}\` has two runs with seed ${twice.said.seed}`);
  }
  return reportOf(there, openSweeps(named));
}

const isList = (runs: ReportedRuns): runs is readonly string[] => Array.isArray(runs);

/** A run that a script holds: it has no folder. */
function heldRun(run: Exclude<ComparedRun, string>): ReportedRun {
  const { outcome, seed, backend } = run;
  const said = { program: "", inputs: {}, seed, backend, memory: null, dataFolder: null, data: [] };
  return { folder: "", said, texts: [], ...ofResult(readRun(run.serialize()), outcome) };
}
