// Does the built file do in Deno, Node and pages what `mod.ts` does in Deno? The same list of facts (`everywhere.js`) is asked in each, in a
// process of its own, from a folder that is empty but for what is named. Its own part of the gate; where a runtime is not there, its
// tests are named as ignored.
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import jpeg from "npm:jpeg-js@0.4.4";
import { build } from "../../build/build.ts";
import { together } from "../../build/declarations.ts";
import { chromium } from "../../build/chromium.ts";
import { until } from "../waits.ts";
import { type FromPage, serve } from "./served.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => Deno.readFileSync(new URL(path, root));
const everywhere = Deno.readTextFileSync(new URL("everywhere.js", import.meta.url));

const work = new URL(`file://${Deno.makeTempDirSync()}/`);
addEventListener("unload", () => Deno.removeSync(work, { recursive: true }));
await build(work);
const built = Deno.readTextFileSync(new URL("meta.mjs", work));
const types = Deno.readTextFileSync(new URL("meta.d.mts", work));

const images = "tests/programs/good/shared/glyphs/ogham/a/";
const zipped = new Response(
  new Blob(["a\n1\n2.5\n"]).stream().pipeThrough(new CompressionStream("gzip")),
);
const files: Readonly<Record<string, Uint8Array>> = {
  "toy.csv": read("examples/toy.csv"),
  "packed.npz": read("tests/dsl/data/arrays/packed.npz"),
  "kinds.parquet": read("tests/dsl/data/tables/kinds.parquet"),
  "t.csv.gz": new Uint8Array(await zipped.arrayBuffer()),
  "images/1.png": read(`${images}1.png`),
  "images/2.png": read(`${images}2.png`),
  "photos/1.jpg": new Uint8Array(jpeg.encode({ width: 2, height: 2, data: new Uint8Array(16).fill(99) }, 100).data),
};
const place = {
  toy: new TextDecoder().decode(read("examples/toy.meta")),
  files: Object.fromEntries(Object.entries(files).map(([name, bytes]) => [name, bytes.toBase64()])),
  path: new URL("examples/toy.meta", root).pathname,
  mostSteps: 3_000,
};

const served = serve({
  "meta.mjs": built,
  "meta.d.mts": types,
  "everywhere.js": everywhere,
  "place.json": JSON.stringify({ ...place, path: undefined, address: "/toy/toy.meta" }),
  "toy/toy.meta": place.toy,
  "toy/toy.csv": new Uint8Array(files["toy.csv"]!),
}, root);
addEventListener("unload", () => void served.close());
const url = `${served.url}/meta.mjs`;

/** A folder with some files. */
function folderOf(contents: Readonly<Record<string, string>>): string {
  const folder = Deno.makeTempDirSync({ dir: work.pathname });
  for (const [name, text] of Object.entries(contents)) Deno.writeTextFileSync(`${folder}/${name}`, text);
  return folder;
}

/** What a project of Node has beside its scripts, with a package that is not installed. */
const project = {
  "package.json": JSON.stringify({ name: "mine", type: "commonjs", dependencies: { "left-pad": "1.3.0" } }),
};

const asking = (from: string, send = "console.log(JSON.stringify(said));", before = "") => `
import * as meta from ${JSON.stringify(from)};
import { facts } from "./everywhere.mjs";
${before}
const said = await facts(meta, ${JSON.stringify({ ...place, folder: "left", address: `${served.url}/toy/toy.meta` })});
${send}
`;

/** Runs a command, and gives what it printed. Fails with what it said where it failed. */
async function printed(command: string, args: readonly string[], cwd: string): Promise<string> {
  const program = command === "deno" ? Deno.execPath() : command;
  const env = { NO_COLOR: "1" };
  const { code, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd, env }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)) as [string, string];
  assertEquals(code, 0, `${command} ${args.join(" ")}\n${out}${err}`);
  return out;
}

/** What Deno needs to import from the server, and to read the program. */
const permissions = [
  "--quiet",
  "--no-prompt",
  "--no-lock",
  `--allow-import=${new URL(url).host}`,
  `--reload=${served.url}`,
];
const net = `--allow-net=${new URL(url).host}`;
const reading = `--allow-read=${new URL("examples/", root).pathname},.,left`;

interface Facts {
  readonly tensorflow: { readonly message: string };
  readonly file: { readonly value?: number; readonly message?: string };
  readonly folder: { readonly value?: readonly unknown[]; readonly message?: string };
  readonly threads: { readonly joined: boolean; readonly same: boolean };
  readonly served: unknown;
  readonly reported: unknown;
  readonly read: { readonly value?: readonly number[] };
}

/** The facts as `mod.ts` has them, in Deno. */
const factsInDeno = async (before?: string): Promise<Facts> =>
  JSON.parse(
    await printed(
      "deno",
      ["run", "--quiet", "-A", "ask.mjs"],
      folderOf({ "everywhere.mjs": everywhere, "ask.mjs": asking(new URL("mod.ts", root).href, undefined, before) }),
    ),
  );

const expected = await factsInDeno();

