// What is done to code once it has been differentiated? The sweep, and the choice of what loops keep: after all orders of
// differentiation, so that the choice cannot change a result.
import { eliminateDeadCode } from "../ir/dead_code.ts";
import { fuseMaps } from "../ir/fuse_maps.ts";
import type { IrFunction } from "../ir/types.ts";
import { recomputeResiduals } from "./recompute.ts";
import type { ResidualPolicy } from "./residuals.ts";

/** What is open after differentiation. */
export interface FinishOptions {
  /** What loops keep of their forward pass for their backward pass. Default: `all`. */
  readonly residuals?: ResidualPolicy;
}

/** Removes dead code, joins maps that follow each other, and applies the residual policy. */
export function finishGradients(fn: IrFunction, { residuals = "all" }: FinishOptions = {}): IrFunction {
  const fused = eliminateDeadCode(fuseMaps(eliminateDeadCode(fn)));
  return residuals === "all" ? fused : eliminateDeadCode(recomputeResiduals(fused));
}
