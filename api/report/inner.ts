// What is shown of what was recorded? Values by meta-step, inner trajectories by inner steps, and how much the end depends on each step.
import type { Block, Cell, Chart, Section, Series, Table } from "../../draw/report.ts";
import type { HostArray } from "../../runtime/ir/types.ts";
import { arrayText, type ShownArray } from "../numbers.ts";
import { entriesOf, type GradientAccount } from "./account.ts";
import { grouped } from "./cells.ts";
import { chartOf, type Curve, type Lines, linesOf, namedRuns, type RunGroup } from "./lines.ts";
import type { NumberArray, ReportedRun } from "./reported_run.ts";
import { namesIn } from "./training.ts";

/** Entries of a tensor that have a line each; of more its norm is drawn. */
const mostEntries = 8;

/** Moments of one trajectory in a chart. */
const mostMoments = 6;

/** Charts of a section. */
const mostCharts = 24;

/** What was recorded under a name, by an item. */
interface Recording {
  readonly array: NumberArray;
  /** The meta-steps that axis 0 runs over; none where it has no such axis. */
  readonly steps: ArrayLike<number> | undefined;
  /** The next axis is the time of an inner loop. */
  readonly timed: boolean;
  readonly dtype: HostArray["dtype"];
}

/** Where something recorded is looked for. */
interface Place {
  readonly name: string;
  readonly by: string;
}

function recordingOf({ account, recorded }: ReportedRun, { name, by }: Place): Recording | undefined {
  const all = account.recorded ?? [];
  const alone = all.filter((other) => other.name === name).length === 1;
  if (!all.some((other) => other.name === name && other.by === by)) return undefined;
  const key = alone ? name : `${by}/${name}`;
  const { tensors, metadata } = recorded();
  const array = tensors.get(key);
  const axes = metadata.get(key) ?? "";
  if (!array) return undefined;
  return {
    array,
    steps: axes.startsWith("axes: records") ? tensors.get(`${key}/steps`)?.data : undefined,
    timed: axes.includes("time, "),
    dtype: array.dtype,
  };
}

interface Recorded extends Place {
  readonly timed: boolean;
  readonly sensitivity: boolean;
}

function recordedIn(groups: readonly RunGroup[]): Recorded[] {
  const found = new Map<string, Recorded>();
  for (const run of groups.flatMap(({ runs }) => runs)) {
    for (const { name, by } of run.account.recorded ?? []) {
      const key = JSON.stringify([name, by]);
      const recording = found.has(key) ? undefined : recordingOf(run, { name, by });
      if (!recording) continue;
      // what a `record train.sensitivity` keeps begins with these words
      found.set(key, { name, by, timed: recording.timed, sensitivity: name.startsWith(`${by}.sensitivity[`) });
    }
  }
  return [...found.values()];
}

/** Sections of all that was recorded. */
export function recordedSections(groups: readonly RunGroup[]): Section[] {
  const all = recordedIn(groups);
  const trajectories = all.filter(({ timed, sensitivity }) => timed && !sensitivity);
  const sensitivities = all.filter(({ timed, sensitivity }) => timed && sensitivity);
  return [
    absentSection(groups),
    sectionOf(
      "Recorded by meta-step",
      undefined,
      all.filter((place) => !place.timed && !isShown(groups, place)).flatMap((place) => valueCharts(groups, place)),
      lastTable(groups, all.filter(({ timed }) => !timed)),
    ),
    sectionOf(
      "Inner trajectories",
      "What inner loops evolve, step by step; of tensors with more than 8 entries the norm.",
      trajectories.flatMap((place) => timeCharts(groups, place, { normed: false })),
    ),
    sectionOf(
      "Sensitivity over time",
      "How much the objective changes with each inner step: the norm of dL/d(w@t), and derivatives for rates that have a value " +
        "for each step. Where it grows or fades along the axis, so do meta-gradients.",
      [...sensitivities.flatMap((place) => timeCharts(groups, place, { normed: true })), ...gradientCharts(groups)],
    ),
  ].flat();
}

/** Whether the curve of an outer shows it already, meta-step by meta-step. */
function isShown(groups: readonly RunGroup[], { name, by }: Place): boolean {
  if (name !== `${by}.loss` && name !== `${by}.gradient_norm`) return false;
  return groups.every(({ runs }) =>
    runs.every(({ account }) => {
      const curve = account.outers?.find((outer) => outer.name === by)?.curve;
      return curve !== undefined && !curve.means && curve.metaSteps.length > 0;
    })
  );
}

/** Runs of which nothing that was recorded can be shown. */
function absentSection(groups: readonly RunGroup[]): Section[] {
  const absent = groups.flatMap(({ runs }) => runs).filter(({ account, recorded }) =>
    (account.recorded ?? []).length > 0 && recorded().tensors.size === 0
  );
  const text = "what was recorded is not shown: `trajectories.safetensors` is not there, or is larger than 500 MB";
  const blocks = absent.map(({ folder }): Block => ({ kind: "words", text: `${folder}: ${text}` }));
  return blocks.length === 0 ? [] : [{ title: "Not shown", blocks }];
}

