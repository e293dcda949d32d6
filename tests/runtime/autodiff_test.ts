// Whole programs through differentiation: inner loops, kinks, residual policies, and how much code comes out.
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { expandGradients } from "../../runtime/autodiff/expand_gradients.ts";
import { valueAndGradient, vjpFunction } from "../../runtime/autodiff/gradient.ts";
import { partialEval } from "../../runtime/autodiff/partial_eval.ts";
import { transposeLinear } from "../../runtime/autodiff/transpose.ts";
import { Builder, buildFunction } from "../../runtime/ir/builder.ts";
import { type ArrayType, type HostArray, type IrFunction, sizeOf, type Variable } from "../../runtime/ir/types.ts";
import { verifyFunction } from "../../runtime/ir/verify.ts";
import { InternalError } from "../../runtime/errors.ts";
import { centralDifference, countOf, distance, evaluate, inner, prepare, scaleOf, step } from "./autodiff_evaluate.ts";
import {
  maml,
  mamlValues,
  perceptronLoss,
  type PerceptronSizes,
  perceptronTypes,
  scaled,
} from "./autodiff_programs.ts";
import { array, gradientTable, spread } from "./gradient_table.ts";

const f64 = (...shape: number[]): ArrayType => ({ dtype: "f64", shape });
const numbers = (x: HostArray | undefined) => [...x!.data];

/** f', f'', f''' of an elementwise function at given points, each order by one gradient request more. */
function derivatives(
  write: (b: Builder, x: Variable) => Variable,
  points: readonly number[],
  orders: number,
): number[][] {
  const types = [f64(points.length)];
  const x = array("f64", [points.length], points);
  let fn = buildFunction("f", types, (b, [x]) => [b.sum(write(b, x!))]);
  const results: number[][] = [];
  for (let order = 0; order < orders; order++) {
    const body = fn;
    const gradient = buildFunction(
      "gradient",
      types,
      (b, x) => [b.emit("gradient", x, { body, wrt: [0], mode: "reverse" })[1]!],
    );
    results.push(numbers(evaluate(gradient, [x])[0]));
    fn = buildFunction("f", types, (b, x) => [b.sum(b.inline(gradient, x)[0]!)]);
  }
  return results;
}

