// How are the routines written that are not nests? One function for each set of sizes, its parameters the pointers to inputs,
// output and scratch.
import { type DType, entryBytes } from "../../ir/types.ts";
import { homeOf } from "../kernels/place.ts";
import type { Routine } from "../kernels/types.ts";
import type { CodeWriter, MemoryInstruction } from "./encoder.ts";

/** What tells routines apart that need code of their own. */
export function routineKey(node: Routine): string {
  const { kind: _, inputs, output, scratch: __, origin: ___, ...work } = node;
  return JSON.stringify([work, inputs.map((v) => v.buffer.dtype), memoriesOf(node), output.buffer.dtype]);
}

/** The memories that the inputs lie in. */
function memoriesOf({ inputs }: Routine): readonly number[] {
  return inputs.map(({ buffer }) => homeOf(buffer).memory ?? 0);
}

/** Pointers of a routine: inputs, output, scratch. */
export function routineParameters(node: Routine): number {
  return node.inputs.length + 1 + (node.scratch ? 1 : 0);
}

/** Writes the body of a routine's function. */
export function writeRoutine(code: CodeWriter, node: Routine): void {
  switch (node.op) {
    case "random_bits":
      return writePhilox(code, node);
    case "gather":
      return writeGather(code, node);
    case "scatter_add":
      return writeScatter(code, node);
    case "argmax":
      return writeArgmax(code, node);
    case "solve":
      return writeSolve(code, node);
  }
}

type Of<P extends Routine["op"]> = Routine & { readonly op: P };

function advance(code: CodeWriter, pointer: number, bytes: number): void {
  code.get(pointer).i32(bytes).numeric("i32.add").set(pointer);
}

/** `body` so many times. */
function times(code: CodeWriter, count: number, body: (index: number) => void): void {
  const index = code.local("i32");
  code.loop(index, { from: 0, to: count }, () => body(index));
}

/** Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011), as runtime/random/philox.ts. */
function writePhilox(code: CodeWriter, node: Of<"random_bits">): void {
  const { batches, count } = node;
  if (count === 0) return;
  const [key, counter, out] = [0, 1, 2];
  const [ofKey, ofCounter] = memoriesOf(node);
  const x = [0, 1, 2, 3].map(() => code.local("i32"));
  const [k0, k1, block] = [code.local("i32"), code.local("i32"), code.local("i32")];
  const [p0, p1] = [code.local("i64"), code.local("i64")];
  const wide = (word: number, multiplier: bigint, to: number) =>
    code.get(word).numeric("i64.extend_i32_u").i64(multiplier).numeric("i64.mul").set(to);
  const high = (from: number) => code.get(from).i64(32n).numeric("i64.shr_u").numeric("i32.wrap_i64");
  const writeBlock = (words: number) => {
    code.get(block).set(x[0]!);
    [0, 1, 2].forEach((i) => code.get(counter).memory("i32.load", 4 * i, ofCounter).set(x[i + 1]!));
    code.get(key).memory("i32.load", 0, ofKey).set(k0).get(key).memory("i32.load", 4, ofKey).set(k1);
    times(code, 10, () => {
      wide(x[0]!, 0xd2511f53n, p0);
      wide(x[2]!, 0xcd9e8d57n, p1);
      high(p1).get(x[1]!).numeric("i32.xor").get(k0).numeric("i32.xor").set(x[0]!);
      high(p0).get(x[3]!).numeric("i32.xor").get(k1).numeric("i32.xor").set(x[2]!);
      code.get(p1).numeric("i32.wrap_i64").set(x[1]!).get(p0).numeric("i32.wrap_i64").set(x[3]!);
      code.get(k0).i32(0x9e3779b9).numeric("i32.add").set(k0).get(k1).i32(0xbb67ae85).numeric("i32.add").set(k1);
    });
    for (let i = 0; i < words; i++) code.get(out).get(x[i]!).memory("i32.store", 4 * i);
    advance(code, out, 4 * words);
  };
  times(code, batches, () => {
    code.i32(0).set(block);
    times(code, Math.floor(count / 4), () => {
      writeBlock(4);
      advance(code, block, 1);
    });
    if (count % 4 > 0) writeBlock(count % 4);
    advance(code, key, 8);
    advance(code, counter, 12);
  });
}

/** An index in 0 .. size - 1: `inside`, else `outside`. */
function whenInside(code: CodeWriter, index: number, size: number, inside: () => void, outside: () => void): void {
  code.get(index).i32(size).numeric("i32.lt_u").when(inside, outside);
}

function writeGather(code: CodeWriter, node: Of<"gather">): void {
  const { extents, output } = node;
  const [operand, indices, out] = [0, 1, 2];
  const [ofOperand, ofIndices] = memoriesOf(node);
  const { batches, before, axis, after } = extents;
  const row = after * entryBytes[output.buffer.dtype];
  const [index, at] = [code.local("i32"), code.local("i32")];
  if (row === 0) return;
  times(code, batches, () => {
    times(code, before, () => {
      code.get(indices).set(at);
      times(code, extents.indices, () => {
        code.get(at).memory("i32.load", 0, ofIndices).set(index);
        whenInside(code, index, axis, () => {
          code.get(out).get(operand).get(index).i32(row).numeric("i32.mul").numeric("i32.add").i32(row);
          code.memoryCopy(ofOperand);
        }, () => code.get(out).i32(0).i32(row).memoryFill());
        advance(code, out, row);
        advance(code, at, 4);
      });
      advance(code, operand, axis * row);
    });
    advance(code, indices, 4 * extents.indices);
  });
}

