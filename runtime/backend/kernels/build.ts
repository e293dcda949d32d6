// Which values share a nest? Cores are computed when something needs them in memory: with everything on the way that has the
// same points, in the nest that computes what they read if that is possible, else in a new one.
import { InternalError } from "../../errors.ts";
import { type DType, entryBytes, type Origin, type Shape, sizeOf } from "../../ir/types.ts";
import { type Computed, Core, type Definition, type Gathered, type OpenNest, type Placed } from "./core.ts";
import type { Access, Buffer, Frame, Nest, Node, Value, View } from "./types.ts";
import { isInOrder } from "./print.ts";
import { accessAlong, isRowMajor, orderOf, wholeView } from "./views.ts";

/** What the frames of one function share. */
export interface ProgramParts {
  readonly constants: Buffer[];
  readonly uniformBuffers: Map<string, Buffer>;
  nextBuffer: number;
}

/** Nests do not grow beyond so many values, so that none takes long to compile. */
const mostValues = 160;
/** Chains of expressions are computed when they are so long. */
const mostDepth = 48;

/** Makes the nodes of one frame. */
export class FrameBuilder {
  readonly frame: Frame;
  readonly parent: FrameBuilder | undefined;
  readonly parts: ProgramParts;
  readonly nests: (OpenNest | undefined)[] = [];

  constructor(name: string, parent: FrameBuilder | undefined, parts: ProgramParts) {
    this.frame = { name, parent: parent?.frame, nodes: [], buffers: [], bytes: 0, base: 0 };
    this.parent = parent;
    this.parts = parts;
  }

  private get root(): FrameBuilder {
    return this.parent ? this.parent.root : this;
  }

  // ---- memory

  buffer(dtype: DType, entries: number): Buffer {
    const buffer: Buffer = { id: this.parts.nextBuffer++, dtype, entries, frame: this.frame, offset: 0 };
    this.frame.buffers.push(buffer);
    return buffer;
  }

  /** A buffer with an array in it, axes in memory in the given order. */
  array(dtype: DType, sizes: Shape, order?: readonly number[]): View {
    return wholeView(this.buffer(dtype, sizeOf(sizes)), sizes, order);
  }

  constant(dtype: DType, values: ArrayLike<number>): Buffer {
    const buffer: Buffer = {
      id: this.parts.nextBuffer++,
      dtype,
      entries: values.length,
      frame: this.root.frame,
      offset: 0,
      values,
    };
    this.parts.constants.push(buffer);
    return buffer;
  }

  // ---- nodes

  /** Appends a node; its position. */
  append(node: Node, open?: OpenNest): number {
    this.nests.push(open);
    return this.frame.nodes.push(node) - 1;
  }

  openNest(sizes: readonly number[], origin: Origin | undefined): OpenNest {
    const nest: Nest = {
      kind: "nest",
      axes: sizes.map((size) => ({ size, reduced: false })),
      values: [],
      stores: [],
      contraction: false,
      origin,
    };
    const all = sizes.map((_, axis) => axis);
    const open: OpenNest = {
      nest,
      order: this.frame.nodes.length,
      parallel: all,
      full: all,
      closed: false,
      loaded: new Map(),
      uniforms: new Map(),
      computed: new Map(),
    };
    this.append(nest, open);
    return open;
  }

  // ---- where values lie

  /** The memory that a core lies in; computes it if nothing has. */
  viewOf(core: Core): View {
    if (core.owner !== this) return core.owner.viewOf(core);
    core.placed ??= this.placeInMemory(core);
    return core.placed.view;
  }

  private placeInMemory(core: Core): Placed {
    const { definition, dtype, sizes } = core;
    if (definition.kind === "uniform") {
      const key = keyOf(dtype, definition.value);
      let buffer = this.parts.uniformBuffers.get(key);
      if (!buffer) this.parts.uniformBuffers.set(key, buffer = this.constant(dtype, [definition.value]));
      return { view: { buffer, offset: 0, steps: sizes.map(() => 0), terms: [], shape: sizes }, ready: -1 };
    }
    if (definition.kind === "move") {
      const { view, ready } = definition.make();
      if (core.rowMajor && !isRowMajor(view) || core.target) {
        // what only reads another buffer moves to memory of its own
        const target = core.target?.view(core.rowMajor ? undefined : orderOf(view)) ?? this.array(dtype, sizes);
        return { view: target, ready: this.copy(view, target, core) };
      }
      const read = definition.sources.map((s) => s.owner === this && s.placed ? s.placed.ready : -1);
      return { view, ready: ready ?? Math.max(-1, ...read) };
    }
    if (definition.kind === "gather" && !core.computed && !definition.isShort) {
      const view = core.target?.view() ?? this.array(dtype, sizes);
      if (isRowMajor(view)) return { view, ready: definition.copy(view) };
    }
    const { open, id } = this.place(core);
    const order = core.rowMajor ? undefined : this.orderFor(open, core);
    const view = core.target?.view(order) ?? this.array(dtype, sizes, order);
    this.store(open, id, sizes, view);
    return { view, ready: open.order };
  }

