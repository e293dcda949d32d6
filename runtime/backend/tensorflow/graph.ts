// What is a TensorFlow graph made of? Functions of nodes with static shapes, and around them a graph that calls one. Written in
// the wire format of `tensorflow/core/framework/{graph,function,node_def,attr_value,tensor}.proto` and
// `tensorflow/core/protobuf/{saved_model,meta_graph}.proto`.
import { type ArrayType, type Shape, sizeOf, type TypedArray } from "../../ir/types.ts";
import { Message } from "./protobuf.ts";

/** Element types: those of the intermediate representation, and those that a lowering needs on the way. */
export type TfType = "f32" | "i32" | "bool" | "u8" | "u32" | "u64" | "variant";

/** Values of `tensorflow.DataType`. */
const typeNumbers: { readonly [T in TfType]: number } = {
  f32: 1,
  i32: 3,
  u8: 4,
  bool: 10,
  variant: 21,
  u32: 22,
  u64: 23,
};

/** What an array is handed over as: the package has no bytes, so four of them are an integer. */
export function handedOver({ dtype, shape }: ArrayType): { readonly type: TfType; readonly shape: Shape } {
  if (dtype !== "u8") return { type: dtype as TfType, shape };
  return { type: "i32", shape: [Math.ceil(sizeOf(shape) / 4)] };
}

/** What an array comes back as. */
export const handedBack = ({ dtype }: ArrayType): TfType => dtype === "u8" ? "i32" : dtype as TfType;

/** A value of a function. */
export interface Ref {
  /** How the nodes of the function name it. */
  readonly name: string;
  readonly type: TfType;
  /** A list of arrays has the shape of one of them. */
  readonly shape: Shape;
}

/** Values of attributes. */
export type Attribute =
  | { readonly type: TfType }
  | { readonly types: readonly TfType[] }
  | { readonly integer: number }
  | { readonly integers: readonly number[] }
  | { readonly flag: boolean }
  | { readonly text: string }
  | { readonly shape: Shape }
  | { readonly shapes: readonly Shape[] }
  | { readonly call: string }
  | { readonly tensor: { readonly type: TfType; readonly shape: Shape; readonly data: TypedArray } };

/** Attributes by name. */
export type Attributes = { readonly [name: string]: Attribute };

/** One output of a node: the name of the argument in the registry of operations, and what it is. */
export interface Output {
  readonly argument: string;
  readonly type: TfType;
  readonly shape: Shape;
}

function writeShape(shape: Shape) {
  return (m: Message) => shape.forEach((n) => m.message(2, (dimension) => dimension.integer(1, n)));
}

function writeTensor({ type, shape, data }: { type: TfType; shape: Shape; data: TypedArray }) {
  return (m: Message) => {
    m.integer(1, typeNumbers[type]).message(2, writeShape(shape));
    m.data(4, new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength));
  };
}

function writeAttribute(a: Attribute) {
  return (m: Message) => {
    if ("type" in a) m.integer(6, typeNumbers[a.type]);
    else if ("types" in a) m.message(1, (list) => a.types.forEach((t) => list.integer(6, typeNumbers[t])));
    else if ("integer" in a) m.integer(3, a.integer);
    else if ("integers" in a) m.message(1, (list) => a.integers.forEach((x) => list.integer(3, x)));
    else if ("flag" in a) m.integer(5, a.flag ? 1 : 0);
    else if ("text" in a) m.text(2, a.text);
    else if ("shape" in a) m.message(7, writeShape(a.shape));
    else if ("shapes" in a) m.message(1, (list) => a.shapes.forEach((s) => list.message(7, writeShape(s))));
    else if ("call" in a) m.message(10, (f) => f.text(1, a.call));
    else m.message(8, writeTensor(a.tensor));
  };
}

interface NodeToWrite {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly string[];
  readonly attributes: Attributes;
}

function writeNode({ name, op, inputs, attributes }: NodeToWrite) {
  return (m: Message) => {
    m.text(1, name).text(2, op);
    for (const input of inputs) m.text(3, input);
    for (const [key, value] of Object.entries(attributes)) m.entry(5, key, writeAttribute(value));
  };
}

/** A library of functions: names are given once. `compiled` asks for compilation by XLA. */
export class Library {
  readonly #functions: Uint8Array[] = [];
  #count = 0;

  constructor(readonly compiled: boolean) {}

  /** A name that no other function has. */
  newName(base: string): string {
    return `${base.replace(/[^A-Za-z0-9_]/g, "_")}_${this.#count++}`;
  }

