// How does TensorFlow come into the process? Through the package `@tensorflow/tfjs-node` (or `-gpu`): from the folder that
// `deno task setup:tensorflow` makes, else by an npm specifier. Nothing is loaded before a child process has shown that it can be,
// for a library that is missing or of another kind ends the process that loads it.
import { MetaRuntimeError } from "../../errors.ts";
import type { DType, TypedArray } from "../../ir/types.ts";
import { platform } from "../../platform.ts";
import { join, node } from "./node.ts";

/** An array that TensorFlow holds. */
export interface Tensor {
  dataSync(): TypedArray;
  dispose(): void;
}

/** What is used of the package. */
export interface TensorFlow {
  readonly version: { readonly [name: string]: string };
  tensor(data: TypedArray, shape: number[], dtype: string): Tensor;
  memory(): { readonly numTensors: number };
  backend(): {
    /** Loads the graph of a SavedModel; returns its number. */
    loadSavedModelMetaGraph(folder: string, tags: string): number;
    runSavedModel(
      model: number,
      inputs: readonly Tensor[],
      infos: readonly { readonly name: string }[],
      outputs: readonly string[],
    ): Tensor[];
    deleteSavedModel(model: number): void;
    readonly isUsingGpuDevice: boolean;
  };
}

/** The names that the package gives to types. */
export const packageTypes: { readonly [T in DType]: string | undefined } = {
  f32: "float32",
  f64: undefined,
  i32: "int32",
  bool: "bool",
  u8: undefined,
};

/** The packages, the one for CUDA first. */
export const packageNames = ["@tensorflow/tfjs-node-gpu", "@tensorflow/tfjs-node"] as const;
/** The version of both. */
export const packageVersion = "4.22.0";

/** The folder that the set-up makes, in the project or where the command runs. */
const folderName = ".tensorflow";
/** Names another folder that the set-up made. */
const folderVariable = "META_TENSORFLOW";

/** Where a package can be loaded from. */
export type Place =
  | { readonly kind: "folder"; readonly folder: string; readonly name: string }
  | { readonly kind: "specifier"; readonly specifier: string };

/** What was found out about a place by loading it in a child process. */
export interface Proof {
  /** Graphs are compiled by XLA. */
  readonly xla: boolean;
  /** TensorFlow sees a CUDA device. */
  readonly cuda: boolean;
  readonly version: string;
}

/** What there is. */
export type Found =
  | { readonly place: Place; readonly proof: Proof }
  | { readonly missing: string; readonly cure: string };

const setUp = "`deno task setup:tensorflow`";

/** Folders in which a set-up may lie, the preferred first. */
export function setUpFolders(): readonly string[] {
  const named = environment(folderVariable);
  if (named) return [named];
  const here = import.meta.url.startsWith("file:")
    ? [node("url").fileURLToPath(new URL(`../../../${folderName}`, import.meta.url))]
    : [];
  try {
    return [...new Set([...here, join(Deno.cwd(), folderName)])];
  } catch {
    return here; // without the permission to know where we are
  }
}

/** The native part of a package in a folder. */
export const addonIn = (folder: string, name: string): string =>
  join(folder, "node_modules", name, "lib", "napi-v8", "tfjs_binding.node");
/** The library that the set-up links it with. */
export const libraryIn = (folder: string): string => join(folder, "python", "tensorflow", "libtensorflow_cc.so.2");
const proofIn = (folder: string) => join(folder, "proof.json");

/** Where to look. */
export interface Search {
  /** Folders to look in; `setUpFolders` when not given. */
  readonly folders?: readonly string[];
  /** Also ask for the packages by npm specifier, which may download them. */
  readonly specifiers?: boolean;
  /** Only what was proved before: no child process is started. */
  readonly known?: boolean;
}

/** Looks for a set-up. Starts a child process for what was not proved before. */
export function findTensorFlow({ folders, specifiers = false, known = false }: Search = {}): Found {
  if (platform !== "Deno" || !import.meta.url.endsWith("/package.ts")) {
    return { missing: "the built file comes without it", cure: "import `mod.ts` itself, in Deno" };
  }
  for (const folder of folders ?? setUpFolders()) {
    for (const name of packageNames) {
      const addon = addonIn(folder, name);
      if (!exists(addon)) continue;
      if (exists(join(folder, "python")) && !exists(libraryIn(folder))) {
        return {
          missing: `${folder} has no ${libraryIn(folder).slice(folder.length + 1)}`,
          cure: `run ${setUp} again`,
        };
      }
      const place: Place = { kind: "folder", folder, name };
      const proof = knownProof(folder, name) ?? (known ? { missing: "was not tried out" } : prove(place));
      if ("missing" in proof) {
        return { missing: `${folder}: ${proof.missing}`, cure: `remove ${folder} and run ${setUp}` };
      }
      keepProof(folder, name, proof);
      return { place, proof };
    }
  }
  if (!specifiers) return { missing: "no set-up of TensorFlow was found", cure: `run ${setUp}` };
  const reasons: string[] = [];
  for (const name of packageNames) {
    const place: Place = { kind: "specifier", specifier: `npm:${name}@${packageVersion}` };
    const proof = prove(place);
    if (!("missing" in proof)) return { place, proof };
    reasons.push(`${place.specifier}: ${proof.missing}`);
  }
  return { missing: `no set-up of TensorFlow was found, and ${reasons.join("; ")}`, cure: `run ${setUp}` };
}