function sectionOf(
  title: string,
  about: string | undefined,
  charts: readonly Chart[],
  tables: readonly Table[] = [],
): Section[] {
  if (charts.length + tables.length === 0) return [];
  const more = charts.length - mostCharts;
  const rest: Block[] = more > 0 ? [{ kind: "words", text: `${more} more stand in trajectories.safetensors` }] : [];
  return [{
    title,
    ...(about === undefined ? {} : { about }),
    blocks: [...charts.slice(0, mostCharts), ...rest, ...tables],
  }];
}

/** The first and the last value of what is recorded by meta-step; of tensors the last one. */
function lastTable(groups: readonly RunGroup[], places: readonly Place[]): Table[] {
  const runs = namedRuns(groups);
  const several = runs.length > 1;
  const rows = runs.flatMap(({ run, label }) =>
    places.flatMap((place): Cell[][] => {
      const recording = recordingOf(run, place);
      if (!recording) return [];
      const { array: { data, shape }, steps, dtype } = recording;
      const [count, own] = steps ? [shape[0]!, shape.slice(1)] : [1, shape];
      if (count === 0) return [];
      const size = product(own);
      const at = (i: number) => ({
        dtype,
        shape: own,
        data: Array.from({ length: size }, (_, k) => data[i * size + k]!),
      });
      const [first, last] = [at(0), at(count - 1)];
      const shown = ({ data, ...rest }: ShownArray): Cell =>
        size === 1 && dtype !== "bool"
          ? { value: data[0]!, shown: arrayText({ data, ...rest }) }
          : arrayText({ data, ...rest });
      return [[
        ...(several ? [label] : []),
        ...[place.name, place.by, { value: count, shown: grouped(count) }],
        ...[size === 1 ? shown(first) : "", shown(last)],
      ]];
    })
  );
  if (rows.length === 0) return [];
  const head = [...(several ? ["run"] : []), "recorded", "by", "records", "first", "last"];
  return [{ kind: "table", title: "First and last values", head, rows }];
}

const product = (sizes: readonly number[]) => sizes.reduce((all, size) => all * size, 1);

const isAlone = (groups: readonly RunGroup[]) => groups.length === 1 && groups[0]!.runs.length === 1;

/** The rows of an array: `count` times `size` numbers from `begin` on. */
interface Rows {
  readonly data: ArrayLike<number>;
  readonly begin: number;
  readonly count: number;
  readonly size: number;
}

const entryCurve = ({ data, begin, count, size }: Rows, entry: number): Float64Array =>
  Float64Array.from({ length: count }, (_, i) => data[begin + i * size + entry]!);

/** One number for each row: itself, or the Euclidean norm of several. */
function normCurve(rows: Rows, always: boolean): Float64Array {
  if (rows.size === 1 && !always) return entryCurve(rows, 0);
  return Float64Array.from({ length: rows.count }, (_, i) => normOf(rows.data, rows.begin + i * rows.size, rows.size));
}

/** Euclidean, with the largest divided out: squares of large numbers are not finite. */
function normOf(data: ArrayLike<number>, begin: number, size: number): number {
  let largest = 0;
  for (let i = begin; i < begin + size; i++) {
    if (!Number.isFinite(data[i]!)) return NaN;
    largest = Math.max(largest, Math.abs(data[i]!));
  }
  if (largest === 0) return 0;
  let sum = 0;
  for (let i = begin; i < begin + size; i++) sum += (data[i]! / largest) ** 2;
  return largest * Math.sqrt(sum);
}

const counted = (length: number) => Float64Array.from({ length }, (_, i) => i);

/** By meta-step. */
function valueCharts(groups: readonly RunGroup[], place: Place): Chart[] {
  const { name, by } = place;
  const rowsOf = (run: ReportedRun) => {
    const recording = recordingOf(run, place);
    if (!recording?.steps) return undefined;
    const { array: { data, shape }, steps } = recording;
    return { steps, rows: { data, begin: 0, count: shape[0]!, size: product(shape.slice(1)) } };
  };
  const chart = (title: string, lines: Lines) => chartOf({ title, x: `meta-step of ${by}`, y: title }, lines);
  const alone = isAlone(groups) ? rowsOf(groups[0]!.runs[0]!) : undefined;
  if (alone && alone.rows.size > 1 && alone.rows.size <= mostEntries) {
    const { steps, rows } = alone;
    const stepwise = groups[0]!.runs[0]!.account.parameters?.some((other) => other.name === name && other.perStep);
    const of = stepwise ? "step" : "entry";
    const series = Array.from(
      { length: rows.size },
      (_, i) => ({ label: `${of} ${i}`, look: i, x: steps, y: entryCurve(rows, i) }),
    );
    return chart(name, { series });
  }
  let size = 1;
  const lines = linesOf(groups, (run) => {
    const found = rowsOf(run);
    if (!found) return undefined;
    size = Math.max(size, found.rows.size);
    return { x: found.steps, y: normCurve(found.rows, false) };
  });
  return chart(size > 1 ? `norm of ${name}` : name, lines);
}

