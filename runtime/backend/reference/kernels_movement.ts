// How are arrays rearranged? Every movement primitive is one strided copy (or a few) between two layouts of one index
// space, set up once.
import type { TypedArray } from "../../ir/types.ts";
import { type Kernel, type KernelRule, prepareCopy } from "./kernel.ts";
import { prepareStridedCopy, rowMajorSteps } from "./strided.ts";

const reshape: KernelRule<"reshape"> = ({ inputs, outputs }) => prepareCopy(inputs[0]!.data, outputs[0]!.data);

const transpose: KernelRule<"transpose"> = ({ params, inputs, outputs }) => {
  const steps = rowMajorSteps(inputs[0]!.shape);
  const { shape, data } = outputs[0]!;
  return prepareStridedCopy(
    shape,
    { data: inputs[0]!.data, steps: params.permutation.map((axis) => steps[axis]!), offset: 0 },
    { data, steps: rowMajorSteps(shape), offset: 0 },
  );
};

const broadcast: KernelRule<"broadcast"> = ({ params, inputs, outputs }) => {
  const x = inputs[0]!;
  const { shape, data } = outputs[0]!;
  const own = rowMajorSteps(x.shape);
  const steps = shape.map(() => 0);
  params.axes.forEach((axis, k) => {
    if (x.shape[k] !== 1) steps[axis] = own[k]!;
  });
  if (x.data.length === 1) return prepareFill(data, x.data);
  return prepareStridedCopy(shape, { data: x.data, steps, offset: 0 }, {
    data,
    steps: rowMajorSteps(shape),
    offset: 0,
  });
};

function prepareFill(to: TypedArray, from: TypedArray): Kernel {
  return () => {
    to.fill(from[0]!);
  };
}

const slice: KernelRule<"slice"> = ({ params, inputs, outputs }) => {
  const own = rowMajorSteps(inputs[0]!.shape);
  const { shape, data } = outputs[0]!;
  const offset = params.start.reduce((sum, start, axis) => sum + start * own[axis]!, 0);
  return prepareStridedCopy(
    shape,
    { data: inputs[0]!.data, steps: own.map((step, axis) => step * params.stride[axis]!), offset },
    { data, steps: rowMajorSteps(shape), offset: 0 },
  );
};

const pad: KernelRule<"pad"> = ({ params, inputs, outputs }) => {
  const x = inputs[0]!;
  const { shape, data } = outputs[0]!;
  const steps = rowMajorSteps(shape);
  const copy = prepareStridedCopy(
    x.shape,
    { data: x.data, steps: rowMajorSteps(x.shape), offset: 0 },
    {
      data,
      steps: steps.map((step, axis) => step * (params.interior[axis]! + 1)),
      offset: params.low.reduce((sum, low, axis) => sum + low * steps[axis]!, 0),
    },
  );
  return () => {
    data.fill(0);
    copy();
  };
};

const concat: KernelRule<"concat"> = ({ params: { axis }, inputs, outputs }) => {
  const { shape, data } = outputs[0]!;
  const steps = rowMajorSteps(shape);
  let start = 0;
  const copies = inputs.map((x) => {
    const target = { data, steps, offset: start * steps[axis]! };
    start += x.shape[axis]!;
    return prepareStridedCopy(x.shape, { data: x.data, steps: rowMajorSteps(x.shape), offset: 0 }, target);
  });
  return () => {
    for (let i = 0; i < copies.length; i++) copies[i]!();
  };
};

const reverse: KernelRule<"reverse"> = ({ params, inputs, outputs }) => {
  const { shape, data } = inputs[0]!;
  const steps = rowMajorSteps(shape);
  let offset = 0;
  const backwards = steps.map((step, axis) => {
    if (!params.axes.includes(axis)) return step;
    offset += step * (shape[axis]! - 1);
    return -step;
  });
  return prepareStridedCopy(shape, { data, steps: backwards, offset }, { data: outputs[0]!.data, steps, offset: 0 });
};

/** Kernels of the movement primitives. */
export const movementKernels = { reshape, transpose, broadcast, slice, pad, concat, reverse };
