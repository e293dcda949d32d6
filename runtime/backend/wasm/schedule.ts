// In which order does a nest run through its points? Axes that lie one after the other become one; vectors run along the axis
// where they load and store best; of sums, a tile of outputs is kept in registers so that what they share is read once.
import { InternalError } from "../../errors.ts";
import { type DType, entryBytes } from "../../ir/types.ts";
import { homeOf, samePlace } from "../kernels/place.ts";
import { isInOrder, operandsOf, usedValues } from "../kernels/print.ts";
import type { Access, Nest, Value } from "../kernels/types.ts";

/** An axis of the loops. */
export interface LoopAxis {
  readonly size: number;
  readonly reduced: boolean;
}

/** What one value or store touches: a pointer that the function is given, and bytes for each step of an axis. */
export interface Touch {
  /** Which pointer, */
  readonly pointer: number;
  /** and into which memory: 0, or one of data, which is only read. */
  readonly memory: number;
  readonly steps: readonly number[];
  readonly dtype: DType;
  readonly row: RowTouch | undefined;
}

/** Which row is touched: a value says it. */
export interface RowTouch {
  readonly index: number;
  /** Bytes from one row to the next. */
  readonly step: number;
  readonly size: number;
  /** The axes that the value depends on. */
  readonly axes: ReadonlySet<number>;
}

/** True where the same bytes are touched along an axis. */
export function staysAlong({ steps, row }: Touch, axis: number): boolean {
  return steps[axis] === 0 && !row?.axes.has(axis);
}

