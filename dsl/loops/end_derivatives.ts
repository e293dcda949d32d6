// What derivative has the end of a loop whose steps are not differentiated? That of the equation that it solves (`implicit`), or of
// one step by a difference (`finite_difference`).
import { Builder } from "../../runtime/ir/builder.ts";
import { dependentOutputs } from "../../runtime/ir/structured.ts";
import { type IrFunction, isFloat, type LinearSolver, type Variable } from "../../runtime/ir/types.ts";
import { implicitSolver, ownRate, scalarOf } from "./estimators.ts";
import { insideLoop } from "../world/report.ts";
import type { EndEstimator, Loop } from "../world/loop.ts";
import { globalNorm } from "./rules.ts";
import { requireInteger, requireStatic } from "../elaborate/sizes.ts";
import type { Context } from "../world/world.ts";

/** A loop whose steps are written, as constants to every derivative. */
export interface WrittenLoop {
  /** Where it ends. */
  readonly finals: readonly Variable[];
  /** The norm of its gradient where it starts. */
  readonly startNorm: Variable;
  /** What it minimizes at a time, its end unless said, as a function of the parameters, written into a builder. */
  readonly loss: (b: Builder, parameters: readonly Variable[], time?: number) => Variable;
  /** The parameters at a time, and what a first step makes of them. */
  readonly at: (time: number) => readonly Variable[];
  readonly afterOne: () => readonly Variable[];
  /** One step as a map of the carry: (constants ..., carry ..., slices ...) -> (carry ..., outputs ...). */
  readonly step: {
    readonly body: IrFunction;
    readonly constants: readonly Variable[];
    /** The whole carry at the start and at the end. */
    readonly initial: readonly Variable[];
    readonly carry: readonly Variable[];
    /** The slices of the last step that was taken. */
    readonly slices: readonly Variable[];
  };
}

/** The end of a loop, with the derivative that its estimator gives it. */
export function derivativeAtEnd(cx: Context, loop: Loop, written: WrittenLoop): readonly Variable[] {
  return ends[loop.through.kind as EndEstimator](cx, loop, written);
}

const ends: {
  readonly [K in EndEstimator]: (cx: Context, loop: Loop, written: WrittenLoop) => readonly Variable[];
} = { implicit: implicitEnd, finite_difference: differenceEnd };

