// How do products become sums over affine accesses? The axis that vectors run along must lie entry by entry
// in memory in one factor; where it does not, a copy is made in which it does.
import type { EquationOf, Variable } from "../../ir/types.ts";
import type { FrameBuilder } from "./build.ts";
import { type Contraction, Core } from "./core.ts";
import type { Access, View } from "./types.ts";
import { normalAxes } from "./views.ts";

/** A factor is copied for the sake of its steps if so many rows read the copy. */
const rowsWorthACopy = 4;

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
    return outerProduct(builder, { dtype, sizes, origin }, [[left, leftPlaces], [right, rightPlaces]]);
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

/** A product of every entry with every other, nothing summed. */
function outerProduct(
  builder: FrameBuilder,
  { origin, ...type }: Pick<Core, "dtype" | "sizes" | "origin">,
  factors: readonly (readonly [Core, ReadonlyMap<number, number>])[],
): Core {
  const inputs = factors.map(([core, places]) => {
    const make = () => ({ view: spread(builder.viewOf(core), places, type.sizes) });
    return new Core(builder, type, { kind: "move", sources: [core], make }, origin);
  });
  return new Core(builder, type, { kind: "scalar", op: "mul", inputs }, origin);
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
