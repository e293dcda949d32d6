// How is a loop differentiated? Reads `through …` with its arguments, says which of them fit together, and gives the result of
// an inner loop the derivative that was asked for.
import type { ArrayType, GradientMode, LinearSolver, Variable } from "../runtime/ir/types.ts";
import { isFloat } from "../runtime/ir/types.ts";
import { Builder } from "../runtime/ir/builder.ts";
import { asFloat, toTensor } from "./arithmetic.ts";
import type { Expression, ThroughClause } from "./ast.ts";
import { type Elaboration, fail, moduleScope } from "./elaboration.ts";
import { evaluate } from "./expressions.ts";
import { hintFor } from "./hints.ts";
import type { LeafDeclaration } from "./leaves.ts";
import type { LoopRun } from "./loop_record.ts";
import type { Loop } from "./loops.ts";
import { requireInteger, requireStatic } from "./sizes.ts";
import type { Span } from "./source.ts";
import { describeValue, shapeOf } from "./values.ts";
import type { Context } from "./world.ts";

/** What an argument of an estimator may be. */
type ArgumentKind = "solver" | "integer" | "count" | "positive" | "nonnegative" | "value";

const solvers = ["cg", "neumann", "fixed_point", "gmres", "normal_cg", "direct"] as const;

/** The estimators, and what each takes. */
const parameters = {
  unroll: { window: "integer" },
  first_order: {},
  implicit: { solver: "solver", iterations: "count", tolerance: "nonnegative", damping: "nonnegative", rate: "value" },
  forward: {},
  finite_difference: { epsilon: "positive", factor: "value", at: "count" },
  es: { samples: "integer", sigma: "positive", window: "integer" },
  pes: { samples: "integer", sigma: "positive", window: "integer" },
} as const satisfies { readonly [estimator: string]: { readonly [argument: string]: ArgumentKind } };

/** The name of an estimator. */
export type EstimatorKind = keyof typeof parameters;

const kinds = Object.keys(parameters) as EstimatorKind[];

/** `through …` as written. */
export interface Through {
  readonly kind: EstimatorKind;
  readonly args: ReadonlyMap<string, Expression>;
  /** The clause; undefined where the loop says nothing. */
  readonly span: Span | undefined;
}

/** What a loop does that says nothing. */
export const unrolled: Through = { kind: "unroll", args: new Map(), span: undefined };