/** The same where vectors cannot be multiplied and added in one instruction, as in Node 20. */
const notFused = await factsInDeno("WebAssembly.validate = () => false;");

/** The same facts, but for what the built file does not have. */
function assertSame(said: Facts, { files = true, threads = true, facts = expected } = {}): void {
  assertStringIncludes(said.tensorflow.message, "the built file comes without it");
  if (!files) assertStringIncludes(said.file.message!, "a page has no files: `compile` takes the text");
  assertEquals(said.threads.joined, threads, "other threads take part");
  if (!files) assertStringIncludes(said.folder.message!, "Cannot write `left`: a page has no files");
  const same = {
    ...facts,
    tensorflow: said.tensorflow,
    file: files ? facts.file : said.file,
    folder: files ? facts.folder : said.folder,
    threads: { ...facts.threads, joined: threads },
  };
  assertEquals(said, same);
}

Deno.test("the facts of mod.ts are facts: threads take part, to the same bits, and files are read", () => {
  assertEquals(expected.threads.joined && expected.threads.same, true);
  assertEquals(expected.file.value, 0.011927987982895832);
  assertEquals(expected.read.value?.length, 5);
  assertEquals(expected.served, expected.file);
  assertEquals(expected.reported, { value: [true, true] });
  assertEquals(expected.folder.value?.[0], "done");
});

for (const [where, beside] of [["an empty folder", {}], ["a folder with a package.json", project]] as const) {
  Deno.test(`Deno imports it by URL from ${where}, by one request`, async () => {
    const folder = folderOf({ ...beside, "everywhere.mjs": everywhere, "ask.mjs": asking(url) });
    served.asked();
    assertSame(
      JSON.parse(await printed("deno", ["run", ...permissions, reading, net, "--allow-write=left", "ask.mjs"], folder)),
    );
    assertEquals(served.asked().filter((path) => !path.startsWith("/toy/")), ["/meta.mjs"]);
  });

  Deno.test(`Deno checks a script with its types in ${where}, and sees what is wrong`, async () => {
    const folder = folderOf({ ...beside, "consumer.ts": consumer(url), "wrong.ts": wrongConsumer(url) });
    const check = ["check", ...permissions.filter((each) => each !== "--no-prompt")];
    await printed("deno", [...check, "consumer.ts"], folder);
    const failed = await new Deno.Command(Deno.execPath(), { args: [...check, "wrong.ts"], cwd: folder }).output();
    assertStringIncludes(new TextDecoder().decode(failed.stderr), "onSteps");
    assertEquals(failed.success, false);
  });

  Deno.test(`deno bundle makes one file of a script with it in ${where}`, async () => {
    const folder = folderOf({ ...beside, "everywhere.mjs": everywhere, "ask.mjs": asking(url) });
    const bundle = permissions.filter((each) => each !== "--no-prompt");
    await printed("deno", ["bundle", ...bundle, "-o", "one.mjs", "ask.mjs"], folder);
    const one = `${folder}/one.mjs`;
    assertSame(
      JSON.parse(
        await printed("deno", ["run", "--no-prompt", "--no-lock", reading, net, "--allow-write=left", one], folder),
      ),
    );
  });
}

Deno.test("the command line is run and installed by URL, beside a package.json, too", async () => {
  const folder = folderOf({ ...project, "toy.meta": place.toy, "toy.csv": new TextDecoder().decode(files["toy.csv"]) });
  const address = `${served.url}/meta.ts`;
  const wanted = await printed("deno", ["run", "-A", "--quiet", new URL("meta.ts", root).href, "toy.meta"], folder);
  const lines = (text: string) => text.split("\n").filter((line) => / [@\w.]+ +-?[\d.]+/.test(line));
  assert(lines(wanted).length >= 10, wanted);
  assertEquals(
    lines(await printed("deno", ["run", "-A", "--quiet", "--no-lock", address, "toy.meta"], folder)),
    lines(wanted),
  );
  await printed("deno", ["install", "-g", "-A", "--quiet", "--root", folder, "-n", "meta", address], folder);
  assertEquals(lines(await printed(`${folder}/bin/meta`, ["toy.meta"], folder)), lines(wanted));
});

Deno.test("a worker of Deno imports it, and starts threads of its own", async () => {
  const folder = folderOf({
    ...project,
    "everywhere.mjs": everywhere,
    "inner.mjs": asking(url, "postMessage(said);"),
    "ask.mjs": `const worker = new Worker(new URL("./inner.mjs", import.meta.url), { type: "module" });
worker.onmessage = ({ data }) => {
  console.log(JSON.stringify(data));
  worker.terminate();
};`,
  });
  assertSame(
    JSON.parse(await printed("deno", ["run", ...permissions, reading, net, "--allow-write=left", "ask.mjs"], folder)),
  );
});

