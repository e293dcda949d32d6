// How does a plan become something that runs? The arena is allocated, every value gets its typed array on it, and every
// equation its kernel.
import {
  type ArrayType,
  entryBytes,
  type Equation,
  type HostArray,
  type PrimitiveName,
  sizeOf,
  storageClasses,
  type Variable,
} from "../../ir/types.ts";
import { InternalError } from "../../errors.ts";
import {
  type Kernel,
  type KernelRule,
  type KernelSite,
  type Pieces,
  prepareCopy,
  type PreparedBody,
} from "./kernel.ts";
import { kernelRules } from "./kernels.ts";
import { inPieces, loopParts } from "./kernels_structured.ts";
import { nanosecondsOf } from "./duration.ts";
import type { Block, FramePlan, Plan } from "./plan.ts";

/** A function whose arrays exist and whose kernels are ready. */
export interface BoundFunction {
  /** By position; undefined for an input that nothing reads. */
  readonly inputs: readonly (HostArray | undefined)[];
  readonly outputs: readonly HostArray[];
  readonly kernels: readonly Kernel[];
  /** All kernels, cut; where they were to be and take long enough. */
  readonly pieces: Pieces | undefined;
}

function viewOf(arena: ArrayBuffer, block: Block, type: ArrayType): HostArray {
  const view = new storageClasses[type.dtype](arena, block.region.base + block.offset, sizeOf(type.shape));
  return { dtype: type.dtype, shape: type.shape, data: view };
}

/** Prepares the kernels of a plan on an arena of `plan.bytes` bytes, and computes its constants. `piece`: nanoseconds after which those
 *  that take longer may pause. */
export function bindPlan(plan: Plan, arena: ArrayBuffer, piece = Infinity): BoundFunction {
  plan.root.region.base = plan.pinnedBytes;
  for (const { block, equation } of plan.pinned) {
    const entries = block.bytes / entryBytes[equation.outputs[0]!.dtype];
    const whole = equation.op === "constant" && equation.params.data.length === 1
      ? { dtype: equation.outputs[0]!.dtype, shape: [entries] }
      : equation.outputs[0]!;
    kernelOf(equation, siteOf(equation, [], [viewOf(arena, block, whole)]))();
  }
  return bindFrame(plan.root, arena, piece);
}

/** A kernel, its pieces if it has some, and whether there may be a pause after it. */
interface Prepared {
  readonly kernel: Kernel;
  readonly pieces: Pieces | undefined;
  readonly pause: boolean;
}

/** Kernels one after the other, with their pauses. */
const inTurn = (prepared: readonly Prepared[]): Pieces =>
  function* () {
    for (let i = 0; i < prepared.length; i++) {
      const { kernel, pieces, pause } = prepared[i]!;
      if (pieces) yield* pieces();
      else kernel();
      if (pause) yield;
    }
  };

/** The pieces of a loop; undefined for what is none, or short. */
function piecesOf(equation: Equation, site: KernelSite<PrimitiveName>, piece: number): Pieces | undefined {
  if (equation.op !== "scan" && equation.op !== "map" || nanosecondsOf(equation) < piece) return undefined;
  const parts = loopParts[equation.op](site as never);
  if (site.body!.pieces) return inPieces(parts, { body: site.body!.pieces });
  const each = nanosecondsOf(equation) / equation.params.length;
  return inPieces(parts, { every: Math.max(1, Math.floor(piece / each)) });
}

function siteOf(
  equation: Equation,
  inputs: readonly HostArray[],
  outputs: readonly HostArray[],
  scratch = new Float64Array(0),
  body?: PreparedBody,
): KernelSite<PrimitiveName> {
  return { params: equation.params as never, inputs, outputs, scratch, body };
}

function kernelOf({ op }: Equation, site: KernelSite<PrimitiveName>): Kernel {
  return (kernelRules[op] as unknown as KernelRule<PrimitiveName>)(site);
}

function bindFrame(frame: FramePlan, arena: ArrayBuffer, piece: number): BoundFunction {
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
  const long = frame.steps.reduce((sum, { equation }) => sum + nanosecondsOf(equation), 0) >= piece;
  let since = 0;
  const prepared = frame.steps.map(({ equation, scratch, scratchEntries, body, bodyOffset }): Prepared => {
    const scratchArray = scratch &&
      new Float64Array(arena, scratch.region.base + scratch.offset, scratchEntries);
    let bound: PreparedBody | undefined;
    if (body) {
      body.region.base = frame.region.base + bodyOffset;
      const { inputs, outputs, kernels, pieces } = bindFrame(body, arena, piece);
      bound = { inputs, outputs, run: sequence(kernels), pieces };
    }
    const site = siteOf(
      equation,
      equation.inputs.map(arrayOf),
      equation.outputs.map(arrayOf),
      scratchArray,
      bound,
    );
    const pieces = long ? piecesOf(equation, site, piece) : undefined;
    since = pieces ? 0 : since + nanosecondsOf(equation);
    const pause = since >= piece;
    if (pause) since = 0;
    return { kernel: kernelOf(equation, site), pieces, pause };
  });
  const outputs = frame.fn.outputs.map((output, i) => {
    const stage = frame.staged.get(i);
    if (!stage) return arrayOf(output);
    const staged = viewOf(arena, stage, output);
    prepared.push({ kernel: prepareCopy(arrayOf(output).data, staged.data), pieces: undefined, pause: false });
    return staged;
  });
  const inputs = frame.fn.inputs.map((input) => frame.blocks.has(input) ? arrayOf(input) : undefined);
  const kernels = prepared.map(({ kernel }) => kernel);
  return { inputs, outputs, kernels, pieces: long ? inTurn(prepared) : undefined };
}

/** One kernel that runs several in order. */
export function sequence(kernels: readonly Kernel[]): Kernel {
  return () => {
    for (let i = 0; i < kernels.length; i++) kernels[i]!();
  };
}