/** The estimator that a clause names; `unroll` in place of one that is not known (reported). */
export function readThrough(el: Elaboration, clause: ThroughClause): Through {
  const { estimator } = clause;
  if (estimator.kind === "Missing") return unrolled;
  const callee = estimator.kind === "Call" ? estimator.callee : estimator;
  const kind = callee.kind === "Name" ? kinds.find((k) => k === callee.name) : undefined;
  if (!kind) {
    el.sink.report({
      code: "M0201",
      title: callee.kind === "Name" ? `There is no estimator \`${callee.name}\`` : "This is not an estimator",
      at: callee.span,
      notes: [`The estimators are ${kinds.map((e) => `\`${e}\``).join(", ")}`],
      hint: callee.kind === "Name" ? hintFor(callee.name, kinds) : undefined,
    });
    return unrolled;
  }
  const names = Object.keys(parameters[kind]);
  const args = new Map<string, Expression>();
  for (const [i, argument] of (estimator.kind === "Call" ? estimator.args : []).entries()) {
    const name = argument.name?.name ?? names[i];
    const at = argument.name?.span ?? argument.value.span;
    if (name === undefined || !names.includes(name)) {
      el.sink.report({
        code: name === undefined ? "M0302" : "M0303",
        title: name === undefined
          ? `\`${kind}\` takes ${names.length === 0 ? "nothing" : `${names.length} at most`}`
          : `\`${kind}\` has no \`${name}\``,
        at,
        notes: names.length > 0 ? [`It takes ${names.map((n) => `\`${n}\``).join(", ")}`] : [],
        hint: name === undefined ? undefined : hintFor(name, names),
      });
    } else if (args.has(name)) {
      el.sink.report({ code: "M0302", title: `\`${name}\` is given twice`, at });
    } else args.set(name, argument.value);
  }
  const wanted: readonly string[] = kind === "pes" ? names : kind === "es" ? ["samples", "sigma"] : [];
  const missing = wanted.filter((n) => !args.has(n));
  if (missing.length > 0) {
    el.sink.report({
      code: "M0302",
      title: `\`${kind}\` needs ${missing.map((n) => `\`${n}\``).join(" and ")}`,
      at: estimator.span,
      hint: kind === "es"
        ? "such as `es(samples = 32, sigma = 0.1)`"
        : "such as `pes(samples = 32, sigma = 0.1, window = 10)`",
    });
    return unrolled;
  }
  return { kind, args, span: clause.span };
}

/** Checks the arguments of a loop's estimator, and that it fits the loop. False when wrong (reported). */
export function checkThrough(cx: Context, loop: Loop, steps: number | undefined): boolean {
  const { kind, args } = loop.through;
  const at = insideLoop(cx, loop);
  const known: { readonly [argument: string]: ArgumentKind } = parameters[kind];
  let fine = true;
  for (const [name, expression] of args) {
    const what = `\`${name}\` of \`${kind}\``;
    switch (known[name]!) {
      case "solver":
        fine = solverOf(at, expression) !== undefined && fine;
        break;
      case "integer":
      case "count":
        fine = requireInteger(at, expression, what, known[name] === "count" ? 0 : 1) !== undefined && fine;
        break;
      case "positive":
      case "nonnegative": {
        const value = requireStatic(at, expression, what);
        if (value && (known[name] === "positive" ? !(value.value > 0) : !(value.value >= 0))) {
          fail(at, {
            code: "M0304",
            title: `${what} must be ${known[name] === "positive" ? "positive" : "at least 0"}`,
            at: expression.span,
            label: `this is ${value.value}`,
          });
        }
        fine = value !== undefined && fine;
        break;
      }
      case "value":
        fine = scalarOf(at, expression, what) !== undefined && fine;
    }
  }
  if (!fine || steps === undefined) return false;
  const window = (kind === "es" || kind === "pes") && args.get("window");
  if (window) {
    const length = requireInteger(at, window, "`window`", 1)!;
    if (steps % length !== 0) {
      fail(at, {
        code: "M0504",
        title: `The ${steps} steps of \`${loop.name}\` are no whole number of windows of ${length}`,
        at: window.span,
        secondary: [{ span: loop.count.span, message: `${steps} steps` }],
        hint: `give a \`window\` that divides ${steps}`,
      });
      return false;
    }
  }
  const when = args.get("at");
  if (when && requireInteger(at, when, "`at`", 0)! > steps) {
    fail(at, {
      code: "M0402",
      title: `The time ${requireInteger(at, when, "`at`", 0)} is outside 0 .. ${steps}`,
      at: when.span,
      secondary: [{ span: loop.count.span, message: `\`${loop.name}\` runs ${steps} steps` }],
    });
    return false;
  }
  const solver = args.get("solver");
  const needsRate = kind === "implicit" && solver && solverOf(at, solver) === "neumann" ? "rate" : undefined;
  const needsFactor = kind === "finite_difference" ? "factor" : undefined;
  const needed = needsRate ?? needsFactor;
  if (!needed || args.has(needed) || ownRate(loop)) return true;
  fail(at, {
    code: "M0302",
    title: `\`${kind}\` needs \`${needed}\` here: \`${loop.name}\` has no \`lr\` to take it from`,
    at: loop.through.span!,
    hint: needed === "rate"
      ? "give a step below 2 / the largest curvature, such as `rate = 0.1`"
      : "give the size of the step, such as `factor = 0.1`",
  });
  return false;
}

function insideLoop(cx: Context, loop: Loop): Context {
  return { ...cx, scope: moduleScope(loop.module), frames: [] };
}

/** The value of `lr` when one rule makes all the steps and has it. */
function ownRate(loop: Loop): Expression | undefined {
  if (loop.rules.length !== 1) return undefined;
  const lr = loop.rules[0]!.hyperparameters.find((h) => h.name === "lr");
  return lr && !lr.override?.time && !lr.override?.per?.length ? lr.value : undefined;
}

