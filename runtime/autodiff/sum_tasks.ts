// How are the gradients of many tasks added without keeping all of them? A map whose results are only summed becomes a loop over
// chunks of tasks that carries the sums. They are added one after the other in float64 and rounded once, as `reduce_sum` does,
// so no bit of a result changes.
import { Builder } from "../ir/builder.ts";
import { bodyOf, type Equation, type EquationOf, type IrFunction, isFloat, type Variable } from "../ir/types.ts";
import { sectionsOf } from "../ir/structured.ts";

type MapEquation = EquationOf<"map">;

/** The same function with maps done `chunk` iterations at a time where results of all are only summed over the iterations.
 *  In bodies too. Maps whose length is no multiple of `chunk` are left alone. */
export function sumTasks(fn: IrFunction, chunk: number): IrFunction {
  const sums = new Map<Variable, EquationOf<"reduce_sum">>();
  const readers = new Map<Variable, Equation[]>();
  for (const equation of fn.equations) {
    for (const x of new Set(equation.inputs)) readers.set(x, [...readers.get(x) ?? [], equation]);
  }
  for (const [x, list] of readers) {
    const [only] = list;
    if (list.length !== 1 || only!.op !== "reduce_sum" || fn.outputs.includes(x) || !isFloat(x.dtype)) continue;
    if (only!.params.axes.length === 1 && only!.params.axes[0] === 0) sums.set(x, only as EquationOf<"reduce_sum">);
  }
  const b = new Builder(fn.name);
  const values = new Map<Variable, Variable>();
  for (const input of fn.inputs) values.set(input, b.input(input, input.name));
  for (const equation of fn.equations) {
    b.origin = equation.origin;
    if (equation.outputs.every((x) => values.has(x))) continue; // a sum that its map has made
    const inputs = equation.inputs.map((x) => values.get(x)!);
    const body = bodyOf(equation);
    const own = body
      ? { ...equation, params: { ...equation.params, body: sumTasks(body, chunk) } } as Equation
      : equation;
    const summed = own.op === "map" && own.params.length > chunk && own.params.length % chunk === 0 &&
      own.outputs.some((x) => sums.has(x));
    const outputs = summed ? chunked(b, own, inputs, (x) => sums.has(x), chunk) : b.emit(own.op, inputs, own.params);
    equation.outputs.forEach((output, i) => {
      values.set(output, outputs[i]!);
      if (summed && sums.has(output)) values.set(sums.get(output)!.outputs[0]!, outputs[i]!);
    });
  }
  return b.finish(fn.outputs.map((x) => values.get(x)!));
}

/** The outputs of a map: summed where `isSum`, stacked else. */
function chunked(
  b: Builder,
  { params, outputs, origin }: MapEquation,
  inputs: readonly Variable[],
  isSum: (x: Variable) => boolean,
  chunk: number,
): readonly Variable[] {
  const { constants, stacked } = sectionsOf(params, inputs);
  const count = params.length / chunk;
  const scan = b.openScan(`${params.body.name} chunks`, count);
  const s = scan.body;
  s.origin = origin;
  const slices = stacked.map((x) => scan.slice(b.reshape(x, [count, chunk, ...x.shape.slice(1)])));
  const sums = outputs.map((x) =>
    isSum(x) ? scan.carry(b.fill(0, { dtype: "f64", shape: x.shape.slice(1) })) : undefined
  );
  const results = s.emit("map", [...constants, ...slices], { ...params, length: chunk });
  const next = sums.flatMap((sum, i) => {
    if (!sum) return [];
    const inner = s.openScan("sum", chunk);
    const total = inner.carry(sum);
    return inner.close([inner.body.apply("add", total, inner.body.convert(inner.slice(results[i]!), "f64"))], []).carry;
  });
  const closed = scan.close(next, results.filter((_, i) => !sums[i]));
  let [fromCarry, fromStack] = [0, 0];
  return outputs.map((x, i) => {
    if (sums[i]) return b.convert(closed.carry[fromCarry++]!, x.dtype);
    return b.reshape(closed.outputs[fromStack++]!, x.shape);
  });
}