/** A script that uses the types, where they are given. */
const consumer = (from: string) => `
import { compile, CompileError, type Experiment, type Run, RunError, type Summary, summarize } from ${
  JSON.stringify(from)
};
const experiment: Experiment = compile("edition 1", { inputs: { rate: 0.1 }, data: { d: { x: { shape: [1], data: [1] } } } });
const run: Run = await experiment.run({ seed: 1, onStep: ({ step, loss }) => console.log(step + loss) });
const first: number | undefined = run.gradient("fit.lr").data[0];
const summary: Summary = summarize([1, 2]);
try {
  console.log(first, summary.mean);
} catch (error) {
  if (error instanceof CompileError) console.log(error.diagnostics.length);
  else if (error instanceof RunError) console.log(error.run.outcome);
}
// @ts-expect-error a name that there is not: were the types not found, this would be none
run.parametr("w");
`;

const wrongConsumer = (from: string) => `
import { compile } from ${JSON.stringify(from)};
await compile("edition 1").run({ onSteps: () => {} });
`;

Deno.test("of two types of one name each keeps what it is, and what is hidden stays so", () => {
  const module = (name: string, kind: string) =>
    [
      `/${name}.d.ts`,
      `interface Options { readonly ${name}: ${kind} }\n/** Of ${name}. */\nexport declare function ${name}(options: Options): void;\n`,
    ] as const;
  const whole = together(
    new Map([
      ["/mod.d.ts", 'export { a } from "./a.ts";\nexport { b as c } from "./b.ts";\n'],
      module("a", "number"),
      module("b", 'import("./a.ts").Hidden'),
    ].map(([path, text]) => [path!, path === "/a.d.ts" ? `${text}export type Hidden = Options;\n` : text!])),
    "/mod.d.ts",
  );
  assertEquals(
    whole.split("\n").filter((line) => line !== "").join("\n"),
    `/** Of a. */
export declare function a(options: Options): void;
/** Of b. */
export declare function c(options: Options2): void;
interface Options { readonly a: number }
interface Options2 { readonly b: Hidden }
type Hidden = Options;
export type {  };`,
  );
});

for (const settings of ["--module nodenext", "--module esnext --moduleResolution bundler"]) {
  Deno.test(`tsc takes its types with --strict ${settings}`, async () => {
    const folder = folderOf({
      ...project,
      "meta.mjs": built,
      "meta.d.mts": types,
      "consumer.mts": consumer("./meta.mjs"),
    });
    const args = ["--noEmit", "--strict", "--target", "es2022", ...settings.split(" "), "consumer.mts"];
    await printed("deno", ["run", "-A", "--quiet", "--no-lock", "npm:typescript@6.0.3/tsc", ...args], folder);
  });
}

/** True where a version of Node can be had. */
function hasNode(version: string): boolean {
  try {
    const args = ["-y", `node@${version}`, "--version"];
    const { stdout } = new Deno.Command("npx", { args, cwd: folderOf({}), stderr: "null" }).outputSync();
    return new TextDecoder().decode(stdout).startsWith(`v${version}.`);
  } catch {
    return false;
  }
}

for (const version of ["20", "22"]) {
  for (const [where, beside] of [["an empty folder", {}], ["a folder with a package.json", project]] as const) {
    Deno.test({
      name: `Node ${version} imports it from ${where}, with all threads (by npx)`,
      ignore: !hasNode(version),
      async fn() {
        const contents = { "everywhere.mjs": everywhere, "meta.mjs": built, "ask.mjs": asking("./meta.mjs") };
        const said = await printed("npx", ["-y", `node@${version}`, "ask.mjs"], folderOf({ ...beside, ...contents }));
        assertSame(JSON.parse(said), { facts: version === "20" ? notFused : expected });
      },
    });
  }
}

const browser = await chromium();

for (const [kind, isolated] of [["", true], ["", false], ["worker", true]] as const) {
  Deno.test({
    name: `a page of Chromium${kind === "" ? "" : ", in a worker,"} runs it ${
      isolated ? "with threads" : "where it is not isolated"
    }`,
    ignore: browser === undefined,
    async fn() {
      const folder = folderOf({});
      const options = ["--headless=new", "--no-sandbox", "--disable-gpu", `--user-data-dir=${folder}`];
      const query = [kind, isolated ? "isolated" : ""].filter((each) => each !== "").join("&");
      const said = served.nextPage();
      const process = new Deno.Command(browser!, {
        args: [...options, `${served.url}/page.html?${query}`],
        stdout: "null",
        stderr: "piped",
      }).spawn();
      const ended = process.output().then(({ stderr }): FromPage => ({ wrong: [new TextDecoder().decode(stderr)] }));
      let heard: FromPage | undefined;
      for (const each of [said, ended]) each.then((what) => heard ??= what);
      await until(() => heard !== undefined, 24_000);
      process.kill("SIGKILL");
      const { wrong, facts, ...rest } = heard ?? { wrong: ["the page said nothing"] };
      await ended;
      assertEquals(wrong, []);
      assertEquals(rest.isolated, isolated);
      assertSame(facts as Facts, { files: false, threads: isolated });
    },
  });
}

Deno.test("nothing is left to be imported, and what is large is said", () => {
  assert(built.length < 3e6 && types.length < 3e5, `${built.length} and ${types.length} characters`);
});
