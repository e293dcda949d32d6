// How are convolutions computed? By TensorFlow's own on [n, h, w, c] and filters [kh, kw, c, o], group by group.
import type { ConvolutionParameters } from "../../ir/types.ts";
import type { Ref } from "./graph.ts";
import { type Lowering, spread } from "./lower.ts";
import type { Operations } from "./operations.ts";

const imagesLast = [0, 2, 3, 1] as const;
const imagesFirst = [0, 3, 1, 2] as const;
const filtersLast = [2, 3, 1, 0] as const;
const filtersFirst = [3, 2, 0, 1] as const;

/** Attributes of all three. Filters are dilated beforehand, and padding is added or cut around: processors have no other way. */
function attributesOf({ stride }: ConvolutionParameters) {
  return {
    T: { type: "f32" },
    strides: { integers: [1, ...stride, 1] },
    padding: { text: "VALID" },
    data_format: { text: "NHWC" },
  } as const;
}

/** Part `index` of `parts` along an axis. */
function part(t: Operations, x: Ref, axis: number, index: number, parts: number): Ref {
  const size = x.shape[axis]! / parts;
  const start = x.shape.map((_, i) => i === axis ? index * size : 0);
  const limit = x.shape.map((n, i) => i === axis ? (index + 1) * size : n);
  return t.slice(x, start, limit, x.shape.map(() => 1));
}

/** Runs each group by itself and puts the channels together again. */
function byGroups(t: Operations, groups: number, axis: number, one: (group: number) => Ref): Ref {
  return t.concat(Array.from({ length: groups }, (_, g) => one(g)), axis);
}

/** [o, c, kh, kw] as TensorFlow wants filters, dilated. */
function filterOf(t: Operations, filter: Ref, { dilation }: ConvolutionParameters): Ref {
  return spread(t, t.transpose(filter, filtersLast), [dilation[0] - 1, dilation[1] - 1, 0, 0]);
}

/** Where the windows lie: zeros before and behind, so that exactly the windows that are wanted fit. */
function paddedSize(n: number, axis: 0 | 1, p: ConvolutionParameters): number {
  return n + p.padding[axis][0] + p.padding[axis][1];
}

/** conv(x, filter) -> y. */
export function lowerConvolution({ t, inputs: [x, filter], params, types: [type] }: Lowering<"conv">): Ref {
  const [low, high] = [0, 1].map((side) => [0, params.padding[0][side as 0 | 1], params.padding[1][side as 0 | 1], 0]);
  const images = t.pad(t.transpose(x!, imagesLast), low!, high!);
  const [n, o, h, w] = type!.shape as [number, number, number, number];
  const { groups } = params;
  const y = byGroups(t, groups, 3, (g) => {
    const f = filterOf(t, part(t, filter!, 0, g, groups), params);
    const own = [part(t, images, 3, g, groups), f];
    return t.one("Conv2D", own, attributesOf(params), "output", "f32", [n, h, w, o / groups]);
  });
  return t.transpose(y, imagesFirst);
}

/** conv_input_gradient(y, filter) -> x. */
export function lowerInputGradient(
  { t, inputs: [y, filter], params, types: [type] }: Lowering<"conv_input_gradient">,
): Ref {
  const [n, c, h, w] = type!.shape as [number, number, number, number];
  const { groups, padding } = params;
  const whole = [n, paddedSize(h, 0, params), paddedSize(w, 1, params), c / groups];
  const cotangents = t.transpose(y!, imagesLast);
  const x = byGroups(t, groups, 3, (g) => {
    const f = filterOf(t, part(t, filter!, 0, g, groups), params);
    const inputs = [t.integers(whole), f, part(t, cotangents, 3, g, groups)];
    return t.one("Conv2DBackpropInput", inputs, attributesOf(params), "output", "f32", whole);
  });
  const start = [0, padding[0][0], padding[1][0], 0];
  const cut = t.slice(x, start, [n, start[1]! + h, start[2]! + w, c], [1, 1, 1, 1]);
  return t.transpose(cut, imagesFirst);
}

/** conv_filter_gradient(x, y) -> filter. */
export function lowerFilterGradient(
  { t, inputs: [x, y], params, types: [type] }: Lowering<"conv_filter_gradient">,
): Ref {
  const [o, c, kh, kw] = type!.shape as [number, number, number, number];
  const { groups, dilation } = params;
  const [low, high] = [0, 1].map((side) => [0, params.padding[0][side as 0 | 1], params.padding[1][side as 0 | 1], 0]);
  const images = t.pad(t.transpose(x!, imagesLast), low!, high!);
  const cotangents = t.transpose(y!, imagesLast);
  const whole = [(kh - 1) * dilation[0] + 1, (kw - 1) * dilation[1] + 1, c, o / groups];
  const filter = byGroups(t, groups, 3, (g) => {
    const inputs = [part(t, images, 3, g, groups), t.integers(whole), part(t, cotangents, 3, g, groups)];
    return t.one("Conv2DBackpropFilter", inputs, attributesOf(params), "output", "f32", whole);
  });
  const taps = t.slice(filter, [0, 0, 0, 0], filter.shape, [dilation[0], dilation[1], 1, 1]);
  return t.transpose(taps, filtersFirst);
}
