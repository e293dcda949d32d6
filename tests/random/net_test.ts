// Does a random program go silently wrong? Those of one seed, run in every way there is: nothing may be found, and where they are
// many, they must be worth looking at.
import { assert, assertEquals } from "@std/assert";
import { cases, thorough } from "../thorough.ts";
import { haul } from "./pool.ts";

/** Programs that are written, of which about seven in eight run. */
const programs = cases(6, 1780);
const seed = 20261129;

Deno.test(`${programs} random programs: nothing goes silently wrong`, async () => {
  const { ran, found, constructs, looked } = await haul({
    seed,
    programs,
    jobs: cases(0, navigator.hardwareConcurrency),
  });
  const finds = found.flatMap(({ index, finds }) => finds.map((f) => `${index}: ${f.check}: ${f.detail}`));
  assertEquals(
    finds,
    [],
    `see them smaller with \`deno run -A bench/fuzz.ts --seed ${seed} --only INDEX\``,
  );
  if (!thorough) return;
  assert(ran >= 1500, `${ran} programs ran`);
  const rare = [...constructs].filter(([, n]) => n < ran / 100).map(([name, n]) => `${name}: ${n}`);
  assertEquals(rare, [], `each construct is in one of a hundred of the ${ran} programs that ran`);
  const within = constructs.get("a loop within tasks or a loop")!;
  assert(within >= ran / 3, `${within} programs hold a loop within tasks or a loop`);
  for (const check of ["differences", "inner gradient", "memory", "threads", "goes on", "in pieces"]) {
    const counts = looked.get(check)!;
    const all = [...counts.values()].reduce((sum, n) => sum + n, 0);
    assert(all >= 300, `${check}: looked at ${all} programs`);
    assert(counts.get("held")! >= 0.8 * all, `${check}: decided ${counts.get("held")} of ${all}`);
  }
  // loops of rules that do not come to rest are many
  const rested = looked.get("at rest")!.get("held") ?? 0;
  assert(rested >= 40, `at rest: decided ${rested}`);
});
