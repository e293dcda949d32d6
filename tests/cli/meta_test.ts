// The command line as a whole: in this process where only words and exit codes matter, as a process of its own where
// permissions, signals and streams do.
import jpeg from "npm:jpeg-js@0.4.4";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { findTensorFlow } from "../../runtime/backend/tensorflow/package.ts";
import { main } from "../../meta.ts";
import { version } from "../../api/version.ts";
import { decodeSafetensors } from "../../runtime/program/safetensors.ts";
import { parseMetrics } from "../../runtime/record/metrics.ts";
import { until } from "../waits.ts";
import { some } from "../thorough.ts";
import { capturedConsole } from "./captured_console.ts";
import { diverging, line, missing, training, wrong } from "./programs.ts";

const metaFile = new URL("../../meta.ts", import.meta.url).pathname;

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function meta(...args: string[]): Promise<Outcome> {
  const console = capturedConsole();
  const code = await main(args, console);
  return { code, ...console.written };
}

/** Runs the command line in a process with the given Deno flags and nothing else permitted. */
async function spawned(flags: readonly string[], args: readonly string[]): Promise<Outcome> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...flags, metaFile, ...args],
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  return { code, out: new TextDecoder().decode(stdout), err: new TextDecoder().decode(stderr) };
}

function withFiles(
  files: Readonly<Record<string, string>>,
  body: (folder: string) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const folder = Deno.realPathSync(Deno.makeTempDirSync());
    try {
      for (const [name, text] of Object.entries(files)) {
        Deno.mkdirSync(`${folder}/${name}`.replace(/\/[^/]*$/, ""), { recursive: true });
        Deno.writeTextFileSync(`${folder}/${name}`, text);
      }
      await body(folder);
    } finally {
      Deno.removeSync(folder, { recursive: true });
    }
  };
}

Deno.test("meta.ts --version says what deno.json says", async () => {
  const config = JSON.parse(Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)));
  assertEquals(version, config.version);
  assertEquals(await meta("--version"), { code: 0, out: `${version}\n`, err: "" });
  assertEquals((await meta("--help")).code, 0);
  const nothing = await meta();
  assertEquals([nothing.code, nothing.out], [2, ""]);
  assertStringIncludes(nothing.err, "meta.ts help VERB");
  const meant = await meta("tarin");
  assertEquals(meant.code, 2);
  assertStringIncludes(meant.err, "There is no verb `tarin`, and no program of this name; did you mean `run`?");
});

Deno.test("meta.ts doctor says what works, and how to get what does not", async () => {
  const { code, out, err } = await meta("doctor");
  assertEquals([code, err], [0, ""]);
  for (const name of ["wasm", "tensorflow", "webgpu", "reference", "auto"]) {
    assertMatch(out, new RegExp(`^${name} +\\w`, "m"));
  }
  const found = findTensorFlow();
  if ("missing" in found) {
    assertStringIncludes(out, `does not work: ${found.missing}`);
    assertStringIncludes(out, "deno task setup:tensorflow");
  } else {
    assertMatch(out, /^tensorflow +works: /m);
    assertStringIncludes(out, found.proof.xla ? "XLA        compiles graphs" : "graphs run node by node");
  }
});

Deno.test(
  "meta.ts FILE --backend takes the first of a list that can be opened, and says why the others were not",
  withFiles({ "line.meta": line }, async (folder) => {
    const wrong = await meta(`${folder}/line.meta`, "--backend", "wasm,tensorflo");
    assertEquals(wrong.code, 2);
    assertStringIncludes(wrong.err, "Unknown backend `tensorflo`");
    const { code, err } = await meta(`${folder}/line.meta`, "--backend", "wasm,tensorflow");
    assertEquals(code, 0, err);
    assertStringIncludes(err, "backend wasm (asked for)");
  }),
);

