// Where does each value of a function live while it runs? Walks the equations once and gives every value a block of one
// arena: blocks are reused as soon as nothing reads them any more, and reshapes share their input's block.
import {
  type ArrayType,
  entryBytes,
  type Equation,
  type EquationOf,
  type IrFunction,
  type Origin,
  type PrimitiveName,
  sizeOf,
  type Variable,
} from "../../ir/types.ts";
import { blockBytes, RegionPlanner } from "../kernels/arena.ts";
import { scratchRules } from "./kernels.ts";
import { binaryKernels } from "./kernels_binary.ts";
import type { ScratchRule } from "./kernel.ts";
import { analyseLiveness, isRenaming, type Liveness } from "./liveness.ts";
import { unaryKernels } from "./kernels_unary.ts";
import { valueIn } from "../../ir/structured.ts";

/** A stretch of the arena whose place is known when planning is complete. */
export interface Region {
  /** First byte in the arena; set while binding (bind.ts), after the region around it. */
  base: number;
}

/** A byte range of a region; several values have one where they share it. */
export interface Block {
  readonly region: Region;
  offset: number;
  bytes: number;
}

/** One equation to be run, with what it needs besides its inputs and outputs. */
export interface PlannedStep {
  readonly equation: Equation;
  readonly scratch: Block | undefined;
  readonly scratchEntries: number;
  readonly body: FramePlan | undefined;
  /** Where the body's region starts in this frame's. */
  readonly bodyOffset: number;
}

/** A function with a place for each of its values. */
export interface FramePlan {
  readonly fn: IrFunction;
  readonly region: Region;
  /** Bytes of the region. */
  readonly bytes: number;
  /** A variable that nothing reads may have no block. */
  readonly blocks: ReadonlyMap<Variable, Block>;
  readonly steps: readonly PlannedStep[];
  /** By position in `fn.outputs`: a block to copy that output to when all equations have run, because the carry that
   *  holds it is about to be overwritten. */
  readonly staged: ReadonlyMap<number, Block>;
}

/** A value computed once, before the first run. */
export interface PinnedValue {
  readonly block: Block;
  readonly equation: EquationOf<"constant"> | EquationOf<"iota">;
}

/** The plan of a whole function with the bodies inside it: arena = pinned values, then the root's region. */
export interface Plan {
  readonly root: FramePlan;
  readonly pinned: readonly PinnedValue[];
  readonly pinnedBytes: number;
  /** Bytes of the arena. */
  readonly bytes: number;
  /** The largest single array, for error messages. */
  readonly largest:
    | { readonly type: ArrayType; readonly bytes: number; readonly origin: Origin | undefined }
    | undefined;
}

/** Bytes of an array. */
export function bytesOf(type: ArrayType): number {
  return sizeOf(type.shape) * entryBytes[type.dtype];
}

/** Primitives whose entry i depends only on the inputs' entries i, so that an output may take an input's block. */
const elementwise: ReadonlySet<string> = new Set([...Object.keys(unaryKernels), ...Object.keys(binaryKernels)]);

/** Gives every value of a function its place. Throws InternalError for an ill-formed function. */
export function planMemory(fn: IrFunction): Plan {
  const shared: SharedState = { pinnedRegion: { base: 0 }, pinned: [], uniform: new Map(), largest: undefined };
  const root = planFrame(fn, shared, new Map(), []);
  let pinnedBytes = 0;
  for (const { block } of shared.pinned) {
    block.offset = pinnedBytes;
    pinnedBytes += blockBytes(block.bytes);
  }
  return { root, pinned: shared.pinned, pinnedBytes, bytes: pinnedBytes + root.bytes, largest: shared.largest };
}

interface SharedState {
  readonly pinnedRegion: Region;
  readonly pinned: PinnedValue[];
  /** Constants with one value share a block as long as the longest of them. */
  readonly uniform: Map<string, Block>;
  largest: Plan["largest"];
}

