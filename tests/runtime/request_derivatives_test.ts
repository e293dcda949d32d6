// Are the derivatives right that are not those of the code? A solution is found by Newton's method behind `stop_gradient` and
// differentiated by the equation that it solves; central differences see it move.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { expandWithReports } from "../../runtime/autodiff/expand_gradients.ts";
import { allInfluences } from "../../runtime/autodiff/influence.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { type Builder, buildFunction } from "../../runtime/ir/builder.ts";
import type { GradientMode, HostArray, IrFunction, LinearSolver, Variable } from "../../runtime/ir/types.ts";
import { centralDifference, evaluate, inner, prepare, step } from "./autodiff_evaluate.ts";
import { array, spread } from "./gradient_table.ts";

const matrix = array("f64", [3, 3], [4, 1, 0.5, 1, 3, 0.2, 0.5, 0.2, 5]);
const lopsided = array("f64", [3, 3], [4, 1, 0.5, -1, 3, 0.2, 0.3, -0.7, 5]);
const target = spread([3], -1, 1);
const scalar = { dtype: "f64", shape: [] } as const;

const exact = { iterations: 3, tolerance: 0, damping: 0, symmetric: true };
/** Of a Neumann series with the rate 0.15: the matrices here have eigenvalues from 2.3 to 6.4, so a term is 0.65 of the one before,
 *  and what is left out, also of third derivatives with their cubes of the number of terms, is below 1e-12. */
const terms = 100;
const exactSolvers: readonly LinearSolver[] = [
  { ...exact, kind: "cg" },
  { ...exact, kind: "gmres" },
  { ...exact, kind: "normal_cg" },
  { ...exact, kind: "direct" },
  { ...exact, kind: "neumann", iterations: terms },
];

const product = (b: Builder, a: Variable, x: Variable) =>
  b.one("dot_general", [a, x], { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] });

/** F(A, c, w) = A w + tanh(w) - c. */
function equation(b: Builder, a: Variable, c: Variable, w: Variable): Variable {
  return b.apply("sub", b.apply("add", product(b, a, w), b.apply("tanh", w)), c);
}

const equationBody = buildFunction("F", [matrix, target, target], (b, [a, c, w]) => [equation(b, a!, c!, w!)]);

/** The w with F(A, c, w) = 0, by six steps of Newton: constant to derivatives, then with the derivative of the solution. */
function solution(b: Builder, a: Variable, c: Variable, solver: LinearSolver): Variable {
  let w = b.fill(0, { dtype: "f64", shape: [3] });
  const diagonal = (x: Variable) => {
    const rows = b.one("iota", [], { type: { dtype: "i32", shape: [3, 3] }, axis: 0 });
    const columns = b.one("iota", [], { type: { dtype: "i32", shape: [3, 3] }, axis: 1 });
    return b.apply("mul", b.convert(b.apply("eq", rows, columns), "f64"), b.broadcastTo(x, [3, 3]));
  };
  for (let k = 0; k < 6; k++) {
    const slope = b.apply("sub", b.fill(1, w), b.one("integer_pow", [b.apply("tanh", w)], { exponent: 2 }));
    const jacobian = b.apply("add", a, diagonal(slope));
    const move = b.apply("solve", jacobian, b.reshape(equation(b, a, c, w), [3, 1]));
    w = b.apply("sub", w, b.reshape(move, [3]));
  }
  const still = b.apply("stop_gradient", w);
  const rate = b.fill(0.15, scalar);
  const norms = [0.5, 2, 0.25].map((x) => b.fill(x, scalar));
  return b.one("implicit", [...norms, rate, a, c, still], {
    body: equationBody,
    constants: 2,
    solver,
    label: "fit",
    equation: "gradient",
  });
}

/** L = sum(weights * sin(w)) + w0 w1 w2. */
function objective(solver: LinearSolver, a: HostArray): IrFunction {
  return buildFunction("L", [a, target], (b, [a, c]) => {
    const turned = b.apply("add", a!, b.one("transpose", [a!], { permutation: [1, 0] }));
    const matrix = solver.symmetric ? b.apply("mul", turned, b.fill(0.5, a!)) : a!;
    const w = solution(b, matrix, c!, solver);
    const weights = b.literal(Float64Array.of(1, -2, 0.5), w);
    return [b.sum(b.apply("mul", weights, b.apply("sin", w)))];
  });
}

