// How are entries picked and summed by index? As runs of neighbours: with Q the size of the axes after the indexed one,
// every index moves Q entries that lie side by side.
import { type HostArray, isFloat, sizeOf, type TypedArray } from "../../ir/types.ts";
import { bitsOf, type KernelRule, longRun, type NumberArray, type ScratchRule, wholeBuffer } from "./kernel.ts";

/** Sizes of (operand [B, P, n, Q], indices [B, I]) with each group of axes taken as one. */
interface Extents {
  readonly batches: number;
  readonly before: number;
  readonly axis: number;
  readonly indices: number;
  readonly after: number;
}

/** Extents from the array that has the indexed axis whole. */
function extentsOf(whole: HostArray, indices: HostArray, { axis, batch }: { axis: number; batch: number }): Extents {
  return {
    batches: sizeOf(whole.shape.slice(0, batch)),
    before: sizeOf(whole.shape.slice(batch, axis)),
    axis: whole.shape[axis]!,
    indices: sizeOf(indices.shape.slice(batch)),
    after: sizeOf(whole.shape.slice(axis + 1)),
  };
}

const gather: KernelRule<"gather"> = ({ params, inputs, outputs }) => {
  const from = bitsOf(inputs[0]!.data);
  const to = bitsOf(outputs[0]!.data);
  const indices = inputs[1]!.data as Int32Array;
  const extents = extentsOf(inputs[0]!, inputs[1]!, params);
  if (extents.after > longRun) {
    const { whole, start } = wholeBuffer(from);
    const { start: target } = wholeBuffer(to);
    return () => gatherRuns(whole, target, start, indices, extents);
  }
  return () => gatherLoop(to, from, indices, extents);
};

/** `gatherLoop` for long runs within one buffer: the output starts at its element `target`, the operand at `source`. */
function gatherRuns(whole: TypedArray, target: number, source: number, indices: Int32Array, e: Extents): void {
  const size = e.after;
  let at = target;
  for (let b = 0; b < e.batches; b++) {
    for (let p = 0; p < e.before; p++) {
      const start = source + (b * e.before + p) * e.axis * size;
      for (let i = 0; i < e.indices; i++) {
        const index = indices[b * e.indices + i]!;
        const run = start + index * size;
        if (index >= 0 && index < e.axis) whole.copyWithin(at, run, run + size);
        else whole.fill(0, at, at + size);
        at += size;
      }
    }
  }
}

function gatherLoop(to: TypedArray, from: TypedArray, indices: Int32Array, e: Extents): void {
  const size = e.after;
  let at = 0;
  for (let b = 0; b < e.batches; b++) {
    for (let p = 0; p < e.before; p++) {
      const start = (b * e.before + p) * e.axis * size;
      for (let i = 0; i < e.indices; i++) {
        const index = indices[b * e.indices + i]!;
        if (index >= 0 && index < e.axis) {
          const run = start + index * size;
          for (let q = 0; q < size; q++) to[at + q] = from[run + q]!;
        } else {
          for (let q = 0; q < size; q++) to[at + q] = 0;
        }
        at += size;
      }
    }
  }
}

/** Float updates are summed in float64, in the order of the indices, and rounded once. */
const scatterAdd: KernelRule<"scatter_add"> = ({ params, inputs, outputs, scratch }) => {
  const out = outputs[0]!;
  const updates = inputs[0]!.data as NumberArray;
  const indices = inputs[1]!.data as Int32Array;
  const to = out.data as NumberArray;
  const extents = extentsOf(out, inputs[1]!, params);
  const sums = isFloat(out.dtype) ? scratch : new Int32Array(scratch.buffer, scratch.byteOffset, scratch.length);
  return () => scatterLoop(to, updates, indices, sums, extents);
};

function scatterLoop(
  to: NumberArray,
  updates: NumberArray,
  indices: Int32Array,
  sums: Float64Array | Int32Array,
  e: Extents,
): void {
  const size = e.after;
  const whole = e.axis * size;
  let from = 0;
  for (let b = 0; b < e.batches; b++) {
    for (let p = 0; p < e.before; p++) {
      for (let k = 0; k < whole; k++) sums[k] = 0;
      for (let i = 0; i < e.indices; i++) {
        const index = indices[b * e.indices + i]!;
        if (index >= 0 && index < e.axis) {
          const run = index * size;
          for (let q = 0; q < size; q++) sums[run + q] = sums[run + q]! + updates[from + q]!;
        }
        from += size;
      }
      const start = (b * e.before + p) * whole;
      for (let k = 0; k < whole; k++) to[start + k] = sums[k]!;
    }
  }
}

/** One set of sums for the axes from the indexed one on. */
export const scatterScratch: ScratchRule<"scatter_add"> = (_inputs, [out], { axis }) => sizeOf(out!.shape.slice(axis));

/** Kernels of the indexed primitives. */
export const indexedKernels = { gather, scatter_add: scatterAdd };
