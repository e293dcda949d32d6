// Is a gradient right? Its entries, or its products with random directions, against differences of the value that it is the
// gradient of.
import type { Backend } from "../backend/interface.ts";
import { InternalError } from "../errors.ts";
import { eliminateDeadCode } from "../ir/dead_code.ts";
import { type EquationOf, type HostArray, sizeOf } from "../ir/types.ts";
import { openExecutables } from "../loop/executables.ts";
import { type InputSlot, leafOf, type ProgramFunction } from "../program/program.ts";
import type { ImplicitReport } from "../loop/results.ts";
import { derivative } from "./differences.ts";

/** A scalar and what it is differentiated for. */
export interface DifferentiatedScalar {
  readonly name: string;
  /** Output 0 is the value. */
  readonly value: ProgramFunction;
  /** The value, then the gradient of each of `leaves`. */
  readonly gradient: ProgramFunction;
  readonly leaves: readonly string[];
}

/** The value and the gradients of a function in which one request asks for both. Undefined when there is none: sampled. */
export function scalarOf({ fn, inputs }: ProgramFunction, name: string): DifferentiatedScalar | undefined {
  const request = fn.equations.findLast((e): e is EquationOf<"gradient"> => e.op === "gradient");
  if (!request) return undefined;
  const { body, wrt } = request.params;
  const slots: InputSlot[] = [...inputs];
  const leaves = wrt.map((position) => {
    const input = fn.inputs.indexOf(request.inputs[position]!);
    const name = leafOf(inputs[input]);
    if (name === undefined) throw new InternalError("A gradient is asked for that is not a leaf's");
    // where a loop stands before the first meta-step, the parameter is at its start
    slots[input] = { kind: "leaf", name };
    return name;
  });
  const gradients = request.outputs.slice(body.outputs.length);
  const part = (outputs: typeof gradients) => ({ fn: eliminateDeadCode({ ...fn, outputs }), inputs: slots });
  const value = request.outputs[0]!;
  return { name, value: part([value]), gradient: part([value, ...gradients]), leaves };
}

/** What a function is called with. */
export interface Point {
  readonly seed: HostArray;
  readonly leaves: ReadonlyMap<string, HostArray>;
  readonly states: ReadonlyMap<string, HostArray>;
  readonly data: ReadonlyMap<string, HostArray>;
}

/** One number that was compared. */
export interface Comparison {
  /** `fit.lr`, `w@0 [3]`, `net along direction 1`. */
  readonly what: string;
  readonly computed: number;
  readonly difference: number;
  /** How sure the difference is. */
  readonly error: number;
  /** The slopes on both sides, the lower first, where they differ and what was computed is between them: a kink, at which any
   *  slope between is one. */
  readonly kink?: readonly [number, number];
  /** The value jumps at the point, as `floor` does at whole numbers: then those are the slopes on both sides of the jump. */
  readonly jumps?: boolean;
}

/** A gradient beside its differences. */
export interface CheckedGradient {
  readonly value: number;
  readonly gradients: readonly HostArray[];
  readonly comparisons: readonly Comparison[];
  readonly implicit: readonly ImplicitReport[];
}

/** Leaves of at most so many entries are checked entry by entry. */
const mostEntries = 6;
const directions = 3;
/** Evaluations for each difference are twice this. */
const rows = 10;

/** The value and its gradients at a point. */
export function gradientAt(
  backend: Backend,
  scalar: DifferentiatedScalar,
  point: Point,
): Omit<CheckedGradient, "comparisons"> {
  const executables = openExecutables(backend);
  const { outputs, implicit } = executables.call(scalar.gradient, { ...point, step: 0, tasks: noTasks });
  executables.dispose();
  return { value: outputs[0]!.data[0]!, gradients: outputs.slice(1), implicit };
}

/** Compares a gradient with differences: of each entry for small leaves, along random directions for large ones, and along one
 *  through all of them. */
export function checkGradient(backend: Backend, scalar: DifferentiatedScalar, point: Point): CheckedGradient {
  const at = gradientAt(backend, scalar, point);
  const executables = openExecutables(backend);
  const valueAt = (leaves: ReadonlyMap<string, HostArray>) =>
    executables.call(scalar.value, { ...point, leaves, step: 0, tasks: noTasks }).outputs[0]!.data[0]!;
  const comparisons: Comparison[] = [];
  const compare = (what: string, moves: ReadonlyMap<string, Float64Array>) => {
    let computed = 0;
    let size = 0;
    for (const [name, move] of moves) {
      const gradient = at.gradients[scalar.leaves.indexOf(name)]!.data;
      const here = point.leaves.get(name)!.data;
      move.forEach((d, i) => {
        computed += d * gradient[i]!;
        if (d !== 0) size += here[i]! ** 2;
      });
    }
    // moves have norm 1: at first by a hundredth of what is moved
    const h = 0.01 * Math.max(Math.sqrt(size), 0.1);
    let found: Comparison = { what, computed, difference: NaN, error: Infinity };
    // a step that crosses kinks, as of relu, says little: then a smaller one
    for (const scale of [1, 1e-2, 1e-4, 1e-6]) {
      const { value, error } = derivative((s) => valueAt(moved(point.leaves, moves, s)), 0, h * scale, rows);
      const next = { what, computed, difference: value, error };
      const verdict = judge(next);
      const undecided = verdict === "uncertain" && judge(found) === "uncertain";
      if (scale === 1 || !undecided || error < found.error) found = next;
      if (verdict === "ok" || verdict === "zero") break;
    }
    const verdict = judge(found);
    const along = (s: number) => valueAt(moved(point.leaves, moves, s));
    const kink = ["missing", "sign", "wrong"].includes(verdict) && kinkAt(along, h, computed);
    const jump = (kink || verdict === "ok" || verdict === "zero") ? undefined : jumpAt(along, h, computed);
    comparisons.push(kink ? { ...found, kink } : jump ? { ...found, kink: jump, jumps: true } : found);
  };
  const random = weyl();
  const everything = new Map<string, Float64Array>();
  for (const name of scalar.leaves) {
    const n = sizeOf(point.leaves.get(name)!.shape);
    everything.set(name, Float64Array.from({ length: n }, random));
    if (n <= mostEntries) {
      for (let i = 0; i < n; i++) {
        const move = new Float64Array(n);
        move[i] = 1;
        compare(n === 1 ? name : `${name} [${i}]`, new Map([[name, move]]));
      }
    } else {
      for (let k = 1; k <= directions; k++) {
        compare(`${name} along direction ${k}`, new Map([[name, unit(Float64Array.from({ length: n }, random))]]));
      }
    }
  }
  if (scalar.leaves.length > 1) {
    const norm = Math.sqrt([...everything.values()].reduce((s, x) => s + x.reduce((p, d) => p + d * d, 0), 0));
    for (const move of everything.values()) move.forEach((d, i) => move[i] = d / norm);
    compare("all along one direction", everything);
  }
  executables.dispose();
  return { ...at, comparisons };
}

