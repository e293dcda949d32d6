// Which functions solve systems of linear equations? By LU with partial pivoting; what is singular gives numbers that are not finite.
import { type Builtin, type BuiltinCall, floatArg, simple, tensor } from "./builtin_arguments.ts";
import { fail } from "../world/report.ts";
import { describeValue, errorValue, formatDims, namedSizes, shapeOf } from "../world/values.ts";
import { rowsOfAll } from "../elaborate/row_origins.ts";
import type { Value } from "../world/world.ts";
import type { TensorValue } from "../world/value_kinds.ts";

/** True for [..., n, n]; else reported. */
function isSquare(c: BuiltinCall, a: TensorValue): boolean {
  const [rows, columns] = a.dims.slice(-2);
  if (rows && columns && rows.size === columns.size) return true;
  fail(c.cx, {
    code: "M0301",
    title: `\`${c.name}\` takes square matrices [..., n, n], and this is ${describeValue(a)}`,
    at: c.at(0),
    sizes: namedSizes(a.dims),
  });
  return false;
}

/** x with a x = b: b is [..., n], or [..., n, k] for k right sides at once. */
function solve(c: BuiltinCall): Value {
  const a = floatArg(c, 0);
  const right = floatArg(c, 1);
  if (!a || !right || !isSquare(c, a)) return errorValue;
  const rank = a.dims.length;
  const vector = right.dims.length === rank - 1;
  const own = [...a.dims.slice(0, -2), a.dims[rank - 1]!];
  const fits = (vector || right.dims.length === rank) && own.every((d, i) => d.size === right.dims[i]!.size);
  if (!fits) {
    return fail(c.cx, {
      code: "M0301",
      title: `\`solve\` cannot take the right side ${formatDims(right.dims)} for ${formatDims(a.dims)}`,
      at: c.at(1),
      secondary: [{ span: c.at(0), message: formatDims(a.dims) }],
      notes: [`It takes ${formatDims(own)}, or ${formatDims([...own, { size: 1, name: "k" }])}`],
      sizes: namedSizes(a.dims, right.dims),
    });
  }
  const { b } = c.cx;
  const columns = vector ? b.reshape(right.variable, [...shapeOf(right.dims), 1]) : right.variable;
  const solved = b.apply("solve", a.variable, columns);
  const dims = rowsOfAll(right.dims, [own.slice(0, -1)].filter((lead) => lead.length === right.dims.length));
  return tensor(vector ? b.reshape(solved, shapeOf(dims)) : solved, dims);
}

function inverse(c: BuiltinCall): Value {
  const a = floatArg(c, 0);
  if (!a || !isSquare(c, a)) return errorValue;
  const { b } = c.cx;
  const shape = shapeOf(a.dims);
  const iota = (axis: number) => b.one("iota", [], { type: { dtype: "i32", shape: shape.slice(-2) }, axis });
  const unit = b.convert(b.apply("eq", iota(0), iota(1)), a.variable.dtype);
  return tensor(b.apply("solve", a.variable, b.broadcastTo(unit, shape)), a.dims);
}

/** The builtins of this file. */
export const systems: readonly Builtin[] = [simple("solve", [2, 2], solve), simple("inverse", [1, 1], inverse)];
