// Which runs do paths name? That of a run folder itself; that of a sweep those of its runs that have begun.
import { UseError } from "../runtime/errors.ts";
import { fileSystem } from "../runtime/record/file_system.ts";
import { FileAccessError } from "../runtime/record/files.ts";
import { type NamedRuns, namedRuns } from "./sweep_list.ts";

/** What each path stands for. Throws FileAccessError for a list of a sweep that cannot be read, UseError where a run is named twice, also by
 *  two names. */
export function runsNamed(paths: readonly string[]): readonly NamedRuns[] {
  const named = paths.map(namedRuns);
  refuseTwice(named.flatMap((each, i) => each.sweep ? begunIn(each) : [paths[i]!]));
  return named;
}

/** The folders of all of them. Throws as `runsNamed` does, and FileAccessError for a sweep of which no run has begun. */
export function runFoldersAt(paths: readonly string[]): readonly string[] {
  return runsNamed(paths).flatMap((named) => {
    if (!named.sweep) return [named.path];
    const begun = begunIn(named);
    if (begun.length === 0) throw new FileAccessError(`No run of the sweep \`${named.path}\` has begun`);
    return begun;
  });
}

const begunIn = ({ runs }: NamedRuns) =>
  runs.filter(({ standing }) => standing !== "not begun").map(({ folder }) => folder);

/** A run beside itself would be a setting of its own, and its differences 0. */
function refuseTwice(folders: readonly string[]): void {
  const places = new Set<string>();
  for (const folder of folders) {
    const place = placeOf(folder);
    if (places.has(place)) throw new UseError(`\`${folder}\` is given twice`);
    places.add(place);
  }
}

/** Where a folder is, by whichever name. */
function placeOf(folder: string): string {
  try {
    return fileSystem.realPathSync(folder);
  } catch {
    return folder; // who reads it says that it is not there
  }
}
