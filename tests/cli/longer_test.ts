// Is a run that `resume --set` makes longer, to the last bit, the run that was that long from the start? And is it refused, by name, where
// it is not: where its first meta-steps would have been others?
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { some } from "../thorough.ts";
import { callUntil as call } from "./captured_console.ts";

const two = `edition 1
input m : int = 5
input n : int = 4
input tasks : int = 3
param w = 0.7
param c = 0.5
param d = 0
task problem { k ~ uniform(0, 1)  split s { x : [3] ~ normal(k, 1) } }
inner fit { minimize 0.5 * (w - c)^2  over w by adam(lr = 0.1)  for T = 2 steps  from fit@T }
inner adapt { minimize mean((d - s.x)^2)  over d by sgd(lr = 0.1)  for S = 3 steps }
outer first { minimize 0.5 * (w@T - 2)^2  over c by adam(lr = 0.1)  for m steps  keep best of check }
outer second after first {
  minimize mean((d@S - s.x)^2) + c^2  across 2 problem  over adapt.lr, c by adam(lr = 0.01)  for n steps
}
evaluate check { report c^2  best lowest  every 2 steps of first }
evaluate between after first { report c  report first.t }
evaluate last { across tasks problem  report mean((d@S - s.x)^2) + second.t }
output o = c + adapt.lr
record c, first.loss, second.gradient_norm every 3 steps
record w@*
`;

