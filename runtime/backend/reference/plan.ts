// Where does each value of a function live while it runs? Walks the equations once and gives every value a block of one
// arena: blocks are reused as soon as nothing reads them any more, and reshapes share their input's block.
import {
  type ArrayType,
  type DType,
  type Equation,
  type EquationOf,
  formatType,
  type IrFunction,
  type Origin,
  type PrimitiveName,
  sizeOf,
  type Variable,
} from "../../ir/types.ts";
import { InternalError } from "../../errors.ts";
import { blockBytes, RegionPlanner } from "./arena.ts";
import { scratchRules } from "./kernels.ts";
import { binaryKernels } from "./kernels_binary.ts";
import type { ScratchRule } from "./kernel.ts";
import { unaryKernels } from "./kernels_unary.ts";

/** A stretch of the arena whose place is known when planning is complete. */
export interface Region {
  /** First byte in the arena; set while binding (bind.ts), after the region around it. */
  base: number;
}

/** A byte range of a region. */
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

/** Bytes of one entry. */
export const bytesPerEntry: { readonly [D in DType]: number } = { f32: 4, f64: 8, i32: 4, bool: 1 };

/** Bytes of an array. */
export function bytesOf(type: ArrayType): number {
  return sizeOf(type.shape) * bytesPerEntry[type.dtype];
}

/** Primitives whose entry i depends only on the inputs' entries i, so that an output may take an input's block. */
const elementwise: ReadonlySet<string> = new Set([...Object.keys(unaryKernels), ...Object.keys(binaryKernels)]);

/** True when the equation only gives its input a new type: the bytes are shared. */
function isRenaming(equation: Equation): boolean {
  if (equation.op === "reshape" || equation.op === "stop_gradient") return true;
  return equation.op === "convert" && equation.inputs[0]!.dtype === equation.params.dtype;
}

