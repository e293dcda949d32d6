// How does a short loop read without the loop? Its steps one after the other, as equations of the function around it.
import type { Builder } from "./builder.ts";
import { sectionsOf } from "./structured.ts";
import type { PrimitiveParameters, Variable } from "./types.ts";

/** Writes the steps of a scan into a builder. Returns what the scan returns: final carry, stacked outputs. */
export function unrollScan(
  b: Builder,
  inputs: readonly Variable[],
  { body, length, constants, carry, reverse }: PrimitiveParameters["scan"],
): readonly Variable[] {
  const given = sectionsOf({ constants, carry }, inputs);
  const records: (readonly Variable[])[] = Array(length);
  let state = given.carry;
  for (let step = 0; step < length; step++) {
    const row = reverse ? length - 1 - step : step;
    const slices = given.stacked.map((x) => b.row(x, row));
    const results = b.inline(body, [...given.constants, ...state, ...slices]);
    state = results.slice(0, carry);
    records[row] = results.slice(carry).map((y) => b.reshape(y, [1, ...y.shape]));
  }
  const stacked = body.outputs.slice(carry).map((type, k) =>
    length > 0
      ? b.one("concat", records.map((row) => row[k]!), { axis: 0 })
      : b.fill(0, { dtype: type.dtype, shape: [0, ...type.shape] })
  );
  return [...state, ...stacked];
}