/** True where neighbours along an axis lie side by side. */
export function runsAlong({ steps, row, dtype }: Touch, axis: number): boolean {
  return steps[axis] === entryBytes[dtype] && !row?.axes.has(axis);
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
  /** The other axes, outermost first: those around the loop over vectors, */
  readonly outer: readonly number[];
  /** and those in it, around the rows. */
  readonly within: readonly number[];
  /** Summed axes but the vector one, outermost first. */
  readonly reduced: readonly number[];
  /** A summed axis that is gone through around everything else, sums kept in memory meanwhile; -1: none. */
  readonly split: number;
  /** A factor that is copied, vectors side by side, before all that is made of it; undefined: none. */
  readonly panel: number | undefined;
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
  /** Loads from where the nest stores, too: they come before it. */
  readonly overwritten: readonly number[];
  /** A sum takes its terms one after the other. */
  readonly inOrder: boolean;
  /** It has sums of products, and enough of them to copy factors. */
  readonly contraction: boolean;
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
  const touchOf = (access: Access, dtype: DType, row?: RowTouch): Touch => {
    let pointer = pointers.findIndex((p) => samePlace(p, access));
    if (pointer < 0) pointer = pointers.push(access) - 1;
    const bytes = entryBytes[dtype];
    const { memory = 0 } = homeOf(access.buffer);
    return { pointer, memory, steps: merged.stepsOf(access).map((step) => step * bytes), dtype, row };
  };
  const loads = new Map<number, Touch>();
  for (const [id, value] of values) {
    if (value.op !== "load") continue;
    const { access, dtype, row } = value;
    const own = row && { ...row, step: row.step * entryBytes[dtype], axes: axesOf(loads.get(row.index)!) };
    loads.set(id, touchOf(access, dtype, own));
  }
  const stores = nest.stores.map(({ value, access }) => {
    const touch = touchOf(access, values.get(value)!.dtype);
    if (touch.memory !== 0) throw new InternalError("A nest writes where data lie");
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
  const written = new Set(nest.stores.map((s) => homeOf(s.access.buffer)));
  const overwritten = [...values].flatMap(([id, v]) =>
    v.op === "load" && written.has(homeOf(v.access.buffer)) ? [id] : []
  );
  const base = {
    overwritten,
    axes,
    lanes,
    values,
    loads,
    stores,
    depends,
    inner,
    indices,
    pointers,
    inOrder: isInOrder(nest),
    contraction: wantsPanel(nest),
  } as const;
  const chosen = chooseAxes(base, reductions.length);
  return { ...base, ...chosen, ...blockSums({ ...base, ...chosen }, reductions.length) };
}

/** The axes along which something else is read. */
function axesOf({ steps, row }: Touch): Set<number> {
  return new Set([...steps.flatMap((step, axis) => step === 0 ? [] : [axis]), ...row?.axes ?? []]);
}

/** Bytes for the panels of one thread. */
export const panelBytes = 65_536;

/** True for a nest that may copy a factor: it has work for it. */
export function wantsPanel({ contraction, axes }: Nest): boolean {
  return contraction && axes.reduce((work, a) => work * a.size, 1) >= 2 ** 18;
}

/** Of sums that go through more than the caches hold: which axis to go through last, and what to copy. */
function blockSums(
  s: Base & Choice & Pick<Schedule, "contraction">,
  reductions: number,
): Pick<Schedule, "outer" | "within" | "reduced" | "split" | "panel"> {
  const { axes, vector, jam, lanes, loads, inner, stores, values } = s;
  const plain = { outer: s.outer, within: [], reduced: s.reduced, split: -1, panel: undefined };
  if (!s.contraction || reductions !== 1 || vector < 0 || axes[vector]!.reduced || s.reduced.length === 0) return plain;
  const factors = [...loads].filter(([id]) => inner.has(id));
  const along = factors.filter(([, t]) => t.steps[vector] !== 0);
  // what vectors run through is used again by the axes that it does not depend on
  const fixed = s.outer.filter((axis) => along.some(([, t]) => t.steps[axis] !== 0));
  const within = s.outer.filter((axis) => !fixed.includes(axis));
  const bytesOf = ({ steps, dtype }: Touch, without = -1) =>
    axes.reduce((n, a, axis) => steps[axis] !== 0 && axis !== without ? n * a.size : n, entryBytes[dtype]);
  let split = -1;
  const [first, ...rest] = s.reduced;
  const isPlainStore = stores.length === 1 && values.get(stores[0]!.value)!.op === "reduce";
  const total = factors.reduce((sum, [, t]) => sum + bytesOf(t), 0);
  if (isPlainStore && rest.length > 0 && axes[first!]!.size > 1 && total > 2 ** 18) split = first!;
  const reduced = split < 0 ? s.reduced : rest;
  let panel: number | undefined;
  const [only] = along;
  if (along.length === 1 && only && jam >= 0) {
    const [id, touch] = only;
    const terms = reduced.reduce((n, axis) => n * axes[axis]!.size, 1);
    const reused = [...within, jam].reduce((n, axis) => n * axes[axis]!.size, 1);
    const independent = [...within, jam].every((axis) => touch.steps[axis] === 0);
    const rowBytes = s.vectors * 16;
    const contiguous = touch.steps[reduced.at(-1)!] === rowBytes;
    const large = terms * axes[vector]!.size * entryBytes[touch.dtype] > 2 ** 13;
    if (
      independent && !contiguous && large && reused >= 24 && terms * rowBytes <= panelBytes &&
      lanes * entryBytes[touch.dtype] === 16
    ) {
      panel = id;
    }
  }
  return { outer: fixed, within, reduced, split, panel };
}

type Base = Pick<Schedule, "axes" | "lanes" | "values" | "loads" | "stores" | "depends" | "inner" | "inOrder">;

type Choice = Pick<Schedule, "vector" | "vectors" | "jam" | "rows" | "outer" | "reduced">;

function chooseAxes(base: Base, reductions: number): Choice {
  const { axes, lanes } = base;
  const parallel = axes.flatMap((a, i) => a.reduced ? [] : [i]);
  const summed = axes.flatMap((a, i) => a.reduced ? [i] : []);
  const vector = chooseVector(base);
  const strideOf = (axis: number) => {
    let most = 0;
    for (const { touch } of base.stores) most = Math.max(most, Math.abs(touch.steps[axis]!));
    if (!axes[axis]!.reduced) return most;
    for (const { steps, row } of base.loads.values()) {
      most = Math.max(most, Math.abs(row?.axes.has(axis) ? row.step : steps[axis]!));
    }
    return most;
  };
  const byStride = (list: readonly number[]) => list.toSorted((a, b) => strideOf(b) - strideOf(a) || a - b);
  const rest = byStride(parallel.filter((axis) => axis !== vector));
  const reduced = byStride(summed.filter((axis) => axis !== vector));
  const count = vector < 0 ? 1 : Math.ceil(axes[vector]!.size / lanes);
  if (reductions === 0) {
    const jam = turnedAxis(base, rest, vector);
    const outer = rest.filter((axis) => axis !== jam);
    return { vector, vectors: jam >= 0 || count < 4 ? 1 : 2, jam, rows: jam < 0 ? 1 : 4, outer, reduced };
  }
  const sums = Math.max(1, Math.floor(accumulators / reductions));
  const innerLoads = [...base.loads].filter(([id]) => base.inner.has(id)).map(([, t]) => t);
  if (vector < 0 || axes[vector]!.reduced) {
    // rows share what does not depend on them
    const jam = rest.toReversed().find((axis) => innerLoads.some((t) => staysAlong(t, axis))) ?? -1;
    const rows = jam < 0 ? 1 : balanced(axes[jam]!.size, Math.min(4, sums));
    return {
      vector,
      vectors: Math.min(count, parallel.length === 0 ? 4 : 2),
      jam,
      rows,
      outer: rest.filter((a) => a !== jam),
      reduced,
    };
  }
  const jam = sharingAxis(base, rest);
  // a few rows with short vectors, many with long ones
  let vectors = Math.min(count, jam < 0 ? 4 : 2, sums);
  let rows = 1;
  if (jam >= 0) {
    rows = rowsOfTiles(axes[jam]!.size, Math.min(mostRows, Math.max(1, Math.floor(sums / vectors))));
    vectors = Math.min(count, Math.max(1, Math.floor(sums / rows)), 3);
    if (rows > 3) vectors = Math.min(vectors, 2);
  }
  return { vector, vectors, jam, rows, outer: rest.filter((a) => a !== jam), reduced };
}

/** Where something lies along another axis than the vectors, blocks of four rows are turned: that axis, -1 if there is none. */
function turnedAxis({ axes, lanes, loads, stores }: Base, rest: readonly number[], vector: number): number {
  if (lanes !== 4 || vector < 0) return -1;
  const touches = [...loads.values(), ...stores.map((s) => s.touch)];
  return rest.find((axis) =>
    axes[axis]!.size >= 4 &&
    touches.some((t) =>
      entryBytes[t.dtype] === 4 && !t.row && t.steps[axis] === 4 && t.steps[vector] !== 0 && t.steps[vector] !== 4
    )
  ) ?? -1;
}

/** The axis whose rows share the most of what they read, as many of them as there is room for, near to each other in memory; -1 where
 *  none share anything. */
function sharingAxis({ axes, loads, inner }: Base, rest: readonly number[]): number {
  const innerLoads = [...loads].filter(([id]) => inner.has(id)).map(([, t]) => t);
  const shared = (axis: number) => innerLoads.filter((t) => staysAlong(t, axis) && axesOf(t).size > 0).length;
  const rank = (axis: number) => {
    const far = Math.max(...innerLoads.map((t) => Math.abs(t.steps[axis]!)));
    return [shared(axis), Math.min(mostRows, axes[axis]!.size), -far];
  };
  let best = -1;
  for (const axis of rest) {
    if (shared(axis) === 0) continue;
    const [a, b] = [rank(axis), best < 0 ? [] : rank(best)];
    const i = a.findIndex((x, k) => x !== b[k]);
    if (best < 0 || i >= 0 && a[i]! > b[i]!) best = axis;
  }
  return best;
}

/** Rows of a tile of two vectors, `most` at most, with which the tiles take the least time: a tile takes as long as four rows at
 *  least, for the sums wait for each other, and an end; the last one of other rows has code of its own. */
function rowsOfTiles(size: number, most: number): number {
  if (size <= most || most < 4) return balanced(size, most);
  const time = (rows: number) => Math.max(rows, 4) + 0.6;
  const total = (rows: number) => Math.floor(size / rows) * time(rows) + (size % rows > 0 ? time(size % rows) + 2 : 0);
  return Array.from({ length: most - 3 }, (_, i) => most - i).toSorted((a, b) => total(a) - total(b))[0]!;
}

/** The smallest number of rows that needs as few tiles as `most` rows do. */
function balanced(size: number, most: number): number {
  const tiles = Math.ceil(size / most);
  return Math.max(1, Math.ceil(size / Math.max(1, tiles)));
}

/** The axis with the least work. Whether it is a summed one depends only on what is summed, so that the order of a sum does not
 *  depend on what else is made, and kept, with it. */
function chooseVector(base: Base): number {
  const { axes, inOrder } = base;
  if (!axes.some((a) => a.reduced)) return cheapest(base, "all", () => true);
  const ofSum = inOrder ? -1 : cheapest(base, "sums", () => true);
  return ofSum >= 0 && axes[ofSum]!.reduced ? ofSum : cheapest(base, "all", (axis) => !axes[axis]!.reduced);
}

/** The axis with the least work: loads and stores of neighbours are one instruction, others one for each lane. Of what sums need,
 *  or of all. */
function cheapest(
  { axes, lanes, loads, stores, inner, values }: Base,
  what: "sums" | "all",
  allowed: (axis: number) => boolean,
): number {
  let summed = 1;
  for (const a of axes) if (a.reduced) summed *= Math.max(1, a.size);
  const touches: { touch: Touch; weight: number; inner: boolean }[] = [];
  for (const [id, touch] of loads) {
    const isInner = summed === 1 || inner.has(id);
    if (isInner || what === "all") touches.push({ touch, weight: isInner ? 1 : 1 / summed, inner: isInner });
  }
  for (const { touch, inner } of stores) {
    const isInner = summed === 1 || inner;
    if (what === "all") touches.push({ touch, weight: isInner ? 1.5 : 1.5 / summed, inner: isInner });
  }
  const rest = what === "all" ? values.size - inner.size : 0;
  const work = Math.max(1, inner.size) * 0.5 + rest * 0.5 / summed;
  let best = -1;
  let least = Infinity;
  axes.forEach(({ size, reduced }, axis) => {
    if (size === 0 || !allowed(axis)) return;
    const fill = Math.ceil(size / lanes) * lanes / size;
    let cost = work * fill / lanes;
    for (const { touch, weight, inner } of touches) {
      const direct = staysAlong(touch, axis) || runsAlong(touch, axis);
      cost += reduced && !inner ? weight : weight * (direct ? fill / lanes : 1);
    }
    // the lanes of a sum are added at the end, and what is made of it then is made one by one
    if (reduced) cost += 10 / size;
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

function dependencies(
  values: ReadonlyMap<number, Value>,
  { axes, loads, indices }: Pick<Schedule, "axes" | "loads" | "indices">,
): Map<number, ReadonlySet<number>> {
  const depends = new Map<number, ReadonlySet<number>>();
  for (const [id, value] of values) {
    const own = new Set<number>();
    if (value.op === "load") { for (const axis of axesOf(loads.get(id)!)) own.add(axis); }
    else if (value.op === "index") own.add(indices.get(id)!);
    else {
      for (const operand of operandsOf(value)) for (const axis of depends.get(operand)!) own.add(axis);
      if (value.op === "reduce") axes.forEach((a, axis) => a.reduced && own.delete(axis));
    }
    depends.set(id, own);
  }
  return depends;
}
