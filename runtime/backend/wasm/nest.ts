// How is the code of a nest written? As its schedule says: loops around a tile of vectors, sums in registers, what does not change
// in a loop before it, and every pointer moved along as the loops go.
import { type DType, entryBytes } from "../../ir/types.ts";
import { operandsOf } from "../kernels/print.ts";
import type { Value } from "../kernels/types.ts";
import type { CodeWriter, VectorInstruction } from "./encoder.ts";
import { type OperationContext, repeated, writeOperation } from "./operations.ts";
import { RowFetch, type Turn } from "./fetch_rows.ts";
import { NestMemory, type VectorPlace, type VectorRows } from "./nest_memory.ts";
import type { RowTouch, Schedule } from "./schedule.ts";

/** What nests are written with. */
export interface NestContext extends OperationContext {
  /** There are instructions that multiply and add at once. */
  readonly fused: boolean;
}

/** Points of the innermost sum in one turn of its loop: the turn itself costs as much as three products. */
const unrolled = 4;

/** Terms that are summed in a row in float32. */
const mostTerms = 512;

/** Vectors of a tile along the vector axis: how many lanes of each are points. */
type Widths = readonly number[];

/** Writes the body of the function that runs a nest; its parameters are the pointers of the schedule. */
export function writeNest(context: NestContext, schedule: Schedule): void {
  if (schedule.axes.some((axis) => !axis.reduced && axis.size === 0)) return;
  new NestWriter(context, schedule).write();
}

class NestWriter {
  readonly #c: NestContext;
  readonly #code: CodeWriter;
  readonly #s: Schedule;
  readonly #memory: NestMemory;
  readonly #fetch: RowFetch;
  /** Counters of the axes whose indices are values. */
  readonly #counters = new Map<number, number>();
  /** Locals of values, the innermost scope last. */
  readonly #scopes: Map<string, number>[] = [new Map()];
  readonly #isSum: boolean;
  /** By sum: the products that are added to it unrounded; and of all of them what stands between them and their sum, too. */
  readonly #products = new Map<number, readonly number[]>();
  readonly #unrounded = new Set<number>();
  /** Rows of the tile at work, and its vectors. */
  #tileRows = 0;
  #widths: Widths = [];
  /** Sums go on from what memory has. */
  #resumed = false;
  /** The copy of a factor: where it is now, and its bytes for each step of a summed axis and from one vector to the next. */
  #panel: { readonly local: number; readonly key: string; readonly steps: ReadonlyMap<number, number> } | undefined;

  constructor(context: NestContext, schedule: Schedule) {
    this.#c = context;
    this.#code = context.code;
    this.#s = schedule;
    this.#isSum = schedule.axes.some((axis) => axis.reduced);
    this.#memory = new NestMemory(this.#code, schedule);
    this.#fetch = new RowFetch(this.#code, schedule, this.#memory);
    for (const axis of new Set(schedule.indices.values())) this.#counters.set(axis, this.#code.local("i32"));
    for (const [id, value] of schedule.values) {
      const isProducts = value.op === "reduce" && value.unrounded && value.dtype !== "i32";
      if (isProducts) this.#products.set(id, this.#productsIn(value.input));
    }
  }

  #productsIn(id: number): readonly number[] {
    const value = this.#s.values.get(id)!;
    this.#unrounded.add(id);
    return value.op === "mul" ? [id] : operandsOf(value).flatMap((operand) => this.#productsIn(operand));
  }

  write(): void {
    const { split, axes } = this.#s;
    if (split < 0) return this.#outer(0, new Set());
    // the first part of the sums, then the others on top of what memory has
    this.#scoped(() => this.#outer(0, new Set()));
    this.#advance(split, 1);
    this.#resumed = true;
    this.#loop(split, 1, axes[split]!.size - 1, () => this.#scoped(() => this.#outer(0, new Set())));
  }

  // ---- loops