function implicitEnd(cx: Context, loop: Loop, written: WrittenLoop): readonly Variable[] {
  const { b, elaboration: { precision } } = cx;
  const at = insideLoop(cx, loop);
  const { args } = loop.through;
  const float = { dtype: precision, shape: [] } as const;
  const number = (name: string) => {
    const given = args.get(name);
    return given && requireStatic(at, given, name)!.value;
  };
  const kind = implicitSolver(at, loop)!;
  const fixed = kind === "fixed_point";
  const size = written.finals.reduce((n, x) => n + x.shape.reduce((p, d) => p * d, 1), 0);
  const iterations = number("iterations") ?? (kind === "neumann" || fixed ? 50 : Math.min(size, 50));
  const solver: LinearSolver = {
    kind: fixed ? "neumann" : kind,
    // the series counts from 0: k terms go to k - 1
    iterations: fixed ? iterations - 1 : iterations,
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
  const started = fixed ? globalNorm(b, differences(b, written.afterOne(), written.at(0))) : written.startNorm;
  const { reached, left } = arrival(b, equation, { started, steps: written });
  const inputs = [reached, started, left, rate, ...equation.constants, ...equation.solution];
  const outputs = b.emit("implicit", inputs.map((x) => b.resolve(x)), {
    body: equation.fn,
    constants: equation.constants.length,
    solver,
    label: loop.name,
    equation: fixed ? "step" : "gradient",
  });
  return equation.ends(outputs);
}

/** F(c, w) = 0, solved where a loop ends. */
interface EndEquation {
  /** (constants ..., solution ...) -> F. */
  readonly fn: IrFunction;
  readonly constants: readonly Variable[];
  /** The unknowns where the loop ends; the first `parameters` of them are parameters of the loop, the others states. */
  readonly solution: readonly Variable[];
  readonly parameters: number;
  /** Where the parameters end, from the solution. */
  readonly ends: (solution: readonly Variable[]) => readonly Variable[];
}

/** F = df/dw. */
function stationarity(cx: Context, loop: Loop, { finals, loss }: WrittenLoop): EndEquation {
  const scope = cx.b.openClosure(`${loop.name}.stationarity`);
  const parameters = finals.map((x) => scope.input(x));
  const request = scope.body.openGradient(`${loop.name}.loss`);
  const value = loss(request.body, parameters.map((x) => request.wrt(x)));
  const { fn, captured } = scope.close(request.close([value]).gradients);
  return { fn, constants: captured, solution: finals, parameters: finals.length, ends: (solution) => solution };
}

/** F = z - step(z), over the parameters and the states of their rules. What a step leaves alone, such as a state that keeps
 *  where the loop started, is a constant of the equation; so is a state that changes by itself, such as a counter. */
function fixedPoint(cx: Context, { step, finals }: WrittenLoop): EndEquation {
  const { b } = cx;
  const { body, constants, slices, initial, carry } = step;
  const f = new Builder("fixed point");
  const given = [...constants, ...slices, ...carry].map((v) => f.input(v));
  const z = given.slice(constants.length + slices.length);
  const next = f.inline(body, [...given.slice(0, constants.length), ...z, ...given.slice(constants.length, -z.length)]);
  const changes = z.map((v, i) => changeOf(f, v, next[i]!));
  const whole = f.finish(changes);
  const alive = dependentOutputs(whole, whole.inputs.map(() => true), "tangent");
  const kept = z.map((v, i) => next[i] === v);
  const solved = z.flatMap((_, i) => kept[i] || i >= finals.length && !alive[i] ? [] : [i]);
  const others = z.flatMap((_, i) => solved.includes(i) ? [] : [i]);
  return {
    fn: {
      ...whole,
      inputs: [...given.slice(0, -z.length), ...others.map((i) => z[i]!), ...solved.map((i) => z[i]!)],
      outputs: solved.map((i) => changes[i]!),
    },
    constants: [...constants, ...slices, ...others.map((i) => kept[i] ? initial[i]! : carry[i]!)].map((x) =>
      b.resolve(x)
    ),
    solution: solved.map((i) => carry[i]!),
    parameters: solved.filter((i) => i < finals.length).length,
    ends: (solution) => finals.map((_, i) => kept[i] ? initial[i]! : solution[solved.indexOf(i)]!),
  };
}

/** z - next: u where next was written as z - u, so that no digits are lost and what has no derivative is seen to have none. */
function changeOf(f: Builder, z: Variable, next: Variable): Variable {
  return writtenChange(f, z, next) ?? f.apply("sub", z, next);
}

function writtenChange(f: Builder, z: Variable, next: Variable): Variable | undefined {
  if (next === z) return f.fill(0, z);
  const { op, inputs: [x, y] } = f.producer(next) ?? { op: undefined, inputs: [] };
  if (op !== "add" && op !== "sub") return undefined;
  const first = writtenChange(f, z, x!);
  if (first) return f.apply(op === "sub" ? "add" : "sub", first, y!);
  const second = op === "add" ? writtenChange(f, z, y!) : undefined;
  return second && f.apply("sub", second, x!);
}

/** Part of the parameters' size by which they are moved to see how much F changes there. */
const nudge = 1e-3;

/** The norm of F at the end of a loop, and how far the loop is from arrived: the part of the norm at its start that is left, or
 *  nudge |F(w)| / |F(w + d) - F(w)| with d along F(w), |d| = nudge |w|, which is about the part of |w| that the solution is
 *  away, whichever is less. The second says that a loop has arrived which started near its end, whatever the scale of F. */
function arrival(
  b: Builder,
  { fn, constants, solution, parameters }: EndEquation,
  { started, steps: { at, finals } }: { readonly started: Variable; readonly steps: WrittenLoop },
): { readonly reached: Variable; readonly left: Variable } {
  const still = (x: Variable) => isFloat(x.dtype) ? b.apply("stop_gradient", x) : b.resolve(x);
  const c = constants.map(still);
  const w = solution.map(still);
  const rest = b.inline(fn, [...c, ...w]).slice(0, parameters);
  if (rest.length === 0) return { reached: b.fill(0, started), left: b.fill(0, started) };
  const reached = globalNorm(b, rest);
  // where all parameters are about 0, what counts is the square root of the rounding of 1
  const least = b.fill(reached.dtype === "f64" ? 2 ** -26 : 2 ** -12, reached);
  const way = globalNorm(b, differences(b, finals.map(still), at(0).map(still)));
  const size = [globalNorm(b, finals.map(still)), way].reduce((x, y) => b.apply("max", x, y), least);
  const step = b.apply("div", b.apply("mul", size, b.fill(nudge, size)), reached);
  const nudged = w.map((x, i) =>
    i < parameters ? b.apply("add", x, b.apply("mul", b.broadcastTo(step, x.shape), rest[i]!)) : x
  );
  const there = b.inline(fn, [...c, ...nudged]).slice(0, parameters);
  const change = globalNorm(b, differences(b, there, rest));
  const near = b.apply("div", b.apply("mul", reached, b.fill(nudge, reached)), change);
  const fell = b.apply("div", reached, started);
  const smaller = b.apply("select", b.apply("lt", near, fell), near, fell);
  const none = b.apply("eq", reached, b.fill(0, reached));
  return { reached, left: b.apply("select", none, b.fill(0, reached), smaller) };
}

const differences = (b: Builder, x: readonly Variable[], y: readonly Variable[]) =>
  x.map((v, i) => b.apply("sub", v, y[i]!));

function differenceEnd(
  cx: Context,
  loop: Loop,
  { finals, loss, at: pointAt }: WrittenLoop,
): readonly Variable[] {
  const { b } = cx;
  const at = insideLoop(cx, loop);
  const { args } = loop.through;
  const scope = b.openClosure(`${loop.name}.loss`);
  const parameters = finals.map((x) => scope.input(x));
  const when = args.has("at") ? requireInteger(at, args.get("at")!, "`at`", 0)! : undefined;
  const { fn, captured } = scope.close([loss(scope.body, parameters, when)]);
  const g = new Builder(`${loop.name}.slopes`);
  const inputs = fn.inputs.map((v) => g.input(v, v.name));
  const request = g.openGradient(`${loop.name}.loss`);
  const own = inputs.map((v, i) => i < captured.length && isFloat(v.dtype) ? request.wrt(v) : request.body.resolve(v));
  const closed = request.close(request.body.inline(fn, own));
  const epsilon = args.get("epsilon");
  const factor = scalarOf(at, args.get("factor") ?? ownRate(loop)!, "`factor`")!;
  return b.emit(
    "finite_difference",
    [factor, ...captured, ...(when === undefined ? finals : pointAt(when)), ...finals].map((x) => b.resolve(x)),
    {
      body: g.finish(closed.gradients),
      constants: captured.length,
      epsilon: epsilon ? requireStatic(at, epsilon, "`epsilon`")!.value : 0.01,
    },
  );
}