  /** A nest that copies; its position. */
  copy(
    from: View,
    to: View,
    { dtype, origin }: { readonly dtype: DType; readonly origin: Origin | undefined },
  ): number {
    const open = this.openNest(from.shape, origin);
    const axes = open.parallel;
    open.nest.values.push({ op: "load", dtype, access: accessAlong(from, axes, axes.length) });
    open.nest.stores.push({ value: 0, access: accessAlong(to, axes, axes.length) });
    return open.order;
  }

  /** A nest that writes one value everywhere. */
  fill(
    to: View,
    value: number,
    { dtype, origin }: { readonly dtype: DType; readonly origin: Origin | undefined },
  ): number {
    const open = this.openNest(to.shape, origin);
    open.nest.values.push({ op: "uniform", dtype, value });
    open.nest.stores.push({ value: 0, access: accessAlong(to, open.parallel, open.parallel.length) });
    return open.order;
  }

  /** Has a core written to a place, at the earliest after node `after`; the position of the node that does. */
  writeTo(core: Core, to: View, after = -1): number {
    if (core.owner === this && isInNests(core.definition)) {
      const { open, id } = core.computed ?? this.place(core);
      if (open.order > after) {
        this.store(open, id, core.sizes, to);
        return open.order;
      }
    }
    if (core.uniform !== undefined) return this.fill(to, core.uniform, core);
    return this.copy(this.viewOf(core), to, core);
  }

  private store({ nest, parallel, full }: OpenNest, value: number, sizes: readonly number[], to: View): void {
    const axes = this.axesFor({ nest, parallel, full }, sizes);
    if (!axes) throw new InternalError("A value is stored from a nest with other points");
    nest.stores.push({ value, access: accessAlong(to, axes, nest.axes.length) });
  }

  /** Axes in the order of memory that suits the nest. */
  private orderFor({ nest, parallel, full }: OpenNest, core: Core): readonly number[] | undefined {
    const axes = this.axesFor({ nest, parallel, full }, core.sizes)!;
    if (nest.layout) return axes.length === nest.layout.length ? nest.layout : undefined;
    for (const value of nest.values) {
      if (value.op !== "load") continue;
      const { steps } = value.access;
      if (axes.some((axis) => steps[axis] === 0)) continue;
      const order = axes.map((_, i) => i);
      order.sort((a, b) => Math.abs(steps[axes[b]!]!) - Math.abs(steps[axes[a]!]!) || a - b);
      return order;
    }
    return undefined;
  }

  /** The axes of the nest that an array of these sizes runs along, if it has its points. */
  private axesFor(
    { nest, parallel, full }: Pick<OpenNest, "nest" | "parallel" | "full">,
    sizes: readonly number[],
  ): number[] | undefined {
    const fits = (axes: number[]) =>
      axes.length === sizes.length && axes.every((axis, i) => nest.axes[axis]!.size === sizes[i]);
    if (fits(parallel)) return parallel;
    return full && fits(full) ? full : undefined;
  }

  // ---- which nest

  /** Computes a core in some nest of this frame. */
  place(core: Core): Computed {
    if (core.computed) return core.computed;
    const e = core.definition;
    if (e.kind === "reduce") {
      const joined = this.reduceInPlace(core, e);
      if (joined) return joined;
    }
    const accepted: Accepted = { root: core, reduction: undefined };
    if (e.kind === "gather") this.haveRows(e);
    else this.force(core, accepted, new Set());
    const latest = this.latestNest(core, new Set());
    const open = latest && this.canJoin(core, latest) ? latest : this.openNest(core.sizes, core.origin);
    return { open, id: this.pull(core, open) };
  }

