// Which expressions are written? Of a wanted shape, from variables of known shapes: every builtin and every function of the
// prelude that is no layer, loss or distribution, with values that stay near 1. Among them are kinks, ties, branches that must
// not be taken, and takes and gathers of whatever there is.
import type { Dice } from "./dice.ts";

export type Shape = readonly number[];

/** What an expression may read. */
export interface Variable {
  readonly text: string;
  readonly shape: Shape;
  /** Whole numbers from 0, below this. */
  readonly below?: number;
  readonly bool?: boolean;
}

/** Where an expression stands. */
export interface Scope {
  readonly dice: Dice;
  readonly variables: readonly Variable[];
  /** True where `stop_gradient` may stand, which checks that run a program otherwise cannot follow. */
  readonly loose?: boolean;
  /** True below a corner: ties of ties have slopes by no rule of each. */
  readonly smooth?: boolean;
}

export const sizeOf = (shape: Shape) => shape.reduce((n, each) => n * each, 1);
const same = (a: Shape, b: Shape) => a.length === b.length && a.every((n, i) => n === b[i]);

/** A literal of a shape. */
export function literal(dice: Dice, shape: Shape, entry: () => string = () => dice.number(-1, 1)): string {
  if (shape.length === 0) return entry();
  return `[${Array.from({ length: shape[0]! }, () => literal(dice, shape.slice(1), entry)).join(", ")}]`;
}

/** Floats of a shape that can be read, without an operation. */
function leaf({ dice, variables }: Scope, shape: Shape): string {
  const here = variables.filter((v) => v.below === undefined && !v.bool && same(v.shape, shape));
  if (here.length > 0 && dice.chance(0.85)) return dice.pick(here).text;
  const scalars = variables.filter((v) => v.below === undefined && !v.bool && v.shape.length === 0);
  if (shape.length > 0 && scalars.length > 0) return `(${literal(dice, shape)} * ${dice.pick(scalars).text})`;
  return literal(dice, shape);
}

/** Whole numbers [n] that index something of `below` entries. */
export function indices({ dice, variables }: Scope, n: number, below: number): string {
  const here = variables.filter((v) => v.below !== undefined && v.below <= below && same(v.shape, [n]));
  if (here.length > 0 && dice.chance(0.7)) return dice.pick(here).text;
  if (dice.chance(0.3)) return `[${Array.from({ length: n }, () => dice.int(0, below - 1)).join(", ")}]`;
  return n <= below ? `range(${n})` : `mod(range(${n}), ${below})`;
}

interface Way {
  readonly weight: number;
  readonly fits: (shape: Shape) => boolean;
  readonly write: (scope: Scope, shape: Shape, of: (shape: Shape) => string) => string;
}

const any = () => true;
const rank = (...ranks: readonly number[]) => (shape: Shape) => ranks.includes(shape.length);

const smooth = ["tanh", "sigmoid", "softplus", "sin", "cos", "gelu", "silu", "erf", "elu", "selu"];
const one = (text: string, weight = 1, fits: Way["fits"] = any): Way => ({
  weight,
  fits,
  write: (_scope, shape, of) => text.replace("A", () => of(shape)),
});
const two = (text: string, weight = 1): Way => ({
  weight,
  fits: any,
  write: (_scope, shape, of) => text.replaceAll(/A|B/g, (which) => which === "A" ? of(shape) : of(shape)),
});

const elementwise: readonly Way[] = [
  ...smooth.map((f) => one(`${f}(A)`)),
  one("exp(tanh(A))"),
  one("expm1(sin(A))"),
  one("sqrt(1 + (A)^2)"),
  one("log(1.5 + sin(A))"),
  one("log1p((A)^2)"),
  one("-(A)", 2),
  one("(A)^2", 2),
  one("tanh(A)^3"),
  one("(1.2 + (A)^2)^0.5"),
  one("(1.5 + sin(A))^-1"),
  one("2^tanh(A)"),
  one("(A |> tanh)", 2),
  one("(A |> leaky_relu(slope = 0.2))"),
  two("(A + B)", 4),
  two("(A - B)", 4),
  two("(A * B)", 4),
  two("A / (1.5 + sin(B))", 2),
  two("same_shape(A, B)"),
  { weight: 3, fits: any, write: (_s, shape, of) => `(${of(shape)} * ${of([])})` },
  { weight: 2, fits: any, write: ({ dice }, shape, of) => `${dice.number(-1, 1)} * ${of(shape)}` },
  {
    weight: 1.2,
    fits: any,
    write: ({ loose }, shape, of) => loose ? `stop_gradient(${of(shape)})` : `cos(${of(shape)})`,
  },
];