const kinks: readonly {
  readonly name: string;
  readonly write: (b: Builder, x: Variable) => Variable;
  readonly at: readonly number[];
  readonly expected: readonly (readonly number[])[];
}[] = [
  {
    name: "relu, which is where(x <= 0, 0, x), is flat",
    write: (b, x) => b.apply("select", b.apply("le", x, b.fill(0, x)), b.fill(0, x), x),
    at: [0],
    expected: [[0], [0]],
  },
  {
    name: "max(x, 0) takes half of a tie",
    write: (b, x) => b.apply("max", x, b.fill(0, x)),
    at: [0],
    expected: [[0.5], [0]],
  },
  {
    name: "min(0, x) takes half of a tie",
    write: (b, x) => b.apply("min", b.fill(0, x), x),
    at: [0],
    expected: [[0.5], [0]],
  },
  {
    // Half of x^2 and half of 5 x - 6, which meet at 2 and at 3
    name: "max(x^2, 5 x - 6) takes half of each",
    write: (b, x) => {
      const line = b.apply("sub", b.apply("mul", x, b.fill(5, x)), b.fill(6, x));
      return b.apply("max", b.apply("mul", x, x), line);
    },
    at: [2, 3],
    expected: [[4.5, 5.5], [1, 1], [0, 0]],
  },
  { name: "abs is flat", write: (b, x) => b.apply("abs", x), at: [0, -2], expected: [[0, -1], [0, 0]] },
  {
    name: "sqrt is flat at every order",
    write: (b, x) => b.apply("sqrt", x),
    at: [0, 4],
    expected: [[0, 0.25], [0, -1 / 32], [0, 3 / 256]],
  },
  {
    name: "the square root of a square is flat",
    write: (b, x) => b.apply("sqrt", b.apply("mul", x, x)),
    at: [0, -2],
    expected: [[0, -1], [0, 0]],
  },
  {
    name: "sign and floor are flat",
    write: (b, x) => b.apply("add", b.apply("sign", x), b.apply("floor", x)),
    at: [0, 1],
    expected: [[0, 0]],
  },
  {
    name: "x^2 by integer_pow",
    write: (b, x) => b.one("integer_pow", [x], { exponent: 2 }),
    at: [0],
    expected: [[0], [2], [0]],
  },
  {
    name: "x^1 by integer_pow",
    write: (b, x) => b.one("integer_pow", [x], { exponent: 1 }),
    at: [0],
    expected: [[1], [0]],
  },
  {
    name: "pow(x, 2)",
    write: (b, x) => b.apply("pow", x, b.fill(2, x)),
    at: [0, 3],
    expected: [[0, 6], [2, 2], [0, 0]],
  },
  { name: "pow(x, 1)", write: (b, x) => b.apply("pow", x, b.fill(1, x)), at: [0], expected: [[1], [0], [0]] },
  { name: "pow(x, 0)", write: (b, x) => b.apply("pow", x, b.fill(0, x)), at: [0], expected: [[0], [0]] },
  {
    name: "pow(x, 1.5) is flat at every order, because its derivative is 1.5 pow(x, 0.5)",
    write: (b, x) => b.apply("pow", x, b.fill(1.5, x)),
    at: [0, 4],
    expected: [[0, 3], [0, 3 / 8], [0, -3 / 64]],
  },
  {
    name: "pow(x, 0.5) is flat at every order",
    write: (b, x) => b.apply("pow", x, b.fill(0.5, x)),
    at: [0, 4],
    expected: [[0, 0.25], [0, -1 / 32], [0, 3 / 256]],
  },
  {
    name: "pow(x^2, 0.5) is flat",
    write: (b, x) => b.apply("pow", b.apply("mul", x, x), b.fill(0.5, x)),
    at: [0, -2],
    expected: [[0, -1], [0, 0], [0, 0]],
  },
  {
    name: "pow(0, y) in the exponent",
    write: (b, y) => b.apply("pow", b.fill(0, y), y),
    at: [2, 1, 0, -1],
    expected: [[0, 0, 0, 0], [0, 0, 0, 0]],
  },
  {
    name: "pow(-2, y) in the exponent",
    write: (b, y) => b.apply("pow", b.fill(-2, y), y),
    at: [2, 3],
    expected: [[0, 0], [0, 0]],
  },
  {
    name: "a maximum over a tie goes to the first",
    write: (b, x) =>
      b.apply(
        "mul",
        b.broadcastTo(b.one("reduce_max", [x], { axes: [0] }), x.shape),
        b.literal(new Float64Array([1, 0, 0, 0]), x),
      ),
    at: [1, 3, 3, 2],
    expected: [[0, 1, 0, 0], [0, 0, 0, 0]],
  },
  {
    name: "stop_gradient cuts",
    write: (b, x) => b.apply("mul", b.apply("stop_gradient", x), b.apply("mul", x, x)),
    at: [3],
    expected: [[18], [6], [0]],
  },
];

Deno.test("valueAndGradient() sends a maximum over several axes to the first in row-major order when there is a tie", () => {
  for (const axes of [[0, 1], [1, 0], [2, 0], [0, 2]]) {
    const shape = axes.includes(2) ? [2, 1, 2] : [2, 2];
    const fn = buildFunction("f", [f64(...shape)], (b, [x]) => [b.sum(b.one("reduce_max", [x!], { axes }))]);
    const [, gradient] = evaluate(valueAndGradient(fn, [0]), [array("f64", shape, [1, 3, 3, 3])]);
    assertEquals(numbers(gradient), [0, 1, 0, 0]);
  }
});

