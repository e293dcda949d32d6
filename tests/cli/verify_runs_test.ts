// Does `meta.ts verify` see what runs? A backend that computes something else, and a loop that goes down another direction than its
// objective says: neither changes what a gradient is compared with.
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Verified } from "../../cli/verify.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { wasmBackend } from "../../runtime/backend/wasm/index.ts";
import type { Backend } from "../../runtime/backend/interface.ts";
import { bodyOf, type Equation, type IrFunction } from "../../runtime/ir/types.ts";
import { cutting, verifyText } from "./planted.ts";
import { some } from "../thorough.ts";

const verify = (source: string, choose?: Verified["choose"], ...more: string[]) =>
  verifyText(source, choose && { choose }, ...more);

/** A backend that computes one primitive as another one: `reference`, but for that. */
function mistaken(from: Equation["op"], to: Equation["op"]): Backend {
  const mend = (fn: IrFunction): IrFunction => ({
    ...fn,
    equations: fn.equations.map((equation): Equation => {
      const body = bodyOf(equation);
      if (body) return { ...equation, params: { ...equation.params, body: mend(body) } } as Equation;
      return equation.op === from ? { ...equation, op: to, params: {} } as Equation : equation;
    }),
  });
  return { ...referenceBackend, name: "mistaken", compile: (fn) => referenceBackend.compile(mend(fn)) };
}

const on = (backend: Backend) => () => Promise.resolve({ backend, why: "planted" });

const program = (precision: string) =>
  `edition 1
  precision ${precision}
  task t { a ~ uniform(0.5, 1)  split s { x = a } }
  param w : [2] = [0.3, -0.2]
  param c = 0.4
  inner fit { minimize sum((tanh(w) - c * s.x)^2) over w by sgd(lr = 0.1, momentum = 0.5) for T = 5 steps }
  outer train { minimize sum((w@T)^2) + exp(c) across 3 t over c, fit.lr by adam(lr = 0.1) for 4 steps }
  gradient sum((w@T)^2) across 2 t wrt c
  evaluate e { report sum(sin(w@t)) at t in 0 .. T across 3 t }`;

for (const precision of some(["f32", "f64"], 1)) {
  Deno.test(`verify finds nothing where the backend computes what reference does, ${precision}`, async () => {
    const { code, out } = await verify(program(precision));
    assertEquals(code, 0, out);
    assertStringIncludes(out, `wasm beside reference, ${precision === "f32" ? "float32" : "float64"}`);
    for (const name of ["outer train", "gradient sum((w@T)^2)", "evaluate e", "start"]) {
      assertMatch(out, new RegExp(`${name.replace(/[()^]/g, "\\$&")}: .* reference .* ok`));
    }
    assertMatch(out, /fit\.loss for w \[1\] .* ok/);
  });

  Deno.test(`verify finds a primitive that a backend computes otherwise, in any item, ${precision}`, async () => {
    // tanh is everywhere, exp in the outer's objective, sin in the evaluation only
    const cases: readonly (readonly [Equation["op"], Equation["op"], readonly string[]])[] = [
      ["tanh", "logistic", ["outer train", "gradient", "evaluate"]],
      ["exp", "expm1", ["outer train"]],
      ["sin", "tanh", ["evaluate"]],
      ["sqrt", "exp", ["outer train"]],
    ];
    for (const [from, to, items] of cases) {
      const { code, out } = await verify(program(precision), on(mistaken(from, to)));
      assertEquals(code, 4, out);
      for (const item of items) assertMatch(out, new RegExp(`${item}.* WRONG on mistaken`), `${from}: ${out}`);
      assertMatch(out, /verdict: \d of \d+ comparisons are wrong/);
    }
  });
}

Deno.test("verify finds an error of a thousandth in float32 and of 1e-10 in float64", async () => {
  const off = (part: number): Backend => ({
    ...referenceBackend,
    name: "off",
    compile(fn) {
      const inner = referenceBackend.compile(fn);
      return {
        run: (inputs) =>
          inner.run(inputs).map((x) => ({ ...x, data: x.data.map((v: number) => v * (1 + part)) as never })),
        dispose: () => inner.dispose(),
      };
    },
  });
  assertEquals((await verify(program("f32"), on(off(1e-3)))).code, 4);
  assertEquals((await verify(program("f64"), on(off(1e-10)))).code, 4);
  // a rounding is none
  assertEquals((await verify(program("f32"), on(off(2 ** -24)))).code, 0);
});

Deno.test("verify finds NaN and infinities on one side, and takes those on both for the same", async () => {
  const source = "edition 1\nparam w = 0.5\nevaluate e { report w }\nevaluate n { report log(w - 1) }";
  const both = await verify(source);
  assertEquals(both.code, 0, both.out);
  assertMatch(both.out, /evaluate n: log\(w - 1\) +NaN +reference +NaN .* finite on neither/);
  assertStringIncludes(both.out, "1 of them decide nothing");
  const broken: Backend = {
    ...referenceBackend,
    name: "broken",
    compile(fn) {
      const inner = referenceBackend.compile(fn);
      return {
        run: (inputs) => inner.run(inputs).map((x) => ({ ...x, data: x.data.map(() => NaN) as never })),
        dispose: () => inner.dispose(),
      };
    },
  };
  assertEquals((await verify(source, on(broken))).code, 4);
});

Deno.test("verify finds a loop that does not go down what it says, though its gradient is that of the loop", async () => {
  // the loop misses half of the penalty's slope; the value follows the loop as it is, and so does its derivative
  const { code, out } = await verifyText(
    `edition 1
    param w = 0.5
    param c = 0.3
    inner fit { minimize (w - 1)^2 + c * w * sin(w) over w by sgd(lr = 0.1) for T = 1 steps }
    gradient (w@T)^2 wrt fit.lr`,
    { compile: cutting("sin") },
  );
  assertEquals(code, 4, out);
  assertMatch(out, /^ {2}fit\.lr .* difference .* ok$/m);
  assertMatch(out, /fit\.loss for w .* WRONG/);
});

