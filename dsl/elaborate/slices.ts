// How is one entry along the first axis taken?
import type { Context, Dim } from "../world/world.ts";
import type { Variable } from "../../runtime/ir/types.ts";

/** Notes that an axis is gone through entry by entry, where a comprehension or a scan asks for it. */
export function noteRow(cx: Context, dim: Dim): void {
  for (const table of dim.rows ?? []) cx.indexed?.add(table);
}

/** Entry `k` of the first axis. */
export function takeAt(cx: Pick<Context, "b">, x: Variable, k: number): Variable {
  const start = x.shape.map((_, i) => i === 0 ? k : 0);
  const limit = x.shape.map((n, i) => i === 0 ? k + 1 : n);
  const piece = cx.b.one("slice", [x], { start, limit, stride: x.shape.map(() => 1) });
  return cx.b.reshape(piece, x.shape.slice(1));
}
