// Which models are written? One network for each kind of input, of every layer, activation and initialiser; with parameters that
// start at zeros, numbers, draws, or at what is learned.
import type { Dice } from "./dice.ts";
import { literal, type Shape } from "./expressions.ts";

/** How a parameter starts: what stands behind its type. */
export type Start = (shape: Shape) => string;

/** A network of a batch of inputs to [n, classes]. */
export interface Network {
  /** Its definition and those of the models that it uses, the network last. */
  readonly models: readonly { readonly name: string; readonly text: string }[];
  readonly input: Input;
  readonly classes: number;
  /** It takes a second argument: 1 while training. */
  readonly training: boolean;
  /** Paths of some parameters, behind the network's name. */
  readonly parameters: readonly string[];
}

/** What the network takes. `n` rows. */
export interface Input {
  readonly kind: keyof typeof inputs;
  /** Sizes of the field, the rows at `rowAxis`. */
  readonly shape: Shape;
  readonly rowAxis: number;
  readonly width: number;
}

const inputs = {
  features: (n: number, width: number) => ({ shape: [n, width], rowAxis: 0 }),
  image: (n: number, width: number) => ({ shape: [n, width, 4, 4], rowAxis: 0 }),
  sequence: (n: number, width: number) => ({ shape: [2, n, width], rowAxis: 1 }),
  steps: (n: number, width: number) => ({ shape: [n, 2, width], rowAxis: 0 }),
  tokens: (n: number, _width: number) => ({ shape: [n], rowAxis: 0 }),
} as const;

/** How many tokens there are. */
export const vocabulary = 3;

const activations = [
  ..."tanh sigmoid relu leaky_relu elu selu gelu silu softplus".split(" "),
  "softmax",
  "log_softmax",
] as const;

const initialisers = [
  "glorot()",
  "glorot_normal()",
  "he()",
  "he_uniform()",
  "lecun()",
  "normal(0, 0.5)",
  "uniform(-0.5, 0.5)",
  "truncated_normal(0.5)",
  "own_init()",
];

/** What own initialisers need. */
export const ownInitialiser = "fn own_init() = uniform(-1 / sqrt(fan_in() + 1), 1 / sqrt(1 + fan_out()))";

interface Stage {
  readonly members: string[];
  readonly value: string;
  readonly width: number;
}

/** A network and the models below it. */
export function network(dice: Dice, rows: number, start: Start): Network {
  const kind = dice.weighted<keyof typeof inputs>([[6, "features"], [5, "image"], [3, "sequence"], [1.2, "steps"], [
    1.2,
    "tokens",
  ]]);
  const classes = dice.int(2, 3);
  const width = kind === "image" ? dice.int(1, 2) : kind === "steps" ? 2 : dice.int(1, 3);
  const input: Input = { kind, width, ...inputs[kind](rows, width) };
  const below: { name: string; text: string }[] = [];
  const parameters: string[] = [];
  const body: string[] = [];
  const layers = new Layers(dice, start, body, below, parameters);
  const begun = begin[kind](layers, width);
  const middle = layers.middle(begun);
  const value = layers.last(middle, classes);
  const formal = {
    features: "[n, m]",
    image: `[n, ${width}, 4, 4]`,
    sequence: "[time, n, m]",
    steps: "[n, time, m]",
    tokens: "int [n]",
  }[kind];
  const training = layers.training;
  const result = dice.chance(0.8) ? ` -> [n, ${classes}]` : "";
  const text = `model net(x : ${kind === "features" && dice.chance(0.3) ? `[n, ${width}]` : formal}${
    training ? ", training : float" : ""
  })${result} {\n${body.map((line) => `  ${line}`).join("\n")}\n  return ${value}\n}`;
  return { models: [...below, { name: "net", text }], input, classes, training, parameters };
}

