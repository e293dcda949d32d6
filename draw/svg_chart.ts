// How is a chart drawn for a page? As SVG without script, so small that a page has many: lines of few decimals, looks and axes that say what
// they are. What is drawn can be read back from it with its own ticks, which the tests do.
import { type Axis, axisFor } from "./axis.ts";
import { escaped } from "./escape.ts";
import { lookOf } from "./looks.ts";
import { type Chart, type IntervalRow, type Intervals, mostRows, type Series } from "./report.ts";
import { thinned } from "./thin.ts";

/** Units of a chart; a page shows them about as large as pixels. */
const width = 440;
const height = 250;
const top = 24;
const bottom = 40;
const right = 18;
/** Of a character beside an axis. */
const character = 6.2;

/** Lines that are told apart by looks; of more none is. */
export const mostTold = 28;

/** Points that are shown one by one. */
const fewPoints = 40;

/** Marks of values that are not finite. */
const mostMarks = 50;

/** A place on the page. */
interface Plot {
  readonly left: number;
  readonly x: Axis;
  readonly y: Axis;
  across(value: number): number;
  down(value: number): number;
}

/** A chart with at most about `points` points in all. */
export function svgOfChart(chart: Chart, points: number): string {
  const each = Math.max(30, Math.floor(points / Math.max(1, chart.series.length)));
  const series = chart.series.map((one) => thinned(one, each));
  const plot = plotOf(series);
  const told = series.length <= mostTold;
  // what is faint lies behind, and bands behind lines
  const order = [...series].sort((a, b) => Number(b.faint ?? false) - Number(a.faint ?? false));
  const parts = [
    ...frameOf(plot, chart),
    ...order.map((one) => bandOf(one, plot)),
    ...order.map((one) => lineOf(one, plot, told)),
  ];
  return `<svg class="c" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(chart.title)}">${
    parts.join("")
  }</svg>`;
}

function plotOf(series: readonly Series[]): Plot {
  const shown = function* () {
    for (const { y, band } of series) {
      for (const values of band ? [y, band.low, band.high] : [y]) yield* numbersIn(values);
    }
  };
  const steps = function* () {
    for (const { x } of series) yield* numbersIn(x);
  };
  const y = axisFor(shown(), { ticks: 5, log: true, room: true });
  const x = axisFor(steps(), { ticks: 6, whole: true });
  const left = 10 + character * Math.max(2, ...y.ticks.map(({ label }) => label.length));
  return {
    left,
    x,
    y,
    across: (value) => left + x.at(value) * (width - left - right),
    down: (value) => height - bottom - y.at(value) * (height - top - bottom),
  };
}

function* numbersIn(values: ArrayLike<number>): Generator<number> {
  for (let i = 0; i < values.length; i++) yield values[i]!;
}

/** What stands around the lines: numbers beside the axes and what these are. */
function frameOf({ left, x, y, across, down }: Plot, { x: xLabel, y: yLabel }: Pick<Chart, "x" | "y">): string[] {
  const floor = height - bottom;
  const rows = y.ticks.map(({ value, label }) => {
    const at = fixed(down(value), 2);
    return `<path class="g" d="M${fixed(left, 1)} ${at}H${width - right}"/>` +
      `<text class="y" x="${fixed(left - 5, 1)}" y="${at}">${label}</text>`;
  });
  const columns = spaced(x.ticks, across).map(({ value, label }) => {
    const at = fixed(across(value), 2);
    return `<path class="t" d="M${at} ${floor}v4"/><text class="x" x="${at}" y="${floor + 16}">${label}</text>`;
  });
  const scale = y.kind === "log" ? " (log scale)" : "";
  const said = x.kind === "log" ? " (log scale)" : "";
  return [
    ...rows,
    `<path class="a" d="M${fixed(left, 1)} ${floor}H${width - right}"/>`,
    ...columns,
    `<text class="l" x="2" y="12">${escaped(cut(yLabel, 60))}${scale}</text>`,
    `<text class="l e" x="${width - right}" y="${height - 6}">${escaped(cut(xLabel, 60))}${said}</text>`,
  ];
}

/** Ticks whose numbers do not run into each other. */
function spaced(ticks: Axis["ticks"], across: (value: number) => number): Axis["ticks"] {
  let end = -Infinity;
  return ticks.filter(({ value, label }) => {
    const half = label.length * character / 2;
    if (across(value) - half < end + character) return false;
    end = across(value) + half;
    return true;
  });
}

function bandOf({ x, band, look }: Series, { across, down }: Plot): string {
  if (!band) return "";
  const parts: string[] = [];
  let [there, back]: [string[], string[]] = [[], []];
  const close = () => {
    if (there.length > 0) parts.push(`M${there.join("L")}L${back.reverse().join("L")}Z`);
    [there, back] = [[], []];
  };
  for (let i = 0; i < x.length; i++) {
    const [low, high] = [down(band.low[i]!), down(band.high[i]!)];
    if (!Number.isFinite(low) || !Number.isFinite(high)) close();
    else {
      const at = fixed(across(x[i]!), 1);
      there.push(`${at} ${fixed(high, 1)}`);
      back.push(`${at} ${fixed(low, 1)}`);
    }
  }
  close();
  return parts.length === 0 ? "" : `<path class="b" fill="${lookOf(look).color}" d="${parts.join("")}"/>`;
}

