// Which inputs can move an output at all? Asked before a run, so that a meta-parameter that cannot act (a momentum over one
// step, a value behind `stop_gradient`) is reported instead of being given zeros. Values are followed through loops step
// by step, with just enough known of each to see exact zeros.
import { sectionsOf } from "../ir/structured.ts";
import {
  type Equation,
  type EquationOf,
  implicitScalars,
  type IrFunction,
  isFloat,
  isRequest,
  type PrimitiveName,
  type Variable,
} from "../ir/types.ts";
import { type Abstract, anything, equal, exactly, isZero, join, maximalRows, row, stackOf, whole } from "./abstract.ts";
import { expandGradients } from "./expand_gradients.ts";
import { type InfluenceRule, influenceRules } from "./influence_rules.ts";

/** Steps of a loop that are followed one by one; what comes after is taken together. Enough for every schedule that
 *  starts with something special, and a bound on the work: loops in loops multiply. */
const followedSteps = 32;

/** What is supposed otherwise than it is, to find out what stops a derivative. */
export interface Supposition {
  /** These equations let derivatives pass: one of `crossings`, or an estimator of a loop's end. */
  readonly passes?: (equation: Equation) => boolean;
  /** No number is known to be 0. */
  readonly nothingZero?: boolean;
  /** No condition is known to hold or not. */
  readonly anyBranch?: boolean;
  /** The loops of this name go on for some steps more, and end there. */
  readonly longer?: string;
  /** By so many steps; `followedSteps` unless said. */
  readonly more?: number;
  /** So they do, and what is read of one step is read of all. */
  readonly later?: string;
  /** Loops start what they carry under this name anywhere. */
  readonly started?: string;
}

/** Primitives that a value passes and no derivative does. A `convert` is one when it makes integers. */
const crossings: ReadonlySet<PrimitiveName> = new Set(
  ["stop_gradient", "sign", "floor", "eq", "ne", "lt", "le", "gt", "ge", "argmax"] as const,
);

/** True where a value goes on and its derivative does not. */
export function isCrossing({ op, inputs, outputs }: Equation): boolean {
  return crossings.has(op) || op === "convert" && isFloat(inputs[0]!.dtype) && !isFloat(outputs[0]!.dtype);
}

/** What is seen on the way: each equation with what is known of its inputs. */
export type Witness = (equation: Equation, inputs: readonly Abstract[]) => void;

/** The form of a function in which influences are followed: derivatives written out, solvers kept as they are, and scans of at most
 *  `unroll` steps written out too. */
export function expandForInfluence(fn: IrFunction, unroll = 1): IrFunction {
  return expandGradients(fn, { solves: "keep", unroll });
}

/** The inputs that would reach the first output of an expanded function if something were otherwise. */
export function influencesIf(expanded: IrFunction, supposed: Supposition, witness?: Witness): Set<number> {
  const walk = { supposed, ...(witness ? { witness } : {}) };
  const inputs = expanded.inputs.map((v, k) => anything(isFloat(v.dtype) ? 1n << BigInt(k) : 0n));
  return inputsIn(follow(expanded, inputs, walk)[0]!.reached, expanded);
}

/** The numbers of the inputs in a set of bits. */
function inputsIn(reached: bigint, { inputs }: IrFunction): Set<number> {
  return new Set(inputs.map((_, k) => k).filter((k) => (reached >> BigInt(k) & 1n) === 1n));
}

interface Walk {
  readonly supposed: Supposition;
  readonly witness?: Witness;
}

const asItIs: Walk = { supposed: {} };

/** The inputs of `fn` with respect to which the derivative of output `output` does not vanish identically, as far as can
 *  be seen: an input may be listed that has no influence, never the reverse. */
export function influences(fn: IrFunction, output: number): Set<number> {
  return allInfluences(fn)[output]!;
}

/** `influences` for every output. */
export function allInfluences(fn: IrFunction): readonly Set<number>[] {
  return influencesInside(expandForInfluence(fn));
}

/** The same of a function that is expanded already. */
export function influencesInside(expanded: IrFunction): readonly Set<number>[] {
  const inputs = expanded.inputs.map((v, k) => anything(isFloat(v.dtype) ? 1n << BigInt(k) : 0n));
  return follow(expanded, inputs).map(({ reached }) => inputsIn(reached, expanded));
}

