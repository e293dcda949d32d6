// How does a test say that a place lacks something? In one sentence that names the place: `tests/adding_test.ts` reads it.
import { AssertionError } from "@std/assert";

/** Fails when something is missing from a place. */
export function noneMissing(place: string, missing: readonly string[]): void {
  if (missing.length > 0) throw new AssertionError(`\`${place}\` lacks ${missing.join(", ")}`);
}
