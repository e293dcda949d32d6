// Does a report say all that the terminal prints at the end of a run? Every number that stands there, but those of inner trajectories, which are
// lines of charts, and every name.
import { reportFor } from "../../api/report/report_for.ts";
import { textOfReport } from "../../draw/text_report.ts";
import type { Report } from "../../draw/report.ts";
import { readRun } from "../../api/run_text.ts";
import { reportText } from "../../api/report_text.ts";
import type { Run } from "../../mod.ts";

const numbers = (text: string) => text.match(/-?\b\d[\d.]*(e-?\d+)?\b|NaN|-?Infinity/g) ?? [];

/** The numbers and names that the terminal prints of a run and its report does not have. */
export function missingInReport(run: Run): string[] {
  const report = reportFor({ "": [run] });
  // wide, so that no row is broken
  const shown = textOfReport(report, { width: 10_000, color: false });
  const there = new Set(numbers(shown.replaceAll(/(?<=\d),(?=\d{3}\b)/g, "")));
  const printed = reportText(readRun(run.serialize()), (text) => text).replaceAll("95 % interval", "").split("\n\n");
  return printed.flatMap((part) => {
    const trajectory = /^recorded (?!, last)(.*@\*\S*)/.exec(part);
    if (trajectory) return namesOfCharts(report).some((name) => name.includes(trajectory[1]!)) ? [] : [part];
    return numbers(part).filter((number) => !there.has(number)).map((number) => `${number}: ${part}`);
  });
}

const namesOfCharts = ({ sections }: Report) =>
  sections.flatMap(({ blocks }) => blocks).flatMap((block) => block.kind === "chart" ? [block.title] : []);
