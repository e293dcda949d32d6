// How is a loop to be differentiated? Reads `through …` with its arguments, and says whether they fit the loop.
import type { Variable } from "../../runtime/ir/types.ts";
import { asFloat, toTensor } from "../elaborate/arithmetic.ts";
import type { Expression, ThroughClause } from "../syntax/ast.ts";
import { fail, insideLoop } from "../world/report.ts";
import type { Span } from "../text/source.ts";
import { loopAround } from "../world/moments.ts";
import type { TimePoint } from "../world/value_kinds.ts";
import type { Context, Elaboration } from "../world/world.ts";
import { evaluate } from "../world/evaluator.ts";
import { hintAt, hintFor } from "../diagnostics/hints.ts";
import {
  type ArgumentKind,
  estimatorArguments,
  type EstimatorKind,
  follows,
  type Loop,
  samplesLast,
  solvers,
  type Through,
  unrolled,
} from "../world/loop.ts";
import { requireInteger, requireStatic, withinLimit } from "../elaborate/sizes.ts";
import { arrayHint, describeValue } from "../world/values.ts";
import { quoted } from "../text/words.ts";
import { isWarm } from "./standing.ts";

const kinds = Object.keys(estimatorArguments) as EstimatorKind[];

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
      notes: [`The estimators are ${quoted(kinds)}`],
      hint: callee.kind === "Name" ? hintAt("estimator", callee.name, kinds) : undefined,
    });
    return unrolled;
  }
  const names = Object.keys(estimatorArguments[kind]);
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
        notes: names.length > 0 ? [`It takes ${quoted(names)}`] : [],
        hint: name === undefined ? undefined : hintAt("argument", name, names),
      });
    } else if (args.has(name)) {
      el.sink.report({ code: "M0302", title: `\`${name}\` is given twice`, at });
    } else args.set(name, argument.value);
  }
  const wanted: readonly string[] = follows({ through: { kind } as Through }) !== "samples"
    ? []
    : kind === "pes" && !args.has("horizon")
    ? ["samples", "sigma", "window"]
    : ["samples", "sigma"];
  const missing = wanted.filter((n) => !args.has(n));
  if (missing.length > 0) {
    el.sink.report({
      code: "M0302",
      title: `\`${kind}\` needs ${quoted(missing, " and ")}`,
      at: estimator.span,
      hint: kind === "es"
        ? "such as `es(samples = 32, sigma = 0.1)`"
        : "such as `pes(samples = 32, sigma = 0.1, window = 10)`; or with a `horizon`, where the loop goes on from meta-step to meta-step",
    });
    return unrolled;
  }
  return { kind, written: kind, args, span: clause.span };
}

