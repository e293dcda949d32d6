// What loops keep changes memory and time and no bit of a result: every plan, for every length, against keeping everything.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { compileProgram } from "../../dsl/compile.ts";
import { checkpointLoops } from "../../runtime/autodiff/checkpoint.ts";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { finishGradients, type FinishOptions } from "../../runtime/autodiff/finish.ts";
import { makeReferenceBackend, referenceBackend } from "../../runtime/backend/reference/index.ts";
import { MetaRuntimeError } from "../../runtime/errors.ts";
import { costOf } from "../../runtime/ir/cost.ts";
import type { HostArray, IrFunction } from "../../runtime/ir/types.ts";
import { verifyFunction } from "../../runtime/ir/verify.ts";
import { planFunction } from "../../runtime/loop/memory.ts";
import type { ProgramFunction } from "../../runtime/program/program.ts";
import { compile } from "../../mod.ts";
import { inputsOf } from "./short_programs.ts";
import { some } from "../thorough.ts";

/** Tasks, a momentum, a rate for every step, and an objective that reads a loss on the way. */
const maml = (T: number, precision: string) =>
  `edition 1
  precision ${precision}
  task wave {
    a ~ uniform(0.1, 5)
    split support { x : [5, 1] ~ uniform(-5, 5)  y = a * sin(x) }
    split query { x : [5, 1] ~ uniform(-5, 5)  y = a * sin(x) }
  }
  model mlp(x : [n, 1]) -> [n, 1] { use l1 = dense(4)  use l2 = dense(1)  return l2(tanh(l1(x))) }
  inner adapt { minimize mse(mlp(support.x), support.y) over mlp by sgd(lr = 0.01, momentum = 0.5) for T = ${T} steps }
  override adapt { lr = 0.01 per step }
  outer train {
    minimize mse(mlp@T(query.x), query.y) + adapt.loss@3 across 6 wave over mlp@0, adapt.lr by adam(lr = 1e-3) for 2 steps
  }`;

/** Three levels: loops in loops, differentiated twice. */
const levels = (T: number) =>
  `edition 1
  precision f64
  param w : [3] = 0.1
  param theta : [3] = 0.5
  inner fit { minimize sum((w - theta)^2) + 0.1 * sum(w^4) over w by sgd(lr = 0.05) for T = ${T} steps }
  outer mid { minimize sum((w@T - 2)^2) over theta by adam(lr = 0.1) for M = ${T + 3} steps }
  gradient mid.loss@M wrt mid.lr, theta@0`;

function stepOf(source: string): ProgramFunction {
  const { program, diagnostics } = compileProgram({
    root: { name: "plans.meta", text: source },
    readSource: () => undefined,
    readData: () => undefined,
  });
  assertEquals(diagnostics.filter((d) => d.severity === "error"), []);
  return program!.outers[0]?.step ?? program!.gradients[0]!.fn;
}

function run(fn: IrFunction, inputs: readonly HostArray[]): readonly HostArray[] {
  verifyFunction(fn);
  return referenceBackend.compile(fn).run(inputs);
}

const plans: readonly FinishOptions[] = [
  { residuals: "carry" },
  ...[1, 2, 3].flatMap((levels): FinishOptions[] => [{ levels }, { levels, residuals: "carry" }]),
  ...[1, 2, 3].map((chunk): FinishOptions => ({ chunk })),
  { chunk: 2, levels: 1 },
  { chunk: 1, levels: 2, residuals: "carry" },
];

function compareAll(source: string): void {
  const step = stepOf(source);
  const inputs = inputsOf(step);
  const expected = run(expandGradients(step.fn), inputs);
  assert(expected.every((x) => x.data.every(Number.isFinite)));
  for (const plan of some(plans, 4)) {
    const actual = run(expandGradients(step.fn, plan), inputs);
    actual.forEach((x, i) =>
      x.data.forEach((value, k) =>
        assert(Object.is(value, expected[i]!.data[k]), `${JSON.stringify(plan)}: output ${i}, ${k}`)
      )
    );
  }
}

for (const precision of some(["f64", "f32"], 1)) {
  for (const T of some([4, 5, 9, 16, 31], 2)) {
    Deno.test(`every plan gives the same bits: tasks, ${T} steps, ${precision}`, () => compareAll(maml(T, precision)));
  }
}

for (const T of some([4, 7, 12], 1)) {
  Deno.test(`every plan gives the same bits: three levels, ${T} steps`, () => compareAll(levels(T)));
}

/** The largest difference, of the largest number. */
function apart(a: readonly HostArray[], b: readonly HostArray[]): number {
  let [most, size] = [0, 0];
  a.forEach((x, i) =>
    x.data.forEach((value, k) => {
      most = Math.max(most, Math.abs(value - b[i]!.data[k]!));
      size = Math.max(size, Math.abs(value));
    })
  );
  return most / size;
}

for (const [what, source] of [["tasks", maml(12, "f64")], ["three levels", levels(5)]] as const) {
  Deno.test(`forward over reverse is reverse over reverse to 1e-12: ${what}`, () => {
    const step = stepOf(source);
    const inputs = inputsOf(step);
    const expected = run(expandGradients(step.fn), inputs);
    for (const plan of [{}, { levels: 1 }, { levels: 2 }, { chunk: 1 }]) {
      assert(apart(run(expandGradients(step.fn, { products: "forward", ...plan }), inputs), expected) < 1e-12);
    }
  });
}

