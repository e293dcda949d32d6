// How does a plan become something that runs? The arena is allocated, every value gets its typed array on it, and every
// equation its kernel.
import {
  type ArrayType,
  entryBytes,
  type Equation,
  type HostArray,
  type PrimitiveName,
  sizeOf,
  type Variable,
} from "../../ir/types.ts";
import { InternalError } from "../../errors.ts";
import { type Kernel, type KernelRule, prepareCopy, type PreparedBody } from "./kernel.ts";
import { kernelRules } from "./kernels.ts";
import type { Block, FramePlan, Plan } from "./plan.ts";

/** A function whose arrays exist and whose kernels are ready. */
export interface BoundFunction {
  /** By position; undefined for an input that nothing reads. */
  readonly inputs: readonly (HostArray | undefined)[];
  readonly outputs: readonly HostArray[];
  readonly kernels: readonly Kernel[];
}

const storageClasses = { f32: Float32Array, f64: Float64Array, i32: Int32Array, bool: Uint8Array, u8: Uint8Array };

function viewOf(arena: ArrayBuffer, block: Block, type: ArrayType): HostArray {
  const view = new storageClasses[type.dtype](arena, block.region.base + block.offset, sizeOf(type.shape));
  return { dtype: type.dtype, shape: type.shape, data: view };
}

/** Prepares the kernels of a plan on an arena of `plan.bytes` bytes, and computes its constants. */
export function bindPlan(plan: Plan, arena: ArrayBuffer): BoundFunction {
  plan.root.region.base = plan.pinnedBytes;
  for (const { block, equation } of plan.pinned) {
    const entries = block.bytes / entryBytes[equation.outputs[0]!.dtype];
    const whole = equation.op === "constant" && equation.params.data.length === 1
      ? { dtype: equation.outputs[0]!.dtype, shape: [entries] }
      : equation.outputs[0]!;
    prepareEquation(equation, [], [viewOf(arena, block, whole)])();
  }
  return bindFrame(plan.root, arena);
}

function prepareEquation(
  equation: Equation,
  inputs: readonly HostArray[],
  outputs: readonly HostArray[],
  scratch = new Float64Array(0),
  body?: PreparedBody,
): Kernel {
  const rule = kernelRules[equation.op] as unknown as KernelRule<PrimitiveName>;
  return rule({ params: equation.params as never, inputs, outputs, scratch, body });
}

function bindFrame(frame: FramePlan, arena: ArrayBuffer): BoundFunction {
  const arrays = new Map<Variable, HostArray>();
  const arrayOf = (variable: Variable): HostArray => {
    const known = arrays.get(variable);
    if (known) return known;
    const block = frame.blocks.get(variable);
    if (!block) throw new InternalError(`Variable ${variable.id} has no place in ${frame.fn.name}`);
    const array = viewOf(arena, block, variable);
    arrays.set(variable, array);
    return array;
  };
  const kernels = frame.steps.map(({ equation, scratch, scratchEntries, body, bodyOffset }) => {
    const scratchArray = scratch &&
      new Float64Array(arena, scratch.region.base + scratch.offset, scratchEntries);
    let prepared: PreparedBody | undefined;
    if (body) {
      body.region.base = frame.region.base + bodyOffset;
      const bound = bindFrame(body, arena);
      prepared = { inputs: bound.inputs, outputs: bound.outputs, run: sequence(bound.kernels) };
    }
    return prepareEquation(
      equation,
      equation.inputs.map(arrayOf),
      equation.outputs.map(arrayOf),
      scratchArray,
      prepared,
    );
  });
  const outputs = frame.fn.outputs.map((output, i) => {
    const stage = frame.staged.get(i);
    if (!stage) return arrayOf(output);
    const staged = viewOf(arena, stage, output);
    kernels.push(prepareCopy(arrayOf(output).data, staged.data));
    return staged;
  });
  const inputs = frame.fn.inputs.map((input) => frame.blocks.has(input) ? arrayOf(input) : undefined);
  return { inputs, outputs, kernels };
}

/** One kernel that runs several in order. */
export function sequence(kernels: readonly Kernel[]): Kernel {
  return () => {
    for (let i = 0; i < kernels.length; i++) kernels[i]!();
  };
}