  #outer(at: number, bound: ReadonlySet<number>): void {
    this.#hoist(bound);
    const { outer, axes } = this.#s;
    const axis = outer[at];
    if (axis === undefined) return this.#tiles();
    const inside = new Set([...bound, axis]);
    const fetched = this.#fetch.rowsOf(axis, axes.flatMap((_, i) => inside.has(i) ? [] : [i]));
    this.#loop(axis, 1, axes[axis]!.size, (turn) => {
      this.#fetch.write(fetched, axis, turn);
      this.#scoped(() => this.#outer(at + 1, inside));
    });
    this.#advance(axis, -axes[axis]!.size);
  }

  /** Tiles along the vector axis, and along the rows within. */
  #tiles(): void {
    const { axes, vector, vectors, lanes } = this.#s;
    if (vector < 0 || axes[vector]!.reduced) return this.#rows([1]);
    const { size } = axes[vector]!;
    const full = Math.floor(size / lanes);
    const blocks = Math.floor(full / vectors);
    const widths = (count: number) => new Array<number>(count).fill(lanes);
    this.#loop(vector, vectors * lanes, blocks, () => this.#block(widths(vectors)));
    const rest = [...widths(full - blocks * vectors), ...(size % lanes ? [size % lanes] : [])];
    if (rest.length > 0) this.#block(rest);
    this.#advance(vector, -blocks * vectors * lanes);
  }

  /** All that is made with the vectors at one place. */
  #block(widths: Widths): void {
    const { panel } = this.#s;
    if (panel !== undefined) this.#fillPanel(panel, widths);
    this.#within(0, widths);
    this.#panel = undefined;
  }

  #within(at: number, widths: Widths): void {
    const { within, axes } = this.#s;
    const axis = within[at];
    if (axis === undefined) return this.#rows(widths);
    this.#loop(axis, 1, axes[axis]!.size, () => this.#scoped(() => this.#within(at + 1, widths)));
    this.#advance(axis, -axes[axis]!.size);
  }

  /** Copies the vectors of a factor side by side, in the order in which sums read them. */
  #fillPanel(id: number, widths: Widths): void {
    const { loads, reduced, axes, pointers } = this.#s;
    const code = this.#code;
    const touch = loads.get(id)!;
    const local = code.local("i32");
    // the parameter after the pointers
    code.get(pointers.length).set(local);
    const row = widths.length * 16;
    const fill = (at: number) => {
      const axis = reduced[at];
      if (axis === undefined) {
        widths.forEach((width, v) => {
          this.#memory.load(touch, { u: 0, v, width });
          const x = code.local("v128");
          code.set(x).get(local).get(x).memory("v128.store", v * 16);
        });
        code.get(local).i32(row).numeric("i32.add").set(local);
        return;
      }
      this.#loop(axis, 1, axes[axis]!.size, () => fill(at + 1));
      this.#advance(axis, -axes[axis]!.size);
    };
    fill(0);
    code.get(pointers.length).set(local);
    const steps = new Map<number, number>();
    let step = row;
    for (const axis of reduced.toReversed()) {
      steps.set(axis, step);
      step *= axes[axis]!.size;
    }
    this.#panel = { local, key: this.#memory.pointerKey(touch), steps };
  }

  #rows(widths: Widths): void {
    const { axes, jam, rows } = this.#s;
    if (jam < 0) return this.#scoped(() => this.#tile(1, widths));
    const { size } = axes[jam]!;
    const blocks = Math.floor(size / rows);
    this.#loop(jam, rows, blocks, () => this.#scoped(() => this.#tile(rows, widths)));
    if (size % rows > 0) this.#scoped(() => this.#tile(size % rows, widths));
    this.#advance(jam, -blocks * rows);
  }

  /** `body` so many times; each time the pointers move along an axis. */
  #loop(axis: number, block: number, count: number, body: (turn?: Turn) => void): void {
    if (count === 0) return;
    if (count === 1) {
      body();
      this.#advance(axis, block);
      return;
    }
    const index = this.#code.local("i32");
    this.#code.loop(index, { from: 0, to: count }, () => {
      body({ index, count });
      this.#advance(axis, block);
    });
  }

  #advance(axis: number, points: number): void {
    if (points === 0) return;
    const move = (local: number, by: number) => {
      if (by !== 0) this.#code.get(local).i32(by).numeric("i32.add").set(local);
    };
    const panelStep = this.#panel?.steps.get(axis);
    if (panelStep !== undefined) move(this.#panel!.local, panelStep * points);
    this.#memory.advance(axis, points, panelStep === undefined ? undefined : this.#panel!.key);
    const counter = this.#counters.get(axis);
    if (counter !== undefined) move(counter, points);
  }

  #scoped(body: () => void): void {
    this.#scopes.push(new Map());
    body();
    this.#scopes.pop();
  }

  /** Computes what depends on nothing but the loops around. */
  #hoist(bound: ReadonlySet<number>): void {
    const { values, depends, inner } = this.#s;
    for (const [id, value] of values) {
      if (value.op === "reduce" || [...depends.get(id)!].some((axis) => !bound.has(axis))) continue;
      if (this.#dependsOnSum(id)) continue;
      const light = value.op === "load" || value.op === "uniform" || value.op === "index";
      if (this.#isSum && !inner.has(id) && light) continue;
      this.#value(id, 0, 0, this.#s.lanes);
    }
    this.#findRows((id, axes) => [...axes].every((axis) => bound.has(axis)) && (!this.#isSum || inner.has(id)), 1, [
      this.#s.lanes,
    ]);
  }

  /** Finds out where the rows of some loads begin, once for all that is read of them in the loops to come. */
  #findRows(wanted: (id: number, axes: ReadonlySet<number>) => boolean, rows: number, widths: Widths): void {
    for (const [id, { row }] of this.#s.loads) {
      if (!row || !wanted(id, row.axes)) continue;
      for (let u = 0; u < rows; u++) widths.forEach((width, v) => this.#rowsOf(row, { u, v, width }));
    }
  }

  readonly #sumDependent = new Map<number, boolean>();
  #dependsOnSum(id: number): boolean {
    const known = this.#sumDependent.get(id);
    if (known !== undefined) return known;
    const value = this.#s.values.get(id)!;
    const result = value.op === "reduce" || operandsOf(value).some((o) => this.#dependsOnSum(o));
    this.#sumDependent.set(id, result);
    return result;
  }

  // ---- one tile

  #tile(rows: number, widths: Widths): void {
    this.#tileRows = rows;
    this.#widths = widths;
    if (this.#isSum) this.#sums(rows, widths);
    this.#widths = widths;
    this.#readOverwritten(rows, widths, false);
    for (const store of this.#s.stores) {
      if (this.#isSum && store.inner) continue;
      this.#storeTile(store, rows, widths);
    }
  }

  /** What the stores of a tile are about to write over. */
  #readOverwritten(rows: number, widths: Widths, inner: boolean): void {
    const { overwritten, inner: ofEveryPoint } = this.#s;
    for (const id of overwritten) {
      if (this.#isSum && ofEveryPoint.has(id) !== inner) continue;
      for (let u = 0; u < rows; u++) widths.forEach((width, v) => this.#value(id, u, v, width));
    }
  }

  #storeTile({ value, touch }: Schedule["stores"][number], rows: number, widths: Widths): void {
    if (this.#memory.isTurned(touch) && rows === 4 && widths.length === 1 && widths[0] === 4) {
      const locals = [0, 1, 2, 3].map((u) => this.#value(value, u, 0, 4));
      const turned = this.#memory.turn(locals);
      turned.forEach((local, lane) => {
        this.#memory.address(touch, { lane, u: 0 });
        this.#code.get(local).memory("v128.store", this.#memory.immediate(touch, { lane, u: 0 }));
      });
      return;
    }
    for (let u = 0; u < rows; u++) {
      widths.forEach((width, v) => this.#memory.store(touch, this.#value(value, u, v, width), { u, v, width }));
    }
  }

  #sums(rows: number, widths: Widths): void {
    const { values, axes, vector, vectors, lanes } = this.#s;
    const alongSum = vector >= 0 && axes[vector]!.reduced;
    const reductions = [...values].flatMap(([id, value]) => value.op === "reduce" ? [{ id, value }] : []);
    const slots = alongSum ? vectors : widths.length;
    const sums = new Map<string, number>();
    for (const { id, value } of reductions) {
      for (let u = 0; u < rows; u++) {
        for (let v = 0; v < slots; v++) {
          const local = this.#code.local("v128");
          if (this.#resumed) this.#memory.load(this.#s.stores[0]!.touch, { u, v, width: widths[v]! });
          else this.#c.pool.write(this.#code, identity(value));
          this.#code.set(local);
          sums.set(`${id}:${u}:${v}`, local);
        }
      }
    }
    const tile = { rows, widths, reductions, sums };
    this.#beforeSums(tile, new Set());
    this.#summed(tile, 0, new Set());
    for (const { id, value } of reductions) {
      for (let u = 0; u < rows; u++) {
        if (!alongSum) {
          widths.forEach((_, v) => this.#remember(id, u, v, sums.get(`${id}:${u}:${v}`)!));
          continue;
        }
        const [first, ...others] = Array.from({ length: slots }, (_, v) => sums.get(`${id}:${u}:${v}`)!);
        for (const other of others) this.#code.get(first!).get(other).vector(combine(value)).set(first!);
        this.#across(value, first!, lanes);
        this.#remember(id, u, 0, first!);
      }
    }
  }

  /** Values that sums need and that do not change in the loops to come. */
  #beforeSums({ rows, widths }: SumTile, bound: ReadonlySet<number>): void {
    const { inner, depends, axes, vector } = this.#s;
    const alongSum = vector >= 0 && axes[vector]!.reduced;
    for (const id of [...inner].sort((a, b) => a - b)) {
      const own = depends.get(id)!;
      if ([...own].some((axis) => axes[axis]!.reduced && !bound.has(axis))) continue;
      if (this.#unrounded.has(id)) continue;
      for (let u = 0; u < rows; u++) {
        if (alongSum) this.#value(id, u, 0, this.#s.lanes);
        else widths.forEach((width, v) => this.#value(id, u, v, width));
      }
    }
    const isKnown = (axis: number) => !axes[axis]!.reduced || bound.has(axis);
    const wanted = (id: number, along: ReadonlySet<number>) => inner.has(id) && [...along].every(isKnown);
    this.#findRows(wanted, rows, alongSum ? [this.#s.lanes] : widths);
  }

  #summed(tile: SumTile, at: number, bound: ReadonlySet<number>): void {
    const { reduced, axes, vector, vectors, lanes } = this.#s;
    const axis = reduced[at];
    const innermost = at === reduced.length - 1 && (vector < 0 || !axes[vector]!.reduced);
    if (axis !== undefined && innermost) return this.#unrolledSum(tile, axis);
    if (axis !== undefined) {
      const { size } = axes[axis]!;
      const inside = new Set([...bound, axis]);
      const fetched = this.#fetch.rowsOf(axis, axes.flatMap((a, i) => a.reduced && !inside.has(i) ? [i] : []));
      this.#inParts(tile, size, this.#rowsInAPart(at), (part, count) => {
        this.#loop(axis, 1, count, (turn) => {
          this.#fetch.write(fetched, axis, turn);
          this.#scoped(() => {
            this.#beforeSums(part, inside);
            this.#summed(part, at + 1, inside);
          });
        });
      });
      this.#advance(axis, -size);
      return;
    }
    if (vector < 0 || !axes[vector]!.reduced) return this.#accumulate(tile, tile.widths);
    const { size } = axes[vector]!;
    const full = Math.floor(size / lanes);
    const blocks = Math.floor(full / vectors);
    const widths = (count: number) => new Array<number>(count).fill(lanes);
    this.#inParts(tile, blocks, mostTerms, (part, count) => {
      this.#loop(vector, vectors * lanes, count, () => this.#scoped(() => this.#accumulate(part, widths(vectors))));
    });
    const rest = [...widths(full - blocks * vectors), ...(size % lanes ? [size % lanes] : [])];
    if (rest.length > 0) this.#scoped(() => this.#accumulate(tile, rest));
    this.#advance(vector, -blocks * vectors * lanes);
  }

  /** Points of a summed axis in one part of a sum. Rows that are read where they lie would be one long axis if they had been copied side
   *  by side. */
  #rowsInAPart(at: number): number {
    const { reduced, axes, vector, vectors, lanes, loads } = this.#s;
    if (![...loads.values()].some(({ row }) => row?.axes.has(reduced[at]!))) return Infinity;
    const turns = vector >= 0 && axes[vector]!.reduced ? axes[vector]!.size / (vectors * lanes) : 1;
    const within = reduced.slice(at + 1).reduce((product, axis) => product * axes[axis]!.size, turns);
    return Math.max(1, Math.floor(mostTerms / within));
  }

  /** The innermost sum, several points in one turn of its loop. */
  #unrolledSum(tile: SumTile, axis: number): void {
    const { size } = this.#s.axes[axis]!;
    const blocks = Math.floor(size / unrolled);
    this.#memory.innermost = axis;
    const points = (part: SumTile, count: number) => {
      for (let i = 0; i < count; i++) {
        this.#memory.ahead = i;
        this.#scoped(() => this.#accumulate(part, part.widths));
      }
      this.#memory.ahead = 0;
    };
    this.#inParts(tile, blocks, mostTerms / unrolled, (part, count) => {
      this.#loop(axis, unrolled, count, () => points(part, unrolled));
    });
    points(tile, size % unrolled);
    this.#memory.innermost = -1;
    this.#advance(axis, -blocks * unrolled);
  }

  /** `run` for so many turns; long sums of float32 from parts of at most so many, which lose less. */
  #inParts(tile: SumTile, turns: number, most: number, run: (tile: SumTile, turns: number) => void): void {
    const code = this.#code;
    const isLong = turns > 2 * most && !this.#s.inOrder &&
      tile.reductions.some(({ value }) => value.dtype === "f32" && value.kind === "sum");
    if (!isLong) return run(tile, turns);
    const parts = new Map([...tile.sums.keys()].map((key) => [key, code.local("v128")]));
    const valueOf = new Map(tile.reductions.map(({ id, value }) => [String(id), value]));
    const reductionOf = (key: string) => valueOf.get(key.split(":")[0]!)!;
    code.loop(code.local("i32"), { from: 0, to: Math.floor(turns / most) }, () => {
      for (const [key, part] of parts) {
        this.#c.pool.write(code, identity(reductionOf(key)));
        code.set(part);
      }
      run({ ...tile, sums: parts }, most);
      for (const [key, sum] of tile.sums) code.get(sum).get(parts.get(key)!).vector(combine(reductionOf(key))).set(sum);
    });
    run(tile, turns % most);
  }

  #accumulate({ rows, reductions, sums }: SumTile, widths: Widths): void {
    const { axes, vector, stores } = this.#s;
    const alongSum = vector >= 0 && axes[vector]!.reduced;
    this.#widths = widths;
    this.#readOverwritten(rows, widths, true);
    for (const store of stores) if (store.inner) this.#storeTile(store, rows, widths);
    const each = (id: number, add: (sum: number, u: number, v: number, width: number) => void) => {
      for (let u = 0; u < rows; u++) {
        // there are as many sums as vectors of a whole block
        widths.forEach((width, v) => add(sums.get(`${id}:${u}:${v}`) ?? sums.get(`${id}:${u}:0`)!, u, v, width));
      }
    };
    for (const { id, value } of reductions) {
      const cut = alongSum && widths.some((width) => width < this.#s.lanes);
      const products = this.#products.get(id);
      if (!products || cut) {
        each(
          id,
          (sum, u, v, width) => this.#add(value, sum, { u, v, width, partial: alongSum && width < this.#s.lanes }),
        );
        continue;
      }
      // one product after the other: what each reads of the second factor stays in registers
      for (const product of products) {
        each(id, (sum, u, v, width) => {
          const [a, b] = operandsOf(this.#s.values.get(product)!).map((x) => this.#value(x, u, v, width));
          const p = value.dtype === "f32" ? "f32x4" : "f64x2";
          if (this.#c.fused) this.#code.get(a!).get(b!).get(sum).vector(`${p}.relaxed_madd`).set(sum);
          else this.#code.get(sum).get(a!).get(b!).vector(`${p}.mul`).vector(`${p}.add`).set(sum);
        });
      }
    }
  }

  #add(value: Reduction, sum: number, at: { u: number; v: number; width: number; partial: boolean }): void {
    const code = this.#code;
    const { u, v, width, partial } = at;
    const x = this.#value(value.input, u, v, width);
    code.get(sum).get(x);
    if (partial) code.v128(identity(value)).v128(laneMask(value.dtype, width)).vector("v128.bitselect");
    code.vector(combine(value)).set(sum);
  }

  /** The lanes of a sum together, in lane 0. */
  #across(value: Reduction, local: number, lanes: number): void {
    const code = this.#code;
    const half = [8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7];
    const wide = value.dtype === "f64" || lanes === 4;
    if (wide) code.get(local).get(local).get(local).shuffle(half).vector(combine(value)).set(local);
    if (value.dtype === "f64") return;
    const next = [4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11];
    code.get(local).get(local).get(local).shuffle(next).vector(combine(value)).set(local);
  }

  // ---- values

  #remember(id: number, u: number, v: number, local: number): void {
    this.#scopes.at(-1)!.set(this.#valueKey(id, u, v), local);
  }

  #valueKey(id: number, u: number, v: number): string {
    const own = this.#s.depends.get(id)!;
    return `${id}:${own.has(this.#s.jam) ? u : ""}:${own.has(this.#s.vector) ? v : ""}`;
  }

  /** The local with a value of row `u`, vector `v` of the tile, computed if it is not there. */
  #value(id: number, u: number, v: number, width: number): number {
    const known = this.#known(this.#valueKey(id, u, v));
    if (known !== undefined) return known;
    const value = this.#s.values.get(id)!;
    const code = this.#code;
    switch (value.op) {
      case "load": {
        const touch = this.#s.loads.get(id)!;
        if (this.#panel && id === this.#s.panel) {
          const ahead = this.#memory.innermost < 0
            ? 0
            : this.#panel.steps.get(this.#memory.innermost)! * this.#memory.ahead;
          code.get(this.#panel.local).memory("v128.load", ahead + v * 16);
          break;
        }
        if (this.#memory.isTurned(touch) && this.#tileRows === 4 && width === 4) {
          const rows = [0, 1, 2, 3].map((lane) => {
            const local = code.local("v128");
            this.#memory.address(touch, { lane, u: 0 });
            code.memory("v128.load", this.#memory.immediate(touch, { lane, u: 0 }), touch.memory).set(local);
            return local;
          });
          this.#memory.turn(rows).forEach((local, row) => this.#remember(id, row, v, local));
          return this.#value(id, u, v, width);
        }
        const rows = touch.row && this.#rowsOf(touch.row, { u, v, width });
        const count = this.#memory.together(touch, v, this.#widths);
        if (count > 1) {
          this.#memory.loadTogether(touch, { u, v }, count, rows).forEach((local, i) =>
            this.#remember(id, u, v + i, local)
          );
          return this.#value(id, u, v, width);
        }
        this.#memory.load(touch, { u, v, width }, rows);
        break;
      }
      case "uniform":
        this.#c.pool.write(code, repeated(value.dtype, value.value));
        break;
      case "index":
        this.#index(value, id, { u, v });
        break;
      case "reduce":
        throw new RangeError("A sum is read before it is made");
      default: {
        const operands = value.inputs.map((input) => this.#value(input, u, v, width));
        const first = this.#s.values.get(value.inputs[value.op === "select" ? 1 : 0]!)!;
        const second = value.inputs[1] === undefined ? undefined : this.#s.values.get(value.inputs[1])!;
        const uniform = second?.op === "uniform" ? second.value : undefined;
        const { op, dtype, exponent } = value;
        const isLimit = (v: Value | undefined) => v?.op === "uniform" && v.value === v.value;
        const limit = isLimit(second) ? 1 : isLimit(this.#s.values.get(value.inputs[0]!)) ? 0 : undefined;
        writeOperation(this.#c, { op, dtype, operands, operandType: first.dtype, exponent, uniform, limit });
      }
    }
    const local = code.local("v128");
    code.set(local);
    this.#remember(id, u, v, local);
    return local;
  }

  /** Where rows begin, found out once for all that is read of them. */
  #rowsOf({ index, step, size, axes }: RowTouch, { u, v, width }: VectorPlace): VectorRows {
    const code = this.#code;
    const each = axes.has(this.#s.vector);
    const place = this.#valueKey(index, u, v);
    const parts = (["bytes", "inside"] as const).map((part) => `${part} ${place} ${step} ${size}`);
    const [known, inside] = parts.map((key) => this.#known(key));
    if (known !== undefined) return { bytes: known, inside: inside!, each };
    const row = this.#value(index, u, v, width);
    const ok = code.local("v128");
    code.get(row).v128(repeated("i32", size)).vector("i32x4.lt_u").set(ok);
    // row 0 is read for one that is not there
    code.get(row).get(ok).vector("v128.and");
    const bytes = code.local(each ? "v128" : "i32");
    if (each) code.v128(repeated("i32", step)).vector("i32x4.mul").set(bytes);
    else code.lane("i32x4.extract_lane", 0).i32(step).numeric("i32.mul").set(bytes);
    const scope = this.#scopes.at(-1)!;
    scope.set(parts[0]!, bytes);
    scope.set(parts[1]!, ok);
    return { bytes, inside: ok, each };
  }

  #known(key: string): number | undefined {
    for (let i = this.#scopes.length - 1; i >= 0; i--) {
      const known = this.#scopes[i]!.get(key);
      if (known !== undefined) return known;
    }
    return undefined;
  }

  #index({ dtype }: Value, id: number, { u, v }: { u: number; v: number }): void {
    const { indices, vector, jam, lanes } = this.#s;
    const code = this.#code;
    const axis = indices.get(id)!;
    code.get(this.#counters.get(axis)!);
    if (axis === this.#memory.innermost && this.#memory.ahead > 0) code.i32(this.#memory.ahead).numeric("i32.add");
    if (axis === vector) {
      const ramp = new Uint8Array(Int32Array.of(0, 1, 2, 3).buffer);
      code.i32(v * lanes).numeric("i32.add").vector("i32x4.splat").v128(ramp).vector("i32x4.add");
    } else {
      if (axis === jam) code.i32(u).numeric("i32.add");
      code.vector("i32x4.splat");
    }
    if (dtype === "f32") code.vector("f32x4.convert_i32x4_s");
    else if (dtype === "f64") code.vector("f64x2.convert_low_i32x4_s");
  }
}

type Reduction = Value & { readonly op: "reduce" };

interface SumTile {
  readonly rows: number;
  readonly widths: Widths;
  readonly reductions: readonly { readonly id: number; readonly value: Reduction }[];
  /** Locals of the sums by value, row and vector. */
  readonly sums: ReadonlyMap<string, number>;
}

function identity({ dtype, kind }: Reduction): Uint8Array {
  const least = dtype === "i32" ? -(2 ** 31) : -Infinity;
  return repeated(dtype, kind === "sum" ? 0 : least);
}

function combine({ dtype, kind }: Reduction): VectorInstruction {
  if (dtype === "i32") return kind === "sum" ? "i32x4.add" : "i32x4.max_s";
  const p = dtype === "f32" ? "f32x4" : "f64x2";
  return kind === "sum" ? `${p}.add` : `${p}.max`;
}

/** All bits of the first lanes. */
function laneMask(dtype: DType, width: number): Uint8Array {
  return new Uint8Array(16).fill(255, 0, width * entryBytes[dtype]);
}
