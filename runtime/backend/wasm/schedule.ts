// In which order does a nest run through its points? Axes that lie one after the other become one; vectors run along the axis
// where they load and store best; of sums, a tile of outputs is kept in registers so that what they share is read once.
import { type DType, entryBytes } from "../../ir/types.ts";
import { homeOf } from "../kernels/place.ts";
import { operandsOf, usedValues } from "../kernels/print.ts";
import type { Access, Nest, Value } from "../kernels/types.ts";

/** An axis of the loops. */
export interface LoopAxis {
  readonly size: number;
  readonly reduced: boolean;
}

/** What one value or store touches: a pointer that the function is given, and bytes for each step of an axis. */
export interface Touch {
  /** Which pointer. */
  readonly pointer: number;
  readonly steps: readonly number[];
  readonly dtype: DType;
}

/** How a nest runs. */
export interface Schedule {
  readonly axes: readonly LoopAxis[];
  /** Lanes of a vector: 2 where something has 8 bytes, else 4. */
  readonly lanes: 2 | 4;
  /** Axis that vectors run along; -1: one point at a time. */
  readonly vector: number;
  /** Vectors side by side. */
  readonly vectors: number;
  /** Axis along which rows of vectors are made together; -1: none. */
  readonly jam: number;
  readonly rows: number;
  /** The other axes, outermost first. */
  readonly outer: readonly number[];
  /** Summed axes but the vector one, outermost first. */
  readonly reduced: readonly number[];
  /** Values by number: those that some store needs. */
  readonly values: ReadonlyMap<number, Value>;
  readonly loads: ReadonlyMap<number, Touch>;
  readonly stores: readonly { readonly value: number; readonly touch: Touch; readonly inner: boolean }[];
  /** Axes that each value depends on. */
  readonly depends: ReadonlyMap<number, ReadonlySet<number>>;
  /** Values of every point: needed by sums, or stored for every point. */
  readonly inner: ReadonlySet<number>;
  /** Axes of `index` values by number of the value. */
  readonly indices: ReadonlyMap<number, number>;
  /** The accesses of the pointers. */
  readonly pointers: readonly Access[];
}

/** Registers for sums: of sixteen, so many leave room for what is multiplied. */
const accumulators = 12;
const mostRows = 6;

/** Decides how a nest runs. */
export function scheduleNest(nest: Nest): Schedule {
  const used = usedValues(nest);
  const values = new Map([...used.keys()].map((id) => [id, nest.values[id]!]));
  const merged = mergeAxes(nest, values);
  const { axes, indices } = merged;
  const pointers: Access[] = [];
  const touchOf = (access: Access, dtype: DType): Touch => {
    let pointer = pointers.findIndex((p) => samePlace(p, access));
    if (pointer < 0) pointer = pointers.push(access) - 1;
    const bytes = entryBytes[dtype];
    return { pointer, steps: merged.stepsOf(access).map((step) => step * bytes), dtype };
  };
  const loads = new Map<number, Touch>();
  for (const [id, value] of values) if (value.op === "load") loads.set(id, touchOf(value.access, value.dtype));
  const stores = nest.stores.map(({ value, access }) => {
    const touch = touchOf(access, values.get(value)!.dtype);
    return { value, touch, inner: axes.some((a, i) => a.reduced && touch.steps[i] !== 0) };
  });
  const depends = dependencies(values, { axes, loads, indices });
  const inner = new Set<number>();
  const visit = (id: number) => {
    if (inner.has(id)) return;
    inner.add(id);
    for (const operand of operandsOf(values.get(id)!)) visit(operand);
  };
  const reductions = [...values.values()].filter((v) => v.op === "reduce");
  for (const value of reductions) visit(value.input);
  for (const store of stores) if (store.inner) visit(store.value);
  const lanes = [...values.values()].some((v) => v.dtype === "f64") ? 2 : 4;
  const base = { axes, lanes, values, loads, stores, depends, inner, indices, pointers } as const;
  return { ...base, ...chooseAxes(base, reductions.length) };
}