/** The models of a network with states that its loop moves: running statistics, or what it was lately. */
export function holding(dice: Dice, { models }: Network): Network["models"] {
  const running = dice.chance(0.5) ? "batch_norm_running()" : "batch_norm_running(momentum = 0.3)";
  const after = dice.pick(["where(training, 0, seen)", "0.1 * seen", "0.1 * seen * sin(t)"]);
  const lately = (text: string) =>
    text.replace(
      /\n {2}return (.*)\n\}$/,
      (_, value: string) =>
        `\n  state seen : [] = ${dice.number(0, 0.5)}\n  let late = ${value}\n` +
        `  seen' = 0.5 * seen + 0.2 * mean(late)\n  return late + ${after}\n}`,
    );
  return models.map(({ name, text }) => {
    const kept = text.replaceAll("batch_norm()", running);
    return { name, text: name === "net" && (kept === text || dice.chance(0.5)) ? lately(kept) : kept };
  });
}

class Layers {
  training = false;
  #count = 0;
  constructor(
    readonly dice: Dice,
    readonly start: Start,
    readonly body: string[],
    readonly below: { name: string; text: string }[],
    readonly parameters: string[],
  ) {}

  name(letter: string): string {
    return `${letter}${++this.#count}`;
  }

  use(call: string, parameters: readonly string[] = []): string {
    const name = this.name("l");
    this.body.push(`use ${name} = ${call}`);
    this.parameters.push(...parameters.map((p) => `${name}.${p}`));
    return name;
  }

  param(shape: readonly (number | string)[], sizes: Shape): string {
    const name = this.name("W");
    this.body.push(`${name} : [${shape.join(", ")}] ${this.start(sizes)}`);
    this.parameters.push(name);
    return name;
  }

  /** A fully connected layer of some kind on [n, width]. */
  connected(h: string, from: number, to: number): string {
    const { dice } = this;
    return dice.weighted<() => string>([
      [3, () => `${this.use(`dense(${to})`, ["W", "b"])}(${h})`],
      [2, () => `${this.use(`dense(${to}, init = ${dice.pick(initialisers)})`, ["W"])}(${h})`],
      [3, () => {
        const W = this.param([from, to], [from, to]);
        return dice.chance(0.6) ? `dot(${h}, ${W}) + ${this.param([to], [to])}` : `dot(${h}, ${W})`;
      }],
      [1.5, () => {
        const name = `layer${this.below.length}`;
        this.below.push({
          name,
          text: `model ${name}(units : int, init = ${
            dice.pick(initialisers)
          })(x : [n, m]) -> [n, units] {\n  W : [m, units] ~ init\n  b : [units] = 0\n  let y = dot(x, W)\n  return y + b\n}`,
        });
        return `${this.use(`${name}(${to})`, ["W", "b"])}(${h})`;
      }],
    ])();
  }

  middle({ value, width }: Stage): Stage {
    const { dice } = this;
    let h = value;
    let w = width;
    for (let k = dice.int(0, 2); k > 0; k--) {
      const step = dice.weighted<() => void>([
        [4, () => {
          const to = dice.int(2, 3);
          h = this.bind(this.connected(h, w, to));
          w = to;
        }],
        [
          6,
          () =>
            h = this.bind(dice.chance(0.5) ? `${dice.pick(activations)}(${h})` : `${h} |> ${dice.pick(activations)}`),
        ],
        [1, () => h = this.bind(`${this.use("layer_norm()", ["gain"])}(${h})`)],
        [2, () => h = this.bind(`${this.use("batch_norm()", ["bias"])}(${h})`)],
        [1, () => h = this.bind(`${this.use(`batch_norm_per_step(${dice.int(1, 3)})`, ["gain"])}(${h})`)],
        [2, () => {
          this.training = true;
          h = this.bind(`${this.use(`dropout(${dice.pick(["0.5", "0.2"])})`)}(${h}, training)`);
        }],
        [1.5, () => {
          const again = this.use(`dense(${w})`, ["W"]);
          h = this.bind(`${again}(tanh(${again}(${h})))`);
        }],
        [1.2, () => {
          const noise = this.name("u");
          this.body.push(
            `draw ${noise} : [${h !== "x" && dice.chance(0.5) ? `${w}` : `shape(${h})`}] ~ ${
              dice.pick(["normal(0, 0.3)", "uniform(-0.2, 0.2)"])
            }`,
          );
          h = this.bind(`${h} + ${noise}`);
        }],
      ]);
      step();
    }
    return { members: this.body, value: h, width: w };
  }