/** The rows of a trajectory at one moment. */
function trajectoryAt({ array: { data, shape }, steps }: Recording, moment: number): Rows {
  const [count = 0, ...own] = steps ? shape.slice(1) : shape;
  const size = product(own);
  return { data, begin: moment * count * size, count, size };
}

/** By inner steps: of one run the moments at which it was recorded, of several the last one of each. `normed`: also of single numbers the
 *  size. */
function timeCharts(groups: readonly RunGroup[], place: Place, { normed }: { readonly normed: boolean }): Chart[] {
  const { name, by } = place;
  const chart = (size: number, lines: Lines, when?: string) => {
    const title = size > 1 || normed ? `norm of ${name}` : name;
    return chartOf({ title, x: "step of the inner loop", y: title }, lines, `recorded by ${by}`, when);
  };
  const alone = isAlone(groups) ? recordingOf(groups[0]!.runs[0]!, place) : undefined;
  if (alone) {
    const last = lastOf(alone);
    if (normed || last.size === 1 || last.size > mostEntries) {
      return chart(last.size, { series: momentLines(alone, normed) });
    }
    const series = Array.from(
      { length: last.size },
      (_, i): Series => ({ label: `entry ${i}`, look: i, x: counted(last.count), y: entryCurve(last, i) }),
    );
    const step = alone.steps?.[alone.steps.length - 1];
    return chart(1, { series }, step === undefined ? undefined : `at meta-step ${grouped(step)}`);
  }
  let size = 1;
  const lines = linesOf(groups, (run): Curve | undefined => {
    const recording = recordingOf(run, place);
    if (!recording) return undefined;
    const rows = lastOf(recording);
    size = Math.max(size, rows.size);
    return { x: counted(rows.count), y: normCurve(rows, normed) };
  });
  return chart(size, lines, "as recorded last");
}

const lastOf = (recording: Recording) =>
  trajectoryAt(recording, recording.steps ? Math.max(0, recording.array.shape[0]! - 1) : 0);

/** A trajectory at some of the moments at which it was recorded. */
function momentLines(recording: Recording, normed: boolean): Series[] {
  const { array, steps } = recording;
  return evenly(steps ? array.shape[0]! : 1, mostMoments).map((moment, look) => {
    const rows = trajectoryAt(recording, moment);
    const label = steps ? `meta-step ${grouped(steps[moment]!)}` : "";
    return { label, look, x: counted(rows.count), y: normCurve(rows, normed) };
  });
}

/** At most so many of them, the first and the last among these. */
function evenly(count: number, most: number): number[] {
  const shown = Math.min(count, most);
  return Array.from({ length: shown }, (_, i) => shown === 1 ? count - 1 : Math.round(i * (count - 1) / (shown - 1)));
}

/** Derivatives for rates that have a value for each step of a loop. */
function gradientCharts(groups: readonly RunGroup[]): Chart[] {
  const items = namesIn(groups, ({ account }) => (account.gradients ?? []).map(keyOf));
  return items.flatMap((key) => {
    const names = namesIn(groups, (run) => stepwiseIn(run, key).map(({ name }) => name));
    const [label, after] = JSON.parse(key) as [string, string | null];
    const when = after === null ? undefined : `after ${after}`;
    const chart = (of: string, lines: Lines) =>
      chartOf(
        { title: `gradient of ${label}${of}`, x: "step of the inner loop", y: `d(${label}) for each step` },
        lines,
        when,
      );
    if (!isAlone(groups) || names.length === 1) {
      return names.flatMap((name) => chart(` for ${name}`, linesOf(groups, (run) => slopeCurve(run, key, name))));
    }
    const [run] = groups[0]!.runs as readonly [ReportedRun];
    const series = names.flatMap((name, look) => {
      const curve = slopeCurve(run, key, name);
      return curve ? [{ label: name, look, ...curve }] : [];
    });
    return chart("", { series });
  });
}

const keyOf = ({ label, after }: GradientAccount) => JSON.stringify([label, after ?? null]);

/** What a gradient item says of rates that have a value for each step. */
function stepwiseIn({ account }: ReportedRun, key: string) {
  const stepwise = new Set((account.parameters ?? []).filter(({ perStep }) => perStep).map(({ name }) => name));
  const wrt = account.gradients?.find((gradient) => keyOf(gradient) === key)?.wrt ?? [];
  return wrt.flatMap(({ leaves }) => leaves).filter(({ name }) => stepwise.has(name));
}

function slopeCurve(run: ReportedRun, key: string, name: string): Curve | undefined {
  const leaf = stepwiseIn(run, key).find((each) => each.name === name);
  const data = entriesOf(leaf?.gradient);
  if (!leaf || !data) return undefined;
  const count = leaf.shape[0] ?? 1;
  const rows = { data, begin: 0, count, size: data.length / Math.max(1, count) };
  return { x: counted(count), y: normCurve(rows, false) };
}
