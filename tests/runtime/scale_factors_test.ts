// Learned rates of loops: the derivative by the rate must not need the gradient that the rate scales.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { valueAndGradient } from "../../runtime/autodiff/gradient.ts";
import { scaleFactors } from "../../runtime/autodiff/scale_factors.ts";
import { type Builder, buildFunction } from "../../runtime/ir/builder.ts";
import type { HostArray, IrFunction, Variable } from "../../runtime/ir/types.ts";
import { centralDifference, countOf, distance, evaluate, scaleOf } from "./autodiff_evaluate.ts";
import { array, spread } from "./gradient_table.ts";

/** T steps down an energy of a convolution, whose gradient is written out: w := w - rate * gradient. */
function convolutional(write: (b: Builder, step: (b: Builder, w: Variable) => Variable, w: Variable) => Variable) {
  const types = [
    { dtype: "f64", shape: [] },
    { dtype: "f64", shape: [2, 3, 2, 2] },
    { dtype: "f64", shape: [4, 3, 5, 5] },
  ] as const;
  return buildFunction("convolutional", types, (b, [rate, w, x]) => {
    const params = { stride: [1, 1], padding: [[0, 0], [0, 0]], dilation: [1, 1], groups: 1 } as const;
    const step = (s: Builder, w: Variable) => {
      const [r, image] = [s.resolve(rate!), s.resolve(x!)];
      const y = s.apply("tanh", s.one("conv", [image, w], params));
      const slope = s.one("conv_filter_gradient", [image, y], { ...params, kernelSize: [2, 2] });
      return s.apply("sub", w, s.apply("mul", s.broadcastTo(r, w.shape), slope));
    };
    return [b.sum(b.apply("sin", write(b, step, w!)))];
  });
}

const looped = convolutional((b, step, w) => {
  const scan = b.openScan("steps", 3);
  const carry = scan.carry(w);
  return scan.close([step(scan.body, carry)], []).carry[0]!;
});

Deno.test("rates scale what a gradient is made of, with the same derivatives", () => {
  const written = convolutional((b, step, w) => [0, 1, 2].reduce((v) => step(b, v), w));
  const scales = (fn: IrFunction) => {
    const scan = fn.equations.find((e) => e.op === "scan")!;
    return scan.params.body.equations.filter((e) => e.op === "mul").map((e) => e.outputs[0]!.shape);
  };
  assertEquals(scales(looped), [[2, 3, 2, 2]]);
  assertEquals(scales(scaleFactors(looped, [true, true, false])).at(-1), [4, 2, 4, 4]);
  // a rate that does not move stays where it is
  assertEquals(scaleFactors(looped, [false, true, false]), looped);
  const values = [
    array("f64", [], [0.3]),
    spread([2, 3, 2, 2], -0.5, 0.5),
    spread([4, 3, 5, 5], -1, 1),
  ];
  const [a, b] = [looped, written].map((fn) => evaluate(valueAndGradient(fn, [0, 1]), values));
  assert(distance(a!, b!) <= 1e-13 * scaleOf(b!));
});

Deno.test("a loop that is run again makes no product for the derivative by its rate", () => {
  const products = (wrt: number[]) => {
    const fn = valueAndGradient(looped, wrt, { residuals: "carry" });
    return (["conv", "conv_input_gradient", "conv_filter_gradient"] as const).map((op) => countOf(fn, op));
  };
  assertEquals(products([0, 1]), products([1]));
});

Deno.test("a rate that scales all gradients of a request scales what they are of, and the value stays what it was", () => {
  const types = [{ dtype: "f64", shape: [] }, { dtype: "f64", shape: [3] }, { dtype: "f64", shape: [3] }] as const;
  const loop = (twice: boolean) =>
    buildFunction("loop", types, (b, [rate, u, v]) => {
      const scan = b.openScan("steps", 4);
      const [x, y] = [scan.carry(u!), scan.carry(v!)];
      const s = scan.body;
      const energy = buildFunction("energy", [x, y], (e, [p, q]) => [e.sum(e.apply("sin", e.apply("mul", p!, q!)))]);
      const [value, gx, gy] = s.emit("gradient", [x, y], { body: energy, wrt: [0, 1], mode: "reverse" });
      const r = s.resolve(rate!);
      const down = (p: Variable, g: Variable) => s.apply("sub", p, s.apply("mul", s.broadcastTo(r, g.shape), g));
      // where something else reads a gradient, too, nothing is moved
      const kept = twice ? [value!, s.sum(gx!)] : [value!];
      const closed = scan.close([down(x, gx!), down(y, gy!)], kept);
      const all = [...closed.carry, ...closed.stacked].map((z) => b.sum(b.apply("cos", z)));
      return [all.reduce((p, q) => b.apply("add", p, q))];
    });
  const scales = (fn: IrFunction) => {
    const body = fn.equations.find((e) => e.op === "scan")!.params.body;
    return body.equations.filter((e) => e.op === "mul").length;
  };
  const moving = [true, true, true];
  assertEquals([false, true].map((twice) => scales(scaleFactors(loop(twice), moving))), [0, 2]);
  const values = [array("f64", [], [0.3]), spread([3], -1, 1), spread([3], 0.2, 2, 2)];
  for (const twice of [false, true]) {
    const fn = buildFunction("outer", types, (b, x) => {
      return b.emit("gradient", x, { body: loop(twice), wrt: [0, 1, 2], mode: "reverse" });
    });
    const [plain, forward] = [{}, { products: "forward" as const }].map((options) =>
      evaluate(expandGradients(fn, options), values)
    );
    const run = (point: readonly HostArray[]) => evaluate(expandGradients(loop(twice)), point);
    assert(distance([plain![0]!], run(values)) <= 1e-14);
    assert(distance(plain!, forward!) <= 1e-13 * scaleOf(plain!));
    const [slope] = centralDifference((t) => [run([array("f64", [], [0.3 + t]), ...values.slice(1)])[0]!]);
    assertAlmostEquals(plain![1]!.data[0]!, slope!.data[0]!, 1e-9 * scaleOf(plain!));
  }
});
