// The library's optimizers written again as plain loops over numbers, one entry at a time.

export type Hyper = Readonly<Record<string, number>>;
/** What a rule keeps for one entry. */
export type Memory = Record<string, number>;
/** The new value of one entry: its gradient and value, its memory (empty at t = 0), the time from 0, the hyperparameters. */
export type Rule = (g: number, p: number, s: Memory, t: number, h: Hyper) => number;

/** No entry that matters is negative here; at an entry without a gradient a difference may ask for √−h. */
const root = (x: number) => Math.sqrt(Math.max(x, 0));
const power = (base: number, n: number) => Array.from({ length: n }).reduce<number>((product) => product * base, 1);

/** Exponential averages of the gradient and its square, bias-corrected. */
function moments(g: number, s: Memory, t: number, h: Hyper): { m: number; v: number } {
  s.m = h.beta1! * (s.m ?? 0) + (1 - h.beta1!) * g;
  s.v = h.beta2! * (s.v ?? 0) + (1 - h.beta2!) * g * g;
  s.top = Math.max(s.top ?? 0, s.v);
  const v = h.amsgrad ? s.top : s.v;
  return { m: s.m / (1 - power(h.beta1!, t + 1)), v: v / (1 - power(h.beta2!, t + 1)) };
}

/** 0 / 0 at an entry without a gradient, when a difference makes eps 0. */
const ratio = (a: number, b: number) => a === 0 ? 0 : a / b;

/** By the names in the library. */
export const rules: Readonly<Record<string, Rule>> = {
  sgd(g, p, s, t, h) {
    const d = g + h.weight_decay! * p;
    s.v = t === 0 ? d : h.momentum! * s.v! + (1 - h.dampening!) * d;
    return p - h.lr! * (h.nesterov ? d + h.momentum! * s.v : s.v);
  },
  adam(g, p, s, t, h) {
    const { m, v } = moments(g + h.weight_decay! * p, s, t, h);
    return p - h.lr! * ratio(m, root(v + h.eps_root!) + h.eps!);
  },
  adamw(g, p, s, t, h) {
    const { m, v } = moments(g, s, t, h);
    return p - h.lr! * (h.weight_decay! * p + ratio(m, root(v + h.eps_root!) + h.eps!));
  },
  rmsprop(g, p, s, _, h) {
    const d = g + h.weight_decay! * p;
    s.square = h.alpha! * (s.square ?? 0) + (1 - h.alpha!) * d * d;
    s.mean = h.alpha! * (s.mean ?? 0) + (1 - h.alpha!) * d;
    const variance = h.centered ? s.square - s.mean * s.mean : s.square;
    s.v = h.momentum! * (s.v ?? 0) + ratio(d, root(variance) + h.eps!);
    return p - h.lr! * s.v;
  },
  adagrad(g, p, s, t, h) {
    const d = g + h.weight_decay! * p;
    s.total = (s.total ?? h.initial!) + d * d;
    return p - h.lr! / (1 + h.lr_decay! * t) * ratio(d, root(s.total) + h.eps!);
  },
  adadelta(g, p, s, _, h) {
    const d = g + h.weight_decay! * p;
    s.square = h.rho! * (s.square ?? 0) + (1 - h.rho!) * d * d;
    const move = ratio(root((s.moved ?? 0) + h.eps!) * d, root(s.square + h.eps!));
    s.moved = h.rho! * (s.moved ?? 0) + (1 - h.rho!) * move * move;
    return p - h.lr! * move;
  },
  adamax(g, p, s, t, h) {
    const d = g + h.weight_decay! * p;
    s.m = h.beta1! * (s.m ?? 0) + (1 - h.beta1!) * d;
    s.u = Math.max(h.beta2! * (s.u ?? 0), Math.abs(d) + h.eps!);
    return p - h.lr! * ratio(s.m, s.u) / (1 - power(h.beta1!, t + 1));
  },
  asgd(g, p, _, t, h) {
    const rate = h.lr! * (1 + h.lambd! * h.lr! * t) ** -h.alpha!;
    return p - rate * (g + h.weight_decay! * p) - h.lambd! * rate * p;
  },
  rprop(g, p, s, _, h) {
    const turn = Math.sign(g * (s.previous ?? 0));
    const factor = turn > 0 ? h.eta_plus! : turn < 0 ? h.eta_minus! : 1;
    s.size = Math.min(Math.max((s.size ?? h.lr!) * factor, h.step_min!), h.step_max!);
    s.previous = turn < 0 ? 0 : g;
    return p - Math.sign(s.previous) * s.size;
  },
  nadam(g, p, s, t, h) {
    const d = g + h.weight_decay! * p;
    const mu = (n: number) => h.beta1! * (1 - 0.96 ** (n * h.momentum_decay!) / 2);
    s.product = (s.product ?? 1) * mu(t + 1);
    const m = h.beta1! * (s.m ?? 0) + (1 - h.beta1!) * d;
    s.m = m;
    s.v = h.beta2! * (s.v ?? 0) + (1 - h.beta2!) * d * d;
    const scale = root(s.v / (1 - power(h.beta2!, t + 1))) + h.eps!;
    const look = (1 - mu(t + 1)) * d / (1 - s.product) + mu(t + 2) * m / (1 - s.product * mu(t + 2));
    return p - h.lr! * ratio(look, scale);
  },
  radam(g, p, s, t, h) {
    const { m } = moments(g + h.weight_decay! * p, s, t, h);
    const n = t + 1;
    const correction = 1 - power(h.beta2!, n);
    const longest = (1 + h.beta2!) / (1 - h.beta2!);
    const length = longest - 2 * n * power(h.beta2!, n) / correction;
    if (length <= 5) return p - h.lr! * m;
    const rectified = Math.sqrt(
      ((length - 4) / (longest - 4)) * ((length - 2) / (longest - 2)) * (longest / length),
    );
    return p - h.lr! * rectified * Math.sqrt(correction) * ratio(m, root(s.v!) + h.eps!);
  },
  lion(g, p, s, _, h) {
    const m = s.m ?? 0;
    s.m = h.beta2! * m + (1 - h.beta2!) * g;
    return p - h.lr! * (Math.sign(h.beta1! * m + (1 - h.beta1!) * g) + h.weight_decay! * p);
  },
  /** The step before its trust ratio, which `step` applies. */
  lamb(g, p, s, t, h) {
    const { m, v } = moments(g, s, t, h);
    return p - (ratio(m, root(v) + h.eps!) + h.weight_decay! * p);
  },
};

const norm = (x: readonly number[]) => Math.sqrt(x.reduce((sum, value) => sum + value * value, 0));

/** One step of a rule over the entries of one tensor; `memories` has one for each entry, empty at t = 0. */
export function step(
  name: string,
  h: Hyper,
  at: {
    readonly p: readonly number[];
    readonly g: readonly number[];
    readonly t: number;
    readonly memories: readonly Memory[];
  },
): number[] {
  const { p, g, t, memories } = at;
  const next = p.map((value, i) => rules[name]!(g[i]!, value, memories[i]!, t, h));
  if (name !== "lamb") return next;
  const moved = p.map((value, i) => value - next[i]!);
  return p.map((value, i) => value - h.lr! * norm(p) / norm(moved) * moved[i]!);
}