Deno.test("verify looks at the loops of evaluations, in loops, in tasks and by themselves", async () => {
  const wrong = "w * sin(w) + w + w^2";
  const places = [
    `param w = 0.5 inner fit { minimize ${wrong} over w by sgd(lr = 0.1) for T = 2 steps }`,
    `param w = 0.5 inner fit { minimize ${wrong} over w by sgd(lr = 0.1) for T = 2 steps } evaluate e { report w@T }`,
    `param w = 0.5 task t { a ~ uniform(0, 1)  split s { x = a } }
     inner fit { minimize ${wrong} * (1 + s.x) over w by sgd(lr = 0.1) for T = 2 steps }
     outer train { minimize (w@T)^2 across 2 t over w@0 by sgd(lr = 0.1) for 2 steps }`,
    `param w = 0.5 param a = 1
     inner fit { minimize ${wrong} - a * w over w by sgd(lr = 0.1) for T = 2 steps }
     outer mid { minimize (w@T - 1)^2 over a by sgd(lr = 0.1) for M = 2 steps }
     gradient (a@M)^2 wrt mid.lr`,
    `param w = 0.5 param a = 1
     inner fit { minimize ${wrong} - a * w over w by sgd(lr = 0.1) for T = 2 steps through implicit() }
     gradient w@T wrt a`,
    `param w = 0.5 param a = 1
     inner fit { minimize ${wrong} - a * w over w by sgd(lr = 0.1) for T = 2 steps through es(samples = 2, sigma = 0.1) }
     gradient w@T wrt a`,
  ];
  for (const place of places) {
    const { code, out } = await verifyText(`edition 1\n${place}`, { compile: cutting("sin") });
    assertMatch(out, /fit\.loss for w .* WRONG/, place);
    assertEquals(code, 4);
  }
  // an outer inside another: its own gradient is cut
  const { code, out } = await verifyText(
    `edition 1
    param w = 0.5 param a = 1
    outer mid { minimize a * sin(a) + (a - w)^2 over a by sgd(lr = 0.1) for M = 2 steps }
    gradient (a@M)^2 wrt w`,
    { compile: cutting("sin") },
  );
  assertMatch(out, /mid\.loss for a .* WRONG/);
  assertEquals(code, 4);
});

Deno.test("verify gets past a loop of which only the states of its model are read, and looks at it where it is trained", async () => {
  const states = [
    "mean : [1] = 0  mean' = mean + w * x",
    "mean = 0  mean' = mean + sum(w * x)",
    "mean : [1] = 0  mean' = mean + x",
  ];
  for (const state of states) {
    for (const reading of ["evaluate e { report sum(net.mean@T) across 2 t }", "output m = net.mean@T across 2 t"]) {
      const source = `edition 1
        precision f64
        task t { a ~ uniform(0.5, 1)  split s { x : [1] = [a] } }
        model net(x : [1]) -> [1] { w = 0.5  u = 0.2  state ${state}  return sin(w * x) + u + mean }
        inner fit { minimize sum((net(s.x) - 1)^2) over net by sgd(lr = 0.1) for T = 2 steps }
        ${reading}`;
      const { code, out, err } = await verify(source);
      assertEquals(code, 0, out + err);
      // that it was met here, where it goes down nothing, does not hide it where it does
      const trained = `${source}\nevaluate trained { report sum(net.w@T) across 2 t }`;
      const cut = await verifyText(trained, { compile: cutting("sin") });
      assertMatch(cut.out, /fit\.loss for net\.w .* (WRONG|MISSING)/, source);
      assertEquals(cut.code, 4);
    }
  }
});

Deno.test("verify takes a slope between those beside a kink for one, and none of a smooth function", async () => {
  const relu = await verify(`edition 1
    param w : [2] = 0
    inner fit { minimize sum(relu(w)) + sum((w - 1)^2) over w by sgd(lr = 0.1) for T = 2 steps }
    gradient sum(w@T) wrt fit.lr`);
  assertEquals(relu.code, 0, relu.out);
  assertMatch(relu.out, /fit\.loss for w \[0\] .* at a kink, with slopes of -2\.0000 and -1\.0000 beside it/);
  // 2 relu(w) - |w| is w: both have slope 0 at 0, and w has 1
  const smooth = await verify(`edition 1
    param w = 0
    inner fit { minimize 2 * relu(w) - abs(w) + (w - 1)^2 over w by sgd(lr = 0.1) for T = 2 steps }
    gradient w@T wrt fit.lr`);
  assertMatch(smooth.out, /fit\.loss for w +-2\.0000 +difference +-1\.0000 .* WRONG/);
  assertEquals(smooth.code, 4, smooth.out);
});

Deno.test("verify names the backend that would run: --backend, and none beside reference", async () => {
  const source = program("f64");
  assertStringIncludes(
    (await verify(source, undefined, "--backend", "reference")).out,
    "reference is also what would run",
  );
  assertStringIncludes(
    (await verify(source, undefined, "--backend", "wasm", "--threads", "2")).out,
    "wasm beside reference",
  );
  const json = await verify(source, on(wasmBackend), "--json");
  const lines = json.out.trim().split("\n").map((line) => JSON.parse(line));
  assert(lines.some((l) => l.of === "wasm beside reference, float64" && l.what.startsWith("outer train: ")));
  assert(lines.some((l) => l.what === "fit.loss for w [0]"));
});
