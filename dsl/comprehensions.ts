// What is `sum(E for t in 1 .. T)`? The body once for each time, as a `map` over the times; and which loops an expression
// speaks of, so that `T` has one meaning.
import type { CallExpression, Comprehension, Expression } from "./ast.ts";
import { type Elaboration, fail } from "./elaboration.ts";
import { toTensor } from "./arithmetic.ts";
import { evaluate } from "./evaluator.ts";
import { requireInteger, tooLarge } from "./sizes.ts";
import { builtins, callBuiltinWith } from "./builtins.ts";
import type { Loop } from "./loops.ts";
import { stepsOf } from "./inner.ts";
import { count } from "./models.ts";
import { headName, referenceText } from "./references.ts";
import { type Table, withRows } from "./row_origins.ts";
import { mentions } from "./times.ts";
import { type Context, known, type Local, withLocals } from "./world.ts";
import { errorValue, staticNumber, type TensorValue, type TimeScope, type Value } from "./values.ts";
import type { Variable } from "../runtime/ir/types.ts";

/** The value of a call with a comprehension. */
export function evaluateComprehension(cx: Context, call: CallExpression): Value {
  const { callee } = call;
  const builtin = callee.kind === "Name" ? builtins.get(callee.name) : undefined;
  if (!builtin) {
    return fail(cx, {
      code: "M0304",
      title: "Only built-in functions such as `sum` and `mean` take a comprehension",
      at: callee.span,
    });
  }
  if (builtin.arity[0] > 1 || builtin.arity[1] < 1) {
    return fail(cx, {
      code: "M0302",
      title: `\`${builtin.name}\` takes ${count(builtin.arity[0], "argument")}, and a comprehension is one`,
      at: call.span,
    });
  }
  const stacked = evaluateOverTimes(cx, call.args[0]!.value, call.comprehension!);
  if (!stacked) return errorValue;
  const reduces = ["sum", "mean", "max", "min"].includes(builtin.name);
  const named = reduces ? new Map<string, Value>([["axis", staticNumber(0)]]) : new Map<string, Value>();
  return callBuiltinWith(cx, builtin, [stacked], named, call);
}

/** A body stacked over the times of a comprehension, along axis 0. Undefined when wrong (reported). */
export function evaluateOverTimes(cx: Context, body: Expression, over: Comprehension): TensorValue | undefined {
  const at = withLocals(cx, timeLocals(cx, body));
  const from = requireInteger(at, over.from, "the first time", 0);
  const to = requireInteger(at, over.to, "the last time", 0);
  if (from === undefined || to === undefined) return undefined;
  if (to < from) {
    fail(cx, { code: "M0402", title: `The times ${from} .. ${to} are none`, at: over.span });
    return undefined;
  }
  const b = cx.b;
  const length = to - from + 1;
  const scope = b.openMap(`for ${over.variable.name}`, length);
  const count = b.one("iota", [], { type: { dtype: "i32", shape: [length] }, axis: 0 });
  const times = b.apply("add", count, b.fill(from, count));
  const slices = new Map<Variable, Map<number, Variable>>();
  const timeScope: TimeScope = {
    from,
    to,
    slice: (stacked, offset) => {
      const known = slices.get(stacked)?.get(offset);
      if (known) return known;
      const start = stacked.shape.map((_, i) => i === 0 ? from + offset : 0);
      const limit = stacked.shape.map((n, i) => i === 0 ? to + offset + 1 : n);
      const part = b.one("slice", [stacked], { start, limit, stride: stacked.shape.map(() => 1) });
      const slice = scope.slice(part);
      if (!slices.has(stacked)) slices.set(stacked, new Map());
      slices.get(stacked)!.set(offset, slice);
      return slice;
    },
  };
  const variable: TensorValue = {
    kind: "tensor",
    variable: scope.slice(times),
    dims: [],
    time: { scope: timeScope, offset: 0 },
  };
  const indexed = new Set<Table>();
  const inside = withLocals({ ...at, b: scope.body, indexed }, new Map([[over.variable.name, known(variable)]]));
  const value = evaluate(inside, body);
  if (value.kind === "error") return undefined;
  const tensor = toTensor(inside, value, "float");
  if (tensor.kind === "error") {
    fail(cx, { code: "M0304", title: "The body of a comprehension must be a number or a tensor", at: body.span });
    return undefined;
  }
  for (const table of indexed) cx.indexed?.add(table);
  const dims = [withRows({ size: length }, [...indexed]), ...tensor.dims];
  if (tooLarge(cx, dims, over.span)) return undefined;
  const [stacked] = scope.close([tensor.variable]);
  return { kind: "tensor", variable: stacked!, dims };
}

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