  bind(value: string): string {
    const name = this.name("h");
    this.body.push(`let ${name} = ${value}`);
    return name;
  }

  last({ value, width }: Stage, classes: number): string {
    return this.connected(value, width, classes);
  }
}

const begin: { readonly [K in keyof typeof inputs]: (layers: Layers, width: number) => Stage } = {
  features: ({ body }, width) => ({ members: body, value: "x", width }),
  tokens(layers) {
    const width = layers.dice.int(1, 2);
    const table = layers.use(`embedding(${vocabulary}, ${width})`, ["table"]);
    return { members: layers.body, value: layers.bind(`${table}(x)`), width };
  },
  steps(layers, width) {
    const heads = layers.dice.int(1, 2);
    const attention = layers.use(`attention(${heads})`, ["query", "value"]);
    return { members: layers.body, value: layers.bind(`mean(${attention}(x), axis = 1)`), width };
  },
  sequence(layers, width) {
    const { dice } = layers;
    const units = dice.int(1, 2);
    const cell = dice.pick(["lstm", "gru", "own"]);
    if (cell !== "own") {
      const name = layers.use(`${cell}(${units})`, ["W", "b"]);
      return { members: layers.body, value: layers.bind(`${name}(x)[-1]`), width: units };
    }
    const W = layers.param([width, units], [width, units]);
    const U = layers.param([units, units], [units, units]);
    layers.body.push(`scan run over now in x {
    state h : [n, ${units}] = 0
    let z = tanh(dot(now, ${W}) + dot(h, ${U}))
    h' = ${dice.pick(["z", "0.5 * h + z", "z * where(z > 0, 1, 0.5) + 0.1 * h"])}
  }`);
    if (dice.chance(0.4)) {
      layers.body.push(`scan slow over s in 0 .. ${dice.int(1, 2)} {
    state q : [n, ${units}] = run.h[-1]
    q' = 0.5 * q + 0.1 * s
  }`);
      return { members: layers.body, value: layers.bind("slow.q[-1]"), width: units };
    }
    return {
      members: layers.body,
      value: layers.bind(dice.chance(0.5) ? "run.h[-1]" : "mean(run.z, axis = 0)"),
      width: units,
    };
  },
  image(layers, width) {
    const { dice, body } = layers;
    let h = "x";
    let channels = width;
    let size = 4;
    if (dice.chance(0.55)) {
      channels = dice.int(1, 2);
      const stride = dice.pick([1, 1, 2]);
      h = layers.bind(
        `${layers.use(`conv2d(${channels}, kernel = 3${stride === 2 ? ", stride = 2" : ""})`, ["W", "b"])}(${h})`,
      );
      size = stride === 2 ? 2 : 4;
    } else {
      channels = 2;
      const groups = width;
      const W = layers.param([2, width / groups, 2, 2], [2, width / groups, 2, 2]);
      h = layers.bind(
        `convolve(${h}, ${W}, ${dice.pick(["padding = 1", "stride = 2", "dilation = 2"])}${
          groups > 1 ? `, groups = ${groups}` : ""
        })`,
      );
      size = 2;
      body.push(`let c${body.length} = ${h}`);
      h = layers.bind(`${h} + 0`);
      return layersAfterImage(layers, h, channels, undefined);
    }
    const norm = dice.pick(["batch_norm()", "batch_norm()", `group_norm(${dice.pick([1, channels])})`, ""]);
    if (norm) h = layers.bind(`${layers.use(norm, ["gain"])}(${h})`);
    h = layers.bind(`${dice.pick(["relu", "tanh", "leaky_relu"])}(${h})`);
    return layersAfterImage(layers, h, channels, size);
  },
};

