// What nothing needs disappears, in loops too, and nothing else does.
import { assertEquals } from "@std/assert";
import { buildFunction } from "../../runtime/ir/builder.ts";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { eliminateDeadCode } from "../../runtime/ir/dead_code.ts";
import { fuseMaps } from "../../runtime/ir/fuse_maps.ts";
import { printFunction } from "../../runtime/ir/print.ts";
import type { ArrayType, EquationOf, IrFunction, PrimitiveName } from "../../runtime/ir/types.ts";
import { verifyFunction } from "../../runtime/ir/verify.ts";
import { evaluate } from "./autodiff_evaluate.ts";
import { spread } from "./gradient_table.ts";

const f64 = (...shape: number[]): ArrayType => ({ dtype: "f64", shape });

/** Sweeps and verifies. */
function swept(fn: IrFunction): IrFunction {
  const result = eliminateDeadCode(fn);
  verifyFunction(result, { allowGradient: true });
  return result;
}

function only<P extends PrimitiveName>(fn: IrFunction, op: P): EquationOf<P> {
  const found = fn.equations.filter((e) => e.op === op);
  assertEquals(found.length, 1);
  return found[0] as unknown as EquationOf<P>;
}

Deno.test("eliminateDeadCode() keeps the function's own inputs and outputs when they are not used", () => {
  const fn = buildFunction("f", [f64(), f64()], (b, [x, y]) => {
    b.apply("exp", y!);
    return [x!, x!];
  });
  assertEquals(printFunction(swept(fn)), "fn f(a: f64[], b: f64[]) {\n  return a, a\n}\n");
});

Deno.test("eliminateDeadCode() drops stacked outputs, constants, slices and carries when nothing needs them", () => {
  const fn = buildFunction("f", [f64(), f64(), f64(), f64(4), f64(4)], (b, [x, other, unused, xs, ys]) => {
    const scope = b.openScan("loop", 4);
    const s = scope.body;
    const [live, dead] = [scope.carry(x!), scope.carry(other!)];
    const [slice, deadSlice] = [scope.slice(xs!), scope.slice(ys!)];
    // `dead` feeds itself and a stacked output that nobody reads
    const deadNext = s.apply("mul", s.apply("add", dead, deadSlice), s.resolve(unused!));
    const { carry } = scope.close([s.apply("add", live, slice), deadNext], [s.apply("exp", dead), live]);
    return [carry[0]!];
  });
  const { inputs, outputs, params } = only(swept(fn), "scan");
  assertEquals([inputs.length, outputs.length, params.constants, params.carry], [2, 1, 0, 1]);
  assertEquals(params.body.equations.map((e) => e.op), ["add"]);
});

Deno.test("of a gradient that nobody reads only what stands beside it is left, and what that needs", () => {
  const fn = buildFunction("f", [f64(), f64(), f64()], (b, [x, y, start]) => {
    const loop = b.openScan("loop", 3);
    const [w, level] = [loop.carry(x!), loop.carry(start!)];
    const request = loop.body.openGradient("loss");
    const own = request.wrt(w);
    const loss = request.body.apply("mul", own, request.body.apply("add", own, request.body.resolve(y!)));
    const { outputs, gradients } = request.close([loss, request.body.apply("exp", request.body.resolve(level))]);
    const { carry } = loop.close([loop.body.apply("sub", w, gradients[0]!), outputs[1]!], []);
    return [carry[1]!];
  });
  const { inputs, params } = only(swept(fn), "scan");
  assertEquals([inputs.length, params.carry], [1, 1]);
  const values = [0.5, 2, -1].map((x) => ({ dtype: "f64", shape: [], data: Float64Array.of(x) } as const));
  assertEquals([...evaluate(expandGradients(fn), values)[0]!.data], [Math.exp(Math.exp(Math.exp(-1)))]);
});

Deno.test("eliminateDeadCode() keeps a carry when another live carry needs it at a later step", () => {
  // a <- b <- c: only a is read, and after two steps it has seen c
  const fn = buildFunction("f", [f64(), f64(), f64(), f64()], (b, v) => {
    const scope = b.openScan("shift", 5);
    const [a, c1, c2, c3] = v.map((x) => scope.carry(x));
    void a;
    const s = scope.body;
    const { carry } = scope.close(
      [s.apply("neg", c1!), s.apply("neg", c2!), s.apply("exp", c2!), s.apply("exp", c3!)],
      [],
    );
    return [carry[0]!];
  });
  const { params } = only(swept(fn), "scan");
  assertEquals(params.carry, 3);
  const inputs = [1, 2, 3, 4].map((seed) => spread([], -1, 1, seed));
  assertEquals(evaluate(swept(fn), inputs), evaluate(fn, inputs));
});

