// What is done to code once it has been differentiated? The sweep, and the choice of what loops keep: after all orders of
// differentiation, so that the choice cannot change a result.
import { eliminateDeadCode } from "../ir/dead_code.ts";
import { fuseMaps } from "../ir/fuse_maps.ts";
import type { IrFunction } from "../ir/types.ts";
import { checkpointLoops } from "./checkpoint.ts";
import { recomputeResiduals } from "./recompute.ts";
import type { ResidualPolicy } from "./residuals.ts";
import { orderTaskSums, sumTasks } from "./sum_tasks.ts";

/** What is open after differentiation. */
export interface FinishOptions {
  /** What loops keep of their forward pass for their backward pass. Default: `all`. */
  readonly residuals?: ResidualPolicy;
  /** How often loops are cut into segments that are run again for their backward pass. Default: 0, not at all. */
  readonly levels?: number;
  /** Tasks whose gradients are kept at once before they are added. Default: all. */
  readonly chunk?: number;
  /** They are added in float64, as on a backend that sums so. Default: true. */
  readonly wideSums?: boolean;
}

/** Removes dead code, joins maps that follow each other, and decides what is kept; of the results no bit changes. */
export function finishGradients(
  fn: IrFunction,
  { residuals = "all", levels = 0, chunk, wideSums = true }: FinishOptions = {},
): IrFunction {
  let result = orderTaskSums(eliminateDeadCode(fuseMaps(eliminateDeadCode(fn))));
  if (chunk !== undefined) result = eliminateDeadCode(sumTasks(result, { chunk, wide: wideSums }));
  if (levels > 0) result = eliminateDeadCode(checkpointLoops(result, { levels, carryOnly: residuals === "carry" }));
  return residuals === "all" ? result : eliminateDeadCode(recomputeResiduals(result));
}