Deno.test(
  "meta.ts FILE runs a program: value, gradient and trajectory as the closed form says",
  withFiles({ "line.meta": line }, async (folder) => {
    const { code, out, err } = await meta(`${folder}/line.meta`);
    assertEquals([code, err], [
      0,
      "line.meta: f64, seed 0, backend wasm (picked by auto)\n\n",
    ]);
    const number = (name: string) => Number(new RegExp(`^ *${name.replace("@", "@")} +(\\S+)`, "m").exec(out)![1]);
    const rest = 0.5; // 1 − 5 lr
    const at = (t: number) => 3 + rest ** t * (2 - 3);
    assertAlmostEquals(number("value"), (at(3) - 3) ** 2, 1e-14);
    for (const t of [0, 1, 2, 3]) assert(out.includes(`line.w@${t}`), out);
    assertAlmostEquals(number("fit.lr"), 2 * (at(3) - 3) * 3 * rest ** 2 * -5 * (2 - 3), 1e-13);
  }),
);

Deno.test(
  "meta.ts FILE needs no other permission than to read the program's folder",
  withFiles({ "line.meta": line }, async (folder) => {
    const { code, err } = await spawned([`--allow-read=${folder}`], [`${folder}/line.meta`]);
    assertEquals([code, err.includes("error")], [0, false], err);
  }),
);

Deno.test(
  "meta.ts says which flag to add when a permission is missing",
  withFiles({ "line.meta": line, "b.meta": `edition 1\nimport f from "./c.meta"\n`, "c.meta": "" }, async (folder) => {
    const none = await spawned([], [`${folder}/line.meta`]);
    assertEquals(none.code, 2);
    assert(none.err.includes(`Deno was not given the permission; add --allow-read=${folder}`), none.err);
    const onlyRoot = await spawned([`--allow-read=${folder}/b.meta`], [`${folder}/b.meta`]);
    assertEquals(onlyRoot.code, 2);
    assert(onlyRoot.err.includes(`add --allow-read=${folder}`), onlyRoot.err);
    const out = await spawned([`--allow-read=${folder}`], [`${folder}/line.meta`, "--out", `${folder}/run`]);
    assertEquals(out.code, 2);
    assert(out.err.includes(`add --allow-write=${folder}/run`), out.err);
    const fmt = await spawned([`--allow-read=${folder}`], ["fmt", `${folder}/line.meta`]);
    assertEquals(fmt.code, 2);
    assert(fmt.err.includes(`add --allow-write=${folder}`), fmt.err);
  }),
);

Deno.test(
  "meta.ts exits with 1 and shows the diagnostics of a wrong program",
  withFiles({ "wrong.meta": wrong }, async (folder) => {
    const { code, out, err } = await meta(`${folder}/wrong.meta`);
    assertEquals([code, out], [1, ""]);
    assert(err.includes("error[M0201]") && err.includes("wrong.meta:8:12"), err);
    assert(/\n\d+ errors?(, \d+ warnings?)?\n$/.test(err), err);
    const json = await meta("check", "--json", `${folder}/wrong.meta`);
    assertEquals([json.code, json.err], [1, ""]);
    const first = JSON.parse(json.out.split("\n")[0]!);
    assertEquals([first.kind, first.code, first.line, first.column], ["diagnostic", "M0201", 8, 12]);
  }),
);

Deno.test(
  "meta.ts check looks at every file and exits with the worst",
  withFiles({ "line.meta": line, "wrong.meta": wrong }, async (folder) => {
    assertEquals(await meta("check", `${folder}/line.meta`), { code: 0, out: `${folder}/line.meta: ok\n`, err: "" });
    const both = await meta("check", `${folder}/wrong.meta`, `${folder}/line.meta`);
    assertEquals([both.code, both.out], [1, `${folder}/line.meta: ok\n`]);
    assertEquals((await meta("check", `${folder}/none.meta`)).code, 2);
  }),
);