Deno.test("forward over reverse keeps what the inner gradient is taken at, and nothing of its passes", () => {
  // 64 rows and hidden layers: what the passes compute is many times the parameters
  const wide = maml(60, "f64").replaceAll("[5, 1]", "[64, 1]").replace("dense(4)", "dense(16)")
    .replace(" + adapt.loss@3", "");
  const { fn } = stepOf(wide);
  const bytes = (products: "forward" | "reverse") => referenceBackend.arenaBytes(expandGradients(fn, { products }));
  assert(bytes("forward") < 0.2 * bytes("reverse"), `${bytes("forward")} of ${bytes("reverse")}`);
});

Deno.test("checkpoints of a long loop need about the square root of its steps, and two levels less", () => {
  const bytes = (T: number, options: FinishOptions) =>
    referenceBackend.arenaBytes(
      expandGradients(
        stepOf(
          maml(T, "f64").replace("override adapt { lr = 0.01 per step }", "")
            .replace(" + adapt.loss@3", ""),
        ).fn,
        options,
      ),
    );
  // beside the carry there is the data, so growth is compared
  const growth = (options: FinishOptions) => bytes(1024, options) - bytes(256, options);
  const all = growth({});
  assert(growth({ levels: 1 }) < 0.05 * all, "one level");
  assert(growth({ levels: 1 }) > 0);
  assert(growth({ levels: 2 }) < growth({ levels: 1 }), "two levels");
});

Deno.test("a plan costs what it runs again", () => {
  const step = stepOf(maml(64, "f64"));
  const flops = (options: FinishOptions) => costOf(expandGradients(step.fn, options)).flops;
  const all = flops({});
  // one more forward pass of two thirds of the work or less, for each level
  assert(flops({ levels: 1 }) > all && flops({ levels: 1 }) < 1.7 * all);
  assert(flops({ levels: 2 }) > flops({ levels: 1 }) && flops({ levels: 2 }) < 2.4 * all);
});

Deno.test("planFunction() keeps everything where it fits, else the plan with the fewest operations that does", () => {
  const { fn } = stepOf(maml(200, "f64"));
  const free = planFunction(fn, referenceBackend, Infinity).memory;
  assertEquals([free.plan, free.name], ["keep all", "train.step"]);
  const half = planFunction(fn, referenceBackend, free.bytes / 2).memory;
  const third = planFunction(fn, referenceBackend, free.bytes * 0.36).memory;
  assert(half.bytes <= free.bytes / 2 && half.flops > free.flops);
  assert(third.bytes <= free.bytes * 0.36 && third.flops >= half.flops);
  assertEquals(half.keepAll, { bytes: free.bytes, flops: free.flops });
  for (const plan of some(plans, 3)) {
    const other = expandGradients(fn, plan);
    if (referenceBackend.arenaBytes(other) <= free.bytes / 2) assert(costOf(other).flops >= half.flops);
  }
});

Deno.test("planFunction() refuses what cannot fit, with the least that would, which then fits", () => {
  const { fn } = stepOf(maml(50, "f32"));
  const error = assertThrows(
    () => planFunction(fn, referenceBackend, 2000),
    MetaRuntimeError,
    "`train.step` does not fit 2 kB",
  );
  const [, advice] = /`memory ([\d.]+ kB)`/.exec(error.message)!;
  assert(planFunction(fn, referenceBackend, parseFloat(advice!) * 1000).memory.bytes > 2000);
});

Deno.test("planFunction() advises no memory that the backend cannot give", () => {
  const { fn } = stepOf(maml(50, "f32"));
  const small = makeReferenceBackend({ memoryLimitBytes: 2000 });
  const error = assertThrows(() => planFunction(fn, small, 2000), MetaRuntimeError);
  assertEquals(
    /\. (`reference`.*)/.exec(error.message)![1],
    "`reference` may take 2 kB at most: take smaller batches, fewer tasks or fewer steps",
  );
});

Deno.test("predicted bytes are those of the arena", () => {
  const { fn } = stepOf(maml(40, "f32"));
  for (const plan of [{}, ...plans]) {
    const expanded = expandGradients(fn, plan);
    assertEquals(referenceBackend.arenaBytes(expanded), referenceBackend.compile(expanded).plannedBytes);
  }
});

Deno.test("a backend's own limit makes loops keep less", () => {
  const { fn } = stepOf(maml(100, "f64"));
  const all = referenceBackend.arenaBytes(expandGradients(fn));
  const small = makeReferenceBackend({ memoryLimitBytes: all / 2 });
  const { memory } = planFunction(fn, small, small.memoryLimitBytes);
  assert(memory.plan !== "keep all" && memory.bytes <= all / 2);
});

Deno.test("a loop of one step, or whose stacks nobody reads, is left alone", () => {
  const { fn } = stepOf(maml(4, "f64").replace("T = 4 steps", "T = 2 steps").replace("adapt.loss@3", "adapt.loss@1"));
  const expanded = expandGradients(fn);
  assertEquals(costOf(checkpointLoops(expanded, { levels: 1 })).flops, costOf(expanded).flops);
  assertEquals(finishGradients(expanded, { levels: 1 }).equations.length, expanded.equations.length);
});

Deno.test("the budget of a program, of a run and of the command line; what was kept stands in the result", async () => {
  const source = maml(60, "f64");
  const plain = await compile(source).run();
  const all = plain.memory.find((p) => p.name === "train.step")!;
  const tight = await compile(source.replace("edition 1", `edition 1\n  memory ${Math.round(all.bytes / 2)} B`)).run();
  const given = await compile(source).run({ memory: Math.round(all.bytes / 2) });
  const kept = tight.memory.find((p) => p.name === "train.step")!;
  assert(kept.bytes <= all.bytes / 2 && kept.plan !== "keep all", kept.plan);
  assertEquals(given.memory.find((p) => p.name === "train.step"), kept);
  assertEquals(tight.losses("train"), plain.losses("train"));
  assertEquals(tight.parameter("mlp.l1.W").data, plain.parameter("mlp.l1.W").data);
});
