// How are TensorFlow's operations written? With their attributes and the names of their outputs, as the registry of operations has
// them (`tensorflow/core/ops`). Shapes are known and said here; nothing is inferred later.
import { type ArrayType, type Shape, sizeOf, type TypedArray } from "../../ir/types.ts";
import type { Attributes, FunctionGraph, Ref, TfType } from "./graph.ts";

/** Elementwise operations with one output `y`, of the type of the input. */
export type UnaryOperation =
  | "Neg"
  | "Abs"
  | "Sign"
  | "Floor"
  | "Exp"
  | "Expm1"
  | "Log"
  | "Log1p"
  | "Sin"
  | "Cos"
  | "Tanh"
  | "Sigmoid"
  | "Sqrt"
  | "Erf"
  | "Invert";

/** Elementwise operations of two inputs with one output `z`; shapes are broadcast. */
export type BinaryOperation =
  | "AddV2"
  | "Sub"
  | "Mul"
  | "RealDiv"
  | "TruncateDiv"
  | "FloorMod"
  | "Pow"
  | "Maximum"
  | "Minimum"
  | "BitwiseAnd"
  | "BitwiseOr"
  | "BitwiseXor"
  | "RightShift";

/** Comparisons. */
export type Comparison = "Equal" | "NotEqual" | "Less" | "LessEqual" | "Greater" | "GreaterEqual";

/** Writes operations into a function. */
export class Operations {
  constructor(readonly graph: FunctionGraph) {}

  one(op: string, inputs: readonly Ref[], attributes: Attributes, output: string, type: TfType, shape: Shape): Ref {
    return this.graph.node(op, inputs, attributes, [{ argument: output, type, shape }])[0]!;
  }

  // ---- constants
  integers(values: readonly number[]): Ref {
    return this.graph.constant("i32", [values.length], Int32Array.from(values));
  }

  integer(value: number): Ref {
    return this.graph.constant("i32", [], Int32Array.of(value));
  }

  unsigned(value: number): Ref {
    return this.graph.constant("u32", [], Int32Array.of(value | 0));
  }

  /** `data` may be one value for all entries. What is the same everywhere is one number that is spread: XLA would write an array of
   *  constants out. */
  literal(type: TfType, shape: Shape, data: TypedArray): Ref {
    if (data.some((x) => !Object.is(x, data[0]))) return this.graph.constant(type, shape, data);
    return this.broadcastTo(this.graph.constant(type, [], data.slice(0, 1)), shape);
  }

  /** 0, 1, … as i32. */
  range(n: number): Ref {
    const inputs = [this.integer(0), this.integer(n), this.integer(1)];
    return this.one("Range", inputs, { Tidx: { type: "i32" } }, "output", "i32", [n]);
  }

  fill(value: number, type: TfType, shape: Shape): Ref {
    const classes = { f32: Float32Array, bool: Uint8Array, u8: Uint8Array };
    return this.literal(type, shape, (classes[type as "f32" | "bool" | "u8"] ?? Int32Array).of(value));
  }

  /** One value that broadcasts against anything. */
  scalar(value: number, like: Ref): Ref {
    return this.fill(value, like.type, []);
  }

  // ---- elementwise
  unary(op: UnaryOperation, x: Ref): Ref {
    return this.one(op, [x], { T: { type: x.type } }, "y", x.type, x.shape);
  }

  binary(op: BinaryOperation, x: Ref, y: Ref): Ref {
    return this.one(op, [x, y], { T: { type: x.type } }, "z", x.type, broadcast(x.shape, y.shape));
  }

  compare(op: Comparison, x: Ref, y: Ref): Ref {
    return this.one(op, [x, y], { T: { type: x.type } }, "z", "bool", broadcast(x.shape, y.shape));
  }

  logical(op: "LogicalAnd" | "LogicalOr", x: Ref, y: Ref): Ref {
    return this.one(op, [x, y], {}, "z", "bool", broadcast(x.shape, y.shape));
  }

  not(x: Ref): Ref {
    return this.one("LogicalNot", [x], {}, "y", "bool", x.shape);
  }

  isFinite(x: Ref): Ref {
    return this.one("IsFinite", [x], { T: { type: x.type } }, "y", "bool", x.shape);
  }

  select(condition: Ref, x: Ref, y: Ref): Ref {
    const shape = broadcast(condition.shape, broadcast(x.shape, y.shape));
    return this.one("SelectV2", [condition, x, y], { T: { type: x.type } }, "output", x.type, shape);
  }

