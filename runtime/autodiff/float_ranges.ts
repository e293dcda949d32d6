// Which factors of a derivative are surely finite? Bounds for the entries of known values, found without running anything; what
// overflows by sums and products alone counts as finite. A bound may be wide, but must not be wrong.
import type { Builder } from "../ir/builder.ts";
import { anyFinite, anything, type FloatRange } from "../ir/float_range.ts";
import { sectionsOf } from "../ir/structured.ts";
import { type Equation, type EquationOf, implicitScalars, type IrFunction, type Variable } from "../ir/types.ts";
import { floatRangeRules } from "./float_range_rules.ts";

/** The ranges of the variables of one function, found when they are asked for. */
export class FloatRanges {
  readonly #producer: (x: Variable) => Equation | undefined;
  readonly #known = new Map<Variable, FloatRange>();

  /** `given`: ranges of inputs; of an input that is not there, its own. */
  constructor(producer: (x: Variable) => Equation | undefined, given: Iterable<readonly [Variable, FloatRange]> = []) {
    this.#producer = producer;
    for (const [x, range] of given) this.#known.set(x, range);
  }

  of(x: Variable): FloatRange {
    const known = this.#known.get(x);
    if (known) return known;
    // A stack of its own, because functions may be thousands of equations long
    const open = [x];
    while (open.length > 0) {
      const next = open.at(-1)!;
      const equation = this.#known.has(next) ? undefined : this.#producer(next);
      const before = open.length;
      for (const input of equation?.inputs ?? []) if (!this.#known.has(input)) open.push(input);
      if (open.length > before) continue;
      open.pop();
      if (equation) this.#follow(equation);
      else if (!this.#known.has(next)) this.#known.set(next, next.range ?? anyFinite);
    }
    return this.#known.get(x)!;
  }

  #follow(equation: Equation): void {
    const inputs = equation.inputs.map((x) => this.#known.get(x)!);
    const outputs = this.#outputs(equation, inputs);
    equation.outputs.forEach((x, i) => this.#known.set(x, outputs[i]!));
  }

  #outputs(equation: Equation, inputs: readonly FloatRange[]): readonly FloatRange[] {
    switch (equation.op) {
      case "scan":
        return scanRanges(equation, inputs).outputs;
      case "map":
        return outputRanges(equation.params.body, inputs);
      case "gradient": {
        const { body, wrt } = equation.params;
        const ranges = rangesInside(body, inputs);
        const safe = body.equations.every((e) => e.outputs.every((x) => ranges.of(x).finite));
        return [...body.outputs.map((x) => ranges.of(x)), ...wrt.map(() => safe ? anyFinite : anything)];
      }
      case "implicit":
        return inputs.slice(implicitScalars + equation.params.constants);
      case "finite_difference":
        return inputs.slice(1 + equation.params.body.inputs.length);
      case "check":
        return inputs.slice(0, 1);
      case "linear_solve":
      case "pullback":
        return equation.outputs.map(() => anything);
      default:
        return [floatRangeRules[equation.op]({
          inputs,
          variables: equation.inputs,
          params: equation.params as never,
          type: equation.outputs[0]!,
          producer: this.#producer,
        })];
    }
  }
}

/** The ranges inside a function whose inputs have these. */
export function rangesInside(fn: IrFunction, inputs: readonly FloatRange[]): FloatRanges {
  const producers = new Map<Variable, Equation>();
  for (const equation of fn.equations) for (const x of equation.outputs) producers.set(x, equation);
  return new FloatRanges((x) => producers.get(x), fn.inputs.map((x, i) => [x, inputs[i]!] as const));
}

/** The ranges as text: equal for equal ranges. */
export function rangesKey(ranges: readonly FloatRange[]): string {
  return ranges.map(({ low, high, finite, nonzero, peak }) => `${low} ${high} ${finite} ${nonzero} ${peak}`).join(";");
}

/** What was found of a body: loops ask for it more than once, and in loops in loops that would double with each. */
const knownOutputs = new WeakMap<IrFunction, Map<string, readonly FloatRange[]>>();

function outputRanges(fn: IrFunction, inputs: readonly FloatRange[]): readonly FloatRange[] {
  const known = knownOutputs.get(fn) ?? new Map<string, readonly FloatRange[]>();
  knownOutputs.set(fn, known);
  const key = rangesKey(inputs);
  const before = known.get(key);
  if (before) return before;
  const ranges = rangesInside(fn, inputs);
  const outputs = fn.outputs.map((x) => ranges.of(x));
  known.set(key, outputs);
  return outputs;
}

/** The ranges of a scan's body inputs over all its steps, and of its outputs. */
export function scanRanges(
  { params }: EquationOf<"scan">,
  inputs: readonly FloatRange[],
): { readonly inside: readonly FloatRange[]; readonly outputs: readonly FloatRange[] } {
  const given = sectionsOf(params, inputs);
  let carry = given.carry;
  while (true) {
    const inside = [...given.constants, ...carry, ...given.stacked];
    const outputs = outputRanges(params.body, inside);
    const next = carry.map((range, i) => widened(range, outputs[i]!));
    if (next.every((range, i) => range === carry[i])) {
      return { inside, outputs: [...carry, ...outputs.slice(carry.length)] };
    }
    carry = next;
  }
}

/** What holds before and after a step. A bound that moves is given up, but for a sign, so that a few steps settle it. */
function widened(range: FloatRange, after: FloatRange): FloatRange {
  const low = after.low >= range.low ? range.low : range.low > 0 && after.low >= 0 ? 0 : -Infinity;
  const high = after.high <= range.high ? range.high : range.high < 0 && after.high <= 0 ? 0 : Infinity;
  const finite = range.finite && after.finite;
  const nonzero = range.nonzero && after.nonzero;
  const same = finite === range.finite && low === range.low && high === range.high && nonzero === range.nonzero;
  return same ? range : { finite, low, high, nonzero };
}

const inBuilders = new WeakMap<Builder, FloatRanges>();

/** The range of a variable of a function that is being written. */
export function floatRangeOf(b: Builder, x: Variable): FloatRange {
  let ranges = inBuilders.get(b);
  if (!ranges) inBuilders.set(b, ranges = new FloatRanges((v) => b.producer(v)));
  return ranges.of(x);
}
