// Is every part named in which two runs differ?
import { sumOfData } from "../../runtime/record/plain_data.ts";
import { assertEquals, assertNotEquals } from "@std/assert";
import type { RunState } from "../../runtime/loop/run_state.ts";
import { decodeCheckpoint, encodeCheckpoint } from "../../runtime/record/checkpoint_bytes.ts";
import { changesBetween, type RunIdentity, sumOfArray } from "../../runtime/record/identity.ts";
import { joined } from "../joined.ts";

const run: RunIdentity = {
  program: "a",
  imports: { "parts.meta": "b" },
  inputs: { steps: 5, name: "x" },
  data: { "train.x": "c" },
  seed: 0,
  precision: "f32",
  backend: "wasm",
  memory: null,
  version: "0.1.0",
};

Deno.test("changesBetween() names what has changed", () => {
  assertEquals(changesBetween(run, run), []);
  const changes: readonly (readonly [Partial<RunIdentity>, readonly string[]])[] = [
    [{ program: "z" }, ["the text of the program"]],
    [{ imports: {} }, ["the import `parts.meta`"]],
    [{ imports: { "parts.meta": "b", "__proto__.meta": "d" } }, ["the import `__proto__.meta`"]],
    [{ inputs: { steps: 6, name: "x" } }, ["the input `steps` (5 before, now 6)"]],
    [{ inputs: { steps: 5 } }, ["the input `name` (x before, now not given)"]],
    [{ inputs: { ...run.inputs, toString: true } }, ["the input `toString` (not given before, now true)"]],
    [{ data: { "train.x": "e" } }, ["the data `train.x`"]],
    [{ seed: 1 }, ["the seed (0 before, now 1)"]],
    [{ precision: "f64" }, ["the precision (f32 before, now f64)"]],
    [{ backend: "tensorflow" }, ["the backend (wasm before, now tensorflow)"]],
    [{ version: "0.2.0" }, ["the version (0.1.0 before, now 0.2.0)"]],
    // another amount is the same run to rounding
    [{ memory: 1e9 }, []],
  ];
  const parts = { ...run, data: { "train.x": "c", "train: rows": "d" } };
  const redrawn = { ...parts, seed: 1, data: { "train.x": "e", "train: rows": "f" } };
  assertEquals(changesBetween(parts, redrawn), ["the data `train.x`", "the seed (0 before, now 1)"]);
  for (const [other, said] of changes) assertEquals(changesBetween(run, { ...run, ...other }), said);
  assertEquals(changesBetween(run, { ...run, inputs: {} }, { inputs: false }), []);
});

Deno.test("the sum of an array is that of its type, too", () => {
  const data = Float64Array.of(1, 2);
  const sums = [
    sumOfArray({ dtype: "f64", shape: [2], data }),
    sumOfArray({ dtype: "f64", shape: [1, 2], data }),
    sumOfArray({ dtype: "f32", shape: [4], data: new Float32Array(data.buffer) }),
    sumOfArray({ dtype: "f64", shape: [2], data: Float64Array.of(1, 3) }),
  ];
  assertEquals(new Set(sums).size, sums.length);
  assertNotEquals(sums[0], "");
});

Deno.test("a checkpoint says to the last bit what it is of", () => {
  const of = { ...run, inputs: { a: -0, b: Infinity, c: 0.1, d: "x" } };
  const state = { items: 0 } as unknown as RunState;
  const { of: read } = decodeCheckpoint(joined(encodeCheckpoint({ state, of, logged: 0, waiting: "", seconds: 0 })));
  assertEquals(changesBetween(of, read as RunIdentity), []);
});

Deno.test("a state of very many arrays has a sum, too", () => {
  const array = { dtype: "u8", shape: [1], data: new Uint8Array(1) } as const;
  const tensors = new Map(Array.from({ length: 100_000 }, (_, i) => [`${i}`, array]));
  assertEquals(sumOfData({ text: "", tensors }).length, 64);
});
