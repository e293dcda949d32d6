// How do products and convolutions become sums over affine accesses? The axis that vectors run along must lie entry by entry
// in memory in one factor; where it does not, a copy is made in which it does.
import type { EquationOf, Variable } from "../../ir/types.ts";
import type { FrameBuilder } from "./build.ts";
import { type Contraction, Core } from "./core.ts";
import type { Access, View } from "./types.ts";
import { normalAxes, withAxes } from "./views.ts";

/** A factor is copied for the sake of its steps if so many rows read the copy. */
const rowsWorthACopy = 4;

/** Terms of a sum from which it is made in parts. */
const longSum = 2048;

interface Group {
  readonly axes: readonly number[];
  readonly sizes: readonly number[];
}

/** The cores of a product, from those of its factors. */
export function dotCore(
  builder: FrameBuilder,
  { inputs, outputs, params, origin }: EquationOf<"dot_general">,
  coreOf: (variable: Variable) => Core,
): Core {
  const [a, b] = [inputs[0]!, inputs[1]!];
  const [left, right] = [coreOf(a), coreOf(b)];
  const [atA, atB] = [normalAxes(a.shape).at, normalAxes(b.shape).at];
  const { contractLeft, contractRight, batchLeft, batchRight } = params;
  const free = (v: Variable, taken: readonly number[]) => v.shape.map((_, i) => i).filter((i) => !taken.includes(i));
  const group = (v: Variable, at: readonly number[], axes: readonly number[]): Group => {
    const kept = axes.filter((axis) => at[axis]! >= 0);
    return { axes: kept.map((axis) => at[axis]!), sizes: kept.map((axis) => v.shape[axis]!) };
  };
  const batch = [group(a, atA, batchLeft), group(b, atB, batchRight)] as const;
  const m = group(a, atA, free(a, [...contractLeft, ...batchLeft]));
  const n = group(b, atB, free(b, [...contractRight, ...batchRight]));
  const k = [group(a, atA, contractLeft), group(b, atB, contractRight)] as const;
  const sizes = [...batch[0].sizes, ...m.sizes, ...n.sizes];
  const { dtype } = outputs[0]!;
  const rank = sizes.length;
  const B = batch[0].axes.length;
  const M = m.axes.length;
  const N = n.axes.length;
  // where the axes of each factor stand among those of the output, then the summed ones
  const leftPlaces = placesOf([[batch[0].axes, 0], [m.axes, B], [k[0].axes, rank]]);
  const rightPlaces = placesOf([[batch[1].axes, 0], [n.axes, B + M], [k[1].axes, rank]]);
  const summed = k[0].sizes;
  if (summed.length === 0) {
    // an outer product
    const along = (core: Core, places: ReadonlyMap<number, number>) =>
      new Core(builder, { dtype, sizes }, {
        kind: "move",
        sources: [core],
        make: () => ({ view: spread(builder.viewOf(core), places, sizes) }),
      }, origin);
    return new Core(builder, { dtype, sizes }, {
      kind: "scalar",
      op: "mul",
      inputs: [along(left, leftPlaces), along(right, rightPlaces)],
    }, origin);
  }
  const { views: [leftView, rightView], vectorAxis } = orient(builder, { left, right, m, n, k });
  const order = sizes.map((_, i) => i);
  const last = vectorAxis === undefined
    ? undefined
    : vectorAxis.of === "left"
    ? B + m.axes.indexOf(vectorAxis.axis)
    : B + M + n.axes.indexOf(vectorAxis.axis);
  const layout = last === undefined || last >= B + M + N ? order : [...order.filter((i) => i !== last), last];
  const access = (view: View, places: ReadonlyMap<number, number>): Access => {
    const steps = new Array<number>(rank + summed.length).fill(0);
    view.steps.forEach((step, axis) => steps[places.get(axis)!] = step);
    return { buffer: view.buffer, offset: view.offset, terms: view.terms, steps };
  };
  const contraction: Contraction = {
    pairs: [[access(leftView, leftPlaces), access(rightView, rightPlaces)]],
    summed,
    layout,
  };
  return new Core(builder, { dtype, sizes }, { kind: "contract", contraction }, origin);
}

/** So many products are too many to be summed together: their factors do not stay in the caches. */
const mostJoined = 2 ** 18;

/** a + b, where both are sums of products over the same points that nothing else reads, or b is one and a such a sum and something
 *  else: the products are summed together. Undefined where that cannot be. */