/** What is known of the outputs of a function when this is known of its inputs. */
function follow(fn: IrFunction, inputs: readonly Abstract[], walk: Walk = asItIs): readonly Abstract[] {
  const known = new Map<Variable, Abstract>();
  fn.inputs.forEach((v, i) => known.set(v, inputs[i]!));
  for (const equation of fn.equations) {
    const outputs = followEquation(equation, equation.inputs.map((x) => known.get(x)!), walk);
    equation.outputs.forEach((output, i) => known.set(output, outputs[i]!));
  }
  return fn.outputs.map((output) => known.get(output)!);
}

function followEquation(equation: Equation, inputs: readonly Abstract[], walk: Walk): readonly Abstract[] {
  walk.witness?.(equation, inputs);
  if (equation.op === "scan") return followScan(equation, inputs, walk);
  if (equation.op === "map") return followMap(equation, inputs, walk);
  if (isRequest(equation.op)) return followRequest(equation, inputs, walk);
  const rule = influenceRules[equation.op] as InfluenceRule<PrimitiveName>;
  const { supposed } = walk;
  const unknown = supposed.anyBranch && equation.op === "select"
    ? [anything(inputs[0]!.reached), ...inputs.slice(1)]
    : inputs;
  const known = rule({ inputs: unknown, types: equation.inputs, type: equation.outputs[0]!, params: equation.params });
  return walk === asItIs ? [known] : [suppose(equation, inputs, known, supposed)];
}

/** What is known of an output when something is otherwise than it is. */
function suppose(equation: Equation, inputs: readonly Abstract[], known: Abstract, supposed: Supposition): Abstract {
  const passed = inputs.reduce((all, x, i) => {
    // what went through a crossing may go on as an integer or a truth value
    const goesOn = isCrossing(equation) ? supposed.passes?.(equation) : !isFloat(equation.inputs[i]!.dtype);
    return goesOn && known.value === undefined ? all | x.reached : all;
  }, known.reached);
  const open = passed === known.reached ? known : anything(passed);
  return supposed.nothingZero && isFloat(equation.outputs[0]!.dtype) ? withoutZeros(open) : open;
}

function withoutZeros(a: Abstract): Abstract {
  if (isZero(a)) return anything(a.reached);
  return a.rows ? { ...a, rows: a.rows.map(withoutZeros) } : a;
}

/** What reaches w by a derivative that is not that of the code. */
function followRequest(equation: Equation, inputs: readonly Abstract[], walk: Walk): readonly Abstract[] {
  if (equation.op === "check") return inputs.slice(0, 1);
  const ends = equation.op === "implicit" || equation.op === "finite_difference";
  if (ends && walk.supposed.passes?.(equation)) return inputs.slice(inputs.length - equation.outputs.length);
  let reached = 0n;
  if (equation.op === "implicit") {
    const { body, constants } = equation.params;
    const own = inputs.slice(implicitScalars);
    const still = own.slice(constants).map(() => anything(0n));
    for (const x of follow(body, [...own.slice(0, constants), ...still], walk)) reached |= x.reached;
  } else if (equation.op === "finite_difference") {
    // c acts where df/dc depends on v
    const { body, constants } = equation.params;
    const floats = inputs.slice(1, 1 + constants).filter((_, i) => isFloat(equation.inputs[1 + i]!.dtype));
    const slopes = follow(body, body.inputs.map((_, i) => anything(i < constants ? 0n : 1n)), walk);
    floats.forEach((x, i) => reached |= slopes[i]!.reached === 0n ? 0n : x.reached);
  } else {
    for (const x of inputs) reached |= x.reached;
  }
  return equation.outputs.map((x) => anything(isFloat(x.dtype) ? reached : 0n));
}

function followMap(
  { params, outputs }: EquationOf<"map">,
  inputs: readonly Abstract[],
  walk: Walk,
): readonly Abstract[] {
  const { constants, stacked } = sectionsOf(params, inputs);
  if (params.length > maximalRows || stacked.every((x) => !x.rows)) {
    return follow(params.body, [...constants, ...stacked.map(whole)], walk).map(whole);
  }
  const iterations = Array.from(
    { length: params.length },
    (_, i) => follow(params.body, [...constants, ...stacked.map((x) => row(x, i))], walk),
  );
  return outputs.map((_, k) => stackOf(iterations.map((results) => results[k]!)));
}

/** True for the numbers of the steps: 0, 1, 2, ... */
function isCounter(x: Abstract, { dtype, shape }: Variable): boolean {
  return dtype === "i32" && shape.length === 1 &&
    (x.rows ? x.rows.every((r, i) => r.value === i) : shape[0] === 1 && x.value === 0);
}

