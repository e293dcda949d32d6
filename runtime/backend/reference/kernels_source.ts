// Where do values come from that no input gives? Literals, index ramps, and random words.
import { sizeOf } from "../../ir/types.ts";
import { fillPhiloxWords } from "../../random/philox.ts";
import type { KernelRule } from "./kernel.ts";
import { rowMajorSteps } from "./strided.ts";

const constant: KernelRule<"constant"> = ({ params: { data }, outputs }) => {
  const to = outputs[0]!.data;
  if (data.length === 1) {
    return () => {
      to.fill(data[0]!);
    };
  }
  return () => to.set(data);
};

const iota: KernelRule<"iota"> = ({ params: { axis }, outputs }) => {
  const { shape, data } = outputs[0]!;
  const step = rowMajorSteps(shape)[axis]!;
  const size = shape[axis]!;
  return () => {
    for (let i = 0; i < data.length; i++) data[i] = Math.floor(i / step) % size;
  };
};

const randomBits: KernelRule<"random_bits"> = ({ params: { shape }, inputs, outputs }) => {
  const key = inputs[0]!.data as Int32Array;
  const counter = inputs[1]!.data as Int32Array;
  const to = outputs[0]!.data as Int32Array;
  const count = sizeOf(shape);
  const batches = key.length / 2;
  return () => {
    for (let b = 0; b < batches; b++) {
      const k = b * 2;
      const c = b * 3;
      fillPhiloxWords(to, b * count, count, key[k]!, key[k + 1]!, counter[c]!, counter[c + 1]!, counter[c + 2]!);
    }
  };
};

/** Kernels of the sources. */
export const sourceKernels = { constant, iota, random_bits: randomBits };