/** The slopes on both sides of 0, when they differ and another slope is between them. */
function kinkAt(f: (s: number) => number, h: number, computed: number): readonly [number, number] | undefined {
  const here = f(0);
  const step = 1e-4 * h;
  // the error of a one-sided difference falls with its step: twice the half step less the whole
  const slope = (s: number) => 2 * (f(s / 2) - here) / (s / 2) - (f(s) - here) / s;
  const [low, high] = [slope(-step), slope(step)].toSorted((a, b) => a - b) as [number, number];
  const size = Math.max(Math.abs(low), Math.abs(high));
  const near = kinkTolerance * size;
  return high - low > 10 * near && computed >= low - near && computed <= high + near ? [low, high] : undefined;
}

/** The slopes on both sides of 0, when the value jumps there and what was computed is one of them or between. */
function jumpAt(f: (s: number) => number, h: number, computed: number): readonly [number, number] | undefined {
  const here = f(0);
  const step = 1e-4 * h;
  const sides = [-step, step].map((s) => {
    // without the value at 0
    const slope = (f(2 * s) - f(s)) / s;
    return { slope, jump: Math.abs(f(s) - s * slope - here) };
  });
  const [low, high] = sides.map((x) => x.slope).toSorted((a, b) => a - b) as [number, number];
  const size = Math.max(Math.abs(low), Math.abs(high));
  // what is no jump changes by about as much as the slopes make of a step
  const jumps = sides.some(({ jump }) => jump > 100 * step * size && jump > 1e-9 * (1 + Math.abs(here)));
  const near = kinkTolerance * (size + Math.abs(computed));
  return jumps && computed >= low - near && computed <= high + near ? [low, high] : undefined;
}

/** Part of a one-sided slope that is not trusted. */
const kinkTolerance = 1e-3;

/** A program that is verified has no tasks from outside. */
export const noTasks: { readonly value: () => never } = {
  value: (): never => {
    throw new InternalError("Tasks made by the host cannot be verified");
  },
};

function moved(
  leaves: ReadonlyMap<string, HostArray>,
  moves: ReadonlyMap<string, Float64Array>,
  s: number,
): ReadonlyMap<string, HostArray> {
  const result = new Map(leaves);
  for (const [name, move] of moves) {
    const before = leaves.get(name)!;
    const data = Float64Array.from(before.data, (x, i) => x + s * move[i]!);
    result.set(name, { ...before, data });
  }
  return result;
}

function unit(x: Float64Array): Float64Array {
  const norm = Math.sqrt(x.reduce((s, d) => s + d * d, 0));
  return x.map((d) => d / norm);
}

/** Numbers in -1 .. 1 that fill the interval evenly and are the same in every run. */
function weyl(): () => number {
  let k = 0;
  return () => {
    const x = ++k * 0.6180339887498949;
    return 2 * (x - Math.floor(x)) - 1;
  };
}

/** What a comparison says. `known`: how many digits of the difference can be trusted is too few to say more. */
export type Verdict = "ok" | "zero" | "missing" | "sign" | "wrong" | "uncertain";

/** Part of the larger of two numbers by which they may differ. */
const tolerance = 1e-6;

/** A difference that is less sure than this part of itself decides nothing. */
const looseness = 1e-4;

/** Judges a comparison. `within` replaces the tolerance for gradients that are near only. */
export function judge({ computed, difference, error }: Comparison, within = tolerance): Verdict {
  const off = Math.abs(computed - difference);
  const size = Math.max(Math.abs(computed), Math.abs(difference));
  const sure = 10 * error;
  if (!Number.isFinite(off)) return "wrong";
  if (size <= Math.max(sure, 1e-14)) return computed === 0 ? "zero" : "uncertain";
  if (off <= within * size) return "ok";
  if (off <= sure) return sure > looseness * size ? "uncertain" : "ok";
  if (computed === 0) return "missing";
  if (Math.abs(computed + difference) <= 0.1 * size) return "sign";
  return "wrong";
}
