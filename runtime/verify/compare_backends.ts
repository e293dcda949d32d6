// Does a backend compute what `reference` does? Every output of a function, with as much apart as roundings of what it reads make.
import { expandGradients } from "../autodiff/expand_gradients.ts";
import type { Backend } from "../backend/interface.ts";
import { referenceBackend } from "../backend/reference/index.ts";
import { bodyOf, copyOf, type Equation, type HostArray, type IrFunction, isFloat } from "../ir/types.ts";
import { openExecutables } from "../loop/executables.ts";
import type { ProgramFunction } from "../program/program.ts";
import { noTasks, type Point } from "./check_gradient.ts";

/** A function of a program, and what its outputs are called. */
export interface NamedFunction {
  readonly name: string;
  readonly fn: ProgramFunction;
  readonly outputs: readonly string[];
}

/** The output, and in it the entry, in which a backend is furthest from `reference`. */
export interface BackendComparison {
  readonly output: string;
  readonly computed: number;
  readonly reference: number;
  /** How far apart they may be. */
  readonly within: number;
  readonly same: boolean;
  /** False where the number is finite on neither: that says little. */
  readonly finite: boolean;
}

/** Times that everything a function reads is rounded otherwise. */
export const roundedTimes = 3;

/** A rounding of each dtype: the distance from 1 to the next number. */
const rounding = { f32: 2 ** -23, f64: 2 ** -52 };

/** Runs a function on both. Each output may differ by 16 sqrt(n) times what a rounding of all that the function reads, its own
 *  constants too, changes on `reference`, or times a rounding of its largest entry: n operations in a row each round once, and
 *  roundings add up as a random walk does. */
export function compareBackends(
  backend: Backend,
  { fn, outputs }: NamedFunction,
  point: Point,
  budget?: number,
): BackendComparison {
  const here = runOn(backend, fn, point, budget);
  const there = runOn(referenceBackend, fn, point);
  const others = Array.from({ length: roundedTimes }, (_, k) => {
    const signs = signsFrom(k + 1);
    const rounded = (values: ReadonlyMap<string, HostArray>) =>
      new Map([...values].map(([name, x]) => [name, roundedOtherwise(x, signs)]));
    const near = { ...point, leaves: rounded(point.leaves), states: rounded(point.states), data: rounded(point.data) };
    return runOn(referenceBackend, { ...fn, fn: withRoundedConstants(fn.fn, signs) }, near);
  });
  const unit = 16 * Math.sqrt(operationsInARow(expandGradients(fn.fn)));
  let worst: (BackendComparison & { readonly part: number }) | undefined;
  there.forEach((expected, i) => {
    const spread = Math.max(...others.map((o) => apart(o[i]!, expected)));
    const size = largest(expected);
    const within = isFloat(expected.dtype)
      ? unit * Math.max(spread, rounding[expected.dtype as "f32" | "f64"] * size)
      : spread;
    const found = furthest(here[i]!, expected);
    const off = distance(found.computed, found.reference);
    const finite = Number.isFinite(found.computed) || Number.isFinite(found.reference);
    // what is finite on neither comes after all that differs and before all that does not
    const part = !finite ? 1 : off === 0 ? 0 : within > 0 ? off / within : Infinity;
    if (worst && part <= worst.part) return;
    worst = { output: outputs[i] ?? `output ${i}`, ...found, within, same: part <= 1, finite, part };
  });
  return worst ?? { output: "nothing", computed: 0, reference: 0, within: 0, same: true, finite: true };
}

function operationsInARow(fn: IrFunction): number {
  return fn.equations.reduce((sum, equation) => {
    const body = bodyOf(equation);
    return sum + (body ? (equation.op === "scan" ? equation.params.length : 1) * operationsInARow(body) : 1);
  }, 1);
}

function runOn(backend: Backend, fn: ProgramFunction, point: Point, budget?: number): readonly HostArray[] {
  const executables = openExecutables(backend, budget);
  try {
    const { outputs } = executables.call(fn, { ...point, step: 0, tasks: noTasks });
    return outputs.map(copyOf);
  } finally {
    executables.dispose();
  }
}

/** The same code with every float constant rounded otherwise. */
function withRoundedConstants(fn: IrFunction, signs: () => number): IrFunction {
  const equations = fn.equations.map((equation): Equation => {
    if (equation.op === "constant") {
      const { type, data } = equation.params;
      return { ...equation, params: { type, data: roundedOtherwise({ ...type, data }, signs).data } };
    }
    const body = bodyOf(equation);
    return body
      ? { ...equation, params: { ...equation.params, body: withRoundedConstants(body, signs) } } as Equation
      : equation;
  });
  return { ...fn, equations };
}

function roundedOtherwise(array: HostArray, signs: () => number): HostArray {
  if (!isFloat(array.dtype)) return array;
  const unit = rounding[array.dtype as "f32" | "f64"];
  const data = array.data.slice();
  for (let i = 0; i < data.length; i++) data[i] = data[i]! * (1 + signs() * unit);
  return { ...array, data };
}

/** Signs that are the same in every run. */
function signsFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 31 ? 1 : -1;
  };
}

/** How far two numbers are apart: not at all where both are the same, NaN and infinities too. */
function distance(a: number, b: number): number {
  if (Object.is(a, b) || a === b) return 0;
  const d = Math.abs(a - b);
  return Number.isNaN(d) ? Infinity : d;
}

function apart(a: HostArray, b: HostArray): number {
  let most = 0;
  for (let i = 0; i < a.data.length; i++) most = Math.max(most, distance(a.data[i]!, b.data[i]!));
  return most;
}

function largest({ data }: HostArray): number {
  let most = 0;
  for (let i = 0; i < data.length; i++) if (Number.isFinite(data[i]!)) most = Math.max(most, Math.abs(data[i]!));
  return most;
}

/** The entry in which two arrays are furthest apart; of those that are not, one that is not finite if there is one. */
function furthest(a: HostArray, b: HostArray): { readonly computed: number; readonly reference: number } {
  let at = 0;
  let most = -1;
  for (let i = 0; i < a.data.length; i++) {
    const d = distance(a.data[i]!, b.data[i]!) || (Number.isFinite(b.data[i]!) ? 0 : Number.MIN_VALUE);
    if (d > most) [most, at] = [d, i];
  }
  return { computed: a.data[at] ?? 0, reference: b.data[at] ?? 0 };
}