type Base = Pick<Schedule, "axes" | "lanes" | "values" | "loads" | "stores" | "depends" | "inner">;

function chooseAxes(
  base: Base,
  reductions: number,
): Pick<Schedule, "vector" | "vectors" | "jam" | "rows" | "outer" | "reduced"> {
  const { axes, lanes } = base;
  const parallel = axes.flatMap((a, i) => a.reduced ? [] : [i]);
  const summed = axes.flatMap((a, i) => a.reduced ? [i] : []);
  const vector = chooseVector(base);
  const strideOf = (axis: number) => {
    let most = 0;
    for (const { touch } of base.stores) most = Math.max(most, Math.abs(touch.steps[axis]!));
    if (axes[axis]!.reduced) { for (const t of base.loads.values()) most = Math.max(most, Math.abs(t.steps[axis]!)); }
    return most;
  };
  const byStride = (list: readonly number[]) => list.toSorted((a, b) => strideOf(b) - strideOf(a) || a - b);
  const rest = byStride(parallel.filter((axis) => axis !== vector));
  const reduced = byStride(summed.filter((axis) => axis !== vector));
  const count = vector < 0 ? 1 : Math.ceil(axes[vector]!.size / lanes);
  if (reductions === 0) {
    // where something lies along another axis, blocks of four rows are turned
    const jam = lanes === 4 && vector >= 0
      ? rest.find((axis) =>
        axes[axis]!.size >= 4 &&
        [...base.loads.values(), ...base.stores.map((s) => s.touch)].some((t) =>
          entryBytes[t.dtype] === 4 && t.steps[axis] === 4 && t.steps[vector] !== 0 && t.steps[vector] !== 4
        )
      ) ?? -1
      : -1;
    const outer = rest.filter((axis) => axis !== jam);
    return { vector, vectors: jam >= 0 || count < 4 ? 1 : 2, jam, rows: jam < 0 ? 1 : 4, outer, reduced };
  }
  const sums = Math.max(1, Math.floor(accumulators / reductions));
  const innerLoads = [...base.loads].filter(([id]) => base.inner.has(id)).map(([, t]) => t);
  if (vector < 0 || axes[vector]!.reduced) {
    // rows share what does not depend on them
    const jam = rest.toReversed().find((axis) => innerLoads.some((t) => t.steps[axis] === 0)) ?? -1;
    const rows = jam < 0 ? 1 : balanced(axes[jam]!.size, Math.min(4, sums));
    return {
      vector,
      vectors: Math.min(count, jam < 0 ? 4 : 2, sums),
      jam,
      rows,
      outer: rest.filter((a) => a !== jam),
      reduced,
    };
  }
  const shared = (axis: number) =>
    innerLoads.filter((t) => t.steps[axis] === 0 && (t.steps[vector] !== 0 || !t.steps.every((s) => s === 0))).length;
  let jam = -1;
  for (const axis of rest) if (shared(axis) > (jam < 0 ? 0 : shared(jam))) jam = axis;
  // a few rows with short vectors, many with long ones
  let vectors = Math.min(count, jam < 0 ? 4 : 2, sums);
  let rows = 1;
  if (jam >= 0) {
    rows = balanced(axes[jam]!.size, Math.min(mostRows, Math.max(1, Math.floor(sums / vectors))));
    vectors = Math.min(count, Math.max(1, Math.floor(sums / rows)), 3);
    if (rows > 3) vectors = Math.min(vectors, 2);
  }
  return { vector, vectors, jam, rows, outer: rest.filter((a) => a !== jam), reduced };
}

/** The smallest number of rows that needs as few tiles as `most` rows do. */
function balanced(size: number, most: number): number {
  const tiles = Math.ceil(size / most);
  return Math.max(1, Math.ceil(size / Math.max(1, tiles)));
}

