// Do `scan` and `map` run their bodies in the right order, on the right slices? Small loops with results worked out by
// hand; reference_plan_test.ts compares random ones with the naive implementation.
import { assertEquals } from "@std/assert";
import type { ArrayType, HostArray } from "../../runtime/ir/types.ts";
import { Builder, buildFunction } from "../../runtime/ir/builder.ts";
import { nanosecondsOf } from "../../runtime/backend/reference/duration.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";

const scalar: ArrayType = { dtype: "f64", shape: [] };
const array = (shape: readonly number[], ...values: number[]): HostArray => ({
  dtype: "f64",
  shape,
  data: Float64Array.from(values),
});

/** carry' = 2 carry + x, output carry + x. */
function doubling(length: number, reverse: boolean) {
  return buildFunction("doubling", [scalar, { dtype: "f64", shape: [length] }], (b, [start, xs]) => {
    const scope = b.openScan("body", length, { reverse });
    const carry = scope.carry(start!);
    const x = scope.slice(xs!);
    const { body } = scope;
    const next = body.apply("add", body.apply("add", carry, carry), x);
    const { carry: last, outputs } = scope.close([next], [body.apply("add", carry, x)]);
    return [last[0]!, outputs[0]!];
  });
}

Deno.test("scan runs forwards: each step sees the carry of the step before", () => {
  const [last, stacked] = referenceBackend.compile(doubling(3, false)).run([array([], 1), array([3], 10, 20, 30)]);
  assertEquals([...last!.data], [118]); // 1 -> 12 -> 44 -> 118
  assertEquals([...stacked!.data], [11, 32, 74]);
});

Deno.test("scan in reverse starts from the last slice and stacks each output at its slice's place", () => {
  const [last, stacked] = referenceBackend.compile(doubling(3, true)).run([array([], 1), array([3], 10, 20, 30)]);
  assertEquals([...last!.data], [178]); // 1 -> 32 -> 84 -> 178
  assertEquals([...stacked!.data], [94, 52, 31]);
});

Deno.test("a loop in pieces of any size is the loop, and pauses after each piece", async () => {
  for (const reverse of [false, true]) {
    for (let length = 0; length < 8; length++) {
      const fn = doubling(length, reverse);
      const inputs = [array([], 1), array([length], ...Array.from({ length }, (_, i) => 10 * i + 1))];
      const whole = referenceBackend.compile(fn).run(inputs);
      const step = nanosecondsOf(fn.equations[0]!) / length;
      for (const every of [1, 2, 3, 5, 100]) {
        let paused = 0;
        const pause = () => Promise.resolve(void paused++);
        const piece = (every + 0.01) * step * 1e-6;
        const cut = referenceBackend.compile(fn, undefined, { due: () => true, pause, long: 0, piece });
        assertEquals(await cut.runWithPauses?.(inputs) ?? whole, whole, `${length} steps, ${every} in a piece`);
        if (length > every) assertEquals([every, paused], [every, Math.ceil(length / every)]);
      }
    }
  }
});

Deno.test("a scan of no steps returns the initial carry and empty stacks", () => {
  const [last, stacked] = referenceBackend.compile(doubling(0, false)).run([array([], 5), array([0])]);
  assertEquals([...last!.data], [5]);
  assertEquals([stacked!.shape, stacked!.data.length], [[0], 0]);
});

Deno.test("a map of no iterations returns empty stacks", () => {
  const fn = buildFunction("none", [{ dtype: "f64", shape: [0, 3] }], (b, [xs]) => {
    const scope = b.openMap("body", 0);
    return scope.close([scope.body.apply("neg", scope.slice(xs!))]);
  });
  assertEquals(referenceBackend.compile(fn).run([array([0, 3])])[0]!.shape, [0, 3]);
});

Deno.test("a loop carries a boolean and an integer, whose slices are not aligned to words", () => {
  const flags: ArrayType = { dtype: "bool", shape: [3, 5] };
  const fn = buildFunction("count", [flags], (b, [xs]) => {
    const scope = b.openScan("body", 3);
    const any = scope.carry(b.fill(0, { dtype: "bool", shape: [5] }));
    const count = scope.carry(b.fill(0, { dtype: "i32", shape: [5] }));
    const x = scope.slice(xs!);
    const { body } = scope;
    const next = [body.apply("or", any, x), body.apply("add", count, body.convert(x, "i32"))];
    const { carry, outputs } = scope.close(next, [body.apply("not", x)]);
    return [...carry, outputs[0]!];
  });
  const data = Uint8Array.from([1, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 1, 1, 0]);
  const [any, count, inverted] = referenceBackend.compile(fn).run([{ ...flags, data }]);
  assertEquals([...any!.data], [1, 0, 1, 1, 0]);
  assertEquals([...count!.data], [3, 0, 1, 2, 0]);
  assertEquals([...inverted!.data], [...data].map((v) => 1 - v));
});

Deno.test("loops nest: tasks, each with an inner loop of steps, inside an outer loop", () => {
  // outer: w' = w + sum over tasks of the result of 2 steps v' = v * a + w from v = t
  const fn = buildFunction("nested", [scalar, { dtype: "f64", shape: [3] }, scalar], (b, [w0, tasks, a]) => {
    const outer = b.openScan("outer", 2);
    const w = outer.carry(w0!);
    const each = outer.body.openMap("tasks", 3);
    const t = each.slice(tasks!);
    const inner = each.body.openScan("inner", 2);
    const v = inner.carry(t);
    const step: Builder = inner.body;
    const { carry: [end] } = inner.close([step.apply("add", step.apply("mul", v, a!), w)], []);
    const results = each.close([end!]);
    const next = outer.body.apply("add", w, outer.body.sum(results[0]!));
    const { carry, outputs } = outer.close([next], [results[0]!]);
    return [carry[0]!, outputs[0]!];
  });
  const expected: number[] = [];
  let w = 1;
  for (let i = 0; i < 2; i++) {
    const results = [1, 2, 3].map((t) => (t * 2 + w) * 2 + w);
    expected.push(...results);
    w += results[0]! + results[1]! + results[2]!;
  }
  const [last, record] = referenceBackend.compile(fn).run([array([], 1), array([3], 1, 2, 3), array([], 2)]);
  assertEquals([...last!.data], [w]);
  assertEquals([...record!.data], expected);
  assertEquals(record!.shape, [2, 3]);
});

Deno.test("random_bits in a loop draws new words for each counter", () => {
  const fn = buildFunction("draws", [{ dtype: "i32", shape: [2] }], (b, [key]) => {
    const steps = b.one("iota", [], { type: { dtype: "i32", shape: [3, 3] }, axis: 0 });
    const scope = b.openMap("body", 3);
    return scope.close([scope.body.one("random_bits", [key!, scope.slice(steps)], { shape: [2] })]);
  });
  const [words] = referenceBackend.compile(fn).run([{ dtype: "i32", shape: [2], data: Int32Array.from([0, 0]) }]);
  assertEquals([...words!.data.subarray(0, 2)], [0x6627e8d5, 0xe169c58d | 0]);
  assertEquals(new Set(words!.data).size, 6);
});
