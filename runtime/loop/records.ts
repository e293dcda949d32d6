// How is kept what is recorded? Value after value in one array for each name and item, so that a number takes its own bytes and those of
// its meta-step, however many there are.
import { type HostArray, sizeOf } from "../ir/types.ts";
import { type Column, openColumn } from "./column.ts";
import type { Recorded, RecordedBy, RecordedItem, RecordedValues } from "./results.ts";

/** What has been recorded so far. */
export interface Records {
  /** Adds a value; which one of its name and item it is, from 0. */
  add(recorded: Recorded): number;
  /** All there is, in memory that it shares: what is added later is not in there. */
  values(): readonly RecordedValues[];
}

interface Series extends Pick<RecordedValues, "name" | "of" | "by" | "trajectory"> {
  readonly shape: readonly number[];
  readonly dtype: HostArray["dtype"];
  readonly steps: Column;
  readonly data: Column;
  count: number;
}

/** Opens a record that begins with a copy of what is there. */
export function openRecords(there: readonly RecordedValues[] = []): Records {
  const all: Series[] = [];
  const byName = new Map<string, Series[]>();
  const put = (series: Series) => {
    all.push(series);
    const same = byName.get(series.name);
    if (same) same.push(series);
    else byName.set(series.name, [series]);
    return series;
  };
  for (const { steps, values: { dtype, shape, data }, ...rest } of there) {
    const [count, ...own] = shape as [number, ...number[]];
    put({ ...rest, dtype, shape: own, steps: openColumn("i32", steps), data: openColumn(dtype, data), count });
  }
  return {
    add({ name, of, by, trajectory, value: { dtype, shape, data } }) {
      const item = itemOf(by);
      const series = byName.get(name)?.find((s) => isSame(s.by, item)) ??
        put({
          name,
          of,
          by: item,
          trajectory,
          dtype,
          shape,
          steps: openColumn("i32"),
          data: openColumn(dtype),
          count: 0,
        });
      if (by.kind === "outer") series.steps.push(by.step);
      if (data.length === 1) series.data.push(data[0]!);
      else series.data.append(data);
      return series.count++;
    },
    values: () =>
      all.map(({ name, of, by, trajectory, dtype, shape, steps, data, count }) => ({
        ...{ name, of, by, trajectory },
        steps: steps.view() as Int32Array,
        values: { dtype, shape: [count, ...shape], data: data.view() },
      })),
  };
}

/** The same, of a list of single values. */
export function gatherRecorded(list: readonly Recorded[]): readonly RecordedValues[] {
  const records = openRecords();
  for (const recorded of list) records.add(recorded);
  return records.values();
}

/** Value `index` of a record, in its memory. */
export function recordedAt({ values: { dtype, shape, data } }: RecordedValues, index: number): HostArray {
  const own = shape.slice(1);
  const size = sizeOf(own);
  return { dtype, shape: own, data: data.subarray(index * size, (index + 1) * size) };
}

function itemOf(by: RecordedBy): RecordedItem {
  return by.kind === "outer" ? { kind: by.kind, name: by.name } : by;
}

function isSame(a: RecordedItem, b: RecordedItem): boolean {
  return a.kind === b.kind && nameOfItem(a) === nameOfItem(b);
}

/** `train`, `gradient 0`, `fit`: the item. */
export function nameOfItem(by: RecordedItem | RecordedBy): string {
  return by.kind === "outer" ? by.name : by.kind === "gradient" ? `gradient ${by.index}` : by.loop;
}