/** The axis with the least work: loads and stores of neighbours are one instruction, others one for each lane. */
function chooseVector({ axes, lanes, loads, stores, inner, values }: Base): number {
  let summed = 1;
  for (const a of axes) if (a.reduced) summed *= Math.max(1, a.size);
  const touches: { touch: Touch; weight: number; inner: boolean }[] = [];
  for (const [id, touch] of loads) {
    const isInner = summed === 1 || inner.has(id);
    touches.push({ touch, weight: isInner ? 1 : 1 / summed, inner: isInner });
  }
  for (const { touch, inner } of stores) {
    const isInner = summed === 1 || inner;
    touches.push({ touch, weight: isInner ? 1.5 : 1.5 / summed, inner: isInner });
  }
  const work = Math.max(1, inner.size) * 0.5 + (values.size - inner.size) * 0.5 / summed;
  let best = -1;
  let least = Infinity;
  axes.forEach(({ size, reduced }, axis) => {
    if (size === 0) return;
    const fill = Math.ceil(size / lanes) * lanes / size;
    let cost = work * fill / lanes;
    for (const { touch, weight, inner } of touches) {
      const step = touch.steps[axis]!;
      const direct = step === 0 || step === entryBytes[touch.dtype];
      cost += reduced && !inner ? weight : weight * (direct ? fill / lanes : 1);
    }
    // the lanes of a sum are added at the end
    if (reduced) cost += 6 / size;
    if (cost < least - 1e-9) {
      least = cost;
      best = axis;
    }
  });
  return best;
}

/** Pairs of axes that every access runs through as through one are one. */
function mergeAxes(
  nest: Nest,
  values: ReadonlyMap<number, Value>,
): {
  readonly axes: readonly LoopAxis[];
  readonly indices: ReadonlyMap<number, number>;
  readonly stepsOf: (access: Access) => number[];
} {
  const accesses: Access[] = nest.stores.map((s) => s.access);
  const pinned = new Set<number>();
  for (const value of values.values()) {
    if (value.op === "load") accesses.push(value.access);
    else if (value.op === "index") pinned.add(value.axis);
  }
  const sizes = nest.axes.map((a) => a.size);
  let alive = sizes.map((_, i) => i);
  for (let changed = true; changed;) {
    changed = false;
    search: for (const a of alive) {
      for (const b of alive) {
        if (a === b || nest.axes[a]!.reduced !== nest.axes[b]!.reduced || pinned.has(a) || pinned.has(b)) continue;
        if (!accesses.every(({ steps }) => steps[a] === steps[b]! * sizes[b]!)) continue;
        sizes[b] = sizes[b]! * sizes[a]!;
        alive = alive.filter((axis) => axis !== a);
        changed = true;
        break search;
      }
    }
  }
  const indices = new Map<number, number>();
  for (const [id, value] of values) if (value.op === "index") indices.set(id, alive.indexOf(value.axis));
  return {
    axes: alive.map((axis) => ({ size: sizes[axis]!, reduced: nest.axes[axis]!.reduced })),
    indices,
    stepsOf: ({ steps }) => alive.map((axis) => steps[axis]!),
  };
}

function samePlace(a: Access, b: Access): boolean {
  return homeOf(a.buffer) === homeOf(b.buffer) && a.offset === b.offset && a.buffer.dtype === b.buffer.dtype &&
    a.terms.length === b.terms.length &&
    a.terms.every((t, i) => t.loop === b.terms[i]!.loop && t.step === b.terms[i]!.step);
}

function dependencies(
  values: ReadonlyMap<number, Value>,
  { axes, loads, indices }: Pick<Schedule, "axes" | "loads" | "indices">,
): Map<number, ReadonlySet<number>> {
  const depends = new Map<number, ReadonlySet<number>>();
  for (const [id, value] of values) {
    const own = new Set<number>();
    if (value.op === "load") loads.get(id)!.steps.forEach((step, axis) => step !== 0 && own.add(axis));
    else if (value.op === "index") own.add(indices.get(id)!);
    else {
      for (const operand of operandsOf(value)) for (const axis of depends.get(operand)!) own.add(axis);
      if (value.op === "reduce") axes.forEach((a, axis) => a.reduced && own.delete(axis));
    }
    depends.set(id, own);
  }
  return depends;
}
