// Which functions go along an axis in order? Running totals, and the order of the entries by size.
import { asFloat } from "../elaborate/arithmetic.ts";
import { axisArg, type Builtin, type BuiltinCall, simple, tensor, tensorArg } from "./builtin_arguments.ts";
import { checkedTotals } from "../elaborate/integers.ts";
import { runningTotals } from "../elaborate/running_totals.ts";
import { orderAlong } from "../elaborate/sorting.ts";
import { errorValue, staticNumber } from "../world/values.ts";
import type { Value } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";
import { setRange } from "../../runtime/ir/ranges.ts";

/** An array and the axis that is named, the last one unless said; undefined when wrong (reported). */
function alongAxis(c: BuiltinCall): { readonly x: TensorValue; readonly axis: number } | undefined {
  const given = tensorArg(c, 0);
  const axis = given && axisArg(c, c.named.get("axis") ?? staticNumber(-1), given);
  if (!given || axis === undefined) return undefined;
  return { x: given.variable.dtype === "bool" ? asFloat(c.cx, given) : given, axis };
}

function cumsum(c: BuiltinCall): Value {
  const along = alongAxis(c);
  if (!along) return errorValue;
  const { x: { variable, dims }, axis } = along;
  const totals = variable.dtype === "i32"
    ? checkedTotals(c.cx, variable, axis, c.call.span)
    : runningTotals(c.cx.b, variable, axis);
  return tensor(totals, dims);
}

/** Places, or the entries that stand there. */
function ordered(c: BuiltinCall, what: "places" | "entries"): Value {
  const along = alongAxis(c);
  if (!along) return errorValue;
  const { b } = c.cx;
  const { x: { variable, dims }, axis } = along;
  const last = dims.length - 1;
  // the axis stands last while it is sorted
  const there = [...dims.keys()].filter((i) => i !== axis).concat(axis);
  const back = there.map((_, i) => there.indexOf(i));
  const rows = b.one("transpose", [variable], { permutation: there });
  const order = orderAlong(b, rows);
  setRange(order, { low: 0, high: dims[axis]!.size - 1, attained: false });
  const found = what === "places" ? order : b.one("gather", [rows, order], { axis: last, batch: last });
  return tensor(b.one("transpose", [found], { permutation: back }), dims);
}

/** The builtins of this file. */
export const orders: readonly Builtin[] = [
  simple("cumsum", [1, 1], cumsum, ["axis"]),
  simple("sort", [1, 1], (c) => ordered(c, "entries"), ["axis"]),
  simple("argsort", [1, 1], (c) => ordered(c, "places"), ["axis"]),
];
