// How is a convolution computed? As sums of products of an image and a filter whose channels lie innermost; its two transposes alike.
import type { ConvolutionParameters, EquationOf, Variable } from "../../ir/types.ts";
import type { FrameBuilder } from "./build.ts";
import { type Contraction, Core } from "./core.ts";
import type { Access, View } from "./types.ts";
import { withAxes } from "./views.ts";

/** Terms of a sum from which it is made in parts. */
const longSum = 2048;

type Pair = readonly [number, number];

/** The cores of a convolution and of its two transposes. Channels lie innermost in copies and in what is made. */
export function convolutionCore(
  builder: FrameBuilder,
  equation: ConvolutionEquation,
  coreOf: (variable: Variable) => Core,
): Core {
  const { inputs, outputs, origin } = equation;
  const image = (v: Variable) => fullView(builder.viewOf(coreOf(v)), v.shape);
  const made = { builder, dtype: outputs[0]!.dtype, origin };
  const factors = factorsOf(made, equation, (k) => image(inputs[k]!));
  return convolved({ ...made, ...factors }, equation.op === "conv_filter_gradient");
}

type ConvolutionEquation =
  | EquationOf<"conv">
  | EquationOf<"conv_input_gradient">
  | EquationOf<"conv_filter_gradient">;

/** What is multiplied and summed. Axes: [n, groups, o | c, y, x], of a filter [groups, o, c, y, x]; then the summed ones. */
interface ConvolutionFactors {
  readonly left: FullView;
  readonly right: FullView;
  readonly terms: readonly AxisTerm[];
  readonly summed: readonly AxisTerm[];
}

/** An input, placed when it is asked for. */
type ImageOf = (input: 0 | 1) => FullView;

function factorsOf(made: Made, equation: ConvolutionEquation, imageOf: ImageOf): ConvolutionFactors {
  switch (equation.op) {
    case "conv":
      return forwardFactors(made, equation, imageOf);
    case "conv_input_gradient":
      return inputGradientFactors(made, equation, imageOf);
    case "conv_filter_gradient":
      return filterGradientFactors(made, equation, imageOf);
  }
}

const none: Pair = [0, 0];
const lowOf = ({ padding }: ConvolutionParameters): Pair => [padding[0][0], padding[1][0]];
const highOf = ({ padding }: ConvolutionParameters): Pair => [padding[0][1], padding[1][1]];

function forwardFactors(
  made: Made,
  { inputs: [first, second], outputs, params }: EquationOf<"conv">,
  imageOf: ImageOf,
): ConvolutionFactors {
  const { stride, dilation, groups } = params;
  const padding = { before: lowOf(params), after: highOf(params), interior: none };
  const left = paddedImage(made, imageOf(0), first!.shape, padding);
  const [O, c, kh, kw] = second!.shape as [number, number, number, number];
  const right = packedFilter(made, imageOf(1), second!.shape, "out");
  const [n, , h, w] = outputs[0]!.shape as [number, number, number, number];
  const o = O / groups;
  return {
    left,
    right,
    terms: [
      { size: n, left: left.steps[0]!, right: 0 },
      { size: groups, left: left.steps[1]! * c, right: right.steps[0]! * o },
      { size: o, left: 0, right: right.steps[0]! },
      { size: h, left: left.steps[2]! * stride[0], right: 0 },
      { size: w, left: left.steps[3]! * stride[1], right: 0 },
    ],
    summed: [
      { size: kh, left: left.steps[2]! * dilation[0], right: right.steps[2]! },
      { size: kw, left: left.steps[3]! * dilation[1], right: right.steps[3]! },
      { size: c, left: left.steps[1]!, right: right.steps[1]! },
    ],
  };
}

function inputGradientFactors(
  made: Made,
  { inputs: [first, second], outputs, params }: EquationOf<"conv_input_gradient">,
  imageOf: ImageOf,
): ConvolutionFactors {
  const { stride, dilation, groups, inputSize } = params;
  const [O, c, kh, kw] = second!.shape as [number, number, number, number];
  const o = O / groups;
  const low = lowOf(params);
  const reach: Pair = [dilation[0] * (kh - 1), dilation[1] * (kw - 1)];
  const before: Pair = [reach[0] - low[0], reach[1] - low[1]];
  const spreadSize = (axis: 0 | 1) => (first!.shape[2 + axis]! - 1) * stride[axis] + 1;
  const afterOn = (axis: 0 | 1) => inputSize[axis] + reach[axis] - before[axis] - Math.max(0, spreadSize(axis));
  const padding: Padding = { before, after: [afterOn(0), afterOn(1)], interior: [stride[0] - 1, stride[1] - 1] };
  const left = paddedImage(made, imageOf(0), first!.shape, padding);
  const packed = packedFilter(made, imageOf(1), second!.shape, "in");
  // the filter is read from its end
  const right = { ...packed, offset: packed.offset + (kh - 1) * packed.steps[2]! + (kw - 1) * packed.steps[3]! };
  const [n, , h, w] = outputs[0]!.shape as [number, number, number, number];
  return {
    left,
    right,
    terms: [
      { size: n, left: left.steps[0]!, right: 0 },
      { size: groups, left: left.steps[1]! * o, right: right.steps[0]! * o },
      { size: c, left: 0, right: right.steps[1]! },
      { size: h, left: left.steps[2]!, right: 0 },
      { size: w, left: left.steps[3]!, right: 0 },
    ],
    summed: [
      { size: kh, left: left.steps[2]! * dilation[0], right: -right.steps[2]! },
      { size: kw, left: left.steps[3]! * dilation[1], right: -right.steps[3]! },
      { size: o, left: left.steps[1]!, right: right.steps[0]! },
    ],
  };
}

