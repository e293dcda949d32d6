// Does `compare` say of run folders what tells them apart, and how much? Its table and its lines beside the numbers of the folders.
import { assert, assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { pairedDifference } from "../../mod.ts";
import { callUntil } from "./captured_console.ts";

const text = `edition 1
input rate : float = 0.1
task t { k ~ normal(0, 3)  split s { x : [5] ~ normal(k, 1) }  split q { x : [20] ~ normal(k, 1) } }
param w = 0
inner fit { minimize mean((w - s.x)^2)  over w by sgd(lr = rate)  for T = 5 steps }
outer train { minimize mean((w@T - q.x)^2)  across 2 t  over w@0 by sgd(lr = 0.1)  for 3 steps }
evaluate test { across 6 t  report mean((w@t - q.x)^2) at t in 0 .. T  every 2 steps of train }
`;

interface Point {
  readonly values: readonly number[];
}

Deno.test("compare tells settings by what differs, and pairs seeds and tasks", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const program = `${folder}/p.meta`;
    Deno.writeTextFileSync(program, text);
    const at = (rate: number, seed: number) => `${folder}/${rate}-${seed}`;
    for (const rate of [0.1, 0.2]) {
      for (const seed of [0, 1]) {
        const args = ["--set", `rate=${rate}`, "--seed", `${seed}`, "--backend", "reference", "--out", at(rate, seed)];
        assertEquals((await callUntil(["run", program, ...args])).code, 0);
      }
    }
    const lastValues = (path: string): readonly number[] => {
      const { evaluations } = JSON.parse(Deno.readTextFileSync(`${path}/summary.json`));
      return (evaluations.at(-1).reports[0].points.at(-1) as Point).values;
    };
    // one seed: its tasks are the pairs
    const one = await callUntil(["compare", at(0.1, 1), at(0.2, 1), "--json"]);
    const lines = one.out.trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines.map(({ name, setting }) => [name, setting]), [
      ["train.loss of the last meta-step", "rate = 0.1"],
      ["train.loss of the last meta-step", "rate = 0.2"],
      ["test: mean((w@t - q.x)^2)", "rate = 0.1"],
      ["test: mean((w@t - q.x)^2)", "rate = 0.2"],
    ]);
    const expected = pairedDifference(lastValues(at(0.2, 1)), lastValues(at(0.1, 1)));
    assertAlmostEquals(lines[3].difference.value, expected.mean, 0);
    assertEquals([lines[3].difference.interval, lines[3].difference.over], [[...expected.interval!], "tasks"]);
    // several: a table of the settings, each with its folders
    const all = [at(0.1, 0), at(0.2, 0), at(0.1, 1), at(0.2, 1)];
    const { code, out, err } = await callUntil(["compare", ...all]);
    assertEquals([code, err], [0, ""]);
    assertStringIncludes(out, `rate = 0.1  ${at(0.1, 0)} ${at(0.1, 1)}\n`);
    assertStringIncludes(out, "less rate = 0.1");
    assertStringIncludes(out, "pairs: 2 seeds");
    // what cannot be told in few words is told by the folder
    Deno.writeTextFileSync(program, text.replace("sgd(lr = 0.1)", "adam(lr = 0.1)"));
    const other = `${folder}/other`;
    assertEquals((await callUntil(["run", program, "--out", other, "--backend", "reference"])).code, 0);
    const named = await callUntil(["compare", `${other}/`, at(0.1, 0)]);
    assertStringIncludes(named.out, `less ${other}`);
    // the same once more is a setting of its own: two runs of one seed are not two seeds
    const copy = `${folder}/copy`;
    Deno.mkdirSync(copy);
    for (const { name, isFile } of Deno.readDirSync(other)) {
      if (isFile) Deno.copyFileSync(`${other}/${name}`, `${copy}/${name}`);
    }
    const twice = await callUntil(["compare", other, copy]);
    assertEquals(twice.code, 0);
    assert(!twice.out.includes("2 seeds"), twice.out);
    // but the same folder is none, by whichever name
    const same = await callUntil(["compare", other, copy, `${folder}/copy/../other/`]);
    assertEquals([same.code, same.out], [2, ""]);
    assertStringIncludes(same.err, "other/` is given twice");
    // what has not ended, and what is none
    Deno.removeSync(`${other}/summary.json`);
    const open = await callUntil(["compare", at(0.1, 0), other]);
    assertEquals(open.code, 2);
    assertStringIncludes(open.err, `\`resume ${other}\` goes on with it`);
    const none = await callUntil(["compare", folder]);
    assertEquals(none.code, 2);
    assertStringIncludes(none.err, "is no run folder");
    assertStringIncludes((await callUntil(["compare"])).err, "meta.ts compare DIR DIR");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("compare says beside its tables which runs failed, were stopped, or were not written whole", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    const text =
      "edition 1\ninput a = 1\nparam w = 0\nouter train { minimize w + a + log(w + 1)  over w by sgd(lr = 0.1)" +
      "  for 3 steps }\noutput v = w";
    Deno.writeTextFileSync(`${folder}/p.meta`, text);
    const at = (name: string) => `${folder}/${name}`;
    const codes = [];
    for (const [name, lr] of [["whole", 0.1], ["stopped", 0.1], ["cut", 0.1], ["failed", 1]] as const) {
      Deno.writeTextFileSync(`${folder}/p.meta`, text.replace("lr = 0.1", `lr = ${lr}`));
      codes.push((await callUntil(["run", at("p.meta"), "--out", at(name), "--backend", "reference"])).code);
    }
    assertEquals(codes, [0, 0, 0, 3]);
    const change = (name: string, more: object) => {
      const path = `${at(name)}/summary.json`;
      Deno.writeTextFileSync(path, JSON.stringify({ ...JSON.parse(Deno.readTextFileSync(path)), ...more }));
    };
    change("stopped", { outcome: "stopped" });
    change("cut", { missing: ["outputs/v.npy"] });
    const names = ["whole", "stopped", "cut", "failed"].map(at);
    const { out, code } = await callUntil(["compare", ...names]);
    assertEquals(code, 0);
    const { failure } = JSON.parse(Deno.readTextFileSync(`${at("failed")}/summary.json`));
    const lines = out.split("\n").filter((line) => line.startsWith(folder) && line.includes(": "));
    assertEquals(lines, [
      `${at("stopped")}: stopped; \`resume ${at("stopped")}\` goes on`,
      `${at("cut")}: not written: outputs/v.npy; \`resume ${at("cut")}\` goes on`,
      `${at("failed")}: failed: ${failure}`,
    ]);
    const json = (await callUntil(["compare", ...names, "--json"])).out.trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    assertEquals(json.filter(({ kind }) => kind === "notWhole"), [
      { kind: "notWhole", folder: at("stopped"), outcome: "stopped" },
      { kind: "notWhole", folder: at("cut"), outcome: "done", missing: ["outputs/v.npy"] },
      { kind: "notWhole", folder: at("failed"), outcome: "failed", failure },
    ]);
    assertEquals((await callUntil(["compare", at("whole")])).out.includes("whole:"), false);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("compare takes the folder of a sweep for its runs that are done, and says which have not ended", async () => {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/p.meta`, text);
    const runs = [0.1, 0.2].flatMap((rate) => [0, 1].map((seed) => ({ dir: `${rate}-${seed}`, seed, set: { rate } })));
    const command: string[] = [];
    const list = { formatVersion: 1, options: [], runs: runs.map((run) => ({ ...run, command })) };
    Deno.writeTextFileSync(`${folder}/sweep.json`, JSON.stringify(list));
    for (const { dir, seed, set: { rate } } of runs.slice(0, 3)) {
      const args = [
        "--set",
        `rate=${rate}`,
        "--seed",
        `${seed}`,
        "--backend",
        "reference",
        "--out",
        `${folder}/${dir}`,
      ];
      assertEquals((await callUntil(["run", `${folder}/p.meta`, ...args])).code, 0);
    }
    const { code, out, err } = await callUntil(["compare", `${folder}/`]);
    assertEquals([code, err], [0, ""]);
    assertStringIncludes(out, `${folder}: 1 of 4 runs not ended; \`sweep ${folder}\` goes on\n`);
    // but for that, what is said of the same runs by their names
    const named = await callUntil(["compare", ...runs.slice(0, 3).map(({ dir }) => `${folder}/${dir}`)]);
    assertEquals(out.replace(/\n[^\n]*not ended.*\n/, ""), named.out);
    // one that is not whole is in no mean
    const path = `${folder}/0.1-1/summary.json`;
    Deno.writeTextFileSync(path, JSON.stringify({ ...JSON.parse(Deno.readTextFileSync(path)), outcome: "stopped" }));
    const lines = (await callUntil(["compare", folder, "--json"])).out.trim().split("\n").map((line) =>
      JSON.parse(line)
    );
    assertEquals(lines.slice(0, 2), [
      { kind: "notWhole", folder: `${folder}/0.1-1`, outcome: "stopped" },
      { kind: "notEnded", sweep: folder, count: 1, of: 4 },
    ]);
    assertEquals(lines[2].seeds, [0]);
    const twice = await callUntil(["compare", folder, `${folder}/0.1-0`]);
    assertEquals([twice.code, twice.out], [2, ""]);
    assertStringIncludes(twice.err, "is given twice");
    for (
      const damaged of ["{}", '{"formatVersion": 1, "runs": [{"dir": "../x", "seed": 0, "set": {}, "command": []}]}']
    ) {
      Deno.writeTextFileSync(`${folder}/sweep.json`, damaged);
      assertStringIncludes((await callUntil(["compare", folder])).err, "is not what a sweep writes");
    }
    Deno.writeTextFileSync(`${folder}/sweep.json`, '{"formatVersion": 2}');
    assertStringIncludes((await callUntil(["compare", folder])).err, "is of version 2");
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
