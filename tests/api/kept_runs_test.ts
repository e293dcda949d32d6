// Does a script run several seeds as it runs each, and is the folder that it writes the one that the command line leaves?
import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  compareRuns,
  compile,
  compileFile,
  compileUrl,
  FileAccessError,
  restoreRun,
  RunsError,
  writeRunFolder,
} from "../../mod.ts";
import { callUntil } from "../cli/captured_console.ts";
import { files, left, temporaryFolder } from "../cli/left_folder.ts";

const text = `edition 1
precision f64
input steps : int = 4
data d { x : [3] = [1, 2, 4] }
task t { k ~ normal(0, 3)  split s { x : [5] ~ normal(k, 1) } }
param w = 0
inner fit { minimize mean((w - s.x)^2)  over w by sgd(lr = 0.1)  for T = 2 steps }
outer train {
  minimize mean((w@T - s.x)^2) + mean((w@0 - d.x)^2)  across 2 t  over w@0 by sgd(lr = 0.1)  for M = steps steps
  until train.loss < 1e-9
  keep best of check
}
evaluate check { across 3 t  report mean((w@T - s.x)^2) best lowest  every 2 steps of train }
gradient mean((w@T - s.x)^2) wrt w@0 across 2 t
output o = w@0 * d.x
record train.loss, w@0 every 1 steps
`;

const backend = "reference";

Deno.test("runs() makes the runs of each seed, and says in the end which failed", async () => {
  const experiment = compile(text);
  const runs = await experiment.runs({ seeds: [3, 0], backend });
  for (const run of runs) {
    const single = await experiment.run({ seed: run.seed, backend });
    assertEquals(run.losses(), single.losses());
  }
  assertEquals(runs.map(({ seed }) => seed), [3, 0]);
  assertEquals(compareRuns({ all: runs })[0]!.settings[0]!.seeds, [3, 0]);
  await assertRejects(() => experiment.runs({ seeds: [] }), RangeError, "one seed at least");
  await assertRejects(() => experiment.runs({ seeds: [1, 1] }), RangeError, "names 1 twice");
  await assertRejects(() => experiment.runs({ seeds: [1, -1] }), RangeError);
  // the logarithm of a number below 0, with some seeds
  const failing = compile(
    "edition 1\nparam w ~ uniform(-1, 1)\nouter l { minimize log(w)^2 over w by sgd(lr = 0) for 1 steps }",
  );
  const seeds = [0, 1, 2, 3, 4, 5];
  const error: RunsError = await assertRejects(() => failing.runs({ seeds, backend }), RunsError);
  assertEquals(error.runs.map(({ seed }) => seed), seeds);
  const failed = error.runs.filter(({ outcome }) => outcome === "failed");
  assert(failed.length > 0 && failed.length < seeds.length);
  assertEquals(error.failures.map(({ run }) => run), failed);
  assertStringIncludes(error.message, `${failed.length} of 6 runs failed: seed ${failed[0]!.seed}: `);
  // a run that is stopped is the last one
  const stop = new AbortController();
  const stopped = await experiment.runs({ seeds, backend, signal: stop.signal, onStep: () => stop.abort() });
  assertEquals(stopped.map(({ outcome }) => outcome), ["stopped"]);
});

Deno.test("writeRunFolder() leaves what the command line leaves, which is compared, repeated and made longer", async () => {
  const folder = temporaryFolder();
  try {
    Deno.writeTextFileSync(`${folder}/p.meta`, text);
    const at = (name: string) => `${folder}/${name}`;
    assertEquals(
      (await callUntil(["run", at("p.meta"), "--seed", "1", "--backend", backend, "--out", at("cli")])).code,
      0,
    );
    const run = await compileFile(at("p.meta")).run({ seed: 1, backend });
    writeRunFolder(run, at("api"));
    const [own, theirs] = [left(at("api")), left(at("cli"))];
    assertEquals([own.arrays, own.summary], [theirs.arrays, theirs.summary]);
    // its log has the same lines, in the order of the items
    const inOrder = (lines: typeof own.log) => lines.map((line) => JSON.stringify(line)).sort();
    assertEquals(inOrder(own.log), inOrder(theirs.log));
    const names = (name: string) => files(at(name)).filter((file) => !file.startsWith("checkpoints/"));
    assertEquals(names("api"), names("cli"));
    const compared = await callUntil(["compare", at("api"), at("cli")]);
    assertEquals(compared.code, 0);
    assertEquals((await callUntil(["run", at("api"), "--out", at("again")])).code, 0);
    assertEquals(left(at("again")).arrays, theirs.arrays);
    assertEquals((await callUntil(["resume", at("api"), "--set", "steps=6"])).code, 0);
    assertEquals((await callUntil(["resume", at("cli"), "--set", "steps=6"])).code, 0);
    assertEquals(left(at("api")).arrays, left(at("cli")).arrays);
    assertThrows(() => writeRunFolder(run, at("api")), FileAccessError, "is not empty");
    assertThrows(
      () => writeRunFolder(restoreRun(run.serialize()), at("r")),
      RangeError,
      "has no program to write down",
    );
    // what only a script can give again is not left out in silence
    const data = { d: { x: { shape: [3], data: [1, 1, 1] } } };
    const given = await compile(text.replace(" = [1, 2, 4]", ""), { data }).run({ backend });
    writeRunFolder(given, new URL(`file://${at("given")}`));
    const repeated = await callUntil(["run", at("given")]);
    assertEquals(repeated.code, 2);
    assertStringIncludes(repeated.err, "was made by a script, with `data` of its own");
    assertEquals((await callUntil(["compare", at("given")])).code, 0);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

Deno.test("the folder of a run whose data only a script can read says so, and names no file that is not there", async () => {
  const source = 'edition 1\ndata d from "t.csv" { x : [_] }\nevaluate e { report sum(d.x) }\n';
  const folder = temporaryFolder();
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    (request) => new Response(request.url.endsWith(".csv") ? "x\n1\n" : source),
  );
  try {
    const made = {
      read: compile(source, { read: () => "x\n1\n2\n" }),
      compileUrl: await compileUrl(`http://127.0.0.1:${server.addr.port}/p.meta`),
    };
    for (const [name, experiment] of Object.entries(made)) {
      writeRunFolder(await experiment.run({ backend }), `${folder}/${name}`);
      const { code, err } = await callUntil(["run", `${folder}/${name}`]);
      assertEquals(code, 2);
      assertStringIncludes(err, `was made by a script, with \`${name}\` of its own: only a script can repeat it`);
    }
    // what reads nothing is repeated, whoever could have given it something
    writeRunFolder(await compile(text, { read: () => "x\n1\n" }).run({ backend }), `${folder}/plain`);
    assertEquals((await callUntil(["run", `${folder}/plain`])).code, 0);
  } finally {
    await server.shutdown();
    Deno.removeSync(folder, { recursive: true });
  }
});
