import { assertEquals } from "@std/assert";
import { describeNonFinite, findFirstNonFinite, metaStepError } from "../../runtime/loop/non_finite.ts";
import type { DiagnosedQuantity } from "../../runtime/program/program.ts";

const origin = { source: "a.meta", start: 0, end: 1 };
const quantity = (name: string, extra: Partial<DiagnosedQuantity> = {}): DiagnosedQuantity => ({
  loop: "fit",
  quantity: name,
  tasks: true,
  origin,
  ...extra,
});
/** [tasks, times, 2] of ones, with the given entries replaced. */
function array(tasks: number, times: number, bad: readonly (readonly [number, number, number])[]) {
  const data = new Float64Array(tasks * times * 2).fill(1);
  for (const [task, time, value] of bad) data[(task * times + time) * 2 + 1] = value;
  return { dtype: "f64" as const, shape: [tasks, times, 2], data };
}

Deno.test("findFirstNonFinite() finds the lowest time over all tasks, and its task", () => {
  const first = findFirstNonFinite(
    [quantity("net.W1"), quantity("net.W2")],
    [array(5, 40, [[1, 39, NaN]]), array(5, 40, [[4, 38, Infinity], [3, 38, NaN], [1, 39, NaN]])],
  )!;
  assertEquals([first.quantity, first.time, first.task, first.tasksAffected], ["net.W2", 38, 3, 3]);
  assertEquals(describeNonFinite(first), "`fit`, step 37: `net.W2@38` is NaN");
});

Deno.test("findFirstNonFinite() puts a parameter before the loss computed from it", () => {
  const loss = { dtype: "f64" as const, shape: [1, 3], data: Float64Array.of(1, NaN, NaN) };
  const both = findFirstNonFinite([quantity("loss"), quantity("w")], [loss, array(1, 4, [[0, 1, NaN]])])!;
  assertEquals(describeNonFinite(both), "`fit`, step 0: `w@1` is NaN");
  const alone = findFirstNonFinite([quantity("loss"), quantity("w")], [loss, array(1, 4, [[0, 2, NaN]])])!;
  assertEquals(describeNonFinite(alone), "`fit`, step 1: `fit.loss@1` is NaN");
});

Deno.test("findFirstNonFinite() takes the first loop that has one, and says when the start is already wrong", () => {
  const other = quantity("v", { loop: "pre", tasks: false });
  const start = { dtype: "f64" as const, shape: [2], data: Float64Array.of(-Infinity, 1) };
  const first = findFirstNonFinite([other, quantity("w")], [start, array(2, 2, [[0, 0, NaN]])])!;
  assertEquals(describeNonFinite(first), "`pre`, before the first step: `v@0` is -Infinity");
  assertEquals(first.task, undefined);
  assertEquals(findFirstNonFinite([quantity("w")], [array(2, 2, [])]), undefined);
});

Deno.test("metaStepError() says loop, step, quantity, meta-step and task", () => {
  const at = { outer: "train", step: 12, what: "the objective", value: NaN, origin };
  const one = findFirstNonFinite([quantity("net.W2")], [array(5, 40, [[3, 38, NaN]])]);
  assertEquals(
    metaStepError(one, at).message,
    "`fit`, step 37: `net.W2@38` is NaN (meta-step 12 of `train`, task 3)",
  );
  const three = findFirstNonFinite([quantity("w")], [array(5, 4, [[3, 1, NaN], [0, 2, NaN], [4, 3, NaN]])]);
  assertEquals(
    metaStepError(three, at).message,
    "`fit`, step 0: `w@1` is NaN (meta-step 12 of `train`, task 3 and 2 other tasks)",
  );
  assertEquals(
    metaStepError(new Error("no memory"), at).message,
    "`train`, meta-step 12: the objective is NaN; looking for its cause failed: no memory",
  );
});
