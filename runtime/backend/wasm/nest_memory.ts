// How do nests read and write memory? Each pair of a pointer and steps has a local that moves along with the loops; vectors are
// loaded and stored whole where entries lie side by side, else lane by lane, or turned in blocks of four rows.
import { entryBytes } from "../../ir/types.ts";
import type { CodeWriter } from "./encoder.ts";
import { repeated } from "./operations.ts";
import { runsAlong, type Schedule, staysAlong, type Touch } from "./schedule.ts";

/** A lane of a row of the tile at work. */
interface Place {
  readonly lane: number;
  readonly u: number;
}

/** A vector of a row, and how many of its lanes are points. */
export interface VectorPlace {
  readonly u: number;
  readonly v: number;
  readonly width: number;
}

/** The rows that a vector is read from: locals. */
export interface VectorRows {
  /** Bytes from row 0: an i32 where all lanes are of one row, else one for each lane. */
  readonly bytes: number;
  readonly each: boolean;
  /** All bits of the lanes whose row there is. */
  readonly inside: number;
}

/** The pointers of one nest, and what is done with them. */
export class NestMemory {
  readonly #code: CodeWriter;
  readonly #s: Schedule;
  /** A local for each pair of a pointer and steps. */
  readonly #pointers = new Map<string, { readonly local: number; readonly steps: readonly number[] }>();
  readonly #isSum: boolean;
  /** Points along the innermost sum from where the pointers are. */
  ahead = 0;
  innermost = -1;

  constructor(code: CodeWriter, schedule: Schedule) {
    this.#code = code;
    this.#s = schedule;
    this.#isSum = schedule.axes.some((axis) => axis.reduced);
    // parameters: the pointers, then the memory for a copy
    const taken = new Set<number>();
    for (const touch of [...schedule.loads.values(), ...schedule.stores.map((s) => s.touch)]) {
      const key = this.pointerKey(touch);
      if (this.#pointers.has(key)) continue;
      let local = touch.pointer;
      if (taken.has(local)) {
        local = this.#code.local("i32");
        this.#code.get(touch.pointer).set(local);
      }
      taken.add(local);
      this.#pointers.set(key, { local, steps: touch.steps });
    }
  }

  /** Moves the pointers along an axis, all but one if that is named. */
  advance(axis: number, points: number, but?: string): void {
    for (const [key, { local, steps }] of this.#pointers) {
      const by = steps[axis]! * points;
      if (by !== 0 && key !== but) this.#code.get(local).i32(by).numeric("i32.add").set(local);
    }
  }

  pointerKey(touch: Touch): string {
    return `${touch.pointer}:${touch.steps.join()}`;
  }

  /** Read or written along the rows, where vectors run across. */
  isTurned({ steps, dtype, row }: Touch): boolean {
    const { jam, vector, lanes, rows } = this.#s;
    if (row || this.#isSum || jam < 0 || vector < 0 || lanes !== 4 || rows !== 4 || entryBytes[dtype] !== 4) {
      return false;
    }
    return steps[jam] === 4 && steps[vector] !== 0 && steps[vector] !== 4;
  }

  /** Bytes from the pointer to a lane of a row. */
  #distance({ steps }: Touch, { lane, u }: Place): number {
    const { vector, jam } = this.#s;
    const ahead = this.innermost < 0 ? 0 : steps[this.innermost]! * this.ahead;
    return (vector < 0 ? 0 : steps[vector]! * lane) + (jam < 0 ? 0 : steps[jam]! * u) + ahead;
  }

  /** Leaves an address on the stack; what it lacks is the immediate. */
  address(touch: Touch, at: Place): void {
    this.#code.get(this.#pointers.get(this.pointerKey(touch))!.local);
    const distance = this.#distance(touch, at);
    if (distance < 0) this.#code.i32(distance).numeric("i32.add");
  }

