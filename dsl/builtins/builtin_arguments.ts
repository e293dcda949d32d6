// What is a builtin, and how does it read its arguments? Shared by the files of builtins.
import { asFloat, toTensor } from "../elaborate/arithmetic.ts";
import type { CallExpression } from "../syntax/ast.ts";
import { fail } from "../world/report.ts";
import type { Span } from "../text/source.ts";
import { arrayHint, describeValue, isSingleSize, shapeOf } from "../world/values.ts";
import { capital } from "../text/words.ts";
import type { Context, TensorsValue, Value } from "../world/world.ts";
import type { Dim, TensorValue } from "../world/value_kinds.ts";

/** A function that the language has by itself. */
export interface Builtin {
  readonly name: string;
  /** Number of positional arguments: at least, at most. */
  readonly arity: readonly [number, number];
  /** Names of further arguments; also the names that positional ones may be given by. */
  readonly named: readonly string[];
  /** Its values are distributions. */
  readonly family?: true;
  /** It acts entry by entry: among its arguments, or where it takes more than one, models stand for their tensors. */
  readonly entrywise?: true;
  /** The one number that it makes of all entries of models; of as many as it takes, alike in paths and shapes. */
  readonly whole?: (call: BuiltinCall, models: readonly TensorsValue[]) => Value;
  /** It makes fewer entries of many: of a comprehension, one of all that it runs over. */
  readonly reduces?: true;
  /** Of the sizes that it is given in a list one may be `_`: the size that is left. */
  readonly leavesOpen?: true;
  readonly apply: (call: BuiltinCall) => Value;
}

/** One application: values, and the places to point at. */
export interface BuiltinCall {
  readonly cx: Context;
  readonly name: string;
  readonly args: readonly Value[];
  readonly named: ReadonlyMap<string, Value>;
  readonly call: CallExpression;
  /** The place of a positional argument. */
  readonly at: (i: number) => Span;
}

/** A positional argument as a float array; undefined when it is not one (reported). */
export function floatArg(c: BuiltinCall, i: number): TensorValue | undefined {
  const tensor = tensorArg(c, i);
  return tensor && asFloat(c.cx, tensor);
}

/** A positional argument as an array, whose whole numbers known now are ints; undefined when it is not one (reported). */
export function intArg(c: BuiltinCall, i: number): TensorValue | undefined {
  return tensorArg(c, i, "int");
}

/** A positional argument as an array; undefined when it is not one (reported). */
export function tensorArg(c: BuiltinCall, i: number, want?: "int"): TensorValue | undefined {
  const tensor = toTensor(c.cx, c.args[i]!, want);
  if (tensor.kind === "tensor") return tensor;
  if (c.args[i]!.kind !== "error") {
    fail(c.cx, {
      code: "M0304",
      title: `\`${c.name}\` takes numbers and tensors, not ${describeValue(c.args[i]!)}`,
      at: c.at(i),
      hint: arrayHint(c.args[i]!),
    });
  }
  return undefined;
}

/** A whole number known now, by name or position; `missing` when it is not given. */
export function integerArg<M>(
  c: BuiltinCall,
  value: Value | undefined,
  what: string,
  missing: M,
): number | M | undefined {
  if (value === undefined) return missing;
  if (value.kind === "static" && Number.isInteger(value.value) && value.type !== "bool") return value.value;
  if (isSingleSize(value)) return value.dims[0]!.size;
  if (value.kind !== "error") {
    fail(c.cx, {
      code: "M0304",
      title: `${capital(what)} of \`${c.name}\` must be a whole number known before the run, not ${
        value.kind === "static" && value.type !== "bool" ? value.value : describeValue(value)
      }`,
      at: placeOf(c, value),
    });
  }
  return undefined;
}

/** The place of an argument, by its value; the call when the argument was not written. */
export function placeOf(c: BuiltinCall, value: Value): Span {
  for (const arg of c.call.args) if (arg.name && c.named.get(arg.name.name) === value) return arg.value.span;
  const position = c.args.indexOf(value);
  return position >= 0 ? c.at(position) : c.call.span;
}

/** An axis, counted from the end when negative; undefined when wrong (reported). */
export function axisArg(c: BuiltinCall, value: Value | undefined, x: TensorValue, more = 0): number | undefined {
  const axis = integerArg(c, value, "the axis", undefined);
  return axis === undefined ? undefined : countedAxis(c, axis, value!, x, more);
}

/** One axis or a list of them, each once; undefined when wrong (reported). `more` is how many the result has than x. */
export function axesArg(
  c: BuiltinCall,
  value: Value | undefined,
  x: TensorValue,
  more: "as many" | "none" = "none",
): number[] | undefined {
  const listed = value && integersOf(value);
  if (!listed) {
    const axis = axisArg(c, value, x, more === "none" ? 0 : 1);
    return axis === undefined ? undefined : [axis];
  }
  const axes: number[] = [];
  for (const written of listed) {
    const axis = countedAxis(c, written, value, x, more === "none" ? 0 : listed.length);
    if (axis === undefined) return undefined;
    if (axes.includes(axis)) {
      return void fail(c.cx, {
        code: "M0301",
        title: `Axis ${axis} is given twice`,
        at: placeOf(c, value),
        secondary: [{ span: c.at(0), message: describeValue(x) }],
      });
    }
    axes.push(axis);
  }
  return axes.sort((p, q) => p - q);
}

/** A list of whole numbers known now: `[0, -1]`. */
function integersOf(value: Value): readonly number[] | undefined {
  if (value.kind === "shape" && !value.single) return shapeOf(value.dims);
  const flat = value.kind === "literal" && value.dims.length === 1 && value.type !== "bool";
  return flat && value.numbers.every(Number.isInteger) ? value.numbers : undefined;
}

/** An axis by its number from 0 on; undefined when there is none (reported). */
function countedAxis(c: BuiltinCall, axis: number, value: Value, x: TensorValue, more: number): number | undefined {
  const rank = x.dims.length + more;
  const k = axis < 0 ? axis + rank : axis;
  if (k >= 0 && k < rank) return k;
  return void fail(c.cx, {
    code: "M0301",
    title: `${capital(describeValue(x))} has no axis ${axis}`,
    at: placeOf(c, value),
    label: rank === 0 ? "a scalar has no axes" : `axes count from 0, here to ${rank - 1}; -1 is the last`,
    secondary: [{ span: c.at(0), message: describeValue(x) }],
  });
}

/** True for a switch that is given and on. */
export function flag(value: Value | undefined): boolean {
  return value?.kind === "static" && value.value !== 0;
}

/** An array with its dims. */
export function tensor(variable: TensorValue["variable"], dims: readonly Dim[]): TensorValue {
  return { kind: "tensor", variable, dims };
}

/** A builtin by its parts. */
export const simple = (
  name: string,
  arity: readonly [number, number],
  apply: (c: BuiltinCall) => Value,
  named: readonly string[] = [],
): Builtin => ({ name, arity, named, apply });

/** The same, acting entry by entry. */
export const entryByEntry = (
  name: string,
  arity: readonly [number, number],
  apply: (c: BuiltinCall) => Value,
): Builtin => ({ name, arity, named: [], apply, entrywise: true });
