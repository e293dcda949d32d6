// Which time does `@t` name? Checked against the steps of its loop; and which names are times.
import type { Context, Local, Value } from "../world/world.ts";
import type { TimePoint } from "../world/value_kinds.ts";
import type { Expression } from "../syntax/ast.ts";
import { loopsMentioned } from "./ownership.ts";
import type { Loop } from "../world/loop.ts";
import { fail, sourceText } from "../world/report.ts";
import { stepsOf } from "./steps.ts";
import { describeValue, errorValue, staticNumber } from "../world/values.ts";
import type { Span } from "../text/source.ts";
import type { DiagnosticDraft } from "../diagnostics/diagnostic.ts";
import { namesInScope } from "./scope_names.ts";
import { known, ownsNow, windowOf, withLocals } from "../world/moments.ts";
import { evaluate } from "../world/evaluator.ts";
import { mentions, referenceText } from "../syntax/paths.ts";
import { saysEnd } from "../diagnostics/habits.ts";

/** The number of steps of every inner loop that an expression speaks of, under the names it goes by; a name that could
 *  mean two loops says so when it is read. */
export function timeLocals(cx: Context, expression: Expression): Map<string, Local> {
  const locals = new Map<string, Local>();
  const loops = loopsMentioned(cx.elaboration, expression);
  const byName = new Map<string, Loop[]>();
  const { steps } = cx.world.consumer;
  for (const loop of loops) {
    const names = new Set([loop.timeName, ...(steps?.loop === loop && steps.name ? [steps.name] : [])]);
    for (const name of names) byName.set(name, [...(byName.get(name) ?? []), loop]);
  }
  for (const [name, candidates] of byName) {
    locals.set(name, {
      value: (at) => {
        const [first, second] = candidates as [Loop, Loop?];
        if (second) {
          return fail(cx, {
            code: "M0404",
            title: `\`${name}\` could be that of \`${first.name}\` or of \`${second.name}\``,
            at: at ?? expression.span,
            secondary: [first, second].map((loop) => ({
              span: loop.count.span,
              message: `\`${loop.name}.${name}\``,
            })),
            hint: `write \`${first.name}.${name}\` or \`${second.name}.${name}\``,
          });
        }
        const count = stepsOf(cx, first);
        return count === undefined ? errorValue : staticNumber(count, "int");
      },
    });
  }
  return locals;
}

/** A value that no time could be. */
function isMatrix(value: Value): boolean {
  return value.kind === "tensor" && value.dims.length > 0 || value.kind === "model" || value.kind === "literal";
}

/** `@` where the matrix product was meant, as in Python. */
export function productMistake(left: string, right: string, at: Span): DiagnosticDraft {
  return {
    code: "M0403",
    title: `\`@\` is time here, not the matrix product`,
    at,
    hint: `write \`dot(${left}, ${right})\``,
  };
}

/** True for a name that means something where an expression stands. */
function isKnown(cx: Context, name: string): boolean {
  return namesInScope(cx).includes(name) || cx.scope.module.unresolved.has(name);
}

/** The names that a time of a loop may call its number of steps by. */
export function localsOfTime(cx: Context, loop: Loop, steps: number): Map<string, Local> {
  const count: Local = known(staticNumber(steps, "int"));
  const given = cx.world.consumer.steps;
  const name = given?.loop === loop ? given.name : undefined;
  return new Map([["T", count], [loop.timeName, count], ...(name ? [[name, count] as const] : [])]);
}

/** The time that an expression means for a loop; "now" and "start" inside the loop itself. Undefined when wrong (reported). */
export function timePoint(
  cx: Context,
  loop: Loop,
  time: Expression,
  last = 0,
  object?: string,
): TimePoint | "now" | "start" | undefined {
  const steps = stepsOf(cx, loop);
  if (steps === undefined) return undefined;
  const locals = localsOfTime(cx, loop, steps);
  const owner = time.kind === "Time" && time.object.kind === "Name"
    ? cx.elaboration.loops.get(time.object.name)
    : undefined;
  if (time.kind === "Time" && time.time !== "all" && owner) {
    return owner === loop ? timePoint(cx, loop, time.time, last, object) : timeOfAnother(cx, loop, owner, time, object);
  }
  if (time.kind === "Name" && !locals.has(time.name) && !isKnown(cx, time.name)) {
    // a loop that runs in each step of another may go on from there: `from fit@t`
    return time.name === "t" && ownsNow(cx.world, loop) ? "now" : noTime(cx, loop, time, steps);
  }
  const value = evaluate(withLocals(cx, locals), time);
  if (value.kind === "error") return undefined;
  if (time.kind === "Name" && time.name === "t" && value.kind === "tensor" && !value.time && !ownsNow(cx.world, loop)) {
    return noTime(cx, loop, time, steps);
  }
  if (object !== undefined && isMatrix(value)) {
    return void fail(cx, productMistake(object, referenceText(time) ?? "…", time.span));
  }
  if (ownsNow(cx.world, loop)) return timeInside(cx, loop, time, value, steps);
  return timeOutside(cx, loop, time, value, steps, steps + last);
}

