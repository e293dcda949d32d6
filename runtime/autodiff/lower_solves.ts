// What is left to do when everything is differentiated? The identities that carried a derivative go, the solves become loops,
// and both report: how well each system was solved, and whether the inner loop had arrived where it was solved. The checks of
// integers go, too, and report whether one failed; or, asked for that, which and where.
import { Builder } from "../ir/builder.ts";
import {
  bodyOf,
  type Check,
  type Equation,
  type EquationOf,
  type ImplicitEquation,
  implicitScalars,
  type IrFunction,
  isRequest,
  type Shape,
  sizeOf,
  type Variable,
} from "../ir/types.ts";
import { InternalError } from "../errors.ts";
import { relativeResidual, solveInto, type Vector } from "./linear_solvers.ts";
import { floatRangeOf } from "./float_ranges.ts";
import { transposeLinear } from "./transpose.ts";

/** What one extra output of a lowered function says; where the code ran several times, the largest. */
export interface SolveReport {
  /** The loop; empty for checks. */
  readonly label: string;
  /** What is 0 where it ends; absent where only the solve reports. */
  readonly equation?: ImplicitEquation;
  /** The relative residual of its system; the norm of what should be 0 at its end, and at its start; how far it is from
   *  arrived. Of all checks: infinity when one failed, else 0 (f32). */
  readonly what: "residual" | "reached" | "started" | "left" | "outside";
}

/** A check, and what the output that stands for it says. */
export interface CheckReport {
  readonly check: Check;
  /** Shape of what is tested. */
  readonly shape: Shape;
}

/** A function without requests, and what its outputs after the first `outputs` say. */
export interface LoweredSolves {
  readonly fn: IrFunction;
  readonly reports: readonly SolveReport[];
}

/** Replaces `implicit`, `finite_difference`, `linear_solve` and `check`, in bodies too. */
export function lowerSolves(fn: IrFunction): LoweredSolves {
  return hasRequests(fn) ? new Lowering<SolveReport>(solveReports).lower(fn) : { fn, reports: [] };
}

/** The function that says which checks of a function fail, instead of its outputs: for each an f64 vector of 1 (else 0), the number
 *  of the first entry that lies outside, its value, and the counters. Where the code runs several times, the first time. */
export function lowerChecks(fn: IrFunction): { readonly fn: IrFunction; readonly reports: readonly CheckReport[] } {
  const lowered = new Lowering<CheckReport>(firstFailures).lower(fn);
  return { ...lowered, fn: { ...lowered.fn, outputs: lowered.fn.outputs.slice(fn.outputs.length) } };
}

/** What is reported, and how what several runs of the code report is one. */
interface Reporting<R> {
  readonly solve: (report: SolveReport) => R | undefined;
  readonly check: (b: Builder, check: Check, inputs: readonly Variable[]) => readonly [R, Variable];
  readonly same: (a: R, b: R) => boolean;
  readonly join: (b: Builder, x: Variable, y: Variable) => Variable;
  /** Of what is stacked along the first axis. */
  readonly reduce: (b: Builder, stack: Variable) => Variable;
}

const solveReports: Reporting<SolveReport> = {
  solve: (report) => report,
  check: (b, _check, [, failed]) => {
    const type = { dtype: "f32", shape: failed!.shape } as const;
    const marked = b.apply("select", failed!, b.fill(Infinity, type), b.fill(0, type));
    return [{ label: "", what: "outside" }, b.one("reduce_max", [marked], { axes: type.shape.map((_, i) => i) })];
  },
  same: (a, b) => a.label === b.label && a.what === b.what,
  join: (b, x, y) => b.apply("max", x, y),
  reduce: (b, stack) => b.one("reduce_max", [stack], { axes: [0] }),
};

const firstFailures: Reporting<CheckReport> = {
  solve: () => undefined,
  check: (b, check, [, failed, value, ...counters]) => {
    const size = sizeOf(failed!.shape);
    const marked = b.reshape(b.convert(failed!, "i32"), [size]);
    const first = b.one("argmax", [marked], { axis: 0 });
    const at = (x: Variable) => b.one("gather", [b.reshape(x, [size]), first], { axis: 0, batch: 0 });
    const numbers = [at(marked), first, at(value!), ...counters];
    const vector = b.one("concat", numbers.map((x) => b.reshape(b.convert(x, "f64"), [1])), { axis: 0 });
    return [{ check, shape: failed!.shape }, vector];
  },
  same: (a, b) => a.check === b.check,
  join: (b, x, y) => {
    const failed = b.apply("gt", b.rows(x, 0, 1), b.fill(0, { dtype: "f64", shape: [1] }));
    return b.apply("select", b.one("broadcast", [failed], { shape: x.shape, axes: [0] }), x, y);
  },
  reduce: (b, stack) => {
    const failed = b.one("slice", [stack], { start: [0, 0], limit: [stack.shape[0]!, 1], stride: [1, 1] });
    const first = b.one("argmax", [b.reshape(failed, [stack.shape[0]!])], { axis: 0 });
    return b.one("gather", [stack, first], { axis: 0, batch: 0 });
  },
};

