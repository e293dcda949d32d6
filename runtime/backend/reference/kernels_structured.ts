// How do `scan` and `map` run? Their bodies are prepared once, on arrays of their own; a step copies its slices in, runs
// the body and copies its slice outputs out. Body inputs that are constants, and the carry, are the enclosing function's
// own arrays: the planner (plan.ts) gives them the same memory, and copies between equal memory are left out.
import type { HostArray } from "../../ir/types.ts";
import { InternalError } from "../../errors.ts";
import {
  bitsOf,
  type Kernel,
  type KernelRule,
  longRun,
  prepareCopy,
  type PreparedBody,
  wholeBuffer,
} from "./kernel.ts";

/** Copies slice `step` of a stacked array to or from one of the body's arrays. */
type SliceCopy = (step: number) => void;

/** Slices of `stacked` are read into (or, if `isOutput`, written from) `slice`, which is undefined if nothing reads it. */
function prepareSlices(stacked: HostArray, slice: HostArray | undefined, isOutput: boolean): SliceCopy {
  if (!slice) return () => {};
  const size = slice.data.length;
  if (size > longRun) {
    const { whole, start: stack } = wholeBuffer(stacked.data);
    const { start: own } = wholeBuffer(slice.data);
    return isOutput
      ? (step) => {
        whole.copyWithin(stack + step * size, own, own + size);
      }
      : (step) => {
        whole.copyWithin(own, stack + step * size, stack + (step + 1) * size);
      };
  }
  const all = bitsOf(stacked.data);
  const one = bitsOf(slice.data);
  return isOutput
    ? (step) => {
      const start = step * size;
      for (let i = 0; i < size; i++) all[start + i] = one[i]!;
    }
    : (step) => {
      const start = step * size;
      for (let i = 0; i < size; i++) one[i] = all[start + i]!;
    };
}

function bodyOf(body: PreparedBody | undefined): PreparedBody {
  if (!body) throw new InternalError("A loop was prepared without its body");
  return body;
}

const scan: KernelRule<"scan"> = (site) => {
  const { length, constants, carry, reverse } = site.params;
  const body = bodyOf(site.body);
  const begin: Kernel[] = [];
  const next: Kernel[] = [];
  const end: Kernel[] = [];
  for (let i = 0; i < carry; i++) {
    const state = body.inputs[constants + i]!.data;
    begin.push(prepareCopy(site.inputs[constants + i]!.data, state));
    next.push(prepareCopy(body.outputs[i]!.data, state));
    end.push(prepareCopy(state, site.outputs[i]!.data));
  }
  const into = site.inputs.slice(constants + carry).map((x, i) =>
    prepareSlices(x, body.inputs[constants + carry + i], false)
  );
  const outOf = site.outputs.slice(carry).map((x, i) => prepareSlices(x, body.outputs[carry + i], true));
  const run = body.run;
  return () => {
    for (let i = 0; i < begin.length; i++) begin[i]!();
    for (let t = 0; t < length; t++) {
      const step = reverse ? length - 1 - t : t;
      for (let i = 0; i < into.length; i++) into[i]!(step);
      run();
      for (let i = 0; i < outOf.length; i++) outOf[i]!(step);
      for (let i = 0; i < next.length; i++) next[i]!();
    }
    for (let i = 0; i < end.length; i++) end[i]!();
  };
};

const map: KernelRule<"map"> = (site) => {
  const { length, constants } = site.params;
  const body = bodyOf(site.body);
  const into = site.inputs.slice(constants).map((x, i) => prepareSlices(x, body.inputs[constants + i], false));
  const outOf = site.outputs.map((x, i) => prepareSlices(x, body.outputs[i], true));
  const run = body.run;
  return () => {
    for (let step = 0; step < length; step++) {
      for (let i = 0; i < into.length; i++) into[i]!(step);
      run();
      for (let i = 0; i < outOf.length; i++) outOf[i]!(step);
    }
  };
};

/** Kernels of the structured primitives. */
export const structuredKernels = { scan, map };
