// What does an expression compute? Checks types and shapes and writes the equations, in one walk: what is known now stays a
// number, what is not becomes a variable of the function being lowered.
import { applyBinary, negate } from "../elaborate/arithmetic.ts";
import type { CallExpression, Expression } from "../syntax/ast.ts";
import { evaluateCall } from "./calls.ts";
import { evaluateComprehension } from "./comprehensions.ts";
import { type LimitName, raising } from "../../runtime/limits.ts";
import { fail, firstTime } from "../world/report.ts";
import { evaluateList } from "./indexing.ts";
import { evaluateName, evaluatePart } from "./names.ts";
import { evaluateTime } from "./times.ts";
import { entrywise, type Operand } from "../elaborate/model_tensors.ts";
import { tooLarge } from "../elaborate/sizes.ts";
import { errorValue } from "../world/values.ts";
import type { Context, Value } from "../world/world.ts";
import { numberValue, placeOf } from "../world/evaluator.ts";
import { isLibrary } from "../text/source.ts";

/** The value of an expression where a context stands. Mistakes are reported once and give the error value. */
export function evaluate(cx: Context, expression: Expression): Value {
  const { b, elaboration: { work, limits } } = cx;
  // what passed the dry check is not stopped when it is lowered
  const stop = work.depth >= limits.depth || work.evaluations >= limits.evaluations;
  if (stop && cx.world.consumer.dry) return unfoldsTooFar(cx, expression);
  const before = b.origin;
  b.origin = expression.span;
  work.depth++;
  work.evaluations++;
  const around = work.at;
  if (!isLibrary(expression.span.source)) work.at = expression.span;
  try {
    const value = evaluateKind(cx, expression);
    work.at = around;
    if (value.kind === "tensor" && tooLarge(cx, value.dims, expression.span)) return errorValue;
    if (value.kind !== "error") work.valued?.add(placeOf(expression.span));
    return value;
  } finally {
    b.origin = before;
    work.depth--;
  }
}

function unfoldsTooFar(cx: Context, expression: Expression): Value {
  const el = cx.elaboration;
  if (!firstTime(el, "unfolds too far")) return errorValue;
  const { limits } = el;
  const deep = el.work.depth >= limits.depth;
  const met: LimitName = deep ? "depth" : "evaluations";
  const outermost = cx.frames.findLast((f) => !isLibrary(f.span.source));
  return fail({ ...cx, frames: [] }, {
    code: "M0311",
    title: deep
      ? `Expressions and calls are nested more than ${limits.depth} deep here`
      : "This unfolds into too much work",
    at: outermost?.span ?? expression.span,
    notes: [
      deep
        ? "Functions and models are written out wherever they are called"
        : `Functions and models are written out wherever they are called, here more than ${limits.evaluations} times`,
      raising(met),
    ],
  });
}

function evaluateKind(cx: Context, expression: Expression): Value {
  switch (expression.kind) {
    case "Number":
      return numberValue(expression);
    case "Name":
      return evaluateName(cx, expression.primed ? `${expression.name}'` : expression.name, expression.span);
    case "Member":
    case "Index":
      return evaluatePart(cx, expression);
    case "Time":
      return evaluateTime(cx, expression);
    case "Call":
      return expression.comprehension ? evaluateComprehension(cx, expression) : evaluateCall(cx, expression);
    case "List":
      return evaluateList(cx, expression);
    case "Unary": {
      const operand = operandOf(cx, expression.operand);
      return entrywise(cx, "-", [operand], ([x]) => negate(cx, x!, operand.span));
    }
    case "Binary": {
      const operands = [operandOf(cx, expression.left), operandOf(cx, expression.right)];
      return entrywise(cx, expression.op, operands, ([a, c]) => applyBinary(cx, expression, a!, c!));
    }
    case "Pipe": {
      const { target } = expression;
      const call: CallExpression = target.kind === "Call"
        ? { ...target, args: [{ value: expression.value }, ...target.args] }
        : { kind: "Call", callee: target, args: [{ value: expression.value }], span: target.span };
      return evaluateCall(cx, call);
    }
    // what a model returns is read by its call
    case "Results":
    case "Missing":
      return errorValue;
  }
}

function operandOf(cx: Context, expression: Expression): Operand {
  return { value: cx.elaboration.evaluator.evaluate(cx, expression), span: expression.span };
}