function filterGradientFactors(
  made: Made,
  { inputs: [first, second], outputs, params }: EquationOf<"conv_filter_gradient">,
  imageOf: ImageOf,
): ConvolutionFactors {
  const { stride, dilation, groups } = params;
  const padding = { before: lowOf(params), after: highOf(params), interior: none };
  const left = paddedImage(made, imageOf(0), first!.shape, padding);
  const right = channelsLast(made, imageOf(1), second!.shape);
  const [O, c, kh, kw] = outputs[0]!.shape as [number, number, number, number];
  const o = O / groups;
  const [n, , h, w] = second!.shape as [number, number, number, number];
  return {
    left,
    right,
    terms: [
      { size: groups, left: left.steps[1]! * c, right: right.steps[1]! * o },
      { size: o, left: 0, right: right.steps[1]! },
      { size: c, left: left.steps[1]!, right: 0 },
      { size: kh, left: left.steps[2]! * dilation[0], right: 0 },
      { size: kw, left: left.steps[3]! * dilation[1], right: 0 },
    ],
    summed: [
      { size: n, left: left.steps[0]!, right: right.steps[0]! },
      { size: h, left: left.steps[2]! * stride[0], right: right.steps[2]! },
      { size: w, left: left.steps[3]! * stride[1], right: right.steps[3]! },
    ],
  };
}

/** An axis of a convolution with its step in both factors. */
interface AxisTerm {
  readonly size: number;
  readonly left: number;
  readonly right: number;
}

/** A view whose axes of size 1 are there, too. */
interface FullView {
  readonly view: View;
  readonly offset: number;
  readonly steps: readonly number[];
}

interface Padding {
  readonly before: Pair;
  readonly after: Pair;
  readonly interior: Pair;
}

type Made = { readonly builder: FrameBuilder; readonly dtype: Core["dtype"]; readonly origin: Core["origin"] };

function fullView(view: View, shape: readonly number[]): FullView {
  let next = 0;
  return { view, offset: view.offset, steps: shape.map((n) => n === 1 ? 0 : view.steps[next++]!) };
}

function viewOfFull(full: FullView, sizes: readonly number[], steps = full.steps, offset = full.offset): View {
  return withAxes(full.view, sizes.map((size, i) => ({ size, step: steps[i]! })), offset);
}

/** A buffer for [n, c, h, w] with channels innermost. */
function channelsLastBuffer({ builder, dtype }: Made, shape: readonly number[]): FullView {
  const [n, c, h, w] = shape as [number, number, number, number];
  const buffer = builder.buffer(dtype, n * c * h * w);
  const view: View = { buffer, offset: 0, steps: [], terms: [], shape: [] };
  return { view, offset: 0, steps: [h * w * c, 1, w * c, c] };
}

/** The image with channels innermost: itself, or a copy. */
function channelsLast(made: Made, image: FullView, shape: readonly number[]): FullView {
  if (shape[1] === 1 || image.steps[1] === 1) return image;
  const to = channelsLastBuffer(made, shape);
  made.builder.copy(viewOfFull(image, shape), viewOfFull(to, shape), made);
  return to;
}