Deno.test(
  "meta.ts --set reaches the program's inputs, and unknown ones are an error",
  withFiles({ "line.meta": line }, async (folder) => {
    // with lr = 0.2 the first step lands on the solution
    const { code, out } = await meta(`${folder}/line.meta`, "--set", "rate=0.2");
    assertEquals(code, 0);
    assert(/line\.w@1 +3(\.0+\d?)?\n/.test(out), out);
    const unknown = await meta(`${folder}/line.meta`, "--set", "ratee=0.2");
    assertEquals(unknown.code, 1);
    assert(unknown.err.includes("ratee") && unknown.err.includes("did you mean `rate`?"), unknown.err);
  }),
);

Deno.test(
  "meta.ts exits with 4 when an expectation is missed, and shows by how much",
  withFiles({ "missing.meta": missing }, async (folder) => {
    const { code, out } = await meta(`${folder}/missing.meta`);
    assertEquals(code, 4);
    assert(/expected +1 +within 1e-9 +MISSED, off by 0\.984/.test(out), out);
    const json = await meta(`${folder}/missing.meta`, "--json");
    const lines = parseMetrics(json.out);
    assertEquals([json.code, lines.find((l) => l.kind === "expectation")!.met, lines.at(-1)!.missed], [4, false, 1]);
  }),
);

Deno.test(
  "meta.ts exits with 3 when a number is not finite, names it, and still shows what there was",
  withFiles({ "diverging.meta": diverging }, async (folder) => {
    const { code, out, err } = await meta(`${folder}/diverging.meta`);
    assertEquals(code, 3);
    // what is minimized at a step is computed before the step
    assert(/`fit`, step \d: `fit\.loss@\d` is -?(Infinity|NaN)/.test(err), err);
    assert(err.includes("diverging.meta:"), err);
    assert(out.includes("recorded line.w@*"), out);
    const json = parseMetrics((await meta(`${folder}/diverging.meta`, "--json")).out);
    assertEquals(json.filter((l) => l.kind === "error").length, 1);
    assertEquals(json.find((l) => l.kind === "finished")!.outcome, "failed");
  }),
);

Deno.test(
  "meta.ts --emit prints a stage and does not run",
  withFiles({ "line.meta": line, "wrong.meta": wrong }, async (folder) => {
    for (const stage of ["cst", "ast", "checked", "ir", "plan"]) {
      const { code, out } = await meta(`${folder}/line.meta`, "--emit", stage);
      assertEquals(code, 0);
      assert(out.length > 100, `${stage}: ${out}`);
    }
    const ir = (await meta(`${folder}/line.meta`, "--emit", "ir")).out;
    const plan = (await meta(`${folder}/line.meta`, "--emit", "plan")).out;
    assert(ir.includes("gradient") && !/= gradient/.test(plan), plan);
    const broken = await meta(`${folder}/wrong.meta`, "--emit", "ast");
    assertEquals(broken.code, 1);
    assert(broken.out.includes("lime"));
  }),
);

Deno.test(
  "meta.ts fmt rewrites once, and --check only looks",
  withFiles({ "a.meta": "edition 1\nlet  y=1+2\n", "bad.meta": "edition 1\nlet = = =\n" }, async (folder) => {
    const path = `${folder}/a.meta`;
    const checked = await meta("fmt", "--check", path);
    assertEquals([checked.code, checked.out], [1, `${path}\n`]);
    assertEquals(Deno.readTextFileSync(path), "edition 1\nlet  y=1+2\n");
    assertEquals((await meta("fmt", path)).code, 0);
    assert(Deno.readTextFileSync(path).includes("let y = 1 + 2"));
    assertEquals(await meta("fmt", "--check", path), { code: 0, out: "", err: "" });
    const bad = await meta("fmt", `${folder}/bad.meta`, path);
    assertEquals(bad.code, 1);
    assert(bad.err.includes("error[M01"), bad.err);
    assertEquals(Deno.readTextFileSync(`${folder}/bad.meta`), "edition 1\nlet = = =\n");
  }),
);

