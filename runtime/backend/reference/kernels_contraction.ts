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

/** One tile and both packed factors. */
function partsOf(scratch: Float64Array, m: number, k: number, n: number): [Float64Array, Float64Array, Float64Array] {
  const middle = tileLength + packedLeftLength(m, k);
  return [
    scratch.subarray(0, tileLength),
    scratch.subarray(tileLength, middle),
    scratch.subarray(middle, middle + packedRightLength(n, k)),
  ];
}

/** Each output is the sum of products in row-major order of the contracted axes as listed, in float64, rounded once. */
const dotGeneral: KernelRule<"dot_general"> = ({ params, inputs, outputs, scratch }) => {
  const a = inputs[0]!;
  const b = inputs[1]!;
  const { m, k, n } = sizesOf(inputs, params);
  const leftView: MatrixView = {
    starts: positionsOver(a, freeAxes(a.shape.length, params.contractLeft, params.batchLeft)),
    offsets: positionsOver(a, params.contractLeft),
  };
  const rightView: MatrixView = {
    starts: positionsOver(b, freeAxes(b.shape.length, params.contractRight, params.batchRight)),
    offsets: positionsOver(b, params.contractRight),
  };
  const batchLeft = positionsOver(a, params.batchLeft);
  const batchRight = positionsOver(b, params.batchRight);
  const left = a.data as FloatArray;
  const right = b.data as FloatArray;
  const out = outputs[0]!.data as FloatArray;
  const [tile, leftPacked, rightPacked] = partsOf(scratch, m, k, n);
  const product = { rows: m, columns: n, depth: k, rowStep: n };
  return () => {
    for (let i = 0; i < batchLeft.length; i++) {
      packLeft(leftPacked, left, leftView, batchLeft[i]!);
      packRight(rightPacked, right, rightView, batchRight[i]!);
      multiplyPacked(out, i * m * n, leftPacked, rightPacked, tile, product);
    }
  };
};

/** One tile and both packed factors. */
export const dotScratch: ScratchRule<"dot_general"> = (inputs, _outputs, params) => {
  const { m, k, n } = sizesOf(inputs, params);
  return tileLength + packedLeftLength(m, k) + packedRightLength(n, k);
};

/** Kernels of the contractions. */
export const contractionKernels = { dot_general: dotGeneral };