Deno.test("eliminateDeadCode() turns a carry into a constant when the body hands it on untouched", () => {
  const fn = buildFunction("f", [f64(), f64()], (b, [x, rate]) => {
    const outer = b.openScan("outer", 2);
    const [state, kept] = [outer.carry(x!), outer.carry(rate!)];
    const inner = outer.body.openScan("inner", 3);
    const [p, r] = [inner.carry(state), inner.carry(kept)];
    const closed = inner.close([inner.body.apply("mul", p, r), r], []);
    return outer.close(closed.carry, []).carry;
  });
  const result = swept(fn);
  const { params } = only(result, "scan");
  assertEquals([params.constants, params.carry, params.body.outputs.length], [1, 1, 1]);
  assertEquals(result.outputs[1], fn.inputs[1]);
  const inputs = [spread([], -1, 1, 1), spread([], -1, 1, 2)];
  assertEquals(evaluate(result, inputs), evaluate(fn, inputs));
});

Deno.test("eliminateDeadCode() drops outputs and inputs of a map when nothing needs them", () => {
  const fn = buildFunction("f", [f64(), f64(), f64(3), f64(3)], (b, [x, y, xs, ys]) => {
    const scope = b.openMap("each", 3);
    const m = scope.body;
    const [slice, other] = [scope.slice(xs!), scope.slice(ys!)];
    const [result] = scope.close([m.apply("mul", m.resolve(x!), slice), m.apply("mul", m.resolve(y!), other)]);
    return [result!];
  });
  const { inputs, outputs, params } = only(swept(fn), "map");
  assertEquals([inputs.length, outputs.length, params.constants, params.body.inputs.length], [2, 1, 1, 2]);
});

Deno.test("eliminateDeadCode() drops gradients, extra outputs and inputs of a request when nothing needs them", () => {
  const body = buildFunction("body", [f64(), f64(), f64(), f64()], (b, [x, y, z, w]) => [
    b.apply("mul", x!, y!),
    b.apply("exp", z!),
    b.apply("sin", w!),
  ]);
  const fn = buildFunction("f", body.inputs, (b, x) => {
    const results = b.emit("gradient", x, { body, wrt: [3, 0, 1, 2], mode: "reverse" });
    return [results[2]!, results[5]!];
  });
  const { inputs, outputs, params } = only(swept(fn), "gradient");
  // The value, sin(w), d / dy
  assertEquals([inputs.length, outputs.length, params.wrt, params.body.outputs.length], [3, 3, [1], 2]);
});

Deno.test("eliminateDeadCode() leaves of a request without gradients what may be written again, whatever it returns", () => {
  const body = buildFunction("body", [f64(), f64(3)], (b, [x, y]) => [b.apply("exp", x!), b.apply("sin", y!)]);
  const fn = swept(buildFunction("f", body.inputs, (b, x) => {
    return [b.emit("gradient", x, { body, wrt: [0], mode: "reverse" })[1]!];
  }));
  const again = buildFunction("again", fn.inputs, (b, x) => b.inline(fn, x));
  verifyFunction(again, { allowGradient: true });
  const inputs = [spread([], -1, 1, 1), spread([3], -1, 1, 2)];
  assertEquals([...evaluate(expandGradients(again), inputs)[0]!.data], [...inputs[1]!.data].map(Math.sin));
});

Deno.test("eliminateDeadCode() keeps what a request reads when only a gradient of it is needed", () => {
  const body = buildFunction("body", [f64(), f64(), f64()], (b, [x, y, _unused]) => [b.apply("mul", x!, y!)]);
  const fn = buildFunction("f", [f64(), f64(), f64()], (b, [x, y, z]) => {
    const operands = [x!, y!, z!].map((v) => b.apply("exp", v));
    const results = b.emit("gradient", operands, { body, wrt: [0, 2], mode: "reverse" });
    return [results[1]!, results[2]!];
  });
  const result = swept(fn);
  assertEquals(result.equations.map((e) => e.op), ["exp", "exp", "exp", "gradient"]);
  const inputs = [1, 2, 3].map((seed) => spread([], -1, 1, seed));
  assertEquals(evaluate(result, inputs).map((g) => g.data[0]), [Math.exp(inputs[1]!.data[0]!), 0]);
});

