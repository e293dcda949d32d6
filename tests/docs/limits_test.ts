// Is docs/limits.md true? Its table is that of `runtime/limits.ts`, number by number.
import { assert, assertEquals } from "@std/assert";
import limitsPage from "../../docs/limits.md" with { type: "text" };
import { limitNames, limits } from "../../runtime/limits.ts";

/** A number as the page writes it. */
function written(n: number): string {
  if (n === Infinity) return "none";
  if (n === 2 ** 31 - 1) return "2^31 - 1";
  return n >= 1e9 && Number.isInteger(Math.log10(n)) ? `10^${Math.log10(n)}` : n.toLocaleString("en");
}

Deno.test("docs/limits.md has each limit, its numbers, and whether it can be raised", () => {
  const rows = [...limitsPage.matchAll(/^\| `(\w+)` +\| (.+?) +\| (.+?) +\| (.+?) +\|$/gm)].map((row) => row.slice(1));
  const expected = limitNames.map((name) => {
    const { unit, usual, untrusted, fixed } = limits[name];
    return [name, written(usual), written(untrusted), fixed === undefined ? unit : `${unit} (fixed: ${fixed})`];
  });
  assertEquals(rows, expected);
});

Deno.test("docs/limits.md says of each limit why it is this number", () => {
  const [, why] = limitsPage.split("## Why these numbers");
  for (const name of limitNames) assert(why!.includes(`\`${name}\``), name);
});

Deno.test("no limit of a stranger's program is higher than the usual one", () => {
  for (const name of limitNames) assert(limits[name].untrusted <= limits[name].usual, name);
});
