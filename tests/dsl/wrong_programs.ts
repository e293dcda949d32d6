// How is a program compiled that stands in a file of `tests/programs/`? It reads what lies beside it; a first line `// set NAME = VALUE`
// gives an input a value.
import { type CompileOutput, compileProgram } from "../../dsl/compile.ts";
import type { Diagnostic } from "../../dsl/diagnostics/diagnostic.ts";
import { findIn } from "../found_files.ts";

const programs = new URL("../programs/", import.meta.url);

/** The programs of a folder (`bad/`, `mended/`), by name. */
export function programsIn(folder: string): string[] {
  return [...Deno.readDirSync(new URL(folder, programs))].map((f) => f.name).filter((n) => n.endsWith(".meta")).sort();
}

/** The text of one of them. */
export const textOf = (folder: string, name: string): string => Deno.readTextFileSync(new URL(folder + name, programs));

const outputs = new Map<string, CompileOutput>();

/** What compiling a file of a folder gives, once in a process. */
export function compiledFrom(folder: string, name: string): CompileOutput {
  const path = folder + name;
  const output = outputs.get(path) ?? compileIn(folder, name, textOf(folder, name));
  outputs.set(path, output);
  return output;
}

/** Compiles a text as if it stood in a folder. */
export function compileIn(folder: string, name: string, text: string): CompileOutput {
  const given = /^\/\/ set (\w+) = (.*)\n/.exec(text);
  const readData = (path: string): Uint8Array | undefined => {
    try {
      return Deno.readFileSync(new URL(folder + path, programs));
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  };
  return compileProgram({
    root: { name, text },
    readSource: (path) => {
      const bytes = readData(path);
      return bytes && new TextDecoder().decode(bytes);
    },
    readData,
    findData: findIn(new URL(folder, programs)),
    ...(given ? { inputs: { [given[1]!]: given[2]! } } : {}),
  });
}

/** What is said about a text that stands beside the wrong programs. */
export function saidAbout(text: string, name = "program.meta"): readonly Diagnostic[] {
  return compileIn("bad/", name, text).diagnostics;
}