  /** A sum of what a nest without sums computes is made there. */
  private reduceInPlace(core: Core, e: Reduction): Computed | undefined {
    const { input, axes } = e;
    if (input.owner !== this) return undefined;
    if (input.floating && input.definition.kind === "scalar") {
      this.force(input, { root: core, reduction: core, summed: axes }, new Set());
      const latest = this.latestNest(input, new Set());
      if (
        latest && !latest.nest.contraction && latest.nest.axes.every((a) => !a.reduced) && this.canJoin(input, latest)
      ) {
        this.pull(input, latest);
      }
    }
    if (!input.computed) return undefined;
    const { open, id } = input.computed;
    if (open.nest.contraction || open.nest.values.length > mostValues) return undefined;
    const { nest } = open;
    const full = open.full;
    if (
      !full || full.length !== input.sizes.length || full.some((axis, i) => nest.axes[axis]!.size !== input.sizes[i])
    ) {
      return undefined;
    }
    const reduced = new Set(axes.map((axis) => full[axis]!));
    const has = nest.axes.flatMap((a, i) => a.reduced ? [i] : []);
    if (has.length === 0) {
      for (const axis of reduced) nest.axes[axis]!.reduced = true;
      open.parallel = full.filter((axis) => !reduced.has(axis));
    } else if (has.length !== reduced.size || has.some((axis) => !reduced.has(axis))) return undefined;
    else if (isInOrder(nest) !== (e.inOrder ?? false)) return undefined;
    return this.settle(core, { open, id: nest.values.push(reduction(core, e, id)) - 1 });
  }

  /** Has in memory what a core's nest can only read; of reductions on the way, one may be made in the nest itself. */
  private force(core: Core, accepted: Accepted, seen: Set<Core>): void {
    if (seen.has(core) || !core.floating) return;
    seen.add(core);
    const e = core.definition;
    if (core.owner !== this) {
      this.viewOf(core);
      return;
    }
    switch (e.kind) {
      case "scalar":
        for (const input of e.inputs) this.force(input, accepted, seen);
        return;
      case "index":
      case "uniform":
      case "given":
        return;
      case "move":
        this.viewOf(core);
        return;
      case "gather":
        if (isReadInPlace(core, e) && !isAcrossRows(core, e, accepted.summed)) this.haveRows(e);
        else this.viewOf(core);
        return;
      case "reduce":
      case "contract": {
        if (e.kind === "reduce" && e.input.computed && this.reduceInPlace(core, e)) return;
        const { root, reduction } = accepted;
        const sameSizes = core.sizes.length === root.sizes.length && core.sizes.every((n, i) => n === root.sizes[i]);
        if (reduction !== undefined && reduction !== core || !sameSizes) {
          this.viewOf(core);
          return;
        }
        accepted.reduction = core;
        // what is summed has more points: a sum in it is another nest's
        if (e.kind === "reduce") this.force(e.input, { root: e.input, reduction: core, summed: e.axes }, seen);
        return;
      }
    }
  }

  private haveRows({ table, index }: Gathered): void {
    this.viewOf(table);
    this.viewOf(index);
  }

  /** The last node that something on the way to a core has been computed in, if that is a nest. */
  private latestNest(core: Core, seen: Set<Core>): OpenNest | undefined {
    let latest = -1;
    const visit = (c: Core) => {
      if (seen.has(c) || c.owner !== this || c.uniform !== undefined) return;
      seen.add(c);
      if (c.computed) latest = Math.max(latest, c.computed.open.order);
      else if (c.placed) latest = Math.max(latest, c.placed.ready);
      else if (c.definition.kind === "scalar") c.definition.inputs.forEach(visit);
      else if (c.definition.kind === "gather") [c.definition.table, c.definition.index].forEach(visit);
    };
    visit(core);
    return latest < 0 ? undefined : this.nests[latest];
  }

  /** True when a nest that is there already can compute a core, too. */
  canJoin(core: Core, open: OpenNest, seen: Set<Core> = new Set()): boolean {
    if (seen.has(core)) return true;
    seen.add(core);
    if (core.uniform !== undefined || core.computed?.open === open) return true;
    if (open.closed || open.nest.values.length > mostValues || !this.axesFor(open, core.sizes)) return false;
    const there = this.isThere(core, open);
    if (there !== undefined) return there;
    const e = core.definition;
    if (e.kind === "scalar") return e.inputs.every((input) => this.canJoin(input, open, seen));
    if (e.kind !== "gather") return e.kind === "index";
    return isReadInPlace(core, e) && this.isThere(e.table, open) === true && this.isThere(e.index, open) === true;
  }

  /** Whether a nest comes after what has computed a core; undefined where nothing has yet. */
  private isThere(core: Core, { order }: OpenNest): boolean | undefined {
    if (core.uniform !== undefined) return true;
    if (core.owner !== this) return core.placed !== undefined || core.computed !== undefined;
    if (core.placed) return core.placed.ready < order;
    return core.computed && core.computed.open.order < order;
  }

