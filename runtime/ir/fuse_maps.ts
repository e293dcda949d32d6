// Which maps can run as one? A map that reads another's results slice by slice continues the other's iterations. After a
// gradient, this brings each task's backward pass behind its own forward pass: what passes between them is never stacked.
import { Builder } from "./builder.ts";
import { sectionsOf } from "./structured.ts";
import { bodyOf, type Equation, type EquationOf, type IrFunction, type Variable } from "./types.ts";

type MapEquation = EquationOf<"map">;

/** The same function with maps joined where one reads another's stacked outputs as stacked inputs, and depends on it in no
 *  other way; in bodies too. Results are the same to the last bit. Leaves unread outputs for dead code removal. */
export function fuseMaps(fn: IrFunction): IrFunction {
  let equations: Equation[] = [];
  for (const equation of fn.equations) {
    const body = bodyOf(equation);
    if (equation.op === "map") equations = placeMap(equations, equation);
    else if (!body) equations.push(equation);
    else equations.push({ ...equation, params: { ...equation.params, body: fuseMaps(body) } } as Equation);
  }
  const inside = equations.map((equation) =>
    equation.op === "map"
      ? { ...equation, params: { ...equation.params, body: fuseMaps(equation.params.body) } }
      : equation
  );
  return { ...fn, equations: inside };
}

/** The equations with one more map: joined to the latest one before it that allows it, else at the end. */
function placeMap(equations: readonly Equation[], map: MapEquation): Equation[] {
  const stacked = new Set(sectionsOf(map.params, map.inputs).stacked);
  for (let p = equations.length - 1; p >= 0; p--) {
    const before = equations[p]!;
    if (before.op !== "map" || before.params.length !== map.params.length) continue;
    if (!before.outputs.some((output) => stacked.has(output))) continue;
    const dependent = new Set<Variable>(before.outputs);
    const [free, bound]: [Equation[], Equation[]] = [[], []];
    for (const equation of equations.slice(p + 1)) {
      const depends = equation.inputs.some((x) => dependent.has(x));
      (depends ? bound : free).push(equation);
      if (depends) { for (const output of equation.outputs) dependent.add(output); }
    }
    const constants = sectionsOf(map.params, map.inputs).constants;
    const own = (x: Variable) => before.outputs.includes(x);
    if (constants.some((x) => dependent.has(x)) || [...stacked].some((x) => dependent.has(x) && !own(x))) continue;
    // What does not depend on the first map may be what the second one waits for, so it comes before both
    return [...placeMap([...equations.slice(0, p), ...free], join(before, map)), ...bound];
  }
  return [...equations, map];
}

/** One map that runs the first body and then the second. Its outputs are those of both. */
function join(first: MapEquation, second: MapEquation): MapEquation {
  const b = new Builder(first.params.body.name);
  b.origin = second.origin;
  const constants = new Map<Variable, Variable>();
  const slices = new Map<Variable, Variable>();
  const outer = [first, second].map((map) => sectionsOf(map.params, map.inputs));
  const inner = [first, second].map((map) => sectionsOf(map.params, map.params.body.inputs));
  const take = (known: Map<Variable, Variable>, x: Variable, type: Variable) => {
    if (!known.has(x)) known.set(x, b.input(type, type.name));
  };
  outer.forEach(({ constants: list }, k) => list.forEach((x, i) => take(constants, x, inner[k]!.constants[i]!)));
  const made = new Set(first.outputs);
  outer.forEach(({ stacked: list }, k) =>
    list.forEach((x, i) => made.has(x) ? undefined : take(slices, x, inner[k]!.stacked[i]!))
  );
  const results = new Map<Variable, Variable>();
  [first, second].forEach((map, k) => {
    const inputs = [
      ...outer[k]!.constants.map((x) => constants.get(x)!),
      ...outer[k]!.stacked.map((x) => results.get(x) ?? slices.get(x)!),
    ];
    const outputs = b.inline(map.params.body, inputs);
    map.outputs.forEach((output, i) => results.set(output, outputs[i]!));
  });
  const outputs = [...first.outputs, ...second.outputs];
  return {
    op: "map",
    inputs: [...constants.keys(), ...slices.keys()],
    outputs,
    params: {
      body: b.finish(outputs.map((output) => results.get(output)!)),
      length: first.params.length,
      constants: constants.size,
    },
    origin: first.origin,
  };
}
