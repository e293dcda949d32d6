// What is a cotangent, and what is a rule of transposition given?
import type { Builder } from "../ir/builder.ts";
import type { Share } from "./supports.ts";
import type { ArrayType, IrFunction, PrimitiveName, PrimitiveParameters, Variable } from "../ir/types.ts";

/** How much the result moves with a value, of the value's own type; undefined is a zero that is never computed. */
export type Cotangent = Variable | undefined;

/** Where a cotangent is asked for: everywhere, or where it counts, which its support then says. */
export type Wanted = "everywhere" | "where it counts";

/** Transposes a body into a builder: known inputs are given, linear ones undefined; answers with the cotangents of the
 *  linear inputs, in the order of all inputs. */
export type TransposeBody = (
  b: Builder,
  fn: IrFunction,
  inputs: readonly (Variable | undefined)[],
  cotangents: readonly (Share | undefined)[],
  wanted?: readonly Wanted[],
) => readonly (Share | undefined)[];

/** What a rule is given: at least one of the cotangents is there, and at least one input is linear. */
export interface TransposeArguments<P extends PrimitiveName> {
  readonly b: Builder;
  /** The known inputs; undefined where the primitive is linear in an unknown. A known input in a place where only an
   *  unknown would be linear (a term of a sum, a branch of a select) is zero. */
  readonly inputs: readonly (Variable | undefined)[];
  /** Types of all inputs. */
  readonly types: readonly ArrayType[];
  /** One per output. */
  readonly cotangents: readonly Cotangent[];
  /** The same, with where they count. Only loops look: to others come cotangents that may be used as they are. */
  readonly shares: readonly (Share | undefined)[];
  /** Whether the cotangent of an input will meet factors before which it is of use to know where it counts. Only loops ask. */
  readonly followed: (input: number) => boolean;
  readonly params: PrimitiveParameters[P];
  readonly transpose: TransposeBody;
}

/** Writes the cotangents of the linear inputs; those of known inputs are not asked for and are dropped. */
export type TransposeRule<P extends PrimitiveName> = (args: TransposeArguments<P>) => readonly Cotangent[];

/** A rule that sees where its cotangents count, and says so of those it writes. */
export type LoopTransposeRule<P extends PrimitiveName> = (
  args: TransposeArguments<P>,
) => readonly (Share | undefined)[];

/** Stands in the table for a primitive that is linear in none of its inputs. */
export const notLinear = "not linear";