function writeScatter(code: CodeWriter, node: Of<"scatter_add">): void {
  const { extents, output } = node;
  const [updates, indices, out] = [0, 1, 2];
  const [ofUpdates, ofIndices] = memoriesOf(node);
  const { dtype } = output.buffer;
  const bytes = entryBytes[dtype];
  const { batches, before, axis, after } = extents;
  const row = after * bytes;
  const [index, at, to] = [code.local("i32"), code.local("i32"), code.local("i32")];
  if (row === 0) return;
  times(code, batches, () => {
    times(code, before, () => {
      code.get(out).i32(0).i32(axis * row).memoryFill();
      code.get(indices).set(at);
      times(code, extents.indices, () => {
        code.get(at).memory("i32.load", 0, ofIndices).set(index);
        whenInside(code, index, axis, () => {
          code.get(out).get(index).i32(row).numeric("i32.mul").numeric("i32.add").set(to);
          const lanes = 16 / bytes;
          const vector = ({ f32: "f32x4.add", f64: "f64x2.add", i32: "i32x4.add", bool: "v128.or" } as const)[
            dtype as Exclude<DType, "u8">
          ];
          times(code, Math.floor(after / lanes), () => {
            code.get(to).get(to).memory("v128.load").get(updates).memory("v128.load", 0, ofUpdates);
            code.vector(vector).memory("v128.store");
            advance(code, to, 16);
            advance(code, updates, 16);
          });
          times(code, after % lanes, () => {
            const [load, store] = [`${dtype}.load`, `${dtype}.store`] as [MemoryInstruction, MemoryInstruction];
            code.get(to).get(to).memory(load).get(updates).memory(load, 0, ofUpdates);
            code.numeric(`${dtype}.add`).memory(store);
            advance(code, to, bytes);
            advance(code, updates, bytes);
          });
        }, () => advance(code, updates, row));
        advance(code, at, 4);
      });
      advance(code, out, axis * row);
    });
    advance(code, indices, 4 * extents.indices);
  });
}

/** The first NaN counts as the largest entry, so that it is found; an empty axis gives 0. */
function writeArgmax(code: CodeWriter, node: Of<"argmax">): void {
  const [x, out] = [0, 1];
  const [ofX] = memoriesOf(node);
  const { dtype } = node.inputs[0]!.buffer;
  const bytes = entryBytes[dtype];
  const type = bytes === 1 ? "i32" : dtype as "f32" | "f64" | "i32";
  const load = (bytes === 1 ? "i32.load8_u" : `${dtype}.load`) as MemoryInstruction;
  const isFloat = dtype === "f32" || dtype === "f64";
  const [best, v] = [code.local(type), code.local(type)];
  const [index, at] = [code.local("i32"), code.local("i32")];
  times(code, node.outer, () => {
    times(code, node.inner, () => {
      code.i32(0).set(index).get(x).set(at);
      if (node.length > 0) code.get(at).memory(load, 0, ofX).set(best);
      times(code, node.length, (j) => {
        code.get(at).memory(load, 0, ofX).set(v);
        // v > best or v is NaN, unless best is NaN already
        code.get(v).get(best).numeric(isFloat ? `${type}.gt` : "i32.gt_s");
        if (isFloat) {
          code.get(v).get(v).numeric(`${type}.ne`).numeric("i32.or");
          code.get(best).get(best).numeric(`${type}.eq`).numeric("i32.and");
        }
        code.when(() => code.get(v).set(best).get(j).set(index));
        advance(code, at, node.inner * bytes);
      });
      code.get(out).get(index).memory("i32.store");
      advance(code, out, 4);
      advance(code, x, bytes);
    });
    advance(code, x, (node.length - 1) * node.inner * bytes);
  });
}