/** x -> <v, gradient at x>: each application asks for one order more. */
function slice(fn: IrFunction, mode: GradientMode, seed: number): IrFunction {
  return buildFunction(fn.name, fn.inputs, (b, x) => {
    const gradients = b.emit("gradient", x, { body: fn, wrt: [0, 1], mode }).slice(fn.outputs.length);
    const parts = gradients.map((g, i) =>
      b.sum(b.apply("mul", g, b.literal(spread(g.shape, -1, 1, seed + i).data, g)))
    );
    return [parts.reduce((x, y) => b.apply("add", x, y))];
  });
}

function checkOrders(
  fn: IrFunction,
  point: readonly HostArray[],
  orders: number,
  mode: GradientMode,
  what: string,
): void {
  let f = fn;
  for (let order = 1; order <= orders; order++) {
    const run = prepare(f);
    const gradient = prepare(
      buildFunction("g", f.inputs, (b, x) => b.emit("gradient", x, { body: f, wrt: [0, 1], mode })),
    );
    const direction = point.map((x, i) => spread(x.shape, -1, 1, 7 + i));
    const slope = inner(gradient(point).slice(1), direction);
    const difference = centralDifference((t) => run(step(point, t, direction)))[0]!.data[0]!;
    assertAlmostEquals(slope, difference, 1e-9 * Math.max(1, Math.abs(difference)), `${what}, order ${order}`);
    f = slice(f, mode, 30 + order);
  }
}

for (const solver of exactSolvers) {
  for (const mode of ["reverse", "forward"] as const) {
    Deno.test(`an implicit derivative by ${solver.kind} is that of the solution, to third order, ${mode}`, () => {
      checkOrders(objective(solver, matrix), [matrix, target], 3, mode, solver.kind);
    });
  }
}

for (const kind of ["gmres", "normal_cg", "direct", "neumann"] as const) {
  Deno.test(`an implicit derivative by ${kind} is right where the matrix is not symmetric`, () => {
    const solver: LinearSolver = { ...exact, kind, symmetric: false, iterations: kind === "neumann" ? terms : 3 };
    checkOrders(objective(solver, lopsided), [lopsided, target], 2, "reverse", kind);
  });
}

Deno.test("a solve inside a loop and inside a map is transposed with them", () => {
  const solver: LinearSolver = { ...exact, kind: "gmres", symmetric: false };
  const fn = buildFunction("L", [matrix, target], (b, [a, c]) => {
    const scan = b.openScan("repeat", 3);
    const state = scan.carry(c!);
    const map = scan.body.openMap("twice", 2);
    const own = map.body.apply("add", map.body.resolve(state), map.body.fill(0.1, c!));
    const [both] = map.close([solution(map.body, map.body.resolve(a!), own, solver)]);
    const { carry } = scan.close([scan.body.sum(both!, [0])], []);
    return [b.sum(b.apply("mul", carry[0]!, carry[0]!))];
  });
  checkOrders(fn, [matrix, target], 2, "reverse", "nested");
});

Deno.test("an implicit derivative reports how well it was solved and where the loop stood; the largest of several", () => {
  const poor: LinearSolver = { ...exact, kind: "cg", iterations: 1 };
  const fn = buildFunction("L", [matrix, target], (b, [a, c]) => {
    const map = b.openMap("twice", 2);
    const scale = map.slice(b.literal(Float64Array.of(1, 0), { dtype: "f64", shape: [2] }));
    const own = map.body.apply("mul", map.body.resolve(c!), map.body.broadcastTo(scale, [3]));
    const [both] = map.close([solution(map.body, map.body.resolve(a!), own, poor)]);
    return [b.sum(both!)];
  });
  const gradient = buildFunction(
    "g",
    fn.inputs,
    (b, x) => b.emit("gradient", x, { body: fn, wrt: [0, 1], mode: "reverse" }),
  );
  const { fn: expanded, reports } = expandWithReports(gradient);
  const values = referenceBackend.compile(expanded).run([matrix, target]);
  const told = Object.fromEntries(reports.map((r, i) => [r.what, values[3 + i]!.data[0]!]));
  assertEquals(reports.map((r) => r.label), ["fit", "fit", "fit", "fit"]);
  assertEquals([told["reached"], told["started"], told["left"]], [0.5, 2, 0.25]);
  assert(told["residual"]! > 1e-3 && told["residual"]! < 1, String(told["residual"]));
});