Deno.test("valueAndGradient() converts gradients to the input's dtype when the function computes in another", () => {
  // sum(exp(x)) in f64 of an f32 x, and of an f64 x through f32
  const fn = buildFunction("f", [{ dtype: "f32", shape: [2] }, f64(2)], (b, [x, y]) => {
    const through = b.convert(b.convert(y!, "f32"), "f64");
    return [b.sum(b.apply("exp", b.apply("add", b.convert(x!, "f64"), through)))];
  });
  const inputs = [array("f32", [2], [0.5, 0.25]), array("f64", [2], [0.125, 0.5])];
  for (const mode of ["reverse", "forward"] as const) {
    const [, dx, dy] = evaluate(valueAndGradient(fn, [0, 1], { mode }), inputs);
    assertEquals([dx!.dtype, dy!.dtype], ["f32", "f64"]);
    [Math.exp(0.625), Math.exp(0.75)].forEach((slope, i) => {
      // Rounded to f32 on its way
      assertAlmostEquals(dx!.data[i]!, slope, 2e-7 * slope);
      assertAlmostEquals(dy!.data[i]!, slope, 2e-7 * slope);
    });
  }
});

Deno.test("valueAndGradient() gives the first step's gradient when a loop has no step, and a map's when it has no iteration", () => {
  const fn = buildFunction("f", [f64(2), f64(0, 2)], (b, [x, xs]) => {
    const scan = b.openScan("none", 0);
    const { carry } = scan.close([scan.body.apply("mul", scan.carry(x!), scan.slice(xs!))], []);
    const map = b.openMap("none", 0);
    const [parts] = map.close([map.body.apply("mul", map.slice(xs!), map.body.resolve(x!))]);
    return [b.apply("add", b.sum(b.apply("sin", carry[0]!)), b.sum(parts!))];
  });
  const inputs = [array("f64", [2], [0.5, 1]), array("f64", [0, 2], [])];
  for (const residuals of ["all", "carry"] as const) {
    const [, dx, dxs] = evaluate(valueAndGradient(fn, [0, 1], { residuals }), inputs);
    assertEquals(numbers(dx), [Math.cos(0.5), Math.cos(1)]);
    assertEquals(dxs!.shape, [0, 2]);
  }
});

Deno.test("expandGradients() computes again what two loops with one body stack for each other", () => {
  const body = buildFunction("body", [f64(), f64()], (b, [state, x]) => {
    const y = b.apply("sin", b.apply("mul", state!, x!));
    return [y, b.apply("exp", y)];
  });
  const fn = buildFunction("f", [f64(), f64(3)], (b, [start, xs]) => {
    const params = { body, length: 3, constants: 0, carry: 1, reverse: false };
    const [, first] = b.emit("scan", [start!, xs!], params);
    const [, second] = b.emit("scan", [start!, first!], params);
    const [last] = b.emit("scan", [start!, second!], params);
    return [last!];
  });
  const gradient = buildFunction(
    "g",
    fn.inputs,
    (b, x) => b.emit("gradient", x, { body: fn, wrt: [0, 1], mode: "reverse" }),
  );
  const inputs = [spread([], 0.2, 1), spread([3], -1, 1, 2)];
  const [all, carry] = (["all", "carry"] as const).map((residuals) => prepare(gradient, { residuals })(inputs));
  assertEquals(distance(all!, carry!), 0);
});

for (const { name, write, at, expected } of kinks) {
  Deno.test(`expandGradients() keeps the convention when ${name}`, () => {
    const orders = derivatives(write, at, expected.length);
    // No NaN, no -0 counted as a difference, closed forms to rounding
    orders.forEach((order, k) => order.forEach((value, i) => assertAlmostEquals(value, expected[k]![i]!, 1e-12)));
  });
}

const tanhNet: PerceptronSizes = { batch: 3, layers: [2, 4, 1], activation: "tanh" };
const reluNet: PerceptronSizes = { batch: 10, layers: [1, 40, 40, 1], activation: "relu" };

