// Which name was meant? The hint that goes with an unknown one.
import { nearestName } from "./did_you_mean.ts";

/** "did you mean `x`?", or nothing when no known name is near. */
export function hintFor(name: string, known: Iterable<string>): string | undefined {
  const nearest = nearestName(name, [...known]);
  return nearest === undefined ? undefined : `did you mean \`${nearest}\`?`;
}