Deno.test(
  "meta.ts --out writes a run folder, and refuses to write into it again",
  withFiles(
    {
      "main.meta": `edition 1\nimport twice from "./sub.meta"\n${
        line.replace("edition 1\n", "").replace("return w * x", "return twice(w * x) / 2")
      }`,
      "sub.meta": "edition 1\nfn twice(a) = 2 * a\n",
    },
    async (folder) => {
      const args = [`${folder}/main.meta`, "--seed", "5", "--set", "rate=0.05", "--out", `${folder}/run`];
      const first = await meta(...args);
      assertEquals(first.code, 0, first.err);
      assert(first.err.endsWith(`\nwritten to ${folder}/run\n`), first.err);
      const read = (name: string) => Deno.readTextFileSync(`${folder}/run/${name}`);
      assertEquals(read("experiment.meta"), Deno.readTextFileSync(`${folder}/main.meta`));
      assertEquals(read("sub.meta"), Deno.readTextFileSync(`${folder}/sub.meta`));
      const effective = JSON.parse(read("effective.json"));
      assertEquals([effective.seed, effective.inputs, effective.backend], [5, { rate: 0.05 }, "wasm"]);
      const { tensors } = decodeSafetensors(Deno.readFileSync(`${folder}/run/trajectories.safetensors`));
      assertEquals(tensors.get("line.w@*")!.shape, [4]);
      // the folder is itself a program that runs, to the same answer
      const again = await meta(`${folder}/run/experiment.meta`, "--seed", "5", "--set", "rate=0.05");
      assertEquals([again.code, again.out], [0, first.out]);

      const before = read("summary.json");
      const refused = await meta(...args);
      assertEquals(refused.code, 2);
      assert(refused.err.includes("is not empty"), refused.err);
      assertEquals(read("summary.json"), before);
    },
  ),
);

const drawn = `edition 1
input scale : float = 1
data train { x : [_, 1]  y : [_] }
import double from "parts/double.meta"
model line(x : [n, 1]) -> [n] { w : [1] ~ normal(0, 1)  return dot(x, w) }
param c ~ normal(0, scale)
inner fit { minimize mse(line(train.x), c * train.y)  over line by sgd(lr = 0.1)  for T = 2 steps }
gradient double(mse(line@T(train.x), train.y)) wrt c
`.replace("data train {", 'data train from "tables/train.csv" {');

Deno.test(
  "a file of data that is not there is told by the name nearest to it in its folder, or in that of --data",
  withFiles(
    {
      "p.meta": 'edition 1\ndata d from "tables/trian.csv" { x : [_] }\nevaluate e { report sum(d.x) }\n',
      "tables/train.csv": "x\n1\n",
      "q.meta": 'edition 1\ndata d from "weights.npz" { x : [_] }\nevaluate e { report sum(d.x) }\n',
      "elsewhere/weight.npz": "",
    },
    async (folder) => {
      const { code, err } = await meta("check", `${folder}/p.meta`);
      assertEquals(code, 1);
      assertStringIncludes(err, "There is no file `tables/trian.csv`");
      assertStringIncludes(err, "hint: did you mean `tables/train.csv`?");
      const none = await meta("check", `${folder}/q.meta`);
      assertEquals([none.code, none.err.includes("hint")], [1, false]);
      const other = await meta("check", `${folder}/q.meta`, "--data", `${folder}/elsewhere`);
      assertStringIncludes(other.err, "hint: did you mean `weight.npz`?");
    },
  ),
);

