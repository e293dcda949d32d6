// How are the gradients of many tasks added without keeping all of them? A map whose results are only summed becomes a loop over
// chunks of tasks that carries the sums. They are added one after the other, as a sum in order is, so no bit of a result changes.
import { Builder } from "../ir/builder.ts";
import { bodyOf, type Equation, type EquationOf, type IrFunction, isFloat, type Variable } from "../ir/types.ts";
import { sectionsOf } from "../ir/structured.ts";

type MapEquation = EquationOf<"map">;

/** The same function with the sums over the iterations of its maps made in order, as they are made chunk by chunk. In bodies too. */
export function orderTaskSums(fn: IrFunction): IrFunction {
  const stacks = new Set<Variable>();
  let changed = false;
  const equations = fn.equations.map((equation) => {
    const body = bodyOf(equation);
    const own = body && orderTaskSums(body);
    let result = own === body ? equation : { ...equation, params: { ...equation.params, body: own } } as Equation;
    if (equation.op === "map") equation.outputs.forEach((x) => stacks.add(x));
    if (isTaskSum(equation) && stacks.has(equation.inputs[0]!)) {
      result = { ...equation, params: { axes: [0], inOrder: true } };
    }
    changed ||= result !== equation;
    return result;
  });
  return changed ? { ...fn, equations } : fn;
}

/** A sum of floats over the first axis alone. */
function isTaskSum(equation: Equation): equation is EquationOf<"reduce_sum"> {
  return equation.op === "reduce_sum" && equation.params.axes.join() === "0" && isFloat(equation.inputs[0]!.dtype);
}

/** How maps are summed. */
interface Chunks {
  /** Iterations at a time. */
  readonly chunk: number;
  /** Sums are carried in float64. */
  readonly wide: boolean;
}

/** The same function with maps done `chunk` iterations at a time where results of all are only summed over the iterations.
 *  In bodies too. Maps whose length is no multiple of `chunk` are left alone. */
export function sumTasks(fn: IrFunction, chunks: Chunks): IrFunction {
  const { chunk } = chunks;
  const sums = new Map<Variable, EquationOf<"reduce_sum">>();
  const readers = new Map<Variable, Equation[]>();
  for (const equation of fn.equations) {
    for (const x of new Set(equation.inputs)) readers.set(x, [...readers.get(x) ?? [], equation]);
  }
  for (const [x, list] of readers) {
    const [only] = list;
    if (list.length === 1 && isTaskSum(only!) && !fn.outputs.includes(x)) sums.set(x, only);
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
      ? { ...equation, params: { ...equation.params, body: sumTasks(body, chunks) } } as Equation
      : equation;
    const summed = own.op === "map" && own.params.length > chunk && own.params.length % chunk === 0 &&
      own.outputs.some((x) => sums.has(x));
    const outputs = summed ? chunked(b, own, inputs, (x) => sums.has(x), chunks) : b.emit(own.op, inputs, own.params);
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
  { chunk, wide }: Chunks,
): readonly Variable[] {
  const { constants, stacked } = sectionsOf(params, inputs);
  const count = params.length / chunk;
  const scan = b.openScan(`${params.body.name} chunks`, count);
  const s = scan.body;
  s.origin = origin;
  const isSingle = chunk === 1;
  const slices = stacked.map((x) => scan.slice(isSingle ? x : b.reshape(x, [count, chunk, ...x.shape.slice(1)])));
  const sums = outputs.map((x) =>
    isSum(x) ? scan.carry(b.fill(0, { dtype: wide ? "f64" : x.dtype, shape: x.shape.slice(1) })) : undefined
  );
  const given = [...constants, ...slices];
  const results = isSingle ? s.inline(params.body, given) : s.emit("map", given, { ...params, length: chunk });
  const add = (c: Builder, sum: Variable, x: Variable) => c.apply("add", sum, c.convert(x, sum.dtype));
  const next = sums.flatMap((sum, i) => {
    if (!sum) return [];
    if (isSingle) return [add(s, sum, results[i]!)];
    const inner = s.openScan("sum", chunk);
    const total = inner.carry(sum);
    return inner.close([add(inner.body, total, inner.slice(results[i]!))], []).carry;
  });
  const closed = scan.close(next, results.filter((_, i) => !sums[i]));
  let [fromCarry, fromStack] = [0, 0];
  return outputs.map((x, i) => {
    if (sums[i]) return b.convert(closed.carry[fromCarry++]!, x.dtype);
    return b.reshape(closed.outputs[fromStack++]!, x.shape);
  });
}
