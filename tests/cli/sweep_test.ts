// Are the runs of a sweep those that are made alone, is what is done never done again, and is its table that of its folders? What a disk is
// asked for is counted; nothing here looks at a clock.
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { standingOf } from "../../api/sweep_list.ts";
import { parseArguments } from "../../cli/arguments.ts";
import { ownLane } from "../../cli/sweep_lanes.ts";
import { sweepLine } from "../../cli/sweep_progress.ts";
import { sweepVerb } from "../../cli/sweep_verb.ts";
import { main } from "../../meta.ts";
import { systemDisk } from "../../runtime/record/disk.ts";
import { some, thorough } from "../thorough.ts";
import { timesCalled } from "../work.ts";
import { callUntil, capturedConsole } from "./captured_console.ts";
import type { KillPoint } from "./killed_run.ts";
import { exists, files, left, temporaryFolder } from "./left_folder.ts";
import { oddDisk, type Operation, systemErrors } from "./odd_disks.ts";

// records before each meta-step: however fast it goes, each is a call of its own
const text = `edition 1
precision f64
input rate : float = 0.1
task t { k ~ normal(0, 3)  split s { x : [5] ~ normal(k, 1) }  split q { x : [20] ~ normal(k, 1) } }
param w = 0
inner fit { minimize mean((w - s.x)^2)  over w by sgd(lr = rate)  for T = 2 steps }
outer train { minimize mean((w@T - q.x)^2)  across 2 t  over w@0 by sgd(lr = 0.1)  for 6 steps }
evaluate test { across 4 t  report mean((w@T - q.x)^2) }
output o = w@0 * 2
record train.loss every 1 steps
`;

const common = ["--backend", "reference", "--checkpoint", "2 steps"];
const settings = [0.1, 0.3];
const seeds = [0, 1, 2];
const names = settings.flatMap((rate) => seeds.map((seed) => `rate=${rate}_seed=${seed}`));

