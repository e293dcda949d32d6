// What is a derivative, without differentiating? Values on both sides, closer and closer.

/** Derivative by central differences with Richardson's extrapolation (Ridders 1982), and how sure of it the table is. */
export function derivative(
  f: (x: number) => number,
  x: number,
  h: number,
  rows = 20,
): { value: number; error: number } {
  const shrink = 1.4;
  const rounding = 4 * Number.EPSILON * (1 + Math.abs(f(x)));
  let best = { value: NaN, error: Infinity };
  let previous: number[] = [];
  for (let i = 0; i < rows; i++, h /= shrink) {
    const row = [(f(x + h) - f(x - h)) / (2 * h)];
    let factor = shrink * shrink;
    for (let j = 1; j <= i; j++, factor *= shrink * shrink) {
      row[j] = (row[j - 1]! * factor - previous[j - 1]!) / (factor - 1);
      const change = Math.max(Math.abs(row[j]! - row[j - 1]!), Math.abs(row[j]! - previous[j - 1]!));
      const error = change + rounding / h;
      if (error <= best.error) best = { value: row[j]!, error };
    }
    previous = row;
  }
  return best;
}