/** A frame while it is planned. */
interface Frame {
  readonly fn: IrFunction;
  readonly shared: SharedState;
  readonly region: Region;
  readonly planner: RegionPlanner;
  readonly blocks: Map<Variable, Block>;
  readonly live: Liveness;
  /** Of a scan's body: the carried inputs, in order. */
  readonly carried: readonly Variable[];
  /** Blocks of the enclosing frame that values of this one are written to. */
  readonly preferred: Map<Variable, Block>;
}

function take({ region, planner }: Frame, bytes: number): Block {
  const whole = blockBytes(bytes);
  return { region, offset: planner.take(whole), bytes: whole };
}

function release({ region, planner }: Frame, block: Block): void {
  if (block.region === region) planner.give(block.offset, block.bytes);
}

const blockOf = ({ blocks, fn }: Frame, variable: Variable): Block => valueIn(blocks, variable, fn);

/** `given`: the inputs that live in the enclosing frame. */
function planFrame(
  fn: IrFunction,
  shared: SharedState,
  given: ReadonlyMap<Variable, Block>,
  carried: readonly Variable[],
): FramePlan {
  const frame: Frame = {
    fn,
    shared,
    region: { base: 0 },
    planner: new RegionPlanner(),
    blocks: new Map(given),
    live: analyseLiveness(fn),
    carried,
    preferred: new Map(),
  };
  for (const input of fn.inputs) {
    if (given.has(input) || frame.live.lastUse(input) < 0) continue;
    noteLargest(shared, input, undefined);
    frame.blocks.set(input, take(frame, bytesOf(input)));
  }
  preferCarries(frame);
  const steps: PlannedStep[] = [];
  frame.live.needed.forEach((equation, index) => {
    if (isRenaming(equation)) frame.blocks.set(equation.outputs[0]!, blockOf(frame, equation.inputs[0]!));
    else if (isPinned(equation)) frame.blocks.set(equation.outputs[0]!, pin(shared, equation));
    else steps.push(planStep(frame, equation, index));
  });
  const staged = stageCarries(frame);
  for (const output of fn.outputs) blockOf(frame, output);
  return { fn, region: frame.region, bytes: frame.planner.bytes, blocks: frame.blocks, steps, staged };
}

/** Gives the outputs, the scratch and the body of one equation their places, and takes back what it read last. */
function planStep(frame: Frame, equation: Equation, index: number): PlannedStep {
  const { live, region, shared } = frame;
  const inputs = equation.inputs.map((input) => blockOf(frame, input));
  const dying = new Set<Block>();
  equation.inputs.forEach((input, i) => {
    if (live.lastUse(live.root(input)) === index && inputs[i]!.region === region) dying.add(inputs[i]!);
  });
  equation.outputs.forEach((output, i) => {
    const reused = frame.preferred.get(output) ?? reusableInput(equation, i, inputs, dying);
    if (reused) dying.delete(reused);
    else noteLargest(shared, output, equation.origin);
    frame.blocks.set(output, reused ?? take(frame, bytesOf(output)));
  });
  const scratchEntries = scratchFor(equation);
  const scratch = scratchEntries > 0 ? take(frame, scratchEntries * 8) : undefined;
  const body = equation.op === "scan" || equation.op === "map" ? planBody(frame, equation) : undefined;
  const bodyBlock = body && take(frame, body.bytes);
  // scratch and body are free again once the equation has run, and so are the inputs that nothing reads any more
  if (scratch) release(frame, scratch);
  if (bodyBlock) release(frame, bodyBlock);
  for (const block of dying) release(frame, block);
  for (const output of equation.outputs) if (live.lastUse(output) < 0) release(frame, blockOf(frame, output));
  return { equation, scratch, scratchEntries, body, bodyOffset: bodyBlock?.offset ?? 0 };
}

/** An input's block that output `i` may take: one that dies here and is read entry by entry, or that is read only as the
 *  initial value of the same carry. */
