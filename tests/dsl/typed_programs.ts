// Random programs that are right: every expression has the shape that its place needs, every meta-parameter can be reached, and
// everything is smooth, so that gradients can be compared with differences. All meta-parameters move along one line: each is
// written as `(base + i * direction)` with an input `i`, and the slope in `i` at 0 is the gradients' product with the
// directions.
import fc from "fast-check";

/** A program and what it differentiates. */
export interface TypedProgram {
  readonly source: string;
  /** The directions of the entries of every gradient, by the name in `wrt`. */
  readonly wrt: readonly { readonly name: string; readonly directions: readonly number[] }[];
}

type Shape = readonly number[];
const shapes: readonly Shape[] = [[], [2], [3], [2, 3], [3, 2]];

/** Variables that an expression may read, by shape. */
type Variables = (shape: Shape) => readonly string[];

function expression(shape: Shape, depth: number, variables: Variables): fc.Arbitrary<string> {
  const here = variables(shape).map((name) => fc.constant(name));
  const number = fc.integer({ min: -20, max: 20 }).map((n) => n < 0 ? `(${n / 10})` : `${n / 10}`);
  const any = filled(shape, number);
  const leaf = here.length > 0 ? fc.oneof({ weight: 4, arbitrary: fc.oneof(...here) }, any) : any;
  if (depth === 0) return leaf;
  const of = (s: Shape) => expression(s, depth - 1, variables);
  const [a, b] = shape;
  const other = a === 2 ? 3 : 2;
  const one = (s: Shape, f: (e: string) => string) => of(s).map(f);
  const two = (s: Shape, t: Shape, f: (x: string, y: string) => string) =>
    fc.tuple(of(s), of(t)).map(([x, y]) => f(x, y));
  const choices: fc.Arbitrary<string>[] = [
    ...["tanh", "sigmoid", "softplus", "sin", "cos", "gelu", "erf"].map((f) => one(shape, (e) => `${f}(${e})`)),
    one(shape, (e) => `exp(tanh(${e}))`),
    one(shape, (e) => `sqrt(1 + (${e})^2)`),
    one(shape, (e) => `log(1 + (${e})^2)`),
    one(shape, (e) => `-(${e})`),
    ...["+", "-", "*"].map((op) => two(shape, shape, (x, y) => `(${x} ${op} ${y})`)),
    two(shape, shape, (x, y) => `${x} / (1.5 + sin(${y}))`),
    two(shape, [], (x, y) => `(${x} * ${y})`),
    one(shape, (e) => `where(true, ${e}, 0 * (${e}))`),
    one(shape, (e) => `(${e} |> tanh)`),
  ];
  if (shape.length === 0) {
    for (const s of shapes) {
      if (s.length > 0) choices.push(one(s, (e) => `mean(${e})`), one(s, (e) => `sum((${e})^2)`));
    }
    choices.push(one([2], (e) => `(${e})[1]`), one([3], (e) => `(${e})[-1]`), one([3], (e) => `sum(logsumexp(${e}))`));
  }
  if (shape.length === 1) {
    choices.push(
      one([a!, other], (e) => `sum(${e}, axis = 1)`),
      one([other, a!], (e) => `mean(${e}, axis = 0)`),
      one([other, a!], (e) => `(${e})[0]`),
      one(shape, (e) => `softmax(${e})`),
      two([], [], (x, y) => a === 2 ? `stack(${x}, ${y})` : `concat(stack(${x}, ${y}), [0.5])`),
    );
  }
  if (shape.length === 2) {
    choices.push(
      one([b!, a!], (e) => `transpose(${e})`),
      one([b!, a!], (e) => `reshape(${e}, [${a}, ${b}])`),
      two(shape, [b!], (x, y) => `(${x} + ${y})`),
      two([a!], [b!], (x, y) => `reshape(${x}, [${a}, 1]) * (${y})`),
      two([a!, b!], [a!, b!], (x, y) => `dot(dot(${x}, transpose(${y})), ${x})`),
      one(shape, (e) => `log_softmax(${e})`),
    );
  }
  return fc.oneof({ weight: 1, arbitrary: leaf }, {
    weight: 4,
    arbitrary: fc.oneof(...choices),
  });
}

/** A tensor of a shape that has no variable: a literal times a scalar. */
function filled(shape: Shape, scalar: fc.Arbitrary<string>): fc.Arbitrary<string> {
  if (shape.length === 0) return scalar;
  const size = shape.reduce((n, each) => n * each, 1);
  return scalar.map((x) =>
    `(${literal(shape, Array.from({ length: size }, (_, k) => `${((k * 7 + 3) % 5) / 4 - 0.5}`))} * ${x})`
  );
}