  /** Computes a core in a nest, or reads it there: which of its values it is. */
  pull(core: Core, open: OpenNest): number {
    const { nest, uniforms, loaded } = open;
    if (core.uniform !== undefined) {
      const key = keyOf(core.dtype, core.uniform);
      let id = uniforms.get(key);
      if (id === undefined) {
        id = nest.values.push({ op: "uniform", dtype: core.dtype, value: core.uniform }) - 1;
        uniforms.set(key, id);
      }
      return id;
    }
    if (core.owner === this && core.computed?.open === open) return core.computed.id;
    const known = loaded.get(core);
    if (known !== undefined) return known;
    const e = core.definition;
    if (core.owner !== this || !core.floating || !isInNests(e)) {
      const view = this.viewOf(core);
      const axes = this.axesFor(open, core.sizes);
      if (!axes) throw new InternalError("A value is read by a nest with other points");
      const id =
        nest.values.push({ op: "load", dtype: core.dtype, access: accessAlong(view, axes, nest.axes.length) }) - 1;
      loaded.set(core, id);
      return id;
    }
    return this.settle(core, { open, id: this.pullExpression(core, e, open) }).id;
  }

  private pullExpression(core: Core, e: InNests, open: OpenNest): number {
    const { nest } = open;
    const add = (value: Value) => nest.values.push(value) - 1;
    switch (e.kind) {
      case "scalar": {
        const inputs = e.inputs.map((input) => this.pull(input, open));
        const exponent = e.exponent === undefined ? {} : { exponent: e.exponent };
        // what is made again for a derivative is often there
        const key = `${e.op} ${core.dtype} ${inputs} ${e.exponent}`;
        const known = open.computed.get(key);
        if (known !== undefined) return known;
        const id = add({ op: e.op, dtype: core.dtype, inputs, ...exponent });
        open.computed.set(key, id);
        return id;
      }
      case "index":
        return add({ op: "index", dtype: core.dtype, axis: this.axesFor(open, core.sizes)![e.axis]! });
      case "gather":
        return this.pullRows(core, e, open);
      case "reduce": {
        const axes: number[] = [];
        let kept = 0;
        e.input.sizes.forEach((size, i) => {
          axes.push(e.axes.includes(i) ? nest.axes.push({ size, reduced: true }) - 1 : open.parallel[kept++]!);
        });
        open.full = axes;
        widen(nest);
        return add(reduction(core, e, this.pull(e.input, open)));
      }
      case "contract": {
        const { pairs, summed, layout } = e.contraction;
        const added = summed.map((size) => nest.axes.push({ size, reduced: true }) - 1);
        open.full = undefined;
        nest.contraction = true;
        nest.layout = layout;
        widen(nest);
        const along = (access: Access): Access => {
          const steps = new Array<number>(nest.axes.length).fill(0);
          [...open.parallel, ...added].forEach((axis, i) => steps[axis] = access.steps[i]!);
          return { ...access, steps };
        };
        const { dtype } = core;
        const products = pairs.map((factors) => {
          const inputs = factors.map((access) => add({ op: "load", dtype, access: along(access) }));
          return add({ op: "mul", dtype, inputs });
        });
        const input = products.reduce((a, b) => add({ op: "add", dtype, inputs: [a, b] }));
        return add({ op: "reduce", dtype, kind: "sum", input, inOrder: false, unrounded: true });
      }
    }
  }

  /** Reads rows where they lie: the index once for each, and what it says with all of a row. */
  private pullRows({ dtype, sizes }: Core, { table, index, axis, rows, along }: Gathered, open: OpenNest): number {
    const { nest } = open;
    const axes = this.axesFor(open, sizes)!;
    const places = (of: "table" | "index") => {
      const list: (number | undefined)[] = [];
      along.forEach((places, i) => places[of] >= 0 && (list[places[of]] = axes[i]!));
      return list;
    };
    const named = accessAlong(this.viewOf(index), places("index"), nest.axes.length);
    const id = nest.values.push({ op: "load", dtype: "i32", access: named }) - 1;
    const view = this.viewOf(table);
    const step = view.steps[axis] ?? 0;
    // the axis that the index goes along is none of the nest's
    const others = places("table");
    const access = accessAlong(view, others, nest.axes.length);
    return nest.values.push({ op: "load", dtype, access, row: { index: id, step, size: rows } }) - 1;
  }

