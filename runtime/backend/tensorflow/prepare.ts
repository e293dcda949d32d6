// Which function is lowered? Maps of small bodies run all steps at once, maps of large ones are loops, and short loops are written out.
import { expandMaps } from "../../autodiff/batch.ts";
import { Builder } from "../../ir/builder.ts";
import { eliminateDeadCode } from "../../ir/dead_code.ts";
import { unrollScan } from "../../ir/unroll.ts";
import { bodyOf, type IrFunction, sizeOf, type Variable } from "../../ir/types.ts";

/** Loops of at most so many steps are written out, */
const shortLoop = 8;
/** as long as that makes at most so many equations. */
const mostEquations = 4000;

/** On a processor, a map of a body with an array of so many entries runs step by step: what a step makes stays in the caches. */
const largeBody = 1 << 18;

/** The function without maps, with its short loops written out. `batched` runs every map at once. */
export function prepareFunction(fn: IrFunction, batched: boolean): IrFunction {
  const large = (body: IrFunction) => !batched && largestIn(body) >= largeBody;
  return eliminateDeadCode(writeOut(expandMaps(fn, large)));
}

function writeOut(fn: IrFunction): IrFunction {
  const b = new Builder(fn.name);
  const values = new Map<Variable, Variable>();
  for (const input of fn.inputs) values.set(input, b.input(input, input.name));
  for (const equation of fn.equations) {
    b.origin = equation.origin;
    const inputs = equation.inputs.map((x) => values.get(x)!);
    let outputs: readonly Variable[];
    if (equation.op === "scan") {
      const params = { ...equation.params, body: writeOut(equation.params.body) };
      const { body, length, carry } = params;
      // without a carry it was a map of a large body: written out, it would only take longer to compile
      const short = carry > 0 && length <= shortLoop && length * equationsIn(body) <= mostEquations;
      outputs = short ? unrollScan(b, inputs, params) : b.emit("scan", inputs, params);
    } else {
      outputs = b.emit(equation.op, inputs, equation.params);
    }
    equation.outputs.forEach((output, i) => values.set(output, outputs[i]!));
  }
  return b.finish(fn.outputs.map((x) => values.get(x)!));
}

/** Entries of the largest array that a function makes. */
function largestIn(fn: IrFunction): number {
  return fn.equations.reduce((most, e) => {
    const body = bodyOf(e);
    return Math.max(most, body ? largestIn(body) : 0, ...e.outputs.map((x) => sizeOf(x.shape)));
  }, 0);
}

/** Equations of a function, those of bodies once. */
export function equationsIn(fn: IrFunction): number {
  return fn.equations.reduce((n, e) => n + 1 + (bodyOf(e) ? equationsIn(bodyOf(e)!) : 0), 0);
}
