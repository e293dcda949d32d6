// What does each primitive make of what is known of its inputs? One rule per primitive, total over the closed list. A rule
// may forget, but must not invent: a missing influence would let a gradient that exists be called zero.
import {
  type ArrayType,
  isFloat,
  type PrimitiveName,
  type PrimitiveParameters,
  requestRows,
  sameShape,
  sizeOf,
  type TypedArray,
} from "../ir/types.ts";
import { InternalError } from "../errors.ts";
import { type Abstract, anything, equal, exactly, isZero, join, maximalRows, row, stackOf, whole } from "./abstract.ts";

/** What a rule is given: the known of the inputs, their types, and the type of the one output. */
export interface InfluenceArguments<P extends PrimitiveName> {
  readonly inputs: readonly Abstract[];
  readonly types: readonly ArrayType[];
  readonly type: ArrayType;
  readonly params: PrimitiveParameters[P];
}

/** What is known of the output. */
export type InfluenceRule<P extends PrimitiveName> = (args: InfluenceArguments<P>) => Abstract;

const union = (list: readonly Abstract[]) => list.reduce((all, a) => all | a.reached, 0n);

/** Entry by entry: row by row where an input tells rows apart. `meet` sees inputs without rows, and `type.shape` no more
 *  than that there are rows. */
function entrywise<P extends PrimitiveName>(meet: InfluenceRule<P>): InfluenceRule<P> {
  const rule: InfluenceRule<P> = (args) => {
    const count = args.inputs.find((a) => a.rows)?.rows?.length;
    if (count === undefined) return cut(meet(args), args.type);
    const rows = Array.from({ length: count }, (_, i) => rule({ ...args, inputs: args.inputs.map((a) => row(a, i)) }));
    return stackOf(rows);
  };
  return rule;
}

/** Integers and booleans move with nothing. */
function cut(a: Abstract, type: ArrayType): Abstract {
  return isFloat(type.dtype) || a.reached === 0n ? a : { ...a, reached: 0n };
}

/** A function of one number: constant where its input is. */
function unary<P extends PrimitiveName>(compute: (x: number) => number): InfluenceRule<P> {
  return entrywise(({ inputs: [x] }) => x!.value === undefined ? x! : exactly(compute(x!.value)));
}

/** Of one number, not computed here: a constant in, some constant out. */
const opaque = entrywise<PrimitiveName>(({ inputs }) => anything(union(inputs)));

/** A function of two numbers. `special` knows more when one of them is constant. */
function binary<P extends PrimitiveName>(
  compute: (x: number, y: number) => number,
  special: (x: Abstract, y: Abstract) => Abstract | undefined = () => undefined,
): InfluenceRule<P> {
  return entrywise(({ inputs: [x, y] }) => {
    if (x!.value !== undefined && y!.value !== undefined) return exactly(compute(x!.value, y!.value));
    return special(x!, y!) ?? anything(x!.reached | y!.reached);
  });
}

/** The value stays where it is known, the derivative is zero everywhere. */
function flat<P extends PrimitiveName>(rule: InfluenceRule<P>): InfluenceRule<P> {
  const still = (a: Abstract): Abstract => ({
    ...a,
    reached: 0n,
    ...(a.rows ? { rows: a.rows.map(still) } : {}),
  });
  return (args) => still(rule(args));
}

const truth = (test: (x: number, y: number) => boolean) => binary((x, y) => test(x, y) ? 1 : 0);
const zeroIfAny = (x: Abstract, y: Abstract) => isZero(x) || isZero(y) ? exactly(0) : undefined;

/** Linear in every input: zero when one of them is. */
const product = <P extends PrimitiveName>({ inputs }: InfluenceArguments<P>): Abstract =>
  inputs.some(isZero) ? exactly(0) : anything(union(inputs));

/** Applies to every row something that keeps axis 0. */
const perRow = (x: Abstract, inside: (r: Abstract) => Abstract): Abstract =>
  x.rows ? stackOf(x.rows.map(inside)) : inside(x);

/** Slices stay apart when the first axis stays, or when a first axis of size 1 comes or goes. */
const reshape: InfluenceRule<"reshape"> = ({ inputs: [x], types: [from], params: { shape } }) => {
  if (!x!.rows) return x!;
  if (sameShape(from!.shape, [1, ...shape])) return row(x!, 0);
  if (sameShape(shape, [1, ...from!.shape])) return stackOf([x!]);
  return from!.shape[0] === shape[0] ? perRow(x!, whole) : whole(x!);
};

