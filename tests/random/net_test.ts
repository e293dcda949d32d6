// Does a random program go silently wrong? Those of one seed, run in every way there is: nothing may be found, and where they are
// many, they must be worth looking at.
import { assertEquals } from "@std/assert";
import { cases, thorough } from "../thorough.ts";
import { type Haul, haul } from "./pool.ts";

/** Programs that are written, of which about seven in eight run. */
const programs = cases(6, 1780);
const seed = 20261129;

Deno.test(`${programs} random programs: nothing goes silently wrong`, async () => {
  const caught = await haul({ seed, programs, jobs: cases(0, navigator.hardwareConcurrency) });
  const finds = caught.found.flatMap(({ index, finds }) => finds.map((f) => `${index}: ${f.check}: ${f.detail}`));
  // what is found must not hide that a construct has become rare, nor the other way round: all is said at once
  assertEquals(
    [...finds, ...(thorough ? notWorthLookingAt(caught) : [])],
    [],
    `see finds smaller with \`deno run -A bench/fuzz.ts --seed ${seed} --only INDEX\``,
  );
});

/** Why so many programs would not be worth looking at: constructs that are rare among them, checks that decide little. */
function notWorthLookingAt({ ran, constructs, looked }: Haul): readonly string[] {
  const faults: string[] = [];
  const atLeast = (least: number, n: number, what: string) => {
    if (n < least) faults.push(`${what}: ${n}, at least ${least} are asked for`);
  };
  atLeast(1500, ran, "programs that ran");
  for (const [name, n] of constructs) atLeast(ran / 100, n, name);
  atLeast(ran / 3, constructs.get("a loop within tasks or a loop") ?? 0, "a loop within tasks or a loop");
  for (const check of ["differences", "inner gradient", "memory", "threads", "goes on", "in pieces"]) {
    const counts = looked.get(check) ?? new Map<string, number>();
    const all = [...counts.values()].reduce((sum, n) => sum + n, 0);
    atLeast(300, all, `${check}: programs looked at`);
    atLeast(0.8 * all, counts.get("held") ?? 0, `${check}: decided`);
  }
  // loops of rules that do not come to rest are many
  atLeast(40, looked.get("at rest")?.get("held") ?? 0, "at rest: decided");
  return faults;
}
