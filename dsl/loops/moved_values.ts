// What does an outer rule move? The value of a leaf, or the free variable behind it (`via`); afterwards the value is kept in
// its range.
import type { Builder } from "../../runtime/ir/builder.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import type { Loop } from "../world/loop.ts";
import type { LeafDeclaration } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { freeSlope, fromFree, toFree } from "../elaborate/reparameterisations.ts";

/** What the rule moves: the value itself, or the free variable behind it. */
export function movedValue(b: Builder, leaf: LeafDeclaration, value: TensorValue): TensorValue {
  return leaf.via ? { ...value, variable: toFree(b, leaf.via.kind, leaf.via.range, value.variable) } : value;
}

/** The same of what a loop changes: an inner one moves values as they are. */
export function movedBy(loop: Loop, b: Builder, leaf: LeafDeclaration, value: TensorValue): TensorValue {
  return loop.kind === "outer" ? movedValue(b, leaf, value) : value;
}

/** The gradient with respect to what the rule moves. */
export function movedGradient(b: Builder, leaf: LeafDeclaration, value: Variable, gradient: Variable): Variable {
  return leaf.via ? b.apply("mul", gradient, freeSlope(b, leaf.via.kind, leaf.via.range, value)) : gradient;
}

/** The value that a leaf has after the rule moved what is behind it. */
export function keptValue(b: Builder, { via, range }: LeafDeclaration, moved: Variable): Variable {
  const next = via ? fromFree(b, via.kind, via.range, moved) : moved;
  return range ? project(b, next, range) : next;
}

/** The nearest value in a closed range, with slope 1 also at its ends. */
function project(b: Builder, x: Variable, [low, high]: readonly [number, number]): Variable {
  const unless = (outside: "lt" | "gt", bound: number, otherwise: Variable) =>
    b.apply("select", b.apply(outside, x, b.fill(bound, x)), b.fill(bound, x), otherwise);
  const below = high < Infinity ? unless("gt", high, x) : x;
  return low > -Infinity ? unless("lt", low, below) : below;
}