for (const steps of [1, 3]) {
  Deno.test(`expandGradients() differentiates through ${steps} inner steps when the net is smooth`, () => {
    const values = mamlValues(tanhNet);
    const run = prepare(maml(tanhNet, steps));
    const [loss, ...gradients] = run(values);
    assert(Number.isFinite(loss!.data[0]));
    // wrt: the parameters (inputs 2 to 5) and the rate (the last input)
    const wrt = [2, 3, 4, 5, 8];
    wrt.forEach((input, k) => {
      const along = values.map((x, i) => i === input ? spread(x.shape, -1, 1, 70) : array("f64", x.shape, [0]));
      const [slope] = centralDifference((t) => [run(step(values, t, along))[0]!]);
      const product = inner([gradients[k]!], [along[input]!]);
      // See `centralDifference`: far below 1e-9 of the gradient's size
      assertAlmostEquals(product, slope!.data[0]!, 1e-9 * scaleOf(gradients));
    });
  });

  Deno.test(`expandGradients() gives the same through a scan of ${steps} steps as unrolled`, () => {
    const values = mamlValues(tanhNet);
    const [looped, unrolled] = [evaluate(maml(tanhNet, steps), values), evaluate(maml(tanhNet, steps, true), values)];
    assert(distance(looped, unrolled) <= 1e-13 * scaleOf(unrolled));
  });
}

Deno.test("expandGradients() gives the same values and gradients when short scans are written out", () => {
  for (const row of [...gradientTable.scan, ...gradientTable.map, ...gradientTable.gradient]) {
    const fn = buildFunction(row.name, row.inputs, (b, x) => {
      const request = b.openGradient("outer");
      const inner = x.map((v) => request.wrt(v));
      const outputs = row.write(request.body, inner);
      const total = outputs.map((y) => request.body.sum(request.body.apply("sin", y)));
      const closed = request.close([total.reduce((sum, y) => request.body.apply("add", sum, y)), ...outputs]);
      return [...closed.outputs, ...closed.gradients];
    });
    assertEquals(countOf(expandGradients(fn, { unroll: 4 }), "scan"), 0);
    const [looped, unrolled] = [0, 4].map((unroll) => prepare(fn, { unroll })(row.inputs));
    assert(distance(looped!, unrolled!) <= 1e-13 * scaleOf(looped!), row.name);
  }
});

Deno.test("expandGradients() gives bit-identical gradients when only the carry is kept", () => {
  const programs: [IrFunction, readonly HostArray[]][] = [[maml(tanhNet, 4), mamlValues(tanhNet)]];
  for (const row of [...gradientTable.scan, ...gradientTable.map, ...gradientTable.gradient]) {
    const loss = buildFunction(row.name, row.inputs, (b, x) => {
      const outputs = row.write(b, x).map((y) => b.sum(b.apply("sin", y)));
      return [outputs.reduce((sum, y) => b.apply("add", sum, y))];
    });
    const wrt = row.inputs.map((_, i) => i);
    const first = (x: readonly Variable[], b: Builder) => b.emit("gradient", x, { body: loss, wrt, mode: "reverse" });
    const again = buildFunction(
      row.name,
      row.inputs,
      (b, x) => first(x, b).slice(1).map((g) => b.sum(b.apply("mul", g, g))).slice(0, 1),
    );
    programs.push([buildFunction(row.name, row.inputs, (b, x) => first(x, b)), row.inputs]);
    programs.push([
      buildFunction(row.name, row.inputs, (b, x) => b.emit("gradient", x, { body: again, wrt, mode: "reverse" })),
      row.inputs,
    ]);
  }
  for (const [fn, inputs] of programs) {
    const [all, carry] = (["all", "carry"] as const).map((residuals) => prepare(fn, { residuals })(inputs));
    assertEquals(distance(all!, carry!), 0, fn.name);
  }
});

/** Bytes that the scans of a function stack. */
function stackedBytes(fn: IrFunction): number {
  let bytes = 0;
  for (const equation of fn.equations) {
    if (equation.op === "scan") {
      for (const output of equation.outputs.slice(equation.params.carry)) bytes += 8 * sizeOf(output.shape);
    }
  }
  return bytes;
}