/** Functions with corners, where a tie may stand. */
const kinks: readonly Way[] = [
  one("relu(A)"),
  one("leaky_relu(A)"),
  one("abs(A)"),
  one("max(A, 0)", 2),
  one("min(A, 0.5)"),
  two("max(A, B)", 2),
  two("min(A, B)", 2),
  two("sign(A) * B"),
  two("step(A) * B"),
  two("(floor(A) + ceil(B))"),
  two("mod(A, 0.7) * B"),
  one("clip(A, -0.4, 0.5)", 1.5),
  two("clip(A, -1, 1 + B^2)"),
  two("round(2 * A) * B"),
  two("int(3 * tanh(A)) * B"),
  two("where(isfinite(log(A)), A, B)"),
];

/** Branches that must not be taken: their value or derivative is infinite or no number where the other one stands. */
const branches: readonly Way[] = [
  // not at 0: what is 0 but for rounding would choose by it, and the branches need not meet
  two("where(A > 0.02, B, A)", 2),
  two("where(A <= 0, B, A)"),
  two("where(A >= B, A, 0.3)"),
  one("huber_entry(abs(A), 0.3)", 1.5),
  { weight: 3, fits: any, write: (_s, shape, of) => shared(of(shape), (x) => `where(${x} > 0.1, log(${x}), ${x})`) },
  { weight: 2, fits: any, write: (_s, shape, of) => shared(of(shape), (x) => `where(${x} > 0, sqrt(${x}), ${x})`) },
  {
    weight: 2,
    fits: any,
    write: (_s, shape, of) => shared(of(shape), (x) => `where(abs(${x}) < 0.05, 1 - ${x}^2 / 6, sin(${x}) / ${x})`),
  },
  {
    weight: 1,
    fits: any,
    write: (_s, shape, of) => shared(of(shape), (x) => `where(${x} < 9, ${x}, exp(1000 * (1 + abs(${x}))))`),
  },
  {
    weight: 1,
    fits: any,
    write: (_s, shape, of) => shared(of(shape), (x) => `where(abs(${x}) != 9, ${x}, 1 / (${x} - ${x}))`),
  },
  {
    weight: 2,
    fits: any,
    write: (_s, shape, of) => shared(of(shape), (x) => `max(${x}, 0) + log1p(exp(-abs(${x}))) - 0.3 * ${x}`),
  },
  {
    weight: 2,
    fits: any,
    write: (_s, shape, of) => shared(of(shape), (x) => `(log1p(exp(-abs(${x}))) - min(${x}, 0))`),
  },
];

/** A function of an expression that reads it several times. Written without a name: the expression is kept short. */
function shared(text: string, write: (x: string) => string): string {
  const x = text.length > 60 ? `tanh(${text})` : text;
  return `(${write(/^[a-z_0-9.@]+$/i.test(x) ? x : `(${x})`)})`;
}

/** The largest, the smallest, where they are, and norms: corners and jumps too. */
const extremes: readonly Way[] = [
  { weight: 2, fits: rank(0), write: ({ dice }, _s, of) => `${dice.pick(["max", "min"])}(${of(dice.pick(shapes))})` },
  {
    weight: 1,
    fits: rank(0),
    write: ({ dice }, _s, of) => `${dice.pick(["max", "min"])}(${of([])} * cos(s) for s in 0 .. ${dice.int(1, 2)})`,
  },
  {
    weight: 1.5,
    fits: rank(1),
    write: ({ dice }, [n], of) => `${dice.pick(["max", "min"])}(${of([n!, other(n!)])}, axis = 1)`,
  },
  { weight: 1, fits: rank(1), write: (_s, [n], of) => `max(${of([other(n!), n!])}, axis = 0)` },
  { weight: 1, fits: rank(0), write: (_s, _shape, of) => `sum((${of([2])})^2)^0.5` },
  { weight: 1, fits: rank(0), write: (_s, _shape, of) => `sqrt(sum((${of([3])})^2))` },
  { weight: 1, fits: rank(0), write: ({ dice }, _s, of) => `norm(${of(dice.pick(shapes))})` },
  { weight: 1, fits: rank(1), write: (_s, [n], of) => `norm(${of([n!, other(n!)])}, axis = -1)` },
  { weight: 1, fits: rank(0), write: ({ dice }, _s, of) => `std(${of(dice.pick(shapes))})` },
  { weight: 1, fits: rank(1), write: (_s, [n], of) => `std(${of([n!, other(n!)])}, axis = 1)` },
  {
    weight: 1.9,
    fits: rank(1),
    write: ({ dice }, [n], of) => `sort(${of([n!])} + ${literal(dice, [n!], () => dice.number(-1, 1))})`,
  },
  { weight: 1, fits: rank(2), write: ({ dice }, shape, of) => `sort(${of(shape)}, axis = ${dice.int(0, 1)})` },
  { weight: 2.1, fits: rank(1), write: (_s, [n], of) => `(0.2 * argsort(${of([n!])}) * ${of([n!])})` },
  {
    weight: 1.5,
    fits: rank(0),
    write: ({ dice }, _s, of) =>
      `where(${dice.pick(["any", "all"])}(${of([2, 3])} > ${dice.pick(["0.1", "-0.5"])}), ${of([])}, 0.3)`,
  },
  {
    weight: 0.5,
    fits: rank(0),
    write: ({ dice }, _s, of) => `norm(${of([])} * cos(s) for s in 0 .. ${dice.int(1, 2)})`,
  },
  {
    weight: 1,
    fits: rank(0),
    write: (_s, _shape, of) => `mean(${of([2, 3])} + 0.1 * argmax(${of([3])} + [0.1, 0.4, 0.2]))`,
  },
  {
    weight: 1,
    fits: rank(0),
    write: (_s, _shape, of) => `sum(take(${of([3])}, argmax(${of([2, 3])} + [0.1, 0.2, 0.4], axis = 1)))`,
  },
];

