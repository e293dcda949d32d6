// How do cotangents run back through a loop? Through a scan from the last step to the first, carrying the cotangents of
// the carry and the sums for the constants; through a map for every iteration by itself.
import { Builder } from "../ir/builder.ts";
import { neededCarry, neededInputs, sectionsOf } from "../ir/structured.ts";
import type { EquationOf, Variable } from "../ir/types.ts";
import type { Cotangent, TransposeRule } from "./cotangent.ts";

const zeros = (b: Builder, like: Variable, cotangent: Cotangent) => cotangent ?? b.fill(0, like);
const present = (list: readonly (Variable | undefined)[]) => list.filter((x) => x !== undefined);

/** Splits the body's inputs: the known ones become inputs of the transposed body, the linear ones stay open. */
function knownInputs(
  t: Builder,
  variables: readonly Variable[],
  given: readonly (Variable | undefined)[],
): readonly (Variable | undefined)[] {
  return variables.map((v, i) => given[i] === undefined ? undefined : t.input(v, v.name));
}

const cotangentName = (v: Variable) => v.name === undefined ? undefined : `ct ${v.name}`;

/** The reverse scan. Its constants: the known constants. Its carry: sums of the cotangents of the linear constants,
 *  cotangents of the carry. Its stacked inputs: the known ones, cotangents of the stacked outputs; its stacked outputs:
 *  cotangents of the linear stacked inputs. A carry of a linear scan is linear even if it starts at a known (zero)
 *  value: whatever is not linear in it has been split off before. */
export const scanTranspose: TransposeRule<"scan"> = ({ b, inputs, cotangents, params, transpose }) => {
  const { body, length, reverse, carry: carries } = params;
  const equation = { op: "scan", params } as EquationOf<"scan">;
  const flags = cotangents.map((u) => u !== undefined);
  const liveCarry = neededCarry(equation, flags);
  const needed = sectionsOf(params, neededInputs(body, [...liveCarry, ...flags.slice(carries)]));
  const given = sectionsOf(params, inputs);
  const shape = sectionsOf(params, body.inputs);
  const linearConstant = given.constants.map((x, i) => x === undefined && needed.constants[i]!);
  const linearStacked = given.stacked.map((x, i) => x === undefined && needed.stacked[i]!);

  const t = new Builder(body.name);
  t.origin = b.origin;
  const constants = knownInputs(t, shape.constants, given.constants);
  const input = (v: Variable, flag: boolean) => flag ? t.input(v, cotangentName(v)) : undefined;
  const sums = shape.constants.map((v, i) => input(v, linearConstant[i]!));
  const carry = shape.carry.map((v, i) => input(v, liveCarry[i]!));
  const stacked = knownInputs(t, shape.stacked, given.stacked);
  const outputs = body.outputs.slice(carries).map((v, i) => input(v, flags[carries + i]!));
  const open = shape.carry.map(() => undefined);
  const result = sectionsOf(params, transpose(t, body, [...constants, ...open, ...stacked], [...carry, ...outputs]));
  const nextSums = sums.map((sum, i) => {
    const u = result.constants[i];
    return sum && u ? t.apply("add", sum, u) : sum;
  });
  const nextCarry = shape.carry.map((v, i) => liveCarry[i] ? zeros(t, v, result.carry[i]) : undefined);
  const slices = shape.stacked.map((v, i) => linearStacked[i] ? zeros(t, v, result.stacked[i]) : undefined);

  const startSums = shape.constants.map((v, i) => linearConstant[i] ? b.fill(0, v) : undefined);
  const startCarry = shape.carry.map((v, i) => liveCarry[i] ? zeros(b, v, cotangents[i]) : undefined);
  const results = b.emit("scan", [
    ...present(given.constants),
    ...present(startSums),
    ...present(startCarry),
    ...present(given.stacked),
    ...present(cotangents.slice(carries)),
  ], {
    body: t.finish([...present(nextSums), ...present(nextCarry), ...present(slices)]),
    length,
    constants: present(given.constants).length,
    carry: present(startSums).length + present(startCarry).length,
    reverse: !reverse,
  });
  let position = 0;
  const take = (list: readonly (Variable | undefined)[]) => list.map((x) => x && results[position++]);
  return [...take(nextSums), ...take(nextCarry), ...take(slices)];
};

/** The transposed map. Every iteration makes its own cotangents, also of the constants: these are stacked and summed
 *  over the iterations afterwards, so that the order of summation does not depend on who ran which iteration. */
export const mapTranspose: TransposeRule<"map"> = ({ b, inputs, cotangents, params, transpose }) => {
  const { body, length } = params;
  const given = sectionsOf(params, inputs);
  const shape = sectionsOf(params, body.inputs);
  const t = new Builder(body.name);
  t.origin = b.origin;
  const constants = knownInputs(t, shape.constants, given.constants);
  const stacked = knownInputs(t, shape.stacked, given.stacked);
  const outputs = body.outputs.map((v, i) => cotangents[i] && t.input(v, cotangentName(v)));
  const result = transpose(t, body, [...constants, ...stacked], outputs);
  const results = b.emit("map", [
    ...present(given.constants),
    ...present(given.stacked),
    ...present(cotangents),
  ], { body: t.finish(present(result)), length, constants: present(given.constants).length });
  let position = 0;
  return result.map((u, i) => {
    if (!u) return undefined;
    const stack = results[position++]!;
    return i < params.constants ? b.sum(stack, [0]) : stack;
  });
};
