// Is every optimizer of the library right, and every derivative through it? Each is written again here as a plain loop over
// numbers; the program must end where the loop ends, and its gradients must be the loop's central differences: for every
// hyperparameter at its default, at other values and at 0, and for the initial parameters, one of which never gets a gradient.
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { compile, CompileError } from "../../mod.ts";
import { derivative } from "../../runtime/verify/differences.ts";
import { type Hyper, type Memory, step } from "./plain/rules.ts";
import { some } from "../thorough.ts";

const steps = 9;
const start = [1, -2, 0.5, 0.8];
const target = [0.2, 0.3, -0.4, 5];
/** The last entry has no curvature and no coupling: its gradient is exactly 0 at all times. */
const curvature = [1, 0.5, 2, 0];
const weight = [0.7, -0.4, 1.1, 0.3];

function gradientAt(p: readonly number[]): number[] {
  const g = p.map((value, i) => curvature[i]! * (value - target[i]!));
  g[0]! += 0.3 * p[1]!;
  g[1]! += 0.3 * p[0]!;
  return g;
}

function endOf(name: string, h: Hyper, from: readonly number[]): number[] {
  const memories: Memory[] = from.map(() => ({}));
  let p = [...from];
  for (let t = 0; t < steps; t++) p = step(name, h, { p, g: gradientAt(p), t, memories });
  return p;
}

const objective = (p: readonly number[]) =>
  p.reduce((sum, value, i) => sum + weight[i]! * value + value * value / 2, 0);

/** Where a difference begins: within what the hyperparameter may be, and where the loop is smooth. Rates of averages end at
 *  1; the step of an entry without a gradient is wd p / (|wd p| + eps), which bends within eps of wd = 0 (LAMB's decay is not under the root); adadelta's root of
 *  eps ends at 0; rprop's signs turn. */
function reach(rule: string, name: string, h: Hyper): number {
  const value = h[name]!;
  if (/^(beta|rho$)/.test(name) || name === "alpha" && value > 0.9) return 0.2 * (1 - value);
  if (name === "weight_decay" && value === 0 && h.eps! < 1e-3 && rule !== "lamb") return 1e-3 * h.eps!;
  if (rule === "adadelta" && name === "eps") return 0.1 * value;
  return (rule === "rprop" ? 1e-3 : 0.1) * Math.max(Math.abs(value), 0.01);
}

/** Hyperparameters that act through signs alone: nothing depends on them smoothly, and asking is an error. */
const throughSigns: Readonly<Record<string, readonly string[]>> = { lion: ["beta1", "beta2"] };

interface Case {
  readonly rule: string;
  /** What is written after the defaults. */
  readonly set?: Hyper;
  readonly flags?: readonly string[];
}

const defaults: Readonly<Record<string, Hyper>> = {
  sgd: { lr: 0.1, momentum: 0, dampening: 0, weight_decay: 0 },
  adam: { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0, eps_root: 0 },
  adamw: { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0.01, eps_root: 0 },
  rmsprop: { lr: 0.01, alpha: 0.99, eps: 1e-8, weight_decay: 0, momentum: 0 },
  adagrad: { lr: 0.01, lr_decay: 0, weight_decay: 0, initial: 0, eps: 1e-10 },
  adadelta: { lr: 1, rho: 0.9, eps: 1e-6, weight_decay: 0 },
  adamax: { lr: 2e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0 },
  asgd: { lr: 0.01, lambd: 1e-4, alpha: 0.75, weight_decay: 0 },
  rprop: { lr: 0.01, eta_minus: 0.5, eta_plus: 1.2, step_min: 1e-6, step_max: 50 },
  nadam: { lr: 2e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0, momentum_decay: 4e-3 },
  radam: { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0 },
  lion: { lr: 1e-4, beta1: 0.9, beta2: 0.99, weight_decay: 0 },
  lamb: { lr: 1e-3, beta1: 0.9, beta2: 0.999, eps: 1e-6, weight_decay: 0 },
};

/** Values far from the defaults, where every term weighs. */
const others: Readonly<Record<string, Hyper>> = {
  sgd: { lr: 0.3, momentum: 0.6, dampening: 0.2, weight_decay: 0.1 },
  adam: { lr: 0.2, beta1: 0.6, beta2: 0.7, eps: 0.1, weight_decay: 0.2, eps_root: 0.05 },
  adamw: { lr: 0.2, beta1: 0.6, beta2: 0.7, eps: 0.1, weight_decay: 0.2, eps_root: 0.05 },
  rmsprop: { lr: 0.1, alpha: 0.6, eps: 0.1, weight_decay: 0.2, momentum: 0.5 },
  adagrad: { lr: 0.5, lr_decay: 0.3, weight_decay: 0.2, initial: 0.1, eps: 0.1 },
  adadelta: { lr: 0.7, rho: 0.5, eps: 0.2, weight_decay: 0.2 },
  adamax: { lr: 0.1, beta1: 0.5, beta2: 0.7, eps: 0.1, weight_decay: 0.2 },
  asgd: { lr: 0.3, lambd: 0.2, alpha: 0.5, weight_decay: 0.1 },
  rprop: { lr: 0.2137, eta_minus: 0.4, eta_plus: 1.3, step_min: 0.05, step_max: 0.5 },
  nadam: { lr: 0.1, beta1: 0.6, beta2: 0.7, eps: 0.1, weight_decay: 0.2, momentum_decay: 0.3 },
  radam: { lr: 0.2, beta1: 0.6, beta2: 0.95, eps: 0.1, weight_decay: 0.2 },
  lion: { lr: 0.1, beta1: 0.6, beta2: 0.7, weight_decay: 0.2 },
  lamb: { lr: 0.2, beta1: 0.6, beta2: 0.7, eps: 0.1, weight_decay: 0.2 },
};

