// How are elements moved between two layouts of one index space? All movement primitives become one strided copy, with
// sizes and steps computed once and adjacent axes merged.
import type { Shape, TypedArray } from "../../ir/types.ts";
import { bitsOf, type Kernel, longRun, wholeBuffer } from "./kernel.ts";

/** An affine map from indices to element positions: offset + sum over axes of index times step. */
export interface Layout {
  readonly steps: readonly number[];
  readonly offset: number;
}

/** Steps of a row-major array. */
export function rowMajorSteps(shape: Shape): number[] {
  const steps = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    steps[axis] = step;
    step *= shape[axis]!;
  }
  return steps;
}

/** An axis of an index space with its step in each of several layouts. */
export interface JointAxis {
  readonly size: number;
  readonly steps: readonly number[];
}

/** The same index space in the same order with fewer axes: size-1 axes left out, and an axis joined with the next
 *  inner one wherever all layouts step through both as if they were one. */
export function mergeAxes(shape: Shape, layouts: readonly (readonly number[])[]): JointAxis[] {
  const merged: JointAxis[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const steps = layouts.map((layout) => layout[axis]!);
    const outer = merged.at(-1);
    if (outer !== undefined && outer.steps.every((step, i) => step === steps[i]! * size)) {
      merged[merged.length - 1] = { size: outer.size * size, steps };
    } else merged.push({ size, steps });
  });
  return merged;
}

/** Positions of all indices of an index space in row-major order, in one layout. */
export function positionsOf(shape: Shape, { steps, offset }: Layout): Int32Array | Float64Array {
  let positions: number[] = [offset];
  shape.forEach((size, axis) => {
    const next: number[] = [];
    for (const base of positions) for (let i = 0; i < size; i++) next.push(base + i * steps[axis]!);
    positions = next;
  });
  return positions.every((p) => Math.abs(p) < 2 ** 31) ? Int32Array.from(positions) : Float64Array.from(positions);
}

/** A kernel that copies, for every index of `shape`, the source element of that index to the target's. */
export function prepareStridedCopy(
  shape: Shape,
  source: Layout & { readonly data: TypedArray },
  target: Layout & { readonly data: TypedArray },
): Kernel {
  if (shape.includes(0)) return () => {};
  const from = bitsOf(source.data);
  const to = bitsOf(target.data);
  const axes = mergeAxes(shape, [source.steps, target.steps]);
  const so = source.offset;
  const to0 = target.offset;
  if (axes.length === 0) {
    return () => {
      to[to0] = from[so]!;
    };
  }
  const inner = axes.slice(-3);
  while (inner.length < 3) inner.unshift({ size: 1, steps: [0, 0] });
  const [a, b, c] = inner as [JointAxis, JointAxis, JointAxis];
  const sizes: Box = [a.size, b.size, c.size];
  const fromSteps: Box = [a.steps[0]!, b.steps[0]!, c.steps[0]!];
  const toSteps: Box = [a.steps[1]!, b.steps[1]!, c.steps[1]!];
  const outer = axes.slice(0, -3);
  if (outer.length === 0) {
    if (c.steps[0] === 1 && c.steps[1] === 1 && c.size > longRun) {
      const { whole, start } = wholeBuffer(from);
      const { start: target0 } = wholeBuffer(to);
      return () => moveRows(whole, start + so, fromSteps, target0 + to0, toSteps, sizes);
    }
    return () => copyBox(from, so, fromSteps, to, to0, toSteps, sizes);
  }
  const outerShape = outer.map((axis) => axis.size);
  const starts = positionsOf(outerShape, { steps: outer.map((axis) => axis.steps[0]!), offset: so });
  const ends = positionsOf(outerShape, { steps: outer.map((axis) => axis.steps[1]!), offset: to0 });
  return () => {
    for (let i = 0; i < starts.length; i++) copyBox(from, starts[i]!, fromSteps, to, ends[i]!, toSteps, sizes);
  };
}

type Box = readonly [number, number, number];

function copyBox(from: TypedArray, s: number, fs: Box, to: TypedArray, t: number, ts: Box, sizes: Box): void {
  const ni = sizes[0];
  const nj = sizes[1];
  const nk = sizes[2];
  const fk = fs[2];
  const tk = ts[2];
  for (let i = 0; i < ni; i++) {
    for (let j = 0; j < nj; j++) {
      let p = s + i * fs[0] + j * fs[1];
      let q = t + i * ts[0] + j * ts[1];
      for (let k = 0; k < nk; k++) {
        to[q] = from[p]!;
        p += fk;
        q += tk;
      }
    }
  }
}

/** `copyBox` with both inner steps 1, within one buffer. */
function moveRows(whole: TypedArray, s: number, fs: Box, t: number, ts: Box, sizes: Box): void {
  const size = sizes[2];
  for (let i = 0; i < sizes[0]; i++) {
    for (let j = 0; j < sizes[1]; j++) {
      const p = s + i * fs[0] + j * fs[1];
      whole.copyWithin(t + i * ts[0] + j * ts[1], p, p + size);
    }
  }
}
