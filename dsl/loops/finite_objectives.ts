// How does a loop tell that what it minimized was not finite? Its gradient may be: that of log(w) is, where w is negative. A step
// from such an objective makes the smallest tensor NaN, which every objective, gradient and report after it shows.
import type { Builder } from "../../runtime/ir/builder.ts";
import { allocate, bodyOf, type Equation, type IrFunction, sizeOf, type Variable } from "../../runtime/ir/types.ts";
import { shapeOf } from "../world/values.ts";
import type { LeafState, LoopState } from "../world/world.ts";

/** Adds NaN to the smallest of the parameters that a step makes, unless the loss that it went down is finite: to no derivative,
 *  and at the cost of one number a step. */
export function tellIfNotFinite(b: Builder, loss: Variable, next: LoopState): LoopState {
  const size = ({ leaf }: LeafState) => sizeOf(shapeOf(leaf.dims));
  // what models hold may be read by nothing after it
  const smallest = next.filter(({ leaf }) => !leaf.state).reduce((a, c) => size(c) < size(a) ? c : a);
  const still = b.apply("stop_gradient", loss);
  const finite = b.apply("lt", b.apply("abs", still), b.fill(Infinity, still));
  const told = b.apply("select", finite, b.fill(0, still), b.fill(NaN, still));
  const { p } = smallest;
  const variable = b.apply("add", p.variable, b.broadcastTo(told, p.variable.shape));
  return next.map((one) => one === smallest ? { ...one, p: { ...p, variable } } : one);
}

/** The function as it would be if no loop told so: what is read only to tell is not read. */
export function withoutTelling(fn: IrFunction): IrFunction {
  const constants = new Map<Variable, number>();
  const equations = fn.equations.map((equation): Equation => {
    if (equation.op === "constant" && equation.params.data.length === 1) {
      constants.set(equation.outputs[0]!, equation.params.data[0]!);
    }
    if (equation.op === "select" && equation.outputs[0]!.shape.length === 0) {
      const [, whole, broken] = equation.inputs.map((x) => constants.get(x));
      const { dtype, shape } = equation.outputs[0]!;
      const type = { dtype, shape };
      if (whole === 0 && Number.isNaN(broken)) {
        const params = { type, data: allocate(dtype, 1) };
        return { ...equation, op: "constant", inputs: [], params };
      }
    }
    const body = bodyOf(equation);
    return body ? { ...equation, params: { ...equation.params, body: withoutTelling(body) } } as Equation : equation;
  });
  return { ...fn, equations };
}
