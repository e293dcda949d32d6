// What does a function keep, and does it fit? The plans from the fastest to the leanest, each with its bytes and operations;
// the one with the fewest operations that fits the budget is taken. All give the same bits, but for those whose products go
// forward over reverse: these differ by rounding.
import { expandWithReports } from "../autodiff/expand_gradients.ts";
import type { FinishOptions } from "../autodiff/finish.ts";
import { finishGradients } from "../autodiff/finish.ts";
import type { LoweredSolves, SolveReport } from "../autodiff/lower_solves.ts";
import type { Backend } from "../backend/interface.ts";
import { formatBytes, formatBytesUp } from "../bytes.ts";
import { MetaRuntimeError } from "../errors.ts";
import { costOf } from "../ir/cost.ts";
import { entryBytes, type IrFunction, sizeOf } from "../ir/types.ts";

/** How much a function keeps, and what it takes.
 *
 *  @category Run */
export interface MemoryPlan {
  /** The function: `train.step`, `gradient (w@T)^2`. */
  readonly name: string;
  /** `keep all`, `keep the carry`, `checkpoints`, … */
  readonly plan: string;
  /** Bytes of the arena. */
  readonly bytes: number;
  /** Floating-point operations of one run. */
  readonly flops: number;
  /** Equations run in one run. */
  readonly calls: number;
  /** The same if everything were kept. */
  readonly keepAll: { readonly bytes: number; readonly flops: number };
}

/** A function that is ready to be compiled. */
export interface PlannedFunction {
  readonly fn: IrFunction;
  readonly reports: readonly SolveReport[];
  readonly memory: MemoryPlan;
}

interface Candidate {
  readonly label: string;
  readonly options: FinishOptions;
}

/** What a plan needs to know of a backend. */
type Planned = Pick<Backend, "arenaBytes" | "wideSums"> & Partial<Pick<Backend, "name" | "memoryLimitBytes">>;

const levelWords = ["", "checkpoints", "checkpoints in checkpoints"];
const levelWord = (levels: number) => levelWords[levels] ?? `checkpoints ${levels} deep`;
const mostLevels = 5;

/** The plans that differ in the depth of checkpoints only: each costs more and keeps less than the one before. */
function family(
  base: { readonly carry?: true; readonly chunk?: true; readonly forward?: true },
  { wideSums = false }: Planned,
): Candidate[] {
  return Array.from({ length: mostLevels + 1 }, (_, levels) => {
    const words = [
      ...(base.forward ? ["forward over reverse"] : []),
      ...(levels > 0 ? [levelWord(levels)] : []),
      ...(base.carry ? [levels > 0 ? "then the carry" : "keep the carry"] : []),
      ...(base.chunk ? ["task by task"] : []),
    ];
    const options: FinishOptions = {
      ...(levels > 0 ? { levels } : {}),
      ...(base.carry ? { residuals: "carry" } : {}),
      ...(base.chunk ? { chunk: 1, wideSums } : {}),
    };
    return { label: words.join(", ") || "keep all", options };
  });
}

/** What came of functions that live as long as these do. Expanding is the same for every backend and every budget. */
const expanded = new WeakMap<IrFunction, Map<"reverse" | "forward", LoweredSolves>>();

function expandOnce(fn: IrFunction, products: "reverse" | "forward"): LoweredSolves {
  const before = expanded.get(fn) ?? new Map<"reverse" | "forward", LoweredSolves>();
  expanded.set(fn, before);
  const made = before.get(products) ?? expandWithReports(fn, { products });
  before.set(products, made);
  return made;
}

/** Expands the gradients of a function and decides what it keeps; `apart`: inputs, by position, that lie once for all functions. Without
 *  a plan within `budget` bytes: throws MetaRuntimeError with the least that is needed. */