function solverOf(cx: Context, expression: Expression): typeof solvers[number] | undefined {
  const name = expression.kind === "Name" ? expression.name : undefined;
  const found = solvers.find((s) => s === name);
  if (!found) {
    fail(cx, {
      code: "M0201",
      title: name === undefined ? "This is not a solver" : `There is no solver \`${name}\``,
      at: expression.span,
      notes: [`The solvers are ${solvers.map((s) => `\`${s}\``).join(", ")}`],
      hint: name === undefined ? undefined : hintFor(name, solvers),
    });
  }
  return found;
}

/** A float that derivatives do not see. */
function scalarOf(cx: Context, expression: Expression, what: string): Variable | undefined {
  const value = evaluate(cx, expression);
  if (value.kind === "error") return undefined;
  const tensor = toTensor(cx, value, "float");
  if (tensor.kind === "error" || tensor.dims.length > 0) {
    fail(cx, { code: "M0304", title: `${what} must be a number, not ${describeValue(value)}`, at: expression.span });
    return undefined;
  }
  return cx.b.apply("stop_gradient", asFloat(cx, tensor).variable);
}

/** How many of the first steps of a loop are constants to derivatives. */
export function stillSteps(cx: Context, loop: Loop, steps: number): number {
  const { kind, args } = loop.through;
  if (kind === "implicit" || kind === "finite_difference") return steps;
  const window = kind === "unroll" && args.get("window");
  return window ? Math.max(0, steps - requireInteger(insideLoop(cx, loop), window, "`window`", 1)!) : 0;
}

/** True when a loop's parameters have derivatives at its end only. */
export function endOnly(loop: Loop): boolean {
  return loop.through.kind === "implicit" || loop.through.kind === "finite_difference";
}

// --------------------------------------------------------------------------------------- derivatives of a loop's end

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
    readonly body: import("../runtime/ir/types.ts").IrFunction;
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

// ------------------------------------------------------------------------------------ how an objective is differentiated

/** How the derivatives of an objective are found, as the loops in it say. */
export type Direction =
  | { readonly kind: GradientMode }
  | SampledDirection;

/** Evolution strategies: N pairs of values at x +- sigma e. */
export interface SampledDirection {
  readonly kind: "es";
  readonly samples: number;
  readonly sigma: number;
  /** The loop is run window by window, each with its own e; what it carries goes on. */
  readonly windows?: {
    readonly loop: Loop;
    readonly length: number;
    readonly count: number;
    /** The loss of a window is weighted by the sum of the e so far: unbiased over the whole loop. Else by its own e. */
    readonly persistent: boolean;
    /** Types of what is carried. */
    readonly carry: readonly ArrayType[];
  };
}

/** One pass for each entry: beyond this, forward mode is a mistake. */
const mostDirections = 10_000;

/** The direction that the loops which an objective runs agree on. Undefined when they do not (reported). */
export function directionOf(
  cx: Context,
  runs: readonly LoopRun[],
  leaves: readonly LeafDeclaration[],
): Direction | undefined {
  const loops = [...new Set(runs.map((r) => r.loop))];
  const sampled = loops.filter((l) => l.through.kind === "es" || l.through.kind === "pes");
  const forward = loops.find((l) => l.through.kind === "forward");
  const first = sampled[0];
  if (first) {
    const at = insideLoop(cx, first);
    const number = (loop: Loop, name: string) => {
      const given = loop.through.args.get(name);
      return given && requireStatic(at, given, name)!.value;
    };
    const windowed = sampled.filter((l) => l.through.args.has("window"));
    const other = windowed.length > 0 && loops.length > 1
      ? loops.find((l) => l !== windowed[0] && l.through.span)
      : loops.find((l) =>
        l.through.span && (l.through.kind !== first.through.kind || number(l, "samples") !== number(first, "samples") ||
          number(l, "sigma") !== number(first, "sigma"))
      );
    if (!other) {
      const own = windowed[0] ?? first;
      const base = { kind: "es", samples: number(own, "samples")!, sigma: number(own, "sigma")! } as const;
      const length = number(own, "window");
      if (length === undefined) return base;
      const run = runs.find((r) => r.loop === own)!;
      const persistent = own.through.kind === "pes";
      return { ...base, windows: { loop: own, length, count: run.steps / length, persistent, carry: run.carry } };
    }
    fail(at, {
      code: "M0504",
      title: "`es` estimates the gradient of the whole objective, and the loops in it do not agree",
      at: other.through.span!,
      secondary: [{ span: first.through.span!, message: `\`${first.name}\` says this` }],
      hint: "say the same in both, or leave out one",
    });
    return undefined;
  }
  if (!forward) return { kind: "reverse" };
  const difference = loops.find((l) => l.through.kind === "finite_difference");
  if (difference) {
    fail(insideLoop(cx, difference), {
      code: "M0504",
      title: "`finite_difference` follows derivatives backwards only, and `forward()` is said in the same objective",
      at: difference.through.span!,
      secondary: [{ span: forward.through.span!, message: `\`${forward.name}\` says this` }],
      hint: "write `through unroll()` in one of them",
    });
    return undefined;
  }
  const entries = new Set(leaves);
  const count = [...entries].reduce((n, leaf) => n + shapeOf(leaf.dims).reduce((p, d) => p * d, 1), 0);
  if (count <= mostDirections) return { kind: "forward" };
  fail(insideLoop(cx, forward), {
    code: "M0504",
    title: `\`forward()\` makes one pass for each of the ${count} numbers that are differentiated for`,
    at: forward.through.span!,
    notes: [
      `It pays for a handful of hyperparameters over many steps; ${mostDirections} is the limit`,
      ...[...entries].filter((leaf) => shapeOf(leaf.dims).reduce((p, d) => p * d, 1) > 1000).slice(0, 3)
        .map((leaf) => `\`${leaf.name}\` has ${shapeOf(leaf.dims).reduce((p, d) => p * d, 1)}`),
    ],
    hint: "write `through unroll()`: one pass back, whatever the number",
  });
  return undefined;
}
