// Which files does a pattern name, `images/*/*/*.png`? Those that fit it, in the order of their names.

/** The names of what lies in a folder, by its path relative to the root file's folder (empty for that itself); those of folders end
 *  with `/`. Undefined when there is no such folder. */
export type ListFolder = (folder: string) => Iterable<string> | undefined;

/** The paths of the files that a pattern names, in order. Throws an Error with a message for a folder that may not be listed. Those of
 *  a `hint` are not asked for by the program: that they may not be listed is no fault. */
export type FindFiles = (pattern: string, why?: "hint") => readonly string[];

/** True for a path that names several files. */
export const isPattern = (path: string): boolean => path.includes("*");

/** The paths of the files that a pattern names. Each `*` stands for a part of one name; names that begin with a point fit no `*` at
 *  their beginning. In order: by the names of the first folders, then of those in them, each by its code points. */
export function findFiles(pattern: string, list: ListFolder): string[] {
  const parts = pattern.split("/");
  const within = (folder: string, depth: number): string[] => {
    const last = depth === parts.length - 1;
    const part = parts[depth]!;
    const under = folder === "" ? "" : `${folder}/`;
    if (!last && !isPattern(part)) return within(under + part, depth + 1);
    const fits = fitting(part);
    const names = [...list(folder) ?? []].flatMap((name) => {
      const plain = name.endsWith("/") ? name.slice(0, -1) : name;
      // what fits a file's place and is a folder is found, and refused where it is read
      return (last || plain !== name) && fits(plain) ? [plain] : [];
    });
    names.sort(byCodePoints);
    return last ? names.map((name) => under + name) : names.flatMap((name) => within(under + name, depth + 1));
  };
  return within("", 0);
}

/** True for the names that fit a part of a pattern. */
function fitting(part: string): (name: string) => boolean {
  const pieces = part.split("*");
  const [begin, end] = [pieces[0]!, pieces.at(-1)!];
  return (name) => {
    if (pieces.length === 1) return name === part;
    if (begin === "" && name.startsWith(".")) return false;
    if (name.length < begin.length + end.length || !name.startsWith(begin) || !name.endsWith(end)) return false;
    // the earliest place of each piece leaves most room for the next
    let at = begin.length;
    for (const piece of pieces.slice(1, -1)) {
      const found = name.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return at <= name.length - end.length;
  };
}

/** Order by code points: that of JavaScript is by halves of them. */
export function byCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const [x, y] = [a.charCodeAt(i), b.charCodeAt(i)];
    if (x !== y) return isHalf(x) === isHalf(y) ? x - y : isHalf(x) ? 1 : -1;
  }
  return a.length - b.length;
}

/** Halves of code points are above all whole ones. */
const isHalf = (unit: number) => unit >= 0xd800 && unit < 0xe000;

/** The names of the folders at the `*` of a pattern, in a path that fits it: one for each folder of the pattern that has some. */
export function foldersOf(path: string, pattern: string): string[] {
  const names = path.split("/");
  return pattern.split("/").slice(0, -1).flatMap((part, depth) => isPattern(part) ? [names[depth]!] : []);
}
