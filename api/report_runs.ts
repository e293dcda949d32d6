// How does a script look at runs? As the command line does: a page, or lines for a terminal, of run folders and of runs of its own. What
// makes them is loaded when it is first asked for.
import type { ComparedRun } from "./compare.ts";
import { UseError } from "../runtime/errors.ts";
import { checkOptions, checkSettings } from "./given.ts";
import type { Run } from "./run.ts";

/** Which runs: paths of run folders (or of the folder of a sweep), or settings by their labels, each with runs or paths.
 *
 *  @category Compare and report */
export type ReportedRuns = readonly string[] | Readonly<Record<string, readonly ComparedRun[]>>;

/** A page about runs: curves of losses and gradient norms, evaluations with intervals, gradients with verdicts, inner trajectories and how the
 *  end depends on each of their steps, learned rates and images, differences in pairs. One HTML file without script that needs no network,
 *  at most about 1 MB. Runs that differ by their seeds alone are one line with a band. What `meta.ts report` writes.
 *
 *  A run that has not ended is shown as of its newest checkpoint, and is said to be so. Throws FileAccessError for what is no run folder,
 *  TypeError for what are neither paths nor settings with lists, and RangeError where there is no run, or one is given twice.
 *
 *  ```ts
 *  import { compile, reportRuns } from "../mod.ts";
 *
 *  const text = `
 *    edition 1
 *    input rate : float = 0.1
 *    param w = 0
 *    inner fit { minimize (w - 3)^2 over w by sgd(lr = rate) for T = 5 steps }
 *    outer tune { minimize (w@T - 3)^2 over fit.lr by adam(lr = 0.01) for 20 steps }
 *  `;
 *  const slow = await compile(text).run();
 *  const fast = await compile(text, { inputs: { rate: 0.3 } }).run();
 *  const page = await reportRuns({ "rate 0.1": [slow], "rate 0.3": [fast] });
 *  console.log(page.length < 1e6);
 *  ```
 *
 *  @category Compare and report
 */
export async function reportRuns(runs: ReportedRuns): Promise<string> {
  checkReported("reportRuns", runs);
  const [{ reportFor }, { htmlOfReport }] = await Promise.all([
    import("./report/report_for.ts"),
    import("../draw/html_report.ts"),
  ]);
  return await htmlOfReport(reportFor(runs));
}

/** The same for a terminal: tables, and small charts of braille dots. `width`: its columns, 80 when not given; `color`: with escapes for
 *  colours, without when not given. What `meta.ts show` prints. Throws as `reportRuns` does.
 *
 *  ```ts
 *  import { compile, showRuns } from "../mod.ts";
 *
 *  const run = await compile(`
 *    edition 1
 *    param w = 0
 *    outer train { minimize (w - 3)^2 over w by sgd(lr = 0.1) for 20 steps }
 *  `).run();
 *  console.log(await showRuns({ "rate 0.1": [run] }, { width: 60 }));
 *  ```
 *
 *  @category Compare and report
 */
export async function showRuns(
  runs: ReportedRuns,
  options: { readonly width?: number; readonly color?: boolean } = {},
): Promise<string> {
  checkReported("showRuns", runs);
  checkOptions<typeof options>("showRuns", options, { width: true, color: true });
  const { width = 80, color = false } = options;
  if (!Number.isInteger(width) || width < 1) {
    throw new UseError(`\`width\` must be a number of columns such as 80, not ${width}`);
  }
  const [{ reportFor }, { textOfReport }] = await Promise.all([
    import("./report/report_for.ts"),
    import("../draw/text_report.ts"),
  ]);
  return textOfReport(reportFor(runs), { width, color });
}

function checkReported(of: string, runs: unknown): void {
  const paths = Array.isArray(runs) && runs.every((path) => typeof path === "string");
  if (!paths) checkSettings(of, runs);
}

/** A run as a notebook shows it: what `reportRuns` says of it, as a part of a page. */
export async function runInNotebook(run: Run): Promise<string> {
  const [{ reportFor }, { partOfPage }] = await Promise.all([
    import("./report/report_for.ts"),
    import("../draw/html_report.ts"),
  ]);
  return await partOfPage(reportFor({ "": [run] }));
}

/** Lines as a notebook shows them. */
export async function textInNotebook(text: string): Promise<string> {
  const { escaped } = await import("../draw/escape.ts");
  return `<pre>${text.split("\n").map(escaped).join("\n")}</pre>`;
}
