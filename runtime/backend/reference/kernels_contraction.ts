// How are contractions computed? Every dot_general is [batch, m, k] x [batch, k, n] after its axes are grouped; where
// each row and column starts is worked out once, and the product itself is gemm.ts.
import { type ArrayType, type PrimitiveParameters, sizeOf } from "../../ir/types.ts";
import type { FloatArray, KernelRule, ScratchRule } from "./kernel.ts";
import {
  type MatrixView,
  multiplyPacked,
  packedLeftLength,
  packedRightLength,
  packLeft,
  packRight,
  type ProductShape,
  stripRows,
  tileLength,
} from "./gemm.ts";
import { positionsOf, rowMajorSteps } from "./strided.ts";

type DotParameters = PrimitiveParameters["dot_general"];

/** Axes that are in neither list. */
function freeAxes(rank: number, ...used: readonly (readonly number[])[]): number[] {
  return Array.from({ length: rank }, (_, axis) => axis).filter((axis) => !used.some((list) => list.includes(axis)));
}

/** Positions of all indices over some axes of an array, row-major in the order given. */
function positionsOver(type: ArrayType, axes: readonly number[]): Int32Array | Float64Array {
  const steps = rowMajorSteps(type.shape);
  return positionsOf(axes.map((axis) => type.shape[axis]!), { steps: axes.map((axis) => steps[axis]!), offset: 0 });
}

function sizesOf(inputs: readonly ArrayType[], p: DotParameters): { m: number; k: number; n: number } {
  const [a, b] = inputs as [ArrayType, ArrayType];
  const over = (type: ArrayType, axes: readonly number[]) => sizeOf(axes.map((axis) => type.shape[axis]!));
  return {
    m: over(a, freeAxes(a.shape.length, p.contractLeft, p.batchLeft)),
    k: over(a, p.contractLeft),
    n: over(b, freeAxes(b.shape.length, p.contractRight, p.batchRight)),
  };
}

/** Rows packed together: as many as take 4 MiB, so that a tall left factor needs no packed copy of its own size. */
function rowsPerBlock(m: number, k: number): number {
  return Math.min(m, Math.max(1, Math.floor(524288 / Math.max(1, k) / stripRows)) * stripRows);
}

/** Each output is the sum of products in row-major order of the contracted axes as listed, in float64, rounded once. */
const dotGeneral: KernelRule<"dot_general"> = ({ params, inputs, outputs, scratch }) => {
  const a = inputs[0]!;
  const b = inputs[1]!;
  const { m, k, n } = sizesOf(inputs, params);
  const rows = positionsOver(a, freeAxes(a.shape.length, params.contractLeft, params.batchLeft));
  const leftOffsets = positionsOver(a, params.contractLeft);
  const rightView: MatrixView = {
    starts: positionsOver(b, freeAxes(b.shape.length, params.contractRight, params.batchRight)),
    offsets: positionsOver(b, params.contractRight),
  };
  const batchLeft = positionsOver(a, params.batchLeft);
  const batchRight = positionsOver(b, params.batchRight);
  const left = a.data as FloatArray;
  const right = b.data as FloatArray;
  const out = outputs[0]!.data as FloatArray;
  const block = rowsPerBlock(m, k);
  const split = tileLength + packedLeftLength(block, k);
  const tile = scratch.subarray(0, tileLength);
  const leftPacked = scratch.subarray(tileLength, split);
  const rightPacked = scratch.subarray(split, split + packedRightLength(n, k));
  const blocks = Array.from({ length: m === 0 ? 0 : Math.ceil(m / block) }, (_, i) => {
    const starts = rows.subarray(i * block, (i + 1) * block);
    const view: MatrixView = { starts, offsets: leftOffsets };
    const product: ProductShape = { rows: starts.length, columns: n, depth: k, rowStep: n };
    return { view, product, base: i * block * n };
  });
  return () => {
    for (let i = 0; i < batchLeft.length; i++) {
      packRight(rightPacked, right, rightView, batchRight[i]!);
      for (let r = 0; r < blocks.length; r++) {
        const { view, product, base } = blocks[r]!;
        packLeft(leftPacked, left, view, batchLeft[i]!);
        multiplyPacked(out, i * m * n + base, leftPacked, rightPacked, tile, product);
      }
    }
  };
};

/** One tile, a packed block of the left factor and the packed right factor. */
export const dotScratch: ScratchRule<"dot_general"> = (inputs, _outputs, params) => {
  const { m, k, n } = sizesOf(inputs, params);
  return tileLength + packedLeftLength(rowsPerBlock(m, k), k) + packedRightLength(n, k);
};

/** Kernels of the contractions. */
export const contractionKernels = { dot_general: dotGeneral };