Deno.test(
  "a run folder is run once more, with what it was run with, whatever its program was called",
  withFiles(
    {
      "here/drawn.meta": drawn,
      "here/parts/double.meta": "edition 1\nfn double(x) = 2 * x\n",
      "here/tables/train.csv": "x,y\n1,2\n2,4.5\n",
    },
    async (folder) => {
      const how = ["--seed", "5", "--set", "scale=2"];
      const first = await meta(`${folder}/here/drawn.meta`, ...how, "--out", `${folder}/run`);
      assertEquals(first.code, 0, first.err);
      const without = await meta(`${folder}/run/experiment.meta`);
      assertEquals(without.code, 1);
      assertStringIncludes(without.err, "There is no file `tables/train.csv`");
      assertStringIncludes(without.err, `note: \`run ${folder}/run\` repeats the run of this folder`);
      const again = await meta(`${folder}/run`, "--out", `${folder}/again`);
      assertEquals([again.code, again.out], [0, first.out]);
      const third = await meta("run", `${folder}/again`);
      assertEquals([third.code, third.out], [0, first.out], "a run that repeats one is repeated, too");
      const fresh = ["--seed", "6", "--set", "scale=3"];
      const other = await meta(`${folder}/run`, ...fresh);
      const plain = await meta(`${folder}/here/drawn.meta`, ...fresh);
      assertEquals([other.code, other.out], [0, plain.out], "what is given counts");
      assertNotEquals(other.out, first.out);
      Deno.writeTextFileSync(`${folder}/here/tables/train.csv`, "x,y\n1,2\n2,4\n");
      const changed = await meta(`${folder}/run`);
      assertEquals(changed.code, 2);
      assertStringIncludes(changed.err, "`tables/train.csv` is not the file that the run began with");
      // a program that only has the name is told nothing
      Deno.mkdirSync(`${folder}/other`);
      Deno.writeTextFileSync(
        `${folder}/other/experiment.meta`,
        drawn.replace(/import.*\n/, "").replace("double(", "("),
      );
      assert(!(await meta(`${folder}/other/experiment.meta`)).err.includes("note:"));
    },
  ),
);

const started = (start: string) =>
  `edition 1
model net(x : []) -> [] { w : [] ~ normal(0, 1)  return w * x }
inner fit { minimize (net(2) - 3)^2 over net by sgd(lr = 0.05) for T = 2 steps }
outer learn { minimize (net@T(2) - 3)^2 over net@0, fit.lr by adam(lr = 0.01) for 4 steps }
record net@0, fit.lr every 1 steps
${start}`;

Deno.test(
  "the folder of a run has what a loop by itself leaves and where a warm loop stands, and a program starts from it",
  withFiles(
    {
      "first.meta": `edition 1
precision f64
param w = 4
param v = 1
param c = 0.5
inner alone { minimize (w - 3)^2  over w by sgd(lr = 0.25)  for T = 2 steps }
inner warm { minimize (v - c)^2  over v by sgd(lr = 0.25)  for S = 1 steps  from warm@S }
outer tune { minimize (v@S)^2  over c by sgd(lr = 0)  for 3 steps }
`,
      "second.meta": `edition 1
precision f64
start w, v, c from "run"
param w = 0
param v = 0
param c = 0
evaluate e { report w  report v  report c }
`,
    },
    async (folder) => {
      assertEquals((await meta(`${folder}/first.meta`, "--out", `${folder}/run`)).code, 0);
      const { out, code } = await meta(`${folder}/second.meta`, "--json");
      assertEquals(code, 0);
      // half of the way at each step
      assertEquals(parseMetrics(out).flatMap((line) => line.kind === "evaluation" ? [line.value] : []), [
        3.25,
        0.5625,
        0.5,
      ]);
    },
  ),
);

