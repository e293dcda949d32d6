// What are the types of a primitive's outputs? One rule per primitive, total over the closed list. A rule that fails
// means that lowering or a transform made an ill-formed equation, which is a bug of ours: users' shape errors are found
// in the language's own checks, with their places.
import {
  type ArrayType,
  type ConvolutionParameters,
  type DType,
  formatType,
  implicitScalars,
  isFloat,
  type PrimitiveName,
  type PrimitiveParameters,
  sameShape,
  sizeOf,
} from "./types.ts";
import { InternalError } from "../errors.ts";

type ShapeRule<P extends PrimitiveName> = (
  inputs: readonly ArrayType[],
  params: PrimitiveParameters[P],
) => readonly ArrayType[];

/** Types of the outputs of `op` applied to inputs of the given types. Throws InternalError when they do not fit. */
export function inferTypes<P extends PrimitiveName>(
  op: P,
  inputs: readonly ArrayType[],
  params: PrimitiveParameters[P],
): readonly ArrayType[] {
  const rule = shapeRules[op] as ShapeRule<P>;
  try {
    return rule(inputs, params);
  } catch (error) {
    if (!(error instanceof ShapeMismatch)) throw error;
    throw new InternalError(`Cannot apply ${op} to (${inputs.map(formatType).join(", ")}): ${error.message}`);
  }
}

class ShapeMismatch extends Error {}

/** A message with what it names is only made when it is said. */
function require(condition: boolean, message: string | (() => string)): asserts condition {
  if (!condition) throw new ShapeMismatch(typeof message === "string" ? message : message());
}

function arity(inputs: readonly ArrayType[], n: number): void {
  require(inputs.length === n, () => `expected ${n} inputs`);
}

const float = (d: DType) => isFloat(d);
const numeric = (d: DType) => d !== "bool" && d !== "u8";
const integral = (d: DType) => d === "i32" || d === "bool";

function unary(accepts: (d: DType) => boolean) {
  return (inputs: readonly ArrayType[]): readonly ArrayType[] => {
    arity(inputs, 1);
    const [x] = inputs as [ArrayType];
    require(accepts(x.dtype), () => `dtype ${x.dtype} is not accepted`);
    return [{ dtype: x.dtype, shape: x.shape }];
  };
}

function binary(accepts: (d: DType) => boolean, result?: DType) {
  return (inputs: readonly ArrayType[]): readonly ArrayType[] => {
    arity(inputs, 2);
    const [a, b] = inputs as [ArrayType, ArrayType];
    require(a.dtype === b.dtype && accepts(a.dtype), "the dtypes do not fit");
    require(sameShape(a.shape, b.shape), "the shapes differ");
    return [{ dtype: result ?? a.dtype, shape: a.shape }];
  };
}

const comparison = binary((d) => d !== "u8", "bool");

function checkAxes(axes: readonly number[], rank: number): void {
  const isAxis = (axis: number, i: number) =>
    Number.isInteger(axis) && axis >= 0 && axis < rank && axes.indexOf(axis) === i;
  require(axes.every(isAxis), () => `bad axis ${axes.find((axis, i) => !isAxis(axis, i))}`);
}

const reduction = (
  inputs: readonly ArrayType[],
  { axes }: { readonly axes: readonly number[] },
): readonly ArrayType[] => {
  arity(inputs, 1);
  const [x] = inputs as [ArrayType];
  require(numeric(x.dtype), () => `${x.dtype} cannot be reduced`);
  checkAxes(axes, x.shape.length);
  return [{ dtype: x.dtype, shape: x.shape.filter((_, i) => !axes.includes(i)) }];
};

/** Spatial output size of a convolution along one axis. */
export function convolvedSize(size: number, kernel: number, axis: 0 | 1, p: ConvolutionParameters): number {
  const padded = size + p.padding[axis][0] + p.padding[axis][1];
  const reach = (kernel - 1) * p.dilation[axis] + 1;
  return padded < reach ? 0 : Math.floor((padded - reach) / p.stride[axis]) + 1;
}

