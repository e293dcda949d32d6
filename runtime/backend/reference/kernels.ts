// Which kernel computes each primitive? The total table: a primitive without a row does not compile.
import { type PrimitiveName, requestRows } from "../../ir/types.ts";
import { InternalError } from "../../errors.ts";
import type { KernelRule, ScratchRule } from "./kernel.ts";
import { binaryKernels } from "./kernels_binary.ts";
import { contractionKernels, dotScratch } from "./kernels_contraction.ts";
import { convolutionKernels, convolutionScratch } from "./kernels_convolution.ts";
import { indexedKernels, scatterScratch } from "./kernels_indexed.ts";
import { movementKernels } from "./kernels_movement.ts";
import { reduceKernels } from "./kernels_reduce.ts";
import { solveKernels, solveScratch } from "./kernels_solve.ts";
import { sourceKernels } from "./kernels_source.ts";
import { structuredKernels } from "./kernels_structured.ts";
import { unaryKernels } from "./kernels_unary.ts";

/** The kernel of every primitive. Requests throw InternalError: they are expanded before a backend sees them. */
export const kernelRules: { readonly [P in PrimitiveName]: KernelRule<P> } = {
  ...sourceKernels,
  ...unaryKernels,
  ...binaryKernels,
  ...reduceKernels,
  ...movementKernels,
  ...indexedKernels,
  ...contractionKernels,
  ...convolutionKernels,
  ...solveKernels,
  ...structuredKernels,
  ...requestRows((op) => () => {
    throw new InternalError(`A ${op} request reached the backend`);
  }),
};

/** Scratch of the kernels that need some. */
export const scratchRules: { readonly [P in PrimitiveName]?: ScratchRule<P> } = {
  scatter_add: scatterScratch,
  dot_general: dotScratch,
  ...convolutionScratch,
  solve: solveScratch,
};
