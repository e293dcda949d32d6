// What does a function cost to run? Floating-point operations and kernel calls, counted from the equations: a loop counts its
// body as often as it runs.
import {
  elementwiseRows,
  entryBytes,
  type Equation,
  type EquationOf,
  type IrFunction,
  type PrimitiveName,
  type RequestName,
  requestRows,
  sizeOf,
} from "./types.ts";

/** What one run of a function takes. */
export interface Cost {
  /** Additions, multiplications, divisions, comparisons, elementary functions: one each. A product of matrices [m, k] and
   *  [k, n] has 2 m k n. Moving numbers counts nothing. */
  readonly flops: number;
  /** Equations run, a body's as often as its loop turns. */
  readonly calls: number;
}

type Count<P extends PrimitiveName> = (equation: EquationOf<P>) => number;

const none: Count<PrimitiveName> = () => 0;
const each: Count<PrimitiveName> = ({ outputs }) => sizeOf(outputs[0]!.shape);
const read: Count<PrimitiveName> = ({ inputs }) => sizeOf(inputs[0]!.shape);

/** Products and sums of a convolution: 2 for every entry of y, every filter entry that meets it. */
const convolved = (y: readonly number[], filter: readonly number[]) =>
  2 * sizeOf(y) * filter[1]! * filter[2]! * filter[3]!;

/** One row for each primitive that a backend runs; loops are followed. */
const counts: { readonly [P in Exclude<PrimitiveName, RequestName | "scan" | "map">]: Count<P> } = {
  constant: none,
  iota: none,
  random_bits: none,
  ...elementwiseRows(() => each),
  convert: none,
  stop_gradient: none,
  reduce_sum: read,
  reduce_max: read,
  argmax: read,
  reshape: none,
  transpose: none,
  broadcast: none,
  slice: none,
  pad: none,
  concat: none,
  reverse: none,
  gather: none,
  scatter_add: read,
  dot_general: ({ inputs: [left], outputs, params }) =>
    2 * sizeOf(outputs[0]!.shape) * sizeOf(params.contractLeft.map((axis) => left!.shape[axis]!)),
  conv: ({ inputs: [, filter], outputs: [y] }) => convolved(y!.shape, filter!.shape),
  conv_input_gradient: ({ inputs: [y, filter] }) => convolved(y!.shape, filter!.shape),
  conv_filter_gradient: ({ inputs: [, y], outputs: [filter] }) => convolved(y!.shape, filter!.shape),
  solve: ({ inputs: [a, b] }) => {
    const n = a!.shape.at(-1)!;
    const systems = sizeOf(a!.shape.slice(0, -2));
    return systems * (2 / 3 * n ** 3 + 2 * n ** 2 * b!.shape.at(-1)!);
  },
};

const table = { ...counts, ...requestRows(() => none) } as { readonly [op: string]: Count<PrimitiveName> };
const known = new WeakMap<IrFunction, Cost>();

/** The cost of one run. Requests (`gradient` and its like) count nothing: expand them before. */
export function costOf(fn: IrFunction): Cost {
  const before = known.get(fn);
  if (before) return before;
  let flops = 0;
  let calls = 0;
  for (const equation of fn.equations) {
    const { flops: f, calls: c } = equationCost(equation);
    flops += f;
    calls += c;
  }
  const cost = { flops, calls };
  known.set(fn, cost);
  return cost;
}

/** The cost of one equation. */
export function equationCost(equation: Equation): Cost {
  if (equation.op !== "scan" && equation.op !== "map") {
    return { flops: table[equation.op]!(equation as never), calls: 1 };
  }
  const { length, body } = equation.params;
  const inside = costOf(body);
  return { flops: length * inside.flops, calls: 1 + length * inside.calls };
}

/** A loop of a function, and what it takes there.
 *
 *  @category Explain and verify */
export interface LoopCost {
  /** The loop's name, as the program calls it or as the pass that made it. */
  readonly name: string;
  /** `map`: its turns do not read each other. */
  readonly op: "scan" | "map";
  /** Its turns. */
  readonly length: number;
  /** Loops around it. */
  readonly depth: number;
  /** Operations in one run of the function. */
  readonly flops: number;
  /** Bytes that one run of the loop leaves for later: its stacked outputs. */
  readonly kept: number;
}

/** The loops of a function in the order in which they run, each before those inside it. */
export function loopCosts(fn: IrFunction, times = 1, depth = 0): readonly LoopCost[] {
  return fn.equations.flatMap((equation): readonly LoopCost[] => {
    if (equation.op !== "scan" && equation.op !== "map") return [];
    const { length, body } = equation.params;
    const stacked = equation.op === "scan" ? equation.outputs.slice(equation.params.carry) : equation.outputs;
    const kept = stacked.reduce((n, x) => n + entryBytes[x.dtype] * sizeOf(x.shape), 0);
    const flops = times * equationCost(equation).flops;
    const inside = loopCosts(body, times * length, depth + 1);
    return [{ name: body.name, op: equation.op, length, depth, flops, kept }, ...inside];
  });
}