/** Checks the arguments of a loop's estimator, and that it fits the loop. False when wrong (reported). */
export function checkThrough(cx: Context, loop: Loop, steps: number | undefined): boolean {
  const { kind, args } = loop.through;
  const at = insideLoop(cx, loop);
  const cut = args.get("window");
  if (cut && loop.kind === "inner" && loop.until[0]) {
    fail(at, {
      code: "M0504",
      title: `A \`window\` does not go with \`until\``,
      at: cut.span,
      secondary: [{ span: loop.until[0].span, message: `\`${loop.name}\` may stop here at any step` }],
      notes: ["A window is counted in steps that are made, and how many these are is known only while the loop runs"],
      hint: "leave one of the two out",
    });
    return false;
  }
  const known: { readonly [argument: string]: ArgumentKind } = estimatorArguments[kind];
  const wrong = [...args].filter(([name, expression]) =>
    !isArgument(at, expression, known[name]!, { name, what: `\`${name}\` of \`${kind}\`` })
  );
  if (wrong.length > 0 || steps === undefined) return false;
  if (samplesLast(loop) && !checkHorizon(at, loop, steps)) return false;
  const window = follows(loop) === "samples" && args.get("window");
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
  const solver = kind === "implicit" ? implicitSolver(at, loop) : undefined;
  const terms = args.get("iterations");
  if (solver === "fixed_point" && terms && !requireInteger(at, terms, "`iterations` of `fixed_point`", 1)) return false;
  const needsRate = solver === "neumann" ? "rate" : undefined;
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

/** True when samples may go on from meta-step to meta-step with a loop: it goes on itself, for whole windows. Reports. */
function checkHorizon(cx: Context, loop: Loop, steps: number): boolean {
  const { args } = loop.through;
  const horizon = args.get("horizon")!;
  const window = args.get("window");
  const secondary = [{ span: loop.count.span, message: `${steps} steps` }];
  const own = `from ${loop.name}@${loop.timeName}`;
  if (window) {
    fail(cx, {
      code: "M0504",
      title: "With a `horizon` each meta-step is a window",
      at: window.span,
      secondary,
      hint: `leave out \`window\`, or leave out \`horizon\` and run all of it in one meta-step`,
    });
  } else if (!isWarm(loop)) {
    fail(cx, {
      code: "M0504",
      title: `\`${loop.name}\` begins anew at each meta-step, and a \`horizon\` reaches over several`,
      at: horizon.span,
      secondary: [{ span: loop.item.name.span, message: "nothing says that it goes on" }],
      hint: loop.kind === "outer"
        ? "write `window` in place of `horizon`: an outer that another runs begins anew each time"
        : `write \`${own}\` in \`${loop.name}\`, or \`window\` in place of \`horizon\``,
    });
  } else if (requireInteger(cx, horizon, "`horizon`", 1)! % steps !== 0) {
    fail(cx, {
      code: "M0504",
      title: `A \`horizon\` of ${
        requireInteger(cx, horizon, "`horizon`", 1)
      } is no whole number of windows of ${steps} steps`,
      at: horizon.span,
      secondary,
      hint: `write \`horizon = ${Math.ceil(requireInteger(cx, horizon, "`horizon`", 1)! / steps) * steps}\``,
    });
  } else return true;
  return false;
}

/** True when an argument of an estimator is what it takes. Reports. */
function isArgument(
  cx: Context,
  expression: Expression,
  kind: ArgumentKind,
  { name, what }: { readonly name: string; readonly what: string },
): boolean {
  switch (kind) {
    case "solver":
      return solverOf(cx, expression) !== undefined;
    case "integer":
    case "count":
      return countWithin(cx, expression, { name, what, least: kind === "count" ? 0 : 1 });
    case "positive":
    case "nonnegative": {
      const value = requireStatic(cx, expression, what);
      if (value && (kind === "positive" ? !(value.value > 0) : !(value.value >= 0))) {
        fail(cx, {
          code: "M0304",
          title: `${what} must be ${kind === "positive" ? "positive" : "at least 0"}`,
          at: expression.span,
          label: `this is ${value.value}`,
        });
      }
      return value !== undefined;
    }
    case "value":
      return scalarOf(cx, expression, what) !== undefined;
  }
}

/** True when an expression is a whole number of at least `least` that the limits allow: samples are tasks, terms of a solver
 *  steps. Reports. */
function countWithin(
  cx: Context,
  expression: Expression,
  { name, what, least }: { readonly name: string; readonly what: string; readonly least: number },
): boolean {
  const count = requireInteger(cx, expression, what, least);
  if (count === undefined) return false;
  const limit = name === "samples" ? "tasks" : "steps";
  return withinLimit(cx, limit, { count, asks: `${what} is ${count}`, at: expression.span });
}

/** The solver of a loop that is differentiated implicitly. Undefined when wrong (reported). */
export function implicitSolver(cx: Context, loop: Loop): typeof solvers[number] | undefined {
  const given = loop.through.args.get("solver");
  return given ? solverOf(cx, given) : "cg";
}

/** True when a loop's implicit derivative is that of a parameter that one more step leaves where it is. */
export function solvesStep({ through: { args } }: Loop): boolean {
  const solver = args.get("solver");
  return solver?.kind === "Name" && solver.name === "fixed_point";
}

/** The value of `lr` when one rule makes all the steps and has it. */
export function ownRate(loop: Loop): Expression | undefined {
  if (loop.rules.length !== 1) return undefined;
  const lr = loop.rules[0]!.hyperparameters.find((h) => h.name === "lr");
  return lr && !lr.override?.time && !lr.override?.per?.length ? lr.value : undefined;
}

/** The solver that an expression names. Undefined when wrong (reported). */
function solverOf(cx: Context, expression: Expression): typeof solvers[number] | undefined {
  const name = expression.kind === "Name" ? expression.name : undefined;
  const found = solvers.find((s) => s === name);
  if (!found) {
    fail(cx, {
      code: "M0201",
      title: name === undefined ? "This is not a solver" : `There is no solver \`${name}\``,
      at: expression.span,
      notes: [`The solvers are ${quoted(solvers)}`],
      hint: name === undefined ? undefined : hintFor(name, solvers),
    });
  }
  return found;
}

/** A float that derivatives do not see. Undefined when wrong (reported). */
export function scalarOf(cx: Context, expression: Expression, what: string): Variable | undefined {
  const value = evaluate(cx, expression);
  if (value.kind === "error") return undefined;
  const tensor = toTensor(cx, value, "float");
  if (tensor.kind === "error" || tensor.dims.length > 0) {
    return void fail(cx, {
      code: "M0304",
      title: `${what} must be a number, not ${describeValue(value)}`,
      at: expression.span,
      hint: arrayHint(value),
    });
  }
  return cx.b.apply("stop_gradient", asFloat(cx, tensor).variable);
}

/** How many of the first steps of a loop are constants to derivatives. */
export function stillSteps(cx: Context, loop: Loop, steps: number): number {
  const { kind, args } = loop.through;
  if (endOnly(loop)) return steps;
  const window = kind === "unroll" && args.get("window");
  return window ? Math.max(0, steps - requireInteger(insideLoop(cx, loop), window, "`window`", 1)!) : 0;
}

/** True when a loop's parameters have derivatives at its end only. */
export function endOnly(loop: Loop): boolean {
  return follows(loop) === "end";
}

/** False for a time between start and end that is differentiated for, in a loop whose estimator knows only its end (reported). */
export function seenByDerivatives(
  cx: Context,
  loop: Loop,
  { steps, point }: { readonly steps: number; readonly point: TimePoint },
  span: Span,
): boolean {
  if (!endOnly(loop) || point.kind === "static" && (point.step === 0 || point.step === steps)) return true;
  if (!cx.world.consumer.differentiated && !loopAround(cx.world)) return true;
  const { kind, span: because } = loop.through;
  fail(cx, {
    code: "M0504",
    title: `\`${kind}\` knows derivatives where \`${loop.name}\` ends, and not at the times before`,
    at: span,
    secondary: [{ span: because!, message: "because of this" }],
    hint: `ask for \`@${loop.timeName}\`, or write \`through unroll()\``,
  });
  return false;
}
