// What does the compiler read from data files, or say about them? For tests of files, without a run.
import { compileProgram } from "../../../dsl/compile.ts";
import { findFiles, type ListFolder } from "../../../dsl/data/file_names.ts";
import type { Diagnostic } from "../../../dsl/diagnostics/diagnostic.ts";
import { chooseLimits, type Limits } from "../../../runtime/limits.ts";
import type { HostArray } from "../../../runtime/ir/types.ts";

/** The files of a program by their paths. */
export type Files = Readonly<Record<string, string | Uint8Array>>;

/** What came of a reading. */
export interface ReadData {
  readonly diagnostics: readonly Diagnostic[];
  /** The arrays by item and field (`d.x`); none when there is an error. */
  readonly arrays: ReadonlyMap<string, HostArray>;
}

/** Compiles a program of one `data` item, in float64. */
export function readData(item: string, files: Files, limits: Partial<Limits> = {}): ReadData {
  const source = `edition 1\nprecision f64\n${item}\nparam w = 0\ngradient w^2 wrt w\n`;
  const { diagnostics, program } = compileProgram({
    root: { name: "program.meta", text: source },
    readSource: () => undefined,
    limits: chooseLimits(limits),
    findData: (pattern) => findFiles(pattern, listOf(Object.keys(files))),
    readData(path) {
      const content = files[path];
      return typeof content === "string" ? new TextEncoder().encode(content) : content;
    },
  });
  const errors = diagnostics.filter((d) => d.code !== "W0201"); // nothing uses the data
  return { diagnostics: errors, arrays: program?.data ?? new Map() };
}

/** The names in each folder of some paths, in no order. */
export function listOf(paths: readonly string[]): ListFolder {
  return (folder) => {
    const under = folder === "" ? "" : `${folder}/`;
    const names = paths.flatMap((path) => path.startsWith(under) ? [path.slice(under.length)] : []);
    return names.length === 0 ? undefined : new Set(names.map((name) => name.replace(/\/.*/, "/")).reverse());
  };
}

/** What is said of a reading, on one line each. */
export function saidOf({ diagnostics }: ReadData): string {
  return diagnostics.map((d) => [d.code, d.title, ...d.notes, d.hint ?? ""].join(" | ")).join("\n");
}

/** The entries of a field. Throws when it was not read. */
export function entriesOf(read: ReadData, field: string): readonly number[] {
  const array = read.arrays.get(field);
  if (!array) throw new Error(`${field} was not read: ${saidOf(read)}`);
  return [...array.data];
}

/** What is said of a program before and after a reader is loaded, twice, by its function of mod.ts; in a worker, where none is yet. */
export async function saidAroundLoading(
  load: string,
  { program, bytes, files }: {
    readonly program: string;
    readonly bytes: Uint8Array;
    readonly files: readonly string[];
  },
): Promise<readonly [readonly string[], readonly string[]]> {
  const mod = new URL("../../../mod.ts", import.meta.url).href;
  const code = `
    const { check, ${load} } = await import(${JSON.stringify(mod)});
    const bytes = Uint8Array.fromBase64(${JSON.stringify(bytes.toBase64())});
    const reading = { read: () => bytes, list: () => ${JSON.stringify(files)} };
    const said = () => check(${JSON.stringify(program)}, reading).map((d) => [d.code, d.title, d.hint].join(" | "));
    const before = said();
    await ${load}();
    await ${load}();
    postMessage([before, said()]);`;
  const worker = new Worker(`data:text/javascript,${encodeURIComponent(code)}`, { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
    });
  } finally {
    worker.terminate();
  }
}
