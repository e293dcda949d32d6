// What does each primitive make of the bounds of its inputs? One rule per primitive, total over the closed list but for those
// with bodies, which float_ranges.ts follows.
import {
  type ArrayType,
  type Equation,
  isFloat,
  type PrimitiveName,
  type PrimitiveParameters,
  type RequestName,
  type Variable,
} from "../ir/types.ts";
import { anyFinite, anything, between, type FloatRange, joined } from "../ir/float_range.ts";

/** What a rule is given. */
export interface RangeArguments<P extends PrimitiveName> {
  readonly inputs: readonly FloatRange[];
  readonly variables: readonly Variable[];
  readonly params: PrimitiveParameters[P];
  /** Of the output. */
  readonly type: ArrayType;
  readonly producer: (x: Variable) => Equation | undefined;
}

type RangeRule<P extends PrimitiveName> = (args: RangeArguments<P>) => FloatRange;

/** Of finite inputs only; of others nothing is known. */
function given<P extends PrimitiveName>(rule: RangeRule<P>): RangeRule<P> {
  return (args) => args.inputs.every((x) => x.finite) ? rule(args) : anything;
}

/** Rising with its one input, from numbers above `from`. */
function rising<P extends PrimitiveName>(compute: (x: number) => number, from = -Infinity): RangeRule<P> {
  return given(({ inputs: [x] }) =>
    x!.low > from || from === -Infinity ? between(compute(x!.low), compute(x!.high)) : anything
  );
}

const inside = <P extends PrimitiveName>(low: number, high: number) => given<P>(() => between(low, high));
const truth = () => between(0, 1);
const integers = between(-(2 ** 31), 2 ** 31 - 1);

/** Integers wrap: bounds that do not fit say nothing. */
const wrapped = (range: FloatRange, { dtype }: ArrayType): FloatRange =>
  dtype === "i32" && !(range.low >= integers.low && range.high <= integers.high) ? integers : range;

/** The same entries, elsewhere or repeated. */
const moved: RangeRule<PrimitiveName> = ({ inputs: [x] }) => joined(x!, x!);

const kept: RangeRule<PrimitiveName> = ({ inputs: [x] }) => x!;

/** Numbers and zeros between them. */
const withZeros: RangeRule<PrimitiveName> = ({ inputs: [x] }) => joined(x!, between(0, 0));

/** exp overflows from here on. */
const largestExponent = (dtype: string) => dtype === "f32" ? 88 : 709;

const times = (x: number, y: number) => x === 0 || y === 0 ? 0 : x * y;

function product(x: FloatRange, y: FloatRange): FloatRange {
  const ends = [times(x.low, y.low), times(x.low, y.high), times(x.high, y.low), times(x.high, y.high)];
  return between(Math.min(...ends), Math.max(...ends), x.nonzero && y.nonzero);
}

function quotient(x: FloatRange, y: FloatRange): FloatRange {
  if (!y.nonzero) return anything;
  if (y.low >= 0) return product(x, between(1 / y.high, 1 / y.low, true));
  if (y.high <= 0) return product(x, between(y.high === 0 ? -Infinity : 1 / y.high, 1 / y.low, true));
  return { ...anyFinite, nonzero: x.nonzero };
}

const absolute = (x: FloatRange) =>
  between(Math.max(0, x.low, -x.high), Math.max(Math.abs(x.low), Math.abs(x.high)), x.nonzero);

/** A power of numbers that are not negative. High ones may overflow: they are finite only if their bounds are. */
function power(x: FloatRange, exponent: number): FloatRange {
  if (exponent === 0) return between(1, 1);
  const ends = [x.low ** exponent, x.high ** exponent];
  const bounded = Math.max(...ends) < Infinity;
  const tame = exponent > 0 ? exponent <= 3 : exponent >= -1 && x.nonzero;
  return bounded || tame ? between(Math.min(...ends), Math.max(...ends), x.nonzero) : anything;
}

const integerPower: RangeRule<"integer_pow"> = given(({ inputs: [x], params: { exponent } }) => {
  const size = power(absolute(x!), exponent);
  if (exponent % 2 === 0 || x!.low >= 0 || !size.finite) return size;
  return x!.high <= 0 ? between(-size.high, -size.low, size.nonzero) : { ...anyFinite, nonzero: size.nonzero };
});

const realPower: RangeRule<"pow"> = given(({ inputs: [x, y] }) => {
  if (x!.low < 0) return anything;
  if (y!.low === y!.high) return power(x!, y!.low);
  // Below 1, a power falls with its exponent
  return x!.high <= 1 && y!.low >= 0 ? between(0, x!.high ** y!.low) : anything;
});