export function joinedSums(builder: FrameBuilder, a: Core, b: Core, origin: Core["origin"]): Core | undefined {
  const productsOf = (core: Core) =>
    core.owner === builder && core.floating && core.readOnce && core.definition.kind === "contract"
      ? core.definition.contraction
      : undefined;
  const join = (left: Core, right: Core): Core | undefined => {
    const [x, y] = [productsOf(left), productsOf(right)];
    if (!x || !y || x.summed.join() !== y.summed.join() || x.layout.join() !== y.layout.join()) return undefined;
    if (left.sizes.join() !== right.sizes.join()) return undefined;
    if ([...left.sizes, ...x.summed].reduce((n, size) => n * size, 1) >= mostJoined) return undefined;
    const contraction = { ...x, pairs: [...x.pairs, ...y.pairs] };
    const joined = new Core(builder, left, { kind: "contract", contraction }, origin);
    joined.readOnce = true;
    return joined;
  };
  const both = join(a, b);
  if (both) return both;
  for (const [sum, other] of [[a, b], [b, a]] as const) {
    const e = sum.definition;
    if (sum.owner !== builder || !sum.floating || !sum.readOnce || e.kind !== "scalar" || e.op !== "add") continue;
    for (const [rest, product] of [e.inputs, e.inputs.toReversed()] as [Core, Core][]) {
      const joined = join(product, other);
      if (joined) {
        return new Core(builder, sum, { kind: "scalar", op: "add", inputs: [rest, joined] }, origin);
      }
    }
  }
  return undefined;
}

function placesOf(groups: readonly (readonly [readonly number[], number])[]): ReadonlyMap<number, number> {
  return new Map(groups.flatMap(([axes, first]) => axes.map((axis, i) => [axis, first + i] as const)));
}

/** A view with steps of 0 along the axes that it has not. */
function spread(view: View, places: ReadonlyMap<number, number>, sizes: readonly number[]): View {
  const steps = sizes.map(() => 0);
  view.steps.forEach((step, axis) => steps[places.get(axis)!] = step);
  return { ...view, shape: sizes, steps };
}

interface Factors {
  readonly left: Core;
  readonly right: Core;
  readonly m: Group;
  readonly n: Group;
  readonly k: readonly [Group, Group];
}

interface VectorAxis {
  readonly of: "left" | "right";
  readonly axis: number;
}

/** Views of both factors such that vectors can run along an axis of one of them, copied if need be. */
function orient(
  builder: FrameBuilder,
  { left, right, m, n, k }: Factors,
): { readonly views: readonly [View, View]; readonly vectorAxis: VectorAxis | undefined } {
  const [a, b] = [builder.viewOf(left), builder.viewOf(right)];
  const unit = (view: View, group: Group) => group.axes.find((axis) => view.steps[axis] === 1);
  const [unitM, unitN] = [unit(a, m), unit(b, n)];
  const fill = (size: number) => size / (Math.ceil(size / 4) * 4);
  const sizeAt = (core: Core, axis: number) => core.sizes[axis]!;
  if (unitN !== undefined && (unitM === undefined || fill(sizeAt(right, unitN)) >= fill(sizeAt(left, unitM)))) {
    return { views: [a, b], vectorAxis: { of: "right", axis: unitN } };
  }
  if (unitM !== undefined) return { views: [a, b], vectorAxis: { of: "left", axis: unitM } };
  const product = (sizes: readonly number[]) => sizes.reduce((x, y) => x * y, 1);
  const [rows, columns] = [product(m.sizes), product(n.sizes)];
  if (n.axes.length > 0 && rows >= rowsWorthACopy && (columns >= rows || columns >= 16)) {
    const axis = n.axes.at(-1)!;
    const others = b.shape.map((_, i) => i).filter((i) => i !== axis && !k[1].axes.includes(i));
    return {
      views: [a, builder.packed(right, [...others, ...k[1].axes, axis])],
      vectorAxis: { of: "right", axis },
    };
  }
  if (m.axes.length > 0 && columns >= rowsWorthACopy) {
    const axis = m.axes.at(-1)!;
    const others = a.shape.map((_, i) => i).filter((i) => i !== axis && !k[0].axes.includes(i));
    return {
      views: [builder.packed(left, [...others, ...k[0].axes, axis]), b],
      vectorAxis: { of: "left", axis },
    };
  }
  return { views: [a, b], vectorAxis: undefined };
}

type Pair = readonly [number, number];

