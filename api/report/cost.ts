// What is shown of what a run took? Which functions kept what, with their bytes and operations.
import type { Cell, Section } from "../../draw/report.ts";
import { formatBytes } from "../../runtime/bytes.ts";
import type { PlanAccount } from "./account.ts";
import { namedRuns, type RunGroup } from "./lines.ts";

/** Rows of the table. */
const mostRows = 60;

/** The plans of the first run, and of those that have others. */
export function costSection(groups: readonly RunGroup[]): Section[] {
  const runs = namedRuns(groups).filter(({ run }) => (run.account.plans ?? []).length > 0);
  const textOf = (plans: readonly PlanAccount[]) => JSON.stringify(plans);
  const seen = new Set<string>();
  const own = runs.filter(({ run: { account } }) => {
    const text = textOf(account.plans!);
    return !seen.has(text) && seen.add(text);
  });
  if (own.length === 0) return [];
  const several = own.length > 1;
  const rows = own.flatMap(({ run, label }) =>
    run.account.plans!.map(({ name, plan, bytes, flops, keepAll }): Cell[] => [
      ...(several ? [label] : []),
      name,
      plan,
      bytesCell(bytes),
      operationsCell(flops),
      ...(keepAll ? [bytesCell(keepAll.bytes), operationsCell(keepAll.flops)] : ["", ""]),
    ])
  );
  const more = rows.length - mostRows;
  return [{
    title: "Memory and operations",
    about: "Of one call of each function.",
    blocks: [
      {
        kind: "table",
        head: [
          ...(several ? ["run"] : []),
          "function",
          "plan",
          "memory",
          "operations",
          "memory if all were kept",
          "operations then",
        ],
        rows: rows.slice(0, mostRows),
      },
      ...(more > 0 ? [{ kind: "words" as const, text: `${more} more stand in summary.json` }] : []),
    ],
  }];
}

const bytesCell = (bytes: number): Cell => ({ value: bytes, shown: formatBytes(bytes) });

const operationsCell = (flops: number): Cell => ({
  value: flops,
  shown: flops < 1e5 ? String(flops) : flops.toExponential(2).replace("e+", "e"),
});
