// What is the smallest program that still fails? Items, clauses, members, references and entries are left out, expressions become
// one of their parts or a number, as long as the same check finds it.
import { format } from "../../mod.ts";
import { partsOf, type Stretch } from "../dsl/program_mutations.ts";
import { type Find, lookAt } from "./net.ts";
import type { RandomProgram } from "./definitions.ts";

/** How a find is recognized in another program. */
const sameFind = (find: Find) => (other: Find) =>
  other.check === find.check && (!byDetail.has(find.check) || markOf(other) === markOf(find));

/** Checks whose finds are told apart by what they say. */
const byDetail: ReadonlySet<string> = new Set(["thrown", "refused", "mistakes"]);

/** What a find says, without its names and numbers. */
export const markOf = ({ detail }: Find) => detail.replaceAll(/`[^`]*`|-?\d+(\.\d+)?/g, "#");

/** A smaller program with the same find, after at most so many trials. */
export async function shrink(find: Find, { seed, index, program }: Caught, trials = 500): Promise<Find> {
  // a mistake is made anew in each smaller program
  let best = { ...find, program };
  let left = trials;
  const fails = async (program: RandomProgram) => {
    left--;
    const { finds } = await lookAt(program, seed, index, find.check);
    const again = finds.find(sameFind(find));
    return again && { ...again, program, shown: again.program };
  };
  for (let before = ""; before !== best.program.text && left > 0;) {
    before = best.program.text;
    // one change after another from the largest; after a success the places are those of the new text
    for (let at = 0; left > 0;) {
      const all = candidates(best.program.text);
      if (at >= all.length) break;
      const smaller = await fails({ ...best.program, text: all[at]! });
      if (smaller && smaller.program.text.length < best.program.text.length) best = smaller;
      else at++;
    }
  }
  const { shown = find.program } = best as { shown?: RandomProgram };
  const text = format(shown.text).replaceAll(/\n\n+/g, "\n");
  return { ...best, program: { ...shown, text } };
}

/** Where a find comes from. */
export interface Caught {
  readonly seed: number;
  readonly index: number;
  readonly program: RandomProgram;
}

/** Texts that are a little shorter, the shortest first. */
function candidates(text: string): string[] {
  const { pieces, expressions } = partsOf(text);
  const without = pieces.map((at) => cut(text, at, ""));
  const lists = expressions.flatMap((at) => {
    const after = /^\s*,\s*/.exec(text.slice(at.end));
    const before = /,\s*$/.exec(text.slice(0, at.start));
    if (after) return [cut(text, { start: at.start, end: at.end + after[0].length }, "")];
    return before ? [cut(text, { start: before.index, end: at.end }, "")] : [];
  });
  const replaced = expressions.flatMap((at) => {
    const inside = expressions.filter((e) =>
      e.start >= at.start && e.end <= at.end && e.end - e.start < at.end - at.start
    );
    const parts = inside.map(({ start, end }) => text.slice(start, end));
    return [...new Set(["0", "1", ...parts])].map((part) => cut(text, at, part));
  });
  const shorter = [...without, ...lists, ...replaced].filter((t) => t.length < text.length);
  return [...new Set(shorter)].sort((a, b) => a.length - b.length);
}

const cut = (text: string, { start, end }: Stretch, by: string) => text.slice(0, start) + by + text.slice(end);
