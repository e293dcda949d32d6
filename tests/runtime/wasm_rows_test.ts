// Are rows that an index names read where they lie, and rightly? Tables of every dtype and odd shapes, indices that repeat and stand
// outside, whatever reads them, in loops; sums are of small integers, so that each is exact and its order does not matter.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Builder } from "../../runtime/ir/builder.ts";
import {
  allocate,
  type DType,
  type HostArray,
  type IrFunction,
  sizeOf,
  type Variable,
} from "../../runtime/ir/types.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { cases, some } from "../thorough.ts";
import { runBoth } from "./lying.ts";

const alone = makeWasmBackend({ leastApart: 0, threads: 1 });
const shared = makeWasmBackend({ leastApart: 0, threads: 3, millisecondsPerThread: 0 });

/** Small integers: of an index, some just outside the rows that there are. */
function values(fn: IrFunction, rows: number): HostArray[] {
  let state = 7;
  const next = (below: number) => (state = state * 48271 % 2147483647) % below;
  return fn.inputs.map(({ dtype, shape, name }) => {
    const data = allocate(dtype, sizeOf(shape));
    const one = () => name === "index" ? next(rows + 2) - 1 : dtype === "bool" ? next(2) : next(5);
    for (let i = 0; i < data.length; i++) data[i] = one();
    return { dtype, shape, data };
  });
}

function compare(fn: IrFunction, rows: number, label: string): void {
  const inputs = values(fn, rows);
  const expected = referenceBackend.compile(fn).run(inputs);
  for (const backend of [alone, shared]) {
    const made = runBoth(backend, fn, inputs);
    made.forEach(({ data }, k) => assertEquals([...data], [...expected[k]!.data], `${label}: output ${k}`));
  }
}

/** The text of the kernels. */
const kernels = (fn: IrFunction) => alone.kernels!(fn).text;

type Read = (b: Builder, rows: Variable, other: Variable) => readonly Variable[];

const all = (x: Variable) => x.shape.map((_, i) => i);
const turned = (b: Builder, x: Variable) => b.one("transpose", [x], { permutation: all(x).toReversed() });

/** What reads rows. */
const readers: Readonly<Record<string, Read>> = {
  "a product by entry": (b, x, y) => [b.apply("mul", x, y)],
  "a sum of all": (b, x) => [b.sum(x)],
  "a sum over the first axis": (b, x) => [b.sum(x, [0])],
  "a sum over the last axis": (b, x) => [b.sum(x, [x.shape.length - 1])],
  "the largest": (b, x, y) => [b.one("reduce_max", [b.apply("sub", y, x)], { axes: [x.shape.length - 1] })],
  "a sum and its rows": (b, x, y) => [b.sum(b.apply("mul", x, y)), b.apply("add", x, y)],
  "nothing": (_, x) => [x],
  "a transpose": (b, x) => [turned(b, x)],
  "a product with a transpose": (b, x, y) => [b.apply("mul", turned(b, x), turned(b, y))],
  "two sums": (b, x, y) => [b.sum(x), b.sum(b.apply("mul", x, x)), b.apply("sub", y, x)],
  "what softmax does": (b, x, y) => {
    const most = b.one("reduce_max", [x], { axes: [0] });
    const axes = all(x).slice(1);
    return [b.apply("sub", b.apply("add", x, y), b.one("broadcast", [most], { shape: x.shape, axes }))];
  },
};

const odd = fc.constantFrom(1, 2, 3, 5, 8, 13, 17, 33);
const table = fc.record({
  dtype: fc.constantFrom<DType>("u8", "i32", "f32", "f64", "bool"),
  to: fc.constantFrom<DType>("f32", "f64"),
  batch: fc.constantFrom([], [2], [3]),
  before: fc.constantFrom([], [], [4]),
  rows: odd,
  after: fc.oneof(fc.constant([]), fc.tuple(odd), fc.tuple(odd, odd), fc.constantFrom([100], [0])),
  index: fc.constantFrom([], [1], [4], [7], [3, 5], [0]),
  flipped: fc.boolean(),
  reader: fc.constantFrom(...Object.keys(readers)),
  around: fc.constantFrom("", "map", "scan"),
});

type Case = typeof table extends fc.Arbitrary<infer T> ? T : never;

/** Rows of a table, read by something: at the top, or in each step of a loop with an index of its own. */
function functionOf({ dtype, to, batch, before, rows, after, index, flipped, reader, around }: Case): IrFunction {
  const root = new Builder("rows");
  const whole = [...batch, ...before, rows, ...after];
  const x = root.input({ dtype, shape: flipped ? whole.toReversed() : whole }, "table");
  const named = [...batch, ...index];
  const taken = [...batch, ...before, ...index, ...after];
  const other = root.input({ dtype: to, shape: taken }, "other");
  const write = (b: Builder, i: Variable) => {
    const given = flipped ? turned(b, x) : x;
    const read = b.one("gather", [given, i], { axis: batch.length + before.length, batch: batch.length });
    const made = b.convert(read, to);
    return taken.length === 0 ? [b.apply("add", made, other)] : readers[reader]!(b, made, other);
  };
  if (around === "") return root.finish([...write(root, root.input({ dtype: "i32", shape: named }, "index"))]);
  const steps = root.input({ dtype: "i32", shape: [3, ...named] }, "index");
  if (around === "map") {
    const scope = root.openMap("map", 3);
    return root.finish([...scope.close(write(scope.body, scope.slice(steps)))]);
  }
  const scope = root.openScan("scan", 3);
  const sum = scope.carry(root.fill(0, { dtype: to, shape: [] }), "sum");
  const made = write(scope.body, scope.slice(steps));
  const first = scope.body.sum(made[0]!);
  const { carry, outputs } = scope.close([scope.body.apply("add", sum, first)], [...made]);
  return root.finish([...carry, ...outputs]);
}