const toScalar: readonly Way[] = [
  {
    weight: 6,
    fits: rank(0),
    write: ({ dice }, _shape, of) => `${dice.pick(["sum", "mean", "mean"])}(${of(dice.pick(shapes))})`,
  },
  { weight: 3, fits: rank(0), write: ({ dice }, _shape, of) => `sum((${of(dice.pick(shapes))})^2)` },
  { weight: 1, fits: rank(0), write: ({ dice }, _shape, of) => `(${of([3])})[${dice.pick(["0", "2", "-1"])}]` },
  {
    weight: 1,
    fits: rank(0),
    write: ({ dice }, _shape, of) => `(${of([2, 3])})[${dice.int(0, 1)}, ${dice.int(0, 2)}]`,
  },
  {
    weight: 1.5,
    fits: rank(0),
    write: ({ dice }, _shape, of) =>
      `sum((${of([2, 3])})[${dice.pick(["_, 1 .. 2", "0 .. 0", "1, 0 .. 1", "-1, _"])}]^2)`,
  },
  {
    weight: 1,
    fits: rank(0),
    write: (scope, _shape, of) =>
      `mean((${of([3, 2])})[${indices(scope, 3, 3)}, ${scope.dice.pick(["0", "_", "0 .. 1"])}])`,
  },
  { weight: 1, fits: rank(0), write: ({ dice }, _s, of) => `var(${of(dice.pick(shapes))})` },
  { weight: 1, fits: rank(0), write: ({ dice }, _s, of) => `prod(${of(dice.pick(shapes))})` },
  {
    weight: 1,
    fits: rank(0),
    write: (_s, _shape, of) => `sum(solve([[2, 0.5], [-0.5, 3]] + 0.2 * tanh(${of([2])}), ${of([2])}))`,
  },
  {
    weight: 1,
    fits: rank(0),
    write: (_s, _shape, of) => `sum(inverse([[2, 0.5], [-0.5, 3]] + 0.3 * tanh(${of([])})))`,
  },
  { weight: 1.5, fits: rank(0), write: (_s, _shape, of) => `sum(logsumexp(${of([3])}))` },
  { weight: 1, fits: rank(0), write: (_s, _shape, of) => `sum(logsumexp(${of([2, 3])}))` },
  { weight: 1.5, fits: rank(0), write: (_s, _shape, of) => `dot(${of([3])}, ${of([3])})` },
  { weight: 1.5, fits: rank(0), write: (scope, _shape, of) => `sum(take(${of([3])}, ${indices(scope, 3, 3)}))` },
  { weight: 1.5, fits: rank(0), write: (scope, _shape, of) => `mean(take(${of([2])}, ${indices(scope, 3, 2)})^2)` },
  {
    weight: 1.5,
    fits: rank(0),
    write: ({ dice }, _shape, of) =>
      `${dice.pick(["sum", "mean"])}(${of([])} * cos(s) for s in 0 .. ${dice.int(1, 2)})`,
  },
  { weight: 1, fits: rank(0), write: (_s, _shape, of) => `sum(stack(${of([])} + s for s in 0 .. 1))` },
  { weight: 1, fits: rank(0), write: ({ dice }, _shape, of) => `${of([])} * size(${of([2, 3])}, ${dice.int(0, 1)})` },
  {
    weight: 1,
    fits: rank(0),
    write: (scope, _shape, of) => `sum(take(${of([3])}, classes_of(${indices(scope, 3, 3)}, 3)))`,
  },
  {
    weight: 1,
    fits: rank(0),
    write: (scope, _shape, of) => `sum(one_hot(${indices(scope, 2, 3)}, 3) * ${of([2, 3])})`,
  },
];

