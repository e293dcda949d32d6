// How does TensorFlow come to this machine? `deno task setup:tensorflow [--cuda]`: pip fetches the library into a folder that git
// ignores, npm the package, a C++ compiler builds the package's addon against that library, and a graph is run to prove it. Each
// step is done in a folder of its own that takes its name when it is finished: run again, it goes on where it stopped.
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  addonIn,
  findTensorFlow,
  libraryIn,
  packageVersion,
  setUpFolders,
} from "../runtime/backend/tensorflow/package.ts";

/** The wheels, and what they bring. Their libraries serve the addon's C interface of version 2. */
const wheels = { cpu: "tensorflow-cpu==2.21.0", cuda: "tensorflow[and-cuda]==2.21.0" } as const;
const packages = { cpu: "@tensorflow/tfjs-node", cuda: "@tensorflow/tfjs-node-gpu" } as const;
/** N-API headers without those of the rest of Node. */
const headers = "node-api-headers@1.5.0";

class StepFailed extends Error {}

interface Step {
  readonly label: string;
  /** The path that the step makes, in the folder. */
  readonly makes: string;
  /** Makes it under another name. */
  readonly run: (path: string) => Promise<void>;
}

async function command(what: string, args: readonly string[], options: { cwd?: string; cure: string }): Promise<void> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(what, {
      args: [...args],
      stdout: "piped",
      stderr: "piped",
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    }).output();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) throw new StepFailed(`\`${what}\` is not here. ${options.cure}`);
    throw error;
  }
  if (output.success) return;
  const said = new TextDecoder().decode(output.stderr).trim().split("\n").slice(-6).join("\n  ");
  throw new StepFailed(`\`${what}\` failed:\n  ${said}\n${options.cure}`);
}

function stepsFor(folder: string, kind: "cpu" | "cuda"): readonly Step[] {
  const name = packages[kind];
  return [
    {
      label: `${wheels[kind]} by pip`,
      makes: "python",
      run: (path) =>
        command("python3", [
          ...["-m", "pip", "install", "--quiet", "--no-compile", "--target", path],
          ...(kind === "cpu" ? ["--no-deps"] : []),
          wheels[kind],
        ], { cure: "Python 3.10 to 3.13 with pip is needed, and a connection to its package index." }),
    },
    {
      label: `${name}@${packageVersion} by npm`,
      makes: "node_modules",
      run: async (path) => {
        await Deno.mkdir(path, { recursive: true });
        await Deno.writeTextFile(join(path, "package.json"), '{ "private": true }\n');
        // the package's own script would fetch an old library
        const args = ["install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"];
        await command("npm", [...args, `${name}@${packageVersion}`, headers], {
          cwd: path,
          cure: "Node.js with npm is needed, and a connection to its registry.",
        });
        await flatten(path, "node_modules");
      },
    },
    {
      label: "the addon by g++",
      makes: addonIn(folder, name).slice(folder.length + 1),
      run: async (path) => {
        await Deno.mkdir(join(path, ".."), { recursive: true });
        const sources = join(folder, "node_modules", name, "binding");
        const library = join(folder, "python", "tensorflow");
        const up = addonIn(folder, name).slice(folder.length + 1).split("/").slice(0, -1).map(() => "..").join("/");
        await command("g++", [
          ...["-O2", "-std=c++17", "-shared", "-fPIC", "-DNAPI_VERSION=8"],
          ...["-I", join(folder, "node_modules", "node-api-headers", "include"), "-I", join(library, "include")],
          ...["tfjs_backend.cc", "tfjs_binding.cc"].map((file) => join(sources, file)),
          ...["-L", library, "-l:libtensorflow_cc.so.2", "-l:libtensorflow_framework.so.2"],
          `-Wl,-rpath,$ORIGIN/${up}/python/tensorflow`,
          ...["-o", path],
        ], { cure: "A C++17 compiler is needed (Debian: apt install g++)." });
      },
    },
  ];
}

/** Puts what lies in a folder of a folder in its place. */
async function flatten(path: string, inner: string): Promise<void> {
  const aside = `${path}.inner`;
  await Deno.rename(join(path, inner), aside);
  await Deno.remove(path, { recursive: true });
  await Deno.rename(aside, path);
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

/** Sets TensorFlow up in a folder. Throws StepFailed, with nothing half done left. */
async function setUp(folder: string, kind: "cpu" | "cuda"): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(join(folder, ".gitignore"), "*\n");
  for (const { label, makes, run } of stepsFor(folder, kind)) {
    const [made, partial] = [join(folder, makes), join(folder, `${makes}.partial`)];
    if (await exists(made)) {
      console.log(`there already: ${label}`);
      continue;
    }
    console.log(`fetching or building: ${label}`);
    try {
      await remove(partial);
      await run(partial);
      await Deno.rename(partial, made);
    } finally {
      await remove(partial);
      await remove(`${partial}.inner`);
    }
  }
  const found = findTensorFlow();
  if ("missing" in found) throw new StepFailed(`It does not run: ${found.missing}`);
  const { xla, cuda, version } = found.proof;
  console.log(
    `a graph was run: package ${version}, ${xla ? "XLA" : "no XLA"}, ${cuda ? "a CUDA device" : "no CUDA device"}`,
  );
  if (kind === "cuda" && !cuda) {
    throw new StepFailed(
      "TensorFlow sees no CUDA device: `nvidia-smi` says whether the driver does. It works on the processor",
    );
  }
}

async function remove(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

if (import.meta.main) {
  const { values } = parseArgs({
    args: Deno.args,
    options: { cuda: { type: "boolean" }, remove: { type: "boolean" } },
  });
  const folder = setUpFolders()[0]!;
  try {
    if (values.remove) {
      await remove(folder);
      console.log(`removed ${folder}`);
    } else {
      if (values.cuda && await exists(libraryIn(folder)) && !await exists(addonIn(folder, packages.cuda))) {
        throw new StepFailed(`${folder} has the library for processors: remove it first (--remove)`);
      }
      await setUp(folder, values.cuda ? "cuda" : "cpu");
      console.log(`set up in ${folder}: \`deno run -A meta.ts FILE.meta --backend tensorflow\``);
    }
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error;
    console.error(`error: ${error.message}`);
    Deno.exit(1);
  }
}