function reusableInput(
  equation: Equation,
  i: number,
  inputs: readonly Block[],
  dying: ReadonlySet<Block>,
): Block | undefined {
  const entry = entryBytes[equation.outputs[i]!.dtype];
  if (elementwise.has(equation.op)) {
    return inputs.find((block, k) => entryBytes[equation.inputs[k]!.dtype] === entry && dying.has(block));
  }
  if (equation.op !== "scan" || i >= equation.params.carry) return undefined;
  const initial = inputs[equation.params.constants + i]!;
  return dying.has(initial) && inputs.filter((block) => block === initial).length === 1 ? initial : undefined;
}

/** Outputs that become carry k but lie where carry j is kept: copied aside, since carry j is overwritten first. */
function stageCarries(frame: Frame): Map<number, Block> {
  const staged = new Map<number, Block>();
  frame.carried.forEach((_, k) => {
    const output = frame.fn.outputs[k]!;
    const from = frame.carried.indexOf(frame.live.root(output));
    if (from >= 0 && from !== k) staged.set(k, take(frame, bytesOf(output)));
  });
  return staged;
}

/** Values that can be written straight over the carry they become: made after, or elementwise by, the last equation that
 *  reads it. */
function preferCarries({ fn, live, blocks, carried, preferred }: Frame): void {
  const made = new Map<Variable, number>();
  live.needed.forEach((equation, index) => {
    if (isRenaming(equation) || isPinned(equation)) return;
    for (const output of equation.outputs) made.set(output, index);
  });
  carried.forEach((carry, k) => {
    const next = live.root(fn.outputs[k]!);
    const index = made.get(next);
    if (index === undefined || preferred.has(next)) return;
    const lastRead = live.lastUse(carry);
    if (lastRead < index || (lastRead === index && elementwise.has(live.needed[index]!.op))) {
      preferred.set(next, blocks.get(carry)!);
    }
  });
}

/** The body's constants and carry are the enclosing frame's blocks; its slices and everything else its own. */
function planBody(frame: Frame, equation: EquationOf<"scan"> | EquationOf<"map">): FramePlan {
  const { body, constants } = equation.params;
  const given = new Map<Variable, Block>();
  for (let i = 0; i < constants; i++) given.set(body.inputs[i]!, blockOf(frame, equation.inputs[i]!));
  if (equation.op === "map") return planFrame(body, frame.shared, given, []);
  const carried = body.inputs.slice(constants, constants + equation.params.carry);
  carried.forEach((input, i) => given.set(input, blockOf(frame, equation.outputs[i]!)));
  return planFrame(body, frame.shared, given, carried);
}

/** Values that are the same in every run. */
function isPinned(equation: Equation): equation is EquationOf<"constant"> | EquationOf<"iota"> {
  return equation.op === "constant" || equation.op === "iota";
}

function scratchFor(equation: Equation): number {
  const rule = scratchRules[equation.op] as ScratchRule<PrimitiveName> | undefined;
  return rule ? rule(equation.inputs, equation.outputs, equation.params as never) : 0;
}

/** A block of its own for a value that is the same in every run. */
function pin(shared: SharedState, equation: EquationOf<"constant"> | EquationOf<"iota">): Block {
  const output = equation.outputs[0]!;
  const bytes = bytesOf(output);
  noteLargest(shared, output, equation.origin);
  let key: string | undefined;
  if (equation.op === "constant" && equation.params.data.length === 1) {
    const value = equation.params.data[0]!;
    key = `${output.dtype} ${Object.is(value, -0) ? "-0" : value}`;
    const block = shared.uniform.get(key);
    if (block) {
      block.bytes = Math.max(block.bytes, bytes);
      return block;
    }
  }
  const block: Block = { region: shared.pinnedRegion, offset: 0, bytes };
  shared.pinned.push({ block, equation });
  if (key !== undefined) shared.uniform.set(key, block);
  return block;
}

function noteLargest(shared: SharedState, type: ArrayType, origin: Origin | undefined): void {
  const bytes = bytesOf(type);
  if (bytes > (shared.largest?.bytes ?? 0)) shared.largest = { type, bytes, origin };
}
