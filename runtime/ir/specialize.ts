// Which inputs does a loop not need? A constant of one value is written into the body, where it can be folded further; an
// array that is passed twice is passed once.
import { Builder } from "./builder.ts";
import { sectionsOf } from "./structured.ts";
import type { PrimitiveParameters, Variable } from "./types.ts";

/** The inputs and parameters of a scan or map with fewer inputs and the same outputs; undefined when all are needed.
 *  `b` is the function in which the loop stands. */
export function specializeLoop<P extends "scan" | "map">(
  b: Builder,
  inputs: readonly Variable[],
  params: PrimitiveParameters[P],
): { readonly inputs: readonly Variable[]; readonly params: PrimitiveParameters[P] } | undefined {
  const given = sectionsOf(params, inputs);
  const fixed = (list: readonly Variable[]) =>
    list.map((x, i) => b.uniformValue(x) !== undefined || list.indexOf(x) !== i);
  const drop = [...fixed(given.constants), ...given.carry.map(() => false), ...fixed(given.stacked)];
  if (!drop.includes(true)) return undefined;
  const { body } = params;
  const inner = new Builder(body.name);
  inner.origin = b.origin;
  const first = new Map<string, Variable>();
  const values = body.inputs.map((v, i) => {
    const stacked = i >= inputs.length - given.stacked.length;
    const key = `${stacked} ${inputs[i]!.id}`;
    if (!drop[i]) {
      const kept = inner.inputLike(v);
      first.set(key, kept);
      return kept;
    }
    const value = b.uniformValue(inputs[i]!);
    return value === undefined ? first.get(key)! : inner.fill(value, v);
  });
  return {
    inputs: inputs.filter((_, i) => !drop[i]),
    params: {
      ...params,
      body: inner.finish(inner.inline(body, values)),
      constants: sectionsOf(params, drop).constants.filter((flag) => !flag).length,
    },
  };
}