/** Loads the package. Throws MetaRuntimeError when the import fails. */
export async function loadTensorFlow(place: Place, threads?: number): Promise<TensorFlow> {
  // what the package calls and newer runtimes do not have any more
  const util = node("util") as unknown as Record<string, unknown>;
  util.isNullOrUndefined ??= (x: unknown) => x === null || x === undefined;
  util.isArray ??= Array.isArray;
  setBefore(threads);
  try {
    if (place.kind === "folder") {
      const from = node("module").createRequire(node("url").pathToFileURL(join(place.folder, "package.json")));
      return from(join(place.folder, "node_modules", place.name)) as TensorFlow;
    }
    // a name that is only known now: nothing is downloaded before it is asked for
    const module = await import(place.specifier);
    return (module.default ?? module) as TensorFlow;
  } catch (error) {
    throw new MetaRuntimeError(
      `TensorFlow cannot be loaded: ${firstLine(error)}. \`meta.ts doctor\` says what is missing`,
    );
  }
}

/** Numbers that are not numbers stay so in maxima; long sums are split already (`lower.ts`), and XLA's tree of windows takes a fifth of
 *  its time to compile. */
const xlaFlags = {
  xla_cpu_enable_fast_min_max: "false",
  xla_disable_hlo_passes: "tree_reduction_rewriter",
} as const;

/** What the library reads when it is loaded. Throws MetaRuntimeError when the environment cannot be written. */
function setBefore(threads: number | undefined): void {
  try {
    if (!environment("TF_CPP_MIN_LOG_LEVEL")) Deno.env.set("TF_CPP_MIN_LOG_LEVEL", "2");
    if (threads !== undefined) {
      Deno.env.set("TF_NUM_INTRAOP_THREADS", `${threads}`);
      Deno.env.set("TF_NUM_INTEROP_THREADS", `${threads}`);
    }
    const given = environment("XLA_FLAGS") ?? "";
    const added = Object.entries(xlaFlags).filter(([name]) => !given.includes(name)).map(([name, v]) =>
      `--${name}=${v}`
    );
    Deno.env.set("XLA_FLAGS", [given, ...added].join(" ").trim());
  } catch (error) {
    throw new MetaRuntimeError(
      `TensorFlow reads its settings from the environment, which cannot be set: ${firstLine(error)}`,
    );
  }
}

/** Loads a place in a child process. */
function prove(place: Place): Proof | { readonly missing: string } {
  const script = new URL("./prove.ts", import.meta.url).href;
  let output: Deno.CommandOutput;
  try {
    output = new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", "--no-lock", script, JSON.stringify(place)],
      stdout: "piped",
      stderr: "piped",
    }).outputSync();
  } catch (error) {
    return { missing: `it cannot be tried out (${firstLine(error)})` };
  }
  const text = new TextDecoder().decode(output.stdout).trim().split("\n").at(-1) ?? "";
  if (output.success && text.startsWith("{")) return JSON.parse(text) as Proof;
  const said = node("util").stripVTControlCharacters(new TextDecoder().decode(output.stderr)).split("\n");
  const why =
    said.find((line) => /error|cannot|not found/i.test(line))?.replace(/^error: (Uncaught )?(\(in promise\) )?/, "") ??
      (output.signal ? `it ended with ${output.signal}` : `it ended with code ${output.code}`);
  return { missing: why.slice(0, 300) };
}

/** Sizes and times of the files that a proof holds for. */
function fingerprint(folder: string, name: string): string {
  return [addonIn(folder, name), libraryIn(folder)].map((path) => {
    try {
      const { size, mtime } = Deno.statSync(path);
      return `${size} ${mtime?.getTime()}`;
    } catch {
      return "";
    }
  }).join(", ");
}

function knownProof(folder: string, name: string): Proof | undefined {
  try {
    const { files, proof } = JSON.parse(Deno.readTextFileSync(proofIn(folder)));
    return files === fingerprint(folder, name) ? proof : undefined;
  } catch {
    return undefined;
  }
}

function keepProof(folder: string, name: string, proof: Proof): void {
  try {
    Deno.writeTextFileSync(proofIn(folder), JSON.stringify({ files: fingerprint(folder, name), proof }));
  } catch {
    // a folder that cannot be written is proved again the next time
  }
}

function environment(name: string): string | undefined {
  try {
    return Deno.env.get(name);
  } catch {
    return undefined;
  }
}

/** True when there is something at a path that may be read. */
export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** What an error says, on one line. */
export function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}
