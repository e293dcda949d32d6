// What can a text be? Any code points, also halves of pairs, which no editor writes. (`fc.string` with the unit "binary" makes a table of all
// code points first, which takes most of a second.)
import fc from "fast-check";

/** Texts of so many code points at most. */
export const anyText = (most: number): fc.Arbitrary<string> =>
  fc.array(fc.integer({ min: 0, max: 0x10ffff }), { maxLength: most }).map((codes) => String.fromCodePoint(...codes));
