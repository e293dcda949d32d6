// What is a row of the gradient table, and what are its inputs made of?
import type { Builder } from "../../runtime/ir/builder.ts";
import { allocate, type DType, type HostArray, type Shape, sizeOf, type Variable } from "../../runtime/ir/types.ts";

/** One function to differentiate. */
export interface GradientRow {
  readonly name: string;
  /** In general position: away from kinks by more than a finite difference reaches. */
  readonly inputs: readonly HostArray[];
  readonly write: (b: Builder, x: readonly Variable[]) => readonly Variable[];
  /** Third derivatives are checked too. Default: yes. */
  readonly smooth?: boolean;
}

/** An array of any dtype from a flat list. */
export function array(dtype: DType, shape: Shape, values: readonly number[]): HostArray {
  const data = allocate(dtype, sizeOf(shape));
  data.set(values.length === 1 ? Array(data.length).fill(values[0]) : values);
  return { dtype, shape, data };
}

/** Numbers in [low, high) that do not change from run to run: Weyl's sequence, which fills the interval evenly. */
export function spread(shape: Shape, low: number, high: number, seed = 1): HostArray {
  const golden = 0.6180339887498949;
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => {
    const x = (i + 1) * golden + seed * 0.7548776662466927;
    return low + (high - low) * (x - Math.floor(x));
  });
  return array("f64", shape, values);
}