const toVector: readonly Way[] = [
  {
    weight: 1,
    fits: rank(1),
    write: ({ dice }, [n], of) => {
      const axes = dice.pick(["[0, -1]", "[-1, 0]", "[0, 2]"]);
      return `${dice.pick(["sum", "mean"])}(expand_dims(${of([n!, 2])}, ${dice.pick(["0", "[0]"])}), axis = ${axes})`;
    },
  },
  { weight: 0.5, fits: rank(1), write: (_s, [n], of) => `reshape(expand_dims(${of([n!])}, [0, -1]), ${n})` },
  {
    weight: 3,
    fits: rank(1),
    write: ({ dice }, [n], of) => `${dice.pick(["sum", "mean"])}(${of([n!, other(n!)])}, axis = 1)`,
  },
  {
    weight: 2,
    fits: rank(1),
    write: ({ dice }, [n], of) => `${dice.pick(["sum", "mean"])}(${of([other(n!), n!])}, axis = 0)`,
  },
  { weight: 1, fits: rank(1), write: ({ dice }, [n], of) => `(${of([other(n!), n!])})[${dice.pick(["0", "-1"])}]` },
  { weight: 1, fits: rank(1), write: ({ dice }, [n], of) => `(${of([n!, 2])})[_, ${dice.pick(["0", "-1"])}]` },
  {
    weight: 1,
    fits: (s) => s.length === 1 && s[0] === 2,
    write: ({ dice }, _shape, of) => `(${of([3])})[${dice.pick(["0 .. 1", "-2 .. -1", "1 .. -1"])}]`,
  },
  { weight: 1.2, fits: rank(1), write: (_s, [n], of) => `ravel(reshape(${of([n!])}, [1, _]))` },
  one("softmax(A)", 2, rank(1, 2)),
  one("cumsum(A)", 1.5, rank(1, 2)),
  { weight: 1, fits: rank(1), write: (_s, [n], of) => `prod(${of([n!, 2])}, axis = 1)` },
  { weight: 1, fits: rank(1), write: (_s, [n], of) => `var(${of([2, n!])}, axis = 0)` },
  one("log_softmax(A)", 2, rank(1, 2)),
  {
    weight: 2,
    fits: rank(1),
    write: (scope, [n], of) => `take(${of([other(n!)])}, ${indices(scope, n!, other(n!))})`,
  },
  {
    weight: 1.5,
    fits: (s) => s.length === 1 && s[0] === 3,
    write: (_s, _shape, of) => `concat(${of([2])}, reshape(${of([])}, [1]))`,
  },
  {
    weight: 1,
    fits: (s) => s.length === 1 && s[0] === 2,
    write: (_s, _shape, of) => `stack(${of([])}, ${of([])})`,
  },
  { weight: 1, fits: rank(1), write: (_s, [n], of) => `ravel(expand_dims(${of([n!])}, 0))` },
  { weight: 1.5, fits: rank(1), write: (_s, [n], of) => `dot(${of([other(n!)])}, ${of([other(n!), n!])})` },
  { weight: 1, fits: rank(1), write: (_s, [n], of) => `range(${n}) * 0.3 * ${of([])}` },
];

