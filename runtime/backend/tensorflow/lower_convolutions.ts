// How are convolutions computed? All three as forward convolutions, the one form for which XLA calls a fast routine; where there are
// groups, as when each task has its own filter, as products of matrices, in which what each filter entry meets is a row.
//
// Letters: n images, g groups of c channels in and o channels out, k filter entries, h w places of a filter.
import type { ConvolutionParameters } from "../../ir/types.ts";
import type { Ref } from "./graph.ts";
import { type Lowering } from "./lower.ts";
import { spread } from "./spread.ts";
import type { Operations } from "./operations.ts";

/** Sizes of the filter and of the places where it lies. */
interface Places {
  readonly kernel: readonly [number, number];
  readonly places: readonly [number, number];
}

/** Where entry (i, j) of the filter meets the padded image: the first row and column, and how many places there are. */
function startOf([i, j]: readonly [number, number], { dilation }: ConvolutionParameters): readonly [number, number] {
  return [i * dilation[0], j * dilation[1]];
}

function entriesOf([height, width]: readonly [number, number]): readonly (readonly [number, number])[] {
  return Array.from({ length: height * width }, (_, k) => [Math.floor(k / width), k % width]);
}

/** Channels first: [n, g c, h, w] -> [g c, n, h, w]. */
const channelsFirst = (t: Operations, x: Ref) => t.transpose(x, [1, 0, 2, 3]);

/** x [n, g c, H, W] -> [g, c k, n h w]: row (c, k) is what entry k of a filter meets in channel c. */
function patches(t: Operations, x: Ref, { kernel, places: [h, w] }: Places, p: ConvolutionParameters): Ref {
  const [[top, bottom], [left, right]] = p.padding;
  const padded = t.pad(channelsFirst(t, x), [0, 0, top, left], [0, 0, bottom, right]);
  const [channels, n] = padded.shape as [number, number];
  const met = entriesOf(kernel).map((entry) => {
    const [row, column] = startOf(entry, p);
    const limit = [channels, n, row + (h - 1) * p.stride[0] + 1, column + (w - 1) * p.stride[1] + 1];
    return t.reshape(t.slice(padded, [0, 0, row, column], limit, [1, 1, ...p.stride]), [channels, 1, n * h * w]);
  });
  return t.reshape(t.concat(met, 1), [p.groups, (channels / p.groups) * met.length, n * h * w]);
}

/** [g, c k, n h w] -> [n, g c, H, W]: every entry goes back to where it was met, sums where several were. */
function unpatched(
  t: Operations,
  rows: Ref,
  [n, channels, height, width]: readonly [number, number, number, number],
  { kernel, places: [h, w] }: Places,
  p: ConvolutionParameters,
): Ref {
  const [[top, bottom], [left, right]] = p.padding;
  const [H, W] = [height + top + bottom, width + left + right];
  const entries = entriesOf(kernel);
  const table = t.reshape(rows, [channels, entries.length, n * h * w]);
  const spreadOut = entries.map((entry, k) => {
    const [row, column] = startOf(entry, p);
    const own = t.slice(table, [0, k, 0], [channels, k + 1, n * h * w], [1, 1, 1]);
    const image = spread(t, t.reshape(own, [channels, n, h, w]), [0, 0, p.stride[0] - 1, p.stride[1] - 1]);
    const [rowsMade, columnsMade] = image.shape.slice(2) as [number, number];
    return t.pad(image, [0, 0, row, column], [0, 0, H - row - rowsMade, W - column - columnsMade]);
  });
  const sum = spreadOut.reduce((a, b) => t.binary("AddV2", a, b));
  const inner = t.slice(sum, [0, 0, top, left], [channels, n, top + height, left + width], [1, 1, 1, 1]);
  return t.transpose(inner, [1, 0, 2, 3]);
}

/** y [n, g o, h, w] -> [g, o, n h w]. */
function matrixOf(t: Operations, y: Ref, groups: number): Ref {
  const [n, outputs, h, w] = y.shape as [number, number, number, number];
  return t.reshape(channelsFirst(t, y), [groups, outputs / groups, n * h * w]);
}

/** filter [g o, c, kh, kw] -> [g, o, c k]. */
function filterOf(t: Operations, filter: Ref, groups: number): Ref {
  const [outputs, c, kh, kw] = filter.shape as [number, number, number, number];
  return t.reshape(filter, [groups, outputs / groups, c * kh * kw]);
}

/** [n, h, w, c] with [kh, kw, c, o], nothing around. */
function forward(t: Operations, x: Ref, filter: Ref, stride: readonly [number, number] = [1, 1]): Ref {
  const attributes = {
    T: { type: "f32" },
    strides: { integers: [1, ...stride, 1] },
    padding: { text: "VALID" },
    data_format: { text: "NHWC" },
  } as const;
  const places = [0, 1].map((axis) => Math.floor((x.shape[axis + 1]! - filter.shape[axis]!) / stride[axis]!) + 1);
  const shape = [x.shape[0]!, ...places, filter.shape[3]!];
  return t.one("Conv2D", [x, filter], attributes, "output", "f32", shape);
}

