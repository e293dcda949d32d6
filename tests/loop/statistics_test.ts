import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { pairedDifference, studentQuantile975, summarize } from "../../runtime/loop/statistics.ts";

Deno.test("studentQuantile975() agrees with tables", () => {
  // scipy.stats.t.ppf(0.975, ν)
  const table: readonly (readonly [number, number])[] = [
    [1, 12.706204736174694],
    [2, 4.302652729749462],
    [3, 3.1824463052837078],
    [4, 2.7764451051977934],
    [5, 2.5705818356363146],
    [10, 2.228138851986274],
    [30, 2.0422724563012378],
    [100, 1.9839715185235518],
    [200, 1.9718962236339088],
    [1000, 1.9623390808264083],
  ];
  for (const [degrees, expected] of table) assertAlmostEquals(studentQuantile975(degrees), expected, 1e-10);
});

Deno.test("studentQuantile975() falls without a jump where the expansion takes over, towards the normal point", () => {
  let previous = studentQuantile975(190);
  for (let degrees = 191; degrees < 210; degrees++) {
    const next = studentQuantile975(degrees);
    const step = previous - next; // about 2.37 / ν²
    assertAlmostEquals(step, 2.372 / degrees ** 2, 1.2e-6);
    previous = next;
  }
  assertAlmostEquals(studentQuantile975(1e9), 1.959963985, 1e-8);
  assertThrows(() => studentQuantile975(0), RangeError);
});

Deno.test("summarize() gives mean, median and Student's interval", () => {
  const { mean, median, interval, count, nonFinite } = summarize([1, 2, 4, 9]);
  assertEquals([mean, median, count, nonFinite], [4, 3, 4, 0]);
  const half = 3.18244630528 * Math.sqrt(38 / 3 / 4);
  assertAlmostEquals(interval![0], 4 - half, 1e-9);
  assertAlmostEquals(interval![1], 4 + half, 1e-9);
  assertEquals(summarize([3, 1, 2]).median, 2);
});

Deno.test("summarize() gives no interval for one value, and counts what is not finite", () => {
  assertEquals(summarize([5]), { count: 1, nonFinite: 0, mean: 5, median: 5 });
  const broken = summarize([1, NaN, 2]);
  assertEquals(broken.nonFinite, 1);
  assert(Number.isNaN(broken.mean) && Number.isNaN(broken.median));
  const infinite = summarize([1, Infinity, 2]);
  assertEquals([infinite.nonFinite, infinite.mean, infinite.median], [1, Infinity, 2]);
  assert(Number.isNaN(summarize([]).mean));
});

Deno.test("the interval holds the true mean in about 95 of 100 samples", () => {
  // a small linear congruential generator is enough for a coverage count
  let state = 12345;
  const uniform = () => (state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31;
  let hits = 0;
  for (let round = 0; round < 2000; round++) {
    // sums of 12 uniforms: nearly normal, mean 6
    const sample = Array.from({ length: 8 }, () => Array.from({ length: 12 }, uniform).reduce((a, b) => a + b, 0));
    const [low, high] = summarize(sample).interval!;
    if (low <= 6 && 6 <= high) hits++;
  }
  // binomial(2000, 0.95): standard deviation 9.7; four of them
  assert(Math.abs(hits - 1900) < 39, `${hits} of 2000`);
});

Deno.test("pairedDifference() removes what both methods share", () => {
  const shared = [10, 200, 3000, 40000];
  const a = shared.map((x, i) => x + 1 + 0.01 * i);
  const difference = pairedDifference(a, shared);
  assertAlmostEquals(difference.mean, 1.015, 1e-9);
  assert(difference.interval![0] > 0, "the difference is sure although the values scatter");
  assertThrows(() => pairedDifference([1, 2], [1]), RangeError, "2 values with 1");
});
