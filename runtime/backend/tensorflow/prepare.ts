// Which function is lowered? The one that is fast on large arrays: maps run all steps at once, short loops are written out.
import { expandMaps } from "../../autodiff/batch.ts";
import { Builder } from "../../ir/builder.ts";
import { eliminateDeadCode } from "../../ir/dead_code.ts";
import { unrollScan } from "../../ir/unroll.ts";
import { bodyOf, type IrFunction, type Variable } from "../../ir/types.ts";

/** Loops of at most so many steps are written out, */
const shortLoop = 8;
/** as long as that makes at most so many equations. */
const mostEquations = 4000;

/** The function without maps, with its short loops written out. */
export function prepareFunction(fn: IrFunction): IrFunction {
  return eliminateDeadCode(writeOut(expandMaps(fn)));
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
      const short = params.length <= shortLoop && params.length * equationsIn(params.body) <= mostEquations;
      outputs = short ? unrollScan(b, inputs, params) : b.emit("scan", inputs, params);
    } else {
      outputs = b.emit(equation.op, inputs, equation.params);
    }
    equation.outputs.forEach((output, i) => values.set(output, outputs[i]!));
  }
  return b.finish(fn.outputs.map((x) => values.get(x)!));
}

/** Equations of a function, those of bodies once. */
export function equationsIn(fn: IrFunction): number {
  return fn.equations.reduce((n, e) => n + 1 + (bodyOf(e) ? equationsIn(bodyOf(e)!) : 0), 0);
}
