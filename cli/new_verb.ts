// What does `meta.ts new NAME` do? It writes a program to begin from, with its data, into a folder of its own, and says which commands
// come next.
import { basename, relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Disk } from "../runtime/record/disk.ts";
import { makeEmptyFolder } from "../runtime/record/empty_folder.ts";
import { removeQuietly, writeFileSafely } from "../runtime/record/files.ts";
import { tableText } from "../api/numbers.ts";
import { type CommandLine } from "./arguments.ts";
import { exitCodes } from "./exit_codes.ts";
import type { Console } from "./console.ts";
import { dataOf, newPrograms, usualProgram } from "./new_programs.ts";

/** Runs the verb; the exit code. A folder that is called as a program gets that one, where no other is named. Throws FileAccessError where
 *  the folder is there and not empty, or cannot be written; then nothing of it is left. */
export async function newVerb({ files: [name], from }: CommandLine, console: Console, disk: Disk): Promise<number> {
  const folder = name!.replace(/(?<=.)\/+$/, "");
  const called = basename(folder);
  const program = from ?? (Object.hasOwn(newPrograms, called) ? called : usualProgram);
  const { about, text, data } = newPrograms[program]!;
  const main = `${program}.meta`;
  const contents = [
    ...(data === undefined ? [] : [[data, await dataOf(data)] as const]),
    [main, new TextEncoder().encode(text)] as const,
  ];
  writeAll(folder, contents, disk);
  const written = [[`${folder}/${main}`, about], ...(data === undefined ? [] : [[`${folder}/${data}`, "its data"]])];
  const others = Object.keys(newPrograms).filter((word) => word !== program);
  console.out([
    ...tableText(written, [false, false]),
    "",
    "Next",
    ...commandsFor(folder, main).map((line) => `  ${line}`),
    "",
    ...(from === undefined ? [`\`new NAME --from PROGRAM\` begins from another one: ${others.join(", ")}`, ""] : []),
  ].join("\n"));
  return exitCodes.done;
}

/** Writes files into a folder of their own; takes back what stands there when one cannot be written. */
function writeAll(folder: string, contents: readonly (readonly [name: string, bytes: Uint8Array])[], disk: Disk): void {
  const made = makeEmptyFolder(folder, { disk, who: "`new`" });
  try {
    for (const [name, bytes] of contents) writeFileSafely(`${folder}/${name}`, [bytes], { disk });
  } catch (error) {
    for (const [name] of contents) removeQuietly(`${folder}/${name}`, disk);
    if (made) removeQuietly(folder, disk);
    throw error;
  }
}

/** What to do with the program, with the permissions that it takes. */
function commandsFor(folder: string, main: string): string[] {
  const paths = [`${folder}/${main}`, `${folder}/run`, `${folder}/report.html`];
  const [file, run, page] = paths.map(shellWord) as [string, string, string];
  // Deno takes a single comma for the end of a path
  const may = (flag: string, path: string) => `--allow-${flag}=${shellWord(path.replaceAll(",", ",,"))}`;
  const read = may("read", folder);
  const command = (flags: string, words: string) => `deno run ${flags} ${shellWord(ownName())} ${words}`;
  return [
    command(read, `check ${file}`),
    command(`${read} ${may("write", paths[1]!)}`, `run ${file} --out ${run}`),
    command(`${read} ${may("write", paths[2]!)}`, `report ${run} --out ${page}`),
  ];
}

/** A word as a shell takes it. */
function shellWord(word: string): string {
  return /^[\w./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** The command line itself: its address, or its path from here as far as Deno may say that without asking. */
function ownName(): string {
  const { href, protocol } = new URL("../meta.ts", import.meta.url);
  if (protocol !== "file:") return href;
  const { state } = Deno.permissions.querySync({ name: "read", path: "." });
  return state === "granted" ? relative(Deno.cwd(), fileURLToPath(href)) : "meta.ts";
}
