// The models of `higher`'s test suite, as programs and as plain code: a perceptron with a layer without bias, an encoder that
// adds two uses of one layer, a sequence that uses one layer twice, a model with a parameter that nothing reads, batch
// normalisation between layers, and recurrent networks.
import { add, constant, inverseRoot, mean, mul, relu, type Scalar, sigmoid, sub, sum, tanh } from "./scalars.ts";

/** Rows of numbers. */
export type Matrix = readonly (readonly Scalar[])[];

/** One tensor of parameters. */
export interface Tensor {
  readonly shape: readonly number[];
  readonly entries: readonly Scalar[];
}

/** A model twice. */
export interface PlainModel {
  readonly name: string;
  /** Definitions in the language, of `net` and what it uses; `x` is [8, 4] or, when recurrent, [3, 2, 4]. */
  readonly source: string;
  /** Its tensors by the names below `net`, with the shapes. */
  readonly parameters: Readonly<Record<string, readonly number[]>>;
  /** Those that nothing reads. */
  readonly unread?: readonly string[];
  readonly recurrent?: boolean;
  /** The outputs, of one example or of one time and example in each row. */
  readonly outputs: (p: Readonly<Record<string, Tensor>>, x: Matrix) => Matrix;
}

/** x W + b for W [m, n]. */
function affine(x: Matrix, W: Tensor, b?: Tensor): Matrix {
  const [m, n] = W.shape as [number, number];
  return x.map((row) =>
    Array.from({ length: n }, (_, j) => {
      const product = sum(Array.from({ length: m }, (_, i) => mul(row[i]!, W.entries[i * n + j]!)));
      return b ? add(product, b.entries[j]!) : product;
    })
  );
}

const map = (x: Matrix, f: (value: Scalar) => Scalar): Matrix => x.map((row) => row.map(f));
const zip = (a: Matrix, b: Matrix, f: (a: Scalar, b: Scalar) => Scalar): Matrix =>
  a.map((row, i) => row.map((value, j) => f(value, b[i]![j]!)));

function batchNorm(x: Matrix, gain: Tensor, bias: Tensor): Matrix {
  const columns = x[0]!.map((_, j) => {
    const column = x.map((row) => row[j]!);
    const m = mean(column);
    const v = mean(column.map((value) => mul(sub(value, m), sub(value, m))));
    return column.map((value) =>
      add(mul(mul(sub(value, m), inverseRoot(add(v, constant(1e-5)))), gain.entries[j]!), bias.entries[j]!)
    );
  });
  return x.map((_, i) => columns.map((column) => column[i]!));
}

/** Entry k along the first axis of a tensor. */
function part({ shape, entries }: Tensor, k: number): Tensor {
  const own = shape.slice(1);
  const size = own.reduce((n, each) => n * each, 1);
  return { shape: own, entries: entries.slice(k * size, (k + 1) * size) };
}

const linear = `model linear(units : int)(x : [n, m]) -> [n, units] {
  W : [m, units] ~ normal(0, 0.6)
  b : [units] ~ normal(0, 0.3)
  return dot(x, W) + b
}
`;

const units = 3;
/** Runs `next` over the times; a row of x is a time, then an example. */
function recurrent(x: Matrix, next: (now: Matrix, h: Matrix, c: Matrix) => { h: Matrix; c: Matrix }): Matrix {
  const examples = 2;
  const zero = Array.from({ length: examples }, () => Array.from({ length: units }, () => constant(0)));
  let state: { h: Matrix; c: Matrix } = { h: zero, c: zero };
  const outputs: (readonly Scalar[])[] = [];
  for (let at = 0; at < x.length; at += examples) {
    state = next(x.slice(at, at + examples), state.h, state.c);
    outputs.push(...state.h);
  }
  return outputs;
}
/** now W + h U + b of gate k. */
const gate = (p: Readonly<Record<string, Tensor>>, k: number, now: Matrix, h: Matrix): Matrix =>
  zip(affine(now, part(p["cell.W"]!, k), part(p["cell.b"]!, k)), affine(h, part(p["cell.U"]!, k)), add);