const broadcast: InfluenceRule<"broadcast"> = ({ inputs: [x], types: [from], params: { shape, axes } }) =>
  x!.rows && axes[0] === 0 && from!.shape[0] === shape[0]
    ? perRow(x!, whole)
    : x!.rows?.length === 1
    ? whole(row(x!, 0))
    : whole(x!);

function slice(x: Abstract, { start, limit, stride }: PrimitiveParameters["slice"], axis = 0): Abstract {
  if (!x.rows) return x;
  const rows: Abstract[] = [];
  for (let i = start[axis]!; i < limit[axis]!; i += stride[axis]!) {
    rows.push(slice(row(x, i), { start, limit, stride }, axis + 1));
  }
  return rows.length > 0 ? stackOf(rows) : exactly(0);
}

const pad: InfluenceRule<"pad"> = ({ inputs: [x], types: [from], type, params: { low, high, interior } }) => {
  if (isZero(x!)) return exactly(0);
  const widens = (axis: number) => low[axis]! + high[axis]! + interior[axis]! > 0;
  const inner = type.shape.some((_, axis) => axis > 0 && widens(axis));
  const place = (a: Abstract) => inner ? join(whole(a), exactly(0)) : a;
  if (!widens(0)) return perRow(x!, place);
  if (type.shape[0]! > maximalRows) return join(whole(x!), exactly(0));
  const rows: Abstract[] = Array(type.shape[0]).fill(exactly(0));
  for (let i = 0; i < from!.shape[0]!; i++) rows[low[0]! + i * (interior[0]! + 1)] = place(row(x!, i));
  return stackOf(rows);
};

const concat: InfluenceRule<"concat"> = ({ inputs, types, type, params: { axis } }) => {
  if (axis > 0 || type.shape[0]! > maximalRows) return inputs.map(whole).reduce(join);
  const rows = inputs.flatMap((x, k) => Array.from({ length: types[k]!.shape[0]! }, (_, i) => row(x, i)));
  return rows.length > 0 ? stackOf(rows) : exactly(0);
};

/** Zeros may come in where an index lies outside. */
const gather: InfluenceRule<"gather"> = ({ inputs, types: [from], params: { axis, batch } }) => {
  const [x, index] = inputs as [Abstract, Abstract];
  if (isZero(x)) return exactly(0);
  if (axis > 0 || batch > 0) return anything(x.reached);
  const size = from!.shape[0]!;
  const at = (i: number) => i >= 0 && i < size ? whole(row(x, i)) : exactly(0);
  if (index.value !== undefined) return at(index.value);
  if (index.rows?.every((r) => r.value !== undefined)) return stackOf(index.rows.map((r) => at(r.value!)));
  return anything(x.reached);
};

const reduceSum: InfluenceRule<"reduce_sum"> = ({ inputs, types: [from], params: { axes } }) => {
  const [x] = inputs as [Abstract];
  const sum = (a: Abstract, reduced: readonly number[]) => {
    const count = reduced.reduce((n, axis) => n * from!.shape[axis]!, 1);
    return a.value === undefined ? anything(a.reached) : exactly(a.value * count);
  };
  if (!axes.includes(0)) return perRow(x, (r) => sum(whole(r), axes));
  if (x.rows?.every((r) => isZero(r))) return exactly(0);
  return sum(whole(x), axes);
};

const select: InfluenceRule<"select"> = entrywise(({ inputs }) => {
  const [condition, x, y] = inputs as [Abstract, Abstract, Abstract];
  if (condition.value !== undefined) return condition.value !== 0 ? x : y;
  return equal(x, y) ? x : anything(x.reached | y.reached);
});

/** Literal data, told apart along the leading axes as far as that is short. */
function literal(type: ArrayType, data: TypedArray, shape = type.shape, offset = 0): Abstract {
  if (data.length === 1) return exactly(data[0]!);
  const size = sizeOf(shape);
  if (size === 0) return exactly(0);
  const part = data.subarray(offset, offset + size);
  if (part.every((x: number) => Object.is(x, part[0]))) return exactly(part[0]!);
  if (shape[0]! > maximalRows || size > 4096) return anything(0n);
  const inner = shape.slice(1);
  return stackOf(
    Array.from({ length: shape[0]! }, (_, i) => literal(type, data, inner, offset + i * sizeOf(inner))),
  );
}

const iota: InfluenceRule<"iota"> = ({ type, params: { axis } }) =>
  axis === 0 && type.shape[0]! <= maximalRows && type.shape[0]! > 0
    ? stackOf(Array.from({ length: type.shape[0]! }, (_, i) => exactly(i)))
    : anything(0n);

