import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  alignSigns,
  arrayText,
  compactNumber,
  duration,
  exactNumber,
  shortNumber,
  tableText,
} from "../../api/numbers.ts";

Deno.test("exactNumber() reads back as the same number, and is no longer than it must be", () => {
  fc.assert(fc.property(fc.double(), (x) => assertEquals(Number(exactNumber(x)), x)), { seed: 31 });
  fc.assert(fc.property(fc.float(), (x) => assertEquals(Math.fround(Number(exactNumber(x, "f32"))), x)), { seed: 32 });
  assertEquals(exactNumber(Math.fround(0.1), "f32"), "0.1");
  assertEquals(exactNumber(Math.fround(0.1)), "0.10000000149011612");
  assertEquals(exactNumber(16777216, "f32"), "16777216");
  assertEquals([exactNumber(NaN), exactNumber(-Infinity, "f32")], ["NaN", "-Infinity"]);
});

Deno.test("shortNumber() has five significant digits", () => {
  assertEquals(
    [0, 1, -0.5, 12345.678, 123456, 1e-5, NaN].map(shortNumber),
    ["0", "1.0000", "-0.50000", "12346", "1.2346e5", "1.0000e-5", "NaN"],
  );
  assertEquals([1e-6, 0.25, 1e-14, 100].map(compactNumber), ["1e-6", "0.25", "1e-14", "100"]);
});

Deno.test("duration() says hours, minutes and seconds", () => {
  assertEquals([0.123, 9.994, 59.4, 323, 3599.6, 7322, Infinity].map(duration), [
    "0.12 s",
    "9.99 s",
    "59 s",
    "5 min 23 s",
    "1 h 0 min",
    "2 h 2 min",
    "unknown time",
  ]);
});

Deno.test("arrayText() shows small arrays in full and large ones by shape, norm and extremes", () => {
  const f64 = (shape: number[], values: number[]) => ({
    dtype: "f64" as const,
    shape,
    data: Float64Array.from(values),
  });
  assertEquals(arrayText(f64([], [0.25])), "0.25");
  assertEquals(arrayText(f64([1, 1], [0.25])), "0.25");
  assertEquals(arrayText(f64([2, 2], [1, 2, 3, 4])), "[[1, 2], [3, 4]]");
  assertEquals(arrayText(f64([0], [])), "[]");
  const large = f64([10], [3, -4, 0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(arrayText(large), "[10]  norm 5.0000, from -4.0000 to 3.0000");
  large.data[5] = NaN;
  assertEquals(arrayText(large), "[10]  norm NaN, from NaN to NaN");
});

Deno.test("tableText() and alignSigns() line up", () => {
  assertEquals(tableText([["a", "10"], ["long", "9"]], [false, true]), ["a     10", "long   9"]);
  assertEquals(alignSigns(["1", "-2"]), [" 1", "-2"]);
  assertEquals(alignSigns(["1", "2"]), ["1", "2"]);
});
