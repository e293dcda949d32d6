// Do 20,000 random programs of a fresh seed go silently wrong nowhere? About 40 minutes on two idle cores; `deno task slow`. What is
// found is printed as it comes, and made smaller by `bench/fuzz.ts`.
import { assertEquals } from "@std/assert";
import { haul } from "../random/pool.ts";

const programs = 20_000;
const seed = crypto.getRandomValues(new Uint32Array(1))[0]!;

Deno.test(`${programs} random programs of seed ${seed}: nothing goes silently wrong`, async () => {
  const { found } = await haul({
    seed,
    programs,
    jobs: navigator.hardwareConcurrency,
    watch: ({ index, finds }) => finds.forEach((f) => console.log(`${index}: ${f.check}: ${f.detail.slice(0, 200)}`)),
  });
  const cure = `see them smaller with \`deno run -A bench/fuzz.ts --seed ${seed} --only INDEX\``;
  assertEquals(found.map((caught) => caught.index), [], cure);
});
