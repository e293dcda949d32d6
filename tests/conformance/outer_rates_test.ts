// Has an outer the rates that an override gives it: one for each meta-step, each tensor, each entry? Against loops written out.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { compileProgram } from "../../dsl/compile.ts";
import { compile } from "../../mod.ts";
import type { Backend } from "../../runtime/backend/interface.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { makeWasmBackend } from "../../runtime/backend/wasm/index.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import { derivative } from "../../runtime/verify/differences.ts";
import { burstingBackend } from "../loop/bursting_backend.ts";

// a and b go down 0.5 (a - 3)^2 + 0.5 sum(b^2), whose slopes are a - 3 and b, with momentum 0.5
const text = (override: string) =>
  `edition 1
precision f64
param a = 1
param b : [2] = [1, 2]
outer train {
  minimize 0.5 * (a - 3)^2 + 0.5 * sum(b^2)
  over     a, b
  by       sgd(lr = 9, momentum = 0.5)
  for      M = 3 steps
}
override train { ${override} }
`;

type Rate = (step: number, entry: 0 | 1 | 2) => number;

/** a, b[0] and b[1] after three meta-steps. */
function written(rate: Rate): number[] {
  const x = [1, 1, 2];
  const v = [0, 0, 0];
  for (let t = 0; t < 3; t++) {
    const g = [x[0]! - 3, x[1]!, x[2]!];
    g.forEach((slope, i) => {
      v[i] = 0.5 * v[i]! + slope;
      x[i]! -= rate(t, i as 0 | 1 | 2) * v[i]!;
    });
  }
  return x;
}

const overrides: readonly (readonly [string, Rate])[] = [
  ["lr = [0.5, 0.25, 0.125] per step", (t) => 0.5 / 2 ** t],
  ["lr = 0.25 per step", () => 0.25],
  ["lr = 0.25 per tensor", () => 0.25],
  ["lr = 0.25 per entry per step", () => 0.25],
];

for (
  const [name, backend] of [
    ["reference", () => referenceBackend],
    ["wasm", () => makeWasmBackend({ threads: 1 })],
    ["many meta-steps in a call", () => burstingBackend(3)],
  ] as const satisfies readonly (readonly [string, () => Backend])[]
) {
  Deno.test(`an outer has the rates that \`per\` gives it, on ${name}`, async () => {
    for (const [override, rate] of overrides) {
      const { program, diagnostics } = compileProgram({
        root: { name: "test.meta", text: text(override) },
        readSource: () => undefined,
        readData: () => undefined,
      });
      assert(program, diagnostics.map((d) => d.title).join());
      const { leaves } = await runProgram(program!, backend(), { now: () => 0 });
      // numbers of few binary digits: nothing is rounded
      assertEquals([...leaves.get("a")!.data, ...leaves.get("b")!.data], written(rate), override);
    }
  });
}

Deno.test("the rates of an outer are learned one by one where another outer runs it", async () => {
  // theta goes down 0.5 (theta - 2)^2, from 0.5, at one rate for each of three meta-steps
  const rates = [0.3, 0.2, 0.4];
  const end = (lr: readonly number[]) => {
    let [theta, v] = [0.5, 0];
    for (const rate of lr) {
      v = 0.5 * v + theta - 2;
      theta -= rate * v;
    }
    return theta;
  };
  const run = await compile(`edition 1
precision f64
param theta = 0.5
outer mid { minimize 0.5 * (theta - 2)^2  over theta  by sgd(lr = 1, momentum = 0.5)  for M = 3 steps }
override mid { lr = [${rates}] per step }
outer top { minimize (theta@M)^2  over mid.lr  by sgd(lr = 1)  for 1 steps }
override top { lr = 0.01 per entry }
gradient theta@M wrt mid.lr
record top.loss, mid.lr`).run();
  const close = (mine: number, its: number, error = 0) => assertAlmostEquals(mine, its, 64 * 2 ** -52 + error);
  const slopes = rates.map((at, i) => derivative((x) => end(rates.map((rate, k) => k === i ? x : rate)), at, 0.1, 12));
  const [{ value, wrt }] = run.gradients as [typeof run.gradients[number]];
  close(value, end(rates));
  slopes.forEach(({ value, error }, i) => close(wrt[0]!.leaves[0]!.gradient.data[i]!, value, 4 * error));
  const learned = run.parameter("mid.lr").data;
  slopes.forEach(({ value, error }, i) => close(learned[i]!, rates[i]! - 0.01 * 2 * end(rates) * value, 4 * error));
});

Deno.test("an outer runs by itself though somebody reads its rate at a time", async () => {
  for (const override of ["lr@t = 0.1 / (t + 1)", "lr = [0.1, 0.05, 0.025] per step"]) {
    const run = await compile(`edition 1
precision f64
param a = 1
outer train { minimize 0.5 * (a - 3)^2  over a  by sgd(lr = 1)  for M = 3 steps }
override train { ${override} }
evaluate end { report a  report train.lr@1 }
gradient a * train.lr@0 wrt a after train`).run();
    assertEquals(run.losses("train").length, 3, override);
    const [a, rate] = run.evaluation("end").reports.map((r) => r.points[0]!.mean);
    assert(a! > 1.3, "it was learned");
    assertEquals(rate, 0.05);
    assertEquals(run.gradients[0]!.wrt[0]!.leaves[0]!.gradient.data[0], 0.1);
  }
});

Deno.test("what is learned as one of many has a rate of its own, by both names", async () => {
  const run = await compile(`edition 1
precision f64
model net(x : [n]) -> [n] { w : [] = 1  b : [] = 0  return w * x + b }
data d { x : [2] = [1, 2] }
inner fit { minimize mse(net(d.x), 2 * d.x)  over net  by sgd(lr = 0.1)  for T = 2 steps }
override fit { lr = 0.1 per tensor }
outer train { minimize fit.loss@T  over net@0, fit.lr  by sgd(lr = 0.1)  for 1 steps }
override train { lr = 0.25 per tensor }
evaluate rates {
  report train.lr[net.w]
  report train.lr[fit.lr.w]
  report train.lr[fit.lr.b]
}`).run();
  assertEquals(run.evaluation("rates").reports.map((r) => r.points[0]!.mean), [0.25, 0.25, 0.25]);
});

Deno.test("an outer that another item runs has rates that nobody learns", async () => {
  // theta goes down 0.5 (theta - 2)^2: what is left of theta - 2 is multiplied by 1 - rate
  const run = await compile(`edition 1
precision f64
param theta = 0.5
outer mid { minimize 0.5 * (theta - 2)^2  over theta  by sgd(lr = 1)  for M = 3 steps }
override mid { lr = [0.5, 0.25, 0.125] per step }
gradient theta@M wrt theta@0`).run();
  const left = 0.5 * 0.75 * 0.875;
  assertEquals(run.gradients[0]!.value, 2 - 1.5 * left);
  assertEquals(run.gradients[0]!.wrt[0]!.leaves[0]!.gradient.data[0], left);
});