Deno.test(
  "meta.ts goes on from a run folder, bit for bit, also from one in the folder of --data, and says what it read",
  withFiles(
    {
      "program/first.meta": started(""),
      "program/second.meta": started(`start net, fit.lr from "first"\n`),
    },
    async (folder) => {
      const recorded = (run: string, name: string) => {
        const bytes = Deno.readFileSync(`${folder}/${run}/trajectories.safetensors`);
        return decodeSafetensors(bytes).tensors.get(name)!.data;
      };
      const go = (program: string, ...args: string[]) => meta(`${folder}/program/${program}.meta`, ...args);
      assertEquals((await go("first", "--out", `${folder}/runs/first`)).code, 0);
      const missing = await go("second");
      assertEquals(missing.code, 1);
      assertStringIncludes(missing.err, "`first` is no run folder: there is no `first/parameters.safetensors`");
      const data = ["--data", `${folder}/runs`];
      const second = await go("second", ...data, "--out", `${folder}/runs/second`);
      assertEquals(second.code, 0, second.err);
      for (const name of ["net.w", "fit.lr"]) {
        const [before, after] = [recorded("runs/first", name), recorded("runs/second", name)];
        assertEquals([before.length, after[0]], [5, before[4]!]);
      }
      const effective = JSON.parse(Deno.readTextFileSync(`${folder}/runs/second/effective.json`));
      const [{ path, folder: from, sha256 }] = effective.data;
      const bytes = Deno.readFileSync(`${folder}/runs/first/parameters.safetensors`);
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
      assertEquals([path, from, sha256, effective.dataFolder], [
        "first/parameters.safetensors",
        `${folder}/runs`,
        digest,
        `${folder}/runs`,
      ]);
      for (const verb of ["check", "explain", "verify"]) {
        const { code, out, err } = await meta(verb, `${folder}/program/second.meta`, ...data);
        assertEquals(code, 0, err);
        if (verb === "explain") assertStringIncludes(out, "starts at `net.w` of `first/parameters.safetensors`");
      }
      const refused = await spawned([`--allow-read=${folder}/program`], [`${folder}/program/second.meta`, ...data]);
      assertEquals(refused.code, 2);
      assertStringIncludes(refused.err, `add --allow-read=${folder}/runs`);
    },
  ),
);

Deno.test(
  "meta.ts shows progress on standard error and results on standard output",
  withFiles({ "t.meta": training(5) }, async (folder) => {
    const { code, out, err } = await meta(`${folder}/t.meta`);
    assertEquals(code, 0, err);
    assert(/learn 1\/5 {2}loss /.test(err) && /learn 5\/5 {2}loss .* in all\n/.test(err), err);
    assert(out.startsWith("learn: 5 meta-steps in "), out);
    assert(out.includes("evaluate held_out: 10 tasks") && out.includes("fit.lr") && out.includes("learn.loss"), out);
  }),
);

Deno.test(
  "meta.ts gives the same answer for the same seed and another one for another",
  withFiles({ "t.meta": training(5) }, async (folder) => {
    const values = async (seed: string) =>
      parseMetrics((await meta(`${folder}/t.meta`, "--json", "--seed", seed)).out)
        .filter((l) => l.kind !== "step").map((l) => l.value);
    assertEquals(await values("3"), await values("3"));
    assert(JSON.stringify(await values("3")) !== JSON.stringify(await values("4")));
  }),
);

for (const signal of some(["SIGINT", "SIGTERM"] as const, 1)) {
  Deno.test({
    name: `meta.ts finishes the meta-step on ${signal}, writes what there is, and exits with 75`,
    ignore: Deno.build.os === "windows",
    fn: withFiles({ "t.meta": training(10_000_000) }, async (folder) => {
      const args = [`${folder}/t.meta`, "--json", "--out", `${folder}/run`];
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-prompt", `--allow-read=${folder}`, `--allow-write=${folder}`, metaFile, ...args],
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const [stdout, stderr] = [new Response(child.stdout), new Response(child.stderr)].map((r) => r.body!);
      const reader = stdout!.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (!text.includes('"kind":"step"')) {
        const { value, done } = await reader.read();
        if (done) throw new Error(await new Response(stderr).text());
        text += value;
      }
      child.kill(signal);
      for (;;) {
        const { value, done } = await reader.read();
        if (done) break;
        text += value;
      }
      assertEquals((await child.status).code, 75);
      assertEquals(await new Response(stderr).text(), "");
      const lines = parseMetrics(text);
      assertEquals(lines.at(-1)!.outcome, "stopped");
      const summary = JSON.parse(Deno.readTextFileSync(`${folder}/run/summary.json`));
      assertEquals([summary.outcome, summary.outers[0].steps], ["stopped", 10_000_000]);
      const { tensors } = decodeSafetensors(Deno.readFileSync(`${folder}/run/trajectories.safetensors`));
      const recorded = tensors.get("learn.loss/steps")!.data;
      assertEquals(recorded.at(-1), summary.outers[0].done - 1);
    }),
  });
}

