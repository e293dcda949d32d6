// What cannot act is found before anything runs; what can is never overlooked.
import { assert, assertEquals } from "@std/assert";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { valueAndGradient } from "../../runtime/autodiff/gradient.ts";
import { allInfluences, influences } from "../../runtime/autodiff/influence.ts";
import { Builder, buildFunction } from "../../runtime/ir/builder.ts";
import { type ArrayType, isFloat, type Variable } from "../../runtime/ir/types.ts";
import { evaluate, rowFunction } from "./autodiff_evaluate.ts";
import { heavyBall, maml } from "./autodiff_programs.ts";
import { gradientTable } from "./gradient_table.ts";

const f64 = (...shape: number[]): ArrayType => ({ dtype: "f64", shape });
const names = (fn: Parameters<typeof influences>[0], output = 0) => [...influences(fn, output)];

Deno.test("influences() sees that momentum never acts when there is one step", () => {
  // Inputs: p, rate, momentum
  assertEquals(names(heavyBall(1)), [0, 1]);
  for (const steps of [2, 3, 100]) assertEquals(names(heavyBall(steps)), [0, 1, 2]);
});

Deno.test("influences() agrees with the gradient itself when the inner gradient is a constant", () => {
  assertEquals(names(heavyBall(1, true)), [0, 1]);
  assertEquals(names(heavyBall(2, true)), [0, 1, 2]);
});

Deno.test("influences() lists nothing when stop_gradient, sign, floor or a comparison stands between", () => {
  const cut = (write: (b: Builder, x: Variable) => Variable) =>
    names(buildFunction("f", [f64(2), f64(2)], (b, [x, y]) => [b.sum(b.apply("mul", write(b, x!), y!))]));
  assertEquals(cut((b, x) => x), [0, 1]);
  assertEquals(cut((b, x) => b.apply("stop_gradient", b.apply("exp", x))), [1]);
  assertEquals(cut((b, x) => b.apply("sign", x)), [1]);
  assertEquals(cut((b, x) => b.apply("floor", x)), [1]);
  assertEquals(cut((b, x) => b.convert(b.apply("gt", x, b.fill(0, x)), "f64")), [1]);
  assertEquals(cut((b, x) => b.convert(b.convert(x, "i32"), "f64")), [1]);
  assertEquals(cut((b, x) => b.broadcastTo(b.convert(b.one("argmax", [x], { axis: 0 }), "f64"), [2])), [1]);
});

Deno.test("influences() sees only second derivatives when the first is a linear loss's", () => {
  // d/dx sum(a x) = a: the step does not depend on x, only on a
  const fn = buildFunction("f", [f64(2), f64(2)], (b, [x, a]) => {
    const request = b.openGradient("inner");
    const y = request.wrt(x!);
    const { gradients } = request.close([request.body.sum(request.body.apply("mul", y, request.body.resolve(a!)))]);
    return [b.sum(gradients[0]!)];
  });
  assertEquals(names(fn), [1]);
});

/** A scan over `length` steps that reads schedule[t] of a table, or a scalar at one step only. */
function scheduled(length: number, used: number): ReturnType<typeof buildFunction> {
  return buildFunction("f", [f64(), f64(length), f64()], (b, [x, table, once]) => {
    const scope = b.openScan("steps", length);
    const s = scope.body;
    const state = scope.carry(x!);
    const count = scope.carry(b.fill(0, { dtype: "i32", shape: [] }));
    const rate = scope.slice(table!);
    const here = s.apply("eq", count, s.fill(used, count));
    const extra = s.apply("select", here, s.resolve(once!), s.fill(0, once!));
    const next = s.apply("add", s.apply("mul", state, rate), extra);
    const closed = scope.close([next, s.apply("add", count, s.fill(1, count))], [state]);
    return [
      closed.carry[0]!,
      ...Array.from({ length: Math.min(length, 3) }, (_, t) => {
        const row = b.one("slice", [closed.outputs[0]!], { start: [t], limit: [t + 1], stride: [1] });
        return b.reshape(row, []);
      }),
    ];
  });
}

Deno.test("influences() follows counters when a value acts at one step only", () => {
  const fn = scheduled(4, 1);
  const sets = allInfluences(fn).map((set) => [...set]);
  // The state before steps 0, 1 and 2: x; x and the table; and, after step 1, the value that acts there
  assertEquals(sets, [[0, 1, 2], [0], [0, 1], [0, 1, 2]]);
  assertEquals(names(scheduled(4, 7)), [0, 1]);
});

Deno.test("influences() takes late steps together when a loop is long, and overlooks nothing", () => {
  assertEquals(names(scheduled(1000, 999)), [0, 1, 2]);
});

Deno.test("influences() lists every input with a gradient other than zero, for every row of the gradient table", () => {
  for (const row of Object.values(gradientTable).flat()) {
    const fn = expandGradients(rowFunction(row));
    const seen = allInfluences(fn);
    fn.outputs.forEach((y, k) => {
      if (!isFloat(y.dtype)) return;
      const scalar = buildFunction(row.name, fn.inputs, (b, x) => [b.sum(b.apply("sin", b.inline(fn, x)[k]!))]);
      const wrt = fn.inputs.flatMap((x, i) => isFloat(x.dtype) ? [i] : []);
      const gradients = evaluate(valueAndGradient(scalar, wrt), row.inputs).slice(1);
      wrt.forEach((input, i) => {
        if (gradients[i]!.data.some((g) => g !== 0)) {
          assert(seen[k]!.has(input), `${row.name}: output ${k}, input ${input}`);
        }
      });
    });
  }
});

Deno.test("influences() sees all parameters and the rate act when a net is trained", () => {
  const fn = maml({ batch: 2, layers: [1, 3, 1], activation: "tanh" }, 2);
  // Inputs: x, y, W1, b1, W2, b2, x', y', rate; the first output is the loss, the others its gradients
  assertEquals(names(fn), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});