const flags: readonly (readonly [rule: string, flag: string])[] = [
  ["sgd", "nesterov"],
  ["adam", "amsgrad"],
  ["adamw", "amsgrad"],
  ["rmsprop", "centered"],
];

const cases: Case[] = Object.keys(defaults).flatMap((rule) => [
  { rule },
  { rule, set: others[rule]! },
  ...flags.filter(([of]) => of === rule).map(([, flag]) => ({ rule, set: others[rule]!, flags: [flag] })),
  // each hyperparameter at 0 with the others away from their defaults
  ...Object.keys(defaults[rule]!).map((name) => ({ rule, set: { ...others[rule]!, [name]: 0 } })),
]).filter(({ rule, set }) => !(rule === "adadelta" && set?.eps === 0)); // has a test of its own below

/** A division by eps = 0 gives 0 / 0 at the entry without a gradient, in any implementation. */
const endsInNothing = ({ set }: Case) => set?.eps === 0;

for (const each of some(cases, 12)) {
  const { rule, set = {}, flags = [] } = each;
  const written = [...Object.entries(set).map(([k, v]) => `${k} = ${v}`), ...flags.map((flag) => `${flag} = true`)];
  if (rule === "sgd" && !("lr" in set)) written.unshift(`lr = ${defaults.sgd!.lr}`);
  const without = endsInNothing(each) ? ", without the entry that gets no gradient" : "";
  Deno.test(`${rule}(${written.join(", ")}) ends where the plain loop ends, with its derivatives${without}`, async () => {
    const hyper: Hyper = { ...defaults[rule]!, ...set, ...Object.fromEntries(flags.map((flag) => [flag, 1])) };
    const alive = endsInNothing(each) ? 3 : 4;
    const list = (x: readonly number[]) => `[${x.slice(0, alive).join(", ")}]`;
    const names = Object.keys(defaults[rule]!).filter((name) => !throughSigns[rule]?.includes(name));
    const run = await compile(`
      edition 1
      precision f64
      model net() -> [] {
        p : [${alive}] = ${list(start)}
        return sum(${list(curvature)} * (p - ${list(target)})^2) / 2 + 0.3 * p[0] * p[1]
      }
      inner fit {
        minimize net()
        over net
        by ${rule}(${written.join(", ")})
        for T = ${steps} steps
      }
      gradient sum(${list(weight)} * net.p@T) + sum(net.p@T^2) / 2
      wrt net.p@0, ${names.map((name) => `fit.${name}`).join(", ")}
      record net.p@*
    `).run();
    const path = run.recorded("net.p@*").values[0]!.data;
    const begin = start.slice(0, alive);
    const end = endOf(rule, hyper, begin);
    end.forEach((value, i) => assertAlmostEquals(Number(path[steps * alive + i]), value, 1e-12));
    const compare = (what: string, actual: number, f: (x: number) => number, at: number, h: number) => {
      const { value, error } = derivative(f, at, h);
      // what the table is unsure of, and rounding in the program's own sums
      const tolerance = 20 * error + 1e-9 * (1 + Math.abs(value));
      assert(tolerance < 1e-4 * (1 + Math.abs(value)), `the difference for ${what} is not sure: ${value} ± ${error}`);
      assert(Math.abs(actual - value) <= tolerance, `${what}: ${actual}, by differences ${value} ± ${error}`);
    };
    for (const name of names) {
      const f = (x: number) => objective(endOf(rule, { ...hyper, [name]: x }, begin));
      compare(`fit.${name}`, Number(run.gradient(`fit.${name}`).data[0]), f, hyper[name]!, reach(rule, name, hyper));
    }
    begin.forEach((at, i) => {
      const f = (x: number) => objective(endOf(rule, hyper, begin.with(i, x)));
      compare(`p@0[${i}]`, Number(run.gradient("net.p@0").data[i]), f, at, rule === "rprop" ? 1e-4 : 0.01);
    });
  });
}

Deno.test("adadelta(eps = 0) never moves; the infinite slope of its root at 0 counts as 0, as everywhere", async () => {
  const run = await compile(`
    edition 1
    precision f64
    model net() -> [] { p : [] = 1  return p^2 }
    inner fit { minimize net() over net by adadelta(eps = 0) for T = 3 steps }
    gradient net.p@T wrt net.p@0, fit.lr, fit.eps
  `).run();
  assertEquals(run.value(), 1);
  assertEquals(["fit.lr", "fit.eps", "net.p@0"].map((name) => run.gradient(name).data[0]), [0, 0, 1]);
});

for (const [rule, names] of Object.entries(throughSigns)) {
  for (const name of names) {
    Deno.test(`a gradient with respect to ${rule}'s ${name}, which acts through signs alone, is an error`, () => {
      const source = `
        edition 1
        model net() -> [] { p : [] = 1  return p^2 }
        inner fit { minimize net() over net by ${rule}() for T = 3 steps }
        gradient net.p@T wrt fit.${name}
      `;
      assertThrows(() => compile(source), CompileError, `\`fit.${name}\` cannot influence what is differentiated`);
    });
  }
}
