// Does `meta.ts resume DIR` go on with a run that was cut off, to the same bits and the same log? Runs are cut off wherever they say
// something; folders are damaged; programs and data change in between.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { callUntil as call } from "./captured_console.ts";
import { files, left } from "./left_folder.ts";

const program = `edition 1
data train { x : [_, 1]  y : [_] }
import double from "parts.meta"
task problem { k ~ uniform(0, 1)  split s { x : [3] ~ normal(k, 1) } }
model line(x : [n, 1]) -> [n] { w : [1] ~ normal(0, 1)  return dot(x, w) }
param c = 0.5
param d = 0
inner fit { minimize mse(line(train.x), c * train.y)  over line by adam(lr = 0.1)  for T = 2 steps  from fit@T }
inner adapt { minimize mean((d - s.x)^2)  over d by sgd(lr = 0.1)  for S = 3 steps }
outer first {
  minimize mse(line@T(train.x), train.y)  over c by adam(lr = 0.1)  for 7 steps  keep best of check
}
outer second after first {
  minimize mean((d@S - s.x)^2) + double(c)^2  across 2 problem  over adapt.lr, c by rmsprop(lr = 0.01)  for 5 steps
}
evaluate check { report mse(line@0(train.x), train.y)  best lowest  every 2 steps of first }
evaluate between after first { report c  report first.t }
gradient mse(line@T(train.x), train.y) wrt c after second
output o = line@T(train.x)
record c, first.loss, second.gradient_norm every 3 steps
`.replace("data train {", 'data train from "train.csv" {');

/** A folder with the program, for as long as `work` takes. */
async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    Deno.writeTextFileSync(`${folder}/program.meta`, program);
    Deno.writeTextFileSync(`${folder}/parts.meta`, "edition 1\nfn double(x) = 2 * x\n");
    Deno.writeTextFileSync(`${folder}/train.csv`, "x,y\n1,2\n2,4.5\n-1,-2\n");
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const run = (folder: string, to: string, lines?: number, every = "2 steps") =>
  call([`${folder}/program.meta`, "--out", `${folder}/${to}`, "--json", "--checkpoint", every], lines);

Deno.test("a run that is cut off wherever it says something is resumed to the same bits and the same log", async () => {
  await inFolder(async (folder) => {
    const whole = await run(folder, "whole");
    assertEquals(whole.code, 0, whole.err);
    const lines = whole.out.trim().split("\n").length;
    const wanted = left(`${folder}/whole`);
    const goneOn = new Set<string>();
    // on a slow machine the progress of a run has more lines than that of another
    for (let cut = 1; cut < lines - 3; cut += 3) {
      const path = `${folder}/cut${cut}`;
      const killed = await run(folder, `cut${cut}`, cut);
      assertEquals(killed.code, 3);
      assert(!files(path).includes("summary.json"));
      const { code, err } = await call(["resume", `${path}/`]);
      assertEquals(code, 0, err);
      goneOn.add(/goes on (.*)/.exec(err)![1]!);
      assertEquals(left(path), wanted, `cut off after ${cut} lines`);
      assertEquals(files(path).filter((f) => f.endsWith(".tmp")), []);
      // of each outer's end there is one, too
      assert(files(path).filter((f) => f.startsWith("checkpoints/")).length <= 3 + 2);
    }
    // where that is, and how many there are, depends on how many meta-steps were one call
    const places = [...goneOn];
    for (const outer of ["first", "second"]) {
      assert(places.some((p) => new RegExp(`before meta-step [1-9] of .${outer}`).test(p)), places.join());
    }
    // and a run that is done stays so
    const again = await call(["resume", `${folder}/whole`]);
    assertEquals([again.code, again.out], [0, ""]);
    assertStringIncludes(again.err, "nothing left to do");
  });
});

