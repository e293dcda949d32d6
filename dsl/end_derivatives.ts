// What derivative has the end of a loop whose steps are not differentiated? That of the equation that it solves (`implicit`), or of
// one step by a difference (`finite_difference`).
import { Builder } from "../runtime/ir/builder.ts";
import { type IrFunction, isFloat, type LinearSolver, type Variable } from "../runtime/ir/types.ts";
import { insideLoop, ownRate, scalarOf, solverOf } from "./estimators.ts";
import type { Loop } from "./loops.ts";
import { requireInteger, requireStatic } from "./sizes.ts";
import type { Context } from "./world.ts";

/** A loop whose steps are written, as constants to every derivative. */
export interface WrittenLoop {
  /** Where it ends, and the norm of its gradient there and at its start. */
  readonly finals: readonly Variable[];
  readonly reached: Variable;
  readonly started: Variable;
  /** What it minimizes at a step, its end unless said, as a function of the parameters, written into a builder. */
  readonly loss: (b: Builder, parameters: readonly Variable[], step?: number) => Variable;
  /** The parameters at a time, and the number of steps. */
  readonly at: (time: number) => readonly Variable[];
  readonly steps: number;
  /** One step as a map of the carry: (constants ..., carry ..., slices ...) -> (carry ..., outputs ...). */
  readonly step: {
    readonly body: IrFunction;
    readonly constants: readonly Variable[];
    /** The whole carry at the end. */
    readonly carry: readonly Variable[];
    /** The slices of the last step. */
    readonly slices: readonly Variable[];
  };
}

/** The end of a loop, with the derivative that `implicit` or `finite_difference` gives it. */
export function derivativeAtEnd(cx: Context, loop: Loop, written: WrittenLoop): readonly Variable[] {
  return loop.through.kind === "implicit" ? implicitEnd(cx, loop, written) : differenceEnd(cx, loop, written);
}

function implicitEnd(cx: Context, loop: Loop, written: WrittenLoop): readonly Variable[] {
  const { b, elaboration: { precision } } = cx;
  const at = insideLoop(cx, loop);
  const { args } = loop.through;
  const float = { dtype: precision, shape: [] } as const;
  const number = (name: string) => {
    const given = args.get(name);
    return given && requireStatic(at, given, name)!.value;
  };
  const kind = args.has("solver") ? solverOf(at, args.get("solver")!)! : "cg";
  const fixed = kind === "fixed_point";
  const size = written.finals.reduce((n, x) => n + x.shape.reduce((p, d) => p * d, 1), 0);
  const solver: LinearSolver = {
    kind: fixed ? "neumann" : kind,
    iterations: number("iterations") ?? (kind === "neumann" || fixed ? 50 : Math.min(size, 50)),
    tolerance: number("tolerance") ?? (precision === "f64" ? 1e-10 : 1e-6),
    damping: number("damping") ?? 0,
    symmetric: !fixed,
  };
  const rate = fixed
    ? b.fill(1, float)
    : kind !== "neumann"
    ? b.fill(0, float)
    : scalarOf(at, args.get("rate") ?? ownRate(loop)!, "`rate`")!;
  const equation = fixed ? fixedPoint(cx, written) : stationarity(cx, loop, written);
  const inputs = [written.reached, written.started, rate, ...equation.constants, ...equation.solution];
  const outputs = b.emit("implicit", inputs.map((x) => b.resolve(x)), {
    body: equation.fn,
    constants: equation.constants.length,
    solver,
    label: loop.name,
  });
  return outputs.slice(0, written.finals.length);
}

/** F = df/dw. */
function stationarity(cx: Context, loop: Loop, { finals, loss }: WrittenLoop) {
  const scope = cx.b.openClosure(`${loop.name}.stationarity`);
  const parameters = finals.map((x) => scope.input(x));
  const request = scope.body.openGradient(`${loop.name}.loss`);
  const value = loss(request.body, parameters.map((x) => request.wrt(x)));
  const { fn, captured } = scope.close(request.close([value]).gradients);
  return { fn, constants: captured, solution: finals };
}

/** F = z - step(z), over the parameters and the states of their rules. */
function fixedPoint(cx: Context, { step }: WrittenLoop) {
  const { b } = cx;
  const f = new Builder("fixed point");
  const constants = step.constants.map((v) => f.input(v));
  const slices = step.slices.map((v) => f.input(v));
  const carry = step.carry.map((v) => f.input(v));
  const next = f.inline(step.body, [...constants, ...carry, ...slices]).slice(0, carry.length);
  const fn = f.finish(carry.map((v, i) => f.apply("sub", v, next[i]!)));
  return { fn, constants: [...step.constants, ...step.slices].map((x) => b.resolve(x)), solution: step.carry };
}

function differenceEnd(
  cx: Context,
  loop: Loop,
  { finals, loss, at: pointAt, steps }: WrittenLoop,
): readonly Variable[] {
  const { b } = cx;
  const at = insideLoop(cx, loop);
  const { args } = loop.through;
  const scope = b.openClosure(`${loop.name}.loss`);
  const parameters = finals.map((x) => scope.input(x));
  const when = args.has("at") ? requireInteger(at, args.get("at")!, "`at`", 0)! : steps;
  const { fn, captured } = scope.close([loss(scope.body, parameters, when)]);
  const g = new Builder(`${loop.name}.slopes`);
  const inputs = fn.inputs.map((v) => g.input(v, v.name));
  const request = g.openGradient(`${loop.name}.loss`);
  const own = inputs.map((v, i) => i < captured.length && isFloat(v.dtype) ? request.wrt(v) : request.body.resolve(v));
  const closed = request.close(request.body.inline(fn, own));
  const epsilon = args.get("epsilon");
  const factor = scalarOf(at, args.get("factor") ?? ownRate(loop)!, "`factor`")!;
  return b.emit("finite_difference", [factor, ...captured, ...pointAt(when), ...finals].map((x) => b.resolve(x)), {
    body: g.finish(closed.gradients),
    constants: captured.length,
    epsilon: epsilon ? requireStatic(at, epsilon, "`epsilon`")!.value : 0.01,
  });
}