const toMatrix: readonly Way[] = [
  { weight: 5, fits: rank(2), write: ({ dice }, [n, m], of) => `${dice.pick(flips)}(${of([m!, n!])})` },
  { weight: 3, fits: rank(2), write: (_s, [n, m], of) => `swap_axes(${of([m!, n!])}, 0, 1)` },
  { weight: 1.5, fits: rank(2), write: (_s, [n, m], of) => `reshape(${of([m!, n!])}, [${n}, ${m}])` },
  { weight: 1, fits: rank(2), write: (_s, [n, m], of) => `reshape(${of([n! * m!])}, shape(${of([n!, m!])}))` },
  { weight: 1, fits: rank(2), write: (_s, [n, m], of) => `flatten(reshape(${of([n!, m!])}, [${n}, 1, ${m}]))` },
  { weight: 2, fits: rank(2), write: (_s, [n, m], of) => `(${of([n!, m!])} + ${of([m!])})` },
  {
    weight: 1.5,
    fits: rank(2),
    write: (_s, [n, m], of) => `expand_dims(${of([n!])}, 1) * ${of([m!])}`,
  },
  { weight: 2, fits: rank(2), write: (_s, [n, m], of) => `dot(${of([n!, 2])}, ${of([2, m!])})` },
  { weight: 4, fits: rank(2), write: (_s, [n, m], of) => `matmul(${of([n!, 3])}, ${of([3, m!])})` },
  {
    weight: 3,
    fits: (s) => s.length === 2 && s[0]! > 1,
    write: (_s, [n, m], of) => `concat(${of([n! - 1, m!])}, reshape(${of([m!])}, [1, ${m}]))`,
  },
  {
    weight: 1,
    fits: (s) => s.length === 2 && s[0] === 2,
    write: (_s, [, m], of) => `stack(${of([m!])}, ${of([m!])}, axis = 0)`,
  },
  {
    weight: 1.5,
    fits: rank(2),
    write: (scope, [n, m], of) => `take(${of([3, m!])}, ${indices(scope, n!, 3)})`,
  },
  {
    weight: 1,
    fits: rank(2),
    write: (scope, [n, m], of) => `take(${of([n!, 3])}, ${indices(scope, m!, 3)}, axis = 1)`,
  },
  {
    weight: 4,
    fits: rank(2),
    write: ({ dice }, shape, of) =>
      shared(of(shape), (x) => `${x} - mean(${x}, axis = other_axes(${x}, ${dice.int(0, 1)}), keep = true)`),
  },
  { weight: 3, fits: rank(2), write: (_s, [n, m], of) => `smoothed(${of([n!, m!])}, 0.1)` },
  { weight: 4, fits: rank(2), write: (_s, [n, m], of) => `attend(${of([n!, 2])}, ${of([3, 2])}, ${of([3, m!])})` },
  {
    weight: 1,
    fits: rank(2),
    write: (scope, [n, m], of) => `where(one_hot(${indices(scope, n!, m!)}, ${m}) == 1, ${of([n!, m!])}, 0.2)`,
  },
  {
    weight: 1,
    fits: rank(2),
    write: ({ variables, dice }, shape, of) => {
      const bools = variables.filter((v) => v.bool && same(v.shape, [shape[1]!]));
      return bools.length > 0 ? `where(${dice.pick(bools).text}, ${of(shape)}, 0.1)` : of(shape);
    },
  },
];

const flips = ["transpose", "swap_last"];
const shapes: readonly Shape[] = [[2], [3], [2, 3], [2, 3], [3, 2]];
const other = (n: number) => n === 2 ? 3 : 2;
const corners: ReadonlySet<Way> = new Set([...kinks, ...branches, ...extremes]);
const hasCorner = (way: Way) => corners.has(way);
const ways = [...extremes, ...elementwise, ...kinks, ...branches, ...toScalar, ...toVector, ...toMatrix];

/** An expression of a shape, whose tree is at most so deep. */
export function expression(scope: Scope, shape: Shape, depth: number): string {
  const { dice } = scope;
  if (depth === 0 || dice.chance(0.12)) return leaf(scope, shape);
  const fitting = ways.filter((way) => way.fits(shape) && !(scope.smooth && hasCorner(way)))
    .map((way) => [way.weight, way] as const);
  const way = dice.weighted(fitting);
  const below = hasCorner(way) ? { ...scope, smooth: true } : scope;
  return way.write(below, shape, (wanted) => expression(below, wanted, depth - 1));
}

/** A sum or mean of entries that are taken from something: what is differentiated for each entry is one number known before. */
export function linearTerm(scope: Scope): string {
  const { dice } = scope;
  const [n, m] = [dice.int(2, 3), dice.int(2, 3)];
  const taken = dice.weighted<() => string>([
    [3, () => `take(${leaf(scope, [m])} * ${leaf(scope, [])}, ${indices(scope, n, m)})`],
    [2, () => `take(${expression(scope, [3, m], 1)}, ${indices(scope, n, 3)})`],
    [1, () => `take(${leaf(scope, [2, 3])}, ${indices(scope, n, 3)}, axis = 1)`],
    [1, () => `max(${leaf(scope, [2, 3])}, axis = 1)`],
    [1, () => `take(0 * ${leaf(scope, [m])} + ${leaf(scope, [])}, ${indices(scope, n, m)})`],
    [1, () => `reshape(${leaf(scope, [2, 3])}, [3, 2])[1]`],
  ])();
  return `${dice.pick(["sum", "mean"])}(${taken})`;
}
