// How is A x = b solved when A is a product with a vector? Loops of fixed length whose iteration rests, with frozen values, as
// soon as the tolerance is met: a scan cannot stop early. A vector is a list of arrays.
import type { Builder } from "../ir/builder.ts";
import { type ArrayType, type LinearSolver, sizeOf, type Variable } from "../ir/types.ts";

/** A vector, as the arrays that it is made of. */
export type Vector = readonly Variable[];

/** A system: both products can be written into any body inside the builder. */
export interface LinearSystem {
  readonly apply: (b: Builder, v: Vector) => Vector;
  /** The product with the transpose. */
  readonly applyTransposed: (b: Builder, v: Vector) => Vector;
  readonly right: Vector;
  /** Step of `neumann`: a scalar. */
  readonly rate: Variable;
}

/** Writes a solver. */
export function solveInto(b: Builder, system: LinearSystem, solver: LinearSolver): Vector {
  switch (solver.kind) {
    case "cg":
      return conjugateGradients(b, system, solver);
    case "normal_cg":
      return conjugateGradients(b, normalEquations(b, system), { ...solver, tolerance: solver.tolerance ** 2 });
    case "neumann":
      return neumannSeries(b, system, solver);
    case "gmres":
      return leastResidual(b, system, solver);
    case "direct":
      return direct(b, system);
  }
}

/** |b - A x| / |b|; 0 where b is 0. */
export function relativeResidual(b: Builder, { apply, right }: LinearSystem, x: Vector): Variable {
  const rest = combine(b, right, apply(b, x), undefined, "sub");
  const size = dot(b, right, right);
  const ratio = b.apply("div", dot(b, rest, rest), positiveOr(b, size));
  return b.apply("sqrt", b.apply("mul", ratio, b.convert(b.apply("gt", size, b.fill(0, size)), size.dtype)));
}

/** The inner product over all arrays. */
export function dot(b: Builder, x: Vector, y: Vector): Variable {
  return x.map((v, i) => b.sum(b.apply("mul", v, y[i]!))).reduce((p, q) => b.apply("add", p, q));
}

/** x + s y, or x - s y; s = 1 when it is not given. */
function combine(b: Builder, x: Vector, y: Vector, s?: Variable, op: "add" | "sub" = "add"): Vector {
  return x.map((v, i) => b.apply(op, v, s ? times(b, s, y[i]!) : y[i]!));
}

const times = (b: Builder, s: Variable, x: Variable) => b.apply("mul", b.broadcastTo(s, x.shape), x);

/** The value where it is positive, 1 elsewhere: a divisor that is never 0. */
function positiveOr(b: Builder, x: Variable): Variable {
  return b.apply("select", b.apply("gt", x, b.fill(0, x)), x, b.fill(1, x));
}

/** Hestenes and Stiefel 1952, for symmetric positive definite A. Rests, too, where the curvature is not positive. */
function conjugateGradients(b: Builder, { apply, right }: LinearSystem, solver: LinearSolver): Vector {
  const size = dot(b, right, right);
  const scan = b.openScan("cg", solver.iterations);
  const s = scan.body;
  const x = right.map((v) => scan.carry(b.fill(0, v)));
  const r = right.map((v) => scan.carry(v));
  const p = right.map((v) => scan.carry(v));
  const rr = scan.carry(size);
  const q = apply(s, p);
  const curvature = dot(s, p, q);
  const enough = s.apply("mul", size, s.fill(solver.tolerance ** 2, size));
  const alive = s.apply("and", s.apply("gt", rr, enough), s.apply("gt", curvature, s.fill(0, curvature)));
  const mask = s.convert(alive, rr.dtype);
  const alpha = s.apply("mul", mask, s.apply("div", rr, positiveOr(s, curvature)));
  const rest = combine(s, r, q, alpha, "sub");
  const next = dot(s, rest, rest);
  const beta = s.apply("div", next, positiveOr(s, rr));
  const keep = (fresh: Variable, old: Variable) => s.apply("select", s.broadcastTo(alive, fresh.shape), fresh, old);
  const direction = combine(s, rest, p, beta).map((v, i) => keep(v, p[i]!));
  const { carry } = scan.close([...combine(s, x, p, alpha), ...rest, ...direction, keep(next, rr)], []);
  return carry.slice(0, right.length);
}

/** A^T A x = A^T b. */
function normalEquations(b: Builder, system: LinearSystem): LinearSystem {
  const apply = (s: Builder, v: Vector) => system.applyTransposed(s, system.apply(s, v));
  return { ...system, apply, applyTransposed: apply, right: system.applyTransposed(b, system.right) };
}

/** rate * sum over j = 0 .. iterations of (I - rate A)^j b (Lorraine et al. 2020, algorithm 3). */
function neumannSeries(b: Builder, { apply, right, rate }: LinearSystem, solver: LinearSolver): Vector {
  const scan = b.openScan("neumann", solver.iterations);
  const s = scan.body;
  const term = right.map((v) => scan.carry(v));
  const sum = right.map((v) => scan.carry(v));
  const next = combine(s, term, apply(s, term), rate, "sub");
  const { carry } = scan.close([...next, ...combine(s, sum, next)], []);
  return carry.slice(right.length).map((v) => times(b, rate, v));
}

