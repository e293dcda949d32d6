// How are matrices multiplied? Both factors are packed into float64 strips, five rows or two columns wide, and a 5 x 2
// block of the product is kept in local variables while the whole contraction runs: each entry is the plain sum
// a[0] b[0] + a[1] b[1] + …, left to right in float64, and does not depend on the blocking.
import type { FloatArray } from "./kernel.ts";

/** Rows of a left strip. 10 sums and 3 factors fit V8's 15 float registers on x64. Blocks of 3 x 3, 4 x 3 and 4 x 4 are
 *  within 5 % of 5 x 2 (measured, V8 15.0, AMD EPYC) but pad the sizes 10, 20 and 40 that small networks have. */
export const stripRows = 5;

/** Columns of a right strip. */
const stripColumns = 2;

/** Entries of a packed left factor. */
export function packedLeftLength(rows: number, depth: number): number {
  return Math.ceil(rows / stripRows) * stripRows * depth;
}

/** Entries of a packed right factor. */
export function packedRightLength(columns: number, depth: number): number {
  return Math.ceil(columns / stripColumns) * stripColumns * depth;
}

/** Where a matrix lies in an array: row (or column) i, contraction index p is at data[starts[i] + offsets[p]]. */
export interface MatrixView {
  readonly starts: Int32Array | Float64Array;
  readonly offsets: Int32Array | Float64Array;
}

/** Packs a left factor that starts at `base`: strip after strip, and within one the five rows' entries of a contraction
 *  index side by side. The last strip's missing rows repeat its last row; their products are never stored. */
export function packLeft(to: Float64Array, from: FloatArray, { starts, offsets }: MatrixView, base: number): void {
  const last = starts.length - 1;
  const depth = offsets.length;
  let at = 0;
  for (let i = 0; i <= last; i += 5) {
    const s0 = base + starts[i]!;
    const s1 = base + starts[Math.min(i + 1, last)]!;
    const s2 = base + starts[Math.min(i + 2, last)]!;
    const s3 = base + starts[Math.min(i + 3, last)]!;
    const s4 = base + starts[Math.min(i + 4, last)]!;
    for (let p = 0; p < depth; p++) {
      const offset = offsets[p]!;
      to[at] = from[s0 + offset]!;
      to[at + 1] = from[s1 + offset]!;
      to[at + 2] = from[s2 + offset]!;
      to[at + 3] = from[s3 + offset]!;
      to[at + 4] = from[s4 + offset]!;
      at += 5;
    }
  }
}

/** Packs a right factor in the same way, two columns to a strip. */
export function packRight(to: Float64Array, from: FloatArray, { starts, offsets }: MatrixView, base: number): void {
  const last = starts.length - 1;
  const depth = offsets.length;
  let at = 0;
  for (let j = 0; j <= last; j += 2) {
    const s0 = base + starts[j]!;
    const s1 = base + starts[Math.min(j + 1, last)]!;
    for (let p = 0; p < depth; p++) {
      const offset = offsets[p]!;
      to[at] = from[s0 + offset]!;
      to[at + 1] = from[s1 + offset]!;
      at += 2;
    }
  }
}

/** Sizes of a product, and how far the rows of the output are apart. */
export interface ProductShape {
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  readonly rowStep: number;
}

/** Entries of the scratch for a block that reaches over the edge of the product. */
export const tileLength: number = stripRows * stripColumns;

/** out[base + i * rowStep + j] = sum over p of left (i, p) right (p, j), from packed factors. */
export function multiplyPacked(
  out: FloatArray,
  base: number,
  left: Float64Array,
  right: Float64Array,
  tile: Float64Array,
  { rows, columns, depth, rowStep }: ProductShape,
): void {
  for (let j = 0; j < columns; j += 2) {
    const width = columns - j;
    for (let i = 0; i < rows; i += 5) {
      const height = rows - i;
      const at = base + i * rowStep + j;
      if (height >= 5 && width >= 2) multiplyTile(out, at, rowStep, left, i * depth, right, j * depth, depth);
      else {
        multiplyTile(tile, 0, 2, left, i * depth, right, j * depth, depth);
        for (let r = 0; r < height && r < 5; r++) {
          for (let c = 0; c < width && c < 2; c++) out[at + r * rowStep + c] = tile[r * 2 + c]!;
        }
      }
    }
  }
}

/** The 5 x 2 block of the product of the left strip at `l` and the right strip at `r`. */
function multiplyTile(
  out: FloatArray,
  at: number,
  rowStep: number,
  left: Float64Array,
  l: number,
  right: Float64Array,
  r: number,
  depth: number,
): void {
  let c00 = 0;
  let c01 = 0;
  let c10 = 0;
  let c11 = 0;
  let c20 = 0;
  let c21 = 0;
  let c30 = 0;
  let c31 = 0;
  let c40 = 0;
  let c41 = 0;
  for (let p = 0; p < depth; p++) {
    const b0 = right[r]!;
    const b1 = right[r + 1]!;
    let a = left[l]!;
    c00 += a * b0;
    c01 += a * b1;
    a = left[l + 1]!;
    c10 += a * b0;
    c11 += a * b1;
    a = left[l + 2]!;
    c20 += a * b0;
    c21 += a * b1;
    a = left[l + 3]!;
    c30 += a * b0;
    c31 += a * b1;
    a = left[l + 4]!;
    c40 += a * b0;
    c41 += a * b1;
    l += 5;
    r += 2;
  }
  out[at] = c00;
  out[at + 1] = c01;
  at += rowStep;
  out[at] = c10;
  out[at + 1] = c11;
  at += rowStep;
  out[at] = c20;
  out[at + 1] = c21;
  at += rowStep;
  out[at] = c30;
  out[at + 1] = c31;
  at += rowStep;
  out[at] = c40;
  out[at + 1] = c41;
}
