// Which sizes could a call of a model bring that the program does not call? Whether some fit cannot be decided in general, so the
// likely ones are tried: those that the program speaks of, what follows from them, and small ones.
import { bodyOf, type IrFunction, type Variable } from "../../runtime/ir/types.ts";

/** What is known of sizes before any is chosen. */
export interface SpokenSizes {
  /** Whole numbers above 0 that stand in the program, inputs, and values of what is computed from them. */
  readonly numbers: readonly number[];
  /** Shapes of arrays that do not depend on a choice, and of those that do, with the first choice. */
  readonly shapes: readonly (readonly number[])[];
  /** Names of sizes as they follow each other in a type. */
  readonly types: readonly (readonly string[])[];
}

/** Sizes by name. */
export type Sizes = ReadonlyMap<string, number>;

/** Sizes that differ from each other and from most that a program names. */
const primes = [7, 11, 13, 17, 19, 23, 29, 31, 37, 41];

/** Sizes that no number of the program needs to name: a whole image that is halved until it fits. */
const images = [48, 56, 64, 96, 112, 128, 160, 192, 224, 256, 299, 384, 512];
const small = Array.from({ length: 40 }, (_, i) => i + 1);

/** So many numbers of a program are joined with each other, and of them are tried with each other on several names. */
const mostJoined = 24;
const mostTogether = 700;

/** What is tried first: all different, so that nothing fits by chance. */
export function firstSizes(names: readonly string[]): Sizes {
  return new Map(names.map((name, i) => [name, primes[i % primes.length]!]));
}

/** What the sizes could be. Each is a chance for a mistake not to be one: an array of the program gives the sizes of a type, one
 *  size is what the others leave, all are the same, or each is one of the numbers. */
export function* sizeChoices(names: readonly string[], spokenOf: () => SpokenSizes): Generator<Sizes> {
  const first = firstSizes(names);
  yield first;
  if (names.length === 0) return;
  const { numbers, shapes, types } = spokenOf();
  const ones = new Map(names.map((name) => [name, 1]));
  const spoken = [...new Set([...numbers, ...shapes.flat()])].filter((n) => n >= 1);
  for (const size of new Set([...small, ...spoken, ...images])) yield new Map(names.map((name) => [name, size]));
  // a shape that holds one of the first choice's sizes mostly comes from it
  const chosen = new Set(first.values());
  const given = shapes.filter((shape) => !shape.some((n) => chosen.has(n)));
  for (const shape of new Set([...given, ...shapes])) {
    for (const base of [ones, first]) {
      for (const type of types) yield* alongShape(base, type, shape);
    }
  }
  const some = spoken.slice(0, mostJoined);
  const single = [...new Set([...spoken, ...small, ...some.flatMap(near), ...joined(some)])];
  for (const base of names.length === 1 ? [ones] : [ones, first]) {
    for (const name of names) {
      for (const size of single) yield new Map([...base, [name, size]]);
    }
  }
  for (const together of groups(names)) yield* product(ones, together, [...new Set([1, 2, 4, ...numbers, ...spoken])]);
}

/** What is tried first for a parameter. */
export const firstShape: readonly number[] = [7, 11];

/** What the shape of a parameter could be, of which an optimizer knows nothing: a scalar to four axes, all different or not, and
 *  the program's numbers on one or two of them. */
export function* shapeChoices(spokenOf: () => Omit<SpokenSizes, "types">): Generator<readonly number[]> {
  yield firstShape;
  const { numbers, shapes } = spokenOf();
  yield* [[7, 7], [7], [], [7, 11, 13], [7, 11, 13, 17], ...shapes];
  const spoken = [...new Set([...numbers, ...shapes.flat()])].slice(0, mostJoined);
  for (const size of new Set([...spoken, ...small, ...joined(spoken)])) yield [size];
  for (const a of [7, 1, ...spoken]) for (const b of [7, 1, ...spoken]) yield* [[a, b], [7, a, b]];
}

/** A type's names are sizes of a shape, from its first on or up to its last. */
function* alongShape(base: Sizes, type: readonly string[], shape: readonly number[]): Generator<Sizes> {
  const length = Math.min(type.length, shape.length);
  for (const [at, from] of new Map([[0, 0], [type.length - length, shape.length - length]])) {
    yield new Map([...base, ...type.slice(at, at + length).map((name, i) => [name, shape[from + i]!] as const)]);
  }
}

/** What a size could be that is joined with itself, halved, or loses an edge on the way to this one. */
function near(size: number): number[] {
  return small.slice(0, 16).flatMap((d) => [size / d, size * d, size + d, size - d]).filter(isSize);
}

const isSize = (n: number) => Number.isInteger(n) && n >= 1 && n < 2 ** 20;

/** Sums, differences, products and ratios of pairs. */
function joined(numbers: readonly number[]): number[] {
  return numbers.flatMap((a) => numbers.flatMap((b) => [a + b, a * b, a - b, a / b]))
    .filter(isSize);
}

/** Every two names, and all of them. */
function groups(names: readonly string[]): (readonly string[])[] {
  const pairs = names.flatMap((a, i) => names.slice(i + 1).map((b) => [a, b]));
  return names.length > 2 ? [...pairs.slice(0, 6), names] : pairs;
}

/** Every choice of as many of the numbers as there is room for. */
function* product(base: Sizes, names: readonly string[], numbers: readonly number[]): Generator<Sizes> {
  const each = numbers.slice(0, Math.max(2, Math.floor(mostTogether ** (1 / names.length))));
  for (let i = 0; i < each.length ** names.length; i++) {
    yield new Map([
      ...base,
      ...names.map((name, k) => [name, each[Math.floor(i / each.length ** k) % each.length]!] as const),
    ]);
  }
}

/** The shapes of everything that a function computes, each once. */
export function shapesIn(fn: IrFunction): (readonly number[])[] {
  const shapes = new Map<string, readonly number[]>();
  const note = (variables: readonly Variable[]) => {
    for (const { shape } of variables) if (shape.length > 0) shapes.set(shape.join(), shape);
  };
  const enter = (inside: IrFunction) => {
    note(inside.inputs);
    for (const equation of inside.equations) {
      note(equation.outputs);
      const body = bodyOf(equation);
      if (body) enter(body);
    }
  };
  enter(fn);
  return [...shapes.values()].slice(0, 60);
}