/** A folder with a program, for as long as `work` takes. */
async function inFolder(program: string, work: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/program.meta`, program);
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** All that a folder says of its run but how long it took. */
function left(path: string, outputs = ["outputs/o.npy"]): unknown {
  const bytes = (name: string) => Deno.readFileSync(`${path}/${name}`).join();
  const timeless = (key: string, value: unknown) => /^(seconds|.*[sS]econds.*|stepsPerSecond)$/.test(key) ? 0 : value;
  const { plans: _plans, ...summary } = JSON.parse(Deno.readTextFileSync(`${path}/summary.json`), timeless);
  return { arrays: ["parameters.safetensors", "trajectories.safetensors", ...outputs].map(bytes), summary };
}

const start = (folder: string, to: string, ...more: string[]) =>
  call([`${folder}/program.meta`, "--out", `${folder}/${to}`, "--json", "--checkpoint", "2 steps", ...more]);

Deno.test("a run that is done is made longer: to the last bit the run that was so long from the start", async () => {
  await inFolder(two, async (folder) => {
    const longer: readonly (readonly string[])[] = [["m=8", "n=6"], ["n=7"], ["tasks=5"], ["m=8"]];
    for (const [i, values] of some(longer, 2).entries()) {
      const sets = values.flatMap((value) => ["--set", value]);
      const [whole, path] = [`${folder}/whole${i}`, `${folder}/run${i}`];
      assertEquals((await start(folder, `whole${i}`, ...sets)).code, 0);
      assertEquals((await start(folder, `run${i}`)).code, 0);
      const { code, err } = await call(["resume", path, ...sets]);
      assertEquals(code, 0, err);
      // where the outer ended that is longer now, not anew
      assertStringIncludes(
        err,
        values.includes("m=8") ? "before meta-step 5 of `first`" : "before meta-step 4 of `second`",
      );
      assertEquals(left(path), left(whole), values.join());
      // and it stays so
      assertStringIncludes((await call(["resume", path])).err, "nothing left to do");
      assertStringIncludes((await call(["resume", path, ...sets])).err, "nothing left to do");
      const log = Deno.readTextFileSync(`${path}/metrics.jsonl`);
      assertEquals(log.match(/"kind":"started"/g)!.length, 2);
      assertEquals(log.match(/"name":"last"/g)!.length, 1);
    }
  });
});

Deno.test("a run that is killed while it is made longer goes on as the longer one", async () => {
  await inFolder(two, async (folder) => {
    await start(folder, "whole", "--set", "m=9");
    for (const lines of some([1, 9, 5], 2)) {
      const path = `${folder}/run${lines}`;
      await start(folder, `run${lines}`);
      const killed = await call(["resume", path, "--set", "m=9", "--json", "--checkpoint", "2 steps"], lines);
      assertEquals(killed.code, 3);
      assert(![...Deno.readDirSync(path)].some(({ name }) => name === "summary.json"), "it is not complete");
      // what the shorter run was after that has not been
      const names = [...Deno.readDirSync(`${path}/checkpoints`)].map(({ name }) => name);
      if (lines === 1) {
        assertEquals(names.filter((name) => name.includes("-end-")).map((n) => n.slice(6)), ["-end-1.safetensors"]);
      }
      const { code, err } = await call(["resume", path]);
      assertEquals(code, 0, err);
      assert(/before meta-step [5-9] of `first`|of `second`/.test(err), err);
      assertEquals(left(path), left(`${folder}/whole`), `killed after ${lines} lines`);
    }
  });
});

Deno.test("a run is not made longer where its first meta-steps would have been others, nor shorter", async () => {
  const reads = (what: string) =>
    `edition 1
    input m : int = 5
    input rate : float = 0.1
    param w = 0.7
    param c = 0.5
    inner fit { minimize 0.5 * (w - c)^2  over w by sgd(lr = rate)  for T = 2 steps }
    outer train { minimize (w@T - 2)^2 ${
      what.includes("t /") ? `* (${what})` : ""
    }  over c by sgd(lr = 0.1)  for M = m steps }
    ${what.includes("t /") ? "" : what}
    output o = c
`;
  const refused: readonly (readonly [program: string, set: string, says: string])[] = [
    [reads("1 - t / M"), "m=9", "`train` would have gone another way: a meta-step of it computes something else"],
    [reads("override train { lr@t = 0.1 * cosine(t, m) }"), "m=9", "a meta-step of it computes something else"],
    // of every second meta-step, and now of every one
    [reads("record w@* every 7 - m steps"), "m=6", "other meta-steps of it would have been recorded"],
    // the ninth number of a constant, which is not printed
    [
      reads("").replace("output", "override train { lr = sum([1, 1, 1, 1, 1, 1, 1, 1, m] * 0.01) }\noutput"),
      "m=9",
      "something else",
    ],
    [reads(""), "rate=0.2", "a meta-step of it computes something else"],
    [reads(""), "m=4", "`train` has made 5 meta-steps already, and is to make 4"],
    [reads("evaluate e { report c  every m steps of train }"), "m=9", "the evaluations during it are others"],
  ];
  for (const [program, set, says] of refused) {
    await inFolder(program, async (folder) => {
      assertEquals((await start(folder, "run")).code, 0, program);
      const before = left(`${folder}/run`);
      const { code, err } = await call(["resume", `${folder}/run`, "--set", set]);
      assertEquals(code, 2, err);
      assertStringIncludes(err, says);
      assertStringIncludes(err, set.startsWith("m") ? "`m` (not given before, now" : "`rate` (not given before");
      assertEquals(left(`${folder}/run`), before, "what was there stays");
    });
  }
  await inFolder(reads(""), async (folder) => {
    await start(folder, "off");
    for (const { name } of Deno.readDirSync(`${folder}/off/checkpoints`)) {
      Deno.removeSync(`${folder}/off/checkpoints/${name}`);
    }
    const { code, err } = await call(["resume", `${folder}/off`, "--set", "m=9"]);
    assertEquals(code, 2, err);
    assertStringIncludes(err, "has no checkpoint from which it could be made longer");
    const unknown = await call(["resume", `${folder}/off`, "--set", "mm=9"]);
    assertEquals(unknown.code, 1);
    assertStringIncludes(unknown.err, "mm");
  });
});

Deno.test("limits and memory are those of the folder, and what is given anew is kept there", async () => {
  await inFolder(two, async (folder) => {
    const path = `${folder}/run`;
    const effective = () => JSON.parse(Deno.readTextFileSync(`${path}/effective.json`));
    await call(
      [
        `${folder}/program.meta`,
        "--out",
        path,
        "--json",
        "--checkpoint",
        "2 steps",
        "--memory=2MB",
        "--limits=untrusted",
      ]
        .concat("--limit=tasks=50", "--limit=memory=inf"),
      8,
    );
    assertEquals(effective().memory, 2e6);
    const { tasks, memory, steps } = effective().limits;
    assertEquals([tasks, memory, steps], [50, "Infinity", 100_000]);
    const beyond = await call(["resume", path, "--set", "tasks=60"]);
    assertEquals(beyond.code, 1);
    assertStringIncludes(beyond.err, "across 60 tasks at a time, and 50 are allowed");
    const { code, err } = await call(["resume", path, "--set", "tasks=60", "--limit", "tasks=70", "--memory", "3MB"]);
    assertEquals(code, 0, err);
    assertEquals([effective().limits.tasks, effective().limits.steps, effective().memory], [70, 100_000, 3e6]);
    assertEquals(effective().inputs, { tasks: 60 });

    // a folder of before has none
    const { limits: _limits, ...before } = effective();
    Deno.writeTextFileSync(`${path}/effective.json`, JSON.stringify(before));
    Deno.removeSync(`${path}/summary.json`);
    assertEquals((await call(["resume", path])).code, 0);
    assertEquals(effective().limits, {});
  });
});
