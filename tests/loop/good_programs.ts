// Which programs are every way of running held to? The good ones.
import { compileProgram } from "../../dsl/compile.ts";
import type { ExperimentProgram } from "../../runtime/program/program.ts";
import { findIn } from "../found_files.ts";

const folder = new URL("../programs/good/", import.meta.url);

/** The text of a good program. */
export const textOf = (name: string): string => Deno.readTextFileSync(new URL(name, folder));

/** The good programs, by name. */
export const goodNames: readonly string[] = [...Deno.readDirSync(folder)].map((f) => f.name)
  .filter((n) => n.endsWith(".meta")).sort();

/** The seed that they are to run with: parts of tables are drawn when a program is compiled. */
export const goodSeed = 3;

/** A program beside the good ones; one of them where no text is given. */
export function programOf(name: string, text = textOf(name)): ExperimentProgram {
  const { program, diagnostics } = compileProgram({
    seed: goodSeed,
    root: { name, text },
    readSource: (path) => Deno.readTextFileSync(new URL(path, folder)),
    readData: (path) => Deno.readFileSync(new URL(path, folder)),
    findData: findIn(folder),
  });
  if (!program) throw new Error(diagnostics.map((d) => d.title).join("\n"));
  return program;
}