Deno.test("what has changed is said, and nothing begins anew", async () => {
  await inFolder(async (folder) => {
    const { out } = await run(folder, "other");
    const lines = out.trim().split("\n").length;
    await run(folder, "run", lines - 4);
    const path = `${folder}/run`;
    const names = files(path).filter((f) => f.startsWith("checkpoints/"));
    const ends = names.filter((name) => name.includes("-end-")).length;
    assert(ends >= 1 && names.length - ends >= 1 && names.length - ends <= 3, names.join());
    const changed = async (file: string, text: string, says: string) => {
      const before = Deno.readTextFileSync(file);
      Deno.writeTextFileSync(file, text);
      const { code, err } = await call(["resume", path]);
      assertEquals(code, 2, err);
      assertStringIncludes(err, says);
      Deno.writeTextFileSync(file, before);
    };
    await changed(
      `${folder}/train.csv`,
      "x,y\n1,2\n2,4.5\n-1,-3\n",
      "`train.csv` is not the file that the run began with",
    );
    await changed(`${path}/experiment.meta`, program.replace("c = 0.5", "c = 0.6"), "the text of the program; take it");
    await changed(`${path}/parts.meta`, "edition 1\nfn double(x) = 2.5 * x\n", "the import `parts.meta`; take it back");
    const effective = Deno.readTextFileSync(`${path}/effective.json`);
    const said = (part: string, other: unknown) => JSON.stringify({ ...JSON.parse(effective), [part]: other });
    await changed(`${path}/effective.json`, said("seed", 7), "the seed (0 before, now 7)");
    await changed(`${path}/effective.json`, said("backend", "reference"), "the backend (wasm before, now reference)");
    // the data that was read, by its tables, where the folder no longer says of which files
    const train = Deno.readTextFileSync(`${folder}/train.csv`);
    Deno.writeTextFileSync(`${folder}/train.csv`, "x,y\n1,2\n2,4.5\n-1,-3\n");
    await changed(`${path}/effective.json`, said("data", []), "the data `train.y`; take it back");
    Deno.writeTextFileSync(`${folder}/train.csv`, train);
    Deno.renameSync(`${folder}/train.csv`, `${folder}/moved.csv`);
    const moved = await call(["resume", path]);
    assertEquals(moved.code, 1);
    const lay = `note: \`train.csv\` lay in \`${
      Deno.realPathSync(folder)
    }\` when the run began; name the folder it lies in now`;
    assertStringIncludes(moved.err, lay);
    Deno.renameSync(`${folder}/moved.csv`, `${folder}/train.csv`);
    Deno.mkdirSync(`${path}/checkpoints/000999.safetensors`); // a folder is no checkpoint
    // the newest is damaged: the one before it counts
    const newest = `${path}/${names.at(-1)}`;
    const bytes = Deno.readFileSync(newest);
    Deno.writeFileSync(newest, bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1));
    const older = await call(["resume", path, "--checkpoint", "off"]);
    assertEquals(older.code, 0, older.err);
    assertStringIncludes(
      older.err,
      `warning: this checkpoint cannot be read, and an earlier one counts: \`${newest}\`: `,
    );
    Deno.removeSync(`${path}/checkpoints/000999.safetensors`);
    assertEquals(left(path), left(`${folder}/other`));

    await run(folder, "broken", lines - 4);
    for (const name of files(`${folder}/broken`).filter((f) => f.startsWith("checkpoints/"))) {
      Deno.truncateSync(`${folder}/broken/${name}`, 100);
    }
    const none = await call(["resume", `${folder}/broken`]);
    assertEquals(none.code, 2);
    assertStringIncludes(none.err, "None of the checkpoints can be read, and a run that has some never begins anew");
    const nowhere = await call(["resume", folder]);
    assertEquals(nowhere.code, 2);
    assertStringIncludes(nowhere.err, "is no run folder");
  });
});

Deno.test("a folder that a run is writing to is left alone", async () => {
  await inFolder(async (folder) => {
    const { out } = await run(folder, "run", 8);
    const path = `${folder}/run`;
    const before = files(path).map((name) => Deno.readFileSync(`${path}/${name}`).join());
    using log = Deno.openSync(`${path}/metrics.jsonl`, { append: true });
    assert(log.tryLockSync(true), out);
    const { code, err } = await call(["resume", path]);
    assertEquals(code, 2, err);
    assertStringIncludes(err, "Another run is writing to");
    assertEquals(files(path).map((name) => Deno.readFileSync(`${path}/${name}`).join()), before);
    log.unlockSync();
    assertEquals((await call(["resume", path])).code, 0);
  });
});

Deno.test("without a checkpoint a run begins anew in its folder", async () => {
  await inFolder(async (folder) => {
    await run(folder, "whole", undefined, "off");
    await run(folder, "cut", 6, "off");
    assertEquals(files(`${folder}/cut`).filter((f) => f.startsWith("checkpoints")), []);
    const { code, err } = await call(["resume", `${folder}/cut`]);
    assertEquals(code, 0);
    assertStringIncludes(err, "from its beginning: it has no checkpoint");
    assertEquals(left(`${folder}/cut`), left(`${folder}/whole`));
  });
});

Deno.test("images that have changed, and one more or less, are named by their pattern", async () => {
  const folder = Deno.makeTempDirSync();
  const glyphs = new URL("../programs/good/shared/glyphs/", import.meta.url);
  const image = (name: string) => Deno.readFileSync(new URL(`${name}.png`, glyphs));
  try {
    Deno.mkdirSync(`${folder}/glyphs/a`, { recursive: true });
    for (const name of ["1", "2"]) Deno.writeFileSync(`${folder}/glyphs/a/${name}.png`, image(`futhark/a/${name}`));
    Deno.writeTextFileSync(
      `${folder}/program.meta`,
      `edition 1
data glyphs from "glyphs/*/*.png" { image : u8 [_, 2, 4]  label : int [_] from folder 1 }
param w = 0.5
outer train { minimize mean((w - glyphs.image / 255)^2) + glyphs.label[0]  over w by sgd(lr = 0.1)  for 6 steps }
output o = w
`,
    );
    const whole = await run(folder, "whole");
    assertEquals(whole.code, 0, whole.err);
    const { data } = JSON.parse(Deno.readTextFileSync(`${folder}/whole/effective.json`));
    assertEquals([data.length, data[0].path, data[0].files], [1, "glyphs/*/*.png", 2]);
    assertEquals((await run(folder, "cut", 3)).code, 3);
    const refused = async (says: string) => {
      const { code, err } = await call(["resume", `${folder}/cut`]);
      assertEquals(code, 2, err);
      assertStringIncludes(err, says);
    };
    const second = `${folder}/glyphs/a/2.png`;
    Deno.writeFileSync(second, image("futhark/b/1"));
    await refused("The files `glyphs/*/*.png` are not those that the run began with (a name or what is in one)");
    Deno.removeSync(second);
    await refused("(1 file, and there were 2)");
    Deno.renameSync(`${folder}/glyphs`, `${folder}/moved`);
    const moved = await call(["resume", `${folder}/cut`]);
    assertEquals(moved.code, 1);
    assertStringIncludes(moved.err, "name the folder it lies in now with --data");
    Deno.renameSync(`${folder}/moved`, `${folder}/glyphs`);
    Deno.writeFileSync(second, image("futhark/a/2"));
    const { code, err } = await call(["resume", `${folder}/cut`]);
    assertEquals(code, 0, err);
    assertEquals(left(`${folder}/cut`), left(`${folder}/whole`));
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
