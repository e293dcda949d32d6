// How is an array repeated along new axes in a graph?
import type { Operations } from "./operations.ts";
import type { Ref } from "./graph.ts";

/** Interior zeros: an axis more, padded and cut. */
export function spread(t: Operations, x: Ref, interior: readonly number[]): Ref {
  return interior.reduce((v, gap, axis) => {
    const n = v.shape[axis]!;
    if (gap === 0 || n < 2) return v;
    const [before, after] = [v.shape.slice(0, axis), v.shape.slice(axis + 1)];
    const high = [...before.map(() => 0), 0, gap, ...after.map(() => 0)];
    const padded = t.pad(t.reshape(v, [...before, n, 1, ...after]), high.map(() => 0), high);
    const whole = t.reshape(padded, [...before, n * (1 + gap), ...after]);
    const limit = whole.shape.map((m, i) => i === axis ? m - gap : m);
    return t.slice(whole, limit.map(() => 0), limit, limit.map(() => 1));
  }, x);
}
