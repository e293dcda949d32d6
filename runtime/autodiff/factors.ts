// Which factors of a linear function may be infinite where nothing takes their product? Only before these does it matter where a
// cotangent counts; a function without them, such as most networks, is transposed as if nobody had asked.
import type { Builder } from "../ir/builder.ts";
import { type Equation, type EquationOf, type PrimitiveName, sizeOf, type Variable } from "../ir/types.ts";
import { anyFinite, type FloatRange } from "../ir/float_range.ts";
import type { Remainder } from "./partial_eval.ts";
import { floatRangeOf, rangesInside } from "./float_ranges.ts";

/** What a factor may do where its cotangent is 0. `tame`: it is a number of a known size. `overflows`: it is finite unless sums and
 *  products overflow. `wild`: a logarithm, a quotient, a power or the like may have made it infinite or NaN. */
export type Factor = "tame" | "overflows" | "wild";

/** Numbers up to this size, times a cotangent of the size of losses, stay finite also in float32. */
const largeNumber = 1e12;

/** The known input of a product that is linear in the other. */
export function factorIn(equation: Equation, unknown: (x: Variable) => boolean): Variable | undefined {
  switch (equation.op) {
    case "mul":
    case "div":
    case "dot_general":
    case "conv":
    case "conv_input_gradient":
    case "conv_filter_gradient":
      return equation.inputs.find((x) => !unknown(x));
    default:
      return undefined;
  }
}

/** What the known factor of an equation may do. */
export function factorOf(
  equation: Equation,
  unknown: (x: Variable) => boolean,
  range: (x: Variable) => FloatRange,
): Factor {
  if (equation.op === "solve") return "wild";
  const factor = factorIn(equation, unknown);
  if (!factor) return "tame";
  const { finite, low, high, nonzero } = range(factor);
  const division = equation.op === "div";
  if (!finite || division && !nonzero) return "wild";
  const tame = division ? low > 1 / largeNumber || high < -1 / largeNumber : low > -largeNumber && high < largeNumber;
  return tame ? "tame" : "overflows";
}

/** Primitives that add up cotangents of several entries. */
const mixing: ReadonlySet<PrimitiveName> = new Set<PrimitiveName>([
  "broadcast",
  "gather",
  "dot_general",
  "conv",
  "conv_input_gradient",
  "conv_filter_gradient",
  "solve",
]);

/** True when the cotangent of an input sums over entries of the output's. */
export function mixes({ op, inputs, outputs }: Equation): boolean {
  return mixing.has(op) && !(op === "broadcast" && sizeOf(inputs[0]!.shape) === sizeOf(outputs[0]!.shape));
}

/** What stands between an unknown and the inputs of a linear function. */
export interface Before {
  /** A wild factor, anywhere. */
  readonly far: boolean;
  /** An input, entry by entry, or a number that all entries share. */
  readonly single: boolean;
  /** The same, with a factor on the way that is not tame. */
  readonly near: boolean;
}

const nothing: Before = { far: false, single: false, near: false };
const join = (list: readonly Before[]): Before => ({
  far: list.some((x) => x.far),
  single: list.some((x) => x.single),
  near: list.some((x) => x.near),
});

/** What is asked of known and unknown variables on the way. */
interface Sight {
  readonly unknown: (x: Variable) => boolean;
  readonly range: (x: Variable) => FloatRange;
}

/** For the unknowns of a remainder, the factors that a cotangent of theirs will still meet; those of inputs in `partial` may meet
 *  any. */
export function factorsBefore(
  b: Builder,
  rest: Remainder,
  partial: ReadonlySet<Variable>,
): (unknown: Variable) => Before {
  const made = new Set(rest.equations.flatMap((equation) => equation.outputs));
  const inputs = [...rest.unknown].filter((x) => !made.has(x));
  const before = new Map(inputs.map((x): [Variable, Before] => {
    const any = partial.has(x);
    return [x, { far: any, single: true, near: any }];
  }));
  follow(rest.equations, before, { unknown: (x) => rest.unknown.has(x), range: (x) => floatRangeOf(b, x) });
  return (x) => before.get(x) ?? nothing;
}

function follow(equations: readonly Equation[], before: Map<Variable, Before>, sight: Sight): void {
  for (const equation of equations) {
    const unknown = equation.inputs.map(sight.unknown);
    if (!unknown.includes(true)) continue;
    const given = equation.inputs.map((x) => before.get(x) ?? nothing);
    const met = meets(equation, given, unknown, sight);
    equation.outputs.forEach((output, i) => before.set(output, met[i]!));
  }
}

function meets(
  equation: Equation,
  given: readonly Before[],
  unknown: readonly boolean[],
  sight: Sight,
): readonly Before[] {
  if (equation.op === "scan" || equation.op === "map") return loopMeets(equation, given, unknown, sight);
  // Their cotangents count everywhere
  if (equation.op === "linear_solve" || equation.op === "pullback") return equation.outputs.map(() => nothing);
  const own = factorOf(equation, sight.unknown, sight.range);
  const { far, single, near } = join(given);
  const wild = own === "wild";
  if (mixes(equation)) {
    return [{ far: far || wild, single: single && sizeOf(equation.inputs[0]!.shape) === 1, near: false }];
  }
  return [{ far: far || wild, single, near: near || single && own !== "tame" }];
}

/** Through a loop; a carry has what it meets at any step. */
function loopMeets(
  { op, inputs, params }: EquationOf<"scan"> | EquationOf<"map">,
  given: readonly Before[],
  unknown: readonly boolean[],
  sight: Sight,
): readonly Before[] {
  const { body } = params;
  const carries = op === "scan" ? params.carry : 0;
  const isCarry = (i: number) => i >= params.constants && i < params.constants + carries;
  const ranges = rangesInside(body, inputs.map((x, i) => unknown[i] ? anyFinite : sight.range(x)));
  // A carry of a linear loop is linear even if it starts at zeros, which are known
  const open = new Set(body.inputs.filter((_, i) => unknown[i] || isCarry(i)));
  for (const equation of body.equations) {
    if (equation.inputs.some((x) => open.has(x))) { for (const output of equation.outputs) open.add(output); }
  }
  const inside: Sight = { unknown: (x) => open.has(x), range: (x) => ranges.of(x) };
  let start = given.map((x, i) => isCarry(i) ? { ...x, single: true } : x);
  while (true) {
    const before = new Map(body.inputs.map((x, i) => [x, start[i]!] as const));
    follow(body.equations, before, inside);
    const outputs = body.outputs.map((x) => before.get(x) ?? nothing);
    const next = start.map((x, i) => isCarry(i) ? join([x, outputs[i - params.constants]!]) : x);
    if (next.every((x, i) => x.far === start[i]!.far && x.near === start[i]!.near)) {
      return outputs.map((x, i) => i < carries ? next[params.constants + i]! : x);
    }
    start = next;
  }
}
