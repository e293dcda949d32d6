// Where can a cotangent be other than zero? What `where` does not take has no part in the derivative, and a factor there may be
// infinite: 0 times it must stay 0. So cotangents know where they count, and are cleared elsewhere before they mix.
import type { Builder } from "../ir/builder.ts";
import { sameShape, type Shape, type Variable } from "../ir/types.ts";

/** Where a cotangent may count: bool, of its rank, with size 1 along the axes on which it is everywhere the same. Undefined:
 *  anywhere. */
export type Support = Variable | undefined;

/** A cotangent, or a term of one. */
export interface Share {
  readonly value: Variable;
  readonly support: Support;
  /** Outside its support it is 0. Otherwise it may be anything there, also NaN, and is cleared before it is added to what
   *  has another support. */
  readonly exact: boolean;
}

/** A share that counts everywhere. */
export function everywhere(value: Variable): Share {
  return { value, support: undefined, exact: true };
}

/** True when some entries may count and others not; else all do or none. */
export function varies(support: Support): support is Variable {
  return support !== undefined && support.shape.some((n) => n !== 1);
}

/** Where both count. */
export function both(b: Builder, x: Support, y: Support): Support {
  if (!x || !y) return x ?? y;
  const shape = meeting(x, y);
  return b.apply("and", spread(b, x, shape), spread(b, y, shape));
}

/** The shape over which both are written out. */
const meeting = (x: Variable, y: Variable) => x.shape.map((n, axis) => n === 1 ? y.shape[axis]! : n);

/** Where any counts. */
export function either(b: Builder, supports: readonly Support[]): Support {
  let result = supports[0];
  for (const support of supports.slice(1)) {
    if (!result || !support) return undefined;
    if (support === result) continue;
    const shape = meeting(result, support);
    result = b.apply("or", spread(b, result, shape), spread(b, support, shape));
  }
  return result && b.uniformValue(result) === 1 ? undefined : result;
}

/** Whether any entry along some axes counts; the axes stay, with size 1. */
export function along(b: Builder, support: Variable, axes: readonly number[]): Variable {
  const longer = axes.filter((axis) => support.shape[axis] !== 1);
  if (longer.length === 0) return support;
  const largest = b.one("reduce_max", [b.convert(support, "i32")], { axes: longer });
  return b.reshape(b.convert(largest, "bool"), support.shape.map((n, axis) => longer.includes(axis) ? 1 : n));
}

/** The same for an array of another rank, where it does not vary. */
export function uniform(b: Builder, support: Variable, rank: number): Variable {
  return b.reshape(support, Array(rank).fill(1));
}

/** A support written out over a shape. */
export function spread(b: Builder, support: Variable, shape: Shape): Variable {
  if (sameShape(support.shape, shape)) return support;
  return b.one("broadcast", [support], { shape, axes: shape.map((_, axis) => axis) });
}

/** The values where they count, 0 elsewhere. */
export function only(b: Builder, value: Variable, support: Support): Variable {
  if (!support) return value;
  return b.apply("select", spread(b, support, value.shape), value, b.fill(0, value));
}

/** What may be added to anything: 0 where it does not count. */
export function cleared(b: Builder, { value, support, exact }: Share): Variable {
  return exact ? value : only(b, value, support);
}

/** The sum of shares, which counts on `support`: those that do not stay inside it are cleared first. */
export function sumOfShares(b: Builder, shares: readonly Share[], support: Support): Share {
  const loose = (share: Share) => !share.exact && share.support === support;
  const terms = shares.map((share) => loose(share) ? share.value : cleared(b, share));
  const value = terms.reduce((x, y) => b.apply("add", x, y));
  return { value, support, exact: support === undefined || !shares.some(loose) };
}