function hasRequests(fn: IrFunction): boolean {
  return fn.equations.some((equation) => {
    const body = bodyOf(equation);
    return isRequest(equation.op) || body !== undefined && hasRequests(body);
  });
}

interface Lowered<R> {
  readonly fn: IrFunction;
  readonly reports: readonly R[];
}

class Lowering<R> {
  readonly #done = new Map<IrFunction, Lowered<R>>();
  readonly #how: Reporting<R>;

  constructor(how: Reporting<R>) {
    this.#how = how;
  }

  lower(fn: IrFunction): Lowered<R> {
    const done = this.#done.get(fn);
    if (done) return done;
    const b = new Builder(fn.name);
    const values = new Map<Variable, Variable>();
    for (const input of fn.inputs) values.set(input, b.inputLike(input));
    const found: { report: R; value: Variable }[] = [];
    for (const equation of fn.equations) {
      b.origin = equation.origin;
      const inputs = equation.inputs.map((x) => values.get(x)!);
      const outputs = this.#write(b, equation, inputs, (report, value) => found.push({ report, value }));
      equation.outputs.forEach((output, i) => values.set(output, outputs[i]!));
    }
    const reports: R[] = [];
    const joined: Variable[] = [];
    for (const { report, value } of found) {
      const same = reports.findIndex((r) => this.#how.same(r, report));
      if (same >= 0) joined[same] = this.#how.join(b, joined[same]!, value);
      else {
        reports.push(report);
        joined.push(value);
      }
    }
    const result = { fn: b.finish([...fn.outputs.map((x) => values.get(x)!), ...joined]), reports };
    this.#done.set(fn, result);
    return result;
  }

  #write(
    b: Builder,
    equation: Equation,
    inputs: readonly Variable[],
    tell: (report: R, value: Variable) => void,
  ): readonly Variable[] {
    const solved = (report: SolveReport, value: Variable) => {
      const own = this.#how.solve(report);
      if (own) tell(own, value);
    };
    switch (equation.op) {
      case "check":
        if (sizeOf(inputs[1]!.shape) > 0) tell(...this.#how.check(b, equation.params, inputs));
        return inputs.slice(0, 1);
      case "implicit": {
        const { label, constants, equation: zero } = equation.params;
        (["reached", "started", "left"] as const).forEach((what, i) =>
          solved({ label, equation: zero, what }, inputs[i]!)
        );
        return inputs.slice(implicitScalars + constants);
      }
      case "finite_difference":
        return inputs.slice(1 + equation.params.body.inputs.length);
      case "linear_solve":
        return this.#solve(b, equation, inputs, solved);
      case "scan":
      case "map": {
        const { fn, reports } = this.lower(equation.params.body);
        const outputs = b.emit(equation.op, inputs, { ...equation.params, body: fn } as never);
        const own = equation.outputs.length;
        reports.forEach((report, i) => {
          const stack = outputs[own + i]!;
          tell(
            report,
            stack.shape[0] === 0 ? b.fill(0, fn.outputs[own + i]!) : this.#how.reduce(b, stack),
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
    const linear = operator.inputs.map((_, i) => i >= constants);
    const ranges = c.map((x) => floatRangeOf(b, x));
    const apply = product(operator);
    const applyTransposed = (s: Builder, v: Vector) =>
      solver.symmetric ? apply(s, v) : product(transposeLinear(operator, linear, ranges))(s, v);
    const system = { apply, applyTransposed, right: inputs.slice(1 + constants), rate: inputs[0]! };
    const solved = solveInto(b, system, solver);
    tell({ label, what: "residual" }, relativeResidual(b, system, solved));
    return solved;
  }
}

/** The function as it was, without the outputs that report. */
export function withoutReports({ fn, reports }: Lowered<unknown>): IrFunction {
  return reports.length === 0 ? fn : { ...fn, outputs: fn.outputs.slice(0, fn.outputs.length - reports.length) };
}