/** Zeros around the rows and columns of images, or fewer of them where the number is negative. */
function padOrCut(t: Operations, x: Ref, before: readonly number[], after: readonly number[]): Ref {
  const plus = (list: readonly number[]) => [0, ...list.map((n) => Math.max(0, n)), 0];
  const minus = (list: readonly number[]) => [0, ...list.map((n) => Math.max(0, -n)), 0];
  const limit = x.shape.map((n, i) => n - minus(after)[i]!);
  return t.pad(t.slice(x, minus(before), limit, [1, 1, 1, 1]), plus(before), plus(after));
}

/** Zeros between the entries of axes 1 and 2 of images, or 0 and 1 of filters. */
const spreadImages = (t: Operations, x: Ref, [a, b]: readonly [number, number]) => spread(t, x, [0, a - 1, b - 1, 0]);
const spreadFilter = (t: Operations, x: Ref, [a, b]: readonly [number, number]) => spread(t, x, [a - 1, b - 1, 0, 0]);

/** conv(x, filter) -> y. */
export function lowerConvolution({ t, inputs: [x, filter], params, types: [type] }: Lowering<"conv">): Ref {
  if (params.groups === 1) {
    const [[top, bottom], [left, right]] = params.padding;
    const images = t.pad(t.transpose(x!, [0, 2, 3, 1]), [0, top, left, 0], [0, bottom, right, 0]);
    const f = spreadFilter(t, t.transpose(filter!, [2, 3, 1, 0]), params.dilation);
    return t.transpose(forward(t, images, f, params.stride), [0, 3, 1, 2]);
  }
  const [n, outputs, h, w] = type!.shape as [number, number, number, number];
  const places: Places = { kernel: filter!.shape.slice(2) as [number, number], places: [h, w] };
  const product = t.matmul(filterOf(t, filter!, params.groups), patches(t, x!, places, params), [false, false]);
  return t.transpose(t.reshape(product, [outputs, n, h, w]), [1, 0, 2, 3]);
}

/** conv_input_gradient(y, filter) -> x. */
export function lowerInputGradient(
  { t, inputs: [y, filter], params, types: [type] }: Lowering<"conv_input_gradient">,
): Ref {
  if (params.groups === 1) {
    // every entry of x is met by the filter turned round, over what was made of it
    const [height, width] = type!.shape.slice(2) as [number, number];
    const f = spreadFilter(t, t.reverse(t.transpose(filter!, [2, 3, 0, 1]), [0, 1]), params.dilation);
    const made = spreadImages(t, t.transpose(y!, [0, 2, 3, 1]), params.stride);
    const before = [0, 1].map((axis) => f.shape[axis]! - 1 - params.padding[axis as 0 | 1][0]);
    const after = [height, width].map((size, i) => size + f.shape[i]! - 1 - before[i]! - made.shape[i + 1]!);
    return t.transpose(forward(t, padOrCut(t, made, before, after), f), [0, 3, 1, 2]);
  }
  const places: Places = {
    kernel: filter!.shape.slice(2) as [number, number],
    places: y!.shape.slice(2) as [number, number],
  };
  const rows = t.matmul(filterOf(t, filter!, params.groups), matrixOf(t, y!, params.groups), [true, false]);
  return unpatched(t, rows, type!.shape as [number, number, number, number], places, params);
}

/** conv_filter_gradient(x, y) -> filter. */
export function lowerFilterGradient(
  { t, inputs: [x, y], params, types: [type] }: Lowering<"conv_filter_gradient">,
): Ref {
  if (params.groups === 1) {
    // channels as images, images as channels: what was made is the filter
    const [[top, bottom], [left, right]] = params.padding;
    const images = t.pad(t.transpose(x!, [1, 2, 3, 0]), [0, top, left, 0], [0, bottom, right, 0]);
    const f = spreadFilter(t, t.transpose(y!, [2, 3, 0, 1]), params.stride);
    const [kh, kw] = type!.shape.slice(2) as [number, number];
    const limit = [kh, kw].map((size, i) => (size - 1) * params.dilation[i]! + f.shape[i]!);
    const met = t.slice(images, [0, 0, 0, 0], [images.shape[0]!, ...limit, images.shape[3]!], [1, 1, 1, 1]);
    return t.transpose(forward(t, met, f, params.dilation), [3, 0, 1, 2]);
  }
  const places: Places = {
    kernel: type!.shape.slice(2) as [number, number],
    places: y!.shape.slice(2) as [number, number],
  };
  const product = t.matmul(matrixOf(t, y!, params.groups), patches(t, x!, places, params), [false, true]);
  return t.reshape(product, type!.shape);
}