Deno.test("expandGradients() stacks nothing but the parameters of every step when only the carry is kept", () => {
  const steps = 5;
  const parameters = perceptronTypes(reluNet).slice(2);
  const carry = expandGradients(maml(reluNet, steps), { residuals: "carry" });
  const size = parameters.reduce((n, type) => n + sizeOf(type.shape), 0);
  // The last layer's bias is not read by the backward pass: the network's value is
  assert(stackedBytes(carry) <= 8 * steps * size, `${stackedBytes(carry)}`);
});

Deno.test("valueAndGradient() gives finite gradients when units are dead under an Adam-like update", () => {
  // The second entry of w feeds a dead unit: its gradient, its moments and their roots are exactly zero
  const fn = buildFunction("adam", [f64(2), f64(), f64(), f64()], (b, [w, rate, beta1, beta2]) => {
    const loss = (s: Builder, p: Variable) => {
      const h = s.apply("max", s.fill(0, p), s.apply("mul", p, s.literal(new Float64Array([1, -1]), p)));
      return s.sum(s.apply("mul", h, h));
    };
    const scope = b.openScan("adam", 3);
    const s = scope.body;
    const [p, m, v] = [scope.carry(w!), scope.carry(b.fill(0, w!)), scope.carry(b.fill(0, w!))];
    const request = s.openGradient("loss");
    const g = request.close([loss(request.body, request.wrt(p))]).gradients[0]!;
    const one = s.fill(1, f64());
    const m1 = s.apply("add", scaled(s, m, beta1!), scaled(s, g, s.apply("sub", one, s.resolve(beta1!))));
    const v1 = s.apply(
      "add",
      scaled(s, v, beta2!),
      scaled(s, s.apply("mul", g, g), s.apply("sub", one, s.resolve(beta2!))),
    );
    const root = s.apply("add", s.apply("sqrt", v1), s.fill(1e-8, v1));
    const next = s.apply("sub", p, scaled(s, s.apply("div", m1, root), rate!));
    return [loss(b, scope.close([next, m1, v1], []).carry[0]!)];
  });
  const inputs = [
    array("f64", [2], [0.8, 0.6]),
    array("f64", [], [0.1]),
    array("f64", [], [0.9]),
    array("f64", [], [0.99]),
  ];
  const wrt = [0, 1, 2, 3];
  const first = evaluate(
    buildFunction("g", fn.inputs, (b, x) => b.emit("gradient", x, { body: fn, wrt, mode: "reverse" })),
    inputs,
  );
  for (const x of first) assert(x.data.every(Number.isFinite), `${x.data}`);
  assertEquals(first[1]!.data[1], 0);
  const run = prepare(fn);
  inputs.forEach((_, k) => {
    const along = inputs.map((x, i) => array("f64", x.shape, i === k ? x.shape.length ? [1, 0] : [1] : [0]));
    const [slope] = centralDifference((t) => [run(step(inputs, t / 8, along))[0]!]);
    assertAlmostEquals(first[1 + k]!.data[0]!, 8 * slope!.data[0]!, 1e-7 * scaleOf(first));
  });
});

Deno.test("valueAndGradient() returns zeros when an input does not matter", () => {
  const fn = buildFunction("f", [f64(2), f64(3), f64()], (b, [x]) => [b.sum(b.apply("mul", x!, x!))]);
  for (const mode of ["reverse", "forward"] as const) {
    const [, dx, dy, dz] = evaluate(valueAndGradient(fn, [0, 1, 2], { mode }), [
      spread([2], -1, 1),
      spread([3], -1, 1),
      spread([], -1, 1),
    ]);
    assert(numbers(dx).every((g) => g !== 0));
    assertEquals([...numbers(dy), ...numbers(dz)], [0, 0, 0, 0]);
    const alone = evaluate(valueAndGradient(fn, [2], { mode }), [
      spread([2], -1, 1),
      spread([3], -1, 1),
      spread([], -1, 1),
    ]);
    assertEquals(numbers(alone[1]), [0]);
  }
});

