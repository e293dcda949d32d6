// How long does an equation take here, roughly? Before it has run: long calls are cut by that. Within a factor of five or so either way.
import { equationCost } from "../../ir/cost.ts";
import { type ArrayType, type Equation, type IrFunction, sizeOf } from "../../ir/types.ts";

/** Nanoseconds of a kernel, of an operation on a number, and of moving one. */
const [ofKernel, ofOperation, ofEntry] = [40, 3, 1];

const known = new WeakMap<Equation, number>();

/** Nanoseconds that one equation takes; a loop counts its body as often as it runs. */
export function nanosecondsOf(equation: Equation): number {
  const before = known.get(equation);
  if (before !== undefined) return before;
  const time = equation.op === "scan" || equation.op === "map"
    ? ofKernel + equation.params.length * nanosecondsOfFunction(equation.params.body)
    : ofKernel + ofOperation * equationCost(equation).flops +
      ofEntry * entries([...equation.inputs, ...equation.outputs]);
  known.set(equation, time);
  return time;
}

/** Nanoseconds of one run of a function, with what is copied in and out. */
export function nanosecondsOfFunction({ equations, outputs }: IrFunction): number {
  return equations.reduce((sum, equation) => sum + nanosecondsOf(equation), ofKernel + ofEntry * entries(outputs));
}

function entries(types: readonly ArrayType[]): number {
  return types.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
}