function lineOf({ label, look, x, y, faint }: Series, { across, down }: Plot, told: boolean): string {
  const { color, dashes } = told ? lookOf(look) : { color: "#0072b2", dashes: "" };
  const lines: string[][] = [];
  const marks: string[] = [];
  let broken = true;
  let points = 0;
  for (let i = 0; i < Math.min(x.length, y.length); i++) {
    const finite = Number.isFinite(y[i]!);
    if (finite) {
      const point = `${fixed(across(x[i]!), 1)} ${fixed(down(y[i]!), 2)}`;
      if (broken) lines.push([point]);
      else lines.at(-1)!.push(point);
      points++;
    } else if (marks.length < mostMarks) marks.push(`M${fixed(across(x[i]!) - 3, 1)} ${top - 6}l6 6m0-6l-6 6`);
    broken = !finite;
  }
  // what stands alone is a dot
  const path = lines.map((line) => `M${line.join("L")}${line.length === 1 ? "h0" : ""}`).join("");
  const kind = faint || !told ? "s f" : "s";
  const dashed = dashes === "" || faint ? "" : ` stroke-dasharray="${dashes}"`;
  const dots = points > 0 && points <= fewPoints && !faint
    ? `<path class="d" stroke="${color}" d="${lines.flat().map((point) => `M${point}h0`).join("")}"/>`
    : "";
  const crosses = marks.length > 0 ? `<path class="n" stroke="${color}" d="${marks.join("")}"/>` : "";
  const title = label === "" ? "" : `<title>${escaped(label)}</title>`;
  const drawn = path === "" ? "" : `<path class="${kind}" stroke="${color}"${dashed} d="${path}"/>`;
  return `<g>${title}${drawn}${dots}${crosses}</g>`;
}

/** A number with at most so many decimals. */
function fixed(x: number, decimals: number): string {
  const text = x.toFixed(decimals);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** The text as far as it has room. */
function cut(text: string, characters: number): string {
  const all = [...text];
  return all.length <= characters ? text : `${all.slice(0, characters - 1).join("")}…`;
}

// ---------------------------------------------------------------------------------------------------------- intervals

/** Height of a row. */
const row = 20;

/** Means with their intervals. */
export function svgOfIntervals({ title, x: xLabel, rows: all, zero }: Intervals): string {
  const rows = all.slice(0, mostRows);
  const numbers = rows.flatMap(({ mean, interval }) => [mean, ...interval ?? []]);
  const x = axisFor([...numbers, ...(zero ? [0] : [])], { ticks: 5, room: true });
  const labels = rows.map(({ label }) => cut(label, 30));
  const left = 12 + character * Math.max(4, ...labels.map((label) => [...label].length));
  const tall = 10 + row * rows.length + bottom;
  const floor = tall - bottom;
  const across = (value: number) => fixed(left + x.at(value) * (width - left - right), 2);
  const columns = spaced(x.ticks, (value) => Number(across(value))).map(({ value, label }) => {
    const at = across(value);
    return `<path class="g" d="M${at} 4V${floor}"/><text class="x" x="${at}" y="${floor + 16}">${label}</text>`;
  });
  const lines = rows.map((each, i) => intervalOf(each, 14 + row * i, across));
  const names = labels.map((label, i) =>
    `<text class="y" x="${fixed(left - 6, 1)}" y="${14 + row * i}">${escaped(label)}</text>`
  );
  const parts = [
    ...columns,
    `<path class="a" d="M${fixed(left, 1)} ${floor}H${width - right}"/>`,
    ...(zero ? [`<path class="z" d="M${across(0)} 4V${floor}"/>`] : []),
    ...names,
    ...lines,
    `<text class="l e" x="${width - right}" y="${tall - 6}">${escaped(cut(xLabel, 60))}</text>`,
  ];
  return `<svg class="c" viewBox="0 0 ${width} ${tall}" role="img" aria-label="${escaped(title)}">${
    parts.join("")
  }</svg>`;
}

function intervalOf(
  { label, look, mean, interval }: IntervalRow,
  y: number,
  across: (value: number) => string,
): string {
  if (!Number.isFinite(mean)) return "";
  const { color } = lookOf(look);
  const ends = interval?.every(Number.isFinite)
    ? `<path class="i" stroke="${color}" d="M${across(interval[0])} ${y}H${across(interval[1])}M${
      across(interval[0])
    } ${y - 4}v8M${across(interval[1])} ${y - 4}v8"/>`
    : "";
  return `<g><title>${escaped(label)}</title>${ends}<circle r="3.5" fill="${color}" cx="${
    across(mean)
  }" cy="${y}"/></g>`;
}