/** x - max(x) over some axes: at most 0, and 0 somewhere along them. */
const difference: RangeRule<"sub"> = given(({ inputs: [x, y], variables: [p, q], type, producer }) => {
  const axes = largestOf(p!, q!, producer);
  if (axes) return { ...between(Math.min(0, x!.low - y!.high), 0), peak: axes };
  return wrapped(between(x!.low - y!.high, x!.high - y!.low), type);
});

/** The axes over which `largest`, of the shape of x, repeats the largest entries of x; undefined if it is something else. */
function largestOf(
  x: Variable,
  largest: Variable,
  producer: (x: Variable) => Equation | undefined,
): readonly number[] | undefined {
  // Where each axis of `largest` is found in what it repeats
  let places = largest.shape.map((n, axis) => n === 1 ? -1 : axis);
  for (let at = producer(largest); at; at = producer(at.inputs[0]!)) {
    const from = at.inputs[0]?.shape ?? [];
    if (at.op === "reduce_max") {
      const { axes } = at.params;
      const own = from.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
      const fits = largest.shape.every((n, axis) =>
        n === 1 || (axes.includes(axis) ? places[axis] === -1 : own[places[axis]!] === axis)
      );
      return at.inputs[0] === x && fits ? axes : undefined;
    }
    const source: (place: number) => number | undefined = at.op === "stop_gradient"
      ? (place) => place
      : at.op === "broadcast"
      ? repeatedFrom(at, from)
      : at.op === "reshape"
      ? longerAxes(at.params.shape, from)
      : () => undefined;
    const next = places.map((place) => place < 0 ? -1 : source(place));
    if (next.includes(undefined)) return undefined;
    places = next as number[];
  }
  return undefined;
}

const repeatedFrom = ({ params: { axes } }: EquationOfBroadcast, from: readonly number[]) => (place: number) => {
  const k = axes.indexOf(place);
  return k < 0 || from[k] === 1 ? -1 : k;
};

type EquationOfBroadcast = Extract<Equation, { op: "broadcast" }>;

/** A reshape that only adds or drops axes of size 1. */
const longerAxes = (to: readonly number[], from: readonly number[]) => {
  const longer = (shape: readonly number[]) => shape.flatMap((n, axis) => n === 1 ? [] : [axis]);
  const [before, after] = [longer(from), longer(to)];
  const same = before.length === after.length && before.every((axis, i) => from[axis] === to[after[i]!]);
  return (place: number) => same ? before[after.indexOf(place)] : undefined;
};

/** where(z == 0, a, b) is not 0 where a is not and b is 0 only where z is: z itself, or its root. A NaN that was written down marks
 *  what has gone wrong already, and takes nothing from what is known otherwise. */
const select: RangeRule<"select"> = ({ inputs: [, x, y], variables: [condition, first, other], producer }) => {
  const marks = (v: Variable) => {
    const source = producer(v);
    return source?.op === "constant" && source.params.data.every((n: number) => Number.isNaN(n));
  };
  if (marks(first!)) return y!;
  if (marks(other!)) return x!;
  const both = joined(x!, y!);
  const test = producer(condition!);
  if (test?.op !== "eq" || !x!.nonzero) return both;
  const isZero = (v: Variable) => {
    const source = producer(v);
    return source?.op === "constant" && source.params.data.every((n: number) => n === 0);
  };
  const made = producer(other!);
  const safe = [test.inputs, test.inputs.toReversed()].some(([z, zero]) =>
    isZero(zero!) && (other === z || made?.op === "sqrt" && made.inputs[0] === z)
  );
  return { ...both, nonzero: both.nonzero || safe };
};

const sum: RangeRule<"reduce_sum"> = given(({ inputs: [x], variables: [v], params: { axes }, type }) => {
  const count = axes.reduce((n, axis) => n * v!.shape[axis]!, 1);
  const low = times(count, x!.low);
  const peak = x!.peak?.every((axis) => axes.includes(axis)) && x!.low >= 0 && count > 0;
  return wrapped(between(peak ? Math.max(low, x!.high) : low, times(count, x!.high)), type);
});

const contraction: RangeRule<PrimitiveName> = given(({ inputs: [x, y] }) =>
  x!.low >= 0 && y!.low >= 0 ? between(0, Infinity) : anyFinite
);

