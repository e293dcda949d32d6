// How does one equation become a core? What is elementwise waits until something needs it in memory, movement becomes another way of
// reading.
import {
  type Elementwise,
  type Equation,
  type EquationOf,
  isElementwise,
  isFloat,
  sameShape,
  type Variable,
} from "../../ir/types.ts";
import { Core } from "./core.ts";
import type { View } from "./types.ts";
import type { FrameBuilder } from "./build.ts";
import { normalAxes, orderForReshape, reshapeView, withAxes } from "./views.ts";
import { dotCore, joinedSums } from "./contract.ts";
import { convolutionCore } from "./convolve.ts";
import { gatherCore } from "./gather.ts";
import { argmaxRoutine, randomRoutine, scatterRoutine, solveRoutine } from "./lower_routines.ts";
import { InternalError } from "../../errors.ts";

type CoreOf = (variable: Variable) => Core;

export function lowerEquation(builder: FrameBuilder, equation: Equation, coreOf: CoreOf): Core {
  if (isElementwise(equation)) return elementwiseCore(builder, equation, equation.inputs.map(coreOf));
  switch (equation.op) {
    case "constant":
      return constantCore(builder, equation);
    case "iota": {
      const { dtype, shape } = equation.outputs[0]!;
      const { sizes, at } = normalAxes(shape);
      const axis = at[equation.params.axis]!;
      const definition = axis < 0 ? { kind: "uniform", value: 0 } as const : { kind: "index", axis } as const;
      return new Core(builder, { dtype, sizes }, definition, equation.origin);
    }
    case "stop_gradient":
      return coreOf(equation.inputs[0]!);
    case "reduce_sum":
    case "reduce_max":
      return reductionCore(builder, equation, coreOf(equation.inputs[0]!));
    case "dot_general":
      return dotCore(builder, equation, coreOf);
    case "conv":
    case "conv_input_gradient":
    case "conv_filter_gradient":
      return convolutionCore(builder, equation, coreOf);
    case "reshape":
    case "transpose":
    case "broadcast":
    case "slice":
    case "reverse":
      return moved(builder, equation, coreOf(equation.inputs[0]!));
    case "pad":
      return padded(builder, equation, coreOf(equation.inputs[0]!));
    case "concat":
      return concatenated(builder, equation, coreOf);
    case "random_bits":
      return randomRoutine(builder, equation, coreOf);
    case "gather":
      return gatherCore(builder, equation, [coreOf(equation.inputs[0]!), coreOf(equation.inputs[1]!)]);
    case "scatter_add":
      return scatterRoutine(builder, equation, coreOf);
    case "argmax": {
      const length = equation.inputs[0]!.shape[equation.params.axis]!;
      if (length > 0 && length <= shortAxis) return shortArgmax(builder, equation, coreOf(equation.inputs[0]!));
      return argmaxRoutine(builder, equation, coreOf);
    }
    case "solve":
      return solveRoutine(builder, equation, coreOf);
    case "gradient":
    case "implicit":
    case "linear_solve":
    case "finite_difference":
    case "pullback":
    case "check":
    case "scan":
    case "map":
      throw new InternalError(`\`${equation.op}\` is expanded before kernels are made, or a loop of its own`);
    default:
      return equation satisfies never;
  }
}

function elementwiseCore(
  builder: FrameBuilder,
  equation: Extract<Equation, { readonly op: Elementwise }>,
  inputs: readonly Core[],
): Core {
  const { op, outputs, origin } = equation;
  const { dtype, shape } = outputs[0]!;
  if (op === "convert" && inputs[0]!.dtype === dtype) return inputs[0]!;
  const joined = op === "add" ? joinedSums(builder, inputs[0]!, inputs[1]!, origin) : undefined;
  const exponent = op === "integer_pow" ? { exponent: equation.params.exponent } : {};
  const type = { dtype, sizes: normalAxes(shape).sizes };
  return joined ?? new Core(builder, type, { kind: "scalar", op, inputs, ...exponent }, origin);
}

function constantCore(builder: FrameBuilder, { params: { data }, outputs }: EquationOf<"constant">): Core {
  const { dtype, shape } = outputs[0]!;
  const { sizes } = normalAxes(shape);
  if (data.length === 1) return new Core(builder, { dtype, sizes }, { kind: "uniform", value: data[0]! });
  const buffer = builder.constant(dtype, data);
  const view = reshapeView({ buffer, offset: 0, steps: [1], terms: [], shape: [data.length] }, sizes)!;
  return new Core(builder, { dtype, sizes }, { kind: "given", view });
}

