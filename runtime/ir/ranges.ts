// Between which numbers do the integers of a variable lie, whatever the run brings? Noted while functions are built, so that
// what cannot leave its range needs no equation that looks.
import {
  type DType,
  isFloat,
  type PrimitiveName,
  type PrimitiveParameters,
  type TypedArray,
  type Variable,
} from "./types.ts";

/** What is known of all entries of an i32 or u8 variable, at every step and in every task. */
export interface IntRange {
  readonly low: number;
  readonly high: number;
  /** Both ends are entries: of an array that is known now, or at some step of a loop that counts. */
  readonly attained: boolean;
  /** What hands the entries over, where they are those of one given array, moved but not computed with. */
  readonly source?: IntSource;
}

/** An array that is given from outside. */
export interface IntSource {
  /** As the program calls it: `d.y`. */
  readonly name: string;
  /** Its entries, where they are known now. */
  readonly data?: TypedArray;
  /** Where entry i stands, for a message: "Row 3, column `y` of `d.csv`". */
  readonly where?: (i: number) => string;
  /** What is to be known of such places. */
  readonly notes?: readonly string[];
  /** Has whoever gives it look that all entries lie in a range, and say why if not. */
  readonly demand?: (bounds: Bounds) => void;
}

/** A range that is demanded. */
export interface Bounds {
  readonly low: number;
  readonly high: number;
  /** Why these, as a sentence's end: "there are 3 classes". */
  readonly reason: string;
}

/** All that an i32 holds. */
const anyInt: IntRange = { low: -(2 ** 31), high: 2 ** 31 - 1, attained: false };

const known = new WeakMap<Variable, IntRange>();

const small: { readonly [D in DType]?: IntRange } = {
  bool: { low: 0, high: 1, attained: false },
  u8: { low: 0, high: 255, attained: false },
};

/** What is known of the entries of a variable; of booleans that they are 0 or 1. */
export function rangeOf(variable: Variable): IntRange {
  return known.get(variable) ?? small[variable.dtype] ?? anyInt;
}

const hasRange = ({ dtype }: Variable) => dtype === "i32" || dtype === "u8";

/** Says what is known of the entries of an i32 or u8 variable. */
export function setRange(variable: Variable, range: IntRange): void {
  if (hasRange(variable) && range !== anyInt) known.set(variable, range);
}

/** The ends of some numbers. */
export function rangeOfData(data: TypedArray | readonly number[]): IntRange {
  if (data.length === 0) return { low: 0, high: 0, attained: false };
  let [low, high] = [data[0]!, data[0]!];
  for (let i = 1; i < data.length; i++) {
    const value = data[i]!;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high, attained: true };
}

/** Notes the ranges of the outputs of an equation. */
export function noteRanges<P extends PrimitiveName>(
  op: P,
  inputs: readonly Variable[],
  params: PrimitiveParameters[P],
  outputs: readonly Variable[],
): void {
  if (!outputs.some(hasRange)) return;
  if (op === "map" || op === "scan") {
    const { body, carry = 0 } = params as Partial<PrimitiveParameters["scan"]> & PrimitiveParameters["map"];
    outputs.slice(carry).forEach((x, i) => setRange(x, rangeOf(body.outputs[carry + i]!)));
    return;
  }
  const range = rules[op]?.(inputs.map(rangeOf), params as never, inputs);
  if (range && range.low >= anyInt.low && range.high <= anyInt.high) setRange(outputs[0]!, range);
}

type Rule<P extends PrimitiveName> = (
  inputs: readonly IntRange[],
  params: PrimitiveParameters[P],
  variables: readonly Variable[],
) => IntRange | undefined;

const same: Rule<PrimitiveName> = ([x]) => x;
/** Some of the entries. */
const part: Rule<PrimitiveName> = ([x]) => ({ low: x!.low, high: x!.high, attained: false });

/** The exact result of an operation on two ranges, of which one is a single number or the ends may be no entries. */
function ends(op: (x: number, y: number) => number): (x: IntRange, y: IntRange) => IntRange {
  return (x, y) => {
    const all = [op(x.low, y.low), op(x.low, y.high), op(x.high, y.low), op(x.high, y.high)];
    const single = x.low === x.high || y.low === y.high;
    return { low: Math.min(...all), high: Math.max(...all), attained: single && x.attained && y.attained };
  };
}

/** Sums, differences and products of ranges, not wrapped to 32 bits. */
export const exactRanges = {
  add: ends((x, y) => x + y),
  sub: ends((x, y) => x - y),
  mul: ends((x, y) => x * y || 0),
  /** Of n entries each. */
  sum: (x: IntRange, n: number): IntRange => ({
    low: n * x.low || 0,
    high: n * x.high || 0,
    attained: x.attained && (x.low === x.high || n === 1),
  }),
};

const union = (list: readonly IntRange[]): IntRange => ({
  low: Math.min(...list.map((x) => x.low)),
  high: Math.max(...list.map((x) => x.high)),
  attained: list.every((x) => x.attained),
});

const two = (combine: (x: IntRange, y: IntRange) => IntRange): Rule<PrimitiveName> => ([x, y]) => combine(x!, y!);

const rules: { readonly [P in PrimitiveName]?: Rule<P> } = {
  constant: (_, { data }) => rangeOfData(data),
  iota: (_, { type, axis }) => ({ low: 0, high: Math.max(0, type.shape[axis]! - 1), attained: true }),
  neg: ([x]) => ({ low: -x!.high || 0, high: -x!.low || 0, attained: x!.attained }),
  abs: ([x]) => {
    if (x!.low >= 0) return x;
    return { low: 0, high: Math.max(-x!.low, x!.high), attained: false };
  },
  sign: () => ({ low: -1, high: 1, attained: false }),
  convert: ([x], _, [from]) => isFloat(from!.dtype) ? undefined : x,
  add: two(exactRanges.add),
  sub: two(exactRanges.sub),
  mul: two(exactRanges.mul),
  mod: ([x, y]) => {
    if (x!.low >= 0 && x!.high < y!.low) return x;
    return { low: Math.min(y!.low + 1, 0), high: Math.max(y!.high - 1, 0), attained: false };
  },
  max: two((x, y) => ({ low: Math.max(x.low, y.low), high: Math.max(x.high, y.high), attained: false })),
  min: two((x, y) => ({ low: Math.min(x.low, y.low), high: Math.min(x.high, y.high), attained: false })),
  select: ([, x, y]) => ({ ...union([x!, y!]), attained: false }),
  reduce_sum: ([x], { axes }, [from]) => exactRanges.sum(x!, axes.reduce((n, axis) => n * from!.shape[axis]!, 1)),
  reduce_max: part,
  argmax: (_, { axis }, [from]) => ({ low: 0, high: Math.max(0, from!.shape[axis]! - 1), attained: false }),
  reshape: same,
  transpose: same,
  broadcast: same,
  reverse: same,
  slice: part,
  pad: ([x]) => ({ ...union([x!, { low: 0, high: 0, attained: true }]), attained: false }),
  concat: (list) => union(list),
  gather: part,
  check: ([x], { low, high }) => ({ low: Math.max(x!.low, low), high: Math.min(x!.high, high), attained: false }),
};
