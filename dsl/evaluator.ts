// How does an expression get its value, and a loop its run, where their own files must not be known? Through the evaluator that
// the elaboration carries: the one door in the circle of the language's evaluation.
import type { Expression } from "./ast.ts";
import type { Loop } from "./loops.ts";
import type { LoopRun } from "./loop_record.ts";
import type { Span } from "./source.ts";
import type { Value } from "./values.ts";
import type { Context } from "./world.ts";

/** The value of an expression where a context stands. Mistakes are reported once and give the error value. */
export function evaluate(cx: Context, expression: Expression): Value {
  return cx.elaboration.evaluator.evaluate(cx, expression);
}

/** Runs a loop where a context stands, once. Undefined when a mistake was reported. */
export function runLoop(cx: Context, loop: Loop, span: Span): LoopRun | undefined {
  return cx.elaboration.evaluator.runLoop(cx, loop, span);
}
