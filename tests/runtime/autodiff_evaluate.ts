// What the differentiation tests share: running functions on the reference backend, and arithmetic on their results.
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { buildFunction } from "../../runtime/ir/builder.ts";
import { expandGradients, type ExpandOptions } from "../../runtime/autodiff/expand_gradients.ts";
import { type HostArray, type IrFunction, isFloat, type PrimitiveName } from "../../runtime/ir/types.ts";
import { verifyFunction } from "../../runtime/ir/verify.ts";
import type { GradientRow } from "./gradient_table.ts";

/** Expands, verifies, compiles; the result runs the function. */
export function prepare(
  fn: IrFunction,
  options: ExpandOptions = {},
): (inputs: readonly HostArray[]) => readonly HostArray[] {
  verifyFunction(fn, { allowGradient: true });
  const expanded = expandGradients(fn, options);
  verifyFunction(expanded);
  const executable = referenceBackend.compile(expanded);
  return (inputs) => executable.run(inputs);
}

/** Runs a function once. */
export function evaluate(fn: IrFunction, inputs: readonly HostArray[]): readonly HostArray[] {
  return prepare(fn)(inputs);
}

/** The function of a row. */
export function rowFunction(row: GradientRow): IrFunction {
  return buildFunction(row.name, row.inputs, row.write);
}

/** The sum of the entrywise products over all float arrays of two lists. */
export function inner(a: readonly HostArray[], b: readonly HostArray[]): number {
  let sum = 0;
  a.forEach((x, i) => {
    if (isFloat(x.dtype)) x.data.forEach((value, k) => sum += value * b[i]!.data[k]!);
  });
  return sum;
}

/** a + t b for the float arrays; the others as they are. */
export function step(a: readonly HostArray[], t: number, b: readonly HostArray[]): readonly HostArray[] {
  return a.map((x, i) => {
    if (!isFloat(x.dtype)) return x;
    const data = x.data.slice();
    data.forEach((value, k) => data[k] = value + t * b[i]!.data[k]!);
    return { ...x, data };
  });
}

/** The float arrays among them. */
export function floats(list: readonly HostArray[]): readonly HostArray[] {
  return list.filter((x) => isFloat(x.dtype));
}

/** Largest absolute entry, at least 1: what an error is measured against. */
export function scaleOf(...lists: readonly (readonly HostArray[])[]): number {
  let scale = 1;
  for (const x of lists.flat()) {
    x.data.forEach((value) => scale = Number.isFinite(value) ? Math.max(scale, Math.abs(value)) : scale);
  }
  return scale;
}

/** Largest difference between two lists of arrays of the same types; NaN and infinities must agree. */
export function distance(a: readonly HostArray[], b: readonly HostArray[]): number {
  let largest = a.length === b.length ? 0 : Infinity;
  a.forEach((x, i) => {
    const y = b[i]!;
    if (x.data.length !== y.data.length) largest = Infinity;
    x.data.forEach((value, k) => {
      if (!Object.is(value, y.data[k])) {
        const d = Math.abs(value - y.data[k]!);
        largest = Number.isNaN(d) ? Infinity : Math.max(largest, d);
      }
    });
  });
  return largest;
}

/** The derivative at 0 of a function of one variable with several float results, by central differences with one
 *  Richardson step: the error is h^4 / 480 times the fifth derivative, plus rounding of about 4 ulp / h of the value. */
export function centralDifference(f: (t: number) => readonly HostArray[]): readonly HostArray[] {
  const h = 2 ** -9;
  const slope = (t: number) => {
    const [above, below] = [floats(f(t)), floats(f(-t))];
    return step(above.map((x) => ({ ...x, data: x.data.slice() })), -1, below).map((x) => ({
      ...x,
      data: x.data.map((value) => value / (2 * t)),
    }));
  };
  const [wide, narrow] = [slope(h), slope(h / 2)];
  return narrow.map((x, i) => ({ ...x, data: x.data.map((value, k) => (4 * value - wide[i]!.data[k]!) / 3) }));
}

/** Number of equations of a kind (all, without `op`), bodies included. */
export function countOf(fn: IrFunction, op?: PrimitiveName): number {
  let count = 0;
  for (const equation of fn.equations) {
    if (op === undefined || equation.op === op) count++;
    if ("body" in equation.params) count += countOf(equation.params.body, op);
  }
  return count;
}