async function inFolder(task: (folder: string) => Promise<void>, program = text): Promise<void> {
  const folder = temporaryFolder();
  try {
    Deno.writeTextFileSync(`${folder}/p.meta`, program);
    await task(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const sweepArgs = (folder: string, ...more: string[]) => [
  ...["sweep", `${folder}/p.meta`, "--set", `rate=${settings}`, "--seed", "0..2", ...common],
  ...["--out", `${folder}/s`, ...more],
];

/** The folders of the same runs, each made alone, once for all tests. */
let alone: Promise<ReadonlyMap<string, ReturnType<typeof left>>> | undefined;
function runsAlone() {
  return alone ??= (async () => {
    const found = new Map<string, ReturnType<typeof left>>();
    await inFolder(async (folder) => {
      for (const rate of settings) {
        for (const seed of seeds) {
          const name = `rate=${rate}_seed=${seed}`;
          const own = ["--set", `rate=${rate}`, "--seed", `${seed}`, ...common, "--out", `${folder}/${name}`];
          assertEquals((await callUntil(["run", `${folder}/p.meta`, ...own])).code, 0);
          found.set(name, left(`${folder}/${name}`));
        }
      }
    });
    return found;
  })();
}

async function assertAsAlone(sweep: string): Promise<void> {
  for (const [name, whole] of await runsAlone()) assertEquals(left(`${sweep}/${name}`), whole, name);
}

Deno.test("sweep makes the runs that are made alone, compiles each setting once, and its table is that of the folders", async () => {
  await inFolder(async (folder) => {
    let swept = { code: -1, out: "", err: "" };
    const compiled = await timesCalled("compileProgram", async () => {
      swept = await callUntil(sweepArgs(folder, "--threads", "1"));
    });
    assertEquals(swept.code, 0, swept.err);
    assertEquals(compiled, settings.length);
    await assertAsAlone(`${folder}/s`);
    const list = JSON.parse(Deno.readTextFileSync(`${folder}/s/sweep.json`));
    assertEquals(list.runs.map(({ dir }: { dir: string }) => dir), names);
    assertEquals([list.formatVersion, list.program], [1, "p.meta"]);
    // a second program: the mean of the runs' means, and Student's t of three seeds, whose quantile is 4.302652729911275
    const rows = swept.out.slice(swept.out.indexOf("test: ")).trim().split("\n").slice(2);
    assertEquals(rows.length, settings.length);
    for (const [i, rate] of settings.entries()) {
      const means = seeds.map((seed) => {
        const { evaluations } = JSON.parse(Deno.readTextFileSync(`${folder}/s/rate=${rate}_seed=${seed}/summary.json`));
        const { values } = evaluations[0].reports[0].points.at(-1);
        return values.reduce((sum: number, x: number) => sum + x, 0) / values.length;
      });
      const mean = means.reduce((sum, x) => sum + x, 0) / 3;
      const spread = Math.sqrt(means.reduce((sum, x) => sum + (x - mean) ** 2, 0) / 2);
      const half = 4.302652729911275 * spread / Math.sqrt(3);
      const [, shown, low, high] = /rate = \S+ +(\S+) +(\S+) \.\. (\S+) +3 seeds/.exec(rows[i]!) ?? [];
      // five digits are printed
      for (const [number, expected] of [[shown, mean], [low, mean - half], [high, mean + half]] as const) {
        assertAlmostEquals(Number(number), expected, 5e-5 * Math.abs(expected), rows[i]);
      }
    }
    // compare says the same of the folder
    assertEquals((await callUntil(["compare", `${folder}/s`])).out, swept.out);
    // the command of each run makes it alone
    const [{ command }] = list.runs;
    const elsewhere = [...command.slice(0, -1), `${folder}/alone`];
    assertEquals((await callUntil(elsewhere)).code, 0);
    assertEquals(left(`${folder}/alone`), (await runsAlone()).get(names[0]!));
  });
});

/** A disk that counts the runs that are begun or gone on with, and the checkpoints that each writes. */
function countingDisk() {
  const begun: string[] = [];
  const checkpoints: string[] = [];
  const disk = oddDisk(({ kind, path }) => {
    const [, run, name] = /\/s\/([^/]+)\/(.*)$/.exec(path) ?? [];
    if (kind === "open" && name === "metrics.jsonl") begun.push(run!);
    if (kind === "open" && name?.startsWith("checkpoints/")) checkpoints.push(`${run} ${name.slice(12, 18)}`);
    return "done";
  });
  return { disk, begun, checkpoints };
}

Deno.test("a sweep that is killed in the middle and started again repeats nothing, and goes on from the checkpoint", async () => {
  const third = names[2]!;
  const deaths: Record<string, (operation: Operation) => boolean> = {
    "at the second checkpoint of the third run": ({ kind, path }) =>
      kind === "rename" && path.endsWith(`${third}/checkpoints/000002.safetensors`),
    "before the third run has begun": ({ kind, path }) => kind === "rename" && path.endsWith(`${third}/effective.json`),
    "in the third run's folder": ({ kind, path }) => kind === "open" && path.endsWith(`${third}/experiment.meta.tmp`),
  };
  for (const [place, isDeath] of some(Object.entries(deaths), 2)) {
    await inFolder(async (folder) => {
      let dead = false;
      const disk = oddDisk((operation) => {
        dead ||= isDeath(operation);
        return dead ? "nothing" : "done";
      });
      await main(sweepArgs(folder, "--threads", "1"), capturedConsole(), disk);
      assert(dead, place);
      assert(exists(`${folder}/s/${names[1]}/summary.json`) && !exists(`${folder}/s/${third}/summary.json`));
      const { disk: counting, begun, checkpoints } = countingDisk();
      const console = capturedConsole();
      assertEquals(await main(["sweep", `${folder}/s`, "--threads", "1"], console, counting), 0, console.written.err);
      assertEquals(begun, names.slice(2), place);
      const of = checkpoints.filter((name) => name.startsWith(`${third} `)).map((name) => Number(name.slice(-6)));
      // at 2, 4 and 6 meta-steps and the end; the first of them was there
      assertEquals(of[0], place.includes("second checkpoint") ? 2 : 1, place);
      await assertAsAlone(`${folder}/s`);
      assertEquals(files(`${folder}/s`).filter((name) => name.endsWith(".tmp")), []);
      // once more: nothing is left to do
      const again = countingDisk();
      assertEquals(await main(sweepArgs(folder), capturedConsole(), again.disk), 0);
      assertEquals(again.begun, []);
    });
  }
});

Deno.test("a signal ends a sweep in good order: the run at work is saved, none begins after it, and it goes on", async () => {
  await inFolder(async (folder) => {
    let stop = () => {};
    const disk = oddDisk(({ kind, path }) => {
      if (kind === "rename" && path.endsWith(`${names[1]}/checkpoints/000001.safetensors`)) stop();
      return "done";
    });
    const parsed = parseArguments(sweepArgs(folder, "--threads", "1"));
    if (parsed.kind !== "command") throw new Error(JSON.stringify(parsed));
    let ended = 0;
    const console = capturedConsole();
    const code = await sweepVerb(parsed.command, console, disk, (to) => {
      stop = to.stop;
      return () => ended++;
    });
    assertEquals([code, ended], [75, 1], console.written.err);
    const outcomes = names.map((name) => {
      const path = `${folder}/s/${name}/summary.json`;
      return exists(path) ? JSON.parse(Deno.readTextFileSync(path)).outcome : undefined;
    });
    assertEquals(outcomes, ["done", "stopped", ...names.slice(2).map(() => undefined)]);
    assertStringIncludes(console.written.out, "4 of 6 runs not ended");
    const { disk: counting, begun } = countingDisk();
    assertEquals(await main(["sweep", `${folder}/s`, "--threads", "1"], capturedConsole(), counting), 0);
    assertEquals(begun, names.slice(1));
    await assertAsAlone(`${folder}/s`);
  });
});

Deno.test("a lane that is told to stop while it compiles ends its run at the beginning; a run that has ended is left alone", async () => {
  await inFolder(async (folder) => {
    assertEquals((await callUntil(sweepArgs(folder, "--list"))).code, 0);
    const { runs, ...of } = JSON.parse(Deno.readTextFileSync(`${folder}/s/sweep.json`));
    const out = `${folder}/s`;
    const job = { words: runs[0].command, out, folder: `${out}/${runs[0].dir}`, of };
    const stopped = ownLane(systemDisk);
    stopped.stop();
    assertEquals((await stopped.run(job, () => {})).code, 75);
    const lane = ownLane(systemDisk);
    assertEquals((await lane.run(job, () => {})).code, 0);
    const { disk, begun } = countingDisk();
    assertEquals([(await ownLane(disk).run(job, () => {})).code, begun], [0, []]);
    // the program was edited meanwhile
    Deno.writeTextFileSync(`${folder}/p.meta`, `${text}\n`);
    const other = { ...job, words: runs[1].command, folder: `${out}/${runs[1].dir}` };
    const { code, lines } = await lane.run(other, () => {});
    assertEquals(code, 2);
    assertStringIncludes(String(lines[0]!.message), "began with another program");
    assert(!exists(other.folder));
  });
});

Deno.test({
  name: "a script that ends the thread of its run fails that run: nothing waits for it",
  ignore: !thorough,
  fn: async () => {
    await inFolder(async (folder) => {
      const script = `${folder}/tasks.ts`;
      Deno.writeTextFileSync(script, "export default { t: () => Deno.exit(5) };");
      const args = ["sweep", `${folder}/p.meta`, "--tasks", script, "--seed", "0,1", "--threads", "2"];
      const { code, err } = await callUntil([...args, "--out", `${folder}/s`]);
      assertEquals(code, 3);
      for (const seed of [0, 1]) {
        assertStringIncludes(err, `${folder}/s/seed=${seed}: not ended\n  error: The thread of`);
      }
    }, "edition 1\ntask t { split s { c : [] } }\nparam w = 0\nevaluate e { across 2 t  report w + s.c }\n");
  },
});

/** The exit code of a process that ends itself, or asks itself to stop. */
async function inProcess(point: KillPoint, args: readonly string[]): Promise<number> {
  const child = new URL("killed_run.ts", import.meta.url).pathname;
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", child, JSON.stringify(point), ...args],
    stdout: "null",
    stderr: "null",
  });
  return (await command.output()).code;
}

Deno.test({
  name: "SIGTERM ends a sweep with a worker in a run of 10^9 meta-steps: it is saved, exit code 75",
  ignore: Deno.build.os === "windows" || !thorough,
  fn: async () => {
    await inFolder(
      async (folder) => {
        const args = ["sweep", `${folder}/p.meta`, "--set", "n=1,1_000_000_000", "--threads", "2", "--json"];
        const stopAt = { kind: "ended", count: 1 };
        assertEquals(await inProcess({ stopAt }, [...args, "--out", `${folder}/s`]), 75);
        const [short, long] = [1, 1_000_000_000].map((n) => `${folder}/s/n=${n}_seed=0`) as [string, string];
        assertEquals([standingOf(short), standingOf(long)], ["done", "stopped"]);
      },
      "edition 1\ninput n = 1\nparam w = 4\nouter o { minimize (w - 1)^2  over w by sgd(lr = 0.1)  for M = n steps }\n",
    );
  },
});

Deno.test({
  name: "a process that is killed with workers at their runs: started again, it repeats nothing that was done",
  ignore: Deno.build.os === "windows" || !thorough,
  fn: async () => {
    await inFolder(async (folder) => {
      const code = await inProcess(
        { line: { kind: "ended", count: 2 } },
        sweepArgs(folder, "--threads", "2", "--json"),
      );
      assertEquals(code, 128 + 9);
      const done = names.filter((name) => exists(`${folder}/s/${name}/summary.json`));
      assert(done.length >= 2 && done.length < names.length, done.join());
      const { disk, begun } = countingDisk();
      assertEquals(await main(["sweep", `${folder}/s`, "--threads", "1"], capturedConsole(), disk), 0);
      assertEquals(begun, names.filter((name) => !done.includes(name)));
      await assertAsAlone(`${folder}/s`);
    });
  },
});

Deno.test("workers make the same runs side by side, each once", async () => {
  await inFolder(async (folder) => {
    const { code, out, err } = await callUntil(sweepArgs(folder, "--threads", "2", "--json"));
    assertEquals(code, 0, err);
    await assertAsAlone(`${folder}/s`);
    const lines = out.trim().split("\n").map((line) => JSON.parse(line));
    const ended = lines.filter(({ kind }) => kind === "ended");
    assertEquals(ended.map(({ dir, standing }) => `${dir} ${standing}`).sort(), names.map((name) => `${name} done`));
    assertEquals(lines.filter(({ kind }) => kind === "compared").length, 2 * settings.length);
  });
});

Deno.test("a run of a sweep that fails leaves the others to end: exit code 3, and the table says of how many it is", async () => {
  await inFolder(async (folder) => {
    const args = ["sweep", `${folder}/p.meta`, "--set", "c=0,1", "--seed", "0,1", "--out", `${folder}/s`];
    const { code, out, err } = await callUntil([...args, "--backend", "reference", "--threads", "1"]);
    assertEquals(code, 3, err);
    const failed = `${folder}/s/c=0_seed=1`;
    assertStringIncludes(err, `${failed}: failed`);
    assertStringIncludes(err, "p.meta:5:");
    assertStringIncludes(out, `${failed}: failed: `);
    const rows = out.split("\n").filter((line) => line.startsWith("  c = "));
    assertEquals(rows.map((row) => /\d+ seeds?(?=$| )/.exec(row)?.[0]), ["1 seed", "2 seeds"]);
    // it is not tried again by itself, and still said
    const { disk, begun } = countingDisk();
    assertEquals(await main(["sweep", `${folder}/s`], capturedConsole(), disk), 3);
    assertEquals(begun, []);
  }, failing);
});

// with c = 0 the second seed's loss is the logarithm of a number below 0
const failing = `edition 1
precision f64
input c = 0.0
param w ~ uniform(-1, 1)
outer train { minimize log(w + 2 * c)^2  over w by sgd(lr = 0.001)  for 3 steps }
`;

Deno.test("a disk without room for one run, and a folder that another process has, leave the others to end", async () => {
  await inFolder(async (folder) => {
    const full = oddDisk(({ kind, path }) =>
      kind === "open" && path.endsWith(`${names[1]}/experiment.meta.tmp`) ? systemErrors.ENOSPC!() : "done"
    );
    const console = capturedConsole();
    assertEquals(await main(sweepArgs(folder, "--threads", "1"), console, full), 3);
    assertStringIncludes(console.written.err, `${folder}/s/${names[1]}: not begun\n  error: Cannot write`);
    assertStringIncludes(console.written.err, "the disk is full");
    assertStringIncludes(console.written.out, "1 of 6 runs not ended");
    Deno.mkdirSync(`${folder}/s/${names[1]}`);
    const held = Deno.openSync(`${folder}/s/${names[1]}/metrics.jsonl`, { createNew: true, append: true });
    held.lockSync(true);
    const beside = await callUntil(["sweep", `${folder}/s`, "--threads", "1"]);
    held.close();
    assertEquals(beside.code, 75);
    assertStringIncludes(beside.err, `${names[1]}: another process makes it`);
    assertEquals((await callUntil(["sweep", `${folder}/s`, "--threads", "1"])).code, 0);
    await assertAsAlone(`${folder}/s`);
  });
});

Deno.test("a run of a sweep that misses what it expects is named: exit code 4", async () => {
  const program = `edition 1
precision f64
input a = 1.0
param w = 1
inner fit { minimize a * w^2  over w by sgd(lr = 0.1)  for T = 1 steps }
gradient (w@T)^2 wrt w@0
expect { value = 0.64 within 1e-12 }
`;
  await inFolder(async (folder) => {
    const args = ["sweep", `${folder}/p.meta`, "--set", "a=1,2", "--out", `${folder}/s`, "--backend", "reference"];
    const { code, out, err } = await callUntil([...args, "--threads", "1"]);
    assertEquals(code, 4, err);
    assertStringIncludes(out, `${folder}/s/a=2_seed=0: 1 of 1 expectation missed\n`);
    assertStringIncludes(out, "gradient of (w@T)^2");
  }, program);
});

Deno.test("a sweep gets more seeds and values, and refuses what would make it another one", async () => {
  await inFolder(async (folder) => {
    const sweep = (...words: string[]) =>
      callUntil(["sweep", `${folder}/p.meta`, ...common, "--threads", "1", "--out", `${folder}/s`, ...words]);
    assertEquals((await sweep("--set", "rate=0.1", "--seed", "0,1")).code, 0);
    const { disk, begun } = countingDisk();
    const larger = sweepArgs(folder, "--threads", "1");
    assertEquals(await main(larger, capturedConsole(), disk), 0);
    assertEquals(begun, names.slice(2));
    await assertAsAlone(`${folder}/s`);
    const refusals: readonly (readonly [readonly string[], string])[] = [
      [["--seed", "0"], "holds a sweep that sets `rate`, and this one sets no input"],
      [["--set", "rate=0.1", "--memory", "2GB"], "holds a sweep with `--backend reference --checkpoint 2 steps`"],
      [["--set", "rote=0.1"], "that sets `rate`, and this one sets `rote`"],
    ];
    for (const [words, message] of refusals) {
      const { code, err } = await sweep(...words);
      assertEquals(code, 2, words.join(" "));
      assertStringIncludes(err, message);
    }
    const beside = await callUntil(["sweep", `${folder}/s`, "--seed", "5"]);
    assertEquals(beside.code, 2);
    assertStringIncludes(beside.err, "name its program again");
    Deno.writeTextFileSync(`${folder}/p.meta`, text.replace("6 steps", "7 steps"));
    const single = ["sweep", `${folder}/p.meta`, "--set", "rate=0.1", ...common, "--out", `${folder}/s`];
    for (const args of [larger, single]) {
      const other = await callUntil(args);
      assertEquals(other.code, 2, other.out);
      assertStringIncludes(
        other.err,
        "began with another program, and goes on with the same only: the text of `p.meta`",
      );
    }
    // of a sweep that is done its folder still says all
    assertEquals((await callUntil(["sweep", `${folder}/s`])).code, 0);
    Deno.mkdirSync(`${folder}/full`);
    Deno.writeTextFileSync(`${folder}/full/a`, "");
    const full = await callUntil(["sweep", `${folder}/p.meta`, "--out", `${folder}/full`]);
    assertEquals([full.code, full.out], [2, ""]);
    assertStringIncludes(full.err, "is not empty and holds no sweep");
    const nowhere = await callUntil(["run", `${folder}/p.meta`, "--seed", "0..1"]);
    assertEquals(nowhere.code, 2);
    assertStringIncludes(nowhere.err, "say where by `--out DIR`");
  });
});

Deno.test("what is wrong with one setting is said before any run, and nothing is left", async () => {
  await inFolder(async (folder) => {
    const sweep = (set: string) => callUntil(["sweep", `${folder}/p.meta`, "--set", set, "--out", `${folder}/s`]);
    for (const [set, label] of [["rate=0.1,fast", "with rate = fast:"], ["rote=1,2", "with rote = 1:"]] as const) {
      const { code, err } = await sweep(set);
      assertEquals(code, 1);
      assertStringIncludes(err, label);
      assert(!exists(`${folder}/s`));
    }
    assertStringIncludes((await sweep("rote=1,2")).err, "There is no input `rote` to set");
    const args = ["sweep", `${folder}/p.meta`, "--set", "rate=0.1,fast", "--out", `${folder}/s`, "--json"];
    assertEquals(JSON.parse((await callUntil(args)).out).set, { rate: "fast" });
  });
});

Deno.test("a scheduler takes single runs of the list, and run --seed 0..1 is a sweep of seeds", async () => {
  await inFolder(async (folder) => {
    const listed = await callUntil(sweepArgs(folder, "--list"));
    assertEquals([listed.code, listed.out], [
      0,
      names.map((name, i) => `${i}  ${name}  not begun\n`).join(""),
    ]);
    assertEquals(files(`${folder}/s`), ["sweep.json"]);
    for (const verb of ["run", "resume"]) {
      const { code, err } = await callUntil([verb, `${folder}/s`]);
      assertEquals(code, 2);
      assertStringIncludes(err, `is the folder of a sweep: \`sweep ${folder}/s\` goes on with it`);
    }
    const { code, out } = await callUntil(["sweep", `${folder}/s`, "--only", "4", "--threads", "1"]);
    assertEquals([code, out], [0, ""]);
    assertEquals(left(`${folder}/s/${names[4]}`), (await runsAlone()).get(names[4]!));
    const lines = (await callUntil(["sweep", `${folder}/s`, "--list", "--json"])).out.trim().split("\n");
    assertEquals(lines.map((line) => JSON.parse(line).standing).indexOf("done"), 4);
    assertStringIncludes((await callUntil(["sweep", `${folder}/s`, "--only", "6"])).err, "has those from 0 to 5");
    const seeded = ["run", `${folder}/p.meta`, "--seed", "0..1", "--out", `${folder}/r`, ...common, "--threads", "1"];
    const run = await callUntil(seeded);
    assertEquals(run.code, 0, run.err);
    assertStringIncludes(run.out, "p.meta  ");
    const two = (await runsAlone()).get(names[1]!)!;
    assertEquals(left(`${folder}/r/seed=1`).arrays, two.arrays);
  });
});

Deno.test("a single run of a sweep that ended before is said to have failed, or to have missed something", async () => {
  const program = `edition 1
precision f64
input start = 1.0
param w = start
gradient log(w) wrt w
expect { value = 0 within 1e-9 }
`;
  await inFolder(async (folder) => {
    const s = `${folder}/s`;
    const sweep = ["sweep", `${folder}/p.meta`, "--set", "start=1,2,-1", ...common.slice(0, 2), "--out", s];
    assertEquals((await callUntil([...sweep, "--threads", "1"])).code, 3);
    const { failure } = JSON.parse(Deno.readTextFileSync(`${s}/start=-1_seed=0/summary.json`));
    for (
      const [place, code, said, kind] of [
        [0, 0, [], undefined],
        [1, 4, [`${s}/start=2_seed=0: 1 of 1 expectation missed`], "missed"],
        [2, 3, [`${s}/start=-1_seed=0: failed: ${failure}`], "notWhole"],
      ] as const
    ) {
      const again = await callUntil(["sweep", s, "--only", `${place}`]);
      assertEquals([again.code, again.out], [code, ""]);
      assertEquals(again.err.split("\n").filter((line) => line.startsWith(s)), [...said]);
      const lines = (await callUntil(["sweep", s, "--only", `${place}`, "--json"])).out.trim().split("\n");
      assertEquals(lines.filter((line) => line !== "").map((line) => JSON.parse(line).kind), kind ? [kind] : []);
    }
  }, program);
});

Deno.test("the line of a sweep drops what it can in a narrow terminal, never the time left", () => {
  const state = { of: 15, done: 7, failed: 1, shares: [0.5, 0.25], left: 5, made: 3.75, seconds: 75 };
  assertEquals(sweepLine(state), " 7/15 runs done  1 failed  2 running  2 min 5 s left");
  for (const cells of [60, 40, 30, 20]) {
    const line = sweepLine(state, cells);
    assert(line.length <= cells && line.endsWith("2 min 5 s left"), line);
  }
});
