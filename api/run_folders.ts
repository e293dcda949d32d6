// Which runs do paths name? That of a run folder itself; that of a sweep those of its runs that have begun.
import { listed } from "../dsl/text/words.ts";
import { UseError } from "../runtime/errors.ts";
import { fileSystem } from "../runtime/record/file_system.ts";
import { FileAccessError } from "../runtime/record/files.ts";
import { type NamedRuns, namedRuns, type Standing } from "./sweep_list.ts";

/** What each path stands for. Throws FileAccessError for a list of a sweep that cannot be read, UseError where a run is named twice, also by
 *  two names. */
export function runsNamed(paths: readonly string[]): readonly NamedRuns[] {
  const named = paths.map(namedRuns);
  refuseTwice(named.flatMap((each, i) => each.sweep ? begunIn(each) : [paths[i]!]));
  return named;
}

/** The folders of all of them. Throws FileAccessError for a sweep of which no run has begun. */
export function foldersOf(all: readonly NamedRuns[]): readonly string[] {
  return all.flatMap((named) => {
    if (!named.sweep) return [named.path];
    const begun = begunIn(named);
    if (begun.length === 0) throw new FileAccessError(`No run of the sweep \`${named.path}\` has begun`);
    return begun;
  });
}

/** What is said of a sweep of which runs have not ended: `runs: 2 of 3 runs not ended`, which of them where they are given, and what goes on. */
export function openText(
  { sweep, count, of, which }: {
    readonly sweep: string;
    readonly count: number;
    readonly of: number;
    readonly which?: string;
  },
): string {
  return `${sweep}: ${count} of ${of} runs not ended${
    which === undefined ? "" : ` (${which})`
  }; \`sweep ${sweep}\` goes on`;
}

/** That for each sweep of which runs have not ended, with the folders of these. */
export function openSweeps(named: readonly NamedRuns[]): readonly string[] {
  return named.flatMap(({ path, sweep, runs }) => {
    const at = (standing: Standing) =>
      runs.filter((run) => run.standing === standing).map(({ folder }) => folder.slice(path.length + 1));
    const [absent, begun] = [at("not begun"), at("not ended")];
    if (!sweep || absent.length + begun.length === 0) return [];
    const which = [
      ...(absent.length > 0 ? [`not begun: ${listed(absent)}`] : []),
      ...(begun.length > 0 ? [`begun: ${listed(begun)}`] : []),
    ].join("; ");
    return [openText({ sweep: path, count: absent.length + begun.length, of: runs.length, which })];
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
