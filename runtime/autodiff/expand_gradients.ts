// Where do the `gradient` requests of a program go? Each becomes its derivative code, the innermost first, so that a
// gradient of a gradient differentiates ordinary equations.
import { Builder } from "../ir/builder.ts";
import { eliminateDeadCode } from "../ir/dead_code.ts";
import type { FloatRange } from "../ir/float_range.ts";
import {
  bodyOf,
  type Equation,
  type EquationOf,
  implicitScalars,
  type IrFunction,
  type Variable,
} from "../ir/types.ts";
import { unrollScan } from "../ir/unroll.ts";
import { finishGradients, type FinishOptions } from "./finish.ts";
import { gradientInto } from "./gradient.ts";
import { lowerChecks, type LoweredSolves, lowerSolves, withoutReports } from "./lower_solves.ts";
import { floatRangeOf, rangesKey, scanRanges } from "./float_ranges.ts";
import { scaleFactors } from "./scale_factors.ts";
import { valueIn } from "../ir/structured.ts";

/** What may be chosen. */
export interface ExpandOptions extends FinishOptions {
  /** Scans of at most this many steps are written out before they are differentiated: no stacks, and what does not depend
   *  on the carry is seen. Default: 1. */
  readonly unroll?: number;
  /** How the derivative of an inner gradient is multiplied: `reverse` over reverse keeps what both passes computed,
   *  `forward` over reverse (the second derivative is symmetric) only what the inner gradient is taken at. The same to
   *  rounding. Default: `reverse`. */
  readonly products?: "reverse" | "forward";
  /** `keep` leaves `implicit` and its like as they are, for who asks what influences what. Default: `write`. */
  readonly solves?: "write" | "keep";
}

/** The same function without `gradient` requests: simplified, without dead code, and with loops that keep what the
 *  residual policy says. The policy changes memory and time, and no bit of the results. */
export function expandGradients(fn: IrFunction, options: ExpandOptions = {}): IrFunction {
  const expanded = withoutReports(expand(fn, options));
  // for who asks what influences what, the sweep is enough
  return options.solves === "keep" ? eliminateDeadCode(expanded) : finishGradients(expanded, options);
}

/** `expandGradients` whose result has, after the outputs of `fn`, what its implicit derivatives report. */
export function expandWithReports(fn: IrFunction, options: ExpandOptions = {}): LoweredSolves {
  const { fn: expanded, reports } = expand(fn, options);
  return { fn: finishGradients(expanded, options), reports };
}

/** The function that says which checks of `fn` fail, and where. */
export function expandChecks(fn: IrFunction): ReturnType<typeof lowerChecks> {
  const { fn: expanded, reports } = lowerChecks(eliminateDeadCode(new Expansion(1, "reverse").expand(fn)));
  return { fn: finishGradients(expanded), reports };
}

function expand(fn: IrFunction, { unroll = 1, solves = "write", products = "reverse" }: ExpandOptions): LoweredSolves {
  const expanded = new Expansion(unroll, products).expand(fn);
  return solves === "keep" ? { fn: expanded, reports: [] } : lowerSolves(eliminateDeadCode(expanded));
}

class Expansion {
  /** A body that several equations hold is expanded once; whether its own requests are kept, and what is known of its inputs, is part
   *  of the question. */
  readonly #done = new Map<IrFunction, Map<string, IrFunction>>();
  readonly #unroll: number;
  readonly #forward: boolean;

  constructor(unroll: number, products: NonNullable<ExpandOptions["products"]>) {
    this.#unroll = unroll;
    this.#forward = products === "forward";
  }

  /** `keep`: requests whose bodies hold none are left for the reverse request around them, which differentiates them by
   *  their own rule (jvp_requests.ts). `ranges`: what is known of the inputs. */
  expand(fn: IrFunction, keep = false, ranges: readonly FloatRange[] = []): IrFunction {
    const memory = this.#done.get(fn) ?? new Map<string, IrFunction>();
    this.#done.set(fn, memory);
    const question = `${keep} ${rangesKey(ranges)}`;
    const done = memory.get(question);
    if (done) return done;
    const b = new Builder(fn.name);
    const values = new Map<Variable, Variable>();
    fn.inputs.forEach((input, i) => values.set(input, b.input(input, input.name, ranges[i] ?? input.range)));
    const read = (x: Variable) => valueIn(values, x, fn);
    for (const equation of fn.equations) {
      b.origin = equation.origin;
      const outputs = this.#write(b, equation, equation.inputs.map(read), keep);
      equation.outputs.forEach((output, i) => values.set(output, outputs[i]!));
    }
    const result = b.finish(fn.outputs.map(read));
    memory.set(question, result);
    return result;
  }

  #write(b: Builder, equation: Equation, inputs: readonly Variable[], keep: boolean): readonly Variable[] {
    const known = () => inputs.map((x) => floatRangeOf(b, x));
    switch (equation.op) {
      case "gradient":
        return this.#gradient(b, equation, inputs, keep);
      case "scan": {
        const ranges = scanRanges(equation, known()).inside;
        const params = { ...equation.params, body: this.expand(equation.params.body, keep, ranges) };
        return params.length <= this.#unroll ? unrollScan(b, inputs, params) : b.emit("scan", inputs, params);
      }
      case "map":
        return b.emit("map", inputs, { ...equation.params, body: this.expand(equation.params.body, keep, known()) });
      case "implicit":
      case "linear_solve":
      case "finite_difference": {
        // Scalars stand in front of what the body takes
        const first = equation.op === "implicit" ? implicitScalars : 1;
        const body = this.expand(equation.params.body, false, known().slice(first));
        return b.emit(equation.op, inputs, { ...equation.params, body } as never);
      }
      default:
        return b.emit(equation.op, inputs, equation.params);
    }
  }

  #gradient(
    b: Builder,
    { params: { body, wrt, mode } }: EquationOf<"gradient">,
    inputs: readonly Variable[],
    keep: boolean,
  ): readonly Variable[] {
    // what stands beside an objective whose gradient nobody reads
    if (wrt.length === 0) return b.inline(this.expand(body, keep, inputs.map((x) => floatRangeOf(b, x))), inputs);
    const reverse = this.#forward && mode === "reverse";
    const prepared = scaleFactors(body, body.inputs.map((_, i) => wrt.includes(i)));
    // Dead code in a body would be differentiated before it is found dead
    const ranges = inputs.map((x) => floatRangeOf(b, x));
    const clean = eliminateDeadCode(this.expand(prepared, reverse, ranges));
    const nested = hasGradient(clean);
    if (keep && !nested) return b.emit("gradient", inputs, { body: clean, wrt, mode });
    if (!nested) return gradientInto(b, clean, { inputs, wrt, mode });
    // What was kept has been differentiated and is a value now
    const g = new Builder(clean.name);
    const own = g.finish(gradientInto(g, clean, { inputs: clean.inputs.map((x) => g.inputLike(x)), wrt, mode }));
    return b.inline(this.expand(eliminateDeadCode(own), false, ranges), inputs);
  }
}

function hasGradient(fn: IrFunction): boolean {
  return fn.equations.some((equation) => {
    const body = bodyOf(equation);
    return equation.op === "gradient" || body !== undefined && hasGradient(body);
  });
}