/** The time 0 .. end that a value says where the loop has run. Undefined when it says none (reported). */
function timeOutside(
  cx: Context,
  loop: Loop,
  time: Expression,
  value: Value,
  steps: number,
  end: number,
): TimePoint | undefined {
  const name = loop.timeName;
  const windowed = windowOf(cx.world, loop) !== undefined;
  const how = windowed ? `is run in windows of ${steps} steps` : `runs ${steps} steps`;
  const runs = { span: loop.count.span, message: `\`${loop.name}\` ${how}` };
  if (value.kind === "static" && Number.isInteger(value.value) && value.type !== "bool") {
    if (value.value >= 0 && value.value <= end) return { kind: "static", step: value.value };
    return void fail(cx, {
      code: "M0402",
      title: `The time ${value.value} is outside 0 .. ${end}`,
      at: time.span,
      secondary: [runs],
      notes: end < steps
        ? [`A hyperparameter has one value for each step, ${name} in all; a parameter has ${name} + 1`]
        : [],
      hint: value.value < 0
        ? `write \`@(${name} - ${-value.value})\` to count from the end`
        : value.value === steps
        ? `write \`@(${name} - 1)\` for the last step`
        : undefined,
    });
  }
  if (value.kind === "tensor" && value.time) {
    const { scope, offset } = value.time;
    if (scope.from + offset >= 0 && scope.to + offset <= end) {
      return { kind: "scope", scope, offset, number: value.variable };
    }
    return void fail(cx, {
      code: "M0402",
      title: `The times ${scope.from + offset} .. ${scope.to + offset} are not all inside 0 .. ${end}`,
      at: time.span,
      secondary: [runs],
    });
  }
  return void fail(cx, {
    code: "M0402",
    title: `A time must be a whole number or a bound time such as \`t\` in \`for t in 1 .. T\`, not ${
      describeValue(value)
    }`,
    at: time.span,
    hint: value.kind === "loop"
      ? `write \`@(${value.loop.name}.${value.loop.timeName})\` for its end, \`@(${value.loop.name}@1)\` for another of its times`
      : loop.until.length > 0 && mentions(time, loop.name)
      ? `write \`@${name}\`: where \`${loop.name}\` stopped, later times repeat it`
      : undefined,
  });
}

/** Reports `w@(other@3)`, where `other` is not the loop that changes `w`. */
function timeOfAnother(
  cx: Context,
  loop: Loop,
  other: Loop,
  { time, span }: Expression & { kind: "Time" },
  object = "…",
): undefined {
  const at = time === "all" ? loop.timeName : referenceText(time) ?? sourceText(cx.elaboration, time);
  return void fail(cx, {
    code: "M0403",
    title: `\`${other.name}\` does not change \`${object}\`, which \`${loop.name}\` does`,
    at: span,
    hint: `write \`${object}@(${loop.name}@${at})\`, or \`${object}@${at}\``,
  });
}

/** Reports a name that is none of the times of a loop. */
function noTime(cx: Context, loop: Loop, time: Expression & { kind: "Name" }, steps: number): undefined {
  return void fail(cx, {
    code: "M0402",
    title: `\`${time.name}\` is not a time of \`${loop.name}\``,
    at: time.span,
    secondary: [{ span: loop.count.span, message: `\`${loop.name}\` runs ${steps} steps` }],
    notes: [
      `Its times are 0 .. ${loop.timeName}: \`@0\`, \`@${loop.timeName}\`, or \`@t\` in \`sum(… for t in 0 .. ${loop.timeName})\``,
    ],
    hint: saysEnd(time.name) ? `write \`@${loop.timeName}\`` : undefined,
  });
}

/** The time that an expression means inside the loop itself. */
function timeInside(
  cx: Context,
  loop: Loop,
  time: Expression,
  value: Value,
  steps: number,
): "now" | "start" | undefined {
  if (time.kind === "Name" && time.name === "t") return "now";
  if (value.kind === "static" && value.value === 0) return "start";
  if (value.kind === "static" && value.value >= steps) {
    return void fail(cx, {
      code: "M0210",
      title: `\`${loop.name}\` depends on its own result`,
      at: time.span,
      label: `this is known when \`${loop.name}\` has ended`,
    });
  }
  return void fail(cx, {
    code: "M0701",
    title: `Another time of \`${loop.name}\` inside \`${loop.name}\` itself is not yet supported`,
    at: time.span,
  });
}