  cast(x: Ref, to: TfType): Ref {
    if (x.type === to) return x;
    return this.one("Cast", [x], { SrcT: { type: x.type }, DstT: { type: to } }, "y", to, x.shape);
  }

  /** The same bits as another type of the same size. */
  bits(x: Ref, to: TfType): Ref {
    return this.one("Bitcast", [x], { T: { type: x.type }, type: { type: to } }, "output", to, x.shape);
  }

  /** An array of a type as it was handed over. */
  unpacked(x: Ref, { dtype, shape }: ArrayType): Ref {
    if (dtype !== "u8") return x;
    const [integers] = x.shape as readonly [number];
    const attributes = { T: { type: "i32" }, type: { type: "u8" } } as const;
    const bytes = this.one("Bitcast", [x], attributes, "output", "u8", [integers, 4]);
    const whole = this.reshape(bytes, [4 * integers]);
    return this.reshape(this.slice(whole, [0], [sizeOf(shape)], [1]), shape);
  }

  // ---- reductions
  reduce(op: "Sum" | "Max", x: Ref, axes: readonly number[]): Ref {
    if (axes.length === 0) return x;
    const shape = x.shape.filter((_, i) => !axes.includes(i));
    const attributes = { T: { type: x.type }, Tidx: { type: "i32" } } as const;
    return this.one(op, [x, this.integers(axes)], attributes, "output", x.type, shape);
  }

  /** True where all are. */
  all(x: Ref): Ref {
    if (x.shape.length === 0) return x;
    const axes = this.integers(x.shape.map((_, i) => i));
    return this.one("All", [x, axes], { Tidx: { type: "i32" } }, "output", "bool", []);
  }

  argmax(x: Ref, axis: number): Ref {
    const attributes = { T: { type: x.type }, Tidx: { type: "i32" }, output_type: { type: "i32" } } as const;
    const shape = x.shape.filter((_, i) => i !== axis);
    return this.one("ArgMax", [x, this.integer(axis)], attributes, "output", "i32", shape);
  }

  // ---- movement
  reshape(x: Ref, shape: Shape): Ref {
    if (same(x.shape, shape)) return x;
    const attributes = { T: { type: x.type }, Tshape: { type: "i32" } } as const;
    return this.one("Reshape", [x, this.integers(shape)], attributes, "output", x.type, shape);
  }

  transpose(x: Ref, permutation: readonly number[]): Ref {
    if (permutation.every((p, i) => p === i)) return x;
    const attributes = { T: { type: x.type }, Tperm: { type: "i32" } } as const;
    const shape = permutation.map((p) => x.shape[p]!);
    return this.one("Transpose", [x, this.integers(permutation)], attributes, "y", x.type, shape);
  }

  broadcastTo(x: Ref, shape: Shape): Ref {
    if (same(x.shape, shape)) return x;
    const attributes = { T: { type: x.type }, Tidx: { type: "i32" } } as const;
    return this.one("BroadcastTo", [x, this.integers(shape)], attributes, "output", x.type, shape);
  }

  slice(x: Ref, start: readonly number[], limit: readonly number[], stride: readonly number[]): Ref {
    const shape = start.map((s, i) => Math.max(0, Math.ceil((limit[i]! - s) / stride[i]!)));
    if (same(shape, x.shape)) return x;
    const attributes = { T: { type: x.type }, Index: { type: "i32" } } as const;
    const places = [start, limit, stride].map((list) => this.integers(list));
    return this.one("StridedSlice", [x, ...places], attributes, "output", x.type, shape);
  }

  /** Zeros around. */
  pad(x: Ref, low: readonly number[], high: readonly number[]): Ref {
    if ([...low, ...high].every((n) => n === 0)) return x;
    const paddings = this.literal("i32", [low.length, 2], Int32Array.from(low.flatMap((l, i) => [l, high[i]!])));
    const shape = x.shape.map((n, i) => n + low[i]! + high[i]!);
    // there is no Pad of booleans everywhere
    if (x.type === "bool") return this.cast(this.pad(this.cast(x, "i32"), low, high), "bool");
    const attributes = { T: { type: x.type }, Tpaddings: { type: "i32" } } as const;
    return this.one("Pad", [x, paddings], attributes, "output", x.type, shape);
  }

  concat(list: readonly Ref[], axis: number): Ref {
    if (list.length === 1) return list[0]!;
    const { type, shape } = list[0]!;
    const attributes = { N: { integer: list.length }, T: { type }, Tidx: { type: "i32" } } as const;
    const size = list.reduce((n, x) => n + x.shape[axis]!, 0);
    const whole = shape.map((n, i) => i === axis ? size : n);
    return this.one("ConcatV2", [...list, this.integer(axis)], attributes, "output", type, whole);
  }