  /** Nodes of all functions. */
  nodes = 0;

  add(fn: Uint8Array, nodes: number): void {
    this.#functions.push(fn);
    this.nodes += nodes;
  }

  /** A SavedModel whose graph calls one function: inputs `x0`, `x1` …, outputs `call:0`, `call:1` …. */
  savedModel(
    called: string,
    types: { readonly inputs: readonly ArrayType[]; readonly outputs: readonly ArrayType[] },
  ): Uint8Array {
    const graph = (m: Message) => {
      types.inputs.map(handedOver).forEach(({ type, shape }, i) => {
        const attributes = { dtype: { type }, shape: { shape } };
        m.message(1, writeNode({ name: `x${i}`, op: "Placeholder", inputs: [], attributes }));
      });
      const attributes: Attributes = {
        f: { call: called },
        Tin: { types: types.inputs.map((x) => handedOver(x).type) },
        Tout: { types: types.outputs.map(handedBack) },
        ...(this.compiled ? { _XlaMustCompile: { flag: true } } : {}),
      };
      const inputs = types.inputs.map((_, i) => `x${i}`);
      m.message(1, writeNode({ name: "call", op: "StatefulPartitionedCall", inputs, attributes }));
      m.message(2, (library) => this.#functions.forEach((fn) => library.data(1, fn)));
      m.message(4, (versions) => versions.integer(1, graphVersion));
    };
    const meta = (m: Message) => m.message(1, (info) => info.text(1, "v1").text(4, "serve")).message(2, graph);
    return new Message().integer(1, 1).message(2, meta).bytes;
  }
}

/** `TF_GRAPH_DEF_VERSION` of TensorFlow 2.9, the oldest library that the package comes with. */
const graphVersion = 1087;

/** A function being written. */
export class FunctionGraph {
  readonly inputs: readonly Ref[];
  readonly #nodes: NodeToWrite[] = [];
  readonly #constants = new Map<string, Ref>();

  constructor(readonly library: Library, inputs: readonly { readonly type: TfType; readonly shape: Shape }[]) {
    this.inputs = inputs.map(({ type, shape }, i) => ({ name: `x${i}`, type, shape }));
  }

  /** Adds a node. */
  node(op: string, inputs: readonly Ref[], attributes: Attributes, outputs: readonly Output[]): readonly Ref[] {
    const name = `n${this.#nodes.length}`;
    this.#nodes.push({ name, op, inputs: inputs.map((x) => x.name), attributes });
    const seen = new Map<string, number>();
    return outputs.map(({ argument, type, shape }) => {
      const index = seen.get(argument) ?? 0;
      seen.set(argument, index + 1);
      return { name: `${name}:${argument}:${index}`, type, shape };
    });
  }

  /** A constant array. Equal small ones are one node. */
  constant(type: TfType, shape: Shape, data: TypedArray): Ref {
    const key = data.length <= 16
      ? `${type} ${shape} ${Array.from(data, (x) => Object.is(x, -0) ? "-0" : x)}`
      : undefined;
    const known = key === undefined ? undefined : this.#constants.get(key);
    if (known) return known;
    const attributes = { dtype: { type }, value: { tensor: { type, shape, data } } };
    const [made] = this.node("Const", [], attributes, [{ argument: "output", type, shape }]);
    if (key !== undefined) this.#constants.set(key, made!);
    return made!;
  }

  /** Ends the function and puts it into the library. Returns its name. */
  finish(base: string, outputs: readonly Ref[]): string {
    const name = this.library.newName(base);
    const m = new Message();
    const argument = (x: Ref, label: string) => (a: Message) => a.text(1, label).integer(3, typeNumbers[x.type]);
    m.message(1, (signature) => {
      signature.text(1, name);
      this.inputs.forEach((x) => signature.message(2, argument(x, x.name)));
      outputs.forEach((x, i) => signature.message(3, argument(x, `y${i}`)));
    });
    for (const node of this.#nodes) m.message(3, writeNode(node));
    // TensorFlow's own rewriting (`grappler/optimizers/meta_optimizer.cc`) leaves such functions alone: XLA does better by itself
    if (this.library.compiled) m.entry(5, "_tf_data_function", writeAttribute({ flag: true }));
    outputs.forEach((x, i) => m.message(4, (e) => e.text(1, `y${i}`).text(2, x.name)));
    this.library.add(m.bytes, this.#nodes.length);
    return name;
  }
}
