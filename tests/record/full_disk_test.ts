// What gives way where a disk is full? The log to the summary, and to a checkpoint, and it says how many of its lines are missing.
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { RunEvent } from "../../runtime/loop/events.ts";
import { newestCheckpoint } from "../../runtime/record/checkpoints.ts";
import { FileAccessError } from "../../runtime/record/files.ts";
import { parseMetrics } from "../../runtime/record/metrics.ts";
import { openRunFolder, reopenRunFolder } from "../../runtime/record/run_folder.ts";
import { files, temporaryFolder } from "../cli/left_folder.ts";
import { smallDisk } from "../cli/odd_disks.ts";

const identity = { program: "sum", imports: {}, inputs: {}, data: {}, seed: 0, memory: null, version: "0.1.0" };
const of = { ...identity, precision: "f64", backend: "reference" };
const contents = { root: "edition 1\n", imports: new Map<string, string>(), outputs: [], effective: {}, of };
const none = { outers: [], recorded: [], gradients: [], evaluations: [], outputs: [], simulations: [] };
const result = {
  ...{ outcome: "done", backend: "reference", seed: 0, precision: "f64", seconds: 0, plans: [] } as const,
  ...none,
  declared: new Map(),
  leaves: new Map(),
};
const state = { ...none, items: 0, declared: new Map(), leaves: new Map(), states: new Map(), doubts: [] };

/** Each is a line of more than 10 kB, and what is written at once has 64 KiB: several parts. */
const lines: readonly RunEvent[] = Array.from({ length: 30 }, (_, step) => ({
  kind: "until",
  outer: "train",
  step,
  held: { until: "x".repeat(10_000), value: 1 },
}));

/** A place for a run folder, for as long as `work` takes. */
function inFolder(work: (path: string) => void): void {
  const folder = temporaryFolder();
  try {
    work(`${folder}/run`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const sizes = (path: string) => new Map(files(path).map((name) => [name, Deno.statSync(`${path}/${name}`).size]));
const total = (path: string) => [...sizes(path).values()].reduce((sum, size) => sum + size, 0);
const logOf = (path: string) => parseMetrics(Deno.readTextFileSync(`${path}/metrics.jsonl`));

/** Bytes that a whole run takes, with or without a checkpoint before its end. */
function needed(checkpoint: boolean): number {
  let bytes = 0;
  inFolder((path) => {
    const folder = openRunFolder(path, contents);
    for (const line of lines) folder.record(line, 1);
    if (checkpoint) {
      folder.checkpoint(state, "between", 1);
      bytes = total(path);
      folder.abandon();
    } else {
      folder.finish(result);
      bytes = total(path);
    }
  });
  return bytes;
}

Deno.test("the last lines of a log give way to the summary, which then says so", () => {
  const most = needed(false);
  inFolder((path) => {
    const folder = openRunFolder(path, contents, smallDisk(most - 10));
    for (const line of lines) folder.record(line, 1);
    const said = assertThrows(() => folder.finish(result), FileAccessError, "metrics.jsonl` lacks").message;
    const missing = Number(/lacks (\d+) lines/.exec(said)![1]);
    const summary = JSON.parse(Deno.readTextFileSync(`${path}/summary.json`));
    assertEquals([summary.outcome, summary.missing], ["done", ["metrics.jsonl"]]);
    assert(missing > 0 && missing < lines.length, said);
    const log = logOf(path);
    assertEquals(log.at(-1)!.kind, "lost", "it had room for that");
    assertEquals(log.length - 1 + Number(log.at(-1)!.value), lines.length);
  });
});

Deno.test("the last lines of a log give way to a checkpoint, and the log says so, also where a run goes on from there", () => {
  const most = needed(true);
  inFolder((path) => {
    const folder = openRunFolder(path, contents, smallDisk(most - 10));
    for (const line of lines) folder.record(line, 1);
    folder.checkpoint(state, "between", 1);
    folder.abandon();
    const newest = newestCheckpoint(path, (checkpoint) => checkpoint.state)!;
    const from = { ...newest, longer: false };
    const again = reopenRunFolder(path, { outputs: [], effective: {}, of, from });
    again.record(lines[0]!, 2);
    again.finish(result);
    const log = logOf(path);
    const lost = log.findIndex(({ kind }) => kind === "lost");
    assert(lost > 0 && lost === log.length - 2, `${lost} of ${log.length}`);
    assertEquals(log.length - 2 + Number(log[lost]!.value), lines.length);
    assertEquals(log.map(({ step }) => step), [...Array(lost).keys(), null, 0]);
  });
});

Deno.test("whatever room there is, the results of a run that is done have theirs before lines and checkpoints", () => {
  const leaves = new Map([["w", { dtype: "f64" as const, shape: [2000], data: new Float64Array(2000) }]]);
  const learned = { ...state, leaves };
  let alone = 0;
  const results = ["parameters.safetensors", "trajectories.safetensors", "summary.json"];
  const run = (path: string, capacity: number) => {
    const folder = openRunFolder(path, contents, smallDisk(capacity));
    const attempts = [
      ...lines.map((line) => () => folder.record(line, 1)),
      () => folder.checkpoint(learned, "end", 1),
      () => folder.finish({ ...result, leaves }),
    ];
    for (const attempt of attempts) {
      try {
        attempt();
      } catch (error) {
        assert(error instanceof FileAccessError, `${error}`);
      }
    }
  };
  inFolder((path) => {
    run(path, Infinity);
    const { missing } = JSON.parse(Deno.readTextFileSync(`${path}/summary.json`));
    assertEquals(missing, undefined);
    alone = [...sizes(path)].reduce((sum, [name, size]) => /metrics|checkpoints/.test(name) ? sum : sum + size, 0);
  });
  // a summary that says what is missing is longer
  for (let capacity = alone + 200; capacity < 2 * alone + 2 * 350_000; capacity += 29_011) {
    inFolder((path) => {
      run(path, capacity);
      assertEquals(results.filter((name) => !sizes(path).has(name)), [], `with ${capacity} bytes`);
      assert(total(path) <= capacity);
    });
  }
});

Deno.test("a log that a loss of power has made shorter, or that was removed, says that lines are missing", () => {
  for (
    const [change, stay] of [
      [(log: string) => Deno.truncateSync(log, 250_005), 24],
      [(log: string) => Deno.removeSync(log), 0],
    ] as const
  ) {
    inFolder((path) => {
      const folder = openRunFolder(path, contents);
      for (const line of lines) folder.record(line, 1);
      folder.checkpoint(state, "between", 1);
      folder.abandon();
      change(`${path}/metrics.jsonl`);
      const newest = newestCheckpoint(path, (checkpoint) => checkpoint.state)!;
      const again = reopenRunFolder(path, { outputs: [], effective: {}, of, from: { ...newest, longer: false } });
      again.record(lines[0]!, 2);
      again.finish(result);
      assertEquals(logOf(path).map(({ step }) => step), [...Array(stay).keys(), null, 0]);
      assertEquals(logOf(path).map(({ kind }) => kind).indexOf("lost"), stay);
    });
  }
});