Deno.test("damping is part of the system", () => {
  const solver: LinearSolver = { ...exact, kind: "direct", damping: 1e12 };
  const fn = objective(solver, matrix);
  const gradient = buildFunction(
    "g",
    fn.inputs,
    (b, x) => b.emit("gradient", x, { body: fn, wrt: [1], mode: "reverse" }),
  );
  const [, g] = evaluate(gradient, [matrix, target]);
  assert(g!.data.every((x) => Math.abs(x) < 1e-11));
});

/** f(c, w) = sum(sin(c) w^2), whose df/dc is quadratic in w: a central difference of it is exact. */
const slopes = buildFunction("slopes", [target, target], (b, [c, w]) => [
  b.apply("mul", b.apply("cos", c!), b.one("integer_pow", [w!], { exponent: 2 })),
]);

Deno.test("a finite difference goes back as -factor d2f/dcdw u, and no further than the loop's end", () => {
  const fn = buildFunction("L", [target, target], (b, [c, w]) => {
    const factor = b.fill(0.3, scalar);
    const end = b.one("finite_difference", [factor, c!, w!, w!], { body: slopes, constants: 1, epsilon: 0.01 });
    return [b.sum(b.one("integer_pow", [end], { exponent: 3 }))];
  });
  const w = spread([3], -1, 1, 3);
  const gradient = buildFunction(
    "g",
    fn.inputs,
    (b, x) => b.emit("gradient", x, { body: fn, wrt: [0, 1], mode: "reverse" }),
  );
  const [, toC, toW] = evaluate(gradient, [target, w]);
  w.data.forEach((x, i) => {
    const u = 3 * x ** 2;
    assertAlmostEquals(toC!.data[i]!, -0.3 * Math.cos(target.data[i]!) * 2 * x * u, 1e-12);
    assertEquals(toW!.data[i], 0);
  });
  assertEquals([...allInfluences(fn)[0]!], [0]);
  // along nothing there is no difference to take
  const [, none] = evaluate(gradient, [target, array("f64", [3], [0])]);
  assertEquals([...none!.data].map(Math.abs), [0, 0, 0]);
});

Deno.test("a finite difference that is asked for forwards is the derivative that it tends to, to any order", () => {
  const cubic = buildFunction("slopes", [target, target], (b, [c, w]) => [
    b.apply("mul", b.apply("cos", c!), b.one("integer_pow", [w!], { exponent: 3 })),
  ]);
  const fn = buildFunction("L", [target, target], (b, [c, w]) => {
    const end = b.one("finite_difference", [b.fill(0.3, scalar), c!, w!, w!], {
      body: cubic,
      constants: 1,
      epsilon: 1e-4,
    });
    return [b.sum(b.one("integer_pow", [end], { exponent: 3 }))];
  });
  const w = spread([3], -1, 1, 3);
  const gradientOf = (mode: GradientMode) =>
    buildFunction("g", fn.inputs, (b, x) => b.emit("gradient", x, { body: fn, wrt: [0], mode }));
  const [back, forth] = [gradientOf("reverse"), gradientOf("forward")].map((g) => evaluate(g, [target, w])[1]!.data);
  w.data.forEach((x, i) => {
    const exact = -0.3 * Math.cos(target.data[i]!) * 3 * x ** 2 * 3 * x ** 2;
    assertAlmostEquals(forth![i]!, exact, 1e-13);
    assertAlmostEquals(back![i]!, exact, 1e-7);
  });
  // forwards over forwards
  const twice = buildFunction("s", fn.inputs, (b, x) => {
    const slopes = b.inline(gradientOf("forward"), x)[1]!;
    return [b.sum(slopes)];
  });
  const second = buildFunction(
    "h",
    fn.inputs,
    (b, x) => b.emit("gradient", x, { body: twice, wrt: [0], mode: "forward" }),
  );
  const values = evaluate(second, [target, w])[1]!.data;
  // the code of the first derivative, at fixed w: its slope in c is that of cos
  w.data.forEach((x, i) => {
    const dw = -0.3 * Math.cos(target.data[i]!) * 3 * x ** 2;
    const expected = 0.3 * Math.sin(target.data[i]!) * 3 * x ** 2 * 3 * x ** 2 + 6 * x * dw * dw;
    assert(Math.abs(values[i]! - expected) < 1e-9, `${values[i]} for ${expected}`);
  });
});
