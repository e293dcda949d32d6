// Which name was meant? The hint that goes with an unknown one: what is written here for a word that other languages use, else the
// nearest of the names that could stand in that place.
import { firstNames, nearestName } from "../text/did_you_mean.ts";
import { habitOf, type Place } from "./habits.ts";

/** "did you mean `x`?", or nothing when no known name is near. */
export function hintFor(name: string, known: Iterable<string>): string | undefined {
  const nearest = nearestName(name, known);
  return nearest === undefined ? undefined : `did you mean \`${nearest}\`?`;
}

/** What is written here for a word of other languages in this place, else the nearest of the names that could stand there.
 *  `callee` is whose argument or part it is, `subject` the text that stands for the `x` of the table. */
export function hintAt(
  place: Place,
  name: string,
  known: Iterable<string>,
  { callee, subject }: { readonly callee?: string | undefined; readonly subject?: string | undefined } = {},
): string | undefined {
  const names = firstNames(known);
  const cure = habitOf(name, place, { known: names, callee });
  if (cure === undefined) return hintFor(name, names);
  return subject === undefined ? cure : cure.replaceAll(/(?<![\w.@])x(?![\w])/g, () => subject);
}