function convolution(x: ArrayType, filter: ArrayType, p: ConvolutionParameters): ArrayType {
  require(x.shape.length === 4 && filter.shape.length === 4, "expected rank 4");
  require(x.dtype === filter.dtype && isFloat(x.dtype), "the dtypes do not fit");
  const [n, c, h, w] = x.shape as [number, number, number, number];
  const [o, cg, kh, kw] = filter.shape as [number, number, number, number];
  require(c === cg * p.groups && o % p.groups === 0, "the channels do not fit the groups");
  return { dtype: x.dtype, shape: [n, o, convolvedSize(h, kh, 0, p), convolvedSize(w, kw, 1, p)] };
}

function checkStructured(body: { inputs: readonly ArrayType[] }, given: readonly ArrayType[]): void {
  require(
    body.inputs.length === given.length,
    () => `the body takes ${body.inputs.length} inputs, not ${given.length}`,
  );
  given.forEach((type, i) => {
    const wanted = body.inputs[i]!;
    require(
      wanted.dtype === type.dtype && sameShape(wanted.shape, type.shape),
      `body input ${i} is ${formatType(wanted)}, given ${formatType(type)}`,
    );
  });
}

function slices(inputs: readonly ArrayType[], length: number): ArrayType[] {
  return inputs.map((type) => {
    require(type.shape.length > 0 && type.shape[0] === length, () => `a stacked input is ${formatType(type)}`);
    return { dtype: type.dtype, shape: type.shape.slice(1) };
  });
}

const stack = (type: ArrayType, length: number): ArrayType => ({ dtype: type.dtype, shape: [length, ...type.shape] });
const plain = (type: ArrayType): ArrayType => ({ dtype: type.dtype, shape: type.shape });