/** A state that holds before and after any number of steps, and what such a step makes. */
function fixedPoint(
  start: readonly Abstract[],
  step: (state: readonly Abstract[]) => readonly Abstract[],
): { readonly state: readonly Abstract[]; readonly results: readonly Abstract[] } {
  let state = start;
  while (true) {
    const results = step(state);
    const next = state.map((a, i) => join(a, results[i]!));
    if (next.every((a, i) => equal(a, state[i]!))) return { state, results };
    state = next;
  }
}

function followScan(equation: EquationOf<"scan">, inputs: readonly Abstract[], walk: Walk): readonly Abstract[] {
  const { body, length, carry, reverse } = equation.params;
  const { longer, later } = walk.supposed;
  const followed = followSteps(equation, inputs, walk);
  const goesOn = !reverse && length > 0 && [longer, later].includes(body.name);
  const { state, records } = goesOn ? followMore(equation, inputs, walk, followed) : followed;
  if (goesOn && body.name === later) {
    return [...state, ...records.reduce((one, other) => one.map((a, k) => join(a, other[k]!)))];
  }
  const outputs = body.outputs.slice(carry);
  return [
    ...state,
    ...outputs.map((_, k) => length > 0 ? stackOf(records.map((results) => results[k]!), length) : anything(0n)),
  ];
}

/** What a loop carries at its end, and what its steps record: of a long one, what holds of some of them is kept once. */
interface Followed {
  readonly state: readonly Abstract[];
  readonly records: readonly (readonly Abstract[])[];
}

function followSteps({ params }: EquationOf<"scan">, inputs: readonly Abstract[], walk: Walk): Followed {
  const { body, length, carry, reverse } = params;
  const { constants, carry: initial, stacked } = sectionsOf(params, inputs);
  const at = (step: number) => reverse ? length - 1 - step : step;
  const slicesAt = (step: number) => stacked.map((x) => row(x, at(step)));
  // the steps of a long loop are not told apart
  const apart = length <= maximalRows;
  const records: (readonly Abstract[])[] = [];
  const keep = (from: number, to: number, record: readonly Abstract[]) => {
    if (apart) { for (let s = from; s < to; s++) records[at(s)] = record; }
    else records.push(record);
  };
  const names = body.inputs.slice(constants.length, constants.length + carry).map((v) => v.name);
  let state: readonly Abstract[] = initial.map((a, i) =>
    names[i] !== undefined && names[i] === walk.supposed.started ? anything(a.reached) : a
  );
  let step = 0;
  // From here on every slice is like the next one
  const settled = stacked.every((x) => !x.rows);
  for (; step < Math.min(length, followedSteps); step++) {
    const results = follow(body, [...constants, ...state, ...slicesAt(step)], walk);
    keep(step, step + 1, results.slice(carry));
    const next = results.slice(0, carry);
    const repeats = next.every((a, i) => equal(a, state[i]!));
    state = next;
    if (repeats && settled) {
      if (step + 1 < length) keep(step + 1, length, results.slice(carry));
      step = length;
    }
  }
  if (step < length) {
    const rest = stacked.map((x) => {
      let all = row(x, at(step));
      for (let s = step + 1; x.rows && s < length; s++) all = join(all, row(x, at(s)));
      return all;
    });
    const settledAt = fixedPoint(state, (now) => follow(body, [...constants, ...now, ...rest], walk));
    state = settledAt.state;
    keep(step, length, settledAt.results.slice(carry));
  }
  return { state, records };
}

/** The steps that would come after those that a loop takes. */
function followMore(
  { params, inputs: variables }: EquationOf<"scan">,
  inputs: readonly Abstract[],
  walk: Walk,
  followed: Followed,
): Followed {
  const { body, length, carry } = params;
  const { constants, stacked } = sectionsOf(params, inputs);
  const counts = stacked.map((x, k) => isCounter(x, variables[variables.length - stacked.length + k]!));
  let { state, records } = followed;
  for (let more = 0; more < (walk.supposed.more ?? followedSteps); more++) {
    const slices = stacked.map((x, k) => counts[k] ? exactly(length + more) : whole(x));
    const results = follow(body, [...constants, ...state, ...slices], walk);
    state = results.slice(0, carry);
    if (body.name !== walk.supposed.later) continue;
    records = records.map((own) => own.map((a, k) => join(whole(a), whole(results[carry + k]!))));
  }
  return { state, records };
}