function reductionCore(
  builder: FrameBuilder,
  equation: EquationOf<"reduce_sum"> | EquationOf<"reduce_max">,
  input: Core,
): Core {
  const { dtype, shape } = equation.outputs[0]!;
  const { at } = normalAxes(equation.inputs[0]!.shape);
  const axes = equation.params.axes.map((axis) => at[axis]!).filter((axis) => axis >= 0);
  if (axes.length === 0) return input;
  const kind = equation.op === "reduce_max"
    ? { op: "max" } as const
    : { op: "sum", inOrder: equation.params.inOrder ?? false } as const;
  const type = { dtype, sizes: normalAxes(shape).sizes };
  return new Core(builder, type, { kind: "reduce", ...kind, input, axes }, equation.origin);
}

/** Axes up to this size are gone through entry by entry within other computations. */
const shortAxis = 12;

/** The first largest entry along a short axis; the first NaN counts as the largest. */
function shortArgmax(builder: FrameBuilder, { inputs, outputs, params, origin }: EquationOf<"argmax">, x: Core): Core {
  const { at } = normalAxes(inputs[0]!.shape);
  const axis = at[params.axis]!;
  const { sizes } = normalAxes(outputs[0]!.shape);
  const uniform = (dtype: Core["dtype"], value: number) =>
    new Core(builder, { dtype, sizes }, { kind: "uniform", value });
  if (axis < 0 || x.uniform !== undefined) return uniform("i32", 0);
  const scalar = (dtype: Core["dtype"], op: Elementwise, ...operands: Core[]) =>
    new Core(builder, { dtype, sizes }, { kind: "scalar", op, inputs: operands }, origin);
  const entry = (index: number) =>
    new Core(builder, { dtype: x.dtype, sizes }, {
      kind: "move",
      sources: [x],
      make: () => {
        const view = builder.viewOf(x);
        const without = (list: readonly number[]) => list.filter((_, i) => i !== axis);
        const offset = view.offset + index * view.steps[axis]!;
        return { view: { ...view, offset, shape: sizes, steps: without(view.steps) } };
      },
    }, origin);
  let best = entry(0);
  let index = uniform("i32", 0);
  for (let i = 1; i < x.sizes[axis]!; i++) {
    const v = entry(i);
    let larger = scalar("bool", "gt", v, best);
    if (isFloat(x.dtype)) {
      larger = scalar("bool", "or", larger, scalar("bool", "ne", v, v));
      larger = scalar("bool", "and", larger, scalar("bool", "eq", best, best));
    }
    index = scalar("i32", "select", larger, uniform("i32", i), index);
    best = scalar(x.dtype, "select", larger, v, best);
  }
  return index;
}

type Movement =
  | EquationOf<"reshape">
  | EquationOf<"transpose">
  | EquationOf<"broadcast">
  | EquationOf<"slice">
  | EquationOf<"reverse">;

function moved(builder: FrameBuilder, equation: Movement, source: Core): Core {
  const [from, to] = [equation.inputs[0]!, equation.outputs[0]!];
  const [before, after] = [normalAxes(from.shape), normalAxes(to.shape)];
  const type = { dtype: to.dtype, sizes: after.sizes };
  if (source.uniform !== undefined) return new Core(builder, type, { kind: "uniform", value: source.uniform });
  if (keepsEntries(equation, before, after)) return source;
  const read = (view: View): View | undefined => {
    switch (equation.op) {
      case "reshape":
        return reshapeView(view, after.sizes);
      case "transpose": {
        const axes = equation.params.permutation.map((axis) => before.at[axis]!).filter((axis) => axis >= 0);
        return { ...view, shape: after.sizes, steps: axes.map((axis) => view.steps[axis]!) };
      }
      case "broadcast": {
        const { shape, axes } = equation.params;
        const steps = shape.map(() => 0);
        axes.forEach((to, axis) => {
          if (before.at[axis]! >= 0) steps[to] = view.steps[before.at[axis]!]!;
        });
        return withAxes(view, shape.map((size, axis) => ({ size, step: steps[axis]! })));
      }
      case "slice": {
        const { start, stride } = equation.params;
        let offset = view.offset;
        const axes = to.shape.map((size, axis) => {
          const step = before.at[axis]! < 0 ? 0 : view.steps[before.at[axis]!]!;
          offset += start[axis]! * step;
          return { size, step: step * stride[axis]! };
        });
        return withAxes(view, axes, offset);
      }
      case "reverse": {
        const steps = [...view.steps];
        let offset = view.offset;
        for (const axis of equation.params.axes) {
          const at = before.at[axis]!;
          if (at < 0) continue;
          offset += (view.shape[at]! - 1) * steps[at]!;
          steps[at] = -steps[at]!;
        }
        return { ...view, steps, offset };
      }
    }
  };
  const make = () => {
    const view = read(builder.viewOf(source));
    if (view) return { view };
    // steps cannot say it: a copy can be read in this shape
    const copy = builder.packed(source, orderForReshape(builder.viewOf(source), after.sizes));
    return { view: read(copy)!, ready: builder.frame.nodes.length - 1 };
  };
  return new Core(builder, type, { kind: "move", sources: [source], make }, equation.origin);
}

