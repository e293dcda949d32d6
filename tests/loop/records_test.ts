// Is what is recorded kept in its own bytes, in order, by name and item; and does a record go on?
import { assert, assertEquals } from "@std/assert";
import { openRecords, recordedAt } from "../../runtime/loop/records.ts";
import type { Recorded } from "../../runtime/loop/results.ts";

const loss = (step: number, outer = "train"): Recorded => ({
  name: "train.loss",
  of: "train.loss",
  by: { kind: "outer", name: outer, step },
  trajectory: false,
  value: { dtype: "f32", shape: [], data: Float32Array.of(step / 4) },
});
const path = (by: Recorded["by"], x: number): Recorded => ({
  name: "w@*",
  of: "w",
  by,
  trajectory: true,
  value: { dtype: "f64", shape: [2, 2], data: Float64Array.of(x, x + 1, x + 2, x + 3) },
});

Deno.test("values are kept in order by name and item, and a record goes on from what was kept", () => {
  const list = [
    path({ kind: "gradient", index: 0 }, 1),
    loss(0),
    path({ kind: "outer", name: "train", step: 0 }, 2),
    loss(5),
    loss(5, "other"),
    path({ kind: "outer", name: "train", step: 7 }, 3),
    path({ kind: "simulation", loop: "train" }, 4),
    loss(9),
  ];
  for (let cut = 0; cut <= list.length; cut++) {
    const first = openRecords();
    const indices = list.slice(0, cut).map(first.add);
    const kept = structuredClone(first.values());
    const records = openRecords(kept);
    indices.push(...list.slice(cut).map(records.add));
    assertEquals(indices, [0, 0, 0, 1, 0, 1, 0, 2]);
    const all = records.values();
    assertEquals(all.map(({ name, by, steps, values }) => [name, by, [...steps], values.shape, [...values.data]]), [
      ["w@*", { kind: "gradient", index: 0 }, [], [1, 2, 2], [1, 2, 3, 4]],
      ["train.loss", { kind: "outer", name: "train" }, [0, 5, 9], [3], [0, 1.25, 2.25]],
      ["w@*", { kind: "outer", name: "train" }, [0, 7], [2, 2, 2], [2, 3, 4, 5, 3, 4, 5, 6]],
      ["train.loss", { kind: "outer", name: "other" }, [5], [1], [1.25]],
      ["w@*", { kind: "simulation", loop: "train" }, [], [1, 2, 2], [4, 5, 6, 7]],
    ]);
    assertEquals(recordedAt(all[2]!, 1), { dtype: "f64", shape: [2, 2], data: Float64Array.of(3, 4, 5, 6) });
    assertEquals(kept, structuredClone(first.values()));
  }
});

Deno.test("a number that is recorded takes its own bytes and those of its meta-step, and a quarter of that in reserve", () => {
  const records = openRecords();
  for (let step = 0; step < 10_000; step++) records.add(loss(step));
  const [{ steps, values }] = records.values() as [ReturnType<typeof records.values>[number]];
  assertEquals([steps.byteLength, values.data.byteLength], [40_000, 40_000]);
  assert(steps.buffer.byteLength <= 50_000 && values.data.buffer.byteLength <= 50_000);
});
