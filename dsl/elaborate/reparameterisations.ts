// What does `via log` mean? The outer rule moves u in value = link(u), so that every step stays inside the range; gradients
// are still shown for the value.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type { Via } from "../world/loop.ts";

/** The names that may stand after `via`. */
export const viaNames: readonly Via[] = ["log", "logit", "softplus"];

/** A range that a reparameterisation needs: `log` and `softplus` an open lower end (0 unless said), `logit` both. */
export function viaRange(
  via: Via,
  range: readonly [number, number] | undefined,
): readonly [number, number] | undefined {
  const [low, high] = range ?? [0, via === "logit" ? 1 : Infinity];
  if (!Number.isFinite(low)) return undefined;
  if (via === "logit") return Number.isFinite(high) ? [low, high] : undefined;
  return high === Infinity ? [low, high] : undefined;
}

/** What is moved: u with value = link(u). log: u = log(v - low). logit: u = log((v - low) / (high - v)). softplus: u =
 *  log(exp(v - low) - 1). All entrywise, for values inside the range. */
export function toFree(b: Builder, via: Via, [low, high]: readonly [number, number], v: Variable): Variable {
  const above = b.apply("sub", v, b.fill(low, v));
  switch (via) {
    case "log":
      return b.apply("log", above);
    case "logit":
      return b.apply("log", b.apply("div", above, b.apply("sub", b.fill(high, v), v)));
    case "softplus":
      // log(exp(a) - 1) = a + log(1 - exp(-a)), without overflow
      return b.apply("add", above, b.apply("log", b.apply("neg", b.apply("expm1", b.apply("neg", above)))));
  }
}

/** The value at u: the inverse of `toFree`. */
export function fromFree(b: Builder, via: Via, [low, high]: readonly [number, number], u: Variable): Variable {
  const atLow = (above: Variable) => b.apply("add", b.fill(low, u), above);
  switch (via) {
    case "log":
      return atLow(b.apply("exp", u));
    case "logit":
      return atLow(b.apply("mul", b.fill(high - low, u), b.apply("logistic", u)));
    case "softplus": {
      const larger = b.apply("max", u, b.fill(0, u));
      return atLow(b.apply("add", larger, b.apply("log1p", b.apply("exp", b.apply("neg", b.apply("abs", u))))));
    }
  }
}

/** d value / d u, from the value: log: v - low. logit: (v - low) (high - v) / (high - low). softplus: 1 - exp(-(v - low)). */
export function freeSlope(b: Builder, via: Via, [low, high]: readonly [number, number], v: Variable): Variable {
  const above = b.apply("sub", v, b.fill(low, v));
  switch (via) {
    case "log":
      return above;
    case "logit": {
      const product = b.apply("mul", above, b.apply("sub", b.fill(high, v), v));
      return b.apply("div", product, b.fill(high - low, v));
    }
    case "softplus":
      return b.apply("neg", b.apply("expm1", b.apply("neg", above)));
  }
}
