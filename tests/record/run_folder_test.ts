import { gatherRecorded } from "../../runtime/loop/records.ts";
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { npyEntries, readNpyHeader } from "../../dsl/data/npy.ts";
import { referenceBackend } from "../../runtime/backend/reference/index.ts";
import { runProgram } from "../../runtime/loop/run.ts";
import type { ExperimentProgram } from "../../runtime/program/program.ts";
import { FileAccessError, fileAccessError, writeFileSafely } from "../../runtime/record/files.ts";
import { jsonNumber, metricLines, parseMetrics } from "../../runtime/record/metrics.ts";
import { type Disk, systemDisk } from "../../runtime/record/disk.ts";
import { storedRecords } from "../../runtime/record/run_end.ts";
import { openRunFolder } from "../../runtime/record/run_folder.ts";
import { summarizeRun } from "../../runtime/record/summary.ts";
import { decodeSafetensors } from "../../runtime/program/safetensors.ts";
import {
  evaluationProgram,
  gradientProgram,
  origin,
  outerProgram,
  quadraticProgram,
  settings,
  simulationProgram,
  trajectory,
  trajectoryFunction,
  wAt,
} from "../loop/quadratic_program.ts";

function inFolder(body: (folder: string) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const folder = Deno.makeTempDirSync();
    try {
      await body(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

const contents = {
  root: "edition 1\r\n",
  imports: new Map<string, string>(),
  outputs: ["ends", "Ends"],
  effective: { seed: 3 },
  of: {
    program: "sum",
    imports: {},
    inputs: {},
    data: {},
    seed: 0,
    precision: "f64",
    backend: "reference",
    memory: null,
    version: "0.1.0",
  },
};

const everything: ExperimentProgram = quadraticProgram(settings, {
  outers: [outerProgram(settings, {
    records: [
      { label: "train.loss", what: { kind: "loss" }, every: 2 },
      { label: "fit.lr", what: { kind: "leaf", name: "fit.lr" }, every: 4 },
    ],
    trajectories: { fn: trajectoryFunction(settings), quantities: [trajectory(settings)], every: 4 },
  })],
  gradients: [gradientProgram(settings)],
  evaluations: [evaluationProgram(settings)],
  outputs: ["ends", "Ends"].map((name) => ({
    name,
    label: "net.w@T",
    origin,
    dims: [],
    fn: trajectoryFunction(settings),
  })),
  simulations: [simulationProgram(settings)],
});

async function runInto(path: string, program: ExperimentProgram = everything) {
  const folder = openRunFolder(path, contents);
  let seconds = 0;
  const result = await runProgram(program, referenceBackend, { seed: 3, report: (e) => folder.record(e, ++seconds) });
  folder.finish(result);
  return result;
}

Deno.test(
  "a run folder holds the program, the metrics, the arrays and the summary",
  inFolder(async (root) => {
    const path = `${root}/runs/first`; // the parent is made too
    const result = await runInto(path);
    assertEquals([...Deno.readDirSync(path)].map((f) => f.name).sort(), [
      "effective.json",
      "experiment.meta",
      "metrics.jsonl",
      "outputs",
      "parameters.safetensors",
      "summary.json",
      "trajectories.safetensors",
    ]);
    assertEquals(Deno.readTextFileSync(`${path}/experiment.meta`), "edition 1\r\n");
    assertEquals(JSON.parse(Deno.readTextFileSync(`${path}/effective.json`)), {
      formatVersion: 1,
      seed: 3,
      imports: [],
    });

    const parameters = decodeSafetensors(Deno.readFileSync(`${path}/parameters.safetensors`));
    assertEquals(parameters.tensors.get("net.w"), result.leaves.get("net.w"));
    assertEquals(parameters.metadata.get("meta_steps train"), "8");

    const { tensors, metadata } = decodeSafetensors(Deno.readFileSync(`${path}/trajectories.safetensors`));
    assertEquals(tensors.get("train.loss")!.shape, [5]);
    assertEquals([...tensors.get("train.loss/steps")!.data], [0, 2, 4, 6, 7]);
    // three items recorded net.w@*: each has its own name
    assertEquals(tensors.get("train/net.w@*")!.shape, [3, settings.T + 1]);
    assertEquals([...tensors.get("train/net.w@*/steps")!.data], [0, 4, 8]);
    assertEquals(tensors.get("gradient 0/net.w@*")!.shape, [settings.T + 1]);
    assertEquals(tensors.get("fit/net.w@*")!.shape, [settings.T + 1]);
    assertAlmostEquals(tensors.get("gradient 0/net.w@*")!.data[2]!, wAt(2, settings.w0, settings), 1e-12);
    assertEquals(metadata.get("train/net.w@*"), "axes: records, time, its own; by train");

    assertEquals([...Deno.readDirSync(`${path}/outputs`)].map((f) => f.name).sort(), ["Ends-2.npy", "ends.npy"]);
    const bytes = Deno.readFileSync(`${path}/outputs/ends.npy`);
    const { at: entry } = npyEntries(readNpyHeader(bytes, bytes.length), bytes);
    const ends = result.outputs[0]!.value;
    assertEquals(ends.shape, [settings.T + 1]);
    ends.data.forEach((x, i) => assertEquals(entry(i), x));

    const summary = JSON.parse(Deno.readTextFileSync(`${path}/summary.json`));
    assertEquals(
      summary.outputs.map((o: { name: string; file: string; shape: number[] }) => [o.name, o.file, o.shape]),
      [["ends", "outputs/ends.npy", [settings.T + 1]], ["Ends", "outputs/Ends-2.npy", [settings.T + 1]]],
    );
    assertEquals([summary.outcome, summary.seed, summary.outers[0].done], ["done", 3, 8]);
    assertEquals(summary.outers[0].lastLoss, result.outers[0]!.losses.at(-1));
    const { losses, gradientNorms } = result.outers[0]!;
    const all = { metaSteps: [0, 1, 2, 3, 4, 5, 6, 7], losses: [...losses], gradientNorms: [...gradientNorms] };
    assertEquals(summary.outers[0].curve, all);
    assertEquals(summary.evaluations[0].reports[0].points.length, settings.T + 1);
  }),
);

Deno.test(
  "metrics.jsonl has kind, step, name, value and seconds on every line of a number",
  inFolder(async (root) => {
    await runInto(`${root}/run`);
    const lines = parseMetrics(Deno.readTextFileSync(`${root}/run/metrics.jsonl`));
    assertEquals(lines[0]!.kind, "started");
    assertEquals(lines.at(-1)!.kind, "finished");
    const counts = new Map<unknown, number>();
    for (const line of lines.slice(1, -1)) {
      counts.set(line.kind, (counts.get(line.kind) ?? 0) + 1);
      for (const key of ["kind", "step", "name", "value", "seconds"]) assert(key in line, `${line.kind}: ${key}`);
    }
    // gradient: value and two wrt; recorded: 5 losses, 3 rates, 3 + 1 + 1 trajectories
    assertEquals(Object.fromEntries(counts), { gradient: 3, recorded: 13, evaluation: 4, output: 2, simulation: 1 });
  }),
);

Deno.test(
  "openRunFolder() refuses a folder with something in it and changes nothing there",
  inFolder(async (root) => {
    Deno.mkdirSync(`${root}/empty`);
    await runInto(`${root}/empty`);
    const before = Deno.readTextFileSync(`${root}/empty/metrics.jsonl`);
    assertThrows(() => openRunFolder(`${root}/empty`, contents), FileAccessError, "is not empty");
    assertEquals(Deno.readTextFileSync(`${root}/empty/metrics.jsonl`), before);
    Deno.writeTextFileSync(`${root}/file`, "mine");
    assertThrows(() => openRunFolder(`${root}/file`, contents), FileAccessError, `\`${root}/file\``);
    assertThrows(() => openRunFolder(`${root}/file/below`, contents), FileAccessError, "not a folder");
    assertEquals(Deno.readTextFileSync(`${root}/file`), "mine");
  }),
);

Deno.test(
  "openRunFolder() keeps imports under their own paths",
  inFolder((root) => {
    const imports = new Map([["layers.meta", "// a"], ["zoo/net.meta", "// b"], ["zoo/experiment.meta", "// c"]]);
    openRunFolder(`${root}/run`, { ...contents, imports }).abandon();
    const read = (name: string) => Deno.readTextFileSync(`${root}/run/${name}`);
    for (const [name, text] of imports) assertEquals(read(name), text);
    assertEquals(read("experiment.meta"), contents.root);
    const stored = JSON.parse(read("effective.json")).imports;
    assertEquals(stored, [...imports.keys()].map((name) => ({ name, stored: name })));
  }),
);

Deno.test(
  "openRunFolder() refuses imports whose names it needs, before it makes anything",
  inFolder((root) => {
    const wrongs: readonly (readonly [string, string])[] = [
      ["experiment.meta", "is always there"],
      ["Experiment.meta", "is always there"],
      ["summary.json", "is always there"],
      ["summary.json/net.meta", "is always there"],
      ["metrics.jsonl", "is always there"],
      ["summary.json.tmp", "half written"],
      ["layers.meta.tmp", "half written"],
      ["zoo.TMP/net.meta", "half written"],
      ["Layers.meta", "the place of `layers.meta`"],
      ["layers.meta/net.meta", "the place of `layers.meta`"],
      ["outputs/net.meta", "the name of a file that is always there"],
      ["Outputs/net.meta", "the name of a file that is always there"],
      ["checkpoints/net.meta", "the name of a file that is always there"],
      ["CheckPoints/zoo/net.meta", "the name of a file that is always there"],
      ["checkpoints", "the name of a file that is always there"],
      ["metrics.jsonl/net.meta", "the name of a file that is always there"],
    ];
    for (const [name, why] of wrongs) {
      const imports = new Map([["layers.meta", "// a"], [name, "// b"]]);
      const said = assertThrows(() => openRunFolder(`${root}/run`, { ...contents, imports }), FileAccessError, why);
      assertStringIncludes(said.message, `\`${name}\``);
      assertEquals([...Deno.readDirSync(root)], []);
    }
  }),
);

Deno.test(
  "openRunFolder() takes the folder before it writes anything else",
  inFolder((root) => {
    const done: string[] = [];
    const disk: Disk = {
      ...systemDisk,
      open(path, which) {
        done.push(`open ${path.slice(root.length)}`);
        const file = systemDisk.open(path, which);
        return { ...file, lock: () => (done.push("lock"), file.lock()) };
      },
    };
    openRunFolder(`${root}/run`, contents, disk).abandon();
    assertEquals(done.slice(0, 3), ["open /run/metrics.jsonl", "lock", "open /run/experiment.meta.tmp"]);
    assertEquals(done.filter((what) => what === "lock").length, 1);
    // of two runs that find the folder empty, one has it
    Deno.mkdirSync(`${root}/both`);
    const late: Disk = {
      ...systemDisk,
      open(path, which) {
        if (!first) first = openRunFolder(`${root}/both`, contents);
        return systemDisk.open(path, which);
      },
    };
    let first: ReturnType<typeof openRunFolder> | undefined;
    assertThrows(() => openRunFolder(`${root}/both`, contents, late), FileAccessError, "Another run is writing to");
    assertEquals(Deno.readTextFileSync(`${root}/both/experiment.meta`), contents.root);
    first!.abandon();
  }),
);

Deno.test("of an outer with very many meta-steps the account has 1,000 points at most, its ends and extremes among them", () => {
  const count = 70_000;
  const metaSteps = Float64Array.from({ length: count }, (_, k) => k);
  const losses = metaSteps.map((k) => k === 12_345 ? NaN : k === 54_321 ? -100 : Math.sin(k));
  const gradientNorms = metaSteps.map((k) => k === 33_333 ? 1e6 : Math.abs(Math.cos(k)));
  const outer = { name: "train", steps: count, done: count, losses, gradientNorms, metaSteps, seconds: 1 };
  const summary = summarizeRun({ ...emptyResult(), outers: [outer] });
  const [{ curve }] = (summary as { outers: [{ curve: Record<string, (number | string)[]> }] }).outers;
  const steps = curve.metaSteps as number[];
  assert(steps.length <= 1000 && steps.length > 300, `${steps.length}`);
  assertEquals([steps[0], steps.at(-1)], [0, count - 1]);
  for (const extreme of [54_321, 33_333]) assert(steps.includes(extreme), `${extreme}`);
  steps.forEach((k, i) => {
    assertEquals(curve.losses![i], Number.isNaN(losses[k]) ? "NaN" : losses[k]!);
    assertEquals(curve.gradientNorms![i], gradientNorms[k]!);
  });
  const empty = {
    ...outer,
    done: 0,
    losses: new Float64Array(),
    gradientNorms: new Float64Array(),
    metaSteps: new Float64Array(),
  };
  const [none] = (summarizeRun({ ...emptyResult(), outers: [empty] }) as { outers: [{ curve: unknown }] }).outers;
  assertEquals(none.curve, { metaSteps: [], losses: [], gradientNorms: [] });
});

Deno.test("of a loop by itself with very many steps, every N-th loss and the last are written", () => {
  const steps = 1_000_000;
  const losses = Float64Array.from({ length: steps }, (_, t) => steps - t);
  const simulation = { loop: "fit", losses, ends: new Map() };
  const [line] = metricLines({ kind: "simulation", simulation }, 1);
  const value = line!.value as number[];
  assertEquals([value.length, line!.shape, line!.every, line!.steps, line!.last], [62_500, [62_500], 16, steps, 1]);
  assertEquals(value.slice(0, 3), [steps, steps - 16, steps - 32]);
  const summary = summarizeRun({ ...emptyResult(), simulations: [simulation] });
  const [written] = (summary as { simulations: Record<string, unknown>[] }).simulations;
  assertEquals(written, { loop: "fit", losses: value, every: 16, steps, last: 1 });
  // all of them where there are not more than a line may have
  const few = { ...simulation, losses: losses.subarray(0, 100_000) };
  const [whole] = metricLines({ kind: "simulation", simulation: few }, 1);
  assertEquals([(whole!.value as number[]).length, "every" in whole!], [100_000, false]);
});

Deno.test("the last line of a log counts its seconds from the start of the run, as the others do, where that has gone on", () => {
  const finished = { kind: "finished", outcome: "done", seconds: 3, missed: 0 } as const; // of the last of the processes
  assertEquals(metricLines(finished, 13)[0]!.seconds, 13);
});

function emptyResult() {
  const none = { outers: [], recorded: [], gradients: [], evaluations: [], outputs: [], simulations: [], plans: [] };
  const run = { outcome: "done" as const, backend: "reference", seed: 0, precision: "f64" as const, seconds: 0 };
  return { ...run, ...none, declared: new Map(), leaves: new Map() };
}

Deno.test(
  "finish() writes what can be written when one file cannot",
  inFolder((root) => {
    const folder = openRunFolder(`${root}/run`, contents);
    Deno.mkdirSync(`${root}/run/parameters.safetensors`); // stands in the way
    assertThrows(() => folder.finish(emptyResult()), FileAccessError, "parameters.safetensors");
    assert(Deno.statSync(`${root}/run/summary.json`).isFile);
    assert(Deno.statSync(`${root}/run/trajectories.safetensors`).isFile);
    assertEquals([...Deno.readDirSync(`${root}/run`)].filter((f) => f.name.endsWith(".tmp")), []);
  }),
);

Deno.test(
  "what was recorded before a run went wrong is in its folder",
  inFolder(async (root) => {
    const s = { ...settings, outerRate: 2000, steps: 1000 };
    const outer = outerProgram(s, { records: [{ label: "train.loss", what: { kind: "loss" }, every: 1 }] });
    const result = await runInto(`${root}/run`, quadraticProgram(s, { outers: [outer] }));
    assertEquals(result.outcome, "failed");
    const summary = JSON.parse(Deno.readTextFileSync(`${root}/run/summary.json`));
    assertEquals([summary.outcome, summary.failure], ["failed", result.failure!.message]);
    const done = result.outers[0]!.losses.length;
    const lines = parseMetrics(Deno.readTextFileSync(`${root}/run/metrics.jsonl`));
    assertEquals(lines.filter((l) => l.kind === "recorded").length, done);
    const { tensors } = decodeSafetensors(Deno.readFileSync(`${root}/run/parameters.safetensors`));
    assert(Number.isFinite(tensors.get("net.w")!.data[0]));
  }),
);

Deno.test(
  "writeFileSafely() leaves the old content when writing fails",
  inFolder((root) => {
    writeFileSafely(`${root}/a`, [Uint8Array.of(1), Uint8Array.of(2, 3)], { disk: systemDisk });
    assertEquals([...Deno.readFileSync(`${root}/a`)], [1, 2, 3]);
    Deno.writeTextFileSync(`${root}/a.tmp`, "someone else's");
    assertThrows(
      () => writeFileSafely(`${root}/a`, [Uint8Array.of(9)], { disk: systemDisk }),
      FileAccessError,
      `Cannot write \`${root}/a\``,
    );
    assertEquals([...Deno.readFileSync(`${root}/a`)], [1, 2, 3]);
    assertEquals(Deno.readTextFileSync(`${root}/a.tmp`), "someone else's");
    assertThrows(
      () => writeFileSafely(`${root}/none/a`, [], { disk: systemDisk }),
      FileAccessError,
      "there is no such file or folder",
    );
  }),
);

Deno.test("fileAccessError() names the flag for a missing permission, and the reason of the system", () => {
  const at = { action: "write" as const, path: "runs/a" };
  assertEquals(
    fileAccessError(new Deno.errors.NotCapable("x"), at).message,
    "Cannot write `runs/a`: Deno was not given the permission; add --allow-write=runs/a",
  );
  assertEquals(
    fileAccessError(new Deno.errors.NotCapable("x"), { action: "read", path: "p/x.csv", folder: "p" }).message,
    "Cannot read `p/x.csv`: Deno was not given the permission; add --allow-read=p",
  );
  assertEquals(
    fileAccessError(new Deno.errors.NotCapable("x"), { action: "write", path: "my runs/a" }).message,
    'Cannot write `my runs/a`: Deno was not given the permission; add --allow-write="my runs/a"',
  );
  const full = Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" });
  assertEquals(fileAccessError(full, at).message, "Cannot write `runs/a`: the disk is full");
});

Deno.test("parseMetrics() leaves out a torn last line, and only that", () => {
  assertEquals(parseMetrics('{"a":1}\n{"a":2}\n{"a":').map((l) => l.a), [1, 2]);
  assertEquals(parseMetrics('{"a":1}\n{"a":2}').map((l) => l.a), [1, 2]);
  assertEquals(parseMetrics(""), []);
  assertThrows(() => parseMetrics('{"a":1}\n{"a\n{"a":2}\n'), SyntaxError, "Line 2");
});

Deno.test("metricLines() writes numbers that JSON lacks as text, and long arrays as their shape", () => {
  assertEquals([NaN, -Infinity, 1.5].map(jsonNumber), ["NaN", "-Infinity", 1.5]);
  const value = { dtype: "f64" as const, shape: [40, 40], data: new Float64Array(1600) };
  const recorded = {
    name: "W",
    of: "W",
    by: { kind: "outer" as const, name: "train", step: 4 },
    trajectory: false,
    value,
  };
  assertEquals(metricLines({ kind: "recorded", recorded, index: 4 }, 2), [
    {
      kind: "recorded",
      step: 4,
      name: "W",
      value: null,
      shape: [40, 40],
      trajectory: false,
      outer: "train",
      seconds: 2,
    },
  ]);
});

Deno.test("storedRecords() gives a lone trajectory the user's own name", () => {
  const value = { dtype: "f64" as const, shape: [6, 1, 1], data: new Float64Array(6) };
  const { tensors, metadata } = storedRecords(gatherRecorded([
    { name: "linear.w@*", of: "linear.w", by: { kind: "gradient", index: 0 }, trajectory: true, value },
  ]));
  assertEquals([...tensors], [["linear.w@*", value]]);
  assertEquals(metadata, { "linear.w@*": "axes: time, its own; by gradient 0" });
});
