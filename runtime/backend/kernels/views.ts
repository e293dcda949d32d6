// How does an array lie in memory? Movement of entries becomes another way of reading the same buffer where steps can say it.
import { InternalError } from "../../errors.ts";
import type { Shape } from "../../ir/types.ts";
import type { Access, Buffer, View } from "./types.ts";

/** Steps of an array whose axes lie in memory in this order, the outermost first; row-major when not given. */
export function stepsOf(shape: Shape, order: readonly number[] = shape.map((_, axis) => axis)): number[] {
  const steps = new Array<number>(shape.length);
  let step = 1;
  for (const axis of order.toReversed()) {
    steps[axis] = step;
    step *= shape[axis]!;
  }
  return steps;
}

/** The whole of a buffer as an array of a shape. */
export function wholeView(buffer: Buffer, shape: Shape, order?: readonly number[]): View {
  return { buffer, offset: 0, steps: stepsOf(shape, order), terms: [], shape };
}

/** True when entries lie one after the other in row-major order. */
export function isRowMajor({ shape, steps }: View): boolean {
  const plain = stepsOf(shape);
  return steps.every((step, axis) => step === plain[axis]);
}

/** The axes that have not size 1, and where each axis of the shape is among them (-1 for size 1). */
export function normalAxes(shape: Shape): { readonly sizes: number[]; readonly at: number[] } {
  const sizes: number[] = [];
  const at = shape.map((n) => n === 1 ? -1 : sizes.push(n) - 1);
  return { sizes, at };
}

/** The view with other axes: for each, its size and step. */
export function withAxes(view: View, axes: readonly { size: number; step: number }[], offset = view.offset): View {
  const kept = axes.filter((axis) => axis.size !== 1);
  const { buffer, terms } = view;
  return { buffer, terms, offset, shape: kept.map((a) => a.size), steps: kept.map((a) => a.step) };
}

/** The same entries in row-major order under another shape, if steps can say it. Neither shape has an axis of size 1. */
export function reshapeView(view: View, shape: Shape): View | undefined {
  const { shape: from, steps } = view;
  if (shape.includes(0)) return { ...view, shape, steps: shape.map(() => 0) };
  const made: number[] = [];
  let i = 0;
  let j = 0;
  while (j < shape.length || i < from.length) {
    // the shortest runs of axes on both sides with as many entries
    const [i0, j0] = [i, j];
    let a = from[i++] ?? 1;
    let b = shape[j++] ?? 1;
    while (a !== b) {
      if (a < b) a *= from[i++] ?? fail();
      else b *= shape[j++] ?? fail();
    }
    for (let k = i0; k + 1 < i; k++) if (steps[k] !== steps[k + 1]! * from[k + 1]!) return undefined;
    let step = steps[i - 1] ?? 0;
    for (let k = j - 1; k >= j0; k--) {
      made[k] = step;
      step *= shape[k]!;
    }
  }
  return { ...view, shape, steps: made };
}

function fail(): never {
  throw new InternalError("A reshape changes the number of entries");
}

/** The access that has these steps along the axes of a nest: axis `axes[i]` of the nest is axis i of the view. */
export function accessAlong(view: View, axes: readonly number[], rank: number): Access {
  const steps = new Array<number>(rank).fill(0);
  view.steps.forEach((step, i) => steps[axes[i]!] = step);
  return { buffer: view.buffer, offset: view.offset, steps, terms: view.terms };
}