function literal(shape: Shape, entries: readonly string[]): string {
  if (shape.length === 0) return entries[0]!;
  const size = entries.length / shape[0]!;
  const rows = Array.from(
    { length: shape[0]! },
    (_, i) => literal(shape.slice(1), entries.slice(i * size, (i + 1) * size)),
  );
  return `[${rows.join(", ")}]`;
}

/** A meta-parameter: its values at i = 0 and their directions. */
interface Moved {
  readonly text: string;
  readonly directions: readonly number[];
}
const moved = (base: number, direction: number): Moved => ({
  text: `(${base} + i * ${direction})`,
  directions: [direction],
});

const fraction = (low: number, high: number) => fc.integer({ min: 0, max: 20 }).map((n) => low + (high - low) * n / 20);

function tensor(shape: Shape, scale = 0.8): fc.Arbitrary<Moved> {
  const size = shape.reduce((n, each) => n * each, 1);
  return fc.array(fc.tuple(fraction(-scale, scale), fraction(-1, 1)), { minLength: size, maxLength: size }).map((
    all,
  ) => ({
    text: literal(shape, all.map(([base, direction]) => moved(base, direction).text)),
    directions: all.map(([, direction]) => direction),
  }));
}

/** Optimizers that are smooth in all of these hyperparameters away from zero gradients, with the ranges that are sensible. */
const rules: Readonly<Record<string, Readonly<Record<string, readonly [number, number]>>>> = {
  sgd: { lr: [0.05, 0.3], momentum: [0.1, 0.8], dampening: [0.1, 0.5], weight_decay: [0.05, 0.2] },
  adam: { lr: [0.02, 0.1], beta1: [0.3, 0.8], beta2: [0.5, 0.9], eps: [0.05, 0.3], weight_decay: [0.05, 0.2] },
  adamw: { lr: [0.02, 0.1], beta1: [0.3, 0.8], beta2: [0.5, 0.9], eps: [0.05, 0.3], weight_decay: [0.05, 0.2] },
  rmsprop: { lr: [0.02, 0.1], alpha: [0.5, 0.9], eps: [0.1, 0.3], momentum: [0.1, 0.6] },
  adagrad: { lr: [0.05, 0.2], lr_decay: [0.05, 0.2], eps: [0.1, 0.3], initial: [0.1, 0.4] },
  nadam: { lr: [0.02, 0.1], beta1: [0.3, 0.8], beta2: [0.5, 0.9], eps: [0.1, 0.3] },
  asgd: { lr: [0.05, 0.2], lambd: [0.05, 0.2], alpha: [0.3, 0.8] },
  lamb: { lr: [0.02, 0.1], beta1: [0.3, 0.8], beta2: [0.5, 0.9], eps: [0.1, 0.3], weight_decay: [0.05, 0.2] },
};

const rule = fc.constantFrom(...Object.keys(rules)).chain((name) => {
  const ranges = Object.entries(rules[name]!);
  return fc.tuple(...ranges.map(([, [low, high]]) => fc.tuple(fraction(low, high), fraction(-0.05, 0.05)))).map((
    values,
  ) => ({
    name,
    hyper: ranges.map(([hyper], k) => ({ name: hyper, ...moved(...values[k]!) })),
  }));
});

const activation = fc.constantFrom("tanh", "sigmoid", "softplus", "gelu", "silu");

/** A model of [n, 3] to [n, 2], and its parameters. */
const model = fc.tuple(
  fc.constantFrom("dense", "scan", "shared", "normalised"),
  activation,
  tensor([3, 2]),
  tensor([2]),
  tensor([2, 2]),
).map(([kind, act, W, b, U]) => {
  const parameters = [
    { name: "W", shape: "[3, 2]", ...W },
    { name: "b", shape: "[2]", ...b },
    { name: "U", shape: "[2, 2]", ...U },
  ];
  const declarations = parameters.map((p) => `  ${p.name} : ${p.shape} = ${p.text}`).join("\n");
  const body: Readonly<Record<string, string>> = {
    dense: `  return dot(${act}(dot(x, W) + b), U)`,
    scan: `  scan run over now in x {
    state h : [2] = 0
    h' = ${act}(dot(reshape(now, [1, 3]), W)[0] + dot(reshape(h, [1, 2]), U)[0] + b)
  }
  return run.h`,
    shared: `  use again = linear
  return again(${act}(dot(x, W) + b)) + 0.5 * again(dot(x, W))`,
    normalised: `  use norm = layer_norm()
  return dot(norm(${act}(dot(x, W) + b)), U) + b`,
  };
  const shared = kind === "shared";
  const linear = `model linear(x : [n, 2]) -> [n, 2] {\n  U : [2, 2] = ${U.text}\n  return dot(x, U)\n}\n`;
  const own = shared ? parameters.slice(0, 2) : parameters;
  return {
    text: `${shared ? linear : ""}model net(x : [n, 3]) {\n${
      shared ? declarations.split("\n").slice(0, 2).join("\n") : declarations
    }\n${body[kind]}\n}\n`,
    parameters: [
      ...own.map((p) => ({ name: p.name, directions: p.directions })),
      ...(shared ? [{ name: "again.U", directions: U.directions }] : []),
      // gain and bias of the norm start at 1 and 0 and do not move
      ...(kind === "normalised"
        ? [{ name: "norm.gain", directions: [0, 0] }, { name: "norm.bias", directions: [0, 0] }]
        : []),
    ],
  };
});

