// Does `meta.ts new` write programs that run at once and learn, with data that come along wherever it was imported from, and does it
// overwrite nothing?
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { compile, format, type Run } from "../../mod.ts";
import { dataOf, type NewProgram, newPrograms } from "../../cli/new_programs.ts";
import { digits, letters } from "../../examples/data_of_new.ts";
import { openArchive } from "../../dsl/data/npz.ts";
import { main } from "../../meta.ts";
import { encodeNpy } from "../../runtime/record/npy.ts";
import { type Disk, systemDisk } from "../../runtime/record/disk.ts";
import { joined } from "../joined.ts";
import { some, thorough } from "../thorough.ts";
import { capturedConsole } from "./captured_console.ts";
import { oddDisk, systemErrors } from "./odd_disks.ts";
import { temporaryFolder } from "./left_folder.ts";

const metaFile = new URL("../../meta.ts", import.meta.url).pathname;

async function meta(args: readonly string[], disk: Disk = systemDisk) {
  const console = capturedConsole();
  const code = await main(args, console, disk);
  return { code, ...console.written };
}

async function inFolder(work: (folder: string) => Promise<void>, folder = temporaryFolder()): Promise<void> {
  try {
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

const filesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

// ----------------------------------------------------------------------------------------------------------- the programs

async function compiled({ text, data }: NewProgram, inputs: Record<string, number> = {}) {
  const bytes = data && await dataOf(data);
  return compile(text, { inputs, read: (path) => path === data ? bytes : undefined });
}

Deno.test("the data of new programs are those that their script takes, 300 kB at most in all", async () => {
  const npz = await dataOf("letters.npz");
  const files = openArchive(npz);
  for (const [name, array] of Object.entries(letters())) {
    const [stands, taken] = [files.get(`${name}.npy`)!.unpack(), joined(encodeNpy(array))];
    assert(stands.length === taken.length && stands.every((byte, i) => byte === taken[i]), name);
  }
  const csv = await dataOf("digits.csv");
  assertEquals(new TextDecoder().decode(csv), digits());
  const stored = Deno.statSync(new URL("../../cli/new/letters.npz.base64", import.meta.url)).size;
  assert(npz.length + csv.length <= 300_000 && stored + csv.length <= 300_000, `${npz.length} ${csv.length} ${stored}`);
});

/** How far the mean of the last losses is below that of the first ones, in standard errors: the tasks of each meta-step are drawn for
 *  themselves, so that of a loop which learns nothing it is about a normal number, and above 4 once in 30,000 times. */
function fallOf(losses: Float64Array, count: number): number {
  const [first, last] = [losses.slice(0, count), losses.slice(-count)];
  const mean = (x: Float64Array) => x.reduce((a, b) => a + b) / x.length;
  const variance = (x: Float64Array) => x.reduce((sum, y) => sum + (y - mean(x)) ** 2, 0) / (x.length - 1) / x.length;
  return (mean(first) - mean(last)) / Math.sqrt(variance(first) + variance(last));
}

/** How far the last mean of an evaluation is above `chance`, in standard errors of its tasks. */
function above(run: Run, evaluation: string, chance: number): number {
  const { values, mean } = run.evaluation(evaluation).reports[0]!.points.at(-1)!;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return (mean - chance) / Math.sqrt(squares / (values.length - 1) / values.length);
}

/** What each program shows after few meta-steps: a number that is about normal where nothing is learned. */
const learning: Readonly<Record<string, { readonly steps: number; of(run: Run): number }>> = {
  maml: { steps: 300, of: (run) => fallOf(run.losses(), 100) },
  few_shot: { steps: 4, of: (run) => above(run, "test", 1 / 5) },
  hyper: { steps: 10, of: (run) => fallOf(run.losses(), 4) },
  distill: { steps: 20, of: (run) => above(run, "test", 1 / 10) },
  learned_optimizer: { steps: 100, of: (run) => fallOf(run.losses(), 30) },
};

Deno.test("new programs are in the one style, and say what they are and whose data they read", () => {
  for (const { text, data } of Object.values(newPrograms)) {
    assertEquals(format(text), text);
    assert(text.startsWith("edition 1\n\n/// "));
    assert(text.split("\n").every((line) => line.length <= 120));
    // the licences of fonts and digits ask for it
    if (data) assertStringIncludes(text, `/// ${data}: `);
  }
});

for (const [name, program] of some(Object.entries(newPrograms), 3)) {
  Deno.test(`the new program ${name} runs without a word, and learns in few meta-steps`, async () => {
    const { steps, of } = learning[name]!;
    // tests and checks of as many tasks as a bound takes
    const text = program.text.replace(/across (\d{2,}) (?=episode)/g, "across 12 ");
    const experiment = await compiled({ ...program, text }, { meta_steps: steps });
    assertEquals(experiment.warnings, []);
    const run = await experiment.run();
    assertEquals([run.outcome, run.ending().done], ["done", steps]);
    assert(of(run) > 4, `${of(run)}`);
  });
}

// --------------------------------------------------------------------------------------------------------------- the verb

Deno.test("new NAME writes a program that is checked without a word, and says what comes next", () =>
  inFolder(async (folder) => {
    const { code, out, err } = await meta(["new", `${folder}/first`]);
    assertEquals([code, err, filesIn(`${folder}/first`)], [0, "", ["maml.meta"]]);
    assertEquals(Deno.readTextFileSync(`${folder}/first/maml.meta`), newPrograms.maml!.text);
    const commands = out.split("\n").filter((line) => line.startsWith("  deno run "));
    assertEquals(commands.length, 3, out);
    for (const line of commands) {
      const words = line.trim().split(" ");
      assertEquals(words.slice(2, words.indexOf("meta.ts")).filter((flag) => !/^--allow-(read|write)=/.test(flag)), []);
    }
    // the first of them, as it is printed
    const words = commands[0]!.trim().split(" ");
    assertEquals(await meta(words.slice(words.indexOf("meta.ts") + 1)), {
      code: 0,
      out: `${folder}/first/maml.meta: ok\n`,
      err: "",
    });
  }));

Deno.test("new NAME --from PROGRAM writes the data, too; a folder that is called as a program gets that one", () =>
  inFolder(async (folder) => {
    for (const [name, program] of Object.entries(newPrograms)) {
      const args = name === "hyper" ? ["new", `${folder}/${name}/`] : ["new", `${folder}/${name}`, "--from", name];
      const { code, out } = await meta(args);
      assertEquals(code, 0);
      assertEquals(out.includes("begins from another one"), name === "hyper");
      assertEquals(filesIn(`${folder}/${name}`), [`${name}.meta`, ...(program.data ? [program.data] : [])].sort());
    }
    assertEquals((await meta(["check", `${folder}/hyper/hyper.meta`])).code, 0);
    assertEquals((await meta(["new", `${folder}/here/and/there`])).code, 0);
    // what a shell takes apart is quoted
    const { out } = await meta(["new", `${folder}/it's new`]);
    assertStringIncludes(out, `check '${folder}/it'\\''s new/maml.meta'`);
  }));

Deno.test("new overwrites nothing, and leaves nothing where it cannot write", () =>
  inFolder(async (folder) => {
    Deno.mkdirSync(`${folder}/full`);
    Deno.writeTextFileSync(`${folder}/full/mine.txt`, "mine");
    const full = await meta(["new", `${folder}/full`]);
    assertEquals([full.code, full.out, filesIn(`${folder}/full`)], [2, "", ["mine.txt"]]);
    assertStringIncludes(full.err, `The folder \`${folder}/full\` is not empty, and \`new\` never overwrites anything`);
    const file = await meta(["new", `${folder}/full/mine.txt`]);
    assertEquals(file.code, 2);
    assertStringIncludes(file.err, `\`${folder}/full/mine.txt\` is a file, and a folder is to be made`);
    const long = await meta(["new", `${folder}/${"x".repeat(300)}`]);
    assertEquals(long.code, 2);
    assertStringIncludes(long.err, "its name is too long");
    Deno.mkdirSync(`${folder}/empty`);
    assertEquals((await meta(["new", `${folder}/empty`])).code, 0);
    // each operation fails once
    for (let number = 1, failed = true; failed; number++) {
      const disk = oddDisk((operation) => operation.number === number ? systemErrors.EACCES!() : "done");
      const { code, err } = await meta(["new", `${folder}/odd`, "--from", "hyper"], disk);
      failed = code !== 0;
      if (!failed) break;
      assertEquals([code, err.includes("Cannot write") && err.includes("the operating system refuses it")], [2, true]);
      assertEquals(filesIn(folder).includes("odd"), false, `${number}`);
    }
    assertEquals(filesIn(`${folder}/odd`), ["digits.csv", "hyper.meta"]);
    const disk = oddDisk(({ kind }) => kind === "write" ? systemErrors.ENOSPC!() : "done");
    const noRoom = await meta(["new", `${folder}/none`], disk);
    assertEquals([noRoom.code, filesIn(folder).includes("none")], [3, false]);
    assertStringIncludes(noRoom.err, "the disk is full");
  }));

async function spawned(flags: readonly string[], args: readonly string[], cwd: string) {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", ...flags, ...args],
    cwd,
  });
  const { code, stdout, stderr } = await command.output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)) as [string, string];
  return { code, out, err };
}