const unreachable = (): never => {
  throw new InternalError("Loops and gradient requests are not followed by a rule");
};

/** The table of what is known. `scan` and `map` are followed by the interpreter in influence.ts. */
export const influenceRules: { readonly [P in PrimitiveName]: InfluenceRule<P> } = {
  constant: ({ params: { type, data } }) => literal(type, data),
  iota,
  random_bits: () => anything(0n),
  neg: unary((x) => -x),
  abs: unary(Math.abs),
  sign: flat(unary(Math.sign)),
  floor: flat(unary(Math.floor)),
  exp: unary(Math.exp),
  expm1: unary(Math.expm1),
  log: unary(Math.log),
  log1p: unary(Math.log1p),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  tanh: unary(Math.tanh),
  logistic: unary((x) => 1 / (1 + Math.exp(-x))),
  sqrt: unary(Math.sqrt),
  erf: entrywise(({ inputs: [x] }) => isZero(x!) ? exactly(0) : anything(x!.reached)),
  erf_inv: entrywise(({ inputs: [x] }) => isZero(x!) ? exactly(0) : anything(x!.reached)),
  integer_pow: (args) =>
    args.params.exponent === 0 ? exactly(1) : unary((x) => x ** args.params.exponent)(args as never),
  convert: (args) => {
    const to = args.params.dtype;
    const whole = to === "i32" ? Math.trunc : to === "bool" ? (x: number) => x === 0 ? 0 : 1 : (x: number) => x;
    return entrywise<"convert">(({ inputs: [x] }) => x!.value === undefined ? x! : exactly(whole(x!.value)))(args);
  },
  stop_gradient: flat(({ inputs: [x] }) => x!),
  not: entrywise(({ inputs: [x], type }) =>
    x!.value !== undefined && type.dtype === "bool" ? exactly(1 - x!.value) : anything(0n)
  ),
  add: binary((x, y) => x + y, (x, y) => isZero(x) ? y : isZero(y) ? x : undefined),
  sub: binary((x, y) => x - y, (x, y) => isZero(y) ? x : undefined),
  mul: entrywise(({ inputs: [x, y] }) => {
    if (isZero(x!) || isZero(y!)) return exactly(0);
    if (x!.value === undefined || y!.value === undefined) return anything(x!.reached | y!.reached);
    const product = x!.value * y!.value;
    // what is too small for a float is no zero, or a derivative that exists would be called zero
    return product === 0 ? anything(0n) : exactly(product);
  }),
  div: (args) =>
    binary(
      (x, y) => isFloat(args.type.dtype) ? x / y : y === 0 ? 0 : Math.trunc(x / y),
      (x) => isZero(x) ? exactly(0) : undefined,
    )(args as never),
  mod: entrywise(({ inputs }) => anything(union(inputs))),
  pow: binary((x, y) => x ** y, (_x, y) => isZero(y) ? exactly(1) : undefined),
  max: binary(Math.max),
  min: binary(Math.min),
  and: binary((x, y) => x & y, zeroIfAny),
  or: binary((x, y) => x | y),
  shift_right: opaque,
  eq: truth((x, y) => x === y),
  ne: truth((x, y) => x !== y),
  lt: truth((x, y) => x < y),
  le: truth((x, y) => x <= y),
  gt: truth((x, y) => x > y),
  ge: truth((x, y) => x >= y),
  select,
  reduce_sum: reduceSum,
  reduce_max: ({ inputs: [x], params: { axes } }) => axes.includes(0) ? whole(x!) : perRow(x!, whole),
  argmax: () => anything(0n),
  reshape,
  transpose: ({ inputs: [x], params: { permutation } }) => permutation[0] === 0 ? perRow(x!, whole) : whole(x!),
  broadcast,
  slice: ({ inputs: [x], params }) => slice(x!, params),
  pad,
  concat,
  reverse: ({ inputs: [x], params: { axes } }) => {
    const inner = perRow(x!, axes.some((axis) => axis > 0) ? whole : (r) => r);
    return axes.includes(0) && inner.rows ? { ...inner, rows: [...inner.rows].reverse() } : inner;
  },
  gather,
  scatter_add: ({ inputs: [x] }) => isZero(x!) ? exactly(0) : anything(x!.reached),
  dot_general: product,
  conv: product,
  conv_input_gradient: product,
  conv_filter_gradient: product,
  solve: ({ inputs: [a, x] }) => isZero(x!) ? exactly(0) : anything(a!.reached | x!.reached),
  scan: unreachable,
  map: unreachable,
  ...requestRows(() => unreachable),
};
