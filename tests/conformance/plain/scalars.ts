// Derivatives of plain code: numbers that remember what they were made of.

/** A number, and its slope in each number that it was made of. */
export interface Scalar {
  readonly value: number;
  readonly from: readonly (readonly [Scalar, number])[];
  /** Filled by `gradient`. */
  slope: number;
}

const make = (value: number, ...from: (readonly [Scalar, number])[]): Scalar => ({ value, from, slope: 0 });

export const constant = (value: number): Scalar => make(value);
export const add = (a: Scalar, b: Scalar): Scalar => make(a.value + b.value, [a, 1], [b, 1]);
export const sub = (a: Scalar, b: Scalar): Scalar => make(a.value - b.value, [a, 1], [b, -1]);
export const mul = (a: Scalar, b: Scalar): Scalar => make(a.value * b.value, [a, b.value], [b, a.value]);
export const sum = (all: readonly Scalar[]): Scalar => all.reduce(add, constant(0));
export const mean = (all: readonly Scalar[]): Scalar => mul(sum(all), constant(1 / all.length));
export const relu = (a: Scalar): Scalar => make(Math.max(a.value, 0), [a, a.value > 0 ? 1 : 0]);
export function sigmoid(a: Scalar): Scalar {
  const y = 1 / (1 + Math.exp(-a.value));
  return make(y, [a, y * (1 - y)]);
}
export function tanh(a: Scalar): Scalar {
  const y = Math.tanh(a.value);
  return make(y, [a, 1 - y * y]);
}
/** 1 / √a */
export const inverseRoot = (a: Scalar): Scalar => make(a.value ** -0.5, [a, -0.5 * a.value ** -1.5]);

/** The slopes of `y` in each of `x`. */
export function gradient(y: Scalar, x: readonly Scalar[]): number[] {
  const order: Scalar[] = [];
  const seen = new Set<Scalar>();
  const visit = (node: Scalar) => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const [source] of node.from) visit(source);
    order.push(node);
  };
  visit(y);
  for (const node of [...order, ...x]) node.slope = 0;
  y.slope = 1;
  for (const node of order.reverse()) for (const [source, slope] of node.from) source.slope += node.slope * slope;
  return x.map((node) => node.slope);
}