const literal: RangeRule<"constant"> = ({ params: { data } }) => {
  let [low, high, nonzero] = [Infinity, -Infinity, true];
  for (const x of data) {
    if (!Number.isFinite(x)) return anything;
    low = Math.min(low, x);
    high = Math.max(high, x);
    nonzero &&= x !== 0;
  }
  return data.length === 0 ? anyFinite : between(low, high, nonzero);
};

const convert: RangeRule<"convert"> = ({ inputs: [x], params: { dtype } }) => {
  if (dtype === "bool") return truth();
  if (dtype === "i32") {
    return x!.finite ? wrapped(between(Math.floor(x!.low), Math.ceil(x!.high)), { dtype, shape: [] }) : integers;
  }
  return x!;
};

/** Bodies: float_ranges.ts follows them. */
type Followed = RequestName | "scan" | "map";

/** The table of bounds. */
export const floatRangeRules: { readonly [P in Exclude<PrimitiveName, Followed>]: RangeRule<P> } = {
  constant: literal,
  iota: ({ type, params: { axis } }) => between(0, Math.max(0, type.shape[axis]! - 1)),
  random_bits: () => integers,
  neg: given(({ inputs: [x] }) => between(-x!.high, -x!.low, x!.nonzero)),
  abs: given(({ inputs: [x] }) => absolute(x!)),
  sign: given(({ inputs: [x] }) => between(Math.sign(x!.low), Math.sign(x!.high), x!.nonzero)),
  floor: rising(Math.floor),
  exp: given(({ inputs: [x], type }) =>
    x!.high <= largestExponent(type.dtype)
      ? { ...between(Math.exp(x!.low), Math.exp(x!.high)), ...(x!.peak ? { peak: x!.peak } : {}) }
      : anything
  ),
  expm1: given(({ inputs: [x], type }) =>
    x!.high <= largestExponent(type.dtype) ? between(Math.expm1(x!.low), Math.expm1(x!.high), x!.nonzero) : anything
  ),
  log: rising(Math.log, 0),
  log1p: rising(Math.log1p, -1),
  sin: inside(-1, 1),
  cos: inside(-1, 1),
  tanh: rising(Math.tanh),
  logistic: inside(0, 1),
  sqrt: given(({ inputs: [x] }) => x!.low >= 0 ? between(Math.sqrt(x!.low), Math.sqrt(x!.high), x!.nonzero) : anything),
  erf: inside(-1, 1),
  // Only draws have it, which leave out the ends
  erf_inv: given(() => anyFinite),
  integer_pow: integerPower,
  convert,
  stop_gradient: kept,
  not: ({ type }) => type.dtype === "bool" ? truth() : integers,
  add: given(({ inputs: [x, y], type }) => wrapped(between(x!.low + y!.low, x!.high + y!.high), type)),
  sub: difference,
  mul: given(({ inputs: [x, y], variables: [p, q], type }) =>
    wrapped(p === q ? power(absolute(x!), 2) : product(x!, y!), type)
  ),
  div: given(({ inputs: [x, y], type }) => isFloat(type.dtype) ? quotient(x!, y!) : integers),
  mod: given(({ inputs: [, y], type }) => !isFloat(type.dtype) ? integers : y!.nonzero ? anyFinite : anything),
  pow: realPower,
  max: given(({ inputs: [x, y] }) => between(Math.max(x!.low, y!.low), Math.max(x!.high, y!.high))),
  min: given(({ inputs: [x, y] }) => between(Math.min(x!.low, y!.low), Math.min(x!.high, y!.high))),
  and: ({ type }) => type.dtype === "bool" ? truth() : integers,
  or: ({ type }) => type.dtype === "bool" ? truth() : integers,
  shift_right: () => integers,
  eq: truth,
  ne: truth,
  lt: truth,
  le: truth,
  gt: truth,
  ge: truth,
  select,
  reduce_sum: sum,
  reduce_max: moved,
  argmax: ({ variables: [x], params: { axis } }) => between(0, Math.max(0, x!.shape[axis]! - 1)),
  reshape: moved,
  transpose: moved,
  broadcast: moved,
  slice: moved,
  pad: withZeros,
  concat: ({ inputs }) => inputs.reduce(joined),
  reverse: moved,
  // An index outside reads 0
  gather: withZeros,
  scatter_add: given(({ inputs: [x] }) => between(x!.low < 0 ? -Infinity : 0, x!.high > 0 ? Infinity : 0)),
  dot_general: contraction,
  conv: contraction,
  conv_input_gradient: contraction,
  conv_filter_gradient: contraction,
  // A matrix may be singular
  solve: () => anything,
};
