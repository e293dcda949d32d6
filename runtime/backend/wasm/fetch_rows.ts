// How do rows that lie here and there come near in time? A loop that computes waits for a few lines of memory at a time; one before it,
// which only touches each line of the next rows, has as many on their way as the processor can (docs/decisions/0041).
import { entryBytes } from "../../ir/types.ts";
import type { CodeWriter } from "./encoder.ts";
import type { NestMemory } from "./nest_memory.ts";
import type { Schedule, Touch } from "./schedule.ts";

/** Rows that lie here and there in more bytes than the cache next to a processor holds are fetched before they are read, where they are
 *  long enough to be worth it and so short that the processor does not do it by itself; so many bytes at a time, line by line. */
const [cached, leastFetched, mostFetched, fetchedBytes, lineBytes] = [2 ** 20, 256, 4096, 2 ** 15, 64];

/** A turn of a loop: the local that counts them, and how many there are. */
export interface Turn {
  readonly index: number;
  readonly count: number;
}

/** What is read of each row, and its bytes from the first to the last. */
export interface Fetched {
  readonly touch: Touch;
  readonly bytes: number;
}

/** Writes what fetches the rows of one nest. */
export class RowFetch {
  readonly #code: CodeWriter;
  readonly #s: Schedule;
  readonly #memory: NestMemory;

  constructor(code: CodeWriter, schedule: Schedule, memory: NestMemory) {
    this.#code = code;
    this.#s = schedule;
    this.#memory = memory;
  }

  /** The rows here and there that a loop reads one after the other, with the axes inside it. */
  rowsOf(axis: number, inside: readonly number[]): readonly Fetched[] {
    const { loads, axes } = this.#s;
    return [...loads.values()].flatMap((touch) => {
      const { row, steps, dtype } = touch;
      if (!row?.axes.has(axis) || inside.some((other) => row.axes.has(other))) return [];
      const ends = inside.map((other) => (axes[other]!.size - 1) * steps[other]!);
      const bytes = ends.reduce((sum, end) => sum + end, entryBytes[dtype]);
      const isWorth = bytes >= leastFetched && bytes <= mostFetched && ends.every((end) => end >= 0) &&
        row.size * Math.abs(row.step) > cached;
      return isWorth ? [{ touch, bytes }] : [];
    });
  }

  /** Touches a line of memory after the other of the rows to come, some of them at a time: the loop itself, which computes, waits for a
   *  few lines at a time only. */
  write(rows: readonly Fetched[], axis: number, turn: Turn | undefined): void {
    const code = this.#code;
    if (!turn) return;
    for (const { touch, bytes } of rows) {
      const together = 2 ** Math.floor(Math.log2(fetchedBytes / bytes));
      code.get(turn.index).i32(together - 1).numeric("i32.and").numeric("i32.eqz").when(() => {
        const count = code.local("i32");
        code.i32(turn.count).get(turn.index).numeric("i32.sub").set(count);
        code.i32(together).get(count).get(count).i32(together).numeric("i32.gt_s").select().set(count);
        this.#touch({ touch, bytes }, axis, { count, about: Math.min(together, turn.count) });
      });
    }
  }

  /** Touches as many rows as the local `count` says, from where the pointers are. */
  #touch({ touch, bytes }: Fetched, axis: number, { count, about }: { count: number; about: number }): void {
    const code = this.#code;
    const { index, step, size } = touch.row!;
    const named = this.#s.loads.get(index)!;
    const place = { lane: 0, u: 0 };
    const [k, at, seen] = [code.local("i32"), code.local("i32"), code.local("i32")];
    code.count(k, count, { about }, () => {
      this.#memory.address(named, place);
      code.get(k).i32(named.steps[axis]!).numeric("i32.mul").numeric("i32.add");
      code.memory("i32.load", this.#memory.immediate(named, place), named.memory).set(at);
      code.get(at).i32(0).get(at).i32(size).numeric("i32.lt_u").select().i32(step).numeric("i32.mul").set(at);
      this.#memory.address(touch, place);
      code.get(at).numeric("i32.add").set(at);
      code.get(seen);
      for (let line = 0; line < bytes + lineBytes - 1; line += lineBytes) {
        const offset = this.#memory.immediate(touch, place) + Math.min(line, bytes - 1);
        code.get(at).memory("i32.load8_u", offset, touch.memory).numeric("i32.or");
      }
      code.set(seen);
    });
    // never so; what nobody looks at would not be read
    code.get(seen).i32(255).numeric("i32.gt_u").when(() => code.unreachable());
  }
}