Deno.test("new needs no other permission than to read and write its folder, and says which one is missing", () =>
  inFolder(async (folder) => {
    const args = [metaFile, "new", "letters", "--from", "few_shot"];
    const missing = async (flags: readonly string[]) => {
      const { code, err } = await spawned(flags, args, folder);
      return [code, err.trim(), filesIn(folder)];
    };
    const said = "Deno was not given the permission; add";
    assertEquals(await missing(["--allow-write=letters"]), [
      2,
      `error: Cannot write \`letters/letters.npz\`: ${said} --allow-read=letters`,
      [],
    ]);
    assertEquals(await missing(["--allow-read=letters", "--allow-write=letters"]), [0, "", ["letters"]]);
    assertEquals(filesIn(`${folder}/letters`), ["few_shot.meta", "letters.npz"]);
    // Deno lets nobody write there who is not permitted everything
  }, Deno.makeTempDirSync()));

Deno.test({
  name: "new works where the command line was imported by URL: data come along, and nothing else is permitted",
  ignore: !thorough,
  fn: () =>
    inFolder(async (folder) => {
      const root = new URL("../../", import.meta.url);
      const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => {
        const path = new URL(request.url).pathname.slice(1);
        const type = path.endsWith(".ts") ? "application/typescript" : "text/plain";
        return new Response(Deno.readFileSync(new URL(path, root)), { headers: { "content-type": type } });
      });
      const host = `127.0.0.1:${server.addr.port}`;
      try {
        const address = `http://${host}/meta.ts`;
        const flags = [`--allow-import=${host}`, `--reload=http://${host}`, "--allow-read=a", "--allow-write=a"];
        const { code, out, err } = await spawned(flags, [address, "new", "a", "--from", "few_shot"], folder);
        assertEquals([code, err], [0, ""]);
        assertEquals(filesIn(`${folder}/a`), ["few_shot.meta", "letters.npz"]);
        assertStringIncludes(out, `deno run --allow-read=a ${address} check a/few_shot.meta`);
      } finally {
        await server.shutdown();
      }
    }, Deno.makeTempDirSync()),
});

Deno.test("a first word that is no file and no verb is told which verb it was meant to be", async () => {
  for (const word of ["init", "create", "scaffold"]) {
    const { code, err } = await meta([word]);
    assertEquals(code, 2);
    assertStringIncludes(err, `There is no verb \`${word}\`, and no program of this name; did you mean \`new\`?`);
  }
});