/** The cores of a convolution and of its two transposes. Channels lie innermost in copies and in what is made. */
export function convolutionCore(
  builder: FrameBuilder,
  equation: EquationOf<"conv"> | EquationOf<"conv_input_gradient"> | EquationOf<"conv_filter_gradient">,
  coreOf: (variable: Variable) => Core,
): Core {
  const { inputs, outputs, params, origin } = equation;
  const { stride, padding, dilation, groups } = params;
  const { dtype, shape } = outputs[0]!;
  const image = (v: Variable) => fullView(builder.viewOf(coreOf(v)), v.shape);
  const made = { builder, dtype, origin };
  const pads = (before: Pair, after: Pair, interior: Pair): Padding => ({ before, after, interior });
  const none: Pair = [0, 0];
  const low: Pair = [padding[0][0], padding[1][0]];
  const high: Pair = [padding[0][1], padding[1][1]];
  const [first, second] = [inputs[0]!, inputs[1]!];
  // axes: [n, groups, o | c, y, x] then the summed ones
  let left: FullView;
  let right: FullView;
  let terms: readonly AxisTerm[];
  let summed: readonly AxisTerm[];
  switch (equation.op) {
    case "conv": {
      left = paddedImage(made, image(first), first.shape, pads(low, high, none));
      const [O, C, kh, kw] = second.shape as [number, number, number, number];
      right = packedFilter(made, image(second), second.shape, "out");
      const [n, , h, w] = shape as [number, number, number, number];
      const [o, c] = [O / groups, C];
      terms = [
        { size: n, left: left.steps[0]!, right: 0 },
        { size: groups, left: left.steps[1]! * c, right: right.steps[0]! * o },
        { size: o, left: 0, right: right.steps[0]! },
        { size: h, left: left.steps[2]! * stride[0], right: 0 },
        { size: w, left: left.steps[3]! * stride[1], right: 0 },
      ];
      summed = [
        { size: kh, left: left.steps[2]! * dilation[0], right: right.steps[2]! },
        { size: kw, left: left.steps[3]! * dilation[1], right: right.steps[3]! },
        { size: c, left: left.steps[1]!, right: right.steps[1]! },
      ];
      break;
    }
    case "conv_input_gradient": {
      const [O, c, kh, kw] = second.shape as [number, number, number, number];
      const o = O / groups;
      const reach: Pair = [dilation[0] * (kh - 1), dilation[1] * (kw - 1)];
      const before: Pair = [reach[0] - low[0], reach[1] - low[1]];
      const spreadSize = (axis: 0 | 1) => (first.shape[2 + axis]! - 1) * stride[axis] + 1;
      const after: Pair = [0, 1].map((axis) =>
        equation.params.inputSize[axis as 0 | 1] + reach[axis]! - before[axis]! - Math.max(0, spreadSize(axis as 0 | 1))
      ) as unknown as Pair;
      left = paddedImage(made, image(first), first.shape, pads(before, after, [stride[0] - 1, stride[1] - 1]));
      right = packedFilter(made, image(second), second.shape, "in");
      const flipped = right.offset + (kh - 1) * right.steps[2]! + (kw - 1) * right.steps[3]!;
      right = { ...right, offset: flipped };
      const [n, , h, w] = shape as [number, number, number, number];
      terms = [
        { size: n, left: left.steps[0]!, right: 0 },
        { size: groups, left: left.steps[1]! * o, right: right.steps[0]! * o },
        { size: c, left: 0, right: right.steps[1]! },
        { size: h, left: left.steps[2]!, right: 0 },
        { size: w, left: left.steps[3]!, right: 0 },
      ];
      summed = [
        { size: kh, left: left.steps[2]! * dilation[0], right: -right.steps[2]! },
        { size: kw, left: left.steps[3]! * dilation[1], right: -right.steps[3]! },
        { size: o, left: left.steps[1]!, right: right.steps[0]! },
      ];
      break;
    }
    case "conv_filter_gradient": {
      left = paddedImage(made, image(first), first.shape, pads(low, high, none));
      right = channelsLast(made, image(second), second.shape);
      const [O, c, kh, kw] = shape as [number, number, number, number];
      const o = O / groups;
      const [n, , h, w] = second.shape as [number, number, number, number];
      terms = [
        { size: groups, left: left.steps[1]! * c, right: right.steps[1]! * o },
        { size: o, left: 0, right: right.steps[1]! },
        { size: c, left: left.steps[1]!, right: 0 },
        { size: kh, left: left.steps[2]! * dilation[0], right: 0 },
        { size: kw, left: left.steps[3]! * dilation[1], right: 0 },
      ];
      summed = [
        { size: n, left: left.steps[0]!, right: right.steps[0]! },
        { size: h, left: left.steps[2]! * stride[0], right: right.steps[2]! },
        { size: w, left: left.steps[3]! * stride[1], right: right.steps[3]! },
      ];
      break;
    }
  }
  return convolved({ ...made, left, right, terms, summed }, equation.op === "conv_filter_gradient");
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
  { builder, dtype, origin, left, right, terms, summed }: Made & {
    readonly left: FullView;
    readonly right: FullView;
    readonly terms: readonly AxisTerm[];
    readonly summed: readonly AxisTerm[];
  },
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