Deno.test("rows of odd tables come out right, whatever reads them, in loops too", () => {
  fc.assert(
    fc.property(table, (given) => compare(functionOf(given), given.rows, JSON.stringify(given))),
    { numRuns: cases(25, 500), seed: 41 },
  );
});

Deno.test("bytes are read sixteen, eight and four at a time, and one by one where they end", () => {
  for (const dtype of ["u8", "bool"] as const) {
    for (const to of ["f32", "f64"] as const) {
      for (const size of [1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 67, 200]) {
        const b = new Builder("bytes");
        const x = b.input({ dtype, shape: [size] });
        const wide = b.convert(x, to);
        compare(b.finish([wide, b.sum(b.apply("add", wide, wide))]), 1, `${dtype} ${to} ${size}`);
      }
    }
  }
});

/** Rows of a large table, converted and summed. */
function ofLarge(rows: number, columns: number, count: number, axes: readonly number[]): IrFunction {
  const b = new Builder("large");
  const x = b.input({ dtype: "u8", shape: [rows, columns] }, "table");
  const i = b.input({ dtype: "i32", shape: [count] }, "index");
  return b.finish([b.sum(b.convert(b.one("gather", [x, i], { axis: 0, batch: 0 }), "f32"), axes)]);
}

Deno.test("rows of a table beyond the caches are fetched first, and give the same", () => {
  for (const [columns, count] of some([[784, 83], [300, 7], [784, 80], [4000, 40], [260, 2]] as const, 2)) {
    for (const axes of [[0, 1], [1]]) {
      const rows = Math.ceil(2 ** 20 / columns) + 5;
      compare(ofLarge(rows, columns, count, axes), rows, `${columns} ${count} ${axes}`);
    }
  }
});

Deno.test("who alone reads rows reads them where they lie; others, and what sums them side by side, have them copied once", () => {
  const isCopied = (fn: IrFunction) => kernels(fn).includes("= gather(");
  assert(!isCopied(ofLarge(100, 784, 80, [0, 1])));
  assert(!isCopied(ofLarge(100, 784, 80, [1])));
  // a few bytes of each row at a time
  assert(isCopied(ofLarge(100, 784, 80, [0])));
  const of = (read: Read, columns = 100) => {
    const b = new Builder("rows");
    const x = b.input({ dtype: "f32", shape: [50, columns] });
    const i = b.input({ dtype: "i32", shape: [8] });
    const other = b.input({ dtype: "f32", shape: [8, columns] });
    return b.finish([...read(b, b.one("gather", [x, i], { axis: 0, batch: 0 }), other)]);
  };
  assert(!isCopied(of(readers["a product by entry"]!)));
  assert(!isCopied(of(readers["a sum over the first axis"]!)));
  assert(isCopied(of(readers["two sums"]!)));
  // short ones are read again as fast
  assert(!isCopied(of(readers["two sums"]!, 3)));
});

Deno.test("long sums of rows that are read where they lie lose no more than those of an array", () => {
  // 0.1 in float32, 2^18 times: parts of at most 512 terms on sixteen lanes err by (512 + 32 + 16) roundings of the whole at most
  const [rows, columns] = [512, 512];
  const b = new Builder("long");
  const x = b.input({ dtype: "f32", shape: [rows, columns] });
  const i = b.input({ dtype: "i32", shape: [rows] });
  const fn = b.finish([b.sum(b.one("gather", [x, i], { axis: 0, batch: 0 }))]);
  assert(!kernels(fn).includes("= gather("));
  const [sum] = alone.compile(fn).run([
    { dtype: "f32", shape: [rows, columns], data: new Float32Array(rows * columns).fill(0.1) },
    { dtype: "i32", shape: [rows], data: Int32Array.from({ length: rows }, (_, k) => rows - 1 - k) },
  ]);
  const exact = rows * columns * Math.fround(0.1);
  assert(Math.abs(sum!.data[0]! - exact) <= 560 * 2 ** -24 * exact);
});

Deno.test("what reads rows alike of tables of other sizes keeps them apart", () => {
  const b = new Builder("tables");
  const i = b.input({ dtype: "i32", shape: [6] }, "index");
  // 9 rows of 20; the first 5 of them; every other one
  const x = b.input({ dtype: "f32", shape: [9, 20] }, "table");
  const some = (limit: number, stride: number) => {
    const part = b.one("slice", [x], { start: [0, 0], limit: [limit, 20], stride: [stride, 1] });
    return b.apply("neg", b.one("gather", [part, i], { axis: 0, batch: 0 }));
  };
  compare(b.finish([some(9, 1), some(5, 1), some(9, 2)]), 9, "tables");
});
