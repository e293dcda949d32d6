// How does a loop run for all iterations of a map around it at once? As the same loop over batched values; only what
// depends on a mapped value is batched.
import { Builder } from "../ir/builder.ts";
import { dependentCarry, sectionsOf } from "../ir/structured.ts";
import type { EquationOf, Variable } from "../ir/types.ts";
import { InternalError } from "../errors.ts";
import { type BatchRule, lead, moveAxis } from "./batching.ts";

/** An input of a batched body. */
function bodyInputs(body: Builder, variables: readonly Variable[], mapped: readonly boolean[], length: number) {
  return variables.map((v, i) => body.input(mapped[i] ? { dtype: v.dtype, shape: [length, ...v.shape] } : v, v.name));
}

/** A stacked input [steps, …] per iteration is [length, steps, …], and the loop wants [steps, length, …]. */
const stackedInside = (b: Builder, x: Variable, mapped: boolean) => mapped ? moveAxis(b, x, 0, 1) : x;

/** A scan, the carry of which is batched where it depends on a mapped value at any step. */
export const scanBatch: BatchRule<"scan"> = ({ b, inputs, mapped, length, params, batch }) => {
  const { body } = params;
  const carryMapped = dependentCarry({ op: "scan", params } as EquationOf<"scan">, mapped, "use");
  const flags = sectionsOf(params, mapped);
  const bodyMapped = [...flags.constants, ...carryMapped, ...flags.stacked];
  const s = new Builder(body.name);
  s.origin = b.origin;
  const dual = batch(s, body, { inputs: bodyInputs(s, body.inputs, bodyMapped, length), mapped: bodyMapped, length });
  const outputs = dual.outputs.map((x, i) => {
    if (i >= params.carry) return x;
    if (dual.mapped[i] && !carryMapped[i]) {
      throw new InternalError(`Carry ${i} of ${body.name} became mapped in its body`);
    }
    return carryMapped[i] ? lead(s, x, dual.mapped[i]!, length) : x;
  });
  const given = sectionsOf(params, inputs);
  const results = b.emit("scan", [
    ...given.constants,
    ...given.carry.map((x, i) => carryMapped[i] ? lead(b, x, flags.carry[i]!, length) : x),
    ...given.stacked.map((x, i) => stackedInside(b, x, flags.stacked[i]!)),
  ], { ...params, body: s.finish(outputs) });
  const outputMapped = dual.mapped.map((flag, i) => i < params.carry ? carryMapped[i]! : flag);
  return {
    outputs: results.map((x, i) => i >= params.carry && outputMapped[i] ? moveAxis(b, x, 1, 0) : x),
    mapped: outputMapped,
  };
};

/** A map in a map. */
export const mapBatch: BatchRule<"map"> = ({ b, inputs, mapped, length, params, batch }) => {
  const { body } = params;
  const m = new Builder(body.name);
  m.origin = b.origin;
  const dual = batch(m, body, { inputs: bodyInputs(m, body.inputs, mapped, length), mapped, length });
  const given = sectionsOf(params, inputs);
  const flags = sectionsOf(params, mapped);
  const results = b.emit("map", [
    ...given.constants,
    ...given.stacked.map((x, i) => stackedInside(b, x, flags.stacked[i]!)),
  ], { ...params, body: m.finish(dual.outputs) });
  return { outputs: results.map((x, i) => dual.mapped[i] ? moveAxis(b, x, 1, 0) : x), mapped: dual.mapped };
};
