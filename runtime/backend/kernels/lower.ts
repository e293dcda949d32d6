// How does a function become nests, loops and routines? Equation by equation: what is elementwise waits until something needs
// it in memory, movement becomes another way of reading, loops become frames of their own.
import type { IrFunction } from "../../ir/types.ts";
import { FrameBuilder } from "./build.ts";
import { Core } from "./core.ts";
import { Scope } from "./lower_loops.ts";
import type { KernelProgram } from "./types.ts";
import { normalAxes } from "./views.ts";

/** Makes the kernels of a function without requests. Throws InternalError for an ill-formed one. */
export function lowerFunction(fn: IrFunction): KernelProgram {
  const builder = new FrameBuilder(fn.name, undefined, { constants: [], uniformBuffers: new Map(), nextBuffer: 0 });
  const scope = new Scope(builder);
  const inputs = fn.inputs.map((input) => {
    const { sizes } = normalAxes(input.shape);
    const view = builder.array(input.dtype, sizes);
    scope.set(input, new Core(builder, { dtype: input.dtype, sizes }, { kind: "given", view }));
    return view;
  });
  for (const output of new Set(fn.outputs)) scope.rowMajor.add(output);
  scope.run(fn);
  const outputs = fn.outputs.map((output) => builder.rowMajor(scope.get(output)));
  return { root: builder.frame, inputs, outputs, constants: builder.parts.constants };
}
