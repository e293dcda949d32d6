// What is a tangent, and what do the rules of forward mode have in common?
import type { Builder } from "../ir/builder.ts";
import type { IrFunction, PrimitiveName, PrimitiveParameters, Variable } from "../ir/types.ts";

/** The derivative of a value along one direction, of the value's own type; undefined is a zero that is never computed.
 *  Integers and booleans never have one. */
export type Tangent = Variable | undefined;

/** Values with their tangents, pairwise. */
export interface Dual {
  readonly outputs: readonly Variable[];
  readonly tangents: readonly Tangent[];
}

/** What a rule is given: at least one of the tangents is there. */
export interface JvpArguments<P extends PrimitiveName> {
  readonly b: Builder;
  readonly inputs: readonly Variable[];
  readonly tangents: readonly Tangent[];
  readonly params: PrimitiveParameters[P];
  /** Differentiates a body into a builder. */
  readonly jvp: (b: Builder, fn: IrFunction, inputs: readonly Variable[], tangents: readonly Tangent[]) => Dual;
}

/** Writes the primitive and its tangents. */
export type JvpRule<P extends PrimitiveName> = (args: JvpArguments<P>) => Dual;

/** The sum of two tangents. */
export function addTangents(b: Builder, x: Tangent, y: Tangent): Tangent {
  return x && y ? b.apply("add", x, y) : x ?? y;
}

/** A tangent as an array: zeros where there is none. */
export function materialize(b: Builder, tangent: Tangent, like: Variable): Variable {
  return tangent ?? b.fill(0, like);
}
