// How is one entry along the first axis taken?
import type { Context, Dim } from "../world/world.ts";
import type { Variable } from "../../runtime/ir/types.ts";

/** Notes that an axis is gone through entry by entry, where a comprehension or a scan asks for it. */
export function noteRow(cx: Context, dim: Dim): void {
  for (const table of dim.rows ?? []) cx.indexed?.add(table);
}

/** Entry `k` of the first axis. */
export function takeAt(cx: Pick<Context, "b">, x: Variable, k: number): Variable {
  return cx.b.row(x, k);
}
