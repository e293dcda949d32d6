// How does a text become an experiment? The front end does the work; here the caller's files, inputs and arrays are
// handed to it, and its diagnostics become one error.
import { type CompileInput, compileProgram } from "../dsl/compile.ts";
import type { HostData } from "../dsl/data/data.ts";
import { roomFor } from "../dsl/data/data_files.ts";
import { findFiles } from "../dsl/data/file_names.ts";
import type { Diagnostic } from "../dsl/diagnostics/diagnostic.ts";
import { formatText } from "./format_text.ts";
import { CompileError } from "./compile_error.ts";
import { type Experiment, makeExperiment } from "./experiment.ts";
import { checkInputs, checkOptions, checkText, type OptionNames } from "./given.ts";
import { openAddress } from "./address_files.ts";
import { decodeSource, openProgramFiles } from "./program_files.ts";
import { checkHostData, checkHostTasks } from "./arrays.ts";
import { chooseLimits, type Limits } from "../runtime/limits.ts";
import type { HostTasks } from "../runtime/loop/host_tasks.ts";

/** What a program gets from outside.
 *
 *  @category Compile */
export interface CompileOptions {
  /** Values of the program's `input` items. An unknown name is an error. */
  readonly inputs?: Readonly<Record<string, number | string | boolean>>;
  /** Arrays for the program's `data` items, by item and field. */
  readonly data?: HostData;
  /** Functions that make tasks, by the tasks' names: they give the fields that the program declares without values. */
  readonly tasks?: HostTasks;
  /** What the program is called in messages; "program.meta" when not given. */
  readonly name?: string;
  /** Gives the content of an imported program or a data file by its path relative to the program; undefined when there
   *  is none. Without it a program can neither import nor load files. */
  readonly read?: (path: string) => Uint8Array | string | undefined;
  /** Gives the names of what lies in a folder, by its path relative to the program (empty for its own folder), those of
   *  folders with a `/` at the end; undefined when there is no such folder. Needed where a program names files by a
   *  pattern, `images/*\/*.png`. */
  readonly list?: (folder: string) => Iterable<string> | undefined;
  /** Limits other than usual: `untrustedLimits`, or `{ steps: 1e8 }`; docs/limits.md has them all. */
  readonly limits?: Partial<Limits>;
  /** Seed of the runs that do not name one: an integer from 0 to 2^53 − 1; 0 when not given. */
  readonly seed?: number;
}

/** What `compileFile` takes: the files come from the program's own folder.
 *
 *  @category Compile */
export type CompileFileOptions = Omit<CompileOptions, "name" | "read" | "list"> & {
  /** A second folder in which data and starts are looked for, when they do not lie in the program's own. */
  readonly dataFolder?: string | URL;
};

/** Options of all that compile. */
const ofPrograms = { inputs: true, data: true, tasks: true, limits: true, seed: true } as const;

const ofTexts: OptionNames<CompileOptions> = { ...ofPrograms, name: true, read: true, list: true };

const ofFiles: OptionNames<CompileFileOptions> = { ...ofPrograms, dataFolder: true };

/** Compiles a program.
 *  Throws CompileError with every diagnostic when the program, or what it gets from outside, is wrong; TypeError for a
 *  source that is no text, data that are no arrays with shapes, and tasks that are no functions; RangeError for a bad seed or limit.
 *
 *  ```ts
 *  import { compile } from "../mod.ts";
 *
 *  const experiment = compile(`
 *    edition 1
 *    precision f64
 *    model line(x : [n]) -> [n] { w : [] = 2  return w * x }
 *    data train { x : [2] = [1, 2]  y : [2] = [3, 6] }
 *    inner fit { minimize mse(line(train.x), train.y) over line by sgd(lr = 0.1) for T = 3 steps }
 *    gradient (line.w@T - 3)^2 wrt fit.lr
 *  `);
 *  const run = await experiment.run();
 *  console.log(run.gradient("fit.lr").data[0]);
 *  ```
 *
 *  A task whose fields have no values is made by a function:
 *
 *  ```ts
 *  import { compile } from "../mod.ts";
 *
 *  const experiment = compile(
 *    `
 *    edition 1
 *    task point { split support { c : [] } }
 *    model m() -> [] { w : [] = 0  return w }
 *    inner fit { minimize (m() - support.c)^2 over m by sgd(lr = 0.1) for T = 3 steps }
 *    outer train { minimize (m@T() - support.c)^2 across 4 point over fit.lr by sgd(lr = 0.01) for 5 steps }
 *    `,
 *    { tasks: { point: ({ index, step }) => ({ support: { c: { shape: [], data: [index + 0.1 * step] } } }) } },
 *  );
 *  const run = await experiment.run();
 *  console.log(run.losses("train"));
 *  ```
 *
 *  @category Compile
 */
export function compile(source: string, options: CompileOptions = {}): Experiment {
  checkText("compile", source);
  if (/^\S+\.meta$/.test(source)) {
    throw new TypeError(`\`compile\` takes the text of a program: \`compileFile("${source}")\` reads a file`);
  }
  checkOptions<CompileOptions>("compile", options, ofTexts);
  let asked = false;
  const input = compileInput(source, options);
  const readData: CompileInput["readData"] = (path, ...more) => {
    const content = input.readData(path, ...more);
    asked ||= content !== undefined;
    return content;
  };
  return makeExperiment({ ...input, readData }, { ...options, gave: () => asked ? "read" : undefined });
}

