// Where does a loop first make a number that is not finite? Only asked when a result is not: the item is then written once more,
// with an equation at every loss and parameter of every loop, also inside others, that looks when it is computed.
import type { Variable, WatchedQuantity } from "../../runtime/ir/types.ts";
import { countersOf } from "../elaborate/integers.ts";
import type { Loop } from "../world/loop.ts";
import type { Span } from "../text/source.ts";
import type { Context } from "../world/world.ts";

/** The same numbers; where the function that is written watches its loops, with an equation that looks whether they are finite. */
export function watched(
  cx: Context,
  x: Variable,
  { loop, at, ...what }: { readonly loop: Loop; readonly at: Span } & Omit<WatchedQuantity, "loop">,
): Variable {
  const { b, world } = cx;
  if (!world.consumer.watches) return x;
  const finite = b.apply("lt", b.apply("abs", x), b.fill(Infinity, x));
  const counters = countersOf(cx);
  return b.one("check", [x, b.apply("not", finite), x, ...counters.map((c) => b.resolve(c.count))], {
    low: -Number.MAX_VALUE,
    high: Number.MAX_VALUE,
    subject: what.quantity,
    reason: "it must be finite",
    counters: counters.map(({ what, of }) => ({ what, of })),
    at,
    watched: { loop: loop.name, ...what },
  });
}
