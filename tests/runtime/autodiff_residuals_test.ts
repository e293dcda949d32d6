// What loops keep: the least, by exact cuts, and what batching and splitting leave behind.
import { assert, assertEquals } from "@std/assert";
import { expandMaps } from "../../runtime/autodiff/batch.ts";
import { valueAndGradient } from "../../runtime/autodiff/gradient.ts";
import { type CutGraph, minimumCut } from "../../runtime/autodiff/minimum_cut.ts";
import { Builder, buildFunction } from "../../runtime/ir/builder.ts";
import type { ArrayType, IrFunction, Variable } from "../../runtime/ir/types.ts";
import { verifyFunction } from "../../runtime/ir/verify.ts";
import { cases } from "../thorough.ts";

const f64 = (...shape: number[]): ArrayType => ({ dtype: "f64", shape });

/** True when no sink is a way from a source without a node of the cut. */
function parts({ edges, sources, sinks }: CutGraph, cut: ReadonlySet<number>): boolean {
  const reached = new Set(sources.filter((n) => !cut.has(n)));
  for (const n of reached) {
    for (const [from, to] of edges) if (from === n && !cut.has(to)) reached.add(to);
  }
  return sinks.every((n) => !reached.has(n));
}

const costOf = (graph: CutGraph, cut: ReadonlySet<number>) => [...cut].reduce((sum, n) => sum + graph.cost[n]!, 0);

Deno.test("minimumCut() costs as little as the best of all subsets, for small graphs", () => {
  let state = 12345;
  const random = (n: number) => (state = (state * 1103515245 + 12345) % 2147483648) % n;
  for (let trial = 0; trial < cases(40, 200); trial++) {
    const n = 3 + random(6);
    const cost = Array.from({ length: n }, () => random(9));
    const edges: [number, number][] = [];
    for (let i = 0; i < n; i++) for (let k = i + 1; k < n; k++) if (random(3) === 0) edges.push([i, k]);
    const sources = [0, random(n)];
    const sinks = [n - 1, random(n)];
    const graph = { cost, edges, sources, sinks };
    const cut = minimumCut(graph);
    assert(parts(graph, cut));
    let best = Infinity;
    for (let bits = 0; bits < 2 ** n; bits++) {
      const subset = new Set(cost.map((_, k) => k).filter((k) => bits >> k & 1));
      if (parts(graph, subset)) best = Math.min(best, costOf(graph, subset));
    }
    assertEquals(costOf(graph, cut), best);
  }
});

Deno.test("minimumCut() prefers the cut nearest the sinks when several cost the same", () => {
  const chain: CutGraph = { cost: [4, 4, 4], edges: [[0, 1], [1, 2]], sources: [0], sinks: [2] };
  assertEquals([...minimumCut(chain)], [2]);
  assertEquals([...minimumCut({ ...chain, cost: [3, 4, 4] })], [0]);
});

/** x' = f(x) five times, differentiated: how many arrays the forward loop stacks. */
function stacked(write: (b: Builder, x: Variable) => Variable): number {
  const fn = buildFunction("f", [f64(3)], (b, [start]) => {
    const scope = b.openScan("steps", 5);
    return [b.sum(scope.close([write(scope.body, scope.carry(start!))], []).carry[0]!)];
  });
  const gradient = valueAndGradient(fn, [0]);
  verifyFunction(gradient);
  const scan = gradient.equations.find((e) => e.op === "scan")!;
  return scan.outputs.length - scan.params.carry;
}

Deno.test("valueAndGradient() stacks one array a step when all slopes follow from it", () => {
  // tanh' = 1 - y^2; the second factor's slope is y too
  assertEquals(stacked((b, x) => b.apply("tanh", x)), 1);
  assertEquals(
    stacked((b, x) => {
      const y = b.apply("exp", x);
      return b.apply("mul", y, b.apply("sub", y, b.fill(1, y)));
    }),
    1,
  );
  // Slopes are sums of the carry: nothing but the carry is needed
  assertEquals(stacked((b, x) => b.apply("mul", b.apply("mul", x, x), b.apply("add", x, b.fill(1, x)))), 1);
  // A linear step needs nothing
  assertEquals(stacked((b, x) => b.apply("mul", x, b.fill(0.5, x))), 0);
});

const matrixVector = { contractLeft: [1], contractRight: [0], batchLeft: [], batchRight: [] };

/** The primitives, but for constants, of a map over vectors, batched. */
function batchedOps(
  write: (b: Builder, shared: Variable, own: Variable) => Variable,
  own: ArrayType,
): readonly string[] {
  const fn: IrFunction = buildFunction("f", [f64(3, 4), { ...own, shape: [5, ...own.shape] }], (b, [w, xs]) => {
    const scope = b.openMap("each", 5);
    return scope.close([write(scope.body, scope.body.resolve(w!), scope.slice(xs!))]);
  });
  return expandMaps(fn).equations.map((e) => e.op);
}

Deno.test("expandMaps() turns products with a shared matrix into one product when either side is mapped", () => {
  assertEquals(batchedOps((b, w, x) => b.one("dot_general", [w, x], matrixVector), f64(4)), ["dot_general"]);
  assertEquals(batchedOps((b, w, x) => b.one("dot_general", [x, w], matrixVector), f64(2, 3)), ["dot_general"]);
  assertEquals(batchedOps((b, w, x) => b.one("dot_general", [w, x], matrixVector), f64(4, 2)), [
    "dot_general",
    "transpose",
  ]);
});

Deno.test("expandMaps() factors a shared matrix once when only the right sides are mapped", () => {
  const square = (b: Builder, w: Variable) => b.one("dot_general", [w, w], { ...matrixVector, contractRight: [1] });
  const ops = batchedOps((b, w, x) => b.apply("solve", square(b, w), x), f64(3, 1));
  assertEquals(ops.filter((op) => op === "broadcast"), []);
  assertEquals(ops.filter((op) => op === "solve"), ["solve"]);
});
