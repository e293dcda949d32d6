// How is the run of a folder repeated by its own program? The program and its imports lie in the folder, the data does not: it is where it
// was, and a program reads another folder than its own only where the command line names it.
import { join } from "node:path";
import type { ProgramFiles } from "../api/program_files.ts";

/** What is to be added to the command line when the program of a run folder does not find its data; undefined for a program that lies in
 *  none. */
export function howToRepeat({ root, folder }: Pick<ProgramFiles, "root" | "folder">): string | undefined {
  if (root.name !== "experiment.meta") return undefined;
  let said: { [key: string]: unknown };
  try {
    said = JSON.parse(Deno.readTextFileSync(join(folder, "effective.json")));
  } catch {
    return undefined;
  }
  const { data, folder: before, seed, inputs } = said;
  if (!Array.isArray(data) || data.length === 0) return undefined;
  const places = [...new Set(data.map((file) => file?.folder ?? before))];
  if (places.length > 1) {
    return `the run of this folder read data in ${
      places.map((place) => `\`${place}\``).join(" and ")
    }: put it into one folder, and name that with --data`;
  }
  const values = Object.entries(inputs ?? {}).map(([name, value]) => ` --set ${name}=${value}`).join("");
  return `to repeat the run of this folder, add: --data ${places[0]}${seed === 0 ? "" : ` --seed ${seed}`}${values}`;
}