/** The x of least |b - A x| in the Krylov space, as GMRES finds it, from products A p made orthonormal one by one (GCR;
 *  Eisenstat, Elman and Schultz 1983): any invertible A. A direction begins as the residual; where that brought nothing, as it
 *  can when A is indefinite, as the last product, which always leads on, but by itself loses its digits fast. */
function leastResidual(b: Builder, { apply, right }: LinearSystem, solver: LinearSolver): Vector {
  const steps = solver.iterations;
  const flatten = (s: Builder, v: Vector) => {
    const parts = v.map((x) => s.reshape(x, [sizeOf(x.shape)]));
    return parts.length === 1 ? parts[0]! : s.one("concat", parts, { axis: 0 });
  };
  const unflatten = (s: Builder, flat: Variable) => split(s, flat, right);
  const start = flatten(b, right);
  const n = start.shape[0]!;
  const rows = { dtype: start.dtype, shape: [steps, n] };
  const scan = b.openScan("gmres", steps);
  const s = scan.body;
  const k = scan.slice(b.one("iota", [], { type: { dtype: "i32", shape: [steps] }, axis: 0 }));
  const x = scan.carry(b.fill(0, start));
  const r = scan.carry(start);
  const candidate = scan.carry(start);
  const directions = scan.carry(b.fill(0, rows));
  const products = scan.carry(b.fill(0, rows));
  const inner = (u: Variable, v: Variable) => s.sum(s.apply("mul", u, v));
  const against = (v: Variable) =>
    s.one("dot_general", [products, v], { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] });
  const spanned = (c: Variable, m: Variable) =>
    s.one("dot_general", [c, m], { contractLeft: [0], contractRight: [0], batchLeft: [], batchRight: [] });
  let p = candidate;
  let q = flatten(s, apply(s, unflatten(s, p)));
  const before = inner(q, q);
  for (let pass = 0; pass < 2; pass++) { // twice is enough (Kahan; Parlett 1980)
    const c = against(q);
    p = s.apply("sub", p, spanned(c, directions));
    q = s.apply("sub", q, spanned(c, products));
  }
  const square = inner(q, q);
  const size = inner(s.resolve(start), s.resolve(start));
  // What is left of a product that the space already holds is rounding
  const rounding = start.dtype === "f64" ? 1e-26 : 1e-11;
  const fresh = s.apply("gt", square, s.apply("mul", before, s.fill(rounding, before)));
  const open = s.apply("gt", inner(r, r), s.apply("mul", size, s.fill(solver.tolerance ** 2, size)));
  const mask = s.convert(s.apply("and", fresh, open), start.dtype);
  const scale = s.apply("div", mask, s.apply("sqrt", positiveOr(s, square)));
  p = times(s, scale, p);
  q = times(s, scale, q);
  const alpha = inner(r, q);
  const position = s.one("iota", [], { type: { dtype: "i32", shape: [steps] }, axis: 0 });
  const own = s.convert(s.apply("eq", position, s.broadcastTo(k, [steps])), start.dtype);
  const put = (list: Variable, v: Variable) =>
    s.apply(
      "add",
      list,
      s.one("dot_general", [own, v], { contractLeft: [], contractRight: [], batchLeft: [], batchRight: [] }),
    );
  const rest = s.apply("sub", r, times(s, alpha, q));
  const least = s.apply("mul", inner(r, r), s.fill(leastProgress, alpha));
  const progress = s.apply("gt", s.apply("mul", alpha, alpha), least);
  const { carry } = scan.close([
    s.apply("add", x, times(s, alpha, p)),
    rest,
    s.apply("select", s.broadcastTo(progress, rest.shape), rest, q),
    put(directions, p),
    put(products, q),
  ], []);
  return unflatten(b, carry[0]!);
}

/** Part of |r|^2 by which a step must reduce it for the residual to be a new direction. */
const leastProgress = 1e-3;

/** Cuts a flat vector into arrays of given types. */
function split(b: Builder, flat: Variable, types: readonly ArrayType[]): Vector {
  let start = 0;
  return types.map(({ shape }) => {
    const limit = start + sizeOf(shape);
    const part = b.rows(flat, start, limit);
    start = limit;
    return b.reshape(part, shape);
  });
}

/** The whole matrix, one product for each column, and its LU factors. */
function direct(b: Builder, { apply, right }: LinearSystem): Vector {
  const n = right.reduce((sum, v) => sum + sizeOf(v.shape), 0);
  const scope = b.openMap("columns", n);
  const m = scope.body;
  const index = scope.slice(b.one("iota", [], { type: { dtype: "i32", shape: [n] }, axis: 0 }));
  const positions = m.one("iota", [], { type: { dtype: "i32", shape: [n] }, axis: 0 });
  const basis = m.convert(m.apply("eq", positions, m.broadcastTo(index, [n])), right[0]!.dtype);
  const ravel = (s: Builder, v: Vector) => {
    const parts = v.map((x) => s.reshape(x, [sizeOf(x.shape)]));
    return parts.length === 1 ? parts[0]! : s.one("concat", parts, { axis: 0 });
  };
  const [columns] = scope.close([ravel(m, apply(m, split(m, basis, right)))]);
  const matrix = b.one("transpose", [columns!], { permutation: [1, 0] });
  const solved = b.apply("solve", matrix, b.reshape(ravel(b, right), [n, 1]));
  return split(b, b.reshape(solved, [n]), right);
}
