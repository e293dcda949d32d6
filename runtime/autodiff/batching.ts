// What is a batched value, and what is a batching rule given? A value is either the same for every iteration of a map, or
// has a leading axis with one slice for each.
import type { Builder } from "../ir/builder.ts";
import type { IrFunction, PrimitiveName, PrimitiveParameters, Variable } from "../ir/types.ts";

/** Values, and which of them have the leading batch axis. */
export interface Batched {
  readonly outputs: readonly Variable[];
  readonly mapped: readonly boolean[];
}

/** What a rule is given: at least one input is mapped. */
export interface BatchArguments<P extends PrimitiveName> {
  readonly b: Builder;
  readonly inputs: readonly Variable[];
  readonly mapped: readonly boolean[];
  /** Length of the batch axis. */
  readonly length: number;
  /** Parameters of the primitive that one iteration would run. */
  readonly params: PrimitiveParameters[P];
  /** Batches a body into a builder. */
  readonly batch: (
    b: Builder,
    fn: IrFunction,
    given: { readonly inputs: readonly Variable[]; readonly mapped: readonly boolean[]; readonly length: number },
  ) => Batched;
}

/** Writes the primitive for all iterations at once. */
export type BatchRule<P extends PrimitiveName> = (args: BatchArguments<P>) => Batched;

/** A value with the batch axis: repeated along it when it is the same for all. */
export function lead(b: Builder, x: Variable, mapped: boolean, length: number): Variable {
  if (mapped) return x;
  return b.one("broadcast", [x], { shape: [length, ...x.shape], axes: x.shape.map((_, i) => i + 1) });
}

/** The same array with one axis taken out and put in again as axis `to`. */
export function moveAxis(b: Builder, x: Variable, from: number, to: number): Variable {
  const permutation = x.shape.map((_, i) => i).filter((i) => i !== from);
  permutation.splice(to, 0, from);
  return b.one("transpose", [x], { permutation });
}

/** One output, mapped. */
export function mappedOutput(x: Variable): Batched {
  return { outputs: [x], mapped: [true] };
}
