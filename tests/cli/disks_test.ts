// What becomes of a run where the disk fails? Each operation of a run on its disk fails once, or all from there on, or nothing is done any
// more from there on, as where the process is killed: what is said, what is kept, and with what `resume` ends.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../meta.ts";
import { checkpointsIn, newestCheckpoint } from "../../runtime/record/checkpoints.ts";
import { type Disk, systemDisk } from "../../runtime/record/disk.ts";
import { parseMetrics } from "../../runtime/record/metrics.ts";
import { some, thorough } from "../thorough.ts";
import { capturedConsole } from "./captured_console.ts";
import { exists, files, left, temporaryFolder } from "./left_folder.ts";
import { type Fate, oddDisk, type Operation, smallDisk, systemErrors } from "./odd_disks.ts";

// records before each meta-step: however fast it goes, each is a call of its own
const steps = 9;
const program = `edition 1
import double from "parts/double.meta"
param c = 0.5
param d = 0
inner adapt { minimize (d - c)^2  over d by sgd(lr = 0.1)  for S = 2 steps }
outer train {
  minimize (d@S - 1)^2 + double(c)^2  over adapt.lr, c by adam(lr = 0.01)  for ${steps} steps  keep best of check
}
evaluate check { report c^2  best lowest  every 3 steps of train }
gradient c^2 wrt c after train
output o = c * c
record c, train.loss every 1 steps
`;

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  try {
    Deno.writeTextFileSync(`${folder}/program.meta`, program);
    Deno.mkdirSync(`${folder}/parts`);
    Deno.writeTextFileSync(`${folder}/parts/double.meta`, "edition 1\nfn double(x) = 2 * x\n");
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function call(args: readonly string[], disk: Disk) {
  const console = capturedConsole();
  const code = await main([...args, "--checkpoint", "2 steps"], console, disk);
  return { code, ...console.written };
}

const run = (folder: string, to: string, disk: Disk) =>
  call([`${folder}/program.meta`, "--backend", "reference", "--out", `${folder}/${to}`], disk);

/** A whole run: its operations, and what it leaves. */
interface Whole {
  readonly operations: readonly Operation[];
  readonly wanted: ReturnType<typeof left>;
}
let known: Whole | undefined;

async function wholeRun(): Promise<Whole> {
  await inFolder(async (folder) => {
    const operations = await operationsOf(folder);
    known ??= { operations, wanted: left(`${folder}/whole`) };
  });
  return known!;
}

async function operationsOf(folder: string): Promise<Operation[]> {
  const operations: Operation[] = [];
  const disk = oddDisk((operation) => {
    operations.push(operation);
    return "done";
  });
  const { code, err } = await run(folder, "whole", disk);
  assertEquals(code, 0, err);
  return operations;
}

const nameOf = ({ path }: Operation) => path.replace(/\/$/, "").split("/").at(-1)!.replace(/\.tmp$/, "");

/** Where a run stands that is resumed: the meta-step before which it goes on; undefined without a checkpoint. */
function standsAt(path: string): number | undefined {
  const newest = newestCheckpoint(path, ({ state }) => state);
  if (!newest) return undefined;
  const { outer, outers } = newest.state;
  return outer?.done ?? outers[0]?.done ?? 0;
}

/** Resumes a run: it goes on where its newest checkpoint stands, comes to the end that it would have had, and leaves no half file.
 *  `gaps`: where lines of the log are missing it says so. */
async function resumed(path: string, wanted: ReturnType<typeof left>, about: string, gaps = false): Promise<void> {
  const stood = standsAt(path);
  const { code, err } = await call(["resume", path], systemDisk);
  assertEquals(code, 0, `${about}: ${err}`);
  const done = err.includes("nothing left to do");
  const [, step] = /goes on before meta-step (\d+)/.exec(err) ?? [];
  if (stood === undefined) assert(done || err.includes("from its beginning"), about);
  else {
    assert(stood > 0, about);
    // after the last meta-step no loop is at work any more
    assert(
      done || Number(step) === stood || step === undefined && stood === steps && err.includes("goes on after"),
      err,
    );
  }
  const now = left(path);
  const lost = now.log.filter(({ kind }) => kind === "lost");
  if (lost.length === 0) assertEquals(now, wanted, about);
  else {
    // they gave way to a checkpoint: the others are there, and it is said how many are not
    assert(gaps, about);
    const text = (line: unknown) => JSON.stringify(line);
    const there = now.log.filter(({ kind }) => kind !== "lost").map(text);
    const missing = lost.reduce((sum, { value }) => sum + Number(value), 0);
    const kept = new Set(there);
    assertEquals(wanted.log.map(text).filter((line) => kept.has(line)), there, about);
    assertEquals(there.length + missing, wanted.log.length, about);
    assertEquals({ ...now, log: [] }, { ...wanted, log: [] }, about);
  }
  assertEquals(files(path).filter((f) => f.endsWith(".tmp")), [], about);
  const usual = checkpointsIn(path).filter((name) => !name.includes("-end-"));
  assert(usual.length <= 3 && checkpointsIn(path).length <= usual.length + 1, about);
}

Deno.test("a run whose disk fails once says so, misses nothing that it does not name, and resume ends as it would have", async () => {
  await inFolder(async (folder) => {
    const { operations, wanted } = known ?? await wholeRun();
    assert(operations.length > 100);
    const numbers = operations.map(({ number }) => number);
    for (const [name, error] of Object.entries(systemErrors)) {
      for (const number of some(numbers, 4)) await failsOnce({ folder, wanted, number, name, error });
    }
  });
});

interface Failing {
  readonly folder: string;
  readonly wanted: ReturnType<typeof left>;
  readonly number: number;
  readonly name: string;
  readonly error: () => Error;
}

async function failsOnce({ folder, wanted, number, name, error }: Failing): Promise<void> {
  const path = `${folder}/run`;
  let failed = undefined as Operation | undefined;
  const disk = oddDisk((operation) => {
    if (operation.number < number || failed && operation.number > number + 1) return "done";
    // a full disk takes the first part of a write
    const short = operation.number === number && operation.kind === "write" && name === "ENOSPC";
    if (short || operation.number === number + 1 && failed?.kind !== "write") return short ? "half" : "done";
    failed = operation;
    return error();
  });
  const { code, err } = await run(folder, "run", disk);
  // the log is written every quarter of a second: a run that was faster has fewer operations
  if (!failed) return void Deno.removeSync(path, { recursive: true });
  const about = `${name} at ${number}, ${failed.kind} ${failed.path}: ${code} ${err}`;
  // what is of no consequence is not said
  const quiet = failed.kind === "remove" || failed.kind === "lock" ||
    failed.kind === "close" && failed.path.endsWith(".jsonl");
  const summary = exists(`${path}/summary.json`) ? JSON.parse(Deno.readTextFileSync(`${path}/summary.json`)) : {};
  const whole = summary.outcome === "done" && !summary.missing;
  // where nothing is missing at the end, something gave way or it was tried again; of checkpoints that is said at once
  const unsaid = quiet || whole && !(failed.path.includes("/checkpoints") && name !== "ENOSPC");
  if (!unsaid) assertStringIncludes(err, nameOf(failed), about);
  assertEquals(exists(path) ? files(path).filter((f) => f.endsWith(".tmp")) : [], [], about);
  if (!exists(`${path}/effective.json`)) {
    assert(!exists(path), about);
    return assertEquals(code, name === "EACCES" ? 2 : 3, about);
  }
  assertEquals(code, whole ? 0 : 3, about);
  if (whole) assertEquals(left(path), wanted, about);
  await resumed(path, wanted, about);
  Deno.removeSync(path, { recursive: true });
}

Deno.test("a run whose disk is full from some moment on goes on to its end, and resume ends as it would have", async () => {
  await inFolder(async (folder) => {
    const { operations, wanted } = known ?? await wholeRun();
    for (const { number } of some(operations, 5)) {
      const path = `${folder}/run`;
      const needsRoom = ({ kind, path }: Operation) =>
        kind === "write" || kind === "makeFolder" || kind === "open" && path.endsWith(".tmp");
      const { code, err, out } = await run(
        folder,
        "run",
        oddDisk((operation) => operation.number >= number && needsRoom(operation) ? systemErrors.ENOSPC!() : "done"),
      );
      const about = `full from ${number}: ${err}`;
      if (!exists(path)) assertEquals([code, out], [3, ""], about);
      else {
        const whole = exists(`${path}/summary.json`) && code === 0;
        assertEquals(code, whole ? 0 : 3, about);
        assertStringIncludes(out, `train: ${steps} meta-steps`, about);
        if (!whole) assertStringIncludes(err, `When that is mended, \`resume ${path}\` writes what is missing`);
        await resumed(path, wanted, about);
        Deno.removeSync(path, { recursive: true });
      }
    }
  });
});

Deno.test("what was learned has room before the log, and the newest checkpoint before older ones, on disks of every size", async () => {
  await inFolder(async (folder) => {
    await operationsOf(folder);
    const wanted = left(`${folder}/whole`);
    const size = (name: string) => Deno.statSync(`${folder}/whole/${name}`).size;
    const begin = size("experiment.meta") + size("parts/double.meta") + size("effective.json");
    const learned = size("parameters.safetensors") + size("trajectories.safetensors") + size("outputs/o.npy") +
      size("summary.json");
    const most = files(`${folder}/whole`).reduce((sum, name) => sum + size(name), 0);
    const missed = new Set<string>();
    for (const part of thorough ? Array.from({ length: 41 }, (_, i) => i / 40) : [0.3, 0.45, 0.5, 0.525, 0.6]) {
      const path = `${folder}/run`;
      const capacity = Math.ceil(begin + part * (most - begin));
      const { code, err } = await run(folder, "run", smallDisk(capacity));
      const about = `${capacity} bytes: ${code} ${err}`;
      const there = files(path);
      // the newest checkpoint, and the log up to it
      const newest = newestCheckpoint(path, ({ state }) => state);
      const held = newest ? Deno.statSync(`${path}/checkpoints/${newest.name}`).size + newest.logged : 0;
      if (capacity > begin + learned + held + 200) {
        for (const name of ["parameters.safetensors", "trajectories.safetensors", "outputs/o.npy", "summary.json"]) {
          assert(there.includes(name), `${name}, ${about}`);
        }
      }
      assertEquals(code, exists(`${path}/summary.json`) && !/missing/.test(err) ? 0 : 3, about);
      if (code === 3) missed.add(there.includes("summary.json") ? "log" : "more");
      await resumed(path, wanted, about, true);
      Deno.removeSync(path, { recursive: true });
    }
    assert(missed.has("log"), "the log alone gave way");
  });
});

/** Where a run is killed: before an operation is done, or in the middle of it. */
const killPoints: Readonly<Record<string, (operation: Operation, seen: number) => boolean>> = {
  "in the first file of all": ({ kind, path }) => kind === "write" && path.endsWith("double.meta.tmp"),
  "in the temporary file of a checkpoint": ({ kind, path }, seen) =>
    kind === "write" && seen === 2 && /000002/.test(path),
  "after the temporary file of a checkpoint": ({ kind, path }) => kind === "rename" && /000002/.test(path),
  "between a checkpoint's rename and the sync of the folder": ({ kind, path }, seen) =>
    kind === "syncFolder" && path.endsWith("checkpoints/") && seen === 2,
  "in the log": ({ kind, path }, seen) => kind === "write" && path.endsWith("metrics.jsonl") && seen === 2,
  "in the log's sync, between two checkpoints": ({ kind, path }, seen) =>
    kind === "sync" && path.endsWith("metrics.jsonl") && seen === 3,
  "while an old checkpoint is removed": ({ kind, path }) => kind === "remove" && path.includes("checkpoints/"),
  "after the folder of checkpoints is made": ({ kind, path }) => kind === "open" && /000001/.test(path),
  "in the learned values": ({ kind, path }) => kind === "write" && path.endsWith("parameters.safetensors.tmp"),
  "between the learned values and what was recorded": ({ kind, path }) =>
    kind === "open" && path.endsWith("trajectories.safetensors.tmp"),
  "before the summary": ({ kind, path }) => kind === "open" && path.endsWith("summary.json.tmp"),
  "after the summary": ({ kind, path }) => kind === "rename" && path.endsWith("summary.json"),
};

/** A disk on which nothing is done any more from some operation on, which is half done. */
function frozenAt(at: (operation: Operation) => boolean) {
  let frozen: Operation | undefined;
  const disk = oddDisk((operation): Fate => {
    if (frozen) return "nothing";
    if (!at(operation)) return "done";
    frozen = operation;
    return operation.kind === "write" ? "half" : "nothing";
  });
  return { disk, frozen: () => frozen };
}

/** So often were there operations of this kind in this file. */
function counting(point: (operation: Operation, seen: number) => boolean) {
  const seen = new Map<string, number>();
  return (operation: Operation) => {
    const key = `${operation.kind} ${operation.path}`;
    seen.set(key, (seen.get(key) ?? 0) + 1);
    return point(operation, seen.get(key)!);
  };
}

for (const [place, point] of Object.entries(killPoints)) {
  Deno.test(`a run that stops dead ${place} is resumed to the end that it would have had`, async () => {
    await inFolder(async (folder) => {
      const { wanted } = known ?? await wholeRun();
      const { disk, frozen } = frozenAt(counting(point));
      await run(folder, "run", disk);
      assert(frozen(), "it came there");
      const path = `${folder}/run`;
      if (exists(`${path}/effective.json`)) return await resumed(path, wanted, place);
      const { code, err } = await call(["resume", path], systemDisk);
      assertEquals(code, 2);
      assertStringIncludes(err, "is no run folder");
    });
  });
}

Deno.test("a run that stops dead at any operation is resumed to the end that it would have had, and so is one that is resumed", async () => {
  await inFolder(async (folder) => {
    const { operations, wanted } = known ?? await wholeRun();
    const path = `${folder}/run`;
    for (const { number } of some(operations, 6)) {
      const { disk, frozen } = frozenAt((operation) => operation.number === number);
      await run(folder, "run", disk);
      const about = `stopped dead at ${number}, ${JSON.stringify(frozen())}`;
      if (exists(`${path}/effective.json`)) {
        // and once more, while it is resumed
        const again = frozenAt((operation) => operation.number === 1 + number % 40);
        await call(["resume", path], again.disk);
        await resumed(path, wanted, `${about} and ${JSON.stringify(again.frozen())}`);
      }
      if (exists(path)) Deno.removeSync(path, { recursive: true });
    }
  });
});

/** What happens to the folder of a run while it is being written, and the files that are there then. */
const takenAway: Readonly<Record<string, (run: string) => void>> = {
  "is removed": (run) => Deno.removeSync(run, { recursive: true }),
  "gets another name": (run) => Deno.renameSync(run, `${run}-moved`),
  "becomes another run's": (run) => {
    Deno.removeSync(run, { recursive: true });
    Deno.mkdirSync(run);
    Deno.writeTextFileSync(`${run}/metrics.jsonl`, "");
  },
  "loses its log": (run) => Deno.removeSync(`${run}/metrics.jsonl`),
  "gets another log": (run) => {
    Deno.copyFileSync(`${run}/metrics.jsonl`, `${run}/copy`);
    Deno.renameSync(`${run}/copy`, `${run}/metrics.jsonl`);
  },
};

for (const [what, take] of Object.entries(takenAway)) {
  Deno.test(`a run whose folder ${what} is stopped, says so, and writes nothing more`, async () => {
    await inFolder(async (folder) => {
      const path = `${folder}/run`;
      const console = capturedConsole();
      let there: string[] | undefined;
      const out = (text: string) => {
        console.out(text);
        if (there || parseMetrics(console.written.out).filter(({ kind }) => kind === "recorded").length < 10) return;
        take(path);
        there = exists(path) ? files(path) : [];
      };
      Deno.writeTextFileSync(`${folder}/long.meta`, program.replace(`${steps} steps`, "1_000_000 steps"));
      const args = [
        `${folder}/long.meta`,
        "--json",
        "--backend",
        "reference",
        "--out",
        path,
        "--checkpoint",
        "2 steps",
      ];
      assertEquals(await main(args, { ...console, out }), 3);
      const lines = parseMetrics(console.written.out);
      assertStringIncludes(`${lines.at(-1)!.message}`, `\`${path}/metrics.jsonl\` was removed or replaced while`);
      assertEquals(lines.find(({ kind }) => kind === "finished")!.outcome, "stopped");
      assertEquals(exists(path) ? files(path) : [], there);
    });
  });
}
