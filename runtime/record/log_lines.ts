// Which lines has the log of a run? All events but meta-steps; of what is recorded the first values, of those after them ever fewer, and the
// last: so many values have few lines, wherever a run ends or is made longer. All values are in `trajectories.safetensors`.
import { sizeOf } from "../ir/types.ts";
import { isSaid } from "../loop/ever_fewer.ts";
import type { RecordedEvent, RunEvent } from "../loop/events.ts";
import { nameOfItem, recordedAt } from "../loop/records.ts";
import type { RecordedBy, RecordedValues } from "../loop/results.ts";
import { type MetricLine, metricLines } from "./metrics.ts";

/** So many values of a record have lines, and half as many of each time that they are doubled. */
const firstLines = { most: 128, least: 8 };

/** Numbers in these lines, where a value is an array. */
const firstNumbers = 8192;

/** Where a run goes on. */
export interface LoggedBefore {
  readonly recorded: readonly RecordedValues[];
  readonly seconds: number;
}

/** The lines of events, one after the other. A run that goes on says what it has recorded until then. */
export function openLogLines(before?: LoggedBefore): (event: RunEvent, seconds: number) => readonly MetricLine[] {
  // the last of each record, where it has no line yet
  const late = new Map<string, { readonly event: RecordedEvent; readonly seconds: number }>();
  const note = (event: RecordedEvent, seconds: number): boolean => {
    const { recorded: { name, by, value }, index } = event;
    const key = JSON.stringify([nameOfItem(by), name]);
    const due = isSaid(index, firstOf(sizeOf(value.shape)));
    if (due) late.delete(key);
    else late.set(key, { event, seconds });
    return due;
  };
  for (const series of before?.recorded ?? []) note(lastOf(series), before!.seconds);
  return (event, seconds) => {
    if (event.kind === "step" || event.kind === "recorded" && !note(event, seconds)) return [];
    const lines = metricLines(event, seconds);
    if (event.kind !== "finished") return lines;
    const keys = [...late.keys()].sort();
    return [...keys.map((key) => late.get(key)!).flatMap((last) => metricLines(last.event, last.seconds)), ...lines];
  };
}

/** How many of the first values of a size have lines: a power of two. */
function firstOf(size: number): number {
  const room = Math.min(firstLines.most, Math.max(firstLines.least, firstNumbers / size));
  return 2 ** Math.floor(Math.log2(room));
}

function lastOf(series: RecordedValues): RecordedEvent {
  const { name, of, by: item, trajectory, steps, values: { shape: [count] } } = series;
  const by: RecordedBy = item.kind === "outer" ? { ...item, step: steps.at(-1)! } : item;
  const index = count! - 1;
  return { kind: "recorded", recorded: { name, of, by, trajectory, value: recordedAt(series, index) }, index };
}
