// What does a reader see in the charts of a page? Numbers, taken from it as one would with a ruler: lines by the looks in the legend, their
// places by the numbers beside the axes, and nothing that only the drawing knows.
import { assert } from "@std/assert";

/** A line of a chart. */
export interface ReadLine {
  readonly label: string;
  readonly points: readonly ReadPoint[];
}

/** A point with how far it may be off, as coordinates are rounded. */
export interface ReadPoint {
  readonly x: number;
  readonly y: number;
  readonly offX: number;
  readonly offY: number;
}

/** A chart. */
export interface ReadChart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly lines: readonly ReadLine[];
  readonly bands: readonly ReadLine[];
}

const text = (html: string) =>
  html.replace(/<[^>]*>/g, "").replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));

const all = (pattern: RegExp, html: string) => [...html.matchAll(pattern)].map(([, ...groups]) => groups as string[]);

/** The charts of a page, in order. */
export function chartsOf(page: string): ReadChart[] {
  return all(/<figure>([^]*?)<\/figure>/g, page).flatMap(([figure]) =>
    /<path class="[sd]/.test(figure!) ? [chartOf(figure!)] : []
  );
}

/** Half of the last digit that is written. */
const roundedX = 0.05;
const roundedY = 0.005;

function chartOf(figure: string): ReadChart {
  const [[title]] = all(/<figcaption>(.*?)<\/figcaption>/g, figure) as [[string]];
  const [[svg]] = all(/(<svg class="c"[^]*?<\/svg>)\n?(?:<ul|<p|$)/g, figure.trimEnd() + "\n") as [[string]];
  const [yLabel, xLabel] = all(/<text class="l[^>]*>(.*?)<\/text>/g, svg).map(([label]) => text(label!)) as [
    string,
    string,
  ];
  const down = scaleOf(
    all(/<text class="y" x="[^"]*" y="([^"]*)">([^<]*)</g, svg),
    yLabel.endsWith("(log scale)"),
    roundedY,
  );
  const across = scaleOf(
    all(/<text class="x" x="([^"]*)"[^>]*>([^<]*)</g, svg),
    xLabel.endsWith("(log scale)"),
    roundedX,
  );
  const [[left, floor, right]] = all(/<path class="a" d="M(\S+) (\S+)H(\S+)"/g, svg).map((ends) =>
    ends.map(Number)
  ) as [
    [number, number, number],
  ];
  const point = (place: string): ReadPoint => {
    const [px, py] = place.split(" ").map(Number) as [number, number];
    const inside = px >= left - roundedX && px <= right + roundedX && py >= 0 && py <= floor + roundedX;
    assert(inside, `${px} ${py} lies outside of ${text(title!)}`);
    const [x, y] = [across(px), down(py)];
    return { x: x.value, y: y.value, offX: x.off, offY: y.off };
  };
  const pointsOf = (d: string) =>
    d.split(/[MLZ]/).map((place) => place.replace("h0", "")).filter((place) => place !== "").map(point);
  const drawn = all(/<path class="(s|s f)" stroke="([^"]*)"(?: stroke-dasharray="([^"]*)")? d="([^"]*)"/g, svg);
  const bands = all(/<path class="b" fill="([^"]*)" d="([^"]*)"/g, svg);
  const legend = all(
    /<li><svg class="k"[^>]*><path class="(s|s f)" stroke="([^"]*)"(?: stroke-dasharray="([^"]*)")? [^>]*><\/svg>(.*?)<\/li>/g,
    figure,
  );
  const entries = legend.length === 0 ? drawn.map(([kind, color, dashes]) => [kind, color, dashes, ""]) : legend;
  return {
    title: text(title!),
    x: xLabel,
    y: yLabel,
    lines: entries.map(([kind, color, dashes, label]) => ({
      label: text(label!),
      points: drawn.filter((line) => line[0] === kind && line[1] === color && line[2] === dashes).flatMap(([, , , d]) =>
        pointsOf(d!)
      ),
    })),
    bands: entries.flatMap(([, color, , label]) =>
      bands.filter(([fill]) => fill === color).map(([, d]) => ({ label: text(label!), points: pointsOf(d!) }))
    ),
  };
}

/** From a place to a number, by the first and the last number beside the axis. Each of the three places is off by half of a last digit
 *  (those of ticks have two decimals), so that with r the part of the way from one tick to the other the number is off by
 *  slope (rounded + 0.005 (|r| + |1 − r|)). */
function scaleOf(ticks: readonly string[][], log: boolean, rounded: number) {
  assert(ticks.length >= 2, `an axis has ${ticks.length} numbers`);
  const known = ticks.map(([place, label]) => {
    const value = Number(text(label!).replaceAll(",", ""));
    return { place: Number(place), value: log ? Math.log10(value) : value };
  });
  const [first, last] = [known[0]!, known.at(-1)!];
  const slope = (last.value - first.value) / (last.place - first.place);
  return (place: number) => {
    const r = (place - first.place) / (last.place - first.place);
    const value = first.value + slope * (place - first.place);
    const off = Math.abs(slope) * (rounded + 0.005 * (Math.abs(r) + Math.abs(1 - r)));
    return log ? { value: 10 ** value, off: 10 ** value * (10 ** off - 1) } : { value, off };
  };
}

/** What is wrong with a line that should go through points, in order; nothing where each of its own is one of them. `most`: how many may be
 *  left out between. */
export function offLine(line: ReadLine | undefined, x: ArrayLike<number>, y: ArrayLike<number>): string | undefined {
  if (!line) return "there is no such line";
  const finite = Array.from(x, (at, i) => ({ x: at, y: y[i]! })).filter((point) => Number.isFinite(point.y));
  const near = (a: number, b: number, off: number) => Math.abs(a - b) <= off * (1 + 1e-9) + 1e-12 * Math.abs(b);
  let from = 0;
  for (const { x, y, offX, offY } of line.points) {
    const found = finite.findIndex((point, i) => i >= from && near(x, point.x, offX) && near(y, point.y, offY));
    if (found < 0) return `(${x}, ${y}) is no point of ${line.label}`;
    from = found + 1;
  }
  // the least and the largest are always drawn
  for (const extreme of [Math.min, Math.max]) {
    const value = finite.reduce((best, point) => extreme(best, point.y), finite[0]?.y ?? NaN);
    if (finite.length > 0 && !line.points.some((point) => near(point.y, value, point.offY))) {
      return `${value} is not drawn`;
    }
  }
  const ends = [finite[0], finite.at(-1)];
  if (!ends.every((end, i) => !end || near(line.points.at(i === 0 ? 0 : -1)?.x ?? NaN, end.x, line.points[0]!.offX))) {
    return `${line.label} does not go from end to end`;
  }
  return undefined;
}
