// Where do the `gradient` requests of a program go? Each becomes its derivative code, the innermost first, so that a
// gradient of a gradient differentiates ordinary equations.
import { Builder } from "../ir/builder.ts";
import { eliminateDeadCode } from "../ir/dead_code.ts";
import type { IrFunction, Variable } from "../ir/types.ts";
import { unrollScan } from "../ir/unroll.ts";
import { InternalError } from "../errors.ts";
import { finishGradients, type FinishOptions } from "./finish.ts";
import { gradientInto } from "./gradient.ts";
import { type LoweredSolves, lowerSolves, withoutReports } from "./lower_solves.ts";

/** What may be chosen. */
export interface ExpandOptions extends FinishOptions {
  /** Scans of at most this many steps are written out before they are differentiated: no stacks, and what does not depend
   *  on the carry is seen. Default: 1. */
  readonly unroll?: number;
  /** `keep` leaves `implicit` and its like as they are, for who asks what influences what. Default: `write`. */
  readonly solves?: "write" | "keep";
}

/** The same function without `gradient` requests: simplified, without dead code, and with loops that keep what the
 *  residual policy says. The policy changes memory and time, and no bit of the results. */
export function expandGradients(fn: IrFunction, options: ExpandOptions = {}): IrFunction {
  return finishGradients(withoutReports(expand(fn, options)), options);
}

/** `expandGradients` whose result has, after the outputs of `fn`, what its implicit derivatives report. */
export function expandWithReports(fn: IrFunction, options: ExpandOptions = {}): LoweredSolves {
  const { fn: expanded, reports } = expand(fn, options);
  return { fn: finishGradients(expanded, options), reports };
}

function expand(fn: IrFunction, { unroll = 1, solves = "write" }: ExpandOptions): LoweredSolves {
  const expanded = new Expansion(unroll).expand(fn);
  return solves === "keep" ? { fn: expanded, reports: [] } : lowerSolves(eliminateDeadCode(expanded));
}

class Expansion {
  /** A body that several equations hold is expanded once. */
  readonly #done = new Map<IrFunction, IrFunction>();
  readonly #unroll: number;

  constructor(unroll: number) {
    this.#unroll = unroll;
  }

  expand(fn: IrFunction): IrFunction {
    const done = this.#done.get(fn);
    if (done) return done;
    const b = new Builder(fn.name);
    const values = new Map<Variable, Variable>();
    for (const input of fn.inputs) values.set(input, b.input(input, input.name));
    const read = (x: Variable) => {
      const value = values.get(x);
      if (!value) throw new InternalError(`Variable ${x.id} is not defined in ${fn.name}`);
      return value;
    };
    for (const equation of fn.equations) {
      b.origin = equation.origin;
      const inputs = equation.inputs.map(read);
      let outputs: readonly Variable[];
      switch (equation.op) {
        case "gradient": {
          const { body, wrt, mode } = equation.params;
          // Dead code in a body would be differentiated before it is found dead
          const clean = eliminateDeadCode(this.expand(body));
          outputs = gradientInto(b, clean, { inputs, wrt, mode });
          break;
        }
        case "scan": {
          const params = { ...equation.params, body: this.expand(equation.params.body) };
          outputs = params.length <= this.#unroll ? unrollScan(b, inputs, params) : b.emit("scan", inputs, params);
          break;
        }
        case "map":
          outputs = b.emit("map", inputs, { ...equation.params, body: this.expand(equation.params.body) });
          break;
        case "implicit":
        case "linear_solve":
        case "finite_difference":
        case "pullback":
          outputs = b.emit(
            equation.op,
            inputs,
            { ...equation.params, body: this.expand(equation.params.body) } as never,
          );
          break;
        default:
          outputs = b.emit(equation.op, inputs, equation.params);
      }
      equation.outputs.forEach((output, i) => values.set(output, outputs[i]!));
    }
    const result = b.finish(fn.outputs.map(read));
    this.#done.set(fn, result);
    return result;
  }
}