/** Gives every value of a function its place. Throws InternalError for an ill-formed function. */
export function planMemory(fn: IrFunction): Plan {
  const shared: SharedState = { pinnedRegion: { base: 0 }, pinned: [], uniform: new Map(), largest: undefined };
  const root = planFrame(fn, shared, new Map(), undefined);
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

/** What a frame's analysis finds before places are given. */
interface Liveness {
  readonly needed: readonly Equation[];
  /** The variable whose bytes a variable shares, itself for most. */
  readonly root: (variable: Variable) => Variable;
  /** Index in `needed` of the last equation that reads a root; Infinity for outputs; -1 for what nothing reads. */
  readonly lastUse: (root: Variable) => number;
}

function analyseLiveness(fn: IrFunction): Liveness {
  const used = new Set<Variable>(fn.outputs);
  const needed: Equation[] = [];
  for (let i = fn.equations.length - 1; i >= 0; i--) {
    const equation = fn.equations[i]!;
    if (!equation.outputs.some((output) => used.has(output))) continue;
    for (const input of equation.inputs) used.add(input);
    needed.push(equation);
  }
  needed.reverse();
  const roots = new Map<Variable, Variable>();
  const root = (variable: Variable) => roots.get(variable) ?? variable;
  const lastUses = new Map<Variable, number>();
  needed.forEach((equation, i) => {
    if (isRenaming(equation)) roots.set(equation.outputs[0]!, root(equation.inputs[0]!));
    else for (const input of equation.inputs) lastUses.set(root(input), i);
  });
  for (const output of fn.outputs) lastUses.set(root(output), Infinity);
  return { needed, root, lastUse: (variable) => lastUses.get(variable) ?? -1 };
}

/** The carried inputs of a scan's body, in order. */
type Carried = readonly Variable[];

function planFrame(
  fn: IrFunction,
  shared: SharedState,
  given: ReadonlyMap<Variable, Block>,
  carried: Carried | undefined,
): FramePlan {
  const region: Region = { base: 0 };
  const planner = new RegionPlanner();
  const blocks = new Map<Variable, Block>(given);
  const live = analyseLiveness(fn);
  const take = (bytes: number): Block => {
    const whole = blockBytes(bytes);
    return { region, offset: planner.take(whole), bytes: whole };
  };
  const release = (block: Block) => {
    if (block.region === region) planner.give(block.offset, block.bytes);
  };
  const blockOf = (variable: Variable): Block => {
    const block = blocks.get(variable);
    if (!block) throw new InternalError(`Variable ${variable.id} is not defined in ${fn.name}`);
    return block;
  };
  for (const input of fn.inputs) {
    if (!given.has(input) && live.lastUse(input) >= 0) {
      noteLargest(shared, input, undefined);
      blocks.set(input, take(bytesOf(input)));
    }
  }
  const preferred = carryInPlace(fn, live, blocks, carried);
  const steps: PlannedStep[] = [];
  live.needed.forEach((equation, index) => {
    if (isRenaming(equation)) {
      blocks.set(equation.outputs[0]!, blockOf(equation.inputs[0]!));
      return;
    }
    if (equation.op === "constant" || equation.op === "iota") {
      blocks.set(equation.outputs[0]!, pin(shared, equation));
      return;
    }
    const inputs = equation.inputs.map(blockOf);
    const dying = new Set<Block>();
    equation.inputs.forEach((input, i) => {
      if (live.lastUse(live.root(input)) === index && inputs[i]!.region === region) dying.add(inputs[i]!);
    });
    for (const [i, output] of equation.outputs.entries()) {
      const reused = preferred.get(output) ?? reusableInput(equation, i, dying);
      if (reused) dying.delete(reused);
      else noteLargest(shared, output, equation.origin);
      blocks.set(output, reused ?? take(bytesOf(output)));
    }
    const scratchEntries = scratchFor(equation);
    const scratch = scratchEntries > 0 ? take(scratchEntries * 8) : undefined;
    let body: FramePlan | undefined;
    let bodyBlock: Block | undefined;
    if (equation.op === "scan" || equation.op === "map") {
      body = planBody(equation, shared, blockOf);
      bodyBlock = take(body.bytes);
    }
    steps.push({ equation, scratch, scratchEntries, body, bodyOffset: bodyBlock?.offset ?? 0 });
    if (scratch) release(scratch);
    if (bodyBlock) release(bodyBlock);
    for (const block of dying) release(block);
    for (const output of equation.outputs) if (live.lastUse(output) < 0) release(blockOf(output));

    /** An input's block that output `i` may take: one that dies here and is read entry by entry, or once as the
     *  initial value of the same carry. */
    function reusableInput(equation: Equation, i: number, dying: ReadonlySet<Block>): Block | undefined {
      const output = equation.outputs[i]!;
      if (elementwise.has(equation.op)) {
        const at = equation.inputs.findIndex((input, k) =>
          bytesPerEntry[input.dtype] === bytesPerEntry[output.dtype] && dying.has(inputs[k]!)
        );
        return at < 0 ? undefined : inputs[at];
      }
      if (equation.op !== "scan" || i >= equation.params.carry) return undefined;
      const initial = inputs[equation.params.constants + i]!;
      return dying.has(initial) && inputs.filter((block) => block === initial).length === 1 ? initial : undefined;
    }
  });
  const staged = new Map<number, Block>();
  carried?.forEach((_, k) => {
    const output = fn.outputs[k]!;
    const from = carried.indexOf(live.root(output));
    if (from >= 0 && from !== k) staged.set(k, take(bytesOf(output)));
  });
  for (const output of fn.outputs) blockOf(output);
  return { fn, region, bytes: planner.bytes, blocks, steps, staged };
}

/** Values that can be written straight over the carry they become: made after, or elementwise by, the last equation that
 *  reads it. */
function carryInPlace(
  fn: IrFunction,
  live: Liveness,
  blocks: ReadonlyMap<Variable, Block>,
  carried: Carried | undefined,
): Map<Variable, Block> {
  const preferred = new Map<Variable, Block>();
  if (!carried) return preferred;
  const producers = new Map<Variable, number>();
  live.needed.forEach((equation, index) => {
    if (isRenaming(equation) || equation.op === "constant" || equation.op === "iota") return;
    for (const output of equation.outputs) producers.set(output, index);
  });
  carried.forEach((carry, k) => {
    const next = live.root(fn.outputs[k]!);
    const made = producers.get(next);
    if (made === undefined || preferred.has(next)) return;
    const lastRead = live.lastUse(carry);
    if (lastRead < made || (lastRead === made && elementwise.has(live.needed[made]!.op))) {
      preferred.set(next, blocks.get(carry)!);
    }
  });
  return preferred;
}

/** The body's constants and carry are the enclosing frame's blocks; its slices and everything else its own. */
function planBody(
  equation: EquationOf<"scan"> | EquationOf<"map">,
  shared: SharedState,
  blockOf: (variable: Variable) => Block,
): FramePlan {
  const { body, constants } = equation.params;
  const given = new Map<Variable, Block>();
  for (let i = 0; i < constants; i++) given.set(body.inputs[i]!, blockOf(equation.inputs[i]!));
  if (equation.op === "map") return planFrame(body, shared, given, undefined);
  const carried = body.inputs.slice(constants, constants + equation.params.carry);
  carried.forEach((input, i) => given.set(input, blockOf(equation.outputs[i]!)));
  return planFrame(body, shared, given, carried);
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

/** A number of bytes as a person reads it, in decimal units. */
export function formatBytes(bytes: number): string {
  const units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
  let unit = 0;
  let value = bytes;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** The plan as text: one line for each value that is computed, with its bytes in the arena, bodies indented. */
export function formatPlan(plan: Plan): string {
  const lines = [`${plan.root.fn.name}: ${plan.bytes} bytes, ${plan.pinnedBytes} of them constants`];
  const write = (frame: FramePlan, indent: string) => {
    for (const { equation, body } of frame.steps) {
      const outputs = equation.outputs.map((output) => {
        const block = frame.blocks.get(output)!;
        return `${formatType(output)}@${block.region === frame.region ? "" : "^"}${block.offset}`;
      });
      lines.push(`${indent}${outputs.join(", ")} = ${equation.op}`);
      if (body) write(body, indent + "  ");
    }
  };
  write(plan.root, "  ");
  return lines.join("\n") + "\n";
}
