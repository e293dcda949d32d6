// Where does a number stand on an axis, and which numbers are written beside it? Linear, or logarithmic where all that is drawn is positive
// and spans decades. What is drawn on paper and what in a terminal have the same axes.

/** An axis from 0 to 1. */
export interface Axis {
  readonly kind: "linear" | "log";
  /** Where a number stands: 0 where the axis begins, 1 where it ends. */
  at(value: number): number;
  readonly ticks: readonly Tick[];
}

/** A number that is written beside an axis. */
export interface Tick {
  readonly value: number;
  readonly label: string;
}

/** How an axis is made. */
export interface AxisOptions {
  /** Numbers that may stand beside it, about. */
  readonly ticks: number;
  /** It counts steps: no fractions beside it. */
  readonly whole?: boolean;
  /** It may be logarithmic. */
  readonly log?: boolean;
  /** Some room at its ends. */
  readonly room?: boolean;
}

/** Largest over least from which an axis of positive numbers is logarithmic. */
const decades = 30;

/** Numbers above this are divided before they are subtracted, lest the difference be infinite. */
const huge = 1e300;

/** An axis for numbers, of which those that are not finite do not count; from 0 to 1 where there are none. */
export function axisFor(
  values: Iterable<number>,
  { ticks, whole = false, log = false, room = false }: AxisOptions,
): Axis {
  let [low, high] = [Infinity, -Infinity];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  if (low > high) [low, high] = [0, 1];
  if (log && low > 0 && high / low >= decades) return logAxis(low, high, { ticks, room });
  return linearAxis(low, high, { ticks, whole, room });
}

function logAxis(low: number, high: number, { ticks, room }: { readonly ticks: number; readonly room: boolean }): Axis {
  let [from, to] = [Math.log10(low), Math.log10(high)];
  const margin = room ? 0.04 * (to - from) : 0;
  [from, to] = [from - margin, to + margin];
  return {
    kind: "log",
    at: (value) => (Math.log10(value) - from) / (to - from),
    ticks: logTicks(from, to, ticks),
  };
}

/** Powers of ten, every so many; where they are few, 2 and 5 times them, too. */
function logTicks(from: number, to: number, most: number): Tick[] {
  const [first, last] = [Math.ceil(from), Math.floor(to)];
  const every = Math.max(1, Math.ceil((last - first + 1) / most));
  const few = last - first < 2;
  const ticks: Tick[] = [];
  for (let power = few ? first - 1 : first; power <= last; power += few ? 1 : every) {
    for (const times of few ? [1, 2, 5] : [1]) {
      const label = powerLabel(times, power);
      const value = Number(label.replaceAll(",", ""));
      const at = Math.log10(value);
      if (value > 0 && at >= from && at <= to) ticks.push({ value, label });
    }
  }
  return ticks;
}

const powerLabel = (times: number, power: number) =>
  power >= -3 && power <= 5 ? grouped((times * 10 ** power).toFixed(Math.max(0, -power))) : `${times}e${power}`;

function linearAxis(
  low: number,
  high: number,
  { ticks, whole, room }: { readonly ticks: number; readonly whole: boolean; readonly room: boolean },
): Axis {
  const unit = Math.max(-low, high) > huge ? 8 : 1;
  // steps are counted from 0, also where the first ones are drawn as their mean
  const first = whole && low > 0 && low < 0.05 * high ? 0 : low;
  let [from, to] = [first / unit, high / unit];
  if (from === to) {
    // one value stands in the middle
    const half = whole ? 1 : Math.abs(from) * 0.1 || 1;
    [from, to] = [from - half, to + half];
  } else if (room) {
    const margin = 0.04 * (to - from);
    [from, to] = [from - margin, to + margin];
  }
  const span = to - from;
  const numbers = linearTicks(from, to, ticks, whole).filter(({ value }) => !whole || value >= Math.min(0, low));
  const written = unit === 1
    ? numbers
    : numbers.flatMap(({ value }) => Number.isFinite(value * unit) ? [tickOf(value * unit)] : []);
  return { kind: "linear", at: (value) => (value / unit - from) / span, ticks: written };
}

/** A number that is written as it is. */
const tickOf = (value: number): Tick => ({ value, label: `${value}`.replace("e+", "e") });

/** Multiples of 1, 2 or 5 times a power of ten. */
function linearTicks(low: number, high: number, most: number, whole: boolean): Tick[] {
  const rough = (high - low) / most;
  const power = Math.floor(Math.log10(rough));
  const unit = 10 ** power;
  let step = [1, 2, 5, 10].map((times) => times * unit).find((size) => size >= rough * (1 - 1e-9)) ?? 10 * unit;
  if (whole) step = Math.max(1, step);
  if (!(step > 0)) return [];
  const ticks: Tick[] = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) {
    const label = numberLabel(k * step, step);
    const value = Number(label.replaceAll(",", ""));
    // numbers this large may lie farther apart than the step
    if (ticks.at(-1)?.value === value || ticks.length > 2 * most) break;
    ticks.push({ value, label });
  }
  return ticks;
}

/** A multiple of `step`, with no more digits than tell it from the next one. */
function numberLabel(value: number, step: number): string {
  if (value === 0 || Math.abs(value) < step / 2) return "0";
  const size = Math.abs(value);
  if (size >= 1e6 || size < 1e-4 && step < 1e-4) {
    const digits = Math.max(0, Math.min(17, Math.floor(Math.log10(size)) - Math.floor(Math.log10(step * (1 + 1e-9)))));
    return value.toExponential(digits).replace(/\.?0+e/, "e").replace("e+", "e");
  }
  return grouped(value.toFixed(Math.max(0, Math.min(20, -Math.floor(Math.log10(step * (1 + 1e-9)))))));
}

/** `10,000`. */
function grouped(digits: string): string {
  const [whole = "", ...rest] = digits.split(".");
  return [whole.replace(/\B(?=(\d{3})+$)/g, ","), ...rest].join(".");
}
