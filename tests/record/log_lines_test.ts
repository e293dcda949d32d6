// Has the log few lines of many recorded values, the last among them, and the same wherever a run was cut off and went on?
import { assert, assertEquals } from "@std/assert";
import type { RunEvent } from "../../runtime/loop/events.ts";
import { openRecords, type Records } from "../../runtime/loop/records.ts";
import type { Recorded } from "../../runtime/loop/results.ts";
import { encodeSafetensors } from "../../runtime/program/safetensors.ts";
import { openLogLines } from "../../runtime/record/log_lines.ts";
import { storedRecords } from "../../runtime/record/run_end.ts";

const finished: RunEvent = { kind: "finished", outcome: "done", seconds: 9, missed: 0 };

function recorded(name: string, step: number, size = 0): Recorded {
  const data = Float64Array.from({ length: size || 1 }, (_, i) => Math.sqrt(step + i));
  const value = { dtype: "f64" as const, shape: size === 0 ? [] : [size], data };
  return { name, of: name, by: { kind: "outer", name: "train", step }, trajectory: false, value };
}

const noteIn = (records: Records, recorded: Recorded): RunEvent => ({
  kind: "recorded",
  recorded,
  index: records.add(recorded),
});

Deno.test("the first values have lines, then ever fewer, and the last one", () => {
  const stepsOf = (count: number, size: number) => {
    const records = openRecords();
    const lines = openLogLines();
    const events = Array.from({ length: count }, (_, step) => noteIn(records, recorded("c", step, size)));
    return [...events, finished].flatMap((event) => lines(event, 1)).map(({ kind, step }) =>
      kind === "recorded" && step
    );
  };
  assertEquals(stepsOf(100, 0), [...Array(100).keys(), false]);
  const some = stepsOf(1000, 0);
  assertEquals(some.slice(126, 134), [126, 127, 128, 130, 132, 134, 136, 138]);
  assertEquals(some.slice(191, 196), [254, 256, 260, 264, 268]);
  assertEquals(some.slice(-3), [992, 999, false]);
  // of arrays of 1,000 numbers 8, then 4 for each time that they are doubled
  assertEquals(stepsOf(40, 1000), [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 39, false]);
  assertEquals(stepsOf(2 ** 13, 0).length, 128 + 6 * 64 + 2);
});

Deno.test("70,000 recorded numbers take less than 1 MB of a folder", () => {
  const records = openRecords();
  const lines = openLogLines();
  let log = 0;
  for (let step = 0; step < 70_000; step++) {
    for (const line of lines(noteIn(records, recorded("train.loss", step)), step / 3)) {
      log += JSON.stringify(line).length + 1;
    }
  }
  const { tensors, metadata } = storedRecords(records.values());
  const arrays = encodeSafetensors(tensors, metadata).reduce((sum, { length }) => sum + length, 0);
  assert(log + arrays < 1e6, `${log} and ${arrays} bytes`);
});

Deno.test("a run that goes on has the lines of the run that was not stopped", () => {
  const names = ["train.loss", "c"];
  const steps = 300;
  const wanted: string[] = [];
  const whole = openLogLines();
  const all = openRecords();
  // all that was recorded before each meta-step, and how many lines there were
  const cuts: { readonly kept: ReturnType<Records["values"]>; readonly lines: number }[] = [];
  const say = (lines: typeof whole, event: RunEvent) => lines(event, 1).map((line) => JSON.stringify(line));
  for (let step = 0; step < steps; step++) {
    cuts.push({ kept: structuredClone(all.values()), lines: wanted.length });
    for (const name of names) wanted.push(...say(whole, noteIn(all, recorded(name, step))));
  }
  cuts.push({ kept: structuredClone(all.values()), lines: wanted.length });
  wanted.push(...say(whole, finished));
  assertEquals(wanted.length, 2 * (128 + 64 + 11) + 2 + 1);
  for (const [cut, { kept, lines: there }] of cuts.entries()) {
    if (cut % 7 > 0 && cut < steps - 1) continue;
    const records = openRecords(kept);
    const lines = openLogLines({ recorded: kept, seconds: 1 });
    const said = wanted.slice(0, there);
    for (let step = cut; step < steps; step++) {
      for (const name of names) said.push(...say(lines, noteIn(records, recorded(name, step))));
    }
    said.push(...say(lines, finished));
    assertEquals(said, wanted, `cut off before ${cut}`);
  }
});
