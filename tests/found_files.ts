// Which files lie in a folder of the tests, for programs that name several by a pattern?
import { type FindFiles, findFiles } from "../dsl/data/file_names.ts";

/** Finds the files of patterns in a folder. */
export function findIn(folder: URL): FindFiles {
  return (pattern) =>
    findFiles(pattern, (path) => {
      try {
        const entries = [...Deno.readDirSync(new URL(path === "" ? "." : `${path}/`, folder))];
        return entries.map(({ name, isDirectory }) => isDirectory ? `${name}/` : name);
      } catch (error) {
        if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
        throw error;
      }
    });
}
