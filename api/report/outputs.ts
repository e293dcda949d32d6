// What is shown of outputs? Small ones whole, of others the norm and the ends; those that are images stand with the images.
import type { Block, Cell, Section } from "../../draw/report.ts";
import { exactNumber, mostShownEntries } from "../numbers.ts";
import type { ArrayAccount } from "./account.ts";
import { namedRuns, type RunGroup } from "./lines.ts";
import { valueCells } from "./learned.ts";
import type { ReportedRun } from "./reported_run.ts";

/** Rows of the table. */
const mostRows = 60;

/** The outputs of each run. */
export function outputSection(groups: readonly RunGroup[]): Section[] {
  const runs = namedRuns(groups);
  const several = runs.length > 1;
  const all = runs.flatMap(({ run, label }) => (run.account.outputs ?? []).map((output) => ({ run, label, output })));
  if (all.length === 0) return [];
  // of what is not shown no file is read
  const rows = all.slice(0, mostRows).map(({ run, label, output }): Cell[] => {
    const { name, after, shape } = output;
    return [
      ...(several ? [label] : []),
      after === undefined ? name : `${name}, after ${after}`,
      `[${shape.join(", ")}]`,
      ...outputCells(run, output),
    ];
  });
  const head = [...(several ? ["run"] : []), "output", "shape", "values or norm", "least", "largest"];
  const more = all.length - mostRows;
  const rest: Block[] = more > 0 ? [{ kind: "words", text: `${more} more stand in the folders, in outputs/` }] : [];
  return [{ title: "Outputs", blocks: [{ kind: "table", head, rows }, ...rest] }];
}

function outputCells(run: ReportedRun, output: ArrayAccount): Cell[] {
  const dtype = output.dtype === "f32" ? "f32" : "f64";
  const array = run.entries(output);
  const few = array && array.data.length > 1 && array.data.length <= mostShownEntries;
  if (!few) return valueCells(array, dtype);
  return [`[${Array.from(array.data, (x) => exactNumber(x, dtype)).join(", ")}]`, "", ""];
}
