// What does a random program define, and what can be read of it? Data, tasks, networks, parameters and functions; objectives made of
// them; and the file in which only what is read stands.
import type { Dice } from "./dice.ts";
import { expression, linearTerm, literal, type Scope, type Variable } from "./expressions.ts";
import { drawnRows } from "./drawn_rows.ts";
import { fields, logistic, loss, type Network, ownInitialiser } from "./networks.ts";

/** A program as files. */
export interface RandomProgram {
  readonly text: string;
  /** Files that it imports, and those that it starts from (their tensors as JSON), by path. */
  readonly files: ReadonlyMap<string, string>;
}

/** A definition, and whether it reads nothing but the library. */
interface Definition {
  readonly name: string;
  readonly text: string;
  readonly closed: boolean;
}

/** What a loop can evolve. */
export interface Evolved {
  readonly name: string;
  readonly variables: readonly Variable[];
  readonly network: boolean;
}

/** The definitions of one program, as they are asked for. */
export class Definitions {
  readonly #definitions: Definition[] = [];
  readonly rows: number;
  readonly loose: boolean;
  readonly free: readonly Evolved[];
  network: Network | undefined;
  theta = false;
  /** Fields of splits that are drawn of whole numbers and truth values. */
  integers: string | undefined;
  /** False where no loop changes anything. */
  evolves = true;
  /** The task takes arguments, all of which have defaults. */
  readonly given: boolean;
  readonly #loss: ReturnType<typeof loss>;

  constructor(readonly dice: Dice, readonly tasks: boolean) {
    this.rows = dice.int(2, 3);
    this.loose = dice.chance(0.25);
    this.#loss = loss(dice);
    const all: Evolved[] = [
      { name: "w", variables: [{ text: "w", shape: [2, 3] }], network: false },
      { name: "v", variables: [{ text: "v", shape: [3] }], network: false },
      { name: "a", variables: [{ text: "a", shape: [] }], network: false },
    ];
    this.free = dice.some(all, dice.int(1, 2));
    this.given = tasks && dice.chance(0.3);
  }

  /** The task as a clause names it; where it stands, what is learned may be read. */
  problem(computed = false): string {
    if (!this.given) return "problem";
    const numbers = ["", "(0.4)", "(spread = 0.3)", "(law = uniform(0.6, 1.2))", "(0.6, pool = ix)"];
    const learned = ["(0.2 + c^2)", "(spread = 0.3 * exp(c))", "(law = uniform(0.5, 1 + c^2))"];
    return `problem${this.dice.pick([...numbers, ...computed ? learned : []])}`;
  }

  /** Another text for what is defined. */
  redefine(name: string, text: string): void {
    const at = this.#definitions.findIndex((d) => d.name === name);
    this.#definitions[at] = { ...this.#definitions[at]!, text };
  }

