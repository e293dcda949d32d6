// Where does chance come from? A stream of numbers that a seed and a place in it decide, so that each program of the net can be
// made again by itself.

/** A stream of random choices. */
export interface Dice {
  /** Between 0 and 1. */
  readonly real: () => number;
  /** A whole number, both ends included. */
  readonly int: (low: number, high: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(list: readonly T[]) => T;
  /** An entry by its weight. */
  readonly weighted: <T>(list: readonly (readonly [weight: number, value: T])[]) => T;
  /** Different entries in a random order. */
  readonly some: <T>(list: readonly T[], count: number) => T[];
  /** A number as text, with three digits behind the point; negative ones in parentheses. */
  readonly number: (low: number, high: number) => string;
}

/** The choices of program `index` of a seed: SplitMix32 (Steele, Lea and Flood 2014, with 32 bits). */
export function throwDice(seed: number, index = 0): Dice {
  let state = (Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index + 1, 0xc2b2ae35)) >>> 0;
  const real = () => {
    state = (state + 0x9e3779b9) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  };
  for (let i = 0; i < 4; i++) real();
  const int = (low: number, high: number) => low + Math.floor(real() * (high - low + 1));
  const dice: Dice = {
    real,
    int,
    chance: (probability) => real() < probability,
    pick: (list) => list[int(0, list.length - 1)]!,
    weighted(list) {
      let at = real() * list.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, value] of list) {
        if ((at -= weight) < 0) return value;
      }
      return list.at(-1)![1];
    },
    some(list, count) {
      const left = [...list];
      return Array.from({ length: Math.min(count, left.length) }, () => left.splice(int(0, left.length - 1), 1)[0]!);
    },
    number: (low, high) => signed(low + (high - low) * real()),
  };
  return dice;
}

function signed(value: number): string {
  const text = Math.abs(value).toFixed(3);
  return value < 0 ? `(-${text})` : text;
}
