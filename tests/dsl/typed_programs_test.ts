// Random programs that are right: they check without a word, format, run, and their gradients are those of central differences.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { check, compile, format } from "../../mod.ts";
import { derivative } from "../../runtime/verify/differences.ts";
import { cases } from "../thorough.ts";
import { typedProgram } from "./typed_programs.ts";

const firstStep = 1e-3;
const rows = 3;
/** The points that `derivative` asks for. */
const differencePoints: number[] = [];
derivative((i) => (differencePoints.push(i), i), 0, firstStep, rows);

Deno.test("random well-typed programs check, format, run, and their gradients agree with central differences", async () => {
  let clipped = 0;
  await fc.assert(
    fc.asyncProperty(typedProgram, async ({ source, wrt }) => {
      assertEquals(check(source).map((d) => `${d.code} ${d.title}`), []);
      const formatted = format(source);
      assertEquals(format(formatted), formatted);
      const run = await compile(source).run();
      assertEquals((await compile(formatted).run()).value(), run.value());
      let slope = 0;
      for (const { name, directions } of wrt) {
        const group = Object.values(run.gradientGroup(name)).flatMap((each) => Array.from(each.data, Number));
        assertEquals(group.length, directions.length, name);
        group.forEach((g, k) => slope += g * directions[k]!);
      }
      assert(Number.isFinite(slope));
      const values = new Map<number, number>();
      for (const i of differencePoints) values.set(i, (await compile(source, { inputs: { i } }).run()).value());
      const { value, error } = derivative((i) => values.get(i) ?? run.value(), 0, firstStep, rows);
      // a bound of `clip norm` that the norm crosses between the points makes a kink, and the table is unsure there
      if (error > 1e-4 * (1 + Math.abs(value))) clipped++;
      else assert(Math.abs(slope - value) <= 30 * error + 1e-8, `${slope}, by differences ${value} ± ${error}`);
    }),
    { numRuns: cases(2, 40), seed: 20261127 },
  );
  assert(clipped <= cases(1, 4), `${clipped} programs could not be compared`);
});