  /** Notes where a core is computed; whoever reads it and can be computed there is, too. */
  private settle(core: Core, computed: Computed): Computed {
    const { open } = computed;
    core.computed = computed;
    core.depth = 0;
    for (const user of core.users) {
      if (user.floating && user.owner === this && this.canJoin(user, open)) this.pull(user, open);
    }
    core.users.length = 0;
    return computed;
  }

  /** Computes a core in a nest that computes nothing else. */
  isolate(core: Core): Core {
    this.viewOf(core);
    if (core.computed) core.computed.open.closed = true;
    return core;
  }

  /** Computes what has become long to say. */
  limitDepth(cores: readonly Core[]): void {
    for (const core of cores) if (core.depth > mostDepth && core.floating) core.owner.viewOf(core);
  }

  /** The array with its axes in this order in memory: a copy, in the frame that computes it. One value for all entries is
   *  copied here or further out: who reads it here may run before the frame that it came with. */
  packed(core: Core, order: readonly number[]): View {
    if (core.owner !== this && core.uniform === undefined) return core.owner.packed(core, order);
    const key = order.join();
    const known = core.packs.find((pack) => pack.key === key && this.isInside(pack.builder));
    if (known) return known.view;
    const from = this.viewOf(core);
    const view = this.array(core.dtype, core.sizes, order);
    this.copy(from, view, core);
    core.packs.push({ key, builder: this, view });
    return view;
  }

  /** The array row-major in memory: itself, or a copy. */
  rowMajor(core: Core): View {
    const view = this.viewOf(core);
    return isRowMajor(view) ? view : this.packed(core, core.sizes.map((_, i) => i));
  }

  /** Which frame an equation belongs to: the outermost that has all it reads, if what it makes is small. */
  static home(at: FrameBuilder, inputs: readonly Core[], bytes: number): FrameBuilder {
    if (inputs.length === 0 || bytes > mostHoisted) return at;
    let home: FrameBuilder | undefined;
    for (const input of inputs) {
      if (input.uniform !== undefined) continue;
      if (!home || input.owner.isInside(home)) home = input.owner;
    }
    return home ?? at;
  }

  private isInside(other: FrameBuilder): boolean {
    return this === other || this.parent !== undefined && this.parent.isInside(other);
  }
}

/** Results that do not change from step to step are computed before a loop if they take so many bytes at most. */
const mostHoisted = 2 ** 18;

type Reduction = Extract<Definition, { kind: "reduce" }>;

/** What is computed in nests: neither there already nor read in another way. */
type InNests = Exclude<Definition, { kind: "uniform" | "given" | "move" }>;

function isInNests(definition: Definition): definition is InNests {
  return definition.kind !== "uniform" && definition.kind !== "given" && definition.kind !== "move";
}

/** Rows of several readers are copied once, unless they are short. */
function isReadInPlace(core: Core, { isShort }: Gathered): boolean {
  return isShort || core.readOnce;
}

/** One value as a key: -0 is another than 0. */
function keyOf(dtype: DType, value: number): string {
  return `${dtype} ${Object.is(value, -0) ? "-0" : value}`;
}

function reduction({ dtype }: Core, { op, inOrder = false }: Reduction, input: number): Value {
  return { op: "reduce", dtype, kind: op, input, inOrder, unrounded: false };
}

/** A sum over rows that keeps their entries apart goes through all rows for some entries at a time: rows of bytes, a few of a line of
 *  memory, are copied first. */
function isAcrossRows({ dtype }: Core, { along, isShort }: Gathered, summed: readonly number[] = []): boolean {
  const isKept = (i: number) => along[i]!.table >= 0 && !summed.includes(i);
  return !isShort && entryBytes[dtype] === 1 &&
    summed.some((axis) => along[axis]!.table < 0 && along.some((_, i) => i > axis && isKept(i)));
}

interface Accepted {
  readonly root: Core;
  reduction: Core | undefined;
  /** Axes that it is over. */
  readonly summed?: readonly number[];
}

/** Gives the accesses that are there steps of 0 along the axes that came later. */
function widen({ values, stores, axes }: Nest): void {
  const wide = (access: Access): Access =>
    access.steps.length === axes.length
      ? access
      : { ...access, steps: [...access.steps, ...new Array<number>(axes.length - access.steps.length).fill(0)] };
  values.forEach((value, i) => {
    if (value.op === "load") values[i] = { ...value, access: wide(value.access) };
  });
  stores.forEach((store, i) => stores[i] = { ...store, access: wide(store.access) });
}
