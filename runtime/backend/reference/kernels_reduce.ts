// How are the reductions computed? In one fixed order: each output adds its entries one after the other, row-major over
// the reduced axes, in float64, and is rounded once at the store. The loops differ only in how they walk.
import type { HostArray, TypedArray } from "../../ir/types.ts";
import type { Kernel, KernelRule, NumberArray } from "./kernel.ts";
import { type JointAxis, mergeAxes, positionsOf, rowMajorSteps } from "./strided.ts";

/** How the entries of one output are found: output k, entry (i, j) is at starts[k] + rows[i] + j * step. */
interface Walk {
  readonly starts: Int32Array | Float64Array;
  readonly rows: Int32Array | Float64Array;
  readonly length: number;
  readonly step: number;
}

type ReduceLoop = (o: NumberArray, x: NumberArray, walk: Walk) => void;
type ColumnLoop = (o: NumberArray, x: NumberArray, rows: number, columns: number) => void;

const sumFloat: ReduceLoop = (o, x, { starts, rows, length, step }) => {
  const n = o.length;
  for (let k = 0; k < n; k++) {
    let sum = 0;
    for (let i = 0; i < rows.length; i++) {
      let at = starts[k]! + rows[i]!;
      for (let j = 0; j < length; j++) {
        sum += x[at]!;
        at += step;
      }
    }
    o[k] = sum;
  }
};

const sumI32: ReduceLoop = (o, x, { starts, rows, length, step }) => {
  const n = o.length;
  for (let k = 0; k < n; k++) {
    let sum = 0;
    for (let i = 0; i < rows.length; i++) {
      let at = starts[k]! + rows[i]!;
      for (let j = 0; j < length; j++) {
        sum = (sum + x[at]!) | 0;
        at += step;
      }
    }
    o[k] = sum;
  }
};

/** A NaN among the entries is the result. No entries: minus infinity, or the least i32. */
const max: ReduceLoop = (o, x, { starts, rows, length, step }) => {
  const n = o.length;
  const least = x instanceof Int32Array ? -2147483648 : -Infinity;
  for (let k = 0; k < n; k++) {
    let best = least;
    for (let i = 0; i < rows.length; i++) {
      let at = starts[k]! + rows[i]!;
      for (let j = 0; j < length; j++) {
        best = Math.max(best, x[at]!);
        at += step;
      }
    }
    o[k] = best;
  }
};

/** Sums of the columns of a row-major matrix: four at a time, each in the order of `sumFloat`. */
const sumColumns: ColumnLoop = (o, x, rows, columns) => {
  let c = 0;
  for (; c + 3 < columns; c += 4) {
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let r = 0, at = c; r < rows; r++, at += columns) {
      s0 += x[at]!;
      s1 += x[at + 1]!;
      s2 += x[at + 2]!;
      s3 += x[at + 3]!;
    }
    o[c] = s0;
    o[c + 1] = s1;
    o[c + 2] = s2;
    o[c + 3] = s3;
  }
  for (; c < columns; c++) {
    let sum = 0;
    for (let r = 0, at = c; r < rows; r++, at += columns) sum += x[at]!;
    o[c] = sum;
  }
};

function prepareReduction(x: HostArray, out: HostArray, axes: readonly number[], loop: ReduceLoop): Kernel {
  const from = x.data as NumberArray;
  const to = out.data as NumberArray;
  const steps = rowMajorSteps(x.shape);
  const pick = (wanted: boolean): JointAxis[] => {
    const chosen = x.shape.map((_, axis) => axis).filter((axis) => axes.includes(axis) === wanted);
    return mergeAxes(chosen.map((axis) => x.shape[axis]!), [chosen.map((axis) => steps[axis]!)]);
  };
  const kept = pick(false);
  const reduced = pick(true);
  const inner = reduced.pop() ?? { size: 1, steps: [1] };
  const isColumnSum = loop === sumFloat && reduced.length === 0 && kept.length === 1 && kept[0]!.steps[0] === 1;
  if (isColumnSum && inner.steps[0] === kept[0]!.size) {
    const rows = inner.size;
    const columns = kept[0]!.size;
    return () => sumColumns(to, from, rows, columns);
  }
  const positions = (axesOf: readonly JointAxis[]) =>
    positionsOf(axesOf.map((axis) => axis.size), { steps: axesOf.map((axis) => axis.steps[0]!), offset: 0 });
  const walk: Walk = {
    starts: positions(kept),
    rows: positions(reduced),
    length: inner.size,
    step: inner.steps[0]!,
  };
  return () => loop(to, from, walk);
}

const argmax: KernelRule<"argmax"> = ({ params: { axis }, inputs, outputs }) => {
  const x = inputs[0]!;
  const from = x.data;
  const to = outputs[0]!.data as Int32Array;
  const length = x.shape[axis]!;
  const inner = rowMajorSteps(x.shape)[axis]!;
  return () => argmaxLoop(to, from, length, inner);
};

/** The first NaN counts as the largest entry, so that it is found; an empty axis gives 0. */
function argmaxLoop(o: Int32Array, x: TypedArray, length: number, inner: number): void {
  for (let k = 0; k < o.length; k++) {
    const within = k % inner;
    let at = (k - within) * length + within;
    let best = length > 0 ? x[at]! : 0;
    let index = 0;
    for (let j = 1; j < length && best === best; j++) {
      at += inner;
      const v = x[at]!;
      if (v > best || v !== v) {
        best = v;
        index = j;
      }
    }
    o[k] = index;
  }
}

/** Kernels of the reductions. */
export const reduceKernels = {
  reduce_sum: (({ params, inputs, outputs }) =>
    prepareReduction(
      inputs[0]!,
      outputs[0]!,
      params.axes,
      inputs[0]!.dtype === "i32" ? sumI32 : sumFloat,
    )) as KernelRule<"reduce_sum">,
  reduce_max:
    (({ params, inputs, outputs }) => prepareReduction(inputs[0]!, outputs[0]!, params.axes, max)) as KernelRule<
      "reduce_max"
    >,
  argmax,
};
