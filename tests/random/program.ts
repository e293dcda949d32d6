// Which programs are written? From a seed, well-typed ones: definitions, loops in one of the shapes that loops can have, and what is
// asked of them. What an estimator cannot see is taken out of `over` and `wrt` by `settle.ts`.
import { Definitions, type Evolved, type RandomProgram } from "./definitions.ts";
import { type Dice, throwDice } from "./dice.ts";
import { literal, type Variable } from "./expressions.ts";
import { holding, network } from "./networks.ts";
import { learnedRule, rule, type WrittenRule } from "./rules.ts";
import { observedDraws } from "./observed_draws.ts";

/** How loops stand in each other. */
const shapes = [
  [0.6, "none"],
  [2, "inner"],
  [1.6, "outer"],
  [3, "tasks"],
  [1.6, "nested"],
  [1, "inner in inner"],
  [0.8, "draws"],
  [0.8, "direct"],
] as const;

/** Program `index` of a seed, with everything that it might differentiate for. */
export function writeProgram(seed: number, index: number): RandomProgram {
  const dice = throwDice(seed, index);
  const form = dice.weighted(shapes.map(([weight, value]) => [weight, value] as const));
  if (form === "draws") return { text: observedDraws(dice), files: new Map() };
  return new Draft(dice, form).write();
}

/** The samples go on with the loop, and begin anew after some windows. */
const lasting = "pes(samples = 2, sigma = 0.1, horizon = HORIZON)";

type Form = Exclude<typeof shapes[number][1], "draws">;

/** An inner loop or an outer that is run by another. */
interface LoopText {
  readonly name: string;
  readonly time: string;
  readonly steps: number;
  readonly rule: WrittenRule;
  /** The rules that change what it evolves, where it has more than one. */
  readonly several: boolean;
  /** Names of what the rules take, as the loop calls them. */
  readonly numbers: readonly string[];
  readonly evolves: readonly Evolved[];
  readonly estimator: string;
  /** It may stop before its last step. */
  readonly stops: boolean;
}

class Draft extends Definitions {
  readonly #items: string[] = [];
  #warm = false;

  constructor(dice: Dice, readonly form: Form) {
    const share = { tasks: 1, nested: 0.6, inner: 0.15, direct: 0.3 }[form as string] ?? 0;
    super(dice, share === 1 || dice.chance(share));
  }

