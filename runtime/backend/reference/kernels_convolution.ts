// How are the three convolution primitives computed? On a zero-bordered float64 copy of one image at a time, where the
// entry under kernel element (c, ky, kx) at output position (y, x) is patch(c, ky, kx) + place(y, x): a matrix product
// (gemm.ts) whose factor is read through those two tables, in pieces that stay in cache.
import {
  type ArrayType,
  type ConvolutionParameters,
  type PrimitiveName,
  type PrimitiveParameters,
  sizeOf,
} from "../../ir/types.ts";
import {
  type MatrixView,
  multiplyPacked,
  packedLeftLength,
  packedRightLength,
  packLeft,
  packRight,
  type ProductShape,
  tileLength,
} from "./gemm.ts";
import type { FloatArray, KernelRule, ScratchRule } from "./kernel.ts";
import { positionsOf } from "./strided.ts";

/** Everything about one convolution that does not depend on values. x [n, c, h, w], y [n, o, h', w']. */
interface Geometry {
  readonly images: number;
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  readonly top: number;
  readonly left: number;
  readonly paddedHeight: number;
  readonly paddedWidth: number;
  readonly groups: number;
  /** Output channels of one group. */
  readonly outputs: number;
  /** c / groups * kh * kw, the size of a patch. */
  readonly depth: number;
  /** h' * w'. */
  readonly places: number;
  /** Places handled together, so that the packed patches take at most about 256 KiB. */
  readonly chunk: number;
  readonly patch: Int32Array | Float64Array;
  readonly place: Int32Array | Float64Array;
}

function geometryOf(x: ArrayType, filter: ArrayType, y: ArrayType, p: ConvolutionParameters): Geometry {
  const [images, channels, height, width] = x.shape as [number, number, number, number];
  const [o, cg, kh, kw] = filter.shape as [number, number, number, number];
  const paddedHeight = height + p.padding[0][0] + p.padding[0][1];
  const paddedWidth = width + p.padding[1][0] + p.padding[1][1];
  const depth = cg * kh * kw;
  const places = y.shape[2]! * y.shape[3]!;
  return {
    images,
    channels,
    height,
    width,
    top: p.padding[0][0],
    left: p.padding[1][0],
    paddedHeight,
    paddedWidth,
    groups: p.groups,
    outputs: o / p.groups,
    depth,
    places,
    chunk: Math.min(places, Math.max(24, Math.floor(16384 / Math.max(1, depth)) * 2)),
    patch: positionsOf([cg, kh, kw], {
      steps: [paddedHeight * paddedWidth, p.dilation[0] * paddedWidth, p.dilation[1]],
      offset: 0,
    }),
    place: positionsOf([y.shape[2]!, y.shape[3]!], { steps: [p.stride[0] * paddedWidth, p.stride[1]], offset: 0 }),
  };
}

/** 0, step, 2 step, … */
function ramp(count: number, step: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => i * step);
}

/** Cuts a scratch array into consecutive parts. */
function carve(scratch: Float64Array, lengths: readonly number[]): Float64Array[] {
  let start = 0;
  return lengths.map((length) => scratch.subarray(start, start += length));
}

function imageLength(g: Geometry): number {
  return g.channels * g.paddedHeight * g.paddedWidth;
}

/** The interior of the bordered image from image `n` of x; the border is left as it is. */
function borderImage(image: Float64Array, x: FloatArray, n: number, g: Geometry): void {
  let from = n * g.channels * g.height * g.width;
  for (let c = 0; c < g.channels; c++) {
    for (let i = 0; i < g.height; i++) {
      const to = (c * g.paddedHeight + g.top + i) * g.paddedWidth + g.left;
      for (let j = 0; j < g.width; j++) image[to + j] = x[from + j]!;
      from += g.width;
    }
  }
}

/** Image `n` of x from the interior of the bordered image. */
function cropImage(x: FloatArray, image: Float64Array, n: number, g: Geometry): void {
  let to = n * g.channels * g.height * g.width;
  for (let c = 0; c < g.channels; c++) {
    for (let i = 0; i < g.height; i++) {
      const from = (c * g.paddedHeight + g.top + i) * g.paddedWidth + g.left;
      for (let j = 0; j < g.width; j++) x[to + j] = image[from + j]!;
      to += g.width;
    }
  }
}

