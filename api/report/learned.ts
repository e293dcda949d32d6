// What is shown of what was learned? Rates by step and by tensor, a table of all values, and images.
import type { Block, Cell, Chart, Images, Intervals, Section, Series } from "../../draw/report.ts";
import { exactNumber, shortNumber } from "../numbers.ts";
import type { ArrayAccount } from "./account.ts";
import { short } from "./cells.ts";
import { imagesIn } from "./image_shapes.ts";
import { chartOf, type Curve, type Lines, linesOf, type NamedRun, namedRuns, type RunGroup } from "./lines.ts";
import type { NumberArray, ReportedRun } from "./reported_run.ts";
import { namesIn } from "./training.ts";

/** Rows of the table of values. */
const mostRows = 60;

/** Rates that are drawn beside each other. */
const mostRates = 40;

/** Grids of images. */
const mostGrids = 12;

/** Learned values. */
export function learnedSection(groups: readonly RunGroup[]): Section[] {
  const names = namesIn(groups, ({ account }) => (account.parameters ?? []).map(({ name }) => name));
  if (names.length === 0) return [];
  const stepwise = namesIn(
    groups,
    ({ account }) => (account.parameters ?? []).filter(({ perStep }) => perStep).map(({ name }) => name),
  );
  const blocks = [...familiesOf(stepwise)].flatMap(([family, members]) => stepCharts(groups, family, members));
  return [{
    title: "Learned values",
    blocks: [...blocks, ...tensorRates(groups), ...valueTable(groups, names)],
  }];
}

/** What is printed as `adapt.lr[l1.W]` stands with the others of `adapt.lr`. */
function familiesOf(names: readonly string[]): Map<string, string[]> {
  const families = new Map<string, string[]>();
  for (const name of names) {
    const family = name.split("[")[0]!;
    families.set(family, [...families.get(family) ?? [], name]);
  }
  return families;
}

const parameterOf = ({ account }: ReportedRun, name: string) => account.parameters?.find((each) => each.name === name);

function arrayOf(run: ReportedRun, name: string): NumberArray | undefined {
  const parameter = parameterOf(run, name);
  return parameter && run.entries(parameter);
}

/** A value for each inner step; of tensors the mean of their entries. */
function stepCurve(run: ReportedRun, name: string): Curve | undefined {
  const array = arrayOf(run, name);
  if (!array) return undefined;
  const [count = 1] = array.shape;
  const size = array.data.length / Math.max(1, count);
  const mean = (i: number) => {
    let sum = 0;
    for (let k = 0; k < size; k++) sum += array.data[i * size + k]! / size;
    return sum;
  };
  return {
    x: Float64Array.from({ length: count }, (_, i) => i),
    y: Float64Array.from({ length: count }, (_, i) => mean(i)),
  };
}

function stepCharts(groups: readonly RunGroup[], family: string, names: readonly string[]): Chart[] {
  const wide = groups.some(({ runs }) =>
    runs.some((run) => names.some((name) => (parameterOf(run, name)?.shape.slice(1) ?? []).some((size) => size > 1)))
  );
  const y = wide ? `${family}, mean over entries` : family;
  const chart = (title: string, lines: Lines) =>
    chartOf({ title: `${title} by inner step`, x: "step of the inner loop", y }, lines);
  if (groups.length === 1 && groups[0]!.runs.length === 1) {
    const [run] = groups[0]!.runs as readonly [ReportedRun];
    const series = names.flatMap((name, i): Series[] => {
      const curve = stepCurve(run, name);
      return curve ? [{ label: names.length === 1 ? "" : name, look: i, ...curve }] : [];
    });
    return chart(family, { series });
  }
  return names.flatMap((name) => chart(name, linesOf(groups, (run) => stepCurve(run, name))));
}

/** Several single numbers of one name, such as a rate for each tensor, beside each other. */
function tensorRates(groups: readonly RunGroup[]): Intervals[] {
  const [{ run, look }, ...others] = namedRuns(groups) as [NamedRun, ...NamedRun[]];
  if (others.length > 0) return [];
  const single = (run.account.parameters ?? []).filter(({ shape }) => shape.length === 0);
  return [...familiesOf(single.map(({ name }) => name))].filter(([, names]) =>
    names.length > 1 && names.length <= mostRates
  )
    .map(([family, names]): Intervals => ({
      kind: "intervals",
      title: `${family} by tensor`,
      x: family,
      rows: names.map((name) => ({ label: name, look, mean: arrayOf(run, name)?.data[0] ?? NaN })),
    }));
}

