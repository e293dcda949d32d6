// How are linear systems solved? By LU factorization with partial pivoting, in float64, one system of the batch at a time.
import { type ArrayType, sizeOf } from "../../ir/types.ts";
import type { FloatArray, KernelRule, ScratchRule } from "./kernel.ts";

/** The factors are made in float64 whatever the dtype; x is rounded once. A singular matrix divides by a zero pivot and
 *  so gives infinities or NaN, as LAPACK-based libraries do. */
const solve: KernelRule<"solve"> = ({ inputs, outputs, scratch }) => {
  const a = inputs[0]!.data as FloatArray;
  const b = inputs[1]!.data as FloatArray;
  const out = outputs[0]!.data as FloatArray;
  const n = inputs[0]!.shape.at(-1)!;
  const k = inputs[1]!.shape.at(-1)!;
  const batches = sizeOf(inputs[0]!.shape.slice(0, -2));
  const matrix = scratch.subarray(0, n * n);
  const sides = scratch.subarray(n * n, n * n + n * k);
  return () => {
    for (let s = 0; s < batches; s++) {
      for (let i = 0; i < n * n; i++) matrix[i] = a[s * n * n + i]!;
      for (let i = 0; i < n * k; i++) sides[i] = b[s * n * k + i]!;
      eliminate(matrix, sides, n, k);
      substituteBack(matrix, sides, n, k);
      for (let i = 0; i < n * k; i++) out[s * n * k + i] = sides[i]!;
    }
  };
};

function swapRows(x: Float64Array, i: number, j: number, width: number): void {
  for (let c = 0; c < width; c++) {
    const kept = x[i * width + c]!;
    x[i * width + c] = x[j * width + c]!;
    x[j * width + c] = kept;
  }
}

/** Makes the matrix upper triangular, with the same row operations on the right-hand sides. */
function eliminate(matrix: Float64Array, sides: Float64Array, n: number, k: number): void {
  for (let c = 0; c < n; c++) {
    let pivot = c;
    for (let r = c + 1; r < n; r++) {
      if (Math.abs(matrix[r * n + c]!) > Math.abs(matrix[pivot * n + c]!)) pivot = r;
    }
    if (pivot !== c) {
      swapRows(matrix, c, pivot, n);
      swapRows(sides, c, pivot, k);
    }
    for (let r = c + 1; r < n; r++) {
      const factor = matrix[r * n + c]! / matrix[c * n + c]!;
      for (let j = c + 1; j < n; j++) matrix[r * n + j] = matrix[r * n + j]! - factor * matrix[c * n + j]!;
      for (let j = 0; j < k; j++) sides[r * k + j] = sides[r * k + j]! - factor * sides[c * k + j]!;
    }
  }
}

function substituteBack(matrix: Float64Array, sides: Float64Array, n: number, k: number): void {
  for (let r = n - 1; r >= 0; r--) {
    for (let j = 0; j < k; j++) {
      let sum = sides[r * k + j]!;
      for (let c = r + 1; c < n; c++) sum -= matrix[r * n + c]! * sides[c * k + j]!;
      sides[r * k + j] = sum / matrix[r * n + r]!;
    }
  }
}

/** A copy of one matrix and of its right-hand sides. */
export const solveScratch: ScratchRule<"solve"> = (inputs) => {
  const [a, b] = inputs as [ArrayType, ArrayType];
  return sizeOf(a.shape.slice(-2)) + sizeOf(b.shape.slice(-2));
};

/** Kernels of the factorizations. */
export const solveKernels = { solve };
