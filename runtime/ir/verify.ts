// Is a function well formed? Run after every pass in tests, and before a backend trusts what it is given.
import {
  type ArrayType,
  bodyOf,
  type Equation,
  formatType,
  type IrFunction,
  isRequest,
  type Variable,
} from "./types.ts";
import { inferTypes } from "./shapes.ts";
import { sameType } from "./builder.ts";
import { InternalError } from "../errors.ts";

/** What else is accepted. */
export interface VerifyOptions {
  /** Accepts `gradient` requests, which stand only before `expandGradients`. Default: no. */
  readonly allowGradient?: boolean;
}

/** Checks that every variable is assigned once and before it is read, that bodies close over nothing, that types are what
 *  the primitives make of their inputs, and that no `gradient` is left. Throws InternalError naming the equation. */
export function verifyFunction(fn: IrFunction, options: VerifyOptions = {}): void {
  verifyScope(fn, fn.name, options);
}

function verifyScope(fn: IrFunction, path: string, options: VerifyOptions): void {
  const defined = new Set<Variable>();
  const define = (variable: Variable, where: string) => {
    if (defined.has(variable)) throw new InternalError(`${where} assigns ${describe(variable)} a second time`);
    defined.add(variable);
  };
  fn.inputs.forEach((input, i) => define(input, `Input ${i} of ${path}`));
  fn.equations.forEach((equation, i) => {
    const where = `Equation ${i} (${equation.op}) of ${path}`;
    for (const input of equation.inputs) {
      if (!defined.has(input)) throw new InternalError(`${where} reads ${describe(input)} before it is assigned`);
    }
    verifyTypes(equation, where);
    if (isRequest(equation.op) && !options.allowGradient) {
      throw new InternalError(`${where} is a ${equation.op} request that was never expanded`);
    }
    const body = bodyOf(equation);
    if (body) verifyScope(body, `${path} > ${equation.op} ${i} > ${body.name}`, options);
    for (const output of equation.outputs) define(output, where);
  });
  fn.outputs.forEach((output, i) => {
    if (!defined.has(output)) throw new InternalError(`Output ${i} of ${path}, ${describe(output)}, is never assigned`);
  });
}

function verifyTypes(equation: Equation, where: string): void {
  let types: readonly ArrayType[];
  try {
    types = inferTypes(equation.op, equation.inputs, equation.params);
  } catch (error) {
    throw error instanceof InternalError ? new InternalError(`${where} is ill-formed: ${error.message}`) : error;
  }
  if (types.length !== equation.outputs.length) {
    throw new InternalError(`${where} assigns ${equation.outputs.length} variables, not ${types.length}`);
  }
  types.forEach((type, i) => {
    const output = equation.outputs[i]!;
    if (!sameType(type, output)) {
      throw new InternalError(`${where} computes ${formatType(type)} and calls it ${describe(output)}`);
    }
  });
}

function describe(variable: Variable): string {
  const name = variable.name === undefined ? "" : ` ("${variable.name}")`;
  return `%${variable.id}: ${formatType(variable)}${name}`;
}