/** The image with zeros around and between (fewer entries where a number is negative), channels innermost. */
function paddedImage(made: Made, image: FullView, shape: readonly number[], p: Padding): FullView {
  if ([...p.before, ...p.after, ...p.interior].every((n) => n === 0)) return channelsLast(made, image, shape);
  const [n, c] = [shape[0]!, shape[1]!];
  const spatial = ([0, 1] as const).map((axis) => {
    const size = shape[2 + axis]!;
    const apart = p.interior[axis] + 1;
    const whole = Math.max(0, (size - 1) * apart + 1);
    const padded = p.before[axis] + whole + p.after[axis];
    // entries i that land inside
    const first = Math.max(0, Math.ceil(-p.before[axis] / apart));
    const last = Math.min(size - 1, Math.floor((padded - 1 - p.before[axis]) / apart));
    return { padded: Math.max(0, padded), apart, first, count: Math.max(0, last - first + 1), at: p.before[axis] };
  });
  const [y, x] = spatial as [typeof spatial[0], typeof spatial[0]];
  const sizes = [n, c, y.padded, x.padded];
  const to = channelsLastBuffer(made, sizes);
  made.builder.fill(viewOfFull(to, sizes), 0, made);
  const inner = [n, c, y.count, x.count];
  const source = viewOfFull(
    image,
    inner,
    image.steps,
    image.offset + y.first * image.steps[2]! + x.first * image.steps[3]!,
  );
  const steps = [to.steps[0]!, to.steps[1]!, to.steps[2]! * y.apart, to.steps[3]! * x.apart];
  const offset = (y.at + y.first * y.apart) * to.steps[2]! + (x.at + x.first * x.apart) * to.steps[3]!;
  if (!inner.includes(0)) made.builder.copy(source, viewOfFull(to, inner, steps, offset), made);
  return to;
}

/** The filter [o, c, kh, kw] with its outgoing or incoming channels innermost: itself, or a copy. */
function packedFilter(made: Made, filter: FullView, shape: readonly number[], inner: "out" | "in"): FullView {
  const [o, c, kh, kw] = shape as [number, number, number, number];
  const axis = inner === "out" ? 0 : 1;
  if (shape[axis] === 1 || filter.steps[axis] === 1) return filter;
  const buffer = made.builder.buffer(made.dtype, o * c * kh * kw);
  const steps = inner === "out" ? [1, o, kw * c * o, c * o] : [c, 1, kw * o * c, o * c];
  const to: FullView = { view: { buffer, offset: 0, steps: [], terms: [], shape: [] }, offset: 0, steps };
  made.builder.copy(viewOfFull(filter, shape), viewOfFull(to, shape), made);
  return to;
}

function convolved(
  { builder, dtype, origin, left, right, terms, summed }: Made & ConvolutionFactors,
  isFilter: boolean,
): Core {
  // [n, g, o, y, x] becomes [n, g o, y, x], and [g, o, c, kh, kw] becomes [g o, c, kh, kw]
  const joint = isFilter ? 0 : 1;
  const [outer, inner] = [terms[joint]!, terms[joint + 1]!];
  const kept = terms.filter((t) => t.size !== 1);
  const sums = summed.filter((t) => t.size !== 1);
  const access = (full: FullView, side: "left" | "right"): Access => ({
    buffer: full.view.buffer,
    terms: full.view.terms,
    offset: full.offset,
    steps: [...kept, ...sums].map((t) => t[side]),
  });
  const split = kept.map((t) => t.size);
  const channels = outer.size * inner.size;
  const sizes = [...terms.slice(0, joint).map((t) => t.size), channels, ...terms.slice(joint + 2).map((t) => t.size)]
    .filter((n) => n !== 1);
  // channels innermost: those of the filter's vectors
  const order = isFilter ? [3, 4, 2, 0, 1] : [0, 3, 4, 1, 2];
  const places = order.filter((i) => terms[i]!.size !== 1).map((i) => kept.indexOf(terms[i]!));
  const contraction: Contraction = {
    pairs: [[access(left, "left"), access(right, "right")]],
    summed: sums.map((t) => t.size),
    layout: places,
  };
  const expression = sums.length > 0 ? { kind: "contract", contraction } as const : undefined;
  // long sums are put together from parts: nothing else is computed with them
  const length = sums.reduce((n, t) => n * t.size, 1);
  const core = expression
    ? length >= longSum
      ? builder.isolate(new Core(builder, { dtype, sizes: split }, expression, origin))
      : new Core(builder, { dtype, sizes: split }, expression, origin)
    : productOf(builder, { dtype, sizes: split, origin }, contraction);
  if (split.length === sizes.length) return core;
  // the groups and the channels of each are one axis
  const at = kept.indexOf(outer);
  return new Core(builder, { dtype, sizes }, {
    kind: "move",
    sources: [core],
    make: () => {
      const view = builder.viewOf(core);
      const joined = view.steps.filter((_, i) => i !== at);
      return { view: { ...view, shape: sizes, steps: joined } };
    },
  }, origin);
}

/** Without anything to sum: a product of two entries. */
function productOf(
  builder: FrameBuilder,
  { dtype, sizes, origin }: {
    readonly dtype: Core["dtype"];
    readonly sizes: readonly number[];
    readonly origin: Core["origin"];
  },
  { pairs }: Contraction,
): Core {
  const factor = (access: Access) =>
    new Core(builder, { dtype, sizes }, {
      kind: "given",
      view: { ...access, shape: sizes },
      ready: builder.frame.nodes.length - 1,
    });
  return new Core(builder, { dtype, sizes }, { kind: "scalar", op: "mul", inputs: pairs[0]!.map(factor) }, origin);
}