  immediate(touch: Touch, at: Place): number {
    return Math.max(0, this.#distance(touch, at));
  }

  /** Leaves a vector on the stack; `rows` where the touch has a row. */
  load(touch: Touch, { u, v, width }: VectorPlace, rows?: VectorRows): void {
    const { vector, lanes } = this.#s;
    const code = this.#code;
    const { dtype, memory } = touch;
    const bytes = entryBytes[dtype];
    const from = (lane: number) => {
      const at = { lane: v * lanes + lane, u };
      this.address(touch, at);
      if (rows) {
        code.get(rows.bytes);
        if (rows.each) code.lane("i32x4.extract_lane", lane);
        code.numeric("i32.add");
      }
      return this.immediate(touch, at);
    };
    const isOne = width === 1 || vector < 0 || staysAlong(touch, vector);
    const isRun = !isOne && runsAlong(touch, vector);
    if (bytes === 1) {
      if (isOne) {
        const offset = from(0);
        code.memory("i32.load8_u", offset, memory).vector("i32x4.splat");
      } else if (isRun) {
        const offset = from(0);
        if (lanes === 4) code.memory("v128.load32_zero", offset, memory);
        else code.memory("i32.load16_u", offset, memory).vector("i32x4.splat");
        code.vector("i16x8.extend_low_i8x16_u").vector("i32x4.extend_low_i16x8_u");
      } else {
        code.v128(repeated("i32", 0));
        for (let lane = 0; lane < width; lane++) {
          const offset = from(lane);
          code.memory("i32.load8_u", offset, memory).lane("i32x4.replace_lane", lane);
        }
      }
      if (dtype === "bool") this.#mask();
    } else {
      const offset = from(0);
      if (isRun) code.memory(lanes * bytes === 16 ? "v128.load" : "v128.load64_zero", offset, memory);
      else code.memory(bytes === 8 ? "v128.load64_splat" : "v128.load32_splat", offset, memory);
      for (let lane = 1; lane < width && !isOne && !isRun; lane++) {
        const vectorLocal = code.local("v128");
        code.set(vectorLocal);
        const next = from(lane);
        const one = bytes === 8 ? "v128.load64_lane" : "v128.load32_lane";
        code.get(vectorLocal).laneMemory(one, lane, next, memory);
      }
    }
    if (rows) this.#inside(rows, bytes === 8 || dtype === "bool");
  }

  /** A bool of each lane from what is not 0 where it is true. */
  #mask(): void {
    this.#code.v128(repeated("i32", 0)).vector("i32x4.ne");
    if (this.#s.lanes === 2) this.#code.vector("i64x2.extend_low_i32x4_s");
  }

  /** 0 where there is no such row; `wide`: lanes fill the vector. */
  #inside({ each, inside }: VectorRows, wide: boolean): void {
    this.#code.get(inside);
    if (each && wide && this.#s.lanes === 2) this.#code.vector("i64x2.extend_low_i32x4_s");
    this.#code.vector("v128.and");
  }

  /** How many vectors from one on are read at once: bytes side by side, of as many whole vectors as there are. */
  together(touch: Touch, v: number, widths: readonly number[]): number {
    const { vector, lanes } = this.#s;
    if (entryBytes[touch.dtype] !== 1 || vector < 0 || !runsAlong(touch, vector)) return 1;
    const isWhole = (count: number) =>
      v + count <= widths.length && widths.slice(v, v + count).every((w) => w === lanes);
    return isWhole(4) ? 4 : isWhole(2) ? 2 : 1;
  }

  /** Vectors of bytes, two or four of them, from one load. */
  loadTogether(touch: Touch, { u, v }: Pick<VectorPlace, "u" | "v">, count: number, rows?: VectorRows): number[] {
    const { lanes } = this.#s;
    const code = this.#code;
    const at = { lane: v * lanes, u };
    this.address(touch, at);
    if (rows) code.get(rows.bytes).numeric("i32.add");
    const bytes = count * lanes;
    const load = bytes === 16 ? "v128.load" : bytes === 8 ? "v128.load64_zero" : "v128.load32_zero";
    code.memory(load, this.immediate(touch, at), touch.memory);
    if (rows) code.get(rows.inside).vector("v128.and");
    const all = code.local("v128");
    code.set(all);
    const kept = () => {
      const local = code.local("v128");
      code.set(local);
      return local;
    };
    const halves = (from: number, type: "i16x8" | "i32x4", both: boolean) =>
      (both ? ["low", "high"] as const : ["low"] as const).map((half) => {
        code.get(from);
        if (type === "i16x8") code.vector(`i16x8.extend_${half}_i8x16_u`);
        else code.vector(`i32x4.extend_${half}_i16x8_u`);
        return kept();
      });
    const shorts = halves(all, "i16x8", bytes === 16);
    const words = shorts.flatMap((from) => halves(from, "i32x4", bytes > 4));
    // of two lanes, those of the upper half come down
    const upper = [8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15];
    const vectors = lanes === 4 ? words : words.flatMap((word) => {
      code.get(word).get(word).shuffle(upper);
      return [word, kept()];
    });
    if (touch.dtype !== "bool") return vectors;
    return vectors.map((word) => {
      code.get(word);
      this.#mask();
      return kept();
    });
  }

  store(touch: Touch, value: number, { u, v, width }: VectorPlace): void {
    const { vector, lanes } = this.#s;
    const code = this.#code;
    const { dtype } = touch;
    const bytes = entryBytes[dtype];
    const step = vector < 0 ? 0 : touch.steps[vector]!;
    const at = (lane: number) => ({ lane: v * lanes + lane, u });
    const put = (lane: number, write: (offset: number) => void) => {
      this.address(touch, at(lane));
      code.get(value);
      write(this.immediate(touch, at(lane)));
    };
    if (bytes === 1) {
      const wide = lanes === 4 || dtype === "u8" ? 4 : 8;
      const mask = repeated("i32", dtype === "u8" ? 255 : 1);
      if (step === 1 && width === 4) {
        this.address(touch, at(0));
        const masked = code.local("v128");
        code.get(value).v128(mask).vector("v128.and").tee(masked).get(masked);
        code.vector("i16x8.narrow_i32x4_u").set(masked).get(masked).get(masked).vector("i8x16.narrow_i16x8_u");
        code.laneMemory("v128.store32_lane", 0, this.immediate(touch, at(0)));
        return;
      }
      for (let lane = 0; lane < width; lane++) {
        put(lane, (offset) => {
          code.v128(mask).vector("v128.and");
          code.laneMemory("v128.store8_lane", lane * wide, offset);
        });
      }
      return;
    }
    const one = bytes === 8 ? "v128.store64_lane" : "v128.store32_lane";
    if (step === bytes && width * bytes === 16) put(0, (offset) => code.memory("v128.store", offset));
    else if (step === bytes && bytes === 4 && width >= 2) {
      put(0, (offset) => code.laneMemory("v128.store64_lane", 0, offset));
      if (width === 3) put(2, (offset) => code.laneMemory("v128.store32_lane", 2, offset));
    } else for (let lane = 0; lane < width; lane++) put(lane, (offset) => code.laneMemory(one, lane, offset));
  }

  /** Vectors of four rows, turned: lane l of row u becomes lane u of row l. */
  turn([a, b, c, d]: readonly number[]): number[] {
    const code = this.#code;
    const pair = (x: number, y: number, bytes: readonly number[]) => {
      const local = code.local("v128");
      code.get(x).get(y).shuffle(bytes).set(local);
      return local;
    };
    const words = (...list: number[]) => list.flatMap((w) => [4 * w, 4 * w + 1, 4 * w + 2, 4 * w + 3]);
    const [low, high] = [words(0, 4, 1, 5), words(2, 6, 3, 7)];
    const [ab, cd, abHigh, cdHigh] = [pair(a!, b!, low), pair(c!, d!, low), pair(a!, b!, high), pair(c!, d!, high)];
    const [front, back] = [words(0, 1, 4, 5), words(2, 3, 6, 7)];
    return [pair(ab, cd, front), pair(ab, cd, back), pair(abHigh, cdHigh, front), pair(abHigh, cdHigh, back)];
  }
}