Deno.test({
  name: "meta.ts leaves a readable folder when it is killed at once",
  ignore: Deno.build.os === "windows",
  fn: withFiles({ "t.meta": training(10_000_000) }, async (folder) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        `--allow-read=${folder}`,
        `--allow-write=${folder}`,
        metaFile,
        `${folder}/t.meta`,
        "--out",
        `${folder}/run`,
        "--checkpoint",
        "off",
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
    const size = () => {
      try {
        return Deno.statSync(`${folder}/run/metrics.jsonl`).size;
      } catch {
        return 0;
      }
    };
    await until(() => size() >= 10_000);
    child.kill("SIGKILL");
    await child.status;
    const lines = parseMetrics(Deno.readTextFileSync(`${folder}/run/metrics.jsonl`));
    assert(lines.length > 10);
    const steps = lines.filter((l) => l.name === "learn.loss").map((l) => Number(l.step));
    assertEquals(steps.slice(0, 128), steps.slice(0, 128).map((_, i) => i));
    assert(steps.every((step, i) => i === 0 || step > steps[i - 1]!), steps.join());
    assertEquals([...Deno.readDirSync(`${folder}/run`)].map((f) => f.name).sort(), [
      "effective.json",
      "experiment.meta",
      "metrics.jsonl",
    ]);
  }),
});

Deno.test(
  "meta.ts goes on when its reader goes away",
  withFiles({ "t.meta": training(200) }, async (folder) => {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--quiet",
        "--no-prompt",
        `--allow-read=${folder}`,
        `--allow-write=${folder}`,
        metaFile,
        `${folder}/t.meta`,
        "--json",
        "--out",
        `${folder}/run`,
      ],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await child.stdout.cancel();
    const err = await new Response(child.stderr).text();
    assertEquals((await child.status).code, 3);
    assertStringIncludes(err, "Cannot write `standard output`: who reads it has gone: not all results were printed");
    assertEquals(JSON.parse(Deno.readTextFileSync(`${folder}/run/summary.json`)).outcome, "done");
  }),
);

/** True where a small file system can be mounted: as root on Linux, in most containers not. */
function canMount(): boolean {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  const folder = Deno.makeTempDirSync();
  try {
    if (!mountSmall(folder)) return false;
    return new Deno.Command("umount", { args: [folder] }).outputSync().success;
  } finally {
    Deno.removeSync(folder);
  }
}

/** A run whose log is larger than all else. */
function manyCurves(steps: number): string {
  const names = Array.from({ length: 24 }, (_, i) => `c${i}`);
  return `edition 1
precision f64
${names.map((name, i) => `param ${name} = 0.${i + 1}`).join("\n")}
outer learn {
  minimize ${names.map((name) => `(${name} - 2)^2`).join(" + ")}
  over     ${names.join(", ")}
  by       sgd(lr = 0.01)
  for      ${steps} steps
}
record ${names.join(", ")}
`;
}

function mountSmall(folder: string): boolean {
  const args = ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder];
  try {
    return new Deno.Command("mount", { args }).outputSync().success;
  } catch {
    return false; // there is no `mount`
  }
}