export function planFunction(
  fn: IrFunction,
  backend: Planned,
  budget: number,
  apart: ReadonlySet<number> = new Set(),
): PlannedFunction {
  const { name } = fn;
  const whole = expandOnce(fn, "reverse");
  const bytesOf = (made: IrFunction) => backend.arenaBytes(made, apart);
  const first = measured(whole, { label: "keep all", options: {} }, { bytesOf, name });
  if (first.memory.bytes <= budget) return first;
  const { memoryLimitBytes: most = Infinity } = backend;
  const read = bytesOf({ name, inputs: fn.inputs, equations: [], outputs: [] });
  if (read > most) throw tooMuchRead(fn, { read, most: `\`${backend.name}\` may take ${formatBytes(most)}`, apart });
  let best: PlannedFunction | undefined;
  let least = first;
  const crossed = expandOnce(fn, "forward");
  for (const chunk of [{}, { chunk: true }] as const) {
    for (
      const [from, plans] of [
        [whole, family(chunk, backend)],
        [whole, family({ ...chunk, carry: true }, backend)],
        [crossed, family({ ...chunk, forward: true }, backend)],
      ] as const
    ) {
      let before: MemoryPlan | undefined;
      for (const plan of plans) {
        const next = measured(from, plan, { bytesOf, name, keepAll: first.memory });
        const { bytes, flops } = next.memory;
        if (bytes < least.memory.bytes) least = next;
        const fits = bytes <= budget;
        if (fits && (!best || flops < best.memory.flops)) best = next;
        // deeper ones cost more, or have nothing left to cut
        if (fits || before && before.plan !== plans[0]!.label && before.bytes === bytes && before.flops === flops) {
          break;
        }
        before = next.memory;
      }
    }
  }
  if (best) return best;
  const { bytes, plan } = least.memory;
  const advice = formatBytesUp(bytes);
  throw new MetaRuntimeError(
    `\`${name}\` does not fit ${formatBytes(budget)} of memory: it needs ${formatBytes(first.memory.bytes)} when ` +
      `everything is kept, and ${formatBytes(bytes)} at the least (${plan}). ` +
      (bytes <= most
        ? `Give it that (\`memory ${advice}\` or \`--memory ${advice.replace(" ", "")}\`), or take `
        : `\`${backend.name}\` may take ${formatBytes(most)} at most: take `) +
      "smaller batches, fewer tasks or fewer steps",
  );
}

/** What a function reads alone is more than the backend may take: no plan, and no budget, makes that less. */
function tooMuchRead(
  { name, inputs }: IrFunction,
  { read, most, apart }: { readonly read: number; readonly most: string; readonly apart: ReadonlySet<number> },
): MetaRuntimeError {
  const sizes = inputs.flatMap((input, i) =>
    apart.has(i) ? [] : [{ name: input.name, bytes: sizeOf(input.shape) * entryBytes[input.dtype] }]
  );
  const largest = sizes.reduce((a, b) => b.bytes > a.bytes ? b : a, { name: undefined, bytes: 0 });
  const what = largest.name === undefined ? "" : `, of which \`${largest.name}\` is ${formatBytes(largest.bytes)}`;
  return new MetaRuntimeError(
    `\`${name}\` cannot be run: it reads ${formatBytes(read)}${what}, and ${most} at most. ` +
      "Keep it in fewer bytes (`u8` for whole numbers from 0 to 255), or read less of it",
  );
}

function measured(
  { fn, reports }: LoweredSolves,
  { label, options }: Candidate,
  { bytesOf, name, keepAll }: {
    readonly bytesOf: (fn: IrFunction) => number;
    readonly name: string;
    readonly keepAll?: MemoryPlan;
  },
): PlannedFunction {
  const finished = Object.keys(options).length === 0 ? fn : finishGradients(fn, options);
  const { flops, calls } = costOf(finished);
  const bytes = bytesOf(finished);
  const all = keepAll ? { bytes: keepAll.bytes, flops: keepAll.flops } : { bytes, flops };
  return { fn: finished, reports, memory: { name, plan: label, bytes, flops, calls, keepAll: all } };
}