/** The table of shape rules. A primitive without a rule does not compile. */
const shapeRules: { readonly [P in PrimitiveName]: ShapeRule<P> } = {
  constant: (inputs, { type, data }) => {
    arity(inputs, 0);
    require(data.length === 1 || data.length === sizeOf(type.shape), "the data does not fill the shape");
    return [plain(type)];
  },
  iota: (inputs, { type, axis }) => {
    arity(inputs, 0);
    checkAxes([axis], type.shape.length);
    require(numeric(type.dtype), () => `iota of ${type.dtype}`);
    return [plain(type)];
  },
  random_bits: (inputs, { shape }) => {
    arity(inputs, 2);
    const [key, counter] = inputs as [ArrayType, ArrayType];
    require(key.dtype === "i32" && counter.dtype === "i32", "key and counter must be i32");
    const batch = key.shape.slice(0, -1);
    require(key.shape.at(-1) === 2 && counter.shape.at(-1) === 3, "a key has 2 words and a counter 3");
    require(sameShape(batch, counter.shape.slice(0, -1)), "the batches differ");
    return [{ dtype: "i32", shape: [...batch, ...shape] }];
  },
  neg: unary(numeric),
  abs: unary(numeric),
  sign: unary(numeric),
  floor: unary(float),
  exp: unary(float),
  expm1: unary(float),
  log: unary(float),
  log1p: unary(float),
  sin: unary(float),
  cos: unary(float),
  tanh: unary(float),
  logistic: unary(float),
  sqrt: unary(float),
  erf: unary(float),
  erf_inv: unary(float),
  integer_pow: (inputs, { exponent }) => {
    require(Number.isInteger(exponent), "the exponent is not an integer");
    return unary(float)(inputs);
  },
  convert: (inputs, { dtype }) => {
    arity(inputs, 1);
    require(dtype !== "u8", "nothing is converted to u8");
    return [{ dtype, shape: inputs[0]!.shape }];
  },
  stop_gradient: unary(() => true),
  not: unary(integral),
  add: binary(numeric),
  sub: binary(numeric),
  mul: binary(numeric),
  div: binary(numeric),
  mod: binary(numeric),
  pow: binary(float),
  max: binary(numeric),
  min: binary(numeric),
  and: binary(integral),
  or: binary(integral),
  shift_right: binary((d) => d === "i32"),
  eq: comparison,
  ne: comparison,
  lt: comparison,
  le: comparison,
  gt: comparison,
  ge: comparison,
  select: (inputs) => {
    arity(inputs, 3);
    const [condition, a, b] = inputs as [ArrayType, ArrayType, ArrayType];
    require(condition.dtype === "bool" && a.dtype === b.dtype && a.dtype !== "u8", "the dtypes do not fit");
    require(sameShape(condition.shape, a.shape) && sameShape(a.shape, b.shape), "the shapes differ");
    return [plain(a)];
  },
  reduce_sum: reduction,
  reduce_max: reduction,
  argmax: (inputs, { axis }) => {
    arity(inputs, 1);
    const [x] = inputs as [ArrayType];
    checkAxes([axis], x.shape.length);
    return [{ dtype: "i32", shape: x.shape.filter((_, i) => i !== axis) }];
  },
  reshape: (inputs, { shape }) => {
    arity(inputs, 1);
    require(sizeOf(inputs[0]!.shape) === sizeOf(shape), () => `the sizes differ from [${shape}]`);
    return [{ dtype: inputs[0]!.dtype, shape }];
  },
  transpose: (inputs, { permutation }) => {
    arity(inputs, 1);
    const [x] = inputs as [ArrayType];
    checkAxes(permutation, x.shape.length);
    require(permutation.length === x.shape.length, "not a permutation");
    return [{ dtype: x.dtype, shape: permutation.map((axis) => x.shape[axis]!) }];
  },
  broadcast: (inputs, { shape, axes }) => {
    arity(inputs, 1);
    const [x] = inputs as [ArrayType];
    require(axes.length === x.shape.length, "one axis per input axis is needed");
    checkAxes(axes, shape.length);
    axes.forEach((axis, k) => {
      require(k === 0 || axes[k - 1]! < axis, "the axes do not increase");
      require(x.shape[k] === shape[axis] || x.shape[k] === 1, () => `axis ${k} does not fit [${shape}]`);
    });
    return [{ dtype: x.dtype, shape }];
  },
  slice: (inputs, { start, limit, stride }) => {
    arity(inputs, 1);
    const [x] = inputs as [ArrayType];
    require([start, limit, stride].every((l) => l.length === x.shape.length), "one entry per axis is needed");
    const shape = x.shape.map((n, i) => {
      require(
        0 <= start[i]! && start[i]! <= limit[i]! && limit[i]! <= n && stride[i]! >= 1,
        () => `bad range on axis ${i}`,
      );
      return Math.ceil((limit[i]! - start[i]!) / stride[i]!);
    });
    return [{ dtype: x.dtype, shape }];
  },
  pad: (inputs, { low, high, interior }) => {
    arity(inputs, 1);
    const [x] = inputs as [ArrayType];
    require([low, high, interior].every((l) => l.length === x.shape.length), "one entry per axis is needed");
    const shape = x.shape.map((n, i) => {
      require(low[i]! >= 0 && high[i]! >= 0 && interior[i]! >= 0, "negative padding");
      return low[i]! + high[i]! + n + Math.max(0, n - 1) * interior[i]!;
    });
    return [{ dtype: x.dtype, shape }];
  },
  concat: (inputs, { axis }) => {
    require(inputs.length > 0, "nothing to join");
    const first = inputs[0]!;
    checkAxes([axis], first.shape.length);
    let size = 0;
    for (const x of inputs) {
      require(x.dtype === first.dtype && x.shape.length === first.shape.length, "the inputs differ");
      require(x.shape.every((n, i) => i === axis || n === first.shape[i]), "the sizes differ");
      size += x.shape[axis]!;
    }
    return [{ dtype: first.dtype, shape: first.shape.map((n, i) => i === axis ? size : n) }];
  },
  reverse: (inputs, { axes }) => {
    arity(inputs, 1);
    checkAxes(axes, inputs[0]!.shape.length);
    return [plain(inputs[0]!)];
  },
  gather: (inputs, { axis, batch }) => {
    arity(inputs, 2);
    const [x, indices] = inputs as [ArrayType, ArrayType];
    require(indices.dtype === "i32", "indices must be i32");
    require(batch <= axis && axis < x.shape.length && batch <= indices.shape.length, "bad axis");
    require(sameShape(x.shape.slice(0, batch), indices.shape.slice(0, batch)), "the batch axes differ");
    return [{
      dtype: x.dtype,
      shape: [...x.shape.slice(0, axis), ...indices.shape.slice(batch), ...x.shape.slice(axis + 1)],
    }];
  },
  scatter_add: (inputs, { axis, batch, size }) => {
    arity(inputs, 2);
    const [updates, indices] = inputs as [ArrayType, ArrayType];
    require(indices.dtype === "i32" && numeric(updates.dtype), "the dtypes do not fit");
    require(batch <= axis && batch <= indices.shape.length, "bad axis");
    require(sameShape(updates.shape.slice(0, batch), indices.shape.slice(0, batch)), "the batch axes differ");
    const inner = indices.shape.slice(batch);
    require(sameShape(updates.shape.slice(axis, axis + inner.length), inner), "updates and indices differ");
    return [{
      dtype: updates.dtype,
      shape: [...updates.shape.slice(0, axis), size, ...updates.shape.slice(axis + inner.length)],
    }];
  },
  dot_general: (inputs, p) => {
    arity(inputs, 2);
    const [a, b] = inputs as [ArrayType, ArrayType];
    require(a.dtype === b.dtype && isFloat(a.dtype), "the dtypes do not fit");
    require(p.contractLeft.length === p.contractRight.length, "the contracted axes do not pair");
    require(p.batchLeft.length === p.batchRight.length, "the batch axes do not pair");
    const left = [...p.batchLeft, ...p.contractLeft];
    const right = [...p.batchRight, ...p.contractRight];
    checkAxes(left, a.shape.length);
    checkAxes(right, b.shape.length);
    left.forEach((axis, i) => require(a.shape[axis] === b.shape[right[i]!], "paired axes differ in size"));
    return [{
      dtype: a.dtype,
      shape: [
        ...p.batchLeft.map((axis) => a.shape[axis]!),
        ...a.shape.filter((_, i) => !left.includes(i)),
        ...b.shape.filter((_, i) => !right.includes(i)),
      ],
    }];
  },
  conv: (inputs, p) => {
    arity(inputs, 2);
    return [convolution(inputs[0]!, inputs[1]!, p)];
  },
  conv_input_gradient: (inputs, p) => {
    arity(inputs, 2);
    const [y, filter] = inputs as [ArrayType, ArrayType];
    const x: ArrayType = {
      dtype: y.dtype,
      shape: [y.shape[0]!, filter.shape[1]! * p.groups, p.inputSize[0], p.inputSize[1]],
    };
    require(sameShape(convolution(x, filter, p).shape, y.shape), "the output size does not fit");
    return [x];
  },
  conv_filter_gradient: (inputs, p) => {
    arity(inputs, 2);
    const [x, y] = inputs as [ArrayType, ArrayType];
    require(x.shape.length === 4 && x.shape[1]! % p.groups === 0, "the channels do not fit the groups");
    const filter: ArrayType = {
      dtype: x.dtype,
      shape: [y.shape[1]!, x.shape[1]! / p.groups, p.kernelSize[0], p.kernelSize[1]],
    };
    require(sameShape(convolution(x, filter, p).shape, y.shape), "the output size does not fit");
    return [filter];
  },
  solve: (inputs) => {
    arity(inputs, 2);
    const [a, b] = inputs as [ArrayType, ArrayType];
    const n = a.shape.at(-1);
    require(a.dtype === b.dtype && isFloat(a.dtype), "the dtypes do not fit");
    require(a.shape.length >= 2 && a.shape.length === b.shape.length, "the ranks do not fit");
    require(a.shape.at(-2) === n && b.shape.at(-2) === n, "the matrix is not square or does not fit");
    require(sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2)), "the batches differ");
    return [plain(b)];
  },
  scan: (inputs, { body, length, constants, carry }) => {
    const stacked = slices(inputs.slice(constants + carry), length);
    const state = inputs.slice(constants, constants + carry);
    checkStructured(body, [...inputs.slice(0, constants), ...state, ...stacked]);
    require(body.outputs.length >= carry, "the body returns less than the carry");
    checkStructured({ inputs: body.outputs.slice(0, carry) }, state);
    return [...state.map(plain), ...body.outputs.slice(carry).map((type) => stack(type, length))];
  },
  map: (inputs, { body, length, constants }) => {
    checkStructured(body, [...inputs.slice(0, constants), ...slices(inputs.slice(constants), length)]);
    return body.outputs.map((type) => stack(type, length));
  },
  gradient: (inputs, { body, wrt }) => {
    checkStructured(body, inputs);
    const value = body.outputs[0];
    const differentiable = value !== undefined && value.shape.length === 0 && isFloat(value.dtype);
    require(differentiable || wrt.length === 0, "the value is not a float scalar");
    for (const i of wrt) {
      require(inputs[i] !== undefined && isFloat(inputs[i].dtype), () => `input ${i} has no gradient`);
    }
    return [...body.outputs.map(plain), ...wrt.map((i) => plain(inputs[i]!))];
  },
  implicit: (inputs, { body, constants }) => {
    require(inputs.length >= implicitScalars, "a norm or the rate is missing");
    for (const x of inputs.slice(0, implicitScalars)) {
      require(x.shape.length === 0 && isFloat(x.dtype), "a norm or the rate is not a float scalar");
    }
    const own = inputs.slice(implicitScalars);
    checkStructured(body, own);
    checkStructured({ inputs: body.outputs }, own.slice(constants));
    return own.slice(constants).map(plain);
  },
  linear_solve: (inputs, { body, constants }) => {
    const own = inputs.slice(1);
    require(inputs[0]?.shape.length === 0, "the rate is not a scalar");
    checkStructured(body, own);
    checkStructured({ inputs: body.outputs }, own.slice(constants));
    return own.slice(constants).map(plain);
  },
  finite_difference: (inputs, { body, constants }) => {
    const end = 1 + body.inputs.length;
    require(inputs[0]?.shape.length === 0, "the factor is not a scalar");
    checkStructured(body, inputs.slice(1, end));
    checkStructured({ inputs: body.outputs }, inputs.slice(1, 1 + constants).filter((x) => isFloat(x.dtype)));
    checkStructured({ inputs: body.inputs.slice(constants) }, inputs.slice(end));
    return inputs.slice(end).map(plain);
  },
  check: (inputs, { counters }) => {
    require(inputs.length === 3 + counters.length, "each counter needs a number");
    for (const x of inputs.slice(3)) require(x.dtype === "i32" && x.shape.length === 0, "a counter is no i32 scalar");
    require(inputs[1]!.dtype === "bool" && sameShape(inputs[1]!.shape, inputs[2]!.shape), "the test does not fit");
    return [plain(inputs[0]!)];
  },
  pullback: (inputs, { body, forward, known, types }) => {
    checkStructured(forward, inputs);
    checkStructured({ inputs: forward.outputs }, types);
    checkStructured(body, [...inputs.slice(0, known), ...types]);
    checkStructured({ inputs: body.outputs }, inputs.slice(known));
    return types.map(plain);
  },
};