/** Compiles a program from a file. Imports are read from the file's own folder only, data from there or from `dataFolder`. Needs
 *  the permission to read them.
 *  Throws FileAccessError when the file cannot be read, and what `compile` throws.
 *
 *  ```ts
 *  import { compileFile } from "../mod.ts";
 *
 *  const run = await compileFile(new URL("../examples/toy.meta", import.meta.url)).run();
 *  console.log(run.parameter("linear.w", { time: 5 }).data[0]);
 *  ```
 *
 *  @category Compile
 */
export function compileFile(file: string | URL, options: CompileFileOptions = {}): Experiment {
  checkOptions<CompileFileOptions>("compileFile", options, ofFiles);
  const files = openProgramFiles(file, options);
  const { root, readSource, readData, findData } = files;
  return makeExperiment({ root, readSource, readData, findData, ...outsideValues(options) }, { ...options, files });
}

/** What `compileUrl` takes: the files come from the folder of the address.
 *
 *  @category Compile */
export type CompileUrlOptions = Omit<CompileOptions, "name" | "read" | "list"> & {
  /** The address of a second folder in which data and starts are looked for. */
  readonly dataFolder?: string | URL;
  /** Headers, a signal, and what else belongs to each request. */
  readonly request?: RequestInit;
};

/** Compiles a program that lies at an address, `http:`, `https:` or `file:`, with the imports and data that lie in its folder there: each
 *  is fetched once. So a script and the program beside it work wherever they lie. Deno needs the permission to ask the host.
 *  Throws FileAccessError when the program cannot be read (the message says why, and what to do), TypeError for what is no address, what
 *  the signal of `request` says, and what `compile` throws: also where an import or a file of data cannot be read. An address has no list
 *  of what lies there: a program that names files by a pattern is read by `compileFile`.
 *
 *  ```ts
 *  import { compileUrl } from "../mod.ts";
 *
 *  const run = await (await compileUrl(new URL("../examples/toy.meta", import.meta.url))).run();
 *  console.log(run.parameter("linear.w", { time: 5 }).data[0]);
 *  ```
 *
 *  @category Compile
 */
export async function compileUrl(address: string | URL, options: CompileUrlOptions = {}): Promise<Experiment> {
  checkOptions<CompileUrlOptions>("compileUrl", options, { ...ofFiles, request: true });
  const { dataFolder, request, ...rest } = options;
  const url = new URL(address);
  if (url.protocol === "file:") {
    return compileFile(url, { ...rest, ...(dataFolder && { dataFolder: localOf(dataFolder) }) });
  }
  if (!/^https?:$/.test(url.protocol)) throw new TypeError(`\`${url}\` begins with none of http:, https: and file:`);
  const outside = outsideValues(rest);
  const files = await openAddress(url, { dataFolder, request, most: outside.limits.data });
  const input = { ...files, ...outside };
  // what is missing is asked for; what is wrong is said when nothing is missing
  do compileProgram({ ...input, ...(rest.seed !== undefined && { seed: rest.seed }) }); while (await files.more());
  return makeExperiment(input, { ...rest, gave: () => files.gaveData() ? "compileUrl" : undefined });
}

/** A folder of this machine, as a path or an address. */
const localOf = (folder: string | URL) => /^file:/.test(String(folder)) ? new URL(folder) : folder;

/** What is wrong or suspicious in a program; an empty list when nothing is. Never throws for a wrong program.
 *
 *  ```ts
 *  import { check } from "../mod.ts";
 *
 *  for (const d of check("edition 1\nlet y = x")) console.log(d.code, d.title);
 *  ```
 *
 *  @category Compile
 */
export function check(source: string, options: CompileOptions = {}): readonly Diagnostic[] {
  checkText("check", source);
  checkOptions<CompileOptions>("check", options, ofTexts);
  return compileProgram(compileInput(source, options)).diagnostics;
}

/** The program in the one style, comments kept; formatting its result again changes nothing.
 *  Throws CompileError when the text cannot be parsed.
 *
 *  ```ts
 *  import { format } from "../mod.ts";
 *
 *  console.log(format("edition 1\nlet  y=1+x"));
 *  ```
 *
 *  @category Compile
 */
export function format(source: string, options: Pick<CompileOptions, "name" | "limits"> = {}): string {
  checkText("format", source);
  const root = { name: options.name ?? defaultName, text: source };
  const { text, diagnostics } = formatText(root, chooseLimits(options.limits));
  if (text === undefined) throw new CompileError(diagnostics, new Map([[root.name, root]]));
  return text;
}

const defaultName = "program.meta";

export function compileInput(source: string, options: CompileOptions): CompileInput {
  const { list, read = () => undefined } = options;
  return {
    root: { name: options.name ?? defaultName, text: source },
    readSource(path) {
      const content = read(path);
      return content instanceof Uint8Array ? decodeSource(path, content) : content;
    },
    readData(path) {
      const content = read(path);
      // what stays bytes lies there as long as the experiment does, and the caller may write into it
      if (content === undefined) return undefined;
      if (typeof content === "string") return new TextEncoder().encode(content);
      const bytes = roomFor(path, content.length);
      bytes.set(content);
      return bytes;
    },
    ...(list && { findData: (pattern: string) => findFiles(pattern, list) }),
    ...outsideValues(options),
  };
}

function outsideValues(
  { inputs, data, tasks, limits }: CompileOptions,
): Pick<CompileInput, "inputs" | "data" | "tasks"> & { readonly limits: Limits } {
  if (inputs !== undefined) checkInputs(inputs);
  if (data) checkHostData(data);
  if (tasks) checkHostTasks(tasks);
  return {
    limits: chooseLimits(limits),
    ...(inputs && { inputs }),
    ...(data && { data }),
    ...(tasks && { tasks: Object.keys(tasks) }),
  };
}