Deno.test("eliminateDeadCode() removes a loop when none of its results is needed", () => {
  const fn = buildFunction("f", [f64(), f64(3)], (b, [x, xs]) => {
    const scan = b.openScan("loop", 3);
    scan.close([scan.body.apply("add", scan.carry(x!), scan.slice(xs!))], []);
    const map = b.openMap("each", 3);
    map.close([map.body.apply("exp", map.slice(xs!))]);
    return [x!];
  });
  assertEquals(swept(fn).equations, []);
});

Deno.test("fuseMaps() joins maps when one continues the other's iterations", () => {
  const fn = buildFunction("f", [f64(3), f64(3), f64()], (b, [xs, ys, w]) => {
    const first = b.openMap("first", 3);
    const [p, q] = first.close([first.body.apply("exp", first.slice(xs!)), first.body.apply("sin", first.slice(ys!))]);
    const total = b.sum(q!);
    const scale = b.apply("exp", w!);
    const second = b.openMap("second", 3);
    const product = second.body.apply("mul", second.slice(p!), second.body.resolve(scale));
    const [r] = second.close([second.body.apply("add", product, second.slice(xs!))]);
    return [r!, total];
  });
  const fused = swept(fuseMaps(fn));
  const { params } = only(fused, "map");
  assertEquals([params.constants, params.body.inputs.length, params.body.outputs.length], [1, 3, 2]);
  const inputs = [spread([3], -1, 1, 1), spread([3], -1, 1, 2), spread([], -1, 1, 3)];
  assertEquals(evaluate(fused, inputs), evaluate(fn, inputs));
});

Deno.test("fuseMaps() leaves a scan alone when a map reads its records, and joins maps in its body", () => {
  const fn = buildFunction("f", [f64(3), f64(3)], (b, [x, ys]) => {
    const scan = b.openScan("loop", 3);
    const s = scan.body;
    const state = scan.carry(x!);
    const first = s.openMap("first", 3);
    const [p] = first.close([first.body.apply("sin", first.slice(state))]);
    const second = s.openMap("second", 3);
    const [q] = second.close([second.body.apply("exp", second.slice(p!))]);
    const { outputs } = scan.close([s.apply("mul", q!, s.resolve(ys!))], [s.sum(q!)]);
    const after = b.openMap("after", 3);
    return [after.close([after.body.apply("cos", after.slice(outputs[0]!))])[0]!];
  });
  const fused = swept(fuseMaps(fn));
  verifyFunction(fused);
  assertEquals(fused.equations.map((e) => e.op), ["scan", "map"]);
  assertEquals(only(fused, "scan").params.body.equations.filter((e) => e.op === "map").length, 1);
  const inputs = [spread([3], -1, 1, 1), spread([3], -1, 1, 2)];
  assertEquals(evaluate(fused, inputs), evaluate(fn, inputs));
});

Deno.test("fuseMaps() leaves maps apart when their lengths differ", () => {
  const fn = buildFunction("f", [f64(3)], (b, [xs]) => {
    const first = b.openMap("first", 3);
    const [p] = first.close([first.body.broadcastTo(first.body.apply("exp", first.slice(xs!)), [2])]);
    const second = b.openMap("second", 2);
    const [r] = second.close([second.body.sum(second.slice(b.one("transpose", [p!], { permutation: [1, 0] })))]);
    const third = b.openMap("third", 3);
    return [r!, third.close([third.body.sum(third.slice(p!))])[0]!];
  });
  const fused = swept(fuseMaps(fn));
  assertEquals(fused.equations.filter((e) => e.op === "map").map((e) => e.params.length), [3, 2]);
  const inputs = [spread([3], -1, 1)];
  assertEquals(evaluate(fused, inputs), evaluate(fn, inputs));
});

Deno.test("fuseMaps() leaves maps apart when one needs all of the other's iterations", () => {
  const fn = buildFunction("f", [f64(3)], (b, [xs]) => {
    const first = b.openMap("first", 3);
    const [p] = first.close([first.body.apply("exp", first.slice(xs!))]);
    const second = b.openMap("second", 3);
    const [r] = second.close([second.body.apply("div", second.slice(p!), second.body.resolve(b.sum(p!)))]);
    return [r!];
  });
  assertEquals(fuseMaps(fn).equations.filter((e) => e.op === "map").length, 2);
});