  define(name: string, text: string, closed = false): void {
    if (!this.#definitions.some((d) => d.name === name)) this.#definitions.push({ name, text, closed });
  }

  has(name: string): boolean {
    return this.#definitions.some((d) => d.name === name);
  }

  /** What stands behind a parameter's type. */
  start(shape: readonly number[], scale = 0.6): string {
    const { dice } = this;
    return dice.weighted<() => string>([
      [4, () => `= ${literal(dice, shape, () => dice.number(-scale, scale))}`],
      [2, () => "= 0"],
      [1, () => `= ${dice.number(-scale, scale)}`],
      [2, () => `~ ${dice.pick(["normal(0, 0.4)", "uniform(-0.5, 0.5)", "truncated_normal(0.4)"])}`],
      [1.6, () => (this.learned(), dice.pick(["= theta", "= 0.5 * theta", "= tanh(theta) - 0.2"]))],
      [0.8, () => (this.learned(), "~ normal(0.1, 0.2 + theta^2)")],
    ])();
  }

  /** A free parameter that starts are computed from. */
  learned(): void {
    const { dice } = this;
    this.theta = true;
    this.define("theta", `param theta = ${dice.pick([dice.number(-0.6, 0.6), dice.number(0.1, 0.9), "0"])}`);
  }

  data(): void {
    const { dice } = this;
    const two = dice.chance(0.15) ? "~ choice(2)" : `= [${dice.int(0, 1)}, ${dice.int(0, 1)}]`;
    const three = dice.chance(0.15) ? "~ permutation(3)" : `= [${dice.int(0, 2)}, ${dice.int(0, 2)}, 1]`;
    this.define(
      "ix",
      `data ix {\n    two : int [2] ${two}\n    three : int [3] ${three}\n    on : bool [3] = [true, ${
        dice.chance(0.5)
      }, false]\n    far : int [2] = [${dice.int(0, 5)}, ${dice.pick(["7", "100_000", "2147483647"])}]\n}`,
    );
    const type = dice.pick(["int", "u8"]);
    const learned = dice.weighted<() => string>([
      [1, () => "c * px"],
      [1, () => "tanh(px * c) + own"],
      [1, () => (this.learned(), "sin(theta * px)")],
    ]);
    this.define(
      "book",
      `data book {\n    px : [6] = ${literal(dice, [6])}\n    group : ${type} [6] = [2, 0, 1, 0, 2, 1]\n    mid = ${
        dice.chance(0.3) ? learned() : dice.pick(["px - mean(px)", "tanh(px) * group", "px * own", "px^2"])
      }\n    own = 0.5 * px + 0.1\n}`,
    );
    this.define("near", `data near = book where ${dice.pick(["group < 1", "group == 2", "group > 1"])}`);
    this.define(
      "most",
      `split book ${dice.pick(["", "evenly by group "])}into most 0.5, others ${dice.pick(["0.5", "2"])}`,
    );
    this.define("whole", `split book by group into whole ${dice.pick(["1", "0.4"])}`);
    const net = this.network;
    if (net) {
      for (const model of net.models) this.define(model.name, model.text, !model.text.includes("theta"));
      if (net.models.some((m) => m.text.includes("own_init"))) this.define("own_init", ownInitialiser, true);
      this.define("logistic", logistic, true);
      this.define("d", `data d {\n    ${fields(dice, net, this.rows, "data")}\n}`);
    }
    if (this.tasks) {
      const drawn = dice.chance(0.25) ? drawnRows(dice, net, net ? this.rows : 2) : undefined;
      if (drawn) this.define("stock", drawn.table);
      const store = this.given ? "store" : "stock";
      const split = (name: "support" | "query") =>
        `  split ${name} {\n    ${
          drawn?.draw(store, name) ?? (net ? fields(dice, net, this.rows, "split") : "x : [2, 3] ~ uniform(-1, 1)")
        }\n    s : [] ~ ${this.given ? "normal(k + 0.1 * mean(pool.two), spread)" : "normal(k, 0.5)"}\n    b : [3] = ${
          literal(dice, [3])
        }${this.drawnIntegers()}\n  }`;
      this.define(
        "problem",
        `task problem${
          this.given
            ? `(spread : float = 0.5, law = uniform(0.5, 1.5), pool : data = ix${
              drawn ? ", store : data = stock" : ""
            })`
            : ""
        } {\n${drawn?.classes(store) ?? ""}  k ~ ${
          this.given ? "law" : "uniform(0.5, 1.5)"
        }\n  let twice = 2 * k\n  fn f(x) = ${dice.pick(["sin(k * x)", "k * tanh(x)", "twice * x", "x + k"])}\n${
          split("support")
        }\n${split("query")}\n}`,
      );
    }
  }

  /** Fields of a split that are drawn of whole numbers and truth values. */
  drawnIntegers(): string {
    const { dice } = this;
    this.integers ??= dice.chance(0.3)
      ? [
        `ways : int [2] ~ ${dice.pick(["choice(3)", "permutation(3)", "permutation(2)"])}`,
        `places : int [3] ~ ${
          dice.pick(["permutation(3)", "categorical([0.2, 0.5, 0.3])", "categorical([0.3, k, 0.2])", "choice(2)"])
        }`,
        `some : bool [3] ~ bernoulli(${dice.pick(["0.5", "sigmoid(k)", "[0.2, 0.5, 1]"])})`,
      ].map((line) => `\n    ${line}`).join("")
      : "";
    return this.integers;
  }

  parameters(): void {
    const { dice } = this;
    const shapeText = { w: " : [2, 3]", v: " : [3]", a: "" } as const;
    for (const { name } of this.free) {
      const shape = { w: [2, 3], v: [3], a: [] }[name as "w" | "v" | "a"];
      this.define(name, `param ${name}${shapeText[name as "w" | "v" | "a"] || " : []"} ${this.start(shape)}`);
    }
    const range = dice.pick([
      "",
      "",
      " in 0 .. 2",
      " in 0 .. inf via log",
      " via softplus",
      " in 0 .. 1 via logit",
      " via log",
    ]);
    this.define("c", `param c = ${dice.number(0.2, 0.8)}${range}`);
    this.define("goal", `param goal : [3] = ${literal(dice, [3])}`);
    if (dice.chance(0.3)) this.learned();
    if (dice.chance(0.15)) this.define("K", `input K : int = ${dice.int(1, 3)} in 1 .. 10`);
    if (dice.chance(0.1)) this.define("half", "input half : float = 0.5");
    if (dice.chance(0.1)) this.define("wide", `input wide : bool = ${dice.chance(0.5)}`);
    if (dice.chance(0.25)) {
      this.define("shift", `let shift = ${dice.pick(["2 * pi / 10", "sqrt(2) - 1", "c / 2", "sum(ix.two) * 0.1"])}`);
    }
    if (dice.chance(0.12)) {
      const scope: Scope = { dice, variables: [{ text: "z", shape: [] }, { text: "q", shape: [] }] };
      this.define(
        "pair",
        `model pair(z : []) {\n  q = 0.3\n  return { low = tanh(${expression(scope, [], 2)}), high = z + q }\n}`,
        true,
      );
    }
    if (dice.chance(0.3)) {
      const scope: Scope = { dice, variables: [{ text: "x", shape: [] }] };
      this.define("bend", `fn bend(x, scale = 0.5) = scale * tanh(${expression(scope, [], 2)})`, true);
    }
  }

  /** What can be read besides what loops change. */
  constants(): Variable[] {
    const list: Variable[] = [
      { text: "c", shape: [] },
      { text: "goal", shape: [3] },
      { text: "ix.two", shape: [2], below: 2 },
      { text: "ix.three", shape: [3], below: 3 },
      { text: "ix.on", shape: [3], bool: true },
      { text: "near.px", shape: [2] },
      { text: "whole.px", shape: [2] },
      { text: "most.px", shape: [3] },
      { text: "near.mid", shape: [2] },
      { text: "most.mid", shape: [3] },
      { text: "most.group", shape: [3], below: 3 },
    ];
    if (this.theta) list.push({ text: "theta", shape: [] }, { text: "theta", shape: [] });
    if (this.has("half")) list.push({ text: "half", shape: [] });
    if (this.has("wide")) list.push({ text: "where(wide, 1, 0.5)", shape: [] });
    if (this.has("pair")) list.push({ text: "pair(c).low", shape: [] }, { text: "pair(c).high", shape: [] });
    if (this.has("K")) list.push({ text: "K", shape: [] });
    if (this.has("shift")) list.push({ text: "shift", shape: [] });
    if (this.has("bend")) list.push({ text: `bend(${this.theta ? "theta" : "c"})`, shape: [] });
    return list;
  }

  /** A scalar around 1 of what `evolved` holds at a time (`@T`, or nothing inside), of a table, and of what is constant. */
  objective(
    evolved: readonly Evolved[],
    time: string,
    table: string | undefined,
    more: readonly Variable[] = [],
    bowl = false,
  ): string {
    const { dice } = this;
    const terms: string[] = [];
    const net = this.network;
    const read = (each: Variable): Variable => ({ ...each, text: `${each.text}${time}` });
    const variables = [...evolved.flatMap((e) => e.variables.map(read)), ...more, ...this.constants()];
    if (table === "support" || table === "query") {
      variables.push({ text: `${table}.s`, shape: [] }, { text: `${table}.b`, shape: [3] });
      if (this.integers) {
        variables.push(
          { text: `${table}.ways`, shape: [2], below: 3 },
          { text: `${table}.places`, shape: [3], below: 3 },
          { text: `${table}.some`, shape: [3], bool: true },
        );
      }
      if (!net) variables.push({ text: `${table}.x`, shape: [2, 3] });
    }
    if (net && (evolved.some((e) => e.network) || time === "" && evolved.length === 0)) {
      const field = this.field(table ?? "d");
      const args = `${field("x")}${net.training ? `, ${time === "" ? 1 : 0}` : ""}`;
      terms.push(this.#loss(`net${time}(${args})`, field));
      if (dice.chance(0.25)) terms.push(this.#whole(net, time));
    }
    const scope: Scope = { dice, variables, loose: this.loose };
    for (let k = dice.int(1, 2); k > 0; k--) {
      terms.push(`${dice.number(0.1, 0.5)} * tanh(${expression(scope, [], dice.int(2, 4))})`);
    }
    if (dice.chance(0.3)) terms.push(`${dice.number(0.1, 0.3)} * ${linearTerm(scope)}`);
    for (const each of evolved) {
      if (each.network) continue;
      const [variable] = each.variables;
      const at = `${variable!.text}${time}`;
      const target = dice.weighted([
        [3, variable!.shape.length > 0 ? "goal" : "c"],
        [2, "0.3"],
        [this.theta ? 3 : 0, "theta"],
        [more.length > 0 ? 2 : 0, more[0]?.text ?? "0"],
        [table === "support" || table === "query" ? 2 : 0, `${table}.s`],
      ]);
      // a bowl that is steep enough for a loop to come to rest
      const [weight, total] = bowl ? ["0.9", "sum"] : [dice.pick(["0.5", "0.3", "c"]), dice.pick(["sum", "mean"])];
      terms.push(`${weight} * ${total}((${at} - ${target})^2)`);
    }
    return terms.join(" + ");
  }

  /** A number around 1 of all tensors of the network, or of a part of it, at a time; corners and what is flat at 0 stand aside of it,
   *  where many parameters start. */
  #whole({ parameters }: Network, time: string): string {
    const { dice } = this;
    const parts = parameters.flatMap((p) => p.includes(".") ? [p.replace(/\..*/, "")] : []);
    const name = parts.length > 0 && dice.chance(0.3) ? `net.${dice.pick(parts)}` : "net";
    const now = `${name}${time}`;
    const ways = [
      `c * mean(${now}^2)`,
      `0.1 * norm(${now} - 2)`,
      `0.3 * sum(abs(${now} + 2.5)) / size(${now})`,
      `tanh(dot(${now}, sin(c * ${now} + 0.2)))`,
      `0.1 * max(tanh(${now})) + 0.1 * min(c - 0.3 * ${now})`,
      `0.2 * mean(where(${now} > 0.02, -${now}, ${now} |> softplus))`,
      `0.2 * mean(max(${now}, ${this.theta ? "theta" : "c"})^2)`,
    ];
    if (this.evolves && (time === "" || time === "@T")) {
      ways.push(...[1, 2, 3].map(() => `0.5 * c * mean((${now} - ${name}@0)^2)`), `0.2 * mse(${name}@0, ${now})`);
    }
    return dice.pick(ways);
  }

  /** How fields of a table are read: directly, or through a function. */
  field(table: string): (name: string) => string {
    const through = table === "d" && this.dice.chance(0.4);
    return (name) => {
      if (!through) return `${table}.${name}`;
      this.define(`${name}s`, `fn ${name}s() = ${table}.${name}`);
      return `${name}s()`;
    };
  }

  assemble(items: readonly string[]): RandomProgram {
    const { dice } = this;
    const files = new Map<string, string>();
    let here = this.#definitions;
    const head = ["edition 1", `precision ${dice.chance(0.1) ? "f32" : "f64"}`];
    if (dice.chance(0.03)) head.push(`memory ${dice.int(1, 9)} MB`);
    const closed = here.filter((d) => d.closed);
    if (closed.length > 0 && dice.chance(0.12)) {
      const all = closed.filter((d) => used(d.name, [...items, ...here.map((h) => h.text)]));
      if (all.length > 0) {
        files.set("parts.meta", `edition 1\n${all.map((d) => d.text).join("\n")}\n`);
        here = here.filter((d) => !all.includes(d));
        head.push(`import ${all.map((d) => d.name).join(", ")} from "./parts.meta"`);
      }
    }
    // what nothing reads goes, again and again
    for (;;) {
      const kept = here.filter((d) =>
        used(d.name, [...items, ...here.filter((other) => other !== d).map((h) => h.text), ...files.values()])
      );
      if (kept.length === here.length) break;
      here = kept;
    }
    const starts = dice.chance(0.15) ? this.#starts(here, files) : [];
    return { text: `${[...head, ...here.map((d) => d.text), ...starts, ...items].join("\n")}\n`, files };
  }

  /** Some parameters start at what is read. */
  #starts(here: readonly Definition[], files: Map<string, string>): string[] {
    const { dice } = this;
    const shapes: Readonly<Record<string, readonly number[]>> = {
      w: [2, 3],
      v: [3],
      goal: [3],
      a: [],
      c: [],
      theta: [],
    };
    const params = here.filter(({ name, text }) => shapes[name] && text.startsWith("param "));
    if (params.length === 0) return [];
    const chosen = dice.some(params, dice.int(1, Math.min(2, params.length)));
    const as = chosen.length === 1 ? dice.pick(["", "", "earlier", '"0.weight"']) : "";
    const tensors = chosen.map(({ name }) => [as.replaceAll('"', "") || name, this.#stored(shapes[name]!)]);
    const folder = dice.chance(0.5);
    const path = folder ? "earlier" : "weights.safetensors";
    files.set(folder ? `${path}/parameters.safetensors` : path, JSON.stringify(Object.fromEntries(tensors)));
    return [`start ${chosen.map(({ name }) => name).join(", ")} from "${path}"${as ? ` as ${as}` : ""}`];
  }

  /** Nested lists of numbers that any parameter may start at. */
  #stored([size, ...rest]: readonly number[]): unknown {
    if (size === undefined) return Number(this.dice.number(0.2, 0.8));
    return Array.from({ length: size }, () => this.#stored(rest));
  }
}

function used(name: string, texts: readonly string[]): boolean {
  const word = new RegExp(`(^|[^\\w.])${name}\\b`);
  return texts.some((text) => word.test(text));
}
