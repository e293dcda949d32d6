// How does a loop change with its inputs? One joint loop over values and tangents, whatever its length.
import { Builder } from "../ir/builder.ts";
import { dependentCarry, sectionsOf } from "../ir/structured.ts";
import type { EquationOf, Variable } from "../ir/types.ts";
import { type JvpRule, materialize, type Tangent } from "./tangent.ts";

/** Inputs of a joint body: a primal for every variable, and a tangent for the flagged ones. */
function dualInputs(b: Builder, variables: readonly Variable[], flags: readonly boolean[]) {
  const primals = variables.map((v) => b.inputLike(v));
  const tangents: Tangent[] = variables.map((v, i) => flags[i] ? b.input(v, tangentName(v)) : undefined);
  return { primals, tangents };
}

const tangentName = (v: Variable) => v.name === undefined ? undefined : `d ${v.name}`;
const present = (tangents: readonly Tangent[]) => tangents.filter((t) => t !== undefined);

/** The joint scan: constants (c, dc), carry (k, dk), stacked inputs (x, dx), stacked outputs (y, dy); only the tangents
 *  that can be other than zero take part. */
export const scanJvp: JvpRule<"scan"> = ({ b, inputs, tangents, params, jvp }) => {
  const { body, length, reverse } = params;
  const flags = tangents.map((t) => t !== undefined);
  const given = { primals: sectionsOf(params, inputs), tangents: sectionsOf(params, tangents) };
  // A carry that starts without a tangent may meet one at a later step
  const moving = dependentCarry({ op: "scan", params } as EquationOf<"scan">, flags, "tangent");
  const shape = sectionsOf(params, body.inputs);
  const joint = new Builder(body.name);
  joint.origin = b.origin;
  const constants = dualInputs(joint, shape.constants, sectionsOf(params, flags).constants);
  const carry = dualInputs(joint, shape.carry, moving);
  const stacked = dualInputs(joint, shape.stacked, sectionsOf(params, flags).stacked);
  const dual = jvp(
    joint,
    body,
    [...constants.primals, ...carry.primals, ...stacked.primals],
    [...constants.tangents, ...carry.tangents, ...stacked.tangents],
  );
  const next = dual.outputs.slice(0, params.carry);
  const dnext = dual.tangents.slice(0, params.carry).map((t, i) => moving[i] ? materialize(joint, t, next[i]!) : t);
  const outputs = dual.outputs.slice(params.carry);
  const doutputs = dual.tangents.slice(params.carry);
  const initial = given.primals.carry;
  const dinitial = given.tangents.carry.map((t, i) => moving[i] ? materialize(b, t, initial[i]!) : undefined);
  const results = b.emit("scan", [
    ...given.primals.constants,
    ...present(given.tangents.constants),
    ...initial,
    ...present(dinitial),
    ...given.primals.stacked,
    ...present(given.tangents.stacked),
  ], {
    body: joint.finish([...next, ...present(dnext), ...outputs, ...present(doutputs)]),
    length,
    constants: constants.primals.length + present(constants.tangents).length,
    carry: next.length + present(dnext).length,
    reverse,
  });
  return deal(results, [next, dnext, outputs, doutputs]);
};

/** The joint map: constants (c, dc), stacked inputs (x, dx), outputs (y, dy). */
export const mapJvp: JvpRule<"map"> = ({ b, inputs, tangents, params, jvp }) => {
  const { body, length } = params;
  const flags = tangents.map((t) => t !== undefined);
  const given = { primals: sectionsOf(params, inputs), tangents: sectionsOf(params, tangents) };
  const shape = sectionsOf(params, body.inputs);
  const joint = new Builder(body.name);
  joint.origin = b.origin;
  const constants = dualInputs(joint, shape.constants, sectionsOf(params, flags).constants);
  const stacked = dualInputs(joint, shape.stacked, sectionsOf(params, flags).stacked);
  const dual = jvp(
    joint,
    body,
    [...constants.primals, ...stacked.primals],
    [...constants.tangents, ...stacked.tangents],
  );
  const results = b.emit("map", [
    ...given.primals.constants,
    ...present(given.tangents.constants),
    ...given.primals.stacked,
    ...present(given.tangents.stacked),
  ], {
    body: joint.finish([...dual.outputs, ...present(dual.tangents)]),
    length,
    constants: constants.primals.length + present(constants.tangents).length,
  });
  return deal(results, [[], [], dual.outputs, dual.tangents]);
};

/** Deals the results of a joint loop out to (carry, carry tangents, outputs, output tangents), leaving the gaps. */
function deal(
  results: readonly Variable[],
  lists: readonly [readonly Variable[], readonly Tangent[], readonly Variable[], readonly Tangent[]],
) {
  let position = 0;
  const take = (list: readonly Tangent[]) => list.map((t) => t && results[position++]!);
  const [next, dnext, outputs, doutputs] = lists.map(take) as [Variable[], Tangent[], Variable[], Tangent[]];
  return { outputs: [...next, ...outputs], tangents: [...dnext, ...doutputs] };
}