  reverse(x: Ref, axes: readonly number[]): Ref {
    if (axes.length === 0) return x;
    const attributes = { T: { type: x.type }, Tidx: { type: "i32" } } as const;
    return this.one("ReverseV2", [x, this.integers(axes)], attributes, "output", x.type, x.shape);
  }

  gather(x: Ref, indices: Ref, axis: number, batch: number): Ref {
    const attributes = {
      Tparams: { type: x.type },
      Tindices: { type: "i32" },
      Taxis: { type: "i32" },
      batch_dims: { integer: batch },
    } as const;
    const shape = [...x.shape.slice(0, axis), ...indices.shape.slice(batch), ...x.shape.slice(axis + 1)];
    return this.one("GatherV2", [x, indices, this.integer(axis)], attributes, "output", x.type, shape);
  }

  /** (updates [I, Q], places [I]) -> [size, Q]; negative places are dropped. */
  segmentSum(updates: Ref, places: Ref, size: number): Ref {
    const attributes = { T: { type: updates.type }, Tindices: { type: "i32" }, Tnumsegments: { type: "i32" } } as const;
    const shape = [size, ...updates.shape.slice(1)];
    const inputs = [updates, places, this.integer(size)];
    return this.one("UnsortedSegmentSum", inputs, attributes, "output", updates.type, shape);
  }

  // ---- contractions
  /** [B, m, k] with [B, k, n]; `adjoint` says which is given transposed. */
  matmul(x: Ref, y: Ref, [adjointX, adjointY]: readonly [boolean, boolean]): Ref {
    const [b, m] = [x.shape[0]!, x.shape[adjointX ? 2 : 1]!];
    const n = y.shape[adjointY ? 1 : 2]!;
    const attributes = { T: { type: x.type }, adj_x: { flag: adjointX }, adj_y: { flag: adjointY } } as const;
    return this.one("BatchMatMulV2", [x, y], attributes, "output", x.type, [b, m, n]);
  }

  solve(a: Ref, b: Ref): Ref {
    return this.one("MatrixSolve", [a, b], { T: { type: a.type } }, "output", a.type, b.shape);
  }

  // ---- lists of arrays, as loops read and write them
  listOf(x: Ref): Ref {
    const shape = x.shape.slice(1);
    const attributes = { element_dtype: { type: x.type }, shape_type: { type: "i32" } } as const;
    return this.one("TensorListFromTensor", [x, this.integers(shape)], attributes, "output_handle", "variant", shape);
  }

  newList(type: TfType, shape: Shape, length: number): Ref {
    const attributes = { element_dtype: { type }, shape_type: { type: "i32" } } as const;
    const inputs = [this.integers(shape), this.integer(length)];
    return this.one("TensorListReserve", inputs, attributes, "handle", "variant", shape);
  }

  item(list: Ref, index: Ref, type: TfType): Ref {
    const inputs = [list, index, this.integers(list.shape)];
    return this.one("TensorListGetItem", inputs, { element_dtype: { type } }, "item", type, list.shape);
  }

  setItem(list: Ref, index: Ref, item: Ref): Ref {
    const attributes = { element_dtype: { type: item.type } } as const;
    return this.one("TensorListSetItem", [list, index, item], attributes, "output_handle", "variant", list.shape);
  }

  stack(list: Ref, type: TfType, length: number): Ref {
    const attributes = { element_dtype: { type }, num_elements: { integer: length } } as const;
    const shape = [length, ...list.shape];
    return this.one("TensorListStack", [list, this.integers(list.shape)], attributes, "tensor", type, shape);
  }

  /** While `condition(state)`, the state becomes `body(state)`: names of functions. */
  loop(condition: string, body: string, state: readonly Ref[]): readonly Ref[] {
    const attributes: Attributes = {
      T: { types: state.map((x) => x.type) },
      cond: { call: condition },
      body: { call: body },
      output_shapes: { shapes: state.map((x) => x.type === "variant" ? [] : x.shape) },
      parallel_iterations: { integer: 1 },
    };
    return this.graph.node(
      "StatelessWhile",
      state,
      attributes,
      state.map((x) => ({ argument: "output", type: x.type, shape: x.shape })),
    );
  }
}

/** The shape of what is made of two that broadcast. */
function broadcast(a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [n, m] = [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1];
    return n === 1 ? m : n;
  });
}

function same(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((n, i) => n === b[i]);
}
