// What is `sum(E for t in 1 .. T)`? The body once for each time, as a `map` over the times.
import type { CallExpression, Comprehension, Expression } from "../syntax/ast.ts";
import { fail } from "../world/report.ts";
import type { Context, Value } from "../world/world.ts";
import type { Table, TensorValue, TimeScope } from "../world/value_kinds.ts";
import { toTensor } from "../elaborate/arithmetic.ts";
import { evaluate } from "../world/evaluator.ts";
import { requireInteger, tooLarge } from "../elaborate/sizes.ts";
import { builtins, callBuiltinWith } from "../builtins/builtins.ts";
import { count } from "../text/words.ts";
import { withRows } from "../elaborate/row_origins.ts";
import { known, withLocals } from "../world/moments.ts";
import { arrayHint, errorValue, staticNumber } from "../world/values.ts";
import type { Variable } from "../../runtime/ir/types.ts";
import { timeLocals } from "../elaborate/time_points.ts";

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
  const named = builtin.reduces ? new Map<string, Value>([["axis", staticNumber(0)]]) : new Map<string, Value>();
  return callBuiltinWith(cx, builtin, [stacked], named, call);
}

/** A body stacked over the times of a comprehension, along axis 0. Undefined when wrong (reported). */
export function evaluateOverTimes(cx: Context, body: Expression, over: Comprehension): TensorValue | undefined {
  const at = withLocals(cx, timeLocals(cx, body));
  const from = requireInteger(at, over.from, "the first time", 0);
  const to = requireInteger(at, over.to, "the last time", 0);
  if (from === undefined || to === undefined) return undefined;
  if (to < from) return void fail(cx, { code: "M0402", title: `The times ${from} .. ${to} are none`, at: over.span });
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
      const slice = scope.slice(b.rows(stacked, from + offset, to + offset + 1));
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
    return void fail(cx, {
      code: "M0304",
      title: "The body of a comprehension must be a number or a tensor",
      at: body.span,
      hint: arrayHint(value),
    });
  }
  for (const table of indexed) cx.indexed?.add(table);
  const dims = [withRows({ size: length }, [...indexed]), ...tensor.dims];
  if (tooLarge(cx, dims, over.span)) return undefined;
  const [stacked] = scope.close([tensor.variable]);
  return { kind: "tensor", variable: stacked!, dims };
}
