// Do `report` and `show` take the folders that runs leave? Whole ones, those that failed, were stopped, were killed, are of earlier versions, are
// of a sweep; and files that they must not write over.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { pageStart } from "../../draw/html_report.ts";
import { chartsOf, offLine } from "../draw/read_page.ts";
import { callUntil } from "./captured_console.ts";

const text = `edition 1
precision f64
input rate : float = 0.1
param w = 3
outer train { minimize (w - 1)^2  over w by sgd(lr = rate)  for 12 steps }
param grid : [9, 9] ~ normal(0, 1)
output image = w * grid
output same = grid
record w every 3 steps
`;

async function inFolder(body: (at: (name: string) => string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await body((name) => `${folder}/${name}`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function runInto(
  at: (name: string) => string,
  name: string,
  { rate = 0.1, seed = 0, source = text } = {},
): Promise<number> {
  Deno.writeTextFileSync(at("p.meta"), source);
  const args = [
    "run",
    at("p.meta"),
    "--seed",
    `${seed}`,
    "--set",
    `rate=${rate}`,
    "--backend",
    "reference",
    "--out",
    at(name),
  ];
  return (await callUntil(args)).code;
}

Deno.test("report writes one page of folders, with the numbers that they hold", () =>
  inFolder(async (at) => {
    for (const [name, rate] of [["a", 0.1], ["b", 0.3]] as const) assertEquals(await runInto(at, name, { rate }), 0);
    const out = at("page.html");
    const { code, out: said, err } = await callUntil(["report", at("a"), `${at("b")}/`, "--out", out]);
    assertEquals([code, err], [0, ""]);
    const page = Deno.readTextFileSync(out);
    assert(said.startsWith(`${out}: `) && page.startsWith(pageStart));
    const loss = chartsOf(page).find(({ title }) => title === "train: loss")!;
    assertEquals(loss.lines.map(({ label }) => label), ["rate = 0.1", "rate = 0.3"]);
    for (const [k, name] of ["a", "b"].entries()) {
      const { curve } = JSON.parse(Deno.readTextFileSync(`${at(name)}/summary.json`)).outers[0];
      assertEquals(offLine(loss.lines[k], curve.metaSteps, curve.losses), undefined);
    }
    // what is learned and an output, too, is shown once
    assertEquals(page.match(/<figcaption>(output same|grid)[^<]*/g), [
      "<figcaption>output same, rate = 0.1",
      "<figcaption>output same, rate = 0.3",
    ]);
    assertStringIncludes(page, "output image");
    assertStringIncludes(page, "data:image/png;base64,");
    // what it says of differences is what `compare` says, with all digits
    const compared = (await callUntil(["compare", at("a"), at("b"), "--json"])).out.trim().split("\n");
    assertEquals(compared.length, 2);
    for (const { value, difference } of compared.map((line) => JSON.parse(line))) {
      assertStringIncludes(page, ` title="${value}"`);
      if (difference) assertStringIncludes(page, ` title="${difference.value}"`);
    }
    // a report is written over, nothing else is
    assertEquals((await callUntil(["report", at("a"), "--out", out])).code, 0);
    assert(!Deno.readTextFileSync(out).includes("rate = 0.3"));
    Deno.writeTextFileSync(out, "my notes");
    const kept = await callUntil(["report", at("a"), "--out", out]);
    assertEquals([kept.code, Deno.readTextFileSync(out)], [2, "my notes"]);
    assertStringIncludes(kept.err, "is no report");
    const nowhere = await callUntil(["report", at("a"), "--out", at("no/such/page.html")]);
    assertEquals(nowhere.code, 2);
    assertStringIncludes(nowhere.err, `there is no folder \`${at("no/such")}\``);
    const folder = await callUntil(["report", at("a"), "--out", at("b")]);
    assertEquals(folder.code, 2);
    assertStringIncludes(folder.err, "it is no file");
    // what is no run folder, and what is given twice
    Deno.mkdirSync(at("empty"));
    for (const verb of ["report", "show", "compare"]) {
      for (
        const [none, why] of [
          ["nothing", "there is no such folder"],
          ["p.meta", "it is a file"],
          ["a/summary.json", "it is a file"],
          ["empty", "it has no `effective.json`"],
        ] as const
      ) {
        const { code, err } = await callUntil([verb, at(none)]);
        assertEquals([code, err], [2, `error: \`${at(none)}\` is no run folder: ${why}\n`]);
      }
      const twice = await callUntil([verb, at("a"), at("b"), `${at("b")}/../a`]);
      assertEquals(twice.code, 2);
      assertStringIncludes(twice.err, "is given twice");
      assertStringIncludes((await callUntil([verb])).err, `meta.ts ${verb} DIR`);
    }
  }));

Deno.test("what run, resume and sweep are given and can take for neither a run nor a sweep is said to be that", () =>
  inFolder(async (at) => {
    Deno.mkdirSync(at("empty"));
    Deno.writeTextFileSync(at("file"), "");
    for (
      const [verb, name, why] of [
        ["run", "empty", "is no run folder: it has no `effective.json`\n"],
        ["resume", "empty", "is no run folder: it has no `effective.json`. Where a run was killed"],
        ["resume", "nothing", "is no run folder: there is no such folder\n"],
        ["resume", "file", "is no run folder: it is a file\n"],
        ["sweep", "empty", "is no folder of a sweep: it has no `sweep.json`\n"],
      ] as const
    ) {
      const { code, err } = await callUntil([verb, at(name)]);
      assertEquals(code, 2);
      assertStringIncludes(err, `error: \`${at(name)}\` ${why}`);
    }
  }));

Deno.test("report and show say what is not whole, which programs differ, and show a run as far as it got", () =>
  inFolder(async (at) => {
    assertEquals(await runInto(at, "whole"), 0);
    const failing = text.replace("(w - 1)^2", "log(w - 2.5)");
    assertEquals(await runInto(at, "failed", { source: failing, rate: 1 }), 3);
    const { failure } = JSON.parse(Deno.readTextFileSync(`${at("failed")}/summary.json`));
    const out = at("page.html");
    assertEquals((await callUntil(["report", at("whole"), at("failed"), "--out", out])).code, 0);
    const page = Deno.readTextFileSync(out);
    assertStringIncludes(page, "These runs are of 2 different programs");
    // of the first program are two settings: what both have is not said to be of one alone
    assertEquals(await runInto(at, "other", { rate: 0.2 }), 0);
    const three = (await callUntil(["show", at("whole"), at("other"), at("failed")])).out;
    assert(/other +0\.2 +A\n.*failed +1 +B\n/.test(three), three);
    for (const shown of [page, three]) {
      assertEquals(shown.match(/Lines that only .*? has/g), [
        "Lines that only program A has",
        "Lines that only program B has",
      ]);
    }
    assertStringIncludes(
      page.replaceAll("&#39;", "'").replaceAll("&#38;", "&"),
      `${at("failed")}: failed: ${failure}`.split("`")[0]!,
    );
    // killed: what the newest checkpoint holds
    Deno.removeSync(`${at("whole")}/summary.json`);
    const { code, out: shown } = await callUntil(["show", at("whole")]);
    assertEquals(code, 0);
    assertStringIncludes(shown, `${at("whole")}: not ended; \`resume ${at("whole")}\` goes on`.slice(0, 40));
    assertStringIncludes(shown, "train: loss");
    // what was recorded is not there any more
    Deno.removeSync(`${at("failed")}/trajectories.safetensors`);
    assertStringIncludes((await callUntil(["show", at("failed")])).out, "what was recorded is not shown");
    // killed before there was one
    Deno.removeSync(`${at("whole")}/checkpoints`, { recursive: true });
    assertStringIncludes((await callUntil(["show", at("whole")])).out, "not ended");
  }));

Deno.test("a run that was killed before it said anything is of the setting that its folder says", () =>
  inFolder(async (at) => {
    const source = text.replace("precision f64\n", "");
    for (const seed of [0, 1]) assertEquals(await runInto(at, `${seed}`, { seed, source }), 0);
    // what a kill at the start leaves: the log is open, and nothing has come to it
    for (const name of ["summary.json", "parameters.safetensors", "trajectories.safetensors"]) {
      Deno.removeSync(at(`1/${name}`));
    }
    for (const name of ["checkpoints", "outputs"]) Deno.removeSync(at(`1/${name}`), { recursive: true });
    Deno.truncateSync(at("1/metrics.jsonl"), 0);
    const { code, out } = await callUntil(["show", at("0"), at("1")]);
    assertEquals(code, 0);
    assertStringIncludes(out, "All of them: backend reference, precision f32, version ");
    // one setting: nothing differs but seeds
    for (const absent of ["What differs", "unknown", "f64"]) assert(!out.includes(absent), absent);
    assert(/seed 1 +not ended/.test(out) && !/not ended +\d/.test(out), out);
  }));

Deno.test("a run that was killed within an outer is shown with how far its implicit loops had come", () =>
  inFolder(async (at) => {
    const source = `edition 1
param penalty = 0.5
param w = 4
inner fit { minimize (w - 1)^2 + penalty * w^2  over w by sgd(lr = 0.1)  for T = 2 steps  through implicit }
outer tune { minimize (w@T - 0.5)^2  over penalty by sgd(lr = 0.1)  for 6 steps }
`;
    Deno.writeTextFileSync(at("p.meta"), source);
    const args = ["run", at("p.meta"), "--backend", "reference", "--checkpoint", "2 steps", "--out", at("run")];
    assertEquals((await callUntil(args)).code, 0);
    Deno.removeSync(at("run/summary.json"));
    const checkpoints = [...Deno.readDirSync(at("run/checkpoints"))].map(({ name }) => name).sort();
    Deno.removeSync(at(`run/checkpoints/${checkpoints.find((name) => name.includes("-end-"))}`));
    const { out } = await callUntil(["show", at("run")]);
    assertStringIncludes(out, "4 of 6");
    assertStringIncludes(out, "not in 4 of 4 meta-steps");
  }));

Deno.test("run folders of earlier versions are shown", async () => {
  const old = new URL("../record/old/", import.meta.url).pathname;
  const folders = [...Deno.readDirSync(old)].filter(({ isDirectory }) => isDirectory).map(({ name }) => old + name)
    .sort();
  assert(folders.length >= 3);
  for (const folder of folders) {
    const { code, out, err } = await callUntil(["show", folder]);
    assertEquals([code, err], [0, ""]);
    for (const part of ["first: loss", "second: loss", "check during first", "Recorded by meta-step"]) {
      assertStringIncludes(out, part);
    }
  }
  const lines = (await callUntil(["show", ...folders])).out;
  assertStringIncludes(lines, "first: loss");
});

Deno.test("the folder of a sweep stands for its runs, those that have begun", () =>
  inFolder(async (at) => {
    Deno.mkdirSync(at("sweep"));
    for (const rate of [0.1, 0.2]) {
      for (const seed of [0, 1]) assertEquals(await runInto(at, `sweep/${rate}-${seed}`, { rate, seed }), 0);
    }
    const names = ["0.1-0", "0.1-1", "0.2-0", "0.2-1", "0.3-0"];
    const list = (dirs: readonly unknown[]) =>
      Deno.writeTextFileSync(
        at("sweep/sweep.json"),
        JSON.stringify({
          formatVersion: 1,
          runs: dirs.map((dir) => ({ dir, seed: 0, set: {}, command: [] })),
        }),
      );
    list(names);
    const out = at("page.html");
    assertEquals((await callUntil(["report", at("sweep"), "--out", out])).code, 0);
    const page = Deno.readTextFileSync(out);
    assertStringIncludes(page, "rate = 0.1, mean of 2 seeds");
    assertStringIncludes(page, "4 runs of p.meta");
    // what is not among them is said, and of what has begun its name
    const unended = `${at("sweep")}: 1 of 5 runs not ended (not begun: \`0.3-0\`); \`sweep ${at("sweep")}\` goes on`;
    const unescaped = (html: string) => html.replace(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)));
    assertStringIncludes(unescaped(page), `<p class="warning">${unended}</p>`);
    Deno.removeSync(at("sweep/0.2-1/summary.json"));
    assertStringIncludes(
      (await callUntil(["show", at("sweep")])).out.replace(/\s+/g, " "),
      "2 of 5 runs not ended (not begun: `0.3-0`; begun: `0.2-1`)",
    );
    const compared = await callUntil(["compare", at("sweep")]);
    assertEquals(compared.code, 0);
    assertStringIncludes(compared.out, "less rate = 0.1");
    assertStringIncludes((await callUntil(["show", at("sweep"), at("sweep/0.1-1")])).err, "given twice");
    list(["0.3-0"]);
    assertStringIncludes((await callUntil(["show", at("sweep")])).err, "has begun");
    list([7]);
    assertStringIncludes((await callUntil(["show", at("sweep")])).err, "is not what a sweep writes");
  }));
