// Which primitives are routines, and on which sizes do they run? Their arrays are row-major, groups of axes taken as one.
import type { EquationOf, Shape, Variable } from "../../ir/types.ts";
import { sizeOf } from "../../ir/types.ts";
import type { FrameBuilder } from "./build.ts";
import { Core } from "./core.ts";
import type { Extents, Routine } from "./types.ts";
import { normalAxes } from "./views.ts";

type CoreOf = (variable: Variable) => Core;

/** Everything of a routine but what all have. */
type Work = Routine extends infer R ? R extends Routine ? Omit<R, "kind" | "inputs" | "output" | "scratch" | "origin">
  : never
  : never;

type RoutineEquation = EquationOf<"random_bits" | "scatter_add" | "argmax" | "solve">;

/** Appends the routine of an equation; what it makes. */
function append(
  builder: FrameBuilder,
  { inputs, outputs, origin }: RoutineEquation,
  coreOf: CoreOf,
  given: { readonly work: Work; readonly scratch?: number },
): Core {
  const { dtype, shape } = outputs[0]!;
  const { sizes } = normalAxes(shape);
  const views = inputs.map((input) => builder.rowMajor(coreOf(input)));
  const view = builder.array(dtype, sizes);
  const scratch = given.scratch ? { scratch: builder.buffer("f64", given.scratch) } : {};
  const node = { kind: "routine", inputs: views, output: view, origin, ...scratch, ...given.work } as Routine;
  return new Core(builder, { dtype, sizes }, { kind: "given", view, ready: builder.append(node) }, origin);
}

/** As `random_bits`. */
export function randomRoutine(builder: FrameBuilder, equation: EquationOf<"random_bits">, coreOf: CoreOf): Core {
  const batches = sizeOf(equation.inputs[0]!.shape) / 2;
  const count = sizeOf(equation.params.shape);
  return append(builder, equation as RoutineEquation, coreOf, { work: { op: "random_bits", batches, count } });
}

/** Sizes of the array with the indexed axis whole, and of its indices, as groups of axes. */
export function extentsOf(whole: Shape, indices: Shape, { axis, batch }: { axis: number; batch: number }): Extents {
  return {
    batches: sizeOf(whole.slice(0, batch)),
    before: sizeOf(whole.slice(batch, axis)),
    axis: whole[axis]!,
    indices: sizeOf(indices.slice(batch)),
    after: sizeOf(whole.slice(axis + 1)),
  };
}

/** As `scatter_add`. */
export function scatterRoutine(builder: FrameBuilder, equation: EquationOf<"scatter_add">, coreOf: CoreOf): Core {
  const [output, indices] = [equation.outputs[0]!, equation.inputs[1]!];
  const extents = extentsOf(output.shape, indices.shape, equation.params);
  return append(builder, equation as RoutineEquation, coreOf, { work: { op: "scatter_add", extents } });
}

/** As `argmax`. */
export function argmaxRoutine(builder: FrameBuilder, equation: EquationOf<"argmax">, coreOf: CoreOf): Core {
  const { shape } = equation.inputs[0]!;
  const { axis } = equation.params;
  const [outer, inner] = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
  return append(builder, equation as RoutineEquation, coreOf, {
    work: { op: "argmax", outer, length: shape[axis]!, inner },
  });
}

/** As `solve`, in float64. */
export function solveRoutine(builder: FrameBuilder, equation: EquationOf<"solve">, coreOf: CoreOf): Core {
  const [a, b] = [equation.inputs[0]!.shape, equation.inputs[1]!.shape];
  const [n, k] = [a.at(-1)!, b.at(-1)!];
  return append(builder, equation as RoutineEquation, coreOf, {
    work: { op: "solve", batches: sizeOf(a.slice(0, -2)), n, k },
    scratch: n * n + n * k,
  });
}