function layersAfterImage(layers: Layers, value: string, channels: number, size: number | undefined): Stage {
  const { dice, body } = layers;
  const whole = dice.chance(0.2) || size === undefined;
  if (whole) {
    return {
      members: body,
      value: layers.bind(`${dice.pick(["global_avg_pool", "global_max_pool"])}(${value})`),
      width: channels,
    };
  }
  const pooled = dice.pick(["max_pool", "avg_pool", "windows"]);
  const padded = dice.chance(pooled === "windows" ? 0.85 : 0.3);
  const h = pooled === "windows"
    ? `sum(windows(${value}, 2, 2${padded ? ", padding = 1, fill = 0.2" : ""})^2, axis = -1)`
    : `${pooled}(${value}${padded ? ", padding = 1" : dice.chance(0.3) ? ", size = 2, stride = 2" : ""})`;
  const width = size / 2 + (padded ? 1 : 0);
  return { members: body, value: layers.bind(`flatten(${h})`), width: channels * width ** 2 };
}

/** The fields of a table for a network: inputs, targets [n, classes], their signs in 0 .. 1, and labels. */
export function fields(dice: Dice, { input, classes }: Network, rows: number, where: "data" | "split"): string {
  const shape = `[${input.shape.join(", ")}]`;
  const int = where === "data" && dice.chance(0.3) ? "u8" : "int";
  const x = input.kind === "tokens"
    ? `x : ${int} ${shape} = ${literal(dice, input.shape, () => `${dice.int(0, vocabulary - 1)}`)}`
    : where === "data" && dice.chance(0.6)
    ? `x : ${shape} = ${literal(dice, input.shape)}`
    : `x : ${shape} ~ ${dice.pick(["uniform(-1, 1)", "normal(0, 1)"])}`;
  const y = where === "split" && input.kind === "features" && dice.chance(0.6)
    ? `y = f(dot(x, ${literal(dice, [input.width, classes])}))`
    : where === "split" || dice.chance(0.3)
    ? `y : [${rows}, ${classes}] ~ normal(0, 1)`
    : `y : [${rows}, ${classes}] = ${literal(dice, [rows, classes])}`;
  const label = `label : ${int} [${rows}] = ${literal(dice, [rows], () => `${dice.int(0, classes - 1)}`)}`;
  const z = where === "split"
    ? "z = sigmoid(y)"
    : `z : [${rows}, ${classes}] = ${literal(dice, [rows, classes], () => dice.pick(["0", "1", "0.5"]))}`;
  return [x, y, label, z].join("\n    ");
}

/** A loss of a prediction [n, classes] and the fields of a table. */
export function loss(dice: Dice): (prediction: string, field: (name: string) => string) => string {
  const kind = dice.weighted([
    [3, "mse"],
    [1.2, "mae"],
    [1.2, "huber"],
    [2, "cross_entropy"],
    [1.2, "smoothing"],
    [2, "binary_cross_entropy"],
    [1.2, "kl"],
    [1, "rows"],
    [1.5, "logistic"],
  ]);
  return (p, f) => {
    switch (kind) {
      case "cross_entropy":
        return `cross_entropy(${p}, ${f("label")})`;
      case "smoothing":
        return `cross_entropy(${p}, ${f("label")}, smoothing = 0.1)`;
      case "binary_cross_entropy":
        return `binary_cross_entropy(${p}, ${f("z")})`;
      case "rows":
        return `mean((${p} - expand_dims(0.1 * same_rows(${f("label")}, ${p}), 1))^2)`;
      case "logistic":
        return `logistic(${p}, ${f("z")})`;
      default:
        return `${kind}(${p}, ${f("y")})`;
    }
  };
}

/** The numerically stable logistic loss, as papers write it. */
export const logistic = "fn logistic(s, y) = mean(max(s, 0) - s * y + log1p(exp(-abs(s))))";
