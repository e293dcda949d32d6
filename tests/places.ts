// How does a test say that a place lacks something? In one sentence that names the place: `tests/adding_test.ts` reads it.
import { AssertionError } from "@std/assert";

/** Fails when something is missing from a place. */
export function noneMissing(place: string, missing: readonly string[]): void {
  if (missing.length > 0) throw new AssertionError(`\`${place}\` lacks ${missing.join(", ")}`);
}

/** What an error of a run says, without where that stands in the program. Throws Error where it stands nowhere. */
export function withoutPlace({ message }: Error): string {
  const place = / \([^ ()]+:\d+:\d+\)$/.exec(message);
  if (!place) throw new Error(`no place: ${message}`);
  return message.slice(0, place.index);
}
