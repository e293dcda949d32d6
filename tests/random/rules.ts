// Which rules are written? Every optimizer of the prelude with some of its numbers, and own ones: with states of their own, that
// do not read p, that project, and that call a model.
import { libraryFiles } from "../../dsl/prelude/library.ts";
import { treeOf } from "./compiled.ts";
import type { Dice } from "./dice.ts";

type Range = readonly [low: number, high: number];
type Ranges = { readonly [hyperparameter: string]: Range };

/** Smooth numbers of each rule: those that are always given, then those that may be. Behind a name, `switch` is true or false. */
interface Rule {
  readonly given: Ranges;
  readonly more?: Ranges;
  readonly switch?: string;
  /** An own rule's definition. */
  readonly text?: string;
  /** Steps by signs: values jump. */
  readonly jumps?: boolean;
}

const eps: Range = [0.05, 0.3];
const lr: Range = [0.05, 0.25];
const decay: Range = [0.05, 0.2];
const betas: Ranges = { beta1: [0.3, 0.8], beta2: [0.5, 0.9] };

/** The rules of the prelude. */
export const preludeRules: { readonly [name: string]: Rule } = {
  sgd: {
    given: { lr },
    more: { momentum: [0.1, 0.8], dampening: [0.1, 0.5], weight_decay: decay },
    switch: "nesterov",
  },
  adam: { given: { lr, eps }, more: { ...betas, weight_decay: decay, eps_root: eps }, switch: "amsgrad" },
  adamw: { given: { lr, eps }, more: { ...betas, weight_decay: decay }, switch: "amsgrad" },
  rmsprop: { given: { lr: [0.02, 0.1], eps }, more: { alpha: [0.5, 0.9], momentum: [0.1, 0.6] }, switch: "centered" },
  adagrad: { given: { lr, eps }, more: { lr_decay: decay, initial: [0.1, 0.4] } },
  adadelta: { given: { lr: [0.5, 1], eps }, more: { rho: [0.5, 0.9] } },
  adamax: { given: { lr, eps }, more: betas },
  asgd: { given: { lr }, more: { lambd: decay, alpha: [0.3, 0.8] } },
  rprop: { given: { lr }, more: { eta_plus: [1.1, 1.3] }, jumps: true },
  nadam: { given: { lr, eps }, more: betas },
  radam: { given: { lr, eps }, more: betas },
  lion: { given: { lr }, more: { beta1: [0.3, 0.8], weight_decay: decay }, jumps: true },
  lamb: { given: { lr, eps }, more: { ...betas, weight_decay: decay } },
  reptile: { given: { rate: [0.1, 0.5] } },
};

/** Own rules. */
export const ownRules: { readonly [name: string]: Rule } = {
  heavy: {
    given: { lr, mu: [0.3, 0.8] },
    text: "optimizer heavy(lr, mu = 0.9) {\n  state v = 0\n  v' = mu * v + g\n  p' = p - lr * v'\n}",
  },
  jump: { given: { goal: [-0.5, 0.5], lr }, text: "optimizer jump(goal, lr) {\n  p' = goal - lr * g\n}" },
  pull: {
    given: { lr },
    text:
      "optimizer pull(lr) {\n  state far = p\n  state n : [] = 1\n  far' = 0.5 * far + 0.5 * p\n  n' = n + 1\n  p' = far' - lr * g / n'\n}",
  },
  shrink: {
    given: { lr, l: [0.01, 0.1] },
    text: "optimizer shrink(lr, l) {\n  let z = p - lr * g\n  p' = sign(z) * max(abs(z) - lr * l, 0)\n}",
  },
  box: { given: { lr }, text: "optimizer box(lr) {\n  p' = min(max(p - lr * g, -0.9), 1.1)\n}" },
  late: {
    given: { lr },
    text: "optimizer late(lr) {\n  state old = 0\n  old' = g\n  p' = p - lr * where(t == 0, g, old)\n}",
  },
  drift: { given: { c: [0.1, 0.4] }, text: "optimizer drift(c) {\n  p' = p * (1 - c) + c * 0.3\n}" },
};

/** The learned one: a model of each entry. */
export const learnedRule = {
  model: "model step_of(x : [k, 2]) -> [k, 1] {\n  W : [2, 1] = [[0.2], [0.05]]\n  return dot(x, W)\n}",
  text: "optimizer learned() {\n  let s = step_of(stack(ravel(g), ravel(p)))\n  p' = p - tanh(reshape(s, shape(p)))\n}",
};

/** A rule with its numbers. */
export interface WrittenRule {
  readonly name: string;
  readonly text: string;
  /** All the numbers that it knows, given or not. */
  readonly takes: readonly string[];
  /** What a gradient may be asked for. */
  readonly smooth: readonly string[];
  /** An own rule's definition. */
  readonly definition: string | undefined;
  readonly hasRate: boolean;
  readonly jumps: boolean;
  readonly learned: boolean;
}

let optimizers: ReadonlyMap<string, readonly string[]> | undefined;

/** What an optimizer of the library or of this file takes. Their texts are read once. */
function argumentsOf(name: string): readonly string[] {
  optimizers ??= new Map(
    [...Object.values(ownRules), ...libraryFiles].flatMap(({ text }) => text === undefined ? [] : treeOf(text).items)
      .flatMap((i) => i.kind === "Optimizer" ? [[i.name.name, i.formals.map((f) => f.name.name)] as const] : []),
  );
  return optimizers.get(name) ?? [];
}

/** A rule of a loop. `for`: outers have `reptile`, implicit loops plain descent. */
export function rule(dice: Dice, place: "inner" | "outer" | "plain", known?: string): WrittenRule {
  if (place === "inner" && dice.chance(0.05)) {
    return {
      name: "learned",
      text: "learned()",
      takes: [],
      smooth: [],
      definition: learnedRule.text,
      hasRate: false,
      jumps: false,
      learned: true,
    };
  }
  const names = Object.keys(preludeRules).filter((name) => name !== "reptile");
  const own = Object.keys(ownRules).filter((n) => place === "inner" || n === "heavy" || n === "box");
  if (place === "inner") own.push("jump");
  const name = known ??
    (place === "plain" ? "sgd" : dice.chance(0.25) ? "sgd" : dice.chance(0.22) ? dice.pick(own) : dice.pick(names));
  const table = preludeRules[name] ?? ownRules[name]!;
  const more = place === "plain" ? [] : dice.some(Object.keys(table.more ?? {}), dice.int(0, 2));
  const numbers = [...Object.keys(table.given), ...more];
  const ranges = { ...table.given, ...table.more };
  const range = (n: string): Range => place === "plain" && n === "lr" ? [0.25, 0.5] : ranges[n]!;
  const args = numbers.map((n) => `${n} = ${dice.number(...range(n))}`);
  if (table.switch && place !== "plain" && dice.chance(0.2) && (name !== "sgd" || more.includes("momentum"))) {
    args.push(`${table.switch} = true`);
  }
  return {
    name,
    text: `${name}(${args.join(", ")})`,
    takes: argumentsOf(name),
    smooth: numbers,
    definition: ownRules[name]?.text,
    hasRate: numbers.includes("lr"),
    jumps: table.jumps === true,
    learned: false,
  };
}