/** The inner loops whose times an expression reads: those that change what stands before an `@`, and those named. */
export function loopsMentioned(el: Elaboration, expression: Expression): Loop[] {
  const found = new Set<Loop>();
  visit(expression, (e) => {
    if (e.kind === "Time") {
      const text = referenceText(e.object.kind === "Index" ? e.object.object : e.object);
      if (text === undefined) return;
      const head = el.loops.get(headName(e.object) ?? "");
      if (head?.kind === "outer") found.add(head);
      const loops = [...el.loops.values()].filter((loop) => loop.kind === "inner" && evolves(loop, text));
      const { time } = e;
      // `net@(second.T)` says which
      const named = time === "all" ? [] : loops.filter((loop) => loops.length > 1 && mentions(time, loop.name));
      for (const loop of named.length > 0 ? named : loops) found.add(loop);
    }
    if (e.kind === "Member") {
      const loop = el.loops.get(headName(e) ?? "");
      if (loop?.kind === "inner") found.add(loop);
    }
  });
  return [...found];
}

/** Every inner loop that an expression has to do with, by mistake or not: those it reads at times, and those that change
 *  what it names without a time. Gone through by checks, so that one mistake does not hide those in the loop. */
export function loopsTouched(el: Elaboration, expression: Expression): Loop[] {
  const found = new Set(loopsMentioned(el, expression));
  const timed = new Set<Expression>();
  visit(expression, (e) => {
    if (e.kind === "Time") timed.add(e.object);
    if (e.kind === "Member" && timed.has(e)) timed.add(e.object);
    if (e.kind !== "Name" || timed.has(e)) return;
    for (const loop of el.loops.values()) if (loop.kind === "inner" && evolves(loop, e.name)) found.add(loop);
  });
  return [...found];
}

function evolves(loop: Loop, text: string): boolean {
  return loop.rules.some((rule) =>
    rule.references.some((r) => {
      const over = referenceText(r);
      return over !== undefined && (over === text || over.startsWith(`${text}.`) || text.startsWith(`${over}.`));
    })
  );
}

/** Calls back for an expression and everything in it. */
export function visit(expression: Expression, enter: (e: Expression) => void): void {
  enter(expression);
  switch (expression.kind) {
    case "Member":
      return visit(expression.object, enter);
    case "Time":
      visit(expression.object, enter);
      if (expression.time !== "all") visit(expression.time, enter);
      return;
    case "Call":
      visit(expression.callee, enter);
      for (const arg of expression.args) visit(arg.value, enter);
      if (expression.comprehension) {
        visit(expression.comprehension.from, enter);
        visit(expression.comprehension.to, enter);
      }
      return;
    case "Index":
      visit(expression.object, enter);
      for (const index of expression.indices) visit(index, enter);
      return;
    case "List":
      for (const item of expression.items) visit(item, enter);
      return;
    case "Unary":
      return visit(expression.operand, enter);
    case "Binary":
      visit(expression.left, enter);
      visit(expression.right, enter);
      return;
    case "Pipe":
      visit(expression.value, enter);
      visit(expression.target, enter);
      return;
  }
}