type Axes = ReturnType<typeof normalAxes>;

/** True when the entries stay where they are, once axes of size 1 are left out. */
function keepsEntries({ op, params }: Movement, before: Axes, after: Axes): boolean {
  if (!sameShape(before.sizes, after.sizes)) return false;
  switch (op) {
    case "reshape":
      return true;
    case "broadcast":
      return before.at.every((at, axis) => at < 0 || after.at[params.axes[axis]!] === at);
    case "transpose": {
      const axes = params.permutation.map((axis) => before.at[axis]!).filter((axis) => axis >= 0);
      return axes.every((axis, i) => axis === i);
    }
    case "slice":
      return params.stride.every((stride, i) => stride === 1 || before.at[i]! < 0);
    case "reverse":
      return params.axes.every((axis) => before.at[axis]! < 0);
  }
}

/** Zeros, with the entries written over them. */
function padded(builder: FrameBuilder, equation: EquationOf<"pad">, source: Core): Core {
  const { low, interior } = equation.params;
  const [from, to] = [equation.inputs[0]!, equation.outputs[0]!];
  const { sizes } = normalAxes(to.shape);
  if (source.uniform === 0 && !Object.is(source.uniform, -0)) {
    return new Core(builder, { dtype: to.dtype, sizes }, { kind: "uniform", value: 0 });
  }
  const core = assembled(builder, equation, [source], (whole) => {
    const filled = builder.fill(whole, 0, { dtype: to.dtype, origin: equation.origin });
    if (from.shape.includes(0)) return filled;
    let offset = 0;
    const axes = inShape(whole, to.shape).map((step, axis) => {
      offset += low[axis]! * step;
      return { size: from.shape[axis]!, step: step * (interior[axis]! + 1) };
    });
    return builder.writeTo(source, withAxes(whole, axes, whole.offset + offset), filled);
  });
  return core;
}

function concatenated(builder: FrameBuilder, equation: EquationOf<"concat">, coreOf: CoreOf): Core {
  const { axis } = equation.params;
  const to = equation.outputs[0]!;
  const parts = equation.inputs.filter((input) => !input.shape.includes(0));
  return assembled(builder, equation, parts.map(coreOf), (whole) => {
    const steps = inShape(whole, to.shape);
    let offset = whole.offset;
    let last = -1;
    for (const part of parts) {
      const piece = withAxes(whole, part.shape.map((size, i) => ({ size, step: steps[i]! })), offset);
      last = Math.max(last, builder.writeTo(coreOf(part), piece));
      offset += part.shape[axis]! * steps[axis]!;
    }
    return last;
  });
}

/** A value that is written part by part into memory of its own. */
function assembled(
  builder: FrameBuilder,
  equation: Equation,
  sources: readonly Core[],
  write: (whole: View) => number,
): Core {
  const output = equation.outputs[0]!;
  const type = { dtype: output.dtype, sizes: normalAxes(output.shape).sizes };
  for (const source of sources) if (source.owner !== builder) source.owner.viewOf(source);
  const core: Core = new Core(builder, type, {
    kind: "move",
    sources,
    make: () => {
      const whole = core.target?.view() ?? builder.array(type.dtype, type.sizes);
      core.target = undefined;
      return { view: whole, ready: write(whole) };
    },
  }, equation.origin);
  return core;
}

/** Steps along every axis of a shape, 0 for those of size 1. */
function inShape(view: View, shape: readonly number[]): number[] {
  let next = 0;
  return shape.map((n) => n === 1 ? 0 : view.steps[next++]!);
}