/** The places handled together, as ranges. */
function chunksOf(g: Geometry): { start: number; count: number; places: Int32Array | Float64Array }[] {
  const chunks = [];
  for (let start = 0; start < g.places; start += g.chunk) {
    const count = Math.min(g.chunk, g.places - start);
    chunks.push({ start, count, places: g.place.subarray(start, start + count) });
  }
  return chunks;
}

type ConvolutionName = "conv" | "conv_input_gradient" | "conv_filter_gradient";

interface Prepared<P extends ConvolutionName> {
  readonly geometry: (
    inputs: readonly ArrayType[],
    outputs: readonly ArrayType[],
    p: PrimitiveParameters[P],
  ) => Geometry;
  /** Lengths of the parts of the scratch. */
  readonly parts: (g: Geometry) => readonly number[];
}

const forward: Prepared<"conv"> = {
  geometry: ([x, filter], [y], p) => geometryOf(x!, filter!, y!, p),
  parts: (
    g,
  ) => [
    tileLength,
    imageLength(g),
    g.groups * packedLeftLength(g.outputs, g.depth),
    packedRightLength(g.chunk, g.depth),
  ],
};

/** y[n, o, p] = sum over (c, ky, kx), in that order, of filter[o, c, ky, kx] x[n, c, …]. */
const conv: KernelRule<"conv"> = ({ params, inputs, outputs, scratch }) => {
  const g = forward.geometry(inputs, outputs, params);
  const x = inputs[0]!.data as FloatArray;
  const filter = inputs[1]!.data as FloatArray;
  const y = outputs[0]!.data as FloatArray;
  const [tile, image, filters, patches] = carve(scratch, forward.parts(g)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const filterView: MatrixView = { starts: ramp(g.outputs, g.depth), offsets: ramp(g.depth, 1) };
  const packedFilters = Array.from({ length: g.groups }, (_, i) => {
    const length = packedLeftLength(g.outputs, g.depth);
    return filters.subarray(i * length, (i + 1) * length);
  });
  const pieces = chunksOf(g).map(({ start, count, places }) => {
    const view: MatrixView = { starts: places, offsets: g.patch };
    const product: ProductShape = { rows: g.outputs, columns: count, depth: g.depth, rowStep: g.places };
    return { start, view, product };
  });
  const groupImage = imageLength(g) / g.groups;
  return () => {
    packedFilters.forEach((packed, i) => packLeft(packed, filter, filterView, i * g.outputs * g.depth));
    image.fill(0);
    for (let n = 0; n < g.images; n++) {
      borderImage(image, x, n, g);
      for (let i = 0; i < g.groups; i++) {
        for (const { start, view, product } of pieces) {
          packRight(patches, image, view, i * groupImage);
          const base = (n * g.groups + i) * g.outputs * g.places + start;
          multiplyPacked(y, base, packedFilters[i]!, patches, tile, product);
        }
      }
    }
  };
};

const backward: Prepared<"conv_input_gradient"> = {
  geometry: ([y, filter], [x], p) => geometryOf(x!, filter!, y!, p),
  parts: (g) => [
    tileLength,
    imageLength(g),
    g.groups * packedLeftLength(g.depth, g.outputs),
    packedRightLength(g.chunk, g.outputs),
    g.depth * g.chunk,
  ],
};

/** x[n, c, i, j]: each kernel element's sum over o is added, in the order (c, ky, kx), where the element lies. */
const convInputGradient: KernelRule<"conv_input_gradient"> = ({ params, inputs, outputs, scratch }) => {
  const g = backward.geometry(inputs, outputs, params);
  const y = inputs[0]!.data as FloatArray;
  const filter = inputs[1]!.data as FloatArray;
  const x = outputs[0]!.data as FloatArray;
  const [tile, image, filters, outputsPacked, columns] = carve(scratch, backward.parts(g)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const filterView: MatrixView = { starts: ramp(g.depth, 1), offsets: ramp(g.outputs, g.depth) };
  const packedFilters = Array.from({ length: g.groups }, (_, i) => {
    const length = packedLeftLength(g.depth, g.outputs);
    return filters.subarray(i * length, (i + 1) * length);
  });
  const channelOffsets = ramp(g.outputs, g.places);
  const pieces = chunksOf(g).map(({ start, count, places }) => {
    const view: MatrixView = { starts: ramp(count, 1), offsets: channelOffsets };
    const product: ProductShape = { rows: g.depth, columns: count, depth: g.outputs, rowStep: count };
    return { start, places, view, product };
  });
  const groupImage = imageLength(g) / g.groups;
  return () => {
    packedFilters.forEach((packed, i) => packLeft(packed, filter, filterView, i * g.outputs * g.depth));
    for (let n = 0; n < g.images; n++) {
      image.fill(0);
      for (let i = 0; i < g.groups; i++) {
        for (const { start, places, view, product } of pieces) {
          packRight(outputsPacked, y, view, (n * g.groups + i) * g.outputs * g.places + start);
          multiplyPacked(columns, 0, packedFilters[i]!, outputsPacked, tile, product);
          addPatches(image, i * groupImage, columns, g.patch, places);
        }
      }
      cropImage(x, image, n, g);
    }
  };
};

/** image[base + patch + place] += columns[patch, place] */
function addPatches(
  image: Float64Array,
  base: number,
  columns: Float64Array,
  patch: Int32Array | Float64Array,
  places: Int32Array | Float64Array,
): void {
  let from = 0;
  for (let k = 0; k < patch.length; k++) {
    const start = base + patch[k]!;
    for (let p = 0; p < places.length; p++) {
      const at = start + places[p]!;
      image[at] = image[at]! + columns[from]!;
      from++;
    }
  }
}

const crosswise: Prepared<"conv_filter_gradient"> = {
  geometry: ([x, y], [filter], p) => geometryOf(x!, filter!, y!, p),
  parts: (g) => [
    tileLength,
    imageLength(g),
    packedLeftLength(g.outputs, g.chunk),
    packedRightLength(g.depth, g.chunk),
    g.outputs * g.depth,
    g.groups * g.outputs * g.depth,
  ],
};

/** filter[o, c, ky, kx]: sums over the places of a chunk, added in the order of images, then chunks, in float64. */
const convFilterGradient: KernelRule<"conv_filter_gradient"> = ({ params, inputs, outputs, scratch }) => {
  const g = crosswise.geometry(inputs, outputs, params);
  const x = inputs[0]!.data as FloatArray;
  const y = inputs[1]!.data as FloatArray;
  const filter = outputs[0]!.data as FloatArray;
  const [tile, image, outputsPacked, patches, part, sums] = carve(scratch, crosswise.parts(g)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const channelStarts = ramp(g.outputs, g.places);
  const pieces = chunksOf(g).map(({ start, count, places }) => {
    const outputsView: MatrixView = { starts: channelStarts, offsets: ramp(count, 1) };
    const patchView: MatrixView = { starts: g.patch, offsets: places };
    const product: ProductShape = { rows: g.outputs, columns: g.depth, depth: count, rowStep: g.depth };
    return { start, outputsView, patchView, product };
  });
  const groupImage = imageLength(g) / g.groups;
  return () => {
    image.fill(0);
    sums.fill(0);
    for (let n = 0; n < g.images; n++) {
      borderImage(image, x, n, g);
      for (let i = 0; i < g.groups; i++) {
        for (const { start, outputsView, patchView, product } of pieces) {
          packLeft(outputsPacked, y, outputsView, (n * g.groups + i) * g.outputs * g.places + start);
          packRight(patches, image, patchView, i * groupImage);
          multiplyPacked(part, 0, outputsPacked, patches, tile, product);
          const base = i * part.length;
          for (let k = 0; k < part.length; k++) sums[base + k] = sums[base + k]! + part[k]!;
        }
      }
    }
    filter.set(sums);
  };
};

function scratchOf<P extends ConvolutionName & PrimitiveName>({ geometry, parts }: Prepared<P>): ScratchRule<P> {
  return (inputs, outputs, params) => sizeOf([parts(geometry(inputs, outputs, params)).reduce((a, b) => a + b, 0)]);
}

/** Scratch of the convolution primitives: one bordered image and the packed factors of one piece. */
export const convolutionScratch = {
  conv: scratchOf(forward),
  conv_input_gradient: scratchOf(backward),
  conv_filter_gradient: scratchOf(crosswise),
};

/** Kernels of the convolution primitives. */
export const convolutionKernels = {
  conv,
  conv_input_gradient: convInputGradient,
  conv_filter_gradient: convFilterGradient,
};
