// How are running totals written? By log2(n) additions of arrays that are shifted by 1, 2, 4 … entries (Hillis and Steele 1986): each
// sum is made in the same order on every backend, and its error grows with the logarithm of n only.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";

/** x_0, x_0 + x_1, … along an axis. Integers wrap. */
export function runningTotals(b: Builder, x: Variable, axis: number): Variable {
  const n = x.shape[axis]!;
  const along = (value: number, others: number) => x.shape.map((_, i) => i === axis ? value : others);
  let totals = x;
  for (let by = 1; by < n; by *= 2) {
    const before = b.one("slice", [totals], {
      start: along(0, 0),
      limit: x.shape.map((size, i) => i === axis ? n - by : size),
      stride: along(1, 1),
    });
    const shifted = b.one("pad", [before], { low: along(by, 0), high: along(0, 0), interior: along(0, 0) });
    totals = b.apply("add", totals, shifted);
  }
  return totals;
}
