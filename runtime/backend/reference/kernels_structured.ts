// How do `scan` and `map` run? Their bodies are prepared once, on arrays of their own; a step copies its slices in, runs
// the body and copies its slice outputs out. Body inputs that are constants, and the carry, are the enclosing function's
// own arrays: the planner (plan.ts) gives them the same memory, and copies between equal memory are left out.
import type { HostArray } from "../../ir/types.ts";
import { InternalError } from "../../errors.ts";
import {
  bitsOf,
  type Kernel,
  type KernelRule,
  type KernelSite,
  longRun,
  type Pieces,
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

/** What a loop does before and after each run of its body, and around them all. */
export interface LoopParts {
  readonly length: number;
  readonly reverse: boolean;
  readonly begin: readonly Kernel[];
  readonly into: readonly SliceCopy[];
  readonly run: Kernel;
  readonly outOf: readonly SliceCopy[];
  readonly next: readonly Kernel[];
  readonly end: readonly Kernel[];
}

function bodyOf(body: PreparedBody | undefined): PreparedBody {
  if (!body) throw new InternalError("A loop was prepared without its body");
  return body;
}

function scanParts(site: KernelSite<"scan">): LoopParts {
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
  return { length, reverse, begin, into, run: body.run, outOf, next, end };
}

function mapParts(site: KernelSite<"map">): LoopParts {
  const { length, constants } = site.params;
  const body = bodyOf(site.body);
  const into = site.inputs.slice(constants).map((x, i) => prepareSlices(x, body.inputs[constants + i], false));
  const outOf = site.outputs.map((x, i) => prepareSlices(x, body.outputs[i], true));
  return { length, reverse: false, begin: [], into, run: body.run, outOf, next: [], end: [] };
}

/** The parts of each kind of loop. */
export const loopParts = { scan: scanParts, map: mapParts };

const all = (kernels: readonly Kernel[]) => {
  for (let i = 0; i < kernels.length; i++) kernels[i]!();
};

/** Steps `from` to `to` - 1 of a loop, counted in the order in which they run. */
function takeSteps({ length, reverse, into, run, outOf, next }: LoopParts, from: number, to: number): void {
  for (let t = from; t < to; t++) {
    const step = reverse ? length - 1 - t : t;
    for (let i = 0; i < into.length; i++) into[i]!(step);
    run();
    for (let i = 0; i < outOf.length; i++) outOf[i]!(step);
    for (let i = 0; i < next.length; i++) next[i]!();
  }
}

/** A loop that runs through. */
const inOne = (parts: LoopParts): Kernel => () => {
  all(parts.begin);
  takeSteps(parts, 0, parts.length);
  all(parts.end);
};

/** A loop that may pause: after every so many steps, or within its body and after each step where that is long itself. */
export const inPieces = (parts: LoopParts, cut: { readonly body: Pieces } | { readonly every: number }): Pieces =>
  function* () {
    const { length, reverse, into, outOf, next } = parts;
    all(parts.begin);
    if ("every" in cut) {
      for (let t = 0; t < length; t += cut.every) {
        takeSteps(parts, t, Math.min(t + cut.every, length));
        yield;
      }
    } else {
      for (let t = 0; t < length; t++) {
        const step = reverse ? length - 1 - t : t;
        for (let i = 0; i < into.length; i++) into[i]!(step);
        yield* cut.body();
        for (let i = 0; i < outOf.length; i++) outOf[i]!(step);
        all(next);
        yield;
      }
    }
    all(parts.end);
  };

const scan: KernelRule<"scan"> = (site) => inOne(scanParts(site));
const map: KernelRule<"map"> = (site) => inOne(mapParts(site));

/** Kernels of the structured primitives. */
export const structuredKernels = { scan, map };
