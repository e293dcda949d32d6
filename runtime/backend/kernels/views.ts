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

/** The order of its axes in memory, the outermost first. */
export function orderOf({ steps }: View): number[] {
  return steps.map((_, axis) => axis).toSorted((a, b) => Math.abs(steps[b]!) - Math.abs(steps[a]!) || a - b);
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

/** Runs of axes on both sides of a reshape with as many entries, as short as possible. Neither shape has an axis of size 1. */
function runsOf(from: Shape, shape: Shape): { readonly from: readonly number[]; readonly to: readonly number[] }[] {
  const runs: { from: number[]; to: number[] }[] = [];
  let [i, j] = [0, 0];
  while (j < shape.length || i < from.length) {
    const run: { from: number[]; to: number[] } = { from: [], to: [] };
    let [a, b] = [1, 1];
    do {
      if (a <= b && i < from.length) {
        run.from.push(i);
        a *= from[i++]!;
      } else if (j < shape.length) {
        run.to.push(j);
        b *= shape[j++]!;
      } else fail();
    } while (a !== b);
    runs.push(run);
  }
  return runs;
}

/** The same entries in row-major order under another shape, if steps can say it. */
export function reshapeView(view: View, shape: Shape): View | undefined {
  const { shape: from, steps } = view;
  if (shape.includes(0)) return { ...view, shape, steps: shape.map(() => 0) };
  const made: number[] = [];
  for (const run of runsOf(from, shape)) {
    for (const [k, axis] of run.from.entries()) {
      const next = run.from[k + 1];
      if (next !== undefined && steps[axis] !== steps[next]! * from[next]!) return undefined;
    }
    let step = steps[run.from.at(-1)!] ?? 0;
    for (const axis of run.to.toReversed()) {
      made[axis] = step;
      step *= shape[axis]!;
    }
  }
  return { ...view, shape, steps: made };
}

/** An order of the axes in memory in which the array can be read under another shape, as near as possible to the one it has. */
export function orderForReshape({ shape: from, steps }: View, shape: Shape): number[] {
  if (shape.includes(0)) return from.map((_, axis) => axis);
  const least = (axes: readonly number[]) => Math.min(...axes.map((axis) => Math.abs(steps[axis]!)));
  return runsOf(from, shape).toSorted((a, b) => least(b.from) - least(a.from)).flatMap((run) => run.from);
}

function fail(): never {
  throw new InternalError("A reshape changes the number of entries");
}

/** The access that has these steps along the axes of a nest: axis `axes[i]` of the nest is axis i of the view, or none is. */
export function accessAlong(view: View, axes: readonly (number | undefined)[], rank: number): Access {
  const steps = new Array<number>(rank).fill(0);
  view.steps.forEach((step, i) => {
    const axis = axes[i];
    if (axis !== undefined) steps[axis] = step;
  });
  return { buffer: view.buffer, offset: view.offset, steps, terms: view.terms };
}
