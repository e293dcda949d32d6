// The worked example of `higher`: value, trajectory and hypergradients, entry by entry.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { compileInExamples, exampleText, replaceOnce } from "./programs.ts";

const trajectory = [
  -0.9914729595184326,
  -0.12170016149052021,
  1.014527715356911,
  2.0639528412060164,
  2.866755635700881,
  3.3907846714838255,
];

Deno.test("toy.meta gives the value and the trajectory to 1e-14, and its three gradients", async () => {
  const run = await compileInExamples(exampleText("toy.meta"), "toy.meta").run({ backend: "reference" });
  assertAlmostEquals(run.value(), 0.011927987982895929, 1e-14);
  trajectory.forEach((w, time) => {
    const value = run.parameter("linear.w", { time });
    assertEquals(value.shape, [1, 1]);
    assertAlmostEquals(value.data[0]!, w, 1e-14);
  });
  // the digits that the original prints
  assertAlmostEquals(run.gradient("linear.w@0").data[0]!, -0.005311, 1e-6);
  assertAlmostEquals(run.gradient("fit.lr").data[0]!, -1.6295, 1e-4);
  assertAlmostEquals(run.gradient("fit.momentum").data[0]!, -0.9496, 1e-4);
  assertEquals(run.expectations.map((v) => v.met), [true, true, true, true]);
});

Deno.test("toy.meta's gradients agree with central differences of its own value to 1e-8", async () => {
  const text = exampleText("toy.meta");
  const value = async (from: string, to: string) => {
    const run = await compileInExamples(replaceOnce(text, from, to), "toy.meta").run({ backend: "reference" });
    return run.value();
  };
  const run = await compileInExamples(text, "toy.meta").run({ backend: "reference" });
  const places: [name: string, line: (x: number) => string, at: number, from: string][] = [
    ["linear.w@0", (x) => `w : [1, 1] = ${x}`, -0.9914729595184326, "w : [1, 1] = -0.9914729595184326"],
    ["fit.lr", (x) => `lr       = ${x}`, 0.30000001192092896, "lr       = 0.30000001192092896"],
    ["fit.momentum", (x) => `momentum = ${x}`, 0.5, "momentum = 0.5\n}"],
  ];
  for (const [name, line, at, from] of places) {
    const to = (x: number) => from.endsWith("}") ? `${line(x)}\n}` : line(x);
    // Richardson: the error of (4 d(h/2) - d(h)) / 3 is of order h^4, rounding of order 1e-16 / h
    const h = 1e-3;
    const difference = async (step: number) =>
      (await value(from, to(at + step)) - await value(from, to(at - step))) / (2 * step);
    const estimate = (4 * await difference(h / 2) - await difference(h)) / 3;
    const gradient = run.gradient(name).data[0]!;
    assert(
      Math.abs(gradient - estimate) <= 1e-8 * Math.max(1, Math.abs(estimate)),
      `${name}: ${gradient}, ${estimate}`,
    );
  }
});
