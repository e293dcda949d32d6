// What is differenced where a program says `stop_gradient`? The function with what stands behind it as it is at the base point, at every
// step and in every task: that function has the derivative that was asked for, and differences of it do not see through.
import { expandGradients } from "../autodiff/expand_gradients.ts";
import { Builder } from "../ir/builder.ts";
import { eliminateDeadCode } from "../ir/dead_code.ts";
import { sectionsOf } from "../ir/structured.ts";
import { bodyOf, type Equation, type EquationOf, type IrFunction, type Variable } from "../ir/types.ts";
import type { InputSlot } from "../program/program.ts";
import type { DifferentiatedScalar, Point } from "./check_gradient.ts";

/** Which equations hold their value. */
export type Held = (equation: Equation) => boolean;

/** The name under which a leaf's value at the base point is given. */
const heldName = (name: string) => `${name} where values are held`;

/** A scalar whose differences do not see what `held` equations hide: a second reckoning of all that moves, at the base point, goes
 *  beside the first, and gives held values their numbers. The same scalar where nothing is held. */
export function holding(
  scalar: DifferentiatedScalar,
  point: Point,
  held: Held,
): { readonly scalar: DifferentiatedScalar; readonly point: Point } {
  const { fn, inputs } = scalar.value;
  if (!holds(fn, held)) return { scalar, point };
  // as the derivative is taken: inner gradients are code by then, with the same values held
  const expanded = expandGradients(fn);
  const moves = inputs.map((slot) => slot.kind === "leaf" && scalar.leaves.includes(slot.name));
  const b = new Builder(`${fn.name}, held`);
  b.origin = undefined;
  const here = expanded.inputs.map((x) => b.input(x, x.name));
  const base = expanded.inputs.map((x, i) => moves[i] ? b.input(x, x.name) : here[i]!);
  const results = beside(b, expanded, pairs(here, base), held);
  const slots = inputs.flatMap((slot, i): InputSlot[] =>
    moves[i] && slot.kind === "leaf" ? [{ kind: "leaf", name: heldName(slot.name) }] : []
  );
  const value = eliminateDeadCode(b.finish(results.map(([x]) => x)));
  const kept = [...inputs, ...slots];
  const leaves = new Map(point.leaves);
  for (const name of scalar.leaves) leaves.set(heldName(name), point.leaves.get(name)!);
  return { scalar: { ...scalar, value: { fn: value, inputs: kept } }, point: { ...point, leaves } };
}

/** True where a function, or what it runs or differentiates, holds a value. */
export function holds(fn: IrFunction, held: Held): boolean {
  return fn.equations.some((equation) => {
    const body = bodyOf(equation);
    return held(equation) || body !== undefined && holds(body, held);
  });
}

/** A variable where it moves, and at the base point; the same one where nothing moves it. */
type Pair = readonly [here: Variable, base: Variable];

const pairs = (here: readonly Variable[], base: readonly Variable[]) => here.map((x, i): Pair => [x, base[i]!]);

/** Writes a function and, where its values move, itself at the base point. */
function beside(b: Builder, fn: IrFunction, inputs: readonly Pair[], held: Held): readonly Pair[] {
  const known = new Map(fn.inputs.map((x, i) => [x, inputs[i]!]));
  for (const equation of fn.equations) {
    b.origin = equation.origin;
    const own = equation.inputs.map((x) => known.get(x)!);
    const outputs = results(b, equation, own, held);
    equation.outputs.forEach((x, i) => known.set(x, outputs[i]!));
  }
  return fn.outputs.map((x) => known.get(x)!);
}

function results(b: Builder, equation: Equation, inputs: readonly Pair[], held: Held): readonly Pair[] {
  const written = (side: 0 | 1) => b.emit(equation.op, inputs.map((pair) => pair[side]), equation.params);
  if (inputs.every(([here, base]) => here === base)) return written(0).map((x): Pair => [x, x]);
  if (held(equation)) return written(1).map((x): Pair => [x, x]);
  if (equation.op === "scan" || equation.op === "map") return loopBeside(b, equation, inputs, held);
  return pairs(written(0), written(1));
}

/** A loop that makes both reckonings in each turn. */
function loopBeside(
  b: Builder,
  equation: EquationOf<"scan"> | EquationOf<"map">,
  inputs: readonly Pair[],
  held: Held,
): readonly Pair[] {
  const { params } = equation;
  const { body } = params;
  const own = sectionsOf(params, inputs);
  const inside = sectionsOf(params, body.inputs);
  const inner = new Builder(body.name);
  // a carry may move though it starts still
  const double = (list: readonly Variable[], outer: readonly Pair[], always: boolean) => {
    const here = list.map((x) => inner.input(x, x.name));
    const base = list.map((x, i) => always || outer[i]![0] !== outer[i]![1] ? inner.input(x, x.name) : here[i]!);
    return pairs(here, base);
  };
  // the inputs of a body are its constants, its carry and its slices, each list whole
  const constants = double(inside.constants, own.constants, false);
  const carry = double(inside.carry, own.carry, true);
  const stacked = double(inside.stacked, own.stacked, false);
  const ends = beside(inner, body, [...constants, ...carry, ...stacked], held);
  const all = [...ends.map(([here]) => inner.resolve(here)), ...ends.map(([, base]) => inner.resolve(base))];
  const steps = carry.length;
  const [here, base] = [all.slice(0, ends.length), all.slice(ends.length)];
  const next = [...here.slice(0, steps), ...base.slice(0, steps)];
  const fn = inner.finish([...next, ...here.slice(steps), ...base.slice(steps)]);
  const given = (list: readonly Pair[], always: boolean) => [
    ...list.map(([x]) => x),
    ...list.flatMap(([x, y]) => always || x !== y ? [y] : []),
  ];
  const outer = [given(own.constants, false), given(own.carry, true), given(own.stacked, false)] as const;
  const emitted = b.emit(equation.op, outer.flat(), {
    ...params,
    body: fn,
    constants: outer[0].length,
    ...(equation.op === "scan" && { carry: outer[1].length }),
  } as never);
  const records = ends.length - steps;
  const carried = pairs(emitted.slice(0, steps), emitted.slice(steps, 2 * steps));
  const recorded = emitted.slice(2 * steps);
  return [...carried, ...pairs(recorded.slice(0, records), recorded.slice(records))];
}
