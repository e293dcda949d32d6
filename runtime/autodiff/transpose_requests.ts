// How do cotangents run back through a solve and through a map that is known by its transpose?
import { Builder } from "../ir/builder.ts";
import type { Cotangent, TransposeBody, TransposeRule } from "./cotangent.ts";
import type { FloatRange } from "../ir/float_range.ts";
import type { PrimitiveParameters } from "../ir/types.ts";
import { floatRangeOf } from "./float_ranges.ts";
import { everywhere } from "./supports.ts";

/** x = A^-1 b: the cotangent of b solves with the transpose of A. */
export const linearSolveTranspose: TransposeRule<"linear_solve"> = (
  { b, inputs, types, cotangents, params, transpose },
) => {
  const { constants } = params;
  const known = inputs.slice(0, 1 + constants).map((x) => x!);
  const right = types.slice(1 + constants);
  const body = params.solver.symmetric
    ? params.body
    : transposedOperator(params, transpose, known.slice(1).map((x) => floatRangeOf(b, x)));
  const u = cotangents.map((x, i) => x ?? b.fill(0, right[i]!));
  const solved = b.emit("linear_solve", [...known, ...u], { ...params, body });
  return [...known.map((): Cotangent => undefined), ...solved];
};

/** (c ..., u ...) -> A^T u. `ranges`: of c .... */
function transposedOperator(
  { body, constants }: Pick<PrimitiveParameters["linear_solve"], "body" | "constants">,
  transpose: TransposeBody,
  ranges: readonly FloatRange[],
) {
  const t = new Builder(`${body.name} transposed`);
  const c = body.inputs.slice(0, constants).map((v, i) => t.input(v, v.name, ranges[i]));
  const unknown = body.inputs.slice(constants);
  const u = body.outputs.map((v) => t.input(v));
  const open = unknown.map(() => undefined);
  const results = transpose(t, body, [...c, ...open], u.map(everywhere)).slice(constants);
  return t.finish(results.map((x, i) => x?.value ?? t.fill(0, unknown[i]!)));
}

/** What it is made for. */
export const pullbackTranspose: TransposeRule<"pullback"> = ({ b, inputs, cotangents, params }) => {
  const { body, known, types } = params;
  const u = cotangents.map((x, i) => x ?? b.fill(0, types[i]!));
  const own = inputs.slice(0, known).map((x) => x!);
  return [...own.map((): Cotangent => undefined), ...b.inline(body, [...own, ...u])];
};
