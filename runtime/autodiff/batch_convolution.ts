// How do many convolutions become one? A mapped image goes into the images of the batch, a mapped filter into the
// channels it makes, and where both are mapped every iteration becomes a group of its own.
//
// Letters: B iterations, n images, c = g cg channels in, o = g og channels out, g groups; s and k stand for two axes each.
import type { Builder } from "../ir/builder.ts";
import type { Variable } from "../ir/types.ts";
import { type BatchRule, mappedOutput, moveAxis } from "./batching.ts";

/** [B, n, …] -> [B n, …]. */
function intoImages(b: Builder, x: Variable): Variable {
  const [B, n, ...rest] = x.shape as [number, number, ...number[]];
  return b.reshape(x, [B * n, ...rest]);
}

/** [B n, …] -> [B, n, …]. */
function outOfImages(b: Builder, x: Variable, length: number): Variable {
  const [images, ...rest] = x.shape as [number, ...number[]];
  return b.reshape(x, [length, images / length, ...rest]);
}

/** [B, n, c, s] -> [n, B c, s]: iterations outermost among the channels, so that each is a group. */
function intoGroups(b: Builder, x: Variable): Variable {
  const [B, n, c, ...s] = x.shape as [number, number, number, ...number[]];
  return b.reshape(moveAxis(b, x, 0, 1), [n, B * c, ...s]);
}

/** [n, B c, s] -> [B, n, c, s]. */
function outOfGroups(b: Builder, x: Variable, length: number): Variable {
  const [n, channels, ...s] = x.shape as [number, number, ...number[]];
  return moveAxis(b, b.reshape(x, [n, length, channels / length, ...s]), 1, 0);
}

/** [B, n, g c, s] -> [n, g B c, s]: iterations inside every group. */
function intoChannels(b: Builder, x: Variable, groups: number): Variable {
  const [B, n, channels, ...s] = x.shape as [number, number, number, ...number[]];
  const split = b.reshape(x, [B, n, groups, channels / groups, ...s]);
  return b.reshape(moveAxis(b, split, 0, 2), [n, B * channels, ...s]);
}

/** [n, g B c, s] -> [B, n, g c, s]. */
function outOfChannels(b: Builder, x: Variable, groups: number, length: number): Variable {
  const [n, channels, ...s] = x.shape as [number, number, ...number[]];
  const split = b.reshape(x, [n, groups, length, channels / groups / length, ...s]);
  return b.reshape(moveAxis(b, split, 2, 0), [length, n, channels / length, ...s]);
}

/** Filters [B, g og, cg, k] -> [g B og, cg, k]: iterations inside every group's outputs. */
function intoFilterOutputs(b: Builder, f: Variable, groups: number): Variable {
  const [B, o, ...rest] = f.shape as [number, number, ...number[]];
  const split = b.reshape(f, [B, groups, o / groups, ...rest]);
  return b.reshape(moveAxis(b, split, 0, 1), [B * o, ...rest]);
}

/** Filters [g B og, cg, k] -> [B, g og, cg, k]. */
function outOfFilterOutputs(b: Builder, f: Variable, groups: number, length: number): Variable {
  const [outputs, ...rest] = f.shape as [number, ...number[]];
  const split = b.reshape(f, [groups, length, outputs / groups / length, ...rest]);
  return b.reshape(moveAxis(b, split, 1, 0), [length, outputs / length, ...rest]);
}

/** Filters [B, o, cg, k] -> [o, B cg, k]: iterations among the inputs of every group. */
const intoFilterInputs = intoGroups;

/** Filters [o, B cg, k] -> [B, o, cg, k]. */
const outOfFilterInputs = outOfGroups;

/** conv(x, f) -> y. */
export const convBatch: BatchRule<"conv"> = ({ b, inputs, mapped, length, params }) => {
  const [x, f] = inputs as [Variable, Variable];
  const { groups } = params;
  if (!mapped[1]) return mappedOutput(outOfImages(b, b.one("conv", [intoImages(b, x), f], params), length));
  if (!mapped[0]) {
    const y = b.one("conv", [x, intoFilterOutputs(b, f, groups)], params);
    return mappedOutput(outOfChannels(b, y, groups, length));
  }
  const y = b.one("conv", [intoGroups(b, x), intoImages(b, f)], { ...params, groups: groups * length });
  return mappedOutput(outOfGroups(b, y, length));
};

/** conv_input_gradient(y, f) -> x. */
export const convInputGradientBatch: BatchRule<"conv_input_gradient"> = ({ b, inputs, mapped, length, params }) => {
  const [y, f] = inputs as [Variable, Variable];
  const { groups } = params;
  const op = "conv_input_gradient";
  if (!mapped[1]) return mappedOutput(outOfImages(b, b.one(op, [intoImages(b, y), f], params), length));
  if (!mapped[0]) {
    const x = b.one(op, [y, intoFilterInputs(b, f)], params);
    return mappedOutput(outOfChannels(b, x, groups, length));
  }
  const x = b.one(op, [intoGroups(b, y), intoImages(b, f)], { ...params, groups: groups * length });
  return mappedOutput(outOfGroups(b, x, length));
};

/** conv_filter_gradient(x, y) -> f. */
export const convFilterGradientBatch: BatchRule<"conv_filter_gradient"> = ({ b, inputs, mapped, length, params }) => {
  const [x, y] = inputs as [Variable, Variable];
  const { groups } = params;
  const op = "conv_filter_gradient";
  if (!mapped[1]) {
    const f = b.one(op, [intoChannels(b, x, groups), y], params);
    return mappedOutput(outOfFilterInputs(b, f, length));
  }
  if (!mapped[0]) {
    const f = b.one(op, [x, intoChannels(b, y, groups)], params);
    return mappedOutput(outOfFilterOutputs(b, f, groups, length));
  }
  const f = b.one(op, [intoGroups(b, x), intoGroups(b, y)], { ...params, groups: groups * length });
  return mappedOutput(outOfImages(b, f, length));
};