Deno.test("valueAndGradient() returns other outputs and gradients in the order of wrt when inputs repeat", () => {
  const fn = buildFunction("f", [f64(), { dtype: "i32", shape: [] }, f64()], (b, [x, k, y]) => [
    b.apply("mul", b.apply("mul", x!, y!), b.convert(k!, "f64")),
    k!,
    b.apply("exp", y!),
  ]);
  const inputs = [array("f64", [], [2]), array("i32", [], [3]), array("f64", [], [5])];
  for (const mode of ["reverse", "forward"] as const) {
    const results = evaluate(valueAndGradient(fn, [2, 0, 2], { mode }), inputs);
    assertEquals(results.map((x) => x.data[0]), [30, 3, Math.exp(5), 6, 15, 6]);
  }
});

Deno.test("expandGradients() computes only the value when a request asks for no gradient", () => {
  const body = buildFunction("f", [f64(2)], (b, [x]) => [b.sum(b.apply("exp", x!))]);
  const fn = buildFunction("g", [f64(2)], (b, x) => b.emit("gradient", x, { body, wrt: [], mode: "reverse" }));
  assertEquals(expandGradients(fn).equations.map((e) => e.op), ["exp", "reduce_sum"]);
});

Deno.test("transposeLinear() transposes a scan that also carries values of its own", () => {
  // s' = s c + x, with c doubling at every step: linear in s and x, not in c
  const fn = buildFunction("f", [f64(), f64(), f64(3)], (b, [c, start, xs]) => {
    const scope = b.openScan("steps", 3);
    const [k, state] = [scope.carry(c!), scope.carry(start!)];
    const s = scope.body;
    const next = s.apply("add", s.apply("mul", state, k), scope.slice(xs!));
    const closed = scope.close([s.apply("add", k, k), next], [next]);
    return [closed.carry[1]!, closed.outputs[0]!];
  });
  const transposed = transposeLinear(fn, [false, true, true]);
  verifyFunction(transposed);
  const c = array("f64", [], [0.7]);
  const [x, u] = [[spread([], -1, 1), spread([3], -1, 1, 2)], [spread([], -1, 1, 3), spread([3], -1, 1, 4)]];
  assertAlmostEquals(inner(evaluate(fn, [c, ...x]), u), inner(x, evaluate(transposed, [c, ...u])), 1e-14);
});

Deno.test("transposeLinear() finds the linear factor on either side of a product", () => {
  const fn = buildFunction("f", [f64(2), f64(2)], (b, [x, y]) => [
    b.apply("add", b.apply("mul", x!, y!), b.apply("neg", b.apply("div", y!, x!))),
    b.apply("sub", b.fill(0, y!), b.apply("mul", y!, x!)),
  ]);
  const x = array("f64", [2], [2, 4]);
  const us = [array("f64", [2], [1, 10]), array("f64", [2], [100, 1000])];
  // Of y: x u - u / x - x v
  assertEquals(numbers(evaluate(transposeLinear(fn, [false, true]), [x, ...us])[0]), [2 - 0.5 - 200, 40 - 2.5 - 4000]);
});

Deno.test("transposeLinear() returns zeros when a linear input does not matter", () => {
  const fn = buildFunction("f", [f64(2), f64(2)], (b, [x]) => [b.apply("neg", x!)]);
  const results = evaluate(transposeLinear(fn, [true, true]), [array("f64", [2], [1, 2])]);
  assertEquals(results.map(numbers), [[-1, -2], [0, 0]]);
});

Deno.test("valueAndGradient() moves one input at a time when it goes forward beside other scalars", () => {
  const fn = buildFunction("f", [f64(), f64(1), f64(0)], (b, [x, y]) => [b.apply("mul", x!, b.reshape(y!, []))]);
  const inputs = [array("f64", [], [3]), array("f64", [1], [5]), array("f64", [0], [])];
  const forward = (wrt: readonly number[]) =>
    evaluate(valueAndGradient(fn, wrt, { mode: "forward" }), inputs).slice(1).map(numbers);
  assertEquals([forward([0]), forward([1]), forward([1, 0, 2]), forward([2])], [[[5]], [[3]], [[3], [5], []], [[]]]);
});