const free = (time: string): Variables => (shape) => {
  const names: Readonly<Record<string, readonly string[]>> = {
    "": ["p"],
    "2": [`v${time}`],
    "2,3": [`w${time}`, "d.x"],
    "3,2": [`transpose(w${time})`],
  };
  return names[String(shape)] ?? [];
};

/** A random program that is right. */
export const typedProgram: fc.Arbitrary<TypedProgram> = fc.record({
  model,
  rule,
  w: tensor([2, 3]),
  v: tensor([2]),
  p: fc.tuple(fraction(-0.8, 0.8), fraction(-1, 1)),
  inside: expression([], 3, free("")),
  outside: expression([], 3, free("@T")),
  steps: fc.integer({ min: 2, max: 4 }),
  clip: fc.option(fraction(0.3, 1), { nil: undefined }),
  schedule: fc.constantFrom("", " per step", " per tensor"),
  loss: fc.constantFrom("mse", "huber", "cross_entropy"),
  every: fc.boolean(),
  tasks: fc.boolean(),
}).map((parts) => {
  const { steps, schedule } = parts;
  const [lr, ...rest] = parts.rule.hyper;
  const labels = parts.loss === "cross_entropy" ? "y : int [2] = [0, 1]" : "y : [2, 2] = [[0.3, -0.4], [0.9, 0.1]]";
  const loss = (net: string, x: string, y: string) => `${parts.loss}(${net}(${x}), ${y})`;
  const query = parts.tasks ? "q.x" : "d.x + 0.3";
  const goal = (time: string) => loss(`net@${time}`, query, "d.y");
  const target = parts.every ? `sum(${goal("t")} for t in 1 .. T)` : goal("T");
  // how many entries the rate has, all of which move together
  const tensors = parts.model.parameters.length + 2;
  const rates = schedule === " per step" ? steps : schedule === " per tensor" ? tensors : 1;
  const source = `edition 1
precision f64
input i : float = 0
data d { x : [2, 3] = [[0.5, -0.3, 0.8], [-0.6, 0.9, 0.2]]  ${labels} }
${
    parts.tasks
      ? "task shift {\n  a ~ uniform(-0.5, 0.5)\n  split q { x = d.x + a }\n}\n"
      : ""
  }${parts.model.text}param w : [2, 3] = ${parts.w.text}
param v : [2] = ${parts.v.text}
param p = ${moved(...parts.p).text}
inner fit {
  minimize ${
    loss("net", "d.x", "d.y")
  } + 0.3 * tanh(0.2 * (${parts.inside})) + 0.1 * p * sum(w^2) + 0.2 * sum((v - p)^2)
  over net, w, v by ${parts.rule.name}(${rest.map((h) => `${h.name} = ${h.text}`).join(", ")}${
    rest.length > 0 ? ", " : ""
  }lr = ${lr!.text})
  for T = ${steps} steps
  ${parts.clip === undefined ? "" : `clip norm ${parts.clip}`}
}
${
    schedule
      ? `override fit { lr = ${lr!.text}${schedule} }\n`
      : ""
  }gradient ${target} + 0.3 * tanh(0.2 * (${parts.outside})) + 0.1 * sum(w@T^2) + 0.1 * sum(v@T^2)
${parts.tasks ? "across 2 shift\n" : ""}wrt ${
    [
      ...parts.model.parameters.map((each) => `net.${each.name}@0`),
      "w@0",
      "v@0",
      "p",
      ...parts.rule.hyper.map((h) => `fit.${h.name}`),
    ].join(", ")
  }
`;
  return {
    source,
    wrt: [
      ...parts.model.parameters.map(({ name, directions }) => ({ name: `net.${name}@0`, directions })),
      { name: "w@0", directions: parts.w.directions },
      { name: "v@0", directions: parts.v.directions },
      { name: "p", directions: moved(...parts.p).directions },
      { name: "fit.lr", directions: Array.from({ length: rates }, () => lr!.directions[0]!) },
      ...rest.map(({ name, directions }) => ({ name: `fit.${name}`, directions })),
    ],
  };
});
