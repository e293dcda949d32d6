// How are equations written again, into another function?
import type { Builder } from "../ir/builder.ts";
import type { Equation, Variable } from "../ir/types.ts";

/** Writes equations into a builder, reading and extending the map from their variables to the builder's. */
export function emitAll(b: Builder, equations: readonly Equation[], values: Map<Variable, Variable>): void {
  const origin = b.origin;
  for (const equation of equations) {
    b.origin = equation.origin ?? origin;
    const outputs = b.emit(equation.op, equation.inputs.map((x) => values.get(x)!), equation.params);
    equation.outputs.forEach((output, i) => values.set(output, outputs[i]!));
  }
  b.origin = origin;
}