Deno.test("transposeLinear() refuses a function that is not linear", () => {
  const fn = buildFunction("f", [f64()], (b, [x]) => [b.apply("exp", x!)]);
  assertThrows(() => transposeLinear(fn, [true]), InternalError, "exp is not linear");
});

Deno.test("partialEval() puts nothing into the unknown half when no unknown input matters", () => {
  const fn = buildFunction(
    "f",
    [f64(), f64()],
    (b, [x, y]) => [b.apply("exp", x!), b.apply("mul", b.apply("sin", x!), y!)],
  );
  const split = partialEval(fn, [false, true]);
  assertEquals(split.unknownOutputs, [false, true]);
  assertEquals(split.known.equations.map((e) => e.op), ["exp", "sin"]);
  assertEquals(split.unknown.equations.map((e) => e.op), ["mul"]);
  assertEquals(split.residuals, 1);
});

Deno.test("vjpFunction() passes residuals that are the same at every step as constants", () => {
  // w is multiplied by itself in the body: once outside is enough, and nothing of it is stacked
  const fn = buildFunction("f", [f64(3, 3), f64(3)], (b, [w, start]) => {
    const scope = b.openScan("steps", 4);
    const s = scope.body;
    const state = scope.carry(start!);
    const params = { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] };
    const squared = s.one("dot_general", [w!, w!], params);
    return [b.sum(scope.close([s.one("dot_general", [squared, state], params)], []).carry[0]!)];
  });
  const vjp = vjpFunction(fn, [1]);
  const scans = vjp.equations.filter((e) => e.op === "scan");
  assertEquals(scans.map((e) => e.outputs.length), [1, 1]);
  assertEquals(scans[1]!.params.body.equations.map((e) => e.op), ["dot_general"]);
});

Deno.test("expandGradients() writes the gradient of a three-layer relu net in few equations", () => {
  const types = perceptronTypes(reluNet);
  const fn = buildFunction("mlp", types, (b, v) => [perceptronLoss(b, reluNet, v)]);
  const gradient = valueAndGradient(fn, types.map((_, i) => i).slice(2));
  assertEquals([countOf(fn), countOf(gradient), countOf(gradient, "dot_general")], [19, 31, 8]);
  assertEquals(countOf(gradient, "transpose") + countOf(gradient, "reshape"), 0);
});

Deno.test("expandGradients() writes second-order gradients without a copy too many", () => {
  const counts = [maml(reluNet, 1, true), maml(reluNet, 5)].map((fn) => {
    const expanded = expandGradients(fn);
    return [countOf(expanded), countOf(expanded, "dot_general"), countOf(expanded, "transpose")];
  });
  assertEquals(counts, [[141, 30, 0], [127, 30, 0]]);
});

Deno.test("expandGradients() grows linearly with the program", () => {
  // A chain of n products and sines, then a scan of scans of it: twice the program, twice the gradient's gradient
  const chain = (n: number) =>
    buildFunction("chain", [f64(2)], (b, [x]) => {
      const outer = b.openScan("outer", 2);
      const inner = outer.body.openScan("inner", 2);
      let y = inner.carry(outer.carry(x!));
      for (let i = 0; i < n; i++) y = inner.body.apply("sin", inner.body.apply("mul", y, y));
      return [b.sum(outer.close(inner.close([y], []).carry, []).carry[0]!)];
    });
  const second = (n: number) => {
    const gradient = valueAndGradient(chain(n), [0]);
    const norm = buildFunction("norm", [f64(2)], (b, x) => [b.sum(b.inline(gradient, x)[1]!)]);
    return countOf(valueAndGradient(norm, [0]));
  };
  const [a, b, c] = [second(10), second(20), second(40)] as [number, number, number];
  assertEquals(c - b, 2 * (b - a));
});