Deno.test({
  name:
    "where the disk is full the log gives way to what was learned, and resume writes what is missing when there is room",
  ignore: !canMount(),
  fn: withFiles({ "t.meta": manyCurves(125) }, async (folder) => {
    const small = `${folder}/small`;
    Deno.mkdirSync(small);
    mountSmall(small);
    const bytes = (run: string, name: string) => Deno.readFileSync(`${run}/${name}`);
    const summary = (run: string) => JSON.parse(Deno.readTextFileSync(`${run}/summary.json`));
    try {
      const { code, err, out } = await meta(`${folder}/t.meta`, "--out", `${small}/run`);
      assertEquals(code, 3, err);
      assertStringIncludes(err, `\`${small}/run/metrics.jsonl\``);
      assertStringIncludes(err, "the disk");
      assertStringIncludes(err, `When that is mended, \`resume ${small}/run\` writes what is missing`);
      assertStringIncludes(out, "learn: 125 meta-steps");
      // the log has what has room (how much that is depends on when it was written), and all else is there
      assert(parseMetrics(Deno.readTextFileSync(`${small}/run/metrics.jsonl`)).length > 0);
      assertEquals([summary(`${small}/run`).outcome, summary(`${small}/run`).missing], ["done", ["metrics.jsonl"]]);
      assertEquals((await meta(`${folder}/t.meta`, "--out", `${folder}/whole`)).code, 0);
      const arrays = ["parameters.safetensors", "trajectories.safetensors"];
      for (const name of arrays) assertEquals(bytes(`${small}/run`, name), bytes(`${folder}/whole`, name));

      await new Deno.Command("mount", { args: ["-o", "remount,size=8m", small] }).output();
      const again = await meta("resume", `${small}/run`);
      assertEquals(again.code, 0, again.err);
      for (const name of arrays) assertEquals(bytes(`${small}/run`, name), bytes(`${folder}/whole`, name));
      assertEquals(summary(`${small}/run`).missing, undefined);
      const lines = (run: string) =>
        parseMetrics(Deno.readTextFileSync(`${run}/metrics.jsonl`)).map((line) => ({ ...line, seconds: 0 }));
      assertEquals(lines(`${small}/run`), lines(`${folder}/whole`));
      // a run that cannot even begin leaves nothing, so that its name is free
      Deno.removeSync(`${small}/run`, { recursive: true });
      Deno.writeFileSync(`${small}/other`, new Uint8Array(8 * 2 ** 20 - 4096));
      const none = await meta(`${folder}/t.meta`, "--out", `${small}/none`);
      assertEquals(none.code, 3, none.err);
      assertStringIncludes(none.err, "the disk is full");
      assertEquals([...Deno.readDirSync(small)].map((f) => f.name), ["other"]);
    } finally {
      await new Deno.Command("umount", { args: [small] }).output();
    }
  }),
});

Deno.test(
  "meta.ts reads JPEG images in a process that may read nothing but the program's folder",
  withFiles({
    "photos.meta":
      'edition 1\ndata d from "i/*/*.jpg" { x : u8 [_, 3, 4, 4] resized  kind : int [_] from folder 1 }\nparam w = 0.5\ngradient w * sum(d.x) + d.kind[1] wrt w\n',
  }, async (folder) => {
    const data = Uint8Array.from({ length: 4 * 64 }, () => 255);
    for (const kind of ["a", "b"]) {
      Deno.mkdirSync(`${folder}/i/${kind}`, { recursive: true });
      Deno.writeFileSync(`${folder}/i/${kind}/1.jpg`, jpeg.encode({ width: 8, height: 8, data }, 100).data);
    }
    const { code, out, err } = await spawned([`--allow-read=${folder}`], [
      `${folder}/photos.meta`,
      "--backend",
      "wasm",
    ]);
    assertEquals(code, 0, err);
    // 2 images of 3 channels of 16 numbers of 255
    assertMatch(out, /value +12241\n +w +24480\n/);
  }),
);
