// What is shown of what a run took? Which functions kept what, with their bytes and operations.
import type { Cell, Section } from "../../draw/report.ts";
import { formatBytes } from "../../runtime/bytes.ts";
import type { PlanAccount } from "./account.ts";
import { namedRuns, type RunGroup } from "./lines.ts";

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
  const plans = own.flatMap(({ run, label }) => run.account.plans!.map((plan) => ({ label, ...plan })));
  // where all is kept there is nothing to compare with
  const leaner = plans.some(({ bytes, flops, keepAll }) =>
    keepAll && (keepAll.bytes !== bytes || keepAll.flops !== flops)
  );
  const rows = plans.map(({ label, name, plan, bytes, flops, keepAll }): Cell[] => [
    ...(several ? [label] : []),
    name,
    plan,
    bytesCell(bytes),
    operationsCell(flops),
    ...(!leaner ? [] : keepAll ? [bytesCell(keepAll.bytes), operationsCell(keepAll.flops)] : ["", ""]),
  ]);
  const head = [
    ...(several ? ["run"] : []),
    ...["function", "plan", "memory", "operations"],
    ...(leaner ? ["memory, all kept", "operations, all kept"] : []),
  ];
  return [{
    title: "Memory and operations",
    about: "Of one call of each function.",
    blocks: [{ kind: "table", head, rows }],
  }];
}

const bytesCell = (bytes: number): Cell => ({ value: bytes, shown: formatBytes(bytes) });

const operationsCell = (flops: number): Cell => ({
  value: flops,
  shown: flops < 1e5 ? String(flops) : flops.toExponential(2).replace("e+", "e"),
});