function valueTable(groups: readonly RunGroup[], names: readonly string[]): Block[] {
  const shown = names.slice(0, mostRows);
  const more = names.length - shown.length;
  const rest: Block[] = more > 0 ? [{ kind: "words", text: `${more} more stand in parameters.safetensors` }] : [];
  const runs = namedRuns(groups);
  if (runs.length === 1) {
    const [{ run }] = runs as [NamedRun];
    const rows = shown.map((name): Cell[] => {
      const { shape, dtype } = parameterOf(run, name)!;
      return [name, `[${shape.join(", ")}]`, ...valueCells(arrayOf(run, name), dtype === "f32" ? "f32" : "f64")];
    });
    return [
      { kind: "table", title: "All values", head: ["name", "shape", "value or norm", "least", "largest"], rows },
      ...rest,
    ];
  }
  const rows = shown.map((name): Cell[] => [
    name,
    ...groups.map(({ runs }): Cell => {
      const values = runs.flatMap((run) => arrayOf(run, name) ?? []);
      return values.length === 0 ? "" : short(values.reduce((sum, array) => sum + sizeOf(array) / values.length, 0));
    }),
  ]);
  const seeds = groups.some(({ runs }) => runs.length > 1);
  const title = `All values${seeds ? ", means over seeds" : ""}; of tensors the norm`;
  return [
    { kind: "table", title, head: ["name", ...groups.map(({ label }) => label === "" ? "value" : label)], rows },
    ...rest,
  ];
}

/** A number as it is; the norm of several. */
function sizeOf({ data }: NumberArray): number {
  if (data.length === 1) return data[0]!;
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]! ** 2;
  return Math.sqrt(sum);
}

/** A number, or the norm of several, with the least and the largest. */
function valueCells(array: NumberArray | undefined, dtype: "f32" | "f64"): Cell[] {
  if (!array) return ["in the folder", "", ""];
  const value = sizeOf(array);
  const { data } = array;
  if (data.length === 1) return [{ value, shown: exactNumber(value, dtype) }, "", ""];
  let [low, high] = [Infinity, -Infinity];
  for (let i = 0; i < data.length; i++) {
    // comparisons would pass over NaN
    low = Math.min(low, data[i]!);
    high = Math.max(high, data[i]!);
  }
  return [{ value, shown: shortNumber(value) }, short(low), short(high)];
}

/** Outputs and learned tensors that have the shape of images. */
export function imageSection(groups: readonly RunGroup[]): Section[] {
  const runs = namedRuns(groups);
  const isFree = ({ name }: ArrayAccount) => !/[.[]/.test(name);
  const grids = runs.flatMap(({ run, label }) => {
    const outputs = (run.account.outputs ?? []).map((array) => ({ array, name: `output ${array.name}` }));
    const learned = (run.account.parameters ?? []).filter(isFree).map((array) => ({ array, name: array.name }));
    const shown: Images[] = [];
    for (const { array, name } of [...outputs, ...learned]) {
      const images = imagesIn(array.shape, () => run.entries(array));
      // what is learned is often an output, too
      if (!images || shown.some((other) => areSame(other, images))) continue;
      shown.push({ ...images, title: label === "" ? name : `${name}, ${label}` });
    }
    return shown;
  });
  if (grids.length === 0) return [];
  const more = grids.length - mostGrids;
  const rest: Block[] = more > 0 ? [{ kind: "words", text: `${more} more grids are not shown` }] : [];
  return [{
    title: "Images",
    about:
      "Outputs and learned parameters that have the shape of images: what is least is black, what is largest is white.",
    blocks: [...grids.slice(0, mostGrids), ...rest],
  }];
}

type Pictures = Pick<Images, "width" | "count" | "pixels">;

function areSame(a: Pictures, b: Pictures): boolean {
  if (a.width !== b.width || a.count !== b.count || a.pixels.length !== b.pixels.length) return false;
  for (let i = 0; i < a.pixels.length; i++) if (!Object.is(a.pixels[i], b.pixels[i])) return false;
  return true;
}