/** The models of `test_optim` and `test_patch`. */
export const models: readonly PlainModel[] = [
  {
    name: "plain perceptron",
    source: `${linear}model net(x : [n, m]) {
  use l1 = linear(3)
  use l3 = linear(2)
  V : [3, 4] ~ normal(0, 0.6)
  return l3(sigmoid(dot(relu(l1(x)), V)))
}
`,
    parameters: { V: [3, 4], "l1.W": [4, 3], "l1.b": [3], "l3.W": [4, 2], "l3.b": [2] },
    outputs: (p, x) => {
      const hidden = map(affine(map(affine(x, p["l1.W"]!, p["l1.b"]), relu), p.V!), sigmoid);
      return affine(hidden, p["l3.W"]!, p["l3.b"]);
    },
  },
  {
    name: "shared layer",
    source: `${linear}model net(x : [n, m]) {
  use e = linear(2)
  return e(x) + e(x)
}
`,
    parameters: { "e.W": [4, 2], "e.b": [2] },
    outputs: (p, x) => zip(affine(x, p["e.W"]!, p["e.b"]), affine(x, p["e.W"]!, p["e.b"]), add),
  },
  {
    name: "shared layer in sequence",
    source: `${linear}model net(x : [n, m]) {
  use proj = linear(3)
  use l2 = linear(4)
  use l3 = linear(2)
  return l3(tanh(proj(sigmoid(l2(relu(proj(x)))))))
}
`,
    parameters: { "proj.W": [4, 3], "proj.b": [3], "l2.W": [3, 4], "l2.b": [4], "l3.W": [3, 2], "l3.b": [2] },
    outputs: (p, x) => {
      const proj = (value: Matrix) => affine(value, p["proj.W"]!, p["proj.b"]);
      const hidden = map(affine(map(proj(x), relu), p["l2.W"]!, p["l2.b"]), sigmoid);
      return affine(map(proj(hidden), tanh), p["l3.W"]!, p["l3.b"]);
    },
  },
  {
    name: "partly used",
    source: `model net(x : [n, m]) {
  a : [m, 3] ~ normal(0, 0.6)
  b : [m, 3] ~ normal(0, 0.6)
  return dot(x, a)
}
`,
    parameters: { a: [4, 3], b: [4, 3] },
    unread: ["b"],
    outputs: (p, x) => affine(x, p.a!),
  },
  {
    name: "batch norm perceptron",
    source: `${linear}model net(x : [n, m]) {
  use l1 = linear(3)
  use n1 = batch_norm()
  use l2 = linear(4)
  use n2 = batch_norm()
  use l3 = linear(2)
  return l3(n2(sigmoid(l2(n1(relu(l1(x)))))))
}
`,
    parameters: {
      "l1.W": [4, 3],
      "l1.b": [3],
      "n1.gain": [3],
      "n1.bias": [3],
      "l2.W": [3, 4],
      "l2.b": [4],
      "n2.gain": [4],
      "n2.bias": [4],
      "l3.W": [4, 2],
      "l3.b": [2],
    },
    outputs: (p, x) => {
      const first = batchNorm(map(affine(x, p["l1.W"]!, p["l1.b"]), relu), p["n1.gain"]!, p["n1.bias"]!);
      const second = batchNorm(map(affine(first, p["l2.W"]!, p["l2.b"]), sigmoid), p["n2.gain"]!, p["n2.bias"]!);
      return affine(second, p["l3.W"]!, p["l3.b"]);
    },
  },
  {
    name: "RNN",
    source: `model net(x : [time, n, m]) {
  W : [m, ${units}] ~ normal(0, 0.6)
  U : [${units}, ${units}] ~ normal(0, 0.6)
  b : [${units}] ~ normal(0, 0.6)
  scan run over now in x {
    state h : [n, ${units}] = 0
    h' = tanh(dot(now, W) + dot(h, U) + b)
  }
  return run.h
}
`,
    parameters: { W: [4, units], U: [units, units], b: [units] },
    recurrent: true,
    outputs: (p, x) =>
      recurrent(x, (now, h) => {
        const next = map(zip(affine(now, p.W!, p.b), affine(h, p.U!), add), tanh);
        return { h: next, c: next };
      }),
  },
  {
    name: "LSTM",
    source: `model net(x : [time, n, m]) {
  use cell = lstm(${units})
  return cell(x)
}
`,
    parameters: { "cell.W": [4, 4, units], "cell.U": [4, units, units], "cell.b": [4, units] },
    recurrent: true,
    outputs: (p, x) =>
      recurrent(x, (now, h, c) => {
        const [i, f, g, o] = [sigmoid, sigmoid, tanh, sigmoid].map((act, k) => map(gate(p, k, now, h), act));
        const cell = zip(zip(f!, c, mul), zip(i!, g!, mul), add);
        return { h: zip(o!, map(cell, tanh), mul), c: cell };
      }),
  },
  {
    name: "GRU",
    source: `model net(x : [time, n, m]) {
  use cell = gru(${units})
  return cell(x)
}
`,
    parameters: { "cell.W": [3, 4, units], "cell.U": [3, units, units], "cell.b": [3, units], "cell.c": [units] },
    recurrent: true,
    outputs: (p, x) =>
      recurrent(x, (now, h) => {
        const [r, z] = [0, 1].map((k) => map(gate(p, k, now, h), sigmoid));
        const inner = zip(r!, affine(h, part(p["cell.U"]!, 2), p["cell.c"]), mul);
        const g = map(zip(affine(now, part(p["cell.W"]!, 2), part(p["cell.b"]!, 2)), inner, add), tanh);
        const next = zip(g, zip(z!, zip(h, g, sub), mul), add); // (1 − z) g + z h
        return { h: next, c: next };
      }),
  },
];
