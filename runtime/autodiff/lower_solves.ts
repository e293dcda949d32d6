// What is left to do when everything is differentiated? The identities that carried a derivative go, the solves become loops,
// and both report: how well each system was solved, and whether the inner loop had arrived where it was solved.
import { Builder } from "../ir/builder.ts";
import {
  bodyOf,
  type Equation,
  type EquationOf,
  type ImplicitEquation,
  implicitScalars,
  type IrFunction,
  isRequest,
  type Variable,
} from "../ir/types.ts";
import { InternalError } from "../errors.ts";
import { relativeResidual, solveInto, type Vector } from "./linear_solvers.ts";
import { transposeLinear } from "./transpose.ts";

/** What one extra output of a lowered function says; where the code ran several times, the largest. */
export interface SolveReport {
  /** The loop. */
  readonly label: string;
  /** What is 0 where it ends; absent where only the solve reports. */
  readonly equation?: ImplicitEquation;
  /** The relative residual of its system; the norm of what should be 0 at its end, and at its start; how far it is from
   *  arrived. */
  readonly what: "residual" | "reached" | "started" | "left";
}

/** A function without requests, and what its outputs after the first `outputs` say. */
export interface LoweredSolves {
  readonly fn: IrFunction;
  readonly reports: readonly SolveReport[];
}

/** Replaces `implicit`, `finite_difference` and `linear_solve`, in bodies too. */
export function lowerSolves(fn: IrFunction): LoweredSolves {
  return hasRequests(fn) ? new Lowering().lower(fn) : { fn, reports: [] };
}

function hasRequests(fn: IrFunction): boolean {
  return fn.equations.some((equation) => {
    const body = bodyOf(equation);
    return isRequest(equation.op) || body !== undefined && hasRequests(body);
  });
}

class Lowering {
  readonly #done = new Map<IrFunction, LoweredSolves>();

  lower(fn: IrFunction): LoweredSolves {
    const done = this.#done.get(fn);
    if (done) return done;
    const b = new Builder(fn.name);
    const values = new Map<Variable, Variable>();
    for (const input of fn.inputs) values.set(input, b.input(input, input.name));
    const found: { report: SolveReport; value: Variable }[] = [];
    for (const equation of fn.equations) {
      b.origin = equation.origin;
      const inputs = equation.inputs.map((x) => values.get(x)!);
      const outputs = this.#write(b, equation, inputs, (report, value) => found.push({ report, value }));
      equation.outputs.forEach((output, i) => values.set(output, outputs[i]!));
    }
    const reports: SolveReport[] = [];
    const largest: Variable[] = [];
    for (const { report, value } of found) {
      const same = reports.findIndex((r) => r.label === report.label && r.what === report.what);
      if (same >= 0) largest[same] = b.apply("max", largest[same]!, value);
      else {
        reports.push(report);
        largest.push(value);
      }
    }
    const result = { fn: b.finish([...fn.outputs.map((x) => values.get(x)!), ...largest]), reports };
    this.#done.set(fn, result);
    return result;
  }

  #write(
    b: Builder,
    equation: Equation,
    inputs: readonly Variable[],
    tell: (report: SolveReport, value: Variable) => void,
  ): readonly Variable[] {
    switch (equation.op) {
      case "implicit": {
        const { label, constants, equation: solved } = equation.params;
        (["reached", "started", "left"] as const).forEach((what, i) =>
          tell({ label, equation: solved, what }, inputs[i]!)
        );
        return inputs.slice(implicitScalars + constants);
      }
      case "finite_difference":
        return inputs.slice(1 + equation.params.body.inputs.length);
      case "linear_solve":
        return this.#solve(b, equation, inputs, tell);
      case "scan":
      case "map": {
        const { fn, reports } = this.lower(equation.params.body);
        const outputs = b.emit(equation.op, inputs, { ...equation.params, body: fn } as never);
        const own = equation.outputs.length;
        reports.forEach((report, i) => {
          const stack = outputs[own + i]!;
          tell(
            report,
            stack.shape[0] === 0 ? b.fill(0, fn.outputs[own + i]!) : b.one("reduce_max", [stack], { axes: [0] }),
          );
        });
        return outputs.slice(0, own);
      }
      case "pullback": // it was not transposed
        return b.inline(withoutReports(this.lower(equation.params.forward)), inputs);
      case "gradient":
        throw new InternalError("A gradient is left after differentiation");
      default:
        return b.emit(equation.op, inputs, equation.params);
    }
  }

  #solve(
    b: Builder,
    { params }: EquationOf<"linear_solve">,
    inputs: readonly Variable[],
    tell: (report: SolveReport, value: Variable) => void,
  ): Vector {
    const { constants, solver, label } = params;
    // Reports of solves inside the operator would have to leave the loop that solves: they are left out
    const operator = withoutReports(this.lower(params.body));
    const c = inputs.slice(1, 1 + constants);
    const product = (fn: IrFunction) => (s: Builder, v: Vector): Vector =>
      s.inline(fn, [...c.map((x) => s.resolve(x)), ...v]).map((y, i) =>
        solver.damping === 0 ? y : s.apply("add", y, s.apply("mul", v[i]!, s.fill(solver.damping, y)))
      );
    const apply = product(operator);
    const applyTransposed = (s: Builder, v: Vector) =>
      solver.symmetric
        ? apply(s, v)
        : product(transposeLinear(operator, operator.inputs.map((_, i) => i >= constants)))(s, v);
    const system = { apply, applyTransposed, right: inputs.slice(1 + constants), rate: inputs[0]! };
    const solved = solveInto(b, system, solver);
    tell({ label, what: "residual" }, relativeResidual(b, system, solved));
    return solved;
  }
}

/** The function as it was, without the outputs that report. */
export function withoutReports({ fn, reports }: LoweredSolves): IrFunction {
  return reports.length === 0 ? fn : { ...fn, outputs: fn.outputs.slice(0, fn.outputs.length - reports.length) };
}
