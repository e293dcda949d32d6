// Which points of a long line are drawn? Its ends, and in stretches of equal length along the axis those at which it, or its band, is least
// or largest, so that what sticks out still does.
import type { Series } from "./report.ts";

/** Of a line with more than `most` points some of them, in order. */
export function thinned(series: Series, most: number): Series {
  const { x, y, band } = series;
  const length = Math.min(x.length, y.length);
  if (length <= most) return series;
  const curves = band ? [y, band.low, band.high] : [y];
  const kept = indices(x, curves, { length, stretches: Math.max(1, Math.floor((most - 2) / (2 * curves.length + 1))) });
  const taken = (values: ArrayLike<number>) => kept.map((i) => values[i]!);
  return {
    ...series,
    x: taken(x),
    y: taken(y),
    ...(band ? { band: { low: taken(band.low), high: taken(band.high) } } : {}),
  };
}

function indices(
  x: ArrayLike<number>,
  curves: readonly ArrayLike<number>[],
  { length, stretches }: { readonly length: number; readonly stretches: number },
): number[] {
  const [from, span] = [x[0]!, x[length - 1]! - x[0]! || 1];
  const stretchOf = (i: number) => Math.min(stretches - 1, Math.floor((x[i]! - from) / span * stretches));
  const kept = new Set([0, length - 1]);
  for (let begin = 0; begin < length;) {
    let end = begin + 1;
    while (end < length && stretchOf(end) === stretchOf(begin)) end++;
    for (const values of curves) for (const i of extremes(values, begin, end)) kept.add(i);
    // where a line is broken it stays so
    for (let i = begin; i < end; i++) {
      if (Number.isFinite(curves[0]![i]!)) continue;
      kept.add(i);
      break;
    }
    begin = end;
  }
  return [...kept].sort((a, b) => a - b);
}

function extremes(values: ArrayLike<number>, begin: number, end: number): number[] {
  let [least, largest] = [-1, -1];
  for (let i = begin; i < end; i++) {
    if (!Number.isFinite(values[i]!)) continue;
    if (least < 0 || values[i]! < values[least]!) least = i;
    if (largest < 0 || values[i]! > values[largest]!) largest = i;
  }
  return least < 0 ? [] : [least, largest];
}