/** LU with partial pivoting in f64, on copies of the matrix and the right-hand sides; singular gives infinities or NaN. */
function writeSolve(code: CodeWriter, node: Of<"solve">): void {
  const { batches, n, k, output } = node;
  const [a, b, out, matrix] = [0, 1, 2, 3];
  const memories = memoriesOf(node);
  const narrow = output.buffer.dtype === "f32";
  const bytes = narrow ? 4 : 8;
  if (n === 0 || k === 0) return;
  const sides = code.local("i32");
  const [size, from, to] = [code.local("i32"), code.local("i32"), code.local("i32")];
  code.get(matrix).i32(8 * n * n).numeric("i32.add").set(sides);
  code.i32(n).set(size);
  const copyIn = (source: number, target: number, count: number) => {
    code.get(target).set(to);
    times(code, count, () => {
      code.get(to).get(source);
      if (narrow) code.memory("f32.load", 0, memories[source]).numeric("f64.promote_f32");
      else code.memory("f64.load", 0, memories[source]);
      code.memory("f64.store");
      advance(code, to, 8);
      advance(code, source, bytes);
    });
  };
  const locals = { matrix, sides, size, from, to, n, k };
  const factor = code.local("f64");
  const eliminate = eliminationOf(code, locals, factor);
  const substitute = substitutionOf(code, locals, factor);
  times(code, batches, () => {
    copyIn(a, matrix, n * n);
    copyIn(b, sides, n * k);
    eliminate();
    substitute();
    code.get(sides).set(from);
    times(code, n * k, () => {
      code.get(out).get(from).memory("f64.load");
      if (narrow) code.numeric("f32.demote_f64").memory("f32.store");
      else code.memory("f64.store");
      advance(code, out, bytes);
      advance(code, from, 8);
    });
  });
}

/** Locals of the tables [n, n] and [n, k] of a system, its size, and two addresses. */
interface SystemLocals {
  readonly matrix: number;
  readonly sides: number;
  readonly size: number;
  readonly from: number;
  readonly to: number;
  readonly n: number;
  readonly k: number;
}

/** Leaves the address of entry (row, column) of a table with so many columns. */
function entryOf(code: CodeWriter, table: number, row: number, columns: number, column?: number): CodeWriter {
  code.get(table).get(row).i32(8 * columns).numeric("i32.mul").numeric("i32.add");
  if (column !== undefined) code.get(column).i32(8).numeric("i32.mul").numeric("i32.add");
  return code;
}

/** Writes: zeros below the diagonal, by rows with the largest pivot first. */
function eliminationOf(
  code: CodeWriter,
  { matrix, sides, size, from, to, n, k }: SystemLocals,
  factor: number,
): () => void {
  const [kept, most] = [code.local("f64"), code.local("f64")];
  const [pivot, c, r] = [code.local("i32"), code.local("i32"), code.local("i32")];
  const swapRows = (table: number, columns: number) => {
    entryOf(code, table, c, columns).set(from);
    entryOf(code, table, pivot, columns).set(to);
    times(code, columns, () => {
      code.get(from).memory("f64.load").set(kept);
      code.get(from).get(to).memory("f64.load").memory("f64.store").get(to).get(kept).memory("f64.store");
      advance(code, from, 8);
      advance(code, to, 8);
    });
  };
  /** row r -= factor times row c. */
  const eliminateRow = (table: number, columns: number) => {
    entryOf(code, table, c, columns).set(from);
    entryOf(code, table, r, columns).set(to);
    times(code, columns, () => {
      code.get(to).get(to).memory("f64.load").get(factor).get(from).memory("f64.load").numeric("f64.mul");
      code.numeric("f64.sub").memory("f64.store");
      advance(code, from, 8);
      advance(code, to, 8);
    });
  };
  const rowsBelow = (write: () => void) =>
    code.count(r, size, { about: n }, () => code.get(r).get(c).numeric("i32.gt_s").when(write));
  return () =>
    code.count(c, size, { about: n }, () => {
      code.get(c).set(pivot);
      entryOf(code, matrix, c, n, c).memory("f64.load").numeric("f64.abs").set(most);
      rowsBelow(() => {
        entryOf(code, matrix, r, n, c).memory("f64.load").numeric("f64.abs").set(kept);
        code.get(kept).get(most).numeric("f64.gt").when(() => code.get(kept).set(most).get(r).set(pivot));
      });
      code.get(pivot).get(c).numeric("i32.ne").when(() => {
        swapRows(matrix, n);
        swapRows(sides, k);
      });
      rowsBelow(() => {
        entryOf(code, matrix, r, n, c).memory("f64.load");
        entryOf(code, matrix, c, n, c).memory("f64.load").numeric("f64.div").set(factor);
        eliminateRow(matrix, n);
        eliminateRow(sides, k);
      });
    });
}

/** Writes: the solution in place of the right-hand sides, from the last row to the first. */
function substitutionOf(code: CodeWriter, { matrix, sides, size, n, k }: SystemLocals, value: number): () => void {
  const [j, row] = [code.local("i32"), code.local("i32")];
  return () =>
    times(code, n, (i) => {
      code.i32(n - 1).get(i).numeric("i32.sub").set(row);
      times(code, k, (column) => {
        entryOf(code, sides, row, k, column).memory("f64.load").set(value);
        code.count(j, size, { about: n }, () => {
          code.get(j).get(row).numeric("i32.gt_s").when(() => {
            code.get(value);
            entryOf(code, matrix, row, n, j).memory("f64.load");
            entryOf(code, sides, j, k, column).memory("f64.load").numeric("f64.mul").numeric("f64.sub").set(value);
          });
        });
        entryOf(code, sides, row, k, column);
        code.get(value);
        entryOf(code, matrix, row, n, row).memory("f64.load").numeric("f64.div").memory("f64.store");
      });
    });
}
