// How does an expression get its value, and a loop its run, where their own files must not be known? Through the evaluator that
// the elaboration carries: the one door in the circle of the language's evaluation.
import type { Expression } from "../syntax/ast.ts";
import type { Loop } from "./loop.ts";
import type { Context, LoopRun, Value } from "./world.ts";
import type { StaticValue } from "./value_kinds.ts";
import type { Span } from "../text/source.ts";
import { staticNumber } from "./values.ts";
import { isFraction } from "../text/words.ts";

/** The value of an expression where a context stands. Mistakes are reported once and give the error value. */
export function evaluate(cx: Context, expression: Expression): Value {
  return cx.elaboration.evaluator.evaluate(cx, expression);
}

/** Runs a loop where a context stands, once. Undefined when a mistake was reported. */
export function runLoop(cx: Context, loop: Loop, span: Span): LoopRun | undefined {
  return cx.elaboration.evaluator.runLoop(cx, loop, span);
}

/** A place as the key of a set. */
export const placeOf = ({ source, start, end }: Span): string => `${source} ${start} ${end}`;

/** The value of a number as it is written. */
export function numberValue({ value, text }: Expression & { kind: "Number" }): StaticValue {
  return staticNumber(value, isFraction(text) ? "float" : "int");
}
