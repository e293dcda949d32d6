// How is an order by size written? Of few entries by counting which stand before each; of many by Batcher's bitonic network (1968), in a
// loop over its stages: n log2(n)^2 / 4 exchanges. Every backend gives the same order, that of a stable sort: of equal entries the first
// stands first, and NaN last.
import type { Builder } from "../../runtime/ir/builder.ts";
import { isFloat, type Variable } from "../../runtime/ir/types.ts";

/** Up to so many entries n^2 comparisons cost less than the network's loop. */
const mostCounted = 64;

/** The places of the entries along the last axis, from the smallest to the largest (i32). It has no derivative. */
export function orderAlong(b: Builder, x: Variable): Variable {
  const keys = isFloat(x.dtype) ? b.one("stop_gradient", [x], { of: "order" }) : x;
  const n = x.shape.at(-1)!;
  return n <= mostCounted ? orderByCounting(b, keys, n) : orderByNetwork(b, keys, n);
}

/** Where (bool) an entry stands before another one at another place: keys and places of both. */
function before(b: Builder, key: Variable, place: Variable, otherKey: Variable, otherPlace: Variable): Variable {
  const less = (p: Variable, q: Variable) => {
    const smaller = b.apply("lt", p, q);
    if (!isFloat(p.dtype)) return smaller;
    return b.apply("or", smaller, b.apply("and", b.apply("eq", p, p), b.apply("ne", q, q)));
  };
  const first = b.apply("and", b.apply("not", less(otherKey, key)), b.apply("lt", place, otherPlace));
  return b.apply("or", less(key, otherKey), first);
}

function orderByCounting(b: Builder, keys: Variable, n: number): Variable {
  const lead = keys.shape.slice(0, -1);
  const pairs = [...lead, n, n];
  const last = lead.length;
  const iota = (axis: number) => b.one("iota", [], { type: { dtype: "i32", shape: pairs }, axis });
  const down = b.one("broadcast", [keys], { shape: pairs, axes: keys.shape.map((_, i) => i) });
  const across = b.broadcastTo(b.reshape(keys, [...lead, 1, n]), pairs);
  // entry [i, j]: does j stand before i
  const earlier = before(b, across, iota(last + 1), down, iota(last));
  const ranks = b.sum(b.convert(earlier, "i32"), [last + 1]);
  // the place r of the order is that of the entry whose rank is r
  const wide = b.broadcastTo(b.reshape(ranks, [...lead, 1, n]), pairs);
  const found = b.apply("eq", wide, iota(last));
  return b.sum(b.apply("select", found, iota(last + 1), b.fill(0, wide)), [last + 1]);
}

function orderByNetwork(b: Builder, keys: Variable, n: number): Variable {
  const lead = keys.shape.slice(0, -1);
  const last = lead.length;
  const size = 2 ** Math.ceil(Math.log2(n));
  const shape = [...lead, size];
  const stages: [stretch: number, distance: number][] = [];
  for (let stretch = 2; stretch <= size; stretch *= 2) {
    for (let distance = stretch / 2; distance >= 1; distance /= 2) stages.push([stretch, distance]);
  }
  const table = (column: 0 | 1) =>
    b.literal(Int32Array.from(stages, (stage) => stage[column]), { dtype: "i32", shape: [stages.length] });
  const edge = lead.map(() => 0);
  const padded = size === n ? keys : b.one("pad", [keys], {
    low: [...edge, 0],
    high: [...edge, size - n],
    interior: [...edge, 0],
  });
  const scan = b.openScan("order by size", stages.length);
  const { body } = scan;
  const key = scan.carry(padded, "keys");
  const place = scan.carry(b.one("iota", [], { type: { dtype: "i32", shape }, axis: last }), "places");
  const [stretch, distance] = [table(0), table(1)].map((column) => scan.slice(column)) as [Variable, Variable];
  const wires = body.one("iota", [], { type: { dtype: "i32", shape: [size] }, axis: 0 });
  const zero = (bit: Variable) => {
    const wide = body.broadcastTo(bit, [size]);
    return body.apply("eq", body.apply("and", wires, wide), body.fill(0, wide));
  };
  const lower = zero(distance);
  const step = body.broadcastTo(distance, [size]);
  const partner = body.apply("select", lower, body.apply("add", wires, step), body.apply("sub", wires, step));
  const other = (x: Variable) => body.one("gather", [x, partner], { axis: last, batch: 0 });
  const [otherKey, otherPlace] = [other(key), other(place)];
  // what fills up to a power of 2 stands behind everything
  const filled = (p: Variable) => body.apply("ge", p, body.fill(n, p));
  const own = before(body, key, place, otherKey, otherPlace);
  const first = body.apply(
    "and",
    body.apply("not", filled(place)),
    body.apply("or", filled(otherPlace), own),
  );
  const stands = body.apply(
    "or",
    first,
    body.apply("and", body.apply("and", filled(place), filled(otherPlace)), body.apply("lt", place, otherPlace)),
  );
  // the lower of two wires takes what stands first where the stretch goes up
  const wanted = body.broadcastTo(body.apply("eq", lower, zero(stretch)), shape);
  const stays = body.apply("eq", stands, wanted);
  const next = [body.apply("select", stays, key, otherKey), body.apply("select", stays, place, otherPlace)];
  const [, order] = scan.close(next, []).carry;
  return b.one("slice", [order!], { start: shape.map(() => 0), limit: [...lead, n], stride: shape.map(() => 1) });
}
