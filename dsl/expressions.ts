// What does an expression compute? Checks types and shapes and writes the equations, in one walk: what is known now stays a
// number, what is not becomes a variable of the function being lowered.
import { asFloat, evaluateBinary, numeric, plain } from "./arithmetic.ts";
import type { CallExpression, Expression } from "./ast.ts";
import { evaluateCall } from "./calls.ts";
import { evaluateComprehension } from "./comprehensions.ts";
import { evaluateList } from "./indexing.ts";
import { evaluateName, evaluatePart } from "./names.ts";
import { evaluateTime } from "./times.ts";
import { tooLarge } from "./sizes.ts";
import { errorValue, staticNumber, type Value } from "./values.ts";
import type { Context } from "./world.ts";

/** The value of an expression where a context stands. Mistakes are reported once and give the error value. */
export function evaluate(cx: Context, expression: Expression): Value {
  const { b } = cx;
  const before = b.origin;
  b.origin = expression.span;
  try {
    const value = evaluateKind(cx, expression);
    return value.kind === "tensor" && tooLarge(cx, value.dims, expression.span) ? errorValue : value;
  } finally {
    b.origin = before;
  }
}

function evaluateKind(cx: Context, expression: Expression): Value {
  switch (expression.kind) {
    case "Number":
      return staticNumber(expression.value, /[.eE]/.test(expression.text) ? "float" : "int");
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
      const value = evaluate(cx, expression.operand);
      if (value.kind === "static") return staticNumber(-value.value, value.type === "float" ? "float" : "int");
      const tensor = numeric(cx, value, expression.operand.span, "be negated");
      if (tensor.kind === "error") return tensor;
      const x = tensor.variable.dtype === "bool" ? asFloat(cx, tensor) : tensor;
      return { ...plain(x), variable: cx.b.apply("neg", x.variable) };
    }
    case "Binary":
      return evaluateBinary(cx, expression);
    case "Pipe": {
      const { target } = expression;
      const call: CallExpression = target.kind === "Call"
        ? { ...target, args: [{ value: expression.value }, ...target.args] }
        : { kind: "Call", callee: target, args: [{ value: expression.value }], span: target.span };
      return evaluateCall(cx, call);
    }
    case "Missing":
      return errorValue;
  }
}