  write(): RandomProgram {
    const { dice } = this;
    const direct = this.form === "direct";
    if (direct || dice.chance(0.62) && this.form !== "inner in inner") {
      this.network = network(dice, this.rows, (shape) => this.start(shape));
    }
    this.data();
    this.parameters();
    this.loops();
    // estimators of where a loop ends refuse states, one row has no spread, and without a loop nothing moves them
    const moved = this.form !== "none" && !/implicit|finite_difference|batch 1 of/.test(this.#items.join());
    if (this.network && moved && dice.chance(direct ? 0.8 : 0.4)) {
      for (const { name, text } of holding(dice, this.network)) this.redefine(name, text);
    }
    return this.assemble(this.#items);
  }

  // ------------------------------------------------------------------------------------------------------------ loops

  loops(): void {
    const { dice, form } = this;
    const evolved: Evolved[] = [...this.free];
    if (this.network) evolved.push({ name: "net", variables: [], network: true });
    if (form === "none") return this.noLoop(evolved);
    if (form === "direct") return this.direct();
    const table = this.tasks ? "support" : undefined;
    const fit = this.inner("fit", "T", evolved, { table });
    let last = fit;
    let ends = "@T";
    if (form === "inner in inner") return this.innerInInner(fit);
    if (dice.chance(0.2)) {
      // the times of windows are others, and some estimators know where a loop ends only
      const between = /es\(.*window|implicit|finite_difference/.test(fit.estimator) ? 0 : 4;
      const time = dice.weighted([[3, "T"], [1, "0"], [between, `${dice.int(1, fit.steps)}`]]);
      last = this.inner("tune", "S", fit.evolves, { table, from: { time: `fit@${time}`, loop: fit } });
      ends = "@(tune.S)";
    }
    const query = this.tasks ? "query" : undefined;
    const goal = () => this.objective(fit.evolves, ends, query);
    const metas = this.metas(fit);
    // how many steps it took is a number without a derivative
    const counted = (objective: string) =>
      last.stops && dice.chance(0.4) ? `${objective} + 0.05 * ${last.name}.steps` : objective;
    if (form === "nested") return this.nested(fit, ends, goal, metas);
    const outer = form === "outer" || form === "tasks";
    const apart = this.#warm && this.tasks;
    if (outer) {
      this.outer({
        name: "train",
        loop: last,
        objective: counted(this.overTimes(goal(), last)),
        metas,
        tasks: this.tasks,
      });
      // where each task has its own, nothing else begins there
      if (!apart && dice.chance(0.45)) this.evaluate(last, ends, query, "train");
      this.records(last, "train");
      this.phases(last, this.overTimes(goal(), last), metas);
    }
    if (!outer || dice.chance(0.4)) {
      this.gradient(counted(this.overTimes(goal(), last)), metas, outer && !apart ? "train" : undefined);
    }
    if (!outer) {
      if (dice.chance(0.2)) this.evaluate(last, ends, query);
      this.records(last, undefined);
    }
    if (!apart && dice.chance(0.2)) this.output(last, ends, query, outer ? "train" : undefined);
    if (dice.chance(0.06)) this.lone();
  }

  /** A loop that nothing else runs, and an output of its run. */
  lone(): void {
    const { dice } = this;
    this.define("own", `param own : [2] ${this.start([2])}`);
    const goal = dice.pick(["c", "goal[1]", this.theta ? "theta" : "0.2"]);
    this.#items.push(
      `inner stray {\n  minimize sum((own - ${goal})^2)\n  over own by sgd(lr = 0.1)\n  for R = ${
        dice.int(1, 3)
      } steps\n}`,
      `output left = ${dice.pick(["own@R", "sum(own@t for t in 0 .. R)", "own@R < 100", "stray.loss@R"])}`,
    );
  }

  /** Sometimes a second outer that goes on from the first, and what is read between them; the number of meta-steps anywhere; and a time
   *  said by the name of its loop. */
  phases(loop: LoopText, objective: string, metas: readonly string[]): void {
    const { dice } = this;
    if (!(this.#warm && this.tasks) && dice.chance(0.15)) {
      this.outer({ name: "later after train", loop, objective, metas, tasks: this.tasks });
    }
    const at = (start: string) => this.#items.findIndex((i) => i.startsWith(start));
    const change = (start: string, make: (item: string) => string) => {
      if (at(start) >= 0) this.#items[at(start)] = make(this.#items[at(start)]!);
    };
    if (dice.chance(0.2)) change("evaluate test ", (i) => i.replace("evaluate test ", "evaluate test after train "));
    if (dice.chance(0.2)) change("evaluate test ", (i) => i.replace(/^ {2}report .*$/m, "$&\n  report 0.5 * train.t"));
    if (dice.chance(0.1)) {
      change("outer train ", (i) => i.replace(/minimize (.*)/, "minimize ($1) * (1 + t / 8) + 0.1 * train.t"));
    }
    if (dice.chance(0.1)) {
      change("inner fit ", (i) => i.replace(/(minimize|maximize) (.*)/, "$1 ($2) * (1 - train.t / 16)"));
    }
    if (dice.chance(0.1)) {
      change("outer train ", (i) => i.replaceAll(/@T\b/g, "@(fit@T)").replaceAll("@(tune.S)", "@(tune@S)"));
    }
  }

  noLoop(evolved: readonly Evolved[]): void {
    this.evolves = false;
    const metas = [...evolved.map((e) => e.name), "c", "goal", ...(this.theta ? ["theta"] : [])];
    this.gradient(this.objective(evolved, "", this.tasks ? "support" : undefined), metas, undefined);
  }

  /** An outer that evolves the network itself, with no loop inside. */
  direct(): void {
    const { dice } = this;
    this.evolves = false;
    const table = this.tasks ? "support" : undefined;
    const evolved: Evolved[] = [{ name: "net", variables: [], network: true }, ...dice.some(this.free, dice.int(0, 1))];
    const objective = this.objective(evolved, "", table);
    const names = [...evolved.map((e) => e.name), ...dice.some(["c", "goal"], dice.int(0, 1))];
    const by = rule(dice, "outer");
    if (by.definition) this.define(by.name, by.definition, true);
    const across = () => this.tasks ? [`  across ${dice.int(1, 3)} ${this.problem(true)}`] : [];
    const lines = [`  minimize ${objective}`, ...across(), `  over ${names.join(", ")} by ${by.text}`];
    lines.push(`  for ${dice.int(1, 4)} steps`);
    if (!this.tasks && this.network!.input.rowAxis === 0 && dice.chance(0.4)) {
      lines.push(`  batch 2 of d${dice.chance(0.5) ? " each once" : ""}`);
    }
    if (dice.chance(0.12)) lines.push(`  clip norm ${dice.number(0.5, 2)}`);
    if (dice.chance(0.12)) lines.push(`  until ${this.threshold("train")}`);
    this.#items.push(`outer train {\n${lines.join("\n")}\n}`);
    if (dice.chance(0.6)) {
      const during = dice.chance(0.3) ? ["  every 1 steps of train"] : [];
      this.#items.push(`evaluate test {\n${[...across(), `  report ${objective}`, ...during].join("\n")}\n}`);
    }
    if (dice.chance(0.5)) this.gradient(objective, names, "train");
    if (dice.chance(0.3)) {
      const field = this.field(table ?? "d");
      const tasks = this.tasks ? ` across 2 ${this.problem(true)}` : "";
      this.#items.push(`output shown = net(${field("x")}${this.network!.training ? ", 0" : ""})${tasks}`);
    }
    if (dice.chance(0.5)) this.#items.push("record train.loss, train.gradient_norm");
  }

  /** Sometimes the sum over the times of a loop. */
  overTimes(objective: string, { time, name }: LoopText): string {
    const { dice } = this;
    if (/implicit|finite/.test(this.#items.join())) return objective;
    if (!objective.includes(`@${time}`) || dice.chance(0.85)) {
      const when = dice.pick([time, "0", `(${time} - 1)`]);
      return dice.chance(0.12) ? `${objective} + 0.1 * ${name}.loss@${when}` : objective;
    }
    const f = dice.pick(["sum", "mean"]);
    return `${f}(${objective.replaceAll(`@${time}`, "@t")} for t in ${dice.int(0, 1)} .. ${time})`;
  }

  inner(
    name: string,
    time: string,
    all: readonly Evolved[],
    at: {
      table: string | undefined;
      from?: { time: string; loop: LoopText };
      more?: readonly Variable[];
      plain?: boolean;
    },
  ): LoopText {
    const { dice } = this;
    const asked = this.estimator(name);
    const lasts = asked.includes("horizon") && !at.from;
    const estimator = asked.includes("horizon") && at.from ? "" : asked;
    const implicit = estimator.includes("implicit");
    // a loop that goes on from another changes what that one changes
    const rests = implicit && !at.from && dice.chance(0.8);
    const evolved = rests ? all.filter((e) => !e.network) : all;
    // what a rule keeps goes on in the same rule only
    const like = at.from && !at.from.loop.several && !at.from.loop.rule.learned && dice.chance(0.75)
      ? at.from.loop.rule.name
      : undefined;
    const several = evolved.length > 1 && dice.chance(0.25) && !like;
    const descent = implicit && (/fixed_point/.test(estimator) ? dice.chance(0.4) : dice.chance(0.85));
    const own = rule(dice, descent ? "plain" : "inner", like);
    const rules = [own];
    if (own.definition) this.define(own.name, own.definition, !own.learned);
    if (own.learned) this.define("step_of", learnedRule.model, true);
    const over = (list: readonly Evolved[], each: WrittenRule) =>
      `  over ${list.map((e) => e.name).join(", ")} by ${each.text}`;
    const lines = [`  minimize ${this.objective(evolved, "", at.table, at.more, rests)}`];
    if (dice.chance(0.06)) lines[0] = lines[0]!.replace("minimize ", "maximize -1 * (") + ")";
    if (several) {
      const second = rule(
        dice,
        descent ? "plain" : "inner",
        dice.chance(0.5) ? own.learned ? undefined : own.name : undefined,
      );
      if (second.definition) this.define(second.name, second.definition, !second.learned);
      if (second.learned) this.define("step_of", learnedRule.model, true);
      rules.push(second);
      lines.push(over(evolved.slice(0, 1), own), over(evolved.slice(1), second));
    } else lines.push(over(evolved, own));
    const steps = implicit && dice.chance(0.7) ? 40 : dice.weighted([[1, 1], [3, 2], [3, 3], [2, 4]]);
    const windowed = /window = 2\)/.test(estimator) && /es\(/.test(estimator) && steps % 2 === 1;
    const count = windowed ? 4 : steps;
    lines.push(`  for ${dice.chance(0.12) && time === "T" ? "" : `${time} = `}${count} steps`);
    if (!this.tasks && this.network?.input.rowAxis === 0 && lines[0]!.includes("net") && dice.chance(0.3)) {
      lines.push(`  batch ${dice.int(1, 2)} of d${dice.chance(0.4) ? " each once" : ""}`);
    }
    if (dice.chance(0.15)) lines.push(`  clip norm ${dice.number(0.3, 1.5)}`);
    const stops = !estimator.includes("window") && dice.chance(implicit ? 0.08 : 0.16);
    if (stops) lines.push(...this.stopping(name, time, evolved));
    if (estimator) lines.push(`  through ${estimator.replace("HORIZON", `${count * dice.int(1, 3)}`)}`);
    const fresh = dice.chance(0.25) ? " with fresh states" : "";
    if (at.from) lines.push(`  from ${at.from.time}${own.name === like ? fresh : " with fresh states"}`);
    else if (lasts || dice.chance(0.15) && name === "fit" && ["outer", "tasks", "nested"].includes(this.form)) {
      lines.push(`  from ${name}@${time}${fresh}`);
      this.#warm = true;
    }
    this.#items.push(`inner ${name} {\n${lines.join("\n")}\n}`);
    const [first, second] = rules;
    const numbers = first!.smooth.map((n) => second?.takes.includes(n) ? `${evolved[0]!.name}.${n}` : n);
    // a rate that falls to nothing stops a loop wherever it is
    const formula = several || rests ? undefined : this.override(name, own, count);
    return {
      name,
      time,
      steps: count,
      rule: own,
      several,
      numbers: numbers.filter((n) => n !== formula),
      evolves: evolved,
      estimator,
      stops,
    };
  }

  /** What an inner loop may stop at: one `until` or two. */
  stopping(name: string, time: string, evolved: readonly Evolved[]): string[] {
    const { dice } = this;
    const own = evolved.flatMap((e) => e.variables).map(({ text }) => text);
    const conditions = [
      `${name}.loss < ${dice.number(0.1, 1.5)}`,
      `${name}.gradient_norm <= ${dice.number(0.05, 1)}`,
      `${name}.loss < ${dice.number(0.3, 0.95)} * ${name}.loss@0`,
      `${name}.loss@t > ${dice.number(0.5, 3)}`,
      `t >= ${dice.int(0, 2)}`,
      `t == ${time} - 1`,
      `${dice.number(0.5, 2)} < c * ${name}.gradient_norm`,
      ...own.flatMap((
        x,
      ) => [`sum(${x}^2) > ${dice.number(0.1, 2)}`, `sum((${x} - ${x}@0)^2) > ${dice.number(0.01, 0.5)}`]),
    ];
    return dice.some(conditions, dice.chance(0.2) ? 2 : 1).map((condition) => `  until ${condition}`);
  }

  estimator(name: string): string {
    const { dice } = this;
    const inside = this.form === "nested" || this.form === "inner in inner";
    if (name === "tune" && dice.chance(0.9)) return "";
    const solver = dice.pick(["cg", "neumann", "neumann", "fixed_point", "gmres", "normal_cg", "direct"]);
    return dice.weighted<string>([
      [11, ""],
      [0.8, "unroll()"],
      [0.8, `unroll(window = ${dice.int(1, 3)})`],
      [0.8, "first_order()"],
      [1.6, "forward()"],
      [
        4.2,
        `implicit(solver = ${solver}${dice.chance(0.5) ? `, iterations = ${dice.int(1, 6)}` : ""}${
          dice.chance(0.25) ? ", damping = 0.1" : dice.chance(0.2) ? ", tolerance = 1e-8" : ""
        }${solver === "neumann" ? ", rate = 0.1" : ""})`,
      ],
      [1.2, `finite_difference(epsilon = 0.01, factor = 0.1${dice.chance(0.5) ? ", at = 0" : ""})`],
      [this.form === "inner in inner" ? 5 : 1.3, `es(samples = ${dice.int(1, 3)}, sigma = 0.1)`],
      [inside ? 1.5 : 0.8, "es(samples = 2, sigma = 0.1, window = 2)"],
      [inside ? 1.5 : 1, "pes(samples = 2, sigma = 0.1, window = 2)"],
      [name === "fit" && ["outer", "tasks"].includes(this.form) ? 1 : 0, lasting],
    ]);
  }

  /** Sometimes an override of a loop; the number that a formula gives and nothing can learn. */
  override(name: string, { smooth, hasRate }: WrittenRule, steps: number): string | undefined {
    const { dice } = this;
    const hyper = hasRate ? "lr" : smooth[0];
    if (hyper === undefined || dice.chance(0.5)) return undefined;
    const value = dice.number(0.05, 0.3);
    const schedules = [
      "c * cosine(t, T)",
      "0.2 * linear_schedule(t, T, end = 0.5)",
      "exponential(t, 0.7 * c)",
      "0.2 * linear_schedule(t, T)",
      "0.2 * exponential(t, 0.8)",
      "0.2 * exponential(t, 0.7)",
      "0.3 * step_decay(t, 0.6, 2)",
      "0.3 * linear_schedule(t, T, start = 0.8)",
      "0.2 * step_decay(t, 0.5, 1)",
      "0.2 * step_decay(t, 0.5, 2)",
      "0.3 * warmup(t, 3)",
      "c * inverse_time(t, 0.5)",
      "0.2 * exp(-0.5 * t)",
    ];
    const time = this.timeOf(name);
    const entry = dice.weighted<() => string>([
      [1, () => `${hyper} = ${value}`],
      [1.6, () => `${hyper} = ${value} per step`],
      [3.5, () => `${hyper} = ${value} per tensor${dice.chance(0.5) ? " per step" : ""}`],
      [1.6, () => `${hyper} = ${value} per entry`],
      [1, () => `${hyper} = ${literal(dice, [steps], () => dice.number(0.05, 0.3))} per step`],
      [
        2,
        () =>
          `${hyper} = [${Array.from({ length: steps }, () => dice.pick(["c", "0.5 * c", "0.1"])).join(", ")}] per step`,
      ],
      [5.5, () => `${hyper}@t = ${dice.pick(schedules).replaceAll("T)", `${time})`).replace("T,", `${time},`)}`],
      [1, () => `${hyper} = ${value} in 0 .. 1`],
      [2, () => `${hyper} = ${value}${dice.pick([" in 0 .. inf via log", " via softplus", " in 0 .. 1 via logit"])}`],
    ])();
    this.#items.push(`override ${name.split(" ")[0]} { ${entry} }`);
    return entry.includes("@t") || /= \[.*c/.test(entry) ? hyper : undefined;
  }

  timeOf(name: string): string {
    return { fit: "T", tune: "S", upper: "R", mid: "M" }[name] ?? "T";
  }

  /** What can be learned, or differentiated for. */
  metas(loop: LoopText): string[] {
    const starts = loop.evolves.map((e) => `${e.name}@0`);
    const parts = loop.evolves.some((e) => e.network) && this.network!.parameters.length > 0 && this.dice.chance(0.3)
      ? [`net.${this.dice.pick(this.network!.parameters)}@0`]
      : [];
    const whole = parts.length > 0 ? starts.filter((s) => s !== "net@0") : starts;
    return [
      ...whole,
      ...parts,
      ...loop.numbers.map((h) => `${loop.name}.${h}`),
      "c",
      "goal",
      ...(this.theta ? ["theta", "theta"] : []),
      ...(loop.rule.learned ? ["step_of"] : []),
    ];
  }

  someMetas(metas: readonly string[]): string[] {
    const { dice } = this;
    const plain = metas.filter((m) => /^(theta|goal|[av]@0)$/.test(m));
    const sampled = /through es\(/.test(this.#items.join()) && plain.length > 0 && dice.chance(0.7);
    return [...new Set(dice.some(sampled ? plain : metas, sampled ? dice.int(1, 2) : dice.int(1, 3)))];
  }

  innerInInner(fit: LoopText): void {
    const { dice } = this;
    const evolved: Evolved = { name: "h", variables: [{ text: "h", shape: [3] }], network: false };
    this.define("h", `param h : [3] ${this.start([3])}`);
    // what is around is read by the loop within
    const inside = this.#items.findIndex((item) => item.startsWith("inner fit"));
    this.#items[inside] = this.#items[inside]!.replace(
      /imize /,
      `imize 0.2 * sum(h^2) + 0.3 * ${this.linked(fit, "", "h")} + `,
    );
    const more = fit.evolves.flatMap((e) => e.variables.map((v) => ({ ...v, text: `${v.text}@(fit.T)` })));
    const upper = this.inner("upper", "R", [evolved], { table: undefined, more });
    const at = (text: string) => text.replaceAll("@T", "@(fit.T)");
    const last = this.#items.findIndex((item) => item.startsWith("inner upper"));
    this.#items[last] = this.#items[last]!.replace(/imize /, `imize 0.3 * ${this.linked(fit, "@(fit.T)", "h")} + `);
    const objective = this.objective([evolved], "@R", undefined);
    const metas = [
      ...this.metas(upper),
      ...fit.numbers.map((name) => `fit.${name}`),
      ...fit.evolves.map((e) => `${e.name}@0`),
    ];
    if (dice.chance(0.5)) {
      this.outer({ name: "train", loop: upper, objective: at(objective), metas, tasks: false });
      this.records(upper, "train");
    } else {
      this.gradient(at(objective), metas, undefined);
      this.records(upper, undefined);
    }
  }

  /** A term that ties what a loop evolves to something. */
  linked(loop: LoopText, time: string, to: string): string {
    const each = loop.evolves[0]!.variables[0]!;
    return `sum((${each.text}${time} - ${to})^2)`;
  }

  nested(fit: LoopText, ends: string, goal: () => string, metas: readonly string[]): void {
    const { dice } = this;
    this.learned();
    const each = fit.evolves[0]!;
    const tied = each.network ? "theta^2" : `mean((${each.variables[0]!.text}${ends} - theta)^2)`;
    const inside = this.#items.findIndex((item) => item.startsWith("inner fit"));
    const link = each.network
      ? `0.1 * theta * ${this.netSize("")}`
      : `0.2 * mean((${each.variables[0]!.text} - theta)^2)`;
    this.#items[inside] = this.#items[inside]!.replace(/imize /, `imize ${link} + `);
    const learned = dice.chance(0.7) ? "theta" : "c";
    const own = rule(dice, "outer", dice.chance(0.5) ? "sgd" : undefined);
    if (own.definition) this.define(own.name, own.definition, true);
    const steps = dice.int(1, 3);
    const across = (n: number) =>
      this.tasks ? `  across ${n} ${this.problem()}${this.#warm || dice.chance(0.1) ? " fixed" : ""}\n` : "";
    const through = dice.weighted([[6, ""], [1, "forward()"], [1, "unroll(window = 1)"], [0.6, "first_order()"]]);
    this.#items.push(
      `outer mid {\n  minimize ${goal()} + 0.3 * ${tied}\n${
        across(dice.int(1, 2))
      }  over ${learned} by ${own.text}\n  for M = ${steps} steps\n${dice.chance(0.15) ? "  clip norm 1\n" : ""}${
        through ? `  through ${through}\n` : ""
      }}`,
    );
    if (dice.chance(0.2)) {
      this.#items.push(
        `override mid { ${own.smooth[0]} = ${dice.number(0.05, 0.3)}${dice.pick(["", " in 0 .. 1", " per step"])} }`,
      );
    }
    const readsEnd = dice.chance(0.5);
    const objective = [
      `mid.loss@M`,
      ...(readsEnd ? [`0.4 * (${learned}@M - 0.3)^2`] : []),
      ...(this.tasks && dice.chance(0.5) ? [`0.2 * query.s * ${learned}@M`] : []),
    ].join(" + ");
    const outerMetas = [
      ...own.smooth.map((h) => `mid.${h}`),
      ...own.smooth.map((h) => `mid.${h}`),
      `${learned}@0`,
      `${learned}@0`,
      ...metas.filter((m) => m !== learned),
    ];
    const tasked = objective.includes("query");
    if (dice.chance(0.65)) {
      this.outer({ name: "top", loop: fit, objective, metas: outerMetas, tasks: tasked });
      this.#items.push("record top.loss");
      if (dice.chance(0.4)) {
        this.#items.push(
          `evaluate unseen {\n${tasked ? `  across 2 ${this.problem()}\n` : ""}  report ${objective}\n}`,
        );
      }
    } else this.gradient(objective, outerMetas, undefined, tasked);
  }

  netSize(time: string): string {
    const field = this.field(this.tasks ? "support" : "d");
    return `mean(net${time}(${field("x")}${this.network!.training ? ", 1" : ""}))`;
  }

  outer(at: { name: string; loop: LoopText; objective: string; metas: readonly string[]; tasks: boolean }): void {
    const { dice } = this;
    const { name, loop, objective, metas, tasks } = at;
    const warm = this.#warm;
    const starts = metas.filter((m) => /^(w|v|a|net)@0$/.test(m));
    const reptile = dice.chance(0.12) && starts.length > 0 && this.form !== "inner in inner" && name === "train" &&
      !/es\(|forward/.test(loop.estimator) && !warm;
    const chosen = reptile ? starts : this.someMetas(warm ? metas.filter((m) => !/@0$/.test(m)) : metas);
    const by = rule(dice, "outer", reptile ? "reptile" : undefined);
    if (by.definition) this.define(by.name, by.definition, true);
    const two = chosen.length > 1 && dice.chance(0.2) && !reptile;
    const second = two ? rule(dice, "outer") : undefined;
    if (second?.definition) this.define(second.name, second.definition, true);
    const skips = tasks && !/es\(/.test(this.#items.join()) && dice.chance(0.3);
    // many of the tasks have no root
    const lines = [`  minimize ${objective}${skips && dice.chance(0.5) ? " + 0.1 * sqrt(query.s - 0.8)" : ""}`];
    if (skips) lines.push("  skip not finite");
    if (tasks) lines.push(`  across ${dice.int(1, 3)} ${this.tasksOf(warm ? 1 : 0.12)}`);
    if (two) lines.push(`  over ${chosen[0]} by ${by.text}`, `  over ${chosen.slice(1).join(", ")} by ${second!.text}`);
    else lines.push(`  over ${chosen.join(", ")} by ${by.text}`);
    const steps = dice.int(1, 3);
    lines.push(`  for ${dice.chance(0.2) ? "N = " : ""}${steps} steps`);
    if (dice.chance(0.12)) lines.push(`  clip norm ${dice.number(0.5, 2)}`);
    if (this.network?.input.rowAxis === 0 && objective.includes("net@") && !tasks && dice.chance(0.5)) {
      lines.push(`  batch ${dice.int(1, 2)} of d${dice.chance(0.7) ? " each once" : ""}`);
    }
    if (dice.chance(0.12)) lines.push(`  until ${this.threshold(name.split(" ")[0]!)}`);
    this.#items.push(`outer ${name} {\n${lines.join("\n")}\n}`);
    if (dice.chance(0.2) && by.hasRate && !two) {
      const rate = dice.number(0.05, 0.2);
      const entry = dice.pick([
        `lr@t = 0.1 * ${dice.pick(["cosine(t, T)", "warmup(t, 2)", "inverse_time(t, 1)"]).replace("T", `${steps}`)}`,
        `lr = ${rate} per ${dice.pick(["step", "tensor", "entry", "tensor per step"])}`,
        `lr = ${literal(dice, [steps], () => dice.number(0.05, 0.2))} per step`,
      ]);
      this.#items.push(`override ${name.split(" ")[0]} { ${entry} }`);
    }
  }

  /** What an outer that runs by itself may be ended by. */
  threshold(outer: string): string {
    const { dice } = this;
    return dice.pick([
      `${outer}.loss < ${dice.number(0.1, 1.5)}`,
      `${outer}.gradient_norm <= ${dice.number(0.05, 1)}`,
      `${dice.number(0.5, 2)} < ${outer}.loss`,
    ]);
  }

  /** Says of an evaluation that is made during an outer what is better, and has the outer ended by it or give its best back. */
  judge(lines: string[], name: string, outer: string): void {
    const { dice } = this;
    const after = lines.findIndex((line) => line.startsWith("  report")) + 1;
    lines.splice(after, 0, `  best ${dice.pick(["highest", "lowest"])}`);
    const clauses = [
      ...(dice.chance(0.7) ? [`  keep best of ${name}`] : []),
      ...(dice.chance(0.6) ? [`  until ${name} has not improved for ${dice.int(1, 2)} steps`] : []),
      ...(dice.chance(0.2) ? [`  until ${name} >= ${dice.number(0.2, 1.5)}`] : []),
    ];
    const at = this.#items.findIndex((item) => item.startsWith(`outer ${outer} {`));
    this.#items[at] = this.#items[at]!.replace(/\n\}$/, ["", ...clauses, "}"].join("\n"));
  }

  /** The task as a clause names it, that is `fixed` so often; what `fixed` tasks are made of does not change with what is learned. */
  tasksOf(share: number): string {
    const fixed = this.dice.chance(share);
    return `${this.problem(!fixed && this.form !== "nested")}${fixed ? " fixed" : ""}`;
  }

  gradient(objective: string, metas: readonly string[], after: string | undefined, tasks = this.tasks): void {
    const { dice } = this;
    const across = tasks ? `\nacross ${dice.int(1, 3)} ${this.tasksOf(0.1)}` : "";
    const then = after && dice.chance(0.5) ? `\nafter ${after}` : "";
    const expect = dice.chance(0.12) ? " expect { value = 0.5 within 1e9 }" : "";
    this.#items.push(`gradient ${objective}${across}${then}\nwrt ${this.someMetas(metas).join(", ")}${expect}`);
  }

  evaluate(loop: LoopText, ends: string, table: string | undefined, during?: string): void {
    const { dice } = this;
    const lines = table ? [`  across ${dice.int(1, 3)} ${this.tasksOf(0.1)}`] : [];
    if (table && dice.chance(0.15)) lines.push("  skip not finite");
    const longer = dice.chance(0.35) && ends === "@T" && loop.steps < 9 && !/es\(/.test(loop.estimator);
    if (longer) lines.push(`  for ${loop.time} = ${dice.pick([loop.steps + 1, 0])} steps`);
    const net = this.network && loop.evolves.some((e) => e.network);
    const field = this.field(table ?? "d");
    const report = net && dice.chance(0.4)
      ? `accuracy(net${ends}(${field("x")}${this.network!.training ? ", 0" : ""}), ${field("label")})`
      : this.objective(loop.evolves, ends, table);
    const times = dice.chance(0.4) && ends === "@T" && report.includes("@T");
    lines.push(times ? `  report ${report.replaceAll("@T", "@t")} at t in 0 .. T` : `  report ${report}`);
    if (dice.chance(0.2)) lines.push(`  report ${loop.name}.loss@${loop.time}`);
    if (loop.stops && dice.chance(0.5)) lines.push(`  report ${loop.name}.steps`);
    if (during && dice.chance(0.4)) {
      lines.push(`  every ${dice.int(1, 2)} steps of ${during}`);
      if (dice.chance(0.7)) this.judge(lines, "test", during);
    }
    if (longer) lines.push("  hold last");
    this.#items.push(`evaluate test {\n${lines.join("\n")}\n}`);
  }

  /** Arrays of each type: what is not a float hangs on nothing that another backend might round otherwise. */
  output(loop: LoopText, ends: string, table: string | undefined, outer: string | undefined): void {
    const { dice } = this;
    const field = this.field(table ?? "d");
    const each = dice.pick(loop.evolves);
    const value = each.network
      ? `net${ends}(${field("x")}${this.network!.training ? ", 0" : ""})`
      : `${each.variables[0]!.text}${ends}`;
    const shown = dice.weighted([
      [4, value],
      [1, `tanh(${value})`],
      [1, `${value} < 1e9`],
      [1, this.objective(loop.evolves, ends, table)],
      [loop.stops ? 3 : 0.1, `${loop.name}.steps`],
      [0.5, "ix.three + 1"],
      [0.5, "ix.on"],
    ]);
    const across = table ? ` across ${dice.int(1, 3)} ${this.tasksOf(0.1)}` : "";
    const after = outer && dice.chance(0.4) ? ` after ${outer}` : "";
    this.#items.push(`output shown = ${shown}${across}${after}`);
  }

  records(loop: LoopText, outer: string | undefined): void {
    const { dice } = this;
    const names: string[] = [];
    if (outer && dice.chance(0.5)) names.push(`${outer}.loss`);
    if (outer && dice.chance(0.2)) names.push(`${outer}.gradient_norm`);
    const each = dice.pick(loop.evolves);
    const plain = (outer !== undefined || !this.tasks) && loop.name !== "tune" &&
      !this.#items.some((i) => i.startsWith("inner tune"));
    if (plain && dice.chance(0.35)) names.push(each.network ? `${loop.name}.loss@*` : `${each.name}@*`);
    if (plain && dice.chance(0.1)) names.push(`${loop.name}.gradient_norm@*`);
    if (outer && dice.chance(0.1) && !/es\(/.test(this.#items.join())) names.push(`${outer}.sensitivity`);
    if (outer && dice.chance(0.5)) names.push(...this.schedulesOf(outer));
    if (plain && dice.chance(0.5)) names.push(...this.schedulesOf(loop.name));
    if (names.length === 0) return;
    const every = outer && dice.chance(0.2) ? " every 2 steps" : "";
    const task = this.tasks && outer && names.some((n) => n.endsWith("@*")) && dice.chance(0.3) ? " of task 0" : "";
    this.#items.push(`record ${names.join(", ")}${every}${task}`);
  }

  /** What overrides change from step to step of a loop. */
  schedulesOf(loop: string): string[] {
    const own = this.#items.filter((item) => item.startsWith(`override ${loop} {`));
    const entries = own.map((item) => item.slice(item.indexOf("{")));
    const changing = /([a-z][\w.]*)(?:@t =| = [^\n@=]* per step)/g;
    return entries.flatMap((entry) => [...entry.matchAll(changing)].map((m) => `${loop}.${m[1]}`));
  }
}
